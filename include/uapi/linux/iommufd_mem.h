/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Memory objects of iommufd: memory that has no struct page, allocated, mapped
 * for the CPU and mapped for DMA through one iommufd file descriptor.
 */
#ifndef _UAPI_IOMMUFD_MEM_H
#define _UAPI_IOMMUFD_MEM_H

#include <linux/ioctl.h>
#include <linux/iommufd.h>
#include <linux/types.h>

/**
 * DOC: Memory objects
 *
 * A memory object is an iommufd object, like an IOAS or a HWPT: it has an ID in
 * the file descriptor that made it, is destroyed with IOMMU_DESTROY and dies
 * with the last reference to the file. There are two types, and one set of
 * verbs for both:
 *
 *  - IOMMU_MEM_TYPE_REGION: memory of a *region*, a carve-out of the host's
 *    memory that Linux does not use, e.g. the hypervisor-invisible memory of a
 *    Grace-Blackwell host. Normal cacheable memory, for the CPU and for DMA.
 *  - IOMMU_MEM_TYPE_DEVICE: a range of a region of a bound vfio device, e.g. of
 *    a BAR. Device memory (MMIO), for the CPU and for DMA.
 *
 * The verbs are IOMMU_MEM_ALLOC, IOMMU_MEM_INFO, IOMMU_MEM_RETIRED,
 * IOMMU_MEM_EXPORT, mmap() of the iommufd at the object's mmap offset,
 * IOMMU_IOAS_MAP with the flag IOMMU_IOAS_MAP_MEM, IOMMU_IOAS_COPY,
 * IOMMU_IOAS_UNMAP and IOMMU_DESTROY. IOMMU_IOAS_MAP by virtual address works as
 * well where the address lies in an mmap() of an object, and IOMMU_IOAS_MAP_FILE
 * takes what IOMMU_MEM_EXPORT gave, in any context.
 *
 * Memory of a region reads as zeros when it is allocated, whoever owned it
 * before. Nothing is pinned, and nothing is charged to RLIMIT_MEMLOCK.
 *
 * Lifetime: a CPU mapping keeps the object busy (IOMMU_DESTROY fails with
 * EBUSY) and the iommufd open. A DMA mapping does not keep the object, only its
 * memory: after IOMMU_DESTROY the IOVA still works, until it is unmapped, and
 * then the memory goes back to its region. Memory of a region does not depend
 * on the device that entitled its allocation: the device may be unbound or
 * reset. Memory of a device does: when the device loses memory decode, is reset,
 * is in a low power state, or its cdev is closed, the object is revoked. Its DMA
 * mappings stop to translate, a CPU access raises SIGBUS, and a new DMA mapping
 * fails with ENODEV; an IOMMU_IOAS_COPY of a mapping that was there succeeds, and
 * does not translate either. When the device can be used again, the kernel
 * restores all of it: the CPU mappings, and the DMA mappings in every IOAS. After
 * its cdev was closed, the object stays revoked for good. Memory of a region is
 * revoked, for good, when the region is removed.
 *
 * The kernel itself cannot use IOVA that is mapped to an object: where an ioctl
 * or an emulated device needs that, e.g. IOMMU_HW_QUEUE_ALLOC, it fails with
 * EINVAL.
 *
 * The errnos of the general ioctl format (see iommufd.h) apply to every ioctl
 * here: ENOTTY, E2BIG, EOPNOTSUPP, EINVAL, ENOENT, ENOMEM and EOVERFLOW, and
 * EFAULT where the argument cannot be read or written. Each ioctl lists what
 * they mean to it, and its own. An ioctl that fails leaves nothing behind, but for
 * one thing: where IOMMU_IOAS_MAP, IOMMU_IOAS_MAP_FILE and IOMMU_IOAS_COPY cannot
 * write their answer, the mapping is there, as it is for any other memory.
 */

/*
 * Far above iommufd's last number, so that a newer kernel does not collide
 * until upstream assigns numbers.
 */
enum {
	IOMMUFD_CMD_MEM_ALLOC = 0xe0,
	IOMMUFD_CMD_MEM_INFO = 0xe1,
	IOMMUFD_CMD_MEM_RETIRED = 0xe2,
	IOMMUFD_CMD_MEM_EXPORT = 0xe3,
};

/**
 * enum iommu_mem_type - What a memory object is made of
 * @IOMMU_MEM_TYPE_REGION: memory of the region that the device is linked to
 * @IOMMU_MEM_TYPE_DEVICE: a range of one of the device's own regions
 */
enum iommu_mem_type {
	IOMMU_MEM_TYPE_REGION = 1,
	IOMMU_MEM_TYPE_DEVICE = 2,
};

/**
 * enum iommu_mem_alloc_flags - Flags of IOMMU_MEM_ALLOC
 * @IOMMU_MEM_ALLOC_LINEAR: IOMMU_MEM_TYPE_REGION: the object is the first @length
 *                          bytes of the region, and an offset in it is the
 *                          distance from the region's base. Pages that are retired
 *                          are holes: not mapped for DMA, SIGBUS for the CPU, and
 *                          listed by IOMMU_MEM_RETIRED. For devices that address
 *                          the memory by this distance, e.g. a GPU its EGM
 */
enum iommu_mem_alloc_flags {
	IOMMU_MEM_ALLOC_LINEAR = 1 << 0,
};

/**
 * struct iommu_mem_alloc - ioctl(IOMMU_MEM_ALLOC)
 * @size: sizeof(struct iommu_mem_alloc)
 * @flags: Combination of enum iommu_mem_alloc_flags
 * @type: One of enum iommu_mem_type
 * @dev_id: ID of a device that is bound to this iommufd. For
 *          IOMMU_MEM_TYPE_REGION it entitles to memory of the region that the
 *          device, or the PF of a VF, is linked to; or 0, and CAP_SYS_RAWIO
 *          entitles to any region. For IOMMU_MEM_TYPE_DEVICE it is the device
 *          whose memory is wanted
 * @region_index: IOMMU_MEM_TYPE_DEVICE: index of the vfio region, as in
 *                struct vfio_region_info; for PCI the number of the BAR.
 *                IOMMU_MEM_TYPE_REGION: with @dev_id 0, the number of the region,
 *                its id in /sys/class/iommufd_mem; else must be 0
 * @out_mem_id: Output ID of the new object
 * @offset: IOMMU_MEM_TYPE_DEVICE: where in the device's region the object
 *          starts, in bytes. IOMMU_MEM_TYPE_REGION: must be 0
 * @length: Size in bytes. Must be a multiple of the page size, but not 0
 * @align: IOMMU_MEM_TYPE_REGION: every block of the object is at least this
 *         large and aligned to it, in bytes: a power of two, at least the page
 *         size, that divides @length, or 0 for the page size.
 *         IOMMU_MEM_TYPE_DEVICE: must be 0
 * @out_mmap_offset: Output offset for mmap() of the iommufd, in bytes
 *
 * Allocate a memory object. Memory of a region is zeroed before the call
 * returns. Where the region's policy is exclusive, one iommufd at a time can
 * hold memory of it, and as long as it does no device that is linked to the region,
 * nor a VF of one, can be used by anyone else: neither by another iommufd or VFIO
 * container (to bind it fails with EPERM), nor by a driver of the host, but for one
 * that answers for what the device reaches. Memory of a region is charged to the dmem
 * cgroup of the caller.
 *
 * Errnos:
 *
 *  - EOPNOTSUPP: a flag or type that is not known, or a flag that is not for this
 *    type; the driver of the device offers no memory of its own, or is just
 *    closing it
 *  - ENOENT: @dev_id is not a device of this iommufd
 *  - EPERM: @dev_id is 0 and the caller lacks CAP_SYS_RAWIO in the initial user
 *    namespace
 *  - ENODEV: the device is linked to no region; there is no region with this
 *    @region_index; the region is just being removed; or the device's memory cannot
 *    be reached now: memory decode is off, it is in a low power state, or another
 *    driver has claimed the BAR
 *  - EINVAL: @length is 0, or 2^32 pages or more; @length, @offset or @align is
 *    not as described above; @region_index is not a memory BAR, or the range is
 *    not within it; IOMMU_MEM_ALLOC_LINEAR with @align, or with more than the
 *    region has
 *  - EOVERFLOW: @offset + @length overflows
 *  - EBUSY: the region is exclusive, and another iommufd holds memory of it, or a
 *    device that is linked to it is used by someone else; IOMMU_MEM_ALLOC_LINEAR:
 *    some of the memory is given out
 *  - ENOSPC: the region has too little free memory (with the wanted alignment)
 *  - EDQUOT: more than the dmem cgroup's limit
 *  - EINTR: killed while the memory was being zeroed
 *  - ENOMEM, ENFILE: no memory, or no file, for the kernel's own structures. With
 *    @align the former can also look like ENOSPC
 */
struct iommu_mem_alloc {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 dev_id;
	__u32 region_index;
	__u32 out_mem_id;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 align;
	__aligned_u64 out_mmap_offset;
};

#define IOMMU_MEM_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_MEM_ALLOC)

/**
 * enum iommu_mem_info_flags - Input flags of IOMMU_MEM_INFO
 * @IOMMU_MEM_INFO_NEXT: describe the first memory object whose ID is @mem_id or
 *                       higher, and return its ID in @mem_id. With this a process
 *                       that was only given the file descriptor finds every object
 */
enum iommu_mem_info_flags {
	IOMMU_MEM_INFO_NEXT = 1 << 0,
};

/**
 * enum iommu_mem_attrs - Output attributes of a memory object
 * @IOMMU_MEM_ATTR_CACHEABLE: normal cacheable memory, for the CPU and for DMA; if
 *                            clear, device memory
 * @IOMMU_MEM_ATTR_REVOKED: neither the CPU nor DMA can reach the memory now
 */
enum iommu_mem_attrs {
	IOMMU_MEM_ATTR_CACHEABLE = 1 << 0,
	IOMMU_MEM_ATTR_REVOKED = 1 << 1,
};

/**
 * struct iommu_mem_info - ioctl(IOMMU_MEM_INFO)
 * @size: sizeof(struct iommu_mem_info)
 * @flags: Combination of enum iommu_mem_info_flags
 * @mem_id: ID of the memory object; see IOMMU_MEM_INFO_NEXT
 * @out_type: Output, one of enum iommu_mem_type
 * @out_attrs: Output, combination of enum iommu_mem_attrs
 * @out_node: Output NUMA node of the memory, -1 where it is not known
 * @out_length: Output size in bytes
 * @out_mmap_offset: Output offset for mmap() of the iommufd, in bytes
 * @out_max_block: Output, size in bytes of the largest power of two block in
 *                 the object that is aligned to its size both in the object and
 *                 in physical memory. CPU mappings at an address, and DMA
 *                 mappings at an IOVA, with the same alignment can use it
 * @out_nr_extents: Output number of physically contiguous pieces
 * @__reserved: Must be 0
 *
 * Describe a memory object.
 *
 * Errnos:
 *
 *  - EOPNOTSUPP: a flag that is not known, or @__reserved is not 0
 *  - ENOENT: @mem_id is not a memory object of this iommufd; with
 *    IOMMU_MEM_INFO_NEXT: there is none with this ID or a higher one
 */
struct iommu_mem_info {
	__u32 size;
	__u32 flags;
	__u32 mem_id;
	__u32 out_type;
	__u32 out_attrs;
	__s32 out_node;
	__aligned_u64 out_length;
	__aligned_u64 out_mmap_offset;
	__aligned_u64 out_max_block;
	__u32 out_nr_extents;
	__u32 __reserved;
};

#define IOMMU_MEM_INFO _IO(IOMMUFD_TYPE, IOMMUFD_CMD_MEM_INFO)

/**
 * struct iommu_mem_retired_range - A bad piece of a memory object
 * @offset: where it starts in the object, in bytes
 * @length: in bytes
 */
struct iommu_mem_retired_range {
	__aligned_u64 offset;
	__aligned_u64 length;
};

/**
 * struct iommu_mem_retired - ioctl(IOMMU_MEM_RETIRED)
 * @size: sizeof(struct iommu_mem_retired)
 * @flags: Must be 0
 * @mem_id: ID of the memory object
 * @count: Input number of elements that @ranges has room for. Output number of
 *         ranges that there are
 * @ranges: Pointer to an array of struct iommu_mem_retired_range
 *
 * List the bad pieces of a memory object, in ascending order, neither empty nor
 * adjacent: the holes of a linear object, and of any object what failed since it
 * was allocated. The latter raise SIGBUS (BUS_MCEERR_AR) when the CPU accesses
 * them; where they are mapped for DMA, they stay so. An object of a device has none.
 *
 * Errnos:
 *
 *  - EOPNOTSUPP: @flags is not 0
 *  - ENOENT: @mem_id is not a memory object of this iommufd
 *  - ENOSPC: there are more than @count, which now says how many; nothing was
 *    written to @ranges
 *  - EFAULT: @ranges cannot be written
 *  - ENOMEM: no memory for the list
 */
struct iommu_mem_retired {
	__u32 size;
	__u32 flags;
	__u32 mem_id;
	__u32 count;
	__aligned_u64 ranges;
};

#define IOMMU_MEM_RETIRED _IO(IOMMUFD_TYPE, IOMMUFD_CMD_MEM_RETIRED)

/**
 * struct iommu_mem_export - ioctl(IOMMU_MEM_EXPORT)
 * @size: sizeof(struct iommu_mem_export)
 * @flags: Must be 0
 * @mem_id: ID of the memory object
 * @out_fd: Output file descriptor of a dma-buf, close-on-exec
 *
 * Make a dma-buf of a memory object, for IOMMU_IOAS_MAP_FILE, in this context or,
 * after the descriptor was passed on, in another one. It keeps the memory, as a DMA
 * mapping does, beyond IOMMU_DESTROY of the object. Memory of a region can be
 * imported by iommufd only, and can neither be mmapped nor read through the dma-buf.
 *
 * IOMMU_IOAS_MAP_FILE has the errnos of IOMMU_IOAS_MAP_MEM, and EBADF for a
 * descriptor that is none. But it maps no range that has holes, see
 * IOMMU_MEM_ALLOC_LINEAR: EINVAL. Map the pieces between them.
 *
 * Errnos:
 *
 *  - EOPNOTSUPP: @flags is not 0
 *  - ENOENT: @mem_id is not a memory object of this iommufd
 *  - EMFILE: too many open files
 */
struct iommu_mem_export {
	__u32 size;
	__u32 flags;
	__u32 mem_id;
	__s32 out_fd;
};

#define IOMMU_MEM_EXPORT _IO(IOMMUFD_TYPE, IOMMUFD_CMD_MEM_EXPORT)

/**
 * enum iommu_ioas_map_mem_flags - Flag of IOMMU_IOAS_MAP beside
 *                                 enum iommufd_ioas_map_flags
 * @IOMMU_IOAS_MAP_MEM: The source is a memory object, and the argument a
 *                      struct iommu_ioas_map_mem
 */
enum iommu_ioas_map_mem_flags {
	IOMMU_IOAS_MAP_MEM = 1 << 30,
};

/**
 * struct iommu_ioas_map_mem - ioctl(IOMMU_IOAS_MAP) of a memory object
 * @size: sizeof(struct iommu_ioas_map_mem)
 * @flags: IOMMU_IOAS_MAP_MEM and a combination of enum iommufd_ioas_map_flags,
 *         with at least one of IOMMU_IOAS_MAP_READABLE and
 *         IOMMU_IOAS_MAP_WRITEABLE
 * @ioas_id: IOAS ID to change the mapping of
 * @mem_id: ID of the memory object
 * @offset: Offset in the memory object to start mapping from, in bytes
 * @length: Number of bytes to map
 * @iova: As for struct iommu_ioas_map
 *
 * The same ioctl, and the same layout, as struct iommu_ioas_map, where @mem_id
 * is reserved and @offset is the user's virtual address. The whole of
 * [@offset, @offset + @length) must be in the object. Nothing is mapped where it has
 * holes, see IOMMU_MEM_ALLOC_LINEAR: then each piece between them is a mapping of its
 * own, and IOMMU_IOAS_MAP_FIXED_IOVA is required.
 *
 * Errnos:
 *
 *  - EOPNOTSUPP: a flag that is not known
 *  - ENOENT: @ioas_id or @mem_id is not an object of that kind in this iommufd
 *  - EINVAL: neither readable nor writable; @length is 0; the range is not
 *    within the object; @offset, @length or @iova do not have the alignment that
 *    IOMMU_IOAS_IOVA_RANGES asks for; @iova is in a reserved range;
 *    the range has holes and IOMMU_IOAS_MAP_FIXED_IOVA is not set, or nothing but
 *    holes
 *  - EOVERFLOW: @offset + @length or @iova + @length overflows
 *  - EEXIST: something is mapped at @iova
 *  - ENOSPC: no free IOVA range (without IOMMU_IOAS_MAP_FIXED_IOVA)
 *  - ENODEV: the object is revoked
 */
struct iommu_ioas_map_mem {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 mem_id;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 iova;
};

/**
 * DOC: IOMMU_IOAS_MAP of an mmap of a memory object
 *
 * IOMMU_IOAS_MAP, and VFIO_IOMMU_MAP_DMA of iommufd's compatible container, with a
 * user_va that lies in an mmap of an object map the object's memory, as
 * IOMMU_IOAS_MAP_MEM would: without pinning, and kept after munmap() and
 * IOMMU_DESTROY. The object can be of another context. The errnos are those of
 * IOMMU_IOAS_MAP_MEM, but
 *
 *  - EFAULT: the range is not within mmaps of one object with ascending offsets, or
 *    one of them lacks PROT_READ, or for IOMMU_IOAS_MAP_WRITEABLE PROT_WRITE
 *  - EINTR: killed while another thread changed the process's mappings
 */

/**
 * DOC: mmap() of a memory object
 *
 * mmap() of the iommufd at @out_mmap_offset maps the object; at
 * @out_mmap_offset + n, for a page-aligned n, it maps the object from byte n on.
 * Each byte of the object has one offset only. MAP_SHARED is required.
 *
 * Page table entries are made at the first access, as large as the architecture,
 * and the alignment of the virtual address and of the memory, allow. For memory
 * without a struct page arm64 has none larger than a PMD entry.
 *
 * Errnos:
 *
 *  - EINVAL: not MAP_SHARED, or /dev/iommu was opened read-only
 *  - EPERM: PROT_EXEC (and EACCES from a later mprotect(PROT_EXEC))
 *  - ENXIO: there is no object at this offset, or the range ends beyond it
 *
 * SIGBUS is raised by an access to a revoked object or to a hole, with
 * BUS_MCEERR_AR to memory that has failed. As for any RAM, a process that has
 * memory mapped when it fails gets SIGBUS with BUS_MCEERR_AO if it has asked for
 * that with prctl(PR_MCE_KILL).
 *
 * IOMMU_DESTROY returns EBUSY while the object is mmapped, and, as for every
 * object of iommufd, while another thread's ioctl is using it.
 */

#endif
