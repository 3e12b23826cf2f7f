// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program as on a kernel that lacks something: what is asked of it is answered as
 * such a kernel would.
 *
 * usage: without memory-objects|cacheable-pfnmap PROGRAM [ARGUMENT]...
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <seccomp.h>

#include <iommufd-mem/iommufd.h>

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret = -EINVAL;

	if (!filter || argc < 3)
		return 125;
	if (!strcmp(argv[1], "memory-objects"))
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, IOMMU_MEM_ALLOC));
	else if (!strcmp(argv[1], "cacheable-pfnmap"))
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(ioctl), 2,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, KVM_CHECK_EXTENSION),
				       SCMP_A2(SCMP_CMP_EQ, KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED));
	if (ret || seccomp_load(filter)) {
		fprintf(stderr, "without: %s cannot be left out\n", argv[1]);
		return 125;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 125;
}
