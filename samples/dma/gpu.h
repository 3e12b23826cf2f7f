/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The copy engine of one function of the GPU model, driven through its BAR0.
 *
 * Functions return 0 or a negative errno. The waits return
 *   -EFAULT     the launch ended with a fault, see gpu_fault_read()
 *   -EPROTO     the engine refused the launch
 *   -ETIMEDOUT  it did not end before the deadline
 */
#ifndef DMA_GPU_H
#define DMA_GPU_H

#include <stdbool.h>
#include <stdint.h>

#include <iommufd-mem/vfio.h>

#include "nvgrace-gpu-regs.h"

struct gpu {
	struct vfio_dev *dev;
	volatile uint8_t *regs;	/* mmap of BAR0 */
	uint64_t regs_size;	/* bytes */
	uint64_t fb_size;	/* bytes of BAR2 */
	uint32_t launched;	/* COMPLETED when the last launch has ended */
	int event_fd;		/* MSI-X entry 0, -1 if not enabled */
};

/*
 * A transfer, then an optional release of a semaphore and interrupt. Addresses
 * are DMA addresses, what the SMMU translates, or offsets in the function's own
 * framebuffer where @src_fb, @dst_fb say so.
 */
struct gpu_copy {
	uint64_t src;
	uint64_t dst;
	uint64_t length;	/* bytes, up to GPU_MAX_LENGTH */
	bool src_fb;
	bool dst_fb;
	uint64_t semaphore;	/* DMA address of 4 bytes, 0 for none */
	uint32_t payload;	/* what is written there */
	bool interrupt;
};

#define GPU_MAX_LENGTH	0x80000000ULL

struct gpu_fault {
	uint64_t address;	/* of the access that failed */
	uint32_t type;		/* NV_FAULT_TYPE_* */
	uint32_t access;	/* NV_FAULT_ACCESS_* */
};

/*
 * Map BAR0 and let the function be a bus master. The device must be bound; it
 * may be attached later. @dev must outlive @gpu.
 */
int gpu_open(struct gpu *gpu, struct vfio_dev *dev);
void gpu_close(struct gpu *gpu);

/* Start; a wait must follow before the next start */
int gpu_launch_copy(struct gpu *gpu, const struct gpu_copy *copy);
/* Fill @copy->length bytes, a multiple of 4, at @copy->dst with @value */
int gpu_launch_fill(struct gpu *gpu, const struct gpu_copy *copy,
		    uint32_t value);

/* Until the engine counts the launch as ended */
int gpu_wait(struct gpu *gpu, int seconds);
/* Until @semaphore, as the CPU sees it, holds @payload */
int gpu_wait_semaphore(struct gpu *gpu, const volatile uint32_t *semaphore,
		       uint32_t payload, int seconds);
/* Until MSI-X entry 0 fires; needs gpu_enable_interrupt() and .interrupt */
int gpu_wait_interrupt(struct gpu *gpu, int seconds);
/* Launch and gpu_wait() */
int gpu_copy(struct gpu *gpu, uint64_t src, uint64_t dst, uint64_t length,
	     int seconds);
int gpu_fill(struct gpu *gpu, uint64_t dst, uint64_t length, uint32_t value,
	     int seconds);

/*
 * MSI-X to an eventfd. The device must be attached: the kernel maps the doorbell
 * into the page table that the device uses.
 */
int gpu_enable_interrupt(struct gpu *gpu);
void gpu_disable_interrupt(struct gpu *gpu);

/* -ENOENT if no fault was reported since the last clear */
int gpu_fault_read(struct gpu *gpu, struct gpu_fault *fault);
void gpu_fault_clear(struct gpu *gpu);

#endif
