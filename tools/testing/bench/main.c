// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark's command line: see bench.h for what it prints.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

const char *argp_program_version = "bench 0.1";

static const struct {
	const char *name;
	const char *what;
	int (*run)(struct bench *b);
} rows[] = {
	{ "kernel", "kernel memory of a VM's memory", bench_kernel_memory },
	{ "dma", "DMA map and unmap", bench_dma },
	{ "blocks", "entries of the IOMMU's page tables", bench_blocks },
	{ "retired", "DMA mappings of memory with pages that failed",
	  bench_retired },
	{ "cpu", "CPU mappings: faults, time, page tables", bench_cpu },
	{ "alloc", "allocations: clean, dirty, many", bench_alloc },
	{ "revoke", "taking memory away, and giving it back", bench_revoke },
	{ "start", "from /dev/iommu to memory that a device reaches", bench_start },
	{ "nested", "DMA through two stages of translation", bench_nested },
	{ "engine", "the PF's copy engine and the CPU's memcpy()", bench_engine },
};

enum {
	OPTION_LIST = 0x100,
	OPTION_LARGEST,
	OPTION_ROUNDS,
};

static const struct argp_option argp_options[] = {
	{ "list", OPTION_LIST, NULL, 0, "list the rows", 0 },
	{ "largest", OPTION_LARGEST, "GIB", 0,
	  "most memory of the host that a peer is measured with (default 4)",
	  0 },
	{ "rounds", OPTION_ROUNDS, "N", 0,
	  "most rounds of each result (default 11)", 0 },
	{}
};

struct arguments {
	struct bench b;
	bool wanted[ARRAY_SIZE(rows)];
	bool some;
};

static error_t want(struct arguments *arguments, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(name, rows[i].name))
			continue;
		arguments->wanted[i] = true;
		arguments->some = true;
		return 0;
	}
	return EINVAL;
}

static unsigned long number(const char *text, unsigned long most,
			    struct argp_state *state)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || !value || value > most)
		argp_error(state, "not a number from 1 to %lu: %s", most, text);
	return value;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	size_t i;

	switch (key) {
	case OPTION_LIST:
		for (i = 0; i < ARRAY_SIZE(rows); i++)
			printf("%-10s %s\n", rows[i].name, rows[i].what);
		exit(0);
	case OPTION_LARGEST:
		arguments->b.largest = GIB(number(arg, 1024, state));
		return 0;
	case OPTION_ROUNDS:
		arguments->b.rounds = number(arg, BENCH_MAX_ROUNDS, state);
		return 0;
	case ARGP_KEY_ARG:
		if (want(arguments, arg))
			argp_error(state, "no row is called %s", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "[ROW...]",
	.doc = "Measure memory objects beside what else a VM's memory can be made "
	       "of. Prints a line of JSON for each result.",
};

static void describe(const struct bench *b)
{
	struct utsname name;

	uname(&name);
	printf("{\"machine\": \"%s\", \"kernel\": \"%s\", \"cpus\": %ld, "
	       "\"memory\": %llu, \"region\": %llu, \"pool\": %llu}\n",
	       name.machine, name.release, sysconf(_SC_NPROCESSORS_ONLN),
	       (unsigned long long)bench_field("/proc/meminfo", "MemTotal"),
	       (unsigned long long)b->region.size,
	       (unsigned long long)b->pool.size);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.b = { .rounds = 11, .largest = GIB(4) },
	};
	size_t i;
	int ret;

	if (argp_parse(&argp, argc, argv, 0, NULL, &arguments))
		return 2;
	ret = bench_open(&arguments.b);
	if (ret) {
		fprintf(stderr, "bench: no region, or no VF, to measure: %s\n",
			strerror(-ret));
		return 1;
	}
	describe(&arguments.b);
	for (i = 0; i < ARRAY_SIZE(rows) && !ret; i++) {
		if (arguments.some && !arguments.wanted[i])
			continue;
		ret = rows[i].run(&arguments.b);
		if (ret)
			fprintf(stderr, "bench: %s: %s\n", rows[i].name,
				strerror(-ret));
	}
	bench_close(&arguments.b);
	return ret ? 1 : 0;
}
