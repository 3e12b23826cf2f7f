// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts: many at once, on all engines; taken off and put back; ended in the middle
 * of work; ended by a fault.
 */
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "test.h"

#define NVGT_CONTEXTS	64U
#define NVGT_PIECE	SZ_64K

/* Waits, and gives back; the errno that the work ended with */
static int nvgt_wait(struct dma_fence *fence)
{
	int ret;

	if (IS_ERR(fence))
		return PTR_ERR(fence);
	dma_fence_wait(fence, false);
	ret = dma_fence_get_status(fence);
	dma_fence_put(fence);
	return min(ret, 0);
}

static void each_engine_copies(struct kunit *test)
{
	struct nvgt_gpu *gpu = nvgt_gpu(test);
	struct nvgt_buffer *src = nvgt_buffer(test, NVGRACE_VGPU_SYSMEM, NVGT_PIECE);
	struct nvgt_buffer *dst = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_PIECE);
	unsigned int i;

	KUNIT_EXPECT_GT(test, gpu->info.nr_ces, 0);
	for (i = 0; i < gpu->info.nr_ces; i++) {
		struct nvgrace_vgpu_ce *ce = nvgt_ce(test, i, NVGRACE_VGPU_ANY);

		KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_engine(ce), i);
		nvgt_write_pattern(src, 0, NVGT_PIECE, i + 1, 0);
		KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_copy(ce, nvgt_addr(dst, 0),
							   nvgt_addr(src, 0), NVGT_PIECE), 0);
		KUNIT_EXPECT_EQ(test, nvgt_compare_pattern(dst, 0, NVGT_PIECE, i + 1, 0),
				(u64)NVGT_PIECE);
	}
}

/* Three copies each, one after the other: out, within the framebuffer, and back */
static void sixty_four_contexts_copy_at_once_on_all_engines(struct kunit *test)
{
	struct nvgt_gpu *gpu = nvgt_gpu(test);
	u64 size = NVGT_CONTEXTS * NVGT_PIECE;
	struct nvgt_buffer *in = nvgt_buffer(test, NVGRACE_VGPU_SYSMEM, size);
	struct nvgt_buffer *mid = nvgt_buffer(test, NVGRACE_VGPU_FB, 2 * size);
	struct nvgt_buffer *out = nvgt_buffer(test, NVGRACE_VGPU_SYSMEM, size);
	unsigned int on_engine[NVGRACE_VGPU_MAX_CES] = {};
	struct nvgrace_vgpu_ce **ce = kunit_kcalloc(test, NVGT_CONTEXTS, sizeof(*ce), GFP_KERNEL);
	struct dma_fence *(*fence)[3] = kunit_kcalloc(test, NVGT_CONTEXTS, sizeof(*fence),
						      GFP_KERNEL);
	unsigned int i, k;

	KUNIT_ASSERT_NOT_NULL(test, ce);
	KUNIT_ASSERT_NOT_NULL(test, fence);
	nvgt_write_pattern(in, 0, size, 99, 0);
	nvgt_write_byte(out, 0, size, 0);
	for (i = 0; i < NVGT_CONTEXTS; i++) {
		ce[i] = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
		on_engine[nvgrace_vgpu_ce_engine(ce[i])]++;
	}
	for (i = 0; i < gpu->info.nr_ces; i++)
		KUNIT_EXPECT_GE_MSG(test, on_engine[i], NVGT_CONTEXTS / gpu->info.nr_ces,
				    "engine %u", i);

	for (i = 0; i < NVGT_CONTEXTS; i++) {
		u64 at = i * NVGT_PIECE;

		fence[i][0] = nvgrace_vgpu_ce_copy_async(ce[i], nvgt_addr(mid, at),
							 nvgt_addr(in, at), NVGT_PIECE);
		fence[i][1] = nvgrace_vgpu_ce_copy_async(ce[i], nvgt_addr(mid, size + at),
							 nvgt_addr(mid, at), NVGT_PIECE);
		fence[i][2] = nvgrace_vgpu_ce_copy_async(ce[i], nvgt_addr(out, at),
							 nvgt_addr(mid, size + at), NVGT_PIECE);
	}
	for (i = 0; i < NVGT_CONTEXTS; i++)
		for (k = 0; k < 3; k++)
			KUNIT_EXPECT_EQ_MSG(test, nvgt_wait(fence[i][k]), 0, "context %u, copy %u",
					    i, k);
	KUNIT_EXPECT_EQ(test, nvgt_compare_pattern(out, 0, size, 99, 0), size);
}

/* Threads that use one context */

#define NVGT_THREADS	4
#define NVGT_TURNS	200

struct nvgt_thread {
	struct nvgrace_vgpu_ce *ce;
	struct nvgt_buffer *buf;
	unsigned int nr;
	unsigned int turns;
	int ret;
	struct completion done;
};

static int nvgt_thread_run(void *data)
{
	struct nvgt_thread *thread = data;
	u64 at = thread->nr * NVGT_PIECE;
	unsigned int i;

	for (i = 0; i < NVGT_TURNS && !thread->ret; i++)
		thread->ret = nvgrace_vgpu_ce_fill(thread->ce, nvgt_addr(thread->buf, at),
						   thread->nr * NVGT_TURNS + i, NVGT_PIECE);
	/* Nothing of this module runs in the thread when it is done */
	kthread_complete_and_exit(&thread->done, 0);
}

static void threads_share_a_context(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_SYSMEM,
					      NVGT_THREADS * NVGT_PIECE);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgt_thread thread[NVGT_THREADS];
	unsigned int i, started;

	for (started = 0; started < NVGT_THREADS; started++) {
		struct task_struct *task;

		thread[started] = (struct nvgt_thread) { .ce = ce, .buf = buf, .nr = started };
		init_completion(&thread[started].done);
		task = kthread_run(nvgt_thread_run, &thread[started], "nvgt/%u", started);
		if (IS_ERR(task))
			break;
	}
	KUNIT_EXPECT_EQ(test, started, NVGT_THREADS);
	for (i = 0; i < started; i++) {
		wait_for_completion(&thread[i].done);
		KUNIT_EXPECT_EQ(test, thread[i].ret, 0);
		KUNIT_EXPECT_EQ(test, nvgt_compare_byte(buf, i * NVGT_PIECE, NVGT_PIECE,
							i * NVGT_TURNS + NVGT_TURNS - 1),
				(u64)NVGT_PIECE);
	}
}

/* Load: contexts with work for a while */

#define NVGT_LOAD	8U
#define NVGT_LOAD_SIZE	SZ_64M

struct nvgt_load {
	struct nvgrace_vgpu_ce *ce[NVGT_LOAD];
	struct dma_fence *fence[NVGT_LOAD];
};

static void nvgt_load_start(struct kunit *test, struct nvgt_load *load, struct nvgt_buffer *buf,
			    int engine)
{
	unsigned int i;

	for (i = 0; i < NVGT_LOAD; i++)
		load->ce[i] = nvgt_ce(test, engine, NVGRACE_VGPU_ANY);
	for (i = 0; i < NVGT_LOAD; i++)
		load->fence[i] = nvgrace_vgpu_ce_fill_async(load->ce[i], nvgt_addr(buf, 0), i,
							    NVGT_LOAD_SIZE);
}

static void nvgt_load_end(struct kunit *test, struct nvgt_load *load)
{
	unsigned int i;

	for (i = 0; i < NVGT_LOAD; i++)
		KUNIT_EXPECT_EQ_MSG(test, nvgt_wait(load->fence[i]), 0, "load %u", i);
}

static void preempted_context_stands_and_goes_on_where_it_was(struct kunit *test)
{
	struct nvgt_buffer *noise = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_LOAD_SIZE);
	struct nvgt_buffer *src = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_128M);
	struct nvgt_buffer *dst = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_128M);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, 0, NVGRACE_VGPU_ANY);
	struct nvgt_load load;
	struct dma_fence *fence, *later;

	nvgt_write_pattern(src, 0, SZ_128M, 5, 0);
	nvgt_write_byte(dst, SZ_128M - 64, 64, 0);
	nvgt_load_start(test, &load, noise, 0);

	fence = nvgrace_vgpu_ce_copy_async(ce, nvgt_addr(dst, 0), nvgt_addr(src, 0), SZ_128M);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_preempt(ce), 0);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_preempt(ce), 0);
	if (dma_fence_is_signaled(fence))
		kunit_info(test, "the copy ended before it was preempted");
	/* What it is told meanwhile has to wait, too */
	later = nvgrace_vgpu_ce_fill_async(ce, nvgt_addr(dst, SZ_128M - 64), 0x77, 64);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, later);
	nvgt_load_end(test, &load);
	msleep(100);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(later));

	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_resume(ce), 0);
	KUNIT_EXPECT_EQ(test, nvgt_wait(fence), 0);
	KUNIT_EXPECT_EQ(test, nvgt_wait(later), 0);
	KUNIT_EXPECT_EQ(test, nvgt_compare_pattern(dst, 0, SZ_128M - 64, 5, 0),
			(u64)SZ_128M - 64);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(dst, SZ_128M - 64, 64, 0x77), 64);
}

static void context_that_ends_under_load_touches_nothing_more(struct kunit *test)
{
	struct nvgt_buffer *noise = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_LOAD_SIZE);
	struct nvgt_buffer *dst = nvgt_buffer(test, NVGRACE_VGPU_SYSMEM, SZ_64M);
	struct nvgt_load load;
	struct dma_fence *fence;
	unsigned int i, cancelled = 0;
	int ret;

	nvgt_load_start(test, &load, noise, 0);
	for (i = 0; i < 16; i++) {
		struct nvgrace_vgpu_ce *ce = nvgt_ce(test, 0, NVGRACE_VGPU_ANY);

		fence = nvgrace_vgpu_ce_fill_async(ce, nvgt_addr(dst, 0), 0xdd, SZ_64M);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fence);
		if (i % 2)
			usleep_range(100, 2000);
		nvgt_ce_destroy(test, ce);
		KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
		ret = nvgt_wait(fence);
		KUNIT_EXPECT_TRUE_MSG(test, ret == 0 || ret == -ECANCELED, "%d", ret);
		cancelled += ret != 0;
		nvgt_write_byte(dst, 0, SZ_64M, 0x11);
		msleep(20);
		KUNIT_EXPECT_EQ(test, nvgt_compare_byte(dst, 0, SZ_64M, 0x11), (u64)SZ_64M);
	}
	/* The test is about these: 64 MiB behind all the load take longer than a destroy */
	KUNIT_EXPECT_GT(test, cancelled, 0);
	nvgt_load_end(test, &load);
}

/* Faults */

#define NVGT_NOWHERE	0x700000000000ULL

static bool nvgt_is_mapped(struct kunit *test, u64 iova)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(nvgt_gpu(test)->info.dma_dev);

	/* Without translation, that is somebody's memory */
	return !domain || !(domain->type & __IOMMU_DOMAIN_DMA_API) ||
	       iommu_iova_to_phys(domain, iova);
}

static void nvgt_expect_fault(struct kunit *test, struct nvgrace_vgpu_ce *ce, u64 addr,
			      bool write, bool physical)
{
	struct nvgrace_vgpu_fault fault;

	nvgrace_vgpu_ce_fault(ce, &fault);
	KUNIT_EXPECT_EQ(test, fault.kind, NVGRACE_VGPU_FAULT_MMU);
	KUNIT_EXPECT_EQ(test, fault.error, 31);
	KUNIT_EXPECT_EQ(test, fault.chid, nvgrace_vgpu_ce_chid(ce));
	KUNIT_EXPECT_EQ(test, fault.engine, nvgrace_vgpu_ce_engine(ce));
	KUNIT_EXPECT_TRUE(test, fault.has_addr);
	KUNIT_EXPECT_EQ(test, fault.addr, addr & ~0xfffULL);
	KUNIT_EXPECT_EQ(test, fault.write, write);
	KUNIT_EXPECT_EQ(test, fault.physical, physical);
}

/* A copy of 4 KiB fails, its context stays dead, and others work */
static void nvgt_expect_dead(struct kunit *test, struct nvgrace_vgpu_addr to,
			     struct nvgrace_vgpu_addr from, bool write, bool physical)
{
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, 0, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_ce *other = nvgt_ce(test, 0, NVGRACE_VGPU_ANY);
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_PIECE);
	struct nvgrace_vgpu_fault fault;

	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_copy(ce, to, from, 4096), -EIO);
	nvgt_expect_fault(test, ce, write ? to.addr : from.addr, write, physical);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(ce, nvgt_addr(buf, 0), 1, 4096), -EIO);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_preempt(ce), -EIO);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_resume(ce), -EIO);

	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(other, nvgt_addr(buf, 0), 1, 4096), 0);
	nvgrace_vgpu_ce_fault(other, &fault);
	KUNIT_EXPECT_EQ(test, fault.kind, NVGRACE_VGPU_FAULT_NONE);
	/* buf is freed before the contexts: they shall not know it any more */
	nvgt_ce_destroy(test, ce);
	nvgt_ce_destroy(test, other);
}

static void write_that_the_iommu_does_not_map_faults_with_its_channel(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_PIECE);
	struct nvgrace_vgpu_addr nowhere = { NVGRACE_VGPU_SYSMEM, NVGT_NOWHERE };

	if (nvgt_is_mapped(test, NVGT_NOWHERE))
		kunit_skip(test, "no IOMMU translates for the GPU");
	nvgt_expect_dead(test, nowhere, nvgt_addr(buf, 0), true, true);
}

static void read_that_the_iommu_does_not_map_faults_with_its_channel(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_PIECE);
	struct nvgrace_vgpu_addr nowhere = { NVGRACE_VGPU_SYSMEM, NVGT_NOWHERE + 0x123000 };

	if (nvgt_is_mapped(test, nowhere.addr))
		kunit_skip(test, "no IOMMU translates for the GPU");
	nvgt_expect_dead(test, nvgt_addr(buf, 0), nowhere, false, true);
}

static void access_behind_egm_faults(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_EGM, NVGT_PIECE);
	struct nvgrace_vgpu_addr behind = { NVGRACE_VGPU_EGM, buf->addr + buf->size };

	nvgt_expect_dead(test, behind, nvgt_addr(buf, 0), true, true);
}

static void virtual_address_that_is_not_mapped_faults(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_PIECE);
	struct nvgrace_vgpu_addr nowhere = { NVGRACE_VGPU_VA, 0x345678000000ULL };

	nvgt_expect_dead(test, nvgt_addr(buf, 0), nowhere, false, false);
	nvgt_expect_dead(test, nowhere, nvgt_addr(buf, 0), true, false);
}

static void write_to_a_mapping_for_reading_faults(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_PIECE);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_addr va = { .space = NVGRACE_VGPU_VA };

	nvgt_write_byte(buf, 0, NVGT_PIECE, 0x66);
	KUNIT_ASSERT_EQ(test, nvgrace_vgpu_ce_map(ce, NVGRACE_VGPU_FB, buf->addr, NVGT_PIECE, 0,
						  &va.addr), 0);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(ce, va, 1, NVGT_PIECE), -EIO);
	nvgt_expect_fault(test, ce, va.addr, true, false);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(buf, 0, NVGT_PIECE, 0x66), (u64)NVGT_PIECE);
}

static void mapping_that_was_taken_back_faults(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_SYSMEM, NVGT_PIECE);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_addr va = { .space = NVGRACE_VGPU_VA };

	KUNIT_ASSERT_EQ(test, nvgrace_vgpu_ce_map(ce, buf->space, buf->addr, NVGT_PIECE,
						  NVGRACE_VGPU_MAP_WRITE, &va.addr), 0);
	/* So that the GPU has the translation */
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(ce, va, 0x55, NVGT_PIECE), 0);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(buf, 0, NVGT_PIECE, 0x55), (u64)NVGT_PIECE);
	nvgrace_vgpu_ce_unmap(ce, va.addr, NVGT_PIECE);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_fill(ce, va, 0xaa, NVGT_PIECE), -EIO);
	nvgt_expect_fault(test, ce, va.addr, true, false);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(buf, 0, NVGT_PIECE, 0x55), (u64)NVGT_PIECE);
}

/* What waits behind the copy that faults ends, too */
static void jobs_behind_a_fault_fail(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_16M);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_addr nowhere = { NVGRACE_VGPU_VA, 0x345678000000ULL };
	struct dma_fence *first, *bad, *last;

	first = nvgrace_vgpu_ce_fill_async(ce, nvgt_addr(buf, 0), 1, SZ_16M);
	bad = nvgrace_vgpu_ce_fill_async(ce, nowhere, 2, 4096);
	last = nvgrace_vgpu_ce_fill_async(ce, nvgt_addr(buf, 0), 3, SZ_16M);
	KUNIT_EXPECT_EQ(test, nvgt_wait(first), 0);
	KUNIT_EXPECT_EQ(test, nvgt_wait(bad), -EIO);
	KUNIT_EXPECT_EQ(test, nvgt_wait(last), -EIO);
	KUNIT_EXPECT_EQ(test, nvgt_compare_byte(buf, 0, SZ_16M, 1), (u64)SZ_16M);
}

#define NVGT_MANY	1024U		/* more jobs than the rings of a context have room for */

static int nvgt_thread_queue(void *data)
{
	struct nvgt_thread *thread = data;
	struct dma_fence *fence;

	while (thread->turns < NVGT_MANY && !thread->ret) {
		fence = nvgrace_vgpu_ce_fill_async(thread->ce, nvgt_addr(thread->buf, 0), 1, 4096);
		if (IS_ERR(fence)) {
			thread->ret = PTR_ERR(fence);
		} else {
			dma_fence_put(fence);
			WRITE_ONCE(thread->turns, thread->turns + 1);
		}
	}
	kthread_complete_and_exit(&thread->done, 0);
}

/* It sleeps, and has not got on in the meantime */
static bool nvgt_thread_waits(struct nvgt_thread *thread, struct task_struct *task)
{
	unsigned long end = jiffies + 30 * HZ;
	unsigned int turns;

	do {
		turns = READ_ONCE(thread->turns);
		msleep(50);
		if (turns && turns == READ_ONCE(thread->turns) && !task_is_running(task))
			return !completion_done(&thread->done);
	} while (time_before(jiffies, end));
	return false;
}

static void thread_that_waits_for_room_behind_a_fault_ends(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, NVGT_PIECE);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, NVGRACE_VGPU_ANY, NVGRACE_VGPU_ANY);
	struct nvgrace_vgpu_addr nowhere = { NVGRACE_VGPU_VA, 0x345678000000ULL };
	struct nvgt_thread thread = { .ce = ce, .buf = buf };
	struct task_struct *task;
	struct dma_fence *bad;

	KUNIT_ASSERT_EQ(test, nvgrace_vgpu_ce_preempt(ce), 0);
	bad = nvgrace_vgpu_ce_fill_async(ce, nowhere, 2, 4096);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bad);
	init_completion(&thread.done);
	task = kthread_create(nvgt_thread_queue, &thread, "nvgt/room");
	if (IS_ERR(task)) {
		dma_fence_put(bad);
		KUNIT_FAIL_AND_ABORT(test, "no thread: %ld", PTR_ERR(task));
	}
	get_task_struct(task);
	wake_up_process(task);
	KUNIT_EXPECT_TRUE(test, nvgt_thread_waits(&thread, task));
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_resume(ce), 0);
	if (!wait_for_completion_timeout(&thread.done, 30 * HZ)) {
		KUNIT_FAIL(test, "it waits still");
		/* It must not outlive the test */
		wait_for_completion(&thread.done);
	}
	put_task_struct(task);
	KUNIT_EXPECT_EQ(test, thread.ret, -EIO);
	KUNIT_EXPECT_EQ(test, nvgt_wait(bad), -EIO);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_preempt(ce), -EIO);
	KUNIT_EXPECT_EQ(test, nvgrace_vgpu_ce_resume(ce), -EIO);
}

static struct kunit_case nvgt_context_cases[] = {
	KUNIT_CASE(each_engine_copies),
	KUNIT_CASE(sixty_four_contexts_copy_at_once_on_all_engines),
	KUNIT_CASE(threads_share_a_context),
	KUNIT_CASE(preempted_context_stands_and_goes_on_where_it_was),
	KUNIT_CASE_SLOW(context_that_ends_under_load_touches_nothing_more),
	KUNIT_CASE(write_that_the_iommu_does_not_map_faults_with_its_channel),
	KUNIT_CASE(read_that_the_iommu_does_not_map_faults_with_its_channel),
	KUNIT_CASE(access_behind_egm_faults),
	KUNIT_CASE(virtual_address_that_is_not_mapped_faults),
	KUNIT_CASE(write_to_a_mapping_for_reading_faults),
	KUNIT_CASE(mapping_that_was_taken_back_faults),
	KUNIT_CASE(jobs_behind_a_fault_fail),
	KUNIT_CASE(thread_that_waits_for_room_behind_a_fault_ends),
	{ }
};

struct kunit_suite nvgt_context_suite = {
	.name = "nvgrace_vgpu_context",
	.init = nvgt_test_init,
	.test_cases = nvgt_context_cases,
};
