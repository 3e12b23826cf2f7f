/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the IOMMU's page tables were told, counted by kprobes. Functions return 0 or a
 * negative errno: -ENOENT where the kernel has no kprobe events.
 */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include "bench.h"

struct counters {
	/* Entries that were made, by what they map */
	uint64_t blocks_1g;
	uint64_t blocks_2m;
	uint64_t blocks_4k;
	uint64_t reads;		/* addresses that were translated back */
};

int counters_open(void);
void counters_close(void);
int counters_start(void);
void counters_stop(struct counters *counters);
/* @row gets _1g, _2m, _4k and _read */
void counters_report(const struct counters *counters, const char *row,
		     const char *subject, uint64_t x);

#endif
