/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the runlists (nvgrace-fifo.c) and the unit that reads a channel's
 * commands (nvgrace-pbdma.c) share. Nobody else needs it.
 *
 * Everything here runs under the BQL.
 */
#ifndef HW_MISC_NVGRACE_FIFO_H
#define HW_MISC_NVGRACE_FIFO_H

#include "qemu/queue.h"
#include "nvgrace-gpu-internal.h"

#define NVGRACE_SUBCHANNELS 8

typedef struct NvGraceRunlist NvGraceRunlist;

/* Where the scheduler has a channel */
typedef enum NvGraceChannelQueue {
    NVGRACE_QUEUE_NONE,
    NVGRACE_QUEUE_READY,
    NVGRACE_QUEUE_WAITING,      /* for a semaphore */
} NvGraceChannelQueue;

typedef struct NvGraceChannel {
    NvGraceRunlist *runlist;
    uint32_t chid;
    uint32_t tsgid;
    uint32_t gfid;
    bool rm;                    /* the firmware's, not of a submitted list */
    bool listed;                /* on the runlist */
    uint32_t class;             /* an object was made of it; 0: of any */
    NvGraceMemDesc inst, userd;

    NvGraceChannelQueue queue;
    QTAILQ_ENTRY(NvGraceChannel) next;

    /* From RAMFC, valid while loaded */
    bool loaded;
    bool privileged;
    bool writeback;             /* of GP_GET to USERD */
    bool has_pdb;
    NvGracePdb pdb;
    uint64_t gp_base;
    uint32_t gp_entries;        /* a power of two */
    uint32_t gp_get, gp_put;
    uint64_t pb_base;           /* address 56:40 of the next segments */
    uint64_t pb_get;            /* next dword of the segment */
    uint32_t pb_left;           /* dwords */

    /* The method at hand */
    uint32_t method;            /* address, bytes */
    uint32_t method_left;
    uint32_t subchannel;
    uint32_t op;                /* NV_PB_OP_* */

    /* The host's methods, as last written */
    uint32_t subchannel_class[NVGRACE_SUBCHANNELS];
    uint32_t mem_op[3];
    uint32_t sem_hi, sem_lo, payload_lo, payload_hi;
    bool acquiring;             /* the semaphore was not there yet */
    uint32_t sem_execute;       /* how it is asked for */

    NvGraceCEContext ce;
    bool hung;                  /* the job never ends (injected) */
    int64_t hung_ns;            /* since when, QEMU_CLOCK_VIRTUAL */
} NvGraceChannel;

typedef QTAILQ_HEAD(, NvGraceChannel) NvGraceChannelList;

/* Why a channel cannot go on */
typedef struct NvGraceChannelError {
    uint32_t type;              /* NV_RC_* */
    bool engine;                /* it was the engine, else the host */
    NvGracePortFault fault;     /* of NV_RC_MMU_FAULT */
    const char *why;            /* of the others */
} NvGraceChannelError;

typedef enum NvGraceStep {
    NVGRACE_STEP_MORE,          /* goes on with the same GP entry or job */
    NVGRACE_STEP_SWITCH,        /* others may go first */
    NVGRACE_STEP_IDLE,          /* nothing to do until the next doorbell */
    NVGRACE_STEP_WAIT,          /* a semaphore */
    NVGRACE_STEP_HUNG,
    NVGRACE_STEP_ERROR,
    NVGRACE_STEP_GONE,          /* as NVGRACE_PORT_GONE */
} NvGraceStep;

struct NvGraceRunlist {
    NvGraceFifo *fifo;
    unsigned id;
    QEMUTimer timer;            /* the next step of a channel */
    NvGraceCEBounce bounce;     /* the engine's */

    NvGraceChannel *channel[NVGRACE_CHIDS];
    uint32_t chram[NVGRACE_CHIDS];  /* the bits that are kept */
    NvGraceChannel *current;    /* on the engine, in no list */
    NvGraceChannelList ready, waiting;
    int64_t poll_ns;            /* when who waits looks again */

    /* Registers */
    uint64_t submit_base;       /* address and target */
    uint32_t submit;
    bool submit_pending;
    bool sched_disable;
    uint32_t preempt;
    uint32_t intr;
    uint32_t virtual_channel[NV_RUNLIST_GFIDS];
};

/*
 * Freed by the last user (g_rc_box): a timer may still be in a runlist when the
 * GPU leaves.
 */
struct NvGraceFifo {
    NvGraceGpu *gpu;
    uint64_t serial;            /* changes when a channel ends or starts anew */
    bool gone;
    NvGraceRunlist runlist[NVGRACE_RUNLISTS];
};

/* nvgrace-fifo.c: CLEAR_FAULTED; false: no such channel of the same function */
bool nvgrace_channel_clear_faulted(NvGraceChannel *ch, uint32_t data);

/* nvgrace-pbdma.c */

/* The next thing that the channel has to do; @err is set with STEP_ERROR */
NvGraceStep nvgrace_pbdma_run(NvGraceChannel *ch, NvGraceFunction *fn,
                              NvGraceChannelError *err);
/* Write what is in the channel to RAMFC. The channel may be gone after it */
void nvgrace_pbdma_save(NvGraceChannel *ch, NvGraceFunction *fn);
/* RAMFC and the rest of a new instance block; @inst has NV_RAMIN_SIZE bytes */
void nvgrace_pbdma_init_inst(uint8_t *inst, const NvGraceChannelParams *params);
/* All that is not in RAMFC as at power-on */
void nvgrace_pbdma_reset(NvGraceChannel *ch);

#endif
