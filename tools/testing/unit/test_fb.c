// SPDX-License-Identifier: GPL-2.0
/*
 * Property test of the framebuffer's heap: 20,000 random operations on it and on a
 * naive model, a byte for each 4 KiB, must agree. The heap is the real one on the real
 * gpu_buddy, compiled for the build host; the firmware is this file. TEST_FB_SEED
 * repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shim_gpu.h"

#define CHUNK		4096ULL
#define MIB		(1ULL << 20)
#define FB_SIZE		(48 * MIB + 3 * CHUNK)
#define CHUNKS		(FB_SIZE / CHUNK)
#define RETIRE		(65536 / CHUNK)		/* chunks */
#define OPERATIONS	20000
#define MAX_MEMS	64

int shim_module_init(void);
void shim_module_exit(void);

static int allocations;		/* that are not freed */
static int fail_after = -1;	/* allocations until one fails; -1: never */

void *shim_alloc(size_t size)
{
	if (fail_after >= 0 && !fail_after--)
		return NULL;
	allocations++;
	return calloc(1, size);
}

void shim_free(void *p)
{
	allocations -= !!p;
	free(p);
}

enum chunk_state { HOLE, FREE, TAKEN };

static struct nvg_gpu gpu;
static struct nvg_fb_mem *mems[MAX_MEMS];
static enum chunk_state chunk[CHUNKS];
static bool retired[CHUNKS];
static u64 offlined[16];
static int nr_offlined;
static u64 segment;
static bool failures;		/* of allocations, in random operations */

/* Have an allocation fail now and then; gpu_buddy says of some that there is no space */
static void maybe_fail(unsigned int one_in, unsigned int within)
{
	fail_after = failures && !(rand() % one_in) ? (int)(rand() % within) : -1;
}

/* The firmware */
int nvg_fw_vmmu_segment_size(struct nvg_gpu *g, u64 *size)
{
	(void)g;
	*size = segment;
	return 0;
}

int nvg_fw_offlined_pages(struct nvg_gpu *g, u64 *addr, unsigned int max)
{
	(void)g;
	assert_true(nr_offlined <= (int)max);
	memcpy(addr, offlined, nr_offlined * sizeof(addr[0]));
	return nr_offlined;
}

static void set_region(unsigned int i, u64 start, u64 end, bool usable)
{
	gpu.info.region[i] = (struct nvg_fb_region){ start, end, usable };
	if (gpu.info.nr_regions <= i)
		gpu.info.nr_regions = i + 1;
}

static void model_retire(u64 addr)
{
	u64 i, first = addr / 65536 * RETIRE;

	for (i = first; i < first + RETIRE && i < CHUNKS; i++)
		retired[i] = true;
}

/* VFs' slices, ours in two parts with a hole, the firmware's; not in order */
static void setup(void)
{
	u64 i;

	memset(&gpu, 0, sizeof(gpu));
	memset(chunk, 0, sizeof(chunk));
	memset(retired, 0, sizeof(retired));
	allocations = 0;
	nr_offlined = 0;
	segment = 32 * MIB;
	gpu.info.fb_length = FB_SIZE;
	set_region(0, 40 * MIB + 100, FB_SIZE, false);
	set_region(1, 8 * MIB, 20 * MIB, true);
	set_region(2, 0, 8 * MIB, false);
	set_region(3, 21 * MIB + 1, 40 * MIB + 100, true);
	for (i = 8 * MIB / CHUNK; i < 20 * MIB / CHUNK; i++)
		chunk[i] = FREE;
	for (i = 21 * MIB / CHUNK + 1; i < 40 * MIB / CHUNK; i++)
		chunk[i] = FREE;
	nvg_fb_setup(&gpu);
}

static u64 usable_bytes(void)
{
	u64 i, bytes = 0;

	for (i = 0; i < CHUNKS; i++)
		bytes += chunk[i] != HOLE ? CHUNK : 0;
	return bytes;
}

static u64 random_below(u64 max)
{
	return ((u64)rand() << 31 | rand()) % max;
}

static void take(struct nvg_fb_mem *mem)
{
	u64 i;

	assert_int_equal(mem->addr % CHUNK, 0);
	for (i = mem->addr / CHUNK; i < (mem->addr + mem->size) / CHUNK; i++) {
		assert_int_equal(chunk[i], FREE);
		assert_false(retired[i]);
		chunk[i] = TAKEN;
	}
}

static void untake(struct nvg_fb_mem *mem)
{
	u64 i;

	for (i = mem->addr / CHUNK; i < (mem->addr + mem->size) / CHUNK; i++)
		chunk[i] = FREE;
}

/* Is there a free run that must be found: @size, aligned to its power of two? */
static bool has_natural_run(u64 size)
{
	u64 unit = CHUNK, i, j;

	while (unit < size)
		unit *= 2;
	for (i = 0; i + unit / CHUNK <= CHUNKS; i += unit / CHUNK) {
		for (j = 0; j < unit / CHUNK && chunk[i + j] == FREE && !retired[i + j]; j++)
			;
		if (j == unit / CHUNK)
			return true;
	}
	return false;
}

static void random_alloc(void)
{
	unsigned int i = random_below(MAX_MEMS);
	u64 align = CHUNK << random_below(10), size = 1 + random_below(CHUNK << random_below(11));
	struct nvg_fb_mem *mem;

	if (mems[i])
		return;
	maybe_fail(8, 6);
	mem = nvg_fb_alloc(&gpu, size, align);
	fail_after = -1;
	if (IS_ERR(mem)) {
		if (!failures) {
			assert_int_equal(PTR_ERR(mem), -ENOSPC);
			assert_false(has_natural_run(size > align ? size : align));
		}
		return;
	}
	assert_int_equal(mem->addr % align, 0);
	assert_true(mem->size >= size && mem->size < size + CHUNK);
	take(mem);
	mems[i] = mem;
}

static void random_free(void)
{
	unsigned int i = random_below(MAX_MEMS);

	if (!mems[i])
		return;
	untake(mems[i]);
	maybe_fail(8, 3);
	nvg_fb_free(&gpu, mems[i]);
	fail_after = -1;
	mems[i] = NULL;
}

static void random_retire(void)
{
	u64 addr = random_below(FB_SIZE);

	offlined[0] = addr;
	nr_offlined = 1;
	maybe_fail(4, 3);
	if (nvg_fb_retire_new(&gpu) >= 0)
		model_retire(addr);
	fail_after = -1;
}

static void free_all(void)
{
	unsigned int i;

	for (i = 0; i < MAX_MEMS; i++) {
		if (mems[i])
			untake(mems[i]);
		nvg_fb_free(&gpu, mems[i]);
		mems[i] = NULL;
	}
}

static void assert_aligned_as_asked(u64 size, u64 align)
{
	struct nvg_fb_mem *mem = nvg_fb_alloc(&gpu, size, align);

	assert_false(IS_ERR(mem));
	assert_int_equal(mem->addr % align, 0);
	nvg_fb_free(&gpu, mem);
}

static void random_operations(void)
{
	const char *seed = getenv("TEST_FB_SEED");
	unsigned int start = seed ? atoi(seed) : (unsigned int)time(NULL), i, nr = 0;

	print_message("# TEST_FB_SEED=%u\n", start);
	srand(start);
	setup();
	assert_int_equal(nvg_fb_init(&gpu), 0);
	for (i = 0; i < OPERATIONS; i++) {
		u64 what = random_below(100);

		if (what < 55)
			random_alloc();
		else if (what < 99)
			random_free();
		else if (nr++ < 60)
			random_retire();
	}
	free_all();
	assert_int_equal(gpu.fb.used, 0);
	nvg_fb_fini(&gpu);
	assert_int_equal(allocations, 0);
}

static void random_operations_match_the_model(void **state)
{
	(void)state;
	failures = false;
	random_operations();
}

static void and_so_they_do_when_memory_is_short(void **state)
{
	(void)state;
	failures = true;
	random_operations();
	failures = false;
}

static void all_that_is_usable_can_be_had(void **state)
{
	static struct nvg_fb_mem *all[CHUNKS];
	u64 nr = 0, i, bytes;

	(void)state;
	setup();
	bytes = usable_bytes();
	assert_int_equal(nvg_fb_init(&gpu), 0);
	assert_int_equal(gpu.fb.total, bytes);
	for (;; nr++) {
		all[nr] = nvg_fb_alloc(&gpu, CHUNK, 0);
		if (IS_ERR(all[nr]))
			break;
		take(all[nr]);
	}
	assert_int_equal(PTR_ERR(all[nr]), -ENOSPC);
	assert_int_equal(nr * CHUNK, bytes);
	assert_int_equal(gpu.fb.used, bytes);
	for (i = 0; i < nr; i++)
		nvg_fb_free(&gpu, all[i]);
	nvg_fb_fini(&gpu);
	assert_int_equal(allocations, 0);
}

static void pieces_are_aligned_as_asked(void **state)
{
	(void)state;
	setup();
	assert_int_equal(nvg_fb_init(&gpu), 0);
	assert_aligned_as_asked(CHUNK, 2 * MIB);
	assert_aligned_as_asked(3 * CHUNK, 2 * MIB);
	assert_aligned_as_asked(2 * MIB, 2 * MIB);
	assert_aligned_as_asked(5 * MIB + CHUNK, 2 * MIB);
	assert_aligned_as_asked(7 * MIB, MIB);
	assert_int_equal(PTR_ERR(nvg_fb_alloc(&gpu, CHUNK, 64 * MIB)), -ENOSPC);
	assert_int_equal(PTR_ERR(nvg_fb_alloc(&gpu, 30 * MIB, 0)), -ENOSPC);
	assert_int_equal(PTR_ERR(nvg_fb_alloc(&gpu, ~0ULL, 0)), -ENOSPC);
	assert_int_equal(PTR_ERR(nvg_fb_alloc(&gpu, 0, 0)), -EINVAL);
	assert_int_equal(PTR_ERR(nvg_fb_alloc(&gpu, CHUNK, 3 * CHUNK)), -EINVAL);
	nvg_fb_fini(&gpu);
	assert_int_equal(allocations, 0);
}

static void a_retired_page_in_use_does_not_come_back(void **state)
{
	struct nvg_fb_mem *mem, *again;
	u64 addr, avail;

	(void)state;
	setup();
	assert_int_equal(nvg_fb_init(&gpu), 0);
	mem = nvg_fb_alloc(&gpu, MIB, MIB);
	assert_false(IS_ERR(mem));
	addr = mem->addr + 5 * 65536 + 7;
	offlined[nr_offlined++] = addr;
	assert_int_equal(nvg_fb_retire_new(&gpu), 1);
	assert_int_equal(nvg_fb_retire_new(&gpu), 0);
	assert_int_equal(gpu.fb.nr_retired, 1);
	avail = gpu.fb.buddy.avail;
	nvg_fb_free(&gpu, mem);
	assert_int_equal(gpu.fb.buddy.avail, avail + MIB - 65536);
	again = nvg_fb_alloc(&gpu, MIB, MIB);
	assert_false(IS_ERR(again));
	assert_true(addr < again->addr || addr >= again->addr + again->size);
	nvg_fb_free(&gpu, again);
	nvg_fb_fini(&gpu);
	assert_int_equal(allocations, 0);
}

static void pages_that_the_firmware_tells_are_retired(void **state)
{
	(void)state;
	setup();
	offlined[nr_offlined++] = 9 * MIB;
	offlined[nr_offlined++] = 9 * MIB;	/* twice */
	offlined[nr_offlined++] = 4 * MIB;	/* not ours */
	offlined[nr_offlined++] = 1ULL << 50;	/* nobody's */
	assert_int_equal(nvg_fb_init(&gpu), 0);
	assert_int_equal(gpu.fb.nr_retired, 1);
	assert_int_equal(gpu.fb.buddy.avail, gpu.fb.total - 65536);
	offlined[nr_offlined++] = 10 * MIB;
	assert_int_equal(nvg_fb_retire_new(&gpu), 1);
	assert_int_equal(nvg_fb_retire_new(&gpu), 0);
	assert_int_equal(gpu.fb.buddy.avail, gpu.fb.total - 2 * 65536);
	nvg_fb_fini(&gpu);
	assert_int_equal(allocations, 0);
}

static void memory_outlives_the_heap_as_a_shell(void **state)
{
	struct nvg_fb_mem *mem;

	(void)state;
	setup();
	assert_int_equal(nvg_fb_init(&gpu), 0);
	mem = nvg_fb_alloc(&gpu, MIB, 0);
	assert_false(IS_ERR(mem));
	nvg_fb_fini(&gpu);
	assert_int_equal(PTR_ERR(nvg_fb_alloc(&gpu, MIB, 0)), -EIO);
	assert_int_equal(nvg_fb_init(&gpu), 0);
	assert_int_equal(gpu.fb.used, 0);
	nvg_fb_free(&gpu, mem);
	assert_int_equal(gpu.fb.used, 0);
	assert_int_equal(gpu.fb.buddy.avail, gpu.fb.total);
	nvg_fb_fini(&gpu);
	nvg_fb_fini(&gpu);
	assert_int_equal(allocations, 0);
}

static void impossible_regions_are_refused(void **state)
{
	(void)state;
	setup();
	set_region(4, 19 * MIB, 22 * MIB, false);
	assert_int_equal(nvg_fb_init(&gpu), -EPROTO);
	setup();
	set_region(0, 40 * MIB + 100, FB_SIZE + 1, false);
	assert_int_equal(nvg_fb_init(&gpu), -EPROTO);
	setup();
	set_region(1, 20 * MIB, 8 * MIB, true);
	assert_int_equal(nvg_fb_init(&gpu), -EPROTO);
	setup();
	gpu.info.fb_length = 1ULL << 53;
	assert_int_equal(nvg_fb_init(&gpu), -EPROTO);
	setup();
	segment = 48 * MIB;
	assert_int_equal(nvg_fb_init(&gpu), -EPROTO);
	assert_int_equal(allocations, 0);
}

static void segments_are_of_32_mib_to_1_gib(void **state)
{
	static const u64 bad[] = { 0, 1, 16 * MIB, 32 * MIB - 1, 32 * MIB + 1, 96 * MIB,
				   2048 * MIB, 1ULL << 63, ~0ULL };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup();
		segment = bad[i];
		assert_int_equal(nvg_fb_init(&gpu), -EPROTO);
	}
	for (i = 0; i < 6; i++) {
		setup();
		segment = 32 * MIB << i;
		assert_int_equal(nvg_fb_init(&gpu), 0);
		assert_true(gpu.fb.segment == 32 * MIB << i);
		nvg_fb_fini(&gpu);
	}
	setup();
	gpu.info.fb_length = 65535;
	assert_int_equal(nvg_fb_init(&gpu), -EPROTO);
	assert_int_equal(allocations, 0);
}

static void init_fails_without_memory_and_leaves_nothing(void **state)
{
	int i, rc = -ENOMEM;

	(void)state;
	setup();
	offlined[nr_offlined++] = 9 * MIB;
	for (i = 0; rc; i++) {
		assert_true(i < 1000);
		fail_after = i;
		rc = nvg_fb_init(&gpu);
		fail_after = -1;
		if (rc) {
			assert_int_equal(rc, -ENOMEM);
			assert_int_equal(allocations, 0);
		}
	}
	assert_true(i > 10);
	assert_int_equal(gpu.fb.buddy.avail, gpu.fb.total - 65536);
	nvg_fb_fini(&gpu);
	assert_int_equal(allocations, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_match_the_model),
		cmocka_unit_test(and_so_they_do_when_memory_is_short),
		cmocka_unit_test(all_that_is_usable_can_be_had),
		cmocka_unit_test(pieces_are_aligned_as_asked),
		cmocka_unit_test(a_retired_page_in_use_does_not_come_back),
		cmocka_unit_test(pages_that_the_firmware_tells_are_retired),
		cmocka_unit_test(memory_outlives_the_heap_as_a_shell),
		cmocka_unit_test(impossible_regions_are_refused),
		cmocka_unit_test(segments_are_of_32_mib_to_1_gib),
		cmocka_unit_test(init_fails_without_memory_and_leaves_nothing),
	};
	int failed;

	if (shim_module_init())
		return 1;
	failed = cmocka_run_group_tests_name("fb", tests, NULL, NULL);
	shim_module_exit();
	return failed;
}
