// SPDX-License-Identifier: GPL-2.0
/*
 * PCI functions behind vfio cdevs. Functions are found by PCI id in sysfs, so
 * that no path has to be given; nothing here knows what kind of device it is.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include <iommufd-mem/vfio.h>

#include "sysfs.h"

#define SYSFS_PCI "/sys/bus/pci/devices"

static bool has_ids(const char *bdf, uint16_t vendor, uint16_t device)
{
	return sysfs_number(SYSFS_PCI, bdf, "vendor", -1) == vendor &&
	       sysfs_number(SYSFS_PCI, bdf, "device", -1) == device;
}

/* The name of the function's cdev: its only entry in vfio-dev/ */
static bool find_cdev(const char *bdf, char *cdev, size_t size)
{
	struct dirent *entry;
	bool found = false;
	char path[256];
	DIR *dir;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4) ||
		    strlen(entry->d_name) >= size)
			continue;
		strcpy(cdev, entry->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int vfio_find_bdf(const char *bdf, struct vfio_function *function)
{
	struct vfio_function it = {};
	long long vendor, device;

	vendor = sysfs_number(SYSFS_PCI, bdf, "vendor", -1);
	device = sysfs_number(SYSFS_PCI, bdf, "device", -1);
	if (vendor < 0 || device < 0 || strlen(bdf) >= sizeof(it.bdf))
		return -ENODEV;
	if (!find_cdev(bdf, it.cdev, sizeof(it.cdev)))
		return -ENOENT;
	strcpy(it.bdf, bdf);
	it.vendor = vendor;
	it.device = device;
	*function = it;
	return 0;
}

int vfio_find(uint16_t vendor, uint16_t device, struct vfio_function *found, int max)
{
	struct dirent **names;
	int nr, i, count = 0;

	/* BDFs have a fixed width, so that alphasort is the order of BDFs */
	nr = scandir(SYSFS_PCI, &names, is_visible, alphasort);
	if (nr < 0)
		return 0;
	for (i = 0; i < nr; i++) {
		const char *bdf = names[i]->d_name;

		if (count < max && has_ids(bdf, vendor, device) &&
		    !vfio_find_bdf(bdf, &found[count]))
			count++;
		free(names[i]);
	}
	free(names);
	return count;
}

int vfio_count_pci(uint16_t vendor, uint16_t device)
{
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	dir = opendir(SYSFS_PCI);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		if (is_visible(entry) && has_ids(entry->d_name, vendor, device))
			count++;
	closedir(dir);
	return count;
}

int vfio_open(struct vfio_dev *dev, const struct vfio_function *function)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", function->cdev);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*dev = (struct vfio_dev){ .function = *function, .fd = fd };
	return 0;
}

void vfio_adopt(struct vfio_dev *dev, int fd, uint32_t dev_id)
{
	*dev = (struct vfio_dev){ .fd = fd, .dev_id = dev_id };
}

void vfio_close(struct vfio_dev *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

int vfio_bind(struct vfio_dev *dev, int iommufd)
{
	struct vfio_device_bind_iommufd cmd = {
		.argsz = sizeof(cmd),
		.iommufd = iommufd,
	};

	if (ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &cmd))
		return -errno;
	dev->dev_id = cmd.out_devid;
	return 0;
}

int vfio_attach(struct vfio_dev *dev, uint32_t pt_id)
{
	struct vfio_device_attach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.pt_id = pt_id,
	};

	return ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd) ? -errno : 0;
}

int vfio_detach(struct vfio_dev *dev)
{
	struct vfio_device_detach_iommufd_pt cmd = { .argsz = sizeof(cmd) };

	return ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd) ? -errno : 0;
}

int vfio_reset(struct vfio_dev *dev)
{
	return ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

int vfio_device_info(struct vfio_dev *dev, struct vfio_device_info *info)
{
	*info = (struct vfio_device_info){ .argsz = sizeof(*info) };
	return ioctl(dev->fd, VFIO_DEVICE_GET_INFO, info) ? -errno : 0;
}

int vfio_region_info(struct vfio_dev *dev, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

int vfio_irq_info(struct vfio_dev *dev, uint32_t index, struct vfio_irq_info *info)
{
	*info = (struct vfio_irq_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(dev->fd, VFIO_DEVICE_GET_IRQ_INFO, info) ? -errno : 0;
}

int vfio_mmap_bar(struct vfio_dev *dev, uint32_t bar, uint64_t offset,
		  uint64_t length, void **va)
{
	struct vfio_region_info info;
	void *map;
	int ret;

	ret = vfio_region_info(dev, bar, &info);
	if (ret)
		return ret;
	map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		   info.offset + offset);
	if (map == MAP_FAILED)
		return -errno;
	*va = map;
	return 0;
}

/* What read() and write() of the cdev came to. vfio-pci refuses MMIO with -EIO */
static int whole(ssize_t done, uint32_t length)
{
	if (done < 0)
		return -errno;
	return done == (ssize_t)length ? 0 : -EIO;
}

/* Where the range is in the cdev: the index is in the offset's high bits */
static int region_offset(struct vfio_dev *dev, uint32_t index, uint64_t offset,
			 uint32_t length, off_t *at)
{
	struct vfio_region_info info;
	int ret = vfio_region_info(dev, index, &info);

	if (ret)
		return ret;
	if (offset > info.size || length > info.size - offset)
		return -EINVAL;
	*at = info.offset + offset;
	return 0;
}

int vfio_read(struct vfio_dev *dev, uint32_t index, uint64_t offset, void *data,
	      uint32_t length)
{
	off_t at;
	int ret = region_offset(dev, index, offset, length, &at);

	return ret ? ret : whole(pread(dev->fd, data, length, at), length);
}

int vfio_write(struct vfio_dev *dev, uint32_t index, uint64_t offset, const void *data,
	       uint32_t length)
{
	off_t at;
	int ret = region_offset(dev, index, offset, length, &at);

	return ret ? ret : whole(pwrite(dev->fd, data, length, at), length);
}

static bool is_register(uint32_t offset, uint32_t size)
{
	return (size == 1 || size == 2 || size == 4) && !(offset % size);
}

int vfio_config_read(struct vfio_dev *dev, uint32_t offset, uint32_t size, uint32_t *value)
{
	uint32_t raw = 0;
	int ret;

	if (!is_register(offset, size))
		return -EINVAL;
	ret = vfio_read(dev, VFIO_PCI_CONFIG_REGION_INDEX, offset, &raw, size);
	if (!ret)
		*value = le32toh(raw);
	return ret;
}

int vfio_config_write(struct vfio_dev *dev, uint32_t offset, uint32_t size, uint32_t value)
{
	uint32_t raw = htole32(value);

	if (!is_register(offset, size))
		return -EINVAL;
	return vfio_write(dev, VFIO_PCI_CONFIG_REGION_INDEX, offset, &raw, size);
}

int vfio_set_command(struct vfio_dev *dev, uint16_t set, uint16_t clear)
{
	uint32_t command;
	int ret;

	ret = vfio_config_read(dev, PCI_COMMAND, 2, &command);
	if (ret)
		return ret;
	return vfio_config_write(dev, PCI_COMMAND, 2, (command & ~clear) | set);
}

int vfio_set_irqs(struct vfio_dev *dev, uint32_t index, uint32_t first, uint32_t count,
		  const int *fds)
{
	struct vfio_irq_set *set;
	size_t length;
	int ret;

	/* An MSI-X table has no more entries */
	if (!count || count > 2048)
		return -EINVAL;
	length = sizeof(*set) + count * sizeof(int32_t);
	set = calloc(1, length);
	if (!set)
		return -ENOMEM;
	set->argsz = length;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->start = first;
	set->count = count;
	memcpy(set->data, fds, count * sizeof(int32_t));
	ret = ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
	free(set);
	return ret;
}

int vfio_set_msix(struct vfio_dev *dev, uint32_t first, uint32_t count, const int *fds)
{
	return vfio_set_irqs(dev, VFIO_PCI_MSIX_IRQ_INDEX, first, count, fds);
}

int vfio_disable_irqs(struct vfio_dev *dev, uint32_t index)
{
	struct vfio_irq_set cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
	};

	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &cmd) ? -errno : 0;
}
