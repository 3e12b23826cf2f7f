// SPDX-License-Identifier: GPL-2.0
/*
 * The regions that are measured: finding them, and a context that has all of the
 * largest one and a VF.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "bench.h"

#define CLASS		"/sys/class/iommufd_mem"
#define DEBUGFS		"/sys/kernel/debug"
/* What the check copies */
#define CHECK		KIB(4)
#define SMALLEST_BLOCK	GIB(1)

uint64_t bench_region(const struct bench_region *region, const char *attribute)
{
	return memtest_number(CLASS "/%.32s/%s", region->name, attribute);
}

int bench_scrub(const struct bench_region *region, bool on)
{
	return memtest_write(on ? "1" : "0",
			     DEBUGFS "/iommufd_mem/%.32s/scrub_background",
			     region->name);
}

int bench_wait_clean(const struct bench_region *region)
{
	uint64_t end = bench_now() + BENCH_DEADLINE * UINT64_C(1000000000);

	while (bench_region(region, "dirty")) {
		if (bench_now() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

int bench_check_dma(struct gpu *gpu, uint8_t *va, uint64_t iova,
		    uint64_t length)
{
	uint64_t last = length - CHECK, seed = bench_now();
	int ret;

	pattern_fill(va + last, CHECK, seed);
	ret = gpu_copy(gpu, iova + last, iova, CHECK, BENCH_DEADLINE);
	if (!ret && pattern_check(va, CHECK, seed) != PATTERN_SAME)
		ret = -EIO;
	return ret;
}

/* The physical address, by the size, as only this file tells root */
static uint64_t find_base(uint64_t size)
{
	FILE *file = fopen("/proc/iomem", "re");
	unsigned long long first, last, base = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%llx-%llx", &first, &last) == 2 &&
		    last - first + 1 == size)
			base = first;
	if (file)
		fclose(file);
	return base;
}

static int find_regions(struct bench *b)
{
	struct bench_region region;
	struct dirent *entry;
	DIR *dir;

	dir = opendir(CLASS);
	if (!dir)
		return -ENODEV;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(region.name, sizeof(region.name), "%.31s",
			 entry->d_name);
		region.id = bench_region(&region, "id");
		region.size = bench_region(&region, "size");
		if (region.size > b->region.size) {
			b->pool = b->region;
			b->region = region;
		} else if (region.size > b->pool.size) {
			b->pool = region;
		}
	}
	closedir(dir);
	if (!b->region.size)
		return -ENODEV;
	b->base = find_base(b->region.size);
	return 0;
}

int bench_open(struct bench *b)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	struct iommu_mem_info info = { 0 };
	int ret;

	b->iommufd = -1;
	b->vf.fd = -1;
	if (mount("debugfs", DEBUGFS, "debugfs", 0, NULL) && errno != EBUSY)
		return -errno;
	ret = find_regions(b);
	if (ret)
		return ret;
	/* What is given back would be zeroed, and the machine may not have that much */
	ret = bench_scrub(&b->region, false);
	if (ret)
		return ret;
	b->iommufd = iommufd_open();
	if (b->iommufd < 0)
		return b->iommufd;
	if (memtest_find_vfs(found) < 1)
		return -ENOENT;
	ret = vfio_open(&b->vf, &found[0]);
	if (!ret)
		ret = vfio_bind(&b->vf, b->iommufd);
	if (!ret)
		ret = iommufd_ioas_alloc(b->iommufd, &b->ioas_id);
	if (!ret)
		ret = vfio_attach(&b->vf, b->ioas_id);
	if (!ret)
		ret = gpu_open(&b->gpu, &b->vf);
	b->length = b->region.size & ~(SMALLEST_BLOCK - 1);
	if (!ret)
		ret = memtest_alloc_id(b->iommufd, b->region.id, b->length,
				       &b->mem_id);
	info.mem_id = b->mem_id;
	if (!ret)
		ret = iommufd_mem_info(b->iommufd, &info);
	b->mmap_offset = info.out_mmap_offset;
	return ret;
}

void bench_close(struct bench *b)
{
	if (b->gpu.regs)
		gpu_close(&b->gpu);
	vfio_close(&b->vf);
	if (b->iommufd >= 0)
		close(b->iommufd);
}
