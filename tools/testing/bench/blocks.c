// SPDX-License-Identifier: GPL-2.0
/*
 * Entries of the IOMMU's page tables for a GiB, and how many addresses were read back
 * from them when it was unmapped.
 */
#include "counters.h"
#include "dma.h"

static void measure(struct dma *dma, const struct dma_way *way, uint64_t length)
{
	struct counters counters;
	struct memory memory;
	int ret;

	bench_progress("blocks: %s", way->name);
	ret = dma_prepare(dma, way, &memory, length);
	if (!ret)
		ret = counters_start();
	if (!ret) {
		ret = dma_try(dma, way, &memory);
		counters_stop(&counters);
	}
	memory_close(&memory);
	if (ret)
		bench_report_error("blocks_1g", way->name, length, ret);
	else
		counters_report(&counters, "blocks", way->name, length);
}

int bench_blocks(struct bench *b)
{
	const struct dma_way *way = NULL;
	struct dma dma;
	int ret;

	ret = counters_open();
	if (ret) {
		bench_report_error("blocks_1g", "object", GIB(1), ret);
		return 0;
	}
	ret = dma_open(&dma, b);
	while (!ret && (way = dma_next_way(&dma, way)))
		measure(&dma, way, GIB(1));
	dma_close(&dma);
	counters_close();
	return ret;
}
