// SPDX-License-Identifier: GPL-2.0
/*
 * From a stream ID through stream table, context descriptor and page tables to the
 * entry of an IOVA: the walk that the SMMU does (Arm IHI 0070, chapters 3.3 and 5).
 * The kernel's driver built them and does not know that somebody looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tables.h"

#define PAGE		4096ULL
#define ADDRESS		0x000ffffffffff000ULL	/* of a table or page, in an entry */
#define POINTER		0x000fffffffffffc0ULL	/* of a stream or context table */
#define VALID		1ULL
#define TABLE		3ULL

#define STRTAB_BASE	0x80
#define STRTAB_BASE_CFG	0x88
#define  CFG_SPLIT	6	/* shift; 5 bits */
#define  CFG_FMT	16	/* shift; 2 bits */
#define STE_CONFIG	1	/* shift; 3 bits */
#define  STE_STAGE1	5
#define STE_S1FMT	4	/* shift; 2 bits */
#define STE_S1CDMAX	59	/* shift; 5 bits */
#define CD_TG0		6	/* shift; 2 bits; 0: 4 KiB */

static int read64(struct tables *tables, uint64_t address, uint64_t *value)
{
	ssize_t got = pread(tables->mem, value, sizeof(*value), address);

	return got == sizeof(*value) ? 0 : got < 0 ? -errno : -EIO;
}

static int write64(struct tables *tables, uint64_t address, uint64_t value)
{
	ssize_t done = pwrite(tables->mem, &value, sizeof(value), address);

	return done == sizeof(value) ? 0 : done < 0 ? -errno : -EIO;
}

/* The SMMU's registers, 0 if there is none: "9050000-9050dff : 9050000.iommu", or .smmuv3 */
static uint64_t find_smmu(void)
{
	FILE *f = fopen("/proc/iomem", "re");
	uint64_t base = 0;
	char text[256];

	while (f && !base && fgets(text, sizeof(text), f))
		if (strstr(text, ".iommu") || strstr(text, "smmu"))
			base = strtoull(text, NULL, 16);
	if (f)
		fclose(f);
	return base;
}

int tables_open(struct tables *tables)
{
	volatile uint8_t *regs;
	uint64_t base;

	tables->mem = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (tables->mem < 0)
		return -errno;
	base = find_smmu();
	if (!base)
		return -ENODEV;
	regs = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, tables->mem, base);
	if (regs == MAP_FAILED)
		return -errno;
	tables->stream_table = *(volatile uint64_t *)(regs + STRTAB_BASE) & POINTER;
	tables->config = *(volatile uint32_t *)(regs + STRTAB_BASE_CFG);
	munmap((void *)regs, PAGE);
	return 0;
}

void tables_close(struct tables *tables)
{
	if (tables->mem > 0)
		close(tables->mem);
}

/* The address of the stream table entry */
static int find_ste(struct tables *tables, uint32_t sid, uint64_t *ste)
{
	unsigned int split = tables->config >> CFG_SPLIT & 0x1f;
	uint64_t base = tables->stream_table;
	int ret;

	if (tables->config >> CFG_FMT & 3) {
		ret = read64(tables, base + (sid >> split) * 8, &base);
		if (ret)
			return ret;
		base &= POINTER;
		sid &= (1U << split) - 1;
	}
	*ste = base + sid * 64ULL;
	return base ? 0 : -ENOENT;
}

/* The address of the context descriptor of substream 0 */
static int find_cd(struct tables *tables, uint32_t sid, uint64_t *cd)
{
	uint64_t address, ste;
	int ret;

	ret = find_ste(tables, sid, &address) ?: read64(tables, address, &ste);
	if (ret)
		return ret;
	if ((ste >> STE_CONFIG & 7) != STE_STAGE1)
		return -EOPNOTSUPP;
	*cd = ste & POINTER;
	if (!(ste >> STE_S1CDMAX) || !(ste >> STE_S1FMT & 3))
		return 0;
	/* Two levels */
	ret = read64(tables, *cd, cd);
	*cd &= ADDRESS;
	return ret;
}

int tables_find(struct tables *tables, uint32_t sid, uint64_t iova, int shift, uint64_t *entry)
{
	uint64_t cd, tcr, table, value;
	int bits, level, ret;

	ret = find_cd(tables, sid, &cd) ?: read64(tables, cd, &tcr);
	ret = ret ?: read64(tables, cd + 8, &table);
	if (ret)
		return ret;
	if (tcr >> CD_TG0 & 3)
		return -EOPNOTSUPP;
	/* A level resolves 9 bits, the first one what is left */
	bits = 64 - (tcr & 0x3f);
	for (level = 12 + (bits - 13) / 9 * 9; ; level -= 9) {
		*entry = (table & ADDRESS) + (iova >> level & 0x1ff) * 8;
		ret = read64(tables, *entry, &value);
		if (ret)
			return ret;
		if (!(value & VALID) || (value & TABLE) != TABLE)
			return -ENOENT;
		if (level == shift)
			return 0;
		table = value;
	}
}

int tables_forge(struct tables *tables, uint64_t entry, uint64_t address, uint64_t *old)
{
	int ret = read64(tables, entry, old);

	return ret ?: write64(tables, entry, (*old & ~ADDRESS) | (address & ADDRESS));
}

int tables_copy(struct tables *tables, uint64_t entry, uint64_t address)
{
	uint64_t value;

	return read64(tables, entry, &value) ?: write64(tables, address, value);
}

int tables_restore(struct tables *tables, uint64_t entry, uint64_t old)
{
	return write64(tables, entry, old);
}
