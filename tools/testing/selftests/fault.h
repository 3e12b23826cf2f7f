/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection: the n-th allocation of the calling task fails in the kernel. See
 * Documentation/fault-injection in the kernel's source.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>

/*
 * Let any allocation fail, and fill no log with it. A file descriptor for the others,
 * which the caller closes, or a negative errno where the kernel has no such thing
 */
int fault_open(void);
/*
 * Allocations on behalf of kernel functions from @first to before @end, in the order of their
 * addresses, do not count and never fail; NULL and NULL: all do again. 0 or a negative errno:
 * ENOENT: no such functions; ENOTTY: this kernel cannot tell
 */
int fault_spare(const char *first, const char *end);
/* The @nth allocation of this task from now on fails. 0 or a negative errno */
int fault_arm(int fd, int nth);
/* Did one fail since fault_arm()? None does any more */
bool fault_disarm(int fd);

#endif
