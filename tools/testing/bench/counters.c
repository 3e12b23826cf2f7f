// SPDX-License-Identifier: GPL-2.0
/*
 * Counts instead of times: what the IOMMU's page tables were told. A kprobe at the
 * format's map and iova_to_phys counts entries by their size, and the addresses that
 * were read back. One call can ask for more than it maps, so its result counts.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>

#include "counters.h"

#define TRACEFS	"/sys/kernel/tracing"
#define KPROBES	TRACEFS "/kprobe_events"
#define MAP	TRACEFS "/events/bench/map"
#define READ	TRACEFS "/events/bench/read"

int counters_open(void)
{
	int ret;

	if (mount("tracefs", TRACEFS, "tracefs", 0, NULL) && errno != EBUSY)
		return -errno;
	ret = memtest_write("r:bench/map arm_lpae_map_pages size=$arg4:u64 bytes=+0($arg8):u64\n",
			    KPROBES);
	if (!ret)
		ret = memtest_write("p:bench/read arm_lpae_iova_to_phys iova=$arg2:u64\n",
				    KPROBES);
	return ret;
}

void counters_close(void)
{
	memtest_write("-:bench/map\n-:bench/read\n", KPROBES);
}

int counters_start(void)
{
	int ret = memtest_write("hist:keys=size:values=bytes", MAP "/trigger");

	return ret ?: memtest_write("hist:keys=common_pid", READ "/trigger");
}

/* The sum of the entries of @size, or of the hits of all lines where it is 0 */
static uint64_t count(const char *path, uint64_t size)
{
	unsigned long long key, hits, bytes;
	FILE *file = fopen(path, "re");
	uint64_t sum = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (size && sscanf(line, "{ size: %llu } hitcount: %llu bytes: %llu",
				   &key, &hits, &bytes) == 3) {
			if (key == size)
				sum += bytes / size;
		} else if (!size && sscanf(line, "{ common_pid: %llu } hitcount: %llu",
					   &key, &hits) == 2) {
			sum += hits;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

void counters_stop(struct counters *counters)
{
	counters->blocks_1g = count(MAP "/hist", GIB(1));
	counters->blocks_2m = count(MAP "/hist", MIB(2));
	counters->blocks_4k = count(MAP "/hist", KIB(4));
	counters->reads = count(READ "/hist", 0);
	memtest_write("!hist:keys=size:values=bytes", MAP "/trigger");
	memtest_write("!hist:keys=common_pid", READ "/trigger");
}

void counters_report(const struct counters *counters, const char *row,
		     const char *subject, uint64_t x)
{
	const struct {
		const char *name;
		uint64_t value;
	} values[] = {
		{ "1g", counters->blocks_1g },
		{ "2m", counters->blocks_2m },
		{ "4k", counters->blocks_4k },
		{ "read", counters->reads },
	};
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(name, sizeof(name), "%s_%s", row, values[i].name);
		bench_report_value(name, subject, x, "entries",
				   values[i].value);
	}
}
