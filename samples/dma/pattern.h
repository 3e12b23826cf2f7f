/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory contents: patterns that depend on the place, and comparisons that say
 * where they differ. All accesses are aligned 64-bit words, so that they work on
 * device memory too; lengths are in bytes and multiples of 8.
 */
#ifndef DMA_PATTERN_H
#define DMA_PATTERN_H

#include <stdint.h>

/* Where @va differs: an offset in bytes, or PATTERN_SAME */
#define PATTERN_SAME	UINT64_MAX

void pattern_fill(void *va, uint64_t length, uint64_t seed);
uint64_t pattern_check(const void *va, uint64_t length, uint64_t seed);
/* Every word is @word */
uint64_t pattern_check_word(const void *va, uint64_t length, uint64_t word);
uint64_t pattern_compare(const void *a, const void *b, uint64_t length);

#endif
