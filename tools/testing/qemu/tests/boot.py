# SPDX-License-Identifier: GPL-2.0-or-later
"""
Boots the firmware of the GPU's device model, as a driver would.

    boot = Boot(machine, gpu)       buffers, filled in; all can be changed
    boot.run()                      until the RISC-V core is active
    boot.init()                     until GSP_INIT_DONE
    reply = boot.queue.call(65)     a message to RM and the payload of its reply

What a driver builds in memory is kept in bytearrays (params, meta, libos, rmargs,
cot) until store() puts it where the device reads it.
"""
import hashlib
import os
import struct
import subprocess
import tempfile

from qtest import equal, regs, u32, u64

MAKE_FIRMWARE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             '../firmware/make-firmware')
MIB = 1 << 20
PAGE = 4096
META_MAGIC = 0xdc3aae21371a60b3
VERIFIED = 0xa0a0a0a0a0a0a0a0
PMU_RESERVED = 24 * MIB + 128 * 1024
VGA_SIZE = 128 * 1024
FRTS_SIZE = MIB
FRTS_OFFSET = 28 * MIB
NON_WPR_HEAP = 2 * MIB
LOG_SIZE = 64 * 1024
QUEUE_PAGES = 129


def sections(elf):
    """{name: content} of a 64-bit ELF file"""
    shoff, = struct.unpack_from('<Q', elf, 40)
    entsize, num, names = struct.unpack_from('<HHH', elf, 58)
    heads = [struct.unpack_from('<IIQQQQ', elf, shoff + i * entsize)
             for i in range(num)]
    strings = heads[names][4]
    return {elf[strings + h[0]:elf.index(b'\0', strings + h[0])].decode():
            elf[h[4]:h[4] + h[5]] for h in heads}


class Firmware:
    """The test images, built once"""
    _files = None

    def __init__(self):
        if not Firmware._files:
            with tempfile.TemporaryDirectory() as out:
                subprocess.run([MAKE_FIRMWARE, out], check=True)
                Firmware._files = [
                    open(os.path.join(out, name), 'rb').read()
                    for name in ('gsp.bin', 'fmc.bin', 'bootloader.bin')]
        gsp, fmc = (sections(f) for f in Firmware._files[:2])
        self.image = bytearray(gsp['.fwimage'])
        self.signature = bytearray(gsp['.fwsignature_gb10x'])
        self.version = gsp['.fwversion']
        self.fmc = bytearray(fmc['image'])
        self.fmc_hash = bytearray(fmc['hash'])
        self.fmc_key = bytearray(fmc['publickey'])
        self.fmc_signature = bytearray(fmc['signature'])
        self.bootloader = bytearray(Firmware._files[2])

    def sign(self):
        """After a change of the image's code or length"""
        struct.pack_into('<Q', self.image, 16, len(self.image))
        self.image[32:64] = hashlib.sha256(self.image[PAGE:]).digest()
        self.signature[:32] = hashlib.sha256(self.image).digest()


class Queue:
    """The block of both queues, and messages of one element each"""
    PAGES = 63

    def __init__(self, machine, gpu):
        self.machine = machine
        self.gpu = gpu
        self.base = machine.alloc(QUEUE_PAGES * PAGE)
        self.cmdq = self.base + PAGE
        self.statq = self.cmdq + (self.PAGES + 1) * PAGE
        machine.write(self.base, b''.join(
            struct.pack('<Q', self.base + i * PAGE)
            for i in range(QUEUE_PAGES)))
        machine.write(self.cmdq, struct.pack(
            '<8I', 0, (self.PAGES + 1) * PAGE, PAGE, self.PAGES, 0, 1, 32,
            PAGE))
        self.seq = 0
        self.rpc_sequence = 0
        self.write_at = 0
        self.read_at = 0

    @staticmethod
    def checksum(data):
        data += bytes(-len(data) % 8)
        total = 0
        for word, in struct.iter_unpack('<Q', data):
            total ^= word
        return total >> 32 ^ total & 0xffffffff

    def send(self, function, payload=b''):
        """One message; returns its sequence"""
        self.rpc_sequence += 1
        rpc = struct.pack('<8I', 0x03000000, 0x43505256, 32 + len(payload),
                          function, 0xffffffff, 0xffffffff, self.rpc_sequence,
                          0) + payload
        count = -(-(48 + len(rpc)) // PAGE)
        element = bytearray(48) + rpc
        struct.pack_into('<III', element, 32, 0, self.seq, count)
        struct.pack_into('<I', element, 32, self.checksum(bytes(element)))
        self.seq += 1
        for i in range(count):
            at = (self.write_at + i) % self.PAGES
            self.machine.write(self.cmdq + PAGE * (1 + at),
                               element[i * PAGE:(i + 1) * PAGE])
        self.write_at = (self.write_at + count) % self.PAGES
        self.machine.wr32(self.cmdq + 16, self.write_at)
        self.gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
        return self.rpc_sequence

    def poll(self):
        """The next message from GSP: (function, sequence, result, payload)"""
        if self.machine.rd32(self.statq + 16) == self.read_at:
            return None
        element = self.machine.read(self.statq + PAGE * (1 + self.read_at),
                                    PAGE)
        count = u32(element, 40)
        for i in range(1, count):
            at = (self.read_at + i) % self.PAGES
            element += self.machine.read(self.statq + PAGE * (1 + at), PAGE)
        self.read_at = (self.read_at + count) % self.PAGES
        self.machine.wr32(self.cmdq + 32, self.read_at)
        rpc = element[48:]
        return u32(rpc, 12), u32(rpc, 24), u32(rpc, 16), rpc[32:u32(rpc, 8)]

    def wait(self, function, ms=100):
        for _ in range(ms * 10):
            message = self.poll()
            if message and message[0] == function:
                return message
            if not message:
                self.machine.step_us(100)
        raise AssertionError(f'no message {function:#x} within {ms} ms')

    def call(self, function, payload=b'', ms=100):
        self.send(function, payload)
        message = self.wait(function, ms)
        equal(message[2], 0, f'result of function {function}')
        return message[3]


class Boot:
    def __init__(self, machine, gpu, vgpu=True, told=False):
        self.machine = machine
        self.gpu = gpu
        self.fw = Firmware()
        cap = gpu.sriov()
        self.vfs = gpu.cfg(cap + 0xe, 2) if cap and vgpu else 0
        self.fb_size = gpu.rd(regs.NV_USABLE_FB_SIZE_MIB) * MIB
        self.heap_size = (581 if self.vfs else 88) * MIB
        self.queue = Queue(machine, gpu)
        self.make_args()
        self.make_meta()
        if told:
            self.make_layout()
        self.params = bytearray(regs.NV_FMC_PARAMS_SIZE)
        struct.pack_into('<II', self.params, regs.NV_FMC_WPR_META_TARGET,
                         regs.NV_DMA_TARGET_COHERENT, regs.NV_WPR_META_SIZE)
        self.params[regs.NV_FMC_IS_GSP_RM] = 1
        struct.pack_into('<I', self.params, regs.NV_FMC_LIBOS_TARGET,
                         regs.NV_DMA_TARGET_NONCOHERENT)
        self.cot = bytearray(regs.NV_COT_SIZE)
        struct.pack_into('<HH', self.cot, 0, regs.NV_COT_VERSION,
                         regs.NV_COT_SIZE)
        struct.pack_into('<QI', self.cot, regs.NV_COT_FRTS_OFFSET,
                         FRTS_OFFSET, FRTS_SIZE)

    # What the host hands over

    def make_args(self):
        m = self.machine
        self.logs = {}
        self.rmargs = bytearray(PAGE)
        struct.pack_into('<QI', self.rmargs, 0, self.queue.base, QUEUE_PAGES)
        struct.pack_into('<QQ', self.rmargs, regs.NV_RMARGS_CMDQ,
                         self.queue.cmdq - self.queue.base,
                         self.queue.statq - self.queue.base)
        self.rmargs[regs.NV_RMARGS_DMEM_STACK] = 1
        self.rmargs_at = m.alloc(PAGE)
        self.libos = bytearray(PAGE)
        for i, name in enumerate(('LOGINIT', 'LOGINTR', 'LOGRM')):
            at = m.alloc(LOG_SIZE)
            m.write(at + 8, b''.join(struct.pack('<Q', at + j * PAGE)
                                     for j in range(LOG_SIZE // PAGE)))
            self.logs[name] = at
            self.libos_arg(i, name, at, LOG_SIZE)
        self.libos_arg(3, 'RMARGS', self.rmargs_at, PAGE)

    def libos_arg(self, i, name, at, size, kind=1, location=1):
        struct.pack_into('<QQQBB', self.libos, i * 32,
                         int.from_bytes(name.encode(), 'big'), at, size, kind,
                         location)

    def set64(self, at, value):
        struct.pack_into('<Q', self.meta, at, value)

    def make_meta(self):
        self.meta = bytearray(regs.NV_WPR_META_SIZE)
        for at, value in (
                (regs.NV_WPR_META_MAGIC, META_MAGIC),
                (regs.NV_WPR_META_REVISION, 1),
                (regs.NV_WPR_META_RADIX3_SIZE, len(self.fw.image)),
                (regs.NV_WPR_META_BOOTLOADER_SIZE, len(self.fw.bootloader)),
                (regs.NV_WPR_META_SIGNATURE_SIZE, len(self.fw.signature)),
                (regs.NV_WPR_META_NON_WPR_HEAP_SIZE, NON_WPR_HEAP),
                (regs.NV_WPR_META_HEAP_SIZE, self.heap_size),
                (regs.NV_WPR_META_FRTS_SIZE, FRTS_SIZE),
                (regs.NV_WPR_META_VGA_SIZE, VGA_SIZE)):
            self.set64(at, value)
        self.meta[regs.NV_WPR_META_VF_PARTITIONS] = self.vfs
        struct.pack_into('<I', self.meta, regs.NV_WPR_META_PMU_RESERVED,
                         PMU_RESERVED)

    def layout(self):
        """Where FMC puts things: {offset in the meta: address}"""
        def down(size, align):
            nonlocal at
            at = (at - size) // align * align
            return at
        end = at = self.fb_size - FRTS_OFFSET
        frts = down(FRTS_SIZE, 128 << 10)
        boot = down(len(self.fw.bootloader), PAGE)
        image = down(len(self.fw.image), 64 << 10)
        heap = down(self.heap_size, MIB)
        start = down(regs.NV_WPR_META_SIZE, MIB)
        low = down(NON_WPR_HEAP, 128 << 10)
        return {regs.NV_WPR_META_FRTS: frts, regs.NV_WPR_META_BOOT_BIN: boot,
                regs.NV_WPR_META_IMAGE: image, regs.NV_WPR_META_HEAP: heap,
                regs.NV_WPR_META_WPR_START: start,
                regs.NV_WPR_META_WPR_END: end,
                regs.NV_WPR_META_RESERVED_START: low,
                regs.NV_WPR_META_NON_WPR_HEAP: low,
                regs.NV_WPR_META_VGA: self.fb_size - VGA_SIZE,
                regs.NV_WPR_META_FB_SIZE: self.fb_size}

    def make_layout(self):
        for at, value in self.layout().items():
            self.set64(at, value)

    def radix3(self):
        """Image and its tables in memory; pages out of order on purpose"""
        m, image = self.machine, self.fw.image
        nr = len(image) // PAGE
        base = m.put(b''.join(bytes(image[i * PAGE:(i + 1) * PAGE])
                              for i in reversed(range(nr))))
        self.image_at = base
        pages = [base + (nr - 1 - i) * PAGE for i in range(nr)]
        self.level2 = [m.put(b''.join(struct.pack('<Q', p)
                                      for p in pages[i:i + 512]))
                       for i in range(0, nr, 512)]
        self.level1 = m.put(b''.join(struct.pack('<Q', p)
                                     for p in self.level2))
        return m.put(struct.pack('<Q', self.level1))

    def store(self):
        """Puts all of it in memory, with the addresses that lead there"""
        m = self.machine
        for at, value in ((regs.NV_WPR_META_RADIX3, self.radix3()),
                          (regs.NV_WPR_META_BOOTLOADER,
                           m.put(self.fw.bootloader)),
                          (regs.NV_WPR_META_SIGNATURE,
                           m.put(self.fw.signature))):
            if not u64(self.meta, at):
                self.set64(at, value)
        m.write(self.rmargs_at, self.rmargs)
        self.meta_at = m.put(self.meta)
        struct.pack_into('<Q', self.params, regs.NV_FMC_WPR_META, self.meta_at)
        struct.pack_into('<Q', self.params, regs.NV_FMC_LIBOS_ARGS,
                         m.put(self.libos))
        self.params_at = m.put(self.params)
        struct.pack_into('<Q', self.cot, regs.NV_COT_FMC, m.put(self.fw.fmc))
        struct.pack_into('<48s384s384sQ', self.cot, regs.NV_COT_HASH,
                         self.fw.fmc_hash, self.fw.fmc_key,
                         self.fw.fmc_signature, self.params_at)

    # FSP

    def fsp_put(self, message):
        gpu = self.gpu
        gpu.wr(regs.NV_PFSP_EMEMC, regs.NV_PFSP_EMEMC_AINCW)
        for word, in struct.iter_unpack('<I', message):
            gpu.wr(regs.NV_PFSP_EMEMD, word)
        gpu.wr(regs.NV_PFSP_QUEUE_TAIL, len(message) - 4)
        gpu.wr(regs.NV_PFSP_QUEUE_HEAD, 0)

    def fsp_get(self):
        """The answer, or None"""
        gpu = self.gpu
        head = gpu.rd(regs.NV_PFSP_MSGQ_HEAD)
        tail = gpu.rd(regs.NV_PFSP_MSGQ_TAIL)
        if head == tail:
            return None
        gpu.wr(regs.NV_PFSP_EMEMC, regs.NV_PFSP_EMEMC_AINCR)
        data = b''.join(struct.pack('<I', gpu.rd(regs.NV_PFSP_EMEMD))
                        for _ in range((tail - head + 4) // 4))
        gpu.wr(regs.NV_PFSP_MSGQ_TAIL, 0)
        gpu.wr(regs.NV_PFSP_MSGQ_HEAD, 0)
        return data

    def fsp(self, kind, payload):
        """Sends and waits: (error, data), or None without an answer"""
        self.fsp_put(struct.pack('<II', regs.NV_MCTP_SINGLE_PACKET,
                                 regs.NV_NVDM_HEADER(kind)) + bytes(payload))
        self.machine.step_ms(1)
        answer = self.fsp_get()
        if answer is None:
            return None
        equal(struct.unpack_from('<IIII', answer),
              (regs.NV_MCTP_SINGLE_PACKET,
               regs.NV_NVDM_HEADER(regs.NV_NVDM_RESPONSE), 0, kind))
        return u32(answer, 16), answer[20:]

    def knob(self):
        error, data = self.fsp(regs.NV_NVDM_PRC, bytes(
            (regs.NV_PRC_READ, regs.NV_PRC_ACTIVE, regs.NV_PRC_VGPU_MODE, 0)))
        equal(error, 0)
        return u32(data, 0) & 0xffff

    # Steps

    def hwcfg2(self):
        return self.gpu.rd(regs.NV_PGSP_HWCFG2)

    def mailbox(self):
        return (self.gpu.rd(regs.NV_PGSP_MAILBOX0) |
                self.gpu.rd(regs.NV_PGSP_MAILBOX1) << 32)

    def cpuctl(self):
        return self.gpu.rd(regs.NV_PGSP_RISCV_CPUCTL)

    def send_cot(self):
        """From store() to the answer of FSP"""
        self.store()
        return self.fsp(regs.NV_NVDM_COT, self.cot)[0]

    def check(self):
        """The whole work of FMC; returns what the mailbox says"""
        equal(self.send_cot(), 0, 'chain of trust')
        self.machine.step_ms(3)
        return self.mailbox()

    def run(self):
        """Until the core is active"""
        equal(self.check(), 0, 'mailbox')
        self.machine.step_ms(1)
        equal(self.cpuctl(), regs.NV_PGSP_RISCV_ACTIVE, 'CPUCTL')

    def log(self, name):
        at = self.logs[name]
        put = self.machine.rd64(at)
        return self.machine.read(at + regs.NVGRACE_LOG_TEXT, put).decode()

    # RM

    def system_info(self):
        gpu = self.gpu
        info = bytearray(928)
        struct.pack_into('<QQQ', info, 0, gpu.bar[0], gpu.bar[2], gpu.bar[4])
        struct.pack_into('<Q', info, 32, 1 << 8)
        struct.pack_into('<Q', info, 72, 1 << 57)
        struct.pack_into('<III', info, 88, gpu.cfg(0), gpu.cfg(0x2c),
                         gpu.cfg(8) & 0xff)
        if self.vfs:
            cap = gpu.sriov()
            bars = gpu.place_vf_bars()
            struct.pack_into('<IIQQQBBB', info, 856, self.vfs,
                             gpu.cfg(cap + 0x14, 2), *bars, 0, 1, 1, 0)
        struct.pack_into('<Q', info, 920, PAGE)
        return bytes(info)

    def registry(self, **more):
        keys = {'RMSecBusResetEnable': 1, 'RMForcePcieConfigSave': 1,
                'RMDevidCheckIgnore': 1, **more}
        if self.vfs:
            keys.setdefault('RMSetSriovMode', 1)
        at = 8 + 16 * len(keys)
        entries, strings = b'', b''
        for name, value in keys.items():
            entries += struct.pack('<IB3xII', at + len(strings), 1, value, 4)
            strings += name.encode() + b'\0'
        return struct.pack('<II', at + len(strings), len(keys)) + \
            entries + strings

    def init(self):
        """run(), then the two messages, until GSP_INIT_DONE"""
        self.run()
        self.queue.send(72, self.system_info())
        self.queue.send(73, self.registry())
        self.queue.wait(0x1001)

    def unload(self):
        """Ends the firmware in order"""
        self.queue.call(47, struct.pack('<BBxxI', 0, 0, 0))
        for _ in range(100):
            if self.cpuctl() & regs.NV_PGSP_RISCV_HALTED:
                return
            self.machine.step_us(100)
        raise AssertionError('GSP does not halt')
