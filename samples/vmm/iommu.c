// SPDX-License-Identifier: GPL-2.0
/*
 * From the guest's SMMU to iommufd.
 *
 *	IOAS		guest-physical addresses: RAM and BARs
 *	  HWPT		stage 2 of it (nest parent); all devices start here: a guest that
 *			has not turned its SMMU on has none
 *	  vIOMMU	the kernel's part of the guest's SMMU: invalidations, events
 *	    vDevice	for each device that has a stream ID: the translation of the ID
 *	    HWPT	for each such device: its stream table entry, as the guest wrote it.
 *			The tables it points to are the guest's; the SMMU reads them through
 *			stage 2
 *
 * An entry that changed becomes a new HWPT, which takes the old one's place in one
 * step: DMA sees the old tables or the new ones, never none.
 *
 * The calls that fail here fail for a guest's doing (an entry that the kernel refuses).
 * Its device then is aborted, as the SMMU does with a bad entry.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <iommufd-mem/iommufd.h>

#include "device.h"
#include "error.h"
#include "gic.h"
#include "iommu.h"
#include "layout.h"
#include "loop.h"
#include "memory.h"
#include "vm.h"
#include "vsmmu.h"

#define EVENTS_MAX	256

/* Commands that name a stream */
#define CMD_CFGI_CD	0x05
#define CMD_CFGI_CD_ALL	0x06

const char *const iommu_mode_names[] = {
	[IOMMU_NESTED] = "nested",
	[IOMMU_FLAT] = "flat",
	[IOMMU_NONE] = "none",
};

static int make_viommu(struct iommu *iommu)
{
	uint32_t dev_id = iommu->devices[0].vfio.dev_id, veventq_id;
	int ret;

	ret = iommufd_viommu_alloc(iommu->iommufd, dev_id, iommu->hwpt_id, &iommu->viommu_id);
	if (ret)
		return vmm_error(ret, "IOMMU_VIOMMU_ALLOC: use --iommu flat if this host's SMMU cannot nest");
	vmm_step("vIOMMU %u over HWPT %u, a stage 2", iommu->viommu_id, iommu->hwpt_id);
	ret = iommufd_veventq_alloc(iommu->iommufd, iommu->viommu_id, EVENTS_MAX, &veventq_id,
				    &iommu->event_fd);
	if (ret)
		return vmm_error(ret, "IOMMU_VEVENTQ_ALLOC");
	/* Not when it is needed: the device may be gone by then */
	ret = iommufd_hw_info_smmuv3(iommu->iommufd, dev_id, &iommu->hw);
	return ret ? vmm_error(ret, "IOMMU_GET_HW_INFO") : 0;
}

int iommu_init(struct iommu *iommu, enum iommu_mode mode, int iommufd, struct memory *memory,
	       struct device *devices, unsigned int nr_devices)
{
	unsigned int i;
	int ret;

	*iommu = (struct iommu){
		.mode = mode,
		.iommufd = iommufd,
		.memory = memory,
		.devices = devices,
		.nr_devices = nr_devices,
		.event_fd = -1,
	};
	ret = iommufd_ioas_alloc(iommufd, &iommu->ioas_id);
	if (ret)
		return vmm_error(ret, "IOMMU_IOAS_ALLOC");
	if (mode != IOMMU_NONE && nr_devices) {
		ret = iommufd_hwpt_alloc(iommufd, devices[0].vfio.dev_id, iommu->ioas_id,
					 IOMMU_HWPT_ALLOC_NEST_PARENT, &iommu->hwpt_id);
		if (ret)
			return vmm_error(ret, "IOMMU_HWPT_ALLOC of a stage 2: use --iommu none if this host's SMMU has none");
	}
	ret = memory_map_ioas(memory, iommu->ioas_id);
	if (!ret && mode == IOMMU_NESTED && nr_devices)
		ret = make_viommu(iommu);
	for (i = 0; i < nr_devices && !ret; i++) {
		ret = vfio_attach(&devices[i].vfio, iommu->hwpt_id ?: iommu->ioas_id);
		if (ret)
			vmm_error(ret, "attaching %s", devices[i].vfio.function.bdf);
	}
	return ret;
}

/* The device's stage 1 becomes @ste; NULL: none, it is behind stage 2 alone */
static int set_stage1(struct iommu *iommu, struct device *device, const uint64_t *ste)
{
	struct iommu_hwpt_arm_smmuv3 data = {};
	uint32_t hwpt_id = 0;
	int ret;

	if (ste) {
		data.ste[0] = ste[0];
		data.ste[1] = ste[1];
		ret = iommufd_hwpt_alloc_nested(iommu->iommufd, device->vfio.dev_id,
						iommu->viommu_id, &data, &hwpt_id);
		if (ret)
			return ret;
	}
	ret = vfio_attach(&device->vfio, hwpt_id ?: iommu->hwpt_id);
	if (ret) {
		if (hwpt_id)
			iommufd_destroy(iommu->iommufd, hwpt_id);
		return ret;
	}
	if (device->nested_id)
		iommufd_destroy(iommu->iommufd, device->nested_id);
	device->nested_id = hwpt_id;
	memcpy(device->ste, data.ste, sizeof(device->ste));
	return 0;
}

static void apply_stream(struct iommu *iommu, struct device *device)
{
	static const uint64_t abort[2] = { 0, 0 };
	static const char *const configs[] = { "abort", "bypass", "stage 1" };
	struct vsmmu_stream stream;
	int ret;

	vsmmu_stream(iommu->vsmmu, device->rid, &stream);
	if (device->nested_id && !memcmp(device->ste, stream.ste, sizeof(device->ste)))
		return;
	ret = set_stage1(iommu, device, stream.ste);
	if (!ret) {
		vmm_step("%s: stream 0x%x: %s, HWPT %u", device->vfio.function.bdf, device->rid,
			 configs[stream.config], device->nested_id);
		return;
	}
	vmm_note(ret, "%s: the kernel refuses the stream table entry of stream 0x%x",
		  device->vfio.function.bdf, device->rid);
	ret = set_stage1(iommu, device, abort);
	if (ret)
		vmm_note(ret, "%s: it keeps the entry it had", device->vfio.function.bdf);
}

void iommu_set_rid(struct iommu *iommu, struct device *device, uint16_t rid)
{
	int ret;

	if (iommu->mode != IOMMU_NESTED)
		return;
	if (device->vdevice_id) {
		ret = set_stage1(iommu, device, NULL);
		ret = ret ?: iommufd_destroy(iommu->iommufd, device->vdevice_id);
		if (ret)
			vmm_note(ret, "%s: taking back stream 0x%x", device->vfio.function.bdf,
				  device->rid);
		device->vdevice_id = 0;
	}
	if (!rid)
		return;
	ret = iommufd_vdevice_alloc(iommu->iommufd, iommu->viommu_id, device->vfio.dev_id, rid,
				    &device->vdevice_id);
	if (ret) {
		vmm_note(ret, "%s: IOMMU_VDEVICE_ALLOC for stream 0x%x",
			  device->vfio.function.bdf, rid);
		device->vdevice_id = 0;
		return;
	}
	vmm_step("%s: stream 0x%x of the guest is vDevice %u", device->vfio.function.bdf, rid,
		 device->vdevice_id);
	apply_stream(iommu, device);
}

static int vsmmu_read_guest(void *opaque, uint64_t gpa, void *to, size_t length)
{
	struct iommu *iommu = opaque;

	return memory_read(iommu->memory, gpa, to, length);
}

static int vsmmu_write_guest(void *opaque, uint64_t gpa, const void *from, size_t length)
{
	struct iommu *iommu = opaque;

	return memory_write(iommu->memory, gpa, from, length);
}

static void vsmmu_streams_changed(void *opaque, uint32_t first, uint32_t last)
{
	struct iommu *iommu = opaque;
	unsigned int i;

	for (i = 0; i < iommu->nr_devices; i++) {
		struct device *device = &iommu->devices[i];

		if (device->vdevice_id && device->rid >= first && device->rid <= last)
			apply_stream(iommu, device);
	}
}

/*
 * The kernel knows the streams that have a vDevice, and takes a command for another one
 * for a mistake. The guest has more of them: its root ports.
 */
static bool is_for_kernel(const struct iommu *iommu, const uint64_t cmd[2])
{
	unsigned int i, opcode = cmd[0] & 0xff;

	if (opcode != CMD_CFGI_CD && opcode != CMD_CFGI_CD_ALL)
		return true;
	for (i = 0; i < iommu->nr_devices; i++)
		if (iommu->devices[i].vdevice_id && iommu->devices[i].rid == cmd[0] >> 32)
			return true;
	return false;
}

static int vsmmu_invalidate(void *opaque, const uint64_t (*cmds)[2], uint32_t count,
			    uint32_t *done)
{
	struct iommu *iommu = opaque;
	uint32_t run, i;
	int ret;

	for (i = 0; i < count; i += run) {
		for (run = 0; i + run < count && is_for_kernel(iommu, cmds[i + run]); run++)
			;
		*done = i;
		if (!run) {
			run = 1;
			continue;
		}
		ret = iommufd_hwpt_invalidate_smmuv3(iommu->iommufd, iommu->viommu_id,
						     (void *)&cmds[i], &run);
		*done = i + run;
		if (ret)
			return ret;
	}
	*done = count;
	return 0;
}

static void vsmmu_raise(void *opaque, enum vsmmu_irq irq)
{
	struct iommu *iommu = opaque;

	gic_pulse_spi(iommu->vm, irq == VSMMU_IRQ_EVENTQ ? GUEST_SPI_SMMU_EVENTQ :
							   GUEST_SPI_SMMU_GERROR);
}

static const struct vsmmu_ops vsmmu_ops = {
	.read = vsmmu_read_guest,
	.write = vsmmu_write_guest,
	.streams_changed = vsmmu_streams_changed,
	.invalidate = vsmmu_invalidate,
	.raise = vsmmu_raise,
};

static uint64_t smmu_mmio_read(void *opaque, uint64_t offset, unsigned int size)
{
	return vsmmu_mmio_read(opaque, offset, size);
}

static void smmu_mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned int size)
{
	vsmmu_mmio_write(opaque, offset, value, size);
}

static const struct mmio_ops smmu_mmio_ops = {
	.read = smmu_mmio_read,
	.write = smmu_mmio_write,
};

/* A fault of a device of ours, its stream ID already the guest's */
static void event(void *opaque)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_vevent_arm_smmuv3 event;
	} record;
	struct iommu *iommu = opaque;
	uint64_t words[4];
	unsigned int i;
	ssize_t got;

	got = read(iommu->event_fd, &record, sizeof(record));
	if (got < (ssize_t)sizeof(record.header))
		return;
	if (record.header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS) {
		vsmmu_events_lost(iommu->vsmmu, 1);
		return;
	}
	for (i = 0; i < 4; i++)
		words[i] = record.event.evt[i];
	vsmmu_event(iommu->vsmmu, words);
}

int iommu_start(struct iommu *iommu, struct vm *vm, struct loop *loop)
{
	iommu->vm = vm;
	iommu->loop = loop;
	if (iommu->mode != IOMMU_NESTED || !iommu->nr_devices)
		return 0;
	iommu->vsmmu = vsmmu_new(&iommu->hw, &vsmmu_ops, iommu);
	if (!iommu->vsmmu)
		return vmm_error(-errno, "the guest's SMMU: use --iommu flat if this host's lacks what it takes");
	mmio_add(&vm->mmio, GUEST_SMMU, VSMMU_REGS_SIZE, &smmu_mmio_ops, iommu->vsmmu);
	iommu->event_watch = loop_add(loop, iommu->event_fd, event, iommu);
	return iommu->event_watch < 0 ? iommu->event_watch : 0;
}

void iommu_stop(struct iommu *iommu)
{
	if (!iommu->vsmmu)
		return;
	loop_remove(iommu->loop, iommu->event_watch);
	vsmmu_free(iommu->vsmmu);
	iommu->vsmmu = NULL;
}
