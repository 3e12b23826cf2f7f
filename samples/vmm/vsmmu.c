// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of the guest's SMMUv3, and its stream table. Queues are in
 * vsmmu_queue.c; nested HWPTs, which follow from all this, are the caller's.
 *
 * An access of 8 bytes is two of 4. Enable bits take effect at once, so that each
 * acknowledge register reads as the register that it acknowledges.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <linux/iommufd.h>

#include "vsmmu_regs.h"

/* Stream table, first level: a pointer to 2^(Span - 1) entries */
#define STD_SPAN(std)		FIELD_OF(std, 4, 0)
#define STD_ADDRESS		BITS(51, 6)

/* Stream table entry */
#define STE_SIZE_LOG2		6
#define STE_0_VALID		BIT(0)
#define STE_0_CONFIG(word)	FIELD_OF(word, 3, 1)
#define CONFIG_ABORT		0	/* and 1 to 3 */
#define CONFIG_BYPASS		4
#define CONFIG_STAGE1		5	/* 6 and 7 have a stage 2 */
/* S1Fmt, S1ContextPtr, S1CDMax */
#define STE_0_S1		(BITS(5, 4) | BITS(51, 6) | BITS(63, 59))
#define STE_1_S1		BITS(7, 0)	/* S1DSS, S1CIR, S1COR, S1CSH */
#define STE_1_S1STALLD		BIT(27)

/* As the kernel takes it */
#define STREAM(config, ste_config) \
	((struct vsmmu_stream){ config, { STE_0_VALID | FIELD(ste_config, 3, 1) } })

/*
 * AArch64 tables, and a granule to build them with. An SMMU that always stalls has no
 * place in a VM: the kernel takes no RESUME from a guest.
 */
static bool has_what_it_takes(const struct iommu_hw_info_arm_smmuv3 *hw)
{
	return hw->idr[0] & IDR0_TTF_AA64 &&
	       IDR0_STALL_MODEL(hw->idr[0]) < STALL_MODEL_FORCED &&
	       hw->idr[5] & IDR5_GRANULES;
}

/*
 * A feature is offered if it is in this list. Those that come from the hardware are
 * those that the kernel lets through to it: the list at struct iommu_hw_info_arm_smmuv3,
 * and the size of addresses, as a guest that believes in more gets faults. Of that list
 * DS is left out, as nothing in a guest lies above 48 bits. The rest is ours:
 * - stage 1 only, without HYP, ATOS and BTM
 * - no ATS and PRI, as no device is described as capable of them
 * - no stalls: see vsmmu_stream()
 * - no MSIs of the SMMU itself and no SEV: queues are polled, errors have wired
 *   interrupts
 */
static void init_idrs(struct vsmmu *v, const struct iommu_hw_info_arm_smmuv3 *hw)
{
	uint32_t oas = IDR5_OAS(hw->idr[5]);

	v->idr[0] = IDR0_S1P | IDR0_TTF_AA64 | IDR0_COHACC | IDR0_STALL_NONE | IDR0_ST_LEVEL_2 |
		    (hw->idr[0] & (IDR0_ASID16 | IDR0_CD2L | IDR0_TTENDIAN | IDR0_TERM_MODEL));
	v->idr[1] = IDR1_SIZES(QUEUE_LOG2_MAX, QUEUE_LOG2_MAX, VSMMU_SID_BITS) |
		    (hw->idr[1] & IDR1_SSIDSIZE);
	v->idr[3] = hw->idr[3] & (IDR3_RIL | IDR3_BBML);
	v->idr[5] = (oas < OAS_48_BIT ? oas : OAS_48_BIT) |
		    (hw->idr[5] & (IDR5_GRANULES | IDR5_VAX));
	/* Errata are those of the hardware that walks the tables */
	v->iidr = hw->iidr;
	v->aidr = hw->aidr;
	v->hw_stalls = IDR0_STALL_MODEL(hw->idr[0]) == STALL_MODEL_BOTH;
	v->repeat = hw->flags & IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI;
}

struct vsmmu *vsmmu_new(const struct iommu_hw_info_arm_smmuv3 *hw,
			const struct vsmmu_ops *ops, void *opaque)
{
	struct vsmmu *v;

	if (!has_what_it_takes(hw)) {
		errno = ENOTSUP;
		return NULL;
	}
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->ops = ops;
	v->opaque = opaque;
	init_idrs(v, hw);
	return v;
}

void vsmmu_free(struct vsmmu *v)
{
	free(v);
}

static void all_streams_changed(struct vsmmu *v)
{
	v->ops->streams_changed(v->opaque, 0, VSMMU_SID_LAST);
}

struct reg {
	uint32_t offset;
	uint16_t size, at;	/* bytes, in struct vsmmu */
	uint32_t locked;	/* not written while one of these bits of CR0 is set */
	uint64_t writable;
};

#define REG(offset, member, locked, writable) \
	{ offset, sizeof(((struct vsmmu *)0)->member), offsetof(struct vsmmu, member), \
	  locked, writable }

static const struct reg regs[] = {
	REG(0x00, idr, 0, 0),
	REG(0x18, iidr, 0, 0),
	REG(0x1c, aidr, 0, 0),
	REG(REG_CR0, cr0, 0, CR0_ALL),
	REG(0x24, cr0, 0, 0),		/* CR0ACK */
	REG(0x28, cr1, CR0_ALL, CR1_ALL),
	REG(0x2c, cr2, CR0_SMMUEN, CR2_RECINVSID | CR2_PTM),
	REG(REG_GBPA, gbpa, 0, GBPA_ABORT),
	REG(0x50, irq_ctrl, 0, IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ),
	REG(0x54, irq_ctrl, 0, 0),	/* IRQ_CTRLACK */
	REG(0x60, gerror, 0, 0),
	REG(REG_GERRORN, gerrorn, 0, 0),	/* but see write_word() */
	REG(0x80, strtab_base, CR0_SMMUEN, STRTAB_BASE_ADDRESS | BASE_ALLOCATE_HINT),
	REG(0x88, strtab_cfg, CR0_SMMUEN, STRTAB_CFG_ALL),
	REG(0x90, cmdq.base, CR0_CMDQEN, QUEUE_BASE),
	REG(REG_CMDQ_PROD, cmdq.prod, 0, QUEUE_INDEX),
	REG(0x9c, cmdq.cons, CR0_CMDQEN, QUEUE_INDEX),
	REG(0xa0, eventq.base, CR0_EVENTQEN, QUEUE_BASE),
	REG(0x100a8, eventq.prod, CR0_EVENTQEN, QUEUE_INDEX | EVENTQ_OVERFLOW),
	REG(0x100ac, eventq.cons, 0, QUEUE_INDEX | EVENTQ_OVERFLOW),
};

/* NULL: there is none, or it always reads 0, as STATUSR does */
static const struct reg *find_reg(uint64_t offset)
{
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		if (offset >= regs[i].offset && offset - regs[i].offset < regs[i].size)
			return &regs[i];
	return NULL;
}

static uint32_t read_word(struct vsmmu *v, uint64_t offset)
{
	const struct reg *reg = find_reg(offset);
	uint32_t value = 0;

	if (reg)
		memcpy(&value, (uint8_t *)v + reg->at + (offset - reg->offset), sizeof(value));
	return value;
}

static void written(struct vsmmu *v, uint64_t offset, uint32_t old)
{
	switch (offset) {
	case REG_CR0:
		if ((v->cr0 ^ old) & CR0_SMMUEN)
			all_streams_changed(v);
		vsmmu_cmdq_run(v);
		break;
	case REG_GBPA:
		if (v->gbpa != old && !(v->cr0 & CR0_SMMUEN))
			all_streams_changed(v);
		break;
	case REG_GERRORN:
	case REG_CMDQ_PROD:
		vsmmu_cmdq_run(v);
		break;
	}
}

static void write_word(struct vsmmu *v, uint64_t offset, uint32_t value)
{
	const struct reg *reg = find_reg(offset);
	uint32_t old = read_word(v, offset), writable;

	if (!reg || v->cr0 & reg->locked)
		return;
	writable = offset == reg->offset ? reg->writable : reg->writable >> 32;
	if (offset == REG_GERRORN)	/* only what is active can be acknowledged */
		writable = v->gerror ^ v->gerrorn;
	if (offset == REG_GBPA && !(value & GBPA_UPDATE))	/* nothing is meant */
		return;
	value = (old & ~writable) | (value & writable);
	memcpy((uint8_t *)v + reg->at + (offset - reg->offset), &value, sizeof(value));
	written(v, offset, old);
}

static bool access_ok(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && !(offset % size);
}

uint64_t vsmmu_mmio_read(struct vsmmu *v, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (access_ok(offset, size))
		for (unsigned int i = 0; i < size; i += 4)
			value |= (uint64_t)read_word(v, offset + i) << 8 * i;
	return value;
}

void vsmmu_mmio_write(struct vsmmu *v, uint64_t offset, uint64_t value, unsigned int size)
{
	if (access_ok(offset, size))
		for (unsigned int i = 0; i < size; i += 4)
			write_word(v, offset + i, value >> 8 * i);
}

static void record(struct vsmmu *v, uint8_t event, uint32_t sid, uint64_t address)
{
	uint64_t words[4] = { event | (uint64_t)sid << 32, 0, 0, address };

	vsmmu_event(v, words);
}

static bool read_table(struct vsmmu *v, uint32_t sid, uint64_t gpa, void *to, size_t length)
{
	if (!v->ops->read(v->opaque, gpa, to, length))
		return true;
	record(v, EVENT_F_STE_FETCH, sid, gpa & BITS(51, 3));
	return false;
}

/* Entry @index of a table of 2^@log2 entries; a table is aligned to its size */
static uint64_t entry_address(uint64_t table, unsigned int log2, uint32_t index,
			      unsigned int entry_log2)
{
	return (table & ~(BIT(log2 + entry_log2) - 1)) + ((uint64_t)index << entry_log2);
}

/* Where the entry of @sid is in a table of two levels: false if nowhere */
static bool find_in_second_level(struct vsmmu *v, uint32_t sid, unsigned int log2size,
				 uint64_t *gpa)
{
	unsigned int split = STRTAB_CFG_SPLIT(v->strtab_cfg), span;
	uint64_t std;

	if (split != 8 && split != 10)
		split = 6;
	if (!read_table(v, sid, entry_address(v->strtab_base & STRTAB_BASE_ADDRESS,
					      log2size > split ? log2size - split : 0,
					      sid >> split, 3), &std, sizeof(std)))
		return false;
	span = STD_SPAN(std);
	sid &= BIT(split) - 1;
	if (!span || span > split + 1 || sid >> (span - 1))
		return false;
	*gpa = entry_address(std & STD_ADDRESS, span - 1, sid, STE_SIZE_LOG2);
	return true;
}

static bool find_ste(struct vsmmu *v, uint32_t sid, uint64_t *gpa)
{
	unsigned int log2size = STRTAB_CFG_LOG2SIZE(v->strtab_cfg);

	if (log2size > VSMMU_SID_BITS)
		log2size = VSMMU_SID_BITS;
	if (sid >> log2size) {
		if (v->cr2 & CR2_RECINVSID)
			record(v, EVENT_C_BAD_STREAMID, sid, 0);
		return false;
	}
	if (STRTAB_CFG_FMT(v->strtab_cfg) == STRTAB_CFG_FMT_2_LEVEL)
		return find_in_second_level(v, sid, log2size, gpa);
	*gpa = entry_address(v->strtab_base & STRTAB_BASE_ADDRESS, log2size, sid,
			     STE_SIZE_LOG2);
	return true;
}

/*
 * What is passed on of an entry with a stage 1 are the fields that the kernel takes, without
 * EATS. The physical SMMU looks at them when a transaction comes, and at the guest's context
 * descriptors: its C_BAD_STE and C_BAD_CD reach the guest as any other event.
 *
 * The guest was told that nothing stalls; that hardware which could abides by it is what
 * S1STALLD is for, and makes of CD.S = 1 the C_BAD_CD that it is.
 */
void vsmmu_stream(struct vsmmu *v, uint32_t sid, struct vsmmu_stream *stream)
{
	uint64_t ste[2], gpa;

	*stream = STREAM(VSMMU_ABORT, CONFIG_ABORT);
	if (!(v->cr0 & CR0_SMMUEN)) {
		if (!(v->gbpa & GBPA_ABORT))
			*stream = STREAM(VSMMU_BYPASS, CONFIG_BYPASS);
		return;
	}
	if (!find_ste(v, sid, &gpa) || !read_table(v, sid, gpa, ste, sizeof(ste)))
		return;
	if (!(ste[0] & STE_0_VALID) || STE_0_CONFIG(ste[0]) < CONFIG_BYPASS)
		return;
	if (STE_0_CONFIG(ste[0]) == CONFIG_BYPASS) {
		*stream = STREAM(VSMMU_BYPASS, CONFIG_BYPASS);
	} else if (STE_0_CONFIG(ste[0]) == CONFIG_STAGE1) {
		*stream = STREAM(VSMMU_STAGE1, CONFIG_STAGE1);
		stream->ste[0] |= ste[0] & STE_0_S1;
		stream->ste[1] = (ste[1] & STE_1_S1) | (v->hw_stalls ? STE_1_S1STALLD : 0);
	} else {
		record(v, EVENT_C_BAD_STE, sid, 0);
	}
}
