// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a region without a device: CAP_SYS_RAWIO, and the region's number.
 */
#include "kselftest_harness.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "memtest.h"

FIXTURE(mem_rawio)
{
	int iommufd;
	struct iommu_mem_alloc cmd;	/* a call that works */
};

FIXTURE_SETUP(mem_rawio)
{
	uint64_t base, size;

	if (memtest_region(&base, &size) == -ENOENT)
		SKIP(return, "there is no region");
	self->iommufd = iommufd_open();
	ASSERT_LE(0, self->iommufd);
	self->cmd = (struct iommu_mem_alloc){
		.type = IOMMU_MEM_TYPE_REGION,
		.length = MIB(2),
	};
}

FIXTURE_TEARDOWN(mem_rawio)
{
	close(self->iommufd);
	EXPECT_EQ(0, memtest_region_is_idle());
}

#define EXPECT_ALLOC(ret)						\
	EXPECT_EQ(ret, iommufd_mem_alloc(self->iommufd, &self->cmd))

TEST_F(mem_rawio, the_memory_can_be_used_by_the_cpu_and_mapped)
{
	uint64_t iova = GIB(4);
	uint32_t ioas_id;
	uint8_t *va;

	EXPECT_ALLOC(0);
	va = mmap(NULL, MIB(2), PROT_READ | PROT_WRITE, MAP_SHARED,
		  self->iommufd, self->cmd.out_mmap_offset);
	ASSERT_NE(MAP_FAILED, va);
	EXPECT_EQ(PATTERN_SAME, pattern_check_word(va, MIB(2), 0));
	pattern_fill(va, MIB(2), 1);
	EXPECT_EQ(PATTERN_SAME, pattern_check(va, MIB(2), 1));
	ASSERT_EQ(0, iommufd_ioas_alloc(self->iommufd, &ioas_id));
	EXPECT_EQ(0, iommufd_ioas_map_mem(self->iommufd, ioas_id,
					  self->cmd.out_mem_id, 0, MIB(2),
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	EXPECT_EQ(0, munmap(va, MIB(2)));
}

TEST_F(mem_rawio, linear_memory_is_no_different)
{
	self->cmd.flags = IOMMU_MEM_ALLOC_LINEAR;
	EXPECT_ALLOC(0);
}

TEST_F(mem_rawio, a_number_without_a_region_has_no_device)
{
	self->cmd.region_index = 4096;
	EXPECT_ALLOC(-ENODEV);
	self->cmd.region_index = UINT32_MAX;
	EXPECT_ALLOC(-ENODEV);
}

TEST_F(mem_rawio, memory_of_a_device_needs_a_device)
{
	self->cmd.type = IOMMU_MEM_TYPE_DEVICE;
	EXPECT_ALLOC(-ENOENT);
}

static int drop_rawio(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1u << CAP_SYS_RAWIO);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

TEST_F(mem_rawio, without_the_capability_it_is_not_permitted)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (drop_rawio())
			_exit(255);
		_exit(-iommufd_mem_alloc(self->iommufd, &self->cmd));
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
	/* It is the caller's capability that counts */
	EXPECT_ALLOC(0);
}

/* Root of a user namespace has every capability, but not over the host's memory */
TEST_F(mem_rawio, the_capability_in_another_user_namespace_does_not_count)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWUSER))
			_exit(errno == EINVAL ? KSFT_SKIP : 255);
		_exit(-iommufd_mem_alloc(self->iommufd, &self->cmd) == EPERM ?
			      0 : 1);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == KSFT_SKIP)
		SKIP(return, "this kernel has no user namespaces");
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(mem_rawio, nor_does_it_tell_which_regions_there_are)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		self->cmd.region_index = 4096;
		if (drop_rawio())
			_exit(255);
		_exit(-iommufd_mem_alloc(self->iommufd, &self->cmd));
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
