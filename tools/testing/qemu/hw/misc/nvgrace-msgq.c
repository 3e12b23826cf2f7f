/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queues between the host and GSP in the GPU's device model, in the framing
 * of 570.144: where a message lies in memory, who has written and read how far,
 * checksums, sequence numbers, records. What messages mean is nvgrace-rm.c's.
 *
 * The host's memory holds one block: a page table (the DMA address of each of
 * the block's pages), the command queue, the status queue. Each queue is a page
 * of headers and 63 elements of a page. Who writes a queue keeps its write
 * pointer there, and, in the same page, its read pointer of the other queue.
 *
 * One record is taken from the command queue at a time. It is copied before it
 * is looked at, since the host can change it meanwhile. A record with a wrong
 * header is a driver error and is dropped; the queue goes on behind it. A
 * request is handled when the length that its first record announces is there,
 * and the next one is read when all replies have been written. Messages to the
 * host wait here while its queue is full, at most OUT_EVENTS_MAX events among
 * them: more are lost, which LOGRM tells.
 *
 * A DMA that the IOMMU or the machine refuses ends the firmware. It is a driver
 * error unless bus mastering is off. DMA reaches RAM only, so nothing can be
 * called back from it.
 *
 * Injected trouble is done to the first record of the next message to the host,
 * but for what is about replies alone.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/queue.h"
#include "qemu/units.h"
#include "nvgrace-gpu-internal.h"
#include "nvgrace-r570.h"

#define MSGQ_REQUEST_NS     (20 * SCALE_US)
#define MSGQ_FULL_NS        (1 * SCALE_MS)  /* look again whether it still is */
#define MSGQ_PTES_MAX       (R570_PAGE / 8)
#define MSGQ_QUEUE_PAGES    (R570_QUEUE_SIZE / R570_PAGE)
#define MSGQ_REQUEST_MAX    (1 * MiB)
#define MSGQ_RECORD_BYTES   (R570_ELEMS_MAX * R570_PAGE)
#define MSGQ_HEADERS        (R570_ELEM_HEADER + R570_RPC_HEADER)
#define OUT_EVENTS_MAX      256
#define MSGQ_FIRST_EVENT    0x1000

/* A message to the host */
typedef struct MsgqOut {
    QSIMPLEQ_ENTRY(MsgqOut) next;
    uint32_t function, sequence, result;
    int64_t due;            /* not before, QEMU_CLOCK_VIRTUAL */
    bool last;              /* the firmware ends behind it */
    size_t len, sent;
    uint8_t payload[];
} MsgqOut;

struct NvGraceMsgq {
    bool running;
    bool ending;            /* reads no more requests */
    uint64_t pte[MSGQ_PTES_MAX];
    unsigned cmdq, statq;   /* pages of the block where they start */
    QEMUTimer timer;

    /* Command queue */
    uint32_t read_ptr, read_seq;
    bool bad_write_ptr;     /* said so already */
    uint8_t record[MSGQ_RECORD_BYTES];
    /* The request whose records are being joined; want is 0 without one */
    uint32_t function, sequence;
    size_t have, want;
    uint8_t *request;       /* MSGQ_REQUEST_MAX bytes */

    /* Status queue */
    uint32_t write_ptr, write_seq;
    uint32_t host_read_ptr; /* as last seen */
    bool bad_read_ptr;
    uint8_t out_record[MSGQ_RECORD_BYTES];
    QSIMPLEQ_HEAD(, MsgqOut) out;
    unsigned events;        /* waiting in there */
};

static int64_t msgq_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* False also when the GPU has been unplugged */
static bool msgq_running(NvGraceGpu *gpu)
{
    return gpu->msgq && gpu->msgq->running;
}

static void msgq_kick(NvGraceMsgq *q, int64_t ns)
{
    timer_mod_anticipate_ns(&q->timer, msgq_now() + ns);
}

/* @len bytes within page @page of the block */
static bool msgq_dma_raw(NvGraceGpu *gpu, unsigned page, unsigned offset,
                         void *buf, unsigned len, bool write)
{
    const MemTxAttrs ram_only = { .memory = 1 };
    NvGraceMsgq *q = gpu->msgq;

    return pci_dma_rw(PCI_DEVICE(gpu), q->pte[page] + offset, buf, len,
                      write ? DMA_DIRECTION_FROM_DEVICE
                            : DMA_DIRECTION_TO_DEVICE,
                      ram_only) == MEMTX_OK;
}

static bool msgq_dma(NvGraceGpu *gpu, unsigned page, unsigned offset,
                     void *buf, unsigned len, bool write)
{
    NvGraceMsgq *q = gpu->msgq;

    if (msgq_dma_raw(gpu, page, offset, buf, len, write)) {
        return true;
    }
    if (nvgrace_gpu_master(gpu)) {
        nvgrace_driver_error(gpu, "page %u of the queues, at 0x%" PRIx64
                             ", cannot be %s", page, q->pte[page],
                             write ? "written" : "read");
    }
    nvgrace_msgq_stop(gpu);
    nvgrace_gsp_crash(gpu);
    return false;
}

static bool msgq_read_ptr(NvGraceGpu *gpu, unsigned page, unsigned offset,
                          uint32_t *ptr)
{
    if (!msgq_dma(gpu, page, offset, ptr, sizeof(*ptr), false)) {
        return false;
    }
    *ptr = le32_to_cpu(*ptr);
    /* What the pointer covers is read after it */
    smp_rmb();
    return true;
}

static bool msgq_write_ptr(NvGraceGpu *gpu, unsigned page, unsigned offset,
                           uint32_t ptr)
{
    uint32_t le = cpu_to_le32(ptr);

    /* What the pointer covers is there before it */
    smp_wmb();
    return msgq_dma(gpu, page, offset, &le, sizeof(le), true);
}

/* Elements of a ring, @buf being theirs in a row */
static bool msgq_elements(NvGraceGpu *gpu, unsigned queue, unsigned first,
                          unsigned count, uint8_t *buf, bool write)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned page = queue + 1 + (first + i) % R570_QUEUE_ELEMS;

        if (!msgq_dma(gpu, page, 0, buf + i * R570_PAGE, R570_PAGE, write)) {
            return false;
        }
    }
    return true;
}

static uint32_t msgq_checksum(const uint8_t *record, size_t len)
{
    uint64_t sum = 0;

    /* Up to a multiple of 8: the writer zeroes what is behind the payload */
    for (size_t i = 0; i < len; i += 8) {
        sum ^= ldq_le_p(record + i);
    }
    return sum >> 32 ^ sum;
}

/* To the host */

static void msgq_encode(NvGraceMsgq *q, const MsgqOut *out, size_t chunk)
{
    uint8_t *elem = q->out_record;
    uint8_t *rpc = elem + R570_ELEM_HEADER;

    memset(elem, 0, MSGQ_RECORD_BYTES);
    stl_le_p(elem + R570_ELEM_SEQ, q->write_seq);
    stl_le_p(elem + R570_ELEM_COUNT,
             DIV_ROUND_UP(MSGQ_HEADERS + chunk, R570_PAGE));
    stl_le_p(rpc + R570_RPC_VERSION, R570_RPC_VERSION_VALUE);
    stl_le_p(rpc + R570_RPC_SIGNATURE, R570_RPC_SIGNATURE_VALUE);
    stl_le_p(rpc + R570_RPC_LENGTH, R570_RPC_HEADER + chunk);
    stl_le_p(rpc + R570_RPC_FUNCTION,
             out->sent ? R570_CONTINUATION_RECORD : out->function);
    stl_le_p(rpc + R570_RPC_RESULT, out->result);
    stl_le_p(rpc + R570_RPC_PRIVATE, out->result);
    stl_le_p(rpc + R570_RPC_SEQUENCE, out->sequence);
    memcpy(rpc + R570_RPC_HEADER, out->payload + out->sent, chunk);
}

/* Trouble that is in the headers; what the checksum covers comes before it */
static void msgq_spoil(NvGraceGpu *gpu, size_t len)
{
    NvGraceMsgq *q = gpu->msgq;
    uint8_t *elem = q->out_record;
    uint8_t *rpc = elem + R570_ELEM_HEADER;
    uint32_t param;

    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_BAD_LENGTH, &param)) {
        stl_le_p(rpc + R570_RPC_LENGTH, param);
    }
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_BAD_ELEM_COUNT, &param)) {
        stl_le_p(elem + R570_ELEM_COUNT, param);
    }
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_BAD_SEQ, &param)) {
        stl_le_p(elem + R570_ELEM_SEQ, q->write_seq + 1 + param);
    }
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_BAD_SIGNATURE, NULL)) {
        stl_le_p(rpc + R570_RPC_SIGNATURE, ~R570_RPC_SIGNATURE_VALUE);
    }
    stl_le_p(elem + R570_ELEM_CHECKSUM, msgq_checksum(elem, len));
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_BAD_CHECKSUM, NULL)) {
        stl_le_p(elem + R570_ELEM_CHECKSUM, ~ldl_le_p(elem +
                                                      R570_ELEM_CHECKSUM));
    }
}

/* How many elements the host has left free; -1: the pointer is wrong */
static int msgq_free(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;
    uint32_t ptr, used;

    if (!msgq_read_ptr(gpu, q->cmdq, R570_RX_READ_PTR, &ptr)) {
        return -1;
    }
    used = (q->write_ptr + R570_QUEUE_ELEMS - q->host_read_ptr) %
           R570_QUEUE_ELEMS;
    if (ptr >= R570_QUEUE_ELEMS ||
        (ptr + R570_QUEUE_ELEMS - q->host_read_ptr) % R570_QUEUE_ELEMS > used) {
        if (!q->bad_read_ptr) {
            nvgrace_driver_error(gpu, "read pointer %u of the status queue: "
                                 "written are %u to %u", ptr, q->host_read_ptr,
                                 q->write_ptr);
        }
        q->bad_read_ptr = true;
        return -1;
    }
    q->bad_read_ptr = false;
    q->host_read_ptr = ptr;
    return (ptr + R570_QUEUE_ELEMS - q->write_ptr - 1) % R570_QUEUE_ELEMS;
}

/* A record of two elements at least of which the first half is written */
static void msgq_crash_in_message(NvGraceGpu *gpu, unsigned elems)
{
    NvGraceMsgq *q = gpu->msgq;
    uint8_t *elem = q->out_record;
    size_t len = elems * R570_PAGE;

    if (elems == 1) {
        elems = 2;
        len = elems * R570_PAGE;
        stl_le_p(elem + R570_ELEM_HEADER + R570_RPC_LENGTH,
                 len - R570_ELEM_HEADER);
        stl_le_p(elem + R570_ELEM_COUNT, elems);
    }
    stl_le_p(elem + R570_ELEM_CHECKSUM, msgq_checksum(elem, len));
    if (msgq_elements(gpu, q->statq, q->write_ptr, elems / 2, elem, true) &&
        msgq_write_ptr(gpu, q->statq, R570_TX_WRITE_PTR,
                       (q->write_ptr + elems / 2) % R570_QUEUE_ELEMS)) {
        nvgrace_gsp_swgen0(gpu);
        nvgrace_gsp_crash(gpu);
    }
    nvgrace_msgq_stop(gpu);
}

/* True: written, @out may be done. False: no space, or the queue has ended */
static bool msgq_send_record(NvGraceGpu *gpu, MsgqOut *out)
{
    NvGraceMsgq *q = gpu->msgq;
    bool reply = out->function < MSGQ_FIRST_EVENT;
    size_t chunk = MIN(out->len - out->sent, R570_RECORD_MAX);
    bool end = out->sent + chunk == out->len;
    uint32_t ptr, param;
    unsigned elems;
    int space;

    if (reply && end &&
        nvgrace_inject_take(gpu, NVGRACE_INJECT_TRUNCATED, NULL)) {
        /* The last of several is not sent, a single one is cut */
        out->len = out->sent ?: chunk / 2;
        if (out->sent) {
            return true;
        }
        chunk = out->len;
    }
    elems = DIV_ROUND_UP(MSGQ_HEADERS + chunk, R570_PAGE);
    space = msgq_free(gpu);
    if (space < (int)elems) {
        return false;
    }

    msgq_encode(q, out, chunk);
    if (reply &&
        nvgrace_inject_take(gpu, NVGRACE_INJECT_CRASH_IN_MESSAGE, NULL)) {
        msgq_crash_in_message(gpu, elems);
        return false;
    }
    msgq_spoil(gpu, MSGQ_HEADERS + chunk);
    if (!msgq_elements(gpu, q->statq, q->write_ptr, elems, q->out_record,
                       true)) {
        return false;
    }
    q->write_ptr = (q->write_ptr + elems) % R570_QUEUE_ELEMS;
    q->write_seq++;
    ptr = q->write_ptr;
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_BAD_WRITE_PTR, &param)) {
        ptr = param ?: R570_QUEUE_ELEMS;
    }
    if (!msgq_write_ptr(gpu, q->statq, R570_TX_WRITE_PTR, ptr)) {
        return false;
    }
    out->sent += chunk;
    return true;
}

static void msgq_out_free(NvGraceMsgq *q)
{
    MsgqOut *out = QSIMPLEQ_FIRST(&q->out);

    QSIMPLEQ_REMOVE_HEAD(&q->out, next);
    if (out->function >= MSGQ_FIRST_EVENT) {
        q->events--;
    }
    g_free(out);
}

/* Write what fits */
static void msgq_flush(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;
    bool wrote = false;
    bool last = false;
    MsgqOut *out;

    while (q->running && (out = QSIMPLEQ_FIRST(&q->out))) {
        if (out->due > msgq_now()) {
            msgq_kick(q, out->due - msgq_now());
            break;
        }
        /* The message is freed when the queue has ended */
        if (!msgq_send_record(gpu, out)) {
            if (q->running) {
                msgq_kick(q, MSGQ_FULL_NS);
            }
            break;
        }
        wrote = true;
        if (out->sent == out->len) {
            last = out->last;
            msgq_out_free(q);
        }
    }
    if (wrote) {
        nvgrace_gsp_swgen0(gpu);
    }
    if (last) {
        nvgrace_gsp_unload(gpu);
    }
}

static void msgq_queue(NvGraceGpu *gpu, uint32_t function, uint32_t sequence,
                       uint32_t result, const void *payload, size_t len,
                       int64_t delay)
{
    NvGraceMsgq *q = gpu->msgq;
    MsgqOut *out = g_malloc0(sizeof(*out) + len);

    out->function = function;
    out->sequence = sequence;
    out->result = result;
    out->due = msgq_now() + delay;
    out->len = len;
    if (len) {
        memcpy(out->payload, payload, len);
    }
    QSIMPLEQ_INSERT_TAIL(&q->out, out, next);
    msgq_kick(q, 0);
}

void nvgrace_msgq_reply(NvGraceGpu *gpu, uint32_t function, uint32_t sequence,
                        uint32_t result, const void *payload, size_t len)
{
    static const uint8_t nobody[R570_CTRL_PARAMS];
    uint32_t slow = 0, late = 0;

    if (!msgq_running(gpu)) {
        return;
    }
    nvgrace_inject_armed(gpu, NVGRACE_INJECT_GSP_SLOW, &slow);
    nvgrace_inject_take(gpu, NVGRACE_INJECT_RPC_LATE, &late);
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_RPC_UNKNOWN, NULL)) {
        msgq_queue(gpu, R570_GSP_RM_CONTROL, sequence + 0x10000, NV_OK, nobody,
                   sizeof(nobody), 0);
    }
    msgq_queue(gpu, function, sequence, result, payload, len,
               ((int64_t)slow + late) * SCALE_MS);
}

void nvgrace_msgq_last(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;
    MsgqOut *out;

    if (!msgq_running(gpu)) {
        return;
    }
    q->ending = true;
    out = QSIMPLEQ_LAST(&q->out, MsgqOut, next);
    if (out) {
        out->last = true;
    }
}

void nvgrace_msgq_event(NvGraceGpu *gpu, uint32_t event, const void *payload,
                        size_t len)
{
    nvgrace_msgq_event_result(gpu, event, NV_OK, payload, len);
}

void nvgrace_msgq_event_result(NvGraceGpu *gpu, uint32_t event, uint32_t result,
                               const void *payload, size_t len)
{
    NvGraceMsgq *q = gpu->msgq;

    if (!msgq_running(gpu)) {
        return;
    }
    if (q->events == OUT_EVENTS_MAX) {
        nvgrace_gsp_log(gpu, "event 0x%x lost: the host does not read", event);
        return;
    }
    q->events++;
    msgq_queue(gpu, event, 0, result, payload, len, 0);
}

/* From the host */

static void msgq_request(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;
    size_t len = q->have;

    q->have = q->want = 0;
    if (q->function != R570_GSP_SET_SYSTEM_INFO &&
        q->function != R570_SET_REGISTRY &&
        nvgrace_inject_take(gpu, NVGRACE_INJECT_RPC_SILENT, NULL)) {
        return;
    }
    nvgrace_rm_request(gpu, q->function, q->sequence, q->request, len);
}

/* A record whose headers are right */
static void msgq_join(NvGraceGpu *gpu, uint32_t function, uint32_t sequence,
                      const uint8_t *payload, size_t len)
{
    NvGraceMsgq *q = gpu->msgq;

    if (function == R570_CONTINUATION_RECORD) {
        if (!q->want) {
            nvgrace_driver_error(gpu, "continuation record of no message");
            return;
        }
        if (len > q->want - q->have) {
            nvgrace_driver_error(gpu, "function %u: %zu bytes announced, %zu "
                                 "sent", q->function, q->want, q->have + len);
            q->have = q->want = 0;
            return;
        }
    } else {
        if (q->want) {
            nvgrace_driver_error(gpu, "function %u ends after %zu of %zu bytes,"
                                 " with function %u", q->function, q->have,
                                 q->want, function);
        }
        q->function = function;
        q->sequence = sequence;
        q->have = 0;
        /* Shorter than a record can be: it is what it is */
        q->want = len < R570_RECORD_MAX ? len :
                  MAX(len, nvgrace_rm_length(function, payload, len));
        if (q->want > MSGQ_REQUEST_MAX) {
            nvgrace_driver_error(gpu, "function %u announces %zu bytes",
                                 function, q->want);
            nvgrace_msgq_reply(gpu, function, sequence,
                               NV_ERR_INVALID_PARAM_STRUCT, NULL, 0);
            q->want = 0;
            return;
        }
    }

    memcpy(q->request + q->have, payload, len);
    q->have += len;
    if (q->have == q->want) {
        msgq_request(gpu);
    }
}

/* NULL, or what is wrong with the headers of the record of @elems elements */
static const char *msgq_check(NvGraceMsgq *q, unsigned elems)
{
    const uint8_t *elem = q->record;
    const uint8_t *rpc = elem + R570_ELEM_HEADER;
    uint32_t len = ldl_le_p(rpc + R570_RPC_LENGTH);
    uint32_t seq = ldl_le_p(elem + R570_ELEM_SEQ);
    uint32_t expected = q->read_seq;

    q->read_seq = seq + 1;
    if (ldl_le_p(rpc + R570_RPC_VERSION) != R570_RPC_VERSION_VALUE) {
        return "header version";
    }
    if (ldl_le_p(rpc + R570_RPC_SIGNATURE) != R570_RPC_SIGNATURE_VALUE) {
        return "signature";
    }
    if (len < R570_RPC_HEADER ||
        len > elems * R570_PAGE - R570_ELEM_HEADER ||
        DIV_ROUND_UP(R570_ELEM_HEADER + len, R570_PAGE) != elems) {
        return "length and count of elements";
    }
    if (msgq_checksum(elem, R570_ELEM_HEADER + len)) {
        return "checksum";
    }
    if (seq != expected) {
        return "sequence number";
    }
    if (ldl_le_p(elem + R570_ELEM_PAD)) {
        return "padding";
    }
    if (ldl_le_p(rpc + R570_RPC_RESULT) != R570_RPC_RESULT_SENT ||
        ldl_le_p(rpc + R570_RPC_PRIVATE) != R570_RPC_RESULT_SENT) {
        return "result";
    }
    if (ldl_le_p(rpc + R570_RPC_GFID)) {
        return "gfid";
    }
    return NULL;
}

/* Elements that the host has written and GSP has not read; -1: no more */
static int msgq_used(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;
    uint32_t ptr;

    if (!msgq_read_ptr(gpu, q->cmdq, R570_TX_WRITE_PTR, &ptr)) {
        return -1;
    }
    if (ptr >= R570_QUEUE_ELEMS) {
        if (!q->bad_write_ptr) {
            nvgrace_driver_error(gpu, "write pointer %u of the command queue",
                                 ptr);
        }
        q->bad_write_ptr = true;
        return -1;
    }
    q->bad_write_ptr = false;
    return (ptr + R570_QUEUE_ELEMS - q->read_ptr) % R570_QUEUE_ELEMS;
}

/* One record; false: there is none */
static bool msgq_receive(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;
    uint8_t *rpc = q->record + R570_ELEM_HEADER;
    int used = msgq_used(gpu);
    uint32_t elems;
    const char *wrong;

    if (used <= 0 ||
        !msgq_elements(gpu, q->cmdq, q->read_ptr, 1, q->record, false)) {
        return false;
    }
    elems = ldl_le_p(q->record + R570_ELEM_COUNT);
    if (!elems || elems > R570_ELEMS_MAX || elems > used) {
        nvgrace_driver_error(gpu, "a record of %u elements where %d are "
                             "written", elems, used);
        wrong = "";
        elems = used;
        q->read_seq++;
    } else {
        if (!msgq_elements(gpu, q->cmdq, q->read_ptr + 1, elems - 1,
                           q->record + R570_PAGE, false)) {
            return false;
        }
        wrong = msgq_check(q, elems);
        if (wrong) {
            nvgrace_driver_error(gpu, "wrong %s of a record of function %u",
                                 wrong, ldl_le_p(rpc + R570_RPC_FUNCTION));
        }
    }
    q->read_ptr = (q->read_ptr + elems) % R570_QUEUE_ELEMS;
    if (!msgq_write_ptr(gpu, q->statq, R570_RX_READ_PTR, q->read_ptr)) {
        return false;
    }
    if (!wrong) {
        msgq_join(gpu, ldl_le_p(rpc + R570_RPC_FUNCTION),
                  ldl_le_p(rpc + R570_RPC_SEQUENCE), rpc + R570_RPC_HEADER,
                  ldl_le_p(rpc + R570_RPC_LENGTH) - R570_RPC_HEADER);
    }
    return msgq_running(gpu);
}

static void msgq_run(void *opaque)
{
    NvGraceGpu *gpu = opaque;
    NvGraceMsgq *q = gpu->msgq;

    /* What RM does for a request can even unplug the GPU */
    object_ref(OBJECT(gpu));
    msgq_flush(gpu);
    if (q->running && !q->ending && QSIMPLEQ_EMPTY(&q->out) &&
        msgq_receive(gpu)) {
        /* It has waited: a reply goes out at once, the next request waits */
        timer_del(&q->timer);
        msgq_flush(gpu);
        if (q->running) {
            msgq_kick(q, MSGQ_REQUEST_NS);
        }
    }
    object_unref(OBJECT(gpu));
}

void nvgrace_msgq_doorbell(NvGraceGpu *gpu)
{
    if (gpu->msgq->running) {
        msgq_kick(gpu->msgq, MSGQ_REQUEST_NS);
    }
}

bool nvgrace_msgq_unread(NvGraceGpu *gpu)
{
    return msgq_used(gpu) != 0;
}

/* Start and end */

static bool msgq_pages(NvGraceGpu *gpu, const NvGraceQueueArgs *args)
{
    NvGraceMsgq *q = gpu->msgq;

    q->pte[0] = args->shared;
    if (!msgq_dma_raw(gpu, 0, 0, q->pte, args->ptes * 8, false)) {
        nvgrace_driver_error(gpu, "the queues' page table, at 0x%" PRIx64
                             ", cannot be read", args->shared);
        return false;
    }
    for (unsigned i = 0; i < args->ptes; i++) {
        le64_to_cpus(&q->pte[i]);
        if (q->pte[i] % R570_PAGE) {
            nvgrace_driver_error(gpu, "page %u of the queues is at 0x%" PRIx64,
                                 i, q->pte[i]);
            return false;
        }
    }
    if (q->pte[0] != args->shared) {
        nvgrace_driver_error(gpu, "the queues are at 0x%" PRIx64 ", their page "
                             "table says 0x%" PRIx64, args->shared, q->pte[0]);
        return false;
    }
    return true;
}

static bool msgq_check_args(NvGraceGpu *gpu, const NvGraceQueueArgs *args)
{
    uint64_t end = (uint64_t)args->ptes * R570_PAGE;
    uint64_t low = MIN(args->cmdq_offset, args->statq_offset);
    uint64_t high = MAX(args->cmdq_offset, args->statq_offset);

    if (args->shared % R570_PAGE || args->ptes > MSGQ_PTES_MAX ||
        low % R570_PAGE || high % R570_PAGE || low < R570_PAGE ||
        high - low < R570_QUEUE_SIZE || end < R570_QUEUE_SIZE ||
        high > end - R570_QUEUE_SIZE) {
        nvgrace_driver_error(gpu, "queues at 0x%" PRIx64 " and 0x%" PRIx64
                             " of a block of %u pages at 0x%" PRIx64,
                             args->cmdq_offset, args->statq_offset, args->ptes,
                             args->shared);
        return false;
    }
    return true;
}

/* The header that each side writes, but for the write pointer */
static const uint32_t msgq_header[] = {
    0, R570_QUEUE_SIZE, R570_PAGE, R570_QUEUE_ELEMS, 0, 1, R570_RX_READ_PTR,
    R570_PAGE
};

static bool msgq_check_header(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;
    uint8_t page[R570_RX_READ_PTR + 4];

    if (!msgq_dma_raw(gpu, q->cmdq, 0, page, sizeof(page), false)) {
        nvgrace_driver_error(gpu, "the command queue cannot be read");
        return false;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(msgq_header); i++) {
        uint32_t val = ldl_le_p(page + i * 4);

        if (i * 4 != R570_TX_WRITE_PTR && val != msgq_header[i]) {
            nvgrace_driver_error(gpu, "header of the command queue: 0x%x at %u",
                                 val, i * 4);
            return false;
        }
    }
    if (ldl_le_p(page + R570_RX_READ_PTR)) {
        nvgrace_driver_error(gpu, "the host has read from the status queue "
                             "before it exists");
        return false;
    }
    return true;
}

bool nvgrace_msgq_start(NvGraceGpu *gpu, const NvGraceQueueArgs *args)
{
    NvGraceMsgq *q = gpu->msgq;
    uint8_t page[R570_RX_READ_PTR + 4] = { };

    nvgrace_msgq_reset(gpu);
    nvgrace_rm_reset(gpu);
    if (!msgq_check_args(gpu, args) || !msgq_pages(gpu, args)) {
        return false;
    }
    q->cmdq = args->cmdq_offset / R570_PAGE;
    q->statq = args->statq_offset / R570_PAGE;
    if (!msgq_check_header(gpu)) {
        return false;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(msgq_header); i++) {
        stl_le_p(page + i * 4, msgq_header[i]);
    }
    if (!msgq_dma_raw(gpu, q->statq, 0, page, sizeof(page), true)) {
        nvgrace_driver_error(gpu, "the status queue cannot be written");
        return false;
    }
    q->running = true;
    msgq_kick(q, MSGQ_REQUEST_NS);
    return true;
}

void nvgrace_msgq_stop(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;

    q->running = false;
    timer_del(&q->timer);
    while (!QSIMPLEQ_EMPTY(&q->out)) {
        msgq_out_free(q);
    }
}

void nvgrace_msgq_reset(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = gpu->msgq;

    nvgrace_msgq_stop(gpu);
    q->ending = false;
    q->bad_write_ptr = q->bad_read_ptr = false;
    q->read_ptr = q->read_seq = 0;
    q->write_ptr = q->write_seq = 0;
    q->host_read_ptr = 0;
    q->have = q->want = 0;
}

void nvgrace_msgq_init(NvGraceGpu *gpu)
{
    NvGraceMsgq *q = g_new0(NvGraceMsgq, 1);

    gpu->msgq = q;
    q->request = g_malloc(MSGQ_REQUEST_MAX);
    QSIMPLEQ_INIT(&q->out);
    timer_init_ns(&q->timer, QEMU_CLOCK_VIRTUAL, msgq_run, gpu);
}

void nvgrace_msgq_exit(NvGraceGpu *gpu)
{
    nvgrace_msgq_stop(gpu);
    timer_deinit(&gpu->msgq->timer);
    g_free(gpu->msgq->request);
    g_clear_pointer(&gpu->msgq, g_free);
}
