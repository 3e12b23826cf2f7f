// SPDX-License-Identifier: GPL-2.0
/*
 * The time to withdraw a region whose memory is mapped: a carve-out's platform device
 * is unbound. It is bound again at once, and all of its memory is zeroed then.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "revoke.h"

#define DRIVER	"/sys/bus/platform/drivers/iommufd-carveout"

static const struct revoke_way ways[] = {
	{ "nothing-mapped", 0, false },
	{ "object", 1, false },
	{ "object-4-ioas", 4, false },
};

struct carveout {
	struct bench *b;
	char device[64];	/* its name in sysfs */
};

/*
 * Both are numbered as the module's parameter lists them, devices from any number on:
 * region carveout3 is the fourth device, iommufd-carveout.3.auto or a later one.
 */
static int carveout_open(struct carveout *carveout, struct bench *b)
{
	unsigned int region, number, lowest = UINT_MAX;
	struct dirent *entry;
	char path[128];
	DIR *dir;

	carveout->b = b;
	if (sscanf(b->pool.name, "carveout%u", &region) != 1)
		return -ENOENT;
	dir = opendir(DRIVER);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "iommufd-carveout.%u", &number) == 1 &&
		    number < lowest)
			lowest = number;
	closedir(dir);
	snprintf(carveout->device, sizeof(carveout->device),
		 "iommufd-carveout.%u.auto", lowest + region);
	snprintf(path, sizeof(path), DRIVER "/%s", carveout->device);
	return access(path, F_OK) ? -ENOENT : 0;
}

static int drive(struct carveout *carveout, const char *verb)
{
	return memtest_write(carveout->device, DRIVER "/%s", verb);
}

/* Its name is free until then, but its number can be another one */
static int offer_again(struct carveout *carveout)
{
	struct bench_region *pool = &carveout->b->pool;
	int ret = drive(carveout, "bind");

	if (ret)
		return ret;
	if (bench_region(pool, "size") != pool->size)
		return -ENODEV;
	pool->id = bench_region(pool, "id");
	return 0;
}

static int map(struct mapped *mapped)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_REGION,
		.region_index = mapped->b->pool.id,
		.length = mapped->length,
	};
	int ret;

	if (!mapped->way->nr_ioas)
		return 0;
	ret = iommufd_mem_alloc(mapped->b->iommufd, &cmd);
	if (ret)
		return ret;
	mapped->mem_id = cmd.out_mem_id;
	ret = mapped_mmap(mapped, cmd.out_mmap_offset);
	if (!ret)
		ret = mapped_map(mapped);
	if (!ret)
		memtest_write_faults(mapped->va);
	return ret ?: mapped_check(mapped, true);
}

/* Sets @withdrawn if it is */
static int measure_once(struct carveout *carveout, const struct revoke_way *way,
			uint64_t length, struct bench_samples *samples,
			bool *withdrawn)
{
	struct mapped mapped;
	uint64_t start;
	int ret;

	ret = mapped_open(&mapped, carveout->b, way, length);
	if (!ret)
		ret = map(&mapped);
	if (!ret) {
		start = bench_now();
		ret = drive(carveout, "unbind");
		bench_add(samples, bench_now() - start);
		*withdrawn = !ret;
	}
	if (!ret)
		ret = mapped_check(&mapped, false);
	mapped_close(&mapped);
	return ret;
}

/* Fails if the region is not as it was before */
static int measure(struct carveout *carveout, const struct revoke_way *way,
		   uint64_t length)
{
	struct bench *b = carveout->b;
	struct bench_samples samples = {};
	int ret = 0, lost = 0;

	bench_progress("withdraw: %s, %llu MiB", way->name,
		       (unsigned long long)(length >> 20));
	while (!ret && !lost && bench_more(b, &samples)) {
		bool withdrawn = false;

		/* Zeroing must not be in the way */
		ret = bench_wait_clean(&b->pool);
		if (!ret)
			ret = measure_once(carveout, way, length, &samples,
					   &withdrawn);
		if (withdrawn)
			lost = offer_again(carveout);
	}
	if (ret || lost)
		bench_report_error("region_revoke", way->name, length,
				   ret ?: lost);
	else
		bench_report("region_revoke", way->name, length, "ns",
			     &samples);
	return lost;
}

int bench_withdraw(struct bench *b)
{
	const uint64_t half = b->pool.size / 2 & ~(MIB(2) - 1);
	const uint64_t lengths[] = { MIB(64), MIB(256), half };
	struct carveout carveout;
	size_t i, j;
	int ret;

	ret = b->pool.size ? carveout_open(&carveout, b) : -ENODEV;
	if (ret) {
		bench_report_error("region_revoke", "object", 0, ret);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(ways) && !ret; i++) {
		if (!ways[i].nr_ioas)
			ret = measure(&carveout, &ways[i], 0);
		for (j = 0; j < ARRAY_SIZE(lengths) && ways[i].nr_ioas && !ret; j++)
			if (lengths[j] <= half && (!j || lengths[j] > lengths[j - 1]))
				ret = measure(&carveout, &ways[i], lengths[j]);
	}
	return ret ?: bench_wait_clean(&b->pool);
}
