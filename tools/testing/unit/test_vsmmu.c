// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM's vSMMUv3: what a guest's driver does, and what a hostile guest could.
 * Offsets and fields are written out as the architecture has them (Arm IHI 0070), so
 * that a mistake in the VMM's own header shows.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/iommufd.h>

#include "vsmmu.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define IDR0		0x00
#define IDR1		0x04
#define IDR3		0x0c
#define IDR5		0x14
#define IIDR		0x18
#define AIDR		0x1c
#define CR0		0x20
#define CR0ACK		0x24
#define CR1		0x28
#define CR2		0x2c
#define STATUSR		0x40
#define GBPA		0x44
#define IRQ_CTRL	0x50
#define IRQ_CTRLACK	0x54
#define GERROR		0x60
#define GERRORN		0x64
#define STRTAB_BASE	0x80
#define STRTAB_CFG	0x88
#define CMDQ_BASE	0x90
#define CMDQ_PROD	0x98
#define CMDQ_CONS	0x9c
#define EVENTQ_BASE	0xa0
#define EVENTQ_PROD	0x100a8
#define EVENTQ_CONS	0x100ac

#define SMMUEN		(1 << 0)
#define EVENTQEN	(1 << 2)
#define CMDQEN		(1 << 3)
#define RECINVSID	(1 << 1)
#define CMDQ_ERR	(1 << 0)
#define EVENTQ_ABT_ERR	(1 << 2)
#define OVERFLOW	(1U << 31)
#define GBPA_ABORT	(1U << 20)
#define GBPA_UPDATE	(1U << 31)

/* Guest memory, and what the fixture puts where */
#define RAM		0x40000000ULL
#define RAM_SIZE	0x80000
#define CMDS		(RAM + 0x10000)
#define EVENTS		(RAM + 0x20000)
#define TABLE		(RAM + 0x30000)
#define SECOND		(RAM + 0x40000)
#define CDS		(RAM + 0x50000)

#define OP_PREFETCH	0x01
#define OP_CFGI_STE	0x03
#define OP_CFGI_RANGE	0x04
#define OP_CFGI_CD	0x05
#define OP_CFGI_CD_ALL	0x06
#define OP_NH_ALL	0x10
#define OP_NH_ASID	0x11
#define OP_NH_VA	0x12
#define OP_NH_VAA	0x13
#define OP_NSNH_ALL	0x30
#define OP_SYNC		0x46

#define STE_S1		(1 | 5 << 1)
#define STE_BYPASS	(1 | 4 << 1)
#define SID(sid)	((uint64_t)(sid) << 32)

struct fixture {
	struct vsmmu *v;
	uint8_t *ram;
	uint64_t bad_from, bad_to;	/* [from, to) of RAM that cannot be accessed */
	unsigned int reads;

	unsigned int changes;
	uint32_t first, last;		/* of the last change */

	/* Invalidations; one of address @refuse is refused */
	unsigned int batches, commands;
	uint32_t batch_size[64];
	uint64_t cmds[1024][2];
	uint64_t refuse;
	int refuse_ret;
	bool lies;			/* -EIO, though all is done */
	unsigned int changes_at_batch;

	unsigned int raised[2];
	uint32_t prod;			/* the driver's */
	unsigned int log2;
};

static bool accessible(struct fixture *f, uint64_t gpa, size_t length)
{
	if (gpa < RAM || gpa - RAM > RAM_SIZE - length)
		return false;
	return gpa + length <= f->bad_from || gpa >= f->bad_to;
}

static int ram_read(void *opaque, uint64_t gpa, void *to, size_t length)
{
	struct fixture *f = opaque;

	f->reads++;
	if (!accessible(f, gpa, length))
		return -EFAULT;
	memcpy(to, f->ram + (gpa - RAM), length);
	return 0;
}

static int ram_write(void *opaque, uint64_t gpa, const void *from, size_t length)
{
	struct fixture *f = opaque;

	if (!accessible(f, gpa, length))
		return -EFAULT;
	memcpy(f->ram + (gpa - RAM), from, length);
	return 0;
}

static void streams_changed(void *opaque, uint32_t first, uint32_t last)
{
	struct fixture *f = opaque;

	f->changes++;
	f->first = first;
	f->last = last;
}

/* As the kernel does: nothing of a batch that it refuses need have been issued */
static int invalidate(void *opaque, const uint64_t (*cmds)[2], uint32_t count, uint32_t *done)
{
	struct fixture *f = opaque;

	assert_in_range(count, 1, VSMMU_BATCH);
	assert_int_equal(*done, count);
	for (uint32_t i = 0; i < count; i++) {
		if (f->refuse && cmds[i][1] == f->refuse) {
			*done = i;
			return f->refuse_ret;
		}
	}
	assert_true(f->commands + count <= ARRAY_SIZE(f->cmds));
	f->batch_size[f->batches++ % ARRAY_SIZE(f->batch_size)] = count;
	memcpy(f->cmds + f->commands, cmds, count * sizeof(*cmds));
	f->commands += count;
	f->changes_at_batch = f->changes;
	return f->lies ? -EIO : 0;
}

static void raise_irq(void *opaque, enum vsmmu_irq irq)
{
	struct fixture *f = opaque;

	f->raised[irq]++;
}

static const struct vsmmu_ops ops = {
	.read = ram_read,
	.write = ram_write,
	.streams_changed = streams_changed,
	.invalidate = invalidate,
	.raise = raise_irq,
};

static uint32_t get(struct fixture *f, uint64_t offset)
{
	return vsmmu_mmio_read(f->v, offset, 4);
}

static void put(struct fixture *f, uint64_t offset, uint32_t value)
{
	vsmmu_mmio_write(f->v, offset, value, 4);
}

static void put64(struct fixture *f, uint64_t offset, uint64_t value)
{
	vsmmu_mmio_write(f->v, offset, value, 8);
}

static void poke(struct fixture *f, uint64_t gpa, uint64_t value)
{
	memcpy(f->ram + (gpa - RAM), &value, 8);
}

static uint64_t peek(struct fixture *f, uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, f->ram + (gpa - RAM), 8);
	return value;
}

/* 48-bit addresses and granules of 4 and 64 KiB, no substreams, no stalls */
static const struct iommu_hw_info_arm_smmuv3 some_hw = {
	.idr = { 1 << 24 | 1 << 19 | 1 << 12 | 1 << 4 | 2 << 2 | 1 << 1, 0, 0, 1 << 10, 0,
		 1 << 6 | 1 << 4 | 5 },
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ram = calloc(1, RAM_SIZE);
	f->v = vsmmu_new(&some_hw, &ops, f);
	f->refuse_ret = -EIO;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vsmmu_free(f->v);
	free(f->ram);
	free(f);
	return 0;
}

/* Queues of 2^@log2 entries, enabled as a driver does it */
static void start_queues(struct fixture *f, unsigned int log2)
{
	f->log2 = log2;
	put64(f, CMDQ_BASE, CMDS | log2);
	put64(f, EVENTQ_BASE, EVENTS | log2);
	put(f, IRQ_CTRL, 5);
	put(f, CR2, RECINVSID);
	put(f, CR0, CMDQEN | EVENTQEN);
}

static int setup_queues(void **state)
{
	setup(state);
	start_queues(*state, 8);
	return 0;
}

/* A linear table of 256 entries */
static int setup_linear(void **state)
{
	struct fixture *f;

	setup_queues(state);
	f = *state;
	put64(f, STRTAB_BASE, TABLE);
	put(f, STRTAB_CFG, 8);
	put(f, CR0, CMDQEN | EVENTQEN | SMMUEN);
	return 0;
}

/* Two levels, as Linux has them: 16 bits, split at 8; bus 1 has all its entries */
static int setup_two_levels(void **state)
{
	struct fixture *f;

	setup_queues(state);
	f = *state;
	put64(f, STRTAB_BASE, TABLE);
	put(f, STRTAB_CFG, 1 << 16 | 8 << 6 | 16);
	poke(f, TABLE + 8, SECOND | 9);
	put(f, CR0, CMDQEN | EVENTQEN | SMMUEN);
	return 0;
}

static void queue(struct fixture *f, uint64_t word0, uint64_t word1)
{
	uint64_t gpa = CMDS + (f->prod & ((1 << f->log2) - 1)) * 16;

	poke(f, gpa, word0);
	poke(f, gpa + 8, word1);
	f->prod = (f->prod + 1) & ((2 << f->log2) - 1);
}

static void submit(struct fixture *f)
{
	put(f, CMDQ_PROD, f->prod);
}

static uint32_t active(struct fixture *f)
{
	return get(f, GERROR) ^ get(f, GERRORN);
}

static enum vsmmu_config config(struct fixture *f, uint32_t sid)
{
	struct vsmmu_stream stream;

	vsmmu_stream(f->v, sid, &stream);
	return stream.config;
}

static void assert_event(struct fixture *f, unsigned int slot, uint8_t id, uint32_t sid,
			 uint64_t word3)
{
	assert_int_equal(peek(f, EVENTS + slot * 32), id | SID(sid));
	assert_int_equal(peek(f, EVENTS + slot * 32 + 24), word3);
}

static void assert_events(struct fixture *f, unsigned int count)
{
	assert_int_equal(get(f, EVENTQ_PROD), count);
}

/* Registers */

static void everything_in_the_hardware_offers_only_what_is_virtualised(void **state)
{
	struct fixture *f = *state;
	struct iommu_hw_info_arm_smmuv3 hw = {
		.idr = { ~(3U << 24), ~0U, ~0U, ~0U, ~0U, ~0U },
		.iidr = 0x4832043b,
		.aidr = 3,
	};
	struct vsmmu *v = vsmmu_new(&hw, &ops, f);

	/* ST_LEVEL 1, TERM_MODEL, no stall, TTENDIAN 3, CD2L, ASID16, COHACC, AA64, S1P */
	assert_int_equal(vsmmu_mmio_read(v, IDR0, 4),
			 1 << 27 | 1 << 26 | 1 << 24 | 3 << 21 | 1 << 19 | 1 << 12 |
			 1 << 4 | 2 << 2 | 1 << 1);
	/* queues of 2^8, SSIDSIZE 31, SIDSIZE 16 */
	assert_int_equal(vsmmu_mmio_read(v, IDR1, 4), 8 << 21 | 8 << 16 | 31 << 6 | 16);
	assert_int_equal(vsmmu_mmio_read(v, 0x08, 4), 0);
	/* BBML, RIL */
	assert_int_equal(vsmmu_mmio_read(v, IDR3, 4), 3 << 11 | 1 << 10);
	assert_int_equal(vsmmu_mmio_read(v, 0x10, 4), 0);
	/* VAX, the three granules, OAS 48 bits, no DS, no stalls */
	assert_int_equal(vsmmu_mmio_read(v, IDR5, 4), 3 << 10 | 7 << 4 | 5);
	assert_int_equal(vsmmu_mmio_read(v, IIDR, 4), 0x4832043b);
	assert_int_equal(vsmmu_mmio_read(v, AIDR, 4), 3);
	vsmmu_free(v);
}

static void what_the_hardware_lacks_is_not_offered(void **state)
{
	struct fixture *f = *state;
	struct iommu_hw_info_arm_smmuv3 hw = { .idr = { 2 << 2, 0, 0, 0, 0, 1 << 5 | 4 } };
	struct vsmmu *v = vsmmu_new(&hw, &ops, f);

	assert_int_equal(vsmmu_mmio_read(v, IDR0, 4), 1 << 27 | 1 << 24 | 1 << 4 | 2 << 2 | 1 << 1);
	assert_int_equal(vsmmu_mmio_read(v, IDR1, 4), 8 << 21 | 8 << 16 | 16);
	assert_int_equal(vsmmu_mmio_read(v, IDR3, 4), 0);
	assert_int_equal(vsmmu_mmio_read(v, IDR5, 4), 1 << 5 | 4);
	vsmmu_free(v);
}

static void assert_refused(struct fixture *f, uint32_t idr0, uint32_t idr5)
{
	struct iommu_hw_info_arm_smmuv3 hw = { .idr = { idr0, 0, 0, 0, 0, idr5 } };

	errno = 0;
	assert_null(vsmmu_new(&hw, &ops, f));
	assert_int_equal(errno, ENOTSUP);
}

static void hardware_that_cannot_serve_a_vm_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, 1 << 2, 1 << 4);		/* AArch32 tables only */
	assert_refused(f, 2 << 2 | 2 << 24, 1 << 4);	/* always stalls */
	assert_refused(f, 2 << 2 | 3 << 24, 1 << 4);	/* reserved */
	assert_refused(f, 2 << 2, 5);			/* no granule */
}

static void identification_cannot_be_written(void **state)
{
	struct fixture *f = *state;

	for (uint64_t offset = 0; offset < CR0; offset += 4) {
		uint32_t before = get(f, offset);

		put(f, offset, ~before);
		assert_int_equal(get(f, offset), before);
	}
}

static void read_only_registers_stay(void **state)
{
	static const uint32_t offsets[] = { CR0ACK, STATUSR, IRQ_CTRLACK, GERROR };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		put(f, offsets[i], ~0U);
		assert_int_equal(get(f, offsets[i]), 0);
	}
}

static void nothing_is_where_no_register_is(void **state)
{
	static const uint32_t known[] = {
		IDR0, IDR1, IDR3, IDR5, CR0, CR0ACK, CR1, CR2, GBPA, IRQ_CTRL, IRQ_CTRLACK,
		GERROR, GERRORN, STRTAB_BASE, STRTAB_BASE + 4, STRTAB_CFG, CMDQ_BASE,
		CMDQ_BASE + 4, CMDQ_PROD, CMDQ_CONS, EVENTQ_BASE, EVENTQ_BASE + 4,
		EVENTQ_PROD, EVENTQ_CONS,
	};
	struct fixture *f = *state;

	for (uint64_t offset = 0; offset < VSMMU_REGS_SIZE; offset += 4) {
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= known[i] == offset;
		if (is_known)
			continue;
		put(f, offset, ~0U);
		assert_int_equal(get(f, offset), 0);
	}
}

static void accesses_that_no_register_takes_do_nothing(void **state)
{
	struct fixture *f = *state;
	static const unsigned int sizes[] = { 0, 1, 2, 3, 5, 7, 16, 255 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(vsmmu_mmio_read(f->v, IDR0, sizes[i]), 0);
		vsmmu_mmio_write(f->v, IRQ_CTRL, ~0ULL, sizes[i]);
	}
	assert_int_equal(vsmmu_mmio_read(f->v, IDR0 + 2, 4), 0);
	assert_int_equal(vsmmu_mmio_read(f->v, IDR1, 8), 0);
	vsmmu_mmio_write(f->v, IRQ_CTRL + 2, ~0ULL, 4);
	vsmmu_mmio_write(f->v, IRQ_CTRL - 4, ~0ULL, 8);
	assert_int_equal(vsmmu_mmio_read(f->v, VSMMU_REGS_SIZE, 4), 0);
	assert_int_equal(vsmmu_mmio_read(f->v, UINT64_MAX - 3, 4), 0);
	vsmmu_mmio_write(f->v, UINT64_MAX - 7, ~0ULL, 8);
	assert_int_equal(get(f, IRQ_CTRL), 0);
}

static void eight_bytes_are_two_words(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(vsmmu_mmio_read(f->v, IDR0, 8), get(f, IDR0) | (uint64_t)get(f, IDR1) << 32);
	put64(f, CR1 - 8, 5ULL << 32);
	put64(f, CR1, (uint64_t)RECINVSID << 32 | 0xabc);
	assert_int_equal(get(f, CR1), 0xabc);
	assert_int_equal(get(f, CR2), RECINVSID);
}

static void bases_are_written_whole_or_in_halves(void **state)
{
	static const uint64_t offsets[] = { STRTAB_BASE, CMDQ_BASE, EVENTQ_BASE };
	/* RA, the address, and of a queue its size */
	static const uint64_t kept[] = { 0x400fffffffffffc0ULL, 0x400fffffffffffffULL,
					 0x400fffffffffffffULL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		put64(f, offsets[i], ~0ULL);
		assert_int_equal(vsmmu_mmio_read(f->v, offsets[i], 8), kept[i]);
		put(f, offsets[i], 0);
		assert_int_equal(vsmmu_mmio_read(f->v, offsets[i], 8), kept[i] & ~0xffffffffULL);
		put(f, offsets[i] + 4, 0x80001234);
		assert_int_equal(get(f, offsets[i] + 4), 0x1234);
	}
}

static void enables_are_acknowledged_and_nothing_else_is_enabled(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, ~0U);
	assert_int_equal(get(f, CR0), SMMUEN | EVENTQEN | CMDQEN);
	assert_int_equal(get(f, CR0ACK), SMMUEN | EVENTQEN | CMDQEN);
	put(f, CR0, 0);
	assert_int_equal(get(f, CR0ACK), 0);
	put(f, IRQ_CTRL, ~0U);
	assert_int_equal(get(f, IRQ_CTRL), 5);
	assert_int_equal(get(f, IRQ_CTRLACK), 5);
}

static void tables_cannot_move_while_in_use(void **state)
{
	struct fixture *f = *state;

	put64(f, STRTAB_BASE, TABLE);
	put(f, STRTAB_CFG, ~0U);
	assert_int_equal(get(f, STRTAB_CFG), 3 << 16 | 0x7ff);
	put(f, CR2, ~0U);
	assert_int_equal(get(f, CR2), 6);
	put(f, CR1, ~0U);
	assert_int_equal(get(f, CR1), 0xfff);
	put(f, CR0, SMMUEN);
	put64(f, STRTAB_BASE, 0);
	put(f, STRTAB_BASE, 0);
	put(f, STRTAB_CFG, 0);
	put(f, CR2, 0);
	put(f, CR1, 0);
	assert_int_equal(vsmmu_mmio_read(f->v, STRTAB_BASE, 8), TABLE);
	assert_int_equal(get(f, STRTAB_CFG), 3 << 16 | 0x7ff);
	assert_int_equal(get(f, CR2), 6);
	assert_int_equal(get(f, CR1), 0xfff);
}

static void queues_cannot_move_while_in_use(void **state)
{
	struct fixture *f = *state;

	start_queues(f, 4);
	put64(f, CMDQ_BASE, 0);
	put64(f, EVENTQ_BASE, 0);
	put(f, CMDQ_CONS, 3);
	put(f, EVENTQ_PROD, 3);
	put(f, CR1, ~0U);
	assert_int_equal(vsmmu_mmio_read(f->v, CMDQ_BASE, 8), CMDS | 4);
	assert_int_equal(vsmmu_mmio_read(f->v, EVENTQ_BASE, 8), EVENTS | 4);
	assert_int_equal(get(f, CMDQ_CONS), 0);
	assert_int_equal(get(f, EVENTQ_PROD), 0);
	assert_int_equal(get(f, CR1), 0);
	put(f, CR0, 0);
	put(f, CMDQ_CONS, ~0U);
	put(f, EVENTQ_PROD, ~0U);
	put(f, EVENTQ_CONS, ~0U);
	assert_int_equal(get(f, CMDQ_CONS), 0xfffff);
	assert_int_equal(get(f, EVENTQ_PROD), OVERFLOW | 0xfffff);
	assert_int_equal(get(f, EVENTQ_CONS), OVERFLOW | 0xfffff);
}

static void gbpa_decides_while_the_smmu_is_off(void **state)
{
	struct vsmmu_stream stream;
	struct fixture *f = *state;

	vsmmu_stream(f->v, 0x100, &stream);
	assert_int_equal(stream.config, VSMMU_BYPASS);
	assert_int_equal(stream.ste[0], STE_BYPASS);
	assert_int_equal(stream.ste[1], 0);
	put(f, GBPA, GBPA_UPDATE | ~0U);
	assert_int_equal(get(f, GBPA), GBPA_ABORT);
	assert_int_equal(f->changes, 1);
	assert_int_equal(f->first, 0);
	assert_int_equal(f->last, 0xffff);
	vsmmu_stream(f->v, 0x100, &stream);
	assert_int_equal(stream.config, VSMMU_ABORT);
	assert_int_equal(stream.ste[0], 1);
	put(f, GBPA, 0);	/* without UPDATE */
	assert_int_equal(get(f, GBPA), GBPA_ABORT);
	put(f, GBPA, GBPA_UPDATE | GBPA_ABORT);
	assert_int_equal(f->changes, 1);
	put(f, CR0, SMMUEN);
	assert_int_equal(f->changes, 2);
	put(f, GBPA, GBPA_UPDATE);
	assert_int_equal(f->changes, 2);
	put(f, CR0, 0);
	assert_int_equal(f->changes, 3);
	assert_int_equal(config(f, 0x100), VSMMU_BYPASS);
}

/* Stream tables */

static void a_stage1_entry_comes_with_the_fields_the_kernel_takes(void **state)
{
	struct vsmmu_stream stream;
	struct fixture *f = *state;

	poke(f, TABLE + 7 * 64, CDS | STE_S1 | 2 << 4);
	/* S1DSS, S1CIR, S1COR, S1CSH and much that the kernel does not take */
	poke(f, TABLE + 7 * 64 + 8, 0xffffffff3fffffffULL);
	vsmmu_stream(f->v, 7, &stream);
	assert_int_equal(stream.config, VSMMU_STAGE1);
	assert_int_equal(stream.ste[0], CDS | STE_S1 | 2 << 4);
	assert_int_equal(stream.ste[1], 0xff);
	assert_events(f, 0);
}

static void an_smmu_that_can_stall_is_told_not_to(void **state)
{
	struct fixture *f = *state;
	struct iommu_hw_info_arm_smmuv3 hw = { .idr = { 2 << 2, 0, 0, 0, 0, 1 << 4 | 5 } };
	struct vsmmu_stream stream;

	vsmmu_free(f->v);
	f->v = vsmmu_new(&hw, &ops, f);
	put64(f, STRTAB_BASE, TABLE);
	put(f, STRTAB_CFG, 8);
	put(f, CR0, SMMUEN);
	poke(f, TABLE, CDS | STE_S1);
	vsmmu_stream(f->v, 0, &stream);
	assert_int_equal(stream.ste[1], 1 << 27);
}

static void substreams_are_for_the_hardware_to_judge(void **state)
{
	struct vsmmu_stream stream;
	struct fixture *f = *state;

	for (uint64_t format = 0; format < 4; format++) {
		poke(f, TABLE, CDS | STE_S1 | format << 4 | 8ULL << 59);
		vsmmu_stream(f->v, 0, &stream);
		assert_int_equal(stream.config, VSMMU_STAGE1);
		assert_int_equal(stream.ste[0], CDS | STE_S1 | format << 4 | 8ULL << 59);
	}
}

static void abort_and_bypass_entries_are_that(void **state)
{
	struct vsmmu_stream stream;
	struct fixture *f = *state;

	for (uint64_t cfg = 0; cfg < 4; cfg++) {
		poke(f, TABLE, 1 | cfg << 1 | CDS);
		poke(f, TABLE + 8, ~0ULL);
		vsmmu_stream(f->v, 0, &stream);
		assert_int_equal(stream.config, VSMMU_ABORT);
		assert_int_equal(stream.ste[0], 1);
		assert_int_equal(stream.ste[1], 0);
	}
	poke(f, TABLE, STE_BYPASS | CDS);
	vsmmu_stream(f->v, 0, &stream);
	assert_int_equal(stream.config, VSMMU_BYPASS);
	assert_int_equal(stream.ste[0], STE_BYPASS);
	assert_int_equal(stream.ste[1], 0);
	assert_events(f, 0);
}

static void an_entry_that_is_not_valid_aborts_in_silence(void **state)
{
	struct vsmmu_stream stream;
	struct fixture *f = *state;

	poke(f, TABLE, (CDS | STE_S1) & ~1ULL);
	vsmmu_stream(f->v, 0, &stream);
	assert_int_equal(stream.config, VSMMU_ABORT);
	assert_int_equal(stream.ste[0], 1);
	assert_events(f, 0);
}

static void entries_with_a_stage2_abort_and_are_recorded(void **state)
{
	static const uint64_t bad[][2] = {
		{ CDS | 1 | 6 << 1, 0 },		/* stage 2 */
		{ CDS | 1 | 7 << 1, 0 },		/* both */
	};
	struct vsmmu_stream stream;
	struct fixture *f = *state;

	for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
		poke(f, TABLE + i * 64, bad[i][0]);
		poke(f, TABLE + i * 64 + 8, bad[i][1]);
		vsmmu_stream(f->v, i, &stream);
		assert_int_equal(stream.config, VSMMU_ABORT);
		assert_int_equal(stream.ste[0], 1);
		assert_int_equal(stream.ste[1], 0);
		assert_events(f, i + 1);
		assert_event(f, i, 0x04, i, 0);
	}
	assert_int_equal(f->raised[VSMMU_IRQ_EVENTQ], 1);
}

static void an_unreadable_entry_is_a_fetch_fault(void **state)
{
	struct fixture *f = *state;

	f->bad_from = TABLE + 64;
	f->bad_to = TABLE + 128;
	assert_int_equal(config(f, 1), VSMMU_ABORT);
	assert_events(f, 1);
	assert_event(f, 0, 0x03, 1, TABLE + 64);
	assert_int_equal(config(f, 0), VSMMU_ABORT);
	assert_int_equal(config(f, 2), VSMMU_ABORT);
	assert_events(f, 1);
}

static void streams_beyond_the_table_are_bad(void **state)
{
	struct fixture *f = *state;

	poke(f, TABLE + 255 * 64, STE_BYPASS);
	assert_int_equal(config(f, 255), VSMMU_BYPASS);
	poke(f, TABLE + 256 * 64, STE_BYPASS);
	assert_int_equal(config(f, 256), VSMMU_ABORT);
	assert_int_equal(config(f, UINT32_MAX), VSMMU_ABORT);
	assert_events(f, 2);
	assert_event(f, 0, 0x02, 256, 0);
	assert_event(f, 1, 0x02, UINT32_MAX, 0);
}

static void bad_streams_are_recorded_if_asked_for(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, CMDQEN | EVENTQEN);
	put(f, CR2, 0);
	put(f, CR0, CMDQEN | EVENTQEN | SMMUEN);
	assert_int_equal(config(f, 256), VSMMU_ABORT);
	assert_events(f, 0);
}

static void a_table_is_no_larger_than_stream_ids(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, EVENTQEN);
	put(f, STRTAB_CFG, 63);
	put64(f, STRTAB_BASE, RAM);
	put(f, CR0, EVENTQEN | SMMUEN);
	assert_int_equal(config(f, 0x10000), VSMMU_ABORT);
	assert_event(f, 0, 0x02, 0x10000, 0);
	/* and aligned to its size, which is 4 MiB */
	put(f, CR0, EVENTQEN);
	put64(f, STRTAB_BASE, RAM + 0x30000);
	poke(f, RAM, STE_BYPASS);
	put(f, CR0, EVENTQEN | SMMUEN);
	assert_int_equal(config(f, 0), VSMMU_BYPASS);
}

static void reserved_formats_are_linear(void **state)
{
	struct fixture *f = *state;

	poke(f, TABLE + 3 * 64, STE_BYPASS);
	for (uint32_t format = 2; format < 4; format++) {
		put(f, CR0, EVENTQEN);
		put(f, STRTAB_CFG, format << 16 | 8);
		put(f, CR0, EVENTQEN | SMMUEN);
		assert_int_equal(config(f, 3), VSMMU_BYPASS);
	}
}

static void two_levels_lead_to_the_entry(void **state)
{
	struct vsmmu_stream stream;
	struct fixture *f = *state;

	poke(f, SECOND + 0x23 * 64, CDS | STE_S1);
	vsmmu_stream(f->v, 0x123, &stream);
	assert_int_equal(stream.config, VSMMU_STAGE1);
	assert_int_equal(stream.ste[0], CDS | STE_S1);
	poke(f, TABLE + 255 * 8, SECOND | 9);
	assert_int_equal(config(f, 0xff23), VSMMU_STAGE1);
	assert_int_equal(config(f, 0x10123), VSMMU_ABORT);
	assert_event(f, 0, 0x02, 0x10123, 0);
}

static void a_second_level_that_is_not_there_aborts_in_silence(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config(f, 0x200), VSMMU_ABORT);
	assert_events(f, 0);
}

static void a_span_says_how_much_of_the_second_level_is_there(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 256; i++)
		poke(f, SECOND + i * 64, STE_BYPASS);
	for (unsigned int span = 1; span <= 9; span++) {
		unsigned int entries = 1 << (span - 1);

		poke(f, TABLE + 8, SECOND | span);
		assert_int_equal(config(f, 0x100 + entries - 1), VSMMU_BYPASS);
		if (entries < 256)
			assert_int_equal(config(f, 0x100 + entries), VSMMU_ABORT);
	}
	for (unsigned int span = 10; span < 32; span++) {
		poke(f, TABLE + 8, SECOND | span);
		assert_int_equal(config(f, 0x100), VSMMU_ABORT);
	}
	assert_events(f, 0);
}

static void a_second_level_is_aligned_to_its_size(void **state)
{
	struct fixture *f = *state;

	poke(f, SECOND, STE_BYPASS);
	poke(f, TABLE + 8, (SECOND + 0x3fc0) | 9);
	assert_int_equal(config(f, 0x100), VSMMU_BYPASS);
}

static void any_split_is_found(void **state)
{
	struct fixture *f = *state;
	/* What is reserved behaves as 6 */
	static const struct { unsigned int written, meant; } splits[] = {
		{ 6, 6 }, { 8, 8 }, { 10, 10 }, { 0, 6 }, { 7, 6 }, { 31, 6 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(splits); i++) {
		unsigned int split = splits[i].meant;

		put(f, CR0, EVENTQEN);
		put(f, STRTAB_CFG, 1 << 16 | splits[i].written << 6 | 12);
		put(f, CR0, EVENTQEN | SMMUEN);
		memset(f->ram, 0, RAM_SIZE);
		poke(f, TABLE + 8 * 2, SECOND | (split + 1));
		poke(f, SECOND + 5 * 64, STE_BYPASS);
		assert_int_equal(config(f, (2 << split) + 5), VSMMU_BYPASS);
	}
	/* Smaller than the split: the first descriptor alone */
	put(f, CR0, EVENTQEN);
	put(f, STRTAB_CFG, 1 << 16 | 8 << 6 | 4);
	put(f, CR0, EVENTQEN | SMMUEN);
	poke(f, TABLE, SECOND | 5);
	assert_int_equal(config(f, 5), VSMMU_BYPASS);
	assert_int_equal(config(f, 16), VSMMU_ABORT);
	assert_event(f, 0, 0x02, 16, 0);
}

static void unreadable_levels_are_fetch_faults(void **state)
{
	struct fixture *f = *state;

	f->bad_from = TABLE + 8;
	f->bad_to = TABLE + 16;
	assert_int_equal(config(f, 0x105), VSMMU_ABORT);
	assert_event(f, 0, 0x03, 0x105, TABLE + 8);
	f->bad_from = f->bad_to = 0;
	poke(f, TABLE + 8, (RAM + 0x100000) | 9);
	assert_int_equal(config(f, 0x105), VSMMU_ABORT);
	assert_event(f, 1, 0x03, 0x105, RAM + 0x100000 + 5 * 64);
	assert_events(f, 2);
}

/* Commands */

static void commands_run_when_prod_moves(void **state)
{
	struct fixture *f = *state;

	queue(f, OP_NSNH_ALL, 0);
	queue(f, OP_SYNC, 0);
	submit(f);
	assert_int_equal(get(f, CMDQ_CONS), 2);
	assert_int_equal(get(f, CMDQ_PROD), 2);
	assert_int_equal(f->commands, 1);
	assert_int_equal(active(f), 0);
	assert_int_equal(f->raised[VSMMU_IRQ_GERROR] + f->raised[VSMMU_IRQ_EVENTQ], 0);
}

static void commands_wait_for_the_queue(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, 0);
	queue(f, OP_NSNH_ALL, 0);
	submit(f);
	assert_int_equal(get(f, CMDQ_CONS), 0);
	assert_int_equal(f->commands, 0);
	put(f, CR0, CMDQEN);
	assert_int_equal(get(f, CMDQ_CONS), 1);
	assert_int_equal(f->commands, 1);
}

static void each_invalidation_reaches_the_kernel_as_it_is(void **state)
{
	static const uint8_t opcodes[] = { OP_CFGI_CD, OP_CFGI_CD_ALL, OP_NH_ALL, OP_NH_ASID,
					   OP_NH_VA, OP_NH_VAA, OP_NSNH_ALL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++)
		queue(f, 0x1234567812345600ULL | opcodes[i], 0xfedcba9876543210ULL + i);
	submit(f);
	assert_int_equal(f->batches, 1);
	assert_int_equal(f->commands, ARRAY_SIZE(opcodes));
	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		assert_int_equal(f->cmds[i][0], 0x1234567812345600ULL | opcodes[i]);
		assert_int_equal(f->cmds[i][1], 0xfedcba9876543210ULL + i);
	}
}

static void a_sync_ends_a_batch(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		queue(f, OP_NH_VA, i << 12);
	for (uint64_t signal = 0; signal < 3; signal++)	/* none, IRQ, SEV */
		queue(f, OP_SYNC | signal << 12, CDS);
	queue(f, OP_NH_VA, 0);
	submit(f);
	assert_int_equal(f->batches, 2);
	assert_int_equal(f->batch_size[0], 3);
	assert_int_equal(f->batch_size[1], 1);
	assert_int_equal(get(f, CMDQ_CONS), 7);
}

static void batches_are_of_64_at_most(void **state)
{
	static const unsigned int counts[] = { 63, 64, 65, 128, 129, 256 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		unsigned int batches = (counts[i] + 63) / 64;

		f->batches = f->commands = 0;
		for (unsigned int n = 0; n < counts[i]; n++)
			queue(f, OP_NH_VA, n << 12);
		submit(f);
		assert_int_equal(f->commands, counts[i]);
		assert_int_equal(f->batches, batches);
		assert_int_equal(f->batch_size[batches - 1], (counts[i] - 1) % 64 + 1);
		for (unsigned int n = 0; n < counts[i]; n++)
			assert_int_equal(f->cmds[n][1], n << 12);
		assert_int_equal(get(f, CMDQ_CONS), f->prod);
	}
}

static void nothing_is_lost_where_the_ring_wraps(void **state)
{
	struct fixture *f = *state;
	uint64_t next = 0;

	put(f, CR0, 0);
	start_queues(f, 3);
	for (int turn = 0; turn < 20; turn++) {
		f->commands = 0;
		for (int i = 0; i < 7; i++)
			queue(f, OP_NH_VA, (next + i) << 12);
		submit(f);
		assert_int_equal(f->commands, 7);
		for (int i = 0; i < 7; i++)
			assert_int_equal(f->cmds[i][1], next++ << 12);
		assert_int_equal(get(f, CMDQ_CONS), f->prod);
	}
}

static void a_full_queue_runs_once(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 256; i++)
		queue(f, OP_NH_ALL, 0);
	assert_int_equal(f->prod, 256);
	submit(f);
	assert_int_equal(f->commands, 256);
	assert_int_equal(get(f, CMDQ_CONS), 256);
	submit(f);
	assert_int_equal(f->commands, 256);
}

static void indexes_that_cannot_be_run_nothing(void **state)
{
	struct fixture *f = *state;

	put(f, CMDQ_PROD, 257);
	assert_int_equal(f->reads, 0);
	put(f, CMDQ_PROD, 511);
	assert_int_equal(f->reads, 0);
	put(f, CMDQ_PROD, 0xffe00);	/* bits above the index are none of it */
	assert_int_equal(f->reads, 0);
	assert_int_equal(active(f), 0);
	put(f, CMDQ_PROD, 1);
	assert_int_not_equal(f->reads, 0);
}

static void a_queue_is_no_larger_than_offered(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, 0);
	put64(f, CMDQ_BASE, CMDS | 31);
	put(f, CR0, CMDQEN);
	for (int i = 0; i < 255; i++)
		queue(f, OP_PREFETCH, 0);
	submit(f);
	queue(f, OP_NH_ALL, 0);
	queue(f, OP_NH_ASID, 0);	/* in the first slot */
	submit(f);
	assert_int_equal(f->commands, 2);
	assert_int_equal(f->cmds[1][0], OP_NH_ASID);
}

static void a_queue_is_aligned_to_its_size(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, 0);
	put64(f, CMDQ_BASE, (CMDS + 0xfe0) | 8);
	put64(f, EVENTQ_BASE, (EVENTS + 0x1fe0) | 8);
	put(f, CR0, CMDQEN | EVENTQEN);
	queue(f, OP_NH_ALL, 0);
	submit(f);
	assert_int_equal(f->commands, 1);
	vsmmu_event(f->v, (uint64_t[4]){ 0x10 });
	assert_int_equal(peek(f, EVENTS), 0x10);
}

static void a_changed_entry_comes_after_what_was_queued_before(void **state)
{
	struct fixture *f = *state;

	queue(f, OP_NH_ALL, 0);
	queue(f, OP_CFGI_STE | SID(0x1234), 1);
	queue(f, OP_NH_ALL, 0);
	submit(f);
	assert_int_equal(f->changes, 1);
	assert_int_equal(f->first, 0x1234);
	assert_int_equal(f->last, 0x1234);
	assert_int_equal(f->batches, 2);
	f->changes_at_batch = 9;
	queue(f, OP_NH_ALL, 0);
	queue(f, OP_CFGI_STE | SID(0x1234), 1);
	submit(f);
	assert_int_equal(f->changes_at_batch, 1);
	assert_int_equal(f->changes, 2);
}

static void ranges_of_entries_are_cut_at_the_last_stream(void **state)
{
	static const struct { uint32_t sid, range, first, last; } ranges[] = {
		{ 0x1234, 0, 0x1234, 0x1235 },
		{ 0x1235, 0, 0x1234, 0x1235 },
		{ 0x1234, 7, 0x1200, 0x12ff },
		{ 0x1234, 15, 0, 0xffff },
		{ 0x1234, 16, 0, 0xffff },
		{ 0x1234, 31, 0, 0xffff },
		{ 0xffffffff, 31, 0, 0xffff },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		f->first = f->last = ~0U;
		queue(f, OP_CFGI_RANGE | SID(ranges[i].sid), ranges[i].range);
		submit(f);
		assert_int_equal(f->first, ranges[i].first);
		assert_int_equal(f->last, ranges[i].last);
	}
	f->changes = 0;
	queue(f, OP_CFGI_STE | SID(0x10000), 0);
	queue(f, OP_CFGI_RANGE | SID(0x12345678), 7);
	submit(f);
	assert_int_equal(f->changes, 0);
	assert_int_equal(get(f, CMDQ_CONS), f->prod);
}

static void hints_are_consumed(void **state)
{
	struct fixture *f = *state;

	queue(f, OP_PREFETCH | SID(7), 0);
	queue(f, 2 | SID(7), 0);
	submit(f);
	assert_int_equal(get(f, CMDQ_CONS), 2);
	assert_int_equal(f->commands + f->changes, 0);
}

static void assert_stopped(struct fixture *f, uint32_t at, uint32_t error)
{
	assert_int_equal(get(f, CMDQ_CONS), error << 24 | at);
	assert_int_equal(active(f), CMDQ_ERR);
}

static void acknowledge(struct fixture *f)
{
	put(f, GERRORN, get(f, GERROR));
}

static void commands_that_are_not_offered_are_illegal(void **state)
{
	struct fixture *f = *state;

	for (unsigned int op = 0; op < 256; op++) {
		static const uint8_t legal[] = { 1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13,
						 0x30, 0x46 };
		uint32_t at = f->prod;

		if (memchr(legal, op, sizeof(legal)))
			continue;
		queue(f, op, 0);
		submit(f);
		assert_stopped(f, at, 1);
		f->prod = at;
		queue(f, OP_SYNC, 0);
		acknowledge(f);
		assert_int_equal(get(f, CMDQ_CONS), f->prod);
	}
	assert_int_equal(f->commands + f->changes, 0);
}

static void an_error_stops_the_queue_until_acknowledged(void **state)
{
	struct fixture *f = *state;

	queue(f, OP_NH_ALL, 0);
	queue(f, 0xff, 0);
	queue(f, OP_NH_ASID, 0);
	submit(f);
	assert_int_equal(f->commands, 1);	/* what came before is done */
	assert_stopped(f, 1, 1);
	assert_int_equal(f->raised[VSMMU_IRQ_GERROR], 1);

	poke(f, CMDS + 16, OP_SYNC);		/* a remedy, but not acknowledged */
	queue(f, OP_SYNC, 0);
	submit(f);
	put(f, GERRORN, EVENTQ_ABT_ERR);	/* not what is active */
	assert_int_equal(get(f, GERRORN), 0);
	put(f, CR0, 0);
	put(f, CR0, CMDQEN);
	assert_stopped(f, 1, 1);
	assert_int_equal(f->commands, 1);

	poke(f, CMDS + 16, 0xff);		/* without a remedy: at once again */
	acknowledge(f);
	assert_stopped(f, 1, 1);
	assert_int_equal(f->raised[VSMMU_IRQ_GERROR], 2);
	assert_int_equal(get(f, GERROR), 0);	/* errors toggle */

	poke(f, CMDS + 16, OP_SYNC);		/* as Linux does it */
	acknowledge(f);
	assert_int_equal(get(f, CMDQ_CONS), 4);
	assert_int_equal(active(f), 0);
	assert_int_equal(f->commands, 2);
	assert_int_equal(f->raised[VSMMU_IRQ_GERROR], 2);
}

static void errors_are_silent_if_the_guest_wants(void **state)
{
	struct fixture *f = *state;

	put(f, IRQ_CTRL, 4);
	queue(f, 0xff, 0);
	submit(f);
	assert_stopped(f, 0, 1);
	assert_int_equal(f->raised[VSMMU_IRQ_GERROR], 0);
}

static void an_unreadable_command_aborts(void **state)
{
	struct fixture *f = *state;

	f->bad_from = CMDS + 3 * 16;
	f->bad_to = CMDS + 4 * 16;
	for (int i = 0; i < 5; i++)
		queue(f, OP_NH_VA, i << 12);
	submit(f);
	assert_stopped(f, 3, 2);
	assert_int_equal(f->commands, 3);
	acknowledge(f);
	assert_stopped(f, 3, 2);
	f->bad_from = f->bad_to = 0;
	acknowledge(f);
	assert_int_equal(f->commands, 5);
	assert_int_equal(get(f, CMDQ_CONS), 5);
}

static void a_queue_that_is_not_there_costs_little(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, 0);
	put64(f, CMDQ_BASE, 0x800000000000ULL | 8);
	put(f, CMDQ_PROD, 256);
	put(f, CR0, CMDQEN);
	assert_stopped(f, 0, 2);
	assert_in_range(f->reads, 1, 2);
}

static void a_refused_command_is_illegal_where_it_is(void **state)
{
	struct fixture *f = *state;

	for (int ret = -EIO; ret <= 0; ret += EIO) {
		uint32_t at = f->prod + 70;

		f->commands = 0;
		f->refuse = 0xbad000;
		f->refuse_ret = ret;
		for (int i = 0; i < 100; i++) {
			if (i == 68)
				queue(f, OP_PREFETCH, 0);
			else
				queue(f, OP_NH_VA, i == 70 ? 0xbad000 : i << 12);
		}
		submit(f);
		assert_stopped(f, at & 511, 1);
		/* Those before it were issued, those after it were not */
		assert_int_equal(f->commands, 69);
		assert_int_equal(f->cmds[68][1], 69 << 12);
		f->refuse = 0;
		acknowledge(f);
		assert_int_equal(f->commands, 99);
		assert_int_equal(get(f, CMDQ_CONS), f->prod);
	}
}

static void a_refused_first_command_leaves_nothing_to_issue(void **state)
{
	struct fixture *f = *state;

	f->refuse = 0xbad000;
	queue(f, OP_NH_VA, 0xbad000);
	queue(f, OP_SYNC, 0);
	submit(f);
	assert_stopped(f, 0, 1);
	assert_int_equal(f->commands, 0);
}

static void an_earlier_error_comes_first(void **state)
{
	struct fixture *f = *state;

	f->refuse = 0xbad000;
	queue(f, OP_NH_VA, 0x1000);
	queue(f, OP_NH_VA, 0xbad000);
	queue(f, OP_CFGI_STE | SID(1), 0);
	submit(f);
	assert_stopped(f, 1, 1);
	assert_int_equal(f->changes, 0);
	poke(f, CMDS + 2 * 16, 0xff);
	acknowledge(f);
	assert_stopped(f, 1, 1);
	f->bad_from = CMDS + 2 * 16;
	f->bad_to = CMDS + 3 * 16;
	acknowledge(f);
	assert_stopped(f, 1, 1);
}

static void the_last_error_is_the_one_told(void **state)
{
	struct fixture *f = *state;

	queue(f, 0xff, 0);
	submit(f);
	assert_stopped(f, 0, 1);
	f->bad_from = CMDS;
	f->bad_to = CMDS + 16;
	acknowledge(f);
	assert_stopped(f, 0, 2);
	f->bad_from = f->bad_to = 0;
	acknowledge(f);
	assert_stopped(f, 0, 1);
	poke(f, CMDS, OP_SYNC);
	acknowledge(f);
	assert_int_equal(get(f, CMDQ_CONS), 1);
}

static void an_error_without_a_place_stops_all_the_same(void **state)
{
	struct fixture *f = *state;

	f->lies = true;
	queue(f, OP_NH_VA, 0x1000);
	queue(f, OP_NH_VA, 0x2000);
	submit(f);
	assert_int_equal(active(f), CMDQ_ERR);
	assert_in_range(get(f, CMDQ_CONS) & 0xfffff, 0, 1);
}

static void the_erratum_wants_everything_twice(void **state)
{
	struct iommu_hw_info_arm_smmuv3 hw = {
		.flags = IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI,
		.idr = { 2 << 2, 0, 0, 0, 0, 1 << 4 | 5 },
	};
	struct fixture *f = *state;

	vsmmu_free(f->v);
	f->v = vsmmu_new(&hw, &ops, f);
	start_queues(f, 8);
	queue(f, OP_NH_VA, 0x1000);
	queue(f, OP_NH_VA, 0x2000);
	queue(f, OP_SYNC, 0);
	submit(f);
	assert_int_equal(f->batches, 2);
	assert_int_equal(f->commands, 4);
	assert_int_equal(f->cmds[2][1], 0x1000);
	assert_int_equal(get(f, CMDQ_CONS), 3);
}

/* Events */

static void send_event(struct fixture *f, uint64_t n)
{
	uint64_t event[4] = { 0x10 | SID(0x100), 1ULL << 35, n, 0x4000 + n };

	vsmmu_event(f->v, event);
}

static void an_event_arrives_whole(void **state)
{
	struct fixture *f = *state;

	send_event(f, 0xabc000);
	assert_events(f, 1);
	assert_int_equal(peek(f, EVENTS), 0x10 | SID(0x100));
	assert_int_equal(peek(f, EVENTS + 8), 1ULL << 35);
	assert_int_equal(peek(f, EVENTS + 16), 0xabc000);
	assert_int_equal(peek(f, EVENTS + 24), 0xabf000 + 0x1000);
	assert_int_equal(f->raised[VSMMU_IRQ_EVENTQ], 1);
}

static void the_interrupt_says_no_longer_empty(void **state)
{
	struct fixture *f = *state;

	send_event(f, 0);
	send_event(f, 1);
	assert_int_equal(f->raised[VSMMU_IRQ_EVENTQ], 1);
	put(f, EVENTQ_CONS, 1);
	send_event(f, 2);
	assert_int_equal(f->raised[VSMMU_IRQ_EVENTQ], 1);
	put(f, EVENTQ_CONS, 3);
	send_event(f, 3);
	assert_int_equal(f->raised[VSMMU_IRQ_EVENTQ], 2);
	put(f, EVENTQ_CONS, 4);
	put(f, IRQ_CTRL, 1);
	send_event(f, 4);
	assert_int_equal(f->raised[VSMMU_IRQ_EVENTQ], 2);
	assert_events(f, 5);
}

static void a_disabled_queue_takes_no_events(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, CMDQEN);
	send_event(f, 0);
	vsmmu_events_lost(f->v, 1);
	assert_events(f, 0);
	assert_int_equal(peek(f, EVENTS), 0);
	assert_int_equal(f->raised[VSMMU_IRQ_EVENTQ], 0);
}

static void events_wrap(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, 0);
	start_queues(f, 2);
	for (uint32_t n = 0; n < 30; n++) {
		send_event(f, n);
		assert_events(f, (n + 1) % 8);
		assert_int_equal(peek(f, EVENTS + n % 4 * 32 + 16), n);
		put(f, EVENTQ_CONS, (n + 1) % 8);
	}
	assert_int_equal(peek(f, EVENTS + 4 * 32), 0);
}

static void a_full_queue_overflows_once(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, 0);
	start_queues(f, 2);
	for (uint32_t n = 0; n < 4; n++)
		send_event(f, n);
	assert_events(f, 4);
	send_event(f, 100);
	send_event(f, 101);
	assert_int_equal(get(f, EVENTQ_PROD), OVERFLOW | 4);
	for (uint32_t n = 0; n < 4; n++)
		assert_int_equal(peek(f, EVENTS + n * 32 + 16), n);
	/* Room, but not acknowledged: recorded, and the flag stays */
	put(f, EVENTQ_CONS, 2);
	send_event(f, 5);
	assert_int_equal(get(f, EVENTQ_PROD), OVERFLOW | 5);
	put(f, EVENTQ_CONS, OVERFLOW | 5);
	send_event(f, 6);
	assert_int_equal(get(f, EVENTQ_PROD), OVERFLOW | 6);
	/* The next overflow turns it back */
	for (uint32_t n = 0; n < 4; n++)
		send_event(f, n);
	assert_int_equal(get(f, EVENTQ_PROD), (5 + 4) % 8);
	assert_int_equal(active(f), 0);
}

static void events_lost_before_are_an_overflow(void **state)
{
	struct fixture *f = *state;

	vsmmu_events_lost(f->v, 0);
	assert_events(f, 0);
	vsmmu_events_lost(f->v, 3);
	vsmmu_events_lost(f->v, 3);
	assert_int_equal(get(f, EVENTQ_PROD), OVERFLOW);
	assert_in_range(f->raised[VSMMU_IRQ_EVENTQ], 1, 2);
	put(f, EVENTQ_CONS, OVERFLOW);
	vsmmu_events_lost(f->v, 1);
	assert_int_equal(get(f, EVENTQ_PROD), 0);
}

static void an_unwritable_queue_is_a_global_error(void **state)
{
	struct fixture *f = *state;

	f->bad_from = EVENTS;
	f->bad_to = EVENTS + 32;
	send_event(f, 0);
	send_event(f, 1);
	assert_events(f, 0);
	assert_int_equal(active(f), EVENTQ_ABT_ERR);
	assert_int_equal(f->raised[VSMMU_IRQ_GERROR], 1);
	assert_int_equal(f->raised[VSMMU_IRQ_EVENTQ], 0);
	/* Commands are not its concern */
	queue(f, 0xff, 0);
	submit(f);
	assert_int_equal(active(f), EVENTQ_ABT_ERR | CMDQ_ERR);
	put(f, GERRORN, EVENTQ_ABT_ERR);
	assert_int_equal(active(f), CMDQ_ERR);
	f->bad_from = f->bad_to = 0;
	send_event(f, 2);
	assert_events(f, 1);
}

static void a_queue_that_is_more_than_full_takes_nothing(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, 0);
	start_queues(f, 2);
	put(f, EVENTQ_CONS, 2);		/* six events in four places */
	send_event(f, 1);
	assert_int_equal(get(f, EVENTQ_PROD), OVERFLOW);
	assert_int_equal(peek(f, EVENTS), 0);
}

static void any_consumer_index_is_survived(void **state)
{
	struct fixture *f = *state;

	put(f, CR0, 0);
	start_queues(f, 2);
	for (uint32_t cons = 0; cons < 16; cons++) {
		put(f, EVENTQ_CONS, cons | (get(f, EVENTQ_PROD) & OVERFLOW));
		for (int i = 0; i < 8; i++)
			send_event(f, i);
		assert_true((get(f, EVENTQ_PROD) & ~OVERFLOW) < 8);
	}
	assert_int_equal(peek(f, EVENTS + 4 * 32), 0);
}

#define PLAIN(test)	cmocka_unit_test_setup_teardown(test, setup, teardown)
#define QUEUES(test)	cmocka_unit_test_setup_teardown(test, setup_queues, teardown)
#define LINEAR(test)	cmocka_unit_test_setup_teardown(test, setup_linear, teardown)
#define LEVELS(test)	cmocka_unit_test_setup_teardown(test, setup_two_levels, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(everything_in_the_hardware_offers_only_what_is_virtualised),
		PLAIN(what_the_hardware_lacks_is_not_offered),
		PLAIN(hardware_that_cannot_serve_a_vm_is_refused),
		PLAIN(identification_cannot_be_written),
		PLAIN(read_only_registers_stay),
		PLAIN(nothing_is_where_no_register_is),
		PLAIN(accesses_that_no_register_takes_do_nothing),
		PLAIN(eight_bytes_are_two_words),
		PLAIN(bases_are_written_whole_or_in_halves),
		PLAIN(enables_are_acknowledged_and_nothing_else_is_enabled),
		PLAIN(tables_cannot_move_while_in_use),
		PLAIN(queues_cannot_move_while_in_use),
		PLAIN(gbpa_decides_while_the_smmu_is_off),
		LINEAR(a_stage1_entry_comes_with_the_fields_the_kernel_takes),
		PLAIN(an_smmu_that_can_stall_is_told_not_to),
		LINEAR(substreams_are_for_the_hardware_to_judge),
		LINEAR(abort_and_bypass_entries_are_that),
		LINEAR(an_entry_that_is_not_valid_aborts_in_silence),
		LINEAR(entries_with_a_stage2_abort_and_are_recorded),
		LINEAR(an_unreadable_entry_is_a_fetch_fault),
		LINEAR(streams_beyond_the_table_are_bad),
		LINEAR(bad_streams_are_recorded_if_asked_for),
		LINEAR(a_table_is_no_larger_than_stream_ids),
		LINEAR(reserved_formats_are_linear),
		LEVELS(two_levels_lead_to_the_entry),
		LEVELS(a_second_level_that_is_not_there_aborts_in_silence),
		LEVELS(a_span_says_how_much_of_the_second_level_is_there),
		LEVELS(a_second_level_is_aligned_to_its_size),
		LEVELS(any_split_is_found),
		LEVELS(unreadable_levels_are_fetch_faults),
		QUEUES(commands_run_when_prod_moves),
		QUEUES(commands_wait_for_the_queue),
		QUEUES(each_invalidation_reaches_the_kernel_as_it_is),
		QUEUES(a_sync_ends_a_batch),
		QUEUES(batches_are_of_64_at_most),
		QUEUES(nothing_is_lost_where_the_ring_wraps),
		QUEUES(a_full_queue_runs_once),
		QUEUES(indexes_that_cannot_be_run_nothing),
		QUEUES(a_queue_is_no_larger_than_offered),
		QUEUES(a_queue_is_aligned_to_its_size),
		QUEUES(a_changed_entry_comes_after_what_was_queued_before),
		QUEUES(ranges_of_entries_are_cut_at_the_last_stream),
		QUEUES(hints_are_consumed),
		QUEUES(commands_that_are_not_offered_are_illegal),
		QUEUES(an_error_stops_the_queue_until_acknowledged),
		QUEUES(errors_are_silent_if_the_guest_wants),
		QUEUES(an_unreadable_command_aborts),
		QUEUES(a_queue_that_is_not_there_costs_little),
		QUEUES(a_refused_command_is_illegal_where_it_is),
		QUEUES(a_refused_first_command_leaves_nothing_to_issue),
		QUEUES(an_earlier_error_comes_first),
		QUEUES(the_last_error_is_the_one_told),
		QUEUES(an_error_without_a_place_stops_all_the_same),
		PLAIN(the_erratum_wants_everything_twice),
		QUEUES(an_event_arrives_whole),
		QUEUES(the_interrupt_says_no_longer_empty),
		QUEUES(a_disabled_queue_takes_no_events),
		QUEUES(events_wrap),
		QUEUES(a_full_queue_overflows_once),
		QUEUES(events_lost_before_are_an_overflow),
		QUEUES(an_unwritable_queue_is_a_global_error),
		QUEUES(a_queue_that_is_more_than_full_takes_nothing),
		QUEUES(any_consumer_index_is_survived),
	};

	return cmocka_run_group_tests_name("vsmmu", tests, NULL, NULL);
}
