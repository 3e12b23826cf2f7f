// SPDX-License-Identifier: GPL-2.0
/*
 * PCI functions behind vfio cdevs. Functions are found by PCI id in sysfs, so
 * that no path has to be given; nothing here knows what kind of device it is.
 */
#include <dirent.h>
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

#define SYSFS_PCI "/sys/bus/pci/devices"

/* A number in a sysfs attribute of the PCI function, -1 if there is none */
static long read_attribute(const char *bdf, const char *name)
{
	char path[256];
	long value;
	FILE *f;
	int got;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/%s", bdf, name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	got = fscanf(f, "%li", &value);
	fclose(f);
	return got == 1 ? value : -1;
}

static bool has_ids(const char *bdf, uint16_t vendor, uint16_t device)
{
	return read_attribute(bdf, "vendor") == vendor &&
	       read_attribute(bdf, "device") == device;
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

int vfio_find(uint16_t vendor, uint16_t device, struct vfio_function *found,
	      int max)
{
	struct dirent **names;
	int nr, i, count = 0;

	/* BDFs have a fixed width, so that alphasort is the order of BDFs */
	nr = scandir(SYSFS_PCI, &names, is_visible, alphasort);
	if (nr < 0)
		return 0;
	for (i = 0; i < nr; i++) {
		const char *bdf = names[i]->d_name;
		struct vfio_function function = {
			.vendor = vendor,
			.device = device,
		};

		if (count < max && strlen(bdf) < sizeof(function.bdf) &&
		    has_ids(bdf, vendor, device) &&
		    find_cdev(bdf, function.cdev, sizeof(function.cdev))) {
			strcpy(function.bdf, bdf);
			found[count++] = function;
		}
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
	dev->function = *function;
	dev->fd = fd;
	dev->dev_id = 0;
	return 0;
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

int vfio_region_info(struct vfio_dev *dev, uint32_t index,
		     struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
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

static int config_access(struct vfio_dev *dev, uint32_t offset, uint16_t *value,
			 bool write)
{
	struct vfio_region_info info;
	uint8_t raw[2] = { *value & 0xff, *value >> 8 };
	ssize_t done;
	int ret;

	ret = vfio_region_info(dev, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	if (ret)
		return ret;
	if (write)
		done = pwrite(dev->fd, raw, sizeof(raw), info.offset + offset);
	else
		done = pread(dev->fd, raw, sizeof(raw), info.offset + offset);
	if (done < 0)
		return -errno;
	if (done != sizeof(raw))
		return -EIO;
	*value = raw[0] | raw[1] << 8;
	return 0;
}

int vfio_config_read16(struct vfio_dev *dev, uint32_t offset, uint16_t *value)
{
	*value = 0;
	return config_access(dev, offset, value, false);
}

int vfio_config_write16(struct vfio_dev *dev, uint32_t offset, uint16_t value)
{
	return config_access(dev, offset, &value, true);
}

int vfio_set_command(struct vfio_dev *dev, uint16_t set, uint16_t clear)
{
	uint16_t command;
	int ret;

	ret = vfio_config_read16(dev, PCI_COMMAND, &command);
	if (ret)
		return ret;
	return vfio_config_write16(dev, PCI_COMMAND, (command & ~clear) | set);
}

int vfio_enable_msix(struct vfio_dev *dev, uint32_t vector, int event_fd)
{
	union {
		struct vfio_irq_set set;
		uint8_t raw[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} cmd = {
		.set = {
			.argsz = sizeof(cmd),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSIX_IRQ_INDEX,
			.start = vector,
			.count = 1,
		},
	};

	memcpy(cmd.set.data, &event_fd, sizeof(int32_t));
	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &cmd) ? -errno : 0;
}

int vfio_disable_msix(struct vfio_dev *dev)
{
	struct vfio_irq_set cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &cmd) ? -errno : 0;
}
