// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA job: which steps it has, in which order, and what is given back when one
 * of them fails. The steps are in job_setup.c and job_dma.c.
 */
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "job_steps.h"

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
