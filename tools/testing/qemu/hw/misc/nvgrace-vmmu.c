/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Framebuffer of a function (VMMU): the segments of the GPU's framebuffer that
 * the function's addresses run through, one behind the other.
 *
 * The PF (gfid 0) sees all of it, address by address. A VF starts with its
 * slice, [i, i + 1) * vf-fb-size, and gets other segments when firmware boots
 * its vGPU. What lies behind the last segment is not the function's.
 *
 * The VF's BAR shows the segments, as far as it is large enough. The rest of it
 * is empty: reads all ones.
 *
 * Not here: translation of virtual addresses (nvgrace-mmu.c), and whether a
 * function may have a segment (the control, nvgrace-rm-control.c).
 */
#include "qemu/osdep.h"
#include "nvgrace-gpu-internal.h"

#define VMMU_GFIDS          64

typedef struct VmmuList {
    NvGraceSegment *segments;
    unsigned nr;

    NvGraceFunction *fn;    /* NULL: there is no such VF */
    MemoryRegion *parts;    /* of fn->fb_bar, a segment each */
    unsigned nr_parts;
} VmmuList;

struct NvGraceVmmu {
    VmmuList gfid[VMMU_GFIDS];
};

static void vmmu_hide(VmmuList *list)
{
    /* Aliases: nothing can still be using them */
    for (unsigned i = 0; i < list->nr_parts; i++) {
        memory_region_del_subregion(&list->fn->fb_bar, &list->parts[i]);
        object_unparent(OBJECT(&list->parts[i]));
    }
    g_clear_pointer(&list->parts, g_free);
    list->nr_parts = 0;
}

static void vmmu_show(VmmuList *list)
{
    NvGraceFunction *fn = list->fn;
    uint64_t at = 0;

    if (!fn) {
        return;
    }
    memory_region_transaction_begin();
    vmmu_hide(list);
    list->parts = g_new0(MemoryRegion, list->nr);
    for (unsigned i = 0; i < list->nr && at < fn->fb_size; i++) {
        const NvGraceSegment *segment = &list->segments[i];
        uint64_t len = MIN(segment->len, fn->fb_size - at);

        memory_region_init_alias(&list->parts[i], OBJECT(fn->pci),
                                 "nvgrace-fb-segment", &fn->gpu->fb,
                                 segment->start, len);
        memory_region_add_subregion(&fn->fb_bar, at, &list->parts[i]);
        list->nr_parts++;
        at += len;
    }
    memory_region_transaction_commit();
}

static void vmmu_replace(VmmuList *list, const NvGraceSegment *segments,
                         unsigned nr)
{
    g_free(list->segments);
    list->segments = g_memdup2(segments, nr * sizeof(*segments));
    list->nr = nr;
    vmmu_show(list);
}

void nvgrace_vmmu_attach(NvGraceFunction *fn)
{
    VmmuList *list = &fn->gpu->vmmu->gfid[fn->gfid];

    list->fn = fn;
    vmmu_show(list);
}

void nvgrace_vmmu_detach(NvGraceFunction *fn)
{
    VmmuList *list = &fn->gpu->vmmu->gfid[fn->gfid];

    vmmu_hide(list);
    list->fn = NULL;
}

void nvgrace_vmmu_set(NvGraceGpu *gpu, unsigned gfid,
                      const NvGraceSegment *segments, unsigned nr)
{
    g_assert(gfid && gfid < VMMU_GFIDS);
    vmmu_replace(&gpu->vmmu->gfid[gfid], segments, nr);
}

void nvgrace_vmmu_set_default(NvGraceGpu *gpu, unsigned gfid)
{
    NvGraceSegment slice = {
        .start = (gfid - 1) * gpu->vf_fb_size,
        .len = gpu->vf_fb_size,
    };

    if (gfid && gfid < VMMU_GFIDS) {
        vmmu_replace(&gpu->vmmu->gfid[gfid], &slice, gfid <= gpu->vfs);
    }
}

bool nvgrace_vmmu_translate(NvGraceGpu *gpu, unsigned gfid, uint64_t addr,
                            uint64_t len, uint64_t *out)
{
    const VmmuList *list;

    if (!gfid) {
        *out = addr;
        return addr < gpu->fb_size && len <= gpu->fb_size - addr;
    }
    if (gfid >= VMMU_GFIDS) {
        return false;
    }
    list = &gpu->vmmu->gfid[gfid];
    for (unsigned i = 0; i < list->nr; i++) {
        const NvGraceSegment *segment = &list->segments[i];

        if (addr < segment->len) {
            *out = segment->start + addr;
            return len <= segment->len - addr;
        }
        addr -= segment->len;
    }
    return false;
}

void nvgrace_vmmu_reset(NvGraceGpu *gpu)
{
    for (unsigned i = 1; i < VMMU_GFIDS; i++) {
        nvgrace_vmmu_set_default(gpu, i);
    }
}

void nvgrace_vmmu_init(NvGraceGpu *gpu)
{
    gpu->vmmu = g_new0(NvGraceVmmu, 1);
    nvgrace_vmmu_reset(gpu);
}

void nvgrace_vmmu_exit(NvGraceGpu *gpu)
{
    for (unsigned i = 0; i < VMMU_GFIDS; i++) {
        g_free(gpu->vmmu->gfid[i].segments);
    }
    g_clear_pointer(&gpu->vmmu, g_free);
}
