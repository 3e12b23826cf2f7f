// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's side of the VM. Not here: vCPUs (vcpu.c), interrupts (gic.c), where the
 * memory comes from (memory.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "error.h"
#include "vm.h"

int vm_init(struct vm *vm, int kvm)
{
	*vm = (struct vm){ .kvm = kvm, .fd = -1, .gic = -1, .its = -1 };
	pthread_mutex_init(&vm->lock, NULL);
	if (kvm < 0)
		vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		return vmm_error(-errno, "/dev/kvm: is this an arm64 host booted at EL2, with CONFIG_KVM?");
	if (ioctl(vm->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return vmm_error(0, "/dev/kvm is not the KVM that is known here");
	return 0;
}

/*
 * Memory without struct page is normal memory to the guest only if KVM says so. It says
 * so of a VM, not of /dev/kvm.
 */
static int check(struct vm *vm)
{
	static const struct {
		unsigned int cap;
		const char *means;
	} needed[] = {
		{ KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED,
		  "map memory without struct page cacheable (Linux 6.17, and a CPU with FWB and DIC)" },
		{ KVM_CAP_IRQFD, "take interrupts from eventfds" },
		{ KVM_CAP_ARM_PSCI_0_2, "give PSCI to the guest" },
		{ KVM_CAP_ARM_INJECT_EXT_DABT, "inject external aborts" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(vm->fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return vmm_error(0, "this host's KVM cannot %s", needed[i].means);
	return 0;
}

int vm_create(struct vm *vm)
{
	struct kvm_enable_cap nisv = { .cap = KVM_CAP_ARM_NISV_TO_USER };

	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return vmm_error(-errno, "KVM_CREATE_VM");
	vm->slots = 0;
	vm->mmio.count = 0;
	/* Accesses that KVM cannot describe come to us, who answer with an abort */
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &nisv))
		return vmm_error(-errno, "KVM_CAP_ARM_NISV_TO_USER");
	return check(vm);
}

void vm_destroy(struct vm *vm)
{
	int *fds[] = { &vm->its, &vm->gic, &vm->fd };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static int set_slot(struct vm *vm, unsigned int slot, uint64_t gpa, uint64_t size, void *va)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)va,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size, void *va)
{
	unsigned int slot;
	int ret;

	for (slot = 0; slot < VM_SLOTS_MAX; slot++)
		if (!(vm->slots >> slot & 1))
			break;
	if (slot == VM_SLOTS_MAX)
		return -ENOSPC;
	ret = set_slot(vm, slot, gpa, size, va);
	if (ret)
		return ret;
	vm->slots |= 1ULL << slot;
	return slot;
}

void vm_remove_memory(struct vm *vm, unsigned int slot)
{
	set_slot(vm, slot, 0, 0, NULL);
	vm->slots &= ~(1ULL << slot);
}

int vm_device(struct vm *vm, uint32_t type, const char *name)
{
	struct kvm_create_device device = { .type = type };

	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &device))
		return vmm_error(-errno, "KVM cannot make a %s", name);
	return device.fd;
}

int vm_device_set(int device, uint32_t group, uint64_t attr, const void *value)
{
	struct kvm_device_attr cmd = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)value,
	};

	return ioctl(device, KVM_SET_DEVICE_ATTR, &cmd) ? -errno : 0;
}
