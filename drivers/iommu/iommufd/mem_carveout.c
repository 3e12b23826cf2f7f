// SPDX-License-Identifier: GPL-2.0
/*
 * Carve-outs: memory that this machine's firmware or administrator kept from Linux,
 * as regions of iommufd.
 *
 * A carve-out is told of by a device tree node that points at a child of
 * /reserved-memory, see linux,iommufd-carveout.yaml, or by the parameter "regions",
 * for memory that mem=, memmap= or a soft reservation keeps free. Each is a platform
 * device, so that an administrator can withdraw it, and offer it again, by unbinding
 * and binding it.
 *
 * No device entitles to a carve-out: it takes CAP_SYS_RAWIO to allocate of it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/idr.h>
#include <linux/iommufd_mem.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/overflow.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/string.h>

#define CARVEOUT_NAME	"iommufd-carveout"

/**
 * struct carveout_info - What is told of a carve-out
 * @base: physical address
 * @size: in bytes
 * @node: NUMA node, NUMA_NO_NODE if it is for the address to tell
 * @exclusive: one iommufd context at a time
 * @clean: known to be zero
 */
struct carveout_info {
	u64 base;
	u64 size;
	int node;
	bool exclusive;
	bool clean;
};

/**
 * struct carveout - One that is offered
 * @region: of iommufd
 * @id: number in @name
 * @name: for messages, sysfs and /proc/iomem
 */
struct carveout {
	struct iommufd_mem_region *region;
	int id;
	char name[20];
};

/* A platform device that the parameter made; only init and exit look at these */
struct carveout_device {
	struct list_head node;
	struct platform_device *pdev;
};

static DEFINE_IDA(carveout_ida);
static LIST_HEAD(carveout_devices);

static char *regions;
module_param(regions, charp, 0444);
MODULE_PARM_DESC(regions,
		 "Carve-outs: SIZE@ADDRESS[:exclusive][:clean][:node=N],...");

static int carveout_from_node(struct device *dev, struct carveout_info *info)
{
	struct resource res;
	int rc;

	rc = of_reserved_mem_region_to_resource(dev->of_node, 0, &res);
	if (rc)
		return dev_err_probe(dev, rc, "no memory-region\n");
	if (of_count_phandle_with_args(dev->of_node, "memory-region", NULL) != 1)
		return dev_err_probe(dev, -EINVAL,
				     "more than one memory-region\n");
	*info = (struct carveout_info) {
		.base = res.start,
		.size = resource_size(&res),
		.node = dev_to_node(dev),
		.exclusive = device_property_read_bool(dev, "linux,exclusive"),
		.clean = device_property_read_bool(dev, "linux,zeroed"),
	};
	return 0;
}

static const char *carveout_refused(int rc)
{
	switch (rc) {
	case -EEXIST:
		return "overlaps System RAM";
	case -EBUSY:
		return "is in use";
	case -EINVAL:
		return "is not of whole pages, or on no node";
	case -EOPNOTSUPP:
		return "is encrypted";
	case -EOVERFLOW:
		return "is beyond all memory";
	default:
		return "cannot be used";
	}
}

static int carveout_register(struct device *dev, struct carveout *carveout,
			     const struct carveout_info *info)
{
	struct iommufd_mem_region_desc desc = {
		.name = carveout->name,
		.base = info->base,
		.size = info->size,
		.node = info->node,
		.policy = info->exclusive ? IOMMUFD_MEM_EXCLUSIVE :
					    IOMMUFD_MEM_SHARED,
		.clean = info->clean,
		.owner = THIS_MODULE,
	};
	int rc;

	if (desc.node == NUMA_NO_NODE)
		desc.node = phys_to_target_node(desc.base);
	carveout->region = iommufd_mem_region_register(&desc);
	rc = PTR_ERR_OR_ZERO(carveout->region);
	if (rc)
		return dev_err_probe(dev, rc, "%#llx bytes at %#llx: %s\n",
				     info->size, info->base,
				     carveout_refused(rc));
	dev_info(dev, "%s: %llu MiB, node %d\n", carveout->name,
		 info->size >> 20, desc.node);
	return 0;
}

static int carveout_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct carveout_info *given = dev_get_platdata(dev);
	struct carveout_info info;
	struct carveout *carveout;
	int rc;

	if (given) {
		info = *given;
	} else {
		rc = carveout_from_node(dev, &info);
		if (rc)
			return rc;
	}
	carveout = devm_kzalloc(dev, sizeof(*carveout), GFP_KERNEL);
	if (!carveout)
		return -ENOMEM;
	carveout->id = ida_alloc(&carveout_ida, GFP_KERNEL);
	if (carveout->id < 0)
		return carveout->id;
	snprintf(carveout->name, sizeof(carveout->name), "carveout%d",
		 carveout->id);
	rc = carveout_register(dev, carveout, &info);
	if (rc) {
		ida_free(&carveout_ida, carveout->id);
		return rc;
	}
	platform_set_drvdata(pdev, carveout);
	return 0;
}

static void carveout_remove(struct platform_device *pdev)
{
	struct carveout *carveout = platform_get_drvdata(pdev);

	iommufd_mem_region_unregister(carveout->region);
	ida_free(&carveout_ida, carveout->id);
}

static const struct of_device_id carveout_of_match[] = {
	{ .compatible = "linux,iommufd-carveout" },
	{}
};
MODULE_DEVICE_TABLE(of, carveout_of_match);

static const struct platform_device_id carveout_ids[] = {
	{ .name = CARVEOUT_NAME },
	{}
};
MODULE_DEVICE_TABLE(platform, carveout_ids);

static struct platform_driver carveout_driver = {
	.probe = carveout_probe,
	.remove = carveout_remove,
	.id_table = carveout_ids,
	.driver = {
		.name = CARVEOUT_NAME,
		.of_match_table = carveout_of_match,
	},
};

static int __init carveout_parse_flag(const char *flag,
				      struct carveout_info *info)
{
	const char *node = flag + strlen("node=");

	if (!strcmp(flag, "exclusive"))
		info->exclusive = true;
	else if (!strcmp(flag, "clean"))
		info->clean = true;
	else if (!str_has_prefix(flag, "node=") ||
		 kstrtoint(node, 10, &info->node) || info->node < 0 ||
		 info->node >= MAX_NUMNODES || !node_possible(info->node))
		return -EINVAL;
	return 0;
}

/* SIZE@ADDRESS[:FLAG]... */
static int __init carveout_parse(char *spec, struct carveout_info *info)
{
	char *range = strsep(&spec, ":");
	char *end, *flag;

	*info = (struct carveout_info) { .node = NUMA_NO_NODE };
	info->size = memparse(range, &end);
	if (end == range || *end != '@')
		return -EINVAL;
	range = end + 1;
	info->base = memparse(range, &end);
	if (end == range || *end)
		return -EINVAL;
	while ((flag = strsep(&spec, ":")))
		if (carveout_parse_flag(flag, info))
			return -EINVAL;
	return 0;
}

static int __init carveout_add(const struct carveout_info *info)
{
	struct carveout_device *cdev __free(kfree) = kzalloc_obj(*cdev);

	if (!cdev)
		return -ENOMEM;
	cdev->pdev = platform_device_register_data(NULL, CARVEOUT_NAME,
						   PLATFORM_DEVID_AUTO, info,
						   sizeof(*info));
	if (IS_ERR(cdev->pdev))
		return PTR_ERR(cdev->pdev);
	list_add_tail(&no_free_ptr(cdev)->node, &carveout_devices);
	return 0;
}

static void carveout_del_all(void)
{
	struct carveout_device *cdev, *next;

	list_for_each_entry_safe(cdev, next, &carveout_devices, node) {
		platform_device_unregister(cdev->pdev);
		kfree(cdev);
	}
}

/* What @each does to one carve-out of the parameter, for all of them */
static int __init carveout_for_each(int (*each)(const struct carveout_info *))
{
	char *copy __free(kfree) = kstrdup(regions, GFP_KERNEL);
	struct carveout_info info;
	char *rest = copy, *spec;
	int rc = 0;

	if (!regions || !*regions)
		return 0;
	if (!copy)
		return -ENOMEM;
	while (!rc && (spec = strsep(&rest, ","))) {
		rc = carveout_parse(spec, &info);
		if (!rc)
			rc = each(&info);
	}
	return rc;
}

static int __init carveout_ignore(const struct carveout_info *info)
{
	return 0;
}

/* All or none: a typing error must not leave half of them */
static int __init carveout_add_all(void)
{
	int rc;

	rc = carveout_for_each(carveout_ignore);
	if (rc == -EINVAL)
		pr_err("regions: want SIZE@ADDRESS[:exclusive][:clean][:node=N],...\n");
	if (!rc)
		rc = carveout_for_each(carveout_add);
	if (rc)
		carveout_del_all();
	return rc;
}

static int __init carveout_init(void)
{
	int rc;

	rc = platform_driver_register(&carveout_driver);
	if (rc)
		return rc;
	rc = carveout_add_all();
	if (rc)
		platform_driver_unregister(&carveout_driver);
	return rc;
}

static void __exit carveout_exit(void)
{
	carveout_del_all();
	platform_driver_unregister(&carveout_driver);
}

/* Built in, after all that it needs: gpu_buddy is linked later than iommufd */
late_initcall(carveout_init);
module_exit(carveout_exit);

MODULE_IMPORT_NS("IOMMUFD");
MODULE_DESCRIPTION("Carve-outs of memory as memory objects of iommufd");
MODULE_LICENSE("GPL");
