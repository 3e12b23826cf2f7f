/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel still has when nobody uses memory objects any more: memory of the
 * regions, and objects in its slab caches.
 */
#ifndef LEFTOVERS_H
#define LEFTOVERS_H

#include <stdbool.h>
#include <stdint.h>

/* The sum over all regions of a number that each has in sysfs; UINT64_MAX if none has */
uint64_t regions_sum(const char *name);
/*
 * Wait until the sum is as expected, as files that were closed go a little later and
 * cleaning memory takes time. False after MEMTEST_DEADLINE
 */
bool regions_become(const char *name, uint64_t expected);

#define MAX_SLABS	512

struct slabs {
	int nr;
	struct {
		char name[64];
		long objects;
	} cache[MAX_SLABS];
};

/* Count the objects in use. None without /proc/slabinfo and /sys/kernel/slab */
void slabs_count(struct slabs *slabs);
/*
 * Wait until no cache has more than @slack objects more than @before, as much is freed
 * after an RCU grace period. After MEMTEST_DEADLINE print one that has, and return false
 */
bool slabs_shrink_to(const struct slabs *before, long slack);

#endif
