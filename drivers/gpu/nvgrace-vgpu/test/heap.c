// SPDX-License-Identifier: GPL-2.0
/*
 * Would an allocation of framebuffer get a certain byte? A write of its address to
 * debugfs' nvgrace-vgpu-test/heap takes all framebuffer that there is, in pieces as large as
 * they come, looks, and gives it back: -ENOENT if nobody who allocates gets the byte. Only
 * while nobody else allocates is that the whole truth.
 */
#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "test.h"

struct nvgt_piece {
	struct list_head link;
	struct nvgrace_vgpu_fb *fb;
};

static void nvgt_heap_give(struct nvgt_gpu *gpu, struct list_head *pieces)
{
	struct nvgt_piece *piece, *next;

	list_for_each_entry_safe(piece, next, pieces, link) {
		nvgrace_vgpu_fb_free(gpu->vgpu, piece->fb);
		kfree(piece);
	}
}

/* All pieces of this size that there are */
static int nvgt_heap_take(struct nvgt_gpu *gpu, u64 size, struct list_head *pieces)
{
	struct nvgt_piece *piece;
	int ret;

	for (;;) {
		piece = kzalloc_obj(*piece);
		if (!piece)
			return -ENOMEM;
		piece->fb = nvgrace_vgpu_fb_alloc(gpu->vgpu, size, SZ_4K);
		if (IS_ERR(piece->fb)) {
			ret = PTR_ERR(piece->fb);
			kfree(piece);
			return ret == -ENOSPC ? 0 : ret;
		}
		list_add(&piece->link, pieces);
	}
}

static int nvgt_heap_has(struct nvgt_gpu *gpu, u64 addr)
{
	struct nvgt_piece *piece;
	LIST_HEAD(pieces);
	u64 size;
	int ret = 0;

	for (size = SZ_1G; size >= SZ_4K && !ret; size /= 2)
		ret = nvgt_heap_take(gpu, size, &pieces);
	if (!ret)
		ret = -ENOENT;
	list_for_each_entry(piece, &pieces, link)
		if (ret == -ENOENT && addr >= piece->fb->addr &&
		    addr - piece->fb->addr < piece->fb->size)
			ret = 0;
	nvgt_heap_give(gpu, &pieces);
	return ret;
}

static ssize_t nvgt_heap_write(struct file *file, const char __user *text, size_t count,
			       loff_t *pos)
{
	struct nvgt_gpu *gpu;
	u64 addr;
	int ret;

	ret = kstrtou64_from_user(text, count, 0, &addr);
	if (ret)
		return ret;
	gpu = nvgt_gpu_get();
	if (!gpu)
		return -ENODEV;
	ret = nvgt_heap_has(gpu, addr);
	nvgt_gpu_put(gpu);
	return ret ? ret : count;
}

static const struct file_operations nvgt_heap_fops = {
	.owner = THIS_MODULE,
	.write = nvgt_heap_write,
};

void nvgt_heap_files(struct dentry *dir)
{
	debugfs_create_file("heap", 0200, dir, NULL, &nvgt_heap_fops);
}
