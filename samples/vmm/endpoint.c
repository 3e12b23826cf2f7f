// SPDX-License-Identifier: GPL-2.0
/*
 * A vfio function as the guest sees it.
 *
 * Its configuration space is made once, from what the function says, and emulated from then
 * on: what is not defined here reads 0 and cannot be written. Three registers are written
 * through, each with a list of bits: command (memory, bus master, INTx disable), device
 * control (with FLR) and the power state. One bit is read through: transactions pending.
 *
 *	header		ids and class of the function; BARs, no INTx, no ROM
 *	PCI Express	an endpoint on the guest's own link, at 16 GT/s
 *	PM		D0 and D3hot, no PME
 *	MSI-X		control, table and pending bits; vfio owns the physical ones
 *
 * Everything else is hidden, with all extended capabilities: MSI, VPD, vendor-specific, AER,
 * ARI, ATS, PRI, PASID, SR-IOV, resizable BARs. What is kept is at the function's own offsets.
 *
 * The function is not trusted more than the guest: its capability list is walked with a
 * bound, and a capability that overlaps another or does not fit its BAR is left out.
 *
 * Not here: system calls, memslots and eventfds (the callbacks do that), and SR-IOV.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"

#define HEADER_SIZE	0x40
#define VENDOR_MAX	8
#define CONFIG_END	0x100	/* of capabilities that are not extended */
#define EXP_SIZE	0x3c	/* of version 2; those of version 1 are left out */

#define COMMAND_BITS	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE)
#define DEVCAP_BITS	(PCI_EXP_DEVCAP_PAYLOAD | PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR)
#define DEVCTL_BITS	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | \
			 PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | \
			 PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_NOSNOOP_EN | \
			 PCI_EXP_DEVCTL_READRQ)
#define PMC_BITS	(PCI_PM_CAP_VER_MASK | PCI_PM_CAP_DSI)
#define STATE_D0	0
#define STATE_D3HOT	3

struct vector {
	uint64_t address;
	uint32_t data;
	bool masked;		/* by the guest, in its table entry */
	bool live;		/* the VM has it unmasked */
	bool pending;
};

struct endpoint {
	struct pci_config config;
	struct pci_config power_on;
	const struct endpoint_host_ops *host;
	const struct endpoint_vm_ops *vm;
	void *opaque;
	struct endpoint_bar bars[ENDPOINT_BARS];
	uint64_t mapped[ENDPOINT_BARS];		/* where the VM has it, 0: nowhere */
	uint32_t exp, pm, msix;			/* offsets of the capabilities, 0: none */
	uint32_t vendor[VENDOR_MAX];		/* and of those that are the vendor's own */
	unsigned int vendors;
	uint64_t used;				/* a bit for each word of 4 bytes */
	unsigned int vectors;
	struct vector *vector;
	bool msix_on;
	struct endpoint_hole table, pba;
};

static uint32_t get(const struct endpoint *e, uint32_t offset, unsigned int size)
{
	return pci_config_get(&e->config, offset, size);
}

static int host_read(struct endpoint *e, uint32_t offset, uint32_t *value)
{
	int ret = e->host->config_read(e->opaque, offset, value, 4);

	if (!ret)
		*value = le32toh(*value);
	return ret;
}

static int host_write16(struct endpoint *e, uint32_t offset, uint16_t value)
{
	value = htole16(value);
	return e->host->config_write(e->opaque, offset, &value, 2);
}

/* BARs: the registers hold the address, and the VM is told where they decode */

static uint64_t bar_gpa(const struct endpoint *e, unsigned int i)
{
	const struct endpoint_bar *bar = &e->bars[i];
	uint32_t offset = PCI_BASE_ADDRESS_0 + 4 * i;
	uint64_t max = bar->is_64bit ? UINT64_MAX : UINT32_MAX;
	uint64_t gpa;

	if (!bar->size || !(get(e, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
		return 0;
	if (e->pm && get(e, e->pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK)
		return 0;
	gpa = get(e, offset, 4) & ~0xfU;
	if (bar->is_64bit)
		gpa |= (uint64_t)get(e, offset + 4, 4) << 32;
	/* All ones is no address: it is how the size is found out */
	return gpa + (bar->size - 1) == max ? 0 : gpa;
}

/* First what ends, then what begins: BARs may have swapped their places */
static void bars_update(struct endpoint *e)
{
	unsigned int i;

	for (i = 0; i < ENDPOINT_BARS; i++) {
		if (!e->mapped[i] || e->mapped[i] == bar_gpa(e, i))
			continue;
		e->mapped[i] = 0;
		e->vm->bar_unmap(e->opaque, i);
	}
	for (i = 0; i < ENDPOINT_BARS; i++) {
		if (e->mapped[i] == bar_gpa(e, i))
			continue;
		e->mapped[i] = bar_gpa(e, i);
		e->vm->bar_map(e->opaque, i, e->mapped[i]);
	}
}

static bool bars_valid(const struct endpoint_bar bars[ENDPOINT_BARS])
{
	unsigned int i;

	for (i = 0; i < ENDPOINT_BARS; i++) {
		uint64_t size = bars[i].size;

		if (!size)
			continue;
		if (size < 16 || size & (size - 1))
			return false;
		if (!bars[i].is_64bit && size > 1ULL << 31)
			return false;
		if (bars[i].is_64bit && (i == ENDPOINT_BARS - 1 || bars[i + 1].size))
			return false;
	}
	return true;
}

static void define_bar(struct endpoint *e, unsigned int i)
{
	const struct endpoint_bar *bar = &e->bars[i];
	uint32_t offset = PCI_BASE_ADDRESS_0 + 4 * i;
	uint64_t writable = ~(bar->size - 1);
	uint32_t flags = 0;

	if (!bar->size)
		return;
	if (bar->prefetchable)
		flags |= PCI_BASE_ADDRESS_MEM_PREFETCH;
	if (bar->is_64bit) {
		flags |= PCI_BASE_ADDRESS_MEM_TYPE_64;
		pci_config_define(&e->config, offset + 4, 4, 0, writable >> 32);
	}
	pci_config_define(&e->config, offset, 4, flags, writable);
}

/* MSI-X: a vector is live when it is enabled and not masked, by itself or with all */

static void vector_update(struct endpoint *e, unsigned int i, bool changed)
{
	uint16_t control = e->msix ? get(e, e->msix + PCI_MSIX_FLAGS, 2) : 0;
	struct vector *vector = &e->vector[i];
	bool live = (control & PCI_MSIX_FLAGS_ENABLE) && !(control & PCI_MSIX_FLAGS_MASKALL) &&
		    !vector->masked;

	if (vector->live && (!live || changed)) {
		vector->live = false;
		e->vm->msix_mask(e->opaque, i);
	}
	if (live && !vector->live) {
		vector->live = true;
		vector->pending = false;
		e->vm->msix_unmask(e->opaque, i, vector->address, vector->data);
	}
}

static void msix_update(struct endpoint *e)
{
	bool on = e->msix && get(e, e->msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_ENABLE;
	unsigned int i;

	if (on && !e->msix_on)
		e->vm->msix_enable(e->opaque, true);
	for (i = 0; i < e->vectors; i++)
		vector_update(e, i, false);
	if (!on && e->msix_on)
		e->vm->msix_enable(e->opaque, false);
	e->msix_on = on;
}

/* With MSI-X off */
static void table_reset(struct endpoint *e)
{
	unsigned int i;

	for (i = 0; i < e->vectors; i++)
		e->vector[i] = (struct vector){ .masked = true };
}

/* The word of 4 bytes at @offset in the table */
static uint32_t table_read(const struct endpoint *e, uint64_t offset)
{
	const struct vector *vector = &e->vector[offset / PCI_MSIX_ENTRY_SIZE];

	switch (offset % PCI_MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return vector->address;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		return vector->address >> 32;
	case PCI_MSIX_ENTRY_DATA:
		return vector->data;
	default:
		return vector->masked ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0;
	}
}

static void table_write(struct endpoint *e, uint64_t offset, uint32_t word)
{
	unsigned int i = offset / PCI_MSIX_ENTRY_SIZE;
	struct vector *vector = &e->vector[i];
	struct vector old = *vector;

	switch (offset % PCI_MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		vector->address = (old.address & ~0xffffffffULL) | (word & ~3U);
		break;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		vector->address = (old.address & 0xffffffff) | (uint64_t)word << 32;
		break;
	case PCI_MSIX_ENTRY_DATA:
		vector->data = word;
		break;
	default:
		vector->masked = word & PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
	vector_update(e, i, vector->address != old.address || vector->data != old.data);
}

static uint32_t pba_read(const struct endpoint *e, uint64_t offset)
{
	unsigned int first = offset * 8, i;
	uint32_t bits = 0;

	for (i = 0; i < 32 && first + i < e->vectors; i++)
		bits |= (uint32_t)e->vector[first + i].pending << i;
	return bits;
}

void endpoint_msix_pending(struct endpoint *e, unsigned int vector)
{
	/* One that is live by now has been delivered when it was unmasked */
	if (vector < e->vectors && !e->vector[vector].live)
		e->vector[vector].pending = true;
}

unsigned int endpoint_msix_vectors(const struct endpoint *e)
{
	return e->vectors;
}

unsigned int endpoint_msix_holes(const struct endpoint *e, struct endpoint_hole holes[2])
{
	if (!e->vectors)
		return 0;
	holes[0] = e->table;
	holes[1] = e->pba;
	return 2;
}

/* Accesses to BARs that trap */

static bool hole_has(const struct endpoint_hole *hole, unsigned int bar, uint64_t offset)
{
	return hole->bar == bar && offset >= hole->offset && offset - hole->offset < hole->length;
}

static bool bar_access_valid(const struct endpoint *e, unsigned int bar, uint64_t offset,
			     unsigned int size)
{
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return false;
	/* Aligned, so what starts in a BAR or a hole ends there too */
	return bar < ENDPOINT_BARS && e->mapped[bar] && offset < e->bars[bar].size &&
	       !(offset % size);
}

static uint32_t msix_read(const struct endpoint *e, unsigned int bar, uint64_t offset)
{
	if (hole_has(&e->table, bar, offset))
		return table_read(e, offset - e->table.offset);
	return pba_read(e, offset - e->pba.offset);
}

static void msix_write(struct endpoint *e, unsigned int bar, uint64_t offset, uint32_t word)
{
	if (hole_has(&e->table, bar, offset))
		table_write(e, offset - e->table.offset, word);
}

/* Software accesses MSI-X by words of 4 or 8 bytes; what others do is not defined */
uint64_t endpoint_bar_read(struct endpoint *e, unsigned int bar, uint64_t offset,
			   unsigned int size)
{
	uint64_t ones = size < 8 ? (1ULL << 8 * size) - 1 : UINT64_MAX;
	uint64_t value = 0;

	if (!bar_access_valid(e, bar, offset, size))
		return ones;
	if (hole_has(&e->table, bar, offset) || hole_has(&e->pba, bar, offset)) {
		if (size < 4)
			return ones;
		value = msix_read(e, bar, offset);
		if (size == 8)
			value |= (uint64_t)msix_read(e, bar, offset + 4) << 32;
		return value;
	}
	if (e->host->region_read(e->opaque, bar, offset, &value, size))
		return ones;
	return le64toh(value);
}

void endpoint_bar_write(struct endpoint *e, unsigned int bar, uint64_t offset, uint64_t value,
			unsigned int size)
{
	if (!bar_access_valid(e, bar, offset, size))
		return;
	if (hole_has(&e->table, bar, offset) || hole_has(&e->pba, bar, offset)) {
		if (size >= 4)
			msix_write(e, bar, offset, value);
		if (size == 8)
			msix_write(e, bar, offset + 4, value >> 32);
		return;
	}
	value = htole64(value);
	e->host->region_write(e->opaque, bar, offset, &value, size);
}

/* Making the configuration space, from what the function says */

/* A part of the space for a capability, unless another one has some of it */
static bool claim(struct endpoint *e, uint32_t offset, uint32_t size)
{
	uint64_t words;

	if (offset + size > CONFIG_END)
		return false;
	words = ((1ULL << size / 4) - 1) << offset / 4;
	if (e->used & words)
		return false;
	e->used |= words;
	return true;
}

static void define_exp(struct endpoint *e, const uint32_t *host, uint32_t at)
{
	uint32_t devcap, devctl, flr;

	if (e->exp || (host[at / 4] >> 16 & PCI_EXP_FLAGS_VERS) < 2 || !claim(e, at, EXP_SIZE))
		return;
	e->exp = at;
	devcap = host[(at + PCI_EXP_DEVCAP) / 4] & DEVCAP_BITS;
	devctl = host[(at + PCI_EXP_DEVCTL) / 4] & DEVCTL_BITS;
	flr = devcap & PCI_EXP_DEVCAP_FLR ? PCI_EXP_DEVCTL_BCR_FLR : 0;
	pci_config_define(&e->config, at, 1, PCI_CAP_ID_EXP, 0);
	pci_config_define(&e->config, at + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0);
	pci_config_define(&e->config, at + PCI_EXP_DEVCAP, 4, devcap, 0);
	pci_config_define(&e->config, at + PCI_EXP_DEVCTL, 2, devctl, DEVCTL_BITS | flr);
	pci_config_define(&e->config, at + PCI_EXP_LNKCAP, 4, PCI_LINK, 0);
	pci_config_define(&e->config, at + PCI_EXP_LNKSTA, 2, PCI_LINK, 0);
	pci_config_define(&e->config, at + PCI_EXP_LNKCAP2, 4, PCI_LINK_SPEEDS, 0);
	pci_config_define(&e->config, at + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_16_0GT, 0);
}

static void define_pm(struct endpoint *e, const uint32_t *host, uint32_t at)
{
	if (e->pm || !claim(e, at, PCI_PM_SIZEOF))
		return;
	e->pm = at;
	pci_config_define(&e->config, at, 1, PCI_CAP_ID_PM, 0);
	pci_config_define(&e->config, at + PCI_PM_PMC, 2, host[at / 4] >> 16 & PMC_BITS, 0);
	pci_config_define(&e->config, at + PCI_PM_CTRL, 2,
			  host[(at + PCI_PM_CTRL) / 4] & PCI_PM_CTRL_NO_SOFT_RESET,
			  PCI_PM_CTRL_STATE_MASK);
}

/* Read only: what drivers find there, virtio's for one, is where things are in BARs */
static void define_vendor(struct endpoint *e, const uint32_t *host, uint32_t at)
{
	uint32_t length = host[at / 4] >> 16 & 0xff, i;

	length = (length + 3) & ~3u;
	if (e->vendors == VENDOR_MAX || !length || !claim(e, at, length))
		return;
	e->vendor[e->vendors++] = at;
	for (i = 0; i < length; i += 4)
		pci_config_define(&e->config, at + i, 4, host[(at + i) / 4], 0);
}

/* @locator is an offset with a BAR's number in its low bits */
static bool hole_find(const struct endpoint *e, uint32_t locator, uint64_t length,
		      struct endpoint_hole *hole)
{
	hole->bar = locator & PCI_MSIX_TABLE_BIR;
	hole->offset = locator & PCI_MSIX_TABLE_OFFSET;
	hole->length = length;
	return hole->bar < ENDPOINT_BARS && length <= e->bars[hole->bar].size &&
	       hole->offset <= e->bars[hole->bar].size - length;
}

static bool holes_overlap(const struct endpoint_hole *a, const struct endpoint_hole *b)
{
	return a->bar == b->bar && a->offset < b->offset + b->length &&
	       b->offset < a->offset + a->length;
}

static int define_msix(struct endpoint *e, const uint32_t *host, uint32_t at)
{
	unsigned int count = (host[at / 4] >> 16 & PCI_MSIX_FLAGS_QSIZE) + 1;
	struct endpoint_hole table, pba;

	if (e->msix || at + PCI_CAP_MSIX_SIZEOF > CONFIG_END ||
	    !hole_find(e, host[(at + PCI_MSIX_TABLE) / 4], 16ULL * count, &table) ||
	    !hole_find(e, host[(at + PCI_MSIX_PBA) / 4], (count + 63ULL) / 64 * 8, &pba) ||
	    holes_overlap(&table, &pba) || !claim(e, at, PCI_CAP_MSIX_SIZEOF))
		return 0;
	e->vector = calloc(count, sizeof(*e->vector));
	if (!e->vector)
		return -ENOMEM;
	e->msix = at;
	e->vectors = count;
	e->table = table;
	e->pba = pba;
	table_reset(e);
	pci_config_define(&e->config, at, 1, PCI_CAP_ID_MSIX, 0);
	pci_config_define(&e->config, at + PCI_MSIX_FLAGS, 2, count - 1,
			  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_config_define(&e->config, at + PCI_MSIX_TABLE, 4, host[(at + PCI_MSIX_TABLE) / 4], 0);
	pci_config_define(&e->config, at + PCI_MSIX_PBA, 4, host[(at + PCI_MSIX_PBA) / 4], 0);
	return 0;
}

/* The list may lead anywhere, and in circles: as many steps as there are places */
static int define_capabilities(struct endpoint *e, const uint32_t *host)
{
	uint32_t at = host[PCI_CAPABILITY_LIST / 4] & 0xfc;
	unsigned int steps;
	int ret = 0;

	if (!(host[PCI_COMMAND / 4] >> 16 & PCI_STATUS_CAP_LIST))
		return 0;
	for (steps = 0; at >= HEADER_SIZE && steps < CONFIG_END / 4 && !ret; steps++) {
		uint32_t word = host[at / 4];

		if ((word & 0xff) == PCI_CAP_ID_EXP)
			define_exp(e, host, at);
		else if ((word & 0xff) == PCI_CAP_ID_PM)
			define_pm(e, host, at);
		else if ((word & 0xff) == PCI_CAP_ID_MSIX)
			ret = define_msix(e, host, at);
		else if ((word & 0xff) == PCI_CAP_ID_VNDR)
			define_vendor(e, host, at);
		at = word >> 8 & 0xfc;
	}
	return ret;
}

/* Returns where the next one's offset goes */
static uint32_t link_capability(struct endpoint *e, uint32_t pointer, uint32_t offset)
{
	pci_config_set(&e->config, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	pci_config_set(&e->config, pointer, 1, offset);
	return offset + PCI_CAP_LIST_NEXT;
}

static void link_capabilities(struct endpoint *e)
{
	const uint32_t offsets[] = { e->pm, e->msix, e->exp };
	uint32_t pointer = PCI_CAPABILITY_LIST;
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (offsets[i])
			pointer = link_capability(e, pointer, offsets[i]);
	for (i = 0; i < e->vendors; i++)
		pointer = link_capability(e, pointer, e->vendor[i]);
	pci_config_set(&e->config, pointer, 1, 0);
}

static int define_config(struct endpoint *e)
{
	uint32_t host[CONFIG_END / 4];
	unsigned int i;
	int ret;

	for (i = 0; i < CONFIG_END / 4; i++) {
		ret = host_read(e, 4 * i, &host[i]);
		if (ret)
			return ret;
	}
	if ((host[0] & 0xffff) == 0xffff ||
	    host[PCI_CACHE_LINE_SIZE / 4] >> 16 & PCI_HEADER_TYPE_MASK)
		return -ENODEV;
	pci_config_define(&e->config, PCI_VENDOR_ID, 4, host[0], 0);
	pci_config_define(&e->config, PCI_COMMAND, 2, 0, COMMAND_BITS);
	pci_config_define(&e->config, PCI_CLASS_REVISION, 4, host[PCI_CLASS_REVISION / 4], 0);
	pci_config_define(&e->config, PCI_CACHE_LINE_SIZE, 1, 0, 0xff);
	pci_config_define(&e->config, PCI_SUBSYSTEM_VENDOR_ID, 4,
			  host[PCI_SUBSYSTEM_VENDOR_ID / 4], 0);
	pci_config_define(&e->config, PCI_INTERRUPT_LINE, 1, 0, 0xff);
	for (i = 0; i < ENDPOINT_BARS; i++)
		define_bar(e, i);
	ret = define_capabilities(e, host);
	link_capabilities(e);
	e->power_on = e->config;
	return ret;
}

struct endpoint *endpoint_new(const struct endpoint_bar bars[ENDPOINT_BARS],
			      const struct endpoint_host_ops *host,
			      const struct endpoint_vm_ops *vm, void *opaque)
{
	struct endpoint *e;
	int ret;

	if (!bars_valid(bars)) {
		errno = EINVAL;
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	memcpy(e->bars, bars, sizeof(e->bars));
	e->host = host;
	e->vm = vm;
	e->opaque = opaque;
	ret = define_config(e);
	if (ret) {
		free(e->vector);
		free(e);
		errno = -ret;
		return NULL;
	}
	return e;
}

/* The guest's side of a reset: BARs nowhere, MSI-X off */
static void power_on(struct endpoint *e)
{
	e->config = e->power_on;
	bars_update(e);
	msix_update(e);
	table_reset(e);
}

void endpoint_free(struct endpoint *e)
{
	power_on(e);
	free(e->vector);
	free(e);
}

/*
 * vfio restores the function's configuration after FLR, and when it leaves D3hot: so that is
 * reset too, after it is awake and before FLR.
 */
void endpoint_reset(struct endpoint *e)
{
	uint16_t flr = 0;

	e->vm->quiesce(e->opaque);
	power_on(e);
	if (e->pm)
		host_write16(e, e->pm + PCI_PM_CTRL, STATE_D0);
	host_write16(e, PCI_COMMAND, 0);
	if (e->exp) {
		if (get(e, e->exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR)
			flr = PCI_EXP_DEVCTL_BCR_FLR;
		host_write16(e, e->exp + PCI_EXP_DEVCTL,
			     get(e, e->exp + PCI_EXP_DEVCTL, 2) | flr);
	}
	e->vm->resume(e->opaque);
}

/* What a write of the guest's does beyond the bytes. @old is the register before it */

static void command_written(struct endpoint *e)
{
	uint16_t command = get(e, PCI_COMMAND, 2);

	/* Unmapped before the function stops to decode, mapped after it does */
	if (!(command & PCI_COMMAND_MEMORY))
		bars_update(e);
	if (host_write16(e, PCI_COMMAND, command))
		pci_config_set(&e->config, PCI_COMMAND, 2, command & PCI_COMMAND_INTX_DISABLE);
	bars_update(e);
}

static void power_written(struct endpoint *e, uint16_t old)
{
	uint32_t offset = e->pm + PCI_PM_CTRL;
	uint16_t new = get(e, offset, 2);
	uint16_t state = new & PCI_PM_CTRL_STATE_MASK;

	/* A state that is not supported is not entered */
	if (state != STATE_D0 && state != STATE_D3HOT) {
		pci_config_set(&e->config, offset, 2, old);
		return;
	}
	e->vm->quiesce(e->opaque);
	if (state != STATE_D0)
		bars_update(e);
	if (host_write16(e, offset, state)) {
		pci_config_set(&e->config, offset, 2, old);
		bars_update(e);
	} else if (state == STATE_D0) {
		/* vfio has restored the command register from before D3hot */
		command_written(e);
	}
	e->vm->resume(e->opaque);
}

static void devctl_written(struct endpoint *e)
{
	uint16_t control = get(e, e->exp + PCI_EXP_DEVCTL, 2);

	if (control & PCI_EXP_DEVCTL_BCR_FLR)
		endpoint_reset(e);
	else
		host_write16(e, e->exp + PCI_EXP_DEVCTL, control);
}

static void config_write(void *opaque, uint32_t offset, uint32_t value, unsigned int size)
{
	struct endpoint *e = opaque;
	uint32_t word = offset & ~3U;
	uint32_t old = get(e, word, 4);

	pci_config_write(&e->config, offset, size, value);
	if (get(e, word, 4) == old)
		return;
	if (word == PCI_COMMAND)
		command_written(e);
	else if (word >= PCI_BASE_ADDRESS_0 && word <= PCI_BASE_ADDRESS_5)
		bars_update(e);
	else if (e->pm && word == e->pm + PCI_PM_CTRL)
		power_written(e, old);
	else if (e->exp && word == e->exp + PCI_EXP_DEVCTL)
		devctl_written(e);
	else if (e->msix && word == e->msix)
		msix_update(e);
}

static uint32_t config_read(void *opaque, uint32_t offset, unsigned int size)
{
	struct endpoint *e = opaque;
	uint32_t word = e->exp + PCI_EXP_DEVCTL;
	uint32_t value = get(e, offset, size);
	uint32_t host;

	/* The guest waits for this before FLR */
	if (e->exp && offset <= word + 2 && offset + size > word + 2 && !host_read(e, word, &host))
		value |= (host >> 16 & PCI_EXP_DEVSTA_TRPND) << 8 * (word + 2 - offset);
	return value;
}

static void rid_changed(void *opaque, uint16_t rid)
{
	struct endpoint *e = opaque;

	e->vm->rid_changed(e->opaque, rid);
}

static void reset(void *opaque)
{
	endpoint_reset(opaque);
}

const struct pci_endpoint_ops endpoint_pci_ops = {
	.config_read = config_read,
	.config_write = config_write,
	.rid_changed = rid_changed,
	.reset = reset,
};
