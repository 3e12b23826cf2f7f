/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device model of a GPU with SR-IOV, shaped after NVIDIA's GB100: the PCI
 * functions, their BARs and capabilities, and the registers of the PF alone.
 *
 *   PF  BAR0  16 MiB of registers; the function's page at NV_PF_VFN_BASE
 *       BAR2  framebuffer aperture, as large as the framebuffer
 *       BAR4  instance aperture
 *   VF  BAR0  the function's page
 *       BAR2  its slice of the framebuffer: VF i has [i, i + 1) * vf-fb-size
 *
 * BAR0 is taken apart here; what lies behind its windows is in the part of that
 * name (nvgrace-fsp.c, nvgrace-gsp.c, ...). A write to a register of the PF
 * that does not exist or that cannot be written is a driver error. Numbers
 * shared with guest programs are in nvgrace-gpu-regs.h.
 *
 * Not here: ATS and PASID (QEMU's SMMUv3 has neither), resizable BARs. The PCI
 * ids are not NVIDIA's, so that no driver for real hardware binds.
 *
 * Framebuffer contents outlive FLR and VFs, as the real device's do: whoever
 * hands a slice to someone else scrubs it first.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
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

OBJECT_DECLARE_SIMPLE_TYPE(NvGraceGpuVf, NVGRACE_GPU_VF)

/* Config space, as on GB100; a VF's extended list has to start at 0x100 */
#define GPU_CAP_EXP         0x40
#define GPU_CAP_MSIX        0x7c
#define GPU_CAP_PM          0x88
#define GPU_CAP_DSN         0x100
#define GPU_CAP_AER         0x148
#define GPU_CAP_ARI         0x2f8
#define GPU_CAP_SRIOV       0x300
#define GPU_CAP_DVSEC0      0xaf0
#define GPU_VF_CAP_ARI      0x100

#define GPU_BAR_TYPE        (PCI_BASE_ADDRESS_SPACE_MEMORY | \
                             PCI_BASE_ADDRESS_MEM_TYPE_64 | \
                             PCI_BASE_ADDRESS_MEM_PREFETCH)
#define GPU_REGS_SIZE       (16 * MiB)
#define GPU_INSTANCE_SIZE   (32 * MiB)
#define GPU_DVSEC0_SIZE     0x1c
#define GPU_DMA_PIECE       4096
#define GPU_FB_GRANULE      (64 * KiB)
#define GPU_VFS_MAX         32
#define GPU_VF_OFFSET       4
#define GPU_VF_STRIDE       1
#define GPU_VF_PAGE_SIZES   0x573       /* << 12: the mandatory, and 128 KiB */

#define GPU_BOOT_0          0x1a0000a1  /* GB100, revision A1 */
#define GPU_LINK_READY      0xff
#define GPU_READY_NS        (1 * SCALE_MS)  /* out of reset */
#define GPU_SUBSYS_VENDOR   0x10de

struct NvGraceGpuVf {
    PCIDevice parent_obj;

    NvGraceFunction fn;
};

bool nvgrace_gpu_ready(NvGraceGpu *gpu)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) >= gpu->ready_ns;
}

bool nvgrace_function_master(NvGraceFunction *fn)
{
    return pci_get_word(fn->pci->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

bool nvgrace_gpu_master(NvGraceGpu *gpu)
{
    return nvgrace_function_master(&gpu->fn);
}

NvGraceFunction *nvgrace_gpu_function(NvGraceGpu *gpu, unsigned gfid)
{
    PCIDevice *vf;

    if (!gfid) {
        return &gpu->fn;
    }
    if (gfid > gpu->vfs) {
        return NULL;
    }
    vf = pcie_sriov_get_vf_at_index(PCI_DEVICE(gpu), gfid - 1);
    return vf ? &NVGRACE_GPU_VF(vf)->fn : NULL;
}

bool nvgrace_gpu_dma(NvGraceGpu *gpu, uint64_t addr, void *buf, uint64_t len,
                     bool write)
{
    PCIDevice *pci = PCI_DEVICE(gpu);
    DMADirection dir = write ? DMA_DIRECTION_FROM_DEVICE
                             : DMA_DIRECTION_TO_DEVICE;
    /* RAM only, so that no access comes back here or resets the device */
    MemTxAttrs attrs = { .memory = 1 };
    uint8_t *at = buf;

    if (addr >= NVGRACE_DMA_LIMIT || len > NVGRACE_DMA_LIMIT - addr) {
        return false;
    }
    while (len) {
        uint64_t n = MIN(len, GPU_DMA_PIECE - addr % GPU_DMA_PIECE);

        if (!dma_memory_valid(pci_get_address_space(pci), addr, n, dir,
                              attrs) ||
            pci_dma_rw(pci, addr, at, n, dir, attrs)) {
            return false;
        }
        addr += n;
        at += n;
        len -= n;
    }
    return true;
}

/* Windows of BAR0 that other parts have */
typedef struct GpuWindow {
    uint32_t base, size;
    uint32_t (*read)(NvGraceGpu *gpu, uint32_t reg);
    void (*write)(NvGraceGpu *gpu, uint32_t reg, uint32_t val);
} GpuWindow;

static const GpuWindow gpu_windows[] = {
    { NV_PGSP_BASE, NV_PGSP_SIZE, nvgrace_gsp_read, nvgrace_gsp_write },
    { NV_PFSP_BASE, NV_PFSP_SIZE, nvgrace_fsp_read, nvgrace_fsp_write },
    { NVGRACE_GPU_RUNLIST_PRI(0),
      NVGRACE_RUNLISTS * NVGRACE_GPU_RUNLIST_PRI_SIZE,
      nvgrace_fifo_read, nvgrace_fifo_write },
    { NVGRACE_GPU_RUNLIST_CHRAM(0),
      NVGRACE_RUNLISTS * NVGRACE_GPU_RUNLIST_CHRAM_SIZE,
      nvgrace_fifo_read, nvgrace_fifo_write },
    { NVGRACE_TROUBLE_BASE, NVGRACE_TROUBLE_SIZE,
      nvgrace_trouble_read, nvgrace_trouble_write },
};

static const GpuWindow *gpu_window(uint32_t reg)
{
    for (int i = 0; i < ARRAY_SIZE(gpu_windows); i++) {
        const GpuWindow *w = &gpu_windows[i];

        if (reg >= w->base && reg - w->base < w->size) {
            return w;
        }
    }
    return NULL;
}

static uint32_t gpu_read_reg(NvGraceGpu *gpu, uint32_t reg)
{
    const GpuWindow *w = gpu_window(reg);
    uint64_t start, end;

    if (w) {
        return w->read(gpu, reg);
    }

    switch (reg) {
    case NV_PMC_BOOT_0:
        return GPU_BOOT_0;
    case NV_PMC_BOOT_42:
        return NV_PMC_BOOT_42_GB100;
    case NV_C2C_LINK_STATUS:
    case NV_HBM_TRAINING_STATUS:
        return nvgrace_gpu_ready(gpu) ? GPU_LINK_READY : 0;
    case NV_USABLE_FB_SIZE_MIB:
        return gpu->fb_size / MiB;
    case NV_PFB_WPR2_ADDR_LO:
    case NV_PFB_WPR2_ADDR_HI:
        nvgrace_gsp_wpr2(gpu, &start, &end);
        return (reg == NV_PFB_WPR2_ADDR_LO ? start : end) >> 12 << 4;
    case NV_HSHUB_FLUSH_SYSMEM_LO:
        return gpu->flush_page[0];
    case NV_HSHUB_FLUSH_SYSMEM_HI:
        return gpu->flush_page[0] >> 32;
    case NV_HSHUB_EG_FLUSH_SYSMEM_LO:
        return gpu->flush_page[1];
    case NV_HSHUB_EG_FLUSH_SYSMEM_HI:
        return gpu->flush_page[1] >> 32;
    default:
        return 0;
    }
}

static void gpu_write_reg(NvGraceGpu *gpu, uint32_t reg, uint32_t val)
{
    const GpuWindow *w = gpu_window(reg);

    if (w) {
        w->write(gpu, reg, val);
        return;
    }

    switch (reg) {
    case NV_HSHUB_FLUSH_SYSMEM_LO:
        gpu->flush_page[0] = deposit64(gpu->flush_page[0], 0, 32,
                                       val & ~0xffu);
        break;
    case NV_HSHUB_FLUSH_SYSMEM_HI:
        gpu->flush_page[0] = deposit64(gpu->flush_page[0], 32, 20, val);
        break;
    case NV_HSHUB_EG_FLUSH_SYSMEM_LO:
        gpu->flush_page[1] = deposit64(gpu->flush_page[1], 0, 32,
                                       val & ~0xffu);
        break;
    case NV_HSHUB_EG_FLUSH_SYSMEM_HI:
        gpu->flush_page[1] = deposit64(gpu->flush_page[1], 32, 20, val);
        break;
    default:
        nvgrace_driver_error(gpu, "write of 0x%x to read-only or unknown "
                             "register 0x%x", val, reg);
        break;
    }
}

/* Registers have 32 bits. An 8-byte access arrives as two */
static uint64_t gpu_read(void *opaque, hwaddr addr, unsigned size)
{
    return gpu_read_reg(opaque, addr & ~3) >> (addr & 3) * 8;
}

static void gpu_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    if (size != 4 || addr % 4) {
        nvgrace_driver_error(opaque, "%u-byte write to register 0x%"
                             HWADDR_PRIx, size, addr);
        return;
    }
    gpu_write_reg(opaque, addr, val);
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
    if (pci->exp.aer_cap) {
        pcie_aer_write_config(pci, addr, val, len);
    }
    /* FLR of the PF takes its VFs with it: PCI core resets SR-IOV, too */
    pcie_cap_flr_write_config(pci, addr, val, len);
}

/* What PF and VF share; @page is the offset of the function's page in BAR0 */
static bool gpu_init_pci(NvGraceFunction *fn, MemoryRegion *bar0, uint32_t page,
                         MemoryRegion *fb_bar, Error **errp)
{
    PCIDevice *pci = fn->pci;

    pci->config_write = gpu_write_config;
    pci_register_bar(pci, NVGRACE_GPU_BAR_REGS, GPU_BAR_TYPE, bar0);
    pci_register_bar(pci, NVGRACE_GPU_BAR_FB, GPU_BAR_TYPE, fb_bar);

    if (pcie_endpoint_cap_init(pci, GPU_CAP_EXP) < 0) {
        error_setg(errp, "%s: no PCI Express here", pci->name);
        return false;
    }
    pcie_cap_flr_init(pci);
    pcie_cap_deverr_init(pci);

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

/* The vendor's own, where a GB100 tells of what the model has not */
static void gpu_init_dvsec(PCIDevice *pci)
{
    uint8_t *cap = pci->config + GPU_CAP_DVSEC0;

    pcie_add_capability(pci, PCI_EXT_CAP_ID_DVSEC, 1, GPU_CAP_DVSEC0,
                        GPU_DVSEC0_SIZE);
    pci_set_long(cap + PCI_DVSEC_HEADER1,
                 GPU_DVSEC0_SIZE << 20 | GPU_SUBSYS_VENDOR);
    pci_set_word(cap + PCI_DVSEC_HEADER2, 0);
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

static void gpu_init_parts(NvGraceGpu *gpu)
{
    nvgrace_trouble_init(gpu);
    gpu->fn.gpu = gpu;
    gpu->fn.gfid = 0;
    nvgrace_function_init(&gpu->fn, PCI_DEVICE(gpu), gpu->fb_size);
    nvgrace_vmmu_init(gpu);
    nvgrace_mmu_init(gpu);
    nvgrace_aperture_init(gpu, NVGRACE_APERTURE_FB,
                          &gpu->bar[NVGRACE_APERTURE_FB], gpu->fb_size);
    nvgrace_aperture_init(gpu, NVGRACE_APERTURE_INSTANCE,
                          &gpu->bar[NVGRACE_APERTURE_INSTANCE],
                          GPU_INSTANCE_SIZE);
    nvgrace_fifo_init(gpu);
    nvgrace_rm_init(gpu);
    nvgrace_msgq_init(gpu);
    nvgrace_gsp_init(gpu);
    nvgrace_fsp_init(gpu);
}

static void gpu_exit_parts(NvGraceGpu *gpu)
{
    nvgrace_fsp_exit(gpu);
    nvgrace_gsp_exit(gpu);
    nvgrace_msgq_exit(gpu);
    nvgrace_rm_exit(gpu);
    nvgrace_fifo_exit(gpu);
    nvgrace_aperture_exit(gpu, NVGRACE_APERTURE_INSTANCE);
    nvgrace_aperture_exit(gpu, NVGRACE_APERTURE_FB);
    nvgrace_mmu_exit(gpu);
    nvgrace_vmmu_exit(gpu);
    nvgrace_function_exit(&gpu->fn);
    nvgrace_trouble_exit(gpu);
}

/*
 * Firmware first, so that nothing works for it any more. Trouble stays: it is
 * the tests', not the device's.
 */
static void gpu_reset_parts(NvGraceGpu *gpu)
{
    nvgrace_fsp_reset(gpu);
    nvgrace_gsp_reset(gpu);
    nvgrace_msgq_reset(gpu);
    nvgrace_rm_reset(gpu);
    nvgrace_fifo_reset(gpu);
    nvgrace_aperture_reset(gpu, NVGRACE_APERTURE_INSTANCE);
    nvgrace_aperture_reset(gpu, NVGRACE_APERTURE_FB);
    nvgrace_mmu_reset(gpu);
    nvgrace_vmmu_reset(gpu);
    nvgrace_function_reset(&gpu->fn);
    memset(gpu->flush_page, 0, sizeof(gpu->flush_page));
    gpu->ready_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + GPU_READY_NS;
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
    gpu_init_parts(gpu);
    memory_region_init_io(&gpu->regs, OBJECT(gpu), &gpu_ops, gpu,
                          "nvgrace-gpu", GPU_REGS_SIZE);
    /* Below the MSI-X table, which lies within */
    memory_region_add_subregion_overlap(&gpu->regs, NV_PF_VFN_BASE,
                                        &gpu->fn.regs, -1);

    if (!gpu_init_pci(&gpu->fn, &gpu->regs, NV_PF_VFN_BASE,
                      &gpu->bar[NVGRACE_APERTURE_FB], errp) ||
        !gpu_init_pm(pci, errp)) {
        return;
    }
    pci_register_bar(pci, NVGRACE_GPU_BAR_INSTANCE, GPU_BAR_TYPE,
                     &gpu->bar[NVGRACE_APERTURE_INSTANCE]);
    pcie_dev_ser_num_init(pci, GPU_CAP_DSN, pci->devfn);
    if (pcie_aer_init(pci, PCI_ERR_VER, GPU_CAP_AER, PCI_ERR_SIZEOF, errp)) {
        return;
    }
    if (gpu->vfs && !gpu_init_sriov(gpu, errp)) {
        return;
    }
    gpu_init_dvsec(pci);
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
    gpu_exit_parts(gpu);
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

    vf->fn.gpu = gpu;
    vf->fn.gfid = i + 1;
    nvgrace_function_init(&vf->fn, pci, gpu->vf_fb_size);
    if (!gpu_init_pci(&vf->fn, &vf->fn.regs, 0, &vf->fn.fb_bar, errp)) {
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

/* Memory that is written to right before a reset can be somebody else's by then */
static void gpu_reset_hold(Object *obj, ResetType type)
{
    NvGraceGpu *gpu = NVGRACE_GPU(obj);

    if (nvgrace_gpu_master(gpu) && nvgrace_gsp_active(gpu)) {
        nvgrace_driver_error(gpu, "reset while GSP may access memory");
    }
    nvgrace_fifo_check_idle(gpu);
    gpu_reset_parts(gpu);
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
    DEFINE_PROP_SIZE("fb-size", NvGraceGpu, fb_size, 4 * GiB),
    DEFINE_PROP_SIZE("vf-fb-size", NvGraceGpu, vf_fb_size, 128 * MiB),
    DEFINE_PROP_BOOL("vgpu-mode", NvGraceGpu, vgpu_mode, true),
    DEFINE_PROP_STRING("fb-retired", NvGraceGpu, fb_retired),
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
