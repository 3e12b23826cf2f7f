/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware of the GPU's device model: what the functions of GSP-RM do, and
 * the events that it tells the host. Messages come from nvgrace-msgq.c; objects
 * are in nvgrace-rm-object.c, controls in nvgrace-rm-control.c.
 *
 * The firmware comes up when GSP_SET_SYSTEM_INFO and SET_REGISTRY, in this
 * order, have told it where it is. It checks both against the PCI functions, and
 * says GSP_INIT_DONE, with a status: after an error there is no other function
 * than UNLOADING_GUEST_DRIVER.
 *
 * Not here: channels (nvgrace-fifo.c), memory (nvgrace-mmu.c), vGPU plugins,
 * which do not exist yet.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie.h"
#include "nvgrace-rm.h"

#define RM_NAME             "NVIDIA GB100 (model)"
#define RM_SHORT_NAME       "GB100"
#define RM_ROOT_SHIFT       56      /* of the v3 page tables' root */
#define RM_OFFLINED_PAGE    (64 * KiB)
#define RM_XID_ECC          63

/* The PCI functions */

bool rm_vgpu(NvGraceGpu *gpu)
{
    return nvgrace_gsp_vf_partitions(gpu) > 0;
}

static uint64_t rm_config_bar(NvGraceGpu *gpu, unsigned reg)
{
    uint64_t bar = pci_get_quad(PCI_DEVICE(gpu)->config + reg);

    return bar & PCI_BASE_ADDRESS_MEM_MASK;
}

/* All are 64-bit: PCI index 0, 2, 4 */
uint64_t rm_bar(NvGraceGpu *gpu, unsigned n)
{
    return rm_config_bar(gpu, PCI_BASE_ADDRESS_0 + n * 8);
}

static uint16_t rm_sriov(NvGraceGpu *gpu)
{
    return PCI_DEVICE(gpu)->exp.sriov_cap;
}

uint64_t rm_vf_bar(NvGraceGpu *gpu, unsigned n)
{
    uint16_t cap = rm_sriov(gpu);

    return cap ? rm_config_bar(gpu, cap + PCI_SRIOV_BAR + n * 8) : 0;
}

static uint8_t rm_vf_bar_64bit(NvGraceGpu *gpu, unsigned n)
{
    uint16_t cap = rm_sriov(gpu);
    const uint8_t *config = PCI_DEVICE(gpu)->config;

    return cap && (config[cap + PCI_SRIOV_BAR + n * 8] &
                   PCI_BASE_ADDRESS_MEM_TYPE_64);
}

static uint16_t rm_vf_offset(NvGraceGpu *gpu)
{
    uint16_t cap = rm_sriov(gpu);

    return cap ? pci_get_word(PCI_DEVICE(gpu)->config + cap +
                              PCI_SRIOV_VF_OFFSET) : 0;
}

void rm_fill_sriov_caps(NvGraceGpu *gpu, uint8_t *caps)
{
    uint64_t sizes[] = { NV_VFN_SIZE, gpu->vf_fb_size, 0 };

    if (!gpu->vfs) {
        return;
    }
    stl_le_p(caps + R570_SRIOV_VFS, gpu->vfs);
    stl_le_p(caps + R570_SRIOV_OFFSET, rm_vf_offset(gpu));
    for (unsigned n = 0; n < 3; n++) {
        stq_le_p(caps + R570_SRIOV_BAR0 + n * 8, rm_vf_bar(gpu, n));
        stq_le_p(caps + R570_SRIOV_SIZE0 + n * 8, sizes[n]);
        caps[R570_SRIOV_64BIT + n] = rm_vf_bar_64bit(gpu, n);
    }
    caps[R570_SRIOV_ENABLED] = rm_vgpu(gpu);
}

/* Up to GSP_INIT_DONE */

static void rm_check_value(NvGraceGpu *gpu, const char *what, uint64_t told,
                           uint64_t is)
{
    if (told != is) {
        nvgrace_driver_error(gpu, "system info: %s is 0x%" PRIx64
                             ", not 0x%" PRIx64, what, is, told);
        gpu->rm->init_status = NV_ERR_INVALID_ARGUMENT;
    }
}

static void rm_check_vfs(NvGraceGpu *gpu, const uint8_t *info)
{
    rm_check_value(gpu, "total VFs", ldl_le_p(info + R570_SYSINFO_VFS),
                   gpu->vfs);
    rm_check_value(gpu, "VF partitions", nvgrace_gsp_vf_partitions(gpu),
                   gpu->vfs);
    rm_check_value(gpu, "first VF offset",
                   ldl_le_p(info + R570_SYSINFO_VF_OFFSET), rm_vf_offset(gpu));
    for (unsigned n = 0; n < 3; n++) {
        g_autofree char *name = g_strdup_printf("VF BAR %u", n);

        rm_check_value(gpu, name, ldq_le_p(info + R570_SYSINFO_VF_BAR0 + n * 8),
                       rm_vf_bar(gpu, n));
        rm_check_value(gpu, name, !!info[R570_SYSINFO_VF_64BIT + n],
                       !!rm_vf_bar_64bit(gpu, n));
    }
}

static void rm_system_info(NvGraceGpu *gpu, const uint8_t *info, size_t len)
{
    PCIDevice *pci = PCI_DEVICE(gpu);
    NvGraceRm *rm = gpu->rm;
    uint64_t page;

    if (rm->have_info) {
        nvgrace_driver_error(gpu, "GSP_SET_SYSTEM_INFO once more");
        return;
    }
    rm->have_info = true;
    if (len != R570_SYSINFO_SIZE) {
        nvgrace_driver_error(gpu, "system info: %zu bytes, not %u", len,
                             R570_SYSINFO_SIZE);
        rm->init_status = NV_ERR_INVALID_PARAM_STRUCT;
        return;
    }
    rm_check_value(gpu, "BAR0", ldq_le_p(info + R570_SYSINFO_BAR0),
                   rm_bar(gpu, 0));
    rm_check_value(gpu, "BAR1", ldq_le_p(info + R570_SYSINFO_BAR1),
                   rm_bar(gpu, 1));
    rm_check_value(gpu, "BAR2", ldq_le_p(info + R570_SYSINFO_BAR2),
                   rm_bar(gpu, 2));
    /* The model does not know its PCI domain */
    rm_check_value(gpu, "bus, device, function",
                   (uint16_t)ldq_le_p(info + R570_SYSINFO_DBDF),
                   pci_get_bdf(pci));
    rm_check_value(gpu, "PCI id",
                   (uint32_t)ldl_le_p(info + R570_SYSINFO_PCI_ID),
                   (uint32_t)pci_get_word(pci->config + PCI_DEVICE_ID) << 16 |
                   pci_get_word(pci->config + PCI_VENDOR_ID));
    rm_check_value(gpu, "subsystem id",
                   (uint32_t)ldl_le_p(info + R570_SYSINFO_SUBSYS_ID),
                   pci_get_long(pci->config + PCI_SUBSYSTEM_VENDOR_ID));
    rm_check_value(gpu, "revision", ldl_le_p(info + R570_SYSINFO_REVISION),
                   pci->config[PCI_REVISION_ID]);
    page = ldq_le_p(info + R570_SYSINFO_PAGE_SIZE);
    if (page < R570_PAGE || !is_power_of_2(page)) {
        nvgrace_driver_error(gpu, "system info: page size 0x%" PRIx64, page);
        rm->init_status = NV_ERR_INVALID_ARGUMENT;
    }
    if (rm_vgpu(gpu)) {
        rm_check_vfs(gpu, info);
    }
}

/*
 * Value of entry @i if it is well-formed and has this name. False: the table is
 * not well-formed.
 */
static bool rm_registry_entry(const uint8_t *table, size_t len, unsigned i,
                              const char **name, uint32_t *val)
{
    const uint8_t *entry = table + R570_REG_ENTRIES + i * R570_REG_ENTRY;
    uint32_t off = ldl_le_p(entry + R570_REG_NAME);

    if (entry[R570_REG_TYPE] != R570_REG_TYPE_DWORD || off >= len ||
        ldl_le_p(entry + R570_REG_LENGTH) != sizeof(uint32_t) ||
        !memchr(table + off, 0, len - off)) {
        return false;
    }
    *name = (const char *)table + off;
    *val = ldl_le_p(entry + R570_REG_DATA);
    return true;
}

static const char *const rm_registry_keys[] = {
    "RMSetSriovMode", "RMSecBusResetEnable", "RMForcePcieConfigSave",
    "RMDevidCheckIgnore",
};

static void rm_registry(NvGraceGpu *gpu, const uint8_t *table, size_t len)
{
    NvGraceRm *rm = gpu->rm;
    uint32_t vals[ARRAY_SIZE(rm_registry_keys)] = { };
    uint32_t count;

    if (rm->have_registry || !rm->have_info) {
        nvgrace_driver_error(gpu, "SET_REGISTRY %s", rm->have_info ?
                             "once more" : "before GSP_SET_SYSTEM_INFO");
        if (rm->have_registry) {
            return;
        }
    }
    rm->have_registry = true;

    count = len >= R570_REG_ENTRIES ? ldl_le_p(table + R570_REG_COUNT) : 0;
    if (len < R570_REG_ENTRIES || ldl_le_p(table + R570_REG_SIZE) != len ||
        count > (len - R570_REG_ENTRIES) / R570_REG_ENTRY) {
        nvgrace_driver_error(gpu, "registry: %zu bytes for %u entries", len,
                             count);
        rm->init_status = NV_ERR_INVALID_PARAM_STRUCT;
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        const char *name;
        uint32_t val;

        if (!rm_registry_entry(table, len, i, &name, &val)) {
            nvgrace_driver_error(gpu, "registry: entry %u", i);
            rm->init_status = NV_ERR_INVALID_PARAM_STRUCT;
            return;
        }
        for (unsigned k = 0; k < ARRAY_SIZE(rm_registry_keys); k++) {
            if (!strcmp(name, rm_registry_keys[k])) {
                vals[k] = val;
            }
        }
    }
    for (unsigned k = 1; k < ARRAY_SIZE(rm_registry_keys); k++) {
        if (vals[k] != 1) {
            nvgrace_driver_error(gpu, "registry: %s is not 1",
                                 rm_registry_keys[k]);
            rm->init_status = NV_ERR_INVALID_STATE;
        }
    }
    if (vals[0] != rm_vgpu(gpu)) {
        nvgrace_driver_error(gpu, "registry: %s is %u with %u VF partitions",
                             rm_registry_keys[0], vals[0],
                             nvgrace_gsp_vf_partitions(gpu));
        rm->init_status = NV_ERR_INVALID_STATE;
    }
}

static void rm_print(NvGraceGpu *gpu, const char *text)
{
    g_autofree uint8_t *msg = NULL;
    size_t len = strlen(text);

    nvgrace_gsp_log(gpu, "%s", text);
    msg = g_malloc0(R570_PRINT_TEXT + len);
    stl_le_p(msg + R570_PRINT_SIZE, len);
    memcpy(msg + R570_PRINT_TEXT, text, len);
    nvgrace_msgq_event(gpu, R570_UCODE_LIBOS_PRINT, msg, R570_PRINT_TEXT + len);
}

static void rm_init_done(NvGraceGpu *gpu)
{
    NvGraceRm *rm = gpu->rm;
    uint32_t nothing = 0;

    if (!rm->have_info || !rm->have_registry || rm->ready) {
        return;
    }
    rm->ready = true;
    rm_print(gpu, "GSP-RM 570.144 of the model");
    rm_internal_objects(gpu);
    if (rm->init_status) {
        nvgrace_gsp_log(gpu, "init failed: 0x%x", rm->init_status);
    }
    if (!nvgrace_inject_take(gpu, NVGRACE_INJECT_INIT_SILENT, NULL)) {
        nvgrace_msgq_event_result(gpu, R570_GSP_INIT_DONE, rm->init_status,
                                  &nothing, sizeof(nothing));
    }
}

/* Functions with a reply */

void rm_free_region(NvGraceGpu *gpu, uint64_t *start, uint64_t *end)
{
    uint64_t firmware_end;

    *start = rm_vgpu(gpu) ? gpu->vfs * gpu->vf_fb_size : 0;
    nvgrace_gsp_reserved(gpu, end, &firmware_end);
    *end = MAX(*end, *start);
}

static unsigned rm_add_region(uint8_t *info, unsigned i, uint64_t start,
                              uint64_t end, bool reserved, bool protected)
{
    uint8_t *region = info + R570_STATIC_REGION + i * R570_REGION;

    if (start >= end) {
        return i;
    }
    stq_le_p(region + R570_REGION_BASE, start);
    stq_le_p(region + R570_REGION_LIMIT, end - 1);
    stq_le_p(region + R570_REGION_RESERVED, reserved ? end - start : 0);
    region[R570_REGION_PROTECTED] = protected;
    return i + 1;
}

static void rm_static_info(NvGraceGpu *gpu, uint32_t sequence, size_t len)
{
    g_autofree uint8_t *info = g_malloc0(R570_STATIC_SIZE);
    uint64_t start, end, fw_start, fw_end;
    unsigned n = 0;

    if (len && len != R570_STATIC_SIZE) {
        nvgrace_driver_error(gpu, "GET_GSP_STATIC_INFO with %zu bytes", len);
    }
    rm_free_region(gpu, &start, &end);
    nvgrace_gsp_reserved(gpu, &fw_start, &fw_end);
    n = rm_add_region(info, n, 0, start, true, false);
    n = rm_add_region(info, n, start, end, false, false);
    n = rm_add_region(info, n, fw_start, fw_end, true, true);
    stl_le_p(info + R570_STATIC_REGIONS, n);

    rm_fill_sriov_caps(gpu, info + R570_STATIC_SRIOV);
    stl_le_p(info + R570_STATIC_MAX_GFID, rm_vgpu(gpu) ? gpu->vfs : 0);
    stl_le_p(info + R570_STATIC_ENGINES,
             MAKE_64BIT_MASK(R570_ENGINE_COPY0, NVGRACE_RUNLISTS));
    stq_le_p(info + R570_STATIC_FB_LENGTH, gpu->fb_size);
    pstrcpy((char *)info + R570_STATIC_NAME, R570_STATIC_NAME_MAX, RM_NAME);
    pstrcpy((char *)info + R570_STATIC_SHORT_NAME, R570_STATIC_NAME_MAX,
            RM_SHORT_NAME);
    for (unsigned i = 0; i < sizeof(RM_NAME); i++) {
        stw_le_p(info + R570_STATIC_UNICODE_NAME + i * 2, RM_NAME[i]);
    }
    stq_le_p(info + R570_STATIC_BAR1_PDB,
             gpu->fb_size - NVGRACE_GPU_BAR1_PDB_FROM_END);
    stq_le_p(info + R570_STATIC_BAR2_PDB,
             gpu->fb_size - NVGRACE_GPU_BAR2_PDB_FROM_END);
    info[R570_STATIC_RETIREMENT] = 1;
    stl_le_p(info + R570_STATIC_CLIENT, RM_CLIENT);
    stl_le_p(info + R570_STATIC_CLIENT + 4, RM_DEVICE);
    stl_le_p(info + R570_STATIC_CLIENT + 8, RM_SUBDEVICE);
    info[R570_STATIC_SELF_HOSTED] = 1;
    nvgrace_msgq_reply(gpu, R570_GET_GSP_STATIC_INFO, sequence, NV_OK, info,
                       R570_STATIC_SIZE);
}

static uint32_t rm_update_bar_pde(NvGraceGpu *gpu, const uint8_t *p, size_t len)
{
    uint32_t bar;
    uint64_t shift;

    if (len != R570_BAR_PDE_SIZE) {
        return rm_error(gpu, NV_ERR_INVALID_PARAM_STRUCT,
                        "UPDATE_BAR_PDE with %zu bytes", len);
    }
    bar = ldl_le_p(p + R570_BAR_PDE_BAR);
    shift = ldq_le_p(p + R570_BAR_PDE_SHIFT);
    if (bar > NVGRACE_APERTURE_INSTANCE || shift != RM_ROOT_SHIFT) {
        return rm_error(gpu, NV_ERR_INVALID_ARGUMENT, "UPDATE_BAR_PDE of BAR "
                        "type %u, shift %" PRIu64, bar, shift);
    }
    nvgrace_aperture_set_pde(gpu, bar, ldq_le_p(p + R570_BAR_PDE_ENTRY));
    return NV_OK;
}

static void rm_unload(NvGraceGpu *gpu, uint32_t sequence, const uint8_t *p,
                      size_t len)
{
    uint32_t level = len == R570_UNLOAD_SIZE ?
                     ldl_le_p(p + R570_UNLOAD_LEVEL) : 0;

    if (len != R570_UNLOAD_SIZE || level != (p[R570_UNLOAD_PM] ? 3 : 0)) {
        nvgrace_driver_error(gpu, "UNLOADING_GUEST_DRIVER with %zu bytes, "
                             "level %u", len, level);
    }
    gpu->rm->ready = false;
    rm_objects_clear(gpu, true);
    nvgrace_gsp_log(gpu, "unloading, level %u", level);
    nvgrace_msgq_reply(gpu, R570_UNLOADING_GUEST_DRIVER, sequence, NV_OK, p,
                       len);
    nvgrace_msgq_last(gpu);
}

static void rm_request_alloc(NvGraceGpu *gpu, uint8_t *p, size_t len)
{
    uint32_t size = ldl_le_p(p + R570_ALLOC_PARAMS_SIZE);
    uint32_t status;

    if (size != len - R570_ALLOC_PARAMS) {
        status = rm_error(gpu, NV_ERR_INVALID_PARAM_STRUCT, "GSP_RM_ALLOC: "
                          "%u bytes of parameters, %zu in the message", size,
                          len - R570_ALLOC_PARAMS);
    } else {
        status = rm_alloc(gpu, ldl_le_p(p + R570_ALLOC_CLIENT),
                          ldl_le_p(p + R570_ALLOC_PARENT),
                          ldl_le_p(p + R570_ALLOC_OBJECT),
                          ldl_le_p(p + R570_ALLOC_CLASS),
                          p + R570_ALLOC_PARAMS, size);
    }
    stl_le_p(p + R570_ALLOC_STATUS, status);
}

static void rm_request_control(NvGraceGpu *gpu, uint8_t *p, size_t len)
{
    uint32_t size = ldl_le_p(p + R570_CTRL_PARAMS_SIZE);
    uint32_t client = ldl_le_p(p + R570_CTRL_CLIENT);
    uint32_t handle = ldl_le_p(p + R570_CTRL_OBJECT);
    uint32_t cmd = ldl_le_p(p + R570_CTRL_CMD);
    RmObject *obj = rm_object(gpu->rm, client, handle);
    uint32_t status;

    if (size != len - R570_CTRL_PARAMS) {
        status = rm_error(gpu, NV_ERR_INVALID_PARAM_STRUCT, "control 0x%x: %u "
                          "bytes of parameters, %zu in the message", cmd, size,
                          len - R570_CTRL_PARAMS);
    } else if (!obj) {
        status = rm_error(gpu, NV_ERR_INVALID_OBJECT_HANDLE,
                          "control 0x%x of object 0x%x of client 0x%x, which "
                          "does not exist", cmd, handle, client);
    } else {
        status = rm_control(gpu, obj, cmd, p + R570_CTRL_PARAMS, size);
    }
    stl_le_p(p + R570_CTRL_STATUS, status);
}

static void rm_request_free(NvGraceGpu *gpu, uint8_t *p, size_t len)
{
    stl_le_p(p + R570_FREE_STATUS,
             rm_free(gpu, ldl_le_p(p + R570_FREE_CLIENT),
                     ldl_le_p(p + R570_FREE_OBJECT)));
}

/* Functions whose reply is the request with some words changed */
static uint32_t rm_dispatch(NvGraceGpu *gpu, uint32_t function, uint8_t *p,
                            size_t len)
{
    static const struct {
        uint32_t function;
        size_t min;
        void (*run)(NvGraceGpu *gpu, uint8_t *p, size_t len);
    } functions[] = {
        { R570_GSP_RM_ALLOC, R570_ALLOC_PARAMS, rm_request_alloc },
        { R570_GSP_RM_CONTROL, R570_CTRL_PARAMS, rm_request_control },
        { R570_FREE, R570_FREE_SIZE, rm_request_free },
    };

    if (function == R570_UPDATE_BAR_PDE) {
        return rm_update_bar_pde(gpu, p, len);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++) {
        if (functions[i].function != function) {
            continue;
        }
        if (len < functions[i].min) {
            return rm_error(gpu, NV_ERR_INVALID_PARAM_STRUCT,
                            "function %u with %zu bytes", function, len);
        }
        functions[i].run(gpu, p, len);
        return NV_OK;
    }
    return NV_ERR_NOT_SUPPORTED;
}

size_t nvgrace_rm_length(uint32_t function, const uint8_t *payload, size_t len)
{
    switch (function) {
    case R570_SET_REGISTRY:
        return len < 4 ? len : (uint32_t)ldl_le_p(payload + R570_REG_SIZE);
    case R570_GSP_RM_ALLOC:
        return len < R570_ALLOC_PARAMS ? len : R570_ALLOC_PARAMS +
               (size_t)(uint32_t)ldl_le_p(payload + R570_ALLOC_PARAMS_SIZE);
    case R570_GSP_RM_CONTROL:
        return len < R570_CTRL_PARAMS ? len : R570_CTRL_PARAMS +
               (size_t)(uint32_t)ldl_le_p(payload + R570_CTRL_PARAMS_SIZE);
    default:
        return len;
    }
}

void nvgrace_rm_request(NvGraceGpu *gpu, uint32_t function, uint32_t sequence,
                        const uint8_t *payload, size_t len)
{
    NvGraceRm *rm = gpu->rm;
    g_autofree uint8_t *reply = NULL;
    uint32_t result;

    if (function == R570_GSP_SET_SYSTEM_INFO) {
        rm_system_info(gpu, payload, len);
        rm_init_done(gpu);
        return;
    }
    if (function == R570_SET_REGISTRY) {
        rm_registry(gpu, payload, len);
        rm_init_done(gpu);
        return;
    }
    if (function == R570_UNLOADING_GUEST_DRIVER) {
        rm_unload(gpu, sequence, payload, len);
        return;
    }
    if (!rm->ready || rm->init_status) {
        nvgrace_driver_error(gpu, "function %u %s", function, rm->ready ?
                             "after a failed GSP_INIT_DONE" :
                             "before GSP_INIT_DONE");
        nvgrace_msgq_reply(gpu, function, sequence, NV_ERR_NOT_READY, payload,
                           len);
        return;
    }
    if (function == R570_GET_GSP_STATIC_INFO) {
        rm_static_info(gpu, sequence, len);
        return;
    }
    reply = g_memdup2(payload, len);
    result = rm_dispatch(gpu, function, reply, len);
    /* The GPU may be reset or unplugged by now */
    nvgrace_msgq_reply(gpu, function, sequence, result, reply, len);
}

/* Events */

void rm_notify(NvGraceGpu *gpu, uint32_t index, uint32_t data)
{
    uint8_t event[R570_POST_EVENT_SIZE];
    GHashTableIter iter;
    gpointer val;

    g_hash_table_iter_init(&iter, gpu->rm->objects);
    while (g_hash_table_iter_next(&iter, NULL, &val)) {
        RmObject *obj = val;

        if (obj->class != R570_CLASS_EVENT || obj->event.index != index ||
            !obj->event.action) {
            continue;
        }
        if (obj->event.action == 1) {
            obj->event.action = 0;
        }
        memset(event, 0, sizeof(event));
        stl_le_p(event + R570_POST_CLIENT, obj->client);
        stl_le_p(event + R570_POST_HANDLE, obj->handle);
        stl_le_p(event + R570_POST_INDEX, index);
        stl_le_p(event + R570_POST_DATA, data);
        nvgrace_msgq_event(gpu, R570_POST_EVENT, event, sizeof(event));
    }
}

/* NvNotification: ns u64, info32, info16, status u16 */
static void rm_error_notifier(NvGraceGpu *gpu, const NvGraceMemDesc *mem,
                              uint32_t type)
{
    uint8_t notification[R570_NOTIFIER_BYTES];

    if (!mem->size) {
        return;
    }
    stq_le_p(notification, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    stl_le_p(notification + 8, type);
    stw_le_p(notification + 12, 0);
    stw_le_p(notification + 14, 0xffff);
    if (nvgrace_mmu_access(&gpu->fn, mem->space, 0, mem->addr, notification,
                           sizeof(notification), true) &&
        nvgrace_gpu_master(gpu)) {
        nvgrace_driver_error(gpu, "error notifier at 0x%" PRIx64
                             " cannot be written", mem->addr);
    }
}

void nvgrace_rm_rc(NvGraceGpu *gpu, const NvGraceRc *rc)
{
    uint8_t event[R570_RC_SIZE] = { };
    RmObject *channel = NULL;

    if (rc->runlist < NVGRACE_RUNLISTS && rc->chid < NVGRACE_CHIDS) {
        channel = gpu->rm->channels[rc->runlist][rc->chid];
    }
    stl_le_p(event + R570_RC_ENGINE, R570_ENGINE_COPY0 + rc->runlist);
    stl_le_p(event + R570_RC_CHID, rc->chid);
    stl_le_p(event + R570_RC_GFID, rc->gfid);
    stl_le_p(event + R570_RC_TYPE, rc->type);
    stl_le_p(event + R570_RC_ADDR_LO, rc->addr);
    stl_le_p(event + R570_RC_ADDR_HI, rc->addr >> 32);
    stl_le_p(event + R570_RC_FAULT_TYPE, rc->fault_type);
    nvgrace_gsp_log(gpu, "RC: runlist %u channel %u type %u", rc->runlist,
                    rc->chid, rc->type);
    if (!nvgrace_inject_take(gpu, NVGRACE_INJECT_LOST_RC, NULL)) {
        nvgrace_msgq_event(gpu, R570_RC_TRIGGERED, event, sizeof(event));
    }
    rm_notify(gpu, R570_NOTIFY_RC_ERROR, rc->type);
    if (channel) {
        NvGraceMemDesc notifier = channel->channel.notifier;

        channel->channel.dead = true;
        rm_error_notifier(gpu, &notifier, rc->type);
    }
}

void nvgrace_rm_mmu_fault_queued(NvGraceGpu *gpu)
{
    nvgrace_msgq_event(gpu, R570_MMU_FAULT_QUEUED, NULL, 0);
}

void nvgrace_rm_xid(NvGraceGpu *gpu, uint32_t xid, uint32_t chid,
                    const char *text)
{
    uint8_t event[R570_XID_SIZE] = { };

    stl_le_p(event + R570_XID_NUMBER, xid);
    stl_le_p(event + R570_XID_RUNLIST, UINT32_MAX);
    stl_le_p(event + R570_XID_CHID, chid);
    pstrcpy((char *)event + R570_XID_TEXT, R570_XID_TEXT_MAX, text);
    nvgrace_gsp_log(gpu, "Xid %u: %s", xid, text);
    nvgrace_msgq_event(gpu, R570_OS_ERROR_LOG, event, sizeof(event));
}

static bool rm_offline(NvGraceGpu *gpu, uint32_t page)
{
    NvGraceRm *rm = gpu->rm;

    for (unsigned i = 0; i < rm->nr_offlined; i++) {
        if (rm->offlined[i] == page) {
            return true;
        }
    }
    if (page >= gpu->fb_size / RM_OFFLINED_PAGE ||
        rm->nr_offlined == R570_OFFLINED_MAX) {
        return false;
    }
    rm->offlined[rm->nr_offlined++] = page;
    return true;
}

void nvgrace_rm_ecc(NvGraceGpu *gpu, uint32_t page)
{
    g_autofree char *text = NULL;

    if (!rm_offline(gpu, page)) {
        nvgrace_gsp_log(gpu, "page 0x%x cannot be retired", page);
        return;
    }
    gpu->rm->ecc_errors++;
    gpu->rm->ecc_total++;
    text = g_strdup_printf("page 0x%x of 64 KiB retired after a double-bit "
                           "error", page);
    nvgrace_rm_xid(gpu, RM_XID_ECC, UINT32_MAX, text);
    rm_notify(gpu, R570_NOTIFY_ECC_DBE, page);
}

/* Start and end */

static void rm_offline_property(NvGraceGpu *gpu)
{
    g_auto(GStrv) pages = g_strsplit(gpu->fb_retired ?: "", ":", -1);

    for (char **s = pages; *s; s++) {
        unsigned page;

        if (**s && (qemu_strtoui(*s, NULL, 16, &page) ||
                    !rm_offline(gpu, page))) {
            warn_report("nvgrace-gpu: fb-retired: no 64 KiB page '%s'", *s);
        }
    }
}

void nvgrace_rm_reset(NvGraceGpu *gpu)
{
    NvGraceRm *rm = gpu->rm;

    rm_objects_clear(gpu, false);
    rm->have_info = rm->have_registry = rm->ready = false;
    rm->init_status = NV_OK;
    rm->ecc_errors = 0;
}

void nvgrace_rm_init(NvGraceGpu *gpu)
{
    gpu->rm = g_new0(NvGraceRm, 1);
    gpu->rm->objects = g_hash_table_new_full(g_int64_hash, g_int64_equal,
                                             g_free, NULL);
    rm_offline_property(gpu);
}

void nvgrace_rm_exit(NvGraceGpu *gpu)
{
    rm_objects_clear(gpu, false);
    g_hash_table_unref(gpu->rm->objects);
    g_clear_pointer(&gpu->rm, g_free);
}
