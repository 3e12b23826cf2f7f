/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPU system processor of the GPU's device model: how its firmware boots, ends
 * and crashes, its registers and its logs. What it says is in the queues
 * (nvgrace-msgq.c) and in RM (nvgrace-rm.c).
 *
 *   off        power-on, or the firmware ended in order
 *   locked     FSP has the registers: reads are 0xbadf41xx
 *   checking   FMC reads the boot parameters, whose address is in the mailbox;
 *              the lockdown bit is set
 *   released   WPR2 is set up, mailbox 0, lockdown released
 *   active     RISC-V core runs, queues are open
 *   suspended  the host unloads: bit 31 of the mailbox
 *   failed     FMC found a mistake: its code in the mailbox, lockdown stays
 *   crashed    RISC-V core halted by itself
 *
 * A boot needs the off state; failed and crashed end with a reset only.
 *
 * Nothing is executed. The image, signature and bootloader are read by DMA from
 * where the host says, and checked: they are files of this project, whose
 * format is the model's own. Image, bootloader and WPR meta are then copied to
 * where the layout has them, and are looked at again when the firmware ends:
 * whoever wrote into WPR2 meanwhile made a driver error.
 *
 * The layout of the framebuffer may be told, all of it, in the WPR meta, or
 * left at 0, as drivers of the real device do: then FMC makes it, from the
 * sizes.
 *
 * Not modelled: suspend and resume with RM's state kept, RUN_CPU_SEQUENCER, the
 * falcon core beside the RISC-V one, SPDM.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "nvgrace-gpu-internal.h"

#define GSP_LOCKED_NS       (1 * SCALE_MS)
#define GSP_CHECK_NS        (2 * SCALE_MS)
#define GSP_START_NS        (1 * SCALE_MS)
#define GSP_HALT_NS         (1 * SCALE_MS)

#define GSP_META_MAGIC      0xdc3aae21371a60b3ULL
#define GSP_META_REVISION   1
#define GSP_META_VERIFIED   0xa0a0a0a0a0a0a0a0ULL

#define GSP_PAGE            4096
#define GSP_PTES            (GSP_PAGE / 8)
#define GSP_WPR_ALIGN       (128 * KiB)
#define GSP_HEAP_ALIGN      (1 * MiB)
#define GSP_IMAGE_ALIGN     (64 * KiB)
#define GSP_HEAP_MIN        (88 * MiB)
#define GSP_HEAP_MIN_VGPU   (581 * MiB)

/* Firmware files; tools/testing/qemu/firmware/make-firmware builds them */
#define GSP_IMAGE_MAGIC     "NVGRACE-MODEL-GS"
#define GSP_IMAGE_LENGTH    16
#define GSP_IMAGE_HASH      32
#define GSP_IMAGE_CODE      4096
#define GSP_IMAGE_MAX       (64 * MiB)
#define GSP_SIGNATURE_SIZE  4096
#define GSP_BOOT_MAGIC      "NVGRACE-MODEL-BL"
#define GSP_BOOT_SIZE_AT    16
#define GSP_BOOT_MAX        (1 * MiB)
#define GSP_SHA256          32

#define GSP_LIBOS_ARGS_MAX  128
#define GSP_LOG_MIN         (2 * GSP_PAGE)
#define GSP_LOG_MAX         (1 * MiB)

typedef enum GspState {
    GSP_OFF,
    GSP_LOCKED,
    GSP_CHECKING,
    GSP_RELEASED,
    GSP_ACTIVE,
    GSP_SUSPENDED,
    GSP_FAILED,
    GSP_CRASHED,
} GspState;

typedef enum GspLogKind {
    GSP_LOGINIT,
    GSP_LOGINTR,
    GSP_LOGRM,
    GSP_LOGS,
} GspLogKind;

typedef struct GspLog {
    uint64_t addr;          /* DMA; 0: the host gave none yet */
    uint64_t size;
    uint64_t put;           /* bytes since boot */
} GspLog;

/* The framebuffer, bytes; ends are exclusive */
typedef struct GspLayout {
    uint64_t reserved;      /* from here on nothing is the driver's */
    uint64_t wpr_start, wpr_end;
    uint64_t heap, image, boot, frts;
} GspLayout;

struct NvGraceGsp {
    GspState state;
    QEMUTimer timer;        /* to the next state */
    QEMUTimer dead;         /* ends the queues after a crash */
    bool parameters_stay;   /* lockdown is stuck */
    bool bell_due;          /* the last request's, after the end */
    NvGraceCot cot;
    uint64_t libos;         /* DMA address of its arguments */

    uint32_t irqstat;
    uint32_t mailbox[2];
    uint32_t os;

    uint8_t meta[NV_WPR_META_SIZE];
    GspLayout layout;
    bool wpr2;              /* set, by layout */
    uint64_t image_size, boot_size;
    uint8_t protected_hash[GSP_SHA256];
    uint8_t vf_partitions;
    GspLog log[GSP_LOGS];
};

static uint64_t gsp_meta64(NvGraceGsp *gsp, unsigned at)
{
    return ldq_le_p(gsp->meta + at);
}

/* State */

static void gsp_enter(NvGraceGsp *gsp, GspState state, uint64_t ns)
{
    gsp->state = state;
    if (ns) {
        timer_mod(&gsp->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + ns);
    } else {
        timer_del(&gsp->timer);
    }
}

bool nvgrace_gsp_off(NvGraceGpu *gpu)
{
    return gpu->gsp->state == GSP_OFF;
}

bool nvgrace_gsp_active(NvGraceGpu *gpu)
{
    return gpu->gsp->state == GSP_ACTIVE;
}

unsigned nvgrace_gsp_vf_partitions(NvGraceGpu *gpu)
{
    return gpu->gsp->vf_partitions;
}

void nvgrace_gsp_wpr2(NvGraceGpu *gpu, uint64_t *start, uint64_t *end)
{
    NvGraceGsp *gsp = gpu->gsp;

    *start = gsp->wpr2 ? gsp->layout.wpr_start : 0;
    *end = gsp->wpr2 ? gsp->layout.wpr_end : 0;
}

void nvgrace_gsp_reserved(NvGraceGpu *gpu, uint64_t *start, uint64_t *end)
{
    NvGraceGsp *gsp = gpu->gsp;

    *start = gsp->wpr2 ? gsp->layout.reserved : gpu->fb_size;
    *end = gpu->fb_size;
}

/* Logs: lines of text from NVGRACE_LOG_TEXT on, wrapping */

static void gsp_log_line(NvGraceGpu *gpu, GspLogKind kind, const char *line)
{
    GspLog *log = &gpu->gsp->log[kind];
    uint64_t put, len = strlen(line), done = 0;
    uint64_t room = log->size - NVGRACE_LOG_TEXT;

    if (!log->addr) {
        return;
    }
    while (done < len) {
        uint64_t at = (log->put + done) % room;
        uint64_t n = MIN(len - done, room - at);

        if (!nvgrace_gpu_dma(gpu, log->addr + NVGRACE_LOG_TEXT + at,
                             (char *)line + done, n, true)) {
            return;
        }
        done += n;
    }
    log->put += len;
    put = cpu_to_le64(log->put);
    nvgrace_gpu_dma(gpu, log->addr, &put, sizeof(put), true);
}

static void G_GNUC_PRINTF(3, 0) gsp_vlog(NvGraceGpu *gpu, GspLogKind kind,
                                         const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    uint64_t us = qemu_clock_get_us(QEMU_CLOCK_VIRTUAL);
    g_autofree char *line = g_strdup_printf("%" PRIu64 ".%06" PRIu64 " %s\n",
                                            us / 1000000, us % 1000000, text);

    gsp_log_line(gpu, kind, line);
}

static void G_GNUC_PRINTF(3, 4) gsp_log(NvGraceGpu *gpu, GspLogKind kind,
                                        const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    gsp_vlog(gpu, kind, fmt, ap);
    va_end(ap);
}

void nvgrace_gsp_log(NvGraceGpu *gpu, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    gsp_vlog(gpu, GSP_LOGRM, fmt, ap);
    va_end(ap);
}

/* Checks; each returns 0 or the code for the mailbox, having said why */

static uint32_t G_GNUC_PRINTF(3, 4) gsp_wrong(NvGraceGpu *gpu, uint32_t code,
                                              const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    /* Who gave up a boot that took too long has switched DMA off */
    if (nvgrace_gpu_master(gpu)) {
        nvgrace_driver_error(gpu, "boot: %s", text);
    }
    return code;
}

static uint32_t gsp_check_params(NvGraceGpu *gpu, uint64_t *meta)
{
    uint8_t p[NV_FMC_PARAMS_SIZE];
    uint32_t target;

    if (!nvgrace_gpu_dma(gpu, gpu->gsp->cot.params, p, sizeof(p), false)) {
        return gsp_wrong(gpu, NVGRACE_BOOT_PARAMS,
                         "no DMA to the boot parameters");
    }
    target = ldl_le_p(p + NV_FMC_LIBOS_TARGET);
    if (ldl_le_p(p + NV_FMC_WPR_META_TARGET) != NV_DMA_TARGET_COHERENT ||
        (target != NV_DMA_TARGET_COHERENT &&
         target != NV_DMA_TARGET_NONCOHERENT)) {
        return gsp_wrong(gpu, NVGRACE_BOOT_PARAMS,
                         "boot parameters: a target is not system memory");
    }
    if (ldl_le_p(p + NV_FMC_WPR_META_SIZE) != NV_WPR_META_SIZE) {
        return gsp_wrong(gpu, NVGRACE_BOOT_PARAMS,
                         "boot parameters: size of the WPR meta");
    }
    if (p[NV_FMC_IS_GSP_RM] != 1) {
        return gsp_wrong(gpu, NVGRACE_BOOT_PARAMS,
                         "boot parameters: not a boot of GSP-RM");
    }
    *meta = ldq_le_p(p + NV_FMC_WPR_META);
    gpu->gsp->libos = ldq_le_p(p + NV_FMC_LIBOS_ARGS);
    return 0;
}

static uint32_t gsp_check_meta(NvGraceGpu *gpu, uint64_t addr)
{
    NvGraceGsp *gsp = gpu->gsp;

    if (!nvgrace_gpu_dma(gpu, addr, gsp->meta, NV_WPR_META_SIZE, false)) {
        return gsp_wrong(gpu, NVGRACE_BOOT_META, "no DMA to the WPR meta");
    }
    if (gsp_meta64(gsp, NV_WPR_META_MAGIC) != GSP_META_MAGIC ||
        gsp_meta64(gsp, NV_WPR_META_REVISION) != GSP_META_REVISION) {
        return gsp_wrong(gpu, NVGRACE_BOOT_META,
                         "WPR meta: magic or revision");
    }
    if (gsp_meta64(gsp, NV_WPR_META_VERIFIED) ||
        gsp_meta64(gsp, NV_WPR_META_BOOT_COUNT) ||
        gsp->meta[NV_WPR_META_FLAGS]) {
        return gsp_wrong(gpu, NVGRACE_BOOT_META,
                         "WPR meta: verified, boot count or flags not 0");
    }
    gsp->vf_partitions = gsp->meta[NV_WPR_META_VF_PARTITIONS];
    return 0;
}

static uint32_t gsp_check_vgpu(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint64_t least = gsp->vf_partitions ? GSP_HEAP_MIN_VGPU : GSP_HEAP_MIN;

    if (gsp->vf_partitions && !gsp->cot.vgpu) {
        return gsp_wrong(gpu, NVGRACE_BOOT_VGPU,
                         "VF partitions though FSP says that vGPU is off");
    }
    if (gsp->vf_partitions && gsp->vf_partitions != gpu->vfs) {
        return gsp_wrong(gpu, NVGRACE_BOOT_VGPU,
                         "%u VF partitions, SR-IOV has %u VFs",
                         gsp->vf_partitions, gpu->vfs);
    }
    if (gsp_meta64(gsp, NV_WPR_META_HEAP_SIZE) < least) {
        return gsp_wrong(gpu, NVGRACE_BOOT_HEAP,
                         "heap of %" PRIu64 " MiB, %" PRIu64 " at least",
                         gsp_meta64(gsp, NV_WPR_META_HEAP_SIZE) / MiB,
                         least / MiB);
    }
    return 0;
}

/* A region that ends at @end or below; false: the framebuffer is too small */
static bool gsp_below(uint64_t *end, uint64_t size, uint64_t align,
                      uint64_t *start)
{
    if (size > *end) {
        return false;
    }
    *end = QEMU_ALIGN_DOWN(*end - size, align);
    *start = *end;
    return true;
}

static bool gsp_make_layout(NvGraceGpu *gpu, GspLayout *l)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint64_t at = gpu->fb_size - gsp->cot.frts_offset;

    l->wpr_end = at;
    return gsp_below(&at, gsp->cot.frts_size, GSP_WPR_ALIGN, &l->frts) &&
           gsp_below(&at, gsp_meta64(gsp, NV_WPR_META_BOOTLOADER_SIZE),
                     GSP_PAGE, &l->boot) &&
           gsp_below(&at, gsp_meta64(gsp, NV_WPR_META_RADIX3_SIZE),
                     GSP_IMAGE_ALIGN, &l->image) &&
           gsp_below(&at, gsp_meta64(gsp, NV_WPR_META_HEAP_SIZE),
                     GSP_HEAP_ALIGN, &l->heap) &&
           gsp_below(&at, NV_WPR_META_SIZE, GSP_HEAP_ALIGN, &l->wpr_start) &&
           gsp_below(&at, gsp_meta64(gsp, NV_WPR_META_NON_WPR_HEAP_SIZE),
                     GSP_WPR_ALIGN, &l->reserved);
}

/* [start, start + size) before @next, without overflow */
static bool gsp_fits(uint64_t start, uint64_t size, uint64_t next)
{
    return start <= next && size <= next - start;
}

/* NULL, or what is wrong with the layout that the host told */
static const char *gsp_take_layout(NvGraceGpu *gpu, GspLayout *l)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint64_t vga = gsp_meta64(gsp, NV_WPR_META_VGA);
    uint64_t heap_low = gsp_meta64(gsp, NV_WPR_META_NON_WPR_HEAP);

    *l = (GspLayout) {
        .reserved = gsp_meta64(gsp, NV_WPR_META_RESERVED_START),
        .wpr_start = gsp_meta64(gsp, NV_WPR_META_WPR_START),
        .wpr_end = gsp_meta64(gsp, NV_WPR_META_WPR_END),
        .heap = gsp_meta64(gsp, NV_WPR_META_HEAP),
        .image = gsp_meta64(gsp, NV_WPR_META_IMAGE),
        .boot = gsp_meta64(gsp, NV_WPR_META_BOOT_BIN),
        .frts = gsp_meta64(gsp, NV_WPR_META_FRTS),
    };
    if (gsp_meta64(gsp, NV_WPR_META_FB_SIZE) != gpu->fb_size) {
        return "size of the framebuffer";
    }
    if (l->wpr_end != gpu->fb_size - gsp->cot.frts_offset ||
        !gsp_fits(l->frts, gsp->cot.frts_size, l->wpr_end) ||
        l->frts + gsp->cot.frts_size != l->wpr_end) {
        return "FRTS is not where the chain of trust has it";
    }
    if (!gsp_fits(vga, gsp_meta64(gsp, NV_WPR_META_VGA_SIZE), gpu->fb_size) ||
        !gsp_fits(l->wpr_end, ldl_le_p(gsp->meta + NV_WPR_META_PMU_RESERVED),
                  vga)) {
        return "PMU's memory or VGA workspace";
    }
    if (!gsp_fits(l->boot, gsp_meta64(gsp, NV_WPR_META_BOOTLOADER_SIZE),
                  l->frts) ||
        !gsp_fits(l->image, gsp_meta64(gsp, NV_WPR_META_RADIX3_SIZE),
                  l->boot)) {
        return "bootloader or image";
    }
    if (!gsp_fits(l->heap, gsp_meta64(gsp, NV_WPR_META_HEAP_SIZE), l->image) ||
        !gsp_fits(l->wpr_start, NV_WPR_META_SIZE, l->heap)) {
        return "heap or start of WPR2";
    }
    if (heap_low != l->reserved ||
        !gsp_fits(heap_low, gsp_meta64(gsp, NV_WPR_META_NON_WPR_HEAP_SIZE),
                  l->wpr_start)) {
        return "heap outside WPR2";
    }
    return NULL;
}

static bool gsp_layout_told(NvGraceGsp *gsp)
{
    static const uint8_t offsets[] = {
        NV_WPR_META_RESERVED_START, NV_WPR_META_NON_WPR_HEAP,
        NV_WPR_META_WPR_START, NV_WPR_META_HEAP, NV_WPR_META_IMAGE,
        NV_WPR_META_BOOT_BIN, NV_WPR_META_FRTS, NV_WPR_META_WPR_END,
        NV_WPR_META_FB_SIZE, NV_WPR_META_VGA,
    };

    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        if (gsp_meta64(gsp, offsets[i])) {
            return true;
        }
    }
    return false;
}

/* Where the layout puts things, for whoever reads the meta in WPR2 */
static void gsp_meta_layout(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    GspLayout *l = &gsp->layout;
    uint64_t vga = gpu->fb_size - gsp_meta64(gsp, NV_WPR_META_VGA_SIZE);

    stq_le_p(gsp->meta + NV_WPR_META_RESERVED_START, l->reserved);
    stq_le_p(gsp->meta + NV_WPR_META_NON_WPR_HEAP, l->reserved);
    stq_le_p(gsp->meta + NV_WPR_META_WPR_START, l->wpr_start);
    stq_le_p(gsp->meta + NV_WPR_META_HEAP, l->heap);
    stq_le_p(gsp->meta + NV_WPR_META_IMAGE, l->image);
    stq_le_p(gsp->meta + NV_WPR_META_BOOT_BIN, l->boot);
    stq_le_p(gsp->meta + NV_WPR_META_FRTS, l->frts);
    stq_le_p(gsp->meta + NV_WPR_META_WPR_END, l->wpr_end);
    stq_le_p(gsp->meta + NV_WPR_META_FB_SIZE, gpu->fb_size);
    stq_le_p(gsp->meta + NV_WPR_META_VGA, vga);
}

static uint32_t gsp_check_layout(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint64_t above = (uint32_t)ldl_le_p(gsp->meta + NV_WPR_META_PMU_RESERVED);
    uint64_t vga_size = gsp_meta64(gsp, NV_WPR_META_VGA_SIZE);
    uint64_t slices = gpu->vfs * gpu->vf_fb_size;
    const char *why = NULL;

    if (gsp_meta64(gsp, NV_WPR_META_FRTS_SIZE) != gsp->cot.frts_size) {
        why = "FRTS has not the size in the chain of trust";
    } else if (gsp->cot.frts_offset > gpu->fb_size ||
               gsp->cot.frts_offset % GSP_WPR_ALIGN) {
        why = "distance of FRTS from the framebuffer's end";
    } else if (!vga_size || vga_size > gsp->cot.frts_offset ||
               above > gsp->cot.frts_offset - vga_size) {
        why = "no room behind FRTS for PMU's memory and the VGA workspace";
    } else if (gsp_layout_told(gsp)) {
        why = gsp_take_layout(gpu, &gsp->layout);
    } else if (!gsp_make_layout(gpu, &gsp->layout)) {
        why = "the framebuffer is too small for these sizes";
    }
    if (why) {
        return gsp_wrong(gpu, NVGRACE_BOOT_LAYOUT, "WPR meta: %s", why);
    }
    if (gsp->layout.wpr_start % GSP_WPR_ALIGN ||
        gsp->layout.wpr_end % GSP_WPR_ALIGN) {
        return gsp_wrong(gpu, NVGRACE_BOOT_LAYOUT,
                         "WPR meta: WPR2 is not aligned to 128 KiB");
    }
    if (gsp->vf_partitions && gsp->layout.reserved < slices) {
        return gsp_wrong(gpu, NVGRACE_BOOT_LAYOUT,
                         "WPR meta: firmware's memory is also that of VFs");
    }
    return 0;
}

static void gsp_sha256(const uint8_t *data, uint64_t len, uint8_t *digest)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize size = GSP_SHA256;

    g_checksum_update(sum, data, len);
    g_checksum_get_digest(sum, digest, &size);
}

/* One entry of a page of the host's; 0: not to be had */
static uint64_t gsp_radix3_entry(NvGraceGpu *gpu, uint64_t table, uint64_t i)
{
    uint64_t entry;

    if (table % GSP_PAGE ||
        !nvgrace_gpu_dma(gpu, table + i * 8, &entry, sizeof(entry), false)) {
        return 0;
    }
    return le64_to_cpu(entry);
}

/* Level 0 names the page of level 1, which names those of level 2 */
static bool gsp_read_radix3(NvGraceGpu *gpu, uint8_t *image, uint64_t size)
{
    uint64_t level1, level2 = 0;

    level1 = gsp_radix3_entry(gpu,
                              gsp_meta64(gpu->gsp, NV_WPR_META_RADIX3), 0);
    for (uint64_t i = 0; i < size / GSP_PAGE; i++) {
        uint64_t page;

        if (i % GSP_PTES == 0) {
            level2 = level1 ? gsp_radix3_entry(gpu, level1, i / GSP_PTES) : 0;
        }
        page = level2 ? gsp_radix3_entry(gpu, level2, i % GSP_PTES) : 0;
        if (!page || page % GSP_PAGE ||
            !nvgrace_gpu_dma(gpu, page, image + i * GSP_PAGE, GSP_PAGE,
                             false)) {
            return false;
        }
    }
    return true;
}

static uint32_t gsp_check_image(NvGraceGpu *gpu, const uint8_t *image,
                                uint64_t size)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint8_t digest[GSP_SHA256], told[GSP_SHA256];

    if (memcmp(image, GSP_IMAGE_MAGIC, GSP_IMAGE_LENGTH) ||
        ldq_le_p(image + GSP_IMAGE_LENGTH) != size) {
        return gsp_wrong(gpu, NVGRACE_BOOT_IMAGE,
                         "this is not a firmware image of that size");
    }
    gsp_sha256(image + GSP_IMAGE_CODE, size - GSP_IMAGE_CODE, digest);
    if (memcmp(digest, image + GSP_IMAGE_HASH, GSP_SHA256)) {
        return gsp_wrong(gpu, NVGRACE_BOOT_IMAGE,
                         "the firmware image's code is damaged");
    }
    if (gsp_meta64(gsp, NV_WPR_META_SIGNATURE_SIZE) != GSP_SIGNATURE_SIZE ||
        !nvgrace_gpu_dma(gpu, gsp_meta64(gsp, NV_WPR_META_SIGNATURE), told,
                         sizeof(told), false)) {
        return gsp_wrong(gpu, NVGRACE_BOOT_SIGNATURE,
                         "no signature of 4096 bytes");
    }
    gsp_sha256(image, size, digest);
    if (memcmp(digest, told, GSP_SHA256)) {
        return gsp_wrong(gpu, NVGRACE_BOOT_SIGNATURE,
                         "the signature is of another image");
    }
    return 0;
}

static void gsp_fb_rw(NvGraceGpu *gpu, uint64_t addr, void *buf, uint64_t len,
                      bool write)
{
    nvgrace_mmu_fb_rw(gpu, addr, buf, len, write);
}

static uint32_t gsp_load_image(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint64_t size = gsp_meta64(gsp, NV_WPR_META_RADIX3_SIZE);
    g_autofree uint8_t *image = NULL;
    uint32_t error;

    image = g_malloc(size);
    if (!gsp_read_radix3(gpu, image, size)) {
        return gsp_wrong(gpu, NVGRACE_BOOT_IMAGE,
                         "the image's page tables lead nowhere");
    }
    error = gsp_check_image(gpu, image, size);
    if (!error) {
        gsp->image_size = size;
        gsp_fb_rw(gpu, gsp->layout.image, image, size, true);
    }
    return error;
}

static uint32_t gsp_load_bootloader(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint64_t size = gsp_meta64(gsp, NV_WPR_META_BOOTLOADER_SIZE);
    g_autofree uint8_t *boot = g_malloc(size);

    if (!nvgrace_gpu_dma(gpu, gsp_meta64(gsp, NV_WPR_META_BOOTLOADER), boot,
                         size, false) ||
        memcmp(boot, GSP_BOOT_MAGIC, GSP_BOOT_SIZE_AT) ||
        ldl_le_p(boot + GSP_BOOT_SIZE_AT) != size) {
        return gsp_wrong(gpu, NVGRACE_BOOT_BOOTLOADER,
                         "this is not a bootloader of that size");
    }
    gsp->boot_size = size;
    gsp_fb_rw(gpu, gsp->layout.boot, boot, size, true);
    return 0;
}

/* Sizes that the model allocates memory for; before anything relies on them */
static uint32_t gsp_check_sizes(NvGraceGpu *gpu)
{
    uint64_t image = gsp_meta64(gpu->gsp, NV_WPR_META_RADIX3_SIZE);
    uint64_t boot = gsp_meta64(gpu->gsp, NV_WPR_META_BOOTLOADER_SIZE);

    if (image <= GSP_IMAGE_CODE || image > GSP_IMAGE_MAX || image % GSP_PAGE) {
        return gsp_wrong(gpu, NVGRACE_BOOT_IMAGE, "size of the image");
    }
    if (boot < GSP_BOOT_SIZE_AT + 4 || boot > GSP_BOOT_MAX) {
        return gsp_wrong(gpu, NVGRACE_BOOT_BOOTLOADER,
                         "size of the bootloader");
    }
    return 0;
}

/* What no driver may touch while the firmware runs, as it is now */
static void gsp_hash_protected(NvGraceGpu *gpu, uint8_t *digest)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint64_t len = NV_WPR_META_SIZE + gsp->image_size + gsp->boot_size;
    g_autofree uint8_t *all = g_malloc(len);

    gsp_fb_rw(gpu, gsp->layout.wpr_start, all, NV_WPR_META_SIZE, false);
    gsp_fb_rw(gpu, gsp->layout.image, all + NV_WPR_META_SIZE, gsp->image_size,
              false);
    gsp_fb_rw(gpu, gsp->layout.boot, all + NV_WPR_META_SIZE + gsp->image_size,
              gsp->boot_size, false);
    gsp_sha256(all, len, digest);
}

/* FMC: 0 or the code for the mailbox */
static uint32_t gsp_fmc(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint64_t meta, verified = cpu_to_le64(GSP_META_VERIFIED);
    uint32_t error;

    if ((error = gsp_check_params(gpu, &meta)) ||
        (error = gsp_check_meta(gpu, meta)) ||
        (error = gsp_check_sizes(gpu)) ||
        (error = gsp_check_vgpu(gpu)) ||
        (error = gsp_check_layout(gpu)) ||
        (error = gsp_load_image(gpu)) ||
        (error = gsp_load_bootloader(gpu))) {
        return error;
    }
    if (!nvgrace_gpu_dma(gpu, meta + NV_WPR_META_VERIFIED, &verified,
                         sizeof(verified), true)) {
        return gsp_wrong(gpu, NVGRACE_BOOT_META, "the WPR meta is read-only");
    }
    stq_le_p(gsp->meta + NV_WPR_META_VERIFIED, GSP_META_VERIFIED);
    if (!gsp_layout_told(gsp)) {
        gsp_meta_layout(gpu);
    }
    gsp_fb_rw(gpu, gsp->layout.wpr_start, gsp->meta, NV_WPR_META_SIZE, true);
    gsp_hash_protected(gpu, gsp->protected_hash);
    return 0;
}

/* Start of the core: libos arguments */

static uint64_t gsp_libos_id(const char *name)
{
    uint64_t id = 0;

    while (*name) {
        id = id << 8 | (uint8_t)*name++;
    }
    return id;
}

/* NULL, or what is wrong */
static const char *gsp_open_log(NvGraceGpu *gpu, GspLog *log, uint64_t addr,
                                uint64_t size)
{
    g_autofree uint64_t *ptes = NULL;
    uint64_t nr = size / GSP_PAGE;

    if (size < GSP_LOG_MIN || size > GSP_LOG_MAX || size % GSP_PAGE ||
        addr % GSP_PAGE) {
        return "size or address of a log";
    }
    ptes = g_new(uint64_t, nr + 1);
    if (!nvgrace_gpu_dma(gpu, addr, ptes, (nr + 1) * 8, false)) {
        return "no DMA to a log";
    }
    for (uint64_t i = 0; i < nr; i++) {
        if (le64_to_cpu(ptes[i + 1]) != addr + i * GSP_PAGE) {
            return "page table of a log";
        }
    }
    *log = (GspLog) { .addr = addr, .size = size };
    return NULL;
}

static const char *gsp_read_rmargs(NvGraceGpu *gpu, uint64_t addr,
                                   uint64_t size, NvGraceQueueArgs *args)
{
    uint8_t a[NV_RMARGS_SIZE];

    if (size < sizeof(a) || !nvgrace_gpu_dma(gpu, addr, a, sizeof(a), false)) {
        return "no DMA to RMARGS, or too short";
    }
    if (ldl_le_p(a + NV_RMARGS_OLD_LEVEL) ||
        ldl_le_p(a + NV_RMARGS_OLD_LEVEL + 4) || a[NV_RMARGS_OLD_LEVEL + 8]) {
        return "RMARGS ask for a resume";
    }
    if (a[NV_RMARGS_DMEM_STACK] != 1) {
        return "RMARGS: bDmemStack is not set";
    }
    *args = (NvGraceQueueArgs) {
        .shared = ldq_le_p(a + NV_RMARGS_SHARED),
        .ptes = ldl_le_p(a + NV_RMARGS_PTES),
        .cmdq_offset = ldq_le_p(a + NV_RMARGS_CMDQ),
        .statq_offset = ldq_le_p(a + NV_RMARGS_STATQ),
    };
    return NULL;
}

static const char *gsp_libos_arg(NvGraceGpu *gpu, const uint8_t *arg,
                                 NvGraceQueueArgs *args, unsigned *seen)
{
    static const char *const names[] = {
        [GSP_LOGINIT] = "LOGINIT", [GSP_LOGINTR] = "LOGINTR",
        [GSP_LOGRM] = "LOGRM", [GSP_LOGS] = "RMARGS",
    };
    uint64_t addr = ldq_le_p(arg + NV_LIBOS_ARG_PA);
    uint64_t size = ldq_le_p(arg + NV_LIBOS_ARG_BYTES);

    for (int i = 0; i < ARRAY_SIZE(names); i++) {
        if (ldq_le_p(arg + NV_LIBOS_ARG_ID) != gsp_libos_id(names[i])) {
            continue;
        }
        if (*seen & 1u << i) {
            return "libos arguments: one comes twice";
        }
        *seen |= 1u << i;
        if (arg[NV_LIBOS_ARG_KIND] != 1 || arg[NV_LIBOS_ARG_LOCATION] != 1) {
            return "libos arguments: not contiguous system memory";
        }
        return i == GSP_LOGS
               ? gsp_read_rmargs(gpu, addr, size, args)
               : gsp_open_log(gpu, &gpu->gsp->log[i], addr, size);
    }
    return "libos arguments: unknown name";
}

static const char *gsp_libos(NvGraceGpu *gpu, NvGraceQueueArgs *args)
{
    uint64_t addr = gpu->gsp->libos;
    unsigned seen = 0;

    for (int i = 0; i < GSP_LIBOS_ARGS_MAX; i++) {
        uint8_t arg[NV_LIBOS_ARG_SIZE];
        const char *why;

        if (!nvgrace_gpu_dma(gpu, addr + i * sizeof(arg), arg, sizeof(arg),
                             false)) {
            return "no DMA to the libos arguments";
        }
        if (!ldq_le_p(arg + NV_LIBOS_ARG_ID)) {
            break;
        }
        why = gsp_libos_arg(gpu, arg, args, &seen);
        if (why) {
            return why;
        }
    }
    return seen == (1u << (GSP_LOGS + 1)) - 1
           ? NULL : "libos arguments: one is missing";
}

/* The core stops by itself */
static void gsp_halt(NvGraceGpu *gpu, uint32_t why)
{
    NvGraceGsp *gsp = gpu->gsp;

    gsp_enter(gsp, GSP_CRASHED, 0);
    gsp->mailbox[0] = NVGRACE_BOOT_CRASH | why;
    gsp->irqstat |= NV_PGSP_IRQ_HALT;
    nvgrace_function_raise(&gpu->fn, NVGRACE_GPU_VECTOR_GSP);
}

static void gsp_start(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    NvGraceQueueArgs args = { };
    const char *why = gsp_libos(gpu, &args);

    if (why) {
        gsp_halt(gpu, gsp_wrong(gpu, NVGRACE_BOOT_LIBOS, "%s", why));
        return;
    }
    gsp_log(gpu, GSP_LOGINIT, "GSP-RM of the device model, 570.144, %u VFs",
            gsp->vf_partitions);
    gsp_enter(gsp, GSP_ACTIVE, 0);
    if (!nvgrace_msgq_start(gpu, &args)) {
        gsp_log(gpu, GSP_LOGINIT, "no queues");
        gsp_halt(gpu, NVGRACE_BOOT_LIBOS);
        return;
    }
    nvgrace_gsp_log(gpu, "queues are open");
}

/* The end of the firmware: RM's objects go with it, the framebuffer stays */
static void gsp_ended(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint8_t digest[GSP_SHA256];

    gsp_hash_protected(gpu, digest);
    if (memcmp(digest, gsp->protected_hash, sizeof(digest))) {
        nvgrace_driver_error(gpu, "somebody wrote into WPR2");
    }
    nvgrace_msgq_stop(gpu);
    nvgrace_rm_reset(gpu);
    nvgrace_fifo_reset(gpu);
    nvgrace_aperture_reset(gpu, NVGRACE_APERTURE_FB);
    nvgrace_aperture_reset(gpu, NVGRACE_APERTURE_INSTANCE);
    nvgrace_mmu_reset(gpu);
    nvgrace_vmmu_reset(gpu);
    memset(gsp->log, 0, sizeof(gsp->log));
    gsp->wpr2 = false;
    gsp->vf_partitions = 0;
    gsp_enter(gsp, GSP_OFF, 0);
}

static void gsp_unlock(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint32_t slow = 0;

    gsp->mailbox[0] = gsp->cot.params;
    gsp->mailbox[1] = gsp->cot.params >> 32;
    nvgrace_inject_armed(gpu, NVGRACE_INJECT_GSP_SLOW, &slow);
    gsp->parameters_stay = nvgrace_inject_take(gpu,
                                               NVGRACE_INJECT_LOCKDOWN_STUCK,
                                               NULL);
    gsp_enter(gsp, GSP_CHECKING, GSP_CHECK_NS + (uint64_t)slow * SCALE_MS);
}

static void gsp_checked(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;
    uint32_t error;

    if (gsp->parameters_stay) {
        gsp_enter(gsp, GSP_FAILED, 0);
        return;
    }
    if (!nvgrace_inject_take(gpu, NVGRACE_INJECT_BOOT_ERROR, &error)) {
        error = gsp_fmc(gpu);
    }
    gsp->mailbox[0] = error;
    gsp->mailbox[1] = 0;
    if (error) {
        gsp->vf_partitions = 0;
        gsp_enter(gsp, GSP_FAILED, 0);
        return;
    }
    gsp->wpr2 = true;
    gsp_enter(gsp, GSP_RELEASED,
              nvgrace_inject_take(gpu, NVGRACE_INJECT_RISCV_DEAD, NULL)
              ? 0 : GSP_START_NS);
}

static void gsp_step(void *opaque)
{
    NvGraceGpu *gpu = opaque;

    switch (gpu->gsp->state) {
    case GSP_LOCKED:
        gsp_unlock(gpu);
        break;
    case GSP_CHECKING:
        gsp_checked(gpu);
        break;
    case GSP_RELEASED:
        gsp_start(gpu);
        break;
    case GSP_SUSPENDED:
        gsp_ended(gpu);
        break;
    default:
        break;
    }
}

void nvgrace_gsp_boot(NvGraceGpu *gpu, const NvGraceCot *cot)
{
    NvGraceGsp *gsp = gpu->gsp;

    gsp->cot = *cot;
    gsp->bell_due = false;
    gsp->irqstat = 0;
    gsp_enter(gsp, GSP_LOCKED, GSP_LOCKED_NS);
}

void nvgrace_gsp_unload(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;

    if (gsp->state != GSP_ACTIVE) {
        return;
    }
    nvgrace_gsp_log(gpu, "the host unloads");
    gsp->mailbox[0] |= NV_PGSP_MAILBOX0_SUSPENDED;
    gsp->bell_due = true;
    gsp_enter(gsp, GSP_SUSPENDED, GSP_HALT_NS);
}

/* The queues end a moment later: the crash may be in the middle of a message */
static void gsp_dead(void *opaque)
{
    nvgrace_msgq_stop(opaque);
}

void nvgrace_gsp_crash(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;

    if (gsp->state != GSP_ACTIVE) {
        return;
    }
    gsp_log(gpu, GSP_LOGINTR, "unhandled exception (injected)");
    nvgrace_gsp_log(gpu, "GSP-RM halted");
    gsp_halt(gpu, 1);
    timer_mod(&gsp->dead, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

/* As the falcon's: the vector is raised when the bit becomes set */
void nvgrace_gsp_swgen0(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;

    if (gsp->irqstat & NV_PGSP_IRQ_SWGEN0 ||
        nvgrace_inject_take(gpu, NVGRACE_INJECT_LOST_INTR, NULL)) {
        return;
    }
    gsp->irqstat |= NV_PGSP_IRQ_SWGEN0;
    nvgrace_function_raise(&gpu->fn, NVGRACE_GPU_VECTOR_GSP);
}

/* Registers */

static uint32_t gsp_hwcfg2(NvGraceGsp *gsp)
{
    bool lockdown = gsp->state == GSP_CHECKING || gsp->state == GSP_FAILED;

    return NV_PGSP_HWCFG2_RISCV | NV_PGSP_HWCFG2_RESET_READY |
           (lockdown ? NV_PGSP_HWCFG2_LOCKDOWN : 0);
}

static uint32_t gsp_cpuctl(NvGraceGsp *gsp)
{
    switch (gsp->state) {
    case GSP_ACTIVE:
    case GSP_SUSPENDED:
        return NV_PGSP_RISCV_ACTIVE;
    case GSP_OFF:
    case GSP_CRASHED:
        return NV_PGSP_RISCV_HALTED;
    case GSP_FAILED:
        return gsp->parameters_stay ? 0 : NV_PGSP_RISCV_HALTED;
    default:
        return 0;
    }
}

uint32_t nvgrace_gsp_read(NvGraceGpu *gpu, uint32_t reg)
{
    NvGraceGsp *gsp = gpu->gsp;

    if (gsp->state == GSP_LOCKED) {
        return NV_PGSP_LOCKED;
    }
    switch (reg) {
    case NV_PGSP_IRQSTAT:
        return gsp->irqstat;
    case NV_PGSP_MAILBOX0:
        return gsp->mailbox[0];
    case NV_PGSP_MAILBOX1:
        return gsp->mailbox[1];
    case NV_PGSP_OS:
        return gsp->os;
    case NV_PGSP_HWCFG2:
        return gsp_hwcfg2(gsp);
    case NV_PGSP_RISCV_CPUCTL:
        return gsp_cpuctl(gsp);
    default:
        return 0;
    }
}

/* A host cannot know of a crash before it rings */
static void gsp_doorbell(NvGraceGpu *gpu, uint32_t val)
{
    switch (gpu->gsp->state) {
    case GSP_ACTIVE:
        if (val) {
            nvgrace_driver_error(gpu, "0x%x in the doorbell of GSP's queue",
                                 val);
        }
        nvgrace_msgq_doorbell(gpu);
        break;
    case GSP_RELEASED:
    case GSP_CRASHED:
        break;
    default:
        /* It can have read the last request before the host came to ring */
        if (!gpu->gsp->bell_due || nvgrace_msgq_unread(gpu)) {
            nvgrace_driver_error(gpu, "doorbell while GSP has no queue");
        }
        gpu->gsp->bell_due = false;
        break;
    }
}

void nvgrace_gsp_write(NvGraceGpu *gpu, uint32_t reg, uint32_t val)
{
    NvGraceGsp *gsp = gpu->gsp;
    unsigned i = (reg - NV_PGSP_MAILBOX0) / 4;

    if (gsp->state == GSP_LOCKED) {
        nvgrace_driver_error(gpu, "write to register 0x%x while FSP has GSP",
                             reg);
        return;
    }
    switch (reg) {
    case NV_PGSP_IRQSCLR:
        gsp->irqstat &= ~val;
        break;
    case NV_PGSP_MAILBOX0:
    case NV_PGSP_MAILBOX1:
        if (gsp->state == GSP_OFF) {
            gsp->mailbox[i] = val;
        } else {
            nvgrace_driver_error(gpu, "write to mailbox %u, GSP's now", i);
        }
        break;
    case NV_PGSP_OS:
        gsp->os = val;
        break;
    case NV_PGSP_QUEUE_HEAD:
        gsp_doorbell(gpu, val);
        break;
    default:
        nvgrace_driver_error(gpu, "write of 0x%x to read-only or unknown "
                             "register 0x%x of GSP", val, reg);
        break;
    }
}

void nvgrace_gsp_reset(NvGraceGpu *gpu)
{
    NvGraceGsp *gsp = gpu->gsp;

    timer_del(&gsp->dead);
    gsp_enter(gsp, GSP_OFF, 0);
    gsp->bell_due = false;
    gsp->irqstat = 0;
    memset(gsp->mailbox, 0, sizeof(gsp->mailbox));
    gsp->os = 0;
    gsp->wpr2 = false;
    gsp->vf_partitions = 0;
    memset(gsp->log, 0, sizeof(gsp->log));
}

void nvgrace_gsp_init(NvGraceGpu *gpu)
{
    gpu->gsp = g_new0(NvGraceGsp, 1);
    timer_init_ns(&gpu->gsp->timer, QEMU_CLOCK_VIRTUAL, gsp_step, gpu);
    timer_init_ns(&gpu->gsp->dead, QEMU_CLOCK_VIRTUAL, gsp_dead, gpu);
}

void nvgrace_gsp_exit(NvGraceGpu *gpu)
{
    nvgrace_gsp_reset(gpu);
    timer_deinit(&gpu->gsp->timer);
    timer_deinit(&gpu->gsp->dead);
    g_clear_pointer(&gpu->gsp, g_free);
}
