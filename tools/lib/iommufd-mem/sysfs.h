/* SPDX-License-Identifier: GPL-2.0 */
/* Attributes of sysfs; private to the library */
#ifndef SYSFS_H
#define SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of <dir>/<name>/<attribute>, which may be empty; false if there is none */
static inline bool sysfs_line(const char *dir, const char *name, const char *attribute,
			      char *line, size_t size)
{
	char path[256];
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/%s/%s", dir, name, attribute) >= (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(line, size, f))
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* A number, decimal or 0x..., and @missing where there is none */
static inline long long sysfs_number(const char *dir, const char *name, const char *attribute,
				     long long missing)
{
	long long value;
	char line[32];
	char *end;

	if (!sysfs_line(dir, name, attribute, line, sizeof(line)))
		return missing;
	value = strtoll(line, &end, 0);
	return end == line || *end ? missing : value;
}

#endif
