// SPDX-License-Identifier: GPL-2.0
/*
 * The free memory of a region.
 *
 * This is a thin layer over gpu_buddy, which gives large naturally aligned blocks
 * first, needs no memory per page, and keeps cleared blocks apart from dirty
 * ones. Its addresses are physical, from 0 to the end of the region; what is before
 * the region, and what has been retired, is never given out.
 *
 * A page is retired in two steps. It is noted in a set, which cannot fail halfway
 * and does not care who has the page. Then it is taken from gpu_buddy: at once if
 * it is free, else when it comes back. Should gpu_buddy lack memory for that, the
 * next allocation tries again before it takes anything.
 *
 * Whose memory it is, and zeroing it, is not this file's business.
 */
#include <linux/align.h>
#include <linux/list_sort.h>
#include <linux/pgtable.h>
#include <linux/slab.h>

#include "mem_pool.h"

/* Take exactly [start, end) out of use. gpu_buddy's addresses are physical ones */
static int pool_reserve(struct iommufd_mem_pool *pool, u64 start, u64 end)
{
	return gpu_buddy_alloc_blocks(&pool->buddy, start, end, end - start,
				      pool->buddy.chunk_size, &pool->reserved,
				      0);
}

/* As pool_reserve(), but what is not free stays as it is */
static int pool_reserve_free(struct iommufd_mem_pool *pool, u64 start, u64 end)
{
	u64 chunk = pool->buddy.chunk_size;
	int rc;

	rc = pool_reserve(pool, start, end);
	if (rc != -ENOSPC)
		return rc;
	for (; start < end; start += chunk) {
		rc = pool_reserve(pool, start, start + chunk);
		if (rc && rc != -ENOSPC)
			return rc;
	}
	return 0;
}

static struct interval_tree_node *pool_retired_first(struct iommufd_mem_pool *pool,
						     u64 start, u64 last)
{
	return interval_tree_iter_first(&pool->retired, start / PAGE_SIZE,
					last / PAGE_SIZE);
}

static u64 pool_retired_start(const struct interval_tree_node *node)
{
	return (u64)node->start * PAGE_SIZE;
}

static u64 pool_retired_end(const struct interval_tree_node *node)
{
	return ((u64)node->last + 1) * PAGE_SIZE;
}

/* Take what of [start, end) is both retired and free from gpu_buddy */
static int pool_settle_range(struct iommufd_mem_pool *pool, u64 start, u64 end)
{
	struct interval_tree_node *node;
	int rc = 0;

	for (node = pool_retired_first(pool, start, end - 1); node && !rc;
	     node = interval_tree_iter_next(node, start / PAGE_SIZE,
					    (end - 1) / PAGE_SIZE))
		rc = pool_reserve_free(pool,
				       max(start, pool_retired_start(node)),
				       min(end, pool_retired_end(node)));
	if (rc)
		pool->unsettled = true;
	return rc;
}

/* Make up for what pool_settle_range() could not do */
static int pool_settle(struct iommufd_mem_pool *pool)
{
	if (!pool->unsettled)
		return 0;
	pool->unsettled = false;
	return pool_settle_range(pool, pool->base, pool->buddy.size);
}

/**
 * iommufd_mem_pool_init() - Make a pool of [base, base + size)
 * @pool: to be filled in
 * @base: physical address, a multiple of PAGE_SIZE
 * @size: in bytes, a multiple of PAGE_SIZE, not 0; base + size does not overflow
 * @clean: the memory is known to be zero
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_mem_pool_init(struct iommufd_mem_pool *pool, u64 base, u64 size,
			  bool clean)
{
	int rc;

	INIT_LIST_HEAD(&pool->reserved);
	pool->base = base;
	pool->retired = RB_ROOT_CACHED;
	pool->retired_bytes = 0;
	pool->unsettled = false;
	rc = gpu_buddy_init(&pool->buddy, base + size, PAGE_SIZE);
	if (rc)
		return rc;
	rc = base ? pool_reserve(pool, 0, base) : 0;
	if (rc)
		iommufd_mem_pool_fini(pool);
	else if (clean)
		gpu_buddy_reset_clear(&pool->buddy, true);
	return rc;
}

/**
 * iommufd_mem_pool_fini() - Undo iommufd_mem_pool_init()
 * @pool: must have all its memory back
 */
void iommufd_mem_pool_fini(struct iommufd_mem_pool *pool)
{
	struct interval_tree_node *node;

	while ((node = pool_retired_first(pool, pool->base, U64_MAX))) {
		interval_tree_remove(node, &pool->retired);
		kfree(node);
	}
	gpu_buddy_free_list(&pool->buddy, &pool->reserved, 0);
	gpu_buddy_fini(&pool->buddy);
}

static int pool_cmp_address(void *priv, const struct list_head *a,
			    const struct list_head *b)
{
	u64 x = gpu_buddy_block_offset(list_entry(a, struct gpu_buddy_block,
						  link));
	u64 y = gpu_buddy_block_offset(list_entry(b, struct gpu_buddy_block,
						  link));

	return x > y;
}

/* By the entry of a page table that can map the block, largest first */
static int pool_cmp_entry(void *priv, const struct list_head *a,
			  const struct list_head *b)
{
	struct iommufd_mem_pool *pool = priv;
	u64 x = gpu_buddy_block_size(&pool->buddy,
				     list_entry(a, struct gpu_buddy_block, link));
	u64 y = gpu_buddy_block_size(&pool->buddy,
				     list_entry(b, struct gpu_buddy_block, link));

	return (x >= PUD_SIZE) + (x >= PMD_SIZE) <
	       (y >= PUD_SIZE) + (y >= PMD_SIZE);
}

/**
 * iommufd_mem_pool_alloc() - Take memory
 * @pool: where from
 * @length: in bytes, a multiple of @align, not 0, less than 2^32 pages
 * @align: smallest block and its alignment, a power of two, at least PAGE_SIZE
 * @blocks: gets the blocks: first those of PUD_SIZE and more, then those of PMD_SIZE
 *          and more, then the rest; each in ascending order
 *
 * The largest blocks are taken, and among those clean ones are preferred;
 * gpu_buddy_block_is_clear() tells what a block is. In this order one behind the
 * other, every block is as aligned as an entry of that size needs it: a small block,
 * beside a retired page, does not shift what comes after it.
 *
 * Return: 0; -ENOSPC; -ENOMEM. On an error nothing is taken.
 */
int iommufd_mem_pool_alloc(struct iommufd_mem_pool *pool, u64 length, u64 align,
			   struct list_head *blocks)
{
	int rc;

	rc = pool_settle(pool);
	if (rc)
		return rc;
	if (length > pool->buddy.avail)
		return -ENOSPC;
	rc = gpu_buddy_alloc_blocks(&pool->buddy, 0, pool->buddy.size, length,
				    align, blocks, GPU_BUDDY_CLEAR_ALLOCATION);
	/* gpu_buddy says so too if it has no memory for splitting a block */
	if (rc == -ENOSPC && align == PAGE_SIZE)
		return -ENOMEM;
	if (rc)
		return rc;
	/* list_sort() is stable */
	list_sort(NULL, blocks, pool_cmp_address);
	list_sort(pool, blocks, pool_cmp_entry);
	return 0;
}

/* Not gpu_buddy_free_list(), which says of all blocks that they are dirty, or not */
static void pool_untake(struct iommufd_mem_pool *pool, struct list_head *blocks)
{
	struct gpu_buddy_block *block, *next;

	list_for_each_entry_safe(block, next, blocks, link)
		gpu_buddy_free_block(&pool->buddy, block);
	INIT_LIST_HEAD(blocks);
}

/* All of [start, end), which has no retired pages */
static int pool_take(struct iommufd_mem_pool *pool, u64 start, u64 end,
		     struct list_head *blocks)
{
	int rc;

	if (start == end)
		return 0;
	rc = gpu_buddy_alloc_blocks(&pool->buddy, start, end, end - start,
				    pool->buddy.chunk_size, blocks, 0);
	return rc == -ENOSPC ? -EBUSY : rc;
}

/**
 * iommufd_mem_pool_alloc_linear() - Take the start of the region
 * @pool: where from
 * @length: in bytes, a multiple of PAGE_SIZE, not more than the region has
 * @blocks: gets the blocks, in ascending order. Retired pages are left out
 *
 * Return: 0; -EBUSY if some of the memory is given out; -ENOMEM. On an error nothing
 * is taken.
 */
int iommufd_mem_pool_alloc_linear(struct iommufd_mem_pool *pool, u64 length,
				  struct list_head *blocks)
{
	u64 start = pool->base, end = pool->base + length;
	struct interval_tree_node *node;
	int rc;

	rc = pool_settle(pool);
	if (rc)
		return rc;
	for (node = pool_retired_first(pool, start, end - 1); node && !rc;
	     node = interval_tree_iter_next(node, start / PAGE_SIZE,
					    (end - 1) / PAGE_SIZE)) {
		rc = pool_take(pool, start, pool_retired_start(node),
			       blocks);
		start = pool_retired_end(node);
	}
	if (!rc && start < end)
		rc = pool_take(pool, start, end, blocks);
	if (rc)
		pool_untake(pool, blocks);
	else
		list_sort(NULL, blocks, pool_cmp_address);
	return rc;
}

/* The order of the largest dirty block, -1 if there is none */
static int pool_dirty_order(struct iommufd_mem_pool *pool)
{
	struct rb_root *trees = pool->buddy.free_trees[GPU_BUDDY_DIRTY_TREE];
	int order = pool->buddy.max_order;

	while (order >= 0 && RB_EMPTY_ROOT(&trees[order]))
		order--;
	return order;
}

/**
 * iommufd_mem_pool_take_dirty() - Take a dirty block, to make it clean
 * @pool: where from
 * @max: largest block to take, in bytes, a power of two, at least PAGE_SIZE
 *
 * This takes logarithmic time: gpu_buddy is asked for no more than it has at hand.
 * Else it would go through all smaller free blocks, to merge them.
 *
 * Return: the block, or NULL if nothing is dirty, or there is no memory for
 * splitting a larger block.
 */
struct gpu_buddy_block *
iommufd_mem_pool_take_dirty(struct iommufd_mem_pool *pool, u64 max)
{
	struct gpu_buddy_block *block;
	LIST_HEAD(blocks);
	int order;
	u64 size;

	if (pool_settle(pool))
		return NULL;
	order = pool_dirty_order(pool);
	if (order < 0)
		return NULL;
	size = min(max, pool->buddy.chunk_size << order);
	/* It prefers dirty blocks */
	if (gpu_buddy_alloc_blocks(&pool->buddy, 0, pool->buddy.size, size,
				   size, &blocks, 0))
		return NULL;
	block = list_first_entry(&blocks, struct gpu_buddy_block, link);
	list_del_init(&block->link);
	return block;
}

/**
 * iommufd_mem_pool_free() - Give back memory
 * @pool: where it came from
 * @blocks: from the pool; empty afterwards
 * @clean: all of it is known to be zero; else it is dirty from now on
 */
void iommufd_mem_pool_free(struct iommufd_mem_pool *pool,
			   struct list_head *blocks, bool clean)
{
	struct gpu_buddy_block *block, *next;
	LIST_HEAD(one);

	list_for_each_entry_safe(block, next, blocks, link) {
		u64 start = gpu_buddy_block_offset(block);
		u64 end = start + gpu_buddy_block_size(&pool->buddy, block);

		list_move(&block->link, &one);
		gpu_buddy_free_list(&pool->buddy, &one,
				    clean ? GPU_BUDDY_CLEARED : 0);
		pool_settle_range(pool, start, end);
	}
}

/**
 * iommufd_mem_pool_move_retired() - Hand over the set of what is retired
 * @pool: is not to be used any more, but for freeing to it and its end
 * @to: set of ranges by page frame number, which gets the nodes
 */
void iommufd_mem_pool_move_retired(struct iommufd_mem_pool *pool,
				   struct rb_root_cached *to)
{
	struct interval_tree_node *node;

	while ((node = pool_retired_first(pool, pool->base, U64_MAX))) {
		interval_tree_remove(node, &pool->retired);
		interval_tree_insert(node, to);
	}
}

/**
 * iommufd_mem_pool_is_retired() - Is there a retired page in a range?
 * @pool: where it is
 * @paddr: physical address of its first byte
 * @length: in bytes, not 0
 *
 * Return: true if there is any.
 */
bool iommufd_mem_pool_is_retired(struct iommufd_mem_pool *pool, u64 paddr,
				 u64 length)
{
	return pool_retired_first(pool, paddr, paddr + length - 1);
}

/**
 * iommufd_mem_pool_retire() - Never give out a piece of memory again
 * @pool: where it is
 * @paddr: physical address of its first byte
 * @length: in bytes, not 0; all of it is in the pool
 * @gfp: for the range in the set
 *
 * Every page that the piece touches is retired. Pages that are retired already
 * stay so, pages that are given out are when they come back.
 *
 * Return: 0; -ENOMEM, and nothing is retired.
 */
int iommufd_mem_pool_retire(struct iommufd_mem_pool *pool, u64 paddr, u64 length,
			    gfp_t gfp)
{
	struct interval_tree_node *range, *node;
	unsigned long start, last;

	range = kzalloc_obj(*range, gfp);
	if (!range)
		return -ENOMEM;
	start = paddr / PAGE_SIZE;
	last = (paddr + length - 1) / PAGE_SIZE;
	range->start = start;
	range->last = last;

	/* One range of all that overlap it, or touch it */
	while ((node = interval_tree_iter_first(&pool->retired,
						start ? start - 1 : 0,
						last + 1))) {
		range->start = min(range->start, node->start);
		range->last = max(range->last, node->last);
		pool->retired_bytes -= pool_retired_end(node) -
				       pool_retired_start(node);
		interval_tree_remove(node, &pool->retired);
		kfree(node);
	}
	interval_tree_insert(range, &pool->retired);
	pool->retired_bytes += pool_retired_end(range) -
			       pool_retired_start(range);
	pool_settle_range(pool, (u64)start * PAGE_SIZE,
			  ((u64)last + 1) * PAGE_SIZE);
	return 0;
}

/* gpu_buddy can only look for blocks that are given out, so walk its tree here */
static struct gpu_buddy_block *pool_block_at(struct iommufd_mem_pool *pool,
					     u64 paddr)
{
	struct gpu_buddy *buddy = &pool->buddy;
	struct gpu_buddy_block **root = buddy->roots;
	struct gpu_buddy_block *block;

	while (paddr - gpu_buddy_block_offset(*root) >=
	       gpu_buddy_block_size(buddy, *root))
		root++;
	block = *root;
	while ((block->header & GPU_BUDDY_HEADER_STATE) == GPU_BUDDY_SPLIT)
		block = paddr < gpu_buddy_block_offset(block->right) ?
				block->left : block->right;
	return block;
}

/**
 * iommufd_mem_pool_state() - What is at an address?
 * @pool: where it is
 * @paddr: physical address of a page of the pool
 * @end: gets the end of the piece that it is in, which can have started before
 *
 * A piece is a run of retired pages, or what is not retired of a free block or of
 * one that was taken. This takes logarithmic time and no memory.
 *
 * Return: what it is.
 */
enum iommufd_mem_state iommufd_mem_pool_state(struct iommufd_mem_pool *pool,
					      u64 paddr, u64 *end)
{
	struct interval_tree_node *node;
	struct gpu_buddy_block *block;

	node = pool_retired_first(pool, paddr, U64_MAX);
	if (node && pool_retired_start(node) <= paddr) {
		*end = pool_retired_end(node);
		return IOMMUFD_MEM_RETIRED;
	}
	block = pool_block_at(pool, paddr);
	*end = gpu_buddy_block_offset(block) +
	       gpu_buddy_block_size(&pool->buddy, block);
	if (node)
		*end = min(*end, pool_retired_start(node));
	if (!gpu_buddy_block_is_free(block))
		return IOMMUFD_MEM_TAKEN;
	return gpu_buddy_block_is_clear(block) ? IOMMUFD_MEM_CLEAN :
						 IOMMUFD_MEM_DIRTY;
}
