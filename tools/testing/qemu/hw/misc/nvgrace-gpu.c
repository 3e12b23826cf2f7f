/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device model of a GPU with SR-IOV, shaped after NVIDIA's GB100: the PCI
 * functions, their BARs and capabilities, and the registers of the PF alone.
 *
 *   PF  BAR0  16 MiB of registers; the function's page at NV_PF_VFN_BASE
 *       BAR2  the whole framebuffer
 *   VF  BAR0  the function's page
 *       BAR2  its slice of the framebuffer: VF i has [i, i + 1) * vf-fb-size
 *
 * The page that every function has is in nvgrace-vfn.c, the copy engine in
 * nvgrace-ce.c, the memory of the GPU's socket in nvgrace-egm.c. Numbers shared
 * with guest programs are in nvgrace-gpu-regs.h.
 *
 * Not here: GSP and its queues, channels, page tables, the instance BAR (index
 * 4), ATS and PASID (QEMU's SMMUv3 has neither), resizable BARs. The PCI ids
 * are not NVIDIA's, so that no driver for real hardware binds.
 *
 * Framebuffer contents outlive FLR and VFs, as the real device's do: whoever
 * hands a slice to someone else scrubs it first.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/acpi/acpi_aml_interface.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qom/object.h"
#include "nvgrace-gpu-internal.h"

#define TYPE_NVGRACE_GPU    "nvgrace-gpu"
#define TYPE_NVGRACE_GPU_VF "nvgrace-gpu-vf"
OBJECT_DECLARE_SIMPLE_TYPE(NvGraceGpu, NVGRACE_GPU)
OBJECT_DECLARE_SIMPLE_TYPE(NvGraceGpuVf, NVGRACE_GPU_VF)

/* Config space, as on GB100; a VF's extended list has to start at 0x100 */
#define GPU_CAP_EXP         0x40
#define GPU_CAP_MSIX        0x7c
#define GPU_CAP_PM          0x88
#define GPU_CAP_DSN         0x100
#define GPU_CAP_AER         0x148
#define GPU_CAP_ARI         0x2f8
#define GPU_CAP_SRIOV       0x300
#define GPU_VF_CAP_ARI      0x100

#define GPU_BAR_TYPE        (PCI_BASE_ADDRESS_SPACE_MEMORY | \
                             PCI_BASE_ADDRESS_MEM_TYPE_64 | \
                             PCI_BASE_ADDRESS_MEM_PREFETCH)
#define GPU_REGS_SIZE       (16 * MiB)
#define GPU_FB_GRANULE      (64 * KiB)
#define GPU_VFS_MAX         32
#define GPU_VF_OFFSET       4
#define GPU_VF_STRIDE       1
#define GPU_VF_PAGE_SIZES   0x573       /* << 12: the mandatory, and 128 KiB */

#define GPU_BOOT_0          0x1a0000a1  /* GB100, revision A1 */
#define GPU_LINK_READY      0xff
#define GPU_SUBSYS_VENDOR   0x10de

struct NvGraceGpu {
    PCIDevice parent_obj;

    NvGraceFunction fn;
    MemoryRegion regs;
    MemoryRegion fb;        /* never mapped itself: fn.fb_bar is */
    NvGraceEgm egm;

    /* properties */
    uint16_t vfs;
    uint64_t fb_size;
    uint64_t vf_fb_size;
};

struct NvGraceGpuVf {
    PCIDevice parent_obj;

    NvGraceFunction fn;
};

static uint64_t gpu_read(void *opaque, hwaddr addr, unsigned size)
{
    uint32_t val = 0;

    switch (addr & ~3) {
    case NV_PMC_BOOT_0:
        val = GPU_BOOT_0;
        break;
    case NV_PMC_BOOT_42:
        val = NV_PMC_BOOT_42_GB100;
        break;
    case NV_C2C_LINK_STATUS:
    case NV_HBM_TRAINING_STATUS:
        val = GPU_LINK_READY;
        break;
    }
    return val >> (addr & 3) * 8;
}

static void gpu_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    NvGraceGpu *gpu = opaque;

    qemu_log_mask(LOG_GUEST_ERROR, "%s: write of 0x%" PRIx64 " to read-only or "
                  "unknown register 0x%" HWADDR_PRIx "\n",
                  PCI_DEVICE(gpu)->name, val, addr);
}

static const MemoryRegionOps gpu_ops = {
    .read = gpu_read,
    .write = gpu_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};

static void gpu_write_config(PCIDevice *pci, uint32_t addr, uint32_t val,
                             int len)
{
    pci_default_write_config(pci, addr, val, len);
    /* FLR of the PF takes its VFs with it: PCI core resets SR-IOV, too */
    pcie_cap_flr_write_config(pci, addr, val, len);
}

/* What PF and VF share; @page is the offset of the function's page in BAR0 */
static bool gpu_init_pci(NvGraceFunction *fn, MemoryRegion *bar0, uint32_t page,
                         Error **errp)
{
    PCIDevice *pci = fn->pci;

    pci->config_write = gpu_write_config;
    pci_register_bar(pci, NVGRACE_GPU_BAR_REGS, GPU_BAR_TYPE, bar0);
    pci_register_bar(pci, NVGRACE_GPU_BAR_FB, GPU_BAR_TYPE, &fn->fb_bar);

    if (pcie_endpoint_cap_init(pci, GPU_CAP_EXP) < 0) {
        error_setg(errp, "%s: no PCI Express here", pci->name);
        return false;
    }
    pcie_cap_flr_init(pci);

    if (msix_init(pci, NV_VFN_MSIX_VECTORS,
                  bar0, NVGRACE_GPU_BAR_REGS, page + NV_VFN_MSIX_TABLE,
                  bar0, NVGRACE_GPU_BAR_REGS, page + NV_VFN_MSIX_PBA,
                  GPU_CAP_MSIX, errp)) {
        return false;
    }
    for (int i = 0; i < NV_VFN_MSIX_VECTORS; i++) {
        msix_vector_use(pci, i);
    }
    return true;
}

static bool gpu_init_sriov(NvGraceGpu *gpu, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(gpu);

    pcie_ari_init(pci, GPU_CAP_ARI);
    if (!pcie_sriov_pf_init(pci, GPU_CAP_SRIOV, TYPE_NVGRACE_GPU_VF,
                            NVGRACE_GPU_VF_DEVICE_ID, gpu->vfs, gpu->vfs,
                            GPU_VF_OFFSET, GPU_VF_STRIDE, errp)) {
        return false;
    }
    pcie_sriov_pf_add_sup_pgsize(pci, GPU_VF_PAGE_SIZES);
    pcie_sriov_pf_init_vf_bar(pci, NVGRACE_GPU_BAR_REGS, GPU_BAR_TYPE,
                              NV_VFN_SIZE);
    pcie_sriov_pf_init_vf_bar(pci, NVGRACE_GPU_BAR_FB, GPU_BAR_TYPE,
                              gpu->vf_fb_size);
    return true;
}

static bool gpu_init_pm(PCIDevice *pci, Error **errp)
{
    if (pci_pm_init(pci, GPU_CAP_PM, errp) < 0) {
        return false;
    }
    pci_set_word(pci->config + GPU_CAP_PM + PCI_PM_PMC, 3);     /* PM 1.2 */
    pci_set_word(pci->config + GPU_CAP_PM + PCI_PM_CTRL,
                 PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pci->wmask + GPU_CAP_PM + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);
    return true;
}

static bool gpu_check_properties(NvGraceGpu *gpu, Error **errp)
{
    if (gpu->vfs > GPU_VFS_MAX) {
        error_setg(errp, "vfs=%u: the model has at most %u", gpu->vfs,
                   GPU_VFS_MAX);
        return false;
    }
    if (!is_power_of_2(gpu->fb_size) || gpu->fb_size < GPU_FB_GRANULE ||
        !is_power_of_2(gpu->vf_fb_size) || gpu->vf_fb_size < GPU_FB_GRANULE) {
        error_setg(errp, "fb-size=0x%" PRIx64 " and vf-fb-size=0x%" PRIx64
                   " must be powers of two, 64 KiB at least",
                   gpu->fb_size, gpu->vf_fb_size);
        return false;
    }
    if (gpu->vfs && gpu->vf_fb_size > gpu->fb_size / gpu->vfs) {
        error_setg(errp, "vfs=%u of vf-fb-size=0x%" PRIx64 " do not fit in "
                   "fb-size=0x%" PRIx64, gpu->vfs, gpu->vf_fb_size,
                   gpu->fb_size);
        return false;
    }
    return true;
}

/*
 * Neither type can be plugged at run time, so a failure here ends QEMU and is
 * not unwound. Leaving is another matter: a guest can switch off the slot.
 */
static void gpu_realize(PCIDevice *pci, Error **errp)
{
    NvGraceGpu *gpu = NVGRACE_GPU(pci);

    if (!gpu_check_properties(gpu, errp) ||
        !memory_region_init_ram_flags_nomigrate(&gpu->fb, OBJECT(gpu),
                                                "nvgrace-fb", gpu->fb_size,
                                                RAM_NORESERVE, errp)) {
        return;
    }
    nvgrace_function_init(&gpu->fn, pci, &gpu->fb, 0, gpu->fb_size);
    memory_region_init_io(&gpu->regs, OBJECT(gpu), &gpu_ops, gpu,
                          "nvgrace-gpu", GPU_REGS_SIZE);
    /* Below the MSI-X table, which lies within */
    memory_region_add_subregion_overlap(&gpu->regs, NV_PF_VFN_BASE,
                                        &gpu->fn.regs, -1);

    if (!gpu_init_pci(&gpu->fn, &gpu->regs, NV_PF_VFN_BASE, errp) ||
        !gpu_init_pm(pci, errp)) {
        return;
    }
    pcie_dev_ser_num_init(pci, GPU_CAP_DSN, pci->devfn);
    if (pcie_aer_init(pci, PCI_ERR_VER, GPU_CAP_AER, PCI_ERR_SIZEOF, errp)) {
        return;
    }
    if (gpu->vfs && !gpu_init_sriov(gpu, errp)) {
        return;
    }
    nvgrace_egm_init(&gpu->egm, pci, errp);
}

static void gpu_exit(PCIDevice *pci)
{
    NvGraceGpu *gpu = NVGRACE_GPU(pci);

    nvgrace_egm_exit(&gpu->egm);
    pcie_sriov_pf_exit(pci);
    pcie_aer_exit(pci);
    pcie_cap_exit(pci);
    msix_uninit(pci, &gpu->regs, &gpu->regs);
    nvgrace_function_exit(&gpu->fn);
}

static void gpu_build_aml(AcpiDevAmlIf *adev, Aml *dev)
{
    nvgrace_egm_build_aml(&NVGRACE_GPU(adev)->egm, dev);
}

static void gpu_vf_realize(PCIDevice *pci, Error **errp)
{
    NvGraceGpuVf *vf = NVGRACE_GPU_VF(pci);
    NvGraceGpu *gpu = NVGRACE_GPU(pcie_sriov_get_pf(pci));
    uint16_t i = pcie_sriov_vf_number(pci);

    nvgrace_function_init(&vf->fn, pci, &gpu->fb, i * gpu->vf_fb_size,
                          gpu->vf_fb_size);
    if (!gpu_init_pci(&vf->fn, &vf->fn.regs, 0, errp)) {
        return;
    }
    pcie_ari_init(pci, GPU_VF_CAP_ARI);
}

static void gpu_vf_exit(PCIDevice *pci)
{
    NvGraceGpuVf *vf = NVGRACE_GPU_VF(pci);

    pcie_cap_exit(pci);
    msix_uninit(pci, &vf->fn.regs, &vf->fn.regs);
    nvgrace_function_exit(&vf->fn);
}

static void gpu_reset_hold(Object *obj, ResetType type)
{
    nvgrace_function_reset(&NVGRACE_GPU(obj)->fn);
}

static void gpu_vf_reset_hold(Object *obj, ResetType type)
{
    nvgrace_function_reset(&NVGRACE_GPU_VF(obj)->fn);
}

static const VMStateDescription vmstate_nvgrace = {
    .name = TYPE_NVGRACE_GPU,
    .unmigratable = 1,
};

static const Property gpu_properties[] = {
    DEFINE_PROP_UINT16("vfs", NvGraceGpu, vfs, 8),
    DEFINE_PROP_SIZE("fb-size", NvGraceGpu, fb_size, 2 * GiB),
    DEFINE_PROP_SIZE("vf-fb-size", NvGraceGpu, vf_fb_size, 128 * MiB),
    DEFINE_PROP_SIZE("egm-size", NvGraceGpu, egm.size, 0),
    DEFINE_PROP_UINT64("egm-base", NvGraceGpu, egm.base, 0x10000000000ULL),
    DEFINE_PROP_UINT32("egm-pxm", NvGraceGpu, egm.pxm, 0),
    DEFINE_PROP_STRING("egm-retired", NvGraceGpu, egm.retired),
    DEFINE_PROP_BOOL("egm-ram", NvGraceGpu, egm.has_ram, true),
    DEFINE_PROP_BOOL("egm-dirty", NvGraceGpu, egm.dirty, true),
    /* firmware that errs */
    DEFINE_PROP_STRING("x-egm-fw-base", NvGraceGpu, egm.fw_base),
    DEFINE_PROP_STRING("x-egm-fw-size", NvGraceGpu, egm.fw_size),
    DEFINE_PROP_STRING("x-egm-fw-pxm", NvGraceGpu, egm.fw_pxm),
    DEFINE_PROP_STRING("x-egm-fw-retired", NvGraceGpu, egm.fw_retired),
    DEFINE_PROP_STRING("x-egm-fw-retired-count", NvGraceGpu,
                       egm.fw_retired_count),
    DEFINE_PROP_STRING("x-egm-fw-omit", NvGraceGpu, egm.fw_omit),
};

static void gpu_class_init_common(ObjectClass *klass)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->vendor_id = NVGRACE_GPU_VENDOR_ID;
    pc->subsystem_vendor_id = GPU_SUBSYS_VENDOR;
    pc->class_id = PCI_CLASS_DISPLAY_3D;
    dc->vmsd = &vmstate_nvgrace;
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static void gpu_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    gpu_class_init_common(klass);
    pc->device_id = NVGRACE_GPU_PF_DEVICE_ID;
    pc->realize = gpu_realize;
    pc->exit = gpu_exit;
    RESETTABLE_CLASS(klass)->phases.hold = gpu_reset_hold;
    ACPI_DEV_AML_IF_CLASS(klass)->build_dev_aml = gpu_build_aml;
    dc->desc = "GPU with SR-IOV and memory of its socket (model of GB100)";
    device_class_set_props(dc, gpu_properties);
}

static void gpu_vf_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    gpu_class_init_common(klass);
    pc->device_id = NVGRACE_GPU_VF_DEVICE_ID;
    pc->realize = gpu_vf_realize;
    pc->exit = gpu_vf_exit;
    RESETTABLE_CLASS(klass)->phases.hold = gpu_vf_reset_hold;
    dc->desc = "Virtual function of nvgrace-gpu";
    dc->user_creatable = false;
}

static const TypeInfo gpu_types[] = {
    {
        .name = TYPE_NVGRACE_GPU,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(NvGraceGpu),
        .class_init = gpu_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE }, { TYPE_ACPI_DEV_AML_IF }, { }
        },
    }, {
        .name = TYPE_NVGRACE_GPU_VF,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(NvGraceGpuVf),
        .class_init = gpu_vf_class_init,
        .interfaces = (InterfaceInfo[]) { { INTERFACE_PCIE_DEVICE }, { } },
    },
};

DEFINE_TYPES(gpu_types)
