// SPDX-License-Identifier: GPL-2.0
/*
 * Revoke and restore: the time that a write to a device's command register takes, which
 * takes away what is mapped of its BAR, or gives it back. The device is QEMU's
 * pci-testdev, or edu.
 *
 * The kernel restores an object. A dma-buf, upstream's way to map a BAR, is for the VMM
 * to unmap and to map again, and that is in the time of its restore. It is unmapped
 * before memory decode is on again: this kernel would restore that, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "revoke.h"

static const struct revoke_way ways[] = {
	{ "nothing-mapped", 0, false },
	{ "object", 1, false },
	{ "object-4-ioas", 4, false },
	{ "object-16-ioas", REVOKE_MOST_IOAS, false },
	{ "dma-buf", 1, true },
};

struct device {
	struct vfio_dev dev;
	uint32_t bar;
	uint64_t length;	/* bytes, of the BAR */
	uint32_t command;	/* but for PCI_COMMAND_MEMORY */
};

/* The largest one */
static int find_bar(struct device *device)
{
	struct vfio_region_info info;
	uint32_t i;

	device->length = 0;
	for (i = VFIO_PCI_BAR0_REGION_INDEX; i <= VFIO_PCI_BAR5_REGION_INDEX;
	     i++) {
		if (vfio_region_info(&device->dev, i, &info) ||
		    !(info.flags & VFIO_REGION_INFO_FLAG_MMAP) ||
		    info.size <= device->length)
			continue;
		device->bar = i;
		device->length = info.size;
	}
	return device->length < MIB(1) ? -ENOENT : 0;
}

static int device_open(struct device *device, struct bench *b)
{
	struct vfio_function function;
	int ret;

	device->dev.fd = -1;
	ret = memtest_find_plain(&function);
	if (!ret)
		ret = vfio_open(&device->dev, &function);
	if (!ret)
		ret = vfio_bind(&device->dev, b->iommufd);
	if (!ret)
		ret = vfio_attach(&device->dev, b->ioas_id);
	if (!ret)
		ret = vfio_set_command(&device->dev, PCI_COMMAND_MEMORY, 0);
	if (!ret)
		ret = vfio_config_read(&device->dev, PCI_COMMAND, 2,
				       &device->command);
	device->command &= ~PCI_COMMAND_MEMORY;
	return ret ?: find_bar(device);
}

static int decode(struct device *device, bool on)
{
	return vfio_config_write(&device->dev, PCI_COMMAND, 2,
				 device->command |
				 (on ? PCI_COMMAND_MEMORY : 0));
}

static int export(struct device *device, struct mapped *mapped)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_feature_dma_buf get;
		struct vfio_region_dma_range range;
	} cmd = {
		.feature.argsz = sizeof(cmd),
		.feature.flags = VFIO_DEVICE_FEATURE_GET |
				 VFIO_DEVICE_FEATURE_DMA_BUF,
		.get.region_index = device->bar,
		.get.open_flags = O_RDWR | O_CLOEXEC,
		.get.nr_ranges = 1,
		.range.length = mapped->length,
	};
	void *va;
	int ret;

	mapped->fd = ioctl(device->dev.fd, VFIO_DEVICE_FEATURE, &cmd);
	if (mapped->fd < 0)
		return -errno;
	ret = vfio_mmap_bar(&device->dev, device->bar, 0, mapped->length, &va);
	if (!ret)
		mapped->va = va;
	return ret;
}

static int alloc(struct device *device, struct mapped *mapped)
{
	uint64_t mmap_offset;
	int ret;

	ret = iommufd_mem_alloc_bar(mapped->b->iommufd, device->dev.dev_id,
				    device->bar, 0, mapped->length,
				    &mapped->mem_id, &mmap_offset);
	return ret ?: mapped_mmap(mapped, mmap_offset);
}

static int map(struct device *device, struct mapped *mapped)
{
	int ret;

	if (!mapped->way->nr_ioas)
		return 0;
	if (mapped->way->is_dma_buf)
		ret = export(device, mapped);
	else
		ret = alloc(device, mapped);
	return ret ?: mapped_map(mapped);
}

static int restore(struct device *device, struct mapped *mapped)
{
	int ret = 0;

	if (mapped->way->is_dma_buf)
		ret = mapped_unmap(mapped);
	if (!ret)
		ret = decode(device, true);
	if (!ret && mapped->way->is_dma_buf)
		ret = mapped_map(mapped);
	return ret;
}

/* Nothing is measured */
static int try(struct device *device, struct mapped *mapped)
{
	int ret;

	ret = mapped_check(mapped, true);
	if (!ret)
		ret = decode(device, false);
	if (!ret)
		ret = mapped_check(mapped, false);
	return restore(device, mapped) ?: ret;
}

struct samples {
	struct bench_samples revoke, restore;
};

static int measure_once(struct device *device, struct mapped *mapped,
			struct samples *samples)
{
	uint64_t start;
	int ret;

	/* This makes the CPU's page table entry, too */
	ret = mapped_check(mapped, true);
	if (ret)
		return ret;
	start = bench_now();
	ret = decode(device, false);
	bench_add(&samples->revoke, bench_now() - start);
	if (ret)
		return ret;
	start = bench_now();
	ret = restore(device, mapped);
	bench_add(&samples->restore, bench_now() - start);
	return ret;
}

/* @length: 0 if nothing is mapped */
static void measure(struct bench *b, struct device *device,
		    const struct revoke_way *way, uint64_t length)
{
	struct samples samples = {};
	struct mapped mapped;
	int ret;

	bench_progress("revoke: %s, %llu MiB", way->name,
		       (unsigned long long)(length >> 20));
	ret = mapped_open(&mapped, b, way, length);
	if (!ret)
		ret = map(device, &mapped);
	if (!ret)
		ret = try(device, &mapped);
	while (!ret && bench_more(b, &samples.revoke))
		ret = measure_once(device, &mapped, &samples);
	if (!ret)
		ret = mapped_check(&mapped, true);
	mapped_close(&mapped);
	if (ret) {
		bench_report_error("bar_revoke", way->name, length, ret);
		return;
	}
	bench_report("bar_revoke", way->name, length, "ns", &samples.revoke);
	bench_report("bar_restore", way->name, length, "ns", &samples.restore);
}

static void measure_bars(struct bench *b)
{
	static const uint64_t lengths[] = { MIB(1), MIB(16), MIB(256), GIB(1) };
	struct device device;
	size_t i, j;
	int ret;

	ret = device_open(&device, b);
	if (ret)
		bench_report_error("bar_revoke", "object", 0, ret);
	for (i = 0; i < ARRAY_SIZE(ways) && !ret; i++) {
		if (!ways[i].nr_ioas)
			measure(b, &device, &ways[i], 0);
		for (j = 0; j < ARRAY_SIZE(lengths) && ways[i].nr_ioas; j++)
			if (lengths[j] <= device.length)
				measure(b, &device, &ways[i], lengths[j]);
	}
	vfio_close(&device.dev);
}

int bench_revoke(struct bench *b)
{
	uint64_t iova = REVOKE_COPY_IOVA;
	int ret;

	ret = iommufd_ioas_map_mem(b->iommufd, b->ioas_id, b->mem_id, 0, MIB(2),
				   IOMMUFD_FIXED_READ_WRITE, &iova);
	if (ret)
		return ret;
	/* Zeroing must not be in the way */
	if (b->pool.size)
		ret = bench_wait_clean(&b->pool);
	if (!ret) {
		measure_bars(b);
		ret = bench_withdraw(b);
	}
	return iommufd_ioas_unmap(b->iommufd, b->ioas_id, iova, MIB(2), NULL) ?:
	       ret;
}
