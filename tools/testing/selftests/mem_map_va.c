// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings by the virtual address of an mmap of an object: what a VMM does that
 * knows nothing of objects, by IOMMU_IOAS_MAP or by VFIO_IOMMU_MAP_DMA.
 */
#include "kselftest_harness.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "edu.h"
#include "memtest.h"

#define LENGTH		MIB(4)
#define HALF		(LENGTH / 2)
#define IOVA		GIB(4)
#define LOW_IOVA	MIB(16)		/* edu reaches it */
#define NOBODY		65534

FIXTURE(mem_map_va)
{
	struct memtest t;
	struct gpu gpu;
	uint64_t page;
	struct memtest_object object;
	uint32_t ioas_id;
	uint8_t *room;			/* 2 * LENGTH of address space */
	struct iommu_ioas_map cmd;	/* a call that works */
};

FIXTURE_SETUP(mem_map_va)
{
	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->ioas_id));
	self->room = mmap(NULL, 2 * LENGTH, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->room);
	self->cmd = (struct iommu_ioas_map){
		.size = sizeof(self->cmd),
		.flags = IOMMUFD_FIXED_READ_WRITE,
		.ioas_id = self->ioas_id,
		.user_va = (uintptr_t)self->object.va,
		.length = LENGTH,
		.iova = IOVA,
	};
	ASSERT_EQ(0, gpu_open(&self->gpu, &self->t.vf[0]));
}

FIXTURE_TEARDOWN(mem_map_va)
{
	gpu_close(&self->gpu);
	munmap(self->room, 2 * LENGTH);
	if (self->object.va)
		munmap(self->object.va, LENGTH);
	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

#define ATTACH()	ASSERT_EQ(0, vfio_attach(&self->t.vf[0], self->ioas_id))
#define EXPECT_MAP(expected)						\
	EXPECT_EQ(expected, iommufd_ioctl(self->t.iommufd,		\
					  IOMMU_IOAS_MAP, &self->cmd))
#define EXPECT_COPY(expected, src, dst, length)				\
	EXPECT_EQ(expected, gpu_copy(&self->gpu, src, dst, length,	\
				     MEMTEST_DEADLINE))

/* Is the whole object behind @iova, byte by byte? */
#define EXPECT_OBJECT_AT(iova, seed)					\
	do {								\
		pattern_fill(self->object.va, HALF, seed);		\
		EXPECT_COPY(0, iova, (iova) + HALF, HALF);		\
		EXPECT_EQ(PATTERN_SAME,					\
			  pattern_check(self->object.va + HALF, HALF,	\
					seed));				\
	} while (0)

/* mmap a part of an object at @at, in self->room */
#define MMAP_AT(at, object_, offset, length, prot)			\
	ASSERT_EQ(at, mmap(at, length, prot, MAP_SHARED | MAP_FIXED,	\
			   self->t.iommufd,				\
			   (object_)->mmap_offset + (offset)))

TEST_F(mem_map_va, a_device_attached_before_reaches_the_object)
{
	ATTACH();
	EXPECT_MAP(0);
	EXPECT_OBJECT_AT(IOVA, 1);
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id, IOVA,
					LENGTH, NULL));
	EXPECT_COPY(-EFAULT, IOVA, IOVA + HALF, HALF);
}

TEST_F(mem_map_va, a_device_attached_after_reaches_the_object)
{
	EXPECT_MAP(0);
	ATTACH();
	EXPECT_OBJECT_AT(IOVA, 1);
}

TEST_F(mem_map_va, the_kernel_finds_an_iova)
{
	self->cmd.flags &= ~IOMMU_IOAS_MAP_FIXED_IOVA;
	ATTACH();
	EXPECT_MAP(0);
	EXPECT_OBJECT_AT(self->cmd.iova, 1);
}

TEST_F(mem_map_va, an_address_within_is_where_the_mapping_starts)
{
	const uint64_t offset = MIB(1) + 3 * self->page;

	ATTACH();
	pattern_fill(self->object.va, LENGTH, 1);
	self->cmd.user_va += offset;
	self->cmd.length = 2 * self->page;
	EXPECT_MAP(0);
	EXPECT_COPY(0, IOVA, IOVA + self->page, self->page);
	EXPECT_EQ(PATTERN_SAME,
		  pattern_compare(self->object.va + offset,
				  self->object.va + offset + self->page,
				  self->page));
	EXPECT_COPY(-EFAULT, IOVA + 2 * self->page, IOVA, self->page);
}

TEST_F(mem_map_va, an_mmap_of_a_part_starts_at_its_offset)
{
	const uint64_t offset = HALF - self->page;

	ATTACH();
	MMAP_AT(self->room, &self->object, offset, 2 * self->page,
		PROT_READ | PROT_WRITE);
	pattern_fill(self->object.va, LENGTH, 1);
	self->cmd.user_va = (uintptr_t)self->room;
	self->cmd.length = 2 * self->page;
	EXPECT_MAP(0);
	EXPECT_COPY(0, IOVA, IOVA + self->page, self->page);
	EXPECT_EQ(PATTERN_SAME, pattern_compare(self->object.va + offset,
						self->object.va + HALF,
						self->page));
}

TEST_F(mem_map_va, munmap_and_destroy_leave_the_mapping)
{
	EXPECT_MAP(0);
	pattern_fill(self->object.va, LENGTH, 1);
	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
	/* Attached when nothing but the mapping knows the memory any more */
	ATTACH();
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	ASSERT_EQ(0, memtest_object_map(&self->t, &self->object, self->ioas_id,
					2 * IOVA));
	EXPECT_COPY(0, IOVA, 2 * IOVA, LENGTH);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
}

TEST_F(mem_map_va, one_mapping_can_span_adjacent_mmaps)
{
	ATTACH();
	MMAP_AT(self->room, &self->object, 0, self->page,
		PROT_READ | PROT_WRITE);
	MMAP_AT(self->room + self->page, &self->object, self->page,
		LENGTH - self->page, PROT_READ | PROT_WRITE);
	/* And one that was split */
	ASSERT_EQ(0, madvise(self->room + HALF, self->page, MADV_DONTFORK));
	self->cmd.user_va = (uintptr_t)self->room;
	EXPECT_MAP(0);
	EXPECT_OBJECT_AT(IOVA, 1);
}

TEST_F(mem_map_va, what_was_moved_by_mremap_is_found)
{
	void *moved;

	ATTACH();
	MMAP_AT(self->room, &self->object, 0, LENGTH, PROT_READ | PROT_WRITE);
	moved = mremap(self->room, LENGTH, LENGTH,
		       MREMAP_MAYMOVE | MREMAP_FIXED, self->room + LENGTH);
	ASSERT_EQ(self->room + LENGTH, moved);
	self->cmd.user_va = (uintptr_t)moved;
	EXPECT_MAP(0);
	EXPECT_OBJECT_AT(IOVA, 1);
}

TEST_F(mem_map_va, mmaps_in_another_order_are_bad_addresses)
{
	MMAP_AT(self->room, &self->object, HALF, HALF, PROT_READ | PROT_WRITE);
	MMAP_AT(self->room + HALF, &self->object, 0, HALF,
		PROT_READ | PROT_WRITE);
	self->cmd.user_va = (uintptr_t)self->room;
	EXPECT_MAP(-EFAULT);
	/* Each alone is fine */
	self->cmd.length = HALF;
	EXPECT_MAP(0);
	self->cmd.user_va += HALF;
	self->cmd.iova += HALF;
	EXPECT_MAP(0);
}

TEST_F(mem_map_va, mmaps_of_two_objects_are_bad_addresses)
{
	struct memtest_object other;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &other, LENGTH));
	MMAP_AT(self->room, &self->object, 0, HALF, PROT_READ | PROT_WRITE);
	MMAP_AT(self->room + HALF, &other, HALF, HALF, PROT_READ | PROT_WRITE);
	self->cmd.user_va = (uintptr_t)self->room;
	EXPECT_MAP(-EFAULT);
}

TEST_F(mem_map_va, a_gap_is_a_bad_address)
{
	MMAP_AT(self->room, &self->object, 0, LENGTH, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, munmap(self->room + HALF, self->page));
	self->cmd.user_va = (uintptr_t)self->room;
	EXPECT_MAP(-EFAULT);
	self->cmd.length = HALF + self->page;
	EXPECT_MAP(-EFAULT);
	self->cmd.length = HALF;
	EXPECT_MAP(0);
}

TEST_F(mem_map_va, a_range_that_goes_beyond_the_mmap_is_a_bad_address)
{
	const int prot = PROT_READ | PROT_WRITE;

	ATTACH();
	/* Other memory after it, and before */
	ASSERT_EQ(0, mprotect(self->room, 2 * LENGTH, prot));
	MMAP_AT(self->room + HALF, &self->object, 0, HALF, prot);
	self->cmd.user_va = (uintptr_t)self->room + HALF;
	EXPECT_MAP(-EFAULT);
	self->cmd.user_va = (uintptr_t)self->room;
	EXPECT_MAP(-EFAULT);
	/* And nothing */
	ASSERT_EQ(0, munmap(self->room + LENGTH, LENGTH));
	self->cmd.user_va = (uintptr_t)self->room + HALF;
	EXPECT_MAP(-EFAULT);
	ASSERT_EQ(0, munmap(self->room, LENGTH));
	EXPECT_MAP(-EFAULT);
}

TEST_F(mem_map_va, a_mapping_has_no_more_rights_than_the_mmap)
{
	ATTACH();
	ASSERT_EQ(0, mprotect(self->object.va, LENGTH, PROT_READ));
	EXPECT_MAP(-EFAULT);
	self->cmd.flags &= ~IOMMU_IOAS_MAP_READABLE;
	EXPECT_MAP(-EFAULT);
	self->cmd.flags |= IOMMU_IOAS_MAP_READABLE;
	self->cmd.flags &= ~IOMMU_IOAS_MAP_WRITEABLE;
	EXPECT_MAP(0);
	EXPECT_COPY(-EFAULT, IOVA, IOVA + HALF, HALF);

	/* What is readable in part only */
	self->cmd.iova = 2 * IOVA;
	ASSERT_EQ(0, mprotect(self->object.va + HALF, self->page, PROT_NONE));
	EXPECT_MAP(-EFAULT);
	ASSERT_EQ(0, mprotect(self->object.va, LENGTH, PROT_NONE));
	EXPECT_MAP(-EFAULT);
	ASSERT_EQ(0, mprotect(self->object.va, LENGTH, PROT_WRITE));
	self->cmd.flags ^= IOMMUFD_READ_WRITE;
	EXPECT_MAP(-EFAULT);
	/* The rights of the VMA count when the call is made */
	ASSERT_EQ(0, mprotect(self->object.va, LENGTH,
			      PROT_READ | PROT_WRITE));
	EXPECT_MAP(0);
	ASSERT_EQ(0, mprotect(self->object.va, LENGTH, PROT_READ));
	EXPECT_EQ(0, gpu_fill(&self->gpu, 2 * IOVA, LENGTH, 0x12345678,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check_word(self->object.va, LENGTH,
						   0x1234567812345678ULL));
}

TEST_F(mem_map_va, errnos_are_those_of_a_map_by_id)
{
	ATTACH();
	self->cmd.length = 0;
	EXPECT_MAP(-EINVAL);
	self->cmd.length = LENGTH;
	self->cmd.user_va = UINT64_MAX - self->page + 1;
	EXPECT_MAP(-EOVERFLOW);
	self->cmd.user_va = (uintptr_t)self->object.va + 8;
	self->cmd.length = self->page;
	EXPECT_MAP(-EINVAL);
	self->cmd.user_va = (uintptr_t)self->object.va;
	self->cmd.length = self->page + 8;
	EXPECT_MAP(-EINVAL);
	self->cmd.length = self->page;
	self->cmd.iova = IOVA + 8;
	EXPECT_MAP(-EINVAL);
	self->cmd.length = 2 * self->page;
	self->cmd.iova = UINT64_MAX - self->page + 1;
	EXPECT_MAP(-EOVERFLOW);
	self->cmd.iova = IOVA;
	self->cmd.flags = IOMMU_IOAS_MAP_FIXED_IOVA;
	EXPECT_MAP(-EINVAL);
	self->cmd.flags = IOMMUFD_FIXED_READ_WRITE;
	self->cmd.ioas_id = self->object.id;
	EXPECT_MAP(-ENOENT);
	self->cmd.ioas_id = self->ioas_id;
	EXPECT_MAP(0);
	EXPECT_MAP(-EEXIST);
}

TEST_F(mem_map_va, an_unaligned_address_is_refused_when_a_device_needs_alignment)
{
	self->cmd.user_va += 8;
	self->cmd.length = 64;
	self->cmd.iova += 8;
	EXPECT_MAP(0);
	EXPECT_EQ(-EADDRINUSE, vfio_attach(&self->t.vf[0], self->ioas_id));
}

TEST_F(mem_map_va, the_tag_of_an_address_is_ignored)
{
#ifdef __aarch64__
	ATTACH();
	self->cmd.user_va |= 0x5aULL << 56;
	EXPECT_MAP(0);
	EXPECT_OBJECT_AT(IOVA, 1);
#else
	SKIP(return, "addresses have no tags here");
#endif
}

TEST_F(mem_map_va, a_child_maps_what_it_inherited)
{
	int status;
	pid_t pid;

	ATTACH();
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(iommufd_ioctl(self->t.iommufd, IOMMU_IOAS_MAP,
				    &self->cmd) ? 1 : 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* The child is gone, the mapping is not */
	EXPECT_OBJECT_AT(IOVA, 1);
}

TEST_F(mem_map_va, nothing_is_charged_to_the_limit_of_locked_memory)
{
	int status;
	pid_t pid;

	ATTACH();
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct rlimit none = {};
		uint64_t iova = 2 * IOVA;

		if (setrlimit(RLIMIT_MEMLOCK, &none) || setuid(NOBODY))
			_exit(1);
		/* Ordinary memory shows that the limit works */
		if (mprotect(self->room, LENGTH, PROT_READ | PROT_WRITE) ||
		    iommufd_ioas_map(self->t.iommufd, self->ioas_id,
				     self->room, LENGTH,
				     IOMMUFD_FIXED_READ_WRITE,
				     &iova) != -ENOMEM)
			_exit(2);
		if (iommufd_ioctl(self->t.iommufd, IOMMU_IOAS_MAP, &self->cmd))
			_exit(3);
		if (iommufd_ioas_map_mem(self->t.iommufd, self->ioas_id,
					 self->object.id, 0, LENGTH,
					 IOMMUFD_FIXED_READ_WRITE, &iova))
			_exit(4);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_OBJECT_AT(IOVA, 1);
	EXPECT_OBJECT_AT(2 * IOVA, 2);
}

/* Of IOVA: there is not so much memory here, so it is the same over and over */
TEST_F_TIMEOUT(mem_map_va, a_tebibyte_is_mapped_without_locked_memory,
	       MEMTEST_TIMEOUT)
{
	struct memtest_object large;
	uint64_t length = GIB(1);
	int status;
	pid_t pid;

	ATTACH();
	while (memtest_object_alloc(&self->t, &large, length)) {
		length /= 2;
		ASSERT_LE(MIB(64), length);
	}
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &large));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct rlimit none = {};
		uint64_t at, iova;

		if (setrlimit(RLIMIT_MEMLOCK, &none) || setuid(NOBODY))
			_exit(1);
		for (at = 0; at < GIB(1024); at += length) {
			iova = GIB(1024) + at;
			if (iommufd_ioas_map(self->t.iommufd, self->ioas_id,
					     large.va, length,
					     IOMMUFD_FIXED_READ_WRITE, &iova))
				_exit(2);
		}
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	pattern_fill(large.va, self->page, 1);
	EXPECT_COPY(0, GIB(1024), GIB(2048) - self->page, self->page);
	EXPECT_EQ(PATTERN_SAME, pattern_check(large.va + length - self->page,
					      self->page, 1));
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id,
					GIB(1024), GIB(1024), NULL));
	EXPECT_EQ(0, memtest_object_free(&self->t, &large));
}

TEST_F(mem_map_va, an_object_of_another_context_is_mapped)
{
	struct edu edu;
	int iommufd, ret;

	iommufd = iommufd_open();
	ASSERT_LE(0, iommufd);
	ret = edu_open(&edu, iommufd);
	if (!ret) {
		uint32_t ioas_id;
		uint64_t iova = LOW_IOVA;

		EXPECT_EQ(0, iommufd_ioas_alloc(iommufd, &ioas_id));
		EXPECT_EQ(0, vfio_attach(&edu.dev, ioas_id));
		EXPECT_EQ(0, iommufd_ioas_map(iommufd, ioas_id,
					      self->object.va, LENGTH,
					      IOMMUFD_FIXED_READ_WRITE, &iova));
		pattern_fill(self->object.va, EDU_MAX_LENGTH, 1);
		EXPECT_EQ(0, edu_copy(&edu, LOW_IOVA, LOW_IOVA + HALF,
				      EDU_MAX_LENGTH, MEMTEST_DEADLINE));
		EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + HALF,
						      EDU_MAX_LENGTH, 1));
	}
	edu_close(&edu);
	close(iommufd);
	if (ret == -ENOENT)
		SKIP(return, "no edu with a vfio cdev");
	EXPECT_EQ(0, ret);
}

/* The compatible container is the IOAS that IOMMU_VFIO_IOAS sets */
TEST_F(mem_map_va, vfio_type1_maps_the_object)
{
	struct iommu_vfio_ioas set = {
		.size = sizeof(set),
		.ioas_id = self->ioas_id,
		.op = IOMMU_VFIO_IOAS_SET,
	};
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)self->object.va,
		.iova = IOVA,
		.size = LENGTH,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = IOVA,
		.size = LENGTH,
	};

	ATTACH();
	ASSERT_EQ(0, iommufd_ioctl(self->t.iommufd, IOMMU_VFIO_IOAS, &set));
	ASSERT_EQ(0, ioctl(self->t.iommufd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_OBJECT_AT(IOVA, 1);
	ASSERT_EQ(0, ioctl(self->t.iommufd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(LENGTH, unmap.size);
	EXPECT_COPY(-EFAULT, IOVA, IOVA + HALF, HALF);
	/* With the rights of the mmap */
	ASSERT_EQ(0, mprotect(self->object.va, LENGTH, PROT_READ));
	EXPECT_EQ(-1, ioctl(self->t.iommufd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(EFAULT, errno);
}

TEST_HARNESS_MAIN
