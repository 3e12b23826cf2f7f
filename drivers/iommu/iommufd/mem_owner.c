// SPDX-License-Identifier: GPL-2.0
/*
 * Who holds memory: a name for a context that can outlive it.
 *
 * A context's name is also the owner under which its devices are claimed from the
 * IOMMU core, so that the holder of a region can claim the region's devices in
 * the context's name. It is never used for another context as long as anyone
 * keeps it.
 */
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

void iommufd_mem_fini_ctx(struct iommufd_ctx *ictx)
{
	iommufd_mem_owner_put(ictx->mem_owner);
}

struct iommufd_mem_owner *
iommufd_mem_owner_get(struct iommufd_mem_owner *owner)
{
	kref_get(&owner->kref);
	return owner;
}

static void iommufd_mem_owner_release(struct kref *kref)
{
	kfree(container_of(kref, struct iommufd_mem_owner, kref));
}

void iommufd_mem_owner_put(struct iommufd_mem_owner *owner)
{
	if (owner)
		kref_put(&owner->kref, iommufd_mem_owner_release);
}
