/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event loop: file descriptors that become readable, on io_uring.
 */
#ifndef VMM_LOOP_H
#define VMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <liburing.h>

#define LOOP_WATCHES_MAX	64

/*
 * Called with the device lock held. What is readable must be read, or the watch
 * removed: else it is called again at once.
 */
typedef void (*loop_fn)(void *opaque);

struct loop_watch {
	loop_fn fn;
	void *opaque;
	int fd;
	uint32_t generation;	/* of the users that this place has had */
	bool used;
};

struct loop {
	struct io_uring ring;
	struct loop_watch watches[LOOP_WATCHES_MAX];
	bool done;
};

/* Return 0 or a negative errno, and have said why */
int loop_init(struct loop *loop);
void loop_exit(struct loop *loop);

/* Returns the watch's number. The rest is for the loop's own thread */
int loop_add(struct loop *loop, int fd, loop_fn fn, void *opaque);
void loop_remove(struct loop *loop, int watch);

struct vm;
/* Until loop_stop() */
int loop_run(struct loop *loop, struct vm *vm);
void loop_stop(struct loop *loop);

#endif
