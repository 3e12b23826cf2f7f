/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before each file that sparse reads: what Linux 7.3 uses and the
 * released sparse (0.6.4) does not know. Without the first the kernel's build
 * leaves sparse out; without the second every MODULE_*() is a bad constant
 * expression, and after an error sparse keeps its warnings to itself.
 */
#define __typeof_unqual__ __typeof__
#define __builtin_strlen(s) (sizeof(s) - 1)
