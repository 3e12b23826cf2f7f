// SPDX-License-Identifier: GPL-2.0
/*
 * What is left in the kernel. Slab caches are counted as long as only use makes them
 * grow, which is not so for those of inodes and the like.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "leftovers.h"
#include "memtest.h"

uint64_t regions_sum(const char *name)
{
	char pattern[64];
	uint64_t sum = 0;
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/sys/class/iommufd_mem/*/%s", name);
	if (glob(pattern, 0, NULL, &found))
		return UINT64_MAX;
	for (i = 0; i < found.gl_pathc; i++) {
		FILE *file = fopen(found.gl_pathv[i], "re");
		unsigned long long value;

		if (file && fscanf(file, "%llu", &value) == 1)
			sum += value;
		if (file)
			fclose(file);
	}
	globfree(&found);
	return sum;
}

bool regions_become(const char *name, uint64_t expected)
{
	time_t end = time(NULL) + MEMTEST_DEADLINE;

	while (regions_sum(name) != expected) {
		if (time(NULL) > end)
			return false;
		usleep(10000);
	}
	return true;
}

/* Caches whose objects stay until there are many, or memory is short */
static bool is_noisy(const char *name)
{
	return strstr(name, "inode") || strstr(name, "dentry") ||
	       strstr(name, "rcl-") || strstr(name, "kernfs") ||
	       !strcmp(name, "vmap_area");
}

/*
 * Have the caches give back what is free, so that what they count is in use. The files
 * stay open: else they would be what grows.
 */
static void shrink_caches(void)
{
	static int fds[MAX_SLABS], nr;
	glob_t found;
	size_t i;

	if (!nr && !glob("/sys/kernel/slab/*/shrink", 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc && nr < MAX_SLABS; i++)
			fds[nr++] = open(found.gl_pathv[i],
					 O_WRONLY | O_CLOEXEC);
		globfree(&found);
	}
	for (i = 0; i < (size_t)nr; i++)
		if (pwrite(fds[i], "1", 1, 0) != 1)
			continue;
}

void slabs_count(struct slabs *slabs)
{
	char line[512];
	FILE *file;

	shrink_caches();
	slabs->nr = 0;
	file = fopen("/proc/slabinfo", "re");
	if (!file)
		return;
	while (slabs->nr < MAX_SLABS && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", slabs->cache[slabs->nr].name,
			   &slabs->cache[slabs->nr].objects) == 2 &&
		    !is_noisy(slabs->cache[slabs->nr].name))
			slabs->nr++;
	fclose(file);
}

/* How many objects the cache had, or has now if it is new */
static long objects_before(const struct slabs *before, const char *name,
			   long now)
{
	int i;

	for (i = 0; i < before->nr; i++)
		if (!strcmp(before->cache[i].name, name))
			return before->cache[i].objects;
	return now;
}

/* One that has, or -1 */
static int find_grown(const struct slabs *before, const struct slabs *now,
		      long slack)
{
	int i;

	for (i = 0; i < now->nr; i++) {
		long objects = now->cache[i].objects;

		if (objects - objects_before(before, now->cache[i].name,
					     objects) > slack)
			return i;
	}
	return -1;
}

bool slabs_shrink_to(const struct slabs *before, long slack)
{
	time_t end = time(NULL) + MEMTEST_DEADLINE;
	static struct slabs now;
	int i;

	for (;;) {
		slabs_count(&now);
		i = find_grown(before, &now, slack);
		if (i < 0)
			return true;
		if (time(NULL) > end)
			break;
		usleep(100000);
	}
	printf("# %s: %ld objects, and then %ld\n", now.cache[i].name,
	       objects_before(before, now.cache[i].name, 0),
	       now.cache[i].objects);
	return false;
}
