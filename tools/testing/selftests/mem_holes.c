// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings of an object that has holes: a linear object of a region with
 * retired pages. Where firmware has retired none, three pages of it are made to fail:
 * they are out of use until the machine is booted again.
 */
#include "kselftest_harness.h"

#include "memtest.h"

#define IOVA		GIB(64)
#define OTHER_IOVA	GIB(128)
#define MOST_HOLES	64

FIXTURE(mem_holes)
{
	struct memtest t;
	struct gpu gpu;
	uint64_t page;
	struct memtest_object object;		/* linear, the whole region */
	struct iommu_mem_retired_range hole[MOST_HOLES + 1];
	unsigned int nr;			/* hole[nr] is the object's end */
	struct iommu_ioas_map_mem cmd;		/* a call that works */
};

/* One of a page, and one of two */
static int make_holes(uint64_t base)
{
	uint64_t two = base + MIB(16);

	return memtest_fail_memory(base + MIB(8)) ?:
	       memtest_fail_memory(two) ?:
	       memtest_fail_memory(two + memtest_page_size());
}

FIXTURE_SETUP(mem_holes)
{
	uint64_t base, size;
	int ret;

	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	ASSERT_EQ(0, memtest_region(&base, &size));
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object, size));
	ret = memtest_list_bad(&self->t, self->object.id, self->hole,
			       MOST_HOLES);
	if (!ret) {
		ASSERT_EQ(0, memtest_object_free(&self->t, &self->object));
		ret = make_holes(base);
		if (ret == -ENOENT)
			SKIP(return, "nothing is retired, and this kernel cannot be told that memory failed");
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
							 size));
		ret = memtest_list_bad(&self->t, self->object.id, self->hole,
				       MOST_HOLES);
	}
	ASSERT_LT(0, ret);
	self->nr = ret;
	self->hole[self->nr].offset = self->object.length;
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	self->cmd = (struct iommu_ioas_map_mem){
		.size = sizeof(self->cmd),
		.flags = IOMMU_IOAS_MAP_MEM | IOMMUFD_FIXED_READ_WRITE,
		.mem_id = self->object.id,
		.length = self->object.length,
		.iova = IOVA,
	};
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->cmd.ioas_id));
	ASSERT_EQ(0, vfio_attach(&self->t.vf[0], self->cmd.ioas_id));
	ASSERT_EQ(0, gpu_open(&self->gpu, &self->t.vf[0]));
}

FIXTURE_TEARDOWN(mem_holes)
{
	gpu_close(&self->gpu);
	if (self->object.va)
		munmap(self->object.va, self->object.length);
	memtest_close(&self->t);
}

#define EXPECT_MAP(expected)						\
	EXPECT_EQ(expected, iommufd_ioctl(self->t.iommufd,		\
					  IOMMU_IOAS_MAP, &self->cmd))

/* Read a page by DMA, into the framebuffer */
static int dma_read(struct gpu *gpu, uint64_t iova, uint64_t length)
{
	struct gpu_copy copy = {
		.src = iova,
		.dst_fb = true,
		.length = length,
	};
	int ret = gpu_launch_copy(gpu, &copy);

	ret = ret ?: gpu_wait(gpu, MEMTEST_DEADLINE);
	gpu_fault_clear(gpu);
	return ret;
}

/* And write the CPU's page by DMA to another, and look at it */
#define EXPECT_SAME_PAGE(iova, offset)					\
	do {								\
		uint8_t *__va = self->object.va + (offset);		\
									\
		EXPECT_EQ(0, gpu_fill(&self->gpu, (iova) + (offset),	\
				      self->page, 0x1000 + (offset) / self->page, \
				      MEMTEST_DEADLINE));		\
		EXPECT_EQ(0x1000 + (offset) / self->page,		\
			  *(volatile uint32_t *)__va);			\
	} while (0)

#define EXPECT_HOLES_AT(iova)						\
	do {								\
		unsigned int __i;					\
									\
		for (__i = 0; __i < self->nr; __i++) {			\
			uint64_t __start = self->hole[__i].offset;	\
			uint64_t __end = __start + self->hole[__i].length; \
									\
			EXPECT_EQ(-EFAULT, dma_read(&self->gpu,		\
						    (iova) + __start,	\
						    self->page));	\
			EXPECT_EQ(-EFAULT, dma_read(&self->gpu, (iova) + \
						    __end - self->page,	\
						    self->page));	\
			if (__start)					\
				EXPECT_SAME_PAGE(iova, __start - self->page); \
			if (__end < self->object.length)		\
				EXPECT_SAME_PAGE(iova, __end);		\
		}							\
	} while (0)

TEST_F(mem_holes, every_piece_between_holes_is_mapped)
{
	EXPECT_MAP(0);
	EXPECT_HOLES_AT(IOVA);
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->cmd.ioas_id,
					IOVA, self->object.length, NULL));
	EXPECT_EQ(-EFAULT, dma_read(&self->gpu, IOVA + self->hole[0].offset +
				    self->hole[0].length, self->page));
}

TEST_F(mem_holes, by_virtual_address_it_is_the_same)
{
	uint64_t iova = OTHER_IOVA;

	EXPECT_EQ(0, iommufd_ioas_map(self->t.iommufd, self->cmd.ioas_id,
				      self->object.va, self->object.length,
				      IOMMUFD_FIXED_READ_WRITE, &iova));
	EXPECT_HOLES_AT(OTHER_IOVA);
}

TEST_F(mem_holes, a_range_may_start_and_end_in_a_hole)
{
	const uint64_t start = self->hole[0].offset;
	const uint64_t after = start + self->hole[0].length;

	self->cmd.offset = start;
	self->cmd.length = self->hole[1].offset + (self->nr > 1 ? self->page : 0) -
			   start;
	EXPECT_MAP(0);
	EXPECT_EQ(-EFAULT, dma_read(&self->gpu, IOVA, self->page));
	EXPECT_SAME_PAGE(IOVA - start, after);
	EXPECT_SAME_PAGE(IOVA - start, self->hole[1].offset - self->page);
}

TEST_F(mem_holes, the_place_must_be_fixed)
{
	self->cmd.flags &= ~IOMMU_IOAS_MAP_FIXED_IOVA;
	EXPECT_MAP(-EINVAL);
	/* Up to the hole it need not be */
	self->cmd.length = self->hole[0].offset;
	if (self->cmd.length)
		EXPECT_MAP(0);
}

TEST_F(mem_holes, nothing_but_a_hole_is_invalid)
{
	self->cmd.offset = self->hole[0].offset;
	self->cmd.length = self->hole[0].length;
	EXPECT_MAP(-EINVAL);
}

TEST_F(mem_holes, wrong_alignment_and_overflow_are_told)
{
	self->cmd.iova = IOVA + 8;
	EXPECT_MAP(-EINVAL);
	self->cmd.iova = UINT64_MAX - self->object.length + self->page;
	EXPECT_MAP(-EOVERFLOW);
}

TEST_F(mem_holes, all_pieces_are_mapped_or_none)
{
	const uint64_t last = self->object.length - self->page;
	struct iommu_ioas_map_mem whole = self->cmd;

	/* Something in the way of the last piece */
	if (self->hole[self->nr - 1].offset + self->hole[self->nr - 1].length >
	    last)
		SKIP(return, "the region ends in a hole");
	self->cmd.offset = last;
	self->cmd.length = self->page;
	self->cmd.iova = IOVA + last;
	EXPECT_MAP(0);
	self->cmd = whole;
	EXPECT_MAP(-EEXIST);
	EXPECT_EQ(-EFAULT, dma_read(&self->gpu, IOVA, self->page));
	EXPECT_EQ(0, dma_read(&self->gpu, IOVA + last, self->page));
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->cmd.ioas_id,
					IOVA + last, self->page, NULL));
	EXPECT_MAP(0);
	EXPECT_HOLES_AT(IOVA);
}

TEST_F(mem_holes, a_file_is_mapped_between_the_holes_only)
{
	uint64_t after = self->hole[0].offset + self->hole[0].length;
	uint64_t iova = IOVA;
	int fd;

	ASSERT_EQ(0, iommufd_mem_export(self->t.iommufd, self->object.id, &fd));
	EXPECT_EQ(-EINVAL,
		  iommufd_ioas_map_file(self->t.iommufd, self->cmd.ioas_id, fd,
					0, self->object.length,
					IOMMUFD_FIXED_READ_WRITE, &iova));
	iova = IOVA + after;
	EXPECT_EQ(0, iommufd_ioas_map_file(self->t.iommufd, self->cmd.ioas_id,
					   fd, after,
					   self->hole[1].offset - after,
					   IOMMUFD_FIXED_READ_WRITE, &iova));
	EXPECT_SAME_PAGE(IOVA, after);
	close(fd);
}

TEST_HARNESS_MAIN
