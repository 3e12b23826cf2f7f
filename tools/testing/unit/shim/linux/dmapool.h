/* SPDX-License-Identifier: GPL-2.0 */
/* Memory for a device: its DMA address is the pointer itself */
#ifndef SHIM_DMAPOOL_H
#define SHIM_DMAPOOL_H

#include <linux/compiler.h>
#include <linux/types.h>

typedef u64 dma_addr_t;

struct dma_pool {
	size_t size;	/* of a block, and its alignment */
};

void *shim_dma_alloc(size_t size, dma_addr_t *dma);
void shim_dma_free(void *p);

#define dma_pool_zalloc(pool, gfp, dma)	((void)(gfp), shim_dma_alloc((pool)->size, dma))
#define dma_pool_free(pool, p, dma)	((void)(pool), (void)(dma), shim_dma_free(p))
#define dma_wmb()			((void)0)

#endif
