// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of the DMA job that make and end what a VM would run on: the memory, its
 * CPU mapping, both stages of translation. No DMA is done here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iommufd-mem/iommufd.h>

#include "job_steps.h"
#include "pattern.h"

#define ASID		1
#define VEVENTQ_DEPTH	64
#define PATTERN_WHOLE	0x1111111111111111ULL

int step_open(struct job *job)
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

int step_bind(struct job *job)
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

int step_alloc(struct job *job)
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

int step_info(struct job *job)
{
	struct iommu_mem_info next = {};
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

	ret = iommufd_mem_next(job->iommufd, &next);
	if (ret || next.mem_id != job->mem_id)
		return report_failed(r, ret, "enumeration found object %u",
				     next.mem_id);
	return report_ok(r);
}

int step_mmap(struct job *job)
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
		return report_failed(r, 0,
				     "byte 0x%" PRIx64 " is not what was written",
				     at);
	return report_ok(r);
}

int step_map(struct job *job)
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

int step_stage2(struct job *job)
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

int step_veventq(struct job *job)
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

int step_stage1(struct job *job)
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

int step_attach(struct job *job)
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

int step_detach(struct job *job)
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

int step_destroy(struct job *job)
{
	const uint32_t ids[] = {
		job->nested_id[1], job->nested_id[0], job->vdevice_id[1],
		job->vdevice_id[0], job->veventq_id, job->viommu_id,
		job->parent_id, job->ioas_id, job->bar_id, job->mem_id,
	};
	struct iommu_mem_info next = {};
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
	ret = iommufd_mem_next(job->iommufd, &next);
	if (ret != -ENOENT)
		return report_failed(r, ret, "memory object %u is still there",
				     next.mem_id);
	return report_ok(r);
}

int step_close(struct job *job)
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

int step_zeros(struct job *job)
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
