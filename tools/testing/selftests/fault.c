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

static unsigned long address_of(const char *function)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long addr, found = 0;
	char name[256];

	if (!symbols)
		return 0;
	/* A module's functions have its name behind theirs */
	while (!found && fscanf(symbols, "%lx %*c %255s%*[^\n]", &addr, name) == 2)
		if (!strcmp(name, function))
			found = addr;
	fclose(symbols);
	return found;
}

int fault_spare(const char *first, const char *end)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc" };
	unsigned long from = first ? address_of(first) : 0;
	unsigned long to = end ? address_of(end) : 0;
	char text[2][24];
	unsigned int i;

	if (first && (!from || from >= to))
		return -ENOENT;
	snprintf(text[0], sizeof(text[0]), "%lu", from);
	snprintf(text[1], sizeof(text[1]), "%lu", to);
	for (i = 0; i < 2; i++)
		if (memtest_write(text[0], DEBUGFS "/%s/reject-start", kinds[i]) ||
		    memtest_write(text[1], DEBUGFS "/%s/reject-end", kinds[i]))
			return -ENOTTY;
	return 0;
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
