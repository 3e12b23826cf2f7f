/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GPU's health, for people: Xid errors and the loss of the firmware in the kernel
 * log and as a device core dump, and debugfs.
 */
#ifndef NVGRACE_VGPU_HEALTH_H
#define NVGRACE_VGPU_HEALTH_H

#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue_types.h>

struct dentry;
struct nvg_gpu;
struct seq_buf;

#define NVG_HEALTH_WHY	320	/* bytes of a reason, with the final NUL */

/**
 * struct nvg_health - what went wrong
 * @lock: protects what is below, up to @why
 * @ready: between nvg_health_init() and nvg_health_fini()
 * @xids: Xid errors since probe
 * @losses: how often the firmware was lost since probe
 * @last_xid: number of the last Xid error
 * @why: what the next dump is about
 * @limit: of the lines and dumps for Xid errors
 * @dump: takes the core dump, as that takes memory and time
 * @retire: asks which pages of the framebuffer have failed
 * @debugfs: directory of this GPU
 */
struct nvg_health {
	spinlock_t lock;	/* up to @why */
	bool ready;
	u64 xids;
	u64 losses;
	u32 last_xid;
	char why[NVG_HEALTH_WHY];
	struct ratelimit_state limit;
	struct work_struct dump;
	struct work_struct retire;
	struct dentry *debugfs;
};

void nvg_health_init(struct nvg_gpu *gpu);
void nvg_health_fini(struct nvg_gpu *gpu);
void nvg_health_xid(struct nvg_gpu *gpu, u32 xid, u32 chid, const char *text);
void nvg_health_lost(struct nvg_gpu *gpu, const char *why);

/* Parts of the dump that debugfs has, too */
void nvg_health_show_state(struct nvg_gpu *gpu, struct seq_buf *s);
void nvg_health_show_queues(struct nvg_gpu *gpu, struct seq_buf *s);
void nvg_health_show_messages(struct nvg_gpu *gpu, struct seq_buf *s);

/* debugfs.c: the root directory is the module's, each GPU has one in it */
void nvg_debugfs_module_init(void);
void nvg_debugfs_module_fini(void);
void nvg_debugfs_init(struct nvg_gpu *gpu);
void nvg_debugfs_fini(struct nvg_gpu *gpu);

#endif
