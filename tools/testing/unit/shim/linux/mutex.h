/* SPDX-License-Identifier: GPL-2.0 */
/* One thread: locks are there and do nothing. And what frees at the end of a scope */
#ifndef SHIM_MUTEX_H
#define SHIM_MUTEX_H

#include <linux/slab.h>

struct mutex {
	int unused;
};

static inline void shim_guard(const void *lock)
{
	(void)lock;
}

#define mutex_init(lock)	((void)(lock))
#define guard(type)		shim_guard
#define scoped_guard(type, lock) \
	for (const void *once__ = (lock); once__; once__ = NULL)

static inline void shim_free_at_end(void *p)
{
	shim_free(*(void **)p);
}

#define __free(function)	__attribute__((cleanup(shim_free_at_end)))
#define return_ptr(p)		return ({ typeof(p) p__ = (p); (p) = NULL; p__; })

#endif
