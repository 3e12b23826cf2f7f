/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device tree that the guest boots with.
 */
#ifndef VMM_FDT_H
#define VMM_FDT_H

#include <stdbool.h>
#include <stdint.h>

struct image;
struct memory;

struct fdt_options {
	const char *command_line;
	unsigned int cpus;
	unsigned int slots;	/* root ports */
	uint64_t seed[4];	/* for the guest's random numbers */
	bool smmu;
	bool direct_msi;	/* the MSI window is mapped to itself by the guest's SMMU driver */
	/* EGM properties for the GPU in a slot, @egm_size 0 for none */
	struct {
		uint64_t base, size;
		uint32_t node;
	} egm[8];
};

/* Build it, and write it to where @image has room. Returns 0 or a negative errno */
int fdt_load(const struct fdt_options *options, const struct image *image,
	     const struct memory *memory);

#endif
