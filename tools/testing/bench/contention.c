// SPDX-License-Identifier: GPL-2.0
/*
 * Many small allocations: where free memory is in small pieces, and by several contexts
 * at a time. All of it is of clean memory: no allocation zeroes anything, or EIO.
 */
#include <errno.h>
#include <unistd.h>

#include "alloc.h"

/* The pieces that free memory is in, and at most how many there are, half of them free */
#define PIECE		KIB(64)
#define PIECES		4096
/* How many allocations make a sample, of each context where there are several */
#define PAIRS		16
#define CONTEXT_PAIRS	256
#define MAX_CONTEXTS	16

int alloc_free(struct bench *b, int iommufd, uint64_t length)
{
	uint32_t id;

	return memtest_alloc_id(iommufd, b->pool.id, length, &id) ?:
	       iommufd_destroy(iommufd, id);
}

/* Have all free memory clean and merged, and then leave it alone, or not */
static int prepare(const struct bench_region *pool, bool scrub)
{
	int ret = bench_scrub(pool, true) ?: bench_wait_clean(pool);

	return ret ?: bench_scrub(pool, scrub);
}

struct pair_samples {
	struct bench_samples pair, clean;
};

/*
 * An allocation out of clean memory and its end, while nothing goes on in the background:
 * this includes splitting a large block, where there is one. And how long it takes then
 * until the memory is clean again, mostly to find it.
 */
static int time_pairs(struct bench *b, int iommufd, uint64_t length,
		      struct pair_samples *samples)
{
	uint64_t zeroed = bench_region(&b->pool, "scrubbed_alloc");
	uint64_t start, pair = 0, clean = 0;
	int i, ret = 0;

	for (i = 0; i < PAIRS && !ret; i++) {
		ret = prepare(&b->pool, false);
		if (ret)
			break;
		start = bench_now();
		ret = alloc_free(b, iommufd, length);
		pair += bench_now() - start;
		start = bench_now();
		ret = bench_scrub(&b->pool, true) ?: ret;
		while (!ret && bench_region(&b->pool, "dirty"))
			if (bench_now() - start > BENCH_DEADLINE * UINT64_C(1000000000))
				ret = -ETIMEDOUT;
		clean += bench_now() - start;
	}
	if (!ret && bench_region(&b->pool, "scrubbed_alloc") != zeroed)
		ret = -EIO;
	bench_add(&samples->pair, pair / PAIRS);
	bench_add(&samples->clean, clean / PAIRS);
	return ret;
}

static void measure_pairs(struct bench *b, int iommufd, const char *subject,
			  uint64_t length)
{
	struct pair_samples samples = {};
	int ret = 0;

	bench_progress("alloc: %s, %llu KiB", subject,
		       (unsigned long long)(length >> 10));
	while (!ret && bench_more(b, &samples.pair))
		ret = time_pairs(b, iommufd, length, &samples);
	if (ret) {
		bench_report_error("alloc_fragmented", subject, length, ret);
		return;
	}
	bench_report("alloc_fragmented", subject, length, "ns", &samples.pair);
	bench_report("alloc_fragmented_clean", subject, length, "ns",
		     &samples.clean);
}

/* Every second piece is free, and nothing else; closing @iommufd undoes it */
static int fragment(struct bench *b, int iommufd)
{
	uint32_t ids[PIECES], rest;
	uint64_t length;
	int i, nr, ret = 0;

	for (nr = 0; nr < PIECES; nr++) {
		ret = memtest_alloc_id(iommufd, b->pool.id, PIECE, &ids[nr]);
		if (ret == -ENOSPC)
			break;
		if (ret)
			return ret;
	}
	length = bench_region(&b->pool, "free");
	if (length)
		ret = memtest_alloc_id(iommufd, b->pool.id, length, &rest);
	else
		ret = 0;
	for (i = 0; i < nr && !ret; i += 2)
		ret = iommufd_destroy(iommufd, ids[i]);
	if (!ret)
		ret = bench_wait_clean(&b->pool);
	if (!ret && bench_region(&b->pool, "largest_free") != PIECE)
		ret = -EIO;
	return ret;
}

int alloc_fragmented(struct bench *b)
{
	static const uint64_t lengths[] = { KIB(64), MIB(2) };
	int iommufd, ret;
	size_t i;

	iommufd = iommufd_open();
	if (iommufd < 0)
		return iommufd;
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		measure_pairs(b, iommufd, "unfragmented", lengths[i]);
	ret = fragment(b, iommufd);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		if (ret)
			bench_report_error("alloc_fragmented", "fragmented",
					   lengths[i], ret);
		else
			measure_pairs(b, iommufd, "fragmented", lengths[i]);
	}
	close(iommufd);
	return bench_scrub(&b->pool, true) ?: bench_wait_clean(&b->pool);
}

struct contexts {
	struct bench *b;
	int nr;
	int iommufds[MAX_CONTEXTS];
};

static int run_context(void *arg, int index)
{
	struct contexts *contexts = arg;
	int i, ret = 0;

	for (i = 0; i < CONTEXT_PAIRS && !ret; i++)
		ret = alloc_free(contexts->b, contexts->iommufds[index], KIB(4));
	return ret;
}

static int time_contexts(struct contexts *contexts, bool scrub,
			 struct bench_samples *samples)
{
	const struct bench_region *pool = &contexts->b->pool;
	uint64_t zeroed, ns;
	int ret;

	ret = prepare(pool, scrub);
	if (ret)
		return ret;
	zeroed = bench_region(pool, "scrubbed_alloc");
	ret = bench_together(contexts->nr, run_context, contexts, &ns);
	if (ret)
		return ret;
	bench_add(samples, ns / (contexts->nr * CONTEXT_PAIRS));
	return bench_region(pool, "scrubbed_alloc") == zeroed ? 0 : -EIO;
}

static void measure_contexts(struct bench *b, int nr, bool scrub)
{
	const char *subject = scrub ? "object" : "object-no-scrub";
	struct contexts contexts = { .b = b };
	struct bench_samples samples = {};
	int ret = 0;

	bench_progress("alloc: %s, %d contexts", subject, nr);
	while (contexts.nr < nr && !ret) {
		ret = iommufd_open();
		if (ret < 0)
			break;
		contexts.iommufds[contexts.nr++] = ret;
		ret = 0;
	}
	while (!ret && bench_more(b, &samples))
		ret = time_contexts(&contexts, scrub, &samples);
	while (contexts.nr)
		close(contexts.iommufds[--contexts.nr]);
	if (ret)
		bench_report_error("alloc_contexts", subject, nr, ret);
	else
		bench_report("alloc_contexts", subject, nr, "ns", &samples);
}

/*
 * x is the number of contexts, and the time how long all of them take divided by the
 * allocations of all: with zeroing in the background as ever, and without it
 */
int alloc_contexts(struct bench *b)
{
	int nr;

	for (nr = 1; nr <= MAX_CONTEXTS; nr *= 2) {
		measure_contexts(b, nr, true);
		measure_contexts(b, nr, false);
	}
	return bench_scrub(&b->pool, true) ?: bench_wait_clean(&b->pool);
}
