// SPDX-License-Identifier: GPL-2.0
/*
 * Carve-outs of the host's memory, on any machine, as regions of iommufd.
 */
#include <linux/module.h>

MODULE_DESCRIPTION("Carve-outs of the host's memory as memory objects");
MODULE_LICENSE("GPL");
