// SPDX-License-Identifier: GPL-2.0
/*
 * The jobs that need no VF: what machine this is, lines from the console, memory that
 * fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "tables.h"
#include "vfs.h"

#define PORT_DEADLINE	10000	/* milliseconds */
#define MAX_PORTS	4

/* "MemTotal:  1234 kB" and the like, somewhere in a file of several lines */
static uint64_t total_kib(const char *path)
{
	FILE *f = fopen(path, "re");
	char text[256], *at;
	uint64_t kib = 0;

	while (f && fgets(text, sizeof(text), f)) {
		at = strstr(text, "MemTotal:");
		if (at)
			kib = strtoull(at + strlen("MemTotal:"), NULL, 10);
	}
	if (f)
		fclose(f);
	return kib;
}

/* A number of the device tree, 32 or 64 bits; -1 if the function has none of this name */
static int64_t property(const char *bdf, const char *name)
{
	uint8_t raw[8];
	char path[128];
	uint64_t value = 0;
	ssize_t got = 0, i;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/of_node/%s", bdf, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, raw, sizeof(raw));
		close(fd);
	}
	for (i = 0; i < got; i++)
		value = value << 8 | raw[i];
	return got > 0 ? (int64_t)value : -1;
}

static void say_vf(const char *bdf)
{
	const char *type = vf_group_type(bdf);
	int64_t base = property(bdf, "nvidia,egm-base-pa");

	say("VF %s, IOMMU: %s", bdf, *type ? type : "none");
	if (base >= 0)
		say("VF %s, EGM: %#" PRIx64 ", %" PRId64 " MiB, node %" PRId64, bdf, base,
		    property(bdf, "nvidia,egm-size") >> 20, property(bdf, "nvidia,egm-pxm"));
}

/*
 * A virtio console that was passed through is a device of the guest's kernel: what its
 * driver knows of the ports came with interrupts
 */
static void say_port(void)
{
	char name[64];
	int ms, i;

	for (ms = 0; ms < PORT_DEADLINE; ms += 10) {
		for (i = 0; i < MAX_PORTS; i++) {
			if (*file_read(name, sizeof(name),
				       "/sys/class/virtio-ports/vport0p%d/name", i)) {
				say("virtio port: %s", name);
				return;
			}
		}
		usleep(10000);
	}
	say("virtio port: none");
}

int job_boot(const struct guest_options *options)
{
	char cpus[64], path[64], bdf[MAX_VFS][16];
	int node, nr_nodes = 0, i, nr;

	(void)options;
	for (node = 0; node < 64; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
		if (access(path, F_OK))
			continue;
		nr_nodes++;
		file_read(cpus, sizeof(cpus), "%s/cpulist", path);
		strcat(path, "/meminfo");
		say("node %d: %" PRIu64 " MiB, cpus %s", node, total_kib(path) >> 10, cpus);
	}
	nr = vfs_find(bdf);
	for (i = 0; i < nr; i++)
		say_vf(bdf[i]);
	if (!access("/sys/bus/virtio/devices/virtio0", F_OK))
		say_port();
	say("ram %" PRIu64 " MiB, cpus %ld, nodes %d", total_kib("/proc/meminfo") >> 10,
	    sysconf(_SC_NPROCESSORS_ONLN), nr_nodes);
	return 0;
}

int job_idle(const struct guest_options *options)
{
	const char *text;

	(void)options;
	say("ready");
	for (;;) {
		text = console_line(1000);
		if (text && !strcmp(text, "off"))
			return 0;
		if (text)
			say("%s", text);
	}
}

/* Where a function of the kernel is in physical memory; 0 if it does not say */
static uint64_t kernel_address(const char *of)
{
	uint64_t code = 0, start = 0, found = 0;
	char text[256], name[64], type;
	unsigned long long value;
	FILE *f;

	f = fopen("/proc/iomem", "re");
	while (f && fgets(text, sizeof(text), f))
		if (strstr(text, "Kernel code"))
			code = strtoull(text, NULL, 16);
	if (f)
		fclose(f);
	f = fopen("/proc/kallsyms", "re");
	while (f && fgets(text, sizeof(text), f) && (!start || !found)) {
		if (sscanf(text, "%llx %c %63s", &value, &type, name) != 3)
			continue;
		if (!strcmp(name, "_stext"))
			start = value;
		if (!strcmp(name, of))
			found = value;
	}
	if (f)
		fclose(f);
	/* The code begins with the header of the image, alone in its 64 KiB */
	return code && start && found ? code + KIB(64) + (found - start) : 0;
}

/* What can be made to fail; the vectors are where the kernel takes every exception */
static void say_addresses(const void *buffer)
{
	struct tables tables;

	say("buffer at %#" PRIx64, physical_address(buffer));
	say("poll at %#" PRIx64, kernel_address("__arm64_sys_ppoll"));
	say("vectors at %#" PRIx64, kernel_address("vectors"));
	if (!tables_open(&tables))
		say("streams at %#" PRIx64, tables.stream_table);
	tables_close(&tables);
}

/* Changes stream table entries, as VFIO gives the VFs page tables of their own */
static void copy_once(void)
{
	struct vfs vfs;
	uint8_t *va;
	int ret;

	ret = vfs_open(&vfs, 1) ?: vfs_map(&vfs, BUFFER_IOVA, MIB(2), &va);
	ret = ret ?: vfs_copy(&vfs, 0, BUFFER_IOVA, BUFFER_IOVA + MIB(1), MIB(1), END_POLL, NULL);
	vfs_close(&vfs);
	say("copy: %s", strerror(-ret));
}

#define POISON_BYTE	0x5a

/* The first byte that is not as it was, of those that are looked at; or @size */
static uint64_t find_change(const volatile uint8_t *buffer, uint64_t size, unsigned int step)
{
	uint64_t at = 0;

	while (at < size && buffer[at] == POISON_BYTE)
		at += step;
	return at < size ? at : size;
}

/*
 * Read a buffer again and again, until told off or killed by its memory. No byte of it
 * may change; "check" looks at all of them, not only at those on the way. "copy" has a VF
 * copy something else
 */
int job_poison(const struct guest_options *options)
{
	const char *text;
	uint8_t *buffer;
	uint64_t at;
	bool all;

	buffer = mmap(NULL, options->size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (buffer == MAP_FAILED)
		return step_failed(-errno, "mmap of %" PRIu64 " bytes", options->size);
	memset(buffer, POISON_BYTE, options->size);
	if (sigsetjmp(sigbus_jump, 1)) {
		say("SIGBUS");
		return 0;
	}
	catch_sigbus();
	say_addresses(buffer + options->size / 2);
	say("ready");
	for (text = ""; ; text = console_line(10) ?: "") {
		all = !strcmp(text, "check") || !strcmp(text, "off");
		at = find_change(buffer, options->size, all ? 1 : 64);
		if (at < options->size)
			return step_failed(0, "byte %#" PRIx64 " of the buffer changed", at);
		if (all)
			say("%s: nothing changed", text);
		if (!strcmp(text, "copy"))
			copy_once();
		if (!strcmp(text, "off"))
			return 0;
	}
}
