/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PCI functions behind vfio cdevs: finding, binding to an iommufd, attaching to
 * page tables, BARs, configuration space, reset and MSI-X.
 *
 * Every function returns 0, or a negative errno, where it does not say otherwise.
 */
#ifndef IOMMUFD_MEM_VFIO_H
#define IOMMUFD_MEM_VFIO_H

#include <stdint.h>

#include <linux/vfio.h>

/* A PCI function that vfio-pci, or a variant driver, drives */
struct vfio_function {
	char bdf[16];	/* as in sysfs: 0000:01:00.1 */
	char cdev[32];	/* its name in /dev/vfio/devices */
	uint16_t vendor;
	uint16_t device;
};

/* An open cdev */
struct vfio_dev {
	struct vfio_function function;
	int fd;
	uint32_t dev_id;	/* ID in the iommufd, once bound */
};

/*
 * Fill @found with up to @max functions of these PCI ids, sorted by BDF.
 * Returns how many were found.
 */
int vfio_find(uint16_t vendor, uint16_t device, struct vfio_function *found,
	      int max);
/* How many functions of these ids there are, whatever drives them */
int vfio_count_pci(uint16_t vendor, uint16_t device);

int vfio_open(struct vfio_dev *dev, const struct vfio_function *function);
void vfio_close(struct vfio_dev *dev);
int vfio_bind(struct vfio_dev *dev, int iommufd);
/* @pt_id: an IOAS or a HWPT */
int vfio_attach(struct vfio_dev *dev, uint32_t pt_id);
int vfio_detach(struct vfio_dev *dev);
int vfio_reset(struct vfio_dev *dev);

int vfio_region_info(struct vfio_dev *dev, uint32_t index,
		     struct vfio_region_info *info);
int vfio_mmap_bar(struct vfio_dev *dev, uint32_t bar, uint64_t offset,
		  uint64_t length, void **va);

/* Of configuration space; @offset in bytes */
int vfio_config_read16(struct vfio_dev *dev, uint32_t offset, uint16_t *value);
int vfio_config_write16(struct vfio_dev *dev, uint32_t offset, uint16_t value);
/* Set and clear bits of the command register (PCI_COMMAND_*) */
int vfio_set_command(struct vfio_dev *dev, uint16_t set, uint16_t clear);

/* @event_fd: an eventfd that MSI-X entry @vector signals */
int vfio_enable_msix(struct vfio_dev *dev, uint32_t vector, int event_fd);
int vfio_disable_msix(struct vfio_dev *dev);

#endif
