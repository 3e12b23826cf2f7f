// SPDX-License-Identifier: GPL-2.0
/*
 * Linear objects, and the list of bad pieces of an object. What concerns holes is in
 * mem_holes.c, and where memory fails in mem_poison.c.
 */
#include "kselftest_harness.h"

#include <stddef.h>

#include "memtest.h"

FIXTURE(mem_linear)
{
	struct memtest t;
	uint64_t base;
	uint64_t size;
	uint64_t page;
	struct iommu_mem_alloc alloc;		/* calls that work */
	struct iommu_mem_retired retired;
};

FIXTURE_SETUP(mem_linear)
{
	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	ASSERT_EQ(0, memtest_region(&self->base, &self->size));
	self->alloc = (struct iommu_mem_alloc){
		.flags = IOMMU_MEM_ALLOC_LINEAR,
		.type = IOMMU_MEM_TYPE_REGION,
		.dev_id = self->t.vf[0].dev_id,
		.length = MIB(16),
	};
	self->retired.size = sizeof(self->retired);
}

FIXTURE_TEARDOWN(mem_linear)
{
	memtest_close(&self->t);
}

#define EXPECT_ALLOC(ret)						\
	EXPECT_EQ(ret, iommufd_mem_alloc(self->t.iommufd, &self->alloc))
#define EXPECT_RETIRED(ret)						\
	EXPECT_EQ(ret, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,	\
				     &self->retired))

TEST_F(mem_linear, the_whole_region_can_be_one_object)
{
	struct memtest_object object;

	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object, self->size));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &object));
	pattern_fill(object.va, MIB(4), 1);
	EXPECT_EQ(PATTERN_SAME, pattern_check(object.va, MIB(4), 1));
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

/* The one way to see it from here: who has the rest leaves the start alone */
TEST_F(mem_linear, it_is_the_start_of_the_region)
{
	struct memtest_object start;

	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &start, MIB(32)));
	EXPECT_ALLOC(-EBUSY);
	self->alloc.length = self->page;
	EXPECT_ALLOC(-EBUSY);
	EXPECT_EQ(0, memtest_object_free(&self->t, &start));
	EXPECT_ALLOC(0);
}

TEST_F(mem_linear, memory_that_is_given_out_is_told_busy)
{
	struct memtest_object object;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, self->page));
	self->alloc.length = self->size;
	EXPECT_ALLOC(-EBUSY);
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
	EXPECT_ALLOC(0);
}

TEST_F(mem_linear, a_refused_allocation_takes_nothing)
{
	struct memtest_object object;
	uint64_t before, after;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, MIB(1)));
	ASSERT_EQ(0, memtest_free_memory(&self->t, &before));
	self->alloc.length = self->size;
	EXPECT_ALLOC(-EBUSY);
	ASSERT_EQ(0, memtest_free_memory(&self->t, &after));
	EXPECT_EQ(before, after);
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_F(mem_linear, the_next_owner_finds_zeros)
{
	struct memtest_object object;

	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object, MIB(16)));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &object));
	pattern_fill(object.va, object.length, 2);
	ASSERT_EQ(0, memtest_object_free(&self->t, &object));
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object, MIB(16)));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &object));
	EXPECT_EQ(PATTERN_SAME, pattern_check_word(object.va, object.length, 0));
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_F(mem_linear, more_than_the_region_has_is_invalid)
{
	self->alloc.length = self->size + self->page;
	EXPECT_ALLOC(-EINVAL);
}

TEST_F(mem_linear, an_alignment_is_invalid)
{
	self->alloc.align = MIB(2);
	EXPECT_ALLOC(-EINVAL);
}

TEST_F(mem_linear, an_offset_is_invalid)
{
	self->alloc.offset = self->page;
	EXPECT_ALLOC(-EINVAL);
}

TEST_F(mem_linear, good_memory_has_no_bad_pieces)
{
	struct memtest_object object, bar;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, MIB(1)));
	ASSERT_EQ(0, memtest_object_alloc_bar(&self->t, &bar, MIB(1)));
	self->retired.mem_id = object.id;
	self->retired.count = 7;
	EXPECT_RETIRED(0);
	EXPECT_EQ(0, self->retired.count);
	self->retired.mem_id = bar.id;
	self->retired.count = 7;
	EXPECT_RETIRED(0);
	EXPECT_EQ(0, self->retired.count);
	EXPECT_EQ(0, memtest_object_free(&self->t, &bar));
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_F(mem_linear, flags_of_the_list_are_not_supported)
{
	ASSERT_EQ(0, iommufd_mem_alloc(self->t.iommufd, &self->alloc));
	self->retired.mem_id = self->alloc.out_mem_id;
	self->retired.flags = 1;
	EXPECT_RETIRED(-EOPNOTSUPP);
	self->retired.flags = 1u << 31;
	EXPECT_RETIRED(-EOPNOTSUPP);
}

TEST_F(mem_linear, the_list_of_anything_else_is_not_found)
{
	EXPECT_RETIRED(-ENOENT);
	self->retired.mem_id = self->t.vf[0].dev_id;
	EXPECT_RETIRED(-ENOENT);
	self->retired.mem_id = UINT32_MAX;
	EXPECT_RETIRED(-ENOENT);
}

TEST_F(mem_linear, a_structure_of_another_size_is_told)
{
	struct {
		struct iommu_mem_retired cmd;
		uint64_t more;
	} larger = { .cmd.size = sizeof(larger), .more = 1 };

	/* Without bad pieces, whatever has failed before */
	self->alloc.flags = 0;
	ASSERT_EQ(0, iommufd_mem_alloc(self->t.iommufd, &self->alloc));
	larger.cmd.mem_id = self->alloc.out_mem_id;
	EXPECT_EQ(-E2BIG, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,
					&larger));
	larger.more = 0;
	EXPECT_EQ(0, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,
				   &larger));
	self->retired.mem_id = self->alloc.out_mem_id;
	self->retired.size = offsetof(struct iommu_mem_retired, ranges);
	EXPECT_RETIRED(-EINVAL);
}

TEST_HARNESS_MAIN
