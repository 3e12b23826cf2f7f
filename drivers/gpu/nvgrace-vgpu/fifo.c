// SPDX-License-Identifier: GPL-2.0
/*
 * All channels of the PF: who has which id, which run on which engine, and what
 * happens to them from outside: an engine says that jobs ended, the firmware took a
 * channel off, it is lost itself.
 *
 * An engine's interrupt says that something ended on it, not what: all channels of the
 * engine are looked at. It can get lost. So as long as there are jobs, all channels
 * are looked at ten times a second, too, and a channel that does not get on is taken
 * off its engine: the one that is on it, when the whole engine stands; or one whose
 * own jobs stand far longer than turns of others explain.
 *
 * Ids. The GPU has one set of them for each runlist; the firmware gives VFs slices
 * that are a power of two of channels, aligned, the same in all runlists. So the driver has
 * one set for all runlists. Slices come from the top, the driver's own channels from
 * the bottom. Id 0 is not used, as in other drivers of these GPUs.
 *
 * A channel's own life, its rings and its jobs: channel.c.
 */
#include <linux/iopoll.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/pci.h>

#include "gpu.h"

#define NVG_POLL_PERIOD		(HZ / 10)
#define NVG_ENGINE_TIMEOUT	(5 * HZ)
#define NVG_CHANNEL_TIMEOUT	(60 * HZ)
#define NVG_EVENT_TIMEOUT	HZ
#define NVG_MAX_METHOD_BUFFER	0x100000U	/* what a sane firmware can ask, bytes */

/* Numbers of errors that the firmware ends a channel with; the same as in Xids */
#define NVG_RC_MMU_FAULT	31
#define NVG_RC_PBDMA		32
#define NVG_RC_CTXSW_TIMEOUT	109

/**
 * nvg_chids_reserve() - Take a slice of the channel ids
 * @gpu: that has them
 * @count: a power of two
 * @first: set to the first id of the slice, a multiple of @count
 *
 * Slices survive resets of the GPU.
 *
 * Context: any.
 * Return: 0; -EINVAL @count is no power of two, or too large; -ENOSPC no slice is free.
 */
int nvg_chids_reserve(struct nvg_gpu *gpu, unsigned int count, unsigned int *first)
{
	struct nvg_fifo *fifo = &gpu->fifo;
	unsigned int start;

	if (!is_power_of_2(count) || count > NVG_CHIDS)
		return -EINVAL;
	guard(spinlock_irqsave)(&fifo->lock);
	for (start = round_down(fifo->nr_chids, count); start >= count;) {
		start -= count;
		if (find_next_bit(fifo->taken, start + count, start) < start + count ||
		    find_next_bit(fifo->slices, start + count, start) < start + count)
			continue;
		bitmap_set(fifo->slices, start, count);
		*first = start;
		return 0;
	}
	return -ENOSPC;
}

/**
 * nvg_chids_release() - Give a slice back
 * @gpu: that it is of
 * @first: as from nvg_chids_reserve()
 * @count: as told to it
 *
 * Context: any.
 */
void nvg_chids_release(struct nvg_gpu *gpu, unsigned int first, unsigned int count)
{
	guard(spinlock_irqsave)(&gpu->fifo.lock);
	bitmap_clear(gpu->fifo.slices, first, count);
}

/* An id that nobody has, or -ENOSPC. fifo.lock is held */
static int nvg_fifo_free_chid(struct nvg_fifo *fifo)
{
	unsigned int chid;

	for_each_clear_bit(chid, fifo->taken, fifo->nr_chids)
		if (!test_bit(chid, fifo->slices))
			return chid;
	return -ENOSPC;
}

/* May the channel have this id of a slice? fifo.lock is held */
static int nvg_fifo_check_chid(struct nvg_fifo *fifo, int chid)
{
	if (chid < 0 || chid >= fifo->nr_chids || !test_bit(chid, fifo->slices))
		return -EINVAL;
	if (test_bit(chid, fifo->taken))
		return -EBUSY;
	return chid;
}

/* The engine with the fewest channels. fifo.lock is held */
static int nvg_fifo_free_engine(struct nvg_gpu *gpu)
{
	struct nvg_fifo *fifo = &gpu->fifo;
	unsigned int i, best = 0;

	for (i = 1; i < gpu->engines.nr; i++)
		if (fifo->nr_channels[i] < fifo->nr_channels[best])
			best = i;
	return best;
}

/**
 * nvg_fifo_reserve() - Give a new channel its engine and its id
 * @channel: that is being created
 * @engine: index in gpu->engines, or NVGRACE_VGPU_ANY
 * @chid: out of a slice, or NVGRACE_VGPU_ANY
 *
 * Return: 0, or as nvg_channel_create().
 */
int nvg_fifo_reserve(struct nvg_channel *channel, int engine, int chid)
{
	struct nvg_gpu *gpu = channel->gpu;
	struct nvg_fifo *fifo = &gpu->fifo;

	guard(spinlock_irqsave)(&fifo->lock);
	if (!fifo->open)
		return -EIO;
	if (engine == NVGRACE_VGPU_ANY)
		engine = nvg_fifo_free_engine(gpu);
	if (engine < 0 || engine >= gpu->engines.nr)
		return -EINVAL;
	chid = chid == NVGRACE_VGPU_ANY ? nvg_fifo_free_chid(fifo) :
					  nvg_fifo_check_chid(fifo, chid);
	if (chid < 0)
		return chid;

	__set_bit(chid, fifo->taken);
	fifo->nr_channels[engine]++;
	channel->reserved = true;
	channel->index = engine;
	channel->engine = &gpu->engines.e[engine];
	channel->chid = chid;
	channel->fault.chid = chid;
	channel->fault.engine = engine;
	return 0;
}

/**
 * nvg_fifo_add() - Let others find a channel
 * @channel: that takes jobs from now on
 *
 * Return: 0, or -EIO: the firmware was lost meanwhile.
 */
int nvg_fifo_add(struct nvg_channel *channel)
{
	struct nvg_fifo *fifo = &channel->gpu->fifo;

	guard(spinlock_irqsave)(&fifo->lock);
	if (!fifo->open)
		return -EIO;
	list_add_tail(&channel->link, &fifo->channels[channel->index]);
	return 0;
}

/**
 * nvg_fifo_remove() - Forget a channel that is off its engine
 * @channel: that can be forgotten already
 */
void nvg_fifo_remove(struct nvg_channel *channel)
{
	struct nvg_fifo *fifo = &channel->gpu->fifo;

	guard(spinlock_irqsave)(&fifo->lock);
	list_del_init(&channel->link);
	if (!channel->reserved)
		return;
	channel->reserved = false;
	__clear_bit(channel->chid, fifo->taken);
	fifo->nr_channels[channel->index]--;
}

/**
 * nvg_fifo_watch() - See to it that jobs end
 * @gpu: that has got some
 */
void nvg_fifo_watch(struct nvg_gpu *gpu)
{
	queue_delayed_work(system_dfl_wq, &gpu->fifo.poll, NVG_POLL_PERIOD);
}

/**
 * nvg_channels_complete() - Something ended on an engine
 * @gpu: that has it
 * @engine: index in gpu->engines
 *
 * Context: any; called from the engine's interrupt, too.
 */
void nvg_channels_complete(struct nvg_gpu *gpu, unsigned int engine)
{
	struct nvg_channel *channel;
	LIST_HEAD(done);

	scoped_guard(spinlock_irqsave, &gpu->fifo.lock)
		list_for_each_entry(channel, &gpu->fifo.channels[engine], link)
			nvg_channel_reap(channel, &done);
	nvg_jobs_signal(&done, 0);
}

/* Does its engine work for the channel right now? */
static bool nvg_channel_on_engine(struct nvg_channel *channel)
{
	u32 state = nvg_rd32(channel->gpu, NV_CHRAM_CHANNEL(channel->engine->info.chram_base,
							    channel->chid));

	return state != U32_MAX && (state & NV_CHRAM_CHANNEL_ON_ENG);
}

/*
 * The channel of an engine that keeps it from getting on, with a reference. An engine
 * that stands, stands because of who is on it, not because of those that wait.
 * fifo.lock is held.
 */
static struct nvg_channel *nvg_fifo_find_hung(struct nvg_fifo *fifo, unsigned int engine)
{
	bool stands = time_after(jiffies, fifo->progress[engine] + NVG_ENGINE_TIMEOUT);
	struct nvg_channel *channel, *hung = NULL;

	list_for_each_entry(channel, &fifo->channels[engine], link) {
		if (channel->paused || channel->error || list_empty(&channel->jobs))
			continue;
		if (time_after(jiffies, channel->progress + NVG_CHANNEL_TIMEOUT)) {
			hung = channel;
			break;
		}
		if (!stands || !time_after(jiffies, channel->progress + NVG_ENGINE_TIMEOUT))
			continue;
		if (nvg_channel_on_engine(channel)) {
			hung = channel;
			break;
		}
	}
	if (hung) {
		/* Time for the others to show that the engine works again */
		fifo->progress[engine] = jiffies;
		kref_get(&hung->ref);
	}
	return hung;
}

static void nvg_fifo_end_hung(struct nvg_gpu *gpu, unsigned int engine)
{
	struct nvg_channel *channel;

	scoped_guard(spinlock_irqsave, &gpu->fifo.lock)
		channel = nvg_fifo_find_hung(&gpu->fifo, engine);
	if (!channel)
		return;
	dev_err(gpu->dev, "%s: channel %u: no job ended in %u s, taken off the engine\n",
		channel->engine->name, channel->chid,
		jiffies_to_msecs(jiffies - channel->progress) / 1000);
	nvg_channel_off(channel, -ETIMEDOUT, NVGRACE_VGPU_FAULT_HANG);
	nvg_channel_put(channel);
}

/* No channel of ours gets on the engine any more, and none stays there */
static int nvg_fifo_empty_engine(struct nvg_gpu *gpu, unsigned int engine)
{
	const struct nvg_engine_info *info = &gpu->engines.e[engine].info;
	u32 reg = NV_RUNLIST_PREEMPT(info->runlist_base), val;
	struct nvg_channel *channel;

	scoped_guard(spinlock_irqsave, &gpu->fifo.lock)
		list_for_each_entry(channel, &gpu->fifo.channels[engine], link)
			nvg_wr32(gpu, NV_CHRAM_CHANNEL(info->chram_base, channel->chid),
				 NV_CHRAM_CHANNEL_CLEAR | NV_CHRAM_CHANNEL_ENABLE);
	nvg_wr32(gpu, reg, NV_RUNLIST_PREEMPT_TYPE_RUNLIST);
	return read_poll_timeout(nvg_rd32, val,
				 !(val & NV_RUNLIST_PREEMPT_RUNLIST_PENDING) || val == U32_MAX,
				 USEC_PER_MSEC, NVG_PREEMPT_US, false, gpu, reg);
}

/**
 * nvg_fifo_bar() - Keep all channels of a lost GPU from memory
 * @gpu: that is lost
 *
 * The firmware does not take channels off their engines any more. So the engines are
 * emptied in the way in which it would. Then the GPU loses the right to access system
 * memory; but that is PCI's, and EGM is not behind it.
 *
 * When it returns, no job of a channel accesses memory of the CPU any more.
 *
 * Context: may sleep; gpu->lock is held, or the caller is waited for by who holds it.
 */
void nvg_fifo_bar(struct nvg_gpu *gpu)
{
	struct nvg_fifo *fifo = &gpu->fifo;
	unsigned int i;

	guard(mutex)(&fifo->bar_lock);
	if (fifo->barred)
		return;
	fifo->barred = true;
	/* Whose link is cut hears nothing, and reads as all ones: that takes no time */
	for (i = 0; i < gpu->engines.nr; i++)
		if (nvg_fifo_empty_engine(gpu, i))
			dev_err(gpu->dev, "%s: not empty: it may write to EGM until a reset\n",
				gpu->engines.e[i].name);
	nvg_gsp_end_dma(gpu);
}

/* The firmware is lost, and with it all channels: end their jobs */
static void nvg_fifo_kill(struct work_struct *work)
{
	struct nvg_fifo *fifo = container_of(work, struct nvg_fifo, kill);
	struct nvg_channel *channel;
	LIST_HEAD(failed);
	LIST_HEAD(done);
	unsigned int i;

	nvg_fifo_bar(fifo->gpu);
	scoped_guard(spinlock_irqsave, &fifo->lock)
		for (i = 0; i < NVG_MAX_CES; i++)
			list_for_each_entry(channel, &fifo->channels[i], link)
				nvg_channel_take_jobs(channel, &done, &failed);
	nvg_jobs_signal(&done, 0);
	nvg_jobs_signal(&failed, -EIO);
}

/**
 * nvg_channels_kill() - The firmware is lost: end all channels
 * @gpu: that is lost, see nvg_gpu_lost()
 *
 * No channel takes jobs when it returns. Those that there are end soon, with -EIO.
 *
 * Context: any.
 */
void nvg_channels_kill(struct nvg_gpu *gpu)
{
	struct nvg_fifo *fifo = &gpu->fifo;
	struct nvg_channel *channel;
	unsigned int i;

	guard(spinlock_irqsave)(&fifo->lock);
	if (!fifo->live)
		return;
	fifo->open = false;
	for (i = 0; i < NVG_MAX_CES; i++)
		list_for_each_entry(channel, &fifo->channels[i], link)
			nvg_channel_stop_locked(channel, -EIO, NVGRACE_VGPU_FAULT_LOST);
	queue_work(system_dfl_wq, &fifo->kill);
}

/* The first channel with that id (or, with @inst, that instance block), with a reference */
static struct nvg_channel *nvg_fifo_find(struct nvg_gpu *gpu, u32 chid, const u64 *inst)
{
	struct nvg_fifo *fifo = &gpu->fifo;
	struct nvg_channel *channel;
	unsigned int i;

	guard(spinlock_irqsave)(&fifo->lock);
	for (i = 0; i < NVG_MAX_CES; i++) {
		list_for_each_entry(channel, &fifo->channels[i], link) {
			if (inst ? channel->fw.inst.addr != *inst : channel->chid != chid)
				continue;
			kref_get(&channel->ref);
			return channel;
		}
	}
	return NULL;
}

/**
 * nvg_channel_by_inst() - Find the channel that a fault names
 * @gpu: that has it
 * @inst: address of its instance block, in the framebuffer
 *
 * Context: any.
 * Return: the channel with a reference for nvg_channel_put(), or NULL.
 */
struct nvg_channel *nvg_channel_by_inst(struct nvg_gpu *gpu, u64 inst)
{
	return nvg_fifo_find(gpu, 0, &inst);
}

static enum nvgrace_vgpu_fault_kind nvg_rc_kind(u32 type)
{
	switch (type) {
	case NVG_RC_MMU_FAULT:
		return NVGRACE_VGPU_FAULT_MMU;
	case NVG_RC_PBDMA:
		return NVGRACE_VGPU_FAULT_HOST;
	case NVG_RC_CTXSW_TIMEOUT:
		return NVGRACE_VGPU_FAULT_HANG;
	default:
		return NVGRACE_VGPU_FAULT_ENGINE;
	}
}

/* What the fault buffer, or else the firmware, says of the address */
static void nvg_rc_address(struct nvg_channel *channel, const struct nvg_rc *rc,
			   struct nvgrace_vgpu_fault *to)
{
	struct nvg_gpu *gpu = channel->gpu;
	struct nvg_fault fault;

	nvg_fault_service(gpu);
	to->has_addr = rc->has_addr;
	to->type = rc->fault_type;
	to->addr = rc->fault_addr;
	if (!nvg_fault_of_inst(gpu, channel->fw.inst.addr, &fault))
		return;
	to->has_addr = true;
	to->type = fault.type;
	to->addr = fault.addr;
	to->physical = fault.access & NVG_FAULT_ACCESS_PHYSICAL;
	to->write = (fault.access & ~NVG_FAULT_ACCESS_PHYSICAL) != 0 &&
		    (fault.access & ~NVG_FAULT_ACCESS_PHYSICAL) != 3;
}

static void nvg_channel_ended(struct nvg_channel *channel, const struct nvg_rc *rc)
{
	struct nvg_gpu *gpu = channel->gpu;
	struct nvgrace_vgpu_fault fault;

	scoped_guard(spinlock_irqsave, &gpu->fifo.lock) {
		if (channel->ended)
			return;
		channel->ended = true;
		fault = channel->fault;
	}
	fault.kind = nvg_rc_kind(rc->type);
	fault.error = rc->type;
	if (fault.kind == NVGRACE_VGPU_FAULT_MMU)
		nvg_rc_address(channel, rc, &fault);
	dev_err(gpu->dev, "%s: channel %u: ended with error %u\n", channel->engine->name,
		channel->chid, rc->type);
	scoped_guard(spinlock_irqsave, &gpu->fifo.lock) {
		if (!channel->error)
			channel->fault = fault;
		nvg_channel_stop_locked(channel,
					fault.kind == NVGRACE_VGPU_FAULT_HANG ? -ETIMEDOUT : -EIO,
					fault.kind);
	}
	nvg_channel_fail(channel);
}

/**
 * nvg_channel_rc() - The firmware took a channel off its engine
 * @gpu: that has it
 * @rc: which, and why
 *
 * Context: the workqueue of the firmware's events.
 */
void nvg_channel_rc(struct nvg_gpu *gpu, const struct nvg_rc *rc)
{
	struct nvg_channel *channel;

	if (rc->gfid) {
		dev_warn_ratelimited(gpu->dev, "function %u: channel %u: ended with error %u\n",
				     rc->gfid, rc->chid, rc->type);
		return;
	}
	channel = nvg_fifo_find(gpu, rc->chid, NULL);
	if (!channel) {
		dev_warn_ratelimited(gpu->dev, "channel %u, that is not in use, ended with error %u\n",
				     rc->chid, rc->type);
		return;
	}
	nvg_channel_ended(channel, rc);
	nvg_channel_put(channel);
}

/*
 * A channel that the firmware has ended, and whose event did not come: events are dropped when
 * there are too many, or no memory. With a reference. fifo.lock is held.
 */
static struct nvg_channel *nvg_fifo_find_notified(struct nvg_fifo *fifo, unsigned int engine,
						  u32 *type)
{
	struct nvg_channel *channel;

	list_for_each_entry(channel, &fifo->channels[engine], link) {
		if (channel->ended || list_empty(&channel->jobs) ||
		    !nvg_channel_notified(channel, type))
			continue;
		if (!channel->notified) {
			channel->notified = jiffies | 1;
		} else if (time_after(jiffies, channel->notified + NVG_EVENT_TIMEOUT)) {
			kref_get(&channel->ref);
			return channel;
		}
	}
	return NULL;
}

static void nvg_fifo_end_notified(struct nvg_gpu *gpu, unsigned int engine)
{
	struct nvg_channel *channel;
	struct nvg_rc rc = {};

	scoped_guard(spinlock_irqsave, &gpu->fifo.lock)
		channel = nvg_fifo_find_notified(&gpu->fifo, engine, &rc.type);
	if (!channel)
		return;
	rc.chid = channel->chid;
	nvg_channel_ended(channel, &rc);
	nvg_channel_put(channel);
}

static void nvg_fifo_poll(struct work_struct *work)
{
	struct nvg_fifo *fifo = container_of(work, struct nvg_fifo, poll.work);
	struct nvg_gpu *gpu = fifo->gpu;
	unsigned int i;

	for (i = 0; i < NVG_MAX_CES; i++)
		nvg_channels_complete(gpu, i);
	/*
	 * Who boots or ends the firmware waits for this work with the lock held. He takes
	 * all channels off himself.
	 */
	if (down_read_trylock(&gpu->lock)) {
		for (i = 0; gpu->state == NVG_RUNNING && i < gpu->engines.nr; i++) {
			/* To take a channel off the engine before can have taken seconds */
			nvg_channels_complete(gpu, i);
			nvg_fifo_end_notified(gpu, i);
			nvg_fifo_end_hung(gpu, i);
		}
		up_read(&gpu->lock);
	}
	if (READ_ONCE(fifo->nr_jobs))
		nvg_fifo_watch(gpu);
}

/**
 * nvg_fifo_setup() - Prepare for the first nvg_fifo_init(), once
 * @gpu: that is being probed
 */
void nvg_fifo_setup(struct nvg_gpu *gpu)
{
	struct nvg_fifo *fifo = &gpu->fifo;
	unsigned int i;

	fifo->gpu = gpu;
	mutex_init(&fifo->bar_lock);
	spin_lock_init(&fifo->lock);
	for (i = 0; i < NVG_MAX_CES; i++)
		INIT_LIST_HEAD(&fifo->channels[i]);
	INIT_DELAYED_WORK(&fifo->poll, nvg_fifo_poll);
	INIT_WORK(&fifo->kill, nvg_fifo_kill);
	__set_bit(0, fifo->taken);
}

/* How many channels each runlist has */
static int nvg_fifo_count(struct nvg_gpu *gpu, u32 *nr)
{
	unsigned int i;
	u32 count;
	int ret;

	*nr = NVG_CHIDS;
	for (i = 0; i < gpu->engines.nr; i++) {
		ret = nvg_fw_num_channels(gpu, gpu->engines.e[i].info.runlist, &count);
		if (ret)
			return ret;
		*nr = min(*nr, count);
	}
	return 0;
}

/**
 * nvg_fifo_init() - Let there be channels
 * @gpu: whose firmware was booted
 *
 * Context: gpu->lock is held for writing.
 * Return: 0; -ENODEV there is no engine; -EPROTO the firmware told nonsense; or what it
 * answered.
 */
int nvg_fifo_init(struct nvg_gpu *gpu)
{
	struct nvg_fifo *fifo = &gpu->fifo;
	u32 size, nr;
	int ret;

	if (!gpu->engines.nr)
		return -ENODEV;
	ret = nvg_fifo_count(gpu, &nr);
	if (ret)
		return ret;
	ret = nvg_fw_method_buffer_size(gpu, &size);
	if (ret)
		return ret;
	if (!size || size > NVG_MAX_METHOD_BUFFER) {
		dev_err(gpu->dev, "channels: a method buffer of %u bytes\n", size);
		return -EPROTO;
	}
	guard(spinlock_irqsave)(&fifo->lock);
	fifo->method_buffer = size;
	fifo->nr_chids = nr;
	fifo->barred = false;
	fifo->open = true;
	fifo->live = true;
	return 0;
}

/* A channel that is still there, with a reference */
static struct nvg_channel *nvg_fifo_first(struct nvg_fifo *fifo)
{
	struct nvg_channel *channel;
	unsigned int i;

	guard(spinlock_irqsave)(&fifo->lock);
	for (i = 0; i < NVG_MAX_CES; i++) {
		channel = list_first_entry_or_null(&fifo->channels[i], struct nvg_channel, link);
		if (channel) {
			kref_get(&channel->ref);
			return channel;
		}
	}
	return NULL;
}

/**
 * nvg_fifo_fini() - Take all channels off their engines
 * @gpu: whose firmware ends, or is lost
 *
 * Their handles stay with their owners, for nvg_channel_destroy().
 *
 * Context: gpu->lock is held for writing.
 */
void nvg_fifo_fini(struct nvg_gpu *gpu)
{
	struct nvg_fifo *fifo = &gpu->fifo;
	struct nvg_channel *channel;

	scoped_guard(spinlock_irqsave, &fifo->lock)
		fifo->open = false;
	while ((channel = nvg_fifo_first(fifo))) {
		nvg_channel_off(channel, -EIO, NVGRACE_VGPU_FAULT_LOST);
		nvg_channel_put(channel);
	}
	cancel_delayed_work_sync(&fifo->poll);
	/* The firmware can be lost until here: what is asked of it above counts */
	scoped_guard(spinlock_irqsave, &fifo->lock)
		fifo->live = false;
	flush_work(&fifo->kill);
}
