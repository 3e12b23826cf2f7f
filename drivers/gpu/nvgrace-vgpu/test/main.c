// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the core driver on a real device: an auxiliary driver that binds the first
 * GPU there is, and KUnit suites that use it through include/linux/nvgrace_vgpu.h
 * alone, but for those of the firmware's messages (rm*.c), which call the inside of the core
 * driver. They run when the module is loaded, and again by KUnit's debugfs. Files of its
 * own in debugfs measure (bench.c), and let tests from outside use the GPU (trip.c, heap.c,
 * load.c), or say what it told (event.c). While the module is there, the host can go to sleep
 * as far as the GPU only (sleep.c).
 *
 * Not tested here: what needs trouble that only the device model can make, and boots,
 * resets and unbinds, which happen to the driver from outside.
 */
#include <linux/auxiliary_bus.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/property.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "test.h"

static struct nvgt_gpu nvgt_the_gpu;

static DEFINE_SPINLOCK(nvgt_users_lock);
static unsigned int nvgt_users;
static DECLARE_WAIT_QUEUE_HEAD(nvgt_unused);

struct nvgt_gpu *nvgt_gpu_get(void)
{
	guard(spinlock)(&nvgt_users_lock);
	if (!nvgt_the_gpu.vgpu || nvgt_the_gpu.leaving)
		return NULL;
	nvgt_users++;
	return &nvgt_the_gpu;
}

void nvgt_gpu_put(struct nvgt_gpu *gpu)
{
	guard(spinlock)(&nvgt_users_lock);
	if (!--nvgt_users)
		wake_up_all(&nvgt_unused);
}

struct nvgt_gpu *nvgt_gpu(struct kunit *test)
{
	struct nvgt_test *priv = test->priv;

	return priv->gpu;
}

KUNIT_DEFINE_ACTION_WRAPPER(nvgt_put_action, nvgt_gpu_put, struct nvgt_gpu *);

int nvgt_test_init(struct kunit *test)
{
	struct nvgt_test *priv = kunit_kzalloc(test, sizeof(*priv), GFP_KERNEL);

	if (!priv)
		return -ENOMEM;
	test->priv = priv;
	priv->gpu = nvgt_gpu_get();
	if (!priv->gpu)
		kunit_skip(test, "no GPU");
	/* The first action is the last one that is done */
	return kunit_add_action_or_reset(test, nvgt_put_action, priv->gpu);
}

static int nvgt_probe(struct auxiliary_device *auxdev, const struct auxiliary_device_id *id)
{
	struct nvgt_gpu gpu = { .vgpu = nvgrace_vgpu_from_auxdev(auxdev) };
	int ret;

	if (nvgt_the_gpu.vgpu)
		return -EBUSY;
	ret = nvgrace_vgpu_get_info(gpu.vgpu, &gpu.info);
	if (ret)
		return ret;
	if (device_property_read_u64(gpu.info.dma_dev, "nvidia,egm-base-pa", &gpu.egm_base))
		gpu.egm_base = 0;
	ret = nvgt_awake_begin(&gpu);
	if (ret)
		return ret;
	scoped_guard(spinlock, &nvgt_users_lock)
		nvgt_the_gpu = gpu;
	auxiliary_set_drvdata(auxdev, &nvgt_the_gpu);
	nvgt_events_begin(gpu.vgpu);
	return 0;
}

static bool nvgt_is_unused(void)
{
	guard(spinlock)(&nvgt_users_lock);
	return !nvgt_users;
}

/* All that was had from the GPU must be given back when this returns */
static void nvgt_remove(struct auxiliary_device *auxdev)
{
	scoped_guard(spinlock, &nvgt_users_lock)
		nvgt_the_gpu.leaving = true;
	wait_event(nvgt_unused, nvgt_is_unused());
	nvgt_events_end(nvgt_the_gpu.vgpu);
	nvgt_awake_end();
	nvgt_the_gpu.vgpu = NULL;
}

static const struct auxiliary_device_id nvgt_ids[] = {
	{ .name = NVGRACE_VGPU_AUX_VGPU },
	{ }
};
MODULE_DEVICE_TABLE(auxiliary, nvgt_ids);

static struct auxiliary_driver nvgt_driver = {
	.name = "test",
	.probe = nvgt_probe,
	.remove = nvgt_remove,
	.id_table = nvgt_ids,
};

KUNIT_DEFINE_ACTION_WRAPPER(nvgt_ce_action, nvgrace_vgpu_ce_destroy, struct nvgrace_vgpu_ce *);

struct nvgrace_vgpu_ce *nvgt_ce(struct kunit *test, int engine, int chid)
{
	struct nvgrace_vgpu_ce_config config = { .engine = engine, .chid = chid };
	struct nvgrace_vgpu_ce *ce;

	ce = nvgrace_vgpu_ce_create(nvgt_gpu(test)->vgpu, &config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ce);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_ce_action, ce), 0);
	return ce;
}

void nvgt_ce_destroy(struct kunit *test, struct nvgrace_vgpu_ce *ce)
{
	kunit_release_action(test, nvgt_ce_action, ce);
}

kunit_test_suites(&nvgt_rm_suite, &nvgt_rm_object_suite, &nvgt_rm_control_suite,
		  &nvgt_rm_channel_suite, &nvgt_resource_suite, &nvgt_copy_suite,
		  &nvgt_context_suite);

static struct dentry *nvgt_dir;

static int __init nvgt_init(void)
{
	int ret;

	ret = nvgt_awake_init();
	if (ret)
		return ret;
	ret = auxiliary_driver_register(&nvgt_driver);
	if (ret) {
		nvgt_awake_exit();
		return ret;
	}
	nvgt_dir = debugfs_create_dir("nvgrace-vgpu-test", NULL);
	nvgt_bench_files(nvgt_dir);
	nvgt_event_files(nvgt_dir);
	nvgt_trip_files(nvgt_dir);
	nvgt_heap_files(nvgt_dir);
	nvgt_load_files(nvgt_dir);
	return 0;
}
module_init(nvgt_init);

static void __exit nvgt_exit(void)
{
	debugfs_remove(nvgt_dir);
	nvgt_load_exit();
	auxiliary_driver_unregister(&nvgt_driver);
	nvgt_awake_exit();
}
module_exit(nvgt_exit);

MODULE_IMPORT_NS("NVGRACE_VGPU");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Tests of nvgrace-vgpu");
MODULE_LICENSE("GPL");
