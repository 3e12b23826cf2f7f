/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sizes on command lines.
 */
#ifndef SAMPLES_BYTES_H
#define SAMPLES_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* A number of bytes with an optional K, M, G or T. False if it is none */
bool parse_bytes(const char *text, uint64_t *bytes);

#endif
