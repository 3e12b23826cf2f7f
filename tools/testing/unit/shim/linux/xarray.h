/* SPDX-License-Identifier: GPL-2.0 */
/* A set of small numbers, with the names that an XArray has */
#ifndef SHIM_XARRAY_H
#define SHIM_XARRAY_H

#include <linux/slab.h>
#include <string.h>

#define SHIM_XA_MAX	4096

struct xarray {
	bool set[SHIM_XA_MAX];
};

#define xa_mk_value(v)	((void *)(v))

static inline void xa_init(struct xarray *xa)
{
	memset(xa, 0, sizeof(*xa));
}

#define xa_destroy(xa)	xa_init(xa)

static inline int xa_insert(struct xarray *xa, unsigned long index, void *entry, int gfp)
{
	void *node;

	if (index >= SHIM_XA_MAX)
		abort();
	if (xa->set[index])
		return -EBUSY;
	/* It can fail */
	node = shim_alloc(1);
	if (!node)
		return -ENOMEM;
	shim_free(node);
	xa->set[index] = true;
	return 0;
}

static inline unsigned long shim_xa_next(const struct xarray *xa, unsigned long index,
					 unsigned long last)
{
	const bool *next = NULL;

	if (index <= last && index < SHIM_XA_MAX)
		next = memchr(&xa->set[index], true, min(last + 1, SHIM_XA_MAX + 0UL) - index);
	return next ? (unsigned long)(next - xa->set) : last + 1;
}

#define xa_for_each_range(xa, index, entry, start, last)			\
	for ((index) = shim_xa_next(xa, start, last), (entry) = NULL; (index) <= (last);	\
	     (index) = shim_xa_next(xa, (index) + 1, last))

#endif
