#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Channels that the firmware makes: what RM writes and what it tells of errors, EGM,
preemption and teardown while they work. (What all channels have in common is in
test_channels.py.)
"""
import random
import struct

import rm as r
from channels import (COPY, LOW, RmChannel, Space, acquire, ce_release, copy,
                      fill, inc, launch, modes, release, set_object, submit,
                      submit_raw, Channel, vector)
from qtest import equal, options, regs, tap, u32
from rm import Rm
from tables import COHERENT, FaultBuffer, egm, pte

MIB = 1 << 20
EGM_BASE = 1 << 40
PHYS = regs.NV_CE_LAUNCH_SRC_PHYSICAL | regs.NV_CE_LAUNCH_DST_PHYSICAL
PEER7 = regs.NV_CE_PHYS_MODE_PEER | 7 << 6


class World:
    """Firmware, an address space, and channels in it"""

    def __init__(self, machine, gpu):
        self.machine, self.gpu, self.nr = machine, gpu, 0
        self.rm = Rm(machine, gpu)
        self.space = Space(machine)
        self.vaspace = self.rm.vaspace(self.space.tables.root)

    def channel(self, ce=0, chid=1, start=True, **how):
        ch = RmChannel(self.machine, self.gpu, self.rm, self.space,
                       self.vaspace, ce, chid, self.nr, **how)
        self.nr += 1
        if start:
            ch.start()
            ch.run(set_object())
        return ch

    def big(self, size):
        """Twice @size bytes that follow each other: (address, where)"""
        at = self.machine.alloc(2 * size, 2 * MIB)
        return self.space.map([pte(COHERENT, at + i) for i in
                               range(0, 2 * size, 2 * MIB)], 21), at

    def rc(self):
        """(engine type, chid, gfid, type, address, fault type) of all"""
        return [(u32(e, 0), u32(e, 4), u32(e, 8), u32(e, 16),
                 u32(e, 32) << 32 | u32(e, 28), u32(e, 36))
                for e in self.rm.queue.events(r.RC)]


def test_rm_writes_the_instance_block(machine, gpu):
    w = World(machine, gpu)
    ch = w.channel(ce=3, chid=17, start=False)
    equal(ch.ramfc(regs.NV_RAMFC_SIGNATURE), regs.NV_RAMFC_SIGNATURE_VALUE)
    equal(ch.ramfc(regs.NV_RAMFC_GP_BASE_HI) << 32 |
          ch.ramfc(regs.NV_RAMFC_GP_BASE_LO), ch.gp_va)
    equal(ch.ramfc(regs.NV_RAMFC_GP_INFO), 6 << 16)
    equal(ch.ramfc(regs.NV_RAMFC_CHID), 17)
    equal(ch.ramfc(regs.NV_RAMFC_USERD_LO), ch.userd | COHERENT)
    equal(ch.ramfc(regs.NV_RAMIN_PDB_LO), w.space.tables.root & LOW | COHERENT)
    equal(bool(ch.ramfc(regs.NV_RAMFC_CONFIG) &
               regs.NV_RAMFC_CONFIG_PRIVILEGED), True)
    equal(ch.chram(), 0)
    ch.start()
    equal(ch.chram(), regs.NV_CHRAM_ENABLE)
    ch.run(set_object() + release(ch.sem_va, 5))
    equal(machine.rd32(ch.sem), 5)
    equal(w.rm.free(ch.group), 0)
    equal(ch.chram(), 0)
    gpu.mistake('no such channel', ch.doorbell)


def test_memory_of_a_channel_has_to_be_zero(machine, gpu):
    w = World(machine, gpu)
    group = w.rm.tsg()
    for name, at in (('USERD', 0x8c), ('instance block', 0),
                     ('instance block', 4092)):
        params = w.rm.channel_params(gpfifo=0x100000)
        where = w.rm.memory['userd' if name == 'USERD' else 'inst']
        machine.wr32(where + at, 1)
        equal(gpu.mistake('channel', w.rm.alloc, group, r.CHANNEL, 0xc96f,
                          params), r.INVALID_ADDRESS)


def test_set_object_needs_the_object(machine, gpu):
    w = World(machine, gpu)
    ch = w.channel()
    ch.run(set_object() + release(ch.sem_va, 1))
    equal(machine.rd32(ch.sem), 1)
    ch.run(set_object(0xc8b5))
    equal(w.rc(), [(r.COPY0, 1, 0, regs.NV_RC_PBDMA, 0, 0)])
    equal(ch.notified(), regs.NV_RC_PBDMA)


@options('egm-size=64M')
def test_copies_from_and_to_egm(machine, gpu):
    w = World(machine, gpu)
    equal(w.rm.control(w.rm.subdevice, 0x20800a8d, struct.pack('<I', 7))[0], 0)
    ch = w.channel(ce=9)
    ram_va, ram = w.space.ram(65536)
    size = 40000
    egm_va = w.space.map([egm(8 * MIB + i * 4096) for i in range(16)])
    far = w.space.map([egm(62 * MIB)], 21)
    places = {
        'virtual EGM': (egm_va, None, EGM_BASE + 8 * MIB),
        'physical EGM': (24 * MIB, PEER7, EGM_BASE + 24 * MIB),
        'end of EGM': (far + 2 * MIB - 65536, None,
                       EGM_BASE + 64 * MIB - 65536),
        'virtual RAM': (ram_va, None, ram),
        'physical FB': (MIB * 256, regs.NV_CE_PHYS_MODE_LOCAL_FB,
                        gpu.bar[2] + MIB * 256),
    }
    n = 0
    for source, src in places.items():
        for to, dst in places.items():
            if source == to:
                continue
            n += 1
            data = random.Random(n).randbytes(size)
            machine.write(src[2] + 7, data)
            machine.write(dst[2], bytes(65536))
            flags = (regs.NV_CE_LAUNCH_SRC_PHYSICAL *
                     (src[1] is not None) |
                     regs.NV_CE_LAUNCH_DST_PHYSICAL * (dst[1] is not None))
            ch.run(modes(src[1] or 0, dst[1] or 0) +
                   copy(src[0] + 7, dst[0] + 1, size, COPY | flags) +
                   ce_release(ch.sem_va, n))
            equal(machine.rd32(ch.sem), n, f'{source} to {to}')
            equal(machine.read(dst[2], 65536) == bytes(1) + data +
                  bytes(65535 - size), True, f'{source} to {to}: data')
    # A scrub, up to the last byte; a semaphore there
    ch.run(modes(0, PEER7) + fill(24 * MIB, 16384, flags=COPY | PHYS))
    equal(machine.read(EGM_BASE + 24 * MIB, 65536) == bytes(65536), True)
    ch.run(release(egm_va, 0x1234))
    equal(machine.rd32(EGM_BASE + 8 * MIB), 0x1234)
    # And not beyond it
    ch.run(modes(0, PEER7) + copy(0, 64 * MIB - 4, 8, COPY | PHYS))
    equal(w.rc(), [(r.COPY0 + 9, 1, 0, regs.NV_RC_MMU_FAULT, 64 * MIB,
                    regs.NV_FAULT_TYPE_REGION)])


def test_errors_are_events(machine, gpu):
    w = World(machine, gpu)
    FaultBuffer(machine, gpu, 16)
    hole = 0x77700000000
    cases = (
        (copy(hole, 0, 4), regs.NV_RC_MMU_FAULT, hole, True),
        (release(hole, 1), regs.NV_RC_MMU_FAULT, hole, False),
        (inc(0x24, 0), regs.NV_RC_PBDMA, 0, False),
        (inc(0x104, 0), regs.NV_RC_CE(6), 0, True),
        (launch(3), regs.NV_RC_CE(6), 0, True),
    )
    for i, (words, kind, addr, engine) in enumerate(cases):
        ch = w.channel(ce=6, chid=100 + i)
        equal(ch.notified(), None)
        ch.run(words + release(ch.sem_va, 1))
        equal(machine.rd32(ch.sem), 0)
        equal(len(w.rm.queue.events(r.FAULT)),
              int(kind == regs.NV_RC_MMU_FAULT), 'queued faults')
        equal(w.rc(), [(r.COPY0 + 6, 100 + i, 0, kind, addr,
                        regs.NV_FAULT_TYPE_PDE)])
        equal(ch.notified(), kind)
        equal(ch.chram() & regs.NV_CHRAM_ENABLE, 0)
        equal(ch.chram() & 0x30, 0x20 if engine else 0x10)
        # It stays off, and leaves
        ch.run(release(ch.sem_va, 2))
        equal(w.rm.schedule(ch.handle), r.INVALID_STATE)
        machine.step_ms()
        equal(machine.rd32(ch.sem), 0)
        equal(w.rc(), [])
        equal(w.rm.free(ch.group), 0)
    ch = w.channel(ce=6, chid=100)
    ch.run(release(ch.sem_va, 3))
    equal(machine.rd32(ch.sem), 3)


def test_a_preempted_job_goes_on_later(machine, gpu):
    w = World(machine, gpu)
    a, b = w.channel(chid=1), w.channel(chid=2)
    big, at = w.big(4 * MIB)
    data = random.Random(4).randbytes(4 * MIB)
    machine.write(at, data)
    a.run(copy(big, big + 4 * MIB, 4 * MIB) + release(a.sem_va, 1), ms=0)
    machine.step_us(100)
    equal(w.rm.schedule(a.handle, False), 0)
    equal(a.preempt(), 0)
    b.run(release(b.sem_va, 1), ms=5)
    equal((machine.rd32(a.sem), machine.rd32(b.sem)), (0, 1))
    equal(a.ramfc(regs.NV_RAMFC_GP_GET), 2)
    equal(w.rm.schedule(a.handle), 0)
    machine.step_ms(5)
    equal(machine.rd32(a.sem), 1)
    equal(machine.read(at + 4 * MIB, 4 * MIB) == data, True)


def test_a_channel_can_be_freed_at_any_time(machine, gpu):
    w = World(machine, gpu)
    big, _ = w.big(4 * MIB)
    other = w.channel(chid=50)
    for i in range(40):
        ch = w.channel(chid=1)
        ch.run(copy(big, big + 4 * MIB, 4 * MIB), acquire(ch.sem_va, 1),
               release(ch.sem_va, 2), ms=0)
        other.run(release(other.sem_va, i), ms=0)
        machine.step_us(i * 11)
        equal(w.rm.free(ch.group), 0)
        machine.step_ms(2)
        equal(machine.rd32(other.sem), i)
        equal(ch.chram(), 0)


def test_a_hang_is_found_by_preempt(machine, gpu):
    w = World(machine, gpu)
    ch = w.channel(ce=4)
    gpu.inject(regs.NVGRACE_INJECT_CE_HANG)
    ch.run(ce_release(ch.sem_va, 1), ms=2000)
    equal(w.rc(), [])
    equal(ch.preempt(), 0)
    equal(w.rc(), [(r.COPY0 + 4, 1, 0, regs.NV_RC_CTXSW_TIMEOUT, 0, 0)])
    equal(ch.notified(), regs.NV_RC_CTXSW_TIMEOUT)
    equal(w.rm.free(ch.group), 0)
    ch = w.channel(ce=4)
    ch.run(ce_release(ch.sem_va, 2))
    equal(machine.rd32(ch.sem), 2)


def test_a_hung_channel_can_be_freed(machine, gpu):
    w = World(machine, gpu)
    ch = w.channel()
    gpu.inject(regs.NVGRACE_INJECT_CE_HANG)
    ch.run(ce_release(ch.sem_va, 1))
    gpu.inject(regs.NVGRACE_INJECT_PREEMPT_STUCK)
    equal(ch.preempt(), r.TIMEOUT)
    equal(w.rm.schedule(ch.handle, False), 0)
    equal(w.rm.free(ch.group), 0)
    ch = w.channel()
    ch.run(ce_release(ch.sem_va, 2))
    equal(machine.rd32(ch.sem), 2)


def test_both_ways_side_by_side(machine, gpu):
    """A submitted list does not touch the firmware's channels, nor name them"""
    w = World(machine, gpu)
    mine = w.channel(chid=1)
    other = Channel(machine, gpu, w.space, 0, 2)
    submit(gpu, 0, [other])
    mine.run(release(mine.sem_va, 1))
    other.run(release(other.sem_va, 1))
    equal((machine.rd32(mine.sem), machine.rd32(other.sem)), (1, 1))
    bad = Channel(machine, gpu, w.space, 0, 1)
    gpu.mistake("firmware's", submit, gpu, 0, [bad])
    equal(gpu.mistake('cannot be', w.rm.alloc, w.rm.tsg(handle=r.TSG + 9),
                      r.CHANNEL + 9, 0xc96f, w.rm.channel_params(chid=2)),
          r.INVALID_ADDRESS)
    submit_raw(gpu, 0, b'')
    mine.run(release(mine.sem_va, 2))
    equal(machine.rd32(mine.sem), 2)


def test_the_first_and_the_last_channel_ids(machine, gpu):
    w = World(machine, gpu)
    channels = [w.channel(chid=chid, start=False, entries=8)
                for chid in (0, 1, 2, 1023, 1024, 2046, 2047)]
    for ch in channels:
        ch.start()
        ch.segment(set_object() + ce_release(ch.sem_va, ch.chid + 1))
        ch.tell()
    machine.step_ms(2)
    equal([machine.rd32(ch.sem) for ch in channels],
          [ch.chid + 1 for ch in channels])


def test_a_reset_in_the_middle(machine, gpu):
    w = World(machine, gpu)
    big, _ = w.big(4 * MIB)
    ch = w.channel()
    ch.run(copy(big, big + 4 * MIB, 4 * MIB) + release(ch.sem_va, 1), ms=0)
    machine.step_us(100)
    gpu.mistake('on engine 0', gpu.flr)
    machine.step_ms(5)
    equal(machine.rd32(ch.sem), 0)
    w = World(machine, gpu)
    ch = w.channel()
    ch.run(release(ch.sem_va, 1))
    equal(machine.rd32(ch.sem), 1)
    equal(vector(gpu, 0), False)


if __name__ == '__main__':
    tap(globals())
