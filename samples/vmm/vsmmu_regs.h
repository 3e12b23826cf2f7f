/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between vsmmu.c and vsmmu_queue.c: the registers of an SMMUv3, as Arm IHI 0070 has
 * them, with those of their fields that a stage 1 of a VM needs.
 */
#ifndef VMM_VSMMU_REGS_H
#define VMM_VSMMU_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "vsmmu.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "guest memory is little-endian, and used as it is");

#define BIT(n)			(1ULL << (n))
/* Bits @low to @high, both inclusive */
#define BITS(high, low)		((~0ULL >> (63 - (high))) & (~0ULL << (low)))
#define FIELD(value, high, low)	((uint64_t)(value) << (low) & BITS(high, low))
#define FIELD_OF(word, high, low) (((word) & BITS(high, low)) >> (low))

/* Registers that do something when written; all are in vsmmu.c */
#define REG_CR0			0x20
#define REG_GBPA		0x44
#define REG_GERRORN		0x64
#define REG_CMDQ_PROD		0x98

#define IDR0_S1P		BIT(1)
#define IDR0_TTF_AA64		BIT(3)		/* next to AArch32, bit 2 */
#define IDR0_COHACC		BIT(4)
#define IDR0_ASID16		BIT(12)
#define IDR0_CD2L		BIT(19)
#define IDR0_TTENDIAN		BITS(22, 21)
#define IDR0_STALL_MODEL(word)	FIELD_OF(word, 25, 24)
#define STALL_MODEL_BOTH	0	/* CD.S chooses between stall and abort */
#define STALL_MODEL_FORCED	2
#define IDR0_STALL_NONE		FIELD(1, 25, 24)
#define IDR0_TERM_MODEL		BIT(26)
#define IDR0_ST_LEVEL_2		FIELD(1, 28, 27)
#define IDR1_SSIDSIZE		BITS(10, 6)
#define IDR1_SIZES(cmdqs, eventqs, sids) ((cmdqs) << 21 | (eventqs) << 16 | (sids))
#define IDR3_RIL		BIT(10)
#define IDR3_BBML		BITS(12, 11)
#define IDR5_OAS(word)		FIELD_OF(word, 2, 0)
#define OAS_48_BIT		5
#define IDR5_GRANULES		BITS(6, 4)	/* 4, 16 and 64 KiB */
#define IDR5_VAX		BITS(11, 10)

#define CR0_SMMUEN		BIT(0)
#define CR0_EVENTQEN		BIT(2)
#define CR0_CMDQEN		BIT(3)
#define CR0_ALL			(CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN)
#define CR1_ALL			BITS(11, 0)	/* attributes of accesses: of no effect */
#define CR2_RECINVSID		BIT(1)
#define CR2_PTM			BIT(2)
#define GBPA_ABORT		BIT(20)
#define GBPA_UPDATE		BIT(31)
#define IRQ_CTRL_GERROR		BIT(0)
#define IRQ_CTRL_EVENTQ		BIT(2)
#define GERROR_CMDQ		BIT(0)
#define GERROR_EVENTQ_ABT	BIT(2)

#define BASE_ALLOCATE_HINT	BIT(62)		/* RA and WA: kept, of no effect */
#define STRTAB_BASE_ADDRESS	BITS(51, 6)
#define STRTAB_CFG_LOG2SIZE(cfg) FIELD_OF(cfg, 5, 0)
#define STRTAB_CFG_SPLIT(cfg)	FIELD_OF(cfg, 10, 6)
#define STRTAB_CFG_FMT(cfg)	FIELD_OF(cfg, 17, 16)
#define STRTAB_CFG_FMT_2_LEVEL	1
#define STRTAB_CFG_ALL		(BITS(10, 0) | BITS(17, 16))

#define QUEUE_BASE_ADDRESS	BITS(51, 5)
#define QUEUE_BASE_LOG2SIZE	BITS(4, 0)
#define QUEUE_BASE		(QUEUE_BASE_ADDRESS | QUEUE_BASE_LOG2SIZE | BASE_ALLOCATE_HINT)
#define QUEUE_INDEX		BITS(19, 0)	/* of PROD and CONS, with the wrap bit */
#define CMDQ_CONS_ERR(error)	FIELD(error, 30, 24)
#define EVENTQ_OVERFLOW		BIT(31)		/* PROD.OVFLG, CONS.OVACKFLG */

/* First word of an event; its stream ID is above */
#define EVENT_C_BAD_STREAMID	0x02
#define EVENT_F_STE_FETCH	0x03
#define EVENT_C_BAD_STE		0x04

/* Entries, log2, that queues have at most: bounds the work of one register write */
#define QUEUE_LOG2_MAX		8

struct vsmmu_queue {
	uint64_t base;
	uint32_t prod, cons;
};

struct vsmmu {
	const struct vsmmu_ops *ops;
	void *opaque;

	/* Never change */
	uint32_t idr[6], iidr, aidr;
	bool hw_stalls;		/* the physical SMMU would, if the guest's CDs say so */
	bool repeat;		/* erratum: everything invalidated twice */

	uint32_t cr0, cr1, cr2, gbpa, irq_ctrl, gerror, gerrorn;
	uint64_t strtab_base;
	uint32_t strtab_cfg;
	struct vsmmu_queue cmdq, eventq;
};

/* Run what the guest queued, if the queue is enabled and not stopped by an error */
void vsmmu_cmdq_run(struct vsmmu *v);

#endif
