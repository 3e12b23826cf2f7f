// SPDX-License-Identifier: GPL-2.0
/*
 * retired.c: firmware's table of bad pages, honest and hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retired.h"

#define BASE	0x10000000000ULL
#define SIZE	(64 * EGM_RETIRED_PAGE)

unsigned int shim_warnings;

/* What the parser passed on */
struct record {
	unsigned int nr;
	unsigned int fail_at;
	u64 paddr[EGM_RETIRED_MAX];
	u64 length[EGM_RETIRED_MAX];
};

static int record_retire(void *data, u64 paddr, u64 length)
{
	struct record *r = data;

	if (r->nr == r->fail_at)
		return -12;
	r->paddr[r->nr] = paddr;
	r->length[r->nr++] = length;
	return 0;
}

struct fixture {
	/* On the heap and exactly as long as promised, for ASan to guard it */
	__le64 *table;
	struct record r;
	struct egm_retired_stats stats;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->table = calloc(1, EGM_RETIRED_TABLE_SIZE);
	f->r.fail_at = -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->table);
	free(f);
	return 0;
}

static void put(struct fixture *f, u64 paddr)
{
	u64 n = le64_to_cpu(f->table[0]) + 1;

	f->table[0] = htole64(n);
	f->table[n] = htole64(paddr);
}

static int parse(struct fixture *f, u64 base, u64 size)
{
	return egm_retired_parse(f->table, base, size, record_retire, &f->r,
				 &f->stats);
}

static void an_empty_table_retires_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, BASE, SIZE), 0);
	assert_int_equal(f->r.nr, 0);
	assert_int_equal(f->stats.claimed, 0);
	assert_int_equal(f->stats.outside, 0);
}

static void each_entry_retires_64_kib(void **state)
{
	struct fixture *f = *state;

	put(f, BASE);
	put(f, BASE + SIZE - EGM_RETIRED_PAGE);
	put(f, BASE + 3 * EGM_RETIRED_PAGE + 0x1234);
	assert_int_equal(parse(f, BASE, SIZE), 0);
	assert_int_equal(f->r.nr, 3);
	assert_int_equal(f->r.paddr[0], BASE);
	assert_int_equal(f->r.paddr[1], BASE + SIZE - EGM_RETIRED_PAGE);
	assert_int_equal(f->r.paddr[2], BASE + 3 * EGM_RETIRED_PAGE);
	assert_int_equal(f->r.length[0], EGM_RETIRED_PAGE);
	assert_int_equal(f->r.length[2], EGM_RETIRED_PAGE);
	assert_int_equal(f->stats.used, 3);
}

static void entries_outside_are_skipped_and_counted(void **state)
{
	struct fixture *f = *state;

	put(f, 0);
	put(f, BASE - EGM_RETIRED_PAGE);
	put(f, BASE + SIZE);
	put(f, UINT64_MAX);
	put(f, BASE);
	assert_int_equal(parse(f, BASE, SIZE), 0);
	assert_int_equal(f->r.nr, 1);
	assert_int_equal(f->stats.used, 1);
	assert_int_equal(f->stats.outside, 4);
}

static void entries_across_an_end_are_cut(void **state)
{
	struct fixture *f = *state;

	/* A region that starts and ends within a 64 KiB piece */
	put(f, BASE);
	put(f, BASE + SIZE);
	assert_int_equal(parse(f, BASE + 0x4000, SIZE), 0);
	assert_int_equal(f->r.nr, 2);
	assert_int_equal(f->r.paddr[0], BASE + 0x4000);
	assert_int_equal(f->r.length[0], EGM_RETIRED_PAGE - 0x4000);
	assert_int_equal(f->r.paddr[1], BASE + SIZE);
	assert_int_equal(f->r.length[1], 0x4000);
}

static void a_count_above_the_maximum_is_bounded(void **state)
{
	static const u64 counts[] = { EGM_RETIRED_MAX, EGM_RETIRED_MAX + 1,
				      UINT32_MAX, UINT64_MAX };
	struct fixture *f = *state;
	size_t i;

	for (i = 1; i <= EGM_RETIRED_MAX; i++)
		f->table[i] = htole64(BASE);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		f->table[0] = htole64(counts[i]);
		f->r.nr = 0;
		assert_int_equal(parse(f, BASE, SIZE), 0);
		assert_int_equal(f->r.nr, EGM_RETIRED_MAX);
		assert_int_equal(f->stats.claimed, counts[i]);
	}
}

static void an_error_of_the_callback_ends_it(void **state)
{
	struct fixture *f = *state;

	put(f, BASE);
	put(f, BASE + EGM_RETIRED_PAGE);
	put(f, BASE + 2 * EGM_RETIRED_PAGE);
	f->r.fail_at = 1;
	assert_int_equal(parse(f, BASE, SIZE), -12);
	assert_int_equal(f->r.nr, 1);
}

static void nothing_outside_the_region_is_ever_retired(void **state)
{
	struct fixture *f = *state;
	unsigned int round, i;

	srandom(2);
	for (round = 0; round < 2000; round++) {
		/* Bases and sizes near 0 and near 2^64, too */
		u64 base = (u64)random() << (random() % 34);
		u64 size = 1 + ((u64)random() << (random() % 33));

		if (round % 3 == 0)
			base = UINT64_MAX - base;
		if (size > UINT64_MAX - base)
			size = UINT64_MAX - base;
		if (!size)
			continue;
		f->table[0] = htole64(random() % 64);
		for (i = 1; i <= 64; i++) {
			u64 entry = (u64)random() << (random() % 34);

			if (random() % 2)
				entry = base + (int64_t)(random() % 0x40000) -
					0x20000;
			f->table[i] = htole64(entry);
		}
		f->r.nr = 0;
		assert_int_equal(parse(f, base, size), 0);
		assert_int_equal(f->stats.used + f->stats.outside,
				 f->stats.claimed);
		for (i = 0; i < f->r.nr; i++) {
			assert_true(f->r.length[i] > 0);
			assert_true(f->r.length[i] <= EGM_RETIRED_PAGE);
			assert_true(f->r.paddr[i] >= base);
			assert_true(f->r.paddr[i] - base <=
				    size - f->r.length[i]);
		}
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_empty_table_retires_nothing),
		T(each_entry_retires_64_kib),
		T(entries_outside_are_skipped_and_counted),
		T(entries_across_an_end_are_cut),
		T(a_count_above_the_maximum_is_bounded),
		T(an_error_of_the_callback_ends_it),
		T(nothing_outside_the_region_is_ever_retired),
	};

	return cmocka_run_group_tests_name("retired", tests, NULL, NULL);
}
