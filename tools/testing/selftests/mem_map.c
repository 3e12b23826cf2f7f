// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_MAP, IOMMU_IOAS_COPY and IOMMU_IOAS_UNMAP of a region's memory. The
 * proof of a mapping is that a device's copy engine reads and writes the bytes,
 * and of its end that the engine faults.
 */
#include "kselftest_harness.h"

#include <sys/ioctl.h>

#include "memtest.h"
#include "smmu.h"

#define LENGTH		MIB(4)
#define HALF		(LENGTH / 2)
#define IOVA		GIB(4)
#define OTHER_IOVA	GIB(8)

FIXTURE(mem_map)
{
	struct memtest t;
	struct gpu gpu[2];
	uint64_t page;
	struct memtest_object object;	/* mmapped, not yet mapped for DMA */
	uint32_t ioas_id;
	struct iommu_ioas_map_mem cmd;	/* a call that works */
};

FIXTURE_SETUP(mem_map)
{
	MEMTEST_SETUP(&self->t, 2);
	self->page = memtest_page_size();
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->ioas_id));
	self->cmd = (struct iommu_ioas_map_mem){
		.size = sizeof(self->cmd),
		.flags = IOMMU_IOAS_MAP_MEM | IOMMUFD_FIXED_READ_WRITE,
		.ioas_id = self->ioas_id,
		.mem_id = self->object.id,
		.length = LENGTH,
		.iova = IOVA,
	};
}

FIXTURE_TEARDOWN(mem_map)
{
	int i;

	for (i = 0; i < 2; i++)
		gpu_close(&self->gpu[i]);
	if (self->object.va)
		munmap(self->object.va, LENGTH);
	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

#define EXPECT_MAP(expected)						\
	EXPECT_EQ(expected, iommufd_ioctl(self->t.iommufd,		\
					  IOMMU_IOAS_MAP, &self->cmd))

#define ATTACH(i, pt_id)						\
	do {								\
		ASSERT_EQ(0, vfio_attach(&self->t.vf[i], pt_id));	\
		if (!self->gpu[i].regs)					\
			ASSERT_EQ(0, gpu_open(&self->gpu[i],		\
					      &self->t.vf[i]));		\
	} while (0)

#define LET_DEVICES_GO()						\
	do {								\
		int __i;						\
		for (__i = 0; __i < 2; __i++) {				\
			gpu_close(&self->gpu[__i]);			\
			vfio_close(&self->t.vf[__i]);			\
		}							\
	} while (0)

#define EXPECT_COPY(expected, i, src, dst, length)			\
	EXPECT_EQ(expected, gpu_copy(&self->gpu[i], src, dst, length,	\
				     MEMTEST_DEADLINE))

/* Does the first half, copied by the device to the second, arrive? */
#define EXPECT_DMA_WORKS(i, iova, seed)					\
	do {								\
		pattern_fill(self->object.va, HALF, seed);		\
		EXPECT_COPY(0, i, iova, (iova) + HALF, HALF);		\
		EXPECT_EQ(PATTERN_SAME,					\
			  pattern_check(self->object.va + HALF, HALF,	\
					seed));				\
	} while (0)

/* Does a read of @iova fault there, and spare the object? */
#define EXPECT_DMA_FAULTS(i, iova)					\
	do {								\
		struct gpu_copy __out = { .src = iova, .dst_fb = true,	\
					  .length = 64 };		\
		struct gpu_fault __fault = {};				\
		gpu_fault_clear(&self->gpu[i]);				\
		EXPECT_EQ(0, gpu_launch_copy(&self->gpu[i], &__out));	\
		EXPECT_EQ(-EFAULT, gpu_wait(&self->gpu[i],		\
					    MEMTEST_DEADLINE));		\
		EXPECT_EQ(0, gpu_fault_read(&self->gpu[i], &__fault));	\
		EXPECT_EQ(iova, __fault.address);			\
		EXPECT_EQ(NV_FAULT_TYPE_PTE, __fault.type);		\
		gpu_fault_clear(&self->gpu[i]);				\
	} while (0)

TEST_F(mem_map, a_device_attached_before_the_map_reaches_the_memory)
{
	ATTACH(0, self->ioas_id);
	EXPECT_DMA_FAULTS(0, IOVA);
	EXPECT_MAP(0);
	EXPECT_DMA_WORKS(0, IOVA, 1);
}

TEST_F(mem_map, a_device_attached_after_the_map_reaches_the_memory)
{
	EXPECT_MAP(0);
	ATTACH(0, self->ioas_id);
	EXPECT_DMA_WORKS(0, IOVA, 1);
}

TEST_F(mem_map, two_devices_share_one_mapping)
{
	EXPECT_MAP(0);
	ATTACH(0, self->ioas_id);
	ATTACH(1, self->ioas_id);
	EXPECT_DMA_WORKS(0, IOVA, 1);
	EXPECT_DMA_WORKS(1, IOVA, 2);
}

TEST_F(mem_map, an_explicit_hwpt_reaches_the_memory)
{
	uint32_t hwpt_id;

	EXPECT_MAP(0);
	ASSERT_EQ(0, iommufd_hwpt_alloc(self->t.iommufd, self->t.vf[0].dev_id,
					self->ioas_id, 0, &hwpt_id));
	ATTACH(0, hwpt_id);
	EXPECT_DMA_WORKS(0, IOVA, 1);
}

TEST_F(mem_map, the_kernel_finds_an_iova)
{
	self->cmd.flags &= ~IOMMU_IOAS_MAP_FIXED_IOVA;
	self->cmd.iova = 0;
	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	EXPECT_DMA_WORKS(0, self->cmd.iova, 1);
}

TEST_F(mem_map, an_offset_is_where_the_mapping_starts)
{
	const uint64_t offset = MIB(1) + 3 * self->page;

	ATTACH(0, self->ioas_id);
	pattern_fill(self->object.va, LENGTH, 1);
	self->cmd.offset = offset;
	self->cmd.length = 2 * self->page;
	EXPECT_MAP(0);
	/* One page on to the next: what lay at the offset is now behind it */
	EXPECT_COPY(0, 0, IOVA, IOVA + self->page, self->page);
	EXPECT_EQ(PATTERN_SAME,
		  pattern_compare(self->object.va + offset,
				  self->object.va + offset + self->page,
				  self->page));
	/* Around it nothing is mapped */
	EXPECT_DMA_FAULTS(0, IOVA - self->page);
	EXPECT_DMA_FAULTS(0, IOVA + 2 * self->page);
}

TEST_F(mem_map, parts_can_be_mapped_in_any_order)
{
	uint64_t part = LENGTH / 4;
	int i;

	ATTACH(0, self->ioas_id);
	pattern_fill(self->object.va, LENGTH, 1);
	/* The quarters backwards, so that the device sees 3 2 1 0 */
	self->cmd.length = part;
	for (i = 0; i < 4; i++) {
		self->cmd.offset = (3 - i) * part;
		self->cmd.iova = IOVA + i * part;
		EXPECT_MAP(0);
	}
	EXPECT_COPY(0, 0, IOVA, IOVA + 3 * part, part);
	EXPECT_EQ(PATTERN_SAME, pattern_compare(self->object.va + 3 * part,
						self->object.va, part));
}

TEST_F(mem_map, one_part_can_be_mapped_twice)
{
	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	self->cmd.iova = OTHER_IOVA;
	EXPECT_MAP(0);
	EXPECT_DMA_WORKS(0, IOVA, 1);
	EXPECT_DMA_WORKS(0, OTHER_IOVA, 2);
	/* Each is a mapping of its own */
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id, IOVA,
					LENGTH, NULL));
	EXPECT_DMA_FAULTS(0, IOVA);
	EXPECT_DMA_WORKS(0, OTHER_IOVA, 3);
}

TEST_F(mem_map, several_ioas_can_map_one_object)
{
	uint32_t other_ioas;

	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &other_ioas));
	ATTACH(0, self->ioas_id);
	ATTACH(1, other_ioas);
	EXPECT_MAP(0);
	EXPECT_DMA_FAULTS(1, OTHER_IOVA);
	self->cmd.ioas_id = other_ioas;
	self->cmd.iova = OTHER_IOVA;
	EXPECT_MAP(0);
	EXPECT_DMA_WORKS(0, IOVA, 1);
	EXPECT_DMA_WORKS(1, OTHER_IOVA, 2);
	EXPECT_DMA_FAULTS(0, OTHER_IOVA);
	EXPECT_DMA_FAULTS(1, IOVA);
}

TEST_F(mem_map, an_object_is_filled_by_the_device)
{
	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	EXPECT_EQ(0, gpu_fill(&self->gpu[0], IOVA, LENGTH, 0x12345678,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check_word(self->object.va, LENGTH,
						   0x1234567812345678ULL));
}

TEST_F(mem_map, a_read_only_mapping_refuses_what_the_device_writes)
{
	struct gpu_fault fault = {};

	ATTACH(0, self->ioas_id);
	self->cmd.flags &= ~IOMMU_IOAS_MAP_WRITEABLE;
	EXPECT_MAP(0);
	self->cmd.flags |= IOMMU_IOAS_MAP_WRITEABLE;
	self->cmd.iova = OTHER_IOVA;
	EXPECT_MAP(0);

	pattern_fill(self->object.va, LENGTH, 1);
	gpu_fault_clear(&self->gpu[0]);
	EXPECT_COPY(-EFAULT, 0, OTHER_IOVA, IOVA + HALF, HALF);
	EXPECT_EQ(0, gpu_fault_read(&self->gpu[0], &fault));
	EXPECT_EQ(IOVA + HALF, fault.address);
	EXPECT_EQ(NV_FAULT_ACCESS_PHYS_WRITE, fault.access);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
	gpu_fault_clear(&self->gpu[0]);

	/* Reading through it is fine */
	EXPECT_COPY(0, 0, IOVA, OTHER_IOVA + HALF, HALF);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + HALF, HALF, 1));
}

TEST_F(mem_map, unmap_ends_what_the_device_can_reach)
{
	uint64_t unmapped;

	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	EXPECT_DMA_WORKS(0, IOVA, 1);
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id, IOVA,
					LENGTH, &unmapped));
	EXPECT_EQ(LENGTH, unmapped);
	EXPECT_DMA_FAULTS(0, IOVA);
	EXPECT_DMA_FAULTS(0, IOVA + LENGTH - 64);
	/* And the place is free again */
	EXPECT_MAP(0);
	EXPECT_DMA_WORKS(0, IOVA, 2);
}

TEST_F(mem_map, a_part_of_a_mapping_cannot_be_unmapped)
{
	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	EXPECT_EQ(-ENOENT, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id,
					      IOVA, HALF, NULL));
	EXPECT_EQ(-ENOENT, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id,
					      IOVA + HALF, HALF, NULL));
	EXPECT_DMA_WORKS(0, IOVA, 1);
}

TEST_F(mem_map, an_iova_works_until_it_is_unmapped_though_the_object_is_gone)
{
	uint64_t iova = OTHER_IOVA;
	struct memtest_object window;

	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	pattern_fill(self->object.va, LENGTH, 1);
	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
	EXPECT_EQ(0, memtest_count_objects(&self->t));

	/* Not handed out to the next, and readable by the device */
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &window, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &window));
	ASSERT_EQ(0, memtest_object_map(&self->t, &window, self->ioas_id,
					iova));
	EXPECT_COPY(0, 0, IOVA, iova, LENGTH);
	EXPECT_EQ(PATTERN_SAME, pattern_check(window.va, LENGTH, 1));
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id, IOVA,
					LENGTH, NULL));
	EXPECT_DMA_FAULTS(0, IOVA);
	EXPECT_EQ(0, memtest_object_free(&self->t, &window));
	LET_DEVICES_GO();
	/* Now nobody holds memory, though the iommufd is still open */
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_F(mem_map, copy_makes_a_second_mapping_in_another_ioas)
{
	uint64_t iova = OTHER_IOVA;
	uint32_t other_ioas;

	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &other_ioas));
	ATTACH(0, self->ioas_id);
	ATTACH(1, other_ioas);
	EXPECT_MAP(0);
	EXPECT_EQ(0, iommufd_ioas_copy(self->t.iommufd, other_ioas,
				       self->ioas_id, LENGTH,
				       IOMMUFD_FIXED_READ_WRITE, &iova, IOVA));
	EXPECT_DMA_WORKS(1, OTHER_IOVA, 1);
	/* The copy does not need its origin */
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id, IOVA,
					LENGTH, NULL));
	EXPECT_DMA_FAULTS(0, IOVA);
	EXPECT_DMA_WORKS(1, OTHER_IOVA, 2);
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, other_ioas, OTHER_IOVA,
					LENGTH, NULL));
	EXPECT_DMA_FAULTS(1, OTHER_IOVA);
}

TEST_F(mem_map, copy_of_a_part_maps_that_part)
{
	uint64_t iova = OTHER_IOVA;

	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	EXPECT_EQ(0, iommufd_ioas_copy(self->t.iommufd, self->ioas_id,
				       self->ioas_id, HALF,
				       IOMMUFD_FIXED_READ_WRITE, &iova,
				       IOVA + HALF));
	pattern_fill(self->object.va, HALF, 1);
	EXPECT_COPY(0, 0, IOVA, OTHER_IOVA, HALF);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + HALF, HALF, 1));
	EXPECT_DMA_FAULTS(0, OTHER_IOVA + HALF);
}

TEST_F(mem_map, copy_to_a_taken_place_leaves_both_as_they_were)
{
	uint64_t iova = IOVA + HALF;

	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	EXPECT_EQ(-EEXIST, iommufd_ioas_copy(self->t.iommufd, self->ioas_id,
					     self->ioas_id, LENGTH,
					     IOMMUFD_FIXED_READ_WRITE, &iova,
					     IOVA));
	EXPECT_DMA_WORKS(0, IOVA, 1);
}

TEST_F(mem_map, copy_of_nothing_finds_nothing)
{
	uint64_t iova = OTHER_IOVA;

	EXPECT_MAP(0);
	EXPECT_EQ(-ENOENT, iommufd_ioas_copy(self->t.iommufd, self->ioas_id,
					     self->ioas_id, LENGTH,
					     IOMMUFD_FIXED_READ_WRITE, &iova,
					     IOVA + GIB(1)));
}

TEST_F(mem_map, unknown_flags_are_not_supported)
{
	const uint32_t known = IOMMU_IOAS_MAP_MEM | IOMMU_IOAS_MAP_FIXED_IOVA |
			       IOMMUFD_READ_WRITE;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		if (known & 1u << bit)
			continue;
		self->cmd.flags = IOMMU_IOAS_MAP_MEM |
				  IOMMUFD_FIXED_READ_WRITE | 1u << bit;
		EXPECT_MAP(-EOPNOTSUPP);
	}
}

TEST_F(mem_map, without_our_flag_the_object_id_is_reserved)
{
	self->cmd.flags &= ~IOMMU_IOAS_MAP_MEM;
	EXPECT_MAP(-EOPNOTSUPP);
}

TEST_F(mem_map, ids_of_other_things_are_not_found)
{
	self->cmd.ioas_id = self->object.id;
	EXPECT_MAP(-ENOENT);
	self->cmd.ioas_id = UINT32_MAX;
	EXPECT_MAP(-ENOENT);
	self->cmd.ioas_id = self->ioas_id;
	self->cmd.mem_id = self->ioas_id;
	EXPECT_MAP(-ENOENT);
	self->cmd.mem_id = self->t.vf[0].dev_id;
	EXPECT_MAP(-ENOENT);
	self->cmd.mem_id = 0;
	EXPECT_MAP(-ENOENT);
	self->cmd.mem_id = UINT32_MAX;
	EXPECT_MAP(-ENOENT);
}

TEST_F(mem_map, a_destroyed_object_is_not_found)
{
	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
	EXPECT_MAP(-ENOENT);
}

TEST_F(mem_map, an_object_of_another_iommufd_is_not_found)
{
	int other = iommufd_open();
	uint32_t ioas_id;

	ASSERT_LE(0, other);
	/* The other's IOAS must not have the id of our object */
	do {
		ASSERT_EQ(0, iommufd_ioas_alloc(other, &ioas_id));
	} while (ioas_id <= self->object.id);
	self->cmd.ioas_id = ioas_id;
	self->cmd.mem_id = ioas_id + 1;
	EXPECT_EQ(-ENOENT, iommufd_ioctl(other, IOMMU_IOAS_MAP, &self->cmd));
	self->cmd.mem_id = self->object.id;
	EXPECT_EQ(-ENOENT, iommufd_ioctl(other, IOMMU_IOAS_MAP, &self->cmd));
	close(other);
}

TEST_F(mem_map, neither_readable_nor_writable_is_invalid)
{
	self->cmd.flags = IOMMU_IOAS_MAP_MEM | IOMMU_IOAS_MAP_FIXED_IOVA;
	EXPECT_MAP(-EINVAL);
}

TEST_F(mem_map, no_length_is_invalid)
{
	self->cmd.length = 0;
	EXPECT_MAP(-EINVAL);
}

TEST_F(mem_map, ranges_that_leave_the_object_are_invalid)
{
	self->cmd.length = LENGTH + self->page;
	EXPECT_MAP(-EINVAL);
	self->cmd.offset = self->page;
	self->cmd.length = LENGTH;
	EXPECT_MAP(-EINVAL);
	self->cmd.offset = LENGTH;
	self->cmd.length = self->page;
	EXPECT_MAP(-EINVAL);
	self->cmd.offset = 1ULL << 62;
	EXPECT_MAP(-EINVAL);
}

TEST_F(mem_map, overflow_of_each_sum_is_told)
{
	self->cmd.offset = -self->page;
	self->cmd.length = 2 * self->page;
	EXPECT_MAP(-EOVERFLOW);
	self->cmd.offset = 0;
	self->cmd.iova = -self->page;
	EXPECT_MAP(-EOVERFLOW);
}

TEST_F(mem_map, ranges_that_are_not_aligned_are_invalid)
{
	/* With a device attached its page size is what must be kept to */
	ATTACH(0, self->ioas_id);
	self->cmd.length = MIB(1);
	self->cmd.iova = IOVA + 8;
	EXPECT_MAP(-EINVAL);
	self->cmd.iova = IOVA;
	self->cmd.length = MIB(1) + 8;
	EXPECT_MAP(-EINVAL);
	self->cmd.length = MIB(1);
	self->cmd.offset = 8;
	EXPECT_MAP(-EINVAL);
	self->cmd.offset = 0;
	EXPECT_MAP(0);
}

TEST_F(mem_map, a_reserved_iova_is_invalid)
{
	/* Attaching reserves the window of the MSI doorbells */
	ATTACH(0, self->ioas_id);
	self->cmd.iova = SMMU_MSI_WINDOW_IPA;
	self->cmd.length = self->page;
	EXPECT_MAP(-EINVAL);
	self->cmd.iova = SMMU_MSI_WINDOW_IPA - MIB(1);
	self->cmd.length = MIB(3);
	EXPECT_MAP(-EINVAL);
}

TEST_F(mem_map, a_taken_iova_is_told_and_keeps_its_mapping)
{
	ATTACH(0, self->ioas_id);
	EXPECT_MAP(0);
	EXPECT_MAP(-EEXIST);
	self->cmd.iova = IOVA + LENGTH - self->page;
	EXPECT_MAP(-EEXIST);
	self->cmd.iova = IOVA - LENGTH + self->page;
	EXPECT_MAP(-EEXIST);
	EXPECT_DMA_WORKS(0, IOVA, 1);
}

TEST_F(mem_map, no_room_among_the_allowed_iovas_is_told)
{
	struct iommu_iova_range range = { .start = IOVA,
					  .last = IOVA + LENGTH - 1 };
	struct iommu_ioas_allow_iovas allow = {
		.size = sizeof(allow),
		.ioas_id = self->ioas_id,
		.num_iovas = 1,
		.allowed_iovas = (uintptr_t)&range,
	};

	ASSERT_EQ(0, iommufd_ioctl(self->t.iommufd, IOMMU_IOAS_ALLOW_IOVAS,
				   &allow));
	self->cmd.flags &= ~IOMMU_IOAS_MAP_FIXED_IOVA;
	EXPECT_MAP(0);
	EXPECT_EQ(IOVA, self->cmd.iova);
	EXPECT_MAP(-ENOSPC);
}

TEST_F(mem_map, a_refused_map_holds_nothing)
{
	self->cmd.length = LENGTH + self->page;
	EXPECT_MAP(-EINVAL);
	self->cmd.length = LENGTH;
	self->cmd.ioas_id = UINT32_MAX;
	EXPECT_MAP(-ENOENT);
	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
	LET_DEVICES_GO();
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_F(mem_map, a_larger_structure_must_end_in_zeros)
{
	struct {
		struct iommu_ioas_map_mem cmd;
		uint64_t tail;
	} larger = { .cmd = self->cmd, .tail = 1 };

	larger.cmd.size = sizeof(larger);
	EXPECT_EQ(-E2BIG, iommufd_ioctl(self->t.iommufd, IOMMU_IOAS_MAP,
					&larger));
	larger.tail = 0;
	EXPECT_EQ(0, iommufd_ioctl(self->t.iommufd, IOMMU_IOAS_MAP, &larger));
}

TEST_F(mem_map, nothing_is_charged_to_the_locked_memory_limit)
{
	char line[256];
	long locked = -1;
	FILE *f;

	EXPECT_MAP(0);
	ATTACH(0, self->ioas_id);
	f = fopen("/proc/self/status", "re");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPin: %ld", &locked) == 1)
			break;
	fclose(f);
	EXPECT_EQ(0, locked);
}

TEST_HARNESS_MAIN
