// SPDX-License-Identifier: GPL-2.0
/*
 * A device that does not let the host sleep: when it is asked to suspend, the GPU, its
 * consumer, is suspended already, and is resumed at once. So a test of the GPU's sleep does
 * not depend on all other devices of the machine (and QEMU's virtio console, for one, is
 * dumb after a resume). For that, devices must be suspended one after the other:
 * /sys/power/pm_async.
 */
#include <linux/device.h>
#include <linux/platform_device.h>
#include <linux/pm.h>

#include "test.h"

static struct platform_device *nvgt_awake;
static struct device_link *nvgt_awake_link;

static int nvgt_awake_suspend(struct device *dev)
{
	return -EBUSY;
}

static DEFINE_SIMPLE_DEV_PM_OPS(nvgt_awake_ops, nvgt_awake_suspend, NULL);

static int nvgt_awake_probe(struct platform_device *pdev)
{
	return 0;
}

static struct platform_driver nvgt_awake_driver = {
	.driver = {
		.name = "nvgt-awake",
		.pm = pm_sleep_ptr(&nvgt_awake_ops),
	},
};

int nvgt_awake_init(void)
{
	nvgt_awake = platform_create_bundle(&nvgt_awake_driver, nvgt_awake_probe, NULL, 0, NULL, 0);
	return PTR_ERR_OR_ZERO(nvgt_awake);
}

void nvgt_awake_exit(void)
{
	platform_device_unregister(nvgt_awake);
	platform_driver_unregister(&nvgt_awake_driver);
}

int nvgt_awake_begin(struct nvgt_gpu *gpu)
{
	nvgt_awake_link = device_link_add(gpu->info.dma_dev, &nvgt_awake->dev, DL_FLAG_STATELESS);
	return nvgt_awake_link ? 0 : -ENOMEM;
}

void nvgt_awake_end(void)
{
	device_link_del(nvgt_awake_link);
}
