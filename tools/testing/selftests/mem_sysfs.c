// SPDX-License-Identifier: GPL-2.0
/*
 * What operators see of a region in /sys/class/iommufd_mem: that the numbers add up,
 * follow what is allocated, and give nothing away.
 */
#include "kselftest_harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "memtest.h"

#define CLASS	"/sys/class/iommufd_mem"

FIXTURE(mem_sysfs)
{
	struct memtest t;
	char dir[128];
	uint64_t base;
	uint64_t size;
};

FIXTURE_SETUP(mem_sysfs)
{
	struct dirent *entry;
	DIR *dir;

	MEMTEST_SETUP(&self->t, 1);
	ASSERT_EQ(0, memtest_region(&self->base, &self->size));
	dir = opendir(CLASS);
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "egm", 3))
			snprintf(self->dir, sizeof(self->dir), CLASS "/%.64s",
				 entry->d_name);
	closedir(dir);
	ASSERT_NE('\0', self->dir[0]);
}

FIXTURE_TEARDOWN(mem_sysfs)
{
	memtest_close(&self->t);
}

static int read_text(const char *dir, const char *name, char *text, size_t size)
{
	char path[256];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	close(fd);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	return 0;
}

static uint64_t number(const char *dir, const char *name)
{
	return memtest_number("%s/%s", dir, name);
}

#define NUMBER(name)	number(self->dir, name)

/* Until the background has cleaned what is free; false if it never does */
static bool wait_until_clean(const char *dir)
{
	int ms;

	for (ms = 0; ms < MEMTEST_DEADLINE * 1000; ms += 10) {
		if (!number(dir, "dirty"))
			return true;
		usleep(10000);
	}
	return false;
}

TEST_F(mem_sysfs, the_numbers_add_up_and_follow_what_is_allocated)
{
	struct memtest_object object;
	uint64_t free_before = NUMBER("free");

	EXPECT_EQ(self->size, NUMBER("size"));
	EXPECT_EQ(self->size, free_before + NUMBER("retired"));
	EXPECT_EQ(0, NUMBER("owners"));
	EXPECT_GE(free_before, NUMBER("largest_free"));

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, MIB(16)));
	EXPECT_EQ(free_before - MIB(16), NUMBER("free"));
	EXPECT_EQ(1, NUMBER("owners"));
	EXPECT_GE(free_before - MIB(16), NUMBER("largest_free"));
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
	EXPECT_EQ(free_before, NUMBER("free"));
	EXPECT_EQ(0, NUMBER("owners"));
}

TEST_F(mem_sysfs, what_was_freed_is_cleaned_in_the_background)
{
	struct memtest_object object;
	uint64_t before;

	ASSERT_TRUE(wait_until_clean(self->dir));
	EXPECT_EQ(NUMBER("free"), NUMBER("clean"));
	before = NUMBER("scrubbed_background");
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, MIB(16)));
	ASSERT_EQ(0, memtest_object_free(&self->t, &object));
	/* Nobody allocates: it is the background that does it */
	ASSERT_TRUE(wait_until_clean(self->dir));
	EXPECT_EQ(NUMBER("free"), NUMBER("clean"));
	EXPECT_EQ(before + MIB(16), NUMBER("scrubbed_background"));
}

TEST_F(mem_sysfs, of_clean_memory_no_byte_is_zeroed_again)
{
	struct memtest_object object;
	uint64_t before;

	ASSERT_TRUE(wait_until_clean(self->dir));
	before = NUMBER("scrubbed_alloc");
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, MIB(64)));
	EXPECT_EQ(before, NUMBER("scrubbed_alloc"));
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_F(mem_sysfs, the_largest_free_piece_can_be_had)
{
	struct memtest_object start;
	struct iommu_mem_info info = {};
	uint64_t largest;

	/* The region without its start, and without what has been retired */
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &start, MIB(2)));
	largest = NUMBER("largest_free");
	if (!NUMBER("retired"))
		EXPECT_EQ(self->size - MIB(2), largest);
	EXPECT_LT(0, largest);
	info.mem_id = start.id;
	EXPECT_EQ(0, iommufd_mem_info(self->t.iommufd, &info));
	EXPECT_EQ(0, memtest_object_free(&self->t, &start));
}

TEST_F(mem_sysfs, node_and_policy_are_told)
{
	struct memtest_object object;
	struct iommu_mem_info info = {};
	char text[64];

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, MIB(2)));
	info.mem_id = object.id;
	ASSERT_EQ(0, iommufd_mem_info(self->t.iommufd, &info));
	ASSERT_EQ(0, read_text(self->dir, "node", text, sizeof(text)));
	EXPECT_EQ(info.out_node, atoi(text));
	ASSERT_EQ(0, read_text(self->dir, "policy", text, sizeof(text)));
	EXPECT_STREQ("exclusive\n", text);
	EXPECT_EQ(0, NUMBER("id"));
	EXPECT_EQ(0, memtest_object_free(&self->t, &object));
}

TEST_F(mem_sysfs, its_devices_are_linked)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	char path[192], target[256];
	int i, nr = memtest_find_vfs(found);
	ssize_t length;

	ASSERT_LE(1, nr);
	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%.100s/%.15s", self->dir,
			 found[i].bdf);
		length = readlink(path, target, sizeof(target) - 1);
		ASSERT_LT(0, length);
		target[length] = '\0';
		EXPECT_NE(NULL, strstr(target, found[i].bdf));
	}
	/* And nothing of ours is in the device's directory */
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommufd_mem",
		 found[0].bdf);
	EXPECT_NE(0, access(path, F_OK));
}

/* As nobody, who finds no address, and nothing to write to */
static int look_around(const char *dir_name, uint64_t base)
{
	DIR *dir = opendir(dir_name);
	struct dirent *entry;
	char text[4096], address[2][32];
	struct stat status;
	char path[512];
	int files = 0;

	snprintf(address[0], sizeof(address[0]), "%llx",
		 (unsigned long long)base);
	snprintf(address[1], sizeof(address[1]), "%llu",
		 (unsigned long long)base);
	if (!dir || setgid(65534) || setuid(65534))
		return 100;
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", dir_name, entry->d_name);
		if (lstat(path, &status) || !S_ISREG(status.st_mode))
			continue;
		if (!access(path, W_OK))
			return 101;
		if (read_text(dir_name, entry->d_name, text, sizeof(text)))
			return 102;
		if (strstr(text, address[0]) || strstr(text, address[1]))
			return 103;
		files++;
	}
	return files >= 12 ? 0 : 104;
}

TEST_F(mem_sysfs, nobody_learns_an_address_or_can_write)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(look_around(self->dir, self->base));
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
