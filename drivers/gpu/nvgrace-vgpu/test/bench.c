// SPDX-License-Identifier: GPL-2.0
/*
 * How fast a copy engine copies, beside the CPU's memcpy(), for make bench: a read of
 * debugfs' nvgrace-vgpu-test/bench measures and says a line for each result:
 *
 *	WHAT BYTES NANOSECONDS
 *
 * the median of several copies of so many bytes, each waited for. Both are measured in
 * turn, so that what else the host does meets both.
 */
#include <linux/debugfs.h>
#include <linux/ktime.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/sort.h>

#include "test.h"

#define NVGT_ROUNDS	11U

/* @a and @b are of one size; contexts and memory live as long as one read of the file */
struct nvgt_bench {
	struct nvgrace_vgpu_ce *ce;
	struct nvgt_buffer mem_a, mem_b, fb_a, fb_b;
};

struct nvgt_way {
	const char *name;
	size_t src, dst;	/* offset of the buffer */
};

static const struct nvgt_way nvgt_ways[] = {
	{ "ce-sysmem-to-sysmem", offsetof(struct nvgt_bench, mem_a),
	  offsetof(struct nvgt_bench, mem_b) },
	{ "ce-sysmem-to-fb", offsetof(struct nvgt_bench, mem_a),
	  offsetof(struct nvgt_bench, fb_a) },
	{ "ce-fb-to-sysmem", offsetof(struct nvgt_bench, fb_a),
	  offsetof(struct nvgt_bench, mem_a) },
	{ "ce-fb-to-fb", offsetof(struct nvgt_bench, fb_a), offsetof(struct nvgt_bench, fb_b) },
};

#define NVGT_WAYS_AND_FILL	(ARRAY_SIZE(nvgt_ways) + 2)

static int nvgt_compare_ns(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static struct nvgt_buffer *nvgt_of(struct nvgt_bench *bench, size_t offset)
{
	return (void *)bench + offset;
}

/* One copy or fill, by whom @way says */
static int nvgt_once(struct nvgt_bench *bench, unsigned int way, u64 size, u64 *ns)
{
	u64 start = ktime_get_ns();
	int ret = 0;

	if (way < ARRAY_SIZE(nvgt_ways))
		ret = nvgrace_vgpu_ce_copy(bench->ce,
					   nvgt_addr(nvgt_of(bench, nvgt_ways[way].dst), 0),
					   nvgt_addr(nvgt_of(bench, nvgt_ways[way].src), 0), size);
	else if (way == ARRAY_SIZE(nvgt_ways))
		ret = nvgrace_vgpu_ce_fill(bench->ce, nvgt_addr(&bench->fb_a, 0), 0, size);
	else
		memcpy(bench->mem_b.cpu, bench->mem_a.cpu, size);
	*ns = ktime_get_ns() - start;
	return ret;
}

static const char *nvgt_way_name(unsigned int way)
{
	if (way < ARRAY_SIZE(nvgt_ways))
		return nvgt_ways[way].name;
	return way == ARRAY_SIZE(nvgt_ways) ? "ce-fill-fb" : "memcpy-sysmem-to-sysmem";
}

static int nvgt_bench_size(struct seq_file *file, struct nvgt_bench *bench, u64 size)
{
	u64 ns[NVGT_WAYS_AND_FILL][NVGT_ROUNDS];
	unsigned int way, round;
	int ret;

	for (round = 0; round < NVGT_ROUNDS; round++) {
		for (way = 0; way < NVGT_WAYS_AND_FILL; way++) {
			ret = nvgt_once(bench, way, size, &ns[way][round]);
			if (ret)
				return ret;
			if (fatal_signal_pending(current))
				return -EINTR;
			if (READ_ONCE(bench->mem_a.gpu->leaving))
				return -ENODEV;
		}
	}
	for (way = 0; way < NVGT_WAYS_AND_FILL; way++) {
		sort(ns[way], NVGT_ROUNDS, sizeof(ns[way][0]), nvgt_compare_ns, NULL);
		seq_printf(file, "%s %llu %llu\n", nvgt_way_name(way), size,
			   ns[way][NVGT_ROUNDS / 2]);
	}
	return 0;
}

static int nvgt_bench_sizes(struct seq_file *file, struct nvgt_bench *bench)
{
	static const u64 sizes[] = { SZ_4K, SZ_64K, SZ_1M, SZ_16M, SZ_128M };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !ret; i++)
		ret = nvgt_bench_size(file, bench, sizes[i]);
	return ret;
}

static int nvgt_bench_memory(struct nvgt_bench *bench, struct nvgt_gpu *gpu)
{
	int ret;

	ret = nvgt_buffer_init(&bench->mem_a, gpu, NVGRACE_VGPU_SYSMEM, SZ_128M, 0);
	if (!ret)
		ret = nvgt_buffer_init(&bench->mem_b, gpu, NVGRACE_VGPU_SYSMEM, SZ_128M, 0);
	if (!ret)
		ret = nvgt_buffer_init(&bench->fb_a, gpu, NVGRACE_VGPU_FB, SZ_128M, 0);
	if (!ret)
		ret = nvgt_buffer_init(&bench->fb_b, gpu, NVGRACE_VGPU_FB, SZ_128M, 0);
	return ret;
}

static int nvgt_bench_run(struct seq_file *file, struct nvgt_gpu *gpu)
{
	struct nvgt_bench bench = {};
	int ret;

	bench.ce = nvgrace_vgpu_ce_create(gpu->vgpu, NULL);
	if (IS_ERR(bench.ce))
		return PTR_ERR(bench.ce);
	ret = nvgt_bench_memory(&bench, gpu);
	if (!ret)
		ret = nvgt_bench_sizes(file, &bench);
	nvgrace_vgpu_ce_destroy(bench.ce);
	nvgt_buffer_exit(&bench.fb_b);
	nvgt_buffer_exit(&bench.fb_a);
	nvgt_buffer_exit(&bench.mem_b);
	nvgt_buffer_exit(&bench.mem_a);
	return ret;
}

static int bench_show(struct seq_file *file, void *unused)
{
	struct nvgt_gpu *gpu = nvgt_gpu_get();
	int ret;

	if (!gpu)
		return -ENODEV;
	ret = nvgt_bench_run(file, gpu);
	nvgt_gpu_put(gpu);
	return ret;
}
DEFINE_SHOW_ATTRIBUTE(bench);

void nvgt_bench_files(struct dentry *dir)
{
	debugfs_create_file("bench", 0400, dir, NULL, &bench_fops);
}
