// SPDX-License-Identifier: GPL-2.0
/*
 * What operators see of a region: /sys/class/iommufd_mem.
 */
#include "mem.h"
