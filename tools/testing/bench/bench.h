/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The benchmark: what it measures with, and the rows of its table.
 *
 * A row measures one thing for several subjects (memory objects, and what people use
 * instead) at several sizes. Every result is a line of JSON on standard output:
 *
 *   {"row": "dma_map", "subject": "object", "x": 1073741824, "unit": "ns",
 *    "median": 14000, "min": 13000, "max": 17000, "rounds": 11}
 *
 * x is in bytes unless the row says otherwise. Where a subject cannot do it, there is
 * "error" with the errno's name instead of the numbers: that is a result as well.
 * Progress goes to standard error.
 *
 * Functions return 0 or a negative errno, where they do not say otherwise.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtest.h"

#define TIB(n)			((uint64_t)(n) << 40)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define BENCH_MAX_ROUNDS	101
#define BENCH_DEADLINE		300	/* seconds, it only ends what hangs */

/* Aligned to whatever block an IOMMU has, and above all memory of the machine */
#define BENCH_IOVA	TIB(4)

/* As sysfs has it */
struct bench_region {
	char name[32];
	uint32_t id;
	uint64_t size;		/* bytes */
	uint64_t base;		/* physical address, 0 if it is not to be seen */
};

#define BENCH_MAX_FLAWED	2

struct bench {
	int rounds;		/* at most; fewer where one takes long */
	uint64_t largest;	/* bytes: what peers are measured with at most */
	int iommufd;
	uint32_t ioas_id;	/* where the VF is attached */
	struct vfio_dev vf;
	struct gpu gpu;		/* the VF's copy engine, which proves mappings */
	/* The largest region, and one object of all its memory */
	struct bench_region region;
	uint32_t mem_id;
	uint64_t length;	/* bytes */
	uint64_t mmap_offset;
	uint64_t kernel_memory;	/* bytes that the kernel took for the object */
	/* The smallest, of memory that can be written from end to end; size 0 if none */
	struct bench_region pool;
	/* Those between, some of whose memory may be made to fail */
	struct bench_region flawed[BENCH_MAX_FLAWED];
	int nr_flawed;
};

/* Nanoseconds since some moment */
uint64_t bench_now(void);

/* Samples of one result */
struct bench_samples {
	uint64_t values[BENCH_MAX_ROUNDS];
	int count;
	uint64_t started;	/* by bench_more() */
};

/*
 * while (bench_more(b, &samples)) { ...; bench_add(&samples, value); }
 * until there are enough: @b->rounds of them, or 3 after some seconds.
 */
bool bench_more(const struct bench *b, struct bench_samples *samples);
void bench_add(struct bench_samples *samples, uint64_t value);

void bench_report(const char *row, const char *subject, uint64_t x,
		  const char *unit, struct bench_samples *samples);
void bench_report_value(const char *row, const char *subject, uint64_t x,
			const char *unit, uint64_t value);
void bench_report_error(const char *row, const char *subject, uint64_t x,
			int error);
void bench_progress(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* CPUs that are online */
int bench_cpus(void);
/*
 * Call @work with each of 0..@nr - 1, in as many threads that start together: how long
 * from the first one's start to the last one's end, and the first error
 */
int bench_together(int nr, int (*work)(void *arg, int index), void *arg,
		   uint64_t *ns);

/* A line "NAME: VALUE kB" of a file like /proc/meminfo, in bytes; 0 without it */
uint64_t bench_field(const char *path, const char *name);

/* -ENOENT without a VF, -ENODEV without a region; bench_close() in any case */
int bench_open(struct bench *b);
void bench_close(struct bench *b);

/* Bytes of slab, vmalloc and per-CPU memory that the kernel uses */
uint64_t bench_kernel_use(void);

/* An attribute of a region in sysfs, UINT64_MAX if it is not to be had */
uint64_t bench_region(const struct bench_region *region, const char *attribute);
/* Stop or resume zeroing in the background */
int bench_scrub(const struct bench_region *region, bool on);
/* -ETIMEDOUT if free memory is still dirty after BENCH_DEADLINE */
int bench_wait_clean(const struct bench_region *region);

/*
 * Does a device reach it: copy through the mapping at @iova from its last 4 KiB to its
 * first, and compare through @va
 */
int bench_check_dma(struct gpu *gpu, uint8_t *va, uint64_t iova,
		    uint64_t length);

/* The rows; each reports its own errors, and fails only if it could not measure */
int bench_dma(struct bench *b);
int bench_blocks(struct bench *b);
int bench_retired(struct bench *b);
int bench_cpu(struct bench *b);
int bench_nested(struct bench *b);
int bench_kernel_memory(struct bench *b);
int bench_alloc(struct bench *b);
int bench_revoke(struct bench *b);
int bench_start(struct bench *b);
int bench_engine(struct bench *b);

#endif
