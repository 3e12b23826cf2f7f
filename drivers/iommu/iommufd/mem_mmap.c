// SPDX-License-Identifier: GPL-2.0
/*
 * CPU mappings of memory objects.
 *
 * A VMA of an object has the object's dma-buf as its file. For memory of a device
 * that has an address space of its own; for memory of a region it has the region's,
 * and a range of page offsets there of its own. Either way zapping all mappings of
 * one object is one call.
 * What the dma-buf's file cannot do, the VMA does by itself: it holds the object,
 * so that it stays busy, and the iommufd's file, so that the object can exist.
 *
 * Page table entries are made on demand, under the dma-buf's reservation lock: so
 * none is made after the memory was revoked.
 */
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/mm.h>

#include "mem.h"

/* The same for memory of a region */
static int mem_buf_phys(struct iommufd_mem_buf *buf, u64 offset,
			struct phys_vec *phys)
{
	struct iommufd_mem_bad *bad;
	u64 contig;

	if (buf->revoked)
		return -ENODEV;
	phys->paddr = mem_extents_find(&buf->extents, offset, &contig);
	if (phys->paddr == MEM_EXTENTS_HOLE)
		return -ENXIO;
	list_for_each_entry(bad, &buf->bad, node) {
		if (bad->offset == ALIGN_DOWN(offset, PAGE_SIZE))
			return -EHWPOISON;
		if (bad->offset > offset) {
			contig = min(contig, bad->offset - offset);
			break;
		}
	}
	phys->len = contig;
	return 0;
}

/**
 * iommufd_mem_phys() - The physical range from a byte of an object on
 * @mem: the object, with its dma-buf's reservation lock held
 * @offset: of the byte, in the object
 * @phys: gets the range, which can be used until the lock is dropped, or until the
 *        memory is revoked
 *
 * Return: 0; -ENODEV if the memory cannot be reached now; -ENXIO if the byte is in a
 * hole; -EHWPOISON if it has failed.
 */
int iommufd_mem_phys(struct iommufd_mem *mem, u64 offset,
		     struct phys_vec *phys)
{
	struct iommufd_mem_buf *buf = iommufd_mem_to_buf(mem->dmabuf);

	dma_resv_assert_held(mem->dmabuf->resv);

	if (buf)
		return mem_buf_phys(buf, offset, phys);
	if (mem->device_ops->phys(mem->attach, phys))
		return -ENODEV;
	if (WARN_ON(phys->len < mem->dmabuf->size))
		return -ENODEV;
	phys->paddr += offset;
	phys->len -= offset;
	return 0;
}

/* Never for write: the entry may have become a table since the fault was taken */
static vm_fault_t mem_insert(struct vm_fault *vmf, unsigned long pfn,
			     unsigned int order)
{
	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, pfn, false);
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP) && order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, pfn, false);
	return VM_FAULT_FALLBACK;
}

static vm_fault_t mem_fault_error(int rc, unsigned int order)
{
	/* Only some of a large entry may be bad */
	if (order && rc != -ENODEV)
		return VM_FAULT_FALLBACK;
	return rc == -EHWPOISON ? VM_FAULT_HWPOISON : VM_FAULT_SIGBUS;
}

static vm_fault_t mem_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct iommufd_mem *mem = vma->vm_private_data;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);
	struct phys_vec phys;
	vm_fault_t ret;
	u64 offset;
	int rc;

	if (addr < vma->vm_start || size > vma->vm_end - addr)
		return VM_FAULT_FALLBACK;
	offset = iommufd_mem_vma_offset(vma, addr);

	dma_resv_lock(mem->dmabuf->resv, NULL);
	rc = iommufd_mem_phys(mem, offset, &phys);
	if (rc)
		ret = mem_fault_error(rc, order);
	else if (!IS_ALIGNED(phys.paddr, size) || phys.len < size)
		ret = VM_FAULT_FALLBACK;
	else
		ret = mem_insert(vmf, PHYS_PFN(phys.paddr), order);
	dma_resv_unlock(mem->dmabuf->resv);
	return ret;
}

static vm_fault_t mem_fault(struct vm_fault *vmf)
{
	return mem_huge_fault(vmf, 0);
}

/* Of one page of memory of a region */
static int mem_access_page(struct iommufd_mem *mem, u64 offset, void *buf,
			   int len, bool write)
{
	struct phys_vec phys;
	void *va;
	int rc;

	dma_resv_lock(mem->dmabuf->resv, NULL);
	rc = iommufd_mem_phys(mem, offset, &phys);
	if (rc)
		goto out_unlock;
	rc = -ENOMEM;
	va = memremap(phys.paddr - offset_in_page(offset), PAGE_SIZE,
		      MEMREMAP_WB);
	if (!va)
		goto out_unlock;
	if (write)
		memcpy(va + offset_in_page(offset), buf, len);
	else
		memcpy(buf, va + offset_in_page(offset), len);
	memunmap(va);
	rc = len;
out_unlock:
	dma_resv_unlock(mem->dmabuf->resv);
	return rc;
}

/*
 * For debuggers: ptrace() and /proc/PID/mem, which cannot take a page. Memory of a
 * device is left to who drives it, as vfio does.
 */
static int mem_access(struct vm_area_struct *vma, unsigned long addr, void *buf,
		      int len, int write)
{
	struct iommufd_mem *mem = vma->vm_private_data;
	u64 offset = iommufd_mem_vma_offset(vma, addr);

	if (mem->type != IOMMU_MEM_TYPE_REGION)
		return -EIO;
	if (write && !(vma->vm_flags & VM_WRITE))
		return -EACCES;
	len = min_t(unsigned long, len, PAGE_SIZE - offset_in_page(offset));
	return mem_access_page(mem, offset, buf, len, write);
}

static void mem_vma_open(struct vm_area_struct *vma)
{
	struct iommufd_mem *mem = vma->vm_private_data;

	refcount_inc(&mem->obj.users);
	iommufd_ctx_get(mem->ictx);
}

static void mem_vma_close(struct vm_area_struct *vma)
{
	struct iommufd_mem *mem = vma->vm_private_data;
	struct iommufd_ctx *ictx = mem->ictx;

	refcount_dec(&mem->obj.users);
	iommufd_ctx_put(ictx);
}

static const struct vm_operations_struct mem_vma_ops = {
	.open = mem_vma_open,
	.close = mem_vma_close,
	.fault = mem_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = mem_huge_fault,
#endif
	.access = mem_access,
};

/**
 * iommufd_mem_vma_offset() - Where in an object an address of its VMA is
 * @vma: maps the object
 * @addr: within @vma
 *
 * Return: offset in the object, in bytes.
 */
u64 iommufd_mem_vma_offset(const struct vm_area_struct *vma, unsigned long addr)
{
	struct iommufd_mem *mem = vma->vm_private_data;
	pgoff_t pgoff = vma->vm_pgoff - iommufd_mem_pgoff(mem->dmabuf);

	return ((u64)pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
}

/**
 * iommufd_mem_from_vma() - The object that a VMA maps
 * @vma: any VMA, with its mmap_lock held
 *
 * Return: it, held by the VMA; or NULL if the VMA is not of an object.
 */
struct iommufd_mem *iommufd_mem_from_vma(struct vm_area_struct *vma)
{
	return vma->vm_ops == &mem_vma_ops ? vma->vm_private_data : NULL;
}

/**
 * iommufd_mem_mmap() - mmap() of a memory object
 * @immap: found at the VMA's offset; its owner is an object whose users has been
 *         incremented by the caller, to be dropped when the VMA goes or on error
 * @vma: is VM_SHARED and not VM_EXEC
 *
 * Return: 0, or -ENXIO if the range is not within the object.
 */
int iommufd_mem_mmap(struct iommufd_mmap *immap, struct vm_area_struct *vma)
{
	struct iommufd_mem *mem =
		container_of(immap->owner, struct iommufd_mem, obj);
	unsigned long first = mem->mmap_offset >> PAGE_SHIFT;
	unsigned long npages = mem->dmabuf->size >> PAGE_SHIFT;
	unsigned long pgoff = vma->vm_pgoff - first;

	/* The allocated offsets start before the object and end after it */
	if (vma->vm_pgoff < first || pgoff >= npages ||
	    vma_pages(vma) > npages - pgoff) {
		refcount_dec(&mem->obj.users);
		return -ENXIO;
	}

	vm_flags_mod(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	if (mem->type == IOMMU_MEM_TYPE_DEVICE) {
		/* As vfio maps BARs, see vfio_pci_core_mmap() */
		vm_flags_set(vma, VM_IO | VM_ALLOW_ANY_UNCACHED);
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
		vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	}
	vma->vm_pgoff = iommufd_mem_pgoff(mem->dmabuf) + pgoff;
	vma->vm_private_data = mem;
	vma->vm_ops = &mem_vma_ops;
	iommufd_ctx_get(mem->ictx);
	vma_set_file(vma, mem->dmabuf->file);
	return 0;
}

/**
 * iommufd_mem_zap() - Remove all CPU mappings of an object's memory
 * @dmabuf: the memory, with its reservation lock held, and already revoked or
 *          going to be before the lock is dropped
 */
void iommufd_mem_zap(struct dma_buf *dmabuf)
{
	dma_resv_assert_held(dmabuf->resv);
	unmap_mapping_pages(dmabuf->file->f_mapping, iommufd_mem_pgoff(dmabuf),
			    dmabuf->size >> PAGE_SHIFT, true);
}
