/* SPDX-License-Identifier: GPL-2.0 */
/* What gpu_buddy and the pool allocate, counted; and what else they need of a kernel */
#ifndef SHIM_SLAB_H
#define SHIM_SLAB_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <linux/err.h>
#include <linux/kconfig.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#ifndef U64_MAX
#define U64_MAX		UINT64_MAX
#define U32_MAX		UINT32_MAX
#endif
#define GFP_KERNEL	0
#define __GFP_NOFAIL	0
#define SLAB_HWCACHE_ALIGN	0

/* A warning is a failure */
#undef WARN_ON
#define WARN_ON(cond)	({ if (cond) abort(); false; })
#define __ffs64(x)	((unsigned int)__builtin_ctzll(x))

#ifndef IS_ALIGNED
#define IS_ALIGNED(x, a)	(((x) & ((typeof(x))(a) - 1)) == 0)
#endif
#define range_overflows(start, size, max)				\
	((start) >= (max) || (size) > (max) - (start))
#define pr_info(...)	((void)0)

void *shim_alloc(size_t size);
void shim_free(void *p);

struct kmem_cache {
	size_t size;
};

#define kzalloc(size, gfp)		((void)(gfp), shim_alloc(size))
#define kmalloc(size, gfp)		kzalloc(size, gfp)
#define kcalloc(n, size, gfp)		kzalloc((n) * (size), gfp)
#define kmalloc_array(n, size, gfp)	kcalloc(n, size, gfp)
#define kzalloc_obj(obj, ...)		shim_alloc(sizeof(obj))
#define kzalloc_objs(obj, n, ...)	shim_alloc(sizeof(obj) * (n))
#define kmalloc_objs(obj, n, ...)	kzalloc_objs(obj, n)
#define kfree(p)			shim_free(p)
#define KMEM_CACHE(type, flags)						\
	({								\
		static struct kmem_cache cache__ = {			\
			sizeof(struct type) };				\
		&cache__;						\
	})
#define kmem_cache_zalloc(cache, gfp)	((void)(gfp), shim_alloc((cache)->size))
#define kmem_cache_free(cache, p)	((void)(cache), shim_free(p))
#define kmem_cache_destroy(cache)	((void)(cache))

#endif
