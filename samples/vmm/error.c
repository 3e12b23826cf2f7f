// SPDX-License-Identifier: GPL-2.0
/*
 * Errors and notes on stderr. A line is one write(), so that threads do not mix
 * theirs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define NOTES_MAX	100

bool vmm_verbose;

static void say(int error, const char *format, va_list args)
{
	char line[512];
	int at;

	at = snprintf(line, sizeof(line), "vmm: ");
	at += vsnprintf(line + at, sizeof(line) - at, format, args);
	if (error && at < (int)sizeof(line))
		at += snprintf(line + at, sizeof(line) - at, ": %s", strerror(-error));
	if (at > (int)sizeof(line) - 2)
		at = sizeof(line) - 2;
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}

int vmm_error(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(error, format, args);
	va_end(args);
	return error ?: -EINVAL;
}

void vmm_note(int error, const char *format, ...)
{
	static unsigned int notes;
	va_list args;

	if (__atomic_fetch_add(&notes, 1, __ATOMIC_RELAXED) >= NOTES_MAX)
		return;
	va_start(args, format);
	say(error, format, args);
	va_end(args);
}

void vmm_step(const char *format, ...)
{
	va_list args;

	if (!vmm_verbose)
		return;
	va_start(args, format);
	say(0, format, args);
	va_end(args);
}
