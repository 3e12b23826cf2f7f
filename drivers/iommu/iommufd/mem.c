// SPDX-License-Identifier: GPL-2.0
/*
 * Memory objects: the iommufd object and its ioctls.
 *
 * This file knows what userspace may ask for and how an object lives and dies. The
 * memory itself comes from mem_buf.c (a region) or mem_device.c (a device), in
 * either case as a dma-buf.
 */
#include <linux/dma-resv.h>
#include <linux/iommufd.h>
#include <linux/overflow.h>
#include <linux/pgtable.h>

#include "io_pagetable.h"
#include "mem.h"
#include "mem_trace.h"

/* IOMMU_IOAS_MAP of an object is IOMMU_IOAS_MAP with two fields renamed */
static_assert(sizeof(struct iommu_ioas_map_mem) ==
	      sizeof(struct iommu_ioas_map));
static_assert(offsetof(struct iommu_ioas_map_mem, mem_id) ==
	      offsetof(struct iommu_ioas_map, __reserved));
static_assert(offsetof(struct iommu_ioas_map_mem, offset) ==
	      offsetof(struct iommu_ioas_map, user_va));
static_assert(offsetof(struct iommu_ioas_map_mem, iova) ==
	      offsetof(struct iommu_ioas_map, iova));

/**
 * iommufd_mem_destroy() - Let go of the memory of an object
 * @obj: an object that has no VMA, maybe not completely made
 *
 * DMA mappings keep the memory.
 */
void iommufd_mem_destroy(struct iommufd_object *obj)
{
	struct iommufd_mem *mem = container_of(obj, struct iommufd_mem, obj);

	if (mem->mmap_start)
		_iommufd_destroy_mmap(mem->ictx, &mem->obj, mem->mmap_start);
	if (mem->attach) {
		/* It has been told of if it got this far */
		if (mem->nr_extents)
			trace_iommufd_mem_free(IOMMUFD_MEM_TRACE_DEVICE,
					       obj->id, mem->dmabuf->size);
		dma_buf_detach(mem->dmabuf, mem->attach);
	}
	if (mem->dmabuf)
		dma_buf_put(mem->dmabuf);
}

/*
 * Find an offset for mmap() that is as aligned as the memory, up to the largest
 * CPU page table entry: a mapping at a virtual address with the same alignment
 * then gets entries of that size.
 */
static int iommufd_mem_alloc_mmap(struct iommufd_mem *mem)
{
	size_t align = clamp_t(u64, mem->max_block, PAGE_SIZE, PUD_SIZE);
	size_t length;
	int rc;

	if (check_add_overflow(mem->dmabuf->size, align - PAGE_SIZE, &length))
		return -EOVERFLOW;
	rc = _iommufd_alloc_mmap(mem->ictx, &mem->obj, 0, length,
				 &mem->mmap_start);
	if (rc)
		return rc;
	mem->mmap_offset = ALIGN(mem->mmap_start, align);
	return 0;
}

static int iommufd_mem_check_alloc(const struct iommu_mem_alloc *cmd)
{
	u64 end;

	if (cmd->type != IOMMU_MEM_TYPE_REGION &&
	    cmd->type != IOMMU_MEM_TYPE_DEVICE)
		return -EOPNOTSUPP;
	if (cmd->flags & ~IOMMU_MEM_ALLOC_LINEAR ||
	    (cmd->flags && cmd->type != IOMMU_MEM_TYPE_REGION))
		return -EOPNOTSUPP;
	if (check_add_overflow(cmd->offset, cmd->length, &end) ||
	    end > SIZE_MAX)
		return -EOVERFLOW;
	if (!cmd->length || !PAGE_ALIGNED(cmd->offset) ||
	    !PAGE_ALIGNED(cmd->length))
		return -EINVAL;
	/* As many pages as gpu_buddy can count */
	if (cmd->length >> PAGE_SHIFT > U32_MAX)
		return -EINVAL;

	if (cmd->type == IOMMU_MEM_TYPE_DEVICE)
		return cmd->align ? -EINVAL : 0;

	if ((cmd->dev_id && cmd->region_index) || cmd->offset)
		return -EINVAL;
	if (cmd->align && cmd->flags & IOMMU_MEM_ALLOC_LINEAR)
		return -EINVAL;
	if (cmd->align &&
	    (!is_power_of_2(cmd->align) || cmd->align < PAGE_SIZE ||
	     !IS_ALIGNED(cmd->length, cmd->align)))
		return -EINVAL;
	return 0;
}

static int iommufd_mem_alloc_of_device(struct iommufd_ucmd *ucmd,
				       struct iommufd_mem *mem)
{
	struct iommu_mem_alloc *cmd = ucmd->cmd;
	struct iommufd_device *idev;
	int rc;

	idev = iommufd_get_device(ucmd, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = iommufd_mem_alloc_device(mem, idev, cmd);
	iommufd_put_object(ucmd->ictx, &idev->obj);
	return rc;
}

/* The region that the caller is entitled to */
static struct iommufd_mem_region *
iommufd_mem_get_region(struct iommufd_ucmd *ucmd)
{
	struct iommu_mem_alloc *cmd = ucmd->cmd;
	struct iommufd_mem_region *region;
	struct iommufd_device *idev;

	if (!cmd->dev_id) {
		if (!capable(CAP_SYS_RAWIO))
			return ERR_PTR(-EPERM);
		region = iommufd_mem_region_get_id(cmd->region_index);
	} else {
		idev = iommufd_get_device(ucmd, cmd->dev_id);
		if (IS_ERR(idev))
			return ERR_CAST(idev);
		region = iommufd_mem_region_get(idev->dev);
		iommufd_put_object(ucmd->ictx, &idev->obj);
	}
	return region ?: ERR_PTR(-ENODEV);
}

static int iommufd_mem_alloc_of_region(struct iommufd_ucmd *ucmd,
				       struct iommufd_mem *mem)
{
	struct iommufd_mem_region *region;
	int rc;

	region = iommufd_mem_get_region(ucmd);
	if (IS_ERR(region))
		return PTR_ERR(region);
	rc = iommufd_mem_alloc_region(mem, region, ucmd->cmd);
	iommufd_mem_region_put(region);
	return rc;
}

int iommufd_mem_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_mem_alloc *cmd = ucmd->cmd;
	struct iommufd_mem *mem;
	int rc;

	rc = iommufd_mem_check_alloc(cmd);
	if (rc)
		return rc;

	mem = iommufd_object_alloc_ucmd(ucmd, mem, IOMMUFD_OBJ_MEM);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	mem->ictx = ucmd->ictx;
	mem->type = cmd->type;
	mem->node = NUMA_NO_NODE;

	if (cmd->type == IOMMU_MEM_TYPE_DEVICE)
		rc = iommufd_mem_alloc_of_device(ucmd, mem);
	else
		rc = iommufd_mem_alloc_of_region(ucmd, mem);
	if (rc)
		return rc;

	rc = iommufd_mem_alloc_mmap(mem);
	if (rc)
		return rc;

	cmd->out_mem_id = mem->obj.id;
	cmd->out_mmap_offset = mem->mmap_offset;
	return iommufd_ucmd_respond(ucmd, sizeof(*cmd));
}

/* The object with the lowest ID that is at least id */
static struct iommufd_mem *iommufd_get_next_mem(struct iommufd_ctx *ictx,
						unsigned long id)
{
	struct iommufd_object *obj;

	xa_lock(&ictx->objects);
	xa_for_each_start(&ictx->objects, id, obj, id)
		if (obj->type == IOMMUFD_OBJ_MEM && iommufd_lock_obj(obj))
			break;
	xa_unlock(&ictx->objects);
	if (!obj)
		return ERR_PTR(-ENOENT);
	return container_of(obj, struct iommufd_mem, obj);
}

static bool iommufd_mem_revoked(struct iommufd_mem *mem)
{
	struct phys_vec phys;
	int rc;

	dma_resv_lock(mem->dmabuf->resv, NULL);
	rc = iommufd_mem_phys(mem, 0, &phys);
	dma_resv_unlock(mem->dmabuf->resv);
	return rc == -ENODEV;
}

int iommufd_mem_info(struct iommufd_ucmd *ucmd)
{
	struct iommu_mem_info *cmd = ucmd->cmd;
	struct iommufd_mem *mem;
	int rc;

	if (cmd->flags & ~IOMMU_MEM_INFO_NEXT || cmd->__reserved)
		return -EOPNOTSUPP;

	if (cmd->flags & IOMMU_MEM_INFO_NEXT)
		mem = iommufd_get_next_mem(ucmd->ictx, cmd->mem_id);
	else
		mem = iommufd_get_mem(ucmd->ictx, cmd->mem_id);
	if (IS_ERR(mem))
		return PTR_ERR(mem);

	cmd->mem_id = mem->obj.id;
	cmd->out_type = mem->type;
	cmd->out_attrs = 0;
	if (mem->type == IOMMU_MEM_TYPE_REGION)
		cmd->out_attrs |= IOMMU_MEM_ATTR_CACHEABLE;
	if (iommufd_mem_revoked(mem))
		cmd->out_attrs |= IOMMU_MEM_ATTR_REVOKED;
	cmd->out_node = mem->node;
	cmd->out_length = mem->dmabuf->size;
	cmd->out_mmap_offset = mem->mmap_offset;
	cmd->out_max_block = mem->max_block;
	cmd->out_nr_extents = mem->nr_extents;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	iommufd_put_object(ucmd->ictx, &mem->obj);
	return rc;
}
