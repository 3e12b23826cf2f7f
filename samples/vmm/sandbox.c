// SPDX-License-Identifier: GPL-2.0
/*
 * The allow lists. Whoever takes the VMM over finds open files it can use, but can open
 * no other, start no program, reach no network, and make no ioctl that running a guest
 * does not take: it cannot bind a device or allocate memory. What the ring may do is in
 * loop.c, for seccomp does not see that.
 *
 * Anything else is answered by the end of the process (SIGSYS): a call that is missing
 * here is a mistake to be seen, not to be lived with.
 */
#include <errno.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <linux/kvm.h>
#include <linux/vfio.h>
#include <seccomp.h>

#include <iommufd-mem/iommufd.h>

#include "error.h"
#include "sandbox.h"

static const unsigned int ioctls[] = {
	/* A VM for each boot */
	KVM_CREATE_VM, KVM_CHECK_EXTENSION, KVM_ENABLE_CAP, KVM_GET_VCPU_MMAP_SIZE,
	KVM_CREATE_DEVICE, KVM_SET_DEVICE_ATTR, KVM_CREATE_VCPU, KVM_ARM_PREFERRED_TARGET,
	KVM_ARM_VCPU_INIT, KVM_SET_ONE_REG, KVM_SET_USER_MEMORY_REGION,
	/* While it runs */
	KVM_RUN, KVM_GET_ONE_REG, KVM_IRQ_LINE, KVM_IRQFD, KVM_SET_GSI_ROUTING, KVM_SET_VCPU_EVENTS,
	/* A device's page tables, BARs, interrupts, reset */
	VFIO_DEVICE_ATTACH_IOMMUFD_PT, VFIO_DEVICE_DETACH_IOMMUFD_PT, VFIO_DEVICE_GET_REGION_INFO,
	VFIO_DEVICE_SET_IRQS, VFIO_DEVICE_RESET,
	IOMMU_HWPT_ALLOC, IOMMU_HWPT_INVALIDATE, IOMMU_VDEVICE_ALLOC,
	IOMMU_IOAS_MAP, IOMMU_IOAS_UNMAP, IOMMU_DESTROY,
	/* The console */
	TCGETS, TCSETS,
};

static const int calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(close),
	SCMP_SYS(eventfd2), SCMP_SYS(io_uring_enter), SCMP_SYS(getrandom),
	SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(brk),
	/* Threads and signals */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(clock_gettime),
	/*
	 * A thread's flags are in memory, where no filter sees them; what a process of its own could
	 * do is the same.
	 */
	SCMP_SYS(clone3), SCMP_SYS(clone),
};

static int allow(scmp_filter_ctx filter)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]) && !ret; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	for (i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]) && !ret; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, ioctls[i]));
	/* No code but what is there */
	ret = ret ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
	return ret ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
}

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int ret = 0;

	if (!none || cap_set_proc(none))
		ret = -errno;
	if (none)
		cap_free(none);
	return ret;
}

int sandbox_enter(void)
{
	scmp_filter_ctx filter;
	int ret;

	ret = drop_capabilities();
	if (ret)
		return vmm_error(ret, "dropping capabilities");
	/* Nobody but root looks into it */
	prctl(PR_SET_DUMPABLE, 0);
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return vmm_error(-ENOMEM, "seccomp");
	ret = allow(filter) ?: seccomp_load(filter);	/* sets no_new_privs */
	seccomp_release(filter);
	return ret ? vmm_error(ret, "seccomp: does this kernel have CONFIG_SECCOMP_FILTER?") : 0;
}
