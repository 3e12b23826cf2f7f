// SPDX-License-Identifier: GPL-2.0
/*
 * How the GPU's firmware starts and ends under the core driver: again and again, with each
 * trouble on the way, by unbind, by reset, by PCI error, and while the host sleeps. Each
 * trouble leaves a driver that works, or one that is dead and can be removed.
 */
#include "kselftest_harness.h"

#include <glob.h>
#include <limits.h>

#include <nvgrace-gpu-regs.h>

#include "leftovers.h"
#include "memtest.h"
#include "vgpu.h"

#define PROBES		50
#define RESETS		10
/* Objects that slab caches may have more, as other CPUs keep some */
#define SLACK		200

FIXTURE(vgpu_boot)
{
	struct vgpu v;
	uint32_t errors;
};

FIXTURE_SETUP(vgpu_boot)
{
	int ret = vgpu_open_running(&self->v);

	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	self->errors = vgpu_driver_errors(&self->v);
}

/* Whatever happened, the driver kept to the rules, and starts again */
FIXTURE_TEARDOWN(vgpu_boot)
{
	if (!self->v.window)
		return;
	EXPECT_EQ(self->errors, vgpu_driver_errors(&self->v));
	vgpu_calm(&self->v);
	vgpu_write(&self->v, NVGRACE_TROUBLE_VGPU_KNOB, 1);
	vgpu_unbind(&self->v);
	EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
	vgpu_close(&self->v);
}

TEST_F(vgpu_boot, the_model_counts_no_error_of_the_driver)
{
	EXPECT_EQ(NVGRACE_TROUBLE_MAGIC_VALUE,
		  vgpu_read(&self->v, NVGRACE_TROUBLE_MAGIC));
	EXPECT_EQ(0, self->errors);
}

TEST_F_TIMEOUT(vgpu_boot, unbound_and_probed_50_times, 180)
{
	static struct slabs before;
	int i;

	for (i = 0; i < PROBES; i++) {
		ASSERT_EQ(0, vgpu_unbind(&self->v));
		ASSERT_FALSE(vgpu_is_bound(&self->v));
		/* The first round fills caches */
		if (i == 1)
			slabs_count(&before);
		ASSERT_EQ(0, vgpu_bind(&self->v));
		ASSERT_TRUE(vgpu_becomes(&self->v, "running"));
	}
	ASSERT_EQ(0, vgpu_unbind(&self->v));
	EXPECT_TRUE(slabs_shrink_to(&before, SLACK));
}

TEST_F_TIMEOUT(vgpu_boot, reset_by_sysfs_starts_the_firmware_again, 120)
{
	int i;

	for (i = 0; i < RESETS; i++) {
		ASSERT_EQ(0, vgpu_reset(&self->v));
		ASSERT_TRUE(vgpu_becomes(&self->v, "running"));
	}
}

TEST_F(vgpu_boot, a_reset_without_the_driver_leaves_a_gpu_that_boots)
{
	ASSERT_EQ(0, vgpu_unbind(&self->v));
	ASSERT_EQ(0, vgpu_reset(&self->v));
	EXPECT_EQ(0, vgpu_bind(&self->v));
}

/* Auxiliary devices @name of the PF */
static int aux_devices(struct vgpu *v, const char *name)
{
	char path[PATH_MAX], parent[64];
	glob_t found;
	int n = 0;
	size_t i;

	snprintf(parent, sizeof(parent), "/%s/nvgrace_vgpu.", v->pf);
	snprintf(path, sizeof(path), "/sys/bus/auxiliary/devices/nvgrace_vgpu.%s.*", name);
	if (glob(path, 0, NULL, &found))
		return 0;
	for (i = 0; i < found.gl_pathc; i++)
		n += realpath(found.gl_pathv[i], path) && strstr(path, parent);
	globfree(&found);
	return n;
}

TEST_F(vgpu_boot, auxiliary_devices_come_and_go_with_the_driver)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, aux_devices(&self->v, "vgpu"));
		EXPECT_EQ(1, aux_devices(&self->v, "fwctl"));
		ASSERT_EQ(0, vgpu_unbind(&self->v));
		EXPECT_EQ(0, aux_devices(&self->v, "vgpu"));
		EXPECT_EQ(0, aux_devices(&self->v, "fwctl"));
		ASSERT_EQ(0, vgpu_bind(&self->v));
	}
}

/* A crash leaves a driver that is dead, says so, and can be removed */
TEST_F(vgpu_boot, a_crash_of_the_firmware_is_noticed_and_the_driver_can_leave)
{
	vgpu_inject(&self->v, NVGRACE_INJECT_CRASH, 0);
	EXPECT_TRUE(vgpu_becomes(&self->v, "lost"));
	EXPECT_EQ(0, vgpu_unbind(&self->v));
	EXPECT_FALSE(vgpu_is_bound(&self->v));
}

TEST_F(vgpu_boot, a_reset_after_a_crash_restores_service)
{
	vgpu_inject(&self->v, NVGRACE_INJECT_CRASH, 0);
	EXPECT_TRUE(vgpu_becomes(&self->v, "lost"));
	EXPECT_EQ(0, vgpu_reset(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
}

/* Also the second one, and one after a reset that was asked for */
TEST_F_TIMEOUT(vgpu_boot, a_fatal_pci_error_ends_in_a_reset_that_restores_service, 60)
{
	uint64_t epoch;
	int i;

	for (i = 0; i < 3; i++) {
		if (i == 2)
			ASSERT_EQ(0, vgpu_reset(&self->v));
		epoch = vgpu_count(&self->v, "state", "epoch");
		vgpu_inject(&self->v, NVGRACE_INJECT_PCIE_FATAL, 0);
		ASSERT_TRUE(vgpu_boots_again(&self->v, epoch));
		EXPECT_EQ(epoch + 1, vgpu_count(&self->v, "state", "epoch"));
	}
}

TEST_F(vgpu_boot, a_pci_error_that_is_not_fatal_disturbs_nobody)
{
	uint64_t epoch = vgpu_count(&self->v, "state", "epoch");
	uint64_t errors = vgpu_pci_errors(&self->v, "nonfatal");
	uint64_t end = vgpu_ms() + 10000;

	vgpu_inject(&self->v, NVGRACE_INJECT_PCIE_NONFATAL, 0);
	while (vgpu_pci_errors(&self->v, "nonfatal") == errors && vgpu_ms() < end)
		usleep(10000);
	EXPECT_EQ(errors + 1, vgpu_pci_errors(&self->v, "nonfatal"));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
	EXPECT_EQ(epoch, vgpu_count(&self->v, "state", "epoch"));
}

TEST_F_TIMEOUT(vgpu_boot, interrupts_without_cause_are_endured, 60)
{
	ASSERT_EQ(0, vgpu_log_mark(&self->v));
	vgpu_inject(&self->v, NVGRACE_INJECT_SPURIOUS_INTR, 20000);
	/* With lockdep, each takes so long that they may not be a storm */
	if (access("/proc/lockdep", F_OK))
		EXPECT_TRUE(vgpu_log_says(&self->v, "without a cause: disabled for"));
	usleep(500000);
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
	EXPECT_EQ(0, vgpu_reset(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
}

TEST_F_TIMEOUT(vgpu_boot, the_firmware_ends_for_suspend_and_starts_at_resume, 60)
{
	uint64_t epoch = vgpu_count(&self->v, "state", "epoch");
	int i, ret;

	ASSERT_EQ(0, vgpu_load_test_module());
	for (i = 1; i <= 3; i++) {
		ret = vgpu_sleep(&self->v);
		if (ret == -EOPNOTSUPP) {
			EXPECT_EQ(0, vgpu_rmmod(VGPU_TEST));
			SKIP(return, "this kernel cannot suspend (CONFIG_SUSPEND)");
		}
		ASSERT_EQ(0, ret);
		ASSERT_TRUE(vgpu_becomes(&self->v, "running"));
		EXPECT_EQ(epoch + i, vgpu_count(&self->v, "state", "epoch"));
		EXPECT_EQ(i, vgpu_events("stop"));
		EXPECT_EQ(i, vgpu_events("ready"));
		EXPECT_EQ(0, vgpu_copy());
	}
	EXPECT_EQ(0, vgpu_rmmod(VGPU_TEST));
}

/*
 * Trouble of one boot: probe fails in time, says in which step, and the next succeeds. Not
 * here: a bad write pointer, which the second message of a boot mends at once
 */
FIXTURE_VARIANT(vgpu_boot_trouble)
{
	uint32_t kind;
	uint32_t param;
	const char *says;
};

#define BOOT_TROUBLE(name, what, value, text)					\
	FIXTURE_VARIANT_ADD(vgpu_boot_trouble, name)				\
	{									\
		.kind = NVGRACE_INJECT_##what, .param = value, .says = text,	\
	}

FIXTURE(vgpu_boot_trouble)
{
	struct vgpu v;
	uint32_t errors;
};

FIXTURE_SETUP(vgpu_boot_trouble)
{
	int ret = vgpu_open(&self->v);

	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	vgpu_calm(&self->v);
	self->errors = vgpu_driver_errors(&self->v);
}

FIXTURE_TEARDOWN(vgpu_boot_trouble)
{
	if (!self->v.window)
		return;
	vgpu_calm(&self->v);
	if (!vgpu_is_bound(&self->v))
		EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_EQ(self->errors, vgpu_driver_errors(&self->v));
	vgpu_close(&self->v);
}

BOOT_TROUBLE(fsp_is_silent, FSP_SILENT, 0, "FSP: vGPU knob: no answer in 2 s");
/* The next probe comes before, or after, FSP would have answered */
BOOT_TROUBLE(fsp_is_slow, FSP_SLOW, 2500, "FSP: vGPU knob: no answer in 2 s");
BOOT_TROUBLE(fsp_is_very_slow, FSP_SLOW, 60000, "FSP: vGPU knob: no answer in 2 s");
BOOT_TROUBLE(lockdown_stays, LOCKDOWN_STUCK, 0, "GSP lockdown: not released in 30 s");
BOOT_TROUBLE(firmware_refuses, BOOT_ERROR, 0x55, "GSP lockdown: FMC failed with error 0x55");
BOOT_TROUBLE(core_stays_off, RISCV_DEAD, 0, "GSP start: RISC-V not active in 5 s");
BOOT_TROUBLE(init_done_never_comes, INIT_SILENT, 0, "INIT_DONE did not come in 5 s");
BOOT_TROUBLE(reply_has_a_bad_checksum, BAD_CHECKSUM, 0, "malformed message of GSP: checksum");
BOOT_TROUBLE(reply_has_a_bad_length, BAD_LENGTH, 0, "malformed message of GSP: length");
BOOT_TROUBLE(reply_has_a_bad_element_count, BAD_ELEM_COUNT, 0,
	     "malformed message of GSP: number of elements");
BOOT_TROUBLE(reply_has_a_bad_sequence, BAD_SEQ, 0, "malformed message of GSP: sequence");
BOOT_TROUBLE(reply_has_a_bad_signature, BAD_SIGNATURE, 0, "malformed message of GSP: signature");
BOOT_TROUBLE(crash_in_a_message, CRASH_IN_MESSAGE, 0, "firmware lost: GSP halted");
BOOT_TROUBLE(requests_are_swallowed, RPC_SILENT, 1, "no reply to function 65 in 5 s");

TEST_F_TIMEOUT(vgpu_boot_trouble, probe_fails_in_time_and_the_next_succeeds, 120)
{
	if (vgpu_is_bound(&self->v))
		ASSERT_EQ(0, vgpu_unbind(&self->v));
	ASSERT_EQ(0, vgpu_log_mark(&self->v));
	vgpu_inject(&self->v, variant->kind, variant->param);
	EXPECT_GT(0, vgpu_bind(&self->v));
	EXPECT_FALSE(vgpu_is_bound(&self->v));
	EXPECT_TRUE(vgpu_log_says(&self->v, variant->says));
	vgpu_calm(&self->v);
	EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
}

TEST_F_TIMEOUT(vgpu_boot, slow_firmware_only_costs_time, 120)
{
	ASSERT_EQ(0, vgpu_unbind(&self->v));
	vgpu_inject(&self->v, NVGRACE_INJECT_GSP_SLOW, 30);
	EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
}

TEST_F_TIMEOUT(vgpu_boot, lost_interrupts_only_cost_time, 120)
{
	ASSERT_EQ(0, vgpu_unbind(&self->v));
	vgpu_inject(&self->v, NVGRACE_INJECT_LOST_INTR, 10);
	EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
}

TEST_F(vgpu_boot, a_reply_that_nobody_asked_for_is_passed_over)
{
	ASSERT_EQ(0, vgpu_unbind(&self->v));
	vgpu_inject(&self->v, NVGRACE_INJECT_RPC_UNKNOWN, 0);
	EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
}

/* The firmware's knob is off: the GPU works, but has no VFs */
TEST_F(vgpu_boot, no_vfs_where_the_firmware_does_not_allow_vgpus)
{
	ASSERT_EQ(0, vgpu_unbind(&self->v));
	vgpu_write(&self->v, NVGRACE_TROUBLE_VGPU_KNOB, 0);
	ASSERT_EQ(0, vgpu_reset(&self->v));
	ASSERT_EQ(0, vgpu_bind(&self->v));
	EXPECT_EQ(-EOPNOTSUPP, vgpu_set_vfs(&self->v, 1));
}

/* Firmware that is older than vGPUs */
TEST_F(vgpu_boot, no_vgpus_where_fsp_does_not_know_them)
{
	char text[16];

	ASSERT_EQ(0, vgpu_unbind(&self->v));
	vgpu_inject(&self->v, NVGRACE_INJECT_FSP_ERROR, 0x1e3);
	ASSERT_EQ(0, vgpu_bind(&self->v));
	EXPECT_STREQ("off", vgpu_value(&self->v, "state", "vgpu", text, sizeof(text)));
	EXPECT_EQ(-EOPNOTSUPP, vgpu_set_vfs(&self->v, 1));
}

/* Without vGPUs the first message to FSP is the one that boots */
static void boot_without_vgpus(struct __test_metadata *_metadata, struct vgpu *v, uint32_t kind,
			       uint32_t param, const char *says)
{
	char text[16];

	ASSERT_EQ(0, vgpu_rmmod(VGPU_DRIVER));
	ASSERT_EQ(0, vgpu_log_mark(v));
	vgpu_inject(v, kind, param);
	ASSERT_EQ(0, vgpu_insmod(VGPU_DRIVER, "vgpu_support=0"));
	EXPECT_FALSE(vgpu_is_bound(v));
	EXPECT_TRUE(vgpu_log_says(v, says));
	EXPECT_EQ(0, vgpu_read(v, NVGRACE_TROUBLE_ARMED));
	EXPECT_EQ(0, vgpu_bind(v));
	EXPECT_TRUE(vgpu_becomes(v, "running"));
	EXPECT_STREQ("off", vgpu_value(v, "state", "vgpu", text, sizeof(text)));
	ASSERT_EQ(0, vgpu_rmmod(VGPU_DRIVER));
	ASSERT_EQ(0, vgpu_insmod(VGPU_DRIVER, ""));
}

TEST_F(vgpu_boot, probe_fails_if_fsp_refuses_to_boot_and_the_next_succeeds)
{
	boot_without_vgpus(_metadata, &self->v, NVGRACE_INJECT_FSP_ERROR, 0x55,
			   "FSP: chain of trust: refused with error 0x55");
}

TEST_F_TIMEOUT(vgpu_boot, probe_fails_if_fsp_is_slow_to_boot_and_the_next_succeeds, 300)
{
	boot_without_vgpus(_metadata, &self->v, NVGRACE_INJECT_FSP_SLOW, 2500,
			   "FSP: chain of trust: no answer in 2 s");
	boot_without_vgpus(_metadata, &self->v, NVGRACE_INJECT_FSP_SLOW, 60000,
			   "FSP: chain of trust: no answer in 2 s");
}

TEST_F(vgpu_boot, vfs_come_and_go)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vgpu_set_vfs(&self->v, 8));
		ASSERT_EQ(-EBUSY, vgpu_set_vfs(&self->v, 4));
		ASSERT_EQ(0, vgpu_set_vfs(&self->v, 0));
	}
}

/*
 * Linux 7.3 asserts that whoever removes VFs holds the lock of rescan and remove, but unbind
 * does not take it, and no driver can tell whether its caller has: lockdep complains of all
 */
TEST_F(vgpu_boot, vfs_go_with_the_driver)
{
	if (!access("/proc/lockdep", F_OK))
		SKIP(return, "lockdep and unbind with VFs do not go together");
	ASSERT_EQ(0, vgpu_set_vfs(&self->v, 2));
	ASSERT_EQ(0, vgpu_unbind(&self->v));
	EXPECT_EQ(0, memtest_number(VGPU_PCI "/devices/%s/sriov_numvfs", self->v.pf));
}

TEST_F(vgpu_boot, more_vfs_than_there_are_is_refused)
{
	EXPECT_EQ(-ERANGE, vgpu_set_vfs(&self->v, 33));
}

TEST_HARNESS_MAIN
