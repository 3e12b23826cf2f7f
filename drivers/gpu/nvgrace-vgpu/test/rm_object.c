// SPDX-License-Identifier: GPL-2.0
/*
 * RM's objects, through the driver's client: an object of each class where it belongs,
 * refused anywhere else; handles; what is freed with what.
 *
 * The firmware is told parameters of a version of it (570.144). Channels that do work are in
 * rm_channel.c.
 */
#include <linux/slab.h>

#include "rm.h"

#define NVGT_HANDLE_NOBODY_HAS	0xbad00001U
#define NVGT_CLASS_UNKNOWN	0x9067
#define NVGT_OTHER_CLIENT	0xc1d000ffU

const struct nvgt_class_info nvgt_classes[NVGT_CLASSES] = {
	[NVGT_CLIENT] = { R570_CLASS_ROOT, 0, sizeof(struct r570_root) },
	[NVGT_DEVICE] = { R570_CLASS_DEVICE, BIT(NVGT_CLIENT), sizeof(struct r570_device) },
	[NVGT_SUBDEVICE] = { R570_CLASS_SUBDEVICE, BIT(NVGT_DEVICE),
			     sizeof(struct r570_subdevice) },
	[NVGT_EVENT] = { R570_CLASS_EVENT, BIT(NVGT_SUBDEVICE), sizeof(struct r570_event) },
	[NVGT_USERMODE] = { NVG_CLASS_USERMODE, BIT(NVGT_SUBDEVICE), 0 },
	[NVGT_VASPACE] = { R570_CLASS_VASPACE, BIT(NVGT_DEVICE), sizeof(struct r570_vaspace) },
	[NVGT_GROUP] = { R570_CLASS_CHANNEL_GROUP, BIT(NVGT_DEVICE),
			 sizeof(struct r570_channel_group) },
	[NVGT_CHANNEL] = { NVG_CLASS_GPFIFO, BIT(NVGT_GROUP) | BIT(NVGT_DEVICE),
			   sizeof(struct r570_channel) },
	[NVGT_COPY] = { NVG_CLASS_COPY, BIT(NVGT_CHANNEL), sizeof(struct r570_copy) },
};

/*
 * Channels
 */

struct nvgt_slice {
	struct nvgrace_vgpu *vgpu;
	unsigned int chid;
};

static void nvgt_slice_action(void *data)
{
	struct nvgt_slice *slice = data;

	nvgrace_vgpu_chids_release(slice->vgpu, slice->chid, 1);
}

u32 nvgt_chid(struct kunit *test)
{
	struct nvgt_slice *slice = nvgt_zalloc(test, sizeof(*slice));

	slice->vgpu = nvgt_gpu(test)->vgpu;
	KUNIT_ASSERT_EQ(test, nvgrace_vgpu_chids_reserve(slice->vgpu, 1, &slice->chid), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_slice_action, slice), 0);
	return slice->chid;
}

struct nvgt_buffer *nvgt_channel_mem(struct kunit *test)
{
	return nvgt_buffer(test, NVGRACE_VGPU_SYSMEM,
			   NVGT_METHODS + nvgt_rm_gpu(test)->fifo.method_buffer);
}

/* A channel of engine 0, with its ring where the address space may map it */
struct nvg_fw_channel nvgt_channel(struct kunit *test, struct nvgt_buffer *mem, u32 vaspace)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	return (struct nvg_fw_channel) {
		.chid = nvgt_chid(test),
		.engine_type = gpu->engines.e[0].info.rm_type,
		.vaspace = vaspace,
		.gpfifo = NVGT_GPFIFO,
		.entries = NVGT_GP_ENTRIES,
		.inst = { mem->addr + NVGT_INST, SZ_4K, true },
		.userd = { mem->addr + NVGT_USERD, NVGT_USERD_SIZE, true },
		.notifier = { mem->addr + NVGT_NOTIFIER, NVGT_NOTIFIER_SIZE, true },
		.method_buffer = { mem->addr + NVGT_METHODS, gpu->fifo.method_buffer, true },
	};
}

static struct r570_mem_desc nvgt_mem_desc(const struct nvg_mem_desc *mem, u64 size)
{
	return (struct r570_mem_desc) {
		.base = cpu_to_le64(mem->addr),
		.size = cpu_to_le64(size),
		.space = cpu_to_le32(mem->sysmem ? R570_SPACE_SYSMEM : R570_SPACE_FB),
	};
}

void nvgt_channel_params(const struct nvg_fw_channel *fw, struct r570_channel *params)
{
	*params = (struct r570_channel) {
		.gpfifo = cpu_to_le64(fw->gpfifo),
		.entries = cpu_to_le32(fw->entries),
		.vaspace = cpu_to_le32(fw->vaspace),
		.engine_type = cpu_to_le32(fw->engine_type),
		.chid = cpu_to_le32(fw->chid),
		.inst = nvgt_mem_desc(&fw->inst, fw->inst.size),
		.ramfc = nvgt_mem_desc(&fw->inst, 512),
		.userd = nvgt_mem_desc(&fw->userd, fw->userd.size),
		.method_buffer = nvgt_mem_desc(&fw->method_buffer, fw->method_buffer.size),
		.notifier = nvgt_mem_desc(&fw->notifier, fw->notifier.size),
		.internal_flags = cpu_to_le32(R570_CHANNEL_NOTIFIER_MEMORY |
					      R570_CHANNEL_ECC_NOTIFIER_NONE),
	};
}

/*
 * An object of each class
 */

/* 0 and the handle of a new object, or a negative errno */
static int nvgt_make(struct nvg_gpu *gpu, enum nvgt_class what, u32 parent, void *params,
		     u32 *handle)
{
	*handle = nvg_rm_handle(gpu);
	return nvg_rm_alloc(gpu, parent, *handle, nvgt_classes[what].class, params,
			    nvgt_classes[what].size);
}

static int nvgt_make_device(struct nvg_gpu *gpu, u32 *handle)
{
	struct r570_device params = { .client_share = cpu_to_le32(gpu->rm.client) };

	return nvgt_make(gpu, NVGT_DEVICE, gpu->rm.client, &params, handle);
}

static int nvgt_make_subdevice(struct nvg_gpu *gpu, u32 device, u32 *handle)
{
	struct r570_subdevice params = {};

	return nvgt_make(gpu, NVGT_SUBDEVICE, device, &params, handle);
}

static int nvgt_make_event(struct nvg_gpu *gpu, u32 subdevice, u32 *handle)
{
	struct r570_event params = {
		.parent_client = cpu_to_le32(gpu->rm.client),
		.source = cpu_to_le32(subdevice),
		.class = cpu_to_le32(R570_CLASS_EVENT),
		.index = cpu_to_le32(R570_NOTIFY_ECC_DBE),
	};

	return nvgt_make(gpu, NVGT_EVENT, subdevice, &params, handle);
}

/* With an empty page directory at @pdb */
static int nvgt_make_vaspace(struct nvg_gpu *gpu, u32 device, u64 pdb, u32 *handle)
{
	struct r570_vaspace params = { .flags = cpu_to_le32(R570_VASPACE_EXTERNALLY_OWNED) };
	struct r570_page_directory directory = {
		.addr = cpu_to_le64(pdb),
		.entries = cpu_to_le32(R570_PAGE_DIRECTORY_ENTRIES),
		.flags = cpu_to_le32(R570_PAGE_DIRECTORY_SYSMEM),
	};
	int ret = nvgt_make(gpu, NVGT_VASPACE, device, &params, handle);

	if (ret)
		return ret;
	directory.vaspace = cpu_to_le32(*handle);
	return nvg_rm_control(gpu, device, R570_DMA_SET_PAGE_DIRECTORY, &directory,
			      sizeof(directory));
}

static int nvgt_make_group(struct nvg_gpu *gpu, u32 device, u32 engine_type, u32 *handle)
{
	struct r570_channel_group params = { .engine_type = cpu_to_le32(engine_type) };

	return nvgt_make(gpu, NVGT_GROUP, device, &params, handle);
}

static int nvgt_make_channel(struct nvg_gpu *gpu, u32 parent, const struct nvg_fw_channel *fw,
			     u32 *handle)
{
	struct r570_channel params;

	nvgt_channel_params(fw, &params);
	return nvgt_make(gpu, NVGT_CHANNEL, parent, &params, handle);
}

static int nvgt_bind(struct nvg_gpu *gpu, u32 channel, u32 engine_type)
{
	__le32 params = cpu_to_le32(engine_type);

	return nvg_rm_control(gpu, channel, R570_CHANNEL_BIND, &params, sizeof(params));
}

static int nvgt_make_copy(struct nvg_gpu *gpu, u32 channel, u32 engine_type, u32 *handle)
{
	struct r570_copy params = {
		.version = cpu_to_le32(R570_COPY_VERSION),
		.engine_type = cpu_to_le32(engine_type),
	};

	return nvgt_make(gpu, NVGT_COPY, channel, &params, handle);
}

/* Each object where it belongs: that is the test of it, in whatever test it is made for */
struct nvgt_tree *nvgt_tree(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_zalloc(test, sizeof(*tree));
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u32 *handle = tree->handle;
	u32 device, subdevice;

	tree->mem = nvgt_channel_mem(test);
	tree->fw = nvgt_channel(test, tree->mem, 0);
	handle[NVGT_CLIENT] = gpu->rm.client;
	KUNIT_ASSERT_EQ(test, nvgt_make_device(gpu, &device), 0);
	nvgt_own(test, device);
	handle[NVGT_DEVICE] = device;
	KUNIT_ASSERT_EQ(test, nvgt_make_subdevice(gpu, device, &subdevice), 0);
	handle[NVGT_SUBDEVICE] = subdevice;
	KUNIT_ASSERT_EQ(test, nvgt_make_event(gpu, subdevice, &handle[NVGT_EVENT]), 0);
	KUNIT_ASSERT_EQ(test, nvgt_make(gpu, NVGT_USERMODE, subdevice, NULL,
					&handle[NVGT_USERMODE]), 0);

	KUNIT_ASSERT_EQ(test, nvgt_make_vaspace(gpu, device, tree->mem->addr + NVGT_PDB,
						&handle[NVGT_VASPACE]), 0);
	tree->fw.vaspace = handle[NVGT_VASPACE];
	KUNIT_ASSERT_EQ(test, nvgt_make_group(gpu, device, tree->fw.engine_type,
					      &handle[NVGT_GROUP]), 0);
	tree->fw.tsg = handle[NVGT_GROUP];
	KUNIT_ASSERT_EQ(test, nvgt_make_channel(gpu, tree->fw.tsg, &tree->fw,
						&handle[NVGT_CHANNEL]), 0);
	tree->fw.handle = handle[NVGT_CHANNEL];
	KUNIT_ASSERT_EQ(test, nvgt_bind(gpu, tree->fw.handle, tree->fw.engine_type), 0);
	KUNIT_ASSERT_EQ(test, nvgt_make_copy(gpu, tree->fw.handle, tree->fw.engine_type,
					     &handle[NVGT_COPY]), 0);
	return tree;
}

/*
 * Places
 */

void nvgt_expect_gone(struct kunit *test, u32 handle)
{
	NVGT_EXPECT_MISTAKE(test, nvg_rm_free(nvgt_rm_gpu(test), handle), -ENOENT,
			    "does not exist");
}

static void objects_are_made_and_freed_one_by_one(struct kunit *test)
{
	static const enum nvgt_class order[] = {
		NVGT_COPY, NVGT_CHANNEL, NVGT_GROUP, NVGT_VASPACE, NVGT_USERMODE, NVGT_EVENT,
		NVGT_SUBDEVICE,
	};
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		KUNIT_EXPECT_EQ_MSG(test, nvg_rm_free(gpu, tree->handle[order[i]]), 0,
				    "class %#x", nvgt_classes[order[i]].class);
		nvgt_expect_gone(test, tree->handle[order[i]]);
	}
}

static void freed_object_takes_what_is_below_it(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct r570_device device = {};
	struct nvgt_object *object;
	struct nvgt_tree *tree;
	unsigned int i;
	u32 handle;

	tree = nvgt_tree(test);
	KUNIT_EXPECT_EQ(test, nvg_rm_free(gpu, tree->handle[NVGT_GROUP]), 0);
	nvgt_expect_gone(test, tree->handle[NVGT_CHANNEL]);
	nvgt_expect_gone(test, tree->handle[NVGT_COPY]);
	/* What is beside it stays */
	KUNIT_EXPECT_EQ(test, nvg_rm_free(gpu, tree->handle[NVGT_EVENT]), 0);

	tree = nvgt_tree(test);
	KUNIT_EXPECT_EQ(test, nvg_rm_free(gpu, tree->handle[NVGT_DEVICE]), 0);
	for (i = NVGT_DEVICE; i < NVGT_CLASSES; i++)
		nvgt_expect_gone(test, tree->handle[i]);
	/* The handle may be used again: the tree's end frees this one */
	KUNIT_ASSERT_EQ(test, nvg_rm_alloc(gpu, gpu->rm.client, tree->handle[NVGT_DEVICE],
					   R570_CLASS_DEVICE, &device, sizeof(device)), 0);

	/* So may the channel id, with memory that is cleared */
	memset(tree->mem->cpu, 0, tree->mem->size);
	KUNIT_ASSERT_EQ(test, nvgt_make_vaspace(gpu, gpu->rm.device, tree->mem->addr + NVGT_PDB,
						&tree->fw.vaspace), 0);
	object = nvgt_own(test, tree->fw.vaspace);
	KUNIT_ASSERT_EQ(test, nvgt_make_channel(gpu, gpu->rm.device, &tree->fw, &handle), 0);
	nvgt_free(nvgt_own(test, handle));
	nvgt_free(object);
}

static void objects_are_refused_where_they_do_not_belong(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	void *params = nvgt_zalloc(test, SZ_4K);
	unsigned int what, where;
	u32 handle;

	for (what = NVGT_DEVICE; what < NVGT_CLASSES; what++) {
		for (where = 0; where < NVGT_CLASSES; where++) {
			if (nvgt_classes[what].parents & BIT(where))
				continue;
			NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, what, tree->handle[where],
							    params, &handle),
					    -EINVAL, "below");
		}
		NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, what, NVGT_HANDLE_NOBODY_HAS, params,
						    &handle), -EINVAL, "below");
		nvgt_expect_gone(test, handle);
	}
	/* A client is nobody's child, and has the number that its messages come with */
	for (where = 0; where < NVGT_CLASSES; where++)
		NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_CLIENT, tree->handle[where],
						    params, &handle), -EINVAL, "client");
}

static void parameters_of_a_wrong_size_are_refused(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u8 *params = nvgt_zalloc(test, SZ_4K);
	unsigned int what;

	for (what = NVGT_DEVICE; what < NVGT_CLASSES; what++) {
		const struct nvgt_class_info *class = &nvgt_classes[what];
		u32 parent = tree->handle[__ffs(class->parents)];

		NVGT_EXPECT_MISTAKE(test, nvg_rm_alloc(gpu, parent, nvg_rm_handle(gpu),
						       class->class, params, class->size + 4),
				    -EINVAL, "bytes of parameters");
		if (class->size)
			NVGT_EXPECT_MISTAKE(test, nvg_rm_alloc(gpu, parent, nvg_rm_handle(gpu),
							       class->class, params,
							       class->size - 1),
					    -EINVAL, "bytes of parameters");
	}
}

static void unknown_class_is_refused(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u8 params[8] = {};

	KUNIT_EXPECT_EQ(test, nvg_rm_alloc(gpu, gpu->rm.device, nvg_rm_handle(gpu),
					   NVGT_CLASS_UNKNOWN, params, sizeof(params)), -EINVAL);
}

/*
 * Handles
 */

static void handle_belongs_to_one_object(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct r570_subdevice params = {};
	unsigned int i;

	for (i = 0; i < NVGT_CLASSES; i++)
		NVGT_EXPECT_MISTAKE(test, nvg_rm_alloc(gpu, tree->handle[NVGT_DEVICE],
						       tree->handle[i], R570_CLASS_SUBDEVICE,
						       &params, sizeof(params)),
				    -EEXIST, "is in use");
	NVGT_EXPECT_MISTAKE(test, nvg_rm_alloc(gpu, tree->handle[NVGT_DEVICE], 0,
					       R570_CLASS_SUBDEVICE, &params, sizeof(params)),
			    -EEXIST, "is in use");
}

static void handle_that_nobody_has_is_refused(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	__le64 params = 0;

	nvgt_expect_gone(test, NVGT_HANDLE_NOBODY_HAS);
	NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, NVGT_HANDLE_NOBODY_HAS,
						 R570_GPU_VMMU_SEGMENT_SIZE, &params,
						 sizeof(params)), -EINVAL, "does not exist");
}

static void fresh_handles_differ(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u32 a = nvg_rm_handle(gpu), b = nvg_rm_handle(gpu);

	KUNIT_EXPECT_NE(test, a, b);
	KUNIT_EXPECT_NE(test, a, gpu->rm.client);
	KUNIT_EXPECT_NE(test, a, gpu->rm.device);
	KUNIT_EXPECT_NE(test, a, gpu->rm.subdevice);
}

/*
 * Clients. The driver has one, and its functions know no other.
 */

static int nvgt_raw_alloc(struct nvg_gpu *gpu, u32 client, u32 parent, u32 handle, u32 class,
			  const void *params, u32 size)
{
	size_t len = sizeof(struct r570_rm_alloc) + size;
	int ret;

	struct r570_rm_alloc *msg __free(kfree) = kzalloc(len, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	msg->client = cpu_to_le32(client);
	msg->parent = cpu_to_le32(parent);
	msg->object = cpu_to_le32(handle);
	msg->class = cpu_to_le32(class);
	msg->size = cpu_to_le32(size);
	memcpy(msg->params, params, size);
	ret = nvg_rpc_call(gpu, R570_FN_RM_ALLOC, msg, len, msg, len);
	return ret ?: nvg_rm_errno(le32_to_cpu(msg->status));
}

static int nvgt_raw_free(struct nvg_gpu *gpu, u32 client, u32 handle)
{
	struct r570_rm_free msg = {
		.root = cpu_to_le32(client),
		.object = cpu_to_le32(handle),
	};
	int ret = nvg_rpc_call(gpu, R570_FN_FREE, &msg, sizeof(msg), &msg, sizeof(msg));

	return ret ?: nvg_rm_errno(le32_to_cpu(msg.status));
}

static void clients_are_apart(struct kunit *test)
{
	struct r570_root root = { .client = cpu_to_le32(NVGT_OTHER_CLIENT) };
	u32 other = NVGT_OTHER_CLIENT;
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct r570_device device = {};
	struct r570_subdevice subdevice = {};
	u32 handle = gpu->rm.device;

	NVGT_EXPECT_MISTAKE(test, nvgt_raw_alloc(gpu, other, other, handle, R570_CLASS_DEVICE,
						 &device, sizeof(device)), -EINVAL,
			    "does not exist");
	KUNIT_ASSERT_EQ(test, nvgt_raw_alloc(gpu, other, other, other, R570_CLASS_ROOT, &root,
					     sizeof(root)), 0);
	NVGT_EXPECT_MISTAKE(test, nvgt_raw_alloc(gpu, other, other, other, R570_CLASS_ROOT, &root,
						 sizeof(root)), -EEXIST, "is in use");
	/* Another's object is no parent */
	NVGT_EXPECT_MISTAKE(test, nvgt_raw_alloc(gpu, other, handle, nvg_rm_handle(gpu),
						 R570_CLASS_SUBDEVICE, &subdevice,
						 sizeof(subdevice)), -EINVAL, "below");
	/* A handle is one's own */
	KUNIT_EXPECT_EQ(test, nvgt_raw_alloc(gpu, other, other, handle, R570_CLASS_DEVICE,
					     &device, sizeof(device)), 0);
	KUNIT_EXPECT_EQ(test, nvgt_raw_free(gpu, other, other), 0);
	NVGT_EXPECT_MISTAKE(test, nvgt_raw_free(gpu, other, handle), -ENOENT, "does not exist");
	/* The driver's is still there */
	KUNIT_EXPECT_EQ(test, nvgt_make_subdevice(gpu, gpu->rm.device, &handle), 0);
	KUNIT_EXPECT_EQ(test, nvg_rm_free(gpu, handle), 0);
}

static void client_that_lies_about_its_number_is_refused(struct kunit *test)
{
	struct r570_root root = { .client = cpu_to_le32(NVGT_OTHER_CLIENT + 1) };
	u32 other = NVGT_OTHER_CLIENT;

	NVGT_EXPECT_MISTAKE(test, nvgt_raw_alloc(nvgt_rm_gpu(test), other, other, other,
						 R570_CLASS_ROOT, &root, sizeof(root)), -EINVAL,
			    "its parameters say");
}

/* The static info tells handles of a client that the firmware itself made */
static void objects_of_the_firmware_stay(struct kunit *test)
{
	struct r570_static_info *info = nvgt_static_info(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u32 client = le32_to_cpu(info->client);

	KUNIT_EXPECT_NE(test, client, gpu->rm.client);
	NVGT_EXPECT_MISTAKE(test, nvgt_raw_free(gpu, client, le32_to_cpu(info->subdevice)),
			    -EPERM, "firmware's own");
	NVGT_EXPECT_MISTAKE(test, nvgt_raw_free(gpu, client, le32_to_cpu(info->device)),
			    -EPERM, "firmware's own");
	NVGT_EXPECT_MISTAKE(test, nvgt_raw_free(gpu, client, client), -EPERM, "firmware's own");
}

/*
 * Parameters
 */

static void device_and_subdevice_have_number_zero(struct kunit *test)
{
	struct r570_subdevice subdevice = { .id = cpu_to_le32(1) };
	struct r570_device device = { .id = cpu_to_le32(1) };
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u32 handle;

	NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_DEVICE, gpu->rm.client, &device, &handle),
			    -EINVAL, "number 1");
	NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_SUBDEVICE, gpu->rm.device, &subdevice,
					    &handle), -EINVAL, "number 1");
}

static void event_names_its_class_and_what_it_is_of(struct kunit *test)
{
	struct r570_event event = { .class = cpu_to_le32(R570_CLASS_EVENT + 1) };
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u32 handle;

	NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_EVENT, gpu->rm.subdevice, &event, &handle),
			    -EINVAL, "event of class 0x7f");
	event.class = cpu_to_le32(R570_CLASS_EVENT);
	event.index = cpu_to_le32(1000);
	NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_EVENT, gpu->rm.subdevice, &event, &handle),
			    -EINVAL, "index 1000");
}

static void address_space_has_page_tables_of_the_host(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct r570_vaspace params = {};
	u32 handle;

	NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_VASPACE, gpu->rm.device, &params, &handle),
			    -EOPNOTSUPP, "not externally owned");
}

static void address_space_is_not_freed_below_a_channel(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	NVGT_EXPECT_MISTAKE(test, nvg_rm_free(gpu, tree->fw.vaspace), -EINVAL,
			    "below 1 channels");
	KUNIT_EXPECT_EQ(test, nvg_rm_free(gpu, tree->fw.tsg), 0);
	KUNIT_EXPECT_EQ(test, nvg_rm_free(gpu, tree->fw.vaspace), 0);
}

static void group_needs_an_engine_and_an_address_space(struct kunit *test)
{
	struct r570_channel_group params = { .engine_type = cpu_to_le32(1) };
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u32 handle;

	NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_GROUP, gpu->rm.device, &params, &handle),
			    -EINVAL, "engine type 0x1");
	params.engine_type = cpu_to_le32(gpu->engines.e[0].info.rm_type);
	params.vaspace = cpu_to_le32(NVGT_HANDLE_NOBODY_HAS);
	NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_GROUP, gpu->rm.device, &params, &handle),
			    -EINVAL, "address space 0xbad00001");
	/* Something else is no address space */
	params.vaspace = cpu_to_le32(gpu->rm.subdevice);
	NVGT_EXPECT_MISTAKE(test, nvgt_make(gpu, NVGT_GROUP, gpu->rm.device, &params, &handle),
			    -EINVAL, "channel group with address space");
}

static void channel_has_the_engine_of_its_group(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct nvg_fw_channel fw = nvgt_channel(test, nvgt_channel_mem(test), tree->fw.vaspace);
	u32 handle, group;

	if (gpu->engines.nr < 2)
		kunit_skip(test, "one copy engine");
	fw.engine_type = gpu->engines.e[1].info.rm_type;
	NVGT_EXPECT_MISTAKE(test, nvgt_make_channel(gpu, tree->fw.tsg, &fw, &handle), -EINVAL,
			    "in a group of");

	/* A copy engine's object, and BIND, name the engine of their channel */
	KUNIT_ASSERT_EQ(test, nvgt_make_group(gpu, tree->handle[NVGT_DEVICE], fw.engine_type,
					      &group), 0);
	KUNIT_ASSERT_EQ(test, nvgt_make_channel(gpu, group, &fw, &fw.handle), 0);
	NVGT_EXPECT_MISTAKE(test, nvgt_bind(gpu, fw.handle, tree->fw.engine_type), -EINVAL,
			    "BIND of channel");
	NVGT_EXPECT_MISTAKE(test, nvgt_make_copy(gpu, fw.handle, tree->fw.engine_type, &handle),
			    -EINVAL, "on channel");
	NVGT_EXPECT_MISTAKE(test, nvgt_make_copy(gpu, fw.handle, fw.engine_type, &handle),
			    -EINVAL, "before BIND");
	KUNIT_EXPECT_EQ(test, nvgt_bind(gpu, fw.handle, fw.engine_type), 0);
	KUNIT_EXPECT_EQ(test, nvgt_make_copy(gpu, fw.handle, fw.engine_type, &handle), 0);
}

static struct kunit_case nvgt_rm_object_cases[] = {
	KUNIT_CASE(objects_are_made_and_freed_one_by_one),
	KUNIT_CASE(freed_object_takes_what_is_below_it),
	KUNIT_CASE(objects_are_refused_where_they_do_not_belong),
	KUNIT_CASE(parameters_of_a_wrong_size_are_refused),
	KUNIT_CASE(unknown_class_is_refused),
	KUNIT_CASE(handle_belongs_to_one_object),
	KUNIT_CASE(handle_that_nobody_has_is_refused),
	KUNIT_CASE(fresh_handles_differ),
	KUNIT_CASE(clients_are_apart),
	KUNIT_CASE(client_that_lies_about_its_number_is_refused),
	KUNIT_CASE(objects_of_the_firmware_stay),
	KUNIT_CASE(device_and_subdevice_have_number_zero),
	KUNIT_CASE(event_names_its_class_and_what_it_is_of),
	KUNIT_CASE(address_space_has_page_tables_of_the_host),
	KUNIT_CASE(address_space_is_not_freed_below_a_channel),
	KUNIT_CASE(group_needs_an_engine_and_an_address_space),
	KUNIT_CASE(channel_has_the_engine_of_its_group),
	{ }
};

struct kunit_suite nvgt_rm_object_suite = {
	.name = "nvgrace_vgpu_rm_object",
	.init = nvgt_rm_init,
	.test_cases = nvgt_rm_object_cases,
};
