// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel memory: what it takes to have memory, to map all of it for DMA and to map all
 * of it for the CPU, from /proc/meminfo before and after. struct page is not among it,
 * as a page has one from boot on: the report adds it for kinds that have one.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dma.h"

#define MEMINFO	"/proc/meminfo"

struct use {
	uint64_t slab;
	uint64_t page_tables;
	uint64_t iommu_tables;
};

uint64_t bench_kernel_use(void)
{
	/* What each CPU has counted and not yet added */
	memtest_write("1", "/proc/sys/vm/stat_refresh");
	return bench_field(MEMINFO, "Slab") +
	       bench_field(MEMINFO, "VmallocUsed") +
	       bench_field(MEMINFO, "Percpu");
}

static struct use read_use(void)
{
	return (struct use) {
		.slab = bench_kernel_use(),
		.page_tables = bench_field(MEMINFO, "PageTables"),
		.iommu_tables = bench_field(MEMINFO, "SecPageTables"),
	};
}

static uint64_t grown(uint64_t after, uint64_t before)
{
	return after > before ? after - before : 0;
}

/* @own: bytes that its memory took before */
static void report(const char *subject, uint64_t length, uint64_t own,
		   struct use before)
{
	struct use after = read_use();

	bench_report_value("kernel_slab", subject, length, "bytes",
			   own + grown(after.slab, before.slab));
	bench_report_value("kernel_page_tables", subject, length, "bytes",
			   grown(after.page_tables, before.page_tables));
	bench_report_value("kernel_iommu_tables", subject, length, "bytes",
			   grown(after.iommu_tables, before.iommu_tables));
}

/*
 * Of a page of every GiB, where the memory is not populated: what a mapping needs is
 * then as little as it can be, and bench_cpu() tells what all of it needs.
 */
static void touch_some(struct memory *memory)
{
	volatile uint8_t *va = memory->va;
	uint64_t offset;

	for (offset = 0; offset < memory->length; offset += GIB(1))
		(void)va[offset];
}

static int measure(struct dma *dma, const struct dma_way *way, uint64_t length)
{
	uint64_t iova = BENCH_IOVA + way->shift;
	struct use before;
	struct memory memory;
	int ret;

	bench_progress("kernel: %s, %llu MiB", way->name,
		       (unsigned long long)(length >> 20));
	before = read_use();
	ret = dma_prepare(dma, way, &memory, length);
	if (!ret && !way->kind->populate)
		touch_some(&memory);
	if (!ret)
		ret = way->map(dma, &memory, iova);
	if (ret) {
		bench_report_error("kernel_slab", way->name, length, ret);
	} else {
		report(way->name, length,
		       way->kind == &memory_object ? dma->b->kernel_memory : 0,
		       before);
		ret = way->unmap(dma, &memory, iova);
	}
	memory_close(&memory);
	return 0;
}

int bench_kernel_memory(struct bench *b)
{
	const struct dma_way *way = NULL;
	struct dma dma;
	int ret;

	ret = dma_open(&dma, b);
	while (!ret && (way = dma_next_way(&dma, way)))
		if (!way->shift)
			ret = measure(&dma, way,
				      way->kind == &memory_object ? b->length :
								    b->largest);
	dma_close(&dma);
	return ret;
}
