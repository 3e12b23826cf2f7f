/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of the GPU's device model, shared by the model (QEMU) and the
 * programs that drive it. No code and no types: plain numbers, in bytes.
 *
 * Names and offsets are the real device's where public sources give them (GB100;
 * open-gpu-kernel-modules, dev_vm.h and clcab5.h). What only the model has, says
 * so. The model's PCI ids are from the block that QEMU keeps for experiments, so
 * that no driver for real hardware takes the model for one, nor the reverse.
 */
#ifndef NVGRACE_GPU_REGS_H
#define NVGRACE_GPU_REGS_H

#define NVGRACE_GPU_VENDOR_ID		0x1af4
#define NVGRACE_GPU_PF_DEVICE_ID	0x10f0
#define NVGRACE_GPU_VF_DEVICE_ID	0x10f1

/* BARs, all 64-bit prefetchable; the same indices on PF and VF */
#define NVGRACE_GPU_BAR_REGS		0	/* registers */
#define NVGRACE_GPU_BAR_FB		2	/* framebuffer aperture */

/* PF BAR0 */
#define NV_PMC_BOOT_0			0x000000
#define NV_PMC_BOOT_42			0x000a00	/* arch 29:24, impl 23:20, major 19:16, minor 15:12 */
#define  NV_PMC_BOOT_42_GB100		0x1a000000
#define NV_C2C_LINK_STATUS		0x001498	/* 0xff: ready */
#define NV_HBM_TRAINING_STATUS		0x0200bc	/* 0xff: ready */
#define NV_PF_VFN_BASE			0xb80000	/* the PF's own copy of the VF page */

/*
 * The function's page: at 0 in a VF's BAR0, at NV_PF_VFN_BASE in the PF's. The
 * offsets below are from there.
 */
#define NV_VFN_SIZE			0x080000

/* Interrupt tree: vector v is bit v % 32 of leaf v / 32; top bit n is leaves 2n, 2n+1 */
#define NV_VFN_INTR_LEAF(i)		(0x1000 + (i) * 4)	/* pending, write 1 to clear */
#define NV_VFN_INTR_LEAF_EN_SET(i)	(0x1200 + (i) * 4)
#define NV_VFN_INTR_LEAF_EN_CLEAR(i)	(0x1400 + (i) * 4)
#define NV_VFN_INTR_LEAVES		16
#define NV_VFN_INTR_TOP			0x1600			/* read only */
#define NV_VFN_INTR_TOP_EN_SET		0x1608
#define NV_VFN_INTR_TOP_EN_CLEAR	0x1610
#define NV_VFN_INTR_LEAF_TRIGGER	0x1640			/* vector 11:0 */
#define NV_VFN_MSIX_VECTORS		12
#define NV_VFN_MSIX_TABLE		0x10000
#define NV_VFN_MSIX_PBA			0x20000
/* The model raises every enabled vector as MSI-X entry 0 */

/* The model's vectors (a real device tells them through GSP) */
#define NVGRACE_GPU_VECTOR_CE0		0
#define NVGRACE_GPU_VECTOR_FAULT	64

/* One-shot fault report */
#define NV_VFN_FAULT_ADDR_LO		0x3080
#define NV_VFN_FAULT_ADDR_HI		0x3084
#define NV_VFN_FAULT_INST_LO		0x3088
#define NV_VFN_FAULT_INST_HI		0x308c
#define NV_VFN_FAULT_INFO		0x3090
#define  NV_VFN_FAULT_INFO_TYPE		0x0000001f
#define   NV_FAULT_TYPE_PTE		0x02		/* the access did not translate */
#define   NV_FAULT_TYPE_UNBOUND_INST	0x04		/* virtual address without a channel */
#define   NV_FAULT_TYPE_REGION		0x0d		/* outside the function's framebuffer */
#define  NV_VFN_FAULT_INFO_ACCESS	0x000f0000
#define   NV_FAULT_ACCESS_VIRT_READ	0x0
#define   NV_FAULT_ACCESS_VIRT_WRITE	0x1
#define   NV_FAULT_ACCESS_PHYS_READ	0x8
#define   NV_FAULT_ACCESS_PHYS_WRITE	0x9
#define  NV_VFN_FAULT_INFO_VALID	0x80000000	/* write 1 to clear */
#define NV_VFN_FAULT_STATUS		0x3094		/* bit 0: a fault was lost since the last clear; write 1 to clear */

/*
 * Model only: a window on copy engine 0 that takes the methods of class 0xC9B5
 * (BLACKWELL_DMA_COPY_A) by direct writes, without channels. A method's register
 * is at NVGRACE_GPU_CE0 + its address. Drivers of real hardware send the same
 * methods through a channel.
 */
#define NVGRACE_GPU_CE0			0x40000

#define NV_CE_SET_SEMAPHORE_A		0x240		/* address 56:32 */
#define NV_CE_SET_SEMAPHORE_B		0x244		/* address 31:0 */
#define NV_CE_SET_SEMAPHORE_PAYLOAD	0x248
#define NV_CE_SET_SRC_PHYS_MODE		0x260
#define NV_CE_SET_DST_PHYS_MODE		0x264
#define  NV_CE_PHYS_MODE_TARGET		0x3
#define   NV_CE_PHYS_MODE_LOCAL_FB	0		/* offset in the function's framebuffer */
#define   NV_CE_PHYS_MODE_COHERENT_SYSMEM 1		/* DMA address, translated by the IOMMU */
#define NV_CE_LAUNCH_DMA		0x300
#define  NV_CE_LAUNCH_TRANSFER		0x00000003	/* 0 none, 1 pipelined, 2 non-pipelined */
#define  NV_CE_LAUNCH_TRANSFER_NON_PIPELINED 0x2
#define  NV_CE_LAUNCH_FLUSH		0x00000004
#define  NV_CE_LAUNCH_SEM_ONE_WORD	0x00000008	/* 4:3 = 1 */
#define  NV_CE_LAUNCH_SEM_FOUR_WORDS	0x00000010	/* 4:3 = 2: payload, 0, nanoseconds lo, hi */
#define  NV_CE_LAUNCH_INTR_BLOCKING	0x00000020	/* 6:5 = 1 */
#define  NV_CE_LAUNCH_INTR_NON_BLOCKING	0x00000040	/* 6:5 = 2 */
#define  NV_CE_LAUNCH_SRC_PITCH		0x00000080
#define  NV_CE_LAUNCH_DST_PITCH		0x00000100
#define  NV_CE_LAUNCH_MULTI_LINE	0x00000200
#define  NV_CE_LAUNCH_REMAP		0x00000400
#define  NV_CE_LAUNCH_SRC_PHYSICAL	0x00001000
#define  NV_CE_LAUNCH_DST_PHYSICAL	0x00002000
#define NV_CE_OFFSET_IN_UPPER		0x400
#define NV_CE_OFFSET_IN_LOWER		0x404
#define NV_CE_OFFSET_OUT_UPPER		0x408
#define NV_CE_OFFSET_OUT_LOWER		0x40c
#define NV_CE_PITCH_IN			0x410
#define NV_CE_PITCH_OUT			0x414
#define NV_CE_LINE_LENGTH_IN		0x418		/* bytes; with REMAP: elements of 4 bytes */
#define NV_CE_LINE_COUNT		0x41c
#define NV_CE_SET_REMAP_CONST_A		0x700
#define NV_CE_SET_REMAP_COMPONENTS	0x708
#define  NV_CE_REMAP_CONST_A_4BYTES	0x00030004	/* DST_X = CONST_A, 4 bytes, one component */

/* Model only: state of copy engine 0 */
#define NVGRACE_GPU_CE0_STATUS		(NVGRACE_GPU_CE0 + 0xf00)
#define  NVGRACE_GPU_CE0_BUSY		0x1
#define  NVGRACE_GPU_CE0_FAULTED	0x2		/* the last launch ended with a fault */
#define  NVGRACE_GPU_CE0_DROPPED	0x4		/* a launch came while busy, or was not understood; cleared by the next good launch */
#define NVGRACE_GPU_CE0_COMPLETED	(NVGRACE_GPU_CE0 + 0xf04)	/* launches ended, with a fault or without, modulo 2^32 */

#endif
