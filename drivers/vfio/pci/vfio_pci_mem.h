/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The BARs of a vfio-pci device as memory objects of the iommufd that it is bound
 * to. Private to vfio-pci-core.
 */
#ifndef VFIO_PCI_MEM_H
#define VFIO_PCI_MEM_H

struct vfio_pci_core_device;

#ifdef CONFIG_VFIO_PCI_MEM
void vfio_pci_mem_open(struct vfio_pci_core_device *vdev);
void vfio_pci_mem_close(struct vfio_pci_core_device *vdev);
#else
static inline void vfio_pci_mem_open(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_mem_close(struct vfio_pci_core_device *vdev)
{
}
#endif

#endif
