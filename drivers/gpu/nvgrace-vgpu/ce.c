// SPDX-License-Identifier: GPL-2.0
/*
 * Copies and fills by the copy engines: what they are for the engine (launches), what
 * fits into one of them and into one job, and how others get them.
 *
 * An end of a copy is virtual, in the address space of the context, or physical:
 * framebuffer, system memory (a DMA address, that the IOMMU translates), or EGM, which
 * to the GPU is the memory of a peer. Each end is one range. The two ends can differ in
 * kind.
 *
 * How jobs get to the engine and how they end: channel.c and fifo.c.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/nvgrace_vgpu.h>
#include <linux/slab.h>

#include "gpu.h"

/*
 * Bytes of a job. A launch could have 2 GiB; but the engine works for one channel until it
 * ends, and how far a job is, nobody sees: see NVG_JOB_LAUNCHES.
 */
#define NVG_CE_JOB_SIZE		SZ_64M

#define NVG_CHECK_SIZE		0x10000U
#define NVG_CHECK_TIMEOUT	(10 * HZ)

/* @fb_size and @egm_peer are those of the boot that @channel lives in */
struct nvgrace_vgpu_ce {
	struct nvg_gpu *gpu;
	struct nvg_channel *channel;
	u64 fb_size;
	u32 egm_peer;
};

/* What is left to do of a copy, or of a fill */
struct nvg_ce_work {
	struct nvg_ce_end dst;
	struct nvg_ce_end src;
	u64 left;
	bool fill;
	u8 byte;
};

static int nvg_ce_end_init(struct nvgrace_vgpu_ce *ce, struct nvgrace_vgpu_addr addr, u64 size,
			   struct nvg_ce_end *end)
{
	u64 limit = BIT_ULL(NVG_CE_ADDR_BITS);

	end->addr = addr.addr;
	end->physical = true;
	end->target = 0;
	switch (addr.space) {
	case NVGRACE_VGPU_FB:
		end->target = NV_CE_PHYS_MODE_LOCAL_FB;
		limit = ce->fb_size;
		break;
	case NVGRACE_VGPU_SYSMEM:
		end->target = NV_CE_PHYS_MODE_COHERENT_SYSMEM;
		break;
	case NVGRACE_VGPU_EGM:
		if (ce->egm_peer == NVG_NO_EGM_PEER)
			return -EOPNOTSUPP;
		end->target = NV_CE_PHYS_MODE_PEER | NV_CE_PHYS_MODE_PEER_ID(ce->egm_peer);
		break;
	case NVGRACE_VGPU_VA:
		end->physical = false;
		break;
	default:
		return -EINVAL;
	}
	return addr.addr <= limit && size <= limit - addr.addr ? 0 : -EINVAL;
}

/* Bytes of the next launch, of at most @size that are left for the job */
static u32 nvg_ce_next(const struct nvg_ce_work *work, u32 size)
{
	if (!work->fill || size < 4)
		return size;
	/* Words as soon and as long as possible */
	if (!IS_ALIGNED(work->dst.addr, 4))
		return 4 - work->dst.addr % 4;
	return round_down(size, 4);
}

static u32 nvg_ce_push(struct nvg_ce_work *work, u32 left, struct nvg_push *push)
{
	u32 size = nvg_ce_next(work, left);

	if (work->fill)
		nvg_push_fill(push, &work->dst, work->byte, size);
	else
		nvg_push_copy(push, &work->dst, &work->src, size);
	work->dst.addr += size;
	work->src.addr += size;
	work->left -= size;
	return size;
}

/* One job with a part of the work: a launch, or, as a fill has odd ends, NVG_JOB_LAUNCHES */
static struct dma_fence *nvg_ce_submit_job(struct nvg_channel *channel, struct nvg_ce_work *work)
{
	u32 left = min_t(u64, work->left, NVG_CE_JOB_SIZE);
	struct nvg_push push;
	int ret;

	ret = nvg_channel_begin(channel, &push);
	if (ret)
		return ERR_PTR(ret);
	while (left)
		left -= nvg_ce_push(work, left, &push);
	return nvg_channel_end(channel, &push);
}

/* All of the work; the fence is that of its end, since jobs of a channel end in order */
static struct dma_fence *nvg_ce_submit(struct nvgrace_vgpu_ce *ce, struct nvg_ce_work *work)
{
	struct dma_fence *fence = NULL;

	do {
		dma_fence_put(fence);
		fence = nvg_ce_submit_job(ce->channel, work);
	} while (!IS_ERR(fence) && work->left);
	return fence;
}

/**
 * nvgrace_vgpu_ce_copy_async() - Copy without waiting for the end
 * @ce: context that copies, after all that it was told before
 * @dst: where to
 * @src: where from; must not overlap @dst
 * @size: in bytes, not 0
 *
 * Any alignment is fine. It waits as long as the context has too much to do already.
 * The memory must stay until the fence is signalled; the caller gives the fence back
 * with dma_fence_put(), and can use dma_fence_add_callback(). The fence's error says
 * how it ended: as nvgrace_vgpu_ce_copy().
 *
 * A copy of more than 64 MiB is several jobs. When it fails with another error than
 * -EINVAL and -EOPNOTSUPP, some may have been queued already: before its memory is used
 * for something else, the context must be destroyed.
 *
 * Context: may sleep.
 * Return: the fence or an ERR_PTR: -EINVAL @size is 0, or an end is outside of its
 * space; -EOPNOTSUPP the GPU has no EGM; -EINTR a fatal signal came; -ENOMEM; -ETIMEDOUT
 * the context took no more for two minutes; or, as the fence's error, why it ended.
 */
struct dma_fence *nvgrace_vgpu_ce_copy_async(struct nvgrace_vgpu_ce *ce,
					     struct nvgrace_vgpu_addr dst,
					     struct nvgrace_vgpu_addr src, u64 size)
{
	struct nvg_ce_work work = { .left = size };
	int ret;

	if (!size)
		return ERR_PTR(-EINVAL);
	ret = nvg_ce_end_init(ce, dst, size, &work.dst);
	if (!ret)
		ret = nvg_ce_end_init(ce, src, size, &work.src);
	if (ret)
		return ERR_PTR(ret);
	return nvg_ce_submit(ce, &work);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_copy_async, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_fill_async() - Fill memory without waiting for the end
 * @ce: context that fills, after all that it was told before
 * @dst: what to fill
 * @byte: that each byte of it becomes
 * @size: in bytes, not 0
 *
 * Else as nvgrace_vgpu_ce_copy_async().
 *
 * Context: may sleep.
 * Return: the fence or an ERR_PTR, as nvgrace_vgpu_ce_copy_async().
 */
struct dma_fence *nvgrace_vgpu_ce_fill_async(struct nvgrace_vgpu_ce *ce,
					     struct nvgrace_vgpu_addr dst, u8 byte, u64 size)
{
	struct nvg_ce_work work = { .left = size, .fill = true, .byte = byte };
	int ret;

	if (!size)
		return ERR_PTR(-EINVAL);
	ret = nvg_ce_end_init(ce, dst, size, &work.dst);
	if (ret)
		return ERR_PTR(ret);
	return nvg_ce_submit(ce, &work);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_fill_async, "NVGRACE_VGPU");

struct nvg_ce_waiter {
	struct dma_fence_cb cb;
	struct completion done;
};

static void nvg_ce_wake(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	complete(&container_of(cb, struct nvg_ce_waiter, cb)->done);
}

/* Consumes the fence. Returns its error, -EINTR for a fatal signal, or -ETIMEDOUT */
static int nvg_ce_wait(struct dma_fence *fence, long timeout)
{
	struct nvg_ce_waiter waiter;
	int ret = 0;
	long left;

	if (IS_ERR(fence))
		return PTR_ERR(fence);
	init_completion(&waiter.done);
	if (!dma_fence_add_callback(fence, &waiter.cb, nvg_ce_wake)) {
		left = wait_for_completion_killable_timeout(&waiter.done, timeout);
		/* If it can be removed, it was not called and will not be */
		if (left <= 0 && dma_fence_remove_callback(fence, &waiter.cb))
			ret = left ? -EINTR : -ETIMEDOUT;
	}
	if (!ret)
		ret = min(dma_fence_get_status(fence), 0);
	dma_fence_put(fence);
	return ret;
}

/**
 * nvgrace_vgpu_ce_copy() - Copy
 * @ce: context that copies, after all that it was told before
 * @dst: where to
 * @src: where from; must not overlap @dst
 * @size: in bytes, not 0
 *
 * Any alignment is fine. It ends in bounded time, unless the context is preempted: a
 * context that does not get on is ended. After -EINTR the copy goes on, after -ENOMEM a
 * part of it can, and after -ETIMEDOUT if the context was preempted: before its memory is
 * used for something else, the context must be destroyed.
 *
 * Context: may sleep.
 * Return: 0: it is done, and the CPU sees it; -EIO the context ended, see
 * nvgrace_vgpu_ce_fault(); -ETIMEDOUT it did not get on, and was ended; -ECANCELED it
 * was destroyed; or as nvgrace_vgpu_ce_copy_async().
 */
int nvgrace_vgpu_ce_copy(struct nvgrace_vgpu_ce *ce, struct nvgrace_vgpu_addr dst,
			 struct nvgrace_vgpu_addr src, u64 size)
{
	return nvg_ce_wait(nvgrace_vgpu_ce_copy_async(ce, dst, src, size), MAX_SCHEDULE_TIMEOUT);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_copy, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_fill() - Fill memory, as memset()
 * @ce: context that fills, after all that it was told before
 * @dst: what to fill
 * @byte: that each byte of it becomes
 * @size: in bytes, not 0
 *
 * Context: may sleep.
 * Return: as nvgrace_vgpu_ce_copy().
 */
int nvgrace_vgpu_ce_fill(struct nvgrace_vgpu_ce *ce, struct nvgrace_vgpu_addr dst, u8 byte,
			 u64 size)
{
	return nvg_ce_wait(nvgrace_vgpu_ce_fill_async(ce, dst, byte, size), MAX_SCHEDULE_TIMEOUT);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_fill, "NVGRACE_VGPU");

/* gpu->lock is held */
static struct nvgrace_vgpu_ce *nvg_ce_create(struct nvg_gpu *gpu, int engine, int chid)
{
	struct nvgrace_vgpu_ce *ce;

	ce = kzalloc_obj(*ce);
	if (!ce)
		return ERR_PTR(-ENOMEM);
	ce->gpu = gpu;
	ce->fb_size = gpu->info.fb_length;
	ce->egm_peer = gpu->mmu.egm_peer;
	ce->channel = nvg_channel_create(gpu, engine, chid);
	if (IS_ERR(ce->channel)) {
		struct nvg_channel *channel = ce->channel;

		kfree(ce);
		return ERR_CAST(channel);
	}
	return ce;
}

/* gpu->lock is held */
static void nvg_ce_destroy(struct nvgrace_vgpu_ce *ce)
{
	nvg_channel_destroy(ce->channel);
	kfree(ce);
}

/**
 * nvgrace_vgpu_ce_create() - Make a context that copies
 * @vgpu: GPU that it is of
 * @config: what it shall be; NULL: any engine, any channel id
 *
 * A context has its own channel and its own virtual addresses. It does what it is told
 * in order, beside other contexts, which share the engine.
 *
 * Context: may sleep.
 * Return: the context or an ERR_PTR: -EIO the GPU is lost; -EINVAL no such engine, or
 * the channel id is in no slice; -EBUSY another context has the channel id; -ENOSPC the
 * GPU has no more channel ids or no framebuffer for it; -ENOMEM; -ETIMEDOUT.
 */
struct nvgrace_vgpu_ce *nvgrace_vgpu_ce_create(struct nvgrace_vgpu *vgpu,
					       const struct nvgrace_vgpu_ce_config *config)
{
	struct nvg_gpu *gpu = nvg_vgpu_gpu(vgpu);

	guard(rwsem_read)(&gpu->lock);
	if (gpu->state != NVG_RUNNING)
		return ERR_PTR(-EIO);
	return nvg_ce_create(gpu, config ? config->engine : NVGRACE_VGPU_ANY,
			     config ? config->chid : NVGRACE_VGPU_ANY);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_create, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_destroy() - End a context
 * @ce: that nobody else uses any more
 *
 * What it was told and has not done is not done: those fences get -ECANCELED. When the
 * function returns, the GPU uses neither the memory of the copies nor the mappings. It
 * returns in bounded time, whatever the GPU does: a GPU that does not let go of a
 * context is declared lost, and barred from host memory until it is reset.
 *
 * Context: may sleep.
 */
void nvgrace_vgpu_ce_destroy(struct nvgrace_vgpu_ce *ce)
{
	struct nvg_gpu *gpu = ce->gpu;

	guard(rwsem_read)(&gpu->lock);
	nvg_ce_destroy(ce);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_destroy, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_engine() - The copy engine of a context
 * @ce: context
 *
 * Return: its number.
 */
unsigned int nvgrace_vgpu_ce_engine(struct nvgrace_vgpu_ce *ce)
{
	return ce->channel->index;
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_engine, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_chid() - The channel id of a context
 * @ce: context
 *
 * Return: the id.
 */
unsigned int nvgrace_vgpu_ce_chid(struct nvgrace_vgpu_ce *ce)
{
	return ce->channel->chid;
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_chid, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_fault() - Why a context ended
 * @ce: context, that ended or did not
 * @fault: is filled in
 *
 * Context: any.
 */
void nvgrace_vgpu_ce_fault(struct nvgrace_vgpu_ce *ce, struct nvgrace_vgpu_fault *fault)
{
	nvg_channel_get_fault(ce->channel, fault);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_fault, "NVGRACE_VGPU");

/* The largest page that the range can have */
static u64 nvg_ce_map_align(u64 addr, u64 size)
{
	static const u64 pages[] = { SZ_2M, SZ_64K };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++)
		if (size >= pages[i] && IS_ALIGNED(addr, pages[i]))
			return pages[i];
	return NVG_PAGE_SIZE;
}

/**
 * nvgrace_vgpu_ce_map() - Give memory a virtual address
 * @ce: context in which it counts
 * @space: of @addr; not %NVGRACE_VGPU_VA
 * @addr: first byte, a multiple of 4096
 * @size: in bytes, a multiple of 4096, not 0
 * @flags: 0 or %NVGRACE_VGPU_MAP_WRITE
 * @va: set to the virtual address
 *
 * Context: may sleep.
 * Return: 0; -EINVAL; -EOPNOTSUPP the GPU has no EGM; -ENOSPC no virtual addresses are
 * left; -ENOMEM; -EIO.
 */
int nvgrace_vgpu_ce_map(struct nvgrace_vgpu_ce *ce, enum nvgrace_vgpu_space space, u64 addr,
			u64 size, unsigned int flags, u64 *va)
{
	struct nvgrace_vgpu_addr start = { .space = space, .addr = addr };
	struct nvg_vmm *vmm = ce->channel->vmm;
	struct nvg_gpu *gpu = ce->gpu;
	struct nvg_ce_end unused;
	int ret;

	if (space == NVGRACE_VGPU_VA || !size || !IS_ALIGNED(addr | size, NVG_PAGE_SIZE) ||
	    flags & ~NVGRACE_VGPU_MAP_WRITE)
		return -EINVAL;
	guard(rwsem_read)(&gpu->lock);
	if (gpu->state != NVG_RUNNING || ce->channel->epoch != gpu->epoch)
		return -EIO;
	ret = nvg_ce_end_init(ce, start, size, &unused);
	if (ret)
		return ret;
	ret = nvg_vmm_reserve(vmm, size, nvg_ce_map_align(addr, size), va);
	if (ret)
		return ret;
	ret = nvg_vmm_map(vmm, *va, space, addr, size,
			  flags & NVGRACE_VGPU_MAP_WRITE ? 0 : NVG_VMM_READ_ONLY);
	if (ret)
		nvg_vmm_release(vmm, *va, size);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_map, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_unmap() - Take a virtual address back
 * @ce: context in which it counts
 * @va: as from nvgrace_vgpu_ce_map()
 * @size: as told to it
 *
 * When it returns, the GPU does not use the memory through that address. If the GPU is
 * lost, that is so only when the context was destroyed.
 *
 * Context: may sleep.
 */
void nvgrace_vgpu_ce_unmap(struct nvgrace_vgpu_ce *ce, u64 va, u64 size)
{
	struct nvg_gpu *gpu = ce->gpu;

	guard(rwsem_read)(&gpu->lock);
	nvg_vmm_unmap(ce->channel->vmm, va, size);
	nvg_vmm_release(ce->channel->vmm, va, size);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_unmap, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_preempt() - Take a context off its engine for a while
 * @ce: context; what it was told stays, and it can be told more
 *
 * When it returns 0, the GPU does nothing of the context until nvgrace_vgpu_ce_resume().
 *
 * Context: may sleep.
 * Return: 0; -ETIMEDOUT the engine did not let go of it, and it goes on; -EIO the
 * context ended, or the GPU is lost.
 */
int nvgrace_vgpu_ce_preempt(struct nvgrace_vgpu_ce *ce)
{
	struct nvg_gpu *gpu = ce->gpu;

	guard(rwsem_read)(&gpu->lock);
	return nvg_channel_preempt(ce->channel);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_preempt, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_ce_resume() - Let a context go on
 * @ce: context that was preempted, or not
 *
 * Context: may sleep.
 * Return: 0; -EIO the context ended, or the GPU is lost.
 */
int nvgrace_vgpu_ce_resume(struct nvgrace_vgpu_ce *ce)
{
	struct nvg_gpu *gpu = ce->gpu;

	guard(rwsem_read)(&gpu->lock);
	return nvg_channel_resume(ce->channel);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_ce_resume, "NVGRACE_VGPU");

static void nvg_ce_interrupt(struct nvg_gpu *gpu, void *data)
{
	nvg_channels_complete(gpu, (uintptr_t)data);
}

/**
 * nvg_ces_init() - Take the interrupts of the copy engines
 * @gpu: whose engines are known
 *
 * An engine without an interrupt works, too: its jobs are looked at now and then.
 *
 * Context: gpu->lock is held for writing.
 * Return: 0, or why an interrupt cannot be had.
 */
int nvg_ces_init(struct nvg_gpu *gpu)
{
	struct nvg_ces *ces = &gpu->ces;
	int ret;

	for (ces->nr = 0; ces->nr < gpu->engines.nr; ces->nr++) {
		u32 vector = gpu->engines.e[ces->nr].nonstall;

		if (vector == NVG_NO_VECTOR)
			continue;
		ret = nvg_intr_request(gpu, vector, nvg_ce_interrupt, (void *)(uintptr_t)ces->nr);
		if (ret) {
			nvg_ces_fini(gpu);
			return ret;
		}
	}
	return 0;
}

/**
 * nvg_ces_fini() - Give the interrupts back
 * @gpu: whose channels may still be there
 *
 * Context: gpu->lock is held for writing.
 */
void nvg_ces_fini(struct nvg_gpu *gpu)
{
	struct nvg_ces *ces = &gpu->ces;

	while (ces->nr) {
		u32 vector = gpu->engines.e[--ces->nr].nonstall;

		if (vector != NVG_NO_VECTOR)
			nvg_intr_free(gpu, vector);
	}
}

/* What nvg_ce_check() works with: half of the framebuffer is filled, half copied to */
struct nvg_ce_check {
	struct nvgrace_vgpu_ce *ce;
	struct nvg_fb_mem *fb;
	u8 *buf;
	dma_addr_t dma;
};

static int nvg_ce_check_copy(struct nvg_ce_check *check)
{
	struct nvgrace_vgpu_addr fb = { NVGRACE_VGPU_FB, check->fb->addr };
	struct nvgrace_vgpu_addr mid = { NVGRACE_VGPU_FB, check->fb->addr + NVG_CHECK_SIZE / 2 };
	struct nvgrace_vgpu_addr in = { NVGRACE_VGPU_SYSMEM, check->dma };
	struct nvgrace_vgpu_addr out = { NVGRACE_VGPU_SYSMEM, check->dma + NVG_CHECK_SIZE / 2 };
	struct dma_fence *fence;
	unsigned int i;
	int ret;

	for (i = 0; i < NVG_CHECK_SIZE / 2; i++)
		check->buf[i] = i * 7 + i / 256;
	memset(check->buf + NVG_CHECK_SIZE / 2, 0, NVG_CHECK_SIZE);

	/* In order, so that only the last one must be waited for */
	fence = nvgrace_vgpu_ce_fill_async(check->ce, fb, 0xa5, NVG_CHECK_SIZE);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	dma_fence_put(fence);
	fence = nvgrace_vgpu_ce_copy_async(check->ce, mid, in, NVG_CHECK_SIZE / 2);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	dma_fence_put(fence);
	fence = nvgrace_vgpu_ce_copy_async(check->ce, out, fb, NVG_CHECK_SIZE);
	ret = nvg_ce_wait(fence, NVG_CHECK_TIMEOUT);
	if (ret)
		return ret;

	if (memchr_inv(check->buf + NVG_CHECK_SIZE / 2, 0xa5, NVG_CHECK_SIZE / 2) ||
	    memcmp(check->buf + NVG_CHECK_SIZE, check->buf, NVG_CHECK_SIZE / 2))
		return -EILSEQ;
	return 0;
}

/* What was copied differs, or it was not copied: say which channel it was */
static int nvg_ce_check_run(struct nvg_gpu *gpu, struct nvg_ce_check *check)
{
	struct nvg_channel *channel = check->ce->channel;
	int ret;

	ret = nvg_ce_check_copy(check);
	if (ret)
		dev_err(gpu->dev, "%s: channel %u: first copy %s (%d)\n", channel->engine->name,
			channel->chid, ret == -EILSEQ ? "differs" : "failed", ret);
	else
		dev_info(gpu->dev, "%s: channel %u: 64 KiB copied and compared\n",
			 channel->engine->name, channel->chid);
	return ret;
}

/**
 * nvg_ce_check() - See that a channel and a copy engine work
 * @gpu: that was started but for this
 *
 * Context: gpu->lock is held for writing.
 * Return: 0; -EILSEQ what was copied is not what came out; or why it could not be
 * copied.
 */
int nvg_ce_check(struct nvg_gpu *gpu)
{
	const size_t size = NVG_CHECK_SIZE / 2 * 3;
	struct nvg_ce_check check;
	int ret = -ENOMEM;

	check.buf = dma_alloc_coherent(gpu->dev, size, &check.dma, GFP_KERNEL);
	if (!check.buf)
		return ret;
	check.fb = nvg_fb_alloc(gpu, NVG_CHECK_SIZE, NVG_PAGE_SIZE);
	if (IS_ERR(check.fb)) {
		ret = PTR_ERR(check.fb);
		goto err_buf;
	}
	check.ce = nvg_ce_create(gpu, 0, NVGRACE_VGPU_ANY);
	if (IS_ERR(check.ce)) {
		ret = PTR_ERR(check.ce);
		goto err_fb;
	}
	ret = nvg_ce_check_run(gpu, &check);
	nvg_ce_destroy(check.ce);
err_fb:
	nvg_fb_free(gpu, check.fb);
err_buf:
	dma_free_coherent(gpu->dev, size, check.buf, check.dma);
	return ret;
}
