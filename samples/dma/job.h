/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The DMA job: everything that a VMM does with hypervisor-invisible memory before
 * its guest runs, done and checked step by step.
 */
#ifndef DMA_JOB_H
#define DMA_JOB_H

#include <stdint.h>

#include "report.h"

struct job_options {
	uint64_t size;		/* bytes of HI memory */
	uint64_t copy;		/* bytes that each copy engine copies */
};

/* Why the options cannot work, or NULL */
const char *job_options_error(const struct job_options *options);

/*
 * Both return 0 if every step was as it should be, else a negative errno, and
 * leave nothing behind either way.
 */
int job_run(const struct job_options *options, struct report *report);
/* Steps of another owner of the memory, after job_run(): it must find zeros */
int job_run_next_owner(const struct job_options *options,
		       struct report *report);

#endif
