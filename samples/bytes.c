// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes on command lines, for all samples.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

bool parse_bytes(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	unsigned int shift = 0;
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
		return false;
	if (*end) {
		suffix = strchr(suffixes, *end);
		if (!suffix || end[1])
			return false;
		shift = 10 * (suffix - suffixes + 1);
	}
	*bytes = value << shift;
	return *bytes >> shift == value;
}
