// SPDX-License-Identifier: GPL-2.0
/*
 * The sample VMM: a guest on KVM whose RAM and devices come through one iommufd.
 *
 * main() is the order of things, and the page for who puts the same calls into another
 * VMM; Documentation/userspace-api/vmm.rst walks through it.
 *
 *	once			open and bind, RAM, page tables, attach
 *	for each boot		VM, vCPUs, GIC, PCI, console; kernel and device tree; run
 *
 * A guest that resets gets a new VM around the same memory and devices.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <iommufd-mem/iommufd.h>

#include "console.h"
#include "device.h"
#include "error.h"
#include "fdt.h"
#include "gic.h"
#include "image.h"
#include "iommu.h"
#include "layout.h"
#include "loop.h"
#include "memory.h"
#include "options.h"
#include "pci.h"
#include "sandbox.h"
#include "vcpu.h"
#include "vm.h"

#define EXIT_SIGNAL	2

struct vmm {
	struct options options;
	struct file kernel, initrd;
	int iommufd;
	struct memory memory;
	struct device devices[DEVICES_MAX];
	struct iommu iommu;
	struct loop loop;
	int signal_fd;
	/* Of one boot */
	struct vm vm;
	struct vcpus vcpus;
	struct pci *pci;
	struct console *console;
	struct device_window windows[2];
};

static int open_devices(struct vmm *vmm)
{
	const struct options *options = &vmm->options;
	unsigned int i;
	int ret = 0;

	vmm->iommufd = options->iommufd;
	if (vmm->iommufd < 0)
		vmm->iommufd = iommufd_open();
	if (vmm->iommufd < 0)
		return vmm_error(vmm->iommufd, "/dev/iommu");
	for (i = 0; i < options->nr_devices && !ret; i++) {
		const struct option_device *device = &options->devices[i];

		if (device->bdf)
			ret = device_open(&vmm->devices[i], device->bdf, vmm->iommufd);
		else
			ret = device_adopt(&vmm->devices[i], device->fd, device->dev_id,
					   vmm->iommufd);
	}
	return ret;
}

static int make_memory(struct vmm *vmm)
{
	const struct options *options = &vmm->options;
	unsigned int i;
	int ret = 0;

	vmm->memory.type = options->memory;
	vmm->memory.iommufd = vmm->iommufd;
	memory_handle_sigbus(&vmm->memory);
	if (options->memory == MEMORY_HI && options->iommufd >= 0)
		return memory_adopt(&vmm->memory);
	for (i = 0; i < options->nr_ram && !ret; i++)
		ret = memory_add(&vmm->memory, options->ram[i].size,
				 vmm->devices[options->ram[i].device].vfio.dev_id,
				 options->ram[i].region);
	return ret;
}

/* Signals are read from a descriptor, by the loop: no vCPU is interrupted */
static int take_signals(struct vmm *vmm)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	vmm->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return vmm->signal_fd < 0 ? vmm_error(-errno, "signalfd") : 0;
}

/* What does not change from boot to boot */
static int set_up(struct vmm *vmm)
{
	const struct options *options = &vmm->options;
	int ret;

	ret = file_open(&vmm->kernel, options->kernel);
	if (!ret && options->initrd)
		ret = file_open(&vmm->initrd, options->initrd);
	ret = ret ?: take_signals(vmm);
	ret = ret ?: loop_init(&vmm->loop);
	ret = ret ?: vm_init(&vmm->vm, options->kvm);
	ret = ret ?: open_devices(vmm);
	ret = ret ?: make_memory(vmm);
	ret = ret ?: iommu_init(&vmm->iommu, options->iommu, vmm->iommufd, &vmm->memory,
				vmm->devices, options->nr_devices);
	if (!ret && options->sandbox)
		ret = sandbox_enter();
	return ret;
}

/* One at least: a bridge without ports is of no use to anyone */
static unsigned int slots(const struct vmm *vmm)
{
	return vmm->options.nr_devices ?: 1;
}

static void set_intx(void *opaque, unsigned int slot, bool level)
{
	struct vmm *vmm = opaque;

	gic_set_spi(&vmm->vm, GUEST_SPI_SLOT(slot), level);
}

static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned int size)
{
	return pci_ecam_read(opaque, offset, size);
}

static void ecam_write(void *opaque, uint64_t offset, uint64_t value, unsigned int size)
{
	pci_ecam_write(opaque, offset, value, size);
}

static void add_window(struct vmm *vmm, int i, uint64_t start, uint64_t size)
{
	vmm->windows[i] = (struct device_window){ vmm->devices, vmm->options.nr_devices, start };
	mmio_add(&vmm->vm.mmio, start, size, &device_window_ops, &vmm->windows[i]);
}

static int make_pci(struct vmm *vmm)
{
	static const struct mmio_ops ecam_ops = { ecam_read, ecam_write };
	static const struct pci_ops pci_ops = { set_intx };
	unsigned int i;
	int ret = 0;

	vmm->pci = pci_new(slots(vmm), &pci_ops, vmm);
	if (!vmm->pci)
		return vmm_error(-ENOMEM, "PCI");
	mmio_add(&vmm->vm.mmio, GUEST_ECAM, PCI_ECAM_BUSES << 20, &ecam_ops, vmm->pci);
	add_window(vmm, 0, GUEST_PCI_MEM32, GUEST_PCI_MEM32_SIZE);
	add_window(vmm, 1, GUEST_PCI_MEM64, GUEST_PCI_MEM64_SIZE);
	for (i = 0; i < vmm->options.nr_devices && !ret; i++)
		if (vmm->devices[i].present)
			ret = device_plug(&vmm->devices[i], i, &vmm->vm, &vmm->loop, vmm->pci,
					  &vmm->iommu);
	return ret;
}

static int make_vm(struct vmm *vmm)
{
	struct vm *vm = &vmm->vm;
	int ret;

	ret = vm_create(vm);
	ret = ret ?: memory_map_vm(&vmm->memory, vm);
	ret = ret ?: gic_create(vm);
	ret = ret ?: vcpus_create(&vmm->vcpus, vm, vmm->options.cpus);
	ret = ret ?: gic_init(vm, vmm->options.cpus);
	ret = ret ?: iommu_start(&vmm->iommu, vm, &vmm->loop);
	ret = ret ?: make_pci(vmm);
	if (ret)
		return ret;
	vmm->console = console_new(vm, &vmm->loop, STDIN_FILENO, STDOUT_FILENO);
	if (!vmm->console)
		return vmm_error(-ENOMEM, "console");
	mmio_add(&vm->mmio, GUEST_UART, GUEST_UART_SIZE, &console_mmio_ops, vmm->console);
	return 0;
}

/* Each GPU is told of the RAM that it can address as its EGM, as the host's firmware does */
static void describe_egm(struct vmm *vmm, struct fdt_options *fdt)
{
	unsigned int i, bank;

	for (i = 0; i < vmm->options.nr_devices && vmm->memory.type == MEMORY_HI; i++) {
		bank = i < vmm->memory.count ? i : 0;
		if (vmm->options.ram[bank].region)
			continue;
		fdt->egm[i].base = vmm->memory.banks[bank].gpa;
		fdt->egm[i].size = vmm->memory.banks[bank].size;
		fdt->egm[i].node = bank;
	}
}

static int load_guest(struct vmm *vmm, struct image *image)
{
	struct fdt_options fdt = {
		.command_line = vmm->options.command_line,
		.cpus = vmm->options.cpus,
		.slots = slots(vmm),
		.smmu = vmm->iommu.vsmmu,
		.direct_msi = vmm->options.direct_msi,
	};
	int ret;

	if (getrandom(fdt.seed, sizeof(fdt.seed), 0) != sizeof(fdt.seed))
		return vmm_error(-errno, "getrandom");
	describe_egm(vmm, &fdt);
	ret = image_load(image, &vmm->memory, &vmm->kernel, &vmm->initrd);
	return ret ?: fdt_load(&fdt, image, &vmm->memory);
}

static void guest_ended(void *opaque)
{
	struct vmm *vmm = opaque;

	loop_stop(&vmm->loop);
}

static void signalled(void *opaque)
{
	struct signalfd_siginfo info;
	struct vmm *vmm = opaque;

	if (read(vmm->signal_fd, &info, sizeof(info)) == sizeof(info))
		loop_stop(&vmm->loop);
}

static int run(struct vmm *vmm)
{
	int signal_watch, end_watch, ret;
	struct image image;

	ret = load_guest(vmm, &image);
	if (ret)
		return ret;
	end_watch = loop_add(&vmm->loop, vmm->vcpus.end_fd, guest_ended, vmm);
	signal_watch = loop_add(&vmm->loop, vmm->signal_fd, signalled, vmm);
	ret = vcpus_start(&vmm->vcpus, image.entry, image.dtb);
	ret = ret ?: loop_run(&vmm->loop, &vmm->vm);
	loop_remove(&vmm->loop, signal_watch);
	loop_remove(&vmm->loop, end_watch);
	return ret;
}

/* vCPUs first, then what they could reach */
static void end_vm(struct vmm *vmm)
{
	unsigned int i;

	vcpus_destroy(&vmm->vcpus);
	for (i = 0; i < vmm->options.nr_devices; i++)
		device_unplug(&vmm->devices[i]);
	console_free(vmm->console);
	vmm->console = NULL;
	pci_free(vmm->pci);
	vmm->pci = NULL;
	iommu_stop(&vmm->iommu);
	vm_destroy(&vmm->vm);
}

/* Returns why it ended, VCPU_RUNNING for a signal or the console; or a negative errno */
static int boot(struct vmm *vmm)
{
	int ret;

	ret = make_vm(vmm);
	ret = ret ?: run(vmm);
	if (!ret)
		ret = vmm->vcpus.end;
	end_vm(vmm);
	return ret;
}

static void tear_down(struct vmm *vmm)
{
	unsigned int i;

	for (i = 0; i < vmm->options.nr_devices; i++)
		if (vmm->devices[i].present)
			device_close(&vmm->devices[i]);
	memory_free(&vmm->memory);
	if (vmm->iommufd >= 0)
		close(vmm->iommufd);
	file_close(&vmm->kernel);
	file_close(&vmm->initrd);
}

int main(int argc, char **argv)
{
	static struct vmm vmm = { .iommufd = -1 };
	int ret;

	options_parse(&vmm.options, argc, argv);
	ret = set_up(&vmm);
	if (!ret)
		do
			ret = boot(&vmm);
		while (ret == VCPU_RESET);
	tear_down(&vmm);
	if (ret == VCPU_POWER_OFF)
		return EXIT_SUCCESS;
	return ret == VCPU_RUNNING ? EXIT_SIGNAL : EXIT_FAILURE;
}
