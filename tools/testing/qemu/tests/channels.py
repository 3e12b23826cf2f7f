# SPDX-License-Identifier: GPL-2.0-or-later
"""
Channels of the GPU's device model, the hardware's way: instance block, page
tables, runlist and pushbuffer in memory, registers for the rest. No firmware.

    space = Space(machine)
    ch = Channel(machine, gpu, space, runlist=3, chid=7)
    submit(gpu, 3, [ch])
    ch.run(copy(src, dst, 4096) + release(sem, 1))
    ch.wait(sem, 1)
"""
import struct

from qtest import equal, regs
from rm import CHANNEL, COPY as COPY_OBJECT, COPY0, TSG
from tables import COHERENT, Tables, pte

LOW = (1 << 32) - 1
VFN = regs.NV_PF_VFN_BASE
CE = regs.NV_CE_SUBCHANNEL


# Pushbuffers: lists of dwords

def header(op, addr, count, sub=CE):
    return op << 29 | count << 16 | sub << 13 | addr // 4


def inc(addr, *data, sub=CE):
    return [header(regs.NV_PB_OP_INC, addr, len(data), sub), *data]


def immediate(addr, data, sub=CE):
    return [header(regs.NV_PB_OP_IMMD, addr, data, sub)]


def set_object(kind=regs.NV_CE_CLASS, sub=CE):
    return inc(regs.NV_HOST_SET_OBJECT, kind, sub=sub)


def address(addr):
    return addr >> 32, addr & LOW


PITCH = regs.NV_CE_LAUNCH_SRC_PITCH | regs.NV_CE_LAUNCH_DST_PITCH
COPY = regs.NV_CE_LAUNCH_TRANSFER_NON_PIPELINED | PITCH


def launch(flags):
    return inc(regs.NV_CE_LAUNCH_DMA, flags)


def modes(src, dst):
    return inc(regs.NV_CE_SET_SRC_PHYS_MODE, src, dst)


def copy(src, dst, size, flags=COPY):
    return (inc(regs.NV_CE_OFFSET_IN_UPPER, *address(src), *address(dst)) +
            inc(regs.NV_CE_LINE_LENGTH_IN, size, 1) + launch(flags))


def fill(dst, count, components=regs.NV_CE_REMAP_CONST_A_4BYTES, a=0, b=0,
         flags=COPY):
    return (inc(regs.NV_CE_SET_REMAP_CONST_A, a, b, components) +
            inc(regs.NV_CE_OFFSET_OUT_UPPER, *address(dst)) +
            inc(regs.NV_CE_LINE_LENGTH_IN, count, 1) +
            launch(flags | regs.NV_CE_LAUNCH_REMAP))


def ce_release(addr, payload, flags=regs.NV_CE_LAUNCH_SEM_ONE_WORD, upper=0):
    """The engine's semaphore, in a launch of its own"""
    return (inc(regs.NV_CE_SET_SEMAPHORE_A, *address(addr), payload, upper) +
            launch(flags | regs.NV_CE_LAUNCH_FLUSH))


def semaphore(addr, payload, execute):
    """The host's semaphore"""
    return inc(regs.NV_HOST_SEM_ADDR_LO, addr & LOW, addr >> 32,
               payload & LOW, payload >> 32, execute)


def release(addr, payload, flags=0):
    return semaphore(addr, payload, regs.NV_HOST_SEM_RELEASE | flags)


def acquire(addr, payload, op=regs.NV_HOST_SEM_ACQUIRE, flags=0):
    return semaphore(addr, payload, op | flags)


class Space:
    """An address space with an allocator of virtual addresses"""

    def __init__(self, machine, **how):
        self.machine = machine
        self.tables = Tables(machine, **how)
        self.next = 1 << 32

    def map(self, pages, shift=12):
        """Entries, one for each page in turn"""
        va = -(-self.next >> shift << shift)
        for i, entry in enumerate(pages):
            self.tables.map(va + (i << shift), entry, shift)
        self.next = va + (len(pages) << shift)
        return va

    def ram(self, size):
        """Fresh system memory: (virtual address, where it is)"""
        pages = -(-size // 4096)
        addr = self.machine.alloc(pages * 4096)
        return self.map([pte(COHERENT, addr + i * 4096)
                         for i in range(pages)]), addr


class Channel:
    """Everything a channel needs in memory, and its state as tests see it"""

    def __init__(self, machine, gpu, space, runlist=0, chid=1, privileged=True,
                 tsg=None, gfid=0, entries=64, target=COHERENT):
        self.machine, self.gpu, self.space = machine, gpu, space
        self.runlist, self.chid, self.gfid = runlist, chid, gfid
        self.tsg = chid if tsg is None else tsg
        self.entries, self.target = entries, target
        self.make_memory()
        self.ramfc(regs.NV_RAMFC_SIGNATURE, regs.NV_RAMFC_SIGNATURE_VALUE)
        self.ramfc(regs.NV_RAMFC_GP_BASE_LO, self.gp_va & LOW)
        self.ramfc(regs.NV_RAMFC_GP_BASE_HI, self.gp_va >> 32)
        self.ramfc(regs.NV_RAMFC_GP_INFO, (entries.bit_length() - 1) << 16)
        self.ramfc(regs.NV_RAMFC_CONFIG, regs.NV_RAMFC_CONFIG_USERD_WRITEBACK |
                   (regs.NV_RAMFC_CONFIG_PRIVILEGED if privileged else 0))
        root = space.tables.root | space.tables.aperture
        self.ramfc(regs.NV_RAMIN_PDB_LO, root & LOW)
        self.ramfc(regs.NV_RAMIN_PDB_HI, root >> 32)

    def make_memory(self):
        machine, space = self.machine, self.space
        self.put = 0
        self.inst, self.userd = machine.alloc(4096), machine.alloc(4096)
        self.gp_va, self.gp = space.ram(self.entries * 8)
        self.pb_va, self.pb = space.ram(65536)
        self.pb_used = 0
        self.sem_va, self.sem = space.ram(4096)

    def ramfc(self, reg, val=None):
        if val is None:
            return self.machine.rd32(self.inst + reg)
        return self.machine.wr32(self.inst + reg, val)

    def runlist_entry(self):
        return struct.pack('<4I',
                           self.target << 4 | COHERENT << 6 |
                           self.userd & LOW, self.userd >> 32,
                           self.chid | self.inst & LOW, self.inst >> 32)

    def chram(self, val=None):
        reg = regs.NVGRACE_GPU_RUNLIST_CHRAM(self.runlist) + self.chid * 4
        return self.gpu.rd(reg) if val is None else self.gpu.wr(reg, val)

    def enable(self):
        self.chram(regs.NV_CHRAM_ENABLE)

    def disable(self):
        self.chram(regs.NV_CHRAM_ENABLE | regs.NV_CHRAM_CLEAR)

    def preempt(self):
        self.gpu.wr(regs.NVGRACE_GPU_RUNLIST_PRI(self.runlist) +
                    regs.NV_RUNLIST_PREEMPT,
                    self.tsg | regs.NV_RUNLIST_PREEMPT_TSG << 24)

    def doorbell(self):
        self.gpu.wr(VFN + regs.NV_VFN_DOORBELL,
                    self.runlist << 16 | self.chid)

    def entry(self, dw0, dw1):
        """One GP entry, GP_PUT not told"""
        self.machine.write(self.gp + self.put * 8, struct.pack('<2I', dw0, dw1))
        self.put = (self.put + 1) % self.entries

    def segment(self, words):
        """Pushbuffer and GP entry, GP_PUT not told"""
        if self.pb_used + len(words) * 4 > 65536:
            self.pb_used = 0
        self.machine.write(self.pb + self.pb_used,
                           struct.pack(f'<{len(words)}I', *words))
        va = self.pb_va + self.pb_used
        self.pb_used += len(words) * 4
        self.entry(va & LOW, va >> 32 | len(words) << 10)

    def tell(self):
        self.machine.wr32(self.userd + regs.NV_USERD_GP_PUT, self.put)
        self.doorbell()

    def run(self, *segments, ms=1):
        for words in segments:
            self.segment(words)
        self.tell()
        if ms:
            self.machine.step_ms(ms)

    def get(self):
        return self.machine.rd32(self.userd + regs.NV_USERD_GP_GET)

    def idle(self, what='pending'):
        equal(self.chram() & (regs.NV_CHRAM_PENDING | regs.NV_CHRAM_BUSY), 0,
              what)


class RmChannel(Channel):
    """A channel that the firmware makes, in a group of its own"""

    def __init__(self, machine, gpu, rm, space, vaspace, ce=0, chid=1, nr=0,
                 privileged=True, entries=64):
        self.machine, self.gpu, self.space, self.rm = machine, gpu, space, rm
        self.runlist, self.chid, self.gfid = ce, chid, 0
        self.entries = entries
        self.make_memory()
        params = rm.channel_params(ce, chid, vaspace, self.gp_va, entries,
                                   privileged)
        self.inst, self.userd = rm.memory['inst'], rm.memory['userd']
        self.notifier = rm.memory['notifier']
        self.group, self.handle = rm.tsg(ce, TSG + nr), CHANNEL + nr
        equal(rm.alloc(self.group, self.handle, 0xc96f, params), 0, 'channel')
        equal(rm.bind(self.handle, ce), 0, 'BIND')
        equal(rm.alloc(self.handle, COPY_OBJECT + nr, regs.NV_CE_CLASS,
                       struct.pack('<II', 1, COPY0 + ce)), 0, 'object')

    def start(self):
        equal(self.rm.schedule(self.handle), 0, 'SCHEDULE')
        self.token, = struct.unpack('<I', self.rm.ask(self.handle, 0xc36f0108,
                                                      bytes(4)))
        return self

    def doorbell(self):
        self.gpu.wr(VFN + regs.NV_VFN_DOORBELL, self.token)

    def preempt(self):
        """Its status"""
        return self.rm.control(self.group, 0xa06c0105,
                               struct.pack('<BBxxI', 1, 1, 1000))[0]

    def notified(self):
        """None, or the error in its notifier"""
        data = self.machine.read(self.notifier, 16)
        when, info, _, status = struct.unpack('<QIHH', data)
        return info if status == 0xffff and when else None


def runlist(channels):
    """Their entries, a TSG for each run of channels of one"""
    out, tsgs = b'', []
    for ch in channels:
        if not tsgs or tsgs[-1][0].tsg != ch.tsg:
            tsgs.append([])
        tsgs[-1].append(ch)
    for tsg in tsgs:
        out += struct.pack('<4I', 1 | tsg[0].gfid << 4, len(tsg), tsg[0].tsg, 0)
        out += b''.join(ch.runlist_entry() for ch in tsg)
    return out


def submit_raw(gpu, index, data, target=COHERENT, count=None, offset=0):
    machine = gpu.machine
    addr = machine.put(bytes(offset * 16) + data) if data else 0
    base = regs.NVGRACE_GPU_RUNLIST_PRI(index)
    gpu.wr(base + regs.NV_RUNLIST_SUBMIT_BASE_LO, addr & LOW | target)
    gpu.wr(base + regs.NV_RUNLIST_SUBMIT_BASE_HI, addr >> 32)
    gpu.wr(base + regs.NV_RUNLIST_SUBMIT,
           (len(data) // 16 if count is None else count) | offset << 16)
    equal(gpu.rd(base + regs.NV_RUNLIST_INFO), regs.NV_RUNLIST_INFO_PENDING)
    machine.step_us(50)
    equal(gpu.rd(base + regs.NV_RUNLIST_INFO), 0)


def submit(gpu, index, channels, enable=True):
    submit_raw(gpu, index, runlist(channels))
    for ch in channels:
        if enable:
            ch.enable()


def vector(gpu, number):
    """Is it pending? Cleared"""
    leaf = VFN + regs.NV_VFN_INTR_LEAF(number // 32)
    bit = 1 << number % 32
    seen = bool(gpu.rd(leaf) & bit)
    gpu.wr(leaf, bit)
    return seen
