// SPDX-License-Identifier: GPL-2.0
/*
 * endpoint.c: what the guest sees of a function, what of the guest's writes reaches it, and
 * what the VM is told, in which order.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "endpoint.h"

/* The function: like a VF of the test machine's GPU, with more capabilities */
#define MSI		0x40
#define PM		0x50
#define EXP		0x60
#define MSIX		0xa0
#define VECTORS		40
#define TABLE		0x2000		/* in BAR 0, of 64 KiB */
#define PBA		0x3000
#define BAR2_SIZE	(1ULL << 33)

#define COMMAND_ON	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)
#define PM_STATE	(PM + PCI_PM_CTRL)
#define DEVCTL		(EXP + PCI_EXP_DEVCTL)
#define CONTROL		(MSIX + PCI_MSIX_FLAGS)

struct fixture {
	uint8_t host[256];
	struct endpoint_bar bars[ENDPOINT_BARS];
	struct endpoint *e;
	bool fail;		/* the function's answer to everything */
	char log[4096];		/* what was called, in order */
};

__attribute__((format(printf, 2, 3)))
static void record(struct fixture *f, const char *format, ...)
{
	size_t length = strlen(f->log);
	va_list args;

	va_start(args, format);
	vsnprintf(f->log + length, sizeof(f->log) - length, format, args);
	va_end(args);
}

/* What has been called since the last time */
#define assert_log(f, expected) do { \
	assert_string_equal((f)->log, expected); \
	(f)->log[0] = 0; \
} while (0)

static int host_config_read(void *opaque, uint32_t offset, void *value, unsigned int size)
{
	struct fixture *f = opaque;

	assert_true(offset + size <= sizeof(f->host));
	memcpy(value, f->host + offset, size);
	return f->fail ? -EIO : 0;
}

static int host_config_write(void *opaque, uint32_t offset, const void *value, unsigned int size)
{
	struct fixture *f = opaque;
	uint16_t word;

	assert_int_equal(size, 2);
	memcpy(&word, value, 2);
	record(f, "write(%x,%x) ", offset, word);
	return f->fail ? -EIO : 0;
}

static int region_read(void *opaque, unsigned int bar, uint64_t offset, void *value,
		       unsigned int size)
{
	struct fixture *f = opaque;

	record(f, "read%u(%llx,%u) ", bar, (unsigned long long)offset, size);
	memset(value, 0x77, size);
	return f->fail ? -EIO : 0;
}

static int region_write(void *opaque, unsigned int bar, uint64_t offset, const void *value,
			unsigned int size)
{
	struct fixture *f = opaque;
	uint64_t word = 0;

	memcpy(&word, value, size);
	record(f, "write%u(%llx,%llx,%u) ", bar, (unsigned long long)offset,
	       (unsigned long long)word, size);
	return f->fail ? -EIO : 0;
}

static void bar_map(void *opaque, unsigned int bar, uint64_t gpa)
{
	record(opaque, "map%u(%llx) ", bar, (unsigned long long)gpa);
}

static void bar_unmap(void *opaque, unsigned int bar)
{
	record(opaque, "unmap%u ", bar);
}

static void msix_unmask(void *opaque, unsigned int vector, uint64_t address, uint32_t data)
{
	record(opaque, "unmask%u(%llx,%x) ", vector, (unsigned long long)address, data);
}

static void msix_mask(void *opaque, unsigned int vector)
{
	record(opaque, "mask%u ", vector);
}

static void msix_enable(void *opaque, bool enable)
{
	record(opaque, enable ? "on " : "off ");
}

static void quiesce(void *opaque)
{
	record(opaque, "quiesce ");
}

static void resume(void *opaque)
{
	record(opaque, "resume ");
}

static void rid_changed(void *opaque, uint16_t rid)
{
	record(opaque, "rid(%x) ", rid);
}

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

static void put(struct fixture *f, uint32_t offset, uint32_t value, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		f->host[offset + i] = value >> 8 * i;
}

static void put_function(struct fixture *f)
{
	put(f, PCI_VENDOR_ID, 0x234210de, 4);
	put(f, PCI_COMMAND, 0x0547, 2);
	put(f, PCI_STATUS, 0xf9b8 | PCI_STATUS_CAP_LIST, 2);
	put(f, PCI_CLASS_REVISION, 0x030200a1, 4);
	put(f, PCI_CACHE_LINE_SIZE, 0x80804010, 4);	/* multi-function, BIST */
	put(f, PCI_BASE_ADDRESS_0, 0xfee00000, 4);
	put(f, PCI_SUBSYSTEM_VENDOR_ID, 0x168210de, 4);
	put(f, PCI_ROM_ADDRESS, 0xfe000001, 4);
	put(f, PCI_INTERRUPT_LINE, 0xff010b, 3);
	put(f, PCI_CAPABILITY_LIST, MSI, 1);
	put(f, MSI, PCI_CAP_ID_MSI | PM << 8 | 0x80 << 16, 4);
	put(f, PM, PCI_CAP_ID_PM | EXP << 8 | 0xfe03u << 16, 4);
	put(f, PM_STATE, 0x8108, 4);
	put(f, EXP, PCI_CAP_ID_EXP | MSIX << 8 | 0x0092 << 16, 4);
	put(f, EXP + PCI_EXP_DEVCAP, 0x1fffffff, 4);
	put(f, DEVCTL, 0x072f, 2);
	put(f, MSIX, PCI_CAP_ID_MSIX | (0xc000u | (VECTORS - 1)) << 16, 4);
	put(f, MSIX + PCI_MSIX_TABLE, TABLE, 4);
	put(f, MSIX + PCI_MSIX_PBA, PBA, 4);
}

static int setup_function(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	put_function(f);
	f->bars[0] = (struct endpoint_bar){ .size = 0x10000 };
	f->bars[2] = (struct endpoint_bar){ .size = BAR2_SIZE, .is_64bit = true,
					    .prefetchable = true };
	*state = f;
	return 0;
}

static struct endpoint *new(struct fixture *f)
{
	return endpoint_new(f->bars, &host_ops, &vm_ops, f);
}

static int setup(void **state)
{
	struct fixture *f;

	setup_function(state);
	f = *state;
	f->e = new(f);
	return f->e ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->e)
		endpoint_free(f->e);
	free(f);
	return 0;
}

static uint32_t get(struct fixture *f, uint32_t offset, unsigned int size)
{
	return endpoint_pci_ops.config_read(f->e, offset, size);
}

static void set(struct fixture *f, uint32_t offset, uint32_t value, unsigned int size)
{
	endpoint_pci_ops.config_write(f->e, offset, value, size);
}

/* BAR 0 at 0x10000000, decoded */
static void start(struct fixture *f)
{
	set(f, PCI_BASE_ADDRESS_0, 0x10000000, 4);
	set(f, PCI_COMMAND, COMMAND_ON, 2);
	assert_log(f, "write(4,6) map0(10000000) ");
}

static void table_set(struct fixture *f, unsigned int vector, uint64_t address, uint32_t data,
		      uint32_t control)
{
	uint64_t entry = TABLE + 16 * vector;

	endpoint_bar_write(f->e, 0, entry, address, 8);
	endpoint_bar_write(f->e, 0, entry + 8, data, 4);
	endpoint_bar_write(f->e, 0, entry + 12, control, 4);
}

static void bars_that_cannot_be_are_refused(void **state)
{
	static const struct endpoint_bar bad[] = {
		{ .size = 8 }, { .size = 0x3000 }, { .size = 1ULL << 32 }, { .size = UINT64_MAX },
	};
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f->bars[4] = bad[i];
		errno = 0;
		assert_null(new(f));
		assert_int_equal(errno, EINVAL);
	}
	f->bars[4] = (struct endpoint_bar){ .size = 0x1000, .is_64bit = true };
	f->bars[5] = (struct endpoint_bar){ .size = 0x1000 };
	assert_null(new(f));
	f->bars[4].size = 0;
	f->bars[5].is_64bit = true;
	assert_null(new(f));
	f->bars[5].is_64bit = false;
	f->e = new(f);
	assert_non_null(f->e);
}

static void what_is_no_function_is_refused(void **state)
{
	struct fixture *f = *state;

	f->fail = true;
	assert_null(new(f));
	assert_int_equal(errno, EIO);
	f->fail = false;
	put(f, PCI_HEADER_TYPE, PCI_HEADER_TYPE_BRIDGE, 1);
	assert_null(new(f));
	assert_int_equal(errno, ENODEV);
	put(f, PCI_HEADER_TYPE, PCI_HEADER_TYPE_NORMAL, 1);
	put(f, PCI_VENDOR_ID, 0xffff, 2);
	assert_null(new(f));
	assert_int_equal(errno, ENODEV);
}

static void the_header_has_the_functions_ids_and_nothing_that_is_on(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, PCI_VENDOR_ID, 4), 0x234210de);
	assert_int_equal(get(f, PCI_CLASS_REVISION, 4), 0x030200a1);
	assert_int_equal(get(f, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x168210de);
	assert_int_equal(get(f, PCI_COMMAND, 4), PCI_STATUS_CAP_LIST << 16);
	assert_int_equal(get(f, PCI_CACHE_LINE_SIZE, 4), 0);
	assert_int_equal(get(f, PCI_INTERRUPT_LINE, 4), 0);
	set(f, PCI_ROM_ADDRESS, 0xffffffff, 4);
	assert_int_equal(get(f, PCI_ROM_ADDRESS, 4), 0);
	assert_int_equal(get(f, PCI_BASE_ADDRESS_0, 4), 0);
	assert_log(f, "");
}

static void only_three_capabilities_are_shown(void **state)
{
	struct fixture *f = *state;
	unsigned int pointer;
	uint32_t seen = 0;

	for (pointer = get(f, PCI_CAPABILITY_LIST, 1); pointer; pointer = get(f, pointer + 1, 1)) {
		assert_false(seen & 1 << get(f, pointer, 1));
		seen |= 1 << get(f, pointer, 1);
	}
	assert_int_equal(seen, 1 << PCI_CAP_ID_PM | 1 << PCI_CAP_ID_EXP | 1 << PCI_CAP_ID_MSIX);
	assert_int_equal(get(f, MSI, 4), 0);
	assert_int_equal(get(f, 0x100, 4), 0);
	assert_int_equal(get(f, 0xffc, 4), 0);
	set(f, 0x100, 0xffffffff, 4);
	set(f, 0xffc, 0xffffffff, 4);
	set(f, MSI, 0xffffffff, 4);
	assert_int_equal(get(f, MSI, 4), 0);
	assert_log(f, "");
}

static void it_is_an_endpoint_on_a_trained_link(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, EXP + PCI_EXP_FLAGS, 2), 0x0002);
	assert_int_equal(get(f, EXP + PCI_EXP_DEVCAP, 4), 0x10008007);
	assert_int_equal(get(f, EXP + PCI_EXP_LNKCAP, 4), 0x104);
	assert_int_equal(get(f, EXP + PCI_EXP_LNKSTA, 2), 0x104);
	/* No PME, no D1 and D2 */
	assert_int_equal(get(f, PM + PCI_PM_PMC, 2), 3);
	assert_int_equal(get(f, PM_STATE, 4), PCI_PM_CTRL_NO_SOFT_RESET);
	assert_int_equal(get(f, CONTROL, 2), VECTORS - 1);
	assert_int_equal(get(f, MSIX + PCI_MSIX_TABLE, 4), TABLE);
	assert_int_equal(get(f, MSIX + PCI_MSIX_PBA, 4), PBA);
}

static void bars_tell_their_size(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < ENDPOINT_BARS; i++)
		set(f, PCI_BASE_ADDRESS_0 + 4 * i, 0xffffffff, 4);
	assert_int_equal(get(f, PCI_BASE_ADDRESS_0, 4), 0xffff0000);
	assert_int_equal(get(f, PCI_BASE_ADDRESS_1, 4), 0);
	assert_int_equal(get(f, PCI_BASE_ADDRESS_2, 4), 0x0000000c);
	assert_int_equal(get(f, PCI_BASE_ADDRESS_3, 4), 0xfffffffe);
	assert_int_equal(get(f, PCI_BASE_ADDRESS_4, 4), 0);
	assert_int_equal(get(f, PCI_BASE_ADDRESS_5, 4), 0);
	/* All ones is not an address, even with decode on */
	set(f, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	assert_log(f, "write(4,2) ");
}

static void a_bar_is_mapped_where_it_decodes(void **state)
{
	struct fixture *f = *state;

	set(f, PCI_BASE_ADDRESS_0, 0x10000000, 4);
	set(f, PCI_BASE_ADDRESS_3, 0x100, 4);
	assert_log(f, "");
	set(f, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	assert_log(f, "write(4,2) map0(10000000) map2(10000000000) ");
	set(f, PCI_BASE_ADDRESS_0 + 2, 0x2000, 2);
	assert_log(f, "unmap0 map0(20000000) ");
	set(f, PCI_BASE_ADDRESS_0, 0x20000000, 4);
	assert_log(f, "");
	set(f, PCI_BASE_ADDRESS_0, 0, 4);
	assert_log(f, "unmap0 ");
	set(f, PCI_BASE_ADDRESS_3, 0x103, 4);
	assert_log(f, "unmap2 map2(10200000000) ");
	/* Off: unmapped before the function hears of it */
	set(f, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_log(f, "unmap2 write(4,4) ");
}

static void command_reaches_the_function_with_three_bits(void **state)
{
	struct fixture *f = *state;

	set(f, PCI_COMMAND, 0xffffffff, 4);
	assert_log(f, "write(4,406) ");
	assert_int_equal(get(f, PCI_COMMAND, 4), PCI_STATUS_CAP_LIST << 16 | 0x406);
	set(f, PCI_COMMAND + 1, 0, 1);
	assert_log(f, "write(4,6) ");
	set(f, PCI_COMMAND + 2, 0xffff, 2);
	assert_log(f, "");
}

static void a_function_that_fails_is_not_mapped(void **state)
{
	struct fixture *f = *state;

	set(f, PCI_BASE_ADDRESS_0, 0x10000000, 4);
	f->fail = true;
	set(f, PCI_COMMAND, COMMAND_ON | PCI_COMMAND_INTX_DISABLE, 2);
	assert_log(f, "write(4,406) ");
	assert_int_equal(get(f, PCI_COMMAND, 2), PCI_COMMAND_INTX_DISABLE);
}

static void device_control_reaches_the_function_with_its_bits(void **state)
{
	struct fixture *f = *state;

	set(f, DEVCTL, 0x7fff, 2);
	assert_log(f, "write(68,78ff) ");
	assert_int_equal(get(f, DEVCTL, 2), 0x78ff);
	set(f, DEVCTL, 0x2810, 2);
	assert_log(f, "write(68,2810) ");
	set(f, EXP + PCI_EXP_DEVCTL2, 0xffff, 2);
	set(f, EXP + PCI_EXP_LNKCTL, 0xffff, 2);
	set(f, EXP + PCI_EXP_LNKCTL2, 0xffff, 2);
	assert_int_equal(get(f, EXP + PCI_EXP_DEVCTL2, 2), 0);
	assert_int_equal(get(f, EXP + PCI_EXP_LNKCTL, 2), 0);
	assert_log(f, "");
}

static void flr_leaves_nothing_mapped_and_bars_nowhere(void **state)
{
	struct fixture *f = *state;

	start(f);
	set(f, CONTROL, PCI_MSIX_FLAGS_ENABLE, 2);
	table_set(f, 3, 0x8080, 7, 0);
	assert_log(f, "on unmask3(8080,7) ");
	set(f, PCI_INTERRUPT_LINE, 9, 1);
	set(f, DEVCTL, 0x2810, 2);
	assert_log(f, "write(68,2810) ");

	set(f, DEVCTL, 0x2810 | PCI_EXP_DEVCTL_BCR_FLR, 2);
	assert_log(f, "quiesce unmap0 mask3 off write(54,0) write(4,0) write(68,802f) resume ");
	assert_int_equal(get(f, DEVCTL, 2), 0x2f);
	assert_int_equal(get(f, PCI_COMMAND, 2), 0);
	assert_int_equal(get(f, PCI_BASE_ADDRESS_0, 4), 0);
	assert_int_equal(get(f, PCI_INTERRUPT_LINE, 1), 0);
	assert_int_equal(get(f, CONTROL, 2), VECTORS - 1);

	start(f);
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE + 16 * 3, 8), 0);
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE + 16 * 3 + 8, 8), 1ULL << 32);
}

static void a_function_without_flr_is_not_asked_for_it(void **state)
{
	struct fixture *f = *state;

	put(f, EXP + PCI_EXP_DEVCAP, 0x8007, 4);
	f->e = new(f);
	set(f, DEVCTL, PCI_EXP_DEVCTL_BCR_FLR | 0x2f, 2);
	assert_int_equal(get(f, DEVCTL, 2), 0x2f);
	assert_log(f, "");
	endpoint_pci_ops.reset(f->e);
	assert_log(f, "quiesce write(54,0) write(4,0) write(68,2f) resume ");
}

static void the_port_resets_it_and_gives_its_requester_id(void **state)
{
	struct fixture *f = *state;

	start(f);
	endpoint_pci_ops.reset(f->e);
	assert_log(f, "quiesce unmap0 write(54,0) write(4,0) write(68,802f) resume ");
	endpoint_pci_ops.rid_changed(f->e, 0x300);
	assert_log(f, "rid(300) ");
}

static void in_d3hot_nothing_is_mapped(void **state)
{
	struct fixture *f = *state;

	start(f);
	set(f, PM_STATE, 3, 2);
	assert_log(f, "quiesce unmap0 write(54,3) resume ");
	assert_int_equal(get(f, PM_STATE, 2) & 3, 3);
	set(f, PCI_BASE_ADDRESS_0, 0x20000000, 4);
	assert_log(f, "");
	/* The command register again: vfio goes back to what it was before D3hot */
	set(f, PM_STATE, 0, 2);
	assert_log(f, "quiesce write(54,0) write(4,6) map0(20000000) resume ");
	set(f, PM_STATE, 0xff00, 2);
	assert_log(f, "");
}

static void only_d0_is_awake(void **state)
{
	struct fixture *f = *state;

	start(f);
	set(f, PM_STATE, 1, 2);
	assert_log(f, "quiesce unmap0 write(54,1) resume ");
	set(f, PM_STATE, 0, 1);
	assert_log(f, "quiesce write(54,0) write(4,6) map0(10000000) resume ");
}

static void a_function_that_does_not_wake_is_not_mapped(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->fail = true;
	set(f, PM_STATE, 3, 2);
	assert_log(f, "quiesce unmap0 write(54,3) resume ");
	set(f, PM_STATE, 0, 2);
	assert_log(f, "quiesce write(54,0) write(4,6) resume ");
	assert_int_equal(get(f, PCI_COMMAND, 2), 0);
}

static void a_vector_is_live_while_enabled_and_not_masked(void **state)
{
	struct fixture *f = *state;

	start(f);
	table_set(f, 5, 0x1234567089abcdefULL, 0x42, 0);
	assert_log(f, "");
	set(f, CONTROL, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 2);
	assert_log(f, "on ");
	set(f, CONTROL, PCI_MSIX_FLAGS_ENABLE, 2);
	assert_log(f, "unmask5(1234567089abcdec,42) ");
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE + 80, 8), 0x1234567089abcdecULL);
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE + 84, 4), 0x12345670);
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE + 88, 8), 0x42);
	endpoint_bar_write(f->e, 0, TABLE + 92, 0xffffffff, 4);
	assert_log(f, "mask5 ");
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE + 92, 4), 1);
	endpoint_bar_write(f->e, 0, TABLE + 92, 0xfffffffe, 4);
	assert_log(f, "unmask5(1234567089abcdec,42) ");
	/* A message that changes under a live vector is a new one */
	endpoint_bar_write(f->e, 0, TABLE + 88, 0x43, 4);
	assert_log(f, "mask5 unmask5(1234567089abcdec,43) ");
	endpoint_bar_write(f->e, 0, TABLE + 80, 0, 4);
	assert_log(f, "mask5 unmask5(1234567000000000,43) ");
	endpoint_bar_write(f->e, 0, TABLE + 80, 0, 4);
	assert_log(f, "");
	set(f, CONTROL, PCI_MSIX_FLAGS_MASKALL | PCI_MSIX_FLAGS_ENABLE, 2);
	assert_log(f, "mask5 ");
	set(f, CONTROL, PCI_MSIX_FLAGS_ENABLE, 2);
	f->log[0] = 0;
	set(f, CONTROL, 0, 2);
	assert_log(f, "mask5 off ");
}

static void nothing_is_ever_pending(void **state)
{
	struct fixture *f = *state;

	start(f);
	endpoint_bar_write(f->e, 0, PBA, ~0ULL, 8);
	assert_int_equal(endpoint_bar_read(f->e, 0, PBA, 8), 0);
	assert_log(f, "");
}

static void msix_is_emulated_and_the_rest_is_the_functions(void **state)
{
	struct fixture *f = *state;
	struct endpoint_hole holes[2];

	assert_int_equal(endpoint_msix_vectors(f->e), VECTORS);
	assert_int_equal(endpoint_msix_holes(f->e, holes), 2);
	assert_int_equal(holes[0].offset, TABLE);
	assert_int_equal(holes[0].length, 16 * VECTORS);
	assert_int_equal(holes[1].offset, PBA);
	assert_int_equal(holes[1].length, 8);

	start(f);
	endpoint_bar_read(f->e, 0, TABLE, 4);
	endpoint_bar_write(f->e, 0, TABLE + 16 * VECTORS - 4, 0, 4);
	endpoint_bar_read(f->e, 0, PBA, 8);
	assert_log(f, "");
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE - 4, 4), 0x77777777);
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE + 16 * VECTORS, 1), 0x77);
	endpoint_bar_write(f->e, 0, PBA + 8, 0x1122334455667788, 8);
	endpoint_bar_write(f->e, 0, 0xfffe, 0x12345678, 2);
	assert_log(f, "read0(1ffc,4) read0(2280,1) write0(3008,1122334455667788,8) "
		      "write0(fffe,5678,2) ");
	/* The same offset in another BAR */
	set(f, PCI_BASE_ADDRESS_3, 0x100, 4);
	f->log[0] = 0;
	endpoint_bar_read(f->e, 2, TABLE, 4);
	assert_log(f, "read2(2000,4) ");
	f->fail = true;
	assert_int_equal(endpoint_bar_read(f->e, 0, 8, 8), UINT64_MAX);
	assert_int_equal(endpoint_bar_read(f->e, 0, 8, 2), 0xffff);
}

static void accesses_that_reach_no_bar_read_ones(void **state)
{
	struct fixture *f = *state;

	start(f);
	set(f, CONTROL, PCI_MSIX_FLAGS_ENABLE, 2);
	f->log[0] = 0;
	assert_int_equal(endpoint_bar_read(f->e, 0, 0x10000, 4), 0xffffffff);
	assert_int_equal(endpoint_bar_read(f->e, 0, UINT64_MAX - 7, 8), UINT64_MAX);
	assert_int_equal(endpoint_bar_read(f->e, 0, 2, 4), 0xffffffff);
	assert_int_equal(endpoint_bar_read(f->e, 1, 0, 4), 0xffffffff);
	assert_int_equal(endpoint_bar_read(f->e, 2, 0, 4), 0xffffffff);	/* not mapped */
	assert_int_equal(endpoint_bar_read(f->e, ENDPOINT_BARS, 0, 4), 0xffffffff);
	assert_int_equal(endpoint_bar_read(f->e, UINT32_MAX, 0, 4), 0xffffffff);
	endpoint_bar_write(f->e, 0, 0x10000, 0, 4);
	endpoint_bar_write(f->e, 2, 0, 0, 4);
	endpoint_bar_write(f->e, ENDPOINT_BARS, 0, 0, 4);
	/* Parts of a word of the table */
	endpoint_bar_write(f->e, 0, TABLE + 12, 0, 1);
	assert_int_equal(endpoint_bar_read(f->e, 0, TABLE + 12, 2), 1);
	assert_log(f, "");
}

static void a_list_of_capabilities_may_be_a_circle(void **state)
{
	struct fixture *f = *state;

	put(f, PM + 1, MSI, 1);
	f->e = new(f);
	assert_non_null(f->e);
	assert_int_equal(get(f, PCI_CAPABILITY_LIST, 1), PM);
	assert_int_equal(get(f, PM + 1, 1), 0);
	assert_int_equal(endpoint_msix_vectors(f->e), 0);
}

static void a_list_that_leaves_its_space_ends(void **state)
{
	struct fixture *f = *state;
	struct endpoint_hole holes[2];

	/* Into the header, where a capability seems to be */
	put(f, PCI_CAPABILITY_LIST, 0x20, 1);
	put(f, 0x20, PCI_CAP_ID_PM, 4);
	f->e = new(f);
	assert_int_equal(get(f, PCI_CAPABILITY_LIST, 1), 0);
	assert_int_equal(get(f, PCI_STATUS, 2), 0);
	assert_int_equal(endpoint_msix_holes(f->e, holes), 0);
	/* Nothing of MSI-X where there is none */
	start(f);
	set(f, CONTROL, PCI_MSIX_FLAGS_ENABLE, 2);
	endpoint_bar_read(f->e, 0, 0, 4);
	assert_log(f, "read0(0,4) ");
}

static void vendor_capabilities_can_be_read_only(void **state)
{
	struct fixture *f = *state;

	/* The second one's length leads out of the space, the third one's is none */
	put(f, MSIX + 1, 0xc8, 1);
	put(f, 0xc8, PCI_CAP_ID_VNDR | 0xfc << 8 | 7 << 16, 4);
	put(f, 0xcc, 0x00345678, 4);
	put(f, 0xfc, PCI_CAP_ID_VNDR | 0xd8 << 8 | 5 << 16, 4);
	put(f, 0xd8, PCI_CAP_ID_VNDR, 4);
	f->e = new(f);
	assert_int_equal(get(f, MSIX + 1, 1), 0xc8);
	assert_int_equal(get(f, 0xc8, 4), PCI_CAP_ID_VNDR | 7 << 16);
	assert_int_equal(get(f, 0xcc, 4), 0x00345678);
	set(f, 0xcc, 0xffffffff, 4);
	assert_int_equal(get(f, 0xcc, 4), 0x00345678);
	assert_int_equal(get(f, 0xfc, 4), 0);
	assert_int_equal(get(f, 0xd8, 4), 0);
}

static void a_status_without_list_has_no_capabilities(void **state)
{
	struct fixture *f = *state;

	put(f, PCI_STATUS, 0, 2);
	f->e = new(f);
	assert_int_equal(get(f, PCI_CAPABILITY_LIST, 1), 0);
	assert_int_equal(endpoint_msix_vectors(f->e), 0);
}

static void capabilities_that_overlap_are_left_out(void **state)
{
	struct fixture *f = *state;

	/* PCI Express reaches into MSI-X, then both again elsewhere */
	put(f, EXP + 1, 0x94, 1);
	put(f, 0x94, PCI_CAP_ID_MSIX | 0xfc << 8, 4);
	put(f, 0x98, TABLE, 4);
	put(f, 0x9c, PBA, 4);
	put(f, 0xfc, PCI_CAP_ID_PM | MSIX << 8, 4);
	f->e = new(f);
	assert_int_equal(get(f, 0x94, 1), 0);
	assert_int_equal(get(f, 0xfc, 1), 0);
	assert_int_equal(endpoint_msix_vectors(f->e), VECTORS);
}

static void a_capability_beyond_the_end_is_left_out(void **state)
{
	static const uint8_t ids[] = { PCI_CAP_ID_EXP, PCI_CAP_ID_PM, PCI_CAP_ID_MSIX };
	struct fixture *f = *state;
	unsigned int i;

	put(f, PCI_CAPABILITY_LIST, 0xfc, 1);
	for (i = 0; i < sizeof(ids); i++) {
		put(f, 0xfc, ids[i] | 0x0002 << 16, 4);
		f->e = new(f);
		assert_non_null(f->e);
		assert_int_equal(get(f, PCI_CAPABILITY_LIST, 1), 0);
		endpoint_free(f->e);
	}
	put(f, PCI_CAPABILITY_LIST, 0xc8, 1);
	put(f, 0xc8, PCI_CAP_ID_EXP | 0x0002 << 16, 4);
	f->e = new(f);
	assert_int_equal(get(f, PCI_CAPABILITY_LIST, 1), 0);
}

static void msix_that_does_not_fit_its_bar_is_left_out(void **state)
{
	static const uint32_t bad[][2] = {
		{ 0x10000, PBA },			/* beyond */
		{ 0x10000 - 16 * VECTORS + 8, PBA },	/* across the end */
		{ 0xfffffff8, PBA },
		{ TABLE | 1, PBA },			/* no such BAR */
		{ TABLE | 3, PBA },			/* the upper half of one */
		{ TABLE | 6, PBA },
		{ TABLE | 7, PBA },
		{ TABLE, 0x10000 },
		{ TABLE, PBA | 5 },
		{ TABLE, TABLE },			/* over each other */
		{ TABLE, TABLE + 16 * VECTORS - 8 },
		{ TABLE + 8, TABLE + 8 },
	};
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(f, MSIX + PCI_MSIX_TABLE, bad[i][0], 4);
		put(f, MSIX + PCI_MSIX_PBA, bad[i][1], 4);
		f->e = new(f);
		assert_int_equal(endpoint_msix_vectors(f->e), 0);
		assert_int_equal(get(f, MSIX, 4), 0);
		endpoint_free(f->e);
	}
	f->e = NULL;
}

static void msix_that_just_fits_is_shown(void **state)
{
	static const uint32_t good[][2] = {
		{ 0x10000 - 16 * VECTORS, PBA },
		{ TABLE, 0x10000 - 8 },
		{ TABLE, TABLE + 16 * VECTORS },
		{ TABLE, TABLE - 8 },
		{ TABLE, TABLE | 2 },
	};
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		put(f, MSIX + PCI_MSIX_TABLE, good[i][0], 4);
		put(f, MSIX + PCI_MSIX_PBA, good[i][1], 4);
		f->e = new(f);
		assert_int_equal(endpoint_msix_vectors(f->e), VECTORS);
		endpoint_free(f->e);
	}
	f->e = NULL;
}

static void the_first_of_two_alike_is_shown(void **state)
{
	struct fixture *f = *state;

	put(f, MSIX + 1, 0xb0, 1);
	put(f, 0xb0, PCI_CAP_ID_PM | 0xb8 << 8 | 1 << 16, 4);
	put(f, 0xb8, PCI_CAP_ID_MSIX | 0xc4 << 8, 4);
	put(f, 0xbc, 0, 4);
	put(f, 0xc0, 0x100, 4);
	put(f, 0xc4, PCI_CAP_ID_EXP | 2 << 16, 4);
	f->e = new(f);
	assert_int_equal(get(f, PM, 1), PCI_CAP_ID_PM);
	assert_int_equal(get(f, EXP, 1), PCI_CAP_ID_EXP);
	assert_int_equal(endpoint_msix_vectors(f->e), VECTORS);
	assert_int_equal(get(f, 0xb0, 4), 0);
	assert_int_equal(get(f, 0xc4, 4), 0);
}

static void what_has_no_pci_express_is_reset_without_flr(void **state)
{
	struct fixture *f = *state;

	put(f, EXP, PCI_CAP_ID_MSI, 1);
	f->e = new(f);
	assert_int_equal(get(f, EXP, 4), 0);
	set(f, DEVCTL, 0x8000, 2);
	assert_log(f, "");
	endpoint_pci_ops.reset(f->e);
	assert_log(f, "quiesce write(54,0) write(4,0) resume ");
}

static void the_low_bits_of_a_pointer_do_not_count(void **state)
{
	struct fixture *f = *state;

	put(f, PCI_CAPABILITY_LIST, PM | 1, 1);
	put(f, PM + 1, EXP | 3, 1);
	f->e = new(f);
	assert_int_equal(get(f, PM, 1), PCI_CAP_ID_PM);
	assert_int_equal(get(f, EXP, 1), PCI_CAP_ID_EXP);
	assert_int_equal(endpoint_msix_vectors(f->e), VECTORS);
}

static void free_ends_what_the_vm_has_and_leaves_the_function(void **state)
{
	struct fixture *f = *state;

	start(f);
	set(f, CONTROL, PCI_MSIX_FLAGS_ENABLE, 2);
	table_set(f, 1, 0x8080, 0, 0);
	f->log[0] = 0;
	endpoint_free(f->e);
	f->e = NULL;
	assert_log(f, "unmap0 mask1 off ");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	/* Those that make the function another one before */
#define F(name) cmocka_unit_test_setup_teardown(name, setup_function, teardown)
	const struct CMUnitTest tests[] = {
		F(bars_that_cannot_be_are_refused),
		F(what_is_no_function_is_refused),
		T(the_header_has_the_functions_ids_and_nothing_that_is_on),
		T(only_three_capabilities_are_shown),
		T(it_is_an_endpoint_on_a_trained_link),
		T(bars_tell_their_size),
		T(a_bar_is_mapped_where_it_decodes),
		T(command_reaches_the_function_with_three_bits),
		T(a_function_that_fails_is_not_mapped),
		T(device_control_reaches_the_function_with_its_bits),
		T(flr_leaves_nothing_mapped_and_bars_nowhere),
		F(a_function_without_flr_is_not_asked_for_it),
		T(the_port_resets_it_and_gives_its_requester_id),
		T(in_d3hot_nothing_is_mapped),
		T(only_d0_is_awake),
		T(a_function_that_does_not_wake_is_not_mapped),
		T(a_vector_is_live_while_enabled_and_not_masked),
		T(nothing_is_ever_pending),
		T(msix_is_emulated_and_the_rest_is_the_functions),
		T(accesses_that_reach_no_bar_read_ones),
		F(a_list_of_capabilities_may_be_a_circle),
		F(a_list_that_leaves_its_space_ends),
		F(vendor_capabilities_can_be_read_only),
		F(a_status_without_list_has_no_capabilities),
		F(capabilities_that_overlap_are_left_out),
		F(a_capability_beyond_the_end_is_left_out),
		F(msix_that_does_not_fit_its_bar_is_left_out),
		F(msix_that_just_fits_is_shown),
		F(the_first_of_two_alike_is_shown),
		F(what_has_no_pci_express_is_reset_without_flr),
		F(the_low_bits_of_a_pointer_do_not_count),
		T(free_ends_what_the_vm_has_and_leaves_the_function),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
