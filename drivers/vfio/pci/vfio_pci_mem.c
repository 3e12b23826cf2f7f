// SPDX-License-Identifier: GPL-2.0
/*
 * The BARs of a vfio-pci device as memory objects of the iommufd that it is bound
 * to.
 *
 * A memory object holds a dma-buf of the range, the same as
 * VFIO_DEVICE_FEATURE_DMA_BUF makes, but with no file descriptor. So it is revoked
 * where those are: when the device loses memory decode, is reset, goes to a low
 * power state or is closed.
 */
#include <linux/iommufd_mem.h>
#include <linux/overflow.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_mem.h"
#include "vfio_pci_priv.h"

MODULE_IMPORT_NS("IOMMUFD");

static int vfio_pci_mem_check(struct vfio_pci_core_device *vdev, u32 index,
			      u64 offset, u64 length)
{
	struct pci_dev *pdev = vdev->pdev;
	u64 end;

	if (index >= VFIO_PCI_ROM_REGION_INDEX)
		return -EINVAL;
	if (!(pci_resource_flags(pdev, index) & IORESOURCE_MEM))
		return -EINVAL;
	if (check_add_overflow(offset, length, &end) ||
	    end > pci_resource_len(pdev, index) ||
	    !PAGE_ALIGNED(pci_resource_start(pdev, index)))
		return -EINVAL;
	/* Not claimed, or not enabled (any more) */
	if (IS_ERR_OR_NULL(vdev->barmap[index]))
		return -ENODEV;
	return 0;
}

static struct dma_buf *vfio_pci_mem_export(struct device *dev, u32 index,
					   u64 offset, u64 length)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(dev);
	struct vfio_region_dma_range range = {
		.offset = offset,
		.length = length,
	};
	int rc;

	if (!vdev->pci_ops || !vdev->pci_ops->get_dmabuf_phys)
		return ERR_PTR(-EOPNOTSUPP);
	rc = vfio_pci_mem_check(vdev, index, offset, length);
	if (rc)
		return ERR_PTR(rc);
	return vfio_pci_dma_buf_export(vdev, index, &range, 1, length, O_RDWR);
}

static const struct iommufd_mem_device_ops vfio_pci_mem_ops = {
	.export = vfio_pci_mem_export,
	.phys = vfio_pci_dma_buf_iommufd_map,
};

/**
 * vfio_pci_mem_open() - Offer the BARs of a device that has been enabled
 * @vdev: the device; nothing happens if it is not bound to an iommufd
 */
void vfio_pci_mem_open(struct vfio_pci_core_device *vdev)
{
	if (vdev->vdev.iommufd_device)
		iommufd_device_set_mem_ops(vdev->vdev.iommufd_device,
					   &vfio_pci_mem_ops);
}

/**
 * vfio_pci_mem_close() - Stop offering the BARs
 * @vdev: the device, before vfio_pci_dma_buf_cleanup() revokes what there is
 */
void vfio_pci_mem_close(struct vfio_pci_core_device *vdev)
{
	if (vdev->vdev.iommufd_device)
		iommufd_device_set_mem_ops(vdev->vdev.iommufd_device, NULL);
}
