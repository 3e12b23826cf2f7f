/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The framebuffer aperture (NVIDIA's BAR1): pieces of the framebuffer that the CPU
 * reads and writes.
 */
#ifndef NVGRACE_VGPU_BAR1_H
#define NVGRACE_VGPU_BAR1_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct nvg_gpu;
struct nvg_vmm;

#define NVG_PCI_BAR_REGS	0	/* PCI indices of the PF's BARs */
#define NVG_PCI_BAR_FB		2

/**
 * struct nvg_bar1 - the aperture
 * @lock: protects all below; taken before that of @vmm
 * @vmm: page tables of the aperture; NULL while the firmware does not run
 * @size: of the aperture, bytes
 * @maps: what is mapped, also what was before a reset and has not been given back
 */
struct nvg_bar1 {
	struct mutex lock;	/* protects what follows */
	struct nvg_vmm *vmm;
	u64 size;
	struct list_head maps;
};

void nvg_bar1_setup(struct nvg_gpu *gpu);
int nvg_bar1_init(struct nvg_gpu *gpu);
void nvg_bar1_fini(struct nvg_gpu *gpu);
void __iomem *nvg_bar1_map(struct nvg_gpu *gpu, u64 fb_addr, u64 size);
void nvg_bar1_unmap(struct nvg_gpu *gpu, void __iomem *ptr, u64 size);

#endif
