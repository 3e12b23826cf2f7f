// SPDX-License-Identifier: GPL-2.0
/*
 * The framebuffer's heap.
 *
 * The firmware tells regions: some are the driver's to give out, the rest are the VFs' or
 * its own. gpu_buddy gets the whole framebuffer, so that its addresses are those of the
 * GPU, and then loses the holes.
 *
 * Pages of 64 KiB with uncorrectable errors are retired, and never given out again. A
 * page is noted in a set first, which does not care who has it. Then it is taken from
 * gpu_buddy: at once if it is free, else when it comes back. Should gpu_buddy lack
 * memory for that, the next allocation tries again before it takes anything.
 *
 * A reset ends the heap while others still hold memory of it. Their pieces become empty
 * shells then, which are good for nvg_fb_free() only.
 *
 * What is in the memory, and zeroing it, is not this file's business.
 */
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "gpu.h"

#define FB_MAX_OFFLINED		512	/* pages that the firmware can tell */
#define FB_MIN_SEGMENT		SZ_32M
#define FB_MAX_SEGMENT		SZ_1G

/* Take exactly [start, end) out of use */
static int fb_reserve(struct nvg_fb *fb, u64 start, u64 end)
{
	if (start >= end)
		return 0;
	return gpu_buddy_alloc_blocks(&fb->buddy, start, end, end - start, NVG_FB_CHUNK,
				      &fb->reserved, 0);
}

/* As fb_reserve(), but what is not free stays as it is */
static int fb_reserve_free(struct nvg_fb *fb, u64 start, u64 end)
{
	int rc;

	rc = fb_reserve(fb, start, end);
	if (rc != -ENOSPC)
		return rc;
	for (; start < end; start += NVG_FB_CHUNK) {
		rc = fb_reserve(fb, start, start + NVG_FB_CHUNK);
		if (rc && rc != -ENOSPC)
			return rc;
	}
	return 0;
}

/* Take what of [start, end) is both retired and free. Called with fb->lock held */
static int fb_settle(struct nvg_fb *fb, u64 start, u64 end)
{
	unsigned long index;
	void *entry;
	int rc = 0;

	xa_for_each_range(&fb->retired, index, entry, start / NVG_FB_RETIRE_SIZE,
			  (end - 1) / NVG_FB_RETIRE_SIZE) {
		u64 page = (u64)index * NVG_FB_RETIRE_SIZE;

		rc = fb_reserve_free(fb, max(start, page),
				     min3(end, page + NVG_FB_RETIRE_SIZE, fb->buddy.size));
		if (rc) {
			fb->unsettled = true;
			break;
		}
	}
	return rc;
}

/* Make up for what fb_settle() could not do */
static int fb_settle_all(struct nvg_fb *fb)
{
	if (!fb->unsettled)
		return 0;
	fb->unsettled = false;
	return fb_settle(fb, 0, fb->buddy.size);
}

static bool fb_is_usable(struct nvg_gpu *gpu, u64 start, u64 end)
{
	const struct nvg_static_info *info = &gpu->info;
	unsigned int i;

	for (i = 0; i < info->nr_regions; i++)
		if (info->region[i].usable && start < info->region[i].end &&
		    end > info->region[i].start)
			return true;
	return false;
}

/* Called with fb->lock held. A page that is retired already is no error */
static int fb_retire(struct nvg_gpu *gpu, u64 addr)
{
	struct nvg_fb *fb = &gpu->fb;
	unsigned long index = addr / NVG_FB_RETIRE_SIZE;
	u64 page = (u64)index * NVG_FB_RETIRE_SIZE;
	int rc;

	if (addr >= fb->buddy.size)
		return -EINVAL;
	rc = xa_insert(&fb->retired, index, xa_mk_value(1), GFP_KERNEL);
	if (rc == -EBUSY)
		return 0;
	if (rc)
		return rc;
	if (fb_is_usable(gpu, page, page + NVG_FB_RETIRE_SIZE))
		fb->nr_retired++;
	/* What does not get done now is by the next allocation */
	fb_settle(fb, page, page + NVG_FB_RETIRE_SIZE);
	return 0;
}

static int fb_cmp_region(const void *a, const void *b)
{
	const struct nvg_fb_region *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Reserve all that is in no usable region; regions must not overlap */
static int fb_reserve_holes(struct nvg_gpu *gpu)
{
	struct nvg_fb_region region[NVG_MAX_REGIONS];
	unsigned int i, nr = gpu->info.nr_regions;
	struct nvg_fb *fb = &gpu->fb;
	u64 pos = 0, last = 0;
	int rc;

	memcpy(region, gpu->info.region, nr * sizeof(region[0]));
	sort(region, nr, sizeof(region[0]), fb_cmp_region, NULL);
	for (i = 0; i < nr; i++) {
		u64 start = round_up(region[i].start, NVG_FB_CHUNK);
		u64 end = round_down(region[i].end, NVG_FB_CHUNK);

		if (region[i].start < last || region[i].end < region[i].start ||
		    region[i].end > gpu->info.fb_length) {
			dev_err(gpu->dev, "framebuffer region 0x%llx-0x%llx: overlap, or outside\n",
				region[i].start, region[i].end);
			return -EPROTO;
		}
		last = region[i].end;
		if (!region[i].usable || start >= end)
			continue;
		rc = fb_reserve(fb, pos, start);
		if (rc)
			return rc;
		fb->total += end - start;
		pos = end;
	}
	return fb_reserve(fb, pos, fb->buddy.size);
}

static int fb_retire_offlined(struct nvg_gpu *gpu, const u64 *addr, int nr)
{
	int i, rc;

	for (i = 0; i < nr; i++) {
		rc = fb_retire(gpu, addr[i]);
		if (rc == -EINVAL)
			dev_warn(gpu->dev, "offlined page at 0x%llx: outside of the framebuffer\n",
				 addr[i]);
		else if (rc)
			return rc;
	}
	return 0;
}

static void fb_end(struct nvg_fb *fb)
{
	struct nvg_fb_mem *mem, *next;

	list_for_each_entry_safe(mem, next, &fb->mems, link) {
		list_del_init(&mem->link);
		gpu_buddy_free_list(&fb->buddy, &mem->blocks, 0);
	}
	gpu_buddy_free_list(&fb->buddy, &fb->reserved, 0);
	gpu_buddy_fini(&fb->buddy);
	xa_destroy(&fb->retired);
	fb->total = 0;
	fb->used = 0;
	fb->nr_retired = 0;
	fb->ready = false;
}

static int fb_begin(struct nvg_gpu *gpu, const u64 *offlined, int nr)
{
	struct nvg_fb *fb = &gpu->fb;
	int rc;

	rc = gpu_buddy_init(&fb->buddy, round_down(gpu->info.fb_length, NVG_FB_CHUNK),
			    NVG_FB_CHUNK);
	if (rc)
		return rc;
	fb->unsettled = false;
	rc = fb_reserve_holes(gpu);
	if (!rc)
		rc = fb_retire_offlined(gpu, offlined, nr);
	if (!rc)
		rc = fb_settle_all(fb);
	if (rc)
		fb_end(fb);
	else
		fb->ready = true;
	return rc;
}

/**
 * nvg_fb_setup() - What the heap needs before the first boot
 * @gpu: the PF; called once, by nvg_mmu_setup()
 */
void nvg_fb_setup(struct nvg_gpu *gpu)
{
	struct nvg_fb *fb = &gpu->fb;

	mutex_init(&fb->lock);
	INIT_LIST_HEAD(&fb->reserved);
	INIT_LIST_HEAD(&fb->mems);
	xa_init(&fb->retired);
}

/**
 * nvg_fb_init() - Make the heap of what the firmware leaves
 * @gpu: the PF, with static info and RM's client
 *
 * Return: 0; -EPROTO if what the firmware tells cannot be; -ENOMEM; an errno of the
 * firmware.
 */
int nvg_fb_init(struct nvg_gpu *gpu)
{
	struct nvg_fb *fb = &gpu->fb;
	u64 segment;
	int nr, rc;

	u64 *offlined __free(kvfree) = kvzalloc_objs(*offlined, FB_MAX_OFFLINED);

	if (!offlined)
		return -ENOMEM;

	if (gpu->info.fb_length < NVG_FB_RETIRE_SIZE || gpu->info.fb_length > NVG_PTE_ADDR) {
		dev_err(gpu->dev, "framebuffer of %llu bytes\n", gpu->info.fb_length);
		return -EPROTO;
	}
	rc = nvg_fw_vmmu_segment_size(gpu, &segment);
	if (rc)
		return rc;
	if (!is_power_of_2(segment) || segment < FB_MIN_SEGMENT || segment > FB_MAX_SEGMENT) {
		dev_err(gpu->dev, "VMMU segments of %llu bytes\n", segment);
		return -EPROTO;
	}
	nr = nvg_fw_offlined_pages(gpu, offlined, FB_MAX_OFFLINED);
	if (nr < 0)
		return nr;

	guard(mutex)(&fb->lock);
	fb->segment = segment;
	rc = fb_begin(gpu, offlined, nr);
	if (rc) {
		dev_err(gpu->dev, "framebuffer heap: %d\n", rc);
		return rc;
	}
	dev_info(gpu->dev, "framebuffer: %llu MiB of %llu MiB for us, %u pages retired\n",
		 fb->total >> 20, gpu->info.fb_length >> 20, fb->nr_retired);
	return 0;
}

/**
 * nvg_fb_fini() - End the heap
 * @gpu: the PF; the firmware can be lost
 *
 * What is given out is nobody's from here on, but must still be freed.
 */
void nvg_fb_fini(struct nvg_gpu *gpu)
{
	guard(mutex)(&gpu->fb.lock);
	if (gpu->fb.ready)
		fb_end(&gpu->fb);
}

/*
 * gpu_buddy aligns a contiguous piece to its size, rounded up to a power of two, or, if
 * it has to look harder, as it was told. A piece smaller than its alignment needs
 * another way: one block, which is trimmed then.
 */
static int fb_take(struct nvg_fb *fb, u64 size, u64 align, struct list_head *blocks)
{
	u64 block = roundup_pow_of_two(size);
	int rc;

	if (align <= block)
		return gpu_buddy_alloc_blocks(&fb->buddy, 0, fb->buddy.size, size, align, blocks,
					      GPU_BUDDY_CONTIGUOUS_ALLOCATION);
	rc = gpu_buddy_alloc_blocks(&fb->buddy, 0, fb->buddy.size, block, align, blocks, 0);
	/* Without memory for the trimming the piece is larger than need be */
	if (!rc && block != size)
		gpu_buddy_block_trim(&fb->buddy, NULL, size, blocks);
	return rc;
}

/* The range of contiguous blocks, in whatever order; @end is behind the last byte */
static void fb_range(struct nvg_fb *fb, struct list_head *blocks, u64 *start, u64 *end)
{
	struct gpu_buddy_block *block;
	u64 offset;

	*start = U64_MAX;
	*end = 0;
	list_for_each_entry(block, blocks, link) {
		offset = gpu_buddy_block_offset(block);
		*start = min(*start, offset);
		*end = max(*end, offset + gpu_buddy_block_size(&fb->buddy, block));
	}
}

/**
 * nvg_fb_alloc() - Take a contiguous piece of the framebuffer
 * @gpu: the PF
 * @size: in bytes, not 0; rounded up to NVG_FB_CHUNK
 * @align: of its address, a power of two; not less than NVG_FB_CHUNK is given. For a VF
 *	both are multiples of the VMMU segment
 *
 * The memory holds what its last owner left there.
 *
 * Return: the piece; -EINVAL; -EIO if the firmware does not run; -ENOSPC if there is no
 * such piece, or gpu_buddy had no memory to split a larger one; -ENOMEM.
 */
struct nvg_fb_mem *nvg_fb_alloc(struct nvg_gpu *gpu, u64 size, u64 align)
{
	struct nvg_fb_mem *mem __free(kfree) = NULL;
	struct nvg_fb *fb = &gpu->fb;
	u64 end;
	int rc;

	if (!size || (align && !is_power_of_2(align)))
		return ERR_PTR(-EINVAL);
	mem = kzalloc_obj(*mem);
	if (!mem)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&mem->blocks);
	INIT_LIST_HEAD(&mem->link);

	guard(mutex)(&fb->lock);
	if (!fb->ready)
		return ERR_PTR(-EIO);
	if (size > fb->buddy.avail || align > fb->buddy.size)
		return ERR_PTR(-ENOSPC);
	rc = fb_settle_all(fb);
	if (rc)
		return ERR_PTR(rc);
	mem->size = round_up(size, NVG_FB_CHUNK);
	rc = fb_take(fb, mem->size, max(align, NVG_FB_CHUNK), &mem->blocks);
	if (rc)
		/* It does not like a size that no root of its trees has */
		return ERR_PTR(rc == -EINVAL ? -ENOSPC : rc);
	fb_range(fb, &mem->blocks, &mem->addr, &end);
	list_add_tail(&mem->link, &fb->mems);
	fb->used += mem->size;
	return_ptr(mem);
}

/**
 * nvg_fb_free() - Give back a piece of the framebuffer
 * @gpu: the PF it is from
 * @mem: the piece, or NULL; freed
 *
 * Retired pages in it are kept. A piece from before a reset is only freed.
 */
void nvg_fb_free(struct nvg_gpu *gpu, struct nvg_fb_mem *mem)
{
	struct nvg_fb *fb = &gpu->fb;
	u64 start, end;

	if (!mem)
		return;
	scoped_guard(mutex, &fb->lock) {
		if (list_empty(&mem->link))
			break;
		list_del(&mem->link);
		/* Its blocks can be more than it is: see fb_take() */
		fb_range(fb, &mem->blocks, &start, &end);
		gpu_buddy_free_list(&fb->buddy, &mem->blocks, 0);
		fb->used -= mem->size;
		fb_settle(fb, start, end);
	}
	kfree(mem);
}

/**
 * nvg_fb_retire_new() - Ask the firmware which pages have failed, and retire them
 * @gpu: the PF; the firmware has reported an uncorrectable error
 *
 * A page that is in use is, until its owner frees it.
 *
 * Return: how many pages this has retired; -EIO if the firmware does not run (it tells them
 * at the next boot); -ENOMEM; an errno of the firmware.
 */
int nvg_fb_retire_new(struct nvg_gpu *gpu)
{
	struct nvg_fb *fb = &gpu->fb;
	int nr, rc;
	u32 before;

	u64 *offlined __free(kvfree) = kvzalloc_objs(*offlined, FB_MAX_OFFLINED);

	if (!offlined)
		return -ENOMEM;

	nr = nvg_fw_offlined_pages(gpu, offlined, FB_MAX_OFFLINED);
	if (nr < 0)
		return nr;

	guard(mutex)(&fb->lock);
	if (!fb->ready)
		return -EIO;
	before = fb->nr_retired;
	rc = fb_retire_offlined(gpu, offlined, nr);
	return rc ? rc : fb->nr_retired - before;
}
