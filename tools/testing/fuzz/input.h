/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer's input, taken from the front; zeros follow when it is used up.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct input {
	const uint8_t *data;
	size_t left;
};

/* What must hold, whatever the input: not assert(), which NDEBUG turns off */
#define must(condition)								\
	do {									\
		if (!(condition)) {						\
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,	\
				__LINE__, #condition);				\
			abort();						\
		}								\
	} while (0)

static inline void input_bytes(struct input *in, void *to, size_t length)
{
	size_t n = length < in->left ? length : in->left;

	if (n)
		memcpy(to, in->data, n);
	memset((uint8_t *)to + n, 0, length - n);
	in->data += n;
	in->left -= n;
}

#define INPUT_INTEGER(bits)						\
	static inline uint##bits##_t input_u##bits(struct input *in)	\
	{								\
		uint##bits##_t value;					\
									\
		input_bytes(in, &value, sizeof(value));			\
		return value;						\
	}

INPUT_INTEGER(8)
INPUT_INTEGER(16)
INPUT_INTEGER(32)
INPUT_INTEGER(64)

#endif
