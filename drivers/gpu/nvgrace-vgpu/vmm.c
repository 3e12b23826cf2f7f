// SPDX-License-Identifier: GPL-2.0
/*
 * GPU virtual addresses.
 *
 * An address space is a tree of page tables in coherent system memory (pagetable.c), and
 * a map of the virtual addresses that are in use. Unmapping clears entries, makes the GPU
 * forget them and the tables that became empty, and gives back those tables only then.
 *
 * GPU pages have 4 KiB whatever the kernel's have: tables come from DMA pools, which cut
 * kernel pages. A pool keeps its pages until the driver leaves: what it costs is the
 * most that page tables have ever taken.
 *
 * What is mapped, and keeping it there until it is unmapped, is the caller's business.
 * Page tables of VFs are their drivers'.
 */
#include <linux/bitfield.h>
#include <linux/dmapool.h>
#include <linux/iopoll.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "gpu.h"

/*
 * Up to where addresses are given out: those of GP entries have 40 bits. From where: RM
 * may put things of its own below 8 GiB.
 */
#define VMM_START		(8ULL * SZ_1G)
#define VMM_END			BIT_ULL(40)

#define VMM_INVALIDATE_POLL_US	10
#define VMM_INVALIDATE_US	(1 * USEC_PER_SEC)

/* Which page directory base to forget: a word for each of two registers, and flags */
static u32 vmm_invalidate_pdb(struct nvg_vmm *vmm)
{
	struct nvg_gpu *gpu = vmm->gpu;
	u64 pdb = nvg_vmm_pdb(vmm);

	/* The root table of a BAR is the firmware's: nobody here knows its address */
	if (vmm->bar)
		return NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_ALL_PDB;

	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB,
		 FIELD_PREP(NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB_ADDR,
			    (pdb >> 12) & GENMASK(27, 0)) |
		 NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB_APERTURE_SYS_MEM);
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB, pdb >> 40);
	return 0;
}

static int vmm_invalidate_gpu(struct nvg_vmm *vmm)
{
	struct nvg_gpu *gpu = vmm->gpu;
	u32 val;
	int rc;

	guard(mutex)(&gpu->mmu.lock);
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE,
		 vmm_invalidate_pdb(vmm) | NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_ALL_VA |
		 NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_SYS_MEMBAR |
		 NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_TRIGGER);
	rc = read_poll_timeout(nvg_rd32, val,
			       !(val & NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_TRIGGER),
			       VMM_INVALIDATE_POLL_US, VMM_INVALIDATE_US, false,
			       gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE);
	if (!rc)
		return 0;
	dev_err(gpu->dev, "MMU invalidate: not done in %lu ms, register is 0x%x\n",
		VMM_INVALIDATE_US / USEC_PER_MSEC, val);
	nvg_gpu_lost(gpu, "MMU invalidate timed out");
	return rc;
}

/*
 * Make the GPU forget what it knows of the page tables, so that it reads them again.
 * A GPU that is off, or that has started anew since, knows nothing of them; one that is
 * lost can read them no more. Return: 0; -EIO: nobody translates with them.
 */
static int vmm_invalidate(struct nvg_vmm *vmm)
{
	struct nvg_gpu *gpu = vmm->gpu;

	if (READ_ONCE(gpu->state) == NVG_OFF || vmm->epoch != READ_ONCE(gpu->epoch))
		return -EIO;
	if (!nvg_gpu_is_lost(gpu) && !vmm_invalidate_gpu(vmm))
		return 0;
	nvg_gsp_end_dma(gpu);
	return -EIO;
}

/* Called with vmm->lock held */
static void vmm_unmap(struct nvg_vmm *vmm, u64 va, u64 size)
{
	LIST_HEAD(empty);

	nvg_pt_unmap(vmm->root, va, size, &empty);
	vmm_invalidate(vmm);
	nvg_pt_free_list(&vmm->gpu->mmu.pools, &empty);
}

/* A leaf of @level at va + done could not be mapped: undo it, and all before it */
static void vmm_undo(struct nvg_vmm *vmm, u64 va, u64 done, enum nvg_pt_level level)
{
	LIST_HEAD(empty);

	nvg_pt_prune(vmm->root, va + done, level, &empty);
	if (done)
		nvg_pt_unmap(vmm->root, va, done, &empty);
	vmm_invalidate(vmm);
	nvg_pt_free_list(&vmm->gpu->mmu.pools, &empty);
}

/* Aperture, peer and flags of a leaf */
static int vmm_leaf(struct nvg_vmm *vmm, enum nvgrace_vgpu_space space, unsigned int prot,
		    u64 addr, u64 *pte)
{
	u32 peer = vmm->gpu->mmu.egm_peer;
	unsigned int flags = prot | NVG_PTE_NO_COUNTING;

	switch (space) {
	case NVGRACE_VGPU_FB:
		*pte = nvg_pte(NVG_APERTURE_FB, 0, addr, flags);
		return 0;
	case NVGRACE_VGPU_SYSMEM:
		*pte = nvg_pte(NVG_APERTURE_SYSMEM, 0, addr, flags | NVG_PTE_UNCACHED);
		return 0;
	case NVGRACE_VGPU_EGM:
		if (peer == NVG_NO_EGM_PEER)
			return -EOPNOTSUPP;
		*pte = nvg_pte(NVG_APERTURE_PEER, peer, addr, flags | NVG_PTE_UNCACHED);
		return 0;
	default:
		return -EINVAL;
	}
}

static bool vmm_is_range(u64 start, u64 size, u64 end)
{
	return size && IS_ALIGNED(start | size, NVG_PAGE_SIZE) && start < end &&
	       size <= end - start;
}

/**
 * nvg_vmm_map() - Map memory into an address space
 * @vmm: the address space
 * @va: virtual address
 * @space: what @addr is an address of: framebuffer, system memory (a DMA address), or EGM
 *	   (offset from its base)
 * @addr: there
 * @size: in bytes; it, @va and @addr are multiples of NVG_PAGE_SIZE
 * @prot: 0 or NVG_VMM_READ_ONLY
 *
 * Leaves are as large as alignment and size allow: 2 MiB, 64 KiB, 4 KiB. A range that is
 * aligned alike in both address spaces gets the most out of that.
 *
 * The range need not be one that nvg_vmm_reserve() gave. It is used when this returns.
 *
 * Return: 0; -EINVAL; -EEXIST if something is mapped there; -EOPNOTSUPP without EGM;
 * -ENOMEM; -EIO if the GPU is off, lost, or was reset since. On an error nothing is mapped.
 */
int nvg_vmm_map(struct nvg_vmm *vmm, u64 va, enum nvgrace_vgpu_space space, u64 addr, u64 size,
		unsigned int prot)
{
	enum nvg_pt_level level;
	u64 done = 0, pte;
	int rc;

	if (!vmm_is_range(va, size, BIT_ULL(NVG_VA_BITS)) ||
	    !vmm_is_range(addr, size, NVG_PTE_ADDR + NVG_PAGE_SIZE) ||
	    prot & ~NVG_VMM_READ_ONLY)
		return -EINVAL;

	guard(mutex)(&vmm->lock);
	while (done < size) {
		level = nvg_leaf_level(va + done, addr + done, size - done);
		rc = vmm_leaf(vmm, space, prot, addr + done, &pte);
		if (!rc)
			rc = nvg_pt_map(&vmm->gpu->mmu.pools, vmm->root, va + done, level, pte);
		if (rc) {
			vmm_undo(vmm, va, done, level);
			return rc;
		}
		done += nvg_pt_leaf(level);
	}
	/* The GPU may remember that there was nothing */
	rc = vmm_invalidate(vmm);
	if (rc)
		vmm_unmap(vmm, va, size);
	return rc;
}

/**
 * nvg_vmm_unmap() - Take memory out of an address space
 * @vmm: the address space
 * @va: virtual address
 * @size: in bytes; it and @va are multiples of NVG_PAGE_SIZE
 *
 * Unmap what one or several calls of nvg_vmm_map() have mapped: a leaf that is only partly
 * in the range goes with it. What is not mapped is no error.
 *
 * The GPU does not use the memory any more when this returns, if it is not lost.
 */
void nvg_vmm_unmap(struct nvg_vmm *vmm, u64 va, u64 size)
{
	if (WARN_ON_ONCE(!vmm_is_range(va, size, BIT_ULL(NVG_VA_BITS))))
		return;
	guard(mutex)(&vmm->lock);
	vmm_unmap(vmm, va, size);
}

/**
 * nvg_vmm_reserve() - Take a range of virtual addresses that nobody uses
 * @vmm: the address space
 * @size: in bytes, not 0; rounded up to NVG_PAGE_SIZE
 * @align: a power of two, or 0 for NVG_PAGE_SIZE
 * @va: gets the address
 *
 * Return: 0; -EINVAL; -ENOSPC; -ENOMEM.
 */
int nvg_vmm_reserve(struct nvg_vmm *vmm, u64 size, u64 align, u64 *va)
{
	MA_STATE(mas, &vmm->ranges, 0, 0);
	unsigned long pages, skip, start;
	int rc;

	align = max(align, NVG_PAGE_SIZE);
	if (!size || !is_power_of_2(align))
		return -EINVAL;
	if (size > vmm->end || align > vmm->end)
		return -ENOSPC;
	pages = DIV_ROUND_UP_ULL(size, NVG_PAGE_SIZE);
	align /= NVG_PAGE_SIZE;
	skip = align - 1;

	guard(mutex)(&vmm->lock);
	rc = mas_empty_area(&mas, vmm->start / NVG_PAGE_SIZE, vmm->end / NVG_PAGE_SIZE - 1,
			    pages + skip);
	if (rc)
		return -ENOSPC;
	start = round_up(mas.index, align);
	mas_set_range(&mas, start, start + pages - 1);
	rc = mas_store_gfp(&mas, vmm, GFP_KERNEL);
	if (rc)
		return rc;
	*va = (u64)start * NVG_PAGE_SIZE;
	return 0;
}

/**
 * nvg_vmm_reserve_at() - Take a certain range of virtual addresses
 * @vmm: the address space
 * @va: first address
 * @size: in bytes; it and @va are multiples of NVG_PAGE_SIZE
 *
 * Return: 0; -EINVAL; -EEXIST if a part of it is taken; -ENOMEM.
 */
int nvg_vmm_reserve_at(struct nvg_vmm *vmm, u64 va, u64 size)
{
	MA_STATE(mas, &vmm->ranges, 0, 0);
	unsigned long first = va / NVG_PAGE_SIZE, last;

	if (!vmm_is_range(va, size, vmm->end))
		return -EINVAL;
	last = first + size / NVG_PAGE_SIZE - 1;

	guard(mutex)(&vmm->lock);
	mas_set_range(&mas, first, last);
	if (mas_find(&mas, last))
		return -EEXIST;
	mas_set_range(&mas, first, last);
	return mas_store_gfp(&mas, vmm, GFP_KERNEL);
}

/**
 * nvg_vmm_release() - Give back a range of virtual addresses
 * @vmm: the address space
 * @va: as got from nvg_vmm_reserve(), and nothing is mapped there
 * @size: as told to it
 *
 * Should there be no memory to note that, the range stays taken.
 */
void nvg_vmm_release(struct nvg_vmm *vmm, u64 va, u64 size)
{
	MA_STATE(mas, &vmm->ranges, va / NVG_PAGE_SIZE, (va + size - 1) / NVG_PAGE_SIZE);

	guard(mutex)(&vmm->lock);
	mas_store_gfp(&mas, NULL, GFP_KERNEL);
}

/**
 * nvg_vmm_pdb() - The address of the root table
 * @vmm: the address space
 *
 * Return: its DMA address, for instance blocks.
 */
u64 nvg_vmm_pdb(struct nvg_vmm *vmm)
{
	return nvg_pt_address(vmm->root);
}

/**
 * nvg_vmm_root_pde() - The first entry of the root table of a BAR
 * @vmm: from nvg_vmm_create_bar()
 *
 * Return: the entry, which is constant.
 */
u64 nvg_vmm_root_pde(struct nvg_vmm *vmm)
{
	return vmm->root_pde;
}

static struct nvg_vmm *vmm_create(struct nvg_gpu *gpu, u64 start, u64 end, bool bar)
{
	struct nvg_vmm *vmm;

	vmm = kzalloc_obj(*vmm);
	if (!vmm)
		return ERR_PTR(-ENOMEM);
	vmm->root = nvg_pt_create(&gpu->mmu.pools);
	if (!vmm->root) {
		kfree(vmm);
		return ERR_PTR(-ENOMEM);
	}
	vmm->gpu = gpu;
	vmm->epoch = gpu->epoch;
	vmm->start = start;
	vmm->end = end;
	vmm->bar = bar;
	mutex_init(&vmm->lock);
	mt_init_flags(&vmm->ranges, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
	mt_set_external_lock(&vmm->ranges, &vmm->lock);
	return vmm;
}

/**
 * nvg_vmm_create() - Make an address space for channels
 * @gpu: the PF
 *
 * Return: the address space, where nothing is mapped, or -ENOMEM.
 */
struct nvg_vmm *nvg_vmm_create(struct nvg_gpu *gpu)
{
	return vmm_create(gpu, VMM_START, VMM_END, false);
}

/**
 * nvg_vmm_create_bar() - Make an address space for a BAR
 * @gpu: the PF
 * @size: of the BAR, bytes; virtual addresses are offsets in the BAR
 *
 * The firmware takes nvg_vmm_root_pde() of it.
 *
 * Return: the address space, where nothing is mapped; -EINVAL if a BAR cannot be that
 * large; -ENOMEM.
 */
struct nvg_vmm *nvg_vmm_create_bar(struct nvg_gpu *gpu, u64 size)
{
	struct nvg_vmm *vmm;
	int rc;

	if (!size || size > BIT_ULL(nvg_pt_shift(NVG_PT_LEVEL_ROOT)))
		return ERR_PTR(-EINVAL);
	vmm = vmm_create(gpu, 0, size, true);
	if (IS_ERR(vmm))
		return vmm;
	rc = nvg_pt_keep_first(&gpu->mmu.pools, vmm->root, &vmm->root_pde);
	if (rc) {
		nvg_vmm_destroy(vmm);
		return ERR_PTR(rc);
	}
	return vmm;
}

/**
 * nvg_vmm_destroy() - End an address space
 * @vmm: no channel and no BAR has it any more; things may be mapped
 *
 * The GPU does not use what was mapped any more when this returns, if it is not lost.
 */
void nvg_vmm_destroy(struct nvg_vmm *vmm)
{
	vmm_invalidate(vmm);
	nvg_pt_destroy(&vmm->gpu->mmu.pools, vmm->root);
	scoped_guard(mutex, &vmm->lock)
		__mt_destroy(&vmm->ranges);
	mutex_destroy(&vmm->lock);
	kfree(vmm);
}

/**
 * nvg_mmu_setup() - What the GPU's memory needs before the first boot
 * @gpu: the PF; called once, by probe, after the DMA mask is set
 *
 * This is also for fb.c, bar1.c and fault.c. All of it ends with the device's driver.
 *
 * Return: 0 or -ENOMEM.
 */
int nvg_mmu_setup(struct nvg_gpu *gpu)
{
	size_t large = nvg_pt_entries(NVG_PT_LEVEL_4K) * sizeof(u64);
	size_t small = nvg_pt_entries(NVG_PT_LEVEL_64K) * sizeof(u64);
	struct nvg_mmu *mmu = &gpu->mmu;

	mutex_init(&mmu->lock);
	mmu->pools.tables = dmam_pool_create("nvg-tables", gpu->dev, large, large, 0);
	mmu->pools.small_tables = dmam_pool_create("nvg-small-tables", gpu->dev, small, small, 0);
	if (!mmu->pools.tables || !mmu->pools.small_tables)
		return -ENOMEM;
	nvg_fb_setup(gpu);
	nvg_bar1_setup(gpu);
	nvg_fault_setup(gpu);
	return 0;
}
