/* SPDX-License-Identifier: GPL-2.0 */
#define kmemleak_update_trace(p)	((void)(p))
