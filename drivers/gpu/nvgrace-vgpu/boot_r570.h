/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What GSP reads from memory when it boots, as firmware 570.144 wants it. All little
 * endian; the names say what a field means. Only gsp.c includes this.
 */
#ifndef NVGRACE_VGPU_BOOT_R570_H
#define NVGRACE_VGPU_BOOT_R570_H

#include <linux/types.h>

#define R570_TARGET_COHERENT	1
#define R570_TARGET_NONCOHERENT	2

/* Parameters of FMC */
struct r570_fmc_params {
	__le32 registry_keys;
	__le32 reserved0;
	struct {
		__le32 target;
		__le32 size;
		__le64 addr;
		__le64 carveout;
		__le32 carveout_size;
		u8 is_gsp_rm;
		u8 reserved[3];
	} wpr_meta;
	struct {
		__le32 target;
		__le32 reserved;
		__le64 addr;
	} libos_args;
	struct {
		__le32 target;
		__le32 reserved0;
		__le64 addr;
		__le32 size;
		__le32 reserved1;
	} spdm;
};

static_assert(sizeof(struct r570_fmc_params) == 80);

#define R570_WPR_META_MAGIC	0xdc3aae21371a60b3ULL
#define R570_WPR_META_REVISION	1

/*
 * Where the firmware's images lie in system memory, and where all of it goes in the
 * framebuffer
 */
struct r570_wpr_meta {
	__le64 magic;
	__le64 revision;
	__le64 radix3;
	__le64 radix3_size;
	__le64 bootloader;
	__le64 bootloader_size;
	__le64 bootloader_code;
	__le64 bootloader_data;
	__le64 bootloader_manifest;
	__le64 signature;
	__le64 signature_size;
	__le64 reserved_start;
	__le64 non_wpr_heap;
	__le64 non_wpr_heap_size;
	__le64 wpr_start;
	__le64 heap;
	__le64 heap_size;
	__le64 elf;
	__le64 boot_bin;
	__le64 frts;
	__le64 frts_size;
	__le64 wpr_end;
	__le64 fb_size;
	__le64 vga;
	__le64 vga_size;
	__le64 boot_count;
	u8 reserved[32];
	u8 vf_partitions;
	u8 flags;
	u8 reserved1[2];
	__le32 pmu_reserved;
	__le64 verified;
};

static_assert(sizeof(struct r570_wpr_meta) == 256);
static_assert(offsetof(struct r570_wpr_meta, signature) == 72);
static_assert(offsetof(struct r570_wpr_meta, wpr_end) == 168);
static_assert(offsetof(struct r570_wpr_meta, vf_partitions) == 240);

/* A buffer that the firmware's kernel (libos) is given */
struct r570_libos_arg {
	__le64 id;		/* name, its first letter in the highest byte */
	__le64 addr;
	__le64 size;
	u8 kind;
	u8 location;
	u8 reserved[6];
};

#define R570_LIBOS_CONTIGUOUS	1
#define R570_LIBOS_SYSMEM	1

static_assert(sizeof(struct r570_libos_arg) == 32);

/* Arguments of RM */
struct r570_rmargs {
	__le64 shared_mem;
	__le32 pte_count;
	__le32 reserved0;
	__le64 cmdq;
	__le64 statq;
	__le32 old_level;	/* of a resume; 0: a boot from scratch */
	__le32 flags;
	u8 in_pm_transition;
	u8 reserved1[3];
	__le32 gpu_instance;
	u8 dmem_stack;
	u8 reserved2[7];
	__le64 profiler;
	__le64 profiler_size;
};

static_assert(sizeof(struct r570_rmargs) == 72);

/* Head of a log buffer: what was written so far, then the buffer's pages */
struct r570_log {
	__le64 put;
	__le64 page[];
};

#endif
