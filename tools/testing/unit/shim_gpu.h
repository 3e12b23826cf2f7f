/* SPDX-License-Identifier: GPL-2.0 */
/* In the place of the GPU driver's gpu.h: what its heap of the framebuffer needs */
#ifndef NVGRACE_VGPU_GPU_H
#define NVGRACE_VGPU_GPU_H

#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "fb.h"
#include "fw.h"
#include "pte.h"

struct nvg_gpu {
	void *dev;
	struct nvg_static_info info;
	struct nvg_fb fb;
};

#define dev_err(dev, ...)	((void)(dev))
#define dev_warn(dev, ...)	((void)(dev))
#define dev_info(dev, ...)	((void)(dev))
#define kvzalloc_objs(obj, n)	kzalloc_objs(obj, n)
#define min3(a, b, c)		min(min(a, b), c)
#ifndef SZ_32M
#define SZ_32M			0x02000000
#define SZ_1G			0x40000000
#endif

#endif
