// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that must not be used: what firmware retired, and what failed since.
 */
#include "mem.h"

int iommufd_mem_retired(struct iommufd_ucmd *ucmd)
{
	return -EOPNOTSUPP;
}
