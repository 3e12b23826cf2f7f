/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live stage-1 tables of the machine's SMMUv3, as root sees them through
 * /dev/mem: what a guest that is not to be trusted can do to its own tables.
 *
 * Physical addresses are the machine's own: in a guest, IPAs.
 */
#ifndef GUEST_TABLES_H
#define GUEST_TABLES_H

#include <stdint.h>

struct tables {
	int mem;		/* /dev/mem */
	uint64_t stream_table;	/* physical address */
	uint32_t config;	/* STRTAB_BASE_CFG */
};

int tables_open(struct tables *tables);
void tables_close(struct tables *tables);

/* What an entry of level 3 is for, and of level 2, which leads there: bits of an IOVA */
#define TABLES_PAGE	12
#define TABLES_BLOCK	21

/*
 * Where the entry of level @shift for @iova of stream @sid is. -ENOENT: no level 3 is
 * there; -EOPNOTSUPP: not stage 1 with the 4 KiB granule
 */
int tables_find(struct tables *tables, uint32_t sid, uint64_t iova, int shift, uint64_t *entry);
/* Let the entry point to @address; @old gets what was in it */
int tables_forge(struct tables *tables, uint64_t entry, uint64_t address, uint64_t *old);
/* Put what is in the entry into memory at @address too */
int tables_copy(struct tables *tables, uint64_t entry, uint64_t address);
int tables_restore(struct tables *tables, uint64_t entry, uint64_t old);

#endif
