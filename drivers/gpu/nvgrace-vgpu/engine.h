/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GPU's copy engines, as the firmware's tables tell them.
 */
#ifndef NVGRACE_VGPU_ENGINE_H
#define NVGRACE_VGPU_ENGINE_H

#include <linux/types.h>

#include "fw.h"

struct nvg_gpu;

/**
 * struct nvg_engine - a copy engine
 * @name: "ce0" for COPY0 and so on
 * @instance: the number in @name
 * @info: what the device info table says of it; info.runlist is its own
 * @nonstall: vector of its channels' progress, or NVG_NO_VECTOR
 */
struct nvg_engine {
	char name[8];
	unsigned int instance;
	struct nvg_engine_info info;
	u32 nonstall;
};

/**
 * struct nvg_engines - all copy engines that channels can use
 * @nr: how many
 * @e: sorted by instance
 * @fault_vector: of the non-replayable fault buffer, or NVG_NO_VECTOR
 *
 * Set at boot, before anyone asks, and constant while the firmware runs.
 */
struct nvg_engines {
	unsigned int nr;
	struct nvg_engine e[NVG_MAX_CES];
	u32 fault_vector;
};

int nvg_engines_init(struct nvg_gpu *gpu);
const struct nvg_engine *nvg_engine_by_fault_id(struct nvg_gpu *gpu, u32 id, bool *host);

#endif
