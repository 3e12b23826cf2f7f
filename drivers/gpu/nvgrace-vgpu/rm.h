/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RM, the firmware's resource manager: a tree of objects with handles that the client
 * chooses, and controls (requests) on them. The driver is one client with one device
 * and one subdevice. Parameters are in the layout of the firmware's version, little
 * endian; fw_r570.c has the typed wrappers.
 */
#ifndef NVGRACE_VGPU_RM_H
#define NVGRACE_VGPU_RM_H

#include <linux/atomic.h>
#include <linux/types.h>

struct nvg_gpu;

/**
 * struct nvg_rm - the driver's client of RM
 * @client: handle of the client, the root of its objects
 * @device: handle of the GPU in it
 * @subdevice: handle of the one subdevice of that
 * @next: number for the next handle
 */
struct nvg_rm {
	u32 client;
	u32 device;
	u32 subdevice;
	atomic_t next;
};

int nvg_rm_init(struct nvg_gpu *gpu);
void nvg_rm_fini(struct nvg_gpu *gpu);
u32 nvg_rm_handle(struct nvg_gpu *gpu);
int nvg_rm_alloc(struct nvg_gpu *gpu, u32 parent, u32 handle, u32 class, void *params, u32 size);
int nvg_rm_free(struct nvg_gpu *gpu, u32 handle);
int nvg_rm_control(struct nvg_gpu *gpu, u32 object, u32 cmd, void *params, u32 size);
int nvg_rm_errno(u32 status);

#endif
