// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that start together, each on a CPU of its own as far as there are enough.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "bench.h"

struct team {
	pthread_mutex_t gate;	/* opens when it is known how many there are */
	pthread_barrier_t barrier;
	int (*work)(void *arg, int index);
	void *arg;
};

struct member {
	struct team *team;
	pthread_t thread;
	int index;
	uint64_t start;
	uint64_t end;
	int ret;
};

int bench_cpus(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);
}

static void pin(int index)
{
	cpu_set_t cpus, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return;
	index %= CPU_COUNT(&cpus);
	for (cpu = 0; !CPU_ISSET(cpu, &cpus) || index--; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void *run(void *arg)
{
	struct member *member = arg;
	struct team *team = member->team;

	pin(member->index);
	pthread_mutex_lock(&team->gate);
	pthread_mutex_unlock(&team->gate);
	pthread_barrier_wait(&team->barrier);
	member->start = bench_now();
	member->ret = team->work(team->arg, member->index);
	member->end = bench_now();
	return NULL;
}

int bench_together(int nr, int (*work)(void *arg, int index), void *arg,
		   uint64_t *ns)
{
	struct team team = {
		.gate = PTHREAD_MUTEX_INITIALIZER, .work = work, .arg = arg,
	};
	struct member *members = calloc(nr, sizeof(*members));
	uint64_t start = UINT64_MAX, end = 0;
	int count, i, ret = 0;

	if (!members)
		return -ENOMEM;
	pthread_mutex_lock(&team.gate);
	for (count = 0; count < nr && !ret; count += !ret) {
		members[count].team = &team;
		members[count].index = count;
		ret = -pthread_create(&members[count].thread, NULL, run,
				      &members[count]);
	}
	pthread_barrier_init(&team.barrier, NULL, count);
	pthread_mutex_unlock(&team.gate);
	for (i = 0; i < count; i++) {
		pthread_join(members[i].thread, NULL);
		if (members[i].start < start)
			start = members[i].start;
		if (members[i].end > end)
			end = members[i].end;
		ret = ret ?: members[i].ret;
	}
	free(members);
	*ns = end - start;
	return ret;
}
