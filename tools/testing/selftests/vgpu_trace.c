// SPDX-License-Identifier: GPL-2.0
/*
 * What people see of the GPU's core driver while it works: a tracepoint for each message,
 * for a channel that was taken off its engine and for an Xid; in debugfs the last messages
 * and the firmware's logs. Core dumps: vgpu_trouble.c.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <nvgrace-gpu-regs.h>

#include "memtest.h"
#include "vgpu.h"

#define TRACING		"/sys/kernel/tracing"
#define DEBUGFS		"/sys/kernel/debug/" VGPU_DRIVER
#define EVENTS		"events/nvgrace_vgpu/enable"
#define DEADLINE_MS	10000

/* Of the files that are looked at, the last one that was read */
static char text[1 << 20];

FIXTURE(vgpu_trace)
{
	struct vgpu v;
	uint32_t errors;
	char instance[64];
	bool made;
};

FIXTURE_SETUP(vgpu_trace)
{
	int ret = vgpu_open_running(&self->v);

	self->made = false;
	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, vgpu_load_test_module());
	self->errors = vgpu_driver_errors(&self->v);
	snprintf(self->instance, sizeof(self->instance), TRACING "/instances/vgpu.%d", getpid());
	ASSERT_EQ(0, mkdir(self->instance, 0700));
	self->made = true;
}

FIXTURE_TEARDOWN(vgpu_trace)
{
	if (!self->v.window)
		return;
	if (self->made) {
		memtest_write("0", "%s/" EVENTS, self->instance);
		EXPECT_EQ(0, rmdir(self->instance));
	}
	EXPECT_EQ(self->errors, vgpu_driver_errors(&self->v));
	EXPECT_EQ(0, vgpu_rmmod(VGPU_TEST));
	vgpu_drop_dump(&self->v);
	vgpu_close(&self->v);
}

/* All of a file, as far as there is room; "" without one */
static const char *contents(const char *path, ...)
{
	char name[256];
	size_t have = 0;
	va_list args;
	ssize_t n;
	int fd;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && have < sizeof(text) - 1 &&
	       (n = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += n;
	if (fd >= 0)
		close(fd);
	text[have] = '\0';
	return text;
}

static uint64_t times(const char *in, const char *what)
{
	uint64_t n = 0;

	while ((in = strstr(in, what))) {
		in += strlen(what);
		n++;
	}
	return n;
}

/* Wait until the trace has a line with both */
static bool is_traced(const char *instance, const char *event, const char *what)
{
	uint64_t end = vgpu_ms() + DEADLINE_MS;
	const char *line;

	do {
		line = contents("%s/trace", instance);
		while ((line = strstr(line, event))) {
			const char *found = strstr(line, what);

			if (found && found < line + strcspn(line, "\n"))
				return true;
			line += strlen(event);
		}
		usleep(10000);
	} while (vgpu_ms() < end);
	printf("# no %s with \"%s\"\n", event, what);
	return false;
}

TEST_F(vgpu_trace, each_message_is_told_once)
{
	uint64_t sent = vgpu_count(&self->v, "queues", "sent");
	uint64_t replies = vgpu_count(&self->v, "queues", "replies");
	const char *trace;

	ASSERT_EQ(0, memtest_write("1", "%s/" EVENTS, self->instance));
	EXPECT_EQ(0, vgpu_copy());
	ASSERT_EQ(0, memtest_write("0", "%s/" EVENTS, self->instance));
	sent = vgpu_count(&self->v, "queues", "sent") - sent;
	replies = vgpu_count(&self->v, "queues", "replies") - replies;

	/* A context comes and goes */
	EXPECT_LT(8, sent);
	EXPECT_EQ(sent, replies);
	trace = contents("%s/trace", self->instance);
	EXPECT_EQ(sent, times(trace, " sent function="));
	EXPECT_EQ(replies, times(trace, " reply function="));
	EXPECT_LT(0, times(trace, " sent function=0x67 "));	/* GSP_RM_ALLOC */
	EXPECT_EQ(times(trace, " sent function=0x67 "), times(trace, " reply function=0x67 "));
}

TEST_F(vgpu_trace, a_channel_that_faults_and_an_xid_are_told)
{
	ASSERT_EQ(0, memtest_write("1", "%s/" EVENTS, self->instance));
	EXPECT_EQ(-EIO, vgpu_fault());
	EXPECT_TRUE(is_traced(self->instance, "nvgrace_vgpu_rc: ", " type=31 "));
	vgpu_inject(&self->v, NVGRACE_INJECT_XID, 13);
	EXPECT_TRUE(is_traced(self->instance, "nvgrace_vgpu_xid: ", " xid=13 "));
	EXPECT_TRUE(is_traced(self->instance, "nvgrace_vgpu_message: ", " event function=0x1006 "));
	/* Nobody else shall take it for his */
	EXPECT_LT(0, vgpu_take_dump(&self->v, text, sizeof(text)));
}

TEST_F(vgpu_trace, debugfs_has_the_last_messages_and_the_logs)
{
	const char *messages;

	/* Logs that have not wrapped */
	ASSERT_EQ(0, vgpu_reset(&self->v));
	ASSERT_TRUE(vgpu_becomes(&self->v, "running"));
	EXPECT_EQ(0, vgpu_copy());
	messages = contents(DEBUGFS "/%s/messages", self->v.pf);
	EXPECT_LT(0, times(messages, " sent function 0x67 "));
	EXPECT_LT(0, times(messages, " reply function 0x67 "));
	EXPECT_GE(64, times(messages, "\n"));
	/* As the model's firmware writes them: gpu-model/boot.rst */
	EXPECT_LT(0, times(contents(DEBUGFS "/%s/log_init", self->v.pf), "570.144"));
	EXPECT_LT(0, times(contents(DEBUGFS "/%s/log_rm", self->v.pf), "queues are open"));
	EXPECT_STREQ("", contents(DEBUGFS "/%s/log_intr", self->v.pf));
}

/* Also when it does not run any more */
TEST_F(vgpu_trace, the_log_of_a_crash_stays_until_the_next_boot)
{
	vgpu_inject(&self->v, NVGRACE_INJECT_CRASH, 0);
	ASSERT_TRUE(vgpu_becomes(&self->v, "lost"));
	EXPECT_LT(0, times(contents(DEBUGFS "/%s/log_intr", self->v.pf), "unhandled exception"));
	EXPECT_LT(0, vgpu_take_dump(&self->v, text, sizeof(text)));
	ASSERT_EQ(0, vgpu_reset(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
	EXPECT_STREQ("", contents(DEBUGFS "/%s/log_intr", self->v.pf));
}

TEST_HARNESS_MAIN
