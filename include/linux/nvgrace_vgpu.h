/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GPU's core driver: what drivers on top of it call.
 *
 * The core driver (nvgrace-vgpu) binds the PF of a GPU and offers what the GPU has:
 * framebuffer, channels, copy engines. Drivers on top bind auxiliary devices:
 *
 *	nvgrace_vgpu.vgpu	the GPU's resources, for what runs virtual GPUs
 *	nvgrace_vgpu.fwctl	the same GPU, for the tool that configures it
 *
 * Both are there from the GPU's first start until the core driver leaves the PF. A
 * driver's remove() is its last chance: when it returns, all that it holds must be
 * given back.
 *
 * The GPU can be lost in between: its firmware crashes, the PF is reset, the host
 * sleeps. Then each handle stays valid but is dead: its calls return -EIO, and it is
 * given back as ever. After a reset the same GPU works again, with new handles
 * (&NVGRACE_VGPU_EVENT_READY); its framebuffer's content is not what it was.
 *
 * Unless said otherwise functions may sleep. Errors that all of them return:
 *
 *	-EIO	the GPU is lost, or the handle is from before it was
 *	-ENOMEM	no host memory
 *	-ETIMEDOUT	the GPU did not answer in time
 */
#ifndef __LINUX_NVGRACE_VGPU_H
#define __LINUX_NVGRACE_VGPU_H

#include <linux/types.h>

struct auxiliary_device;
struct dma_fence;
struct notifier_block;
struct nvgrace_vgpu;
struct nvgrace_vgpu_ce;

/* Names that an auxiliary driver matches. Functions are in the namespace NVGRACE_VGPU */
#define NVGRACE_VGPU_AUX_VGPU	"nvgrace_vgpu.vgpu"
#define NVGRACE_VGPU_AUX_FWCTL	"nvgrace_vgpu.fwctl"

#define NVGRACE_VGPU_MAX_CES	20

/**
 * enum nvgrace_vgpu_space - What an address of the GPU counts in
 * @NVGRACE_VGPU_FB: framebuffer: bytes from its begin
 * @NVGRACE_VGPU_SYSMEM: host memory: a DMA address of the PF's struct device
 * @NVGRACE_VGPU_EGM: extended GPU memory: bytes from the begin of the socket's region
 * @NVGRACE_VGPU_VA: virtual: an address of nvgrace_vgpu_ce_map() in the same context
 */
enum nvgrace_vgpu_space {
	NVGRACE_VGPU_FB,
	NVGRACE_VGPU_SYSMEM,
	NVGRACE_VGPU_EGM,
	NVGRACE_VGPU_VA,
};

/**
 * struct nvgrace_vgpu_addr - An address of the GPU
 * @space: what @addr counts in
 * @addr: in bytes
 */
struct nvgrace_vgpu_addr {
	enum nvgrace_vgpu_space space;
	u64 addr;
};

/**
 * struct nvgrace_vgpu_info - What a GPU has
 * @name: of the product
 * @dma_dev: the PF, for the DMA addresses of %NVGRACE_VGPU_SYSMEM
 * @fb_size: framebuffer, in bytes, firmware's own included
 * @segment_size: in bytes: unit in which the GPU gives framebuffer to a VF
 * @nr_ces: copy engines, at most %NVGRACE_VGPU_MAX_CES; they are 0 to @nr_ces - 1
 * @nr_chids: channel ids, the core driver's own included
 * @total_vfs: VFs that the PF can have
 * @vgpu: the GPU was started so that VFs can be virtual GPUs
 * @egm: %NVGRACE_VGPU_EGM can be used
 */
struct nvgrace_vgpu_info {
	char name[64];
	struct device *dma_dev;
	u64 fb_size;
	u64 segment_size;
	unsigned int nr_ces;
	unsigned int nr_chids;
	unsigned int total_vfs;
	bool vgpu;
	bool egm;
};

/**
 * enum nvgrace_vgpu_event - What happens to a GPU
 * @NVGRACE_VGPU_EVENT_STOP: it is about to stop, for a reset or sleep, and may be lost
 *	already: what was submitted and does not end before the notifier returns, fails.
 *	Nobody may touch a mapping of nvgrace_vgpu_bar1_map() when it has returned: from
 *	the reset on such a mapping shows framebuffer that is another's
 * @NVGRACE_VGPU_EVENT_LOST: it is gone; all handles are dead. Can be told twice
 * @NVGRACE_VGPU_EVENT_READY: it works again; nothing of before does
 */
enum nvgrace_vgpu_event {
	NVGRACE_VGPU_EVENT_STOP,
	NVGRACE_VGPU_EVENT_LOST,
	NVGRACE_VGPU_EVENT_READY,
};

struct nvgrace_vgpu *nvgrace_vgpu_from_auxdev(struct auxiliary_device *auxdev);
int nvgrace_vgpu_get_info(struct nvgrace_vgpu *vgpu, struct nvgrace_vgpu_info *info);
int nvgrace_vgpu_register_notifier(struct nvgrace_vgpu *vgpu, struct notifier_block *nb);
void nvgrace_vgpu_unregister_notifier(struct nvgrace_vgpu *vgpu, struct notifier_block *nb);

/**
 * struct nvgrace_vgpu_fb - Framebuffer memory, contiguous
 * @addr: first byte, counted from the framebuffer's begin
 * @size: in bytes
 */
struct nvgrace_vgpu_fb {
	u64 addr;
	u64 size;
	/* private: */
	void *mem;
};

struct nvgrace_vgpu_fb *nvgrace_vgpu_fb_alloc(struct nvgrace_vgpu *vgpu, u64 size, u64 align);
void nvgrace_vgpu_fb_free(struct nvgrace_vgpu *vgpu, struct nvgrace_vgpu_fb *fb);

void __iomem *nvgrace_vgpu_bar1_map(struct nvgrace_vgpu *vgpu, u64 addr, u64 size);
void nvgrace_vgpu_bar1_unmap(struct nvgrace_vgpu *vgpu, void __iomem *map, u64 size);

int nvgrace_vgpu_chids_reserve(struct nvgrace_vgpu *vgpu, unsigned int count,
			       unsigned int *first);
void nvgrace_vgpu_chids_release(struct nvgrace_vgpu *vgpu, unsigned int first,
				unsigned int count);

#define NVGRACE_VGPU_ANY	(-1)	/* engine or channel id: the core driver chooses */

/**
 * enum nvgrace_vgpu_fault_kind - Why a context ended
 * @NVGRACE_VGPU_FAULT_NONE: it did not
 * @NVGRACE_VGPU_FAULT_MMU: it used an address that does not translate, or an IOMMU
 *	refused the access
 * @NVGRACE_VGPU_FAULT_HOST: the GPU could not read or understand what was submitted
 * @NVGRACE_VGPU_FAULT_ENGINE: its engine reported an error
 * @NVGRACE_VGPU_FAULT_HANG: it did not get on, and was taken off its engine
 * @NVGRACE_VGPU_FAULT_LOST: the whole GPU was lost, reset or stopped
 */
enum nvgrace_vgpu_fault_kind {
	NVGRACE_VGPU_FAULT_NONE,
	NVGRACE_VGPU_FAULT_MMU,
	NVGRACE_VGPU_FAULT_HOST,
	NVGRACE_VGPU_FAULT_ENGINE,
	NVGRACE_VGPU_FAULT_HANG,
	NVGRACE_VGPU_FAULT_LOST,
};

/**
 * struct nvgrace_vgpu_fault - Why a context ended, in detail
 * @kind: the cause
 * @chid: channel id of the context
 * @engine: copy engine of the context
 * @error: number of the error that the GPU gave, the one in its Xid message; 0: none
 * @has_addr: @addr, @type, @write and @physical are known
 * @write: the access was a write
 * @physical: @addr is not virtual
 * @type: why the address did not translate: the GPU's number (2: no page there)
 * @addr: the address, of which the GPU tells the 4 KiB page
 */
struct nvgrace_vgpu_fault {
	enum nvgrace_vgpu_fault_kind kind;
	unsigned int chid;
	unsigned int engine;
	u32 error;
	bool has_addr;
	bool write;
	bool physical;
	u8 type;
	u64 addr;
};

/**
 * struct nvgrace_vgpu_ce_config - What a copy-engine context shall be
 * @engine: number of the copy engine, or %NVGRACE_VGPU_ANY
 * @chid: a channel id out of a slice that the caller reserved, or %NVGRACE_VGPU_ANY
 */
struct nvgrace_vgpu_ce_config {
	int engine;
	int chid;
};

#define NVGRACE_VGPU_MAP_WRITE	0x1	/* the context may write there, too */

struct nvgrace_vgpu_ce *nvgrace_vgpu_ce_create(struct nvgrace_vgpu *vgpu,
					       const struct nvgrace_vgpu_ce_config *config);
void nvgrace_vgpu_ce_destroy(struct nvgrace_vgpu_ce *ce);
unsigned int nvgrace_vgpu_ce_engine(struct nvgrace_vgpu_ce *ce);
unsigned int nvgrace_vgpu_ce_chid(struct nvgrace_vgpu_ce *ce);
void nvgrace_vgpu_ce_fault(struct nvgrace_vgpu_ce *ce, struct nvgrace_vgpu_fault *fault);

int nvgrace_vgpu_ce_map(struct nvgrace_vgpu_ce *ce, enum nvgrace_vgpu_space space, u64 addr,
			u64 size, unsigned int flags, u64 *va);
void nvgrace_vgpu_ce_unmap(struct nvgrace_vgpu_ce *ce, u64 va, u64 size);

struct dma_fence *nvgrace_vgpu_ce_copy_async(struct nvgrace_vgpu_ce *ce,
					     struct nvgrace_vgpu_addr dst,
					     struct nvgrace_vgpu_addr src, u64 size);
struct dma_fence *nvgrace_vgpu_ce_fill_async(struct nvgrace_vgpu_ce *ce,
					     struct nvgrace_vgpu_addr dst, u8 byte, u64 size);
int nvgrace_vgpu_ce_copy(struct nvgrace_vgpu_ce *ce, struct nvgrace_vgpu_addr dst,
			 struct nvgrace_vgpu_addr src, u64 size);
int nvgrace_vgpu_ce_fill(struct nvgrace_vgpu_ce *ce, struct nvgrace_vgpu_addr dst, u8 byte,
			 u64 size);
int nvgrace_vgpu_ce_preempt(struct nvgrace_vgpu_ce *ce);
int nvgrace_vgpu_ce_resume(struct nvgrace_vgpu_ce *ce);

#endif
