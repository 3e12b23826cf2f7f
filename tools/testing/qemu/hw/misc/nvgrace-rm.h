/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the model's RM know of each other: nvgrace-rm.c (functions
 * and events), nvgrace-rm-object.c (the tree of objects), nvgrace-rm-control.c.
 *
 * A status is an NV_STATUS. What a correct driver never does is counted as a
 * driver error beside its status (rm_error()). A question whose answer is no is
 * not counted.
 */
#ifndef HW_MISC_NVGRACE_RM_H
#define HW_MISC_NVGRACE_RM_H

#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/queue.h"
#include "qemu/units.h"
#include "nvgrace-gpu-internal.h"
#include "nvgrace-r570.h"

#define RM_OBJECTS_MAX      16384
#define RM_GFIDS            64
#define RM_SEGMENT_SIZE     (32 * MiB)  /* of the VMMU */
#define RM_EGM_PEER         7

/* The firmware's own client, which the static info tells; model only */
#define RM_CLIENT           0xc2000001
#define RM_DEVICE           0xc2000002
#define RM_SUBDEVICE        0xc2000003

typedef struct RmObject RmObject;

struct RmObject {
    uint32_t client, handle, class;
    RmObject *parent;
    QTAILQ_HEAD(, RmObject) children;   /* the newest first */
    QTAILQ_ENTRY(RmObject) sibling;

    union {
        struct {
            bool set;                   /* has a page directory */
            NvGracePdb pdb;
            unsigned channels;          /* that use it */
        } vaspace;
        struct {
            uint32_t engine;
            uint32_t vaspace;           /* handle or 0 */
        } tsg;
        struct {
            uint32_t runlist, chid;
            RmObject *vaspace;
            NvGraceMemDesc notifier;    /* size 0: none */
            bool bound;                 /* to its engine */
            bool dead;                  /* stopped by an error */
        } channel;
        struct {
            uint32_t index;
            uint32_t action;            /* of SET_NOTIFICATION */
        } event;
    };
};

typedef enum {
    RM_GFID_FREE,
    RM_GFID_LOADED,
    RM_GFID_SHUT_DOWN,
} RmGfidState;

typedef struct RmGfid {
    RmGfidState state;
    unsigned nr;
    NvGraceSegment segments[R570_BOOTLOAD_SEGMENTS_MAX];
} RmGfid;

struct NvGraceRm {
    uint64_t serial;            /* changes when all objects go */
    bool have_info, have_registry;
    bool ready;                 /* INIT_DONE was due */
    uint32_t init_status;       /* of what came before INIT_DONE */

    GHashTable *objects;        /* client << 32 | handle -> RmObject */
    RmObject *channels[NVGRACE_RUNLISTS][NVGRACE_CHIDS];

    RmGfid gfids[RM_GFIDS];
    uint8_t (*types)[R570_ADD_TYPE_RECORD];
    unsigned nr_types;

    /* These outlive each reset, as a real GPU's do in its InfoROM */
    uint32_t offlined[R570_OFFLINED_MAX];   /* 64 KiB pages */
    unsigned nr_offlined;
    uint64_t ecc_total;
    uint64_t ecc_errors;        /* since the reset */
};

#define rm_error(gpu, status, ...) \
    (nvgrace_driver_error(gpu, __VA_ARGS__), (uint32_t)(status))

/* nvgrace-rm.c */
bool rm_vgpu(NvGraceGpu *gpu);
/* PF's BAR with number @n of RM's (0 to 2); VF's: that of all VFs' first */
uint64_t rm_bar(NvGraceGpu *gpu, unsigned n);
uint64_t rm_vf_bar(NvGraceGpu *gpu, unsigned n);
void rm_fill_sriov_caps(NvGraceGpu *gpu, uint8_t *caps);
/* [start, end) of the framebuffer that the driver may use */
void rm_free_region(NvGraceGpu *gpu, uint64_t *start, uint64_t *end);
void rm_notify(NvGraceGpu *gpu, uint32_t index, uint32_t data);

/* nvgrace-rm-object.c */
RmObject *rm_object(NvGraceRm *rm, uint32_t client, uint32_t handle);
uint32_t rm_alloc(NvGraceGpu *gpu, uint32_t client, uint32_t parent,
                  uint32_t handle, uint32_t class, const uint8_t *params,
                  uint32_t size);
uint32_t rm_free(NvGraceGpu *gpu, uint32_t client, uint32_t handle);
void rm_internal_objects(NvGraceGpu *gpu);
/* All of them; @running: channels are taken off their engines */
void rm_objects_clear(NvGraceGpu *gpu, bool running);

/* nvgrace-rm-control.c */
uint32_t rm_control(NvGraceGpu *gpu, RmObject *obj, uint32_t cmd,
                    uint8_t *params, uint32_t size);

#endif
