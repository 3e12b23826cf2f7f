/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Typed calls for the ioctls of iommufd that VMMs use.
 *
 * Every function returns 0, or a negative errno; iommufd_open() returns the file
 * descriptor. Lengths, offsets and addresses are in bytes.
 */
#ifndef IOMMUFD_MEM_IOMMUFD_H
#define IOMMUFD_MEM_IOMMUFD_H

#include <stdint.h>

#include <linux/iommufd.h>
#include <linux/iommufd_mem.h>

#define IOMMUFD_READ_WRITE \
	(IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define IOMMUFD_FIXED_READ_WRITE \
	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMUFD_READ_WRITE)

int iommufd_open(void);
int iommufd_ioctl(int fd, unsigned long request, void *arg);
int iommufd_destroy(int fd, uint32_t id);

/*
 * @cmd: everything but size is the caller's; the output fields are filled in
 */
int iommufd_mem_alloc(int fd, struct iommu_mem_alloc *cmd);
int iommufd_mem_info(int fd, struct iommu_mem_info *cmd);

/* Memory of the region that @dev_id is linked to */
int iommufd_mem_alloc_region(int fd, uint32_t dev_id, uint64_t length,
			     uint32_t *mem_id, uint64_t *mmap_offset);
/* [@offset, @offset + @length) of a BAR of @dev_id */
int iommufd_mem_alloc_bar(int fd, uint32_t dev_id, uint32_t bar,
			  uint64_t offset, uint64_t length, uint32_t *mem_id,
			  uint64_t *mmap_offset);
/*
 * mmap, if possible at a virtual address aligned to @align (a power of two, or 0),
 * so that large page table entries are possible.
 */
int iommufd_mem_mmap(int fd, uint64_t mmap_offset, uint64_t length,
		     uint64_t align, int prot, void **va);

int iommufd_ioas_alloc(int fd, uint32_t *ioas_id);
/*
 * @flags: as in the ioctls; @iova is input with IOMMU_IOAS_MAP_FIXED_IOVA, else
 *         output
 */
int iommufd_ioas_map(int fd, uint32_t ioas_id, void *va, uint64_t length,
		     uint32_t flags, uint64_t *iova);
int iommufd_ioas_map_mem(int fd, uint32_t ioas_id, uint32_t mem_id,
			 uint64_t offset, uint64_t length, uint32_t flags,
			 uint64_t *iova);
int iommufd_ioas_copy(int fd, uint32_t dst_ioas_id, uint32_t src_ioas_id,
		      uint64_t length, uint32_t flags, uint64_t *dst_iova,
		      uint64_t src_iova);
/* @unmapped: output, may be NULL */
int iommufd_ioas_unmap(int fd, uint32_t ioas_id, uint64_t iova, uint64_t length,
		       uint64_t *unmapped);

/* @pt_id: an IOAS; @flags: enum iommufd_hwpt_alloc_flags */
int iommufd_hwpt_alloc(int fd, uint32_t dev_id, uint32_t pt_id, uint32_t flags,
		       uint32_t *hwpt_id);
int iommufd_hwpt_alloc_nested(int fd, uint32_t dev_id, uint32_t viommu_id,
			      const struct iommu_hwpt_arm_smmuv3 *ste,
			      uint32_t *hwpt_id);
int iommufd_viommu_alloc(int fd, uint32_t dev_id, uint32_t hwpt_id,
			 uint32_t *viommu_id);
int iommufd_vdevice_alloc(int fd, uint32_t viommu_id, uint32_t dev_id,
			  uint64_t virt_id, uint32_t *vdevice_id);
int iommufd_hw_info_smmuv3(int fd, uint32_t dev_id,
			   struct iommu_hw_info_arm_smmuv3 *info);

/* @event_fd: the caller closes it */
int iommufd_veventq_alloc(int fd, uint32_t viommu_id, uint32_t depth,
			  uint32_t *veventq_id, int *event_fd);
/* -ETIMEDOUT if no event came in @seconds */
int iommufd_veventq_read(int event_fd, int seconds,
			 struct iommufd_vevent_header *header,
			 struct iommu_vevent_arm_smmuv3 *event);

#endif
