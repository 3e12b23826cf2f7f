/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GSP, the processor that runs the firmware: where its image and its memory lie, how
 * it starts and how it ends. What is said to it once it runs is in rpc.h.
 */
#ifndef NVGRACE_VGPU_GSP_H
#define NVGRACE_VGPU_GSP_H

#include <linux/types.h>
#include <linux/workqueue.h>

struct nvg_gpu;

/**
 * struct nvg_range - a part of the framebuffer
 * @start: first byte
 * @end: first byte behind it
 */
struct nvg_range {
	u64 start;
	u64 end;
};

/**
 * struct nvg_fb_layout - what the top of the framebuffer holds while the firmware runs
 * @fb_size: of the framebuffer, in bytes
 * @non_wpr_heap: the firmware's memory that others may write to
 * @wpr2: what only the firmware may write to: from its description to FRTS
 * @heap: of the firmware, in @wpr2
 * @elf: where the image of the firmware is copied to, in @wpr2
 * @boot: where the boot loader is copied to, in @wpr2
 * @frts: security data that outlives the firmware, in @wpr2
 * @vga: workspace of the video BIOS, at the end of the framebuffer
 * @pmu_reserved: bytes above FRTS that belong to the PMU
 * @frts_offset: distance in bytes from the end of the framebuffer to the end of @frts
 * @vf_partitions: parts of @heap for plugins of vGPUs: as many as VFs, or none
 */
struct nvg_fb_layout {
	u64 fb_size;
	struct nvg_range non_wpr_heap;
	struct nvg_range wpr2;
	struct nvg_range heap;
	struct nvg_range elf;
	struct nvg_range boot;
	struct nvg_range frts;
	struct nvg_range vga;
	u32 pmu_reserved;
	u64 frts_offset;
	u8 vf_partitions;
};

/**
 * enum nvg_gsp_log - the log buffers that the firmware writes
 * @NVG_GSP_LOG_INIT: of its start and of its exceptions
 * @NVG_GSP_LOG_INTR: of its interrupt handlers
 * @NVG_GSP_LOG_RM: of all else
 * @NVG_GSP_NR_LOGS: how many there are
 */
enum nvg_gsp_log {
	NVG_GSP_LOG_INIT,
	NVG_GSP_LOG_INTR,
	NVG_GSP_LOG_RM,
	NVG_GSP_NR_LOGS
};

#define NVG_GSP_LOG_SIZE	0x10000		/* bytes, with the header page */

/**
 * struct nvg_gsp_mem - coherent memory that GSP reads or writes
 * @va: for the CPU
 * @pa: for the GPU
 * @size: in bytes
 */
struct nvg_gsp_mem {
	void *va;
	dma_addr_t pa;
	size_t size;
};

/**
 * struct nvg_gsp - the firmware's processor
 * @log: log buffers; they stay from the first boot until nvg_gsp_fini(), so that
 *	they can be read when the firmware is lost
 * @libos: table of the buffers that the firmware's kernel is given
 * @rmargs: arguments of RM, with the place of the queues
 * @flush: page that the GPU writes to when it flushes its writes to memory
 * @watch: looks whether the firmware still runs
 * @started: FSP was asked to start the firmware since the last reset or unload, or did
 *	not answer: the GPU needs a reset
 */
struct nvg_gsp {
	struct nvg_gsp_mem log[NVG_GSP_NR_LOGS];
	struct nvg_gsp_mem libos;
	struct nvg_gsp_mem rmargs;
	struct nvg_gsp_mem flush;
	struct delayed_work watch;
	bool started;
};

int nvg_gsp_mem_alloc(struct nvg_gpu *gpu, struct nvg_gsp_mem *mem, size_t size);
void nvg_gsp_mem_free(struct nvg_gpu *gpu, struct nvg_gsp_mem *mem);

int nvg_gsp_init(struct nvg_gpu *gpu);
void nvg_gsp_fini(struct nvg_gpu *gpu);
bool nvg_gsp_left_running(struct nvg_gpu *gpu);
int nvg_gsp_boot(struct nvg_gpu *gpu);
void nvg_gsp_unload(struct nvg_gpu *gpu, bool suspend);
void nvg_gsp_end_dma(struct nvg_gpu *gpu);
void nvg_gsp_watch(struct nvg_gpu *gpu);
void nvg_gsp_unwatch(struct nvg_gpu *gpu);
bool nvg_gsp_halted(struct nvg_gpu *gpu);
ssize_t nvg_gsp_read_log(struct nvg_gpu *gpu, enum nvg_gsp_log log, void *buf, size_t size);

#endif
