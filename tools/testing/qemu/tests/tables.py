# SPDX-License-Identifier: GPL-2.0-or-later
"""
Page tables of version 3 (Hopper, Blackwell), built in memory for the model.

    t = Tables(machine)
    t.map(0x200000, pte(FB, 0x40000000), 21)
    t.bind(gpu)                     # BAR 1 shows it from now on

Sizes of pages are given as shifts: 12, 16, 21 and 29.
"""
import struct

from qtest import regs

FB, PEER, COHERENT, NONCOHERENT = range(4)      # apertures of an entry

DIRECTORIES = ((56, 1), (47, 9), (38, 9), (29, 9))


def pcf(bits):
    return bits << regs.NV_MMU_PTE_PCF_SHIFT


READ_ONLY = pcf(regs.NV_MMU_PTE_PCF_READ_ONLY)


def pte(aperture, addr, more=0, kind=regs.NV_MMU_PTE_KIND_GENERIC, peer=0):
    return (regs.NV_MMU_PTE_VALID | addr | more |
            aperture << regs.NV_MMU_PTE_APERTURE_SHIFT |
            kind << regs.NV_MMU_PTE_KIND_SHIFT |
            peer << regs.NV_MMU_PTE_PEER_SHIFT)


def egm(offset, more=0):
    return pte(PEER, offset, more, peer=regs.NV_MMU_PEER_EGM)


def pde(aperture, addr):
    code = {FB: regs.NV_MMU_PDE_APERTURE_FB,
            COHERENT: regs.NV_MMU_PDE_APERTURE_COHERENT,
            NONCOHERENT: regs.NV_MMU_PDE_APERTURE_NONCOHERENT}[aperture]
    return addr | code << regs.NV_MMU_PDE_APERTURE_SHIFT


class Tables:
    """One address space. Tables are in system memory or, @fb, there"""

    def __init__(self, machine, fb=None, aperture=COHERENT):
        self.machine = machine
        self.fb = fb            # (address to write at, in the framebuffer)
        self.aperture = FB if fb else aperture
        self.tables = {}        # (shift, va above it) to address
        self.inst = machine.alloc(regs.NV_RAMIN_SIZE)
        self.root = self.alloc()
        self.at = {}            # (va, shift) to where the entry was written
        machine.wr64(self.inst + regs.NV_RAMIN_PDB_LO,
                     self.root | self.aperture)

    def alloc(self, size=4096):
        if not self.fb:
            return self.machine.alloc(size, size)
        window, addr = self.fb
        self.fb = (window, addr + 4096)
        self.machine.write(window + addr, bytes(4096))
        return addr

    def where(self, addr):
        """CPU address of a table"""
        return self.fb[0] + addr if self.fb else addr

    def put(self, addr, entry):
        self.machine.wr64(self.where(addr), entry)
        return addr

    def table(self, va, shift, parent, size=4096):
        """Table of entries below @shift; made, and entered in @parent"""
        key = (shift, va >> shift, parent & 0xfff)
        if key not in self.tables:
            self.tables[key] = self.alloc(size)
            self.put(parent, pde(self.aperture, self.tables[key]))
        return self.tables[key]

    def entry(self, va, shift):
        """Address of the entry of @va for a page of that size"""
        table = self.root
        for level, bits in DIRECTORIES:
            at = table + (va >> level & (1 << bits) - 1) * 8
            if level == shift:
                return at
            table = self.table(va, level, at)
        at = table + (va >> 21 & 0xff) * 16
        if shift == 21:
            return at
        if shift == 16:
            return self.table(va, 21, at, 256) + (va >> 16 & 31) * 8
        return self.table(va, 21, at + 8) + (va >> 12 & 511) * 8

    def map(self, va, entry, shift=12):
        return self.put(self.entry(va, shift), entry)

    def bind(self, gpu, bar=1):
        lo = regs.NV_PF_VFN_BASE + (regs.NV_VFN_BAR1_BLOCK_LO if bar == 1 else
                                    regs.NV_VFN_BAR2_BLOCK_LO)
        gpu.wr(lo + 4, self.inst >> 32)
        gpu.wr(lo, self.inst & 0xffffffff | regs.NV_VFN_BAR_BLOCK_VIRTUAL |
               COHERENT << 10)

    def invalidate(self, gpu):
        """Tells the GPU; the caller lets time pass"""
        lo = self.root >> 8
        if self.aperture != FB:
            lo |= regs.NV_VFN_INVALIDATE_PDB_SYSMEM
        invalidate(gpu, lo & 0xffffffff, self.root >> 40)


def invalidate(gpu, lo=0, hi=0, more=0):
    base = regs.NV_PF_VFN_BASE
    gpu.wr(base + regs.NV_VFN_INVALIDATE_PDB_LO, lo)
    gpu.wr(base + regs.NV_VFN_INVALIDATE_PDB_HI, hi)
    gpu.wr(base + regs.NV_VFN_INVALIDATE, regs.NV_VFN_INVALIDATE_TRIGGER |
           regs.NV_VFN_INVALIDATE_ALL_VA | more)


class FaultBuffer:
    """Ring of the PF, in system memory unless told otherwise"""

    base = regs.NV_PF_VFN_BASE

    def __init__(self, machine, gpu, entries, lo=None, at=None, more=0):
        self.machine, self.gpu, self.entries = machine, gpu, entries
        self.addr = at if at is not None else machine.alloc(entries * 32)
        if lo is None:
            lo = (self.addr | regs.NV_VFN_FAULT_BUFFER_PHYSICAL |
                  COHERENT << 1)
        gpu.wr(self.base + regs.NV_VFN_FAULT_BUFFER_HI(0), lo >> 32)
        gpu.wr(self.base + regs.NV_VFN_FAULT_BUFFER_LO(0), lo & 0xffffffff)
        gpu.wr(self.base + regs.NV_VFN_FAULT_BUFFER_SIZE(0),
               entries | more | regs.NV_VFN_FAULT_BUFFER_ENABLE)

    def get(self):
        return self.gpu.rd(self.base + regs.NV_VFN_FAULT_BUFFER_GET(0))

    def put(self):
        return self.gpu.rd(self.base + regs.NV_VFN_FAULT_BUFFER_PUT(0))

    def set_get(self, val):
        self.gpu.wr(self.base + regs.NV_VFN_FAULT_BUFFER_GET(0), val)

    def entry(self, i):
        words = struct.unpack('<8I',
                              self.machine.read(self.addr + i * 32, 32))
        return {'inst': (words[0] | words[1] << 32) & ~0xfff,
                'target': words[0] >> 8 & 3,
                'addr': (words[2] | words[3] << 32) & ~0xfff,
                'engine': words[6] & 0x1ff,
                'type': words[7] & regs.NV_FAULT_ENTRY_TYPE,
                'access': (words[7] & regs.NV_FAULT_ENTRY_ACCESS) >> 16,
                'valid': bool(words[7] & regs.NV_FAULT_ENTRY_VALID)}


class OneShot:
    """The report in the registers of the PF's page, or of another at @base"""

    def __init__(self, gpu, read=None, write=None):
        self.read = read or (lambda reg: gpu.rd(regs.NV_PF_VFN_BASE + reg))
        self.write = write or (lambda reg, val:
                               gpu.wr(regs.NV_PF_VFN_BASE + reg, val))

    def take(self):
        """None, or (type, access, address, engine)"""
        info = self.read(regs.NV_VFN_FAULT_INFO)
        if not info & regs.NV_VFN_FAULT_INFO_VALID:
            return None
        addr = (self.read(regs.NV_VFN_FAULT_ADDR_HI) << 32 |
                self.read(regs.NV_VFN_FAULT_ADDR_LO))
        engine = self.read(regs.NV_VFN_FAULT_INST_LO) & 0x1ff
        self.write(regs.NV_VFN_FAULT_INFO, regs.NV_VFN_FAULT_INFO_VALID)
        return (info & regs.NV_VFN_FAULT_INFO_TYPE,
                (info & regs.NV_VFN_FAULT_INFO_ACCESS) >> 16, addr, engine)
