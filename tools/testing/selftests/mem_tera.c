// SPDX-License-Identifier: GPL-2.0
/*
 * A tebibyte: memory of a region costs a process none of its RLIMIT_MEMLOCK, and
 * clean memory is given out without touching it.
 */
#include "kselftest_harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "edu.h"
#include "memtest.h"

#define CLASS	"/sys/class/iommufd_mem"
#define DEBUGFS	"/sys/kernel/debug"
#define LENGTH	(GIB(1) * 1024)
#define IOVA	(LENGTH * 4)
#define LAST	(LENGTH - EDU_MAX_LENGTH)

static uint64_t number(const char *region, const char *attribute)
{
	return memtest_number(CLASS "/%.64s/%s", region, attribute);
}

static bool find_region(char *name, size_t size)
{
	DIR *dir = opendir(CLASS);
	struct dirent *entry;
	bool found = false;
	uint64_t bytes;

	while (!found && dir && (entry = readdir(dir))) {
		bytes = number(entry->d_name, "size");
		found = bytes != UINT64_MAX && bytes >= LENGTH;
		snprintf(name, size, "%.*s", (int)size - 1, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/*
 * For good: what the test gives back would be zeroed, and where memory is emulated
 * there need not be that much.
 */
static int pause_scrubbing(const char *region)
{
	if (mount("debugfs", DEBUGFS, "debugfs", 0, NULL) && errno != EBUSY)
		return -errno;
	return memtest_write("0", DEBUGFS "/iommufd_mem/%.64s/scrub_background",
			     region);
}

/* So that the limit counts */
static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	struct rlimit none = { 0 };

	if (syscall(SYS_capget, &header, data) ||
	    setrlimit(RLIMIT_MEMLOCK, &none))
		return -errno;
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

FIXTURE(mem_tera)
{
	char region[64];
	int iommufd;
	uint32_t mem_id;
	uint32_t ioas_id;
	struct edu edu;
	uint8_t *va;
};

FIXTURE_SETUP(mem_tera)
{
	struct iommu_mem_info info = { 0 };
	void *va;

	if (!find_region(self->region, sizeof(self->region)))
		SKIP(return, "no region has a tebibyte");
	if (number(self->region, "dirty"))
		SKIP(return, "the region's memory is not clean");
	if (pause_scrubbing(self->region))
		SKIP(return, "scrubbing cannot be paused");
	self->iommufd = iommufd_open();
	ASSERT_LE(0, self->iommufd);
	ASSERT_EQ(0, edu_open(&self->edu, self->iommufd));
	ASSERT_EQ(0, iommufd_ioas_alloc(self->iommufd, &self->ioas_id));
	ASSERT_EQ(0, vfio_attach(&self->edu.dev, self->ioas_id));
	ASSERT_EQ(0, memtest_alloc_id(self->iommufd,
				      number(self->region, "id"), LENGTH,
				      &self->mem_id));
	info.mem_id = self->mem_id;
	ASSERT_EQ(0, iommufd_mem_info(self->iommufd, &info));
	ASSERT_EQ(0, iommufd_mem_mmap(self->iommufd, info.out_mmap_offset,
				      LENGTH, GIB(1), PROT_READ | PROT_WRITE,
				      &va));
	self->va = va;
	ASSERT_EQ(0, drop_ipc_lock());
}

FIXTURE_TEARDOWN(mem_tera)
{
	edu_close(&self->edu);
	munmap(self->va, LENGTH);
	close(self->iommufd);
}

/* From the last page to the first, through all of the mapping */
static void expect_dma(struct __test_metadata *_metadata,
		       FIXTURE_DATA(mem_tera) *self, uint64_t seed)
{
	pattern_fill(self->va + LAST, EDU_MAX_LENGTH, seed);
	EXPECT_EQ(0, edu_copy(&self->edu, IOVA + LAST, IOVA, EDU_MAX_LENGTH,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->va, EDU_MAX_LENGTH, seed));
}

/* One test, as the memory is clean only once */
TEST_F(mem_tera, it_is_mapped_with_no_locked_memory_and_not_touched)
{
	uint64_t iova = IOVA, anonymous_iova = GIB(1);
	void *va = mmap(NULL, MIB(2), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, va);
	EXPECT_EQ(-ENOMEM, iommufd_ioas_map(self->iommufd, self->ioas_id, va,
					    MIB(2), IOMMUFD_FIXED_READ_WRITE,
					    &anonymous_iova));
	munmap(va, MIB(2));

	ASSERT_EQ(0, iommufd_ioas_map_mem(self->iommufd, self->ioas_id,
					  self->mem_id, 0, LENGTH,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	expect_dma(_metadata, self, 1);
	ASSERT_EQ(0, iommufd_ioas_unmap(self->iommufd, self->ioas_id, IOVA,
					LENGTH, NULL));
	ASSERT_EQ(0, iommufd_ioas_map(self->iommufd, self->ioas_id, self->va,
				      LENGTH, IOMMUFD_FIXED_READ_WRITE, &iova));
	expect_dma(_metadata, self, 2);

	EXPECT_EQ(0, number(self->region, "scrubbed_background"));
	EXPECT_EQ(0, number(self->region, "scrubbed_alloc"));
}

TEST_HARNESS_MAIN
