// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of the kernel fails once: each verb then says ENOMEM, or does
 * without it, and leaves nothing behind. What is destroyed or unmapped never
 * fails. Needs a kernel with fault injection (the debug flavour); see
 * iommufd_fail_nth.c in the kernel for the mechanism.
 */
#include "kselftest_harness.h"


#include "fault.h"
#include "memtest.h"

#define LENGTH		MIB(4)
#define IOVA		GIB(4)
#define COPY_IOVA	GIB(8)
#define MOST_ALLOCATIONS 2000

/* What is swept: an operation on a world that is made anew each time */
struct world {
	struct memtest t;
	struct memtest_object object;
	uint32_t ioas_id;
	uint32_t other_ioas_id;
};

FIXTURE(mem_fail_nth)
{
	int fail_nth;		/* /proc/self/fail-nth */
	int anchor;		/* dma-buf of a page, see hold_region() */
	uint64_t free_before;
	struct world w;
};

/*
 * Hold memory of the region throughout. Else each object that is undone would give the
 * region's devices back to the IOMMU core, which attaches their default domain, warns
 * if that fails, and has arm-smmu-v3 allocate memory for it.
 */
static int hold_region(struct memtest *t, int *fd)
{
	struct memtest_object page;
	int ret;

	ret = memtest_object_alloc(t, &page, memtest_page_size());
	if (ret)
		return ret;
	ret = iommufd_mem_export(t->iommufd, page.id, fd);
	return ret ?: memtest_object_free(t, &page);
}

FIXTURE_SETUP(mem_fail_nth)
{
	struct memtest *t = &self->w.t;

	self->fail_nth = fault_open();
	if (self->fail_nth < 0)
		SKIP(return, "this kernel has no fault injection");
	MEMTEST_SETUP(t, 1);
	ASSERT_EQ(0, hold_region(t, &self->anchor));
	ASSERT_EQ(0, memtest_free_memory(t, &self->free_before));
	ASSERT_EQ(0, iommufd_ioas_alloc(t->iommufd, &self->w.ioas_id));
	ASSERT_EQ(0, iommufd_ioas_alloc(t->iommufd, &self->w.other_ioas_id));
}

FIXTURE_TEARDOWN(mem_fail_nth)
{
	struct memtest *t = &self->w.t;
	uint64_t free_after;

	/* All memory is back, though the iommufd was never closed */
	EXPECT_EQ(0, memtest_free_memory(t, &free_after));
	EXPECT_EQ(self->free_before, free_after);
	close(self->anchor);
	memtest_close(t);
	EXPECT_EQ(0, memtest_region_is_idle());
	close(self->fail_nth);
}

static int world_make(struct world *w, bool attach, bool is_bar)
{
	int ret = 0;

	if (attach)
		ret = vfio_attach(&w->t.vf[0], w->ioas_id);
	if (ret)
		return ret;
	return is_bar ? memtest_object_alloc_bar(&w->t, &w->object, LENGTH) :
			memtest_object_alloc(&w->t, &w->object, LENGTH);
}

static int unmap_all(struct world *w, uint32_t ioas_id)
{
	int ret = iommufd_ioas_unmap(w->t.iommufd, ioas_id, 0, UINT64_MAX,
				     NULL);

	return ret == -ENOENT ? 0 : ret;	/* nothing was mapped */
}

/* Whatever an operation made */
static int world_undo(struct world *w)
{
	struct iommu_mem_info info = {};
	int ret;

	if (w->object.va)
		munmap(w->object.va, w->object.length);
	w->object.va = NULL;
	vfio_detach(&w->t.vf[0]);
	ret = unmap_all(w, w->ioas_id);
	if (!ret)
		ret = unmap_all(w, w->other_ioas_id);
	while (!ret && !iommufd_mem_next(w->t.iommufd, &info))
		ret = iommufd_destroy(w->t.iommufd, info.mem_id);
	return ret;
}

/*
 * A kernel with IOMMUFD_TEST counts the look-up of an ID as an allocation: one that
 * fails finds nothing.
 */
static bool is_refusal(int ret)
{
	return ret == -ENOMEM || ret == -ENOENT;
}

/*
 * Run @op on a new world with the first, second... allocation failing, until none
 * fails any more. @may_fail: it may say ENOMEM, else it must work all the same.
 * Afterwards there must be as many objects as before if it failed, and @more if
 * it worked; then all is undone.
 */
static void sweep(struct __test_metadata *_metadata, struct world *w,
		  int fail_nth, bool attach, bool is_bar, bool may_fail,
		  int more, int (*op)(struct world *w))
{
	bool injected = true;
	int n, refused = 0;

	/*
	 * Once without: what the first time allocates and keeps, e.g. kernel page
	 * tables, would shift the count, and an allocation would be left out.
	 */
	ASSERT_EQ(0, world_make(w, attach, is_bar));
	ASSERT_EQ(0, op(w));
	ASSERT_EQ(0, world_undo(w));

	for (n = 1; injected; n++) {
		int ret;

		ASSERT_GT(MOST_ALLOCATIONS, n);
		ASSERT_EQ(0, world_make(w, attach, is_bar));
		ASSERT_EQ(0, fault_arm(fail_nth, n));
		ret = op(w);
		injected = fault_disarm(fail_nth);

		if (ret) {
			EXPECT_TRUE(is_refusal(ret))
				TH_LOG("allocation %d: %s", n, strerror(-ret));
			EXPECT_TRUE(may_fail)
				TH_LOG("allocation %d", n);
			EXPECT_TRUE(injected);
			refused++;
		}
		EXPECT_EQ(1 + (ret ? 0 : more), memtest_count_objects(&w->t))
			TH_LOG("allocation %d", n);
		ASSERT_EQ(0, world_undo(w))
			TH_LOG("allocation %d", n);
	}
	TH_LOG("%d allocations failed, %d times refused", n - 2, refused);
	/* A sweep that hits nothing proves nothing */
	if (may_fail)
		EXPECT_LT(0, refused);
}

#define SWEEP(attach, is_bar, may_fail, more, op)			\
	sweep(_metadata, &self->w, self->fail_nth, attach, is_bar, may_fail,	\
	      more, op)

static int op_alloc(struct world *w)
{
	uint64_t offset;
	uint32_t id;

	return iommufd_mem_alloc_region(w->t.iommufd, w->t.vf[0].dev_id,
					LENGTH + memtest_page_size(), &id,
					&offset);
}

static int op_alloc_bar(struct world *w)
{
	uint64_t offset;
	uint32_t id;

	return iommufd_mem_alloc_bar(w->t.iommufd, w->t.vf[0].dev_id,
				     NVGRACE_GPU_BAR_FB, 0, LENGTH, &id,
				     &offset);
}

static int op_info(struct world *w)
{
	struct iommu_mem_info info = { .flags = IOMMU_MEM_INFO_NEXT };

	return iommufd_mem_info(w->t.iommufd, &info);
}

static int op_map(struct world *w)
{
	return memtest_object_map(&w->t, &w->object, w->ioas_id, IOVA);
}

static int op_map_and_copy(struct world *w)
{
	uint64_t iova = COPY_IOVA;
	int ret;

	ret = memtest_object_map(&w->t, &w->object, w->ioas_id, IOVA);
	return ret ?: iommufd_ioas_copy(w->t.iommufd, w->other_ioas_id,
					w->ioas_id, LENGTH,
					IOMMUFD_FIXED_READ_WRITE, &iova, IOVA);
}

static int op_map_and_attach(struct world *w)
{
	int ret;

	ret = memtest_object_map(&w->t, &w->object, w->ioas_id, IOVA);
	if (ret)
		return ret;
	/* Attaching is not a verb of ours: it may say what it likes */
	return vfio_attach(&w->t.vf[0], w->ioas_id) ? -ENOMEM : 0;
}

static int op_map_by_address(struct world *w)
{
	uint64_t iova = IOVA;
	int ret;

	ret = memtest_object_mmap(&w->t, &w->object);
	return ret ?: iommufd_ioas_map(w->t.iommufd, w->ioas_id, w->object.va,
				       LENGTH, IOMMUFD_FIXED_READ_WRITE, &iova);
}

/* Open files are counted by the descriptor that the next one gets */
static int op_retired(struct world *w)
{
	struct iommu_mem_retired_range range;
	int ret;

	ret = memtest_list_bad(&w->t, w->object.id, &range, 1);
	return ret > 0 ? -EIO : ret;
}

static int op_export(struct world *w)
{
	int ret, fd, next = dup(w->t.iommufd);

	close(next);
	ret = iommufd_mem_export(w->t.iommufd, w->object.id, &fd);
	if (!ret) {
		if (fd != next)
			return -EMFILE;
		close(fd);
		return 0;
	}
	if (dup(w->t.iommufd) != next)
		return -EMFILE;
	close(next);
	return ret;
}

static int op_map_file(struct world *w)
{
	uint64_t iova = IOVA;
	int ret, fd;

	ret = iommufd_mem_export(w->t.iommufd, w->object.id, &fd);
	if (ret)
		return ret;
	ret = iommufd_ioas_map_file(w->t.iommufd, w->ioas_id, fd, 0, LENGTH,
				    IOMMUFD_FIXED_READ_WRITE, &iova);
	close(fd);
	return ret;
}

/*
 * Two areas, that are revoked and restored: both or none, and consistently. The
 * kernel warns if it unmaps what is not mapped, or maps what is.
 */
static int op_restore(struct world *w)
{
	uint64_t iova = COPY_IOVA;
	int ret;

	ret = memtest_object_map(&w->t, &w->object, w->ioas_id, IOVA);
	if (!ret)
		ret = iommufd_ioas_copy(w->t.iommufd, w->ioas_id, w->ioas_id,
					LENGTH, IOMMUFD_FIXED_READ_WRITE, &iova,
					IOVA);
	if (!ret)
		ret = vfio_reset(&w->t.vf[0]);
	if (!ret)
		ret = iommufd_ioas_unmap(w->t.iommufd, w->ioas_id, IOVA, LENGTH,
					 NULL);
	if (!ret)
		ret = iommufd_ioas_unmap(w->t.iommufd, w->ioas_id, COPY_IOVA,
					 LENGTH, NULL);
	if (!ret)
		ret = memtest_object_map(&w->t, &w->object, w->ioas_id, IOVA);
	return ret ?: memtest_object_map(&w->t, &w->object, w->ioas_id,
					 COPY_IOVA);
}

static int op_mmap_and_touch(struct world *w)
{
	uint64_t at;
	int ret;

	ret = memtest_object_mmap(&w->t, &w->object);
	if (ret)
		return ret;
	/* A page fault without memory is tried again: no access may fail */
	for (at = 0; at < LENGTH; at += memtest_page_size())
		*(volatile uint64_t *)(w->object.va + at) = at;
	for (at = 0; at < LENGTH; at += memtest_page_size())
		if (*(volatile uint64_t *)(w->object.va + at) != at)
			return -EIO;
	return 0;
}

static int op_destroy(struct world *w)
{
	return iommufd_destroy(w->t.iommufd, w->object.id);
}

TEST_F_TIMEOUT(mem_fail_nth, alloc_of_a_region, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, true, 1, op_alloc);
}

TEST_F_TIMEOUT(mem_fail_nth, alloc_of_a_bar, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, true, 1, op_alloc_bar);
}

TEST_F_TIMEOUT(mem_fail_nth, info_needs_no_memory, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, false, 0, op_info);
}

TEST_F_TIMEOUT(mem_fail_nth, map_without_a_device, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, true, 0, op_map);
}

TEST_F_TIMEOUT(mem_fail_nth, map_with_a_device, MEMTEST_TIMEOUT)
{
	SWEEP(true, false, true, 0, op_map);
}

TEST_F_TIMEOUT(mem_fail_nth, map_of_a_bar, MEMTEST_TIMEOUT)
{
	SWEEP(true, true, true, 0, op_map);
}

TEST_F_TIMEOUT(mem_fail_nth, copy, MEMTEST_TIMEOUT)
{
	SWEEP(true, false, true, 0, op_map_and_copy);
}

TEST_F_TIMEOUT(mem_fail_nth, map_by_address, MEMTEST_TIMEOUT)
{
	SWEEP(true, false, true, 0, op_map_by_address);
}

TEST_F_TIMEOUT(mem_fail_nth, list_of_bad_pieces, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, true, 0, op_retired);
}

TEST_F_TIMEOUT(mem_fail_nth, export, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, true, 0, op_export);
}

TEST_F_TIMEOUT(mem_fail_nth, map_of_a_file, MEMTEST_TIMEOUT)
{
	SWEEP(true, false, true, 0, op_map_file);
}

TEST_F_TIMEOUT(mem_fail_nth, restore, MEMTEST_TIMEOUT)
{
	SWEEP(true, true, true, 0, op_restore);
}

TEST_F_TIMEOUT(mem_fail_nth, attach_after_map, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, true, 0, op_map_and_attach);
}

TEST_F_TIMEOUT(mem_fail_nth, mmap_and_page_faults, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, true, 0, op_mmap_and_touch);
}

TEST_F_TIMEOUT(mem_fail_nth, mmap_and_page_faults_of_a_bar, MEMTEST_TIMEOUT)
{
	SWEEP(false, true, true, 0, op_mmap_and_touch);
}

TEST_F_TIMEOUT(mem_fail_nth, destroy_never_fails, MEMTEST_TIMEOUT)
{
	SWEEP(false, false, false, -1, op_destroy);
}

TEST_HARNESS_MAIN
