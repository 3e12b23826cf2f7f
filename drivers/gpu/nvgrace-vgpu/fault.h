/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults of the GPU's MMU: which channel touched what it may not.
 */
#ifndef NVGRACE_VGPU_FAULT_H
#define NVGRACE_VGPU_FAULT_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "fault_entry.h"

struct nvg_gpu;

#define NVG_FAULTS_KEPT		64

/**
 * struct nvg_faults - the buffer of non-replayable faults
 * @gpu: whose
 * @work: reads the buffer
 * @lock: one reader of the buffer at a time; also start and end of the buffer
 * @va: the buffer, NULL while it is off
 * @pa: its DMA address
 * @vector: that is requested, or NVG_NO_VECTOR
 * @kept_lock: protects what is below
 * @kept: the newest faults, until the owners of the channels ask; a ring
 * @count: faults in all; kept[count % NVG_FAULTS_KEPT] is the next to be written
 */
struct nvg_faults {
	struct nvg_gpu *gpu;
	struct work_struct work;
	struct mutex lock;	/* one reader of the buffer */
	__le32 *va;
	dma_addr_t pa;
	u32 vector;

	spinlock_t kept_lock;	/* protects what follows */
	struct nvg_fault kept[NVG_FAULTS_KEPT];
	u64 count;
};

void nvg_fault_setup(struct nvg_gpu *gpu);
int nvg_fault_init(struct nvg_gpu *gpu);
void nvg_fault_fini(struct nvg_gpu *gpu);
void nvg_fault_service(struct nvg_gpu *gpu);
bool nvg_fault_of_inst(struct nvg_gpu *gpu, u64 inst, struct nvg_fault *fault);

#endif
