/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the GPU's device model know of each other. PF and VF share
 * NvGraceFunction: interrupt tree, fault report and copy engine. The PF alone
 * owns the framebuffer and the memory of its socket (EGM).
 *
 * Everything here runs under the BQL.
 */
#ifndef HW_MISC_NVGRACE_GPU_INTERNAL_H
#define HW_MISC_NVGRACE_GPU_INTERNAL_H

#include "exec/memory.h"
#include "hw/acpi/aml-build.h"
#include "hw/pci/pci_device.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "qemu/timer.h"

typedef struct NvGraceFunction NvGraceFunction;

/* Copy engine (nvgrace-ce.c) */

/* What one launch does; addresses and lengths in bytes */
typedef struct NvGraceCEJob {
    uint32_t launch;        /* the LAUNCH_DMA word */
    uint32_t payload;       /* of the semaphore */
    uint64_t semaphore;
    bool src_sysmem;        /* else the function's framebuffer */
    bool dst_sysmem;
    uint64_t src;           /* start of the current line */
    uint64_t dst;
    uint64_t src_pitch;
    uint64_t dst_pitch;
    uint64_t line_bytes;
    uint64_t line_pos;      /* done of the current line */
    uint64_t lines;         /* left, with the current one */
} NvGraceCEJob;

/* Methods, as last written */
typedef struct NvGraceCEMethods {
    uint32_t sem_hi, sem_lo, payload;
    uint32_t src_phys_mode, dst_phys_mode;
    uint32_t in_hi, in_lo, out_hi, out_lo;
    uint32_t pitch_in, pitch_out;
    uint32_t line_length, line_count;
    uint32_t remap_const_a, remap_components;
} NvGraceCEMethods;

/* The smallest page that can fault: no access crosses a boundary of it */
#define NVGRACE_CE_PIECE 4096

typedef struct NvGraceCE {
    NvGraceFunction *fn;
    QEMUTimer timer;        /* runs the next chunk */
    NvGraceCEMethods m;
    uint32_t status;        /* NVGRACE_GPU_CE0_BUSY and so on */
    uint32_t completed;
    uint64_t serial;        /* changes with each launch and each reset */
    NvGraceCEJob job;       /* valid while busy */
    /* Holds one piece; a fill starts at any byte of its 4-byte pattern */
    uint8_t bounce[NVGRACE_CE_PIECE + 4];
} NvGraceCE;

void nvgrace_ce_init(NvGraceCE *ce, NvGraceFunction *fn);
void nvgrace_ce_exit(NvGraceCE *ce);
void nvgrace_ce_reset(NvGraceCE *ce);
/* One method of the engine's class: @addr is its address in bytes */
void nvgrace_ce_method(NvGraceCE *ce, uint32_t addr, uint32_t data);

/* A function (nvgrace-vfn.c) */

typedef struct NvGraceIntr {
    uint32_t leaf[NV_VFN_INTR_LEAVES];      /* pending vectors */
    uint32_t leaf_en[NV_VFN_INTR_LEAVES];
    uint32_t top_en;
} NvGraceIntr;

typedef struct NvGraceFault {
    uint64_t addr;
    uint64_t inst;
    uint32_t info;
    uint32_t status;
} NvGraceFault;

struct NvGraceFunction {
    PCIDevice *pci;
    MemoryRegion regs;      /* the function's page, NV_VFN_SIZE */
    MemoryRegion fb_bar;    /* its part of the framebuffer, for the BAR */
    MemoryRegion fb_view;   /* the same, never mapped: root of fb_as */
    AddressSpace fb_as;     /* address 0 is the part's first byte */
    uint64_t fb_size;

    NvGraceIntr intr;
    NvGraceFault fault;
    NvGraceCE ce;
};

/* @fb is the whole framebuffer; [offset, offset + size) of it is this one's */
void nvgrace_function_init(NvGraceFunction *fn, PCIDevice *pci,
                           MemoryRegion *fb, uint64_t offset, uint64_t size);
void nvgrace_function_exit(NvGraceFunction *fn);
void nvgrace_function_reset(NvGraceFunction *fn);
void nvgrace_function_raise(NvGraceFunction *fn, unsigned vector);
/* Fill the one-shot report (or count the fault as lost) and raise its vector */
void nvgrace_function_fault(NvGraceFunction *fn, uint64_t addr, unsigned type,
                            unsigned access);

/* Memory that only the GPU's firmware properties tell of (nvgrace-egm.c) */

typedef struct NvGraceEgmProp {
    const char *name;
    uint64_t val;
} NvGraceEgmProp;

typedef struct NvGraceEgm {
    /* properties */
    uint64_t base;
    uint64_t size;
    uint32_t pxm;
    char *retired;          /* colon-separated hexadecimal offsets from base */
    bool has_ram;           /* else another GPU of the socket has it */
    bool dirty;
    /* what firmware says instead, a number each; NULL: the truth */
    char *fw_base, *fw_size, *fw_pxm, *fw_retired, *fw_retired_count;
    char *fw_omit;          /* colon-separated names of properties */

    NvGraceEgmProp props[4];    /* what firmware tells */
    unsigned nr_props;

    MemoryRegion ram;
    MemoryRegion table;
} NvGraceEgm;

/* Returns false with @errp set; does nothing when egm-size is 0 */
bool nvgrace_egm_init(NvGraceEgm *egm, PCIDevice *pci, Error **errp);
void nvgrace_egm_exit(NvGraceEgm *egm);
/* Append the function's _DSD, if there is something to tell, to its node @dev */
void nvgrace_egm_build_aml(NvGraceEgm *egm, Aml *dev);

#endif
