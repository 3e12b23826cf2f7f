// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's PCI Express hierarchy: ECAM, the host bridge, the root ports and their slots.
 *
 * A root port is its configuration space: a write changes bytes, then port_update() brings
 * what depends on them (link, presence, interrupt, reset) up to date, in the same way after
 * a plug, an unplug and a reset. The requester IDs of all endpoints follow from all ports'
 * bus numbers, in rids_update().
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
	bool link;
	bool in_reset;		/* secondary bus reset */
	bool intx;
};

struct pci {
	const struct pci_ops *ops;
	void *opaque;
	struct pci_config host_bridge;
	unsigned int slots;
	struct port ports[PCI_SLOTS_MAX];
};

void pci_config_define(struct pci_config *config, uint32_t offset, unsigned int size,
		       uint32_t value, uint32_t writable)
{
	unsigned int i;

	for (i = 0; i < size; i++) {
		config->value[offset + i] = value >> 8 * i;
		config->writable[offset + i] = writable >> 8 * i;
	}
}

uint32_t pci_config_get(const struct pci_config *config, uint32_t offset, unsigned int size)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < size && offset + i < PCI_CONFIG_SIZE; i++)
		value |= (uint32_t)config->value[offset + i] << 8 * i;
	return value;
}

void pci_config_set(struct pci_config *config, uint32_t offset, unsigned int size, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		config->value[offset + i] = value >> 8 * i;
}

void pci_config_write(struct pci_config *config, uint32_t offset, unsigned int size,
		      uint32_t value)
{
	unsigned int i;

	for (i = 0; i < size && offset + i < PCI_CONFIG_SIZE; i++) {
		uint8_t *byte = &config->value[offset + i];
		uint8_t writable = config->writable[offset + i];
		uint8_t written = value >> 8 * i;

		*byte = (*byte & ~writable) | (written & writable);
		*byte &= ~(written & config->clears[offset + i]);
	}
}

static uint16_t get16(const struct port *port, uint32_t offset)
{
	return pci_config_get(&port->config, offset, 2);
}

static void set16(struct port *port, uint32_t offset, uint16_t value)
{
	pci_config_set(&port->config, offset, 2, value);
}

struct reg {
	uint16_t offset, size;
	uint32_t value, writable;
};

static const struct reg host_bridge_regs[] = {
	{ PCI_VENDOR_ID, 2, VENDOR, 0 },
	{ PCI_DEVICE_ID, 2, HOST_BRIDGE, 0 },
	{ PCI_CLASS_DEVICE, 2, CLASS_HOST_BRIDGE, 0 },
};

/*
 * No I/O window. The slot has no power controller, button, latch or indicators, and commands
 * complete at once: what is left is presence and link. ACS is what the guest has anyway, as
 * each request goes up to the IOMMU; with it, its kernel has each endpoint in its own group.
 */
static const struct reg port_regs[] = {
	{ PCI_VENDOR_ID, 2, VENDOR, 0 },
	{ PCI_DEVICE_ID, 2, ROOT_PORT, 0 },
	{ PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
			     PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE },
	{ PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0 },
	{ PCI_CLASS_DEVICE, 2, CLASS_PCI_BRIDGE, 0 },
	{ PCI_CACHE_LINE_SIZE, 1, 0, 0xff },
	{ PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE, 0 },
	{ PCI_PRIMARY_BUS, 4, 0, 0x00ffffff },
	{ PCI_MEMORY_BASE, 4, 0, 0xfff0fff0 },
	{ PCI_PREF_MEMORY_BASE, 4, PCI_PREF_RANGE_TYPE_64 | PCI_PREF_RANGE_TYPE_64 << 16,
	  0xfff0fff0 },
	{ PCI_PREF_BASE_UPPER32, 4, 0, 0xffffffff },
	{ PCI_PREF_LIMIT_UPPER32, 4, 0, 0xffffffff },
	{ PCI_CAPABILITY_LIST, 1, EXP, 0 },
	{ PCI_INTERRUPT_LINE, 1, 0, 0xff },
	{ PCI_INTERRUPT_PIN, 1, 1, 0 },
	{ PCI_BRIDGE_CONTROL, 2, 0, PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
				    PCI_BRIDGE_CTL_BUS_RESET },
	{ EXP, 1, PCI_CAP_ID_EXP, 0 },
	{ EXP + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ROOT_PORT << 4 | PCI_EXP_FLAGS_SLOT, 0 },
	{ EXP + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER, 0 },
	{ EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_READRQ_512B,
	  PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
	  PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_READRQ },
	{ EXP + PCI_EXP_LNKCAP, 4, PCI_LINK | PCI_EXP_LNKCAP_DLLLARC, 0 },
	{ EXP + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_LD },
	{ EXP + PCI_EXP_SLTCAP, 4, PCI_EXP_SLTCAP_HPS | PCI_EXP_SLTCAP_HPC |
				   PCI_EXP_SLTCAP_NCCS, 0 },
	{ EXP + PCI_EXP_SLTCTL, 2, 0, PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_HPIE |
				      PCI_EXP_SLTCTL_DLLSCE },
	{ EXP + PCI_EXP_RTCTL, 2, 0, PCI_EXP_RTCTL_PMEIE },
	{ EXP + PCI_EXP_LNKCAP2, 4, PCI_LINK_SPEEDS, 0 },
	{ EXP + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_16_0GT, 0 },
	{ ACS, 4, PCI_EXT_CAP_ID_ACS | 1 << 16, 0 },
	{ ACS + PCI_ACS_CAP, 2, ACS_OFFERED, 0 },
	{ ACS + PCI_ACS_CTRL, 2, 0, ACS_OFFERED },
};

static void define_regs(struct pci_config *config, const struct reg *reg, unsigned int count)
{
	for (; count; count--, reg++)
		pci_config_define(config, reg->offset, reg->size, reg->value, reg->writable);
}

#define DEFINE_REGS(config, regs) define_regs(config, regs, sizeof(regs) / sizeof((regs)[0]))

/* The first port whose secondary bus it is. Behind that there are no further buses */
static struct port *port_of_bus(struct pci *pci, unsigned int bus)
{
	unsigned int i;

	for (i = 0; i < pci->slots && bus; i++) {
		struct port *port = &pci->ports[i];

		if (port->config.value[PCI_SECONDARY_BUS] == bus &&
		    port->config.value[PCI_SUBORDINATE_BUS] >= bus)
			return port;
	}
	return NULL;
}

static uint16_t port_rid(struct pci *pci, struct port *port)
{
	unsigned int bus = port->config.value[PCI_SECONDARY_BUS];

	if (!port->link || bus >= PCI_ECAM_BUSES || port_of_bus(pci, bus) != port)
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

	for (i = 0; i < pci->slots; i++)
		if (port_rid(pci, &pci->ports[i]) != pci->ports[i].rid)
			port_tell_rid(&pci->ports[i], PCI_RID_NONE);
	for (i = 0; i < pci->slots; i++)
		port_tell_rid(&pci->ports[i], port_rid(pci, &pci->ports[i]));
}

/* A pending hot-plug event shows in the status even where INTx is disabled */
static void port_update_intx(struct pci *pci, struct port *port)
{
	uint16_t control = get16(port, EXP + PCI_EXP_SLTCTL);
	uint16_t status = get16(port, EXP + PCI_EXP_SLTSTA);
	bool pending, level;

	pending = (control & PCI_EXP_SLTCTL_HPIE) &&
		  (((control & PCI_EXP_SLTCTL_PDCE) && (status & PCI_EXP_SLTSTA_PDC)) ||
		   ((control & PCI_EXP_SLTCTL_DLLSCE) && (status & PCI_EXP_SLTSTA_DLLSC)));
	set16(port, PCI_STATUS, PCI_STATUS_CAP_LIST | (pending ? PCI_STATUS_INTERRUPT : 0));

	level = pending && !(get16(port, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
	if (level == port->intx)
		return;
	port->intx = level;
	pci->ops->set_intx(pci->opaque, port - pci->ports, level);
}

/* A change of the slot's presence or of the link is recorded, with the state after it */
static void port_update_slot(struct port *port)
{
	uint16_t status = get16(port, EXP + PCI_EXP_SLTSTA);
	bool present = port->ops;
	bool link = present && !(get16(port, EXP + PCI_EXP_LNKCTL) & PCI_EXP_LNKCTL_LD);

	if (present != !!(status & PCI_EXP_SLTSTA_PDS))
		status = (status ^ PCI_EXP_SLTSTA_PDS) | PCI_EXP_SLTSTA_PDC;
	if (link != port->link)
		status |= PCI_EXP_SLTSTA_DLLSC;
	port->link = link;
	set16(port, EXP + PCI_EXP_SLTSTA, status);
	set16(port, EXP + PCI_EXP_LNKSTA, link ? PCI_LINK | PCI_EXP_LNKSTA_DLLLA : 0);
}

/* A link that goes down resets what is behind it, as the reset bit does when it is set */
static void port_update(struct pci *pci, struct port *port)
{
	bool reset = get16(port, PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CTL_BUS_RESET;
	bool had_link = port->link;

	port_update_slot(port);
	if (port->ops && had_link && (!port->link || (reset && !port->in_reset)))
		port->ops->reset(port->opaque);
	port->in_reset = reset;
	port_update_intx(pci, port);
	rids_update(pci);
}

static void port_power_on(struct pci *pci, struct port *port)
{
	struct pci_config *config = &port->config;
	uint32_t number = port - pci->ports + 1;

	DEFINE_REGS(config, port_regs);
	config->value[EXP + PCI_EXP_LNKCAP + 3] = number;
	config->value[EXP + PCI_EXP_SLTCAP + 2] |= number << 3;
	config->clears[EXP + PCI_EXP_SLTSTA] = SLTSTA_CHANGES & 0xff;
	config->clears[EXP + PCI_EXP_SLTSTA + 1] = SLTSTA_CHANGES >> 8;
	port->in_reset = false;
	/* What is there from the beginning is no change */
	port_update_slot(port);
	set16(port, EXP + PCI_EXP_SLTSTA,
	      get16(port, EXP + PCI_EXP_SLTSTA) & ~SLTSTA_CHANGES);
	port_update_intx(pci, port);
}

void pci_reset(struct pci *pci)
{
	unsigned int i;

	for (i = 0; i < pci->slots; i++)
		port_power_on(pci, &pci->ports[i]);
	rids_update(pci);
}

struct pci *pci_new(unsigned int slots, const struct pci_ops *ops, void *opaque)
{
	struct pci *pci;

	if (!slots || slots > PCI_SLOTS_MAX)
		return NULL;
	pci = calloc(1, sizeof(*pci));
	if (!pci)
		return NULL;
	pci->slots = slots;
	pci->ops = ops;
	pci->opaque = opaque;
	DEFINE_REGS(&pci->host_bridge, host_bridge_regs);
	pci_reset(pci);
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
	port = &pci->ports[slot];
	if (port->ops)
		return -EBUSY;
	port->ops = ops;
	port->opaque = opaque;
	port_update(pci, port);
	return 0;
}

void pci_unplug(struct pci *pci, unsigned int slot)
{
	struct port *port;

	if (slot >= pci->slots)
		return;
	port = &pci->ports[slot];
	port_tell_rid(port, PCI_RID_NONE);
	port->ops = NULL;
	port_update(pci, port);
}

/* What an access reaches: the bridge, a port, or the endpoint below a port */
struct target {
	struct pci_config *host_bridge;
	struct port *port;
	struct port *above;
	uint32_t offset;	/* in its configuration space */
};

static bool target_find(struct pci *pci, uint64_t offset, unsigned int size, struct target *target)
{
	unsigned int bus, device, function;

	if ((size != 1 && size != 2 && size != 4) || offset % size ||
	    offset >= (uint64_t)PCI_ECAM_BUSES << 20)
		return false;
	bus = offset >> 20;
	device = offset >> 15 & 0x1f;
	function = offset >> 12 & 7;
	memset(target, 0, sizeof(*target));
	target->offset = offset & 0xfff;
	if (function)
		return false;
	if (!bus && !device)
		target->host_bridge = &pci->host_bridge;
	else if (!bus && device <= pci->slots)
		target->port = &pci->ports[device - 1];
	else if (bus && !device)
		target->above = port_of_bus(pci, bus);
	if (target->above)
		return target->above->link && !target->above->in_reset;
	return target->host_bridge || target->port;
}

uint64_t pci_ecam_read(struct pci *pci, uint64_t offset, unsigned int size)
{
	struct target target;

	if (!target_find(pci, offset, size, &target))
		return size < 8 ? (1ULL << 8 * size) - 1 : UINT64_MAX;
	if (target.host_bridge)
		return pci_config_get(target.host_bridge, target.offset, size);
	if (target.port)
		return pci_config_get(&target.port->config, target.offset, size);
	return target.above->ops->config_read(target.above->opaque, target.offset, size);
}

void pci_ecam_write(struct pci *pci, uint64_t offset, uint64_t value, unsigned int size)
{
	struct target target;

	if (!target_find(pci, offset, size, &target) || target.host_bridge)
		return;
	if (target.above) {
		target.above->ops->config_write(target.above->opaque, target.offset, value, size);
		return;
	}
	pci_config_write(&target.port->config, target.offset, size, value);
	port_update(pci, target.port);
}
