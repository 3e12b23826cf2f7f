/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts of the PF: vectors of its interrupt tree, all behind MSI-X entry 0.
 */
#ifndef NVGRACE_VGPU_INTR_H
#define NVGRACE_VGPU_INTR_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct nvg_gpu;
struct nvg_intr_vector;

#define NVG_INTR_LEAVES		16
#define NVG_INTR_VECTORS	(NVG_INTR_LEAVES * 32)

/**
 * typedef nvg_intr_fn - handler of a vector
 * @gpu: whose vector it is
 * @data: as told to nvg_intr_request()
 *
 * It runs in the interrupt's thread, which also serves the firmware's replies: it
 * may sleep for a moment, but it must neither wait for the firmware nor take a lock
 * under which others do, nor call nvg_intr_free(). The vector is clear
 * already: what happens from here on raises it again.
 */
typedef void nvg_intr_fn(struct nvg_gpu *gpu, void *data);

/**
 * struct nvg_intr - the interrupt tree
 * @gpu: whose it is
 * @lock: protects all below, and the registers that enable
 * @irq: of MSI-X entry 0; 0 without
 * @vectors: NVG_INTR_VECTORS of them, with their handlers
 * @wanted: vectors with a handler, a word for each leaf
 * @held: those of them that are disabled for a while, because they came too often
 * @quiet: the top stays disabled until nvg_intr_reset()
 * @release: enables what is held
 */
struct nvg_intr {
	struct nvg_gpu *gpu;
	spinlock_t lock;	/* protects what follows, and registers that enable */
	int irq;
	struct nvg_intr_vector *vectors;
	u32 wanted[NVG_INTR_LEAVES];
	u32 held[NVG_INTR_LEAVES];
	bool quiet;
	struct delayed_work release;
};

int nvg_intr_init(struct nvg_gpu *gpu);
void nvg_intr_fini(struct nvg_gpu *gpu);
void nvg_intr_reset(struct nvg_gpu *gpu);
void nvg_intr_quiesce(struct nvg_gpu *gpu);
int nvg_intr_request(struct nvg_gpu *gpu, unsigned int vector, nvg_intr_fn *fn, void *data);
void nvg_intr_free(struct nvg_gpu *gpu, unsigned int vector);

#endif
