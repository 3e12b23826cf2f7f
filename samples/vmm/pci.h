/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's PCI Express hierarchy: a host bridge at 00:00.0 and a root port per slot,
 * at 00:01.0 and up, each with native hot-plug. A slot takes one endpoint, function 0.
 *
 * Nothing here locks: all calls are made under the VM's device lock, and the callbacks
 * must not call back.
 */
#ifndef VMM_PCI_H
#define VMM_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/pci_regs.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "registers are used as they are");

struct pci;

#define PCI_SLOTS_MAX	8
/* ECAM: 1 MiB a bus, so it takes PCI_ECAM_BUSES << 20 bytes */
#define PCI_ECAM_BUSES	16
/* No requester ID: 00:00.0 is the host bridge, which sends nothing */
#define PCI_RID_NONE	0

struct pci_ops {
	/* The root port's INTA, for its hot-plug events: level, called when it changes */
	void (*set_intx)(void *opaque, unsigned int slot, bool level);
};

struct pci_endpoint_ops {
	/* @offset below 4096, @size 1, 2 or 4, aligned to it */
	uint32_t (*config_read)(void *opaque, uint32_t offset, unsigned int size);
	void (*config_write)(void *opaque, uint32_t offset, uint32_t value, unsigned int size);
	/*
	 * The requester ID (bus << 8) by the guest's bus numbers, PCI_RID_NONE while none
	 * reaches it, and between two. No two endpoints have the same one at any time.
	 */
	void (*rid_changed)(void *opaque, uint16_t rid);
	/* Secondary bus reset of the port above */
	void (*reset)(void *opaque);
};

/* With @slots root ports, 1 to PCI_SLOTS_MAX, all empty. NULL: out of memory, or @slots */
struct pci *pci_new(unsigned int slots, const struct pci_ops *ops, void *opaque);
/* Endpoints that are still plugged are not called */
void pci_free(struct pci *pci);

/* -EINVAL: no such slot; -EBUSY: not empty. @ops must outlive the endpoint */
int pci_plug(struct pci *pci, unsigned int slot, const struct pci_endpoint_ops *ops, void *opaque);
/* Surprise removal; the last call is rid_changed() */
void pci_unplug(struct pci *pci, unsigned int slot);

/*
 * The guest's accesses, of 1, 2, 4 or 8 bytes. Those of 8, not aligned ones, and those to no
 * function read all ones and write nothing.
 */
uint64_t pci_ecam_read(struct pci *pci, uint64_t offset, unsigned int size);
void pci_ecam_write(struct pci *pci, uint64_t offset, uint64_t value, unsigned int size);

/*
 * Configuration space as bytes with write masks; what is not defined reads 0. The part
 * above 256 bytes is for the one extended capability that root ports have.
 */
#define PCI_CONFIG_SIZE	0x110

struct pci_config {
	uint8_t value[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
	uint8_t clears[PCI_CONFIG_SIZE];	/* RW1C: writing 1 clears it */
};

/* Define a register of @size 1, 2 or 4 bytes */
void pci_config_define(struct pci_config *config, uint32_t offset, unsigned int size,
		       uint32_t value, uint32_t writable);
uint32_t pci_config_get(const struct pci_config *config, uint32_t offset, unsigned int size);
/* Set it, whatever the guest may write */
void pci_config_set(struct pci_config *config, uint32_t offset, unsigned int size, uint32_t value);
/* A write of the guest's */
void pci_config_write(struct pci_config *config, uint32_t offset, unsigned int size,
		      uint32_t value);

/* Links exist only in the guest: 16 GT/s, 16 lanes, always trained */
#define PCI_LINK	(PCI_EXP_LNKCAP_SLS_16_0GB | 16 << 4)

#endif
