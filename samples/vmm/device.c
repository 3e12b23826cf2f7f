// SPDX-License-Identifier: GPL-2.0
/*
 * A vfio function, on both of its sides: the host's (cdev, BAR objects, eventfds) and the
 * VM's (memory slots, IOAS, ITS). What its configuration space looks like to the guest
 * is endpoint.c's business, which tells this file what follows of it.
 *
 * A BAR is one memory object. It is mmapped once, and mapped into the IOAS when the
 * guest has said where it has the BAR. The kernel takes the mappings away while the
 * function cannot be reached (decode off, reset, low power) and gives them back: for DMA
 * there is nothing to do here. For the guest's CPUs the BAR's memory slots go and come
 * with decode, so that an access finds nothing there, as on hardware, and not a mapping
 * that KVM cannot fill.
 *
 * The pages of the MSI-X table and PBA trap. The table in the device is vfio's, which
 * writes the host's interrupts into it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include <iommufd-mem/iommufd.h>

#include "bind.h"
#include "device.h"
#include "endpoint.h"
#include "error.h"
#include "gic.h"
#include "iommu.h"
#include "layout.h"
#include "loop.h"
#include "pci.h"
#include "vm.h"

static const char *name(const struct device *device)
{
	return device->vfio.function.bdf;
}

/* The host's side */

static int host_config_read(void *opaque, uint32_t offset, void *value, unsigned int size)
{
	struct device *device = opaque;

	return vfio_read(&device->vfio, VFIO_PCI_CONFIG_REGION_INDEX, offset, value, size);
}

static int host_config_write(void *opaque, uint32_t offset, const void *value,
			     unsigned int size)
{
	struct device *device = opaque;

	return vfio_write(&device->vfio, VFIO_PCI_CONFIG_REGION_INDEX, offset, value,
				 size);
}

static int host_region_read(void *opaque, unsigned int bar, uint64_t offset, void *value,
			    unsigned int size)
{
	struct device *device = opaque;

	return vfio_read(&device->vfio, bar, offset, value, size);
}

static int host_region_write(void *opaque, unsigned int bar, uint64_t offset,
			     const void *value, unsigned int size)
{
	struct device *device = opaque;

	return vfio_write(&device->vfio, bar, offset, value, size);
}

static const struct endpoint_host_ops host_ops = {
	.config_read = host_config_read,
	.config_write = host_config_write,
	.region_read = host_region_read,
	.region_write = host_region_write,
};

/* BARs in the guest's address space */

static void add_slots(struct device *device, struct device_bar *bar)
{
	unsigned int i;

	for (i = 0; i < bar->nr_pieces; i++) {
		struct device_piece *piece = &bar->pieces[i];

		if (piece->slot >= 0)
			continue;
		piece->slot = vm_add_memory(device->vm, bar->gpa + piece->offset, piece->length,
					    bar->va + piece->offset);
		/* A guest can put BARs over each other. Then they trap, all of them right */
		if (piece->slot < 0)
			vmm_note(piece->slot, "%s: BAR at 0x%" PRIx64 " is slow", name(device),
				 bar->gpa);
	}
}

static void remove_slots(struct device *device, struct device_bar *bar)
{
	unsigned int i;

	for (i = 0; i < bar->nr_pieces; i++) {
		if (bar->pieces[i].slot >= 0)
			vm_remove_memory(device->vm, bar->pieces[i].slot);
		bar->pieces[i].slot = -1;
	}
}

static void unmap_ioas(struct device *device, struct device_bar *bar)
{
	unsigned int i;

	for (i = 0; i < bar->nr_pieces && bar->ioas_gpa; i++)
		iommufd_ioas_unmap(device->iommufd, device->iommu->ioas_id,
				   bar->ioas_gpa + bar->pieces[i].offset, bar->pieces[i].length,
				   NULL);
	bar->ioas_gpa = 0;
}

/* So that other devices of the guest reach the BAR: peer-to-peer */
static void map_ioas(struct device *device, struct device_bar *bar)
{
	unsigned int i;
	int ret;

	if (bar->ioas_gpa == bar->gpa)
		return;
	unmap_ioas(device, bar);
	for (i = 0; i < bar->nr_pieces; i++) {
		uint64_t iova = bar->gpa + bar->pieces[i].offset;

		ret = iommufd_ioas_map_mem(device->iommufd, device->iommu->ioas_id, bar->mem_id,
					   bar->pieces[i].offset, bar->pieces[i].length,
					   IOMMUFD_FIXED_READ_WRITE, &iova);
		if (ret)
			vmm_note(ret, "%s: no peer-to-peer for the BAR at 0x%" PRIx64,
				 name(device), bar->gpa);
	}
	bar->ioas_gpa = bar->gpa;
	vmm_step("%s: the guest has memory object %u at 0x%" PRIx64, name(device), bar->mem_id,
		 bar->gpa);
}

static bool within(uint64_t start, uint64_t size, uint64_t gpa, uint64_t length)
{
	return gpa >= start && gpa - start < size && length <= size - (gpa - start);
}

static void bar_map(void *opaque, unsigned int index, uint64_t gpa)
{
	struct device *device = opaque;
	struct device_bar *bar = &device->bars[index];

	/* Elsewhere it would be over something else: there is no decoder for that */
	if (!within(GUEST_PCI_MEM64, GUEST_PCI_MEM64_SIZE, gpa, bar->size) &&
	    !within(GUEST_PCI_MEM32, GUEST_PCI_MEM32_SIZE, gpa, bar->size))
		return;
	bar->gpa = gpa;
	add_slots(device, bar);
	map_ioas(device, bar);
}

static void bar_unmap(void *opaque, unsigned int index)
{
	struct device *device = opaque;

	remove_slots(device, &device->bars[index]);
	device->bars[index].gpa = 0;
}

static void quiesce(void *opaque)
{
	struct device *device = opaque;
	unsigned int i;

	for (i = 0; i < DEVICE_BARS; i++)
		remove_slots(device, &device->bars[i]);
}

static void resume(void *opaque)
{
	struct device *device = opaque;
	unsigned int i;

	for (i = 0; i < DEVICE_BARS; i++)
		if (device->bars[i].gpa)
			add_slots(device, &device->bars[i]);
}

/* Interrupts: device -> vfio -> eventfd -> KVM -> ITS */

static void msix_off(struct device *device)
{
	unsigned int i;

	if (!device->msix)
		return;
	vfio_disable_irqs(&device->vfio, VFIO_PCI_MSIX_IRQ_INDEX);
	for (i = 0; i < device->nr_vectors; i++) {
		gic_disconnect_msi(device->vm, device->event_fds[i]);
		close(device->event_fds[i]);
	}
	device->msix = false;
}

static void msix_enable(void *opaque, bool enable)
{
	struct device *device = opaque;
	unsigned int i;
	int ret = 0;

	if (!enable || device->msix) {
		msix_off(device);
		return;
	}
	for (i = 0; i < device->nr_vectors; i++) {
		device->event_fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (device->event_fds[i] < 0)
			ret = -errno;
	}
	device->msix = true;
	ret = ret ?: vfio_set_msix(&device->vfio, 0, device->nr_vectors, device->event_fds);
	if (ret) {
		vmm_note(ret, "%s: MSI-X", name(device));
		msix_off(device);
	}
}

static void msix_mask(void *opaque, unsigned int vector)
{
	struct device *device = opaque;

	/* What fires from now on waits in the eventfd */
	if (device->msix)
		gic_disconnect_msi(device->vm, device->event_fds[vector]);
}

static void msix_unmask(void *opaque, unsigned int vector, uint64_t address, uint32_t data)
{
	struct device *device = opaque;
	int ret;

	(void)address;	/* see gic.c */
	if (!device->msix)
		return;
	msix_mask(device, vector);
	ret = gic_connect_msi(device->vm, device->event_fds[vector], device->rid, data);
	if (ret)
		vmm_note(ret, "%s: MSI-X vector %u", name(device), vector);
}

static void rid_changed(void *opaque, uint16_t rid)
{
	struct device *device = opaque;

	if (rid == device->rid)
		return;
	device->rid = rid;
	iommu_set_rid(device->iommu, device, rid);
}

static const struct endpoint_vm_ops vm_ops = {
	.bar_map = bar_map,
	.bar_unmap = bar_unmap,
	.msix_unmask = msix_unmask,
	.msix_mask = msix_mask,
	.msix_enable = msix_enable,
	.quiesce = quiesce,
	.resume = resume,
	.rid_changed = rid_changed,
};

/* Opening and closing */

static int open_bar(struct device *device, unsigned int index)
{
	struct device_bar *bar = &device->bars[index];
	struct vfio_region_info info;
	uint64_t offset;
	void *va;
	int ret;

	ret = vfio_region_info(&device->vfio, index, &info);
	if (ret)
		return vmm_error(ret, "%s: BAR %u", name(device), index);
	bar->size = info.size;
	if (!bar->size || !(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	ret = iommufd_mem_alloc_bar(device->iommufd, device->vfio.dev_id, index, 0, bar->size,
				    &bar->mem_id, &offset);
	if (ret == -ENOTTY || ret == -EOPNOTSUPP)
		return vmm_error(ret, "this kernel has no memory objects: it needs CONFIG_IOMMUFD_MEM and CONFIG_VFIO_PCI_MEM");
	if (ret)
		return vmm_error(ret, "%s: BAR %u as a memory object", name(device), index);
	ret = iommufd_mem_mmap(device->iommufd, offset, bar->size,
			       bar->size >= MIB(2) ? MIB(2) : 0, PROT_READ | PROT_WRITE, &va);
	if (ret)
		return vmm_error(ret, "%s: mmap of BAR %u", name(device), index);
	bar->va = va;
	vmm_step("%s: BAR %u of %" PRIu64 " KiB is memory object %u", name(device), index,
		 bar->size >> 10, bar->mem_id);
	return 0;
}

static int open_bars(struct device *device)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < DEVICE_BARS && !ret; i++)
		ret = open_bar(device, i);
	if (ret)
		return ret;
	device->request_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (device->request_fd < 0)
		return vmm_error(-errno, "eventfd");
	ret = vfio_set_irqs(&device->vfio, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &device->request_fd);
	return ret ? vmm_error(ret, "%s: VFIO_PCI_REQ_ERR_IRQ", name(device)) : 0;
}

static void init(struct device *device, int iommufd)
{
	*device = (struct device){
		.iommufd = iommufd, .request_fd = -1, .vfio.fd = -1, .present = true,
	};
}

int device_open(struct device *device, const char *bdf, int iommufd)
{
	int ret;

	init(device, iommufd);
	ret = bind_function(&device->vfio, bdf, iommufd);
	if (ret)
		return ret;
	vmm_step("%s: bound to the iommufd as device %u", bdf, device->vfio.dev_id);
	return open_bars(device);
}

int device_adopt(struct device *device, int fd, uint32_t dev_id, int iommufd)
{
	init(device, iommufd);
	vfio_adopt(&device->vfio, fd, dev_id);
	snprintf(device->vfio.function.bdf, sizeof(device->vfio.function.bdf), "fd %d", fd);
	return open_bars(device);
}

void device_close(struct device *device)
{
	unsigned int i;

	for (i = 0; i < DEVICE_BARS; i++) {
		struct device_bar *bar = &device->bars[i];

		if (bar->va)
			munmap(bar->va, bar->size);
		if (bar->mem_id)
			iommufd_destroy(device->iommufd, bar->mem_id);
		memset(bar, 0, sizeof(*bar));
	}
	if (device->request_fd >= 0)
		close(device->request_fd);
	device->request_fd = -1;
	vfio_close(&device->vfio);
	device->present = false;
}

/* In a VM */

static void add_piece(struct device_bar *bar, uint64_t from, uint64_t to)
{
	if (from < to && bar->nr_pieces < DEVICE_PIECES)
		bar->pieces[bar->nr_pieces++] = (struct device_piece){ from, to - from, -1 };
}

/* All of the BAR but the pages that trap; nothing if it cannot be mmapped */
static void cut(struct device *device, unsigned int index)
{
	struct device_bar *bar = &device->bars[index];
	uint64_t page = sysconf(_SC_PAGESIZE), from = 0;
	struct endpoint_hole holes[2], swap;
	unsigned int i, nr;

	bar->nr_pieces = 0;
	if (!bar->va || bar->size % page)
		return;
	nr = endpoint_msix_holes(device->endpoint, holes);
	if (nr == 2 && holes[0].offset > holes[1].offset) {
		swap = holes[0];
		holes[0] = holes[1];
		holes[1] = swap;
	}
	for (i = 0; i < nr; i++) {
		if (holes[i].bar != index)
			continue;
		add_piece(bar, from, holes[i].offset / page * page);
		from = (holes[i].offset + holes[i].length + page - 1) / page * page;
	}
	add_piece(bar, from, bar->size);
}

/* The host is about to take the device away, and waits for us */
static void requested(void *opaque)
{
	struct device *device = opaque;

	vmm_note(0, "%s: the host wants it back: unplugged", name(device));
	device_unplug(device);
	vfio_detach(&device->vfio);
	device_close(device);
}

static int make_endpoint(struct device *device)
{
	struct endpoint_bar bars[DEVICE_BARS] = {};
	unsigned int i;
	uint32_t raw;

	for (i = 0; i < DEVICE_BARS; i++) {
		if (!device->bars[i].size)
			continue;
		if (host_config_read(device, PCI_BASE_ADDRESS_0 + 4 * i, &raw, 4))
			return -EIO;
		bars[i].size = device->bars[i].size;
		bars[i].is_64bit = raw & PCI_BASE_ADDRESS_MEM_TYPE_64;
		bars[i].prefetchable = raw & PCI_BASE_ADDRESS_MEM_PREFETCH;
		i += bars[i].is_64bit;
	}
	device->endpoint = endpoint_new(bars, &host_ops, &vm_ops, device);
	if (!device->endpoint)
		return -ENOMEM;
	device->nr_vectors = endpoint_msix_vectors(device->endpoint);
	if (device->nr_vectors > DEVICE_VECTORS)
		device->nr_vectors = DEVICE_VECTORS;
	for (i = 0; i < DEVICE_BARS; i++)
		cut(device, i);
	return 0;
}

int device_plug(struct device *device, unsigned int slot, struct vm *vm, struct loop *loop,
		struct pci *pci, struct iommu *iommu)
{
	int ret;

	device->slot = slot;
	device->vm = vm;
	device->loop = loop;
	device->pci = pci;
	device->iommu = iommu;
	ret = make_endpoint(device);
	if (ret)
		return vmm_error(ret, "%s: its configuration space", name(device));
	device->request_watch = loop_add(loop, device->request_fd, requested, device);
	ret = pci_plug(pci, slot, &endpoint_pci_ops, device->endpoint);
	return ret ? vmm_error(ret, "%s: slot %u", name(device), slot) : 0;
}

void device_unplug(struct device *device)
{
	unsigned int i;

	if (!device->endpoint)
		return;
	loop_remove(device->loop, device->request_watch);
	/* Takes away its requester ID; then what the guest has of it: BARs, interrupts */
	pci_unplug(device->pci, device->slot);
	endpoint_free(device->endpoint);
	device->endpoint = NULL;
	for (i = 0; i < DEVICE_BARS; i++)
		unmap_ioas(device, &device->bars[i]);
	/* No DMA goes on, and the next guest finds it as it was */
	vfio_reset(&device->vfio);
}

static struct device_bar *find(const struct device_window *window, uint64_t gpa,
			       unsigned int size, struct device **device, unsigned int *index)
{
	unsigned int i;

	for (i = 0; i < window->count * DEVICE_BARS; i++) {
		struct device_bar *bar = &window->devices[i / DEVICE_BARS].bars[i % DEVICE_BARS];

		if (!bar->gpa || !within(bar->gpa, bar->size, gpa, size))
			continue;
		*device = &window->devices[i / DEVICE_BARS];
		*index = i % DEVICE_BARS;
		return bar;
	}
	return NULL;
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned int size)
{
	const struct device_window *window = opaque;
	struct device *device;
	struct device_bar *bar;
	unsigned int index;

	offset += window->start;
	bar = find(window, offset, size, &device, &index);
	return bar ? endpoint_bar_read(device->endpoint, index, offset - bar->gpa, size) :
		     UINT64_MAX;
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned int size)
{
	const struct device_window *window = opaque;
	struct device *device;
	struct device_bar *bar;
	unsigned int index;

	offset += window->start;
	bar = find(window, offset, size, &device, &index);
	if (bar)
		endpoint_bar_write(device->endpoint, index, offset - bar->gpa, value, size);
}

const struct mmio_ops device_window_ops = {
	.read = window_read,
	.write = window_write,
};
