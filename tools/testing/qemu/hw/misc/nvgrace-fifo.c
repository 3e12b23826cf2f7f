/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runlists and channels of the GPU's device model: ten runlists, one for each
 * copy engine, of 2048 channels each; their registers, CHRAM and doorbells; who
 * gets on the engine, and how a channel leaves it.
 *
 * A channel comes on a runlist in one of two ways. Either the firmware makes it
 * (nvgrace_fifo_channel_create() and the calls after it), or the driver submits
 * a list by the registers, with RAMFC in memory. Both may be used at once, but
 * not for the same channel: a submitted list replaces submitted channels only.
 *
 * What a channel does while it is on the engine is in nvgrace-pbdma.c, its
 * error as the driver sees it in nvgrace-rm.c (firmware's channels) or in the
 * runlist's interrupt register (submitted ones).
 *
 * A channel runs when it is listed, enabled, not faulted and has something to
 * do (PENDING). Such channels take turns: a GP entry's methods, or a job with
 * all its chunks. One that waits for a semaphore makes room and looks again
 * after 50 us. Disabling keeps a channel from the next turn; preemption ends
 * the turn and keeps the job for later. A job that hangs keeps the engine until
 * someone preempts it, or until another channel has waited for a second.
 *
 * Not modelled: time slices, PBDMA registers, more than one PBDMA.
 *
 * Each runlist works in a timer, a step at a time, whatever the guest asks for.
 * A step can hit the GPU's own registers and take away the channel it is done
 * for, all channels, or the GPU: see NVGRACE_PORT_GONE.
 */
#include "qemu/osdep.h"
#include "qemu/bitmap.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/log.h"
#include "nvgrace-fifo.h"

#define FIFO_POLL_NS        (50 * SCALE_US)
#define FIFO_HANG_NS        (1 * NANOSECONDS_PER_SECOND)
#define FIFO_HANG_POLL_NS   (100 * SCALE_MS)
#define FIFO_STEPS          64      /* of one run, while they cost little */
#define FIFO_LIST_MAX       (2 * NVGRACE_CHIDS)     /* entries of a runlist */
#define FIFO_INST_ALIGN     4096
#define FIFO_USERD_ALIGN    512

#define FIFO_CHRAM_KEPT     (NV_CHRAM_ENABLE | NV_CHRAM_PBDMA_FAULTED | \
                             NV_CHRAM_ENG_FAULTED | NV_CHRAM_PENDING | \
                             NV_CHRAM_RELOAD)
#define FIFO_CHRAM_FAULTED  (NV_CHRAM_PBDMA_FAULTED | NV_CHRAM_ENG_FAULTED)

static int64_t fifo_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* Queues of the scheduler */

static bool channel_can_run(const NvGraceChannel *ch)
{
    uint32_t chram = ch->runlist->chram[ch->chid];

    return ch->listed && (chram & NV_CHRAM_ENABLE) &&
           (chram & NV_CHRAM_PENDING) && !(chram & FIFO_CHRAM_FAULTED);
}

static void channel_dequeue(NvGraceChannel *ch)
{
    NvGraceRunlist *rl = ch->runlist;

    if (ch->queue == NVGRACE_QUEUE_READY) {
        QTAILQ_REMOVE(&rl->ready, ch, next);
    } else if (ch->queue == NVGRACE_QUEUE_WAITING) {
        QTAILQ_REMOVE(&rl->waiting, ch, next);
    }
    ch->queue = NVGRACE_QUEUE_NONE;
}

static void channel_enqueue(NvGraceChannel *ch, NvGraceChannelQueue queue)
{
    NvGraceRunlist *rl = ch->runlist;

    channel_dequeue(ch);
    if (queue == NVGRACE_QUEUE_READY) {
        QTAILQ_INSERT_TAIL(&rl->ready, ch, next);
    } else {
        if (QTAILQ_EMPTY(&rl->waiting)) {
            rl->poll_ns = fifo_now() + FIFO_POLL_NS;
        }
        QTAILQ_INSERT_TAIL(&rl->waiting, ch, next);
    }
    ch->queue = queue;
}

/* When the next step is due; none while nobody has anything to do */
static void runlist_arm(NvGraceRunlist *rl)
{
    NvGraceChannel *ch = rl->current;
    int64_t now = fifo_now();

    if (rl->submit_pending || (ch && !ch->hung) ||
        (!ch && !rl->sched_disable && !QTAILQ_EMPTY(&rl->ready))) {
        timer_mod_anticipate(&rl->timer, now + NVGRACE_CE_DELAY_NS);
    } else if (ch) {
        timer_mod_anticipate(&rl->timer, now + FIFO_HANG_POLL_NS);
    } else if (!rl->sched_disable && !QTAILQ_EMPTY(&rl->waiting)) {
        timer_mod_anticipate(&rl->timer, MAX(rl->poll_ns, now));
    }
}

/* Something changed for a channel that is not on the engine */
static void channel_update(NvGraceChannel *ch)
{
    if (ch == ch->runlist->current) {
        return;
    }
    if (!channel_can_run(ch)) {
        channel_dequeue(ch);
    } else if (ch->queue == NVGRACE_QUEUE_NONE) {
        channel_enqueue(ch, NVGRACE_QUEUE_READY);
    }
    runlist_arm(ch->runlist);
}

/* Makes room for the others; its turn comes again */
static void channel_leave_engine(NvGraceChannel *ch)
{
    ch->runlist->current = NULL;
    channel_update(ch);
}

/* Neither on the engine nor in a queue */
static void channel_off(NvGraceChannel *ch)
{
    channel_dequeue(ch);
    if (ch->runlist->current == ch) {
        ch->runlist->current = NULL;
    }
    runlist_arm(ch->runlist);
}

/* Channels */

static NvGraceChannel *fifo_channel(NvGraceGpu *gpu, uint32_t runlist,
                                    uint32_t chid)
{
    if (!gpu->fifo || runlist >= NVGRACE_RUNLISTS || chid >= NVGRACE_CHIDS) {
        return NULL;
    }
    return gpu->fifo->runlist[runlist].channel[chid];
}

static void channel_free(NvGraceChannel *ch)
{
    NvGraceRunlist *rl = ch->runlist;

    rl->fifo->serial++;
    channel_off(ch);
    rl->channel[ch->chid] = NULL;
    g_free(ch);
}

static NvGraceChannel *channel_new(NvGraceRunlist *rl, uint32_t chid)
{
    NvGraceChannel *ch = g_new0(NvGraceChannel, 1);

    ch->runlist = rl;
    ch->chid = chid;
    rl->channel[chid] = ch;
    return ch;
}

/* What it was doing is forgotten; it starts from RAMFC */
static void channel_restart(NvGraceChannel *ch)
{
    ch->runlist->fifo->serial++;
    channel_off(ch);
    nvgrace_pbdma_reset(ch);
}

/* State to RAMFC. The channel may be gone after it */
static void channel_save(NvGraceChannel *ch)
{
    NvGraceFunction *fn = nvgrace_gpu_function(ch->runlist->fifo->gpu,
                                               ch->gfid);
    Object *owner;

    if (fn && ch->loaded) {
        owner = object_ref(OBJECT(fn->pci));
        nvgrace_pbdma_save(ch, fn);
        object_unref(owner);
    }
}

/* Errors */

/* What tells the driver, after the channel itself is out of reach */
typedef struct FifoReport {
    NvGraceFifo *fifo;
    NvGraceFunction *fn;
    NvGraceChannelError err;
    NvGraceRc rc;
    NvGraceMemDesc inst;
    bool rm;
} FifoReport;

/* False: the GPU was reset */
static bool report_fault(const FifoReport *r)
{
    uint64_t serial = r->fifo->serial;
    unsigned engine = r->err.engine ? NV_FAULT_ENGINE_CE(r->rc.runlist)
                                    : NV_FAULT_ENGINE_HOST(r->rc.runlist);

    if (r->err.type == NV_RC_MMU_FAULT) {
        nvgrace_mmu_fault(r->fn, r->inst.addr, r->inst.space,
                          r->err.fault.addr, engine, r->err.fault.type,
                          r->err.fault.access);
    }
    return r->fifo->serial == serial;
}

/* A submitted channel: no firmware knows it */
static void report_interrupt(const FifoReport *r)
{
    NvGraceRunlist *rl = &r->fifo->runlist[r->rc.runlist];

    rl->intr |= r->rc.type == NV_RC_CTXSW_TIMEOUT
                ? NV_RUNLIST_INTR_CTXSW_TIMEOUT : NV_RUNLIST_INTR_PBDMA;
    nvgrace_function_raise(&r->fifo->gpu->fn,
                           NVGRACE_GPU_VECTOR_CE0_STALL + rl->id);
}

/* The channel is off, and the driver told. The channel may be gone after it */
static void channel_error(NvGraceChannel *ch, NvGraceFunction *fn,
                          const NvGraceChannelError *err)
{
    NvGraceRunlist *rl = ch->runlist;
    NvGraceFifo *fifo = g_rc_box_acquire(rl->fifo);
    FifoReport r = {
        .fifo = fifo,
        .fn = fn,
        .err = *err,
        .rc = {
            .runlist = rl->id,
            .chid = ch->chid,
            .gfid = ch->gfid,
            .type = err->type,
            .addr = err->fault.addr,
            .fault_type = err->fault.type,
        },
        .inst = ch->inst,
        .rm = ch->rm,
    };

    qemu_log_mask(LOG_GUEST_ERROR, "%s: runlist %u: channel %u: error %u: %s\n",
                  fn->pci->name, rl->id, ch->chid, err->type, err->why);
    channel_off(ch);
    rl->chram[ch->chid] |= err->engine ? NV_CHRAM_ENG_FAULTED
                                       : NV_CHRAM_PBDMA_FAULTED;
    if (ch->rm) {
        rl->chram[ch->chid] &= ~NV_CHRAM_ENABLE;
    }
    ch->ce.busy = false;
    ch->acquiring = false;
    ch->hung = false;

    if (!report_fault(&r)) {
        /* nobody to tell any more */
    } else if (r.rm) {
        nvgrace_rm_rc(fifo->gpu, &r.rc);
    } else {
        report_interrupt(&r);
    }
    g_rc_box_release(fifo);
}

/* It does not leave the engine, so the engine is reset under it */
static void channel_timeout(NvGraceChannel *ch)
{
    static const NvGraceChannelError err = {
        .type = NV_RC_CTXSW_TIMEOUT,
        .engine = true,
        .why = "context switch timed out",
    };
    NvGraceFunction *fn = nvgrace_gpu_function(ch->runlist->fifo->gpu,
                                               ch->gfid);

    if (fn) {
        channel_error(ch, fn, &err);
    } else {
        channel_restart(ch);
    }
}

/* Off the engine, state in RAMFC. False: channels may be gone */
static bool channel_preempt(NvGraceChannel *ch)
{
    NvGraceFifo *fifo = g_rc_box_acquire(ch->runlist->fifo);
    uint64_t serial = fifo->serial;
    bool ok;

    if (ch->runlist->current == ch && ch->hung) {
        channel_timeout(ch);
    } else {
        if (ch->runlist->current == ch) {
            channel_leave_engine(ch);
        }
        channel_save(ch);
    }
    ok = fifo->serial == serial;
    g_rc_box_release(fifo);
    return ok;
}

/* Submitted lists */

typedef struct FifoListed {
    uint32_t chid, tsgid, gfid;
    NvGraceMemDesc inst, userd;
} FifoListed;

typedef struct FifoList {
    NvGraceRunlist *rl;
    DECLARE_BITMAP(seen, NVGRACE_CHIDS);
    DECLARE_BITMAP(left, NVGRACE_CHIDS);    /* of the old list alone */
    FifoListed *channel;
    unsigned nr;
    /* The TSG at hand */
    uint32_t tsgid, gfid, tsg_left;
} FifoList;

static const char *list_tsg(FifoList *list, const uint32_t *dw)
{
    NvGraceGpu *gpu = list->rl->fifo->gpu;

    list->tsg_left = dw[1] & NV_RUNLIST_TSG_LENGTH;
    list->tsgid = dw[2] & NV_RUNLIST_TSG_ID;
    list->gfid = (dw[0] & NV_RUNLIST_TSG_GFID) >> 4;
    if (!list->tsg_left) {
        return "TSG without channels";
    }
    if (!nvgrace_gpu_function(gpu, list->gfid)) {
        return "TSG of a function that is not there";
    }
    return NULL;
}

static const char *list_channel(FifoList *list, const uint32_t *dw)
{
    uint32_t chid = dw[2] & NV_RUNLIST_CHAN_ID;
    NvGraceSpace inst = (dw[0] & NV_RUNLIST_CHAN_INST_TARGET) >> 4;
    NvGraceSpace userd = (dw[0] & NV_RUNLIST_CHAN_USERD_TARGET) >> 6;
    NvGraceChannel *old;

    if (!list->tsg_left) {
        return "channel outside a TSG";
    }
    list->tsg_left--;
    if (chid >= NVGRACE_CHIDS || test_and_set_bit(chid, list->seen)) {
        return "channel twice, or beyond the last";
    }
    if (inst == NVGRACE_SPACE_PEER || userd == NVGRACE_SPACE_PEER) {
        return "channel with a bad target";
    }
    old = list->rl->channel[chid];
    if (old && old->rm) {
        return "channel that is the firmware's";
    }
    list->channel[list->nr++] = (FifoListed) {
        .chid = chid,
        .tsgid = list->tsgid,
        .gfid = list->gfid,
        .inst = {
            .space = inst,
            .addr = (uint64_t)dw[3] << 32 | (dw[2] & ~0xfffu),
            .size = NV_RAMIN_SIZE,
        },
        .userd = {
            .space = userd,
            .addr = (uint64_t)dw[1] << 32 | (dw[0] & ~0x1ffu),
            .size = NV_USERD_SIZE,
        },
    };
    return NULL;
}

static const char *list_entry(FifoList *list, const uint32_t *dw)
{
    if (!(dw[0] & NV_RUNLIST_ENTRY_TSG)) {
        return list_channel(list, dw);
    }
    return list->tsg_left ? "TSG that lacks channels" : list_tsg(list, dw);
}

/* NULL, or what is wrong. *@gone: the GPU was reset meanwhile */
static const char *list_read(FifoList *list, bool *gone)
{
    NvGraceRunlist *rl = list->rl;
    NvGraceGpu *gpu = rl->fifo->gpu;
    NvGracePort port = { .fn = &gpu->fn, .serial = &rl->fifo->serial };
    NvGraceTarget target = {
        .space = rl->submit_base & NV_RUNLIST_SUBMIT_BASE_TARGET
    };
    uint64_t addr = rl->submit_base & ~0xfffULL;
    unsigned nr = extract32(rl->submit, 0, 16);
    const char *why = NULL;

    addr += extract32(rl->submit, 16, 16) * NV_RUNLIST_ENTRY_SIZE;
    if (nr > FIFO_LIST_MAX) {
        return "too many entries";
    }
    if (target.space == NVGRACE_SPACE_PEER) {
        return "bad target";
    }
    for (unsigned i = 0; !why && i < nr; i++) {
        uint32_t dw[NV_RUNLIST_ENTRY_SIZE / 4];
        NvGracePortFault fault;
        NvGracePortResult res;

        res = nvgrace_port_access(&port, &target,
                                  addr + i * NV_RUNLIST_ENTRY_SIZE, dw,
                                  sizeof(dw), false, &fault);
        if (res != NVGRACE_PORT_OK) {
            *gone = res == NVGRACE_PORT_GONE;
            return "memory out of reach";
        }
        for (int j = 0; j < ARRAY_SIZE(dw); j++) {
            le32_to_cpus(&dw[j]);
        }
        why = list_entry(list, dw);
    }
    return why ?: list->tsg_left ? "TSG that lacks channels" : NULL;
}

static bool same_memory(const NvGraceMemDesc *a, const NvGraceMemDesc *b)
{
    return a->space == b->space && a->addr == b->addr;
}

static void list_place(NvGraceRunlist *rl, const FifoListed *listed)
{
    NvGraceChannel *ch = rl->channel[listed->chid];

    if (ch && !same_memory(&ch->inst, &listed->inst)) {
        channel_free(ch);
        ch = NULL;
    }
    if (!ch) {
        ch = channel_new(rl, listed->chid);
        ch->inst = listed->inst;
    }
    ch->userd = listed->userd;
    ch->tsgid = listed->tsgid;
    ch->gfid = listed->gfid;
    ch->listed = true;
    channel_update(ch);
}

/* The old list's channels leave, but for those that the new one has, too */
static void list_apply(FifoList *list)
{
    NvGraceRunlist *rl = list->rl;

    for (unsigned i = 0; i < list->nr; i++) {
        list_place(rl, &list->channel[i]);
    }
    for (unsigned i = 0; i < NVGRACE_CHIDS; i++) {
        NvGraceChannel *ch = rl->channel[i];

        if (ch && !ch->rm && ch->listed && !test_bit(i, list->seen)) {
            ch->listed = false;
            channel_update(ch);
            bitmap_set(list->left, i, 1);
        }
    }
    for (unsigned i = 0; i < NVGRACE_CHIDS; i++) {
        if (test_bit(i, list->left) && !channel_preempt(rl->channel[i])) {
            return;
        }
    }
}

static void runlist_load(NvGraceRunlist *rl)
{
    NvGraceGpu *gpu = rl->fifo->gpu;
    FifoList list = { .rl = rl };
    bool gone = false;
    const char *why;

    rl->submit_pending = false;
    list.channel = g_new(FifoListed, FIFO_LIST_MAX);
    why = list_read(&list, &gone);
    if (!why) {
        list_apply(&list);
    } else if (!gone) {
        nvgrace_driver_error(gpu, "runlist %u: %s", rl->id, why);
    }
    g_free(list.channel);
}

/* The timer */

static NvGraceChannel *runlist_pick(NvGraceRunlist *rl)
{
    NvGraceChannel *ch, *next;

    if (rl->current || rl->sched_disable) {
        return rl->current;
    }
    if (fifo_now() >= rl->poll_ns) {
        QTAILQ_FOREACH_SAFE(ch, &rl->waiting, next, next) {
            channel_enqueue(ch, NVGRACE_QUEUE_READY);
        }
    }
    rl->current = QTAILQ_FIRST(&rl->ready);
    if (rl->current) {
        channel_dequeue(rl->current);
    }
    return rl->current;
}

static void channel_hangs(NvGraceChannel *ch)
{
    if (!QTAILQ_EMPTY(&ch->runlist->ready) &&
        fifo_now() - ch->hung_ns >= FIFO_HANG_NS) {
        channel_timeout(ch);
    }
}

/* What follows from a step; true: the next one needs time */
static bool channel_stepped(NvGraceChannel *ch, NvGraceFunction *fn,
                            NvGraceStep step, const NvGraceChannelError *err)
{
    if (step == NVGRACE_STEP_ERROR) {
        channel_error(ch, fn, err);
        return true;
    }
    if (ch->runlist->current != ch) {
        return true;                /* its own access took it off */
    }
    switch (step) {
    case NVGRACE_STEP_MORE:
        return true;
    case NVGRACE_STEP_HUNG:
        channel_hangs(ch);
        return true;
    case NVGRACE_STEP_WAIT:
        channel_leave_engine(ch);
        if (channel_can_run(ch)) {
            channel_enqueue(ch, NVGRACE_QUEUE_WAITING);
        }
        return false;
    case NVGRACE_STEP_IDLE:
        channel_leave_engine(ch);
        return false;
    default:
        channel_leave_engine(ch);
        return true;
    }
}

static bool runlist_step(NvGraceRunlist *rl, NvGraceChannel *ch)
{
    NvGraceFunction *fn = nvgrace_gpu_function(rl->fifo->gpu, ch->gfid);
    NvGraceChannelError err = { 0 };
    NvGraceStep step;
    Object *owner;
    bool time = true;

    if (!fn) {
        /* Its VF is gone */
        rl->chram[ch->chid] &= ~NV_CHRAM_ENABLE;
        channel_restart(ch);
        return false;
    }
    owner = object_ref(OBJECT(fn->pci));
    step = nvgrace_pbdma_run(ch, fn, &err);
    if (step != NVGRACE_STEP_GONE) {
        time = channel_stepped(ch, fn, step, &err);
    }
    object_unref(owner);
    return time;
}

static void runlist_run(void *opaque)
{
    NvGraceRunlist *rl = opaque;
    NvGraceFifo *fifo = g_rc_box_acquire(rl->fifo);
    Object *owner = object_ref(OBJECT(fifo->gpu));

    if (rl->submit_pending) {
        runlist_load(rl);
    }
    for (int i = 0; !fifo->gone && i < FIFO_STEPS; i++) {
        NvGraceChannel *ch = runlist_pick(rl);

        if (!ch || runlist_step(rl, ch)) {
            break;
        }
    }
    if (!fifo->gone) {
        runlist_arm(rl);
    }
    object_unref(owner);
    g_rc_box_release(fifo);
}

/* Registers */

static uint32_t chram_read(NvGraceRunlist *rl, uint32_t chid)
{
    uint32_t val = rl->chram[chid];
    NvGraceChannel *ch = rl->channel[chid];

    if (!ch) {
        return val;
    }
    if (ch == rl->current) {
        val |= NV_CHRAM_BUSY | NV_CHRAM_ON_PBDMA;
        val |= ch->ce.busy ? NV_CHRAM_ON_ENG : 0;
    } else if (ch == QTAILQ_FIRST(&rl->ready)) {
        val |= NV_CHRAM_NEXT;
    }
    return val;
}

static void chram_clear_all(NvGraceRunlist *rl, uint32_t chid)
{
    NvGraceChannel *ch = rl->channel[chid];

    rl->chram[chid] = 0;
    if (ch && !ch->listed) {
        channel_free(ch);
    } else if (ch) {
        channel_restart(ch);
    }
}

static void chram_write(NvGraceRunlist *rl, uint32_t chid, uint32_t val)
{
    NvGraceChannel *ch = rl->channel[chid];

    if (val == NV_CHRAM_CLEAR_ALL) {
        chram_clear_all(rl, chid);
        return;
    }
    if (val & ~(FIFO_CHRAM_KEPT | NV_CHRAM_CLEAR)) {
        nvgrace_driver_error(rl->fifo->gpu, "runlist %u: channel %u: 0x%x has "
                             "bits of CHRAM that nobody writes", rl->id, chid,
                             val);
        return;
    }
    if (val & NV_CHRAM_CLEAR) {
        rl->chram[chid] &= ~val;
    } else if ((val & NV_CHRAM_RELOAD) && ch && ch == rl->current) {
        nvgrace_driver_error(rl->fifo->gpu, "runlist %u: channel %u is on the "
                             "engine: no time to reload it", rl->id, chid);
        return;
    } else {
        rl->chram[chid] |= val;
    }
    if (ch) {
        ch->loaded &= !(rl->chram[chid] & NV_CHRAM_RELOAD);
        channel_update(ch);
    }
}

/* NULL, or why there is nobody to wake */
static const char *fifo_ring(NvGraceRunlist *rl, unsigned gfid, uint32_t number)
{
    uint32_t config = rl->virtual_channel[gfid];
    uint32_t chid = number;
    NvGraceChannel *ch;

    if (config & NV_RUNLIST_VIRTUAL_CHANNEL_ENABLE) {
        chid = (number & config & NV_RUNLIST_VIRTUAL_CHANNEL_MASK) |
               (config & NV_RUNLIST_VIRTUAL_CHANNEL_SET) >> 16;
    } else if (gfid) {
        return "the function has no channels";
    }
    ch = chid < NVGRACE_CHIDS ? rl->channel[chid] : NULL;
    if (!ch || !ch->listed || ch->gfid != gfid) {
        return "no such channel";
    }
    rl->chram[chid] |= NV_CHRAM_PENDING;
    channel_update(ch);
    return NULL;
}

void nvgrace_fifo_doorbell(NvGraceFunction *fn, uint32_t token)
{
    const uint32_t known = NV_VFN_DOORBELL_CHID | NV_VFN_DOORBELL_RUNLIST |
                           NV_VFN_DOORBELL_NO_GSP;
    uint32_t runlist = (token & NV_VFN_DOORBELL_RUNLIST) >> 16;
    const char *why;

    if ((token & ~known) || runlist >= NVGRACE_RUNLISTS) {
        why = "no such runlist";
    } else {
        why = fifo_ring(&fn->gpu->fifo->runlist[runlist], fn->gfid,
                        token & NV_VFN_DOORBELL_CHID);
    }
    if (!why) {
        return;
    }
    if (fn->gfid) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: doorbell 0x%x: %s\n",
                      fn->pci->name, token, why);
    } else {
        nvgrace_driver_error(fn->gpu, "doorbell 0x%x: %s", token, why);
    }
}

static void runlist_internal_doorbell(NvGraceRunlist *rl, uint32_t val)
{
    const char *why = fifo_ring(rl, extract32(val, 16, 6), val & 0xfff);

    if (why) {
        nvgrace_driver_error(rl->fifo->gpu, "runlist %u: doorbell 0x%x: %s",
                             rl->id, val, why);
    }
}

static void runlist_submit(NvGraceRunlist *rl, uint32_t val)
{
    if (rl->submit_pending) {
        nvgrace_driver_error(rl->fifo->gpu, "runlist %u: submitted while the "
                             "last one is pending", rl->id);
        return;
    }
    rl->submit = val;
    rl->submit_pending = true;
    runlist_arm(rl);
}

/* All of @tsgid, or all (-1). False: there is none */
static bool runlist_preempt_tsg(NvGraceRunlist *rl, int tsgid)
{
    bool found = tsgid < 0;

    for (unsigned i = 0; i < NVGRACE_CHIDS; i++) {
        NvGraceChannel *ch = rl->channel[i];

        if (ch && ch->listed &&
            (tsgid < 0 || (!ch->rm && ch->tsgid == tsgid))) {
            found = true;
            if (!channel_preempt(ch)) {
                break;
            }
        }
    }
    return found;
}

static void runlist_preempt(NvGraceRunlist *rl, uint32_t val)
{
    NvGraceGpu *gpu = rl->fifo->gpu;
    NvGraceFifo *fifo;
    bool tsg = extract32(val, 24, 2) == NV_RUNLIST_PREEMPT_TSG;

    if (val & ~(NV_RUNLIST_PREEMPT_ID | NV_RUNLIST_PREEMPT_TSG << 24)) {
        nvgrace_driver_error(gpu, "runlist %u: bad preempt 0x%x", rl->id, val);
        return;
    }
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_PREEMPT_STUCK, NULL)) {
        rl->preempt = val | (tsg ? NV_RUNLIST_PREEMPT_TSG_PENDING
                                 : NV_RUNLIST_PREEMPT_RL_PENDING);
        return;
    }
    rl->preempt = val;
    fifo = g_rc_box_acquire(rl->fifo);
    if (!runlist_preempt_tsg(rl, tsg ? (int)(val & NV_RUNLIST_PREEMPT_ID)
                                     : -1)) {
        nvgrace_driver_error(gpu, "runlist %u: preempt of TSG %u, which is not "
                             "there", rl->id, val & NV_RUNLIST_PREEMPT_ID);
    }
    g_rc_box_release(fifo);
}

static uint32_t runlist_read(NvGraceRunlist *rl, uint32_t reg)
{
    switch (reg) {
    case NV_RUNLIST_CHANNEL_CONFIG:
        return NVGRACE_GPU_RUNLIST_CHRAM(rl->id) | ctz32(NVGRACE_CHIDS);
    case NV_RUNLIST_DOORBELL_CONFIG:
        return rl->id << 16;
    case NV_RUNLIST_SUBMIT_BASE_LO:
        return rl->submit_base;
    case NV_RUNLIST_SUBMIT_BASE_HI:
        return rl->submit_base >> 32;
    case NV_RUNLIST_SUBMIT:
        return rl->submit;
    case NV_RUNLIST_INFO:
        return rl->submit_pending ? NV_RUNLIST_INFO_PENDING : 0;
    case NV_RUNLIST_SCHED_DISABLE:
        return rl->sched_disable;
    case NV_RUNLIST_PREEMPT:
        return rl->preempt;
    case NV_RUNLIST_INTR_0:
        return rl->intr;
    case NV_RUNLIST_VECTORID:
        return NVGRACE_GPU_VECTOR_CE0_STALL + rl->id;
    case NV_RUNLIST_VIRTUAL_CHANNEL(0) ...
         NV_RUNLIST_VIRTUAL_CHANNEL(NV_RUNLIST_GFIDS) - 1:
        return rl->virtual_channel[(reg - NV_RUNLIST_VIRTUAL_CHANNEL(0)) / 4];
    default:
        return 0;
    }
}

static void runlist_write(NvGraceRunlist *rl, uint32_t reg, uint32_t val)
{
    switch (reg) {
    case NV_RUNLIST_SUBMIT_BASE_LO:
        rl->submit_base = deposit64(rl->submit_base, 0, 32, val &
                                    (NV_RUNLIST_SUBMIT_BASE_TARGET |
                                     NV_RUNLIST_SUBMIT_BASE_ADDRESS));
        break;
    case NV_RUNLIST_SUBMIT_BASE_HI:
        rl->submit_base = deposit64(rl->submit_base, 32, 25, val);
        break;
    case NV_RUNLIST_SUBMIT:
        runlist_submit(rl, val);
        break;
    case NV_RUNLIST_INTERNAL_DOORBELL:
        runlist_internal_doorbell(rl, val);
        break;
    case NV_RUNLIST_SCHED_DISABLE:
        rl->sched_disable = val & 1;
        runlist_arm(rl);
        break;
    case NV_RUNLIST_PREEMPT:
        runlist_preempt(rl, val);
        break;
    case NV_RUNLIST_INTR_0:
        rl->intr &= ~val;
        break;
    case NV_RUNLIST_VIRTUAL_CHANNEL(0) ...
         NV_RUNLIST_VIRTUAL_CHANNEL(NV_RUNLIST_GFIDS) - 1:
        rl->virtual_channel[(reg - NV_RUNLIST_VIRTUAL_CHANNEL(0)) / 4] = val;
        break;
    default:
        nvgrace_driver_error(rl->fifo->gpu, "runlist %u: write of 0x%x to "
                             "read-only or unknown register 0x%x", rl->id, val,
                             reg);
        break;
    }
}

uint32_t nvgrace_fifo_read(NvGraceGpu *gpu, uint32_t reg)
{
    uint32_t chram = reg - NVGRACE_GPU_RUNLIST_CHRAM(0);
    uint32_t pri = reg - NVGRACE_GPU_RUNLIST_PRI(0);
    NvGraceRunlist *rl = gpu->fifo->runlist;

    if (reg >= NVGRACE_GPU_RUNLIST_CHRAM(0)) {
        return chram_read(rl + chram / NVGRACE_GPU_RUNLIST_CHRAM_SIZE,
                          chram % NVGRACE_GPU_RUNLIST_CHRAM_SIZE / 4);
    }
    return runlist_read(rl + pri / NVGRACE_GPU_RUNLIST_PRI_SIZE,
                        pri % NVGRACE_GPU_RUNLIST_PRI_SIZE);
}

void nvgrace_fifo_write(NvGraceGpu *gpu, uint32_t reg, uint32_t val)
{
    uint32_t chram = reg - NVGRACE_GPU_RUNLIST_CHRAM(0);
    uint32_t pri = reg - NVGRACE_GPU_RUNLIST_PRI(0);
    NvGraceRunlist *rl = gpu->fifo->runlist;

    if (reg >= NVGRACE_GPU_RUNLIST_CHRAM(0)) {
        chram_write(rl + chram / NVGRACE_GPU_RUNLIST_CHRAM_SIZE,
                    chram % NVGRACE_GPU_RUNLIST_CHRAM_SIZE / 4, val);
    } else {
        runlist_write(rl + pri / NVGRACE_GPU_RUNLIST_PRI_SIZE,
                      pri % NVGRACE_GPU_RUNLIST_PRI_SIZE, val);
    }
}

bool nvgrace_channel_clear_faulted(NvGraceChannel *ch, uint32_t data)
{
    NvGraceRunlist *rl = ch->runlist;
    uint32_t chid = data & ~NV_HOST_CLEAR_FAULTED_ENG;
    NvGraceChannel *other = chid < NVGRACE_CHIDS ? rl->channel[chid] : NULL;

    if (!other || other->gfid != ch->gfid) {
        return false;
    }
    rl->chram[chid] &= data & NV_HOST_CLEAR_FAULTED_ENG
                       ? ~NV_CHRAM_ENG_FAULTED : ~NV_CHRAM_PBDMA_FAULTED;
    channel_update(other);
    return true;
}

/* The firmware's channels */

static bool params_are_good(NvGraceGpu *gpu, const NvGraceChannelParams *p)
{
    NvGraceChannel *old = fifo_channel(gpu, p->runlist, p->chid);

    return gpu->fifo && p->runlist < NVGRACE_RUNLISTS &&
           p->chid < NVGRACE_CHIDS && !(old && (old->rm || old->listed)) &&
           is_power_of_2(p->entries) && !(p->gpfifo % 8) &&
           p->inst.size >= NV_RAMIN_SIZE &&
           !(p->inst.addr % FIFO_INST_ALIGN) &&
           p->userd.size >= NV_USERD_SIZE &&
           !(p->userd.addr % FIFO_USERD_ALIGN);
}

static bool memory_access(const NvGracePort *port, const NvGraceMemDesc *mem,
                          void *buf, uint64_t len, bool write)
{
    NvGraceTarget target = { .space = mem->space };
    NvGracePortFault fault;

    return nvgrace_port_access(port, &target, mem->addr, buf, len, write,
                               &fault) == NVGRACE_PORT_OK;
}

/* Reads @len bytes, which the driver has to have cleared */
static bool memory_is_zero(NvGraceGpu *gpu, const NvGracePort *port,
                           const NvGraceMemDesc *mem, void *buf, uint64_t len,
                           const char *what)
{
    if (!memory_access(port, mem, buf, len, false)) {
        return false;
    }
    if (!buffer_is_zero(buf, len)) {
        nvgrace_driver_error(gpu, "channel: %s at 0x%" PRIx64 " is not zero",
                             what, mem->addr);
        return false;
    }
    return true;
}

static bool channel_prepare(NvGraceGpu *gpu, const NvGracePort *port,
                            const NvGraceChannelParams *params)
{
    g_autofree uint8_t *inst = g_malloc(NV_RAMIN_SIZE);

    if (!memory_is_zero(gpu, port, &params->userd, inst, NV_USERD_SIZE,
                        "USERD") ||
        !memory_is_zero(gpu, port, &params->inst, inst, NV_RAMIN_SIZE,
                        "instance block")) {
        return false;
    }
    nvgrace_pbdma_init_inst(inst, params);
    return memory_access(port, &params->inst, inst, NV_RAMIN_SIZE, true);
}

bool nvgrace_fifo_channel_create(NvGraceGpu *gpu,
                                 const NvGraceChannelParams *params)
{
    NvGraceFunction *fn = nvgrace_gpu_function(gpu, params->gfid);
    NvGracePort port = { .fn = fn };
    NvGraceFifo *fifo;
    NvGraceRunlist *rl;
    NvGraceChannel *ch;
    Object *owner;
    bool ok;

    if (!fn || !params_are_good(gpu, params)) {
        return false;
    }
    fifo = g_rc_box_acquire(gpu->fifo);
    owner = object_ref(OBJECT(fn->pci));
    port.serial = &fifo->serial;
    ok = channel_prepare(gpu, &port, params);
    if (ok) {
        rl = &fifo->runlist[params->runlist];
        if (rl->channel[params->chid]) {
            channel_free(rl->channel[params->chid]);
        }
        ch = channel_new(rl, params->chid);
        ch->gfid = params->gfid;
        ch->rm = true;
        ch->listed = true;
        ch->inst = params->inst;
        ch->userd = params->userd;
        rl->chram[params->chid] = 0;
    }
    object_unref(owner);
    g_rc_box_release(fifo);
    return ok;
}

void nvgrace_fifo_channel_destroy(NvGraceGpu *gpu, uint32_t runlist,
                                  uint32_t chid)
{
    NvGraceChannel *ch = fifo_channel(gpu, runlist, chid);

    if (ch && ch->rm) {
        ch->runlist->chram[chid] = 0;
        channel_free(ch);
    }
}

void nvgrace_fifo_channel_object(NvGraceGpu *gpu, uint32_t runlist,
                                 uint32_t chid, uint32_t class)
{
    NvGraceChannel *ch = fifo_channel(gpu, runlist, chid);

    if (ch && ch->rm) {
        ch->class = class;
    }
}

void nvgrace_fifo_channel_enable(NvGraceGpu *gpu, uint32_t runlist,
                                 uint32_t chid, bool enable)
{
    NvGraceChannel *ch = fifo_channel(gpu, runlist, chid);

    if (!ch || !ch->rm) {
        return;
    }
    if (enable) {
        ch->runlist->chram[chid] |= NV_CHRAM_ENABLE;
        channel_update(ch);
        return;
    }
    ch->runlist->chram[chid] &= ~NV_CHRAM_ENABLE;
    if (ch->runlist->current == ch && !ch->hung) {
        channel_leave_engine(ch);
    }
    channel_update(ch);
}

bool nvgrace_fifo_channel_preempt(NvGraceGpu *gpu, uint32_t runlist,
                                  uint32_t chid)
{
    NvGraceChannel *ch = fifo_channel(gpu, runlist, chid);

    if (!ch || !ch->rm) {
        return true;
    }
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_PREEMPT_STUCK, NULL)) {
        return false;
    }
    channel_preempt(ch);
    return true;
}

/* Life */

static void runlist_reset(NvGraceRunlist *rl)
{
    for (unsigned i = 0; i < NVGRACE_CHIDS; i++) {
        if (rl->channel[i]) {
            channel_free(rl->channel[i]);
        }
    }
    memset(rl->chram, 0, sizeof(rl->chram));
    rl->submit_base = 0;
    rl->submit = 0;
    rl->submit_pending = false;
    rl->sched_disable = false;
    rl->preempt = 0;
    rl->intr = 0;
    memset(rl->virtual_channel, 0, sizeof(rl->virtual_channel));
    timer_del(&rl->timer);
}

void nvgrace_fifo_function_reset(NvGraceFunction *fn)
{
    NvGraceFifo *fifo = fn->gpu ? fn->gpu->fifo : NULL;

    for (int i = 0; fifo && i < NVGRACE_RUNLISTS; i++) {
        NvGraceRunlist *rl = &fifo->runlist[i];

        for (unsigned chid = 0; chid < NVGRACE_CHIDS; chid++) {
            NvGraceChannel *ch = rl->channel[chid];

            if (ch && ch->gfid == fn->gfid) {
                rl->chram[chid] = 0;
                channel_restart(ch);
            }
        }
    }
}

void nvgrace_fifo_check_idle(NvGraceGpu *gpu)
{
    for (int i = 0; i < NVGRACE_RUNLISTS; i++) {
        NvGraceChannel *ch = gpu->fifo->runlist[i].current;

        /* A VF's goes with the VF, and what hangs cannot be taken off */
        if (ch && !ch->gfid && !ch->hung) {
            nvgrace_driver_error(gpu, "reset while channel %u is on engine %d",
                                 ch->chid, i);
        }
    }
}

void nvgrace_fifo_reset(NvGraceGpu *gpu)
{
    gpu->fifo->serial++;
    for (int i = 0; i < NVGRACE_RUNLISTS; i++) {
        runlist_reset(&gpu->fifo->runlist[i]);
    }
}

void nvgrace_fifo_init(NvGraceGpu *gpu)
{
    NvGraceFifo *fifo = g_rc_box_new0(NvGraceFifo);

    fifo->gpu = gpu;
    for (int i = 0; i < NVGRACE_RUNLISTS; i++) {
        NvGraceRunlist *rl = &fifo->runlist[i];

        rl->fifo = fifo;
        rl->id = i;
        QTAILQ_INIT(&rl->ready);
        QTAILQ_INIT(&rl->waiting);
        timer_init_ns(&rl->timer, QEMU_CLOCK_VIRTUAL, runlist_run, rl);
    }
    gpu->fifo = fifo;
}

void nvgrace_fifo_exit(NvGraceGpu *gpu)
{
    NvGraceFifo *fifo = gpu->fifo;

    nvgrace_fifo_reset(gpu);
    for (int i = 0; i < NVGRACE_RUNLISTS; i++) {
        timer_deinit(&fifo->runlist[i].timer);
    }
    fifo->gone = true;
    gpu->fifo = NULL;
    g_rc_box_release(fifo);
}
