/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel's pure logic needs to compile for the build host: integer types
 * and a handful of macros. Anything that would need more is not pure.
 */
#ifndef KERNEL_SHIM_H
#define KERNEL_SHIM_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint64_t __le64;

#define le64_to_cpu(x)	le64toh(x)
#define __counted_by(m)
#define max(a, b)	((a) > (b) ? (a) : (b))

/* A test asks how often the code has warned */
extern unsigned int shim_warnings;
#define WARN_ON(cond)	({ bool c__ = (cond); shim_warnings += c__; c__; })

#endif
