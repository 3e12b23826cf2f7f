// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of the DMA job in which the copy engines work: copies through both stages,
 * peer to peer, and outside what stage 1 maps.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include <iommufd-mem/iommufd.h>

#include "job_steps.h"
#include "pattern.h"

#define BAR_LENGTH	MIB(16)
#define DEADLINE	120	/* seconds; the machine is emulated */

#define PATTERN_SOURCE	0x2222222222222222ULL
#define PATTERN_P2P	0x3333333333333333ULL
#define PATTERN_AFTER	0x4444444444444444ULL
#define FB_WORD		0xfbfbfbfbU

static uint64_t source_offset(void)
{
	return DATA_OFFSET;
}

static uint64_t target_offset(const struct job *job, int i)
{
	return DATA_OFFSET + (1 + i) * job->options->copy;
}

static int failed_at(struct report *report, const char *what, uint64_t offset)
{
	return report_failed(report, 0, "%s differs at byte 0x%" PRIx64, what,
			     offset);
}

/* What a wait on the engine came to, in words */
static int engine_failed(struct job *job, int i, int error)
{
	const char *bdf = job->vf[i].function.bdf;
	struct gpu_fault fault;

	if (error == -EFAULT && !gpu_fault_read(&job->gpu[i], &fault))
		return report_failed(job->report, 0,
				     "%s: fault at 0x%" PRIx64 ", type 0x%x, access 0x%x",
				     bdf, fault.address, fault.type,
				     fault.access);
	return report_failed(job->report, error, "copy engine of %s", bdf);
}

static volatile uint32_t *semaphore(struct job *job, int i)
{
	return (volatile uint32_t *)(job->mem + SEM_OFFSET + i * KIB(4));
}

/* VF @i copies the source to its target: VF 0 by semaphore, VF 1 by MSI-X */
static int step_copy(struct job *job, int i)
{
	uint64_t length = job->options->copy;
	struct report *r = job->report;
	struct gpu_copy copy = {
		.src = HI_VA + source_offset(),
		.dst = HI_VA + target_offset(job, i),
		.length = length,
		.semaphore = HI_VA + SEM_OFFSET + i * KIB(4),
		.payload = ++job->sequence,
		.interrupt = i == 1,
	};
	uint64_t at;
	int ret;

	report_begin(r, i ? "VF 1 copies, ends with MSI-X" :
			    "VF 0 copies, ends with a semaphore");
	report_address(r, "src", copy.src);
	report_address(r, "dst", copy.dst);
	report_size(r, "length", length);

	pattern_fill(job->mem + source_offset(), length, PATTERN_SOURCE + i);
	*semaphore(job, i) = 0;
	ret = gpu_launch_copy(&job->gpu[i], &copy);
	if (!ret && copy.interrupt)
		ret = gpu_wait_interrupt(&job->gpu[i], DEADLINE);
	else if (!ret)
		ret = gpu_wait_semaphore(&job->gpu[i], semaphore(job, i),
					 copy.payload, DEADLINE);
	if (ret)
		return engine_failed(job, i, ret);
	if (*semaphore(job, i) != copy.payload)
		return report_failed(r, 0, "the semaphore holds 0x%x, not 0x%x",
				     *semaphore(job, i), copy.payload);

	at = pattern_check(job->mem + target_offset(job, i), length,
			   PATTERN_SOURCE + i);
	if (at != PATTERN_SAME)
		return failed_at(r, "the copy", at);
	return report_ok(r);
}

int step_copy_vf0(struct job *job)
{
	return step_copy(job, 0);
}

int step_copy_vf1(struct job *job)
{
	uint64_t at;
	int ret;

	ret = step_copy(job, 1);
	if (ret)
		return ret;
	/* Neither engine may have written where the other works */
	report_begin(job->report, "VF 0's copy is still as it was");
	at = pattern_check(job->mem + target_offset(job, 0), job->options->copy,
			   PATTERN_SOURCE);
	return at == PATTERN_SAME ? report_ok(job->report) :
				    failed_at(job->report, "VF 0's copy", at);
}

/* A piece from the middle of VF 1's framebuffer */
int step_bar(struct job *job)
{
	struct iommu_mem_info info = {};
	uint64_t fb = job->gpu[1].fb_size;
	struct report *r = job->report;
	uint64_t ipa = BAR_IPA;
	void *va;
	int ret;

	report_begin(r, "VF 1's BAR2 as a memory object");
	job->bar_length = job->options->copy < BAR_LENGTH ?
				  job->options->copy : BAR_LENGTH;
	if (job->bar_length > fb / 2)
		return report_failed(r, 0, "BAR2 is only 0x%" PRIx64 " bytes",
				     fb);
	job->bar_offset = fb / 2;
	ret = iommufd_mem_alloc_bar(job->iommufd, job->vf[1].dev_id,
				    NVGRACE_GPU_BAR_FB, job->bar_offset,
				    job->bar_length, &job->bar_id,
				    &job->bar_mem_offset);
	if (ret)
		return report_failed(r, ret, "IOMMU_MEM_ALLOC");
	report_number(r, "mem", job->bar_id);
	report_address(r, "offset", job->bar_offset);
	report_size(r, "length", job->bar_length);

	info.mem_id = job->bar_id;
	ret = iommufd_mem_info(job->iommufd, &info);
	if (ret)
		return report_failed(r, ret, "IOMMU_MEM_INFO");
	if (info.out_type != IOMMU_MEM_TYPE_DEVICE || info.out_attrs ||
	    info.out_length != job->bar_length)
		return report_failed(r, 0,
				     "IOMMU_MEM_INFO says type %u, attributes 0x%x",
				     info.out_type, info.out_attrs);

	ret = iommufd_mem_mmap(job->iommufd, job->bar_mem_offset,
			       job->bar_length, 0, PROT_READ | PROT_WRITE, &va);
	if (ret)
		return report_failed(r, ret, "mmap");
	job->bar = va;
	ret = iommufd_ioas_map_mem(job->iommufd, job->ioas_id, job->bar_id, 0,
				   job->bar_length, IOMMUFD_FIXED_READ_WRITE,
				   &ipa);
	if (ret)
		return report_failed(r, ret, "IOMMU_IOAS_MAP");
	ret = smmu_stage1_map(&job->stage1, BAR_VA, BAR_IPA, job->bar_length,
			      SMMU_READ | SMMU_WRITE | SMMU_DEVICE);
	if (ret)
		return report_failed(r, ret, "stage-1 tables");
	report_address(r, "va", BAR_VA);
	report_address(r, "ipa", ipa);
	return report_ok(r);
}

/* Is the object the framebuffer? Its own engine writes, the CPU reads */
int step_bar_is_fb(struct job *job)
{
	struct report *r = job->report;
	struct gpu_copy fill = {
		.dst = job->bar_offset,
		.dst_fb = true,
		.length = job->bar_length,
	};
	uint64_t at;
	int ret;

	report_begin(r, "VF 1 fills it, the CPU reads it");
	report_size(r, "length", job->bar_length);
	ret = gpu_launch_fill(&job->gpu[1], &fill, FB_WORD);
	if (!ret)
		ret = gpu_wait(&job->gpu[1], DEADLINE);
	if (ret)
		return engine_failed(job, 1, ret);
	at = pattern_check_word(job->bar, job->bar_length,
				(uint64_t)FB_WORD << 32 | FB_WORD);
	if (at != PATTERN_SAME)
		return failed_at(r, "the object", at);
	return report_ok(r);
}

int step_p2p(struct job *job)
{
	struct report *r = job->report;
	uint64_t at;
	void *va;
	int ret;

	report_begin(r, "peer to peer: VF 0 copies into it");
	report_address(r, "src", HI_VA + source_offset());
	report_address(r, "dst", BAR_VA);
	report_size(r, "length", job->bar_length);
	pattern_fill(job->mem + source_offset(), job->bar_length, PATTERN_P2P);
	ret = gpu_copy(&job->gpu[0], HI_VA + source_offset(), BAR_VA,
		       job->bar_length, DEADLINE);
	if (ret)
		return engine_failed(job, 0, ret);

	at = pattern_compare(job->bar, job->mem + source_offset(),
			     job->bar_length);
	if (at != PATTERN_SAME)
		return failed_at(r, "the object", at);
	ret = vfio_mmap_bar(&job->vf[1], NVGRACE_GPU_BAR_FB, job->bar_offset,
			    job->bar_length, &va);
	if (ret)
		return report_failed(r, ret, "mmap of BAR2");
	at = pattern_compare(va, job->mem + source_offset(), job->bar_length);
	munmap(va, job->bar_length);
	if (at != PATTERN_SAME)
		return failed_at(r, "vfio's own mmap of BAR2", at);
	return report_ok(r);
}

/* An address that stage 1 does not map: right behind the HI memory */
int step_fault(struct job *job)
{
	uint64_t outside = HI_VA + job->options->size;
	struct report *r = job->report;
	struct iommufd_vevent_header header;
	struct iommu_vevent_arm_smmuv3 raw;
	struct smmu_event event;
	struct gpu_fault fault;
	uint64_t at;
	int ret;

	report_begin(r, "access outside stage 1 faults");
	report_address(r, "src", outside);
	gpu_fault_clear(&job->gpu[0]);
	ret = gpu_copy(&job->gpu[0], outside, HI_VA + target_offset(job, 0),
		       KIB(64), DEADLINE);
	if (ret != -EFAULT)
		return report_failed(r, ret, "the copy engine did not fault");
	ret = gpu_fault_read(&job->gpu[0], &fault);
	if (ret)
		return report_failed(r, ret, "the copy engine reports no fault");
	if (fault.address != outside || fault.type != NV_FAULT_TYPE_PTE ||
	    fault.access != NV_FAULT_ACCESS_PHYS_READ)
		return report_failed(r, 0,
				     "reported address 0x%" PRIx64 ", type 0x%x, access 0x%x",
				     fault.address, fault.type, fault.access);

	ret = iommufd_veventq_read(job->event_fd, DEADLINE, &header, &raw);
	if (ret)
		return report_failed(r, ret, "no event");
	if (header.flags)
		return report_failed(r, 0, "events were lost");
	smmu_event_decode(&raw, &event);
	report_address(r, "event", event.id);
	report_address(r, "vsid", event.stream_id);
	report_address(r, "input", event.address);
	if (event.id != SMMU_EVENT_TRANSLATION || !event.read ||
	    event.stream_id != virtual_stream_id(0) ||
	    event.address != outside)
		return report_failed(r, 0, "not the event that was expected");

	at = pattern_check(job->mem + target_offset(job, 0), job->options->copy,
			   PATTERN_SOURCE);
	if (at != PATTERN_SAME)
		return failed_at(r, "the target", at);
	return report_ok(r);
}

int step_after_fault(struct job *job)
{
	uint64_t length = job->options->copy;
	struct report *r = job->report;
	uint64_t at;
	int ret;

	report_begin(r, "the engine works again");
	report_size(r, "length", length);
	gpu_fault_clear(&job->gpu[0]);
	pattern_fill(job->mem + source_offset(), length, PATTERN_AFTER);
	ret = gpu_copy(&job->gpu[0], HI_VA + source_offset(),
		       HI_VA + target_offset(job, 0), length, DEADLINE);
	if (ret)
		return engine_failed(job, 0, ret);
	at = pattern_check(job->mem + target_offset(job, 0), length,
			   PATTERN_AFTER);
	if (at != PATTERN_SAME)
		return failed_at(r, "the copy", at);
	return report_ok(r);
}
