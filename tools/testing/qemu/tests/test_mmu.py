#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Page tables, the memory behind them, faults and invalidation, through the BARs
that the tables translate. No channel takes part, and firmware only where it has
to be told.
"""
import struct

from boot import Boot
from qtest import Function, Machine, equal, options, regs, tap, u64
from tables import (COHERENT, FB, NONCOHERENT, PEER, READ_ONLY, FaultBuffer,
                    OneShot, Tables, egm, invalidate, pcf, pde, pte)

MIB, GIB = 1 << 20, 1 << 30
VFN = regs.NV_PF_VFN_BASE
ONES = (1 << 64) - 1
EGM_BASE = 1 << 40          # the model's default
# Of the SMMU, while it is off: all DMA passes, or none
SMMU_GBPA = 0x09050000 + 0x44
GBPA_UPDATE, GBPA_ABORT = 1 << 31, 1 << 20
READ, WRITE = regs.NV_FAULT_ACCESS_VIRT_READ, regs.NV_FAULT_ACCESS_VIRT_WRITE
SYS_MASK = regs.NV_MMU_PTE_ADDRESS


def faults(machine, gpu, va, kind, access=READ):
    """An access of BAR 1 at @va has that fault, and no effect"""
    report = OneShot(gpu)
    equal(report.take(), None, 'fault from before')
    if access == READ:
        equal(machine.rd64(gpu.bar[2] + va), ONES, 'read that faults')
    else:
        machine.wr64(gpu.bar[2] + va, 0x5a5a5a5a)
    equal(report.take(), (kind, access, va, regs.NV_FAULT_ENGINE_BAR1))


def pending(gpu):
    """Is the vector of faults pending? Cleared"""
    leaf = VFN + regs.NV_VFN_INTR_LEAF(regs.NVGRACE_GPU_VECTOR_FAULT // 32)
    bit = 1 << regs.NVGRACE_GPU_VECTOR_FAULT % 32
    seen = bool(gpu.rd(leaf) & bit)
    gpu.wr(leaf, bit)
    return seen


def test_bar1_is_the_framebuffer_in_physical_mode(machine, gpu):
    machine.wr64(gpu.bar[2] + 3 * GIB, 0x1234)
    t = Tables(machine)
    t.map(0x5000, pte(FB, 3 * GIB))
    t.bind(gpu)
    equal(machine.rd64(gpu.bar[2] + 0x5000), 0x1234)
    gpu.wr(VFN + regs.NV_VFN_BAR1_BLOCK_LO, 0)
    equal(machine.rd64(gpu.bar[2] + 3 * GIB), 0x1234)
    t.bind(gpu)
    equal(machine.rd64(gpu.bar[2] + 0x5000), 0x1234)
    gpu.flr()
    equal(machine.rd64(gpu.bar[2] + 3 * GIB), 0x1234)


def check_pages(machine, gpu, shift):
    """Two pages of each aperture; their first, last and some middle bytes"""
    size = 1 << shift
    ram = 0x40000000 if shift > 21 else machine.alloc(2 * size, size)
    places = {FB: (gpu.bar[2], GIB), COHERENT: (0, ram), NONCOHERENT: (0, ram)}
    t = Tables(machine)
    for aperture, (window, addr) in places.items():
        for i in range(2 if shift <= 21 else 1):
            t.map(GIB + (aperture * 2 + i) * size,
                  pte(aperture, addr + i * size), shift)
    for aperture, (window, addr) in places.items():
        gpu.wr(VFN + regs.NV_VFN_BAR1_BLOCK_LO, 0)
        offsets = [0, size // 2 + 24, size - 8]
        if shift <= 21:
            offsets += [size, 2 * size - 8]
        else:
            offsets = [192 * MIB, 255 * MIB]        # of the RAM there is
        for i, off in enumerate(offsets):
            machine.wr64(window + addr + off, shift << 32 | aperture << 8 | i)
        t.bind(gpu)
        va = gpu.bar[2] + GIB + aperture * 2 * size
        for i, off in enumerate(offsets):
            equal(machine.rd64(va + off), shift << 32 | aperture << 8 | i,
                  f'aperture {aperture}, offset 0x{off:x}')
            machine.wr64(va + off, 0x77 << 32 | aperture << 8 | i)
        gpu.wr(VFN + regs.NV_VFN_BAR1_BLOCK_LO, 0)
        for i, off in enumerate(offsets):
            equal(machine.rd64(window + addr + off),
                  0x77 << 32 | aperture << 8 | i)
    equal(OneShot(gpu).take(), None)


@options('fb-size=8G')
def test_pages_of_4_kib(machine, gpu):
    check_pages(machine, gpu, 12)


@options('fb-size=8G')
def test_pages_of_64_kib(machine, gpu):
    check_pages(machine, gpu, 16)


@options('fb-size=8G')
def test_pages_of_2_mib(machine, gpu):
    check_pages(machine, gpu, 21)


@options('fb-size=8G')
def test_pages_of_512_mib(machine, gpu):
    check_pages(machine, gpu, 29)


def test_tables_in_the_framebuffer(machine, gpu):
    t = Tables(machine, fb=(gpu.bar[2], 2 * GIB))
    ram = machine.alloc(65536, 65536)
    t.map(0x12345000, pte(COHERENT, ram))
    t.map(0x12400000, pte(COHERENT, ram), 16)
    machine.wr64(ram + 8, 0xabcd)
    t.bind(gpu)
    equal(machine.rd64(gpu.bar[2] + 0x12345008), 0xabcd)
    equal(machine.rd64(gpu.bar[2] + 0x12400008), 0xabcd)


def test_accesses_of_each_width(machine, gpu):
    t = Tables(machine)
    ram = machine.alloc(4096)
    t.map(0, pte(COHERENT, ram))
    t.bind(gpu)
    at = gpu.bar[2]
    machine.wr64(at, 0x8877665544332211)
    for command, value in (('readb', 0x11), ('readw', 0x2211),
                           ('readl', 0x44332211)):
        equal(int(machine.command(command, at)[0], 16), value)
    machine.command('writeb', at + 4095, 0xab)
    machine.command('writew', at + 4092, 0xcdef)
    equal(machine.rd64(ram + 4088), 0xab00cdef00000000)


def test_what_is_not_mapped_faults_where_the_walk_ends(machine, gpu):
    t = Tables(machine)
    t.map(0x200000, pte(FB, 0))
    t.bind(gpu)
    faults(machine, gpu, GIB, regs.NV_FAULT_TYPE_PDE)
    faults(machine, gpu, 0x400000, regs.NV_FAULT_TYPE_PDE, WRITE)
    faults(machine, gpu, 0x201000, regs.NV_FAULT_TYPE_PTE)
    faults(machine, gpu, 0x201008, regs.NV_FAULT_TYPE_PTE, WRITE)
    # A leaf of 2^56 bytes
    t.put(t.root, pte(FB, 0))
    faults(machine, gpu, GIB, regs.NV_FAULT_TYPE_PDE_SIZE)


def test_read_only_pages_are_not_written(machine, gpu):
    t = Tables(machine)
    ram = machine.alloc(4096)
    machine.wr64(ram, 1)
    for i, shift in enumerate((12, 16, 21)):
        va = i * 4 * MIB
        t.map(va, pte(COHERENT, ram & ~((1 << shift) - 1), READ_ONLY), shift)
        t.bind(gpu)
        at = va + ram % (1 << shift)
        faults(machine, gpu, at, regs.NV_FAULT_TYPE_RO, WRITE)
        equal(machine.rd64(gpu.bar[2] + at), 1)
        # Again, now that it is kept
        faults(machine, gpu, at, regs.NV_FAULT_TYPE_RO, WRITE)
    equal(machine.rd64(ram), 1)


def test_privilege_and_caching_bits_change_nothing(machine, gpu):
    t = Tables(machine)
    ram = machine.alloc(4096)
    t.bind(gpu)
    for i, bits in enumerate((0x01, 0x02, 0x08, 0x10, 0x1b)):
        t.map(i << 12, pte(COHERENT, ram, pcf(bits)))
        machine.wr64(gpu.bar[2] + (i << 12), bits)
        equal(machine.rd64(ram), bits)


def test_kinds_other_than_linear_fault(machine, gpu):
    t = Tables(machine)
    t.bind(gpu)
    for kind in range(16):
        t.map(kind << 12, pte(FB, 0, kind=kind))
        if kind in (regs.NV_MMU_PTE_KIND_PITCH, regs.NV_MMU_PTE_KIND_GENERIC):
            machine.rd64(gpu.bar[2] + (kind << 12))
        else:
            faults(machine, gpu, kind << 12, regs.NV_FAULT_TYPE_KIND)


def test_sparse_pages_read_zero_and_keep_nothing(machine, gpu):
    t = Tables(machine)
    sparse = pcf(regs.NV_MMU_PTE_PCF_SPARSE)
    t.map(0, sparse)
    t.map(4 * MIB, sparse, 16)
    t.map(8 * MIB, sparse, 21)
    t.map(GIB, sparse, 29)
    t.bind(gpu)
    for va in (0, 4 * MIB, 8 * MIB, GIB, GIB + 256 * MIB):
        machine.wr64(gpu.bar[2] + va, 5)
        equal(machine.rd64(gpu.bar[2] + va), 0)
    equal(OneShot(gpu).take(), None)


def test_an_empty_64k_entry_leaves_it_to_the_4k_table(machine, gpu):
    t = Tables(machine)
    ram = machine.alloc(65536, 65536)
    machine.wr64(ram, 0x64)
    small = machine.put(struct.pack('<Q', 0x4))
    big = {0: 0, 1: pte(COHERENT, ram),
           2: pcf(regs.NV_MMU_PTE_PCF_NO_VALID_4K),
           3: pcf(regs.NV_MMU_PTE_PCF_SPARSE),
           4: pcf(regs.NV_MMU_PTE_PCF_NOWHERE)}
    for i, entry in big.items():
        t.map(i << 16, entry, 16)
        t.map(i << 16, pte(COHERENT, small))
    t.bind(gpu)
    equal(machine.rd64(gpu.bar[2]), 4)
    equal(machine.rd64(gpu.bar[2] + 0x10000), 0x64)
    faults(machine, gpu, 0x20000, regs.NV_FAULT_TYPE_PTE)
    equal(machine.rd64(gpu.bar[2] + 0x30000), 0)
    faults(machine, gpu, 0x40000, regs.NV_FAULT_TYPE_PTE)
    faults(machine, gpu, 0x1000, regs.NV_FAULT_TYPE_PTE)


def test_tables_of_64k_pages_have_256_bytes(machine, gpu):
    t = Tables(machine)
    pages = machine.alloc(16 << 16, 65536)
    tables = machine.alloc(4096)
    for i in range(16):
        machine.wr64(pages + (i << 16), 0x100 + i)
        t.put(t.entry(i << 21, 21), pde(COHERENT, tables + i * 256))
        t.put(tables + i * 256 + 31 * 8, pte(COHERENT, pages + (i << 16)))
    t.bind(gpu)
    for i in range(16):
        equal(machine.rd64(gpu.bar[2] + (i << 21) + 0x1f0000), 0x100 + i)


def test_a_large_page_starts_at_a_multiple_of_its_size(machine, gpu):
    t = Tables(machine)
    vas = {16: 0, 21: GIB, 29: 2 * GIB}
    for shift, va in vas.items():
        machine.wr64(gpu.bar[2] + GIB + shift * 8, shift)
        t.map(va, pte(FB, GIB + (1 << shift) - 4096), shift)
    t.bind(gpu)
    for shift, va in vas.items():
        equal(machine.rd64(gpu.bar[2] + va + shift * 8), shift)


def test_a_changed_entry_shows_after_an_invalidate(machine, gpu):
    old, new = (machine.put(struct.pack('<Q', v)) for v in (1, 2))
    for way in ('pdb', 'all'):
        t, other = Tables(machine), Tables(machine)
        t.map(0x3000, pte(COHERENT, old))
        t.bind(gpu)
        at = gpu.bar[2] + 0x3000
        equal(machine.rd64(at), 1)
        t.map(0x3000, pte(COHERENT, new))
        equal(machine.rd64(at), 1, 'no invalidate')
        other.invalidate(gpu)
        machine.step_us(10)
        equal(machine.rd64(at), 1, 'invalidate of another')
        if way == 'pdb':
            t.invalidate(gpu)
        else:
            invalidate(gpu, more=regs.NV_VFN_INVALIDATE_ALL_PDB)
        reg = VFN + regs.NV_VFN_INVALIDATE
        equal(gpu.rd(reg) >> 31, 1)
        equal(machine.rd64(at), 1, 'invalidate not over')
        machine.step_us(10)
        equal(gpu.rd(reg) >> 31, 0)
        equal(machine.rd64(at), 2)
        t.map(0x3000, 0)
        equal(machine.rd64(at), 2)
        t.invalidate(gpu)
        machine.step_us(10)
        faults(machine, gpu, 0x3000, regs.NV_FAULT_TYPE_PTE)


def test_an_entry_that_became_valid_needs_no_invalidate(machine, gpu):
    t = Tables(machine)
    page = machine.put(struct.pack('<Q', 7))
    t.bind(gpu)
    faults(machine, gpu, 0, regs.NV_FAULT_TYPE_PDE)
    t.map(0, pte(COHERENT, page))
    equal(machine.rd64(gpu.bar[2]), 7)


def test_a_reset_forgets_translations(machine, gpu):
    old, new = (machine.put(struct.pack('<Q', v)) for v in (1, 2))
    t = Tables(machine)
    t.map(0, pte(COHERENT, old))
    t.bind(gpu)
    equal(machine.rd64(gpu.bar[2]), 1)
    t.map(0, pte(COHERENT, new))
    gpu.flr()
    t.bind(gpu)
    equal(machine.rd64(gpu.bar[2]), 2)


def test_the_framebuffers_pdb_is_not_that_of_system_memory(machine, gpu):
    t = Tables(machine)
    there = machine.put(struct.pack('<Q', 2))
    other = Tables(machine, fb=(gpu.bar[2], t.root))
    equal(other.root, t.root)
    other.map(0, pte(COHERENT, there))
    other.bind(gpu)
    equal(machine.rd64(gpu.bar[2]), 2)
    page = machine.put(struct.pack('<Q', 1))
    t.map(0, pte(COHERENT, page))
    t.bind(gpu)
    equal(machine.rd64(gpu.bar[2]), 1)
    t.map(0, 0)
    other.invalidate(gpu)
    machine.step_us(10)
    equal(machine.rd64(gpu.bar[2]), 1)


def test_an_invalidate_is_not_disturbed(machine, gpu):
    t = Tables(machine)
    t.invalidate(gpu)
    for reg in (regs.NV_VFN_INVALIDATE_PDB_LO, regs.NV_VFN_INVALIDATE_PDB_HI,
                regs.NV_VFN_INVALIDATE):
        gpu.mistake('while an invalidate runs', gpu.wr, VFN + reg, 1)
    machine.step_us(10)
    gpu.mistake('all addresses', gpu.wr, VFN + regs.NV_VFN_INVALIDATE,
                regs.NV_VFN_INVALIDATE_TRIGGER)
    equal(gpu.rd(VFN + regs.NV_VFN_INVALIDATE) >> 31, 0)
    t.invalidate(gpu)
    gpu.flr()
    equal(gpu.rd(VFN + regs.NV_VFN_INVALIDATE), 0)
    machine.step_us(10)


def test_memory_out_of_reach_faults(machine, gpu):
    t = Tables(machine)
    t.map(0x0000, pte(FB, 4 * GIB - 4096))
    t.map(0x1000, pte(FB, 4 * GIB))
    t.map(0x2000, pte(FB, SYS_MASK))
    t.map(0x3000, pte(COHERENT, 0x10000000000))     # nothing there
    t.map(0x4000, pte(NONCOHERENT, SYS_MASK))
    t.map(4 * MIB, pte(FB, 4 * GIB - 2 * MIB), 21)
    t.map(6 * MIB, pte(FB, 4 * GIB), 21)
    t.bind(gpu)
    for va in (0, 4096 - 8, 6 * MIB - 8):
        machine.wr64(gpu.bar[2] + va, va)
    for va, kind in ((0x1000, regs.NV_FAULT_TYPE_REGION),
                     (0x2000, regs.NV_FAULT_TYPE_REGION),
                     (0x3000, regs.NV_FAULT_TYPE_PTE),
                     (0x4000, regs.NV_FAULT_TYPE_PTE),
                     (6 * MIB, regs.NV_FAULT_TYPE_REGION)):
        faults(machine, gpu, va, kind)
        faults(machine, gpu, va, kind, WRITE)


def test_no_bus_master_no_system_memory(machine, gpu):
    t = Tables(machine)
    page = machine.put(struct.pack('<Q', 1))
    t.map(0, pte(COHERENT, page))
    t.map(0x1000, pte(FB, 0))
    t.bind(gpu)
    equal(machine.rd64(gpu.bar[2]), 1)
    machine.rd64(gpu.bar[2] + 0x1000)
    gpu.cfg_wr(0x04, 0x2, 2)
    faults(machine, gpu, 0, regs.NV_FAULT_TYPE_PTE)
    faults(machine, gpu, 0, regs.NV_FAULT_TYPE_PTE, WRITE)
    machine.rd64(gpu.bar[2] + 0x1000)       # kept, and in the framebuffer
    equal(OneShot(gpu).take(), None)
    gpu.cfg_wr(0x04, 0x6, 2)
    equal(machine.rd64(gpu.bar[2]), 1)


def test_what_the_iommu_refuses_is_a_fault(_machine, _gpu):
    with Machine(machine='virt,highmem-ecam=off,iommu=smmuv3') as machine:
        gpu = machine.gpu()
        t = Tables(machine)
        page = machine.put(struct.pack('<Q', 1))
        t.map(0, pte(COHERENT, page))
        t.map(0x1000, pte(FB, GIB))
        t.bind(gpu)
        equal(machine.rd64(gpu.bar[2]), 1)
        machine.wr64(gpu.bar[2] + 0x1000, 2)
        machine.wr32(SMMU_GBPA, GBPA_UPDATE | GBPA_ABORT)
        faults(machine, gpu, 0, regs.NV_FAULT_TYPE_PTE)
        faults(machine, gpu, 0, regs.NV_FAULT_TYPE_PTE, WRITE)
        equal(machine.rd64(gpu.bar[2] + 0x1000), 2)     # no DMA
        faults(machine, gpu, 0x2000, regs.NV_FAULT_TYPE_PTE)    # its table
        machine.wr32(SMMU_GBPA, GBPA_UPDATE)
        equal(machine.rd64(gpu.bar[2]), 1)
        equal(gpu.errors(), 0)


def test_tables_out_of_reach_fault(machine, gpu):
    t = Tables(machine)
    t.put(t.entry(0, 21), pde(FB, 4 * GIB))
    t.put(t.entry(2 * MIB, 21), pde(COHERENT, 0x10000000000))
    t.bind(gpu)
    faults(machine, gpu, 0, regs.NV_FAULT_TYPE_REGION)
    faults(machine, gpu, 2 * MIB, regs.NV_FAULT_TYPE_PTE)


@options('egm-size=64M')
def test_egm_needs_to_be_told_to_the_firmware(machine, gpu):
    t = Tables(machine)
    t.map(0, egm(0))
    t.bind(gpu)
    gpu.mistake('HSHUB_EGM_CONFIG', faults, machine, gpu, 0,
                regs.NV_FAULT_TYPE_APERTURE)


@options('egm-size=64M')
def test_other_peers_are_nothing(machine, gpu):
    t = Tables(machine)
    t.bind(gpu)
    for peer in range(7):
        t.map(peer << 12, pte(PEER, 0, peer=peer))
        faults(machine, gpu, peer << 12, regs.NV_FAULT_TYPE_APERTURE)


def test_without_egm_peer_7_is_nothing(machine, gpu):
    t = Tables(machine)
    t.map(0, egm(0))
    t.bind(gpu)
    faults(machine, gpu, 0, regs.NV_FAULT_TYPE_APERTURE)


def test_the_instance_aperture_shows_nothing_until_bound(machine, gpu):
    at = gpu.bar[4]
    equal(machine.rd64(at + 0x100),
          regs.NVGRACE_GPU_INSTANCE_UNMAPPED * 0x100000001)
    gpu.mistake('instance aperture', machine.wr64, at, 1)
    t = Tables(machine)
    page = machine.put(struct.pack('<Q', 0x77))
    t.map(0x1000, pte(COHERENT, page))
    t.bind(gpu, 2)
    equal(machine.rd64(at + 0x1000), 0x77)
    equal(machine.rd64(at), ONES)
    equal(OneShot(gpu).take(),
          (regs.NV_FAULT_TYPE_PTE, READ, 0, regs.NV_FAULT_ENGINE_BAR2))
    gpu.flr()
    equal(machine.rd64(gpu.bar[4] + 0x1000),
          regs.NVGRACE_GPU_INSTANCE_UNMAPPED * 0x100000001)


def test_instance_blocks_that_are_not(machine, gpu):
    lo = VFN + regs.NV_VFN_BAR1_BLOCK_LO
    block = machine.alloc(4096)
    virt = regs.NV_VFN_BAR_BLOCK_VIRTUAL
    gpu.wr(lo + 4, 1)               # behind the framebuffer
    gpu.mistake('no instance block', gpu.wr, lo, virt)
    gpu.wr(lo + 4, 0)
    gpu.mistake('no instance block', gpu.wr, lo, virt | block | PEER << 10)
    machine.wr64(block + regs.NV_RAMIN_PDB_LO, 1)
    gpu.mistake('no page directory', gpu.wr, lo, virt | block | COHERENT << 10)
    machine.wr64(gpu.bar[2] + GIB, 3)               # physical mode still
    equal(machine.rd64(gpu.bar[2] + GIB), 3)


# Fault buffer

def provoke(machine, gpu, count, first=0):
    """@count faults, a page each, by reads of BAR 1"""
    for i in range(count):
        equal(machine.rd64(gpu.bar[2] + GIB + (first + i) * 4096), ONES)


def bound(machine, gpu):
    t = Tables(machine)
    t.bind(gpu)
    return t


def test_a_fault_buffer_takes_faults_in_their_order(machine, gpu):
    t = bound(machine, gpu)
    ring = FaultBuffer(machine, gpu, 8)
    pending(gpu)
    for i in range(5):
        provoke(machine, gpu, 1, i)
        equal(ring.put(), i + 1)
        equal(pending(gpu), True)
    machine.wr64(gpu.bar[2] + GIB + 5 * 4096 + 8, 0)
    for i in range(6):
        equal(ring.entry(i), {
            'inst': t.inst, 'target': COHERENT, 'addr': GIB + i * 4096,
            'engine': regs.NV_FAULT_ENGINE_BAR1,
            'type': regs.NV_FAULT_TYPE_PDE,
            'access': WRITE if i == 5 else READ, 'valid': True})
    equal(OneShot(gpu).take(), None)


def test_a_fault_buffer_goes_round(machine, gpu):
    bound(machine, gpu)
    ring = FaultBuffer(machine, gpu, 4)
    for i in range(11):
        provoke(machine, gpu, 1, i)
        equal(ring.put(), (i + 1) % 4)
        equal(ring.entry(i % 4)['addr'], GIB + i * 4096)
        ring.set_get((i + 1) % 4)
    equal(ring.get(), 11 % 4)


def test_a_full_fault_buffer_overflows(machine, gpu):
    bound(machine, gpu)
    ring = FaultBuffer(machine, gpu, 4)
    overflow = regs.NV_VFN_FAULT_BUFFER_OVERFLOW
    provoke(machine, gpu, 3)
    equal((ring.get(), ring.put()), (0, 3))
    pending(gpu)
    provoke(machine, gpu, 2, 3)
    equal((ring.get(), ring.put()), (overflow, 3 | overflow))
    equal(pending(gpu), False, 'no interrupt asked for')
    equal(ring.entry(3)['valid'], False)
    # Room again: the next is kept, the mark stays until it is cleared
    ring.set_get(2)
    provoke(machine, gpu, 1, 5)
    equal((ring.get(), ring.put()), (2 | overflow, overflow))
    equal(ring.entry(3)['addr'], GIB + 5 * 4096)
    ring.set_get(0 | overflow)
    equal((ring.get(), ring.put()), (0, 0))


def test_an_overflow_interrupts_when_asked(machine, gpu):
    bound(machine, gpu)
    FaultBuffer(machine, gpu, 2, more=regs.NV_VFN_FAULT_BUFFER_OVERFLOW_INTR)
    provoke(machine, gpu, 1)
    equal(pending(gpu), True)
    provoke(machine, gpu, 1)
    equal(pending(gpu), True)


def test_a_lost_fault_interrupt_leaves_the_entry(machine, gpu):
    bound(machine, gpu)
    ring = FaultBuffer(machine, gpu, 4)
    pending(gpu)
    gpu.inject(regs.NVGRACE_INJECT_LOST_FAULT)
    provoke(machine, gpu, 1)
    equal((pending(gpu), ring.put()), (False, 1))
    provoke(machine, gpu, 1)
    equal((pending(gpu), ring.put()), (True, 2))


def test_a_fault_buffer_is_set_up_before_it_is_enabled(machine, gpu):
    size = VFN + regs.NV_VFN_FAULT_BUFFER_SIZE(0)
    gpu.wr(size, regs.NV_VFN_FAULT_BUFFER_SET_DEFAULT)
    equal(gpu.rd(size), regs.NVGRACE_GPU_FAULT_BUFFER_DEFAULT)
    gpu.mistake('1 entries', gpu.wr, size,
                1 | regs.NV_VFN_FAULT_BUFFER_ENABLE)
    ring = FaultBuffer(machine, gpu, 4)
    gpu.mistake('moved', gpu.wr, VFN + regs.NV_VFN_FAULT_BUFFER_LO(0), 0)
    gpu.mistake('8 entries', gpu.wr, size,
                8 | regs.NV_VFN_FAULT_BUFFER_ENABLE)
    gpu.mistake('read-only', gpu.wr, VFN + regs.NV_VFN_FAULT_BUFFER_PUT(0), 1)
    gpu.mistake('GET 4', ring.set_get, 4)
    equal(ring.get(), regs.NV_VFN_FAULT_BUFFER_CORRUPTED)
    ring.set_get(regs.NV_VFN_FAULT_BUFFER_CORRUPTED)
    equal(ring.get(), 0)
    gpu.wr(size, 4)
    bound(machine, gpu)
    provoke(machine, gpu, 1)
    equal(OneShot(gpu).take() is not None, True, 'disabled: one-shot report')
    gpu.flr()
    equal(gpu.rd(size), 0)


def test_a_fault_buffer_out_of_reach_is_a_driver_error(machine, gpu):
    bound(machine, gpu)
    for lo in (0x10000000000 | regs.NV_VFN_FAULT_BUFFER_PHYSICAL |
               COHERENT << 1,
               4 * GIB | regs.NV_VFN_FAULT_BUFFER_PHYSICAL,
               regs.NV_VFN_FAULT_BUFFER_PHYSICAL | PEER << 1,
               0):                  # virtual, and BAR 2 is not bound
        ring = FaultBuffer(machine, gpu, 4, lo, 0)
        gpu.mistake('not in reach', provoke, machine, gpu, 1)
        equal(ring.put(), 0)
        gpu.wr(VFN + regs.NV_VFN_FAULT_BUFFER_SIZE(0), 0)


def test_a_fault_buffer_in_the_framebuffer(machine, gpu):
    machine.write(gpu.bar[2] + GIB, bytes(256))
    ring = FaultBuffer(machine, gpu, 4,
                       GIB | regs.NV_VFN_FAULT_BUFFER_PHYSICAL,
                       gpu.bar[2] + GIB)
    bound(machine, gpu)
    provoke(machine, gpu, 1)
    equal(ring.put(), 1)
    gpu.wr(VFN + regs.NV_VFN_BAR1_BLOCK_LO, 0)
    equal(ring.entry(0)['addr'], GIB)


def test_all_57_bits_of_an_address_count(machine, gpu):
    bound(machine, gpu)
    t = Tables(machine)
    for i, va in enumerate((0x1ffffffffffe000, 0x0abcdef01234000,
                            0x155555555555000)):
        page = machine.alloc(4096)
        t.map(va, pte(COHERENT, page))
        t.bind(gpu, 2)
        ring = FaultBuffer(machine, gpu, 8, va, page)
        provoke(machine, gpu, 1, i)
        equal(ring.entry(i)['addr'], GIB + i * 4096)
        gpu.wr(VFN + regs.NV_VFN_FAULT_BUFFER_SIZE(0), 0)
        # One bit more is another address, and a limit
        FaultBuffer(machine, gpu, 8, va | 1 << 57, page)
        gpu.mistake('not in reach', provoke, machine, gpu, 1, i)
        gpu.wr(VFN + regs.NV_VFN_FAULT_BUFFER_SIZE(0), 0)


def test_registers_of_the_page_that_are_not_written(machine, gpu):
    for reg in (regs.NV_VFN_INTR_TOP, regs.NV_VFN_FAULT_ADDR_LO, 0x3100):
        gpu.mistake(f'register 0x{reg:x}', gpu.wr, VFN + reg, 1)
    gpu.mistake('1-byte write', machine.command, 'writeb',
                gpu.bar[0] + VFN + regs.NV_VFN_INVALIDATE_PDB_LO, 1)
    gpu.mistake('vector 512', gpu.wr, VFN + regs.NV_VFN_INTR_LEAF_TRIGGER, 512)


# VFs

class Vf:
    """VF i: its page and its BAR, and copy engine 0 of it"""

    def __init__(self, machine, gpu, i=0):
        cap = gpu.sriov()
        regs_bar, fb_bar = gpu.place_vf_bars()
        gpu.cfg_wr(cap + 0x10, gpu.cfg(cap + 0xe, 2), 2)        # NumVFs
        gpu.cfg_wr(cap + 0x08, 0x19, 2)         # enable, memory, ARI
        first, stride = gpu.cfg(cap + 0x14, 2), gpu.cfg(cap + 0x16, 2)
        self.machine = machine
        self.fn = Function(machine, 1, first + i * stride)
        self.fn.cfg_wr(0x04, 0x6, 2)
        self.page = regs_bar + i * regs.NV_VFN_SIZE
        self.fb = fb_bar + i * 128 * MIB

    def rd(self, reg):
        return self.machine.rd32(self.page + reg)

    def wr(self, reg, val):
        self.machine.wr32(self.page + reg, val)

    def copy(self, src, dst, size):
        """From its framebuffer to its framebuffer"""
        ce = regs.NVGRACE_GPU_CE0
        for reg, val in ((regs.NV_CE_SET_SRC_PHYS_MODE, 0),
                         (regs.NV_CE_SET_DST_PHYS_MODE, 0),
                         (regs.NV_CE_OFFSET_IN_UPPER, src >> 32),
                         (regs.NV_CE_OFFSET_IN_LOWER, src & 0xffffffff),
                         (regs.NV_CE_OFFSET_OUT_UPPER, dst >> 32),
                         (regs.NV_CE_OFFSET_OUT_LOWER, dst & 0xffffffff),
                         (regs.NV_CE_LINE_LENGTH_IN, size),
                         (regs.NV_CE_LINE_COUNT, 1),
                         (regs.NV_CE_LAUNCH_DMA,
                          regs.NV_CE_LAUNCH_TRANSFER_NON_PIPELINED |
                          regs.NV_CE_LAUNCH_SRC_PITCH |
                          regs.NV_CE_LAUNCH_DST_PITCH |
                          regs.NV_CE_LAUNCH_SRC_PHYSICAL |
                          regs.NV_CE_LAUNCH_DST_PHYSICAL)):
            self.wr(ce + reg, val)
        self.machine.step_ms(1)


def test_a_vf_has_its_slice_of_the_framebuffer(machine, gpu):
    vf = Vf(machine, gpu, 2)
    slice_at = 2 * 128 * MIB
    machine.wr64(gpu.bar[2] + slice_at + 0x1000, 0x600d)
    equal(machine.rd64(vf.fb + 0x1000), 0x600d)
    vf.copy(0x1000, 128 * MIB - 4096, 8)
    equal(machine.rd64(gpu.bar[2] + slice_at + 128 * MIB - 4096), 0x600d)
    report = OneShot(gpu, vf.rd, vf.wr)
    equal(report.take(), None)
    before = machine.rd64(gpu.bar[2] + slice_at + 128 * MIB)
    vf.copy(0x1000, 128 * MIB, 8)
    equal(report.take()[:3], (regs.NV_FAULT_TYPE_REGION,
                              regs.NV_FAULT_ACCESS_PHYS_WRITE, 128 * MIB))
    equal(machine.rd64(gpu.bar[2] + slice_at + 128 * MIB), before)


def test_a_vfs_fault_buffer_is_in_its_slice(machine, gpu):
    vf = Vf(machine, gpu, 1)
    vf.wr(regs.NV_VFN_FAULT_BUFFER_LO(0),
          0x3000 | regs.NV_VFN_FAULT_BUFFER_PHYSICAL)
    vf.wr(regs.NV_VFN_FAULT_BUFFER_SIZE(0),
          4 | regs.NV_VFN_FAULT_BUFFER_ENABLE)
    vf.copy(0, 256 * MIB, 8)
    equal(vf.rd(regs.NV_VFN_FAULT_BUFFER_PUT(0)), 1)
    entry = gpu.bar[2] + 128 * MIB + 0x3000
    equal(machine.rd64(entry + regs.NV_FAULT_ENTRY_ADDR_LO), 256 * MIB)
    equal(OneShot(gpu).take(), None, "the PF's report")
    # Behind the slice: the fault is lost, and no driver of the PF to blame
    vf.wr(regs.NV_VFN_FAULT_BUFFER_SIZE(0), 0)
    vf.wr(regs.NV_VFN_FAULT_BUFFER_LO(0),
          128 * MIB | regs.NV_VFN_FAULT_BUFFER_PHYSICAL)
    vf.wr(regs.NV_VFN_FAULT_BUFFER_SIZE(0),
          4 | regs.NV_VFN_FAULT_BUFFER_ENABLE)
    vf.copy(0, 256 * MIB, 8)
    equal(vf.rd(regs.NV_VFN_FAULT_BUFFER_PUT(0)), 1)
    equal(machine.rd64(gpu.bar[2] + 256 * MIB + 32), 0)


def test_a_vf_does_not_change_the_pfs_bars(machine, gpu):
    vf = Vf(machine, gpu)
    machine.wr64(gpu.bar[2] + GIB, 9)
    vf.wr(regs.NV_VFN_BAR1_BLOCK_LO, regs.NV_VFN_BAR_BLOCK_VIRTUAL)
    equal(vf.rd(regs.NV_VFN_BAR1_BLOCK_LO), 0)
    equal(machine.rd64(gpu.bar[2] + GIB), 9)


# With firmware

class Rm:
    """Controls on the objects that firmware has of its own"""

    def __init__(self, machine, gpu):
        boot = Boot(machine, gpu)
        boot.init()
        self.queue = boot.queue
        self.info = self.queue.call(65, bytes(1656))
        self.client, _, self.subdevice = struct.unpack_from('<III', self.info,
                                                            1600)

    def control(self, cmd, params):
        """Returns the status"""
        reply = self.queue.call(76, struct.pack(
            '<6I', self.client, self.subdevice, cmd, 0, len(params), 0) +
            bytes(params))
        return struct.unpack_from('<I', reply, 12)[0]

    def egm_peer(self, peer):
        return self.control(0x20800a8d, struct.pack('<I', peer))

    def bar_pde(self, bar, entry):
        self.queue.call(70, struct.pack('<IxxxxQQ', bar - 1, entry, 56))

    def bootload(self, gfid, segments):
        params = bytearray(6616)
        struct.pack_into('<I', params, 4, gfid)
        struct.pack_into('<I', params, 368, len(segments))
        for i, (start, size) in enumerate(segments):
            struct.pack_into('<Q', params, 376 + i * 8, start)
            struct.pack_into('<Q', params, 3448 + i * 8, size)
        return self.control(0x20804001, params)

    def shutdown(self, gfid):
        return self.control(0x20804002, struct.pack('<I', gfid))


@options('egm-size=64M')
def test_egm_is_peer_7_and_has_an_end(machine, gpu):
    rm = Rm(machine, gpu)
    t = Tables(machine)
    t.map(0, egm(0))
    t.map(0x1000, egm(64 * MIB - 4096))
    t.map(0x2000, egm(64 * MIB))
    t.map(0x3000, egm(SYS_MASK))
    t.map(0x4000, egm(0, READ_ONLY))
    t.map(4 * MIB, egm(62 * MIB), 21)
    t.map(6 * MIB, egm(64 * MIB), 21)
    t.bind(gpu)
    equal(rm.egm_peer(7), 0)
    for va, offset in ((0, 0), (0x1ff8, 64 * MIB - 8),
                       (4 * MIB + 64, 62 * MIB + 64)):
        machine.wr64(gpu.bar[2] + va, offset + 1)
        equal(machine.rd64(EGM_BASE + offset), offset + 1)
        machine.wr64(EGM_BASE + offset, offset + 2)
        equal(machine.rd64(gpu.bar[2] + va), offset + 2)
    for va in (0x2000, 0x3000, 6 * MIB):
        faults(machine, gpu, va, regs.NV_FAULT_TYPE_REGION)
        faults(machine, gpu, va, regs.NV_FAULT_TYPE_REGION, WRITE)
    faults(machine, gpu, 0x4000, regs.NV_FAULT_TYPE_RO, WRITE)
    # Not by DMA
    gpu.cfg_wr(0x04, 0x2, 2)
    machine.wr64(gpu.bar[2], 3)
    equal(machine.rd64(EGM_BASE), 3)
    gpu.cfg_wr(0x04, 0x6, 2)
    # A reset forgets
    gpu.flr()
    t.bind(gpu)
    gpu.mistake('HSHUB_EGM_CONFIG', faults, machine, gpu, 0,
                regs.NV_FAULT_TYPE_APERTURE)


@options('egm-size=64M')
def test_egm_is_no_other_peer(machine, gpu):
    rm = Rm(machine, gpu)
    gpu.mistake('HSHUB_EGM_CONFIG', rm.egm_peer, 6)
    equal(rm.egm_peer(7), 0)
    t = Tables(machine)
    t.bind(gpu)
    for peer in range(7):
        t.map(peer << 12, pte(PEER, 0, peer=peer))
        faults(machine, gpu, peer << 12, regs.NV_FAULT_TYPE_APERTURE)


def test_firmware_puts_a_bar_in_virtual_mode(machine, gpu):
    rm = Rm(machine, gpu)
    old, new = (machine.put(struct.pack('<Q', v)) for v in (1, 2))
    t = Tables(machine)
    t.map(0x7000, pte(COHERENT, old))
    entry = machine.rd64(t.root)
    rm.bar_pde(1, entry)
    at = gpu.bar[2] + 0x7000
    equal(machine.rd64(at), 1)
    faults(machine, gpu, 0x8000, regs.NV_FAULT_TYPE_PTE)
    # The root is the firmware's
    t.map(0x7000, pte(COHERENT, new))
    t.invalidate(gpu)
    machine.step_us(10)
    equal(machine.rd64(at), 1)
    root = u64(rm.info, 1536)
    invalidate(gpu, root >> 8 & 0xffffffff, root >> 40)
    machine.step_us(10)
    equal(machine.rd64(at), 2)
    # A new entry invalidates by itself
    t.map(0x7000, pte(COHERENT, old))
    rm.bar_pde(1, entry)
    equal(machine.rd64(at), 1)
    rm.bar_pde(2, entry)
    equal(machine.rd64(gpu.bar[4] + 0x7000), 1)
    rm.bar_pde(1, 0)
    machine.wr64(gpu.bar[2] + GIB, 3)
    equal(machine.rd64(gpu.bar[2] + GIB), 3)
    equal(machine.rd64(gpu.bar[4] + 0x7000), 1)
    rm.bar_pde(2, 0)
    equal(machine.rd32(gpu.bar[4] + 0x7000),
          regs.NVGRACE_GPU_INSTANCE_UNMAPPED)
    gpu.mistake('no page directory', rm.bar_pde, 1, pte(FB, 0))


def test_a_queued_fault_is_an_event(machine, gpu):
    rm = Rm(machine, gpu)
    bound(machine, gpu)
    FaultBuffer(machine, gpu, 4)
    gpu.inject(regs.NVGRACE_INJECT_LOST_FAULT)
    provoke(machine, gpu, 1)
    equal(rm.queue.wait(0x1005)[0], 0x1005)


def test_a_vf_has_the_segments_of_its_vgpu(machine, gpu):
    rm = Rm(machine, gpu)
    vf = Vf(machine, gpu, 1)
    parts = ((2 * GIB, 64 * MIB), (GIB, 32 * MIB))
    for start, _ in parts:
        machine.write(gpu.bar[2] + start, bytes(8192))
    equal(rm.bootload(2, parts), 0)

    def mark(addr):
        """Has the VF write a fault there; returns whether it could"""
        vf.wr(regs.NV_VFN_FAULT_BUFFER_SIZE(0), 0)
        vf.wr(regs.NV_VFN_FAULT_BUFFER_LO(0),
              addr | regs.NV_VFN_FAULT_BUFFER_PHYSICAL)
        vf.wr(regs.NV_VFN_FAULT_BUFFER_SIZE(0),
              16 | regs.NV_VFN_FAULT_BUFFER_ENABLE)
        put = vf.rd(regs.NV_VFN_FAULT_BUFFER_PUT(0))
        vf.copy(0, 3 * GIB, 8)
        return vf.rd(regs.NV_VFN_FAULT_BUFFER_PUT(0)) == put + 1

    equal(mark(64 * MIB), True)         # the second one is behind the first
    equal(machine.rd64(gpu.bar[2] + GIB + 8), 3 * GIB)
    equal(mark(0x1000), True)
    equal(machine.rd64(gpu.bar[2] + 2 * GIB + 0x1000 + 32 + 8), 3 * GIB)
    equal(mark(96 * MIB - 4096), True)
    equal(mark(96 * MIB), False)
    # And so does its BAR
    equal(machine.rd64(vf.fb + 0x1000 + 32 + 8), 3 * GIB)
    machine.wr64(vf.fb + 64 * MIB, 0x42)
    equal(machine.rd64(gpu.bar[2] + GIB), 0x42)
    equal(machine.rd64(vf.fb + 96 * MIB), ONES)
    equal(rm.shutdown(2), 0)
    machine.wr64(gpu.bar[2] + 128 * MIB + 0x1008, 0x43)
    equal(machine.rd64(vf.fb + 0x1008), 0x43)
    equal(mark(96 * MIB), True)


def test_a_reset_gives_a_vf_its_slice_again(machine, gpu):
    rm = Rm(machine, gpu)
    machine.wr64(gpu.bar[2] + 128 * MIB, 0x51)
    machine.wr64(gpu.bar[2] + GIB, 0x52)
    equal(rm.bootload(2, ((GIB, 32 * MIB),)), 0)
    equal(machine.rd64(Vf(machine, gpu, 1).fb), 0x52)
    gpu.flr()
    equal(machine.rd64(Vf(machine, gpu, 1).fb), 0x51)


tap(globals())
