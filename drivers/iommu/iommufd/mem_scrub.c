// SPDX-License-Identifier: GPL-2.0
/*
 * Zeroing.
 *
 * Memory that comes back is dirty. Workers on the region's node take it from the
 * pool in small blocks, zero them and put them back clean. An allocation makes
 * them put back what they have, and waits for that, so that it sees all free
 * memory; what it gets and is still dirty is zeroed by the allocating task and the
 * same kind of workers together, a chunk at a time.
 *
 * Nobody else sees the memory while it is zeroed, and no lock is held.
 */
#include <linux/io.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "mem.h"
#include "mem_trace.h"

/*
 * What is zeroed between two looks at whether to go on, so it bounds how long anyone
 * waits for a worker.
 */
#define SCRUB_CHUNK SZ_4M

static int mem_zero(u64 paddr, size_t length)
{
	void *va = memremap(paddr, length, MEMREMAP_WB);

	if (!va)
		return -ENOMEM;
	memset(va, 0, length);
	memunmap(va);
	return 0;
}

static bool mem_scrub_allowed(struct iommufd_mem_region *region)
{
	lockdep_assert_held(&region->lock);
	return !region->revoked && !region->scrub_pauses && !region->scrub_off;
}

static struct gpu_buddy_block *
mem_scrub_take(struct iommufd_mem_region *region)
{
	struct gpu_buddy_block *block;

	guard(mutex)(&region->lock);
	if (!mem_scrub_allowed(region))
		return NULL;
	block = iommufd_mem_pool_take_dirty(&region->pool, SCRUB_CHUNK);
	if (block)
		list_add_tail(&block->link, &region->scrubbing);
	return block;
}

static void mem_scrub_give(struct iommufd_mem_region *region,
			   struct gpu_buddy_block *block, bool clean)
{
	LIST_HEAD(blocks);

	guard(mutex)(&region->lock);
	list_move(&block->link, &blocks);
	iommufd_mem_pool_free(&region->pool, &blocks, clean);
	if (list_empty(&region->scrubbing))
		wake_up_all(&region->idle);
}

static void mem_scrub_background(struct work_struct *work)
{
	struct iommufd_mem_scrubber *scrubber =
		container_of(work, struct iommufd_mem_scrubber, work);
	struct iommufd_mem_region *region = scrubber->region;
	struct gpu_buddy_block *block;
	u64 bytes = 0;
	int rc = 0;

	/* After an error only the next kick tries again */
	while (!rc && (block = mem_scrub_take(region))) {
		u64 size = gpu_buddy_block_size(&region->pool.buddy, block);

		rc = mem_zero(gpu_buddy_block_offset(block), size);
		if (!rc) {
			atomic64_add(size, &region->scrubbed_background);
			bytes += size;
		}
		mem_scrub_give(region, block, !rc);
		cond_resched();
	}
	if (bytes)
		trace_iommufd_mem_scrub(region->id, bytes, true, 1);
}

static unsigned int mem_scrub_nr_cpus(int node)
{
	unsigned int nr = 0;

	if (node != NUMA_NO_NODE)
		nr = cpumask_weight(cpumask_of_node(node));
	if (!nr)
		nr = num_online_cpus();
	return clamp(nr, 1, IOMMUFD_MEM_MAX_SCRUBBERS);
}

/**
 * iommufd_mem_scrub_init() - Get ready to scrub memory of a region
 * @region: the region. Nothing is scrubbed before iommufd_mem_scrub_kick()
 *
 * Undone by destroying @region->scrub_wq, after iommufd_mem_scrub_stop() if there was
 * a kick.
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_mem_scrub_init(struct iommufd_mem_region *region)
{
	unsigned int i;

	region->scrub_wq = alloc_workqueue("iommufd_mem_%s", WQ_UNBOUND, 0,
					   region->desc.name);
	if (!region->scrub_wq)
		return -ENOMEM;
	region->nr_scrubbers = mem_scrub_nr_cpus(region->desc.node);
	for (i = 0; i < region->nr_scrubbers; i++) {
		region->scrubbers[i].region = region;
		INIT_WORK(&region->scrubbers[i].work, mem_scrub_background);
	}
	return 0;
}

/**
 * iommufd_mem_scrub_stop() - End scrubbing in the background for good
 * @region: the region, which is revoked. No block of it is in the workers' hands
 *          afterwards
 */
void iommufd_mem_scrub_stop(struct iommufd_mem_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_scrubbers; i++)
		cancel_work_sync(&region->scrubbers[i].work);
}

/**
 * iommufd_mem_scrub_kick() - Have dirty memory scrubbed in the background
 * @region: the region, with its lock held. Nothing happens if it is revoked, or if
 *          scrubbing is paused or switched off
 */
void iommufd_mem_scrub_kick(struct iommufd_mem_region *region)
{
	struct gpu_buddy *buddy = &region->pool.buddy;
	u64 chunks;
	unsigned int i;

	lockdep_assert_held(&region->lock);

	if (!mem_scrub_allowed(region))
		return;
	chunks = DIV_ROUND_UP_ULL(buddy->avail - buddy->clear_avail,
				  SCRUB_CHUNK);
	for (i = 0; i < region->nr_scrubbers && i < chunks; i++)
		queue_work_node(region->desc.node, region->scrub_wq,
				&region->scrubbers[i].work);
}

/**
 * iommufd_mem_scrub_pause() - Have all free memory in the pool
 * @region: the region. After success the background has no block, and takes none
 *          before iommufd_mem_scrub_resume()
 *
 * Return: 0; -EINTR if the task was killed.
 */
int iommufd_mem_scrub_pause(struct iommufd_mem_region *region)
{
	scoped_guard(mutex, &region->lock)
		region->scrub_pauses++;
	if (!wait_event_killable(region->idle,
				 list_empty_careful(&region->scrubbing)))
		return 0;
	iommufd_mem_scrub_resume(region);
	return -EINTR;
}

/**
 * iommufd_mem_scrub_resume() - Undo iommufd_mem_scrub_pause()
 * @region: the region
 */
void iommufd_mem_scrub_resume(struct iommufd_mem_region *region)
{
	guard(mutex)(&region->lock);
	region->scrub_pauses--;
	iommufd_mem_scrub_kick(region);
}

/**
 * iommufd_mem_scrub_enable() - Switch scrubbing in the background on or off
 * @region: the region; it is on at first. An allocation zeroes what it gets in either
 *          case
 * @enable: on. If false, the background has no block when this returns 0
 *
 * Return: 0; -EINTR if the task was killed while a worker still had a block.
 */
int iommufd_mem_scrub_enable(struct iommufd_mem_region *region, bool enable)
{
	scoped_guard(mutex, &region->lock) {
		WRITE_ONCE(region->scrub_off, !enable);
		/* Who waits for the opposite need not any more */
		wake_up_all(&region->idle);
		iommufd_mem_scrub_kick(region);
	}
	if (wait_event_killable(region->idle,
				list_empty_careful(&region->scrubbing) ||
				!READ_ONCE(region->scrub_off)))
		return -EINTR;
	return 0;
}

/**
 * struct mem_scrub_job - Blocks that are zeroed by several tasks together
 * @region: whose memory it is
 * @blocks: the blocks; those that are clean are left alone
 * @lock: protects what follows
 * @block: the one that the next chunk is of
 * @done: what of @block has been handed out, in bytes
 * @zeroed: what the tasks that have ended have zeroed, in bytes
 * @nr_threads: how many of them have zeroed anything
 * @rc: the first error; ends the job
 */
struct mem_scrub_job {
	struct iommufd_mem_region *region;
	struct list_head *blocks;
	spinlock_t lock;	/* protects what follows */
	struct gpu_buddy_block *block;
	u64 done;
	u64 zeroed;
	unsigned int nr_threads;
	int rc;
};

struct mem_scrub_helper {
	struct work_struct work;
	struct mem_scrub_job *job;
};

/* The size of the next chunk, 0 if there is none */
static size_t mem_scrub_next(struct mem_scrub_job *job, u64 *paddr)
{
	struct gpu_buddy *buddy = &job->region->pool.buddy;

	guard(spinlock)(&job->lock);
	if (job->rc)
		return 0;
	list_for_each_entry_from(job->block, job->blocks, link) {
		u64 size = gpu_buddy_block_size(buddy, job->block);
		u64 chunk = min_t(u64, SCRUB_CHUNK, size - job->done);

		if (chunk && !gpu_buddy_block_is_clear(job->block)) {
			*paddr = gpu_buddy_block_offset(job->block) + job->done;
			job->done += chunk;
			return chunk;
		}
		job->done = 0;
	}
	return 0;
}

static void mem_scrub_fail(struct mem_scrub_job *job, int rc)
{
	guard(spinlock)(&job->lock);
	if (!job->rc)
		job->rc = rc;
}

static void mem_scrub_run(struct mem_scrub_job *job, bool killable)
{
	u64 paddr, zeroed = 0;
	size_t size;
	int rc;

	while ((size = mem_scrub_next(job, &paddr))) {
		rc = mem_zero(paddr, size);
		if (rc) {
			mem_scrub_fail(job, rc);
		} else {
			atomic64_add(size, &job->region->scrubbed_alloc);
			zeroed += size;
		}
		if (READ_ONCE(job->region->revoked))
			mem_scrub_fail(job, -ENODEV);
		if (killable && fatal_signal_pending(current))
			mem_scrub_fail(job, -EINTR);
		cond_resched();
	}
	guard(spinlock)(&job->lock);
	job->zeroed += zeroed;
	job->nr_threads += !!zeroed;
}

static void mem_scrub_help(struct work_struct *work)
{
	mem_scrub_run(container_of(work, struct mem_scrub_helper, work)->job,
		      false);
}

static u64 mem_scrub_dirty_bytes(struct iommufd_mem_region *region,
				 struct list_head *blocks)
{
	struct gpu_buddy_block *block;
	u64 bytes = 0;

	list_for_each_entry(block, blocks, link)
		if (!gpu_buddy_block_is_clear(block))
			bytes += gpu_buddy_block_size(&region->pool.buddy,
						      block);
	return bytes;
}

/**
 * iommufd_mem_scrub_blocks() - Zero what is not known to be zero
 * @region: whose memory it is
 * @blocks: taken from its pool, and seen by nobody else
 *
 * All CPUs of the region's node take part. Of clean blocks no byte is touched.
 *
 * Context: may sleep, for long. No lock should be held.
 *
 * Return: 0; -EINTR if the task was killed; -ENODEV if the region was revoked;
 * -ENOMEM if the memory cannot be mapped.
 */
int iommufd_mem_scrub_blocks(struct iommufd_mem_region *region,
			     struct list_head *blocks)
{
	struct mem_scrub_job job = {
		.region = region,
		.blocks = blocks,
		.block = list_first_entry(blocks, struct gpu_buddy_block, link),
	};
	u64 chunks = DIV_ROUND_UP_ULL(mem_scrub_dirty_bytes(region, blocks),
				      SCRUB_CHUNK);
	struct mem_scrub_helper *helpers = NULL;
	unsigned int i, nr = 0;

	if (!chunks)
		return 0;
	spin_lock_init(&job.lock);
	if (chunks > 1 && region->nr_scrubbers > 1) {
		nr = min_t(u64, chunks, region->nr_scrubbers) - 1;
		helpers = kcalloc(nr, sizeof(*helpers), GFP_KERNEL);
	}
	/* Alone it only takes longer */
	if (!helpers)
		nr = 0;
	for (i = 0; i < nr; i++) {
		helpers[i].job = &job;
		INIT_WORK(&helpers[i].work, mem_scrub_help);
		queue_work_node(region->desc.node, region->scrub_wq,
				&helpers[i].work);
	}
	mem_scrub_run(&job, true);
	/* Nothing is left to be handed out: this takes a chunk at most */
	for (i = 0; i < nr; i++)
		cancel_work_sync(&helpers[i].work);
	kfree(helpers);
	trace_iommufd_mem_scrub(region->id, job.zeroed, false, job.nr_threads);
	return job.rc;
}
