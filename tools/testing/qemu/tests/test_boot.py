#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot of the GPU's firmware: FSP, FMC, GSP; each check of the model once"""
import struct

from boot import (Boot, FRTS_OFFSET, LOG_SIZE, MIB, PAGE, PMU_RESERVED,
                  VERIFIED)
from qtest import equal, options, regs, tap, u32, u64

LOCKDOWN = regs.NV_PGSP_HWCFG2_LOCKDOWN


def wpr2(gpu):
    return tuple(gpu.rd(r) >> 4 << 12 for r in (regs.NV_PFB_WPR2_ADDR_LO,
                                                regs.NV_PFB_WPR2_ADDR_HI))


def test_firmware_passes_each_state_of_the_boot(machine, gpu):
    boot = Boot(machine, gpu)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED, 'power-on')
    equal(wpr2(gpu), (0, 0))
    equal(boot.knob(), 1)
    equal(boot.send_cot(), 0)
    equal(boot.hwcfg2(), regs.NV_PGSP_LOCKED, 'FSP has GSP')
    machine.step_ms(1)
    equal(boot.mailbox(), boot.params_at, 'FMC reads the parameters')
    equal(boot.hwcfg2() & LOCKDOWN, LOCKDOWN)
    machine.step_ms(2)
    equal(boot.mailbox(), 0)
    equal(boot.hwcfg2() & LOCKDOWN, 0, 'lockdown is released')
    equal(boot.cpuctl(), 0)
    equal(machine.rd64(boot.meta_at + regs.NV_WPR_META_VERIFIED), VERIFIED)
    layout = boot.layout()
    equal(wpr2(gpu), (layout[regs.NV_WPR_META_WPR_START],
                      layout[regs.NV_WPR_META_WPR_END]))
    gpu.wr(regs.NV_PGSP_OS, 0x1234)
    machine.step_ms(1)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_ACTIVE)
    equal(gpu.rd(regs.NV_PGSP_OS), 0x1234)
    assert '570.144, 8 VFs' in boot.log('LOGINIT')
    assert 'queues are open' in boot.log('LOGRM')
    equal(boot.log('LOGINTR'), '')


def test_firmware_boots_without_vgpu(machine, gpu):
    gpu.wr(regs.NVGRACE_TROUBLE_VGPU_KNOB, 0)
    boot = Boot(machine, gpu, vgpu=False)
    equal(boot.knob(), 0)
    boot.run()
    assert '0 VFs' in boot.log('LOGINIT')


def test_firmware_boots_with_a_layout_that_the_host_tells(machine, gpu):
    boot = Boot(machine, gpu, told=True)
    boot.run()
    layout = boot.layout()
    start = layout[regs.NV_WPR_META_WPR_START]
    meta = machine.read(gpu.bar[2] + start, regs.NV_WPR_META_SIZE)
    equal(u64(meta, regs.NV_WPR_META_VERIFIED), VERIFIED)
    image = machine.read(gpu.bar[2] + layout[regs.NV_WPR_META_IMAGE],
                         len(boot.fw.image))
    equal(image == bytes(boot.fw.image), True, 'image in WPR2')


def test_layout_made_by_fmc_is_in_wpr2(machine, gpu):
    boot = Boot(machine, gpu)
    boot.run()
    layout = boot.layout()
    start = layout[regs.NV_WPR_META_WPR_START]
    meta = machine.read(gpu.bar[2] + start, regs.NV_WPR_META_SIZE)
    for at, value in layout.items():
        equal(u64(meta, at), value, f'field at {at}')


@options('vfs=0,fb-size=512M')
def test_firmware_boots_on_a_gpu_without_sriov(machine, gpu):
    Boot(machine, gpu).run()


def test_reset_in_any_state_is_power_on(machine, gpu):
    for reset in (gpu.flr, gpu.bus_reset):
        for ms in range(5):
            boot = Boot(machine, gpu)
            equal(boot.send_cot(), 0)
            machine.step_ms(ms)
            reset()
            equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)
            equal(boot.mailbox(), 0)
            equal(wpr2(gpu), (0, 0))
            machine.step_ms(10)
            equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)
    Boot(machine, gpu).run()


# FSP

def test_fsp_minds_the_order_of_its_queue(machine, gpu):
    boot = Boot(machine, gpu)
    prc = struct.pack('<II', regs.NV_MCTP_SINGLE_PACKET,
                      regs.NV_NVDM_HEADER(regs.NV_NVDM_PRC)) + bytes(
        (regs.NV_PRC_READ, regs.NV_PRC_ACTIVE, regs.NV_PRC_VGPU_MODE, 0))
    boot.fsp_put(prc)
    gpu.mistake('another is at hand', gpu.wr, regs.NV_PFSP_QUEUE_HEAD, 0)
    gpu.mistake('while FSP reads', gpu.wr, regs.NV_PFSP_QUEUE_TAIL, 8)
    gpu.mistake('EMEM used while', gpu.wr, regs.NV_PFSP_EMEMD, 0)
    gpu.mistake('EMEM used while', gpu.rd, regs.NV_PFSP_EMEMD)
    machine.step_ms(1)
    equal(gpu.rd(regs.NV_PFSP_QUEUE_HEAD), gpu.rd(regs.NV_PFSP_QUEUE_TAIL))
    gpu.mistake('last answer', boot.fsp_put, prc)
    gpu.wr(regs.NV_PFSP_MSGQ_TAIL, 0)
    gpu.mistake('FSP\'s to move', gpu.wr, regs.NV_PFSP_MSGQ_HEAD, 8)
    gpu.wr(regs.NV_PFSP_EMEMC, regs.NV_PFSP_EMEM_SIZE)
    gpu.mistake('beyond its end', gpu.wr, regs.NV_PFSP_EMEMD, 0)
    for tail in (0, 5, regs.NV_PFSP_EMEM_SIZE):
        gpu.wr(regs.NV_PFSP_QUEUE_TAIL, tail)
        gpu.mistake('queue pointers', gpu.wr, regs.NV_PFSP_QUEUE_HEAD, 0)
    gpu.mistake('unknown register', gpu.wr, 0x8f2c08, 0)
    gpu.flr()
    gpu.mistake('before FSP is up', boot.fsp_put, prc)
    machine.step_ms(1)
    equal(boot.knob(), 1)


def test_fsp_refuses_messages_that_it_does_not_know(machine, gpu):
    boot = Boot(machine, gpu)
    wrong = regs.NVGRACE_FSP_ERROR_MESSAGE
    read = (regs.NV_PRC_READ, regs.NV_PRC_ACTIVE, regs.NV_PRC_VGPU_MODE, 0)
    equal(gpu.mistake('NVDM type', boot.fsp, 0x16, bytes(4))[0], wrong)
    for i, value in ((0, 0x0d), (1, 0), (3, 1)):
        message = bytearray(read)
        message[i] = value
        equal(gpu.mistake('PRC message', boot.fsp, regs.NV_NVDM_PRC,
                          message)[0], wrong)
    equal(gpu.mistake('PRC message', boot.fsp, regs.NV_NVDM_PRC,
                      bytes(read) + bytes(4))[0], wrong)
    equal(boot.fsp(regs.NV_NVDM_PRC, bytes(read[:2]) + b'\x2a\0')[0],
          regs.NV_FSP_ERROR_UNKNOWN_KNOB)
    boot.fsp_put(struct.pack('<III', 0x80000000,
                             regs.NV_NVDM_HEADER(regs.NV_NVDM_PRC), 0))
    gpu.mistake('MCTP', machine.step_ms, 1)
    boot.fsp_get()


def test_fsp_checks_the_chain_of_trust(machine, gpu):
    def change(text, code, do):
        boot = Boot(machine, gpu)
        boot.store()
        do(boot)
        equal(gpu.mistake(text, boot.fsp, regs.NV_NVDM_COT, boot.cot)[0], code)
        equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)

    def byte(at, by=1):
        def do(boot):
            boot.cot[at] ^= by
        return do
    message = regs.NVGRACE_FSP_ERROR_MESSAGE
    image = regs.NVGRACE_FSP_ERROR_IMAGE
    change('version or size', message, byte(0))
    change('version or size', message, byte(2))
    change('version or size', message, lambda boot: boot.cot.extend(bytes(4)))
    change('system memory', message, byte(regs.NV_COT_FRTS_SYSMEM))
    change('system memory', message, byte(regs.NV_COT_FRTS_SYSMEM + 8))
    change('1 MiB', message, byte(regs.NV_COT_FRTS_SIZE))
    change('no FMC image', image, byte(regs.NV_COT_FMC + 7))
    change('no FMC image', image, byte(regs.NV_COT_FMC + 1, 0x10))
    gpu.cfg_wr(4, 0x2, 2)
    change('bus mastering', regs.NVGRACE_FSP_ERROR_STATE, lambda boot: None)
    gpu.cfg_wr(4, 0x6, 2)
    change('hash', image, byte(regs.NV_COT_HASH))
    change('signature', image, byte(regs.NV_COT_PUBLIC_KEY))
    change('signature', image, byte(regs.NV_COT_SIGNATURE))


def test_a_second_boot_needs_a_reset_or_an_unload(machine, gpu):
    boot = Boot(machine, gpu)
    boot.run()
    equal(gpu.mistake('needs a reset', boot.fsp, regs.NV_NVDM_COT,
                      boot.cot)[0], regs.NVGRACE_FSP_ERROR_STATE)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_ACTIVE)
    gpu.flr()
    machine.step_ms(1)
    Boot(machine, gpu).run()


# FMC: every mistake ends with its code in the mailbox

def wrong(machine, gpu, code, text, do, vgpu=True, told=False, stored=False):
    boot = Boot(machine, gpu, vgpu=vgpu, told=told)
    if stored:
        boot.store()
    do(boot)
    if stored:
        equal(boot.fsp(regs.NV_NVDM_COT, boot.cot)[0], 0)
        gpu.mistake(text, machine.step_ms, 3)
    else:
        gpu.mistake(text, boot.check)
    equal(boot.mailbox(), code, text)
    equal(boot.hwcfg2() & LOCKDOWN, LOCKDOWN, text)
    equal(wpr2(gpu), (0, 0), text)
    machine.step_ms(10)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED, text)
    gpu.flr()
    machine.step_ms(1)


def field(at, value, size=8):
    def do(boot):
        boot.meta[at:at + size] = value.to_bytes(size, 'little')
    return do


def moved(at, by):
    def do(boot):
        boot.set64(at, u64(boot.meta, at) + by)
    return do


def test_fmc_checks_its_parameters(machine, gpu):
    def params(at, value):
        def do(boot):
            boot.params[at] = value
        return do
    code = regs.NVGRACE_BOOT_PARAMS
    wrong(machine, gpu, code, 'target',
          params(regs.NV_FMC_WPR_META_TARGET, 0))
    wrong(machine, gpu, code, 'target', params(regs.NV_FMC_LIBOS_TARGET, 0))
    wrong(machine, gpu, code, 'size of', params(regs.NV_FMC_WPR_META_SIZE, 1))
    wrong(machine, gpu, code, 'GSP-RM', params(regs.NV_FMC_IS_GSP_RM, 0))

    def lost(boot):
        boot.cot[-1] = 1
    wrong(machine, gpu, code, 'no DMA', lost, stored=True)


def test_fmc_checks_the_head_of_the_wpr_meta(machine, gpu):
    code = regs.NVGRACE_BOOT_META
    for at in (regs.NV_WPR_META_MAGIC, regs.NV_WPR_META_REVISION):
        wrong(machine, gpu, code, 'magic or revision', field(at, 7))
    wrong(machine, gpu, code, 'verified',
          field(regs.NV_WPR_META_VERIFIED, VERIFIED))
    wrong(machine, gpu, code, 'boot count',
          field(regs.NV_WPR_META_BOOT_COUNT, 1))
    wrong(machine, gpu, code, 'flags', field(regs.NV_WPR_META_FLAGS, 1, 1))

    def lost(boot):
        machine.wr64(boot.params_at + regs.NV_FMC_WPR_META, 1 << 51)
    wrong(machine, gpu, code, 'no DMA', lost, stored=True)


def test_fmc_checks_the_sizes_in_the_wpr_meta(machine, gpu):
    size = regs.NV_WPR_META_RADIX3_SIZE
    for value in (0, PAGE, 5 * PAGE + 1, 65 * MIB):
        wrong(machine, gpu, regs.NVGRACE_BOOT_IMAGE, 'size of the image',
              field(size, value))
    for value in (0, 2 * MIB, (1 << 64) - 1):
        wrong(machine, gpu, regs.NVGRACE_BOOT_BOOTLOADER, 'size of the boot',
              field(regs.NV_WPR_META_BOOTLOADER_SIZE, value))
    heap = regs.NV_WPR_META_HEAP_SIZE
    wrong(machine, gpu, regs.NVGRACE_BOOT_HEAP, 'heap of 580',
          field(heap, 580 * MIB))
    wrong(machine, gpu, regs.NVGRACE_BOOT_HEAP, 'heap of 87',
          field(heap, 87 * MIB), vgpu=False)
    for at in (heap, regs.NV_WPR_META_NON_WPR_HEAP_SIZE):
        for value in (4096 * MIB, (1 << 64) - PAGE):
            wrong(machine, gpu, regs.NVGRACE_BOOT_LAYOUT, 'too small',
                  field(at, value))
    wrong(machine, gpu, regs.NVGRACE_BOOT_LAYOUT, 'size in the chain',
          field(regs.NV_WPR_META_FRTS_SIZE, 2 * MIB))
    for value in (0, FRTS_OFFSET):
        wrong(machine, gpu, regs.NVGRACE_BOOT_LAYOUT, 'no room behind',
              field(regs.NV_WPR_META_VGA_SIZE, value))
    wrong(machine, gpu, regs.NVGRACE_BOOT_LAYOUT, 'no room behind',
          field(regs.NV_WPR_META_PMU_RESERVED, PMU_RESERVED + 4 * MIB, 4))

    def distance(value):
        def do(boot):
            struct.pack_into('<Q', boot.cot, regs.NV_COT_FRTS_OFFSET, value)
        return do
    for value in (4097 * MIB, (1 << 64) - (1 << 17), FRTS_OFFSET + PAGE):
        wrong(machine, gpu, regs.NVGRACE_BOOT_LAYOUT, 'distance',
              distance(value))


def test_fmc_checks_a_layout_that_the_host_tells(machine, gpu):
    code = regs.NVGRACE_BOOT_LAYOUT
    for at, by, text in (
            (regs.NV_WPR_META_FB_SIZE, MIB, 'size of the framebuffer'),
            (regs.NV_WPR_META_WPR_END, MIB, 'FRTS is not'),
            (regs.NV_WPR_META_FRTS, -MIB, 'FRTS is not'),
            (regs.NV_WPR_META_VGA, PAGE, 'VGA'),
            (regs.NV_WPR_META_VGA, -4 * MIB, 'PMU'),
            (regs.NV_WPR_META_BOOT_BIN, PAGE, 'bootloader'),
            (regs.NV_WPR_META_IMAGE, MIB, 'image'),
            (regs.NV_WPR_META_HEAP, 2 * MIB, 'heap or start'),
            (regs.NV_WPR_META_WPR_START, 2 * MIB, 'heap or start'),
            (regs.NV_WPR_META_WPR_START, -64 * 1024, 'heap outside'),
            (regs.NV_WPR_META_NON_WPR_HEAP, PAGE, 'heap outside')):
        wrong(machine, gpu, code, text, moved(at, by), told=True)

    def crooked(boot):
        moved(regs.NV_WPR_META_WPR_START, 4096)(boot)
    wrong(machine, gpu, code, '128 KiB', crooked, told=True)

    def only_one(boot):
        boot.set64(regs.NV_WPR_META_HEAP, 2048 * MIB)
    wrong(machine, gpu, code, 'size of the framebuffer', only_one)


@options('fb-size=1G,vf-fb-size=64M')
def test_fmc_keeps_the_firmware_out_of_the_vfs_slices(machine, gpu):
    wrong(machine, gpu, regs.NVGRACE_BOOT_LAYOUT, 'that of VFs',
          lambda boot: None)


def test_fmc_boots_vgpu_only_as_sriov_and_knob_say(machine, gpu):
    code = regs.NVGRACE_BOOT_VGPU
    wrong(machine, gpu, code, '7 VF partitions, SR-IOV has 8',
          field(regs.NV_WPR_META_VF_PARTITIONS, 7, 1))
    gpu.wr(regs.NVGRACE_TROUBLE_VGPU_KNOB, 0)
    wrong(machine, gpu, code, 'vGPU is off', lambda boot: None)


def test_knob_keeps_its_value_while_gsp_runs(machine, gpu):
    boot = Boot(machine, gpu)
    boot.run()
    gpu.wr(regs.NVGRACE_TROUBLE_VGPU_KNOB, 0)
    equal(boot.knob(), 1)
    gpu.flr()
    machine.step_ms(1)
    equal(boot.knob(), 0)


def test_fmc_checks_the_image(machine, gpu):
    code = regs.NVGRACE_BOOT_IMAGE

    def magic(boot):
        boot.fw.image[0] ^= 1

    def length(boot):
        boot.fw.image[16] ^= 1

    def damage(boot):
        boot.fw.image[-1] ^= 1

    def fewer(boot):
        boot.set64(regs.NV_WPR_META_RADIX3_SIZE, len(boot.fw.image) - PAGE)

    def table(boot, level):
        machine.wr64(level(boot), 1 << 51)

    def swapped(boot):
        first, second = (machine.rd64(boot.level2[0] + i) for i in (8, 16))
        machine.wr64(boot.level2[0] + 8, second)
        machine.wr64(boot.level2[0] + 16, first)

    wrong(machine, gpu, code, 'not a firmware image', magic)
    wrong(machine, gpu, code, 'not a firmware image', length)
    wrong(machine, gpu, code, 'damaged', damage)
    wrong(machine, gpu, code, 'damaged', swapped, stored=True)
    wrong(machine, gpu, code, 'not a firmware image', fewer)
    for level in (lambda b: u64(machine.read(b.meta_at, 32), 16),
                  lambda b: b.level1, lambda b: b.level1 + 8,
                  lambda b: b.level2[0] + 8 * 511, lambda b: b.level2[1]):
        wrong(machine, gpu, code, 'lead nowhere',
              lambda boot, level=level: table(boot, level), stored=True)


def test_fmc_takes_a_new_image_when_it_is_signed(machine, gpu):
    boot = Boot(machine, gpu)
    boot.fw.image[-1] ^= 1
    boot.fw.sign()
    boot.run()


def test_fmc_checks_the_signature(machine, gpu):
    code = regs.NVGRACE_BOOT_SIGNATURE

    def other(boot):
        boot.fw.signature[0] ^= 1
    wrong(machine, gpu, code, 'another image', other)
    wrong(machine, gpu, code, '4096', field(regs.NV_WPR_META_SIGNATURE_SIZE,
                                            32))
    wrong(machine, gpu, code, '4096', field(regs.NV_WPR_META_SIGNATURE,
                                            1 << 51))


def test_fmc_checks_the_bootloader(machine, gpu):
    code = regs.NVGRACE_BOOT_BOOTLOADER

    def magic(boot):
        boot.fw.bootloader[0] ^= 1

    def length(boot):
        boot.fw.bootloader[16] ^= 1
    wrong(machine, gpu, code, 'not a bootloader', magic)
    wrong(machine, gpu, code, 'not a bootloader', length)
    wrong(machine, gpu, code, 'not a bootloader',
          field(regs.NV_WPR_META_BOOTLOADER, 1 << 51))


# The core

def crashes(machine, gpu, text, do):
    boot = Boot(machine, gpu)
    do(boot)
    equal(boot.check(), 0)
    gpu.mistake(text, machine.step_ms, 1)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED, text)
    equal(boot.mailbox(), regs.NVGRACE_BOOT_CRASH | regs.NVGRACE_BOOT_LIBOS)
    equal(gpu.rd(regs.NV_PGSP_IRQSTAT), regs.NV_PGSP_IRQ_HALT)
    gpu.flr()
    machine.step_ms(1)


def test_core_checks_the_libos_arguments(machine, gpu):
    def arg(i, name, **other):
        def do(boot):
            old = boot.libos[32 * i:]
            boot.libos_arg(i, name, u64(old, 8), u64(old, 16), **other)
        return do

    def no_rmargs(boot):
        boot.libos[96:128] = bytes(32)

    crashes(machine, gpu, 'one is missing', no_rmargs)
    crashes(machine, gpu, 'unknown name', arg(1, 'LOGFOO'))
    crashes(machine, gpu, 'comes twice', arg(1, 'LOGINIT'))
    crashes(machine, gpu, 'not contiguous', arg(0, 'LOGINIT', kind=2))
    crashes(machine, gpu, 'not contiguous', arg(3, 'RMARGS', location=2))
    crashes(machine, gpu, 'no DMA to RMARGS', lambda boot: boot.libos_arg(
        3, 'RMARGS', 1 << 51, PAGE))
    crashes(machine, gpu, 'too short', lambda boot: boot.libos_arg(
        3, 'RMARGS', boot.rmargs_at, 71))

    def lost(boot):
        struct.pack_into('<Q', boot.params, regs.NV_FMC_LIBOS_ARGS, 1 << 51)
        write = machine.write

        def store():
            Boot.store(boot)
            write(boot.params_at + regs.NV_FMC_LIBOS_ARGS,
                  struct.pack('<Q', 1 << 51))
        boot.store = store
    crashes(machine, gpu, 'no DMA to the libos', lost)


def test_core_checks_the_logs(machine, gpu):
    def log(at, size):
        def do(boot):
            boot.libos_arg(1, 'LOGINTR', boot.logs['LOGINTR'] + at, size)
        return do

    def table(boot):
        machine.wr64(boot.logs['LOGRM'] + 16, boot.logs['LOGRM'])
    for at, size in ((0, PAGE), (0, LOG_SIZE + 1), (8, LOG_SIZE),
                     (0, 2 * MIB)):
        crashes(machine, gpu, 'size or address', log(at, size))
    crashes(machine, gpu, 'no DMA to a log', log(1 << 51, LOG_SIZE))
    crashes(machine, gpu, 'page table', table)


def test_core_checks_rmargs(machine, gpu):
    def rmargs(at, value):
        def do(boot):
            boot.rmargs[at] = value
        return do
    for at in (0, 4, 8):
        crashes(machine, gpu, 'resume', rmargs(regs.NV_RMARGS_OLD_LEVEL + at,
                                               1))
    crashes(machine, gpu, 'bDmemStack', rmargs(regs.NV_RMARGS_DMEM_STACK, 0))


def test_registers_of_gsp_are_minded(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.mistake('no queue', gpu.wr, regs.NV_PGSP_QUEUE_HEAD, 0)
    gpu.mistake('register', gpu.wr, regs.NV_PGSP_HWCFG2, 0)
    gpu.mistake('register', gpu.wr, regs.NV_PGSP_IRQSTAT, 0)
    gpu.wr(regs.NV_PGSP_MAILBOX0, 5)
    equal(gpu.rd(regs.NV_PGSP_MAILBOX0), 5)
    boot.send_cot()
    gpu.mistake('FSP has GSP', gpu.wr, regs.NV_PGSP_IRQSCLR, 0)
    machine.step_ms(1)
    gpu.mistake('mailbox', gpu.wr, regs.NV_PGSP_MAILBOX0, 0)
    gpu.mistake('no queue', gpu.wr, regs.NV_PGSP_QUEUE_HEAD, 0)
    machine.step_ms(3)
    gpu.mistake('doorbell', gpu.wr, regs.NV_PGSP_QUEUE_HEAD, 1)


# Injected trouble

def test_silent_fsp_takes_the_message_and_says_nothing(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_FSP_SILENT)
    boot.store()
    equal(boot.fsp(regs.NV_NVDM_COT, boot.cot), None)
    machine.step_ms(3000)
    equal(boot.fsp_get(), None)
    equal(boot.knob(), 1)


def test_slow_fsp_keeps_the_message_in_its_queue(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_FSP_SLOW, 2500)
    boot.store()
    equal(boot.fsp(regs.NV_NVDM_COT, boot.cot), None)
    equal(gpu.rd(regs.NVGRACE_TROUBLE_ARMED), 0)
    machine.step_ms(2499)
    gpu.mistake('another is at hand', gpu.wr, regs.NV_PFSP_QUEUE_HEAD, 0)
    equal(gpu.rd(regs.NV_PFSP_QUEUE_HEAD), 0)
    equal(boot.fsp_get(), None)
    machine.step_ms(1)
    equal(gpu.rd(regs.NV_PFSP_QUEUE_HEAD), gpu.rd(regs.NV_PFSP_QUEUE_TAIL))
    equal(u32(boot.fsp_get(), 16), 0)
    machine.step_ms(4)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_ACTIVE)


def test_slow_fsp_forgets_the_message_in_a_reset(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_FSP_SLOW, 100)
    boot.store()
    equal(boot.fsp(regs.NV_NVDM_COT, boot.cot), None)
    gpu.flr(master=True)
    machine.step_ms(100)
    equal(boot.fsp_get(), None)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)
    Boot(machine, gpu).run()


def test_fsp_error_is_the_one_asked_for(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_FSP_ERROR, 0x77)
    equal(boot.send_cot(), 0x77)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)


def test_slow_gsp_boots_late(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_GSP_SLOW, 500)
    equal(boot.check(), boot.params_at)
    machine.step_ms(499)
    equal(boot.mailbox(), boot.params_at)
    machine.step_ms(1)
    equal(boot.mailbox(), 0)
    gpu.inject(0)


def test_stuck_lockdown_stays(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_LOCKDOWN_STUCK)
    equal(boot.check(), boot.params_at)
    machine.step_ms(40000)
    equal(boot.mailbox(), boot.params_at)
    equal(boot.hwcfg2() & LOCKDOWN, LOCKDOWN)
    gpu.flr()
    machine.step_ms(1)
    Boot(machine, gpu).run()


def test_boot_that_the_driver_gave_up_ends_without_dma(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_GSP_SLOW, 500)
    equal(boot.check(), boot.params_at)
    gpu.cfg_wr(4, 0x2, 2)
    machine.step_ms(500)
    equal(boot.mailbox(), regs.NVGRACE_BOOT_PARAMS)
    gpu.inject(0)


def test_boot_error_is_in_the_mailbox(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_BOOT_ERROR, 0x4321)
    equal(boot.check(), 0x4321)
    equal(boot.hwcfg2() & LOCKDOWN, LOCKDOWN)


def test_dead_core_never_gets_active(machine, gpu):
    boot = Boot(machine, gpu)
    gpu.inject(regs.NVGRACE_INJECT_RISCV_DEAD)
    equal(boot.check(), 0)
    machine.step_ms(6000)
    equal(boot.cpuctl(), 0)


def test_crash_halts_the_core_and_interrupts(machine, gpu):
    boot = Boot(machine, gpu)
    boot.run()
    leaf = regs.NV_PF_VFN_BASE + regs.NV_VFN_INTR_LEAF(
        regs.NVGRACE_GPU_VECTOR_GSP // 32)
    bit = 1 << regs.NVGRACE_GPU_VECTOR_GSP % 32
    gpu.wr(leaf, bit)
    gpu.wr(regs.NV_PGSP_IRQSCLR, 0xffffffff)
    gpu.inject(regs.NVGRACE_INJECT_CRASH)
    machine.step_ms(1)
    equal(boot.cpuctl(), regs.NV_PGSP_RISCV_HALTED)
    equal(gpu.rd(regs.NV_PGSP_IRQSTAT) & regs.NV_PGSP_IRQ_HALT,
          regs.NV_PGSP_IRQ_HALT)
    equal(gpu.rd(leaf) & bit, bit)
    assert 'exception' in boot.log('LOGINTR')
    gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
    equal(gpu.mistake('needs a reset', boot.fsp, regs.NV_NVDM_COT,
                      boot.cot)[0], regs.NVGRACE_FSP_ERROR_STATE)


# With RM

def test_firmware_says_that_it_is_done(machine, gpu):
    Boot(machine, gpu).init()


def test_firmware_ends_and_boots_again(machine, gpu):
    for vgpu in (True, False, True):
        boot = Boot(machine, gpu, vgpu=vgpu)
        boot.init()
        boot.unload()
        equal(gpu.rd(regs.NV_PGSP_MAILBOX0) >> 31, 1)
        equal(wpr2(gpu), (0, 0))
        # For the last request, which it had read before
        gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
        gpu.mistake('no queue', gpu.wr, regs.NV_PGSP_QUEUE_HEAD, 0)


def test_dma_of_the_firmware_ends_before_a_reset(machine, gpu):
    Boot(machine, gpu).init()
    gpu.mistake('GSP may access memory', gpu.flr, True)


def test_nothing_is_sent_to_firmware_that_ended(machine, gpu):
    boot = Boot(machine, gpu)
    boot.init()
    boot.unload()
    gpu.mistake('no queue', boot.queue.send, 47)


def test_a_write_into_wpr2_is_found_at_the_end(machine, gpu):
    boot = Boot(machine, gpu)
    boot.init()
    at = boot.layout()[regs.NV_WPR_META_IMAGE] + 12345
    machine.write(gpu.bar[2] + at, b'\xff')
    gpu.mistake('WPR2', boot.unload)


tap(globals())
