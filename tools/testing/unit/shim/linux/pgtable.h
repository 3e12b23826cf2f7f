/* SPDX-License-Identifier: GPL-2.0 */
/* What the page table entries of most machines map, with pages of 4 KiB */
#ifndef SHIM_PGTABLE_H
#define SHIM_PGTABLE_H

#define PMD_SIZE	(1UL << 21)
#define PUD_SIZE	(1UL << 30)

#endif
