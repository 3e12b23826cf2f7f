// SPDX-License-Identifier: GPL-2.0
/*
 * Property test of the pool: 100,000 random operations on it and on a naive model, a
 * byte a page, must agree. The pool is the real one on the real gpu_buddy, compiled
 * for the build host. TEST_POOL_SEED repeats a run.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include <linux/pgtable.h>
#include <linux/slab.h>

#include "mem_pool.h"

#define OPERATIONS	100000
#define PAGES		4096
#define BASE		(0x10000000000ULL + 37 * PAGE_SIZE)
#define MAX_TAKEN	64

static size_t shim_bytes;

int shim_module_init(void);
void shim_module_exit(void);

void *shim_alloc(size_t size)
{
	void *p = calloc(1, size);

	shim_bytes += malloc_usable_size(p);
	return p;
}

void shim_free(void *p)
{
	shim_bytes -= p ? malloc_usable_size(p) : 0;
	free(p);
}

enum page_state { FREE, TAKEN, SCRUBBING };

/* What must be true of each page, and who has what */
static struct {
	struct iommufd_mem_pool pool;
	enum page_state page[PAGES];
	bool retired[PAGES];
	bool clean[PAGES];
	struct list_head taken[MAX_TAKEN];
	bool scrub[MAX_TAKEN];
	unsigned int nr_taken;
} m;

static u64 page_of(u64 paddr)
{
	return (paddr - BASE) / PAGE_SIZE;
}

static u64 free_pages(void)
{
	unsigned int i, nr = 0;

	for (i = 0; i < PAGES; i++)
		nr += m.page[i] == FREE && !m.retired[i];
	return nr;
}

/* What the entry of a page table maps that a block can have */
static u64 entry_size(u64 size)
{
	return size >= PUD_SIZE ? PUD_SIZE : size >= PMD_SIZE ? PMD_SIZE :
								PAGE_SIZE;
}

/*
 * Every block is in the region, was free and is good, and they are in order: by
 * address, or @by_entry before that; returns how many pages
 */
static u64 model_take(struct list_head *blocks, u64 align, enum page_state as,
		      bool by_entry)
{
	u64 pages = 0, last = 0, entry = PUD_SIZE, i;
	struct gpu_buddy_block *block;

	list_for_each_entry(block, blocks, link) {
		u64 start = gpu_buddy_block_offset(block);
		u64 size = gpu_buddy_block_size(&m.pool.buddy, block);

		if (by_entry && entry_size(size) < entry) {
			entry = entry_size(size);
			last = 0;
		}
		assert_true(!by_entry || entry_size(size) == entry);
		assert_true(start >= BASE && start >= last);
		assert_true(start + size <= BASE + PAGES * PAGE_SIZE);
		assert_int_equal(start % align, 0);
		assert_int_equal(size % align, 0);
		last = start + size;
		for (i = page_of(start); i < page_of(last); i++) {
			assert_int_equal(m.page[i], FREE);
			assert_false(m.retired[i]);
			/* Said to be clean: it must be */
			if (gpu_buddy_block_is_clear(block))
				assert_true(m.clean[i]);
			m.page[i] = as;
			m.clean[i] = false;
			pages++;
		}
	}
	return pages;
}

static void keep(struct list_head *blocks, bool scrub)
{
	INIT_LIST_HEAD(&m.taken[m.nr_taken]);
	list_splice(blocks, &m.taken[m.nr_taken]);
	m.scrub[m.nr_taken++] = scrub;
}

static void do_alloc(void)
{
	u64 align = PAGE_SIZE << (random() % 2 ? 0 : random() % 8);
	u64 length = align * (1 + random() % (random() % 4 ? 16 : PAGES / 4));
	LIST_HEAD(blocks);
	int rc;

	rc = iommufd_mem_pool_alloc(&m.pool, length, align, &blocks);
	if (rc) {
		assert_int_equal(rc, -ENOSPC);
		/* Single pages can always be had if there are enough */
		if (align == PAGE_SIZE)
			assert_true(length / PAGE_SIZE > free_pages());
		assert_true(list_empty(&blocks));
		return;
	}
	assert_int_equal(model_take(&blocks, align, TAKEN, true), length / PAGE_SIZE);
	keep(&blocks, false);
}

static void do_alloc_linear(void)
{
	u64 pages = 1 + random() % (random() % 4 ? 64 : PAGES), i, good = 0;
	bool busy = false;
	LIST_HEAD(blocks);
	int rc;

	for (i = 0; i < pages; i++) {
		busy |= m.page[i] != FREE && !m.retired[i];
		good += !m.retired[i];
	}
	rc = iommufd_mem_pool_alloc_linear(&m.pool, pages * PAGE_SIZE, &blocks);
	assert_int_equal(rc, busy ? -EBUSY : 0);
	if (rc) {
		assert_true(list_empty(&blocks));
		return;
	}
	assert_int_equal(model_take(&blocks, PAGE_SIZE, TAKEN, false), good);
	for (i = 0; i < pages; i++)
		assert_true(m.page[i] == TAKEN || m.retired[i]);
	keep(&blocks, false);
}

static void do_take_dirty(void)
{
	u64 max = PAGE_SIZE << random() % 10, dirty = 0, i;
	struct gpu_buddy_block *block;
	LIST_HEAD(blocks);

	for (i = 0; i < PAGES; i++)
		dirty += m.page[i] == FREE && !m.retired[i] && !m.clean[i];
	block = iommufd_mem_pool_take_dirty(&m.pool, max);
	if (!block) {
		assert_int_equal(dirty, 0);
		return;
	}
	assert_true(gpu_buddy_block_size(&m.pool.buddy, block) <= max);
	assert_false(gpu_buddy_block_is_clear(block));
	list_add(&block->link, &blocks);
	model_take(&blocks, PAGE_SIZE, SCRUBBING, false);
	keep(&blocks, true);
}

static void do_free(unsigned int n)
{
	bool clean = m.scrub[n] && random() % 8;
	struct gpu_buddy_block *block;

	list_for_each_entry(block, &m.taken[n], link) {
		u64 i = page_of(gpu_buddy_block_offset(block)), nr;

		nr = gpu_buddy_block_size(&m.pool.buddy, block) / PAGE_SIZE;
		for (; nr; nr--, i++) {
			m.page[i] = FREE;
			m.clean[i] = clean;
		}
	}
	iommufd_mem_pool_free(&m.pool, &m.taken[n], clean);
	assert_true(list_empty(&m.taken[n]));
	if (n != --m.nr_taken) {
		INIT_LIST_HEAD(&m.taken[n]);
		list_splice(&m.taken[m.nr_taken], &m.taken[n]);
		m.scrub[n] = m.scrub[m.nr_taken];
	}
}

static void do_retire(void)
{
	static u64 last;
	u64 start = random() % PAGES, i;
	u64 nr = 1 + random() % 3;

	/* Often near, so that ranges overlap, touch and contain each other */
	if (random() % 4)
		start = (last + PAGES + random() % 7 - 3) % PAGES;
	last = start;
	if (nr > PAGES - start)
		nr = PAGES - start;
	assert_int_equal(iommufd_mem_pool_retire(&m.pool,
						 BASE + start * PAGE_SIZE,
						 nr * PAGE_SIZE - 1, GFP_KERNEL),
			 0);
	for (i = start; i < start + nr; i++)
		m.retired[i] = true;
}

/* Every page is in one piece, which is what the page is */
static void check_pieces(void)
{
	u64 at, i, end, last = BASE + PAGES * PAGE_SIZE, clean = 0;
	enum iommufd_mem_state state;

	for (at = BASE; at < last; at = end) {
		state = iommufd_mem_pool_state(&m.pool, at, &end);
		assert_true(end > at && end <= last);
		assert_int_equal(end % PAGE_SIZE, 0);
		for (i = page_of(at); i < page_of(end); i++) {
			assert_int_equal(state == IOMMUFD_MEM_RETIRED,
					 m.retired[i]);
			if (m.retired[i])
				continue;
			assert_int_equal(state == IOMMUFD_MEM_TAKEN,
					 m.page[i] != FREE);
			if (state == IOMMUFD_MEM_CLEAN)
				assert_true(m.clean[i]);
		}
		if (state == IOMMUFD_MEM_CLEAN)
			clean += end - at;
	}
	assert_int_equal(clean, m.pool.buddy.clear_avail);
}

static void check_all(void)
{
	struct iommufd_mem_pool *pool = &m.pool;
	u64 retired = 0, clean = 0, i;

	for (i = 0; i < PAGES; i++) {
		retired += m.retired[i];
		clean += m.page[i] == FREE && !m.retired[i] && m.clean[i];
		assert_int_equal(iommufd_mem_pool_is_retired(pool,
							     BASE + i * PAGE_SIZE,
							     PAGE_SIZE),
				 m.retired[i]);
	}
	assert_int_equal(pool->retired_bytes, retired * PAGE_SIZE);
	assert_int_equal(pool->buddy.avail, free_pages() * PAGE_SIZE);
	/* gpu_buddy may forget that something is clean, never the reverse */
	assert_true(pool->buddy.clear_avail <= clean * PAGE_SIZE);
	check_pieces();
}

static void random_operations_match_the_model(void **state)
{
	const char *text = getenv("TEST_POOL_SEED");
	unsigned int seed = text ? strtoul(text, NULL, 0) : (unsigned int)time(NULL);
	size_t before = shim_bytes;
	unsigned int n;

	(void)state;
	print_message("# TEST_POOL_SEED=%u\n", seed);
	srandom(seed);
	memset(&m, 0, sizeof(m));
	assert_int_equal(iommufd_mem_pool_init(&m.pool, BASE, PAGES * PAGE_SIZE,
					       false), 0);
	for (n = 0; n < OPERATIONS; n++) {
		unsigned int what = random() % 100;

		if (!(random() % 2000))
			do_retire();
		else if (m.nr_taken == MAX_TAKEN || (what < 48 && m.nr_taken))
			do_free(random() % m.nr_taken);
		else if (what < 80)
			do_alloc();
		else if (what < 90)
			do_alloc_linear();
		else
			do_take_dirty();
		if (n % 64 == 0)
			check_all();
	}
	for (n = 0; n < 8; n++)
		do_retire();
	while (m.nr_taken)
		do_free(0);
	check_all();
	iommufd_mem_pool_fini(&m.pool);
	assert_int_equal(shim_bytes, before);
}

static void a_clean_region_is_clean(void **state)
{
	struct iommufd_mem_pool pool;
	LIST_HEAD(blocks);

	(void)state;
	assert_int_equal(iommufd_mem_pool_init(&pool, BASE, PAGES * PAGE_SIZE,
					       true), 0);
	assert_int_equal(pool.buddy.clear_avail, PAGES * PAGE_SIZE);
	assert_null(iommufd_mem_pool_take_dirty(&pool, 64 * PAGE_SIZE));
	iommufd_mem_pool_fini(&pool);
}

/* All of a region with bad pages: nothing is less aligned in the object than in memory */
static void small_blocks_do_not_shift_large_ones(void **state)
{
	const u64 base = 1ULL << 40, size = 8ULL << 30;
	struct gpu_buddy_block *block;
	struct iommufd_mem_pool pool;
	LIST_HEAD(blocks);
	u64 offset = 0, large = 0, length, align, at, last;
	unsigned int i;

	(void)state;
	assert_int_equal(iommufd_mem_pool_init(&pool, base, size, true), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(iommufd_mem_pool_retire(&pool,
				base + i * (2ULL << 30) + (300ULL << 20),
				PAGE_SIZE, GFP_KERNEL), 0);
	assert_int_equal(iommufd_mem_pool_alloc(&pool, size - 3 * PAGE_SIZE,
						PAGE_SIZE, &blocks), 0);
	last = 0;
	list_for_each_entry(block, &blocks, link) {
		length = gpu_buddy_block_size(&pool.buddy, block);
		at = gpu_buddy_block_offset(block);
		align = entry_size(length);
		assert_int_equal(offset % align, 0);
		/* Neighbours stay neighbours, so that they are one extent */
		if (align == large)
			assert_true(at > last);
		large = align;
		last = at;
		offset += length;
	}
	assert_int_equal(offset, size - 3 * PAGE_SIZE);
	block = list_first_entry(&blocks, struct gpu_buddy_block, link);
	assert_true(gpu_buddy_block_size(&pool.buddy, block) >= PUD_SIZE);
	iommufd_mem_pool_free(&pool, &blocks, true);
	iommufd_mem_pool_fini(&pool);
}

/* Taking what is dirty merges nothing: what is clean next to it would be dirty, too */
static void taking_a_dirty_page_leaves_what_is_clean(void **state)
{
	struct list_head pages[64], taken;
	struct gpu_buddy_block *block;
	struct iommufd_mem_pool pool;
	unsigned int i;

	(void)state;
	assert_int_equal(iommufd_mem_pool_init(&pool, 1ULL << 40,
					       64 * PAGE_SIZE, true), 0);
	for (i = 0; i < 64; i++) {
		INIT_LIST_HEAD(&pages[i]);
		assert_int_equal(iommufd_mem_pool_alloc(&pool, PAGE_SIZE,
							PAGE_SIZE, &pages[i]),
				 0);
	}
	for (i = 0; i < 64; i++)
		iommufd_mem_pool_free(&pool, &pages[i], i % 2);
	INIT_LIST_HEAD(&taken);
	for (i = 0; i < 32; i++) {
		block = iommufd_mem_pool_take_dirty(&pool, 64 * PAGE_SIZE);
		assert_non_null(block);
		assert_int_equal(gpu_buddy_block_size(&pool.buddy, block),
				 PAGE_SIZE);
		assert_int_equal(pool.buddy.clear_avail, 32 * PAGE_SIZE);
		list_add(&block->link, &taken);
	}
	assert_null(iommufd_mem_pool_take_dirty(&pool, 64 * PAGE_SIZE));
	iommufd_mem_pool_free(&pool, &taken, true);
	assert_int_equal(pool.buddy.clear_avail, 64 * PAGE_SIZE);
	iommufd_mem_pool_fini(&pool);
}

/* Whatever was done with it before, all of it is one piece again */
static void nothing_stays_fragmented(void **state)
{
	struct gpu_buddy_block *block;
	struct iommufd_mem_pool pool;
	LIST_HEAD(all);
	u64 base = 1ULL << 40, size = 1ULL << 30, nr = 0;
	struct list_head small[512];
	unsigned int i;

	(void)state;
	assert_int_equal(iommufd_mem_pool_init(&pool, base, size, false), 0);
	for (i = 0; i < 512; i++) {
		INIT_LIST_HEAD(&small[i]);
		assert_int_equal(iommufd_mem_pool_alloc(&pool,
							PAGE_SIZE * (1 + i % 31),
							PAGE_SIZE, &small[i]),
				 0);
	}
	for (i = 0; i < 512; i++)
		iommufd_mem_pool_free(&pool, &small[i * 7 % 512], i % 2);
	assert_int_equal(iommufd_mem_pool_alloc(&pool, size, size, &all), 0);
	list_for_each_entry(block, &all, link)
		nr++;
	assert_int_equal(nr, 1);
	iommufd_mem_pool_free(&pool, &all, false);
	iommufd_mem_pool_fini(&pool);
}

static void a_tebibyte_takes_at_most_64_kib(void **state)
{
	size_t before = shim_bytes;
	struct iommufd_mem_pool pool;
	LIST_HEAD(blocks);

	(void)state;
	assert_int_equal(iommufd_mem_pool_init(&pool, 0x10000000000ULL, 1ULL << 40,
					       true), 0);
	print_message("# %zu bytes free\n", shim_bytes - before);
	assert_true(shim_bytes - before <= 65536);
	assert_int_equal(iommufd_mem_pool_alloc(&pool, 1ULL << 40, PAGE_SIZE,
						&blocks), 0);
	print_message("# %zu bytes given out\n", shim_bytes - before);
	assert_true(shim_bytes - before <= 65536);
	iommufd_mem_pool_free(&pool, &blocks, false);
	iommufd_mem_pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_match_the_model),
		cmocka_unit_test(a_clean_region_is_clean),
		cmocka_unit_test(small_blocks_do_not_shift_large_ones),
		cmocka_unit_test(taking_a_dirty_page_leaves_what_is_clean),
		cmocka_unit_test(nothing_stays_fragmented),
		cmocka_unit_test(a_tebibyte_takes_at_most_64_kib),
	};
	int failed;

	if (shim_module_init())
		return 1;
	failed = cmocka_run_group_tests_name("pool", tests, NULL, NULL);
	shim_module_exit();
	return failed;
}
