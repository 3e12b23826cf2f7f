// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's main job: the copy engines of two VFs work in the guest's memory and in
 * each other's framebuffer, through the page tables of the guest's own IOMMU driver.
 * Every byte is compared, faults are provoked and looked for in the kernel's log.
 *
 * Without an IOMMU in the guest the steps that need one are left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include <iommufd-mem/iommufd.h>

#include "guest.h"
#include "pattern.h"
#include "vfs.h"

#define BAR_LENGTH	MIB(4)	/* of VF 1's framebuffer, for peer to peer */
#define KMSG_WAIT	10000	/* milliseconds */

/* The buffer: source, a target for each VF, a page for semaphores */
struct dma_job {
	struct vfs vfs;
	uint8_t *va;
	uint64_t size;		/* bytes of each of the three parts */
	uint64_t mapped;	/* bytes of the whole buffer */
	uint64_t bar_offset;
	uint8_t *bar;		/* vfio's mapping of what VF 0 copies to */
	int kmsg;
	uint64_t seed;		/* of the next pattern */
};

static uint64_t target(const struct dma_job *job, int i)
{
	return (1 + i) * job->size;
}

static int copy_failed(struct dma_job *job, int i, int error)
{
	const char *bdf = job->vfs.vf[i].dev.function.bdf;
	struct gpu_fault fault;

	if (error == -EFAULT && !gpu_fault_read(&job->vfs.vf[i].gpu, &fault))
		return step_failed(0, "%s: fault at %#" PRIx64 ", type %#x, access %#x", bdf,
				   fault.address, fault.type, fault.access);
	return step_failed(error, "copy engine of %s", bdf);
}

static int step_map(struct dma_job *job)
{
	int ret;

	job->mapped = 3 * job->size + KIB(64);
	ret = vfs_map(&job->vfs, BUFFER_IOVA, job->mapped, &job->va);
	if (ret)
		return step_failed(ret, "IOMMU_IOAS_MAP of %" PRIu64 " MiB", job->mapped >> 20);
	step_ok("%" PRIu64 " MiB of anonymous memory mapped at %#llx", job->mapped >> 20,
		BUFFER_IOVA);
	return 0;
}

static int step_copy(struct dma_job *job, int i, enum copy_end end)
{
	struct vf *vf = &job->vfs.vf[i];
	struct semaphore semaphore = {
		.iova = BUFFER_IOVA + 3 * job->size,
		.cpu = (volatile uint32_t *)(job->va + 3 * job->size),
	};
	uint64_t at, start;
	int ret;

	pattern_fill(job->va, job->size, ++job->seed);
	if (end == END_INTERRUPT) {
		ret = gpu_enable_interrupt(&vf->gpu);
		if (ret)
			return step_failed(ret, "%s: MSI-X", vf->dev.function.bdf);
	}
	start = now_ms();
	ret = vfs_copy(&job->vfs, i, BUFFER_IOVA, BUFFER_IOVA + target(job, i), job->size, end,
		       &semaphore);
	start = now_ms() - start;
	gpu_disable_interrupt(&vf->gpu);
	if (ret)
		return copy_failed(job, i, ret);
	at = pattern_check(job->va + target(job, i), job->size, job->seed);
	if (at != PATTERN_SAME)
		return step_failed(0, "VF %d's copy differs at byte %#" PRIx64, i, at);
	step_ok("VF %d copies %" PRIu64 " MiB, ends with %s (%" PRIu64 " ms)", i, job->size >> 20,
		end == END_INTERRUPT ? "MSI-X" : "a semaphore", start);
	return 0;
}

/* Neither engine may have written where the other works */
static int step_apart(struct dma_job *job, uint64_t seed)
{
	uint64_t at = pattern_check(job->va + target(job, 0), job->size, seed);

	if (at != PATTERN_SAME)
		return step_failed(0, "VF 0's copy changed at byte %#" PRIx64, at);
	step_ok("VF 0's copy is as it was");
	return 0;
}

static int step_bar(struct dma_job *job)
{
	struct vf *vf = &job->vfs.vf[1];
	uint64_t iova = BAR_IOVA, mmap_offset;
	uint32_t mem_id;
	void *va;
	int ret;

	if (vf->gpu.fb_size < 2 * BAR_LENGTH)
		return step_failed(0, "VF 1's BAR2 has only %#" PRIx64 " bytes", vf->gpu.fb_size);
	job->bar_offset = vf->gpu.fb_size / 2;
	ret = iommufd_mem_alloc_bar(job->vfs.iommufd, vf->dev.dev_id, NVGRACE_GPU_BAR_FB,
				    job->bar_offset, BAR_LENGTH, &mem_id, &mmap_offset);
	if (ret)
		return step_failed(ret, "IOMMU_MEM_ALLOC of VF 1's BAR2");
	ret = iommufd_ioas_map_mem(job->vfs.iommufd, job->vfs.ioas_id, mem_id, 0, BAR_LENGTH,
				   IOMMUFD_FIXED_READ_WRITE, &iova);
	if (ret)
		return step_failed(ret, "IOMMU_IOAS_MAP of VF 1's BAR2");
	ret = vfio_mmap_bar(&vf->dev, NVGRACE_GPU_BAR_FB, job->bar_offset, BAR_LENGTH, &va);
	if (ret)
		return step_failed(ret, "mmap of VF 1's BAR2");
	job->bar = va;
	step_ok("%" PRIu64 " MiB of VF 1's BAR2 mapped at %#llx", BAR_LENGTH >> 20, BAR_IOVA);
	return 0;
}

/* What VF 1's own engine reads from its framebuffer, at VF 1's target */
static int read_back(struct dma_job *job)
{
	uint64_t done, run;
	int ret = 0;

	for (done = 0; done < BAR_LENGTH && !ret; done += run) {
		struct gpu *gpu = &job->vfs.vf[1].gpu;
		struct gpu_copy copy = { .src = job->bar_offset + done, .src_fb = true };

		run = BAR_LENGTH - done;
		ret = vfs_dma(&job->vfs, BUFFER_IOVA + target(job, 1) + done, &run, &copy.dst);
		copy.length = run;
		if (!ret)
			ret = gpu_launch_copy(gpu, &copy);
		if (!ret)
			ret = gpu_wait(gpu, DEADLINE);
	}
	return ret;
}

/* VF 0 writes to VF 1's framebuffer; VF 1 and the CPU read it */
static int step_p2p(struct dma_job *job, const char *when)
{
	uint64_t at;
	int ret;

	pattern_fill(job->va, BAR_LENGTH, ++job->seed);
	ret = vfs_copy(&job->vfs, 0, BUFFER_IOVA, BAR_IOVA, BAR_LENGTH, END_POLL, NULL);
	if (ret)
		return copy_failed(job, 0, ret);
	at = pattern_check(job->bar, BAR_LENGTH, job->seed);
	if (at != PATTERN_SAME)
		return step_failed(0, "the CPU sees byte %#" PRIx64 " of the BAR differ", at);
	ret = read_back(job);
	if (ret)
		return copy_failed(job, 1, ret);
	at = pattern_check(job->va + target(job, 1), BAR_LENGTH, job->seed);
	if (at != PATTERN_SAME)
		return step_failed(0, "VF 1 sees byte %#" PRIx64 " of the BAR differ", at);
	step_ok("peer to peer%s: VF 0 copies %" PRIu64 " MiB to VF 1", when, BAR_LENGTH >> 20);
	return 0;
}

/* The event of the guest's SMMU driver for VF 0 and @iova, in the kernel's log */
static int find_event(struct dma_job *job, uint64_t iova, unsigned int *sid)
{
	const char *bdf = job->vfs.vf[0].dev.function.bdf;
	uint64_t deadline = now_ms() + KMSG_WAIT;
	char record[1024], want[64], *at;
	ssize_t got;

	snprintf(want, sizeof(want), "F_TRANSLATION client: %s sid: ", bdf);
	while (now_ms() < deadline) {
		struct pollfd pfd = { .fd = job->kmsg, .events = POLLIN };

		poll(&pfd, 1, 100);
		got = read(job->kmsg, record, sizeof(record) - 1);
		if (got <= 0)
			continue;
		record[got] = '\0';
		at = strstr(record, want);
		if (!at || sscanf(at + strlen(want), "%x", sid) != 1)
			continue;
		at = strstr(at, "iova: ");
		if (at && strtoull(at + strlen("iova: "), NULL, 0) == iova)
			return 0;
	}
	return -ETIMEDOUT;
}

/* An access of VF 0 to @iova, where nothing is mapped: nothing may be written */
static int step_fault(struct dma_job *job, uint64_t iova, const char *what)
{
	struct gpu *gpu = &job->vfs.vf[0].gpu;
	struct gpu_copy copy = { .src = iova, .dst_fb = true, .length = KIB(4) };
	struct gpu_fault fault;
	unsigned int sid;
	int ret;

	/* Old messages are not meant */
	lseek(job->kmsg, 0, SEEK_END);
	gpu_fault_clear(gpu);
	ret = gpu_launch_copy(gpu, &copy) ?: gpu_wait(gpu, DEADLINE);
	if (ret != -EFAULT)
		return step_failed(ret, "%s: the engine did not fault", what);
	ret = gpu_fault_read(gpu, &fault);
	if (ret || fault.address != iova || fault.type != NV_FAULT_TYPE_PTE)
		return step_failed(ret, "%s: the engine reports address %#" PRIx64 ", type %#x",
				   what, fault.address, fault.type);
	gpu_fault_clear(gpu);
	ret = find_event(job, iova, &sid);
	if (ret)
		return step_failed(ret, "%s: no event in the kernel's log", what);
	step_ok("%s: %#" PRIx64 " faults, event with sid %#x", what, iova, sid);
	return 0;
}

/*
 * While VF 1 does not decode memory its BAR is nobody's, and comes back by itself. A VF
 * that is known as one always decodes; a VM's VFs look like functions of their own.
 */
static int step_decode(struct dma_job *job)
{
	struct vfio_dev *dev = &job->vfs.vf[1].dev;
	char physfn[64];
	int ret;

	snprintf(physfn, sizeof(physfn), "/sys/bus/pci/devices/%s/physfn", dev->function.bdf);
	ret = vfio_set_command(dev, 0, PCI_COMMAND_MEMORY);
	if (ret)
		return step_failed(ret, "memory decode off");
	if (job->vfs.iommu && access(physfn, F_OK)) {
		ret = step_fault(job, BAR_IOVA, "BAR2 without decode");
		if (ret)
			return ret;
	}
	ret = vfio_set_command(dev, PCI_COMMAND_MEMORY, 0);
	if (ret)
		return step_failed(ret, "memory decode on");
	return step_p2p(job, " after decode off and on");
}

static int step_reset(struct dma_job *job)
{
	struct vfio_dev *dev = &job->vfs.vf[1].dev;
	int ret;

	ret = vfio_reset(dev);
	if (ret)
		return step_failed(ret, "VFIO_DEVICE_RESET");
	ret = vfio_set_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	if (ret)
		return step_failed(ret, "memory decode on after FLR");
	return step_p2p(job, " after FLR");
}

static int step_unmap(struct dma_job *job)
{
	int ret = iommufd_ioas_unmap(job->vfs.iommufd, job->vfs.ioas_id, BUFFER_IOVA,
				     job->mapped, NULL);

	if (ret)
		return step_failed(ret, "IOMMU_IOAS_UNMAP");
	if (job->vfs.iommu)
		return step_fault(job, BUFFER_IOVA, "unmapped");
	step_ok("unmapped");
	return 0;
}

static int run_steps(struct dma_job *job)
{
	uint64_t seed;
	int ret;

	ret = step_map(job) ?: step_copy(job, 0, END_SEMAPHORE);
	seed = job->seed;
	ret = ret ?: step_copy(job, 1, END_SEMAPHORE) ?: step_apart(job, seed);
	ret = ret ?: step_copy(job, 0, END_INTERRUPT) ?: step_copy(job, 1, END_INTERRUPT);
	ret = ret ?: step_bar(job) ?: step_p2p(job, "");
	ret = ret ?: step_decode(job) ?: step_reset(job);
	if (!ret && job->vfs.iommu)
		ret = step_fault(job, BUFFER_IOVA + job->mapped, "outside") ?:
		      step_copy(job, 0, END_SEMAPHORE);
	return ret ?: step_unmap(job);
}

int job_dma(const struct guest_options *options)
{
	struct dma_job job = { .size = options->size };
	int ret;

	if (job.size < BAR_LENGTH)
		return step_failed(-EINVAL, "the size is %" PRIu64 " bytes, less than %" PRIu64,
				   job.size, BAR_LENGTH);
	job.kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ret = vfs_open(&job.vfs, 2) ?: run_steps(&job);
	vfs_close(&job.vfs);
	close(job.kmsg);
	return ret;
}
