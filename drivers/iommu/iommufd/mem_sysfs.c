// SPDX-License-Identifier: GPL-2.0
/*
 * What operators see of a region: /sys/class/iommufd_mem/<region>.
 *
 * Everything is in the region's own directory, and nothing there tells a physical
 * address. See Documentation/ABI/testing/sysfs-class-iommufd_mem.
 */
#include <linux/device.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/sysfs.h>

#include "mem.h"

static struct class mem_class = {
	.name = "iommufd_mem",
};

/* [start, end) of memory that is not free, by physical address */
struct mem_used {
	u64 start;
	u64 end;
};

static int mem_used_cmp(const void *a, const void *b)
{
	const struct mem_used *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void mem_used_add(struct mem_used *used, size_t *nr, u64 start, u64 end)
{
	if (used)
		used[*nr] = (struct mem_used){ .start = start, .end = end };
	++*nr;
}

/* All that is given out or retired. Only counts it if there is no array */
static size_t mem_used_collect(struct iommufd_mem_region *region,
			       struct mem_used *used)
{
	struct interval_tree_node *node;
	struct iommufd_mem_buf *buf;
	size_t nr = 0, i;

	list_for_each_entry(buf, &region->bufs, region_node)
		for (i = 0; i < buf->extents.nr; i++) {
			struct mem_extent *e = &buf->extents.extents[i];

			mem_used_add(used, &nr, e->paddr, e->paddr + e->length);
		}
	for (node = interval_tree_iter_first(&region->pool.retired, 0,
					     ULONG_MAX);
	     node; node = interval_tree_iter_next(node, 0, ULONG_MAX))
		mem_used_add(used, &nr, PFN_PHYS(node->start),
			     PFN_PHYS(node->last + 1));
	return nr;
}

/* The largest contiguous piece of free memory; region lock held */
static int mem_largest_free(struct iommufd_mem_region *region, u64 *bytes)
{
	u64 free = region->desc.base;
	struct mem_used *used;
	size_t nr, i;

	*bytes = 0;
	nr = mem_used_collect(region, NULL);
	used = kvmalloc_array(nr + 1, sizeof(*used), GFP_KERNEL);
	if (!used)
		return -ENOMEM;
	mem_used_collect(region, used);
	sort(used, nr, sizeof(*used), mem_used_cmp, NULL);
	used[nr].start = region->desc.base + region->desc.size;
	used[nr].end = used[nr].start;

	/* A page that failed is both given out and retired */
	for (i = 0; i <= nr; i++) {
		if (used[i].start > free)
			*bytes = max(*bytes, used[i].start - free);
		free = max(free, used[i].end);
	}
	kvfree(used);
	return 0;
}

/* In the pool, and in the hands of the background */
static u64 mem_free(struct iommufd_mem_region *region)
{
	struct gpu_buddy *buddy = &region->pool.buddy;
	struct gpu_buddy_block *block;
	u64 bytes = buddy->avail;

	lockdep_assert_held(&region->lock);
	list_for_each_entry(block, &region->scrubbing, link)
		bytes += gpu_buddy_block_size(buddy, block);
	return bytes;
}

static ssize_t id_show(struct device *dev, struct device_attribute *attr,
		       char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", region->id);
}
static DEVICE_ATTR_RO(id);

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu\n", region->desc.size);
}
static DEVICE_ATTR_RO(size);

static ssize_t free_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	guard(mutex)(&region->lock);
	return sysfs_emit(buf, "%llu\n", mem_free(region));
}
static DEVICE_ATTR_RO(free);

static ssize_t largest_free_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);
	u64 bytes;
	int rc;

	guard(mutex)(&region->lock);
	rc = mem_largest_free(region, &bytes);
	return rc ?: sysfs_emit(buf, "%llu\n", bytes);
}
static DEVICE_ATTR_RO(largest_free);

static ssize_t clean_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	guard(mutex)(&region->lock);
	return sysfs_emit(buf, "%llu\n", region->pool.buddy.clear_avail);
}
static DEVICE_ATTR_RO(clean);

static ssize_t dirty_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	guard(mutex)(&region->lock);
	return sysfs_emit(buf, "%llu\n",
			  mem_free(region) - region->pool.buddy.clear_avail);
}
static DEVICE_ATTR_RO(dirty);

static ssize_t retired_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	guard(mutex)(&region->lock);
	return sysfs_emit(buf, "%llu\n", region->pool.retired_bytes);
}
static DEVICE_ATTR_RO(retired);

static ssize_t node_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", region->desc.node);
}
static DEVICE_ATTR_RO(node);

static ssize_t policy_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n",
			  region->desc.policy == IOMMUFD_MEM_EXCLUSIVE ?
				  "exclusive" : "shared");
}
static DEVICE_ATTR_RO(policy);

static ssize_t owners_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	guard(mutex)(&region->lock);
	return sysfs_emit(buf, "%zu\n", list_count_nodes(&region->holders));
}
static DEVICE_ATTR_RO(owners);

static ssize_t scrubbed_background_show(struct device *dev,
					struct device_attribute *attr,
					char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%lld\n",
			  atomic64_read(&region->scrubbed_background));
}
static DEVICE_ATTR_RO(scrubbed_background);

static ssize_t scrubbed_alloc_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	struct iommufd_mem_region *region = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%lld\n",
			  atomic64_read(&region->scrubbed_alloc));
}
static DEVICE_ATTR_RO(scrubbed_alloc);

static struct attribute *mem_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_size.attr,
	&dev_attr_free.attr,
	&dev_attr_largest_free.attr,
	&dev_attr_clean.attr,
	&dev_attr_dirty.attr,
	&dev_attr_retired.attr,
	&dev_attr_node.attr,
	&dev_attr_policy.attr,
	&dev_attr_owners.attr,
	&dev_attr_scrubbed_background.attr,
	&dev_attr_scrubbed_alloc.attr,
	NULL,
};
ATTRIBUTE_GROUPS(mem);

/**
 * iommufd_mem_sysfs_add() - Show a region
 * @region: the region; none of its locks is held
 *
 * Return: 0; -EEXIST if there is a region with this name; -ENOMEM.
 */
int iommufd_mem_sysfs_add(struct iommufd_mem_region *region)
{
	region->dev = device_create_with_groups(&mem_class, NULL, MKDEV(0, 0),
						region, mem_groups, "%s",
						region->desc.name);
	return PTR_ERR_OR_ZERO(region->dev);
}

/**
 * iommufd_mem_sysfs_remove() - Undo iommufd_mem_sysfs_add()
 * @region: the region; none of its locks is held. Nobody reads an attribute of it
 *          afterwards
 */
void iommufd_mem_sysfs_remove(struct iommufd_mem_region *region)
{
	device_unregister(region->dev);
}

/**
 * iommufd_mem_sysfs_link() - Show that a device is linked to a region
 * @region: the region
 * @dev: the device
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_mem_sysfs_link(struct iommufd_mem_region *region,
			   struct device *dev)
{
	return sysfs_create_link(&region->dev->kobj, &dev->kobj, dev_name(dev));
}

/**
 * iommufd_mem_sysfs_unlink() - Undo iommufd_mem_sysfs_link()
 * @region: the region
 * @dev: the device
 */
void iommufd_mem_sysfs_unlink(struct iommufd_mem_region *region,
			      struct device *dev)
{
	sysfs_remove_link(&region->dev->kobj, dev_name(dev));
}

int iommufd_mem_sysfs_init(void)
{
	return class_register(&mem_class);
}

void iommufd_mem_sysfs_exit(void)
{
	class_unregister(&mem_class);
}
