// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest's program says, reads and writes: lines on the console, TAP-like
 * steps, small files of proc and sysfs. Each line is one write, so that the kernel's messages
 * come between lines and not into them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define LINE_SIZE	512

static unsigned int steps;
static char reason[LINE_SIZE];

static void line(const char *prefix, const char *text)
{
	char whole[LINE_SIZE + 32];
	int length = snprintf(whole, sizeof(whole), "%s%s\n", prefix, text);

	/* Nobody to tell if even that fails */
	if (write(STDOUT_FILENO, whole, length) < 0)
		return;
}

void say(const char *fmt, ...)
{
	char text[LINE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	line("guest: ", text);
}

void step_ok(const char *fmt, ...)
{
	char text[LINE_SIZE], prefix[32];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(prefix, sizeof(prefix), "ok %u - ", ++steps);
	line(prefix, text);
}

int step_failed(int error, const char *fmt, ...)
{
	char prefix[32];
	size_t used;
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	used = strlen(reason);
	if (error)
		snprintf(reason + used, sizeof(reason) - used, ": %s", strerror(-error));
	snprintf(prefix, sizeof(prefix), "not ok %u - ", ++steps);
	line(prefix, reason);
	return error ?: -EIO;
}

const char *failure(void)
{
	return reason;
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

char *file_read(char *text, size_t size, const char *path, ...)
{
	char name[PATH_MAX];
	ssize_t got = 0;
	va_list args;
	int fd;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, size - 1);
		close(fd);
	}
	text[got < 0 ? 0 : got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

int file_write(const char *text, const char *path, ...)
{
	char name[PATH_MAX];
	va_list args;
	int fd, ret;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

uint64_t physical_address(const void *va)
{
	uint64_t page = sysconf(_SC_PAGESIZE), entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), (uintptr_t)va / page * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	/* Bit 63: present; 54:0: frame */
	return entry >> 63 ? (entry & ((1ULL << 55) - 1)) * page : 0;
}

sigjmp_buf sigbus_jump;

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(sigbus_jump, 1);
}

void catch_sigbus(void)
{
	struct sigaction action = { .sa_handler = on_sigbus };

	sigaction(SIGBUS, &action, NULL);
}

const char *console_line(int ms)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	static char text[LINE_SIZE];
	ssize_t got;

	if (poll(&pfd, 1, ms) <= 0)
		return NULL;
	got = read(STDIN_FILENO, text, sizeof(text) - 1);
	if (got <= 0) {
		/* A console that has gone would be ready for ever */
		poll(NULL, 0, ms);
		return NULL;
	}
	text[got] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}
