/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PF's registers that this driver uses: offsets in BAR 0, in bytes. Names are
 * those of NVIDIA's public headers for GB100 (open-gpu-kernel-modules); where those
 * have no name for a register, the name says what it is.
 *
 * Registers of a function's page (VFN) are those of the PF. A VF has the same page at
 * the start of its own BAR 0.
 */
#ifndef NVGRACE_VGPU_REGS_H
#define NVGRACE_VGPU_REGS_H

#include <linux/bits.h>

/* Identity and power-on state */
#define NV_PMC_BOOT_42				0x000a00
#define  NV_PMC_BOOT_42_ARCHITECTURE		GENMASK(29, 24)
#define   NV_PMC_BOOT_42_ARCHITECTURE_GB100	0x1a
#define NV_C2C_LINK_STATUS			0x001498
#define NV_HBM_TRAINING_STATUS			0x0200bc	/* FSP has started, too */
#define  NV_STATUS_READY			0xff		/* of both */

/* Framebuffer */
#define NV_USABLE_FB_SIZE_IN_MB			0x1183a4
#define NV_PFB_PRI_MMU_WPR2_ADDR_LO		0x1fa824	/* first byte */
#define NV_PFB_PRI_MMU_WPR2_ADDR_HI		0x1fa828	/* first byte behind; 0: unset */
#define  NV_PFB_PRI_MMU_WPR2_ADDR_VAL		GENMASK(31, 4)	/* in units of 4 KiB */
#define NV_PFB_HSHUB_PCIE_FLUSH_SYSMEM_ADDR_LO	0x870e50	/* written last: takes effect */
#define NV_PFB_HSHUB_PCIE_FLUSH_SYSMEM_ADDR_HI	0x870e54
#define NV_PFB_HSHUB_EG_PCIE_FLUSH_SYSMEM_ADDR_LO 0x8706c0
#define NV_PFB_HSHUB_EG_PCIE_FLUSH_SYSMEM_ADDR_HI 0x8706c4

/* FSP: a mailbox in its EMEM */
#define NV_PFSP_EMEMC(i)			(0x8f2ac0 + (i) * 8)
#define  NV_PFSP_EMEMC_AINCW			BIT(24)
#define  NV_PFSP_EMEMC_AINCR			BIT(25)
#define NV_PFSP_EMEMD(i)			(0x8f2ac4 + (i) * 8)
#define NV_PFSP_QUEUE_HEAD(i)			(0x8f2c00 + (i) * 8)
#define NV_PFSP_QUEUE_TAIL(i)			(0x8f2c04 + (i) * 8)
#define NV_PFSP_MSGQ_HEAD(i)			(0x8f2c80 + (i) * 8)
#define NV_PFSP_MSGQ_TAIL(i)			(0x8f2c84 + (i) * 8)

/* GSP */
#define NV_PGSP_FALCON_IRQSCLR			0x110004
#define NV_PGSP_FALCON_IRQSTAT			0x110008
#define  NV_PGSP_FALCON_IRQ_SWGEN0		BIT(6)
#define NV_PGSP_FALCON_MAILBOX0			0x110040
#define NV_PGSP_FALCON_MAILBOX1			0x110044
#define NV_PGSP_FALCON_HWCFG2			0x1100f4
#define  NV_PGSP_FALCON_HWCFG2_RISCV_BR_PRIV_LOCKDOWN BIT(13)
#define NV_PGSP_QUEUE_HEAD(i)			(0x110c00 + (i) * 8)
#define NV_PGSP_RISCV_CPUCTL			0x111388
#define  NV_PGSP_RISCV_CPUCTL_HALTED		BIT(4)
#define  NV_PGSP_RISCV_CPUCTL_ACTIVE_STAT	BIT(7)

/* A read that the GPU refused returns this in the upper bits */
#define NV_PRI_ERROR_MASK			0xffffff00
#define NV_PRI_ERROR_LOCKED			0xbadf4100

/* The PF's function page (VFN) */
#define NV_VIRTUAL_FUNCTION_FULL_PHYS_OFFSET	0xb80000
#define NV_VFN(offset)				(NV_VIRTUAL_FUNCTION_FULL_PHYS_OFFSET + (offset))

/* Interrupts: vector v is bit v % 32 of leaf v / 32; top bit n is leaves 2n and 2n + 1 */
#define NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF(i)	NV_VFN(0x1000 + (i) * 4)
#define NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET(i) NV_VFN(0x1200 + (i) * 4)
#define NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR(i) NV_VFN(0x1400 + (i) * 4)
#define NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP		NV_VFN(0x1600)
#define NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_SET	NV_VFN(0x1608)
#define NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_CLEAR	NV_VFN(0x1610)
#define  NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_ALL	GENMASK(7, 0)
#define NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_GSP_VECTOR	155

/* MMU fault buffers: 0 non-replayable, 1 replayable. GET and PUT count entries */
#define NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO(i)	NV_VFN(0x3000 + (i) * 32)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO_ADDR_MODE_PHYSICAL BIT(0)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO_APERTURE GENMASK(2, 1)
#define   NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO_APERTURE_SYS_COH 2
#define NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_HI(i)	NV_VFN(0x3004 + (i) * 32)
#define NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET(i) NV_VFN(0x3008 + (i) * 32)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET_PTR GENMASK(19, 0)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET_OVERFLOW BIT(31)
#define NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_PUT(i) NV_VFN(0x300c + (i) * 32)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_PUT_PTR GENMASK(19, 0)
#define NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE(i) NV_VFN(0x3010 + (i) * 32)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE_OVERFLOW_INTR BIT(29)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE_ENABLE BIT(31)

/* MMU invalidation */
#define NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB	NV_VFN(0x30a0)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB_APERTURE_SYS_MEM BIT(1)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB_ADDR GENMASK(31, 4) /* bits 39:12 */
#define NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB NV_VFN(0x30a4) /* from bit 40 on */
#define NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE		NV_VFN(0x30b0)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_ALL_VA	BIT(0)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_ALL_PDB BIT(1)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_SYS_MEMBAR BIT(6)
#define  NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_TRIGGER BIT(31)

/* Work for channels, in the usermode page */
#define NV_VIRTUAL_FUNCTION_DOORBELL			NV_VFN(0x30090)

/* Runlists; their bases, and those of their channel RAM, are told by the device info table */
#define NV_RUNLIST_PREEMPT(base)		((base) + 0x98)
#define  NV_RUNLIST_PREEMPT_TYPE_RUNLIST	0
#define  NV_RUNLIST_PREEMPT_RUNLIST_PENDING	BIT(21)
#define NV_CHRAM_CHANNEL(base, chid)		((base) + (chid) * 4)
#define  NV_CHRAM_CHANNEL_CLEAR			BIT(0)	/* written: the other bits are cleared */
#define  NV_CHRAM_CHANNEL_ENABLE		BIT(1)
#define  NV_CHRAM_CHANNEL_ON_ENG		BIT(7)

#endif
