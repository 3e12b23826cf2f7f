// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "memtest.h"

#define DEBUGFS	"/sys/kernel/debug"

int fault_open(void)
{
	int ret;

	ret = memtest_write("N", DEBUGFS "/failslab/ignore-gfp-wait");
	if (ret)
		return ret;
	memtest_write("0", DEBUGFS "/failslab/verbose");
	/* Not in every configuration */
	memtest_write("N", DEBUGFS "/fail_page_alloc/ignore-gfp-wait");
	memtest_write("0", DEBUGFS "/fail_page_alloc/verbose");
	ret = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

int fault_arm(int fd, int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(fd, text, length, 0) == length ? 0 : -errno;
}

/* Reading the state can be what failed */
bool fault_disarm(int fd)
{
	char text[16] = "";
	bool failed;

	failed = pread(fd, text, sizeof(text) - 1, 0) < 0 ||
		 !strcmp(text, "0\n");
	while (pwrite(fd, "0", 1, 0) != 1)
		failed = true;
	return failed;
}
