// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that firmware retired are never handed out: what can be allocated is the
 * region without them, as one object of several extents, which CPU and DMA can use
 * to its last byte. In a linear object they are holes.
 *
 * What firmware said comes from whoever set the machine up, in the environment:
 * MEM_REGION, the size of the region, and MEM_RETIRED, how much of it is retired
 * and in how many holes between good pages: "bytes:holes". Without, nothing can be
 * checked.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "kselftest_harness.h"
#include "memtest.h"

#define IOVA		GIB(64)
#define MOST_HOLES	64

static sigjmp_buf jump;
static siginfo_t info;

static void note_signal(int signal __attribute__((unused)), siginfo_t *siginfo,
			void *context __attribute__((unused)))
{
	info = *siginfo;
	siglongjmp(jump, 1);
}

/* The code of the SIGBUS that an access raises; 0 if none */
static __attribute__((noinline)) int touch(uint8_t *va)
{
	memset(&info, 0, sizeof(info));
	if (!sigsetjmp(jump, 1))
		(void)*(volatile uint8_t *)va;
	return info.si_code;
}

FIXTURE(mem_retired)
{
	struct memtest t;
	uint64_t region;
	uint64_t retired;
	unsigned int holes;
	uint32_t ioas;
	struct iommu_mem_retired_range hole[MOST_HOLES];
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

TEST_F(mem_retired, they_are_the_holes_of_a_linear_object)
{
	unsigned int between = 0;
	struct memtest_object object;
	uint64_t bytes = 0, end = 0;
	int i, nr;

	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object,
						 self->region));
	nr = memtest_list_bad(&self->t, object.id, self->hole, MOST_HOLES);
	ASSERT_LT(0, nr);
	for (i = 0; i < nr; i++) {
		/* Ascending, neither empty nor adjacent */
		if (i)
			EXPECT_LT(end, self->hole[i].offset);
		EXPECT_NE(0, self->hole[i].length);
		end = self->hole[i].offset + self->hole[i].length;
		bytes += self->hole[i].length;
		between += self->hole[i].offset && end < self->region;
	}
	EXPECT_EQ(self->retired, bytes);
	EXPECT_EQ(self->holes, between);
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_F(mem_retired, the_cpu_reaches_what_is_between_the_holes)
{
	struct sigaction action = {
		.sa_sigaction = note_signal,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};
	struct memtest_object object;
	int i, nr;

	ASSERT_EQ(0, sigaction(SIGBUS, &action, NULL));
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object,
						 self->region));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &object));
	nr = memtest_list_bad(&self->t, object.id, self->hole, MOST_HOLES);
	ASSERT_LT(0, nr);
	for (i = 0; i < nr; i++) {
		uint64_t start = self->hole[i].offset;
		uint64_t end = start + self->hole[i].length;

		if (start)
			EXPECT_EQ(0, touch(object.va + start - 1));
		EXPECT_EQ(BUS_ADRERR, touch(object.va + start));
		EXPECT_EQ(object.va + start, (uint8_t *)info.si_addr);
		EXPECT_EQ(BUS_ADRERR, touch(object.va + end - 1));
		if (end < object.length)
			EXPECT_EQ(0, touch(object.va + end));
	}
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_F(mem_retired, a_list_without_room_tells_how_much_it_needs)
{
	struct iommu_mem_retired retired = { .size = sizeof(retired) };
	struct memtest_object object;
	int nr;

	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object,
						 self->region));
	nr = memtest_list_bad(&self->t, object.id, self->hole, MOST_HOLES);
	ASSERT_LT(0, nr);

	memset(self->hole, 0x5a, sizeof(self->hole));
	retired.mem_id = object.id;
	retired.ranges = (uintptr_t)self->hole;
	EXPECT_EQ(-ENOSPC, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,
					 &retired));
	EXPECT_EQ(nr, retired.count);
	retired.count = nr - 1;
	EXPECT_EQ(-ENOSPC, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,
					 &retired));
	EXPECT_EQ(nr, retired.count);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, self->hole[0].offset);

	/* Just enough, and not an element more is written */
	EXPECT_EQ(0, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,
				   &retired));
	EXPECT_NE(0x5a5a5a5a5a5a5a5aULL, self->hole[nr - 1].length);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, self->hole[nr].offset);

	retired.ranges = 8;
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,
					 &retired));
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_HARNESS_MAIN
