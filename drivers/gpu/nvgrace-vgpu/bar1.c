// SPDX-License-Identifier: GPL-2.0
/*
 * The framebuffer aperture.
 *
 * After power-on the aperture shows the framebuffer from its start. From
 * nvg_bar1_init() on it shows what page tables say: the firmware's root table for the BAR
 * gets the first entry of ours. A mapping is a range of the aperture, leaves for it, and
 * the CPU's mapping of that range (write combining).
 *
 * A reset takes the page tables away, but not the CPU's mappings that others hold, and the
 * aperture shows the framebuffer from its start again. So holders are told before a stop
 * (NVGRACE_VGPU_EVENT_STOP), and must not touch a mapping once their notifier has returned.
 * From the next start on nothing is mapped where such mappings lie, until they are given
 * back.
 *
 * Who may touch what of the framebuffer is not this file's business.
 */
#include <linux/io.h>
#include <linux/slab.h>

#include "gpu.h"

/**
 * struct bar1_map - a mapping
 * @link: in nvg_bar1.maps
 * @ptr: as given out
 * @va: start of its range in the aperture
 * @size: of the range
 * @leaves: where its leaves start, in the range
 * @mapped: size of the leaves; 0 once a reset has taken them
 */
struct bar1_map {
	struct list_head link;
	void __iomem *ptr;
	u64 va;
	u64 size;
	u64 leaves;
	u64 mapped;
};

/*
 * Alignment of a range, so that its leaves can be as large as its size is worth; at
 * least a page of the CPU, which would show a neighbour else.
 */
static u64 bar1_align(u64 size)
{
	u64 align = size >= NVG_LEAF_2M ? NVG_LEAF_2M :
		    size >= NVG_LEAF_64K ? NVG_LEAF_64K : NVG_PAGE_SIZE;

	return max_t(u64, align, PAGE_SIZE);
}

/**
 * nvg_bar1_setup() - What the aperture needs before the first boot
 * @gpu: the PF; called once, by nvg_mmu_setup()
 */
void nvg_bar1_setup(struct nvg_gpu *gpu)
{
	mutex_init(&gpu->bar1.lock);
	INIT_LIST_HEAD(&gpu->bar1.maps);
}

/* Keep the ranges of mappings from before a reset out of use */
static int bar1_keep_old(struct nvg_bar1 *bar1, struct nvg_vmm *vmm)
{
	struct bar1_map *map;
	int rc;

	list_for_each_entry(map, &bar1->maps, link) {
		rc = nvg_vmm_reserve_at(vmm, map->va, map->size);
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * nvg_bar1_init() - Have the aperture translated by page tables of ours
 * @gpu: the PF, with RM's client
 *
 * Return: 0; -ENODEV without the BAR; -ENOMEM; an errno of the firmware.
 */
int nvg_bar1_init(struct nvg_gpu *gpu)
{
	struct nvg_bar1 *bar1 = &gpu->bar1;
	struct nvg_vmm *vmm;
	int rc;

	guard(mutex)(&bar1->lock);
	bar1->size = pci_resource_len(gpu->pdev, NVG_PCI_BAR_FB);
	if (!bar1->size) {
		dev_err(gpu->dev, "no framebuffer aperture: BAR %d is not assigned\n",
			NVG_PCI_BAR_FB);
		return -ENODEV;
	}
	vmm = nvg_vmm_create_bar(gpu, bar1->size);
	if (IS_ERR(vmm))
		return PTR_ERR(vmm);
	rc = bar1_keep_old(bar1, vmm);
	if (!rc)
		rc = nvg_fw_update_bar1(gpu, nvg_vmm_root_pde(vmm));
	if (rc) {
		dev_err(gpu->dev, "framebuffer aperture: page tables: %d\n", rc);
		nvg_vmm_destroy(vmm);
		return rc;
	}
	bar1->vmm = vmm;
	return 0;
}

/**
 * nvg_bar1_fini() - End the aperture's page tables
 * @gpu: the PF; the firmware can be lost
 *
 * Mappings that others still hold must not be touched from here on.
 */
void nvg_bar1_fini(struct nvg_gpu *gpu)
{
	struct nvg_bar1 *bar1 = &gpu->bar1;
	struct bar1_map *map;

	guard(mutex)(&bar1->lock);
	if (!bar1->vmm)
		return;
	if (!nvg_gpu_is_lost(gpu) && nvg_fw_update_bar1(gpu, 0))
		nvg_gpu_lost(gpu, "it keeps the page tables of BAR 1");
	list_for_each_entry(map, &bar1->maps, link)
		map->mapped = 0;
	nvg_vmm_destroy(bar1->vmm);
	bar1->vmm = NULL;
}

static int bar1_map(struct nvg_gpu *gpu, struct bar1_map *map, u64 fb_addr, u64 size)
{
	u64 start = round_down(fb_addr, NVG_PAGE_SIZE);
	u64 mapped = round_up(fb_addr + size, NVG_PAGE_SIZE) - start;
	struct nvg_bar1 *bar1 = &gpu->bar1;
	u64 align = bar1_align(mapped);
	int rc;

	/* The range has the same place in an aligned unit as the memory has */
	map->leaves = start & (align - 1);
	map->size = round_up(map->leaves + mapped, max_t(u64, PAGE_SIZE, NVG_PAGE_SIZE));
	rc = nvg_vmm_reserve(bar1->vmm, map->size, align, &map->va);
	if (rc)
		return rc;
	rc = nvg_vmm_map(bar1->vmm, map->va + map->leaves, NVGRACE_VGPU_FB, start, mapped, 0);
	if (rc)
		goto err_release;
	map->ptr = ioremap_wc(pci_resource_start(gpu->pdev, NVG_PCI_BAR_FB) + map->va +
			      map->leaves + (fb_addr - start), size);
	if (!map->ptr) {
		rc = -ENOMEM;
		goto err_unmap;
	}
	map->mapped = mapped;
	return 0;

err_unmap:
	nvg_vmm_unmap(bar1->vmm, map->va + map->leaves, mapped);
err_release:
	nvg_vmm_release(bar1->vmm, map->va, map->size);
	return rc;
}

/**
 * nvg_bar1_map() - Map a piece of the framebuffer for the CPU
 * @gpu: the PF
 * @fb_addr: address in the framebuffer, any byte
 * @size: in bytes, not 0
 *
 * The mapping combines writes. The caller has the memory, and keeps it until it has
 * called nvg_bar1_unmap().
 *
 * Return: the mapping, or an ERR_PTR(): -EINVAL outside of the framebuffer; -ENOSPC if the
 * aperture has no room; -ENOMEM; -EIO if the firmware does not run.
 */
void __iomem *nvg_bar1_map(struct nvg_gpu *gpu, u64 fb_addr, u64 size)
{
	struct bar1_map *map __free(kfree) = NULL;
	struct nvg_bar1 *bar1 = &gpu->bar1;
	int rc;

	if (!size || fb_addr >= gpu->info.fb_length || size > gpu->info.fb_length - fb_addr)
		return IOMEM_ERR_PTR(-EINVAL);
	map = kzalloc_obj(*map);
	if (!map)
		return IOMEM_ERR_PTR(-ENOMEM);

	guard(mutex)(&bar1->lock);
	if (!bar1->vmm)
		return IOMEM_ERR_PTR(-EIO);
	rc = bar1_map(gpu, map, fb_addr, size);
	if (rc)
		return IOMEM_ERR_PTR(rc);
	list_add_tail(&map->link, &bar1->maps);
	return no_free_ptr(map)->ptr;
}

static struct bar1_map *bar1_find(struct nvg_bar1 *bar1, void __iomem *ptr)
{
	struct bar1_map *map;

	list_for_each_entry(map, &bar1->maps, link)
		if (map->ptr == ptr)
			return map;
	return NULL;
}

/**
 * nvg_bar1_unmap() - Give back a mapping
 * @gpu: the PF it is from; it may have been reset since, or be lost
 * @ptr: from nvg_bar1_map()
 * @size: as told to it
 */
void nvg_bar1_unmap(struct nvg_gpu *gpu, void __iomem *ptr, u64 size)
{
	struct nvg_bar1 *bar1 = &gpu->bar1;
	struct bar1_map *map;

	guard(mutex)(&bar1->lock);
	map = bar1_find(bar1, ptr);
	if (WARN_ON_ONCE(!map))
		return;
	list_del(&map->link);
	iounmap(map->ptr);
	if (bar1->vmm && map->mapped)
		nvg_vmm_unmap(bar1->vmm, map->va + map->leaves, map->mapped);
	if (bar1->vmm)
		nvg_vmm_release(bar1->vmm, map->va, map->size);
	kfree(map);
}
