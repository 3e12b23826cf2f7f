// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls of every verb of memory objects, half right and half wrong: each must
 * succeed or fail with an errno that include/uapi/linux/iommufd_mem.h documents, and
 * nothing may be left behind. The seeds in seeds[] run always, and then new ones;
 * MEM_FUZZ_SEED runs one.
 */
#include "kselftest_harness.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#include "memtest.h"

#define CALLS		8000	/* of a seed, and of each thread */
#define NEW_SEEDS	6
#define THREADS		4
#define IDS		24	/* that are likely to be something */
#define ROOM		4096	/* for an argument, and what is behind it */

static const unsigned int seeds[] = { 1, 2, 3, 4 };

struct fuzz {
	int iommufd;
	unsigned int seed;
	struct memtest *t;
	uint8_t *room;		/* of a page, with nothing mapped behind it */
	uint64_t page;
	int wrong;		/* the first errno that is not documented */
	const char *wrong_call;
};

static uint32_t number(struct fuzz *f)
{
	return rand_r(&f->seed);
}

static uint32_t some_id(struct fuzz *f)
{
	switch (number(f) % 8) {
	case 0:
		return f->t->vf[0].dev_id;
	case 1:
		return number(f) % 2 ? 0 : UINT32_MAX;
	default:
		return number(f) % IDS;
	}
}

static uint64_t some_length(struct fuzz *f)
{
	uint64_t odd = number(f) % 4 ? 0 : number(f) % 3 - 1;

	switch (number(f) % 8) {
	case 0:
		return number(f) % 2 ? 0 : UINT64_MAX - number(f) % 2 * 4095;
	case 1:
		return (1ULL << number(f) % 64) + odd;
	default:
		return f->page * (1 + number(f) % 64) + odd;
	}
}

static uint64_t some_offset(struct fuzz *f)
{
	return number(f) % 2 ? 0 : some_length(f);
}

static uint64_t some_iova(struct fuzz *f)
{
	return number(f) % 8 ? GIB(4) + number(f) % 256 * f->page :
			       some_length(f);
}

static uint32_t some_flags(struct fuzz *f, uint32_t likely)
{
	return number(f) % 16 ? number(f) & likely : 1u << number(f) % 32;
}

static void make_alloc(struct fuzz *f, void *arg)
{
	struct iommu_mem_alloc *cmd = arg;

	cmd->flags = some_flags(f, number(f) % 4 ? 0 : IOMMU_MEM_ALLOC_LINEAR);
	cmd->type = number(f) % 16 ? 1 + number(f) % 2 : number(f);
	cmd->dev_id = number(f) % 8 ? f->t->vf[0].dev_id : some_id(f);
	if (cmd->type == IOMMU_MEM_TYPE_DEVICE || !(number(f) % 16))
		cmd->region_index = number(f) % 10;
	if (cmd->type == IOMMU_MEM_TYPE_DEVICE || !(number(f) % 16))
		cmd->offset = some_offset(f);
	cmd->length = some_length(f);
	if (!(number(f) % 4))
		cmd->align = some_length(f);
}

static void make_info(struct fuzz *f, void *arg)
{
	struct iommu_mem_info *cmd = arg;

	cmd->flags = some_flags(f, IOMMU_MEM_INFO_NEXT);
	cmd->mem_id = some_id(f);
	cmd->__reserved = number(f) % 16 ? 0 : number(f);
}

static void make_retired(struct fuzz *f, void *arg)
{
	struct iommu_mem_retired *cmd = arg;

	cmd->flags = some_flags(f, 0);
	cmd->mem_id = some_id(f);
	cmd->count = number(f) % 2 ? number(f) % 8 : number(f);
	cmd->ranges = number(f) % 2 ? (uintptr_t)f->room + ROOM - 64 :
				      some_length(f);
}

static void make_export(struct fuzz *f, void *arg)
{
	struct iommu_mem_export *cmd = arg;

	cmd->flags = some_flags(f, 0);
	cmd->mem_id = some_id(f);
}

static void make_map(struct fuzz *f, void *arg)
{
	struct iommu_ioas_map_mem *cmd = arg;

	cmd->flags = some_flags(f, 7) | IOMMU_IOAS_MAP_MEM;
	cmd->ioas_id = some_id(f);
	cmd->mem_id = some_id(f);
	cmd->offset = some_offset(f);
	cmd->length = some_length(f);
	cmd->iova = some_iova(f);
}

static void make_unmap(struct fuzz *f, void *arg)
{
	struct iommu_ioas_unmap *cmd = arg;

	cmd->ioas_id = some_id(f);
	cmd->iova = number(f) % 2 ? some_iova(f) : 0;
	cmd->length = cmd->iova ? some_length(f) : UINT64_MAX;
}

static void make_ioas(struct fuzz *f, void *arg)
{
	struct iommu_ioas_alloc *cmd = arg;

	cmd->flags = some_flags(f, 0);
}

static void make_destroy(struct fuzz *f, void *arg)
{
	struct iommu_destroy *cmd = arg;

	cmd->id = some_id(f);
}

/* Beside E2BIG, EFAULT, and EINVAL for a size that is too small, of every ioctl */
static const struct call {
	const char *name;
	unsigned long request;
	size_t size;
	void (*make)(struct fuzz *f, void *arg);
	int errnos[10];
} calls[] = {
	{ "IOMMU_MEM_ALLOC", IOMMU_MEM_ALLOC, sizeof(struct iommu_mem_alloc),
	  make_alloc,
	  { EOPNOTSUPP, ENOENT, ENODEV, EOVERFLOW, EBUSY, ENOSPC } },
	{ "IOMMU_MEM_INFO", IOMMU_MEM_INFO, sizeof(struct iommu_mem_info),
	  make_info, { EOPNOTSUPP, ENOENT } },
	{ "IOMMU_MEM_RETIRED", IOMMU_MEM_RETIRED,
	  sizeof(struct iommu_mem_retired), make_retired,
	  { EOPNOTSUPP, ENOENT, ENOSPC } },
	{ "IOMMU_MEM_EXPORT", IOMMU_MEM_EXPORT, sizeof(struct iommu_mem_export),
	  make_export, { EOPNOTSUPP, ENOENT } },
	{ "IOMMU_IOAS_MAP", IOMMU_IOAS_MAP, sizeof(struct iommu_ioas_map_mem),
	  make_map,
	  { EOPNOTSUPP, ENOENT, EOVERFLOW, EEXIST, ENOSPC, ENODEV } },
	/* EBUSY: another thread maps or unmaps the same at this moment */
	{ "IOMMU_IOAS_UNMAP", IOMMU_IOAS_UNMAP, sizeof(struct iommu_ioas_unmap),
	  make_unmap, { ENOENT, EOVERFLOW, EBUSY } },
	{ "IOMMU_IOAS_ALLOC", IOMMU_IOAS_ALLOC, sizeof(struct iommu_ioas_alloc),
	  make_ioas, { EOPNOTSUPP } },
	{ "IOMMU_DESTROY", IOMMU_DESTROY, sizeof(struct iommu_destroy),
	  make_destroy, { ENOENT, EBUSY } },
};

static void judge(struct fuzz *f, const struct call *call, int error)
{
	size_t i;

	if (!error || error == E2BIG || error == EFAULT || error == EINVAL)
		return;
	for (i = 0; i < ARRAY_SIZE(call->errnos); i++)
		if (error == call->errnos[i])
			return;
	if (!f->wrong) {
		f->wrong = error;
		f->wrong_call = call->name;
	}
}

static void call_one(struct fuzz *f)
{
	const struct call *call = &calls[number(f) % ARRAY_SIZE(calls)];
	uint8_t *arg = f->room;
	uint32_t size = call->size;
	int error = 0;

	memset(f->room, 0, ROOM);
	/* Sometimes at the end of what is mapped, or beyond */
	if (!(number(f) % 16))
		arg = f->room + ROOM - number(f) % (2 * call->size);
	if (arg == f->room)
		call->make(f, arg);
	if (!(number(f) % 16))
		size = number(f) % (ROOM + 64);
	if (!(number(f) % 16) && arg == f->room)
		arg[number(f) % 512] = number(f);
	if (arg + 4 <= f->room + ROOM)
		memcpy(arg, &size, 4);
	if (ioctl(f->iommufd, call->request, arg))
		error = errno;
	else if (call->request == IOMMU_MEM_EXPORT)
		close(((struct iommu_mem_export *)arg)->out_fd);
	judge(f, call, error);
}

/* An mmap() at some offset, used and undone */
static void map_one(struct fuzz *f)
{
	struct iommu_mem_info info = { .mem_id = some_id(f) };
	uint64_t length = some_length(f), offset = some_offset(f);
	uint8_t *va;

	if (iommufd_mem_info(f->iommufd, &info))
		return;
	va = mmap(NULL, length, PROT_READ | PROT_WRITE,
		  number(f) % 16 ? MAP_SHARED : MAP_PRIVATE, f->iommufd,
		  (info.out_mmap_offset + offset) & ~(f->page - 1));
	if (va == MAP_FAILED) {
		if (errno != EINVAL && errno != ENXIO && errno != ENOMEM &&
		    errno != EOVERFLOW && !f->wrong) {
			f->wrong = errno;
			f->wrong_call = "mmap()";
		}
		return;
	}
	memtest_write_faults(va);
	munmap(va, length);
}

static int run_calls(struct fuzz *f, struct memtest *t, int iommufd,
		     unsigned int seed)
{
	unsigned int i;

	memset(f, 0, sizeof(*f));
	f->t = t;
	f->iommufd = iommufd;
	f->seed = seed;
	f->page = memtest_page_size();
	f->room = mmap(NULL, 2 * f->page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->room == MAP_FAILED)
		return -errno;
	munmap(f->room + f->page, f->page);
	f->room += f->page - ROOM;
	for (i = 0; i < CALLS && !f->wrong; i++) {
		if (number(f) % 8)
			call_one(f);
		else
			map_one(f);
	}
	munmap(f->room - (f->page - ROOM), f->page);
	return 0;
}

FIXTURE(mem_fuzz)
{
	struct memtest t;
	uint64_t free_before;
	struct fuzz fuzz[THREADS];
};

FIXTURE_SETUP(mem_fuzz)
{
	MEMTEST_SETUP(&self->t, 1);
	ASSERT_EQ(0, memtest_free_memory(&self->t, &self->free_before));
}

FIXTURE_TEARDOWN(mem_fuzz)
{
	uint64_t free_after;

	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
	ASSERT_EQ(0, memtest_open(&self->t, 1));
	EXPECT_EQ(0, memtest_free_memory(&self->t, &free_after));
	EXPECT_EQ(self->free_before, free_after);
	memtest_close(&self->t);
}

#define RUN(seed)							\
	do {								\
		ASSERT_EQ(0, run_calls(&self->fuzz[0], &self->t,	\
				       self->t.iommufd, seed));		\
		EXPECT_EQ(0, self->fuzz[0].wrong)			\
			TH_LOG("MEM_FUZZ_SEED=%u: %s", seed,		\
			       self->fuzz[0].wrong_call);		\
	} while (0)

TEST_F_TIMEOUT(mem_fuzz, known_seeds, MEMTEST_TIMEOUT)
{
	const char *text = getenv("MEM_FUZZ_SEED");
	size_t i;

	if (text)
		RUN((unsigned int)strtoul(text, NULL, 0));
	for (i = 0; i < ARRAY_SIZE(seeds) && !text; i++)
		RUN(seeds[i]);
}

TEST_F_TIMEOUT(mem_fuzz, new_seeds, MEMTEST_TIMEOUT)
{
	unsigned int i, seed = 1;

	for (i = 0; i < NEW_SEEDS; i++) {
		if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
			seed += 1000;
		TH_LOG("MEM_FUZZ_SEED=%u", seed);
		RUN(seed);
	}
}

struct thread {
	struct fuzz *fuzz;
	struct memtest *t;
	unsigned int seed;
	int ret;
};

static void *run_thread(void *arg)
{
	struct thread *thread = arg;

	thread->ret = run_calls(thread->fuzz, thread->t, thread->t->iommufd,
				thread->seed);
	return NULL;
}

TEST_F_TIMEOUT(mem_fuzz, many_threads_on_one_file, MEMTEST_TIMEOUT)
{
	struct thread thread[THREADS];
	pthread_t id[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		thread[i].fuzz = &self->fuzz[i];
		thread[i].t = &self->t;
		thread[i].seed = 100 + i;
		ASSERT_EQ(0, pthread_create(&id[i], NULL, run_thread,
					    &thread[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(id[i], NULL));
		EXPECT_EQ(0, thread[i].ret);
		EXPECT_EQ(0, self->fuzz[i].wrong)
			TH_LOG("seed %u: %s", 100 + i,
			       self->fuzz[i].wrong_call);
	}
}

TEST_HARNESS_MAIN
