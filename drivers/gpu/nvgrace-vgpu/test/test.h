/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the core driver share: the GPU that they run on, and memory that
 * both the GPU and the CPU reach.
 */
#ifndef NVGRACE_VGPU_TEST_H
#define NVGRACE_VGPU_TEST_H

#include <kunit/test.h>
#include <linux/nvgrace_vgpu.h>

/**
 * struct nvgt_gpu - the GPU that the tests run on
 * @vgpu: for the API
 * @info: what it has
 * @egm_base: physical address of EGM, 0: the CPU does not know
 * @leaving: its driver waits for all users to end
 */
struct nvgt_gpu {
	struct nvgrace_vgpu *vgpu;
	struct nvgrace_vgpu_info info;
	u64 egm_base;
	bool leaving;
};

/**
 * struct nvgt_test - what each test has
 * @gpu: the GPU, until the test ends
 * @egm_used: bytes at the end of EGM
 * @trouble: where the device model counts mistakes: of the tests that make some (rm.h);
 *	NULL: there is no device model
 */
struct nvgt_test {
	struct nvgt_gpu *gpu;
	u64 egm_used;
	void __iomem *trouble;
};

/* From nvgt_probe() to nvgt_remove() what happens to the GPU is counted */
void nvgt_events_begin(struct nvgrace_vgpu *vgpu);
void nvgt_events_end(struct nvgrace_vgpu *vgpu);

/* With the module, and between nvgt_probe() and nvgt_remove(): only the GPU sleeps */
int nvgt_awake_init(void);
void nvgt_awake_exit(void);
int nvgt_awake_begin(struct nvgt_gpu *gpu);
void nvgt_awake_end(void);

/* Each suite's: the test is skipped if there is no GPU */
int nvgt_test_init(struct kunit *test);
struct nvgt_gpu *nvgt_gpu(struct kunit *test);

/* Without a test; NULL if there is none */
struct nvgt_gpu *nvgt_gpu_get(void);
void nvgt_gpu_put(struct nvgt_gpu *gpu);

/**
 * struct nvgt_buffer - memory in one of the GPU's spaces
 * @gpu: whose
 * @space: framebuffer, system memory or EGM
 * @addr: of the GPU
 * @size: in bytes
 * @cpu: for the CPU; framebuffer is reached through @io
 * @io: likewise
 * @fb: for framebuffer
 * @dma: for system memory
 * @ferry: for much framebuffer: a context that copies it
 * @stage: to and from here
 * @stage_dma: the same, for the GPU
 */
struct nvgt_buffer {
	struct nvgt_gpu *gpu;
	enum nvgrace_vgpu_space space;
	u64 addr;
	u64 size;
	u8 *cpu;
	u8 __iomem *io;
	struct nvgrace_vgpu_fb *fb;
	dma_addr_t dma;
	struct nvgrace_vgpu_ce *ferry;
	void *stage;
	dma_addr_t stage_dma;
};

int nvgt_buffer_init(struct nvgt_buffer *buf, struct nvgt_gpu *gpu,
		     enum nvgrace_vgpu_space space, u64 size, u64 egm_offset);
void nvgt_buffer_exit(struct nvgt_buffer *buf);

/* Freed when the test ends; the test is skipped when there is no such memory */
struct nvgt_buffer *nvgt_buffer(struct kunit *test, enum nvgrace_vgpu_space space, u64 size);

/*
 * Byte @i of pattern @seed. Patterns have a prime length, so that memory which is off
 * by any page or word differs.
 */
void nvgt_write_pattern(struct nvgt_buffer *buf, u64 at, u64 size, u32 seed, u64 i);
/* First byte from @at on that differs from the pattern's byte @i and on; @size: none */
u64 nvgt_compare_pattern(struct nvgt_buffer *buf, u64 at, u64 size, u32 seed, u64 i);
void nvgt_write_byte(struct nvgt_buffer *buf, u64 at, u64 size, u8 byte);
u64 nvgt_compare_byte(struct nvgt_buffer *buf, u64 at, u64 size, u8 byte);

static inline struct nvgrace_vgpu_addr nvgt_addr(struct nvgt_buffer *buf, u64 at)
{
	return (struct nvgrace_vgpu_addr) { .space = buf->space, .addr = buf->addr + at };
}

const char *nvgt_space_name(enum nvgrace_vgpu_space space);

/* A context that is destroyed when the test ends, before the buffers made till now */
struct nvgrace_vgpu_ce *nvgt_ce(struct kunit *test, int engine, int chid);
void nvgt_ce_destroy(struct kunit *test, struct nvgrace_vgpu_ce *ce);

/**
 * struct nvgt_trip - what a round trip needs
 * @gpu: by which it goes
 * @ce: by which it goes there
 * @fb: where it goes
 * @mem: what goes, and in a second half what comes back
 * @dma: the same, for the GPU
 * @size: of a half, and of @fb, in bytes
 */
struct nvgt_trip {
	struct nvgt_gpu *gpu;
	struct nvgrace_vgpu_ce *ce;
	struct nvgrace_vgpu_fb *fb;
	u64 *mem;
	dma_addr_t dma;
	size_t size;
};

/* 0 or a negative errno; then nothing is left to be undone */
int nvgt_trip_init(struct nvgt_trip *trip, struct nvgt_gpu *gpu, int engine, size_t size);
void nvgt_trip_exit(struct nvgt_trip *trip);
/* -EILSEQ: what came back is not what went, which differs for each @seed */
int nvgt_trip_go(struct nvgt_trip *trip, u64 seed);

/* Files in debugfs */
void nvgt_event_files(struct dentry *dir);
void nvgt_bench_files(struct dentry *dir);
void nvgt_trip_files(struct dentry *dir);
void nvgt_heap_files(struct dentry *dir);
void nvgt_load_files(struct dentry *dir);
/* Nobody writes any more; whoever runs ends */
void nvgt_load_exit(void);

extern struct kunit_suite nvgt_copy_suite;
extern struct kunit_suite nvgt_context_suite;
extern struct kunit_suite nvgt_resource_suite;
extern struct kunit_suite nvgt_rm_suite;
extern struct kunit_suite nvgt_rm_object_suite;
extern struct kunit_suite nvgt_rm_control_suite;
extern struct kunit_suite nvgt_rm_channel_suite;

#endif
