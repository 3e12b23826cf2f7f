/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Foundation security processor of the GPU's device model: a mailbox that takes
 * one message at a time and answers it a millisecond later.
 *
 * The host writes a message into EMEM through EMEMC (offset) and EMEMD (data),
 * says where it ends in QUEUE_TAIL and tells with a write to QUEUE_HEAD. FSP
 * takes it (HEAD equals TAIL), puts the answer at the start of EMEM and sets
 * MSGQ_TAIL. The host reads it and zeroes both MSGQ pointers. What is not in
 * that order is a driver error.
 *
 * Two messages are known: PRC, which reads the vGPU mode, and the chain of
 * trust, which names the FMC image and starts GSP (nvgrace-gsp.c). FSP checks
 * the image here. The signature is the model's own: SHA-384 over hash and key.
 *
 * Not modelled: queues 1 to 7, writes of a knob, packets in several parts, the
 * MNOC mailbox of user tools.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "nvgrace-gpu-internal.h"

#define FSP_DELAY_NS        (1 * SCALE_MS)
#define FSP_HEADERS         8           /* MCTP and NVDM */
#define FSP_PRC_SIZE        4
#define FSP_HASH_SIZE       48
#define FSP_KEY_SIZE        384
#define FSP_FMC_MAGIC       "NVGRACE-MODEL-FM"
#define FSP_FMC_SIZE_AT     16
#define FSP_FMC_SIZE_MAX    (64 * KiB)
#define FSP_FRTS_SIZE       (1 * MiB)

struct NvGraceFsp {
    QEMUTimer timer;            /* the answer to the message at hand */
    bool busy;
    uint8_t emem[NV_PFSP_EMEM_SIZE];
    uint32_t ememc;
    uint32_t head, tail;        /* to FSP */
    uint32_t msg_head, msg_tail;/* from FSP */
    bool knob;                  /* vGPU mode of this boot */
};

static uint32_t fsp_error(NvGraceGpu *gpu, uint32_t code, const char *what)
{
    nvgrace_driver_error(gpu, "FSP: %s", what);
    return code;
}

/* Writable memory for DMA must not change under the check: one copy of it */
static uint8_t *fsp_read_fmc(NvGraceGpu *gpu, uint64_t addr, uint32_t *size)
{
    uint8_t head[FSP_FMC_SIZE_AT + 4];
    uint8_t *image;

    if (!nvgrace_gpu_dma(gpu, addr, head, sizeof(head), false) ||
        memcmp(head, FSP_FMC_MAGIC, FSP_FMC_SIZE_AT)) {
        return NULL;
    }
    *size = ldl_le_p(head + FSP_FMC_SIZE_AT);
    if (*size < sizeof(head) || *size > FSP_FMC_SIZE_MAX) {
        return NULL;
    }
    image = g_malloc(*size);
    if (!nvgrace_gpu_dma(gpu, addr, image, *size, false)) {
        g_free(image);
        return NULL;
    }
    return image;
}

static void fsp_sha384(const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len, uint8_t *digest)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA384);
    gsize len = FSP_HASH_SIZE;

    g_checksum_update(sum, a, a_len);
    g_checksum_update(sum, b, b_len);
    g_checksum_get_digest(sum, digest, &len);
}

static uint32_t fsp_check_fmc(NvGraceGpu *gpu, const uint8_t *cot)
{
    uint8_t digest[FSP_HASH_SIZE];
    g_autofree uint8_t *image = NULL;
    uint32_t size;

    image = fsp_read_fmc(gpu, ldq_le_p(cot + NV_COT_FMC), &size);
    if (!image) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_IMAGE,
                         "there is no FMC image where the message says");
    }
    fsp_sha384(image, size, NULL, 0, digest);
    if (memcmp(digest, cot + NV_COT_HASH, FSP_HASH_SIZE)) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_IMAGE,
                         "the FMC image's hash is another");
    }
    fsp_sha384(cot + NV_COT_HASH, FSP_HASH_SIZE, cot + NV_COT_PUBLIC_KEY,
               FSP_KEY_SIZE, digest);
    if (memcmp(digest, cot + NV_COT_SIGNATURE, FSP_HASH_SIZE)) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_IMAGE,
                         "the signature is not over this hash and key");
    }
    return 0;
}

static uint32_t fsp_check_cot(NvGraceGpu *gpu, const uint8_t *cot, uint32_t len)
{
    if (len != NV_COT_SIZE || lduw_le_p(cot) != NV_COT_VERSION ||
        lduw_le_p(cot + 2) != NV_COT_SIZE) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_MESSAGE,
                         "version or size of the chain of trust");
    }
    if (!nvgrace_gsp_off(gpu)) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_STATE,
                         "chain of trust while GSP runs or needs a reset");
    }
    if (!nvgrace_gpu_master(gpu)) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_STATE,
                         "chain of trust while bus mastering is off");
    }
    if (ldq_le_p(cot + NV_COT_FRTS_SYSMEM) ||
        ldl_le_p(cot + NV_COT_FRTS_SYSMEM + 8)) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_MESSAGE,
                         "FRTS in system memory");
    }
    if (ldl_le_p(cot + NV_COT_FRTS_SIZE) != FSP_FRTS_SIZE) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_MESSAGE,
                         "FRTS has another size than 1 MiB");
    }
    return fsp_check_fmc(gpu, cot);
}

static uint32_t fsp_cot(NvGraceGpu *gpu, const uint8_t *payload, uint32_t len)
{
    uint32_t error = fsp_check_cot(gpu, payload, len);
    NvGraceCot cot;

    if (error) {
        return error;
    }
    cot = (NvGraceCot) {
        .params = ldq_le_p(payload + NV_COT_BOOT_PARAMS),
        .frts_offset = ldq_le_p(payload + NV_COT_FRTS_OFFSET),
        .frts_size = ldl_le_p(payload + NV_COT_FRTS_SIZE),
        .vgpu = gpu->fsp->knob,
    };
    nvgrace_gsp_boot(gpu, &cot);
    return 0;
}

/* A knob that FSP does not have is the host's question, not its mistake */
static uint32_t fsp_prc(NvGraceGpu *gpu, const uint8_t *payload, uint32_t len,
                        uint32_t *value)
{
    if (len != FSP_PRC_SIZE || payload[0] != NV_PRC_READ ||
        payload[1] != NV_PRC_ACTIVE || payload[3]) {
        return fsp_error(gpu, NVGRACE_FSP_ERROR_MESSAGE,
                         "PRC message other than to read an active value");
    }
    if (payload[2] != NV_PRC_VGPU_MODE) {
        return NV_FSP_ERROR_UNKNOWN_KNOB;
    }
    *value = gpu->fsp->knob;
    return 0;
}

static void fsp_respond(NvGraceFsp *fsp, uint32_t type, uint32_t error,
                        const uint32_t *value)
{
    uint32_t len = FSP_HEADERS + NV_FSP_RESPONSE_SIZE;

    stl_le_p(fsp->emem, NV_MCTP_SINGLE_PACKET);
    stl_le_p(fsp->emem + 4, NV_NVDM_HEADER((uint32_t)NV_NVDM_RESPONSE));
    stl_le_p(fsp->emem + 8, 0);
    stl_le_p(fsp->emem + 12, type);
    stl_le_p(fsp->emem + 16, error);
    if (value) {
        stl_le_p(fsp->emem + len, *value);
        len += 4;
    }
    fsp->msg_head = 0;
    fsp->msg_tail = len - 4;
}

static void fsp_answer(void *opaque)
{
    NvGraceGpu *gpu = opaque;
    NvGraceFsp *fsp = gpu->fsp;
    uint32_t len = fsp->tail + 4 - FSP_HEADERS;
    uint32_t nvdm = ldl_le_p(fsp->emem + 4);
    uint32_t type = nvdm >> 24, value = 0, error;
    const uint8_t *payload = fsp->emem + FSP_HEADERS;
    bool prc = false;

    fsp->busy = false;
    fsp->head = fsp->tail;
    if (nvgrace_gsp_off(gpu)) {
        fsp->knob = gpu->vgpu_mode;
    }
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_FSP_SILENT, NULL)) {
        return;
    }
    if (nvgrace_inject_take(gpu, NVGRACE_INJECT_FSP_ERROR, &error)) {
        fsp_respond(fsp, type, error, NULL);
        return;
    }

    if (ldl_le_p(fsp->emem) != NV_MCTP_SINGLE_PACKET ||
        nvdm != NV_NVDM_HEADER(type)) {
        error = fsp_error(gpu, NVGRACE_FSP_ERROR_MESSAGE,
                          "MCTP or NVDM header");
    } else if (type == NV_NVDM_PRC) {
        error = fsp_prc(gpu, payload, len, &value);
        prc = !error;
    } else if (type == NV_NVDM_COT) {
        error = fsp_cot(gpu, payload, len);
    } else {
        error = fsp_error(gpu, NVGRACE_FSP_ERROR_MESSAGE, "unknown NVDM type");
    }
    fsp_respond(fsp, type, error, prc ? &value : NULL);
}

/* A write to QUEUE_HEAD: there is a message */
static void fsp_take(NvGraceGpu *gpu, uint32_t val)
{
    NvGraceFsp *fsp = gpu->fsp;
    const char *why = NULL;
    uint32_t slow = 0;

    if (!nvgrace_gpu_ready(gpu)) {
        why = "message before FSP is up";
    } else if (fsp->busy) {
        why = "message while another is at hand";
    } else if (fsp->msg_head != fsp->msg_tail) {
        why = "message before the last answer was taken";
    } else if (val || fsp->tail % 4 || fsp->tail < FSP_HEADERS ||
               fsp->tail > NV_PFSP_EMEM_SIZE - 4) {
        why = "message with wrong queue pointers";
    }
    if (why) {
        nvgrace_driver_error(gpu, "FSP: %s", why);
        return;
    }
    fsp->head = 0;
    fsp->busy = true;
    nvgrace_inject_take(gpu, NVGRACE_INJECT_FSP_SLOW, &slow);
    timer_mod(&fsp->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
              FSP_DELAY_NS + (uint64_t)slow * SCALE_MS);
}

/* Where EMEMD goes now, NULL if nowhere; @step: bit that moves it on */
static uint8_t *fsp_emem(NvGraceGpu *gpu, uint32_t step)
{
    NvGraceFsp *fsp = gpu->fsp;
    uint32_t at = fsp->ememc & NV_PFSP_EMEMC_OFFSET;

    if (fsp->busy) {
        nvgrace_driver_error(gpu, "FSP: EMEM used while FSP reads it");
        return NULL;
    }
    if (at > NV_PFSP_EMEM_SIZE - 4) {
        nvgrace_driver_error(gpu, "FSP: EMEM used at 0x%x, beyond its end", at);
        return NULL;
    }
    if (fsp->ememc & step) {
        fsp->ememc += 4;
    }
    return fsp->emem + at;
}

uint32_t nvgrace_fsp_read(NvGraceGpu *gpu, uint32_t reg)
{
    NvGraceFsp *fsp = gpu->fsp;
    uint8_t *at;

    switch (reg) {
    case NV_PFSP_EMEMC:
        return fsp->ememc;
    case NV_PFSP_EMEMD:
        at = fsp_emem(gpu, NV_PFSP_EMEMC_AINCR);
        return at ? ldl_le_p(at) : 0;
    case NV_PFSP_QUEUE_HEAD:
        return fsp->head;
    case NV_PFSP_QUEUE_TAIL:
        return fsp->tail;
    case NV_PFSP_MSGQ_HEAD:
        return fsp->msg_head;
    case NV_PFSP_MSGQ_TAIL:
        return fsp->msg_tail;
    default:
        return 0;
    }
}

void nvgrace_fsp_write(NvGraceGpu *gpu, uint32_t reg, uint32_t val)
{
    NvGraceFsp *fsp = gpu->fsp;
    uint8_t *at;

    switch (reg) {
    case NV_PFSP_EMEMC:
        fsp->ememc = val & (NV_PFSP_EMEMC_OFFSET | NV_PFSP_EMEMC_AINCW |
                            NV_PFSP_EMEMC_AINCR);
        break;
    case NV_PFSP_EMEMD:
        at = fsp_emem(gpu, NV_PFSP_EMEMC_AINCW);
        if (at) {
            stl_le_p(at, val);
        }
        break;
    case NV_PFSP_QUEUE_TAIL:
        if (fsp->busy) {
            nvgrace_driver_error(gpu, "FSP: TAIL moved while FSP reads");
        } else {
            fsp->tail = val;
        }
        break;
    case NV_PFSP_QUEUE_HEAD:
        fsp_take(gpu, val);
        break;
    case NV_PFSP_MSGQ_HEAD:
    case NV_PFSP_MSGQ_TAIL:
        if (val) {
            nvgrace_driver_error(gpu, "FSP: 0x%x in a pointer of the host's "
                                 "queue, which is FSP's to move", val);
        } else if (reg == NV_PFSP_MSGQ_HEAD) {
            fsp->msg_head = 0;
        } else {
            fsp->msg_tail = 0;
        }
        break;
    default:
        nvgrace_driver_error(gpu, "write of 0x%x to unknown register 0x%x of "
                             "FSP", val, reg);
        break;
    }
}

void nvgrace_fsp_reset(NvGraceGpu *gpu)
{
    NvGraceFsp *fsp = gpu->fsp;

    timer_del(&fsp->timer);
    fsp->busy = false;
    memset(fsp->emem, 0, sizeof(fsp->emem));
    fsp->ememc = 0;
    fsp->head = fsp->tail = 0;
    fsp->msg_head = fsp->msg_tail = 0;
}

void nvgrace_fsp_init(NvGraceGpu *gpu)
{
    gpu->fsp = g_new0(NvGraceFsp, 1);
    timer_init_ns(&gpu->fsp->timer, QEMU_CLOCK_VIRTUAL, fsp_answer, gpu);
}

void nvgrace_fsp_exit(NvGraceGpu *gpu)
{
    timer_del(&gpu->fsp->timer);
    timer_deinit(&gpu->fsp->timer);
    g_clear_pointer(&gpu->fsp, g_free);
}
