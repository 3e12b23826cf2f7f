// SPDX-License-Identifier: GPL-2.0
/*
 * What is given out: framebuffer, pieces of the aperture, slices of channel ids.
 */
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/sizes.h>

#include "test.h"

#define NVGT_PIECES	32U

/* Nothing in common? Ends are exclusive */
static bool nvgt_apart(u64 a, u64 a_end, u64 b, u64 b_end)
{
	return a_end <= b || b_end <= a;
}

static void info_tells_a_gpu(struct kunit *test)
{
	struct nvgrace_vgpu_info *info = &nvgt_gpu(test)->info;

	KUNIT_EXPECT_GT(test, strlen(info->name), 0);
	KUNIT_EXPECT_NOT_NULL(test, info->dma_dev);
	KUNIT_EXPECT_GT(test, info->fb_size, 0);
	KUNIT_EXPECT_TRUE(test, is_power_of_2(info->segment_size));
	KUNIT_EXPECT_GE(test, info->segment_size, SZ_32M);
	KUNIT_EXPECT_LE(test, info->segment_size, SZ_1G);
	KUNIT_EXPECT_GT(test, info->nr_ces, 0);
	KUNIT_EXPECT_LE(test, info->nr_ces, NVGRACE_VGPU_MAX_CES);
	KUNIT_EXPECT_GT(test, info->nr_chids, 0);
}

struct nvgt_pieces {
	struct nvgrace_vgpu *vgpu;
	struct nvgrace_vgpu_fb *fb[NVGT_PIECES];
};

static void nvgt_pieces_free(void *data)
{
	struct nvgt_pieces *pieces = data;
	unsigned int i;

	for (i = 0; i < NVGT_PIECES; i++)
		if (pieces->fb[i])
			nvgrace_vgpu_fb_free(pieces->vgpu, pieces->fb[i]);
}

static struct nvgt_pieces *nvgt_pieces(struct kunit *test)
{
	struct nvgt_pieces *pieces = kunit_kzalloc(test, sizeof(*pieces), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pieces);
	pieces->vgpu = nvgt_gpu(test)->vgpu;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_pieces_free, pieces), 0);
	return pieces;
}

static void nvgt_piece(struct kunit *test, struct nvgt_pieces *pieces, unsigned int i, u64 size,
		       u64 align)
{
	struct nvgrace_vgpu_fb *fb = nvgrace_vgpu_fb_alloc(pieces->vgpu, size, align);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fb);
	pieces->fb[i] = fb;
	KUNIT_EXPECT_GE(test, fb->size, size);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(fb->addr, align));
	KUNIT_EXPECT_LE(test, fb->addr + fb->size, nvgt_gpu(test)->info.fb_size);
}

static void framebuffer_is_aligned_and_nobody_shares_it(struct kunit *test)
{
	struct nvgt_pieces *pieces = nvgt_pieces(test);
	unsigned int i, k;

	for (i = 0; i < NVGT_PIECES; i++)
		nvgt_piece(test, pieces, i, SZ_4K * (i * i + 1), SZ_4K << i % 10);
	for (i = 0; i < NVGT_PIECES; i++) {
		for (k = 0; k < i; k++) {
			struct nvgrace_vgpu_fb *a = pieces->fb[i], *b = pieces->fb[k];

			KUNIT_EXPECT_TRUE(test, nvgt_apart(a->addr, a->addr + a->size,
							   b->addr, b->addr + b->size));
		}
	}
}

static void framebuffer_for_a_vf_is_of_whole_segments(struct kunit *test)
{
	struct nvgt_pieces *pieces = nvgt_pieces(test);
	u64 segment = nvgt_gpu(test)->info.segment_size;

	nvgt_piece(test, pieces, 0, SZ_4K, SZ_4K);
	nvgt_piece(test, pieces, 1, segment, segment);
	nvgt_piece(test, pieces, 2, 3 * segment, segment);
	KUNIT_EXPECT_EQ(test, pieces->fb[2]->size, 3 * segment);
}

static void framebuffer_that_is_not_there_is_refused(struct kunit *test)
{
	struct nvgt_gpu *gpu = nvgt_gpu(test);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(nvgrace_vgpu_fb_alloc(gpu->vgpu,
								    gpu->info.fb_size, SZ_4K)),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(nvgrace_vgpu_fb_alloc(gpu->vgpu, U64_MAX, SZ_4K)),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(nvgrace_vgpu_fb_alloc(gpu->vgpu, 0, SZ_4K)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(nvgrace_vgpu_fb_alloc(gpu->vgpu, SZ_4K, SZ_4K + 1)),
			-EINVAL);
}

/* Segments until there are none; returns how many. All are given back */
static unsigned int nvgt_drain(struct kunit *test)
{
	struct nvgt_gpu *gpu = nvgt_gpu(test);
	u64 segment = gpu->info.segment_size;
	unsigned int max = gpu->info.fb_size / segment, nr = 0;
	struct nvgrace_vgpu_fb **fb = kunit_kcalloc(test, max, sizeof(*fb), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fb);
	while (nr < max) {
		fb[nr] = nvgrace_vgpu_fb_alloc(gpu->vgpu, segment, segment);
		if (IS_ERR(fb[nr])) {
			KUNIT_EXPECT_EQ(test, PTR_ERR(fb[nr]), -ENOSPC);
			break;
		}
		nr++;
	}
	for (max = nr; max--;)
		nvgrace_vgpu_fb_free(gpu->vgpu, fb[max]);
	return nr;
}

static void framebuffer_that_was_given_back_can_be_had_again(struct kunit *test)
{
	unsigned int first = nvgt_drain(test);

	KUNIT_EXPECT_GT(test, first, 0);
	KUNIT_EXPECT_EQ(test, nvgt_drain(test), first);
}

static void aperture_shows_what_the_copy_engine_sees(struct kunit *test)
{
	struct nvgt_buffer *a = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_64K);
	struct nvgt_buffer *b = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_64K);
	struct nvgt_buffer *out = nvgt_buffer(test, NVGRACE_VGPU_SYSMEM, SZ_128K);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);

	nvgt_write_pattern(a, 0, SZ_64K, 1, 0);
	nvgt_write_pattern(b, 0, SZ_64K, 2, 0);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_copy(ce, nvgt_addr(out, 0), nvgt_addr(a, 0), SZ_64K),
			0);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_copy(ce, nvgt_addr(out, SZ_64K), nvgt_addr(b, 0),
						   SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, nvgt_compare_pattern(out, 0, SZ_64K, 1, 0), SZ_64K);
	KUNIT_EXPECT_EQ(test, nvgt_compare_pattern(out, SZ_64K, SZ_64K, 2, 0), SZ_64K);
}

/* A mapping that gets the place of one that is gone shows its own memory */
static void aperture_forgets_what_was_taken_back(struct kunit *test)
{
	struct nvgt_buffer *a = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_64K);
	struct nvgt_buffer *b = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_64K);
	struct nvgrace_vgpu *vgpu = nvgt_gpu(test)->vgpu;
	unsigned int i;

	nvgt_write_byte(a, 0, SZ_64K, 0x11);
	nvgt_write_byte(b, 0, SZ_64K, 0x22);
	for (i = 0; i < 100; i++) {
		u64 addr = i % 2 ? a->addr : b->addr;
		void __iomem *map = nvgrace_vgpu_bar1_map(vgpu, addr, SZ_64K);

		KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(map));
		KUNIT_EXPECT_EQ(test, readl(map), i % 2 ? 0x11111111 : 0x22222222);
		KUNIT_EXPECT_EQ(test, readl(map + SZ_64K - 4), i % 2 ? 0x11111111 : 0x22222222);
		nvgrace_vgpu_bar1_unmap(vgpu, map, SZ_64K);
	}
}

static void aperture_refuses_what_is_no_framebuffer(struct kunit *test)
{
	struct nvgt_gpu *gpu = nvgt_gpu(test);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO((__force void *)
			nvgrace_vgpu_bar1_map(gpu->vgpu, gpu->info.fb_size, SZ_4K)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO((__force void *)
			nvgrace_vgpu_bar1_map(gpu->vgpu, 1, SZ_4K)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO((__force void *)
			nvgrace_vgpu_bar1_map(gpu->vgpu, 0, 0)), -EINVAL);
}

struct nvgt_slice {
	struct nvgrace_vgpu *vgpu;
	unsigned int first, count;
};

static void nvgt_slice_release(void *data)
{
	struct nvgt_slice *slice = data;

	nvgrace_vgpu_chids_release(slice->vgpu, slice->first, slice->count);
}

static struct nvgt_slice *nvgt_slice(struct kunit *test, unsigned int count)
{
	struct nvgt_slice *slice = kunit_kzalloc(test, sizeof(*slice), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, slice);
	slice->vgpu = nvgt_gpu(test)->vgpu;
	slice->count = count;
	KUNIT_ASSERT_EQ(test, nvgrace_vgpu_chids_reserve(slice->vgpu, count, &slice->first), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_slice_release, slice), 0);
	return slice;
}

static void channel_ids_come_in_aligned_slices_that_nobody_shares(struct kunit *test)
{
	static const unsigned int counts[] = { 1, 512, 2, 64, 64, 32, 128, 4, 1 };
	struct nvgt_slice *slices[ARRAY_SIZE(counts)];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		slices[i] = nvgt_slice(test, counts[i]);
		KUNIT_EXPECT_EQ(test, slices[i]->first % counts[i], 0);
		KUNIT_EXPECT_LE(test, slices[i]->first + counts[i],
				nvgt_gpu(test)->info.nr_chids);
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_TRUE(test, nvgt_apart(slices[i]->first,
							   slices[i]->first + counts[i],
							   slices[k]->first,
							   slices[k]->first + counts[k]));
	}
}

static void channel_ids_that_are_not_there_are_refused(struct kunit *test)
{
	struct nvgt_gpu *gpu = nvgt_gpu(test);
	unsigned int first, half = rounddown_pow_of_two(gpu->info.nr_chids) / 2;

	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_chids_reserve(gpu->vgpu, 0, &first), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_chids_reserve(gpu->vgpu, 3, &first), -EINVAL);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_chids_reserve(gpu->vgpu, 1U << 31, &first), -EINVAL);
	/* The driver's own are in the other half */
	nvgt_slice(test, half);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_chids_reserve(gpu->vgpu, half, &first), -ENOSPC);
}

static void context_gets_the_channel_id_that_it_asks_for(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_64K);
	struct nvgt_slice *slice = nvgt_slice(test, 16);
	unsigned int last = slice->first + slice->count - 1;
	struct nvgrace_vgpu_ce_config twice = { .engine = 0, .chid = last };
	struct nvgrace_vgpu_ce_config outside = { .engine = 0, .chid = slice->first - 1 };
	struct nvgrace_vgpu_ce_config engine = { .engine = 1000, .chid = NVGRACE_VGPU_ANY };
	struct nvgrace_vgpu *vgpu = slice->vgpu;
	struct nvgrace_vgpu_ce *ce, *other;
	unsigned int chid;

	ce = nvgt_ce(test, 0, last);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_chid(ce), last);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(ce, nvgt_addr(buf, 0), 9, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(buf, 0, SZ_64K, 9), SZ_64K);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(nvgrace_vgpu_ce_create(vgpu, &twice)), -EBUSY);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(nvgrace_vgpu_ce_create(vgpu, &outside)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(nvgrace_vgpu_ce_create(vgpu, &engine)), -EINVAL);
	/* Nobody else gets an id of the slice */
	other = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	chid = nvgrace_vgpu_ce_chid(other);
	KUNIT_EXPECT_TRUE(test, nvgt_apart(chid, chid + 1, slice->first, last + 1));
	/* and it can be had again */
	nvgt_ce_destroy(test, ce);
	ce = nvgt_ce(test, 0, last);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_chid(ce), last);
}

static struct kunit_case nvgt_resource_cases[] = {
	KUNIT_CASE(info_tells_a_gpu),
	KUNIT_CASE(framebuffer_is_aligned_and_nobody_shares_it),
	KUNIT_CASE(framebuffer_for_a_vf_is_of_whole_segments),
	KUNIT_CASE(framebuffer_that_is_not_there_is_refused),
	KUNIT_CASE(framebuffer_that_was_given_back_can_be_had_again),
	KUNIT_CASE(aperture_shows_what_the_copy_engine_sees),
	KUNIT_CASE(aperture_forgets_what_was_taken_back),
	KUNIT_CASE(aperture_refuses_what_is_no_framebuffer),
	KUNIT_CASE(channel_ids_come_in_aligned_slices_that_nobody_shares),
	KUNIT_CASE(channel_ids_that_are_not_there_are_refused),
	KUNIT_CASE(context_gets_the_channel_id_that_it_asks_for),
	{ }
};

struct kunit_suite nvgt_resource_suite = {
	.name = "nvgrace_vgpu_resource",
	.init = nvgt_test_init,
	.test_cases = nvgt_resource_cases,
};
