// SPDX-License-Identifier: GPL-2.0
/*
 * Who may have memory of an exclusive region, and who its devices: one context at a
 * time has all of it, in whatever order it binds, allocates, unbinds and closes.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include "memtest.h"

FIXTURE(mem_exclusive)
{
	struct memtest a;
	struct memtest b;		/* has nothing at first */
	struct memtest_object object;	/* of @a */
	int nr_vfs;
};

FIXTURE_SETUP(mem_exclusive)
{
	self->b.iommufd = -1;
	MEMTEST_SETUP(&self->a, 2);
	/* One is enough; the other is for @b to ask for */
	vfio_close(&self->a.vf[1]);
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

/* Leaves @b closed if it gets no VF */
#define EXPECT_B_GETS(ret)						\
	do {								\
		EXPECT_EQ(ret, memtest_open_other(&self->b));		\
	} while (0)

TEST_F(mem_exclusive, while_memory_is_held_nobody_else_gets_a_device)
{
	EXPECT_B_GETS(-EBUSY);
	EXPECT_EQ(0, alloc(&self->a));
}

TEST_F(mem_exclusive, while_another_has_a_device_nobody_gets_memory)
{
	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	EXPECT_B_GETS(0);
	EXPECT_EQ(-EBUSY, alloc(&self->a));
	EXPECT_EQ(-EBUSY, alloc(&self->b));
	EXPECT_EQ(0, memtest_count_objects(&self->a));
	memtest_close(&self->b);
	EXPECT_EQ(0, alloc(&self->a));
}

TEST_F(mem_exclusive, without_a_device_of_its_own_a_context_is_told_busy)
{
	uint32_t id;

	self->b.iommufd = iommufd_open();
	ASSERT_LE(0, self->b.iommufd);
	EXPECT_EQ(-EBUSY, memtest_alloc_id(self->b.iommufd, 0, MIB(2), &id));
	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	/* Nobody holds memory, but a device could reach it */
	EXPECT_EQ(-EBUSY, memtest_alloc_id(self->b.iommufd, 0, MIB(2), &id));
	vfio_close(&self->a.vf[0]);
	EXPECT_EQ(0, memtest_alloc_id(self->b.iommufd, 0, MIB(2), &id));
	/* And now it is the other way round */
	memtest_close(&self->a);
	EXPECT_EQ(-EBUSY, memtest_open_other(&self->a));
}

TEST_F(mem_exclusive, after_close_the_second_context_gets_all)
{
	memtest_close(&self->a);
	EXPECT_B_GETS(0);
	EXPECT_EQ(0, alloc(&self->b));
}

TEST_F(mem_exclusive, one_object_of_several_keeps_the_second_context_out)
{
	struct memtest_object second;

	ASSERT_EQ(0, memtest_object_alloc(&self->a, &second, MIB(2)));
	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	EXPECT_B_GETS(-EBUSY);
	EXPECT_EQ(0, memtest_object_free(&self->a, &second));
	EXPECT_B_GETS(0);
}

TEST_F(mem_exclusive, a_dma_mapping_of_a_destroyed_object_keeps_it_out)
{
	uint32_t ioas_id;

	ASSERT_EQ(0, iommufd_ioas_alloc(self->a.iommufd, &ioas_id));
	ASSERT_EQ(0, memtest_object_map(&self->a, &self->object, ioas_id,
					GIB(4)));
	EXPECT_EQ(0, iommufd_destroy(self->a.iommufd, self->object.id));
	EXPECT_B_GETS(-EBUSY);
	EXPECT_EQ(0, iommufd_ioas_unmap(self->a.iommufd, ioas_id, GIB(4),
					MIB(2), NULL));
	EXPECT_B_GETS(0);
}

TEST_F(mem_exclusive, memory_that_outlives_its_context_keeps_all_others_out)
{
	ASSERT_EQ(0, memtest_object_mmap(&self->a, &self->object));
	memtest_close(&self->a);
	EXPECT_B_GETS(-EBUSY);
	EXPECT_EQ(0, munmap(self->object.va, MIB(2)));
	self->object.va = NULL;
	EXPECT_B_GETS(0);
}

TEST_F(mem_exclusive, an_exported_object_keeps_others_out_without_its_context)
{
	int fd;

	ASSERT_EQ(0, iommufd_mem_export(self->a.iommufd, self->object.id, &fd));
	memtest_close(&self->a);
	EXPECT_B_GETS(-EBUSY);
	close(fd);
	EXPECT_B_GETS(0);
}

TEST_F(mem_exclusive, the_holder_can_unbind_and_nobody_gets_in)
{
	vfio_close(&self->a.vf[0]);
	EXPECT_B_GETS(-EBUSY);
	/* The owner keeps what it has but gets no more */
	EXPECT_EQ(-ENOENT, alloc(&self->a));
	EXPECT_EQ(1, memtest_count_objects(&self->a));
}

TEST_F(mem_exclusive, a_refused_allocation_lets_go_of_the_devices)
{
	struct memtest c;

	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	EXPECT_B_GETS(0);
	EXPECT_EQ(-EBUSY, alloc(&self->a));
	/* The third VF, which nobody has */
	EXPECT_EQ(0, memtest_open_other(&c));
	memtest_close(&c);
}

TEST_F(mem_exclusive, a_failed_allocation_does_not_make_a_holder)
{
	struct memtest_object object;

	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	EXPECT_EQ(-ENOSPC,
		  memtest_object_alloc(&self->a, &object,
				       memtest_max_length()));
	EXPECT_B_GETS(0);
}

/* 0 or a negative errno */
static int pci_write(const char *dir, const char *name, const char *text)
{
	return memtest_write(text, "/sys/bus/pci/%s/%s", dir, name);
}

/* virtio-pci does DMA through the kernel's API, and knows no such device */
TEST_F(mem_exclusive, no_driver_of_the_host_can_probe_a_device)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	char device[64];
	int held, not_held;

	if (access("/sys/bus/pci/drivers/virtio-pci", F_OK))
		SKIP(return, "no driver of the host to try");
	ASSERT_LE(2, memtest_find_vfs(found));
	snprintf(device, sizeof(device), "devices/%s", found[1].bdf);
	ASSERT_EQ(0, pci_write("drivers/vfio-pci", "unbind", found[1].bdf));
	ASSERT_EQ(0, pci_write(device, "driver_override", "virtio-pci"));

	held = pci_write("drivers/virtio-pci", "bind", found[1].bdf);
	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	not_held = pci_write("drivers/virtio-pci", "bind", found[1].bdf);

	ASSERT_EQ(0, pci_write(device, "driver_override", "vfio-pci"));
	ASSERT_EQ(0, pci_write("drivers/vfio-pci", "bind", found[1].bdf));
	EXPECT_EQ(-EBUSY, held);
	EXPECT_EQ(-ENODEV, not_held);
}

TEST_F(mem_exclusive, an_object_is_known_to_its_own_context_only)
{
	struct iommu_mem_info info = { .mem_id = self->object.id };
	uint64_t iova = GIB(4);
	uint32_t ioas_id;

	self->b.iommufd = iommufd_open();
	ASSERT_LE(0, self->b.iommufd);
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
	self->b.iommufd = iommufd_open();
	ASSERT_LE(0, self->b.iommufd);
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
