// SPDX-License-Identifier: GPL-2.0
/*
 * A vfio function as the guest sees it.
 *
 * Its configuration space is made once, from what the function says, and emulated from then
 * on: what is not defined here reads 0 and cannot be written. Three registers are written
 * through, each with a list of bits: command (memory, bus master, INTx disable), device
 * control (with FLR) and the power state.
 *
 *	header		ids and class of the function; BARs, no INTx, no ROM
 *	PCI Express	an endpoint on the guest's own link, at 16 GT/s
 *	PM		D0 and D3hot, no PME
 *	MSI-X		control and table; vfio owns the physical ones. Nothing is ever pending
 *	vendor's own	read only: what drivers (virtio's) find there is where things are in BARs
 *
 * Everything else is hidden, with all extended capabilities: MSI, VPD, AER, ARI, ATS, PRI,
 * PASID, SR-IOV, resizable BARs. What is kept is at the function's own offsets.
 *
 * The function is not trusted more than the guest: its capability list is walked with a
 * bound, and a capability that overlaps another or does not fit its BAR is left out.
 *
 * Not here: system calls, memslots and eventfds (the callbacks do that), and SR-IOV.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"

#define HEADER_SIZE	0x40
#define CONFIG_END	0x100	/* of capabilities that are not extended */
#define EXP_SIZE	0x3c
#define VECTORS_MAX	(PCI_MSIX_FLAGS_QSIZE + 1)
#define HEADER		0	/* in place of a capability's id */

#define DEVCTL_BITS	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | \
			 PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | \
			 PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_NOSNOOP_EN | \
			 PCI_EXP_DEVCTL_READRQ)
#define STATE_D0	0

/* What the guest finds in a register: bits of the function's and of ours */
static const struct field {
	uint8_t capability, offset, size;
	uint32_t host, ours, writable;
} fields[] = {
	{ HEADER, PCI_VENDOR_ID, 4, ~0U, 0, 0 },
	{ HEADER, PCI_COMMAND, 2, 0, 0,
	  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE },
	{ HEADER, PCI_CLASS_REVISION, 4, ~0U, 0, 0 },
	{ HEADER, PCI_SUBSYSTEM_VENDOR_ID, 4, ~0U, 0, 0 },
	{ PCI_CAP_ID_EXP, PCI_EXP_FLAGS, 2, 0, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0 },
	{ PCI_CAP_ID_EXP, PCI_EXP_DEVCAP, 4,
	  PCI_EXP_DEVCAP_PAYLOAD | PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 0, 0 },
	{ PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, 2, DEVCTL_BITS, 0, DEVCTL_BITS },
	{ PCI_CAP_ID_EXP, PCI_EXP_LNKCAP, 4, 0, PCI_LINK, 0 },
	{ PCI_CAP_ID_EXP, PCI_EXP_LNKSTA, 2, 0, PCI_LINK, 0 },
	{ PCI_CAP_ID_PM, PCI_PM_PMC, 2, PCI_PM_CAP_VER_MASK | PCI_PM_CAP_DSI, 0, 0 },
	{ PCI_CAP_ID_PM, PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET, 0, PCI_PM_CTRL_STATE_MASK },
	{ PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_QSIZE, 0,
	  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL },
	{ PCI_CAP_ID_MSIX, PCI_MSIX_TABLE, 4, ~0U, 0, 0 },
	{ PCI_CAP_ID_MSIX, PCI_MSIX_PBA, 4, ~0U, 0, 0 },
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
	uint32_t tail;				/* where the next capability's offset goes */
	uint64_t used;				/* a bit for each word of 4 bytes */
	bool msix_on;
	struct endpoint_hole table, pba;
	unsigned int vectors;
	uint32_t entry[VECTORS_MAX][4];		/* the guest's MSI-X table: address, data, mask */
	bool live[VECTORS_MAX];			/* the VM has the vector unmasked */
};

static uint32_t get(const struct endpoint *e, uint32_t offset, unsigned int size)
{
	return pci_config_get(&e->config, offset, size);
}

static int host_write16(struct endpoint *e, uint32_t offset, uint16_t value)
{
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
		if (e->mapped[i] && e->mapped[i] != bar_gpa(e, i)) {
			e->mapped[i] = 0;
			e->vm->bar_unmap(e->opaque, i);
		}
	}
	for (i = 0; i < ENDPOINT_BARS; i++) {
		if (e->mapped[i] != bar_gpa(e, i)) {
			e->mapped[i] = bar_gpa(e, i);
			e->vm->bar_map(e->opaque, i, e->mapped[i]);
		}
	}
}

static bool bar_valid(const struct endpoint *e, unsigned int i)
{
	uint64_t size = e->bars[i].size;

	if (size < 16 || size & (size - 1))
		return false;
	if (e->bars[i].is_64bit)
		return i + 1 < ENDPOINT_BARS && !e->bars[i + 1].size;
	return size <= 1ULL << 31;
}

static int define_bar(struct endpoint *e, unsigned int i)
{
	const struct endpoint_bar *bar = &e->bars[i];
	uint32_t offset = PCI_BASE_ADDRESS_0 + 4 * i;
	uint64_t writable = ~(bar->size - 1);
	uint32_t flags = bar->prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0;

	if (!bar->size)
		return 0;
	if (!bar_valid(e, i))
		return -EINVAL;
	if (bar->is_64bit) {
		flags |= PCI_BASE_ADDRESS_MEM_TYPE_64;
		pci_config_define(&e->config, offset + 4, 4, 0, writable >> 32);
	}
	pci_config_define(&e->config, offset, 4, flags, writable);
	return 0;
}

/* MSI-X: a vector is live when it is enabled and not masked, by itself or with all */

static void vector_update(struct endpoint *e, unsigned int i, bool changed)
{
	uint16_t control = get(e, e->msix + PCI_MSIX_FLAGS, 2);
	const uint32_t *entry = e->entry[i];
	bool live = (control & PCI_MSIX_FLAGS_ENABLE) && !(control & PCI_MSIX_FLAGS_MASKALL) &&
		    !(entry[3] & PCI_MSIX_ENTRY_CTRL_MASKBIT);

	if (e->live[i] && (!live || changed))
		e->vm->msix_mask(e->opaque, i);
	if (live && (!e->live[i] || changed))
		e->vm->msix_unmask(e->opaque, i, entry[0] | (uint64_t)entry[1] << 32, entry[2]);
	e->live[i] = live;
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

	memset(e->entry, 0, sizeof(e->entry));
	for (i = 0; i < e->vectors; i++)
		e->entry[i][3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static void table_write(struct endpoint *e, uint64_t offset, uint32_t word)
{
	static const uint32_t writable[] = { ~3U, ~0U, ~0U, PCI_MSIX_ENTRY_CTRL_MASKBIT };
	unsigned int i = offset / PCI_MSIX_ENTRY_SIZE, n = offset % PCI_MSIX_ENTRY_SIZE / 4;
	uint32_t old = e->entry[i][n];

	e->entry[i][n] = word & writable[n];
	vector_update(e, i, e->entry[i][n] != old);
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

/* Aligned, so what starts in a BAR or a hole ends there too */
static bool bar_access_valid(const struct endpoint *e, unsigned int bar, uint64_t offset,
			     unsigned int size)
{
	return bar < ENDPOINT_BARS && e->mapped[bar] && offset < e->bars[bar].size &&
	       !(offset % size);
}

uint64_t endpoint_bar_read(struct endpoint *e, unsigned int bar, uint64_t offset,
			   unsigned int size)
{
	uint64_t ones = UINT64_MAX >> (64 - 8 * size), value = 0;

	if (!bar_access_valid(e, bar, offset, size))
		return ones;
	if (hole_has(&e->table, bar, offset))
		memcpy(&value, (uint8_t *)e->entry + (offset - e->table.offset), size);
	else if (!hole_has(&e->pba, bar, offset) &&
		 e->host->region_read(e->opaque, bar, offset, &value, size))
		return ones;
	return value;
}

void endpoint_bar_write(struct endpoint *e, unsigned int bar, uint64_t offset, uint64_t value,
			unsigned int size)
{
	if (!bar_access_valid(e, bar, offset, size))
		return;
	if (hole_has(&e->table, bar, offset)) {
		/* Words only, one or two: what others do is not defined */
		for (; size >= 4; size -= 4, offset += 4, value >>= 32)
			table_write(e, offset - e->table.offset, value);
	} else if (!hole_has(&e->pba, bar, offset)) {
		e->host->region_write(e->opaque, bar, offset, &value, size);
	}
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

static void define_fields(struct endpoint *e, const struct pci_config *host, uint8_t capability,
			  uint32_t at)
{
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];
		uint32_t value = pci_config_get(host, at + f->offset, f->size);

		if (f->capability == capability)
			pci_config_define(&e->config, at + f->offset, f->size,
					  (value & f->host) | f->ours, f->writable);
	}
}

/* The first of its kind */
static bool find_first(struct endpoint *e, uint32_t *where, uint32_t at, uint32_t size)
{
	if (*where || !claim(e, at, size))
		return false;
	*where = at;
	return true;
}

static bool find_vendor(struct endpoint *e, const struct pci_config *host, uint32_t at)
{
	uint32_t length = (host->value[at + PCI_CAP_FLAGS] + 3) & ~3U;

	if (!length || !claim(e, at, length))
		return false;
	memcpy(e->config.value + at, host->value + at, length);
	return true;
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

static bool find_msix(struct endpoint *e, const struct pci_config *host, uint32_t at)
{
	unsigned int count = (pci_config_get(host, at + PCI_MSIX_FLAGS, 2) &
			      PCI_MSIX_FLAGS_QSIZE) + 1;
	struct endpoint_hole table, pba;

	if (e->msix || !claim(e, at, PCI_CAP_MSIX_SIZEOF) ||
	    !hole_find(e, pci_config_get(host, at + PCI_MSIX_TABLE, 4), 16ULL * count, &table) ||
	    !hole_find(e, pci_config_get(host, at + PCI_MSIX_PBA, 4), (count + 63ULL) / 64 * 8,
		       &pba) || holes_overlap(&table, &pba))
		return false;
	e->msix = at;
	e->vectors = count;
	e->table = table;
	e->pba = pba;
	table_reset(e);
	return true;
}

static void define_capability(struct endpoint *e, const struct pci_config *host, uint32_t at)
{
	uint8_t id = host->value[at];

	if (!(id == PCI_CAP_ID_EXP && find_first(e, &e->exp, at, EXP_SIZE)) &&
	    !(id == PCI_CAP_ID_PM && find_first(e, &e->pm, at, PCI_PM_SIZEOF)) &&
	    !(id == PCI_CAP_ID_MSIX && find_msix(e, host, at)) &&
	    !(id == PCI_CAP_ID_VNDR && find_vendor(e, host, at)))
		return;
	define_fields(e, host, id, at);
	pci_config_set(&e->config, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	pci_config_set(&e->config, at, 2, id);		/* the last one, for now */
	pci_config_set(&e->config, e->tail, 1, at);
	e->tail = at + PCI_CAP_LIST_NEXT;
}

/* The list may lead anywhere, and in circles: as many steps as there are places */
static void define_capabilities(struct endpoint *e, const struct pci_config *host)
{
	uint32_t at = host->value[PCI_CAPABILITY_LIST] & 0xfc;
	unsigned int steps;

	if (!(host->value[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return;
	e->tail = PCI_CAPABILITY_LIST;
	for (steps = 0; at >= HEADER_SIZE && steps < CONFIG_END / 4; steps++) {
		define_capability(e, host, at);
		at = host->value[at + PCI_CAP_LIST_NEXT] & 0xfc;
	}
	if (e->exp && get(e, e->exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR)
		e->config.writable[e->exp + PCI_EXP_DEVCTL + 1] |= PCI_EXP_DEVCTL_BCR_FLR >> 8;
}

static int define_config(struct endpoint *e)
{
	struct pci_config host = {};
	unsigned int i;
	int ret = 0;

	for (i = 0; i < CONFIG_END && !ret; i += 4)
		ret = e->host->config_read(e->opaque, i, host.value + i, 4);
	for (i = 0; i < ENDPOINT_BARS && !ret; i++)
		ret = define_bar(e, i);
	if (ret)
		return ret;
	if (pci_config_get(&host, PCI_VENDOR_ID, 2) == 0xffff ||
	    host.value[PCI_HEADER_TYPE] & PCI_HEADER_TYPE_MASK)
		return -ENODEV;
	define_fields(e, &host, HEADER, 0);
	define_capabilities(e, &host);
	e->power_on = e->config;
	return 0;
}

struct endpoint *endpoint_new(const struct endpoint_bar bars[ENDPOINT_BARS],
			      const struct endpoint_host_ops *host,
			      const struct endpoint_vm_ops *vm, void *opaque)
{
	struct endpoint *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return NULL;
	memcpy(e->bars, bars, sizeof(e->bars));
	e->host = host;
	e->vm = vm;
	e->opaque = opaque;
	ret = define_config(e);
	if (!ret)
		return e;
	free(e);
	errno = -ret;
	return NULL;
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
	free(e);
}

/*
 * vfio restores the function's configuration after FLR, and when it leaves D3hot: so that is
 * reset too, after it is awake and before FLR.
 */
static void reset(void *opaque)
{
	struct endpoint *e = opaque;

	e->vm->quiesce(e->opaque);
	power_on(e);
	if (e->pm)
		host_write16(e, e->pm + PCI_PM_CTRL, STATE_D0);
	host_write16(e, PCI_COMMAND, 0);
	if (e->exp) {
		bool flr = get(e, e->exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR;

		host_write16(e, e->exp + PCI_EXP_DEVCTL, get(e, e->exp + PCI_EXP_DEVCTL, 2) |
			     (flr ? PCI_EXP_DEVCTL_BCR_FLR : 0));
	}
	e->vm->resume(e->opaque);
}

/* What a write of the guest's does beyond the bytes */

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

static void power_written(struct endpoint *e)
{
	uint16_t state = get(e, e->pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK;

	e->vm->quiesce(e->opaque);
	if (state != STATE_D0)
		bars_update(e);
	host_write16(e, e->pm + PCI_PM_CTRL, state);
	/* vfio has restored the command register from before D3hot */
	if (state == STATE_D0)
		command_written(e);
	e->vm->resume(e->opaque);
}

static void devctl_written(struct endpoint *e)
{
	uint16_t control = get(e, e->exp + PCI_EXP_DEVCTL, 2);

	if (control & PCI_EXP_DEVCTL_BCR_FLR)
		reset(e);
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
	if (word == PCI_COMMAND) {
		command_written(e);
	} else if (e->pm && word == e->pm + PCI_PM_CTRL) {
		power_written(e);
	} else if (e->exp && word == e->exp + PCI_EXP_DEVCTL) {
		devctl_written(e);
	} else {	/* a BAR, or MSI-X control */
		bars_update(e);
		msix_update(e);
	}
}

static uint32_t config_read(void *opaque, uint32_t offset, unsigned int size)
{
	return get(opaque, offset, size);
}

static void rid_changed(void *opaque, uint16_t rid)
{
	struct endpoint *e = opaque;

	e->vm->rid_changed(e->opaque, rid);
}

const struct pci_endpoint_ops endpoint_pci_ops = {
	.config_read = config_read,
	.config_write = config_write,
	.rid_changed = rid_changed,
	.reset = reset,
};
