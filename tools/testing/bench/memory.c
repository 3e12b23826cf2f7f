// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of memory: see memory.h. Where a mapping can use large entries, it is aligned
 * so that it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

#define HUGEPAGES_2M \
	"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define UDMABUF_LIMIT	"/sys/module/udmabuf/parameters/size_limit_mb"
/* Of the host's memory, what stays for everything else */
#define RESERVE		MIB(256)

/* mmap() at an address aligned to @align */
static int map_aligned(struct memory *memory, uint64_t align, int prot,
		       int flags, int fd, uint64_t offset)
{
	uint8_t *area, *va;

	area = mmap(NULL, memory->length + align, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return -errno;
	va = (uint8_t *)(((uintptr_t)area + align - 1) & ~(align - 1));
	if (va > area)
		munmap(area, va - area);
	munmap(va + memory->length, area + align - va);
	va = mmap(va, memory->length, prot, flags | MAP_FIXED, fd, offset);
	if (va == MAP_FAILED)
		return -errno;
	memory->va = va;
	return 0;
}

static int map_anonymous(struct memory *memory)
{
	return map_aligned(memory, MIB(2), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int map_small(struct memory *memory)
{
	int ret = map_anonymous(memory);

	if (!ret && madvise(memory->va, memory->length, MADV_NOHUGEPAGE))
		ret = -errno;
	return ret;
}

static int map_thp(struct memory *memory)
{
	int ret = map_anonymous(memory);

	if (!ret && madvise(memory->va, memory->length, MADV_HUGEPAGE))
		ret = -errno;
	return ret;
}

int memory_reserve_2m(uint64_t length)
{
	uint64_t pages = length / MIB(2);
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)pages);
	memtest_write(text, HUGEPAGES_2M);
	return memtest_number(HUGEPAGES_2M) < pages ? -ENOMEM : 0;
}

static int open_2m(struct memory *memory)
{
	return memory_reserve_2m(memory->length);
}

static int map_2m(struct memory *memory)
{
	return map_aligned(memory, MIB(2), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			   MAP_HUGE_2MB, -1, 0);
}

static int map_1g(struct memory *memory)
{
	return map_aligned(memory, GIB(1), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			   MAP_HUGE_1GB, -1, 0);
}

static int open_file(struct memory *memory, unsigned int flags)
{
	memory->fd = memfd_create("bench", flags | MFD_ALLOW_SEALING);
	if (memory->fd < 0)
		return -errno;
	if (ftruncate(memory->fd, memory->length) ||
	    fallocate(memory->fd, 0, 0, memory->length))
		return -errno;
	return 0;
}

static int open_memfd(struct memory *memory)
{
	return open_file(memory, 0);
}

static int open_memfd_2m(struct memory *memory)
{
	int ret = memory_reserve_2m(memory->length);

	return ret ?: open_file(memory, MFD_HUGETLB | MFD_HUGE_2MB);
}

static int open_memfd_1g(struct memory *memory)
{
	return open_file(memory, MFD_HUGETLB | MFD_HUGE_1GB);
}

static int open_udmabuf(struct memory *memory)
{
	struct udmabuf_create create = { .size = memory->length };
	int ret, fd, memfd;

	memtest_write("1048576", UDMABUF_LIMIT);
	ret = open_file(memory, 0);
	if (ret)
		return ret;
	memfd = memory->fd;
	if (fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -errno;
	fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	create.memfd = memfd;
	memory->fd = ioctl(fd, UDMABUF_CREATE, &create);
	if (memory->fd < 0)
		ret = -errno;
	close(memfd);
	close(fd);
	return ret;
}

static int map_file(struct memory *memory)
{
	uint64_t page = memory->kind->page;

	return map_aligned(memory, page < MIB(2) ? MIB(2) : page,
			   PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
}

/* The same memory as the object's, as a driver that maps it as PFNs does it */
static int open_devmem(struct memory *memory)
{
	memory->fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	return memory->fd < 0 ? -errno : 0;
}

static int map_devmem(struct memory *memory)
{
	if (!memory->b->region.base)
		return -ENODEV;
	return map_aligned(memory, MIB(2), PROT_READ | PROT_WRITE, MAP_SHARED,
			   memory->fd, memory->b->region.base);
}

static int open_object(struct memory *memory)
{
	return memory->length > memory->b->length ? -ENOMEM : 0;
}

static int map_object(struct memory *memory)
{
	return map_aligned(memory, GIB(1), PROT_READ | PROT_WRITE, MAP_SHARED,
			   memory->b->iommufd, memory->b->mmap_offset);
}

const struct memory_kind memory_object = {
	.name = "object", .page = KIB(4), .open = open_object,
	.map = map_object,
};

const struct memory_kind memory_anonymous = {
	.name = "anonymous", .page = KIB(4), .map = map_small, .charged = true,
	.populate = true,
};

const struct memory_kind memory_thp = {
	.name = "thp", .page = MIB(2), .map = map_thp, .charged = true,
	.populate = true,
};

const struct memory_kind memory_hugetlb_2m = {
	.name = "hugetlb-2m", .page = MIB(2), .open = open_2m, .map = map_2m,
	.charged = true,
	.populate = true,
};

const struct memory_kind memory_hugetlb_1g = {
	.name = "hugetlb-1g", .page = GIB(1), .map = map_1g,
	.populate = true,
};

const struct memory_kind memory_memfd = {
	.name = "memfd", .page = KIB(4), .open = open_memfd, .map = map_file,
	.charged = true,
	.populate = true,
};

const struct memory_kind memory_memfd_2m = {
	.name = "memfd-2m", .page = MIB(2), .open = open_memfd_2m,
	.map = map_file, .charged = true,
	.populate = true,
};

const struct memory_kind memory_memfd_1g = {
	.name = "memfd-1g", .page = GIB(1), .open = open_memfd_1g,
	.map = map_file,
	.populate = true,
};

const struct memory_kind memory_udmabuf = {
	.name = "udmabuf", .page = KIB(4), .open = open_udmabuf,
	.map = map_file, .charged = true,
	.populate = true,
};

const struct memory_kind memory_devmem = {
	.name = "devmem", .page = KIB(4), .open = open_devmem,
	.map = map_devmem,
};

/* Its memory is none of the machine's, but users write to it */
const struct memory_kind memory_dax = {
	.name = "dax", .page = MIB(2), .open = memory_open_dax, .map = map_file,
	.populate = true,
};

int memory_open(struct memory *memory, const struct memory_kind *kind,
		struct bench *b, uint64_t length)
{
	memset(memory, 0, sizeof(*memory));
	memory->fd = -1;
	memory->kind = kind;
	memory->b = b;
	memory->length = length;
	if (length % kind->page)
		return -EINVAL;
	if (kind->charged &&
	    length + RESERVE > bench_field("/proc/meminfo", "MemAvailable"))
		return -ENOMEM;
	return kind->open ? kind->open(memory) : 0;
}

int memory_map(struct memory *memory)
{
	return memory->kind->map(memory);
}

void memory_unmap(struct memory *memory)
{
	if (memory->va)
		munmap(memory->va, memory->length);
	memory->va = NULL;
}

void memory_touch(struct memory *memory, bool write)
{
	volatile uint8_t *va = memory->va;
	uint64_t offset;

	for (offset = 0; offset < memory->length; offset += KIB(4)) {
		if (write)
			va[offset] = 1;
		else
			(void)va[offset];
	}
}

void memory_close(struct memory *memory)
{
	memory_unmap(memory);
	if (memory->fd >= 0)
		close(memory->fd);
	if (memory->kind->charged && memory->kind->page == MIB(2))
		memory_reserve_2m(0);
}
