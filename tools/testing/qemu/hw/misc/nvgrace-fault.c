/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MMU faults of a function: a ring of entries in memory (the fault buffer), and
 * a report in registers while there is no ring.
 *
 * Entries lie at PUT, which is the model's; the driver follows with GET, and
 * GET == PUT is empty. The entry that would make it so in a full ring is lost,
 * OVERFLOW tells, and an interrupt comes for it only if OVERFLOW_INTR is set.
 * An entry's VALID is written after all else in it. A new entry does not ask
 * whether the driver has cleared it.
 *
 * The buffer is in the function's framebuffer, in system memory, or (PF) at an
 * address that the instance aperture's page tables translate. It cannot be
 * moved while it is enabled.
 *
 * The second buffer, of replayable faults, is registers only: no engine of the
 * model replays. Not modelled: GPC and client of an entry (hub, client 0), the
 * target of a faulting physical address.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "nvgrace-gpu-internal.h"

#define FAULT_BUFFER_REGS   NV_VFN_FAULT_BUFFER_LO(NV_VFN_FAULT_BUFFERS)
#define FAULT_BUFFER_STRIDE (NV_VFN_FAULT_BUFFER_LO(1) - \
                             NV_VFN_FAULT_BUFFER_LO(0))
#define FAULT_BUFFER_FLAGS  (NV_VFN_FAULT_BUFFER_CORRUPTED | \
                             NV_VFN_FAULT_BUFFER_OVERFLOW)

/* One-shot report: who and where, next to the instance block's address */
#define FAULT_INST_APERTURE_SHIFT   10
#define FAULT_ENTRY_TARGET_SHIFT    8

typedef struct FaultReport {
    uint64_t inst;
    NvGraceSpace inst_space;
    uint64_t addr;
    unsigned engine, type, access;
} FaultReport;

static bool buffer_enabled(const NvGraceFaultBuffer *buf)
{
    return buf->size & NV_VFN_FAULT_BUFFER_ENABLE;
}

static uint32_t buffer_entries(const NvGraceFaultBuffer *buf)
{
    return buf->size & NV_VFN_FAULT_BUFFER_INDEX;
}

/* Memory of the entry at PUT. False: there is none */
static bool buffer_locate(NvGraceFunction *fn, const NvGraceFaultBuffer *buf,
                          NvGraceXlate *out)
{
    unsigned aperture = (buf->lo & NV_VFN_FAULT_BUFFER_APERTURE) >>
                        ctz32(NV_VFN_FAULT_BUFFER_APERTURE);
    uint64_t addr = ((uint64_t)buf->hi << 32 |
                     (buf->lo & NV_VFN_FAULT_BUFFER_ADDRESS)) +
                    (uint64_t)buf->put * NV_FAULT_ENTRY_SIZE;

    if (!(buf->lo & NV_VFN_FAULT_BUFFER_PHYSICAL)) {
        return !fn->gfid &&
               !nvgrace_aperture_translate(fn->gpu, NVGRACE_APERTURE_INSTANCE,
                                           addr, true, out);
    }
    *out = (NvGraceXlate) { .space = aperture, .addr = addr };
    return true;
}

static void entry_fill(uint8_t *entry, const FaultReport *report)
{
    uint64_t ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    stq_le_p(entry + NV_FAULT_ENTRY_INST_LO,
             (report->inst & ~0xfffULL) |
             report->inst_space << FAULT_ENTRY_TARGET_SHIFT);
    stq_le_p(entry + NV_FAULT_ENTRY_ADDR_LO, report->addr & ~0xfffULL);
    stq_le_p(entry + NV_FAULT_ENTRY_TIME_LO, ns);
    stl_le_p(entry + NV_FAULT_ENTRY_ENGINE, report->engine);
    stl_le_p(entry + NV_FAULT_ENTRY_INFO,
             report->type | report->access << ctz32(NV_FAULT_ENTRY_ACCESS) |
             NV_FAULT_ENTRY_HUB | NV_FAULT_ENTRY_VALID);
}

/* False: the memory of the entry is not in reach */
static bool entry_write(NvGraceFunction *fn, const NvGraceFaultBuffer *buf,
                        const FaultReport *report)
{
    uint8_t entry[NV_FAULT_ENTRY_SIZE] = {};
    NvGraceXlate at;

    entry_fill(entry, report);
    if (!buffer_locate(fn, buf, &at) ||
        nvgrace_mmu_access(fn, at.space, at.peer, at.addr, entry,
                           NV_FAULT_ENTRY_INFO, true)) {
        return false;
    }
    smp_wmb();
    return !nvgrace_mmu_access(fn, at.space, at.peer,
                               at.addr + NV_FAULT_ENTRY_INFO,
                               entry + NV_FAULT_ENTRY_INFO,
                               sizeof(uint32_t), true);
}

/* Returns whether the entry is there */
static bool buffer_add(NvGraceFunction *fn, NvGraceFaultBuffer *buf,
                       const FaultReport *report)
{
    NvGraceFaultBuffer before = *buf;
    uint32_t next = (buf->put + 1) % buffer_entries(buf);
    bool ok;

    if (next == buf->get) {
        buf->flags |= NV_VFN_FAULT_BUFFER_OVERFLOW;
        return false;
    }
    ok = entry_write(fn, &before, report);
    /* The access itself can have reset the function, or unplugged the GPU */
    if (!fn->gpu->mmu || !buffer_enabled(buf) || buf->put != before.put) {
        return false;
    }
    /* A driver that has given up the GPU can take its right to write away */
    if (!ok && nvgrace_function_master(fn)) {
        nvgrace_function_error(fn, "fault buffer at 0x%08x%08x is not in reach",
                               before.hi, before.lo);
    }
    if (!ok) {
        return false;
    }
    buf->put = next;
    return true;
}

static void fault_raise(NvGraceFunction *fn)
{
    if (fn->gfid ||
        !nvgrace_inject_take(fn->gpu, NVGRACE_INJECT_LOST_FAULT, NULL)) {
        nvgrace_function_raise(fn, NVGRACE_GPU_VECTOR_FAULT);
    }
}

static void report_one_shot(NvGraceFunction *fn, const FaultReport *report)
{
    NvGraceFault *fault = &fn->fault;

    if (fault->info & NV_VFN_FAULT_INFO_VALID) {
        fault->status = 1;
    } else {
        fault->addr = report->addr;
        fault->inst = (report->inst & ~0xfffULL) | report->engine |
                      report->inst_space << FAULT_INST_APERTURE_SHIFT;
        fault->info = NV_VFN_FAULT_INFO_VALID | report->type |
                      report->access << ctz32(NV_VFN_FAULT_INFO_ACCESS);
    }
    fault_raise(fn);
}

static void report_buffered(NvGraceFunction *fn, NvGraceFaultBuffer *buf,
                            const FaultReport *report)
{
    Object *gpu = OBJECT(fn->gpu), *owner = OBJECT(fn->pci);

    object_ref(gpu);
    object_ref(owner);
    if (buffer_add(fn, buf, report)) {
        fault_raise(fn);
        if (!fn->gfid) {
            nvgrace_rm_mmu_fault_queued(fn->gpu);
        }
    } else if ((buf->flags & NV_VFN_FAULT_BUFFER_OVERFLOW) &&
               (buf->size & NV_VFN_FAULT_BUFFER_OVERFLOW_INTR)) {
        fault_raise(fn);
    }
    object_unref(owner);
    object_unref(gpu);
}

void nvgrace_mmu_fault(NvGraceFunction *fn, uint64_t inst,
                       NvGraceSpace inst_space, uint64_t addr, unsigned engine,
                       unsigned type, unsigned access)
{
    NvGraceFaultBuffer *buf = &fn->fault.buffer[0];
    FaultReport report = {
        .inst = inst,
        .inst_space = inst_space,
        .addr = addr,
        .engine = engine,
        .type = type & NV_VFN_FAULT_INFO_TYPE,
        .access = access,
    };

    if (buffer_enabled(buf)) {
        report_buffered(fn, buf, &report);
    } else {
        report_one_shot(fn, &report);
    }
}

void nvgrace_function_fault(NvGraceFunction *fn, uint64_t addr, unsigned type,
                            unsigned access)
{
    nvgrace_mmu_fault(fn, 0, NVGRACE_SPACE_FB, addr, NV_FAULT_ENGINE_CE(0),
                      type, access);
}

static void buffer_write_size(NvGraceFunction *fn, NvGraceFaultBuffer *buf,
                              uint32_t val)
{
    uint32_t entries = val & NV_VFN_FAULT_BUFFER_INDEX;

    if (val & NV_VFN_FAULT_BUFFER_SET_DEFAULT) {
        entries = NVGRACE_GPU_FAULT_BUFFER_DEFAULT;
    }
    if (buffer_enabled(buf) && (val & NV_VFN_FAULT_BUFFER_ENABLE) &&
        entries != buffer_entries(buf)) {
        nvgrace_function_error(fn, "fault buffer made %u entries while it is "
                               "enabled", entries);
        return;
    }
    if ((val & NV_VFN_FAULT_BUFFER_ENABLE) && entries < 2) {
        nvgrace_function_error(fn, "fault buffer of %u entries enabled",
                               entries);
        return;
    }
    buf->size = (val & (NV_VFN_FAULT_BUFFER_ENABLE |
                        NV_VFN_FAULT_BUFFER_OVERFLOW_INTR)) | entries;
    if (buffer_enabled(buf) &&
        (buf->get >= entries || buf->put >= entries)) {
        nvgrace_function_error(fn, "fault buffer of %u entries enabled with "
                               "GET %u and PUT %u", entries, buf->get,
                               buf->put);
        buf->get = buf->put = 0;
    }
}

static void buffer_write_get(NvGraceFunction *fn, NvGraceFaultBuffer *buf,
                             uint32_t val)
{
    uint32_t get = val & NV_VFN_FAULT_BUFFER_INDEX;

    buf->flags &= ~(val & FAULT_BUFFER_FLAGS);
    if (buffer_enabled(buf) && get >= buffer_entries(buf)) {
        buf->flags |= NV_VFN_FAULT_BUFFER_CORRUPTED;
        nvgrace_function_error(fn, "GET %u of a fault buffer of %u entries",
                               get, buffer_entries(buf));
        return;
    }
    buf->get = get;
}

static void buffer_write(NvGraceFunction *fn, unsigned i, uint32_t reg,
                         uint32_t val)
{
    NvGraceFaultBuffer *buf = &fn->fault.buffer[i];

    switch (reg) {
    case NV_VFN_FAULT_BUFFER_LO(0):
    case NV_VFN_FAULT_BUFFER_HI(0):
        if (buffer_enabled(buf)) {
            nvgrace_function_error(fn, "fault buffer moved while it is "
                                   "enabled");
        } else if (reg == NV_VFN_FAULT_BUFFER_LO(0)) {
            buf->lo = val;
        } else {
            buf->hi = val;
        }
        break;
    case NV_VFN_FAULT_BUFFER_GET(0):
        buffer_write_get(fn, buf, val);
        break;
    case NV_VFN_FAULT_BUFFER_SIZE(0):
        buffer_write_size(fn, buf, val);
        break;
    default:
        nvgrace_function_error(fn, "write of 0x%x to read-only or unknown "
                               "register 0x%x of fault buffer %u", val, reg, i);
        break;
    }
}

static uint32_t buffer_read(const NvGraceFaultBuffer *buf, uint32_t reg)
{
    switch (reg) {
    case NV_VFN_FAULT_BUFFER_LO(0):
        return buf->lo;
    case NV_VFN_FAULT_BUFFER_HI(0):
        return buf->hi;
    case NV_VFN_FAULT_BUFFER_GET(0):
        return buf->get | buf->flags;
    case NV_VFN_FAULT_BUFFER_PUT(0):
        return buf->put | buf->flags;
    case NV_VFN_FAULT_BUFFER_SIZE(0):
        return buf->size;
    default:
        return 0;
    }
}

/* Register of buffer @i to that of buffer 0 */
static uint32_t buffer_reg(uint32_t reg, unsigned *i)
{
    *i = (reg - NVGRACE_FAULT_REGS) / FAULT_BUFFER_STRIDE;
    return reg - *i * FAULT_BUFFER_STRIDE;
}

uint32_t nvgrace_fault_read(NvGraceFunction *fn, uint32_t reg)
{
    const NvGraceFault *fault = &fn->fault;
    unsigned i;

    if (reg < FAULT_BUFFER_REGS) {
        reg = buffer_reg(reg, &i);
        return buffer_read(&fault->buffer[i], reg);
    }
    switch (reg) {
    case NV_VFN_FAULT_ADDR_LO:
        return fault->addr;
    case NV_VFN_FAULT_ADDR_HI:
        return fault->addr >> 32;
    case NV_VFN_FAULT_INST_LO:
        return fault->inst;
    case NV_VFN_FAULT_INST_HI:
        return fault->inst >> 32;
    case NV_VFN_FAULT_INFO:
        return fault->info;
    case NV_VFN_FAULT_STATUS:
        return fault->status;
    default:
        return 0;
    }
}

void nvgrace_fault_write(NvGraceFunction *fn, uint32_t reg, uint32_t val)
{
    unsigned i;

    if (reg < FAULT_BUFFER_REGS) {
        reg = buffer_reg(reg, &i);
        buffer_write(fn, i, reg, val);
        return;
    }
    switch (reg) {
    case NV_VFN_FAULT_INFO:
        if (val & NV_VFN_FAULT_INFO_VALID) {
            fn->fault.info &= ~NV_VFN_FAULT_INFO_VALID;
        }
        break;
    case NV_VFN_FAULT_STATUS:
        fn->fault.status &= ~val;
        break;
    default:
        nvgrace_function_error(fn, "write of 0x%x to read-only or unknown "
                               "register 0x%x of faults", val, reg);
        break;
    }
}

void nvgrace_fault_reset(NvGraceFunction *fn)
{
    memset(&fn->fault, 0, sizeof(fn->fault));
}
