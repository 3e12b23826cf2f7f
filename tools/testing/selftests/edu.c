// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU's edu device: docs/specs/edu.rst in its source.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/pci_regs.h>

#include "edu.h"

#define EDU_VENDOR_ID		0x1234
#define EDU_DEVICE_ID		0x11e8
#define EDU_BAR			0
#define EDU_BAR_SIZE		0x100000

#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define   EDU_DMA_START		0x1
#define   EDU_DMA_TO_MEMORY	0x2
#define EDU_BUFFER		0x40000
/* Half of the buffer: QEMU 7.2 ends at a transfer that fills it to its last byte */
#define EDU_PIECE		2048

int edu_find(struct vfio_function *function)
{
	return vfio_find(EDU_VENDOR_ID, EDU_DEVICE_ID, function, 1) == 1 ?
		       0 : -ENOENT;
}

int edu_open(struct edu *edu, int iommufd)
{
	struct vfio_function function;
	void *va;
	int ret;

	memset(edu, 0, sizeof(*edu));
	edu->dev.fd = -1;
	ret = edu_find(&function);
	if (!ret)
		ret = vfio_open(&edu->dev, &function);
	if (!ret)
		ret = vfio_bind(&edu->dev, iommufd);
	if (!ret)
		ret = vfio_set_command(&edu->dev, PCI_COMMAND_MEMORY |
				       PCI_COMMAND_MASTER, 0);
	if (!ret)
		ret = vfio_mmap_bar(&edu->dev, EDU_BAR, 0, EDU_BAR_SIZE, &va);
	if (!ret)
		edu->regs = va;
	return ret;
}

void edu_close(struct edu *edu)
{
	if (edu->regs)
		munmap((void *)edu->regs, EDU_BAR_SIZE);
	edu->regs = NULL;
	vfio_close(&edu->dev);
}

static void write64(struct edu *edu, uint32_t reg, uint64_t value)
{
	__sync_synchronize();
	*(volatile uint64_t *)(edu->regs + reg) = value;
}

static int transfer(struct edu *edu, uint64_t src, uint64_t dst,
		    uint32_t length, uint64_t direction, int seconds)
{
	time_t end = time(NULL) + seconds;

	write64(edu, EDU_DMA_SRC, src);
	write64(edu, EDU_DMA_DST, dst);
	write64(edu, EDU_DMA_COUNT, length);
	write64(edu, EDU_DMA_COMMAND, EDU_DMA_START | direction);
	while (*(volatile uint64_t *)(edu->regs + EDU_DMA_COMMAND) &
	       EDU_DMA_START) {
		if (time(NULL) > end)
			return -ETIMEDOUT;
		poll(NULL, 0, 10);
	}
	__sync_synchronize();
	return 0;
}

int edu_copy(struct edu *edu, uint64_t src, uint64_t dst, uint32_t length,
	     int seconds)
{
	uint32_t done, piece;
	int ret = 0;

	for (done = 0; !ret && done < length; done += piece) {
		piece = length - done < EDU_PIECE ? length - done : EDU_PIECE;
		ret = transfer(edu, src + done, EDU_BUFFER, piece, 0, seconds);
		if (!ret)
			ret = transfer(edu, EDU_BUFFER, dst + done, piece,
				       EDU_DMA_TO_MEMORY, seconds);
	}
	return ret;
}
