// SPDX-License-Identifier: GPL-2.0
/*
 * The device tree: what layout.h says, in the bindings' words. The numbers in
 * properties are big-endian cells; cells() takes them in the CPU's order.
 *
 * With direct_msi each function that does DMA has a reserved region, GUEST_MSI_WINDOW, which
 * the guest's SMMU driver maps to itself (iommu-addresses of reserved-memory.yaml): the
 * host's MSI doorbell is at that IPA, see layout.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "error.h"
#include "fdt.h"
#include "image.h"
#include "layout.h"
#include "memory.h"
#include "pci.h"
#include "vsmmu.h"

/* Interrupt specifiers of the GIC */
#define SPI		0
#define PPI		1
#define EDGE		1
#define LEVEL		4

enum phandle {
	PHANDLE_GIC = 1,
	PHANDLE_ITS,
	PHANDLE_CLOCK,
	PHANDLE_SMMU,
	PHANDLE_MSI_WINDOW,
	PHANDLE_FUNCTION,	/* and one for each slot */
};

#define CELLS_MAX	128

/* The values are 32 bits each */
static int cells(void *fdt, const char *name, unsigned int count, ...)
{
	fdt32_t values[CELLS_MAX];
	unsigned int i;
	va_list args;

	va_start(args, count);
	for (i = 0; i < count; i++)
		values[i] = cpu_to_fdt32(va_arg(args, unsigned int));
	va_end(args);
	return fdt_property(fdt, name, values, 4 * count);
}

#define CELLS(fdt, name, ...)							\
	cells(fdt, name, sizeof((unsigned int[]){ __VA_ARGS__ }) / sizeof(unsigned int), \
	      __VA_ARGS__)
#define HI(value)	((unsigned int)((uint64_t)(value) >> 32))
#define LO(value)	((unsigned int)(value))
#define ADDRESS(value)	HI(value), LO(value)

/* begin_node() with the address in the name, and "reg" */
static void begin(void *fdt, const char *name, uint64_t address, uint64_t size)
{
	char full[64];

	snprintf(full, sizeof(full), "%s@%" PRIx64, name, address);
	fdt_begin_node(fdt, full);
	CELLS(fdt, "reg", ADDRESS(address), ADDRESS(size));
}

static void strings(void *fdt, const char *name, const char *list, size_t size)
{
	fdt_property(fdt, name, list, size);
}

/* A list of strings as a literal with NULs between them */
#define STRINGS(fdt, name, literal)	strings(fdt, name, literal, sizeof(literal))

static void add_chosen(void *fdt, const struct fdt_options *options, const struct image *image)
{
	char uart[32];

	fdt_begin_node(fdt, "chosen");
	fdt_property_string(fdt, "bootargs", options->command_line);
	snprintf(uart, sizeof(uart), "/pl011@%llx", GUEST_UART);
	fdt_property_string(fdt, "stdout-path", uart);
	fdt_property(fdt, "rng-seed", options->seed, sizeof(options->seed));
	if (image->initrd_end > image->initrd) {
		fdt_property_u64(fdt, "linux,initrd-start", image->initrd);
		fdt_property_u64(fdt, "linux,initrd-end", image->initrd_end);
	}
	fdt_end_node(fdt);
}

/* Each bank is a node of its own; the CPUs are spread over them */
static void add_memory(void *fdt, const struct memory *memory)
{
	unsigned int i, j;

	for (i = 0; i < memory->count; i++) {
		begin(fdt, "memory", memory->banks[i].gpa, memory->banks[i].size);
		fdt_property_string(fdt, "device_type", "memory");
		if (memory->count > 1)
			CELLS(fdt, "numa-node-id", i);
		fdt_end_node(fdt);
	}
	if (memory->count > 1) {
		fdt32_t matrix[3 * MEMORY_BANKS_MAX * MEMORY_BANKS_MAX], *at = matrix;

		for (i = 0; i < memory->count; i++) {
			for (j = 0; j < memory->count; j++) {
				*at++ = cpu_to_fdt32(i);
				*at++ = cpu_to_fdt32(j);
				*at++ = cpu_to_fdt32(i == j ? 10 : 20);
			}
		}
		fdt_begin_node(fdt, "distance-map");
		fdt_property_string(fdt, "compatible", "numa-distance-map-v1");
		fdt_property(fdt, "distance-matrix", matrix, (at - matrix) * sizeof(*at));
		fdt_end_node(fdt);
	}
}

static void add_cpus(void *fdt, unsigned int cpus, unsigned int nodes)
{
	unsigned int i;
	char name[16];

	fdt_begin_node(fdt, "cpus");
	CELLS(fdt, "#address-cells", 1);
	CELLS(fdt, "#size-cells", 0);
	for (i = 0; i < cpus; i++) {
		snprintf(name, sizeof(name), "cpu@%x", i);
		fdt_begin_node(fdt, name);
		fdt_property_string(fdt, "device_type", "cpu");
		fdt_property_string(fdt, "compatible", "arm,armv8");
		fdt_property_string(fdt, "enable-method", "psci");
		CELLS(fdt, "reg", i);
		if (nodes > 1)
			CELLS(fdt, "numa-node-id", i % nodes);
		fdt_end_node(fdt);
	}
	fdt_end_node(fdt);

	fdt_begin_node(fdt, "psci");
	STRINGS(fdt, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	fdt_property_string(fdt, "method", "hvc");
	fdt_end_node(fdt);

	fdt_begin_node(fdt, "timer");
	fdt_property_string(fdt, "compatible", "arm,armv8-timer");
	CELLS(fdt, "interrupts", PPI, 13, LEVEL, PPI, 14, LEVEL, PPI, 11, LEVEL, PPI, 10, LEVEL);
	fdt_property(fdt, "always-on", NULL, 0);
	fdt_end_node(fdt);
}

static void add_gic(void *fdt, unsigned int cpus)
{
	char name[32];

	snprintf(name, sizeof(name), "interrupt-controller@%llx", GUEST_GICD);
	fdt_begin_node(fdt, name);
	fdt_property_string(fdt, "compatible", "arm,gic-v3");
	fdt_property(fdt, "interrupt-controller", NULL, 0);
	CELLS(fdt, "#interrupt-cells", 3);
	CELLS(fdt, "#address-cells", 2);
	CELLS(fdt, "#size-cells", 2);
	fdt_property(fdt, "ranges", NULL, 0);
	CELLS(fdt, "reg", ADDRESS(GUEST_GICD), ADDRESS(GUEST_GICD_SIZE),
	      ADDRESS(GUEST_GICR), ADDRESS(GUEST_GICR_SIZE * cpus));
	CELLS(fdt, "phandle", PHANDLE_GIC);
	begin(fdt, "msi-controller", GUEST_ITS, GUEST_ITS_SIZE);
	fdt_property_string(fdt, "compatible", "arm,gic-v3-its");
	fdt_property(fdt, "msi-controller", NULL, 0);
	CELLS(fdt, "#msi-cells", 1);
	CELLS(fdt, "phandle", PHANDLE_ITS);
	fdt_end_node(fdt);
	fdt_end_node(fdt);
}

static void add_uart(void *fdt)
{
	fdt_begin_node(fdt, "clock");
	fdt_property_string(fdt, "compatible", "fixed-clock");
	CELLS(fdt, "#clock-cells", 0);
	CELLS(fdt, "clock-frequency", 24000000);
	CELLS(fdt, "phandle", PHANDLE_CLOCK);
	fdt_end_node(fdt);

	begin(fdt, "pl011", GUEST_UART, GUEST_UART_SIZE);
	STRINGS(fdt, "compatible", "arm,pl011\0arm,primecell");
	CELLS(fdt, "interrupts", SPI, GUEST_SPI_UART, LEVEL);
	CELLS(fdt, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
	STRINGS(fdt, "clock-names", "uartclk\0apb_pclk");
	fdt_end_node(fdt);
}

static void add_smmu(void *fdt, uint64_t size)
{
	begin(fdt, "iommu", GUEST_SMMU, size);
	fdt_property_string(fdt, "compatible", "arm,smmu-v3");
	CELLS(fdt, "interrupts", SPI, GUEST_SPI_SMMU_EVENTQ, EDGE, SPI, GUEST_SPI_SMMU_GERROR,
	      EDGE);
	STRINGS(fdt, "interrupt-names", "eventq\0gerror");
	CELLS(fdt, "#iommu-cells", 1);
	fdt_property(fdt, "dma-coherent", NULL, 0);
	CELLS(fdt, "phandle", PHANDLE_SMMU);
	fdt_end_node(fdt);
}

/* GUEST_MSI_WINDOW, mapped to itself for the function in each slot */
static void add_msi_window(void *fdt, unsigned int slots)
{
	fdt32_t addresses[6 * 8], *at = addresses;
	unsigned int i, j;

	fdt_begin_node(fdt, "reserved-memory");
	CELLS(fdt, "#address-cells", 2);
	CELLS(fdt, "#size-cells", 2);
	fdt_property(fdt, "ranges", NULL, 0);
	begin(fdt, "msi-window", GUEST_MSI_WINDOW, GUEST_MSI_WINDOW_SIZE);
	for (i = 0; i < slots; i++) {
		/* The address in the cells of the function's bus: three */
		const uint32_t entry[6] = {
			PHANDLE_FUNCTION + i, 0, ADDRESS(GUEST_MSI_WINDOW),
			ADDRESS(GUEST_MSI_WINDOW_SIZE),
		};

		for (j = 0; j < 6; j++)
			*at++ = cpu_to_fdt32(entry[j]);
	}
	fdt_property(fdt, "iommu-addresses", addresses, (at - addresses) * sizeof(*at));
	CELLS(fdt, "phandle", PHANDLE_MSI_WINDOW);
	fdt_end_node(fdt);
	fdt_end_node(fdt);
}

/* A root port and the function behind it */
static void add_slot(void *fdt, const struct fdt_options *options, unsigned int slot)
{
	unsigned int devfn = (slot + 1) << 3;
	char name[16];

	snprintf(name, sizeof(name), "pci@%x,0", slot + 1);
	fdt_begin_node(fdt, name);
	CELLS(fdt, "reg", devfn << 8, 0, 0, 0, 0);
	fdt_property_string(fdt, "device_type", "pci");
	CELLS(fdt, "#address-cells", 3);
	CELLS(fdt, "#size-cells", 2);
	fdt_property(fdt, "ranges", NULL, 0);
	fdt_begin_node(fdt, "gpu@0,0");
	CELLS(fdt, "reg", 0, 0, 0, 0, 0);
	CELLS(fdt, "phandle", PHANDLE_FUNCTION + slot);
	if (options->smmu && options->direct_msi)
		CELLS(fdt, "memory-region", PHANDLE_MSI_WINDOW);
	if (options->egm[slot].size) {
		fdt_property_u64(fdt, "nvidia,egm-base-pa", options->egm[slot].base);
		fdt_property_u64(fdt, "nvidia,egm-size", options->egm[slot].size);
		fdt_property_u64(fdt, "nvidia,egm-pxm", options->egm[slot].node);
	}
	fdt_end_node(fdt);
	fdt_end_node(fdt);
}

#define PCI_MEM32	0x02000000u
#define PCI_MEM64_PREF	0x43000000u

static void add_pci(void *fdt, const struct fdt_options *options, uint64_t ecam_size)
{
	fdt32_t map[10 * 8], *at = map;
	unsigned int i;

	begin(fdt, "pcie", GUEST_ECAM, ecam_size);
	fdt_property_string(fdt, "compatible", "pci-host-ecam-generic");
	fdt_property_string(fdt, "device_type", "pci");
	CELLS(fdt, "#address-cells", 3);
	CELLS(fdt, "#size-cells", 2);
	CELLS(fdt, "bus-range", 0, (unsigned int)(ecam_size >> 20) - 1);
	CELLS(fdt, "linux,pci-domain", 0);
	fdt_property(fdt, "dma-coherent", NULL, 0);
	CELLS(fdt, "ranges",
	      PCI_MEM32, ADDRESS(GUEST_PCI_MEM32), ADDRESS(GUEST_PCI_MEM32),
	      ADDRESS(GUEST_PCI_MEM32_SIZE),
	      PCI_MEM64_PREF, ADDRESS(GUEST_PCI_MEM64), ADDRESS(GUEST_PCI_MEM64),
	      ADDRESS(GUEST_PCI_MEM64_SIZE));
	CELLS(fdt, "msi-map", 0, PHANDLE_ITS, 0, 0x10000);
	if (options->smmu)
		CELLS(fdt, "iommu-map", 0, PHANDLE_SMMU, 0, 0x10000);

	/* INTA of each root port: its address, pin 1 -> GIC, address, interrupt */
	CELLS(fdt, "#interrupt-cells", 1);
	CELLS(fdt, "interrupt-map-mask", 0xf800, 0, 0, 7);
	for (i = 0; i < options->slots; i++) {
		const uint32_t entry[10] = {
			(i + 1) << 11, 0, 0, 1,
			PHANDLE_GIC, 0, 0, SPI, GUEST_SPI_SLOT(i), LEVEL,
		};
		unsigned int j;

		for (j = 0; j < 10; j++)
			*at++ = cpu_to_fdt32(entry[j]);
	}
	if (options->slots)
		fdt_property(fdt, "interrupt-map", map, (at - map) * sizeof(*at));
	for (i = 0; i < options->slots; i++)
		add_slot(fdt, options, i);
	fdt_end_node(fdt);
}

int fdt_load(const struct fdt_options *options, const struct image *image,
	     const struct memory *memory)
{
	void *fdt = malloc(image->dtb_max);
	int ret;

	if (!fdt)
		return vmm_error(-ENOMEM, "device tree");
	/* An error sticks: fdt_finish() tells of it */
	fdt_create(fdt, image->dtb_max);
	fdt_finish_reservemap(fdt);
	fdt_begin_node(fdt, "");
	fdt_property_string(fdt, "compatible", "linux,dummy-virt");
	fdt_property_string(fdt, "model", "iommufd memory objects: sample VMM");
	CELLS(fdt, "#address-cells", 2);
	CELLS(fdt, "#size-cells", 2);
	CELLS(fdt, "interrupt-parent", PHANDLE_GIC);
	add_chosen(fdt, options, image);
	add_memory(fdt, memory);
	add_cpus(fdt, options->cpus, memory->count);
	add_gic(fdt, options->cpus);
	add_uart(fdt);
	if (options->smmu) {
		add_smmu(fdt, VSMMU_REGS_SIZE);
		if (options->direct_msi)
			add_msi_window(fdt, options->slots);
	}
	add_pci(fdt, options, PCI_ECAM_BUSES << 20);
	fdt_end_node(fdt);
	ret = fdt_finish(fdt);
	if (ret)
		ret = vmm_error(0, "device tree: %s", fdt_strerror(ret));
	else if (memory_write(memory, image->dtb, fdt, fdt_totalsize(fdt)))
		ret = vmm_error(-EFAULT, "cannot write the device tree to RAM");
	free(fdt);
	return ret;
}
