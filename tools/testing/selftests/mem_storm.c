// SPDX-License-Identifier: GPL-2.0
/*
 * A storm: processes and threads allocate, map, copy, unmap, destroy, fault, fork, get
 * killed, and bind, reset and rebind devices at random, on two iommufds and those of
 * children. Afterwards all memory must be back and clean, whatever happened. (The machine
 * looks for splats in the kernel's log.)
 *
 * Each worker owns some objects: it stamps every page of them, and nobody else writes
 * there. Objects that are anybody's are in a table; who takes one out may destroy it.
 */
#include "kselftest.h"

#include <fcntl.h>
#include <getopt.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#include "edu.h"
#include "leftovers.h"
#include "storm.h"

#define DEVICES		4
#define IDS		48	/* that are likely to be something */
#define ROUNDS		3	/* the first warms up the kernel's caches */
#define CHILD_OPS	256	/* at most: it is killed */
#define SLACK		64	/* objects in a slab cache that are no leak */
#define REGIONS		16	/* numbers of regions that are tried */

/* A device of a process; devices are not for children */
static struct device {
	pthread_mutex_t lock;
	struct vfio_function function;	/* no bdf: there is none */
	bool is_vf;
	struct vfio_dev dev;
	int ctx;			/* that it is bound to, -1 if to none */
} device[DEVICES];

/* Any device that is bound to the context, or NULL. Others may unbind it */
static struct device *some_device(struct storm_worker *w, int ctx)
{
	struct device *d = &device[storm_number(w) % DEVICES];

	return d->function.bdf[0] && d->ctx == ctx ? d : NULL;
}

static int alloc(struct storm_worker *w, int ctx, struct iommu_mem_alloc *cmd)
{
	const uint64_t page = memtest_page_size();
	struct device *d = some_device(w, ctx);
	uint64_t kind = storm_number(w) % 16;

	*cmd = (struct iommu_mem_alloc){
		.type = IOMMU_MEM_TYPE_REGION,
		.dev_id = d ? d->dev.dev_id : 0,
	};
	if (kind == 0)
		cmd->length = STORM_WINDOW;
	else if (kind < 4)
		cmd->length = cmd->align = MIB(2);
	else
		cmd->length = page * (1 + storm_number(w) % (MIB(4) / page));
	return storm_did(w, CALL_ALLOC,
			 iommufd_mem_alloc(storm_context[ctx].fd, cmd));
}

static void op_alloc(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);
	int ctx = storm_some_context(w);
	struct iommu_mem_alloc cmd;

	storm_free(w, slot);
	if (alloc(w, ctx, &cmd))
		return;
	*slot = (struct storm_slot){
		.ctx = ctx,
		.id = cmd.out_mem_id,
		.length = cmd.length,
		.offset = cmd.out_mmap_offset,
	};
	storm_take(w, slot);
}

static void op_free(struct storm_worker *w)
{
	storm_free(w, storm_some_slot(w));
}

static void op_mmap(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);

	if (storm_number(w) % 2)
		storm_munmap(w, slot);
	else
		storm_mmap(w, slot);
	storm_check_stamps(w, slot, slot->key);
}

static int map_id(struct storm_worker *w, const struct storm_slot *slot,
		  uint32_t ioas_id, uint64_t iova)
{
	return storm_did(w, CALL_MAP,
			 iommufd_ioas_map_mem(storm_context[slot->ctx].fd,
					      ioas_id, slot->id, 0, slot->length,
					      IOMMUFD_FIXED_READ_WRITE, &iova));
}

static int map_va(struct storm_worker *w, const struct storm_slot *slot,
		  int ctx, uint32_t ioas_id, uint64_t iova)
{
	if (!slot->va)
		return -EFAULT;
	return storm_did(w, CALL_MAP_VA,
			 iommufd_ioas_map(storm_context[ctx].fd, ioas_id,
					  slot->va, slot->length,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
}

static int map_file(struct storm_worker *w, const struct storm_slot *slot,
		    int ctx, uint32_t ioas_id, uint64_t iova)
{
	struct iommu_mem_export cmd = {
		.size = sizeof(cmd),
		.mem_id = slot->id,
	};
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMUFD_FIXED_READ_WRITE,
		.ioas_id = ioas_id,
		.length = slot->length,
		.iova = iova,
	};
	int ret;

	ret = storm_did(w, CALL_EXPORT,
			iommufd_ioctl(storm_context[slot->ctx].fd,
				      IOMMU_MEM_EXPORT, &cmd));
	if (ret)
		return ret;
	map.fd = cmd.out_fd;
	ret = storm_did(w, CALL_MAP_FILE,
			iommufd_ioctl(storm_context[ctx].fd,
				      IOMMU_IOAS_MAP_FILE, &map));
	close(cmd.out_fd);
	return ret;
}

/* By ID in its own context; by address, and through a file, in any; and copy that */
static void op_map(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);
	unsigned int kind = storm_number(w) % (STORM_WINDOWS - 1);
	uint64_t iova = storm_iova(w, slot, kind);
	uint64_t copy = storm_iova(w, slot, STORM_WINDOWS - 1);
	int ctx = kind ? storm_some_context(w) : slot->ctx;
	uint32_t ioas_id = storm_some_ioas(w, ctx);
	int ret;

	if (!slot->id)
		return;
	if (kind == 0)
		ret = map_id(w, slot, ioas_id, iova);
	else if (kind == 1)
		ret = map_va(w, slot, ctx, ioas_id, iova);
	else
		ret = map_file(w, slot, ctx, ioas_id, iova);
	if (!ret)
		storm_did(w, CALL_COPY,
			  iommufd_ioas_copy(storm_context[ctx].fd,
					    storm_some_ioas(w, ctx), ioas_id,
					    slot->length,
					    IOMMUFD_FIXED_READ_WRITE, &copy,
					    iova));
}

static void op_unmap(struct storm_worker *w)
{
	uint64_t iova = storm_iova(w, storm_some_slot(w), 0);
	int ctx = storm_some_context(w);

	storm_did(w, CALL_UNMAP,
		  iommufd_ioas_unmap(storm_context[ctx].fd,
				     storm_some_ioas(w, ctx), iova, STORM_PART,
				     NULL));
}

/* An IOAS goes with what is mapped in it */
static void op_ioas(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);
	uint32_t ioas_id;

	if (!slot->id ||
	    storm_did(w, CALL_IOAS_ALLOC,
		      iommufd_ioas_alloc(storm_context[slot->ctx].fd,
					 &ioas_id)))
		return;
	map_id(w, slot, ioas_id, GIB(4));
	storm_destroy(w, slot->ctx, ioas_id);
}

/* Find any object, map it for the CPU and for DMA; it may go at any time */
static void op_any(struct storm_worker *w)
{
	struct iommu_mem_info info = {
		.flags = IOMMU_MEM_INFO_NEXT,
		.mem_id = storm_number(w) % IDS,
	};
	int ctx = storm_some_context(w), fd = storm_context[ctx].fd;
	uint64_t iova = storm_iova(w, &w->slot[STORM_SLOTS], 0);
	uint32_t ioas_id = storm_some_ioas(w, ctx);
	const uint64_t page = memtest_page_size();
	void *va;

	if (storm_did(w, CALL_INFO, iommufd_mem_info(fd, &info)))
		return;
	if (!storm_did(w, CALL_MMAP_ANY,
		       iommufd_mem_mmap(fd, info.out_mmap_offset, page, 0,
					PROT_READ, &va))) {
		memtest_read_faults(va);
		munmap(va, page);
	}
	if (!storm_did(w, CALL_MAP_ANY,
		       iommufd_ioas_map_mem(fd, ioas_id, info.mem_id, 0, page,
					    IOMMUFD_FIXED_READ_WRITE, &iova)))
		storm_did(w, CALL_UNMAP,
			  iommufd_ioas_unmap(fd, ioas_id, iova, page, NULL));
}

static void op_retired(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);
	struct iommu_mem_retired cmd = {
		.size = sizeof(cmd),
		.mem_id = slot->id,
	};

	if (slot->id)
		storm_did(w, CALL_RETIRED,
			  iommufd_ioctl(storm_context[slot->ctx].fd,
					IOMMU_MEM_RETIRED, &cmd));
}

static int alloc_bar(struct storm_worker *w, int ctx,
		     struct iommu_mem_alloc *cmd)
{
	struct device *d = some_device(w, ctx);

	if (!d)
		return -ENODEV;
	*cmd = (struct iommu_mem_alloc){
		.type = IOMMU_MEM_TYPE_DEVICE,
		.dev_id = d->dev.dev_id,
		.region_index = d->is_vf ? NVGRACE_GPU_BAR_FB : 0,
		.length = memtest_page_size(),
	};
	return storm_did(w, CALL_ALLOC_BAR,
			 iommufd_mem_alloc(storm_context[ctx].fd, cmd));
}

/* Leave an object, of the region or of a BAR, to anybody; destroy what was there */
static void op_common(struct storm_worker *w)
{
	uint64_t number = storm_number(w);
	int ctx = number % STORM_OWN, ret;
	uint32_t *common = &storm->common[ctx][(number >> 8) % STORM_COMMON];
	struct iommu_mem_alloc cmd;
	uint32_t old;

	ret = (number >> 16) % 4 ? alloc_bar(w, ctx, &cmd) :
				   alloc(w, ctx, &cmd);
	old = __atomic_exchange_n(common, ret ? 0 : cmd.out_mem_id,
				  __ATOMIC_SEQ_CST);
	if (old)
		storm_destroy(w, ctx, old);
}

static int pci_write(const char *format, const char *bdf, const char *text)
{
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), format, bdf);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Its cdev has another name each time that the driver is bound */
static int find_again(struct vfio_function *function)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	int i, nr;

	nr = vfio_find(function->vendor, function->device, found,
		       ARRAY_SIZE(found));
	for (i = 0; i < nr; i++)
		if (!strcmp(found[i].bdf, function->bdf)) {
			*function = found[i];
			return 0;
		}
	return -ENOENT;
}

static void open_device(struct storm_worker *w, struct device *d)
{
	int ctx = storm_some_context(w);

	if (storm_did(w, CALL_OPEN, vfio_open(&d->dev, &d->function)))
		return;
	if (storm_did(w, CALL_BIND, vfio_bind(&d->dev, storm_context[ctx].fd))) {
		vfio_close(&d->dev);
		return;
	}
	d->ctx = ctx;
	storm_did(w, CALL_ATTACH, vfio_attach(&d->dev, storm_some_ioas(w, ctx)));
}

static void close_device(struct device *d)
{
	d->ctx = -1;
	vfio_close(&d->dev);
}

static void rebind(struct storm_worker *w, struct device *d)
{
	const char *bdf = d->function.bdf;

	close_device(d);
	storm_did(w, CALL_REBIND,
		  pci_write("/sys/bus/pci/devices/%s/driver/unbind", bdf, bdf) ?:
		  pci_write("/sys/bus/pci/drivers/vfio-pci/bind", bdf, bdf) ?:
		  find_again(&d->function));
}

/* Take the BARs away, or give them back. Does nothing to a VF */
static int set_decode(struct vfio_dev *dev, bool on)
{
	return vfio_set_command(dev, on ? PCI_COMMAND_MEMORY : 0,
				on ? 0 : PCI_COMMAND_MEMORY);
}

static void use_device(struct storm_worker *w, struct device *d)
{
	uint64_t kind = storm_number(w) % 8;

	if (kind == 0)
		rebind(w, d);
	else if (d->ctx < 0)
		open_device(w, d);
	else if (kind == 1)
		close_device(d);
	else if (kind == 2)
		storm_did(w, CALL_ATTACH,
			  vfio_attach(&d->dev, storm_some_ioas(w, d->ctx)));
	else if (kind == 3)
		storm_did(w, CALL_DETACH, vfio_detach(&d->dev));
	else if (kind == 4 && d->is_vf)
		storm_did(w, CALL_RESET, vfio_reset(&d->dev));
	else if (kind == 5 && d->is_vf)
		storm_did(w, CALL_SYSFS_RESET,
			  pci_write("/sys/bus/pci/devices/%s/reset",
				    d->function.bdf, "1"));
	else
		storm_did(w, CALL_COMMAND, set_decode(&d->dev, kind % 2));
}

static void op_device(struct storm_worker *w)
{
	struct device *d = &device[storm_number(w) % DEVICES];

	if (w->child || !d->function.bdf[0] || pthread_mutex_trylock(&d->lock))
		return;
	use_device(w, d);
	pthread_mutex_unlock(&d->lock);
}

static void op_fork(struct storm_worker *w);

static void (*const operations[])(struct storm_worker *w) = {
	op_alloc, op_alloc, op_alloc, op_alloc, op_free, op_mmap, op_mmap,
	op_map, op_map, op_map, op_map, op_unmap, op_unmap, op_ioas, op_any,
	op_any, op_retired, op_common, op_common, op_common, op_device,
	op_device, op_device, op_fork,
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
	for (i = 0; i < DEVICES; i++)
		close_device(&device[i]);
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
		storm_fail(w, storm->wrong, "its child died", -ECHILD);
	clean_up_after(child);
}

/* The VFs and edu, every so many to each process */
static void get_devices(int process)
{
	struct vfio_function found[DEVICES];
	int i, nr, nr_vfs;

	nr_vfs = vfio_find(NVGRACE_GPU_VENDOR_ID, NVGRACE_GPU_VF_DEVICE_ID,
			   found, DEVICES - 1);
	nr = nr_vfs + !edu_find(&found[nr_vfs]);
	for (i = 0; i < DEVICES; i++) {
		struct device *d = &device[i];

		pthread_mutex_init(&d->lock, NULL);
		d->dev.fd = -1;
		d->ctx = -1;
		d->is_vf = i < nr_vfs;
		if (i < nr && i % STORM_PROCESSES == process)
			d->function = found[i];
	}
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
	get_devices(process);
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
				   storm->wrong, "its process died", -ECHILD);
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

static bool every_call_worked(void)
{
	bool all = true;
	int i;

	for (i = 0; i < NR_STORM_CALLS; i++) {
		ksft_print_msg("%s: %u worked, %u did not\n",
			       storm_call_name(i), storm->worked[i],
			       storm->failed[i]);
		all = all && storm->worked[i];
	}
	return all;
}

static void run_storm(void)
{
	const uint64_t free_before = regions_sum("free");
	bool owners = true, back = true, clean = true;
	static struct slabs slabs;

	for (; storm_round < ROUNDS && !storm->stop; storm_round++) {
		run_round();
		owners = regions_become("owners", 0) && owners;
		back = regions_become("free", free_before) && back;
		clean = regions_become("clean", free_before) && clean;
		if (storm_round == 0)
			slabs_count(&slabs);
	}
	if (storm->stop)
		ksft_print_msg("%s%s\n", storm->wrong, storm->bytes);
	ksft_test_result(!storm->stop || storm->bytes[0],
			 "every_errno_is_one_that_the_verb_documents\n");
	ksft_test_result(!storm->bytes[0], "an_object_has_zeros_and_then_its_owners_bytes\n");
	ksft_test_result(every_call_worked(), "every_verb_worked\n");
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
