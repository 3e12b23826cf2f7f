#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Messages between host and GSP in the GPU's device model, without a guest: framing
in both directions, the functions, objects, controls and events of its RM, and the
trouble that can be injected into messages. Boot itself is test_boot.py's.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import channels as ch                                       # noqa: E402
from qtest import equal, options, regs, tap, u16, u32, u64  # noqa: E402
import rm as r                                              # noqa: E402
from rm import Malformed, Rm, record                        # noqa: E402

MIB = 1 << 20
SEGMENT = 32 * MIB
VMMU_SIZE = 0x2080017e          # a control that always works, 8 bytes


def booted(machine, gpu, **how):
    rm = Rm(machine, gpu, objects=False, **how)
    rm.boot.init()
    rm.queue.backlog.clear()
    return rm


def works(rm):
    """The queue, after trouble"""
    params = rm.ask(rm.subdevice, VMMU_SIZE, bytes(8))
    equal(u64(params, 0), SEGMENT)


def raises(call, *args):
    try:
        call(*args)
    except Malformed as error:
        return str(error)
    raise AssertionError('the message is well-formed')


# Boot messages

def test_init_done_comes_after_system_info_and_registry(machine, gpu):
    rm = Rm(machine, gpu, objects=False)
    rm.boot.run()
    rm.queue.send(r.SYSTEM_INFO, rm.boot.system_info())
    equal(rm.queue.next(10), None)
    rm.queue.send(r.REGISTRY, rm.boot.registry())
    equal(rm.queue.next()[0], r.PRINT)
    function, sequence, result, payload = rm.queue.next()
    equal((function, sequence, result, len(payload)), (r.INIT_DONE, 0, 0, 4))


def test_messages_wait_in_the_queue_for_the_boot(machine, gpu):
    rm = Rm(machine, gpu, objects=False)
    for function, payload in ((r.SYSTEM_INFO, rm.boot.system_info()),
                              (r.REGISTRY, rm.boot.registry())):
        rm.queue.put(record(function, payload, rm.queue.seq), doorbell=False)
    rm.boot.run()
    equal(rm.queue.wait(r.INIT_DONE)[2], 0)


def test_interrupt_comes_with_a_message(machine, gpu):
    rm = booted(machine, gpu)
    gpu.wr(regs.NV_PGSP_IRQSCLR, regs.NV_PGSP_IRQ_SWGEN0)
    rm.queue.send(r.STATIC_INFO, bytes(1656))
    equal(gpu.rd(regs.NV_PGSP_IRQSTAT), 0)
    machine.step_us(30)
    equal(gpu.rd(regs.NV_PGSP_IRQSTAT), regs.NV_PGSP_IRQ_SWGEN0)


def failed_init(machine, gpu, what, info=None, registry=None, vgpu=True):
    """The status of a GSP_INIT_DONE that ought to fail"""
    rm = Rm(machine, gpu, vgpu=vgpu, objects=False)
    rm.boot.run()

    def send():
        rm.queue.send(r.SYSTEM_INFO, (info or rm.boot.system_info)())
        rm.queue.send(r.REGISTRY, (registry or rm.boot.registry)())
        return rm.queue.wait(r.INIT_DONE)[2]
    if info:
        base = rm.boot.system_info
        call = info
        info = lambda: call(bytearray(base()))          # noqa: E731
    if registry:
        old = rm.boot.registry
        make = registry
        registry = lambda: make(old)                    # noqa: E731
    status = gpu.mistake(what, send)
    equal(status != 0, True, what)
    result, _ = gpu.mistake('after a failed', rm.queue.call_any, r.STATIC_INFO,
                            bytes(1656))
    equal(result, r.NOT_READY)
    rm.boot.unload()
    return status


def changed(at, fmt, value):
    def change(info):
        struct.pack_into(fmt, info, at, value)
        return bytes(info)
    return change


def system_info_test(what, at, fmt, value):
    def test(machine, gpu):
        failed_init(machine, gpu, what, info=changed(at, fmt, value))
    return test


for _name, _what, _at, _fmt, _value in (
        ('bar0', 'BAR0', 0, '<Q', 0x1000), ('bar1', 'BAR1', 8, '<Q', 0),
        ('bar2', 'BAR2', 16, '<Q', 0),
        ('place_on_the_bus', 'bus, device', 32, '<Q', 0x200),
        ('pci_id', 'PCI id', 88, '<I', 0x10de),
        ('subsystem', 'subsystem', 92, '<I', 1),
        ('revision', 'revision', 96, '<I', 0x77),
        ('number_of_vfs', 'total VFs', 856, '<I', 3),
        ('vf_offset', 'VF offset', 860, '<I', 9),
        ('vf_bar', 'VF BAR 0', 864, '<Q', 0x4000),
        ('vf_bar_width', 'VF BAR 1', 889, '<B', 0),
        ('page_size', 'page size', 920, '<Q', 0)):
    globals()[f'test_system_info_with_a_wrong_{_name}_fails'] = \
        system_info_test(_what, _at, _fmt, _value)


def test_system_info_of_a_wrong_size_fails(machine, gpu):
    equal(failed_init(machine, gpu, 'bytes', info=lambda i: bytes(i[:-8])),
          r.INVALID_PARAMS)


def test_vgpu_without_its_registry_key_fails(machine, gpu):
    failed_init(machine, gpu, 'RMSetSriovMode',
                registry=lambda reg: reg(RMSetSriovMode=0))


def test_registry_key_without_vgpu_fails(machine, gpu):
    failed_init(machine, gpu, 'RMSetSriovMode', vgpu=False,
                registry=lambda reg: reg(RMSetSriovMode=1))


def test_registry_needs_its_other_keys(machine, gpu):
    failed_init(machine, gpu, 'RMDevidCheckIgnore',
                registry=lambda reg: reg(RMDevidCheckIgnore=0))


def test_registry_is_bounded(machine, gpu):
    def wrong(reg):
        table = bytearray(reg())
        struct.pack_into('<I', table, 8, len(table))    # the first name
        return bytes(table)
    failed_init(machine, gpu, 'entry 0', registry=wrong)


def test_registry_counts_its_entries(machine, gpu):
    def wrong(reg):
        table = bytearray(reg())
        struct.pack_into('<I', table, 4, 0x10000001)
        return bytes(table)
    failed_init(machine, gpu, 'entries', registry=wrong)


def test_order_of_boot_messages_is_checked(machine, gpu):
    rm = Rm(machine, gpu, objects=False)
    rm.boot.run()

    def wrong():
        rm.queue.send(r.REGISTRY, rm.boot.registry())
        machine.step_ms(1)
    gpu.mistake('before GSP_SET_SYSTEM_INFO', wrong)
    rm.queue.send(r.SYSTEM_INFO, rm.boot.system_info())
    rm.queue.wait(r.INIT_DONE)
    gpu.mistake('once more', lambda: (
        rm.queue.send(r.SYSTEM_INFO, rm.boot.system_info()),
        machine.step_ms(1)))


def test_functions_before_init_done_are_refused(machine, gpu):
    rm = Rm(machine, gpu, objects=False)
    rm.boot.run()
    result, _ = gpu.mistake('before GSP_INIT_DONE', rm.queue.call_any,
                            r.STATIC_INFO, bytes(1656))
    equal(result, r.NOT_READY)


def test_silent_init_has_no_event(machine, gpu):
    rm = Rm(machine, gpu, objects=False)
    gpu.inject(regs.NVGRACE_INJECT_INIT_SILENT)
    rm.boot.run()
    rm.queue.send(r.SYSTEM_INFO, rm.boot.system_info())
    rm.queue.send(r.REGISTRY, rm.boot.registry())
    equal(rm.queue.next()[0], r.PRINT)
    equal(rm.queue.next(), None)
    equal(gpu.rd(regs.NVGRACE_TROUBLE_ARMED), 0)


# The block of the queues

def wrong_block(machine, gpu, what, change):
    rm = Rm(machine, gpu, objects=False)
    change(machine, rm.queue, rm.boot)

    def run():
        rm.boot.check()
        machine.step_ms(1)
        return rm.boot.cpuctl()
    equal(gpu.mistake(what, run) & regs.NV_PGSP_RISCV_ACTIVE, 0)


def test_page_table_of_the_queues_is_checked(machine, gpu):
    wrong_block(machine, gpu, 'page table says',
                lambda m, q, b: m.wr64(q.base, q.base + 0x1000))


def test_pages_of_the_queues_are_aligned(machine, gpu):
    wrong_block(machine, gpu, 'page 7',
                lambda m, q, b: m.wr64(q.base + 7 * 8, q.base + 0x7100))


def test_header_of_the_command_queue_is_checked(machine, gpu):
    wrong_block(machine, gpu, 'header of the command queue',
                lambda m, q, b: m.wr32(q.cmdq + 12, 64))


def test_read_pointer_starts_at_zero(machine, gpu):
    wrong_block(machine, gpu, 'before it exists',
                lambda m, q, b: m.wr32(q.cmdq + 32, 1))


def test_queues_must_fit_into_the_block(machine, gpu):
    wrong_block(machine, gpu, 'queues at', lambda m, q, b: struct.pack_into(
        '<I', b.rmargs, regs.NV_RMARGS_PTES, 128))


def test_queues_must_not_overlap(machine, gpu):
    wrong_block(machine, gpu, 'queues at', lambda m, q, b: struct.pack_into(
        '<Q', b.rmargs, regs.NV_RMARGS_STATQ, 0x2000))


def test_pages_of_the_queues_lie_anywhere(machine, gpu):
    """The device goes through the page table"""
    rm = Rm(machine, gpu, objects=False)
    at = machine.alloc(4096)
    page = rm.queue.cmdq + 4096 + 2 * 4096      # element 2
    machine.wr64(rm.queue.base + (page - rm.queue.base) // 4096 * 8, at)
    rm.boot.init()
    rm.queue.rpc_sequence += 1
    machine.write(at, record(r.STATIC_INFO, bytes(1656), 2, 77))
    machine.wr32(rm.queue.cmdq + 16, 3)
    gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
    equal(rm.queue.wait(r.STATIC_INFO)[1], 77)


def test_queue_out_of_reach_ends_the_firmware(machine, gpu):
    rm = Rm(machine, gpu, objects=False)
    page = 2 + 5                                # element 5 of the command queue
    machine.wr64(rm.queue.base + page * 8, 0x7f_ffff_f000)
    rm.boot.init()

    def send():
        for _ in range(6):
            rm.queue.send(r.STATIC_INFO, bytes(1656))
        machine.step_ms(1)
    gpu.mistake('cannot be read', send)
    equal(rm.boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)


def test_queue_reaches_memory_only(machine, gpu):
    """Not the GPU's own registers"""
    rm = Rm(machine, gpu, objects=False)
    machine.wr64(rm.queue.base + 4 * 8, gpu.bar[0] + 0xff0000)
    rm.boot.init()

    def send():
        rm.queue.send(r.STATIC_INFO, bytes(1656))
        machine.step_ms(1)
    gpu.mistake('cannot be read', send)
    equal(gpu.rd(regs.NVGRACE_TROUBLE_MAGIC),
          regs.NVGRACE_TROUBLE_MAGIC_VALUE)


def test_end_of_bus_mastering_is_no_mistake(machine, gpu):
    rm = booted(machine, gpu)
    gpu.cfg_wr(4, 2, 2)
    gpu.inject(regs.NVGRACE_INJECT_XID, 13)
    machine.step_ms(1)
    equal(rm.boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)


# Records of the driver that are wrong

def record_test(what, **how):
    def test(machine, gpu):
        rm = Rm(machine, gpu)
        seqs = how.pop('seqs', 1)
        payload = how.pop('payload', bytes(100))

        def send():
            rm.queue.put(record(r.CONTROL, payload,
                                rm.queue.seq + how.pop('seq', 0), **how),
                         seqs=seqs)
            machine.step_ms(1)
        gpu.mistake(what, send)
        equal(rm.queue.next(1), None, 'reply')
        works(rm)
    return test


for _name, _what, _how in (
        ('checksum', 'checksum', {'checksum': 1}),
        ('signature', 'signature', {'signature': 0}),
        ('header_version', 'header version', {'version': 0x02000000}),
        ('result', 'result', {'result': 0}),
        ('gfid', 'gfid', {'gfid': 1}),
        ('padding', 'padding', {'pad': 1}),
        ('length_below_its_header', 'length', {'length': 31}),
        ('length_beyond_its_elements', 'length', {'length': 8192}),
        ('huge_length', 'length', {'length': 0xffffffff}),
        ('length_for_fewer_elements', 'length',
         {'payload': bytes(5000), 'length': 132}),
        ('sequence_number', 'sequence number', {'seq': 5, 'seqs': 6}),
        ('count_of_no_elements', 'elements', {'count': 0}),
        ('count_of_too_many_elements', 'elements', {'count': 17}),
        ('count_beyond_the_write_pointer', 'elements', {'count': 2}),
        ('huge_count', 'elements', {'count': 0xffffffff})):
    globals()[f'test_record_with_a_wrong_{_name}_is_dropped'] = \
        record_test(_what, **_how)


def test_write_pointer_is_checked(machine, gpu):
    rm = Rm(machine, gpu)

    def wrong():
        machine.wr32(rm.queue.cmdq + 16, 63)
        gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
        machine.step_ms(1)
        gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
        machine.step_ms(1)
    before = gpu.expected()
    gpu.mistake('write pointer', wrong)
    equal(gpu.expected(), before + 1)
    works(rm)


def test_read_pointer_is_checked(machine, gpu):
    rm = Rm(machine, gpu)
    right = rm.queue.read_at

    def wrong():
        machine.wr32(rm.queue.cmdq + 32, right + 5)
        rm.queue.send(r.STATIC_INFO, bytes(1656))
        machine.step_ms(5)
    gpu.mistake('read pointer', wrong)
    machine.wr32(rm.queue.cmdq + 32, right)
    rm.queue.wait(r.STATIC_INFO)
    works(rm)


def test_doorbell_without_a_message_is_nothing(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
    machine.step_ms(1)
    works(rm)


def test_message_written_while_gsp_reads_needs_no_doorbell(machine, gpu):
    rm = Rm(machine, gpu)
    rm.queue.put(record(r.STATIC_INFO, bytes(1656), rm.queue.seq, 1))
    rm.queue.put(record(r.STATIC_INFO, bytes(1656), rm.queue.seq, 2),
                 doorbell=False)
    equal([rm.queue.wait(r.STATIC_INFO)[1] for _ in range(2)], [1, 2])


def test_queues_wrap_around(machine, gpu):
    rm = Rm(machine, gpu)
    for _ in range(30):
        rm.ask(rm.subdevice, 0x20801112, bytes(3212))
        rm.ask(rm.subdevice, 0x2080012f, bytes(1464))
        status, _ = rm.control(rm.subdevice, 0x20804003, bytes(9000))
        equal(status, 0)


def test_requests_are_answered_in_order(machine, gpu):
    rm = Rm(machine, gpu)
    sent = [rm.queue.send(r.STATIC_INFO, bytes(1656)) for _ in range(40)]
    came = [rm.queue.wait(r.STATIC_INFO)[1] for _ in range(40)]
    equal(came, sent)


def test_a_request_takes_its_time(machine, gpu):
    rm = Rm(machine, gpu)
    for _ in range(10):
        rm.queue.send(r.STATIC_INFO, bytes(1656))
    machine.step_us(100)
    answered = 0
    while rm.queue.poll():
        answered += 1
    equal(answered, 5)


def test_replies_wait_for_a_host_that_does_not_read(machine, gpu):
    rm = Rm(machine, gpu)
    sent = []
    for _ in range(100):
        while not rm.queue.free():
            break
        if not rm.queue.free():
            break
        sent.append(rm.queue.send(r.STATIC_INFO, bytes(1656)))
        machine.step_us(30)
    machine.step_ms(5)
    equal(len(sent) > 62, True, 'both queues are full')
    equal([rm.queue.wait(r.STATIC_INFO)[1] for _ in sent], sent)


def test_events_wait_and_the_newest_are_lost(machine, gpu):
    rm = booted(machine, gpu)
    for i in range(400):
        gpu.inject(regs.NVGRACE_INJECT_XID, i)
        machine.step_us(10)
    numbers = []
    while True:
        message = rm.queue.next(3)
        if not message:
            break
        equal(message[0], r.XID)
        numbers.append(u32(message[3], 0))
    equal(numbers, list(range(62 + 256)))
    equal('event 0x1006 lost' in rm.boot.log('LOGRM'), True)


# Continuation records

def types(count, first=1):
    """ADD_TYPE's parameters: the one structure that is as long as one likes"""
    data = bytearray(struct.pack('<B3xI', 1, count))
    for i in range(count):
        kind = bytearray(5224)
        struct.pack_into('<I', kind, 0, first + i)
        kind[4:36] = bytes((i + j) % 256 for j in range(32))
        kind[5000:5224] = bytes((i * 7 + j) % 256 for j in range(224))
        data += kind
    return bytes(data)


def test_100_kib_go_there_and_come_back(machine, gpu):
    rm = Rm(machine, gpu)
    params = types(20)
    equal(len(params) > 100 << 10, True)
    equal(rm.ask(rm.subdevice, 0x20804003, params), params)
    works(rm)


def test_more_than_a_queue_holds_goes_there_and_comes_back(machine, gpu):
    rm = Rm(machine, gpu)
    params = types(128)
    equal(-(-len(params) // 4096) > 63, True)
    equal(rm.ask(rm.subdevice, 0x20804003, params), params)
    works(rm)


def test_message_of_exactly_one_full_record_is_whole(machine, gpu):
    rm = Rm(machine, gpu)
    params = types(0) + bytes(r.RECORD - 24 - 8)
    equal(rm.ask(rm.subdevice, 0x20804003, params), params)
    works(rm)


def test_message_one_byte_beyond_a_record_is_two(machine, gpu):
    rm = Rm(machine, gpu)
    params = types(0) + bytes(r.RECORD - 24 - 8 + 1)
    equal(rm.ask(rm.subdevice, 0x20804003, params), params)
    works(rm)


def test_continuation_of_nothing_is_a_mistake(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.mistake('of no message', lambda: (
        rm.queue.put(record(r.MORE, bytes(8), rm.queue.seq)),
        machine.step_ms(1)))
    works(rm)


def first_of_two(rm, size=100 << 10):
    head = struct.pack('<6I', rm.client, rm.subdevice, 0x20804003, 0, size, 0)
    rm.queue.put(record(r.CONTROL, head + bytes(r.RECORD - 24), rm.queue.seq))


def test_another_message_cuts_a_continuation_off(machine, gpu):
    rm = Rm(machine, gpu)

    def cut():
        first_of_two(rm)
        works(rm)
    gpu.mistake('ends after', cut)
    works(rm)


def test_continuation_longer_than_announced_is_a_mistake(machine, gpu):
    rm = Rm(machine, gpu)

    def send():
        first_of_two(rm, r.RECORD)
        rm.queue.put(record(r.MORE, bytes(2000), rm.queue.seq))
        machine.step_ms(1)
    gpu.mistake('announced', send)
    works(rm)


def test_announcement_of_too_much_is_refused(machine, gpu):
    rm = Rm(machine, gpu)

    def send():
        first_of_two(rm, 0xfffffff0)
        return rm.queue.wait(r.CONTROL)
    equal(gpu.mistake('announces', send)[2], r.INVALID_PARAMS)
    works(rm)


# Functions

def test_static_info_tells_the_framebuffer(machine, gpu):
    rm = booted(machine, gpu)
    info = rm.queue.call(r.STATIC_INFO, bytes(1656))
    equal(len(info), 1656)
    fb = rm.boot.fb_size
    equal(u64(info, 1224), fb)
    equal(info[1260:1324].split(b'\0')[0], b'NVIDIA GB100 (model)')
    equal(u32(info, 1200), 8, 'highest gfid')
    regions = [(u64(info, 352 + i * 48), u64(info, 360 + i * 48) + 1,
                u64(info, 368 + i * 48), info[352 + i * 48 + 30])
               for i in range(u32(info, 344))]
    slices = 8 * 128 * MIB
    reserved = regions[1][1]
    equal(regions, [(0, slices, slices, 0), (slices, reserved, 0, 0),
                    (reserved, fb, fb - reserved, 1)])


def test_static_info_without_vgpu_has_no_slices(machine, gpu):
    rm = booted(machine, gpu, vgpu=False)
    info = rm.queue.call(r.STATIC_INFO, bytes(1656))
    equal(u32(info, 344), 2)
    equal((u64(info, 352), u64(info, 368)), (0, 0))
    equal(u32(info, 1200), 0)


def test_internal_objects_take_controls_and_stay(machine, gpu):
    rm = booted(machine, gpu)
    info = rm.queue.call(r.STATIC_INFO, bytes(1656))
    client, device, subdevice = (u32(info, 1600 + i * 4) for i in range(3))
    status, params = rm.control(subdevice, VMMU_SIZE, bytes(8), client=client)
    equal((status, u64(params, 0)), (0, SEGMENT))
    equal(gpu.mistake("firmware's own", rm.free, device, client),
          r.NO_PERMISSION)


def test_bar_pde_is_checked(machine, gpu):
    rm = booted(machine, gpu)
    for bar in range(2):
        rm.queue.call(r.BAR_PDE, struct.pack('<IIQQ', bar, 0, 0, 56))
    for wrong in (struct.pack('<IIQQ', 2, 0, 0, 56),
                  struct.pack('<IIQQ', 0, 0, 0, 47)):
        result, _ = gpu.mistake('UPDATE_BAR_PDE', rm.queue.call_any, r.BAR_PDE,
                                wrong)
        equal(result, r.INVALID_ARGUMENT)
    result, _ = gpu.mistake('UPDATE_BAR_PDE', rm.queue.call_any, r.BAR_PDE,
                            bytes(23))
    equal(result, r.INVALID_PARAMS)


def test_unknown_function_is_not_supported(machine, gpu):
    rm = booted(machine, gpu)
    equal(rm.queue.call_any(204, b'abc'), (r.NOT_SUPPORTED, b'abc'))


def test_short_messages_are_refused(machine, gpu):
    rm = booted(machine, gpu)
    for function, size in ((r.ALLOC, 31), (r.CONTROL, 23), (r.FREE, 15)):
        for length in (0, size):
            result, _ = gpu.mistake(f'function {function} with {length}',
                                    rm.queue.call_any, function, bytes(length))
            equal(result, r.INVALID_PARAMS)


def test_unload_ends_the_firmware(machine, gpu):
    rm = Rm(machine, gpu)
    rm.boot.unload()
    equal(rm.boot.mailbox() >> 31 & 1, 1)


def test_unload_minds_its_level(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.mistake('UNLOADING_GUEST_DRIVER', rm.queue.call, r.UNLOAD,
                struct.pack('<BBxxI', 1, 0, 0))


def test_suspend_and_resume_boot_from_scratch(machine, gpu):
    rm = Rm(machine, gpu)
    rm.queue.call(r.UNLOAD, struct.pack('<BBxxI', 1, 0, 3))
    machine.step_ms(2)
    equal(rm.boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)
    works(Rm(machine, gpu))


def test_objects_do_not_outlive_a_reset(machine, gpu):
    Rm(machine, gpu)
    gpu.flr()
    machine.step_ms(2)
    works(Rm(machine, gpu))


# Objects

def test_handles_are_unique(machine, gpu):
    rm = Rm(machine, gpu)
    equal(gpu.mistake('in use', rm.alloc, rm.device, r.SUBDEVICE, 0x2080,
                      bytes(4)), r.DUPLICATE)
    equal(gpu.mistake('in use', rm.alloc, rm.device, 0, 0x2080, bytes(4)),
          r.DUPLICATE)


def test_parents_have_their_class(machine, gpu):
    rm = Rm(machine, gpu)
    for parent, cls, size in (
            (rm.subdevice, 0x80, 56), (rm.client, 0x2080, 4),
            (rm.subdevice, 0x90f1, 48), (rm.client, 0xa06c, 20),
            (rm.subdevice, 0xc96f, 368), (rm.device, 0xc9b5, 8),
            (rm.device, 0xc661, 0), (rm.device, 0x7e, 24), (77, 0x80, 56)):
        equal(gpu.mistake('below', rm.alloc, parent, 0x1000, cls, bytes(size)),
              r.INVALID_PARENT, f'{cls:#x}')


def test_parameters_have_their_size(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace(0)
    rm.tsg()
    for parent, cls, size in (
            (0, 0, 107), (rm.client, 0x80, 55), (rm.device, 0x2080, 8),
            (rm.device, 0x90f1, 40), (rm.device, 0xa06c, 16),
            (r.TSG, 0xc96f, 360), (rm.subdevice, 0xc661, 4),
            (rm.subdevice, 0x7e, 20)):
        equal(gpu.mistake('bytes of parameters', rm.alloc, parent, 0x1000, cls,
                          bytes(size), 0x1000 if not cls else rm.client),
              r.INVALID_PARAMS, f'{cls:#x}')
    equal(gpu.mistake('in the message', rm.alloc, rm.device, 0x1000, 0x2080,
                      bytes(8), None, 4), r.INVALID_PARAMS)


def test_unknown_class_is_an_answer(machine, gpu):
    rm = Rm(machine, gpu)
    equal(rm.alloc(rm.device, 0x1000, 0x9067, bytes(8)), r.INVALID_CLASS)


def test_clients_are_apart(machine, gpu):
    rm = Rm(machine, gpu)
    other = 0xc1d00001
    equal(rm.alloc(other, other, 0, struct.pack('<II100x12x', other, 0),
                   client=other), 0, 'the longer structure')
    equal(gpu.mistake('below', rm.alloc, rm.device, 0x1000, 0x2080, bytes(4),
                      other), r.INVALID_PARENT)
    equal(rm.alloc(other, rm.device, 0x80, bytes(56), client=other), 0,
          'the same handle in another client')
    equal(gpu.mistake('does not exist', rm.alloc, rm.device, 0x1000, 0x2080,
                      bytes(4), 0x99), r.INVALID_CLIENT)
    equal(gpu.mistake('client', rm.alloc, 0, 0x1000, 0,
                      struct.pack('<II100x', 0x1001, 0), 0x1000),
          r.INVALID_CLIENT)


def test_free_takes_what_is_below(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace(0)
    rm.tsg()
    rm.channel()
    equal(rm.free(rm.client), 0)
    equal(gpu.mistake('does not exist', rm.free, r.CHANNEL), r.NOT_FOUND)
    rm.root()
    rm.vaspace(0)
    rm.tsg()
    rm.channel()                # the channel id is free again


def test_group_before_its_address_space_is_freed_well(machine, gpu):
    rm = Rm(machine, gpu)
    rm.tsg()
    rm.vaspace(0)
    rm.channel()
    equal(rm.free(rm.device), 0)
    equal(rm.free(rm.client), 0)
    rm.root()


def test_address_space_is_not_freed_below_channels(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace(0)
    rm.tsg()
    rm.channel()
    equal(gpu.mistake('below 1 channels', rm.free, r.VASPACE), r.INVALID_STATE)
    equal(rm.free(r.CHANNEL), 0)
    equal(rm.free(r.VASPACE), 0)


def test_address_space_is_externally_owned(machine, gpu):
    rm = Rm(machine, gpu)
    equal(gpu.mistake('externally owned', rm.alloc, rm.device, r.VASPACE,
                      0x90f1, bytes(48)), r.NOT_SUPPORTED)


def test_page_directory_is_checked(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace()

    def set_pd(pdb, flags, vaspace=r.VASPACE):
        return rm.control(rm.device, 0x801813, struct.pack(
            '<QIIIIII', pdb, 2, flags, vaspace, 0, 0, 0))[0]
    for pdb, flags in ((0x1800, 1), (0x1000, 3), (rm.boot.fb_size, 0)):
        equal(gpu.mistake('page directory', set_pd, pdb, flags),
              r.INVALID_ADDRESS)
    equal(gpu.mistake('no address space', set_pd, 0, 1, rm.subdevice),
          r.INVALID_HANDLE)
    for flags in range(3):
        equal(set_pd(0x1000, flags), 0)
    rm.tsg()
    rm.channel()
    equal(gpu.mistake('below 1 channels', set_pd, 0x2000, 1), r.INVALID_STATE)
    equal(rm.free(r.CHANNEL), 0)
    unset = struct.pack('<II', r.VASPACE, 0)
    rm.ask(rm.device, 0x801814, unset)
    equal(gpu.mistake('none is set', rm.control, rm.device, 0x801814,
                      unset)[0], r.INVALID_STATE)
    equal(gpu.mistake('no page directory', rm.alloc, r.TSG, r.CHANNEL, 0xc96f,
                      rm.channel_params()), r.INVALID_STATE)


def test_channel_parameters_are_checked(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace(0)
    rm.tsg()
    for what, at, fmt, value, status in (
            ('channel 2048', 132, '<I', 2048, r.INVALID_CHANNEL),
            ('in a group', 128, '<I', r.COPY0 + 1, r.INVALID_ARGUMENT),
            ('address space', 28, '<I', 0, r.INVALID_HANDLE),
            ('address space', 28, '<I', rm.subdevice, r.INVALID_HANDLE),
            ('GP entries', 16, '<I', 0, r.INVALID_ARGUMENT),
            ('GP entries', 16, '<I', 100, r.INVALID_ARGUMENT),
            ('GP entries', 16, '<I', 0x80000000, r.INVALID_ARGUMENT),
            ('GP entries', 8, '<Q', 0x1004, r.INVALID_ARGUMENT),
            ('instance block', 144, '<Q', 0x40001800, r.INVALID_ADDRESS),
            ('instance block', 152, '<Q', 512, r.INVALID_ADDRESS),
            ('instance block', 160, '<I', 0, r.INVALID_ADDRESS),
            ('USERD', 168, '<Q', 0x40000100, r.INVALID_ADDRESS),
            ('USERD', 176, '<Q', 256, r.INVALID_ADDRESS),
            ('RAMFC', 192, '<Q', 0x40000000, r.INVALID_ADDRESS),
            ('RAMFC', 200, '<Q', 4096, r.INVALID_ADDRESS),
            ('method buffer', 224, '<Q', 0x4000, r.INVALID_ADDRESS),
            ('error notifier', 256, '<Q', 8, r.INVALID_ADDRESS),
            ('error notifier', 248, '<Q', 0x40000008, r.INVALID_ADDRESS)):
        params = rm.channel_params()
        struct.pack_into(fmt, params, at, value)
        equal(gpu.mistake(what, rm.alloc, r.TSG, r.CHANNEL, 0xc96f, params),
              status, what)
    rm.channel()
    equal(gpu.mistake('in use', rm.alloc, r.TSG, r.CHANNEL + 1, 0xc96f,
                      rm.channel_params()), r.IN_USE)
    rm.tsg(ce=1, handle=r.TSG + 1)
    rm.channel(parent=r.TSG + 1, handle=r.CHANNEL + 2, ce=1)
    params = rm.channel_params(chid=2)
    equal(rm.alloc(rm.device, r.CHANNEL + 3, 0xc96f, params), 0,
          'a channel without a group')


def test_channels_mind_their_order(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace(0)
    rm.tsg(ce=3)
    chan = rm.channel(ce=3, chid=17)
    engine = struct.pack('<II', 1, r.COPY0 + 3)
    equal(gpu.mistake('before BIND', rm.schedule), r.INVALID_STATE)
    equal(gpu.mistake('before BIND', rm.control, chan, 0xc36f0108,
                      bytes(4))[0], r.INVALID_STATE)
    equal(gpu.mistake('before BIND', rm.alloc, chan, r.COPY, 0xc9b5, engine),
          r.INVALID_STATE)
    equal(gpu.mistake('BIND', rm.bind, chan, 4), r.INVALID_ARGUMENT)
    equal(rm.bind(chan, 3), 0)
    equal(gpu.mistake('engine type', rm.alloc, chan, r.COPY, 0xc9b5,
                      struct.pack('<II', 1, r.COPY0)), r.INVALID_ARGUMENT)
    equal(rm.alloc(chan, r.COPY, 0xc9b5, engine), 0)
    equal(rm.schedule(), 0)
    equal(u32(rm.ask(chan, 0xc36f0108, bytes(4)), 0), 3 << 16 | 17)
    rm.ask(r.TSG, 0xa06c0105, struct.pack('<BBxxI', 1, 1, 1000))
    equal(gpu.mistake('PREEMPT', rm.control, r.TSG, 0xa06c0105, struct.pack(
        '<BBxxI', 1, 1, 1000001))[0], r.INVALID_ARGUMENT)
    equal(rm.schedule(enable=False), 0)
    equal(rm.free(r.TSG), 0)


def test_stuck_preempt_times_out(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace(0)
    rm.tsg()
    rm.channel()
    rm.bind()
    rm.schedule()
    gpu.inject(regs.NVGRACE_INJECT_PREEMPT_STUCK)
    preempt = struct.pack('<BBxxI', 1, 1, 1000)
    equal(rm.control(r.TSG, 0xa06c0105, preempt)[0], r.TIMEOUT)


def test_usermode_needs_no_parameters(machine, gpu):
    rm = Rm(machine, gpu)
    equal(rm.alloc(rm.subdevice, 0xc6610000, 0xc661), 0)


def test_groups_schedule_and_bind_all_channels(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace(0)
    rm.tsg()
    rm.channel()
    rm.channel(handle=r.CHANNEL + 1, chid=2)
    equal(gpu.mistake('before BIND', rm.control, r.TSG, 0xa06c0101,
                      b'\1\0')[0], r.INVALID_STATE)
    rm.ask(r.TSG, 0xa06c0102, struct.pack('<I', r.COPY0))
    rm.ask(r.TSG, 0xa06c0101, b'\1\0')
    for handle in (r.CHANNEL, r.CHANNEL + 1):
        rm.ask(handle, 0xc36f0108, bytes(4))


# Controls

def test_controls_have_their_object_and_size(machine, gpu):
    rm = Rm(machine, gpu)
    for cmd, size in (
            (0x20800102, 524), (0x2080012f, 1464), (0x2080017e, 8),
            (0x20800301, 20), (0x20800a5c, 2068), (0x20800a61, 8),
            (0x20800a8d, 4), (0x20801112, 3212), (0x20801303, 460),
            (0x20801348, 1040), (0x20802a03, 8), (0x20802a08, 4),
            (0x20802a0a, 136), (0x20804001, 6616), (0x20804002, 4),
            (0x20804008, 4)):
        equal(gpu.mistake('of class 0x80', rm.control, rm.device, cmd,
                          bytes(size))[0], r.INVALID_HANDLE, f'{cmd:#x}')
        equal(gpu.mistake(f'not {size}', rm.control, rm.subdevice, cmd,
                          bytes(size + 1))[0], r.INVALID_PARAMS, f'{cmd:#x}')
    equal(gpu.mistake('does not exist', rm.control, 0x77, VMMU_SIZE,
                      bytes(8))[0], r.INVALID_HANDLE)
    equal(gpu.mistake('in the message', rm.control, rm.subdevice, VMMU_SIZE,
                      bytes(8), None, 16)[0], r.INVALID_PARAMS)


def test_unknown_control_is_an_answer(machine, gpu):
    rm = Rm(machine, gpu)
    equal(rm.control(rm.subdevice, 0x20809999, b'1234'),
          (r.NOT_SUPPORTED, b'1234'))


def test_device_info_comes_in_parts(machine, gpu):
    rm = Rm(machine, gpu)
    rows, base, more = [], 0, True
    while more:
        table = rm.ask(rm.subdevice, 0x20801112,
                       struct.pack('<I', base) + bytes(3208))
        count, more = u32(table, 4), table[8]
        rows += [table[12 + i * 100:112 + i * 100] for i in range(count)]
        base += count
    equal(len(rows), 11)
    equal(u32(rows[0], 48), 0, 'GSP is not host driven')
    for i, row in enumerate(rows[1:]):
        equal([u32(row, at * 4) for at in (2, 3, 4, 8, 9, 10, 11, 12, 14)],
              [9 + i, i, 65 + i, 15 + i, 19, i, 0xa00000 + i * 0x1000, 1,
               0xa80000 + i * 0x2000])
        equal((u32(row, 72), u32(row, 80)), (85 + i, 1))
        equal(row[84:].split(b'\0')[0], b'CE%d' % i)
    equal(gpu.mistake('row 11', rm.control, rm.subdevice, 0x20801112,
                      struct.pack('<I', 11) + bytes(3208))[0],
          r.INVALID_ARGUMENT)


def test_interrupt_table(machine, gpu):
    rm = Rm(machine, gpu)
    table = rm.ask(rm.subdevice, 0x20800a5c, bytes(2068))
    none = 0xffffffff
    rows = {u16(table, 4 + i * 16): (u32(table, 12 + i * 16),
                                     u32(table, 16 + i * 16))
            for i in range(u32(table, 0))}
    want = {15 + i: (32 + i, i) for i in range(10)}
    want.update({50: (155, none), 59: (65, none), 61: (64, none)})
    equal(rows, want)


@options('egm-size=64M')
def test_egm_is_told_and_set(machine, gpu):
    rm = Rm(machine, gpu)
    ask = bytearray(524)
    struct.pack_into('<III', ask, 0, 2, 0x3a, 0)
    struct.pack_into('<I', ask, 12, 0x3b)
    answer = rm.ask(rm.subdevice, 0x20800102, ask)
    equal((u32(answer, 8), u32(answer, 16)), (1 | 7 << 1, 1))
    rm.ask(rm.subdevice, 0x20800a8d, struct.pack('<I', 7))
    equal(gpu.mistake('peer 3', rm.control, rm.subdevice, 0x20800a8d,
                      struct.pack('<I', 3))[0], r.INVALID_ARGUMENT)


def test_no_egm_is_told(machine, gpu):
    rm = Rm(machine, gpu)
    answer = rm.ask(rm.subdevice, 0x20800102,
                    struct.pack('<II', 1, 0x3a) + bytes(516))
    equal(u32(answer, 8), 0)
    equal(rm.control(rm.subdevice, 0x20800a8d, struct.pack('<I', 7))[0],
          r.NOT_SUPPORTED)


def test_framebuffer_and_gpu_info_lists_are_bounded(machine, gpu):
    rm = Rm(machine, gpu)
    indices = (5, 7, 8, 9, 0x16, 0x1e, 0x30)
    ask = bytearray(460)
    struct.pack_into('<I', ask, 0, len(indices))
    for i, index in enumerate(indices):
        struct.pack_into('<I', ask, 4 + i * 8, index)
    answer = rm.ask(rm.subdevice, 0x20801303, ask)
    kib = [u32(answer, 8 + i * 8) for i in range(len(indices))]
    fb = rm.boot.fb_size >> 10
    equal(kib[:3], [fb] * 3)
    equal(kib[3], kib[4])
    equal(kib[5:], [8 * 128 << 10, 0])
    for cmd, size, count in ((0x20801303, 460, 58), (0x20800102, 524, 66),
                             (0x20800102, 524, 0xffffffff)):
        equal(gpu.mistake('a list of', rm.control, rm.subdevice, cmd,
                          struct.pack('<I', count) + bytes(size - 4))[0],
              r.INVALID_ARGUMENT)


def test_copy_engines_tell_what_they_can(machine, gpu):
    rm = Rm(machine, gpu)
    caps = rm.ask(rm.subdevice, 0x20802a0a, bytes(136))
    equal(u64(caps, 128), 0x3ff)
    equal(caps[:22], bytes((0x2c, 0x40)) * 10 + bytes(2))
    one = rm.ask(rm.subdevice, 0x20802a03, struct.pack('<II', r.COPY0 + 9, 0))
    equal(one[4:6], caps[:2])
    equal(gpu.mistake('caps', rm.control, rm.subdevice, 0x20802a03,
                      struct.pack('<II', r.COPY0 + 10, 0))[0],
          r.INVALID_ARGUMENT)
    equal(u32(rm.ask(rm.subdevice, 0x20802a08, bytes(4)), 0), 0x5000)


def test_runlists_have_2048_channels(machine, gpu):
    rm = Rm(machine, gpu)
    equal(u32(rm.ask(rm.subdevice, 0x20800a61, struct.pack('<II', 9, 0)), 4),
          2048)
    for runlist in (10, 0xffffffff):
        equal(gpu.mistake(f'runlist {runlist}', rm.control, rm.subdevice,
                          0x20800a61, struct.pack('<II', runlist, 0))[0],
              r.INVALID_ARGUMENT)


def test_sriov_caps_are_those_of_the_function(machine, gpu):
    rm = Rm(machine, gpu)
    caps = rm.ask(rm.device, 0x800291, bytes(80))
    equal((u32(caps, 0), u32(caps, 4)), (8, gpu.cfg(gpu.sriov() + 0x14, 2)))
    equal([u64(caps, 16 + i * 8) for i in range(3)],
          rm.boot.gpu.place_vf_bars() + [0])
    equal([u64(caps, 40 + i * 8) for i in range(3)],
          [regs.NV_VFN_SIZE, 128 * MIB, 0])
    equal(list(caps[64:68]), [1, 1, 0, 1])


def bootload(gfid, segments, nr=None):
    params = bytearray(6616)
    struct.pack_into('<I', params, 4, gfid)
    struct.pack_into('<I', params, 368, len(segments) if nr is None else nr)
    for i, (start, size) in enumerate(segments):
        struct.pack_into('<Q', params, 376 + i * 8, start)
        struct.pack_into('<Q', params, 3448 + i * 8, size)
    return bytes(params)


def test_vgpu_gets_segments_and_gives_them_back(machine, gpu):
    rm = Rm(machine, gpu)
    gfid = struct.pack('<I', 2)
    rm.ask(rm.subdevice, 0x20804001, bootload(2, [(8 * 128 * MIB, SEGMENT),
                                                  (0, SEGMENT)]))
    equal(gpu.mistake('state', rm.control, rm.subdevice, 0x20804001,
                      bootload(2, [(SEGMENT * 9, SEGMENT)]))[0],
          r.INVALID_STATE)
    rm.ask(rm.subdevice, 0x20804002, gfid)
    equal(gpu.mistake('state', rm.control, rm.subdevice, 0x20804002, gfid)[0],
          r.INVALID_STATE)
    rm.ask(rm.subdevice, 0x20804008, gfid)
    equal(gpu.mistake('state', rm.control, rm.subdevice, 0x20804008, gfid)[0],
          r.INVALID_STATE)
    rm.ask(rm.subdevice, 0x20804001, bootload(2, [(SEGMENT, SEGMENT)]))
    rm.ask(rm.subdevice, 0x20804008, gfid)


def test_vgpu_segments_are_checked(machine, gpu):
    rm = Rm(machine, gpu)
    rm.ask(rm.subdevice, 0x20804001, bootload(1, [(0, 4 * SEGMENT)]))
    fb = rm.boot.fb_size
    for what, gfid, segments, nr in (
            ('gfid 0', 0, [(0, SEGMENT)], None),
            ('gfid 9', 9, [(0, SEGMENT)], None),
            ('gfid 4294967295', 0xffffffff, [(0, SEGMENT)], None),
            ('with 0 segments', 2, [], None),
            ('with 385 segments', 2, [], 385),
            ('VMMU segments', 2, [(MIB, SEGMENT)], None),
            ('VMMU segments', 2, [(0, SEGMENT + 4096)], None),
            ('VMMU segments', 2, [(0, 0)], None),
            ('not in the free', 2, [(fb - SEGMENT, SEGMENT)], None),
            ('not in the free', 2, [(fb, SEGMENT)], None),
            ('not in the free', 2, [(SEGMENT, (1 << 64) - SEGMENT)], None),
            ('there twice', 2, [(8 * SEGMENT, 2 * SEGMENT),
                                (9 * SEGMENT, SEGMENT)], None),
            ('another vGPU', 2, [(3 * SEGMENT, SEGMENT)], None)):
        status, _ = gpu.mistake(what, rm.control, rm.subdevice, 0x20804001,
                                bootload(gfid, segments, nr))
        equal(status in (r.INVALID_ARGUMENT, r.INVALID_ADDRESS), True, what)


def test_vgpus_need_a_boot_with_vgpu(machine, gpu):
    rm = Rm(machine, gpu, vgpu=False)
    equal(rm.control(rm.subdevice, 0x20804001,
                     bootload(1, [(0, SEGMENT)]))[0], r.NOT_SUPPORTED)


def test_vgpu_types_are_bounded(machine, gpu):
    rm = Rm(machine, gpu)
    more = bytearray(types(1, 1000))
    more[0] = 0                         # keep those that are there
    rm.ask(rm.subdevice, 0x20804003, types(128))
    rm.ask(rm.subdevice, 0x20804003, b'\0' + types(1, 128)[1:])
    status, _ = gpu.mistake('more than 128', rm.control, rm.subdevice,
                            0x20804003, more)
    equal(status, 0x1a)
    for data in (b'', bytes(7), struct.pack('<II', 0, 1),
                 struct.pack('<II', 0, 0xffffffff) + bytes(5224),
                 struct.pack('<II', 0, 129) + bytes(5224)):
        equal(gpu.mistake('vGPU types', rm.control, rm.subdevice, 0x20804003,
                          data)[0], r.INVALID_PARAMS)


# Memory errors

def offlined(rm):
    pages, base, more = [], 0, True
    while more:
        ask = bytearray(1040)
        struct.pack_into('<I', ask, 1028, base)
        answer = rm.ask(rm.subdevice, 0x20801348, ask)
        count, more = u32(answer, 1024), answer[1032]
        pages += [u64(answer, i * 16) for i in range(count)]
        base += count
    return pages


def test_ecc_errors_retire_pages_for_good(machine, gpu):
    rm = Rm(machine, gpu)
    equal(offlined(rm), [])
    gpu.inject(regs.NVGRACE_INJECT_ECC, 0x4321)
    gpu.inject(regs.NVGRACE_INJECT_ECC, 0x4321)
    machine.step_ms(1)
    events = rm.queue.events(r.XID)
    equal([(u32(e, 0), u32(e, 8)) for e in events], [(63, 0xffffffff)] * 2)
    equal(b'0x4321' in events[0][12:268], True)
    equal(offlined(rm), [0x4321 * 16])
    status = rm.ask(rm.subdevice, 0x2080012f, bytes(1464))
    equal((u64(status, 8), u64(status, 16)), (2, 2))
    gpu.flr()
    machine.step_ms(2)
    rm = Rm(machine, gpu)
    equal(offlined(rm), [0x4321 * 16])
    status = rm.ask(rm.subdevice, 0x2080012f, bytes(1464))
    equal((u64(status, 8), u64(status, 16)), (0, 2))


def test_retired_pages_come_in_parts_and_are_bounded(machine, gpu):
    rm = Rm(machine, gpu)
    for page in range(600):
        gpu.inject(regs.NVGRACE_INJECT_ECC, page)
        machine.step_us(10)
        rm.queue.events(r.XID)
    equal(offlined(rm), [page * 16 for page in range(512)])
    ask = bytearray(1040)
    struct.pack_into('<I', ask, 1028, 513)
    equal(gpu.mistake('number 513', rm.control, rm.subdevice, 0x20801348,
                      ask)[0], r.INVALID_ARGUMENT)


@options('fb-retired=10:ff')
def test_first_retired_pages_are_a_property(machine, gpu):
    equal(offlined(Rm(machine, gpu)), [0x10 * 16, 0xff * 16])


def test_retired_page_must_be_in_the_framebuffer(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_ECC, 0xffffff)
    machine.step_ms(1)
    equal(rm.queue.events(r.XID), [])
    equal(offlined(rm), [])


# Events

def test_xid_is_told_at_once(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_XID, 79)
    machine.step_us(1)
    event, = rm.queue.events(r.XID)
    equal((len(event), u32(event, 0), event[12:21]), (272, 79, b'injected\0'))


def test_events_are_told_to_objects_that_ask(machine, gpu):
    rm = Rm(machine, gpu)
    index = 112                         # ECC
    ask = struct.pack('<IIB3xIHxx', index, 2, 0, 0, 0)
    equal(gpu.mistake('without an event', rm.control, rm.subdevice, 0x20800301,
                      ask)[0], r.INVALID_STATE)
    equal(rm.alloc(rm.subdevice, 0x7e0001, 0x7e, struct.pack(
        '<IIIIQ', rm.client, 0, 0x7e, index | 0x04000000, 0)), 0)
    gpu.inject(regs.NVGRACE_INJECT_ECC, 5)
    machine.step_ms(1)
    equal(rm.queue.events(r.POST_EVENT), [], 'before it is switched on')
    rm.ask(rm.subdevice, 0x20800301, ask)
    gpu.inject(regs.NVGRACE_INJECT_ECC, 6)
    machine.step_ms(1)
    event, = rm.queue.events(r.POST_EVENT)
    equal(struct.unpack_from('<IIII', event),
          (rm.client, 0x7e0001, index, 6))
    rm.ask(rm.subdevice, 0x20800301, struct.pack('<IIB3xIHxx', index, 1, 0, 0,
                                                 0))
    for page in (7, 8):
        gpu.inject(regs.NVGRACE_INJECT_ECC, page)
        machine.step_ms(1)
    equal(len(rm.queue.events(r.POST_EVENT)), 1, 'once')
    equal(gpu.mistake('action', rm.control, rm.subdevice, 0x20800301,
                      struct.pack('<IIB3xIHxx', index, 3, 0, 0, 0))[0],
          r.INVALID_ARGUMENT)


# Channels that the firmware makes

class FirmwareChannel(ch.Channel):
    """Bound and scheduled, with page tables and a copy engine"""

    def __init__(self, rm, space, ce=0, chid=1, nr=0, engine=True):
        self.rm, self.machine, self.gpu, self.space = rm, rm.machine, rm.gpu, space
        self.runlist, self.chid, self.entries, self.put = ce, chid, 64, 0
        self.gp_va, self.gp = space.ram(self.entries * 8)
        self.pb_va, self.pb = space.ram(65536)
        self.pb_used = 0
        self.sem_va, self.sem = space.ram(4096)
        self.tsg, self.handle = rm.tsg(ce, r.TSG + nr), r.CHANNEL + nr
        rm.channel(self.tsg, self.handle, ce=ce, chid=chid, gpfifo=self.gp_va)
        self.inst, self.userd = rm.memory['inst'], rm.memory['userd']
        self.notifier = rm.memory['notifier']
        equal(rm.bind(self.handle, ce), 0)
        if engine:
            equal(rm.alloc(self.handle, r.COPY + nr, 0xc9b5,
                           struct.pack('<II', 1, r.COPY0 + ce)), 0)
        equal(rm.schedule(self.handle), 0)
        self.token = u32(rm.ask(self.handle, 0xc36f0108, bytes(4)), 0)

    def doorbell(self):
        self.gpu.wr(ch.VFN + regs.NV_VFN_DOORBELL, self.token)

    def died(self, kind):
        """The one event that says so, after looking at the notifier"""
        events = self.rm.queue.events(r.RC)
        equal(len(events), 1, 'RC_TRIGGERED')
        equal((len(events[0]), u32(events[0], 0), u32(events[0], 4),
               u32(events[0], 8), u32(events[0], 16)),
              (48, r.COPY0 + self.runlist, self.chid, 0, kind))
        told = self.machine.read(self.notifier, 16)
        equal((u32(told, 8), u16(told, 12), u16(told, 14)), (kind, 0, 0xffff))
        equal(u64(told, 0) > 0, True, 'time of the notification')
        equal(self.rm.schedule(self.handle), r.INVALID_STATE)
        return events[0]


def firmware_space(rm):
    space = ch.Space(rm.machine)
    rm.vaspace(space.tables.root)
    return space


def test_channel_of_the_firmware_copies(machine, gpu):
    rm = Rm(machine, gpu)
    space = firmware_space(rm)
    channel = FirmwareChannel(rm, space, ce=4, chid=2047)
    src, src_at = space.ram(8192)
    dst, dst_at = space.ram(8192)
    data = bytes(i * 7 % 256 for i in range(8192))
    machine.write(src_at, data)
    channel.run(ch.set_object() + ch.copy(src, dst, 8192) +
                ch.ce_release(channel.sem_va, 0x1234))
    equal(machine.read(dst_at, 8192) == data, True, 'the copy')
    equal(machine.rd32(channel.sem), 0x1234)
    rm.ask(channel.tsg, 0xa06c0105, struct.pack('<BBxxI', 1, 1, 1000))
    equal(rm.free(channel.handle), 0)
    equal(rm.queue.events(r.RC), [])


def test_two_channels_of_one_number_on_two_runlists(machine, gpu):
    rm = Rm(machine, gpu)
    space = firmware_space(rm)
    both = [FirmwareChannel(rm, space, ce=i, nr=i) for i in range(2)]
    for channel in both:
        channel.run(ch.set_object() + ch.ce_release(channel.sem_va, 5))
        equal(machine.rd32(channel.sem), 5)


def test_engine_needs_its_object(machine, gpu):
    rm = Rm(machine, gpu)
    channel = FirmwareChannel(rm, firmware_space(rm), engine=False)
    channel.run(ch.set_object())
    channel.died(32)


def test_wrong_entry_stops_a_channel(machine, gpu):
    rm = Rm(machine, gpu)
    equal(rm.alloc(rm.subdevice, 0x7e0001, 0x7e, struct.pack(
        '<IIIIQ', rm.client, 0, 0x7e, 37, 0)), 0)
    rm.ask(rm.subdevice, 0x20800301, struct.pack('<IIB3xIHxx', 37, 2, 0, 0, 0))
    channel = FirmwareChannel(rm, firmware_space(rm), ce=2)
    channel.entry(0, regs.NV_GP_OPCODE_ILLEGAL)
    channel.tell()
    machine.step_ms(1)
    event, = rm.queue.events(r.POST_EVENT)
    equal((u32(event, 8), u32(event, 12)), (37, 32))
    channel.died(32)


def test_fault_is_told_in_three_ways(machine, gpu):
    """MMU_FAULT_QUEUED, RC_TRIGGERED and the notifier"""
    rm = Rm(machine, gpu)
    channel = FirmwareChannel(rm, firmware_space(rm), ce=9, chid=33)
    buffer = machine.alloc(4096)
    vfn = regs.NV_PF_VFN_BASE
    gpu.wr(vfn + regs.NV_VFN_FAULT_BUFFER_LO(0), buffer |
           regs.NV_VFN_FAULT_BUFFER_PHYSICAL |
           ch.COHERENT << 1)
    gpu.wr(vfn + regs.NV_VFN_FAULT_BUFFER_HI(0), buffer >> 32)
    gpu.wr(vfn + regs.NV_VFN_FAULT_BUFFER_SIZE(0),
           32 | regs.NV_VFN_FAULT_BUFFER_ENABLE)
    va = 0x7700_0000_0000
    channel.run(ch.set_object() + ch.fill(va, 16))
    equal(rm.queue.events(r.FAULT), [b''])
    event = channel.died(31)
    equal((u32(event, 28) | u32(event, 32) << 32, u32(event, 36)), (va, 0))


def test_lost_rc_leaves_the_notifier(machine, gpu):
    rm = Rm(machine, gpu)
    channel = FirmwareChannel(rm, firmware_space(rm), ce=9, chid=33)
    gpu.inject(regs.NVGRACE_INJECT_LOST_RC)
    channel.run(ch.set_object() + ch.fill(0x7700_0000_0000, 16))
    equal(rm.queue.events(r.RC), [])
    equal(u16(machine.read(channel.notifier, 16), 14), 0xffff)
    equal(gpu.rd(regs.NVGRACE_TROUBLE_ARMED), 0)


def test_instance_block_must_be_zero(machine, gpu):
    rm = Rm(machine, gpu)
    rm.vaspace(0)
    rm.tsg()
    params = rm.channel_params()
    machine.wr32(rm.memory['inst'] + 0x210, 1)
    equal(gpu.mistake('channel 1', rm.alloc, r.TSG, r.CHANNEL, 0xc96f, params),
          r.INVALID_ADDRESS)
    machine.wr32(rm.memory['inst'] + 0x210, 0)
    equal(rm.alloc(r.TSG, r.CHANNEL, 0xc96f, params), 0)


def test_channel_memory_in_the_gpus_registers_is_survived(machine, gpu):
    """Even where a write resets the GPU"""
    for at in (gpu.config, gpu.config + 0x1000, gpu.bar[0] + 0x110000,
               gpu.bar[0] + regs.NV_PF_VFN_BASE, gpu.port.config):
        rm = Rm(machine, gpu)
        rm.vaspace(0)
        rm.tsg()
        for field in (144, 168, 248):
            params = rm.channel_params()
            struct.pack_into('<Q', params, field, at)
            if field == 144:
                struct.pack_into('<Q', params, 192, at)
            gpu.expect(True)
            rm.queue.send(r.ALLOC, struct.pack(
                '<8I', rm.client, r.TSG, r.CHANNEL, 0xc96f, 0, 368, 0, 0) +
                bytes(params))
            machine.step_ms(1)
            rm.queue.send(r.FREE, struct.pack('<4I', rm.client, 0, r.CHANNEL,
                                              0))
            machine.step_ms(1)
            gpu.place()
            gpu.expect(False)
        gpu.flr()
        machine.step_ms(2)
    works(Rm(machine, gpu))


# Injected trouble

def test_slow_gsp_answers_late(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_GSP_SLOW, 50)
    for _ in range(2):
        rm.queue.send(r.STATIC_INFO, bytes(1656))
        equal(rm.queue.next(48), None)
        equal(rm.queue.next(5)[0], r.STATIC_INFO)
    gpu.inject(regs.NVGRACE_INJECT_GSP_SLOW, 0)
    works(rm)


def test_silent_rpc_swallows_requests(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_RPC_SILENT, 2)
    sent = [rm.queue.send(r.STATIC_INFO, bytes(1656)) for _ in range(3)]
    equal(rm.queue.next()[1], sent[2])
    equal(rm.queue.next(), None)


def test_late_reply_comes(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_RPC_LATE, 200)
    first = rm.queue.send(r.STATIC_INFO, bytes(1656))
    equal(rm.queue.next(195), None)
    equal(rm.queue.next(10)[1], first)
    works(rm)


def test_unknown_reply_comes_first(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_RPC_UNKNOWN)
    first = rm.queue.send(r.STATIC_INFO, bytes(1656))
    message = rm.queue.next()
    equal((message[0], message[1] != first), (r.CONTROL, True))
    equal(rm.queue.next()[:2], (r.STATIC_INFO, first))
    works(rm)


def malformed_test(kind, what, param=0):
    def test(machine, gpu):
        rm = Rm(machine, gpu)
        gpu.inject(kind, param)
        rm.queue.send(r.STATIC_INFO, bytes(1656))
        error = raises(rm.queue.next)
        equal(what in error, True, error)
        equal(gpu.rd(regs.NVGRACE_TROUBLE_ARMED), 0)
    return test


for _name, _kind, _what, _param in (
        ('checksum', regs.NVGRACE_INJECT_BAD_CHECKSUM, 'checksum', 0),
        ('length', regs.NVGRACE_INJECT_BAD_LENGTH, 'length 0', 0),
        ('long_length', regs.NVGRACE_INJECT_BAD_LENGTH, 'length 1048576',
         0x100000),
        ('count_of_elements', regs.NVGRACE_INJECT_BAD_ELEM_COUNT,
         '0 elements', 0),
        ('large_count_of_elements', regs.NVGRACE_INJECT_BAD_ELEM_COUNT,
         '16 elements', 16),
        ('sequence_number', regs.NVGRACE_INJECT_BAD_SEQ, 'sequence number', 0),
        ('signature', regs.NVGRACE_INJECT_BAD_SIGNATURE, 'signature', 0),
        ('write_pointer', regs.NVGRACE_INJECT_BAD_WRITE_PTR,
         'write pointer 63', 0),
        ('far_write_pointer', regs.NVGRACE_INJECT_BAD_WRITE_PTR,
         'write pointer 16777215', 0xffffff)):
    globals()[f'test_bad_{_name}_is_in_the_next_message'] = \
        malformed_test(_kind, _what, _param)


def test_trouble_is_in_one_message_only(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_BAD_WRITE_PTR)
    rm.queue.send(r.STATIC_INFO, bytes(1656))
    raises(rm.queue.next)
    rm.queue.send(r.STATIC_INFO, bytes(1656))
    machine.step_ms(1)
    for _ in range(2):
        equal(rm.queue.next()[0], r.STATIC_INFO)


def test_truncated_continuation_ends_early(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_TRUNCATED)
    error = raises(rm.control, rm.subdevice, 0x20804003, types(20))
    equal(error, f'{r.RECORD} of {len(types(20)) + 24} bytes')
    works(rm)


def test_truncated_record_is_half(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_TRUNCATED)
    rm.queue.send(r.STATIC_INFO, bytes(1656))
    equal(len(rm.queue.next()[3]), 828)
    works(rm)


def test_crash_is_in_the_middle_of_a_message(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.wr(regs.NV_PGSP_IRQSCLR, regs.NV_PGSP_IRQ_SWGEN0)
    gpu.inject(regs.NVGRACE_INJECT_CRASH_IN_MESSAGE)
    rm.queue.send(r.STATIC_INFO, bytes(1656))
    equal(raises(rm.queue.next), '2 elements, 1 written')
    equal(gpu.rd(regs.NV_PGSP_IRQSTAT) & regs.NV_PGSP_IRQ_SWGEN0,
          regs.NV_PGSP_IRQ_SWGEN0)
    equal(rm.boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)
    gpu.flr()
    machine.step_ms(2)
    works(Rm(machine, gpu))


def test_crash_is_in_the_middle_of_a_long_message(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_CRASH_IN_MESSAGE)
    equal(raises(rm.control, rm.subdevice, 0x20804003, types(10)),
          '13 elements, 6 written')


def test_lost_interrupts_lose_no_message(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.wr(regs.NV_PGSP_IRQSCLR, regs.NV_PGSP_IRQ_SWGEN0)
    gpu.inject(regs.NVGRACE_INJECT_LOST_INTR, 2)
    for lost in (True, True, False):
        rm.queue.send(r.STATIC_INFO, bytes(1656))
        equal(rm.queue.next()[0], r.STATIC_INFO)
        equal(bool(gpu.rd(regs.NV_PGSP_IRQSTAT)), not lost)


# Whatever the host writes

def test_garbage_in_the_queue_is_survived(machine, gpu):
    """A deterministic flood of mutated records"""
    rm = Rm(machine, gpu)
    state = 1

    def rnd(n):
        nonlocal state
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        return (state >> 33) % n
    gpu.expect(True)
    for _ in range(1500):
        function = (r.CONTROL, r.ALLOC, r.FREE, r.MORE, r.BAR_PDE, 0,
                    r.REGISTRY)[rnd(7)]
        payload = bytearray(rnd(200))
        for _ in range(rnd(8)):
            if payload:
                payload[rnd(len(payload))] = rnd(256)
        if function == r.CONTROL and len(payload) >= 24:
            struct.pack_into('<6I', payload, 0, rm.client, rm.subdevice,
                             0x20804003, 0, rnd(1 << 32), 0)
        data = bytearray(record(function, bytes(payload), rm.queue.seq))
        if not rnd(3):
            data[32 + rnd(48)] ^= 1 << rnd(8)
        rm.queue.put(bytes(data))
        if not rnd(4):
            machine.wr32(rm.queue.cmdq + 16, rnd(70))
            gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
            rm.queue.write_at = machine.rd32(rm.queue.cmdq + 16) % 63
        machine.step_us(30)
        machine.wr32(rm.queue.cmdq + 32, machine.rd32(rm.queue.statq + 16))
    gpu.expect(False)
    gpu.flr()
    machine.step_ms(2)
    works(Rm(machine, gpu))


tap(globals())
