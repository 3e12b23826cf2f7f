// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_MEM_INFO: what it says of an object of a region, and that a process with
 * nothing but the file descriptor finds every object.
 */
#include "kselftest_harness.h"

#include <sys/wait.h>

#include "memtest.h"

FIXTURE(mem_info)
{
	struct memtest t;
	struct memtest_object object;
	struct iommu_mem_info cmd;	/* a call that works */
};

FIXTURE_SETUP(mem_info)
{
	MEMTEST_SETUP(&self->t, 1);
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, MIB(4)));
	self->cmd = (struct iommu_mem_info){
		.size = sizeof(self->cmd),
		.mem_id = self->object.id,
	};
}

FIXTURE_TEARDOWN(mem_info)
{
	memtest_close(&self->t);
}

#define EXPECT_INFO(expected)						\
	EXPECT_EQ(expected, iommufd_ioctl(self->t.iommufd,		\
					  IOMMU_MEM_INFO, &self->cmd))

TEST_F(mem_info, an_object_of_a_region_is_described)
{
	uint64_t block;

	EXPECT_INFO(0);
	EXPECT_EQ(self->object.id, self->cmd.mem_id);
	EXPECT_EQ(IOMMU_MEM_TYPE_REGION, self->cmd.out_type);
	EXPECT_EQ(IOMMU_MEM_ATTR_CACHEABLE, self->cmd.out_attrs);
	EXPECT_EQ(MIB(4), self->cmd.out_length);
	EXPECT_EQ(self->object.mmap_offset, self->cmd.out_mmap_offset);
	EXPECT_LE(1, self->cmd.out_nr_extents);
	EXPECT_LE(-1, self->cmd.out_node);
	block = self->cmd.out_max_block;
	EXPECT_LE(memtest_page_size(), block);
	EXPECT_GE(MIB(4), block);
	EXPECT_EQ(0, block & (block - 1));
}

TEST_F(mem_info, outputs_do_not_depend_on_what_was_there)
{
	struct iommu_mem_info first;

	EXPECT_INFO(0);
	first = self->cmd;
	self->cmd.out_type = UINT32_MAX;
	self->cmd.out_attrs = UINT32_MAX;
	self->cmd.out_node = 77;
	self->cmd.out_length = 1;
	self->cmd.out_mmap_offset = 1;
	self->cmd.out_max_block = 1;
	self->cmd.out_nr_extents = 0;
	EXPECT_INFO(0);
	EXPECT_EQ(0, memcmp(&first, &self->cmd, sizeof(first)));
}

TEST_F(mem_info, enumeration_finds_every_object_once)
{
	struct memtest_object more[3];
	uint32_t ids[4], found[5], ioas_id;
	struct iommu_mem_info *cmd = &self->cmd;
	size_t i, nr = 0;

	/* Other objects in between must not disturb */
	ids[0] = self->object.id;
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &ioas_id));
		ASSERT_EQ(0, memtest_object_alloc(&self->t, &more[i], MIB(1)));
		ids[i + 1] = more[i].id;
	}

	cmd->flags = IOMMU_MEM_INFO_NEXT;
	cmd->mem_id = 0;
	while (nr < ARRAY_SIZE(found) &&
	       !iommufd_ioctl(self->t.iommufd, IOMMU_MEM_INFO, cmd)) {
		EXPECT_EQ(cmd->mem_id == self->object.id ? MIB(4) : MIB(1),
			  cmd->out_length);
		found[nr++] = cmd->mem_id++;
	}
	ASSERT_EQ(ARRAY_SIZE(ids), nr);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(ids[i], found[i]);
	EXPECT_INFO(-ENOENT);
}

TEST_F(mem_info, enumeration_can_start_at_an_object_itself)
{
	self->cmd.flags = IOMMU_MEM_INFO_NEXT;
	EXPECT_INFO(0);
	EXPECT_EQ(self->object.id, self->cmd.mem_id);
	self->cmd.mem_id++;
	EXPECT_INFO(-ENOENT);
	self->cmd.mem_id = UINT32_MAX;
	EXPECT_INFO(-ENOENT);
}

TEST_F(mem_info, a_destroyed_object_is_not_found)
{
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
	EXPECT_INFO(-ENOENT);
	self->cmd.flags = IOMMU_MEM_INFO_NEXT;
	self->cmd.mem_id = 0;
	EXPECT_INFO(-ENOENT);
}

TEST_F(mem_info, an_id_of_something_else_is_not_found)
{
	uint32_t ioas_id;

	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &ioas_id));
	self->cmd.mem_id = ioas_id;
	EXPECT_INFO(-ENOENT);
	self->cmd.mem_id = self->t.vf[0].dev_id;
	EXPECT_INFO(-ENOENT);
	self->cmd.mem_id = 0;
	EXPECT_INFO(-ENOENT);
	self->cmd.mem_id = UINT32_MAX;
	EXPECT_INFO(-ENOENT);
}

TEST_F(mem_info, an_object_of_another_iommufd_is_not_found)
{
	int other = iommufd_open();

	ASSERT_LE(0, other);
	EXPECT_EQ(-ENOENT, iommufd_ioctl(other, IOMMU_MEM_INFO, &self->cmd));
	self->cmd.flags = IOMMU_MEM_INFO_NEXT;
	self->cmd.mem_id = 0;
	EXPECT_EQ(-ENOENT, iommufd_ioctl(other, IOMMU_MEM_INFO, &self->cmd));
	close(other);
}

TEST_F(mem_info, a_process_that_was_given_the_fd_finds_and_maps_the_object)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	pattern_fill(self->object.va, MIB(4), 1);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct iommu_mem_info info = { .flags = IOMMU_MEM_INFO_NEXT };
		void *va;

		if (iommufd_mem_info(self->t.iommufd, &info))
			_exit(1);
		if (iommufd_mem_mmap(self->t.iommufd, info.out_mmap_offset,
				     info.out_length, 0, PROT_READ, &va))
			_exit(2);
		_exit(pattern_check(va, MIB(4), 1) == PATTERN_SAME ? 0 : 3);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(mem_info, unknown_flags_are_not_supported)
{
	int bit;

	for (bit = 1; bit < 32; bit++) {
		self->cmd.flags = 1u << bit;
		EXPECT_INFO(-EOPNOTSUPP);
		self->cmd.flags |= IOMMU_MEM_INFO_NEXT;
		EXPECT_INFO(-EOPNOTSUPP);
	}
}

TEST_F(mem_info, the_reserved_field_must_be_zero)
{
	self->cmd.__reserved = 1;
	EXPECT_INFO(-EOPNOTSUPP);
}

TEST_F(mem_info, a_structure_that_is_too_small_is_invalid)
{
	self->cmd.size = sizeof(self->cmd) - 8;
	EXPECT_INFO(-EINVAL);
}

TEST_F(mem_info, a_larger_structure_must_end_in_zeros)
{
	struct {
		struct iommu_mem_info cmd;
		uint64_t tail;
	} larger = { .cmd = self->cmd, .tail = 1 };

	larger.cmd.size = sizeof(larger);
	EXPECT_EQ(-E2BIG, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_INFO,
					&larger));
	larger.tail = 0;
	EXPECT_EQ(0, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_INFO, &larger));
	EXPECT_EQ(MIB(4), larger.cmd.out_length);
}

TEST_F(mem_info, an_argument_out_of_reach_is_told)
{
	uint64_t page = memtest_page_size();
	struct iommu_mem_info *cmd;

	EXPECT_EQ(-EFAULT,
		  iommufd_ioctl(self->t.iommufd, IOMMU_MEM_INFO, NULL));
	cmd = mmap(NULL, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, cmd);
	*cmd = self->cmd;
	ASSERT_EQ(0, mprotect(cmd, page, PROT_READ));
	EXPECT_EQ(-EFAULT,
		  iommufd_ioctl(self->t.iommufd, IOMMU_MEM_INFO, cmd));
	munmap(cmd, page);
}

TEST_HARNESS_MAIN
