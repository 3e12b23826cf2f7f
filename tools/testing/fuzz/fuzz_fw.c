// SPDX-License-Identifier: GPL-2.0
/*
 * What nvgrace-vgpu makes of what the firmware says: fw_r570.c, and rm.c, engine.c and fb.c
 * on the kernel's gpu_buddy, against a firmware that follows the input. It answers each
 * request with an error, with any bytes, or with sense of which some words are changed,
 * and sends events. What is checked is what those who call rely on. Memory to be filled
 * is as large as it is said to be, and allocations fail now and then.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* After shim_gpu.h, which the compiler is told to include */
#include "input.h"

#define FN_STATIC_INFO	65
#define FN_CONTROL	76
#define FN_ALLOC	103
#define MIB		0x100000ULL
/* As much as the shim's set of retired pages holds */
#define MAX_FB		(SHIM_XA_MAX * NVG_FB_RETIRE_SIZE)
#define MAX_MEMS	8
#define MAX_STEPS	8	/* of an input */
#define GSP_VECTOR	155

int shim_module_init(void);

static struct machine {
	struct input in;
	struct nvg_gpu gpu;
	struct pci_dev pdev;
	u32 domain;
	unsigned int calls;	/* of this step */
	unsigned int handled;	/* events */
	int fail_after;		/* allocations until one fails; -1: never */
	int allocations;	/* that are not freed */
} machine;

void *shim_alloc(size_t size)
{
	if (machine.fail_after >= 0 && !machine.fail_after--)
		return NULL;
	machine.allocations++;
	return calloc(1, size);
}

void shim_free(void *p)
{
	machine.allocations -= !!p;
	free(p);
}

/*
 * The firmware
 */

static void put16(u8 *p, u16 value)
{
	memcpy(p, &value, sizeof(value));
}

static void put32(u8 *p, u32 value)
{
	memcpy(p, &value, sizeof(value));
}

static void put64(u8 *p, u64 value)
{
	memcpy(p, &value, sizeof(value));
}

/* Of counts, one more than there can be */
static void sane_static_info(struct input *in, u8 *p)
{
	unsigned int nr = input_u8(in) % 18, i;

	put64(p + 1224, 72 * MIB);
	memcpy(p + 1260, "GB100", 6);
	put32(p + 344, nr);
	for (i = 0; i < nr; i++) {	/* the last one over what follows */
		put64(p + 352 + 48 * i, i * 4 * MIB);
		put64(p + 352 + 48 * i + 8, (i + 1) * 4 * MIB - 1);
		p[352 + 48 * i + 30] = i % 3 == 2;
	}
}

static void sane_devices(struct input *in, u8 *p)
{
	u8 how = input_u8(in);
	unsigned int nr = how % 34, first = input_u8(in), i, n;
	u8 *row = p + 12;

	put32(p + 4, nr);
	p[8] = how / 34 == 1;
	for (i = 0; i < min(nr, 32U); i++, row += 100) {
		n = (first + i) % 32;
		put32(row + 8, nvg_engine_copy(n));
		put32(row + 12, n);
		put32(row + 16, 32 + n);
		put32(row + 32, 15 + n);
		put32(row + 44, 0x10000 * (n + 1));
		put32(row + 48, 1);
		put32(row + 56, 0x800000 + 0x2000 * n);
		put32(row + 72, 64 + n);
		memcpy(row + 84, "CE", 3);
	}
}

static void sane_intrs(struct input *in, u8 *p)
{
	unsigned int nr = input_u8(in) % 130, i;

	put32(p, nr);
	for (i = 0; i < min(nr, 128U); i++) {
		put16(p + 4 + 16 * i, 15 + i);
		put32(p + 4 + 16 * i + 8, i == 61 - 15 ? 300 : ~0U);
		put32(p + 4 + 16 * i + 12, i < 100 ? 20 + i : ~0U);
	}
}

static void sane_caps(u8 *p)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		p[2 * i] = 0x20;
		p[2 * i + 1] = 0x40;
	}
	put64(p + 128, 0xfffff);
}

static void sane_offlined(struct input *in, u8 *p)
{
	u8 how = input_u8(in);
	unsigned int nr = how % 66, step = input_u8(in), i;

	put32(p + 1024, nr);
	p[1032] = how / 66 == 1;
	for (i = 0; i < min(nr, 64U); i++)
		put64(p + 16 * i, i * step);
}

static void sane_params(struct input *in, u32 cmd, u8 *p)
{
	switch (cmd) {
	case 0x20801112:
		sane_devices(in, p);
		break;
	case 0x20800a5c:
		sane_intrs(in, p);
		break;
	case 0x20802a0a:
		sane_caps(p);
		break;
	case 0x20801348:
		sane_offlined(in, p);
		break;
	case 0x2080017e:
		put64(p, 32 * MIB << input_u8(in) % 6);
		break;
	case 0x20800102:
		put32(p + 8, 15);
		break;
	case 0x20800a61:
		put32(p + 4, 2048);
		break;
	}
}

/* Numbers at which something happens are more frequent than others */
static u64 some_number(struct input *in)
{
	u8 n = input_u8(in);

	if (n < 64)
		return n;
	if (n < 128)
		return 1ULL << (n - 64);
	if (n < 192)
		return (1ULL << (n - 128)) - 1;
	if (n < 224)
		return ~0ULL << (n - 192);
	return n < 240 ? input_u16(in) : n < 248 ? input_u32(in) : input_u64(in);
}

static void change_words(struct input *in, u8 *p, size_t len, unsigned int nr)
{
	while (nr--) {
		size_t at = input_u16(in) % (len / 4) * 4;
		u64 value = some_number(in);

		memcpy(p + at, &value, min(sizeof(value), len - at));
	}
}

/* All of it is there */
static u8 *copy_of(const void *payload, size_t len)
{
	u8 *p = malloc(len);

	return memcpy(p, payload, len);
}

int nvg_rpc_send(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len)
{
	free(copy_of(payload, len));
	return input_u8(&machine.in) & 1 ? -ENOSPC : 0;
}

/* What rpc.c promises: a reply of all that was asked for, or an errno */
int nvg_rpc_call(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len, void *reply,
		 size_t reply_len)
{
	static const int errnos[] = { -EIO, -EPROTO, -ETIMEDOUT, -ENOSPC };
	size_t header = fn == FN_CONTROL ? 24 : fn == FN_ALLOC ? 32 : 0;
	struct input *in = &machine.in;
	u8 *p = copy_of(payload, len), how = input_u8(in);
	u32 cmd = 0;
	int rc = 0;

	/* Whatever the firmware says, it is not asked for ever */
	must(machine.calls++ < 1000);
	must(len >= header && reply_len <= len);
	if (how < 8)
		rc = errnos[how & 3];
	if (rc || !reply_len)
		goto out;
	if (fn == FN_CONTROL)
		memcpy(&cmd, p + 8, sizeof(cmd));
	if (how < 16)
		put32(p + (fn == FN_ALLOC ? 16 : 12), some_number(in));
	if (how < 32)
		input_bytes(in, p + header, reply_len - header);
	else if (fn == FN_STATIC_INFO)
		sane_static_info(in, p);
	else
		sane_params(in, cmd, p + header);
	if (how >= 128 && reply_len >= header + 4)
		change_words(in, p + header, reply_len - header, how & 7);
	memcpy(reply, p, reply_len);
out:
	free(p);
	return rc;
}

/*
 * What must hold
 */

static bool is_text(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size && text[i]; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return i < size;
}

/* Those of rpc.c, of a status, and of what makes no sense */
static bool is_known(int rc)
{
	static const int errnos[] = { -EPERM, -EINVAL, -EEXIST, -ENOENT, -ENOMEM, -EBUSY, -EAGAIN,
				      -EOPNOTSUPP, -ETIMEDOUT, -EIO, -EPROTO, -ENOSPC, -ENODEV };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		if (rc == errnos[i])
			return true;
	return false;
}

void nvg_channel_rc(struct nvg_gpu *gpu, const struct nvg_rc *rc)
{
	machine.handled++;
}

void nvg_fault_service(struct nvg_gpu *gpu)
{
	machine.handled++;
}

void nvg_health_xid(struct nvg_gpu *gpu, u32 xid, u32 chid, const char *text)
{
	must(is_text(text, 256));
	machine.handled++;
}

static void static_info(struct machine *m)
{
	struct nvg_static_info *info = malloc(sizeof(*info));
	int rc = nvg_fw_get_static_info(&m->gpu, info);
	unsigned int i;

	if (rc) {
		must(is_known(rc));
		free(info);
		return;
	}
	must(is_text(info->name, sizeof(info->name)));
	must(info->nr_regions <= NVG_MAX_REGIONS);
	for (i = 0; i < info->nr_regions; i++) {
		must(info->region[i].start < info->region[i].end);
		must(info->region[i].end <= info->fb_length);
	}
	m->gpu.info = *info;
	free(info);
}

static void device_info(struct machine *m)
{
	unsigned int max = input_u8(&m->in) % 129, i;
	struct nvg_engine_info *e = malloc(max * sizeof(*e));
	int nr = nvg_fw_device_info(&m->gpu, e, max);

	must(nr < 0 ? is_known(nr) : nr <= (int)max);
	must(m->calls <= max + 1);
	for (i = 0; nr > 0 && i < (unsigned int)nr; i++)
		must(is_text(e[i].name, sizeof(e[i].name)));
	free(e);
}

static void intr_table(struct machine *m)
{
	unsigned int max = input_u8(&m->in);
	struct nvg_intr_info *intrs = malloc(max * sizeof(*intrs));
	int nr = nvg_fw_intr_table(&m->gpu, intrs, max);

	must(nr < 0 ? is_known(nr) : nr <= (int)max && nr <= 128);
	free(intrs);
}

static void offlined_pages(struct machine *m)
{
	unsigned int max = input_u8(&m->in) * 2;
	u64 *addr = malloc(max * sizeof(*addr));
	int nr = nvg_fw_offlined_pages(&m->gpu, addr, max), i;

	must(nr < 0 ? is_known(nr) : nr <= (int)max);
	must(m->calls <= max + 1);
	for (i = 0; i < nr; i++)
		must(addr[i] < m->gpu.info.fb_length && !(addr[i] & 0xfff));
	free(addr);
}

static void numbers(struct machine *m)
{
	struct nvg_fw_channel chan = { .handle = input_u32(&m->in) };
	struct nvg_ce_caps *caps = malloc(sizeof(*caps));
	u32 number = 0, peer = 0;
	u64 segment = 0;
	bool present;
	int rc;

	rc = nvg_fw_vmmu_segment_size(&m->gpu, &segment);
	must(rc ? is_known(rc) && !segment : true);
	rc = nvg_fw_method_buffer_size(&m->gpu, &number);
	must(rc ? is_known(rc) && !number : true);
	number = 0;
	rc = nvg_fw_num_channels(&m->gpu, 1, &number);
	must(rc ? is_known(rc) : number);
	number = 0;
	rc = nvg_fw_channel_token(&m->gpu, &chan, &number);
	must(rc ? is_known(rc) && !number : true);
	rc = nvg_fw_egm(&m->gpu, &present, &peer);
	must(rc ? is_known(rc) : !present || peer <= 7);
	rc = nvg_fw_ce_caps(&m->gpu, caps);
	must(!rc || is_known(rc));
	free(caps);
}

/* What there is after a failure is what is said to be there */
static void objects(struct machine *m)
{
	struct nvg_fw_channel chan = { .tsg = 1, .notifier.size = input_u8(&m->in) & 1 };
	u32 handle = 1;
	int rc;

	rc = nvg_fw_vaspace_alloc(&m->gpu, &handle, 0);
	must(handle != 1 && (rc ? is_known(rc) : handle));
	rc = nvg_fw_channel_alloc(&m->gpu, &chan);
	must(chan.tsg != 1 && (rc ? is_known(rc) : chan.tsg && chan.handle));
	rc = nvg_fw_root_alloc(&m->gpu);
	must(!rc || is_known(rc));
	m->gpu.vgpu = input_u8(&m->in) & 1;
	rc = nvg_fw_set_system_info(&m->gpu);
	must(!rc || is_known(rc));
	rc = nvg_fw_set_registry(&m->gpu);
	must(!rc || is_known(rc));
}

static void event(struct machine *m)
{
	u8 what = input_u8(&m->in);
	u32 fn = what & 0x80 ? input_u32(&m->in) : 0x1000 + what % 8;
	size_t len = input_u16(&m->in) % 4097;
	u8 *payload;

	/* Around the lengths of events more often */
	if (what & 0x40)
		len = (what & 8 ? 48 : 272) - 8 + len % 16;
	payload = malloc(len);
	input_bytes(&m->in, payload, len);
	m->handled = 0;
	nvg_fw_event(&m->gpu, fn, payload, len);
	must(m->handled == (fn == 0x1004 ? len >= 48 : fn == 0x1005 ? 1 :
			    fn == 0x1006 ? len >= 272 : 0));
	free(payload);
}

/* Nobody else has it */
static bool is_free_vector(const struct nvg_engines *engines, u32 vector, unsigned int but)
{
	unsigned int i;

	if (vector == NVG_NO_VECTOR)
		return true;
	if (vector >= NVG_INTR_VECTORS || vector == GSP_VECTOR)
		return false;
	for (i = 0; i < engines->nr; i++)
		if (i != but && engines->e[i].nonstall == vector)
			return false;
	return true;
}

static void check_engine(struct machine *m, unsigned int i)
{
	const struct nvg_engines *engines = &m->gpu.engines;
	const struct nvg_engine *e = &engines->e[i];
	u64 len = m->pdev.bar_size[0];
	unsigned int other;
	bool host;

	must(e->instance < NVG_MAX_CES && e->info.rm_type == nvg_engine_copy(e->instance));
	must(!i || e[-1].instance < e->instance);
	must(e->info.host_driven && e->info.runlist < 0x7f);
	must(e->info.fault_id < 512 && e->info.pbdma_fault_id < 512);
	must(!(e->info.runlist_base & 3) && e->info.runlist_base + 0x1000ULL <= len);
	must(!(e->info.chram_base & 3) && e->info.chram_base + 0x2000ULL <= len);
	must(is_text(e->name, sizeof(e->name)) && is_text(e->info.name, sizeof(e->info.name)));
	must(is_free_vector(engines, e->nonstall, i));
	must(e->nonstall == NVG_NO_VECTOR || e->nonstall != engines->fault_vector);
	for (other = 0; other < i; other++)
		must(engines->e[other].info.runlist != e->info.runlist);
	must(nvg_engine_by_fault_id(&m->gpu, e->info.fault_id, &host));
}

static void engines(struct machine *m)
{
	unsigned int i;
	int rc;

	m->pdev.bar_size[0] = 64 * MIB >> input_u8(&m->in) % 16;
	rc = nvg_engines_init(&m->gpu);
	must(m->gpu.engines.nr <= NVG_MAX_CES);
	must(!rc || is_known(rc));
	if (rc)
		return;
	must(m->gpu.engines.nr);
	must(is_free_vector(&m->gpu.engines, m->gpu.engines.fault_vector, ~0U));
	for (i = 0; i < m->gpu.engines.nr; i++)
		check_engine(m, i);
}

static void check_mem(struct machine *m, const struct nvg_fb_mem *mem, u64 align)
{
	const struct nvg_static_info *info = &m->gpu.info;
	u64 first = mem->addr / NVG_FB_RETIRE_SIZE, end = mem->addr + mem->size;
	unsigned int i;

	must(!(mem->addr & (align - 1)) && end <= info->fb_length);
	must(!memchr(&m->gpu.fb.retired.set[first], true,
		     (end - 1) / NVG_FB_RETIRE_SIZE + 1 - first));
	for (i = 0; i < info->nr_regions; i++)
		must(info->region[i].usable || end <= info->region[i].start ||
		     mem->addr >= info->region[i].end);
}

static void use_heap(struct machine *m)
{
	struct nvg_fb_mem *mems[MAX_MEMS] = { NULL }, *mem;
	unsigned int steps = input_u8(&m->in) % 32, i;
	u64 align;
	int rc;

	while (steps--) {
		i = input_u8(&m->in) % (MAX_MEMS + 1);
		if (i == MAX_MEMS) {
			rc = nvg_fb_retire_new(&m->gpu);
			must(rc >= 0 || is_known(rc));
		} else if (mems[i]) {
			nvg_fb_free(&m->gpu, mems[i]);
			mems[i] = NULL;
		} else {
			align = NVG_FB_CHUNK << input_u8(&m->in) % 14;
			mem = nvg_fb_alloc(&m->gpu, some_number(&m->in) << 12, align);
			must(!IS_ERR(mem) || is_known(PTR_ERR(mem)));
			if (IS_ERR(mem))
				continue;
			check_mem(m, mem, align);
			mems[i] = mem;
		}
		must(m->gpu.fb.used <= m->gpu.fb.total);
	}
	for (i = 0; i < MAX_MEMS; i++)
		nvg_fb_free(&m->gpu, mems[i]);
	must(!m->gpu.fb.used);
}

static void heap(struct machine *m)
{
	u64 fb_length = m->gpu.info.fb_length;
	int rc;

	if (fb_length > MAX_FB && fb_length <= NVG_PTE_ADDR)
		return;
	nvg_fb_setup(&m->gpu);
	rc = nvg_fb_init(&m->gpu);
	if (rc) {
		must(is_known(rc) && !m->gpu.fb.ready);
		return;
	}
	must(m->gpu.fb.segment >= 32 * MIB && m->gpu.fb.segment <= 1024 * MIB);
	must(!(m->gpu.fb.segment & (m->gpu.fb.segment - 1)));
	must(m->gpu.fb.total <= fb_length);
	use_heap(m);
	nvg_fb_fini(&m->gpu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (* const steps[])(struct machine *m) = {
		static_info, device_info, intr_table, offlined_pages, numbers, objects, event,
		engines, heap, engines, heap, static_info, event,
	};
	struct machine *m = &machine;
	static int cache;	/* gpu_buddy's, which stays */

	if (!cache++)
		must(!shim_module_init());
	*m = (struct machine){ .in = { data, size }, .fail_after = -1 };
	m->gpu.pdev = &m->pdev;
	m->pdev.bus = &m->domain;
	m->gpu.info.fb_length = 64 * MIB;
	m->gpu.rm = (struct nvg_rm){ .client = 1, .device = 2, .subdevice = 3 };
	for (unsigned int i = 0; i < MAX_STEPS && m->in.left; i++) {
		u8 what = input_u8(&m->in);

		m->calls = 0;
		m->fail_after = what & 0x80 ? input_u8(&m->in) : -1;
		steps[(what & 0x7f) % ARRAY_SIZE(steps)](m);
		must(!m->allocations);
	}
	return 0;
}
