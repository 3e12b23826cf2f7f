// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher: the part of a VM's start that needs privileges. It opens /dev/iommu,
 * /dev/kvm and the cdevs of the devices, binds those, allocates the guest's RAM, then
 * becomes somebody without any rights and runs the VMM, which gets the files and finds the
 * memory in the iommufd.
 */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <iommufd-mem/iommufd.h>

#include "../../bytes.h"
#include "../bind.h"
#include "../error.h"

const char *argp_program_version = "vmm-launch 0.2";

#define MAX	8

struct launch {
	unsigned int user;	/* and group */
	const char *devices[MAX];
	struct {
		uint64_t size;
		unsigned int device;
		const char *region;	/* its name; NULL: the device's */
	} ram[MAX];
	int nr_devices, nr_ram;
	char **program;		/* and its arguments */
	int nr_arguments;
};

enum { USER = 0x100, DEVICE, RAM };

static const struct argp_option argp_options[] = {
	{ "user", USER, "UID", 0, "user and group that the VMM runs as (default 65534, nobody)", 0 },
	{ "device", DEVICE, "BDF", 0, "PCI function to pass through; repeatable", 0 },
	{ "ram", RAM, "SIZE[@OF]", 0, "allocate RAM from the region of device number OF (default 0), or from the region OF, a name in /sys/class/iommufd_mem; repeatable", 0 },
	{}
};

static void add_ram(struct launch *launch, char *arg, struct argp_state *state)
{
	char *at = strchr(arg, '@'), *end;
	int i = launch->nr_ram++;

	if (i == MAX)
		argp_error(state, "--ram: %d at most", MAX);
	if (at)
		*at++ = '\0';
	if (at && isdigit(*at)) {
		launch->ram[i].device = strtoul(at, &end, 0);
		if (*end)
			argp_error(state, "--ram: not a device's number: %s", at);
	} else {
		launch->ram[i].region = at;
	}
	if (!parse_bytes(arg, &launch->ram[i].size) || !launch->ram[i].size)
		argp_error(state, "--ram: not a size: %s", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct launch *launch = state->input;
	char *end;
	int i;

	switch (key) {
	case USER:
		launch->user = strtoul(arg, &end, 0);
		if (!launch->user || *end)
			argp_error(state, "--user: not a number above 0: %s", arg);
		return 0;
	case DEVICE:
		if (launch->nr_devices == MAX)
			argp_error(state, "--device: %d at most", MAX);
		launch->devices[launch->nr_devices++] = arg;
		return 0;
	case RAM:
		add_ram(launch, arg, state);
		return 0;
	case ARGP_KEY_ARGS:
		launch->program = state->argv + state->next;
		launch->nr_arguments = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		if (!launch->program)
			argp_error(state, "which VMM? -- /path/to/vmm OPTIONS");
		for (i = 0; i < launch->nr_ram; i++)
			if (!launch->ram[i].region &&
			    launch->ram[i].device >= (unsigned int)launch->nr_devices)
				argp_error(state, "--ram: there is no device %u",
					   launch->ram[i].device);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The descriptor stays open in the VMM */
static int keep(int fd, const char *what)
{
	if (fd < 0)
		return vmm_error(fd, "%s", what);
	if (fcntl(fd, F_SETFD, 0))
		return vmm_error(-errno, "%s", what);
	return fd;
}

static int become(unsigned int user)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || setgroups(0, NULL) || setgid(user) ||
	    setuid(user))
		return vmm_error(-errno, "becoming user %u", user);
	return 0;
}

/* The VMM's arguments, and ours behind them */
static char **arguments(const struct launch *launch, int iommufd, int kvm,
			const struct vfio_dev *devs)
{
	char **argv = calloc(launch->nr_arguments + launch->nr_devices + 4, sizeof(*argv));
	int i, n = launch->nr_arguments;

	if (!argv)
		return NULL;
	memcpy(argv, launch->program, n * sizeof(*argv));
	if (asprintf(&argv[n++], "--iommufd=%d", iommufd) < 0 ||
	    asprintf(&argv[n++], "--kvm=%d", kvm) < 0)
		return NULL;
	for (i = 0; i < launch->nr_devices; i++)
		if (asprintf(&argv[n++], "--device=fd:%d:%u", devs[i].fd, devs[i].dev_id) < 0)
			return NULL;
	argv[n] = strdup("--sandbox");
	return argv[n] ? argv : NULL;
}

/* The VMM finds the object in the iommufd */
static int allocate(const struct launch *launch, int i, int iommufd, const struct vfio_dev *devs)
{
	const char *region = launch->ram[i].region;
	uint64_t size = launch->ram[i].size, offset;
	uint32_t mem_id;
	int ret;

	if (region)
		ret = iommufd_mem_alloc_named(iommufd, region, size, &mem_id, &offset);
	else
		ret = iommufd_mem_alloc_region(iommufd, devs[launch->ram[i].device].dev_id, size,
					       &mem_id, &offset);
	return ret ? vmm_error(ret, "%llu MiB of hypervisor-invisible memory%s%s",
			       (unsigned long long)size >> 20, region ? " of " : "",
			       region ?: "") : 0;
}

static int run(const struct launch *launch)
{
	int iommufd, kvm, i, ret;
	struct vfio_dev devs[MAX] = {};
	char **argv;

	/* Whatever we were started with besides is not for the VMM */
	ret = close_range(STDERR_FILENO + 1, ~0U, 0);
	if (ret)
		return vmm_error(-errno, "close_range");
	iommufd = keep(iommufd_open(), "/dev/iommu");
	kvm = open("/dev/kvm", O_RDWR);
	if (iommufd < 0 || kvm < 0)
		return kvm < 0 ? vmm_error(-errno, "/dev/kvm") : iommufd;
	for (i = 0; i < launch->nr_devices; i++)
		if (bind_function(&devs[i], launch->devices[i], iommufd) ||
		    keep(devs[i].fd, launch->devices[i]) < 0)
			return -ENODEV;
	for (i = 0; i < launch->nr_ram && !ret; i++)
		ret = allocate(launch, i, iommufd, devs);
	if (ret)
		return ret;
	argv = arguments(launch, iommufd, kvm, devs);
	if (!argv)
		return vmm_error(-ENOMEM, "arguments");
	ret = become(launch->user);
	if (ret)
		return ret;
	execv(argv[0], argv);
	return vmm_error(-errno, "%s", argv[0]);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse,
		.args_doc = "VMM [OPTIONS]...",
		.doc = "Open, bind and allocate as root what a VM needs, then run the VMM as nobody "
		       "with these files alone. It gets --iommufd, --kvm, --device and --sandbox.\v"
		       "For example: vmm-launch --device 0000:01:00.4 --ram 1G -- /usr/bin/vmm "
		       "--kernel Image. SIZE may end in K, M, G or T.",
	};
	struct launch launch = { .user = 65534 };

	argp_parse(&argp, argc, argv, 0, NULL, &launch);
	run(&launch);
	return EXIT_FAILURE;
}
