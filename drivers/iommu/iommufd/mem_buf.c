// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a region that is given out.
 *
 * A struct iommufd_mem_buf owns the memory, from the pool back to the pool. It is
 * the private half of a dma-buf, whose file counts the users and whose reservation
 * lock orders mapping and revoking. The dma-buf has no file descriptor; iommufd is
 * its only importer, and takes the extents as they are.
 *
 * The memory is zeroed before anyone can see it, after it has left the pool and
 * without a lock.
 */
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "mem.h"
#include "mem_trace.h"

/* Zeroing has ended, well or not */
static void mem_buf_zeroed(struct iommufd_mem_buf *buf)
{
	struct iommufd_mem_region *region = buf->region;

	lockdep_assert_held(&region->lock);
	WRITE_ONCE(region->zeroing, region->zeroing - 1);
	wake_up_all(&region->idle);
}

/* Give the memory back. The region may be dead, but its pool is not */
static void mem_buf_put_blocks(struct iommufd_mem_buf *buf)
{
	struct iommufd_mem_region *region = buf->region;

	guard(mutex)(&region->lock);
	if (!buf->dmabuf)
		mem_buf_zeroed(buf);
	list_del(&buf->region_node);
	iommufd_mem_pool_free(&region->pool, &buf->blocks, false);
	iommufd_mem_drop(region, buf->holder);
	iommufd_mem_scrub_kick(region);
}

static void mem_buf_free(struct iommufd_mem_buf *buf)
{
	struct iommufd_mem_region *region = buf->region;
	struct iommufd_mem_bad *bad, *next;

	if (buf->dmabuf)
		trace_iommufd_mem_free(region->id, buf->mem_id,
				       buf->extents.length);
	mem_buf_put_blocks(buf);
	dmem_cgroup_uncharge(buf->charge, buf->extents.length);
	list_for_each_entry_safe(bad, next, &buf->bad, node)
		kfree(bad);
	kvfree(buf);
	iommufd_mem_region_put(region);
}

static int mem_dma_buf_attach(struct dma_buf *dmabuf,
			      struct dma_buf_attachment *attach)
{
	/* Only iommufd takes extents without a struct page */
	if (attach->dev != iommufd_global_device())
		return -EOPNOTSUPP;
	return 0;
}

static void mem_dma_buf_detach(struct dma_buf *dmabuf,
			       struct dma_buf_attachment *attach)
{
	struct iommufd_mem_buf *buf = iommufd_mem_to_buf(dmabuf);
	struct iopt_pages *pages = attach->importer_priv;

	if (pages->dmabuf.extents)
		trace_iommufd_mem_unmap(buf->region->id, buf->mem_id,
					pages->dmabuf.start,
					(u64)pages->npages * PAGE_SIZE);
}

/* Never called, see mem_dma_buf_attach(), but dma_buf_export() wants it */
static struct sg_table *mem_dma_buf_map(struct dma_buf_attachment *attach,
					enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void mem_dma_buf_unmap(struct dma_buf_attachment *attach,
			      struct sg_table *sgt, enum dma_data_direction dir)
{
}

static void mem_dma_buf_release(struct dma_buf *dmabuf)
{
	/* NULL if it was never published, see mem_buf_set_dma_buf() */
	if (dmabuf->priv)
		mem_buf_free(dmabuf->priv);
}

static const struct dma_buf_ops mem_dma_buf_ops = {
	.attach = mem_dma_buf_attach,
	.detach = mem_dma_buf_detach,
	.map_dma_buf = mem_dma_buf_map,
	.unmap_dma_buf = mem_dma_buf_unmap,
	.release = mem_dma_buf_release,
};

/**
 * iommufd_mem_to_buf() - The memory of a region behind a dma-buf
 * @dmabuf: any dma-buf
 *
 * Return: it, or NULL if it is not memory of a region.
 */
struct iommufd_mem_buf *iommufd_mem_to_buf(struct dma_buf *dmabuf)
{
	return dmabuf->ops == &mem_dma_buf_ops ? dmabuf->priv : NULL;
}

/**
 * iommufd_mem_pgoff() - The page offset that memory has in its address space
 * @dmabuf: of an object
 *
 * Return: offset of the first page in @dmabuf->file->f_mapping.
 */
pgoff_t iommufd_mem_pgoff(struct dma_buf *dmabuf)
{
	struct iommufd_mem_buf *buf = iommufd_mem_to_buf(dmabuf);

	return buf ? buf->pgoff : 0;
}

/**
 * iommufd_mem_map_dma_buf() - Give the memory's extents to an iopt_pages
 * @attach: iommufd's attachment, with the reservation lock held
 * @dmabuf: the dma-buf part of the iopt_pages; keeps the dma-buf as long as it
 *          uses the extents
 *
 * Return: 0; -ENODEV if the memory is revoked; -EINVAL if there is a hole in it;
 * -EOPNOTSUPP if the dma-buf is not memory of a region.
 */
int iommufd_mem_map_dma_buf(struct dma_buf_attachment *attach,
			    struct iopt_pages_dmabuf *dmabuf)
{
	struct iommufd_mem_buf *buf = iommufd_mem_to_buf(attach->dmabuf);
	struct iopt_pages *pages =
		container_of(dmabuf, struct iopt_pages, dmabuf);

	if (!buf)
		return -EOPNOTSUPP;
	dma_resv_assert_held(attach->dmabuf->resv);
	if (buf->revoked)
		return -ENODEV;
	if (iommufd_mem_has_hole(buf, dmabuf->start,
				 (u64)pages->npages * PAGE_SIZE))
		return -EINVAL;

	dmabuf->extents = &buf->extents;
	/* Anything but 0, which means revoked */
	dmabuf->phys.len = buf->extents.length;
	return 0;
}

/**
 * iommufd_mem_revoke_buf() - Take away memory that is given out
 * @buf: on its region's list, with iommufd_mem_region::lock held, and zeroed
 *
 * The memory does not go back to the pool before its users have let go of it.
 */
void iommufd_mem_revoke_buf(struct iommufd_mem_buf *buf)
{
	struct dma_buf *dmabuf = buf->dmabuf;

	lockdep_assert_held(&buf->region->lock);

	/* Being released: nobody has it mapped */
	if (!get_file_active(&dmabuf->file))
		return;
	dma_resv_lock(dmabuf->resv, NULL);
	buf->revoked = true;
	dma_buf_invalidate_mappings(dmabuf);
	iommufd_mem_zap(dmabuf);
	trace_iommufd_mem_revoke(buf->region->id, buf->mem_id, dmabuf->size);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}

/* The memory in the order of the object's offsets */
static void mem_buf_set_extents(struct iommufd_mem_buf *buf,
				const struct iommu_mem_alloc *cmd)
{
	struct iommufd_mem_pool *pool = &buf->region->pool;
	struct mem_extents *ext = &buf->extents;
	struct gpu_buddy_block *block;

	list_for_each_entry(block, &buf->blocks, link) {
		u64 paddr = gpu_buddy_block_offset(block);

		if (cmd->flags & IOMMU_MEM_ALLOC_LINEAR)
			mem_extents_skip(ext, paddr - pool->base - ext->length);
		mem_extents_append(ext, paddr,
				   gpu_buddy_block_size(&pool->buddy, block));
	}
	mem_extents_skip(ext, cmd->length - ext->length);
}

static int mem_pool_alloc(struct iommufd_mem_region *region,
			  const struct iommu_mem_alloc *cmd,
			  struct list_head *blocks)
{
	if (cmd->flags & IOMMU_MEM_ALLOC_LINEAR)
		return iommufd_mem_pool_alloc_linear(&region->pool, cmd->length,
						     blocks);
	return iommufd_mem_pool_alloc(&region->pool, cmd->length,
				      cmd->align ?: PAGE_SIZE, blocks);
}

/* A buf with memory of the pool in it, and nothing else */
static struct iommufd_mem_buf *
mem_buf_new(struct iommufd_mem_region *region,
	    const struct iommu_mem_alloc *cmd)
{
	struct iommufd_mem_buf *buf;
	LIST_HEAD(blocks);
	int rc;

	rc = mem_pool_alloc(region, cmd, &blocks);
	if (rc)
		return ERR_PTR(rc);
	buf = kvzalloc_flex(*buf, extents.extents, list_count_nodes(&blocks),
			    GFP_KERNEL_ACCOUNT);
	if (!buf) {
		iommufd_mem_pool_free(&region->pool, &blocks, false);
		return ERR_PTR(-ENOMEM);
	}
	buf->region = region;
	buf->extents.max = list_count_nodes(&blocks);
	INIT_LIST_HEAD(&buf->bad);
	INIT_LIST_HEAD(&buf->blocks);
	list_splice(&blocks, &buf->blocks);
	mem_buf_set_extents(buf, cmd);
	return buf;
}

/* A buf of a context that may have the memory, charged for it */
static struct iommufd_mem_buf *
mem_buf_charge(struct iommufd_mem_region *region,
	       const struct iommu_mem_alloc *cmd)
{
	struct dmem_cgroup_pool_state *charge;
	struct iommufd_mem_buf *buf;
	int rc;

	/* No limit is to blame then */
	if (cmd->length > region->desc.size)
		return ERR_PTR(cmd->flags & IOMMU_MEM_ALLOC_LINEAR ? -EINVAL :
								     -ENOSPC);
	rc = dmem_cgroup_try_charge(region->dmem, cmd->length, &charge, NULL);
	if (rc)
		return ERR_PTR(rc == -EAGAIN ? -EDQUOT : rc);
	buf = mem_buf_new(region, cmd);
	if (IS_ERR(buf))
		dmem_cgroup_uncharge(charge, cmd->length);
	else
		buf->charge = charge;
	return buf;
}

/* Returns a buf with the memory in it, on the region's list, but dirty */
static struct iommufd_mem_buf *
mem_buf_take(struct iommufd_mem_region *region, struct iommufd_mem_owner *owner,
	     const struct iommu_mem_alloc *cmd)
{
	struct iommufd_mem_holder *holder;
	struct iommufd_mem_buf *buf;

	guard(mutex)(&region->lock);
	/* Nobody holds a region that is ending, so region->dmem is there */
	holder = iommufd_mem_hold(region, owner);
	if (IS_ERR(holder))
		return ERR_CAST(holder);
	buf = mem_buf_charge(region, cmd);
	if (IS_ERR(buf)) {
		iommufd_mem_drop(region, holder);
		return buf;
	}
	buf->holder = holder;
	buf->pgoff = region->next_pgoff;
	region->next_pgoff += cmd->length >> PAGE_SHIFT;
	list_add_tail(&buf->region_node, &region->bufs);
	WRITE_ONCE(region->zeroing, region->zeroing + 1);
	return buf;
}

/*
 * Let the dma-buf own the memory, unless the region has gone, or some of the memory
 * has failed, while it was zeroed.
 */
static int mem_buf_set_dma_buf(struct iommufd_mem_buf *buf,
			       struct dma_buf *dmabuf)
{
	struct iommufd_mem_region *region = buf->region;

	guard(mutex)(&region->lock);
	if (region->revoked)
		return -ENODEV;
	if (buf->failed)
		return -EAGAIN;
	/* Nobody can have mapped it before */
	dmabuf->file->f_mapping = region->file->f_mapping;
	buf->dmabuf = dmabuf;
	mem_buf_zeroed(buf);
	return 0;
}

/*
 * A dma-buf that owns the memory. A file is released only when the task returns to
 * userspace; after an error that would be too late for the memory, which is wanted
 * for another try. So the memory stays with the caller then.
 */
static struct dma_buf *mem_buf_export(struct iommufd_mem_buf *buf)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct dma_buf *dmabuf;
	int rc;

	exp_info.ops = &mem_dma_buf_ops;
	exp_info.size = buf->extents.length;
	exp_info.flags = O_RDWR;
	exp_info.priv = buf;
	dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(dmabuf))
		return dmabuf;
	rc = mem_buf_set_dma_buf(buf, dmabuf);
	if (rc) {
		dmabuf->priv = NULL;
		dma_buf_put(dmabuf);
		return ERR_PTR(rc);
	}
	return dmabuf;
}

static struct iommufd_mem_buf *
mem_buf_alloc(struct iommufd_mem_region *region,
	      struct iommufd_mem_owner *owner, const struct iommu_mem_alloc *cmd)
{
	struct iommufd_mem_buf *buf;
	int rc;

	rc = iommufd_mem_scrub_pause(region);
	if (rc)
		return ERR_PTR(rc);
	buf = mem_buf_take(region, owner, cmd);
	iommufd_mem_scrub_resume(region);
	return buf;
}

/* -EAGAIN if the memory has failed meanwhile; it will not be taken again */
static int mem_alloc_dma_buf(struct iommufd_mem *mem,
			     struct iommufd_mem_region *region,
			     const struct iommu_mem_alloc *cmd)
{
	struct iommufd_mem_buf *buf;
	struct dma_buf *dmabuf;
	int rc;

	buf = mem_buf_alloc(region, mem->ictx->mem_owner, cmd);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	buf->mem_id = mem->obj.id;
	/* The buf has a reference of its own */
	kref_get(&region->kref);
	__module_get(region->desc.owner);
	rc = iommufd_mem_scrub_blocks(region, &buf->blocks);
	if (rc)
		goto err_free;

	dmabuf = mem_buf_export(buf);
	if (IS_ERR(dmabuf)) {
		rc = PTR_ERR(dmabuf);
		goto err_free;
	}
	mem->dmabuf = dmabuf;
	mem->node = region->desc.node;
	mem->max_block = mem_extents_max_block(&buf->extents);
	mem->nr_extents = buf->extents.nr;
	trace_iommufd_mem_alloc(region->id, buf->mem_id, dmabuf->size,
				mem->nr_extents, mem->max_block);
	return 0;

err_free:
	mem_buf_free(buf);
	return rc;
}

/**
 * iommufd_mem_alloc_region() - Fill a new object with memory of a region
 * @mem: the object
 * @region: the region, held by the caller
 * @cmd: what userspace wants; its common fields have been checked
 *
 * The memory is zero. It is given back when @mem->dmabuf is released.
 *
 * Return: 0 or an errno, see struct iommu_mem_alloc.
 */
int iommufd_mem_alloc_region(struct iommufd_mem *mem,
			     struct iommufd_mem_region *region,
			     const struct iommu_mem_alloc *cmd)
{
	int rc;

	do
		rc = mem_alloc_dma_buf(mem, region, cmd);
	while (rc == -EAGAIN);
	return rc;
}
