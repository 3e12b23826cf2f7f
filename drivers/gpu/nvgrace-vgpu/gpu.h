/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the PF's core driver know of each other. A part is a file: a
 * noun of the GPU. A part builds on those above it in this list; what comes from the
 * GPU (interrupts, events) goes the other way:
 *
 *	fsp		the processor that starts the firmware
 *	gsp, image	the firmware (GSP-RM): its boot, its end, its files
 *	rpc		messages to the firmware and from it (queue.c is the framing)
 *	rm		objects and controls of RM; fw_r570.c: their layouts in 570.144
 *	intr, engine, fb, vmm, bar1, fault
 *	channel, ce
 *	sriov, health, debugfs, aux
 *
 * Lock order, outermost first. Drivers on top are notified under the device's lock at most:
 *
 *	the device's (the PF's): its holders start and stop the GPU, one at a time
 *	  gpu->lock (rwsem: held for reading by whoever needs the GPU as it is, for
 *	    writing while it starts or stops)
 *	    bar1.lock, channel->mutex, faults.lock
 *	      vmm->lock
 *	        mmu.lock
 *	      fb.lock
 *	      rpc.send_lock
 *	        rpc.recv_lock
 *	      fifo.bar_lock
 *
 * These spinlocks are leaves, of which nobody holds two: rpc.lock, fifo.lock, health.lock,
 * intr.lock, faults.kept_lock. Handlers of interrupts and fences run without any.
 *
 * Without gpu->lock run the interrupt's thread, the works of events, faults and gsp.watch
 * (a stop waits for them, so that they never take gpu->lock but by trying), and those who
 * queue jobs: a stop ends their channel under channel->mutex.
 *
 * The firmware can be lost at any time. nvg_gpu_lost() marks it, ends whoever waits
 * for a reply with -EIO and kills all channels; a later boot has another epoch, and
 * what belongs to an older epoch needs no message to be freed.
 */
#ifndef NVGRACE_VGPU_GPU_H
#define NVGRACE_VGPU_GPU_H

#include <linux/nvgrace_vgpu.h>
#include <linux/pci.h>
#include <linux/rwsem.h>

#include "aux.h"
#include "bar1.h"
#include "ce.h"
#include "channel.h"
#include "engine.h"
#include "fault.h"
#include "fb.h"
#include "fsp.h"
#include "fw.h"
#include "gsp.h"
#include "health.h"
#include "intr.h"
#include "regs.h"
#include "rm.h"
#include "rpc.h"
#include "sriov.h"
#include "vmm.h"

enum nvg_state {
	NVG_OFF,		/* not booted, or ended in order */
	NVG_BOOTING,		/* messages pass, nobody else's work does */
	NVG_RUNNING,
	NVG_LOST,		/* crashed, hung or unplugged: a reset is needed */
};

/**
 * struct nvg_gpu - the PF of a GPU
 * @pdev: the PF
 * @dev: &pdev->dev, for messages and DMA
 * @regs: BAR 0
 * @lock: see above
 * @state: changed with @lock held for writing, but for NVG_LOST, which
 *	nvg_gpu_lost() sets at any time
 * @epoch: of this boot; objects of another are gone already
 * @vgpu: the firmware was booted with vGPU enabled
 * @total_vfs: what the SR-IOV capability offers, 0 without
 * @layout: what the firmware has of the framebuffer
 * @gsp: the firmware's processor
 * @rpc: messages to the firmware and from it
 * @rm: its objects
 * @info: what it said of the GPU
 * @intr: interrupts
 * @engines: copy engines
 * @fb: framebuffer that is ours
 * @mmu: page tables
 * @bar1: framebuffer aperture
 * @faults: of the MMU
 * @fifo: channels
 * @ces: copy engines as users of channels
 * @health: what went wrong
 * @sriov: where the VFs are
 * @aux: devices for the drivers on top
 */
struct nvg_gpu {
	struct pci_dev *pdev;
	struct device *dev;
	void __iomem *regs;

	struct rw_semaphore lock;
	enum nvg_state state;
	u32 epoch;
	bool vgpu;
	u16 total_vfs;

	struct nvg_fb_layout layout;
	struct nvg_gsp gsp;
	struct nvg_rpc rpc;
	struct nvg_rm rm;
	struct nvg_static_info info;
	struct nvg_intr intr;
	struct nvg_engines engines;
	struct nvg_fb fb;
	struct nvg_mmu mmu;
	struct nvg_bar1 bar1;
	struct nvg_faults faults;
	struct nvg_fifo fifo;
	struct nvg_ces ces;
	struct nvg_health health;
	struct nvg_sriov sriov;
	struct nvg_aux aux;
};

static inline u32 nvg_rd32(struct nvg_gpu *gpu, u32 reg)
{
	return readl(gpu->regs + reg);
}

static inline void nvg_wr32(struct nvg_gpu *gpu, u32 reg, u32 val)
{
	writel(val, gpu->regs + reg);
}

static inline bool nvg_gpu_is_lost(struct nvg_gpu *gpu)
{
	return READ_ONCE(gpu->state) == NVG_LOST;
}

/* main.c */
void nvg_gpu_lost(struct nvg_gpu *gpu, const char *why);

#endif
