/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the GPU's device model know of each other. PF and VF share
 * NvGraceFunction: interrupt tree, fault report and the register window on a copy
 * engine. The PF alone (NvGraceGpu) owns the framebuffer, the memory of its socket
 * (EGM), the firmware's processors (FSP, GSP), the channels and their engines.
 *
 * A part that needs state has a structure of its own, private to its file, that
 * NvGraceGpu points to: NvGraceFsp *fsp and so on; init allocates, exit frees,
 * reset is FLR, bus reset and power-on.
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
typedef struct NvGraceGpu NvGraceGpu;

/* Where memory is */

typedef enum NvGraceSpace {     /* a PTE's aperture */
    NVGRACE_SPACE_FB,
    NVGRACE_SPACE_PEER,         /* EGM: offset from its base */
    NVGRACE_SPACE_SYSMEM,       /* DMA address */
    NVGRACE_SPACE_SYSMEM_NC,
    NVGRACE_SPACE_SPARSE,       /* reads 0, ignores writes; no aperture */
} NvGraceSpace;

typedef struct NvGracePdb {     /* root page table */
    NvGraceSpace space;
    uint64_t addr;
} NvGracePdb;

/* A unit's way to memory (nvgrace-port.c) */

/* How an address is meant */
typedef struct NvGraceTarget {
    bool virt;
    NvGraceSpace space;         /* of a physical one */
    unsigned peer;
} NvGraceTarget;

typedef struct NvGracePort {
    NvGraceFunction *fn;        /* whose memory it is */
    const NvGracePdb *pdb;      /* NULL: virtual addresses have no meaning */
    const uint64_t *serial;     /* changes when the user of the port is gone */
} NvGracePort;

typedef struct NvGracePortFault {
    uint64_t addr;
    unsigned type;              /* NV_FAULT_TYPE_* */
    unsigned access;            /* NV_FAULT_ACCESS_* */
} NvGracePortFault;

typedef enum NvGracePortResult {
    NVGRACE_PORT_OK,
    NVGRACE_PORT_FAULT,
    /* The access itself took away its user, who touches nothing any more */
    NVGRACE_PORT_GONE,
} NvGracePortResult;

/* No access crosses a boundary of this, in bytes: the smallest page */
#define NVGRACE_PORT_PIECE  4096

NvGracePortResult nvgrace_port_access(const NvGracePort *port,
                                      const NvGraceTarget *target,
                                      uint64_t addr, void *buf, uint64_t len,
                                      bool write, NvGracePortFault *fault);
/*
 * A semaphore of 4 bytes, of 8 (@wide) or of 16 with the time (@stamp), aligned
 * to its size. Who sees the payload sees the time, too.
 */
NvGracePortResult nvgrace_port_release(const NvGracePort *port,
                                       const NvGraceTarget *target,
                                       uint64_t addr, uint64_t payload,
                                       bool wide, bool stamp,
                                       NvGracePortFault *fault);
/* Bytes that such a semaphore takes */
unsigned nvgrace_semaphore_size(bool wide, bool stamp);

/* Copy engine (nvgrace-ce.c) */

/* One side of a copy */
typedef struct NvGraceCESide {
    NvGraceTarget target;
    uint64_t addr;          /* start of the current line */
    uint64_t pitch;
} NvGraceCESide;

/* The longest pattern of a fill: four components of four bytes */
#define NVGRACE_CE_PATTERN  16

/* What one launch does; addresses and lengths in bytes */
typedef struct NvGraceCEJob {
    uint32_t launch;        /* the LAUNCH_DMA word */
    uint64_t payload;       /* of the semaphore */
    uint64_t semaphore;
    NvGraceCESide src;
    NvGraceCESide dst;
    uint64_t line_bytes;
    uint64_t line_pos;      /* done of the current line */
    uint64_t lines;         /* left, with the current one */
    uint8_t pattern[NVGRACE_CE_PATTERN];
    unsigned period;        /* bytes of the pattern; 0: a copy */
} NvGraceCEJob;

/* Methods, as last written */
typedef struct NvGraceCEMethods {
    uint32_t sem_hi, sem_lo, payload, payload_hi;
    uint32_t src_phys_mode, dst_phys_mode;
    uint32_t in_hi, in_lo, out_hi, out_lo;
    uint32_t pitch_in, pitch_out;
    uint32_t line_length, line_count;
    uint32_t remap_const_a, remap_const_b, remap_components;
} NvGraceCEMethods;

/* What the engine keeps for each of its users */
typedef struct NvGraceCEContext {
    NvGraceCEMethods m;
    /* PHYS_MODE targets below this are the user's; 0: virtual addresses only */
    unsigned phys_targets;
    NvGraceTarget semaphore;
    bool busy;              /* job is valid */
    NvGraceCEJob job;
} NvGraceCEContext;

typedef enum NvGraceCEResult {
    NVGRACE_CE_MORE,
    NVGRACE_CE_DONE,        /* the semaphore is released */
    NVGRACE_CE_FAULT,       /* the job is over */
    NVGRACE_CE_GONE,        /* as NVGRACE_PORT_GONE */
} NvGraceCEResult;

/* Room for one piece; a fill starts at any byte of its pattern */
typedef struct NvGraceCEBounce {
    uint8_t byte[NVGRACE_PORT_PIECE + NVGRACE_CE_PATTERN];
} NvGraceCEBounce;

#define NVGRACE_CE_DELAY_NS (20 * SCALE_US) /* between two chunks */

/*
 * One method of the engine's class: @addr is its address in bytes. LAUNCH_DMA
 * makes the context busy. Returns NULL, or why it has no effect.
 */
const char *nvgrace_ce_method(NvGraceCEContext *ctx, uint32_t addr,
                              uint32_t data);
/* The next chunk of a busy context's job */
NvGraceCEResult nvgrace_ce_run(NvGraceCEContext *ctx, const NvGracePort *port,
                               NvGraceCEBounce *bounce,
                               NvGracePortFault *fault);

/* The register window on copy engine 0 that each function has */
typedef struct NvGraceCE {
    NvGraceFunction *fn;
    QEMUTimer timer;        /* runs the next chunk */
    NvGraceCEContext ctx;
    uint32_t status;        /* NVGRACE_GPU_CE0_BUSY and so on */
    uint32_t completed;
    uint64_t serial;        /* changes with each reset */
    NvGraceCEBounce bounce;
} NvGraceCE;

void nvgrace_ce_init(NvGraceCE *ce, NvGraceFunction *fn);
void nvgrace_ce_exit(NvGraceCE *ce);
void nvgrace_ce_reset(NvGraceCE *ce);
void nvgrace_ce_write(NvGraceCE *ce, uint32_t addr, uint32_t data);

/* A function (nvgrace-vfn.c) */

typedef struct NvGraceIntr {
    uint32_t leaf[NV_VFN_INTR_LEAVES];      /* pending vectors */
    uint32_t leaf_en[NV_VFN_INTR_LEAVES];
    uint32_t top_en;
} NvGraceIntr;

typedef struct NvGraceFaultBuffer {
    uint32_t lo, hi;        /* as written */
    uint32_t size;
    uint32_t get, put;      /* entries */
    uint32_t flags;         /* NV_VFN_FAULT_BUFFER_CORRUPTED, _OVERFLOW */
} NvGraceFaultBuffer;

typedef struct NvGraceFault {
    /* one-shot report */
    uint64_t addr;
    uint64_t inst;
    uint32_t info;
    uint32_t status;

    NvGraceFaultBuffer buffer[NV_VFN_FAULT_BUFFERS];
} NvGraceFault;

typedef struct NvGraceInvalidate {
    uint32_t pdb_lo, pdb_hi;
    uint32_t cmd;           /* with TRIGGER while it runs */
    QEMUTimer timer;
} NvGraceInvalidate;

struct NvGraceFunction {
    PCIDevice *pci;
    NvGraceGpu *gpu;
    uint32_t gfid;          /* 0: the PF; VF i has i + 1 */
    MemoryRegion regs;      /* the function's page, NV_VFN_SIZE */
    MemoryRegion fb_bar;    /* VF: its segments of the framebuffer */
    uint64_t fb_size;

    NvGraceIntr intr;
    NvGraceFault fault;
    NvGraceInvalidate invalidate;
    NvGraceCE ce;
};

/* @fn->gpu and @fn->gfid are set; @fb_size is that of its framebuffer's BAR */
void nvgrace_function_init(NvGraceFunction *fn, PCIDevice *pci,
                           uint64_t fb_size);
void nvgrace_function_exit(NvGraceFunction *fn);
void nvgrace_function_reset(NvGraceFunction *fn);
void nvgrace_function_raise(NvGraceFunction *fn, unsigned vector);
/* May it access the memory of the host? */
bool nvgrace_function_master(NvGraceFunction *fn);
/* The PF's driver broke a rule, or the guest that has the VF did */
void nvgrace_function_error(NvGraceFunction *fn, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* Faults: one-shot report and buffers (nvgrace-fault.c) */

/* Registers from NVGRACE_FAULT_REGS on; @reg is an offset in the page */
#define NVGRACE_FAULT_REGS      NV_VFN_FAULT_BUFFER_LO(0)
#define NVGRACE_FAULT_REGS_END  (NV_VFN_FAULT_STATUS + 4)
uint32_t nvgrace_fault_read(NvGraceFunction *fn, uint32_t reg);
void nvgrace_fault_write(NvGraceFunction *fn, uint32_t reg, uint32_t val);
void nvgrace_fault_reset(NvGraceFunction *fn);
/* Of the register window on a copy engine: without an instance block */
void nvgrace_function_fault(NvGraceFunction *fn, uint64_t addr, unsigned type,
                            unsigned access);

/* Trouble: what the driver did wrong, what shall go wrong (nvgrace-trouble.c) */

typedef struct NvGraceTrouble NvGraceTrouble;

void nvgrace_trouble_init(NvGraceGpu *gpu);
void nvgrace_trouble_exit(NvGraceGpu *gpu);
/* Here and below, @reg is an offset in the PF's BAR0 */
uint32_t nvgrace_trouble_read(NvGraceGpu *gpu, uint32_t reg);
void nvgrace_trouble_write(NvGraceGpu *gpu, uint32_t reg, uint32_t val);
/* The driver broke a rule: counted, kept and said on stderr */
void nvgrace_driver_error(NvGraceGpu *gpu, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);
/*
 * Is this trouble (NVGRACE_INJECT_*) armed? take() disarms it; @param can be
 * NULL. Where the parameter is a number of times (RPC_SILENT, LOST_INTR), that
 * many calls of take() are true.
 */
bool nvgrace_inject_armed(NvGraceGpu *gpu, unsigned kind, uint32_t *param);
bool nvgrace_inject_take(NvGraceGpu *gpu, unsigned kind, uint32_t *param);

/* Foundation security processor: the mailbox (nvgrace-fsp.c) */

typedef struct NvGraceFsp NvGraceFsp;

void nvgrace_fsp_init(NvGraceGpu *gpu);
void nvgrace_fsp_exit(NvGraceGpu *gpu);
void nvgrace_fsp_reset(NvGraceGpu *gpu);
uint32_t nvgrace_fsp_read(NvGraceGpu *gpu, uint32_t reg);
void nvgrace_fsp_write(NvGraceGpu *gpu, uint32_t reg, uint32_t val);

/* GPU system processor: boot, registers, logs (nvgrace-gsp.c) */

typedef struct NvGraceGsp NvGraceGsp;

/* What the chain-of-trust message told; FSP has checked the FMC image */
typedef struct NvGraceCot {
    uint64_t params;            /* DMA address of FMC's boot parameters */
    uint64_t frts_offset;       /* bytes from the framebuffer's end to FRTS's */
    uint32_t frts_size;
    bool vgpu;                  /* the knob of this boot */
} NvGraceCot;

/* Where RMARGS says that the queues are */
typedef struct NvGraceQueueArgs {
    uint64_t shared;            /* DMA address of the block: its page table */
    uint32_t ptes;
    uint64_t cmdq_offset;
    uint64_t statq_offset;
} NvGraceQueueArgs;

void nvgrace_gsp_init(NvGraceGpu *gpu);
void nvgrace_gsp_exit(NvGraceGpu *gpu);
void nvgrace_gsp_reset(NvGraceGpu *gpu);
uint32_t nvgrace_gsp_read(NvGraceGpu *gpu, uint32_t reg);
void nvgrace_gsp_write(NvGraceGpu *gpu, uint32_t reg, uint32_t val);
/* Can it boot: power-on state, or the firmware ended in order */
bool nvgrace_gsp_off(NvGraceGpu *gpu);
void nvgrace_gsp_boot(NvGraceGpu *gpu, const NvGraceCot *cot);
/* RISC-V core active: firmware reads its queue */
bool nvgrace_gsp_active(NvGraceGpu *gpu);
/* vfPartitionCount of the boot: 0 without vGPU */
unsigned nvgrace_gsp_vf_partitions(NvGraceGpu *gpu);
/* [start, end) of the framebuffer that is the firmware's: heap, WPR2 and the rest */
void nvgrace_gsp_reserved(NvGraceGpu *gpu, uint64_t *start, uint64_t *end);
/* WPR2: [start, end) of the framebuffer, 0 and 0 when there is none */
void nvgrace_gsp_wpr2(NvGraceGpu *gpu, uint64_t *start, uint64_t *end);
/* The firmware ended in order (after UNLOADING_GUEST_DRIVER), or crashed */
void nvgrace_gsp_unload(NvGraceGpu *gpu);
void nvgrace_gsp_crash(NvGraceGpu *gpu);
/* SWGEN0: GSP's interrupt to the host */
void nvgrace_gsp_swgen0(NvGraceGpu *gpu);
/* One line in LOGRM */
void nvgrace_gsp_log(NvGraceGpu *gpu, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* The queues between host and GSP, r570 framing (nvgrace-msgq.c) */

typedef struct NvGraceMsgq NvGraceMsgq;

void nvgrace_msgq_init(NvGraceGpu *gpu);
void nvgrace_msgq_exit(NvGraceGpu *gpu);
void nvgrace_msgq_reset(NvGraceGpu *gpu);
/* GSP came up: false if the queues cannot be */
bool nvgrace_msgq_start(NvGraceGpu *gpu, const NvGraceQueueArgs *args);
void nvgrace_msgq_stop(NvGraceGpu *gpu);
void nvgrace_msgq_doorbell(NvGraceGpu *gpu);
/* Is there a request that nobody reads any more, or no queue where it was? */
bool nvgrace_msgq_unread(NvGraceGpu *gpu);
/* A reply to the request at hand, or (sequence 0) an event; copied */
void nvgrace_msgq_reply(NvGraceGpu *gpu, uint32_t function, uint32_t sequence,
                        uint32_t result, const void *payload, size_t len);
void nvgrace_msgq_event(NvGraceGpu *gpu, uint32_t event, const void *payload,
                        size_t len);
void nvgrace_msgq_event_result(NvGraceGpu *gpu, uint32_t event, uint32_t result,
                               const void *payload, size_t len);
/* No more requests; nvgrace_gsp_unload() once the message just made is sent */
void nvgrace_msgq_last(NvGraceGpu *gpu);

/* RM: functions, objects, controls, events (nvgrace-rm.c) */

typedef struct NvGraceRm NvGraceRm;

/* A channel that was stopped by an error */
typedef struct NvGraceRc {
    uint32_t runlist;
    uint32_t chid;
    uint32_t gfid;
    uint32_t type;              /* exceptType: 31 MMU fault, 32 PBDMA, ... */
    uint64_t addr;
    uint32_t fault_type;
} NvGraceRc;

void nvgrace_rm_init(NvGraceGpu *gpu);
void nvgrace_rm_exit(NvGraceGpu *gpu);
void nvgrace_rm_reset(NvGraceGpu *gpu);
/* Bytes of payload that a message announces in its first record, of @len bytes */
size_t nvgrace_rm_length(uint32_t function, const uint8_t *payload, size_t len);
/* A whole request from the queue, continuation records joined */
void nvgrace_rm_request(NvGraceGpu *gpu, uint32_t function, uint32_t sequence,
                        const uint8_t *payload, size_t len);
void nvgrace_rm_rc(NvGraceGpu *gpu, const NvGraceRc *rc);
void nvgrace_rm_mmu_fault_queued(NvGraceGpu *gpu);
void nvgrace_rm_xid(NvGraceGpu *gpu, uint32_t xid, uint32_t chid,
                    const char *text);
/* An uncorrectable error in the 64 KiB page @page of the framebuffer */
void nvgrace_rm_ecc(NvGraceGpu *gpu, uint32_t page);

/* Memory as the GPU sees it (nvgrace-mmu.c, nvgrace-vmmu.c) */

typedef struct NvGraceXlate {
    NvGraceSpace space;
    unsigned peer;
    uint64_t addr;
    uint64_t len;               /* bytes from there to the end of the page */
} NvGraceXlate;

typedef struct NvGraceMmu NvGraceMmu;
typedef struct NvGraceVmmu NvGraceVmmu;

void nvgrace_mmu_init(NvGraceGpu *gpu);
void nvgrace_mmu_exit(NvGraceGpu *gpu);
void nvgrace_mmu_reset(NvGraceGpu *gpu);
/* 0, or 1 + NV_FAULT_TYPE_*; @fn is the function whose memory it is */
int nvgrace_mmu_translate(NvGraceFunction *fn, const NvGracePdb *pdb,
                          uint64_t va, bool write, NvGraceXlate *out);
/* Within one 4 KiB page. Same result: FB outside the function's segments is REGION */
int nvgrace_mmu_access(NvGraceFunction *fn, NvGraceSpace space, unsigned peer,
                       uint64_t addr, void *buf, uint64_t len, bool write);
/* The GPU's framebuffer, whoever's it is: for firmware */
void nvgrace_mmu_fb_rw(NvGraceGpu *gpu, uint64_t addr, void *buf, uint64_t len,
                       bool write);
/* NULL: all */
void nvgrace_mmu_invalidate(NvGraceGpu *gpu, const NvGracePdb *pdb);
/*
 * In nvgrace-fault.c: entry in the fault buffer (or one-shot report, when it is
 * not enabled), vector, event. @access: NV_FAULT_ACCESS_*
 */
void nvgrace_mmu_fault(NvGraceFunction *fn, uint64_t inst, NvGraceSpace inst_space,
                       uint64_t addr, unsigned engine, unsigned type,
                       unsigned access);
/* HSHUB_EGM_CONFIG */
void nvgrace_mmu_set_egm_peer(NvGraceGpu *gpu, unsigned peer);

/* Segments of the framebuffer that a function sees (bytes) */
typedef struct NvGraceSegment {
    uint64_t start;
    uint64_t len;
} NvGraceSegment;

void nvgrace_vmmu_init(NvGraceGpu *gpu);
void nvgrace_vmmu_exit(NvGraceGpu *gpu);
void nvgrace_vmmu_reset(NvGraceGpu *gpu);
/* @segments lie in the framebuffer, whole pages each */
void nvgrace_vmmu_set(NvGraceGpu *gpu, unsigned gfid,
                      const NvGraceSegment *segments, unsigned nr);
void nvgrace_vmmu_set_default(NvGraceGpu *gpu, unsigned gfid);
/* A VF comes and goes; its fb_bar shows its segments meanwhile */
void nvgrace_vmmu_attach(NvGraceFunction *fn);
void nvgrace_vmmu_detach(NvGraceFunction *fn);
/* Framebuffer address of a function to that of the GPU; false: not its own */
bool nvgrace_vmmu_translate(NvGraceGpu *gpu, unsigned gfid, uint64_t addr,
                            uint64_t len, uint64_t *out);

/* BARs that page tables translate (nvgrace-aperture.c) */

typedef enum { NVGRACE_APERTURE_FB, NVGRACE_APERTURE_INSTANCE } NvGraceBar;
typedef struct NvGraceAperture NvGraceAperture;

/* Makes @bar, a BAR to register. That of the framebuffer shows it from 0 on */
void nvgrace_aperture_init(NvGraceGpu *gpu, NvGraceBar which, MemoryRegion *bar,
                           uint64_t size);
void nvgrace_aperture_exit(NvGraceGpu *gpu, NvGraceBar which);
void nvgrace_aperture_reset(NvGraceGpu *gpu, NvGraceBar which);
/* UPDATE_BAR_PDE: 0 is physical mode again */
void nvgrace_aperture_set_pde(NvGraceGpu *gpu, NvGraceBar which, uint64_t pde);
/* NV_VFN_BAR1_BLOCK_* and NV_VFN_BAR2_BLOCK_*; the low word acts */
uint32_t nvgrace_aperture_block(NvGraceGpu *gpu, NvGraceBar which, bool high);
void nvgrace_aperture_set_block(NvGraceGpu *gpu, NvGraceBar which, bool high,
                                uint32_t val);
/* As nvgrace_mmu_translate(); UNBOUND_INST in physical mode */
int nvgrace_aperture_translate(NvGraceGpu *gpu, NvGraceBar which, uint64_t va,
                               bool write, NvGraceXlate *out);

/* Runlists and channels (nvgrace-fifo.c, nvgrace-pbdma.c) */

#define NVGRACE_RUNLISTS    10      /* one for each copy engine */
#define NVGRACE_CHIDS       2048

typedef struct NvGraceFifo NvGraceFifo;

typedef struct NvGraceMemDesc {
    NvGraceSpace space;
    uint64_t addr;
    uint64_t size;
} NvGraceMemDesc;

typedef struct NvGraceChannelParams {
    uint32_t runlist;
    uint32_t chid;
    uint32_t gfid;
    bool privileged;
    uint64_t gpfifo;            /* GPU virtual address */
    uint32_t entries;           /* a power of two */
    NvGracePdb pdb;
    NvGraceMemDesc inst, userd, method_buffer, notifier;
} NvGraceChannelParams;

void nvgrace_fifo_init(NvGraceGpu *gpu);
void nvgrace_fifo_exit(NvGraceGpu *gpu);
/* For a reset: the driver has taken its channels off the engines */
void nvgrace_fifo_check_idle(NvGraceGpu *gpu);
void nvgrace_fifo_reset(NvGraceGpu *gpu);
uint32_t nvgrace_fifo_read(NvGraceGpu *gpu, uint32_t reg);
void nvgrace_fifo_write(NvGraceGpu *gpu, uint32_t reg, uint32_t val);
/* RM's part: writes RAMFC and RAMIN. False: chid in use, memory not there */
bool nvgrace_fifo_channel_create(NvGraceGpu *gpu,
                                 const NvGraceChannelParams *params);
void nvgrace_fifo_channel_destroy(NvGraceGpu *gpu, uint32_t runlist,
                                  uint32_t chid);
/* SET_OBJECT accepts the class from now on */
void nvgrace_fifo_channel_object(NvGraceGpu *gpu, uint32_t runlist,
                                 uint32_t chid, uint32_t class);
void nvgrace_fifo_channel_enable(NvGraceGpu *gpu, uint32_t runlist,
                                 uint32_t chid, bool enable);
/* Off the engine now; false: stuck (injected) */
bool nvgrace_fifo_channel_preempt(NvGraceGpu *gpu, uint32_t runlist,
                                  uint32_t chid);
/* A doorbell of a function: the token that was written */
void nvgrace_fifo_doorbell(NvGraceFunction *fn, uint32_t token);
/* A VF was reset or leaves: its channels end */
void nvgrace_fifo_function_reset(NvGraceFunction *fn);

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

/* The PF (nvgrace-gpu.c) */

/* Highest DMA address of the real device, exclusive */
#define NVGRACE_DMA_LIMIT   (1ULL << 52)

struct NvGraceGpu {
    PCIDevice parent_obj;

    NvGraceFunction fn;
    MemoryRegion regs;
    MemoryRegion fb;        /* never mapped itself */
    MemoryRegion bar[2];    /* of each NvGraceBar */
    MemoryRegion bar_io[2]; /* within: accesses that page tables translate */
    MemoryRegion bar_fb;    /* within the first: the framebuffer */
    NvGraceEgm egm;

    /* What BAR0 has of no other part */
    int64_t ready_ns;       /* links are up from then on, QEMU_CLOCK_VIRTUAL */
    uint64_t flush_page[2]; /* DMA address: primary, egress */

    NvGraceTrouble *trouble;
    NvGraceFsp *fsp;
    NvGraceGsp *gsp;
    NvGraceMsgq *msgq;
    NvGraceRm *rm;
    NvGraceMmu *mmu;
    NvGraceVmmu *vmmu;
    NvGraceAperture *aperture[2];
    NvGraceFifo *fifo;

    /* properties */
    uint16_t vfs;
    uint64_t fb_size;
    uint64_t vf_fb_size;
    bool vgpu_mode;         /* the knob: for the next boot of GSP */
    char *fb_retired;       /* colon-separated hexadecimal 64 KiB pages */
};

#define TYPE_NVGRACE_GPU    "nvgrace-gpu"
#define TYPE_NVGRACE_GPU_VF "nvgrace-gpu-vf"
OBJECT_DECLARE_SIMPLE_TYPE(NvGraceGpu, NVGRACE_GPU)

/* Has the GPU been out of reset long enough for its links and FSP? */
bool nvgrace_gpu_ready(NvGraceGpu *gpu);
/* Is the PF allowed DMA? */
bool nvgrace_gpu_master(NvGraceGpu *gpu);
/*
 * Read or write RAM by DMA of the PF. False: refused. Asks first, a page at a
 * time, because QEMU would cut a refused access in 4-byte ones, each
 * with an event of the SMMU.
 */
bool nvgrace_gpu_dma(NvGraceGpu *gpu, uint64_t addr, void *buf, uint64_t len,
                     bool write);
/* The function with this gfid, NULL if there is none now */
NvGraceFunction *nvgrace_gpu_function(NvGraceGpu *gpu, unsigned gfid);

#endif
