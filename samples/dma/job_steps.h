/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the steps of the DMA job share; private to job.c, job_setup.c and job_dma.c.
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
#ifndef DMA_JOB_STEPS_H
#define DMA_JOB_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include <iommufd-mem/vfio.h>

#include "gpu.h"
#include "job.h"
#include "smmu.h"

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

/* The virtual stream ID that the guest would know a VF by */
static inline uint32_t virtual_stream_id(int i)
{
	return 0x100 + i;
}

/*
 * A step does one thing, checks that it is as it should be, and reports a line.
 * It returns 0 or a negative errno.
 */

/* job_setup.c */
int step_open(struct job *job);
int step_bind(struct job *job);
int step_alloc(struct job *job);
int step_info(struct job *job);
int step_mmap(struct job *job);
int step_map(struct job *job);
int step_stage2(struct job *job);
int step_veventq(struct job *job);
int step_stage1(struct job *job);
int step_attach(struct job *job);
int step_detach(struct job *job);
int step_destroy(struct job *job);
int step_close(struct job *job);
int step_zeros(struct job *job);

/* job_dma.c */
int step_copy_vf0(struct job *job);
int step_copy_vf1(struct job *job);
int step_bar(struct job *job);
int step_bar_is_fb(struct job *job);
int step_p2p(struct job *job);
int step_fault(struct job *job);
int step_after_fault(struct job *job);

#endif
