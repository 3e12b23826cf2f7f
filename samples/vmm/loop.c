// SPDX-License-Identifier: GPL-2.0
/*
 * One thread waits for everything that is not a vCPU: console input, SMMU events, the
 * host's wish to have a device back, signals, the end of the guest. Waiting is one
 * io_uring_enter(), however many descriptors there are; a poll request per watch is
 * armed again after each call.
 *
 * Each watch's requests carry its number and generation: a completion that was on its way when
 * the watch was removed finds nobody.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "error.h"
#include "loop.h"
#include "vm.h"

/* The ring can only poll: it must not be a way around the sandbox */
static int restrict_ring(struct io_uring *ring)
{
	struct io_uring_restriction allowed[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_POLL_ADD },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_POLL_REMOVE },
	};

	return io_uring_register_restrictions(ring, allowed, 2) ?: io_uring_enable_rings(ring);
}

int loop_init(struct loop *loop)
{
	int ret;

	memset(loop, 0, sizeof(*loop));
	ret = io_uring_queue_init(2 * LOOP_WATCHES_MAX, &loop->ring, IORING_SETUP_R_DISABLED);
	ret = ret ?: restrict_ring(&loop->ring);
	return ret ? vmm_error(ret, "io_uring: does this kernel have CONFIG_IO_URING, and allow it?") : 0;
}

void loop_exit(struct loop *loop)
{
	io_uring_queue_exit(&loop->ring);
}

static uint64_t tag(const struct loop *loop, const struct loop_watch *watch)
{
	return (uint64_t)watch->generation << 8 | (watch - loop->watches);
}

static int arm(struct loop *loop, struct loop_watch *watch)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	if (!sqe) {
		/* The queue is full: the kernel takes it all */
		io_uring_submit(&loop->ring);
		sqe = io_uring_get_sqe(&loop->ring);
	}
	if (!sqe)
		return vmm_error(-EBUSY, "io_uring");
	io_uring_prep_poll_add(sqe, watch->fd, POLLIN);
	io_uring_sqe_set_data64(sqe, tag(loop, watch));
	return 0;
}

int loop_add(struct loop *loop, int fd, loop_fn fn, void *opaque)
{
	struct loop_watch *watch;
	int i, ret;

	for (i = 0; i < LOOP_WATCHES_MAX; i++)
		if (!loop->watches[i].used)
			break;
	if (i == LOOP_WATCHES_MAX)
		return vmm_error(-ENOSPC, "more than %d things to wait for", LOOP_WATCHES_MAX);
	watch = &loop->watches[i];
	watch->fn = fn;
	watch->opaque = opaque;
	watch->fd = fd;
	watch->generation++;
	ret = arm(loop, watch);
	watch->used = !ret;
	return ret ?: i;
}

void loop_remove(struct loop *loop, int i)
{
	struct loop_watch *watch = &loop->watches[i];
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	watch->used = false;
	if (!sqe)
		return;	/* its poll ends when the descriptor is closed */
	io_uring_prep_poll_remove(sqe, tag(loop, watch));
	io_uring_sqe_set_data64(sqe, UINT64_MAX);
	io_uring_submit(&loop->ring);
}

static void dispatch(struct loop *loop, uint64_t data)
{
	struct loop_watch *watch = &loop->watches[data & 0xff];

	if (data == UINT64_MAX || !watch->used || tag(loop, watch) != data)
		return;
	watch->fn(watch->opaque);
	/* It may have been removed, and even its place used again */
	if (watch->used && tag(loop, watch) == data)
		arm(loop, watch);
}

int loop_run(struct loop *loop, struct vm *vm)
{
	struct io_uring_cqe *cqe;
	uint64_t data;
	int ret;

	loop->done = false;
	while (!loop->done) {
		ret = io_uring_submit_and_wait(&loop->ring, 1);
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN)
			return vmm_error(ret, "io_uring_enter");
		pthread_mutex_lock(&vm->lock);
		while (!loop->done && !io_uring_peek_cqe(&loop->ring, &cqe)) {
			data = io_uring_cqe_get_data64(cqe);
			io_uring_cqe_seen(&loop->ring, cqe);
			dispatch(loop, data);
		}
		pthread_mutex_unlock(&vm->lock);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->done = true;
}
