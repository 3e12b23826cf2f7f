/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which emulated device an address of the guest belongs to.
 */
#ifndef VMM_MMIO_H
#define VMM_MMIO_H

#include <stdbool.h>
#include <stdint.h>

#define MMIO_RANGES_MAX	16

/* @offset is from the range's start; @size is 1, 2, 4 or 8 bytes */
struct mmio_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int size);
	void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned int size);
};

struct mmio_range {
	uint64_t start;
	uint64_t size;		/* bytes */
	const struct mmio_ops *ops;
	void *opaque;
};

struct mmio {
	struct mmio_range ranges[MMIO_RANGES_MAX];
	unsigned int count;
};

/* The ranges do not overlap: layout.h sees to it */
void mmio_add(struct mmio *mmio, uint64_t start, uint64_t size, const struct mmio_ops *ops,
	      void *opaque);
/*
 * An access of a vCPU, with the device lock held. False if nothing is there, or if it
 * crosses the end of what is there.
 */
bool mmio_access(const struct mmio *mmio, uint64_t gpa, void *data, unsigned int size,
		 bool write);

#endif
