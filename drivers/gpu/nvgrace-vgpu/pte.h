/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The format of the GPU's page tables, version 3 (Hopper, Blackwell). Pure arithmetic,
 * so that it also compiles for unit tests in userspace.
 *
 * A virtual address has 57 bits. Five levels of directories, the topmost with two
 * entries, lead to leaves. An entry of the last directory (PD0) covers 2 MiB and has
 * 16 bytes: the first eight are a leaf of 2 MiB or point to a table of 64 KiB leaves,
 * the second eight point to a table of 4 KiB leaves. Both tables may be there: a 64 KiB
 * leaf that is 0 leaves the word to the 4 KiB ones.
 *
 * Entries here are in the CPU's byte order. They are little-endian in memory.
 */
#ifndef NVGRACE_VGPU_PTE_H
#define NVGRACE_VGPU_PTE_H

#include <linux/types.h>

/* Levels from the top; NVG_PT_LEVEL_64K and _4K are both below NVG_PT_LEVEL_PD0 */
enum nvg_pt_level {
	NVG_PT_LEVEL_ROOT,
	NVG_PT_LEVEL_PD3,
	NVG_PT_LEVEL_PD2,
	NVG_PT_LEVEL_PD1,
	NVG_PT_LEVEL_PD0,
	NVG_PT_LEVEL_64K,
	NVG_PT_LEVEL_4K,
	NVG_PT_LEVELS
};

/* Where a leaf leads to */
enum nvg_aperture {
	NVG_APERTURE_FB,
	NVG_APERTURE_PEER,
	NVG_APERTURE_SYSMEM,		/* coherent */
	NVG_APERTURE_SYSMEM_NC,
};

/* Flags of a leaf: its bits 7:3 (PCF) */
#define NVG_PTE_UNCACHED	0x01U	/* by the GPU's L2 */
#define NVG_PTE_PRIVILEGED	0x02U	/* for privileged channels only */
#define NVG_PTE_READ_ONLY	0x04U
#define NVG_PTE_NO_ATOMICS	0x08U
#define NVG_PTE_NO_COUNTING	0x10U	/* by access counters */
#define NVG_PTE_FLAGS		0x1fU

#define NVG_PTE_VALID		0x1ULL
#define NVG_PTE_APERTURE_SHIFT	1
#define NVG_PTE_PCF_SHIFT	3
#define NVG_PTE_KIND_SHIFT	8
#define NVG_PTE_KIND_GENERIC	6ULL
#define NVG_PTE_ADDR		0x000ffffffffff000ULL	/* 51:12 */
#define NVG_PTE_PEER_SHIFT	61

#define NVG_PDE_APERTURE_SYSMEM	2ULL
#define NVG_PDE_APERTURE_SHIFT	1
#define NVG_PDE_PCF_SHIFT	3
#define NVG_PDE_PCF_UNCACHED	1ULL
#define NVG_PDE_PCF_NO_ATS	2ULL
#define NVG_PDE_ADDR_64K	0x000fffffffffff00ULL	/* 51:8, of a table of 64 KiB leaves */

#define NVG_VA_BITS		57
#define NVG_LEAF_64K		0x10000ULL
#define NVG_LEAF_2M		0x200000ULL

/**
 * nvg_pt_shift() - What an entry of a table covers
 * @level: of the table
 *
 * Return: log2 of the bytes of virtual addresses.
 */
static inline unsigned int nvg_pt_shift(enum nvg_pt_level level)
{
	static const unsigned char shift[NVG_PT_LEVELS] = { 56, 47, 38, 29, 21, 16, 12 };

	return shift[level];
}

/**
 * nvg_pt_leaf() - What an entry of a table covers
 * @level: of the table
 *
 * Return: bytes of virtual addresses.
 */
static inline u64 nvg_pt_leaf(enum nvg_pt_level level)
{
	return (u64)1 << nvg_pt_shift(level);
}

/**
 * nvg_pt_entries() - How many entries a table has
 * @level: of the table
 *
 * Return: the number, a power of two.
 */
static inline unsigned int nvg_pt_entries(enum nvg_pt_level level)
{
	static const unsigned short entries[NVG_PT_LEVELS] = { 2, 512, 512, 512, 256, 32, 512 };

	return entries[level];
}

/**
 * nvg_pt_index() - Which entry of a table translates an address
 * @level: of the table
 * @va: virtual address
 *
 * Return: the index, less than nvg_pt_entries().
 */
static inline unsigned int nvg_pt_index(enum nvg_pt_level level, u64 va)
{
	return (va >> nvg_pt_shift(level)) & (nvg_pt_entries(level) - 1);
}

/**
 * nvg_pt_words() - The size of an entry
 * @level: of the table
 *
 * Return: in units of 8 bytes.
 */
static inline unsigned int nvg_pt_words(enum nvg_pt_level level)
{
	return level == NVG_PT_LEVEL_PD0 ? 2 : 1;
}

/**
 * nvg_pte() - A leaf of any size
 * @aperture: where it leads to
 * @peer: peer id, 0 to 7; counts with NVG_APERTURE_PEER only
 * @addr: there, aligned to the leaf's size, less than 2^52
 * @flags: NVG_PTE_* of NVG_PTE_FLAGS
 *
 * Return: the entry.
 */
static inline u64 nvg_pte(enum nvg_aperture aperture, unsigned int peer, u64 addr,
			  unsigned int flags)
{
	u64 pte = NVG_PTE_VALID;

	pte |= (u64)aperture << NVG_PTE_APERTURE_SHIFT;
	pte |= (u64)(flags & NVG_PTE_FLAGS) << NVG_PTE_PCF_SHIFT;
	pte |= NVG_PTE_KIND_GENERIC << NVG_PTE_KIND_SHIFT;
	pte |= addr & NVG_PTE_ADDR;
	if (aperture == NVG_APERTURE_PEER)
		pte |= (u64)(peer & 7) << NVG_PTE_PEER_SHIFT;
	return pte;
}

/**
 * nvg_pde() - An entry that points to a table in coherent system memory
 * @level: of the table that it points to
 * @addr: DMA address of that table, less than 2^52: aligned to 256 bytes for a table
 *	  of 64 KiB leaves, else to 4 KiB
 *
 * ATS stays off: addresses are translated by these tables or not at all.
 *
 * Return: the entry; in PD0 that half of it that is for @level.
 */
static inline u64 nvg_pde(enum nvg_pt_level level, u64 addr)
{
	u64 pde = NVG_PDE_APERTURE_SYSMEM << NVG_PDE_APERTURE_SHIFT;

	pde |= (NVG_PDE_PCF_UNCACHED | NVG_PDE_PCF_NO_ATS) << NVG_PDE_PCF_SHIFT;
	pde |= addr & (level == NVG_PT_LEVEL_64K ? NVG_PDE_ADDR_64K : NVG_PTE_ADDR);
	return pde;
}

/**
 * nvg_pd0_word() - Which half of an entry of PD0 points to a table
 * @level: NVG_PT_LEVEL_64K or NVG_PT_LEVEL_4K
 *
 * Return: 0 or 1. A leaf of 2 MiB is in half 0.
 */
static inline unsigned int nvg_pd0_word(enum nvg_pt_level level)
{
	return level == NVG_PT_LEVEL_4K;
}

/**
 * nvg_leaf_level() - The largest leaf that can map the start of a range
 * @va: virtual address, a multiple of 4 KiB
 * @addr: what it is mapped to, a multiple of 4 KiB
 * @size: of the range, a multiple of 4 KiB, not 0
 *
 * Return: level of the table that has the leaf: NVG_PT_LEVEL_PD0 (2 MiB), _64K or _4K.
 */
static inline enum nvg_pt_level nvg_leaf_level(u64 va, u64 addr, u64 size)
{
	if (size >= NVG_LEAF_2M && !((va | addr) & (NVG_LEAF_2M - 1)))
		return NVG_PT_LEVEL_PD0;
	if (size >= NVG_LEAF_64K && !((va | addr) & (NVG_LEAF_64K - 1)))
		return NVG_PT_LEVEL_64K;
	return NVG_PT_LEVEL_4K;
}

#endif
