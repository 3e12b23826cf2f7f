// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that means harm: it lets a copy engine go to guest-physical addresses that
 * are not its own, read and write. Stage 2, which the guest cannot see, must stop each
 * of them.
 *
 * With an IOMMU the entries of live stage-1 tables are overwritten, behind the back of
 * the kernel that built them. With stage 1 bypassed (iommu.passthrough=1), or without
 * an IOMMU, the engine is given the addresses as they are, through sysfs. Each way is
 * first tried on a page of this program's own, so that a way that does not work is not
 * taken for a wall that stands.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "guest.h"
#include "pattern.h"
#include "tables.h"
#include "vfs.h"

#define PCI		"/sys/bus/pci/devices"
#define PAGE		4096ULL
#define FORGED_IOVA	BUFFER_IOVA
#define MAX_FORGED	64

struct forge {
	char bdf[16];
	struct vfs vfs;		/* with an IOMMU */
	struct tables tables;
	struct gpu gpu;
	uint8_t *fb;		/* first page of the framebuffer */
	uint8_t *own;		/* a page of ours, where the first try goes */
	uint64_t own_address;	/* guest-physical */
	uint8_t *mapped;	/* what is behind the entries that are forged */
	uint64_t seed;
};

/* Requester ID, which is the stream ID */
static uint32_t stream_id(const char *bdf)
{
	unsigned int domain, bus, slot, function;

	if (sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return 0;
	return bus << 8 | slot << 3 | function;
}

/* Where a page of ours is in guest-physical memory; it stays there */
static int own_page(struct forge *forge)
{
	uint64_t entry = 0;
	int fd;

	forge->own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	if (forge->own == MAP_FAILED)
		return -errno;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &entry, sizeof(entry), (uintptr_t)forge->own / PAGE * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	/* Bit 63: present; 54:0: frame */
	if (!(entry >> 63))
		return -EFAULT;
	forge->own_address = (entry & ((1ULL << 55) - 1)) * PAGE;
	return 0;
}

/* Let the engine's address @dma lead to guest-physical @address, and copy one page */
static int copy_page(struct forge *forge, uint64_t address, int nr, bool write)
{
	uint64_t iova = FORGED_IOVA + nr * PAGE, entry = 0, old;
	struct gpu_copy copy = { .length = PAGE };
	int ret = 0, restored = 0;

	*(write ? &copy.dst : &copy.src) = forge->vfs.iommu ? iova : address;
	*(write ? &copy.src_fb : &copy.dst_fb) = true;
	if (forge->vfs.iommu) {
		ret = tables_find(&forge->tables, stream_id(forge->bdf), iova, &entry) ?:
		      tables_forge(&forge->tables, entry, address, &old);
		if (ret)
			return ret;
	}
	gpu_fault_clear(&forge->gpu);
	ret = gpu_launch_copy(&forge->gpu, &copy) ?: gpu_wait(&forge->gpu, DEADLINE);
	/* The kernel will look there for the page that it has to give back */
	if (forge->vfs.iommu)
		restored = tables_restore(&forge->tables, entry, old);
	return ret ?: restored;
}

/* Does the way lead anywhere? */
static int try_own(struct forge *forge)
{
	int ret;

	pattern_fill(forge->own, PAGE, ++forge->seed);
	ret = copy_page(forge, forge->own_address, 0, false);
	if (ret)
		return step_failed(ret, "%#" PRIx64 ", our own", forge->own_address);
	if (pattern_check(forge->fb, PAGE, forge->seed) != PATTERN_SAME)
		return step_failed(0, "%#" PRIx64 ", our own, was not read", forge->own_address);
	pattern_fill(forge->fb, PAGE, ++forge->seed);
	ret = copy_page(forge, forge->own_address, 1, true);
	if (ret)
		return step_failed(ret, "%#" PRIx64 ", our own", forge->own_address);
	if (pattern_check(forge->own, PAGE, forge->seed) != PATTERN_SAME)
		return step_failed(0, "%#" PRIx64 ", our own, was not written",
				   forge->own_address);
	step_ok("%#" PRIx64 ", a page of our own: read and written through %s", forge->own_address,
		forge->vfs.iommu ? "forged stage 1" : "no stage 1");
	return 0;
}

/* Every attempt is made; the first that gets through is the reason */
static int try_foreign(struct forge *forge, uint64_t address, int nr)
{
	int ret;

	pattern_fill(forge->fb, PAGE, ++forge->seed);
	ret = copy_page(forge, address, nr, false);
	if (pattern_check(forge->fb, PAGE, forge->seed) != PATTERN_SAME)
		return step_failed(0, "%#" PRIx64 ": moved to us", address);
	if (ret != -EFAULT)
		return step_failed(ret, "%#" PRIx64 ": reading it did not fault", address);
	ret = copy_page(forge, address, nr, true);
	if (ret != -EFAULT)
		return step_failed(ret, "%#" PRIx64 ": writing to it did not fault", address);
	step_ok("%#" PRIx64 ": faulted, read and write", address);
	return 0;
}

static int try_all(struct forge *forge, const char *list)
{
	int nr = 2, failed, ret;
	uint64_t address;
	char *end;

	ret = try_own(forge);
	if (ret)
		return ret;
	for (failed = 0; *list; list = end + (*end == ',')) {
		address = strtoull(list, &end, 0);
		if (end == list || (*end && *end != ',') || nr == MAX_FORGED)
			return step_failed(-EINVAL, "guest.forge, at \"%s\"", list);
		failed = failed ?: try_foreign(forge, address, nr++);
	}
	return failed;
}

static int open_forged(struct forge *forge)
{
	void *fb;
	int ret;

	ret = vfs_open(&forge->vfs, 1);
	if (ret)
		return ret;
	forge->gpu = forge->vfs.vf[0].gpu;
	ret = vfio_mmap_bar(&forge->vfs.vf[0].dev, NVGRACE_GPU_BAR_FB, 0, PAGE, &fb);
	if (ret)
		return step_failed(ret, "mmap of BAR2");
	forge->fb = fb;
	ret = vfs_map(&forge->vfs, FORGED_IOVA, MAX_FORGED * PAGE, &forge->mapped);
	if (ret)
		return step_failed(ret, "IOMMU_IOAS_MAP");
	ret = tables_open(&forge->tables);
	if (ret)
		return step_failed(ret, "the SMMU's tables in /dev/mem");
	return 0;
}

static int map_resource(const char *bdf, int bar, uint64_t length, void **va)
{
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), PCI "/%s/resource%d", bdf, bar);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*va = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*va == MAP_FAILED)
		ret = -errno;
	close(fd);
	return ret;
}

/* No driver: its registers, and what the kernel needs for bus mastering */
static int open_raw(struct forge *forge)
{
	uint8_t command[2] = { PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0 };
	char path[128];
	void *regs, *fb;
	int fd, ret;

	file_write(forge->bdf, PCI "/%s/driver/unbind", forge->bdf);
	ret = file_write("1", PCI "/%s/enable", forge->bdf);
	if (ret)
		return step_failed(ret, "%s: enable", forge->bdf);
	snprintf(path, sizeof(path), PCI "/%s/config", forge->bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, command, sizeof(command), PCI_COMMAND) != sizeof(command))
		return step_failed(-errno, "%s: bus mastering", forge->bdf);
	close(fd);
	ret = map_resource(forge->bdf, NVGRACE_GPU_BAR_REGS, NV_VFN_SIZE, &regs) ?:
	      map_resource(forge->bdf, NVGRACE_GPU_BAR_FB, PAGE, &fb);
	if (ret)
		return step_failed(ret, "%s: mmap of its BARs", forge->bdf);
	forge->gpu.regs = regs;
	forge->gpu.regs_size = NV_VFN_SIZE;
	forge->gpu.event_fd = -1;
	forge->fb = fb;
	step_ok("%s without a driver", forge->bdf);
	return 0;
}

int job_forge(const struct guest_options *options)
{
	char bdf[MAX_VFS][16];
	struct forge forge = {};
	const char *type;
	int ret;

	if (!options->forge)
		return step_failed(-EINVAL, "guest.forge= has no addresses");
	if (!vfs_find(bdf))
		return step_failed(-ENODEV, "no VF of the GPU");
	strcpy(forge.bdf, bdf[0]);
	type = vf_group_type(forge.bdf);
	ret = own_page(&forge);
	if (ret)
		return step_failed(ret, "a page of our own");
	if (*type && strcmp(type, "identity"))
		ret = open_forged(&forge);
	else
		ret = open_raw(&forge);
	ret = ret ?: try_all(&forge, options->forge);
	tables_close(&forge.tables);
	if (forge.vfs.nr)
		vfs_close(&forge.vfs);
	return ret;
}
