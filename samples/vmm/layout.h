/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's physical address space, and its interrupts.
 *
 * The ITS stands where its doorbell, GITS_TRANSLATER in its second frame, is at
 * 0x8000000: the IPA at which iommufd maps the doorbell of the host's ITS in stage 2
 * (IOMMU_RESV_SW_MSI of the SMMU's driver), and which the host writes into the
 * MSI-X tables of devices. A guest that maps its doorbell in stage 1 at that address
 * (VFIO in the guest does, for it is the address that Linux reserves), or one
 * without a stage 1, so lets MSIs through. Drivers of the guest's kernel map the doorbell
 * anywhere: for them the device tree can say that the address is mapped to itself
 * (--direct-msi, see fdt.c).
 */
#ifndef VMM_LAYOUT_H
#define VMM_LAYOUT_H

#define KIB(n)		((uint64_t)(n) << 10)
#define MIB(n)		((uint64_t)(n) << 20)
#define GIB(n)		((uint64_t)(n) << 30)

#define GUEST_ITS		0x07ff0000ULL	/* two frames of 64 KiB */
#define GUEST_ITS_SIZE		KIB(128)
#define GUEST_MSI_DOORBELL	0x08000040ULL	/* GITS_TRANSLATER */
#define GUEST_MSI_WINDOW	0x08000000ULL	/* what iommufd takes in stage 2 */
#define GUEST_MSI_WINDOW_SIZE	MIB(1)
#define GUEST_GICD		0x08100000ULL
#define GUEST_GICD_SIZE		KIB(64)
#define GUEST_GICR		0x08200000ULL
#define GUEST_GICR_SIZE		KIB(128)	/* for each CPU */
#define GUEST_UART		0x09000000ULL
#define GUEST_UART_SIZE		KIB(4)
#define GUEST_SMMU		0x09100000ULL
#define GUEST_PCI_MEM32		0x10000000ULL	/* BARs of 32 bits */
#define GUEST_PCI_MEM32_SIZE	MIB(256)
#define GUEST_ECAM		0x3e000000ULL
#define GUEST_RAM		GIB(1)
#define GUEST_PCI_MEM64		GIB(512)	/* the others */
#define GUEST_PCI_MEM64_SIZE	GIB(256)
#define GUEST_RAM_MAX		(GUEST_PCI_MEM64 - GUEST_RAM)

/* Shared peripheral interrupts, numbered from 0 */
#define GUEST_SPI_UART		1
#define GUEST_SPI_SMMU_EVENTQ	2
#define GUEST_SPI_SMMU_GERROR	3
#define GUEST_SPI_SLOT(i)	(4 + (i))	/* INTA of root port i */
#define GUEST_NR_SPIS		32

#define GUEST_CPUS_MAX		8

#endif
