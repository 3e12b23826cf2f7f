// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA sample: what a VMM does with hypervisor-invisible memory before its guest
 * runs, see job.h. This file is the command line, and the second process that looks
 * at the memory afterwards.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bytes.h"
#include "job.h"

const char *argp_program_version = "dma 0.1";

enum {
	OPTION_JSON = 0x100,
	OPTION_SIZE,
	OPTION_COPY,
	OPTION_ZEROS,
};

static const struct argp_option argp_options[] = {
	{ "size", OPTION_SIZE, "BYTES", 0,
	  "hypervisor-invisible memory to allocate (default 256M)", 0 },
	{ "copy", OPTION_COPY, "BYTES", 0,
	  "what each copy engine copies (default 64M)", 0 },
	{ "zeros", OPTION_ZEROS, NULL, 0,
	  "only be the next owner: allocate the memory, which must be zeros", 0 },
	{ "json", OPTION_JSON, NULL, 0, "print a JSON object for each step", 0 },
	{ "verbose", 'v', NULL, 0, "say more about each step", 0 },
	{}
};

struct arguments {
	struct job_options options;
	struct report report;
	bool zeros;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	const char *error;

	switch (key) {
	case OPTION_SIZE:
		if (!parse_bytes(arg, &arguments->options.size))
			argp_error(state, "--size: not a number of bytes: %s",
				   arg);
		return 0;
	case OPTION_COPY:
		if (!parse_bytes(arg, &arguments->options.copy))
			argp_error(state, "--copy: not a number of bytes: %s",
				   arg);
		return 0;
	case OPTION_ZEROS:
		arguments->zeros = true;
		return 0;
	case OPTION_JSON:
		arguments->report.json = true;
		return 0;
	case 'v':
		arguments->report.verbose = true;
		return 0;
	case ARGP_KEY_END:
		error = job_options_error(&arguments->options);
		if (error)
			argp_error(state, "%s", error);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.doc = "Allocate hypervisor-invisible memory through one iommufd, map it "
	       "for two GPU VFs through two-stage page tables, let their copy "
	       "engines work in it, and check every step. Exits with 0 if all "
	       "was as it should be, else with 1.\v"
	       "BYTES may end in K, M, G or T.",
};

/*
 * Another process, because the memory's next owner shares nothing with us. The
 * report is in shared memory, so that the child's steps count.
 */
static int run_next_owner(const struct job_options *options,
			  struct report *report)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0) {
		report_begin(report, "start a second process");
		return report_failed(report, -errno, "fork");
	}
	if (!pid)
		_exit(job_run_next_owner(options, report) ? EXIT_FAILURE :
							    EXIT_SUCCESS);

	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status)) {
		report_begin(report, "second process");
		return report_failed(report, 0, "killed: wait status 0x%x",
				     status);
	}
	return WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EIO;
}

int main(int argc, char **argv)
{
	struct arguments *arguments;
	int ret;

	arguments = mmap(NULL, sizeof(*arguments), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arguments == MAP_FAILED) {
		perror("dma: mmap");
		return EXIT_FAILURE;
	}
	arguments->options.size = 256ULL << 20;
	arguments->options.copy = 64ULL << 20;

	argp_parse(&argp, argc, argv, 0, NULL, arguments);
	if (arguments->zeros)
		ret = job_run_next_owner(&arguments->options, &arguments->report);
	else
		ret = job_run(&arguments->options, &arguments->report) ?:
		      run_next_owner(&arguments->options, &arguments->report);
	report_end(&arguments->report, arguments->zeros ? "next owner" : "DMA job");
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
