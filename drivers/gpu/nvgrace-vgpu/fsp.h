/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FSP, the processor of the GPU that roots its chain of trust: a mailbox that takes
 * one request at a time. It starts the firmware, and it knows whether the
 * GPU was configured for vGPUs.
 */
#ifndef NVGRACE_VGPU_FSP_H
#define NVGRACE_VGPU_FSP_H

#include <linux/types.h>

struct nvg_gpu;

#define NVG_FSP_HASH_SIZE	48	/* SHA-384 */
#define NVG_FSP_KEY_SIZE	384	/* RSA-3072 */
#define NVG_FSP_SIGNATURE_SIZE	384

/**
 * struct nvg_cot - what FSP needs to start the firmware (chain of trust)
 * @fmc: DMA address of the image of FMC, the first code that runs on GSP
 * @frts_offset: distance in bytes from the end of the framebuffer to the end of FRTS
 * @frts_size: of FRTS, in bytes
 * @boot_params: DMA address of the parameters of FMC
 * @hash: SHA-384 of the image of FMC
 * @key: public key that its signature is checked with
 * @signature: of the image of FMC
 */
struct nvg_cot {
	dma_addr_t fmc;
	u64 frts_offset;
	u32 frts_size;
	dma_addr_t boot_params;
	u8 hash[NVG_FSP_HASH_SIZE];
	u8 key[NVG_FSP_KEY_SIZE];
	u8 signature[NVG_FSP_SIGNATURE_SIZE];
};

int nvg_fsp_vgpu_knob(struct nvg_gpu *gpu, bool *on);
int nvg_fsp_send_cot(struct nvg_gpu *gpu, const struct nvg_cot *cot);

#endif
