// SPDX-License-Identifier: GPL-2.0
/*
 * A process may be killed at any point, whatever it is doing with memory objects:
 * afterwards all of the memory is free. (The machine looks for splats in the
 * kernel's log.)
 */
#include "kselftest_harness.h"

#include <signal.h>
#include <time.h>

#include "memtest.h"

#define LENGTH		MIB(4)

FIXTURE(mem_kill)
{
	uint64_t free_before;
};

FIXTURE_SETUP(mem_kill)
{
	struct memtest t;

	MEMTEST_SETUP(&t, 1);
	ASSERT_EQ(0, memtest_free_memory(&t, &self->free_before));
	memtest_close(&t);
}

FIXTURE_TEARDOWN(mem_kill)
{
	uint64_t free_after;
	struct memtest t;

	ASSERT_EQ(0, memtest_open(&t, 1));
	EXPECT_EQ(0, memtest_free_memory(&t, &free_after));
	EXPECT_EQ(self->free_before, free_after);
	memtest_close(&t);
}

/* All verbs, over and over, until killed */
static void work(void)
{
	struct memtest_world w;
	struct gpu gpu = {};

	for (;;) {
		if (memtest_world_open(&w, LENGTH) ||
		    gpu_open(&gpu, &w.t.vf[0]))
			_exit(1);
		pattern_fill(w.object.va, LENGTH, 1);
		if (gpu_copy(&gpu, MEMTEST_IOVA, MEMTEST_IOVA + LENGTH / 2,
			     LENGTH / 2, MEMTEST_DEADLINE))
			_exit(2);
		gpu_close(&gpu);
		if (memtest_object_free(&w.t, &w.object) ||
		    memtest_object_free(&w.t, &w.bar))
			_exit(3);
		memtest_close(&w.t);
	}
}

/* As large as there is, because zeroing it takes longest */
static void allocate(void)
{
	struct memtest_object object;
	uint64_t size = memtest_max_length();
	struct memtest t;

	if (memtest_open(&t, 1))
		_exit(1);
	for (;;) {
		int ret = memtest_object_alloc(&t, &object, size);

		if (ret == -ENOSPC && size > memtest_page_size())
			size /= 2;
		else if (ret)
			_exit(2);
		else if (memtest_object_free(&t, &object))
			_exit(3);
	}
}

/* Start, kill after some time, and see that it lived until then */
static bool killed_after(int microseconds, void (*until_killed)(void))
{
	struct timespec nap = {
		.tv_sec = microseconds / 1000000,
		.tv_nsec = microseconds % 1000000 * 1000,
	};
	pid_t pid = fork();
	int status;

	if (!pid) {
		until_killed();
		_exit(4);
	}
	if (pid < 0)
		return false;
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

/* At moments that are the same in each run, as far as moments can be */
#define KILL(times, within, until_killed)				\
	do {								\
		int __i;						\
		srandom(1);						\
		for (__i = 0; __i < (times); __i++) {			\
			EXPECT_TRUE(killed_after(random() % (within),	\
						 until_killed));	\
			ASSERT_EQ(0, memtest_region_is_idle());		\
		}							\
	} while (0)

TEST_F_TIMEOUT(mem_kill, at_work_it_leaves_nothing, MEMTEST_TIMEOUT)
{
	KILL(40, 350000, work);
}

TEST_F_TIMEOUT(mem_kill, while_memory_is_zeroed_it_leaves_nothing,
	       MEMTEST_TIMEOUT)
{
	KILL(15, 500000, allocate);
}

TEST_HARNESS_MAIN
