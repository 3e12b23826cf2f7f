/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The free memory of a region, and what of the region is never to be used. Needs
 * nothing of the kernel but gpu_buddy, interval trees and kmalloc(), so that it
 * also compiles for tests in userspace.
 *
 * All addresses are physical, in bytes. The caller serializes all calls.
 */
#ifndef __IOMMUFD_MEM_POOL_H
#define __IOMMUFD_MEM_POOL_H

#include <linux/gpu_buddy.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/types.h>

/**
 * struct iommufd_mem_pool - The memory of a region
 * @buddy: what is free, and what of it is known to be zero, by physical address
 * @base: first address of the region
 * @reserved: blocks that are never given out: before the region's start, and
 *            retired pages
 * @retired: ranges of pages that must not be used, by page frame number; they
 *           neither overlap nor touch. Includes pages that are given out
 * @retired_bytes: size of all of @retired
 * @unsettled: some page of @retired may be free, for lack of memory
 */
struct iommufd_mem_pool {
	struct gpu_buddy buddy;
	u64 base;
	struct list_head reserved;
	struct rb_root_cached retired;
	u64 retired_bytes;
	bool unsettled;
};

/**
 * enum iommufd_mem_state - What a piece of a region is
 * @IOMMUFD_MEM_CLEAN: free, and known to be zero
 * @IOMMUFD_MEM_DIRTY: free
 * @IOMMUFD_MEM_TAKEN: not in the pool
 * @IOMMUFD_MEM_RETIRED: not to be used, whoever has it
 */
enum iommufd_mem_state {
	IOMMUFD_MEM_CLEAN,
	IOMMUFD_MEM_DIRTY,
	IOMMUFD_MEM_TAKEN,
	IOMMUFD_MEM_RETIRED,
};

int iommufd_mem_pool_init(struct iommufd_mem_pool *pool, u64 base, u64 size,
			  bool clean);
void iommufd_mem_pool_fini(struct iommufd_mem_pool *pool);
int iommufd_mem_pool_alloc(struct iommufd_mem_pool *pool, u64 length, u64 align,
			   struct list_head *blocks);
int iommufd_mem_pool_alloc_linear(struct iommufd_mem_pool *pool, u64 length,
				  struct list_head *blocks);
struct gpu_buddy_block *
iommufd_mem_pool_take_dirty(struct iommufd_mem_pool *pool, u64 max);
void iommufd_mem_pool_free(struct iommufd_mem_pool *pool,
			   struct list_head *blocks, bool clean);
int iommufd_mem_pool_retire(struct iommufd_mem_pool *pool, u64 paddr,
			    u64 length, gfp_t gfp);
void iommufd_mem_pool_move_retired(struct iommufd_mem_pool *pool,
				   struct rb_root_cached *to);
bool iommufd_mem_pool_is_retired(struct iommufd_mem_pool *pool, u64 paddr,
				 u64 length);
enum iommufd_mem_state iommufd_mem_pool_state(struct iommufd_mem_pool *pool,
					      u64 paddr, u64 *end);

#endif
