// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to the firmware and from it. One sender at a time writes the queue to the
 * firmware, one reader at a time empties the queue from it; everybody else sleeps on
 * a completion of his own. Replies find their caller by function and sequence number
 * (the firmware repeats both). Events are copied and dispatched from an ordered
 * workqueue, so that their handlers may call the firmware themselves.
 *
 * The reader is the thread of the GSP interrupt; and, as an interrupt can be lost, also
 * whoever waits, ten times a second.
 *
 * Shared memory, one block: a page with the addresses of all its pages, the queue to the
 * firmware, the queue from it. Each side keeps its read index in the header page of the
 * queue that it writes. What bytes mean is in queue.c, fw_r570.c and rm.c.
 */
#include <kunit/visibility.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "gpu.h"
#include "trace.h"

#define SHM_PTES	129U
#define SHM_PAGE	4096U		/* GSP's, whatever the CPU's is */
#define SHM_SIZE	(SHM_PTES * SHM_PAGE)
#define SHM_CMDQ	0x1000U
#define SHM_STATQ	(SHM_CMDQ + NVG_QUEUE_SIZE)

#define REPLY_MS	5000U		/* from when the request is the oldest one */
#define POLL_MS		100U
#define SPACE_MS	1000U		/* without the firmware having read anything */
#define SPACE_TOTAL_MS	10000U		/* of a message */
#define SPACE_POLL_MS	2U
#define BURST		(4 * NVG_QUEUE_ELEMS)	/* records read in a row */
#define MAX_EVENT	4096U	/* bytes that are kept of an event, far more than any has */

/* The one event that is not for fw_r570.c: the firmware takes requests from now on */
#define EVENT_INIT_DONE	0x1001U

static_assert(SHM_STATQ + NVG_QUEUE_SIZE == SHM_SIZE);

/*
 * A request that waits for its reply. Whoever takes it out of nvg_rpc.waiters, with
 * nvg_rpc.lock held, sets @err and completes it.
 */
struct waiter {
	struct list_head link;
	u32 fn;
	u32 seq;
	void *reply;
	size_t reply_len;
	unsigned long since;	/* jiffies, when it was sent and all earlier ones were answered */
	int err;
	struct completion done;
};

struct event {
	struct list_head link;
	u32 fn;
	u32 len;
	u8 payload[] __counted_by(len);
};

static struct nvg_queue_tx *cmdq_tx(struct nvg_rpc *rpc)
{
	return rpc->shm + SHM_CMDQ;
}

static struct nvg_queue_tx *statq_tx(struct nvg_rpc *rpc)
{
	return rpc->shm + SHM_STATQ;
}

/* Our read index of the queue from the firmware */
static __le32 *statq_rx(struct nvg_rpc *rpc)
{
	return rpc->shm + SHM_CMDQ + NVG_QUEUE_RX;
}

/* The firmware's read index of the queue to it */
static __le32 *cmdq_rx(struct nvg_rpc *rpc)
{
	return rpc->shm + SHM_STATQ + NVG_QUEUE_RX;
}

static void remember(struct nvg_gpu *gpu, enum nvg_rpc_what what, u32 fn, u32 seq, u32 len,
		     u32 result)
{
	struct nvg_rpc *rpc = &gpu->rpc;

	lockdep_assert_held(&rpc->lock);
	rpc->history[rpc->nr_history++ % NVG_RPC_HISTORY] = (struct nvg_rpc_note) {
		.at = ktime_get(),
		.what = what,
		.fn = fn,
		.seq = seq,
		.len = len,
		.result = result,
	};
	trace_nvgrace_vgpu_message(gpu->dev, what, fn, seq, len, result);
}

/* The errno for callers; 0: messages pass */
static int closed(struct nvg_rpc *rpc)
{
	guard(spinlock_irqsave)(&rpc->lock);
	return rpc->open ? 0 : rpc->err;
}

/*
 * Sending
 */

static u32 cmdq_read_index(struct nvg_rpc *rpc)
{
	return le32_to_cpu(READ_ONCE(*cmdq_rx(rpc)));
}

/* @last: jiffies until when the whole message must be in the queue */
static int wait_for_space(struct nvg_gpu *gpu, u32 elems, unsigned long last)
{
	unsigned long limit = 0;
	struct nvg_rpc *rpc = &gpu->rpc;
	u32 rd, seen = NVG_QUEUE_ELEMS;
	int space, err;

	for (;;) {
		rd = cmdq_read_index(rpc);
		space = nvg_queue_space(rpc->cmdq_wr, rd);
		if (space < 0) {
			nvg_rpc_stop(gpu, -EPROTO);
			nvg_gpu_lost(gpu, "read index of the queue to GSP is outside of it");
			return -EPROTO;
		}
		err = closed(rpc);
		if (err)
			return err;
		if (space >= elems)
			break;
		if (rd != seen) {
			if (seen == NVG_QUEUE_ELEMS) {
				guard(spinlock_irqsave)(&rpc->lock);
				rpc->stats.space_waits++;
			}
			seen = rd;
			limit = jiffies + msecs_to_jiffies(SPACE_MS);
		}
		if (time_after(jiffies, limit) || time_after(jiffies, last))
			return -ENOSPC;
		wait_event_timeout(rpc->space, cmdq_read_index(rpc) != rd || closed(rpc),
				   msecs_to_jiffies(SPACE_POLL_MS));
		/* It may be waiting for room itself */
		nvg_rpc_service(gpu);
	}
	/* The elements were read before they are overwritten */
	dma_mb();
	return 0;
}

static int send_record(struct nvg_gpu *gpu, u32 fn, u32 seq, const void *payload, u32 len,
		       unsigned long last)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	u32 elems;
	int err;

	elems = nvg_record_encode(rpc->scratch, fn, seq, rpc->cmdq_seq, payload, len);
	err = wait_for_space(gpu, elems, last);
	if (err)
		return err;
	rpc->cmdq_wr = nvg_queue_put(rpc->shm + SHM_CMDQ + NVG_QUEUE_RING, rpc->cmdq_wr,
				     rpc->scratch, elems);
	rpc->cmdq_seq++;
	/* The elements are in memory before the index says so */
	dma_wmb();
	WRITE_ONCE(cmdq_tx(rpc)->write_ptr, cpu_to_le32(rpc->cmdq_wr));
	nvg_wr32(gpu, NV_PGSP_QUEUE_HEAD(0), 0);

	guard(spinlock_irqsave)(&rpc->lock);
	rpc->stats.sent_elems += elems;
	return 0;
}

static int send_message(struct nvg_gpu *gpu, u32 fn, u32 seq, const void *payload, size_t len)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	size_t done = min_t(size_t, len, NVG_RECORD_PAYLOAD), step;
	unsigned long last = jiffies + msecs_to_jiffies(SPACE_TOTAL_MS);
	int err;

	lockdep_assert_held(&rpc->send_lock);
	err = closed(rpc);
	if (err)
		return err;
	scoped_guard(spinlock_irqsave, &rpc->lock) {
		rpc->stats.sent++;
		remember(gpu, NVG_RPC_SENT, fn, seq, len, 0);
	}
	err = send_record(gpu, fn, seq, payload, done, last);
	if (err)
		return err;
	for (; done < len; done += step) {
		step = min_t(size_t, len - done, NVG_RECORD_PAYLOAD);
		err = send_record(gpu, NVG_FN_CONTINUATION, seq, payload + done, step, last);
		if (err) {
			/* It has half a message, and would take the next one for its rest */
			nvg_rpc_stop(gpu, err == -ENOSPC ? -EIO : err);
			nvg_gpu_lost(gpu, "GSP does not read the rest of a message");
			return err;
		}
	}
	return 0;
}

/**
 * nvg_rpc_send - send a message that has no reply
 * @gpu: the GPU
 * @fn: function
 * @payload: in the layout of the firmware's version
 * @len: bytes of it
 *
 * Return: 0, or -E2BIG, -ENOSPC (the firmware reads nothing), -EIO (it is lost or ended),
 * -EPROTO (lost: it broke the rules).
 */
int nvg_rpc_send(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len)
{
	if (len > NVG_MESSAGE_MAX)
		return -E2BIG;
	guard(mutex)(&gpu->rpc.send_lock);
	return send_message(gpu, fn, 0, payload, len);
}

static void add_waiter(struct nvg_rpc *rpc, struct waiter *waiter)
{
	guard(spinlock_irqsave)(&rpc->lock);
	if (!++rpc->next_seq)
		rpc->next_seq = 1;
	waiter->seq = rpc->next_seq;
	waiter->since = jiffies;
	list_add_tail(&waiter->link, &rpc->waiters);
}

static void remember_gone(struct nvg_rpc *rpc, const struct waiter *waiter)
{
	lockdep_assert_held(&rpc->lock);
	rpc->gone[rpc->nr_gone++ % NVG_RPC_GONE] = (struct nvg_rpc_gone) {
		.fn = waiter->fn,
		.seq = waiter->seq,
		.len = waiter->reply_len,
	};
}

/* No longer wait. Return: true if nobody has ended the wait before */
static bool leave(struct nvg_rpc *rpc, struct waiter *waiter)
{
	scoped_guard(spinlock_irqsave, &rpc->lock) {
		if (!list_empty(&waiter->link)) {
			list_del_init(&waiter->link);
			remember_gone(rpc, waiter);
			return true;
		}
	}
	wait_for_completion(&waiter->done);
	return false;
}

/* The firmware does not answer: it is lost, and so is the caller's request */
static int give_up(struct nvg_gpu *gpu, struct waiter *waiter, int err)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	char why[64];

	if (!leave(rpc, waiter))
		return waiter->err;
	if (err == -ETIMEDOUT) {
		guard(spinlock_irqsave)(&rpc->lock);
		rpc->stats.timeouts++;
	}
	snprintf(why, sizeof(why), err == -ETIMEDOUT ? "no reply to function %u in %u s" :
		 "GSP halted before it answered function %u", waiter->fn, REPLY_MS / 1000);
	nvg_gpu_lost(gpu, why);
	return err;
}

/*
 * Wait until @done. -EIO: GSP halted before; -ETIMEDOUT: not within @ms of *@since, which
 * can change meanwhile
 */
static int wait_for(struct nvg_gpu *gpu, struct completion *done, const unsigned long *since,
		    unsigned int ms)
{
	bool halted;

	while (!wait_for_completion_timeout(done, msecs_to_jiffies(POLL_MS))) {
		/* What it said before it halted is still to be heard */
		halted = nvg_gsp_halted(gpu);
		nvg_rpc_service(gpu);
		if (completion_done(done))
			continue;
		if (halted)
			return -EIO;
		if (time_after(jiffies, READ_ONCE(*since) + msecs_to_jiffies(ms)))
			return -ETIMEDOUT;
	}
	return 0;
}

/**
 * nvg_rpc_call - send a message and wait for its reply
 * @gpu: the GPU
 * @fn: function
 * @payload: in the layout of the firmware's version
 * @len: bytes of it
 * @reply: payload of the reply, may be @payload, or NULL
 * @reply_len: bytes of it that are wanted; what the firmware says beyond is dropped
 *
 * The caller may hold any lock above nvg_rpc.send_lock in gpu.h.
 *
 * Return: 0, or -E2BIG, -ENOSPC (the firmware reads nothing), -EIO (it is lost or ended),
 * -ETIMEDOUT (no reply in 5 s: it is lost now), -EPROTO (likewise: it broke the rules),
 * or what nvg_rm_errno() makes of the status in the reply's header.
 */
int nvg_rpc_call(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len,
		 void *reply, size_t reply_len)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	struct waiter waiter = {
		.fn = fn,
		.reply = reply,
		.reply_len = reply_len,
	};
	int err;

	if (len > NVG_MESSAGE_MAX || reply_len > NVG_MESSAGE_MAX)
		return -E2BIG;
	init_completion(&waiter.done);
	/* Sequence numbers are in the order of the queue, see answered() */
	scoped_guard(mutex, &rpc->send_lock) {
		add_waiter(rpc, &waiter);
		err = send_message(gpu, fn, waiter.seq, payload, len);
	}
	if (err)
		return leave(rpc, &waiter) ? err : waiter.err;
	/* All of it is in the queue only now */
	WRITE_ONCE(waiter.since, jiffies);
	err = wait_for(gpu, &waiter.done, &waiter.since, REPLY_MS);
	return err ? give_up(gpu, &waiter, err) : waiter.err;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_rpc_call);

/*
 * Receiving
 */

static struct waiter *find_waiter(struct nvg_rpc *rpc, u32 fn, u32 seq)
{
	struct waiter *waiter;

	lockdep_assert_held(&rpc->lock);
	list_for_each_entry(waiter, &rpc->waiters, link)
		if (waiter->seq == seq && waiter->fn == fn)
			return waiter;
	return NULL;
}

static struct nvg_rpc_gone *find_gone(struct nvg_rpc *rpc, u32 fn, u32 seq)
{
	unsigned int i;

	lockdep_assert_held(&rpc->lock);
	for (i = 0; i < NVG_RPC_GONE; i++)
		if (rpc->gone[i].seq && rpc->gone[i].seq == seq && rpc->gone[i].fn == fn)
			return &rpc->gone[i];
	return NULL;
}

/* Bytes that the message is to have, of which this is the first record */
static size_t wanted(struct nvg_rpc *rpc, const struct nvg_record *rec)
{
	struct nvg_rpc_gone *gone;
	struct waiter *waiter;

	guard(spinlock_irqsave)(&rpc->lock);
	waiter = find_waiter(rpc, rec->fn, rec->seq);
	if (waiter)
		return waiter->reply_len;
	gone = find_gone(rpc, rec->fn, rec->seq);
	return gone ? gone->len : 0;
}

/*
 * The firmware works in the order of the queue: who has sent later has waited for this
 * one first. As each reply counts once, no firmware can keep a caller for ever.
 */
static void answered(struct nvg_rpc *rpc, u32 seq)
{
	struct waiter *waiter;

	lockdep_assert_held(&rpc->lock);
	list_for_each_entry(waiter, &rpc->waiters, link)
		if ((s32)(waiter->seq - seq) > 0)
			WRITE_ONCE(waiter->since, jiffies);
}

/* Return: the caller, no longer in the list, or NULL if there is none */
static struct waiter *take_waiter(struct nvg_gpu *gpu, const struct nvg_message *msg)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	enum nvg_rpc_what what = NVG_RPC_UNKNOWN;
	struct nvg_rpc_gone *gone;
	struct waiter *waiter;

	guard(spinlock_irqsave)(&rpc->lock);
	waiter = find_waiter(rpc, msg->fn, msg->seq);
	gone = find_gone(rpc, msg->fn, msg->seq);
	if (waiter) {
		what = NVG_RPC_REPLY;
		list_del_init(&waiter->link);
		answered(rpc, msg->seq);
		rpc->stats.replies++;
	} else if (gone) {
		what = NVG_RPC_LATE;
		gone->seq = 0;
		rpc->stats.late++;
	} else {
		rpc->stats.unknown++;
	}
	remember(gpu, what, msg->fn, msg->seq, msg->len, msg->result);
	return waiter;
}

/* Return: 0, or -EPROTO if the reply is too short for what was asked */
static int deliver_reply(struct nvg_gpu *gpu, const struct nvg_message *msg)
{
	struct waiter *waiter = take_waiter(gpu, msg);
	int err;

	if (!waiter)
		return 0;
	if (msg->result)
		err = nvg_rm_errno(msg->result);
	else if (msg->len < waiter->reply_len)
		err = -EPROTO;
	else
		err = 0;
	if (!err && waiter->reply_len)
		memcpy(waiter->reply, msg->buf, waiter->reply_len);
	waiter->err = err;
	complete(&waiter->done);
	return !msg->result && err ? err : 0;
}

static void deliver_event(struct nvg_gpu *gpu, const struct nvg_message *msg)
{
	u32 len = min_t(size_t, msg->len, MAX_EVENT);
	struct nvg_rpc *rpc = &gpu->rpc;
	struct event *event = NULL;

	if (msg->fn != EVENT_INIT_DONE)
		event = kmalloc_flex(*event, payload, len);
	if (event) {
		event->fn = msg->fn;
		event->len = len;
		memcpy(event->payload, msg->buf, len);
	}
	scoped_guard(spinlock_irqsave, &rpc->lock) {
		rpc->stats.events++;
		remember(gpu, NVG_RPC_EVENT, msg->fn, msg->seq, msg->len, msg->result);
		if (msg->fn == EVENT_INIT_DONE && rpc->open) {
			rpc->init_result = msg->result;
			complete_all(&rpc->init_done);
			return;
		}
		if (event && rpc->open && rpc->nr_events < NVG_RPC_MAX_EVENTS) {
			list_add_tail(&event->link, &rpc->events);
			rpc->nr_events++;
			queue_work(rpc->event_wq, &rpc->event_work);
			return;
		}
		rpc->stats.events_dropped++;
	}
	kfree(event);
}

/*
 * Read one record, and hand out the message that it completes.
 * Return: 1 if there may be more, 0 if not, -EPROTO with *why
 */
static int read_record(struct nvg_gpu *gpu, const char **why)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	struct nvg_message *msg = &rpc->message;
	struct nvg_record rec;
	int rc;
	u32 wr;

	wr = le32_to_cpu(READ_ONCE(statq_tx(rpc)->write_ptr));
	/* The index, and only then what it covers */
	dma_rmb();
	rc = nvg_queue_decode(&rpc->decoder, rpc->shm + SHM_STATQ + NVG_QUEUE_RING, wr, &rec);
	*why = rpc->decoder.why;
	if (rc <= 0)
		return rc;
	/* All was copied before the firmware may write there again */
	dma_mb();
	WRITE_ONCE(*statq_rx(rpc), cpu_to_le32(rpc->decoder.rd));

	rc = nvg_message_add(msg, &rec, wanted(rpc, &rec));
	*why = msg->why;
	if (rc < 0)
		return rc;
	if (rc && msg->fn >= NVG_FN_FIRST_EVENT) {
		deliver_event(gpu, msg);
	} else if (rc) {
		*why = "reply too short";
		rc = deliver_reply(gpu, msg);
	}
	return rc < 0 ? rc : 1;
}

/**
 * nvg_rpc_service - read what the firmware has sent
 * @gpu: the GPU
 *
 * For the thread of the GSP interrupt and for who waits. A malformed message ends the
 * firmware: it is lost. Once messages are closed, what comes is only counted.
 */
void nvg_rpc_service(struct nvg_gpu *gpu)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	const char *why = NULL;
	unsigned int i = 0;
	char text[80];
	int rc = 0;

	scoped_guard(mutex, &rpc->recv_lock) {
		while (rpc->shm && !rpc->broken && i++ < BURST) {
			rc = read_record(gpu, &why);
			if (rc <= 0)
				break;
		}
		if (rc < 0)
			rpc->broken = true;
		/* The rest, once others had their turn */
		if (rc > 0)
			queue_work(rpc->event_wq, &rpc->more_work);
	}
	if (i > 1)
		wake_up_all(&rpc->space);
	if (rc >= 0)
		return;
	scoped_guard(spinlock_irqsave, &rpc->lock)
		rpc->stats.malformed++;
	snprintf(text, sizeof(text), "malformed message of GSP: %s", why);
	nvg_rpc_stop(gpu, -EPROTO);
	nvg_gpu_lost(gpu, text);
}

static void service_more(struct work_struct *work)
{
	nvg_rpc_service(container_of(work, struct nvg_gpu, rpc.more_work));
}

static struct event *next_event(struct nvg_rpc *rpc)
{
	struct event *event;

	guard(spinlock_irqsave)(&rpc->lock);
	event = list_first_entry_or_null(&rpc->events, struct event, link);
	if (event) {
		list_del(&event->link);
		rpc->nr_events--;
	}
	return event;
}

static void dispatch_events(struct work_struct *work)
{
	struct nvg_gpu *gpu = container_of(work, struct nvg_gpu, rpc.event_work);
	struct event *event;

	while ((event = next_event(&gpu->rpc))) {
		nvg_fw_event(gpu, event->fn, event->payload, event->len);
		kfree(event);
	}
}

/**
 * nvg_rpc_wait_init_done - wait until the firmware takes requests
 * @gpu: the GPU
 * @timeout_ms: for how long
 *
 * Return: 0, or -ETIMEDOUT, -EIO (GSP halted, or messages were closed), -EPROTO (what it
 * wrote is not the queue that both sides agreed on), or what nvg_rm_errno() makes of the
 * firmware's status: it takes no requests but the one to end.
 */
int nvg_rpc_wait_init_done(struct nvg_gpu *gpu, unsigned int timeout_ms)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	unsigned long start = jiffies;
	struct nvg_queue_tx tx;
	u32 result;
	int err;

	err = wait_for(gpu, &rpc->init_done, &start, timeout_ms);
	if (!err)
		err = closed(rpc);
	if (err)
		return err;
	memcpy(&tx, statq_tx(rpc), sizeof(tx));
	if (!nvg_queue_tx_valid(&tx))
		return -EPROTO;
	result = READ_ONCE(rpc->init_result);
	if (result)
		dev_err(gpu->dev, "GSP: its start failed with status %#x\n", result);
	return nvg_rm_errno(result);
}

/*
 * Beginning and end
 */

static void drop_events(struct nvg_rpc *rpc)
{
	struct event *event, *next;

	lockdep_assert_held(&rpc->lock);
	list_for_each_entry_safe(event, next, &rpc->events, link) {
		list_del(&event->link);
		rpc->stats.events_dropped++;
		kfree(event);
	}
	rpc->nr_events = 0;
}

/**
 * nvg_rpc_stop - close the queues
 * @gpu: the GPU
 * @err: what callers get from now on, and those who wait at once
 *
 * In any context. Once closed, another @err changes nothing.
 */
void nvg_rpc_stop(struct nvg_gpu *gpu, int err)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	struct waiter *waiter, *next;

	guard(spinlock_irqsave)(&rpc->lock);
	if (!rpc->open)
		return;
	rpc->open = false;
	rpc->err = err;
	list_for_each_entry_safe(waiter, next, &rpc->waiters, link) {
		list_del_init(&waiter->link);
		remember_gone(rpc, waiter);
		waiter->err = err;
		complete(&waiter->done);
	}
	complete_all(&rpc->init_done);
	drop_events(rpc);
	wake_up_all(&rpc->space);
}

/**
 * nvg_rpc_flush - wait for what messages have started that were read before
 * @gpu: the GPU
 *
 * Not to be called by who handles events, nor with a lock held that one takes.
 */
void nvg_rpc_flush(struct nvg_gpu *gpu)
{
	flush_workqueue(gpu->rpc.event_wq);
}

/**
 * nvg_rpc_start - open the queues, empty
 * @gpu: the GPU, whose firmware does not run
 */
void nvg_rpc_start(struct nvg_gpu *gpu)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	__le64 *pte = rpc->shm;
	unsigned int i;

	guard(mutex)(&rpc->send_lock);
	guard(mutex)(&rpc->recv_lock);
	memset(rpc->shm, 0, SHM_SIZE);
	for (i = 0; i < SHM_PTES; i++)
		pte[i] = cpu_to_le64(rpc->shm_dma + i * SHM_PAGE);
	nvg_queue_tx_init(cmdq_tx(rpc));
	rpc->cmdq_wr = 0;
	rpc->cmdq_seq = 0;
	rpc->decoder.rd = 0;
	rpc->decoder.seq = 0;
	rpc->message.open = false;
	rpc->message.tail = false;
	rpc->broken = false;

	guard(spinlock_irqsave)(&rpc->lock);
	memset(rpc->gone, 0, sizeof(rpc->gone));
	reinit_completion(&rpc->init_done);
	rpc->open = true;
	rpc->err = 0;
}

/**
 * nvg_rpc_queue_args - where the firmware finds the queues
 * @gpu: the GPU
 * @args: to be filled
 */
void nvg_rpc_queue_args(struct nvg_gpu *gpu, struct nvg_queue_args *args)
{
	*args = (struct nvg_queue_args) {
		.shared_mem_pa = gpu->rpc.shm_dma,
		.pte_count = SHM_PTES,
		.cmdq_offset = SHM_CMDQ,
		.statq_offset = SHM_STATQ,
	};
}

/**
 * nvg_rpc_init - allocate the queues, closed
 * @gpu: the GPU, all zeroes in its rpc
 *
 * Return: 0 or -ENOMEM; nvg_rpc_fini() may be called in both cases.
 */
int nvg_rpc_init(struct nvg_gpu *gpu)
{
	struct nvg_rpc *rpc = &gpu->rpc;

	mutex_init(&rpc->send_lock);
	mutex_init(&rpc->recv_lock);
	spin_lock_init(&rpc->lock);
	INIT_LIST_HEAD(&rpc->waiters);
	INIT_LIST_HEAD(&rpc->events);
	INIT_WORK(&rpc->event_work, dispatch_events);
	INIT_WORK(&rpc->more_work, service_more);
	init_completion(&rpc->init_done);
	init_waitqueue_head(&rpc->space);
	rpc->err = -EIO;

	rpc->scratch = kvmalloc(NVG_RECORD_SIZE, GFP_KERNEL);
	rpc->decoder.buf = kvmalloc(NVG_RECORD_SIZE, GFP_KERNEL);
	rpc->message.buf = kvmalloc(NVG_MESSAGE_MAX, GFP_KERNEL);
	rpc->event_wq = alloc_ordered_workqueue("nvgrace-vgpu-%s", 0, pci_name(gpu->pdev));
	rpc->shm = dma_alloc_coherent(gpu->dev, SHM_SIZE, &rpc->shm_dma, GFP_KERNEL);
	if (rpc->scratch && rpc->decoder.buf && rpc->message.buf && rpc->event_wq && rpc->shm)
		return 0;
	nvg_rpc_fini(gpu);
	return -ENOMEM;
}

/**
 * nvg_rpc_fini - undo nvg_rpc_init()
 * @gpu: the GPU, whose firmware does not run
 */
void nvg_rpc_fini(struct nvg_gpu *gpu)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	void *shm;

	nvg_rpc_stop(gpu, -EIO);
	/* The interrupt may still call nvg_rpc_service(), which finds nothing from here on */
	scoped_guard(mutex, &rpc->recv_lock) {
		shm = rpc->shm;
		rpc->shm = NULL;
	}
	if (rpc->event_wq)
		destroy_workqueue(rpc->event_wq);
	rpc->event_wq = NULL;
	if (shm)
		dma_free_coherent(gpu->dev, SHM_SIZE, shm, rpc->shm_dma);
	kvfree(rpc->message.buf);
	kvfree(rpc->decoder.buf);
	kvfree(rpc->scratch);
	rpc->message.buf = NULL;
	rpc->decoder.buf = NULL;
	rpc->scratch = NULL;
}

/*
 * For people
 */

/**
 * nvg_rpc_get_stats - what was counted
 * @gpu: the GPU
 * @stats: to be filled
 */
void nvg_rpc_get_stats(struct nvg_gpu *gpu, struct nvg_rpc_stats *stats)
{
	guard(spinlock_irqsave)(&gpu->rpc.lock);
	*stats = gpu->rpc.stats;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_rpc_get_stats);

/**
 * nvg_rpc_get_history - the last messages
 * @gpu: the GPU
 * @notes: NVG_RPC_HISTORY of them, oldest first
 *
 * Return: how many.
 */
unsigned int nvg_rpc_get_history(struct nvg_gpu *gpu, struct nvg_rpc_note *notes)
{
	struct nvg_rpc *rpc = &gpu->rpc;
	unsigned int count, i;

	guard(spinlock_irqsave)(&rpc->lock);
	count = min(rpc->nr_history, NVG_RPC_HISTORY);
	for (i = 0; i < count; i++)
		notes[i] = rpc->history[(rpc->nr_history - count + i) % NVG_RPC_HISTORY];
	return count;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_rpc_get_history);

/**
 * nvg_rpc_get_pointers - the indexes of both queues, as they lie in memory
 * @gpu: the GPU
 * @cmdq: write index and read index of the queue to the firmware
 * @statq: the same of the queue from it
 *
 * Return: false if there are no queues.
 */
bool nvg_rpc_get_pointers(struct nvg_gpu *gpu, u32 cmdq[2], u32 statq[2])
{
	struct nvg_rpc *rpc = &gpu->rpc;

	guard(mutex)(&rpc->recv_lock);
	if (!rpc->shm)
		return false;
	cmdq[0] = le32_to_cpu(READ_ONCE(cmdq_tx(rpc)->write_ptr));
	cmdq[1] = cmdq_read_index(rpc);
	statq[0] = le32_to_cpu(READ_ONCE(statq_tx(rpc)->write_ptr));
	statq[1] = le32_to_cpu(READ_ONCE(*statq_rx(rpc)));
	return true;
}

/**
 * nvg_rpc_what_name - what became of a message, as a word
 * @what: it
 *
 * Return: the word.
 */
const char *nvg_rpc_what_name(enum nvg_rpc_what what)
{
	static const char * const names[] = {
		[NVG_RPC_SENT] = "sent",
		[NVG_RPC_REPLY] = "reply",
		[NVG_RPC_LATE] = "late reply",
		[NVG_RPC_UNKNOWN] = "unknown reply",
		[NVG_RPC_EVENT] = "event",
	};

	return names[what];
}
