// SPDX-License-Identifier: GPL-2.0
/*
 * mem_extent.c: offset to physical address and back, checked against the plainest
 * model there is, an array with the address of every page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mem_extent.h"

#define PAGE		4096ULL
#define GIB		(1ULL << 30)
#define MAX_EXTENTS	64
#define MAX_PAGES	4096

unsigned int shim_warnings;

static struct mem_extents *new_extents(unsigned int max)
{
	struct mem_extents *ext;

	ext = calloc(1, sizeof(*ext) + max * sizeof(ext->extents[0]));
	assert_non_null(ext);
	ext->max = max;
	shim_warnings = 0;
	return ext;
}

static void offsets_find_their_address(void **state)
{
	struct mem_extents *ext = new_extents(3);
	u64 contig;

	(void)state;
	mem_extents_append(ext, 100 * GIB, GIB);
	mem_extents_append(ext, 7 * GIB, 2 * PAGE);
	mem_extents_append(ext, 50 * GIB, PAGE);
	assert_int_equal(ext->nr, 3);
	assert_int_equal(ext->length, GIB + 3 * PAGE);
	assert_int_equal(ext->holes, 0);

	assert_int_equal(mem_extents_find(ext, 0, &contig), 100 * GIB);
	assert_int_equal(contig, GIB);
	assert_int_equal(mem_extents_find(ext, GIB - 1, &contig),
			 101 * GIB - 1);
	assert_int_equal(contig, 1);
	assert_int_equal(mem_extents_find(ext, GIB, &contig), 7 * GIB);
	assert_int_equal(contig, 2 * PAGE);
	assert_int_equal(mem_extents_find(ext, GIB + 2 * PAGE, &contig),
			 50 * GIB);
	assert_int_equal(contig, PAGE);
	assert_int_equal(shim_warnings, 0);
	free(ext);
}

static void contiguous_blocks_become_one_extent(void **state)
{
	struct mem_extents *ext = new_extents(2);

	(void)state;
	mem_extents_append(ext, 4 * GIB, GIB);
	mem_extents_append(ext, 5 * GIB, PAGE);
	mem_extents_append(ext, 5 * GIB + PAGE, PAGE);
	assert_int_equal(ext->nr, 1);
	assert_int_equal(ext->extents[0].length, GIB + 2 * PAGE);
	/* Before, not behind: another extent */
	mem_extents_append(ext, 4 * GIB - PAGE, PAGE);
	assert_int_equal(ext->nr, 2);
	free(ext);
}

static void too_many_extents_warn_and_change_nothing(void **state)
{
	struct mem_extents *ext = new_extents(1);

	(void)state;
	mem_extents_append(ext, GIB, PAGE);
	mem_extents_append(ext, 3 * GIB, PAGE);
	assert_int_equal(shim_warnings, 1);
	assert_int_equal(ext->nr, 1);
	assert_int_equal(ext->length, PAGE);
	free(ext);
}

static void an_offset_past_the_end_has_no_address(void **state)
{
	struct mem_extents *ext = new_extents(1);
	u64 contig = 1;

	(void)state;
	mem_extents_append(ext, GIB, PAGE);
	assert_int_equal(mem_extents_find(ext, PAGE, &contig),
			 MEM_EXTENTS_HOLE);
	assert_int_equal(contig, 0);
	assert_int_equal(mem_extents_find(ext, UINT64_MAX, &contig),
			 MEM_EXTENTS_HOLE);
	assert_int_equal(shim_warnings, 2);
	free(ext);
}

static void holes_have_no_address_and_count_as_length(void **state)
{
	struct mem_extents *ext = new_extents(2);
	u64 contig;

	(void)state;
	mem_extents_skip(ext, PAGE);
	mem_extents_append(ext, GIB, 2 * PAGE);
	mem_extents_skip(ext, PAGE);
	mem_extents_skip(ext, 2 * PAGE);
	mem_extents_append(ext, GIB + 5 * PAGE, PAGE);
	mem_extents_skip(ext, 4 * PAGE);
	assert_int_equal(ext->nr, 2);
	assert_int_equal(ext->length, 11 * PAGE);
	assert_int_equal(ext->holes, 8 * PAGE);

	assert_int_equal(mem_extents_find(ext, 0, &contig), MEM_EXTENTS_HOLE);
	assert_int_equal(contig, PAGE);
	assert_int_equal(mem_extents_find(ext, PAGE - 1, &contig),
			 MEM_EXTENTS_HOLE);
	assert_int_equal(contig, 1);
	assert_int_equal(mem_extents_find(ext, PAGE, &contig), GIB);
	assert_int_equal(contig, 2 * PAGE);
	assert_int_equal(mem_extents_find(ext, 3 * PAGE, &contig),
			 MEM_EXTENTS_HOLE);
	assert_int_equal(contig, 3 * PAGE);
	assert_int_equal(mem_extents_find(ext, 6 * PAGE, &contig),
			 GIB + 5 * PAGE);
	assert_int_equal(contig, PAGE);
	assert_int_equal(mem_extents_find(ext, 7 * PAGE + 1, &contig),
			 MEM_EXTENTS_HOLE);
	assert_int_equal(contig, 4 * PAGE - 1);
	assert_int_equal(shim_warnings, 0);
	free(ext);
}

static void what_a_hole_parts_stays_two_extents(void **state)
{
	struct mem_extents *ext = new_extents(2);

	(void)state;
	mem_extents_append(ext, GIB, PAGE);
	mem_extents_skip(ext, PAGE);
	/* Contiguous in memory, but not in the object */
	mem_extents_append(ext, GIB + PAGE, PAGE);
	assert_int_equal(ext->nr, 2);
	/* No hole at all */
	mem_extents_skip(ext, 0);
	mem_extents_append(ext, GIB + 2 * PAGE, PAGE);
	assert_int_equal(ext->nr, 2);
	assert_int_equal(ext->length, 4 * PAGE);
	free(ext);
}

static void an_object_can_be_one_hole(void **state)
{
	struct mem_extents *ext = new_extents(0);
	u64 contig;

	(void)state;
	mem_extents_skip(ext, 5 * PAGE);
	assert_int_equal(mem_extents_find(ext, PAGE, &contig),
			 MEM_EXTENTS_HOLE);
	assert_int_equal(contig, 4 * PAGE);
	assert_int_equal(mem_extents_offset(ext, 0), MEM_EXTENTS_HOLE);
	assert_int_equal(shim_warnings, 0);
	free(ext);
}

static void addresses_find_their_offset(void **state)
{
	struct mem_extents *ext = new_extents(2);

	(void)state;
	mem_extents_append(ext, 7 * GIB, 2 * PAGE);
	mem_extents_skip(ext, PAGE);
	mem_extents_append(ext, 8 * GIB, PAGE);
	assert_int_equal(mem_extents_offset(ext, 7 * GIB), 0);
	assert_int_equal(mem_extents_offset(ext, 7 * GIB + 2 * PAGE - 1),
			 2 * PAGE - 1);
	assert_int_equal(mem_extents_offset(ext, 8 * GIB + 1), 3 * PAGE + 1);
	assert_int_equal(mem_extents_offset(ext, 7 * GIB - 1),
			 MEM_EXTENTS_HOLE);
	assert_int_equal(mem_extents_offset(ext, 7 * GIB + 2 * PAGE),
			 MEM_EXTENTS_HOLE);
	assert_int_equal(mem_extents_offset(ext, 8 * GIB + PAGE),
			 MEM_EXTENTS_HOLE);
	free(ext);
}

static void the_largest_block_is_aligned_in_both_spaces(void **state)
{
	static const struct {
		struct mem_extent extent;
		u64 block;
	} cases[] = {
		{ { .paddr = 1024 * GIB, .length = 4 * GIB }, 4 * GIB },
		{ { .paddr = 1024 * GIB, .length = 3 * GIB }, 2 * GIB },
		{ { .paddr = 1024 * GIB, .length = PAGE }, PAGE },
		/* The address is less aligned than the length */
		{ { .paddr = GIB + (2 << 20), .length = GIB }, 2 << 20 },
		/* Offset and address agree, but the piece starts unaligned */
		{ { .paddr = GIB + PAGE, .length = GIB, .offset = PAGE },
		  1ULL << 29 },
		{ { .paddr = GIB + PAGE, .length = 2 * GIB, .offset = PAGE },
		  GIB },
		/* They do not agree: no alignment beyond a page */
		{ { .paddr = GIB, .length = GIB, .offset = PAGE }, PAGE },
		/* The identity: bounded by the length alone */
		{ { .paddr = 0, .length = 1ULL << 62 }, 1ULL << 62 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("# case %zu\n", i);
		assert_int_equal(mem_extent_max_block(&cases[i].extent),
				 cases[i].block);
	}
}

/* Is there an aligned block of this size? By trying them all */
static bool has_block(const u64 *model, unsigned int npages, u64 block)
{
	u64 pages = block / PAGE, start, i;

	for (start = 0; start + pages <= npages; start += pages) {
		if (model[start] == MEM_EXTENTS_HOLE || model[start] % block)
			continue;
		for (i = 1; i < pages; i++)
			if (model[start + i] != model[start] + i * PAGE)
				break;
		if (i == pages)
			return true;
	}
	return false;
}

/* How many pages go on where the page before ends, or are in the same hole */
static u64 contig_pages(const u64 *model, unsigned int npages)
{
	u64 n, step = model[0] == MEM_EXTENTS_HOLE ? 0 : PAGE;

	for (n = 1; n < npages; n++)
		if (model[n] != model[0] + n * step)
			break;
	return n;
}

static void random_objects_match_the_model(void **state)
{
	static u64 model[MAX_PAGES];
	unsigned int round, npages, i;

	(void)state;
	srandom(1);
	for (round = 0; round < 2000; round++) {
		struct mem_extents *ext = new_extents(MAX_EXTENTS);
		u64 block, contig, n;

		npages = 0;
		for (i = 1 + random() % MAX_EXTENTS; i; i--) {
			u64 length = 1ULL << (random() % 7);
			u64 paddr = (random() % 4096) * PAGE;
			bool hole = random() % 4 == 0;

			if (random() % 2)
				paddr &= ~(length * PAGE - 1);
			if (npages + length > MAX_PAGES)
				break;
			if (hole)
				mem_extents_skip(ext, length * PAGE);
			else
				mem_extents_append(ext, paddr, length * PAGE);
			for (n = 0; n < length; n++)
				model[npages++] = hole ? MEM_EXTENTS_HOLE :
						  paddr + n * PAGE;
		}
		assert_int_equal(ext->length, npages * PAGE);
		for (i = 0; i < npages; i++) {
			assert_int_equal(mem_extents_find(ext, i * PAGE,
							  &contig), model[i]);
			n = contig_pages(model + i, npages - i);
			assert_int_equal(contig, n * PAGE);
		}
		block = mem_extents_max_block(ext);
		if (ext->nr) {
			assert_true(block >= PAGE);
			assert_true(has_block(model, npages, block));
			assert_false(has_block(model, npages, block * 2));
		}
		assert_int_equal(shim_warnings, 0);
		free(ext);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_find_their_address),
		cmocka_unit_test(contiguous_blocks_become_one_extent),
		cmocka_unit_test(too_many_extents_warn_and_change_nothing),
		cmocka_unit_test(an_offset_past_the_end_has_no_address),
		cmocka_unit_test(holes_have_no_address_and_count_as_length),
		cmocka_unit_test(what_a_hole_parts_stays_two_extents),
		cmocka_unit_test(an_object_can_be_one_hole),
		cmocka_unit_test(addresses_find_their_offset),
		cmocka_unit_test(the_largest_block_is_aligned_in_both_spaces),
		cmocka_unit_test(random_objects_match_the_model),
	};

	return cmocka_run_group_tests_name("extent", tests, NULL, NULL);
}
