/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trees of page tables in memory. Compiled for unit tests in userspace as well.
 */
#ifndef NVGRACE_VGPU_PAGETABLE_H
#define NVGRACE_VGPU_PAGETABLE_H

#include <linux/list.h>
#include <linux/types.h>

#include "pte.h"

struct dma_pool;
struct nvg_pt;

/**
 * struct nvg_pt_pools - where tables come from
 * @tables: tables of 4 KiB. A pool, so that a kernel page of 64 KiB holds 16
 * @small_tables: tables of 256 bytes, each for 32 pages of 64 KiB
 */
struct nvg_pt_pools {
	struct dma_pool *tables;
	struct dma_pool *small_tables;
};

struct nvg_pt *nvg_pt_create(const struct nvg_pt_pools *pools);
void nvg_pt_destroy(const struct nvg_pt_pools *pools, struct nvg_pt *root);
u64 nvg_pt_address(const struct nvg_pt *root);
int nvg_pt_keep_first(const struct nvg_pt_pools *pools, struct nvg_pt *root, u64 *pde);
int nvg_pt_map(const struct nvg_pt_pools *pools, struct nvg_pt *root, u64 va,
	       enum nvg_pt_level level, u64 pte);
void nvg_pt_unmap(struct nvg_pt *root, u64 va, u64 size, struct list_head *empty);
void nvg_pt_prune(struct nvg_pt *root, u64 va, enum nvg_pt_level level, struct list_head *empty);
void nvg_pt_free_list(const struct nvg_pt_pools *pools, struct list_head *tables);

#endif
