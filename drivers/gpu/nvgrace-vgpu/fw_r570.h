/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What firmware 570.144 reads and writes in messages: numbers and layouts. All little
 * endian, padding spelled out. Private to fw_r570.c and rm.c; another version of the
 * firmware has another such file.
 */
#ifndef NVGRACE_VGPU_FW_R570_H
#define NVGRACE_VGPU_FW_R570_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* Functions */
#define R570_FN_FREE			10
#define R570_FN_UNLOADING_GUEST_DRIVER	47
#define R570_FN_GET_GSP_STATIC_INFO	65
#define R570_FN_UPDATE_BAR_PDE		70
#define R570_FN_SET_SYSTEM_INFO		72
#define R570_FN_SET_REGISTRY		73
#define R570_FN_RM_CONTROL		76
#define R570_FN_RM_ALLOC		103

/* Events */
#define R570_EVENT_RC_TRIGGERED		0x1004
#define R570_EVENT_MMU_FAULT_QUEUED	0x1005
#define R570_EVENT_OS_ERROR_LOG		0x1006

/* Classes with parameters; those of GB10x are in fw.h */
#define R570_CLASS_ROOT			0x0000
#define R570_CLASS_DEVICE		0x0080
#define R570_CLASS_SUBDEVICE		0x2080
#define R570_CLASS_VASPACE		0x90f1
#define R570_CLASS_CHANNEL_GROUP	0xa06c

/* Controls */
#define R570_GPU_GET_INFO_V2		0x20800102
#define R570_GPU_VMMU_SEGMENT_SIZE	0x2080017e
#define R570_INTR_KERNEL_TABLE		0x20800a5c
#define R570_FIFO_NUM_CHANNELS		0x20800a61
#define R570_HSHUB_EGM_CONFIG		0x20800a8d
#define R570_FIFO_DEVICE_INFO_TABLE	0x20801112
#define R570_FB_OFFLINED_PAGES		0x20801348
#define R570_CE_ALL_CAPS		0x20802a0a
#define R570_CE_METHOD_BUFFER_SIZE	0x20802a08
#define R570_DMA_SET_PAGE_DIRECTORY	0x00801813
#define R570_GROUP_PREEMPT		0xa06c0105
#define R570_CHANNEL_SCHEDULE		0xa06f0103
#define R570_CHANNEL_BIND		0xa06f0104
#define R570_CHANNEL_TOKEN		0xc36f0108

/*
 * Boot and end
 */

struct r570_vf_info {
	__le32 total_vfs;
	__le32 first_vf_offset;
	__le64 bar[3];		/* of the first VF */
	u8 bar_64bit[3];
	u8 pad[5];
};

struct r570_system_info {
	__le64 bar0;
	__le64 bar1;
	__le64 bar2;
	__le64 io;
	__le64 dbdf;
	__le64 sim_access;
	__le64 notify_surface;
	__le64 pcie_atomics;
	__le64 console_size;
	__le64 max_user_va;
	__le32 config_mirror_base;
	__le32 config_mirror_size;
	__le32 pci_device;	/* device 31:16, vendor 15:0 */
	__le32 pci_subdevice;
	__le32 pci_revision;
	__le32 atomics_completer;
	u8 chipset[56];
	u8 acpi[676];
	__le32 hypervisor;
	u8 is_passthrough;
	u8 pad0[7];
	__le64 timer_offset;
	struct r570_vf_info vf;
	u8 is_primary;
	u8 is_grid_build;
	u8 pad1[2];
	__le32 link_cap;
	__le32 grid_csp;
	u8 preserve_video_memory;
	u8 tdr_event;
	u8 feature_stretch;
	u8 dynamic_granularity;
	u8 clock_boost;
	u8 route_display_intr;
	u8 pad2[6];
	__le64 host_page_size;
};

static_assert(sizeof(struct r570_vf_info) == 40);
static_assert(offsetof(struct r570_vf_info, bar_64bit) == 32);
static_assert(sizeof(struct r570_system_info) == 928);
static_assert(offsetof(struct r570_system_info, dbdf) == 32);
static_assert(offsetof(struct r570_system_info, max_user_va) == 72);
static_assert(offsetof(struct r570_system_info, pci_device) == 88);
static_assert(offsetof(struct r570_system_info, acpi) == 160);
static_assert(offsetof(struct r570_system_info, hypervisor) == 836);
static_assert(offsetof(struct r570_system_info, is_passthrough) == 840);
static_assert(offsetof(struct r570_system_info, vf) == 856);
static_assert(offsetof(struct r570_system_info, is_primary) == 896);
static_assert(offsetof(struct r570_system_info, host_page_size) == 920);

#define R570_REGISTRY_DWORD	1

struct r570_registry_entry {
	__le32 name;		/* offset of a string with its NUL, in bytes */
	u8 type;
	u8 pad[3];
	__le32 data;
	__le32 len;
};

struct r570_registry {
	__le32 size;
	__le32 count;
	struct r570_registry_entry entries[];
};

static_assert(sizeof(struct r570_registry_entry) == 16);
static_assert(sizeof(struct r570_registry) == 8);

#define R570_MAX_REGIONS	16

struct r570_fb_region {
	__le64 base;
	__le64 limit;		/* last byte */
	__le64 reserved;	/* bytes */
	__le32 performance;
	u8 compressed;
	u8 iso;
	u8 is_protected;
	u8 blacklist[17];
};

struct r570_static_info {
	u8 caps[344];
	__le32 nr_regions;
	__le32 pad0;
	struct r570_fb_region region[R570_MAX_REGIONS];
	u8 sriov_caps[80];
	__le32 max_gfid;
	__le32 engine_caps[3];
	u8 poison_fuse;
	u8 pad1[7];
	__le64 fb_length;
	u8 memory[28];
	u8 name[64];
	u8 names[212];		/* short and in UTF-16, and flags */
	__le64 bar1_pde_base;
	__le64 bar2_pde_base;
	u8 vbios[48];
	__le32 client;
	__le32 device;
	__le32 subdevice;
	u8 self_hosted;
	u8 ats;
	u8 rest[42];
};

static_assert(sizeof(struct r570_fb_region) == 48);
static_assert(sizeof(struct r570_static_info) == 1656);
static_assert(offsetof(struct r570_static_info, nr_regions) == 344);
static_assert(offsetof(struct r570_static_info, region) == 352);
static_assert(offsetof(struct r570_static_info, max_gfid) == 1200);
static_assert(offsetof(struct r570_static_info, fb_length) == 1224);
static_assert(offsetof(struct r570_static_info, name) == 1260);
static_assert(offsetof(struct r570_static_info, bar1_pde_base) == 1536);
static_assert(offsetof(struct r570_static_info, client) == 1600);
static_assert(offsetof(struct r570_static_info, self_hosted) == 1612);

#define R570_POWER_LEVEL_SUSPEND	3

struct r570_unloading {
	u8 in_pm_transition;
	u8 gc6_entering;
	u8 pad[2];
	__le32 new_level;
};

static_assert(sizeof(struct r570_unloading) == 8);

#define R570_BAR1		0
#define R570_BAR_ROOT_SHIFT	56	/* v3 page tables: bits of VA below an entry of the root */

struct r570_update_bar_pde {
	__le32 bar;
	__le32 pad;
	__le64 entry;
	__le64 level_shift;
};

static_assert(sizeof(struct r570_update_bar_pde) == 24);

/*
 * RM: the three messages, and parameters of classes
 */

struct r570_rm_alloc {
	__le32 client;
	__le32 parent;
	__le32 object;
	__le32 class;
	__le32 status;
	__le32 size;
	__le32 flags;
	__le32 reserved;
	u8 params[];
};

struct r570_rm_control {
	__le32 client;
	__le32 object;
	__le32 cmd;
	__le32 status;
	__le32 size;
	__le32 flags;
	u8 params[];
};

struct r570_rm_free {
	__le32 root;
	__le32 parent;
	__le32 object;
	__le32 status;
};

static_assert(sizeof(struct r570_rm_alloc) == 32);
static_assert(sizeof(struct r570_rm_control) == 24);
static_assert(sizeof(struct r570_rm_free) == 16);

struct r570_root {
	__le32 client;
	__le32 pid;
	u8 name[100];
	__le32 pad;
	__le64 pid_info;
};

struct r570_device {
	__le32 id;
	__le32 client_share;
	__le32 target_client;
	__le32 target_device;
	__le32 flags;
	__le32 pad0;
	__le64 va_size;
	__le64 va_start;
	__le64 va_limit;
	__le32 va_mode;
	__le32 pad1;
};

struct r570_subdevice {
	__le32 id;
};

#define R570_VASPACE_EXTERNALLY_OWNED	BIT(3)

struct r570_vaspace {
	__le32 index;
	__le32 flags;
	__le64 size;
	__le64 start;
	__le64 limit;
	__le32 big_page_size;
	__le32 pad;
	__le64 base;
};

struct r570_channel_group {
	__le32 error;
	__le32 ecc_error;
	__le32 vaspace;
	__le32 engine_type;
	u8 is_plugin;
	u8 pad[3];
};

#define R570_SPACE_SYSMEM	1
#define R570_SPACE_FB		2

struct r570_mem_desc {
	__le64 base;
	__le64 size;
	__le32 space;
	__le32 cache;
};

#define R570_CHANNEL_PRIVILEGED		BIT(5)
#define R570_CHANNEL_ADMIN		1
#define R570_CHANNEL_NOTIFIER_NONE	0x04
#define R570_CHANNEL_NOTIFIER_MEMORY	0x0c
#define R570_CHANNEL_ECC_NOTIFIER_NONE	0x10

struct r570_channel {
	__le32 error;
	__le32 buffer;
	__le64 gpfifo;
	__le32 entries;
	__le32 flags;
	__le32 context_share;
	__le32 vaspace;
	__le32 userd_handle[8];
	__le64 userd_offset[8];
	__le32 engine_type;
	__le32 chid;
	__le32 subdevice;
	__le32 ecc_error;
	struct r570_mem_desc inst;
	struct r570_mem_desc userd;
	struct r570_mem_desc ramfc;
	struct r570_mem_desc method_buffer;
	__le32 group;
	__le32 internal_flags;
	struct r570_mem_desc notifier;
	struct r570_mem_desc ecc_notifier;
	__le32 pid;
	__le32 sub_pid;
	u8 confidential[56];
	__le32 tpc_config;
	__le32 pad;
};

#define R570_COPY_VERSION	1

struct r570_copy {
	__le32 version;
	__le32 engine_type;
};

static_assert(sizeof(struct r570_root) == 120);
static_assert(sizeof(struct r570_device) == 56);
static_assert(sizeof(struct r570_vaspace) == 48);
static_assert(sizeof(struct r570_channel_group) == 20);
static_assert(sizeof(struct r570_mem_desc) == 24);
static_assert(sizeof(struct r570_channel) == 368);
static_assert(offsetof(struct r570_channel, userd_offset) == 64);
static_assert(offsetof(struct r570_channel, engine_type) == 128);
static_assert(offsetof(struct r570_channel, inst) == 144);
static_assert(offsetof(struct r570_channel, method_buffer) == 216);
static_assert(offsetof(struct r570_channel, internal_flags) == 244);
static_assert(offsetof(struct r570_channel, notifier) == 248);
static_assert(offsetof(struct r570_channel, tpc_config) == 360);

/*
 * Parameters of controls
 */

#define R570_GPU_INFO_ENTRIES		65
#define R570_GPU_INFO_EGM		0x3a
#define R570_GPU_INFO_EGM_PRESENT	BIT(0)
#define R570_GPU_INFO_EGM_PEER		GENMASK(31, 1)

struct r570_gpu_info {
	__le32 count;
	struct {
		__le32 index;
		__le32 data;
	} entries[R570_GPU_INFO_ENTRIES];
};

struct r570_intr_table {
	__le32 count;
	struct {
		__le16 mc;
		__le16 pad;
		__le32 mask;
		__le32 stall;
		__le32 nonstall;
	} entries[128];
	u8 subtrees[14];
	u8 pad[2];
};

struct r570_num_channels {
	__le32 runlist;
	__le32 count;
};

/* Indexes of data in a row of the device info table */
#define R570_DEVICE_RM_TYPE		2
#define R570_DEVICE_RUNLIST		3
#define R570_DEVICE_FAULT_ID		4
#define R570_DEVICE_MC			8
#define R570_DEVICE_RUNLIST_BASE	11
#define R570_DEVICE_HOST_DRIVEN		12
#define R570_DEVICE_CHRAM_BASE		14
#define R570_DEVICE_ROWS		32

struct r570_device_row {
	__le32 data[16];
	__le32 pbdma[2];
	__le32 pbdma_fault[2];
	__le32 nr_pbdma;
	u8 name[16];
};

struct r570_device_table {
	__le32 base;
	__le32 count;
	u8 more;
	u8 pad[3];
	struct r570_device_row rows[R570_DEVICE_ROWS];
};

#define R570_OFFLINED_PAGE_SHIFT	12
#define R570_OFFLINED_ROWS		64

struct r570_offlined_pages {
	struct {
		__le64 page;
		u8 source;
		u8 pad[7];
	} rows[R570_OFFLINED_ROWS];
	__le32 count;
	__le32 base;
	u8 more;
	u8 pad[7];
};

struct r570_ce_caps {
	u8 caps[64][2];
	__le64 present;
};

#define R570_PAGE_DIRECTORY_SYSMEM	1	/* coherent; 0: framebuffer */
#define R570_PAGE_DIRECTORY_ENTRIES	2	/* of the root of v3 page tables */

struct r570_page_directory {
	__le64 addr;
	__le32 entries;
	__le32 flags;
	__le32 vaspace;
	__le32 chid;
	__le32 subdevice;
	__le32 pasid;
};

#define R570_PREEMPT_MAX_US		1000000

struct r570_preempt {
	u8 wait;
	u8 manual_timeout;
	u8 pad[2];
	__le32 timeout_us;
};

struct r570_schedule {
	u8 enable;
	u8 skip_submit;
};

static_assert(sizeof(struct r570_gpu_info) == 524);
static_assert(sizeof(struct r570_intr_table) == 2068);
static_assert(sizeof(struct r570_device_row) == 100);
static_assert(sizeof(struct r570_device_table) == 3212);
static_assert(sizeof(struct r570_offlined_pages) == 1040);
static_assert(offsetof(struct r570_offlined_pages, count) == 1024);
static_assert(sizeof(struct r570_page_directory) == 32);
static_assert(sizeof(struct r570_preempt) == 8);

/*
 * Payloads of events
 */

struct r570_rc_triggered {
	__le32 engine_type;
	__le32 chid;
	__le32 gfid;
	__le32 level;
	__le32 type;
	__le32 scope;
	__le16 partition;
	__le16 pad0;
	__le32 fault_addr_lo;
	__le32 fault_addr_hi;
	__le32 fault_type;
	u8 callback_needed;
	u8 pad1[3];
	__le32 journal_size;
};

struct r570_os_error_log {
	__le32 xid;
	__le32 runlist;
	__le32 chid;
	u8 text[256];
	__le32 previous_xid;
};

static_assert(sizeof(struct r570_rc_triggered) == 48);
static_assert(sizeof(struct r570_os_error_log) == 272);
static_assert(sizeof(struct r570_ce_caps) == 136);

#endif
