// SPDX-License-Identifier: GPL-2.0
/*
 * A storm: processes and threads allocate, map, copy, unmap, destroy, fault, fork, get
 * killed, and bind, reset and rebind devices at random, on two iommufds and those of
 * children. Afterwards all memory must be back and clean, whatever happened. (The machine
 * looks for splats in the kernel's log.)
 */
#include "kselftest.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#include "leftovers.h"
#include "storm.h"

#define ROUNDS		3	/* the first warms up the kernel's caches */
#define CHILD_OPS	256	/* at most: it is killed */
#define SLACK		64	/* objects in a slab cache that are no leak */
#define TRIED		20	/* times: a verb that fails as often always fails */
#define REGIONS		16	/* numbers of regions that are tried */

static void op_fork(struct storm_worker *w);

static void (*const operations[])(struct storm_worker *w) = {
	storm_use_memory, storm_use_memory, storm_use_memory, storm_use_memory,
	storm_use_memory, storm_use_memory, storm_use_memory, storm_use_memory,
	storm_use_device, op_fork,
};

static void run(struct storm_worker *w, unsigned int first, unsigned int nr)
{
	for (w->op = first; w->op < first + nr && !storm->stop; w->op++) {
		storm_seed_operation(w);
		operations[storm_number(w) % ARRAY_SIZE(operations)](w);
	}
}

/* In a context of its own, or in those of its parent */
static void be_child(struct storm_worker *child, struct storm_worker *parent)
{
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	storm_drop_devices();
	for (i = 0; i < STORM_SLOTS; i++)
		storm_check_stamps(parent, &parent->slot[i],
				   parent->slot[i].key);
	if (storm_number(parent) % 4 == 0 &&
	    storm_open_context(&storm_context[STORM_OWN]))
		_exit(1);
	run(child, parent->op * CHILD_OPS, CHILD_OPS);
	_exit(0);
}

/* What it had in its parent's contexts */
static void clean_up_after(struct storm_worker *child)
{
	const uint64_t iova = storm_iova(child, child->slot, 0);
	int ctx, i;

	for (i = 0; i < STORM_SLOTS; i++) {
		struct storm_slot *slot = &child->slot[i];

		if (slot->id && slot->ctx != STORM_OWN)
			storm_destroy(child, slot->ctx, slot->id);
		memset(slot, 0, sizeof(*slot));
	}
	for (ctx = 0; ctx < STORM_OWN; ctx++)
		for (i = 0; i < 2; i++)
			storm_did(child, CALL_UNMAP,
				  iommufd_ioas_unmap(storm_context[ctx].fd,
						     storm_context[ctx].ioas_id[i],
						     iova, STORM_RANGE, NULL));
}

static bool ended_well(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
				     WEXITSTATUS(status) == 0;
}

/* The nap is not to wait for anything: when the child is killed is up to chance too */
static void op_fork(struct storm_worker *w)
{
	struct timespec nap = { .tv_nsec = storm_number(w) % 30000000 };
	struct storm_worker *child = w + STORM_WORKERS;
	int status;
	pid_t pid;

	if (w->child)
		return;
	pid = fork();
	if (!pid)
		be_child(child, w);
	if (storm_did(w, CALL_FORK, pid < 0 ? -errno : 0))
		return;
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !ended_well(status))
		storm_fail(w, storm->wrong, "its child died", 0);
	clean_up_after(child);
}

static void *run_thread(void *worker)
{
	run(worker, 0, storm_ops);
	return NULL;
}

/* Ends with everything still open and mapped */
static void be_process(int process)
{
	pthread_t thread[STORM_THREADS];
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	storm_get_devices(process);
	for (i = 0; i < STORM_THREADS; i++)
		if (pthread_create(&thread[i], NULL, run_thread,
				   &storm->worker[process * STORM_THREADS + i]))
			_exit(1);
	for (i = 0; i < STORM_THREADS; i++)
		pthread_join(thread[i], NULL);
	_exit(0);
}

static void prepare_round(void)
{
	int i;

	memset(storm->worker, 0, sizeof(storm->worker));
	memset(storm->common, 0, sizeof(storm->common));
	for (i = 0; i < 2 * STORM_WORKERS; i++) {
		storm->worker[i].number = i;
		storm->worker[i].child = i >= STORM_WORKERS;
	}
	storm_context[STORM_OWN].fd = -1;
	for (i = 0; i < STORM_OWN; i++)
		if (storm_open_context(&storm_context[i]))
			ksft_exit_fail_msg("no iommufd with two IOASes\n");
}

/* In every second round the last process is killed when the others are done */
static void run_round(void)
{
	const bool killing = storm_round % 2;
	pid_t pid[STORM_PROCESSES];
	int i, status;

	prepare_round();
	for (i = 0; i < STORM_PROCESSES; i++) {
		pid[i] = fork();
		if (!pid[i])
			be_process(i);
	}
	for (i = 0; i < STORM_PROCESSES; i++) {
		if (killing && i == STORM_PROCESSES - 1)
			kill(pid[i], SIGKILL);
		if (waitpid(pid[i], &status, 0) != pid[i] ||
		    !ended_well(status))
			storm_fail(&storm->worker[i * STORM_THREADS],
				   storm->wrong, "its process died", 0);
	}
	for (i = 0; i < STORM_OWN; i++)
		close(storm_context[i].fd);
}

/* One object, as large as possible, of what is left of a region; 0 if nothing is */
static uint64_t take_zeros(int iommufd, uint32_t region)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_REGION,
		.region_index = region,
		.length = memtest_max_length(),
	};
	struct storm_slot slot = {};
	void *va;
	int ret;

	while ((ret = iommufd_mem_alloc(iommufd, &cmd)) == -ENOSPC &&
	       cmd.length > memtest_page_size())
		cmd.length /= 2;
	if (ret || iommufd_mem_mmap(iommufd, cmd.out_mmap_offset, cmd.length,
				    MIB(2), PROT_READ, &va))
		return 0;
	slot.va = va;
	slot.length = cmd.length;
	storm_check_stamps(&storm->worker[0], &slot, 0);
	munmap(va, cmd.length);
	return cmd.length;
}

/* All that can be had by the next owner */
static bool next_owner_reads_zeros(uint64_t free_before)
{
	int iommufd = iommufd_open();
	uint64_t length, sum = 0;
	uint32_t region;

	for (region = 0; region < REGIONS; region++)
		while ((length = take_zeros(iommufd, region)))
			sum += length;
	close(iommufd);
	return sum == free_before && !storm->bytes[0];
}

/* Else it would prove little. What was hardly tried does not count */
static bool no_call_fails_always(void)
{
	bool ok = true;
	int i;

	for (i = 0; i < NR_STORM_CALLS; i++) {
		ksft_print_msg("%s: %u worked, %u did not\n",
			       storm_call_name(i), storm->worked[i],
			       storm->failed[i]);
		if (!storm->worked[i] && storm->failed[i] >= TRIED)
			ok = false;
	}
	return ok;
}

static void run_storm(void)
{
	/* Nor may a test that ran before have any */
	bool owners = regions_become("owners", 0), back = true, clean = true;
	const uint64_t free_before = regions_sum("free");
	static struct slabs slabs;

	for (; storm_round < ROUNDS && !storm->stop && clean; storm_round++) {
		run_round();
		owners = regions_become("owners", 0);
		back = owners && regions_become("free", free_before);
		clean = back && regions_become("clean", free_before);
		if (storm_round == 0)
			slabs_count(&slabs);
	}
	if (storm->stop)
		ksft_print_msg("%s%s\n", storm->wrong, storm->bytes);
	ksft_test_result(!storm->stop || storm->bytes[0],
			 "every_errno_is_one_that_the_verb_documents\n");
	ksft_test_result(!storm->bytes[0],
			 "an_object_has_zeros_and_then_its_owners_bytes\n");
	ksft_test_result(no_call_fails_always(), "no_verb_fails_always\n");
	ksft_test_result(owners, "nobody_holds_a_region_in_the_end\n");
	ksft_test_result(back, "all_memory_is_back\n");
	ksft_test_result(clean, "all_memory_becomes_clean\n");
	if (slabs.nr)
		ksft_test_result(slabs_shrink_to(&slabs, SLACK),
				 "the_kernel_keeps_no_more_objects\n");
	else
		ksft_test_result_skip("the_kernel_keeps_no_more_objects: no /proc/slabinfo\n");
	ksft_test_result(next_owner_reads_zeros(free_before),
			 "the_next_owner_reads_only_zeros\n");
}

static void usage(const char *program, int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s [--seed N] [--ops N]\n\n"
		"  --seed N  what the workers try depends on it alone (default: another one\n"
		"            each time)\n"
		"  --ops N   operations of each of %d threads in each of %d rounds (default: %u)\n",
		program, STORM_WORKERS, ROUNDS, storm_ops);
	exit(status);
}

static uint64_t parse_number(const char *program, const char *text)
{
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || value > UINT32_MAX) {
		fprintf(stderr, "%s: no number up to 2^32-1: %s\n", program,
			text);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "ops", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	uint32_t seed;
	int option;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = time(NULL);
	storm_seed = seed;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			storm_seed = parse_number(argv[0], optarg);
		else if (option == 'o')
			storm_ops = parse_number(argv[0], optarg);
		else
			usage(argv[0], option == 'h' ? 0 : 2);
	}
	if (optind < argc)
		usage(argv[0], 2);
}

int main(int argc, char **argv)
{
	struct vfio_function found[MEMTEST_MAX_VFS];

	parse(argc, argv);
	ksft_print_header();
	if (memtest_find_vfs(found) < 2)
		ksft_exit_skip("fewer than 2 VFs of the GPU model with a vfio cdev\n");
	ksft_set_plan(8);
	ksft_print_msg("--seed %llu --ops %u\n",
		       (unsigned long long)storm_seed, storm_ops);
	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (storm == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	run_storm();
	ksft_finished();
}
