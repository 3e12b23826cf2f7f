/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's edu device, as a device that does DMA in a second context: it is linked
 * to no region, so it can be bound there while the first context holds memory.
 *
 * Functions return 0 or a negative errno.
 */
#ifndef EDU_H
#define EDU_H

#include <stdint.h>

#include <iommufd-mem/vfio.h>

/* It copies by way of a buffer of 4 KiB, and has 28 address bits */
#define EDU_MAX_LENGTH	4096
#define EDU_LAST_IOVA	0xfffffffULL

struct edu {
	struct vfio_dev dev;
	volatile uint8_t *regs;
};

/* -ENOENT if there is none with a vfio cdev */
int edu_find(struct vfio_function *function);
/* Bind it. -ENOENT if there is none with a vfio cdev; edu_close() in any case */
int edu_open(struct edu *edu, int iommufd);
void edu_close(struct edu *edu);
/*
 * Copy @length bytes from one DMA address to another. The device does not say if
 * they translate: -ETIMEDOUT is the only thing that can go wrong.
 */
int edu_copy(struct edu *edu, uint64_t src, uint64_t dst, uint32_t length,
	     int seconds);

#endif
