// SPDX-License-Identifier: GPL-2.0
/*
 * A thread for each vCPU: run until KVM needs us, serve the access, run on. PSCI is KVM's
 * but for what ends the VM.
 *
 * What nobody answers is answered as hardware does: with an external abort, taken at the
 * access. That is the end of accesses where nothing is, of those whose instruction KVM
 * cannot describe, and of those to memory that the host cannot give: RAM that failed, a
 * BAR whose device the host has taken away. KVM_RUN then fails with EFAULT; or, for RAM
 * that is pages of the host, with EINTR after SIGBUS.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <asm/ptrace.h>

#include "error.h"
#include "layout.h"
#include "memory.h"
#include "vcpu.h"
#include "vm.h"

#define KICK	SIGUSR1

/* How often a vCPU fails at one place before that is the guest's end */
#define FAILURES_MAX	100

#define CORE_REG(field)								\
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |			\
	 KVM_REG_ARM_CORE_REG(field))

/* The first reason counts */
static void end(struct vcpus *vcpus, enum vcpu_end reason)
{
	enum vcpu_end running = VCPU_RUNNING;

	if (__atomic_compare_exchange_n(&vcpus->end, &running, reason, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		eventfd_write(vcpus->end_fd, 1);
}

static int inject_abort(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events = { .exception.ext_dabt_pending = 1 };

	return ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events) ? -errno : 0;
}

static int serve_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct vm *vm = vcpu->all->vm;
	bool there;

	pthread_mutex_lock(&vm->lock);
	there = mmio_access(&vm->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len,
			    run->mmio.is_write);
	pthread_mutex_unlock(&vm->lock);
	return there ? 0 : inject_abort(vcpu);
}

static enum vcpu_end system_event(const struct kvm_run *run)
{
	switch (run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		return VCPU_POWER_OFF;
	case KVM_SYSTEM_EVENT_RESET:
		return VCPU_RESET;
	}
	vmm_error(0, "the guest ended with system event %u", run->system_event.type);
	return VCPU_FAILED;
}

/* After KVM_RUN returned 0 */
static enum vcpu_end serve(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	int ret = 0;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		ret = serve_mmio(vcpu);
		break;
	case KVM_EXIT_ARM_NISV:
		ret = inject_abort(vcpu);
		break;
	case KVM_EXIT_INTR:
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		return system_event(run);
	default:
		vmm_error(0, "vCPU %u: KVM exit %u is not known here", vcpu->index,
			  run->exit_reason);
		return VCPU_FAILED;
	}
	if (!ret)
		return VCPU_RUNNING;
	vmm_error(ret, "vCPU %u: KVM_SET_VCPU_EVENTS", vcpu->index);
	return VCPU_FAILED;
}

static int get_register(struct vcpu *vcpu, uint64_t id, uint64_t *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg) ? -errno : 0;
}

/*
 * A guest whose memory fails under its vectors, or soon behind them, takes an abort for
 * the abort, at the same address for ever. A process may do so as well, in a handler of its
 * SIGBUS: that is its own affair.
 */
static bool is_stuck(struct vcpu *vcpu)
{
	uint64_t pc = 0, pstate = 0;

	if (get_register(vcpu, CORE_REG(regs.pc), &pc) ||
	    get_register(vcpu, CORE_REG(regs.pstate), &pstate))
		return true;
	if (pc != vcpu->failed_pc || (pstate & PSR_MODE_MASK) == PSR_MODE_EL0t)
		vcpu->failures = 0;
	vcpu->failed_pc = pc;
	return ++vcpu->failures == FAILURES_MAX;
}

/* The host cannot give the memory */
static enum vcpu_end serve_failure(struct vcpu *vcpu)
{
	if (is_stuck(vcpu)) {
		vmm_error(0, "vCPU %u: memory failed that the guest needs to take an abort, at pc 0x%" PRIx64,
			  vcpu->index, vcpu->failed_pc);
		return VCPU_FAILED;
	}
	return inject_abort(vcpu) ? VCPU_FAILED : VCPU_RUNNING;
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *vcpu = opaque;
	enum vcpu_end reason = VCPU_RUNNING;
	bool failed;
	int ret;

	while (reason == VCPU_RUNNING &&
	       __atomic_load_n(&vcpu->all->end, __ATOMIC_RELAXED) == VCPU_RUNNING) {
		ret = ioctl(vcpu->fd, KVM_RUN, 0) ? -errno : 0;
		failed = memory_failed() || ret == -EFAULT;
		if (!ret) {
			vcpu->failures = 0;
			reason = serve(vcpu);
		} else if (failed) {
			reason = serve_failure(vcpu);
		} else if (ret != -EINTR && ret != -EAGAIN) {
			vmm_error(ret, "vCPU %u: KVM_RUN", vcpu->index);
			reason = VCPU_FAILED;
		}
	}
	if (reason != VCPU_RUNNING)
		end(vcpu->all, reason);
	return NULL;
}

static void kicked(int signal)
{
	(void)signal;	/* it has ended KVM_RUN, which is all it is for */
}

static int create_one(struct vcpus *vcpus, unsigned int index)
{
	struct vcpu *vcpu = &vcpus->cpus[index];
	struct kvm_vcpu_init init = {};

	vcpu->all = vcpus;
	vcpu->index = index;
	vcpu->fd = ioctl(vcpus->vm->fd, KVM_CREATE_VCPU, (unsigned long)index);
	if (vcpu->fd < 0)
		return vmm_error(-errno, "vCPU %u", index);
	vcpu->run = mmap(NULL, vcpus->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return vmm_error(-errno, "vCPU %u: mmap", index);
	}
	if (ioctl(vcpus->vm->fd, KVM_ARM_PREFERRED_TARGET, &init))
		return vmm_error(-errno, "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
	if (index)
		init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
	if (ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init))
		return vmm_error(-errno, "vCPU %u: KVM_ARM_VCPU_INIT", index);
	return 0;
}

int vcpus_create(struct vcpus *vcpus, struct vm *vm, unsigned int count)
{
	struct sigaction action = { .sa_handler = kicked };
	unsigned int i;
	int ret = 0;

	*vcpus = (struct vcpus){ .vm = vm, .count = count, .end = VCPU_RUNNING };
	for (i = 0; i < count; i++)
		vcpus->cpus[i].fd = -1;
	sigaction(KICK, &action, NULL);
	vcpus->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vcpus->end_fd < 0)
		return vmm_error(-errno, "eventfd");
	vcpus->run_size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vcpus->run_size < 0)
		return vmm_error(-errno, "KVM_GET_VCPU_MMAP_SIZE");
	for (i = 0; i < count && !ret; i++)
		ret = create_one(vcpus, i);
	return ret;
}

static int set_register(struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	return ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) ? -errno : 0;
}

/* As the kernel's booting.rst wants it: EL1, interrupts masked, the device tree in x0 */
static int set_entry(struct vcpu *vcpu, uint64_t entry, uint64_t dtb)
{
	int ret;

	ret = set_register(vcpu, CORE_REG(regs.pstate),
			   PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT | PSR_MODE_EL1h);
	ret = ret ?: set_register(vcpu, CORE_REG(regs.pc), entry);
	ret = ret ?: set_register(vcpu, CORE_REG(regs.regs[0]), dtb);
	return ret ? vmm_error(ret, "registers of vCPU 0") : 0;
}

int vcpus_start(struct vcpus *vcpus, uint64_t entry, uint64_t dtb)
{
	unsigned int i;
	int ret;

	ret = set_entry(&vcpus->cpus[0], entry, dtb);
	for (i = 0; i < vcpus->count && !ret; i++) {
		struct vcpu *vcpu = &vcpus->cpus[i];

		ret = -pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
		if (ret)
			return vmm_error(ret, "thread of vCPU %u", i);
		vcpu->started = true;
	}
	return ret;
}

void vcpus_destroy(struct vcpus *vcpus)
{
	unsigned int i;

	end(vcpus, VCPU_POWER_OFF);
	for (i = 0; i < vcpus->count; i++) {
		struct vcpu *vcpu = &vcpus->cpus[i];

		if (!vcpu->started)
			continue;
		/* For one that is just about to enter KVM_RUN */
		vcpu->run->immediate_exit = 1;
		pthread_kill(vcpu->thread, KICK);
		pthread_join(vcpu->thread, NULL);
		vcpu->started = false;
	}
	for (i = 0; i < vcpus->count; i++) {
		if (vcpus->cpus[i].run)
			munmap(vcpus->cpus[i].run, vcpus->run_size);
		if (vcpus->cpus[i].fd >= 0)
			close(vcpus->cpus[i].fd);
	}
	if (vcpus->end_fd >= 0)
		close(vcpus->end_fd);
	vcpus->count = 0;
	vcpus->end_fd = -1;
}
