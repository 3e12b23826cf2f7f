/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual CPUs: a thread each.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct kvm_run;
struct vm;

/* Why the guest no longer runs */
enum vcpu_end {
	VCPU_RUNNING,
	VCPU_POWER_OFF,		/* PSCI SYSTEM_OFF */
	VCPU_RESET,		/* PSCI SYSTEM_RESET */
	VCPU_FAILED,		/* KVM cannot go on; it has been said why */
};

struct vcpu {
	struct vcpus *all;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	uint64_t failed_pc;	/* where the host last had no memory for it, */
	unsigned int failures;	/* and how often there, without anything in between */
	pthread_t thread;
	bool started;
};

struct vcpus {
	struct vm *vm;
	unsigned int count;
	struct vcpu cpus[8];
	int run_size;
	int end_fd;		/* eventfd: readable once @end is not VCPU_RUNNING */
	enum vcpu_end end;
};

/* Both return 0 or a negative errno, and have said why */
int vcpus_create(struct vcpus *vcpus, struct vm *vm, unsigned int count);
/* CPU 0 begins at @entry with @dtb in x0, the others wait for PSCI CPU_ON */
int vcpus_start(struct vcpus *vcpus, uint64_t entry, uint64_t dtb);
/* Stop all, whatever they do, and give them back */
void vcpus_destroy(struct vcpus *vcpus);

#endif
