// SPDX-License-Identifier: GPL-2.0
/*
 * That DMA mappings are made of the largest blocks there are: by the page tables that
 * they take, which the kernel counts. How large the entries for the CPU are is in
 * mem_cpu.c.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdio.h>

#include "memtest.h"

#define IOVA	GIB(64)

FIXTURE(mem_block)
{
	struct memtest t;
	struct memtest_object object;
	uint64_t page;
	uint64_t large;		/* what a page of page table entries maps */
	uint64_t length;
};

FIXTURE_SETUP(mem_block)
{
	uint64_t base, size;

	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	self->large = self->page * (self->page / 8);
	self->length = self->large > MIB(64) ? self->large : MIB(64);
	ASSERT_EQ(0, memtest_region(&base, &size));
	if (size < self->length || base % self->large)
		SKIP(return, "the region has no block that is larger than a page");
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
						 self->length));
}

FIXTURE_TEARDOWN(mem_block)
{
	memtest_close(&self->t);
}

/* Pages of I/O page tables, all of them; negative if the kernel does not tell */
static long long table_pages(void)
{
	/* What each CPU has counted so far comes together when this is read */
	int fd = open("/proc/sys/vm/stat_refresh", O_RDONLY | O_CLOEXEC);
	long long pages = -1;
	char line[128];
	FILE *file;

	if (fd < 0)
		return -1;
	if (read(fd, line, sizeof(line)) < 0)
		perror("stat_refresh");
	close(fd);
	file = fopen("/proc/vmstat", "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "nr_iommu_pages %lld", &pages) == 1)
			break;
	if (file)
		fclose(file);
	return pages;
}

/* The pages that the object takes at this IOVA of a new IOAS; negative on error */
static long long cost(struct memtest *t, struct memtest_object *object,
		      uint64_t iova)
{
	long long before, after;
	uint32_t ioas_id;

	if (iommufd_ioas_alloc(t->iommufd, &ioas_id) ||
	    vfio_attach(&t->vf[0], ioas_id))
		return -1;
	before = table_pages();
	if (before < 0 || memtest_object_map(t, object, ioas_id, iova))
		return -1;
	after = table_pages();
	if (iommufd_ioas_unmap(t->iommufd, ioas_id, iova, object->length, NULL) ||
	    vfio_detach(&t->vf[0]) || iommufd_destroy(t->iommufd, ioas_id))
		return -1;
	object->ioas_id = 0;
	return after - before;
}

TEST_F(mem_block, an_aligned_mapping_takes_no_table_of_pages)
{
	const long long tables = self->length / self->large;
	long long aligned, misaligned;

	if (table_pages() < 0)
		SKIP(return, "this kernel does not count I/O page tables");
	aligned = cost(&self->t, &self->object, IOVA);
	misaligned = cost(&self->t, &self->object, IOVA + self->page);
	ASSERT_LE(0, aligned);
	/* One more, as the last page is beyond the last block */
	EXPECT_EQ(tables + 1, misaligned - aligned);
	/* Nothing but the tables above, of which the root is not new */
	EXPECT_GE(2, aligned);
}

TEST_HARNESS_MAIN
