// SPDX-License-Identifier: GPL-2.0
/*
 * The regions that are measured: finding them, and a context that has all of the
 * largest one and a VF.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

static uint64_t find_base(const char *name)
{
	FILE *file = fopen("/proc/iomem", "re");
	unsigned long long first, base = 0;
	char line[256], found[64];

	while (!base && file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%llx-%*x : %63s", &first, found) == 2 &&
		    !strcmp(found, name))
			base = first;
	if (file)
		fclose(file);
	return base;
}

static int larger(const void *a, const void *b)
{
	const struct bench_region *x = a, *y = b;

	return x->size < y->size ? 1 : x->size > y->size ? -1 : 0;
}

/* The largest, the smallest, and what is between */
static int find_regions(struct bench *b)
{
	struct bench_region all[BENCH_MAX_FLAWED + 2], *region;
	struct dirent *entry;
	int nr = 0;
	DIR *dir;

	dir = opendir(CLASS);
	if (!dir)
		return -ENODEV;
	while ((entry = readdir(dir)) && nr < (int)ARRAY_SIZE(all)) {
		if (entry->d_name[0] == '.')
			continue;
		region = &all[nr++];
		snprintf(region->name, sizeof(region->name), "%.31s",
			 entry->d_name);
		region->id = bench_region(region, "id");
		region->size = bench_region(region, "size");
		region->base = find_base(region->name);
	}
	closedir(dir);
	if (!nr)
		return -ENODEV;
	qsort(all, nr, sizeof(all[0]), larger);
	b->region = all[0];
	if (nr > 1)
		b->pool = all[--nr];
	while (--nr > 0)
		b->flawed[b->nr_flawed++] = all[nr];
	return 0;
}

int bench_open(struct bench *b)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	struct iommu_mem_info info = { 0 };
	uint64_t use;
	int i, ret;

	b->iommufd = -1;
	b->vf.fd = -1;
	if (mount("debugfs", DEBUGFS, "debugfs", 0, NULL) && errno != EBUSY)
		return -errno;
	ret = find_regions(b);
	if (ret)
		return ret;
	/* What is given back would be zeroed, and the machine may not have that much */
	ret = bench_scrub(&b->region, false);
	for (i = 0; i < b->nr_flawed && !ret; i++)
		ret = bench_scrub(&b->flawed[i], false);
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
	use = bench_kernel_use();
	if (!ret)
		ret = memtest_alloc_id(b->iommufd, b->region.id, b->length,
				       &b->mem_id);
	b->kernel_memory = bench_kernel_use() - use;
	if ((int64_t)b->kernel_memory < 0)
		b->kernel_memory = 0;
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
