/* SPDX-License-Identifier: GPL-2.0 */
/*
 * In the place of the GPU driver's gpu.h: what its heap of the framebuffer, its engines, its
 * client of RM and the layouts of the firmware's messages need. The firmware is the test.
 */
#ifndef NVGRACE_VGPU_GPU_H
#define NVGRACE_VGPU_GPU_H

#include <stdio.h>
#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

typedef u64 resource_size_t;

#include "bar1.h"
#include "engine.h"
#include "fb.h"
#include "fw.h"
#include "intr.h"
#include "pte.h"
#include "regs.h"
#include "rm.h"
#include "sriov.h"

/* queue.h has a shim of its own, which is another one */
#define NVG_MESSAGE_MAX		0x100000U

struct pci_dev {
	u16 vendor, device, subsystem_vendor, subsystem_device;
	u8 revision;
	u32 *bus;	/* the domain */
	u16 id;
	u64 bar_addr[6], bar_size[6];
};

struct nvg_gpu {
	void *dev;
	struct pci_dev *pdev;
	bool vgpu;
	bool lost;
	u16 total_vfs;
	struct nvg_static_info info;
	struct nvg_rm rm;
	struct nvg_engines engines;
	struct nvg_fb fb;
	struct nvg_sriov sriov;
};

/* rpc.c */
int nvg_rpc_send(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len);
int nvg_rpc_call(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len,
		 void *reply, size_t reply_len);
/* Who hears of events */
void nvg_channel_rc(struct nvg_gpu *gpu, const struct nvg_rc *rc);
void nvg_fault_service(struct nvg_gpu *gpu);
void nvg_health_xid(struct nvg_gpu *gpu, u32 xid, u32 chid, const char *text);

/* And trace.h */
#define NVGRACE_VGPU_TRACE_H
#define trace_nvgrace_vgpu_rc(...)	((void)0)
#define trace_nvgrace_vgpu_xid(...)	((void)0)

#define nvg_gpu_is_lost(gpu)	((gpu)->lost)

#define pci_bus_address(pdev, bar)	((pdev)->bar_addr[bar])
#define pci_resource_len(pdev, bar)	((pdev)->bar_size[bar])
#define pci_domain_nr(bus)		(*(bus))
#define pci_dev_id(pdev)		((pdev)->id)
#define TASK_SIZE_MAX		(1ULL << 48)

#define dev_err(dev, ...)	((void)(dev))
#define dev_warn(dev, ...)	((void)(dev))
#define dev_info(dev, ...)	((void)(dev))
#define dev_dbg(dev, ...)	((void)(dev))
#define dev_err_ratelimited(dev, ...)	((void)(dev))
#define kvzalloc(size, gfp)	kzalloc(size, gfp)
#define kvzalloc_objs(obj, n)	kzalloc_objs(obj, n)
#define min3(a, b, c)		min(min(a, b), c)
#undef strscpy
#define strscpy(to, from, size)	snprintf(to, size, "%s", from)
#ifndef SZ_32M
#define SZ_32M			0x02000000
#define SZ_1G			0x40000000
#endif

#endif
