// SPDX-License-Identifier: GPL-2.0
/*
 * Memory objects that are a range of a device's BAR: what can be asked for, that
 * the CPU and other devices reach the BAR through them, and that they are revoked
 * when the device loses its memory.
 *
 * A VF has no memory decode to turn off, so that is tried with a plain device.
 */
#include "kselftest_harness.h"

#include <linux/pci_regs.h>

#include "memtest.h"

#define LENGTH		MIB(2)
#define OFFSET		MIB(4)		/* in the framebuffer */
#define BAR_IOVA	GIB(64)
#define IOVA		GIB(4)

FIXTURE(mem_device)
{
	struct memtest t;
	struct gpu gpu[2];
	uint64_t page;
	uint64_t fb_size;
	uint32_t ioas_id;
	struct memtest_object object;	/* HI memory, mapped at IOVA */
	struct memtest_object bar;	/* of VF 0, once BAR_OBJECT() made it */
	struct iommu_mem_alloc cmd;	/* a call that works */
};

FIXTURE_SETUP(mem_device)
{
	struct vfio_region_info info;
	int i;

	MEMTEST_SETUP(&self->t, 2);
	self->page = memtest_page_size();
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->ioas_id));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vfio_attach(&self->t.vf[i], self->ioas_id));
		ASSERT_EQ(0, gpu_open(&self->gpu[i], &self->t.vf[i]));
	}
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	ASSERT_EQ(0, memtest_object_map(&self->t, &self->object, self->ioas_id,
					IOVA));
	ASSERT_EQ(0, vfio_region_info(&self->t.vf[0], NVGRACE_GPU_BAR_FB,
				      &info));
	self->fb_size = info.size;
	ASSERT_LE(OFFSET + LENGTH, self->fb_size);
	self->cmd = (struct iommu_mem_alloc){
		.type = IOMMU_MEM_TYPE_DEVICE,
		.dev_id = self->t.vf[0].dev_id,
		.region_index = NVGRACE_GPU_BAR_FB,
		.offset = OFFSET,
		.length = LENGTH,
	};
}

FIXTURE_TEARDOWN(mem_device)
{
	int i;

	for (i = 0; i < 2; i++)
		gpu_close(&self->gpu[i]);
	if (self->bar.va)
		munmap(self->bar.va, LENGTH);
	if (self->object.va)
		munmap(self->object.va, LENGTH);
	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

#define EXPECT_ALLOC(expected)						\
	EXPECT_EQ(expected, iommufd_mem_alloc(self->t.iommufd, &self->cmd))

static int alloc_bar(struct memtest *t, struct iommu_mem_alloc *cmd,
		     struct memtest_object *bar)
{
	void *va;
	int ret;

	ret = iommufd_mem_alloc(t->iommufd, cmd);
	if (ret)
		return ret;
	bar->id = cmd->out_mem_id;
	bar->length = cmd->length;
	bar->mmap_offset = cmd->out_mmap_offset;
	ret = iommufd_mem_mmap(t->iommufd, bar->mmap_offset, bar->length, 0,
			       PROT_READ | PROT_WRITE, &va);
	if (!ret)
		bar->va = va;
	return ret;
}

/* The object, its mmap, and its mapping at BAR_IOVA */
#define BAR_OBJECT()							\
	do {								\
		ASSERT_EQ(0, alloc_bar(&self->t, &self->cmd,		\
				       &self->bar));			\
		ASSERT_EQ(0, memtest_object_map(&self->t, &self->bar,	\
						self->ioas_id,		\
						BAR_IOVA));		\
	} while (0)

static uint32_t attributes(struct memtest *t, uint32_t mem_id)
{
	struct iommu_mem_info info = { .mem_id = mem_id };

	return iommufd_mem_info(t->iommufd, &info) ? UINT32_MAX :
						     info.out_attrs;
}

/* Map a page of the object and, if that worked, unmap it */
static int try_map(struct memtest *t, uint32_t ioas_id, uint32_t mem_id)
{
	uint64_t iova = GIB(512);
	int ret;

	ret = iommufd_ioas_map_mem(t->iommufd, ioas_id, mem_id, 0,
				   memtest_page_size(),
				   IOMMUFD_FIXED_READ_WRITE, &iova);
	if (ret)
		return ret;
	return iommufd_ioas_unmap(t->iommufd, ioas_id, iova,
				  memtest_page_size(), NULL);
}

TEST_F(mem_device, an_object_of_a_bar_is_described)
{
	struct iommu_mem_info info = {};

	EXPECT_ALLOC(0);
	info.mem_id = self->cmd.out_mem_id;
	EXPECT_EQ(0, iommufd_mem_info(self->t.iommufd, &info));
	EXPECT_EQ(IOMMU_MEM_TYPE_DEVICE, info.out_type);
	EXPECT_EQ(0, info.out_attrs);
	EXPECT_EQ(LENGTH, info.out_length);
	EXPECT_EQ(self->cmd.out_mmap_offset, info.out_mmap_offset);
	EXPECT_EQ(1, info.out_nr_extents);
	EXPECT_LE(self->page, info.out_max_block);
	EXPECT_GE(LENGTH, info.out_max_block);
	EXPECT_EQ(2, memtest_count_objects(&self->t));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, info.mem_id));
}

TEST_F(mem_device, a_whole_bar_can_be_an_object)
{
	self->cmd.offset = 0;
	self->cmd.length = self->fb_size;
	EXPECT_ALLOC(0);
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->cmd.out_mem_id));
}

TEST_F(mem_device, the_cpu_and_the_device_see_the_same_bytes)
{
	void *vfio;

	BAR_OBJECT();
	ASSERT_EQ(0, vfio_mmap_bar(&self->t.vf[0], NVGRACE_GPU_BAR_FB, OFFSET,
				   LENGTH, &vfio));
	/* CPU to the device's own engine, by way of its framebuffer */
	pattern_fill(self->bar.va, LENGTH, 1);
	EXPECT_EQ(PATTERN_SAME, pattern_check(vfio, LENGTH, 1));
	{
		struct gpu_copy copy = { .src = OFFSET, .src_fb = true,
					 .dst = IOVA, .length = LENGTH };

		EXPECT_EQ(0, gpu_launch_copy(&self->gpu[0], &copy));
		EXPECT_EQ(0, gpu_wait(&self->gpu[0], MEMTEST_DEADLINE));
	}
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
	munmap(vfio, LENGTH);
}

TEST_F(mem_device, an_offset_is_where_the_object_starts)
{
	void *vfio;

	BAR_OBJECT();
	ASSERT_EQ(0, vfio_mmap_bar(&self->t.vf[0], NVGRACE_GPU_BAR_FB,
				   OFFSET - self->page, LENGTH, &vfio));
	*(volatile uint64_t *)vfio = 0x1111;
	*(volatile uint64_t *)(vfio + self->page) = 0x2222;
	EXPECT_EQ(0x2222, *(volatile uint64_t *)self->bar.va);
	munmap(vfio, LENGTH);
}

TEST_F(mem_device, another_device_writes_and_reads_it_peer_to_peer)
{
	BAR_OBJECT();
	pattern_fill(self->object.va, LENGTH, 1);
	EXPECT_EQ(0, gpu_copy(&self->gpu[1], IOVA, BAR_IOVA, LENGTH,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->bar.va, LENGTH, 1));
	pattern_fill(self->bar.va, LENGTH, 2);
	EXPECT_EQ(0, gpu_copy(&self->gpu[1], BAR_IOVA, IOVA, LENGTH,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 2));
}

TEST_F(mem_device, a_read_only_mapping_refuses_a_peer_that_writes)
{
	uint64_t iova = BAR_IOVA;

	ASSERT_EQ(0, alloc_bar(&self->t, &self->cmd, &self->bar));
	pattern_fill(self->bar.va, LENGTH, 1);
	ASSERT_EQ(0, iommufd_ioas_map_mem(self->t.iommufd, self->ioas_id,
					  self->bar.id, 0, LENGTH,
					  IOMMU_IOAS_MAP_FIXED_IOVA |
						  IOMMU_IOAS_MAP_READABLE,
					  &iova));
	EXPECT_EQ(-EFAULT, gpu_copy(&self->gpu[1], IOVA, BAR_IOVA, LENGTH,
				    MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->bar.va, LENGTH, 1));
}

TEST_F(mem_device, a_part_of_the_object_can_be_mapped)
{
	uint64_t iova = BAR_IOVA;

	ASSERT_EQ(0, alloc_bar(&self->t, &self->cmd, &self->bar));
	ASSERT_EQ(0, iommufd_ioas_map_mem(self->t.iommufd, self->ioas_id,
					  self->bar.id, MIB(1), self->page,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	pattern_fill(self->bar.va, LENGTH, 1);
	EXPECT_EQ(0, gpu_copy(&self->gpu[1], BAR_IOVA, IOVA, self->page,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME,
		  pattern_compare(self->object.va, self->bar.va + MIB(1),
				  self->page));
	EXPECT_EQ(-EFAULT, gpu_copy(&self->gpu[1], BAR_IOVA + self->page, IOVA,
				    self->page, MEMTEST_DEADLINE));
}

TEST_F(mem_device, indices_that_are_no_memory_bar_are_invalid)
{
	static const uint32_t indices[] = {
		1, 3, 4, 5,	/* upper halves of 64-bit BARs, and none at all */
		VFIO_PCI_ROM_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX,
		VFIO_PCI_VGA_REGION_INDEX, VFIO_PCI_NUM_REGIONS, 1000,
		UINT32_MAX,
	};
	size_t i;

	self->cmd.offset = 0;
	self->cmd.length = self->page;
	for (i = 0; i < ARRAY_SIZE(indices); i++) {
		struct vfio_region_info info;

		self->cmd.region_index = indices[i];
		if (indices[i] <= VFIO_PCI_BAR5_REGION_INDEX &&
		    !vfio_region_info(&self->t.vf[0], indices[i], &info) &&
		    info.size)
			continue;
		EXPECT_ALLOC(-EINVAL);
	}
	EXPECT_EQ(1, memtest_count_objects(&self->t));
}

TEST_F(mem_device, ranges_that_leave_the_bar_are_invalid)
{
	self->cmd.offset = self->fb_size;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.offset = self->fb_size - self->page;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.offset = 0;
	self->cmd.length = self->fb_size + self->page;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.offset = 1ULL << 62;
	EXPECT_ALLOC(-EINVAL);
	EXPECT_EQ(1, memtest_count_objects(&self->t));
}

TEST_F(mem_device, overflow_of_the_range_is_told)
{
	self->cmd.offset = -self->page;
	EXPECT_ALLOC(-EOVERFLOW);
}

TEST_F(mem_device, wrong_lengths_offsets_and_alignments_are_invalid)
{
	self->cmd.length = 0;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.length = self->page + 1;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.length = LENGTH;
	self->cmd.offset = OFFSET + 8;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.offset = OFFSET;
	self->cmd.align = self->page;
	EXPECT_ALLOC(-EINVAL);
	EXPECT_EQ(1, memtest_count_objects(&self->t));
}

TEST_F(mem_device, unknown_flags_are_not_supported)
{
	self->cmd.flags = 1;
	EXPECT_ALLOC(-EOPNOTSUPP);
}

TEST_F(mem_device, only_an_id_of_a_device_is_found)
{
	self->cmd.dev_id = self->ioas_id;
	EXPECT_ALLOC(-ENOENT);
	self->cmd.dev_id = UINT32_MAX;
	EXPECT_ALLOC(-ENOENT);
	gpu_close(&self->gpu[0]);
	vfio_close(&self->t.vf[0]);
	self->cmd.dev_id = self->t.vf[0].dev_id;
	EXPECT_ALLOC(-ENOENT);
}

TEST_F(mem_device, mmap_follows_the_rules_of_every_object)
{
	EXPECT_ALLOC(0);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, LENGTH, PROT_READ, MAP_PRIVATE,
				   self->t.iommufd, self->cmd.out_mmap_offset));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, LENGTH, PROT_EXEC, MAP_SHARED,
				   self->t.iommufd, self->cmd.out_mmap_offset));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, LENGTH + self->page, PROT_READ,
				   MAP_SHARED, self->t.iommufd,
				   self->cmd.out_mmap_offset));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->cmd.out_mem_id));
}

TEST_F(mem_device, a_mapping_keeps_the_object_busy)
{
	BAR_OBJECT();
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->t.iommufd, self->bar.id));
	EXPECT_EQ(0, memtest_object_free(&self->t, &self->bar));
}

TEST_F(mem_device, an_iova_works_until_it_is_unmapped_though_the_object_is_gone)
{
	BAR_OBJECT();
	pattern_fill(self->bar.va, LENGTH, 1);
	ASSERT_EQ(0, munmap(self->bar.va, LENGTH));
	self->bar.va = NULL;
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->bar.id));
	EXPECT_EQ(0, gpu_copy(&self->gpu[1], BAR_IOVA, IOVA, LENGTH,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id,
					BAR_IOVA, LENGTH, NULL));
	EXPECT_EQ(-EFAULT, gpu_copy(&self->gpu[1], BAR_IOVA, IOVA, LENGTH,
				    MEMTEST_DEADLINE));
}

TEST_F(mem_device, closing_the_cdev_revokes)
{
	BAR_OBJECT();
	pattern_fill(self->object.va, LENGTH, 1);
	EXPECT_FALSE(memtest_read_faults(self->bar.va));
	gpu_close(&self->gpu[0]);
	vfio_close(&self->t.vf[0]);

	EXPECT_EQ(IOMMU_MEM_ATTR_REVOKED,
		  attributes(&self->t, self->bar.id));
	EXPECT_TRUE(memtest_read_faults(self->bar.va));
	EXPECT_TRUE(memtest_write_faults(self->bar.va + LENGTH - self->page));
	EXPECT_EQ(-EFAULT, gpu_copy(&self->gpu[1], BAR_IOVA, IOVA, LENGTH,
				    MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
	EXPECT_EQ(-ENODEV, try_map(&self->t, self->ioas_id, self->bar.id));
	/* Dead, but as destroyable as any */
	EXPECT_EQ(0, memtest_object_free(&self->t, &self->bar));
}

TEST_F(mem_device, a_device_opened_again_does_not_bring_the_object_back)
{
	struct vfio_function function = self->t.vf[0].function;

	BAR_OBJECT();
	gpu_close(&self->gpu[0]);
	vfio_close(&self->t.vf[0]);
	ASSERT_EQ(0, vfio_open(&self->t.vf[0], &function));
	ASSERT_EQ(0, vfio_bind(&self->t.vf[0], self->t.iommufd));
	EXPECT_TRUE(memtest_read_faults(self->bar.va));
	EXPECT_EQ(-ENODEV, try_map(&self->t, self->ioas_id, self->bar.id));
}

/* More of this in mem_restore.c */
TEST_F(mem_device, after_a_reset_the_cpu_and_the_dma_mappings_reach_it_again)
{
	BAR_OBJECT();
	gpu_close(&self->gpu[0]);
	ASSERT_EQ(0, vfio_reset(&self->t.vf[0]));

	EXPECT_EQ(0, attributes(&self->t, self->bar.id));
	EXPECT_FALSE(memtest_read_faults(self->bar.va));
	pattern_fill(self->bar.va, LENGTH, 2);
	EXPECT_EQ(0, gpu_copy(&self->gpu[1], BAR_IOVA, IOVA, LENGTH,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 2));
	EXPECT_EQ(0, try_map(&self->t, self->ioas_id, self->bar.id));
}

TEST_F(mem_device, a_copy_of_a_mapping_that_was_revoked_does_not_translate)
{
	uint64_t iova = 2 * BAR_IOVA;

	BAR_OBJECT();
	pattern_fill(self->object.va, LENGTH, 1);
	gpu_close(&self->gpu[0]);
	vfio_close(&self->t.vf[0]);
	EXPECT_EQ(0, iommufd_ioas_copy(self->t.iommufd, self->ioas_id,
				       self->ioas_id, LENGTH,
				       IOMMUFD_FIXED_READ_WRITE, &iova,
				       BAR_IOVA));
	EXPECT_EQ(-EFAULT, gpu_copy(&self->gpu[1], iova, IOVA, LENGTH,
				    MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id, iova,
					LENGTH, NULL));
}

TEST_F(mem_device, memory_of_a_region_does_not_depend_on_the_device)
{
	struct memtest_object *object = &self->object;

	pattern_fill(object->va, LENGTH, 1);
	gpu_close(&self->gpu[0]);
	ASSERT_EQ(0, vfio_reset(&self->t.vf[0]));
	EXPECT_EQ(PATTERN_SAME, pattern_check(object->va, LENGTH, 1));
	vfio_close(&self->t.vf[0]);
	EXPECT_EQ(PATTERN_SAME, pattern_check(object->va, LENGTH, 1));
	EXPECT_EQ(IOMMU_MEM_ATTR_CACHEABLE,
		  attributes(&self->t, object->id));
	/* The other device still does DMA in it */
	EXPECT_EQ(0, gpu_copy(&self->gpu[1], IOVA, IOVA + LENGTH / 2,
			      LENGTH / 2, MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(object->va + LENGTH / 2,
					      LENGTH / 2, 1));
	EXPECT_EQ(0, try_map(&self->t, self->ioas_id, object->id));
}

/* A device that is no VF: it can lose its memory decode */
FIXTURE(mem_plain_device)
{
	int iommufd;
	struct vfio_dev dev;
	uint32_t bar;
	uint32_t ioas_id;
	struct memtest t;		/* only for the helpers */
	struct memtest_object object;
};

FIXTURE_SETUP(mem_plain_device)
{
	struct vfio_function function;
	uint64_t length;

	self->iommufd = -1;
	self->dev.fd = -1;
	if (memtest_find_plain(&function))
		SKIP(return, "no edu or pci-testdev with a vfio cdev");
	self->iommufd = iommufd_open();
	ASSERT_LE(0, self->iommufd);
	ASSERT_EQ(0, vfio_open(&self->dev, &function));
	ASSERT_EQ(0, vfio_bind(&self->dev, self->iommufd));
	ASSERT_EQ(0, vfio_set_command(&self->dev, PCI_COMMAND_MEMORY, 0));
	if (memtest_first_memory_bar(&self->dev, &self->bar, &length))
		SKIP(return, "%s has no memory BAR of a page", function.bdf);
	self->t.iommufd = self->iommufd;
	ASSERT_EQ(0, iommufd_ioas_alloc(self->iommufd, &self->ioas_id));
	self->object.length = memtest_page_size();
	ASSERT_EQ(0, iommufd_mem_alloc_bar(self->iommufd, self->dev.dev_id,
					   self->bar, 0, self->object.length,
					   &self->object.id,
					   &self->object.mmap_offset));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
}

FIXTURE_TEARDOWN(mem_plain_device)
{
	if (self->object.va)
		munmap(self->object.va, self->object.length);
	vfio_close(&self->dev);
	if (self->iommufd >= 0)
		close(self->iommufd);
}

TEST_F(mem_plain_device, the_cpu_reads_what_vfio_reads)
{
	void *vfio;

	ASSERT_EQ(0, vfio_mmap_bar(&self->dev, self->bar, 0,
				   self->object.length, &vfio));
	EXPECT_EQ(*(volatile uint32_t *)vfio,
		  *(volatile uint32_t *)self->object.va);
	munmap(vfio, self->object.length);
}

TEST_F(mem_plain_device, losing_memory_decode_revokes_and_getting_it_restores)
{
	ASSERT_EQ(0, vfio_set_command(&self->dev, 0, PCI_COMMAND_MEMORY));
	EXPECT_EQ(IOMMU_MEM_ATTR_REVOKED,
		  attributes(&self->t, self->object.id));
	EXPECT_TRUE(memtest_read_faults(self->object.va));
	EXPECT_EQ(-ENODEV, try_map(&self->t, self->ioas_id, self->object.id));

	ASSERT_EQ(0, vfio_set_command(&self->dev, PCI_COMMAND_MEMORY, 0));
	EXPECT_EQ(0, attributes(&self->t, self->object.id));
	EXPECT_FALSE(memtest_read_faults(self->object.va));
	EXPECT_EQ(0, try_map(&self->t, self->ioas_id, self->object.id));
}

TEST_F(mem_plain_device, without_memory_decode_there_is_nothing_to_allocate)
{
	uint64_t offset;
	uint32_t id;

	ASSERT_EQ(0, vfio_set_command(&self->dev, 0, PCI_COMMAND_MEMORY));
	EXPECT_EQ(-ENODEV, iommufd_mem_alloc_bar(self->iommufd,
						 self->dev.dev_id, self->bar, 0,
						 self->object.length, &id,
						 &offset));
	EXPECT_EQ(1, memtest_count_objects(&self->t));
}

TEST_F(mem_plain_device, losing_memory_decode_spares_the_mapping_of_an_ioas)
{
	/* Mapped, revoked, and then unmapped like any other */
	ASSERT_EQ(0, vfio_attach(&self->dev, self->ioas_id));
	ASSERT_EQ(0, memtest_object_map(&self->t, &self->object, self->ioas_id,
					GIB(4)));
	ASSERT_EQ(0, vfio_set_command(&self->dev, 0, PCI_COMMAND_MEMORY));
	EXPECT_TRUE(memtest_read_faults(self->object.va));
	EXPECT_EQ(0, memtest_object_free(&self->t, &self->object));
}

TEST_F(mem_plain_device, a_bar_that_is_not_memory_is_invalid)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_DEVICE,
		.dev_id = self->dev.dev_id,
		.length = memtest_page_size(),
	};
	int tried = 0;

	for (cmd.region_index = 0;
	     cmd.region_index <= VFIO_PCI_BAR5_REGION_INDEX;
	     cmd.region_index++) {
		struct vfio_region_info info;

		ASSERT_EQ(0, vfio_region_info(&self->dev, cmd.region_index,
					      &info));
		/* An I/O BAR, one of less than a page, or none */
		if (info.flags & VFIO_REGION_INFO_FLAG_MMAP)
			continue;
		tried++;
		EXPECT_EQ(-EINVAL, iommufd_mem_alloc(self->iommufd, &cmd));
	}
	EXPECT_NE(0, tried);
}

TEST_HARNESS_MAIN
