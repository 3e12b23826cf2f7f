// SPDX-License-Identifier: GPL-2.0
/*
 * The copy engine of one function of the GPU model: methods of class 0xC9B5
 * written to the model's window in BAR0, without channels. Registers and
 * their meaning: nvgrace-gpu-regs.h.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "gpu.h"

/* Before the device is told of memory that the CPU wrote, and after it answers */
static inline void dma_barrier(void)
{
#ifdef __aarch64__
	__asm__ __volatile__("dsb sy" : : : "memory");
#else
	__sync_synchronize();
#endif
}

static uint32_t reg_read(struct gpu *gpu, uint32_t reg)
{
	uint32_t value = *(volatile uint32_t *)(gpu->regs + reg);

	dma_barrier();
	return value;
}

static void reg_write(struct gpu *gpu, uint32_t reg, uint32_t value)
{
	dma_barrier();
	*(volatile uint32_t *)(gpu->regs + reg) = value;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

int gpu_open(struct gpu *gpu, struct vfio_dev *dev)
{
	struct vfio_region_info info;
	void *va;
	int ret;

	ret = vfio_region_info(dev, NVGRACE_GPU_BAR_FB, &info);
	if (ret)
		return ret;
	gpu->fb_size = info.size;
	ret = vfio_region_info(dev, NVGRACE_GPU_BAR_REGS, &info);
	if (ret)
		return ret;
	if (info.size < NV_VFN_SIZE)
		return -ENXIO;
	ret = vfio_set_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	if (ret)
		return ret;
	ret = vfio_mmap_bar(dev, NVGRACE_GPU_BAR_REGS, 0, info.size, &va);
	if (ret)
		return ret;

	gpu->dev = dev;
	gpu->regs = va;
	gpu->regs_size = info.size;
	gpu->event_fd = -1;
	gpu->launched = reg_read(gpu, NVGRACE_GPU_CE0_COMPLETED);
	return 0;
}

void gpu_close(struct gpu *gpu)
{
	if (!gpu->regs)
		return;
	gpu_disable_interrupt(gpu);
	munmap((void *)gpu->regs, gpu->regs_size);
	gpu->regs = NULL;
}

static void set_address(struct gpu *gpu, uint32_t upper, uint32_t lower,
			uint64_t address)
{
	reg_write(gpu, NVGRACE_GPU_CE0 + upper, address >> 32);
	reg_write(gpu, NVGRACE_GPU_CE0 + lower, (uint32_t)address);
}

/* Without channels the engine has no GPU page tables: all addresses are physical */
static void launch(struct gpu *gpu, const struct gpu_copy *copy, uint32_t flags)
{
	flags |= NV_CE_LAUNCH_TRANSFER_NON_PIPELINED | NV_CE_LAUNCH_FLUSH |
		 NV_CE_LAUNCH_SRC_PITCH | NV_CE_LAUNCH_DST_PITCH |
		 NV_CE_LAUNCH_SRC_PHYSICAL | NV_CE_LAUNCH_DST_PHYSICAL;

	set_address(gpu, NV_CE_OFFSET_OUT_UPPER, NV_CE_OFFSET_OUT_LOWER,
		    copy->dst);
	reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_SET_DST_PHYS_MODE,
		  copy->dst_fb ? NV_CE_PHYS_MODE_LOCAL_FB :
				 NV_CE_PHYS_MODE_COHERENT_SYSMEM);
	reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_LINE_COUNT, 1);
	if (copy->semaphore) {
		set_address(gpu, NV_CE_SET_SEMAPHORE_A, NV_CE_SET_SEMAPHORE_B,
			    copy->semaphore);
		reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_SET_SEMAPHORE_PAYLOAD,
			  copy->payload);
		flags |= NV_CE_LAUNCH_SEM_ONE_WORD;
	}
	if (copy->interrupt)
		flags |= NV_CE_LAUNCH_INTR_NON_BLOCKING;

	gpu->launched = reg_read(gpu, NVGRACE_GPU_CE0_COMPLETED) + 1;
	reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_LAUNCH_DMA, flags);
}

int gpu_launch_copy(struct gpu *gpu, const struct gpu_copy *copy)
{
	if (!copy->length || copy->length > GPU_MAX_LENGTH)
		return -EINVAL;

	set_address(gpu, NV_CE_OFFSET_IN_UPPER, NV_CE_OFFSET_IN_LOWER,
		    copy->src);
	reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_SET_SRC_PHYS_MODE,
		  copy->src_fb ? NV_CE_PHYS_MODE_LOCAL_FB :
				 NV_CE_PHYS_MODE_COHERENT_SYSMEM);
	reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_LINE_LENGTH_IN, copy->length);
	launch(gpu, copy, 0);
	return 0;
}

int gpu_launch_fill(struct gpu *gpu, const struct gpu_copy *copy,
		    uint32_t value)
{
	if (!copy->length || copy->length % 4 || copy->length > GPU_MAX_LENGTH)
		return -EINVAL;

	reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_SET_REMAP_CONST_A, value);
	reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_SET_REMAP_COMPONENTS,
		  NV_CE_REMAP_CONST_A_4BYTES);
	reg_write(gpu, NVGRACE_GPU_CE0 + NV_CE_LINE_LENGTH_IN,
		  copy->length / 4);
	launch(gpu, copy, NV_CE_LAUNCH_REMAP);
	return 0;
}

/* 0 once the last launch has ended well, -EAGAIN while it runs */
static int launch_state(struct gpu *gpu)
{
	uint32_t status = reg_read(gpu, NVGRACE_GPU_CE0_STATUS);

	if (status & NVGRACE_GPU_CE0_DROPPED)
		return -EPROTO;
	if (status & NVGRACE_GPU_CE0_BUSY)
		return -EAGAIN;
	if (reg_read(gpu, NVGRACE_GPU_CE0_COMPLETED) != gpu->launched)
		return -EAGAIN;
	/* Read again: this launch may have ended after the first look */
	status = reg_read(gpu, NVGRACE_GPU_CE0_STATUS);
	return status & NVGRACE_GPU_CE0_FAULTED ? -EFAULT : 0;
}

int gpu_wait(struct gpu *gpu, int seconds)
{
	uint64_t deadline = now_ms() + seconds * 1000ULL;
	int ret;

	while ((ret = launch_state(gpu)) == -EAGAIN) {
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		sched_yield();
	}
	return ret;
}

int gpu_wait_semaphore(struct gpu *gpu, const volatile uint32_t *semaphore,
		       uint32_t payload, int seconds)
{
	uint64_t deadline = now_ms() + seconds * 1000ULL;
	int ret;

	while (*semaphore != payload) {
		ret = launch_state(gpu);
		if (ret && ret != -EAGAIN)
			return ret;
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		sched_yield();
	}
	dma_barrier();
	/* The release comes before the engine is free for the next launch */
	return gpu_wait(gpu, seconds);
}

int gpu_wait_interrupt(struct gpu *gpu, int seconds)
{
	struct pollfd pfd = { .fd = gpu->event_fd, .events = POLLIN };
	eventfd_t count;
	int ret;

	ret = poll(&pfd, 1, seconds * 1000);
	if (ret < 0)
		return -errno;
	if (!ret) {
		/* A launch that faulted or was refused has a better name */
		ret = launch_state(gpu);
		return ret && ret != -EAGAIN ? ret : -ETIMEDOUT;
	}
	if (eventfd_read(gpu->event_fd, &count))
		return -errno;
	reg_write(gpu, NV_VFN_INTR_LEAF(NVGRACE_GPU_VECTOR_CE0 / 32),
		  1u << (NVGRACE_GPU_VECTOR_CE0 % 32));
	return gpu_wait(gpu, seconds);
}

int gpu_copy(struct gpu *gpu, uint64_t src, uint64_t dst, uint64_t length,
	     int seconds)
{
	struct gpu_copy copy = { .src = src, .dst = dst, .length = length };
	int ret = gpu_launch_copy(gpu, &copy);

	return ret ?: gpu_wait(gpu, seconds);
}

int gpu_fill(struct gpu *gpu, uint64_t dst, uint64_t length, uint32_t value,
	     int seconds)
{
	struct gpu_copy copy = { .dst = dst, .length = length };
	int ret = gpu_launch_fill(gpu, &copy, value);

	return ret ?: gpu_wait(gpu, seconds);
}

int gpu_enable_interrupt(struct gpu *gpu)
{
	const uint32_t leaf = NVGRACE_GPU_VECTOR_CE0 / 32;
	const uint32_t bit = 1u << (NVGRACE_GPU_VECTOR_CE0 % 32);
	int ret;

	gpu->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (gpu->event_fd < 0)
		return -errno;
	ret = vfio_set_msix(gpu->dev, 0, 1, &gpu->event_fd);
	if (ret) {
		close(gpu->event_fd);
		gpu->event_fd = -1;
		return ret;
	}
	reg_write(gpu, NV_VFN_INTR_LEAF(leaf), bit);
	reg_write(gpu, NV_VFN_INTR_LEAF_EN_SET(leaf), bit);
	reg_write(gpu, NV_VFN_INTR_TOP_EN_SET, 1u << (leaf / 2));
	return 0;
}

void gpu_disable_interrupt(struct gpu *gpu)
{
	const uint32_t leaf = NVGRACE_GPU_VECTOR_CE0 / 32;

	if (gpu->event_fd < 0)
		return;
	reg_write(gpu, NV_VFN_INTR_TOP_EN_CLEAR, 1u << (leaf / 2));
	reg_write(gpu, NV_VFN_INTR_LEAF_EN_CLEAR(leaf),
		  1u << (NVGRACE_GPU_VECTOR_CE0 % 32));
	vfio_disable_irqs(gpu->dev, VFIO_PCI_MSIX_IRQ_INDEX);
	close(gpu->event_fd);
	gpu->event_fd = -1;
}

int gpu_fault_read(struct gpu *gpu, struct gpu_fault *fault)
{
	uint32_t info = reg_read(gpu, NV_VFN_FAULT_INFO);

	if (!(info & NV_VFN_FAULT_INFO_VALID))
		return -ENOENT;
	fault->address = reg_read(gpu, NV_VFN_FAULT_ADDR_LO) |
			 (uint64_t)reg_read(gpu, NV_VFN_FAULT_ADDR_HI) << 32;
	fault->type = info & NV_VFN_FAULT_INFO_TYPE;
	fault->access = (info & NV_VFN_FAULT_INFO_ACCESS) >> 16;
	return 0;
}

void gpu_fault_clear(struct gpu *gpu)
{
	reg_write(gpu, NV_VFN_FAULT_INFO, NV_VFN_FAULT_INFO_VALID);
	reg_write(gpu, NV_VFN_FAULT_STATUS, 1);
}
