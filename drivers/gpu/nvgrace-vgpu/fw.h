/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rest of the driver asks of the firmware, and what the firmware tells it,
 * in terms that outlive a version of the firmware. The layouts of one version are
 * private to its file (fw_r570.c).
 *
 * All functions may sleep, and return 0 (those that fill an array: how many) or a negative
 * errno: that of nvg_rpc_call(), or what RM's status says (nvg_rm_errno()).
 */
#ifndef NVGRACE_VGPU_FW_H
#define NVGRACE_VGPU_FW_H

#include <linux/types.h>

struct nvg_gpu;

/* Classes of Blackwell (GB10x) */
#define NVG_CLASS_GPFIFO	0xc96f
#define NVG_CLASS_COPY		0xc9b5

#define NVG_NO_VECTOR		0xffffffffU
#define NVG_MAX_REGIONS		16

/**
 * struct nvg_fb_region - a range of the framebuffer
 * @start: first byte
 * @end: first byte behind it
 * @usable: by the driver; all else belongs to the firmware or to the VFs
 */
struct nvg_fb_region {
	u64 start;
	u64 end;
	bool usable;
};

/**
 * struct nvg_static_info - what does not change while the firmware runs
 * @name: of the GPU, for people
 * @fb_length: bytes of framebuffer
 * @nr_regions: how many of @region are valid
 * @region: of the framebuffer, within @fb_length, in no order
 */
struct nvg_static_info {
	char name[64];
	u64 fb_length;
	unsigned int nr_regions;
	struct nvg_fb_region region[NVG_MAX_REGIONS];
};

/**
 * struct nvg_engine_info - a row of the device info table
 * @name: of the engine
 * @rm_type: RM's number for it (nvg_engine_copy())
 * @runlist: number of the runlist that feeds it
 * @fault_id: of the engine in entries of the fault buffer
 * @pbdma_fault_id: of its PBDMA there
 * @mc: its index in the interrupt table (struct nvg_intr_info)
 * @runlist_base: registers of the runlist, in BAR 0
 * @chram_base: of the channels' states, in BAR 0
 * @host_driven: it takes work from channels; if not, the runlist fields mean nothing
 */
struct nvg_engine_info {
	char name[16];
	u32 rm_type;
	u32 runlist;
	u32 fault_id;
	u32 pbdma_fault_id;
	u32 mc;
	u32 runlist_base;
	u32 chram_base;
	bool host_driven;
};

/**
 * struct nvg_intr_info - a row of the interrupt table
 * @mc: index of the unit (struct nvg_engine_info)
 * @stall: vector that halts the unit until it is served, or NVG_NO_VECTOR
 * @nonstall: vector that does not, or NVG_NO_VECTOR
 */
struct nvg_intr_info {
	u16 mc;
	u32 stall;
	u32 nonstall;
};

/**
 * nvg_engine_copy - RM's engine type of a copy engine
 * @instance: 0 to 19; the types are in two rows
 *
 * Return: the type.
 */
static inline u32 nvg_engine_copy(unsigned int instance)
{
	return instance < 10 ? 0x9 + instance : 0x34 + instance - 10;
}

#define NVG_MAX_CES		20	/* that GB100 can have */

#define NVG_CE_SYSMEM		0x0020
#define NVG_CE_SCRUB		0x4000

/**
 * struct nvg_ce_caps - what the copy engines are able to do
 * @present: bit i: copy engine i exists
 * @caps: of each, NVG_CE_*
 */
struct nvg_ce_caps {
	u64 present;
	u16 caps[NVG_MAX_CES];
};

/**
 * struct nvg_mem_desc - memory that the firmware or an engine is given
 * @addr: in the framebuffer, or a DMA address
 * @size: bytes
 * @sysmem: @addr is a DMA address
 */
struct nvg_mem_desc {
	u64 addr;
	u64 size;
	bool sysmem;
};

/**
 * struct nvg_fw_channel - a channel as the firmware knows it
 * @handle: of the channel (set by nvg_fw_channel_alloc())
 * @tsg: of its group, which has no other channel (set likewise); nvg_rm_free() of it ends
 *	the channel, with its objects
 * @chid: number of the channel in its runlist
 * @engine_type: nvg_engine_copy()
 * @vaspace: handle of the address space (nvg_fw_vaspace_alloc())
 * @gpfifo: GPU virtual address of the ring of GP entries
 * @entries: of that ring, a power of two
 * @inst: instance block, 4 KiB of zeroes
 * @userd: 512 bytes of zeroes
 * @method_buffer: as large as nvg_fw_method_buffer_size() says
 * @notifier: error notifier, 16 bytes; size 0 for none
 */
struct nvg_fw_channel {
	u32 handle;
	u32 tsg;
	u32 chid;
	u32 engine_type;
	u32 vaspace;
	u64 gpfifo;
	u32 entries;
	struct nvg_mem_desc inst;
	struct nvg_mem_desc userd;
	struct nvg_mem_desc method_buffer;
	struct nvg_mem_desc notifier;
};

/**
 * struct nvg_rc - the firmware took a channel off its engine (robust channel error)
 * @chid: number of the channel
 * @gfid: function that it belongs to; 0: the PF
 * @engine_type: nvg_engine_copy(): its runlist
 * @type: what happened: 31 MMU fault, 32 PBDMA, 39 + i copy engine i, 109 timeout
 * @has_addr: @fault_addr and @fault_type are told
 * @fault_addr: GPU virtual address of an MMU fault
 * @fault_type: of an MMU fault
 */
struct nvg_rc {
	u32 chid;
	u32 gfid;
	u32 engine_type;
	u32 type;
	bool has_addr;
	u64 fault_addr;
	u32 fault_type;
};

/* Boot and end */
int nvg_fw_set_system_info(struct nvg_gpu *gpu);
int nvg_fw_set_registry(struct nvg_gpu *gpu);
int nvg_fw_get_static_info(struct nvg_gpu *gpu, struct nvg_static_info *info);
int nvg_fw_unload(struct nvg_gpu *gpu, bool suspend);

/* Objects that each client has: called by nvg_rm_init() */
int nvg_fw_root_alloc(struct nvg_gpu *gpu);

/* What the GPU has */
int nvg_fw_device_info(struct nvg_gpu *gpu, struct nvg_engine_info *engines, unsigned int max);
int nvg_fw_intr_table(struct nvg_gpu *gpu, struct nvg_intr_info *intrs, unsigned int max);
int nvg_fw_vmmu_segment_size(struct nvg_gpu *gpu, u64 *size);
int nvg_fw_ce_caps(struct nvg_gpu *gpu, struct nvg_ce_caps *caps);
int nvg_fw_method_buffer_size(struct nvg_gpu *gpu, u32 *size);
int nvg_fw_num_channels(struct nvg_gpu *gpu, u32 runlist, u32 *count);
int nvg_fw_egm(struct nvg_gpu *gpu, bool *present, u32 *peer);
int nvg_fw_set_egm_peer(struct nvg_gpu *gpu, u32 peer);
int nvg_fw_offlined_pages(struct nvg_gpu *gpu, u64 *addr, unsigned int max);

/* Memory and channels */
int nvg_fw_update_bar1(struct nvg_gpu *gpu, u64 pde);
int nvg_fw_vaspace_alloc(struct nvg_gpu *gpu, u32 *handle, u64 pdb);
int nvg_fw_channel_alloc(struct nvg_gpu *gpu, struct nvg_fw_channel *chan);
int nvg_fw_channel_object(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan, u32 class);
int nvg_fw_channel_schedule(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan, bool enable);
int nvg_fw_channel_token(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan, u32 *token);
int nvg_fw_channel_preempt(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan,
			   unsigned int timeout_us);

/* Events, from rpc.c's ordered workqueue */
void nvg_fw_event(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len);

#endif
