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

/* Page 0 */
#define REG_IDR(n)		(0x00 + 4 * (n))	/* 0 to 5 */
#define REG_IIDR		0x18
#define REG_AIDR		0x1c
#define REG_CR0			0x20
#define REG_CR0ACK		0x24
#define REG_CR1			0x28
#define REG_CR2			0x2c
#define REG_STATUSR		0x40
#define REG_GBPA		0x44
#define REG_IRQ_CTRL		0x50
#define REG_IRQ_CTRLACK		0x54
#define REG_GERROR		0x60
#define REG_GERRORN		0x64
#define REG_STRTAB_BASE		0x80	/* 64 bits */
#define REG_STRTAB_BASE_CFG	0x88
#define REG_CMDQ_BASE		0x90	/* 64 bits */
#define REG_CMDQ_PROD		0x98
#define REG_CMDQ_CONS		0x9c
#define REG_EVENTQ_BASE		0xa0	/* 64 bits */
/* Page 1 */
#define REG_EVENTQ_PROD		0x100a8
#define REG_EVENTQ_CONS		0x100ac

#define IDR0_S1P		BIT(1)
#define IDR0_TTF(word)		FIELD_OF(word, 3, 2)
#define IDR0_TTF_AA64		FIELD(2, 3, 2)
#define IDR0_COHACC		BIT(4)
#define IDR0_ASID16		BIT(12)
#define IDR0_CD2L		BIT(19)
#define IDR0_TTENDIAN		BITS(22, 21)
#define IDR0_STALL_MODEL(word)	FIELD_OF(word, 25, 24)
#define STALL_MODEL_BOTH	0	/* CD.S chooses between stall and abort */
#define STALL_MODEL_NONE	1
#define STALL_MODEL_FORCED	2
#define IDR0_STALL_NONE		FIELD(STALL_MODEL_NONE, 25, 24)
#define IDR0_TERM_MODEL		BIT(26)
#define IDR0_ST_LEVEL_2		FIELD(1, 28, 27)
#define IDR1_SIDSIZE(bits)	FIELD(bits, 5, 0)
#define IDR1_SSIDSIZE		BITS(10, 6)
#define IDR1_SSIDSIZE_OF(word)	FIELD_OF(word, 10, 6)
#define IDR1_EVENTQS(log2)	FIELD(log2, 20, 16)
#define IDR1_CMDQS(log2)	FIELD(log2, 25, 21)
#define IDR3_RIL		BIT(10)
#define IDR3_BBML		BITS(12, 11)
#define IDR5_OAS(word)		FIELD_OF(word, 2, 0)
#define OAS_48_BIT		5
#define IDR5_GRAN4K		BIT(4)
#define IDR5_GRAN16K		BIT(5)
#define IDR5_GRAN64K		BIT(6)
#define IDR5_VAX		BITS(11, 10)

#define CR0_SMMUEN		BIT(0)
#define CR0_EVENTQEN		BIT(2)
#define CR0_CMDQEN		BIT(3)
#define CR1_QUEUES		BITS(5, 0)	/* attributes of accesses to queues */
#define CR1_TABLES		BITS(11, 6)	/* and to the stream table */
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
#define QUEUE_INDEX		BITS(19, 0)	/* of PROD and CONS, with the wrap bit */
#define CMDQ_CONS_ERR(error)	FIELD(error, 30, 24)
#define EVENTQ_OVERFLOW		BIT(31)		/* PROD.OVFLG, CONS.OVACKFLG */

/* First word of an event; its stream ID is above */
#define EVENT_C_BAD_STREAMID	0x02
#define EVENT_F_STE_FETCH	0x03
#define EVENT_C_BAD_STE		0x04

/* Entries, log2, that queues have at most: bounds the work of one register write */
#define CMDQ_LOG2_MAX		8
#define EVENTQ_LOG2_MAX		8

struct vsmmu_queue {
	uint64_t base;
	uint32_t prod;
	uint32_t cons;
};

struct vsmmu {
	const struct vsmmu_ops *ops;
	void *opaque;

	/* Never change */
	uint32_t idr[6];
	uint32_t iidr;
	uint32_t aidr;
	bool hw_stalls;		/* the physical SMMU would, if the guest's CDs say so */
	bool repeat;		/* erratum: everything invalidated twice */

	uint32_t cr0;
	uint32_t cr1;
	uint32_t cr2;
	uint32_t gbpa;
	uint32_t irq_ctrl;
	uint32_t gerror;
	uint32_t gerrorn;
	uint64_t strtab_base;
	uint32_t strtab_cfg;
	struct vsmmu_queue cmdq;
	struct vsmmu_queue eventq;
};

/* Run what the guest queued, if the queue is enabled and not stopped by an error */
void vsmmu_cmdq_run(struct vsmmu *v);
/* Make a global error active, unless it is */
void vsmmu_gerror(struct vsmmu *v, uint32_t error);

#endif
