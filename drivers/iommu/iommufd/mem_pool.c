// SPDX-License-Identifier: GPL-2.0
/*
 * The free memory of a region.
 *
 * This is a thin layer over gpu_buddy, which gives large naturally aligned blocks
 * first, needs no memory per page, and keeps cleared blocks apart from dirty
 * ones. Its addresses are physical, from 0 to the end of the region; what is before
 * the region, and what has been retired, is never given out.
 *
 * Whose memory it is, and zeroing it, is not this file's business.
 */
#include <linux/align.h>

#include "mem.h"

/* Take exactly [start, end) out of use. gpu_buddy's addresses are physical ones */
static int pool_reserve(struct iommufd_mem_pool *pool, u64 start, u64 end)
{
	int rc;

	rc = gpu_buddy_alloc_blocks(&pool->buddy, start, end, end - start,
				    pool->buddy.chunk_size, &pool->reserved, 0);
	if (!rc)
		pool->reserved_bytes += end - start;
	return rc;
}

/* Of a page that is not free: is it out of use? */
static bool pool_is_reserved(struct iommufd_mem_pool *pool, u64 paddr)
{
	struct gpu_buddy_block *block;

	/* What is not free is out of use, if nothing is given out */
	if (pool->buddy.avail + pool->reserved_bytes == pool->buddy.size)
		return true;
	list_for_each_entry(block, &pool->reserved, link) {
		u64 offset = gpu_buddy_block_offset(block);

		if (paddr >= offset &&
		    paddr - offset < gpu_buddy_block_size(&pool->buddy, block))
			return true;
	}
	return false;
}

/**
 * iommufd_mem_pool_init() - Make a pool of [base, base + size)
 * @pool: to be filled in
 * @base: physical address, a multiple of PAGE_SIZE
 * @size: in bytes, a multiple of PAGE_SIZE, not 0; base + size does not overflow
 *
 * All of the memory is dirty at first.
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_mem_pool_init(struct iommufd_mem_pool *pool, u64 base, u64 size)
{
	int rc;

	INIT_LIST_HEAD(&pool->reserved);
	pool->reserved_bytes = 0;
	rc = gpu_buddy_init(&pool->buddy, base + size, PAGE_SIZE);
	if (rc)
		return rc;
	rc = base ? pool_reserve(pool, 0, base) : 0;
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
 * Return: 0; -EINVAL if @length is more than gpu_buddy can count in pages;
 * -ENOSPC; -ENOMEM. On an error nothing is taken.
 */
int iommufd_mem_pool_alloc(struct iommufd_mem_pool *pool, u64 length, u64 align,
			   struct list_head *blocks)
{
	int rc;

	if (length > pool->buddy.avail)
		return -ENOSPC;
	if (length >> PAGE_SHIFT > U32_MAX)
		return -EINVAL;
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
 * @length: in bytes, not 0; all of it is in the pool
 *
 * Every page that the piece touches is retired. Pages that are retired already
 * stay so.
 *
 * Return: 0; -EBUSY at the first page that is given out; -ENOMEM.
 */
int iommufd_mem_pool_retire(struct iommufd_mem_pool *pool, u64 paddr, u64 length)
{
	u64 end = ALIGN(paddr + length, PAGE_SIZE);
	u64 start = ALIGN_DOWN(paddr, PAGE_SIZE);
	int rc;

	rc = pool_reserve(pool, start, end);
	if (rc != -ENOSPC)
		return rc;

	/* Some of it is taken, maybe by us: page by page, then */
	for (; start < end; start += PAGE_SIZE) {
		rc = pool_reserve(pool, start, start + PAGE_SIZE);
		if (rc == -ENOSPC)
			rc = pool_is_reserved(pool, start) ? 0 : -EBUSY;
		if (rc)
			return rc;
	}
	return 0;
}
