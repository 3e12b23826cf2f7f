// SPDX-License-Identifier: GPL-2.0
/*
 * The format that every ioctl of iommufd has, verb by verb: the size first, a tail
 * that is zero, an argument that can be read and written. What is wrong gets the
 * errno that iommufd.h says, and leaves nothing behind. What each verb says to the
 * contents of its structure is in the test of that verb.
 */
#include "kselftest_harness.h"

#include <sys/ioctl.h>

#include "memtest.h"

#define IOVA	GIB(4)

enum { ALLOC, ALLOC_BAR, INFO, RETIRED, EXPORT, MAP };

/* Long enough for each of the structures, and a tail */
union argument {
	uint32_t size;
	struct iommu_mem_alloc alloc;
	struct iommu_mem_info info;
	struct iommu_mem_retired retired;
	struct iommu_mem_export export;
	struct iommu_ioas_map_mem map;
	uint64_t words[16];
};

FIXTURE(mem_format)
{
	struct memtest t;
	uint64_t page;
	uint32_t ioas_id;
	struct memtest_object object;
	union argument arg;		/* of a call that works */
	uint8_t *pages;			/* two, of which the second is not there */
};

FIXTURE_VARIANT(mem_format)
{
	int verb;
	unsigned long request;
	size_t size;
};

FIXTURE_VARIANT_ADD(mem_format, alloc)
{
	.verb = ALLOC,
	.request = IOMMU_MEM_ALLOC,
	.size = sizeof(struct iommu_mem_alloc),
};

FIXTURE_VARIANT_ADD(mem_format, alloc_of_a_bar)
{
	.verb = ALLOC_BAR,
	.request = IOMMU_MEM_ALLOC,
	.size = sizeof(struct iommu_mem_alloc),
};

FIXTURE_VARIANT_ADD(mem_format, info)
{
	.verb = INFO,
	.request = IOMMU_MEM_INFO,
	.size = sizeof(struct iommu_mem_info),
};

FIXTURE_VARIANT_ADD(mem_format, retired)
{
	.verb = RETIRED,
	.request = IOMMU_MEM_RETIRED,
	.size = sizeof(struct iommu_mem_retired),
};

FIXTURE_VARIANT_ADD(mem_format, export)
{
	.verb = EXPORT,
	.request = IOMMU_MEM_EXPORT,
	.size = sizeof(struct iommu_mem_export),
};

FIXTURE_VARIANT_ADD(mem_format, map)
{
	.verb = MAP,
	.request = IOMMU_IOAS_MAP,
	.size = sizeof(struct iommu_ioas_map_mem),
};

static void fill(FIXTURE_DATA(mem_format) *self, int verb)
{
	union argument *arg = &self->arg;

	switch (verb) {
	case ALLOC:
	case ALLOC_BAR:
		arg->alloc.type = verb == ALLOC ? IOMMU_MEM_TYPE_REGION :
						  IOMMU_MEM_TYPE_DEVICE;
		arg->alloc.dev_id = self->t.vf[0].dev_id;
		if (verb == ALLOC_BAR)
			arg->alloc.region_index = NVGRACE_GPU_BAR_FB;
		arg->alloc.length = self->page;
		break;
	case INFO:
		arg->info.mem_id = self->object.id;
		break;
	case RETIRED:
		arg->retired.mem_id = self->object.id;
		break;
	case EXPORT:
		arg->export.mem_id = self->object.id;
		break;
	case MAP:
		arg->map.flags = IOMMU_IOAS_MAP_MEM | IOMMUFD_FIXED_READ_WRITE;
		arg->map.ioas_id = self->ioas_id;
		arg->map.mem_id = self->object.id;
		arg->map.length = self->page;
		arg->map.iova = IOVA;
		break;
	}
}

FIXTURE_SETUP(mem_format)
{
	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->ioas_id));
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, self->page));
	self->pages = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->pages);
	ASSERT_EQ(0, munmap(self->pages + self->page, self->page));
	fill(self, variant->verb);
	self->arg.size = variant->size;
}

FIXTURE_TEARDOWN(mem_format)
{
	if (self->pages)
		munmap(self->pages, self->page);
	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

/* Undo a call that worked */
static int undo(FIXTURE_DATA(mem_format) *self, int verb,
		const union argument *arg)
{
	switch (verb) {
	case ALLOC:
	case ALLOC_BAR:
		return iommufd_destroy(self->t.iommufd, arg->alloc.out_mem_id);
	case EXPORT:
		return close(arg->export.out_fd);
	case MAP:
		return iommufd_ioas_unmap(self->t.iommufd, self->ioas_id, IOVA,
					  self->page, NULL);
	}
	return 0;
}

/*
 * One object as before, and with it goes all memory: no mapping holds any, and no
 * descriptor, and nothing that was never published. The context stays.
 */
static bool nothing_is_left(FIXTURE_DATA(mem_format) *self)
{
	if (memtest_count_objects(&self->t) != 1 ||
	    memtest_object_free(&self->t, &self->object))
		return false;
	vfio_close(&self->t.vf[0]);
	return !memtest_region_is_idle();
}

#define EXPECT_CALL(expected, arg)					\
	EXPECT_EQ(expected, iommufd_ioctl(self->t.iommufd,		\
					  variant->request, arg))

#define EXPECT_NOTHING_IS_LEFT()					\
	EXPECT_TRUE(nothing_is_left(self))

TEST_F(mem_format, it_works_with_its_own_size)
{
	EXPECT_CALL(0, &self->arg);
	EXPECT_EQ(0, undo(self, variant->verb, &self->arg));
	EXPECT_NOTHING_IS_LEFT();
}

TEST_F(mem_format, a_structure_that_is_too_small_is_invalid)
{
	uint32_t size;

	/* What is not a multiple of a field is no better */
	for (size = 0; size < variant->size; size++) {
		self->arg.size = size;
		EXPECT_CALL(-EINVAL, &self->arg);
	}
	EXPECT_NOTHING_IS_LEFT();
}

TEST_F(mem_format, a_larger_structure_must_end_in_zeros)
{
	uint8_t *bytes = (uint8_t *)&self->arg;
	size_t last = sizeof(self->arg) - 1;

	self->arg.size = sizeof(self->arg);
	bytes[variant->size] = 1;
	EXPECT_CALL(-E2BIG, &self->arg);
	bytes[variant->size] = 0;
	bytes[last] = 0x80;
	EXPECT_CALL(-E2BIG, &self->arg);
	/* One byte is a tail, too */
	self->arg.size = variant->size + 1;
	bytes[variant->size] = 1;
	EXPECT_CALL(-E2BIG, &self->arg);
	bytes[variant->size] = 0;
	EXPECT_CALL(0, &self->arg);
	EXPECT_EQ(0, undo(self, variant->verb, &self->arg));
	EXPECT_NOTHING_IS_LEFT();
}

TEST_F(mem_format, an_argument_that_is_not_all_there_is_told)
{
	union argument *arg;
	size_t there;

	EXPECT_CALL(-EFAULT, NULL);
	EXPECT_CALL(-EFAULT, self->pages + self->page);
	for (there = 4; there < variant->size; there += 4) {
		arg = (void *)(self->pages + self->page - there);
		memcpy(arg, &self->arg, there);
		EXPECT_CALL(-EFAULT, arg);
	}
	/* A tail that goes on and on */
	arg = (void *)(self->pages + self->page - variant->size);
	memcpy(arg, &self->arg, variant->size);
	arg->size = UINT32_MAX;
	EXPECT_CALL(-EFAULT, arg);
	arg->size = variant->size;
	EXPECT_CALL(0, arg);
	EXPECT_EQ(0, undo(self, variant->verb, arg));
	EXPECT_NOTHING_IS_LEFT();
}

TEST_F(mem_format, an_answer_that_cannot_be_written_is_told)
{
	memcpy(self->pages, &self->arg, sizeof(self->arg));
	ASSERT_EQ(0, mprotect(self->pages, self->page, PROT_READ));
	EXPECT_CALL(-EFAULT, self->pages);
	/* As for any other memory: it is mapped all the same */
	if (variant->verb == MAP)
		EXPECT_EQ(0, undo(self, variant->verb, &self->arg));
	EXPECT_NOTHING_IS_LEFT();
}

TEST(numbers_behind_our_last_are_no_ioctls)
{
	uint64_t words[16] = { sizeof(words) };
	int iommufd = iommufd_open();
	unsigned int number;

	ASSERT_LE(0, iommufd);
	for (number = IOMMUFD_CMD_MEM_EXPORT + 1; number < 256; number++)
		EXPECT_EQ(-ENOTTY, iommufd_ioctl(iommufd,
						 _IO(IOMMUFD_TYPE, number),
						 words));
	close(iommufd);
}

TEST_HARNESS_MAIN
