// SPDX-License-Identifier: GPL-2.0
/*
 * The guest of the QEMU that runs inside the test machine: its kernel's first
 * process. Finds the VFs that it was given, drives each by its BARs, as sysfs
 * offers them, and says of every claim whether it holds:
 *
 *	guest: CLAIM: ok
 *	guest: CLAIM: what is wrong
 *
 * The guest has no IOMMU, so the addresses for DMA are guest-physical ones: what
 * translates them is what QEMU mapped through iommufd.
 *
 * Not about: how QEMU is started, and what makes TAP of this (run), nor memory
 * objects: this QEMU knows nothing of them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "nvgrace-gpu-regs.h"

#define PCI		"/sys/bus/pci/devices"
#define VFS		2
#define PAGES		16		/* of each buffer */
#define DEADLINE	20		/* seconds, of one copy or interrupt */
#define NOWHERE		0x300000000ULL	/* no RAM and no device of the guest is there */

struct vf {
	char bdf[NAME_MAX + 1];
	volatile uint8_t *regs;		/* BAR0 */
	volatile uint8_t *fb;		/* BAR2, FB_BYTES of it */
};

#define FB_BYTES	(PAGES * 4096)

static struct vf vfs[VFS];
static int found;
static size_t page;			/* bytes */
static uint8_t *src, *dst;		/* PAGES pages each, at any physical addresses */

static void __attribute__((noreturn)) power_off(void)
{
	fflush(NULL);
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* Before the device is told of memory that the CPU wrote, and after it answers */
static void dma_barrier(void)
{
	__asm__ __volatile__("dsb sy" : : : "memory");
}

static uint32_t reg_read(const struct vf *vf, uint32_t reg)
{
	uint32_t value = *(volatile uint32_t *)(vf->regs + reg);

	dma_barrier();
	return value;
}

static void reg_write(const struct vf *vf, uint32_t reg, uint32_t value)
{
	dma_barrier();
	*(volatile uint32_t *)(vf->regs + reg) = value;
}

static int __attribute__((format(printf, 2, 3))) open_path(int flags, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return open(path, flags | O_CLOEXEC);
}

/* Writes text to a file of sysfs and closes it; what is wrong is seen later */
static void put(int fd, const char *text)
{
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("guest: # cannot write \"%s\": %s\n", text, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The number in a file of the function's directory, -1 if there is none */
static long attribute(const char *bdf, const char *name)
{
	int fd = open_path(O_RDONLY, PCI "/%s/%s", bdf, name);
	char text[32];
	ssize_t n;

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return strtol(text, NULL, 0);
}

static volatile uint8_t *map_bar(const char *bdf, int bar, size_t size)
{
	int fd = open_path(O_RDWR | O_SYNC, PCI "/%s/resource%d", bdf, bar);
	void *va;

	if (fd < 0)
		return NULL;
	va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return va == MAP_FAILED ? NULL : va;
}

/* Memory decoding and bus mastering: there is no driver to do it */
static int enable(const char *bdf)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	int fd = open_path(O_RDWR, PCI "/%s/config", bdf);
	ssize_t n;

	n = fd < 0 ? -1 : pwrite(fd, &command, sizeof(command), PCI_COMMAND);
	if (fd >= 0)
		close(fd);
	return n == sizeof(command) ? 0 : -1;
}

static const char *add_vf(const char *bdf)
{
	struct vf *vf = &vfs[found];

	if (found++ >= VFS)
		return "too many VFs";
	snprintf(vf->bdf, sizeof(vf->bdf), "%s", bdf);
	if (enable(bdf))
		return "cannot write to the command register";
	vf->regs = map_bar(bdf, NVGRACE_GPU_BAR_REGS, NV_VFN_SIZE);
	vf->fb = map_bar(bdf, NVGRACE_GPU_BAR_FB, FB_BYTES);
	return vf->regs && vf->fb ? NULL : "cannot map its BARs";
}

static const char *find_vfs(void)
{
	const char *wrong = NULL;
	struct dirent **entries;
	long vendor, device;
	int i, n;

	n = scandir(PCI, &entries, NULL, alphasort);
	for (i = 0; i < n; i++) {
		const char *bdf = entries[i]->d_name;

		if (*bdf == '.')
			continue;
		vendor = attribute(bdf, "vendor");
		device = attribute(bdf, "device");
		printf("guest: # %s %04lx:%04lx\n", bdf, vendor, device);
		if (vendor == NVGRACE_GPU_VENDOR_ID && device == NVGRACE_GPU_VF_DEVICE_ID && !wrong)
			wrong = add_vf(bdf);
	}
	if (!wrong && found < VFS)
		wrong = "there are fewer";
	return wrong;
}

/* 0 if it cannot be told */
static uint64_t physical(const void *va)
{
	uint64_t entry = 0;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), (uintptr_t)va / page * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry >> 63 ? (entry & ((1ULL << 55) - 1)) * page + (uintptr_t)va % page : 0;
}

static void *buffer(void)
{
	void *va = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);

	return va == MAP_FAILED ? NULL : va;
}

static void set_address(const struct vf *vf, uint32_t upper, uint32_t lower, uint64_t address)
{
	reg_write(vf, NVGRACE_GPU_CE0 + upper, address >> 32);
	reg_write(vf, NVGRACE_GPU_CE0 + lower, (uint32_t)address);
}

static const char *wait_for(const struct vf *vf, uint32_t completed)
{
	time_t deadline = time(NULL) + DEADLINE;
	uint32_t status;

	while (reg_read(vf, NVGRACE_GPU_CE0_COMPLETED) != completed) {
		if (reg_read(vf, NVGRACE_GPU_CE0_STATUS) & NVGRACE_GPU_CE0_DROPPED)
			return "the copy engine did not take the launch";
		if (time(NULL) > deadline)
			return "the copy engine never ended";
	}
	status = reg_read(vf, NVGRACE_GPU_CE0_STATUS);
	return status & NVGRACE_GPU_CE0_FAULTED ? "the copy faulted" : NULL;
}

/* Modes are NV_CE_PHYS_MODE_*: what the address is of */
static const char *copy(const struct vf *vf, uint32_t src_mode, uint64_t from,
			uint32_t dst_mode, uint64_t to, uint32_t bytes)
{
	uint32_t completed = reg_read(vf, NVGRACE_GPU_CE0_COMPLETED) + 1;

	set_address(vf, NV_CE_OFFSET_IN_UPPER, NV_CE_OFFSET_IN_LOWER, from);
	reg_write(vf, NVGRACE_GPU_CE0 + NV_CE_SET_SRC_PHYS_MODE, src_mode);
	set_address(vf, NV_CE_OFFSET_OUT_UPPER, NV_CE_OFFSET_OUT_LOWER, to);
	reg_write(vf, NVGRACE_GPU_CE0 + NV_CE_SET_DST_PHYS_MODE, dst_mode);
	reg_write(vf, NVGRACE_GPU_CE0 + NV_CE_LINE_LENGTH_IN, bytes);
	reg_write(vf, NVGRACE_GPU_CE0 + NV_CE_LINE_COUNT, 1);
	reg_write(vf, NVGRACE_GPU_CE0 + NV_CE_LAUNCH_DMA,
		  NV_CE_LAUNCH_TRANSFER_NON_PIPELINED | NV_CE_LAUNCH_FLUSH |
		  NV_CE_LAUNCH_SRC_PITCH | NV_CE_LAUNCH_DST_PITCH |
		  NV_CE_LAUNCH_SRC_PHYSICAL | NV_CE_LAUNCH_DST_PHYSICAL);
	return wait_for(vf, completed);
}

/* Bytes that no other VF, page or test has written */
static void prepare(unsigned int seed)
{
	size_t i;

	srandom(seed);
	for (i = 0; i < PAGES * page; i++)
		src[i] = random();
	memset(dst, 0, PAGES * page);
}

static const char *compare(void)
{
	return memcmp(src, dst, PAGES * page) ? "other bytes arrived" : NULL;
}

static const char *register_keeps(const struct vf *vf)
{
	const uint32_t bits = 0x5a000000 | (vf - vfs);

	reg_write(vf, NV_VFN_INTR_LEAF_EN_SET(15), bits);
	if (reg_read(vf, NV_VFN_INTR_LEAF_EN_SET(15)) != bits)
		return "it reads as something else";
	reg_write(vf, NV_VFN_INTR_LEAF_EN_CLEAR(15), bits);
	return reg_read(vf, NV_VFN_INTR_LEAF_EN_SET(15)) ? "it does not clear" : NULL;
}

static const char *copies_memory(const struct vf *vf)
{
	const char *wrong = NULL;
	size_t i;

	prepare(1 + (vf - vfs));
	for (i = 0; i < PAGES && !wrong; i++)
		wrong = copy(vf, NV_CE_PHYS_MODE_COHERENT_SYSMEM, physical(src + i * page),
			     NV_CE_PHYS_MODE_COHERENT_SYSMEM, physical(dst + i * page), page);
	return wrong ?: compare();
}

/* The CPU fills the framebuffer through BAR2, the engine brings it to memory */
static const char *copies_framebuffer(const struct vf *vf)
{
	const char *wrong = NULL;
	size_t i;

	prepare(100 + (vf - vfs));
	for (i = 0; i < FB_BYTES; i += 8)
		*(volatile uint64_t *)(vf->fb + i) = *(uint64_t *)(src + i);
	for (i = 0; i < PAGES && !wrong; i++)
		wrong = copy(vf, NV_CE_PHYS_MODE_LOCAL_FB, i * page,
			     NV_CE_PHYS_MODE_COHERENT_SYSMEM, physical(dst + i * page), page);
	return wrong ?: compare();
}

/* The fault is the device's own report, so it is known to be of this address */
static const char *faults_elsewhere(const struct vf *vf)
{
	const char *wrong;
	uint64_t address;

	wrong = copy(vf, NV_CE_PHYS_MODE_COHERENT_SYSMEM, NOWHERE,
		     NV_CE_PHYS_MODE_COHERENT_SYSMEM, physical(dst), page);
	if (!wrong)
		return "it read from where nothing is";
	if (!(reg_read(vf, NV_VFN_FAULT_INFO) & NV_VFN_FAULT_INFO_VALID))
		return wrong;
	address = reg_read(vf, NV_VFN_FAULT_ADDR_LO) |
		  (uint64_t)reg_read(vf, NV_VFN_FAULT_ADDR_HI) << 32;
	reg_write(vf, NV_VFN_FAULT_INFO, NV_VFN_FAULT_INFO_VALID);
	return address == NOWHERE ? NULL : "the fault is of another address";
}

/* The function's device file from the guest's own VFIO, -1 if it cannot be had */
static int vfio_open(const char *bdf)
{
	char link[PATH_MAX], path[PATH_MAX];
	int container, group;
	ssize_t n;

	put(open_path(O_WRONLY, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"), "Y");
	put(open_path(O_WRONLY, PCI "/%s/driver_override", bdf), "vfio-pci");
	put(open_path(O_WRONLY, "/sys/bus/pci/drivers_probe"), bdf);
	snprintf(path, sizeof(path), PCI "/%s/iommu_group", bdf);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -1;
	link[n] = '\0';
	group = open_path(O_RDWR, "/dev/vfio/noiommu-%s", strrchr(link, '/') + 1);
	container = open_path(O_RDWR, "/dev/vfio/vfio");
	if (group < 0 || container < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU))
		return -1;
	return ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
}

/* The device's first MSI-X vector to an eventfd, -1 if it cannot be had */
static int enable_msix(int device)
{
	char buf[sizeof(struct vfio_irq_set) + sizeof(int)] __attribute__((aligned(8)));
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct vfio_irq_set *set = (void *)buf;

	*set = (struct vfio_irq_set){
		.argsz = sizeof(buf),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = 1,
	};
	memcpy(set->data, &event, sizeof(event));
	return event < 0 || ioctl(device, VFIO_DEVICE_SET_IRQS, set) ? -1 : event;
}

/* Its files stay open until the guest ends: MSI-X is disabled when they close */
static const char *interrupts(const struct vf *vf)
{
	const uint32_t leaf = NVGRACE_GPU_VECTOR_CE0 / 32, bit = 1u << NVGRACE_GPU_VECTOR_CE0 % 32;
	int device = vfio_open(vf->bdf);
	struct pollfd pfd = { .events = POLLIN };

	if (device < 0)
		return "the guest's VFIO does not open it";
	pfd.fd = enable_msix(device);
	/* Opening it has reset it */
	if (pfd.fd < 0 || enable(vf->bdf))
		return "cannot enable MSI-X";
	if (poll(&pfd, 1, 0))
		return "an interrupt came before its time";
	reg_write(vf, NV_VFN_INTR_LEAF_EN_SET(leaf), bit);
	reg_write(vf, NV_VFN_INTR_TOP_EN_SET, 1u << leaf / 2);
	reg_write(vf, NV_VFN_INTR_LEAF_TRIGGER, NVGRACE_GPU_VECTOR_CE0);
	return poll(&pfd, 1, DEADLINE * 1000) == 1 ? NULL : "no interrupt came";
}

static void say(const char *claim, const char *bdf, const char *wrong)
{
	if (wrong)
		printf("guest: %s: %s%s%s\n", claim, bdf, *bdf ? ": " : "", wrong);
	else
		printf("guest: %s: ok\n", claim);
}

static void each_vf(const char *claim, const char *(*holds)(const struct vf *vf))
{
	const char *wrong = NULL;
	int i;

	for (i = 0; i < VFS; i++) {
		wrong = vfs[i].regs && vfs[i].fb ? holds(&vfs[i]) : "there is no such VF";
		if (wrong)
			break;
	}
	say(claim, wrong ? vfs[i].bdf : "", wrong);
}

static void mount_or_stop(const char *type, const char *dir)
{
	mkdir(dir, 0755);
	if (!mount(type, dir, type, 0, NULL))
		return;
	printf("guest: # cannot mount %s: %s\n", dir, strerror(errno));
	power_off();
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	mount_or_stop("proc", "/proc");
	mount_or_stop("sysfs", "/sys");
	mount_or_stop("devtmpfs", "/dev");
	page = sysconf(_SC_PAGESIZE);
	src = buffer();
	dst = buffer();
	if (!src || !dst || !physical(src)) {
		printf("guest: # no memory whose addresses can be told\n");
		power_off();
	}

	say("it sees both VFs", "", find_vfs());
	each_vf("registers keep what is written to them", register_keeps);
	each_vf("DMA copies guest memory", copies_memory);
	each_vf("DMA copies the framebuffer that the CPU wrote", copies_framebuffer);
	each_vf("DMA outside guest memory faults", faults_elsewhere);
	each_vf("MSI-X interrupts arrive", interrupts);
	power_off();
}
