/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Apertures of the PF: the BARs through which the CPU reaches GPU memory. One
 * is as large as the framebuffer, the other (instance aperture) has 32 MiB.
 *
 * After a reset they are in physical mode: the first shows the framebuffer
 * address by address, at the speed of RAM; the second nothing, a fixed pattern.
 * In virtual mode an offset in the BAR is a virtual address, translated access
 * by access, by the page tables that one of these named:
 *   - firmware, by UPDATE_BAR_PDE: it keeps a root directory at the end of the
 *     framebuffer and writes the entry of addresses below 2^56 there;
 *   - an instance block register: the block's PDB, read when the low word is
 *     written.
 * The last one counts. What does not translate reads all ones, is not written,
 * and is reported as a fault of the BAR's engine.
 *
 * BARs of VFs show their slice always; they have no page tables here.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "nvgrace-gpu-internal.h"

struct NvGraceAperture {
    struct rcu_head rcu;    /* an access can be on its way when the GPU goes */
    NvGraceGpu *gpu;
    NvGraceBar which;
    bool virt;              /* mode; what follows counts only then */
    NvGracePdb pdb;
    uint64_t inst;          /* 0: firmware has it */
    NvGraceSpace inst_space;
    uint32_t block_lo, block_hi;
};

static const struct {
    const char *name;
    unsigned engine;
    uint32_t pdb_from_end;
} apertures[] = {
    [NVGRACE_APERTURE_FB] = {
        "nvgrace-bar1", NV_FAULT_ENGINE_BAR1, NVGRACE_GPU_BAR1_PDB_FROM_END
    },
    [NVGRACE_APERTURE_INSTANCE] = {
        "nvgrace-bar2", NV_FAULT_ENGINE_BAR2, NVGRACE_GPU_BAR2_PDB_FROM_END
    },
};

int nvgrace_aperture_translate(NvGraceGpu *gpu, NvGraceBar which, uint64_t va,
                               bool write, NvGraceXlate *out)
{
    const NvGraceAperture *ap = gpu->aperture[which];
    NvGracePdb pdb;

    if (!ap || !ap->virt) {
        return 1 + NV_FAULT_TYPE_UNBOUND_INST;
    }
    pdb = ap->pdb;
    return nvgrace_mmu_translate(&gpu->fn, &pdb, va, write, out);
}

/* Aligned, so that it lies within a page. False: it faulted */
static bool aperture_access(NvGraceAperture *ap, uint64_t va, void *buf,
                            unsigned size, bool write)
{
    NvGraceGpu *gpu = ap->gpu;
    uint64_t inst = ap->inst;
    NvGraceSpace inst_space = ap->inst_space;
    NvGraceXlate at;
    int ret = nvgrace_aperture_translate(gpu, ap->which, va, write, &at);

    if (!ret) {
        ret = nvgrace_mmu_access(&gpu->fn, at.space, at.peer, at.addr, buf,
                                 size, write);
    }
    if (ret && gpu->mmu) {
        nvgrace_mmu_fault(&gpu->fn, inst, inst_space, va,
                          apertures[ap->which].engine, ret - 1,
                          write ? NV_FAULT_ACCESS_VIRT_WRITE
                                : NV_FAULT_ACCESS_VIRT_READ);
    }
    return !ret;
}

static uint64_t aperture_read(void *opaque, hwaddr addr, unsigned size)
{
    NvGraceAperture *ap = opaque;
    uint64_t val = 0;

    if (!ap->virt) {
        return ((uint64_t)NVGRACE_GPU_INSTANCE_UNMAPPED << 32 |
                NVGRACE_GPU_INSTANCE_UNMAPPED) >> (addr & 3) * 8;
    }
    return aperture_access(ap, addr, &val, size, false) ? le64_to_cpu(val)
                                                        : UINT64_MAX;
}

static void aperture_write(void *opaque, hwaddr addr, uint64_t val,
                           unsigned size)
{
    NvGraceAperture *ap = opaque;

    if (!ap->virt) {
        nvgrace_driver_error(ap->gpu, "write to 0x%" HWADDR_PRIx " of the "
                             "instance aperture, which shows nothing", addr);
        return;
    }
    val = cpu_to_le64(val);
    aperture_access(ap, addr, &val, size, true);
}

static const MemoryRegionOps aperture_ops = {
    .read = aperture_read,
    .write = aperture_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

static void aperture_set_mode(NvGraceAperture *ap, bool virt)
{
    NvGraceGpu *gpu = ap->gpu;

    ap->virt = virt;
    if (ap->which == NVGRACE_APERTURE_FB) {
        memory_region_transaction_begin();
        memory_region_set_enabled(&gpu->bar_fb, !virt);
        memory_region_set_enabled(&gpu->bar_io[ap->which], virt);
        memory_region_transaction_commit();
    }
}

void nvgrace_aperture_set_pde(NvGraceGpu *gpu, NvGraceBar which, uint64_t pde)
{
    NvGraceAperture *ap = gpu->aperture[which];
    NvGracePdb pdb = {
        .space = NVGRACE_SPACE_FB,
        .addr = gpu->fb_size - apertures[which].pdb_from_end,
    };
    uint64_t root[2] = { cpu_to_le64(pde) };

    if (pde && ((pde & NV_MMU_PTE_VALID) ||
                extract64(pde, NV_MMU_PDE_APERTURE_SHIFT, 2) ==
                NV_MMU_PDE_APERTURE_INVALID)) {
        nvgrace_driver_error(gpu, "UPDATE_BAR_PDE: 0x%" PRIx64 " names no page "
                             "directory", pde);
    }
    nvgrace_mmu_access(&gpu->fn, pdb.space, 0, pdb.addr, root, sizeof(root),
                       true);
    nvgrace_mmu_invalidate(gpu, &pdb);
    ap->pdb = pdb;
    ap->inst = 0;
    ap->inst_space = NVGRACE_SPACE_FB;
    aperture_set_mode(ap, pde);
}

/* A target field: as an entry's aperture, but 1 is invalid */
static bool aperture_target(unsigned target, NvGraceSpace *space)
{
    *space = target;
    return target != NV_MMU_PTE_APERTURE_PEER;
}

/* Virtual mode by the instance block that the registers name */
static void aperture_bind(NvGraceAperture *ap)
{
    NvGraceGpu *gpu = ap->gpu;
    uint32_t lo = ap->block_lo;
    uint64_t inst = (uint64_t)ap->block_hi << 32 |
                    (lo & NV_VFN_BAR_BLOCK_ADDRESS);
    NvGraceSpace space;
    NvGracePdb pdb;
    uint64_t val;
    bool ok;

    ok = aperture_target((lo & NV_VFN_BAR_BLOCK_TARGET) >>
                         ctz32(NV_VFN_BAR_BLOCK_TARGET), &space) &&
         !nvgrace_mmu_access(&gpu->fn, space, 0, inst + NV_RAMIN_PDB_LO, &val,
                             sizeof(val), false);
    if (gpu->aperture[ap->which] != ap) {
        return;             /* the access itself unplugged the GPU */
    }
    if (!ok) {
        nvgrace_driver_error(gpu, "no instance block at 0x%" PRIx64 " for a "
                             "BAR", inst);
        return;
    }
    val = le64_to_cpu(val);
    if (!aperture_target(val & NV_RAMIN_PDB_TARGET, &pdb.space)) {
        nvgrace_driver_error(gpu, "the instance block at 0x%" PRIx64 " has no "
                             "page directory", inst);
        return;
    }
    pdb.addr = val & NV_MMU_PDE_ADDRESS;
    ap->pdb = pdb;
    ap->inst = inst;
    ap->inst_space = space;
    aperture_set_mode(ap, true);
}

uint32_t nvgrace_aperture_block(NvGraceGpu *gpu, NvGraceBar which, bool high)
{
    const NvGraceAperture *ap = gpu->aperture[which];

    return high ? ap->block_hi : ap->block_lo;
}

void nvgrace_aperture_set_block(NvGraceGpu *gpu, NvGraceBar which, bool high,
                                uint32_t val)
{
    NvGraceAperture *ap = gpu->aperture[which];

    if (high) {
        ap->block_hi = val;
        return;
    }
    ap->block_lo = val;
    if (val & NV_VFN_BAR_BLOCK_VIRTUAL) {
        aperture_bind(ap);
    } else {
        aperture_set_mode(ap, false);
    }
}

void nvgrace_aperture_reset(NvGraceGpu *gpu, NvGraceBar which)
{
    NvGraceAperture *ap = gpu->aperture[which];

    ap->block_lo = 0;
    ap->block_hi = 0;
    aperture_set_mode(ap, false);
}

void nvgrace_aperture_init(NvGraceGpu *gpu, NvGraceBar which, MemoryRegion *bar,
                           uint64_t size)
{
    NvGraceAperture *ap = g_new0(NvGraceAperture, 1);
    MemoryRegion *io = &gpu->bar_io[which];
    Object *owner = OBJECT(gpu);

    ap->gpu = gpu;
    ap->which = which;
    gpu->aperture[which] = ap;
    memory_region_init(bar, owner, apertures[which].name, size);
    memory_region_init_io(io, owner, &aperture_ops, ap, "nvgrace-bar-io",
                          size);
    memory_region_add_subregion(bar, 0, io);
    if (which == NVGRACE_APERTURE_FB) {
        memory_region_init_alias(&gpu->bar_fb, owner, "nvgrace-bar-fb",
                                 &gpu->fb, 0, size);
        memory_region_add_subregion_overlap(bar, 0, &gpu->bar_fb, 1);
    }
    aperture_set_mode(ap, false);
}

void nvgrace_aperture_exit(NvGraceGpu *gpu, NvGraceBar which)
{
    NvGraceAperture *ap = gpu->aperture[which];

    gpu->aperture[which] = NULL;
    g_free_rcu(ap, rcu);
}
