// SPDX-License-Identifier: GPL-2.0
/*
 * GSP boots in steps that others take: this driver lays out the framebuffer and puts
 * images and arguments into memory; FSP starts FMC; FMC checks it all, copies the firmware
 * into framebuffer that nobody else can write to (WPR2) and starts it; the firmware then finds
 * its queues and says that it is ready. Each step has a time limit, and a message that
 * names it when it fails.
 *
 * When a boot fails, or the firmware is lost, it is not known what GSP does. Its
 * DMA is then off before the memory that it was given is freed, and a reset of the function
 * precedes the next boot (main.c). What the firmware is told once it runs is in fw_r570.c.
 *
 * Callers hold gpu->lock for writing.
 */
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "boot_r570.h"
#include "gpu.h"
#include "image.h"

#define NVG_MAILBOX0_SUSPENDED		BIT(31)		/* the firmware ended in order */

#define NVG_GSP_POLL_US			1000
#define NVG_GSP_LOCKDOWN_US		(30 * USEC_PER_SEC)
#define NVG_GSP_ACTIVE_US		(5 * USEC_PER_SEC)
#define NVG_GSP_SUSPENDED_US		(5 * USEC_PER_SEC)
#define NVG_GSP_HALTED_US		(5 * USEC_PER_SEC)
#define NVG_GSP_INIT_DONE_MS		5000
#define NVG_GSP_WATCH			HZ

/* The layout of the framebuffer: sizes in bytes */
#define NVG_FB_MAX			BIT_ULL(44)
#define NVG_FB_END_RESERVED		(SZ_2M + SZ_128K)
#define NVG_PMU_RESERVED		ALIGN(SZ_8M + SZ_16M + SZ_4K, SZ_128K)
#define NVG_FRTS_SIZE			SZ_1M
#define NVG_VGA_SIZE			SZ_128K
#define NVG_NON_WPR_HEAP		SZ_2M
#define NVG_HEAP_LIBOS			(22ULL * SZ_1M)
#define NVG_HEAP_RM			(14ULL * SZ_1M)
#define NVG_HEAP_CLIENTS		(96ULL * SZ_1M)
#define NVG_HEAP_PER_GIB		(96ULL * SZ_1K)
#define NVG_HEAP_MIN			(88ULL * SZ_1M)
#define NVG_HEAP_MAX			(280ULL * SZ_1M)
#define NVG_HEAP_VGPU			(581ULL * SZ_1M)

/* Put index and the buffer's pages come first in a log, text from here on */
#define NVG_GSP_LOG_TEXT		NVG_GSP_PAGE_SIZE

/* What a boot needs until the firmware has started */
struct gsp_boot {
	struct nvg_image image;
	struct nvg_gsp_mem meta;
	struct nvg_gsp_mem params;
};

/* Reads of GSP's registers mean something: FSP lets the host see them, and it is there */
static bool gsp_readable(struct nvg_gpu *gpu)
{
	u32 hwcfg2 = nvg_rd32(gpu, NV_PGSP_FALCON_HWCFG2);

	return hwcfg2 && !PCI_POSSIBLE_ERROR(hwcfg2) &&
	       (hwcfg2 & NV_PRI_ERROR_MASK) != NV_PRI_ERROR_LOCKED;
}

static bool gsp_cpuctl(struct nvg_gpu *gpu, u32 bit)
{
	return nvg_rd32(gpu, NV_PGSP_RISCV_CPUCTL) & bit;
}

/**
 * nvg_gsp_halted() - does GSP not execute code any more?
 * @gpu: the GPU
 *
 * Return: true when it says so, or when it does not say anything.
 */
bool nvg_gsp_halted(struct nvg_gpu *gpu)
{
	return !gsp_readable(gpu) || gsp_cpuctl(gpu, NV_PGSP_RISCV_CPUCTL_HALTED);
}

/**
 * nvg_gsp_left_running() - has someone started the firmware and not ended it?
 * @gpu: the GPU
 *
 * Return: true if there is a WPR2 or GSP executes code.
 */
bool nvg_gsp_left_running(struct nvg_gpu *gpu)
{
	return nvg_rd32(gpu, NV_PFB_PRI_MMU_WPR2_ADDR_HI) & NV_PFB_PRI_MMU_WPR2_ADDR_VAL ||
	       (gsp_readable(gpu) && gsp_cpuctl(gpu, NV_PGSP_RISCV_CPUCTL_ACTIVE_STAT));
}

/* A firmware that halts tells nobody, and nobody may be waiting for an answer */
static void watch_gsp(struct work_struct *work)
{
	struct nvg_gpu *gpu = container_of(to_delayed_work(work), struct nvg_gpu, gsp.watch);

	/* Nor is an event seen whose interrupt got lost, while nobody waits */
	nvg_rpc_service(gpu);
	if (nvg_gsp_halted(gpu))
		nvg_gpu_lost(gpu, "GSP halted");
	else
		schedule_delayed_work(&gpu->gsp.watch, NVG_GSP_WATCH);
}

/**
 * nvg_gsp_watch() - look once a second whether the firmware still runs
 * @gpu: the GPU, whose firmware has booted
 */
void nvg_gsp_watch(struct nvg_gpu *gpu)
{
	schedule_delayed_work(&gpu->gsp.watch, NVG_GSP_WATCH);
}

/**
 * nvg_gsp_unwatch() - look no more
 * @gpu: the GPU
 */
void nvg_gsp_unwatch(struct nvg_gpu *gpu)
{
	cancel_delayed_work_sync(&gpu->gsp.watch);
}

/**
 * nvg_gsp_mem_alloc() - memory that GSP reads or writes, zeroed
 * @gpu: the GPU
 * @mem: what to fill in
 * @size: in bytes
 *
 * Return: 0 or -ENOMEM.
 */
int nvg_gsp_mem_alloc(struct nvg_gpu *gpu, struct nvg_gsp_mem *mem, size_t size)
{
	mem->va = dma_alloc_coherent(gpu->dev, size, &mem->pa, GFP_KERNEL);
	if (!mem->va)
		return -ENOMEM;
	mem->size = size;
	return 0;
}

/**
 * nvg_gsp_mem_free() - free memory of nvg_gsp_mem_alloc()
 * @gpu: the GPU
 * @mem: the memory; nothing is done if it was not allocated
 */
void nvg_gsp_mem_free(struct nvg_gpu *gpu, struct nvg_gsp_mem *mem)
{
	if (!mem->va)
		return;
	dma_free_coherent(gpu->dev, mem->size, mem->va, mem->pa);
	*mem = (struct nvg_gsp_mem){};
}

/**
 * nvg_gsp_init() - allocate what outlives a boot
 * @gpu: the GPU
 *
 * Return: 0 or -ENOMEM.
 */
int nvg_gsp_init(struct nvg_gpu *gpu)
{
	struct nvg_gsp *gsp = &gpu->gsp;
	int rc, i;

	INIT_DELAYED_WORK(&gsp->watch, watch_gsp);
	for (i = 0; i < NVG_GSP_NR_LOGS; i++) {
		rc = nvg_gsp_mem_alloc(gpu, &gsp->log[i], NVG_GSP_LOG_SIZE);
		if (rc)
			goto err;
	}
	rc = nvg_gsp_mem_alloc(gpu, &gsp->libos, NVG_GSP_PAGE_SIZE);
	if (rc)
		goto err;
	rc = nvg_gsp_mem_alloc(gpu, &gsp->rmargs, NVG_GSP_PAGE_SIZE);
	if (rc)
		goto err;
	rc = nvg_gsp_mem_alloc(gpu, &gsp->flush, NVG_GSP_PAGE_SIZE);
	if (rc)
		goto err;
	return 0;

err:
	nvg_gsp_fini(gpu);
	return rc;
}

/**
 * nvg_gsp_fini() - undo nvg_gsp_init(), which may have failed
 * @gpu: the GPU; no firmware runs, or its DMA is off
 */
void nvg_gsp_fini(struct nvg_gpu *gpu)
{
	struct nvg_gsp *gsp = &gpu->gsp;
	int i;

	nvg_gsp_mem_free(gpu, &gsp->flush);
	nvg_gsp_mem_free(gpu, &gsp->rmargs);
	nvg_gsp_mem_free(gpu, &gsp->libos);
	for (i = 0; i < NVG_GSP_NR_LOGS; i++)
		nvg_gsp_mem_free(gpu, &gsp->log[i]);
}

/* Without vGPUs: what the kernel and RM need, and RM's clients, and so much for each GiB */
static u64 heap_size(struct nvg_gpu *gpu, u64 fb_size)
{
	u64 size;

	if (gpu->vgpu)
		return NVG_HEAP_VGPU;
	size = NVG_HEAP_LIBOS + NVG_HEAP_RM + NVG_HEAP_CLIENTS;
	size += ALIGN(NVG_HEAP_PER_GIB * DIV_ROUND_UP_ULL(fb_size, SZ_1G), SZ_1M);
	return clamp(size, NVG_HEAP_MIN, NVG_HEAP_MAX);
}

/* The @size bytes that end at or below @top, from a multiple of @align on */
static bool range_below(u64 top, u64 size, u64 align, struct nvg_range *range)
{
	if (check_sub_overflow(top, size, &range->start))
		return false;
	range->start = ALIGN_DOWN(range->start, align);
	range->end = range->start + size;
	return true;
}

/* From the end of the framebuffer down */
static bool layout_fits(struct nvg_fb_layout *l, u64 elf_size, u64 boot_size, u64 heap_bytes)
{
	struct nvg_range meta;

	if (!range_below(l->fb_size, NVG_VGA_SIZE, SZ_4K, &l->vga) ||
	    l->frts_offset > l->fb_size ||
	    !range_below(l->fb_size - l->frts_offset, NVG_FRTS_SIZE, SZ_128K, &l->frts) ||
	    !range_below(l->frts.start, boot_size, SZ_4K, &l->boot) ||
	    !range_below(l->boot.start, elf_size, SZ_64K, &l->elf) ||
	    !range_below(ALIGN_DOWN(l->elf.start, SZ_1M), heap_bytes, SZ_1M, &l->heap) ||
	    !range_below(l->heap.start, sizeof(struct r570_wpr_meta), SZ_1M, &meta))
		return false;
	l->wpr2.start = meta.start;
	l->wpr2.end = l->frts.end;
	return range_below(l->wpr2.start, NVG_NON_WPR_HEAP, SZ_1M, &l->non_wpr_heap);
}

static int plan_layout(struct nvg_gpu *gpu, const struct nvg_image *image)
{
	struct nvg_fb_layout *l = &gpu->layout;
	u32 mib = nvg_rd32(gpu, NV_USABLE_FB_SIZE_IN_MB);

	*l = (struct nvg_fb_layout){
		.fb_size = (u64)mib << 20,
		.pmu_reserved = NVG_PMU_RESERVED,
		.frts_offset = ALIGN(NVG_FB_END_RESERVED + NVG_PMU_RESERVED, SZ_2M),
		.vf_partitions = gpu->vgpu ? gpu->total_vfs : 0,
	};
	if (l->fb_size > NVG_FB_MAX ||
	    !layout_fits(l, image->gsp.size, image->bootloader.size,
			 heap_size(gpu, l->fb_size))) {
		dev_err(gpu->dev, "framebuffer layout: %u MiB cannot hold the firmware\n", mib);
		return -EINVAL;
	}
	dev_dbg(gpu->dev, "framebuffer layout: %#llx bytes, WPR2 %#llx-%#llx, heap %#llx-%#llx\n",
		l->fb_size, l->wpr2.start, l->wpr2.end, l->heap.start, l->heap.end);
	return 0;
}

static __le64 range_size(const struct nvg_range *range)
{
	return cpu_to_le64(range->end - range->start);
}

static void fill_meta(struct nvg_gpu *gpu, struct gsp_boot *boot)
{
	const struct nvg_image *image = &boot->image;
	const struct nvg_fb_layout *l = &gpu->layout;
	struct r570_wpr_meta *meta = boot->meta.va;

	*meta = (struct r570_wpr_meta){
		.magic = cpu_to_le64(R570_WPR_META_MAGIC),
		.revision = cpu_to_le64(R570_WPR_META_REVISION),
		.radix3 = cpu_to_le64(image->gsp.level[0].pa),
		.radix3_size = cpu_to_le64(image->gsp.size),
		.bootloader = cpu_to_le64(image->bootloader.pa),
		.bootloader_size = cpu_to_le64(image->bootloader.size),
		.signature = cpu_to_le64(image->signature.pa),
		.signature_size = cpu_to_le64(image->signature.size),
		.reserved_start = cpu_to_le64(l->non_wpr_heap.start),
		.non_wpr_heap = cpu_to_le64(l->non_wpr_heap.start),
		.non_wpr_heap_size = range_size(&l->non_wpr_heap),
		.wpr_start = cpu_to_le64(l->wpr2.start),
		.heap = cpu_to_le64(l->heap.start),
		.heap_size = range_size(&l->heap),
		.elf = cpu_to_le64(l->elf.start),
		.boot_bin = cpu_to_le64(l->boot.start),
		.frts = cpu_to_le64(l->frts.start),
		.frts_size = range_size(&l->frts),
		.wpr_end = cpu_to_le64(l->wpr2.end),
		.fb_size = cpu_to_le64(l->fb_size),
		.vga = cpu_to_le64(l->vga.start),
		.vga_size = range_size(&l->vga),
		.vf_partitions = l->vf_partitions,
		.pmu_reserved = cpu_to_le32(l->pmu_reserved),
	};
}

static void fill_params(struct nvg_gpu *gpu, struct gsp_boot *boot)
{
	struct r570_fmc_params *params = boot->params.va;

	*params = (struct r570_fmc_params){
		.wpr_meta = {
			.target = cpu_to_le32(R570_TARGET_COHERENT),
			.size = cpu_to_le32(sizeof(struct r570_wpr_meta)),
			.addr = cpu_to_le64(boot->meta.pa),
			.is_gsp_rm = 1,
		},
		.libos_args = {
			.target = cpu_to_le32(R570_TARGET_NONCOHERENT),
			.addr = cpu_to_le64(gpu->gsp.libos.pa),
		},
	};
}

/* Up to 8 letters as one number, the first in its highest byte that is used */
static u64 libos_id(const char *name)
{
	u64 id = 0;

	while (*name)
		id = id << 8 | (u8)*name++;
	return id;
}

static void fill_libos_arg(struct r570_libos_arg *arg, const char *name,
			   const struct nvg_gsp_mem *mem)
{
	*arg = (struct r570_libos_arg){
		.id = cpu_to_le64(libos_id(name)),
		.addr = cpu_to_le64(mem->pa),
		.size = cpu_to_le64(mem->size),
		.kind = R570_LIBOS_CONTIGUOUS,
		.location = R570_LIBOS_SYSMEM,
	};
}

static void clear_log(struct nvg_gsp_mem *mem)
{
	struct r570_log *log = mem->va;
	unsigned int i;

	memset(mem->va, 0, mem->size);
	for (i = 0; i < mem->size >> NVG_GSP_PAGE_SHIFT; i++)
		log->page[i] = cpu_to_le64(mem->pa + ((u64)i << NVG_GSP_PAGE_SHIFT));
}

/* What the firmware itself reads: it is told of logs and arguments, these of the queues */
static void fill_firmware_args(struct nvg_gpu *gpu)
{
	static const char * const log_names[NVG_GSP_NR_LOGS] = { "LOGINIT", "LOGINTR", "LOGRM" };
	struct nvg_gsp *gsp = &gpu->gsp;
	struct r570_libos_arg *arg = gsp->libos.va;
	struct r570_rmargs *rmargs = gsp->rmargs.va;
	struct nvg_queue_args queue;
	int i;

	for (i = 0; i < NVG_GSP_NR_LOGS; i++) {
		clear_log(&gsp->log[i]);
		fill_libos_arg(&arg[i], log_names[i], &gsp->log[i]);
	}
	fill_libos_arg(&arg[i], "RMARGS", &gsp->rmargs);

	nvg_rpc_queue_args(gpu, &queue);
	*rmargs = (struct r570_rmargs){
		.shared_mem = cpu_to_le64(queue.shared_mem_pa),
		.pte_count = cpu_to_le32(queue.pte_count),
		.cmdq = cpu_to_le64(queue.cmdq_offset),
		.statq = cpu_to_le64(queue.statq_offset),
		.dmem_stack = 1,
	};
}

/* The low word of a pair makes the GPU take the address */
static void set_flush_page(struct nvg_gpu *gpu, u64 addr)
{
	nvg_wr32(gpu, NV_PFB_HSHUB_PCIE_FLUSH_SYSMEM_ADDR_HI, upper_32_bits(addr));
	nvg_wr32(gpu, NV_PFB_HSHUB_PCIE_FLUSH_SYSMEM_ADDR_LO, lower_32_bits(addr));
	nvg_wr32(gpu, NV_PFB_HSHUB_EG_PCIE_FLUSH_SYSMEM_ADDR_HI, upper_32_bits(addr));
	nvg_wr32(gpu, NV_PFB_HSHUB_EG_PCIE_FLUSH_SYSMEM_ADDR_LO, lower_32_bits(addr));
}

static int send_cot(struct nvg_gpu *gpu, const struct gsp_boot *boot)
{
	struct nvg_cot *cot;
	int rc;

	cot = kzalloc_obj(*cot);
	if (!cot)
		return -ENOMEM;
	cot->fmc = boot->image.fmc.pa;
	cot->frts_offset = gpu->layout.frts_offset;
	cot->frts_size = NVG_FRTS_SIZE;
	cot->boot_params = boot->params.pa;
	memcpy(cot->hash, boot->image.hash, sizeof(cot->hash));
	memcpy(cot->key, boot->image.key, sizeof(cot->key));
	memcpy(cot->signature, boot->image.fmc_signature, sizeof(cot->signature));
	rc = nvg_fsp_send_cot(gpu, cot);
	kfree(cot);
	return rc;
}

/*
 * FMC takes the address of its parameters from the mailboxes, and leaves an error there
 * when it does not start the firmware: 1. 0: it is still at it. -1: error.
 */
static int lockdown_state(struct nvg_gpu *gpu, u64 params, u32 *mailbox)
{
	u32 hwcfg2;
	u64 addr;

	if (!gsp_readable(gpu))
		return 0;
	*mailbox = nvg_rd32(gpu, NV_PGSP_FALCON_MAILBOX0);
	addr = (u64)nvg_rd32(gpu, NV_PGSP_FALCON_MAILBOX1) << 32 | *mailbox;
	/* FMC can have changed both between the two reads */
	if (*mailbox && *mailbox != nvg_rd32(gpu, NV_PGSP_FALCON_MAILBOX0))
		return 0;
	if (*mailbox)
		return addr == params ? 0 : -1;
	hwcfg2 = nvg_rd32(gpu, NV_PGSP_FALCON_HWCFG2);
	return !(hwcfg2 & NV_PGSP_FALCON_HWCFG2_RISCV_BR_PRIV_LOCKDOWN);
}

static int wait_lockdown(struct nvg_gpu *gpu, u64 params)
{
	u32 mailbox = 0;
	int state, rc;

	rc = read_poll_timeout(lockdown_state, state, state || nvg_gpu_is_lost(gpu),
			       NVG_GSP_POLL_US, NVG_GSP_LOCKDOWN_US, false, gpu, params, &mailbox);
	if (rc) {
		dev_err(gpu->dev, "GSP lockdown: not released in 30 s: HWCFG2 %#x, mailbox %#x\n",
			nvg_rd32(gpu, NV_PGSP_FALCON_HWCFG2), mailbox);
		return rc;
	}
	if (state < 0)
		dev_err(gpu->dev, "GSP lockdown: FMC failed with error %#x\n", mailbox);
	return state > 0 ? 0 : -EIO;
}

static int wait_active(struct nvg_gpu *gpu)
{
	u32 cpuctl;
	int rc;

	rc = read_poll_timeout(nvg_rd32, cpuctl,
			       cpuctl & NV_PGSP_RISCV_CPUCTL_ACTIVE_STAT || nvg_gpu_is_lost(gpu),
			       NVG_GSP_POLL_US, NVG_GSP_ACTIVE_US, false, gpu,
			       NV_PGSP_RISCV_CPUCTL);
	if (rc)
		dev_err(gpu->dev, "GSP start: RISC-V not active in 5 s: CPUCTL %#x\n", cpuctl);
	else if (PCI_POSSIBLE_ERROR(cpuctl))
		dev_err(gpu->dev, "GSP start: CPUCTL cannot be read\n");
	else if (cpuctl & NV_PGSP_RISCV_CPUCTL_ACTIVE_STAT)
		return 0;
	return rc ? rc : -EIO;
}

static u64 wpr2_addr(u32 reg)
{
	return (u64)FIELD_GET(NV_PFB_PRI_MMU_WPR2_ADDR_VAL, reg) << 12;
}

/* FMC places WPR2; what it did counts */
static int read_wpr2(struct nvg_gpu *gpu)
{
	struct nvg_fb_layout *l = &gpu->layout;
	u64 start = wpr2_addr(nvg_rd32(gpu, NV_PFB_PRI_MMU_WPR2_ADDR_LO));
	u64 end = wpr2_addr(nvg_rd32(gpu, NV_PFB_PRI_MMU_WPR2_ADDR_HI));

	if (start >= end || end > l->fb_size) {
		dev_err(gpu->dev, "WPR2: %#llx-%#llx is not in the framebuffer of %#llx bytes\n",
			start, end, l->fb_size);
		return -EIO;
	}
	l->wpr2.start = start;
	l->wpr2.end = end;
	return 0;
}

/* The firmware runs and reads its queue: what it waits for, and its answer */
static int introduce(struct nvg_gpu *gpu)
{
	int rc;

	rc = nvg_fw_set_system_info(gpu);
	if (rc) {
		dev_err(gpu->dev, "firmware start: system info was not sent: %d\n", rc);
		return rc;
	}
	rc = nvg_fw_set_registry(gpu);
	if (rc) {
		dev_err(gpu->dev, "firmware start: registry was not sent: %d\n", rc);
		return rc;
	}
	rc = nvg_rpc_wait_init_done(gpu, NVG_GSP_INIT_DONE_MS);
	if (rc)
		dev_err(gpu->dev, "firmware start: INIT_DONE %s: %d (CPUCTL %#x, mailbox %#x)\n",
			rc == -ETIMEDOUT ? "did not come in 5 s" : "cannot come any more", rc,
			nvg_rd32(gpu, NV_PGSP_RISCV_CPUCTL),
			nvg_rd32(gpu, NV_PGSP_FALCON_MAILBOX0));
	return rc;
}

static int run_boot(struct nvg_gpu *gpu, struct gsp_boot *boot)
{
	int rc;

	pci_set_master(gpu->pdev);
	set_flush_page(gpu, gpu->gsp.flush.pa);
	gpu->gsp.started = true;
	rc = send_cot(gpu, boot);
	if (rc)
		return rc;
	rc = wait_lockdown(gpu, boot->params.pa);
	if (rc)
		return rc;
	rc = wait_active(gpu);
	if (rc)
		return rc;
	rc = read_wpr2(gpu);
	if (rc)
		return rc;
	return introduce(gpu);
}

static int prepare_boot(struct nvg_gpu *gpu, struct gsp_boot *boot)
{
	int rc;

	rc = nvg_image_load(gpu, &boot->image);
	if (rc)
		return rc;
	rc = nvg_gsp_mem_alloc(gpu, &boot->meta, sizeof(struct r570_wpr_meta));
	if (rc)
		return rc;
	rc = nvg_gsp_mem_alloc(gpu, &boot->params, sizeof(struct r570_fmc_params));
	if (rc)
		return rc;
	rc = plan_layout(gpu, &boot->image);
	if (rc)
		return rc;
	fill_meta(gpu, boot);
	fill_params(gpu, boot);
	return 0;
}

/**
 * nvg_gsp_end_dma() - take away the GPU's right to access system memory and to interrupt
 * @gpu: the GPU, in whatever state; may have lost it already
 *
 * When this returns, memory can be freed that the GPU knows of. It may sleep.
 */
void nvg_gsp_end_dma(struct nvg_gpu *gpu)
{
	/* AER also says of a link that it is cut which works until it is reset */
	pci_clear_master(gpu->pdev);
	if (pci_channel_offline(gpu->pdev))
		return;
	if (!pci_wait_for_pending_transaction(gpu->pdev))
		dev_warn(gpu->dev, "DMA did not end\n");
	set_flush_page(gpu, 0);
}

/**
 * nvg_gsp_boot() - boot the firmware
 * @gpu: the GPU, in its state after a reset or after nvg_gsp_unload()
 *
 * Return: 0: it runs, and messages pass. -ENOENT: a file of it is missing; -EINVAL: one is
 * not what it should be, or the framebuffer is too small for it; -ETIMEDOUT: a step took too
 * long; -EREMOTEIO: FSP refused; -EIO: FMC or the firmware failed; -EPROTO: an answer made no
 * sense; -ENOMEM; or what nvg_rm_errno() makes of the status of its start.
 */
int nvg_gsp_boot(struct nvg_gpu *gpu)
{
	struct gsp_boot *boot;
	int rc;

	boot = kzalloc_obj(*boot);
	if (!boot)
		return -ENOMEM;
	rc = prepare_boot(gpu, boot);
	if (rc)
		goto out;
	nvg_rpc_start(gpu);
	fill_firmware_args(gpu);

	rc = run_boot(gpu, boot);
	if (rc) {
		nvg_rpc_stop(gpu, -EIO);
		nvg_gsp_end_dma(gpu);
	}
out:
	nvg_gsp_mem_free(gpu, &boot->params);
	nvg_gsp_mem_free(gpu, &boot->meta);
	nvg_image_unload(gpu, &boot->image);
	kfree(boot);
	return rc;
}

static int end_firmware(struct nvg_gpu *gpu, bool suspend)
{
	u32 mailbox;
	bool halted;
	int rc;

	rc = nvg_fw_unload(gpu, suspend);
	if (rc) {
		dev_err(gpu->dev, "firmware end: the request was not answered: %d\n", rc);
		return rc;
	}
	rc = read_poll_timeout(nvg_rd32, mailbox,
			       mailbox & NVG_MAILBOX0_SUSPENDED && !PCI_POSSIBLE_ERROR(mailbox),
			       NVG_GSP_POLL_US, NVG_GSP_SUSPENDED_US, false, gpu,
			       NV_PGSP_FALCON_MAILBOX0);
	if (rc) {
		dev_err(gpu->dev, "firmware end: not suspended in 5 s: mailbox %#x\n", mailbox);
		return rc;
	}
	rc = readx_poll_timeout(nvg_gsp_halted, gpu, halted, halted, NVG_GSP_POLL_US,
				NVG_GSP_HALTED_US);
	if (rc)
		dev_err(gpu->dev, "firmware end: RISC-V not halted in 5 s: CPUCTL %#x\n",
			nvg_rd32(gpu, NV_PGSP_RISCV_CPUCTL));
	return rc;
}

/**
 * nvg_gsp_unload() - end the firmware
 * @gpu: the GPU; its firmware runs or is lost
 * @suspend: for a sleep of the host; the next boot is from scratch all the same
 *
 * No messages pass any more, and DMA of the GPU is off. If the firmware did not end in order,
 * gsp.started stays true and the GPU needs a reset.
 */
void nvg_gsp_unload(struct nvg_gpu *gpu, bool suspend)
{
	if (!nvg_gpu_is_lost(gpu) && !end_firmware(gpu, suspend))
		gpu->gsp.started = false;
	nvg_rpc_stop(gpu, -EIO);
	nvg_gsp_end_dma(gpu);
}

/**
 * nvg_gsp_read_log() - copy the newest text of a log
 * @gpu: the GPU, between nvg_gsp_init() and nvg_gsp_fini(); its firmware may write meanwhile
 * @log: which
 * @buf: where to
 * @size: of @buf, in bytes
 *
 * Return: bytes copied, 0 if nothing was logged; -EINVAL if there is no such log.
 */
ssize_t nvg_gsp_read_log(struct nvg_gpu *gpu, enum nvg_gsp_log log, void *buf, size_t size)
{
	const size_t ring = NVG_GSP_LOG_SIZE - NVG_GSP_LOG_TEXT;
	const struct r570_log *head;
	size_t n, at, first;
	const u8 *text;
	u64 put;

	if ((unsigned int)log >= NVG_GSP_NR_LOGS)
		return -EINVAL;
	head = gpu->gsp.log[log].va;
	text = gpu->gsp.log[log].va + NVG_GSP_LOG_TEXT;
	put = le64_to_cpu(READ_ONCE(head->put));

	n = min3(size, ring, (size_t)min_t(u64, put, SIZE_MAX));
	at = (put - n) % ring;
	first = min(n, ring - at);
	memcpy(buf, text + at, first);
	memcpy(buf + first, text, n - first);
	return n;
}
