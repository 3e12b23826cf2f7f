// SPDX-License-Identifier: GPL-2.0
/*
 * The library's own doings, tools/lib/iommufd-mem, where they are more than an ioctl:
 * enumeration, sysfs, nesting in one call, batches of SMMU commands, sets of eventfds,
 * registers. That calls reach the kernel is seen by all other tests.
 */
#include "kselftest_harness.h"

#include <libgen.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "memtest.h"
#include "smmu.h"

#define LENGTH		MIB(8)
#define IPA		GIB(1)
#define VA		GIB(16384)
#define TABLES		MIB(1)		/* at the start of the object */
#define SOURCE		MIB(2)
#define OTHER		MIB(4)
#define TARGET		MIB(6)
#define DATA		KIB(64)
#define VIRTUAL_SID	0x42

#define TLBI_NH_ALL	0x10
#define CMD_SYNC	0x46		/* which is not handed on */

FIXTURE(mem_library)
{
	struct memtest t;
	struct memtest_object object;
	uint32_t ioas_id;
};

FIXTURE_SETUP(mem_library)
{
	struct memtest *t = &self->t;

	MEMTEST_SETUP(t, 1);
	ASSERT_EQ(0, memtest_object_alloc(t, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(t, &self->object));
	ASSERT_EQ(0, iommufd_ioas_alloc(t->iommufd, &self->ioas_id));
	ASSERT_EQ(0, memtest_object_map(t, &self->object, self->ioas_id, IPA));
}

FIXTURE_TEARDOWN(mem_library)
{
	if (self->object.va)
		munmap(self->object.va, LENGTH);
	memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_F(mem_library, each_object_is_found_once)
{
	struct iommu_mem_info info = {};
	struct memtest_object more[2];
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, memtest_object_alloc(&self->t, &more[i], KIB(64) << i));
	ASSERT_EQ(0, iommufd_mem_next(self->t.iommufd, &info));
	EXPECT_EQ(self->object.id, info.mem_id);
	EXPECT_EQ(LENGTH, info.out_length);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iommufd_mem_next(self->t.iommufd, &info));
		EXPECT_EQ(more[i].id, info.mem_id);
		EXPECT_EQ(KIB(64) << i, info.out_length);
		/* Destroyed on the way */
		EXPECT_EQ(0, memtest_object_free(&self->t, &more[i]));
	}
	EXPECT_EQ(-ENOENT, iommufd_mem_next(self->t.iommufd, &info));
	EXPECT_EQ(KIB(128), info.out_length);
}

TEST_F(mem_library, the_region_of_a_device_is_the_one_it_allocates_from)
{
	struct iommufd_mem_region before, after, all[8];
	struct memtest_object more;
	uint64_t mmap_offset;
	uint32_t mem_id;
	int nr, i, found = 0;

	ASSERT_EQ(0, iommufd_mem_region_of(self->t.vf[0].function.bdf, &before));
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &more, MIB(2)));
	ASSERT_EQ(0, iommufd_mem_region_of(self->t.vf[0].function.bdf, &after));
	EXPECT_EQ(MIB(2), before.free - after.free);
	EXPECT_GE(after.free, after.largest_free);
	EXPECT_GT(after.size, after.free);
	EXPECT_TRUE(after.exclusive);
	EXPECT_EQ(-ENODEV, iommufd_mem_region_of("0000:ff:1f.7", &after));
	ASSERT_EQ(0, iommufd_mem_alloc_named(self->t.iommufd, before.name, MIB(4), &mem_id,
					     &mmap_offset));
	ASSERT_EQ(0, iommufd_mem_region_of(self->t.vf[0].function.bdf, &after));
	EXPECT_EQ(MIB(6), before.free - after.free);
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, mem_id));
	EXPECT_EQ(-ENOENT, iommufd_mem_alloc_named(self->t.iommufd, "nothing", MIB(4), &mem_id,
						   &mmap_offset));

	nr = iommufd_mem_regions(all, ARRAY_SIZE(all));
	ASSERT_LT(0, nr);
	for (i = 0; i < nr; i++)
		if (!strcmp(all[i].name, before.name)) {
			EXPECT_EQ(before.id, all[i].id);
			EXPECT_EQ(before.size, all[i].size);
			EXPECT_EQ(before.node, all[i].node);
			found++;
		}
	EXPECT_EQ(1, found);
	EXPECT_EQ(0, iommufd_mem_regions(all, 0));
}

TEST_F(mem_library, a_nest_that_fails_leaves_nothing)
{
	const uint32_t dev_id = self->t.vf[0].dev_id;
	struct iommufd_nest nest = {}, other = { .parent_id = 77 };
	int fd = self->t.iommufd;

	ASSERT_EQ(0, iommufd_nest_alloc(fd, dev_id, self->ioas_id, VIRTUAL_SID, &nest));
	/* The last of its three steps: the device has a vDevice */
	EXPECT_EQ(-EEXIST, iommufd_nest_alloc(fd, dev_id, self->ioas_id, VIRTUAL_SID, &other));
	EXPECT_EQ(77, other.parent_id);
	EXPECT_EQ(-EINVAL, iommufd_nest_alloc(fd, dev_id, 0x7777, VIRTUAL_SID, &other));
	EXPECT_EQ(0, iommufd_nest_destroy(fd, &nest));
	EXPECT_EQ(0, nest.parent_id);
	EXPECT_EQ(0, iommufd_nest_destroy(fd, &nest));
	/* It would be busy if page tables of it were left */
	EXPECT_EQ(0, iommufd_destroy(fd, self->ioas_id));
}

TEST_F(mem_library, a_nest_in_use_can_be_destroyed_later)
{
	const uint32_t dev_id = self->t.vf[0].dev_id;
	int event_fd, fd = self->t.iommufd;
	struct iommufd_nest nest;
	uint32_t veventq_id;

	ASSERT_EQ(0, iommufd_nest_alloc(fd, dev_id, self->ioas_id, VIRTUAL_SID, &nest));
	ASSERT_EQ(0, iommufd_veventq_alloc(fd, nest.viommu_id, 16, &veventq_id, &event_fd));
	EXPECT_EQ(-EBUSY, iommufd_nest_destroy(fd, &nest));
	close(event_fd);
	EXPECT_EQ(0, iommufd_destroy(fd, veventq_id));
	EXPECT_EQ(0, iommufd_nest_destroy(fd, &nest));
	EXPECT_EQ(0, iommufd_destroy(fd, self->ioas_id));
}

/* Stage 1 that maps a page at VA to @offset in the object, from scratch */
static int build_stage1(struct memtest_object *object, uint64_t offset,
			struct smmu_stage1 *stage1)
{
	int ret = smmu_stage1_init(stage1, object->va, IPA, TABLES, 1);

	if (!ret)
		ret = smmu_stage1_map(stage1, VA, IPA + offset, DATA, SMMU_READ);
	return ret ?: smmu_stage1_map(stage1, VA + TARGET, IPA + TARGET, DATA,
				      SMMU_READ | SMMU_WRITE);
}

TEST_F(mem_library, commands_before_a_bad_one_are_carried_out)
{
	struct iommu_viommu_arm_smmuv3_invalidate cmds[600] = {};
	const uint32_t dev_id = self->t.vf[0].dev_id;
	int fd = self->t.iommufd;
	struct iommu_hwpt_arm_smmuv3 ste;
	struct smmu_stage1 stage1;
	struct iommufd_nest nest;
	uint32_t nested_id, count, i;
	struct gpu gpu;

	ASSERT_EQ(0, iommufd_nest_alloc(fd, dev_id, self->ioas_id, VIRTUAL_SID, &nest));
	ASSERT_EQ(0, build_stage1(&self->object, SOURCE, &stage1));
	smmu_stage1_ste(&stage1, &ste);
	ASSERT_EQ(0, iommufd_hwpt_alloc_nested(fd, dev_id, nest.viommu_id, &ste, &nested_id));
	ASSERT_EQ(0, vfio_attach(&self->t.vf[0], nested_id));
	ASSERT_EQ(0, gpu_open(&gpu, &self->t.vf[0]));
	pattern_fill(self->object.va + SOURCE, DATA, 1);
	pattern_fill(self->object.va + OTHER, DATA, 2);
	ASSERT_EQ(0, gpu_copy(&gpu, VA, VA + TARGET, DATA, MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + TARGET, DATA, 1));

	/* In one ioctl with the bad one */
	ASSERT_EQ(0, build_stage1(&self->object, OTHER, &stage1));
	cmds[0].cmd[0] = TLBI_NH_ALL;
	cmds[1].cmd[0] = CMD_SYNC;
	count = 2;
	EXPECT_EQ(-EIO, iommufd_hwpt_invalidate_smmuv3(fd, nest.viommu_id, cmds, &count));
	EXPECT_EQ(1, count);
	ASSERT_EQ(0, gpu_copy(&gpu, VA, VA + TARGET, DATA, MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + TARGET, DATA, 2));

	/* More than one ioctl takes, all good; then not; then none */
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		cmds[i].cmd[0] = TLBI_NH_ALL;
	count = ARRAY_SIZE(cmds);
	EXPECT_EQ(0, iommufd_hwpt_invalidate_smmuv3(fd, nest.viommu_id, cmds, &count));
	EXPECT_EQ(ARRAY_SIZE(cmds), count);
	cmds[300].cmd[0] = CMD_SYNC;
	EXPECT_EQ(-EIO, iommufd_hwpt_invalidate_smmuv3(fd, nest.viommu_id, cmds, &count));
	EXPECT_EQ(300, count);
	EXPECT_EQ(-ENOENT, iommufd_hwpt_invalidate_smmuv3(fd, 0x7777, cmds, &count));
	EXPECT_EQ(0, count);
	gpu_close(&gpu);
}

/* Have the kernel signal @count of them, as if the device had */
static int trigger(struct vfio_dev *dev, uint32_t count)
{
	struct vfio_irq_set cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = count,
	};

	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &cmd) ? -errno : 0;
}

TEST_F(mem_library, interrupts_are_set_together_and_taken_away_alone)
{
	struct vfio_dev *dev = &self->t.vf[0];
	struct vfio_irq_info info;
	uint64_t events;
	int fds[3], i;
	const int none = -1;

	ASSERT_EQ(0, vfio_attach(dev, self->ioas_id));
	ASSERT_EQ(0, vfio_irq_info(dev, VFIO_PCI_MSIX_IRQ_INDEX, &info));
	ASSERT_LE(3, info.count);
	for (i = 0; i < 3; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_LE(0, fds[i]);
	}
	ASSERT_EQ(0, vfio_set_msix(dev, 0, 3, fds));
	ASSERT_EQ(0, vfio_set_msix(dev, 1, 1, &none));
	ASSERT_EQ(0, trigger(dev, 3));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(i == 1 ? -1 : (int)sizeof(events),
			  read(fds[i], &events, sizeof(events)));
	EXPECT_EQ(-EINVAL, vfio_set_msix(dev, 0, 0, NULL));
	EXPECT_EQ(-EINVAL, vfio_set_msix(dev, info.count, 1, &fds[0]));
	EXPECT_EQ(-EINVAL, vfio_set_msix(dev, 0, 3000, fds));
	EXPECT_EQ(0, vfio_disable_irqs(dev, VFIO_PCI_MSIX_IRQ_INDEX));
	EXPECT_EQ(-EINVAL, trigger(dev, 3));
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

TEST_F(mem_library, registers_are_read_in_every_size)
{
	struct vfio_dev *dev = &self->t.vf[0];
	struct vfio_region_info region;
	struct vfio_device_info info;
	uint32_t value;

	ASSERT_EQ(0, vfio_device_info(dev, &info));
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_PCI);
	EXPECT_LE(VFIO_PCI_NUM_REGIONS, info.num_regions);
	/* The class code: 0x03xxxx, a display controller */
	ASSERT_EQ(0, vfio_config_read(dev, 8, 4, &value));
	EXPECT_EQ(3, value >> 24);
	ASSERT_EQ(0, vfio_config_read(dev, 10, 2, &value));
	EXPECT_EQ(3, value >> 8);
	ASSERT_EQ(0, vfio_config_read(dev, 11, 1, &value));
	EXPECT_EQ(3, value);
	EXPECT_EQ(-EINVAL, vfio_config_read(dev, 8, 3, &value));
	EXPECT_EQ(-EINVAL, vfio_config_read(dev, 8, 8, &value));
	EXPECT_EQ(-EINVAL, vfio_config_read(dev, 9, 2, &value));
	ASSERT_EQ(0, vfio_region_info(dev, VFIO_PCI_CONFIG_REGION_INDEX, &region));
	EXPECT_EQ(-EINVAL, vfio_config_read(dev, region.size, 1, &value));
	EXPECT_EQ(-EINVAL, vfio_config_read(dev, UINT32_MAX - 3, 4, &value));

	/* The cache line size may be written by anyone */
	ASSERT_EQ(0, vfio_config_write(dev, 12, 1, 0x10));
	ASSERT_EQ(0, vfio_config_read(dev, 12, 1, &value));
	EXPECT_EQ(0x10, value);
	ASSERT_EQ(0, vfio_config_write(dev, 12, 1, 0));
	EXPECT_EQ(-EINVAL, vfio_config_write(dev, 12, 3, 0));
}

TEST_F(mem_library, a_bar_reads_and_writes_as_its_mmap_does)
{
	struct vfio_dev *dev = &self->t.vf[0];
	uint64_t mine = 0x0123456789abcdefULL, read = 0;
	struct vfio_region_info info;
	void *va;

	ASSERT_EQ(0, vfio_mmap_bar(dev, NVGRACE_GPU_BAR_FB, 0, MIB(2), &va));
	ASSERT_EQ(0, vfio_write(dev, NVGRACE_GPU_BAR_FB, KIB(64), &mine, sizeof(mine)));
	EXPECT_EQ(mine, *(volatile uint64_t *)(va + KIB(64)));
	ASSERT_EQ(0, vfio_read(dev, NVGRACE_GPU_BAR_FB, KIB(64), &read, sizeof(read)));
	EXPECT_EQ(mine, read);
	ASSERT_EQ(0, vfio_region_info(dev, NVGRACE_GPU_BAR_FB, &info));
	EXPECT_EQ(-EINVAL, vfio_read(dev, NVGRACE_GPU_BAR_FB, info.size - 4, &read, 8));
	EXPECT_EQ(-EINVAL, vfio_read(dev, NVGRACE_GPU_BAR_FB, UINT64_MAX - 3, &read, 8));
	munmap(va, MIB(2));
}

TEST_F(mem_library, an_adopted_cdev_is_bound_already)
{
	struct vfio_dev adopted;
	int fd = dup(self->t.vf[0].fd);

	ASSERT_LE(0, fd);
	vfio_adopt(&adopted, fd, self->t.vf[0].dev_id);
	vfio_close(&self->t.vf[0]);
	EXPECT_EQ(-EINVAL, vfio_bind(&adopted, self->t.iommufd));
	EXPECT_EQ(0, vfio_attach(&adopted, self->ioas_id));
	EXPECT_EQ(0, vfio_detach(&adopted));
	vfio_close(&adopted);
	EXPECT_EQ(-1, adopted.fd);
}

TEST_F(mem_library, a_function_is_found_by_its_place)
{
	const struct vfio_function *vf = &self->t.vf[0].function;
	struct vfio_function found;
	char path[64], pf[256];
	ssize_t length;

	ASSERT_EQ(0, vfio_find_bdf(vf->bdf, &found));
	EXPECT_EQ(0, memcmp(vf, &found, sizeof(found)));
	EXPECT_EQ(-ENODEV, vfio_find_bdf("0000:ff:1f.7", &found));
	EXPECT_EQ(-ENODEV, vfio_find_bdf("", &found));

	/* Its PF has a driver of the host */
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.15s/physfn", vf->bdf);
	length = readlink(path, pf, sizeof(pf) - 1);
	ASSERT_LT(0, length);
	pf[length] = '\0';
	EXPECT_EQ(-ENOENT, vfio_find_bdf(basename(pf), &found));
}

TEST_HARNESS_MAIN
