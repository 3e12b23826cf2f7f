/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the VMM says on stderr: one line for each thing, "vmm: ...".
 */
#ifndef VMM_ERROR_H
#define VMM_ERROR_H

#include <stdbool.h>

/* Say it, with the error in words unless @error is 0. Returns @error, or -EINVAL for 0 */
__attribute__((format(printf, 2, 3)))
int vmm_error(int error, const char *format, ...);

/*
 * What is worth a line, but ends nothing: @error as above. A guest can cause these, so there
 * are only so many lines of it.
 */
__attribute__((format(printf, 2, 3)))
void vmm_note(int error, const char *format, ...);

/* With --verbose only: what is asked of the kernel, in order */
extern bool vmm_verbose;

__attribute__((format(printf, 1, 2)))
void vmm_step(const char *format, ...);

#endif
