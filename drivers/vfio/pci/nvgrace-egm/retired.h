/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Firmware's table of retired pages: reading it, and nothing else. Pure logic, so
 * that it also compiles for unit tests in userspace.
 *
 * The table is a u64 count and then as many u64 physical addresses, little endian.
 * Each stands for 64 KiB of bad memory, whatever the kernel's page size is, and
 * there are at most 4096 (NVIDIA edk2-nvidia, TH500ResourceConfig.c).
 *
 * Firmware is not trusted: the table may say anything.
 */
#ifndef NVGRACE_EGM_RETIRED_H
#define NVGRACE_EGM_RETIRED_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <asm/byteorder.h>
#else
#include "kernel_shim.h"
#endif

#define EGM_RETIRED_MAX		4096
#define EGM_RETIRED_PAGE	0x10000ULL
#define EGM_RETIRED_TABLE_SIZE	((1 + EGM_RETIRED_MAX) * sizeof(__le64))

/**
 * struct egm_retired_stats - What was found in a table
 * @claimed: number of entries that the table says it has
 * @used: entries that were passed on
 * @outside: entries that are not in the region, and were skipped
 */
struct egm_retired_stats {
	u64 claimed;
	unsigned int used;
	unsigned int outside;
};

/*
 * Call @retire with the start and the length of each bad piece of
 * [base, base + size): a multiple of 64 KiB from firmware's address rounded down,
 * cut to the region. @table has EGM_RETIRED_TABLE_SIZE bytes. Entries above the
 * maximum are not read. Stops at the first error of @retire, and returns it.
 */
int egm_retired_parse(const __le64 *table, u64 base, u64 size,
		      int (*retire)(void *data, u64 paddr, u64 length),
		      void *data, struct egm_retired_stats *stats);

#endif
