// SPDX-License-Identifier: GPL-2.0
/*
 * Who holds memory of a region, and what that means for the region's devices.
 *
 * A context has a name that can outlive it. The name is also the owner under which
 * the context's devices are claimed from the IOMMU core, so that who holds a region
 * can claim the region's devices in the same name: then nobody else can bind them to
 * an iommufd or a VFIO container, nor can a driver of the host probe them. It is
 * never used for another context as long as anyone keeps it.
 */
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "mem.h"

int iommufd_mem_init_ctx(struct iommufd_ctx *ictx)
{
	struct iommufd_mem_owner *owner;

	owner = kzalloc_obj(*owner, GFP_KERNEL_ACCOUNT);
	if (!owner)
		return -ENOMEM;
	kref_init(&owner->kref);
	ictx->mem_owner = owner;
	return 0;
}

static void iommufd_mem_owner_release(struct kref *kref)
{
	kfree(container_of(kref, struct iommufd_mem_owner, kref));
}

static void iommufd_mem_owner_put(struct iommufd_mem_owner *owner)
{
	kref_put(&owner->kref, iommufd_mem_owner_release);
}

void iommufd_mem_fini_ctx(struct iommufd_ctx *ictx)
{
	iommufd_mem_owner_put(ictx->mem_owner);
}

/* Keep a device from everyone but the holder of the region */
static int mem_link_claim(struct iommufd_mem_link *link,
			  struct iommufd_mem_owner *owner)
{
	int rc;

	if (link->claimed || iommufd_mem_device_is_taken(link->dev))
		return 0;
	rc = iommu_device_claim_dma_owner(link->dev, owner);
	/* Without an IOMMU it is nobody's in iommufd, but may be a driver's */
	if (rc == -ENODEV && !link->dev->driver)
		return 0;
	if (rc)
		return -EBUSY;
	link->claimed = true;
	return 0;
}

/**
 * iommufd_mem_link_release() - Let others have a device again
 * @link: of a region whose lock is held; nothing happens if it is not claimed
 */
void iommufd_mem_link_release(struct iommufd_mem_link *link)
{
	if (link->claimed)
		iommu_device_release_dma_owner(link->dev);
	link->claimed = false;
}

/**
 * iommufd_mem_claim_devices() - Keep a region's devices from all but its holder
 * @region: the region, with its lock held
 *
 * A device that is bound to the holder itself is claimed as well: the holder can
 * unbind it without anyone else getting it. Nothing is claimed of a shared region,
 * or of one that nobody holds.
 *
 * Return: 0; -EBUSY if a device is held by another context, by a VFIO container, or by
 * a driver of the host that did not call iommufd_mem_device_take(). Those that could be
 * claimed are, then.
 */
int iommufd_mem_claim_devices(struct iommufd_mem_region *region)
{
	struct iommufd_mem_holder *holder;
	struct iommufd_mem_link *link;
	int rc = 0;

	lockdep_assert_held(&region->lock);

	holder = list_first_entry_or_null(&region->holders,
					  struct iommufd_mem_holder, node);
	if (!holder || region->desc.policy != IOMMUFD_MEM_EXCLUSIVE)
		return 0;
	list_for_each_entry(link, &region->devices, node)
		rc = mem_link_claim(link, holder->owner) ?: rc;
	return rc;
}

static struct iommufd_mem_holder *
mem_holder_find(struct iommufd_mem_region *region,
		struct iommufd_mem_owner *owner)
{
	struct iommufd_mem_holder *holder;

	list_for_each_entry(holder, &region->holders, node) {
		if (holder->owner == owner)
			return holder;
		if (region->desc.policy == IOMMUFD_MEM_EXCLUSIVE)
			return ERR_PTR(-EBUSY);
	}

	holder = kzalloc_obj(*holder, GFP_KERNEL_ACCOUNT);
	if (!holder)
		return ERR_PTR(-ENOMEM);
	kref_get(&owner->kref);
	holder->owner = owner;
	list_add_tail(&holder->node, &region->holders);
	return holder;
}

/**
 * iommufd_mem_hold() - Let a context have memory of a region
 * @region: the region, with its lock held
 * @owner: the context
 *
 * This is the policy. Undone by iommufd_mem_drop().
 *
 * Return: the holder, or an ERR_PTR: -ENODEV if the region is revoked; -EBUSY if it is
 * exclusive, and another context holds it or has one of its devices; -ENOMEM.
 */
struct iommufd_mem_holder *iommufd_mem_hold(struct iommufd_mem_region *region,
					    struct iommufd_mem_owner *owner)
{
	struct iommufd_mem_holder *holder;
	int rc;

	lockdep_assert_held(&region->lock);

	if (region->revoked)
		return ERR_PTR(-ENODEV);
	holder = mem_holder_find(region, owner);
	if (IS_ERR(holder))
		return holder;
	holder->nr_bufs++;
	rc = iommufd_mem_claim_devices(region);
	if (rc) {
		iommufd_mem_drop(region, holder);
		return ERR_PTR(rc);
	}
	return holder;
}

/**
 * iommufd_mem_drop() - Undo iommufd_mem_hold()
 * @region: the region, with its lock held
 * @holder: from iommufd_mem_hold()
 */
void iommufd_mem_drop(struct iommufd_mem_region *region,
		      struct iommufd_mem_holder *holder)
{
	struct iommufd_mem_link *link;

	lockdep_assert_held(&region->lock);

	if (--holder->nr_bufs)
		return;
	/* Of a shared region nothing is claimed */
	list_for_each_entry(link, &region->devices, node)
		iommufd_mem_link_release(link);
	list_del(&holder->node);
	iommufd_mem_owner_put(holder->owner);
	kfree(holder);
}
