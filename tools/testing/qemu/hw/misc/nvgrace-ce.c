/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copy engine of the GPU's device model: a subset of the methods of class
 * 0xC9B5 (BLACKWELL_DMA_COPY_A).
 *
 * A launch takes a copy of the methods written so far, so that they may be
 * written again at once; a second launch while the first one runs is dropped.
 * The copy itself is done in chunks from a timer: the guest sees the engine
 * busy, and other devices and vCPUs get their turn however large a copy the
 * guest asks for. Nothing the guest writes is trusted.
 *
 * Memory is touched in pieces that cross no 4 KiB boundary of either side. So
 * a fault's address is exact, one bad page costs one SMMU event, and everything
 * before it has been copied. A launch that faults releases no semaphore and
 * raises the fault's vector only.
 *
 * A copy without MULTI_LINE is linear whatever its layout bits say, and ignores
 * LINE_COUNT and the pitches. Source and destination that overlap are copied in
 * ascending order. A semaphore is always at a DMA address, aligned to what it
 * writes (4 or 16 bytes).
 *
 * Not modelled: virtual addresses (there are no channels yet, so they fault as
 * an unbound instance), block-linear layouts, remapping other than a constant
 * of 4 bytes, semaphore reductions. What is not modelled is dropped, with a
 * LOG_GUEST_ERROR message.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "nvgrace-gpu-internal.h"

#define CE_CHUNK            (256 * KiB) /* bytes per run of the timer */
#define CE_CHUNK_PIECES     256         /* and accesses, for very short lines */
#define CE_DELAY_NS         (20 * SCALE_US)

#define CE_UPPER_MASK       0x01ffffff  /* address bits 56:32 */
#define CE_ADDRESS_LIMIT    (1ULL << 57)

#define CE_LAUNCH_SEM       (NV_CE_LAUNCH_SEM_ONE_WORD | \
                             NV_CE_LAUNCH_SEM_FOUR_WORDS)
#define CE_LAUNCH_INTR      (NV_CE_LAUNCH_INTR_BLOCKING | \
                             NV_CE_LAUNCH_INTR_NON_BLOCKING)
#define CE_LAUNCH_KNOWN     (NV_CE_LAUNCH_TRANSFER | NV_CE_LAUNCH_FLUSH | \
                             CE_LAUNCH_SEM | CE_LAUNCH_INTR | \
                             NV_CE_LAUNCH_SRC_PITCH | NV_CE_LAUNCH_DST_PITCH | \
                             NV_CE_LAUNCH_MULTI_LINE | NV_CE_LAUNCH_REMAP | \
                             NV_CE_LAUNCH_SRC_PHYSICAL | \
                             NV_CE_LAUNCH_DST_PHYSICAL)

static uint64_t ce_address(uint32_t hi, uint32_t lo)
{
    return (uint64_t)(hi & CE_UPPER_MASK) << 32 | lo;
}

static void ce_end(NvGraceCE *ce)
{
    ce->status &= ~NVGRACE_GPU_CE0_BUSY;
    ce->completed++;
}

/* Nothing happens when the launch is over already, by a reset */
static void ce_fault(NvGraceCE *ce, uint64_t addr, unsigned type,
                     unsigned access)
{
    if (ce->status & NVGRACE_GPU_CE0_BUSY) {
        ce->status |= NVGRACE_GPU_CE0_FAULTED;
        ce_end(ce);
        nvgrace_function_fault(ce->fn, addr, type, access);
    }
}

static DMADirection ce_direction(bool write)
{
    return write ? DMA_DIRECTION_FROM_DEVICE : DMA_DIRECTION_TO_DEVICE;
}

/*
 * Is the range, within one page, in reach? Else the launch ends with a fault.
 * Each DMA is probed with this, because QEMU would cut an access that does not
 * translate in 4-byte ones, each with an event of the SMMU.
 */
static bool ce_probe(NvGraceCE *ce, bool sysmem, uint64_t addr, uint64_t len,
                     bool write)
{
    NvGraceFunction *fn = ce->fn;
    unsigned type = sysmem ? NV_FAULT_TYPE_PTE : NV_FAULT_TYPE_REGION;
    bool ok;

    if (sysmem) {
        ok = addr < CE_ADDRESS_LIMIT &&
             dma_memory_valid(pci_get_address_space(fn->pci), addr, len,
                              ce_direction(write), MEMTXATTRS_UNSPECIFIED);
    } else {
        /* The framebuffer ends at a page boundary, so addr is the first out */
        ok = addr < fn->fb_size && len <= fn->fb_size - addr;
    }
    if (!ok) {
        ce_fault(ce, addr, type, write ? NV_FAULT_ACCESS_PHYS_WRITE
                                       : NV_FAULT_ACCESS_PHYS_READ);
    }
    return ok;
}

/*
 * Move @len bytes between @buf and memory. False: the launch is over, because
 * the access faulted or because the access itself reset the function (the guest
 * can aim a copy at the ECAM).
 */
static bool ce_access(NvGraceCE *ce, bool sysmem, uint64_t addr, void *buf,
                      uint64_t len, bool write)
{
    NvGraceFunction *fn = ce->fn;
    uint64_t serial = ce->serial;
    MemTxResult res;

    if (!ce_probe(ce, sysmem, addr, len, write)) {
        return false;
    }
    if (sysmem) {
        res = pci_dma_rw(fn->pci, addr, buf, len, ce_direction(write),
                         MEMTXATTRS_UNSPECIFIED);
    } else {
        res = address_space_rw(&fn->fb_as, addr, MEMTXATTRS_UNSPECIFIED, buf,
                               len, write);
    }

    if (ce->serial != serial) {
        return false;
    }
    if (res != MEMTX_OK) {
        ce_fault(ce, addr, NV_FAULT_TYPE_PTE,
                 write ? NV_FAULT_ACCESS_PHYS_WRITE
                       : NV_FAULT_ACCESS_PHYS_READ);
        return false;
    }
    return true;
}

static bool ce_semaphore(NvGraceCE *ce)
{
    uint64_t addr = ce->job.semaphore;
    uint32_t payload = cpu_to_le32(ce->job.payload);

    if (ce->job.launch & NV_CE_LAUNCH_SEM_FOUR_WORDS) {
        uint64_t ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
        uint32_t rest[3] = { 0, cpu_to_le32(ns), cpu_to_le32(ns >> 32) };

        if (!ce_probe(ce, true, addr, 4 + sizeof(rest), true) ||
            !ce_access(ce, true, addr + 4, rest, sizeof(rest), true)) {
            return false;
        }
        /* Who sees the payload may read the time stamp */
        smp_wmb();
    }
    return ce_access(ce, true, addr, &payload, sizeof(payload), true);
}

static void ce_finish(NvGraceCE *ce)
{
    uint32_t launch = ce->job.launch;

    if ((launch & CE_LAUNCH_SEM) && !ce_semaphore(ce)) {
        return;
    }
    ce_end(ce);
    if (launch & CE_LAUNCH_INTR) {
        nvgrace_function_raise(ce->fn, NVGRACE_GPU_VECTOR_CE0);
    }
}

static uint64_t ce_to_boundary(uint64_t addr)
{
    return NVGRACE_CE_PIECE - addr % NVGRACE_CE_PIECE;
}

/* One piece; returns its bytes, 0 when the launch is over */
static uint64_t ce_piece(NvGraceCE *ce)
{
    NvGraceCEJob *job = &ce->job;
    bool fill = job->launch & NV_CE_LAUNCH_REMAP;
    uint64_t src = job->src + job->line_pos;
    uint64_t dst = job->dst + job->line_pos;
    uint64_t len = MIN(job->line_bytes - job->line_pos, ce_to_boundary(dst));
    uint8_t *buf = ce->bounce;

    if (fill) {
        /* Set up by ce_launch(); elements count from the line's start */
        buf += job->line_pos % 4;
    } else {
        len = MIN(len, ce_to_boundary(src));
        if (!ce_access(ce, job->src_sysmem, src, buf, len, false)) {
            return 0;
        }
    }
    if (!ce_access(ce, job->dst_sysmem, dst, buf, len, true)) {
        return 0;
    }

    job->line_pos += len;
    if (job->line_pos == job->line_bytes) {
        /*
         * No overflow: both addresses were below CE_ADDRESS_LIMIT just now (an
         * unused source stays 0), and a pitch has 32 bits.
         */
        job->line_pos = 0;
        job->lines--;
        job->src += fill ? 0 : job->src_pitch;
        job->dst += job->dst_pitch;
    }
    return len;
}

static void ce_run(void *opaque)
{
    NvGraceCE *ce = opaque;
    Object *owner = OBJECT(ce->fn->pci);
    uint64_t done = 0;

    if (!(ce->status & NVGRACE_GPU_CE0_BUSY)) {
        return;
    }

    /* A copy can even switch off the slot that the GPU sits in */
    object_ref(owner);
    for (int i = 0; ce->job.lines && i < CE_CHUNK_PIECES && done < CE_CHUNK;
         i++) {
        uint64_t len = ce_piece(ce);

        if (!len) {
            goto out;
        }
        done += len;
    }

    if (ce->job.lines) {
        timer_mod(&ce->timer,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + CE_DELAY_NS);
    } else {
        ce_finish(ce);
    }
out:
    object_unref(owner);
}

/* NULL, or why the engine cannot do it */
static const char *ce_why_not(NvGraceCE *ce, uint32_t launch)
{
    uint32_t transfer = launch & NV_CE_LAUNCH_TRANSFER;
    uint32_t sem = launch & CE_LAUNCH_SEM;
    bool remap = launch & NV_CE_LAUNCH_REMAP;
    uint32_t align = sem == NV_CE_LAUNCH_SEM_FOUR_WORDS ? 16 : 4;

    if (ce->status & NVGRACE_GPU_CE0_BUSY) {
        return "the last one is still running";
    }
    if ((launch & ~CE_LAUNCH_KNOWN) || transfer == NV_CE_LAUNCH_TRANSFER ||
        sem == CE_LAUNCH_SEM || (launch & CE_LAUNCH_INTR) == CE_LAUNCH_INTR) {
        return "bits that the model does not know";
    }
    if (sem && ce->m.sem_lo % align) {
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
    if (remap && ce->m.remap_components != NV_CE_REMAP_CONST_A_4BYTES) {
        return "remap components that the model does not know";
    }
    if ((!remap && (launch & NV_CE_LAUNCH_SRC_PHYSICAL) &&
         ce->m.src_phys_mode > NV_CE_PHYS_MODE_COHERENT_SYSMEM) ||
        ((launch & NV_CE_LAUNCH_DST_PHYSICAL) &&
         ce->m.dst_phys_mode > NV_CE_PHYS_MODE_COHERENT_SYSMEM)) {
        return "a target that the model does not know";
    }
    return NULL;
}

static void ce_launch(NvGraceCE *ce, uint32_t launch)
{
    bool remap = launch & NV_CE_LAUNCH_REMAP;
    bool multi = launch & NV_CE_LAUNCH_MULTI_LINE;
    const char *why = ce_why_not(ce, launch);
    uint64_t src = ce_address(ce->m.in_hi, ce->m.in_lo);
    uint64_t dst = ce_address(ce->m.out_hi, ce->m.out_lo);

    if (why) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: launch 0x%x dropped: %s\n",
                      ce->fn->pci->name, launch, why);
        ce->status |= NVGRACE_GPU_CE0_DROPPED;
        return;
    }

    ce->serial++;
    ce->status = NVGRACE_GPU_CE0_BUSY;
    ce->job = (NvGraceCEJob) {
        .launch = launch,
        .payload = ce->m.payload,
        .semaphore = ce_address(ce->m.sem_hi, ce->m.sem_lo),
        .src_sysmem = ce->m.src_phys_mode == NV_CE_PHYS_MODE_COHERENT_SYSMEM,
        .dst_sysmem = ce->m.dst_phys_mode == NV_CE_PHYS_MODE_COHERENT_SYSMEM,
        .src = remap ? 0 : src,
        .dst = dst,
        .src_pitch = ce->m.pitch_in,
        .dst_pitch = ce->m.pitch_out,
        .line_bytes = (uint64_t)ce->m.line_length * (remap ? 4 : 1),
        .lines = multi ? ce->m.line_count : 1,
    };

    if (launch & NV_CE_LAUNCH_TRANSFER) {
        if (!remap && !(launch & NV_CE_LAUNCH_SRC_PHYSICAL)) {
            ce_fault(ce, src, NV_FAULT_TYPE_UNBOUND_INST,
                     NV_FAULT_ACCESS_VIRT_READ);
            return;
        }
        if (!(launch & NV_CE_LAUNCH_DST_PHYSICAL)) {
            ce_fault(ce, dst, NV_FAULT_TYPE_UNBOUND_INST,
                     NV_FAULT_ACCESS_VIRT_WRITE);
            return;
        }
    }
    if (!(launch & NV_CE_LAUNCH_TRANSFER) || !ce->job.line_bytes) {
        ce->job.lines = 0;
    }
    if (remap) {
        for (int i = 0; i < sizeof(ce->bounce); i += 4) {
            stl_le_p(ce->bounce + i, ce->m.remap_const_a);
        }
    }

    timer_mod(&ce->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + CE_DELAY_NS);
}

void nvgrace_ce_method(NvGraceCE *ce, uint32_t addr, uint32_t data)
{
    switch (addr) {
    case NV_CE_SET_SEMAPHORE_A:
        ce->m.sem_hi = data;
        break;
    case NV_CE_SET_SEMAPHORE_B:
        ce->m.sem_lo = data;
        break;
    case NV_CE_SET_SEMAPHORE_PAYLOAD:
        ce->m.payload = data;
        break;
    case NV_CE_SET_SRC_PHYS_MODE:
        ce->m.src_phys_mode = data & NV_CE_PHYS_MODE_TARGET;
        break;
    case NV_CE_SET_DST_PHYS_MODE:
        ce->m.dst_phys_mode = data & NV_CE_PHYS_MODE_TARGET;
        break;
    case NV_CE_LAUNCH_DMA:
        ce_launch(ce, data);
        break;
    case NV_CE_OFFSET_IN_UPPER:
        ce->m.in_hi = data;
        break;
    case NV_CE_OFFSET_IN_LOWER:
        ce->m.in_lo = data;
        break;
    case NV_CE_OFFSET_OUT_UPPER:
        ce->m.out_hi = data;
        break;
    case NV_CE_OFFSET_OUT_LOWER:
        ce->m.out_lo = data;
        break;
    case NV_CE_PITCH_IN:
        ce->m.pitch_in = data;
        break;
    case NV_CE_PITCH_OUT:
        ce->m.pitch_out = data;
        break;
    case NV_CE_LINE_LENGTH_IN:
        ce->m.line_length = data;
        break;
    case NV_CE_LINE_COUNT:
        ce->m.line_count = data;
        break;
    case NV_CE_SET_REMAP_CONST_A:
        ce->m.remap_const_a = data;
        break;
    case NV_CE_SET_REMAP_COMPONENTS:
        ce->m.remap_components = data;
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "%s: unknown copy engine method 0x%x\n",
                      ce->fn->pci->name, addr);
        break;
    }
}

void nvgrace_ce_reset(NvGraceCE *ce)
{
    timer_del(&ce->timer);
    memset(&ce->m, 0, sizeof(ce->m));
    ce->status = 0;
    ce->completed = 0;
    ce->serial++;
}

void nvgrace_ce_init(NvGraceCE *ce, NvGraceFunction *fn)
{
    ce->fn = fn;
    timer_init_ns(&ce->timer, QEMU_CLOCK_VIRTUAL, ce_run, ce);
}

void nvgrace_ce_exit(NvGraceCE *ce)
{
    nvgrace_ce_reset(ce);
    timer_deinit(&ce->timer);
}
