# SPDX-License-Identifier: GPL-2.0-or-later
"""
Speaks with the firmware of the GPU's device model: messages of several records,
objects, controls.

    rm = Rm(machine, gpu)           boots, makes a client, device and subdevice
    status, params = rm.control(rm.subdevice, 0x2080017e, bytes(8))
    status = rm.alloc(rm.device, 0x1234, 0x90f1, params)

Messages from the firmware are checked as a driver would; what is wrong raises
Malformed.
"""
import struct

from boot import Boot, Queue
from qtest import equal, regs, u32

PAGE = 4096
RECORD = 16 * PAGE - 80         # payload of one
COPY0 = 9

CLIENT, DEVICE, SUBDEVICE = 0xc1d00000, 0xde1d0000, 0x5d1d0000
VASPACE, TSG, CHANNEL, COPY = 0x90f10000, 0xa06c0000, 0xf1f00000, 0xc9b50000

FREE, UNLOAD, STATIC_INFO, BAR_PDE, MORE = 10, 47, 65, 70, 71
SYSTEM_INFO, REGISTRY, CONTROL, ALLOC = 72, 73, 76, 103
INIT_DONE, POST_EVENT, RC, FAULT, XID, PRINT = (
    0x1001, 0x1003, 0x1004, 0x1005, 0x1006, 0x100c)

DUPLICATE, INVALID_ADDRESS, INVALID_ARGUMENT = 0x19, 0x1e, 0x1f
INVALID_CHANNEL, INVALID_CLASS, INVALID_CLIENT = 0x21, 0x22, 0x23
INVALID_HANDLE, INVALID_PARENT, INVALID_PARAMS = 0x33, 0x36, 0x3a
IN_USE, NO_PERMISSION, INVALID_STATE = 0x17, 0x1b, 0x40
NOT_READY, NOT_SUPPORTED, NOT_FOUND, TIMEOUT = 0x55, 0x56, 0x57, 0x65


class Malformed(Exception):
    """A message that the framing forbids"""


def record(function, payload, seq, sequence=0, length=None, count=None,
           signature=0x43505256, version=0x03000000, result=0xffffffff,
           gfid=0, pad=0, checksum=0):
    """Bytes of whole elements; @checksum is added to the right one"""
    length = 32 + len(payload) if length is None else length
    data = bytearray(48) + struct.pack(
        '<8I', version, signature, length, function, result, result, sequence,
        gfid) + payload
    data += bytes(-len(data) % PAGE)
    elems = len(data) // PAGE
    struct.pack_into('<IIII', data, 32, 0, seq,
                     elems if count is None else count, pad)
    struct.pack_into('<I', data, 32,
                     (Queue.checksum(bytes(data)) + checksum) & 0xffffffff)
    return bytes(data)


class RmQueue(Queue):
    """Both directions in records"""

    def __init__(self, machine, gpu):
        super().__init__(machine, gpu)
        self.read_seq = 0
        self.backlog = []       # records of messages that nobody took yet

    def put(self, data, doorbell=True, seqs=1):
        """Elements as they are, which may lie"""
        count = len(data) // PAGE
        for i in range(count):
            at = (self.write_at + i) % self.PAGES
            self.machine.write(self.cmdq + PAGE * (1 + at),
                               data[i * PAGE:(i + 1) * PAGE])
        self.write_at = (self.write_at + count) % self.PAGES
        self.seq += seqs
        self.machine.wr32(self.cmdq + 16, self.write_at)
        if doorbell:
            self.gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)

    def free(self):
        """Elements that may be written"""
        read = self.machine.rd32(self.statq + 32)
        return (read - self.write_at - 1) % self.PAGES

    def send(self, function, payload=b''):
        self.rpc_sequence += 1
        at = 0
        while True:
            part = record(function if not at else MORE,
                          bytes(payload[at:at + RECORD]), self.seq,
                          self.rpc_sequence)
            for _ in range(1000):
                if self.free() >= len(part) // PAGE:
                    break
                self.machine.step_us(20)
            self.put(part)
            at += RECORD
            if at >= len(payload):
                return self.rpc_sequence

    def poll_record(self):
        """(function, sequence, result, payload), or None"""
        write = self.machine.rd32(self.statq + 16)
        if write >= self.PAGES:
            raise Malformed(f'write pointer {write}')
        used = (write - self.read_at) % self.PAGES
        if not used:
            return None
        data = self.machine.read(self.statq + PAGE * (1 + self.read_at), PAGE)
        seq, count, length = u32(data, 36), u32(data, 40), u32(data, 56)
        if not 1 <= count <= 16:
            raise Malformed(f'{count} elements')
        if count > used:
            raise Malformed(f'{count} elements, {used} written')
        for i in range(1, count):
            at = (self.read_at + i) % self.PAGES
            data += self.machine.read(self.statq + PAGE * (1 + at), PAGE)
        if (u32(data, 48), u32(data, 52)) != (0x03000000, 0x43505256):
            raise Malformed('signature')
        if length < 32 or -(-(48 + length) // PAGE) != count:
            raise Malformed(f'length {length} in {count} elements')
        if self.checksum(data[:48 + length]):
            raise Malformed('checksum')
        if seq != self.read_seq:
            raise Malformed(f'sequence number {seq}, not {self.read_seq}')
        self.read_seq += 1
        self.read_at = (self.read_at + count) % self.PAGES
        self.machine.wr32(self.cmdq + 32, self.read_at)
        return u32(data, 60), u32(data, 72), u32(data, 64), data[80:48 + length]

    def poll(self):
        return self.backlog.pop(0) if self.backlog else self.poll_record()

    def next(self, ms=100):
        """The next record, whatever it is; None after that time"""
        for _ in range(ms * 20 + 1):
            message = self.poll()
            if message:
                return message
            self.machine.step_us(50)
        return None

    def wait(self, function, ms=100, sequence=None, length=None):
        """That message, its records joined; what else comes, stays"""
        others = []
        while True:
            message = self.next(ms)
            if not message:
                raise AssertionError(f'no message {function:#x} within {ms} ms')
            if message[0] == function and sequence in (None, message[1]):
                break
            others.append(message)
        payload = message[3]
        while length is not None and len(payload) < length:
            more = self.next(ms)
            if not more or more[0] != MORE:
                raise Malformed(f'{len(payload)} of {length} bytes')
            equal(more[1], message[1], 'sequence of a continuation')
            payload += more[3]
        self.backlog = others + self.backlog
        return *message[:3], payload

    def call_any(self, function, payload=b'', ms=100, length=None):
        """(result, payload of the reply)"""
        sequence = self.send(function, payload)
        message = self.wait(function, ms, sequence,
                            len(payload) if length is None else length)
        return message[2], message[3]

    def call(self, function, payload=b'', ms=100):
        result, reply = self.call_any(
            function, payload, ms, 1656 if function == STATIC_INFO else None)
        equal(result, 0, f'result of function {function}')
        return reply

    def events(self, function):
        """Payloads of all such events so far"""
        while True:
            message = self.poll_record()
            if not message:
                break
            self.backlog.append(message)
        found = [m[3] for m in self.backlog if m[0] == function]
        self.backlog = [m for m in self.backlog if m[0] != function]
        return found


class Rm:
    """The firmware, booted, and a client's objects"""

    def __init__(self, machine, gpu, vgpu=True, objects=True):
        self.machine = machine
        self.gpu = gpu
        self.boot = Boot(machine, gpu, vgpu)
        # The same block, with this file's records
        old = self.boot.queue
        self.queue = RmQueue(machine, gpu)
        self.boot.queue = self.queue
        struct.pack_into('<Q', self.boot.rmargs, 0, self.queue.base)
        equal(old.cmdq - old.base, self.queue.cmdq - self.queue.base)
        self.client, self.device, self.subdevice = CLIENT, DEVICE, SUBDEVICE
        if objects:
            self.boot.init()
            self.queue.backlog.clear()
            self.root()

    def root(self):
        equal(self.alloc(0, CLIENT, 0, struct.pack('<II100x', CLIENT, 0)), 0)
        equal(self.alloc(CLIENT, DEVICE, 0x80, bytes(56)), 0, 'device')
        equal(self.alloc(DEVICE, SUBDEVICE, 0x2080, bytes(4)), 0, 'subdevice')

    def alloc(self, parent, handle, cls, params=b'', client=None, size=None):
        size = len(params) if size is None else size
        result, reply = self.queue.call_any(ALLOC, struct.pack(
            '<8I', client or self.client, parent, handle, cls, 0, size, 0, 0) +
            bytes(params))
        equal(result, 0, 'RPC result')
        return u32(reply, 16)

    def free(self, handle, client=None):
        result, reply = self.queue.call_any(FREE, struct.pack(
            '<4I', client or self.client, 0, handle, 0))
        equal(result, 0, 'RPC result')
        return u32(reply, 12)

    def control(self, obj, cmd, params=b'', client=None, size=None, ms=100):
        """(status, parameters as they came back)"""
        size = len(params) if size is None else size
        result, reply = self.queue.call_any(CONTROL, struct.pack(
            '<6I', client or self.client, obj, cmd, 0, size, 0) +
            bytes(params), ms)
        equal(result, 0, 'RPC result')
        return u32(reply, 12), reply[24:]

    def ask(self, obj, cmd, params=b''):
        """A control that works"""
        status, params = self.control(obj, cmd, params)
        equal(status, 0, f'control {cmd:#x}')
        return params

    # Channels

    def vaspace(self, pdb=None, handle=VASPACE, aperture=1):
        params = bytearray(48)
        struct.pack_into('<I', params, 4, 8)
        equal(self.alloc(self.device, handle, 0x90f1, params), 0)
        if pdb is not None:
            self.ask(self.device, 0x801813, struct.pack(
                '<QIIIIII', pdb, 2, aperture, handle, 0, 0, 0))
        return handle

    def tsg(self, ce=0, handle=TSG):
        equal(self.alloc(self.device, handle, 0xa06c, struct.pack(
            '<IIIIB3x', 0, 0, 0, COPY0 + ce, 0)), 0, 'channel group')
        return handle

    def channel_params(self, ce=0, chid=1, vaspace=VASPACE, gpfifo=0x100000,
                       entries=64, privileged=True, notifier=True):
        """All memory is in the host; its addresses are in self.memory"""
        m = self.machine
        params = bytearray(368)
        inst, userd, notify = m.alloc(PAGE), m.alloc(512, 512), m.alloc(PAGE)
        methods = m.alloc(0x5000)
        self.memory = {'inst': inst, 'userd': userd, 'notifier': notify}
        struct.pack_into('<QII', params, 8, gpfifo, entries,
                         privileged << 5)
        struct.pack_into('<I', params, 28, vaspace)
        struct.pack_into('<II', params, 128, COPY0 + ce, chid)
        for at, addr, size in ((144, inst, PAGE), (168, userd, 512),
                               (192, inst, 512), (216, methods, 0x5000)):
            struct.pack_into('<QQII', params, at, addr, size, 1, 0)
        if notifier:
            struct.pack_into('<QQII', params, 248, notify, 16, 1, 0)
        return params

    def channel(self, parent=TSG, handle=CHANNEL, **how):
        equal(self.alloc(parent, handle, 0xc96f, self.channel_params(**how)), 0,
              'channel')
        return handle

    def bind(self, handle=CHANNEL, ce=0):
        return self.control(handle, 0xa06f0104, struct.pack('<I', COPY0 + ce))[0]

    def schedule(self, handle=CHANNEL, enable=True):
        return self.control(handle, 0xa06f0103, bytes((enable, 0)))[0]
