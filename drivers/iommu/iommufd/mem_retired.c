// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that must not be used: what firmware retired, and what failed since.
 *
 * The pool has one set of it, see mem_pool.c. This file adds to that set what the
 * kernel's memory_failure() tells, and what that means to who has the memory; and
 * it lists an object's bad pieces.
 */
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mem.h"
#include "mem_trace.h"

/* In ascending order; nothing happens if it is there */
static void mem_bad_add(struct iommufd_mem_buf *buf, u64 offset)
{
	struct iommufd_mem_bad *bad, *new;

	list_for_each_entry(bad, &buf->bad, node) {
		if (bad->offset == offset)
			return;
		if (bad->offset > offset)
			break;
	}
	new = kzalloc_obj(*new, GFP_KERNEL | __GFP_NOFAIL);
	new->offset = offset;
	list_add_tail(&new->node, &bad->node);
}

/* A page that is given out failed. Who touches it from now on gets SIGBUS */
static void mem_buf_failure(struct iommufd_mem_buf *buf, u64 offset)
{
	struct dma_buf *dmabuf = buf->dmabuf;

	lockdep_assert_held(&buf->region->lock);

	if (!dmabuf) {
		buf->failed = true;
		return;
	}
	/* Being released: nobody has it mapped */
	if (!get_file_active(&dmabuf->file))
		return;
	dma_resv_lock(dmabuf->resv, NULL);
	mem_bad_add(buf, offset);
	unmap_mapping_pages(dmabuf->file->f_mapping,
			    buf->pgoff + (offset >> PAGE_SHIFT), 1, true);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}

/* Called by memory_failure(), before it signals processes */
static void mem_failure(struct pfn_address_space *pfn_space, unsigned long pfn)
{
	struct iommufd_mem_region *region =
		container_of(pfn_space, struct iommufd_mem_region, pfn_space);
	struct iommufd_mem_buf *buf;
	u64 mem_offset = 0;
	u32 mem_id = 0;

	guard(mutex)(&region->lock);
	/* There is nobody to tell that a failure could not be noted */
	iommufd_mem_pool_retire(&region->pool, PFN_PHYS(pfn), PAGE_SIZE,
				GFP_KERNEL | __GFP_NOFAIL);
	list_for_each_entry(buf, &region->bufs, region_node) {
		u64 offset = mem_extents_offset(&buf->extents, PFN_PHYS(pfn));

		if (offset == MEM_EXTENTS_HOLE)
			continue;
		mem_buf_failure(buf, offset);
		/* Memory that is still zeroed has no owner yet */
		if (buf->dmabuf) {
			mem_id = buf->mem_id;
			mem_offset = offset;
		}
		break;
	}
	trace_iommufd_mem_poison(region->id, PFN_PHYS(pfn) - region->desc.base,
				 mem_id, mem_offset);
}

/*
 * Where a failed page is in a VMA of the region's address space. Called under RCU;
 * the VMA holds its object, which does not change.
 */
static int mem_pfn_to_vma_pgoff(struct vm_area_struct *vma, unsigned long pfn,
				pgoff_t *pgoff)
{
	struct iommufd_mem *mem = iommufd_mem_from_vma(vma);
	struct iommufd_mem_buf *buf;
	u64 offset;

	if (!mem)
		return -EFAULT;
	buf = iommufd_mem_to_buf(mem->dmabuf);
	offset = mem_extents_offset(&buf->extents, PFN_PHYS(pfn));
	if (offset == MEM_EXTENTS_HOLE)
		return -EFAULT;
	*pgoff = buf->pgoff + (offset >> PAGE_SHIFT);
	if (*pgoff < vma->vm_pgoff || *pgoff - vma->vm_pgoff >= vma_pages(vma))
		return -EFAULT;
	return 0;
}

/**
 * iommufd_mem_watch() - Be told when memory of a region fails
 * @region: the region
 *
 * Without CONFIG_MEMORY_FAILURE nobody tells.
 */
void iommufd_mem_watch(struct iommufd_mem_region *region)
{
	struct pfn_address_space *pfn_space = &region->pfn_space;
	int rc;

	pfn_space->node.start = PHYS_PFN(region->desc.base);
	pfn_space->node.last =
		PHYS_PFN(region->desc.base + region->desc.size - 1);
	pfn_space->mapping = region->file->f_mapping;
	pfn_space->pfn_to_vma_pgoff = mem_pfn_to_vma_pgoff;
	pfn_space->failure = mem_failure;
	rc = register_pfn_address_space(pfn_space);
	if (rc) {
		pfn_space->mapping = NULL;
		if (rc != -EOPNOTSUPP)
			pr_warn("iommufd: %s: memory failures are not handled: %pe\n",
				region->desc.name, ERR_PTR(rc));
	}
}

/**
 * iommufd_mem_unwatch() - Undo iommufd_mem_watch()
 * @region: the region
 */
void iommufd_mem_unwatch(struct iommufd_mem_region *region)
{
	if (region->pfn_space.mapping)
		unregister_pfn_address_space(&region->pfn_space);
}

static void mem_ranges_add(struct iommu_mem_retired_range *ranges, u32 *nr,
			   u64 offset, u64 length)
{
	struct iommu_mem_retired_range *last = *nr ? &ranges[*nr - 1] : NULL;

	if (last && last->offset + last->length == offset) {
		last->length += length;
		return;
	}
	ranges[*nr].offset = offset;
	ranges[*nr].length = length;
	++*nr;
}

/* Holes, and what failed in between, merged. Returns how many there are */
static u32 mem_buf_ranges(struct iommufd_mem_buf *buf,
			  struct iommu_mem_retired_range *ranges)
{
	struct iommufd_mem_bad *bad =
		list_first_entry(&buf->bad, struct iommufd_mem_bad, node);
	u64 offset = 0, contig;
	u32 nr = 0;

	for (; offset < buf->extents.length; offset += contig) {
		if (mem_extents_find(&buf->extents, offset, &contig) ==
		    MEM_EXTENTS_HOLE) {
			mem_ranges_add(ranges, &nr, offset, contig);
			continue;
		}
		list_for_each_entry_from(bad, &buf->bad, node) {
			if (bad->offset - offset >= contig)
				break;
			mem_ranges_add(ranges, &nr, bad->offset, PAGE_SIZE);
		}
	}
	return nr;
}

/* The list in memory of its own, to be freed with kvfree() */
static struct iommu_mem_retired_range *
mem_get_ranges(struct iommufd_mem *mem, u32 *nr)
{
	struct iommufd_mem_buf *buf = iommufd_mem_to_buf(mem->dmabuf);
	struct iommu_mem_retired_range *ranges;

	*nr = 0;
	if (!buf)
		return NULL;

	dma_resv_lock(mem->dmabuf->resv, NULL);
	ranges = kvcalloc(buf->extents.nr + 1 + list_count_nodes(&buf->bad),
			  sizeof(*ranges), GFP_KERNEL_ACCOUNT);
	if (ranges)
		*nr = mem_buf_ranges(buf, ranges);
	dma_resv_unlock(mem->dmabuf->resv);
	return ranges ?: ERR_PTR(-ENOMEM);
}

/**
 * iommufd_mem_retired() - List the bad pieces of an object
 * @ucmd: with a struct iommu_mem_retired
 *
 * Return: 0 or an errno, see struct iommu_mem_retired.
 */
int iommufd_mem_retired(struct iommufd_ucmd *ucmd)
{
	struct iommu_mem_retired *cmd = ucmd->cmd;
	struct iommu_mem_retired_range *ranges;
	struct iommufd_mem *mem;
	u32 room = cmd->count;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;

	mem = iommufd_get_mem(ucmd->ictx, cmd->mem_id);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	ranges = mem_get_ranges(mem, &cmd->count);
	iommufd_put_object(ucmd->ictx, &mem->obj);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);

	rc = 0;
	if (cmd->count > room)
		rc = -ENOSPC;
	else if (copy_to_user(u64_to_user_ptr(cmd->ranges), ranges,
			      array_size(cmd->count, sizeof(*ranges))))
		rc = -EFAULT;
	kvfree(ranges);
	if (rc && rc != -ENOSPC)
		return rc;
	return iommufd_ucmd_respond(ucmd, sizeof(*cmd)) ?: rc;
}
