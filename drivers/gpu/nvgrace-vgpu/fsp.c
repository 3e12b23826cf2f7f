// SPDX-License-Identifier: GPL-2.0
/*
 * FSP takes a message in a mailbox of 1 KiB (EMEM, read and written word by word
 * through a window) and answers in the same mailbox. Two pairs of pointers say whose
 * turn it is: the request is FSP's while its head and tail differ, the answer ours.
 * A message is an MCTP packet with an NVDM message in it. One request at a time:
 * callers hold gpu->lock for writing.
 *
 * What FSP starts, and what becomes of it, is in gsp.c.
 */
#include <linux/iopoll.h>
#include <linux/slab.h>

#include "gpu.h"

#define NVG_FSP_EMEM_SIZE		1024		/* bytes of the mailbox */

#define NVG_FSP_REPLY_US		(2 * USEC_PER_SEC)
#define NVG_FSP_POLL_US			1000

#define MCTP_SOM			BIT(31)
#define MCTP_EOM			BIT(30)
#define NVDM_HEADER(type)		(((u32)(type) << 24) | 0x10de7e)
#define NVDM_HEADER_MASK		0xffffff7f	/* bit 7 is not part of the type */
#define NVDM_PRC			0x13
#define NVDM_COT			0x14
#define NVDM_RESPONSE			0x15

#define PRC_READ			0x0c
#define PRC_ACTIVE			0x02		/* the value of this boot */
#define PRC_VGPU_MODE			0x29

struct fsp_header {
	__le32 mctp;
	__le32 nvdm;
} __packed;

struct fsp_response {
	struct fsp_header header;
	__le32 task;
	__le32 command;			/* NVDM type of the request */
	__le32 error;
} __packed;

struct fsp_prc {
	struct fsp_header header;
	u8 sub_message;
	u8 flags;
	u8 object;
	u8 reserved;
} __packed;

struct fsp_prc_response {
	struct fsp_response response;
	__le16 value;
	__le16 reserved;
} __packed;

#define COT_VERSION			2
#define COT_SIZE			860

struct fsp_cot {
	struct fsp_header header;
	__le16 version;
	__le16 size;
	__le64 fmc;
	__le64 frts_sysmem;
	__le32 frts_sysmem_size;
	__le64 frts_offset;
	__le32 frts_size;
	u8 hash[NVG_FSP_HASH_SIZE];
	u8 key[NVG_FSP_KEY_SIZE];
	u8 signature[NVG_FSP_SIGNATURE_SIZE];
	__le64 boot_params;
} __packed;

static_assert(sizeof(struct fsp_cot) == sizeof(struct fsp_header) + COT_SIZE);
static_assert(sizeof(struct fsp_cot) <= NVG_FSP_EMEM_SIZE);

/* Bytes of the answer, 0 if there is none, or what no answer can have */
static u32 fsp_answer_size(struct nvg_gpu *gpu)
{
	u32 head = nvg_rd32(gpu, NV_PFSP_MSGQ_HEAD(0));
	u32 tail = nvg_rd32(gpu, NV_PFSP_MSGQ_TAIL(0));

	return head == tail ? 0 : tail - head + sizeof(u32);
}

/* The answer was read, or is nobody's */
static void fsp_acknowledge(struct nvg_gpu *gpu)
{
	nvg_wr32(gpu, NV_PFSP_MSGQ_TAIL(0), 0);
	nvg_wr32(gpu, NV_PFSP_MSGQ_HEAD(0), 0);
}

static void fsp_write(struct nvg_gpu *gpu, const void *request, size_t size)
{
	const __le32 *word = request;
	size_t i;

	nvg_wr32(gpu, NV_PFSP_EMEMC(0), NV_PFSP_EMEMC_AINCW);
	for (i = 0; i < size / sizeof(*word); i++)
		nvg_wr32(gpu, NV_PFSP_EMEMD(0), le32_to_cpu(word[i]));
	nvg_wr32(gpu, NV_PFSP_QUEUE_TAIL(0), size - sizeof(*word));
	nvg_wr32(gpu, NV_PFSP_QUEUE_HEAD(0), 0);
}

static void fsp_read(struct nvg_gpu *gpu, void *answer, size_t size)
{
	__le32 *word = answer;
	size_t i;

	nvg_wr32(gpu, NV_PFSP_EMEMC(0), NV_PFSP_EMEMC_AINCR);
	for (i = 0; i < size / sizeof(*word); i++)
		word[i] = cpu_to_le32(nvg_rd32(gpu, NV_PFSP_EMEMD(0)));
	fsp_acknowledge(gpu);
}

/* Does @answer belong to the request @type, and was that granted? */
static int fsp_check(struct nvg_gpu *gpu, const char *what, u8 type,
		     const struct fsp_response *answer)
{
	u32 mctp = le32_to_cpu(answer->header.mctp);
	u32 nvdm = le32_to_cpu(answer->header.nvdm);
	u32 command = le32_to_cpu(answer->command);
	u32 error = le32_to_cpu(answer->error);

	if ((mctp & (MCTP_SOM | MCTP_EOM)) != (MCTP_SOM | MCTP_EOM) ||
	    (nvdm & NVDM_HEADER_MASK) != NVDM_HEADER(NVDM_RESPONSE) || command != type) {
		dev_err(gpu->dev, "FSP: %s: answer %#x %#x to request %#x is none to %#x\n", what,
			mctp, nvdm, command, type);
		return -EPROTO;
	}
	if (error) {
		dev_err(gpu->dev, "FSP: %s: refused with error %#x\n", what, error);
		return -EREMOTEIO;
	}
	return 0;
}

/*
 * Send @request, wait for its answer and copy @answer_size bytes of it. Sizes are
 * multiples of 4. -EREMOTEIO: FSP refuses, and can be asked again. Any other error:
 * it is not known what FSP does.
 */
static int fsp_call(struct nvg_gpu *gpu, const char *what, void *request, size_t size, u8 type,
		    void *answer, size_t answer_size)
{
	struct fsp_header *header = request;
	u32 got;
	int rc;

	header->mctp = cpu_to_le32(MCTP_SOM | MCTP_EOM);
	header->nvdm = cpu_to_le32(NVDM_HEADER(type));

	/* An answer that another driver did not wait for */
	if (fsp_answer_size(gpu))
		fsp_acknowledge(gpu);
	fsp_write(gpu, request, size);
	rc = readx_poll_timeout(fsp_answer_size, gpu, got, got, NVG_FSP_POLL_US, NVG_FSP_REPLY_US);
	if (rc) {
		dev_err(gpu->dev, "FSP: %s: no answer in 2 s (request head %#x, tail %#x)\n", what,
			nvg_rd32(gpu, NV_PFSP_QUEUE_HEAD(0)), nvg_rd32(gpu, NV_PFSP_QUEUE_TAIL(0)));
		return rc;
	}
	if (got < sizeof(struct fsp_response) || got > NVG_FSP_EMEM_SIZE) {
		dev_err(gpu->dev, "FSP: %s: answer of %u bytes\n", what, got);
		fsp_acknowledge(gpu);
		return -EPROTO;
	}
	memset(answer, 0, answer_size);
	fsp_read(gpu, answer, min_t(size_t, got, answer_size));
	rc = fsp_check(gpu, what, type, answer);
	if (!rc && got < answer_size) {
		dev_err(gpu->dev, "FSP: %s: answer of %u bytes, %zu wanted\n", what, got,
			answer_size);
		return -EPROTO;
	}
	return rc;
}

/**
 * nvg_fsp_vgpu_knob() - ask whether the GPU is configured for vGPUs in this boot
 * @gpu: the GPU
 * @on: set to the answer
 *
 * Return: 0; -EREMOTEIO when FSP refuses (it has no such knob); -ETIMEDOUT or -EPROTO when
 * FSP is not to be relied on.
 */
int nvg_fsp_vgpu_knob(struct nvg_gpu *gpu, bool *on)
{
	struct fsp_prc request = {
		.sub_message = PRC_READ,
		.flags = PRC_ACTIVE,
		.object = PRC_VGPU_MODE,
	};
	struct fsp_prc_response answer;
	u16 value;
	int rc;

	rc = fsp_call(gpu, "vGPU knob", &request, sizeof(request), NVDM_PRC, &answer,
		      sizeof(answer));
	if (rc)
		return rc;
	value = le16_to_cpu(answer.value);
	if (value > 1) {
		dev_err(gpu->dev, "FSP: vGPU knob: value %#x\n", value);
		return -EPROTO;
	}
	*on = value;
	return 0;
}

/**
 * nvg_fsp_send_cot() - let FSP start the firmware
 * @gpu: the GPU
 * @cot: what it is and where
 *
 * When this returns 0, FSP has taken the message; GSP's registers tell the rest. The memory
 * that @cot tells of is read until GSP's lockdown ends.
 *
 * Return: 0; -EREMOTEIO when FSP refuses; -ETIMEDOUT, -EPROTO; -ENOMEM.
 */
int nvg_fsp_send_cot(struct nvg_gpu *gpu, const struct nvg_cot *cot)
{
	struct fsp_response answer;
	struct fsp_cot *request;
	int rc;

	request = kzalloc_obj(*request);
	if (!request)
		return -ENOMEM;
	request->version = cpu_to_le16(COT_VERSION);
	request->size = cpu_to_le16(COT_SIZE);
	request->fmc = cpu_to_le64(cot->fmc);
	request->frts_offset = cpu_to_le64(cot->frts_offset);
	request->frts_size = cpu_to_le32(cot->frts_size);
	memcpy(request->hash, cot->hash, sizeof(request->hash));
	memcpy(request->key, cot->key, sizeof(request->key));
	memcpy(request->signature, cot->signature, sizeof(request->signature));
	request->boot_params = cpu_to_le64(cot->boot_params);

	rc = fsp_call(gpu, "chain of trust", request, sizeof(*request), NVDM_COT, &answer,
		      sizeof(answer));
	kfree(request);
	return rc;
}
