/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The auxiliary devices that drivers on top of this one bind.
 */
#ifndef NVGRACE_VGPU_AUX_H
#define NVGRACE_VGPU_AUX_H

#include <linux/notifier.h>
#include <linux/nvgrace_vgpu.h>
#include <linux/workqueue.h>

struct nvg_gpu;

#define NVG_AUX_DEVICES		2

/**
 * struct nvg_aux - auxiliary devices of a GPU
 * @id: that their names end with
 * @dev: the devices, in the order in which they are added
 * @notifiers: of the drivers that want to know of resets
 * @lost: tells them that the GPU is lost
 * @ready: between nvg_aux_init() and nvg_aux_fini()
 */
struct nvg_aux {
	int id;
	struct nvgrace_vgpu *dev[NVG_AUX_DEVICES];
	struct blocking_notifier_head notifiers;
	struct work_struct lost;
	bool ready;
};

int nvg_aux_init(struct nvg_gpu *gpu);
void nvg_aux_fini(struct nvg_gpu *gpu);
void nvg_aux_notify(struct nvg_gpu *gpu, enum nvgrace_vgpu_event event);
void nvg_aux_lost(struct nvg_gpu *gpu);
struct nvg_gpu *nvg_vgpu_gpu(struct nvgrace_vgpu *vgpu);

#endif
