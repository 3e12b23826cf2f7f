/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's side of a channel in the GPU's device model: GP entries, the
 * pushbuffer segments that they name, the method headers in those, the host's
 * own methods (class 0xC96F), and the copy engine's work for the channel.
 *
 *   USERD  GP_PUT  ->  GP entry  ->  segment  ->  header  ->  method
 *
 * One call of nvgrace_pbdma_run() does one step: at most a segment's methods,
 * or one chunk of a copy. Who is next is the scheduler's business (nvgrace-
 * fifo.c). GP entries, segments and semaphores are at virtual addresses; USERD
 * and the instance block at physical ones.
 *
 * A launch ends the step, and the next method comes after the job. So the host
 * never overtakes the engine and WFI has nothing to wait for: the model is
 * stricter than hardware here. GP_GET moves when an entry is fetched, before
 * its methods run.
 *
 * RAMFC is read when the channel first gets on the engine and after a forced
 * reload, and written when it is preempted. The methods of the engine and its
 * job are not in RAMFC: they stay with the channel.
 *
 * Not modelled: conditional fetch, CRCs, semaphore reductions, replay of
 * faults, the order of SYNC. What a channel does wrong stops that channel.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "nvgrace-fifo.h"

#define PBDMA_BUDGET        1024    /* dwords and entries in one step */
#define PBDMA_FETCH         64      /* dwords fetched at once */
#define PBDMA_INST_READ     (NV_RAMIN_METHOD_BUFFER_HI + 4)
#define PBDMA_UPPER_MASK    0x01ffffff  /* address bits 56:32 */

/* One step of a channel */
typedef struct Pbdma {
    NvGraceChannel *ch;
    NvGraceFunction *fn;
    NvGracePort port;
    NvGraceChannelError *err;
    uint32_t word[PBDMA_FETCH]; /* fetched ahead */
    unsigned at, nr;
} Pbdma;

static const NvGraceTarget pbdma_virtual = { .virt = true };

static uint32_t *pbdma_chram(NvGraceChannel *ch)
{
    return &ch->runlist->chram[ch->chid];
}

static void pbdma_init(Pbdma *p, NvGraceChannel *ch, NvGraceFunction *fn,
                       NvGraceChannelError *err)
{
    p->ch = ch;
    p->fn = fn;
    p->port = (NvGracePort) {
        .fn = fn,
        .pdb = ch->has_pdb ? &ch->pdb : NULL,
        .serial = &ch->runlist->fifo->serial,
    };
    p->err = err;
    p->at = p->nr = 0;
}

static NvGraceStep pbdma_error(Pbdma *p, uint32_t type, const char *why)
{
    *p->err = (NvGraceChannelError) {
        .type = type,
        .engine = type != NV_RC_PBDMA,
        .why = why,
    };
    return NVGRACE_STEP_ERROR;
}

static NvGraceStep pbdma_bad(Pbdma *p, const char *why)
{
    return pbdma_error(p, NV_RC_PBDMA, why);
}

static NvGraceStep pbdma_fault(Pbdma *p, const NvGracePortFault *fault,
                               bool engine)
{
    *p->err = (NvGraceChannelError) {
        .type = NV_RC_MMU_FAULT,
        .engine = engine,
        .fault = *fault,
        .why = "MMU fault",
    };
    return NVGRACE_STEP_ERROR;
}

static NvGraceStep pbdma_result(Pbdma *p, NvGracePortResult res,
                                const NvGracePortFault *fault)
{
    switch (res) {
    case NVGRACE_PORT_FAULT:
        return pbdma_fault(p, fault, false);
    case NVGRACE_PORT_GONE:
        return NVGRACE_STEP_GONE;
    default:
        return NVGRACE_STEP_MORE;
    }
}

/* STEP_MORE, or why not */
static NvGraceStep pbdma_access(Pbdma *p, const NvGraceTarget *target,
                                uint64_t addr, void *buf, uint64_t len,
                                bool write)
{
    NvGracePortFault fault;

    return pbdma_result(p, nvgrace_port_access(&p->port, target, addr, buf, len,
                                               write, &fault), &fault);
}

static NvGraceStep pbdma_physical(Pbdma *p, const NvGraceMemDesc *mem,
                                  unsigned offset, void *buf, uint64_t len,
                                  bool write)
{
    NvGraceTarget target = { .space = mem->space };

    return pbdma_access(p, &target, mem->addr + offset, buf, len, write);
}

/* Instance block */

static uint64_t get64(const uint8_t *inst, unsigned lo, unsigned hi)
{
    return (uint64_t)ldl_le_p(inst + hi) << 32 |
           (uint32_t)ldl_le_p(inst + lo);
}

static void put64(uint8_t *inst, unsigned lo, unsigned hi, uint64_t val)
{
    stl_le_p(inst + lo, val);
    stl_le_p(inst + hi, val >> 32);
}

static NvGraceStep pbdma_parse(Pbdma *p, const uint8_t *inst)
{
    NvGraceChannel *ch = p->ch;
    uint32_t pdb = ldl_le_p(inst + NV_RAMIN_PDB_LO);
    uint32_t fetch = ldl_le_p(inst + NV_RAMFC_FETCH_STATE);
    uint32_t header = ldl_le_p(inst + NV_RAMFC_METHOD);
    uint32_t config = ldl_le_p(inst + NV_RAMFC_CONFIG);

    if (ldl_le_p(inst + NV_RAMFC_SIGNATURE) != NV_RAMFC_SIGNATURE_VALUE) {
        return pbdma_bad(p, "RAMFC without its signature");
    }
    ch->privileged = config & NV_RAMFC_CONFIG_PRIVILEGED;
    ch->writeback = config & NV_RAMFC_CONFIG_USERD_WRITEBACK;
    ch->ce.phys_targets = ch->privileged ? NV_CE_PHYS_MODE_PEER + 1 : 0;
    ch->ce.semaphore = pbdma_virtual;
    ch->gp_base = get64(inst, NV_RAMFC_GP_BASE_LO, NV_RAMFC_GP_BASE_HI) & ~7ULL;
    ch->gp_entries = 1u << extract32(ldl_le_p(inst + NV_RAMFC_GP_INFO), 16, 5);
    ch->gp_get = ldl_le_p(inst + NV_RAMFC_GP_GET);
    ch->gp_put = ldl_le_p(inst + NV_RAMFC_GP_PUT);
    if (ch->gp_get >= ch->gp_entries || ch->gp_put >= ch->gp_entries) {
        return pbdma_bad(p, "GP_GET or GP_PUT of RAMFC is outside the ring");
    }
    ch->pb_get = get64(inst, NV_RAMFC_PB_GET_LO, NV_RAMFC_PB_GET_HI) & ~3ULL;
    ch->pb_left = extract32(fetch, 0, 21);
    ch->pb_base = (uint64_t)ldl_le_p(inst + NV_RAMFC_PB_EXTENDED_BASE) << 40;
    ch->acquiring = fetch & NV_RAMFC_FETCH_ACQUIRING;
    ch->op = extract32(header, 29, 3);
    ch->method_left = ch->pb_left ? extract32(header, 16, 13) : 0;
    ch->subchannel = extract32(header, 13, 3);
    ch->method = extract32(header, 0, 12) * 4;
    ch->sem_hi = ldl_le_p(inst + NV_RAMFC_SEM_ADDR_HI);
    ch->sem_lo = ldl_le_p(inst + NV_RAMFC_SEM_ADDR_LO);
    ch->payload_lo = ldl_le_p(inst + NV_RAMFC_SEM_PAYLOAD_LO);
    ch->payload_hi = ldl_le_p(inst + NV_RAMFC_SEM_PAYLOAD_HI);
    ch->sem_execute = ldl_le_p(inst + NV_RAMFC_SEM_EXECUTE);

    /* The values of a target are those of the space, but for peer */
    ch->has_pdb = (pdb & NV_RAMIN_PDB_TARGET) != NVGRACE_SPACE_PEER;
    ch->pdb.space = pdb & NV_RAMIN_PDB_TARGET;
    ch->pdb.addr = get64(inst, NV_RAMIN_PDB_LO, NV_RAMIN_PDB_HI) & ~0xfffULL;
    p->port.pdb = ch->has_pdb ? &ch->pdb : NULL;
    ch->loaded = true;
    *pbdma_chram(ch) &= ~NV_CHRAM_RELOAD;
    return NVGRACE_STEP_MORE;
}

static NvGraceStep pbdma_load(Pbdma *p)
{
    uint8_t inst[PBDMA_INST_READ];
    NvGraceStep step = pbdma_physical(p, &p->ch->inst, 0, inst, sizeof(inst),
                                      false);

    return step == NVGRACE_STEP_MORE ? pbdma_parse(p, inst) : step;
}

void nvgrace_pbdma_save(NvGraceChannel *ch, NvGraceFunction *fn)
{
    NvGraceChannelError err;
    uint8_t fc[NV_RAMFC_SIZE];
    NvGraceStep step;
    Pbdma p;

    pbdma_init(&p, ch, fn, &err);
    step = pbdma_physical(&p, &ch->inst, 0, fc, sizeof(fc), false);
    if (step != NVGRACE_STEP_MORE) {
        return;
    }
    stl_le_p(fc + NV_RAMFC_GP_GET, ch->gp_get);
    stl_le_p(fc + NV_RAMFC_GP_PUT, ch->gp_put);
    put64(fc, NV_RAMFC_PB_GET_LO, NV_RAMFC_PB_GET_HI, ch->pb_get);
    stl_le_p(fc + NV_RAMFC_FETCH_STATE,
             ch->pb_left | (ch->acquiring ? NV_RAMFC_FETCH_ACQUIRING : 0));
    stl_le_p(fc + NV_RAMFC_PB_EXTENDED_BASE, ch->pb_base >> 40);
    stl_le_p(fc + NV_RAMFC_METHOD, ch->op << 29 | ch->method_left << 16 |
             ch->subchannel << 13 | ch->method / 4);
    stl_le_p(fc + NV_RAMFC_SEM_ADDR_HI, ch->sem_hi);
    stl_le_p(fc + NV_RAMFC_SEM_ADDR_LO, ch->sem_lo);
    stl_le_p(fc + NV_RAMFC_SEM_PAYLOAD_LO, ch->payload_lo);
    stl_le_p(fc + NV_RAMFC_SEM_PAYLOAD_HI, ch->payload_hi);
    stl_le_p(fc + NV_RAMFC_SEM_EXECUTE, ch->sem_execute);
    pbdma_physical(&p, &ch->inst, 0, fc, sizeof(fc), true);
}

void nvgrace_pbdma_init_inst(uint8_t *inst, const NvGraceChannelParams *params)
{
    uint32_t config = NV_RAMFC_CONFIG_USERD_WRITEBACK;

    if (params->privileged) {
        config |= NV_RAMFC_CONFIG_PRIVILEGED;
        stl_le_p(inst + NV_RAMFC_HCE_CTRL, NV_RAMFC_HCE_PRIVILEGED);
    }
    stl_le_p(inst + NV_RAMFC_SIGNATURE, NV_RAMFC_SIGNATURE_VALUE);
    put64(inst, NV_RAMFC_USERD_LO, NV_RAMFC_USERD_HI,
          params->userd.addr | params->userd.space);
    put64(inst, NV_RAMFC_GP_BASE_LO, NV_RAMFC_GP_BASE_HI, params->gpfifo);
    stl_le_p(inst + NV_RAMFC_GP_INFO, ctz32(params->entries) << 16);
    stl_le_p(inst + NV_RAMFC_CHID, params->chid);
    stl_le_p(inst + NV_RAMFC_CONFIG, config);
    put64(inst, NV_RAMIN_PDB_LO, NV_RAMIN_PDB_HI,
          params->pdb.addr | params->pdb.space);
    put64(inst, NV_RAMIN_METHOD_BUFFER_LO, NV_RAMIN_METHOD_BUFFER_HI,
          params->method_buffer.addr);
}

void nvgrace_pbdma_reset(NvGraceChannel *ch)
{
    ch->loaded = false;
    ch->has_pdb = false;
    ch->acquiring = false;
    ch->hung = false;
    memset(ch->subchannel_class, 0, sizeof(ch->subchannel_class));
    memset(ch->mem_op, 0, sizeof(ch->mem_op));
    memset(&ch->ce, 0, sizeof(ch->ce));
}

/* Semaphores */

static uint64_t sem_address(const NvGraceChannel *ch)
{
    return (uint64_t)(ch->sem_hi & PBDMA_UPPER_MASK) << 32 |
           (ch->sem_lo & ~3u);
}

static uint64_t sem_payload(const NvGraceChannel *ch, bool wide)
{
    return wide ? (uint64_t)ch->payload_hi << 32 | ch->payload_lo
                : ch->payload_lo;
}

static NvGraceStep sem_release(Pbdma *p, uint32_t data)
{
    NvGraceChannel *ch = p->ch;
    bool wide = data & NV_HOST_SEM_64BIT, stamp = data & NV_HOST_SEM_TIMESTAMP;
    uint64_t addr = sem_address(ch);
    NvGracePortFault fault;

    if (addr % nvgrace_semaphore_size(wide, stamp)) {
        return pbdma_bad(p, "semaphore is not aligned");
    }
    return pbdma_result(p, nvgrace_port_release(&p->port, &pbdma_virtual, addr,
                                                sem_payload(ch, wide), wide,
                                                stamp, &fault), &fault);
}

static bool sem_is_met(uint32_t op, bool wide, uint64_t value, uint64_t payload)
{
    uint64_t mask = wide ? UINT64_MAX : UINT32_MAX;
    uint64_t sign = wide ? 1ULL << 63 : 1ULL << 31;

    switch (op) {
    case NV_HOST_SEM_ACQUIRE:
        return value == payload;
    case NV_HOST_SEM_ACQ_STRICT_GEQ:
        return value >= payload;
    case NV_HOST_SEM_ACQ_CIRC_GEQ:
        return !((value - payload) & sign);
    case NV_HOST_SEM_ACQ_AND:
        return value & payload;
    default:
        return ~(value | payload) & mask;       /* ACQ_NOR */
    }
}

/* What sem_execute asks for, the first time or again */
static NvGraceStep sem_acquire(Pbdma *p)
{
    NvGraceChannel *ch = p->ch;
    bool wide = ch->sem_execute & NV_HOST_SEM_64BIT;
    uint64_t addr = sem_address(ch), value = 0;
    NvGraceStep step;

    if (addr % nvgrace_semaphore_size(wide, false)) {
        return pbdma_bad(p, "semaphore is not aligned");
    }
    step = pbdma_access(p, &pbdma_virtual, addr, &value, wide ? 8 : 4, false);
    if (step != NVGRACE_STEP_MORE) {
        return step;
    }
    ch->acquiring = !sem_is_met(ch->sem_execute & NV_HOST_SEM_OPERATION, wide,
                                le64_to_cpu(value), sem_payload(ch, wide));
    return ch->acquiring ? NVGRACE_STEP_WAIT : NVGRACE_STEP_MORE;
}

static NvGraceStep sem_execute(Pbdma *p, uint32_t data)
{
    switch (data & NV_HOST_SEM_OPERATION) {
    case NV_HOST_SEM_RELEASE:
        return sem_release(p, data);
    case NV_HOST_SEM_ACQUIRE:
    case NV_HOST_SEM_ACQ_STRICT_GEQ:
    case NV_HOST_SEM_ACQ_CIRC_GEQ:
    case NV_HOST_SEM_ACQ_AND:
    case NV_HOST_SEM_ACQ_NOR:
        p->ch->sem_execute = data;
        return sem_acquire(p);
    default:
        return pbdma_bad(p, "semaphore operation that the model does not know");
    }
}

/* Other methods of the host */

static NvGraceStep host_set_object(Pbdma *p, unsigned subchannel, uint32_t data)
{
    NvGraceChannel *ch = p->ch;
    uint32_t class = data & 0xffff;

    if (class != (ch->rm ? ch->class : NV_CE_CLASS) || !class) {
        return pbdma_bad(p, "SET_OBJECT of a class that the channel has not");
    }
    ch->subchannel_class[subchannel] = class;
    return NVGRACE_STEP_MORE;
}

static NvGraceStep host_invalidate(Pbdma *p, uint32_t d)
{
    uint32_t c = p->ch->mem_op[2];
    NvGracePdb pdb = {
        .space = (c & NV_HOST_MEM_OP_C_APERTURE) / 0x400,
        .addr = (uint64_t)(d & NV_HOST_MEM_OP_D_PDB_HI) << 32 |
                (c & NV_HOST_MEM_OP_C_PDB),
    };
    bool all = c & NV_HOST_MEM_OP_C_ALL_PDB;

    if (!all && pdb.space == NVGRACE_SPACE_PEER) {
        return pbdma_bad(p, "TLB invalidate with a bad aperture");
    }
    nvgrace_mmu_invalidate(p->fn->gpu, all ? NULL : &pdb);
    return NVGRACE_STEP_MORE;
}

static NvGraceStep host_mem_op(Pbdma *p, uint32_t d)
{
    switch ((d & NV_HOST_MEM_OP_D_OPERATION) >> 27) {
    case NV_HOST_MEM_OP_MEMBAR:
        smp_mb();
        return NVGRACE_STEP_MORE;
    case NV_HOST_MEM_OP_TLB_INVALIDATE:
    case NV_HOST_MEM_OP_TLB_INVALIDATE_TARGETED:
        return host_invalidate(p, d);
    case NV_HOST_MEM_OP_L2_PEERMEM:
    case NV_HOST_MEM_OP_L2_SYSMEM:
    case NV_HOST_MEM_OP_L2_FLUSH:
        return NVGRACE_STEP_MORE;
    default:
        return pbdma_bad(p, "MEM_OP that the model does not know");
    }
}

static NvGraceStep host_clear_faulted(Pbdma *p, uint32_t data)
{
    if (!p->ch->privileged) {
        return pbdma_bad(p, "CLEAR_FAULTED without the right to it");
    }
    if (!nvgrace_channel_clear_faulted(p->ch, data)) {
        return pbdma_bad(p, "CLEAR_FAULTED of a channel that is not there");
    }
    return NVGRACE_STEP_MORE;
}

static NvGraceStep host_set_reference(Pbdma *p, uint32_t data)
{
    uint32_t le = cpu_to_le32(data);

    return pbdma_physical(p, &p->ch->userd, NV_USERD_REF, &le, sizeof(le),
                          true);
}

static NvGraceStep host_method(Pbdma *p, unsigned subchannel, uint32_t addr,
                               uint32_t data)
{
    NvGraceChannel *ch = p->ch;

    switch (addr) {
    case NV_HOST_SET_OBJECT:
        return host_set_object(p, subchannel, data);
    case NV_HOST_NOP:
    case NV_HOST_WFI:           /* no job runs: see the top */
        return NVGRACE_STEP_MORE;
    case NV_HOST_NON_STALL_INTERRUPT:
        nvgrace_function_raise(p->fn,
                               NVGRACE_GPU_VECTOR_CE0 + ch->runlist->id);
        return NVGRACE_STEP_MORE;
    case NV_HOST_MEM_OP_A:
    case NV_HOST_MEM_OP_B:
    case NV_HOST_MEM_OP_C:
        ch->mem_op[(addr - NV_HOST_MEM_OP_A) / 4] = data;
        return NVGRACE_STEP_MORE;
    case NV_HOST_MEM_OP_D:
        return host_mem_op(p, data);
    case NV_HOST_SET_REFERENCE:
        return host_set_reference(p, data);
    case NV_HOST_SEM_ADDR_LO:
        ch->sem_lo = data;
        return NVGRACE_STEP_MORE;
    case NV_HOST_SEM_ADDR_HI:
        ch->sem_hi = data;
        return NVGRACE_STEP_MORE;
    case NV_HOST_SEM_PAYLOAD_LO:
        ch->payload_lo = data;
        return NVGRACE_STEP_MORE;
    case NV_HOST_SEM_PAYLOAD_HI:
        ch->payload_hi = data;
        return NVGRACE_STEP_MORE;
    case NV_HOST_SEM_EXECUTE:
        return sem_execute(p, data);
    case NV_HOST_YIELD:
        return NVGRACE_STEP_SWITCH;
    case NV_HOST_CLEAR_FAULTED:
        return host_clear_faulted(p, data);
    default:
        return pbdma_bad(p, "unknown method of the host");
    }
}

/* The engine */

static NvGraceStep engine_method(Pbdma *p, unsigned subchannel, uint32_t addr,
                                 uint32_t data)
{
    NvGraceChannel *ch = p->ch;
    NvGraceGpu *gpu = p->fn->gpu;
    const char *why;

    if (ch->subchannel_class[subchannel] != NV_CE_CLASS) {
        return pbdma_bad(p, "method for a subchannel without an object");
    }
    why = nvgrace_ce_method(&ch->ce, addr, data);
    if (why) {
        return pbdma_error(p, NV_RC_CE(ch->runlist->id), why);
    }
    if (ch->ce.busy && nvgrace_inject_take(gpu, NVGRACE_INJECT_CE_HANG, NULL)) {
        ch->hung = true;
        ch->hung_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    }
    return NVGRACE_STEP_MORE;
}

static void engine_interrupt(Pbdma *p, uint32_t launch)
{
    unsigned id = p->ch->runlist->id;

    if (launch & NV_CE_LAUNCH_INTR_NON_BLOCKING) {
        nvgrace_function_raise(p->fn, NVGRACE_GPU_VECTOR_CE0 + id);
    } else if (launch & NV_CE_LAUNCH_INTR_BLOCKING) {
        nvgrace_function_raise(p->fn, NVGRACE_GPU_VECTOR_CE0_STALL + id);
    }
}

static NvGraceStep engine_run(Pbdma *p)
{
    NvGraceChannel *ch = p->ch;
    NvGracePortFault fault;

    if (ch->hung) {
        return NVGRACE_STEP_HUNG;
    }
    switch (nvgrace_ce_run(&ch->ce, &p->port, &ch->runlist->bounce, &fault)) {
    case NVGRACE_CE_MORE:
        return NVGRACE_STEP_MORE;
    case NVGRACE_CE_DONE:
        engine_interrupt(p, ch->ce.job.launch);
        return NVGRACE_STEP_SWITCH;
    case NVGRACE_CE_FAULT:
        return pbdma_fault(p, &fault, true);
    default:
        return NVGRACE_STEP_GONE;
    }
}

/* The pushbuffer */

static NvGraceStep pbdma_method(Pbdma *p, uint32_t data)
{
    NvGraceChannel *ch = p->ch;
    uint32_t addr = ch->method;

    ch->method_left--;
    if (ch->op != NV_PB_OP_NON_INC) {
        ch->method = (addr + 4) % 0x4000;
    }
    if (ch->op == NV_PB_OP_ONE_INC) {
        ch->op = NV_PB_OP_NON_INC;
    }
    if (addr < NV_HOST_METHODS) {
        return host_method(p, ch->subchannel, addr, data);
    }
    return engine_method(p, ch->subchannel, addr, data);
}

static NvGraceStep pbdma_header(Pbdma *p, uint32_t word)
{
    NvGraceChannel *ch = p->ch;
    uint32_t count = extract32(word, 16, 13);

    if (!word) {
        return NVGRACE_STEP_MORE;       /* padding */
    }
    ch->op = extract32(word, 29, 3);
    ch->subchannel = extract32(word, 13, 3);
    ch->method = extract32(word, 0, 12) * 4;
    switch (ch->op) {
    case NV_PB_OP_INC:
    case NV_PB_OP_NON_INC:
    case NV_PB_OP_ONE_INC:
        ch->method_left = count;
        return NVGRACE_STEP_MORE;
    case NV_PB_OP_IMMD:
        ch->method_left = 1;
        return pbdma_method(p, count);
    case NV_PB_OP_END:
        ch->pb_left = 0;
        return NVGRACE_STEP_MORE;
    default:
        return pbdma_bad(p, "bad method header");
    }
}

/* The next dword of the segment, of which there is one */
static NvGraceStep pbdma_fetch(Pbdma *p, uint32_t *word)
{
    NvGraceChannel *ch = p->ch;

    if (p->at == p->nr) {
        uint64_t room = NVGRACE_PORT_PIECE - ch->pb_get % NVGRACE_PORT_PIECE;
        unsigned nr = MIN(MIN(PBDMA_FETCH, ch->pb_left), room / 4);
        NvGraceStep step = pbdma_access(p, &pbdma_virtual, ch->pb_get, p->word,
                                        nr * 4, false);

        if (step != NVGRACE_STEP_MORE) {
            return step;
        }
        p->at = 0;
        p->nr = nr;
    }
    *word = le32_to_cpu(p->word[p->at++]);
    ch->pb_get += 4;
    ch->pb_left--;
    return NVGRACE_STEP_MORE;
}

static NvGraceStep pbdma_dword(Pbdma *p)
{
    NvGraceChannel *ch = p->ch;
    NvGraceStep step;
    uint32_t word;

    step = pbdma_fetch(p, &word);
    if (step != NVGRACE_STEP_MORE) {
        return step;
    }
    return ch->method_left ? pbdma_method(p, word) : pbdma_header(p, word);
}

/* GP entries */

static NvGraceStep gp_control(Pbdma *p, uint32_t operand, uint32_t opcode)
{
    switch (opcode) {
    case NV_GP_OPCODE_NOP:
        return NVGRACE_STEP_MORE;
    case NV_GP_OPCODE_EXTENDED_BASE:
        p->ch->pb_base = (uint64_t)extract32(operand, 8, 17) << 40;
        return NVGRACE_STEP_MORE;
    default:
        return pbdma_bad(p, "GP entry with a bad opcode");
    }
}

static NvGraceStep gp_entry(Pbdma *p, uint32_t dw0, uint32_t dw1)
{
    NvGraceChannel *ch = p->ch;
    uint32_t length = (dw1 & NV_GP_ENTRY1_LENGTH) >> 10;

    if (!length) {
        return gp_control(p, dw0, dw1 & NV_GP_ENTRY1_GET_HI);
    }
    ch->pb_get = ch->pb_base |
                 (uint64_t)(dw1 & NV_GP_ENTRY1_GET_HI) << 32 |
                 (dw0 & NV_GP_ENTRY0_GET);
    ch->pb_left = length;
    return NVGRACE_STEP_MORE;
}

/* GP_PUT anew. A doorbell that comes meanwhile is not lost: it sets PENDING */
static NvGraceStep gp_look(Pbdma *p)
{
    NvGraceChannel *ch = p->ch;
    NvGraceStep step;
    uint32_t put;

    *pbdma_chram(ch) &= ~NV_CHRAM_PENDING;
    step = pbdma_physical(p, &ch->userd, NV_USERD_GP_PUT, &put, sizeof(put),
                          false);
    if (step != NVGRACE_STEP_MORE) {
        return step;
    }
    ch->gp_put = le32_to_cpu(put);
    if (ch->gp_put >= ch->gp_entries) {
        ch->gp_put = ch->gp_get;
        return pbdma_bad(p, "GP_PUT is outside the ring");
    }
    if (ch->gp_get != ch->gp_put) {
        *pbdma_chram(ch) |= NV_CHRAM_PENDING;
        return NVGRACE_STEP_MORE;
    }
    return *pbdma_chram(ch) & NV_CHRAM_PENDING ? NVGRACE_STEP_SWITCH
                                               : NVGRACE_STEP_IDLE;
}

static NvGraceStep gp_next(Pbdma *p)
{
    NvGraceChannel *ch = p->ch;
    uint32_t entry[2], get;
    NvGraceStep step;

    if (ch->method_left) {
        return pbdma_bad(p, "segment ends within a method");
    }
    if (ch->gp_get == ch->gp_put) {
        step = gp_look(p);
        if (step != NVGRACE_STEP_MORE) {
            return step;
        }
    }
    step = pbdma_access(p, &pbdma_virtual, ch->gp_base + ch->gp_get * 8ULL,
                        entry, sizeof(entry), false);
    if (step != NVGRACE_STEP_MORE) {
        return step;
    }
    ch->gp_get = (ch->gp_get + 1) % ch->gp_entries;
    get = cpu_to_le32(ch->gp_get);
    if (ch->writeback) {
        step = pbdma_physical(p, &ch->userd, NV_USERD_GP_GET, &get, sizeof(get),
                              true);
        if (step != NVGRACE_STEP_MORE) {
            return step;
        }
    }
    return gp_entry(p, le32_to_cpu(entry[0]), le32_to_cpu(entry[1]));
}

/* Entries and dwords until a segment ends or a job starts, within the budget */
static NvGraceStep pbdma_process(Pbdma *p)
{
    NvGraceChannel *ch = p->ch;

    for (int i = 0; i < PBDMA_BUDGET; i++) {
        NvGraceStep step;

        if (!ch->pb_left) {
            step = gp_next(p);
            if (step != NVGRACE_STEP_MORE) {
                return step;
            }
            continue;
        }
        step = pbdma_dword(p);
        if (step != NVGRACE_STEP_MORE || ch->ce.busy) {
            return step;
        }
        if (!ch->pb_left) {
            return NVGRACE_STEP_SWITCH;
        }
    }
    return NVGRACE_STEP_MORE;
}

NvGraceStep nvgrace_pbdma_run(NvGraceChannel *ch, NvGraceFunction *fn,
                              NvGraceChannelError *err)
{
    NvGraceStep step = NVGRACE_STEP_MORE;
    Pbdma p;

    pbdma_init(&p, ch, fn, err);
    if (!ch->loaded) {
        step = pbdma_load(&p);
    }
    if (step == NVGRACE_STEP_MORE && ch->ce.busy) {
        return engine_run(&p);
    }
    if (step == NVGRACE_STEP_MORE && ch->acquiring) {
        step = sem_acquire(&p);
    }
    return step == NVGRACE_STEP_MORE ? pbdma_process(&p) : step;
}
