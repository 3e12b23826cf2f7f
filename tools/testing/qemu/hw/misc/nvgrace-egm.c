/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended GPU memory (EGM): RAM outside the machine's memory map, and the
 * firmware properties on the GPU's PCI function that tell of it.
 *
 * The RAM is in no /memory node, so the guest learns of it from nowhere else.
 * It starts with garbage where a kernel that forgets to zero would show it.
 * Behind the RAM lies one 64 KiB page with the table of retired pages: a count,
 * then physical addresses, each retiring 64 KiB; all are little endian u64.
 *
 * The properties go into the machine's device tree, below the host bridge and
 * one node for each port on the way: Linux gives every PCI device the node of
 * its place. For UEFI firmware, which leaves the device tree aside, they are
 * the _DSD of the function's node in ACPI's namespace, too. What firmware says
 * can be bent with the x-egm-fw-* properties; nothing checks that it makes
 * sense.
 *
 * The GPU's own path to EGM (peer 7 of its page tables) is in nvgrace-mmu.c; by
 * DMA a function reaches it as any device does.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "exec/address-spaces.h"
#include "hw/acpi/aml-build.h"
#include "hw/boards.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci-host/gpex.h"
#include "system/device_tree.h"
#include "nvgrace-gpu-internal.h"

#define EGM_GRANULE         (64 * KiB)
#define EGM_TABLE_SIZE      EGM_GRANULE
#define EGM_TABLE_MAX       (EGM_TABLE_SIZE / sizeof(uint64_t) - 1)

/* Garbage: the first granule of each 2 MiB, up to 64 MiB */
#define EGM_DIRTY_STEP      (2 * MiB)
#define EGM_DIRTY_END       (64 * MiB)
#define EGM_DIRTY_BYTE      0xdb

/* "Device properties", in the list of UUIDs for _DSD */
#define EGM_DSD_PROPERTIES  "DAFFD814-6EBA-4D8C-8A91-BC9BBF4AA301"

static void egm_make_dirty(NvGraceEgm *egm)
{
    uint8_t *ram = memory_region_get_ram_ptr(&egm->ram);
    uint64_t end = MIN(egm->size, EGM_DIRTY_END);

    for (uint64_t off = 0; off < end; off += EGM_DIRTY_STEP) {
        memset(ram + off, EGM_DIRTY_BYTE, MIN(EGM_GRANULE, egm->size - off));
    }
}

/* A property that overrides @val when it is set */
static bool egm_override(const char *name, const char *str, uint64_t *val,
                         Error **errp)
{
    if (str && qemu_strtou64(str, NULL, 0, val)) {
        error_setg(errp, "%s=%s is not a 64-bit number", name, str);
        return false;
    }
    return true;
}

static bool egm_fill_table(NvGraceEgm *egm, Error **errp)
{
    uint64_t *table = memory_region_get_ram_ptr(&egm->table);
    g_auto(GStrv) offsets = g_strsplit(egm->retired ?: "", ":", -1);
    uint64_t count = 0;

    for (char **s = offsets; *s; s++) {
        uint64_t off;

        if (!**s) {
            continue;
        }
        if (qemu_strtou64(*s, NULL, 16, &off)) {
            error_setg(errp, "egm-retired: '%s' is not a hexadecimal offset",
                       *s);
            return false;
        }
        if (count == EGM_TABLE_MAX) {
            error_setg(errp, "egm-retired: more than %zu pages",
                       (size_t)EGM_TABLE_MAX);
            return false;
        }
        table[++count] = cpu_to_le64(egm->base + off);
    }
    if (!egm_override("x-egm-fw-retired-count", egm->fw_retired_count, &count,
                      errp)) {
        return false;
    }
    table[0] = cpu_to_le64(count);
    return true;
}

static bool egm_add_ram(NvGraceEgm *egm, PCIDevice *pci, Error **errp)
{
    MemoryRegion *sysmem = get_system_memory();
    uint64_t end = egm->base + egm->size;
    MemoryRegionSection there = memory_region_find(sysmem, egm->base,
                                                   egm->size + EGM_TABLE_SIZE);

    if (there.mr) {
        error_setg(errp, "egm-base=0x%" PRIx64 " egm-size=0x%" PRIx64
                   " and the 64 KiB behind overlap '%s' at 0x%" PRIx64
                   "; choose another egm-base", egm->base, egm->size,
                   memory_region_name(there.mr),
                   (uint64_t)there.offset_within_address_space);
        memory_region_unref(there.mr);
        return false;
    }
    if (!memory_region_init_ram_flags_nomigrate(&egm->ram, OBJECT(pci),
                                                "nvgrace-egm", egm->size,
                                                RAM_NORESERVE, errp) ||
        !memory_region_init_ram_nomigrate(&egm->table, OBJECT(pci),
                                          "nvgrace-egm-retired",
                                          EGM_TABLE_SIZE, errp) ||
        !egm_fill_table(egm, errp)) {
        return false;
    }
    if (egm->dirty) {
        egm_make_dirty(egm);
    }
    memory_region_add_subregion(sysmem, egm->base, &egm->ram);
    memory_region_add_subregion(sysmem, end, &egm->table);
    return true;
}

/*
 * Path of the device tree node for @dev, made when it does not exist, with the
 * nodes of all bridges above. NULL with @errp set when the host bridge is not
 * in the tree.
 */
static char *egm_fdt_node(void *fdt, PCIDevice *dev, Error **errp)
{
    PCIBus *bus = pci_get_bus(dev);
    bool bridge = IS_PCI_BRIDGE(dev);
    g_autofree char *parent = NULL;
    char *path;

    if (!pci_bus_is_root(bus)) {
        parent = egm_fdt_node(fdt, pci_bridge_get_device(bus), errp);
    } else if (object_dynamic_cast(OBJECT(BUS(bus)->parent), TYPE_GPEX_HOST)) {
        g_auto(GStrv) hosts = qemu_fdt_node_path(fdt, NULL,
                                                 "pci-host-ecam-generic", errp);

        if (hosts && !hosts[0]) {
            error_setg(errp, "the device tree has no PCIe host bridge");
        }
        parent = hosts ? g_strdup(hosts[0]) : NULL;
    } else {
        error_setg(errp, "'%s' hangs on a host bridge that the device tree "
                   "does not show: egm-size needs pcie.0 or a port of it",
                   dev->name);
    }
    if (!parent) {
        return NULL;
    }

    path = g_strdup_printf(PCI_FUNC(dev->devfn) ? "%s/%s@%x,%x" : "%s/%s@%x",
                           parent, bridge ? "pcie" : "gpu",
                           PCI_SLOT(dev->devfn), PCI_FUNC(dev->devfn));
    qemu_fdt_add_path(fdt, path);
    qemu_fdt_setprop_cells(fdt, path, "reg", dev->devfn << 8, 0, 0, 0, 0);
    if (bridge) {
        qemu_fdt_setprop_string(fdt, path, "device_type", "pci");
        qemu_fdt_setprop_cell(fdt, path, "#address-cells", 3);
        qemu_fdt_setprop_cell(fdt, path, "#size-cells", 2);
        qemu_fdt_setprop(fdt, path, "ranges", NULL, 0);
    }
    return path;
}

/* What firmware tells, into egm->props */
static bool egm_fill_props(NvGraceEgm *egm, Error **errp)
{
    g_auto(GStrv) omit = g_strsplit(egm->fw_omit ?: "", ":", -1);
    const struct {
        const char *name, *override_name, *override;
        uint64_t val;
    } props[] = {
        { "nvidia,egm-base-pa", "x-egm-fw-base", egm->fw_base, egm->base },
        { "nvidia,egm-size", "x-egm-fw-size", egm->fw_size, egm->size },
        { "nvidia,egm-pxm", "x-egm-fw-pxm", egm->fw_pxm, egm->pxm },
        { "nvidia,egm-retired-pages-data-base", "x-egm-fw-retired",
          egm->fw_retired, egm->base + egm->size },
    };

    QEMU_BUILD_BUG_ON(ARRAY_SIZE(props) != ARRAY_SIZE(egm->props));
    for (int i = 0; i < ARRAY_SIZE(props); i++) {
        NvGraceEgmProp prop = { props[i].name, props[i].val };

        if (!egm_override(props[i].override_name, props[i].override, &prop.val,
                          errp)) {
            return false;
        }
        if (!g_strv_contains((const char **)omit, prop.name)) {
            egm->props[egm->nr_props++] = prop;
        }
    }
    return true;
}

static bool egm_add_firmware(NvGraceEgm *egm, PCIDevice *pci, Error **errp)
{
    void *fdt = MACHINE(qdev_get_machine())->fdt;
    g_autofree char *path = NULL;

    if (!fdt) {
        error_setg(errp, "egm-size: this machine has no device tree");
        return false;
    }
    path = egm_fdt_node(fdt, pci, errp);
    if (!path) {
        return false;
    }
    for (int i = 0; i < egm->nr_props; i++) {
        qemu_fdt_setprop_u64(fdt, path, egm->props[i].name, egm->props[i].val);
    }
    return true;
}

void nvgrace_egm_build_aml(NvGraceEgm *egm, Aml *dev)
{
    Aml *dsd, *props;

    if (!egm->nr_props) {
        return;
    }
    props = aml_package(egm->nr_props);
    for (int i = 0; i < egm->nr_props; i++) {
        Aml *prop = aml_package(2);

        aml_append(prop, aml_string("%s", egm->props[i].name));
        aml_append(prop, aml_int(egm->props[i].val));
        aml_append(props, prop);
    }
    dsd = aml_package(2);
    aml_append(dsd, aml_touuid(EGM_DSD_PROPERTIES));
    aml_append(dsd, props);
    aml_append(dev, aml_name_decl("_DSD", dsd));
}

bool nvgrace_egm_init(NvGraceEgm *egm, PCIDevice *pci, Error **errp)
{
    if (!egm->size) {
        return true;
    }
    if (egm->base % EGM_GRANULE || egm->size % EGM_GRANULE ||
        egm->size > INT64_MAX - EGM_TABLE_SIZE ||
        egm->base > INT64_MAX - EGM_TABLE_SIZE - egm->size) {
        error_setg(errp, "egm-base=0x%" PRIx64 " egm-size=0x%" PRIx64
                   " must be multiples of 64 KiB and end below 2^63",
                   egm->base, egm->size);
        return false;
    }
    if (!egm->has_ram && (egm->retired || egm->fw_retired_count)) {
        error_setg(errp, "egm-retired needs egm-ram=on: the table belongs to "
                   "the GPU that has the RAM");
        return false;
    }
    return (!egm->has_ram || egm_add_ram(egm, pci, errp)) &&
           egm_fill_props(egm, errp) && egm_add_firmware(egm, pci, errp);
}

void nvgrace_egm_exit(NvGraceEgm *egm)
{
    if (egm->size && egm->has_ram) {
        memory_region_del_subregion(get_system_memory(), &egm->table);
        memory_region_del_subregion(get_system_memory(), &egm->ram);
    }
}
