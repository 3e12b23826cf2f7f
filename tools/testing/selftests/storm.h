/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A worker of mem_storm, and what it has: its random numbers, the contexts, objects of
 * its own; and the verdict on what calls return.
 *
 * What a worker tries depends only on the seed, the round, its number and how many
 * operations it has done, never on what came of them.
 */
#ifndef STORM_H
#define STORM_H

#include "memtest.h"

#define STORM_PROCESSES	2
#define STORM_THREADS	4	/* of each process */
#define STORM_WORKERS	(STORM_PROCESSES * STORM_THREADS)
#define STORM_SLOTS	4	/* for objects of a worker */
#define STORM_COMMON	8	/* objects of a context that are anybody's */
#define STORM_CONTEXTS	3
#define STORM_OWN	(STORM_CONTEXTS - 1)	/* a child's own context */

/* IOVA: each worker has a range, each slot a part of it, of each mapping one window */
#define STORM_WINDOW	MIB(64)
#define STORM_WINDOWS	4	/* of a slot; what is not a slot's is slot STORM_SLOTS */
#define STORM_PART	(STORM_WINDOW * STORM_WINDOWS)
#define STORM_RANGE	(STORM_PART * (STORM_SLOTS + 1))

enum storm_call {
	CALL_ALLOC,
	CALL_ALLOC_BAR,
	CALL_INFO,
	CALL_RETIRED,
	CALL_EXPORT,
	CALL_MAP,
	CALL_MAP_VA,
	CALL_MAP_FILE,
	CALL_MAP_ANY,
	CALL_UNMAP,
	CALL_COPY,
	CALL_DESTROY,
	CALL_IOAS_ALLOC,
	CALL_MMAP,
	CALL_MMAP_ANY,
	CALL_MUNMAP,
	CALL_FORK,
	CALL_OPEN,
	CALL_BIND,
	CALL_ATTACH,
	CALL_DETACH,
	CALL_RESET,
	CALL_COMMAND,
	CALL_DMA,
	CALL_SYSFS_RESET,
	CALL_REBIND,
	NR_STORM_CALLS,
};

struct storm_context {
	int fd;
	uint32_t ioas_id[2];
};

/* An object that a worker owns: nobody else writes to it, or destroys it */
struct storm_slot {
	int ctx;
	uint32_t id;		/* 0: none */
	uint64_t length;
	uint64_t offset;	/* for mmap() */
	uint64_t key;		/* of the stamps, one in each page */
	uint8_t *va;		/* NULL: not mmapped */
};

struct storm_worker {
	unsigned int number;
	unsigned int op;
	uint64_t random;
	bool child;		/* of worker number - STORM_WORKERS, to be killed */
	struct storm_slot slot[STORM_SLOTS];
};

/* What all processes share */
struct storm {
	bool stop;
	char wrong[256];	/* a call that did what it must not */
	char bytes[256];	/* bytes that changed, or were not zero */
	struct storm_worker worker[2 * STORM_WORKERS];
	uint32_t common[STORM_OWN][STORM_COMMON];
	unsigned int worked[NR_STORM_CALLS];
	unsigned int failed[NR_STORM_CALLS];
};

extern struct storm *storm;
extern uint64_t storm_seed;
extern unsigned int storm_ops;		/* of each worker in each round */
extern unsigned int storm_round;
extern struct storm_context storm_context[STORM_CONTEXTS];

int storm_open_context(struct storm_context *context);

/* Before each operation */
void storm_seed_operation(struct storm_worker *w);
uint64_t storm_number(struct storm_worker *w);
int storm_some_context(struct storm_worker *w);
uint32_t storm_some_ioas(struct storm_worker *w, int ctx);
struct storm_slot *storm_some_slot(struct storm_worker *w);
uint64_t storm_iova(const struct storm_worker *w, const struct storm_slot *slot,
		    unsigned int window);

/*
 * Stop the storm. Only the first reason is kept, in storm->wrong or storm->bytes.
 * @ret: what a call returned, 0 if that is not the reason
 */
void storm_fail(const struct storm_worker *w, char *text, const char *what,
		int ret);
const char *storm_call_name(enum storm_call call);
/* Fail unless @ret is 0 or an errno that the call documents; returns @ret */
int storm_did(const struct storm_worker *w, enum storm_call call, int ret);

/* Nothing happens if it is not mmapped. @key 0: there must be no stamp of anybody */
void storm_check_stamps(const struct storm_worker *w,
			const struct storm_slot *slot, uint64_t key);
/* New memory, of which nothing but the ID, length and offset is known */
void storm_take(struct storm_worker *w, struct storm_slot *slot);
/* Nothing happens if it is, or is not */
void storm_mmap(struct storm_worker *w, struct storm_slot *slot);
void storm_munmap(struct storm_worker *w, struct storm_slot *slot);
/* An object or an IOAS, which others may be using at this moment */
void storm_destroy(struct storm_worker *w, int ctx, uint32_t id);
void storm_free(struct storm_worker *w, struct storm_slot *slot);

/* storm_verbs.c: any operation on memory objects */
void storm_use_memory(struct storm_worker *w);

/* storm_device.c: the devices of this process are every so many of all that there are */
void storm_get_devices(int process);
/* For a child, which has none */
void storm_drop_devices(void);
void storm_use_device(struct storm_worker *w);
/* ID of any device that is bound to the context, or 0; and which BAR can be had of it */
uint32_t storm_some_device(struct storm_worker *w, int ctx, uint32_t *bar);

#endif
