// SPDX-License-Identifier: GPL-2.0
/*
 * The life of the PF: it starts when its driver binds, and again after a reset, a PCI
 * error or a suspend; it stops before each of these and when the driver leaves. Start
 * and stop go through the parts of the driver in order, with gpu->lock held for
 * writing. Between them, the firmware can be lost at any time: nvg_gpu_lost().
 *
 * What the driver allocates once (interrupt, queues, logs) stays over stops. What is the
 * firmware's (objects, channels, page tables that it was told of) is of one epoch.
 *
 * PCI's callbacks all come with the device locked, so that no two of them run at a time.
 */
#include <linux/bitfield.h>
#include <linux/iommufd_mem.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/pm.h>

#include "gpu.h"
#include "image.h"

/* The device model; this driver is for no GPU that one can buy */
#define NVG_PCI_VENDOR		0x1af4
#define NVG_PCI_PF		0x10f0

#define NVG_DMA_BITS		52
#define NVG_LINK_POLL_US	10000
#define NVG_LINK_US		(30 * USEC_PER_SEC)
#define NVG_MAX_VFS		U8_MAX		/* partitions of the firmware's heap */

static bool vgpu_support = true;
module_param(vgpu_support, bool, 0444);
MODULE_PARM_DESC(vgpu_support, "Enable vGPUs where SR-IOV and the GPU's configuration allow it");

/**
 * nvg_gpu_lost() - the firmware does not work any more
 * @gpu: the GPU
 * @why: what was seen, for the log
 *
 * Who waits for the firmware gets -EIO, channels end. Can be called from any context and
 * with any lock held but the spinlocks that gpu.h calls leaves, of which it takes those of rpc,
 * fifo and health; any number of times: only the first has an effect. What has to sleep for it
 * is up to works, and to whoever frees memory that the GPU knows of: nvg_fifo_bar().
 */
void nvg_gpu_lost(struct nvg_gpu *gpu, const char *why)
{
	enum nvg_state old = READ_ONCE(gpu->state);

	do {
		if (old == NVG_OFF || old == NVG_LOST)
			return;
	} while (!try_cmpxchg(&gpu->state, &old, NVG_LOST));

	dev_err(gpu->dev, "firmware lost: %s; the GPU needs a reset\n", why);
	nvg_rpc_stop(gpu, -EIO);
	nvg_channels_kill(gpu);
	nvg_aux_lost(gpu);
	nvg_health_lost(gpu, why);
}

/*
 * Back to the state after power-on, with what the PCI core knows of the device kept. For
 * a GPU whose firmware was not ended in order.
 */
static int reset_function(struct nvg_gpu *gpu)
{
	int rc;

	pci_save_state(gpu->pdev);
	rc = __pci_reset_function_locked(gpu->pdev);
	pci_restore_state(gpu->pdev);
	if (rc)
		dev_err(gpu->dev, "reset: %d\n", rc);
	else
		gpu->gsp.started = false;
	return rc;
}

/* HBM's register also says that FSP has started */
static bool links_ready(struct nvg_gpu *gpu)
{
	return nvg_rd32(gpu, NV_C2C_LINK_STATUS) == NV_STATUS_READY &&
	       nvg_rd32(gpu, NV_HBM_TRAINING_STATUS) == NV_STATUS_READY;
}

static int wait_links(struct nvg_gpu *gpu)
{
	bool ready;
	int rc;

	rc = readx_poll_timeout(links_ready, gpu, ready, ready, NVG_LINK_POLL_US, NVG_LINK_US);
	if (rc)
		dev_err(gpu->dev, "C2C and HBM: not ready in 30 s: C2C %#x, HBM %#x\n",
			nvg_rd32(gpu, NV_C2C_LINK_STATUS), nvg_rd32(gpu, NV_HBM_TRAINING_STATUS));
	return rc;
}

/* vGPUs need several VFs, and a GPU that is configured for them */
static int decide_vgpu(struct nvg_gpu *gpu)
{
	bool on = false;
	int rc;

	gpu->vgpu = false;
	if (!vgpu_support || gpu->total_vfs < 2)
		return 0;
	if (gpu->total_vfs > NVG_MAX_VFS) {
		dev_warn(gpu->dev, "vGPUs off: %u VFs, the firmware takes %u\n", gpu->total_vfs,
			 NVG_MAX_VFS);
		return 0;
	}
	rc = nvg_fsp_vgpu_knob(gpu, &on);
	if (rc && rc != -EREMOTEIO) {
		/* FSP may be at it still: a reset comes before the next request */
		gpu->gsp.started = true;
		return rc;
	}
	if (!on)
		dev_info(gpu->dev, "vGPUs off: the GPU is not configured for them\n");
	gpu->vgpu = on;
	return 0;
}

static int wake(struct nvg_gpu *gpu)
{
	int rc;

	if (gpu->gsp.started || nvg_gsp_left_running(gpu)) {
		rc = reset_function(gpu);
		if (rc)
			return rc;
	}
	rc = wait_links(gpu);
	if (rc)
		return rc;
	return decide_vgpu(gpu);
}

static int egm_init(struct nvg_gpu *gpu)
{
	bool present;
	u32 peer;
	int rc;

	gpu->mmu.egm_peer = NVG_NO_EGM_PEER;
	rc = nvg_fw_egm(gpu, &present, &peer);
	if (rc || !present)
		return rc;
	rc = nvg_fw_set_egm_peer(gpu, peer);
	if (rc)
		return rc;
	gpu->mmu.egm_peer = peer;
	return 0;
}

static int static_info_init(struct nvg_gpu *gpu)
{
	return nvg_fw_get_static_info(gpu, &gpu->info);
}

/* What starts once the firmware runs, in this order; it stops in the reverse one */
static const struct {
	const char *name;
	int (*init)(struct nvg_gpu *gpu);
	void (*fini)(struct nvg_gpu *gpu);
} parts[] = {
	{ "static info", static_info_init },
	{ "RM", nvg_rm_init, nvg_rm_fini },
	{ "engines", nvg_engines_init },
	{ "framebuffer", nvg_fb_init, nvg_fb_fini },
	{ "channels", nvg_fifo_init, nvg_fifo_fini },
	{ "MMU faults", nvg_fault_init, nvg_fault_fini },
	{ "framebuffer aperture", nvg_bar1_init, nvg_bar1_fini },
	{ "copy engines", nvg_ces_init, nvg_ces_fini },
	{ "EGM", egm_init },
	{ "first copy", nvg_ce_check },
};

static void stop_parts(struct nvg_gpu *gpu, unsigned int nr)
{
	while (nr--) {
		if (parts[nr].fini)
			parts[nr].fini(gpu);
	}
}

static int start_parts(struct nvg_gpu *gpu)
{
	unsigned int i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		rc = parts[i].init(gpu);
		if (rc) {
			dev_err(gpu->dev, "start: %s: %d\n", parts[i].name, rc);
			stop_parts(gpu, i);
			return rc;
		}
	}
	return 0;
}

static int start_locked(struct nvg_gpu *gpu)
{
	int rc;

	rc = wake(gpu);
	if (rc)
		return rc;
	nvg_intr_reset(gpu);
	rc = nvg_gsp_boot(gpu);
	if (rc)
		return rc;
	rc = start_parts(gpu);
	if (rc)
		goto err_unload;
	/* Not if it was lost meanwhile */
	if (cmpxchg(&gpu->state, NVG_BOOTING, NVG_RUNNING) != NVG_BOOTING) {
		rc = -EIO;
		goto err_stop;
	}
	nvg_gsp_watch(gpu);
	return 0;

err_stop:
	stop_parts(gpu, ARRAY_SIZE(parts));
err_unload:
	nvg_gsp_unload(gpu, false);
	return rc;
}

/*
 * Whoever may call nvg_gpu_lost() without gpu->lock comes to an end first, so that a loss
 * is never taken for one of the next boot
 */
static void set_off(struct nvg_gpu *gpu)
{
	nvg_intr_quiesce(gpu);
	nvg_rpc_flush(gpu);
	WRITE_ONCE(gpu->state, NVG_OFF);
}

/**
 * nvg_gpu_start() - boot the firmware and start all that needs it
 * @gpu: the GPU, stopped; its device is locked
 *
 * Return: 0: the GPU runs. If not, it is stopped as before; the errno is that of the step which
 * failed, whose message is in the log.
 */
static int nvg_gpu_start(struct nvg_gpu *gpu)
{
	int rc;

	down_write(&gpu->lock);
	gpu->epoch++;
	WRITE_ONCE(gpu->state, NVG_BOOTING);
	rc = start_locked(gpu);
	if (rc)
		set_off(gpu);
	up_write(&gpu->lock);
	if (rc)
		return rc;
	/* For nvg_slot_reset(): each restore, and each suspend, uses it up */
	pci_save_state(gpu->pdev);
	dev_info(gpu->dev, "%s, firmware %s, %u MiB, vGPUs %s\n", gpu->info.name, NVG_FW_VERSION,
		 (unsigned int)(gpu->info.fb_length >> 20), gpu->vgpu ? "on" : "off");
	nvg_aux_notify(gpu, NVGRACE_VGPU_EVENT_READY);
	/* If it was lost before this, they have heard of that first */
	if (nvg_gpu_is_lost(gpu))
		nvg_aux_lost(gpu);
	return 0;
}

/**
 * nvg_gpu_stop() - end all that needs the firmware, and the firmware
 * @gpu: the GPU, running, lost or stopped already; its device is locked
 * @suspend: for a sleep of the host; nothing is kept over it
 *
 * A lost firmware is not asked for anything. Afterwards the GPU neither interrupts nor reads or
 * writes host memory.
 */
static void nvg_gpu_stop(struct nvg_gpu *gpu, bool suspend)
{
	if (READ_ONCE(gpu->state) == NVG_OFF)
		return;
	/* A lost GPU's mappings must be left alone before it is reset, too */
	nvg_aux_notify(gpu, NVGRACE_VGPU_EVENT_STOP);
	nvg_gsp_unwatch(gpu);
	guard(rwsem_write)(&gpu->lock);
	cmpxchg(&gpu->state, NVG_RUNNING, NVG_BOOTING);
	stop_parts(gpu, ARRAY_SIZE(parts));
	nvg_gsp_unload(gpu, suspend);
	set_off(gpu);
}

static int check_chip(struct nvg_gpu *gpu)
{
	u32 boot42 = nvg_rd32(gpu, NV_PMC_BOOT_42);

	if (PCI_POSSIBLE_ERROR(boot42) ||
	    FIELD_GET(NV_PMC_BOOT_42_ARCHITECTURE, boot42) != NV_PMC_BOOT_42_ARCHITECTURE_GB100) {
		dev_err(gpu->dev, "not a Blackwell GPU (GB10x): BOOT_42 %#x\n", boot42);
		return -ENODEV;
	}
	return 0;
}

static void give_device(void *dev)
{
	iommufd_mem_device_give(dev);
}

/*
 * The GPU reaches the memory of its socket, which iommufd gives to VMs. It may go on doing
 * so, as this driver answers for what the GPU's functions reach.
 */
static int take_device(struct nvg_gpu *gpu)
{
	int rc;

	rc = iommufd_mem_device_take(gpu->dev);
	return rc ? rc : devm_add_action_or_reset(gpu->dev, give_device, gpu->dev);
}

/* What devm undoes */
static int probe_device(struct nvg_gpu *gpu)
{
	struct pci_dev *pdev = gpu->pdev;
	int rc;

	rc = take_device(gpu);
	if (rc)
		return rc;
	rc = pcim_enable_device(pdev);
	if (rc)
		return rc;
	if (pci_resource_len(pdev, NVG_PCI_BAR_REGS) < SZ_16M)
		return dev_err_probe(gpu->dev, -ENODEV, "BAR 0 is too small for the registers\n");
	gpu->regs = pcim_iomap_region(pdev, NVG_PCI_BAR_REGS, "nvgrace-vgpu");
	if (IS_ERR(gpu->regs))
		return PTR_ERR(gpu->regs);
	rc = dma_set_mask_and_coherent(gpu->dev, DMA_BIT_MASK(NVG_DMA_BITS));
	if (rc)
		return rc;
	dma_set_max_seg_size(gpu->dev, UINT_MAX);
	return check_chip(gpu);
}

/* Likewise: what the parts need before the first start */
static int probe_parts(struct nvg_gpu *gpu)
{
	init_rwsem(&gpu->lock);
	nvg_sriov_init(gpu);
	nvg_fifo_setup(gpu);
	return nvg_mmu_setup(gpu);
}

static int nvg_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct nvg_gpu *gpu;
	int rc;

	gpu = devm_kzalloc(&pdev->dev, sizeof(*gpu), GFP_KERNEL);
	if (!gpu)
		return -ENOMEM;
	gpu->pdev = pdev;
	gpu->dev = &pdev->dev;
	pci_set_drvdata(pdev, gpu);
	rc = probe_device(gpu);
	if (rc)
		return rc;
	rc = probe_parts(gpu);
	if (rc)
		return rc;

	rc = nvg_gsp_init(gpu);
	if (rc)
		return rc;
	rc = nvg_rpc_init(gpu);
	if (rc)
		goto err_gsp;
	nvg_health_init(gpu);
	rc = nvg_intr_init(gpu);
	if (rc)
		goto err_health;
	rc = nvg_gpu_start(gpu);
	if (rc)
		goto err_intr;
	nvg_debugfs_init(gpu);
	rc = nvg_aux_init(gpu);
	if (rc)
		goto err_stop;
	return 0;

err_stop:
	nvg_debugfs_fini(gpu);
	nvg_gpu_stop(gpu, false);
err_intr:
	nvg_intr_fini(gpu);
err_health:
	nvg_health_fini(gpu);
	nvg_rpc_fini(gpu);
err_gsp:
	nvg_gsp_fini(gpu);
	if (gpu->gsp.started)
		reset_function(gpu);
	return rc;
}

static void nvg_remove(struct pci_dev *pdev)
{
	struct nvg_gpu *gpu = pci_get_drvdata(pdev);

	pci_disable_sriov(pdev);
	nvg_aux_fini(gpu);
	nvg_debugfs_fini(gpu);
	nvg_gpu_stop(gpu, false);
	nvg_intr_fini(gpu);
	nvg_health_fini(gpu);
	nvg_rpc_fini(gpu);
	nvg_gsp_fini(gpu);
	/* Whoever binds it next shall not find a firmware that did not end */
	if (gpu->gsp.started)
		reset_function(gpu);
}

/* The DMA of a kernel that is about to be replaced must not go on */
static void nvg_shutdown(struct pci_dev *pdev)
{
	nvg_gpu_stop(pci_get_drvdata(pdev), false);
}

static int nvg_suspend(struct device *dev)
{
	nvg_gpu_stop(dev_get_drvdata(dev), true);
	return 0;
}

static int nvg_resume(struct device *dev)
{
	return nvg_gpu_start(dev_get_drvdata(dev));
}

static DEFINE_SIMPLE_DEV_PM_OPS(nvg_pm_ops, nvg_suspend, nvg_resume);

static void nvg_reset_prepare(struct pci_dev *pdev)
{
	nvg_gpu_stop(pci_get_drvdata(pdev), false);
}

static void start_again(struct nvg_gpu *gpu)
{
	int rc = nvg_gpu_start(gpu);

	if (rc)
		dev_err(gpu->dev, "not working after the reset: %d\n", rc);
}

static void nvg_reset_done(struct pci_dev *pdev)
{
	struct nvg_gpu *gpu = pci_get_drvdata(pdev);

	gpu->gsp.started = false;
	start_again(gpu);
}

/* It is stopped while it still has its state, so that nobody finds it reset and in use */
static pci_ers_result_t end_for_reset(struct nvg_gpu *gpu, const char *why)
{
	nvg_gpu_lost(gpu, why);
	nvg_gpu_stop(gpu, false);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t nvg_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct nvg_gpu *gpu = pci_get_drvdata(pdev);

	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		return end_for_reset(gpu, "fatal PCIe error");
	default:
		end_for_reset(gpu, "the device is gone");
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

/* The link works, and was not reset: does the GPU? */
static pci_ers_result_t nvg_mmio_enabled(struct pci_dev *pdev)
{
	struct nvg_gpu *gpu = pci_get_drvdata(pdev);

	if (check_chip(gpu))
		return end_for_reset(gpu, "no register can be read after a PCIe error");
	return PCI_ERS_RESULT_RECOVERED;
}

static pci_ers_result_t nvg_slot_reset(struct pci_dev *pdev)
{
	struct nvg_gpu *gpu = pci_get_drvdata(pdev);

	/* Another device on the bus can have asked for it */
	end_for_reset(gpu, "reset after a PCIe error");
	gpu->gsp.started = false;
	pci_restore_state(pdev);
	return check_chip(gpu) ? PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_RECOVERED;
}

static void nvg_error_resume(struct pci_dev *pdev)
{
	struct nvg_gpu *gpu = pci_get_drvdata(pdev);

	if (READ_ONCE(gpu->state) == NVG_OFF)
		start_again(gpu);
}

static const struct pci_error_handlers nvg_error_handlers = {
	.error_detected = nvg_error_detected,
	.mmio_enabled = nvg_mmio_enabled,
	.slot_reset = nvg_slot_reset,
	.reset_prepare = nvg_reset_prepare,
	.reset_done = nvg_reset_done,
	.resume = nvg_error_resume,
};

static const struct pci_device_id nvg_ids[] = {
	{ PCI_DEVICE(NVG_PCI_VENDOR, NVG_PCI_PF) },
	{ }
};
MODULE_DEVICE_TABLE(pci, nvg_ids);

static struct pci_driver nvg_driver = {
	.name = "nvgrace-vgpu",
	.id_table = nvg_ids,
	.probe = nvg_probe,
	.remove = nvg_remove,
	.shutdown = nvg_shutdown,
	.sriov_configure = nvg_sriov_configure,
	.err_handler = &nvg_error_handlers,
	.driver.pm = pm_sleep_ptr(&nvg_pm_ops),
	/* See take_device() */
	.driver_managed_dma = true,
};

static int __init nvg_module_init(void)
{
	int rc;

	nvg_debugfs_module_init();
	rc = pci_register_driver(&nvg_driver);
	if (rc)
		nvg_debugfs_module_fini();
	return rc;
}
module_init(nvg_module_init);

static void __exit nvg_module_exit(void)
{
	pci_unregister_driver(&nvg_driver);
	nvg_debugfs_module_fini();
}
module_exit(nvg_module_exit);

MODULE_IMPORT_NS("IOMMUFD");
MODULE_DESCRIPTION("Core driver of NVIDIA Blackwell GPUs for vGPUs");
MODULE_LICENSE("GPL");
