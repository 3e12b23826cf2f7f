// SPDX-License-Identifier: GPL-2.0
/*
 * Every verb at once, by many threads on the same objects of one iommufd: only
 * errnos that are documented come back, and afterwards all memory is back. (The
 * machine looks for splats in the kernel's log.)
 */
#include "kselftest_harness.h"

#include <pthread.h>

#include "memtest.h"

#define ROUNDS		200	/* of each thread, at least */
#define SLOW_ROUNDS	25	/* of those that open a device: it is reset */
#define LENGTH		MIB(2)

struct arena {
	struct memtest t;
	uint32_t ioas_id;
	pthread_barrier_t start;
	int slow;		/* threads at work that the others wait for */
};

struct worker {
	pthread_t thread;
	struct arena *arena;
	int number;
	int (*round)(struct worker *worker, int i);
	bool slow;
	const char *name;
	int failed_round;
	int error;		/* that was not expected, or 0 */
};

/* 0 if @ret is 0 or one of the errnos, else @ret */
static int allow(int ret, int errno1, int errno2, int errno3)
{
	if (ret == -errno1 || ret == -errno2 || ret == -errno3)
		return 0;
	return ret;
}

/* Any object, another one each time; -ENOENT if there is none at the moment */
static int find_object(struct arena *arena, int i, struct iommu_mem_info *info)
{
	int ret;

	*info = (struct iommu_mem_info){
		.flags = IOMMU_MEM_INFO_NEXT,
		.mem_id = i % 16,
	};
	ret = iommufd_mem_info(arena->t.iommufd, info);
	if (ret != -ENOENT)
		return ret;
	info->mem_id = 0;
	return iommufd_mem_info(arena->t.iommufd, info);
}

/*
 * Allocate, touch, destroy. Others may destroy it earlier; its ID and its mmap
 * offset may then be another object's, even a BAR's that is revoked.
 */
static int round_alloc(struct worker *w, int i)
{
	struct memtest *t = &w->arena->t;
	struct memtest_object object;
	int ret;

	(void)i;
	ret = memtest_object_alloc(t, &object, LENGTH);
	if (ret)
		return allow(ret, ENOSPC, 0, 0);
	ret = memtest_object_mmap(t, &object);
	if (ret)
		return allow(ret, ENXIO, 0, 0);
	memtest_write_faults(object.va);
	munmap(object.va, LENGTH);
	return allow(iommufd_destroy(t->iommufd, object.id), ENOENT, EBUSY, 0);
}

/* Where nobody destroys what is not his: the bytes must stay one's own */
static int round_own(struct worker *w, int i)
{
	uint64_t seed = (uint64_t)w->number << 32 | i;
	struct memtest *t = &w->arena->t;
	struct memtest_object object;
	int ret;

	ret = memtest_object_alloc(t, &object, LENGTH);
	if (!ret)
		ret = memtest_object_mmap(t, &object);
	if (ret)
		return ret;
	if (pattern_check_word(object.va, LENGTH, 0) != PATTERN_SAME)
		return -EILSEQ;
	pattern_fill(object.va, LENGTH, seed);
	if (pattern_check(object.va, LENGTH, seed) != PATTERN_SAME)
		return -EILSEQ;
	munmap(object.va, LENGTH);
	/* Busy while the thread that maps any object uses this one */
	while ((ret = iommufd_destroy(t->iommufd, object.id)) == -EBUSY)
		usleep(1000);
	return ret;
}

/* Map any object for DMA and unmap it */
static int round_map(struct worker *w, int i)
{
	uint64_t iova = GIB(4) * (1 + w->number);
	struct arena *arena = w->arena;
	struct iommu_mem_info info;
	int ret;

	ret = find_object(arena, i, &info);
	if (ret)
		return allow(ret, ENOENT, 0, 0);
	ret = iommufd_ioas_map_mem(arena->t.iommufd, arena->ioas_id,
				   info.mem_id, 0, memtest_page_size(),
				   IOMMUFD_FIXED_READ_WRITE, &iova);
	if (ret)
		return allow(ret, ENOENT, ENODEV, 0);
	return iommufd_ioas_unmap(arena->t.iommufd, arena->ioas_id, iova,
				  memtest_page_size(), NULL);
}

/* mmap any object, touch it without writing, munmap it */
static int round_mmap(struct worker *w, int i)
{
	uint64_t page = memtest_page_size();
	struct iommu_mem_info info;
	void *va;
	int ret;

	ret = find_object(w->arena, i, &info);
	if (ret)
		return allow(ret, ENOENT, 0, 0);
	ret = iommufd_mem_mmap(w->arena->t.iommufd, info.out_mmap_offset, page,
			       0, PROT_READ, &va);
	if (ret)
		return allow(ret, ENXIO, 0, 0);
	/* A BAR may go away under us */
	memtest_read_faults(va);
	return munmap(va, page) ? -errno : 0;
}

/* Destroy any object */
static int round_destroy(struct worker *w, int i)
{
	struct iommu_mem_info info;
	int ret;

	ret = find_object(w->arena, i, &info);
	if (!ret)
		ret = iommufd_destroy(w->arena->t.iommufd, info.mem_id);
	return allow(ret, ENOENT, EBUSY, 0);
}

/* Bind the second VF, make objects of its BAR and of the region, unbind it */
static int round_bind(struct worker *w, int i)
{
	struct memtest *t = &w->arena->t;
	struct vfio_function function = t->vf[1].function;
	struct vfio_dev dev;
	uint64_t offset;
	uint32_t id;
	int ret;

	(void)i;
	ret = vfio_open(&dev, &function);
	if (ret)
		return ret;
	ret = vfio_bind(&dev, t->iommufd);
	if (!ret)
		ret = iommufd_mem_alloc_bar(t->iommufd, dev.dev_id,
					    NVGRACE_GPU_BAR_FB, 0, LENGTH, &id,
					    &offset);
	if (!ret)
		ret = allow(iommufd_mem_alloc_region(t->iommufd, dev.dev_id,
						     LENGTH, &id, &offset),
			    ENOSPC, 0, 0);
	/* Neither is destroyed here: others do that, or closing does */
	vfio_close(&dev);
	return ret;
}

/* Use a device's ID that comes and goes */
static int round_alloc_bar(struct worker *w, int i)
{
	struct memtest *t = &w->arena->t;
	uint64_t offset;
	uint32_t id;
	int ret;

	ret = iommufd_mem_alloc_bar(t->iommufd, i % 16, NVGRACE_GPU_BAR_FB, 0,
				    LENGTH, &id, &offset);
	if (ret)
		return allow(ret, ENOENT, ENODEV, EOPNOTSUPP);
	return allow(iommufd_destroy(t->iommufd, id), ENOENT, EBUSY, 0);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	int i;

	pthread_barrier_wait(&w->arena->start);
	for (i = 0; !w->error; i++) {
		if (w->slow ? i == SLOW_ROUNDS :
			      i >= ROUNDS &&
			      !__atomic_load_n(&w->arena->slow,
					       __ATOMIC_RELAXED))
			break;
		w->failed_round = i;
		w->error = w->round(w, i);
	}
	if (w->slow)
		__atomic_fetch_sub(&w->arena->slow, 1, __ATOMIC_RELAXED);
	return NULL;
}

FIXTURE(mem_concurrent)
{
	struct arena arena;
	uint64_t free_before;
};

FIXTURE_SETUP(mem_concurrent)
{
	struct memtest *t = &self->arena.t;

	MEMTEST_SETUP(t, 2);
	ASSERT_EQ(0, memtest_free_memory(t, &self->free_before));
	ASSERT_EQ(0, iommufd_ioas_alloc(t->iommufd, &self->arena.ioas_id));
	ASSERT_EQ(0, vfio_attach(&t->vf[0], self->arena.ioas_id));
	/* round_bind() opens it again and again */
	vfio_close(&t->vf[1]);
}

FIXTURE_TEARDOWN(mem_concurrent)
{
	uint64_t free_after;

	memtest_close(&self->arena.t);
	ASSERT_EQ(0, memtest_open(&self->arena.t, 1));
	EXPECT_EQ(0, memtest_free_memory(&self->arena.t, &free_after));
	EXPECT_EQ(self->free_before, free_after);
	memtest_close(&self->arena.t);
}

#define RUN(workers)							\
	do {								\
		size_t __i, __nr = ARRAY_SIZE(workers);			\
		ASSERT_EQ(0, pthread_barrier_init(&self->arena.start,	\
						  NULL, __nr));		\
		for (__i = 0; __i < __nr; __i++)			\
			self->arena.slow += workers[__i].slow;		\
		for (__i = 0; __i < __nr; __i++) {			\
			workers[__i].arena = &self->arena;		\
			workers[__i].number = __i;			\
			ASSERT_EQ(0, pthread_create(&workers[__i].thread, \
						    NULL, run,		\
						    &workers[__i]));	\
		}							\
		for (__i = 0; __i < __nr; __i++) {			\
			ASSERT_EQ(0, pthread_join(workers[__i].thread,	\
						  NULL));		\
			EXPECT_EQ(0, workers[__i].error)		\
				TH_LOG("%s, round %d",			\
				       workers[__i].name,		\
				       workers[__i].failed_round);	\
		}							\
	} while (0)

TEST_F_TIMEOUT(mem_concurrent, every_verb_at_once, MEMTEST_TIMEOUT)
{
	struct worker workers[] = {
		{ .round = round_alloc, .name = "alloc" },
		{ .round = round_alloc, .name = "alloc" },
		{ .round = round_map, .name = "map" },
		{ .round = round_map, .name = "map" },
		{ .round = round_mmap, .name = "mmap" },
		{ .round = round_destroy, .name = "destroy" },
		{ .round = round_bind, .slow = true, .name = "bind" },
		{ .round = round_alloc_bar, .name = "alloc bar" },
	};

	RUN(workers);
}

TEST_F_TIMEOUT(mem_concurrent, objects_of_many_threads_stay_apart,
	       MEMTEST_TIMEOUT)
{
	struct worker workers[] = {
		{ .round = round_own, .name = "own" },
		{ .round = round_own, .name = "own" },
		{ .round = round_own, .name = "own" },
		{ .round = round_map, .name = "map" },
	};

	RUN(workers);
}

TEST_HARNESS_MAIN
