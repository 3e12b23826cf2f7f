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

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef uint32_t __le32;
typedef uint64_t __le64;

#define le32_to_cpu(x)	le32toh(x)
#define le64_to_cpu(x)	le64toh(x)
#define cpu_to_le32(x)	htole32(x)
#define cpu_to_le64(x)	htole64(x)
#define __counted_by(m)
#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))
#define barrier()	__asm__ __volatile__("" : : : "memory")
#undef static_assert
#define static_assert(expr)	_Static_assert(expr, #expr)

/* A test asks how often the code has warned */
extern unsigned int shim_warnings;
#define WARN_ON(cond)	({ bool c__ = (cond); shim_warnings += c__; c__; })

#endif
