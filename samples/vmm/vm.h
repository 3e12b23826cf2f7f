/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VM as KVM has it: memory slots, capabilities. A guest's reset ends the VM and
 * makes a new one; memory and devices outlive it.
 *
 * Functions return 0 or a negative errno, after they have said what went wrong.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "mmio.h"

#define VM_SLOTS_MAX	64

struct vm {
	int kvm;		/* /dev/kvm */
	int fd;			/* of the VM, -1 if there is none */
	/*
	 * The device lock: held by whoever is in an emulated device, be it a vCPU with an
	 * access or the event loop. The only lock of the VMM.
	 */
	pthread_mutex_t lock;
	struct mmio mmio;
	uint64_t slots;		/* memory slots in use, a bit each */
	int gic;		/* vGICv3 */
	int its;
};

/* @kvm: an open /dev/kvm, or -1 to open it here */
int vm_init(struct vm *vm, int kvm);
int vm_create(struct vm *vm);
void vm_destroy(struct vm *vm);

/*
 * [@va, @va + @size) becomes the guest's memory at @gpa. Returns the slot's number; an
 * error is said by the caller
 */
int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size, void *va);
void vm_remove_memory(struct vm *vm, unsigned int slot);

/* Attributes of KVM's devices */
int vm_device(struct vm *vm, uint32_t type, const char *name);
int vm_device_set(int device, uint32_t group, uint64_t attr, const void *value);

#endif
