// SPDX-License-Identifier: GPL-2.0
/*
 * Copies and fills: each pair of spaces, each way to address them, sizes and
 * alignments, compared byte for byte, with the bytes around the destination.
 */
#include <linux/dma-fence.h>

#include "test.h"

#define NVGT_MARGIN	64U		/* bytes around what is written, that must not change */
#define NVGT_AREA	SZ_128K
#define NVGT_AROUND	0xee

struct nvgt_pair {
	enum nvgrace_vgpu_space src, dst;
	bool src_virtual, dst_virtual;
};

static const struct nvgt_pair nvgt_pairs[] = {
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_FB, false, false },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_FB, false, true },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_FB, true, false },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_FB, true, true },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_SYSMEM, false, false },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_SYSMEM, false, true },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_SYSMEM, true, false },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_SYSMEM, true, true },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_EGM, false, false },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_EGM, false, true },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_EGM, true, false },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_EGM, true, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_FB, false, false },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_FB, false, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_FB, true, false },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_FB, true, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_SYSMEM, false, false },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_SYSMEM, false, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_SYSMEM, true, false },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_SYSMEM, true, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_EGM, false, false },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_EGM, false, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_EGM, true, false },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_EGM, true, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_FB, false, false },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_FB, false, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_FB, true, false },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_FB, true, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_SYSMEM, false, false },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_SYSMEM, false, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_SYSMEM, true, false },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_SYSMEM, true, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_EGM, false, false },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_EGM, false, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_EGM, true, false },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_EGM, true, true },
};

static void nvgt_pair_desc(const struct nvgt_pair *pair, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s to %s %s",
		 pair->src_virtual ? "virtual" : "physical", nvgt_space_name(pair->src),
		 pair->dst_virtual ? "virtual" : "physical", nvgt_space_name(pair->dst));
}

KUNIT_ARRAY_PARAM(nvgt_pair, nvgt_pairs, nvgt_pair_desc);

/* The address that a copy takes: physical, or virtual after a mapping of all of it */
static struct nvgrace_vgpu_addr nvgt_end(struct kunit *test, struct nvgrace_vgpu_ce *ce,
					 struct nvgt_buffer *buf, bool virt, bool write)
{
	struct nvgrace_vgpu_addr addr = nvgt_addr(buf, 0);
	u64 va;

	if (!virt)
		return addr;
	KUNIT_ASSERT_EQ(test, nvgrace_vgpu_ce_map(ce, buf->space, buf->addr, buf->size,
						  write ? NVGRACE_VGPU_MAP_WRITE : 0, &va), 0);
	return (struct nvgrace_vgpu_addr) { .space = NVGRACE_VGPU_VA, .addr = va };
}

static struct nvgrace_vgpu_addr nvgt_plus(struct nvgrace_vgpu_addr addr, u64 n)
{
	addr.addr += n;
	return addr;
}

static void nvgt_expect_around(struct kunit *test, struct nvgt_buffer *buf, u64 at, u64 size)
{
	KUNIT_EXPECT_EQ_MSG(test, nvgt_compare_byte(buf, at - NVGT_MARGIN, NVGT_MARGIN,
						    NVGT_AROUND), NVGT_MARGIN,
			    "changed before %#llx, %llu bytes", at, size);
	KUNIT_EXPECT_EQ_MSG(test, nvgt_compare_byte(buf, at + size, NVGT_MARGIN, NVGT_AROUND),
			    NVGT_MARGIN, "changed behind %#llx, %llu bytes", at, size);
}

static const u32 nvgt_sizes[] = {
	1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 63, 64, 65, 127, 511, 4095, 4096, 4097, 8193, 65535,
	65536, 65537, 100003,
};

/* Distances of source and destination from a page's begin */
static const struct {
	u32 src, dst;
} nvgt_offsets[] = {
	{ 0, 0 }, { 1, 0 }, { 0, 1 }, { 3, 3 }, { 2, 5 }, { 4095, 2 }, { 7, 4093 },
};

static void copy_of_each_size_and_alignment_arrives(struct kunit *test)
{
	const struct nvgt_pair *pair = test->param_value;
	struct nvgt_buffer *src = nvgt_buffer(test, pair->src, NVGT_AREA);
	struct nvgt_buffer *dst = nvgt_buffer(test, pair->dst, NVGT_AREA);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_addr from = nvgt_end(test, ce, src, pair->src_virtual, false);
	struct nvgrace_vgpu_addr to = nvgt_end(test, ce, dst, pair->dst_virtual, true);
	unsigned int i, j;
	u32 seed = 0;

	for (i = 0; i < ARRAY_SIZE(nvgt_sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(nvgt_offsets); j++) {
			u64 s = nvgt_offsets[j].src, d = 4096 + nvgt_offsets[j].dst;
			u32 size = nvgt_sizes[i];

			nvgt_write_pattern(src, s, size, ++seed, 0);
			nvgt_write_byte(dst, d - NVGT_MARGIN, size + 2 * NVGT_MARGIN,
					NVGT_AROUND);
			KUNIT_ASSERT_EQ_MSG(test, nvgrace_vgpu_ce_copy(ce, nvgt_plus(to, d),
								       nvgt_plus(from, s), size),
					    0, "%u bytes, +%llu to +%llu", size, s, d);
			KUNIT_ASSERT_EQ_MSG(test, nvgt_compare_pattern(dst, d, size, seed, 0),
					    (u64)size, "%u bytes, +%llu to +%llu", size, s, d);
			nvgt_expect_around(test, dst, d, size);
		}
	}
}

static const struct nvgt_pair nvgt_large_pairs[] = {
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_FB },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_SYSMEM },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_EGM },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_FB, true, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_SYSMEM, true, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_EGM },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_FB, true, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_SYSMEM, true, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_EGM },
};

KUNIT_ARRAY_PARAM(nvgt_large_pair, nvgt_large_pairs, nvgt_pair_desc);

static void nvgt_copy_large(struct kunit *test, struct nvgrace_vgpu_ce *ce,
			    struct nvgt_buffer *dst, struct nvgrace_vgpu_addr to,
			    struct nvgrace_vgpu_addr from, u64 size, u32 seed)
{
	nvgt_write_byte(dst, 4096 - NVGT_MARGIN, NVGT_MARGIN, NVGT_AROUND);
	nvgt_write_byte(dst, 4096 + size, NVGT_MARGIN, NVGT_AROUND);
	KUNIT_ASSERT_EQ_MSG(test, nvgrace_vgpu_ce_copy(ce, nvgt_plus(to, 4096),
						       nvgt_plus(from, 3), size),
			    0, "%llu bytes", size);
	KUNIT_ASSERT_EQ_MSG(test, nvgt_compare_pattern(dst, 4096, size, seed, 3), size,
			    "%llu bytes", size);
	nvgt_expect_around(test, dst, 4096, size);
}

static void copy_of_256_mib_arrives(struct kunit *test)
{
	static const u64 sizes[] = { SZ_1M, SZ_16M - 1, SZ_256M };
	const struct nvgt_pair *pair = test->param_value;
	struct nvgt_buffer *src = nvgt_buffer(test, pair->src, SZ_256M + SZ_64K);
	struct nvgt_buffer *dst = nvgt_buffer(test, pair->dst, SZ_256M + SZ_64K);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_addr from = nvgt_end(test, ce, src, pair->src_virtual, false);
	struct nvgrace_vgpu_addr to = nvgt_end(test, ce, dst, pair->dst_virtual, true);
	unsigned int i;

	nvgt_write_pattern(src, 0, src->size, 42, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		nvgt_copy_large(test, ce, dst, to, from, sizes[i], 42);
}

/* More than the engine is given at once */
static void copy_of_several_launches_arrives(struct kunit *test)
{
	struct nvgt_buffer *src = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_512M + SZ_64K);
	struct nvgt_buffer *dst = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_512M + SZ_64K);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);

	nvgt_write_pattern(src, 0, src->size, 43, 0);
	nvgt_copy_large(test, ce, dst, nvgt_addr(dst, 0), nvgt_addr(src, 0), SZ_512M + 12345, 43);
}

static const struct nvgt_pair nvgt_fills[] = {
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_FB, false, false },
	{ NVGRACE_VGPU_FB, NVGRACE_VGPU_FB, false, true },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_SYSMEM, false, false },
	{ NVGRACE_VGPU_SYSMEM, NVGRACE_VGPU_SYSMEM, false, true },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_EGM, false, false },
	{ NVGRACE_VGPU_EGM, NVGRACE_VGPU_EGM, false, true },
};

static void nvgt_fill_desc(const struct nvgt_pair *pair, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s",
		 pair->dst_virtual ? "virtual" : "physical", nvgt_space_name(pair->dst));
}

KUNIT_ARRAY_PARAM(nvgt_fill, nvgt_fills, nvgt_fill_desc);

static void fill_of_each_size_and_alignment_fills(struct kunit *test)
{
	const struct nvgt_pair *pair = test->param_value;
	struct nvgt_buffer *dst = nvgt_buffer(test, pair->dst, NVGT_AREA);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_addr to = nvgt_end(test, ce, dst, pair->dst_virtual, true);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(nvgt_sizes); i++) {
		for (j = 0; j < 8; j++) {
			u64 at = 4096 - 4 + j;
			u32 size = nvgt_sizes[i];
			u8 byte = i * 8 + j;

			nvgt_write_byte(dst, at - NVGT_MARGIN, size + 2 * NVGT_MARGIN,
					NVGT_AROUND);
			KUNIT_ASSERT_EQ_MSG(test, nvgrace_vgpu_ce_fill(ce, nvgt_plus(to, at), byte,
								       size),
					    0, "%u bytes at %llu", size, at);
			KUNIT_ASSERT_EQ_MSG(test, nvgt_compare_byte(dst, at, size, byte),
					    (u64)size, "%u bytes at %llu", size, at);
			nvgt_expect_around(test, dst, at, size);
		}
	}
}

static void fill_of_512_mib_of_framebuffer_fills(struct kunit *test)
{
	struct nvgt_buffer *dst = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_512M);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);

	nvgt_write_byte(dst, 0, SZ_512M, 0xff);
	KUNIT_ASSERT_EQ(test, nvgrace_vgpu_ce_fill(ce, nvgt_addr(dst, 1), 0, SZ_512M - 2), 0);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(dst, 1, SZ_512M - 2, 0), (u64)SZ_512M - 2);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(dst, 0, 1, 0xff), 1);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(dst, SZ_512M - 1, 1, 0xff), 1);
}

/* Each copy takes what the one before it wrote; the rings wrap around many times */
static void thousands_of_copies_end_in_order(struct kunit *test)
{
	enum { COPIES = 5000, STEP = 16 };
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_SYSMEM,
					      (COPIES + 1) * STEP + NVGT_MARGIN);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct dma_fence *fence = NULL;
	unsigned int i;

	nvgt_write_byte(buf, 0, buf->size, NVGT_AROUND);
	nvgt_write_pattern(buf, 0, STEP, 7, 0);
	for (i = 0; i < COPIES; i++) {
		dma_fence_put(fence);
		fence = nvgrace_vgpu_ce_copy_async(ce, nvgt_addr(buf, (i + 1) * STEP),
						   nvgt_addr(buf, i * STEP), STEP);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
	}
	KUNIT_EXPECT_EQ(test, dma_fence_wait(fence, false), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
	dma_fence_put(fence);
	for (i = 0; i <= COPIES; i++)
		KUNIT_ASSERT_EQ_MSG(test, nvgt_compare_pattern(buf, i * STEP, STEP, 7, 0),
				    (u64)STEP, "copy %u", i);
}

struct nvgt_callback {
	struct dma_fence_cb cb;
	struct completion done;
};

static void nvgt_called(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	complete(&container_of(cb, struct nvgt_callback, cb)->done);
}

static void callback_comes_when_the_copy_has_ended(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_64M);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgt_callback callback;
	struct dma_fence *fence;
	int ret;

	init_completion(&callback.done);
	fence = nvgrace_vgpu_ce_fill_async(ce, nvgt_addr(buf, 0), 0x3c, SZ_64M);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
	ret = dma_fence_add_callback(fence, &callback.cb, nvgt_called);
	if (!ret)
		wait_for_completion(&callback.done);
	else
		KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(buf, 0, SZ_64M, 0x3c), (u64)SZ_64M);
	dma_fence_put(fence);
}

static void bad_copies_are_refused(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_64K);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_addr good = nvgt_addr(buf, 0);
	struct nvgrace_vgpu_addr behind = { NVGRACE_VGPU_FB, nvgt_gpu(test)->info.fb_size };
	struct nvgrace_vgpu_addr across = { NVGRACE_VGPU_FB, behind.addr - 4 };
	struct nvgrace_vgpu_addr wrap = { NVGRACE_VGPU_SYSMEM, U64_MAX - 4 };
	u64 va;

	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_copy(ce, good, good, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(ce, good, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_copy(ce, good, behind, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_copy(ce, across, good, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(ce, wrap, 0, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_map(ce, NVGRACE_VGPU_FB, 1, 4096, 0, &va), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_map(ce, NVGRACE_VGPU_VA, 0, 4096, 0, &va), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_map(ce, NVGRACE_VGPU_FB, behind.addr, 4096, 0, &va),
			-EINVAL);
	/* and the context works still */
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(ce, good, 0x11, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(buf, 0, SZ_64K, 0x11), SZ_64K);
}

static struct kunit_case nvgt_copy_cases[] = {
	KUNIT_CASE_PARAM(copy_of_each_size_and_alignment_arrives, nvgt_pair_gen_params),
	KUNIT_CASE_PARAM_ATTR(copy_of_256_mib_arrives, nvgt_large_pair_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_SLOW(copy_of_several_launches_arrives),
	KUNIT_CASE_PARAM(fill_of_each_size_and_alignment_fills, nvgt_fill_gen_params),
	KUNIT_CASE_SLOW(fill_of_512_mib_of_framebuffer_fills),
	KUNIT_CASE(thousands_of_copies_end_in_order),
	KUNIT_CASE(callback_comes_when_the_copy_has_ended),
	KUNIT_CASE(bad_copies_are_refused),
	{ }
};

struct kunit_suite nvgt_copy_suite = {
	.name = "nvgrace_vgpu_copy",
	.init = nvgt_test_init,
	.test_cases = nvgt_copy_cases,
};
