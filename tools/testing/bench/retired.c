// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings of all memory of a region some pages of which have failed, and are
 * stepped around: the object is in more pieces then, and smaller ones. x is the number
 * of failed pages, spread evenly. The regions are of about the same size.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "counters.h"

static const int nr_bad[] = { 0, 100, 4096 };

static int fail_pages(const struct bench_region *region, int count)
{
	uint64_t step = region->size / count & ~(KIB(4) - 1);
	int i, ret = 0;

	if (!region->base)
		return -ENODEV;
	for (i = 0; i < count && !ret; i++)
		ret = memtest_fail_memory(region->base + i * step + step / 3 /
					  KIB(4) * KIB(4));
	return ret;
}

struct subject {
	struct bench *b;
	uint64_t x;
	uint32_t mem_id;
	uint64_t length;
	struct iommu_mem_info info;
};

static int map(struct subject *subject)
{
	uint64_t iova = BENCH_IOVA;

	return iommufd_ioas_map_mem(subject->b->iommufd, subject->b->ioas_id,
				    subject->mem_id, 0, subject->length,
				    IOMMUFD_FIXED_READ_WRITE, &iova);
}

static int unmap(struct subject *subject)
{
	return iommufd_ioas_unmap(subject->b->iommufd, subject->b->ioas_id,
				  BENCH_IOVA, subject->length, NULL);
}

/* And count what the IOMMU is told */
static int check(struct subject *subject)
{
	struct counters counters;
	void *va;
	int ret;

	ret = iommufd_mem_mmap(subject->b->iommufd,
			       subject->info.out_mmap_offset, subject->length,
			       MIB(2), PROT_READ | PROT_WRITE, &va);
	if (ret)
		return ret;
	ret = counters_start();
	if (!ret) {
		ret = map(subject);
		counters_stop(&counters);
	}
	if (!ret) {
		ret = bench_check_dma(&subject->b->gpu, va, BENCH_IOVA,
				      subject->length);
		ret = unmap(subject) ?: ret;
	}
	if (!ret)
		counters_report(&counters, "retired", "object", subject->x);
	munmap(va, subject->length);
	return ret;
}

static int measure(struct subject *subject)
{
	struct bench_samples maps = {}, unmaps = {};
	uint64_t start;
	int ret;

	bench_progress("retired: %llu pages", (unsigned long long)subject->x);
	subject->info.mem_id = subject->mem_id;
	ret = iommufd_mem_info(subject->b->iommufd, &subject->info);
	if (!ret)
		ret = check(subject);
	while (!ret && bench_more(subject->b, &maps)) {
		start = bench_now();
		ret = map(subject);
		bench_add(&maps, bench_now() - start);
		if (ret)
			break;
		start = bench_now();
		ret = unmap(subject);
		bench_add(&unmaps, bench_now() - start);
	}
	if (ret)
		return ret;
	bench_report("retired_map", "object", subject->x, "ns", &maps);
	bench_report("retired_unmap", "object", subject->x, "ns", &unmaps);
	bench_report_value("retired_length", "object", subject->x, "bytes",
			   subject->length);
	bench_report_value("retired_extents", "object", subject->x, "extents",
			   subject->info.out_nr_extents);
	return 0;
}

static int measure_flawed(struct bench *b, const struct bench_region *region,
			  int count)
{
	struct subject subject = { .b = b, .x = count };
	int ret;

	ret = fail_pages(region, count);
	subject.length = bench_region(region, "free");
	if (!ret)
		ret = memtest_alloc_id(b->iommufd, region->id, subject.length,
				       &subject.mem_id);
	if (ret)
		return ret;
	ret = measure(&subject);
	return iommufd_destroy(b->iommufd, subject.mem_id) ?: ret;
}

int bench_retired(struct bench *b)
{
	struct subject whole = {
		.b = b, .mem_id = b->mem_id, .length = b->length,
	};
	int i, ret;

	for (i = 0; i < b->nr_flawed; i++)
		if (b->flawed[i].size < whole.length)
			whole.length = b->flawed[i].size;
	ret = counters_open();
	if (!ret)
		ret = measure(&whole);
	if (ret)
		bench_report_error("retired_map", "object", 0, ret);
	for (i = 0; i < b->nr_flawed && !ret; i++) {
		ret = measure_flawed(b, &b->flawed[i], nr_bad[i + 1]);
		if (ret)
			bench_report_error("retired_map", "object",
					   nr_bad[i + 1], ret);
	}
	counters_close();
	return 0;
}
