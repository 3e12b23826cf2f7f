// SPDX-License-Identifier: GPL-2.0
/*
 * A worker of mem_storm. Which operations there are is not known here.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "storm.h"

/*
 * The errnos that each verb can give in a storm, of those that it documents. For one's
 * own objects these are few.
 */
static const struct {
	const char *name;
	int errnos[6];
} calls[NR_STORM_CALLS] = {
	[CALL_ALLOC] = { "IOMMU_MEM_ALLOC",
			 { ENOENT, ENODEV, EBUSY, ENOSPC } },
	[CALL_ALLOC_BAR] = { "IOMMU_MEM_ALLOC of a BAR",
			     { ENOENT, ENODEV, EOPNOTSUPP } },
	[CALL_INFO] = { "IOMMU_MEM_INFO", { ENOENT } },
	[CALL_RETIRED] = { "IOMMU_MEM_RETIRED", {} },
	[CALL_EXPORT] = { "IOMMU_MEM_EXPORT", {} },
	[CALL_MAP] = { "IOMMU_IOAS_MAP by ID", { EEXIST } },
	[CALL_MAP_VA] = { "IOMMU_IOAS_MAP by address", { EEXIST } },
	[CALL_MAP_FILE] = { "IOMMU_IOAS_MAP_FILE", { EEXIST } },
	[CALL_MAP_ANY] = { "IOMMU_IOAS_MAP of any object", { ENOENT, ENODEV } },
	[CALL_UNMAP] = { "IOMMU_IOAS_UNMAP", { ENOENT } },
	[CALL_COPY] = { "IOMMU_IOAS_COPY", { EEXIST } },
	[CALL_DESTROY] = { "IOMMU_DESTROY", {} },
	[CALL_IOAS_ALLOC] = { "IOMMU_IOAS_ALLOC", {} },
	[CALL_MMAP] = { "mmap()", {} },
	[CALL_MMAP_ANY] = { "mmap() of any object", { ENXIO } },
	[CALL_MUNMAP] = { "munmap()", {} },
	[CALL_FORK] = { "fork()", {} },
	[CALL_OPEN] = { "open() of a cdev", {} },
	/*
	 * EPERM: the IOMMU core's word for a device that another context has claimed.
	 * EINVAL: a child that is about to be killed still has the cdev open.
	 */
	[CALL_BIND] = { "VFIO_DEVICE_BIND_IOMMUFD", { EPERM, EINVAL } },
	[CALL_ATTACH] = { "VFIO_DEVICE_ATTACH_IOMMUFD_PT", {} },
	[CALL_DETACH] = { "VFIO_DEVICE_DETACH_IOMMUFD_PT", {} },
	[CALL_RESET] = { "VFIO_DEVICE_RESET", {} },
	[CALL_COMMAND] = { "PCI command", {} },
	[CALL_DMA] = { "DMA", {} },
	[CALL_SYSFS_RESET] = { "reset in sysfs", {} },
	[CALL_REBIND] = { "unbind and bind in sysfs", {} },
};

struct storm *storm;
uint64_t storm_seed;
unsigned int storm_ops = 150;
unsigned int storm_round;
struct storm_context storm_context[STORM_CONTEXTS];

int storm_open_context(struct storm_context *context)
{
	context->fd = iommufd_open();
	if (context->fd < 0)
		return context->fd;
	return iommufd_ioas_alloc(context->fd, &context->ioas_id[0]) ?:
	       iommufd_ioas_alloc(context->fd, &context->ioas_id[1]);
}

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

void storm_seed_operation(struct storm_worker *w)
{
	w->random = mix(storm_seed + mix((uint64_t)storm_round << 48 |
					 (uint64_t)w->number << 32 | w->op));
}

uint64_t storm_number(struct storm_worker *w)
{
	w->random += 0x9e3779b97f4a7c15ULL;
	return mix(w->random);
}

/* The one that has most is another one in each round */
int storm_some_context(struct storm_worker *w)
{
	int most = storm_round % STORM_OWN;
	uint64_t number = storm_number(w);

	if (w->child && storm_context[STORM_OWN].fd >= 0)
		return STORM_OWN;
	return number % 4 ? most : !most;
}

uint32_t storm_some_ioas(struct storm_worker *w, int ctx)
{
	return storm_context[ctx].ioas_id[storm_number(w) % 2];
}

struct storm_slot *storm_some_slot(struct storm_worker *w)
{
	return &w->slot[storm_number(w) % STORM_SLOTS];
}

uint64_t storm_iova(const struct storm_worker *w, const struct storm_slot *slot,
		    unsigned int window)
{
	return GIB(4) + w->number * STORM_RANGE + (slot - w->slot) * STORM_PART +
	       window * STORM_WINDOW;
}

void storm_fail(const struct storm_worker *w, char *text, const char *what,
		int ret)
{
	if (__atomic_exchange_n(&storm->stop, true, __ATOMIC_SEQ_CST))
		return;
	snprintf(text, sizeof(storm->wrong),
		 "--seed %llu --ops %u: round %u, worker %u, operation %u: %s%s%s",
		 (unsigned long long)storm_seed, storm_ops, storm_round,
		 w->number, w->op, what, ret ? ": " : "",
		 ret ? strerror(-ret) : "");
}

const char *storm_call_name(enum storm_call call)
{
	return calls[call].name;
}

int storm_did(const struct storm_worker *w, enum storm_call call, int ret)
{
	const int *error = calls[call].errnos;

	__atomic_fetch_add(ret ? &storm->failed[call] : &storm->worked[call], 1,
			   __ATOMIC_RELAXED);
	if (!ret)
		return 0;
	while (*error && *error != -ret)
		error++;
	if (!*error)
		storm_fail(w, storm->wrong, calls[call].name, ret);
	return ret;
}

/* Of the page at an offset: never 0, and always at the same place in the page */
static volatile uint64_t *stamp_at(const struct storm_slot *slot,
				   uint64_t offset)
{
	return (volatile uint64_t *)(slot->va + offset + 8);
}

static void write_stamps(struct storm_worker *w, struct storm_slot *slot)
{
	uint64_t at;

	slot->key = storm_number(w) | 1;
	for (at = 0; at < slot->length; at += memtest_page_size())
		*stamp_at(slot, at) = slot->key ^ at;
}

void storm_check_stamps(const struct storm_worker *w,
			const struct storm_slot *slot, uint64_t key)
{
	uint64_t at;

	for (at = 0; slot->va && at < slot->length; at += memtest_page_size())
		if (*stamp_at(slot, at) != (key ? key ^ at : 0))
			return storm_fail(w, storm->bytes,
					  key ? "bytes of an object changed" :
						"new memory is not zero",
					  0);
}

void storm_mmap(struct storm_worker *w, struct storm_slot *slot)
{
	void *va;

	if (!slot->id || slot->va)
		return;
	if (!storm_did(w, CALL_MMAP,
		       iommufd_mem_mmap(storm_context[slot->ctx].fd,
					slot->offset, slot->length, MIB(2),
					PROT_READ | PROT_WRITE, &va)))
		slot->va = va;
}

void storm_munmap(struct storm_worker *w, struct storm_slot *slot)
{
	if (!slot->va)
		return;
	storm_did(w, CALL_MUNMAP,
		  munmap(slot->va, slot->length) ? -errno : 0);
	slot->va = NULL;
}

void storm_take(struct storm_worker *w, struct storm_slot *slot)
{
	storm_mmap(w, slot);
	if (!slot->va)
		return;
	storm_check_stamps(w, slot, 0);
	write_stamps(w, slot);
}

void storm_destroy(struct storm_worker *w, int ctx, uint32_t id)
{
	time_t end = time(NULL) + MEMTEST_DEADLINE;
	int ret;

	while ((ret = iommufd_destroy(storm_context[ctx].fd, id)) == -EBUSY &&
	       time(NULL) < end)
		sched_yield();
	storm_did(w, CALL_DESTROY, ret);
}

void storm_free(struct storm_worker *w, struct storm_slot *slot)
{
	uint32_t id = slot->id;
	int ret;

	if (!id)
		return;
	storm_check_stamps(w, slot, slot->key);
	if (slot->va) {
		ret = iommufd_destroy(storm_context[slot->ctx].fd, id);
		if (ret != -EBUSY)
			storm_fail(w, storm->wrong, "IOMMU_DESTROY while mmapped",
				   ret);
	}
	storm_munmap(w, slot);
	/* Once it is destroyed the ID is anybody's: forget it first */
	slot->id = 0;
	storm_destroy(w, slot->ctx, id);
}
