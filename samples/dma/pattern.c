// SPDX-License-Identifier: GPL-2.0
/*
 * Memory contents: a word of the pattern is a hash of its offset and a seed, so
 * that data which arrives at the wrong place, or from an earlier step, is seen.
 */
#include "pattern.h"

static uint64_t pattern_word(uint64_t offset, uint64_t seed)
{
	return (offset + 1) * 0x9e3779b97f4a7c15ULL ^ seed;
}

void pattern_fill(void *va, uint64_t length, uint64_t seed)
{
	volatile uint64_t *word = va;
	uint64_t offset;

	for (offset = 0; offset < length; offset += 8)
		word[offset / 8] = pattern_word(offset, seed);
}

uint64_t pattern_check(const void *va, uint64_t length, uint64_t seed)
{
	const volatile uint64_t *word = va;
	uint64_t offset;

	for (offset = 0; offset < length; offset += 8)
		if (word[offset / 8] != pattern_word(offset, seed))
			return offset;
	return PATTERN_SAME;
}

uint64_t pattern_check_word(const void *va, uint64_t length, uint64_t word)
{
	const volatile uint64_t *at = va;
	uint64_t offset;

	for (offset = 0; offset < length; offset += 8)
		if (at[offset / 8] != word)
			return offset;
	return PATTERN_SAME;
}

uint64_t pattern_compare(const void *a, const void *b, uint64_t length)
{
	const volatile uint64_t *at_a = a, *at_b = b;
	uint64_t offset;

	for (offset = 0; offset < length; offset += 8)
		if (at_a[offset / 8] != at_b[offset / 8])
			return offset;
	return PATTERN_SAME;
}
