/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trouble: what a driver of the GPU's device model did wrong, and what tests
 * want to go wrong. A window of registers in the PF's BAR0 that no real device
 * has; a test maps it while the driver runs.
 *
 * A driver error is a broken rule of the device: a write to a read-only
 * register, a step out of order, a structure that lies about its size. It is
 * counted, its text can be read, and one line of it goes to QEMU's stderr,
 * which makes a test run fail. A test that breaks rules on purpose sets EXPECT
 * first.
 *
 * Injected trouble is armed here and happens elsewhere: each part asks for the
 * kinds that it knows with nvgrace_inject_take(). What needs no occasion (Xid,
 * ECC, PCIe errors, a crash, spurious interrupts) happens at once, from here.
 *
 * No reset of the device changes anything here.
 */
#include "qemu/osdep.h"
#include "qemu/ctype.h"
#include "qemu/log.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "nvgrace-gpu-internal.h"

#define TROUBLE_LINES_MAX   1000        /* on stderr: a guest can make many */
#define TROUBLE_STORM_NS    (50 * SCALE_US)
#define TROUBLE_STORM_IDLE  20000       /* periods without a taker: 1 s */

struct NvGraceTrouble {
    uint32_t errors, expected;
    bool expect;
    uint32_t lines[2];                  /* those that were expected apart */
    char text[NVGRACE_TROUBLE_TEXT_SIZE];

    uint32_t armed;                     /* bit per kind */
    uint32_t param[32];

    QEMUTimer storm;                    /* spurious interrupts */
    uint32_t storm_left;
    uint32_t storm_idle;
};

void nvgrace_driver_error(NvGraceGpu *gpu, const char *fmt, ...)
{
    NvGraceTrouble *t = gpu->trouble;
    uint32_t *count = t->expect ? &t->expected : &t->errors;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(t->text, sizeof(t->text), fmt, ap);
    va_end(ap);
    for (char *c = t->text; *c; c++) {
        *c = qemu_isprint(*c) ? *c : '?';
    }

    if (*count != UINT32_MAX) {
        (*count)++;
    }
    if (t->lines[t->expect] < TROUBLE_LINES_MAX) {
        t->lines[t->expect]++;
        fprintf(stderr, "nvgrace-gpu: %sdriver error: %s\n",
                t->expect ? "expected " : "", t->text);
    }
}

bool nvgrace_inject_armed(NvGraceGpu *gpu, unsigned kind, uint32_t *param)
{
    NvGraceTrouble *t = gpu->trouble;

    if (!(t->armed & 1u << kind)) {
        return false;
    }
    if (param) {
        *param = t->param[kind];
    }
    return true;
}

/* What happens more than once is taken once for each time */
static bool trouble_counts(unsigned kind)
{
    return kind == NVGRACE_INJECT_RPC_SILENT ||
           kind == NVGRACE_INJECT_LOST_INTR;
}

bool nvgrace_inject_take(NvGraceGpu *gpu, unsigned kind, uint32_t *param)
{
    NvGraceTrouble *t = gpu->trouble;

    if (!nvgrace_inject_armed(gpu, kind, param)) {
        return false;
    }
    if (!trouble_counts(kind) || t->param[kind] <= 1) {
        t->armed &= ~(1u << kind);
    } else {
        t->param[kind]--;
    }
    return true;
}

static void trouble_storm(void *opaque)
{
    NvGraceGpu *gpu = opaque;
    NvGraceTrouble *t = gpu->trouble;
    unsigned vector = NVGRACE_GPU_VECTOR_GSP;

    if (gpu->fn.intr.leaf[vector / 32] & 1u << vector % 32) {
        if (++t->storm_idle > TROUBLE_STORM_IDLE) {
            return;
        }
    } else {
        t->storm_idle = 0;
        t->storm_left--;
        nvgrace_function_raise(&gpu->fn, vector);
    }
    if (t->storm_left) {
        timer_mod(&t->storm,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + TROUBLE_STORM_NS);
    }
}

static void trouble_pcie(NvGraceGpu *gpu, bool fatal)
{
    PCIDevice *pci = PCI_DEVICE(gpu);
    PCIEAERErr err = {
        /* By default the first is fatal, the second is not */
        .status = fatal ? PCI_ERR_UNC_MALF_TLP : PCI_ERR_UNC_COMP_ABORT,
        .source_id = pci_requester_id(pci),
    };

    pcie_aer_inject_error(pci, &err);
}

/* True: nothing has to be armed */
static bool trouble_now(NvGraceGpu *gpu, unsigned kind, uint32_t param)
{
    NvGraceTrouble *t = gpu->trouble;

    switch (kind) {
    case NVGRACE_INJECT_XID:
        nvgrace_rm_xid(gpu, param, 0, "injected");
        return true;
    case NVGRACE_INJECT_ECC:
        nvgrace_rm_ecc(gpu, param);
        return true;
    case NVGRACE_INJECT_PCIE_FATAL:
    case NVGRACE_INJECT_PCIE_NONFATAL:
        trouble_pcie(gpu, kind == NVGRACE_INJECT_PCIE_FATAL);
        return true;
    case NVGRACE_INJECT_CRASH:
        nvgrace_gsp_crash(gpu);
        return true;
    case NVGRACE_INJECT_SPURIOUS_INTR:
        timer_del(&t->storm);
        t->storm_left = param;
        t->storm_idle = 0;
        if (param) {
            trouble_storm(gpu);
        }
        return true;
    default:
        return false;
    }
}

static void trouble_inject(NvGraceGpu *gpu, uint32_t val)
{
    NvGraceTrouble *t = gpu->trouble;
    unsigned kind = val & 0xff;
    uint32_t param = val >> 8;

    if (!kind) {
        t->armed = 0;
        t->storm_left = 0;
        timer_del(&t->storm);
        return;
    }
    if (kind > NVGRACE_INJECT_LAST) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: no trouble of kind %u\n",
                      PCI_DEVICE(gpu)->name, kind);
        return;
    }
    if (trouble_now(gpu, kind, param)) {
        return;
    }
    if (kind == NVGRACE_INJECT_GSP_SLOW && !param) {
        t->armed &= ~(1u << kind);
        return;
    }
    t->armed |= 1u << kind;
    t->param[kind] = param;
}

uint32_t nvgrace_trouble_read(NvGraceGpu *gpu, uint32_t reg)
{
    NvGraceTrouble *t = gpu->trouble;

    switch (reg) {
    case NVGRACE_TROUBLE_MAGIC:
        return NVGRACE_TROUBLE_MAGIC_VALUE;
    case NVGRACE_TROUBLE_ERRORS:
        return t->errors;
    case NVGRACE_TROUBLE_EXPECT:
        return t->expect;
    case NVGRACE_TROUBLE_EXPECTED:
        return t->expected;
    case NVGRACE_TROUBLE_ARMED:
        return t->armed;
    case NVGRACE_TROUBLE_VGPU_KNOB:
        return gpu->vgpu_mode;
    case NVGRACE_TROUBLE_TEXT ...
         NVGRACE_TROUBLE_TEXT + NVGRACE_TROUBLE_TEXT_SIZE - 1:
        return ldl_le_p(t->text + (reg - NVGRACE_TROUBLE_TEXT));
    default:
        return 0;
    }
}

void nvgrace_trouble_write(NvGraceGpu *gpu, uint32_t reg, uint32_t val)
{
    NvGraceTrouble *t = gpu->trouble;

    switch (reg) {
    case NVGRACE_TROUBLE_ERRORS:
        t->errors = 0;
        break;
    case NVGRACE_TROUBLE_EXPECT:
        t->expect = val & 1;
        break;
    case NVGRACE_TROUBLE_EXPECTED:
        t->expected = 0;
        break;
    case NVGRACE_TROUBLE_INJECT:
        trouble_inject(gpu, val);
        break;
    case NVGRACE_TROUBLE_VGPU_KNOB:
        gpu->vgpu_mode = val & 1;
        break;
    default:
        nvgrace_driver_error(gpu, "write of 0x%x to register 0x%x of the "
                             "trouble window", val, reg);
        break;
    }
}

void nvgrace_trouble_init(NvGraceGpu *gpu)
{
    gpu->trouble = g_new0(NvGraceTrouble, 1);
    timer_init_ns(&gpu->trouble->storm, QEMU_CLOCK_VIRTUAL, trouble_storm, gpu);
}

void nvgrace_trouble_exit(NvGraceGpu *gpu)
{
    timer_del(&gpu->trouble->storm);
    timer_deinit(&gpu->trouble->storm);
    g_clear_pointer(&gpu->trouble, g_free);
}
