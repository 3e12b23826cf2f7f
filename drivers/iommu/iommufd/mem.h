/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory objects, private to iommufd.
 *
 * One file per noun:
 *
 *   mem.c         the object and its ioctls
 *   mem_mmap.c    its CPU mappings
 *   mem_device.c  objects that are memory of a bound device
 *   mem_buf.c     memory taken from a region: the dma-buf that owns it, and the
 *                 source of DMA mappings
 *   mem_dma.c     its DMA mappings, dma-bufs for other contexts, restoring
 *   mem_region.c  the registry of regions, who may use them, who does
 *   mem_owner.c   who holds a region, and its devices
 *   mem_pool.c    the free memory of a region
 *   mem_retired.c memory that must not be used
 *   mem_scrub.c   zeroing
 *   mem_extent.c  offset to physical address
 *   mem_sysfs.c   what operators see of a region
 *   mem_debugfs.c what those who debug and measure see of it
 *   mem_trace.h   tracepoints of all of this
 *
 * An object has an ID and a dma-buf; the dma-buf has the memory. Every user of
 * the memory holds the dma-buf: the object, each iopt_pages (so a DMA mapping
 * outlives the object) and each VMA (as its vm_file). The memory goes back to the
 * region when the last of them drops it. A VMA holds the object and the iommufd's
 * file as well.
 *
 * Memory that fails is noted in the pool's set of retired pages, and in whoever has
 * it; it leaves the pool when it comes back.
 *
 * Revoking works through the dma-buf too: the owner of the memory notes it under
 * the dma-buf's reservation lock and has the mappings invalidated; iopt_pages
 * unmap from the IOMMU, CPU mappings are zapped. New mappings of either kind look
 * at the note under the same lock.
 *
 * Order of locks. Left is outside, right is inside:
 *
 *   mmap_lock -> dma_buf::resv
 *   mmap_lock -> iommufd_ctx::mt_mmap -> iommufd_ctx::objects (spinlocks)
 *   dma_buf::resv -> iopt_pages::mutex (of a dma-buf)
 *   dma_buf::resv -> address_space::i_mmap_rwsem
 *   iommufd_mem_region::lock -> dma_buf::resv
 *   mmap_lock -> memory_failure()'s lock of address spaces ->
 *       iommufd_mem_region::lock
 *   vfio_device_set::lock -> an export of a BAR is waited for
 *   an export of a BAR -> vfio_pci_core_device::memory_lock
 *   vfio_pci_core_device::memory_lock -> dma_buf::resv
 *   device_lock, a provider's locks -> iommufd_mem_regions_lock ->
 *       iommufd_mem_region::lock
 *   iommufd_mem_region::lock -> iommu_group::mutex
 *
 * Zeroing happens under none of them.
 */
#ifndef __IOMMUFD_MEM_H
#define __IOMMUFD_MEM_H

#include <linux/cgroup_dmem.h>
#include <linux/dma-buf.h>
#include <linux/iommufd_mem.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/memory-failure.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/iommufd_mem.h>

#include "iommufd_private.h"
#include "mem_extent.h"
#include "mem_pool.h"

struct iopt_pages;
struct iopt_pages_dmabuf;

/**
 * struct iommufd_mem - A memory object
 * @obj: the iommufd object; users counts the VMAs beside the usual
 * @ictx: context that the object is in
 * @type: enum iommu_mem_type
 * @node: NUMA node of the memory, or NUMA_NO_NODE
 * @dmabuf: what owns the memory, NULL until it has been allocated
 * @attach: IOMMU_MEM_TYPE_DEVICE: tells this object when the memory is revoked
 * @device_ops: IOMMU_MEM_TYPE_DEVICE: how to find the physical range
 * @max_block: see struct iommu_mem_info
 * @nr_extents: see struct iommu_mem_info
 * @mmap_start: start in iommufd_ctx::mt_mmap, 0 if there is none
 * @mmap_offset: where the object starts there, in bytes
 * @traced_revoked: IOMMU_MEM_TYPE_DEVICE: what tracepoints told last, under the
 *                  dma-buf's reservation lock
 *
 * Nothing else changes after the object has been finalized.
 */
struct iommufd_mem {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	enum iommu_mem_type type;
	int node;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	const struct iommufd_mem_device_ops *device_ops;
	u64 max_block;
	unsigned int nr_extents;
	unsigned long mmap_start;
	unsigned long mmap_offset;
	bool traced_revoked;
};

static inline struct iommufd_mem *iommufd_get_mem(struct iommufd_ctx *ictx,
						  u32 id)
{
	return container_of(iommufd_get_object(ictx, id, IOMMUFD_OBJ_MEM),
			    struct iommufd_mem, obj);
}

/* Called by the hooks in iommufd's other files */
#ifdef CONFIG_IOMMUFD_MEM
int iommufd_mem_alloc(struct iommufd_ucmd *ucmd);
int iommufd_mem_info(struct iommufd_ucmd *ucmd);
int iommufd_mem_retired(struct iommufd_ucmd *ucmd);
int iommufd_mem_export(struct iommufd_ucmd *ucmd);
void iommufd_mem_destroy(struct iommufd_object *obj);
int iommufd_mem_mmap(struct iommufd_mmap *immap, struct vm_area_struct *vma);
int iommufd_mem_map_dma_buf(struct dma_buf_attachment *attach,
			    struct iopt_pages_dmabuf *dmabuf);
int iopt_map_mem_pages(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
		       unsigned long *iova, u32 mem_id, u64 offset,
		       unsigned long length, int iommu_prot,
		       unsigned int flags);
int iopt_map_mem_uptr(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
		      unsigned long *iova, void __user *uptr,
		      unsigned long length, int iommu_prot, unsigned int flags);
void iopt_restore_dmabuf(struct iopt_pages *pages);
int iommufd_mem_init(void);
void iommufd_mem_exit(void);
int iommufd_mem_init_ctx(struct iommufd_ctx *ictx);
void iommufd_mem_fini_ctx(struct iommufd_ctx *ictx);

/* What a context's devices are claimed under, see mem_owner.c */
static inline void *iommufd_mem_dma_owner(struct iommufd_ctx *ictx)
{
	return ictx->mem_owner;
}
#else
static inline int iommufd_mem_alloc(struct iommufd_ucmd *ucmd)
{
	return -ENOTTY;
}

static inline int iommufd_mem_info(struct iommufd_ucmd *ucmd)
{
	return -ENOTTY;
}

static inline int iommufd_mem_retired(struct iommufd_ucmd *ucmd)
{
	return -ENOTTY;
}

static inline int iommufd_mem_export(struct iommufd_ucmd *ucmd)
{
	return -ENOTTY;
}

static inline void iommufd_mem_destroy(struct iommufd_object *obj)
{
}

static inline int iommufd_mem_mmap(struct iommufd_mmap *immap,
				   struct vm_area_struct *vma)
{
	return -ENXIO;
}

static inline int iommufd_mem_map_dma_buf(struct dma_buf_attachment *attach,
					  struct iopt_pages_dmabuf *dmabuf)
{
	return -EOPNOTSUPP;
}

static inline int iopt_map_mem_pages(struct iommufd_ctx *ictx,
				     struct io_pagetable *iopt,
				     unsigned long *iova, u32 mem_id,
				     u64 offset, unsigned long length,
				     int iommu_prot, unsigned int flags)
{
	return -EOPNOTSUPP;
}

static inline int iopt_map_mem_uptr(struct iommufd_ctx *ictx,
				    struct io_pagetable *iopt,
				    unsigned long *iova, void __user *uptr,
				    unsigned long length, int iommu_prot,
				    unsigned int flags)
{
	return 1;
}

static inline void iopt_restore_dmabuf(struct iopt_pages *pages)
{
}

static inline int iommufd_mem_init(void)
{
	return 0;
}

static inline void iommufd_mem_exit(void)
{
}

static inline int iommufd_mem_init_ctx(struct iommufd_ctx *ictx)
{
	return 0;
}

static inline void iommufd_mem_fini_ctx(struct iommufd_ctx *ictx)
{
}

static inline void *iommufd_mem_dma_owner(struct iommufd_ctx *ictx)
{
	return ictx;
}
#endif

/**
 * struct iommufd_mem_owner - Name of a context that can outlive it
 * @kref: held by the context, and by each struct iommufd_mem_holder
 */
struct iommufd_mem_owner {
	struct kref kref;
};

/* mem_mmap.c */
int iommufd_mem_phys(struct iommufd_mem *mem, u64 offset,
		     struct phys_vec *phys);
void iommufd_mem_zap(struct dma_buf *dmabuf);
u64 iommufd_mem_vma_offset(const struct vm_area_struct *vma, unsigned long addr);
struct iommufd_mem *iommufd_mem_from_vma(struct vm_area_struct *vma);

/* mem_device.c */
int iommufd_mem_alloc_device(struct iommufd_mem *mem,
			     struct iommufd_device *idev,
			     const struct iommu_mem_alloc *cmd);

/**
 * struct iommufd_mem_scrubber - One worker of a region's background scrubbing
 * @work: on iommufd_mem_region::scrub_wq
 * @region: whose memory it scrubs
 */
struct iommufd_mem_scrubber {
	struct work_struct work;
	struct iommufd_mem_region *region;
};

#define IOMMUFD_MEM_MAX_SCRUBBERS 16

/**
 * struct iommufd_mem_region - A carve-out of the host's memory
 * @kref: held by the registry and by each struct iommufd_mem_buf
 * @node: in the registry's list, under iommufd_mem_regions_lock
 * @desc: what the provider told
 * @id: what userspace calls it, if it names no device
 * @dmem: what its memory is charged to
 * @dev: what operators see
 * @debugfs: what those who debug see
 * @devices: struct iommufd_mem_link of each device that entitles; changed under both
 *           iommufd_mem_regions_lock and @lock, read under either
 * @cached: where it matters, a mapping of all of it that makes all others cached
 * @file: has the address space of all CPU mappings of the region's memory
 * @pfn_space: tells of memory that fails
 * @scrub_wq: where scrubbing is done
 * @scrubbers: background scrubbing
 * @nr_scrubbers: number of @scrubbers, at least 1
 * @scrubbed_background: bytes zeroed before anyone wanted them
 * @scrubbed_alloc: bytes zeroed while an allocation waited
 * @lock: protects all below
 * @pool: the memory
 * @bufs: struct iommufd_mem_buf of all memory that is given out
 * @holders: struct iommufd_mem_holder of each context that holds memory; where the
 *           policy is exclusive: at most one
 * @revoked: the provider has unregistered the region; read without the lock to
 *           stop zeroing
 * @next_pgoff: first page offset in @file that was never used
 * @zeroing: how many of @bufs are being zeroed; read without the lock to wait for 0
 * @scrubbing: blocks that background scrubbing has; read without the lock to wait
 *             for none
 * @scrub_pauses: number of allocations that keep the background from taking blocks
 * @scrub_off: somebody who debugs wants no background scrubbing
 * @idle: woken when @zeroing has become less, and @scrubbing empty
 */
struct iommufd_mem_region {
	struct kref kref;
	struct list_head node;
	struct iommufd_mem_region_desc desc;
	int id;
	struct dmem_cgroup_region *dmem;
	struct device *dev;
	struct dentry *debugfs;
	struct list_head devices;
	void *cached;
	struct file *file;
	struct pfn_address_space pfn_space;
	struct workqueue_struct *scrub_wq;
	struct iommufd_mem_scrubber scrubbers[IOMMUFD_MEM_MAX_SCRUBBERS];
	unsigned int nr_scrubbers;
	atomic64_t scrubbed_background;
	atomic64_t scrubbed_alloc;

	struct mutex lock;	/* protects what follows */
	struct iommufd_mem_pool pool;
	struct list_head bufs;
	struct list_head holders;
	bool revoked;
	pgoff_t next_pgoff;
	unsigned int zeroing;
	struct list_head scrubbing;
	unsigned int scrub_pauses;
	bool scrub_off;
	wait_queue_head_t idle;
};

/**
 * struct iommufd_mem_link - A device that is linked to a region
 * @node: in iommufd_mem_region::devices
 * @dev: the device; a VF has a link of its own beside that of its PF
 * @claimed: from the IOMMU core, for the holder of the region
 */
struct iommufd_mem_link {
	struct list_head node;
	struct device *dev;
	bool claimed;
};

/**
 * struct iommufd_mem_holder - A context that holds memory of a region
 * @node: in iommufd_mem_region::holders
 * @owner: the context
 * @nr_bufs: how many struct iommufd_mem_buf
 */
struct iommufd_mem_holder {
	struct list_head node;
	struct iommufd_mem_owner *owner;
	unsigned int nr_bufs;
};

/* mem_owner.c */
void iommufd_mem_link_release(struct iommufd_mem_link *link);
int iommufd_mem_claim_devices(struct iommufd_mem_region *region);
bool iommufd_mem_device_is_taken(struct device *dev);
struct iommufd_mem_holder *iommufd_mem_hold(struct iommufd_mem_region *region,
					    struct iommufd_mem_owner *owner);
void iommufd_mem_drop(struct iommufd_mem_region *region,
		      struct iommufd_mem_holder *holder);

/* mem_scrub.c */
int iommufd_mem_scrub_init(struct iommufd_mem_region *region);
void iommufd_mem_scrub_stop(struct iommufd_mem_region *region);
void iommufd_mem_scrub_kick(struct iommufd_mem_region *region);
int iommufd_mem_scrub_pause(struct iommufd_mem_region *region);
void iommufd_mem_scrub_resume(struct iommufd_mem_region *region);
int iommufd_mem_scrub_enable(struct iommufd_mem_region *region, bool enable);
int iommufd_mem_scrub_blocks(struct iommufd_mem_region *region,
			     struct list_head *blocks);

/* mem_sysfs.c */
int iommufd_mem_sysfs_init(void);
void iommufd_mem_sysfs_exit(void);
int iommufd_mem_sysfs_add(struct iommufd_mem_region *region);
void iommufd_mem_sysfs_remove(struct iommufd_mem_region *region);
int iommufd_mem_sysfs_link(struct iommufd_mem_region *region,
			   struct device *dev);
void iommufd_mem_sysfs_unlink(struct iommufd_mem_region *region,
			      struct device *dev);

/* mem_debugfs.c */
void iommufd_mem_debugfs_init(void);
void iommufd_mem_debugfs_exit(void);
void iommufd_mem_debugfs_add(struct iommufd_mem_region *region);
void iommufd_mem_debugfs_remove(struct iommufd_mem_region *region);

/* mem_retired.c */
void iommufd_mem_watch(struct iommufd_mem_region *region);
void iommufd_mem_unwatch(struct iommufd_mem_region *region);

struct iommufd_mem_region *iommufd_mem_region_get(struct device *dev);
struct iommufd_mem_region *iommufd_mem_region_get_id(u32 id);
void iommufd_mem_region_put(struct iommufd_mem_region *region);

/**
 * struct iommufd_mem_bad - A page that failed while it was given out
 * @node: in iommufd_mem_buf::bad
 * @offset: where it is in the object, in bytes
 */
struct iommufd_mem_bad {
	struct list_head node;
	u64 offset;
};

/**
 * struct iommufd_mem_buf - Memory of a region that is given out
 * @region: where it comes from
 * @region_node: in iommufd_mem_region::bufs, under iommufd_mem_region::lock
 * @holder: whom it was given to
 * @charge: what dmem cgroup it is charged to
 * @blocks: the memory, as the pool gave it
 * @dmabuf: the dma-buf whose priv this is; NULL while the memory is zeroed. Under
 *          iommufd_mem_region::lock
 * @failed: some of it failed while it was zeroed. Under iommufd_mem_region::lock
 * @mem_id: ID of the object that it was allocated for, which may be gone
 * @pgoff: of its first page in iommufd_mem_region::file
 * @revoked: under the dma-buf's reservation lock
 * @bad: struct iommufd_mem_bad in ascending order, under the dma-buf's reservation
 *       lock
 * @extents: the memory, in the order of the object's offsets
 */
struct iommufd_mem_buf {
	struct iommufd_mem_region *region;
	struct list_head region_node;
	struct iommufd_mem_holder *holder;
	struct dmem_cgroup_pool_state *charge;
	struct list_head blocks;
	struct dma_buf *dmabuf;
	bool failed;
	u32 mem_id;
	pgoff_t pgoff;
	bool revoked;
	struct list_head bad;
	struct mem_extents extents;
};

/* mem_dma.c */
bool iommufd_mem_has_hole(struct iommufd_mem_buf *buf, u64 offset, u64 length);

int iommufd_mem_alloc_region(struct iommufd_mem *mem,
			     struct iommufd_mem_region *region,
			     const struct iommu_mem_alloc *cmd);
struct iommufd_mem_buf *iommufd_mem_to_buf(struct dma_buf *dmabuf);
pgoff_t iommufd_mem_pgoff(struct dma_buf *dmabuf);
void iommufd_mem_revoke_buf(struct iommufd_mem_buf *buf);

#endif
