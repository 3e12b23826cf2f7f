// SPDX-License-Identifier: GPL-2.0
/*
 * A channel: a queue of jobs for one engine. A job is a run of methods in the push
 * buffer; an entry of the GPFIFO ring points to it. USERD says which entry is the
 * newest, and the doorbell that there is a new one. The last methods of a job make the
 * engine store the job's number in the channel's semaphore and raise its interrupt:
 * what the semaphore says is all that the driver knows of the channel's progress.
 *
 * What the CPU writes (rings, USERD) or reads (semaphore) is coherent system memory;
 * what only the GPU uses (instance block, method buffer) is framebuffer, cleared
 * through BAR 1. The channel reads its rings through its own address space, which may
 * not write to them.
 *
 * The end of a channel. Memory that the GPU may still access is never freed, and no
 * fence is signalled that says it could be. So a channel first comes off its engine:
 * disabled, preempted, freed by the firmware, each with a time limit. What comes of
 * that:
 *
 *	freed		the GPU has forgotten the channel
 *	not freed	the GPU is declared lost: nvg_fifo_bar() keeps all channels from
 *			the CPU's memory until a reset of the function has ended them.
 *			Framebuffer can be given back, since nobody gets any before
 *			that reset
 *
 * All channels together, their ids and what the firmware tells of them: fifo.c. What a
 * job consists of: ce.c.
 */
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "gpu.h"

#define NVG_PUSH_WORDS		8192U	/* of the push buffer */
#define NVG_GP_ENTRIES		512U	/* of the GPFIFO ring, a power of two */
#define NVG_USERD_SIZE		512
#define NVG_USERD_GP_PUT	0x8c
#define NVG_SPACE_TIMEOUT	(120 * HZ)	/* longer than a hang can last */

/* NvNotification of OGKM (nvtypes.h), by which RM tells an error of the channel */
struct nvg_notifier {
	__le64 time;
	__le32 info32;		/* the error: type of struct nvg_rc */
	__le16 info16;
	__le16 status;		/* 0: there was none */
};

static_assert(sizeof(struct nvg_notifier) == 16);

/*
 * Memory of a channel that the CPU accesses. The channel reads what is before
 * @semaphore and writes @semaphore; the rest is accessed by the hardware and the
 * firmware, without translation by the channel's address space. Parts are pages of the
 * GPU.
 */
struct nvg_channel_mem {
	__le32 push[NVG_PUSH_WORDS];
	__le64 gpfifo[NVG_GP_ENTRIES];
	struct {
		__le32 payload;
	} semaphore __aligned(4096);
	struct {
		u8 userd[NVG_USERD_SIZE];
		struct nvg_notifier notifier;
	} host __aligned(4096);
};

#define NVG_MEM_GPFIFO		offsetof(struct nvg_channel_mem, gpfifo)
#define NVG_MEM_SEMAPHORE	offsetof(struct nvg_channel_mem, semaphore)
#define NVG_MEM_HOST		offsetof(struct nvg_channel_mem, host)
#define NVG_MEM_NOTIFIER	offsetof(struct nvg_channel_mem, host.notifier)

static_assert(NVG_MEM_GPFIFO % 4096 == 0);
/* Room that a job asks for */
#define NVG_JOB_WORDS		(NVG_PUSH_OBJECT_WORDS + NVG_PUSH_RELEASE_WORDS + \
				 NVG_JOB_LAUNCHES * NVG_PUSH_LAUNCH_WORDS)

static_assert(2 * NVG_JOB_WORDS <= NVG_PUSH_WORDS);
static_assert(NVG_JOB_WORDS <= NVG_GP_MAX_WORDS);

/* A job that was queued. @fence is first, since dma_fence_free() frees it all */
struct nvg_job {
	struct dma_fence fence;
	struct list_head link;
	u32 words;		/* of the push buffer, with what was skipped */
};

static const char *nvg_job_driver_name(struct dma_fence *fence)
{
	return "nvgrace-vgpu";
}

static const char *nvg_job_timeline_name(struct dma_fence *fence)
{
	return "channel";
}

static const struct dma_fence_ops nvg_job_ops = {
	.get_driver_name = nvg_job_driver_name,
	.get_timeline_name = nvg_job_timeline_name,
};

/**
 * nvg_jobs_signal() - Signal the fences of jobs
 * @jobs: that are in no other list any more
 * @error: how they ended, 0 or a negative errno
 *
 * Context: any.
 */
void nvg_jobs_signal(struct list_head *jobs, int error)
{
	struct nvg_job *job, *next;

	list_for_each_entry_safe(job, next, jobs, link) {
		list_del(&job->link);
		if (error)
			dma_fence_set_error(&job->fence, error);
		dma_fence_signal(&job->fence);
		dma_fence_put(&job->fence);
	}
}

/* A job leaves the rings. fifo.lock is held */
static void nvg_channel_retire_job(struct nvg_channel *channel, struct nvg_job *job,
				   struct list_head *to)
{
	channel->gp_used--;
	channel->push_used -= job->words;
	channel->gpu->fifo.nr_jobs--;
	list_move_tail(&job->link, to);
}

/**
 * nvg_channel_reap() - Find the jobs that have ended well
 * @channel: that they were queued in
 * @done: list that they are moved to
 *
 * Context: fifo.lock is held.
 */
void nvg_channel_reap(struct nvg_channel *channel, struct list_head *done)
{
	u32 payload = le32_to_cpu(READ_ONCE(channel->mem->semaphore.payload));
	struct nvg_fifo *fifo = &channel->gpu->fifo;
	struct nvg_job *job, *next;
	bool any = false;

	/* What the jobs wrote is read after what says that they wrote it */
	dma_rmb();
	list_for_each_entry_safe(job, next, &channel->jobs, link) {
		if ((s32)(payload - lower_32_bits(job->fence.seqno)) < 0)
			break;
		nvg_channel_retire_job(channel, job, done);
		any = true;
	}
	if (!any)
		return;
	channel->progress = jiffies;
	fifo->progress[channel->index] = jiffies;
	wake_up_all(&channel->wait);
}

/**
 * nvg_channel_stop_locked() - Let a channel take no more jobs
 * @channel: to stop; the first cause stays
 * @error: that its owner gets, negative
 * @kind: why
 *
 * Context: fifo.lock is held.
 */
void nvg_channel_stop_locked(struct nvg_channel *channel, int error,
			     enum nvgrace_vgpu_fault_kind kind)
{
	if (channel->error)
		return;
	channel->fault.kind = kind;
	channel->error = error;
	wake_up_all(&channel->wait);
}

/**
 * nvg_channel_take_jobs() - Take the jobs of a channel that the GPU runs no more
 * @channel: stopped
 * @done: list for those that had ended well
 * @failed: list for the others
 *
 * Context: fifo.lock is held.
 */
void nvg_channel_take_jobs(struct nvg_channel *channel, struct list_head *done,
			   struct list_head *failed)
{
	struct nvg_job *job, *next;

	nvg_channel_reap(channel, done);
	list_for_each_entry_safe(job, next, &channel->jobs, link)
		nvg_channel_retire_job(channel, job, failed);
}

/**
 * nvg_channel_fail() - End the jobs of a channel that the GPU runs no more
 * @channel: stopped
 *
 * Context: any.
 */
void nvg_channel_fail(struct nvg_channel *channel)
{
	struct nvg_fifo *fifo = &channel->gpu->fifo;
	LIST_HEAD(failed);
	LIST_HEAD(done);
	int error;

	scoped_guard(spinlock_irqsave, &fifo->lock) {
		nvg_channel_take_jobs(channel, &done, &failed);
		error = channel->error;
	}
	nvg_jobs_signal(&done, 0);
	nvg_jobs_signal(&failed, error);
}

static void nvg_channel_release(struct kref *ref)
{
	struct nvg_channel *channel = container_of(ref, struct nvg_channel, ref);
	struct nvg_gpu *gpu = channel->gpu;

	if (!IS_ERR_OR_NULL(channel->vmm))
		nvg_vmm_destroy(channel->vmm);
	if (!IS_ERR_OR_NULL(channel->fb))
		nvg_fb_free(gpu, channel->fb);
	if (channel->mem)
		dma_free_coherent(gpu->dev, sizeof(*channel->mem), channel->mem, channel->dma);
	kfree(channel);
}

/**
 * nvg_channel_put() - Give back a reference to a channel
 * @channel: as got from nvg_channel_by_inst()
 *
 * Context: may sleep.
 */
void nvg_channel_put(struct nvg_channel *channel)
{
	kref_put(&channel->ref, nvg_channel_release);
}

/*
 * Instance block and method buffer, cleared. The framebuffer keeps what it held: the
 * GPU would take an instance block of before for one that is set up.
 */
static int nvg_channel_init_fb(struct nvg_channel *channel)
{
	u64 method_size = ALIGN(channel->gpu->fifo.method_buffer, NVG_PAGE_SIZE);
	struct nvg_fw_channel *fw = &channel->fw;
	struct nvg_gpu *gpu = channel->gpu;
	u64 size = NVG_PAGE_SIZE + method_size;
	struct nvg_fault old;
	void __iomem *map;

	channel->fb = nvg_fb_alloc(gpu, size, NVG_PAGE_SIZE);
	if (IS_ERR(channel->fb))
		return PTR_ERR(channel->fb);
	/* Of whoever had the block before */
	nvg_fault_of_inst(gpu, channel->fb->addr, &old);
	map = nvg_bar1_map(gpu, channel->fb->addr, size);
	if (IS_ERR(map))
		return PTR_ERR(map);
	memset_io(map, 0, size);
	/* A read pushes the writes out, before a message says that they are done */
	readl(map + size - 4);
	nvg_bar1_unmap(gpu, map, size);

	fw->inst = (struct nvg_mem_desc) { .addr = channel->fb->addr, .size = NVG_PAGE_SIZE };
	fw->method_buffer = (struct nvg_mem_desc) {
		.addr = channel->fb->addr + NVG_PAGE_SIZE,
		.size = gpu->fifo.method_buffer,
	};
	return 0;
}

static int nvg_channel_init_mem(struct nvg_channel *channel)
{
	struct nvg_fw_channel *fw = &channel->fw;

	channel->mem = dma_alloc_coherent(channel->gpu->dev, sizeof(*channel->mem),
					  &channel->dma, GFP_KERNEL);
	if (!channel->mem)
		return -ENOMEM;
	fw->userd = (struct nvg_mem_desc) {
		.addr = channel->dma + NVG_MEM_HOST,
		.size = NVG_USERD_SIZE,
		.sysmem = true,
	};
	fw->notifier = (struct nvg_mem_desc) {
		.addr = channel->dma + NVG_MEM_NOTIFIER,
		.size = sizeof(struct nvg_notifier),
		.sysmem = true,
	};
	return 0;
}

/* The address space, with the rings and the semaphore in it */
static int nvg_channel_init_vmm(struct nvg_channel *channel)
{
	struct nvg_vmm *vmm;
	int ret;

	vmm = nvg_vmm_create(channel->gpu);
	channel->vmm = vmm;
	if (IS_ERR(vmm))
		return PTR_ERR(vmm);
	ret = nvg_vmm_reserve(vmm, NVG_MEM_HOST, NVG_PAGE_SIZE, &channel->va);
	if (ret)
		return ret;
	/* GP entries have less room for an address than page tables */
	if (channel->va + NVG_MEM_HOST > BIT_ULL(NVG_GP_ADDR_BITS))
		return -ENOSPC;
	ret = nvg_vmm_map(vmm, channel->va, NVGRACE_VGPU_SYSMEM, channel->dma,
			  NVG_MEM_SEMAPHORE, NVG_VMM_READ_ONLY);
	if (ret)
		return ret;
	ret = nvg_vmm_map(vmm, channel->va + NVG_MEM_SEMAPHORE, NVGRACE_VGPU_SYSMEM,
			  channel->dma + NVG_MEM_SEMAPHORE, NVG_MEM_HOST - NVG_MEM_SEMAPHORE, 0);
	if (ret)
		return ret;
	channel->fw.gpfifo = channel->va + NVG_MEM_GPFIFO;
	channel->fw.entries = NVG_GP_ENTRIES;
	return 0;
}

static int nvg_channel_init_firmware(struct nvg_channel *channel)
{
	struct nvg_fw_channel *fw = &channel->fw;
	struct nvg_gpu *gpu = channel->gpu;
	int ret;

	ret = nvg_fw_vaspace_alloc(gpu, &fw->vaspace, nvg_vmm_pdb(channel->vmm));
	if (ret)
		return ret;
	fw->chid = channel->chid;
	fw->engine_type = channel->engine->info.rm_type;
	ret = nvg_fw_channel_alloc(gpu, fw);
	if (ret)
		return ret;
	ret = nvg_fw_channel_object(gpu, fw, NVG_CLASS_COPY);
	if (ret)
		return ret;
	ret = nvg_fw_channel_token(gpu, fw, &channel->token);
	if (ret)
		return ret;
	ret = nvg_fw_channel_schedule(gpu, fw, true);
	channel->scheduled = !ret;
	return ret;
}

/* A firmware that does not forget an object lets the GPU go on with it: it is lost */
static void nvg_channel_free_object(struct nvg_channel *channel, u32 *handle)
{
	struct nvg_gpu *gpu = channel->gpu;
	int ret = 0;

	if (*handle && !nvg_gpu_is_lost(gpu))
		ret = nvg_rm_free(gpu, *handle);
	*handle = 0;
	if (!ret || nvg_gpu_is_lost(gpu))
		return;
	dev_err(gpu->dev, "%s: channel %u: cannot be freed (%d)\n", channel->engine->name,
		channel->chid, ret);
	nvg_gpu_lost(gpu, "a channel cannot be taken off its engine");
}

/*
 * Take the channel out of the firmware. Afterwards the GPU does not access the
 * channel's memory, nor that of its jobs. channel->mutex is held, if others know the
 * channel.
 */
static void nvg_channel_quit_firmware(struct nvg_channel *channel)
{
	struct nvg_fw_channel *fw = &channel->fw;
	struct nvg_gpu *gpu = channel->gpu;
	int ret;

	if (channel->epoch != gpu->epoch)
		return;
	if (channel->scheduled && !READ_ONCE(channel->ended) && !nvg_gpu_is_lost(gpu)) {
		ret = nvg_fw_channel_schedule(gpu, fw, false);
		if (!ret)
			ret = nvg_fw_channel_preempt(gpu, fw, NVG_PREEMPT_US);
		if (ret && !READ_ONCE(channel->ended) && !nvg_gpu_is_lost(gpu))
			dev_warn(gpu->dev, "%s: channel %u: could not be preempted (%d), freed as it is\n",
				 channel->engine->name, channel->chid, ret);
	}
	channel->scheduled = false;
	nvg_channel_free_object(channel, &fw->tsg);
	nvg_channel_free_object(channel, &fw->vaspace);
	/* Also when an allocation got no answer: the GPU may have the channel */
	if (nvg_gpu_is_lost(gpu))
		nvg_fifo_bar(gpu);
	/* What the firmware said of the channel is not for the next one with its id */
	nvg_rpc_flush(gpu);
}

/**
 * nvg_channel_off() - Take a channel off its engine for good
 * @channel: that can be off already; its handle stays valid
 * @error: that its jobs end with, unless it was stopped before
 * @kind: why, likewise
 *
 * When it returns, the GPU does not access the channel's memory nor that of its jobs,
 * and all jobs have ended.
 *
 * Context: may sleep; gpu->lock is held.
 */
void nvg_channel_off(struct nvg_channel *channel, int error, enum nvgrace_vgpu_fault_kind kind)
{
	struct nvg_fifo *fifo = &channel->gpu->fifo;

	scoped_guard(spinlock_irqsave, &fifo->lock)
		nvg_channel_stop_locked(channel, error, kind);
	scoped_guard(mutex, &channel->mutex)
		nvg_channel_quit_firmware(channel);
	nvg_channel_fail(channel);
	nvg_fifo_remove(channel);
}

/**
 * nvg_channel_create() - Make a channel that takes jobs
 * @gpu: that has it
 * @engine: index in gpu->engines, or NVGRACE_VGPU_ANY
 * @chid: out of a slice, or NVGRACE_VGPU_ANY
 *
 * Context: may sleep; gpu->lock is held.
 * Return: the channel or an ERR_PTR: -EIO the GPU is lost; -EINVAL no such engine, or
 * @chid belongs to no slice; -EBUSY @chid is in use; -ENOSPC no channel ids, no
 * framebuffer or no aperture is left; -ENOMEM; or what the firmware said.
 */
struct nvg_channel *nvg_channel_create(struct nvg_gpu *gpu, int engine, int chid)
{
	struct nvg_channel *channel;
	int ret;

	channel = kzalloc_obj(*channel);
	if (!channel)
		return ERR_PTR(-ENOMEM);
	channel->gpu = gpu;
	channel->epoch = gpu->epoch;
	channel->context = dma_fence_context_alloc(1);
	kref_init(&channel->ref);
	mutex_init(&channel->mutex);
	init_waitqueue_head(&channel->wait);
	INIT_LIST_HEAD(&channel->link);
	INIT_LIST_HEAD(&channel->jobs);

	ret = nvg_fifo_reserve(channel, engine, chid);
	if (ret)
		goto err_put;
	ret = nvg_channel_init_mem(channel);
	if (!ret)
		ret = nvg_channel_init_fb(channel);
	if (!ret)
		ret = nvg_channel_init_vmm(channel);
	if (ret)
		goto err_remove;
	ret = nvg_channel_init_firmware(channel);
	if (!ret)
		ret = nvg_fifo_add(channel);
	if (ret)
		goto err_quit;
	return channel;

err_quit:
	nvg_channel_quit_firmware(channel);
err_remove:
	nvg_fifo_remove(channel);
err_put:
	nvg_channel_put(channel);
	return ERR_PTR(ret);
}

/**
 * nvg_channel_destroy() - End a channel that nobody uses any more
 * @channel: jobs that it still has end with -ECANCELED
 *
 * It ends in bounded time, whatever the GPU does: see the top of this file.
 *
 * Context: may sleep; gpu->lock is held.
 */
void nvg_channel_destroy(struct nvg_channel *channel)
{
	nvg_channel_off(channel, -ECANCELED, NVGRACE_VGPU_FAULT_NONE);
	nvg_channel_put(channel);
}

/**
 * nvg_channel_notified() - Has the firmware set the channel's error notifier?
 * @channel: that may have ended
 * @type: gets the cause, as of struct nvg_rc
 *
 * Context: any.
 * Return: whether it has; otherwise @type is left alone.
 */
bool nvg_channel_notified(struct nvg_channel *channel, u32 *type)
{
	const struct nvg_notifier *notifier = &channel->mem->host.notifier;

	if (!READ_ONCE(notifier->status))
		return false;
	/* It is written last */
	dma_rmb();
	*type = le32_to_cpu(READ_ONCE(notifier->info32));
	return true;
}

/*
 * Words of the push buffer that are left out, as a job lies in one piece.
 * channel->mutex is held.
 */
static u32 nvg_channel_push_skip(struct nvg_channel *channel)
{
	u32 left = NVG_PUSH_WORDS - channel->push_put;

	return left < NVG_JOB_WORDS ? left : 0;
}

/* Why the channel takes no more jobs, or 0 */
static int nvg_channel_error(struct nvg_channel *channel)
{
	guard(spinlock_irqsave)(&channel->gpu->fifo.lock);
	return channel->error;
}

/* Is there room for a job behind @skip words, or no sense in waiting for it? */
static bool nvg_channel_has_room(struct nvg_channel *channel, u32 skip)
{
	guard(spinlock_irqsave)(&channel->gpu->fifo.lock);
	return channel->error ||
	       (channel->gp_used < NVG_GP_ENTRIES - 1 &&
		channel->push_used + skip + NVG_JOB_WORDS <= NVG_PUSH_WORDS);
}

/* Returns with channel->mutex held if it returns 0 */
static int nvg_channel_lock_room(struct nvg_channel *channel)
{
	unsigned long end = jiffies + NVG_SPACE_TIMEOUT;
	long left;
	u32 skip;
	int ret;

	do {
		if (mutex_lock_killable(&channel->mutex))
			return -EINTR;
		skip = nvg_channel_push_skip(channel);
		if (nvg_channel_has_room(channel, skip)) {
			ret = nvg_channel_error(channel);
			if (ret)
				mutex_unlock(&channel->mutex);
			return ret;
		}
		/* Others may go on meanwhile: preempt, resume, destroy */
		mutex_unlock(&channel->mutex);
		left = wait_event_killable_timeout(channel->wait,
						   nvg_channel_has_room(channel, skip), HZ);
		if (left < 0)
			return -EINTR;
	} while (time_before(jiffies, end));
	return -ETIMEDOUT;
}

/**
 * nvg_channel_begin() - Begin a job
 * @channel: that shall do it
 * @push: is set up for the methods of NVG_JOB_LAUNCHES launches
 *
 * Waits for room in the rings. If it returns 0, nvg_channel_end() must follow soon.
 *
 * Context: may sleep; gpu->lock need not be held.
 * Return: 0; -EINTR a fatal signal came; -ETIMEDOUT there was no room in time; -ENOMEM;
 * or why the channel ended.
 */
int nvg_channel_begin(struct nvg_channel *channel, struct nvg_push *push)
{
	struct nvg_job *job;
	int ret;

	job = kzalloc_obj(*job);
	if (!job)
		return -ENOMEM;
	ret = nvg_channel_lock_room(channel);
	if (ret) {
		kfree(job);
		return ret;
	}

	channel->push_skip = nvg_channel_push_skip(channel);
	if (channel->push_skip)
		channel->push_put = 0;
	channel->job = job;
	push->words = channel->mem->push + channel->push_put;
	push->nr = 0;
	push->max = NVG_JOB_WORDS;
	if (!channel->has_object)
		nvg_push_object(push, NVG_CLASS_COPY);
	return 0;
}

/* The GPU learns of entries up to gp_put. channel->mutex is held */
static void nvg_channel_ring(struct nvg_channel *channel)
{
	__le32 *gp_put = (__le32 *)(channel->mem->host.userd + NVG_USERD_GP_PUT);

	/* The ring before the index, the index before the doorbell (writel) */
	dma_wmb();
	WRITE_ONCE(*gp_put, cpu_to_le32(channel->gp_put));
	nvg_wr32(channel->gpu, NV_VIRTUAL_FUNCTION_DOORBELL, channel->token);
}

/* The job is one of the channel's from now on, unless the channel has ended */
static int nvg_channel_add_job(struct nvg_channel *channel, struct nvg_job *job)
{
	struct nvg_fifo *fifo = &channel->gpu->fifo;

	guard(spinlock_irqsave)(&fifo->lock);
	if (channel->error)
		return channel->error;
	if (list_empty(&channel->jobs))
		channel->progress = jiffies;
	list_add_tail(&job->link, &channel->jobs);
	channel->gp_used++;
	channel->push_used += job->words;
	fifo->nr_jobs++;
	return 0;
}

/**
 * nvg_channel_end() - Queue the job that was begun
 * @channel: the same as for nvg_channel_begin()
 * @push: the same, with the job's methods
 *
 * Return: the job's fence, with a reference for the caller, or why the channel ended
 * meanwhile.
 */
struct dma_fence *nvg_channel_end(struct nvg_channel *channel, struct nvg_push *push)
{
	struct nvg_job *job = channel->job;
	u64 va = channel->va + channel->push_put * sizeof(__le32);
	struct dma_fence *fence;
	int ret;

	nvg_push_release(push, channel->va + NVG_MEM_SEMAPHORE,
			 lower_32_bits(channel->seqno + 1));
	channel->job = NULL;
	job->words = channel->push_skip + push->nr;
	dma_fence_init64(&job->fence, &nvg_job_ops, NULL, channel->context, channel->seqno + 1);
	fence = dma_fence_get(&job->fence);
	ret = WARN_ON(push->nr > push->max) ? -EINVAL : nvg_channel_add_job(channel, job);
	if (ret) {
		mutex_unlock(&channel->mutex);
		/* Nobody else saw it */
		dma_fence_set_error(fence, ret);
		dma_fence_signal(fence);
		dma_fence_put(fence);
		dma_fence_put(fence);
		return ERR_PTR(ret);
	}

	channel->seqno++;
	channel->has_object = true;
	channel->mem->gpfifo[channel->gp_put] = cpu_to_le64(nvg_gp_entry(va, push->nr));
	channel->gp_put = (channel->gp_put + 1) % NVG_GP_ENTRIES;
	channel->push_put = (channel->push_put + push->nr) % NVG_PUSH_WORDS;
	if (!channel->paused)
		nvg_channel_ring(channel);
	/* Not later: who takes the channel off ends the watch then */
	nvg_fifo_watch(channel->gpu);
	mutex_unlock(&channel->mutex);
	return fence;
}

/**
 * nvg_channel_preempt() - Take a channel off its engine for a while
 * @channel: whose jobs stay; more can be queued
 *
 * When it returns 0, the GPU does none of the channel's jobs until
 * nvg_channel_resume().
 *
 * Context: may sleep; gpu->lock is held.
 * Return: 0; -ETIMEDOUT the engine did not let go of it, so that it goes on; -EIO the
 * channel ended, however, or the GPU is lost; or what the firmware said.
 */
int nvg_channel_preempt(struct nvg_channel *channel)
{
	struct nvg_fifo *fifo = &channel->gpu->fifo;
	int ret;

	guard(mutex)(&channel->mutex);
	if (nvg_channel_error(channel))
		return -EIO;
	if (channel->paused)
		return 0;
	ret = nvg_fw_channel_schedule(channel->gpu, &channel->fw, false);
	if (ret)
		return nvg_gpu_is_lost(channel->gpu) ? -EIO : ret;
	ret = nvg_fw_channel_preempt(channel->gpu, &channel->fw, NVG_PREEMPT_US);
	if (ret) {
		if (nvg_gpu_is_lost(channel->gpu))
			return -EIO;
		nvg_fw_channel_schedule(channel->gpu, &channel->fw, true);
		return ret;
	}
	guard(spinlock_irqsave)(&fifo->lock);
	channel->paused = true;
	return 0;
}

/**
 * nvg_channel_resume() - Let a channel go on
 * @channel: that was preempted, or not
 *
 * Context: may sleep; gpu->lock is held.
 * Return: 0; -EIO the channel ended, however, or the GPU is lost; or what the firmware said.
 */
int nvg_channel_resume(struct nvg_channel *channel)
{
	struct nvg_fifo *fifo = &channel->gpu->fifo;
	int ret;

	guard(mutex)(&channel->mutex);
	if (nvg_channel_error(channel))
		return -EIO;
	if (!channel->paused)
		return 0;
	ret = nvg_fw_channel_schedule(channel->gpu, &channel->fw, true);
	if (ret)
		return nvg_gpu_is_lost(channel->gpu) ? -EIO : ret;
	scoped_guard(spinlock_irqsave, &fifo->lock) {
		channel->paused = false;
		channel->progress = jiffies;
	}
	nvg_channel_ring(channel);
	nvg_fifo_watch(channel->gpu);
	return 0;
}

/**
 * nvg_channel_get_fault() - Why a channel ended
 * @channel: that ended, or did not
 * @fault: is filled in
 *
 * Context: any.
 */
void nvg_channel_get_fault(struct nvg_channel *channel, struct nvgrace_vgpu_fault *fault)
{
	guard(spinlock_irqsave)(&channel->gpu->fifo.lock);
	*fault = channel->fault;
}
