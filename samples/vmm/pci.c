// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's PCI Express hierarchy: ECAM, the host bridge, the root ports and their slots.
 *
 * A root port is its configuration space: a write changes bytes, then port_update() brings
 * what depends on them (interrupt, reset, requester IDs) up to date, as after a plug and an
 * unplug. The requester IDs of all endpoints follow from all ports' bus numbers.
 *
 * Not here: what an endpoint is (endpoint.c). The ports' windows are kept and not applied:
 * a BAR is where the endpoint's own registers say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pci.h"

/* Red Hat's block of ids, as QEMU uses it for such generic devices */
#define VENDOR		0x1b36
#define HOST_BRIDGE	0x0008
#define ROOT_PORT	0x000c
#define CLASS_HOST_BRIDGE	0x0600
#define CLASS_PCI_BRIDGE	0x0604

/* Where a root port has its capabilities */
#define EXP		0x40
#define ACS		0x100

#define SLTSTA_CHANGES	(PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC)
#define ACS_OFFERED	(PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

struct port {
	struct pci_config config;
	const struct pci_endpoint_ops *ops;	/* NULL: the slot is empty */
	void *opaque;
	uint16_t rid;		/* as the endpoint knows it */
	bool in_reset;		/* secondary bus reset */
	bool intx;
};

struct pci {
	const struct pci_ops *ops;
	void *opaque;
	unsigned int slots;
	/* By device number; the first is the host bridge, which is nothing but registers */
	struct port ports[1 + PCI_SLOTS_MAX];
};

void pci_config_define(struct pci_config *config, uint32_t offset, unsigned int size,
		       uint32_t value, uint32_t writable)
{
	memcpy(config->value + offset, &value, size);
	memcpy(config->writable + offset, &writable, size);
}

uint32_t pci_config_get(const struct pci_config *config, uint32_t offset, unsigned int size)
{
	uint32_t value = 0;

	if (offset + size <= PCI_CONFIG_SIZE)
		memcpy(&value, config->value + offset, size);
	return value;
}

void pci_config_set(struct pci_config *config, uint32_t offset, unsigned int size, uint32_t value)
{
	memcpy(config->value + offset, &value, size);
}

void pci_config_write(struct pci_config *config, uint32_t offset, unsigned int size,
		      uint32_t value)
{
	for (; size && offset < PCI_CONFIG_SIZE; size--, offset++, value >>= 8) {
		uint8_t writable = config->writable[offset];
		uint8_t kept = config->value[offset] & ~writable;

		config->value[offset] = (kept & ~(value & config->clears[offset])) |
					(value & writable);
	}
}

static uint16_t get16(const struct port *port, uint32_t offset)
{
	return pci_config_get(&port->config, offset, 2);
}

/*
 * No I/O window. The slot has no power controller, button, latch or indicators, and commands
 * complete at once: what is left is presence and link. ACS is what the guest has anyway, as
 * each request goes up to the IOMMU; with it, its kernel has each endpoint in its own group.
 */
static const struct {
	uint16_t offset, size;
	uint32_t value, writable;
} port_regs[] = {
	{ PCI_VENDOR_ID, 4, VENDOR | ROOT_PORT << 16, 0 },
	{ PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE },
	{ PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0 },
	{ PCI_CLASS_DEVICE, 2, CLASS_PCI_BRIDGE, 0 },
	{ PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE, 0 },
	{ PCI_PRIMARY_BUS, 4, 0, 0x00ffffff },
	{ PCI_MEMORY_BASE, 4, 0, 0xfff0fff0 },
	{ PCI_PREF_MEMORY_BASE, 4, PCI_PREF_RANGE_TYPE_64 | PCI_PREF_RANGE_TYPE_64 << 16,
	  0xfff0fff0 },
	{ PCI_PREF_BASE_UPPER32, 4, 0, 0xffffffff },
	{ PCI_PREF_LIMIT_UPPER32, 4, 0, 0xffffffff },
	{ PCI_CAPABILITY_LIST, 1, EXP, 0 },
	{ PCI_INTERRUPT_PIN, 1, 1, 0 },
	{ PCI_BRIDGE_CONTROL, 2, 0, PCI_BRIDGE_CTL_BUS_RESET },
	{ EXP, 1, PCI_CAP_ID_EXP, 0 },
	{ EXP + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ROOT_PORT << 4 | PCI_EXP_FLAGS_SLOT, 0 },
	{ EXP + PCI_EXP_DEVCTL, 2, 0, PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_READRQ },
	{ EXP + PCI_EXP_LNKCAP, 4, PCI_LINK | PCI_EXP_LNKCAP_DLLLARC, 0 },
	{ EXP + PCI_EXP_SLTCAP, 4,
	  PCI_EXP_SLTCAP_HPS | PCI_EXP_SLTCAP_HPC | PCI_EXP_SLTCAP_NCCS, 0 },
	{ EXP + PCI_EXP_SLTCTL, 2, 0,
	  PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_DLLSCE },
	{ ACS, 4, PCI_EXT_CAP_ID_ACS | 1 << 16, 0 },
	{ ACS + PCI_ACS_CAP, 2, ACS_OFFERED, 0 },
	{ ACS + PCI_ACS_CTRL, 2, 0, ACS_OFFERED },
};

/* The first port whose secondary bus it is. Behind that there are no further buses */
static struct port *port_of_bus(struct pci *pci, unsigned int bus)
{
	unsigned int i;

	for (i = 1; i <= pci->slots && bus; i++) {
		const uint8_t *config = pci->ports[i].config.value;

		if (config[PCI_SECONDARY_BUS] == bus && config[PCI_SUBORDINATE_BUS] >= bus)
			return &pci->ports[i];
	}
	return NULL;
}

static uint16_t port_rid(struct pci *pci, struct port *port)
{
	unsigned int bus = port->config.value[PCI_SECONDARY_BUS];

	if (bus >= PCI_ECAM_BUSES || port_of_bus(pci, bus) != port)
		return PCI_RID_NONE;
	return bus << 8;
}

static void port_tell_rid(struct port *port, uint16_t rid)
{
	if (!port->ops || port->rid == rid)
		return;
	port->rid = rid;
	port->ops->rid_changed(port->opaque, rid);
}

/* First what ends, then what begins: two ports may have swapped their numbers */
static void rids_update(struct pci *pci)
{
	unsigned int i;

	for (i = 1; i <= pci->slots; i++)
		if (port_rid(pci, &pci->ports[i]) != pci->ports[i].rid)
			port_tell_rid(&pci->ports[i], PCI_RID_NONE);
	for (i = 1; i <= pci->slots; i++)
		port_tell_rid(&pci->ports[i], port_rid(pci, &pci->ports[i]));
}

static void port_update_intx(struct pci *pci, struct port *port)
{
	uint16_t control = get16(port, EXP + PCI_EXP_SLTCTL);
	uint16_t status = get16(port, EXP + PCI_EXP_SLTSTA);
	bool presence = control & PCI_EXP_SLTCTL_PDCE && status & PCI_EXP_SLTSTA_PDC;
	bool link = control & PCI_EXP_SLTCTL_DLLSCE && status & PCI_EXP_SLTSTA_DLLSC;
	bool level = control & PCI_EXP_SLTCTL_HPIE && (presence || link) &&
		     !(get16(port, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);

	if (level == port->intx)
		return;
	port->intx = level;
	pci->ops->set_intx(pci->opaque, port - pci->ports - 1, level);
}

static void port_update(struct pci *pci, struct port *port)
{
	bool reset = get16(port, PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CTL_BUS_RESET;

	if (port->ops && reset && !port->in_reset)
		port->ops->reset(port->opaque);
	port->in_reset = reset;
	port_update_intx(pci, port);
	rids_update(pci);
}

/* An endpoint's link is up as long as it is there */
static void slot_changed(struct pci *pci, struct port *port)
{
	uint16_t presence = port->ops ? PCI_EXP_SLTSTA_PDS : 0;
	uint16_t link = port->ops ? PCI_LINK | PCI_EXP_LNKSTA_DLLLA : 0;

	pci_config_set(&port->config, EXP + PCI_EXP_SLTSTA, 2, SLTSTA_CHANGES | presence);
	pci_config_set(&port->config, EXP + PCI_EXP_LNKSTA, 2, link);
	port_update(pci, port);
}

struct pci *pci_new(unsigned int slots, const struct pci_ops *ops, void *opaque)
{
	struct pci *pci;
	unsigned int i, n;

	if (!slots || slots > PCI_SLOTS_MAX)
		return NULL;
	pci = calloc(1, sizeof(*pci));
	if (!pci)
		return NULL;
	pci->slots = slots;
	pci->ops = ops;
	pci->opaque = opaque;
	pci_config_define(&pci->ports[0].config, PCI_VENDOR_ID, 4, VENDOR | HOST_BRIDGE << 16, 0);
	pci_config_define(&pci->ports[0].config, PCI_CLASS_DEVICE, 2, CLASS_HOST_BRIDGE, 0);
	for (i = 1; i <= slots; i++) {
		struct pci_config *config = &pci->ports[i].config;
		const uint16_t changes = SLTSTA_CHANGES;

		for (n = 0; n < sizeof(port_regs) / sizeof(port_regs[0]); n++)
			pci_config_define(config, port_regs[n].offset, port_regs[n].size,
					  port_regs[n].value, port_regs[n].writable);
		config->value[EXP + PCI_EXP_SLTCAP + 2] |= i << 3;	/* slot number */
		memcpy(config->clears + EXP + PCI_EXP_SLTSTA, &changes, 2);
	}
	return pci;
}

void pci_free(struct pci *pci)
{
	free(pci);
}

int pci_plug(struct pci *pci, unsigned int slot, const struct pci_endpoint_ops *ops, void *opaque)
{
	struct port *port;

	if (slot >= pci->slots)
		return -EINVAL;
	port = &pci->ports[1 + slot];
	if (port->ops)
		return -EBUSY;
	port->ops = ops;
	port->opaque = opaque;
	slot_changed(pci, port);
	return 0;
}

void pci_unplug(struct pci *pci, unsigned int slot)
{
	struct port *port;

	if (slot >= pci->slots || !pci->ports[1 + slot].ops)
		return;
	port = &pci->ports[1 + slot];
	port_tell_rid(port, PCI_RID_NONE);
	port->ops = NULL;
	slot_changed(pci, port);
}

/* What an access reaches: on bus 0 the port itself, on others the endpoint below it */
static struct port *find(struct pci *pci, uint64_t offset, unsigned int size)
{
	unsigned int bus = offset >> 20, device = offset >> 15 & 31, function = offset >> 12 & 7;
	struct port *port;

	if (size > 4 || offset % size || offset >= PCI_ECAM_BUSES << 20 || function)
		return NULL;
	if (!bus)
		return device <= pci->slots ? &pci->ports[device] : NULL;
	port = device ? NULL : port_of_bus(pci, bus);
	return port && port->ops && !port->in_reset ? port : NULL;
}

uint64_t pci_ecam_read(struct pci *pci, uint64_t offset, unsigned int size)
{
	struct port *port = find(pci, offset, size);

	if (!port)
		return UINT64_MAX >> (64 - 8 * size);
	if (offset >> 20)
		return port->ops->config_read(port->opaque, offset & 0xfff, size);
	return pci_config_get(&port->config, offset & 0xfff, size);
}

void pci_ecam_write(struct pci *pci, uint64_t offset, uint64_t value, unsigned int size)
{
	struct port *port = find(pci, offset, size);

	if (port && offset >> 20) {
		port->ops->config_write(port->opaque, offset & 0xfff, value, size);
	} else if (port) {
		pci_config_write(&port->config, offset & 0xfff, size, value);
		port_update(pci, port);
	}
}
