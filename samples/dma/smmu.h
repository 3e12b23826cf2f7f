/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage 1 of an SMMUv3, as a guest builds it: a context descriptor and page
 * tables of the 4 KiB granule (four levels, 48-bit input addresses), in an area
 * of guest memory that the caller gives.
 *
 * An IPA is a guest-physical address: the output of stage 1, the input of
 * stage 2, the IOVA in the IOAS.
 */
#ifndef DMA_SMMU_H
#define DMA_SMMU_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/iommufd.h>

#define SMMU_PAGE_SIZE	4096ULL

/* The window where iommufd maps MSI doorbells, in the nest parent: see smmu.c */
#define SMMU_MSI_WINDOW_IPA	0x8000000ULL
#define SMMU_MSI_WINDOW_SIZE	0x100000ULL

enum smmu_prot {
	SMMU_READ = 1 << 0,
	SMMU_WRITE = 1 << 1,
	SMMU_DEVICE = 1 << 2,	/* device memory instead of normal cacheable */
};

/* The area; none of it belongs to this library but what the caller put in */
struct smmu_stage1 {
	uint8_t *cpu;		/* where the CPU sees it */
	uint64_t ipa;		/* where the SMMU sees it, 4 KiB aligned */
	uint64_t size;		/* bytes */
	uint64_t used;		/* bytes given out so far */
	uint64_t descriptor;	/* offset of the context descriptor */
	uint64_t root;		/* offset of the level 0 table */
};

/* What a walk of the tables finds for an address */
struct smmu_walk {
	uint64_t ipa;
	uint64_t block_size;	/* 4 KiB, 2 MiB or 1 GiB */
	int prot;		/* enum smmu_prot */
};

/*
 * Build an empty stage 1 in the area, which is zeroed. -ENOSPC if it is too small.
 */
int smmu_stage1_init(struct smmu_stage1 *s1, void *cpu, uint64_t ipa,
		     uint64_t size, uint16_t asid);
/*
 * Map [@va, @va + @length) to @ipa, all multiples of 4 KiB, with blocks as large
 * as they allow. -EINVAL: not aligned, or beyond 48 bits (input) or 44 bits
 * (output); -EEXIST: something is mapped there; -ENOSPC: the area is full. What
 * was mapped before an error stays mapped.
 */
int smmu_stage1_map(struct smmu_stage1 *s1, uint64_t va, uint64_t ipa,
		    uint64_t length, int prot);
/* -ENOENT if nothing is mapped at @va */
int smmu_stage1_walk(const struct smmu_stage1 *s1, uint64_t va,
		     struct smmu_walk *walk);
/* The stream table entry that makes a nested HWPT use this stage 1 */
void smmu_stage1_ste(const struct smmu_stage1 *s1,
		     struct iommu_hwpt_arm_smmuv3 *ste);

/* Events, as a vEVENTQ delivers them */
#define SMMU_EVENT_TRANSLATION	0x10
#define SMMU_EVENT_PERMISSION	0x13

struct smmu_event {
	uint8_t id;		/* SMMU_EVENT_* */
	uint32_t stream_id;	/* virtual: the vDevice's virt_id */
	uint64_t address;	/* input address */
	bool read;
};

void smmu_event_decode(const struct iommu_vevent_arm_smmuv3 *raw,
		       struct smmu_event *event);

#endif
