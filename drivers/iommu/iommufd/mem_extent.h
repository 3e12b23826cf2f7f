/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The physical shape of a memory object: which physical address is behind which
 * offset. Pure arithmetic, with no allocation, no lock and no kernel service, so
 * that it also compiles for unit tests in userspace.
 *
 * All addresses, offsets and lengths are in bytes. The extents are in the order
 * of the object's offsets and do not overlap there. What is in none of them is a
 * hole. No extent is empty.
 */
#ifndef __IOMMUFD_MEM_EXTENT_H
#define __IOMMUFD_MEM_EXTENT_H

#ifdef __KERNEL__
#include <linux/bug.h>
#include <linux/compiler_attributes.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/types.h>
#else
#include "kernel_shim.h"
#endif

/**
 * struct mem_extent - One physically contiguous piece of a memory object
 * @paddr: physical address of the first byte
 * @length: size
 * @offset: offset of the first byte in the object
 */
struct mem_extent {
	u64 paddr;
	u64 length;
	u64 offset;
};

/**
 * struct mem_extents - The pieces of a memory object
 * @nr: number of pieces
 * @max: number of pieces that there is room for
 * @length: size of the object: the sum of all pieces and holes
 * @holes: size of all holes
 * @extents: the pieces
 */
struct mem_extents {
	unsigned int nr;
	unsigned int max;
	u64 length;
	u64 holes;
	struct mem_extent extents[] __counted_by(max);
};

/* Add memory at the end of the object; there must be room for it */
void mem_extents_append(struct mem_extents *ext, u64 paddr, u64 length);

/* Let the object go on with a hole */
void mem_extents_skip(struct mem_extents *ext, u64 length);

/* No physical address: there is no memory at this offset */
#define MEM_EXTENTS_HOLE	(~0ULL)

/*
 * The physical address of the byte at @offset, which must be in the object.
 * @contig is the number of contiguous bytes from there on. MEM_EXTENTS_HOLE if it is
 * in a hole, of which @contig bytes are left.
 */
u64 mem_extents_find(const struct mem_extents *ext, u64 offset, u64 *contig);

/*
 * The offset of the byte at a physical address, MEM_EXTENTS_HOLE if it is not in the
 * object.
 */
u64 mem_extents_offset(const struct mem_extents *ext, u64 paddr);

/*
 * The largest power of two block, of one extent or of all, that is aligned to its
 * own size both in the object and in physical memory. At least 1.
 */
u64 mem_extent_max_block(const struct mem_extent *extent);
u64 mem_extents_max_block(const struct mem_extents *ext);

#endif
