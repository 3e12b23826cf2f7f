// SPDX-License-Identifier: GPL-2.0
/*
 * Who may have memory of a region: only a context with a device that is linked to
 * it, and, the region being exclusive, one context at a time.
 */
#include "kselftest_harness.h"

#include "memtest.h"

FIXTURE(mem_exclusive)
{
	struct memtest a;
	struct memtest b;
	struct memtest_object object;	/* of @a */
};

FIXTURE_SETUP(mem_exclusive)
{
	self->b.iommufd = -1;
	MEMTEST_SETUP(&self->a, 2);
	/* One VF for each */
	vfio_close(&self->a.vf[1]);
	ASSERT_EQ(0, memtest_open_other(&self->b));
	ASSERT_EQ(0, memtest_object_alloc(&self->a, &self->object, MIB(2)));
}

FIXTURE_TEARDOWN(mem_exclusive)
{
	if (self->object.va)
		munmap(self->object.va, MIB(2));
	memtest_close(&self->a);
	if (self->b.iommufd >= 0)
		memtest_close(&self->b);
	EXPECT_EQ(0, memtest_region_is_idle());
}

static int alloc(struct memtest *t)
{
	struct memtest_object object;
	int ret;

	ret = memtest_object_alloc(t, &object, MIB(2));
	return ret ?: memtest_object_free(t, &object);
}

TEST_F(mem_exclusive, a_second_context_is_told_busy)
{
	EXPECT_EQ(-EBUSY, alloc(&self->b));
	EXPECT_EQ(0, memtest_count_objects(&self->b));
	EXPECT_EQ(0, alloc(&self->a));
}

TEST_F(mem_exclusive, after_destroy_the_second_context_gets_memory)
{
	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	EXPECT_EQ(0, alloc(&self->b));
	/* And then the first again: nobody holds any now */
	EXPECT_EQ(0, alloc(&self->a));
}

TEST_F(mem_exclusive, after_close_the_second_context_gets_memory)
{
	memtest_close(&self->a);
	EXPECT_EQ(0, alloc(&self->b));
}

TEST_F(mem_exclusive, one_object_of_several_keeps_the_second_context_out)
{
	struct memtest_object second;

	ASSERT_EQ(0, memtest_object_alloc(&self->a, &second, MIB(2)));
	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	EXPECT_EQ(-EBUSY, alloc(&self->b));
	EXPECT_EQ(0, memtest_object_free(&self->a, &second));
	EXPECT_EQ(0, alloc(&self->b));
}

TEST_F(mem_exclusive, a_dma_mapping_of_a_destroyed_object_keeps_it_out)
{
	uint32_t ioas_id;

	ASSERT_EQ(0, iommufd_ioas_alloc(self->a.iommufd, &ioas_id));
	ASSERT_EQ(0, memtest_object_map(&self->a, &self->object, ioas_id,
					GIB(4)));
	EXPECT_EQ(0, iommufd_destroy(self->a.iommufd, self->object.id));
	EXPECT_EQ(-EBUSY, alloc(&self->b));
	EXPECT_EQ(0, iommufd_ioas_unmap(self->a.iommufd, ioas_id, GIB(4),
					MIB(2), NULL));
	EXPECT_EQ(0, alloc(&self->b));
}

TEST_F(mem_exclusive, unbinding_the_device_does_not_let_it_in)
{
	vfio_close(&self->a.vf[0]);
	EXPECT_EQ(-EBUSY, alloc(&self->b));
	/* The owner keeps what it has but gets no more */
	EXPECT_EQ(-ENOENT, alloc(&self->a));
	EXPECT_EQ(1, memtest_count_objects(&self->a));
}

TEST_F(mem_exclusive, a_refused_context_does_not_become_the_owner)
{
	EXPECT_EQ(-EBUSY, alloc(&self->b));
	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	EXPECT_EQ(0, alloc(&self->a));
}

TEST_F(mem_exclusive, a_failed_allocation_does_not_make_an_owner)
{
	struct memtest_object object;

	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	EXPECT_EQ(-ENOSPC,
		  memtest_object_alloc(&self->a, &object,
				       memtest_max_length()));
	EXPECT_EQ(0, alloc(&self->b));
}

TEST_F(mem_exclusive, an_object_is_known_to_its_own_context_only)
{
	struct iommu_mem_info info = { .mem_id = self->object.id };
	uint64_t iova = GIB(4);
	uint32_t ioas_id;

	/* No object of the second context may have this ID */
	ASSERT_EQ(0, iommufd_ioas_alloc(self->b.iommufd, &ioas_id));
	while (ioas_id < self->object.id)
		ASSERT_EQ(0, iommufd_ioas_alloc(self->b.iommufd, &ioas_id));
	EXPECT_EQ(-ENOENT, iommufd_mem_info(self->b.iommufd, &info));
	EXPECT_EQ(-ENOENT,
		  iommufd_ioas_map_mem(self->b.iommufd, ioas_id,
				       self->object.id, 0, MIB(2),
				       IOMMUFD_FIXED_READ_WRITE, &iova));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, MIB(2), PROT_READ, MAP_SHARED,
				   self->b.iommufd, self->object.mmap_offset));
	EXPECT_EQ(ENXIO, errno);
}

TEST_F(mem_exclusive, the_device_of_another_context_entitles_nobody_here)
{
	uint32_t dev_id = self->a.vf[0].dev_id;
	struct memtest_object object;

	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	/* In the second context this number must not be a device */
	if (self->b.vf[0].dev_id == dev_id)
		vfio_close(&self->b.vf[0]);
	self->b.vf[0].dev_id = dev_id;
	EXPECT_EQ(-ENOENT, memtest_object_alloc(&self->b, &object, MIB(2)));
}

TEST(a_device_that_is_not_linked_to_a_region_entitles_to_nothing)
{
	struct vfio_function function;
	struct vfio_dev dev;
	uint64_t offset;
	int iommufd;
	uint32_t id;

	if (memtest_find_plain(&function))
		SKIP(return, "no edu or pci-testdev with a vfio cdev");
	iommufd = iommufd_open();
	ASSERT_LE(0, iommufd);
	ASSERT_EQ(0, vfio_open(&dev, &function));
	ASSERT_EQ(0, vfio_bind(&dev, iommufd));
	EXPECT_EQ(-ENODEV, iommufd_mem_alloc_region(iommufd, dev.dev_id,
						    memtest_page_size(), &id,
						    &offset));
	vfio_close(&dev);
	close(iommufd);
}

TEST_HARNESS_MAIN
