// SPDX-License-Identifier: GPL-2.0
/*
 * Nobody reads another owner's bytes: whatever was written to the region's memory,
 * by the CPU or by a device, the next owner finds zeros. All of the region is
 * written and looked at, so that it does not matter which piece is given out.
 */
#include "kselftest_harness.h"

#include "memtest.h"

#define MAX_OBJECTS	64
#define IOVA		GIB(64)

/* All memory of the region, in objects */
struct everything {
	struct memtest_object objects[MAX_OBJECTS];
	int nr;
	uint64_t bytes;
};

static int take_everything(struct memtest *t, struct everything *all)
{
	uint64_t size = memtest_max_length();
	int ret;

	memset(all, 0, sizeof(*all));
	while (size >= memtest_page_size() && all->nr < MAX_OBJECTS) {
		struct memtest_object *object = &all->objects[all->nr];

		ret = memtest_object_alloc(t, object, size);
		if (ret == -ENOSPC) {
			object->id = 0;
			size /= 2;
			continue;
		}
		if (ret)
			return ret;
		ret = memtest_object_mmap(t, object);
		if (ret)
			return ret;
		all->nr++;
		all->bytes += size;
	}
	return 0;
}

static int give_everything_back(struct memtest *t, struct everything *all)
{
	int ret = 0;

	while (all->nr--)
		ret = memtest_object_free(t, &all->objects[all->nr]) ?: ret;
	return ret;
}

static bool everything_is_zero(struct everything *all)
{
	int i;

	for (i = 0; i < all->nr; i++)
		if (pattern_check_word(all->objects[i].va,
				       all->objects[i].length, 0) !=
		    PATTERN_SAME)
			return false;
	return true;
}

FIXTURE(mem_zero)
{
	struct memtest t;
	struct everything all;
};

FIXTURE_SETUP(mem_zero)
{
	MEMTEST_SETUP(&self->t, 1);
	ASSERT_EQ(0, take_everything(&self->t, &self->all));
	ASSERT_NE(0, self->all.bytes);
}

FIXTURE_TEARDOWN(mem_zero)
{
	memtest_close(&self->t);
}

static void fill_everything(struct everything *all)
{
	int i;

	for (i = 0; i < all->nr; i++)
		pattern_fill(all->objects[i].va, all->objects[i].length, i + 1);
}

TEST_F_TIMEOUT(mem_zero, the_first_owner_finds_zeros, MEMTEST_TIMEOUT)
{
	EXPECT_TRUE(everything_is_zero(&self->all));
}

TEST_F_TIMEOUT(mem_zero, the_next_object_of_the_same_owner_is_zero,
	       MEMTEST_TIMEOUT)
{
	uint64_t bytes = self->all.bytes;

	fill_everything(&self->all);
	EXPECT_FALSE(everything_is_zero(&self->all));
	ASSERT_EQ(0, give_everything_back(&self->t, &self->all));
	ASSERT_EQ(0, take_everything(&self->t, &self->all));
	EXPECT_EQ(bytes, self->all.bytes);
	EXPECT_TRUE(everything_is_zero(&self->all));
}

TEST_F_TIMEOUT(mem_zero, the_next_owner_finds_zeros, MEMTEST_TIMEOUT)
{
	uint64_t bytes = self->all.bytes;
	int i;

	fill_everything(&self->all);
	/* Not tidily: everything at once, by closing */
	for (i = 0; i < self->all.nr; i++)
		munmap(self->all.objects[i].va, self->all.objects[i].length);
	memtest_close(&self->t);
	ASSERT_EQ(0, memtest_open(&self->t, 1));
	ASSERT_EQ(0, take_everything(&self->t, &self->all));
	EXPECT_EQ(bytes, self->all.bytes);
	EXPECT_TRUE(everything_is_zero(&self->all));
}

TEST_F_TIMEOUT(mem_zero, what_a_device_wrote_is_gone_too, MEMTEST_TIMEOUT)
{
	struct gpu gpu = {};
	uint32_t ioas_id;
	int i;

	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &ioas_id));
	ASSERT_EQ(0, vfio_attach(&self->t.vf[0], ioas_id));
	ASSERT_EQ(0, gpu_open(&gpu, &self->t.vf[0]));
	for (i = 0; i < self->all.nr; i++) {
		struct memtest_object *object = &self->all.objects[i];
		uint64_t length = object->length;

		/* The CPU never touches what the device writes */
		ASSERT_EQ(0, munmap(object->va, length));
		object->va = NULL;
		ASSERT_EQ(0, memtest_object_map(&self->t, object, ioas_id,
						IOVA));
		if (length > GPU_MAX_LENGTH)
			length = GPU_MAX_LENGTH;
		ASSERT_EQ(0, gpu_fill(&gpu, IOVA, length, 0xdeadbeef,
				      MEMTEST_DEADLINE));
		ASSERT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, ioas_id, IOVA,
						object->length, NULL));
		object->ioas_id = 0;
	}
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->all.objects[0]));
	EXPECT_EQ(0xdeadbeef,
		  *(volatile uint32_t *)self->all.objects[0].va);
	gpu_close(&gpu);
	ASSERT_EQ(0, give_everything_back(&self->t, &self->all));
	ASSERT_EQ(0, take_everything(&self->t, &self->all));
	EXPECT_TRUE(everything_is_zero(&self->all));
}

TEST_HARNESS_MAIN
