/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GPU's VFs as the guest's program uses them: all in one iommufd and one IOAS.
 *
 * An IOVA is an address in that IOAS. Where the guest has no IOMMU the engines take
 * guest-physical addresses instead, and vfs_dma() tells which.
 */
#ifndef GUEST_VFS_H
#define GUEST_VFS_H

#include "gpu.h"

#define MAX_VFS		2
#define DEADLINE	120	/* seconds; the machine may be emulated */

/* Where things are in the IOAS */
#define BUFFER_IOVA	0x100000000ULL
#define BAR_IOVA	0x200000000ULL

struct vf {
	struct vfio_dev dev;
	struct gpu gpu;
};

struct vfs {
	int nr;
	bool iommu;		/* the guest has one for them */
	int iommufd;
	uint32_t ioas_id;
	int deadline;		/* seconds for one copy */
	struct vf vf[MAX_VFS];
};

/* How the end of a copy is learnt */
enum copy_end { END_POLL, END_SEMAPHORE, END_INTERRUPT };

/* Find up to MAX_VFS VFs, whatever drives them; fills @bdf, returns how many */
int vfs_find(char bdf[MAX_VFS][16]);
/* What sysfs says of the VF's group: DMA, identity, blocked; "" if it has no IOMMU */
const char *vf_group_type(const char *bdf);

/*
 * Bind all VFs to vfio-pci, open them and attach them to a new IOAS. At least @min
 * must be there. A failure is reported as a step.
 */
int vfs_open(struct vfs *vfs, int min);
void vfs_close(struct vfs *vfs);
/* One VF that is about to go away */
void vf_close(struct vf *vf);

/* Anonymous memory at @iova; @va is its mapping, to be given back with munmap() */
int vfs_map(struct vfs *vfs, uint64_t iova, uint64_t length, uint8_t **va);

/*
 * What an engine takes for @iova, and in @run, which says how many bytes are wanted,
 * how many follow without a gap
 */
int vfs_dma(struct vfs *vfs, uint64_t iova, uint64_t *run, uint64_t *address);

/*
 * Let VF @i copy from IOVA to IOVA, in as many pieces as it takes. @semaphore: where
 * its IOVA and the CPU have it, for END_SEMAPHORE
 */
struct semaphore {
	uint64_t iova;
	volatile uint32_t *cpu;
};

int vfs_copy(struct vfs *vfs, int i, uint64_t src, uint64_t dst, uint64_t length,
	     enum copy_end end, const struct semaphore *semaphore);

#endif
