// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of memory objects have in common. No test is here, and nothing
 * is hard-coded about the region: its size is found by asking for memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memtest.h"

/* QEMU's plain devices */
#define EDU_VENDOR_ID		0x1234
#define EDU_DEVICE_ID		0x11e8
#define TESTDEV_VENDOR_ID	0x1b36
#define TESTDEV_DEVICE_ID	0x0005

#define MAX_PIECES		1024

static void reset(struct memtest *t)
{
	int i;

	memset(t, 0, sizeof(*t));
	t->iommufd = -1;
	for (i = 0; i < MEMTEST_MAX_VFS; i++)
		t->vf[i].fd = -1;
}

int memtest_find_vfs(struct vfio_function *found)
{
	return vfio_find(NVGRACE_GPU_VENDOR_ID, NVGRACE_GPU_VF_DEVICE_ID, found,
			 MEMTEST_MAX_VFS);
}

static int open_and_bind(struct memtest *t, int i,
			 const struct vfio_function *function)
{
	int ret;

	ret = vfio_open(&t->vf[i], function);
	if (ret)
		return ret;
	ret = vfio_bind(&t->vf[i], t->iommufd);
	if (ret)
		vfio_close(&t->vf[i]);
	return ret;
}

int memtest_open(struct memtest *t, int nr_vfs)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	int i, ret;

	reset(t);
	if (memtest_find_vfs(found) < nr_vfs)
		return -ENOENT;
	t->iommufd = iommufd_open();
	if (t->iommufd < 0)
		return t->iommufd == -ENOENT ? -ENXIO : t->iommufd;
	for (i = 0; i < nr_vfs; i++) {
		ret = open_and_bind(t, i, &found[i]);
		if (ret) {
			memtest_close(t);
			return ret == -ENOENT ? -ENXIO : ret;
		}
	}
	return 0;
}

int memtest_open_other(struct memtest *t)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	int i, nr;

	reset(t);
	nr = memtest_find_vfs(found);
	t->iommufd = iommufd_open();
	if (t->iommufd < 0)
		return t->iommufd;
	for (i = 0; i < nr; i++)
		if (!open_and_bind(t, 0, &found[i]))
			return 0;
	memtest_close(t);
	return -EBUSY;
}

void memtest_close(struct memtest *t)
{
	int i;

	for (i = 0; i < MEMTEST_MAX_VFS; i++)
		vfio_close(&t->vf[i]);
	if (t->iommufd >= 0)
		close(t->iommufd);
	t->iommufd = -1;
}

int memtest_find_plain(struct vfio_function *function)
{
	if (vfio_find(EDU_VENDOR_ID, EDU_DEVICE_ID, function, 1) == 1 ||
	    vfio_find(TESTDEV_VENDOR_ID, TESTDEV_DEVICE_ID, function, 1) == 1)
		return 0;
	return -ENOENT;
}

int memtest_first_memory_bar(struct vfio_dev *dev, uint32_t *bar,
			     uint64_t *length)
{
	struct vfio_region_info info;
	uint32_t i;

	for (i = VFIO_PCI_BAR0_REGION_INDEX; i <= VFIO_PCI_BAR5_REGION_INDEX;
	     i++) {
		/* Only memory BARs of a page or more can be mmapped */
		if (vfio_region_info(dev, i, &info) ||
		    !(info.flags & VFIO_REGION_INFO_FLAG_MMAP) ||
		    info.size < memtest_page_size())
			continue;
		*bar = i;
		*length = info.size;
		return 0;
	}
	return -ENOENT;
}

uint64_t memtest_page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

uint64_t memtest_max_length(void)
{
	return memtest_page_size() << 31;
}

int memtest_free_memory(struct memtest *t, uint64_t *bytes)
{
	uint64_t size = memtest_max_length(), offset;
	uint32_t ids[MAX_PIECES];
	int nr = 0, ret = 0;

	*bytes = 0;
	while (size >= memtest_page_size()) {
		if (nr == MAX_PIECES) {
			ret = -E2BIG;
			break;
		}
		ret = iommufd_mem_alloc_region(t->iommufd, t->vf[0].dev_id,
					       size, &ids[nr], &offset);
		if (ret == -ENOSPC) {
			ret = 0;
			size /= 2;
			continue;
		}
		if (ret)
			break;
		nr++;
		*bytes += size;
	}
	while (nr--)
		ret = iommufd_destroy(t->iommufd, ids[nr]) ?: ret;
	return ret;
}

int memtest_alloc_id(int iommufd, uint32_t region, uint64_t length,
		     uint32_t *mem_id)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_REGION,
		.region_index = region,
		.length = length,
	};
	int ret = iommufd_mem_alloc(iommufd, &cmd);

	*mem_id = cmd.out_mem_id;
	return ret;
}

int memtest_region_is_idle(void)
{
	int iommufd = iommufd_open();
	uint32_t id;
	int ret;

	if (iommufd < 0)
		return iommufd;
	ret = memtest_alloc_id(iommufd, 0, memtest_page_size(), &id);
	close(iommufd);
	return ret;
}

int memtest_count_objects(struct memtest *t)
{
	struct iommu_mem_info info = {};
	int count = 0;

	while (!iommufd_mem_next(t->iommufd, &info))
		count++;
	return count;
}

int memtest_object_alloc(struct memtest *t, struct memtest_object *object,
			 uint64_t length)
{
	memset(object, 0, sizeof(*object));
	object->length = length;
	return iommufd_mem_alloc_region(t->iommufd, t->vf[0].dev_id, length,
					&object->id, &object->mmap_offset);
}

int memtest_object_alloc_linear(struct memtest *t, struct memtest_object *object,
				uint64_t length)
{
	struct iommu_mem_alloc cmd = {
		.flags = IOMMU_MEM_ALLOC_LINEAR,
		.type = IOMMU_MEM_TYPE_REGION,
		.dev_id = t->vf[0].dev_id,
		.length = length,
	};
	int ret;

	memset(object, 0, sizeof(*object));
	object->length = length;
	ret = iommufd_mem_alloc(t->iommufd, &cmd);
	object->id = cmd.out_mem_id;
	object->mmap_offset = cmd.out_mmap_offset;
	return ret;
}

int memtest_write(const char *text, const char *path, ...)
{
	char name[256];
	va_list args;
	int fd, ret = 0;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

uint64_t memtest_number(const char *path, ...)
{
	unsigned long long value;
	char name[256];
	va_list args;
	FILE *file;
	int nr;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);
	file = fopen(name, "re");
	if (!file)
		return UINT64_MAX;
	nr = fscanf(file, "%llu", &value);
	fclose(file);
	return nr == 1 ? value : UINT64_MAX;
}

int memtest_open_group(const char *bdf)
{
	char path[64], target[256];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.15s/iommu_group",
		 bdf);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%.15s", basename(target));
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int memtest_region(uint64_t *base, uint64_t *size)
{
	FILE *file = fopen("/proc/iomem", "re");
	unsigned long long first, last;
	int ret = -ENOENT;
	char line[256];

	if (!file)
		return -errno;
	while (ret && fgets(line, sizeof(line), file)) {
		if (!strstr(line, " : egm") ||
		    sscanf(line, "%llx-%llx", &first, &last) != 2)
			continue;
		*base = first;
		*size = last - first + 1;
		ret = 0;
	}
	fclose(file);
	return ret;
}

int memtest_list_bad(struct memtest *t, uint32_t mem_id,
		     struct iommu_mem_retired_range *ranges, uint32_t count)
{
	return iommufd_mem_retired(t->iommufd, mem_id, ranges, &count) ?:
	       (int)count;
}

int memtest_fail_memory(uint64_t paddr)
{
	int fd = open("/sys/devices/system/memory/hard_offline_page",
		      O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%#llx", (unsigned long long)paddr) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int memtest_object_alloc_bar(struct memtest *t, struct memtest_object *object,
			     uint64_t length)
{
	memset(object, 0, sizeof(*object));
	object->length = length;
	return iommufd_mem_alloc_bar(t->iommufd, t->vf[0].dev_id,
				     NVGRACE_GPU_BAR_FB, 0, length, &object->id,
				     &object->mmap_offset);
}

int memtest_object_mmap(struct memtest *t, struct memtest_object *object)
{
	void *va;
	int ret;

	ret = iommufd_mem_mmap(t->iommufd, object->mmap_offset, object->length,
			       MIB(2), PROT_READ | PROT_WRITE, &va);
	if (!ret)
		object->va = va;
	return ret;
}

int memtest_object_map(struct memtest *t, struct memtest_object *object,
		       uint32_t ioas_id, uint64_t iova)
{
	int ret;

	ret = iommufd_ioas_map_mem(t->iommufd, ioas_id, object->id, 0,
				   object->length, IOMMUFD_FIXED_READ_WRITE,
				   &iova);
	if (!ret) {
		object->ioas_id = ioas_id;
		object->iova = iova;
	}
	return ret;
}

int memtest_object_free(struct memtest *t, struct memtest_object *object)
{
	int ret = 0;

	if (object->ioas_id)
		ret = iommufd_ioas_unmap(t->iommufd, object->ioas_id,
					 object->iova, object->length, NULL);
	if (object->va && munmap(object->va, object->length) && !ret)
		ret = -errno;
	if (object->id)
		ret = iommufd_destroy(t->iommufd, object->id) ?: ret;
	memset(object, 0, sizeof(*object));
	return ret;
}

static int mmap_and_map(struct memtest_world *w, struct memtest_object *object,
			uint64_t iova)
{
	int ret;

	ret = memtest_object_mmap(&w->t, object);
	return ret ?: memtest_object_map(&w->t, object, w->ioas_id, iova);
}

int memtest_world_open(struct memtest_world *w, uint64_t length)
{
	int ret;

	memset(w, 0, sizeof(*w));
	ret = memtest_open(&w->t, 1);
	if (ret)
		return ret;
	ret = iommufd_ioas_alloc(w->t.iommufd, &w->ioas_id);
	if (!ret)
		ret = vfio_attach(&w->t.vf[0], w->ioas_id);
	if (!ret)
		ret = memtest_object_alloc(&w->t, &w->object, length);
	if (!ret)
		ret = mmap_and_map(w, &w->object, MEMTEST_IOVA);
	if (!ret)
		ret = memtest_object_alloc_bar(&w->t, &w->bar, length);
	if (!ret)
		ret = mmap_and_map(w, &w->bar, MEMTEST_BAR_IOVA);
	return ret;
}

/* SIGBUS comes to the thread that made the access */
static __thread sigjmp_buf bus_error;
static __thread volatile sig_atomic_t expecting_bus_error;

static void on_bus_error(int number)
{
	if (expecting_bus_error)
		siglongjmp(bus_error, 1);
	signal(number, SIG_DFL);	/* and the access is made again */
}

static void __attribute__((constructor)) catch_bus_errors(void)
{
	struct sigaction action = { .sa_handler = on_bus_error };

	sigaction(SIGBUS, &action, NULL);
}

static bool access_faults(volatile uint64_t *va, bool write)
{
	volatile bool faulted = true;

	expecting_bus_error = 1;
	if (!sigsetjmp(bus_error, 1)) {
		if (write)
			*va = 0x5a5a5a5a5a5a5a5aULL;
		else
			(void)*va;
		faulted = false;
	}
	expecting_bus_error = 0;
	return faulted;
}

bool memtest_read_faults(const void *va)
{
	return access_faults((uint64_t *)va, false);
}

bool memtest_write_faults(void *va)
{
	return access_faults(va, true);
}
