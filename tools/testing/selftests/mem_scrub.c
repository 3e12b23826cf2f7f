// SPDX-License-Identifier: GPL-2.0
/*
 * Nobody reads another owner's bytes, a thousand times: an owner, in a process of its
 * own, writes all of its memory and ends in one way or another, and the next one,
 * another process, finds zeros. Both have the start of the region, so that it is
 * the same memory. How each round goes is chosen at random; MEM_SCRUB_SEED repeats
 * a run, MEM_SCRUB_ROUNDS shortens it.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "memtest.h"

#define ROUNDS		1000
#define IOVA		GIB(64)
#define OTHER_IOVA	GIB(128)
/* In the way a child ended, beside what exit() has */
#define WRONG_BYTES	100

enum end { BY_DESTROY, BY_CLOSE, BY_KILL, BY_UNBIND, NR_ENDS };

static const char * const end_name[] = {
	"destroy", "close", "SIGKILL while it is zeroed", "unbind",
};

struct round {
	enum end end;
	uint64_t length;
	bool dma;
	unsigned long usec;
	uint64_t seed;
};

static int pci_write(const char *name, const char *bdf)
{
	return memtest_write(bdf, "/sys/bus/pci/drivers/vfio-pci/%s", name);
}

/* With a VF if @vf; else it is the capability that entitles */
static int open_context(struct memtest *t, bool vf)
{
	int ret = memtest_open(t, vf ? 1 : 0);

	if (!ret && !vf)
		t->vf[0].dev_id = 0;
	return ret;
}

static int map_for_dma(struct memtest *t, struct gpu *gpu,
		       struct memtest_object *a, struct memtest_object *b)
{
	uint32_t ioas;

	return iommufd_ioas_alloc(t->iommufd, &ioas) ?:
	       memtest_object_map(t, a, ioas, IOVA) ?:
	       memtest_object_map(t, b, ioas, OTHER_IOVA) ?:
	       vfio_attach(&t->vf[0], ioas) ?: gpu_open(gpu, &t->vf[0]);
}

/* Write everything, as the CPU or as the device sees it */
static int write_all(struct memtest *t, const struct round *round,
		     struct memtest_object *object)
{
	struct memtest_object source;
	struct gpu gpu;
	int ret;

	if (!round->dma) {
		pattern_fill(object->va, object->length, round->seed);
		return 0;
	}
	ret = memtest_object_alloc(t, &source, object->length) ?:
	      memtest_object_mmap(t, &source) ?:
	      map_for_dma(t, &gpu, object, &source);
	if (ret)
		return ret;
	pattern_fill(source.va, source.length, round->seed);
	ret = gpu_copy(&gpu, OTHER_IOVA, IOVA, object->length,
		       MEMTEST_DEADLINE);
	gpu_close(&gpu);
	return ret ?: memtest_object_free(t, &source);
}

/* The life of an owner up to its end, if that is not a signal */
static int own(const struct round *round)
{
	struct memtest_object object;
	struct memtest t;
	int ret;

	ret = open_context(&t, round->dma || round->end == BY_UNBIND) ?:
	      memtest_object_alloc_linear(&t, &object, round->length) ?:
	      memtest_object_mmap(&t, &object) ?:
	      write_all(&t, round, &object);
	if (ret)
		return ret;
	switch (round->end) {
	case BY_DESTROY:
		return memtest_object_free(&t, &object);
	case BY_UNBIND:
		vfio_close(&t.vf[0]);
		ret = pci_write("unbind", t.vf[0].function.bdf) ?:
		      pci_write("bind", t.vf[0].function.bdf);
		/* The memory does not go with the device */
		if (!ret && pattern_check(object.va, object.length,
					  round->seed) != PATTERN_SAME)
			ret = -EIO;
		return ret;
	default:
		memtest_close(&t);
		return 0;
	}
}

/* All of the region, again and again, until killed */
static void own_until_killed(const struct round *round, int ready)
{
	struct memtest_object object;
	uint64_t base, size;
	struct memtest t;

	if (memtest_region(&base, &size) || open_context(&t, false))
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;) {
		if (memtest_object_alloc_linear(&t, &object, size) ||
		    memtest_object_mmap(&t, &object))
			_exit(2);
		pattern_fill(object.va, round->length, round->seed);
		if (memtest_object_free(&t, &object))
			_exit(3);
	}
}

static int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int run_owner(const struct round *round)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -errno;
	pid = fork();
	if (!pid) {
		if (round->end == BY_KILL)
			own_until_killed(round, ready[1]);
		_exit(-own(round));
	}
	close(ready[1]);
	if (round->end == BY_KILL && read(ready[0], &byte, 1) == 1) {
		/* Anywhere in what it does */
		usleep(round->usec);
		kill(pid, SIGKILL);
	}
	close(ready[0]);
	status = status_of(pid);
	if (round->end == BY_KILL && status == -SIGKILL)
		status = 0;
	return status;
}

static bool all_zero(struct memtest *t, const struct round *round,
		     struct memtest_object *object)
{
	struct memtest_object copy;
	struct gpu gpu;
	bool zero;

	if (!round->dma)
		return pattern_check_word(object->va, object->length, 0) ==
		       PATTERN_SAME;
	/* The device looks first: the CPU must not have touched it */
	if (memtest_object_alloc(t, &copy, object->length) ||
	    memtest_object_mmap(t, &copy) ||
	    map_for_dma(t, &gpu, object, &copy))
		return false;
	pattern_fill(copy.va, copy.length, ~round->seed);
	zero = !gpu_copy(&gpu, IOVA, OTHER_IOVA, object->length,
			 MEMTEST_DEADLINE) &&
	       pattern_check_word(copy.va, copy.length, 0) == PATTERN_SAME &&
	       pattern_check_word(object->va, object->length, 0) ==
		       PATTERN_SAME;
	gpu_close(&gpu);
	return zero;
}

static int look(const struct round *round)
{
	struct memtest_object object;
	struct memtest t;
	int ret;

	ret = open_context(&t, round->dma) ?:
	      memtest_object_alloc_linear(&t, &object, round->length) ?:
	      memtest_object_mmap(&t, &object);
	if (ret)
		return ret;
	return all_zero(&t, round, &object) ? 0 : -WRONG_BYTES;
}

static int run_next_owner(const struct round *round)
{
	pid_t pid = fork();

	if (!pid)
		_exit(-look(round));
	return status_of(pid);
}

static void choose(struct round *round)
{
	round->end = random() % NR_ENDS;
	/* A VF takes a reset to open */
	if (round->end == BY_UNBIND && random() % 4)
		round->end = BY_DESTROY;
	round->dma = !(random() % 16);
	round->length = memtest_page_size() * (1 + random() % 128);
	round->usec = random() % 20000;
	round->seed = random();
}

FIXTURE(mem_scrub)
{
	unsigned int rounds;
};

FIXTURE_SETUP(mem_scrub)
{
	const char *seed = getenv("MEM_SCRUB_SEED");
	const char *rounds = getenv("MEM_SCRUB_ROUNDS");
	unsigned int number = 1;
	struct memtest t;

	MEMTEST_SETUP(&t, 1);
	memtest_close(&t);
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
		TH_LOG("no randomness yet");
	if (seed)
		number = strtoul(seed, NULL, 0);
	self->rounds = rounds ? strtoul(rounds, NULL, 0) : ROUNDS;
	TH_LOG("MEM_SCRUB_SEED=%u", number);
	srandom(number);
}

FIXTURE_TEARDOWN(mem_scrub)
{
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_F_TIMEOUT(mem_scrub, the_next_owner_finds_zeros_however_the_last_one_ended,
	       MEMTEST_TIMEOUT)
{
	struct round round;
	unsigned int i;

	for (i = 0; i < self->rounds; i++) {
		choose(&round);
		ASSERT_EQ(0, run_owner(&round))
			TH_LOG("round %u, end by %s", i, end_name[round.end]);
		ASSERT_EQ(0, run_next_owner(&round))
			TH_LOG("round %u, after an end by %s", i,
			       end_name[round.end]);
	}
}

TEST_HARNESS_MAIN
