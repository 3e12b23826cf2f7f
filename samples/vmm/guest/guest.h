/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the guest's program share: the orders, the report, files.
 *
 * Functions return 0 or a negative errno, where they do not say otherwise.
 */
#ifndef GUEST_H
#define GUEST_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB(n)	((uint64_t)(n) << 10)
#define MIB(n)	((uint64_t)(n) << 20)

/* The orders: guest.NAME=VALUE on the kernel command line, --NAME=VALUE elsewhere */
struct guest_options {
	const char *job;
	uint64_t size;		/* bytes of what a job copies or touches */
	unsigned int seconds;	/* how long a job runs that has no other end */
	const char *forge;	/* addresses, comma-separated */
};

/* One line: "guest: ..." */
__attribute__((format(printf, 1, 2)))
void say(const char *fmt, ...);
/* "ok N - ..." */
__attribute__((format(printf, 1, 2)))
void step_ok(const char *fmt, ...);
/*
 * "not ok N - ..."; the text is also the reason in the last line. @error, 0 or a
 * negative errno, is added in words. Returns @error, or -EIO where it is 0
 */
__attribute__((format(printf, 2, 3)))
int step_failed(int error, const char *fmt, ...);
/* What the last step_failed() said, "" if there was none */
const char *failure(void);

uint64_t now_ms(void);

/* First line of a small file without its newline, "" if there is none. Returns @text */
__attribute__((format(printf, 3, 4)))
char *file_read(char *text, size_t size, const char *path, ...);
__attribute__((format(printf, 2, 3)))
int file_write(const char *text, const char *path, ...);

/* Where a page of this process is in physical memory, 0 if that cannot be known */
uint64_t physical_address(const void *va);

/* A line from the console if one came within @ms, else NULL; valid until the next call */
const char *console_line(int ms);

/*
 * From now on memory that fails, or a BAR that has gone, ends at
 * sigsetjmp(sigbus_jump, 1)
 */
extern sigjmp_buf sigbus_jump;
void catch_sigbus(void);

/* The jobs; 0 if all was as it should be */
int job_boot(const struct guest_options *options);
int job_dma(const struct guest_options *options);
int job_stress(const struct guest_options *options);
int job_forge(const struct guest_options *options);
int job_idle(const struct guest_options *options);
int job_poison(const struct guest_options *options);

#endif
