// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations: of clean memory, which is only given out, and of dirty memory, which is
 * zeroed first, beside plain writes to the same memory and what a VMM would allocate
 * otherwise. What a result stands for is checked with the region's counter of what
 * allocations have zeroed, and in the memory itself: EIO if it is not so.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "memory.h"

#define PATTERN	0xa5
/*
 * Small allocations before the one that is timed: after much memory was zeroed, or
 * nothing happened for a while, the first one takes far longer, whatever its size
 */
#define WARM_UP	20

/* Up to half of the region */
static const uint64_t lengths[] = {
	KIB(4), MIB(2), MIB(64), MIB(256), MIB(512), GIB(4), GIB(16), GIB(64),
	GIB(256),
};

/* @zeroed: what the allocation zeroed, in bytes */
static int time_alloc(struct bench *b, int iommufd, uint64_t length,
		      struct bench_samples *samples, uint32_t *id,
		      uint64_t *zeroed)
{
	uint64_t before = bench_region(&b->pool, "scrubbed_alloc");
	uint64_t start = bench_now();
	int ret;

	ret = memtest_alloc_id(iommufd, b->pool.id, length, id);
	if (ret)
		return ret;
	bench_add(samples, bench_now() - start);
	*zeroed = bench_region(&b->pool, "scrubbed_alloc") - before;
	return 0;
}

static int time_clean(struct bench *b, int iommufd, uint64_t length,
		      struct bench_samples *samples)
{
	uint64_t zeroed;
	uint32_t id;
	int i, ret;

	ret = bench_wait_clean(&b->pool);
	for (i = 0; i < WARM_UP && !ret; i++)
		ret = alloc_free(b, iommufd, KIB(4)) ?:
		      bench_wait_clean(&b->pool);
	if (!ret)
		ret = time_alloc(b, iommufd, length, samples, &id, &zeroed);
	if (ret)
		return ret;
	if (zeroed)
		ret = -EIO;
	return iommufd_destroy(iommufd, id) ?: ret;
}

static void measure_clean(struct bench *b, int iommufd, uint64_t length)
{
	struct bench_samples samples = {};
	int ret = 0;

	bench_progress("alloc: clean, %llu KiB",
		       (unsigned long long)(length >> 10));
	while (!ret && bench_more(b, &samples))
		ret = time_clean(b, iommufd, length, &samples);
	if (ret)
		bench_report_error("alloc_clean", "object", length, ret);
	else
		bench_report("alloc_clean", "object", length, "ns", &samples);
}

struct fill {
	uint8_t *va;
	uint64_t length;
	uint64_t part;		/* of each thread, in bytes */
	int byte;
};

static int fill_part(void *arg, int index)
{
	struct fill *fill = arg;
	uint64_t start = index * fill->part, left = fill->length - start;

	memset(fill->va + start, fill->byte,
	       left < fill->part ? left : fill->part);
	return 0;
}

/* How long up to @threads take to set every byte */
static int fill(uint8_t *va, uint64_t length, int byte, int threads, uint64_t *ns)
{
	uint64_t pages = (length / KIB(4) + threads - 1) / threads;
	struct fill fill = {
		.va = va, .length = length, .part = pages * KIB(4), .byte = byte,
	};

	return bench_together((length + fill.part - 1) / fill.part, fill_part,
			      &fill, ns);
}

/* A word of each 4 KiB, not always the same one */
static bool is_zero(const uint8_t *va, uint64_t length)
{
	uint64_t page;

	for (page = 0; page < length / KIB(4); page++)
		if (*(const uint64_t *)(va + page * KIB(4) + page * 37 % 512 * 8))
			return false;
	return true;
}

static int map(int iommufd, uint32_t id, uint64_t length, uint8_t **va)
{
	struct iommu_mem_info info = { .mem_id = id };
	void *start;
	int ret;

	ret = iommufd_mem_info(iommufd, &info);
	if (!ret)
		ret = iommufd_mem_mmap(iommufd, info.out_mmap_offset, length,
				       MIB(2), PROT_READ | PROT_WRITE, &start);
	if (!ret)
		*va = start;
	return ret;
}

/* Allocate @length bytes, and give them back full of PATTERN */
static int alloc_fill_free(struct bench *b, int iommufd, uint64_t length)
{
	uint64_t ns;
	uint8_t *va;
	uint32_t id;
	int ret;

	ret = memtest_alloc_id(iommufd, b->pool.id, length, &id);
	if (ret)
		return ret;
	ret = map(iommufd, id, length, &va);
	if (!ret) {
		ret = fill(va, length, PATTERN, bench_cpus(), &ns);
		munmap(va, length);
	}
	return iommufd_destroy(iommufd, id) ?: ret;
}

struct dirty_samples {
	struct bench_samples alloc, one, all;
};

/*
 * Plain writes, to memory whose page table entries are there; PATTERN is left. In an
 * emulated machine this is much slower than it is to the kernel, if that has FEAT_MOPS.
 */
static int time_fill(uint8_t *va, uint64_t length, struct dirty_samples *samples)
{
	int cpus = bench_cpus(), ret;
	uint64_t ns;

	ret = fill(va, length, PATTERN, cpus, &ns);
	if (!ret)
		ret = fill(va, length, 0, 1, &ns);
	if (ret)
		return ret;
	bench_add(&samples->one, ns);
	ret = fill(va, length, 0, cpus, &ns);
	if (ret)
		return ret;
	bench_add(&samples->all, ns);
	return fill(va, length, PATTERN, cpus, &ns);
}

/*
 * All free memory is dirty, and full of PATTERN but for what the warm-up has taken: so
 * what is zero was zeroed now
 */
static int time_dirty(struct bench *b, int iommufd, uint64_t length,
		      struct dirty_samples *samples)
{
	uint64_t zeroed;
	int i, ret = 0;
	uint8_t *va;
	uint32_t id;

	for (i = 0; i < WARM_UP && !ret; i++)
		ret = alloc_free(b, iommufd, KIB(4));
	if (!ret)
		ret = time_alloc(b, iommufd, length, &samples->alloc, &id,
				 &zeroed);
	if (ret)
		return ret;
	ret = map(iommufd, id, length, &va);
	if (!ret) {
		if (zeroed != length || !is_zero(va, length))
			ret = -EIO;
		else
			ret = time_fill(va, length, samples);
		munmap(va, length);
	}
	return iommufd_destroy(iommufd, id) ?: ret;
}

static void measure_dirty(struct bench *b, int iommufd, uint64_t length)
{
	struct dirty_samples samples = {};
	int ret = 0;

	bench_progress("alloc: dirty, %llu KiB",
		       (unsigned long long)(length >> 10));
	while (!ret && bench_more(b, &samples.alloc))
		ret = time_dirty(b, iommufd, length, &samples);
	if (ret) {
		bench_report_error("alloc_dirty", "object", length, ret);
		return;
	}
	bench_report("alloc_dirty", "object", length, "ns", &samples.alloc);
	bench_report("alloc_dirty", "memset-1", length, "ns", &samples.one);
	bench_report("alloc_dirty", "memset-all", length, "ns", &samples.all);
}

static int time_file(struct memory *memory, struct bench_samples *samples)
{
	uint64_t start;

	if (fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      memory->length))
		return -errno;
	start = bench_now();
	if (fallocate(memory->fd, 0, 0, memory->length))
		return -errno;
	bench_add(samples, bench_now() - start);
	return 0;
}

/* A file's memory, of pages that the machine, or hugetlb, has at hand */
static void measure_file(struct bench *b, const char *subject,
			 const struct memory_kind *kind, uint64_t length)
{
	struct bench_samples samples = {};
	struct memory memory;
	int ret;

	if (length < kind->page || length > b->largest)
		return;
	bench_progress("alloc: %s, %llu KiB", subject,
		       (unsigned long long)(length >> 10));
	ret = memory_open(&memory, kind, b, length);
	while (!ret && bench_more(b, &samples))
		ret = time_file(&memory, &samples);
	memory_close(&memory);
	if (ret)
		bench_report_error("alloc_dirty", subject, length, ret);
	else
		bench_report("alloc_dirty", subject, length, "ns", &samples);
}

static void measure_all(struct bench *b, int iommufd,
			void (*measure)(struct bench *b, int iommufd,
					uint64_t length))
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		if (lengths[i] <= b->pool.size / 2)
			measure(b, iommufd, lengths[i]);
}

static void measure_files(struct bench *b, int iommufd, uint64_t length)
{
	(void)iommufd;
	measure_file(b, "memfd-not-zeroed", &memory_memfd, length);
	measure_file(b, "hugetlb-2m", &memory_memfd_2m, length);
}

static int alloc_dirty(struct bench *b, int iommufd)
{
	int ret;

	ret = bench_scrub(&b->pool, false);
	if (!ret)
		ret = alloc_fill_free(b, iommufd,
				      bench_region(&b->pool, "free"));
	if (ret)
		bench_report_error("alloc_dirty", "object", 0, ret);
	else
		measure_all(b, iommufd, measure_dirty);
	return bench_scrub(&b->pool, true) ?: bench_wait_clean(&b->pool);
}

int bench_alloc(struct bench *b)
{
	int iommufd, ret;

	if (!b->pool.size) {
		bench_report_error("alloc_clean", "object", 0, -ENODEV);
		return 0;
	}
	iommufd = iommufd_open();
	if (iommufd < 0)
		return iommufd;
	measure_all(b, iommufd, measure_clean);
	ret = alloc_dirty(b, iommufd);
	close(iommufd);
	if (ret)
		return ret;
	measure_all(b, -1, measure_files);
	ret = alloc_fragmented(b);
	return alloc_contexts(b) ?: ret;
}
