// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of regions: which carve-outs there are, which devices entitle to
 * them, and the end of a region with memory still in use.
 *
 * A region's struct lives as long as any of its memory is given out, even when its
 * provider has unregistered it; what is left then is dead: revoked, and never
 * given out again.
 */
#include <linux/anon_inodes.h>
#include <linux/cc_platform.h>
#include <linux/file.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "mem.h"

static DEFINE_MUTEX(iommufd_mem_regions_lock);
static LIST_HEAD(iommufd_mem_regions);
static DEFINE_IDA(iommufd_mem_ids);

/*
 * Memory that was offered before, so that what a provider knew of it at boot need not
 * be true any more. Under iommufd_mem_regions_lock.
 */
struct iommufd_mem_used {
	struct list_head node;
	u64 base;
	u64 size;
};

static LIST_HEAD(iommufd_mem_used);

/*
 * What was retired of regions that are gone, by page frame number: a provider that
 * offers the memory again may not know. Under iommufd_mem_regions_lock.
 */
static struct rb_root_cached iommufd_mem_bad = RB_ROOT_CACHED;

static void iommufd_mem_region_release(struct kref *kref)
{
	struct iommufd_mem_region *region =
		container_of(kref, struct iommufd_mem_region, kref);

	WARN_ON(!list_empty(&region->bufs));
	destroy_workqueue(region->scrub_wq);
	iommufd_mem_pool_fini(&region->pool);
	fput(region->file);
	ida_free(&iommufd_mem_ids, region->id);
	mutex_destroy(&region->lock);
	kfree(region);
}

/**
 * iommufd_mem_region_put() - Undo iommufd_mem_region_get()
 * @region: the region; must not be used afterwards
 */
void iommufd_mem_region_put(struct iommufd_mem_region *region)
{
	struct module *owner = region->desc.owner;

	kref_put(&region->kref, iommufd_mem_region_release);
	module_put(owner);
}

static bool iommufd_mem_region_has(struct iommufd_mem_region *region,
				   struct device *dev)
{
	struct iommufd_mem_link *link;

	list_for_each_entry(link, &region->devices, node)
		if (link->dev == dev)
			return true;
	return false;
}

/* The provider's module is held as well, see iommufd_mem_region_put() */
static struct iommufd_mem_region *
iommufd_mem_region_try_get(struct iommufd_mem_region *region)
{
	lockdep_assert_held(&iommufd_mem_regions_lock);

	if (!try_module_get(region->desc.owner))
		return NULL;
	kref_get(&region->kref);
	return region;
}

/**
 * iommufd_mem_region_get() - The region that a device entitles to
 * @dev: a device that is bound to an iommufd
 *
 * A VF entitles to what its PF does. The provider's module is held as well. Undone
 * by iommufd_mem_region_put().
 *
 * Return: the region, or NULL if there is none.
 */
struct iommufd_mem_region *iommufd_mem_region_get(struct device *dev)
{
	struct iommufd_mem_region *region;

	guard(mutex)(&iommufd_mem_regions_lock);
	list_for_each_entry(region, &iommufd_mem_regions, node)
		if (iommufd_mem_region_has(region, dev))
			return iommufd_mem_region_try_get(region);
	return NULL;
}

/**
 * iommufd_mem_region_get_id() - The region with a number
 * @id: the number
 *
 * Otherwise like iommufd_mem_region_get().
 *
 * Return: the region, or NULL if there is none.
 */
struct iommufd_mem_region *iommufd_mem_region_get_id(u32 id)
{
	struct iommufd_mem_region *region;

	guard(mutex)(&iommufd_mem_regions_lock);
	list_for_each_entry(region, &iommufd_mem_regions, node)
		if (region->id == id)
			return iommufd_mem_region_try_get(region);
	return NULL;
}

/* All CPU mappings of the region's memory are in the address space of this */
static const struct file_operations iommufd_mem_region_fops = {
	.owner = THIS_MODULE,
};

/* The last physical address that the CPU can map */
static u64 iommufd_mem_last_address(void)
{
#ifdef CONFIG_X86
	return (1ULL << boot_cpu_data.x86_phys_bits) - 1;
#else
	return DIRECT_MAP_PHYSMEM_END;
#endif
}

static int iommufd_mem_check(const struct iommufd_mem_region_desc *desc)
{
	u64 end;

	/* Zeroed by the kernel's mappings, it would not be zero in others */
	if (cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT))
		return -EOPNOTSUPP;
	if (!desc->size || !PAGE_ALIGNED(desc->base) ||
	    !PAGE_ALIGNED(desc->size))
		return -EINVAL;
	if (desc->node != NUMA_NO_NODE &&
	    (desc->node < 0 || desc->node >= MAX_NUMNODES ||
	     !node_possible(desc->node)))
		return -EINVAL;
	if (check_add_overflow((u64)desc->base, desc->size, &end) ||
	    end - 1 > iommufd_mem_last_address())
		return -EOVERFLOW;
	return 0;
}

/* Nobody but us may have the memory, and Linux must not */
static int iommufd_mem_claim(const struct iommufd_mem_region_desc *desc)
{
	if (region_intersects(desc->base, desc->size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return -EEXIST;
	if (!request_mem_region(desc->base, desc->size, desc->name))
		return -EBUSY;
	return 0;
}

/*
 * On x86 the memory type of a page table entry follows the other mappings of the
 * page, and without one it is uncached: so have one of all the memory.
 */
static int iommufd_mem_cache(struct iommufd_mem_region *region)
{
	if (!IS_ENABLED(CONFIG_X86))
		return 0;
	region->cached = memremap(region->desc.base, region->desc.size,
				  MEMREMAP_WB);
	return region->cached ? 0 : -ENOMEM;
}

static void iommufd_mem_uncache(struct iommufd_mem_region *region)
{
	if (region->cached)
		memunmap(region->cached);
}

/* Returns 1 if some of it was a region before, 0 if not, or -ENOMEM */
static int iommufd_mem_use(const struct iommufd_mem_region_desc *desc)
{
	u64 base = desc->base, end = base + desc->size;
	struct iommufd_mem_used *used;
	int before = 0;

	guard(mutex)(&iommufd_mem_regions_lock);
	list_for_each_entry(used, &iommufd_mem_used, node) {
		if (used->base <= base && end <= used->base + used->size)
			return 1;
		if (used->base < end && base < used->base + used->size)
			before = 1;
	}
	used = kzalloc_obj(*used, GFP_KERNEL);
	if (!used)
		return -ENOMEM;
	used->base = base;
	used->size = desc->size;
	list_add(&used->node, &iommufd_mem_used);
	return before;
}

/* Retire what is known to be bad; it is the region's to remember from then on */
static int iommufd_mem_retire_bad(struct iommufd_mem_region *region)
{
	unsigned long first = PHYS_PFN(region->desc.base);
	unsigned long last = first + PHYS_PFN(region->desc.size) - 1;
	struct interval_tree_node *node, *next;
	unsigned long start, end;
	int rc;

	guard(mutex)(&iommufd_mem_regions_lock);
	for (node = interval_tree_iter_first(&iommufd_mem_bad, first, last);
	     node; node = next) {
		next = interval_tree_iter_next(node, first, last);
		start = max(node->start, first);
		end = min(node->last, last);
		rc = iommufd_mem_pool_retire(&region->pool, PFN_PHYS(start),
					     PFN_PHYS(end - start + 1),
					     GFP_KERNEL);
		if (rc)
			return rc;
		if (node->start < first || node->last > last)
			continue;
		interval_tree_remove(node, &iommufd_mem_bad);
		kfree(node);
	}
	return 0;
}

/* The opposite, before the pool goes */
static void iommufd_mem_keep_bad(struct iommufd_mem_region *region)
{
	guard(mutex)(&iommufd_mem_regions_lock);
	guard(mutex)(&region->lock);
	iommufd_mem_pool_move_retired(&region->pool, &iommufd_mem_bad);
}

static int iommufd_mem_register_dmem(struct iommufd_mem_region *region)
{
	const struct dmem_cgroup_init init = { .size = region->desc.size };

	region->dmem = dmem_cgroup_register_region(&init, "iommufd_mem/%s",
						   region->desc.name);
	return PTR_ERR_OR_ZERO(region->dmem);
}

/**
 * iommufd_mem_region_register() - Offer a carve-out for memory objects
 * @desc: describes it; copied
 *
 * Nobody without CAP_SYS_RAWIO can allocate any of it until
 * iommufd_mem_region_add_device(). Memory that counts as dirty is scrubbed in the
 * background from now on.
 *
 * Context: may sleep.
 *
 * Return: the region, to be ended with
 * iommufd_mem_region_unregister(), or an ERR_PTR: -EINVAL if base or size is not
 * page aligned, size is 0 or there can be no such node; -EOVERFLOW if the end is
 * beyond what physical addresses can be; -EEXIST if it overlaps System RAM, or if there
 * is a region with this name; -EBUSY if it overlaps another resource, e.g. a region;
 * -EOPNOTSUPP on a host that encrypts its memory (AMD SME); -ENOMEM.
 */
struct iommufd_mem_region *
iommufd_mem_region_register(const struct iommufd_mem_region_desc *desc)
{
	struct iommufd_mem_region *region;
	int rc;

	rc = iommufd_mem_check(desc);
	if (rc)
		return ERR_PTR(rc);

	region = kzalloc_obj(*region, GFP_KERNEL);
	if (!region)
		return ERR_PTR(-ENOMEM);
	kref_init(&region->kref);
	mutex_init(&region->lock);
	INIT_LIST_HEAD(&region->devices);
	INIT_LIST_HEAD(&region->bufs);
	INIT_LIST_HEAD(&region->holders);
	INIT_LIST_HEAD(&region->scrubbing);
	init_waitqueue_head(&region->idle);
	region->desc = *desc;

	region->id = ida_alloc(&iommufd_mem_ids, GFP_KERNEL);
	if (region->id < 0) {
		rc = region->id;
		goto err_free;
	}
	rc = iommufd_mem_claim(desc);
	if (rc)
		goto err_id;
	rc = iommufd_mem_cache(region);
	if (rc)
		goto err_release;
	region->file = anon_inode_create_getfile("[iommufd_mem]",
						 &iommufd_mem_region_fops, NULL,
						 O_RDWR, NULL);
	if (IS_ERR(region->file)) {
		rc = PTR_ERR(region->file);
		goto err_uncache;
	}
	rc = iommufd_mem_use(desc);
	if (rc < 0)
		goto err_file;
	rc = iommufd_mem_pool_init(&region->pool, desc->base, desc->size,
				   desc->clean && !rc);
	if (rc)
		goto err_file;
	rc = iommufd_mem_retire_bad(region);
	if (rc)
		goto err_pool;
	rc = iommufd_mem_scrub_init(region);
	if (rc)
		goto err_pool;
	rc = iommufd_mem_register_dmem(region);
	if (rc)
		goto err_scrub;
	rc = iommufd_mem_sysfs_add(region);
	if (rc)
		goto err_dmem;

	iommufd_mem_debugfs_add(region);
	iommufd_mem_watch(region);
	scoped_guard(mutex, &region->lock)
		iommufd_mem_scrub_kick(region);
	scoped_guard(mutex, &iommufd_mem_regions_lock)
		list_add_tail(&region->node, &iommufd_mem_regions);
	return region;

err_dmem:
	dmem_cgroup_unregister_region(region->dmem);
err_scrub:
	destroy_workqueue(region->scrub_wq);
err_pool:
	iommufd_mem_keep_bad(region);
	iommufd_mem_pool_fini(&region->pool);
err_file:
	fput(region->file);
err_uncache:
	iommufd_mem_uncache(region);
err_release:
	release_mem_region(desc->base, desc->size);
err_id:
	ida_free(&iommufd_mem_ids, region->id);
err_free:
	mutex_destroy(&region->lock);
	kfree(region);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_NS_GPL(iommufd_mem_region_register, "IOMMUFD");

static void iommufd_mem_unlink(struct iommufd_mem_region *region,
			       struct iommufd_mem_link *link)
{
	scoped_guard(mutex, &region->lock) {
		list_del(&link->node);
		iommufd_mem_link_release(link);
	}
	iommufd_mem_sysfs_unlink(region, link->dev);
	put_device(link->dev);
	kfree(link);
}

/* The device, and if it is a PF its VFs */
static void iommufd_mem_unlink_device(struct iommufd_mem_region *region,
				      struct device *dev)
{
	struct iommufd_mem_link *link, *next;

	lockdep_assert_held(&iommufd_mem_regions_lock);

	list_for_each_entry_safe(link, next, &region->devices, node)
		if (link->dev == dev ||
		    (dev_is_pci(link->dev) &&
		     &pci_physfn(to_pci_dev(link->dev))->dev == dev))
			iommufd_mem_unlink(region, link);
}

/*
 * The end of a region that is marked as revoked. Its devices stay claimed for the
 * holder until the memory is out of reach.
 */
static void iommufd_mem_region_end(struct iommufd_mem_region *region)
{
	struct iommufd_mem_link *link, *next;
	struct iommufd_mem_buf *buf;

	iommufd_mem_unwatch(region);
	iommufd_mem_scrub_stop(region);
	/* No more of it can be given out; what just was must be seen to its end */
	wait_event(region->idle, !READ_ONCE(region->zeroing));
	scoped_guard(mutex, &region->lock)
		list_for_each_entry(buf, &region->bufs, region_node)
			iommufd_mem_revoke_buf(buf);

	scoped_guard(mutex, &iommufd_mem_regions_lock) {
		list_del(&region->node);
		list_for_each_entry_safe(link, next, &region->devices, node)
			iommufd_mem_unlink(region, link);
	}
	iommufd_mem_keep_bad(region);
	/* Before the name can be used again */
	iommufd_mem_debugfs_remove(region);
	iommufd_mem_sysfs_remove(region);
	dmem_cgroup_unregister_region(region->dmem);
	iommufd_mem_uncache(region);
	release_mem_region(region->desc.base, region->desc.size);
	kref_put(&region->kref, iommufd_mem_region_release);
}

/**
 * iommufd_mem_region_unregister() - Withdraw a carve-out
 * @region: from iommufd_mem_region_register(); must not be used afterwards
 *
 * Memory that is given out is revoked before this returns: no DMA mapping and no
 * CPU mapping of it is left. A provider's module cannot get here in its exit
 * function while there is such memory, as that holds the module.
 *
 * Context: may sleep.
 */
void iommufd_mem_region_unregister(struct iommufd_mem_region *region)
{
	scoped_guard(mutex, &region->lock)
		WRITE_ONCE(region->revoked, true);
	iommufd_mem_region_end(region);
}
EXPORT_SYMBOL_NS_GPL(iommufd_mem_region_unregister, "IOMMUFD");

/**
 * iommufd_mem_region_try_unregister() - Withdraw a carve-out that nobody uses
 * @region: from iommufd_mem_region_register(); must not be used after success
 *
 * Context: may sleep.
 *
 * Return: 0, or -EBUSY if memory of the region is given out; it stays then.
 */
int iommufd_mem_region_try_unregister(struct iommufd_mem_region *region)
{
	scoped_guard(mutex, &region->lock) {
		if (!list_empty(&region->bufs))
			return -EBUSY;
		WRITE_ONCE(region->revoked, true);
	}
	iommufd_mem_region_end(region);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_mem_region_try_unregister, "IOMMUFD");

/**
 * iommufd_mem_region_retire() - Never give out a piece of a region again
 * @region: the region
 * @paddr: physical address of the bad memory
 * @length: in bytes
 *
 * Context: may sleep.
 *
 * What of it is given out stays with its owner, and is retired when it comes back.
 *
 * Return: 0, also if it had been retired before; -ERANGE if the piece is not within
 * the region; -ENOMEM.
 */
int iommufd_mem_region_retire(struct iommufd_mem_region *region,
			      phys_addr_t paddr, u64 length)
{
	if (!length || paddr < region->desc.base ||
	    length > region->desc.size ||
	    paddr - region->desc.base > region->desc.size - length)
		return -ERANGE;

	guard(mutex)(&region->lock);
	return iommufd_mem_pool_retire(&region->pool, paddr, length,
				       GFP_KERNEL);
}
EXPORT_SYMBOL_NS_GPL(iommufd_mem_region_retire, "IOMMUFD");

static int iommufd_mem_link(struct iommufd_mem_region *region,
			    struct device *dev)
{
	struct iommufd_mem_link *link;
	int rc;

	lockdep_assert_held(&iommufd_mem_regions_lock);

	link = kzalloc_obj(*link, GFP_KERNEL);
	if (!link)
		return -ENOMEM;
	rc = iommufd_mem_sysfs_link(region, dev);
	if (rc) {
		kfree(link);
		return rc;
	}
	link->dev = get_device(dev);
	guard(mutex)(&region->lock);
	list_add_tail(&link->node, &region->devices);
	/* If somebody else has it, then the holder gets no more memory */
	iommufd_mem_claim_devices(region);
	return 0;
}

#ifdef CONFIG_PCI_IOV
static int iommufd_mem_link_vfs(struct iommufd_mem_region *region,
				struct pci_dev *pf)
{
	struct pci_dev *vf = NULL;
	int rc = 0;

	while (!rc && (vf = pci_get_device(pf->vendor, PCI_ANY_ID, vf)))
		if (vf->is_virtfn && vf->physfn == pf &&
		    !iommufd_mem_region_has(region, &vf->dev))
			rc = iommufd_mem_link(region, &vf->dev);
	pci_dev_put(vf);
	return rc;
}
#else
static int iommufd_mem_link_vfs(struct iommufd_mem_region *region,
				struct pci_dev *pf)
{
	return 0;
}
#endif

/* A VF entitles, and is claimed, with its PF */
static void iommufd_mem_add_function(struct pci_dev *pdev)
{
	struct iommufd_mem_region *region;

	if (!pdev->is_virtfn)
		return;
	guard(mutex)(&iommufd_mem_regions_lock);
	list_for_each_entry(region, &iommufd_mem_regions, node)
		if (iommufd_mem_region_has(region, &pci_physfn(pdev)->dev) &&
		    !iommufd_mem_region_has(region, &pdev->dev) &&
		    iommufd_mem_link(region, &pdev->dev))
			pci_warn(pdev, "not linked to %s: no memory\n",
				 region->desc.name);
}

/* While the device's IOMMU group is still there */
static void iommufd_mem_remove_function(struct pci_dev *pdev)
{
	struct iommufd_mem_region *region;

	guard(mutex)(&iommufd_mem_regions_lock);
	list_for_each_entry(region, &iommufd_mem_regions, node)
		iommufd_mem_unlink_device(region, &pdev->dev);
}

static int iommufd_mem_pci_notify(struct notifier_block *nb,
				  unsigned long action, void *data)
{
	if (action == BUS_NOTIFY_ADD_DEVICE)
		iommufd_mem_add_function(to_pci_dev(data));
	else if (action == BUS_NOTIFY_DEL_DEVICE)
		iommufd_mem_remove_function(to_pci_dev(data));
	return NOTIFY_OK;
}

static struct notifier_block iommufd_mem_pci_nb = {
	.notifier_call = iommufd_mem_pci_notify,
};

/**
 * iommufd_mem_init() - Get ready for regions
 *
 * PCI functions that come and go are followed from here on, not from the first
 * region on, as that can be registered in such a notifier.
 *
 * Return: 0 or a negative errno.
 */
int iommufd_mem_init(void)
{
	int rc;

	rc = iommufd_mem_sysfs_init();
	if (rc)
		return rc;
	iommufd_mem_debugfs_init();
	if (!IS_ENABLED(CONFIG_PCI))
		return 0;
	rc = bus_register_notifier(&pci_bus_type, &iommufd_mem_pci_nb);
	if (rc) {
		iommufd_mem_debugfs_exit();
		iommufd_mem_sysfs_exit();
	}
	return rc;
}

/**
 * iommufd_mem_exit() - Undo iommufd_mem_init()
 */
void iommufd_mem_exit(void)
{
	struct iommufd_mem_used *used, *next;
	struct interval_tree_node *bad;

	if (IS_ENABLED(CONFIG_PCI))
		bus_unregister_notifier(&pci_bus_type, &iommufd_mem_pci_nb);
	iommufd_mem_debugfs_exit();
	iommufd_mem_sysfs_exit();
	list_for_each_entry_safe(used, next, &iommufd_mem_used, node)
		kfree(used);
	while ((bad = interval_tree_iter_first(&iommufd_mem_bad, 0, ULONG_MAX))) {
		interval_tree_remove(bad, &iommufd_mem_bad);
		kfree(bad);
	}
}

/* Devices that a driver of the host answers for, by address */
static DEFINE_XARRAY(iommufd_mem_taken);

/**
 * iommufd_mem_device_is_taken() - Does a driver of the host answer for a device?
 * @dev: the device
 *
 * Return: true between iommufd_mem_device_take() and iommufd_mem_device_give().
 */
bool iommufd_mem_device_is_taken(struct device *dev)
{
	return xa_load(&iommufd_mem_taken, (unsigned long)dev);
}

/* Who holds a region keeps the device from others, or lets it go, as it is taken */
static void iommufd_mem_device_claim_again(struct device *dev)
{
	struct iommufd_mem_region *region;
	struct iommufd_mem_link *link;

	guard(mutex)(&iommufd_mem_regions_lock);
	list_for_each_entry(region, &iommufd_mem_regions, node) {
		guard(mutex)(&region->lock);
		list_for_each_entry(link, &region->devices, node)
			if (link->dev == dev && iommufd_mem_device_is_taken(dev))
				iommufd_mem_link_release(link);
		iommufd_mem_claim_devices(region);
	}
}

/**
 * iommufd_mem_device_take() - Drive a device that can reach memory of a region
 * @dev: the device, which the caller's driver is bound to
 *
 * For a driver of the host that uses the DMA API and says driver_managed_dma. It
 * answers for the device: nothing that the device does for others reaches memory of a
 * region, but what was given to them. So memory can be given out while the driver is
 * bound, and the driver can bind while memory is given out. Other drivers that do DMA
 * keep the memory from being given out.
 *
 * Context: may sleep; in probe.
 *
 * Return: 0; -EBUSY if the device's IOMMU group is bound to an iommufd or a VFIO
 * container; -EPROBE_DEFER if the group is not set up yet; -ENOMEM.
 */
int iommufd_mem_device_take(struct device *dev)
{
	int rc;

	rc = xa_err(xa_store(&iommufd_mem_taken, (unsigned long)dev,
			     xa_mk_value(1), GFP_KERNEL));
	if (rc)
		return rc;
	iommufd_mem_device_claim_again(dev);
	rc = iommu_device_use_default_domain(dev);
	if (rc) {
		xa_erase(&iommufd_mem_taken, (unsigned long)dev);
		iommufd_mem_device_claim_again(dev);
	}
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_mem_device_take, "IOMMUFD");

/**
 * iommufd_mem_device_give() - Undo iommufd_mem_device_take()
 * @dev: the device, which does no DMA any more
 *
 * Who holds memory of an exclusive region has the device from here on.
 *
 * Context: may sleep; at the end of remove.
 */
void iommufd_mem_device_give(struct device *dev)
{
	iommu_device_unuse_default_domain(dev);
	xa_erase(&iommufd_mem_taken, (unsigned long)dev);
	iommufd_mem_device_claim_again(dev);
}
EXPORT_SYMBOL_NS_GPL(iommufd_mem_device_give, "IOMMUFD");

/**
 * iommufd_mem_region_add_device() - Let a device entitle to memory of a region
 * @region: the region
 * @dev: the device; a PCI PF stands for its VFs too, those to come included
 *
 * The caller makes sure that neither the device nor a VF of it is being removed.
 *
 * Context: may sleep.
 *
 * Return: 0; -EEXIST if the device entitles to a region
 * already; -ENOMEM.
 */
int iommufd_mem_region_add_device(struct iommufd_mem_region *region,
				  struct device *dev)
{
	struct iommufd_mem_region *other;
	int rc;

	guard(mutex)(&iommufd_mem_regions_lock);
	list_for_each_entry(other, &iommufd_mem_regions, node)
		if (iommufd_mem_region_has(other, dev))
			return -EEXIST;

	rc = iommufd_mem_link(region, dev);
	if (!rc && dev_is_pf(dev))
		rc = iommufd_mem_link_vfs(region, to_pci_dev(dev));
	if (rc)
		iommufd_mem_unlink_device(region, dev);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_mem_region_add_device, "IOMMUFD");

/**
 * iommufd_mem_region_remove_device() - Undo iommufd_mem_region_add_device()
 * @region: the region
 * @dev: the device; nothing happens if it was not added
 *
 * Memory that the device has entitled to stays with its owner. A device that is
 * removed from the PCI bus is removed here by itself.
 *
 * Context: may sleep.
 */
void iommufd_mem_region_remove_device(struct iommufd_mem_region *region,
				      struct device *dev)
{
	guard(mutex)(&iommufd_mem_regions_lock);
	iommufd_mem_unlink_device(region, dev);
}
EXPORT_SYMBOL_NS_GPL(iommufd_mem_region_remove_device, "IOMMUFD");
