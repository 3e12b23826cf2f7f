// SPDX-License-Identifier: GPL-2.0
/*
 * What only developers need of a region: /sys/kernel/debug/iommufd_mem.
 */
#include "mem.h"
