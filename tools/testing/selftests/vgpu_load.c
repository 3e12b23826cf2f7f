// SPDX-License-Identifier: GPL-2.0
/*
 * What can be done to a GPU while 64 contexts are at work on all its copy engines: each
 * time its users end, with an error that says why, or are not disturbed at all, and the
 * GPU works again. Trouble that the GPU itself makes: vgpu_trouble.c.
 */
#include "kselftest_harness.h"

#include "leftovers.h"
#include "memtest.h"
#include "vgpu.h"

#define LOAD		64
#define ROUNDS		10
#define ROUNDS_LOCKDEP	3	/* each takes ten times as long */
#define VFS		8
#define BOUND		60	/* seconds, after which nobody is waited for any more */
/*
 * Objects that slab caches may have more, as other CPUs keep some, and the IOMMU's IOVAs: an
 * object that each context leaves would be more
 */
#define SLACK		400

FIXTURE(vgpu_load)
{
	struct vgpu v;
	uint32_t errors;
};

FIXTURE_VARIANT(vgpu_load)
{
	int (*happens)(struct vgpu *v);
	int (*undo)(struct vgpu *v);	/* what it leaves, or NULL */
	bool boots;			/* the GPU's driver stays, and boots it again */
	const char *reset_method;	/* or NULL */
	int worker;			/* how each context ends, 0: it goes on */
	bool at_once;			/* while the contexts are made still */
};

static int set_vfs_and_none(struct vgpu *v)
{
	int ret = vgpu_set_vfs(v, VFS);

	return ret ? ret : vgpu_set_vfs(v, 0);
}

static int unload(struct vgpu *v)
{
	int ret;

	/* The driver is in use, so first who uses it */
	ret = vgpu_rmmod(VGPU_DRIVER) == -EWOULDBLOCK ? vgpu_rmmod(VGPU_TEST) : -EPROTO;
	if (!ret)
		ret = vgpu_rmmod(VGPU_DRIVER);
	return ret ? ret : vgpu_is_bound(v) ? -EBUSY : 0;
}

static int reload(struct vgpu *v)
{
	int ret = vgpu_insmod(VGPU_DRIVER, "");

	if (!ret && !vgpu_is_bound(v))
		ret = -ENODEV;
	return ret ? ret : vgpu_load_test_module();
}

FIXTURE_VARIANT_ADD(vgpu_load, function_reset)
{
	.happens = vgpu_reset, .boots = true, .reset_method = "flr", .worker = -EIO,
};

FIXTURE_VARIANT_ADD(vgpu_load, bus_reset)
{
	.happens = vgpu_reset, .boots = true, .reset_method = "bus", .worker = -EIO,
};

FIXTURE_VARIANT_ADD(vgpu_load, function_reset_while_contexts_are_made)
{
	.happens = vgpu_reset, .boots = true, .reset_method = "flr", .worker = -EIO,
	.at_once = true,
};

FIXTURE_VARIANT_ADD(vgpu_load, sleep)
{
	.happens = vgpu_sleep, .boots = true, .worker = -EIO,
};

FIXTURE_VARIANT_ADD(vgpu_load, unbind)
{
	.happens = vgpu_unbind, .undo = vgpu_bind, .worker = -ENODEV,
};

FIXTURE_VARIANT_ADD(vgpu_load, unbind_while_contexts_are_made)
{
	.happens = vgpu_unbind, .undo = vgpu_bind, .worker = -ENODEV, .at_once = true,
};

FIXTURE_VARIANT_ADD(vgpu_load, unload)
{
	.happens = unload, .undo = reload,
};

FIXTURE_VARIANT_ADD(vgpu_load, vfs_come_and_go)
{
	.happens = set_vfs_and_none,
};

FIXTURE_SETUP(vgpu_load)
{
	int ret = vgpu_open_running(&self->v);

	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, vgpu_load_test_module());
	self->errors = vgpu_driver_errors(&self->v);
}

FIXTURE_TEARDOWN(vgpu_load)
{
	if (!self->v.window)
		return;
	EXPECT_EQ(self->errors, vgpu_driver_errors(&self->v));
	vgpu_reset_method(&self->v, "default");
	vgpu_load(0);
	vgpu_rmmod(VGPU_TEST);
	vgpu_insmod(VGPU_DRIVER, "");
	vgpu_close(&self->v);
}

/* Some may have come too early to be told anything else than that the GPU is gone, or too late */
static void expect_ended(struct __test_metadata *_metadata, const struct vgpu_load *load,
			 int worker, bool at_once)
{
	EXPECT_EQ(LOAD, load->ended);
	if (at_once) {
		EXPECT_EQ(LOAD, load->by[EIO] + load->by[ENODEV] + load->by[0]);
	} else {
		EXPECT_EQ(LOAD, load->by[-worker]);
	}
}

static void survive(struct __test_metadata *_metadata, struct vgpu *v,
		    const FIXTURE_VARIANT(vgpu_load) *what, unsigned int round)
{
	struct vgpu_load load;

	ASSERT_EQ(0, vgpu_load(LOAD));
	if (!what->at_once)
		ASSERT_TRUE(vgpu_load_runs(LOAD));
	ASSERT_EQ(0, what->happens(v));
	if (what->worker) {
		/* Who has come after the boot works until it is told to end */
		if (what->at_once && what->boots)
			ASSERT_EQ(0, vgpu_load(0));
		ASSERT_TRUE(vgpu_load_ends(&load, BOUND));
		expect_ended(_metadata, &load, what->worker, what->at_once);
	}
	if (what->undo)
		ASSERT_EQ(0, what->undo(v));
	if (!what->worker && !what->undo) {
		ASSERT_TRUE(vgpu_load_runs(LOAD));
		ASSERT_EQ(0, vgpu_load(0));
		ASSERT_EQ(0, vgpu_load_read(&load));
		EXPECT_EQ(LOAD, load.by[0]);
	}
	ASSERT_TRUE(vgpu_becomes(v, "running"));
	ASSERT_EQ(0, vgpu_copy());
	/* Who uses the GPU was told. What unbinds it tells by the driver's remove() */
	EXPECT_EQ(what->boots ? round : 0, vgpu_events("stop"));
	EXPECT_EQ(what->boots ? round : 0, vgpu_events("ready"));
	EXPECT_EQ(0, vgpu_events("lost"));
}

TEST_F_TIMEOUT(vgpu_load, of_64_contexts_is_survived_again_and_again, 900)
{
	const int rounds = access("/proc/lockdep", F_OK) ? ROUNDS : ROUNDS_LOCKDEP;
	static struct slabs before;
	int i;

	if (variant->reset_method &&
	    vgpu_reset_method(&self->v, variant->reset_method))
		SKIP(return, "no reset of this kind");
	if (variant->happens == vgpu_sleep && access("/sys/power/state", F_OK))
		SKIP(return, "this kernel cannot suspend (CONFIG_SUSPEND)");
	for (i = 0; i < rounds; i++) {
		/* The first round fills caches */
		if (i == 1)
			slabs_count(&before);
		survive(_metadata, &self->v, variant, i + 1);
	}
	EXPECT_TRUE(slabs_shrink_to(&before, SLACK));
}

TEST_HARNESS_MAIN
