// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that means harm: it lets a copy engine go to guest-physical addresses that
 * are not its own, read and write. Stage 2, which the guest cannot see, must stop each
 * of them.
 *
 * With an IOMMU the entries of live stage-1 tables are overwritten, behind the back of
 * the kernel that built them: those of pages, and those of tables, so that the IOMMU's
 * own reads go astray. With stage 1 bypassed (iommu.passthrough=1), or without
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

/* What goes where it must not: the engine, or the IOMMU on its way through stage 1 */
enum way { READ, WRITE, WALK };

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
	forge->own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	if (forge->own == MAP_FAILED)
		return -errno;
	forge->own_address = physical_address(forge->own);
	return forge->own_address ? 0 : -EFAULT;
}

/* Let IOVA number @nr, or its table, lead to guest-physical @address; copy one page */
static int copy_page(struct forge *forge, uint64_t address, int nr, enum way way)
{
	uint64_t iova = FORGED_IOVA + nr * PAGE, entry = 0, old;
	int shift = way == WALK ? TABLES_BLOCK : TABLES_PAGE;
	struct gpu_copy copy = { .length = PAGE };
	int ret = 0, restored = 0;

	*(way == WRITE ? &copy.dst : &copy.src) = forge->vfs.iommu ? iova : address;
	*(way == WRITE ? &copy.src_fb : &copy.dst_fb) = true;
	if (forge->vfs.iommu) {
		ret = tables_find(&forge->tables, stream_id(forge->bdf), iova, shift, &entry) ?:
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

static int own_failed(struct forge *forge, int error, const char *what)
{
	return step_failed(error, "%#" PRIx64 ", a page of our own, is not %s",
			   forge->own_address, what);
}

/* Our page as a table of level 3, in which the IOVA leads to the page itself */
static int walk_own(struct forge *forge, int nr)
{
	uint64_t iova = FORGED_IOVA + nr * PAGE, entry, old;
	int ret;

	ret = tables_find(&forge->tables, stream_id(forge->bdf), iova, TABLES_PAGE, &entry) ?:
	      tables_forge(&forge->tables, entry, forge->own_address, &old);
	if (ret)
		return ret;
	memset(forge->own, 0, PAGE);
	ret = tables_copy(&forge->tables, entry, forge->own_address + entry % PAGE) ?:
	      tables_restore(&forge->tables, entry, old);
	return ret ?: copy_page(forge, forge->own_address, nr, WALK);
}

/* Do the ways lead anywhere? */
static int try_own(struct forge *forge)
{
	int ret;

	pattern_fill(forge->own, PAGE, ++forge->seed);
	ret = copy_page(forge, forge->own_address, 0, READ);
	if (ret || pattern_check(forge->fb, PAGE, forge->seed) != PATTERN_SAME)
		return own_failed(forge, ret, "read");
	pattern_fill(forge->fb, PAGE, ++forge->seed);
	ret = copy_page(forge, forge->own_address, 1, WRITE);
	if (ret || pattern_check(forge->own, PAGE, forge->seed) != PATTERN_SAME)
		return own_failed(forge, ret, "written");
	if (forge->vfs.iommu) {
		ret = walk_own(forge, 2);
		if (ret || pattern_compare(forge->own, forge->fb, PAGE) != PATTERN_SAME)
			return own_failed(forge, ret, "walked");
	}
	step_ok("%#" PRIx64 ", a page of our own: reached through %s", forge->own_address,
		forge->vfs.iommu ? "forged stage 1" : "no stage 1");
	return 0;
}

/* Reads come first: a page that must not be ours is not written to if it is */
static int try_foreign(struct forge *forge, uint64_t address, int nr)
{
	enum way way;
	int ret;

	for (way = READ; way <= (forge->vfs.iommu ? WALK : WRITE); way++) {
		static const char * const names[] = { "reading", "writing", "walking" };

		pattern_fill(forge->fb, PAGE, ++forge->seed);
		ret = copy_page(forge, address, nr, way);
		if (ret != -EFAULT)
			return step_failed(ret, "%#" PRIx64 ": %s it did not fault", address,
					   names[way]);
		if (pattern_check(forge->fb, PAGE, forge->seed) != PATTERN_SAME)
			return step_failed(0, "%#" PRIx64 ": bytes moved to us", address);
	}
	step_ok("%#" PRIx64 ": faults, no byte moved to us", address);
	return 0;
}

/* All are tried, whatever came of the others */
static int try_all(struct forge *forge, const char *list)
{
	int nr = 3, failed, ret;
	uint64_t address;
	char *end;

	ret = try_own(forge);
	if (ret)
		return ret;
	for (failed = 0; *list; list = end + (*end == ',')) {
		address = strtoull(list, &end, 0);
		if (end == list || (*end && *end != ',') || nr == MAX_FORGED)
			return step_failed(-EINVAL, "guest.forge, at \"%s\"", list);
		ret = try_foreign(forge, address, nr++);
		failed = failed ?: ret;
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
