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
#include <linux/overflow.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "mem.h"

/* The policy: may this context have memory of the region now? */
static int mem_region_hold(struct iommufd_mem_region *region, struct iommufd_mem_owner *owner)
{
	lockdep_assert_held(&region->lock);

	if (region->revoked)
		return -ENODEV;
	if (region->desc.policy == IOMMUFD_MEM_SHARED)
		return 0;
	if (region->holder && region->holder != owner)
		return -EBUSY;
	if (!region->holder)
		region->holder = iommufd_mem_owner_get(owner);
	return 0;
}

/* Nobody has memory of the region any more */
static void mem_region_drop(struct iommufd_mem_region *region)
{
	iommufd_mem_owner_put(region->holder);
	region->holder = NULL;
}

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
	iommufd_mem_pool_free(&region->pool, &buf->blocks);
	if (list_empty(&region->bufs))
		mem_region_drop(region);
}

static void mem_buf_free(struct iommufd_mem_buf *buf)
{
	struct iommufd_mem_region *region = buf->region;

	mem_buf_put_blocks(buf);
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
	mem_buf_free(dmabuf->priv);
}

static const struct dma_buf_ops mem_dma_buf_ops = {
	.attach = mem_dma_buf_attach,
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
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}

/* Returns a buf with the memory in it, on the region's list, but dirty */
static struct iommufd_mem_buf *
mem_buf_take(struct iommufd_mem_region *region, struct iommufd_mem_owner *owner, u64 length,
	     u64 align)
{
	struct gpu_buddy_block *block;
	struct iommufd_mem_buf *buf;
	LIST_HEAD(blocks);
	int rc;

	guard(mutex)(&region->lock);
	rc = mem_region_hold(region, owner);
	if (rc)
		return ERR_PTR(rc);
	rc = iommufd_mem_pool_alloc(&region->pool, length, align, &blocks);
	if (rc)
		goto err_hold;

	buf = kvzalloc_flex(*buf, extents.extents, list_count_nodes(&blocks),
			    GFP_KERNEL_ACCOUNT);
	if (!buf) {
		rc = -ENOMEM;
		goto err_blocks;
	}
	buf->region = region;
	buf->extents.max = list_count_nodes(&blocks);
	list_for_each_entry(block, &blocks, link)
		mem_extents_append(&buf->extents,
				   gpu_buddy_block_offset(block),
				   gpu_buddy_block_size(&region->pool.buddy,
							block));
	INIT_LIST_HEAD(&buf->blocks);
	list_splice(&blocks, &buf->blocks);
	list_add_tail(&buf->region_node, &region->bufs);
	WRITE_ONCE(region->zeroing, region->zeroing + 1);
	return buf;

err_blocks:
	iommufd_mem_pool_free(&region->pool, &blocks);
err_hold:
	if (list_empty(&region->bufs))
		mem_region_drop(region);
	return ERR_PTR(rc);
}

/* Zero what is not known to be zero. Nobody else sees the blocks */
static int mem_buf_scrub(struct iommufd_mem_buf *buf)
{
	struct iommufd_mem_region *region = buf->region;
	struct gpu_buddy_block *block;
	int rc;

	list_for_each_entry(block, &buf->blocks, link) {
		if (gpu_buddy_block_is_clear(block))
			continue;
		rc = iommufd_mem_scrub(gpu_buddy_block_offset(block),
				       gpu_buddy_block_size(&region->pool.buddy,
							    block),
				       &region->revoked);
		if (rc)
			return rc;
	}
	return 0;
}

/* Publish the dma-buf, unless the region has gone while the memory was zeroed */
static int mem_buf_set_dma_buf(struct iommufd_mem_buf *buf,
			       struct dma_buf *dmabuf)
{
	guard(mutex)(&buf->region->lock);
	buf->dmabuf = dmabuf;
	mem_buf_zeroed(buf);
	/* Nobody has seen the dma-buf, so the lock for this is not needed yet */
	buf->revoked = buf->region->revoked;
	return buf->revoked ? -ENODEV : 0;
}

/**
 * iommufd_mem_alloc_region() - Fill a new object with memory of a region
 * @mem: the object
 * @region: the region; this takes over the caller's reference in any case
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
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	u64 align = cmd->align ?: PAGE_SIZE;
	struct iommufd_mem_buf *buf;
	struct dma_buf *dmabuf;
	int rc;

	buf = mem_buf_take(region, mem->ictx->mem_owner, cmd->length, align);
	if (IS_ERR(buf)) {
		iommufd_mem_region_put(region);
		return PTR_ERR(buf);
	}
	rc = mem_buf_scrub(buf);
	if (rc)
		goto err_free;

	exp_info.ops = &mem_dma_buf_ops;
	exp_info.size = buf->extents.length;
	exp_info.flags = O_RDWR;
	exp_info.priv = buf;
	dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(dmabuf)) {
		rc = PTR_ERR(dmabuf);
		goto err_free;
	}
	/* From now on the dma-buf frees the buf */
	mem->dmabuf = dmabuf;
	mem->node = region->desc.node;
	mem->max_block = mem_extents_max_block(&buf->extents);
	mem->nr_extents = buf->extents.nr;
	return mem_buf_set_dma_buf(buf, dmabuf);

err_free:
	mem_buf_free(buf);
	return rc;
}
