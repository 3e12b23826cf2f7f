/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The register page that PF and VFs of the GPU's device model have in common:
 * interrupt tree, one-shot fault report, and the window on copy engine 0.
 *
 * It is not the copy engine (nvgrace-ce.c) and not the PCI function around it
 * (nvgrace-gpu.c). Channels, doorbells and the replayable fault buffers of the
 * real page do not exist: their registers read 0.
 *
 * MSI-X entry 0 is sent when an enabled vector becomes pending, and when a
 * write to an enable register finds one pending. So a handler may mask the top,
 * serve and clear what it saw, and enable the top again without losing any.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/log.h"
#include "hw/pci/msix.h"
#include "nvgrace-gpu-internal.h"

#define VFN_LEAF_END        (NV_VFN_INTR_LEAVES * 4)
#define VFN_TOP_MASK        MAKE_64BIT_MASK(0, NV_VFN_INTR_LEAVES / 2)
#define VFN_TRIGGER_VECTOR  0xfff
#define VFN_CE0_METHODS     0xf00       /* bytes, ahead of the model's own */

static uint32_t intr_top(const NvGraceIntr *intr)
{
    uint32_t top = 0;

    for (int i = 0; i < NV_VFN_INTR_LEAVES; i++) {
        if (intr->leaf[i] & intr->leaf_en[i]) {
            top |= 1u << (i / 2);
        }
    }
    return top;
}

static void intr_notify_if_pending(NvGraceFunction *fn)
{
    if (intr_top(&fn->intr) & fn->intr.top_en) {
        msix_notify(fn->pci, 0);
    }
}

void nvgrace_function_raise(NvGraceFunction *fn, unsigned vector)
{
    NvGraceIntr *intr = &fn->intr;
    unsigned leaf = vector / 32;
    uint32_t bit = 1u << (vector % 32);

    if (leaf >= NV_VFN_INTR_LEAVES) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: no interrupt vector %u\n",
                      fn->pci->name, vector);
        return;
    }
    if (intr->leaf[leaf] & bit) {
        return;
    }
    intr->leaf[leaf] |= bit;
    if ((intr->leaf_en[leaf] & bit) && (intr->top_en & 1u << (leaf / 2))) {
        msix_notify(fn->pci, 0);
    }
}

void nvgrace_function_fault(NvGraceFunction *fn, uint64_t addr, unsigned type,
                            unsigned access)
{
    NvGraceFault *fault = &fn->fault;

    if (fault->info & NV_VFN_FAULT_INFO_VALID) {
        fault->status = 1;
    } else {
        fault->addr = addr;
        fault->inst = 0;
        fault->info = NV_VFN_FAULT_INFO_VALID |
                      (type & NV_VFN_FAULT_INFO_TYPE) |
                      (access << ctz32(NV_VFN_FAULT_INFO_ACCESS));
    }
    nvgrace_function_raise(fn, NVGRACE_GPU_VECTOR_FAULT);
}

static uint32_t vfn_read_reg(NvGraceFunction *fn, uint32_t reg)
{
    NvGraceIntr *intr = &fn->intr;

    switch (reg) {
    case NV_VFN_INTR_LEAF(0) ... NV_VFN_INTR_LEAF(0) + VFN_LEAF_END - 1:
        return intr->leaf[(reg - NV_VFN_INTR_LEAF(0)) / 4];
    case NV_VFN_INTR_LEAF_EN_SET(0) ...
         NV_VFN_INTR_LEAF_EN_SET(0) + VFN_LEAF_END - 1:
        return intr->leaf_en[(reg - NV_VFN_INTR_LEAF_EN_SET(0)) / 4];
    case NV_VFN_INTR_LEAF_EN_CLEAR(0) ...
         NV_VFN_INTR_LEAF_EN_CLEAR(0) + VFN_LEAF_END - 1:
        return intr->leaf_en[(reg - NV_VFN_INTR_LEAF_EN_CLEAR(0)) / 4];
    case NV_VFN_INTR_TOP:
        return intr_top(intr);
    case NV_VFN_INTR_TOP_EN_SET:
    case NV_VFN_INTR_TOP_EN_CLEAR:
        return intr->top_en;
    case NV_VFN_FAULT_ADDR_LO:
        return fn->fault.addr;
    case NV_VFN_FAULT_ADDR_HI:
        return fn->fault.addr >> 32;
    case NV_VFN_FAULT_INST_LO:
        return fn->fault.inst;
    case NV_VFN_FAULT_INST_HI:
        return fn->fault.inst >> 32;
    case NV_VFN_FAULT_INFO:
        return fn->fault.info;
    case NV_VFN_FAULT_STATUS:
        return fn->fault.status;
    case NVGRACE_GPU_CE0_STATUS:
        return fn->ce.status;
    case NVGRACE_GPU_CE0_COMPLETED:
        return fn->ce.completed;
    default:
        return 0;
    }
}

static void vfn_write_reg(NvGraceFunction *fn, uint32_t reg, uint32_t val)
{
    NvGraceIntr *intr = &fn->intr;

    switch (reg) {
    case NV_VFN_INTR_LEAF(0) ... NV_VFN_INTR_LEAF(0) + VFN_LEAF_END - 1:
        intr->leaf[(reg - NV_VFN_INTR_LEAF(0)) / 4] &= ~val;
        break;
    case NV_VFN_INTR_LEAF_EN_SET(0) ...
         NV_VFN_INTR_LEAF_EN_SET(0) + VFN_LEAF_END - 1:
        intr->leaf_en[(reg - NV_VFN_INTR_LEAF_EN_SET(0)) / 4] |= val;
        intr_notify_if_pending(fn);
        break;
    case NV_VFN_INTR_LEAF_EN_CLEAR(0) ...
         NV_VFN_INTR_LEAF_EN_CLEAR(0) + VFN_LEAF_END - 1:
        intr->leaf_en[(reg - NV_VFN_INTR_LEAF_EN_CLEAR(0)) / 4] &= ~val;
        break;
    case NV_VFN_INTR_TOP_EN_SET:
        intr->top_en |= val & VFN_TOP_MASK;
        intr_notify_if_pending(fn);
        break;
    case NV_VFN_INTR_TOP_EN_CLEAR:
        intr->top_en &= ~val;
        break;
    case NV_VFN_INTR_LEAF_TRIGGER:
        nvgrace_function_raise(fn, val & VFN_TRIGGER_VECTOR);
        break;
    case NV_VFN_FAULT_INFO:
        if (val & NV_VFN_FAULT_INFO_VALID) {
            fn->fault.info &= ~NV_VFN_FAULT_INFO_VALID;
        }
        break;
    case NV_VFN_FAULT_STATUS:
        fn->fault.status &= ~val;
        break;
    case NVGRACE_GPU_CE0 ... NVGRACE_GPU_CE0 + VFN_CE0_METHODS - 1:
        nvgrace_ce_method(&fn->ce, reg - NVGRACE_GPU_CE0, val);
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: write of 0x%x to read-only or unknown register "
                      "0x%x of the function's page\n",
                      fn->pci->name, val, reg);
        break;
    }
}

/*
 * Registers have 32 bits. An 8-byte access arrives as two; a shorter read gets
 * its part, and a shorter write is a mistake of the guest that has no effect.
 */
static uint64_t vfn_read(void *opaque, hwaddr addr, unsigned size)
{
    return vfn_read_reg(opaque, addr & ~3) >> (addr & 3) * 8;
}

static void vfn_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    NvGraceFunction *fn = opaque;

    if (size != 4) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: %u-byte write to register 0x%"
                      HWADDR_PRIx "\n", fn->pci->name, size, addr);
        return;
    }
    vfn_write_reg(fn, addr, val);
}

static const MemoryRegionOps vfn_ops = {
    .read = vfn_read,
    .write = vfn_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};

/* The framebuffer stays, as on the real device: scrubbing is drivers' work */
void nvgrace_function_reset(NvGraceFunction *fn)
{
    memset(&fn->intr, 0, sizeof(fn->intr));
    memset(&fn->fault, 0, sizeof(fn->fault));
    nvgrace_ce_reset(&fn->ce);
}

void nvgrace_function_init(NvGraceFunction *fn, PCIDevice *pci,
                           MemoryRegion *fb, uint64_t offset, uint64_t size)
{
    Object *owner = OBJECT(pci);

    fn->pci = pci;
    fn->fb_size = size;
    memory_region_init_io(&fn->regs, owner, &vfn_ops, fn, "nvgrace-vfn",
                          NV_VFN_SIZE);
    /*
     * Two aliases, because a region that a BAR has mapped cannot be the root of
     * an address space: its offset there would count again.
     */
    memory_region_init_alias(&fn->fb_bar, owner, "nvgrace-fb-bar", fb, offset,
                             size);
    memory_region_init_alias(&fn->fb_view, owner, "nvgrace-fb-view", fb,
                             offset, size);
    address_space_init(&fn->fb_as, &fn->fb_view, "nvgrace-fb");
    nvgrace_ce_init(&fn->ce, fn);
}

void nvgrace_function_exit(NvGraceFunction *fn)
{
    nvgrace_ce_exit(&fn->ce);
    address_space_destroy(&fn->fb_as);
}
