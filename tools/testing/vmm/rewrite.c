// SPDX-License-Identifier: GPL-2.0
/*
 * Does a CPU run what another one has written? One thread calls a function, another one
 * turns the branch that it begins with, as the kernel does with its static keys, and looks
 * at what the calls return from then on. KVM relies on such a key: without the notifiers
 * behind it, a vCPU's registers stay on the CPU when its thread has to leave.
 *
 * usage: rewrite SECONDS
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/mman.h>

#define B(instructions)	(0x14000000u | (instructions))
#define MOV_W0(value)	(0x52800000u | (value) << 5)
#define RET		0xd65f03c0u

/* These two take effect whole, also in a CPU that runs there: both are branches */
static const uint32_t branch[] = { B(1), B(3) };

static uint32_t *code;
static atomic_ulong calls;
static atomic_uint returned;
static atomic_bool done;

static void *caller(void *unused)
{
	unsigned int (*function)(void) = (void *)code;

	(void)unused;
	while (!done) {
		__asm__ volatile("isb" ::: "memory");
		returned = function();
		calls++;
	}
	return NULL;
}

static void turn(unsigned int to)
{
	__atomic_store_n(&code[0], branch[to], __ATOMIC_RELAXED);
	__builtin___clear_cache((char *)code, (char *)(code + 1));
}

static time_t now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Two calls end: the one that was on its way, and one that has seen it all */
static unsigned int next_return(void)
{
	unsigned long before = calls;

	while (calls - before < 2)
		;
	return returned;
}

int main(int argc, char **argv)
{
	time_t end = now() + (argc > 1 ? atoi(argv[1]) : 1);
	unsigned long turns, stale = 0;
	pthread_t thread;

	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (code == MAP_FAILED) {
		perror("mmap");
		return EXIT_FAILURE;
	}
	code[1] = MOV_W0(0);
	code[2] = RET;
	code[3] = MOV_W0(1);
	code[4] = RET;
	__builtin___clear_cache((char *)code, (char *)(code + 5));
	turn(0);
	if (pthread_create(&thread, NULL, caller, NULL)) {
		fprintf(stderr, "no thread\n");
		return EXIT_FAILURE;
	}
	for (turns = 1; now() <= end; turns++) {
		turn(turns % 2);
		stale += next_return() != turns % 2;
	}
	done = true;
	pthread_join(thread, NULL);
	printf("%lu times the CPU ran the old branch, of %lu\n", stale, turns - 1);
	return stale ? EXIT_FAILURE : EXIT_SUCCESS;
}
