// SPDX-License-Identifier: GPL-2.0
/*
 * Round trips: data goes from system memory to framebuffer and back, and is compared. For
 * tests from outside there are files in debugfs' nvgrace-vgpu-test/; a write of anything
 * does it once, with a context of its own, from begin to end in the task that writes,
 * which gets the errno:
 *
 *	copy	a round trip
 *	fault	a copy from where nothing is mapped: -EIO, and -EBADMSG if the cause that the
 *		context tells is another
 *	egm	fills of EGM that take long, and end with an error if the GPU is lost meanwhile;
 *		-EBADMSG if EGM is written to after that
 *	sysmem	likewise, of system memory
 *
 * What is expected of the results is for tools/testing/selftests/ to say.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/sizes.h>

#include "test.h"

#define NVGT_COPY_SIZE	SZ_1M
#define NVGT_NOWHERE	0x123456789000ULL	/* a virtual address */
#define NVGT_FILL_SIZE	SZ_64M			/* a job's */
#define NVGT_FILL_JOBS	400U
#define NVGT_FILL_MS	500			/* far more than a job takes */

void nvgt_trip_exit(struct nvgt_trip *trip)
{
	/* First who uses the memory */
	if (trip->ce)
		nvgrace_vgpu_ce_destroy(trip->ce);
	if (trip->fb)
		nvgrace_vgpu_fb_free(trip->gpu->vgpu, trip->fb);
	if (trip->mem)
		dma_free_coherent(trip->gpu->info.dma_dev, 2 * trip->size, trip->mem, trip->dma);
}

static int nvgt_trip_alloc(struct nvgt_trip *trip, int engine)
{
	struct nvgrace_vgpu_ce_config config = { .engine = engine, .chid = NVGRACE_VGPU_ANY };
	struct nvgrace_vgpu *vgpu = trip->gpu->vgpu;
	struct nvgrace_vgpu_fb *fb;
	struct nvgrace_vgpu_ce *ce;

	trip->mem = dma_alloc_coherent(trip->gpu->info.dma_dev, 2 * trip->size, &trip->dma,
				       GFP_KERNEL);
	if (!trip->mem)
		return -ENOMEM;
	fb = nvgrace_vgpu_fb_alloc(vgpu, trip->size, SZ_4K);
	if (IS_ERR(fb))
		return PTR_ERR(fb);
	trip->fb = fb;
	ce = nvgrace_vgpu_ce_create(vgpu, &config);
	if (IS_ERR(ce))
		return PTR_ERR(ce);
	trip->ce = ce;
	return 0;
}

int nvgt_trip_init(struct nvgt_trip *trip, struct nvgt_gpu *gpu, int engine, size_t size)
{
	int ret;

	*trip = (struct nvgt_trip) { .gpu = gpu, .size = size };
	ret = nvgt_trip_alloc(trip, engine);
	if (ret)
		nvgt_trip_exit(trip);
	return ret;
}

int nvgt_trip_go(struct nvgt_trip *trip, u64 seed)
{
	struct nvgrace_vgpu_addr fb = { NVGRACE_VGPU_FB, trip->fb->addr };
	struct nvgrace_vgpu_addr out = { NVGRACE_VGPU_SYSMEM, trip->dma };
	struct nvgrace_vgpu_addr back = { NVGRACE_VGPU_SYSMEM, trip->dma + trip->size };
	size_t i, words = trip->size / sizeof(u64);
	int ret;

	for (i = 0; i < words; i++)
		trip->mem[i] = seed << 32 | i;
	memset(trip->mem + words, 0xff, trip->size);
	ret = nvgrace_vgpu_ce_copy(trip->ce, fb, out, trip->size);
	if (!ret)
		ret = nvgrace_vgpu_ce_copy(trip->ce, back, fb, trip->size);
	if (ret)
		return ret;
	return memcmp(trip->mem, trip->mem + words, trip->size) ? -EILSEQ : 0;
}

static int nvgt_copy(struct nvgt_gpu *gpu)
{
	static atomic_t seed;
	struct nvgt_trip trip;
	int ret;

	ret = nvgt_trip_init(&trip, gpu, NVGRACE_VGPU_ANY, NVGT_COPY_SIZE);
	if (ret)
		return ret;
	ret = nvgt_trip_go(&trip, (u32)atomic_inc_return(&seed));
	nvgt_trip_exit(&trip);
	return ret;
}

static int nvgt_fault_go(struct nvgt_trip *trip)
{
	struct nvgrace_vgpu_addr nowhere = { NVGRACE_VGPU_VA, NVGT_NOWHERE };
	struct nvgrace_vgpu_addr out = { NVGRACE_VGPU_SYSMEM, trip->dma };
	struct nvgrace_vgpu_fault fault;
	int ret;

	ret = nvgrace_vgpu_ce_copy(trip->ce, out, nowhere, SZ_4K);
	if (ret != -EIO)
		return ret;
	nvgrace_vgpu_ce_fault(trip->ce, &fault);
	if (fault.kind != NVGRACE_VGPU_FAULT_MMU || !fault.has_addr ||
	    fault.addr != NVGT_NOWHERE || fault.write || fault.physical)
		return -EBADMSG;
	return ret;
}

static int nvgt_fault(struct nvgt_gpu *gpu)
{
	struct nvgt_trip trip;
	int ret;

	ret = nvgt_trip_init(&trip, gpu, NVGRACE_VGPU_ANY, SZ_64K);
	if (ret)
		return ret;
	ret = nvgt_fault_go(&trip);
	nvgt_trip_exit(&trip);
	return ret;
}

/* Marks at each MiB, as nobody knows where the GPU was */
static int nvgt_fill_check(struct nvgt_buffer *buf)
{
	u64 at;

	for (at = 0; at < buf->size; at += SZ_1M)
		WRITE_ONCE(buf->cpu[at], 1);
	msleep(NVGT_FILL_MS);
	for (at = 0; at < buf->size; at += SZ_1M)
		if (READ_ONCE(buf->cpu[at]) != 1)
			return -EBADMSG;
	return 0;
}

static int nvgt_fill_go(struct nvgt_buffer *buf, struct nvgrace_vgpu_ce *ce)
{
	struct dma_fence *fence = NULL;
	unsigned int i;
	int ret, status;

	for (i = 0; i < NVGT_FILL_JOBS; i++) {
		dma_fence_put(fence);
		fence = nvgrace_vgpu_ce_fill_async(ce, nvgt_addr(buf, 0), 0, buf->size);
		if (IS_ERR(fence))
			return PTR_ERR(fence);
	}
	dma_fence_wait(fence, false);
	ret = nvgt_fill_check(buf);
	status = dma_fence_get_status(fence);
	dma_fence_put(fence);
	return ret ? ret : min(status, 0);
}

static int nvgt_fill(struct nvgt_gpu *gpu, enum nvgrace_vgpu_space space)
{
	struct nvgrace_vgpu_ce *ce;
	struct nvgt_buffer buf;
	int ret;

	ret = nvgt_buffer_init(&buf, gpu, space, NVGT_FILL_SIZE, 0);
	if (ret)
		return ret;
	ce = nvgrace_vgpu_ce_create(gpu->vgpu, NULL);
	ret = PTR_ERR_OR_ZERO(ce);
	if (!ret) {
		ret = nvgt_fill_go(&buf, ce);
		nvgrace_vgpu_ce_destroy(ce);
	}
	nvgt_buffer_exit(&buf);
	return ret;
}

static int nvgt_fill_egm(struct nvgt_gpu *gpu)
{
	return nvgt_fill(gpu, NVGRACE_VGPU_EGM);
}

static int nvgt_fill_sysmem(struct nvgt_gpu *gpu)
{
	return nvgt_fill(gpu, NVGRACE_VGPU_SYSMEM);
}

static const struct nvgt_verb {
	const char *name;
	int (*fn)(struct nvgt_gpu *gpu);
} nvgt_verbs[] = {
	{ "copy", nvgt_copy },
	{ "fault", nvgt_fault },
	{ "egm", nvgt_fill_egm },
	{ "sysmem", nvgt_fill_sysmem },
};

static ssize_t nvgt_verb_write(struct file *file, const char __user *text, size_t count,
			       loff_t *pos)
{
	const struct nvgt_verb *verb = file_inode(file)->i_private;
	struct nvgt_gpu *gpu = nvgt_gpu_get();
	int ret;

	if (!gpu)
		return -ENODEV;
	ret = verb->fn(gpu);
	nvgt_gpu_put(gpu);
	return ret ? ret : count;
}

static const struct file_operations nvgt_verb_fops = {
	.owner = THIS_MODULE,
	.write = nvgt_verb_write,
};

void nvgt_trip_files(struct dentry *dir)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nvgt_verbs); i++)
		debugfs_create_file(nvgt_verbs[i].name, 0200, dir, (void *)&nvgt_verbs[i],
				    &nvgt_verb_fops);
}
