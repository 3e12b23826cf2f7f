// SPDX-License-Identifier: GPL-2.0
/*
 * The firmware is told at boot where the VFs' BARs are, so that it can set up what
 * is behind them; VFs are enabled only while it runs with vGPUs enabled. What a VF
 * is given, and by whom, is not here: stock vfio-pci binds it as it comes.
 */
#include "gpu.h"

/* The PCI core's resource holds the BARs of all @total VFs, one after the other */
static void read_vf_bar(struct pci_dev *pdev, unsigned int index, int total,
			struct nvg_vf_bar *bar)
{
	struct resource *res = pci_resource_n(pdev, PCI_IOV_RESOURCES + index);
	resource_size_t size = pci_resource_len(pdev, PCI_IOV_RESOURCES + index);

	*bar = (struct nvg_vf_bar){};
	/* Not resource_size(), which is 1 where there is nothing */
	if (!size || res->flags & IORESOURCE_UNSET)
		return;
	bar->addr = pci_bus_address(pdev, PCI_IOV_RESOURCES + index);
	bar->size = size / total;
	bar->is_64bit = res->flags & IORESOURCE_MEM_64;
}

/**
 * nvg_sriov_init() - see how many VFs there can be, and where
 * @gpu: the GPU; without SR-IOV, or without space for the VFs, its total_vfs becomes 0
 */
void nvg_sriov_init(struct nvg_gpu *gpu)
{
	static const unsigned int index[NVG_VF_BARS] = { 0, 2, 4 };
	int cap = pci_find_ext_capability(gpu->pdev, PCI_EXT_CAP_ID_SRIOV);
	int total = pci_sriov_get_totalvfs(gpu->pdev);
	int i;

	gpu->total_vfs = 0;
	if (!cap || total <= 0)
		return;
	if (pci_read_config_word(gpu->pdev, cap + PCI_SRIOV_VF_OFFSET, &gpu->sriov.first_vf))
		return;
	for (i = 0; i < NVG_VF_BARS; i++)
		read_vf_bar(gpu->pdev, index[i], total, &gpu->sriov.bar[i]);
	if (!gpu->sriov.bar[0].size) {
		dev_warn(gpu->dev, "SR-IOV: the VFs' BARs have no addresses\n");
		return;
	}
	gpu->total_vfs = total;
}

static int check_running(struct nvg_gpu *gpu)
{
	guard(rwsem_read)(&gpu->lock);
	if (gpu->state != NVG_RUNNING) {
		dev_err(gpu->dev, "SR-IOV: the firmware does not run\n");
		return -EIO;
	}
	if (!gpu->vgpu) {
		dev_err(gpu->dev, "SR-IOV: the firmware runs without vGPUs\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * nvg_sriov_configure() - enable or disable VFs (sriov_numvfs in sysfs)
 * @pdev: the PF
 * @num_vfs: how many VFs there shall be; 0: none
 *
 * Return: @num_vfs; -EIO when the firmware does not run, -EOPNOTSUPP when it runs without
 * vGPUs, or what pci_enable_sriov() returns.
 */
int nvg_sriov_configure(struct pci_dev *pdev, int num_vfs)
{
	struct nvg_gpu *gpu = pci_get_drvdata(pdev);
	int rc;

	if (!num_vfs) {
		pci_disable_sriov(pdev);
		return 0;
	}
	/* Not locked any more when the VFs' drivers probe: those take it themselves */
	rc = check_running(gpu);
	if (rc)
		return rc;
	rc = pci_enable_sriov(pdev, num_vfs);
	return rc ? rc : num_vfs;
}
