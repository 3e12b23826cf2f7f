/* SPDX-License-Identifier: GPL-2.0 */
/* One thread */
#ifndef SHIM_ATOMIC_H
#define SHIM_ATOMIC_H

#include <linux/types.h>

#define atomic_set(v, i)	((void)((v)->counter = (i)))
#define atomic_inc_return(v)	(++(v)->counter)

#endif
