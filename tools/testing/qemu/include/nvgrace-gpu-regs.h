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
#define NVGRACE_GPU_BAR_INSTANCE	4	/* instance aperture, PF only */

/* PF BAR0 */
#define NV_PMC_BOOT_0			0x000000
#define NV_PMC_BOOT_42			0x000a00	/* arch 29:24, impl 23:20, major 19:16, minor 15:12 */
#define  NV_PMC_BOOT_42_GB100		0x1a000000
#define NV_C2C_LINK_STATUS		0x001498	/* 0xff: ready */
#define NV_HBM_TRAINING_STATUS		0x0200bc	/* 0xff: ready, and FSP is up */
#define NV_FSP_BOOT_COMPLETE_STATUS	NV_HBM_TRAINING_STATUS
#define NV_USABLE_FB_SIZE_MIB		0x1183a4	/* framebuffer, in MiB */
#define NV_PFB_WPR2_ADDR_LO		0x1fa824	/* 31:4: address bits 43:12, inclusive */
#define NV_PFB_WPR2_ADDR_HI		0x1fa828	/* 31:4: exclusive; 0: there is no WPR2 */
/* Page that the GPU writes to for a system memory barrier; high word first, both pairs alike */
#define NV_HSHUB_EG_FLUSH_SYSMEM_LO	0x8706c0
#define NV_HSHUB_EG_FLUSH_SYSMEM_HI	0x8706c4
#define NV_HSHUB_FLUSH_SYSMEM_LO	0x870e50
#define NV_HSHUB_FLUSH_SYSMEM_HI	0x870e54	/* address bits 51:32 */
#define NV_PF_VFN_BASE			0xb80000	/* the PF's own copy of the VF page */

/* Runlist i is that of copy engine i. Model only: these places, which a real device tells through GSP */
#define NVGRACE_GPU_RUNLIST_PRI(i)	(0xa00000 + (i) * 0x1000)
#define NVGRACE_GPU_RUNLIST_PRI_SIZE	0x1000
#define NVGRACE_GPU_RUNLIST_CHRAM(i)	(0xa80000 + (i) * 0x2000)	/* u32 for each channel */
#define NVGRACE_GPU_RUNLIST_CHRAM_SIZE	0x2000

/* FSP: a mailbox of 1 KiB (EMEM) and the pointers of one queue each way, in bytes */
#define NV_PFSP_BASE			0x8f2000
#define NV_PFSP_SIZE			0x001000
#define NV_PFSP_EMEMC			0x8f2ac0	/* offset 7:2, block of 256 bytes 15:8 */
#define  NV_PFSP_EMEMC_OFFSET		0x0000fffc
#define  NV_PFSP_EMEMC_AINCW		0x01000000	/* offset grows with each write */
#define  NV_PFSP_EMEMC_AINCR		0x02000000	/* and with each read */
#define NV_PFSP_EMEMD			0x8f2ac4
#define NV_PFSP_QUEUE_HEAD		0x8f2c00	/* a write tells FSP; equal to TAIL: taken */
#define NV_PFSP_QUEUE_TAIL		0x8f2c04	/* last dword of the message */
#define NV_PFSP_MSGQ_HEAD		0x8f2c80
#define NV_PFSP_MSGQ_TAIL		0x8f2c84	/* last dword; the host zeroes both when it has read */
#define NV_PFSP_EMEM_SIZE		1024

/* Message: MCTP header, NVDM header, payload */
#define NV_MCTP_SINGLE_PACKET		0xc0000000	/* SOM 31, EOM 30, all else 0 */
#define NV_NVDM_HEADER(type)		(((type) << 24) | 0x10de7e)	/* vendor 23:8, type 6:0 */
#define NV_NVDM_PRC			0x13
#define NV_NVDM_COT			0x14
#define NV_NVDM_RESPONSE		0x15
/* Response, after the headers: task, type of the request, error, data */
#define NV_FSP_RESPONSE_SIZE		12
/* PRC: sub-message, flags, object, 0; a byte each. Data of the response: value in 15:0 */
#define NV_PRC_READ			0x0c
#define NV_PRC_ACTIVE			0x02		/* value of this boot */
#define NV_PRC_VGPU_MODE		0x29
#define NV_FSP_ERROR_UNKNOWN_KNOB	0x1e3
/* Model only: other errors of FSP */
#define NVGRACE_FSP_ERROR_MESSAGE	0x100		/* not a message that FSP knows */
#define NVGRACE_FSP_ERROR_STATE		0x101		/* GSP cannot boot: it runs, or needs a reset */
#define NVGRACE_FSP_ERROR_IMAGE		0x102		/* the FMC image is not what its signature says */
/* Chain of trust, packed */
#define NV_COT_VERSION			2
#define NV_COT_SIZE			860
#define NV_COT_FMC			4		/* u64 */
#define NV_COT_FRTS_SYSMEM		12		/* u64, then size u32 */
#define NV_COT_FRTS_OFFSET		24		/* u64: from the framebuffer's end to that of FRTS */
#define NV_COT_FRTS_SIZE		32		/* u32 */
#define NV_COT_HASH			36		/* SHA-384 of the FMC image */
#define NV_COT_PUBLIC_KEY		84
#define NV_COT_SIGNATURE		468
#define NV_COT_BOOT_PARAMS		852		/* u64 */

/* GSP */
#define NV_PGSP_BASE			0x110000
#define NV_PGSP_SIZE			0x002000
#define NV_PGSP_IRQSCLR			0x110004	/* write 1 to clear */
#define NV_PGSP_IRQSTAT			0x110008	/* read only */
#define  NV_PGSP_IRQ_HALT		0x00000010	/* the core stopped */
#define  NV_PGSP_IRQ_SWGEN0		0x00000040	/* GSP wrote to its queue */
#define NV_PGSP_MAILBOX0		0x110040
#define  NV_PGSP_MAILBOX0_SUSPENDED	0x80000000	/* the firmware ended in order */
#define NV_PGSP_MAILBOX1		0x110044
#define NV_PGSP_OS			0x110080	/* version of the bootloader's application */
#define NV_PGSP_HWCFG2			0x1100f4
#define  NV_PGSP_HWCFG2_RISCV		0x00000400
#define  NV_PGSP_HWCFG2_LOCKDOWN	0x00002000	/* boot parameters are still read */
#define  NV_PGSP_HWCFG2_RESET_READY	0x80000000
#define  NV_PGSP_LOCKED			0xbadf4100	/* a read before FSP opens the registers; 7:0 any */
#define NV_PGSP_QUEUE_HEAD		0x110c00	/* doorbell of the command queue: write 0 */
#define NV_PGSP_RISCV_CPUCTL		0x111388
#define  NV_PGSP_RISCV_HALTED		0x00000010
#define  NV_PGSP_RISCV_ACTIVE		0x00000080

/* FMC boot parameters, 80 bytes */
#define NV_FMC_PARAMS_SIZE		80
#define NV_FMC_WPR_META_TARGET		8		/* u32: NV_DMA_TARGET_* */
#define NV_FMC_WPR_META_SIZE		12		/* u32 */
#define NV_FMC_WPR_META			16		/* u64 */
#define NV_FMC_IS_GSP_RM		36		/* u8: 1 */
#define NV_FMC_LIBOS_TARGET		40		/* u32 */
#define NV_FMC_LIBOS_ARGS		48		/* u64 */
#define NV_DMA_TARGET_COHERENT		1
#define NV_DMA_TARGET_NONCOHERENT	2

/* WPR meta, 256 bytes, u64 where not said */
#define NV_WPR_META_SIZE		256
#define NV_WPR_META_MAGIC		0		/* 0xdc3aae21371a60b3 */
#define NV_WPR_META_REVISION		8		/* 1 */
#define NV_WPR_META_RADIX3		16
#define NV_WPR_META_RADIX3_SIZE		24
#define NV_WPR_META_BOOTLOADER		32
#define NV_WPR_META_BOOTLOADER_SIZE	40
#define NV_WPR_META_SIGNATURE		72
#define NV_WPR_META_SIGNATURE_SIZE	80
#define NV_WPR_META_RESERVED_START	88		/* framebuffer from here on: all below */
#define NV_WPR_META_NON_WPR_HEAP	96
#define NV_WPR_META_NON_WPR_HEAP_SIZE	104
#define NV_WPR_META_WPR_START		112
#define NV_WPR_META_HEAP		120
#define NV_WPR_META_HEAP_SIZE		128
#define NV_WPR_META_IMAGE		136
#define NV_WPR_META_BOOT_BIN		144
#define NV_WPR_META_FRTS		152
#define NV_WPR_META_FRTS_SIZE		160
#define NV_WPR_META_WPR_END		168
#define NV_WPR_META_FB_SIZE		176
#define NV_WPR_META_VGA			184
#define NV_WPR_META_VGA_SIZE		192
#define NV_WPR_META_BOOT_COUNT		200
#define NV_WPR_META_VF_PARTITIONS	240		/* u8 */
#define NV_WPR_META_FLAGS		241		/* u8 */
#define NV_WPR_META_PMU_RESERVED	244		/* u32 */
#define NV_WPR_META_VERIFIED		248		/* 0xa0a0a0a0a0a0a0a0 when checked */

/* Libos arguments: 32 bytes each, until an id of 0 */
#define NV_LIBOS_ARG_SIZE		32
#define NV_LIBOS_ARG_ID			0		/* u64: name, its first letter highest */
#define NV_LIBOS_ARG_PA			8
#define NV_LIBOS_ARG_BYTES		16
#define NV_LIBOS_ARG_KIND		24		/* u8, 1: contiguous */
#define NV_LIBOS_ARG_LOCATION		25		/* u8, 1: system memory */

/* RMARGS, 72 bytes: where the queues are */
#define NV_RMARGS_SIZE			72
#define NV_RMARGS_SHARED		0		/* u64 */
#define NV_RMARGS_PTES			8		/* u32 */
#define NV_RMARGS_CMDQ			16		/* u64 */
#define NV_RMARGS_STATQ			24		/* u64 */
#define NV_RMARGS_OLD_LEVEL		32		/* u32, then flags u32, in PM u8: of a resume */
#define NV_RMARGS_DMEM_STACK		48		/* u8: 1 */

/* Model only: the log buffers hold lines of text from here on, wrapping */
#define NVGRACE_LOG_TEXT		4096

/* Model only: what MAILBOX0 says when FMC does not boot GSP */
#define NVGRACE_BOOT_PARAMS		1		/* FMC boot parameters */
#define NVGRACE_BOOT_META		2		/* WPR meta: header */
#define NVGRACE_BOOT_LAYOUT		3		/* WPR meta: framebuffer layout */
#define NVGRACE_BOOT_HEAP		4		/* heap too small */
#define NVGRACE_BOOT_IMAGE		5		/* firmware image */
#define NVGRACE_BOOT_SIGNATURE		6
#define NVGRACE_BOOT_BOOTLOADER		7
#define NVGRACE_BOOT_VGPU		8		/* partitions, knob, SR-IOV do not agree */
#define NVGRACE_BOOT_LIBOS		9		/* libos arguments, RMARGS, queues */
#define NVGRACE_BOOT_CRASH		0xdead0000	/* the firmware stopped, 15:0 says why */

/*
 * Runlist i: registers from NVGRACE_GPU_RUNLIST_PRI(i) on, those below are added.
 * As on GA100, where public sources say nothing of GB100.
 */
#define NV_RUNLIST_CHANNEL_CONFIG	0x004		/* log2 of the channels 3:0, offset of CHRAM 31:4 */
#define NV_RUNLIST_DOORBELL_CONFIG	0x008		/* the runlist's number in a doorbell 31:16 */
#define NV_RUNLIST_SUBMIT_BASE_LO	0x080
#define  NV_RUNLIST_SUBMIT_BASE_TARGET	0x00000003	/* as NV_RAMIN_PDB_TARGET */
#define  NV_RUNLIST_SUBMIT_BASE_ADDRESS	0xfffff000
#define NV_RUNLIST_SUBMIT_BASE_HI	0x084
#define NV_RUNLIST_SUBMIT		0x088		/* entries 15:0, the first one's index 31:16 */
#define NV_RUNLIST_INFO			0x08c
#define  NV_RUNLIST_INFO_PENDING	0x00008000	/* the list is still read */
#define NV_RUNLIST_INTERNAL_DOORBELL	0x090		/* channel 11:0, gfid 21:16 */
#define NV_RUNLIST_SCHED_DISABLE	0x094		/* bit 0: no channel gets on the engine */
#define NV_RUNLIST_PREEMPT		0x098
#define  NV_RUNLIST_PREEMPT_ID		0x00000fff	/* of the TSG */
#define  NV_RUNLIST_PREEMPT_TSG_PENDING	0x00100000
#define  NV_RUNLIST_PREEMPT_RL_PENDING	0x00200000
#define  NV_RUNLIST_PREEMPT_TYPE	0x03000000
#define   NV_RUNLIST_PREEMPT_RUNLIST	0
#define   NV_RUNLIST_PREEMPT_TSG	1
#define NV_RUNLIST_INTR_0		0x100		/* write 1 to clear */
#define  NV_RUNLIST_INTR_CTXSW_TIMEOUT	0x00000001
#define  NV_RUNLIST_INTR_PBDMA		0x00010000
#define NV_RUNLIST_VECTORID		0x160		/* its vector 11:0 */
#define NV_RUNLIST_VIRTUAL_CHANNEL(gfid) (0x300 + (gfid) * 4) /* doorbells of a function */
#define  NV_RUNLIST_VIRTUAL_CHANNEL_MASK 0x00000fff	/* channel = number & MASK | SET */
#define  NV_RUNLIST_VIRTUAL_CHANNEL_SET	0x0fff0000
#define  NV_RUNLIST_VIRTUAL_CHANNEL_ENABLE 0x80000000
#define NV_RUNLIST_GFIDS		64

/* A channel's word of CHRAM. Written with bit 0 clear: set these bits; set: clear */
#define NV_CHRAM_CLEAR			0x00000001
#define NV_CHRAM_ENABLE			0x00000002
#define NV_CHRAM_NEXT			0x00000004	/* read only, as BUSY, ON_PBDMA and ON_ENG */
#define NV_CHRAM_BUSY			0x00000008
#define NV_CHRAM_PBDMA_FAULTED		0x00000010
#define NV_CHRAM_ENG_FAULTED		0x00000020
#define NV_CHRAM_ON_PBDMA		0x00000040
#define NV_CHRAM_ON_ENG			0x00000080
#define NV_CHRAM_PENDING		0x00000100	/* has something to do */
#define NV_CHRAM_RELOAD			0x00000200	/* reads RAMFC again */
#define NV_CHRAM_CLEAR_ALL		0xffffffff	/* forgets the channel's state, too */

/* Runlist in memory: entries of 16 bytes, a TSG and then its channels */
#define NV_RUNLIST_ENTRY_SIZE		16
#define NV_RUNLIST_ENTRY_TSG		0x00000001	/* dword 0; channel: 0 */
#define NV_RUNLIST_TSG_GFID		0x00000ff0	/* dword 0 */
#define NV_RUNLIST_TSG_LENGTH		0x000000ff	/* dword 1: channels */
#define NV_RUNLIST_TSG_ID		0x00000fff	/* dword 2 */
#define NV_RUNLIST_CHAN_INST_TARGET	0x00000030	/* dword 0, as NV_RAMIN_PDB_TARGET */
#define NV_RUNLIST_CHAN_USERD_TARGET	0x000000c0	/* dword 0, likewise; 31:8 address, dword 1 31:0 */
#define NV_RUNLIST_CHAN_ID		0x00000fff	/* dword 2; 31:12 instance block, dword 3 31:0 */

/* RAMFC, the first 512 bytes of the instance block; GA100's, with the moves of GB100 */
#define NV_RAMFC_SIZE			0x200
#define NV_RAMFC_USERD_LO		0x008
#define NV_RAMFC_USERD_HI		0x00c
#define NV_RAMFC_SIGNATURE		0x010
#define  NV_RAMFC_SIGNATURE_VALUE	0x0000face
#define NV_RAMFC_PB_GET_LO		0x018
#define NV_RAMFC_PB_GET_HI		0x01c
#define NV_RAMFC_SEM_ADDR_HI		0x038
#define NV_RAMFC_SEM_ADDR_LO		0x03c
#define NV_RAMFC_SEM_PAYLOAD_LO		0x040
#define NV_RAMFC_SEM_EXECUTE		0x044
#define NV_RAMFC_SEM_PAYLOAD_HI		0x048		/* model only */
#define NV_RAMFC_PB_EXTENDED_BASE	0x05c
#define NV_RAMFC_GP_BASE_LO		0x090
#define NV_RAMFC_GP_BASE_HI		0x094
#define NV_RAMFC_GP_GET			0x098
#define NV_RAMFC_GP_INFO		0x0a4		/* log2 of the entries 20:16 */
#define NV_RAMFC_FETCH_STATE		0x0b4		/* model only: dwords left of the segment 20:0 */
#define  NV_RAMFC_FETCH_ACQUIRING	0x80000000	/* waits for a semaphore */
#define NV_RAMFC_GP_PUT			0x0c0
#define NV_RAMFC_METHOD			0x0cc		/* model only: header of the method at hand, what is left as count */
#define NV_RAMFC_HCE_CTRL		0x0e4
#define  NV_RAMFC_HCE_PRIVILEGED	0x00000020
#define NV_RAMFC_CHID			0x0e8
#define NV_RAMFC_CONFIG			0x0f4
#define  NV_RAMFC_CONFIG_PRIVILEGED	0x00000100
#define  NV_RAMFC_CONFIG_USERD_WRITEBACK 0x00001000
#define NV_RAMIN_METHOD_BUFFER_LO	0x220
#define NV_RAMIN_METHOD_BUFFER_HI	0x224

/* USERD: the channel's page for user space */
#define NV_USERD_SIZE			512
#define NV_USERD_REF			0x48
#define NV_USERD_GP_GET			0x88
#define NV_USERD_GP_PUT			0x8c

/* GP entries, 8 bytes */
#define NV_GP_ENTRY0_GET		0xfffffffc	/* address 31:2 */
#define NV_GP_ENTRY1_GET_HI		0x000000ff	/* address 39:32, or, of no length, opcode: */
#define  NV_GP_OPCODE_NOP		0
#define  NV_GP_OPCODE_ILLEGAL		1
#define  NV_GP_OPCODE_GP_CRC		2
#define  NV_GP_OPCODE_PB_CRC		3
#define  NV_GP_OPCODE_EXTENDED_BASE	4		/* address 56:40 of segments in dword 0 24:8 */
#define NV_GP_ENTRY1_LENGTH		0x7ffffc00	/* dwords */

/* Headers in a pushbuffer */
#define NV_PB_HEADER_ADDRESS		0x00000fff	/* in dwords */
#define NV_PB_HEADER_SUBCHANNEL		0x0000e000
#define NV_PB_HEADER_COUNT		0x1fff0000	/* or immediate data */
#define NV_PB_HEADER_OP			0xe0000000
#define  NV_PB_OP_INC			1
#define  NV_PB_OP_NON_INC		3
#define  NV_PB_OP_IMMD			4
#define  NV_PB_OP_ONE_INC		5
#define  NV_PB_OP_END			7

/* Methods of the host, class 0xc96f; those from 0x100 on are the engine's */
#define NV_HOST_CLASS			0xc96f
#define NV_CE_CLASS			0xc9b5
#define NV_CE_SUBCHANNEL		4		/* by custom */
#define NV_HOST_SET_OBJECT		0x000		/* class 15:0 */
#define NV_HOST_NOP			0x008
#define NV_HOST_NON_STALL_INTERRUPT	0x020
#define NV_HOST_MEM_OP_A		0x028
#define NV_HOST_MEM_OP_B		0x02c
#define NV_HOST_MEM_OP_C		0x030
#define  NV_HOST_MEM_OP_C_ALL_PDB	0x00000001
#define  NV_HOST_MEM_OP_C_APERTURE	0x00000c00	/* of the PDB, as NV_RAMIN_PDB_TARGET */
#define  NV_HOST_MEM_OP_C_PDB		0xfffff000
#define NV_HOST_MEM_OP_D		0x034		/* does what A to D say */
#define  NV_HOST_MEM_OP_D_PDB_HI	0x07ffffff
#define  NV_HOST_MEM_OP_D_OPERATION	0xf8000000
#define   NV_HOST_MEM_OP_MEMBAR		0x05
#define   NV_HOST_MEM_OP_TLB_INVALIDATE	0x09
#define   NV_HOST_MEM_OP_TLB_INVALIDATE_TARGETED 0x0a
#define   NV_HOST_MEM_OP_L2_PEERMEM	0x0d		/* this and the next: no effect */
#define   NV_HOST_MEM_OP_L2_SYSMEM	0x0e
#define   NV_HOST_MEM_OP_L2_FLUSH	0x10
#define NV_HOST_SET_REFERENCE		0x050
#define NV_HOST_SEM_ADDR_LO		0x05c
#define NV_HOST_SEM_ADDR_HI		0x060		/* 24:0 */
#define NV_HOST_SEM_PAYLOAD_LO		0x064
#define NV_HOST_SEM_PAYLOAD_HI		0x068
#define NV_HOST_SEM_EXECUTE		0x06c
#define  NV_HOST_SEM_OPERATION		0x00000007
#define   NV_HOST_SEM_ACQUIRE		0		/* value = payload */
#define   NV_HOST_SEM_RELEASE		1
#define   NV_HOST_SEM_ACQ_STRICT_GEQ	2		/* value >= payload */
#define   NV_HOST_SEM_ACQ_CIRC_GEQ	3		/* value - payload >= 0, signed */
#define   NV_HOST_SEM_ACQ_AND		4		/* value & payload != 0 */
#define   NV_HOST_SEM_ACQ_NOR		5		/* ~(value | payload) != 0 */
#define   NV_HOST_SEM_REDUCTION		6		/* not modelled */
#define  NV_HOST_SEM_SWITCH_TSG		0x00001000
#define  NV_HOST_SEM_RELEASE_WFI	0x00100000
#define  NV_HOST_SEM_64BIT		0x01000000
#define  NV_HOST_SEM_TIMESTAMP		0x02000000
#define NV_HOST_WFI			0x078
#define NV_HOST_YIELD			0x080
#define NV_HOST_CLEAR_FAULTED		0x084		/* channel 11:0 */
#define  NV_HOST_CLEAR_FAULTED_ENG	0x80000000	/* else PBDMA */
#define NV_HOST_METHODS			0x100

/* exceptType of RC_TRIGGERED and of the error notifier */
#define NV_RC_MMU_FAULT			31
#define NV_RC_PBDMA			32
#define NV_RC_CE(i)			(39 + (i))
#define NV_RC_CTXSW_TIMEOUT		109

/*
 * The function's page: at 0 in a VF's BAR0, at NV_PF_VFN_BASE in the PF's. The
 * offsets below are from there.
 */
#define NV_VFN_SIZE			0x080000

/*
 * GPU memory management (nvgrace-mmu.c): page tables, version 3. A virtual address
 * has 57 bits: 56, 55:47, 46:38, 37:29 and 28:21 index the five levels of page
 * directories, 20:12 the table of 4 KiB pages, 20:16 that of 64 KiB pages.
 */
#define NV_MMU_VA_BITS			57
#define NV_MMU_PTE_VALID		0x0000000000000001
#define NV_MMU_PTE_APERTURE_SHIFT	1		/* 2:1 */
#define  NV_MMU_PTE_APERTURE_FB		0
#define  NV_MMU_PTE_APERTURE_PEER	1		/* EGM: peer id 7 */
#define  NV_MMU_PTE_APERTURE_COHERENT	2
#define  NV_MMU_PTE_APERTURE_NONCOHERENT 3
#define NV_MMU_PTE_PCF_SHIFT		3		/* 7:3 */
#define  NV_MMU_PTE_PCF_UNCACHED	0x01
#define  NV_MMU_PTE_PCF_PRIVILEGED	0x02
#define  NV_MMU_PTE_PCF_READ_ONLY	0x04
#define  NV_MMU_PTE_PCF_NO_ATOMIC	0x08
#define  NV_MMU_PTE_PCF_ACD		0x10
/* The same field when VALID is 0 */
#define  NV_MMU_PTE_PCF_INVALID		0
#define  NV_MMU_PTE_PCF_SPARSE		1		/* reads 0, ignores writes */
#define  NV_MMU_PTE_PCF_NOWHERE		2
#define  NV_MMU_PTE_PCF_NO_VALID_4K	3		/* a 64 KiB entry: nor is there one below */
#define NV_MMU_PTE_KIND_SHIFT		8		/* 11:8 */
#define  NV_MMU_PTE_KIND_PITCH		0
#define  NV_MMU_PTE_KIND_GENERIC	6
#define NV_MMU_PTE_ADDRESS		0x000ffffffffff000
#define NV_MMU_PTE_PEER_SHIFT		61		/* 63:61 */
#define  NV_MMU_PEER_EGM		7
/* A directory entry; VALID is IS_PTE there, for leaves of 512 MiB and 2 MiB */
#define NV_MMU_PDE_APERTURE_SHIFT	1		/* 2:1 */
#define  NV_MMU_PDE_APERTURE_INVALID	0
#define  NV_MMU_PDE_APERTURE_FB		1
#define  NV_MMU_PDE_APERTURE_COHERENT	2
#define  NV_MMU_PDE_APERTURE_NONCOHERENT 3
#define NV_MMU_PDE_PCF_SHIFT		3		/* 5:3; bit 0 of it: sparse, when the aperture is 0 */
#define NV_MMU_PDE_ADDRESS		0x000ffffffffff000
/* The last directory: 16 bytes, the 64 KiB pages' table, then the 4 KiB pages' */
#define NV_MMU_DUAL_PDE_ADDRESS_BIG	0x000fffffffffff00

/* Instance block: where its page directory is */
#define NV_RAMIN_PDB_LO			0x200
#define  NV_RAMIN_PDB_TARGET		0x00000003	/* 0 FB, 1 invalid, 2 coherent, 3 non-coherent */
#define  NV_RAMIN_PDB_ADDRESS		0xfffff000
#define NV_RAMIN_PDB_HI			0x204
#define NV_RAMIN_SIZE			4096

/* PF: instance blocks of the apertures; write the high word first */
#define NV_VFN_BAR1_BLOCK_LO		0x0f60
#define NV_VFN_BAR1_BLOCK_HI		0x0f64
#define NV_VFN_BAR2_BLOCK_LO		0x0f70
#define NV_VFN_BAR2_BLOCK_HI		0x0f74
#define  NV_VFN_BAR_BLOCK_VIRTUAL	0x00000200	/* else physical mode */
#define  NV_VFN_BAR_BLOCK_TARGET	0x00000c00	/* 11:10, as NV_RAMIN_PDB_TARGET */
#define  NV_VFN_BAR_BLOCK_ADDRESS	0xfffff000

/* Model only: what the instance aperture reads in physical mode */
#define NVGRACE_GPU_INSTANCE_UNMAPPED	0xbad0fb00
/*
 * Model only: the root directories that UPDATE_BAR_PDE writes to, this far below
 * the end of the framebuffer. It is the PDB to name in an invalidate.
 */
#define NVGRACE_GPU_BAR1_PDB_FROM_END	0x2000
#define NVGRACE_GPU_BAR2_PDB_FROM_END	0x1000

/* Fault buffers: 0 non-replayable, 1 replayable (the model fills only the first) */
#define NV_VFN_FAULT_BUFFERS		2
#define NV_VFN_FAULT_BUFFER_LO(i)	(0x3000 + (i) * 0x20)
#define  NV_VFN_FAULT_BUFFER_PHYSICAL	0x00000001	/* else an address in BAR2 */
#define  NV_VFN_FAULT_BUFFER_APERTURE	0x00000006	/* as in a PTE */
#define  NV_VFN_FAULT_BUFFER_ADDRESS	0xfffff000
#define NV_VFN_FAULT_BUFFER_HI(i)	(0x3004 + (i) * 0x20)
#define NV_VFN_FAULT_BUFFER_GET(i)	(0x3008 + (i) * 0x20)
#define  NV_VFN_FAULT_BUFFER_INDEX	0x000fffff
#define  NV_VFN_FAULT_BUFFER_CORRUPTED	0x40000000	/* GET was outside; write 1 to clear */
#define  NV_VFN_FAULT_BUFFER_OVERFLOW	0x80000000	/* an entry was lost; write 1 to clear */
#define NV_VFN_FAULT_BUFFER_PUT(i)	(0x300c + (i) * 0x20)	/* read only */
#define NV_VFN_FAULT_BUFFER_SIZE(i)	(0x3010 + (i) * 0x20)	/* entries */
#define  NV_VFN_FAULT_BUFFER_OVERFLOW_INTR 0x20000000
#define  NV_VFN_FAULT_BUFFER_SET_DEFAULT 0x40000000	/* write 1: entries become the default */
#define  NV_VFN_FAULT_BUFFER_ENABLE	0x80000000
#define NVGRACE_GPU_FAULT_BUFFER_DEFAULT 256		/* model only: that number */
#define NV_FAULT_ENTRY_SIZE		32
#define NV_FAULT_ENTRY_INST_LO		0x00		/* target 9:8, address 31:12 */
#define NV_FAULT_ENTRY_INST_HI		0x04
#define NV_FAULT_ENTRY_ADDR_LO		0x08		/* 31:12 */
#define NV_FAULT_ENTRY_ADDR_HI		0x0c
#define NV_FAULT_ENTRY_TIME_LO		0x10		/* nanoseconds */
#define NV_FAULT_ENTRY_TIME_HI		0x14
#define NV_FAULT_ENTRY_ENGINE		0x18		/* 8:0 */
#define NV_FAULT_ENTRY_INFO		0x1c
#define  NV_FAULT_ENTRY_TYPE		0x0000001f
#define  NV_FAULT_ENTRY_ACCESS		0x000f0000
#define  NV_FAULT_ENTRY_HUB		0x00100000
#define  NV_FAULT_ENTRY_VALID		0x80000000

/* Who faulted */
#define NV_FAULT_ENGINE_CE(i)		(65 + (i))
#define NV_FAULT_ENGINE_HOST(i)		(85 + (i))	/* of runlist i */
#define NV_FAULT_ENGINE_BAR1		256
#define NV_FAULT_ENGINE_BAR2		320

/* Invalidate translations that the GPU keeps */
#define NV_VFN_INVALIDATE_PDB_LO	0x30a0
#define  NV_VFN_INVALIDATE_PDB_SYSMEM	0x00000002	/* else in the framebuffer */
#define  NV_VFN_INVALIDATE_PDB_ADDRESS	0xfffffff0	/* address bits 39:12 */
#define NV_VFN_INVALIDATE_PDB_HI	0x30a4		/* address bits from 40 on */
#define NV_VFN_INVALIDATE		0x30b0
#define  NV_VFN_INVALIDATE_ALL_VA	0x00000001
#define  NV_VFN_INVALIDATE_ALL_PDB	0x00000002
#define  NV_VFN_INVALIDATE_HUB_ONLY	0x00000004
#define  NV_VFN_INVALIDATE_TRIGGER	0x80000000	/* reads 1 until done */

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

/* Usermode registers of a function: all that a channel's user needs */
#define NV_VFN_USERMODE_CFG0		0x30000		/* class 15:0 */
#define  NV_VFN_USERMODE_CLASS		0xc661
#define NV_VFN_USERMODE_TIME_LO		0x30080		/* nanoseconds */
#define NV_VFN_USERMODE_TIME_HI		0x30084
#define NV_VFN_DOORBELL			0x30090
#define  NV_VFN_DOORBELL_CHID		0x00000fff
#define  NV_VFN_DOORBELL_RUNLIST	0x007f0000
#define  NV_VFN_DOORBELL_NO_GSP		0x80000000	/* no effect */

/* The model's vectors (a real device tells them through GSP) */
#define NVGRACE_GPU_VECTOR_CE0		0		/* of CE i: + i */
#define NVGRACE_GPU_VECTOR_CE0_STALL	32
#define NVGRACE_GPU_VECTOR_FAULT	64
#define NVGRACE_GPU_VECTOR_GSP		155		/* as on GB100 */

/* One-shot fault report */
#define NV_VFN_FAULT_ADDR_LO		0x3080
#define NV_VFN_FAULT_ADDR_HI		0x3084
#define NV_VFN_FAULT_INST_LO		0x3088
#define NV_VFN_FAULT_INST_HI		0x308c
#define NV_VFN_FAULT_INFO		0x3090
#define  NV_VFN_FAULT_INFO_TYPE		0x0000001f
#define   NV_FAULT_TYPE_PDE		0x00
#define   NV_FAULT_TYPE_PDE_SIZE	0x01		/* a leaf of a size that there is not */
#define   NV_FAULT_TYPE_PTE		0x02		/* the access did not translate */
#define   NV_FAULT_TYPE_VA_LIMIT	0x03
#define   NV_FAULT_TYPE_UNBOUND_INST	0x04		/* virtual address without a channel */
#define   NV_FAULT_TYPE_RO		0x06
#define   NV_FAULT_TYPE_APERTURE	0x0a		/* no such memory: a peer that is not */
#define   NV_FAULT_TYPE_KIND		0x0c
#define   NV_FAULT_TYPE_REGION		0x0d		/* outside the function's framebuffer, or EGM */
#define  NV_VFN_FAULT_INFO_ACCESS	0x000f0000
#define   NV_FAULT_ACCESS_VIRT_READ	0x0
#define   NV_FAULT_ACCESS_VIRT_WRITE	0x1
#define   NV_FAULT_ACCESS_PHYS_READ	0x8
#define   NV_FAULT_ACCESS_PHYS_WRITE	0x9
#define  NV_VFN_FAULT_INFO_VALID	0x80000000	/* write 1 to clear */
#define NV_VFN_FAULT_STATUS		0x3094		/* bit 0: a fault was lost since the last clear; write 1 to clear */

/*
 * Model only: trouble. The driver's mistakes are counted here, and trouble to
 * come is armed here, by tests that map BAR0 while the driver runs. No reset
 * changes any of it.
 */
#define NVGRACE_TROUBLE_BASE		0xff0000
#define NVGRACE_TROUBLE_SIZE		0x001000
#define NVGRACE_TROUBLE_MAGIC		0xff0000	/* "NVM1" */
#define  NVGRACE_TROUBLE_MAGIC_VALUE	0x4e564d31
#define NVGRACE_TROUBLE_ERRORS		0xff0004	/* driver errors so far; write 0 to clear */
#define NVGRACE_TROUBLE_EXPECT		0xff0008	/* 1: they count as expected */
#define NVGRACE_TROUBLE_EXPECTED	0xff000c	/* that count; write 0 to clear */
#define NVGRACE_TROUBLE_INJECT		0xff0010	/* kind 7:0, parameter 31:8; kind 0 disarms all */
#define NVGRACE_TROUBLE_ARMED		0xff0014	/* bit for each kind armed */
#define NVGRACE_TROUBLE_VGPU_KNOB	0xff0018	/* 0 or 1, for the next boot of GSP */
#define NVGRACE_TROUBLE_TEXT		0xff0040	/* the last error, ASCII, ends with 0 */
#define  NVGRACE_TROUBLE_TEXT_SIZE	192

#define NVGRACE_INJECT_FSP_SILENT	1		/* no answer to the next message */
#define NVGRACE_INJECT_FSP_ERROR	2		/* error code of the next answer */
#define NVGRACE_INJECT_GSP_SLOW		3		/* ms more for boot and each reply, until 0 */
#define NVGRACE_INJECT_LOCKDOWN_STUCK	4
#define NVGRACE_INJECT_BOOT_ERROR	5		/* value of MAILBOX0 */
#define NVGRACE_INJECT_RISCV_DEAD	6
#define NVGRACE_INJECT_INIT_SILENT	7		/* no GSP_INIT_DONE */
#define NVGRACE_INJECT_RPC_SILENT	8		/* requests that are swallowed */
#define NVGRACE_INJECT_RPC_LATE		9		/* ms for the next reply */
#define NVGRACE_INJECT_RPC_UNKNOWN	10		/* a reply that nobody asked for */
#define NVGRACE_INJECT_BAD_CHECKSUM	11
#define NVGRACE_INJECT_BAD_LENGTH	12
#define NVGRACE_INJECT_BAD_ELEM_COUNT	13
#define NVGRACE_INJECT_BAD_SEQ		14
#define NVGRACE_INJECT_BAD_SIGNATURE	15
#define NVGRACE_INJECT_TRUNCATED	16		/* a continuation ends early */
#define NVGRACE_INJECT_BAD_WRITE_PTR	17
#define NVGRACE_INJECT_CRASH_IN_MESSAGE	18
#define NVGRACE_INJECT_XID		19		/* its number; at once */
#define NVGRACE_INJECT_ECC		20		/* 64 KiB page of the framebuffer; at once */
#define NVGRACE_INJECT_LOST_INTR	21		/* interrupts of GSP that get lost */
#define NVGRACE_INJECT_CE_HANG		22
#define NVGRACE_INJECT_PREEMPT_STUCK	23
#define NVGRACE_INJECT_PCIE_FATAL	24		/* at once */
#define NVGRACE_INJECT_PCIE_NONFATAL	25		/* at once */
#define NVGRACE_INJECT_CRASH		26		/* GSP halts, at once */
#define NVGRACE_INJECT_SPURIOUS_INTR	27		/* GSP's vector without cause, so many times */
#define NVGRACE_INJECT_LOST_FAULT	28		/* the next fault raises no vector */
#define NVGRACE_INJECT_LOST_RC		29		/* the next RC_TRIGGERED is not sent */
#define NVGRACE_INJECT_FSP_SLOW		30		/* ms more for the next message to FSP */
#define NVGRACE_INJECT_LAST		30

/*
 * Model only: a window on copy engine 0 that takes the methods of class 0xC9B5
 * (BLACKWELL_DMA_COPY_A) by direct writes, without channels. A method's register
 * is at NVGRACE_GPU_CE0 + its address. Drivers of real hardware send the same
 * methods through a channel.
 */
#define NVGRACE_GPU_CE0			0x40000

#define NV_CE_NOP			0x100
#define NV_CE_SET_SEMAPHORE_A		0x240		/* address 56:32 */
#define NV_CE_SET_SEMAPHORE_B		0x244		/* address 31:0 */
#define NV_CE_SET_SEMAPHORE_PAYLOAD	0x248
#define NV_CE_SET_SEMAPHORE_PAYLOAD_UPPER 0x24c
#define NV_CE_SET_SRC_PHYS_MODE		0x260
#define NV_CE_SET_DST_PHYS_MODE		0x264
#define  NV_CE_PHYS_MODE_TARGET		0x3
#define   NV_CE_PHYS_MODE_LOCAL_FB	0		/* offset in the function's framebuffer */
#define   NV_CE_PHYS_MODE_COHERENT_SYSMEM 1		/* DMA address, translated by the IOMMU */
#define   NV_CE_PHYS_MODE_NONCOHERENT_SYSMEM 2	/* this and the next: channels only */
#define   NV_CE_PHYS_MODE_PEER		3		/* peer 7: offset in EGM */
#define  NV_CE_PHYS_MODE_PEER_ID	0x1c0
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
#define  NV_CE_LAUNCH_FLUSH_GL		0x02000000	/* flush type; the model's memory needs no flush */
#define  NV_CE_LAUNCH_DISABLE_PLC	0x04000000	/* no effect */
#define  NV_CE_LAUNCH_SEM_64BIT		0x08000000	/* payload of 8 bytes */
#define NV_CE_OFFSET_IN_UPPER		0x400
#define NV_CE_OFFSET_IN_LOWER		0x404
#define NV_CE_OFFSET_OUT_UPPER		0x408
#define NV_CE_OFFSET_OUT_LOWER		0x40c
#define NV_CE_PITCH_IN			0x410
#define NV_CE_PITCH_OUT			0x414
#define NV_CE_LINE_LENGTH_IN		0x418		/* bytes; with REMAP: elements, all their components */
#define NV_CE_LINE_COUNT		0x41c
#define NV_CE_SET_REMAP_CONST_A		0x700
#define NV_CE_SET_REMAP_CONST_B		0x704
#define NV_CE_SET_REMAP_COMPONENTS	0x708
#define  NV_CE_REMAP_DST		0x7		/* of component X; Y, Z, W: 4, 8, 12 bits higher */
#define   NV_CE_REMAP_CONST_A		4
#define   NV_CE_REMAP_CONST_B		5
#define  NV_CE_REMAP_SIZE		0x00030000	/* bytes of a component, minus one */
#define  NV_CE_REMAP_DST_NR		0x03000000	/* components, minus one */
#define  NV_CE_REMAP_CONST_A_4BYTES	0x00030004	/* DST_X = CONST_A, 4 bytes, one component */

/* Model only: state of copy engine 0 */
#define NVGRACE_GPU_CE0_STATUS		(NVGRACE_GPU_CE0 + 0xf00)
#define  NVGRACE_GPU_CE0_BUSY		0x1
#define  NVGRACE_GPU_CE0_FAULTED	0x2		/* the last launch ended with a fault */
#define  NVGRACE_GPU_CE0_DROPPED	0x4		/* a launch came while busy, or was not understood; cleared by the next good launch */
#define NVGRACE_GPU_CE0_COMPLETED	(NVGRACE_GPU_CE0 + 0xf04)	/* launches ended, with a fault or without, modulo 2^32 */

#endif
