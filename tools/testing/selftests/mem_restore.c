// SPDX-License-Identifier: GPL-2.0
/*
 * Revoke and restore: whatever takes a device's memory away, its objects are out
 * of reach of the CPU and of every device as long as it lasts, and back in every
 * VMA and IOAS when it has passed, without a call by the user.
 *
 * The witness is the copy engine of a VF, in the same iommufd: what it reads or
 * writes at an IOVA that does not translate is a fault of the SMMU.
 */
#include "kselftest_harness.h"

#include <linux/pci_regs.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>

#include "memtest.h"

#define MOST_BYTES	MIB(1)
#define BAR_IOVA	GIB(64)
#define COPY_IOVA	GIB(128)
#define IOVA		GIB(4)

/*
 * QEMU's virtio-serial-pci behind a root port, which the test machine has for its
 * PCI: memory decode, D3hot, and a bus that can be reset. A VF has none of them.
 */
#define VIRTIO_VENDOR_ID	0x1af4
#define VIRTIO_SERIAL_DEVICE_ID	0x1043

/* The device that loses its memory */
struct victim {
	struct vfio_dev *dev;
	struct vfio_dev own;	/* where it is not VF 0 */
	bool is_memory;		/* the BAR is: it is VF 0's framebuffer */
	uint32_t bar;		/* its largest */
	uint64_t length;
	int wake_fd;
};

static int find_capability(struct vfio_dev *dev, uint8_t id, uint32_t *offset)
{
	uint32_t value;
	int ret, left;

	ret = vfio_config_read(dev, PCI_CAPABILITY_LIST, 1, &value);
	for (left = 48; !ret && (value & 0xff) && left; left--) {
		*offset = value & 0xfc;
		ret = vfio_config_read(dev, *offset, 2, &value);
		if (!ret && (value & 0xff) == id)
			return 0;
		value >>= 8;
	}
	return ret ?: -ENOENT;
}

static int set_feature(struct vfio_dev *dev, uint32_t feature, const void *data,
		       size_t length)
{
	uint64_t raw[4] = {};
	struct vfio_device_feature *cmd = (void *)raw;

	cmd->argsz = sizeof(*cmd) + length;
	cmd->flags = VFIO_DEVICE_FEATURE_SET | feature;
	memcpy(cmd->data, data, length);
	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, cmd) ? -errno : 0;
}

/* Causes: each takes the memory away, or gives it back, or does both at once */

static int decode_off(struct victim *victim)
{
	return vfio_set_command(victim->dev, 0, PCI_COMMAND_MEMORY);
}

static int decode_on(struct victim *victim)
{
	return vfio_set_command(victim->dev, PCI_COMMAND_MEMORY, 0);
}

static int low_power_entry(struct victim *victim)
{
	return set_feature(victim->dev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
			   NULL, 0);
}

static int low_power_exit(struct victim *victim)
{
	return set_feature(victim->dev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
			   NULL, 0);
}

static bool runtime_status_is(struct victim *victim, const char *status)
{
	char path[96], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/power/runtime_status",
		 victim->dev->function.bdf);
	file = fopen(path, "re");
	if (file) {
		if (fgets(text, sizeof(text), file))
			text[strcspn(text, "\n")] = 0;
		fclose(file);
	}
	return !strcmp(text, status);
}

/* Returns when the device sleeps: -EOPNOTSUPP if this kernel lets none sleep */
static int suspend(struct victim *victim)
{
	struct vfio_device_low_power_entry_with_wakeup entry = {};
	time_t end = time(NULL) + MEMTEST_DEADLINE;
	int ret;

	if (!runtime_status_is(victim, "active"))
		return -EOPNOTSUPP;
	victim->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (victim->wake_fd < 0)
		return -errno;
	entry.wakeup_eventfd = victim->wake_fd;
	ret = set_feature(victim->dev,
			  VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
			  &entry, sizeof(entry));
	while (!ret && !runtime_status_is(victim, "suspended")) {
		if (time(NULL) > end)
			return -ETIMEDOUT;
		poll(NULL, 0, 10);
	}
	return ret;
}

/* Any access wakes it, which ends the low power state */
static int wake_up(struct victim *victim)
{
	struct pollfd woken = { .fd = victim->wake_fd, .events = POLLIN };
	uint32_t value;
	int ret;

	ret = vfio_config_read(victim->dev, PCI_COMMAND, 2, &value);
	if (ret)
		return ret;
	return poll(&woken, 1, MEMTEST_DEADLINE * 1000) == 1 ? 0 : -ETIMEDOUT;
}

static int set_power_state(struct victim *victim, uint16_t state)
{
	uint32_t pm;
	int ret;

	ret = find_capability(victim->dev, PCI_CAP_ID_PM, &pm);
	return ret ?: vfio_config_write(victim->dev, pm + PCI_PM_CTRL, 2,
					state);
}

static int power_off(struct victim *victim)
{
	return set_power_state(victim, 3);
}

static int power_on(struct victim *victim)
{
	return set_power_state(victim, 0);
}

static int reset(struct victim *victim)
{
	return vfio_reset(victim->dev);
}

static int function_level_reset(struct victim *victim)
{
	uint32_t control;
	uint32_t exp;
	int ret;

	ret = find_capability(victim->dev, PCI_CAP_ID_EXP, &exp);
	if (!ret)
		ret = vfio_config_read(victim->dev, exp + PCI_EXP_DEVCTL, 2,
				       &control);
	return ret ?: vfio_config_write(victim->dev, exp + PCI_EXP_DEVCTL, 2,
					control | PCI_EXP_DEVCTL_BCR_FLR);
}

static int hot_reset(struct victim *victim)
{
	struct vfio_pci_hot_reset cmd = { .argsz = sizeof(cmd) };

	return ioctl(victim->dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &cmd) ?
	       -errno : 0;
}

struct cause {
	bool needs_decode;	/* VF 0 will not do */
	int (*take)(struct victim *victim);
	int (*give)(struct victim *victim);	/* NULL: @take has done it */
};

struct world {
	struct memtest t;
	struct gpu witness;		/* VF 1 */
	struct victim victim;
	uint32_t ioas_id;
	uint32_t other_ioas_id;
	struct memtest_object object;	/* HI memory, mapped at IOVA in both */
	struct memtest_object bar;	/* of the victim, mapped at BAR_IOVA */
	uint64_t seed;
};

/* The device with its largest BAR. -ENOENT if the machine has none like it */
static int victim_open(struct victim *victim, struct memtest *t,
		       bool needs_decode)
{
	struct vfio_function function;
	struct vfio_region_info info;
	uint32_t i;
	int ret;

	memset(victim, 0, sizeof(*victim));
	victim->wake_fd = -1;
	victim->own.fd = -1;
	victim->dev = needs_decode ? &victim->own : &t->vf[0];
	victim->is_memory = !needs_decode;
	if (needs_decode) {
		if (vfio_find(VIRTIO_VENDOR_ID, VIRTIO_SERIAL_DEVICE_ID,
			      &function, 1) != 1)
			return -ENOENT;
		ret = vfio_open(victim->dev, &function);
		if (!ret)
			ret = vfio_bind(victim->dev, t->iommufd);
		if (!ret)
			ret = decode_on(victim);
		if (ret)
			return ret;
	}
	for (i = VFIO_PCI_BAR0_REGION_INDEX; i <= VFIO_PCI_BAR5_REGION_INDEX;
	     i++) {
		if (vfio_region_info(victim->dev, i, &info) ||
		    !(info.flags & VFIO_REGION_INFO_FLAG_MMAP) ||
		    info.size < memtest_page_size() ||
		    info.size <= victim->length)
			continue;
		victim->bar = i;
		victim->length = info.size;
	}
	if (victim->length > MOST_BYTES)
		victim->length = MOST_BYTES;
	return victim->length ? 0 : -ENOENT;
}

/* Everything but the victim, which has been opened */
static int world_make(struct world *w)
{
	const uint64_t length = w->victim.length;
	struct memtest *t = &w->t;
	uint64_t iova = IOVA;
	int ret;

	ret = iommufd_ioas_alloc(t->iommufd, &w->ioas_id);
	if (!ret)
		ret = iommufd_ioas_alloc(t->iommufd, &w->other_ioas_id);
	if (!ret)
		ret = memtest_object_alloc(t, &w->object, length);
	if (!ret)
		ret = memtest_object_mmap(t, &w->object);
	if (!ret)
		ret = memtest_object_map(t, &w->object, w->ioas_id, IOVA);
	if (!ret)
		ret = iommufd_ioas_copy(t->iommufd, w->other_ioas_id,
					w->ioas_id, length,
					IOMMUFD_FIXED_READ_WRITE, &iova, IOVA);
	if (ret)
		return ret;

	w->bar.length = length;
	ret = iommufd_mem_alloc_bar(t->iommufd, w->victim.dev->dev_id,
				    w->victim.bar, 0, length, &w->bar.id,
				    &w->bar.mmap_offset);
	if (!ret)
		ret = memtest_object_mmap(t, &w->bar);
	if (!ret)
		ret = memtest_object_map(t, &w->bar, w->ioas_id, BAR_IOVA);
	if (!ret)
		ret = vfio_attach(&t->vf[1], w->ioas_id);
	return ret ?: gpu_open(&w->witness, &t->vf[1]);
}

static void world_close(struct world *w)
{
	gpu_close(&w->witness);
	if (w->bar.va)
		munmap(w->bar.va, w->bar.length);
	if (w->object.va)
		munmap(w->object.va, w->object.length);
	vfio_close(&w->victim.own);
	if (w->victim.wake_fd >= 0)
		close(w->victim.wake_fd);
	memtest_close(&w->t);
}

#define WORLD_SETUP(needs_decode)					\
	do {								\
		int __opened;						\
		MEMTEST_SETUP(&self->w.t, 2);				\
		__opened = victim_open(&self->w.victim, &self->w.t,		\
				       needs_decode);			\
		if (__opened == -ENOENT)				\
			SKIP(return, "no virtio-serial-pci with a vfio cdev and a BAR of a page"); \
		ASSERT_EQ(0, __opened);					\
		ASSERT_EQ(0, world_make(&self->w));				\
	} while (0)

#define WORLD_TEARDOWN()						\
	do {								\
		world_close(&self->w);					\
		EXPECT_EQ(0, memtest_region_is_idle());			\
	} while (0)

#define TAKE()		ASSERT_EQ(0, variant->cause.take(&self->w.victim))
#define GIVE()								\
	do {								\
		if (variant->cause.give)				\
			ASSERT_EQ(0, variant->cause.give(&self->w.victim)); \
	} while (0)

#define EXPECT_COPY(expected, src, dst)					\
	EXPECT_EQ(expected, gpu_copy(&self->w.witness, src, dst,		\
				     self->w.bar.length, MEMTEST_DEADLINE))

/* Does the device reach what the CPU sees? */
#define EXPECT_REACHED(iova)						\
	do {								\
		if (self->w.victim.is_memory) \
			pattern_fill(self->w.bar.va, self->w.bar.length,	\
				     ++self->w.seed);			\
		EXPECT_COPY(0, iova, IOVA);				\
		if (self->w.victim.is_memory) \
			EXPECT_EQ(PATTERN_SAME,				\
				  pattern_check(self->w.object.va,	\
						self->w.bar.length,	\
						self->w.seed));		\
	} while (0)

/* Do a read and a write of @iova fault there, and no byte arrives? */
#define EXPECT_FAULTS(iova)						\
	do {								\
		struct gpu_fault __fault = {};				\
									\
		pattern_fill(self->w.object.va, self->w.object.length,	\
			     ++self->w.seed);				\
		gpu_fault_clear(&self->w.witness);			\
		EXPECT_COPY(-EFAULT, iova, IOVA);			\
		EXPECT_EQ(0, gpu_fault_read(&self->w.witness, &__fault));	\
		EXPECT_EQ(iova, __fault.address);			\
		EXPECT_EQ(NV_FAULT_TYPE_PTE, __fault.type);		\
		EXPECT_EQ(PATTERN_SAME,					\
			  pattern_check(self->w.object.va,		\
					self->w.object.length,		\
					self->w.seed));			\
		gpu_fault_clear(&self->w.witness);			\
		EXPECT_COPY(-EFAULT, IOVA, iova);			\
		EXPECT_EQ(0, gpu_fault_read(&self->w.witness, &__fault));	\
		EXPECT_EQ(iova, __fault.address);			\
		EXPECT_EQ(NV_FAULT_TYPE_PTE, __fault.type);		\
		gpu_fault_clear(&self->w.witness);			\
	} while (0)

static uint32_t attributes(struct memtest *t, uint32_t mem_id)
{
	struct iommu_mem_info info = { .mem_id = mem_id };

	return iommufd_mem_info(t->iommufd, &info) ? UINT32_MAX :
						     info.out_attrs;
}

/* Every cause, and what was there before */
FIXTURE(mem_restore)
{
	struct world w;
};

FIXTURE_VARIANT(mem_restore)
{
	struct cause cause;
};

FIXTURE_VARIANT_ADD(mem_restore, memory_decode) {
	.cause = { true, decode_off, decode_on },
};

FIXTURE_VARIANT_ADD(mem_restore, d3) {
	.cause = { true, power_off, power_on },
};

FIXTURE_VARIANT_ADD(mem_restore, low_power) {
	.cause = { false, low_power_entry, low_power_exit },
};

FIXTURE_VARIANT_ADD(mem_restore, reset) {
	.cause = { false, reset, NULL },
};

FIXTURE_VARIANT_ADD(mem_restore, function_level_reset) {
	.cause = { false, function_level_reset, NULL },
};

FIXTURE_VARIANT_ADD(mem_restore, hot_reset) {
	.cause = { true, hot_reset, NULL },
};

FIXTURE_SETUP(mem_restore)
{
	WORLD_SETUP(variant->cause.needs_decode);
}

FIXTURE_TEARDOWN(mem_restore)
{
	WORLD_TEARDOWN();
}

TEST_F(mem_restore, the_cpu_mapping_is_restored)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_FALSE(memtest_read_faults(self->w.bar.va));
		TAKE();
		if (variant->cause.give) {
			EXPECT_EQ(IOMMU_MEM_ATTR_REVOKED,
				  attributes(&self->w.t, self->w.bar.id));
			EXPECT_TRUE(memtest_read_faults(self->w.bar.va));
			EXPECT_TRUE(memtest_write_faults(self->w.bar.va));
		}
		GIVE();
		EXPECT_EQ(0, attributes(&self->w.t, self->w.bar.id));
		EXPECT_FALSE(memtest_read_faults(self->w.bar.va));
		EXPECT_FALSE(memtest_read_faults(self->w.bar.va +
						 self->w.bar.length - 8));
	}
}

TEST_F(mem_restore, the_iova_is_restored)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_REACHED(BAR_IOVA);
		TAKE();
		if (variant->cause.give)
			EXPECT_FAULTS(BAR_IOVA);
		GIVE();
		EXPECT_REACHED(BAR_IOVA);
	}
}

/* Four page tables: three of one IOAS, one of another */
TEST_F(mem_restore, every_page_table_is_restored)
{
	const uint32_t dev_id = self->w.t.vf[1].dev_id;
	uint64_t iova = COPY_IOVA;
	uint32_t hwpt_id[3];
	int i;

	ASSERT_EQ(0, iommufd_ioas_map_mem(self->w.t.iommufd, self->w.other_ioas_id,
					  self->w.bar.id, 0, self->w.bar.length,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, iommufd_hwpt_alloc(self->w.t.iommufd, dev_id,
						i < 2 ? self->w.ioas_id :
							self->w.other_ioas_id,
						0, &hwpt_id[i]));
	TAKE();
	for (i = 0; variant->cause.give && i < 3; i++) {
		ASSERT_EQ(0, vfio_attach(&self->w.t.vf[1], hwpt_id[i]));
		EXPECT_FAULTS(i < 2 ? BAR_IOVA : COPY_IOVA);
	}
	GIVE();
	/* The one that it was attached to, unless it was destroyed meanwhile */
	if (!variant->cause.give)
		EXPECT_REACHED(BAR_IOVA);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vfio_attach(&self->w.t.vf[1], hwpt_id[i]));
		EXPECT_REACHED(i < 2 ? BAR_IOVA : COPY_IOVA);
	}
}

TEST_F(mem_restore, a_copied_mapping_is_restored)
{
	uint64_t iova = COPY_IOVA;

	ASSERT_EQ(0, iommufd_ioas_copy(self->w.t.iommufd, self->w.ioas_id,
				       self->w.ioas_id, self->w.bar.length,
				       IOMMUFD_FIXED_READ_WRITE, &iova,
				       BAR_IOVA));
	TAKE();
	if (variant->cause.give) {
		EXPECT_FAULTS(BAR_IOVA);
		EXPECT_FAULTS(COPY_IOVA);
	}
	GIVE();
	EXPECT_REACHED(BAR_IOVA);
	EXPECT_REACHED(COPY_IOVA);
}

TEST_F(mem_restore, a_part_of_the_object_is_restored_where_it_was)
{
	const uint64_t page = memtest_page_size();
	uint64_t iova = COPY_IOVA, at = self->w.bar.length - page;

	if (at == 0)
		SKIP(return, "the BAR is one page");
	ASSERT_EQ(0, iommufd_ioas_map_mem(self->w.t.iommufd, self->w.ioas_id,
					  self->w.bar.id, at, page,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	TAKE();
	GIVE();
	EXPECT_REACHED(BAR_IOVA);
	EXPECT_EQ(0, gpu_copy(&self->w.witness, COPY_IOVA, IOVA, page,
			      MEMTEST_DEADLINE));
	if (self->w.victim.is_memory)
		EXPECT_EQ(PATTERN_SAME, pattern_compare(self->w.object.va,
							self->w.bar.va + at,
							page));
	EXPECT_EQ(-EFAULT, gpu_copy(&self->w.witness, COPY_IOVA + page, IOVA,
				    page, MEMTEST_DEADLINE));
}

TEST_F(mem_restore, what_was_mapped_by_virtual_address_is_restored)
{
	uint64_t iova = COPY_IOVA;

	ASSERT_EQ(0, iommufd_ioas_map(self->w.t.iommufd, self->w.ioas_id,
				      self->w.bar.va, self->w.bar.length,
				      IOMMUFD_FIXED_READ_WRITE, &iova));
	TAKE();
	if (variant->cause.give)
		EXPECT_FAULTS(COPY_IOVA);
	GIVE();
	EXPECT_REACHED(COPY_IOVA);
}

TEST_F(mem_restore, a_mapping_of_a_destroyed_object_is_restored)
{
	ASSERT_EQ(0, munmap(self->w.bar.va, self->w.bar.length));
	self->w.bar.va = NULL;
	ASSERT_EQ(0, iommufd_destroy(self->w.t.iommufd, self->w.bar.id));
	TAKE();
	if (variant->cause.give)
		EXPECT_FAULTS(BAR_IOVA);
	GIVE();
	EXPECT_COPY(0, BAR_IOVA, IOVA);
}

TEST_F(mem_restore, what_was_unmapped_before_is_not_restored)
{
	ASSERT_EQ(0, iommufd_ioas_unmap(self->w.t.iommufd, self->w.ioas_id,
					BAR_IOVA, self->w.bar.length, NULL));
	TAKE();
	GIVE();
	EXPECT_FAULTS(BAR_IOVA);
}

/* The causes that last, and what is done meanwhile */
FIXTURE(mem_revoked)
{
	struct world w;
};

FIXTURE_VARIANT(mem_revoked)
{
	struct cause cause;
};

FIXTURE_VARIANT_ADD(mem_revoked, memory_decode) {
	.cause = { true, decode_off, decode_on },
};

FIXTURE_VARIANT_ADD(mem_revoked, d3) {
	.cause = { true, power_off, power_on },
};

FIXTURE_VARIANT_ADD(mem_revoked, low_power) {
	.cause = { false, low_power_entry, low_power_exit },
};

FIXTURE_SETUP(mem_revoked)
{
	WORLD_SETUP(variant->cause.needs_decode);
}

FIXTURE_TEARDOWN(mem_revoked)
{
	WORLD_TEARDOWN();
}

TEST_F(mem_revoked, a_device_attached_meanwhile_reaches_it_afterwards)
{
	uint64_t iova = BAR_IOVA;

	ASSERT_EQ(0, vfio_detach(&self->w.t.vf[1]));
	ASSERT_EQ(0, iommufd_ioas_map_mem(self->w.t.iommufd, self->w.other_ioas_id,
					  self->w.bar.id, 0, self->w.bar.length,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	TAKE();
	ASSERT_EQ(0, vfio_attach(&self->w.t.vf[1], self->w.other_ioas_id));
	EXPECT_FAULTS(BAR_IOVA);
	GIVE();
	EXPECT_REACHED(BAR_IOVA);
	ASSERT_EQ(0, vfio_attach(&self->w.t.vf[1], self->w.ioas_id));
	EXPECT_REACHED(BAR_IOVA);
}

TEST_F(mem_revoked, a_device_detached_meanwhile_takes_its_page_table_along)
{
	TAKE();
	ASSERT_EQ(0, vfio_detach(&self->w.t.vf[1]));
	GIVE();
	ASSERT_EQ(0, vfio_attach(&self->w.t.vf[1], self->w.ioas_id));
	EXPECT_REACHED(BAR_IOVA);
}

TEST_F(mem_revoked, what_is_copied_meanwhile_works_afterwards)
{
	uint64_t iova = COPY_IOVA;

	TAKE();
	ASSERT_EQ(0, iommufd_ioas_copy(self->w.t.iommufd, self->w.ioas_id,
				       self->w.ioas_id, self->w.bar.length,
				       IOMMUFD_FIXED_READ_WRITE, &iova,
				       BAR_IOVA));
	EXPECT_FAULTS(COPY_IOVA);
	/* The copy stands on its own */
	ASSERT_EQ(0, iommufd_ioas_unmap(self->w.t.iommufd, self->w.ioas_id,
					BAR_IOVA, self->w.bar.length, NULL));
	GIVE();
	EXPECT_FAULTS(BAR_IOVA);
	EXPECT_REACHED(COPY_IOVA);
}

TEST_F(mem_revoked, what_is_unmapped_meanwhile_is_not_restored)
{
	uint64_t unmapped, iova = BAR_IOVA;

	TAKE();
	ASSERT_EQ(0, iommufd_ioas_unmap(self->w.t.iommufd, self->w.ioas_id,
					BAR_IOVA, self->w.bar.length, &unmapped));
	EXPECT_EQ(self->w.bar.length, unmapped);
	GIVE();
	EXPECT_FAULTS(BAR_IOVA);
	/* The place is free */
	EXPECT_EQ(0, iommufd_ioas_map_mem(self->w.t.iommufd, self->w.ioas_id,
					  self->w.bar.id, 0, self->w.bar.length,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	EXPECT_REACHED(BAR_IOVA);
}

TEST_F(mem_revoked, nothing_new_can_be_mapped_meanwhile)
{
	uint64_t iova = COPY_IOVA;

	TAKE();
	EXPECT_EQ(-ENODEV, iommufd_ioas_map_mem(self->w.t.iommufd, self->w.ioas_id,
						self->w.bar.id, 0,
						self->w.bar.length,
						IOMMUFD_FIXED_READ_WRITE,
						&iova));
	EXPECT_EQ(-ENODEV, iommufd_ioas_map(self->w.t.iommufd, self->w.ioas_id,
					    self->w.bar.va, self->w.bar.length,
					    IOMMUFD_FIXED_READ_WRITE, &iova));
	GIVE();
	EXPECT_FAULTS(COPY_IOVA);
}

TEST_F(mem_revoked, an_object_destroyed_meanwhile_leaves_its_mapping)
{
	TAKE();
	ASSERT_EQ(0, munmap(self->w.bar.va, self->w.bar.length));
	self->w.bar.va = NULL;
	ASSERT_EQ(0, iommufd_destroy(self->w.t.iommufd, self->w.bar.id));
	GIVE();
	EXPECT_COPY(0, BAR_IOVA, IOVA);
	EXPECT_EQ(0, iommufd_ioas_unmap(self->w.t.iommufd, self->w.ioas_id,
					BAR_IOVA, self->w.bar.length, NULL));
	EXPECT_FAULTS(BAR_IOVA);
}

TEST_F(mem_revoked, an_ioas_destroyed_meanwhile_leaves_the_other)
{
	uint64_t iova = BAR_IOVA;

	ASSERT_EQ(0, iommufd_ioas_copy(self->w.t.iommufd, self->w.other_ioas_id,
				       self->w.ioas_id, self->w.bar.length,
				       IOMMUFD_FIXED_READ_WRITE, &iova,
				       BAR_IOVA));
	TAKE();
	ASSERT_EQ(0, vfio_attach(&self->w.t.vf[1], self->w.other_ioas_id));
	ASSERT_EQ(0, iommufd_destroy(self->w.t.iommufd, self->w.ioas_id));
	GIVE();
	EXPECT_REACHED(BAR_IOVA);
}

TEST_F(mem_revoked, closing_the_cdev_meanwhile_is_for_good)
{
	struct vfio_function function = self->w.victim.dev->function;

	TAKE();
	vfio_close(self->w.victim.dev);
	EXPECT_EQ(IOMMU_MEM_ATTR_REVOKED,
		  attributes(&self->w.t, self->w.bar.id));
	ASSERT_EQ(0, vfio_open(self->w.victim.dev, &function));
	ASSERT_EQ(0, vfio_bind(self->w.victim.dev, self->w.t.iommufd));
	ASSERT_EQ(0, decode_on(&self->w.victim));
	EXPECT_EQ(IOMMU_MEM_ATTR_REVOKED,
		  attributes(&self->w.t, self->w.bar.id));
	EXPECT_TRUE(memtest_read_faults(self->w.bar.va));
	EXPECT_FAULTS(BAR_IOVA);
}

/* The low power state lasts until the user ends it, or a wake-up */
FIXTURE(mem_low_power)
{
	struct world w;
};

FIXTURE_SETUP(mem_low_power)
{
	WORLD_SETUP(false);
}

FIXTURE_TEARDOWN(mem_low_power)
{
	WORLD_TEARDOWN();
}

TEST_F(mem_low_power, a_reset_meanwhile_restores_nothing)
{
	ASSERT_EQ(0, low_power_entry(&self->w.victim));
	EXPECT_TRUE(memtest_read_faults(self->w.bar.va));
	ASSERT_EQ(0, reset(&self->w.victim));
	EXPECT_TRUE(memtest_read_faults(self->w.bar.va));
	ASSERT_EQ(0, decode_on(&self->w.victim));
	EXPECT_TRUE(memtest_read_faults(self->w.bar.va));
	EXPECT_FAULTS(BAR_IOVA);
	ASSERT_EQ(0, low_power_exit(&self->w.victim));
	EXPECT_REACHED(BAR_IOVA);
}

TEST_F(mem_low_power, there_is_nothing_to_allocate)
{
	const struct victim *victim = &self->w.victim;
	uint32_t dev_id = victim->dev->dev_id, id;
	int iommufd = self->w.t.iommufd;
	uint64_t offset;

	ASSERT_EQ(0, low_power_entry(&self->w.victim));
	EXPECT_EQ(-ENODEV, iommufd_mem_alloc_bar(iommufd, dev_id, victim->bar, 0,
						 victim->length, &id, &offset));
	ASSERT_EQ(0, low_power_exit(&self->w.victim));
	EXPECT_EQ(0, iommufd_mem_alloc_bar(iommufd, dev_id, victim->bar, 0,
					   victim->length, &id, &offset));
	EXPECT_EQ(0, iommufd_destroy(iommufd, id));
}

TEST_F(mem_low_power, a_wake_up_restores)
{
	int ret = suspend(&self->w.victim);

	if (ret == -EOPNOTSUPP)
		SKIP(return, "this kernel has no runtime power management");
	ASSERT_EQ(0, ret);
	EXPECT_TRUE(memtest_read_faults(self->w.bar.va));
	EXPECT_FAULTS(BAR_IOVA);
	ASSERT_EQ(0, wake_up(&self->w.victim));
	EXPECT_REACHED(BAR_IOVA);
}

TEST_F(mem_low_power, no_byte_arrives_from_a_device_that_goes_on)
{
	const uint64_t length = self->w.bar.length;
	uint64_t at;

	EXPECT_REACHED(BAR_IOVA);
	pattern_fill(self->w.bar.va, length, 1000);
	ASSERT_EQ(0, low_power_entry(&self->w.victim));
	pattern_fill(self->w.object.va, length, 1001);
	for (at = 0; at < length; at += length / 8)
		EXPECT_EQ(-EFAULT, gpu_copy(&self->w.witness, IOVA + at,
					    BAR_IOVA + at, length / 8,
					    MEMTEST_DEADLINE));
	ASSERT_EQ(0, low_power_exit(&self->w.victim));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->w.bar.va, length, 1000));
	EXPECT_COPY(0, IOVA, BAR_IOVA);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->w.bar.va, length, 1001));
}

#define ROUNDS	500

struct mapper {
	struct world *w;
	int ret;
	atomic_bool done;
};

/* Whatever the state of the BAR: a map works or says ENODEV, the rest works */
static void *map_and_unmap(void *arg)
{
	struct mapper *mapper = arg;
	struct world *w = mapper->w;
	const int iommufd = w->t.iommufd;
	int i, ret = 0;

	for (i = 0; i < ROUNDS && !ret; i++) {
		uint64_t iova = COPY_IOVA, copy_iova = 2 * COPY_IOVA;

		ret = iommufd_ioas_map_mem(iommufd, w->ioas_id, w->bar.id, 0,
					   w->bar.length,
					   IOMMUFD_FIXED_READ_WRITE, &iova);
		if (ret == -ENODEV) {
			ret = 0;
			continue;
		}
		if (!ret)
			ret = iommufd_ioas_copy(iommufd, w->ioas_id, w->ioas_id,
						w->bar.length,
						IOMMUFD_FIXED_READ_WRITE,
						&copy_iova, iova);
		if (!ret)
			ret = iommufd_ioas_unmap(iommufd, w->ioas_id, iova,
						 w->bar.length, NULL);
		if (!ret)
			ret = iommufd_ioas_unmap(iommufd, w->ioas_id, copy_iova,
						 w->bar.length, NULL);
	}
	mapper->ret = ret;
	atomic_store(&mapper->done, true);
	return NULL;
}

TEST_F_TIMEOUT(mem_low_power, mappings_come_and_go_while_it_does,
	       MEMTEST_TIMEOUT)
{
	struct mapper mapper = { .w = &self->w };
	pthread_t thread;
	int ret = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, &mapper));
	while (!ret && !atomic_load(&mapper.done)) {
		ret = low_power_entry(&self->w.victim);
		if (!ret)
			ret = low_power_exit(&self->w.victim);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, mapper.ret);
	EXPECT_REACHED(BAR_IOVA);
	EXPECT_FAULTS(COPY_IOVA);
	EXPECT_FAULTS(2 * COPY_IOVA);
}

TEST_HARNESS_MAIN
