// SPDX-License-Identifier: GPL-2.0
/*
 * The command line. Whatever can be known to be wrong without asking the kernel is
 * said here.
 */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../bytes.h"
#include "error.h"
#include "layout.h"
#include "options.h"

const char *argp_program_version = "vmm 0.2";

enum {
	KERNEL = 0x100, INITRD, APPEND, CPUS, MEM, RAM, IOMMU, DEVICE, IOMMUFD, KVM, DIRECT_MSI,
	SANDBOX,
};

static const struct argp_option argp_options[] = {
	{ NULL, 0, NULL, 0, "The guest:", 1 },
	{ "kernel", KERNEL, "FILE", 0, "arm64 Image to boot", 0 },
	{ "initrd", INITRD, "FILE", 0, "its initial file system", 0 },
	{ "append", APPEND, "ARGUMENTS", 0, "its command line (default console=ttyAMA0)", 0 },
	{ "cpus", CPUS, "N", 0, "vCPUs, 1 to 8 (default 1)", 0 },
	{ "mem", MEM, "TYPE", 0, "where RAM comes from: hi (default; hypervisor-invisible memory, as memory objects), memfd or hugetlb", 0 },
	{ "ram", RAM, "SIZE[@OF]", 0, "RAM (default 1G); again for one more NUMA node. With --mem hi it is of the region that device number OF (default 0) is linked to, or of the region OF, a name in /sys/class/iommufd_mem, which takes CAP_SYS_RAWIO", 0 },
	{ NULL, 0, NULL, 0, "Its devices:", 2 },
	{ "device", DEVICE, "BDF", 0, "PCI function to pass through, as in sysfs; repeatable", 0 },
	{ "iommu", IOMMU, "MODE", 0, "nested (default; the guest has an SMMUv3), flat (it has none; stage 2 only) or none (neither; the host kernel's own choice of page tables)", 0 },
	{ "direct-msi", DIRECT_MSI, NULL, 0, "with --iommu nested: have the guest map the doorbell of MSIs to itself, for drivers of its kernel. VFIO in the guest then refuses the devices", 0 },
	{ NULL, 0, NULL, 0, "Confinement (see vmm-launch):", 3 },
	{ "iommufd", IOMMUFD, "FD", 0, "an open /dev/iommu; devices are then --device fd:FD:ID, RAM is the memory objects that it has", 0 },
	{ "kvm", KVM, "FD", 0, "an open /dev/kvm", 0 },
	{ "sandbox", SANDBOX, NULL, 0, "drop all capabilities, and allow only the system calls and ioctls that the VM needs", 0 },
	{ "verbose", 'v', NULL, 0, "say what is asked of the kernel", 4 },
	{}
};

/* A number up to @max, and nothing after it but @end (a character, or 0) */
static bool number(const char *text, unsigned long max, unsigned long *value, char **rest, char end)
{
	errno = 0;
	*value = strtoul(text, rest, 0);
	return !errno && *rest != text && *text != '-' && **rest == end && *value <= max;
}

static int one_of(const char *text, const char *const *names, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strcmp(text, names[i]))
			return i;
	return -1;
}

static unsigned int checked_number(struct argp_state *state, const char *option, const char *text,
				   unsigned long max)
{
	unsigned long value;
	char *rest;

	if (!number(text, max, &value, &rest, 0))
		argp_error(state, "--%s: not a number up to %lu: %s", option, max, text);
	return value;
}

static void add_ram(struct options *options, struct argp_state *state, char *arg)
{
	struct option_ram *ram = &options->ram[options->nr_ram];
	char *at = strchr(arg, '@');

	if (options->nr_ram == MEMORY_BANKS_MAX)
		argp_error(state, "--ram: %d at most", MEMORY_BANKS_MAX);
	if (at) {
		*at++ = '\0';
		if (isdigit(*at))
			ram->device = checked_number(state, "ram", at, DEVICES_MAX - 1);
		else
			ram->region = at;
	}
	if (!parse_bytes(arg, &ram->size) || !ram->size || ram->size % MIB(2))
		argp_error(state, "--ram: not a multiple of 2M: %s", arg);
	options->nr_ram++;
}

static void add_device(struct options *options, struct argp_state *state, const char *arg)
{
	struct option_device *device = &options->devices[options->nr_devices];
	unsigned long fd, id;
	char *rest;

	if (options->nr_devices == DEVICES_MAX)
		argp_error(state, "--device: %d at most", DEVICES_MAX);
	if (strncmp(arg, "fd:", 3)) {
		device->bdf = arg;
	} else {
		if (!number(arg + 3, 65535, &fd, &rest, ':') ||
		    !number(rest + 1, UINT32_MAX, &id, &rest, 0))
			argp_error(state, "--device: not fd:FD:ID: %s", arg);
		device->fd = fd;
		device->dev_id = id;
	}
	options->nr_devices++;
}

static void check(const struct options *options, struct argp_state *state)
{
	unsigned int i;

	if (!options->kernel)
		argp_error(state, "--kernel is needed: an arm64 Image");
	if (!options->cpus || options->cpus > GUEST_CPUS_MAX)
		argp_error(state, "--cpus: 1 to %d", GUEST_CPUS_MAX);
	for (i = 0; i < options->nr_devices; i++)
		if (!options->devices[i].bdf != (options->iommufd >= 0))
			argp_error(state, "--iommufd and --device fd:FD:ID go together");
	for (i = 0; i < options->nr_ram; i++)
		if (options->memory == MEMORY_HI && options->iommufd < 0 &&
		    !options->ram[i].region && options->ram[i].device >= options->nr_devices)
			argp_error(state, "--mem hi needs a --device that is linked to such memory: there is no device %u",
				   options->ram[i].device);
	if (options->direct_msi && options->iommu != IOMMU_NESTED)
		argp_error(state, "--direct-msi is of --iommu nested");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	int choice;

	switch (key) {
	case KERNEL:
		options->kernel = arg;
		return 0;
	case INITRD:
		options->initrd = arg;
		return 0;
	case APPEND:
		options->command_line = arg;
		return 0;
	case CPUS:
		options->cpus = checked_number(state, "cpus", arg, GUEST_CPUS_MAX);
		return 0;
	case MEM:
		choice = one_of(arg, memory_type_names, MEMORY_HUGETLB + 1);
		if (choice < 0)
			argp_error(state, "--mem: hi, memfd or hugetlb, not %s", arg);
		options->memory = choice;
		return 0;
	case RAM:
		add_ram(options, state, arg);
		return 0;
	case IOMMU:
		choice = one_of(arg, iommu_mode_names, IOMMU_NONE + 1);
		if (choice < 0)
			argp_error(state, "--iommu: nested, flat or none, not %s", arg);
		options->iommu = choice;
		return 0;
	case DEVICE:
		add_device(options, state, arg);
		return 0;
	case IOMMUFD:
		options->iommufd = checked_number(state, "iommufd", arg, 65535);
		return 0;
	case KVM:
		options->kvm = checked_number(state, "kvm", arg, 65535);
		return 0;
	case DIRECT_MSI:
		options->direct_msi = true;
		return 0;
	case SANDBOX:
		options->sandbox = true;
		return 0;
	case 'v':
		vmm_verbose = true;
		return 0;
	case ARGP_KEY_END:
		if (!options->nr_ram)
			options->ram[options->nr_ram++].size = GIB(1);
		check(options, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

void options_parse(struct options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse,
		.doc = "Run an arm64 Linux guest whose RAM is hypervisor-invisible memory, with "
		       "vfio devices behind nested page tables, through one iommufd.\v"
		       "Its console is stdin and stdout; on a terminal, Ctrl-A X ends it. Exits with "
		       "0 when the guest has powered itself off, with 1 if anything failed, with 2 "
		       "when a signal or Ctrl-A X ended it. SIZE may end in K, M, G or T.",
	};

	*options = (struct options){
		.command_line = "console=ttyAMA0", .cpus = 1, .iommufd = -1, .kvm = -1,
	};
	argp_err_exit_status = 1;
	argp_parse(&argp, argc, argv, 0, NULL, options);
}
