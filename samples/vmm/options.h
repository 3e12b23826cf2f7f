/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line.
 */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu.h"
#include "memory.h"

#define DEVICES_MAX	8

struct option_ram {
	uint64_t size;			/* bytes */
	unsigned int device;		/* whose region it is of: index of a device */
	const char *region;		/* or its name; NULL: the device's */
};

struct option_device {
	const char *bdf;		/* NULL: it is fd */
	int fd;				/* an open cdev, bound to options::iommufd */
	uint32_t dev_id;		/* the ID that it got */
};

struct options {
	const char *kernel;
	const char *initrd;
	const char *command_line;
	unsigned int cpus;
	enum memory_type memory;
	struct option_ram ram[MEMORY_BANKS_MAX];
	unsigned int nr_ram;
	enum iommu_mode iommu;
	struct option_device devices[DEVICES_MAX];
	unsigned int nr_devices;
	int iommufd;			/* -1: open /dev/iommu */
	int kvm;			/* -1: open /dev/kvm */
	bool direct_msi;
	bool sandbox;
};

/* Does not return if there is anything wrong */
void options_parse(struct options *options, int argc, char **argv);

#endif
