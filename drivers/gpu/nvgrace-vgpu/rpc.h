/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages to the firmware and from it: requests with a reply, requests without, and
 * events. Any number of tasks may call; each sleeps until its own reply is there.
 * How a message lies in the shared memory is in queue.h.
 *
 * Locks: send_lock (one sender), then recv_lock (one reader), then lock.
 */
#ifndef NVGRACE_VGPU_RPC_H
#define NVGRACE_VGPU_RPC_H

#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue_types.h>

#include "queue.h"

struct nvg_gpu;

/**
 * struct nvg_queue_args - where the firmware finds the queues
 * @shared_mem_pa: DMA address of the block, whose first page is its page table
 * @pte_count: how many 4 KiB pages it has
 * @cmdq_offset: of the queue to the firmware, in bytes
 * @statq_offset: of the queue from it, in bytes
 */
struct nvg_queue_args {
	u64 shared_mem_pa;
	u32 pte_count;
	u64 cmdq_offset;
	u64 statq_offset;
};

/**
 * struct nvg_rpc_stats - what was counted since probe
 * @sent: messages (a long one counts once)
 * @sent_elems: elements that they took
 * @replies: that a caller got
 * @late: replies whose caller had given up
 * @unknown: replies that nobody had asked for
 * @events: of the firmware
 * @events_dropped: for want of memory, or too many waited
 * @malformed: messages that the decoder refused; each ended the firmware
 * @space_waits: how often a sender waited for room
 * @timeouts: requests without a reply
 */
struct nvg_rpc_stats {
	u64 sent;
	u64 sent_elems;
	u64 replies;
	u64 late;
	u64 unknown;
	u64 events;
	u64 events_dropped;
	u64 malformed;
	u64 space_waits;
	u64 timeouts;
};

#define NVG_RPC_HISTORY		64	/* messages that are remembered for a dump */
#define NVG_RPC_GONE		32	/* requests without a caller that are remembered */
#define NVG_RPC_MAX_EVENTS	256	/* that wait for the workqueue */

enum nvg_rpc_what {
	NVG_RPC_SENT,
	NVG_RPC_REPLY,
	NVG_RPC_LATE,
	NVG_RPC_UNKNOWN,
	NVG_RPC_EVENT,
};

/**
 * struct nvg_rpc_note - a message as a dump remembers it
 * @at: when, CLOCK_MONOTONIC
 * @what: which way it went and what became of it
 * @fn: function
 * @seq: sequence number of the request
 * @len: bytes of payload
 * @result: of a reply
 */
struct nvg_rpc_note {
	ktime_t at;
	enum nvg_rpc_what what;
	u32 fn;
	u32 seq;
	u32 len;
	u32 result;
};

/**
 * struct nvg_rpc_gone - a request whose caller has left
 * @fn: function
 * @seq: its number, 0: no request
 * @len: bytes of payload that the reply was to have
 */
struct nvg_rpc_gone {
	u32 fn;
	u32 seq;
	size_t len;
};

/**
 * struct nvg_rpc - the queues
 * @shm: the shared block, or NULL
 * @shm_dma: its DMA address
 * @send_lock: serialises senders, and guards what is about the queue to the firmware
 * @scratch: one record, as it is built
 * @cmdq_wr: element to write next
 * @cmdq_seq: number of the next element
 * @recv_lock: serialises readers, and guards @decoder and @message
 * @decoder: of the queue from the firmware
 * @message: being put together from its records
 * @broken: a message was malformed: nothing is read until the next start
 * @lock: guards all below
 * @open: messages pass
 * @err: what callers get while not @open
 * @next_seq: number of the next request; 0 is not used
 * @waiters: requests that wait for their reply
 * @gone: ring of the last requests without a caller
 * @nr_gone: how many there were
 * @init_done: the firmware has said that it is ready, or all ended
 * @init_result: status that it said with it
 * @space: woken when the firmware may have read from its queue, or all ends
 * @events: that wait to be dispatched
 * @nr_events: how many
 * @event_work: dispatches them
 * @more_work: reads on after a burst of messages
 * @event_wq: ordered, of both works
 * @stats: see there
 * @history: ring of the last messages
 * @nr_history: how many there were
 */
struct nvg_rpc {
	void *shm;
	dma_addr_t shm_dma;

	struct mutex send_lock;		/* up to @cmdq_seq */
	void *scratch;
	u32 cmdq_wr;
	u32 cmdq_seq;

	struct mutex recv_lock;		/* up to @broken, and @shm */
	struct nvg_decoder decoder;
	struct nvg_message message;
	bool broken;

	spinlock_t lock;		/* all below */
	bool open;
	int err;
	u32 next_seq;
	struct list_head waiters;
	struct nvg_rpc_gone gone[NVG_RPC_GONE];
	unsigned int nr_gone;
	struct completion init_done;
	u32 init_result;
	wait_queue_head_t space;
	struct list_head events;
	unsigned int nr_events;
	struct work_struct event_work;
	struct work_struct more_work;
	struct workqueue_struct *event_wq;
	struct nvg_rpc_stats stats;
	struct nvg_rpc_note history[NVG_RPC_HISTORY];
	unsigned int nr_history;
};

int nvg_rpc_init(struct nvg_gpu *gpu);
void nvg_rpc_fini(struct nvg_gpu *gpu);
void nvg_rpc_queue_args(struct nvg_gpu *gpu, struct nvg_queue_args *args);
void nvg_rpc_start(struct nvg_gpu *gpu);
void nvg_rpc_stop(struct nvg_gpu *gpu, int err);
void nvg_rpc_flush(struct nvg_gpu *gpu);
int nvg_rpc_send(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len);
int nvg_rpc_call(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len,
		 void *reply, size_t reply_len);
int nvg_rpc_wait_init_done(struct nvg_gpu *gpu, unsigned int timeout_ms);
void nvg_rpc_service(struct nvg_gpu *gpu);

/* For health.c and debugfs.c */
void nvg_rpc_get_stats(struct nvg_gpu *gpu, struct nvg_rpc_stats *stats);
unsigned int nvg_rpc_get_history(struct nvg_gpu *gpu, struct nvg_rpc_note *notes);
bool nvg_rpc_get_pointers(struct nvg_gpu *gpu, u32 cmdq[2], u32 statq[2]);
const char *nvg_rpc_what_name(enum nvg_rpc_what what);

#endif
