// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that are removed, and come again, while memory that they entitled to is
 * held: the memory stays with its owner, and so do the functions that come.
 */
#include "kselftest_harness.h"

#include <glob.h>
#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "memtest.h"

#define PCI	"/sys/bus/pci"
#define LENGTH	MIB(4)
#define IOVA	GIB(4)

FIXTURE(mem_sriov)
{
	struct memtest a;
	struct memtest b;		/* has nothing at first */
	struct memtest_object object;	/* of @a, mmapped */
	struct vfio_function found[MEMTEST_MAX_VFS];
	int nr_vfs;
	char pf[16];
};

/* Which does not go with its VFs */
static int find_pf(const char *vf, char pf[16])
{
	char path[64], target[256];
	ssize_t length;

	snprintf(path, sizeof(path), PCI "/devices/%.15s/physfn", vf);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	snprintf(pf, 16, "%.15s", basename(target));
	return 0;
}

static int set_nr_vfs(const char *pf, int nr)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nr);
	return memtest_write(text, PCI "/devices/%.15s/sriov_numvfs", pf);
}

static int remove_vfs(const char *pf)
{
	return set_nr_vfs(pf, 0);
}

/* Have a function driven by this driver, after it came */
static int probe(const char *bdf, const char *driver)
{
	int ret = memtest_write(driver, PCI "/devices/%.15s/driver_override",
				bdf);

	return ret ?: memtest_write(bdf, PCI "/drivers_probe");
}

/* Those that were there, with vfio-pci */
static int create_vfs(const char *pf, const struct vfio_function *found, int nr)
{
	int i, ret;

	ret = set_nr_vfs(pf, nr);
	for (i = 0; !ret && i < nr; i++)
		ret = probe(found[i].bdf, "vfio-pci");
	return ret;
}

/* Is a function linked to a region, as operators see it? */
static bool is_linked(const char *bdf)
{
	char path[128];
	glob_t names;
	int ret;

	snprintf(path, sizeof(path), "/sys/class/iommufd_mem/*/%s", bdf);
	ret = glob(path, 0, NULL, &names);
	if (!ret)
		globfree(&names);
	return !ret;
}

FIXTURE_SETUP(mem_sriov)
{
	self->a.iommufd = -1;
	self->b.iommufd = -1;
	self->nr_vfs = memtest_find_vfs(self->found);
	MEMTEST_SETUP(&self->a, 2);
	ASSERT_EQ(0, find_pf(self->found[0].bdf, self->pf));
	ASSERT_EQ(0, memtest_object_alloc(&self->a, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->a, &self->object));
	pattern_fill(self->object.va, LENGTH, 1);
}

/* The tests after this one need the VFs */
FIXTURE_TEARDOWN(mem_sriov)
{
	struct vfio_function now[MEMTEST_MAX_VFS];

	if (self->object.va)
		munmap(self->object.va, LENGTH);
	if (self->a.iommufd >= 0)
		memtest_close(&self->a);
	if (self->b.iommufd >= 0)
		memtest_close(&self->b);
	if (self->pf[0] && memtest_find_vfs(now) < self->nr_vfs) {
		EXPECT_EQ(0, remove_vfs(self->pf));
		EXPECT_EQ(0, create_vfs(self->pf, self->found, self->nr_vfs));
	}
	EXPECT_EQ(0, memtest_region_is_idle());
}

/* Memory of region 0 without a device, by the capability */
#define EXPECT_ALLOC_WITHOUT_DEVICE(ret)				\
	do {								\
		EXPECT_EQ(ret, memtest_region_is_idle());		\
	} while (0)

#define EXPECT_PATTERN(seed)						\
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, seed))

static void close_vfs(struct memtest *t)
{
	int i;

	for (i = 0; i < MEMTEST_MAX_VFS; i++)
		vfio_close(&t->vf[i]);
}

TEST_F(mem_sriov, memory_stays_with_its_owner_and_so_do_the_new_vfs)
{
	struct memtest_object more;
	uint32_t ioas_id;
	struct gpu gpu;
	int i;

	ASSERT_EQ(0, iommufd_ioas_alloc(self->a.iommufd, &ioas_id));
	ASSERT_EQ(0, memtest_object_map(&self->a, &self->object, ioas_id,
					IOVA));
	close_vfs(&self->a);
	ASSERT_EQ(0, remove_vfs(self->pf));
	EXPECT_EQ(0, memtest_find_vfs(self->found));
	EXPECT_FALSE(is_linked(self->found[0].bdf));
	EXPECT_PATTERN(1);
	EXPECT_ALLOC_WITHOUT_DEVICE(-EBUSY);

	ASSERT_EQ(0, create_vfs(self->pf, self->found, self->nr_vfs));
	ASSERT_EQ(self->nr_vfs, memtest_find_vfs(self->found));
	EXPECT_PATTERN(1);
	EXPECT_ALLOC_WITHOUT_DEVICE(-EBUSY);
	EXPECT_EQ(-EBUSY, memtest_open_other(&self->b));
	/* The owner gets each of them, and they do for it what the old ones did */
	for (i = 0; i < self->nr_vfs; i++) {
		EXPECT_TRUE(is_linked(self->found[i].bdf));
		ASSERT_EQ(0, vfio_open(&self->a.vf[i], &self->found[i]));
		ASSERT_EQ(0, vfio_bind(&self->a.vf[i], self->a.iommufd));
	}
	ASSERT_EQ(0, vfio_attach(&self->a.vf[1], ioas_id));
	ASSERT_EQ(0, gpu_open(&gpu, &self->a.vf[1]));
	EXPECT_EQ(0, gpu_copy(&gpu, IOVA, IOVA + LENGTH / 2, LENGTH / 2,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + LENGTH / 2,
					      LENGTH / 2, 1));
	gpu_close(&gpu);
	EXPECT_EQ(0, memtest_object_alloc(&self->a, &more, LENGTH));

	/* And all of it is anyone's when it ends */
	munmap(self->object.va, LENGTH);
	self->object.va = NULL;
	memtest_close(&self->a);
	EXPECT_EQ(0, memtest_open_other(&self->b));
	EXPECT_EQ(0, memtest_object_alloc(&self->b, &more, LENGTH));
}

TEST_F(mem_sriov, a_bar_of_a_vf_that_was_removed_never_comes_back)
{
	struct iommu_mem_info info = {};
	struct memtest_object bar;

	ASSERT_EQ(0, memtest_object_alloc_bar(&self->a, &bar, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->a, &bar));
	info.mem_id = bar.id;
	close_vfs(&self->a);
	ASSERT_EQ(0, remove_vfs(self->pf));
	EXPECT_TRUE(memtest_read_faults(bar.va));
	EXPECT_EQ(0, iommufd_mem_info(self->a.iommufd, &info));
	EXPECT_EQ(IOMMU_MEM_ATTR_REVOKED, info.out_attrs);

	ASSERT_EQ(0, create_vfs(self->pf, self->found, self->nr_vfs));
	ASSERT_EQ(0, vfio_open(&self->a.vf[0], &self->found[0]));
	ASSERT_EQ(0, vfio_bind(&self->a.vf[0], self->a.iommufd));
	EXPECT_TRUE(memtest_read_faults(bar.va));
	EXPECT_EQ(0, iommufd_mem_info(self->a.iommufd, &info));
	EXPECT_EQ(IOMMU_MEM_ATTR_REVOKED, info.out_attrs);
	EXPECT_EQ(0, memtest_object_free(&self->a, &bar));
	EXPECT_EQ(0, memtest_object_alloc_bar(&self->a, &bar, LENGTH));
}

/* An eventfd that is signalled when the driver wants the device back */
static int request_event(struct vfio_dev *dev)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	return vfio_set_irqs(dev, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &fd) ?: fd;
}

/*
 * Start to remove the VFs, of which @dev is bound, in another process: it waits until
 * @dev is closed. Its ID, once it does wait, or a negative errno.
 */
static pid_t start_removal(const char *pf, struct vfio_dev *dev)
{
	struct pollfd event = { .events = POLLIN };
	pid_t pid;

	event.fd = request_event(dev);
	if (event.fd < 0)
		return event.fd;
	pid = fork();
	if (!pid) {
		/* Or it would wait for itself */
		close_range(3, ~0U, 0);
		_exit(remove_vfs(pf) ? 1 : 0);
	}
	if (poll(&event, 1, MEMTEST_DEADLINE * 1000) != 1)
		pid = -ETIMEDOUT;
	close(event.fd);
	return pid;
}

#define EXPECT_REMOVAL_ENDS(pid)					\
	do {								\
		int __status = -1;					\
		EXPECT_EQ(pid, waitpid(pid, &__status, 0));		\
		EXPECT_EQ(0, __status);					\
		EXPECT_EQ(0, memtest_find_vfs(self->found));		\
	} while (0)

TEST_F(mem_sriov, a_vf_that_is_to_go_entitles_until_it_is_closed)
{
	struct memtest_object more;
	pid_t pid;

	vfio_close(&self->a.vf[1]);
	pid = start_removal(self->pf, &self->a.vf[0]);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, memtest_object_alloc(&self->a, &more, LENGTH));
	EXPECT_EQ(0, memtest_object_free(&self->a, &more));
	EXPECT_PATTERN(1);
	vfio_close(&self->a.vf[0]);
	EXPECT_REMOVAL_ENDS(pid);
	EXPECT_PATTERN(1);
	EXPECT_ALLOC_WITHOUT_DEVICE(-EBUSY);
}

TEST_F(mem_sriov, a_vf_that_is_to_go_keeps_others_out_until_it_is_closed)
{
	pid_t pid;

	EXPECT_EQ(0, memtest_object_free(&self->a, &self->object));
	/* The first one can go; it is the second that is waited for */
	vfio_close(&self->a.vf[0]);
	pid = start_removal(self->pf, &self->a.vf[1]);
	ASSERT_LT(0, pid);
	EXPECT_ALLOC_WITHOUT_DEVICE(-EBUSY);
	vfio_close(&self->a.vf[1]);
	EXPECT_REMOVAL_ENDS(pid);
	EXPECT_ALLOC_WITHOUT_DEVICE(0);
}

/* All that needs no device, until it is told to stop */
struct load {
	pthread_t thread;
	struct memtest *t;
	struct memtest_object *object;
	uint32_t ioas_id;
	bool stop;
	unsigned int rounds;
	int ret;
};

static void *load(void *data)
{
	struct load *load = data;
	struct memtest_object again = *load->object;

	while (!load->ret && !__atomic_load_n(&load->stop, __ATOMIC_RELAXED)) {
		load->ret = memtest_object_mmap(load->t, &again);
		if (!load->ret && pattern_check(again.va, LENGTH, 1) !=
					  PATTERN_SAME)
			load->ret = -EIO;
		munmap(again.va, LENGTH);
		if (!load->ret)
			load->ret = memtest_object_map(load->t, &again,
						       load->ioas_id, IOVA);
		if (!load->ret)
			load->ret = iommufd_ioas_unmap(load->t->iommufd,
						       load->ioas_id, IOVA,
						       LENGTH, NULL);
		__atomic_add_fetch(&load->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Find the PF again, with the driver it had */
static int find_again(const char *pf)
{
	return memtest_write("1", PCI "/rescan") ?: probe(pf, "nvgrace-vgpu");
}

TEST_F(mem_sriov, the_gpu_is_removed_and_found_again_while_its_memory_is_used)
{
	struct load work = { .t = &self->a, .object = &self->object };
	unsigned int round, before;
	struct memtest_object more;

	ASSERT_TRUE(is_linked(self->pf));
	ASSERT_EQ(0, iommufd_ioas_alloc(self->a.iommufd, &work.ioas_id));
	close_vfs(&self->a);
	ASSERT_EQ(0, pthread_create(&work.thread, NULL, load, &work));
	for (round = 0; round < 5; round++) {
		/* The PF's driver takes the VFs along */
		EXPECT_EQ(0, memtest_write("1", PCI "/devices/%.15s/remove",
					   self->pf));
		EXPECT_FALSE(is_linked(self->pf));
		EXPECT_ALLOC_WITHOUT_DEVICE(-EBUSY);
		before = __atomic_load_n(&work.rounds, __ATOMIC_RELAXED);
		while (!work.ret &&
		       before == __atomic_load_n(&work.rounds, __ATOMIC_RELAXED))
			usleep(100);
		ASSERT_EQ(0, find_again(self->pf));
		EXPECT_TRUE(is_linked(self->pf));
		ASSERT_EQ(0, create_vfs(self->pf, self->found,
					self->nr_vfs));
		EXPECT_TRUE(is_linked(self->found[0].bdf));
	}
	__atomic_store_n(&work.stop, true, __ATOMIC_RELAXED);
	pthread_join(work.thread, NULL);
	EXPECT_EQ(0, work.ret);
	EXPECT_PATTERN(1);
	ASSERT_EQ(0, vfio_open(&self->a.vf[0], &self->found[0]));
	ASSERT_EQ(0, vfio_bind(&self->a.vf[0], self->a.iommufd));
	EXPECT_EQ(0, memtest_object_alloc(&self->a, &more, LENGTH));
}

static int unbind(const char *bdf)
{
	return memtest_write(bdf, PCI "/devices/%.15s/driver/unbind", bdf);
}

/* The GPU reaches the memory, so only the driver that answers for it gets the GPU */
TEST_F(mem_sriov, the_pf_goes_to_its_own_driver_and_to_nobody_else)
{
	struct vfio_function pf;
	struct vfio_dev dev;
	int ret;

	close_vfs(&self->a);
	/* See vfs_go_with_the_driver in vgpu_boot.c */
	ASSERT_EQ(0, remove_vfs(self->pf));
	self->b.iommufd = iommufd_open();
	ASSERT_LE(0, self->b.iommufd);
	ASSERT_EQ(0, unbind(self->pf));
	ASSERT_EQ(0, probe(self->pf, "vfio-pci"));
	ASSERT_EQ(0, vfio_find_bdf(self->pf, &pf));
	ASSERT_EQ(0, vfio_open(&dev, &pf));
	ret = vfio_bind(&dev, self->b.iommufd);
	vfio_close(&dev);
	EXPECT_GT(0, ret);
	ASSERT_EQ(0, unbind(self->pf));

	ASSERT_EQ(0, probe(self->pf, "nvgrace-vgpu"));
	ASSERT_EQ(0, create_vfs(self->pf, self->found, self->nr_vfs));
	ASSERT_EQ(0, vfio_open(&self->a.vf[0], &self->found[0]));
	ASSERT_EQ(0, vfio_bind(&self->a.vf[0], self->a.iommufd));
	EXPECT_PATTERN(1);
}

TEST_HARNESS_MAIN
