#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Runlists, channels, host methods and copy engines, without firmware: runlists
are submitted by the registers, with everything else in memory.
"""
import random
import struct

from channels import (COPY, LOW, VFN, Channel, Space, acquire, ce_release, copy,
                      fill, header, immediate, inc, launch, modes, release,
                      runlist, semaphore, set_object, submit, submit_raw,
                      vector)
from qtest import Function, equal, options, regs, tap
from tables import COHERENT, FB, NONCOHERENT, READ_ONLY, FaultBuffer, egm, pte

MIB, GIB = 1 << 20, 1 << 30
EGM_BASE = 1 << 40
PHYS = regs.NV_CE_LAUNCH_SRC_PHYSICAL | regs.NV_CE_LAUNCH_DST_PHYSICAL
PEER7 = regs.NV_CE_PHYS_MODE_PEER | 7 << 6
RUNLISTS = 10


def bytes_of(seed, size):
    return random.Random(seed).randbytes(size)


def one(machine, gpu, runlist=0, chid=1, **how):
    """A channel that runs, its object set"""
    ch = Channel(machine, gpu, Space(machine), runlist, chid, **how)
    submit(gpu, runlist, [ch])
    ch.run(set_object())
    ch.idle()
    return ch


def stopped(machine, ch, engine, kind=None):
    """The channel is off, its runlist said so; both cleared"""
    bit = regs.NV_CHRAM_ENG_FAULTED if engine else regs.NV_CHRAM_PBDMA_FAULTED
    equal(ch.chram() & (regs.NV_CHRAM_ENG_FAULTED |
                        regs.NV_CHRAM_PBDMA_FAULTED), bit, 'faulted')
    equal(ch.chram() & regs.NV_CHRAM_BUSY, 0)
    intr = regs.NVGRACE_GPU_RUNLIST_PRI(ch.runlist) + regs.NV_RUNLIST_INTR_0
    equal(ch.gpu.rd(intr), kind or regs.NV_RUNLIST_INTR_PBDMA, 'interrupt')
    ch.gpu.wr(intr, LOW)
    equal(ch.gpu.rd(intr), 0)
    equal(vector(ch.gpu, regs.NVGRACE_GPU_VECTOR_CE0_STALL + ch.runlist), True,
          'stall vector')


def again(machine, ch):
    """After an error: as new, and it works"""
    ch.chram(regs.NV_CHRAM_CLEAR_ALL)
    equal(ch.chram(), 0)
    ch.put = 0
    machine.wr32(ch.userd + regs.NV_USERD_GP_PUT, 0)
    for reg in range(0, 512, 4):
        if reg not in (regs.NV_RAMFC_SIGNATURE, regs.NV_RAMFC_GP_BASE_LO,
                       regs.NV_RAMFC_GP_BASE_HI, regs.NV_RAMFC_GP_INFO,
                       regs.NV_RAMFC_CONFIG):
            ch.ramfc(reg, 0)
    ch.enable()
    machine.wr32(ch.sem, 0)
    ch.run(set_object() + release(ch.sem_va, 0x600d))
    equal(machine.rd32(ch.sem), 0x600d, 'after an error')


def bad(machine, ch, *segments, engine=False):
    """They stop the channel"""
    ch.run(*segments)
    stopped(machine, ch, engine)
    again(machine, ch)


def test_registers_say_what_there_is(machine, gpu):
    for i in range(RUNLISTS):
        base = regs.NVGRACE_GPU_RUNLIST_PRI(i)
        config = gpu.rd(base + regs.NV_RUNLIST_CHANNEL_CONFIG)
        equal(config & 0xf, 11)
        equal(config & ~0xf, regs.NVGRACE_GPU_RUNLIST_CHRAM(i))
        equal(gpu.rd(base + regs.NV_RUNLIST_DOORBELL_CONFIG) >> 16, i)
        equal(gpu.rd(base + regs.NV_RUNLIST_VECTORID), 32 + i)
    equal(gpu.rd(VFN + regs.NV_VFN_USERMODE_CFG0) & 0xffff, 0xc661)
    before = gpu.rd(VFN + regs.NV_VFN_USERMODE_TIME_LO)
    machine.step_us(1)
    equal(gpu.rd(VFN + regs.NV_VFN_USERMODE_TIME_LO) - before, 1000)


def test_a_submitted_channel_runs_its_pushbuffer(machine, gpu):
    ch = Channel(machine, gpu, Space(machine), 4, 2047)
    submit(gpu, 4, [ch], enable=False)
    ch.run(release(ch.sem_va, 0x1234))
    equal(machine.rd32(ch.sem), 0, 'not enabled')
    ch.enable()
    machine.step_ms()
    equal(machine.rd32(ch.sem), 0x1234)
    equal(ch.get(), 1)
    ch.idle()
    # GP_PUT without a doorbell is not seen
    ch.segment(release(ch.sem_va, 0x5678))
    machine.wr32(ch.userd + regs.NV_USERD_GP_PUT, ch.put)
    machine.step_ms(5)
    equal(machine.rd32(ch.sem), 0x1234)
    ch.doorbell()
    machine.step_ms()
    equal(machine.rd32(ch.sem), 0x5678)


def test_the_ring_goes_round(machine, gpu):
    ch = Channel(machine, gpu, Space(machine), entries=8)
    submit(gpu, 0, [ch])
    for i in range(30):
        ch.run(release(ch.sem_va, i))
        equal(machine.rd32(ch.sem), i)
        equal(ch.get(), (i + 1) % 8)
    for i in range(7):
        ch.segment(release(ch.sem_va + 16 * i, 100 + i))
    ch.tell()
    machine.step_ms()
    equal([machine.rd32(ch.sem + 16 * i) for i in range(7)],
          [100 + i for i in range(7)])


def test_headers_of_each_kind(machine, gpu):
    ch = one(machine, gpu)
    lo, hi = regs.NV_HOST_SEM_ADDR_LO, regs.NV_HOST_SEM_ADDR_HI
    ch.run(inc(lo, ch.sem_va & LOW, ch.sem_va >> 32, 7, 0,
               regs.NV_HOST_SEM_RELEASE))
    equal(machine.rd32(ch.sem), 7)
    ch.run(immediate(regs.NV_HOST_SEM_PAYLOAD_LO, 0x1fff) +
           immediate(regs.NV_HOST_SEM_EXECUTE, regs.NV_HOST_SEM_RELEASE))
    equal(machine.rd32(ch.sem), 0x1fff)
    # NON_INC: the last word stays
    ch.run([header(regs.NV_PB_OP_NON_INC, regs.NV_HOST_SEM_PAYLOAD_LO, 3),
            1, 2, 3] + immediate(regs.NV_HOST_SEM_EXECUTE, 1))
    equal(machine.rd32(ch.sem), 3)
    # ONE_INC: PAYLOAD_HI gets all but the first
    ch.run([header(regs.NV_PB_OP_ONE_INC, regs.NV_HOST_SEM_PAYLOAD_LO, 3),
            5, 6, 8] + inc(regs.NV_HOST_SEM_EXECUTE, regs.NV_HOST_SEM_RELEASE |
                           regs.NV_HOST_SEM_64BIT))
    equal(machine.rd64(ch.sem), 8 << 32 | 5)
    # END leaves the rest of the segment, 0 is padding, no count no method
    ch.run([0, 0, header(regs.NV_PB_OP_INC, hi, 0)] + release(ch.sem_va, 9) +
           [header(regs.NV_PB_OP_END, 0, 0), 0xffffffff, 0x5a5a5a5a],
           release(ch.sem_va + 4, 10))
    equal(machine.rd64(ch.sem), 10 << 32 | 9)
    ch.idle()


def test_a_pushbuffer_crosses_pages(machine, gpu):
    ch = one(machine, gpu)
    ch.pb_used = 4096 - 8
    words = inc(regs.NV_HOST_NOP, 0) * 2000 + release(ch.sem_va, 3)
    ch.run(words)
    equal(machine.rd32(ch.sem), 3)


def test_gp_entries_of_no_length(machine, gpu):
    space = Space(machine)
    ch = Channel(machine, gpu, space)
    submit(gpu, 0, [ch])
    ch.entry(0, regs.NV_GP_OPCODE_NOP)
    ch.run(release(ch.sem_va, 1))
    equal(machine.rd32(ch.sem), 1)
    # A segment above 40 bits
    far = 0x155 << 40 | 0x12345000
    words = release(ch.sem_va, 2)
    page = machine.put(struct.pack(f'<{len(words)}I', *words))
    space.tables.map(far, pte(COHERENT, page))
    ch.entry((far >> 40) << 8, regs.NV_GP_OPCODE_EXTENDED_BASE)
    ch.entry(far & LOW, far >> 32 & 0xff | len(words) << 10)
    ch.entry(0, regs.NV_GP_OPCODE_EXTENDED_BASE)
    ch.run()
    equal(machine.rd32(ch.sem), 2)
    ch.idle()


def test_bad_entries_and_headers_stop_the_channel(machine, gpu):
    ch = one(machine, gpu, runlist=2)
    for opcode in (regs.NV_GP_OPCODE_ILLEGAL, regs.NV_GP_OPCODE_GP_CRC, 5, 255):
        ch.entry(0, opcode)
        bad(machine, ch)
    for op in (0, 2, 6):
        bad(machine, ch, [header(op, 0x100, 1), 0])
    bad(machine, ch, inc(0x300, 1)[:1])                     # no data
    bad(machine, ch, inc(regs.NV_HOST_YIELD, 0, 0)[:2], release(ch.sem_va, 1))
    equal(machine.rd32(ch.sem), 0x600d)
    machine.wr32(ch.userd + regs.NV_USERD_GP_PUT, 64)
    ch.doorbell()
    machine.step_ms()
    stopped(machine, ch, False)
    again(machine, ch)
    ch.idle()


def test_bad_host_methods_stop_the_channel(machine, gpu):
    ch = one(machine, gpu)
    for addr in (0x4, 0x24, 0x10, 0x54, 0x70, 0x88, 0xfc):
        bad(machine, ch, inc(addr, 0))
    bad(machine, ch, set_object(0xc8b5))
    bad(machine, ch, set_object(0))
    bad(machine, ch, semaphore(ch.sem_va, 0, regs.NV_HOST_SEM_REDUCTION))
    bad(machine, ch, semaphore(ch.sem_va, 0, 7))
    bad(machine, ch, release(ch.sem_va + 4, 0, regs.NV_HOST_SEM_64BIT))
    bad(machine, ch, release(ch.sem_va + 8, 0, regs.NV_HOST_SEM_TIMESTAMP))
    bad(machine, ch, acquire(ch.sem_va + 4, 0, flags=regs.NV_HOST_SEM_64BIT))
    bad(machine, ch, inc(regs.NV_HOST_MEM_OP_D, 0x1f << 27))
    bad(machine, ch, inc(regs.NV_HOST_MEM_OP_C, 1 << 10) +
        inc(regs.NV_HOST_MEM_OP_D, regs.NV_HOST_MEM_OP_TLB_INVALIDATE << 27))
    bad(machine, ch, inc(regs.NV_HOST_CLEAR_FAULTED, 2000))
    bad(machine, ch, inc(0x100, 0, sub=3))          # no object there


def test_bad_engine_methods_stop_the_channel(machine, gpu):
    ch = one(machine, gpu, runlist=9)
    for addr in (0x104, 0x304, 0x6fc, 0x3ffc):
        bad(machine, ch, inc(addr, 0), engine=True)
    for flags in (3, 0x18, 0x60, 1 << 11, 1 << 19, 1 << 23, 1 << 31):
        bad(machine, ch, launch(COPY & ~3 | flags), engine=True)
    bad(machine, ch, ce_release(ch.sem_va + 2, 1), engine=True)
    bad(machine, ch, ce_release(ch.sem_va + 8, 1,
                                regs.NV_CE_LAUNCH_SEM_FOUR_WORDS), engine=True)
    bad(machine, ch, ce_release(ch.sem_va + 4, 1,
                                regs.NV_CE_LAUNCH_SEM_ONE_WORD |
                                regs.NV_CE_LAUNCH_SEM_64BIT), engine=True)
    bad(machine, ch, launch(2 | regs.NV_CE_LAUNCH_MULTI_LINE), engine=True)
    for components in (0, 1, 6, 0x01010404, 0x03034440):
        bad(machine, ch, fill(ch.sem_va, 1, components), engine=True)


def test_host_semaphores(machine, gpu):
    ch = one(machine, gpu)
    wide, stamp = regs.NV_HOST_SEM_64BIT, regs.NV_HOST_SEM_TIMESTAMP
    machine.wr64(ch.sem + 8, 0)
    machine.wr64(ch.sem, LOW << 32)
    ch.run(release(ch.sem_va, 0x99 << 32 | 5))
    equal(machine.rd64(ch.sem), LOW << 32 | 5)
    ch.run(release(ch.sem_va, 0x99 << 32 | 6, wide))
    equal(machine.rd64(ch.sem), 0x99 << 32 | 6)
    equal(machine.rd64(ch.sem + 8), 0)
    ch.run(release(ch.sem_va, 0x99 << 32 | 7, stamp))
    equal(machine.rd64(ch.sem), 7)
    first = machine.rd64(ch.sem + 8)
    ch.run(release(ch.sem_va, 0x99 << 32 | 8, stamp | wide |
                   regs.NV_HOST_SEM_RELEASE_WFI))
    equal(machine.rd64(ch.sem), 0x99 << 32 | 8)
    second = machine.rd64(ch.sem + 8)
    equal(0 < second - first < 2000000, True, 'time stamps')


def test_acquires_wait_until_they_are_met(machine, gpu):
    ch = one(machine, gpu)
    wide = regs.NV_HOST_SEM_64BIT
    cases = (
        (regs.NV_HOST_SEM_ACQUIRE, 0, 5, (4, 6), 5),
        (regs.NV_HOST_SEM_ACQUIRE, wide, 7 << 32 | 5, (5, 7 << 32 | 4),
         7 << 32 | 5),
        (regs.NV_HOST_SEM_ACQ_STRICT_GEQ, 0, 5, (4, 0), LOW),
        (regs.NV_HOST_SEM_ACQ_STRICT_GEQ, wide, 1 << 40, (LOW,), 1 << 41),
        (regs.NV_HOST_SEM_ACQ_CIRC_GEQ, 0, 0xfffffff0, (0xffffffe0,), 3),
        (regs.NV_HOST_SEM_ACQ_CIRC_GEQ, wide, 5, (LOW << 32,), 6),
        (regs.NV_HOST_SEM_ACQ_AND, 0, 6, (0, 1, 8), 4),
        (regs.NV_HOST_SEM_ACQ_AND, wide, 1 << 40, (LOW,), 3 << 40),
        (regs.NV_HOST_SEM_ACQ_NOR, 0, LOW & ~1, (1, LOW), 2),
        (regs.NV_HOST_SEM_ACQ_NOR, wide, (LOW << 32 | LOW) & ~2, (2,), 1),
    )
    for i, (op, flags, payload, not_yet, met) in enumerate(cases):
        machine.wr64(ch.sem, not_yet[0])
        ch.run(acquire(ch.sem_va, payload, op, flags) +
               release(ch.sem_va + 64, i + 1))
        for value in not_yet:
            machine.wr64(ch.sem, value)
            machine.step_ms()
            equal(machine.rd32(ch.sem + 64), i, f'case {i}, {value:#x}')
            equal(ch.chram() & regs.NV_CHRAM_PENDING, regs.NV_CHRAM_PENDING)
        machine.wr64(ch.sem, met)
        machine.step_us(150)
        equal(machine.rd32(ch.sem + 64), i + 1, f'case {i} is met')


def test_who_waits_makes_room(machine, gpu):
    space = Space(machine)
    a, b = (Channel(machine, gpu, space, 0, i) for i in (1, 2))
    submit(gpu, 0, [a, b])
    a.run(set_object() + acquire(a.sem_va, 1) + release(a.sem_va + 16, 2))
    b.run(set_object() + copy(b.sem_va, b.sem_va + 64, 4) +
          release(a.sem_va, 1))
    machine.step_ms()
    equal(machine.rd32(a.sem + 16), 2)
    a.idle()
    # One that is off does not look
    a.run(acquire(a.sem_va, 5) + release(a.sem_va + 16, 6))
    a.disable()
    a.preempt()
    equal(a.ramfc(regs.NV_RAMFC_FETCH_STATE) >> 31, 1)
    machine.wr32(a.sem, 5)
    machine.step_ms()
    equal(machine.rd32(a.sem + 16), 2)
    a.enable()
    machine.step_ms()
    equal(machine.rd32(a.sem + 16), 6)


def test_a_thousand_wait_and_one_works(machine, gpu):
    space = Space(machine)
    ready, ready_at = space.ram(4096)
    words = acquire(ready, 1)
    page = machine.put(struct.pack(f'<{len(words)}I', *words))
    pb = space.map([pte(COHERENT, page)])
    ring = machine.put(struct.pack('<2I', pb & LOW, pb >> 32 |
                                   len(words) << 10))
    ring_va = space.map([pte(COHERENT, ring)])
    worker = Channel(machine, gpu, space, 0, 0)
    inst = bytearray(machine.read(worker.inst, 4096))
    struct.pack_into('<2I', inst, regs.NV_RAMFC_GP_BASE_LO, ring_va & LOW,
                     ring_va >> 32)
    data, userds = runlist([worker]), []
    for chid in range(1, 1001):
        userds.append(machine.alloc(512, 512))
        addr = machine.put(inst)
        data += struct.pack('<8I', 1, 1, chid, 0,
                            COHERENT << 4 | COHERENT << 6 | userds[-1], 0,
                            chid | addr, 0)
        machine.wr32(userds[-1] + regs.NV_USERD_GP_PUT, 1)
    submit_raw(gpu, 0, data)
    for chid in range(1001):
        gpu.wr(regs.NVGRACE_GPU_RUNLIST_CHRAM(0) + chid * 4,
               regs.NV_CHRAM_ENABLE)
        if chid:
            gpu.wr(VFN + regs.NV_VFN_DOORBELL, chid)
    machine.step_ms(2)
    worker.run(set_object() + release(worker.sem_va, 1), ms=3)
    equal(machine.rd32(worker.sem), 1)
    machine.wr32(ready_at, 1)
    machine.step_ms(40)
    equal([gpu.rd(regs.NVGRACE_GPU_RUNLIST_CHRAM(0) + i * 4)
           for i in range(1001)], [regs.NV_CHRAM_ENABLE] * 1001)
    equal({machine.rd32(u + regs.NV_USERD_GP_GET) for u in userds}, {1})


def test_other_host_methods(machine, gpu):
    ch = one(machine, gpu, runlist=3)
    equal(vector(gpu, 3), False)
    ch.run(inc(regs.NV_HOST_NON_STALL_INTERRUPT, 0))
    equal(vector(gpu, 3), True)
    ch.run(inc(regs.NV_HOST_SET_REFERENCE, 0xcafe))
    equal(machine.rd32(ch.userd + regs.NV_USERD_REF), 0xcafe)
    ch.run(inc(regs.NV_HOST_NOP, 1) + inc(regs.NV_HOST_WFI, 1) +
           inc(regs.NV_HOST_YIELD, 0) + immediate(regs.NV_CE_NOP, 0) +
           inc(regs.NV_HOST_MEM_OP_A, 0, 0, 0,
               regs.NV_HOST_MEM_OP_MEMBAR << 27) +
           inc(regs.NV_HOST_MEM_OP_D, regs.NV_HOST_MEM_OP_L2_FLUSH << 27) +
           release(ch.sem_va, 1))
    equal(machine.rd32(ch.sem), 1)
    ch.idle()


def test_a_stale_translation_needs_mem_op(machine, gpu):
    ch = one(machine, gpu)
    t = ch.space.tables
    pages = [machine.alloc(4096) for _ in range(3)]
    va = ch.space.map([pte(COHERENT, pages[0])])
    ch.run(release(va, 1))
    t.map(va, pte(COHERENT, pages[1]))
    ch.run(release(va, 2))
    equal([machine.rd32(p) for p in pages], [2, 0, 0])

    def mem_op(c, d):
        return inc(regs.NV_HOST_MEM_OP_A, 0, 0, c,
                   d | regs.NV_HOST_MEM_OP_TLB_INVALIDATE << 27)
    ch.run(mem_op(0x12345000 | COHERENT << 10, 0) + release(va, 3))
    equal([machine.rd32(p) for p in pages], [3, 0, 0], 'PDB of another')
    ch.run(mem_op(t.root & LOW | COHERENT << 10, t.root >> 32) + release(va, 4))
    equal([machine.rd32(p) for p in pages], [3, 4, 0])
    t.map(va, pte(COHERENT, pages[2]))
    ch.run(mem_op(regs.NV_HOST_MEM_OP_C_ALL_PDB, 0) + release(va, 5))
    equal([machine.rd32(p) for p in pages], [3, 4, 5])


def check_copies(machine, gpu, ch, places):
    """@places: {name: (address for the engine, mode or None, CPU address)}"""
    size = 3 * 4096 + 77
    for i, (source, src) in enumerate(places.items()):
        for j, (to, dst) in enumerate(places.items()):
            off = 4096 * 8 if source == to else 0
            data = bytes_of(i * 16 + j, size)
            machine.write(src[2] + 5, data)
            machine.write(dst[2] + off, bytes(size + 64))
            flags = ((regs.NV_CE_LAUNCH_SRC_PHYSICAL
                      if src[1] is not None else 0) |
                     (regs.NV_CE_LAUNCH_DST_PHYSICAL
                      if dst[1] is not None else 0))
            ch.run(modes(src[1] or 0, dst[1] or 0) +
                   copy(src[0] + 5, dst[0] + off + 3, size, COPY | flags) +
                   ce_release(ch.sem_va, i * 16 + j + 1))
            equal(machine.rd32(ch.sem), i * 16 + j + 1, f'{source} to {to}')
            have = machine.read(dst[2] + off, size + 64)
            equal(have == bytes(3) + data + bytes(61), True,
                  f'{source} to {to}: data')


def places_of(machine, gpu, space):
    ram = [machine.alloc(65536, 65536) for _ in range(4)]
    fb = [GIB, GIB + 65536]
    return {
        'virtual FB': (space.map([pte(FB, fb[0])], 16), None,
                       gpu.bar[2] + fb[0]),
        'virtual coherent': (space.map([pte(COHERENT, ram[0])], 16), None,
                             ram[0]),
        'virtual non-coherent': (space.map([pte(NONCOHERENT, ram[1])], 16),
                                 None, ram[1]),
        'physical FB': (fb[1], regs.NV_CE_PHYS_MODE_LOCAL_FB,
                        gpu.bar[2] + fb[1]),
        'physical coherent': (ram[2], regs.NV_CE_PHYS_MODE_COHERENT_SYSMEM,
                              ram[2]),
        'physical non-coherent':
            (ram[3], regs.NV_CE_PHYS_MODE_NONCOHERENT_SYSMEM, ram[3]),
    }


def test_copies_between_all_memories(machine, gpu):
    ch = one(machine, gpu, runlist=7)
    check_copies(machine, gpu, ch, places_of(machine, gpu, ch.space))


@options('egm-size=64M')
def test_egm_needs_a_firmware_that_was_told(machine, gpu):
    ch = one(machine, gpu)
    va = ch.space.map([egm(0)])
    gpu.mistake('HSHUB_EGM_CONFIG', ch.run, release(va, 1))
    stopped(machine, ch, False)
    again(machine, ch)
    gpu.mistake('HSHUB_EGM_CONFIG', ch.run,
                modes(0, PEER7) + copy(0, 0, 64, COPY | PHYS))
    stopped(machine, ch, True)


def test_lengths_and_offsets(machine, gpu):
    ch = one(machine, gpu)
    src, src_at = ch.space.ram(1 << 18)
    dst, dst_at = ch.space.ram(1 << 18)
    data = bytes_of(1, 1 << 18)
    machine.write(src_at, data)
    for n, size in enumerate((1, 2, 3, 7, 64, 4095, 4096, 4097, 65536, 200001)):
        a, b = (n * 37) % 5000, (n * 101) % 5000
        machine.write(dst_at, bytes(1 << 18))
        ch.run(copy(src + a, dst + b, size) + ce_release(ch.sem_va, n + 1),
               ms=2)
        equal(machine.rd32(ch.sem), n + 1)
        have = machine.read(dst_at, 1 << 18)
        equal(have == bytes(b) + data[a:a + size] +
              bytes((1 << 18) - b - size), True, f'{size} bytes')
    ch.run(copy(src, dst, 0) + ce_release(ch.sem_va, 100))
    equal(machine.rd32(ch.sem), 100, 'nothing to copy')


def test_lines(machine, gpu):
    ch = one(machine, gpu)
    src, src_at = ch.space.ram(65536)
    dst, dst_at = ch.space.ram(65536)
    data = bytes_of(2, 65536)
    machine.write(src_at, data)
    ch.run(inc(regs.NV_CE_PITCH_IN, 1000, 1500) +
           inc(regs.NV_CE_OFFSET_IN_UPPER, src >> 32, src & LOW, dst >> 32,
               dst & LOW) + inc(regs.NV_CE_LINE_LENGTH_IN, 700, 40) +
           launch(COPY | regs.NV_CE_LAUNCH_MULTI_LINE) +
           ce_release(ch.sem_va, 1))
    equal(machine.rd32(ch.sem), 1)
    have = machine.read(dst_at, 65536)
    for i in range(40):
        equal(have[i * 1500:i * 1500 + 1500] ==
              data[i * 1000:i * 1000 + 700] + bytes(800), True, f'line {i}')


def test_fills(machine, gpu):
    ch = one(machine, gpu)
    dst, dst_at = ch.space.ram(65536)
    a, b = 0x44332211, 0x88776655
    cases = (
        (0x00000004, '11'), (0x00000005, '55'), (0x00010004, '1122'),
        (0x00030004, '11223344'), (0x02000454, '115511'),
        (0x01030054, '1122334455667788'), (0x03015454, '1122556611225566'),
        (0x03034444, '11223344' * 4),
    )
    for n, (components, pattern) in enumerate(cases):
        machine.write(dst_at, bytes(65536))
        pattern, count = bytes.fromhex(pattern), 3001
        ch.run(fill(dst + 13, count, components, a, b) +
               ce_release(ch.sem_va, n + 1))
        equal(machine.rd32(ch.sem), n + 1)
        have = machine.read(dst_at, 65536)
        size = count * len(pattern)
        equal(have == bytes(13) + pattern * count + bytes(65536 - 13 - size),
              True, f'components {components:#x}')


def test_the_engines_semaphores_and_interrupts(machine, gpu):
    ch = one(machine, gpu, runlist=6)
    word = regs.NV_CE_LAUNCH_SEM_ONE_WORD
    four = regs.NV_CE_LAUNCH_SEM_FOUR_WORDS
    wide = regs.NV_CE_LAUNCH_SEM_64BIT
    machine.wr64(ch.sem, LOW << 32)
    ch.run(ce_release(ch.sem_va, 1, word, 9))
    equal(machine.rd64(ch.sem), LOW << 32 | 1)
    ch.run(ce_release(ch.sem_va, 2, word | wide, 9))
    equal(machine.rd64(ch.sem), 9 << 32 | 2)
    equal(machine.rd64(ch.sem + 8), 0)
    ch.run(ce_release(ch.sem_va, 3, four, 9))
    equal(machine.rd64(ch.sem), 3)
    stamp = machine.rd64(ch.sem + 8)
    equal(stamp > 0, True)
    ch.run(ce_release(ch.sem_va, 4, four | wide, 9))
    equal(machine.rd64(ch.sem), 9 << 32 | 4)
    equal(machine.rd64(ch.sem + 8) > stamp, True)
    equal((vector(gpu, 6), vector(gpu, 38)), (False, False))
    ch.run(launch(regs.NV_CE_LAUNCH_INTR_NON_BLOCKING))
    equal((vector(gpu, 6), vector(gpu, 38)), (True, False))
    ch.run(ce_release(ch.sem_va, 5, word | regs.NV_CE_LAUNCH_INTR_BLOCKING))
    equal((vector(gpu, 6), vector(gpu, 38)), (False, True))
    equal(machine.rd32(ch.sem), 5)


def test_physical_mode_is_a_privilege(machine, gpu):
    ch = one(machine, gpu, privileged=False)
    ram = machine.alloc(4096)
    for src, dst, flags in (
            (ram, ch.sem_va + 256, regs.NV_CE_LAUNCH_SRC_PHYSICAL),
            (ch.sem_va + 256, ram, regs.NV_CE_LAUNCH_DST_PHYSICAL)):
        machine.wr32(ram, 0x1111)
        machine.wr32(ch.sem + 256, 0x2222)
        bad(machine, ch, modes(1, 1) + copy(src, dst, 4, COPY | flags),
            engine=True)
        equal((machine.rd32(ram), machine.rd32(ch.sem + 256)),
              (0x1111, 0x2222))
    bad(machine, ch, inc(regs.NV_HOST_CLEAR_FAULTED, 1))


def test_faults_go_to_the_buffer(machine, gpu):
    buf = FaultBuffer(machine, gpu, 16)
    ch = one(machine, gpu, runlist=5, chid=77)
    ro = ch.space.map([pte(COHERENT, machine.alloc(4096), READ_ONLY)])
    hole = 0x123456789000
    ce, host = regs.NV_FAULT_ENGINE_CE(5), regs.NV_FAULT_ENGINE_HOST(5)
    read, write = (regs.NV_FAULT_ACCESS_VIRT_READ,
                   regs.NV_FAULT_ACCESS_VIRT_WRITE)
    pread, pwrite = (regs.NV_FAULT_ACCESS_PHYS_READ,
                     regs.NV_FAULT_ACCESS_PHYS_WRITE)
    nowhere = 1 << 50
    sysmem = regs.NV_CE_PHYS_MODE_COHERENT_SYSMEM
    cases = (
        (copy(hole, ch.sem_va, 8), hole, ce, regs.NV_FAULT_TYPE_PDE, read),
        (copy(ch.sem_va, hole, 8), hole, ce, regs.NV_FAULT_TYPE_PDE, write),
        (copy(ch.sem_va, ro, 8), ro, ce, regs.NV_FAULT_TYPE_RO, write),
        (copy(ch.sem_va, ch.space.next, 8), ch.space.next, ce,
         regs.NV_FAULT_TYPE_PTE, write),
        (ce_release(hole, 1), hole, ce, regs.NV_FAULT_TYPE_PDE, write),
        (release(hole, 1), hole, host, regs.NV_FAULT_TYPE_PDE, write),
        (acquire(hole, 1), hole, host, regs.NV_FAULT_TYPE_PDE, read),
        (modes(0, 0) + copy(4 * GIB, 0, 8, COPY | PHYS), 4 * GIB, ce,
         regs.NV_FAULT_TYPE_REGION, pread),
        (modes(0, 0) + copy(0, 5 * GIB, 8, COPY | PHYS), 5 * GIB, ce,
         regs.NV_FAULT_TYPE_REGION, pwrite),
        (modes(sysmem, 0) + copy(nowhere, 0, 8, COPY | PHYS), nowhere, ce,
         regs.NV_FAULT_TYPE_PTE, pread),
        (modes(0, PEER7) + copy(0, 0, 8, COPY | PHYS), 0, ce,
         regs.NV_FAULT_TYPE_APERTURE, pwrite),
    )
    for i, (words, addr, engine, kind, access) in enumerate(cases):
        ch.run(words + release(ch.sem_va, 0xbad))
        equal(buf.put(), i + 1, f'case {i}: PUT')
        equal(buf.entry(i), {
            'inst': ch.inst, 'target': COHERENT, 'addr': addr & ~0xfff,
            'engine': engine, 'type': kind, 'access': access, 'valid': True},
            f'case {i}')
        equal(vector(gpu, regs.NVGRACE_GPU_VECTOR_FAULT), True)
        stopped(machine, ch, engine == ce)
        again(machine, ch)
    ch.entry(hole & LOW, hole >> 32 & 0xff | 4 << 10)
    ch.run()
    equal(buf.entry(len(cases))['engine'], host)
    stopped(machine, ch, False)


def test_a_fault_is_exact(machine, gpu):
    buf = FaultBuffer(machine, gpu, 4)
    ch = one(machine, gpu)
    src, src_at = ch.space.ram(8 * 4096)
    dst, dst_at = ch.space.ram(5 * 4096)
    data = bytes_of(9, 8 * 4096)
    machine.write(src_at, data)
    ch.run(copy(src + 100, dst + 50, 8 * 4096 - 200,
                COPY | regs.NV_CE_LAUNCH_SEM_ONE_WORD))
    equal(buf.entry(0)['addr'], dst + 5 * 4096)
    have = machine.read(dst_at, 5 * 4096)
    equal(have[50:] == data[100:100 + 5 * 4096 - 50], True)
    stopped(machine, ch, True)


def test_a_channel_without_page_tables(machine, gpu):
    buf = FaultBuffer(machine, gpu, 4)
    ch = Channel(machine, gpu, Space(machine))
    ch.ramfc(regs.NV_RAMIN_PDB_LO, 1)
    submit(gpu, 0, [ch])
    ch.run(release(ch.sem_va, 1))
    equal(buf.entry(0)['type'], regs.NV_FAULT_TYPE_UNBOUND_INST)
    stopped(machine, ch, False)


def test_instance_blocks_that_are_not(machine, gpu):
    ch = Channel(machine, gpu, Space(machine))
    ch.ramfc(regs.NV_RAMFC_SIGNATURE, 0)
    submit(gpu, 0, [ch])
    ch.run(release(ch.sem_va, 1))
    stopped(machine, ch, False)
    for reg, val in ((regs.NV_RAMFC_GP_GET, 64),
                     (regs.NV_RAMFC_GP_PUT, 1 << 30)):
        ch.chram(regs.NV_CHRAM_CLEAR_ALL)
        ch.ramfc(regs.NV_RAMFC_SIGNATURE, regs.NV_RAMFC_SIGNATURE_VALUE)
        ch.ramfc(reg, val)
        ch.enable()
        ch.doorbell()
        machine.step_ms()
        stopped(machine, ch, False)
        ch.ramfc(reg, 0)
    buf = FaultBuffer(machine, gpu, 4)
    ch.inst = 1 << 45
    submit(gpu, 0, [ch])
    ch.chram(regs.NV_CHRAM_CLEAR | 0x30)
    ch.doorbell()
    machine.step_ms()
    equal(buf.entry(0)['inst'], ch.inst)
    stopped(machine, ch, False)


def test_channels_take_turns(machine, gpu):
    """Small jobs get through beside a large one's owner"""
    space = Space(machine)
    ram = machine.alloc(8 * MIB, 2 * MIB)
    big = space.map([pte(COHERENT, ram + i * 2 * MIB) for i in range(4)], 21)
    a, b = (Channel(machine, gpu, space, 0, i) for i in (1, 2))
    submit(gpu, 0, [a, b])
    a.run(set_object() + copy(big, big + 4 * MIB, 4 * MIB) +
          copy(big, big + 4 * MIB, 4 * MIB) + release(a.sem_va, 1), ms=0)
    b.run(set_object() + release(b.sem_va, 1), release(b.sem_va, 2), ms=0)
    machine.step_us(200)
    equal(machine.rd32(b.sem), 0, 'a job keeps the engine')
    equal(a.chram() & regs.NV_CHRAM_ON_ENG, regs.NV_CHRAM_ON_ENG)
    equal(b.chram() & regs.NV_CHRAM_NEXT, regs.NV_CHRAM_NEXT)
    machine.step_us(330)
    equal((machine.rd32(a.sem), machine.rd32(b.sem) > 0), (0, True))
    machine.step_ms(2)
    equal((machine.rd32(a.sem), machine.rd32(b.sem)), (1, 2))


def test_a_preempted_job_goes_on_later(machine, gpu):
    space = Space(machine)
    ram = machine.alloc(8 * MIB, 2 * MIB)
    big = space.map([pte(COHERENT, ram + i * 2 * MIB) for i in range(4)], 21)
    a, b = (Channel(machine, gpu, space, 0, i) for i in (1, 2))
    submit(gpu, 0, [a, b])
    data = bytes_of(3, 4 * MIB)
    machine.write(ram, data)
    a.run(set_object() + copy(big, big + 4 * MIB, 4 * MIB) +
          release(a.sem_va, 1), ms=0)
    machine.step_us(150)
    a.disable()
    a.preempt()
    equal(gpu.rd(regs.NVGRACE_GPU_RUNLIST_PRI(0) + regs.NV_RUNLIST_PREEMPT) &
          (regs.NV_RUNLIST_PREEMPT_TSG_PENDING |
           regs.NV_RUNLIST_PREEMPT_RL_PENDING), 0)
    equal(a.chram(), regs.NV_CHRAM_PENDING)
    equal(a.ramfc(regs.NV_RAMFC_GP_GET), 1)
    equal(a.ramfc(regs.NV_RAMFC_FETCH_STATE) > 0, True)
    done = machine.read(ram + 4 * MIB, 4 * MIB)
    b.run(set_object() + copy(big, big, 64) + release(b.sem_va, 1), ms=3)
    equal(machine.rd32(b.sem), 1)
    equal(machine.read(ram + 4 * MIB, 4 * MIB) == done, True, 'it stays off')
    equal(done != data, True)
    a.enable()
    machine.step_ms(3)
    equal(machine.rd32(a.sem), 1)
    equal(machine.read(ram + 4 * MIB, 4 * MIB) == data, True)


def test_preempt_without_disable_and_of_all(machine, gpu):
    ch = one(machine, gpu)
    ram = machine.alloc(4 * MIB, 2 * MIB)
    big = ch.space.map([pte(COHERENT, ram + i * 2 * MIB) for i in range(2)], 21)
    ch.run(copy(big, big + 2 * MIB, 2 * MIB) + release(ch.sem_va, 1), ms=0)
    machine.step_us(90)
    gpu.wr(regs.NVGRACE_GPU_RUNLIST_PRI(0) + regs.NV_RUNLIST_PREEMPT, 0)
    machine.step_ms()
    equal(machine.rd32(ch.sem), 1)
    base = regs.NVGRACE_GPU_RUNLIST_PRI(0)
    gpu.mistake('not there', gpu.wr, base + regs.NV_RUNLIST_PREEMPT,
                1 << 24 | 500)
    gpu.mistake('bad preempt', gpu.wr, base + regs.NV_RUNLIST_PREEMPT, 2 << 24)


def test_sched_disable_keeps_all_off(machine, gpu):
    ch = one(machine, gpu)
    base = regs.NVGRACE_GPU_RUNLIST_PRI(0)
    gpu.wr(base + regs.NV_RUNLIST_SCHED_DISABLE, 1)
    ch.run(release(ch.sem_va, 1), ms=5)
    equal(machine.rd32(ch.sem), 0)
    gpu.wr(base + regs.NV_RUNLIST_SCHED_DISABLE, 0)
    machine.step_ms()
    equal(machine.rd32(ch.sem), 1)


def test_a_new_runlist_replaces_the_old(machine, gpu):
    space = Space(machine)
    a, b, c = (Channel(machine, gpu, space, 0, i) for i in (1, 2, 3))
    ram = machine.alloc(4 * MIB, 2 * MIB)
    big = space.map([pte(COHERENT, ram + i * 2 * MIB) for i in range(2)], 21)
    submit(gpu, 0, [a, b])
    a.run(set_object() + copy(big, big + 2 * MIB, 2 * MIB) +
          release(a.sem_va, 1), ms=0)
    machine.step_us(50)
    submit(gpu, 0, [b, c])
    machine.step_ms(2)
    equal(machine.rd32(a.sem), 0)
    b.run(release(b.sem_va, 1))
    c.run(release(c.sem_va, 1))
    equal((machine.rd32(b.sem), machine.rd32(c.sem)), (1, 1))
    gpu.mistake('no such channel', a.doorbell)
    submit(gpu, 0, [a, b, c])
    machine.step_ms(2)
    equal(machine.rd32(a.sem), 1, 'its job went on')
    # Another instance block is another channel
    other = Channel(machine, gpu, space, 0, 1)
    submit(gpu, 0, [other])
    other.run(release(other.sem_va, 1))
    equal(machine.rd32(other.sem), 1)
    submit_raw(gpu, 0, b'')
    gpu.mistake('no such channel', other.doorbell)


def test_forced_reload_reads_ramfc(machine, gpu):
    ch = one(machine, gpu, entries=8)
    ch.disable()
    ch.preempt()
    equal(ch.ramfc(regs.NV_RAMFC_GP_GET), 1)
    for i in range(3):
        ch.segment(release(ch.sem_va + 16 * i, 1 + i))
    ch.ramfc(regs.NV_RAMFC_GP_GET, 3)
    ch.ramfc(regs.NV_RAMFC_GP_PUT, 3)
    ch.chram(regs.NV_CHRAM_RELOAD)
    equal(ch.chram() & regs.NV_CHRAM_RELOAD, regs.NV_CHRAM_RELOAD)
    ch.enable()
    ch.tell()
    machine.step_ms()
    equal([machine.rd32(ch.sem + 16 * i) for i in range(3)], [0, 0, 3])
    equal(ch.chram(), regs.NV_CHRAM_ENABLE)


def test_64_channels_on_ten_engines(machine, gpu):
    space = Space(machine)
    channels = [Channel(machine, gpu, space, i % RUNLISTS, 10 + i // RUNLISTS)
                for i in range(64)]
    for r in range(RUNLISTS):
        submit(gpu, r, [c for c in channels if c.runlist == r])
    size, buffers = 40000, []
    for i, ch in enumerate(channels):
        src, src_at = space.ram(size)
        dst, dst_at = space.ram(size)
        machine.write(src_at, bytes_of(i, size))
        buffers.append((src_at, dst_at))
        ch.segment(set_object())
        for n in range(8):
            ch.segment(copy(src + n * 5000, dst + n * 5000, 5000) +
                       ce_release(ch.sem_va, n + 1))
        machine.wr32(ch.userd + regs.NV_USERD_GP_PUT, ch.put)
    for ch in channels:
        ch.doorbell()
    machine.step_ms(10)
    for ch, (src_at, dst_at) in zip(channels, buffers):
        equal(machine.rd32(ch.sem), 8)
        equal(machine.read(src_at, size) == machine.read(dst_at, size), True)
        ch.idle()


def test_engines_run_side_by_side(machine, gpu):
    """Ten copies of 2 MiB take the time of one"""
    space = Space(machine)
    ram = machine.alloc(4 * MIB, 2 * MIB)
    big = space.map([pte(COHERENT, ram + i * 2 * MIB) for i in range(2)], 21)
    channels = [Channel(machine, gpu, space, r, 1) for r in range(RUNLISTS)]
    for ch in channels:
        submit(gpu, ch.runlist, [ch])
        ch.run(set_object())
    for ch in channels:
        ch.run(copy(big, big + 2 * MIB, 2 * MIB) + ce_release(ch.sem_va, 1),
               ms=0)
    machine.step_us(100)
    equal([machine.rd32(ch.sem) for ch in channels], [0] * RUNLISTS)
    machine.step_us(250)
    equal([machine.rd32(ch.sem) for ch in channels], [1] * RUNLISTS)


def test_bad_runlists_are_driver_errors(machine, gpu):
    space = Space(machine)
    ch = Channel(machine, gpu, space)
    submit(gpu, 0, [ch])
    entry = ch.runlist_entry()

    def tsg(n, gfid=0):
        return struct.pack('<4I', 1 | gfid << 4, n, 1, 0)
    other = entry[:8] + struct.pack('<I', 2048 | ch.inst & LOW) + entry[12:]
    target = struct.pack('<I', ch.userd | COHERENT << 6 | 1 << 4) + entry[4:]
    cases = (
        (entry, 'outside a TSG'), (tsg(0), 'without channels'),
        (tsg(2) + entry, 'lacks channels'), (tsg(1) + tsg(1), 'lacks channels'),
        (tsg(2) + entry * 2, 'twice'), (tsg(1) + other, 'beyond the last'),
        (tsg(1) + target, 'bad target'), (tsg(1, 1) + entry, 'not there'),
        (tsg(1, 200) + entry, 'not there'), (b'\xff' * 64, 'not there'),
    )
    for data, what in cases:
        gpu.mistake(what, submit_raw, gpu, 0, data)
    gpu.mistake('bad target', submit_raw, gpu, 0, tsg(1) + entry, 1)
    gpu.mistake('too many', submit_raw, gpu, 0, b'', COHERENT, 5000)
    base = regs.NVGRACE_GPU_RUNLIST_PRI(0)
    gpu.wr(base + regs.NV_RUNLIST_SUBMIT_BASE_HI, 0x100000)
    gpu.wr(base + regs.NV_RUNLIST_SUBMIT, 2)
    gpu.mistake('while the last one is pending', gpu.wr,
                base + regs.NV_RUNLIST_SUBMIT, 2)
    gpu.mistake('out of reach', machine.step_ms)
    # None of them changed anything
    ch.run(release(ch.sem_va, 1))
    equal(machine.rd32(ch.sem), 1)
    # The list may start anywhere in its memory
    submit_raw(gpu, 0, tsg(1) + entry, offset=300)
    ch.run(release(ch.sem_va, 2))
    equal(machine.rd32(ch.sem), 2)


def test_bad_registers_are_driver_errors(machine, gpu):
    base = regs.NVGRACE_GPU_RUNLIST_PRI(1)
    gpu.mistake('read-only or unknown', gpu.wr, base + 0x4, 1)
    gpu.mistake('read-only or unknown', gpu.wr, base + 0xffc, 1)
    chram = regs.NVGRACE_GPU_RUNLIST_CHRAM(9) + 2047 * 4
    for val in (regs.NV_CHRAM_BUSY, regs.NV_CHRAM_NEXT | 1, 1 << 31):
        gpu.mistake('nobody writes', gpu.wr, chram, val)
    for token in (1, 10 << 16, 127 << 16 | 1, 1 << 30, 1 << 12, 0xffffffff):
        gpu.mistake('doorbell', gpu.wr, VFN + regs.NV_VFN_DOORBELL, token)
    for val in (1, 63 << 16 | 1, 0xfff):
        gpu.mistake('doorbell', gpu.wr,
                    base + regs.NV_RUNLIST_INTERNAL_DOORBELL, val)
    ch = one(machine, gpu)
    ram = machine.alloc(4 * MIB, 2 * MIB)
    big = ch.space.map([pte(COHERENT, ram + i * 2 * MIB) for i in range(2)], 21)
    ch.run(copy(big, big + 2 * MIB, 2 * MIB), ms=0)
    machine.step_us(50)
    gpu.mistake('no time to reload', ch.chram, regs.NV_CHRAM_RELOAD)


def test_a_hang_is_found_by_preempt(machine, gpu):
    ch = one(machine, gpu, runlist=8)
    gpu.inject(regs.NVGRACE_INJECT_CE_HANG)
    ch.run(copy(ch.sem_va, ch.sem_va + 64, 4) + release(ch.sem_va, 1), ms=5000)
    equal(machine.rd32(ch.sem), 0)
    equal(ch.chram() & regs.NV_CHRAM_ON_ENG, regs.NV_CHRAM_ON_ENG)
    ch.preempt()
    stopped(machine, ch, True, regs.NV_RUNLIST_INTR_CTXSW_TIMEOUT)
    again(machine, ch)
    ch.run(copy(ch.sem_va, ch.sem_va + 64, 4) + release(ch.sem_va, 2))
    equal(machine.rd32(ch.sem), 2, 'it was armed once')


def test_a_hang_ends_when_others_wait(machine, gpu):
    space = Space(machine)
    a, b = (Channel(machine, gpu, space, 0, i) for i in (1, 2))
    submit(gpu, 0, [a, b])
    gpu.inject(regs.NVGRACE_INJECT_CE_HANG)
    a.run(set_object() + ce_release(a.sem_va, 1))
    b.run(release(b.sem_va, 1), ms=700)
    equal(machine.rd32(b.sem), 0)
    machine.step_ms(500)
    equal(machine.rd32(b.sem), 1)
    stopped(machine, a, True, regs.NV_RUNLIST_INTR_CTXSW_TIMEOUT)


def test_a_stuck_preempt(machine, gpu):
    ch = one(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_PREEMPT_STUCK)
    reg = regs.NVGRACE_GPU_RUNLIST_PRI(0) + regs.NV_RUNLIST_PREEMPT
    ch.preempt()
    machine.step_ms(1000)
    equal(bool(gpu.rd(reg) & regs.NV_RUNLIST_PREEMPT_TSG_PENDING), True)
    ch.preempt()
    equal(bool(gpu.rd(reg) & regs.NV_RUNLIST_PREEMPT_TSG_PENDING), False)


def test_clear_faulted(machine, gpu):
    space = Space(machine)
    a, b = (Channel(machine, gpu, space, 0, i) for i in (1, 2))
    submit(gpu, 0, [a, b])
    for engine, words in ((False, inc(0x24, 0)), (True, inc(0x104, 0))):
        a.run(set_object() + words, release(a.sem_va, 5 + engine))
        stopped(machine, a, engine)
        equal(machine.rd32(a.sem) < 5 + engine, True)
        b.run(inc(regs.NV_HOST_CLEAR_FAULTED, 1 | engine << 31))
        machine.step_ms()
        equal(machine.rd32(a.sem), 5 + engine, 'goes on behind the error')


def test_the_register_window_needs_no_channel(machine, gpu):
    ce = VFN + regs.NVGRACE_GPU_CE0
    status, done = (VFN + regs.NVGRACE_GPU_CE0_STATUS,
                    VFN + regs.NVGRACE_GPU_CE0_COMPLETED)
    busy, faulted, dropped = (regs.NVGRACE_GPU_CE0_BUSY,
                              regs.NVGRACE_GPU_CE0_FAULTED,
                              regs.NVGRACE_GPU_CE0_DROPPED)

    def write(words):
        for at, val in zip(words[::2], words[1::2]):
            gpu.wr(ce + at, val)

    def start(src, dst, size, flags=COPY | PHYS):
        write((regs.NV_CE_OFFSET_IN_UPPER, src >> 32,
               regs.NV_CE_OFFSET_IN_LOWER, src & LOW,
               regs.NV_CE_OFFSET_OUT_UPPER, dst >> 32,
               regs.NV_CE_OFFSET_OUT_LOWER, dst & LOW,
               regs.NV_CE_LINE_LENGTH_IN, size, regs.NV_CE_LAUNCH_DMA, flags))
    ram, sem = machine.alloc(MIB), machine.alloc(4096)
    data = bytes_of(8, MIB)
    machine.write(gpu.bar[2] + GIB, data)
    write((regs.NV_CE_SET_DST_PHYS_MODE, 1, regs.NV_CE_SET_SEMAPHORE_A, 0,
           regs.NV_CE_SET_SEMAPHORE_B, sem,
           regs.NV_CE_SET_SEMAPHORE_PAYLOAD, 0x77))
    start(GIB, ram, MIB, COPY | PHYS | regs.NV_CE_LAUNCH_SEM_FOUR_WORDS |
          regs.NV_CE_LAUNCH_INTR_BLOCKING)
    equal(gpu.rd(status), busy)
    start(0, 0, 4)
    equal(gpu.rd(status), busy | dropped)
    equal((machine.rd32(sem), gpu.rd(done)), (0, 0))
    machine.step_ms()
    equal((gpu.rd(status), gpu.rd(done)), (dropped, 1))
    equal(machine.read(ram, MIB) == data, True)
    equal((machine.rd64(sem), machine.rd64(sem + 8) > 0), (0x77, True))
    equal((vector(gpu, 0), vector(gpu, 32)), (True, False))
    # Virtual addresses fault at once, as those of nobody
    for flags, addr in ((regs.NV_CE_LAUNCH_DST_PHYSICAL, 0x1000),
                        (regs.NV_CE_LAUNCH_SRC_PHYSICAL, 0x2000)):
        start(0x1000, 0x2000, 4, COPY | flags)
        equal(gpu.rd(status), faulted)
        equal((gpu.rd(VFN + regs.NV_VFN_FAULT_INFO) &
               regs.NV_VFN_FAULT_INFO_TYPE,
               gpu.rd(VFN + regs.NV_VFN_FAULT_ADDR_LO)),
              (regs.NV_FAULT_TYPE_UNBOUND_INST, addr))
        gpu.wr(VFN + regs.NV_VFN_FAULT_INFO, 1 << 31)
    equal(gpu.rd(done), 3)
    for mode in (regs.NV_CE_PHYS_MODE_NONCOHERENT_SYSMEM, PEER7):
        write((regs.NV_CE_SET_DST_PHYS_MODE, mode))
        start(0, ram, 4)
        equal(gpu.rd(status) & dropped, dropped)
    write((regs.NV_CE_SET_DST_PHYS_MODE, 0))
    start(0, 4 * GIB - 4, 8)
    machine.step_ms()
    equal((gpu.rd(status), gpu.rd(done)), (faulted, 4))
    # A reset in the middle
    write((regs.NV_CE_SET_DST_PHYS_MODE, 1))
    start(GIB, ram, MIB)
    gpu.flr()
    machine.step_ms()
    equal((gpu.rd(status), gpu.rd(done)), (0, 0))


class Vf(Function):
    """VF @index, switched on"""

    def __init__(self, machine, gpu, index, count=4):
        cap = gpu.sriov()
        if not gpu.cfg(cap + 8, 2) & 1:
            gpu.vf_at = gpu.place_vf_bars()
            gpu.cfg_wr(cap + 0x10, count, 2)
            gpu.cfg_wr(cap + 8, 0x9, 2)
        offset, stride = gpu.cfg(cap + 0x14, 2), gpu.cfg(cap + 0x16, 2)
        super().__init__(machine, 1, offset + index * stride)
        self.regs = gpu.vf_at[0] + index * regs.NV_VFN_SIZE
        self.cfg_wr(4, 0x6, 2)

    def rd(self, reg):
        return self.machine.rd32(self.regs + reg)

    def wr(self, reg, val):
        self.machine.wr32(self.regs + reg, val)

    def flr(self):
        exp = self.capability(0x10)
        self.cfg_wr(exp + 8, self.cfg(exp + 8, 2) | 0x8000, 2)


def test_a_vfs_doorbell(machine, gpu):
    """The numbers of its channels are translated, its memory is its own"""
    vf = Vf(machine, gpu, 2)
    space = Space(machine)
    slice_at = 2 * 128 * MIB
    ch = Channel(machine, gpu, space, 1, 0x105, gfid=3)
    va = space.map([pte(FB, 0x3000)])
    submit(gpu, 1, [ch])
    gpu.mistake('no such channel', ch.doorbell)     # not the PF's
    vf.wr(regs.NV_VFN_DOORBELL, 1 << 16 | 5)        # nor, yet, the VF's
    reg = regs.NVGRACE_GPU_RUNLIST_PRI(1) + regs.NV_RUNLIST_VIRTUAL_CHANNEL(3)
    gpu.wr(reg, regs.NV_RUNLIST_VIRTUAL_CHANNEL_ENABLE | 0x100 << 16 | 0xff)
    equal(gpu.rd(reg) & 0xff, 0xff)
    ch.segment(set_object() + release(va, 0x77) +
               inc(regs.NV_HOST_NON_STALL_INTERRUPT, 0) + modes(0, 0) +
               copy(0x3000, 0x4000, 4, COPY | PHYS))
    machine.wr32(ch.userd + regs.NV_USERD_GP_PUT, ch.put)
    vf.wr(regs.NV_VFN_DOORBELL, 1 << 16 | 0xa05)    # masked
    machine.step_ms()
    equal(machine.rd32(gpu.bar[2] + slice_at + 0x3000), 0x77)
    equal(machine.rd32(gpu.bar[2] + slice_at + 0x4000), 0x77)
    equal(vf.rd(regs.NV_VFN_INTR_LEAF(0)), 2, 'its vector')
    equal(vector(gpu, 1), False)
    for token in (0xffffffff, 10 << 16, 1 << 16 | 6, 0):
        vf.wr(regs.NV_VFN_DOORBELL, token)          # guest errors only
    # Outside of its slice, and EGM is not its
    ch.segment(modes(0, 0) + copy(0, 128 * MIB, 4, COPY | PHYS))
    machine.wr32(ch.userd + regs.NV_USERD_GP_PUT, ch.put)
    gpu.wr(regs.NVGRACE_GPU_RUNLIST_PRI(1) + regs.NV_RUNLIST_INTERNAL_DOORBELL,
           3 << 16 | 5)
    machine.step_ms()
    equal(vf.rd(regs.NV_VFN_FAULT_INFO) & regs.NV_VFN_FAULT_INFO_TYPE,
          regs.NV_FAULT_TYPE_REGION)
    stopped(machine, ch, True)


def test_a_vfs_reset_stops_its_channels(machine, gpu):
    vf = Vf(machine, gpu, 0)
    space = Space(machine)
    mine = Channel(machine, gpu, space, 0, 1)
    its = Channel(machine, gpu, space, 0, 2, gfid=1)
    submit(gpu, 0, [mine, its])
    base = regs.NVGRACE_GPU_RUNLIST_PRI(0)
    ring = base + regs.NV_RUNLIST_INTERNAL_DOORBELL
    gpu.wr(base + regs.NV_RUNLIST_VIRTUAL_CHANNEL(1),
           regs.NV_RUNLIST_VIRTUAL_CHANNEL_ENABLE | 0xfff)
    its.segment(acquire(its.sem_va, 1) + release(its.sem_va, 2))
    machine.wr32(its.userd + regs.NV_USERD_GP_PUT, its.put)
    gpu.wr(ring, 1 << 16 | 2)
    machine.step_ms()
    vf.flr()
    machine.wr32(its.sem, 1)
    machine.step_ms()
    equal(its.chram(), 0)
    equal(machine.rd32(its.sem), 1)
    mine.run(release(mine.sem_va, 1))
    equal(machine.rd32(mine.sem), 1)
    # And a VF that is taken away
    its.enable()
    gpu.wr(ring, 1 << 16 | 2)
    cap = gpu.sriov()
    gpu.cfg_wr(cap + 8, 0, 2)
    machine.step_ms()
    equal(its.chram(), 0)
    mine.run(release(mine.sem_va, 2))
    equal(machine.rd32(mine.sem), 2)


def test_a_reset_ends_everything(machine, gpu):
    for reset in (gpu.flr, gpu.bus_reset):
        ch = one(machine, gpu, runlist=1, chid=3)
        ram = machine.alloc(4 * MIB, 2 * MIB)
        big = ch.space.map([pte(COHERENT, ram + i * 2 * MIB)
                            for i in range(2)], 21)
        gpu.wr(regs.NVGRACE_GPU_RUNLIST_PRI(1) +
               regs.NV_RUNLIST_VIRTUAL_CHANNEL(3), 0x80000fff)
        ch.run(copy(big, big + 2 * MIB, 2 * MIB) + release(ch.sem_va, 1), ms=0)
        machine.step_us(60)
        gpu.mistake('channel 3 is on engine 1', reset)
        machine.step_ms(5)
        equal(machine.rd32(ch.sem), 0)
        equal(ch.chram(), 0)
        equal(gpu.rd(regs.NVGRACE_GPU_RUNLIST_PRI(1) +
                     regs.NV_RUNLIST_VIRTUAL_CHANNEL(3)), 0)
        gpu.mistake('no such channel', ch.doorbell)


def test_a_copy_that_resets_its_gpu(machine, gpu):
    """FLR through the ECAM, by the GPU's own DMA, in the middle of a job"""
    exp = gpu.capability(0x10)
    for how in ('copy', 'semaphore', 'release'):
        ch = one(machine, gpu)
        va = ch.space.map([pte(COHERENT, gpu.config)])
        val = gpu.cfg(exp + 8) | 0x8000
        page, page_at = ch.space.ram(4096)
        machine.wr32(page_at, val)
        at = va + exp + 8
        job = {'copy': copy(page, at, 4), 'semaphore': ce_release(at, val),
               'release': release(at, val)}[how] + release(ch.sem_va, 1)

        def run_it(ch=ch, job=job):
            ch.run(job, ms=5)
            gpu.place()
        gpu.mistake('on engine 0', run_it)
        equal(machine.rd32(ch.sem), 0)
        machine.step_ms(2)
        equal(ch.chram(), 0)


def test_a_channel_that_writes_the_gpus_registers(machine, gpu):
    """It preempts, disables, clears and replaces itself"""
    space = Space(machine)
    base, base_pri = gpu.bar[0], regs.NVGRACE_GPU_RUNLIST_PRI(0)
    chram = space.map([pte(COHERENT, base + regs.NVGRACE_GPU_RUNLIST_CHRAM(0))])
    pri = space.map([pte(COHERENT, base + regs.NVGRACE_GPU_RUNLIST_PRI(0))])
    ch = Channel(machine, gpu, space, 0, 1)
    submit(gpu, 0, [ch])
    preempt, disable = regs.NV_RUNLIST_PREEMPT, regs.NV_RUNLIST_SCHED_DISABLE
    cases = (                   # and does the channel go on after it?
        (release, pri + preempt, 1 << 24 | 1, True),
        (release, pri + preempt, 0, True),
        (ce_release, pri + preempt, 1 << 24 | 1, True),
        (release, chram + 4, regs.NV_CHRAM_CLEAR | regs.NV_CHRAM_ENABLE, False),
        (release, pri + disable, 1, True),      # until its turn ends
        (ce_release, pri + regs.NV_RUNLIST_SUBMIT, 0, False),
        (release, chram + 4, regs.NV_CHRAM_CLEAR_ALL, False),
        (ce_release, chram + 4, regs.NV_CHRAM_CLEAR_ALL, False),
    )
    for how, addr, val, goes_on in cases:
        machine.wr32(ch.sem, 0)
        ch.run(set_object() + how(addr, val), release(ch.sem_va, 1), ms=3)
        gpu.wr(base_pri + disable, 0)
        machine.step_ms()
        equal(machine.rd32(ch.sem), int(goes_on), f'{addr:#x} {val:#x}')
        submit(gpu, 0, [ch])
        again(machine, ch)


def garbage(machine, gpu, seed, methods):
    rng = random.Random(seed)
    gpu.expect()
    space = Space(machine)
    ch = Channel(machine, gpu, space, rng.randrange(RUNLISTS), 1)
    submit(gpu, ch.runlist, [ch])
    for _ in range(40):
        ch.run(methods(rng, ch), ms=0)
        machine.step_us(rng.choice((20, 100, 400)))
        if rng.random() < 0.2:
            ch.preempt()
        if ch.chram() & 0x30:
            again(machine, ch)
    ch.chram(regs.NV_CHRAM_CLEAR_ALL)
    machine.step_ms()
    again(machine, ch)
    gpu.expect(False)


def test_garbage_in_pushbuffers(machine, gpu):
    for seed in range(20):
        garbage(machine, gpu, seed, lambda rng, ch: [
            rng.getrandbits(32) for _ in range(rng.randrange(1, 200))])


def test_garbage_in_methods(machine, gpu):
    """Known methods with random data, often near something that is mapped"""
    addrs = [a for n, a in vars(regs).items() if isinstance(a, int) and
             (n.startswith('NV_CE_') or n.startswith('NV_HOST_')) and
             a < 0x800 and a % 4 == 0]

    def methods(rng, ch):
        words = set_object()
        for _ in range(rng.randrange(1, 60)):
            addr = rng.choice(addrs)
            data = rng.choice((rng.getrandbits(32), rng.getrandbits(8),
                               ch.sem_va & LOW, ch.sem_va >> 32, 1,
                               1 << rng.randrange(32)))
            words += inc(addr, data)
        return words
    for seed in range(20):
        garbage(machine, gpu, seed, methods)


def test_garbage_in_instance_blocks(machine, gpu):
    rng = random.Random(5)
    gpu.expect()
    for _ in range(60):
        ch = Channel(machine, gpu, Space(machine))
        for _ in range(rng.randrange(1, 40)):
            ch.ramfc(rng.randrange(0x228 // 4) * 4, rng.getrandbits(32))
        ch.ramfc(regs.NV_RAMFC_SIGNATURE, regs.NV_RAMFC_SIGNATURE_VALUE)
        submit(gpu, 0, [ch])
        ch.run(set_object() + release(ch.sem_va, 1))
        ch.chram(regs.NV_CHRAM_CLEAR_ALL)
    gpu.expect(False)
    one(machine, gpu)


def test_garbage_in_runlists(machine, gpu):
    rng = random.Random(6)
    gpu.expect()
    for i in range(200):
        data = b''.join(struct.pack('<4I', *(
            rng.choice((0, 1, 2, 5, 0xa1, rng.getrandbits(32)))
            for _ in range(4))) for _ in range(rng.randrange(1, 12)))
        submit_raw(gpu, i % RUNLISTS, data, rng.choice((COHERENT, COHERENT, 1)))
        for chid in range(8):
            gpu.wr(regs.NVGRACE_GPU_RUNLIST_CHRAM(i % RUNLISTS) + chid * 4,
                   regs.NV_CHRAM_ENABLE)
            gpu.wr(VFN + regs.NV_VFN_DOORBELL, i % RUNLISTS << 16 | chid)
        machine.step_us(200)
    gpu.expect(False)
    one(machine, gpu)


if __name__ == '__main__':
    tap(globals())
