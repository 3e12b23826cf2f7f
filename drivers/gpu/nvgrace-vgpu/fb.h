/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The framebuffer: what of it is free.
 */
#ifndef NVGRACE_VGPU_FB_H
#define NVGRACE_VGPU_FB_H

#include <linux/align.h>
#include <linux/gpu_buddy.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct nvg_gpu;

#define NVG_FB_CHUNK		4096ULL		/* smallest piece, bytes */
#define NVG_FB_RETIRE_SIZE	65536ULL	/* what an ECC error takes out of use, bytes */

/**
 * struct nvg_fb_mem - a contiguous piece of the framebuffer
 * @addr: address in the framebuffer, bytes
 * @size: in bytes, a multiple of NVG_FB_CHUNK
 * @blocks: of gpu_buddy; empty once the heap that it is from is gone
 * @link: in nvg_fb.mems
 */
struct nvg_fb_mem {
	u64 addr;
	u64 size;
	struct list_head blocks;
	struct list_head link;
};

/**
 * struct nvg_fb - the heap
 * @lock: protects all below
 * @ready: between nvg_fb_init() and nvg_fb_fini()
 * @buddy: addresses are those of the framebuffer, from 0 to its end
 * @reserved: blocks of the holes, and of retired pages
 * @mems: what is given out
 * @retired: retired pages, by address / NVG_FB_RETIRE_SIZE
 * @unsettled: a retired page that is free may still be in @buddy
 * @segment: VMMU segment, bytes, a power of two
 * @total: bytes of the usable regions
 * @used: bytes given out
 * @nr_retired: pages in @retired that are in usable regions
 */
struct nvg_fb {
	struct mutex lock;	/* protects what follows */
	bool ready;
	struct gpu_buddy buddy;
	struct list_head reserved;
	struct list_head mems;
	struct xarray retired;
	bool unsettled;
	u64 segment;
	u64 total;
	u64 used;
	u32 nr_retired;
};

void nvg_fb_setup(struct nvg_gpu *gpu);
int nvg_fb_init(struct nvg_gpu *gpu);
void nvg_fb_fini(struct nvg_gpu *gpu);
struct nvg_fb_mem *nvg_fb_alloc(struct nvg_gpu *gpu, u64 size, u64 align);
void nvg_fb_free(struct nvg_gpu *gpu, struct nvg_fb_mem *mem);
int nvg_fb_retire_new(struct nvg_gpu *gpu);

#endif
