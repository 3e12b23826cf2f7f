// SPDX-License-Identifier: GPL-2.0
/*
 * Stage 1 of an SMMUv3, as a guest builds it: stream table entry, context
 * descriptor, page tables. Pure memory writes; the caller owns the area and hands
 * the stream table entry to iommufd.
 *
 * Tables only grow: an entry goes from invalid to valid, never back, so that no
 * invalidation is ever needed (the SMMU caches no faulting translation).
 *
 * MSIs: the doorbell's address that the kernel writes into a device's MSI-X
 * table is an IPA in a window at 0x8000000, where iommufd mapped the interrupt
 * controller's page in the nest parent. A device behind a stage 1 emits that
 * address as input of stage 1, so stage 1 must map the window to itself. (A VMM
 * with a guest gives the guest's own doorbell instead.)
 *
 * Words are little-endian, in the SMMU as in every CPU that this runs on.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "smmu.h"

#define FIELD(value, shift)	((uint64_t)(value) << (shift))

/* Stream table entry: one context descriptor, no substreams */
#define STE_0_VALID		FIELD(1, 0)
#define STE_0_CFG_S1		FIELD(5, 1)
#define STE_1_S1CIR_WBRA	FIELD(1, 2)
#define STE_1_S1COR_WBRA	FIELD(1, 4)
#define STE_1_S1CSH_ISH		FIELD(3, 6)

/* Context descriptor */
#define CD_SIZE			64
#define CD_0_T0SZ_48BIT		FIELD(16, 0)
#define CD_0_TG0_4K		FIELD(0, 6)
#define CD_0_IRGN0_WBRA		FIELD(1, 8)
#define CD_0_ORGN0_WBRA		FIELD(1, 10)
#define CD_0_SH0_ISH		FIELD(3, 12)
#define CD_0_EPD1		FIELD(1, 30)
#define CD_0_VALID		FIELD(1, 31)
#define CD_0_IPS_44BIT		FIELD(4, 32)
#define CD_0_AA64		FIELD(1, 41)
#define CD_0_RECORD_FAULTS	FIELD(1, 45)
#define CD_0_ABORT_FAULTS	FIELD(1, 46)
#define CD_0_ASET		FIELD(1, 47)
#define CD_0_ASID(asid)		FIELD(asid, 48)

/* Memory attributes: index 0 is normal write-back, index 1 is Device-nGnRE */
#define MAIR			(FIELD(0xff, 0) | FIELD(0x04, 8))
#define MAIR_DEVICE		1

/* Descriptors of the page tables */
#define PTE_VALID		FIELD(1, 0)
#define PTE_TABLE		FIELD(1, 1)	/* levels 0 to 2; a page at level 3 */
#define PTE_ATTR(index)		FIELD(index, 2)
#define PTE_AP_EL0		FIELD(1, 6)
#define PTE_AP_READ_ONLY	FIELD(1, 7)
#define PTE_SH_ISH		FIELD(3, 8)
#define PTE_AF			FIELD(1, 10)
#define PTE_NG			FIELD(1, 11)
#define PTE_ADDRESS		0x0000fffffffff000ULL

#define INPUT_BITS		48
#define OUTPUT_BITS		44
#define LAST_LEVEL		3
#define ENTRIES			512

static int level_shift(int level)
{
	return 12 + 9 * (LAST_LEVEL - level);
}

/* 4 KiB granule: no blocks at level 0 */
static bool level_has_blocks(int level)
{
	return level >= 1;
}

static unsigned int level_index(uint64_t va, int level)
{
	return (va >> level_shift(level)) % ENTRIES;
}

static int area_alloc(struct smmu_stage1 *s1, uint64_t *offset)
{
	if (s1->size - s1->used < SMMU_PAGE_SIZE)
		return -ENOSPC;
	*offset = s1->used;
	s1->used += SMMU_PAGE_SIZE;
	return 0;
}

static volatile uint64_t *area_table(const struct smmu_stage1 *s1,
				     uint64_t offset)
{
	return (volatile uint64_t *)(s1->cpu + offset);
}

int smmu_stage1_init(struct smmu_stage1 *s1, void *cpu, uint64_t ipa,
		     uint64_t size, uint16_t asid)
{
	volatile uint64_t *cd;

	if (ipa % SMMU_PAGE_SIZE || ipa >> OUTPUT_BITS)
		return -EINVAL;
	memset(s1, 0, sizeof(*s1));
	s1->cpu = cpu;
	s1->ipa = ipa;
	s1->size = size;
	if (area_alloc(s1, &s1->descriptor) || area_alloc(s1, &s1->root))
		return -ENOSPC;
	memset(cpu, 0, size);

	cd = area_table(s1, s1->descriptor);
	cd[1] = ipa + s1->root;
	cd[3] = MAIR;
	cd[0] = CD_0_T0SZ_48BIT | CD_0_TG0_4K | CD_0_IRGN0_WBRA |
		CD_0_ORGN0_WBRA | CD_0_SH0_ISH | CD_0_EPD1 | CD_0_VALID |
		CD_0_IPS_44BIT | CD_0_AA64 | CD_0_RECORD_FAULTS |
		CD_0_ABORT_FAULTS | CD_0_ASET | CD_0_ASID(asid);
	return 0;
}

static uint64_t leaf(uint64_t ipa, int level, int prot)
{
	uint64_t pte = ipa | PTE_VALID | PTE_AF | PTE_NG | PTE_AP_EL0;

	if (level == LAST_LEVEL)
		pte |= PTE_TABLE;
	if (!(prot & SMMU_WRITE))
		pte |= PTE_AP_READ_ONLY;
	if (prot & SMMU_DEVICE)
		pte |= PTE_ATTR(MAIR_DEVICE);
	else
		pte |= PTE_SH_ISH;
	return pte;
}

/* Map one block, as large as possible, and say how large */
static int map_block(struct smmu_stage1 *s1, uint64_t va, uint64_t ipa,
		     uint64_t length, int prot, uint64_t *mapped)
{
	uint64_t offset = s1->root;
	int level, ret;

	for (level = 0;; level++) {
		volatile uint64_t *entry =
			area_table(s1, offset) + level_index(va, level);
		uint64_t block = 1ULL << level_shift(level);

		if (level_has_blocks(level) && length >= block &&
		    !(va % block) && !(ipa % block) &&
		    (!(*entry & PTE_VALID) || level == LAST_LEVEL)) {
			if (*entry & PTE_VALID)
				return -EEXIST;
			*entry = leaf(ipa, level, prot);
			*mapped = block;
			return 0;
		}
		if (!(*entry & PTE_VALID)) {
			ret = area_alloc(s1, &offset);
			if (ret)
				return ret;
			*entry = (s1->ipa + offset) | PTE_VALID | PTE_TABLE;
		} else if (*entry & PTE_TABLE) {
			offset = (*entry & PTE_ADDRESS) - s1->ipa;
		} else {
			return -EEXIST;	/* a larger block */
		}
	}
}

int smmu_stage1_map(struct smmu_stage1 *s1, uint64_t va, uint64_t ipa,
		    uint64_t length, int prot)
{
	if (!length || (va | ipa | length) % SMMU_PAGE_SIZE)
		return -EINVAL;
	if (va + length < va || (va + length - 1) >> INPUT_BITS ||
	    ipa + length < ipa || (ipa + length - 1) >> OUTPUT_BITS)
		return -EINVAL;

	while (length) {
		uint64_t mapped;
		int ret;

		ret = map_block(s1, va, ipa, length, prot, &mapped);
		if (ret)
			return ret;
		va += mapped;
		ipa += mapped;
		length -= mapped;
	}
	return 0;
}

int smmu_stage1_walk(const struct smmu_stage1 *s1, uint64_t va,
		     struct smmu_walk *walk)
{
	uint64_t offset = s1->root;
	int level;

	if (va >> INPUT_BITS)
		return -ENOENT;
	for (level = 0;; level++) {
		uint64_t pte = area_table(s1, offset)[level_index(va, level)];
		uint64_t block = 1ULL << level_shift(level);

		if (!(pte & PTE_VALID))
			return -ENOENT;
		if (level < LAST_LEVEL && (pte & PTE_TABLE)) {
			offset = (pte & PTE_ADDRESS) - s1->ipa;
			continue;
		}
		walk->ipa = (pte & PTE_ADDRESS) + va % block;
		walk->block_size = block;
		walk->prot = SMMU_READ;
		if (!(pte & PTE_AP_READ_ONLY))
			walk->prot |= SMMU_WRITE;
		if (pte & PTE_ATTR(MAIR_DEVICE))
			walk->prot |= SMMU_DEVICE;
		return 0;
	}
}

void smmu_stage1_ste(const struct smmu_stage1 *s1,
		     struct iommu_hwpt_arm_smmuv3 *ste)
{
	ste->ste[0] = (s1->ipa + s1->descriptor) | STE_0_VALID | STE_0_CFG_S1;
	ste->ste[1] = STE_1_S1CIR_WBRA | STE_1_S1COR_WBRA | STE_1_S1CSH_ISH;
}

void smmu_event_decode(const struct iommu_vevent_arm_smmuv3 *raw,
		       struct smmu_event *event)
{
	event->id = raw->evt[0] & 0xff;
	event->stream_id = raw->evt[0] >> 32;
	event->address = raw->evt[2];
	event->read = raw->evt[1] >> 35 & 1;
}
