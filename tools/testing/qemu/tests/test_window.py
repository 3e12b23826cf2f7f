#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""BAR 0 of the PF and its trouble window, seen by a driver without a guest"""
from qtest import equal, options, regs, tap


def test_the_device_says_what_it_is(machine, gpu):
    equal(gpu.cfg(0), regs.NVGRACE_GPU_PF_DEVICE_ID << 16 |
          regs.NVGRACE_GPU_VENDOR_ID)
    equal(gpu.rd(regs.NV_PMC_BOOT_42) >> 20, 0x1a0)
    equal(gpu.rd(regs.NV_USABLE_FB_SIZE_MIB), 4096)
    equal(gpu.rd(regs.NVGRACE_TROUBLE_MAGIC), regs.NVGRACE_TROUBLE_MAGIC_VALUE)
    equal(gpu.bar_size(4), 32 << 20)
    dvsec = gpu.extended(0x23)
    equal(dvsec, 0xaf0)
    equal(gpu.cfg(dvsec + 4), 0x01c010de)


def test_links_come_up_after_a_reset(machine, gpu):
    for reset in (gpu.flr, gpu.bus_reset):
        equal(gpu.rd(regs.NV_C2C_LINK_STATUS), 0xff)
        reset()
        equal(gpu.rd(regs.NV_C2C_LINK_STATUS), 0)
        equal(gpu.rd(regs.NV_HBM_TRAINING_STATUS), 0)
        machine.step_ms(1)
        equal(gpu.rd(regs.NV_C2C_LINK_STATUS), 0xff)
        equal(gpu.rd(regs.NV_HBM_TRAINING_STATUS), 0xff)


def test_writes_to_read_only_registers_are_driver_errors(machine, gpu):
    for reg in (regs.NV_PMC_BOOT_0, regs.NV_C2C_LINK_STATUS,
                regs.NV_USABLE_FB_SIZE_MIB, regs.NV_PFB_WPR2_ADDR_HI, 0x500000,
                0xfffffc, regs.NVGRACE_TROUBLE_MAGIC):
        gpu.mistake(f'register 0x{reg:x}', gpu.wr, reg, 1)
    gpu.mistake('1-byte write', machine.command, 'writeb',
                gpu.bar[0] + regs.NV_HSHUB_FLUSH_SYSMEM_LO, 1)
    equal(gpu.errors(), 0)


def test_errors_are_counted_and_cleared(machine, gpu):
    gpu.wr(0, 1)
    gpu.wr(4, 1)
    equal(gpu.errors(), 2)
    equal(gpu.last_error(),
          'write of 0x1 to read-only or unknown register 0x4')
    gpu.flr()
    equal(gpu.errors(), 2)
    gpu.wr(regs.NVGRACE_TROUBLE_ERRORS, 0)
    equal(gpu.errors(), 0)
    equal(machine.said().count('nvgrace-gpu: driver error: '), 2)
    gpu.mistake('0x8', gpu.wr, 8, 1)
    equal(machine.said().count('nvgrace-gpu: expected driver error: '), 1)
    gpu.wr(regs.NVGRACE_TROUBLE_EXPECTED, 0)
    equal(gpu.expected(), 0)


def test_trouble_is_armed_and_disarmed(machine, gpu):
    gpu.inject(regs.NVGRACE_INJECT_FSP_SILENT)
    gpu.inject(regs.NVGRACE_INJECT_GSP_SLOW, 5)
    equal(gpu.rd(regs.NVGRACE_TROUBLE_ARMED), 1 << 1 | 1 << 3)
    gpu.flr()
    equal(gpu.rd(regs.NVGRACE_TROUBLE_ARMED), 1 << 1 | 1 << 3)
    gpu.inject(regs.NVGRACE_INJECT_GSP_SLOW, 0)
    equal(gpu.rd(regs.NVGRACE_TROUBLE_ARMED), 1 << 1)
    gpu.inject(0)
    equal(gpu.rd(regs.NVGRACE_TROUBLE_ARMED), 0)


def test_a_storm_of_interrupts_is_as_long_as_asked(machine, gpu):
    leaf = regs.NV_PF_VFN_BASE + regs.NV_VFN_INTR_LEAF(
        regs.NVGRACE_GPU_VECTOR_GSP // 32)
    bit = 1 << regs.NVGRACE_GPU_VECTOR_GSP % 32
    gpu.inject(regs.NVGRACE_INJECT_SPURIOUS_INTR, 5)
    seen = 0
    for _ in range(20):
        if gpu.rd(leaf) & bit:
            seen += 1
            gpu.wr(leaf, bit)
        machine.step_us(50)
    equal(seen, 5)


def test_a_storm_of_interrupts_stops_when_told(machine, gpu):
    leaf = regs.NV_PF_VFN_BASE + regs.NV_VFN_INTR_LEAF(
        regs.NVGRACE_GPU_VECTOR_GSP // 32)
    bit = 1 << regs.NVGRACE_GPU_VECTOR_GSP % 32
    for stop in (regs.NVGRACE_INJECT_SPURIOUS_INTR, 0):
        gpu.inject(regs.NVGRACE_INJECT_SPURIOUS_INTR, 1000)
        gpu.inject(stop, 0)
        gpu.wr(leaf, bit)
        machine.step_ms(1)
        equal(gpu.rd(leaf) & bit, 0)


def test_pcie_errors_reach_the_capability(machine, gpu):
    aer = gpu.extended(1)
    gpu.inject(regs.NVGRACE_INJECT_PCIE_NONFATAL)
    gpu.inject(regs.NVGRACE_INJECT_PCIE_FATAL)
    equal(gpu.cfg(aer + 4), 1 << 15 | 1 << 18)


def test_the_flush_page_is_kept_until_a_reset(machine, gpu):
    for lo, hi in ((regs.NV_HSHUB_FLUSH_SYSMEM_LO,
                    regs.NV_HSHUB_FLUSH_SYSMEM_HI),
                   (regs.NV_HSHUB_EG_FLUSH_SYSMEM_LO,
                    regs.NV_HSHUB_EG_FLUSH_SYSMEM_HI)):
        gpu.wr(hi, 0x12)
        gpu.wr(lo, 0x34567800)
        equal((gpu.rd(hi), gpu.rd(lo)), (0x12, 0x34567800))
        gpu.flr()
        equal((gpu.rd(hi), gpu.rd(lo)), (0, 0))


@options('vfs=0,fb-size=1G')
def test_the_framebuffer_is_as_large_as_asked(machine, gpu):
    equal(gpu.rd(regs.NV_USABLE_FB_SIZE_MIB), 1024)
    equal(gpu.bar_size(2), 1 << 30)
    equal(gpu.sriov(), None)


tap(globals())
