// SPDX-License-Identifier: GPL-2.0
/*
 * The report of a job, on standard output: one line for each step. With --json
 * each line is an object: step, what, the step's fields, ok, and reason where it
 * failed. Sizes are then in bytes and addresses strings.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

static void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

__attribute__((format(printf, 2, 3)))
static void add(struct report *report, const char *format, ...)
{
	size_t room = sizeof(report->fields) - report->used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(report->fields + report->used, room, format, args);
	va_end(args);
	if (length > 0)
		report->used += (size_t)length < room ? (size_t)length :
							room - 1;
}

void report_begin(struct report *report, const char *what)
{
	report->steps++;
	report->what = what;
	report->used = 0;
	report->fields[0] = '\0';
}

void report_number(struct report *report, const char *name, int64_t value)
{
	if (report->json)
		add(report, ",\"%s\":%" PRId64, name, value);
	else
		add(report, "%s %" PRId64 "  ", name, value);
}

void report_address(struct report *report, const char *name, uint64_t address)
{
	if (report->json)
		add(report, ",\"%s\":\"0x%" PRIx64 "\"", name, address);
	else
		add(report, "%s 0x%" PRIx64 "  ", name, address);
}

void report_size(struct report *report, const char *name, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned int unit = 0;

	if (report->json) {
		add(report, ",\"%s\":%" PRIu64, name, bytes);
		return;
	}
	while (bytes && !(bytes % 1024) && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	add(report, "%s %" PRIu64 " %s  ", name, bytes, units[unit]);
}

void report_text(struct report *report, const char *name, const char *text)
{
	if (report->json)
		add(report, ",\"%s\":\"%s\"", name, text);
	else
		add(report, "%s %s  ", name, text);
}

static void print_line(struct report *report, const char *failure)
{
	if (report->json) {
		printf("{\"step\":%u,\"what\":", report->steps);
		print_json_string(report->what);
		printf("%s,\"ok\":%s", report->fields,
		       failure ? "false" : "true");
		if (failure) {
			printf(",\"reason\":");
			print_json_string(failure);
		}
		puts("}");
	} else {
		printf("%2u  %-38s  %-84s  %s%s\n", report->steps, report->what,
		       report->fields, failure ? "FAILED: " : "ok",
		       failure ?: "");
	}
	fflush(stdout);
}

int report_ok(struct report *report)
{
	print_line(report, NULL);
	return 0;
}

int report_failed(struct report *report, int error, const char *reason, ...)
{
	char text[512];
	va_list args;
	int length;

	va_start(args, reason);
	length = vsnprintf(text, sizeof(text), reason, args);
	va_end(args);
	if (error && length >= 0 && (size_t)length < sizeof(text))
		snprintf(text + length, sizeof(text) - length, ": %s",
			 strerror(-error));
	report->failures++;
	print_line(report, text);
	return error ?: -EIO;
}

void report_note(struct report *report, const char *note, ...)
{
	char text[512];
	va_list args;

	if (!report->verbose)
		return;
	va_start(args, note);
	vsnprintf(text, sizeof(text), note, args);
	va_end(args);
	if (report->json) {
		printf("{\"note\":");
		print_json_string(text);
		puts("}");
	} else {
		printf("    # %s\n", text);
	}
	fflush(stdout);
}

void report_end(struct report *report, const char *job)
{
	if (report->json) {
		printf("{\"job\":");
		print_json_string(job);
		printf(",\"steps\":%u,\"failed\":%u,\"ok\":%s}\n",
		       report->steps, report->failures,
		       report->failures ? "false" : "true");
	} else if (report->failures) {
		printf("%s: FAILED, %u of %u steps\n", job, report->failures,
		       report->steps);
	} else {
		printf("%s: ok, %u steps\n", job, report->steps);
	}
	fflush(stdout);
}
