// SPDX-License-Identifier: GPL-2.0
/*
 * What went wrong, for people: a line in the kernel log for each Xid error, and a core
 * dump (devcoredump) for those and for a loss of the firmware, with the state of the
 * queues, the last messages and the firmware's logs. Nothing here recovers the GPU.
 */
#include <linux/devcoredump.h>
#include <linux/ratelimit.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "gpu.h"

#define XID_BURST	10		/* lines in XID_INTERVAL */
#define XID_INTERVAL	(5 * HZ)

/* Firmware has taken a page of the framebuffer out of use */
#define XID_PAGE_RETIRED	63

#define NO_CHANNEL	0xffffffffU

/* State, queues, messages: far less; the logs have their own sizes */
#define DUMP_TEXT	(32 * 1024)
#define DUMP_SIZE	(DUMP_TEXT + NVG_GSP_NR_LOGS * NVG_GSP_LOG_SIZE)

static const char *state_name(struct nvg_gpu *gpu)
{
	switch (READ_ONCE(gpu->state)) {
	case NVG_OFF:
		return "off";
	case NVG_BOOTING:
		return "booting";
	case NVG_RUNNING:
		return "running";
	case NVG_LOST:
		return "lost";
	}
	return "?";
}

/**
 * nvg_health_show_state - say how the GPU is
 * @gpu: the GPU
 * @s: gets lines of "name: value"
 */
void nvg_health_show_state(struct nvg_gpu *gpu, struct seq_buf *s)
{
	struct nvg_health *health = &gpu->health;

	seq_buf_printf(s, "state: %s\n", state_name(gpu));
	seq_buf_printf(s, "epoch: %u\n", READ_ONCE(gpu->epoch));
	seq_buf_printf(s, "vgpu: %s\n", gpu->vgpu ? "on" : "off");
	seq_buf_printf(s, "total_vfs: %u\n", gpu->total_vfs);
	guard(spinlock_irqsave)(&health->lock);
	seq_buf_printf(s, "losses: %llu\n", health->losses);
	seq_buf_printf(s, "xids: %llu\n", health->xids);
	seq_buf_printf(s, "last_xid: %u\n", health->last_xid);
}

/**
 * nvg_health_show_queues - say what the queues hold, and what was counted
 * @gpu: the GPU
 * @s: gets lines of "name: value"
 */
void nvg_health_show_queues(struct nvg_gpu *gpu, struct seq_buf *s)
{
	struct nvg_rpc_stats stats;
	u32 cmdq[2], statq[2];

	if (nvg_rpc_get_pointers(gpu, cmdq, statq)) {
		seq_buf_printf(s, "cmdq_write: %u\n", cmdq[0]);
		seq_buf_printf(s, "cmdq_read: %u\n", cmdq[1]);
		seq_buf_printf(s, "statq_write: %u\n", statq[0]);
		seq_buf_printf(s, "statq_read: %u\n", statq[1]);
	}
	nvg_rpc_get_stats(gpu, &stats);
	seq_buf_printf(s, "sent: %llu\n", stats.sent);
	seq_buf_printf(s, "sent_elems: %llu\n", stats.sent_elems);
	seq_buf_printf(s, "replies: %llu\n", stats.replies);
	seq_buf_printf(s, "late: %llu\n", stats.late);
	seq_buf_printf(s, "unknown: %llu\n", stats.unknown);
	seq_buf_printf(s, "events: %llu\n", stats.events);
	seq_buf_printf(s, "events_dropped: %llu\n", stats.events_dropped);
	seq_buf_printf(s, "malformed: %llu\n", stats.malformed);
	seq_buf_printf(s, "space_waits: %llu\n", stats.space_waits);
	seq_buf_printf(s, "timeouts: %llu\n", stats.timeouts);
}

/**
 * nvg_health_show_messages - say which messages came and went the last
 * @gpu: the GPU
 * @s: gets a line for each, oldest first
 */
void nvg_health_show_messages(struct nvg_gpu *gpu, struct seq_buf *s)
{
	unsigned int count, i;
	u64 us;

	struct nvg_rpc_note *notes __free(kfree) = kzalloc_objs(*notes, NVG_RPC_HISTORY);
	if (!notes)
		return;
	count = nvg_rpc_get_history(gpu, notes);
	for (i = 0; i < count; i++) {
		us = ktime_to_us(notes[i].at);
		seq_buf_printf(s, "%llu.%06llu %s function %#x sequence %u length %u result %#x\n",
			       us / USEC_PER_SEC, us % USEC_PER_SEC,
			       nvg_rpc_what_name(notes[i].what), notes[i].fn, notes[i].seq,
			       notes[i].len, notes[i].result);
	}
}

static void dump_logs(struct nvg_gpu *gpu, struct seq_buf *s)
{
	static const char * const names[NVG_GSP_NR_LOGS] = { "LOGINIT", "LOGINTR", "LOGRM" };
	enum nvg_gsp_log log;
	ssize_t len;
	size_t room;
	char *buf;

	for (log = 0; log < NVG_GSP_NR_LOGS; log++) {
		seq_buf_printf(s, "\n%s:\n", names[log]);
		room = seq_buf_get_buf(s, &buf);
		len = room ? nvg_gsp_read_log(gpu, log, buf, min(room, NVG_GSP_LOG_SIZE)) : 0;
		seq_buf_commit(s, max(len, 0));
	}
}

static void take_dump(struct work_struct *work)
{
	struct nvg_gpu *gpu = container_of(work, struct nvg_gpu, health.dump);
	struct nvg_health *health = &gpu->health;
	char why[NVG_HEALTH_WHY];
	struct seq_buf s;
	void *buf;

	scoped_guard(spinlock_irqsave, &health->lock) {
		strscpy(why, health->why);
		health->why[0] = '\0';
	}
	buf = vzalloc(DUMP_SIZE);
	if (!buf)
		return;
	seq_buf_init(&s, buf, DUMP_SIZE);
	seq_buf_printf(&s, "nvgrace-vgpu %s: %s\n", pci_name(gpu->pdev), why);
	seq_buf_printf(&s, "uptime_us: %lld\n", ktime_to_us(ktime_get()));
	nvg_health_show_state(gpu, &s);
	seq_buf_puts(&s, "\nQueues:\n");
	nvg_health_show_queues(gpu, &s);
	seq_buf_puts(&s, "\nMessages:\n");
	nvg_health_show_messages(gpu, &s);
	dump_logs(gpu, &s);

	/* A dump that nobody has read yet is of something that came before */
	dev_coredump_put(gpu->dev);
	dev_coredumpv(gpu->dev, buf, seq_buf_used(&s), GFP_KERNEL);
}

static void retire_pages(struct work_struct *work)
{
	struct nvg_gpu *gpu = container_of(work, struct nvg_gpu, health.retire);
	int rc;

	/* A boot may have asked before: who holds the lock for it does not wait for this work */
	guard(rwsem_read)(&gpu->lock);
	rc = gpu->state == NVG_RUNNING ? nvg_fb_retire_new(gpu) : 0;
	if (rc < 0)
		dev_err_ratelimited(gpu->dev,
				    "failed pages of the framebuffer are not known: %d\n", rc);
}

/* With health->lock. The first reason is kept: what follows is mostly its effect */
static void want_dump(struct nvg_health *health, const char *why)
{
	if (health->ready) {
		if (!health->why[0])
			strscpy(health->why, why);
		schedule_work(&health->dump);
	}
}

/**
 * nvg_health_xid - the firmware has reported an error
 * @gpu: the GPU
 * @xid: its number
 * @chid: channel that it is about, or 0xffffffff
 * @text: the firmware's words, printable
 */
void nvg_health_xid(struct nvg_gpu *gpu, u32 xid, u32 chid, const char *text)
{
	struct nvg_health *health = &gpu->health;
	char why[NVG_HEALTH_WHY];
	bool say;

	if (chid == NO_CHANNEL)
		snprintf(why, sizeof(why), "Xid %u: %s", xid, text);
	else
		snprintf(why, sizeof(why), "Xid %u: channel %u: %s", xid, chid, text);
	say = __ratelimit(&health->limit);
	if (say)
		dev_err(gpu->dev, "%s\n", why);

	guard(spinlock_irqsave)(&health->lock);
	health->xids++;
	health->last_xid = xid;
	if (say)
		want_dump(health, why);
	if (health->ready && xid == XID_PAGE_RETIRED)
		schedule_work(&health->retire);
}

/**
 * nvg_health_lost - the firmware is lost
 * @gpu: the GPU
 * @why: for people
 *
 * For nvg_gpu_lost(), which has put it into the kernel log; once for each loss, in any
 * context.
 */
void nvg_health_lost(struct nvg_gpu *gpu, const char *why)
{
	struct nvg_health *health = &gpu->health;

	guard(spinlock_irqsave)(&health->lock);
	health->losses++;
	health->why[0] = '\0';
	want_dump(health, why);
}

/**
 * nvg_health_init - prepare for what may go wrong
 * @gpu: the GPU
 */
void nvg_health_init(struct nvg_gpu *gpu)
{
	struct nvg_health *health = &gpu->health;

	spin_lock_init(&health->lock);
	ratelimit_state_init(&health->limit, XID_INTERVAL, XID_BURST);
	INIT_WORK(&health->dump, take_dump);
	INIT_WORK(&health->retire, retire_pages);
	health->ready = true;
}

/**
 * nvg_health_fini - finish what is being dumped, and start no more
 * @gpu: the GPU, before nvg_rpc_fini() and nvg_gsp_fini(), without gpu->lock
 */
void nvg_health_fini(struct nvg_gpu *gpu)
{
	struct nvg_health *health = &gpu->health;

	scoped_guard(spinlock_irqsave, &health->lock)
		health->ready = false;
	flush_work(&health->dump);
	cancel_work_sync(&health->retire);
}
