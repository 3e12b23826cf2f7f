// SPDX-License-Identifier: GPL-2.0
/*
 * pte.h, fault_entry.h and pagetable.c: entries are compared with numbers that were put
 * together by hand, and trees of page tables with an array that has the mapping of
 * every page. What is in the tables is found as the GPU finds it: by addresses in
 * memory, with a walk that shares no code with the driver. TEST_PTE_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <linux/dmapool.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "fault_entry.h"
#include "pagetable.h"

#define K4		0x1000ULL
#define K64		0x10000ULL
#define M2		0x200000ULL
#define OPERATIONS	20000
#define PAGES		2048		/* of 4 KiB: four entries of the last directory */
/* Of one root entry each, so that all levels are used: their end and their start */
#define BASE		((1ULL << 56) - PAGES / 2 * K4)

static int allocations;		/* that are not freed */
static int fail_after = -1;	/* allocations until one fails; -1: never */

static bool shall_fail(void)
{
	return fail_after >= 0 && !fail_after--;
}

void *shim_alloc(size_t size)
{
	if (shall_fail())
		return NULL;
	allocations++;
	return calloc(1, size);
}

void shim_free(void *p)
{
	allocations -= !!p;
	free(p);
}

void *shim_dma_alloc(size_t size, dma_addr_t *dma)
{
	void *p;

	if (shall_fail())
		return NULL;
	p = aligned_alloc(size, size);
	assert_non_null(p);
	memset(p, 0, size);
	allocations++;
	*dma = (uintptr_t)p;
	return p;
}

void shim_dma_free(void *p)
{
	allocations--;
	/* Whoever still finds its way here reads rubbish */
	free(p);
}

static struct dma_pool tables = { 4096 }, small_tables = { 256 };
static const struct nvg_pt_pools pools = { &tables, &small_tables };

static void leaves_have_the_bits_of_the_manual(void **state)
{
	(void)state;
	/* VALID, generic kind */
	assert_int_equal(nvg_pte(NVG_APERTURE_FB, 0, 0x123456789000, 0), 0x0000123456789601);
	assert_int_equal(nvg_pte(NVG_APERTURE_SYSMEM, 0, 0xfffffffff000, NVG_PTE_UNCACHED),
			 0x0000fffffffff60d);
	assert_int_equal(nvg_pte(NVG_APERTURE_SYSMEM_NC, 0, 0x1000, 0), 0x1607);
	/* EGM: peer 7 */
	assert_int_equal(nvg_pte(NVG_APERTURE_PEER, 7, 0x8000000000, NVG_PTE_UNCACHED),
			 0xe00000800000060bULL);
	assert_int_equal(nvg_pte(NVG_APERTURE_FB, 0, 0, NVG_PTE_READ_ONLY | NVG_PTE_PRIVILEGED),
			 0x631);
	assert_int_equal(nvg_pte(NVG_APERTURE_FB, 0, 0, NVG_PTE_NO_ATOMICS | NVG_PTE_NO_COUNTING),
			 0x6c1);
}

static void what_does_not_belong_in_a_leaf_stays_out(void **state)
{
	(void)state;
	/* Peer only with the peer aperture; no more flags and address than there is room for */
	assert_int_equal(nvg_pte(NVG_APERTURE_FB, 7, 0, 0), 0x601);
	assert_int_equal(nvg_pte(NVG_APERTURE_PEER, 8 + 1, 0, 0), 0x2000000000000603ULL);
	assert_int_equal(nvg_pte(NVG_APERTURE_FB, 0, ~0ULL, ~0U), 0x000ffffffffff6f9ULL);
}

static void directories_point_to_coherent_memory_without_ats(void **state)
{
	(void)state;
	/* Aperture 2, uncached, ATS not allowed */
	assert_int_equal(nvg_pde(NVG_PT_LEVEL_PD3, 0x123456789000), 0x000012345678901c);
	assert_int_equal(nvg_pde(NVG_PT_LEVEL_4K, 0xffffffffff000), 0x000ffffffffff01c);
	/* A table of 64 KiB leaves has 256 bytes */
	assert_int_equal(nvg_pde(NVG_PT_LEVEL_64K, 0x123456789a00), 0x0000123456789a1c);
	assert_int_equal(nvg_pde(NVG_PT_LEVEL_4K, 0x123456789a00), 0x000012345678901c);
}

static void an_address_is_cut_into_57_bits(void **state)
{
	u64 va = 1ULL << 56 | 0x155ULL << 47 | 0x0aaULL << 38 | 0x1ffULL << 29 | 0x81ULL << 21 |
		 0x13ULL << 16 | 0x5ULL << 12 | 0xabc;

	(void)state;
	assert_int_equal(nvg_pt_index(NVG_PT_LEVEL_ROOT, va), 1);
	assert_int_equal(nvg_pt_index(NVG_PT_LEVEL_PD3, va), 0x155);
	assert_int_equal(nvg_pt_index(NVG_PT_LEVEL_PD2, va), 0x0aa);
	assert_int_equal(nvg_pt_index(NVG_PT_LEVEL_PD1, va), 0x1ff);
	assert_int_equal(nvg_pt_index(NVG_PT_LEVEL_PD0, va), 0x81);
	assert_int_equal(nvg_pt_index(NVG_PT_LEVEL_64K, va), 0x13);
	assert_int_equal(nvg_pt_index(NVG_PT_LEVEL_4K, va), 0x135);
}

static void a_leaf_is_as_large_as_alignment_and_size_allow(void **state)
{
	(void)state;
	assert_int_equal(nvg_leaf_level(0, 0, M2), NVG_PT_LEVEL_PD0);
	assert_int_equal(nvg_leaf_level(0, 0, M2 - K4), NVG_PT_LEVEL_64K);
	assert_int_equal(nvg_leaf_level(M2, K64, 4 * M2), NVG_PT_LEVEL_64K);
	assert_int_equal(nvg_leaf_level(K64, M2, 4 * M2), NVG_PT_LEVEL_64K);
	assert_int_equal(nvg_leaf_level(0, 0, K64 - K4), NVG_PT_LEVEL_4K);
	assert_int_equal(nvg_leaf_level(K64, K4, M2), NVG_PT_LEVEL_4K);
	assert_int_equal(nvg_leaf_level(K4, 0, M2), NVG_PT_LEVEL_4K);
}

static void a_fault_entry_is_taken_apart(void **state)
{
	const u32 w[NVG_FAULT_WORDS] = {
		0x89abc200, 0x00012345, 0xdef01003, 0x00abcdef, 0x11111111, 0x22222222,
		0xffffffc4, 0x80f93482
	};
	struct nvg_fault fault;
	u32 not_yet[NVG_FAULT_WORDS] = { 0 };

	(void)state;
	assert_true(nvg_fault_decode(w, &fault));
	assert_int_equal(fault.inst, 0x1234589abc000);
	assert_true(fault.inst_sysmem);
	assert_int_equal(fault.addr, 0xabcdefdef01000);
	assert_int_equal(fault.time, 0x2222222211111111);
	assert_int_equal(fault.engine, 0x1c4);
	assert_int_equal(fault.type, 2);
	assert_int_equal(fault.client, 0x34);
	assert_int_equal(fault.access, 9);
	assert_string_equal(nvg_fault_type_name(fault.type), "PTE");
	assert_string_equal(nvg_fault_access_name(fault.access), "physical write");
	assert_string_equal(nvg_fault_type_name(31), "unknown type");
	assert_false(nvg_fault_decode(not_yet, &fault));
}

static u64 read_word(u64 table, unsigned int index)
{
	return ((const u64 *)(uintptr_t)table)[index];
}

/* The table that a directory's entry points to, 0 for none; it must be a good entry */
static u64 table_of(u64 pde, u64 mask)
{
	if (!pde)
		return 0;
	/* Not a leaf, coherent system memory */
	assert_int_equal(pde & 7, 4);
	return pde & mask;
}

/* What the GPU finds for @va: a leaf and log2 of its size, or 0 */
static u64 gpu_walk(u64 root, u64 va, unsigned int *shift)
{
	static const struct { unsigned int shift, bits; } dir[] = {
		{ 56, 1 }, { 47, 9 }, { 38, 9 }, { 29, 9 }
	};
	u64 table = root, pte, pair[2];
	unsigned int i, index;

	for (i = 0; i < 4; i++) {
		index = va >> dir[i].shift & ((1U << dir[i].bits) - 1);
		table = table_of(read_word(table, index), 0x000ffffffffff000);
		if (!table)
			return 0;
	}
	index = va >> 21 & 0xff;
	pair[0] = read_word(table, index * 2);
	pair[1] = read_word(table, index * 2 + 1);
	*shift = 21;
	if (pair[0] & 1)
		return pair[0];
	table = table_of(pair[0], 0x000fffffffffff00);
	if (table) {
		*shift = 16;
		pte = read_word(table, va >> 16 & 0x1f);
		if (pte & 1)
			return pte;
		assert_int_equal(pte, 0);
	}
	table = table_of(pair[1], 0x000ffffffffff000);
	*shift = 12;
	return table ? read_word(table, va >> 12 & 0x1ff) : 0;
}

/* Where @va leads to, + 1; 0 for nowhere */
static u64 gpu_translate(u64 root, u64 va)
{
	unsigned int shift;
	u64 pte = gpu_walk(root, va, &shift), size;

	if (!(pte & 1))
		return 0;
	size = 1ULL << shift;
	assert_int_equal(pte & 0x000ffffffffff000 & (size - 1), 0);
	return (pte & 0x000ffffffffff000) + (va & (size - 1)) + 1;
}

/* As the driver's vmm.c, but for what makes the GPU forget */
static int map(struct nvg_pt *root, u64 va, u64 addr, u64 size)
{
	LIST_HEAD(empty);
	u64 done = 0;
	int rc;

	while (done < size) {
		enum nvg_pt_level level = nvg_leaf_level(va + done, addr + done, size - done);

		rc = nvg_pt_map(&pools, root, va + done, level,
				nvg_pte(NVG_APERTURE_FB, 0, addr + done, 0));
		if (rc) {
			nvg_pt_prune(root, va + done, level, &empty);
			if (done)
				nvg_pt_unmap(root, va, done, &empty);
			nvg_pt_free_list(&pools, &empty);
			return rc;
		}
		done += nvg_pt_leaf(level);
	}
	return 0;
}

static void unmap(struct nvg_pt *root, u64 va, u64 size)
{
	LIST_HEAD(empty);

	nvg_pt_unmap(root, va, size, &empty);
	nvg_pt_free_list(&pools, &empty);
}

static struct nvg_pt *new_tree(void)
{
	struct nvg_pt *root;

	allocations = 0;
	root = nvg_pt_create(&pools);
	assert_non_null(root);
	return root;
}

/* All tables but the root are gone with what they mapped */
static void assert_empty_and_destroy(struct nvg_pt *root)
{
	struct nvg_pt *other;
	int used = allocations;

	other = nvg_pt_create(&pools);
	assert_int_equal(used, allocations - used);
	nvg_pt_destroy(&pools, other);
	nvg_pt_destroy(&pools, root);
	assert_int_equal(allocations, 0);
}

static void leaves_of_all_sizes_share_a_directory(void **state)
{
	struct nvg_pt *root = new_tree();
	u64 pdb = nvg_pt_address(root);
	unsigned int shift;

	(void)state;
	assert_int_equal(map(root, M2, M2, M2), 0);
	assert_int_equal(map(root, 2 * M2, 0x7f0000, K64), 0);
	assert_int_equal(map(root, 2 * M2 + K64, 0x111000, K64), 0);
	assert_int_equal(gpu_translate(pdb, M2 + 5), M2 + 5 + 1);
	gpu_walk(pdb, M2, &shift);
	assert_int_equal(shift, 21);
	assert_int_equal(gpu_translate(pdb, 2 * M2 + 0x1234), 0x7f1234 + 1);
	gpu_walk(pdb, 2 * M2, &shift);
	assert_int_equal(shift, 16);
	assert_int_equal(gpu_translate(pdb, 2 * M2 + K64 + 0x1234), 0x112234 + 1);
	gpu_walk(pdb, 2 * M2 + K64, &shift);
	assert_int_equal(shift, 12);
	assert_int_equal(gpu_translate(pdb, 2 * M2 + 2 * K64), 0);
	assert_int_equal(gpu_translate(pdb, M2 - 1), 0);

	unmap(root, 0, 4 * M2);
	assert_int_equal(gpu_translate(pdb, M2), 0);
	assert_empty_and_destroy(root);
}

static void what_is_mapped_is_not_mapped_over(void **state)
{
	static const u64 size[] = { K4, K64, M2 };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			struct nvg_pt *root = new_tree();
			u64 pdb = nvg_pt_address(root);

			assert_int_equal(map(root, M2, 8 * M2, size[i]), 0);
			assert_int_equal(map(root, M2, 16 * M2, size[j]), -EEXIST);
			/* Nor after a part that fits */
			assert_int_equal(map(root, M2 - K4, 16 * M2 - K4, K4 + size[j]), -EEXIST);
			assert_int_equal(gpu_translate(pdb, M2), 8 * M2 + 1);
			assert_int_equal(gpu_translate(pdb, M2 - K4), 0);
			unmap(root, M2, size[i]);
			assert_empty_and_destroy(root);
		}
	}
}

static void a_large_leaf_goes_with_a_part_of_it(void **state)
{
	struct nvg_pt *root = new_tree();

	(void)state;
	assert_int_equal(map(root, M2, M2, M2), 0);
	assert_int_equal(map(root, 2 * M2, 2 * M2, K64), 0);
	unmap(root, 2 * M2 - K4, 2 * K4);
	assert_empty_and_destroy(root);
}

static void a_kept_table_stays_when_it_is_empty(void **state)
{
	struct nvg_pt *root = new_tree();
	u64 pdb = nvg_pt_address(root), pde;

	(void)state;
	assert_int_equal(nvg_pt_keep_first(&pools, root, &pde), 0);
	assert_int_equal(read_word(pdb, 0), pde);
	assert_int_equal(map(root, 0, M2, 3 * M2), 0);
	unmap(root, 0, 3 * M2);
	assert_int_equal(read_word(pdb, 0), pde);
	assert_int_equal(map(root, K4, M2, K4), 0);
	assert_int_equal(read_word(pdb, 0), pde);
	assert_int_equal(gpu_translate(pdb, K4), M2 + 1);
	nvg_pt_destroy(&pools, root);
	assert_int_equal(allocations, 0);
}

static void without_memory_nothing_is_left_behind(void **state)
{
	struct nvg_pt *root = new_tree();
	u64 pdb = nvg_pt_address(root);
	/* Leaves of all sizes, on both sides of a directory's end */
	u64 va = BASE - M2 - K4, addr = 64 * M2 - K4, size = 2 * M2 + K64 + 2 * K4;
	int i, rc = -ENOMEM, before = allocations;

	(void)state;
	for (i = 0; rc; i++) {
		assert_true(i < 100);
		fail_after = i;
		rc = map(root, va, addr, size);
		fail_after = -1;
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(allocations, before);
		assert_int_equal(gpu_translate(pdb, va), 0);
	}
	assert_true(i > 10);
	assert_int_equal(gpu_translate(pdb, va + size - 1), addr + size - 1 + 1);
	unmap(root, va, size);
	assert_empty_and_destroy(root);
}

/* The model: where each page leads to, + 1, and which mapping it belongs to */
static struct {
	u64 addr[PAGES];
	unsigned int first[PAGES];
	unsigned int pages[PAGES];
} m;

static u64 random_below(u64 max)
{
	return ((u64)rand() << 31 | rand()) % max;
}

/* Sizes and places that often are those of large leaves */
static u64 random_unit(void)
{
	static const u64 unit[] = { 1, 1, 16, 16, 512 };

	return unit[random_below(5)];
}

static void random_map(struct nvg_pt *root)
{
	u64 unit = random_unit(), i, page, pages, addr, taken = 0;
	int rc;

	page = random_below(PAGES / unit) * unit;
	pages = (1 + random_below(3)) * unit + (random_below(4) ? 0 : random_below(20));
	if (pages > PAGES - page)
		pages = PAGES - page;
	addr = (random_below(1 << 20) * unit + (random_below(4) ? 0 : random_below(16))) * K4;
	for (i = page; i < page + pages; i++)
		taken += m.addr[i] != 0;
	fail_after = random_below(8) ? -1 : (int)random_below(12);
	rc = map(root, BASE + page * K4, addr, pages * K4);
	if (fail_after < 0 && rc == -ENOMEM)
		return;
	fail_after = -1;
	assert_int_equal(rc, taken ? -EEXIST : 0);
	if (rc)
		return;
	for (i = 0; i < pages; i++) {
		m.addr[page + i] = addr + i * K4 + 1;
		m.first[page + i] = page;
		m.pages[page + i] = pages;
	}
}

static void random_unmap(struct nvg_pt *root)
{
	unsigned int page = random_below(PAGES), first, pages;

	if (!m.addr[page]) {
		unmap(root, BASE + page * K4, K4);
		return;
	}
	first = m.first[page];
	pages = m.pages[page];
	unmap(root, BASE + first * K4, pages * K4);
	memset(&m.addr[first], 0, pages * sizeof(m.addr[0]));
}

static void random_maps_match_the_model(void **state)
{
	struct nvg_pt *root = new_tree();
	const char *seed = getenv("TEST_PTE_SEED");
	unsigned int i, page, start = seed ? atoi(seed) : (unsigned int)time(NULL);

	(void)state;
	print_message("# TEST_PTE_SEED=%u\n", start);
	srand(start);
	for (i = 0; i < OPERATIONS; i++) {
		if (random_below(5) < 3)
			random_map(root);
		else
			random_unmap(root);
		if (i % 16)
			continue;
		for (page = 0; page < PAGES; page++)
			assert_int_equal(gpu_translate(nvg_pt_address(root), BASE + page * K4),
					 m.addr[page]);
	}
	unmap(root, BASE, PAGES * K4);
	assert_empty_and_destroy(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_have_the_bits_of_the_manual),
		cmocka_unit_test(what_does_not_belong_in_a_leaf_stays_out),
		cmocka_unit_test(directories_point_to_coherent_memory_without_ats),
		cmocka_unit_test(an_address_is_cut_into_57_bits),
		cmocka_unit_test(a_leaf_is_as_large_as_alignment_and_size_allow),
		cmocka_unit_test(a_fault_entry_is_taken_apart),
		cmocka_unit_test(leaves_of_all_sizes_share_a_directory),
		cmocka_unit_test(what_is_mapped_is_not_mapped_over),
		cmocka_unit_test(a_large_leaf_goes_with_a_part_of_it),
		cmocka_unit_test(a_kept_table_stays_when_it_is_empty),
		cmocka_unit_test(without_memory_nothing_is_left_behind),
		cmocka_unit_test(random_maps_match_the_model),
	};

	return cmocka_run_group_tests_name("pte", tests, NULL, NULL);
}
