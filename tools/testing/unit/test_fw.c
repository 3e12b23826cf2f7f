// SPDX-License-Identifier: GPL-2.0
/*
 * fw_r570.c on rm.c, and engine.c on both, compiled for the build host. The firmware is
 * this file: it compares what it gets with bytes that were put together by hand, from
 * offsets of 570.144, and answers sense and nonsense. Memory that is to be filled is as
 * large as it is said to be, for ASan to see what is written beyond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shim_gpu.h"

#define FN_FREE		10
#define FN_CONTROL	76
#define FN_ALLOC	103
#define CLIENT		0xc1d00001U
#define DEVICE		0xde1d0001U
#define SUBDEVICE	0x5d1d0001U
#define HANDLE		0xcaf00001U	/* the first one */
#define MAX_SENT	160
#define FB_LENGTH	(64ULL << 20)
#define BAR0_SIZE	(16ULL << 20)
#define TEXT		256		/* of an Xid */

struct answer {
	int err;		/* of rpc.c, which hands nothing out then */
	u32 status;		/* of RM */
	const void *params;	/* NULL: as they were sent */
	size_t size;
};

static struct nvg_gpu gpu;
static struct pci_dev pdev;
static u32 domain;
static struct {
	u32 fn;
	size_t len;
	u8 *bytes;
} sent[MAX_SENT];
static unsigned int nr_sent;
static struct answer answers[8], always;	/* and all that follow */
static unsigned int nr_answers, next_answer;
static int allocations;		/* that are not freed */
static int fail_after = -1;	/* allocations until one fails; -1: never */

static struct nvg_rc last_rc;
static unsigned int nr_rc, nr_faults, nr_xids;
static u32 xid, xid_chid;
static char xid_text[TEXT];

void *shim_alloc(size_t size)
{
	if (fail_after >= 0 && !fail_after--)
		return NULL;
	allocations++;
	return calloc(1, size);
}

void shim_free(void *p)
{
	allocations -= !!p;
	free(p);
}

static void put(u8 *to, u64 value, unsigned int bytes)
{
	while (bytes--) {
		*to++ = value;
		value >>= 8;
	}
}

static void put16(u8 *p, size_t at, u16 value)
{
	put(p + at, value, 2);
}

static void put32(u8 *p, size_t at, u32 value)
{
	put(p + at, value, 4);
}

static void put64(u8 *p, size_t at, u64 value)
{
	put(p + at, value, 8);
}

static u32 get32(const u8 *p, size_t at)
{
	return p[at] | p[at + 1] << 8 | p[at + 2] << 16 | (u32)p[at + 3] << 24;
}

/*
 * The firmware
 */

static void note(u32 fn, const void *payload, size_t len)
{
	assert_true(nr_sent < MAX_SENT);
	sent[nr_sent].fn = fn;
	sent[nr_sent].len = len;
	sent[nr_sent].bytes = malloc(len);
	memcpy(sent[nr_sent++].bytes, payload, len);
}

int nvg_rpc_send(struct nvg_gpu *g, u32 fn, const void *payload, size_t len)
{
	assert_ptr_equal(g, &gpu);
	note(fn, payload, len);
	return always.err;
}

/* What rpc.c promises: a reply of all that was asked for, or an errno */
int nvg_rpc_call(struct nvg_gpu *g, u32 fn, const void *payload, size_t len, void *reply,
		 size_t reply_len)
{
	const struct answer *a = next_answer < nr_answers ? &answers[next_answer++] : &always;
	size_t header = fn == FN_CONTROL ? 24 : fn == FN_ALLOC ? 32 : fn == FN_FREE ? 16 : 0;
	u8 *msg;

	assert_ptr_equal(g, &gpu);
	note(fn, payload, len);
	if (a->err)
		return a->err;
	if (a->params && header + a->size < reply_len)
		return -EPROTO;
	msg = calloc(1, max(len, reply_len));
	memcpy(msg, payload, len);
	if (header)
		put32(msg, fn == FN_ALLOC ? 16 : 12, a->status);
	if (a->params && reply_len)
		memcpy(msg + header, a->params, reply_len - header);
	if (reply_len)
		memcpy(reply, msg, reply_len);
	free(msg);
	return 0;
}

void nvg_channel_rc(struct nvg_gpu *g, const struct nvg_rc *rc)
{
	(void)g;
	last_rc = *rc;
	nr_rc++;
}

void nvg_fault_service(struct nvg_gpu *g)
{
	(void)g;
	nr_faults++;
}

void nvg_health_xid(struct nvg_gpu *g, u32 number, u32 chid, const char *text)
{
	(void)g;
	xid = number;
	xid_chid = chid;
	assert_true(strlen(text) < TEXT);
	strcpy(xid_text, text);
	nr_xids++;
}

/* Valid until the next forget() */
static void answer(const void *params, size_t size)
{
	answers[nr_answers++] = (struct answer){ .params = params, .size = size };
}

static void answer_error(int err, u32 status)
{
	answers[nr_answers++] = (struct answer){ .err = err, .status = status };
}

static void forget(void)
{
	while (nr_sent)
		free(sent[--nr_sent].bytes);
	memset(&always, 0, sizeof(always));
	nr_answers = 0;
	next_answer = 0;
}

static int setup(void **state)
{
	(void)state;
	forget();
	memset(&gpu, 0, sizeof(gpu));
	memset(&pdev, 0, sizeof(pdev));
	gpu.pdev = &pdev;
	pdev.bus = &domain;
	pdev.bar_size[0] = BAR0_SIZE;
	gpu.info.fb_length = FB_LENGTH;
	assert_int_equal(nvg_rm_init(&gpu), 0);
	forget();
	nr_rc = 0;
	nr_faults = 0;
	nr_xids = 0;
	fail_after = -1;
	allocations = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	forget();
	return allocations;
}

static void assert_sent(unsigned int i, u32 fn, const void *bytes, size_t len)
{
	assert_true(i < nr_sent);
	assert_int_equal(sent[i].fn, fn);
	assert_int_equal(sent[i].len, len);
	assert_memory_equal(sent[i].bytes, bytes, len);
}

static void assert_control(unsigned int i, u32 object, u32 cmd, const void *params, size_t size)
{
	u8 *msg = calloc(1, 24 + size);

	put32(msg, 0, CLIENT);
	put32(msg, 4, object);
	put32(msg, 8, cmd);
	put32(msg, 16, size);
	memcpy(msg + 24, params, size);
	assert_sent(i, FN_CONTROL, msg, 24 + size);
	free(msg);
}

static void assert_alloc(unsigned int i, u32 parent, u32 object, u32 class, const void *params,
			 size_t size)
{
	u8 *msg = calloc(1, 32 + size);

	put32(msg, 0, CLIENT);
	put32(msg, 4, parent);
	put32(msg, 8, object);
	put32(msg, 12, class);
	put32(msg, 20, size);
	memcpy(msg + 32, params, size);
	assert_sent(i, FN_ALLOC, msg, 32 + size);
	free(msg);
}

static void assert_free(unsigned int i, u32 object)
{
	u8 msg[16] = { 0 };

	put32(msg, 0, CLIENT);
	put32(msg, 8, object);
	assert_sent(i, FN_FREE, msg, sizeof(msg));
}

/* Bytes that are no text, without an end */
static const u8 garbage[TEXT] = { [0] = 'G', 0x80, '\n', ' ', 0x7f, '~', 0xff, 0x1b,
				  [8 ... TEXT - 1] = 'x' };

static void assert_text(const char *text, size_t size)
{
	assert_int_equal(strlen(text), size - 1);
	assert_memory_equal(text, "G?? ?~??", 8);
	assert_int_equal(text[size - 2], 'x');
}

/*
 * RM
 */

static void statuses_are_errnos_and_leave_the_parameters_alone(void **state)
{
	static const struct {
		u32 status;
		int err;
	} rows[] = {
		{ 0x1b, -EPERM }, { 0x1f, -EINVAL }, { 0x40, -EINVAL }, { 0x19, -EEXIST },
		{ 0x57, -ENOENT }, { 0x51, -ENOMEM }, { 0x63, -EBUSY }, { 0x55, -EAGAIN },
		{ 0x56, -EOPNOTSUPP }, { 0x65, -ETIMEDOUT }, { 0x01, -EIO }, { 0xffffffff, -EIO },
	};
	unsigned int i;
	u32 params;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		forget();
		always.status = rows[i].status;
		always.params = "abcd";
		always.size = 4;
		params = 7;
		assert_int_equal(nvg_rm_control(&gpu, SUBDEVICE, 1, &params, 4), rows[i].err);
		assert_int_equal(nvg_rm_alloc(&gpu, SUBDEVICE, 5, 1, &params, 4), rows[i].err);
		assert_int_equal(params, 7);
		always.params = NULL;
		assert_int_equal(nvg_rm_free(&gpu, 5), rows[i].err);
	}
	forget();
	always.err = -EIO;
	assert_int_equal(nvg_rm_control(&gpu, SUBDEVICE, 1, &params, 4), -EIO);
	assert_int_equal(nvg_rm_alloc(&gpu, SUBDEVICE, 5, 1, &params, 4), -EIO);
	assert_int_equal(nvg_rm_free(&gpu, 5), -EIO);
	assert_int_equal(params, 7);
}

static void parameters_that_no_message_holds_are_refused(void **state)
{
	u32 most = 0x100000 - 4096;
	u8 *params = calloc(1, most + 1);

	(void)state;
	assert_int_equal(nvg_rm_control(&gpu, 1, 2, params, most + 1), -E2BIG);
	assert_int_equal(nvg_rm_control(&gpu, 1, 2, params, ~0U), -E2BIG);
	assert_int_equal(nvg_rm_alloc(&gpu, 1, 2, 3, params, most + 1), -E2BIG);
	assert_int_equal(nvg_rm_alloc(&gpu, 1, 2, 3, params, ~0U), -E2BIG);
	assert_int_equal(nr_sent, 0);
	assert_int_equal(nvg_rm_control(&gpu, 1, 2, params, most), 0);
	assert_int_equal(nvg_rm_alloc(&gpu, 1, 2, 3, params, most), 0);
	assert_control(0, 1, 2, params, most);
	assert_alloc(1, 1, 2, 3, params, most);
	free(params);
}

static void client_device_and_subdevice_are_made_in_turn(void **state)
{
	u8 root[120] = { 0 }, device[56] = { 0 }, subdevice[4] = { 0 };
	unsigned int i;

	(void)state;
	assert_int_equal(nvg_rm_init(&gpu), 0);
	assert_int_equal(nr_sent, 3);
	put32(root, 0, CLIENT);
	put32(root, 4, ~0U);
	strcpy((char *)root + 8, "nvgrace-vgpu");
	put32(device, 4, CLIENT);
	assert_alloc(0, CLIENT, CLIENT, 0, root, sizeof(root));
	assert_alloc(1, CLIENT, DEVICE, 0x80, device, sizeof(device));
	assert_alloc(2, DEVICE, SUBDEVICE, 0x2080, subdevice, sizeof(subdevice));

	/* Whichever fails, the client does not stay */
	for (i = 0; i < 3; i++) {
		forget();
		while (nr_answers < i)
			answer_error(0, 0);
		answer_error(0, 0x51);
		assert_int_equal(nvg_rm_init(&gpu), -ENOMEM);
		assert_int_equal(gpu.rm.client, 0);
		assert_int_equal(nr_sent, i ? i + 2 : 1);
		gpu.rm.client = CLIENT;
		if (i)
			assert_free(i + 1, CLIENT);
	}
}

static void client_is_freed_unless_the_firmware_is_lost(void **state)
{
	(void)state;
	gpu.lost = true;
	nvg_rm_fini(&gpu);
	assert_int_equal(nr_sent, 0);
	assert_int_equal(gpu.rm.client, 0);
	gpu.lost = false;
	gpu.rm.client = CLIENT;
	nvg_rm_fini(&gpu);
	assert_free(0, CLIENT);
	nvg_rm_fini(&gpu);
	assert_int_equal(nr_sent, 1);
}

/*
 * Boot and end
 */

static void the_machine_is_told_field_by_field(void **state)
{
	u8 info[928] = { 0 };

	(void)state;
	domain = 0x12345;
	pdev = (struct pci_dev){
		.vendor = 0x10de, .device = 0x2941, .subsystem_vendor = 0x1af4,
		.subsystem_device = 0x1100, .revision = 0xa1, .bus = &domain, .id = 0x4321,
		.bar_addr = { [0] = 1ULL << 40, [2] = 2ULL << 40, [4] = 3ULL << 40 },
	};
	gpu.total_vfs = 16;
	gpu.sriov = (struct nvg_sriov){ 4, { { 5ULL << 40, 1, true }, { 6ULL << 40, 1, true },
					     { 7ULL << 30, 1, false } } };
	put64(info, 0, 1ULL << 40);
	put64(info, 8, 2ULL << 40);
	put64(info, 16, 3ULL << 40);
	put64(info, 32, 0x1234500004321ULL);
	put64(info, 72, 1ULL << 48);
	put32(info, 88, 0x294110de);
	put32(info, 92, 0x11001af4);
	put32(info, 96, 0xa1);
	put64(info, 920, 4096);
	assert_int_equal(nvg_fw_set_system_info(&gpu), 0);
	assert_sent(0, 72, info, sizeof(info));

	gpu.vgpu = true;
	put32(info, 856, 16);
	put32(info, 860, 4);
	put64(info, 864, 5ULL << 40);
	put64(info, 872, 6ULL << 40);
	put64(info, 880, 7ULL << 30);
	info[888] = 1;
	info[889] = 1;
	assert_int_equal(nvg_fw_set_system_info(&gpu), 0);
	assert_sent(1, 72, info, sizeof(info));
	always.err = -ENOSPC;
	assert_int_equal(nvg_fw_set_system_info(&gpu), -ENOSPC);
	domain = 0;
}

static void assert_registry(unsigned int i, u32 count)
{
	static const char * const keys[] = { "RMSecBusResetEnable", "RMForcePcieConfigSave",
					     "RMDevidCheckIgnore", "RMSetSriovMode" };
	size_t name = 8 + 16 * count;
	u8 want[256] = { 0 };
	u32 entry;

	put32(want, 4, count);
	for (entry = 0; entry < count; entry++) {
		put32(want, 8 + 16 * entry, name);
		want[8 + 16 * entry + 4] = 1;
		put32(want, 8 + 16 * entry + 8, 1);
		put32(want, 8 + 16 * entry + 12, 4);
		strcpy((char *)want + name, keys[entry]);
		name += strlen(keys[entry]) + 1;
	}
	put32(want, 0, name);
	assert_sent(i, 73, want, name);
}

static void settings_are_a_table_and_strings(void **state)
{
	(void)state;
	assert_int_equal(nvg_fw_set_registry(&gpu), 0);
	gpu.vgpu = true;
	assert_int_equal(nvg_fw_set_registry(&gpu), 0);
	assert_registry(0, 3);
	assert_registry(1, 4);
	always.err = -EIO;
	assert_int_equal(nvg_fw_set_registry(&gpu), -EIO);
}

static void the_end_says_whether_it_is_a_suspend(void **state)
{
	static const u8 suspend[8] = { [0] = 1, [4] = 3 }, end[8];

	(void)state;
	assert_int_equal(nvg_fw_unload(&gpu, true), 0);
	assert_int_equal(nvg_fw_unload(&gpu, false), 0);
	assert_sent(0, 47, suspend, 8);
	assert_sent(1, 47, end, 8);
	always.err = -ETIMEDOUT;
	assert_int_equal(nvg_fw_unload(&gpu, false), -ETIMEDOUT);
}

#define STATIC_INFO	1656

static void set_region(u8 *reply, unsigned int i, u64 base, u64 limit)
{
	put64(reply, 352 + 48 * i, base);
	put64(reply, 352 + 48 * i + 8, limit);
	put32(reply, 344, i + 1);
}

/* Into memory of exactly this size */
static int get_static_info(struct nvg_static_info *info, const u8 *reply, size_t size)
{
	struct nvg_static_info *exact = malloc(sizeof(*exact));
	int rc;

	memset(exact, 0xee, sizeof(*exact));
	forget();
	answer(reply, size);
	rc = nvg_fw_get_static_info(&gpu, exact);
	*info = *exact;
	free(exact);
	return rc;
}

static void static_info_is_decoded(void **state)
{
	static const u8 zeroes[STATIC_INFO];
	u8 reply[STATIC_INFO] = { 0 };
	struct nvg_static_info info;
	unsigned int i;

	(void)state;
	put64(reply, 1224, FB_LENGTH);
	strcpy((char *)reply + 1260, "NVIDIA GB100");
	for (i = 0; i < 16; i++)
		set_region(reply, i, i * 4096, i * 4096 + 4095);
	put64(reply, 352 + 48 + 16, 1);		/* the second: reserved */
	reply[352 + 2 * 48 + 30] = 1;		/* the third: protected */
	put64(reply, 352 + 3 * 48 + 16, 1ULL << 63);
	set_region(reply, 15, FB_LENGTH - 1, FB_LENGTH - 1);
	assert_int_equal(get_static_info(&info, reply, sizeof(reply)), 0);
	assert_sent(0, 65, zeroes, STATIC_INFO);
	assert_string_equal(info.name, "NVIDIA GB100");
	assert_true(info.fb_length == FB_LENGTH);
	assert_int_equal(info.nr_regions, 16);
	for (i = 0; i < 15; i++) {
		assert_true(info.region[i].start == i * 4096);
		assert_true(info.region[i].end == i * 4096 + 4096);
		assert_int_equal(info.region[i].usable, !i || i > 3);
	}
	assert_true(info.region[15].start == FB_LENGTH - 1);
	assert_true(info.region[15].end == FB_LENGTH);

	/* Without regions; behind the reply may be anything */
	put32(reply, 344, 0);
	assert_int_equal(get_static_info(&info, reply, sizeof(reply)), 0);
	assert_int_equal(info.nr_regions, 0);
	memcpy(reply + 1260, garbage, 64);
	assert_int_equal(get_static_info(&info, reply, sizeof(reply)), 0);
	assert_text(info.name, 64);
}

static void impossible_static_info_is_refused(void **state)
{
	static const struct {
		u64 fb_length, base, limit;
	} rows[] = {
		{ 0, 0, 0 },
		{ FB_LENGTH, 1, 0 },
		{ FB_LENGTH, 0, FB_LENGTH },
		{ FB_LENGTH, FB_LENGTH, FB_LENGTH },
		{ FB_LENGTH, 0, ~0ULL },
		{ FB_LENGTH, ~0ULL, ~0ULL },
		{ ~0ULL, 0, ~0ULL },	/* its end would be 0 */
		{ FB_LENGTH, ~0ULL, 0 },
	};
	struct nvg_static_info info;
	u8 reply[STATIC_INFO];
	unsigned int i, at;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
		at = i & 1 ? 15 : 0;
		memset(reply, 0, sizeof(reply));
		put64(reply, 1224, rows[i / 2].fb_length);
		set_region(reply, at, rows[i / 2].base, rows[i / 2].limit);
		assert_int_equal(get_static_info(&info, reply, sizeof(reply)), -EPROTO);
		assert_int_equal(info.nr_regions, 0);
	}
	memset(reply, 0, sizeof(reply));
	put64(reply, 1224, FB_LENGTH);
	put32(reply, 344, 17);
	assert_int_equal(get_static_info(&info, reply, sizeof(reply)), -EPROTO);
	put32(reply, 344, ~0U);
	assert_int_equal(get_static_info(&info, reply, sizeof(reply)), -EPROTO);
	assert_int_equal(info.nr_regions, 0);
	put32(reply, 344, 0);
	assert_int_equal(get_static_info(&info, reply, sizeof(reply) - 1), -EPROTO);
	assert_int_equal(get_static_info(&info, reply, 0), -EPROTO);
	forget();
	always.err = -EOPNOTSUPP;
	assert_int_equal(nvg_fw_get_static_info(&gpu, &info), -EOPNOTSUPP);
}

/*
 * What the GPU has
 */

#define DEVICE_TABLE	3212

static void set_row(u8 *table, unsigned int i, u32 type, u32 runlist)
{
	u8 *row = table + 12 + 100 * i;

	put32(row, 2 * 4, type);
	put32(row, 3 * 4, runlist);
	put32(row, 4 * 4, 0x20 + runlist);	/* fault id */
	put32(row, 8 * 4, 15 + runlist);	/* MC */
	put32(row, 11 * 4, 0x10000 * (runlist + 1));
	put32(row, 12 * 4, 1);
	put32(row, 14 * 4, 0x800000 + 0x2000 * runlist);
	put32(row, 72, 0x40 + runlist);		/* of its PBDMA */
	sprintf((char *)row + 84, "CE%u", runlist);
	put32(table, 4, i + 1);
}

static void device_table_comes_in_parts(void **state)
{
	u8 first[DEVICE_TABLE] = { 0 }, second[DEVICE_TABLE] = { 0 }, want[DEVICE_TABLE] = { 0 };
	struct nvg_engine_info *e = malloc(35 * sizeof(*e));
	char name[16];
	u32 i;

	(void)state;
	for (i = 0; i < 32; i++)
		set_row(first, i, 0x100 + i, i);
	for (i = 32; i < 35; i++)
		set_row(second, i - 32, 0x100 + i, i);
	first[8] = 0x80;
	put32(second + 12, 12 * 4, 0);
	memcpy(second + 12 + 100 + 84, garbage, 16);
	answer(first, sizeof(first));
	answer(second, sizeof(second));
	assert_int_equal(nvg_fw_device_info(&gpu, e, 35), 35);
	assert_int_equal(nr_sent, 2);
	assert_control(0, SUBDEVICE, 0x20801112, want, sizeof(want));
	put32(want, 0, 32);
	assert_control(1, SUBDEVICE, 0x20801112, want, sizeof(want));
	for (i = 0; i < 35; i++) {
		sprintf(name, "CE%u", i);
		if (i == 33)
			assert_text(e[i].name, sizeof(name));
		else
			assert_string_equal(e[i].name, name);
		assert_int_equal(e[i].rm_type, 0x100 + i);
		assert_int_equal(e[i].runlist, i);
		assert_int_equal(e[i].fault_id, 0x20 + i);
		assert_int_equal(e[i].pbdma_fault_id, 0x40 + i);
		assert_int_equal(e[i].mc, 15 + i);
		assert_int_equal(e[i].runlist_base, 0x10000 * (i + 1));
		assert_int_equal(e[i].chram_base, 0x800000 + 0x2000 * i);
		assert_int_equal(e[i].host_driven, i != 32);
	}
	/* One row less, and room for none */
	forget();
	free(e);
	e = malloc(34 * sizeof(*e));
	answer(first, sizeof(first));
	answer(second, sizeof(second));
	assert_int_equal(nvg_fw_device_info(&gpu, e, 34), -ENOSPC);
	forget();
	answer(first, sizeof(first));
	assert_int_equal(nvg_fw_device_info(&gpu, NULL, 0), -ENOSPC);
	free(e);
}

static void impossible_device_table_is_refused(void **state)
{
	struct nvg_engine_info *e = malloc(128 * sizeof(*e));
	u8 table[DEVICE_TABLE] = { 0 };

	(void)state;
	answer(table, sizeof(table));
	assert_int_equal(nvg_fw_device_info(&gpu, e, 128), 0);
	always.params = table;
	always.size = sizeof(table);
	put32(table, 4, 33);
	assert_int_equal(nvg_fw_device_info(&gpu, e, 128), -EPROTO);
	put32(table, 4, ~0U);
	assert_int_equal(nvg_fw_device_info(&gpu, e, 128), -EPROTO);
	put32(table, 4, 0);
	table[8] = 1;
	assert_int_equal(nvg_fw_device_info(&gpu, e, 128), -EPROTO);
	always.size--;
	assert_int_equal(nvg_fw_device_info(&gpu, e, 128), -EPROTO);

	/* It never ends */
	forget();
	always.params = table;
	always.size = sizeof(table);
	put32(table, 4, 1);
	assert_int_equal(nvg_fw_device_info(&gpu, e, 128), -ENOSPC);
	assert_int_equal(nr_sent, 129);
	forget();
	answer(table, sizeof(table));
	answer_error(0, 0x65);
	assert_int_equal(nvg_fw_device_info(&gpu, e, 128), -ETIMEDOUT);
	free(e);
}

#define INTR_TABLE	2068

static void set_intr(u8 *table, unsigned int i, u16 mc, u32 stall, u32 nonstall)
{
	put16(table, 4 + 16 * i, mc);
	put32(table, 4 + 16 * i + 8, stall);
	put32(table, 4 + 16 * i + 12, nonstall);
	put32(table, 0, i + 1);
}

static void interrupt_table_is_decoded(void **state)
{
	struct nvg_intr_info *intrs = malloc(128 * sizeof(*intrs));
	u8 table[INTR_TABLE] = { 0 }, zeroes[INTR_TABLE] = { 0 };
	u32 i;

	(void)state;
	for (i = 0; i < 128; i++)
		set_intr(table, i, 0xff00 + i, 0x10000 + i, ~i);
	answer(table, sizeof(table));
	assert_int_equal(nvg_fw_intr_table(&gpu, intrs, 128), 128);
	assert_control(0, SUBDEVICE, 0x20800a5c, zeroes, sizeof(zeroes));
	for (i = 0; i < 128; i++) {
		assert_int_equal(intrs[i].mc, 0xff00 + i);
		assert_int_equal(intrs[i].stall, 0x10000 + i);
		assert_int_equal(intrs[i].nonstall, ~i);
	}
	answer(zeroes, sizeof(zeroes));
	assert_int_equal(nvg_fw_intr_table(&gpu, intrs, 128), 0);
	free(intrs);
}

static void impossible_interrupt_table_is_refused(void **state)
{
	struct nvg_intr_info *intrs = malloc(128 * sizeof(*intrs)), *few = malloc(3 * sizeof(*few));
	u8 table[INTR_TABLE] = { 0 };

	(void)state;
	always.params = table;
	always.size = sizeof(table);
	put32(table, 0, 129);
	assert_int_equal(nvg_fw_intr_table(&gpu, intrs, 1000), -EPROTO);
	put32(table, 0, ~0U);
	assert_int_equal(nvg_fw_intr_table(&gpu, intrs, ~0U), -EPROTO);
	put32(table, 0, 4);
	assert_int_equal(nvg_fw_intr_table(&gpu, few, 3), -ENOSPC);
	put32(table, 0, 3);
	assert_int_equal(nvg_fw_intr_table(&gpu, few, 3), 3);
	always.size--;
	assert_int_equal(nvg_fw_intr_table(&gpu, few, 3), -EPROTO);
	always.status = 0x56;
	always.size++;
	assert_int_equal(nvg_fw_intr_table(&gpu, few, 3), -EOPNOTSUPP);
	free(intrs);
	free(few);
}

static void numbers_are_handed_on(void **state)
{
	static const u8 reply[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, zeroes[8];
	const struct nvg_fw_channel chan = { .handle = 0x77 };
	static const u8 runlist[8] = { 9 };
	u32 size, count, token;
	u64 segment;

	(void)state;
	always.params = reply;
	always.size = 8;
	assert_int_equal(nvg_fw_vmmu_segment_size(&gpu, &segment), 0);
	assert_int_equal(nvg_fw_method_buffer_size(&gpu, &size), 0);
	assert_int_equal(nvg_fw_num_channels(&gpu, 9, &count), 0);
	assert_int_equal(nvg_fw_channel_token(&gpu, &chan, &token), 0);
	assert_true(segment == 0x0807060504030201ULL);
	assert_int_equal(size, 0x04030201);
	assert_int_equal(count, 0x08070605);
	assert_int_equal(token, 0x04030201);
	assert_control(0, SUBDEVICE, 0x2080017e, zeroes, 8);
	assert_control(1, SUBDEVICE, 0x20802a08, zeroes, 4);
	assert_control(2, SUBDEVICE, 0x20800a61, runlist, 8);
	assert_control(3, 0x77, 0xc36f0108, zeroes, 4);

	/* Of a failure nothing is left */
	always.status = 0x1f;
	assert_int_equal(nvg_fw_vmmu_segment_size(&gpu, &segment), -EINVAL);
	assert_int_equal(nvg_fw_method_buffer_size(&gpu, &size), -EINVAL);
	assert_int_equal(nvg_fw_num_channels(&gpu, 9, &count), -EINVAL);
	assert_int_equal(nvg_fw_channel_token(&gpu, &chan, &token), -EINVAL);
	always.status = 0;
	always.size = 3;
	assert_int_equal(nvg_fw_vmmu_segment_size(&gpu, &segment), -EPROTO);
	assert_int_equal(nvg_fw_method_buffer_size(&gpu, &size), -EPROTO);
	assert_int_equal(nvg_fw_num_channels(&gpu, 9, &count), -EPROTO);
	assert_int_equal(nvg_fw_channel_token(&gpu, &chan, &token), -EPROTO);
	assert_true(segment == 0x0807060504030201ULL);
	assert_int_equal(size, 0x04030201);
	assert_int_equal(count, 0x08070605);
	assert_int_equal(token, 0x04030201);
}

static void runlist_without_channels_is_refused(void **state)
{
	static const u8 zeroes[8];
	u32 count = 5;

	(void)state;
	always.params = zeroes;
	always.size = 8;
	assert_int_equal(nvg_fw_num_channels(&gpu, 9, &count), -EPROTO);
	assert_int_equal(count, 5);
}

static void capabilities_of_copy_engines_are_decoded(void **state)
{
	struct nvg_ce_caps *caps = malloc(sizeof(*caps));
	u8 reply[136], zeroes[136] = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 128; i++)
		reply[i] = i;
	put64(reply, 128, 0xfedcba9876543210ULL);
	answer(reply, sizeof(reply));
	assert_int_equal(nvg_fw_ce_caps(&gpu, caps), 0);
	assert_control(0, SUBDEVICE, 0x20802a0a, zeroes, sizeof(zeroes));
	assert_true(caps->present == 0xfedcba9876543210ULL);
	for (i = 0; i < NVG_MAX_CES; i++)
		assert_int_equal(caps->caps[i], 2 * i | (2 * i + 1) << 8);
	answer(reply, sizeof(reply) - 1);
	assert_int_equal(nvg_fw_ce_caps(&gpu, caps), -EPROTO);
	free(caps);
}

static void egm_has_a_peer_that_a_page_table_entry_can_name(void **state)
{
	static const struct {
		u32 data;
		int rc;
		bool present;
	} rows[] = {
		{ 0, 0, false }, { 1, 0, true }, { 0xf, 0, true }, { 0x11, -EPROTO },
		{ 0x10, 0, false }, { 0x80000001, -EPROTO }, { ~0U, -EPROTO }, { ~1U, 0, false },
	};
	u8 want[524] = { 0 }, reply[524], config[4] = { 7 };
	unsigned int i;
	bool present;
	u32 peer;

	(void)state;
	put32(want, 0, 1);
	put32(want, 4, 0x3a);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		forget();
		memcpy(reply, want, sizeof(reply));
		put32(reply, 8, rows[i].data);
		answer(reply, sizeof(reply));
		assert_int_equal(nvg_fw_egm(&gpu, &present, &peer), rows[i].rc);
		assert_control(0, SUBDEVICE, 0x20800102, want, sizeof(want));
		if (rows[i].rc)
			continue;
		assert_int_equal(present, rows[i].present);
		assert_int_equal(peer, rows[i].data >> 1);
	}
	forget();
	always.status = 0x56;
	assert_int_equal(nvg_fw_egm(&gpu, &present, &peer), -EOPNOTSUPP);
	forget();
	assert_int_equal(nvg_fw_set_egm_peer(&gpu, 7), 0);
	assert_control(0, SUBDEVICE, 0x20800a8d, config, 4);
}

#define OFFLINED	1040

static void set_page(u8 *list, unsigned int i, u64 page)
{
	put64(list, 16 * i, page);
	put32(list, 1024, i + 1);
}

static void offlined_pages_come_in_parts(void **state)
{
	u8 first[OFFLINED] = { 0 }, second[OFFLINED] = { 0 }, want[OFFLINED] = { 0 };
	u64 *addr = malloc(66 * sizeof(*addr));
	unsigned int i;

	(void)state;
	for (i = 0; i < 64; i++)
		set_page(first, i, i * 3);
	first[1032] = 1;
	set_page(second, 0, FB_LENGTH / 4096 - 1);
	set_page(second, 1, 0);			/* twice */
	answer(first, sizeof(first));
	answer(second, sizeof(second));
	assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 66), 66);
	assert_control(0, SUBDEVICE, 0x20801348, want, sizeof(want));
	put32(want, 1028, 64);
	assert_control(1, SUBDEVICE, 0x20801348, want, sizeof(want));
	for (i = 0; i < 64; i++)
		assert_true(addr[i] == i * 3 * 4096);
	assert_true(addr[64] == FB_LENGTH - 4096);
	assert_true(addr[65] == 0);
	forget();
	free(addr);
	addr = malloc(65 * sizeof(*addr));
	answer(first, sizeof(first));
	answer(second, sizeof(second));
	assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 65), -ENOSPC);
	free(addr);
}

static void impossible_offlined_pages_are_refused(void **state)
{
	static const u64 pages[] = { FB_LENGTH / 4096, 1ULL << 52, 1ULL << 63, ~0ULL };
	u64 *addr = malloc(100 * sizeof(*addr));
	u8 list[OFFLINED] = { 0 };
	unsigned int i;

	(void)state;
	answer(list, sizeof(list));
	assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 100), 0);
	always.params = list;
	always.size = sizeof(list);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		set_page(list, 0, pages[i]);
		assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 100), -EPROTO);
	}
	set_page(list, 0, 0);
	put32(list, 1024, 65);
	assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 100), -EPROTO);
	put32(list, 1024, ~0U);
	assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 100), -EPROTO);
	put32(list, 1024, 0);
	list[1032] = 1;
	assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 100), -EPROTO);
	always.size--;
	assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 100), -EPROTO);

	/* It never ends */
	forget();
	always.params = list;
	always.size = sizeof(list);
	put32(list, 1024, 1);
	assert_int_equal(nvg_fw_offlined_pages(&gpu, addr, 100), -ENOSPC);
	assert_int_equal(nr_sent, 101);
	free(addr);
}

/*
 * Memory and channels
 */

static void aperture_is_told_its_root(void **state)
{
	u8 want[24] = { 0 };

	(void)state;
	put64(want, 8, 0x123456789abcdefULL);
	put64(want, 16, 56);
	assert_int_equal(nvg_fw_update_bar1(&gpu, 0x123456789abcdefULL), 0);
	assert_sent(0, 70, want, sizeof(want));
}

static void address_space_says_what_is_to_be_freed(void **state)
{
	u8 params[48] = { 0 }, directory[32] = { 0 };
	u32 handle = 1;

	(void)state;
	params[4] = 8;
	put64(directory, 0, 0xabcdef000ULL);
	put32(directory, 8, 2);
	put32(directory, 12, 1);
	put32(directory, 16, HANDLE);
	assert_int_equal(nvg_fw_vaspace_alloc(&gpu, &handle, 0xabcdef000ULL), 0);
	assert_int_equal(handle, HANDLE);
	assert_alloc(0, DEVICE, HANDLE, 0x90f1, params, sizeof(params));
	assert_control(1, DEVICE, 0x801813, directory, sizeof(directory));

	forget();
	answer_error(0, 0x51);
	assert_int_equal(nvg_fw_vaspace_alloc(&gpu, &handle, 0), -ENOMEM);
	assert_int_equal(handle, 0);
	forget();
	answer_error(0, 0);
	answer_error(0, 0x1e);
	assert_int_equal(nvg_fw_vaspace_alloc(&gpu, &handle, 0), -EINVAL);
	assert_int_equal(handle, HANDLE + 2);
}

static void put_memory(u8 *p, size_t at, u64 addr, u64 size, bool sysmem)
{
	put64(p, at, addr);
	put64(p, at + 8, size);
	put32(p, at + 16, sysmem ? 1 : 2);
	put32(p, at + 20, !sysmem);
}

static const struct nvg_fw_channel a_channel = {
	.chid = 0x123, .engine_type = 0x3d, .vaspace = 0x99, .gpfifo = 1ULL << 50, .entries = 512,
	.inst = { 0x1000, 0x1000, false }, .userd = { 0x2000, 0x200, true },
	.method_buffer = { 0x4000, 0x5000, true },
};

static void channel_has_its_group_and_its_engine(void **state)
{
	u8 group[20] = { 0 }, params[368] = { 0 }, bind[4] = { 0x3d }, copy[8] = { 1, [4] = 0x3d };
	struct nvg_fw_channel chan = a_channel;

	(void)state;
	put32(group, 8, 0x99);
	put32(group, 12, 0x3d);
	put64(params, 8, 1ULL << 50);
	put32(params, 16, 512);
	put32(params, 20, 0x20);
	put32(params, 28, 0x99);
	put32(params, 128, 0x3d);
	put32(params, 132, 0x123);
	put_memory(params, 144, 0x1000, 0x1000, false);
	put_memory(params, 168, 0x2000, 0x200, true);
	put_memory(params, 192, 0x1000, 512, false);
	put_memory(params, 216, 0x4000, 0x5000, true);
	put32(params, 244, 0x15);
	assert_int_equal(nvg_fw_channel_alloc(&gpu, &chan), 0);
	assert_int_equal(chan.tsg, HANDLE);
	assert_int_equal(chan.handle, HANDLE + 1);
	assert_alloc(0, DEVICE, HANDLE, 0xa06c, group, sizeof(group));
	assert_alloc(1, HANDLE, HANDLE + 1, 0xc96f, params, sizeof(params));
	assert_control(2, HANDLE + 1, 0xa06f0104, bind, sizeof(bind));
	assert_int_equal(nvg_fw_channel_object(&gpu, &chan, NVG_CLASS_COPY), 0);
	assert_alloc(3, HANDLE + 1, HANDLE + 2, 0xc9b5, copy, sizeof(copy));

	forget();
	chan.notifier = (struct nvg_mem_desc){ 0xa000, 16, true };
	put_memory(params, 248, 0xa000, 16, true);
	put32(params, 244, 0x1d);
	assert_int_equal(nvg_fw_channel_alloc(&gpu, &chan), 0);
	assert_alloc(1, HANDLE + 3, HANDLE + 4, 0xc96f, params, sizeof(params));
}

static void channel_that_fails_says_whether_its_group_is_there(void **state)
{
	struct nvg_fw_channel chan = a_channel;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		forget();
		while (nr_answers < i)
			answer_error(0, 0);
		answer_error(0, 0x1a);
		chan.tsg = 5;
		assert_int_equal(nvg_fw_channel_alloc(&gpu, &chan), -ENOMEM);
		assert_int_equal(nr_sent, i + 1);
		assert_int_equal(chan.tsg, i ? get32(sent[0].bytes, 8) : 0);
	}
}

static void channel_is_scheduled_and_preempted(void **state)
{
	u8 on[2] = { 1 }, off[2] = { 0 }, preempt[8] = { 1, 1 };
	const struct nvg_fw_channel chan = { .handle = 0x77, .tsg = 0x78 };

	(void)state;
	assert_int_equal(nvg_fw_channel_schedule(&gpu, &chan, true), 0);
	assert_int_equal(nvg_fw_channel_schedule(&gpu, &chan, false), 0);
	assert_control(0, 0x77, 0xa06f0103, on, sizeof(on));
	assert_control(1, 0x77, 0xa06f0103, off, sizeof(off));
	assert_int_equal(nvg_fw_channel_preempt(&gpu, &chan, 100000), 0);
	assert_int_equal(nvg_fw_channel_preempt(&gpu, &chan, 1000001), 0);
	put32(preempt, 4, 100000);
	assert_control(2, 0x78, 0xa06c0105, preempt, sizeof(preempt));
	put32(preempt, 4, 1000000);
	assert_control(3, 0x78, 0xa06c0105, preempt, sizeof(preempt));
	always.status = 0x65;
	assert_int_equal(nvg_fw_channel_preempt(&gpu, &chan, 1), -ETIMEDOUT);
}

/*
 * Without memory
 */

static u8 for_all[4096];	/* zeroes: nothing, of everything */

static int all_requests(void)
{
	struct nvg_fw_channel chan = a_channel;
	struct nvg_engine_info engine;
	struct nvg_static_info info;
	struct nvg_intr_info intr;
	struct nvg_ce_caps caps;
	u64 addr, segment;
	u32 handle, number;
	bool present;
	int rc;

#define TRY(call) do { rc = (call); if (rc) return rc; } while (0)
	TRY(nvg_fw_set_system_info(&gpu));
	TRY(nvg_fw_set_registry(&gpu));
	TRY(nvg_fw_get_static_info(&gpu, &info));
	TRY(nvg_fw_root_alloc(&gpu));
	TRY(nvg_fw_device_info(&gpu, &engine, 1));
	TRY(nvg_fw_intr_table(&gpu, &intr, 1));
	TRY(nvg_fw_vmmu_segment_size(&gpu, &segment));
	TRY(nvg_fw_ce_caps(&gpu, &caps));
	TRY(nvg_fw_method_buffer_size(&gpu, &number));
	TRY(nvg_fw_egm(&gpu, &present, &number));
	TRY(nvg_fw_set_egm_peer(&gpu, 7));
	TRY(nvg_fw_offlined_pages(&gpu, &addr, 1));
	TRY(nvg_fw_vaspace_alloc(&gpu, &handle, 0));
	TRY(nvg_fw_channel_alloc(&gpu, &chan));
	TRY(nvg_fw_channel_object(&gpu, &chan, NVG_CLASS_COPY));
	TRY(nvg_fw_channel_schedule(&gpu, &chan, true));
	TRY(nvg_fw_channel_token(&gpu, &chan, &number));
	TRY(nvg_fw_channel_preempt(&gpu, &chan, 1));
#undef TRY
	return 0;
}

static void each_request_can_lack_memory(void **state)
{
	int i, rc = -ENOMEM;

	(void)state;
	for (i = 0; rc; i++) {
		forget();
		always.params = for_all;
		always.size = sizeof(for_all);
		assert_true(i < 100);
		fail_after = i;
		rc = all_requests();
		fail_after = -1;
		assert_int_equal(allocations, 0);
		assert_true(!rc || rc == -ENOMEM);
	}
	assert_true(i > 25);
}

/*
 * Events
 */

/* With nothing behind the payload */
static void send_event(u32 fn, const u8 *payload, size_t len)
{
	u8 *exact = malloc(len);

	memcpy(exact, payload, len);
	nvg_fw_event(&gpu, fn, exact, len);
	free(exact);
}

static void ended_channel_is_decoded(void **state)
{
	u8 payload[48] = { 0 };

	(void)state;
	put32(payload, 0, 0x3d);
	put32(payload, 4, 0x123);
	put32(payload, 8, 5);
	put32(payload, 16, 31);
	put32(payload, 28, 0x89abcdef);
	put32(payload, 32, 0x81234567);
	put32(payload, 36, 3);
	send_event(0x1004, payload, sizeof(payload));
	assert_int_equal(nr_rc, 1);
	assert_int_equal(last_rc.engine_type, 0x3d);
	assert_int_equal(last_rc.chid, 0x123);
	assert_int_equal(last_rc.gfid, 5);
	assert_int_equal(last_rc.type, 31);
	assert_true(last_rc.fault_addr == 0x8123456789abcdefULL);
	assert_int_equal(last_rc.fault_type, 3);
}

static void xid_is_decoded_and_is_text(void **state)
{
	u8 payload[272] = { 0 };

	(void)state;
	put32(payload, 0, 63);
	put32(payload, 4, 0xaaaa);
	put32(payload, 8, 0x123);
	strcpy((char *)payload + 12, "Row remapper");
	put32(payload, 268, 0xbbbb);
	send_event(0x1006, payload, sizeof(payload));
	assert_int_equal(nr_xids, 1);
	assert_int_equal(xid, 63);
	assert_int_equal(xid_chid, 0x123);
	assert_string_equal(xid_text, "Row remapper");
	memcpy(payload + 12, garbage, TEXT);
	send_event(0x1006, payload, sizeof(payload));
	assert_text(xid_text, TEXT);
}

static void event_that_is_too_short_is_passed_over(void **state)
{
	static const u8 payload[4096] = { 1 };
	size_t len;

	(void)state;
	for (len = 0; len <= 300; len++) {
		send_event(0x1004, payload, len);
		assert_int_equal(nr_rc, len < 48 ? 0 : len - 47);
		send_event(0x1005, payload, len);
		assert_int_equal(nr_faults, len + 1);
		send_event(0x1006, payload, len);
		assert_int_equal(nr_xids, len < 272 ? 0 : len - 271);
	}
	send_event(0x1004, payload, sizeof(payload));
	send_event(0x1006, payload, sizeof(payload));
	assert_int_equal(nr_rc, 300 - 47 + 1);
	assert_int_equal(nr_xids, 300 - 271 + 1);
}

static void event_that_nobody_knows_is_passed_over(void **state)
{
	static const u32 fns[] = { 0, 65, 76, 0x1000, 0x1001, 0x1002, 0x1003, 0x1007, 0x1008,
				   0x100c, 0x100d, 0x1010, 0x1fff, 0x10001004, ~0U };
	static const u8 payload[300];
	unsigned int i;
	size_t len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fns); i++)
		for (len = 0; len <= sizeof(payload); len++)
			send_event(fns[i], payload, len);
	assert_int_equal(nr_rc + nr_faults + nr_xids + nr_sent, 0);
}

/*
 * Engines
 */

static u8 devices[DEVICE_TABLE], caps[136], intrs[INTR_TABLE];

/* @nr copy engines with all that they need */
static void good_engines(unsigned int nr)
{
	unsigned int i;

	memset(devices, 0, sizeof(devices));
	memset(caps, 0, sizeof(caps));
	memset(intrs, 0, sizeof(intrs));
	for (i = 0; i < nr; i++) {
		set_row(devices, i, nvg_engine_copy(i), i);
		caps[2 * i] = 0x20;
		caps[2 * i + 1] = 0x40;
		set_intr(intrs, i, 15 + i, ~0U, 64 + i);
	}
	put64(caps, 128, (1ULL << nr) - 1);
	set_intr(intrs, nr, 61, 300, 301);
}

static int find_engines(void)
{
	forget();
	answer(devices, sizeof(devices));
	answer(caps, sizeof(caps));
	answer(intrs, sizeof(intrs));
	return nvg_engines_init(&gpu);
}

static void put_device(unsigned int i, unsigned int word, u32 value)
{
	put32(devices, 12 + 100 * i + 4 * word, value);
}

static void engines_are_sorted_and_have_their_vectors(void **state)
{
	const struct nvg_engine *e = gpu.engines.e;
	char name[8];
	u32 i;

	(void)state;
	good_engines(20);
	set_row(devices, 0, nvg_engine_copy(19), 0);
	set_row(devices, 19, nvg_engine_copy(0), 19);
	set_row(devices, 20, 0x1, 30);		/* graphics */
	set_row(devices, 21, 0x3e, 31);		/* behind the last copy engine */
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.nr, 20);
	for (i = 0; i < 20; i++) {
		sprintf(name, "ce%u", i);
		assert_string_equal(e[i].name, name);
		assert_int_equal(e[i].instance, i);
		assert_int_equal(e[i].info.runlist, i == 0 ? 19 : i == 19 ? 0 : i);
		assert_int_equal(e[i].nonstall, 64 + e[i].info.runlist);
	}
	assert_int_equal(gpu.engines.fault_vector, 300);
}

static void rows_that_cannot_be_are_left_out(void **state)
{
	static const struct {
		unsigned int word;
		u32 value;
		unsigned int left;	/* of two engines */
	} rows[] = {
		{ 3, 0x7e, 2 }, { 3, 0x7f, 1 }, { 3, ~0U, 1 },			/* runlist */
		{ 4, 511, 2 }, { 4, 512, 1 }, { 4, ~0U, 1 },			/* fault id */
		{ 18, 511, 2 }, { 18, 512, 1 }, { 18, ~0U, 1 },			/* of its PBDMA */
		{ 11, BAR0_SIZE - 0x1000, 2 }, { 11, BAR0_SIZE - 0xffc, 1 },	/* registers */
		{ 11, 0x10002, 1 }, { 11, ~3U, 1 }, { 11, BAR0_SIZE, 1 },
		{ 14, BAR0_SIZE - 0x2000, 2 }, { 14, BAR0_SIZE - 0x1ffc, 1 },	/* CHRAM */
		{ 14, 0x800001, 1 }, { 14, ~3U, 1 },
		{ 2, 0x9, 1 }, { 2, 0x8, 1 }, { 2, ~0U, 1 },		/* type: another's, no CE */
		{ 3, 0, 1 },						/* another's runlist */
		{ 12, 0, 1 }, { 12, 0x80000000, 2 },			/* driven by host */
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		good_engines(2);
		put_device(1, rows[i].word, rows[i].value);
		assert_int_equal(find_engines(), 0);
		if (gpu.engines.nr != rows[i].left)
			print_error("word %u: %#x\n", rows[i].word, rows[i].value);
		assert_int_equal(gpu.engines.nr, rows[i].left);
		assert_int_equal(gpu.engines.e[0].instance, 0);
	}
	good_engines(1);
	pdev.bar_size[0] = 0x800;	/* less than a runlist's registers */
	assert_int_equal(find_engines(), -ENODEV);
}

static void more_engines_than_there_can_be_are_left_out(void **state)
{
	unsigned int i;

	(void)state;
	good_engines(20);
	for (i = 20; i < 32; i++)
		set_row(devices, i, nvg_engine_copy(i - 20), i);
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.nr, 20);
	for (i = 0; i < 20; i++)
		assert_int_equal(gpu.engines.e[i].info.runlist, i);
}

static void engines_without_their_capabilities_are_left_out(void **state)
{
	(void)state;
	good_engines(4);
	caps[2] = 0;			/* ce1: no system memory */
	caps[5] = 0;			/* ce2: no scrubbing */
	put64(caps, 128, 0x7);		/* ce3: is not there */
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.nr, 1);
	assert_int_equal(gpu.engines.e[0].instance, 0);
	put64(caps, 128, ~0x1ULL);
	caps[2 * 3] = 0xff;
	caps[2 * 3 + 1] = 0xff;
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.nr, 1);
	assert_int_equal(gpu.engines.e[0].instance, 3);
	assert_int_equal(gpu.engines.e[0].nonstall, 64 + 3);
	put64(caps, 128, 0);
	assert_int_equal(find_engines(), -ENODEV);
}

static void vectors_that_do_not_exist_are_none(void **state)
{
	(void)state;
	good_engines(2);
	set_intr(intrs, 0, 15, ~0U, NVG_INTR_VECTORS);
	set_intr(intrs, 1, 16, ~0U, NVG_INTR_VECTORS - 1);
	set_intr(intrs, 2, 61, 0x80000000, 5);
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.e[0].nonstall, NVG_NO_VECTOR);
	assert_int_equal(gpu.engines.e[1].nonstall, NVG_INTR_VECTORS - 1);
	assert_int_equal(gpu.engines.fault_vector, 5);
	put32(intrs, 0, 0);
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.e[1].nonstall, NVG_NO_VECTOR);
	assert_int_equal(gpu.engines.fault_vector, NVG_NO_VECTOR);
}

static void vector_has_one_owner(void **state)
{
	(void)state;
	good_engines(4);
	set_intr(intrs, 0, 15, ~0U, 155);	/* GSP's */
	set_intr(intrs, 1, 16, ~0U, 300);	/* of faults */
	set_intr(intrs, 3, 18, ~0U, 66);	/* of ce2 */
	set_intr(intrs, 4, 61, 300, 301);
	set_intr(intrs, 5, 17, ~0U, 70);	/* the second row of ce2 */
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.nr, 4);
	assert_int_equal(gpu.engines.fault_vector, 300);
	assert_int_equal(gpu.engines.e[0].nonstall, NVG_NO_VECTOR);
	assert_int_equal(gpu.engines.e[1].nonstall, NVG_NO_VECTOR);
	assert_int_equal(gpu.engines.e[2].nonstall, 66);
	assert_int_equal(gpu.engines.e[3].nonstall, NVG_NO_VECTOR);

	/* Two engines of one unit, and faults where GSP is */
	put_device(1, 8, 15);
	set_intr(intrs, 0, 15, ~0U, 64);
	set_intr(intrs, 4, 61, 155, 155);
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.e[0].nonstall, 64);
	assert_int_equal(gpu.engines.e[1].nonstall, NVG_NO_VECTOR);
	assert_int_equal(gpu.engines.fault_vector, NVG_NO_VECTOR);
	set_intr(intrs, 4, 61, 155, 301);
	assert_int_equal(find_engines(), 0);
	assert_int_equal(gpu.engines.fault_vector, 301);
}

static void engines_pass_on_what_the_firmware_refuses(void **state)
{
	unsigned int i;

	(void)state;
	good_engines(2);
	for (i = 0; i < 3; i++) {
		forget();
		answer(devices, sizeof(devices));
		answer(caps, sizeof(caps));
		answer(intrs, sizeof(intrs));
		answers[i].status = 0x65;
		assert_int_equal(nvg_engines_init(&gpu), -ETIMEDOUT);
		assert_int_equal(nr_sent, i + 1);
	}
	put32(intrs, 0, 129);
	assert_int_equal(find_engines(), -EPROTO);
	put32(devices, 4, 33);
	assert_int_equal(find_engines(), -EPROTO);
}

static void fault_ids_find_their_engine(void **state)
{
	bool host;

	(void)state;
	good_engines(3);
	assert_int_equal(find_engines(), 0);
	assert_ptr_equal(nvg_engine_by_fault_id(&gpu, 0x21, &host), &gpu.engines.e[1]);
	assert_false(host);
	assert_ptr_equal(nvg_engine_by_fault_id(&gpu, 0x42, &host), &gpu.engines.e[2]);
	assert_true(host);
	assert_null(nvg_engine_by_fault_id(&gpu, 0x23, &host));
	assert_null(nvg_engine_by_fault_id(&gpu, ~0U, &host));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(statuses_are_errnos_and_leave_the_parameters_alone),
		TEST(parameters_that_no_message_holds_are_refused),
		TEST(client_device_and_subdevice_are_made_in_turn),
		TEST(client_is_freed_unless_the_firmware_is_lost),
		TEST(the_machine_is_told_field_by_field),
		TEST(settings_are_a_table_and_strings),
		TEST(the_end_says_whether_it_is_a_suspend),
		TEST(static_info_is_decoded),
		TEST(impossible_static_info_is_refused),
		TEST(device_table_comes_in_parts),
		TEST(impossible_device_table_is_refused),
		TEST(interrupt_table_is_decoded),
		TEST(impossible_interrupt_table_is_refused),
		TEST(numbers_are_handed_on),
		TEST(runlist_without_channels_is_refused),
		TEST(capabilities_of_copy_engines_are_decoded),
		TEST(egm_has_a_peer_that_a_page_table_entry_can_name),
		TEST(offlined_pages_come_in_parts),
		TEST(impossible_offlined_pages_are_refused),
		TEST(aperture_is_told_its_root),
		TEST(address_space_says_what_is_to_be_freed),
		TEST(channel_has_its_group_and_its_engine),
		TEST(channel_that_fails_says_whether_its_group_is_there),
		TEST(channel_is_scheduled_and_preempted),
		TEST(each_request_can_lack_memory),
		TEST(ended_channel_is_decoded),
		TEST(xid_is_decoded_and_is_text),
		TEST(event_that_is_too_short_is_passed_over),
		TEST(event_that_nobody_knows_is_passed_over),
		TEST(engines_are_sorted_and_have_their_vectors),
		TEST(rows_that_cannot_be_are_left_out),
		TEST(more_engines_than_there_can_be_are_left_out),
		TEST(engines_without_their_capabilities_are_left_out),
		TEST(vectors_that_do_not_exist_are_none),
		TEST(vector_has_one_owner),
		TEST(engines_pass_on_what_the_firmware_refuses),
		TEST(fault_ids_find_their_engine),
	};

	return cmocka_run_group_tests_name("fw", tests, NULL, NULL);
}
