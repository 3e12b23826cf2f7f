// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of the core driver fails once: in probe, until a channel has made its
 * first copy; and in a copy with a context of its own, from begin to end. That then fails
 * with ENOMEM, or what others make of it, or does without; it leaves nothing behind, and the
 * next one succeeds. Needs a kernel with fault injection (the debug flavour).
 *
 * Not here, for Linux 7.3 does not survive it: VFs, for which only the PCI core allocates
 * (it warns of a device_add() that fails, and then trips over it); and what the core of the
 * interrupts needs of its own (see SPARED).
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdarg.h>

#include "fault.h"
#include "leftovers.h"
#include "memtest.h"
#include "vgpu.h"

#define MOST_ALLOCATIONS	5000
#define SLACK			400

/*
 * kernel/irq/irqdomain.c and proc.c: irq_domain_set_mapping() does not look whether
 * radix_tree_insert() had memory, so that the interrupt is an unexpected one, and
 * unregister_irq_proc() warns of entries that register_irq_proc() could not make
 */
#define SPARED			"irq_domain_set_mapping", "unregister_irq_proc"

FIXTURE(vgpu_fail_nth)
{
	struct vgpu v;
	int fail_nth;		/* /proc/self/fail-nth */
	uint32_t errors;
};

FIXTURE_SETUP(vgpu_fail_nth)
{
	int ret = vgpu_open(&self->v);

	self->fail_nth = -1;
	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	self->fail_nth = fault_open();
	if (self->fail_nth < 0)
		SKIP(return, "this kernel has no fault injection");
	ASSERT_EQ(0, fault_spare(SPARED));
	vgpu_calm(&self->v);
	if (!vgpu_is_bound(&self->v)) {
		ASSERT_EQ(0, vgpu_bind(&self->v));
	}
	ASSERT_EQ(0, vgpu_load_test_module());
	self->errors = vgpu_driver_errors(&self->v);
}

FIXTURE_TEARDOWN(vgpu_fail_nth)
{
	if (self->fail_nth < 0)
		return;
	close(self->fail_nth);
	EXPECT_EQ(0, fault_spare(NULL, NULL));
	EXPECT_EQ(self->errors, vgpu_driver_errors(&self->v));
	vgpu_unbind(&self->v);
	EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
	EXPECT_EQ(0, vgpu_rmmod(VGPU_TEST));
	vgpu_close(&self->v);
}

/* A file that is open already, so that only what a write of it does can fail */
struct deed {
	const char *text;
	int fd;
};

static int deed_open(struct deed *deed, const char *text, const char *path, ...)
{
	char name[256];
	va_list args;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);
	deed->text = text;
	deed->fd = open(name, O_WRONLY | O_CLOEXEC);
	return deed->fd < 0 ? -errno : 0;
}

static int deed_do(struct deed *deed)
{
	return pwrite(deed->fd, deed->text, strlen(deed->text), 0) < 0 ? -errno : 0;
}

/* ENOMEM in the words of others: gpu_buddy and MSI-X, MSI-X, mappings of a BAR */
static const int others[] = { ENOSPC, ENODEV, EBUSY, EINVAL, 0 };
static const int gpu_buddy[] = { ENOSPC, 0 };

static bool is_one_of(int ret, const int *errors)
{
	for (; *errors; errors++)
		if (ret == -*errors)
			return true;
	return false;
}

/*
 * Does it again and again, each time with another allocation that fails, until none does.
 * Between them @undo is called, with what came of it: 0, ENOMEM or one of @errors
 */
static void survive(struct __test_metadata *_metadata, FIXTURE_DATA(vgpu_fail_nth) *self,
		    struct deed *deed, const int *errors,
		    void (*undo)(struct __test_metadata *_metadata, struct vgpu *v, int ret))
{
	static struct slabs before;
	uint64_t start, since = 0;
	int nth, ret, refused = 0;
	bool failed = true;

	/* The first fills caches */
	ASSERT_EQ(0, deed_do(deed));
	undo(_metadata, &self->v, 0);
	slabs_count(&before);
	start = vgpu_ms();
	for (nth = 1; failed && nth < MOST_ALLOCATIONS; nth++) {
		ASSERT_EQ(0, fault_arm(self->fail_nth, nth));
		since -= vgpu_ms();
		ret = deed_do(deed);
		since += vgpu_ms();
		failed = fault_disarm(self->fail_nth);
		if (ret) {
			EXPECT_TRUE(ret == -ENOMEM || is_one_of(ret, errors)) {
				TH_LOG("allocation %d: %d", nth, ret);
			}
			ASSERT_TRUE(failed);
			refused++;
		}
		undo(_metadata, &self->v, ret);
	}
	EXPECT_FALSE(failed);
	EXPECT_LT(0, refused);
	TH_LOG("%d allocations, without %d of which it cannot be; %llu s, %llu s of which it took",
	       nth - 2, refused, (unsigned long long)(vgpu_ms() - start) / 1000,
	       (unsigned long long)since / 1000);
	EXPECT_TRUE(slabs_shrink_to(&before, SLACK));
}

static void undo_probe(struct __test_metadata *_metadata, struct vgpu *v, int ret)
{
	char text[16];

	ASSERT_EQ(!ret, vgpu_is_bound(v));
	if (ret)
		return;
	/* It does without debugfs */
	if (*vgpu_state(v, text, sizeof(text))) {
		ASSERT_STREQ("running", text);
	}
	ASSERT_EQ(0, vgpu_unbind(v));
}

TEST_F_TIMEOUT(vgpu_fail_nth, probe_survives_each_failed_allocation, 900)
{
	struct deed probe;

	ASSERT_EQ(0, vgpu_unbind(&self->v));
	ASSERT_EQ(0, deed_open(&probe, self->v.pf, VGPU_PCI "/drivers/" VGPU_DRIVER "/bind"));
	survive(_metadata, self, &probe, others, undo_probe);
	close(probe.fd);
}

static void undo_nothing(struct __test_metadata *_metadata, struct vgpu *v, int ret)
{
	char text[16];

	(void)ret;
	ASSERT_STREQ("running", vgpu_state(v, text, sizeof(text)));
}

TEST_F_TIMEOUT(vgpu_fail_nth, a_copy_survives_each_failed_allocation, 300)
{
	struct deed copy;

	ASSERT_EQ(0, deed_open(&copy, "1", "/sys/kernel/debug/" VGPU_TEST "/copy"));
	survive(_metadata, self, &copy, gpu_buddy, undo_nothing);
	close(copy.fd);
}

TEST_HARNESS_MAIN
