/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copy engine of the GPU's device model: a subset of the methods of class
 * 0xC9B5 (BLACKWELL_DMA_COPY_A). The engine works for a context: that of a
 * channel (nvgrace-pbdma.c), or the one behind the register window that each
 * function has, at the end of this file.
 *
 * A launch takes a copy of the methods written so far, so that they may be
 * written again at once. The copy itself is done in chunks, for which a timer
 * calls: the guest sees the engine busy, and other devices and vCPUs get their
 * turn however large a copy the guest asks for. What is done of a job is in the
 * context, so another one may have the engine between two chunks. Nothing the
 * guest writes is trusted.
 *
 * Memory is touched in pieces that cross no 4 KiB boundary of either side. So a
 * fault's address is exact, one bad page costs one SMMU event, and everything
 * before it has been copied. A launch that faults releases no semaphore.
 *
 * A copy without MULTI_LINE is linear whatever its layout bits say, and ignores
 * LINE_COUNT and the pitches. Source and destination that overlap are copied in
 * ascending order. A semaphore is aligned to what it writes (4, 8 or 16 bytes).
 *
 * Not modelled: block-linear layouts, remapping other than by constants,
 * reductions of a semaphore, conditional semaphores, memory scrubbing other
 * than a fill. Who asks for one is told why it is not done.
 *
 * The window takes physical addresses only: a virtual one faults as an unbound
 * instance. Its semaphores are at DMA addresses. A second launch while the
 * first one runs is dropped, with a LOG_GUEST_ERROR message, as is what is not
 * modelled.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "nvgrace-gpu-internal.h"

#define CE_CHUNK            (256 * KiB) /* bytes per run of the timer */
#define CE_CHUNK_PIECES     256         /* and accesses, for very short lines */

#define CE_UPPER_MASK       0x01ffffff  /* address bits 56:32 */

#define CE_LAUNCH_SEM       (NV_CE_LAUNCH_SEM_ONE_WORD | \
                             NV_CE_LAUNCH_SEM_FOUR_WORDS)
#define CE_LAUNCH_INTR      (NV_CE_LAUNCH_INTR_BLOCKING | \
                             NV_CE_LAUNCH_INTR_NON_BLOCKING)
#define CE_LAUNCH_KNOWN     (NV_CE_LAUNCH_TRANSFER | NV_CE_LAUNCH_FLUSH | \
                             CE_LAUNCH_SEM | CE_LAUNCH_INTR | \
                             NV_CE_LAUNCH_SRC_PITCH | NV_CE_LAUNCH_DST_PITCH | \
                             NV_CE_LAUNCH_MULTI_LINE | NV_CE_LAUNCH_REMAP | \
                             NV_CE_LAUNCH_SRC_PHYSICAL | \
                             NV_CE_LAUNCH_DST_PHYSICAL | \
                             NV_CE_LAUNCH_FLUSH_GL | \
                             NV_CE_LAUNCH_DISABLE_PLC | \
                             NV_CE_LAUNCH_SEM_64BIT)

static uint64_t ce_address(uint32_t hi, uint32_t lo)
{
    return (uint64_t)(hi & CE_UPPER_MASK) << 32 | lo;
}

static uint64_t ce_to_boundary(uint64_t addr)
{
    return NVGRACE_PORT_PIECE - addr % NVGRACE_PORT_PIECE;
}

/* A job at work */

static NvGraceCEResult ce_result(NvGraceCEContext *ctx, NvGracePortResult res)
{
    if (res == NVGRACE_PORT_GONE) {
        return NVGRACE_CE_GONE;
    }
    if (res == NVGRACE_PORT_FAULT) {
        ctx->busy = false;
        return NVGRACE_CE_FAULT;
    }
    return NVGRACE_CE_MORE;
}

static void ce_next_line(NvGraceCEJob *job)
{
    /*
     * No overflow: both addresses were below 2^57 just now (an unused source
     * stays 0), and a pitch has 32 bits.
     */
    job->line_pos = 0;
    job->lines--;
    job->src.addr += job->src.pitch;
    job->dst.addr += job->dst.pitch;
}

/* One piece; its bytes are added to *@done */
static NvGraceCEResult ce_piece(NvGraceCEContext *ctx, const NvGracePort *port,
                                NvGraceCEBounce *bounce, uint64_t *done,
                                NvGracePortFault *fault)
{
    NvGraceCEJob *job = &ctx->job;
    uint64_t src = job->src.addr + job->line_pos;
    uint64_t dst = job->dst.addr + job->line_pos;
    uint64_t len = MIN(job->line_bytes - job->line_pos, ce_to_boundary(dst));
    uint8_t *buf = bounce->byte;
    NvGracePortResult res;

    if (job->period) {
        /* Elements count from the line's start */
        buf += job->line_pos % job->period;
    } else {
        len = MIN(len, ce_to_boundary(src));
        res = nvgrace_port_access(port, &job->src.target, src, buf, len, false,
                                  fault);
        if (res != NVGRACE_PORT_OK) {
            return ce_result(ctx, res);
        }
    }
    res = nvgrace_port_access(port, &job->dst.target, dst, buf, len, true,
                              fault);
    if (res != NVGRACE_PORT_OK) {
        return ce_result(ctx, res);
    }

    job->line_pos += len;
    *done += len;
    if (job->line_pos == job->line_bytes) {
        ce_next_line(job);
    }
    return NVGRACE_CE_MORE;
}

static NvGraceCEResult ce_finish(NvGraceCEContext *ctx, const NvGracePort *port,
                                 NvGracePortFault *fault)
{
    const NvGraceCEJob *job = &ctx->job;

    if (job->launch & CE_LAUNCH_SEM) {
        NvGracePortResult res = nvgrace_port_release(
            port, &ctx->semaphore, job->semaphore, job->payload,
            job->launch & NV_CE_LAUNCH_SEM_64BIT,
            job->launch & NV_CE_LAUNCH_SEM_FOUR_WORDS, fault);

        if (res != NVGRACE_PORT_OK) {
            return ce_result(ctx, res);
        }
    }
    ctx->busy = false;
    return NVGRACE_CE_DONE;
}

NvGraceCEResult nvgrace_ce_run(NvGraceCEContext *ctx, const NvGracePort *port,
                               NvGraceCEBounce *bounce, NvGracePortFault *fault)
{
    NvGraceCEJob *job = &ctx->job;
    uint64_t done = 0;

    if (job->period) {
        for (size_t i = 0; i < sizeof(bounce->byte); i++) {
            bounce->byte[i] = job->pattern[i % job->period];
        }
    }
    for (int i = 0; job->lines && i < CE_CHUNK_PIECES && done < CE_CHUNK; i++) {
        NvGraceCEResult res = ce_piece(ctx, port, bounce, &done, fault);

        if (res != NVGRACE_CE_MORE) {
            return res;
        }
    }
    return job->lines ? NVGRACE_CE_MORE : ce_finish(ctx, port, fault);
}

/* A launch */

/*
 * REMAP_COMPONENTS as a pattern of constants. Returns its bytes, 0 when a
 * component comes from the source.
 */
static unsigned ce_pattern(const NvGraceCEMethods *m, uint8_t *pattern)
{
    unsigned size = (m->remap_components & NV_CE_REMAP_SIZE) / 0x10000 + 1;
    unsigned nr = (m->remap_components & NV_CE_REMAP_DST_NR) / 0x1000000 + 1;

    for (unsigned i = 0; i < nr; i++) {
        unsigned from = m->remap_components >> i * 4 & NV_CE_REMAP_DST;
        uint32_t value;

        if (from == NV_CE_REMAP_CONST_A) {
            value = cpu_to_le32(m->remap_const_a);
        } else if (from == NV_CE_REMAP_CONST_B) {
            value = cpu_to_le32(m->remap_const_b);
        } else {
            return 0;
        }
        memcpy(pattern + i * size, &value, size);
    }
    return nr * size;
}

static bool ce_can_reach(const NvGraceCEContext *ctx, uint32_t mode)
{
    return (mode & NV_CE_PHYS_MODE_TARGET) < ctx->phys_targets;
}

/* NULL, or why the engine cannot do it */
static const char *ce_why_not(const NvGraceCEContext *ctx, uint32_t launch)
{
    uint8_t pattern[NVGRACE_CE_PATTERN];
    uint32_t transfer = launch & NV_CE_LAUNCH_TRANSFER;
    uint32_t sem = launch & CE_LAUNCH_SEM;
    bool remap = launch & NV_CE_LAUNCH_REMAP;
    unsigned align = nvgrace_semaphore_size(launch & NV_CE_LAUNCH_SEM_64BIT,
                                            sem == NV_CE_LAUNCH_SEM_FOUR_WORDS);

    if (ctx->busy) {
        return "the last one is still running";
    }
    if ((launch & ~CE_LAUNCH_KNOWN) || transfer == NV_CE_LAUNCH_TRANSFER ||
        sem == CE_LAUNCH_SEM || (launch & CE_LAUNCH_INTR) == CE_LAUNCH_INTR) {
        return "bits that the model does not know";
    }
    if (sem && ctx->m.sem_lo % align) {
        return "the semaphore is not aligned";
    }
    if (!transfer) {
        return NULL;
    }
    if ((launch & NV_CE_LAUNCH_MULTI_LINE) &&
        (!(launch & NV_CE_LAUNCH_DST_PITCH) ||
         (!remap && !(launch & NV_CE_LAUNCH_SRC_PITCH)))) {
        return "block-linear layout";
    }
    if (remap && !ce_pattern(&ctx->m, pattern)) {
        return "remap components that the model does not know";
    }
    if ((!remap && (launch & NV_CE_LAUNCH_SRC_PHYSICAL) &&
         !ce_can_reach(ctx, ctx->m.src_phys_mode)) ||
        ((launch & NV_CE_LAUNCH_DST_PHYSICAL) &&
         !ce_can_reach(ctx, ctx->m.dst_phys_mode))) {
        return ctx->phys_targets ? "a target that the model does not know"
                                 : "physical mode without the right to it";
    }
    return NULL;
}

static NvGraceTarget ce_target(bool physical, uint32_t mode)
{
    static const NvGraceSpace spaces[] = {
        [NV_CE_PHYS_MODE_LOCAL_FB] = NVGRACE_SPACE_FB,
        [NV_CE_PHYS_MODE_COHERENT_SYSMEM] = NVGRACE_SPACE_SYSMEM,
        [NV_CE_PHYS_MODE_NONCOHERENT_SYSMEM] = NVGRACE_SPACE_SYSMEM_NC,
        [NV_CE_PHYS_MODE_PEER] = NVGRACE_SPACE_PEER,
    };

    return (NvGraceTarget) {
        .virt = !physical,
        .space = spaces[mode & NV_CE_PHYS_MODE_TARGET],
        .peer = (mode & NV_CE_PHYS_MODE_PEER_ID) / 0x40,
    };
}

static const char *ce_launch(NvGraceCEContext *ctx, uint32_t launch)
{
    const NvGraceCEMethods *m = &ctx->m;
    bool remap = launch & NV_CE_LAUNCH_REMAP;
    bool multi = launch & NV_CE_LAUNCH_MULTI_LINE;
    const char *why = ce_why_not(ctx, launch);
    NvGraceCEJob *job = &ctx->job;

    if (why) {
        return why;
    }

    *job = (NvGraceCEJob) {
        .launch = launch,
        .payload = (uint64_t)m->payload_hi << 32 | m->payload,
        .semaphore = ce_address(m->sem_hi, m->sem_lo),
        .dst = {
            .target = ce_target(launch & NV_CE_LAUNCH_DST_PHYSICAL,
                                m->dst_phys_mode),
            .addr = ce_address(m->out_hi, m->out_lo),
            .pitch = m->pitch_out,
        },
        .line_bytes = m->line_length,
        .lines = multi ? m->line_count : 1,
    };
    if (remap) {
        job->period = ce_pattern(m, job->pattern);
        job->line_bytes *= job->period;
    } else {
        job->src = (NvGraceCESide) {
            .target = ce_target(launch & NV_CE_LAUNCH_SRC_PHYSICAL,
                                m->src_phys_mode),
            .addr = ce_address(m->in_hi, m->in_lo),
            .pitch = m->pitch_in,
        };
    }
    if (!(launch & NV_CE_LAUNCH_TRANSFER) || !job->line_bytes) {
        job->period = 0;
        job->lines = 0;
    }
    ctx->busy = true;
    return NULL;
}

const char *nvgrace_ce_method(NvGraceCEContext *ctx, uint32_t addr,
                              uint32_t data)
{
    NvGraceCEMethods *m = &ctx->m;

    switch (addr) {
    case NV_CE_NOP:
        break;
    case NV_CE_SET_SEMAPHORE_A:
        m->sem_hi = data;
        break;
    case NV_CE_SET_SEMAPHORE_B:
        m->sem_lo = data;
        break;
    case NV_CE_SET_SEMAPHORE_PAYLOAD:
        m->payload = data;
        break;
    case NV_CE_SET_SEMAPHORE_PAYLOAD_UPPER:
        m->payload_hi = data;
        break;
    case NV_CE_SET_SRC_PHYS_MODE:
        m->src_phys_mode = data;
        break;
    case NV_CE_SET_DST_PHYS_MODE:
        m->dst_phys_mode = data;
        break;
    case NV_CE_LAUNCH_DMA:
        return ce_launch(ctx, data);
    case NV_CE_OFFSET_IN_UPPER:
        m->in_hi = data;
        break;
    case NV_CE_OFFSET_IN_LOWER:
        m->in_lo = data;
        break;
    case NV_CE_OFFSET_OUT_UPPER:
        m->out_hi = data;
        break;
    case NV_CE_OFFSET_OUT_LOWER:
        m->out_lo = data;
        break;
    case NV_CE_PITCH_IN:
        m->pitch_in = data;
        break;
    case NV_CE_PITCH_OUT:
        m->pitch_out = data;
        break;
    case NV_CE_LINE_LENGTH_IN:
        m->line_length = data;
        break;
    case NV_CE_LINE_COUNT:
        m->line_count = data;
        break;
    case NV_CE_SET_REMAP_CONST_A:
        m->remap_const_a = data;
        break;
    case NV_CE_SET_REMAP_CONST_B:
        m->remap_const_b = data;
        break;
    case NV_CE_SET_REMAP_COMPONENTS:
        m->remap_components = data;
        break;
    default:
        return "unknown method";
    }
    return NULL;
}

/* The register window */

static void ce_window_end(NvGraceCE *ce)
{
    ce->status &= ~NVGRACE_GPU_CE0_BUSY;
    ce->ctx.busy = false;
    ce->completed++;
}

static void ce_window_fault(NvGraceCE *ce, const NvGracePortFault *fault)
{
    ce->status |= NVGRACE_GPU_CE0_FAULTED;
    ce_window_end(ce);
    nvgrace_function_fault(ce->fn, fault->addr, fault->type, fault->access);
}

static void ce_window_arm(NvGraceCE *ce)
{
    timer_mod(&ce->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                          NVGRACE_CE_DELAY_NS);
}

static void ce_window_run(void *opaque)
{
    NvGraceCE *ce = opaque;
    NvGracePort port = { .fn = ce->fn, .serial = &ce->serial };
    Object *owner = OBJECT(ce->fn->pci);
    NvGracePortFault fault;

    if (!ce->ctx.busy) {
        return;
    }

    /* A copy can even switch off the slot that the GPU sits in */
    object_ref(owner);
    switch (nvgrace_ce_run(&ce->ctx, &port, &ce->bounce, &fault)) {
    case NVGRACE_CE_MORE:
        ce_window_arm(ce);
        break;
    case NVGRACE_CE_DONE:
        ce_window_end(ce);
        if (ce->ctx.job.launch & CE_LAUNCH_INTR) {
            nvgrace_function_raise(ce->fn, NVGRACE_GPU_VECTOR_CE0);
        }
        break;
    case NVGRACE_CE_FAULT:
        ce_window_fault(ce, &fault);
        break;
    case NVGRACE_CE_GONE:
        break;
    }
    object_unref(owner);
}

/* A launch that has a virtual address ends at once */
static bool ce_window_is_physical(NvGraceCE *ce)
{
    const NvGraceCEJob *job = &ce->ctx.job;
    NvGracePortFault fault = { .type = NV_FAULT_TYPE_UNBOUND_INST };

    if (!(job->launch & NV_CE_LAUNCH_TRANSFER)) {
        return true;
    }
    if (!(job->launch & NV_CE_LAUNCH_REMAP) && job->src.target.virt) {
        fault.addr = job->src.addr;
        fault.access = NV_FAULT_ACCESS_VIRT_READ;
    } else if (job->dst.target.virt) {
        fault.addr = job->dst.addr;
        fault.access = NV_FAULT_ACCESS_VIRT_WRITE;
    } else {
        return true;
    }
    ce_window_fault(ce, &fault);
    return false;
}

void nvgrace_ce_write(NvGraceCE *ce, uint32_t addr, uint32_t data)
{
    const char *why = nvgrace_ce_method(&ce->ctx, addr, data);

    if (why) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: copy engine method 0x%x of 0x%x dropped: %s\n",
                      ce->fn->pci->name, addr, data, why);
    }
    if (addr != NV_CE_LAUNCH_DMA) {
        return;
    }
    if (why) {
        ce->status |= NVGRACE_GPU_CE0_DROPPED;
        return;
    }
    ce->status = NVGRACE_GPU_CE0_BUSY;
    if (ce_window_is_physical(ce)) {
        ce_window_arm(ce);
    }
}

void nvgrace_ce_reset(NvGraceCE *ce)
{
    timer_del(&ce->timer);
    ce->ctx = (NvGraceCEContext) {
        .phys_targets = NV_CE_PHYS_MODE_COHERENT_SYSMEM + 1,
        .semaphore = { .space = NVGRACE_SPACE_SYSMEM },
    };
    ce->status = 0;
    ce->completed = 0;
    ce->serial++;
}

void nvgrace_ce_init(NvGraceCE *ce, NvGraceFunction *fn)
{
    ce->fn = fn;
    timer_init_ns(&ce->timer, QEMU_CLOCK_VIRTUAL, ce_window_run, ce);
    nvgrace_ce_reset(ce);
}

void nvgrace_ce_exit(NvGraceCE *ce)
{
    nvgrace_ce_reset(ce);
    timer_deinit(&ce->timer);
}
