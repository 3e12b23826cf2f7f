/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vfio function as the guest sees it: its configuration space, its BARs' places, its MSI-X
 * table. The function behind it and the VM around it are ops tables.
 *
 * Nothing here locks: all calls are made under the VM's device lock, and the callbacks
 * must not call back.
 */
#ifndef VMM_ENDPOINT_H
#define VMM_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "pci.h"

#define ENDPOINT_BARS	6

struct endpoint;

/*
 * The physical function, by vfio: offsets in its configuration space, or in a BAR. Values are
 * little-endian, of 1, 2, 4 or (BARs) 8 bytes. Return 0 or a negative errno.
 */
struct endpoint_host_ops {
	int (*config_read)(void *opaque, uint32_t offset, void *value, unsigned int size);
	int (*config_write)(void *opaque, uint32_t offset, const void *value, unsigned int size);
	int (*region_read)(void *opaque, unsigned int bar, uint64_t offset, void *value,
			   unsigned int size);
	int (*region_write)(void *opaque, unsigned int bar, uint64_t offset, const void *value,
			    unsigned int size);
};

struct endpoint_vm_ops {
	/*
	 * The BAR decodes at @gpa, until bar_unmap(): a multiple of its size and not 0, else
	 * the guest's choice. The VM leaves one unmapped that is outside its PCI windows.
	 */
	void (*bar_map)(void *opaque, unsigned int bar, uint64_t gpa);
	void (*bar_unmap)(void *opaque, unsigned int bar);
	/*
	 * The vector can be delivered, with this message of the guest's choice; or not any
	 * more. What fires while it cannot waits in the eventfd: KVM delivers it when that is
	 * assigned again.
	 */
	void (*msix_unmask)(void *opaque, unsigned int vector, uint64_t address, uint32_t data);
	void (*msix_mask)(void *opaque, unsigned int vector);
	/* MSI-X Enable, before the first msix_unmask() and after the last msix_mask() */
	void (*msix_enable)(void *opaque, bool enable);
	/*
	 * Around a reset and a change of the power state: no CPU may reach the function from
	 * one to the other. BARs are unmapped, and mapped, in between.
	 */
	void (*quiesce)(void *opaque);
	void (*resume)(void *opaque);
	/* See struct pci_endpoint_ops */
	void (*rid_changed)(void *opaque, uint16_t rid);
};

/* A memory BAR; the upper half of one of 64 bits, and one that is not there, has size 0 */
struct endpoint_bar {
	uint64_t size;		/* bytes, a power of two */
	bool is_64bit, prefetchable;
};

/*
 * Reads the function's configuration space, once, and does not write to it: it should be fresh
 * from reset. NULL, with errno: EINVAL for BARs that cannot be; ENODEV if there is no function
 * of header type 0; ENOMEM; or what config_read() says.
 */
struct endpoint *endpoint_new(const struct endpoint_bar bars[ENDPOINT_BARS],
			      const struct endpoint_host_ops *host,
			      const struct endpoint_vm_ops *vm, void *opaque);
/* Unmaps BARs and masks vectors, and does not touch the function. Unplug it before */
void endpoint_free(struct endpoint *endpoint);

/* For pci_plug(); opaque is the struct endpoint */
extern const struct pci_endpoint_ops endpoint_pci_ops;

/* Where a BAR is emulated: the MSI-X table and the pending bits. Bytes, not rounded */
struct endpoint_hole {
	unsigned int bar;
	uint64_t offset, length;
};

/* Fills 0 or 2 holes, and returns how many */
unsigned int endpoint_msix_holes(const struct endpoint *endpoint, struct endpoint_hole holes[2]);
/* 0 if the function has no usable MSI-X */
unsigned int endpoint_msix_vectors(const struct endpoint *endpoint);

/*
 * The guest's accesses that trap, of 1, 2, 4 or 8 bytes, @offset from the BAR's start: MSI-X is
 * emulated, the rest goes to the function. All ones, and no effect, for what is not aligned,
 * not within a mapped BAR, or refused by the function.
 */
uint64_t endpoint_bar_read(struct endpoint *endpoint, unsigned int bar, uint64_t offset,
			   unsigned int size);
void endpoint_bar_write(struct endpoint *endpoint, unsigned int bar, uint64_t offset,
			uint64_t value, unsigned int size);

#endif
