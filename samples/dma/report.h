/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The report of a job: one line for each step, for people or, as JSON, for
 * scripts.
 *
 * A step is report_begin(), any number of fields, and report_ok() or
 * report_failed().
 */
#ifndef DMA_REPORT_H
#define DMA_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report {
	bool json;
	bool verbose;
	unsigned int steps;
	unsigned int failures;
	const char *what;
	char fields[1024];	/* of the step at hand, as they will be printed */
	size_t used;
};

void report_begin(struct report *report, const char *what);

void report_number(struct report *report, const char *name, int64_t value);
void report_address(struct report *report, const char *name, uint64_t address);
void report_size(struct report *report, const char *name, uint64_t bytes);
void report_text(struct report *report, const char *name, const char *text);

/* Print the line. Returns 0 */
int report_ok(struct report *report);
/*
 * Print the line with a reason. @error, 0 or a negative errno, is added in words.
 * Returns @error, or -EIO where it is 0
 */
__attribute__((format(printf, 3, 4)))
int report_failed(struct report *report, int error, const char *reason, ...);

/* A line of its own, with --verbose only */
__attribute__((format(printf, 2, 3)))
void report_note(struct report *report, const char *note, ...);

/* The last line */
void report_end(struct report *report, const char *job);

#endif
