// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for the tests in each of the GPU's spaces, which the CPU reads and writes
 * without the GPU's copy engines: framebuffer through BAR 1, system memory directly,
 * EGM at its physical address.
 *
 * BAR 1 is slow: the device model translates each access of it. So the bulk of large
 * framebuffer goes by a copy engine after all, in pieces of a size that the tests have
 * checked through BAR 1, and by a context of its own.
 *
 * EGM belongs to whoever manages it. The tests use a part of its end, while nobody has
 * allocated that.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "test.h"

#define NVGT_PATTERN	65521U		/* bytes, a prime */
#define NVGT_CHUNK	0x10000U
#define NVGT_LARGE	SZ_1M		/* framebuffer with a ferry */

/* Two periods, so that NVGT_CHUNK bytes from any byte of the first one can be taken */
static u8 nvgt_pattern[2 * NVGT_PATTERN];
static u8 nvgt_bounce[NVGT_CHUNK];
static DEFINE_MUTEX(nvgt_lock);		/* of both */

const char *nvgt_space_name(enum nvgrace_vgpu_space space)
{
	static const char * const names[] = { "fb", "sysmem", "egm", "va" };

	return names[space];
}

static int nvgt_init_ferry(struct nvgt_buffer *buf)
{
	int ret;

	buf->stage = dma_alloc_coherent(buf->gpu->info.dma_dev, NVGT_CHUNK, &buf->stage_dma,
					GFP_KERNEL);
	if (!buf->stage)
		return -ENOMEM;
	buf->ferry = nvgrace_vgpu_ce_create(buf->gpu->vgpu, NULL);
	if (!IS_ERR(buf->ferry))
		return 0;
	ret = PTR_ERR(buf->ferry);
	buf->ferry = NULL;
	return ret;
}

static int nvgt_init_fb(struct nvgt_buffer *buf)
{
	struct nvgrace_vgpu *vgpu = buf->gpu->vgpu;
	int ret;

	buf->fb = nvgrace_vgpu_fb_alloc(vgpu, buf->size, SZ_2M);
	if (IS_ERR(buf->fb)) {
		ret = PTR_ERR(buf->fb);
		buf->fb = NULL;
		return ret;
	}
	buf->addr = buf->fb->addr;
	buf->io = nvgrace_vgpu_bar1_map(vgpu, buf->addr, buf->size);
	if (IS_ERR(buf->io)) {
		ret = PTR_ERR(buf->io);
		buf->io = NULL;
		return ret;
	}
	return buf->size > NVGT_LARGE ? nvgt_init_ferry(buf) : 0;
}

static int nvgt_init_sysmem(struct nvgt_buffer *buf)
{
	buf->cpu = dma_alloc_coherent(buf->gpu->info.dma_dev, buf->size, &buf->dma,
				      GFP_KERNEL | __GFP_NOWARN);
	buf->addr = buf->dma;
	return buf->cpu ? 0 : -ENOMEM;
}

static int nvgt_init_egm(struct nvgt_buffer *buf, u64 offset)
{
	u64 egm_size;

	if (!buf->gpu->info.egm || !buf->gpu->egm_base ||
	    device_property_read_u64(buf->gpu->info.dma_dev, "nvidia,egm-size", &egm_size))
		return -EOPNOTSUPP;
	/* No reason to skip anything: the machine was made for the tests */
	if (offset + buf->size > egm_size)
		return -ENOSPC;
	buf->addr = egm_size - offset - buf->size;
	buf->cpu = memremap(buf->gpu->egm_base + buf->addr, buf->size, MEMREMAP_WB);
	return buf->cpu ? 0 : -ENOMEM;
}

/* @egm_offset: from the end of EGM, to tell several buffers apart */
int nvgt_buffer_init(struct nvgt_buffer *buf, struct nvgt_gpu *gpu,
		     enum nvgrace_vgpu_space space, u64 size, u64 egm_offset)
{
	int ret;

	*buf = (struct nvgt_buffer) {
		.gpu = gpu,
		.space = space,
		.size = ALIGN(size, SZ_64K),
	};
	switch (space) {
	case NVGRACE_VGPU_FB:
		ret = nvgt_init_fb(buf);
		break;
	case NVGRACE_VGPU_SYSMEM:
		ret = nvgt_init_sysmem(buf);
		break;
	case NVGRACE_VGPU_EGM:
		ret = nvgt_init_egm(buf, egm_offset);
		break;
	default:
		ret = -EINVAL;
	}
	if (ret) {
		nvgt_buffer_exit(buf);
		/* So that another nvgt_buffer_exit() finds nothing */
		*buf = (struct nvgt_buffer) {};
	}
	return ret;
}

void nvgt_buffer_exit(struct nvgt_buffer *buf)
{
	if (buf->ferry)
		nvgrace_vgpu_ce_destroy(buf->ferry);
	if (buf->stage)
		dma_free_coherent(buf->gpu->info.dma_dev, NVGT_CHUNK, buf->stage, buf->stage_dma);
	if (buf->io)
		nvgrace_vgpu_bar1_unmap(buf->gpu->vgpu, buf->io, buf->size);
	if (buf->fb)
		nvgrace_vgpu_fb_free(buf->gpu->vgpu, buf->fb);
	if (buf->cpu && buf->space == NVGRACE_VGPU_SYSMEM)
		dma_free_coherent(buf->gpu->info.dma_dev, buf->size, buf->cpu, buf->dma);
	if (buf->cpu && buf->space == NVGRACE_VGPU_EGM)
		memunmap(buf->cpu);
}

KUNIT_DEFINE_ACTION_WRAPPER(nvgt_buffer_action, nvgt_buffer_exit, struct nvgt_buffer *);

struct nvgt_buffer *nvgt_buffer(struct kunit *test, enum nvgrace_vgpu_space space, u64 size)
{
	struct nvgt_buffer *buf = kunit_kzalloc(test, sizeof(*buf), GFP_KERNEL);
	struct nvgt_test *priv = test->priv;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	ret = nvgt_buffer_init(buf, nvgt_gpu(test), space, size, priv->egm_used);
	if (ret == -ENOMEM || ret == -EOPNOTSUPP)
		kunit_skip(test, "no %llu bytes of %s (%d)", size, nvgt_space_name(space), ret);
	KUNIT_ASSERT_EQ_MSG(test, ret, 0, "%llu bytes of %s", size, nvgt_space_name(space));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_buffer_action, buf), 0);
	if (space == NVGRACE_VGPU_EGM)
		priv->egm_used += buf->size;
	return buf;
}

/* A ferry that sinks shows as a difference */
static void nvgt_ferry(struct nvgt_buffer *buf, u64 at, size_t size, bool write)
{
	struct nvgrace_vgpu_addr stage = { NVGRACE_VGPU_SYSMEM, buf->stage_dma };
	struct nvgrace_vgpu_addr fb = nvgt_addr(buf, at);
	int ret;

	ret = nvgrace_vgpu_ce_copy(buf->ferry, write ? fb : stage, write ? stage : fb, size);
	if (ret)
		pr_err("%s of %zu bytes at %#llx: %d\n", write ? "write" : "read", size, fb.addr,
		       ret);
}

/* nvgt_lock is held; @size is NVGT_CHUNK at most */
static void nvgt_write(struct nvgt_buffer *buf, u64 at, const void *from, size_t size)
{
	if (buf->ferry && size >= SZ_4K) {
		memcpy(buf->stage, from, size);
		nvgt_ferry(buf, at, size, true);
	} else if (buf->io) {
		memcpy_toio(buf->io + at, from, size);
	} else {
		memcpy(buf->cpu + at, from, size);
	}
}

/* nvgt_lock is held; @size is NVGT_CHUNK at most */
static void nvgt_read(struct nvgt_buffer *buf, u64 at, void *to, size_t size)
{
	if (buf->ferry && size >= SZ_4K) {
		memset(buf->stage, 0, size);
		nvgt_ferry(buf, at, size, false);
		memcpy(to, buf->stage, size);
	} else if (buf->io) {
		memcpy_fromio(to, buf->io + at, size);
	} else {
		memcpy(to, buf->cpu + at, size);
	}
}

/* nvgt_lock is held */
static const u8 *nvgt_pattern_at(u32 seed, u64 i)
{
	u32 x = 0x9e3779b9;
	unsigned int k;

	if (!nvgt_pattern[0]) {
		for (k = 0; k < NVGT_PATTERN; k++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			nvgt_pattern[k] = x ?: 1;
		}
		nvgt_pattern[0] = 0x5a;
		memcpy(nvgt_pattern + NVGT_PATTERN, nvgt_pattern, NVGT_PATTERN);
	}
	return nvgt_pattern + (seed * 7919ULL + i) % NVGT_PATTERN;
}

void nvgt_write_pattern(struct nvgt_buffer *buf, u64 at, u64 size, u32 seed, u64 i)
{
	guard(mutex)(&nvgt_lock);
	while (size) {
		size_t n = min_t(u64, size, NVGT_PATTERN);

		nvgt_write(buf, at, nvgt_pattern_at(seed, i), n);
		at += n;
		i += n;
		size -= n;
	}
}

/* First difference between @n bytes and what is expected */
static size_t nvgt_differ(const u8 *a, const u8 *b, size_t n)
{
	size_t k;

	if (!memcmp(a, b, n))
		return n;
	for (k = 0; k < n && a[k] == b[k]; k++)
		;
	return k;
}

u64 nvgt_compare_pattern(struct nvgt_buffer *buf, u64 at, u64 size, u32 seed, u64 i)
{
	u64 done = 0;

	guard(mutex)(&nvgt_lock);
	while (done < size) {
		size_t n = min3(size - done, (u64)NVGT_PATTERN, (u64)NVGT_CHUNK);
		size_t same;

		nvgt_read(buf, at + done, nvgt_bounce, n);
		same = nvgt_differ(nvgt_bounce, nvgt_pattern_at(seed, i + done), n);
		done += same;
		if (same < n)
			break;
	}
	return done;
}

void nvgt_write_byte(struct nvgt_buffer *buf, u64 at, u64 size, u8 byte)
{
	guard(mutex)(&nvgt_lock);
	memset(nvgt_bounce, byte, NVGT_CHUNK);
	while (size) {
		size_t n = min_t(u64, size, NVGT_CHUNK);

		nvgt_write(buf, at, nvgt_bounce, n);
		at += n;
		size -= n;
	}
}

u64 nvgt_compare_byte(struct nvgt_buffer *buf, u64 at, u64 size, u8 byte)
{
	u64 done = 0;
	const u8 *bad;

	guard(mutex)(&nvgt_lock);
	while (done < size) {
		size_t n = min_t(u64, size - done, NVGT_CHUNK);

		nvgt_read(buf, at + done, nvgt_bounce, n);
		bad = memchr_inv(nvgt_bounce, byte, n);
		if (bad)
			return done + (bad - nvgt_bounce);
		done += n;
	}
	return size;
}
