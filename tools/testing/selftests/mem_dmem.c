// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a region is charged to the dmem cgroup of who allocates it, until the
 * last user lets go of it.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "memtest.h"

#define ROOT	"/tmp/mem_dmem"
#define GROUP	ROOT "/test"

FIXTURE(mem_dmem)
{
	int iommufd;
	char region[64];
	uint32_t id;
};

/* The number after the region's name in a file of the group; -1 if there is none */
static long long value_of(const char *region, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256], name[128];
	long long value, found = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%127s %lld", name, &value) == 2 &&
		    !strcmp(name, region))
			found = value;
	if (file)
		fclose(file);
	return found;
}

static long long usage(const char *region)
{
	return value_of(region, GROUP "/dmem.current");
}

FIXTURE_SETUP(mem_dmem)
{
	char line[256];
	FILE *file;

	self->iommufd = -1;
	mkdir("/tmp", 0755);
	ASSERT_TRUE(!mkdir(ROOT, 0755) || errno == EEXIST);
	ASSERT_EQ(0, mount("cgroup2", ROOT, "cgroup2", 0, NULL));
	if (memtest_write("+dmem", ROOT "/cgroup.subtree_control"))
		SKIP(return, "no dmem controller");
	ASSERT_TRUE(!mkdir(GROUP, 0755) || errno == EEXIST);
	file = fopen(ROOT "/dmem.capacity", "re");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "iommufd_mem/egm", 15))
			sscanf(line, "%63s", self->region);
	fclose(file);
	if (!self->region[0])
		SKIP(return, "there is no region");
	/* What an earlier test has set */
	snprintf(line, sizeof(line), "%s max", self->region);
	ASSERT_EQ(0, memtest_write(line, GROUP "/dmem.max"));
	ASSERT_EQ(0, memtest_write("0", GROUP "/cgroup.procs"));
	self->iommufd = iommufd_open();
	ASSERT_LE(0, self->iommufd);
}

FIXTURE_TEARDOWN(mem_dmem)
{
	if (self->iommufd >= 0)
		close(self->iommufd);
	if (self->region[0])
		EXPECT_GE(0, usage(self->region));
	memtest_write("0", ROOT "/cgroup.procs");
	umount2(ROOT, MNT_DETACH);
}

#define EXPECT_ALLOC(ret, length)					\
	EXPECT_EQ(ret, memtest_alloc_id(self->iommufd, 0, length, &self->id))

TEST_F(mem_dmem, the_capacity_is_the_size_of_the_region)
{
	uint64_t base, size;

	ASSERT_EQ(0, memtest_region(&base, &size));
	EXPECT_EQ(size, value_of(self->region, ROOT "/dmem.capacity"));
}

TEST_F(mem_dmem, an_allocation_is_charged_and_given_back)
{
	EXPECT_ALLOC(0, MIB(8));
	EXPECT_EQ(MIB(8), usage(self->region));
	EXPECT_EQ(0, iommufd_destroy(self->iommufd, self->id));
	EXPECT_EQ(0, usage(self->region));
}

TEST_F(mem_dmem, the_limit_is_enforced)
{
	char limit[128];

	snprintf(limit, sizeof(limit), "%s %llu", self->region,
		 (unsigned long long)MIB(8));
	ASSERT_EQ(0, memtest_write(limit, GROUP "/dmem.max"));
	EXPECT_ALLOC(-EDQUOT, MIB(16));
	EXPECT_ALLOC(0, MIB(6));
	EXPECT_ALLOC(-EDQUOT, MIB(4));
	EXPECT_ALLOC(0, MIB(2));
	EXPECT_EQ(MIB(8), usage(self->region));
}

TEST_F(mem_dmem, a_refused_allocation_is_not_charged)
{
	EXPECT_ALLOC(-ENOSPC, memtest_max_length());
	EXPECT_GE(0, usage(self->region));
}

TEST_F(mem_dmem, memory_that_outlives_its_context_stays_charged)
{
	int fd;

	EXPECT_ALLOC(0, MIB(4));
	ASSERT_EQ(0, iommufd_mem_export(self->iommufd, self->id, &fd));
	close(self->iommufd);
	self->iommufd = -1;
	EXPECT_EQ(MIB(4), usage(self->region));
	close(fd);
	EXPECT_EQ(0, usage(self->region));
}

TEST_HARNESS_MAIN
