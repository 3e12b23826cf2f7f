/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCI function of the host that the guest has: its cdev, its BARs as memory objects,
 * its interrupts, its place behind the guest's SMMU.
 */
#ifndef VMM_DEVICE_H
#define VMM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <iommufd-mem/vfio.h>

#include "mmio.h"

#define DEVICE_BARS	6
#define DEVICE_PIECES	5	/* of a BAR, between what traps */
#define DEVICE_VECTORS	2048	/* what MSI-X can have */

struct endpoint;
struct iommu;
struct loop;
struct pci;
struct vm;

/* Part of a BAR that the guest's CPUs and devices reach without us */
struct device_piece {
	uint64_t offset, length;	/* multiples of the host's page */
	int slot;			/* KVM's, -1 if there is none now */
};

struct device_bar {
	uint64_t size;			/* bytes, 0 for none */
	uint32_t mem_id;		/* the memory object, 0 for none */
	uint8_t *va;			/* its mmap */
	struct device_piece pieces[DEVICE_PIECES];
	unsigned int nr_pieces;
	uint64_t gpa;			/* where the guest has it, 0: nowhere */
	uint64_t ioas_gpa;		/* where the IOAS has it, 0: nowhere */
};

struct device {
	struct vfio_dev vfio;
	int iommufd;
	struct vm *vm;
	struct loop *loop;
	struct iommu *iommu;
	struct pci *pci;
	struct endpoint *endpoint;
	unsigned int slot;		/* of the guest's PCI */
	struct device_bar bars[DEVICE_BARS];
	int event_fds[DEVICE_VECTORS];	/* of the MSI-X vectors, while MSI-X is on */
	unsigned int nr_vectors;
	bool msix;
	int request_fd;			/* eventfd: the host wants the device back */
	int request_watch;
	bool present;
	/* The SMMU's view */
	uint16_t rid;			/* in the guest, 0 while it has none */
	uint32_t vdevice_id;		/* 0 for none */
	uint32_t nested_id;		/* HWPT of the guest's stage 1, 0 for none */
	uint64_t ste[2];		/* the entry it was made of */
};

/*
 * All but the void ones return 0 or a negative errno, and have said why.
 *
 * device_open() binds the function to @iommufd; device_adopt() takes a cdev that
 * someone else has bound, who knows the ID that it got.
 */
int device_open(struct device *device, const char *name, int iommufd);
int device_adopt(struct device *device, int fd, uint32_t dev_id, int iommufd);
void device_close(struct device *device);

/* Put it into a VM's slot; the host's requests for it are served from now on */
int device_plug(struct device *device, unsigned int slot, struct vm *vm, struct loop *loop,
		struct pci *pci, struct iommu *iommu);
/* Out of it, and reset. The guest, if it still runs, sees a surprise removal */
void device_unplug(struct device *device);

/* Where the guest can have BARs; devices is an array of @count */
struct device_window {
	struct device *devices;
	unsigned int count;
	uint64_t start;			/* guest-physical */
};

/* Accesses there that trap */
extern const struct mmio_ops device_window_ops;

#endif
