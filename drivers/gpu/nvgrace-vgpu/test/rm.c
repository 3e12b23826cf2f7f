// SPDX-License-Identifier: GPL-2.0
/*
 * Messages between the driver and the firmware, from the driver's side: long ones, many at
 * once, those that are refused; and what the tests of RM's objects (rm_object.c), controls
 * (rm_control.c) and channels (rm_channel.c) share.
 *
 * What the firmware must never send, and a firmware that is silent or dead, need trouble from
 * outside and are not tested here.
 */
#include <linux/completion.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <linux/workqueue.h>

#include "rm.h"

#define NVGT_FN_UNKNOWN		204
#define NVGT_CONTROL_UNKNOWN	0x2080ff01

/*
 * Mistakes
 */

static void nvgt_trouble_unmap(void *data)
{
	void __iomem *trouble = (__force void __iomem *)data;

	if (readl(trouble + NVGT_TROUBLE_MAGIC) == NVGT_TROUBLE_MAGIC_VALUE)
		writel(0, trouble + NVGT_TROUBLE_EXPECT);
	iounmap(trouble);
}

int nvgt_rm_init(struct kunit *test)
{
	struct nvgt_test *priv;
	struct pci_dev *pdev;
	void __iomem *trouble;
	int ret;

	ret = nvgt_test_init(test);
	if (ret)
		return ret;
	priv = test->priv;
	pdev = to_pci_dev(priv->gpu->info.dma_dev);
	trouble = ioremap(pci_resource_start(pdev, NVG_PCI_BAR_REGS) + NVGT_TROUBLE,
			  NVGT_TROUBLE_SIZE);
	if (!trouble)
		return -ENOMEM;
	if (readl(trouble + NVGT_TROUBLE_MAGIC) == NVGT_TROUBLE_MAGIC_VALUE)
		priv->trouble = trouble;
	return kunit_add_action_or_reset(test, nvgt_trouble_unmap, (__force void *)trouble);
}

struct nvg_gpu *nvgt_rm_gpu(struct kunit *test)
{
	return nvg_vgpu_gpu(nvgt_gpu(test)->vgpu);
}

static void __iomem *nvgt_trouble(struct kunit *test)
{
	struct nvgt_test *priv = test->priv;

	if (!priv->trouble)
		kunit_skip(test, "no device model");
	return priv->trouble;
}

void nvgt_inject(struct kunit *test, u32 kind, u32 param)
{
	writel(param << 8 | kind, nvgt_trouble(test) + NVGT_TROUBLE_INJECT);
}

void nvgt_mistake_begin(struct kunit *test)
{
	writel(0, nvgt_trouble(test) + NVGT_TROUBLE_EXPECTED);
	writel(1, nvgt_trouble(test) + NVGT_TROUBLE_EXPECT);
}

void nvgt_mistake_end(struct kunit *test, unsigned int count, const char *text)
{
	void __iomem *trouble = nvgt_trouble(test);
	char said[NVGT_TROUBLE_TEXT_SIZE + 1] = {};
	unsigned int i;

	writel(0, trouble + NVGT_TROUBLE_EXPECT);
	for (i = 0; i < NVGT_TROUBLE_TEXT_SIZE; i += 4)
		put_unaligned_le32(readl(trouble + NVGT_TROUBLE_TEXT + i), said + i);
	KUNIT_EXPECT_EQ_MSG(test, readl(trouble + NVGT_TROUBLE_EXPECTED), count, "%s", text);
	KUNIT_EXPECT_TRUE_MSG(test, strstr(said, text), "\"%s\" is not in \"%s\"", text, said);
}

/*
 * What ends with the test
 */

KUNIT_DEFINE_ACTION_WRAPPER(nvgt_kvfree_action, kvfree, const void *);

void *nvgt_zalloc(struct kunit *test, size_t size)
{
	void *buf = kvzalloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_kvfree_action, buf), 0);
	return buf;
}

static void nvgt_object_action(void *data)
{
	struct nvgt_object *object = data;
	int ret = nvg_rm_free(nvgt_rm_gpu(object->test), object->handle);

	KUNIT_EXPECT_EQ_MSG(object->test, ret, 0, "object %#x", object->handle);
}

struct nvgt_object *nvgt_own(struct kunit *test, u32 handle)
{
	struct nvgt_object *object = nvgt_zalloc(test, sizeof(*object));

	object->test = test;
	object->handle = handle;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_object_action, object), 0);
	return object;
}

void nvgt_free(struct nvgt_object *object)
{
	kunit_release_action(object->test, nvgt_object_action, object);
}

/*
 * Long messages
 *
 * The parameters of one control have any length, and come back as they went. In between they
 * are in memory of the device model's: what comes back was sent, in pieces, and read again.
 */

/* Types that the firmware shall know: none, whatever follows */
#define NVGT_ECHO_CONTROL	R570_VGPU_ADD_TYPE
#define NVGT_ECHO_HEADER	(sizeof(struct r570_rm_control) + sizeof(struct r570_add_type))

static void nvgt_echo_fill(struct nvg_gpu *gpu, struct r570_rm_control *msg, size_t len, u32 seed)
{
	u8 *bytes = (u8 *)msg;
	size_t i;

	memset(msg, 0, NVGT_ECHO_HEADER);
	msg->client = cpu_to_le32(gpu->rm.client);
	msg->object = cpu_to_le32(gpu->rm.subdevice);
	msg->cmd = cpu_to_le32(NVGT_ECHO_CONTROL);
	msg->size = cpu_to_le32(len - sizeof(*msg));
	/* No multiple of any power of two: pieces that are mixed up differ */
	for (i = NVGT_ECHO_HEADER; i < len; i++)
		bytes[i] = (i + seed) % 251;
}

/* 0, a negative errno, or 1: another message came back */
static int nvgt_echo(struct nvg_gpu *gpu, struct r570_rm_control *msg,
		     struct r570_rm_control *reply, size_t len, u32 seed)
{
	int ret;

	nvgt_echo_fill(gpu, msg, len, seed);
	memset(reply, 0xee, len);
	ret = nvg_rpc_call(gpu, R570_FN_RM_CONTROL, msg, len, reply, len);
	if (ret)
		return ret;
	/* Status 0 is what was sent, too */
	return memcmp(msg, reply, len) ? 1 : 0;
}

static const struct nvgt_length {
	const char *name;
	u32 payload;
} nvgt_lengths[] = {
	{ "one element", NVG_ELEM_SIZE - NVG_RECORD_HEADER },
	{ "two elements, the second with a byte", NVG_ELEM_SIZE - NVG_RECORD_HEADER + 1 },
	{ "one full record", NVG_RECORD_PAYLOAD },
	{ "a continuation of one byte", NVG_RECORD_PAYLOAD + 1 },
	{ "two full records", 2 * NVG_RECORD_PAYLOAD },
	{ "as much as a queue", NVG_QUEUE_ELEMS * NVG_ELEM_SIZE },
	{ "more than a queue holds", SZ_512K + 123 },
	{ "the longest message", NVG_MESSAGE_MAX },
};

KUNIT_ARRAY_PARAM_DESC(nvgt_length, nvgt_lengths, name);

static u32 nvgt_elements(u32 payload)
{
	u32 full = payload / NVG_RECORD_PAYLOAD, rest = payload % NVG_RECORD_PAYLOAD;

	return full * NVG_RECORD_ELEMS +
	       (rest ? DIV_ROUND_UP(rest + NVG_RECORD_HEADER, NVG_ELEM_SIZE) : 0);
}

static void message_goes_there_and_comes_back(struct kunit *test)
{
	const struct nvgt_length *length = test->param_value;
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	void *msg = nvgt_zalloc(test, length->payload);
	void *reply = nvgt_zalloc(test, length->payload);
	struct nvg_rpc_stats before, after;

	nvg_rpc_get_stats(gpu, &before);
	KUNIT_EXPECT_EQ(test, nvgt_echo(gpu, msg, reply, length->payload, 1), 0);
	nvg_rpc_get_stats(gpu, &after);
	KUNIT_EXPECT_EQ(test, after.sent - before.sent, 1);
	KUNIT_EXPECT_EQ(test, after.replies - before.replies, 1);
	KUNIT_EXPECT_EQ(test, after.sent_elems - before.sent_elems,
			nvgt_elements(length->payload));
	/* The next message is whole, too */
	KUNIT_EXPECT_EQ(test, nvgt_echo(gpu, msg, reply, NVGT_ECHO_HEADER, 2), 0);
}

static void parameters_of_controls_and_classes_may_be_long(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u8 *params = nvgt_zalloc(test, NVG_MESSAGE_MAX);

	memset(params + sizeof(struct r570_add_type), 0x5a, SZ_128K);
	KUNIT_EXPECT_EQ(test, nvg_rm_control(gpu, gpu->rm.subdevice, NVGT_ECHO_CONTROL, params,
					     SZ_128K), 0);
	KUNIT_EXPECT_EQ(test, params[SZ_128K - 1], 0x5a);
	/* Not a class that has so many: the message arrives, and is refused */
	NVGT_EXPECT_MISTAKE(test, nvg_rm_alloc(gpu, gpu->rm.device, nvg_rm_handle(gpu),
					       R570_CLASS_SUBDEVICE, params, SZ_128K),
			    -EINVAL, "131072 bytes of parameters");
}

static void message_that_is_too_long_is_not_sent(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u8 *params = nvgt_zalloc(test, NVG_MESSAGE_MAX + 1);
	struct nvg_rpc_stats before, after;

	nvg_rpc_get_stats(gpu, &before);
	KUNIT_EXPECT_EQ(test, nvg_rm_control(gpu, gpu->rm.subdevice, NVGT_ECHO_CONTROL, params,
					     NVG_MESSAGE_MAX), -E2BIG);
	KUNIT_EXPECT_EQ(test, nvg_rm_alloc(gpu, gpu->rm.device, nvg_rm_handle(gpu),
					   R570_CLASS_SUBDEVICE, params, NVG_MESSAGE_MAX), -E2BIG);
	KUNIT_EXPECT_EQ(test, nvg_rm_control(gpu, gpu->rm.subdevice, NVGT_ECHO_CONTROL, params,
					     U32_MAX), -E2BIG);
	KUNIT_EXPECT_EQ(test, nvg_rpc_call(gpu, R570_FN_RM_CONTROL, params, NVG_MESSAGE_MAX + 1,
					   NULL, 0), -E2BIG);
	KUNIT_EXPECT_EQ(test, nvg_rpc_call(gpu, R570_FN_RM_CONTROL, params, 4096, params,
					   NVG_MESSAGE_MAX + 1), -E2BIG);
	nvg_rpc_get_stats(gpu, &after);
	KUNIT_EXPECT_EQ(test, after.sent, before.sent);
}

static void reply_beyond_what_is_wanted_is_dropped(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	size_t len = 2 * NVG_RECORD_PAYLOAD, part = NVG_RECORD_PAYLOAD + 100;
	struct r570_rm_control *msg = nvgt_zalloc(test, len);
	u8 *reply = nvgt_zalloc(test, len);

	nvgt_echo_fill(gpu, msg, len, 3);
	memset(reply, 0xee, len);
	KUNIT_EXPECT_EQ(test, nvg_rpc_call(gpu, R570_FN_RM_CONTROL, msg, len, reply, part), 0);
	KUNIT_EXPECT_MEMEQ(test, reply, msg, part);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(reply + part, 0xee, len - part), NULL);
	/* What was dropped is not taken for the next reply */
	KUNIT_EXPECT_EQ(test, nvgt_echo(gpu, msg, (void *)reply, len, 4), 0);
}

/*
 * Many at once
 */

#define NVGT_CALLERS	16
#define NVGT_CALLS	24

struct nvgt_caller {
	struct work_struct work;
	struct nvg_gpu *gpu;
	struct completion *go;
	unsigned int nr;
	void *msg;
	void *reply;
	const char *failed;		/* what, if anything */
	int ret;
};

/* A device of one's own, with its subdevice, and what that says */
static int nvgt_call_objects(struct nvg_gpu *gpu)
{
	struct r570_device device = { .client_share = cpu_to_le32(gpu->rm.client) };
	u32 handle = nvg_rm_handle(gpu), below = nvg_rm_handle(gpu);
	struct r570_subdevice subdevice = {};
	__le64 size = 0;
	int ret;

	ret = nvg_rm_alloc(gpu, gpu->rm.client, handle, R570_CLASS_DEVICE, &device,
			   sizeof(device));
	if (ret)
		return ret;
	ret = nvg_rm_alloc(gpu, handle, below, R570_CLASS_SUBDEVICE, &subdevice,
			   sizeof(subdevice));
	if (!ret)
		ret = nvg_rm_control(gpu, below, R570_GPU_VMMU_SEGMENT_SIZE, &size, sizeof(size));
	if (!ret && le64_to_cpu(size) != gpu->fb.segment)
		ret = 1;
	return nvg_rm_free(gpu, handle) ?: ret;
}

static int nvgt_call_no(struct nvg_gpu *gpu)
{
	__le32 params = 0;
	int ret = nvg_rm_control(gpu, gpu->rm.subdevice, NVGT_CONTROL_UNKNOWN, &params,
				 sizeof(params));

	return ret == -EOPNOTSUPP ? 0 : ret ?: 1;
}

static int nvgt_call_channels(struct nvg_gpu *gpu, unsigned int i)
{
	u32 count = 0;
	int ret = nvg_fw_num_channels(gpu, gpu->engines.e[i % gpu->engines.nr].info.runlist,
				      &count);

	return ret ?: count != gpu->fifo.nr_chids;
}

static void nvgt_calls(struct work_struct *work)
{
	struct nvgt_caller *caller = container_of(work, struct nvgt_caller, work);
	struct nvg_gpu *gpu = caller->gpu;
	unsigned int i, turn;

	wait_for_completion(caller->go);
	for (i = 0; i < NVGT_CALLS && !caller->ret; i++) {
		/* At any time, callers do different things */
		turn = caller->nr + i;
		switch (turn % 4) {
		case 0:
			caller->failed = "long message";
			caller->ret = nvgt_echo(gpu, caller->msg, caller->reply,
						SZ_64K + caller->nr * SZ_4K, turn * 7);
			break;
		case 1:
			caller->failed = "objects";
			caller->ret = nvgt_call_objects(gpu);
			break;
		case 2:
			caller->failed = "unknown control";
			caller->ret = nvgt_call_no(gpu);
			break;
		case 3:
			caller->failed = "number of channels";
			caller->ret = nvgt_call_channels(gpu, turn);
			break;
		}
	}
}

KUNIT_DEFINE_ACTION_WRAPPER(nvgt_workqueue_action, destroy_workqueue, struct workqueue_struct *);

static void sixteen_callers_get_their_own_replies(struct kunit *test)
{
	struct nvgt_caller *callers = nvgt_zalloc(test, NVGT_CALLERS * sizeof(*callers));
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct nvg_rpc_stats before, after;
	struct workqueue_struct *wq;
	struct completion go;
	unsigned int i;

	wq = alloc_workqueue("nvgt-rm", WQ_UNBOUND, NVGT_CALLERS);
	KUNIT_ASSERT_NOT_NULL(test, wq);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_workqueue_action, wq), 0);
	for (i = 0; i < NVGT_CALLERS; i++) {
		callers[i].gpu = gpu;
		callers[i].go = &go;
		callers[i].nr = i;
		callers[i].msg = nvgt_zalloc(test, SZ_128K);
		callers[i].reply = nvgt_zalloc(test, SZ_128K);
	}

	nvg_rpc_get_stats(gpu, &before);
	init_completion(&go);
	for (i = 0; i < NVGT_CALLERS; i++) {
		INIT_WORK(&callers[i].work, nvgt_calls);
		queue_work(wq, &callers[i].work);
	}
	complete_all(&go);
	flush_workqueue(wq);
	nvg_rpc_get_stats(gpu, &after);

	for (i = 0; i < NVGT_CALLERS; i++)
		KUNIT_EXPECT_EQ_MSG(test, callers[i].ret, 0, "caller %u: %s", i,
				    callers[i].failed);
	KUNIT_EXPECT_GE(test, after.replies - before.replies, NVGT_CALLERS * NVGT_CALLS);
	KUNIT_EXPECT_EQ(test, after.replies - before.replies, after.sent - before.sent);
	KUNIT_EXPECT_EQ(test, after.unknown, before.unknown);
	KUNIT_EXPECT_EQ(test, after.late, before.late);
	KUNIT_EXPECT_EQ(test, after.malformed, before.malformed);
}

/*
 * Functions and statuses
 */

static void unknown_function_is_not_supported(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	__le32 payload = cpu_to_le32(1);

	KUNIT_EXPECT_EQ(test, nvg_rpc_call(gpu, NVGT_FN_UNKNOWN, &payload, sizeof(payload),
					   &payload, sizeof(payload)), -EOPNOTSUPP);
}

/* A status in the header of a reply, not one in its payload */
static void message_that_is_too_short_is_refused(struct kunit *test)
{
	static const u32 functions[] = { R570_FN_RM_ALLOC, R570_FN_RM_CONTROL, R570_FN_FREE };
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u8 payload[12] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		NVGT_EXPECT_MISTAKE(test, nvg_rpc_call(gpu, functions[i], payload,
						       sizeof(payload), NULL, 0),
				    -EINVAL, "with 12 bytes");
}

/* Those that the device model never gives, or after too much work; others have their tests */
static void statuses_are_errnos(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(0x00), 0);
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(0x03), -EAGAIN);	/* BUSY_RETRY */
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(0x0f), -EIO);	/* GPU_IS_LOST */
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(0x51), -ENOMEM);	/* NO_MEMORY */
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(0x55), -EAGAIN);	/* NOT_READY */
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(0x63), -EBUSY);	/* STATE_IN_USE */
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(0x66), -EAGAIN);	/* TIMEOUT_RETRY */
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(0xffff), -EIO);	/* GENERIC */
	KUNIT_EXPECT_EQ(test, nvg_rm_errno(U32_MAX), -EIO);
}

struct r570_static_info *nvgt_static_info(struct kunit *test)
{
	struct r570_static_info *info = nvgt_zalloc(test, sizeof(*info));

	KUNIT_ASSERT_EQ(test, nvg_rpc_call(nvgt_rm_gpu(test), R570_FN_GET_GSP_STATIC_INFO, info,
					   sizeof(*info), info, sizeof(*info)), 0);
	return info;
}

static void static_info_tells_the_gpu(struct kunit *test)
{
	struct nvg_static_info *info = nvgt_zalloc(test, sizeof(*info));
	struct r570_static_info *all = nvgt_static_info(test);
	struct nvgt_gpu *known = nvgt_gpu(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u64 usable = 0;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, nvg_fw_get_static_info(gpu, info), 0);
	KUNIT_EXPECT_STREQ(test, info->name, known->info.name);
	KUNIT_EXPECT_EQ(test, info->fb_length, known->info.fb_size);
	KUNIT_EXPECT_EQ(test, info->fb_length,
			(u64)nvg_rd32(gpu, NV_USABLE_FB_SIZE_IN_MB) << 20);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(all->max_gfid),
			known->info.vgpu ? known->info.total_vfs : 0);
	KUNIT_EXPECT_EQ(test, all->self_hosted, 1);
	KUNIT_ASSERT_LE(test, info->nr_regions, NVG_MAX_REGIONS);
	for (i = 0; i < info->nr_regions; i++) {
		KUNIT_EXPECT_LT(test, info->region[i].start, info->region[i].end);
		KUNIT_EXPECT_LE(test, info->region[i].end, info->fb_length);
		if (info->region[i].usable)
			usable += info->region[i].end - info->region[i].start;
	}
	KUNIT_EXPECT_EQ(test, usable, gpu->fb.total);
}

/* The aperture without page tables is the begin of the framebuffer */
static void aperture_has_page_tables_or_none(struct kunit *test)
{
	struct nvgt_buffer *buf = nvgt_buffer(test, NVGRACE_VGPU_FB, SZ_64K);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	void __iomem *plain;

	nvgt_write_pattern(buf, 0, SZ_64K, 9, 0);
	plain = ioremap_wc(pci_resource_start(gpu->pdev, NVG_PCI_BAR_FB) + buf->addr, SZ_64K);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)plain);

	mutex_lock(&gpu->bar1.lock);
	KUNIT_EXPECT_EQ(test, nvg_fw_update_bar1(gpu, 0), 0);
	writel(0x12345678, plain + 8);
	KUNIT_EXPECT_EQ(test, readl(plain + 8), 0x12345678);
	KUNIT_EXPECT_EQ(test, nvg_fw_update_bar1(gpu, gpu->bar1.vmm->root_pde), 0);
	mutex_unlock(&gpu->bar1.lock);
	iounmap(plain);

	KUNIT_EXPECT_EQ(test, readl(buf->io + 8), 0x12345678);
	nvgt_write_pattern(buf, 8, 4, 9, 8);
	KUNIT_EXPECT_EQ(test, nvgt_compare_pattern(buf, 0, SZ_64K, 9, 0), SZ_64K);
}

static void aperture_that_is_not_there_is_refused(struct kunit *test)
{
	struct r570_update_bar_pde msg = {
		.bar = cpu_to_le32(2),
		.level_shift = cpu_to_le64(R570_BAR_ROOT_SHIFT),
	};
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	NVGT_EXPECT_MISTAKE(test, nvg_rpc_call(gpu, R570_FN_UPDATE_BAR_PDE, &msg, sizeof(msg),
					       NULL, 0), -EINVAL, "BAR type 2");
	msg.bar = 0;
	msg.level_shift = cpu_to_le64(47);
	NVGT_EXPECT_MISTAKE(test, nvg_rpc_call(gpu, R570_FN_UPDATE_BAR_PDE, &msg, sizeof(msg),
					       NULL, 0), -EINVAL, "shift 47");
}

static struct kunit_case nvgt_rm_cases[] = {
	KUNIT_CASE_PARAM(message_goes_there_and_comes_back, nvgt_length_gen_params),
	KUNIT_CASE(parameters_of_controls_and_classes_may_be_long),
	KUNIT_CASE(message_that_is_too_long_is_not_sent),
	KUNIT_CASE(reply_beyond_what_is_wanted_is_dropped),
	KUNIT_CASE(sixteen_callers_get_their_own_replies),
	KUNIT_CASE(unknown_function_is_not_supported),
	KUNIT_CASE(message_that_is_too_short_is_refused),
	KUNIT_CASE(statuses_are_errnos),
	KUNIT_CASE(static_info_tells_the_gpu),
	KUNIT_CASE(aperture_has_page_tables_or_none),
	KUNIT_CASE(aperture_that_is_not_there_is_refused),
	{ }
};

struct kunit_suite nvgt_rm_suite = {
	.name = "nvgrace_vgpu_rm",
	.init = nvgt_rm_init,
	.test_cases = nvgt_rm_cases,
};
