/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PCI functions behind vfio cdevs: finding, binding to an iommufd, attaching to
 * page tables, regions, configuration space, reset and interrupts.
 *
 * Lengths and offsets are in bytes. A function returns 0 or a negative errno where it
 * does not say otherwise; the errnos named here are those with a cause of their own,
 * the rest are the ioctl's, see linux/vfio.h. No function but those that change a
 * struct vfio_dev needs a lock.
 */
#ifndef IOMMUFD_MEM_VFIO_H
#define IOMMUFD_MEM_VFIO_H

#include <stdint.h>

#include <linux/vfio.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vfio_function - A PCI function that vfio-pci, or a variant driver, drives
 * @bdf: as in sysfs: 0000:01:00.1
 * @cdev: its name in /dev/vfio/devices
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 */
struct vfio_function {
	char bdf[16];
	char cdev[32];
	uint16_t vendor;
	uint16_t device;
};

/**
 * struct vfio_dev - An open cdev
 * @function: empty where only the file descriptor is known, see vfio_adopt()
 * @fd: of the cdev, -1 if it is closed
 * @dev_id: ID in the iommufd, 0 before vfio_bind()
 */
struct vfio_dev {
	struct vfio_function function;
	int fd;
	uint32_t dev_id;
};

/**
 * vfio_find() - Find functions by their PCI IDs
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 * @found: output, sorted by BDF
 * @max: how many @found has room for
 *
 * Return: how many were found, @max at most
 */
int vfio_find(uint16_t vendor, uint16_t device, struct vfio_function *found, int max);

/**
 * vfio_find_bdf() - Find a function by its place
 * @bdf: as in sysfs: 0000:01:00.1
 * @function: output
 *
 * Return: 0; -ENODEV: there is none; -ENOENT: it has no vfio cdev, so no driver of
 * vfio has it
 */
int vfio_find_bdf(const char *bdf, struct vfio_function *function);

/**
 * vfio_count_pci() - Count functions by their PCI IDs, whatever drives them
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 *
 * Return: how many there are
 */
int vfio_count_pci(uint16_t vendor, uint16_t device);

/**
 * vfio_open() - Open a cdev, with close-on-exec
 * @dev: output
 * @function: as found
 *
 * Return: 0; -EACCES: no right to; -ENOENT: it is gone
 */
int vfio_open(struct vfio_dev *dev, const struct vfio_function *function);

/**
 * vfio_adopt() - Take over a cdev that someone else has opened, and maybe bound
 * @dev: output
 * @fd: of the cdev; vfio_close() closes it
 * @dev_id: what vfio_bind() gave a launcher, in the iommufd that came along; 0 if
 *	the device is not bound
 */
void vfio_adopt(struct vfio_dev *dev, int fd, uint32_t dev_id);

/**
 * vfio_close() - Close a cdev, if it is open
 * @dev: open or closed. The last close resets, detaches and unbinds it
 */
void vfio_close(struct vfio_dev *dev);

/**
 * vfio_bind() - Bind a device to an iommufd; before that it can do nothing
 * @dev: open, not bound
 * @iommufd: from iommufd_open()
 *
 * Return: 0; -EINVAL: it is bound; -EPERM: another user has a device of its group, or
 * memory of its exclusive region
 */
int vfio_bind(struct vfio_dev *dev, int iommufd);

/**
 * vfio_attach() - Let a device do DMA through these page tables, instead of others
 * @dev: bound
 * @pt_id: an IOAS, a HWPT or a nested HWPT
 *
 * Return: 0; -EINVAL: they do not fit the device, or not its group; -ENOENT: none
 */
int vfio_attach(struct vfio_dev *dev, uint32_t pt_id);

/**
 * vfio_detach() - Take all DMA from a device
 * @dev: bound
 *
 * Return: 0
 */
int vfio_detach(struct vfio_dev *dev);

/**
 * vfio_reset() - Reset the function
 * @dev: bound
 *
 * Return: 0; -EINVAL, -ENOTTY: it cannot be reset alone
 */
int vfio_reset(struct vfio_dev *dev);

/**
 * vfio_device_info() - How many regions and kinds of interrupts there are
 * @dev: bound
 * @info: output, without capabilities
 *
 * Return: 0
 */
int vfio_device_info(struct vfio_dev *dev, struct vfio_device_info *info);

/**
 * vfio_region_info() - Size, flags and offset in the cdev of a region
 * @dev: bound
 * @index: VFIO_PCI_..._REGION_INDEX
 * @info: output, without capabilities; size is 0 where there is none
 *
 * Return: 0; -EINVAL: no such index
 */
int vfio_region_info(struct vfio_dev *dev, uint32_t index, struct vfio_region_info *info);

/**
 * vfio_irq_info() - How many interrupts there are of a kind
 * @dev: bound
 * @index: VFIO_PCI_..._IRQ_INDEX
 * @info: output
 *
 * Return: 0; -EINVAL: no such index
 */
int vfio_irq_info(struct vfio_dev *dev, uint32_t index, struct vfio_irq_info *info);

/**
 * vfio_mmap_bar() - Map a piece of a BAR for the CPU
 * @dev: bound
 * @bar: 0 to 5
 * @offset: where to start, a multiple of the page size
 * @length: how much
 * @va: output, readable and writable; the caller unmaps it
 *
 * Return: 0; -EINVAL: no BAR that can be mapped, or not so much of it
 */
int vfio_mmap_bar(struct vfio_dev *dev, uint32_t bar, uint64_t offset, uint64_t length,
		  void **va);

/**
 * vfio_read() - Read from a region, in pieces as large as alignment allows
 * @dev: bound
 * @index: VFIO_PCI_..._REGION_INDEX
 * @offset: in the region
 * @data: output
 * @length: how much
 *
 * Return: 0; -EINVAL: not within the region; -EIO: less was read, or its memory
 * decode is off
 */
int vfio_read(struct vfio_dev *dev, uint32_t index, uint64_t offset, void *data,
	      uint32_t length);

/**
 * vfio_write() - Write to a region, in pieces as large as alignment allows
 * @dev: bound
 * @index: VFIO_PCI_..._REGION_INDEX
 * @offset: in the region
 * @data: what
 * @length: how much
 *
 * Return: as of vfio_read()
 */
int vfio_write(struct vfio_dev *dev, uint32_t index, uint64_t offset, const void *data,
	       uint32_t length);

/**
 * vfio_config_read() - Read a register of configuration space
 * @dev: bound
 * @offset: a multiple of @size
 * @size: 1, 2 or 4
 * @value: output, as a number of the CPU
 *
 * Return: 0; -EINVAL: another @size or offset, or beyond the space
 */
int vfio_config_read(struct vfio_dev *dev, uint32_t offset, uint32_t size, uint32_t *value);

/**
 * vfio_config_write() - Write a register of configuration space
 * @dev: bound
 * @offset: a multiple of @size
 * @size: 1, 2 or 4
 * @value: a number of the CPU; only the low @size bytes are used
 *
 * vfio-pci filters: what a guest must not change stays as it was.
 *
 * Return: as of vfio_config_read()
 */
int vfio_config_write(struct vfio_dev *dev, uint32_t offset, uint32_t size, uint32_t value);

/**
 * vfio_set_command() - Set and clear bits of the command register
 * @dev: bound
 * @set: PCI_COMMAND_*
 * @clear: PCI_COMMAND_*
 *
 * Return: 0
 */
int vfio_set_command(struct vfio_dev *dev, uint16_t set, uint16_t clear);

/**
 * vfio_set_irqs() - Say which eventfds the interrupts of a kind signal
 * @dev: bound
 * @index: VFIO_PCI_..._IRQ_INDEX. VFIO_PCI_REQ_IRQ_INDEX (its driver wants the device
 *	back) and VFIO_PCI_ERR_IRQ_INDEX (AER) have one each, without hardware
 * @first: the first of them, for MSI-X an entry of its table
 * @count: how many, at least 1
 * @fds: an eventfd for each, -1 for none; the caller may close them
 *
 * Return: 0; -EINVAL: not so many, or another kind of INTx, MSI and MSI-X is enabled;
 * -EBADF: no descriptor; -ENOSPC: the host has too few vectors; -ENOMEM: no memory
 */
int vfio_set_irqs(struct vfio_dev *dev, uint32_t index, uint32_t first, uint32_t count,
		  const int *fds);

/**
 * vfio_set_msix() - vfio_set_irqs() of MSI-X
 * @dev: bound, and attached: the doorbell gets mapped where it is attached to
 * @first: the first entry
 * @count: how many
 * @fds: an eventfd for each, -1 to disable one
 *
 * Return: as of vfio_set_irqs()
 */
int vfio_set_msix(struct vfio_dev *dev, uint32_t first, uint32_t count, const int *fds);

/**
 * vfio_disable_irqs() - Disable all interrupts of a kind
 * @dev: bound
 * @index: VFIO_PCI_..._IRQ_INDEX
 *
 * Return: 0; -EINVAL: none is enabled (INTx, REQ and ERR only), or no such index
 */
int vfio_disable_irqs(struct vfio_dev *dev, uint32_t index);

#ifdef __cplusplus
}
#endif

#endif
