/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Typed calls for the ioctls of iommufd that VMMs use, and for its memory objects.
 *
 * Lengths, offsets and addresses are in bytes. A function returns 0 or a negative
 * errno where it does not say otherwise, and one that fails leaves nothing behind and
 * its outputs alone. The errnos named here are those with a cause of their own; the
 * rest are the ioctl's, see linux/iommufd_mem.h and linux/iommufd.h. No function
 * keeps state: what is thread-safe in the kernel is so here.
 */
#ifndef IOMMUFD_MEM_IOMMUFD_H
#define IOMMUFD_MEM_IOMMUFD_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/iommufd.h>
#include <linux/iommufd_mem.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOMMUFD_READ_WRITE \
	(IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define IOMMUFD_FIXED_READ_WRITE \
	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMUFD_READ_WRITE)

/**
 * iommufd_open() - Open /dev/iommu, with close-on-exec
 *
 * Return: the file descriptor, which the caller closes; -ENOENT, -ENODEV: the kernel
 * has no iommufd; -EACCES: no right to open it
 */
int iommufd_open(void);

/**
 * iommufd_ioctl() - An ioctl that has no function of its own here
 * @fd: the iommufd
 * @request: IOMMU_...
 * @arg: its structure, size filled in
 *
 * Return: 0, or the ioctl's errno, negative
 */
int iommufd_ioctl(int fd, unsigned long request, void *arg);

/**
 * iommufd_destroy() - Destroy an object
 * @fd: the iommufd
 * @id: any object but a device
 *
 * Return: 0; -EBUSY: another object or a device uses it, or, a memory object, it is
 * mmapped; -ENOENT: there is none with this ID
 */
int iommufd_destroy(int fd, uint32_t id);

/**
 * iommufd_mem_alloc() - IOMMU_MEM_ALLOC with all that it can do
 * @fd: the iommufd
 * @cmd: all but size is the caller's; the output fields are filled in
 *
 * Return: 0, or an errno of struct iommu_mem_alloc, negative
 */
int iommufd_mem_alloc(int fd, struct iommu_mem_alloc *cmd);

/**
 * iommufd_mem_alloc_region() - Allocate zeroed memory of the region of a device
 * @fd: the iommufd
 * @dev_id: a bound device that is linked to a region
 * @length: a multiple of the page size, not 0
 * @mem_id: output, ID of the object
 * @mmap_offset: output, for iommufd_mem_mmap()
 *
 * Return: 0; -ENODEV: the device is linked to no region; -ENOSPC: the region has too
 * little free memory; -EBUSY: the region is exclusive and in use by others; -EDQUOT:
 * the limit of the dmem cgroup
 */
int iommufd_mem_alloc_region(int fd, uint32_t dev_id, uint64_t length, uint32_t *mem_id,
			     uint64_t *mmap_offset);

/**
 * iommufd_mem_alloc_bar() - Make an object of a piece of a BAR
 * @fd: the iommufd
 * @dev_id: a bound device
 * @bar: 0 to 5
 * @offset: where the piece starts in the BAR, a multiple of the page size
 * @length: a multiple of the page size, not 0
 * @mem_id: output, ID of the object
 * @mmap_offset: output, for iommufd_mem_mmap()
 *
 * Return: 0; -EINVAL: no memory BAR, or the piece is not within it; -ENODEV: its
 * memory decode is off; -EOPNOTSUPP: its driver offers no memory objects
 */
int iommufd_mem_alloc_bar(int fd, uint32_t dev_id, uint32_t bar, uint64_t offset,
			  uint64_t length, uint32_t *mem_id, uint64_t *mmap_offset);

/**
 * iommufd_mem_info() - IOMMU_MEM_INFO with all that it can do
 * @fd: the iommufd
 * @cmd: flags and mem_id are the caller's; the output fields are filled in
 *
 * Return: 0; -ENOENT: mem_id is no memory object
 */
int iommufd_mem_info(int fd, struct iommu_mem_info *cmd);

/**
 * iommufd_mem_next() - Go through all memory objects of an iommufd
 * @fd: the iommufd
 * @info: input, zeroed for the first object, then as the last call left it; output,
 *	the object with the next higher ID
 *
 * Objects can be made and destroyed on the way.
 *
 * Return: 0; -ENOENT: there is no further object
 */
int iommufd_mem_next(int fd, struct iommu_mem_info *info);

/**
 * iommufd_mem_retired() - List the bad pieces of an object
 * @fd: the iommufd
 * @mem_id: the object
 * @ranges: output, in ascending order
 * @count: input, how many @ranges has room for; output, how many there are
 *
 * Return: 0; -ENOSPC: there are more, see @count, and @ranges is as it was
 */
int iommufd_mem_retired(int fd, uint32_t mem_id, struct iommu_mem_retired_range *ranges,
			uint32_t *count);

/**
 * iommufd_mem_export() - Make a dma-buf of an object, for iommufd_ioas_map_file()
 * @fd: the iommufd
 * @mem_id: the object
 * @file: output, its file descriptor, which the caller closes
 *
 * Return: 0; -EMFILE: too many open files
 */
int iommufd_mem_export(int fd, uint32_t mem_id, int *file);

/**
 * iommufd_mem_mmap() - Map an object for the CPU
 * @fd: the iommufd
 * @mmap_offset: of the object, plus where to start in it (a multiple of the page size)
 * @length: how much
 * @align: what the virtual address is to be aligned to, so that large page table
 *	entries are possible: a power of two, or 0. A wish, not a promise
 * @prot: PROT_READ, PROT_WRITE or both
 * @va: output; the caller unmaps it
 *
 * Return: 0; -ENXIO: there is no object at this offset, or it ends earlier; -EPERM:
 * PROT_EXEC; -ENOMEM: no address space
 */
int iommufd_mem_mmap(int fd, uint64_t mmap_offset, uint64_t length, uint64_t align, int prot,
		     void **va);

/**
 * struct iommufd_mem_region - A region, as sysfs knows it
 * @name: in /sys/class/iommufd_mem
 * @id: region_index of IOMMU_MEM_ALLOC without a device
 * @node: NUMA node, -1 where it is not known
 * @exclusive: one iommufd at a time can have memory of it
 * @size: in bytes
 * @free: bytes that nobody has
 * @largest_free: bytes of the largest contiguous piece of it
 */
struct iommufd_mem_region {
	char name[32];
	uint32_t id;
	int32_t node;
	bool exclusive;
	uint64_t size;
	uint64_t free;
	uint64_t largest_free;
};

/**
 * iommufd_mem_regions() - List the regions of the host
 * @found: output, by name
 * @max: how many @found has room for
 *
 * Return: how many were found, @max at most; -ENOENT: no kernel with memory objects,
 * or no sysfs
 */
int iommufd_mem_regions(struct iommufd_mem_region *found, int max);

/**
 * iommufd_mem_region_of() - The region that a device is linked to
 * @device: its name in sysfs; for PCI its BDF, 0000:01:00.1
 * @region: output
 *
 * Return: 0; -ENODEV: it is linked to none; -ENOENT: as of iommufd_mem_regions()
 */
int iommufd_mem_region_of(const char *device, struct iommufd_mem_region *region);

/**
 * iommufd_mem_alloc_named() - Allocate zeroed memory of a region, without a device
 * @fd: the iommufd
 * @name: of the region, in /sys/class/iommufd_mem
 * @length: a multiple of the page size, not 0
 * @mem_id: output, ID of the object
 * @mmap_offset: output, for iommufd_mem_mmap()
 *
 * Return: 0; -ENOENT: no such region; -EPERM: it takes CAP_SYS_RAWIO; -ENOSPC, -EBUSY,
 * -EDQUOT: as of iommufd_mem_alloc_region()
 */
int iommufd_mem_alloc_named(int fd, const char *name, uint64_t length, uint32_t *mem_id,
			    uint64_t *mmap_offset);

/**
 * iommufd_ioas_alloc() - Make an I/O address space
 * @fd: the iommufd
 * @ioas_id: output
 *
 * Return: 0; -ENOMEM: no memory
 */
int iommufd_ioas_alloc(int fd, uint32_t *ioas_id);

/**
 * iommufd_ioas_map() - Map memory for DMA by its virtual address
 * @fd: the iommufd
 * @ioas_id: the I/O address space
 * @va: own memory, pinned by the kernel; or in an mmap of an object, not pinned
 * @length: a multiple of the page size
 * @flags: enum iommufd_ioas_map_flags
 * @iova: input with IOMMU_IOAS_MAP_FIXED_IOVA, else output
 *
 * Return: 0; -EEXIST: something is mapped there; -EINVAL: alignment, or a reserved
 * range; -EFAULT: not mapped, or not with these rights; -ENOMEM: RLIMIT_MEMLOCK
 */
int iommufd_ioas_map(int fd, uint32_t ioas_id, void *va, uint64_t length, uint32_t flags,
		     uint64_t *iova);

/**
 * iommufd_ioas_map_mem() - Map a memory object for DMA
 * @fd: the iommufd
 * @ioas_id: the I/O address space
 * @mem_id: the object
 * @offset: where to start in it
 * @length: how much
 * @flags: enum iommufd_ioas_map_flags
 * @iova: input with IOMMU_IOAS_MAP_FIXED_IOVA, else output
 *
 * Return: 0; -EEXIST: something is mapped there; -EINVAL: not within the object,
 * alignment, or a reserved range; -ENODEV: the object is revoked
 */
int iommufd_ioas_map_mem(int fd, uint32_t ioas_id, uint32_t mem_id, uint64_t offset,
			 uint64_t length, uint32_t flags, uint64_t *iova);

/**
 * iommufd_ioas_map_file() - Map a file for DMA: a memfd, or an exported object
 * @fd: the iommufd
 * @ioas_id: the I/O address space
 * @file: its file descriptor, not needed afterwards
 * @offset: where to start in it
 * @length: how much
 * @flags: enum iommufd_ioas_map_flags
 * @iova: input with IOMMU_IOAS_MAP_FIXED_IOVA, else output
 *
 * Return: 0; -EBADF: no file; -EEXIST: something is mapped there; -EINVAL: not within
 * the file, it has holes, alignment, or a reserved range; -ENODEV: it is revoked
 */
int iommufd_ioas_map_file(int fd, uint32_t ioas_id, int file, uint64_t offset,
			  uint64_t length, uint32_t flags, uint64_t *iova);

/**
 * iommufd_ioas_copy() - Map what is mapped once more, there or in another IOAS
 * @fd: the iommufd
 * @dst_ioas_id: where to
 * @src_ioas_id: where from
 * @length: how much
 * @flags: enum iommufd_ioas_map_flags
 * @dst_iova: input with IOMMU_IOAS_MAP_FIXED_IOVA, else output
 * @src_iova: within one mapping
 *
 * Return: 0; -ENOENT: nothing is mapped at @src_iova, or it ends earlier; -EEXIST:
 * something is mapped at @dst_iova
 */
int iommufd_ioas_copy(int fd, uint32_t dst_ioas_id, uint32_t src_ioas_id, uint64_t length,
		      uint32_t flags, uint64_t *dst_iova, uint64_t src_iova);

/**
 * iommufd_ioas_unmap() - Unmap whole mappings
 * @fd: the iommufd
 * @ioas_id: the I/O address space
 * @iova: where to start
 * @length: how much; UINT64_MAX with @iova 0 for all there is
 * @unmapped: output, or NULL
 *
 * Return: 0; -ENOENT: nothing is mapped there, or only a part of a mapping
 */
int iommufd_ioas_unmap(int fd, uint32_t ioas_id, uint64_t iova, uint64_t length,
		       uint64_t *unmapped);

/**
 * iommufd_hwpt_alloc() - Make page tables of an IOAS
 * @fd: the iommufd
 * @dev_id: a bound device that is to use them
 * @ioas_id: the I/O address space
 * @flags: enum iommufd_hwpt_alloc_flags
 * @hwpt_id: output
 *
 * Return: 0; -EOPNOTSUPP: the IOMMU cannot do what @flags ask for
 */
int iommufd_hwpt_alloc(int fd, uint32_t dev_id, uint32_t ioas_id, uint32_t flags,
		       uint32_t *hwpt_id);

/**
 * iommufd_hwpt_alloc_nested() - Make the stage 1 of a guest's stream table entry
 * @fd: the iommufd
 * @dev_id: a bound device
 * @viommu_id: the vIOMMU that the device is behind
 * @ste: the first two words of the guest's STE, little-endian
 * @hwpt_id: output, for vfio_attach()
 *
 * Return: 0; -EIO: the SMMU cannot do what the STE asks for
 */
int iommufd_hwpt_alloc_nested(int fd, uint32_t dev_id, uint32_t viommu_id,
			      const struct iommu_hwpt_arm_smmuv3 *ste, uint32_t *hwpt_id);

/**
 * iommufd_viommu_alloc() - Make a vSMMUv3
 * @fd: the iommufd
 * @dev_id: a bound device behind the SMMU
 * @hwpt_id: page tables made with IOMMU_HWPT_ALLOC_NEST_PARENT
 * @viommu_id: output
 *
 * Return: 0; -EINVAL: @hwpt_id is no parent; -EOPNOTSUPP: no SMMUv3 with two stages
 */
int iommufd_viommu_alloc(int fd, uint32_t dev_id, uint32_t hwpt_id, uint32_t *viommu_id);

/**
 * iommufd_vdevice_alloc() - Tell a vIOMMU how its guest calls a device
 * @fd: the iommufd
 * @viommu_id: the vIOMMU
 * @dev_id: a bound device
 * @virt_id: for a vSMMUv3 the virtual stream ID, at most UINT32_MAX
 * @vdevice_id: output
 *
 * Return: 0; -EEXIST: the device has a vDevice, or another device this @virt_id
 */
int iommufd_vdevice_alloc(int fd, uint32_t viommu_id, uint32_t dev_id, uint64_t virt_id,
			  uint32_t *vdevice_id);

/**
 * struct iommufd_nest - What a guest's own IOMMU needs, before its first STE
 * @parent_id: page tables of stage 2
 * @viommu_id: the vIOMMU
 * @vdevice_id: the first device behind it
 */
struct iommufd_nest {
	uint32_t parent_id;
	uint32_t viommu_id;
	uint32_t vdevice_id;
};

/**
 * iommufd_nest_alloc() - Make stage 2, a vSMMUv3 and its first vDevice, or nothing
 * @fd: the iommufd
 * @dev_id: a bound device; others of the vSMMUv3 follow with iommufd_vdevice_alloc()
 * @ioas_id: the guest's physical address space
 * @virt_id: virtual stream ID of the device
 * @nest: output
 *
 * Return: 0, or what failed of iommufd_hwpt_alloc(), iommufd_viommu_alloc() and
 * iommufd_vdevice_alloc()
 */
int iommufd_nest_alloc(int fd, uint32_t dev_id, uint32_t ioas_id, uint64_t virt_id,
		       struct iommufd_nest *nest);

/**
 * iommufd_nest_destroy() - Undo iommufd_nest_alloc()
 * @fd: the iommufd
 * @nest: zeroed as far as it is gone; may be called again
 *
 * Return: 0; -EBUSY: a nested HWPT, an event queue or another vDevice is left
 */
int iommufd_nest_destroy(int fd, struct iommufd_nest *nest);

/**
 * iommufd_hwpt_invalidate_smmuv3() - Hand on a batch of a guest's SMMU commands
 * @fd: the iommufd
 * @viommu_id: the vIOMMU
 * @cmds: TLBI_NH_*, ATC_INV and CFGI_CD*, as they lie in the guest's queue
 *	(little-endian); the kernel exchanges VMID and stream ID
 * @count: input, how many; output, also of an error, how many were carried out
 *
 * Return: 0; -EIO: @cmds[@count] is not one of them, has a field that the SMMU does
 * not know, or a stream ID without a vDevice
 */
int iommufd_hwpt_invalidate_smmuv3(int fd, uint32_t viommu_id,
				   const struct iommu_viommu_arm_smmuv3_invalidate *cmds,
				   uint32_t *count);

/**
 * iommufd_hw_info_smmuv3() - Ask for the ID registers of a device's SMMU
 * @fd: the iommufd
 * @dev_id: a bound device
 * @info: output
 *
 * Return: 0; -EOPNOTSUPP: it is behind another IOMMU
 */
int iommufd_hw_info_smmuv3(int fd, uint32_t dev_id, struct iommu_hw_info_arm_smmuv3 *info);

/**
 * iommufd_veventq_alloc() - Make a queue of the events that are the guest's
 * @fd: the iommufd
 * @viommu_id: the vIOMMU
 * @depth: how many events it can hold
 * @veventq_id: output
 * @event_fd: output, for poll() and iommufd_veventq_read(); the caller closes it
 *
 * Return: 0; -EEXIST: the vIOMMU has one
 */
int iommufd_veventq_alloc(int fd, uint32_t viommu_id, uint32_t depth, uint32_t *veventq_id,
			  int *event_fd);

/**
 * iommufd_veventq_read() - Take one event
 * @event_fd: of the queue
 * @seconds: how long to wait; 0 not to
 * @header: output; with IOMMU_VEVENTQ_FLAG_LOST_EVENTS there is no event, but some
 *	were lost
 * @event: output, little-endian, with the virtual stream ID
 *
 * Return: 0; -ETIMEDOUT: there is none; -EINTR: a signal came
 */
int iommufd_veventq_read(int event_fd, int seconds, struct iommufd_vevent_header *header,
			 struct iommu_vevent_arm_smmuv3 *event);

#ifdef __cplusplus
}
#endif

#endif
