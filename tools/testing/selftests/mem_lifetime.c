// SPDX-License-Identifier: GPL-2.0
/*
 * Object, IOAS, CPU mapping, cdev and iommufd may go in any order: the memory lives
 * as long as anybody can reach it, and then all of it comes back. Each order is
 * tried with memory of a region and of a BAR together. (The machine looks for
 * splats in the kernel's log.) Processes that are killed: mem_kill.c.
 */
#include "kselftest_harness.h"

#include <sys/wait.h>

#include "memtest.h"

#define LENGTH		MIB(4)

/* What can go */
enum {
	OBJECTS,
	IOAS,
	VMAS,
	CDEV,
	IOMMUFD,
	NR_THINGS,
};

#define ORDERS		120	/* NR_THINGS! */

/* The n-th of all orders of the things */
static void order_of(int n, int *order)
{
	int things[NR_THINGS], i, j, left = ORDERS;

	for (i = 0; i < NR_THINGS; i++)
		things[i] = i;
	for (i = 0; i < NR_THINGS; i++) {
		int pick;

		left /= NR_THINGS - i;
		pick = n / left;
		n %= left;
		order[i] = things[pick];
		for (j = pick; j < NR_THINGS - 1 - i; j++)
			things[j] = things[j + 1];
	}
}

static int munmap_object(struct memtest_object *object)
{
	int ret = munmap(object->va, LENGTH) ? -errno : 0;

	object->va = NULL;
	return ret;
}

/* Let one thing go; returns what the call said, of both objects the same */
static int let_go(struct memtest_world *w, int thing)
{
	int ret, fd = w->t.iommufd;

	switch (thing) {
	case OBJECTS:
		ret = iommufd_destroy(fd, w->object.id);
		return iommufd_destroy(fd, w->bar.id) == ret ? ret : -EUCLEAN;
	case IOAS:
		/* A device that is attached keeps it */
		if (w->t.vf[0].fd >= 0)
			vfio_detach(&w->t.vf[0]);
		return iommufd_destroy(fd, w->ioas_id);
	case VMAS:
		ret = munmap_object(&w->object);
		return munmap_object(&w->bar) ?: ret;
	case CDEV:
		vfio_close(&w->t.vf[0]);
		return 0;
	case IOMMUFD:
		w->t.iommufd = -1;
		return close(fd) ? -errno : 0;
	}
	return -EINVAL;
}

/* What it has to say */
static int expected(const struct memtest_world *w, int thing)
{
	if (w->t.iommufd < 0 && (thing == OBJECTS || thing == IOAS))
		return -EBADF;
	/* They then go with the iommufd */
	if (thing == OBJECTS && w->object.va)
		return -EBUSY;
	return 0;
}

FIXTURE(mem_lifetime)
{
	uint64_t free_before;
	struct memtest_world w;
};

FIXTURE_SETUP(mem_lifetime)
{
	struct memtest t;

	MEMTEST_SETUP(&t, 1);
	ASSERT_EQ(0, memtest_free_memory(&t, &self->free_before));
	memtest_close(&t);
}

FIXTURE_TEARDOWN(mem_lifetime)
{
	uint64_t free_after;
	struct memtest t;

	ASSERT_EQ(0, memtest_open(&t, 1));
	EXPECT_EQ(0, memtest_free_memory(&t, &free_after));
	EXPECT_EQ(self->free_before, free_after);
	memtest_close(&t);
}

static int open_and_fill(struct memtest_world *w)
{
	int ret;

	ret = memtest_world_open(w, LENGTH);
	if (ret)
		return ret;
	pattern_fill(w->object.va, KIB(64), 1);
	pattern_fill(w->bar.va, KIB(64), 2);
	return 0;
}

TEST_F_TIMEOUT(mem_lifetime, everything_may_go_in_any_order, MEMTEST_TIMEOUT)
{
	struct memtest_world *w = &self->w;
	int n, i;

	for (n = 0; n < ORDERS; n++) {
		int order[NR_THINGS];

		order_of(n, order);
		/*
		 * That this gets memory is the proof that the last order left
		 * none behind: the iommufd is another one.
		 */
		ASSERT_EQ(0, open_and_fill(w))
			TH_LOG("after order %d", n - 1);
		for (i = 0; i < NR_THINGS; i++) {
			EXPECT_EQ(expected(w, order[i]), let_go(w, order[i]))
				TH_LOG("order %d, thing %d", n, order[i]);
			if (!w->object.va)
				continue;
			/* Memory of a region stays, a BAR goes with its cdev */
			EXPECT_EQ(PATTERN_SAME,
				  pattern_check(w->object.va, KIB(64), 1))
				TH_LOG("order %d", n);
			if (w->t.vf[0].fd < 0) {
				EXPECT_TRUE(memtest_read_faults(w->bar.va))
					TH_LOG("order %d", n);
			} else {
				EXPECT_EQ(PATTERN_SAME,
					  pattern_check(w->bar.va, KIB(64), 2))
					TH_LOG("order %d", n);
			}
		}
	}
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_F(mem_lifetime, a_mapping_of_a_child_keeps_the_memory)
{
	struct memtest_world *w = &self->w;
	int status, pipe_fd[2];
	pid_t pid;
	char go;

	ASSERT_EQ(0, open_and_fill(w));
	ASSERT_EQ(0, pipe(pipe_fd));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Only the inherited mappings are kept */
		memtest_close(&w->t);
		close(pipe_fd[1]);
		if (read(pipe_fd[0], &go, 1) != 1)
			_exit(1);
		if (pattern_check(w->object.va, KIB(64), 1) != PATTERN_SAME)
			_exit(2);
		_exit(pattern_check(w->bar.va, KIB(64), 2) == PATTERN_SAME ?
			      0 : 3);
	}
	close(pipe_fd[0]);
	EXPECT_EQ(0, let_go(w, VMAS));
	EXPECT_EQ(-EBUSY, let_go(w, OBJECTS));
	EXPECT_EQ(1, write(pipe_fd[1], "g", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(0, let_go(w, OBJECTS));
	memtest_close(&w->t);
	close(pipe_fd[1]);
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_HARNESS_MAIN
