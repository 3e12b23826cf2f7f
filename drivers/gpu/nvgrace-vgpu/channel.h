/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Channels: queues of work for one engine each, and the ids they go by.
 */
#ifndef NVGRACE_VGPU_CHANNEL_H
#define NVGRACE_VGPU_CHANNEL_H

#include <linux/bitmap.h>
#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nvgrace_vgpu.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "engine.h"
#include "fw.h"
#include "push.h"

struct nvg_channel_mem;
struct nvg_fb_mem;
struct nvg_gpu;
struct nvg_job;
struct nvg_vmm;

#define NVG_CHIDS		2048
/*
 * Launches of a job, each of NVG_PUSH_LAUNCH_WORDS at most. They shall take well less than
 * the time after which an engine that ends no job is taken for hung, in fifo.c
 */
#define NVG_JOB_LAUNCHES	3
#define NVG_PREEMPT_US		100000	/* that an engine has to let go of a channel */

/**
 * struct nvg_channel - a queue of jobs for one engine
 * @gpu: whose
 * @ref: the owner's, and one of each who looks at it by id or address
 * @epoch: the boot that it lives in
 * @engine: that does the work
 * @index: of @engine in gpu->engines
 * @chid: its id
 * @fw: as the firmware knows it; @fw.inst.addr is the address of the instance block
 * @token: what the doorbell takes
 * @vmm: its address space
 * @fb: instance block and method buffer
 * @mem: rings, semaphore, USERD and error notifier, for the CPU
 * @dma: DMA address of @mem
 * @va: of the part of @mem that the channel reaches through @vmm
 * @context: of its fences
 * @mutex: one thread at a time queues a job, or takes the channel off the engine;
 *	protects what is between here and @link
 * @job: between nvg_channel_begin() and nvg_channel_end()
 * @seqno: of the newest job
 * @gp_put: next entry of the GPFIFO ring
 * @push_put: next word of the push buffer
 * @push_skip: words that @job leaves out at the end of the push buffer
 * @has_object: the engine's class was told
 * @scheduled: the GPU may run the channel
 * @link: in nvg_fifo.channels of @engine; this and what follows is protected by
 *	nvg_fifo.lock
 * @jobs: those that have not ended, oldest first
 * @gp_used: entries of the GPFIFO ring that they take
 * @push_used: words of the push buffer that they take
 * @progress: jiffies when a job ended the last time, or the first was queued
 * @reserved: it has @chid and counts in nvg_fifo.nr_channels
 * @paused: preempted by its owner
 * @ended: taken off its engine by the firmware
 * @notified: jiffies when its error notifier was seen to be set the first time, or 0
 * @error: why it takes no more jobs; 0: it does
 * @fault: why, in detail
 * @wait: for space in the rings; woken when a job ends, too
 */
struct nvg_channel {
	struct nvg_gpu *gpu;
	struct kref ref;
	u32 epoch;
	const struct nvg_engine *engine;
	unsigned int index;
	unsigned int chid;
	struct nvg_fw_channel fw;
	u32 token;
	struct nvg_vmm *vmm;
	struct nvg_fb_mem *fb;
	struct nvg_channel_mem *mem;
	dma_addr_t dma;
	u64 va;
	u64 context;

	/* who queues a job, or ends the channel */
	struct mutex mutex;
	struct nvg_job *job;
	u64 seqno;
	u32 gp_put;
	u32 push_put;
	u32 push_skip;
	bool has_object;
	bool scheduled;

	struct list_head link;
	struct list_head jobs;
	u32 gp_used;
	u32 push_used;
	unsigned long progress;
	bool reserved;
	bool paused;
	bool ended;
	unsigned long notified;
	int error;
	struct nvgrace_vgpu_fault fault;
	wait_queue_head_t wait;
};

/**
 * struct nvg_fifo - all channels of the PF
 * @gpu: whose
 * @method_buffer: bytes that each channel needs for the engine's state
 * @nr_chids: ids that each runlist has
 * @bar_lock: protects @barred
 * @barred: the GPU is lost, and nvg_fifo_bar() has kept it from memory
 * @lock: protects what follows and see struct nvg_channel. A leaf, for any context
 * @taken: ids of channels
 * @slices: ids that nvg_chids_reserve() gave away
 * @channels: those that the GPU may run, by index of their engine
 * @nr_channels: how many, by engine
 * @progress: jiffies when a job ended the last time, by engine
 * @nr_jobs: that have not ended
 * @open: channels can be created: from nvg_fifo_init() until the firmware ends
 * @live: there can be channels: until nvg_fifo_fini() has taken them all off
 * @poll: looks for jobs whose interrupt got lost, and for those that hang
 * @kill: ends all jobs once the firmware is lost
 */
struct nvg_fifo {
	struct nvg_gpu *gpu;
	u32 method_buffer;
	u32 nr_chids;

	struct mutex bar_lock;	/* of who keeps a lost GPU from memory */
	bool barred;

	/* a leaf, for any context */
	spinlock_t lock;
	DECLARE_BITMAP(taken, NVG_CHIDS);
	DECLARE_BITMAP(slices, NVG_CHIDS);
	struct list_head channels[NVG_MAX_CES];
	unsigned int nr_channels[NVG_MAX_CES];
	unsigned long progress[NVG_MAX_CES];
	unsigned int nr_jobs;
	bool open;
	bool live;

	struct delayed_work poll;
	struct work_struct kill;
};

void nvg_fifo_setup(struct nvg_gpu *gpu);
int nvg_fifo_init(struct nvg_gpu *gpu);
void nvg_fifo_fini(struct nvg_gpu *gpu);
int nvg_chids_reserve(struct nvg_gpu *gpu, unsigned int count, unsigned int *first);
void nvg_chids_release(struct nvg_gpu *gpu, unsigned int first, unsigned int count);

struct nvg_channel *nvg_channel_create(struct nvg_gpu *gpu, int engine, int chid);
void nvg_channel_destroy(struct nvg_channel *channel);
int nvg_channel_begin(struct nvg_channel *channel, struct nvg_push *push);
struct dma_fence *nvg_channel_end(struct nvg_channel *channel, struct nvg_push *push);
int nvg_channel_preempt(struct nvg_channel *channel);
int nvg_channel_resume(struct nvg_channel *channel);
void nvg_channel_get_fault(struct nvg_channel *channel, struct nvgrace_vgpu_fault *fault);

/* Between channel.c and fifo.c */
void nvg_jobs_signal(struct list_head *jobs, int error);
void nvg_channel_reap(struct nvg_channel *channel, struct list_head *done);
void nvg_channel_stop_locked(struct nvg_channel *channel, int error,
			     enum nvgrace_vgpu_fault_kind kind);
void nvg_channel_take_jobs(struct nvg_channel *channel, struct list_head *done,
			   struct list_head *failed);
void nvg_channel_fail(struct nvg_channel *channel);
void nvg_channel_off(struct nvg_channel *channel, int error, enum nvgrace_vgpu_fault_kind kind);
int nvg_fifo_reserve(struct nvg_channel *channel, int engine, int chid);
int nvg_fifo_add(struct nvg_channel *channel);
void nvg_fifo_remove(struct nvg_channel *channel);
void nvg_fifo_watch(struct nvg_gpu *gpu);
void nvg_fifo_bar(struct nvg_gpu *gpu);

/* Calls from other parts */
void nvg_channels_complete(struct nvg_gpu *gpu, unsigned int engine);
bool nvg_channel_notified(struct nvg_channel *channel, u32 *type);
void nvg_channel_rc(struct nvg_gpu *gpu, const struct nvg_rc *rc);
void nvg_channels_kill(struct nvg_gpu *gpu);
struct nvg_channel *nvg_channel_by_inst(struct nvg_gpu *gpu, u64 inst);
void nvg_channel_put(struct nvg_channel *channel);

#endif
