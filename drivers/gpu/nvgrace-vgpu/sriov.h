/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SR-IOV of the GPU: what the firmware is told of the VFs, and their enabling.
 */
#ifndef NVGRACE_VGPU_SRIOV_H
#define NVGRACE_VGPU_SRIOV_H

#include <linux/types.h>

struct nvg_gpu;
struct pci_dev;

#define NVG_VF_BARS	3

/**
 * struct nvg_vf_bar - one BAR of all VFs together
 * @addr: bus address of the BAR of the first VF; the others follow
 * @size: of one VF's, in bytes; 0: the VFs have no such BAR
 * @is_64bit: the BAR takes 64-bit addresses
 */
struct nvg_vf_bar {
	u64 addr;
	u64 size;
	bool is_64bit;
};

/**
 * struct nvg_sriov - the VFs, as the PCI core placed them
 * @first_vf: routing id of the first VF, less that of the PF
 * @bar: registers, framebuffer, instance memory (PCI BARs 0, 2, 4)
 */
struct nvg_sriov {
	u16 first_vf;
	struct nvg_vf_bar bar[NVG_VF_BARS];
};

void nvg_sriov_init(struct nvg_gpu *gpu);
int nvg_sriov_configure(struct pci_dev *pdev, int num_vfs);

#endif
