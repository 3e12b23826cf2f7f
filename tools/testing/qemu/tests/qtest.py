# SPDX-License-Identifier: GPL-2.0-or-later
"""
Drives the GPU's device model without a guest, over QEMU's qtest protocol.

The machine is "virt" with no vCPU running: the test is the driver. It reads and
writes guest-physical memory, so it sets up the root port and the BARs itself,
and it owns the clock: time passes only when it says so.

    with Machine() as m:
        gpu = m.gpu()
        assert gpu.rd(regs.NV_PMC_BOOT_42) >> 20 == 0x1a0
        m.step_ms(1)

Memory for DMA comes from Machine.alloc(); addresses are what the device uses,
because no SMMU is there. No test framework: tap() at the end runs functions.
"""
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ECAM = 0x3f000000           # of virt,highmem-ecam=off
MMIO64 = 0x8000000000       # high PCIe window, 512 GiB
RAM = 0x40000000
DEFAULT_QEMU = (
    os.path.join(HERE, '../../../../build/qemu/qemu-system-aarch64'),
    os.path.join(os.environ.get('XDG_CACHE_HOME') or
                 os.path.expanduser('~/.cache'),
                 'iommufd-mem/build/qemu/qemu-system-aarch64'),
)


class Regs:
    """The numbers of nvgrace-gpu-regs.h as attributes; macros are functions"""

    def __init__(self, path=os.path.join(HERE, '../include/nvgrace-gpu-regs.h')):
        text = open(path, encoding='ascii').read()
        text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        for name, args, value in re.findall(
                r'^#define\s+(\w+)(\(\w+\))?[ \t]+(\S.*?)\s*$', text, re.M):
            value = re.sub(r'\b(0x[0-9a-fA-F]+|[0-9]+)[uUlL]+\b', r'\1', value)
            source = f'lambda {args[1:-1]}: {value}' if args else value
            setattr(self, name, eval(source, self.__dict__))


regs = Regs()


class Machine:
    """QEMU with one root port and one GPU behind it"""

    def __init__(self, options='', qemu=None, machine='virt,highmem-ecam=off',
                 ram=256 << 20, gpu='', args=()):
        qemu = qemu or os.environ.get('QEMU') or next(
            (q for q in DEFAULT_QEMU if os.path.exists(q)), None)
        if not qemu:
            raise RuntimeError('no qemu-system-aarch64: set QEMU')
        self.dir = tempfile.mkdtemp(prefix='nvgrace-qtest-')
        path = os.path.join(self.dir, 'qtest')
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(30)
        self.stderr = open(os.path.join(self.dir, 'stderr'), 'w+',
                           encoding='utf-8', errors='replace')
        device = ','.join(filter(None, ('nvgrace-gpu,bus=rp0', gpu, options)))
        self.process = subprocess.Popen(
            [qemu, '-M', machine, '-m', f'{ram >> 20}M', '-accel', 'qtest',
             '-display', 'none', '-nodefaults', '-qtest', f'unix:{path}',
             '-device', 'pcie-root-port,id=rp0', '-device', device, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.stderr)
        try:
            self.socket = listener.accept()[0]
        except TimeoutError:
            self.close()
            raise RuntimeError('QEMU did not start: ' + self.said()) from None
        finally:
            listener.close()
        self.socket.settimeout(60)
        self.file = self.socket.makefile('rb')
        self.next = RAM + (16 << 20)
        self.ram_end = RAM + ram

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.stderr.close()
            shutil.rmtree(self.dir, ignore_errors=True)

    def said(self):
        """What QEMU has written to stderr"""
        self.stderr.flush()
        with open(self.stderr.name, encoding='utf-8', errors='replace') as f:
            return f.read()

    # The protocol: a line there, a line back; lines of interrupts in between

    def command(self, *words):
        line = ' '.join(w if isinstance(w, str) else hex(w) for w in words)
        self.socket.sendall(line.encode() + b'\n')
        while True:
            answer = self.file.readline().decode().split()
            if not answer:
                raise RuntimeError(f'QEMU ended at "{line[:60]}": ' +
                                   self.said())
            if answer[0] == 'IRQ':
                continue
            if answer[0] != 'OK':
                raise RuntimeError(f'"{line[:60]}": ' + ' '.join(answer))
            return answer[1:]

    def step(self, ns):
        """Let time pass"""
        if ns:
            self.command('clock_step', str(ns))

    def step_ms(self, ms=1):
        self.step(ms * 1000000)

    def step_us(self, us):
        self.step(us * 1000)

    def read(self, addr, size):
        if not size:
            return b''
        return bytes.fromhex(self.command('read', addr, size)[0][2:])

    def write(self, addr, data):
        for i in range(0, len(data), 65536):
            part = bytes(data[i:i + 65536])
            self.command('write', addr + i, len(part), '0x' + part.hex())

    def rd32(self, addr):
        return int(self.command('readl', addr)[0], 16)

    def wr32(self, addr, val):
        self.command('writel', addr, val)

    def rd64(self, addr):
        return int(self.command('readq', addr)[0], 16)

    def wr64(self, addr, val):
        self.command('writeq', addr, val)

    def alloc(self, size, align=4096):
        """Zeroed memory for DMA; never freed"""
        addr = -(-self.next // align) * align
        if addr + size > self.ram_end:
            raise RuntimeError('out of memory: give Machine more ram')
        self.next = addr + size
        self.command('memset', addr, size, 0)
        return addr

    def put(self, data, align=4096):
        addr = self.alloc(len(data), align)
        self.write(addr, data)
        return addr

    def gpu(self):
        return Gpu(self)


class Function:
    """A PCI function: configuration space and BARs"""

    def __init__(self, machine, bus, devfn):
        self.machine = machine
        self.config = ECAM + (bus << 20) + (devfn << 12)
        self.bar = {}

    def cfg(self, reg, size=4):
        command = {1: 'readb', 2: 'readw', 4: 'readl'}[size]
        return int(self.machine.command(command, self.config + reg)[0], 16)

    def cfg_wr(self, reg, val, size=4):
        command = {1: 'writeb', 2: 'writew', 4: 'writel'}[size]
        self.machine.command(command, self.config + reg, val)

    def bar_size(self, index, base=0x10):
        reg = base + 4 * index
        self.cfg_wr(reg, 0xffffffff)
        self.cfg_wr(reg + 4, 0xffffffff)
        mask = self.cfg(reg) & ~0xf | self.cfg(reg + 4) << 32
        return (1 << 64) - mask if mask else 0

    def place_bar(self, index, addr, base=0x10):
        reg = base + 4 * index
        self.cfg_wr(reg, addr & 0xffffffff)
        self.cfg_wr(reg + 4, addr >> 32)

    def capability(self, wanted):
        at = self.cfg(0x34, 1)
        while at:
            if self.cfg(at, 1) == wanted:
                return at
            at = self.cfg(at + 1, 1)
        return None

    def extended(self, wanted):
        at = 0x100
        while at:
            header = self.cfg(at)
            if header & 0xffff == wanted:
                return at
            at = header >> 20
        return None


class Gpu(Function):
    """The PF, its BARs placed and switched on; rd and wr are BAR 0"""

    def __init__(self, machine):
        port = Function(machine, 0, 1 << 3)
        port.cfg_wr(0x18, 0x020100)         # buses: primary 0, secondary 1, 2
        super().__init__(machine, 1, 0)
        self.port = port
        self.place()

    def place(self):
        """Again after a reset, which clears the BARs"""
        at = MMIO64
        sizes = {i: self.bar_size(i) for i in (0, 2, 4)}
        for index in sorted(sizes, key=sizes.get, reverse=True):
            self.bar[index] = at
            self.place_bar(index, at)
            at += sizes[index]
        self.vf_bars = at
        limit = MMIO64 + (256 << 30) - 1
        self.port.cfg_wr(0x24, MMIO64 >> 16 & 0xfff0 | limit & 0xfff00000)
        self.port.cfg_wr(0x28, MMIO64 >> 32)
        self.port.cfg_wr(0x2c, limit >> 32)
        self.port.cfg_wr(0x04, 0x6, 2)      # memory, bus master
        self.cfg_wr(0x04, 0x6, 2)

    def end_dma(self):
        """As a driver does before a reset"""
        self.cfg_wr(4, self.cfg(4, 2) & ~4, 2)

    def flr(self, master=False):
        exp = self.capability(0x10)
        if not master:
            self.end_dma()
        self.cfg_wr(exp + 8, self.cfg(exp + 8, 2) | 0x8000, 2)
        self.place()

    def bus_reset(self):
        self.end_dma()
        self.port.cfg_wr(0x3e, 0x40, 2)
        self.port.cfg_wr(0x3e, 0, 2)
        self.place()

    def rd(self, reg):
        return self.machine.rd32(self.bar[0] + reg)

    def wr(self, reg, val):
        self.machine.wr32(self.bar[0] + reg, val)

    def sriov(self):
        return self.extended(0x10)

    def place_vf_bars(self):
        """Addresses of the VFs' BARs 0 and 2, as the kernel would set them"""
        cap, at, out = self.sriov(), self.vf_bars, []
        total = self.cfg(cap + 0xe, 2)
        for index in (2, 0):
            size = self.bar_size(index, cap + 0x24)
            at = -(-at // size) * size
            self.place_bar(index, at, cap + 0x24)
            out.insert(0, at)
            at += size * total
        return out

    # Trouble

    def errors(self):
        return self.rd(regs.NVGRACE_TROUBLE_ERRORS)

    def expected(self):
        return self.rd(regs.NVGRACE_TROUBLE_EXPECTED)

    def expect(self, on=True):
        self.wr(regs.NVGRACE_TROUBLE_EXPECT, int(on))

    def last_error(self):
        data = self.machine.read(self.bar[0] + regs.NVGRACE_TROUBLE_TEXT,
                                 regs.NVGRACE_TROUBLE_TEXT_SIZE)
        return data.split(b'\0')[0].decode()

    def inject(self, kind, param=0):
        self.wr(regs.NVGRACE_TROUBLE_INJECT, kind | param << 8)

    def mistake(self, what, call, *args):
        """call(*args) has to be a driver error whose text contains what"""
        before = self.expected()
        self.expect(True)
        try:
            result = call(*args)
        finally:
            self.expect(False)
        equal(self.expected() > before, True, f'{what}: no driver error')
        if what not in self.last_error():
            raise AssertionError(f'"{what}" is not in "{self.last_error()}"')
        return result


def equal(have, want, what=''):
    if have != want:
        show = [hex(v) if isinstance(v, int) and not isinstance(v, bool) else
                repr(v) for v in (have, want)]
        raise AssertionError(f'{what + ": " if what else ""}{show[0]}, '
                             f'{show[1]} expected')


def u16(data, at):
    return struct.unpack_from('<H', data, at)[0]


def u32(data, at):
    return struct.unpack_from('<I', data, at)[0]


def u64(data, at):
    return struct.unpack_from('<Q', data, at)[0]


def tap(namespace):
    """Run each function test_*, with a machine of its own, and print TAP"""
    tests = [(name, fn) for name, fn in namespace.items()
             if name.startswith('test_') and callable(fn)]
    wanted = sys.argv[1:]
    if wanted:
        tests = [t for t in tests if t[0] in wanted or t[0][5:] in wanted]
    print(f'1..{len(tests)}', flush=True)
    failed = 0
    for i, (name, fn) in enumerate(tests, 1):
        try:
            with Machine(getattr(fn, 'options', '')) as machine:
                gpu = machine.gpu()
                machine.step_ms(2)
                fn(machine, gpu)
                if gpu.errors():
                    raise AssertionError('driver error: ' + gpu.last_error())
        except Exception:           # whatever it was, the next test runs
            failed += 1
            for line in traceback.format_exc().splitlines():
                print('# ' + line)
            print('not ', end='')
        print(f'ok {i} - {name[5:].replace("_", " ")}', flush=True)
    sys.exit(1 if failed else 0)


def options(text):
    """Decorator: properties of the test's GPU"""
    def decorate(fn):
        fn.options = text
        return fn
    return decorate
