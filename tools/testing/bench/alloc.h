/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of bench_alloc() share. All of it is about b->pool.
 */
#ifndef BENCH_ALLOC_H
#define BENCH_ALLOC_H

#include "bench.h"

/* Allocate @length bytes, and give them back */
int alloc_free(struct bench *b, int iommufd, uint64_t length);

/* These report their own errors, and fail if the region is not as it was before */
int alloc_fragmented(struct bench *b);
int alloc_contexts(struct bench *b);

#endif
