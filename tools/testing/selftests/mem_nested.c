// SPDX-License-Identifier: GPL-2.0
/*
 * Two-stage translation with all of it in an object: stage-1 tables and data lie in
 * a region's memory, stage 2 is the object mapped in the IOAS. The whole path, with
 * two devices and a report, is the DMA sample's job; here it is in small.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "memtest.h"
#include "smmu.h"

#define LENGTH		MIB(8)
#define IPA		GIB(1)
#define VA		(GIB(16384) + GIB(1))
#define TABLES		MIB(1)		/* at the start of the object */
#define SEMAPHORE	TABLES
#define SOURCE		MIB(2)
#define TARGET		MIB(4)
#define DATA		MIB(2)
#define VIRTUAL_SID	0x42

FIXTURE(mem_nested)
{
	struct memtest t;
	struct gpu gpu;
	struct memtest_object object;
	uint32_t ioas_id;
	uint32_t parent_id;
	uint32_t viommu_id;
	uint32_t vdevice_id;
	uint32_t veventq_id;
	uint32_t nested_id;
	int event_fd;
	struct smmu_stage1 stage1;
};

FIXTURE_SETUP(mem_nested)
{
	struct iommu_hwpt_arm_smmuv3 ste;
	struct memtest *t = &self->t;

	self->event_fd = -1;
	MEMTEST_SETUP(t, 1);
	ASSERT_EQ(0, memtest_object_alloc(t, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(t, &self->object));
	ASSERT_EQ(0, iommufd_ioas_alloc(t->iommufd, &self->ioas_id));
	ASSERT_EQ(0, memtest_object_map(t, &self->object, self->ioas_id, IPA));
	ASSERT_EQ(0, iommufd_hwpt_alloc(t->iommufd, t->vf[0].dev_id,
					self->ioas_id,
					IOMMU_HWPT_ALLOC_NEST_PARENT,
					&self->parent_id));
	ASSERT_EQ(0, iommufd_viommu_alloc(t->iommufd, t->vf[0].dev_id,
					  self->parent_id, &self->viommu_id));
	ASSERT_EQ(0, iommufd_vdevice_alloc(t->iommufd, self->viommu_id,
					   t->vf[0].dev_id, VIRTUAL_SID,
					   &self->vdevice_id));
	ASSERT_EQ(0, iommufd_veventq_alloc(t->iommufd, self->viommu_id, 16,
					   &self->veventq_id, &self->event_fd));
	ASSERT_EQ(0, smmu_stage1_init(&self->stage1, self->object.va, IPA,
				      TABLES, 1));
	ASSERT_EQ(0, smmu_stage1_map(&self->stage1, VA, IPA, LENGTH,
				     SMMU_READ | SMMU_WRITE));
	ASSERT_EQ(0, smmu_stage1_map(&self->stage1, SMMU_MSI_WINDOW_IPA,
				     SMMU_MSI_WINDOW_IPA, SMMU_MSI_WINDOW_SIZE,
				     SMMU_READ | SMMU_WRITE | SMMU_DEVICE));
	smmu_stage1_ste(&self->stage1, &ste);
	ASSERT_EQ(0, iommufd_hwpt_alloc_nested(t->iommufd, t->vf[0].dev_id,
					       self->viommu_id, &ste,
					       &self->nested_id));
	ASSERT_EQ(0, vfio_attach(&t->vf[0], self->nested_id));
	ASSERT_EQ(0, gpu_open(&self->gpu, &t->vf[0]));
	pattern_fill(self->object.va + SOURCE, DATA, 1);
	pattern_fill(self->object.va + TARGET, DATA, 2);
}

FIXTURE_TEARDOWN(mem_nested)
{
	gpu_close(&self->gpu);
	if (self->event_fd >= 0)
		close(self->event_fd);
	if (self->object.va)
		munmap(self->object.va, LENGTH);
	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

#define EXPECT_COPY(expected, src, dst)					\
	EXPECT_EQ(expected, gpu_copy(&self->gpu, src, dst, DATA,	\
				     MEMTEST_DEADLINE))

#define EXPECT_TARGET(seed)						\
	EXPECT_EQ(PATTERN_SAME,						\
		  pattern_check(self->object.va + TARGET, DATA, seed))

/* The engine's report and the SMMU's event of a read that did not translate */
#define EXPECT_FAULT(va)						\
	do {								\
		struct iommufd_vevent_header __header;			\
		struct iommu_vevent_arm_smmuv3 __raw;			\
		struct smmu_event __event;				\
		struct gpu_fault __fault;				\
		ASSERT_EQ(0, gpu_fault_read(&self->gpu, &__fault));	\
		EXPECT_EQ(va, __fault.address);				\
		gpu_fault_clear(&self->gpu);				\
		ASSERT_EQ(0, iommufd_veventq_read(self->event_fd,	\
						  MEMTEST_DEADLINE,	\
						  &__header, &__raw));	\
		smmu_event_decode(&__raw, &__event);			\
		EXPECT_EQ(SMMU_EVENT_TRANSLATION, __event.id);		\
		EXPECT_EQ(VIRTUAL_SID, __event.stream_id);		\
		EXPECT_EQ(va, __event.address);				\
		EXPECT_TRUE(__event.read);				\
	} while (0)

TEST_F(mem_nested, dma_goes_through_both_stages)
{
	EXPECT_COPY(0, VA + SOURCE, VA + TARGET);
	EXPECT_TARGET(1);
}

TEST_F(mem_nested, tables_written_later_are_used)
{
	/* Off by a page: four-level walks, no blocks */
	const uint64_t va = GIB(32768) + SMMU_PAGE_SIZE;

	ASSERT_EQ(0, smmu_stage1_map(&self->stage1, va, IPA + SOURCE, DATA,
				     SMMU_READ));
	EXPECT_COPY(0, va, VA + TARGET);
	EXPECT_TARGET(1);
}

TEST_F(mem_nested, a_guest_physical_address_is_no_dma_address)
{
	EXPECT_COPY(-EFAULT, IPA + SOURCE, VA + TARGET);
	EXPECT_FAULT(IPA + SOURCE);
	EXPECT_TARGET(2);
}

TEST_F(mem_nested, an_address_outside_stage_1_faults_and_harms_nothing)
{
	EXPECT_COPY(-EFAULT, VA + LENGTH, VA + TARGET);
	EXPECT_FAULT(VA + LENGTH);
	EXPECT_TARGET(2);
	/* And the engine works again */
	EXPECT_COPY(0, VA + SOURCE, VA + TARGET);
	EXPECT_TARGET(1);
}

TEST_F(mem_nested, stage_1_cannot_lead_out_of_stage_2)
{
	const uint64_t va = GIB(32768);

	/* A guest may write anything in its tables */
	ASSERT_EQ(0, smmu_stage1_map(&self->stage1, va, IPA + LENGTH,
				     MIB(2), SMMU_READ | SMMU_WRITE));
	EXPECT_COPY(-EFAULT, va, VA + TARGET);
	EXPECT_TARGET(2);
	gpu_fault_clear(&self->gpu);
	EXPECT_COPY(0, VA + SOURCE, VA + TARGET);
	EXPECT_TARGET(1);
}

TEST_F(mem_nested, a_read_only_page_of_stage_1_refuses_writes)
{
	const uint64_t va = GIB(32768);
	struct iommufd_vevent_header header;
	struct iommu_vevent_arm_smmuv3 raw;
	struct smmu_event event;

	ASSERT_EQ(0, smmu_stage1_map(&self->stage1, va, IPA + TARGET, DATA,
				     SMMU_READ));
	EXPECT_COPY(-EFAULT, VA + SOURCE, va);
	EXPECT_TARGET(2);
	ASSERT_EQ(0, iommufd_veventq_read(self->event_fd, MEMTEST_DEADLINE,
					  &header, &raw));
	smmu_event_decode(&raw, &event);
	EXPECT_EQ(SMMU_EVENT_PERMISSION, event.id);
	EXPECT_EQ(va, event.address);
	EXPECT_FALSE(event.read);
}

TEST_F(mem_nested, a_copy_ends_with_a_semaphore_and_an_interrupt)
{
	volatile uint32_t *semaphore =
		(volatile uint32_t *)(self->object.va + SEMAPHORE);
	struct gpu_copy copy = {
		.src = VA + SOURCE,
		.dst = VA + TARGET,
		.length = DATA,
		.semaphore = VA + SEMAPHORE,
		.payload = 0x600d,
		.interrupt = true,
	};

	ASSERT_EQ(0, gpu_enable_interrupt(&self->gpu));
	*semaphore = 0;
	ASSERT_EQ(0, gpu_launch_copy(&self->gpu, &copy));
	EXPECT_EQ(0, gpu_wait_interrupt(&self->gpu, MEMTEST_DEADLINE));
	EXPECT_EQ(0x600d, *semaphore);
	EXPECT_TARGET(1);
}

struct mapping_changer {
	pthread_barrier_t start;
	atomic_bool stop;
	void *memory;
};

/* Keeps the lock of the address space: as long as it takes to protect many pages */
static void *change_mapping(void *arg)
{
	struct mapping_changer *changer = arg;

	pthread_barrier_wait(&changer->start);
	while (!atomic_load(&changer->stop)) {
		mprotect(changer->memory, MIB(16), PROT_READ);
		mprotect(changer->memory, MIB(16), PROT_READ | PROT_WRITE);
	}
	return NULL;
}

/*
 * Interrupts add files to sysfs while the device's memory is locked, and a fault in a
 * BAR waits for that lock: a listing must not fault with sysfs locked. Lockdep judges,
 * when the fault has to wait for one who changes mappings.
 */
TEST_F(mem_nested, a_listing_of_sysfs_may_fault)
{
	const size_t page = KIB(4), pages = 1000, dots = 64;
	uint8_t *listing = mmap(NULL, page * pages, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int dir = open("/sys/bus/pci/devices", O_RDONLY | O_DIRECTORY);
	struct mapping_changer changer = {};
	pthread_t thread;
	size_t i;

	ASSERT_NE(MAP_FAILED, listing);
	ASSERT_EQ(0, madvise(listing, page * pages, MADV_NOHUGEPAGE));
	ASSERT_GE(dir, 0);
	changer.memory = mmap(NULL, MIB(16), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, changer.memory);
	ASSERT_EQ(0, gpu_enable_interrupt(&self->gpu));
	ASSERT_EQ(0, pthread_barrier_init(&changer.start, NULL, 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, change_mapping, &changer));
	pthread_barrier_wait(&changer.start);
	for (i = 1; i < pages; i++) {
		/* . and .. go to the page before: they take no lock of sysfs's */
		ASSERT_EQ(0, lseek(dir, 0, SEEK_SET));
		ASSERT_LT(dots, syscall(SYS_getdents64, dir,
					listing + i * page - dots, page));
	}
	atomic_store(&changer.stop, true);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	close(dir);
	munmap(changer.memory, MIB(16));
	munmap(listing, page * pages);
}

TEST_F(mem_nested, unmap_of_stage_2_takes_the_memory_from_the_device)
{
	EXPECT_COPY(0, VA + SOURCE, VA + TARGET);
	EXPECT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas_id, IPA,
					LENGTH, NULL));
	pattern_fill(self->object.va + TARGET, DATA, 2);
	EXPECT_COPY(-EFAULT, VA + SOURCE, VA + TARGET);
	EXPECT_TARGET(2);
}

TEST_F(mem_nested, everything_can_be_taken_apart_and_destroyed)
{
	const uint32_t ids[] = { self->nested_id, self->vdevice_id,
				 self->veventq_id, self->viommu_id,
				 self->parent_id, self->ioas_id,
				 self->object.id };
	size_t i;

	gpu_close(&self->gpu);
	ASSERT_EQ(0, vfio_detach(&self->t.vf[0]));
	close(self->event_fd);
	self->event_fd = -1;
	ASSERT_EQ(0, munmap(self->object.va, LENGTH));
	self->object.va = NULL;
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, ids[i]));
}

/* What a walk finds, without a device */
TEST(the_tables_say_what_was_mapped)
{
	const uint64_t size = MIB(1);
	struct smmu_stage1 stage1;
	struct smmu_walk walk;
	void *area;

	area = aligned_alloc(SMMU_PAGE_SIZE, size);
	ASSERT_NE(NULL, area);
	ASSERT_EQ(0, smmu_stage1_init(&stage1, area, IPA, size, 1));
	EXPECT_EQ(-ENOENT, smmu_stage1_walk(&stage1, VA, &walk));

	/* From a page before a 2 MiB border to a page after a 1 GiB block */
	ASSERT_EQ(0, smmu_stage1_map(&stage1, VA - MIB(2) - KIB(4),
				     IPA - MIB(2) - KIB(4),
				     GIB(1) + MIB(2) + KIB(8), SMMU_READ));
	EXPECT_EQ(-ENOENT,
		  smmu_stage1_walk(&stage1, VA - MIB(2) - KIB(8), &walk));
	EXPECT_EQ(0, smmu_stage1_walk(&stage1, VA - MIB(2) - KIB(4), &walk));
	EXPECT_EQ(KIB(4), walk.block_size);
	EXPECT_EQ(SMMU_READ, walk.prot);
	EXPECT_EQ(0, smmu_stage1_walk(&stage1, VA - 8, &walk));
	EXPECT_EQ(MIB(2), walk.block_size);
	EXPECT_EQ(IPA - 8, walk.ipa);
	EXPECT_EQ(0, smmu_stage1_walk(&stage1, VA + MIB(77), &walk));
	EXPECT_EQ(GIB(1), walk.block_size);
	EXPECT_EQ(IPA + MIB(77), walk.ipa);
	EXPECT_EQ(0, smmu_stage1_walk(&stage1, VA + GIB(1), &walk));
	EXPECT_EQ(KIB(4), walk.block_size);
	EXPECT_EQ(-ENOENT,
		  smmu_stage1_walk(&stage1, VA + GIB(1) + KIB(4), &walk));

	EXPECT_EQ(-EEXIST,
		  smmu_stage1_map(&stage1, VA, IPA, KIB(4), SMMU_READ));
	EXPECT_EQ(-EINVAL, smmu_stage1_map(&stage1, 8, IPA, KIB(4),
					   SMMU_READ));
	EXPECT_EQ(-EINVAL, smmu_stage1_map(&stage1, 1ULL << 48, IPA, KIB(4),
					   SMMU_READ));
	free(area);
}

TEST_HARNESS_MAIN
