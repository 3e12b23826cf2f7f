/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RM's controls in the GPU's device model: what can be asked of an object and
 * what can be told it. A control belongs to a class and has a structure of one
 * size, which is read and written in place. A control that the model does not
 * know is not supported, which is an answer, not a driver error.
 *
 * Numbers in tables that no public source gives are the model's own: vectors,
 * places of runlists, the order of the table's rows.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "nvgrace-rm.h"

#define RM_CALL_DEVICES     8       /* rows of the table in one answer */
#define RM_ENGINES          NVGRACE_RUNLISTS
#define RM_INVALID          UINT32_MAX

/* Engine descriptors: class of the engine's object 31:8, instance 7:0 */
#define RM_ENGDESC_CE       0x793ceb00
#define RM_ENGDESC_GSP      0x311d4e00
#define RM_DEV_TYPE_CE      0x13
#define RM_MC_CE0           15
#define RM_MC_GSP           50
#define RM_MC_REPLAYABLE    59
#define RM_MC_NON_REPLAYABLE 61
#define RM_FAULT_GSP        2
#define RM_FAULT_CE0        65
#define RM_FAULT_HOST0      85
#define RM_RC_CE0           39

/* The model's vectors, but for GSP's */
#define RM_VECTOR_CE        0       /* non-stall, of engine 0 */
#define RM_VECTOR_CE_STALL  32
#define RM_VECTOR_FAULT     64
#define RM_VECTOR_REPLAYABLE 65
#define RM_VECTOR_GSP       155

#define RM_CE_CAPS0         (0x04 | 0x08 | 0x20)    /* system memory */
#define RM_CE_CAPS1         0x40                    /* scrub */

static uint32_t rm_schedule(NvGraceGpu *gpu, RmObject *channel, bool enable)
{
    if (!channel->channel.bound) {
        return rm_error(gpu, NV_ERR_INVALID_STATE, "SCHEDULE of channel %u "
                        "before BIND", channel->channel.chid);
    }
    if (channel->channel.dead && enable) {
        return NV_ERR_INVALID_STATE;
    }
    nvgrace_fifo_channel_enable(gpu, channel->channel.runlist,
                                channel->channel.chid, enable);
    return NV_OK;
}

static uint32_t rm_bind(NvGraceGpu *gpu, RmObject *channel, uint32_t engine)
{
    if (engine != R570_ENGINE_COPY0 + channel->channel.runlist) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "BIND of channel %u of "
                        "runlist %u to engine type 0x%x", channel->channel.chid,
                        channel->channel.runlist, engine);
    }
    channel->channel.bound = true;
    return NV_OK;
}

/* Channels and groups of them */

static uint32_t ctrl_channel_schedule(NvGraceGpu *gpu, RmObject *obj,
                                      uint8_t *p, uint32_t size)
{
    return rm_schedule(gpu, obj, p[0]);
}

static uint32_t ctrl_channel_bind(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                  uint32_t size)
{
    return rm_bind(gpu, obj, ldl_le_p(p));
}

static uint32_t ctrl_token(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                           uint32_t size)
{
    if (!obj->channel.bound) {
        return rm_error(gpu, NV_ERR_INVALID_STATE, "token of channel %u before "
                        "BIND", obj->channel.chid);
    }
    stl_le_p(p, obj->channel.runlist << 16 | obj->channel.chid);
    return NV_OK;
}

/* The channels of a group now, as runlist << 16 | chid */
static GArray *rm_tsg_channels(RmObject *tsg)
{
    GArray *ids = g_array_new(false, false, sizeof(uint32_t));
    RmObject *child;

    QTAILQ_FOREACH(child, &tsg->children, sibling) {
        uint32_t id = child->channel.runlist << 16 | child->channel.chid;

        g_array_append_val(ids, id);
    }
    return ids;
}

typedef uint32_t RmEachChannel(NvGraceGpu *gpu, RmObject *channel,
                               uint32_t arg);

/* What it does can make channels go, so each is looked up again */
static uint32_t rm_tsg_each(NvGraceGpu *gpu, RmObject *tsg,
                            RmEachChannel *each, uint32_t arg)
{
    g_autoptr(GArray) ids = rm_tsg_channels(tsg);
    uint32_t status = NV_OK;

    for (unsigned i = 0; gpu->rm && i < ids->len; i++) {
        uint32_t id = g_array_index(ids, uint32_t, i);
        RmObject *channel = gpu->rm->channels[id >> 16][id & 0xffff];
        uint32_t ret = channel ? each(gpu, channel, arg) : NV_OK;

        status = status ?: ret;
    }
    return status;
}

static uint32_t each_schedule(NvGraceGpu *gpu, RmObject *channel, uint32_t arg)
{
    return rm_schedule(gpu, channel, arg);
}

static uint32_t each_bind(NvGraceGpu *gpu, RmObject *channel, uint32_t arg)
{
    return rm_bind(gpu, channel, arg);
}

static uint32_t each_preempt(NvGraceGpu *gpu, RmObject *channel, uint32_t arg)
{
    return nvgrace_fifo_channel_preempt(gpu, channel->channel.runlist,
                                        channel->channel.chid) ?
           NV_OK : NV_ERR_TIMEOUT;
}

static uint32_t ctrl_tsg_schedule(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                  uint32_t size)
{
    return rm_tsg_each(gpu, obj, each_schedule, p[0]);
}

static uint32_t ctrl_tsg_bind(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                              uint32_t size)
{
    return rm_tsg_each(gpu, obj, each_bind, ldl_le_p(p));
}

static uint32_t ctrl_tsg_preempt(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                 uint32_t size)
{
    uint32_t us = ldl_le_p(p + R570_PREEMPT_TIMEOUT);

    if (p[R570_PREEMPT_MANUAL] && us > R570_PREEMPT_TIMEOUT_MAX) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "PREEMPT with a time "
                        "limit of %u us", us);
    }
    return rm_tsg_each(gpu, obj, each_preempt, 0);
}

/* Address spaces */

static RmObject *rm_ctrl_vaspace(NvGraceGpu *gpu, RmObject *device,
                                 uint32_t handle, const char *what,
                                 uint32_t *status)
{
    RmObject *vaspace = rm_object(gpu->rm, device->client, handle);

    if (!vaspace || vaspace->class != R570_CLASS_VASPACE) {
        *status = rm_error(gpu, NV_ERR_INVALID_OBJECT_HANDLE,
                           "%s of 0x%x, no address space", what, handle);
        return NULL;
    }
    if (vaspace->vaspace.channels) {
        *status = rm_error(gpu, NV_ERR_INVALID_STATE, "%s below %u channels",
                           what, vaspace->vaspace.channels);
        return NULL;
    }
    return vaspace;
}

static uint32_t ctrl_set_pd(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                            uint32_t size)
{
    static const NvGraceSpace spaces[] = {
        NVGRACE_SPACE_FB, NVGRACE_SPACE_SYSMEM, NVGRACE_SPACE_SYSMEM_NC,
    };
    uint64_t addr = ldq_le_p(p + R570_SET_PD_ADDR);
    uint32_t aperture = ldl_le_p(p + R570_SET_PD_FLAGS) & 3;
    uint32_t status = NV_OK;
    RmObject *vaspace;

    vaspace = rm_ctrl_vaspace(gpu, obj, ldl_le_p(p + R570_SET_PD_VASPACE),
                              "SET_PAGE_DIRECTORY", &status);
    if (!vaspace) {
        return status;
    }
    if (aperture >= ARRAY_SIZE(spaces) || addr % R570_PAGE ||
        (!aperture && addr > gpu->fb_size - R570_PAGE)) {
        return rm_error(gpu, NV_ERR_INVALID_ADDRESS, "page directory at 0x%"
                        PRIx64 " of aperture %u", addr, aperture);
    }
    vaspace->vaspace.set = true;
    vaspace->vaspace.pdb = (NvGracePdb) { spaces[aperture], addr };
    return NV_OK;
}

static uint32_t ctrl_unset_pd(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                              uint32_t size)
{
    uint32_t status = NV_OK;
    RmObject *vaspace = rm_ctrl_vaspace(gpu, obj, ldl_le_p(p),
                                        "UNSET_PAGE_DIRECTORY", &status);

    if (!vaspace) {
        return status;
    }
    if (!vaspace->vaspace.set) {
        return rm_error(gpu, NV_ERR_INVALID_STATE, "UNSET_PAGE_DIRECTORY where "
                        "none is set");
    }
    vaspace->vaspace.set = false;
    nvgrace_mmu_invalidate(gpu, &vaspace->vaspace.pdb);
    return NV_OK;
}

/* What the GPU has */

static uint32_t ctrl_sriov_caps(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                uint32_t size)
{
    memset(p, 0, size);
    rm_fill_sriov_caps(gpu, p);
    return NV_OK;
}

typedef uint32_t RmInfo(NvGraceGpu *gpu, uint32_t index);

/* A list of pairs {index, data}, behind their number */
static uint32_t rm_info_list(NvGraceGpu *gpu, uint8_t *p, uint32_t max,
                             RmInfo *info)
{
    uint32_t count = ldl_le_p(p);

    if (count > max) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "information: a list of "
                        "%u entries", count);
    }
    for (unsigned i = 0; i < count; i++) {
        uint8_t *pair = p + 4 + i * 8;

        stl_le_p(pair + 4, info(gpu, ldl_le_p(pair)));
    }
    return NV_OK;
}

static uint32_t rm_gpu_info(NvGraceGpu *gpu, uint32_t index)
{
    switch (index) {
    case R570_GPU_INFO_EGM:
        return gpu->egm.size ? 1 | RM_EGM_PEER << 1 : 0;
    case R570_GPU_INFO_SELF_HOSTED:
        return 1;
    default:
        return 0;
    }
}

static uint32_t rm_fb_info(NvGraceGpu *gpu, uint32_t index)
{
    uint64_t start, end;

    rm_free_region(gpu, &start, &end);
    switch (index) {
    case R570_FB_INFO_BAR1:
    case R570_FB_INFO_RAM:
    case R570_FB_INFO_TOTAL:
        return gpu->fb_size / KiB;
    case R570_FB_INFO_HEAP:
    case R570_FB_INFO_HEAP_FREE:
    case R570_FB_INFO_USABLE:
        return (end - start) / KiB;
    case R570_FB_INFO_HEAP_START:
        return start / KiB;
    default:
        return 0;
    }
}

static uint32_t ctrl_gpu_info(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                              uint32_t size)
{
    return rm_info_list(gpu, p, R570_GPU_INFO_MAX, rm_gpu_info);
}

static uint32_t ctrl_fb_info(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                             uint32_t size)
{
    return rm_info_list(gpu, p, R570_FB_INFO_MAX, rm_fb_info);
}

static uint32_t ctrl_ecc(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                         uint32_t size)
{
    memset(p, 0, size);
    memset(p + R570_ECC_ENABLED, 1, 3);
    stq_le_p(p + R570_ECC_DBE, gpu->rm->ecc_errors);
    stq_le_p(p + R570_ECC_DBE_TOTAL, gpu->rm->ecc_total);
    return NV_OK;
}

static uint32_t ctrl_offlined(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                              uint32_t size)
{
    NvGraceRm *rm = gpu->rm;
    uint32_t base = ldl_le_p(p + R570_OFFLINED_BASE);
    uint32_t n;

    if (base > rm->nr_offlined) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "offlined pages from "
                        "number %u", base);
    }
    memset(p, 0, size);
    n = MIN(rm->nr_offlined - base, R570_OFFLINED_ENTRIES);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *entry = p + i * R570_OFFLINED_ENTRY;

        stq_le_p(entry, (uint64_t)rm->offlined[base + i] * (64 * KiB) /
                        R570_PAGE);
        entry[8] = R570_OFFLINED_DBE;
    }
    stl_le_p(p + R570_OFFLINED_VALID, n);
    stl_le_p(p + R570_OFFLINED_BASE, base);
    p[R570_OFFLINED_MORE] = base + n < rm->nr_offlined;
    return NV_OK;
}

static uint32_t ctrl_segment_size(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                  uint32_t size)
{
    stq_le_p(p, RM_SEGMENT_SIZE);
    return NV_OK;
}

static uint32_t ctrl_num_channels(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                  uint32_t size)
{
    uint32_t runlist = ldl_le_p(p);

    if (runlist >= NVGRACE_RUNLISTS) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "channels of runlist %u",
                        runlist);
    }
    stl_le_p(p + 4, NVGRACE_CHIDS);
    return NV_OK;
}

static void rm_device_gsp(uint8_t *entry)
{
    const uint32_t data[16] = {
        RM_ENGDESC_GSP, RM_INVALID, RM_INVALID, RM_INVALID, RM_FAULT_GSP,
        RM_INVALID, RM_INVALID, RM_INVALID, RM_MC_GSP, RM_INVALID, 0,
        RM_INVALID, 0, RM_INVALID, RM_INVALID, 0
    };

    for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
        stl_le_p(entry + i * 4, data[i]);
    }
    pstrcpy((char *)entry + R570_DEVICE_NAME, 16, "GSP");
}

static void rm_device_ce(uint8_t *entry, unsigned ce)
{
    const uint32_t data[16] = {
        RM_ENGDESC_CE | ce, ce, R570_ENGINE_COPY0 + ce, ce, RM_FAULT_CE0 + ce,
        RM_RC_CE0 + ce, RM_INVALID, ce, RM_MC_CE0 + ce, RM_DEV_TYPE_CE, ce,
        NVGRACE_GPU_RUNLIST_PRI(ce), 1, 0, NVGRACE_GPU_RUNLIST_CHRAM(ce), 0
    };

    for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
        stl_le_p(entry + i * 4, data[i]);
    }
    stl_le_p(entry + R570_DEVICE_PBDMA, ce);
    stl_le_p(entry + R570_DEVICE_PBDMA_FAULT, RM_FAULT_HOST0 + ce);
    stl_le_p(entry + R570_DEVICE_PBDMAS, 1);
    snprintf((char *)entry + R570_DEVICE_NAME, 16, "CE%u", ce);
}

/* Row 0 is GSP, which takes no channels; copy engines follow */
static uint32_t ctrl_device_info(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                 uint32_t size)
{
    uint32_t base = ldl_le_p(p + R570_DEVICE_BASE);
    uint32_t n;

    if (base > RM_ENGINES) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "device info from row %u",
                        base);
    }
    memset(p, 0, size);
    n = MIN(RM_ENGINES + 1 - base, RM_CALL_DEVICES);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *entry = p + R570_DEVICE_ENTRIES + i * R570_DEVICE_ENTRY;

        if (base + i) {
            rm_device_ce(entry, base + i - 1);
        } else {
            rm_device_gsp(entry);
        }
    }
    stl_le_p(p + R570_DEVICE_BASE, base);
    stl_le_p(p + R570_DEVICE_COUNT, n);
    p[R570_DEVICE_MORE] = base + n < RM_ENGINES + 1;
    return NV_OK;
}

static void rm_add_intr(uint8_t *p, uint16_t mc, uint32_t stall,
                        uint32_t nonstall)
{
    uint32_t n = ldl_le_p(p);
    uint8_t *entry = p + R570_INTR_ENTRIES + n * R570_INTR_ENTRY;

    stw_le_p(entry + R570_INTR_MC, mc);
    stl_le_p(entry + R570_INTR_STALL, stall);
    stl_le_p(entry + R570_INTR_NONSTALL, nonstall);
    stl_le_p(p, n + 1);
}

static uint32_t ctrl_intr_table(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                uint32_t size)
{
    memset(p, 0, size);
    for (unsigned i = 0; i < RM_ENGINES; i++) {
        rm_add_intr(p, RM_MC_CE0 + i, RM_VECTOR_CE_STALL + i, RM_VECTOR_CE + i);
    }
    rm_add_intr(p, RM_MC_GSP, RM_VECTOR_GSP, R570_INTR_NONE);
    rm_add_intr(p, RM_MC_REPLAYABLE, RM_VECTOR_REPLAYABLE, R570_INTR_NONE);
    rm_add_intr(p, RM_MC_NON_REPLAYABLE, RM_VECTOR_FAULT, R570_INTR_NONE);
    return NV_OK;
}

static uint32_t ctrl_ce_caps(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                             uint32_t size)
{
    uint32_t engine = ldl_le_p(p);

    if (engine < R570_ENGINE_COPY0 ||
        engine >= R570_ENGINE_COPY0 + RM_ENGINES) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "copy engine's caps of "
                        "engine type 0x%x", engine);
    }
    p[4] = RM_CE_CAPS0;
    p[5] = RM_CE_CAPS1;
    return NV_OK;
}

static uint32_t ctrl_all_ce_caps(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                 uint32_t size)
{
    memset(p, 0, size);
    for (unsigned i = 0; i < RM_ENGINES; i++) {
        p[i * 2] = RM_CE_CAPS0;
        p[i * 2 + 1] = RM_CE_CAPS1;
    }
    stq_le_p(p + R570_CE_PRESENT, MAKE_64BIT_MASK(0, RM_ENGINES));
    return NV_OK;
}

static uint32_t ctrl_methods_size(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                  uint32_t size)
{
    stl_le_p(p, R570_METHODS_BYTES);
    return NV_OK;
}

/* What the GPU is told */

static uint32_t ctrl_egm(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                         uint32_t size)
{
    uint32_t peer = ldl_le_p(p);

    if (!gpu->egm.size) {
        return NV_ERR_NOT_SUPPORTED;
    }
    if (peer != RM_EGM_PEER) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "HSHUB_EGM_CONFIG with "
                        "peer %u", peer);
    }
    nvgrace_mmu_set_egm_peer(gpu, peer);
    return NV_OK;
}

static uint32_t ctrl_notification(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                                  uint32_t size)
{
    uint32_t index = ldl_le_p(p + R570_NOTIFICATION_EVENT);
    uint32_t action = ldl_le_p(p + R570_NOTIFICATION_ACTION);
    bool found = false;
    RmObject *child;

    if (action > 2) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "notification %u: action "
                        "%u", index, action);
    }
    QTAILQ_FOREACH(child, &obj->children, sibling) {
        if (child->class == R570_CLASS_EVENT && child->event.index == index) {
            child->event.action = action;
            found = true;
        }
    }
    return found ? NV_OK : rm_error(gpu, NV_ERR_INVALID_STATE,
                                    "notification %u without an event", index);
}

/* vGPUs: types are kept, segments are set; there is no plugin yet */

static uint32_t rm_type(NvGraceRm *rm, unsigned i)
{
    return ldl_le_p(rm->types[i]);
}

static uint32_t ctrl_add_type(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                              uint32_t size)
{
    NvGraceRm *rm = gpu->rm;
    uint32_t count = size < R570_ADD_TYPE_RECORDS ? 0 :
                     ldl_le_p(p + R570_ADD_TYPE_COUNT);

    if (size < R570_ADD_TYPE_RECORDS || count > R570_ADD_TYPE_MAX ||
        size < R570_ADD_TYPE_RECORDS + count * R570_ADD_TYPE_RECORD) {
        return rm_error(gpu, NV_ERR_INVALID_PARAM_STRUCT, "%u vGPU types in %u "
                        "bytes", count, size);
    }
    if (p[R570_ADD_TYPE_DISCARD]) {
        rm->nr_types = 0;
    }
    if (!rm->types) {
        rm->types = g_malloc0(R570_ADD_TYPE_MAX * R570_ADD_TYPE_RECORD);
    }
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *record = p + R570_ADD_TYPE_RECORDS +
                                i * R570_ADD_TYPE_RECORD;
        unsigned slot = 0;

        while (slot < rm->nr_types && rm_type(rm, slot) != ldl_le_p(record)) {
            slot++;
        }
        if (slot == R570_ADD_TYPE_MAX) {
            return rm_error(gpu, NV_ERR_INSUFFICIENT_RESOURCES,
                            "more than %u vGPU types", R570_ADD_TYPE_MAX);
        }
        memcpy(rm->types[slot], record, R570_ADD_TYPE_RECORD);
        rm->nr_types = MAX(rm->nr_types, slot + 1);
    }
    return NV_OK;
}

static bool rm_overlap(const NvGraceSegment *s, unsigned nr, uint64_t start,
                       uint64_t len)
{
    for (unsigned i = 0; i < nr; i++) {
        if (start < s[i].start + s[i].len && s[i].start < start + len) {
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with a segment that @gfid shall have */
static const char *rm_segment_wrong(NvGraceGpu *gpu, const RmGfid *to,
                                    uint64_t start, uint64_t len)
{
    NvGraceRm *rm = gpu->rm;
    uint64_t fw_start, fw_end;

    if (!len || start % RM_SEGMENT_SIZE || len % RM_SEGMENT_SIZE) {
        return "is not of VMMU segments";
    }
    nvgrace_gsp_reserved(gpu, &fw_start, &fw_end);
    if (start > gpu->fb_size || len > gpu->fb_size - start ||
        (start < fw_end && fw_start < start + len)) {
        return "is not in the free framebuffer";
    }
    if (rm_overlap(to->segments, to->nr, start, len)) {
        return "is there twice";
    }
    for (unsigned gfid = 1; gfid < RM_GFIDS; gfid++) {
        const RmGfid *other = &rm->gfids[gfid];

        if (other != to && other->state == RM_GFID_LOADED &&
            rm_overlap(other->segments, other->nr, start, len)) {
            return "belongs to another vGPU";
        }
    }
    return NULL;
}

/* The vGPU of @gfid must be in one of two states; NULL: it is not */
static RmGfid *rm_gfid(NvGraceGpu *gpu, uint32_t gfid, RmGfidState a,
                       RmGfidState b, uint32_t *status)
{
    RmGfid *g = &gpu->rm->gfids[gfid % RM_GFIDS];

    if (!rm_vgpu(gpu)) {
        *status = NV_ERR_NOT_SUPPORTED;
        return NULL;
    }
    if (!gfid || gfid > gpu->vfs || gfid >= RM_GFIDS) {
        *status = rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "gfid %u", gfid);
        return NULL;
    }
    if (g->state != a && g->state != b) {
        *status = rm_error(gpu, NV_ERR_INVALID_STATE, "vGPU of gfid %u is in "
                           "state %u", gfid, g->state);
        return NULL;
    }
    return g;
}

static uint32_t ctrl_bootload(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                              uint32_t size)
{
    uint32_t gfid = ldl_le_p(p + R570_BOOTLOAD_GFID);
    uint32_t nr = ldl_le_p(p + R570_BOOTLOAD_SEGMENTS);
    uint32_t status = NV_OK;
    RmGfid *g = rm_gfid(gpu, gfid, RM_GFID_FREE, RM_GFID_FREE, &status);

    if (!g) {
        return status;
    }
    if (!nr || nr > R570_BOOTLOAD_SEGMENTS_MAX) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "BOOTLOAD of gfid %u "
                        "with %u segments", gfid, nr);
    }
    g->nr = 0;
    for (unsigned i = 0; i < nr; i++) {
        uint64_t start = ldq_le_p(p + R570_BOOTLOAD_ADDRS + i * 8);
        uint64_t len = ldq_le_p(p + R570_BOOTLOAD_LENGTHS + i * 8);
        const char *wrong = rm_segment_wrong(gpu, g, start, len);

        if (wrong) {
            return rm_error(gpu, NV_ERR_INVALID_ADDRESS, "BOOTLOAD of gfid %u: "
                            "0x%" PRIx64 "+0x%" PRIx64 " %s", gfid, start, len,
                            wrong);
        }
        g->segments[g->nr++] = (NvGraceSegment) { start, len };
    }
    g->state = RM_GFID_LOADED;
    nvgrace_vmmu_set(gpu, gfid, g->segments, g->nr);
    return NV_OK;
}

static uint32_t ctrl_shutdown(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                              uint32_t size)
{
    uint32_t gfid = ldl_le_p(p);
    uint32_t status = NV_OK;
    RmGfid *g = rm_gfid(gpu, gfid, RM_GFID_LOADED, RM_GFID_LOADED, &status);

    if (!g) {
        return status;
    }
    g->state = RM_GFID_SHUT_DOWN;
    nvgrace_vmmu_set_default(gpu, gfid);
    return NV_OK;
}

static uint32_t ctrl_cleanup(NvGraceGpu *gpu, RmObject *obj, uint8_t *p,
                             uint32_t size)
{
    uint32_t gfid = ldl_le_p(p);
    uint32_t status = NV_OK;
    RmGfid *g = rm_gfid(gpu, gfid, RM_GFID_LOADED, RM_GFID_SHUT_DOWN, &status);

    if (!g) {
        return status;
    }
    g->state = RM_GFID_FREE;
    nvgrace_vmmu_set_default(gpu, gfid);
    return NV_OK;
}

typedef struct RmControl {
    uint32_t cmd, class;
    uint32_t size;              /* of the structure; 0: the control checks */
    uint32_t (*run)(NvGraceGpu *gpu, RmObject *obj, uint8_t *p, uint32_t size);
} RmControl;

static const RmControl rm_controls[] = {
    { R570_GET_SRIOV_CAPS, R570_CLASS_DEVICE, R570_SRIOV_CAPS_SIZE,
      ctrl_sriov_caps },
    { R570_SET_PAGE_DIRECTORY, R570_CLASS_DEVICE, R570_SET_PD_SIZE,
      ctrl_set_pd },
    { R570_UNSET_PAGE_DIRECTORY, R570_CLASS_DEVICE, R570_UNSET_PD_SIZE,
      ctrl_unset_pd },
    { R570_GPU_GET_INFO_V2, R570_CLASS_SUBDEVICE, R570_GPU_GET_INFO_SIZE,
      ctrl_gpu_info },
    { R570_QUERY_ECC_STATUS, R570_CLASS_SUBDEVICE, R570_ECC_SIZE, ctrl_ecc },
    { R570_VMMU_SEGMENT_SIZE, R570_CLASS_SUBDEVICE,
      R570_VMMU_SEGMENT_SIZE_SIZE, ctrl_segment_size },
    { R570_SET_NOTIFICATION, R570_CLASS_SUBDEVICE, R570_SET_NOTIFICATION_SIZE,
      ctrl_notification },
    { R570_INTR_TABLE, R570_CLASS_SUBDEVICE, R570_INTR_TABLE_SIZE,
      ctrl_intr_table },
    { R570_NUM_CHANNELS, R570_CLASS_SUBDEVICE, R570_NUM_CHANNELS_SIZE,
      ctrl_num_channels },
    { R570_HSHUB_EGM_CONFIG, R570_CLASS_SUBDEVICE, R570_HSHUB_EGM_SIZE,
      ctrl_egm },
    { R570_DEVICE_INFO_TABLE, R570_CLASS_SUBDEVICE, R570_DEVICE_INFO_SIZE,
      ctrl_device_info },
    { R570_FB_GET_INFO_V2, R570_CLASS_SUBDEVICE, R570_FB_GET_INFO_SIZE,
      ctrl_fb_info },
    { R570_OFFLINED_PAGES, R570_CLASS_SUBDEVICE, R570_OFFLINED_SIZE,
      ctrl_offlined },
    { R570_CE_GET_CAPS_V2, R570_CLASS_SUBDEVICE, R570_CE_GET_CAPS_SIZE,
      ctrl_ce_caps },
    { R570_CE_METHODS_SIZE, R570_CLASS_SUBDEVICE, R570_CE_METHODS_SIZE_SIZE,
      ctrl_methods_size },
    { R570_CE_GET_ALL_CAPS, R570_CLASS_SUBDEVICE, R570_CE_GET_ALL_CAPS_SIZE,
      ctrl_all_ce_caps },
    { R570_VGPU_BOOTLOAD, R570_CLASS_SUBDEVICE, R570_VGPU_BOOTLOAD_SIZE,
      ctrl_bootload },
    { R570_VGPU_SHUTDOWN, R570_CLASS_SUBDEVICE, R570_VGPU_GFID_SIZE,
      ctrl_shutdown },
    { R570_VGPU_ADD_TYPE, R570_CLASS_SUBDEVICE, 0, ctrl_add_type },
    { R570_VGPU_CLEANUP, R570_CLASS_SUBDEVICE, R570_VGPU_GFID_SIZE,
      ctrl_cleanup },
    { R570_TSG_SCHEDULE, R570_CLASS_TSG, R570_SCHEDULE_SIZE,
      ctrl_tsg_schedule },
    { R570_TSG_BIND, R570_CLASS_TSG, R570_BIND_SIZE, ctrl_tsg_bind },
    { R570_TSG_PREEMPT, R570_CLASS_TSG, R570_PREEMPT_SIZE, ctrl_tsg_preempt },
    { R570_CHANNEL_SCHEDULE, R570_CLASS_GPFIFO, R570_SCHEDULE_SIZE,
      ctrl_channel_schedule },
    { R570_CHANNEL_BIND, R570_CLASS_GPFIFO, R570_BIND_SIZE,
      ctrl_channel_bind },
    { R570_WORK_SUBMIT_TOKEN, R570_CLASS_GPFIFO, R570_TOKEN_SIZE, ctrl_token },
};

uint32_t rm_control(NvGraceGpu *gpu, RmObject *obj, uint32_t cmd,
                    uint8_t *params, uint32_t size)
{
    const RmControl *c = NULL;

    for (unsigned i = 0; i < ARRAY_SIZE(rm_controls); i++) {
        if (rm_controls[i].cmd == cmd) {
            c = &rm_controls[i];
        }
    }
    if (!c) {
        nvgrace_gsp_log(gpu, "control 0x%x is not known", cmd);
        return NV_ERR_NOT_SUPPORTED;
    }
    if (obj->class != c->class) {
        return rm_error(gpu, NV_ERR_INVALID_OBJECT_HANDLE, "control 0x%x of an "
                        "object of class 0x%x", cmd, obj->class);
    }
    if (c->size && size != c->size) {
        return rm_error(gpu, NV_ERR_INVALID_PARAM_STRUCT, "control 0x%x: %u "
                        "bytes, not %u", cmd, size, c->size);
    }
    return c->run(gpu, obj, params, size);
}
