// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of memory that iommufd gives to virtual machines, as sysfs shows them.
 * Allocating from the one of a device is in iommufd.c, and needs no sysfs.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommufd-mem/iommufd.h>

#include "sysfs.h"

#define SYSFS_REGIONS "/sys/class/iommufd_mem"

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* False where it is just being removed, or has a name that we have no room for */
static bool read_region(const char *name, struct iommufd_mem_region *region)
{
	char policy[16];

	if (strlen(name) >= sizeof(region->name) ||
	    !sysfs_line(SYSFS_REGIONS, name, "policy", policy, sizeof(policy)))
		return false;
	strcpy(region->name, name);
	region->id = sysfs_number(SYSFS_REGIONS, name, "id", 0);
	region->node = sysfs_number(SYSFS_REGIONS, name, "node", -1);
	region->exclusive = !strcmp(policy, "exclusive");
	region->size = sysfs_number(SYSFS_REGIONS, name, "size", 0);
	region->free = sysfs_number(SYSFS_REGIONS, name, "free", 0);
	region->largest_free = sysfs_number(SYSFS_REGIONS, name, "largest_free", 0);
	return region->size;
}

static bool is_linked(const char *name, const char *device)
{
	char path[512];
	int length = snprintf(path, sizeof(path), SYSFS_REGIONS "/%s/%s", name, device);

	return length < (int)sizeof(path) && !access(path, F_OK);
}

/* @device: NULL for all regions */
static int find_regions(const char *device, struct iommufd_mem_region *found, int max)
{
	struct dirent **names;
	int nr, i, count = 0;

	nr = scandir(SYSFS_REGIONS, &names, is_visible, versionsort);
	if (nr < 0)
		return -errno;
	for (i = 0; i < nr; i++) {
		if (count < max && (!device || is_linked(names[i]->d_name, device)) &&
		    read_region(names[i]->d_name, &found[count]))
			count++;
		free(names[i]);
	}
	free(names);
	return count;
}

int iommufd_mem_regions(struct iommufd_mem_region *found, int max)
{
	return find_regions(NULL, found, max);
}

int iommufd_mem_region_of(const char *device, struct iommufd_mem_region *region)
{
	int count = find_regions(device, region, 1);

	return count < 0 ? count : count ? 0 : -ENODEV;
}

int iommufd_mem_alloc_named(int fd, const char *name, uint64_t length, uint32_t *mem_id,
			    uint64_t *mmap_offset)
{
	struct iommu_mem_alloc cmd = { .type = IOMMU_MEM_TYPE_REGION, .length = length };
	struct iommufd_mem_region region;
	int ret;

	if (!read_region(name, &region))
		return -ENOENT;
	cmd.region_index = region.id;
	ret = iommufd_mem_alloc(fd, &cmd);
	if (ret)
		return ret;
	*mem_id = cmd.out_mem_id;
	*mmap_offset = cmd.out_mmap_offset;
	return 0;
}
