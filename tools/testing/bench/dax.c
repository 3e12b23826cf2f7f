// SPDX-License-Identifier: GPL-2.0
/*
 * A device-dax of memory that firmware describes as an NVDIMM, made as ndctl makes it:
 * "ndctl create-namespace -m devdax", with its struct pages in RAM.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

#define ND	"/sys/bus/nd"
#define SEED	ND "/devices/dax0.0"
#define DAX	"/sys/bus/dax/devices/dax0.0"

static int create(void)
{
	int ret;

	/* It begins as a block device */
	ret = memtest_write("namespace0.0", ND "/drivers/nd_pmem/unbind");
	if (!ret)
		ret = memtest_write("2097152", SEED "/align");
	if (!ret)
		ret = memtest_write("9c0c2b0e-64d8-4e0a-a5d3-0a5ef2f1d0c4",
				    SEED "/uuid");
	if (!ret)
		ret = memtest_write("ram", SEED "/mode");
	if (!ret)
		ret = memtest_write("namespace0.0", SEED "/namespace");
	if (!ret)
		ret = memtest_write("dax0.0", ND "/drivers/dax_pmem/bind");
	return ret;
}

int memory_open_dax(struct memory *memory)
{
	int ret = 0;

	if (access(ND "/devices/namespace0.0", F_OK))
		return -ENODEV;
	if (access(DAX, F_OK))
		ret = create();
	if (ret)
		return ret;
	if (memtest_number(DAX "/size") < memory->length)
		return -ENOMEM;
	memory->fd = open("/dev/dax0.0", O_RDWR | O_CLOEXEC);
	return memory->fd < 0 ? -errno : 0;
}
