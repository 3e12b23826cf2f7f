/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The register page that PF and VFs of the GPU's device model have in common:
 * interrupt tree, invalidation of translations, and the window on copy engine
 * 0. Faults (nvgrace-fault.c) and the instance blocks of the PF's apertures
 * (nvgrace-aperture.c) have registers here, too.
 *
 * It is not the copy engine (nvgrace-ce.c) and not the PCI function around it
 * (nvgrace-gpu.c). The access counters of the real page do not exist: their
 * registers read 0.
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
#define VFN_INVALIDATE_NS   (10 * SCALE_US)

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
        nvgrace_function_error(fn, "no interrupt vector %u", vector);
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

void nvgrace_function_error(NvGraceFunction *fn, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (fn->gfid) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: %s\n", fn->pci->name, text);
    } else {
        nvgrace_driver_error(fn->gpu, "%s", text);
    }
}

/* Until it is over, what was kept before it can still be used */
static void invalidate_done(void *opaque)
{
    NvGraceFunction *fn = opaque;
    NvGraceInvalidate *inv = &fn->invalidate;
    uint64_t addr = inv->pdb_lo & NV_VFN_INVALIDATE_PDB_ADDRESS;
    NvGracePdb pdb = {
        .space = inv->pdb_lo & NV_VFN_INVALIDATE_PDB_SYSMEM
                 ? NVGRACE_SPACE_SYSMEM : NVGRACE_SPACE_FB,
        .addr = addr << 8 | (uint64_t)inv->pdb_hi << 40,
    };

    nvgrace_mmu_invalidate(fn->gpu, inv->cmd & NV_VFN_INVALIDATE_ALL_PDB
                                    ? NULL : &pdb);
    inv->cmd &= ~NV_VFN_INVALIDATE_TRIGGER;
}

static void invalidate_write(NvGraceFunction *fn, uint32_t reg, uint32_t val)
{
    NvGraceInvalidate *inv = &fn->invalidate;

    if (inv->cmd & NV_VFN_INVALIDATE_TRIGGER) {
        nvgrace_function_error(fn, "write of 0x%x to register 0x%x while an "
                               "invalidate runs", val, reg);
        return;
    }
    switch (reg) {
    case NV_VFN_INVALIDATE_PDB_LO:
        inv->pdb_lo = val;
        return;
    case NV_VFN_INVALIDATE_PDB_HI:
        inv->pdb_hi = val;
        return;
    }
    if ((val & NV_VFN_INVALIDATE_TRIGGER) &&
        !(val & NV_VFN_INVALIDATE_ALL_VA)) {
        nvgrace_function_error(fn, "invalidate 0x%x: the model has only those "
                               "of all addresses", val);
        return;
    }
    inv->cmd = val;
    if (val & NV_VFN_INVALIDATE_TRIGGER) {
        timer_mod(&inv->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                               VFN_INVALIDATE_NS);
    }
}

static void bar_block_write(NvGraceFunction *fn, uint32_t reg, uint32_t val)
{
    NvGraceBar which = reg >= NV_VFN_BAR2_BLOCK_LO ? NVGRACE_APERTURE_INSTANCE
                                                   : NVGRACE_APERTURE_FB;

    if (fn->gfid) {
        nvgrace_function_error(fn, "write of 0x%x to register 0x%x: a VF's "
                               "BARs have no page tables here", val, reg);
        return;
    }
    nvgrace_aperture_set_block(fn->gpu, which, reg & 4, val);
}

static uint32_t bar_block_read(NvGraceFunction *fn, uint32_t reg)
{
    NvGraceBar which = reg >= NV_VFN_BAR2_BLOCK_LO ? NVGRACE_APERTURE_INSTANCE
                                                   : NVGRACE_APERTURE_FB;

    return fn->gfid ? 0 : nvgrace_aperture_block(fn->gpu, which, reg & 4);
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
    case NV_VFN_BAR1_BLOCK_LO:
    case NV_VFN_BAR1_BLOCK_HI:
    case NV_VFN_BAR2_BLOCK_LO:
    case NV_VFN_BAR2_BLOCK_HI:
        return bar_block_read(fn, reg);
    case NVGRACE_FAULT_REGS ... NVGRACE_FAULT_REGS_END - 1:
        return nvgrace_fault_read(fn, reg);
    case NV_VFN_INVALIDATE_PDB_LO:
        return fn->invalidate.pdb_lo;
    case NV_VFN_INVALIDATE_PDB_HI:
        return fn->invalidate.pdb_hi;
    case NV_VFN_INVALIDATE:
        return fn->invalidate.cmd;
    case NV_VFN_USERMODE_CFG0:
        return NV_VFN_USERMODE_CLASS;
    case NV_VFN_USERMODE_TIME_LO:
        return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    case NV_VFN_USERMODE_TIME_HI:
        return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) >> 32;
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
    case NV_VFN_BAR1_BLOCK_LO:
    case NV_VFN_BAR1_BLOCK_HI:
    case NV_VFN_BAR2_BLOCK_LO:
    case NV_VFN_BAR2_BLOCK_HI:
        bar_block_write(fn, reg, val);
        break;
    case NVGRACE_FAULT_REGS ... NVGRACE_FAULT_REGS_END - 1:
        nvgrace_fault_write(fn, reg, val);
        break;
    case NV_VFN_INVALIDATE_PDB_LO:
    case NV_VFN_INVALIDATE_PDB_HI:
    case NV_VFN_INVALIDATE:
        invalidate_write(fn, reg, val);
        break;
    case NV_VFN_DOORBELL:
        nvgrace_fifo_doorbell(fn, val);
        break;
    case NVGRACE_GPU_CE0 ... NVGRACE_GPU_CE0 + VFN_CE0_METHODS - 1:
        nvgrace_ce_write(&fn->ce, reg - NVGRACE_GPU_CE0, val);
        break;
    default:
        nvgrace_function_error(fn, "write of 0x%x to read-only or unknown "
                               "register 0x%x of the function's page", val,
                               reg);
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
        nvgrace_function_error(fn, "%u-byte write to register 0x%" HWADDR_PRIx
                               " of the function's page", size, addr);
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
    nvgrace_fault_reset(fn);
    timer_del(&fn->invalidate.timer);
    fn->invalidate.pdb_lo = 0;
    fn->invalidate.pdb_hi = 0;
    fn->invalidate.cmd = 0;
    nvgrace_ce_reset(&fn->ce);
    if (fn->gfid) {
        nvgrace_fifo_function_reset(fn);
    }
}

void nvgrace_function_init(NvGraceFunction *fn, PCIDevice *pci,
                           uint64_t fb_size)
{
    Object *owner = OBJECT(pci);

    fn->pci = pci;
    fn->fb_size = fb_size;
    memory_region_init_io(&fn->regs, owner, &vfn_ops, fn, "nvgrace-vfn",
                          NV_VFN_SIZE);
    if (fn->gfid) {
        memory_region_init(&fn->fb_bar, owner, "nvgrace-fb-bar",
                           fb_size);
        nvgrace_vmmu_attach(fn);
    }
    timer_init_ns(&fn->invalidate.timer, QEMU_CLOCK_VIRTUAL, invalidate_done,
                  fn);
    nvgrace_ce_init(&fn->ce, fn);
}

void nvgrace_function_exit(NvGraceFunction *fn)
{
    if (fn->gfid) {
        nvgrace_fifo_function_reset(fn);
        nvgrace_vmmu_detach(fn);
    }
    nvgrace_ce_exit(&fn->ce);
    timer_del(&fn->invalidate.timer);
    timer_deinit(&fn->invalidate.timer);
}
