// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA job. Each step is a function that does one thing, checks that it is as
 * it should be, and reports a line; the order is in the tables at the end. A
 * failed step ends the job, and job_release() gives back what it holds.
 *
 * The guest-physical addresses are laid out like this (an IPA is what
 * IOMMU_IOAS_MAP calls IOVA):
 *
 *	HI_IPA		the HI memory object: stage-1 tables, semaphores, data
 *	BAR_IPA		a piece of the second VF's framebuffer
 *
 * and stage 1 maps HI_VA to HI_IPA and BAR_VA to BAR_IPA, so that no DMA address
 * works unless both stages translate it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu.h"
#include "iommufd.h"
#include "job.h"
#include "pattern.h"
#include "smmu.h"
#include "vfio.h"

#define KIB(n)		((uint64_t)(n) << 10)
#define MIB(n)		((uint64_t)(n) << 20)
#define GIB(n)		((uint64_t)(n) << 30)

#define NR_VFS		2

#define HI_IPA		GIB(1)
#define BAR_IPA		GIB(512)
#define HI_VA		(GIB(16384) + HI_IPA)
#define BAR_VA		GIB(32768)

/* Offsets in the HI memory object */
#define STAGE1_OFFSET	0ULL
#define STAGE1_SIZE	MIB(1)
#define SEM_OFFSET	STAGE1_SIZE
#define DATA_OFFSET	MIB(2)

#define BAR_LENGTH	MIB(16)
#define ASID		1
#define VEVENTQ_DEPTH	64
#define DEADLINE	120	/* seconds; the machine is emulated */

#define PATTERN_WHOLE	0x1111111111111111ULL
#define PATTERN_SOURCE	0x2222222222222222ULL
#define PATTERN_P2P	0x3333333333333333ULL
#define FB_WORD		0xfbfbfbfbU

struct job {
	const struct job_options *options;
	struct report *report;

	int iommufd;
	struct vfio_dev vf[NR_VFS];
	struct gpu gpu[NR_VFS];

	uint32_t mem_id;
	uint64_t mem_offset;	/* for mmap() */
	uint8_t *mem;		/* its mmap */

	uint32_t ioas_id;
	uint32_t parent_id;
	uint32_t viommu_id;
	uint32_t vdevice_id[NR_VFS];
	uint32_t veventq_id;
	int event_fd;
	struct smmu_stage1 stage1;
	uint32_t nested_id[NR_VFS];
	bool attached[NR_VFS];
	uint32_t sequence;	/* of semaphore payloads */

	uint32_t bar_id;
	uint64_t bar_mem_offset; /* for mmap() */
	uint64_t bar_offset;	/* in the BAR */
	uint64_t bar_length;
	uint8_t *bar;		/* mmap of the object */
};

static uint64_t source_offset(void)
{
	return DATA_OFFSET;
}

static uint64_t target_offset(const struct job *job, int i)
{
	return DATA_OFFSET + (1 + i) * job->options->copy;
}

const char *job_options_error(const struct job_options *options)
{
	if (!options->size || options->size % MIB(2))
		return "--size must be a multiple of 2M";
	if (!options->copy || options->copy % KIB(64))
		return "--copy must be a multiple of 64K";
	if (options->copy > GPU_MAX_LENGTH)
		return "--copy: the engine copies 2G at most";
	if (options->size > GIB(256))
		return "--size: 256G at most";
	if (options->size < DATA_OFFSET + (1 + NR_VFS) * options->copy)
		return "--size must be at least three times --copy, and 2M";
	return NULL;
}

/* The virtual stream ID that the guest would know the VF by */
static uint32_t virtual_stream_id(int i)
{
	return 0x100 + i;
}

static int failed_at(struct report *report, const char *what, uint64_t offset)
{
	return report_failed(report, 0, "%s differs at byte 0x%" PRIx64, what,
			     offset);
}

static int step_open(struct job *job)
{
	struct vfio_function found[NR_VFS];
	struct report *r = job->report;
	int i, nr, ret;

	report_begin(r, "open /dev/iommu and two vfio cdevs");
	ret = iommufd_open();
	if (ret < 0)
		return report_failed(r, ret, "/dev/iommu");
	job->iommufd = ret;

	nr = vfio_find(NVGRACE_GPU_VENDOR_ID, NVGRACE_GPU_VF_DEVICE_ID, found,
		       NR_VFS);
	if (nr < NR_VFS)
		return report_failed(r, 0,
				     "%d VFs (PCI id %04x:%04x) with a vfio cdev, %d are needed; there are %d such VFs: enable more (sriov_numvfs of the PF) or bind them to vfio-pci",
				     nr, NVGRACE_GPU_VENDOR_ID,
				     NVGRACE_GPU_VF_DEVICE_ID, NR_VFS,
				     vfio_count_pci(NVGRACE_GPU_VENDOR_ID,
						    NVGRACE_GPU_VF_DEVICE_ID));
	for (i = 0; i < NR_VFS; i++) {
		ret = vfio_open(&job->vf[i], &found[i]);
		if (ret)
			return report_failed(r, ret, "/dev/vfio/devices/%s",
					     found[i].cdev);
		report_text(r, i ? "cdev1" : "cdev0", found[i].cdev);
		report_text(r, i ? "vf1" : "vf0", found[i].bdf);
	}
	return report_ok(r);
}

static int step_bind(struct job *job)
{
	struct report *r = job->report;
	int i, ret;

	report_begin(r, "bind both to the iommufd");
	for (i = 0; i < NR_VFS; i++) {
		ret = vfio_bind(&job->vf[i], job->iommufd);
		if (ret)
			return report_failed(r, ret, "bind of %s",
					     job->vf[i].function.bdf);
		report_number(r, i ? "dev1" : "dev0", job->vf[i].dev_id);
	}
	return report_ok(r);
}

static int step_alloc(struct job *job)
{
	struct report *r = job->report;
	int ret;

	report_begin(r, "allocate HI memory");
	ret = iommufd_mem_alloc_region(job->iommufd, job->vf[0].dev_id,
				       job->options->size, &job->mem_id,
				       &job->mem_offset);
	if (ret == -ENODEV)
		return report_failed(r, ret, "%s is linked to no region of HI memory",
				     job->vf[0].function.bdf);
	if (ret)
		return report_failed(r, ret,
				     "IOMMU_MEM_ALLOC of %" PRIu64 " MiB",
				     job->options->size >> 20);
	report_number(r, "mem", job->mem_id);
	report_size(r, "length", job->options->size);
	report_address(r, "mmap_offset", job->mem_offset);
	return report_ok(r);
}

static int step_info(struct job *job)
{
	struct iommu_mem_info next = { .flags = IOMMU_MEM_INFO_NEXT };
	struct iommu_mem_info info = { .mem_id = job->mem_id };
	struct report *r = job->report;
	int ret;

	report_begin(r, "ask what it is");
	ret = iommufd_mem_info(job->iommufd, &info);
	if (ret)
		return report_failed(r, ret, "IOMMU_MEM_INFO");
	report_text(r, "type", info.out_type == IOMMU_MEM_TYPE_REGION ?
			       "region" : "other");
	report_text(r, "memory", info.out_attrs & IOMMU_MEM_ATTR_CACHEABLE ?
				 "cacheable" : "device");
	report_size(r, "length", info.out_length);
	report_number(r, "extents", info.out_nr_extents);
	report_size(r, "max_block", info.out_max_block);
	report_number(r, "node", info.out_node);

	if (info.out_type != IOMMU_MEM_TYPE_REGION)
		return report_failed(r, 0, "type is %u", info.out_type);
	if (info.out_attrs != IOMMU_MEM_ATTR_CACHEABLE)
		return report_failed(r, 0, "attributes are 0x%x",
				     info.out_attrs);
	if (info.out_length != job->options->size)
		return report_failed(r, 0, "length is not what was asked for");
	if (info.out_mmap_offset != job->mem_offset)
		return report_failed(r, 0, "mmap offset is 0x%llx",
				     (unsigned long long)info.out_mmap_offset);
	if (!info.out_nr_extents)
		return report_failed(r, 0, "no extents");
	if (!info.out_max_block || info.out_max_block > info.out_length ||
	    info.out_max_block & (info.out_max_block - 1))
		return report_failed(r, 0, "impossible largest block");
	if (info.out_node < -1)
		return report_failed(r, 0, "impossible node");

	ret = iommufd_mem_info(job->iommufd, &next);
	if (ret || next.mem_id != job->mem_id)
		return report_failed(r, ret, "enumeration found object %u",
				     next.mem_id);
	return report_ok(r);
}

static int step_mmap(struct job *job)
{
	uint64_t size = job->options->size;
	struct report *r = job->report;
	uint64_t at;
	void *va;
	int ret;

	report_begin(r, "mmap it: zeros; fill it");
	ret = iommufd_mem_mmap(job->iommufd, job->mem_offset, size,
			       size >= GIB(1) ? GIB(1) : MIB(2),
			       PROT_READ | PROT_WRITE, &va);
	if (ret)
		return report_failed(r, ret, "mmap");
	job->mem = va;
	report_address(r, "va", (uintptr_t)va);
	report_size(r, "length", size);

	at = pattern_check_word(job->mem, size, 0);
	if (at != PATTERN_SAME)
		return report_failed(r, 0, "byte 0x%" PRIx64 " is not 0", at);
	pattern_fill(job->mem, size, PATTERN_WHOLE);
	at = pattern_check(job->mem, size, PATTERN_WHOLE);
	if (at != PATTERN_SAME)
		return failed_at(r, "what was written", at);
	return report_ok(r);
}

static int step_map(struct job *job)
{
	struct report *r = job->report;
	uint64_t ipa = HI_IPA;
	int ret;

	report_begin(r, "IOMMU_IOAS_MAP of the object");
	ret = iommufd_ioas_alloc(job->iommufd, &job->ioas_id);
	if (ret)
		return report_failed(r, ret, "IOMMU_IOAS_ALLOC");
	report_number(r, "ioas", job->ioas_id);
	ret = iommufd_ioas_map_mem(job->iommufd, job->ioas_id, job->mem_id, 0,
				   job->options->size, IOMMUFD_FIXED_READ_WRITE,
				   &ipa);
	if (ret)
		return report_failed(r, ret, "at IPA 0x%" PRIx64, HI_IPA);
	report_address(r, "ipa", ipa);
	report_size(r, "length", job->options->size);
	return report_ok(r);
}

static int step_stage2(struct job *job)
{
	struct iommu_hw_info_arm_smmuv3 info;
	struct report *r = job->report;
	int i, ret;

	report_begin(r, "stage 2: nest parent, vIOMMU, vDevices");
	ret = iommufd_hw_info_smmuv3(job->iommufd, job->vf[0].dev_id, &info);
	if (ret)
		return report_failed(r, ret, "%s is not behind an SMMUv3",
				     job->vf[0].function.bdf);
	report_note(r, "SMMUv3 IDR0 0x%x IDR1 0x%x IDR5 0x%x", info.idr[0],
		    info.idr[1], info.idr[5]);
	ret = iommufd_hwpt_alloc(job->iommufd, job->vf[0].dev_id, job->ioas_id,
				 IOMMU_HWPT_ALLOC_NEST_PARENT, &job->parent_id);
	if (ret)
		return report_failed(r, ret, "nest-parent HWPT");
	report_number(r, "hwpt", job->parent_id);
	ret = iommufd_viommu_alloc(job->iommufd, job->vf[0].dev_id,
				   job->parent_id, &job->viommu_id);
	if (ret)
		return report_failed(r, ret, "vIOMMU");
	report_number(r, "viommu", job->viommu_id);
	for (i = 0; i < NR_VFS; i++) {
		ret = iommufd_vdevice_alloc(job->iommufd, job->viommu_id,
					    job->vf[i].dev_id,
					    virtual_stream_id(i),
					    &job->vdevice_id[i]);
		if (ret)
			return report_failed(r, ret, "vDevice of %s",
					     job->vf[i].function.bdf);
		report_number(r, i ? "vdevice1" : "vdevice0",
			      job->vdevice_id[i]);
		report_address(r, i ? "vsid1" : "vsid0", virtual_stream_id(i));
	}
	return report_ok(r);
}

static int step_veventq(struct job *job)
{
	struct report *r = job->report;
	int ret;

	report_begin(r, "event queue of the vIOMMU");
	ret = iommufd_veventq_alloc(job->iommufd, job->viommu_id, VEVENTQ_DEPTH,
				    &job->veventq_id, &job->event_fd);
	if (ret)
		return report_failed(r, ret, "vEVENTQ");
	report_number(r, "veventq", job->veventq_id);
	report_number(r, "depth", VEVENTQ_DEPTH);
	return report_ok(r);
}

static int step_stage1(struct job *job)
{
	struct iommu_hwpt_arm_smmuv3 ste;
	struct report *r = job->report;
	struct smmu_walk walk;
	int i, ret;

	report_begin(r, "stage 1: tables in HI memory, HWPTs");
	ret = smmu_stage1_init(&job->stage1, job->mem + STAGE1_OFFSET,
			       HI_IPA + STAGE1_OFFSET, STAGE1_SIZE, ASID);
	if (ret)
		return report_failed(r, ret, "context descriptor");
	ret = smmu_stage1_map(&job->stage1, HI_VA, HI_IPA, job->options->size,
			      SMMU_READ | SMMU_WRITE);
	if (ret)
		return report_failed(r, ret, "tables for HI memory");
	ret = smmu_stage1_map(&job->stage1, SMMU_MSI_WINDOW_IPA,
			      SMMU_MSI_WINDOW_IPA, SMMU_MSI_WINDOW_SIZE,
			      SMMU_READ | SMMU_WRITE | SMMU_DEVICE);
	if (ret)
		return report_failed(r, ret, "tables for the MSI window");
	ret = smmu_stage1_walk(&job->stage1, HI_VA + DATA_OFFSET, &walk);
	if (ret || walk.ipa != HI_IPA + DATA_OFFSET)
		return report_failed(r, ret, "the tables lead to 0x%" PRIx64,
				     walk.ipa);
	smmu_stage1_ste(&job->stage1, &ste);
	for (i = 0; i < NR_VFS; i++) {
		ret = iommufd_hwpt_alloc_nested(job->iommufd,
						job->vf[i].dev_id,
						job->viommu_id, &ste,
						&job->nested_id[i]);
		if (ret)
			return report_failed(r, ret, "nested HWPT of %s",
					     job->vf[i].function.bdf);
		report_number(r, i ? "hwpt1" : "hwpt0", job->nested_id[i]);
	}
	report_address(r, "va", HI_VA);
	report_address(r, "ipa", HI_IPA);
	report_size(r, "block", walk.block_size);
	report_size(r, "tables", job->stage1.used);
	return report_ok(r);
}

static int step_attach(struct job *job)
{
	struct report *r = job->report;
	int i, ret;

	report_begin(r, "attach, bus master, MSI-X");
	for (i = 0; i < NR_VFS; i++) {
		const char *bdf = job->vf[i].function.bdf;

		ret = vfio_attach(&job->vf[i], job->nested_id[i]);
		if (ret)
			return report_failed(r, ret, "attach of %s", bdf);
		job->attached[i] = true;
		ret = gpu_open(&job->gpu[i], &job->vf[i]);
		if (ret)
			return report_failed(r, ret, "BAR0 of %s", bdf);
	}
	ret = gpu_enable_interrupt(&job->gpu[1]);
	if (ret)
		return report_failed(r, ret, "MSI-X of %s",
				     job->vf[1].function.bdf);
	report_size(r, "bar0", job->gpu[0].regs_size);
	report_size(r, "bar2", job->gpu[0].fb_size);
	return report_ok(r);
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

static int step_copy_vf0(struct job *job)
{
	return step_copy(job, 0);
}

static int step_copy_vf1(struct job *job)
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
static int step_bar(struct job *job)
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
static int step_bar_is_fb(struct job *job)
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

static int step_p2p(struct job *job)
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
static int step_fault(struct job *job)
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

static int step_after_fault(struct job *job)
{
	uint64_t length = job->options->copy;
	struct report *r = job->report;
	uint64_t at;
	int ret;

	report_begin(r, "the engine works again");
	report_size(r, "length", length);
	gpu_fault_clear(&job->gpu[0]);
	pattern_fill(job->mem + source_offset(), length, PATTERN_WHOLE);
	ret = gpu_copy(&job->gpu[0], HI_VA + source_offset(),
		       HI_VA + target_offset(job, 0), length, DEADLINE);
	if (ret)
		return engine_failed(job, 0, ret);
	at = pattern_check(job->mem + target_offset(job, 0), length,
			   PATTERN_WHOLE);
	if (at != PATTERN_SAME)
		return failed_at(r, "the copy", at);
	return report_ok(r);
}

static int step_detach(struct job *job)
{
	struct report *r = job->report;
	uint64_t unmapped;
	int i, ret;

	report_begin(r, "detach, unmap");
	for (i = 0; i < NR_VFS; i++) {
		gpu_close(&job->gpu[i]);
		ret = vfio_detach(&job->vf[i]);
		if (ret)
			return report_failed(r, ret, "detach of %s",
					     job->vf[i].function.bdf);
		job->attached[i] = false;
	}
	ret = iommufd_ioas_unmap(job->iommufd, job->ioas_id, 0, UINT64_MAX,
				 &unmapped);
	if (ret)
		return report_failed(r, ret, "IOMMU_IOAS_UNMAP");
	report_size(r, "unmapped", unmapped);
	if (unmapped != job->options->size + job->bar_length)
		return report_failed(r, 0, "not what was mapped");
	return report_ok(r);
}

static int step_destroy(struct job *job)
{
	const uint32_t ids[] = {
		job->nested_id[1], job->nested_id[0], job->vdevice_id[1],
		job->vdevice_id[0], job->veventq_id, job->viommu_id,
		job->parent_id, job->ioas_id, job->bar_id, job->mem_id,
	};
	struct iommu_mem_info next = { .flags = IOMMU_MEM_INFO_NEXT };
	struct report *r = job->report;
	size_t i;
	int ret;

	report_begin(r, "destroy every object");
	close(job->event_fd);
	job->event_fd = -1;
	munmap(job->bar, job->bar_length);
	job->bar = NULL;
	munmap(job->mem, job->options->size);
	job->mem = NULL;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		ret = iommufd_destroy(job->iommufd, ids[i]);
		if (ret)
			return report_failed(r, ret, "object %u", ids[i]);
	}
	report_number(r, "objects", i);
	ret = iommufd_mem_info(job->iommufd, &next);
	if (ret != -ENOENT)
		return report_failed(r, ret, "memory object %u is still there",
				     next.mem_id);
	return report_ok(r);
}

/* Give back whatever the job holds: all of it after a failed step */
static void job_release(struct job *job)
{
	int i;

	for (i = 0; i < NR_VFS; i++) {
		gpu_close(&job->gpu[i]);
		if (job->attached[i])
			vfio_detach(&job->vf[i]);
		job->attached[i] = false;
	}
	if (job->event_fd >= 0)
		close(job->event_fd);
	job->event_fd = -1;
	if (job->bar)
		munmap(job->bar, job->bar_length);
	job->bar = NULL;
	if (job->mem)
		munmap(job->mem, job->options->size);
	job->mem = NULL;
	for (i = 0; i < NR_VFS; i++)
		vfio_close(&job->vf[i]);
	if (job->iommufd >= 0)
		close(job->iommufd);
	job->iommufd = -1;
}

static int step_close(struct job *job)
{
	struct report *r = job->report;
	int i;

	report_begin(r, "close the cdevs and the iommufd");
	for (i = 0; i < NR_VFS; i++) {
		if (close(job->vf[i].fd))
			return report_failed(r, -errno, "%s",
					     job->vf[i].function.cdev);
		job->vf[i].fd = -1;
	}
	if (close(job->iommufd))
		return report_failed(r, -errno, "iommufd");
	job->iommufd = -1;
	return report_ok(r);
}

static int step_zeros(struct job *job)
{
	struct report *r = job->report;
	uint64_t at;
	void *va;
	int ret;

	report_begin(r, "the next owner finds zeros");
	report_size(r, "length", job->options->size);
	ret = iommufd_mem_mmap(job->iommufd, job->mem_offset,
			       job->options->size, MIB(2), PROT_READ, &va);
	if (ret)
		return report_failed(r, ret, "mmap");
	job->mem = va;
	at = pattern_check_word(job->mem, job->options->size, 0);
	if (at != PATTERN_SAME)
		return report_failed(r, 0, "byte 0x%" PRIx64 " is not 0", at);
	return report_ok(r);
}

typedef int (*job_step)(struct job *job);

static int run_steps(const struct job_options *options, struct report *report,
		     const job_step *steps)
{
	struct job job = {
		.options = options,
		.report = report,
		.iommufd = -1,
		.event_fd = -1,
	};
	int i, ret = 0;

	for (i = 0; i < NR_VFS; i++)
		job.vf[i].fd = -1;
	for (; !ret && *steps; steps++)
		ret = (*steps)(&job);
	job_release(&job);
	return ret;
}

int job_run(const struct job_options *options, struct report *report)
{
	static const job_step steps[] = {
		step_open, step_bind, step_alloc, step_info, step_mmap,
		step_map, step_stage2, step_veventq, step_stage1, step_attach,
		step_copy_vf0, step_copy_vf1, step_bar, step_bar_is_fb,
		step_p2p, step_fault, step_after_fault, step_detach,
		step_destroy, step_close, NULL,
	};

	return run_steps(options, report, steps);
}

int job_run_next_owner(const struct job_options *options, struct report *report)
{
	static const job_step steps[] = {
		step_open, step_bind, step_alloc, step_zeros, NULL,
	};

	return run_steps(options, report, steps);
}
