// SPDX-License-Identifier: GPL-2.0
/*
 * The client of RM: objects are made, freed and controlled by messages of three
 * functions. The parameters of classes and controls are for fw_r570.c to know.
 */
#include <kunit/visibility.h>
#include <linux/slab.h>

#include "gpu.h"
#include "fw_r570.h"

#define CLIENT_HANDLE	0xc1d00001U
#define DEVICE_HANDLE	0xde1d0001U
#define SUBDEVICE_HANDLE 0x5d1d0001U
#define FIRST_HANDLE	0xcaf00000U

/* Parameters beyond this are a mistake of the caller's */
#define MAX_PARAMS	(NVG_MESSAGE_MAX - 4096U)

/**
 * nvg_rm_errno - what a status of RM means here
 * @status: NV_STATUS, of a reply's header or payload
 *
 * Return: 0, or a negative errno: -EIO for all that has none of its own.
 */
int nvg_rm_errno(u32 status)
{
	switch (status) {
	case 0x00:	/* OK */
		return 0;
	case 0x1b:	/* INSUFFICIENT_PERMISSIONS */
		return -EPERM;
	case 0x1e:	/* INVALID_ADDRESS */
	case 0x1f:	/* INVALID_ARGUMENT */
	case 0x21:	/* INVALID_CHANNEL */
	case 0x22:	/* INVALID_CLASS */
	case 0x23:	/* INVALID_CLIENT */
	case 0x24:	/* INVALID_COMMAND */
	case 0x26:	/* INVALID_DEVICE */
	case 0x29:	/* INVALID_FLAGS */
	case 0x2c:	/* INVALID_INDEX */
	case 0x2e:	/* INVALID_LIMIT */
	case 0x31:	/* INVALID_OBJECT */
	case 0x33:	/* INVALID_OBJECT_HANDLE */
	case 0x36:	/* INVALID_OBJECT_PARENT */
	case 0x37:	/* INVALID_OFFSET */
	case 0x3a:	/* INVALID_PARAM_STRUCT */
	case 0x3b:	/* INVALID_PARAMETER */
	case 0x3f:	/* INVALID_REQUEST */
	case 0x40:	/* INVALID_STATE */
		return -EINVAL;
	case 0x19:	/* INSERT_DUPLICATE_NAME */
		return -EEXIST;
	case 0x57:	/* OBJECT_NOT_FOUND */
		return -ENOENT;
	case 0x1a:	/* INSUFFICIENT_RESOURCES */
	case 0x51:	/* NO_MEMORY */
		return -ENOMEM;
	case 0x17:	/* IN_USE */
	case 0x63:	/* STATE_IN_USE */
		return -EBUSY;
	case 0x03:	/* BUSY_RETRY */
	case 0x55:	/* NOT_READY */
	case 0x66:	/* TIMEOUT_RETRY */
		return -EAGAIN;
	case 0x56:	/* NOT_SUPPORTED */
		return -EOPNOTSUPP;
	case 0x65:	/* TIMEOUT */
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}
EXPORT_SYMBOL_IF_KUNIT(nvg_rm_errno);

/**
 * nvg_rm_handle - a handle that no object of this boot has
 * @gpu: the GPU
 *
 * Return: the handle.
 */
u32 nvg_rm_handle(struct nvg_gpu *gpu)
{
	return FIRST_HANDLE + (u32)atomic_inc_return(&gpu->rm.next);
}
EXPORT_SYMBOL_IF_KUNIT(nvg_rm_handle);

/*
 * A message: @head of @header bytes, of which @status is a part, and @size bytes of parameters
 * behind it; on success they are as the firmware left them
 */
static int rm_call(struct nvg_gpu *gpu, u32 fn, void *head, size_t header, const __le32 *status,
		   void *params, u32 size)
{
	void *msg __free(kvfree) = NULL;
	int err;

	if (size > MAX_PARAMS)
		return -E2BIG;
	msg = kvzalloc(header + size, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	memcpy(msg, head, header);
	if (size)
		memcpy(msg + header, params, size);
	err = nvg_rpc_call(gpu, fn, msg, header + size, msg, header + size);
	if (err)
		return err;
	memcpy(head, msg, header);
	err = nvg_rm_errno(le32_to_cpu(*status));
	if (!err && size)
		memcpy(params, msg + header, size);
	return err;
}

/**
 * nvg_rm_alloc - make an object
 * @gpu: the GPU
 * @parent: handle of its parent, @handle itself for the client
 * @handle: that it will have
 * @class: of the object
 * @params: in the layout of the firmware's version; as the firmware left them on success
 * @size: bytes of them, may be 0
 *
 * Return: 0 or a negative errno, see nvg_rpc_call() and nvg_rm_errno().
 */
int nvg_rm_alloc(struct nvg_gpu *gpu, u32 parent, u32 handle, u32 class, void *params, u32 size)
{
	struct r570_rm_alloc msg = {
		.client = cpu_to_le32(gpu->rm.client),
		.parent = cpu_to_le32(parent),
		.object = cpu_to_le32(handle),
		.class = cpu_to_le32(class),
		.size = cpu_to_le32(size),
	};
	int err;

	err = rm_call(gpu, R570_FN_RM_ALLOC, &msg, sizeof(msg), &msg.status, params, size);
	if (err)
		dev_dbg(gpu->dev, "RM: class %#x below %#x: %d\n", class, parent, err);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_rm_alloc);

/**
 * nvg_rm_free - free an object, and those below it
 * @gpu: the GPU
 * @handle: of it
 *
 * Return: 0 or a negative errno, see nvg_rpc_call() and nvg_rm_errno().
 */
int nvg_rm_free(struct nvg_gpu *gpu, u32 handle)
{
	struct r570_rm_free msg = {
		.root = cpu_to_le32(gpu->rm.client),
		.object = cpu_to_le32(handle),
	};
	int err;

	err = nvg_rpc_call(gpu, R570_FN_FREE, &msg, sizeof(msg), &msg, sizeof(msg));
	if (err)
		return err;
	return nvg_rm_errno(le32_to_cpu(msg.status));
}
EXPORT_SYMBOL_IF_KUNIT(nvg_rm_free);

/**
 * nvg_rm_control - ask something of an object
 * @gpu: the GPU
 * @object: its handle
 * @cmd: what
 * @params: in the layout of the firmware's version; the answer on success
 * @size: bytes of them
 *
 * Return: 0 or a negative errno, see nvg_rpc_call() and nvg_rm_errno().
 */
int nvg_rm_control(struct nvg_gpu *gpu, u32 object, u32 cmd, void *params, u32 size)
{
	struct r570_rm_control msg = {
		.client = cpu_to_le32(gpu->rm.client),
		.object = cpu_to_le32(object),
		.cmd = cpu_to_le32(cmd),
		.size = cpu_to_le32(size),
	};
	int err;

	err = rm_call(gpu, R570_FN_RM_CONTROL, &msg, sizeof(msg), &msg.status, params, size);
	if (err)
		dev_dbg(gpu->dev, "RM: control %#x of %#x: %d\n", cmd, object, err);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_rm_control);

/**
 * nvg_rm_init - make the client, its device and its subdevice
 * @gpu: the GPU, whose firmware has just booted
 *
 * Return: 0 or a negative errno, see nvg_rpc_call() and nvg_rm_errno().
 */
int nvg_rm_init(struct nvg_gpu *gpu)
{
	struct nvg_rm *rm = &gpu->rm;
	int err;

	rm->client = CLIENT_HANDLE;
	rm->device = DEVICE_HANDLE;
	rm->subdevice = SUBDEVICE_HANDLE;
	atomic_set(&rm->next, 0);
	err = nvg_fw_root_alloc(gpu);
	if (err) {
		dev_err(gpu->dev, "RM: no client: %d\n", err);
		rm->client = 0;
	}
	return err;
}

/**
 * nvg_rm_fini - free the client and all that it still has
 * @gpu: the GPU; nothing happens if its firmware is lost
 */
void nvg_rm_fini(struct nvg_gpu *gpu)
{
	int err;

	if (gpu->rm.client && !nvg_gpu_is_lost(gpu)) {
		err = nvg_rm_free(gpu, gpu->rm.client);
		if (err)
			dev_warn(gpu->dev, "RM: client not freed: %d\n", err);
	}
	gpu->rm.client = 0;
}
