/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of memory objects, events/iommufd_mem in tracefs.
 *
 * They name regions and objects by number and tell where by offset: neither physical
 * nor kernel addresses. Lengths and offsets are in bytes. The ID of an object is the
 * one in the context that allocated it, also where another context maps the memory
 * or the object has been destroyed; the region is -1 for memory of a device.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommufd_mem

#if !defined(_IOMMUFD_MEM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IOMMUFD_MEM_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>

/* The region of an object that is memory of a device */
#define IOMMUFD_MEM_TRACE_DEVICE	(-1)

/**
 * iommufd_mem_alloc - an object got its memory, which is zero
 * @region: number of the region, -1 for memory of a device
 * @mem_id: ID of the object
 * @length: size of the object, in bytes
 * @nr_extents: number of physically contiguous pieces
 * @max_block: see struct iommu_mem_info, in bytes
 */
TRACE_EVENT(iommufd_mem_alloc,
	    TP_PROTO(int region, u32 mem_id, u64 length, unsigned int nr_extents,
		     u64 max_block),

	    TP_ARGS(region, mem_id, length, nr_extents, max_block),

	    TP_STRUCT__entry(__field(u64, length)
			     __field(u64, max_block)
			     __field(int, region)
			     __field(u32, mem_id)
			     __field(unsigned int, nr_extents)),

	    TP_fast_assign(__entry->length = length;
			   __entry->max_block = max_block;
			   __entry->region = region;
			   __entry->mem_id = mem_id;
			   __entry->nr_extents = nr_extents;),

	    TP_printk("region=%d mem_id=%u length=%llu nr_extents=%u max_block=%llu",
		      __entry->region, __entry->mem_id, __entry->length,
		      __entry->nr_extents, __entry->max_block)
);

DECLARE_EVENT_CLASS(iommufd_mem_object,
		    TP_PROTO(int region, u32 mem_id, u64 length),

		    TP_ARGS(region, mem_id, length),

		    TP_STRUCT__entry(__field(u64, length)
				     __field(int, region)
				     __field(u32, mem_id)),

		    TP_fast_assign(__entry->length = length;
				   __entry->region = region;
				   __entry->mem_id = mem_id;),

		    TP_printk("region=%d mem_id=%u length=%llu", __entry->region,
			      __entry->mem_id, __entry->length)
);

/**
 * iommufd_mem_free - nobody uses the memory any more
 * @region: number of the region that it goes back to; -1: memory of a device, whose
 *          object is destroyed
 * @mem_id: ID of the object
 * @length: size of the object, in bytes
 */
DEFINE_EVENT(iommufd_mem_object, iommufd_mem_free,
	     TP_PROTO(int region, u32 mem_id, u64 length),
	     TP_ARGS(region, mem_id, length)
);

/**
 * iommufd_mem_revoke - neither the CPU nor DMA can reach the object any more
 * @region: number of the region, which is being removed; -1: memory of a device
 * @mem_id: ID of the object
 * @length: size of the object, in bytes
 *
 * In the course of revoking: by the end of it no mapping is left.
 */
DEFINE_EVENT(iommufd_mem_object, iommufd_mem_revoke,
	     TP_PROTO(int region, u32 mem_id, u64 length),
	     TP_ARGS(region, mem_id, length)
);

/**
 * iommufd_mem_restore - an object that was revoked can be used again
 * @region: -1, as it is memory of a device
 * @mem_id: ID of the object
 * @length: size of the object, in bytes
 *
 * In the course of restoring: by the end of it the mappings are back.
 */
DEFINE_EVENT(iommufd_mem_object, iommufd_mem_restore,
	     TP_PROTO(int region, u32 mem_id, u64 length),
	     TP_ARGS(region, mem_id, length)
);

/**
 * iommufd_mem_map - an object was mapped for DMA, by its ID or by virtual address
 * @region: number of the region, -1 for memory of a device
 * @mem_id: ID of the object
 * @offset: where in the object the mapping starts, in bytes
 * @length: of the mapping, holes included, in bytes
 * @iova: I/O virtual address of @offset
 * @nr_ranges: number of physically contiguous ranges that are mapped
 */
TRACE_EVENT(iommufd_mem_map,
	    TP_PROTO(int region, u32 mem_id, u64 offset, u64 length, u64 iova,
		     unsigned int nr_ranges),

	    TP_ARGS(region, mem_id, offset, length, iova, nr_ranges),

	    TP_STRUCT__entry(__field(u64, offset)
			     __field(u64, length)
			     __field(u64, iova)
			     __field(int, region)
			     __field(u32, mem_id)
			     __field(unsigned int, nr_ranges)),

	    TP_fast_assign(__entry->offset = offset;
			   __entry->length = length;
			   __entry->iova = iova;
			   __entry->region = region;
			   __entry->mem_id = mem_id;
			   __entry->nr_ranges = nr_ranges;),

	    TP_printk("region=%d mem_id=%u offset=%llu length=%llu iova=0x%llx nr_ranges=%u",
		      __entry->region, __entry->mem_id, __entry->offset,
		      __entry->length, __entry->iova, __entry->nr_ranges)
);

/**
 * iommufd_mem_unmap - a mapping of memory of a region is gone from every IOAS
 * @region: number of the region
 * @mem_id: ID of the object
 * @offset: where in the object the mapping started, in bytes
 * @length: of the mapping, in bytes
 *
 * One for each piece between holes, as each is a mapping. Whatever was copied from
 * it, or is left of it after a part was unmapped, belongs to it. A mapping by
 * IOMMU_IOAS_MAP_FILE is told, too, and one that could not be made. Both numbers are
 * of whole pages, also where a mapping of less was made.
 */
TRACE_EVENT(iommufd_mem_unmap,
	    TP_PROTO(int region, u32 mem_id, u64 offset, u64 length),

	    TP_ARGS(region, mem_id, offset, length),

	    TP_STRUCT__entry(__field(u64, offset)
			     __field(u64, length)
			     __field(int, region)
			     __field(u32, mem_id)),

	    TP_fast_assign(__entry->offset = offset;
			   __entry->length = length;
			   __entry->region = region;
			   __entry->mem_id = mem_id;),

	    TP_printk("region=%d mem_id=%u offset=%llu length=%llu",
		      __entry->region, __entry->mem_id, __entry->offset,
		      __entry->length)
);

/**
 * iommufd_mem_scrub - memory was zeroed
 * @region: number of the region
 * @bytes: how much
 * @background: before anyone wanted it; else while an allocation waited
 * @nr_threads: how many took part
 *
 * In the background each worker tells for itself, when nothing is left or an
 * allocation interrupts it.
 */
TRACE_EVENT(iommufd_mem_scrub,
	    TP_PROTO(int region, u64 bytes, bool background,
		     unsigned int nr_threads),

	    TP_ARGS(region, bytes, background, nr_threads),

	    TP_STRUCT__entry(__field(u64, bytes)
			     __field(int, region)
			     __field(unsigned int, nr_threads)
			     __field(bool, background)),

	    TP_fast_assign(__entry->bytes = bytes;
			   __entry->region = region;
			   __entry->nr_threads = nr_threads;
			   __entry->background = background;),

	    TP_printk("region=%d bytes=%llu background=%d nr_threads=%u",
		      __entry->region, __entry->bytes, __entry->background,
		      __entry->nr_threads)
);

/**
 * iommufd_mem_poison - a page failed, and is retired
 * @region: number of the region
 * @offset: of the page in the region, in bytes
 * @mem_id: ID of the object that has it, 0 if there is none
 * @mem_offset: of the page in that object, in bytes
 */
TRACE_EVENT(iommufd_mem_poison,
	    TP_PROTO(int region, u64 offset, u32 mem_id, u64 mem_offset),

	    TP_ARGS(region, offset, mem_id, mem_offset),

	    TP_STRUCT__entry(__field(u64, offset)
			     __field(u64, mem_offset)
			     __field(int, region)
			     __field(u32, mem_id)),

	    TP_fast_assign(__entry->offset = offset;
			   __entry->mem_offset = mem_offset;
			   __entry->region = region;
			   __entry->mem_id = mem_id;),

	    TP_printk("region=%d offset=%llu mem_id=%u mem_offset=%llu",
		      __entry->region, __entry->offset, __entry->mem_id,
		      __entry->mem_offset)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE mem_trace
#include <trace/define_trace.h>
