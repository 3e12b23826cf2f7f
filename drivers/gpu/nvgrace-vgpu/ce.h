/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copy engines: copies and fills, each context through a channel of its own.
 */
#ifndef NVGRACE_VGPU_CE_H
#define NVGRACE_VGPU_CE_H

#include <linux/nvgrace_vgpu.h>

struct nvg_gpu;

/**
 * struct nvg_ces - the copy engines
 * @nr: with an interrupt that was requested
 */
struct nvg_ces {
	unsigned int nr;
};

int nvg_ces_init(struct nvg_gpu *gpu);
void nvg_ces_fini(struct nvg_gpu *gpu);
int nvg_ce_check(struct nvg_gpu *gpu);

#endif
