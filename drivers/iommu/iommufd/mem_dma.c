// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings of memory objects: by ID, by virtual address and through a dma-buf;
 * and putting them back after a revoke.
 *
 * The mappings themselves are iommufd's iopt_pages, made of the object's dma-buf.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/uaccess.h>

#include "io_pagetable.h"
#include "mem.h"
#include "mem_trace.h"

/*
 * The next piece of [*offset, end) of a dma-buf that is no hole: its *offset and
 * length, which is 0 if there is none.
 */
static u64 mem_next_piece(struct dma_buf *dmabuf, u64 *offset, u64 end)
{
	struct iommufd_mem_buf *buf = iommufd_mem_to_buf(dmabuf);
	u64 contig, last;

	/* Memory of a device has none, and few objects of a region have */
	if (!buf || !buf->extents.holes)
		return end - *offset;

	for (; *offset < end; *offset += min(contig, end - *offset))
		if (mem_extents_find(&buf->extents, *offset, &contig) !=
		    MEM_EXTENTS_HOLE)
			break;
	for (last = *offset; last < end; last += min(contig, end - last))
		if (mem_extents_find(&buf->extents, last, &contig) ==
		    MEM_EXTENTS_HOLE)
			break;
	return last - *offset;
}

/**
 * iommufd_mem_has_hole() - Is there a hole in a range?
 * @buf: memory of a region
 * @offset: start of the range, in bytes
 * @length: of the range, not 0
 *
 * Return: true if a byte of it is in a hole.
 */
bool iommufd_mem_has_hole(struct iommufd_mem_buf *buf, u64 offset, u64 length)
{
	u64 end = offset + length;
	u64 contig;

	if (!buf->extents.holes)
		return false;
	for (; offset < end; offset += min(contig, end - offset))
		if (mem_extents_find(&buf->extents, offset, &contig) ==
		    MEM_EXTENTS_HOLE)
			return true;
	return false;
}

/* Map [offset, offset + length) of a dma-buf, which has no holes */
static int iopt_map_mem_piece(struct iommufd_ctx *ictx,
			      struct io_pagetable *iopt, unsigned long *iova,
			      struct dma_buf *dmabuf, u64 offset,
			      unsigned long length, int iommu_prot,
			      unsigned int flags)
{
	struct iopt_pages *pages;

	pages = iopt_alloc_dmabuf_pages(ictx, dmabuf, offset_in_page(offset),
					offset, length,
					iommu_prot & IOMMU_WRITE);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	/* The pages drop it in the end */
	get_dma_buf(dmabuf);
	return iopt_map_common(ictx, iopt, pages, iova, length,
			       offset_in_page(offset), iommu_prot, flags);
}

/* The pieces between holes are checked as if they were one mapping */
static int iopt_check_mem_pieces(struct io_pagetable *iopt, unsigned long iova,
				 u64 offset, unsigned long length,
				 unsigned int flags)
{
	unsigned long align, last;

	if (flags & IOPT_ALLOC_IOVA)
		return -EINVAL;
	if (check_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	scoped_guard(rwsem_read, &iopt->iova_rwsem)
		align = iopt->iova_alignment;
	return IS_ALIGNED(iova | offset | length, align) ? 0 : -EINVAL;
}

/* Each piece of [offset, end) between holes is a mapping; all of them or none */
static int iopt_map_mem_pieces(struct iommufd_ctx *ictx,
			       struct io_pagetable *iopt, unsigned long iova,
			       struct dma_buf *dmabuf, u64 offset, u64 end,
			       int iommu_prot, unsigned int flags)
{
	unsigned long piece_iova;
	u64 length, undo, at;
	int rc;

	for (at = offset; (length = mem_next_piece(dmabuf, &at, end));
	     at += length) {
		piece_iova = iova + (at - offset);
		rc = iopt_map_mem_piece(ictx, iopt, &piece_iova, dmabuf, at,
					length, iommu_prot, flags);
		if (rc)
			goto err_unmap;
	}
	return 0;

err_unmap:
	for (undo = offset; (length = mem_next_piece(dmabuf, &undo, at));
	     undo += length)
		iopt_unmap_iova(iopt, iova + (undo - offset), length, NULL);
	return rc;
}

/*
 * Map [offset, offset + length) of a dma-buf, which is not 0 bytes and within it,
 * but may have holes.
 */
static int iopt_map_mem_dma_buf(struct iommufd_ctx *ictx,
				struct io_pagetable *iopt, unsigned long *iova,
				struct dma_buf *dmabuf, u64 offset,
				unsigned long length, int iommu_prot,
				unsigned int flags)
{
	u64 end = offset + length, at = offset, first;
	int rc;

	first = mem_next_piece(dmabuf, &at, end);
	if (first == length)
		return iopt_map_mem_piece(ictx, iopt, iova, dmabuf, offset,
					  length, iommu_prot, flags);
	if (!first)
		return -EINVAL;
	rc = iopt_check_mem_pieces(iopt, *iova, offset, length, flags);
	if (rc)
		return rc;
	return iopt_map_mem_pieces(ictx, iopt, *iova, dmabuf, offset, end,
				   iommu_prot, flags);
}

/* How many pieces [offset, end) has in physical memory, without holes */
static unsigned int mem_nr_ranges(struct dma_buf *dmabuf, u64 offset, u64 end)
{
	struct iommufd_mem_buf *buf = iommufd_mem_to_buf(dmabuf);
	unsigned int nr = 0;
	u64 contig;

	if (!buf)
		return 1;
	for (; offset < end; offset += min(contig, end - offset))
		if (mem_extents_find(&buf->extents, offset, &contig) !=
		    MEM_EXTENTS_HOLE)
			nr++;
	return nr;
}

static void mem_trace_map(struct dma_buf *dmabuf, u32 mem_id, u64 offset,
			  u64 length, unsigned long iova)
{
	struct iommufd_mem_buf *buf = iommufd_mem_to_buf(dmabuf);
	int region = buf ? buf->region->id : IOMMUFD_MEM_TRACE_DEVICE;

	if (trace_iommufd_mem_map_enabled())
		trace_iommufd_mem_map(region, mem_id, offset, length, iova,
				      mem_nr_ranges(dmabuf, offset,
						    offset + length));
}

/**
 * iopt_map_mem_pages() - Like iopt_map_user_pages, but map a memory object
 * @ictx: iommufd_ctx the iopt is part of
 * @iopt: io_pagetable to act on
 * @iova: as for iopt_map_user_pages()
 * @mem_id: ID of the object
 * @offset: map the object from this byte on
 * @length: number of bytes to map
 * @iommu_prot: as for iopt_map_user_pages()
 * @flags: as for iopt_map_user_pages()
 *
 * Return: 0 or an errno, see struct iommu_ioas_map_mem.
 */
int iopt_map_mem_pages(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
		       unsigned long *iova, u32 mem_id, u64 offset,
		       unsigned long length, int iommu_prot, unsigned int flags)
{
	struct dma_buf *dmabuf;
	struct iommufd_mem *mem;
	u64 end;
	int rc;

	if (check_add_overflow(offset, length, &end))
		return -EOVERFLOW;

	mem = iommufd_get_mem(ictx, mem_id);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	dmabuf = mem->dmabuf;
	get_dma_buf(dmabuf);
	iommufd_put_object(ictx, &mem->obj);

	rc = -EINVAL;
	if (length && end <= dmabuf->size)
		rc = iopt_map_mem_dma_buf(ictx, iopt, iova, dmabuf, offset,
					  length, iommu_prot, flags);
	if (!rc)
		mem_trace_map(dmabuf, mem_id, offset, length, *iova);
	dma_buf_put(dmabuf);
	return rc;
}

/*
 * The dma-buf of the object that is mmapped at [addr, end) of current->mm, with a
 * reference, the object's ID, and the offset that addr is at. NULL if the first VMA is not of an
 * object.
 */
static struct dma_buf *mem_vmas_get(unsigned long addr, unsigned long end,
				    vm_flags_t vm_flags, u32 *mem_id,
				    u64 *offset)
{
	struct dma_buf *dmabuf = NULL;
	struct vm_area_struct *vma;
	unsigned long next = addr;

	mmap_assert_locked(current->mm);
	VMA_ITERATOR(vmi, current->mm, addr);
	for_each_vma_range(vmi, vma, end) {
		struct iommufd_mem *mem = iommufd_mem_from_vma(vma);
		u64 vma_offset;

		if (!dmabuf && (!mem || vma->vm_start > addr))
			return NULL;
		if (!mem || vma->vm_start > next ||
		    (vma->vm_flags & vm_flags) != vm_flags)
			return ERR_PTR(-EFAULT);
		vma_offset = iommufd_mem_vma_offset(vma, next);
		if (!dmabuf) {
			dmabuf = mem->dmabuf;
			*mem_id = mem->obj.id;
			*offset = vma_offset;
		} else if (mem->dmabuf != dmabuf ||
			   vma_offset != *offset + (next - addr)) {
			return ERR_PTR(-EFAULT);
		}
		next = vma->vm_end;
	}
	if (!dmabuf)
		return NULL;
	if (next < end)
		return ERR_PTR(-EFAULT);
	get_dma_buf(dmabuf);
	return dmabuf;
}

/**
 * iopt_map_mem_uptr() - Map an object for DMA by the address of its mmap
 * @ictx: iommufd_ctx the iopt is part of
 * @iopt: io_pagetable to act on
 * @iova: as for iopt_map_user_pages()
 * @uptr: virtual address in current->mm
 * @length: number of bytes to map
 * @iommu_prot: as for iopt_map_user_pages()
 * @flags: as for iopt_map_user_pages()
 *
 * What counts is what is mmapped now: the mapping keeps the object's memory, not
 * the VMAs.
 *
 * Return: 0 or an errno; 1 if @uptr is not in an mmap of a memory object.
 */
int iopt_map_mem_uptr(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
		      unsigned long *iova, void __user *uptr,
		      unsigned long length, int iommu_prot, unsigned int flags)
{
	unsigned long addr = untagged_addr((unsigned long)uptr);
	vm_flags_t vm_flags = VM_READ;
	struct dma_buf *dmabuf;
	unsigned long end;
	u64 offset;
	u32 mem_id;
	int rc;

	/* Refused as for any other memory */
	if (!length || check_add_overflow(addr, length, &end))
		return 1;
	if (iommu_prot & IOMMU_WRITE)
		vm_flags |= VM_WRITE;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	dmabuf = mem_vmas_get(addr, end, vm_flags, &mem_id, &offset);
	mmap_read_unlock(current->mm);
	if (!dmabuf)
		return 1;
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	rc = iopt_map_mem_dma_buf(ictx, iopt, iova, dmabuf, offset, length,
				  iommu_prot, flags);
	if (!rc)
		mem_trace_map(dmabuf, mem_id, offset, length, *iova);
	dma_buf_put(dmabuf);
	return rc;
}

/**
 * iopt_restore_dmabuf() - Put back the DMA mappings of a dma-buf
 * @pages: made of a dma-buf that can be used again; its mutex is held, and so is the
 *         dma-buf's reservation lock. @pages->dmabuf.phys has been set
 *
 * Every area of every domain that was mapped when the dma-buf was revoked, or was
 * added since. If one of them cannot be mapped then all stay revoked, until the
 * next time that the dma-buf comes back.
 *
 * An area that is tracked may have no pages yet, or any more: it is between the
 * steps of iopt_map_pages() or iopt_unmap_iova_range(), which expect it to be
 * mapped unless the dma-buf is revoked.
 */
void iopt_restore_dmabuf(struct iopt_pages *pages)
{
	struct iopt_pages_dmabuf_track *track, *undo;
	int rc;

	lockdep_assert_held(&pages->mutex);

	list_for_each_entry(track, &pages->dmabuf.tracker, elm) {
		rc = iopt_area_fill_domain_from(track->area, pages,
						track->domain);
		if (rc)
			goto err_unmap;
	}
	return;

err_unmap:
	list_for_each_entry(undo, &pages->dmabuf.tracker, elm) {
		if (undo == track)
			break;
		iopt_area_unmap_domain(undo->area, undo->domain);
	}
	pages->dmabuf.phys.len = 0;
	pr_warn_ratelimited("iommufd: device memory at IOVA 0x%lx cannot be restored: %pe\n",
			    iopt_area_iova(track->area), ERR_PTR(rc));
}

/**
 * iommufd_mem_export() - Make a file descriptor of an object's dma-buf
 * @ucmd: with a struct iommu_mem_export
 *
 * Return: 0 or an errno, see struct iommu_mem_export.
 */
int iommufd_mem_export(struct iommufd_ucmd *ucmd)
{
	struct iommu_mem_export *cmd = ucmd->cmd;
	struct iommufd_mem *mem;
	struct dma_buf *dmabuf;
	int fd, rc;

	if (cmd->flags)
		return -EOPNOTSUPP;

	mem = iommufd_get_mem(ucmd->ictx, cmd->mem_id);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	dmabuf = mem->dmabuf;
	get_dma_buf(dmabuf);
	iommufd_put_object(ucmd->ictx, &mem->obj);

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		rc = fd;
		goto err_dma_buf;
	}
	cmd->out_fd = fd;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc)
		goto err_fd;
	/* Nothing can fail any more: it cannot be taken back from here on */
	fd_install(fd, dmabuf->file);
	return 0;

err_fd:
	put_unused_fd(fd);
err_dma_buf:
	dma_buf_put(dmabuf);
	return rc;
}
