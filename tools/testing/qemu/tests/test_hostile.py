#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A driver that writes nonsense: QEMU has to stay alive, and the GPU has to boot after a
reset. What is random comes from a fixed seed; SEED=n takes another.
"""
import os
import random
import struct

from boot import Boot
from qtest import equal, regs, tap

SEED = int(os.environ.get('SEED', '1'))
WINDOWS = (
    (regs.NV_PFSP_BASE + 0xac0, 8), (regs.NV_PFSP_BASE + 0xc00, 0x88),
    (regs.NV_PGSP_BASE, 0x100), (regs.NV_PGSP_QUEUE_HEAD, 4),
    (regs.NV_PGSP_BASE + 0x1380, 16), (regs.NVGRACE_TROUBLE_BASE, 0x20),
    (regs.NV_PF_VFN_BASE + 0xf60, 0x20), (regs.NV_PF_VFN_BASE + 0x1000, 0x700),
    (regs.NV_PF_VFN_BASE + 0x2000, 0x400),
    (regs.NV_PF_VFN_BASE + 0x3000, 0x100), (regs.NV_PF_VFN_BASE + 0x30080, 32),
    (regs.NV_PF_VFN_BASE + regs.NVGRACE_GPU_CE0, 0xf10),
    (regs.NVGRACE_GPU_RUNLIST_PRI(0), 0x2000),
    (regs.NVGRACE_GPU_RUNLIST_CHRAM(0), 0x4000),
)


def value(rng):
    return rng.choice((0, 1, 0xffffffff, rng.getrandbits(32),
                       1 << rng.randrange(32), rng.randrange(4096)))


def nonsense(machine, gpu, rng, steps):
    for _ in range(steps):
        base, size = rng.choice(WINDOWS)
        reg = base + rng.randrange(0, size, 4)
        if rng.random() < 0.2:
            gpu.rd(reg)
        else:
            gpu.wr(reg, value(rng))
        if rng.random() < 0.05:
            machine.step_us(rng.choice((1, 20, 1000, 5000)))
    gpu.inject(0)
    gpu.expect()


def alive(machine, gpu):
    """After a reset, all is well"""
    gpu.flr()
    machine.step_ms(2)
    gpu.wr(regs.NVGRACE_TROUBLE_VGPU_KNOB, 1)
    gpu.wr(regs.NVGRACE_TROUBLE_EXPECTED, 0)
    Boot(machine, gpu).run()
    equal(gpu.expected(), 0, gpu.last_error())
    gpu.wr(regs.NVGRACE_TROUBLE_ERRORS, 0)


def test_random_writes_do_no_harm(machine, gpu):
    rng = random.Random(SEED)
    gpu.expect()
    for _ in range(10):
        nonsense(machine, gpu, rng, 500)
        alive(machine, gpu)


def test_random_writes_while_gsp_runs_do_no_harm(machine, gpu):
    rng = random.Random(SEED)
    gpu.expect()
    for _ in range(10):
        gpu.flr()
        machine.step_ms(2)
        gpu.wr(regs.NVGRACE_TROUBLE_VGPU_KNOB, 1)
        boot = Boot(machine, gpu)
        boot.run()
        garbage = bytes(rng.getrandbits(8) for _ in range(4096))
        machine.write(boot.queue.cmdq + rng.choice((0, 4096)), garbage)
        nonsense(machine, gpu, rng, 500)
    alive(machine, gpu)


def test_damaged_boots_do_no_harm(machine, gpu):
    rng = random.Random(SEED)
    gpu.expect()
    mark = machine.next
    for _ in range(60):
        machine.next = mark
        boot = Boot(machine, gpu, told=rng.random() < 0.5)
        boot.store()
        places = ((boot.params_at, 80), (boot.meta_at, 256),
                  (boot.rmargs_at, 72), (boot.level1, 16),
                  (boot.level2[0], 4096), (boot.image_at, 4096),
                  (machine.rd64(boot.params_at + regs.NV_FMC_LIBOS_ARGS),
                   128), (boot.logs['LOGRM'], 128),
                  (boot.queue.base, 129 * 8), (boot.queue.cmdq, 64))
        for _ in range(rng.randrange(1, 4)):
            at, size = rng.choice(places)
            at += rng.randrange(0, size, 8)
            new = rng.choice((struct.pack('<Q', rng.getrandbits(64)),
                              struct.pack('<Q', rng.getrandbits(20)),
                              b'\xff' * 8, bytes(8)))
            machine.write(at, new)
        boot.fsp(regs.NV_NVDM_COT, boot.cot)
        machine.step_ms(4)
        gpu.wr(regs.NV_PGSP_QUEUE_HEAD, 0)
        machine.step_ms(1)
        gpu.flr()
        machine.step_ms(2)
    alive(machine, gpu)


def test_slot_switched_off_while_gsp_works(machine, gpu):
    boot = Boot(machine, gpu)
    boot.send_cot()
    gpu.inject(regs.NVGRACE_INJECT_SPURIOUS_INTR, 1000)
    slot = gpu.port.capability(0x10) + 0x18
    gpu.port.cfg_wr(slot, 0x700, 2)         # power and its indicator off
    machine.step_ms(10)
    equal(gpu.cfg(0), 0xffffffff)
    gpu.errors = lambda: 0                  # there is nobody to ask


tap(globals())
