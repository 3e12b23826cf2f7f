/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GPU virtual addresses: address spaces, their page tables and their invalidation.
 */
#ifndef NVGRACE_VGPU_VMM_H
#define NVGRACE_VGPU_VMM_H

#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/nvgrace_vgpu.h>
#include <linux/types.h>

#include "pagetable.h"

struct nvg_gpu;

#define NVG_PAGE_SIZE		4096ULL		/* the GPU's smallest, whatever the kernel's */

/* prot of nvg_vmm_map(); 0 is readable and writable */
#define NVG_VMM_READ_ONLY	NVG_PTE_READ_ONLY

/**
 * struct nvg_mmu - what all address spaces share
 * @lock: one invalidation at a time
 * @pools: memory of page tables
 * @egm_peer: peer id that EGM is behind, or NVG_NO_EGM_PEER. Set at each boot, before
 *	channels are made
 */
struct nvg_mmu {
	struct mutex lock;	/* one invalidation at a time */
	struct nvg_pt_pools pools;
	u32 egm_peer;
};

#define NVG_NO_EGM_PEER		0xffffffffU

/**
 * struct nvg_vmm - an address space
 * @gpu: whose
 * @epoch: the boot that knows it
 * @lock: protects @ranges and the page tables
 * @ranges: what nvg_vmm_reserve() gave out, by virtual address / NVG_PAGE_SIZE
 * @start: lowest address that nvg_vmm_reserve() gives, bytes
 * @end: first address behind the highest, bytes
 * @bar: translates accesses to a BAR, whose root table is the firmware's
 * @root: topmost page table
 * @root_pde: of a BAR: first entry of @root
 */
struct nvg_vmm {
	struct nvg_gpu *gpu;
	u32 epoch;
	struct mutex lock;	/* protects what follows */
	struct maple_tree ranges;
	u64 start;
	u64 end;
	bool bar;
	struct nvg_pt *root;
	u64 root_pde;
};

int nvg_mmu_setup(struct nvg_gpu *gpu);

struct nvg_vmm *nvg_vmm_create(struct nvg_gpu *gpu);
struct nvg_vmm *nvg_vmm_create_bar(struct nvg_gpu *gpu, u64 size);
void nvg_vmm_destroy(struct nvg_vmm *vmm);
u64 nvg_vmm_pdb(struct nvg_vmm *vmm);
u64 nvg_vmm_root_pde(struct nvg_vmm *vmm);
int nvg_vmm_reserve(struct nvg_vmm *vmm, u64 size, u64 align, u64 *va);
int nvg_vmm_reserve_at(struct nvg_vmm *vmm, u64 va, u64 size);
void nvg_vmm_release(struct nvg_vmm *vmm, u64 va, u64 size);
int nvg_vmm_map(struct nvg_vmm *vmm, u64 va, enum nvgrace_vgpu_space space, u64 addr, u64 size,
		unsigned int prot);
void nvg_vmm_unmap(struct nvg_vmm *vmm, u64 va, u64 size);

#endif
