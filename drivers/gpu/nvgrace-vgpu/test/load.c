// SPDX-License-Identifier: GPL-2.0
/*
 * Load for tests from outside, by debugfs' nvgrace-vgpu-test/load. A write of N starts N
 * contexts, spread over all engines, with a thread each, which does one round trip
 * (trip.c) after the other until 0 is written, one fails, or the GPU's driver leaves. A
 * read says how many there are, what they have done since the last write, and how they
 * ended.
 */
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "test.h"

#define NVGT_LOAD_SIZE	SZ_64K
#define NVGT_MAX_LOAD	1024U

/*
 * A thread of the load. It uses the GPU from its start until it has counted its end; it
 * is there until nvgt_load_stop().
 */
struct nvgt_worker {
	struct nvgt_gpu *gpu;
	struct task_struct *task;
	unsigned int number;
};

static DEFINE_MUTEX(nvgt_load_lock);	/* of who starts and stops workers */
static struct nvgt_worker *nvgt_workers;
static unsigned int nvgt_nr_workers;
static bool nvgt_load_ends;		/* all at once, before they are waited for one by one */

/* What workers did since the last write */
static DEFINE_SPINLOCK(nvgt_done_lock);
static struct {
	unsigned int starting;		/* no context yet */
	unsigned int running;
	u64 copies;			/* round trips */
	unsigned int ended[MAX_ERRNO + 1];
} nvgt_done;

/* Counts the end of a worker whose context is destroyed, or was never made */
static void nvgt_worker_end(struct nvgt_worker *worker, unsigned int *state, int error)
{
	scoped_guard(spinlock, &nvgt_done_lock) {
		(*state)--;
		nvgt_done.ended[-error]++;
	}
	nvgt_gpu_put(worker->gpu);
}

static int nvgt_worker_go(struct nvgt_worker *worker, struct nvgt_trip *trip)
{
	u64 seed = (u64)worker->number << 16;
	int ret;

	while (!READ_ONCE(nvgt_load_ends)) {
		if (READ_ONCE(worker->gpu->leaving))
			return -ENODEV;
		ret = nvgt_trip_go(trip, seed++);
		if (ret)
			return ret;
		scoped_guard(spinlock, &nvgt_done_lock)
			nvgt_done.copies++;
		cond_resched();
	}
	return 0;
}

static int nvgt_worker_run(void *data)
{
	struct nvgt_worker *worker = data;
	struct nvgt_trip trip;
	int ret;

	ret = nvgt_trip_init(&trip, worker->gpu, worker->number % worker->gpu->info.nr_ces,
			     NVGT_LOAD_SIZE);
	if (ret) {
		nvgt_worker_end(worker, &nvgt_done.starting, ret);
		return 0;
	}
	scoped_guard(spinlock, &nvgt_done_lock) {
		nvgt_done.starting--;
		nvgt_done.running++;
	}
	ret = nvgt_worker_go(worker, &trip);
	nvgt_trip_exit(&trip);
	nvgt_worker_end(worker, &nvgt_done.running, ret);
	return 0;
}

/* nvgt_load_lock is held */
static void nvgt_load_stop(void)
{
	WRITE_ONCE(nvgt_load_ends, true);
	while (nvgt_nr_workers) {
		struct nvgt_worker *worker = &nvgt_workers[--nvgt_nr_workers];

		/* It never ran if so */
		if (kthread_stop_put(worker->task) == -EINTR)
			nvgt_worker_end(worker, &nvgt_done.starting, 0);
	}
	WRITE_ONCE(nvgt_load_ends, false);
	kvfree(nvgt_workers);
	nvgt_workers = NULL;
}

/* nvgt_load_lock is held */
static int nvgt_load_add(void)
{
	struct nvgt_worker *worker = &nvgt_workers[nvgt_nr_workers];

	worker->number = nvgt_nr_workers;
	worker->gpu = nvgt_gpu_get();
	if (!worker->gpu)
		return -ENODEV;
	worker->task = kthread_create(nvgt_worker_run, worker, "nvgt-load/%u", worker->number);
	if (IS_ERR(worker->task)) {
		nvgt_gpu_put(worker->gpu);
		return PTR_ERR(worker->task);
	}
	get_task_struct(worker->task);
	nvgt_nr_workers++;
	scoped_guard(spinlock, &nvgt_done_lock)
		nvgt_done.starting++;
	return 0;
}

/* nvgt_load_lock is held */
static int nvgt_load_start(unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	scoped_guard(spinlock, &nvgt_done_lock)
		memset(&nvgt_done, 0, sizeof(nvgt_done));
	nvgt_workers = kvcalloc(nr, sizeof(*nvgt_workers), GFP_KERNEL);
	if (!nvgt_workers)
		return -ENOMEM;
	while (nr-- && !ret)
		ret = nvgt_load_add();
	if (ret) {
		nvgt_load_stop();
		return ret;
	}
	/* All at once: the first would keep the CPUs from those that are to come */
	for (i = 0; i < nvgt_nr_workers; i++)
		wake_up_process(nvgt_workers[i].task);
	return 0;
}

static ssize_t nvgt_load_write(struct file *file, const char __user *text, size_t count,
			       loff_t *pos)
{
	unsigned int nr;
	int ret;

	ret = kstrtouint_from_user(text, count, 0, &nr);
	if (ret)
		return ret;
	if (nr > NVGT_MAX_LOAD)
		return -EINVAL;
	guard(mutex)(&nvgt_load_lock);
	nvgt_load_stop();
	if (nr)
		ret = nvgt_load_start(nr);
	return ret ? ret : count;
}

static int nvgt_load_show(struct seq_file *file, void *unused)
{
	int error;

	guard(spinlock)(&nvgt_done_lock);
	seq_printf(file, "starting: %u\n", nvgt_done.starting);
	seq_printf(file, "running: %u\n", nvgt_done.running);
	seq_printf(file, "copies: %llu\n", nvgt_done.copies);
	for (error = 0; error <= MAX_ERRNO; error++)
		if (nvgt_done.ended[error])
			seq_printf(file, "ended %d: %u\n", -error, nvgt_done.ended[error]);
	return 0;
}

static int nvgt_load_open(struct inode *inode, struct file *file)
{
	return single_open(file, nvgt_load_show, NULL);
}

static const struct file_operations nvgt_load_fops = {
	.owner = THIS_MODULE,
	.open = nvgt_load_open,
	.read = seq_read,
	.write = nvgt_load_write,
	.llseek = seq_lseek,
	.release = single_release,
};

void nvgt_load_files(struct dentry *dir)
{
	debugfs_create_file("load", 0600, dir, NULL, &nvgt_load_fops);
}

/* The files are gone */
void nvgt_load_exit(void)
{
	guard(mutex)(&nvgt_load_lock);
	nvgt_load_stop();
}
