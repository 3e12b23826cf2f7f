// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that firmware retired are never handed out: what can be allocated is the
 * region without them, as one object of several extents, which CPU and DMA can use
 * to its last byte.
 *
 * What firmware said comes from whoever set the machine up, in the environment:
 * MEM_REGION, the size of the region, and MEM_RETIRED, how much of it is retired
 * and in how many holes between good pages: "bytes:holes". Without, nothing can be
 * checked.
 */
#include <stdlib.h>

#include "kselftest_harness.h"
#include "memtest.h"

#define IOVA	GIB(64)

FIXTURE(mem_retired)
{
	struct memtest t;
	uint64_t region;
	uint64_t retired;
	unsigned int holes;
	uint32_t ioas;
};

FIXTURE_SETUP(mem_retired)
{
	const char *region = getenv("MEM_REGION");
	const char *retired = getenv("MEM_RETIRED");
	char *end;

	if (!region || !retired)
		SKIP(return, "MEM_REGION and MEM_RETIRED do not say what to expect");
	self->region = strtoull(region, NULL, 0);
	self->retired = strtoull(retired, &end, 0);
	ASSERT_EQ(':', *end);
	self->holes = strtoul(end + 1, NULL, 0);

	MEMTEST_SETUP(&self->t, 1);
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->ioas));
}

FIXTURE_TEARDOWN(mem_retired)
{
	memtest_close(&self->t);
}

TEST_F(mem_retired, the_rest_of_the_region_can_be_allocated)
{
	uint64_t bytes;

	ASSERT_EQ(0, memtest_free_memory(&self->t, &bytes));
	EXPECT_EQ(self->region - self->retired, bytes);
}

TEST_F(mem_retired, one_object_steps_around_the_holes)
{
	struct memtest_object object;
	struct iommu_mem_info info = {};

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object,
					  self->region - self->retired));
	info.mem_id = object.id;
	ASSERT_EQ(0, iommufd_mem_info(self->t.iommufd, &info));
	EXPECT_LE(self->holes + 1, info.out_nr_extents);
	EXPECT_EQ(object.length, info.out_length);
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_F(mem_retired, cpu_and_dma_reach_every_extent)
{
	struct vfio_dev *vf = &self->t.vf[0];
	struct memtest_object object;
	uint64_t half;
	struct gpu gpu;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object,
					  self->region - self->retired));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &object));
	ASSERT_EQ(0, memtest_object_map(&self->t, &object, self->ioas, IOVA));
	ASSERT_EQ(0, vfio_attach(vf, self->ioas));
	ASSERT_EQ(0, gpu_open(&gpu, vf));

	half = object.length / 2;
	pattern_fill(object.va, half, 1);
	ASSERT_EQ(0, gpu_copy(&gpu, IOVA, IOVA + half, half,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(object.va + half, half, 1));

	gpu_close(&gpu);
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_HARNESS_MAIN
