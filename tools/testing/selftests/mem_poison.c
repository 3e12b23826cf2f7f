// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that fails while the machine runs: who is told, who goes on, and that
 * nobody ever gets it again. Each test takes a few pages of the region out of use
 * until the machine is booted again.
 *
 * A linear object tells where its bytes are in physical memory.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "memtest.h"

#define LENGTH	MIB(16)
#define IOVA	GIB(64)

static sigjmp_buf jump;
static siginfo_t info;

static void note_signal(int signal __attribute__((unused)), siginfo_t *siginfo,
			void *context __attribute__((unused)))
{
	info = *siginfo;
	siglongjmp(jump, 1);
}

FIXTURE(mem_poison)
{
	struct memtest t;
	struct gpu gpu;
	uint64_t base;
	uint64_t size;
	uint64_t page;
	struct memtest_object object;
	uint32_t ioas;
	struct iommu_mem_retired_range range[64];
};

FIXTURE_VARIANT(mem_poison)
{
	uint64_t align;		/* of the virtual address */
	bool misaligned;	/* by a page */
};

FIXTURE_VARIANT_ADD(mem_poison, large_entries)
{
	.align = MIB(2),
};

FIXTURE_VARIANT_ADD(mem_poison, small_entries)
{
	.align = MIB(2),
	.misaligned = true,
};

static int map_object(struct memtest *t, struct memtest_object *object,
		      uint64_t align, uint64_t shift)
{
	uint8_t *va = mmap(NULL, object->length + 2 * align, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (va == MAP_FAILED)
		return -errno;
	va = (uint8_t *)(((uintptr_t)va + align - 1) & ~(align - 1)) + shift;
	va = mmap(va, object->length, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED, t->iommufd, object->mmap_offset);
	if (va == MAP_FAILED)
		return -errno;
	object->va = va;
	return 0;
}

FIXTURE_SETUP(mem_poison)
{
	struct sigaction action = {
		.sa_sigaction = note_signal,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	MEMTEST_SETUP(&self->t, 1);
	ASSERT_EQ(0, memtest_region(&self->base, &self->size));
	if (access("/sys/devices/system/memory/hard_offline_page", W_OK))
		SKIP(return, "this kernel cannot be told that memory failed");
	self->page = memtest_page_size();
	ASSERT_EQ(0, sigaction(SIGBUS, &action, NULL));
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
						 LENGTH));
	ASSERT_EQ(0, map_object(&self->t, &self->object, variant->align,
				variant->misaligned ? self->page : 0));
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->ioas));
}

FIXTURE_TEARDOWN(mem_poison)
{
	signal(SIGBUS, SIG_DFL);
	memtest_close(&self->t);
}

static bool is_bad(struct memtest *t, uint32_t mem_id, uint64_t offset)
{
	struct iommu_mem_retired_range range[512];
	int i, nr = memtest_list_bad(t, mem_id, range, ARRAY_SIZE(range));

	for (i = 0; i < nr; i++)
		if (offset >= range[i].offset &&
		    offset - range[i].offset < range[i].length)
			return true;
	return false;
}

/* A page of the object that has not failed before */
static uint64_t good_page(struct memtest *t, struct memtest_object *object)
{
	uint64_t offset = object->length / 2 + 5 * memtest_page_size();

	while (is_bad(t, object->id, offset))
		offset += 3 * memtest_page_size();
	return offset;
}

/* In a process of its own, which has nothing mapped. Waits for it */
static int fail_memory_elsewhere(struct memtest_object *object, uint64_t paddr)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		munmap(object->va, object->length);
		_exit(-memtest_fail_memory(paddr));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/* By this task, as if it had consumed the memory */
static __attribute__((noinline)) void fail_memory_here(uint64_t paddr)
{
	memset(&info, 0, sizeof(info));
	if (!sigsetjmp(jump, 1))
		memtest_fail_memory(paddr);
}

/* The signal that an access raises; 0 if none */
static __attribute__((noinline)) int touch(uint8_t *va)
{
	memset(&info, 0, sizeof(info));
	if (!sigsetjmp(jump, 1))
		(void)*(volatile uint8_t *)va;
	return info.si_signo;
}

#define EXPECT_SIGBUS(code, va)						\
	do {								\
		EXPECT_EQ(SIGBUS, info.si_signo);			\
		EXPECT_EQ(code, info.si_code);				\
		EXPECT_EQ((va), (uint8_t *)info.si_addr);		\
		EXPECT_EQ(__builtin_ctzll(self->page),			\
			  info.si_addr_lsb);				\
	} while (0)

TEST_F(mem_poison, a_process_that_asked_for_it_is_told_early)
{
	uint64_t bad = good_page(&self->t, &self->object);
	sigset_t set;

	/* As a VMM does that passes failures on to its guest */
	ASSERT_EQ(0, prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0,
			   0));
	self->object.va[bad] = 1;
	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fail_memory_elsewhere(&self->object, self->base + bad));
	memset(&info, 0, sizeof(info));
	ASSERT_EQ(SIGBUS, sigwaitinfo(&set, &info));
	EXPECT_SIGBUS(BUS_MCEERR_AO, self->object.va + bad);
	ASSERT_EQ(0, sigprocmask(SIG_UNBLOCK, &set, NULL));
}

TEST_F(mem_poison, the_task_that_consumes_it_is_told_at_once)
{
	uint64_t bad = good_page(&self->t, &self->object);

	self->object.va[bad] = 1;
	fail_memory_here(self->base + bad);
	EXPECT_SIGBUS(BUS_MCEERR_AR, self->object.va + bad);
}

TEST_F(mem_poison, every_later_access_raises_sigbus_and_the_neighbours_work)
{
	uint64_t bad = good_page(&self->t, &self->object), offset;
	uint64_t page = self->page;
	unsigned int i;

	for (offset = bad - 4 * page; offset < bad + 5 * page; offset += page)
		if (!is_bad(&self->t, self->object.id, offset))
			pattern_fill(self->object.va + offset, page, offset);
	fail_memory_here(self->base + bad);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(SIGBUS, touch(self->object.va + bad));
		EXPECT_SIGBUS(BUS_MCEERR_AR, self->object.va + bad);
	}
	for (offset = bad - 4 * page; offset < bad + 5 * page; offset += page) {
		if (is_bad(&self->t, self->object.id, offset))
			continue;
		ASSERT_EQ(0, touch(self->object.va + offset));
		EXPECT_EQ(PATTERN_SAME,
			  pattern_check(self->object.va + offset, page, offset));
	}
}

TEST_F(mem_poison, it_is_listed)
{
	struct iommu_mem_retired cmd = {
		.size = sizeof(cmd),
		.mem_id = self->object.id,
	};
	uint64_t bad = good_page(&self->t, &self->object);
	int before, after;

	before = memtest_list_bad(&self->t, self->object.id, self->range,
				  ARRAY_SIZE(self->range));
	ASSERT_LE(0, before);
	ASSERT_EQ(0, fail_memory_elsewhere(&self->object, self->base + bad));
	after = memtest_list_bad(&self->t, self->object.id, self->range,
				 ARRAY_SIZE(self->range));
	EXPECT_EQ(before + 1, after);
	EXPECT_TRUE(is_bad(&self->t, self->object.id, bad));

	/* Too little room, none at all, and room out of reach */
	memset(self->range, 0x5a, sizeof(self->range));
	cmd.count = after - 1;
	cmd.ranges = (uintptr_t)self->range;
	EXPECT_EQ(-ENOSPC, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,
					 &cmd));
	EXPECT_EQ(after, cmd.count);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, self->range[0].offset);
	cmd.ranges = 8;
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->t.iommufd, IOMMU_MEM_RETIRED,
					 &cmd));
}

TEST_F(mem_poison, it_can_fail_again)
{
	uint64_t bad = good_page(&self->t, &self->object);
	int nr;

	ASSERT_EQ(0, fail_memory_elsewhere(&self->object, self->base + bad));
	nr = memtest_list_bad(&self->t, self->object.id, self->range,
			      ARRAY_SIZE(self->range));
	ASSERT_EQ(0, fail_memory_elsewhere(&self->object, self->base + bad));
	EXPECT_EQ(nr, memtest_list_bad(&self->t, self->object.id, self->range,
				       ARRAY_SIZE(self->range)));
}

TEST_F(mem_poison, the_next_owner_does_not_get_it)
{
	uint64_t bad = good_page(&self->t, &self->object);
	uint64_t before, after;

	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	ASSERT_EQ(0, memtest_object_free(&self->t, &self->object));
	ASSERT_EQ(0, memtest_free_memory(&self->t, &before));
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
						 LENGTH));
	ASSERT_EQ(0, memtest_fail_memory(self->base + bad));
	EXPECT_TRUE(is_bad(&self->t, self->object.id, bad));
	ASSERT_EQ(0, memtest_object_free(&self->t, &self->object));

	ASSERT_EQ(0, memtest_free_memory(&self->t, &after));
	EXPECT_EQ(before - self->page, after);
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
						 LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	EXPECT_TRUE(is_bad(&self->t, self->object.id, bad));
	/* A hole now: there is nothing that could fail */
	EXPECT_EQ(SIGBUS, touch(self->object.va + bad));
	EXPECT_EQ(BUS_ADRERR, info.si_code);
}

TEST_F(mem_poison, free_memory_that_fails_is_never_given_out)
{
	uint64_t bad = good_page(&self->t, &self->object);
	uint64_t before, after;

	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	ASSERT_EQ(0, memtest_object_free(&self->t, &self->object));
	ASSERT_EQ(0, memtest_free_memory(&self->t, &before));
	ASSERT_EQ(0, memtest_fail_memory(self->base + bad));
	ASSERT_EQ(0, memtest_free_memory(&self->t, &after));
	EXPECT_EQ(before - self->page, after);
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
						 LENGTH));
	EXPECT_TRUE(is_bad(&self->t, self->object.id, bad));
}

TEST_F(mem_poison, a_device_still_reaches_the_rest)
{
	uint64_t bad = good_page(&self->t, &self->object);

	ASSERT_EQ(0, memtest_object_map(&self->t, &self->object, self->ioas,
					IOVA));
	ASSERT_EQ(0, vfio_attach(&self->t.vf[0], self->ioas));
	ASSERT_EQ(0, gpu_open(&self->gpu, &self->t.vf[0]));
	ASSERT_EQ(0, fail_memory_elsewhere(&self->object, self->base + bad));
	pattern_fill(self->object.va, MIB(1), 3);
	EXPECT_EQ(0, gpu_copy(&self->gpu, IOVA, IOVA + MIB(2), MIB(1),
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + MIB(2),
					      MIB(1), 3));
	gpu_close(&self->gpu);
}

struct failures {
	uint64_t base;
	uint64_t offset[4];
	int ret;
};

static void *fail_some(void *arg)
{
	struct failures *failures = arg;
	unsigned int i;

	for (i = 0; i < 4 && !failures->ret; i++)
		failures->ret = memtest_fail_memory(failures->base +
						    failures->offset[i]);
	return NULL;
}

/* Whoever has the page just then: the pool, a scrubber, an allocation, an object */
TEST_F_TIMEOUT(mem_poison, what_fails_while_it_is_allocated_is_not_given_out,
	       MEMTEST_TIMEOUT)
{
	struct failures failures = { .base = self->base };
	struct memtest_object all;
	uint64_t free_memory;
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < 4; i++)
		failures.offset[i] = good_page(&self->t, &self->object) +
				     (7 + i) * 64 * self->page;
	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	ASSERT_EQ(0, memtest_object_free(&self->t, &self->object));
	ASSERT_EQ(0, memtest_free_memory(&self->t, &free_memory));
	free_memory = free_memory / 4 / self->page * self->page;

	ASSERT_EQ(0, pthread_create(&thread, NULL, fail_some, &failures));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, memtest_object_alloc(&self->t, &all, free_memory));
		ASSERT_EQ(0, memtest_object_free(&self->t, &all));
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, failures.ret);

	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
						 self->size / 2));
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(is_bad(&self->t, self->object.id,
				   failures.offset[i]));
}

/* How much of the region is free, in bytes; UINT64_MAX if that cannot be read */
static uint64_t bytes_free(const char *path)
{
	unsigned long long bytes = UINT64_MAX;
	FILE *file = fopen(path, "re");

	if (!file)
		return UINT64_MAX;
	if (fscanf(file, "%llu", &bytes) != 1)
		bytes = UINT64_MAX;
	fclose(file);
	return bytes;
}

#define STEP	(5 * memtest_page_size())

struct failures_in_turn {
	char path[64];		/* of a file that says how much is free */
	uint64_t paddr;
	int ret;
};

/* As soon as somebody has taken all memory, to zero it */
static void *fail_in_turn(void *arg)
{
	struct failures_in_turn *failures = arg;
	time_t end = time(NULL) + MEMTEST_DEADLINE;
	unsigned int i;

	while (bytes_free(failures->path) && time(NULL) < end)
		;
	if (bytes_free(failures->path))
		failures->ret = -ETIMEDOUT;
	for (i = 0; i < 4 && !failures->ret; i++) {
		failures->ret = memtest_fail_memory(failures->paddr);
		failures->paddr += STEP;
	}
	return NULL;
}

/*
 * The memory that an allocation has to give back, as some of it failed while it was
 * zeroed, is all there is: it must be back before the allocation tries again. What
 * it gets then has holes where the memory failed, and is listed where that happened
 * later.
 */
TEST_F_TIMEOUT(mem_poison, an_allocation_of_all_memory_steps_around_what_fails,
	       MEMTEST_TIMEOUT)
{
	/* Each variant has pages of its own: what has failed does not matter again */
	const uint64_t first = self->base + self->size / 2 +
			       (variant->misaligned ? MIB(8) : 0);
	struct failures_in_turn failures = { .paddr = first };
	pthread_t thread;
	uint64_t paddr;
	glob_t found;
	unsigned int i;

	ASSERT_EQ(0, glob("/sys/class/iommufd_mem/egm*/free", 0, NULL, &found));
	ASSERT_GT(sizeof(failures.path), strlen(found.gl_pathv[0]));
	strcpy(failures.path, found.gl_pathv[0]);
	globfree(&found);
	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	ASSERT_EQ(0, memtest_object_free(&self->t, &self->object));

	for (i = 0; i < 4; i++) {
		/* All of it is dirty then, and takes a while to be zeroed */
		ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
							 self->size));
		ASSERT_EQ(0, memtest_object_free(&self->t, &self->object));

		ASSERT_EQ(0, pthread_create(&thread, NULL, fail_in_turn,
					    &failures));
		EXPECT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
							 self->size));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, failures.ret);
		for (paddr = first; paddr < failures.paddr; paddr += STEP)
			EXPECT_TRUE(is_bad(&self->t, self->object.id,
					   paddr - self->base));
		EXPECT_EQ(0, memtest_object_free(&self->t, &self->object));
	}
}

TEST_HARNESS_MAIN
