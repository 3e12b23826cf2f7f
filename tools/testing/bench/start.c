// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM's start waits for: the time from open("/dev/iommu") to a device that is
 * attached, and memory that it reaches, and the time to close all of that. The memory is
 * mmapped, too, but not touched by the CPU.
 *
 * The device is reset when it is bound, and when it is closed. So "start_memory" tells
 * what comes after the bind, and the subject "nothing" what there is without memory.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dma.h"

/*
 * No fallocate(): memfd_pin_folios() would map what that allocated, as it is, and the
 * first access by the CPU would clear what a device has written. Without, mapping for
 * DMA allocates it, zeroed.
 */
static int open_sparse(struct memory *memory)
{
	memory->fd = memfd_create("bench", MFD_CLOEXEC);
	if (memory->fd < 0 || ftruncate(memory->fd, memory->length))
		return -errno;
	return 0;
}

static int map_sparse(struct memory *memory)
{
	return memory_memfd.map(memory);
}

static const struct memory_kind memory_sparse = {
	.name = "memfd", .page = KIB(4), .open = open_sparse, .map = map_sparse,
	.charged = true,
};

static const struct subject {
	const char *name;
	const char *way;	/* of dma.h, NULL for no memory */
	const struct memory_kind *kind;
	bool dirty;		/* memory of the region is not zeroed in advance */
} subjects[] = {
	{ "nothing", NULL, NULL, false },
	{ "object", "object", &memory_object, false },
	{ "object-dirty", "object", &memory_object, true },
	{ "memfd", "file-memfd", &memory_sparse, false },
	{ "hugetlb-2m", "file-memfd-2m", &memory_memfd_2m, false },
	{ "anonymous", "va-anonymous", &memory_anonymous, false },
};

/* As a VMM: it has an iommufd, and a VF, of its own */
struct vmm {
	struct bench b;
	struct bench *parent;
	struct vfio_function function;
	struct dma dma;
	const struct subject *subject;
	const struct dma_way *way;	/* the subject's */
	struct memory memory;
};

struct samples {
	struct bench_samples all, memory, stop;
};

static int set_subject(struct vmm *vmm, const struct subject *subject)
{
	vmm->subject = subject;
	vmm->way = NULL;
	if (!subject->way)
		return 0;
	while ((vmm->way = dma_next_way(&vmm->dma, vmm->way)))
		if (!strcmp(vmm->way->name, subject->way))
			return 0;
	return -ENOENT;
}

/* All free memory of the region, for as long as nothing zeroes it */
static int make_dirty(struct bench *b)
{
	uint32_t mem_id;
	int ret;

	if (!bench_region(&b->pool, "clean"))
		return 0;
	ret = memtest_alloc_id(b->iommufd, b->pool.id,
			       bench_region(&b->pool, "free"), &mem_id);
	if (!ret)
		ret = iommufd_destroy(b->iommufd, mem_id);
	if (!ret && bench_region(&b->pool, "clean"))
		ret = -EIO;
	return ret;
}

/* What was done before the VM starts */
static int prepare(struct vmm *vmm, uint64_t length)
{
	if (vmm->subject->kind == &memory_memfd_2m)
		return memory_reserve_2m(length);
	if (vmm->subject->dirty)
		return make_dirty(vmm->parent);
	return bench_wait_clean(&vmm->parent->pool);
}

static int alloc_object(struct bench *b, uint64_t length)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_REGION,
		.region_index = b->pool.id,
		.length = length,
	};
	int ret = iommufd_mem_alloc(b->iommufd, &cmd);

	b->mem_id = cmd.out_mem_id;
	b->mmap_offset = cmd.out_mmap_offset;
	b->length = length;
	return ret;
}

static int get_memory(struct vmm *vmm, uint64_t length)
{
	const struct memory_kind *kind = vmm->subject->kind;
	int ret = 0;

	if (kind == &memory_object)
		ret = alloc_object(&vmm->b, length);
	if (!ret)
		ret = memory_open(&vmm->memory, kind, &vmm->b, length);
	return ret ?: memory_map(&vmm->memory);
}

static int start(struct vmm *vmm, uint64_t length, uint64_t *bound)
{
	struct bench *b = &vmm->b;
	int ret;

	b->iommufd = iommufd_open();
	if (b->iommufd < 0)
		return b->iommufd;
	ret = vfio_open(&b->vf, &vmm->function);
	if (!ret)
		ret = vfio_bind(&b->vf, b->iommufd);
	*bound = bench_now();
	if (!ret && vmm->way)
		ret = get_memory(vmm, length);
	if (!ret)
		ret = iommufd_ioas_alloc(b->iommufd, &b->ioas_id);
	if (!ret && vmm->way)
		ret = vmm->way->map(&vmm->dma, &vmm->memory, BENCH_IOVA);
	return ret ?: vfio_attach(&b->vf, b->ioas_id);
}

static int check(struct vmm *vmm)
{
	struct bench *b = &vmm->b;
	int ret;

	if (!vmm->way)
		return 0;
	ret = gpu_open(&b->gpu, &b->vf);
	if (!ret)
		ret = bench_check_dma(&b->gpu, vmm->memory.va, BENCH_IOVA,
				      vmm->memory.length);
	gpu_close(&b->gpu);
	return ret;
}

/* Returns when all was given back */
static void stop(struct vmm *vmm)
{
	memory_unmap(&vmm->memory);
	vfio_close(&vmm->b.vf);
	if (vmm->b.iommufd >= 0)
		close(vmm->b.iommufd);
	if (vmm->memory.fd >= 0)
		close(vmm->memory.fd);
	vmm->memory.fd = -1;
}

static int measure_once(struct vmm *vmm, uint64_t length,
			struct samples *samples)
{
	uint64_t before, bound, now;
	int ret;

	vmm->memory = (struct memory) { .fd = -1 };
	before = bench_now();
	ret = start(vmm, length, &bound);
	now = bench_now();
	if (!ret) {
		bench_add(&samples->all, now - before);
		bench_add(&samples->memory, now - bound);
		ret = check(vmm);
	}
	before = bench_now();
	stop(vmm);
	bench_add(&samples->stop, bench_now() - before);
	if (vmm->memory.kind)
		memory_close(&vmm->memory);
	return ret;
}

static void measure(struct vmm *vmm, const struct subject *subject,
		    uint64_t length)
{
	struct samples samples = {};
	int ret;

	bench_progress("start: %s, %llu MiB", subject->name,
		       (unsigned long long)(length >> 20));
	ret = set_subject(vmm, subject);
	if (!ret && subject->dirty)
		ret = bench_scrub(&vmm->parent->pool, false);
	while (!ret && bench_more(vmm->parent, &samples.stop)) {
		ret = prepare(vmm, length);
		if (!ret)
			ret = measure_once(vmm, length, &samples);
	}
	if (subject->dirty)
		bench_scrub(&vmm->parent->pool, true);
	memory_reserve_2m(0);
	if (ret) {
		bench_report_error("start", subject->name, length, ret);
		return;
	}
	bench_report("start", subject->name, length, "ns", &samples.all);
	bench_report("start_memory", subject->name, length, "ns",
		     &samples.memory);
	bench_report("stop", subject->name, length, "ns", &samples.stop);
}

int bench_start(struct bench *b)
{
	const uint64_t half = b->pool.size / 2 & ~(MIB(2) - 1);
	const uint64_t lengths[] = {
		MIB(64), MIB(256), half < b->largest ? half : b->largest,
	};
	struct vfio_function found[MEMTEST_MAX_VFS];
	struct vmm vmm = { .parent = b };
	size_t i, j;
	int ret;

	if (!half || memtest_find_vfs(found) < 2) {
		bench_report_error("start", "object", 0, -ENODEV);
		return 0;
	}
	vmm.function = found[1];
	vmm.b = (struct bench) { .pool = b->pool, .iommufd = -1, .vf.fd = -1 };
	vmm.dma.b = &vmm.b;
	ret = bench_wait_clean(&b->pool);
	for (i = 0; i < ARRAY_SIZE(subjects) && !ret; i++) {
		if (!subjects[i].way)
			measure(&vmm, &subjects[i], 0);
		for (j = 0; j < ARRAY_SIZE(lengths) && subjects[i].way; j++)
			if (lengths[j] <= half && (!j || lengths[j] > lengths[j - 1]))
				measure(&vmm, &subjects[i], lengths[j]);
	}
	return ret ?: bench_wait_clean(&b->pool);
}
