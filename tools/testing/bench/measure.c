// SPDX-License-Identifier: GPL-2.0
/*
 * Clock, samples and their report.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define ENOUGH_ROUNDS	3
#define ENOUGH_TIME	(4 * UINT64_C(1000000000))	/* nanoseconds */

uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

bool bench_more(const struct bench *b, struct bench_samples *samples)
{
	if (!samples->count) {
		samples->started = bench_now();
		return true;
	}
	if (samples->count >= b->rounds)
		return false;
	return samples->count < ENOUGH_ROUNDS ||
	       bench_now() - samples->started < ENOUGH_TIME;
}

void bench_add(struct bench_samples *samples, uint64_t value)
{
	if (samples->count < BENCH_MAX_ROUNDS)
		samples->values[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void begin(const char *row, const char *subject, uint64_t x)
{
	printf("{\"row\": \"%s\", \"subject\": \"%s\", \"x\": %" PRIu64, row,
	       subject, x);
}

static void end(void)
{
	puts("}");
	fflush(stdout);
}

void bench_report(const char *row, const char *subject, uint64_t x,
		  const char *unit, struct bench_samples *samples)
{
	int count = samples->count;

	if (!count)
		return;
	qsort(samples->values, count, sizeof(samples->values[0]), compare);
	begin(row, subject, x);
	printf(", \"unit\": \"%s\", \"median\": %" PRIu64 ", \"min\": %" PRIu64
	       ", \"max\": %" PRIu64 ", \"rounds\": %d",
	       unit, samples->values[count / 2], samples->values[0],
	       samples->values[count - 1], count);
	end();
}

void bench_report_value(const char *row, const char *subject, uint64_t x,
			const char *unit, uint64_t value)
{
	struct bench_samples one = { .values = { value }, .count = 1 };

	bench_report(row, subject, x, unit, &one);
}

void bench_report_error(const char *row, const char *subject, uint64_t x,
			int error)
{
	begin(row, subject, x);
	printf(", \"error\": \"%s\"", strerrorname_np(-error) ?: "unknown");
	end();
}

void bench_progress(const char *format, ...)
{
	va_list args;

	fputs("# ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

uint64_t bench_field(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(name);
	uint64_t kib = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, length) && line[length] == ':') {
			kib = strtoull(line + length + 1, NULL, 10);
			break;
		}
	}
	if (file)
		fclose(file);
	return kib << 10;
}
