// SPDX-License-Identifier: GPL-2.0
/*
 * Memory objects that are a range of a bound device's memory, e.g. of a BAR.
 *
 * The driver of the device (vfio-pci) makes the dma-buf and revokes it; this file
 * is an importer that passes the revoking on to the object's CPU mappings. DMA
 * mappings are importers of their own.
 */
#include <linux/dma-resv.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "mem.h"
#include "mem_trace.h"

/* Protects iommufd_device::mem_ops and mem_users */
static DEFINE_SPINLOCK(iommufd_mem_ops_lock);
static DECLARE_WAIT_QUEUE_HEAD(iommufd_mem_ops_wait);

/* NULL if the device offers no memory; else it does until the put */
static const struct iommufd_mem_device_ops *
mem_ops_get(struct iommufd_device *idev)
{
	guard(spinlock)(&iommufd_mem_ops_lock);
	if (idev->mem_ops)
		idev->mem_users++;
	return idev->mem_ops;
}

static void mem_ops_put(struct iommufd_device *idev)
{
	guard(spinlock)(&iommufd_mem_ops_lock);
	idev->mem_users--;
	wake_up_all(&iommufd_mem_ops_wait);
}

static bool mem_ops_unused(struct iommufd_device *idev)
{
	guard(spinlock)(&iommufd_mem_ops_lock);
	return !idev->mem_users;
}

/**
 * iommufd_device_set_mem_ops() - Offer the memory of a bound device, or stop it
 * @idev: the binding
 * @ops: how to get at the memory, or NULL to stop
 *
 * To be set when the device is ready for use, and cleared before the driver revokes
 * what it has exported for the last time.
 *
 * Context: may sleep, and waits for an export that is going on. The caller must not
 * hold a lock that @ops->export takes.
 */
void iommufd_device_set_mem_ops(struct iommufd_device *idev,
				const struct iommufd_mem_device_ops *ops)
{
	scoped_guard(spinlock, &iommufd_mem_ops_lock)
		idev->mem_ops = ops;
	wait_event(iommufd_mem_ops_wait, mem_ops_unused(idev));
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_set_mem_ops, "IOMMUFD");

/* Both are announced in the same way, and revoking twice */
static void mem_device_trace(struct iommufd_mem *mem,
			     struct dma_buf_attachment *attach)
{
	struct phys_vec phys;
	bool revoked = mem->device_ops->phys(attach, &phys);

	/* An object that is not told of yet has no end either */
	if (!mem->nr_extents || revoked == mem->traced_revoked)
		return;
	mem->traced_revoked = revoked;
	if (revoked)
		trace_iommufd_mem_revoke(IOMMUFD_MEM_TRACE_DEVICE, mem->obj.id,
					 attach->dmabuf->size);
	else
		trace_iommufd_mem_restore(IOMMUFD_MEM_TRACE_DEVICE, mem->obj.id,
					  attach->dmabuf->size);
}

static void mem_device_invalidate(struct dma_buf_attachment *attach)
{
	iommufd_mem_zap(attach->dmabuf);
	mem_device_trace(attach->importer_priv, attach);
}

static const struct dma_buf_attach_ops mem_device_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = mem_device_invalidate,
};

/* Make the dma-buf of the range, and be told when it is revoked */
static int mem_device_export(struct iommufd_mem *mem, struct device *dev,
			     const struct iommu_mem_alloc *cmd)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;

	dmabuf = mem->device_ops->export(dev, cmd->region_index, cmd->offset,
					 cmd->length);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	mem->dmabuf = dmabuf;

	attach = dma_buf_dynamic_attach(dmabuf, iommufd_global_device(),
					&mem_device_attach_ops, mem);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	mem->attach = attach;
	return 0;
}

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
	struct mem_extent extent = {};
	struct phys_vec phys;
	int rc;

	mem->device_ops = mem_ops_get(idev);
	if (!mem->device_ops)
		return -EOPNOTSUPP;
	rc = mem_device_export(mem, idev->dev, cmd);
	mem_ops_put(idev);
	if (rc)
		return rc;

	dma_resv_lock(mem->dmabuf->resv, NULL);
	rc = mem->device_ops->phys(mem->attach, &phys);
	dma_resv_unlock(mem->dmabuf->resv);
	if (rc)
		return rc;

	extent.paddr = phys.paddr;
	extent.length = phys.len;
	mem->max_block = mem_extent_max_block(&extent);
	mem->nr_extents = 1;
	mem->node = dev_to_node(idev->dev);
	trace_iommufd_mem_alloc(IOMMUFD_MEM_TRACE_DEVICE, mem->obj.id,
				extent.length, 1, mem->max_block);
	return 0;
}
