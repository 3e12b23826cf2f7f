// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings: the time to make and to undo one, of objects and of what else a VMM
 * can map. A device has copied through each mapping before it counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dma.h"

#define READ_WRITE	(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static int map_id(struct dma *dma, struct memory *memory, uint64_t iova)
{
	return iommufd_ioas_map_mem(dma->b->iommufd, dma->b->ioas_id,
				    dma->b->mem_id, 0, memory->length,
				    IOMMUFD_FIXED_READ_WRITE, &iova);
}

static int map_address(struct dma *dma, struct memory *memory, uint64_t iova)
{
	return iommufd_ioas_map(dma->b->iommufd, dma->b->ioas_id, memory->va,
				memory->length, IOMMUFD_FIXED_READ_WRITE,
				&iova);
}

static int map_file(struct dma *dma, struct memory *memory, uint64_t iova)
{
	return iommufd_ioas_map_file(dma->b->iommufd, dma->b->ioas_id,
				     memory->fd, 0, memory->length,
				     IOMMUFD_FIXED_READ_WRITE, &iova);
}

static int unmap_ioas(struct dma *dma, struct memory *memory, uint64_t iova)
{
	return iommufd_ioas_unmap(dma->b->iommufd, dma->b->ioas_id, iova,
				  memory->length, NULL);
}

static int map_type1(struct dma *dma, struct memory *memory, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.flags = READ_WRITE,
		.vaddr = (uintptr_t)memory->va,
		.iova = iova,
		.size = memory->length,
	};

	return ioctl(dma->container, VFIO_IOMMU_MAP_DMA, &cmd) ? -errno : 0;
}

static int unmap_type1(struct dma *dma, struct memory *memory, uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.iova = iova,
		.size = memory->length,
	};

	return ioctl(dma->container, VFIO_IOMMU_UNMAP_DMA, &cmd) ? -errno : 0;
}

/* @shift moves the IOVA away from the alignment that larger blocks need */
static const struct dma_way ways[] = {
	{ "object", &memory_object, 0, map_id, unmap_ioas },
	{ "object-2m", &memory_object, MIB(2), map_id, unmap_ioas },
	{ "object-4k", &memory_object, KIB(4), map_id, unmap_ioas },
	{ "object-va", &memory_object, 0, map_address, unmap_ioas },
	{ "va-anonymous", &memory_anonymous, 0, map_address, unmap_ioas },
	{ "va-thp", &memory_thp, 0, map_address, unmap_ioas },
	{ "va-hugetlb-2m", &memory_hugetlb_2m, 0, map_address, unmap_ioas },
	{ "va-hugetlb-1g", &memory_hugetlb_1g, 0, map_address, unmap_ioas },
	{ "va-dax", &memory_dax, 0, map_address, unmap_ioas },
	{ "va-devmem", &memory_devmem, 0, map_address, unmap_ioas },
	{ "file-memfd", &memory_memfd, 0, map_file, unmap_ioas },
	{ "file-memfd-2m", &memory_memfd_2m, 0, map_file, unmap_ioas },
	{ "file-memfd-1g", &memory_memfd_1g, 0, map_file, unmap_ioas },
	{ "file-udmabuf", &memory_udmabuf, 0, map_file, unmap_ioas },
	{ "type1-anonymous", &memory_anonymous, 0, map_type1, unmap_type1 },
	{ "type1-thp", &memory_thp, 0, map_type1, unmap_type1 },
	{ "type1-hugetlb-2m", &memory_hugetlb_2m, 0, map_type1, unmap_type1 },
	{ "type1-hugetlb-1g", &memory_hugetlb_1g, 0, map_type1, unmap_type1 },
	{ "type1-dax", &memory_dax, 0, map_type1, unmap_type1 },
	{ "type1-devmem", &memory_devmem, 0, map_type1, unmap_type1 },
};

/* VFIO's own container, with another VF in it */
static int open_container(struct dma *dma)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	int ret;

	if (memtest_find_vfs(found) < 2)
		return -ENOENT;
	dma->group = memtest_open_group(found[1].bdf);
	if (dma->group < 0)
		return dma->group;
	dma->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (dma->container < 0 ||
	    ioctl(dma->group, VFIO_GROUP_SET_CONTAINER, &dma->container) ||
	    ioctl(dma->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	dma->vf.function = found[1];
	dma->vf.fd = ioctl(dma->group, VFIO_GROUP_GET_DEVICE_FD,
			   found[1].bdf);
	if (dma->vf.fd < 0)
		return -errno;
	ret = gpu_open(&dma->gpu, &dma->vf);
	dma->has_type1 = !ret;
	return ret;
}

int dma_open(struct dma *dma, struct bench *b)
{
	int ret;

	memset(dma, 0, sizeof(*dma));
	dma->b = b;
	dma->group = -1;
	dma->container = -1;
	dma->vf.fd = -1;
	ret = open_container(dma);
	if (ret)
		bench_progress("no VFIO type1: %s", strerror(-ret));
	return 0;
}

void dma_close(struct dma *dma)
{
	if (dma->has_type1)
		gpu_close(&dma->gpu);
	vfio_close(&dma->vf);
	if (dma->group >= 0)
		close(dma->group);
	if (dma->container >= 0)
		close(dma->container);
}

static struct gpu *gpu_of(struct dma *dma, const struct dma_way *way)
{
	return way->map == map_type1 ? &dma->gpu : &dma->b->gpu;
}

int dma_try(struct dma *dma, const struct dma_way *way, struct memory *memory)
{
	uint64_t iova = BENCH_IOVA + way->shift;
	int ret;

	ret = way->map(dma, memory, iova);
	if (ret)
		return ret;
	ret = bench_check_dma(gpu_of(dma, way), memory->va, iova,
			      memory->length);
	return way->unmap(dma, memory, iova) ?: ret;
}

const struct dma_way *dma_next_way(struct dma *dma, const struct dma_way *way)
{
	way = way ? way + 1 : ways;
	while (way < ways + ARRAY_SIZE(ways) && way->map == map_type1 &&
	       !dma->has_type1)
		way++;
	return way < ways + ARRAY_SIZE(ways) ? way : NULL;
}

int dma_prepare(struct dma *dma, const struct dma_way *way,
		struct memory *memory, uint64_t length)
{
	int ret;

	ret = memory_open(memory, way->kind, dma->b, length);
	if (!ret)
		ret = memory_map(memory);
	if (!ret && way->kind->populate)
		memory_touch(memory, true);
	return ret;
}

static int measure(struct dma *dma, const struct dma_way *way,
		   uint64_t length)
{
	struct bench_samples map = {}, unmap = {};
	uint64_t iova = BENCH_IOVA + way->shift, start;
	struct memory memory;
	int ret;

	bench_progress("dma: %s, %llu MiB", way->name,
		       (unsigned long long)(length >> 20));
	ret = dma_prepare(dma, way, &memory, length);
	if (!ret)
		ret = dma_try(dma, way, &memory);
	while (!ret && bench_more(dma->b, &map)) {
		start = bench_now();
		ret = way->map(dma, &memory, iova);
		bench_add(&map, bench_now() - start);
		if (ret)
			break;
		start = bench_now();
		ret = way->unmap(dma, &memory, iova);
		bench_add(&unmap, bench_now() - start);
	}
	memory_close(&memory);
	if (ret) {
		bench_report_error("dma_map", way->name, length, ret);
		return 0;
	}
	bench_report("dma_map", way->name, length, "ns", &map);
	bench_report("dma_unmap", way->name, length, "ns", &unmap);
	return 0;
}

/* As large as makes sense: of 4 KiB blocks there would be 256 million in a TiB */
static uint64_t limit(struct bench *b, const struct dma_way *way)
{
	if (way->kind != &memory_object)
		return b->largest;
	return way->shift == KIB(4) ? GIB(4) : b->length;
}

int bench_dma(struct bench *b)
{
	static const uint64_t lengths[] = {
		MIB(1), MIB(16), MIB(256), GIB(1), GIB(4), GIB(16), GIB(64),
		GIB(256), TIB(1),
	};
	const struct dma_way *way = NULL;
	struct dma dma;
	size_t i;
	int ret;

	ret = dma_open(&dma, b);
	while (!ret && (way = dma_next_way(&dma, way)))
		for (i = 0; i < ARRAY_SIZE(lengths) && !ret; i++)
			if (lengths[i] >= way->kind->page &&
			    lengths[i] <= limit(b, way))
				ret = measure(&dma, way, lengths[i]);
	dma_close(&dma);
	return ret;
}
