/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the units of the GPU's device model that work for a channel reach memory:
 * one access, physical or virtual, with the fault that becomes of it.
 *
 * It is not the translation (nvgrace-mmu.c) nor the report of a fault (nvgrace-
 * vfn.c): who owns the port knows what a fault means.
 *
 * Guests can aim an access at anything, the ECAM and the GPU's own registers
 * included. So an access can reset the GPU, or end the channel that it is done
 * for. The owner of the port changes its serial number then, in memory that
 * stays; the port looks at it after each access.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "nvgrace-gpu-internal.h"

#define PORT_ADDRESS_LIMIT  (1ULL << NV_MMU_VA_BITS)

static NvGracePortResult port_fault(const NvGraceTarget *target, uint64_t addr,
                                    unsigned type, bool write,
                                    NvGracePortFault *fault)
{
    fault->addr = addr;
    fault->type = type;
    if (target->virt) {
        fault->access = write ? NV_FAULT_ACCESS_VIRT_WRITE
                              : NV_FAULT_ACCESS_VIRT_READ;
    } else {
        fault->access = write ? NV_FAULT_ACCESS_PHYS_WRITE
                              : NV_FAULT_ACCESS_PHYS_READ;
    }
    return NVGRACE_PORT_FAULT;
}

/* Virtual address to where it is. 0, or 1 + NV_FAULT_TYPE_* */
static int port_translate(const NvGracePort *port, uint64_t addr, bool write,
                          NvGraceXlate *to)
{
    if (!port->pdb) {
        return 1 + NV_FAULT_TYPE_UNBOUND_INST;
    }
    if (addr >= PORT_ADDRESS_LIMIT) {
        return 1 + NV_FAULT_TYPE_VA_LIMIT;
    }
    return nvgrace_mmu_translate(port->fn, port->pdb, addr, write, to);
}

NvGracePortResult nvgrace_port_access(const NvGracePort *port,
                                      const NvGraceTarget *target,
                                      uint64_t addr, void *buf, uint64_t len,
                                      bool write, NvGracePortFault *fault)
{
    NvGraceXlate to = {
        .space = target->space, .peer = target->peer, .addr = addr
    };
    uint64_t serial = *port->serial;
    int ret = 0;

    g_assert(len <= NVGRACE_PORT_PIECE - addr % NVGRACE_PORT_PIECE);

    if (target->virt) {
        ret = port_translate(port, addr, write, &to);
        if (*port->serial != serial) {
            return NVGRACE_PORT_GONE;
        }
    }
    if (!ret) {
        ret = nvgrace_mmu_access(port->fn, to.space, to.peer, to.addr, buf, len,
                                 write);
        if (*port->serial != serial) {
            return NVGRACE_PORT_GONE;
        }
    }
    return ret ? port_fault(target, addr, ret - 1, write, fault)
               : NVGRACE_PORT_OK;
}

unsigned nvgrace_semaphore_size(bool wide, bool stamp)
{
    return stamp ? 16 : wide ? 8 : 4;
}

NvGracePortResult nvgrace_port_release(const NvGracePort *port,
                                       const NvGraceTarget *target,
                                       uint64_t addr, uint64_t payload,
                                       bool wide, bool stamp,
                                       NvGracePortFault *fault)
{
    uint64_t now = cpu_to_le64(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    NvGracePortResult ret;

    /* What has 16 bytes has a payload of 8: the upper half may be 0 */
    payload = cpu_to_le64(wide ? payload : (uint32_t)payload);
    if (stamp) {
        ret = nvgrace_port_access(port, target, addr + 8, &now, sizeof(now),
                                  true, fault);
        if (ret != NVGRACE_PORT_OK) {
            return ret;
        }
        smp_wmb();
    }
    return nvgrace_port_access(port, target, addr, &payload,
                               wide || stamp ? 8 : 4, true, fault);
}
