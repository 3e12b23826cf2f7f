// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of memory objects, see include/trace/events/iommufd_mem.h.
 */
#include "mem.h"
