// SPDX-License-Identifier: GPL-2.0
/*
 * The free memory of a region.
 *
 * This is a thin layer over gpu_buddy, which gives large naturally aligned blocks
 * first, needs no memory per page, and keeps cleared blocks apart from dirty
 * ones. What is added: physical addresses whose alignment counts, and memory that
 * is never given out.
 *
 * Whose memory it is, and zeroing it, is not this file's business.
 */
#include <linux/align.h>
#include <linux/sizes.h>

#include "mem.h"

/* The largest alignment that CPU and IOMMU page tables have a block for */
#define POOL_MAX_ALIGN SZ_1G

/* Take exactly [start, start + length) of the buddy's addresses out of use */
static int pool_reserve(struct iommufd_mem_pool *pool, u64 start, u64 length)
{
	return gpu_buddy_alloc_blocks(&pool->buddy, start, start + length,
				      length, pool->buddy.chunk_size,
				      &pool->reserved, 0);
}

/**
 * iommufd_mem_pool_init() - Make a pool of [base, base + size)
 * @pool: to be filled in
 * @base: physical address, a multiple of PAGE_SIZE
 * @size: in bytes, a multiple of PAGE_SIZE, not 0
 *
 * All of the memory is dirty at first.
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_mem_pool_init(struct iommufd_mem_pool *pool, u64 base, u64 size)
{
	u64 head;
	int rc;

	pool->bias = ALIGN_DOWN(base, POOL_MAX_ALIGN);
	INIT_LIST_HEAD(&pool->reserved);
	head = base - pool->bias;

	rc = gpu_buddy_init(&pool->buddy, head + size, PAGE_SIZE);
	if (rc)
		return rc;
	if (!head)
		return 0;
	rc = pool_reserve(pool, 0, head);
	if (rc)
		iommufd_mem_pool_fini(pool);
	return rc;
}

/**
 * iommufd_mem_pool_fini() - Undo iommufd_mem_pool_init()
 * @pool: must have all its memory back
 */
void iommufd_mem_pool_fini(struct iommufd_mem_pool *pool)
{
	gpu_buddy_free_list(&pool->buddy, &pool->reserved, 0);
	gpu_buddy_fini(&pool->buddy);
}

/**
 * iommufd_mem_pool_alloc() - Take memory
 * @pool: where from
 * @length: in bytes, a multiple of @align, not 0
 * @align: smallest block and its alignment, a power of two, at least PAGE_SIZE
 * @blocks: gets the blocks, largest first
 *
 * Clean memory is preferred; gpu_buddy_block_is_clear() tells what a block is.
 *
 * Return: 0, -ENOSPC or -ENOMEM; on an error nothing is taken.
 */
int iommufd_mem_pool_alloc(struct iommufd_mem_pool *pool, u64 length, u64 align,
			   struct list_head *blocks)
{
	int rc;

	if (length > pool->buddy.avail)
		return -ENOSPC;
	rc = gpu_buddy_alloc_blocks(&pool->buddy, 0, pool->buddy.size, length,
				    align, blocks, GPU_BUDDY_CLEAR_ALLOCATION);
	/* gpu_buddy says so too if it has no memory for splitting a block */
	if (rc == -ENOSPC && align == PAGE_SIZE)
		return -ENOMEM;
	return rc;
}

/**
 * iommufd_mem_pool_free() - Give back memory, which is dirty from now on
 * @pool: where it came from
 * @blocks: from iommufd_mem_pool_alloc(); empty afterwards
 */
void iommufd_mem_pool_free(struct iommufd_mem_pool *pool,
			   struct list_head *blocks)
{
	gpu_buddy_free_list(&pool->buddy, blocks, 0);
}

/**
 * iommufd_mem_pool_retire() - Never give out a piece of memory again
 * @pool: where it is
 * @paddr: physical address of its first byte
 * @length: in bytes, not 0
 *
 * Every page that the piece touches is retired, as far as it is in the pool.
 * Pages that are retired already stay so.
 *
 * Return: 0; -EBUSY at the first page that is given out; -ENOMEM.
 */
int iommufd_mem_pool_retire(struct iommufd_mem_pool *pool, u64 paddr, u64 length)
{
	u64 end = ALIGN(paddr + length, PAGE_SIZE) - pool->bias;
	u64 start = ALIGN_DOWN(paddr, PAGE_SIZE);
	struct gpu_buddy_block *block;
	int rc;

	start = start > pool->bias ? start - pool->bias : 0;
	end = min(end, pool->buddy.size);
	rc = pool_reserve(pool, start, end - start);
	if (rc != -ENOSPC)
		return rc;

	/* Some of it is taken, maybe by us: page by page, then */
	for (; start < end; start += PAGE_SIZE) {
		bool retired = false;

		list_for_each_entry(block, &pool->reserved, link) {
			u64 offset = gpu_buddy_block_offset(block);

			retired = start >= offset &&
				  start - offset <
					  gpu_buddy_block_size(&pool->buddy,
							       block);
			if (retired)
				break;
		}
		if (retired)
			continue;
		rc = pool_reserve(pool, start, PAGE_SIZE);
		if (rc)
			return rc == -ENOSPC ? -EBUSY : rc;
	}
	return 0;
}
