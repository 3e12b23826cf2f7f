// SPDX-License-Identifier: GPL-2.0
/*
 * pci.c and endpoint.c, against a hostile guest and hostile functions at once.
 *
 * An input is what the functions' configuration spaces hold (256 bytes each), which BARs they
 * have, and then what happens, a record of 8 bytes at a time: accesses to ECAM and to BARs,
 * plugs and unplugs, resets, functions that start or cease to fail. The callbacks
 * check what the headers promise the VM.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"

#define SLOTS		2
#define CONFIG_SIZE	256
#define VECTORS_MAX	2048

#define check(condition) do { if (!(condition)) abort(); } while (0)

struct slot {
	struct pci *pci;
	struct endpoint *endpoint;	/* NULL: the slot is empty */
	const uint8_t *config;
	struct endpoint_bar bars[ENDPOINT_BARS];
	bool fail;
	/* As the VM has it */
	bool mapped[ENDPOINT_BARS];
	bool live[VECTORS_MAX];
	bool msix, quiesced, intx;
	uint16_t rid;
	uint16_t command;		/* as the function has it */
};

static struct slot slots[SLOTS];

static int host_config_read(void *opaque, uint32_t offset, void *value, unsigned int size)
{
	struct slot *slot = opaque;

	check(offset + size <= CONFIG_SIZE);
	memcpy(value, slot->config + offset, size);
	return slot->fail ? -EIO : 0;
}

static bool any_mapped(const struct slot *slot)
{
	unsigned int i;

	for (i = 0; i < ENDPOINT_BARS; i++)
		if (slot->mapped[i])
			return true;
	return false;
}

/*
 * Only command and two registers of capabilities are ever written. They can be told apart:
 * the function's own list of capabilities says what is at the offset before.
 */
static int host_config_write(void *opaque, uint32_t offset, const void *value, unsigned int size)
{
	struct slot *slot = opaque;
	uint16_t word;

	check(size == 2);
	memcpy(&word, value, 2);
	if (offset == PCI_COMMAND) {
		check(!(word & ~(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
				 PCI_COMMAND_INTX_DISABLE)));
		check((word & PCI_COMMAND_MEMORY) || !any_mapped(slot));
		if (!slot->fail)
			slot->command = word;
	} else {
		check(offset >= 0x44 && offset < CONFIG_SIZE);
		if (slot->config[offset - PCI_PM_CTRL] == PCI_CAP_ID_PM && slot->quiesced &&
		    word <= 3) {
			check(!any_mapped(slot));
		} else {
			check(offset >= 0x48);
			check(slot->config[offset - PCI_EXP_DEVCTL] == PCI_CAP_ID_EXP);
			check(!(word & (PCI_EXP_DEVCTL_PHANTOM | PCI_EXP_DEVCTL_AUX_PME)));
			if (word & PCI_EXP_DEVCTL_BCR_FLR)
				check(slot->quiesced && !any_mapped(slot) && !slot->msix &&
				      (!slot->command || slot->fail));
		}
	}
	return slot->fail ? -EIO : 0;
}

static void check_region(const struct slot *slot, unsigned int bar, uint64_t offset,
			 unsigned int size)
{
	struct endpoint_hole holes[2];
	unsigned int i, count = endpoint_msix_holes(slot->endpoint, holes);

	check(bar < ENDPOINT_BARS && slot->mapped[bar] && !slot->quiesced);
	check(size == 1 || size == 2 || size == 4 || size == 8);
	check(size <= slot->bars[bar].size && offset <= slot->bars[bar].size - size);
	for (i = 0; i < count; i++)
		check(holes[i].bar != bar || offset + size <= holes[i].offset ||
		      offset >= holes[i].offset + holes[i].length);
}

static int region_read(void *opaque, unsigned int bar, uint64_t offset, void *value,
		       unsigned int size)
{
	struct slot *slot = opaque;

	check_region(slot, bar, offset, size);
	memset(value, 0x5a, size);
	return slot->fail ? -EIO : 0;
}

static int region_write(void *opaque, unsigned int bar, uint64_t offset, const void *value,
			unsigned int size)
{
	struct slot *slot = opaque;
	uint64_t word = 0;

	check_region(slot, bar, offset, size);
	memcpy(&word, value, size);
	return slot->fail ? -EIO : 0;
}

static void bar_map(void *opaque, unsigned int bar, uint64_t gpa)
{
	struct slot *slot = opaque;

	check(bar < ENDPOINT_BARS && slot->bars[bar].size && !slot->mapped[bar]);
	check(gpa && !(gpa % slot->bars[bar].size));
	check(gpa + (slot->bars[bar].size - 1) >= gpa);
	check(slot->bars[bar].is_64bit || gpa + (slot->bars[bar].size - 1) < UINT32_MAX);
	check((slot->command & PCI_COMMAND_MEMORY) || slot->fail);
	slot->mapped[bar] = true;
}

static void bar_unmap(void *opaque, unsigned int bar)
{
	struct slot *slot = opaque;

	check(bar < ENDPOINT_BARS && slot->mapped[bar]);
	slot->mapped[bar] = false;
}

static void msix_unmask(void *opaque, unsigned int vector, uint64_t address, uint32_t data)
{
	struct slot *slot = opaque;

	(void)data;
	check(slot->msix && !(address & 3));
	check(vector < endpoint_msix_vectors(slot->endpoint) && !slot->live[vector]);
	slot->live[vector] = true;
}

static void msix_mask(void *opaque, unsigned int vector)
{
	struct slot *slot = opaque;

	check(slot->msix && vector < VECTORS_MAX && slot->live[vector]);
	slot->live[vector] = false;
}

static void msix_enable(void *opaque, bool enable)
{
	struct slot *slot = opaque;
	unsigned int i;

	check(slot->msix != enable);
	for (i = 0; i < VECTORS_MAX; i++)
		check(!slot->live[i]);
	slot->msix = enable;
}

static void quiesce(void *opaque)
{
	struct slot *slot = opaque;

	check(!slot->quiesced);
	slot->quiesced = true;
}

static void resume(void *opaque)
{
	struct slot *slot = opaque;

	check(slot->quiesced);
	slot->quiesced = false;
}

static void rid_changed(void *opaque, uint16_t rid)
{
	struct slot *slot = opaque;
	unsigned int i;

	check(rid != slot->rid && (rid == PCI_RID_NONE || slot->rid == PCI_RID_NONE));
	check(!(rid & 0xff) && rid >> 8 < PCI_ECAM_BUSES);
	for (i = 0; rid && i < SLOTS; i++)
		check(slots[i].rid != rid);
	slot->rid = rid;
}

static void set_intx(void *opaque, unsigned int slot, bool level)
{
	(void)opaque;
	check(slot < SLOTS && slots[slot].intx != level);
	slots[slot].intx = level;
}

static const struct pci_ops pci_ops = { .set_intx = set_intx };

static const struct endpoint_host_ops host_ops = {
	.config_read = host_config_read,
	.config_write = host_config_write,
	.region_read = region_read,
	.region_write = region_write,
};

static const struct endpoint_vm_ops vm_ops = {
	.bar_map = bar_map,
	.bar_unmap = bar_unmap,
	.msix_unmask = msix_unmask,
	.msix_mask = msix_mask,
	.msix_enable = msix_enable,
	.quiesce = quiesce,
	.resume = resume,
	.rid_changed = rid_changed,
};

static void check_holes(const struct slot *slot)
{
	struct endpoint_hole holes[2];
	unsigned int i, count = endpoint_msix_holes(slot->endpoint, holes);

	check(count == (endpoint_msix_vectors(slot->endpoint) ? 2 : 0));
	check(endpoint_msix_vectors(slot->endpoint) <= VECTORS_MAX);
	for (i = 0; i < count; i++) {
		const struct endpoint_bar *bar = &slot->bars[holes[i].bar];

		check(holes[i].bar < ENDPOINT_BARS && holes[i].length <= bar->size &&
		      holes[i].offset <= bar->size - holes[i].length);
	}
}

static void plug(struct slot *slot)
{
	if (slot->endpoint)
		return;
	slot->command = 0;
	slot->endpoint = endpoint_new(slot->bars, &host_ops, &vm_ops, slot);
	if (!slot->endpoint)
		return;
	check_holes(slot);
	check(!pci_plug(slot->pci, slot - slots, &endpoint_pci_ops, slot->endpoint));
}

static void unplug(struct slot *slot)
{
	unsigned int i;

	if (!slot->endpoint)
		return;
	pci_unplug(slot->pci, slot - slots);
	check(slot->rid == PCI_RID_NONE);
	endpoint_free(slot->endpoint);
	slot->endpoint = NULL;
	check(!any_mapped(slot) && !slot->msix && !slot->quiesced);
	for (i = 0; i < VECTORS_MAX; i++)
		check(!slot->live[i]);
}

/* A record: what to do, to which slot, with which offset and value */
struct record {
	uint8_t what;		/* low 4 bits: which action; high 4 bits: size, slot */
	uint8_t bar;
	uint16_t offset;
	uint32_t value;
} __attribute__((packed));

static void check_width(uint64_t value, unsigned int size)
{
	check(size >= 8 || !(value >> 8 * size));
}

static void access_ecam(struct pci *pci, uint64_t offset, uint64_t value, unsigned int size,
			bool write)
{
	uint64_t ones = size < 8 ? (1ULL << 8 * size) - 1 : UINT64_MAX;

	if (write) {
		pci_ecam_write(pci, offset, value, size);
		return;
	}
	value = pci_ecam_read(pci, offset, size);
	check_width(value, size);
	check(offset < (uint64_t)PCI_ECAM_BUSES << 20 || value == ones);
}

static void access_bar(struct slot *slot, const struct record *r, unsigned int size, bool write)
{
	/* Large BARs are reached near their start and end; also beyond */
	uint64_t offset = r->offset;

	if (!slot->endpoint)
		return;
	if (r->bar & 0x80 && r->bar % 8 < ENDPOINT_BARS)
		offset = slot->bars[r->bar % 8].size - offset;
	if (write)
		endpoint_bar_write(slot->endpoint, r->bar % 8, offset,
				   (uint64_t)r->value << 32 | r->value, size);
	else
		check_width(endpoint_bar_read(slot->endpoint, r->bar % 8, offset, size), size);
}

static void run(struct pci *pci, const struct record *r)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8, 4, 2, 1, 8 };
	struct slot *slot = &slots[r->what >> 4 & 1];
	unsigned int size = sizes[r->what >> 5];
	uint64_t port = (uint64_t)(slot - slots + 1) << 15;

	switch (r->what & 0xf) {
	case 0:		/* anywhere in ECAM, and beyond */
	case 1:
		access_ecam(pci, (uint64_t)r->bar << 17 | r->offset, r->value, size, r->what & 1);
		break;
	case 2:		/* the port of the slot */
	case 3:
		access_ecam(pci, port | (r->offset & 0x1ff), r->value, size, r->what & 1);
		break;
	case 4:		/* the endpoint, where it is */
	case 5:
		access_ecam(pci, (uint64_t)slot->rid << 12 | (r->offset & 0xfff), r->value, size,
			    r->what & 1);
		break;
	case 6:
	case 7:
		access_bar(slot, r, size, r->what & 1);
		break;
	case 8:
		plug(slot);
		break;
	case 9:
		unplug(slot);
		break;
	case 11:
		if (slot->endpoint)
			endpoint_pci_ops.reset(slot->endpoint);
		break;
	case 13:
		slot->fail = r->value & 1;
		break;
	default:	/* the port reaches its endpoint */
		pci_ecam_write(pci, port | PCI_PRIMARY_BUS,
			       (r->bar & 0x1f) << 8 | (r->bar & 0x1f) << 16, 4);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t head = SLOTS * (CONFIG_SIZE + ENDPOINT_BARS);
	struct record record;
	struct pci *pci;
	unsigned int i, bar;

	if (size < head)
		return 0;
	memset(slots, 0, sizeof(slots));
	pci = pci_new(SLOTS, &pci_ops, NULL);
	check(pci);
	for (i = 0; i < SLOTS; i++) {
		slots[i].pci = pci;
		slots[i].config = data;
		data += CONFIG_SIZE;
		/* A byte for each BAR: the size's exponent, two flags */
		for (bar = 0; bar < ENDPOINT_BARS; bar++, data++)
			slots[i].bars[bar] = (struct endpoint_bar){
				.size = *data & 0x3f ? 1ULL << (*data & 0x3f) : 0,
				.is_64bit = *data & 0x80,
				.prefetchable = *data & 0x40,
			};
		plug(&slots[i]);
	}
	for (size -= head; size >= sizeof(record); size -= sizeof(record)) {
		memcpy(&record, data, sizeof(record));
		data += sizeof(record);
		run(pci, &record);
	}
	for (i = 0; i < SLOTS; i++)
		unplug(&slots[i]);
	pci_free(pci);
	return 0;
}
