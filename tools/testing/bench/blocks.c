// SPDX-License-Identifier: GPL-2.0
/*
 * Counts instead of times: what the IOMMU's page tables were told. A kprobe at the
 * format's map and iova_to_phys counts entries by their size, and the addresses that
 * were read back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "dma.h"

#define TRACEFS	"/sys/kernel/tracing"
#define MAP	TRACEFS "/events/bench/map"
#define READ	TRACEFS "/events/bench/read"

static int append(const char *text)
{
	int fd = open(TRACEFS "/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int open_counters(void)
{
	int ret;

	if (mount("tracefs", TRACEFS, "tracefs", 0, NULL) && errno != EBUSY)
		return -errno;
	ret = append("p:bench/map arm_lpae_map_pages size=$arg4:u64 entries=$arg5:u64\n");
	if (!ret)
		ret = append("p:bench/read arm_lpae_iova_to_phys iova=$arg2:u64\n");
	return ret;
}

static void close_counters(void)
{
	append("-:bench/map\n-:bench/read\n");
}

static int start(void)
{
	int ret = memtest_write("hist:keys=size:values=entries", MAP "/trigger");

	return ret ?: memtest_write("hist:keys=common_pid", READ "/trigger");
}

static void stop(void)
{
	memtest_write("!hist:keys=size:values=entries", MAP "/trigger");
	memtest_write("!hist:keys=common_pid", READ "/trigger");
}

/* The sum of the entries of @size, or of the hits of all lines where it is 0 */
static uint64_t count(const char *path, uint64_t size)
{
	unsigned long long key, hits, entries;
	FILE *file = fopen(path, "re");
	uint64_t sum = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (size && sscanf(line, "{ size: %llu } hitcount: %llu entries: %llu",
				   &key, &hits, &entries) == 3) {
			if (key == size)
				sum += entries;
		} else if (!size && sscanf(line, "{ common_pid: %llu } hitcount: %llu",
					   &key, &hits) == 2) {
			sum += hits;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

static int measure(struct dma *dma, const struct dma_way *way, uint64_t length)
{
	struct memory memory;
	int ret;

	bench_progress("blocks: %s", way->name);
	ret = dma_prepare(dma, way, &memory, length);
	if (!ret)
		ret = start();
	if (!ret)
		ret = dma_try(dma, way, &memory);
	if (ret) {
		bench_report_error("blocks_1g", way->name, length, ret);
	} else {
		bench_report_value("blocks_1g", way->name, length, "entries",
				   count(MAP "/hist", GIB(1)));
		bench_report_value("blocks_2m", way->name, length, "entries",
				   count(MAP "/hist", MIB(2)));
		bench_report_value("blocks_4k", way->name, length, "entries",
				   count(MAP "/hist", KIB(4)));
		bench_report_value("blocks_read", way->name, length, "reads",
				   count(READ "/hist", 0));
	}
	stop();
	memory_close(&memory);
	return 0;
}

int bench_blocks(struct bench *b)
{
	const struct dma_way *way = NULL;
	struct dma dma;
	int ret;

	ret = open_counters();
	if (ret) {
		bench_report_error("blocks_1g", "object", GIB(1), ret);
		return 0;
	}
	ret = dma_open(&dma, b);
	while (!ret && (way = dma_next_way(&dma, way)))
		ret = measure(&dma, way, GIB(1));
	dma_close(&dma);
	close_counters();
	return ret;
}
