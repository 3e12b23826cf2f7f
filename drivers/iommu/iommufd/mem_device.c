// SPDX-License-Identifier: GPL-2.0
/*
 * Memory objects that are a range of a bound device's memory, e.g. of a BAR.
 *
 * The driver of the device (vfio-pci) makes the dma-buf and revokes it; this file
 * is an importer that passes the revoking on to the object's CPU mappings. DMA
 * mappings are importers of their own.
 */
#include <linux/dma-resv.h>
#include <linux/rwsem.h>

#include "mem.h"

/**
 * iommufd_device_set_mem_ops() - Offer the memory of a bound device, or stop it
 * @idev: the binding
 * @ops: how to get at the memory, or NULL to stop
 *
 * To be set when the device is ready for use, and cleared before the driver revokes
 * what it has exported for the last time.
 *
 * Context: may sleep, and waits for an export that is going on.
 */
void iommufd_device_set_mem_ops(struct iommufd_device *idev,
				const struct iommufd_mem_device_ops *ops)
{
	/* When this has been cleared, no export is going on any more */
	guard(rwsem_write)(&idev->mem_rwsem);
	idev->mem_ops = ops;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_set_mem_ops, "IOMMUFD");

static void mem_device_invalidate(struct dma_buf_attachment *attach)
{
	iommufd_mem_zap(attach->dmabuf);
}

static const struct dma_buf_attach_ops mem_device_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = mem_device_invalidate,
};

/**
 * iommufd_mem_alloc_device() - Fill a new object with memory of a device
 * @mem: the object
 * @idev: the device, held by the caller
 * @cmd: what userspace wants; its common fields have been checked
 *
 * What has been made of it when this fails is undone with the object.
 *
 * Return: 0 or an errno, see struct iommu_mem_alloc.
 */
int iommufd_mem_alloc_device(struct iommufd_mem *mem,
			     struct iommufd_device *idev,
			     const struct iommu_mem_alloc *cmd)
{
	struct dma_buf_attachment *attach;
	struct mem_extent extent = {};
	struct dma_buf *dmabuf;
	struct phys_vec phys;
	int rc;

	guard(rwsem_read)(&idev->mem_rwsem);
	if (!idev->mem_ops)
		return -EOPNOTSUPP;

	dmabuf = idev->mem_ops->export(idev->dev, cmd->region_index,
				       cmd->offset, cmd->length);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	mem->dmabuf = dmabuf;

	attach = dma_buf_dynamic_attach(dmabuf, iommufd_global_device(),
					&mem_device_attach_ops, mem);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	mem->attach = attach;
	mem->device_ops = idev->mem_ops;

	dma_resv_lock(dmabuf->resv, NULL);
	rc = mem->device_ops->phys(attach, &phys);
	dma_resv_unlock(dmabuf->resv);
	if (rc)
		return rc;

	extent.paddr = phys.paddr;
	extent.length = phys.len;
	mem->max_block = mem_extent_max_block(&extent);
	mem->nr_extents = 1;
	mem->node = dev_to_node(idev->dev);
	return 0;
}
