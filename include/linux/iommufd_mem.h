/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory objects of iommufd: what providers of memory call.
 *
 * A provider is a driver that registers regions, carve-outs of the host's memory
 * that Linux does not use, or that offers the memory of devices which it binds
 * to an iommufd. It never talks to userspace; that is iommufd's part, see
 * include/uapi/linux/iommufd_mem.h.
 */
#ifndef __LINUX_IOMMUFD_MEM_H
#define __LINUX_IOMMUFD_MEM_H

#include <linux/iommu.h>
#include <linux/types.h>

struct device;
struct dma_buf;
struct dma_buf_attachment;
struct iommufd_device;
struct iommufd_mem_region;
struct module;
struct phys_vec;

/**
 * enum iommufd_mem_policy - Who can hold memory of a region at the same time
 * @IOMMUFD_MEM_EXCLUSIVE: one iommufd context. For memory whose devices can
 *                         address all of it, whatever the IOMMU maps
 * @IOMMUFD_MEM_SHARED: any number of contexts, each its own slices
 */
enum iommufd_mem_policy {
	IOMMUFD_MEM_EXCLUSIVE,
	IOMMUFD_MEM_SHARED,
};

/**
 * struct iommufd_mem_region_desc - What a provider tells of a region
 * @name: for messages and /proc/iomem; must stay valid as long as the region is
 *        registered
 * @base: physical address of the first byte, a multiple of PAGE_SIZE
 * @size: in bytes, a multiple of PAGE_SIZE, not 0
 * @node: NUMA node, or NUMA_NO_NODE
 * @policy: who can hold memory of the region at the same time
 * @clean: the memory is known to be zero, e.g. as firmware vouches for it. Else
 *         all of it counts as dirty, and so does memory that was a region before
 *         (since iommufd was loaded)
 * @owner: the provider's module. It cannot be unloaded while memory of the region
 *         is allocated
 */
struct iommufd_mem_region_desc {
	const char *name;
	phys_addr_t base;
	u64 size;
	int node;
	enum iommufd_mem_policy policy;
	bool clean;
	struct module *owner;
};

struct iommufd_mem_region *
iommufd_mem_region_register(const struct iommufd_mem_region_desc *desc);
void iommufd_mem_region_unregister(struct iommufd_mem_region *region);
int iommufd_mem_region_try_unregister(struct iommufd_mem_region *region);
int iommufd_mem_region_retire(struct iommufd_mem_region *region,
			      phys_addr_t paddr, u64 length);
int iommufd_mem_region_add_device(struct iommufd_mem_region *region,
				  struct device *dev);
void iommufd_mem_region_remove_device(struct iommufd_mem_region *region,
				      struct device *dev);

#if IS_ENABLED(CONFIG_IOMMUFD_MEM)
int iommufd_mem_device_take(struct device *dev);
void iommufd_mem_device_give(struct device *dev);
#else
static inline int iommufd_mem_device_take(struct device *dev)
{
	return iommu_device_use_default_domain(dev);
}

static inline void iommufd_mem_device_give(struct device *dev)
{
	iommu_device_unuse_default_domain(dev);
}
#endif

/**
 * struct iommufd_mem_device_ops - Memory of a device that is bound to an iommufd
 * @export: Make a dma-buf of the bytes [@offset, @offset + @length) of the
 *          device's region number @index. @offset and @length are not checked by
 *          the caller, but for that their sum does not overflow and that both are
 *          multiples of PAGE_SIZE. The dma-buf's file must have an address space
 *          of its own. Errors: -EINVAL if it is not memory or not in the region,
 *          -ENODEV if the memory cannot be reached now, -EOPNOTSUPP, -ENOMEM
 * @phys: The physical range behind an attachment to such a dma-buf, which is one
 *        range of MMIO. Called with the dma-buf's reservation lock held; the
 *        range may be used until the lock is dropped, or until the importer is
 *        told to invalidate its mappings. -ENODEV if the memory cannot be
 *        reached now
 */
struct iommufd_mem_device_ops {
	struct dma_buf *(*export)(struct device *dev, u32 index, u64 offset,
				  u64 length);
	int (*phys)(struct dma_buf_attachment *attach, struct phys_vec *phys);
};

#if IS_ENABLED(CONFIG_IOMMUFD_MEM)
void iommufd_device_set_mem_ops(struct iommufd_device *idev,
				const struct iommufd_mem_device_ops *ops);
#else
static inline void
iommufd_device_set_mem_ops(struct iommufd_device *idev,
			   const struct iommufd_mem_device_ops *ops)
{
}
#endif

#endif
