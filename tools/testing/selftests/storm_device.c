// SPDX-License-Identifier: GPL-2.0
/*
 * What mem_storm does with devices: the VFs, which are linked to a region, and edu, which
 * is not but has memory decode that can be turned off. Each device is one process's, and
 * not its children's.
 */
#include "kselftest.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "edu.h"
#include "gpu.h"
#include "storm.h"

#define DEVICES		4

static struct device {
	pthread_mutex_t lock;
	struct vfio_function function;	/* no bdf: there is none */
	bool is_vf;
	struct vfio_dev dev;
	int ctx;			/* that it is bound to, -1 if to none */
	uint32_t ioas_id;		/* that it is attached to, 0 if to none */
} device[DEVICES];

/* Others may unbind it at any time */
uint32_t storm_some_device(struct storm_worker *w, int ctx, uint32_t *bar)
{
	struct device *d = &device[storm_number(w) % DEVICES];

	*bar = d->is_vf ? NVGRACE_GPU_BAR_FB : 0;
	return d->function.bdf[0] && d->ctx == ctx ? d->dev.dev_id : 0;
}

/* Its cdev has another name each time that the driver is bound */
static int find_again(struct vfio_function *function)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	int i, nr;

	nr = vfio_find(function->vendor, function->device, found,
		       ARRAY_SIZE(found));
	for (i = 0; i < nr; i++)
		if (!strcmp(found[i].bdf, function->bdf)) {
			*function = found[i];
			return 0;
		}
	return -ENOENT;
}

/* A VF copies one word of the worker's object to another, beside the stamp */
static int copy_by_dma(struct vfio_dev *dev, const struct storm_slot *slot,
		       uint64_t iova, uint64_t word)
{
	volatile uint64_t *words = (volatile uint64_t *)slot->va;
	struct gpu gpu = {};
	int ret;

	words[2] = word;
	ret = gpu_open(&gpu, dev);
	if (!ret)
		ret = gpu_copy(&gpu, iova + 16, iova + 24, 8, MEMTEST_DEADLINE);
	gpu_close(&gpu);
	return ret ?: words[3] == word ? 0 : -EILSEQ;
}

static void use_dma(struct storm_worker *w, struct device *d)
{
	struct storm_slot *slot = storm_some_slot(w);
	const int fd = storm_context[d->ctx].fd;
	uint64_t iova = storm_iova(w, slot, 0);

	if (!d->is_vf || !d->ioas_id || !slot->va || slot->ctx != d->ctx)
		return;
	/* What is there may be of an object that was in this slot before */
	storm_did(w, CALL_UNMAP, iommufd_ioas_unmap(fd, d->ioas_id, iova,
						    STORM_PART, NULL));
	if (!storm_did(w, CALL_MAP,
		       iommufd_ioas_map_mem(fd, d->ioas_id, slot->id, 0,
					    slot->length,
					    IOMMUFD_FIXED_READ_WRITE, &iova)))
		storm_did(w, CALL_DMA, copy_by_dma(&d->dev, slot, iova,
						   storm_number(w)));
}

static void attach(struct storm_worker *w, struct device *d)
{
	uint32_t ioas_id = storm_some_ioas(w, d->ctx);

	if (storm_did(w, CALL_ATTACH, vfio_attach(&d->dev, ioas_id)))
		return;
	d->ioas_id = ioas_id;
	use_dma(w, d);
}

static void detach(struct storm_worker *w, struct device *d)
{
	d->ioas_id = 0;
	storm_did(w, CALL_DETACH, vfio_detach(&d->dev));
}

static void open_device(struct storm_worker *w, struct device *d)
{
	int ctx = storm_some_context(w);

	if (storm_did(w, CALL_OPEN, vfio_open(&d->dev, &d->function)))
		return;
	if (storm_did(w, CALL_BIND, vfio_bind(&d->dev, storm_context[ctx].fd))) {
		vfio_close(&d->dev);
		return;
	}
	d->ctx = ctx;
	attach(w, d);
}

static void close_device(struct device *d)
{
	d->ctx = -1;
	d->ioas_id = 0;
	vfio_close(&d->dev);
}

static void rebind(struct storm_worker *w, struct device *d)
{
	const char *bdf = d->function.bdf;

	close_device(d);
	storm_did(w, CALL_REBIND,
		  memtest_write(bdf, "/sys/bus/pci/devices/%s/driver/unbind", bdf) ?:
		  memtest_write(bdf, "/sys/bus/pci/drivers/vfio-pci/bind") ?:
		  find_again(&d->function));
}

/* Take the BARs away, or give them back */
static int set_decode(struct vfio_dev *dev, bool on)
{
	return vfio_set_command(dev, on ? PCI_COMMAND_MEMORY : 0,
				on ? 0 : PCI_COMMAND_MEMORY);
}

static void use_open_device(struct storm_worker *w, struct device *d)
{
	uint64_t kind = storm_number(w) % 12;

	if (kind == 0)
		close_device(d);
	else if (kind == 1)
		attach(w, d);
	else if (kind == 2)
		detach(w, d);
	else if (!d->is_vf)
		storm_did(w, CALL_COMMAND, set_decode(&d->dev, kind % 2));
	else if (kind < 5)
		storm_did(w, CALL_RESET, vfio_reset(&d->dev));
	else if (kind < 7)
		storm_did(w, CALL_SYSFS_RESET,
			  memtest_write("1", "/sys/bus/pci/devices/%s/reset", d->function.bdf));
	else
		use_dma(w, d);
}

static void use_device(struct storm_worker *w, struct device *d)
{
	if (storm_number(w) % 8 == 0)
		rebind(w, d);
	else if (d->ctx < 0)
		open_device(w, d);
	else
		use_open_device(w, d);
}

void storm_use_device(struct storm_worker *w)
{
	struct device *d = &device[storm_number(w) % DEVICES];

	if (w->child || !d->function.bdf[0] || pthread_mutex_trylock(&d->lock))
		return;
	use_device(w, d);
	pthread_mutex_unlock(&d->lock);
}

void storm_get_devices(int process)
{
	struct vfio_function found[DEVICES];
	int i, nr, nr_vfs;

	nr_vfs = vfio_find(NVGRACE_GPU_VENDOR_ID, NVGRACE_GPU_VF_DEVICE_ID,
			   found, DEVICES - 1);
	nr = nr_vfs + !edu_find(&found[nr_vfs]);
	for (i = 0; i < DEVICES; i++) {
		struct device *d = &device[i];

		pthread_mutex_init(&d->lock, NULL);
		d->dev.fd = -1;
		d->ctx = -1;
		d->is_vf = i < nr_vfs;
		if (i < nr && i % STORM_PROCESSES == process)
			d->function = found[i];
	}
}

void storm_drop_devices(void)
{
	int i;

	for (i = 0; i < DEVICES; i++)
		close_device(&device[i]);
}
