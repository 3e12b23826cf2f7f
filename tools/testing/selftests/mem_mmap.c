// SPDX-License-Identifier: GPL-2.0
/*
 * mmap() of a memory object of a region: what is refused, that each byte has one
 * offset, and that a mapping keeps the object. Device memory is in mem_device.c.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include "memtest.h"

#define LENGTH	MIB(4)

FIXTURE(mem_mmap)
{
	struct memtest t;
	struct memtest_object object;
	uint64_t page;
};

FIXTURE_SETUP(mem_mmap)
{
	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, LENGTH));
}

FIXTURE_TEARDOWN(mem_mmap)
{
	memtest_close(&self->t);
}

/* The address, or a negative errno */
static intptr_t map_part(struct memtest *t, struct memtest_object *object,
			 uint64_t offset, uint64_t length, int prot, int flags)
{
	void *va = mmap(NULL, length, prot, flags, t->iommufd,
			object->mmap_offset + offset);

	return va == MAP_FAILED ? -errno : (intptr_t)va;
}

#define MAP_PART(offset, length, prot, flags) \
	map_part(&self->t, &self->object, offset, length, prot, flags)

TEST_F(mem_mmap, the_whole_object_can_be_written_and_read)
{
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	pattern_fill(self->object.va, LENGTH, 1);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
}

TEST_F(mem_mmap, any_part_can_be_mapped_and_is_the_same_memory)
{
	const uint64_t starts[] = { self->page, MIB(1) + self->page, MIB(2),
				    LENGTH - self->page };
	uint64_t length;
	intptr_t part;
	size_t i;

	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	pattern_fill(self->object.va, LENGTH, 1);
	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		length = LENGTH - starts[i];
		part = MAP_PART(starts[i], length, PROT_READ | PROT_WRITE,
				MAP_SHARED);
		ASSERT_LT(0, part);
		EXPECT_EQ(PATTERN_SAME,
			  pattern_compare((void *)part,
					  self->object.va + starts[i], length));
		*(volatile uint64_t *)part = starts[i];
		EXPECT_EQ(starts[i], *(volatile uint64_t *)(self->object.va +
							    starts[i]));
		EXPECT_EQ(0, munmap((void *)part, length));
	}
}

TEST_F(mem_mmap, an_address_without_large_alignment_works_too)
{
	void *hole;

	/* Off by a page from everything that could be a block */
	hole = mmap(NULL, LENGTH + MIB(4), PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, hole);
	hole = (void *)((((uintptr_t)hole + MIB(2) - 1) & ~(MIB(2) - 1)) +
			self->page);
	ASSERT_EQ(hole, mmap(hole, LENGTH, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, self->t.iommufd,
			     self->object.mmap_offset));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	pattern_fill(hole, LENGTH, 3);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 3));
}

TEST_F(mem_mmap, private_mappings_are_invalid)
{
	EXPECT_EQ(-EINVAL, MAP_PART(0, LENGTH, PROT_READ, MAP_PRIVATE));
	EXPECT_EQ(-EINVAL, MAP_PART(0, LENGTH, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE));
}

TEST_F(mem_mmap, an_iommufd_that_was_opened_read_only_maps_nothing)
{
	struct vfio_function function = self->t.vf[0].function;
	struct memtest t = { .iommufd = -1 };
	struct memtest_object object;

	memtest_close(&self->t);
	t.iommufd = open("/dev/iommu", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, t.iommufd);
	ASSERT_EQ(0, vfio_open(&t.vf[0], &function));
	ASSERT_EQ(0, vfio_bind(&t.vf[0], t.iommufd));
	ASSERT_EQ(0, memtest_object_alloc(&t, &object, LENGTH));
	EXPECT_EQ(-EINVAL, map_part(&t, &object, 0, LENGTH, PROT_READ,
				    MAP_SHARED));
	EXPECT_EQ(0, iommufd_destroy(t.iommufd, object.id));
	vfio_close(&t.vf[0]);
	close(t.iommufd);
}

TEST_F(mem_mmap, executable_mappings_are_not_permitted)
{
	EXPECT_EQ(-EPERM, MAP_PART(0, LENGTH, PROT_READ | PROT_EXEC,
				   MAP_SHARED));
}

TEST_F(mem_mmap, a_mapping_cannot_be_made_executable)
{
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	EXPECT_EQ(-1, mprotect(self->object.va, LENGTH, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(mem_mmap, a_mapping_can_be_made_read_only_and_writable_again)
{
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	pattern_fill(self->object.va, LENGTH, 1);
	EXPECT_EQ(0, mprotect(self->object.va, LENGTH, PROT_READ));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
	EXPECT_EQ(0, mprotect(self->object.va, LENGTH, PROT_READ | PROT_WRITE));
	pattern_fill(self->object.va, LENGTH, 2);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 2));
}

TEST_F(mem_mmap, offsets_without_an_object_do_not_exist)
{
	struct memtest_object nowhere = self->object;
	uint64_t offset = self->object.mmap_offset;

	EXPECT_EQ(-ENXIO, MAP_PART(LENGTH, self->page, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-ENXIO, MAP_PART(GIB(64), self->page, PROT_READ,
				   MAP_SHARED));
	nowhere.mmap_offset = 0;
	if (offset)
		EXPECT_EQ(-ENXIO, map_part(&self->t, &nowhere, 0, self->page,
					   PROT_READ, MAP_SHARED));
	if (offset >= self->page)
		EXPECT_EQ(-ENXIO, MAP_PART(-self->page, self->page, PROT_READ,
					   MAP_SHARED));
}

TEST_F(mem_mmap, a_range_that_ends_beyond_the_object_does_not_exist)
{
	EXPECT_EQ(-ENXIO, MAP_PART(0, LENGTH + self->page, PROT_READ,
				   MAP_SHARED));
	EXPECT_EQ(-ENXIO, MAP_PART(LENGTH - self->page, 2 * self->page,
				   PROT_READ, MAP_SHARED));
	EXPECT_EQ(-ENXIO, MAP_PART(self->page, LENGTH, PROT_READ, MAP_SHARED));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
}

TEST_F(mem_mmap, a_neighbour_is_not_reached_over_the_end)
{
	struct memtest_object neighbour;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &neighbour, LENGTH));
	EXPECT_EQ(-ENXIO, MAP_PART(0, 2 * LENGTH, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-ENXIO, map_part(&self->t, &neighbour, 0, 2 * LENGTH,
				   PROT_READ, MAP_SHARED));
}

TEST_F(mem_mmap, mremap_cannot_reach_over_the_end)
{
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	EXPECT_EQ(MAP_FAILED, mremap(self->object.va, LENGTH, 2 * LENGTH,
				     MREMAP_MAYMOVE));
}

TEST_F(mem_mmap, another_iommufd_does_not_know_the_offset)
{
	int other = iommufd_open();

	ASSERT_LE(0, other);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, other,
				   self->object.mmap_offset));
	EXPECT_EQ(ENXIO, errno);
	close(other);
}

TEST_F(mem_mmap, a_mapping_keeps_the_object_busy)
{
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->t.iommufd, self->object.id));
	/* Still busy with only a page left in the middle */
	EXPECT_EQ(0, munmap(self->object.va, MIB(1)));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->t.iommufd, self->object.id));
	EXPECT_EQ(0, munmap(self->object.va + MIB(1) + self->page,
			    LENGTH - MIB(1) - self->page));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->t.iommufd, self->object.id));
	pattern_fill(self->object.va + MIB(1), self->page, 1);
	EXPECT_EQ(PATTERN_SAME,
		  pattern_check(self->object.va + MIB(1), self->page, 1));
	EXPECT_EQ(0, munmap(self->object.va + MIB(1), self->page));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
}

TEST_F(mem_mmap, an_untouched_mapping_keeps_the_object_busy_too)
{
	ASSERT_LT(0, MAP_PART(0, self->page, PROT_NONE, MAP_SHARED));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->t.iommufd, self->object.id));
}

TEST_F(mem_mmap, a_refused_mmap_leaves_the_object_free_to_go)
{
	EXPECT_EQ(-EINVAL, MAP_PART(0, LENGTH, PROT_READ, MAP_PRIVATE));
	EXPECT_EQ(-EPERM, MAP_PART(0, LENGTH, PROT_EXEC, MAP_SHARED));
	EXPECT_EQ(-ENXIO, MAP_PART(0, LENGTH + self->page, PROT_READ,
				   MAP_SHARED));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
}

TEST_F(mem_mmap, the_offset_of_a_destroyed_object_does_not_exist)
{
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
	EXPECT_EQ(-ENXIO, MAP_PART(0, self->page, PROT_READ, MAP_SHARED));
}

TEST_F(mem_mmap, a_mapping_outlives_every_file_descriptor)
{
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	pattern_fill(self->object.va, LENGTH, 1);
	memtest_close(&self->t);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
	/* And keeps the memory: the region's owner has not changed */
	EXPECT_EQ(-EBUSY, memtest_region_is_idle());
	EXPECT_EQ(0, munmap(self->object.va, LENGTH));
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_F(mem_mmap, dropped_page_table_entries_come_back_with_the_same_bytes)
{
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	pattern_fill(self->object.va, LENGTH, 1);
	/* Refused for this kind of mapping or not: no byte may change */
	madvise(self->object.va, LENGTH, MADV_DONTNEED);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
}

TEST_HARNESS_MAIN
