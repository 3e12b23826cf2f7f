/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What translates the DMA of the guest's devices: page tables of iommufd, and the
 * SMMU that the guest sees.
 */
#ifndef VMM_IOMMU_H
#define VMM_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/iommufd.h>

struct device;
struct loop;
struct memory;
struct vm;
struct vsmmu;

enum iommu_mode {
	IOMMU_NESTED,	/* the guest has an SMMU; its stage 1 over our stage 2 */
	IOMMU_FLAT,	/* the guest has none; our stage 2 */
	IOMMU_NONE,	/* the guest has none; what the kernel makes of the IOAS */
};

struct iommu {
	enum iommu_mode mode;
	int iommufd;
	uint32_t ioas_id;	/* guest-physical addresses */
	uint32_t hwpt_id;	/* stage 2; IOMMU_NONE: 0 */
	uint32_t viommu_id;	/* IOMMU_NESTED */
	struct iommu_hw_info_arm_smmuv3 hw;	/* the physical SMMU */
	int event_fd;		/* vEVENTQ */
	int event_watch;
	struct vsmmu *vsmmu;
	struct memory *memory;
	struct vm *vm;
	struct loop *loop;
	struct device *devices;
	unsigned int nr_devices;
};

extern const char *const iommu_mode_names[];

/*
 * Functions return 0 or a negative errno, and have said why.
 *
 * Make the page tables for @devices, all of which are bound, map @memory, attach.
 */
int iommu_init(struct iommu *iommu, enum iommu_mode mode, int iommufd, struct memory *memory,
	       struct device *devices, unsigned int nr_devices);

/* The guest's SMMU, in its power-on state. Nothing to do but with IOMMU_NESTED */
int iommu_start(struct iommu *iommu, struct vm *vm, struct loop *loop);
void iommu_stop(struct iommu *iommu);

/*
 * The guest has given the device a requester ID, which is its stream ID; 0: it has
 * taken it away. With the device lock held.
 */
void iommu_set_rid(struct iommu *iommu, struct device *device, uint16_t rid);

#endif
