// SPDX-License-Identifier: GPL-2.0
/*
 * Memory objects and what only iommufd's own mock can do: a page table that tracks
 * dirty pages, and users of an IOAS inside the kernel. Needs CONFIG_IOMMUFD_TEST (the
 * debug flavour).
 */
#include "kselftest_harness.h"

#include <sys/ioctl.h>

#include <../../../drivers/iommu/iommufd/iommufd_test.h>

#include "memtest.h"

#define PAGES		64
#define IOVA		(MOCK_APERTURE_START + MIB(64))
#define BAR_IOVA	(MOCK_APERTURE_START + MIB(128))
#define USER_IOVA	(MOCK_APERTURE_START + MIB(192))

FIXTURE(mem_mock)
{
	struct memtest t;
	uint64_t page;
	uint64_t length;
	struct memtest_object object;
	struct memtest_object bar;
	uint32_t ioas_id;
	uint32_t dev_id;		/* of a mock device on the IOAS */
	uint8_t *user;			/* ordinary memory */
};

static int test_ioctl(int iommufd, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ioctl(iommufd, IOMMU_TEST_CMD, cmd) ? -errno : 0;
}

FIXTURE_SETUP(mem_mock)
{
	struct memtest *t = &self->t;
	struct iommu_test_cmd cmd = { .op = IOMMU_TEST_OP_MOCK_DOMAIN };
	/* There is a dirty bit for each entry of the page table */
	struct iommu_option small = {
		.size = sizeof(small),
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
	};

	MEMTEST_SETUP(t, 1);
	self->page = memtest_page_size();
	self->length = PAGES * self->page;
	ASSERT_EQ(0, iommufd_ioas_alloc(t->iommufd, &self->ioas_id));
	small.object_id = self->ioas_id;
	ASSERT_EQ(0, iommufd_ioctl(t->iommufd, IOMMU_OPTION, &small));
	cmd.id = self->ioas_id;
	if (test_ioctl(t->iommufd, &cmd) == -ENOTTY)
		SKIP(return, "this kernel has no CONFIG_IOMMUFD_TEST");
	ASSERT_NE(0, cmd.mock_domain.out_idev_id);
	self->dev_id = cmd.mock_domain.out_idev_id;
	ASSERT_EQ(0, memtest_object_alloc(t, &self->object, self->length));
	ASSERT_EQ(0, memtest_object_mmap(t, &self->object));
	ASSERT_EQ(0, memtest_object_map(t, &self->object, self->ioas_id, IOVA));
	ASSERT_EQ(0, memtest_object_alloc_bar(t, &self->bar, self->length));
	ASSERT_EQ(0, memtest_object_mmap(t, &self->bar));
	ASSERT_EQ(0, memtest_object_map(t, &self->bar, self->ioas_id,
					BAR_IOVA));
	self->user = mmap(NULL, self->length, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->user);
}

FIXTURE_TEARDOWN(mem_mock)
{
	if (self->user)
		munmap(self->user, self->length);
	if (self->bar.va)
		munmap(self->bar.va, self->length);
	if (self->object.va)
		munmap(self->object.va, self->length);
	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

/* A device of another driver than VFIO's PCI ones: bound, but with no memory */
TEST_F(mem_mock, a_device_whose_driver_offers_nothing_has_no_memory)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_DEVICE,
		.dev_id = self->dev_id,
		.length = self->page,
	};

	EXPECT_EQ(-EOPNOTSUPP, iommufd_mem_alloc(self->t.iommufd, &cmd));
	/* And, as it is linked to no region, it does not entitle */
	cmd.type = IOMMU_MEM_TYPE_REGION;
	EXPECT_EQ(-ENODEV, iommufd_mem_alloc(self->t.iommufd, &cmd));
	EXPECT_EQ(2, memtest_count_objects(&self->t));
}

static int set_tracking(int iommufd, uint32_t hwpt_id, bool on)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt_id,
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
	};

	return iommufd_ioctl(iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

/* As if a device had written to the pages of @bits */
static int make_dirty(int iommufd, uint32_t hwpt_id, uint64_t iova,
		      uint64_t bits)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt_id,
		.dirty = {
			.iova = iova,
			.length = PAGES * memtest_page_size(),
			.page_size = memtest_page_size(),
			.uptr = (uintptr_t)&bits,
		},
	};

	return test_ioctl(iommufd, &cmd);
}

/* Read the dirty bits of as many pages as @bits has, and clear them */
static int read_dirty(int iommufd, uint32_t hwpt_id, uint64_t iova,
		      uint64_t *bits, uint64_t nr_pages)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt_id,
		.iova = iova,
		.length = nr_pages * memtest_page_size(),
		.page_size = memtest_page_size(),
		.data = (uintptr_t)bits,
	};

	return iommufd_ioctl(iommufd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

#define DIRTY_HWPT(hwpt_id)						\
	do {								\
		ASSERT_EQ(0, iommufd_hwpt_alloc(self->t.iommufd,	\
						self->dev_id,		\
						self->ioas_id,		\
						IOMMU_HWPT_ALLOC_DIRTY_TRACKING, \
						hwpt_id));		\
	} while (0)

TEST_F(mem_mock, pages_that_a_device_wrote_are_dirty_once)
{
	const int iommufd = self->t.iommufd;
	uint64_t bits = 0;
	uint32_t hwpt_id;

	DIRTY_HWPT(&hwpt_id);
	ASSERT_EQ(0, set_tracking(iommufd, hwpt_id, true));
	ASSERT_EQ(0, make_dirty(iommufd, hwpt_id, IOVA, 0x8000000000000105ULL));
	EXPECT_EQ(0, read_dirty(iommufd, hwpt_id, IOVA, &bits, PAGES));
	EXPECT_EQ(0x8000000000000105ULL, bits);
	bits = 0;
	EXPECT_EQ(0, read_dirty(iommufd, hwpt_id, IOVA, &bits, PAGES));
	EXPECT_EQ(0, bits);
	/* What was dirty before tracking starts does not count */
	ASSERT_EQ(0, make_dirty(iommufd, hwpt_id, IOVA, 1));
	ASSERT_EQ(0, set_tracking(iommufd, hwpt_id, false));
	ASSERT_EQ(0, set_tracking(iommufd, hwpt_id, true));
	EXPECT_EQ(0, read_dirty(iommufd, hwpt_id, IOVA, &bits, PAGES));
	EXPECT_EQ(0, bits);
}

TEST_F(mem_mock, a_bar_beside_it_is_never_dirty)
{
	const int iommufd = self->t.iommufd;
	uint64_t iova = IOVA + self->length;
	uint64_t bits[3] = {};
	uint32_t hwpt_id;

	/* Memory, BAR, memory in one range; and the BAR is revoked */
	ASSERT_EQ(0, iommufd_ioas_copy(iommufd, self->ioas_id, self->ioas_id,
				       self->length, IOMMUFD_FIXED_READ_WRITE,
				       &iova, BAR_IOVA));
	iova += self->length;
	ASSERT_EQ(0, iommufd_ioas_copy(iommufd, self->ioas_id, self->ioas_id,
				       self->length, IOMMUFD_FIXED_READ_WRITE,
				       &iova, IOVA));
	DIRTY_HWPT(&hwpt_id);
	ASSERT_EQ(0, set_tracking(iommufd, hwpt_id, true));
	ASSERT_EQ(0, make_dirty(iommufd, hwpt_id, IOVA, 0x11));
	ASSERT_EQ(0, make_dirty(iommufd, hwpt_id, IOVA + self->length, 0x22));
	ASSERT_EQ(0, make_dirty(iommufd, hwpt_id, iova, 0x33));
	vfio_close(&self->t.vf[0]);
	EXPECT_EQ(0, read_dirty(iommufd, hwpt_id, IOVA, bits, 3 * PAGES));
	EXPECT_EQ(0x11, bits[0]);
	EXPECT_EQ(0, bits[1]);
	EXPECT_EQ(0x33, bits[2]);
	EXPECT_EQ(0, set_tracking(iommufd, hwpt_id, false));
	EXPECT_EQ(0, set_tracking(iommufd, hwpt_id, true));
}

TEST_F(mem_mock, what_was_restored_can_be_unmapped)
{
	uint32_t hwpt_id;

	/* iommufd warns, and the machine stops, if it unmaps what is not mapped */
	DIRTY_HWPT(&hwpt_id);
	ASSERT_EQ(0, vfio_reset(&self->t.vf[0]));
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id,
					BAR_IOVA, self->length, NULL));
	EXPECT_EQ(0, memtest_object_map(&self->t, &self->bar, self->ioas_id,
					BAR_IOVA));
	ASSERT_EQ(0, vfio_reset(&self->t.vf[0]));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, hwpt_id));
	ASSERT_EQ(0, vfio_reset(&self->t.vf[0]));
}

static int create_access(int iommufd, uint32_t ioas_id, uint32_t flags)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = ioas_id,
		.create_access.flags = flags,
	};
	int ret = test_ioctl(iommufd, &cmd);

	return ret ?: (int)cmd.create_access.out_access_fd;
}

/* An emulated device pins pages, or copies from or to @user */
static int access_pages(int iommufd, uint32_t access, uint64_t iova,
			uint64_t length, void *user, uint32_t flags)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.id = access,
		.access_pages = {
			.flags = flags,
			.iova = iova,
			.length = length,
			.uptr = (uintptr_t)user,
		},
	};

	return test_ioctl(iommufd, &cmd);
}

static int access_rw(int iommufd, uint32_t access, uint64_t iova,
		     uint64_t length, void *user, uint32_t flags)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_ACCESS_RW,
		.id = access,
		.access_rw = {
			.iova = iova,
			.length = length,
			.uptr = (uintptr_t)user,
			.flags = flags,
		},
	};

	return test_ioctl(iommufd, &cmd);
}

TEST_F(mem_mock, the_kernel_itself_cannot_use_an_iova_of_an_object)
{
	const int iommufd = self->t.iommufd;
	const uint64_t iovas[] = { IOVA, BAR_IOVA, IOVA + self->length / 2 };
	uint64_t user_iova = USER_IOVA;
	int pages, copies;
	size_t i;

	pages = create_access(iommufd, self->ioas_id,
			      MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	copies = create_access(iommufd, self->ioas_id, 0);
	ASSERT_LE(0, pages);
	ASSERT_LE(0, copies);

	pattern_fill(self->object.va, self->length, 1);
	pattern_fill(self->user, self->length, 2);
	for (i = 0; i < ARRAY_SIZE(iovas); i++) {
		uint32_t flags;

		EXPECT_EQ(-EINVAL, access_pages(iommufd, pages, iovas[i],
						self->page, self->user, 0));
		EXPECT_EQ(-EINVAL, access_pages(iommufd, pages, iovas[i],
						self->page, self->user,
						MOCK_FLAGS_ACCESS_WRITE));
		for (flags = 0; flags <= (MOCK_ACCESS_RW_WRITE |
					  MOCK_ACCESS_RW_SLOW_PATH); flags++) {
			if (flags & ~(MOCK_ACCESS_RW_WRITE |
				      MOCK_ACCESS_RW_SLOW_PATH))
				continue;
			EXPECT_EQ(-EINVAL, access_rw(iommufd, copies, iovas[i],
						     64, self->user, flags));
		}
	}
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, self->length,
					      1));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->user, self->length, 2));

	/* Ordinary memory in the same IOAS shows that the calls are right */
	EXPECT_EQ(0, iommufd_ioas_map(iommufd, self->ioas_id, self->user,
				      self->length, IOMMUFD_FIXED_READ_WRITE,
				      &user_iova));
	EXPECT_EQ(0, access_rw(iommufd, copies, USER_IOVA, 64,
			       self->user + self->page, MOCK_ACCESS_RW_WRITE));
	EXPECT_EQ(0, access_pages(iommufd, pages, USER_IOVA, self->page,
				  self->user, 0));
	/* And the objects are as mappable as before, with the users there */
	EXPECT_EQ(0, iommufd_ioas_unmap(iommufd, self->ioas_id, IOVA,
					self->length, NULL));
	EXPECT_EQ(0, memtest_object_map(&self->t, &self->object, self->ioas_id,
					IOVA));
	close(copies);
	close(pages);
}

TEST_HARNESS_MAIN
