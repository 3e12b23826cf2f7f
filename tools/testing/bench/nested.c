// SPDX-License-Identifier: GPL-2.0
/*
 * DMA by a guest: a copy through two stages of translation. Stage 2 maps the memory at
 * the guest's physical addresses, as a VMM does it; stage 1 is built in that memory, as
 * the guest's kernel does it. Three rows, each the time of a copy of x bytes:
 *
 *   nested_copy     stage 1 has blocks of 2 MiB
 *   nested_copy_4k  stage 1 has pages of 4 KiB
 *   flat_copy       no guest: the IOAS itself, mapped like stage 2
 *
 * Stage 1 is the same for every subject, entry by entry: memory that is mapped at an
 * IOVA off by 4 KiB still has a 2 MiB aligned range of guest-physical addresses, and
 * only that is copied. So the rows differ by stage 2 alone.
 *
 * Every round makes all page tables anew, which is not timed: their destruction empties
 * the TLBs of them, and so the copy begins with none of its translations. Result n of
 * these rows, from 0 and errors included, copies at BENCH_IOVA + n TiB, where no other
 * one is: so the script walks tells them apart, which counts what QEMU's SMMU
 * read of the tables.
 */
#include <errno.h>

#include "memory.h"
#include "smmu.h"

/* Of everything, mapped for DMA: the largest block that a subject can have */
#define LENGTH		GIB(1)

/* Offsets from where memory that is not shifted starts; none is below the largest shift */
#define TABLES		MIB(2)
#define TABLES_LENGTH	MIB(2)
#define SOURCE		MIB(256)
#define TARGET		MIB(512)

/* What is compared, at both ends */
#define CHECK		KIB(4)

#define VIRTUAL_SID	0x42

struct subject {
	const char *name;
	const struct memory_kind *kind;
	uint64_t shift;		/* bytes, of the address in the IOAS */
};

static const struct subject subjects[] = {
	{ "object", &memory_object, 0 },
	{ "object-2m", &memory_object, MIB(2) },
	{ "object-4k", &memory_object, KIB(4) },
	{ "hugetlb-1g", &memory_hugetlb_1g, 0 },
	{ "hugetlb-2m", &memory_hugetlb_2m, 0 },
	{ "memfd", &memory_memfd, 0 },
	{ "anonymous", &memory_anonymous, 0 },
};

struct way {
	const char *row;
	bool nested;
	uint64_t shift;		/* bytes, of the input of stage 1 */
};

static const struct way ways[] = {
	{ "nested_copy", true, 0 },
	{ "nested_copy_4k", true, KIB(4) },
	{ "flat_copy", false, 0 },
};

struct nested {
	struct bench *b;
	struct vfio_dev vf;
	struct gpu gpu;
	uint64_t results;	/* reported so far */
	/* What a round has made, in this order */
	uint32_t ids[5];
	int nr_ids;
};

static int keep(struct nested *n, uint32_t id, int ret)
{
	if (!ret)
		n->ids[n->nr_ids++] = id;
	return ret;
}

static int destroy(struct nested *n)
{
	int ret = vfio_detach(&n->vf), err;

	while (n->nr_ids) {
		err = iommufd_destroy(n->b->iommufd, n->ids[--n->nr_ids]);
		ret = ret ?: err;
	}
	return ret;
}

/* Where the device sees what is at BENCH_IOVA when nothing is shifted */
static uint64_t input(const struct nested *n, const struct way *way)
{
	return BENCH_IOVA + TIB(n->results) + way->shift;
}

/* An IOAS that has the memory */
static int make_ioas(struct nested *n, struct memory *memory, uint64_t iova,
		     uint32_t *ioas_id)
{
	int iommufd = n->b->iommufd, ret;

	ret = iommufd_ioas_alloc(iommufd, ioas_id);
	ret = keep(n, *ioas_id, ret);
	if (ret)
		return ret;
	if (memory->kind == &memory_object)
		return iommufd_ioas_map_mem(iommufd, *ioas_id, n->b->mem_id, 0,
					    memory->length,
					    IOMMUFD_FIXED_READ_WRITE, &iova);
	return iommufd_ioas_map(iommufd, *ioas_id, memory->va, memory->length,
				IOMMUFD_FIXED_READ_WRITE, &iova);
}

/* Source and target, in tables at @cpu */
static int make_stage1(const struct nested *n, const struct way *way,
		       uint8_t *cpu, struct iommu_hwpt_arm_smmuv3 *ste)
{
	const uint64_t from = input(n, way) + SOURCE;
	struct smmu_stage1 stage1;
	int ret;

	ret = smmu_stage1_init(&stage1, cpu, BENCH_IOVA + TABLES,
			       TABLES_LENGTH, 1);
	if (!ret)
		ret = smmu_stage1_map(&stage1, from, BENCH_IOVA + SOURCE,
				      2 * (TARGET - SOURCE),
				      SMMU_READ | SMMU_WRITE);
	smmu_stage1_ste(&stage1, ste);
	return ret;
}

static int make_nested(struct nested *n, uint32_t ioas_id,
		       const struct iommu_hwpt_arm_smmuv3 *ste)
{
	uint32_t dev_id = n->vf.dev_id, parent_id, viommu_id, id;
	int iommufd = n->b->iommufd, ret;

	ret = iommufd_hwpt_alloc(iommufd, dev_id, ioas_id,
				 IOMMU_HWPT_ALLOC_NEST_PARENT, &parent_id);
	ret = keep(n, parent_id, ret);
	if (ret)
		return ret;
	ret = iommufd_viommu_alloc(iommufd, dev_id, parent_id, &viommu_id);
	ret = keep(n, viommu_id, ret);
	if (ret)
		return ret;
	ret = iommufd_vdevice_alloc(iommufd, viommu_id, dev_id, VIRTUAL_SID,
				    &id);
	ret = keep(n, id, ret);
	if (ret)
		return ret;
	ret = iommufd_hwpt_alloc_nested(iommufd, dev_id, viommu_id, ste, &id);
	ret = keep(n, id, ret);
	return ret ?: vfio_attach(&n->vf, id);
}

/* @base: where the CPU would see offset 0 */
static int make(struct nested *n, const struct way *way, struct memory *memory,
		uint64_t shift, uint8_t *base)
{
	struct iommu_hwpt_arm_smmuv3 ste = {};
	uint32_t ioas_id;
	int ret;

	ret = make_ioas(n, memory,
			shift + (way->nested ? BENCH_IOVA : input(n, way)),
			&ioas_id);
	if (ret)
		return ret;
	if (!way->nested)
		return vfio_attach(&n->vf, ioas_id);
	ret = make_stage1(n, way, base + TABLES, &ste);
	return ret ?: make_nested(n, ioas_id, &ste);
}

static int copy_once(struct nested *n, const struct way *way,
		     struct memory *memory, uint64_t shift, uint64_t length,
		     struct bench_samples *samples)
{
	const uint64_t at = input(n, way), last = length - CHECK;
	uint64_t seed = bench_now(), start;
	uint8_t *base = memory->va - shift;
	int ret, err;

	pattern_fill(base + SOURCE, CHECK, seed);
	pattern_fill(base + SOURCE + last, CHECK, seed + 1);
	pattern_fill(base + TARGET, CHECK, seed + 2);
	pattern_fill(base + TARGET + last, CHECK, seed + 2);
	ret = make(n, way, memory, shift, base);
	if (!ret) {
		start = bench_now();
		ret = gpu_copy(&n->gpu, at + SOURCE, at + TARGET, length,
			       BENCH_DEADLINE);
		bench_add(samples, bench_now() - start);
	}
	err = destroy(n);
	ret = ret ?: err;
	if (!ret &&
	    (pattern_check(base + TARGET, CHECK, seed) != PATTERN_SAME ||
	     pattern_check(base + TARGET + last, CHECK, seed + 1) !=
	     PATTERN_SAME))
		ret = -EIO;
	return ret;
}

/* @ret: the memory is not there, why */
static void measure(struct nested *n, const struct way *way,
		    const struct subject *subject, struct memory *memory,
		    uint64_t length, int ret)
{
	struct bench_samples samples = {};

	bench_progress("%s: %s, %llu MiB", way->row, subject->name,
		       (unsigned long long)(length >> 20));
	while (!ret && bench_more(n->b, &samples))
		ret = copy_once(n, way, memory, subject->shift, length,
				&samples);
	if (ret)
		bench_report_error(way->row, subject->name, length, ret);
	else
		bench_report(way->row, subject->name, length, "ns", &samples);
	n->results++;
}

static void measure_subject(struct nested *n, const struct subject *subject)
{
	static const uint64_t lengths[] = { MIB(64), MIB(256) };
	struct memory memory;
	size_t i, j;
	int ret;

	ret = memory_open(&memory, subject->kind, n->b, LENGTH);
	if (!ret)
		ret = memory_map(&memory);
	/* Of any kind: never written, it would be read faster in an emulated machine */
	if (!ret)
		memory_touch(&memory, true);
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		for (j = 0; j < ARRAY_SIZE(lengths); j++)
			measure(n, &ways[i], subject, &memory, lengths[j], ret);
	memory_close(&memory);
}

/* Another VF, in the context that the object belongs to */
static int open_vf(struct nested *n)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	int ret;

	if (memtest_find_vfs(found) < 2)
		return -ENOENT;
	ret = vfio_open(&n->vf, &found[1]);
	if (!ret)
		ret = vfio_bind(&n->vf, n->b->iommufd);
	return ret ?: gpu_open(&n->gpu, &n->vf);
}

int bench_nested(struct bench *b)
{
	struct nested n = { .b = b, .vf.fd = -1 };
	size_t i;
	int ret;

	ret = open_vf(&n);
	if (ret)
		bench_report_error(ways[0].row, subjects[0].name, 0, ret);
	for (i = 0; i < ARRAY_SIZE(subjects) && !ret; i++)
		measure_subject(&n, &subjects[i]);
	gpu_close(&n.gpu);
	vfio_close(&n.vf);
	return 0;
}
