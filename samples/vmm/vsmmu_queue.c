// SPDX-License-Identifier: GPL-2.0
/*
 * The two queues between the guest and its SMMUv3, both rings in guest memory: commands,
 * which the guest writes, and events, which it reads. Registers and the stream table are
 * in vsmmu.c.
 *
 * An index is a slot and, above it, a bit that changes with each turn of the ring: equal
 * indexes are an empty queue, indexes that differ in that bit alone a full one.
 *
 * Commands run when the guest writes PROD, all that it queued, and are done when that
 * write returns. So a CMD_SYNC has nothing to wait for, and no interrupt to send that
 * the guest could not do without: it sees the index move. Invalidations are collected,
 * as each call of the kernel costs a CMD_SYNC of the physical SMMU.
 */
#include "vsmmu_regs.h"

#define CMD_OP(cmd)		FIELD_OF((cmd)[0], 7, 0)
#define CMD_PREFETCH_CONFIG	0x01
#define CMD_PREFETCH_ADDR	0x02
#define CMD_CFGI_STE		0x03
#define CMD_CFGI_STE_RANGE	0x04
#define CMD_CFGI_CD		0x05
#define CMD_CFGI_CD_ALL		0x06
#define CMD_TLBI_NH_ALL		0x10	/* to 0x13, by ASID and by VA */
#define CMD_TLBI_NH_VAA		0x13
#define CMD_TLBI_NSNH_ALL	0x30
#define CMD_SYNC		0x46

#define CMD_SID(cmd)		FIELD_OF((cmd)[0], 63, 32)
#define CMD_RANGE(cmd)		FIELD_OF((cmd)[1], 4, 0)
#define EVENT_SIZE		32

enum cerror { CERROR_NONE, CERROR_ILL, CERROR_ABT };

/* Invalidations that the kernel has not seen yet: neighbours in the queue */
struct batch {
	uint64_t cmds[VSMMU_BATCH][2];
	uint32_t count;
	uint32_t first;		/* index of the first one */
};

static uint32_t queue_entries(const struct vsmmu_queue *q)
{
	unsigned int log2 = q->base & QUEUE_BASE_LOG2SIZE;

	return 1U << (log2 < QUEUE_LOG2_MAX ? log2 : QUEUE_LOG2_MAX);
}

static uint32_t queue_wrap(const struct vsmmu_queue *q, uint32_t index)
{
	return index & (2 * queue_entries(q) - 1);
}

/* A queue is aligned to its size */
static uint64_t queue_address(const struct vsmmu_queue *q, uint32_t index, uint64_t entry_size)
{
	uint64_t entries = queue_entries(q);

	return (q->base & QUEUE_BASE_ADDRESS & ~(entries * entry_size - 1)) +
	       (index & (entries - 1)) * entry_size;
}

/* Make a global error active, unless it is */
static void raise_gerror(struct vsmmu *v, uint32_t error)
{
	if ((v->gerror ^ v->gerrorn) & error)
		return;
	v->gerror ^= error;
	if (v->irq_ctrl & IRQ_CTRL_GERROR)
		v->ops->raise(v->opaque, VSMMU_IRQ_GERROR);
}

/* Returns how many of the commands the kernel took */
static uint32_t invalidate(struct vsmmu *v, const struct batch *b, uint32_t count)
{
	uint32_t done = count;
	int ret;

	if (!count)
		return 0;
	ret = v->ops->invalidate(v->opaque, b->cmds, count, &done);
	if (done >= count)
		done = ret ? count - 1 : count;
	return done;
}

/*
 * Of a batch with a bad command the kernel counts those before it, but need not have
 * issued them: they go again, alone. So does everything where an erratum wants it twice.
 */
static enum cerror flush(struct vsmmu *v, struct batch *b)
{
	uint32_t count = b->count;
	uint32_t done = invalidate(v, b, count);

	if (done < count)
		done = invalidate(v, b, done);
	if (v->repeat)
		done = invalidate(v, b, done);
	b->count = 0;
	if (done == count)
		return CERROR_NONE;
	v->cmdq.cons = queue_wrap(&v->cmdq, b->first + done);
	return CERROR_ILL;
}

static enum cerror collect(struct vsmmu *v, struct batch *b, const uint64_t cmd[2])
{
	if (!b->count)
		b->first = v->cmdq.cons;
	b->cmds[b->count][0] = cmd[0];
	b->cmds[b->count][1] = cmd[1];
	return ++b->count == VSMMU_BATCH ? flush(v, b) : CERROR_NONE;
}

/* Stream IDs that differ from @sid in bits of @mask only */
static void cfgi_ste(struct vsmmu *v, uint32_t sid, uint32_t mask)
{
	uint32_t first = sid & ~mask, last = sid | mask;

	if (last > VSMMU_SID_LAST)
		last = VSMMU_SID_LAST;
	if (first <= last)
		v->ops->streams_changed(v->opaque, first, last);
}

static enum cerror execute(struct vsmmu *v, struct batch *b, const uint64_t cmd[2])
{
	enum cerror error;

	switch (CMD_OP(cmd)) {
	case CMD_CFGI_CD:
	case CMD_CFGI_CD_ALL:
	case CMD_TLBI_NH_ALL ... CMD_TLBI_NH_VAA:
	case CMD_TLBI_NSNH_ALL:
		return collect(v, b, cmd);
	}
	error = flush(v, b);
	if (error)
		return error;
	switch (CMD_OP(cmd)) {
	case CMD_PREFETCH_CONFIG:
	case CMD_PREFETCH_ADDR:
	case CMD_SYNC:
		return CERROR_NONE;
	case CMD_CFGI_STE:
		cfgi_ste(v, CMD_SID(cmd), 0);
		return CERROR_NONE;
	case CMD_CFGI_STE_RANGE:	/* 31 is CFGI_ALL */
		cfgi_ste(v, CMD_SID(cmd), (2ULL << CMD_RANGE(cmd)) - 1);
		return CERROR_NONE;
	default:
		return CERROR_ILL;
	}
}

static enum cerror run(struct vsmmu *v, struct batch *b, uint32_t used)
{
	enum cerror error;
	uint64_t cmd[2];

	for (; used; used--) {
		uint64_t gpa = queue_address(&v->cmdq, v->cmdq.cons, sizeof(cmd));

		if (v->ops->read(v->opaque, gpa, cmd, sizeof(cmd)))
			return flush(v, b) ?: CERROR_ABT;
		error = execute(v, b, cmd);
		if (error)
			return error;
		v->cmdq.cons = queue_wrap(&v->cmdq, v->cmdq.cons + 1);
	}
	return flush(v, b);
}

void vsmmu_cmdq_run(struct vsmmu *v)
{
	uint32_t used = queue_wrap(&v->cmdq, v->cmdq.prod - v->cmdq.cons);
	struct batch batch;
	enum cerror error;

	if (!(v->cr0 & CR0_CMDQEN) || (v->gerror ^ v->gerrorn) & GERROR_CMDQ)
		return;
	if (used > queue_entries(&v->cmdq))	/* indexes that no queue can have */
		return;
	batch.count = 0;
	error = run(v, &batch, used);
	if (error) {
		v->cmdq.cons = (v->cmdq.cons & QUEUE_INDEX) | CMDQ_CONS_ERR(error);
		raise_gerror(v, GERROR_CMDQ);
	}
}

/* OVFLG differs from OVACKFLG from the first event lost until the guest knows of it */
static void event_lost(struct vsmmu *v)
{
	if (!((v->eventq.prod ^ v->eventq.cons) & EVENTQ_OVERFLOW))
		v->eventq.prod ^= EVENTQ_OVERFLOW;
}

static void raise_eventq(struct vsmmu *v)
{
	if (v->irq_ctrl & IRQ_CTRL_EVENTQ)
		v->ops->raise(v->opaque, VSMMU_IRQ_EVENTQ);
}

void vsmmu_event(struct vsmmu *v, const uint64_t event[4])
{
	struct vsmmu_queue *q = &v->eventq;
	uint32_t used = queue_wrap(q, q->prod - q->cons);
	uint64_t gpa = queue_address(q, q->prod, EVENT_SIZE);

	if (!(v->cr0 & CR0_EVENTQEN))
		return;
	if (used >= queue_entries(q)) {
		event_lost(v);
	} else if (v->ops->write(v->opaque, gpa, event, EVENT_SIZE)) {
		raise_gerror(v, GERROR_EVENTQ_ABT);
	} else {
		q->prod = (q->prod & EVENTQ_OVERFLOW) | queue_wrap(q, q->prod + 1);
		if (!used)	/* the interrupt says: no longer empty */
			raise_eventq(v);
	}
}

void vsmmu_events_lost(struct vsmmu *v, uint32_t count)
{
	if (!count || !(v->cr0 & CR0_EVENTQEN))
		return;
	event_lost(v);
	raise_eventq(v);
}
