// SPDX-License-Identifier: GPL-2.0
/*
 * A copy of x bytes by a copy engine of the PF, through a channel of its core driver, and by
 * the CPU. The driver's test module measures, each in turn and waited for: what it says is
 * passed on. Of an emulated engine the ratio says what the way to it costs, not what a GPU
 * would gain.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bench.h"
#include "vgpu.h"

#define RESULTS	"/sys/kernel/debug/" VGPU_TEST "/bench"

static int pass_on(void)
{
	uint64_t bytes, ns;
	char subject[64];
	int n = 0;
	FILE *file;

	file = fopen(RESULTS, "re");
	if (!file)
		return -errno;
	while (fscanf(file, "%63s %" SCNu64 " %" SCNu64, subject, &bytes, &ns) == 3) {
		bench_report_value("engine_copy", subject, bytes, "ns", ns);
		n++;
	}
	fclose(file);
	return n ? 0 : -EIO;
}

int bench_engine(struct bench *b)
{
	int ret;

	(void)b;
	/* Its tests stay off without "enable" */
	ret = vgpu_insmod("kunit", "");
	ret = ret ?: vgpu_insmod(VGPU_TEST, "");
	if (ret) {
		bench_report_error("engine_copy", "ce-sysmem-to-sysmem", 0, ret);
		return 0;
	}
	ret = pass_on();
	if (ret)
		bench_report_error("engine_copy", "ce-sysmem-to-sysmem", 0, ret);
	return vgpu_rmmod(VGPU_TEST);
}
