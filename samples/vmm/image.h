/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's kernel and initrd: read, checked, and put where they belong.
 */
#ifndef VMM_IMAGE_H
#define VMM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct memory;

struct file {
	void *data;
	size_t size;		/* bytes */
};

/* Where things went in guest-physical memory */
struct image {
	uint64_t entry;
	uint64_t initrd;
	uint64_t initrd_end;	/* exclusive; equal to initrd if there is none */
	uint64_t dtb;
	uint64_t dtb_max;	/* bytes that there are for it */
};

/* All return 0 or a negative errno, and have said why */
int file_open(struct file *file, const char *path);
void file_close(struct file *file);
/* @initrd: its data can be NULL */
int image_load(struct image *image, const struct memory *memory, const struct file *kernel,
	       const struct file *initrd);

#endif
