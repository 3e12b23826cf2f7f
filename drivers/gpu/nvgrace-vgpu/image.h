/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files of the firmware, and their copy in memory that GSP boots from.
 */
#ifndef NVGRACE_VGPU_IMAGE_H
#define NVGRACE_VGPU_IMAGE_H

#include <linux/bits.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#include "fsp.h"
#include "gsp.h"

struct nvg_gpu;

#define NVG_FW_VERSION		"570.144"
#define NVG_FW_DIR		"nvgrace-vgpu/" NVG_FW_VERSION "/"

/* The firmware counts in pages of 4 KiB, whatever the kernel's are */
#define NVG_GSP_PAGE_SHIFT	12
#define NVG_GSP_PAGE_SIZE	BIT(NVG_GSP_PAGE_SHIFT)

#define NVG_RADIX3_LEVELS	3

/**
 * struct nvg_radix3 - an image in pages that need not lie side by side
 * @data: the image, as the CPU sees it
 * @size: of the image, in bytes
 * @sgt: its pages, mapped for DMA
 * @level: tables of DMA addresses of 4 KiB pages, 8 bytes each: an entry of the first
 *	is a page of the second, an entry of the last is a page of the image
 */
struct nvg_radix3 {
	void *data;
	size_t size;
	struct sg_table sgt;
	struct nvg_gsp_mem level[NVG_RADIX3_LEVELS];
};

/**
 * struct nvg_image - what GSP boots from; it has its own copy once it runs
 * @gsp: the firmware
 * @signature: of @gsp
 * @bootloader: its first code
 * @fmc: the code that checks all of this, and that FSP checks
 * @hash: of @fmc
 * @key: that @fmc_signature is checked with
 * @fmc_signature: of @fmc
 */
struct nvg_image {
	struct nvg_radix3 gsp;
	struct nvg_gsp_mem signature;
	struct nvg_gsp_mem bootloader;
	struct nvg_gsp_mem fmc;
	u8 hash[NVG_FSP_HASH_SIZE];
	u8 key[NVG_FSP_KEY_SIZE];
	u8 fmc_signature[NVG_FSP_SIGNATURE_SIZE];
};

int nvg_image_load(struct nvg_gpu *gpu, struct nvg_image *image);
void nvg_image_unload(struct nvg_gpu *gpu, struct nvg_image *image);

#endif
