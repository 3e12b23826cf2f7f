// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of the core driver fails once: in probe, until a channel has made its
 * first copy; in a copy with a context of its own, from begin to end; when VFs are
 * enabled. That then fails, or does without; it leaves nothing behind, and the
 * next one succeeds. Needs a kernel with fault injection (the debug flavour).
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdarg.h>

#include "fault.h"
#include "leftovers.h"
#include "memtest.h"
#include "vgpu.h"

#define MOST_ALLOCATIONS	5000
#define VFS			2
#define SLACK			400

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
	EXPECT_EQ(self->errors, vgpu_driver_errors(&self->v));
	if (!vgpu_is_bound(&self->v)) {
		EXPECT_EQ(0, vgpu_bind(&self->v));
	}
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
	vgpu_set_vfs(&self->v, 0);
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

/*
 * Does it again and again, each time with another allocation that fails, until none does.
 * Between them @undo is called, with what came of it
 */
static void survive(struct __test_metadata *_metadata, FIXTURE_DATA(vgpu_fail_nth) *self,
		    struct deed *deed,
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
			/* Not always ENOMEM: the PCI core has many words for it */
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
	/* The driver can do without debugfs */
	if (*vgpu_state(v, text, sizeof(text)))
		ASSERT_TRUE(vgpu_becomes(v, "running"));
	ASSERT_EQ(0, vgpu_unbind(v));
}

TEST_F_TIMEOUT(vgpu_fail_nth, probe_survives_each_failed_allocation, 900)
{
	struct deed probe;

	ASSERT_EQ(0, vgpu_unbind(&self->v));
	ASSERT_EQ(0, deed_open(&probe, self->v.pf, VGPU_PCI "/drivers/" VGPU_DRIVER "/bind"));
	survive(_metadata, self, &probe, undo_probe);
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
	survive(_metadata, self, &copy, undo_nothing);
	close(copy.fd);
}

static void undo_vfs(struct __test_metadata *_metadata, struct vgpu *v, int ret)
{
	uint64_t nr = memtest_number(VGPU_PCI "/devices/%s/sriov_numvfs", v->pf);

	ASSERT_EQ(ret ? 0 : VFS, nr);
	if (!ret) {
		ASSERT_EQ(0, vgpu_set_vfs(v, 0));
	}
}

TEST_F_TIMEOUT(vgpu_fail_nth, enabling_vfs_survives_each_failed_allocation, 300)
{
	struct deed enable;
	char text[8];

	snprintf(text, sizeof(text), "%u", VFS);
	ASSERT_EQ(0, deed_open(&enable, text, VGPU_PCI "/devices/%s/sriov_numvfs", self->v.pf));
	survive(_metadata, self, &enable, undo_vfs);
	close(enable.fd);
}

TEST_HARNESS_MAIN
