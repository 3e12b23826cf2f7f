// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM's vSMMUv3 against any guest, any kernel and any hardware: the input is a list
 * of steps, each an opcode and its arguments. Besides what ASan and UBSan see, it checks
 * what the rest of the VMM relies on.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/iommufd.h>

#include "input.h"
#include "vsmmu.h"

/* Guest memory, at address 0 */
#define RAM_SIZE	0x10000

#define CR0		0x20
#define GERROR		0x60
#define GERRORN		0x64
#define CMDQ_BASE	0x90
#define CMDQ_PROD	0x98
#define CMDQ_CONS	0x9c
#define EVENTQ_PROD	0x100a8
#define EVENTQ_CONS	0x100ac
#define CMDQEN		(1 << 3)

/* Of one call: a queue of 2^8 commands, none readable at the first attempt */
#define READS_MAX	(2 * 256)
/* Each command alone and refused, and again */
#define INVALIDATIONS_MAX (3 * 256)

struct machine {
	struct input in;
	struct vsmmu *v;
	uint8_t ram[RAM_SIZE];
	bool in_call;		/* so that ops may come */
	unsigned int reads;
	unsigned int invalidations;
	bool fail_writes;
	uint32_t refuse;	/* the n-th command from now, 0: none */
	uint32_t active;	/* global errors, after the last step */
	uint64_t idrs[4];
};

static struct machine *machine;

static bool in_ram(uint64_t gpa, size_t length)
{
	return gpa < RAM_SIZE && length <= RAM_SIZE - gpa;
}

static int ram_read(void *opaque, uint64_t gpa, void *to, size_t length)
{
	struct machine *m = opaque;

	must(m->in_call && ++m->reads <= READS_MAX);
	if (!in_ram(gpa, length))
		return -EFAULT;
	memcpy(to, m->ram + gpa, length);
	return 0;
}

static int ram_write(void *opaque, uint64_t gpa, const void *from, size_t length)
{
	struct machine *m = opaque;

	must(m->in_call);
	if (m->fail_writes || !in_ram(gpa, length))
		return -EFAULT;
	memcpy(m->ram + gpa, from, length);
	return 0;
}

/* What the caller hands to IOMMU_HWPT_ALLOC: nothing that the kernel would refuse */
static void check_stream(struct machine *m, uint32_t sid)
{
	static const unsigned int cfg[] = { 0, 4, 5 };
	struct vsmmu_stream stream;

	memset(&stream, 0xff, sizeof(stream));
	vsmmu_stream(m->v, sid, &stream);
	must(stream.config <= VSMMU_STAGE1);
	must((stream.ste[0] & 0xf) == (1 | cfg[stream.config] << 1));
	must(!(stream.ste[0] & ~0xf80fffffffffffffULL) && !(stream.ste[1] & ~0x80000ffULL));
	if (stream.config != VSMMU_STAGE1)
		must(!(stream.ste[0] & ~0xfULL) && !stream.ste[1]);
}

static void streams_changed(void *opaque, uint32_t first, uint32_t last)
{
	struct machine *m = opaque;
	unsigned int reads = m->reads;

	must(m->in_call && first <= last && last <= VSMMU_SID_LAST);
	/* As the VMM does it for its devices */
	check_stream(m, first);
	check_stream(m, last);
	must(m->reads - reads <= 4);
	m->reads = reads;
}

static bool may_reach_the_kernel(uint64_t word)
{
	switch (word & 0xff) {
	case 0x05:
	case 0x06:
	case 0x10 ... 0x13:
	case 0x30:
		return true;
	}
	return false;
}

static int invalidate(void *opaque, const uint64_t (*cmds)[2], uint32_t count, uint32_t *done)
{
	struct machine *m = opaque;

	must(m->in_call && count && count <= VSMMU_BATCH && *done == count);
	must(++m->invalidations <= INVALIDATIONS_MAX);
	for (uint32_t i = 0; i < count; i++)
		must(may_reach_the_kernel(cmds[i][0]));
	if (!m->refuse || m->refuse > count)
		return 0;
	*done = m->refuse - 1;
	m->refuse = 0;
	return -EIO;
}

static void raise_irq(void *opaque, enum vsmmu_irq irq)
{
	struct machine *m = opaque;

	must(m->in_call && (irq == VSMMU_IRQ_EVENTQ || irq == VSMMU_IRQ_GERROR));
}

static const struct vsmmu_ops ops = {
	.read = ram_read,
	.write = ram_write,
	.streams_changed = streams_changed,
	.invalidate = invalidate,
	.raise = raise_irq,
};

static uint32_t get(struct machine *m, uint64_t offset)
{
	return vsmmu_mmio_read(m->v, offset, 4);
}

/* What holds between any two calls */
static void check_registers(struct machine *m)
{
	uint32_t cr0 = get(m, CR0), active = get(m, GERROR) ^ get(m, GERRORN);
	uint32_t cons = get(m, CMDQ_CONS), prod = get(m, CMDQ_PROD);
	uint32_t log2 = get(m, CMDQ_BASE) & 0x1f, mask;

	for (int i = 0; i < 4; i++)
		must(vsmmu_mmio_read(m->v, i * 8, 8) == m->idrs[i]);
	must(!(cr0 & ~0xd) && !(active & ~5));
	must((get(m, EVENTQ_PROD) & 0x7ff00000) == 0);
	must((cons >> 24) <= 2 && !(cons & 0xf00000) && !(prod & 0xfff00000));
	/* A new error has a cause */
	must(!(active & ~m->active & 1) || cons >> 24);
	m->active = active;
	/* An enabled queue is empty, or stopped, or its indexes make no sense */
	mask = (2U << (log2 < 8 ? log2 : 8)) - 1;
	if (cr0 & CMDQEN && !(active & 1))
		must(!((prod - cons) & mask) || ((prod - cons) & mask) > (mask + 1) / 2);
}

/* Registers of interest, so that few inputs are spent on holes */
static uint64_t some_register(struct input *in)
{
	static const uint32_t offsets[] = {
		0x20, 0x28, 0x2c, 0x44, 0x50, 0x60, 0x64, 0x80, 0x84, 0x88, 0x90, 0x94,
		0x98, 0x9c, 0xa0, 0xa4, 0x100a8, 0x100ac, 0x00, 0x40,
	};
	uint8_t n = input_u8(in);

	if (n < 0xf0)
		return offsets[n % (sizeof(offsets) / sizeof(offsets[0]))];
	return n == 0xff ? input_u64(in) : input_u32(in) % (VSMMU_REGS_SIZE + 16);
}

static void write_register(struct machine *m)
{
	uint64_t offset = some_register(&m->in);
	uint8_t size = input_u8(&m->in);

	if (size & 0x80)
		vsmmu_mmio_write(m->v, offset, input_u64(&m->in), size & 0x7f);
	else if (size & 1)
		vsmmu_mmio_write(m->v, offset, input_u64(&m->in), 8);
	else
		vsmmu_mmio_write(m->v, offset, input_u32(&m->in), 4);
}

static void read_register(struct machine *m)
{
	uint64_t offset = some_register(&m->in);
	uint8_t size = input_u8(&m->in);
	uint64_t value = vsmmu_mmio_read(m->v, offset, size);

	must((size == 4 || size == 8) || !value);
	must(size != 4 || !(value >> 32));
}

static void fill_memory(struct machine *m)
{
	uint16_t gpa = input_u16(&m->in) & ~7;
	uint8_t length = input_u8(&m->in);

	if (in_ram(gpa, length))
		input_bytes(&m->in, m->ram + gpa, length);
}

/* A few commands behind those that are queued, and the write that runs them */
static void run_commands(struct machine *m)
{
	uint64_t base = vsmmu_mmio_read(m->v, CMDQ_BASE, 8);
	unsigned int log2 = (base & 0x1f) < 8 ? base & 0x1f : 8;
	uint32_t prod = get(m, CMDQ_PROD);
	uint8_t count = input_u8(&m->in), repeat = input_u8(&m->in);
	uint64_t cmd[2];

	base &= 0xfffffffffffe0ULL & ~((16ULL << log2) - 1);
	for (int i = 0; i < count % 16; i++) {
		input_bytes(&m->in, cmd, sizeof(cmd));
		for (int j = 0; j <= repeat % 80; j++, prod++) {
			uint64_t gpa = base + (prod & ((1U << log2) - 1)) * 16;

			if (in_ram(gpa, 16))
				memcpy(m->ram + gpa, cmd, 16);
		}
	}
	vsmmu_mmio_write(m->v, CMDQ_PROD, prod & ((2U << log2) - 1), 4);
}

static void acknowledge(struct machine *m)
{
	vsmmu_mmio_write(m->v, GERRORN, get(m, GERROR), 4);
	vsmmu_mmio_write(m->v, EVENTQ_CONS, get(m, EVENTQ_PROD), 4);
}

/* A driver's set-up, so that what follows is not all about that */
static void enable(struct machine *m)
{
	uint8_t how = input_u8(&m->in);

	vsmmu_mmio_write(m->v, CR0, 0, 4);
	vsmmu_mmio_write(m->v, 0x80, 0x4000, 8);
	vsmmu_mmio_write(m->v, 0x88, how & 1 ? 1 << 16 | 8 << 6 | 16 : 6, 4);
	vsmmu_mmio_write(m->v, CMDQ_BASE, 0x8000 | how >> 4, 8);
	vsmmu_mmio_write(m->v, 0xa0, 0xc000 | (how >> 1 & 7), 8);
	vsmmu_mmio_write(m->v, CMDQ_PROD, 0, 4);
	vsmmu_mmio_write(m->v, CMDQ_CONS, 0, 4);
	vsmmu_mmio_write(m->v, 0x2c, 2, 4);
	vsmmu_mmio_write(m->v, 0x50, 5, 4);
	vsmmu_mmio_write(m->v, CR0, 0xd, 4);
}

static void send_event(struct machine *m)
{
	uint32_t prod = get(m, EVENTQ_PROD);
	uint64_t event[4];

	input_bytes(&m->in, event, sizeof(event));
	vsmmu_event(m->v, event);
	must(!(prod >> 31) || get(m, EVENTQ_PROD) >> 31 || get(m, EVENTQ_CONS) >> 31);
}

static void step(struct machine *m)
{
	switch (input_u8(&m->in) % 12) {
	case 0:
	case 1:
		write_register(m);
		break;
	case 2:
		read_register(m);
		break;
	case 3:
		fill_memory(m);
		break;
	case 4:
		run_commands(m);
		break;
	case 5:
		send_event(m);
		break;
	case 6:
		check_stream(m, input_u8(&m->in) & 1 ? input_u32(&m->in) : input_u16(&m->in));
		break;
	case 7:
		vsmmu_events_lost(m->v, input_u8(&m->in));
		break;
	case 8:
		m->fail_writes = input_u8(&m->in) & 1;
		break;
	case 9:
		m->refuse = input_u8(&m->in);
		break;
	case 10:
		input_u8(&m->in);	/* kept inputs have a byte here */
		acknowledge(m);
		break;
	case 11:
		enable(m);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iommu_hw_info_arm_smmuv3 hw = {
		.idr = { 1 << 24 | 1 << 19 | 1 << 12 | 1 << 4 | 2 << 2 | 1 << 1, 0, 0, 1 << 10, 0,
			 1 << 6 | 1 << 4 | 5 },
	};
	struct machine *m = machine;

	if (!m)
		m = machine = malloc(sizeof(*m));
	memset(m, 0, sizeof(*m));
	m->in = (struct input){ data, size };
	if (input_u8(&m->in) & 1)
		input_bytes(&m->in, &hw, sizeof(hw));
	m->v = vsmmu_new(&hw, &ops, m);
	if (!m->v)
		return 0;
	for (int i = 0; i < 4; i++)
		m->idrs[i] = vsmmu_mmio_read(m->v, i * 8, 8);
	while (m->in.left) {
		m->in_call = true;
		m->reads = m->invalidations = 0;
		step(m);
		m->in_call = false;
		check_registers(m);
	}
	vsmmu_free(m->v);
	return 0;
}
