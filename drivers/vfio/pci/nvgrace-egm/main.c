// SPDX-License-Identifier: GPL-2.0
/*
 * Extended GPU memory (EGM) of NVIDIA Grace hosts, as regions of iommufd.
 *
 * Firmware tells of it with properties of the GPUs' PCI functions, in ACPI _DSD or
 * device tree: the proximity domain (one a socket), where the memory is, and a
 * table of bad pages. All GPUs of a socket say the same, as they share the memory.
 *
 * This driver binds to nothing and needs nobody's help: it reads properties, and
 * links each GPU to the region of its socket. Which driver owns the GPU, and what it
 * does with it, is not its business.
 *
 * Property names: NVIDIA edk2-nvidia, GpuDsdAmlGeneration.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/acpi.h>
#include <linux/cleanup.h>
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/iommufd_mem.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "retired.h"

#define EGM_PXM		"nvidia,egm-pxm"
#define EGM_BASE	"nvidia,egm-base-pa"
#define EGM_SIZE	"nvidia,egm-size"
#define EGM_RETIRED	"nvidia,egm-retired-pages-data-base"

/* What firmware says to one function */
struct egm_properties {
	u64 pxm;
	u64 base;
	u64 size;
	u64 retired;
};

/**
 * struct egm_region - The EGM of one socket
 * @node: in egm_regions
 * @props: what the first function said
 * @id: number in @name
 * @name: for messages and /proc/iomem
 * @region: NULL if it was refused: nothing of this socket is ever offered
 */
struct egm_region {
	struct list_head node;
	struct egm_properties props;
	int id;
	char name[16];
	struct iommufd_mem_region *region;
};

/* Protects egm_regions; taken outside iommufd's locks */
static DEFINE_MUTEX(egm_lock);
static LIST_HEAD(egm_regions);
static DEFINE_IDA(egm_ida);

static int egm_read(struct pci_dev *pdev, const char *name, u64 *value)
{
	if (!device_property_read_u64(&pdev->dev, name, value))
		return 0;
	pci_warn(pdev, "EGM ignored: %s is missing or not a number\n", name);
	return -EINVAL;
}

/* Returns -ENODEV, and says nothing, if this is not a function with EGM */
static int egm_read_properties(struct pci_dev *pdev,
			       struct egm_properties *props)
{
	struct device *dev = &pdev->dev;

	if (!device_property_present(dev, EGM_PXM) &&
	    !device_property_present(dev, EGM_BASE) &&
	    !device_property_present(dev, EGM_SIZE))
		return -ENODEV;
	if (egm_read(pdev, EGM_PXM, &props->pxm) ||
	    egm_read(pdev, EGM_BASE, &props->base) ||
	    egm_read(pdev, EGM_SIZE, &props->size))
		return -EINVAL;
	/* No table: no bad pages. Firmware leaves it out then */
	if (device_property_read_u64(dev, EGM_RETIRED, &props->retired))
		props->retired = 0;

	if (props->pxm > INT_MAX) {
		pci_warn(pdev, "EGM ignored: %s is %llu\n", EGM_PXM, props->pxm);
		return -EINVAL;
	}
	if (!props->base || !PAGE_ALIGNED(props->base)) {
		pci_warn(pdev, "EGM ignored: %s is %#llx\n", EGM_BASE,
			 props->base);
		return -EINVAL;
	}
	if (!props->size || !PAGE_ALIGNED(props->size)) {
		pci_warn(pdev, "EGM ignored: %s is %#llx\n", EGM_SIZE,
			 props->size);
		return -EINVAL;
	}
	return 0;
}

static int egm_retire_page(void *data, u64 paddr, u64 length)
{
	return iommufd_mem_region_retire(data, paddr, length);
}

/* NULL if there can be no table at this address */
static __le64 *egm_map_table(u64 pa)
{
	u64 end;

	if (!IS_ALIGNED(pa, sizeof(__le64)) ||
	    check_add_overflow(pa, EGM_RETIRED_TABLE_SIZE, &end))
		return NULL;
	/* memremap() warns of a bug if half of it is System RAM */
	if (region_intersects(pa, EGM_RETIRED_TABLE_SIZE,
			      IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) == REGION_MIXED)
		return NULL;
	return memremap(pa, EGM_RETIRED_TABLE_SIZE, MEMREMAP_WB);
}

/* The pages that this function's firmware table retires */
static int egm_retire(struct pci_dev *pdev, struct egm_region *egm, u64 pa)
{
	struct egm_retired_stats stats;
	__le64 *table;
	int rc;

	if (!pa)
		return 0;
	table = egm_map_table(pa);
	if (!table) {
		pci_warn(pdev, "EGM refused: no table can be read at %s %#llx\n",
			 EGM_RETIRED, pa);
		return -EINVAL;
	}
	rc = egm_retired_parse(table, egm->props.base, egm->props.size,
			       egm_retire_page, egm->region, &stats);
	memunmap(table);
	if (rc) {
		pci_warn(pdev, "EGM refused: cannot retire the pages of %s: %pe\n",
			 EGM_RETIRED, ERR_PTR(rc));
		return rc;
	}
	if (stats.claimed > EGM_RETIRED_MAX || stats.outside)
		pci_warn(pdev, "%s: %llu entries, %u used, %u not in the EGM\n",
			 EGM_RETIRED, stats.claimed, stats.used, stats.outside);
	return 0;
}

/* The node that Linux made of the proximity domain; only ACPI has those */
static int egm_numa_node(struct pci_dev *pdev, const struct egm_properties *props)
{
	int node = NUMA_NO_NODE;

	if (!acpi_disabled)
		node = pxm_to_node(props->pxm);
	return node == NUMA_NO_NODE ? dev_to_node(&pdev->dev) : node;
}

static void egm_register(struct pci_dev *pdev, struct egm_region *egm)
{
	struct egm_properties *props = &egm->props;
	struct iommufd_mem_region_desc desc = {
		.name = egm->name,
		.base = props->base,
		.size = props->size,
		.node = egm_numa_node(pdev, props),
		/* A GPU that is passed through can address all of it */
		.policy = IOMMUFD_MEM_EXCLUSIVE,
		.owner = THIS_MODULE,
	};
	struct iommufd_mem_region *region;

	region = iommufd_mem_region_register(&desc);
	if (IS_ERR(region)) {
		pci_warn(pdev, "EGM refused: %s %#llx, %s %#llx: %s (%pe)\n",
			 EGM_BASE, props->base, EGM_SIZE, props->size,
			 PTR_ERR(region) == -EEXIST ? "overlaps System RAM" :
						      "cannot be used",
			 region);
		return;
	}
	egm->region = region;
	pr_info("%s: %llu MiB, proximity domain %llu, node %d\n", egm->name,
		props->size >> 20, props->pxm, desc.node);
}

static struct egm_region *egm_new(struct pci_dev *pdev,
				  const struct egm_properties *props)
{
	struct egm_region *egm;

	egm = kzalloc_obj(*egm, GFP_KERNEL);
	if (!egm)
		goto no_memory;
	egm->id = ida_alloc(&egm_ida, GFP_KERNEL);
	if (egm->id < 0)
		goto no_memory;
	snprintf(egm->name, sizeof(egm->name), "egm%d", egm->id);
	egm->props = *props;
	list_add_tail(&egm->node, &egm_regions);
	egm_register(pdev, egm);
	return egm;

no_memory:
	pci_warn(pdev, "EGM ignored: no memory\n");
	kfree(egm);
	return NULL;
}

static struct egm_region *egm_find(u64 pxm)
{
	struct egm_region *egm;

	list_for_each_entry(egm, &egm_regions, node)
		if (egm->props.pxm == pxm)
			return egm;
	return NULL;
}

/* All GPUs of a socket must say the same */
static bool egm_agree(const struct egm_region *egm,
		      const struct egm_properties *props)
{
	return props->base == egm->props.base && props->size == egm->props.size;
}

/*
 * One of two GPUs is wrong, and nobody knows which: believe neither. But a GPU that
 * is plugged in must not take away the memory of running VMs.
 */
static void egm_disagree(struct pci_dev *pdev, struct egm_region *egm,
			 const struct egm_properties *props)
{
	bool base = props->base != egm->props.base;
	int rc;

	if (!egm->region)
		return;
	rc = iommufd_mem_region_try_unregister(egm->region);
	if (!rc)
		egm->region = NULL;
	pci_warn(pdev, "EGM %s: %s is %#llx, but %#llx in another function with %s %llu\n",
		 rc ? "ignored" : "refused", base ? EGM_BASE : EGM_SIZE,
		 base ? props->base : props->size,
		 base ? egm->props.base : egm->props.size, EGM_PXM, props->pxm);
}

static void egm_add_function(struct pci_dev *pdev)
{
	struct egm_properties props;
	struct egm_region *egm;
	int rc;

	/* A VF gets at the memory through its PF */
	if (pdev->is_virtfn || egm_read_properties(pdev, &props))
		return;

	guard(mutex)(&egm_lock);
	egm = egm_find(props.pxm);
	if (egm && !egm_agree(egm, &props)) {
		egm_disagree(pdev, egm, &props);
		return;
	}
	if (!egm)
		egm = egm_new(pdev, &props);
	if (!egm || !egm->region)
		return;

	/* Before the first link, as nobody can have the pages then */
	rc = egm_retire(pdev, egm, props.retired);
	if (rc) {
		if (!iommufd_mem_region_try_unregister(egm->region))
			egm->region = NULL;
		return;
	}
	rc = iommufd_mem_region_add_device(egm->region, &pdev->dev);
	if (rc && rc != -EEXIST)
		pci_warn(pdev, "%s: not linked: %pe\n", egm->name, ERR_PTR(rc));
}

static void egm_remove_function(struct pci_dev *pdev)
{
	struct egm_region *egm;

	/* The region stays: the memory of a running VM must outlive a GPU */
	guard(mutex)(&egm_lock);
	list_for_each_entry(egm, &egm_regions, node)
		if (egm->region)
			iommufd_mem_region_remove_device(egm->region,
							 &pdev->dev);
}

static int egm_notify(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_ADD_DEVICE)
		egm_add_function(pdev);
	else if (action == BUS_NOTIFY_DEL_DEVICE)
		egm_remove_function(pdev);
	return NOTIFY_OK;
}

static struct notifier_block egm_nb = {
	.notifier_call = egm_notify,
};

static int __init egm_init(void)
{
	struct pci_dev *pdev = NULL;
	int rc;

	rc = bus_register_notifier(&pci_bus_type, &egm_nb);
	if (rc)
		return rc;
	/*
	 * A function that the notifier has seen already does no harm; one that is
	 * being removed would.
	 */
	pci_lock_rescan_remove();
	for_each_pci_dev(pdev)
		egm_add_function(pdev);
	pci_unlock_rescan_remove();
	return 0;
}

static void __exit egm_exit(void)
{
	struct egm_region *egm, *next;

	bus_unregister_notifier(&pci_bus_type, &egm_nb);
	list_for_each_entry_safe(egm, next, &egm_regions, node) {
		if (egm->region)
			iommufd_mem_region_unregister(egm->region);
		ida_free(&egm_ida, egm->id);
		kfree(egm);
	}
}

module_init(egm_init);
module_exit(egm_exit);

MODULE_IMPORT_NS("IOMMUFD");
MODULE_DESCRIPTION("Extended GPU memory of NVIDIA Grace hosts as memory objects");
MODULE_LICENSE("GPL");
