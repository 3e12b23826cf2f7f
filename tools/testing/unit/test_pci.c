// SPDX-License-Identifier: GPL-2.0
/*
 * pci.c: the hierarchy as the guest's kernel uses it, enumeration and pciehp, and as a
 * hostile guest does.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pci.h"

#define SLOTS		3
#define EXP		0x40
#define SLTCTL		(EXP + PCI_EXP_SLTCTL)
#define SLTSTA		(EXP + PCI_EXP_SLTSTA)
#define LNKSTA		(EXP + PCI_EXP_LNKSTA)
#define PDC_DLLSC	(PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC)
/* What pciehp enables */
#define ENABLED		(PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_DLLSCE)

/* An endpoint that remembers what it is told */
struct mock {
	struct fixture *f;
	uint16_t rid;
	unsigned int rid_changes, resets, reads, writes;
	uint32_t offset, value;
	unsigned int size;
};

struct fixture {
	struct pci *pci;
	struct mock mock[SLOTS];
	bool intx[SLOTS];
	unsigned int intx_changes;
};

static uint32_t mock_read(void *opaque, uint32_t offset, unsigned int size)
{
	struct mock *mock = opaque;

	mock->reads++;
	mock->offset = offset;
	mock->size = size;
	return 0x5a;
}

static void mock_write(void *opaque, uint32_t offset, uint32_t value, unsigned int size)
{
	struct mock *mock = opaque;

	mock->writes++;
	mock->offset = offset;
	mock->value = value;
	mock->size = size;
}

static void mock_rid(void *opaque, uint16_t rid)
{
	struct mock *mock = opaque;
	unsigned int i;

	/* Two at once would be two devices with one stream ID */
	for (i = 0; rid && i < SLOTS; i++)
		assert_int_not_equal(mock->f->mock[i].rid, rid);
	assert_int_not_equal(mock->rid, rid);
	mock->rid = rid;
	mock->rid_changes++;
}

static void mock_reset(void *opaque)
{
	struct mock *mock = opaque;

	mock->resets++;
}

static const struct pci_endpoint_ops mock_ops = {
	.config_read = mock_read,
	.config_write = mock_write,
	.rid_changed = mock_rid,
	.reset = mock_reset,
};

static void record_intx(void *opaque, unsigned int slot, bool level)
{
	struct fixture *f = opaque;

	assert_in_range(slot, 0, SLOTS - 1);
	assert_int_not_equal(f->intx[slot], level);
	f->intx[slot] = level;
	f->intx_changes++;
}

static const struct pci_ops ops = { .set_intx = record_intx };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		f->mock[i].f = f;
	f->pci = pci_new(SLOTS, &ops, f);
	*state = f;
	return f->pci ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pci_free(f->pci);
	free(f);
	return 0;
}

static uint64_t ecam(unsigned int bus, unsigned int device, unsigned int function, uint32_t offset)
{
	return (uint64_t)bus << 20 | device << 15 | function << 12 | offset;
}

static uint32_t port_read(struct fixture *f, unsigned int slot, uint32_t offset, unsigned int size)
{
	return pci_ecam_read(f->pci, ecam(0, slot + 1, 0, offset), size);
}

static void port_write(struct fixture *f, unsigned int slot, uint32_t offset, uint32_t value,
		       unsigned int size)
{
	pci_ecam_write(f->pci, ecam(0, slot + 1, 0, offset), value, size);
}

static void set_buses(struct fixture *f, unsigned int slot, uint8_t secondary, uint8_t subordinate)
{
	port_write(f, slot, PCI_PRIMARY_BUS, secondary << 8 | subordinate << 16, 4);
}

static int plug(struct fixture *f, unsigned int slot)
{
	return pci_plug(f->pci, slot, &mock_ops, &f->mock[slot]);
}

static void only_as_many_slots_as_there_can_be(void **state)
{
	struct fixture *f = *state;

	assert_null(pci_new(0, &ops, f));
	assert_null(pci_new(PCI_SLOTS_MAX + 1, &ops, f));
	assert_int_equal(pci_plug(f->pci, SLOTS, &mock_ops, &f->mock[0]), -EINVAL);
	pci_unplug(f->pci, SLOTS);
	pci_unplug(f->pci, 0);
}

static void bus_0_has_the_bridge_and_a_port_a_slot(void **state)
{
	struct fixture *f = *state;
	unsigned int device, function;

	for (device = 0; device < 32; device++) {
		for (function = 0; function < 8; function++) {
			uint32_t id = pci_ecam_read(f->pci, ecam(0, device, function, 0), 4);

			if (function || device > SLOTS)
				assert_int_equal(id, 0xffffffff);
			else
				assert_int_equal(id, device ? 0x000c1b36 : 0x00081b36);
		}
	}
	assert_int_equal(pci_ecam_read(f->pci, ecam(0, 0, 0, PCI_CLASS_DEVICE), 2), 0x0600);
	assert_int_equal(port_read(f, 0, PCI_CLASS_DEVICE, 2), 0x0604);
	assert_int_equal(port_read(f, 0, PCI_HEADER_TYPE, 1), 1);
}

static void the_host_bridge_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	uint32_t offset;

	for (offset = 0; offset < 4096; offset += 4) {
		uint32_t before = pci_ecam_read(f->pci, offset, 4);

		pci_ecam_write(f->pci, offset, ~before, 4);
		assert_int_equal(pci_ecam_read(f->pci, offset, 4), before);
	}
}

static void accesses_that_are_not_aligned_words_read_ones(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pci_ecam_read(f->pci, 0, 8), UINT64_MAX);
	assert_int_equal(pci_ecam_read(f->pci, 1, 2), 0xffff);
	assert_int_equal(pci_ecam_read(f->pci, 2, 4), 0xffffffff);
	assert_int_equal(pci_ecam_read(f->pci, PCI_ECAM_BUSES << 20, 4), 0xffffffff);
	assert_int_equal(pci_ecam_read(f->pci, UINT64_MAX, 1), 0xff);
	assert_int_equal(pci_ecam_read(f->pci, 1ULL << 32, 4), 0xffffffff);

	port_write(f, 0, PCI_MEMORY_BASE, 0x11101110, 8);
	assert_int_equal(port_read(f, 0, PCI_MEMORY_BASE, 4), 0);
	pci_ecam_write(f->pci, (1ULL << 32) + ecam(0, 1, 0, PCI_MEMORY_BASE), 0x1110, 2);
	assert_int_equal(port_read(f, 0, PCI_MEMORY_BASE, 4), 0);
}

static void bytes_of_a_register_are_written_one_by_one(void **state)
{
	struct fixture *f = *state;

	port_write(f, 0, PCI_PREF_BASE_UPPER32, 0x11223344, 4);
	port_write(f, 0, PCI_PREF_BASE_UPPER32 + 1, 0xaa, 1);
	port_write(f, 0, PCI_PREF_BASE_UPPER32 + 2, 0xbbcc, 2);
	assert_int_equal(port_read(f, 0, PCI_PREF_BASE_UPPER32, 4), 0xbbccaa44);
	assert_int_equal(port_read(f, 0, PCI_PREF_BASE_UPPER32 + 1, 1), 0xaa);
	assert_int_equal(port_read(f, 0, PCI_PREF_BASE_UPPER32 + 2, 2), 0xbbcc);
}

static void a_port_has_memory_windows_and_no_io_window(void **state)
{
	struct fixture *f = *state;

	port_write(f, 0, PCI_MEMORY_BASE, 0xffffffff, 4);
	port_write(f, 0, PCI_PREF_MEMORY_BASE, 0xffffffff, 4);
	port_write(f, 0, PCI_PREF_LIMIT_UPPER32, 0xffffffff, 4);
	port_write(f, 0, PCI_IO_BASE, 0xffff, 2);
	port_write(f, 0, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
	assert_int_equal(port_read(f, 0, PCI_MEMORY_BASE, 4), 0xfff0fff0);
	assert_int_equal(port_read(f, 0, PCI_PREF_MEMORY_BASE, 4), 0xfff1fff1);
	assert_int_equal(port_read(f, 0, PCI_PREF_LIMIT_UPPER32, 4), 0xffffffff);
	assert_int_equal(port_read(f, 0, PCI_IO_BASE, 2), 0);
	assert_int_equal(port_read(f, 0, PCI_BASE_ADDRESS_0, 4), 0);
}

static void a_port_is_a_hot_plug_root_port(void **state)
{
	struct fixture *f = *state;
	uint32_t slot;

	assert_true(port_read(f, 1, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	assert_int_equal(port_read(f, 1, PCI_CAPABILITY_LIST, 1), EXP);
	assert_int_equal(port_read(f, 1, EXP, 2), PCI_CAP_ID_EXP);
	/* Version 2, root port, slot implemented, interrupt message 0 */
	assert_int_equal(port_read(f, 1, EXP + PCI_EXP_FLAGS, 2), 0x0142);
	slot = port_read(f, 1, EXP + PCI_EXP_SLTCAP, 4);
	assert_int_equal(slot & 0x7f, PCI_EXP_SLTCAP_HPC | PCI_EXP_SLTCAP_HPS);
	assert_true(slot & PCI_EXP_SLTCAP_NCCS);
	assert_int_equal(slot >> 19, 2);
	assert_true(port_read(f, 1, EXP + PCI_EXP_LNKCAP, 4) & PCI_EXP_LNKCAP_DLLLARC);
	assert_int_equal(port_read(f, 1, PCI_INTERRUPT_PIN, 1), 1);
	assert_int_equal(port_read(f, 1, 0x100, 4), 0x1000d);
	assert_int_equal(port_read(f, 1, 0x100 + PCI_ACS_CAP, 2), 0x1d);
}

static void nothing_above_its_registers_is_kept(void **state)
{
	struct fixture *f = *state;
	uint32_t offset;

	for (offset = 0x108; offset < 4096; offset += 4) {
		port_write(f, SLOTS - 1, offset, 0xffffffff, 4);
		assert_int_equal(port_read(f, SLOTS - 1, offset, 4), 0);
	}
}

static void an_endpoint_is_reached_by_its_ports_secondary_bus(void **state)
{
	struct fixture *f = *state;

	plug(f, 1);
	assert_int_equal(pci_ecam_read(f->pci, ecam(5, 0, 0, 0), 4), 0xffffffff);
	set_buses(f, 1, 5, 5);
	assert_int_equal(pci_ecam_read(f->pci, ecam(5, 0, 0, 0xffc), 4), 0x5a);
	assert_int_equal(f->mock[1].offset, 0xffc);
	assert_int_equal(f->mock[1].size, 4);
	pci_ecam_write(f->pci, ecam(5, 0, 0, 0x12), 0xabcd, 2);
	assert_int_equal(f->mock[1].offset, 0x12);
	assert_int_equal(f->mock[1].value, 0xabcd);
	assert_int_equal(f->mock[1].size, 2);

	/* One function, on that bus only */
	assert_int_equal(pci_ecam_read(f->pci, ecam(5, 1, 0, 0), 4), 0xffffffff);
	assert_int_equal(pci_ecam_read(f->pci, ecam(5, 0, 1, 0), 4), 0xffffffff);
	assert_int_equal(pci_ecam_read(f->pci, ecam(6, 0, 0, 0), 4), 0xffffffff);
	assert_int_equal(f->mock[1].reads, 1);
}

static void bus_numbers_give_the_requester_id(void **state)
{
	struct fixture *f = *state;

	plug(f, 0);
	assert_int_equal(f->mock[0].rid_changes, 0);
	/* As Linux numbers buses: first up to the last one, then down to what it found */
	set_buses(f, 0, 1, 0xff);
	assert_int_equal(f->mock[0].rid, 0x100);
	set_buses(f, 0, 1, 1);
	assert_int_equal(f->mock[0].rid_changes, 1);
	set_buses(f, 0, 0, 0);
	assert_int_equal(f->mock[0].rid, PCI_RID_NONE);
	set_buses(f, 0, 2, 1);
	assert_int_equal(f->mock[0].rid, PCI_RID_NONE);
	set_buses(f, 0, PCI_ECAM_BUSES - 1, 0xff);
	assert_int_equal(f->mock[0].rid, (PCI_ECAM_BUSES - 1) << 8);
	/* A number beyond ECAM reaches nothing */
	set_buses(f, 0, PCI_ECAM_BUSES, 0xff);
	assert_int_equal(f->mock[0].rid, PCI_RID_NONE);
	assert_int_equal(pci_ecam_read(f->pci, ecam(PCI_ECAM_BUSES, 0, 0, 0), 4), 0xffffffff);
	assert_int_equal(f->mock[0].reads, 0);
}

static void a_bus_number_twice_belongs_to_the_first_port(void **state)
{
	struct fixture *f = *state;

	plug(f, 0);
	plug(f, 1);
	set_buses(f, 1, 3, 3);
	assert_int_equal(f->mock[1].rid, 0x300);
	set_buses(f, 0, 3, 3);
	assert_int_equal(f->mock[0].rid, 0x300);
	assert_int_equal(f->mock[1].rid, PCI_RID_NONE);
	pci_ecam_read(f->pci, ecam(3, 0, 0, 0), 4);
	assert_int_equal(f->mock[0].reads, 1);
	assert_int_equal(f->mock[1].reads, 0);

	set_buses(f, 0, 4, 4);
	assert_int_equal(f->mock[0].rid, 0x400);
	assert_int_equal(f->mock[1].rid, 0x300);
}

static void a_plug_is_a_change_of_presence_and_link(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(port_read(f, 0, SLTSTA, 2), 0);
	assert_int_equal(port_read(f, 0, LNKSTA, 2), 0);
	assert_int_equal(plug(f, 0), 0);
	assert_int_equal(plug(f, 0), -EBUSY);
	assert_int_equal(port_read(f, 0, SLTSTA, 2), PDC_DLLSC | PCI_EXP_SLTSTA_PDS);
	assert_int_equal(port_read(f, 0, LNKSTA, 2), 0x2104);
	assert_int_equal(port_read(f, 1, SLTSTA, 2), 0);

	port_write(f, 0, SLTSTA, PDC_DLLSC, 2);
	pci_unplug(f->pci, 0);
	assert_int_equal(port_read(f, 0, SLTSTA, 2), PDC_DLLSC);
	assert_int_equal(port_read(f, 0, LNKSTA, 2), 0);
	assert_int_equal(f->mock[0].resets, 0);
}

static void an_endpoint_that_is_gone_is_never_called(void **state)
{
	struct fixture *f = *state;
	struct mock before;

	set_buses(f, 0, 1, 1);
	plug(f, 0);
	assert_int_equal(f->mock[0].rid, 0x100);
	pci_unplug(f->pci, 0);
	assert_int_equal(f->mock[0].rid, PCI_RID_NONE);
	before = f->mock[0];
	assert_int_equal(pci_ecam_read(f->pci, ecam(1, 0, 0, 0), 2), 0xffff);
	pci_ecam_write(f->pci, ecam(1, 0, 0, 4), 6, 2);
	set_buses(f, 0, 2, 2);
	port_write(f, 0, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET, 2);
	assert_memory_equal(&f->mock[0], &before, sizeof(before));
	assert_int_equal(plug(f, 0), 0);
}

static void status_bits_are_cleared_by_writing_ones(void **state)
{
	struct fixture *f = *state;

	plug(f, 0);
	port_write(f, 0, SLTSTA, 0, 2);
	assert_int_equal(port_read(f, 0, SLTSTA, 2), PDC_DLLSC | PCI_EXP_SLTSTA_PDS);
	port_write(f, 0, SLTCTL, ENABLED, 2);
	assert_int_equal(port_read(f, 0, SLTSTA, 2), PDC_DLLSC | PCI_EXP_SLTSTA_PDS);
	port_write(f, 0, SLTSTA, PCI_EXP_SLTSTA_PDC, 2);
	assert_int_equal(port_read(f, 0, SLTSTA, 2),
			 PCI_EXP_SLTSTA_DLLSC | PCI_EXP_SLTSTA_PDS);
	port_write(f, 0, SLTSTA, 0xffff, 2);
	assert_int_equal(port_read(f, 0, SLTSTA, 2), PCI_EXP_SLTSTA_PDS);
	assert_int_equal(port_read(f, 0, SLTCTL, 2), ENABLED);
}

static void intx_follows_the_enabled_changes(void **state)
{
	struct fixture *f = *state;

	plug(f, 1);
	assert_int_equal(f->intx_changes, 0);
	/* Not without the interrupt enable, nor without an enabled event */
	port_write(f, 1, SLTCTL, PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_DLLSCE, 2);
	assert_false(f->intx[1]);
	port_write(f, 1, SLTCTL, PCI_EXP_SLTCTL_HPIE, 2);
	assert_false(f->intx[1]);
	port_write(f, 1, SLTCTL, PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_PDCE, 2);
	assert_true(f->intx[1]);
	port_write(f, 1, SLTSTA, PCI_EXP_SLTSTA_PDC, 2);
	assert_false(f->intx[1]);
	port_write(f, 1, SLTCTL, ENABLED, 2);
	assert_true(f->intx[1]);
	port_write(f, 1, SLTSTA, PCI_EXP_SLTSTA_DLLSC, 2);
	assert_false(f->intx[1]);

	pci_unplug(f->pci, 1);
	assert_true(f->intx[1]);
	assert_false(f->intx[0]);
	assert_false(f->intx[2]);
}

static void intx_disable_hides_the_level(void **state)
{
	struct fixture *f = *state;

	port_write(f, 0, SLTCTL, ENABLED, 2);
	port_write(f, 0, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
	plug(f, 0);
	assert_false(f->intx[0]);
	port_write(f, 0, PCI_COMMAND, 0, 2);
	assert_true(f->intx[0]);
}

static void secondary_bus_reset_resets_once_and_holds(void **state)
{
	struct fixture *f = *state;

	set_buses(f, 0, 1, 1);
	plug(f, 0);
	port_write(f, 0, SLTSTA, PDC_DLLSC, 2);
	port_write(f, 0, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET, 2);
	port_write(f, 0, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET, 2);
	assert_int_equal(f->mock[0].resets, 1);
	assert_int_equal(pci_ecam_read(f->pci, ecam(1, 0, 0, 0), 4), 0xffffffff);
	port_write(f, 0, PCI_BRIDGE_CONTROL, 0, 2);
	assert_int_equal(pci_ecam_read(f->pci, ecam(1, 0, 0, 0), 4), 0x5a);
	assert_int_equal(f->mock[0].resets, 1);
	assert_int_equal(f->mock[0].rid, 0x100);
	/* No hot-plug event: pciehp would take it for a removal */
	assert_int_equal(port_read(f, 0, SLTSTA, 2), PCI_EXP_SLTSTA_PDS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(only_as_many_slots_as_there_can_be),
		T(bus_0_has_the_bridge_and_a_port_a_slot),
		T(the_host_bridge_cannot_be_written),
		T(accesses_that_are_not_aligned_words_read_ones),
		T(bytes_of_a_register_are_written_one_by_one),
		T(a_port_has_memory_windows_and_no_io_window),
		T(a_port_is_a_hot_plug_root_port),
		T(nothing_above_its_registers_is_kept),
		T(an_endpoint_is_reached_by_its_ports_secondary_bus),
		T(bus_numbers_give_the_requester_id),
		T(a_bus_number_twice_belongs_to_the_first_port),
		T(a_plug_is_a_change_of_presence_and_link),
		T(an_endpoint_that_is_gone_is_never_called),
		T(status_bits_are_cleared_by_writing_ones),
		T(intx_follows_the_enabled_changes),
		T(intx_disable_hides_the_level),
		T(secondary_bus_reset_resets_once_and_holds),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
