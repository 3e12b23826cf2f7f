// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of the guest's SMMUv3, and its stream table. Queues are in
 * vsmmu_queue.c; nested HWPTs, which follow from all this, are the caller's.
 *
 * Each register is kept as 32-bit words, as the guest may access it either way; an
 * access of 8 bytes is two of 4. Enable bits take effect at once, so that each
 * acknowledge register reads as the register that it acknowledges.
 */
#include <errno.h>
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
#define STE_0_CONFIG_IS(cfg)	(STE_0_VALID | FIELD(cfg, 3, 1))
#define CONFIG_ABORT		0	/* and 1 to 3 */
#define CONFIG_BYPASS		4
#define CONFIG_STAGE1		5	/* 6 and 7 have a stage 2 */
#define STE_0_S1FMT		BITS(5, 4)
#define STE_0_S1FMT_OF(word)	FIELD_OF(word, 5, 4)
#define S1FMT_RESERVED		3
#define STE_0_S1CONTEXTPTR	BITS(51, 6)
#define STE_0_S1CDMAX		BITS(63, 59)
#define STE_0_S1CDMAX_OF(word)	FIELD_OF(word, 63, 59)
#define STE_1_S1DSS		BITS(1, 0)
#define STE_1_S1_ATTRIBUTES	BITS(7, 2)	/* S1CIR, S1COR, S1CSH */
#define STE_1_S1STALLD		BIT(27)
#define STE_1_STRW(word)	FIELD_OF(word, 31, 30)

static const struct iommu_hw_info_arm_smmuv3 default_hw = {
	.idr = {
		[0] = IDR0_S1P | IDR0_TTF_AA64 | IDR0_COHACC | IDR0_ASID16 | IDR0_CD2L |
		      FIELD(2, 22, 21) | IDR0_STALL_NONE | IDR0_TERM_MODEL,
		[3] = IDR3_RIL,
		[5] = OAS_48_BIT | IDR5_GRAN4K | IDR5_GRAN64K,
	},
};

/*
 * AArch64 tables, and a granule to build them with. An SMMU that always stalls has no
 * place in a VM: the kernel takes no RESUME from a guest.
 */
static bool has_what_it_takes(const struct iommu_hw_info_arm_smmuv3 *hw)
{
	return IDR0_TTF(hw->idr[0]) & IDR0_TTF(IDR0_TTF_AA64) &&
	       IDR0_STALL_MODEL(hw->idr[0]) < STALL_MODEL_FORCED &&
	       hw->idr[5] & (IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K);
}

/*
 * A feature is offered if it is in this list. Those that come from the hardware are
 * those that the kernel lets through to it: the list at struct iommu_hw_info_arm_smmuv3,
 * and the size of addresses, as a guest that believes in more gets faults. Of that list
 * DS is left out, as nothing in a guest lies above 48 bits. The rest is ours:
 * - stage 1 only, without HYP, ATOS and BTM
 * - no ATS and PRI, as no device is described as capable of them
 * - no stalls: see stage1()
 * - no MSIs of the SMMU itself and no SEV: queues are polled, errors have wired
 *   interrupts
 */
static void init_idrs(struct vsmmu *v, const struct iommu_hw_info_arm_smmuv3 *hw)
{
	uint32_t oas = IDR5_OAS(hw->idr[5]);

	v->idr[0] = IDR0_S1P | IDR0_TTF_AA64 | IDR0_COHACC | IDR0_STALL_NONE |
		    IDR0_ST_LEVEL_2 |
		    (hw->idr[0] & (IDR0_ASID16 | IDR0_CD2L | IDR0_TTENDIAN | IDR0_TERM_MODEL));
	v->idr[1] = IDR1_SIDSIZE(VSMMU_SID_BITS) | IDR1_EVENTQS(EVENTQ_LOG2_MAX) |
		    IDR1_CMDQS(CMDQ_LOG2_MAX) | (hw->idr[1] & IDR1_SSIDSIZE);
	v->idr[3] = hw->idr[3] & (IDR3_RIL | IDR3_BBML);
	v->idr[5] = (oas < OAS_48_BIT ? oas : OAS_48_BIT) |
		    (hw->idr[5] & (IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K | IDR5_VAX));
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

	if (!hw)
		hw = &default_hw;
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

void vsmmu_reset(struct vsmmu *v)
{
	v->cr0 = v->cr1 = v->cr2 = 0;
	v->gbpa = 0;
	v->irq_ctrl = 0;
	v->gerror = v->gerrorn = 0;
	v->strtab_base = 0;
	v->strtab_cfg = 0;
	memset(&v->cmdq, 0, sizeof(v->cmdq));
	memset(&v->eventq, 0, sizeof(v->eventq));
	all_streams_changed(v);
}

static uint32_t half(uint64_t reg, uint64_t offset)
{
	return offset % 8 ? reg >> 32 : reg;
}

static uint32_t read_word(const struct vsmmu *v, uint64_t offset)
{
	switch (offset) {
	case REG_IDR(0) ... REG_IDR(5):
		return v->idr[offset / 4];
	case REG_IIDR:
		return v->iidr;
	case REG_AIDR:
		return v->aidr;
	case REG_CR0:
	case REG_CR0ACK:
		return v->cr0;
	case REG_CR1:
		return v->cr1;
	case REG_CR2:
		return v->cr2;
	case REG_GBPA:
		return v->gbpa;
	case REG_IRQ_CTRL:
	case REG_IRQ_CTRLACK:
		return v->irq_ctrl;
	case REG_GERROR:
		return v->gerror;
	case REG_GERRORN:
		return v->gerrorn;
	case REG_STRTAB_BASE:
	case REG_STRTAB_BASE + 4:
		return half(v->strtab_base, offset);
	case REG_STRTAB_BASE_CFG:
		return v->strtab_cfg;
	case REG_CMDQ_BASE:
	case REG_CMDQ_BASE + 4:
		return half(v->cmdq.base, offset);
	case REG_CMDQ_PROD:
		return v->cmdq.prod;
	case REG_CMDQ_CONS:
		return v->cmdq.cons;
	case REG_EVENTQ_BASE:
	case REG_EVENTQ_BASE + 4:
		return half(v->eventq.base, offset);
	case REG_EVENTQ_PROD:
		return v->eventq.prod;
	case REG_EVENTQ_CONS:
		return v->eventq.cons;
	default:	/* STATUSR too: never dormant */
		return 0;
	}
}

static void write_half(uint64_t *reg, uint64_t offset, uint32_t value, uint64_t writable)
{
	unsigned int shift = offset % 8 * 8;
	uint64_t mask = 0xffffffffULL << shift & writable;

	*reg = (*reg & ~mask) | ((uint64_t)value << shift & mask);
}

static void write_cr0(struct vsmmu *v, uint32_t value)
{
	uint32_t changed;

	value &= CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN;
	changed = v->cr0 ^ value;
	v->cr0 = value;
	if (changed & CR0_SMMUEN)
		all_streams_changed(v);
	if (changed & CR0_CMDQEN)
		vsmmu_cmdq_run(v);
}

static void write_cr1(struct vsmmu *v, uint32_t value)
{
	uint32_t writable = 0;

	if (!(v->cr0 & CR0_SMMUEN))
		writable |= CR1_TABLES;
	if (!(v->cr0 & (CR0_CMDQEN | CR0_EVENTQEN)))
		writable |= CR1_QUEUES;
	v->cr1 = (v->cr1 & ~writable) | (value & writable);
}

/* Without UPDATE nothing is meant; with it, it is done when the guest looks */
static void write_gbpa(struct vsmmu *v, uint32_t value)
{
	uint32_t changed = (v->gbpa ^ value) & GBPA_ABORT;

	if (!(value & GBPA_UPDATE))
		return;
	v->gbpa ^= changed;
	if (changed && !(v->cr0 & CR0_SMMUEN))
		all_streams_changed(v);
}

/* Only what is active can be acknowledged */
static void write_gerrorn(struct vsmmu *v, uint32_t value)
{
	uint32_t acknowledged = (v->gerrorn ^ value) & (v->gerror ^ v->gerrorn);

	v->gerrorn ^= acknowledged;
	if (acknowledged & GERROR_CMDQ)
		vsmmu_cmdq_run(v);
}

static void write_strtab(struct vsmmu *v, uint64_t offset, uint32_t value)
{
	if (v->cr0 & CR0_SMMUEN)
		return;
	if (offset == REG_STRTAB_BASE_CFG)
		v->strtab_cfg = value & STRTAB_CFG_ALL;
	else
		write_half(&v->strtab_base, offset, value,
			   STRTAB_BASE_ADDRESS | BASE_ALLOCATE_HINT);
}

static void write_queue_base(struct vsmmu *v, struct vsmmu_queue *q, uint32_t enable,
			     uint64_t offset, uint32_t value)
{
	if (!(v->cr0 & enable))
		write_half(&q->base, offset, value,
			   QUEUE_BASE_ADDRESS | QUEUE_BASE_LOG2SIZE | BASE_ALLOCATE_HINT);
}

static void write_queue_index(struct vsmmu *v, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case REG_CMDQ_PROD:
		v->cmdq.prod = value & QUEUE_INDEX;
		vsmmu_cmdq_run(v);
		return;
	case REG_CMDQ_CONS:
		if (!(v->cr0 & CR0_CMDQEN))
			v->cmdq.cons = value & QUEUE_INDEX;
		return;
	case REG_EVENTQ_PROD:
		if (!(v->cr0 & CR0_EVENTQEN))
			v->eventq.prod = value & (QUEUE_INDEX | EVENTQ_OVERFLOW);
		return;
	case REG_EVENTQ_CONS:
		v->eventq.cons = value & (QUEUE_INDEX | EVENTQ_OVERFLOW);
		return;
	}
}

static void write_word(struct vsmmu *v, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case REG_CR0:
		write_cr0(v, value);
		return;
	case REG_CR1:
		write_cr1(v, value);
		return;
	case REG_CR2:
		if (!(v->cr0 & CR0_SMMUEN))
			v->cr2 = value & (CR2_RECINVSID | CR2_PTM);
		return;
	case REG_GBPA:
		write_gbpa(v, value);
		return;
	case REG_IRQ_CTRL:
		v->irq_ctrl = value & (IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ);
		return;
	case REG_GERRORN:
		write_gerrorn(v, value);
		return;
	case REG_STRTAB_BASE:
	case REG_STRTAB_BASE + 4:
	case REG_STRTAB_BASE_CFG:
		write_strtab(v, offset, value);
		return;
	case REG_CMDQ_BASE:
	case REG_CMDQ_BASE + 4:
		write_queue_base(v, &v->cmdq, CR0_CMDQEN, offset, value);
		return;
	case REG_EVENTQ_BASE:
	case REG_EVENTQ_BASE + 4:
		write_queue_base(v, &v->eventq, CR0_EVENTQEN, offset, value);
		return;
	default:
		write_queue_index(v, offset, value);
	}
}

static bool access_ok(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && !(offset % size);
}

uint64_t vsmmu_mmio_read(struct vsmmu *v, uint64_t offset, unsigned int size)
{
	uint64_t value;

	if (!access_ok(offset, size))
		return 0;
	value = read_word(v, offset);
	if (size == 8)
		value |= (uint64_t)read_word(v, offset + 4) << 32;
	return value;
}

void vsmmu_mmio_write(struct vsmmu *v, uint64_t offset, uint64_t value, unsigned int size)
{
	if (!access_ok(offset, size))
		return;
	write_word(v, offset, value);
	if (size == 8)
		write_word(v, offset + 4, value >> 32);
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

/* Context descriptors the guest may have: reserved, too many, of no format, too far */
static bool stage1_legal(const struct vsmmu *v, const uint64_t ste[2])
{
	static const unsigned int oas_bits[] = { 32, 36, 40, 42, 44, 48 };
	unsigned int cds = STE_0_S1CDMAX_OF(ste[0]), format = STE_0_S1FMT_OF(ste[0]);

	if ((ste[0] & STE_0_S1CONTEXTPTR) >> oas_bits[IDR5_OAS(v->idr[5])])
		return false;
	if (STE_1_STRW(ste[1]))		/* not an EL1's */
		return false;
	if (cds > IDR1_SSIDSIZE_OF(v->idr[1]))
		return false;
	if (cds && format && (format == S1FMT_RESERVED || !(v->idr[0] & IDR0_CD2L)))
		return false;
	return true;
}

/*
 * The fields that the kernel takes, without EATS. The guest was told that nothing
 * stalls; that hardware which could abides by it is what S1STALLD is for, and makes of
 * CD.S = 1 the C_BAD_CD that it is.
 */
static void stage1(const struct vsmmu *v, const uint64_t ste[2], struct vsmmu_stream *stream)
{
	stream->config = VSMMU_STAGE1;
	stream->ste[0] = STE_0_CONFIG_IS(CONFIG_STAGE1) |
			 (ste[0] & (STE_0_S1CONTEXTPTR | STE_0_S1CDMAX));
	stream->ste[1] = ste[1] & (STE_1_S1DSS | STE_1_S1_ATTRIBUTES);
	if (STE_0_S1CDMAX_OF(ste[0]))
		stream->ste[0] |= ste[0] & STE_0_S1FMT;
	if (v->hw_stalls)
		stream->ste[1] |= STE_1_S1STALLD;
}

static void no_stage1(struct vsmmu_stream *stream, enum vsmmu_config config, unsigned int cfg)
{
	*stream = (struct vsmmu_stream){ .config = config, .ste = { STE_0_CONFIG_IS(cfg) } };
}

void vsmmu_stream(struct vsmmu *v, uint32_t sid, struct vsmmu_stream *stream)
{
	uint64_t ste[2], gpa;

	no_stage1(stream, VSMMU_ABORT, CONFIG_ABORT);
	if (!(v->cr0 & CR0_SMMUEN)) {
		if (!(v->gbpa & GBPA_ABORT))
			no_stage1(stream, VSMMU_BYPASS, CONFIG_BYPASS);
		return;
	}
	if (!find_ste(v, sid, &gpa) || !read_table(v, sid, gpa, ste, sizeof(ste)))
		return;
	if (!(ste[0] & STE_0_VALID) || STE_0_CONFIG(ste[0]) < CONFIG_BYPASS)
		return;
	if (STE_0_CONFIG(ste[0]) == CONFIG_BYPASS)
		no_stage1(stream, VSMMU_BYPASS, CONFIG_BYPASS);
	else if (STE_0_CONFIG(ste[0]) == CONFIG_STAGE1 && stage1_legal(v, ste))
		stage1(v, ste, stream);
	else
		record(v, EVENT_C_BAD_STE, sid, 0);
}
