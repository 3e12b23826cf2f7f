// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_MEM_ALLOC of a region's memory: what can be asked for, what each wrong
 * question is answered, and that a failed call leaves nothing behind. Memory of
 * devices is in mem_device.c, zeroing in mem_zero.c, entitlement in
 * mem_exclusive.c.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "memtest.h"

FIXTURE(mem_alloc)
{
	struct memtest t;
	uint64_t page;
	struct iommu_mem_alloc cmd;	/* a call that works */
};

FIXTURE_SETUP(mem_alloc)
{
	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	self->cmd = (struct iommu_mem_alloc){
		.size = sizeof(self->cmd),
		.type = IOMMU_MEM_TYPE_REGION,
		.dev_id = self->t.vf[0].dev_id,
		.length = 16 * self->page,
	};
}

/* Whatever a test did wrong, nothing may be left of it */
FIXTURE_TEARDOWN(mem_alloc)
{
	EXPECT_EQ(0, memtest_count_objects(&self->t));
	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

#define EXPECT_ALLOC(expected)						\
	EXPECT_EQ(expected, iommufd_ioctl(self->t.iommufd,		\
					  IOMMU_MEM_ALLOC, &self->cmd))

TEST_F(mem_alloc, a_page_can_be_allocated_and_destroyed)
{
	self->cmd.length = self->page;
	EXPECT_ALLOC(0);
	EXPECT_NE(0, self->cmd.out_mem_id);
	EXPECT_EQ(0, self->cmd.out_mmap_offset % self->page);
	EXPECT_EQ(1, memtest_count_objects(&self->t));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->cmd.out_mem_id));
	EXPECT_EQ(-ENOENT,
		  iommufd_destroy(self->t.iommufd, self->cmd.out_mem_id));
}

TEST_F(mem_alloc, objects_have_ids_and_mmap_offsets_of_their_own)
{
	struct iommu_mem_alloc a, b;

	EXPECT_ALLOC(0);
	a = self->cmd;
	EXPECT_ALLOC(0);
	b = self->cmd;
	EXPECT_NE(a.out_mem_id, b.out_mem_id);
	/* The ranges of offsets must not overlap */
	EXPECT_TRUE(a.out_mmap_offset + a.length <= b.out_mmap_offset ||
		    b.out_mmap_offset + b.length <= a.out_mmap_offset);
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, a.out_mem_id));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, b.out_mem_id));
}

TEST_F(mem_alloc, objects_do_not_share_memory)
{
	struct memtest_object a, b;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &a, MIB(2)));
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &b, MIB(2)));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &a));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &b));
	pattern_fill(a.va, a.length, 1);
	pattern_fill(b.va, b.length, 2);
	EXPECT_EQ(PATTERN_SAME, pattern_check(a.va, a.length, 1));
	EXPECT_EQ(PATTERN_SAME, pattern_check(b.va, b.length, 2));
	EXPECT_EQ(0, memtest_object_free(&self->t, &a));
	EXPECT_EQ(0, memtest_object_free(&self->t, &b));
}

TEST_F_TIMEOUT(mem_alloc, the_whole_region_can_be_allocated_again_and_again,
	       MEMTEST_TIMEOUT)
{
	uint64_t first, second;

	ASSERT_EQ(0, memtest_free_memory(&self->t, &first));
	EXPECT_NE(0, first);
	ASSERT_EQ(0, memtest_free_memory(&self->t, &second));
	EXPECT_EQ(first, second);
}

TEST_F(mem_alloc, alignment_is_honoured_in_every_block)
{
	uint64_t align;

	for (align = self->page; align <= MIB(4); align *= 2) {
		struct iommu_mem_info info = {};

		self->cmd.align = align;
		self->cmd.length = 2 * align;
		EXPECT_ALLOC(0);
		info.mem_id = self->cmd.out_mem_id;
		EXPECT_EQ(0, iommufd_mem_info(self->t.iommufd, &info));
		EXPECT_LE(align, info.out_max_block);
		EXPECT_LE(info.out_nr_extents, 2);
		EXPECT_EQ(0, iommufd_destroy(self->t.iommufd,
					     self->cmd.out_mem_id));
	}
}

TEST_F(mem_alloc, unknown_flags_are_not_supported)
{
	int bit;

	for (bit = 1; bit < 32; bit++) {
		self->cmd.flags = 1u << bit;
		EXPECT_ALLOC(-EOPNOTSUPP);
	}
}

TEST_F(mem_alloc, device_memory_cannot_be_linear)
{
	self->cmd.type = IOMMU_MEM_TYPE_DEVICE;
	self->cmd.flags = IOMMU_MEM_ALLOC_LINEAR;
	EXPECT_ALLOC(-EOPNOTSUPP);
}

TEST_F(mem_alloc, unknown_types_are_not_supported)
{
	static const uint32_t types[] = { 0, 3, 0x80000001, UINT32_MAX };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		self->cmd.type = types[i];
		EXPECT_ALLOC(-EOPNOTSUPP);
	}
}

TEST_F(mem_alloc, only_a_bound_device_entitles)
{
	uint32_t ioas_id;

	self->cmd.dev_id = UINT32_MAX;
	EXPECT_ALLOC(-ENOENT);
	self->cmd.dev_id = self->t.vf[0].dev_id + 1000;
	EXPECT_ALLOC(-ENOENT);
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &ioas_id));
	self->cmd.dev_id = ioas_id;
	EXPECT_ALLOC(-ENOENT);
}

TEST_F(mem_alloc, a_closed_device_entitles_no_more)
{
	vfio_close(&self->t.vf[0]);
	EXPECT_ALLOC(-ENOENT);
}

TEST_F(mem_alloc, wrong_lengths_are_invalid)
{
	self->cmd.length = 0;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.length = 1;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.length = self->page - 1;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.length = self->page + 8;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.length = UINT64_MAX;
	EXPECT_ALLOC(-EINVAL);
}

TEST_F(mem_alloc, wrong_alignments_are_invalid)
{
	/* Not a power of two */
	self->cmd.length = 12 * self->page;
	self->cmd.align = 3 * self->page;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.align = self->page + 1;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.align = UINT64_MAX;
	EXPECT_ALLOC(-EINVAL);
	/* A power of two that does not divide the length */
	self->cmd.align = 8 * self->page;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.align = 1ULL << 63;
	EXPECT_ALLOC(-EINVAL);
}

TEST_F(mem_alloc, fields_of_device_memory_must_be_zero)
{
	self->cmd.offset = self->page;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.offset = 0;
	self->cmd.region_index = 2;
	EXPECT_ALLOC(-EINVAL);
}

TEST_F(mem_alloc, overflow_is_told_before_what_else_is_wrong)
{
	self->cmd.offset = self->page;
	self->cmd.length = -self->page;
	EXPECT_ALLOC(-EOVERFLOW);
	self->cmd.offset = UINT64_MAX;
	self->cmd.length = 1;
	EXPECT_ALLOC(-EOVERFLOW);
}

TEST_F(mem_alloc, more_than_can_be_counted_in_pages_is_invalid)
{
	self->cmd.length = 2 * memtest_max_length();
	EXPECT_ALLOC(-EINVAL);
	/* Less by a page is only more than there is */
	self->cmd.length -= self->page;
	EXPECT_ALLOC(-ENOSPC);
}

TEST_F(mem_alloc, more_than_there_is_has_no_space)
{
	self->cmd.length = memtest_max_length();
	EXPECT_ALLOC(-ENOSPC);
	/* No block is that large and that aligned */
	self->cmd.align = self->cmd.length;
	EXPECT_ALLOC(-ENOSPC);
}

TEST_F_TIMEOUT(mem_alloc, a_full_region_has_no_space_for_a_page,
	       MEMTEST_TIMEOUT)
{
	uint64_t size = memtest_max_length(), offset, total = 0, all;
	uint32_t ids[256];
	int nr = 0;

	ASSERT_EQ(0, memtest_free_memory(&self->t, &all));
	while (size >= self->page) {
		int ret;

		ASSERT_GT(ARRAY_SIZE(ids), nr);
		ret = iommufd_mem_alloc_region(self->t.iommufd,
					       self->t.vf[0].dev_id, size,
					       &ids[nr], &offset);
		if (ret) {
			ASSERT_EQ(-ENOSPC, ret);
			size /= 2;
			continue;
		}
		nr++;
		total += size;
	}
	EXPECT_EQ(all, total);
	self->cmd.length = self->page;
	EXPECT_ALLOC(-ENOSPC);

	/* One object is given back: that much can be had again, and no more */
	ASSERT_LT(0, nr);
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, ids[--nr]));
	EXPECT_ALLOC(0);
	ids[nr++] = self->cmd.out_mem_id;
	while (nr--)
		EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, ids[nr]));
}

TEST_F(mem_alloc, a_structure_that_is_too_small_is_invalid)
{
	self->cmd.size = sizeof(self->cmd) - 8;
	EXPECT_ALLOC(-EINVAL);
	self->cmd.size = 0;
	EXPECT_ALLOC(-EINVAL);
}

TEST_F(mem_alloc, a_larger_structure_must_end_in_zeros)
{
	struct {
		struct iommu_mem_alloc cmd;
		uint64_t tail;
	} larger = { .cmd = self->cmd, .tail = 1 };

	larger.cmd.size = sizeof(larger);
	EXPECT_EQ(-E2BIG, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_ALLOC,
					&larger));
	larger.tail = 0;
	EXPECT_EQ(0, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_ALLOC, &larger));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, larger.cmd.out_mem_id));
}

TEST_F(mem_alloc, an_unreadable_argument_is_told)
{
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_ALLOC,
					 NULL));
}

TEST_F(mem_alloc, an_unwritable_answer_is_told_and_leaves_no_object)
{
	struct iommu_mem_alloc *cmd;

	cmd = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, cmd);
	*cmd = self->cmd;
	ASSERT_EQ(0, mprotect(cmd, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_ALLOC,
					 cmd));
	EXPECT_EQ(0, memtest_count_objects(&self->t));
	munmap(cmd, self->page);
}

/* Root may have more files than there can be; so a child is not quite root */
static int drop_sys_admin(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* What IOMMU_MEM_ALLOC says to such a child, as a positive errno; 255: no child */
static int alloc_in_child(int iommufd, struct iommu_mem_alloc *cmd)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (drop_sys_admin())
			_exit(255);
		_exit(-iommufd_mem_alloc(iommufd, cmd));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/* The kernel's own count of open files can be this much too low, for each CPU */
#define COUNT_ERROR	64

/* So many more files that the count is above 0 in any case */
static int open_many(int *files, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (files[i] < 0)
			return -errno;
	}
	return 0;
}

TEST_F(mem_alloc, too_many_open_files_of_the_system_are_told)
{
	int files[8 * COUNT_ERROR], i;
	struct iommu_mem_info info = { .flags = IOMMU_MEM_INFO_NEXT };
	int fd = open("/proc/sys/fs/file-max", O_RDWR | O_CLOEXEC);
	int of_region, of_bar;
	char most[32] = "";

	if (fd < 0)
		SKIP(return, "the number of files cannot be limited");
	ASSERT_LT(0, read(fd, most, sizeof(most) - 1));
	ASSERT_EQ(0, open_many(files, ARRAY_SIZE(files)));
	ASSERT_EQ(1, pwrite(fd, "1", 1, 0));
	of_region = alloc_in_child(self->t.iommufd, &self->cmd);
	self->cmd.type = IOMMU_MEM_TYPE_DEVICE;
	self->cmd.region_index = NVGRACE_GPU_BAR_FB;
	of_bar = alloc_in_child(self->t.iommufd, &self->cmd);
	EXPECT_EQ(strlen(most), pwrite(fd, most, strlen(most), 0));
	close(fd);
	for (i = 0; i < (int)ARRAY_SIZE(files); i++)
		close(files[i]);
	EXPECT_EQ(ENFILE, of_region);
	EXPECT_EQ(ENFILE, of_bar);

	EXPECT_EQ(0, memtest_count_objects(&self->t));

	/* It was the files: now such a child gets its object */
	EXPECT_EQ(0, alloc_in_child(self->t.iommufd, &self->cmd));
	ASSERT_EQ(0, iommufd_mem_info(self->t.iommufd, &info));
	EXPECT_EQ(IOMMU_MEM_TYPE_DEVICE, info.out_type);
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, info.mem_id));
}

TEST_HARNESS_MAIN
