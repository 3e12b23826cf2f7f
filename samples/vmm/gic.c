// SPDX-License-Identifier: GPL-2.0
/*
 * vGICv3 and ITS are KVM's; this file places them and feeds them.
 *
 * The address of a guest's message is not looked at: it is behind the stage 1 of the
 * device, and there is one doorbell that it can mean. Whether the message arrives is
 * the ITS's decision, which the guest programs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include "error.h"
#include "gic.h"
#include "layout.h"
#include "vm.h"

/* Routes of the VM, under the device lock. A free one has no eventfd */
static struct {
	int event_fd;
	uint16_t rid;
	uint32_t data;
} routes[GIC_MSIS_MAX];

int gic_create(struct vm *vm)
{
	uint64_t address = GUEST_GICD;
	uint32_t spis = 32 + GUEST_NR_SPIS;
	unsigned int i;
	int ret;

	for (i = 0; i < GIC_MSIS_MAX; i++)
		routes[i].event_fd = -1;
	vm->gic = vm_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3, "vGICv3");
	if (vm->gic < 0)
		return vm->gic;
	ret = vm_device_set(vm->gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
			    &address);
	if (!ret)
		ret = vm_device_set(vm->gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &spis);
	return ret ? vmm_error(ret, "placing the distributor") : 0;
}

static int place_its(struct vm *vm)
{
	uint64_t address = GUEST_ITS;
	int ret;

	vm->its = vm_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, "vITS");
	if (vm->its < 0)
		return vm->its;
	ret = vm_device_set(vm->its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE,
			    &address);
	if (!ret)
		ret = vm_device_set(vm->its, KVM_DEV_ARM_VGIC_GRP_CTRL,
				    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	return ret ? vmm_error(ret, "placing the ITS") : 0;
}

int gic_init(struct vm *vm, unsigned int cpus)
{
	/* One region of redistributors: their number, address, flags, index */
	uint64_t redistributors = (uint64_t)cpus << 52 | GUEST_GICR;
	int ret;

	ret = vm_device_set(vm->gic, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &redistributors);
	if (!ret)
		ret = vm_device_set(vm->gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
				    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	if (ret)
		return vmm_error(ret, "placing the redistributors");
	return place_its(vm);
}

void gic_set_spi(struct vm *vm, unsigned int spi, bool level)
{
	struct kvm_irq_level line = {
		.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (32 + spi),
		.level = level,
	};

	ioctl(vm->fd, KVM_IRQ_LINE, &line);
}

void gic_pulse_spi(struct vm *vm, unsigned int spi)
{
	gic_set_spi(vm, spi, true);
	gic_set_spi(vm, spi, false);
}

/* KVM takes all routes at once */
static int set_routes(struct vm *vm)
{
	struct kvm_irq_routing *table;
	unsigned int i;
	int ret;

	table = calloc(1, sizeof(*table) + GIC_MSIS_MAX * sizeof(table->entries[0]));
	if (!table)
		return -ENOMEM;
	for (i = 0; i < GIC_MSIS_MAX; i++) {
		if (routes[i].event_fd < 0)
			continue;
		table->entries[table->nr++] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_MSI,
			.flags = KVM_MSI_VALID_DEVID,
			.u.msi = {
				.address_lo = (uint32_t)GUEST_MSI_DOORBELL,
				.address_hi = GUEST_MSI_DOORBELL >> 32,
				.data = routes[i].data,
				.devid = routes[i].rid,
			},
		};
	}
	ret = ioctl(vm->fd, KVM_SET_GSI_ROUTING, table) ? -errno : 0;
	free(table);
	return ret;
}

static int set_irqfd(struct vm *vm, unsigned int i, uint32_t flags)
{
	struct kvm_irqfd irqfd = { .fd = routes[i].event_fd, .gsi = i, .flags = flags };

	return ioctl(vm->fd, KVM_IRQFD, &irqfd) ? -errno : 0;
}

int gic_connect_msi(struct vm *vm, int event_fd, uint16_t rid, uint32_t data)
{
	unsigned int i;
	int ret;

	for (i = 0; i < GIC_MSIS_MAX; i++)
		if (routes[i].event_fd < 0)
			break;
	if (i == GIC_MSIS_MAX)
		return -ENOSPC;
	routes[i].event_fd = event_fd;
	routes[i].rid = rid;
	routes[i].data = data;
	ret = set_routes(vm);
	/* What was signalled before this is delivered now */
	if (!ret)
		ret = set_irqfd(vm, i, 0);
	if (ret)
		routes[i].event_fd = -1;
	return ret;
}

void gic_disconnect_msi(struct vm *vm, int event_fd)
{
	unsigned int i;

	for (i = 0; i < GIC_MSIS_MAX; i++) {
		if (routes[i].event_fd != event_fd)
			continue;
		set_irqfd(vm, i, KVM_IRQFD_FLAG_DEASSIGN);
		routes[i].event_fd = -1;
	}
}
