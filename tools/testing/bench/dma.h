/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ways to map memory for DMA: by object, by address, by file, through iommufd and
 * through VFIO's own container.
 */
#ifndef BENCH_DMA_H
#define BENCH_DMA_H

#include "memory.h"

struct dma {
	struct bench *b;
	/* VFIO's container, and the VF in it */
	bool has_type1;
	int container;
	int group;
	struct vfio_dev vf;
	struct gpu gpu;
};

struct dma_way {
	const char *name;
	const struct memory_kind *kind;
	uint64_t shift;		/* bytes, of BENCH_IOVA */
	int (*map)(struct dma *dma, struct memory *memory, uint64_t iova);
	int (*unmap)(struct dma *dma, struct memory *memory, uint64_t iova);
};

/* dma_close() in any case */
int dma_open(struct dma *dma, struct bench *b);
void dma_close(struct dma *dma);
/* All that there are, beginning with NULL */
const struct dma_way *dma_next_way(struct dma *dma, const struct dma_way *way);
/* Memory that can be mapped this way, and is populated. memory_close() in any case */
int dma_prepare(struct dma *dma, const struct dma_way *way,
		struct memory *memory, uint64_t length);
/* Map it, let a device copy through the mapping, unmap it */
int dma_try(struct dma *dma, const struct dma_way *way, struct memory *memory);

#endif
