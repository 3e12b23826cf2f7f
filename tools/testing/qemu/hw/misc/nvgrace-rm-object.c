/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RM's objects in the GPU's device model: a tree for each client, and what is
 * checked when an object is made or freed.
 *
 *   client 0x0
 *     device 0x80
 *       subdevice 0x2080
 *         event 0x7e, usermode 0xc661
 *       address space 0x90f1
 *       channel group 0xa06c
 *         channel 0xc96f (or directly below the device)
 *           copy engine 0xc9b5
 *
 * Stricter than the real RM: each class has its parent, each structure its
 * size, and an address space is not freed below its channels. Freeing an object
 * frees what is below it; channels are taken off their engines when the objects
 * are gone already, because that is DMA, which can reset the GPU or unplug it.
 *
 * What can be done with an object is nvgrace-rm-control.c's.
 */
#include "qemu/osdep.h"
#include "nvgrace-rm.h"

#define RM_GPFIFO_ENTRIES_MAX   (1u << 20)

static uint64_t rm_key(uint32_t client, uint32_t handle)
{
    return (uint64_t)client << 32 | handle;
}

RmObject *rm_object(NvGraceRm *rm, uint32_t client, uint32_t handle)
{
    uint64_t key = rm_key(client, handle);

    return g_hash_table_lookup(rm->objects, &key);
}

/* Making objects: @obj has its place, @params their right size */

static uint32_t rm_alloc_root(NvGraceGpu *gpu, RmObject *obj, const uint8_t *p)
{
    if (ldl_le_p(p) != obj->handle) {
        return rm_error(gpu, NV_ERR_INVALID_CLIENT, "client 0x%x: its "
                        "parameters say 0x%x", obj->handle, ldl_le_p(p));
    }
    return NV_OK;
}

/* Device and subdevice: number 0 alone exists */
static uint32_t rm_alloc_device(NvGraceGpu *gpu, RmObject *obj,
                                const uint8_t *p)
{
    if (ldl_le_p(p)) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "class 0x%x: number %u",
                        obj->class, ldl_le_p(p));
    }
    return NV_OK;
}

static uint32_t rm_alloc_event(NvGraceGpu *gpu, RmObject *obj, const uint8_t *p)
{
    uint16_t index = lduw_le_p(p + R570_EVENT_INDEX);

    if (ldl_le_p(p + R570_EVENT_CLASS) != R570_CLASS_EVENT ||
        index >= R570_NOTIFY_MAX) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "event of class 0x%x, "
                        "index %u", ldl_le_p(p + R570_EVENT_CLASS), index);
    }
    obj->event.index = index;
    return NV_OK;
}

static uint32_t rm_alloc_vaspace(NvGraceGpu *gpu, RmObject *obj,
                                 const uint8_t *p)
{
    if (!(ldl_le_p(p + R570_VASPACE_FLAGS) & R570_VASPACE_EXTERNAL)) {
        return rm_error(gpu, NV_ERR_NOT_SUPPORTED,
                        "address space that is not externally owned");
    }
    return NV_OK;
}

static bool rm_engine_valid(uint32_t engine)
{
    return engine >= R570_ENGINE_COPY0 &&
           engine < R570_ENGINE_COPY0 + NVGRACE_RUNLISTS;
}

/* An address space beside the object, named in its parameters */
static RmObject *rm_vaspace(NvGraceGpu *gpu, RmObject *obj, uint32_t handle)
{
    RmObject *vaspace = rm_object(gpu->rm, obj->client, handle);

    return vaspace && vaspace->class == R570_CLASS_VASPACE ? vaspace : NULL;
}

static uint32_t rm_alloc_tsg(NvGraceGpu *gpu, RmObject *obj, const uint8_t *p)
{
    uint32_t vaspace = ldl_le_p(p + R570_TSG_VASPACE);

    obj->tsg.engine = ldl_le_p(p + R570_TSG_ENGINE);
    obj->tsg.vaspace = vaspace;
    if (!rm_engine_valid(obj->tsg.engine)) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "channel group on engine "
                        "type 0x%x", obj->tsg.engine);
    }
    if (vaspace && !rm_vaspace(gpu, obj, vaspace)) {
        return rm_error(gpu, NV_ERR_INVALID_OBJECT_HANDLE, "channel group with "
                        "address space 0x%x", vaspace);
    }
    return NV_OK;
}

/* False: the descriptor makes no sense */
static bool rm_mem(const uint8_t *p, uint64_t align, NvGraceMemDesc *mem)
{
    uint32_t space = ldl_le_p(p + R570_MEM_SPACE);

    mem->addr = ldq_le_p(p + R570_MEM_BASE);
    mem->size = ldq_le_p(p + R570_MEM_BYTES);
    mem->space = space == R570_MEM_FB ? NVGRACE_SPACE_FB : NVGRACE_SPACE_SYSMEM;
    return (space == R570_MEM_FB || space == R570_MEM_SYSMEM) &&
           !(mem->addr % align);
}

static uint32_t rm_channel_memory(NvGraceGpu *gpu, const uint8_t *p,
                                  NvGraceChannelParams *c)
{
    NvGraceMemDesc ramfc;
    const char *wrong = NULL;

    if (!rm_mem(p + R570_CHANNEL_INST, R570_INST_BYTES, &c->inst) ||
        c->inst.size != R570_INST_BYTES) {
        wrong = "instance block";
    } else if (!rm_mem(p + R570_CHANNEL_RAMFC, 1, &ramfc) ||
               ramfc.space != c->inst.space || ramfc.addr != c->inst.addr ||
               ramfc.size != R570_RAMFC_BYTES) {
        wrong = "RAMFC";
    } else if (!rm_mem(p + R570_CHANNEL_USERD, R570_USERD_BYTES, &c->userd) ||
               c->userd.size < R570_USERD_BYTES) {
        wrong = "USERD";
    } else if (!rm_mem(p + R570_CHANNEL_METHODS, R570_PAGE,
                       &c->method_buffer) ||
               c->method_buffer.size < R570_METHODS_BYTES) {
        wrong = "method buffer";
    } else if (ldq_le_p(p + R570_CHANNEL_NOTIFIER + R570_MEM_BYTES) &&
               (!rm_mem(p + R570_CHANNEL_NOTIFIER, R570_NOTIFIER_BYTES,
                        &c->notifier) ||
                c->notifier.size < R570_NOTIFIER_BYTES)) {
        wrong = "error notifier";
    }
    if (wrong) {
        return rm_error(gpu, NV_ERR_INVALID_ADDRESS, "channel %u: its %s",
                        c->chid, wrong);
    }
    return NV_OK;
}

/* Where it runs: engine and address space, of its own or of its group */
static uint32_t rm_channel_place(NvGraceGpu *gpu, RmObject *obj,
                                 const uint8_t *p, NvGraceChannelParams *c)
{
    uint32_t engine = ldl_le_p(p + R570_CHANNEL_ENGINE);
    uint32_t handle = ldl_le_p(p + R570_CHANNEL_VASPACE);
    RmObject *vaspace;

    if (obj->parent->class == R570_CLASS_TSG) {
        if (engine != obj->parent->tsg.engine) {
            return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "channel of engine "
                            "type 0x%x in a group of 0x%x", engine,
                            obj->parent->tsg.engine);
        }
        handle = handle ?: obj->parent->tsg.vaspace;
    }
    if (!rm_engine_valid(engine) || c->chid >= NVGRACE_CHIDS) {
        return rm_error(gpu, NV_ERR_INVALID_CHANNEL, "channel %u of engine "
                        "type 0x%x", c->chid, engine);
    }
    c->runlist = engine - R570_ENGINE_COPY0;
    if (gpu->rm->channels[c->runlist][c->chid]) {
        return rm_error(gpu, NV_ERR_IN_USE, "channel %u of runlist %u is in "
                        "use", c->chid, c->runlist);
    }
    vaspace = rm_vaspace(gpu, obj, handle);
    if (!vaspace) {
        return rm_error(gpu, NV_ERR_INVALID_OBJECT_HANDLE, "channel %u with "
                        "address space 0x%x", c->chid, handle);
    }
    if (!vaspace->vaspace.set) {
        return rm_error(gpu, NV_ERR_INVALID_STATE, "channel %u: its address "
                        "space has no page directory", c->chid);
    }
    c->pdb = vaspace->vaspace.pdb;
    obj->channel.vaspace = vaspace;
    return NV_OK;
}

static uint32_t rm_alloc_channel(NvGraceGpu *gpu, RmObject *obj,
                                 const uint8_t *p)
{
    NvGraceRm *rm = gpu->rm;
    uint64_t serial = rm->serial;
    NvGraceChannelParams c = {
        .chid = ldl_le_p(p + R570_CHANNEL_CHID),
        .privileged = ldl_le_p(p + R570_CHANNEL_FLAGS) &
                      R570_CHANNEL_PRIVILEGED,
        .gpfifo = ldq_le_p(p + R570_CHANNEL_GPFIFO),
        .entries = ldl_le_p(p + R570_CHANNEL_ENTRIES),
    };
    uint32_t status = rm_channel_place(gpu, obj, p, &c);

    if (!status) {
        status = rm_channel_memory(gpu, p, &c);
    }
    if (status) {
        return status;
    }
    if (!is_power_of_2(c.entries) || c.entries > RM_GPFIFO_ENTRIES_MAX ||
        c.gpfifo % 8) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "channel %u: %u GP "
                        "entries at 0x%" PRIx64, c.chid, c.entries, c.gpfifo);
    }
    if (!nvgrace_fifo_channel_create(gpu, &c)) {
        return rm_error(gpu, NV_ERR_INVALID_ADDRESS, "channel %u cannot be: "
                        "its memory is not there, or not zero", c.chid);
    }
    /* That was DMA: the GPU may have been reset, and the channel with it */
    if (gpu->rm != rm || rm->serial != serial) {
        return NV_ERR_INVALID_STATE;
    }
    obj->channel.runlist = c.runlist;
    obj->channel.chid = c.chid;
    obj->channel.notifier = c.notifier;
    obj->channel.vaspace->vaspace.channels++;
    rm->channels[c.runlist][c.chid] = obj;
    return NV_OK;
}

static uint32_t rm_alloc_copy(NvGraceGpu *gpu, RmObject *obj, const uint8_t *p)
{
    RmObject *channel = obj->parent;
    uint32_t engine = ldl_le_p(p + R570_COPY_ENGINE);

    if (engine != R570_ENGINE_COPY0 + channel->channel.runlist) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "engine type 0x%x on "
                        "channel %u of runlist %u", engine,
                        channel->channel.chid, channel->channel.runlist);
    }
    if (!channel->channel.bound) {
        return rm_error(gpu, NV_ERR_INVALID_STATE, "engine object on channel "
                        "%u before BIND", channel->channel.chid);
    }
    nvgrace_fifo_channel_object(gpu, channel->channel.runlist,
                                channel->channel.chid, obj->class);
    return NV_OK;
}

typedef struct RmClass {
    uint32_t class;
    uint32_t parents[2];        /* the same twice: one */
    uint32_t sizes[2];          /* of the parameters, bytes */
    uint32_t (*alloc)(NvGraceGpu *gpu, RmObject *obj, const uint8_t *params);
} RmClass;

static const RmClass rm_classes[] = {
    { R570_CLASS_ROOT, { },
      { R570_ROOT_SIZE, R570_ROOT_SIZE_LONG }, rm_alloc_root },
    { R570_CLASS_DEVICE, { R570_CLASS_ROOT, R570_CLASS_ROOT },
      { R570_DEVICE_SIZE, R570_DEVICE_SIZE }, rm_alloc_device },
    { R570_CLASS_SUBDEVICE, { R570_CLASS_DEVICE, R570_CLASS_DEVICE },
      { R570_SUBDEVICE_SIZE, R570_SUBDEVICE_SIZE }, rm_alloc_device },
    { R570_CLASS_EVENT, { R570_CLASS_SUBDEVICE, R570_CLASS_SUBDEVICE },
      { R570_EVENT_SIZE, R570_EVENT_SIZE }, rm_alloc_event },
    { R570_CLASS_USERMODE, { R570_CLASS_SUBDEVICE, R570_CLASS_SUBDEVICE },
      { 0, 0 }, NULL },
    { R570_CLASS_VASPACE, { R570_CLASS_DEVICE, R570_CLASS_DEVICE },
      { R570_VASPACE_SIZE, R570_VASPACE_SIZE }, rm_alloc_vaspace },
    { R570_CLASS_TSG, { R570_CLASS_DEVICE, R570_CLASS_DEVICE },
      { R570_TSG_SIZE, R570_TSG_SIZE }, rm_alloc_tsg },
    { R570_CLASS_GPFIFO, { R570_CLASS_TSG, R570_CLASS_DEVICE },
      { R570_CHANNEL_SIZE, R570_CHANNEL_SIZE }, rm_alloc_channel },
    { R570_CLASS_COPY, { R570_CLASS_GPFIFO, R570_CLASS_GPFIFO },
      { R570_COPY_SIZE, R570_COPY_SIZE }, rm_alloc_copy },
};

static const RmClass *rm_class(uint32_t class)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rm_classes); i++) {
        if (rm_classes[i].class == class) {
            return &rm_classes[i];
        }
    }
    return NULL;
}

static void rm_insert(NvGraceRm *rm, RmObject *obj)
{
    uint64_t *key = g_new(uint64_t, 1);

    *key = rm_key(obj->client, obj->handle);
    g_hash_table_insert(rm->objects, key, obj);
    if (obj->parent) {
        QTAILQ_INSERT_HEAD(&obj->parent->children, obj, sibling);
    }
}

static RmObject *rm_new(uint32_t client, RmObject *parent, uint32_t handle,
                        uint32_t class)
{
    RmObject *obj = g_new0(RmObject, 1);

    obj->client = client;
    obj->handle = handle;
    obj->class = class;
    obj->parent = parent;
    QTAILQ_INIT(&obj->children);
    return obj;
}

/* Where an object may be made; @parent_obj is NULL for a client */
static uint32_t rm_check_place(NvGraceGpu *gpu, const RmClass *class,
                               uint32_t client, uint32_t parent,
                               uint32_t handle, RmObject **parent_obj)
{
    NvGraceRm *rm = gpu->rm;

    *parent_obj = NULL;
    if (!handle || rm_object(rm, client, handle)) {
        return rm_error(gpu, NV_ERR_INSERT_DUPLICATE, "handle 0x%x of client "
                        "0x%x is in use", handle, client);
    }
    if (class->class == R570_CLASS_ROOT) {
        if (client != handle || (parent && parent != handle)) {
            return rm_error(gpu, NV_ERR_INVALID_CLIENT, "client 0x%x as 0x%x "
                            "below 0x%x", client, handle, parent);
        }
        return NV_OK;
    }
    if (!rm_object(rm, client, client)) {
        return rm_error(gpu, NV_ERR_INVALID_CLIENT, "client 0x%x does not "
                        "exist", client);
    }
    *parent_obj = rm_object(rm, client, parent);
    if (!*parent_obj || ((*parent_obj)->class != class->parents[0] &&
                         (*parent_obj)->class != class->parents[1])) {
        return rm_error(gpu, NV_ERR_INVALID_OBJECT_PARENT, "object of class "
                        "0x%x below 0x%x", class->class, parent);
    }
    return NV_OK;
}

uint32_t rm_alloc(NvGraceGpu *gpu, uint32_t client, uint32_t parent,
                  uint32_t handle, uint32_t class, const uint8_t *params,
                  uint32_t size)
{
    NvGraceRm *rm = gpu->rm;
    const RmClass *c = rm_class(class);
    RmObject *parent_obj, *obj;
    uint32_t status;

    if (!c) {
        return NV_ERR_INVALID_CLASS;
    }
    if (g_hash_table_size(rm->objects) >= RM_OBJECTS_MAX) {
        return NV_ERR_NO_MEMORY;
    }
    status = rm_check_place(gpu, c, client, parent, handle, &parent_obj);
    if (status) {
        return status;
    }
    if (size != c->sizes[0] && size != c->sizes[1]) {
        return rm_error(gpu, NV_ERR_INVALID_PARAM_STRUCT, "class 0x%x: %u "
                        "bytes of parameters, not %u", class, size,
                        c->sizes[0]);
    }
    obj = rm_new(client, parent_obj, handle, class);
    status = c->alloc ? c->alloc(gpu, obj, params) : NV_OK;
    if (status) {
        g_free(obj);
        return status;
    }
    rm_insert(rm, obj);
    return NV_OK;
}

void rm_internal_objects(NvGraceGpu *gpu)
{
    NvGraceRm *rm = gpu->rm;
    RmObject *client = rm_new(RM_CLIENT, NULL, RM_CLIENT, R570_CLASS_ROOT);
    RmObject *device = rm_new(RM_CLIENT, client, RM_DEVICE, R570_CLASS_DEVICE);

    rm_insert(rm, client);
    rm_insert(rm, device);
    rm_insert(rm, rm_new(RM_CLIENT, device, RM_SUBDEVICE,
                         R570_CLASS_SUBDEVICE));
}

/* Freeing */

typedef struct RmGone {         /* what the hardware has to forget */
    GArray *channels;           /* runlist << 16 | chid */
    GArray *pdbs;
} RmGone;

static void rm_forget(NvGraceRm *rm, RmObject *obj, RmGone *gone)
{
    uint64_t key = rm_key(obj->client, obj->handle);
    RmObject *child;

    while ((child = QTAILQ_FIRST(&obj->children))) {
        rm_forget(rm, child, gone);
    }
    if (obj->class == R570_CLASS_GPFIFO) {
        uint32_t id = obj->channel.runlist << 16 | obj->channel.chid;

        g_array_append_val(gone->channels, id);
        rm->channels[obj->channel.runlist][obj->channel.chid] = NULL;
        if (obj->channel.vaspace) {
            obj->channel.vaspace->vaspace.channels--;
        }
    } else if (obj->class == R570_CLASS_VASPACE) {
        /* Its channels go with it, but may come later in the tree */
        for (unsigned i = 0; obj->vaspace.channels && i < NVGRACE_RUNLISTS;
             i++) {
            for (unsigned j = 0; j < NVGRACE_CHIDS; j++) {
                RmObject *channel = rm->channels[i][j];

                if (channel && channel->channel.vaspace == obj) {
                    channel->channel.vaspace = NULL;
                }
            }
        }
        if (obj->vaspace.set) {
            g_array_append_val(gone->pdbs, obj->vaspace.pdb);
        }
    }
    if (obj->parent) {
        QTAILQ_REMOVE(&obj->parent->children, obj, sibling);
    }
    g_hash_table_remove(rm->objects, &key);
    g_free(obj);
}

static void rm_gone_init(RmGone *gone)
{
    gone->channels = g_array_new(false, false, sizeof(uint32_t));
    gone->pdbs = g_array_new(false, false, sizeof(NvGracePdb));
}

/* @running: the hardware has them still. It may be unplugged by what it does */
static void rm_gone(NvGraceGpu *gpu, RmGone *gone, bool running)
{
    NvGraceRm *rm = gpu->rm;
    uint64_t serial = rm->serial;

    for (unsigned i = 0; running && i < gone->channels->len; i++) {
        uint32_t id = g_array_index(gone->channels, uint32_t, i);

        nvgrace_fifo_channel_destroy(gpu, id >> 16, id & 0xffff);
        running = gpu->rm == rm && rm->serial == serial;
    }
    for (unsigned i = 0; running && i < gone->pdbs->len; i++) {
        nvgrace_mmu_invalidate(gpu, &g_array_index(gone->pdbs, NvGracePdb, i));
    }
    g_array_unref(gone->channels);
    g_array_unref(gone->pdbs);
}

uint32_t rm_free(NvGraceGpu *gpu, uint32_t client, uint32_t handle)
{
    RmObject *obj = rm_object(gpu->rm, client, handle);
    RmGone gone;

    if (!obj) {
        return rm_error(gpu, NV_ERR_OBJECT_NOT_FOUND, "FREE of 0x%x of client "
                        "0x%x, which does not exist", handle, client);
    }
    if (client == RM_CLIENT && (handle == RM_CLIENT || handle == RM_DEVICE ||
                                handle == RM_SUBDEVICE)) {
        return rm_error(gpu, NV_ERR_INSUFFICIENT_PERMISSIONS,
                        "FREE of the firmware's own object 0x%x", handle);
    }
    if (obj->class == R570_CLASS_VASPACE && obj->vaspace.channels) {
        return rm_error(gpu, NV_ERR_INVALID_STATE, "FREE of address space 0x%x "
                        "below %u channels", handle, obj->vaspace.channels);
    }
    rm_gone_init(&gone);
    rm_forget(gpu->rm, obj, &gone);
    rm_gone(gpu, &gone, true);
    return NV_OK;
}

static RmObject *rm_any_client(NvGraceRm *rm)
{
    GHashTableIter iter;
    gpointer val;

    g_hash_table_iter_init(&iter, rm->objects);
    while (g_hash_table_iter_next(&iter, NULL, &val)) {
        RmObject *obj = val;

        if (!obj->parent) {
            return obj;
        }
    }
    return NULL;
}

void rm_objects_clear(NvGraceGpu *gpu, bool running)
{
    NvGraceRm *rm = gpu->rm;
    RmObject *client;
    RmGone gone;

    rm_gone_init(&gone);
    while ((client = rm_any_client(rm))) {
        rm_forget(rm, client, &gone);
    }
    for (unsigned gfid = 0; gfid < RM_GFIDS; gfid++) {
        if (running && rm->gfids[gfid].state == RM_GFID_LOADED) {
            nvgrace_vmmu_set_default(gpu, gfid);
        }
        rm->gfids[gfid].state = RM_GFID_FREE;
    }
    g_clear_pointer(&rm->types, g_free);
    rm->nr_types = 0;
    rm->serial++;
    rm_gone(gpu, &gone, running);
}
