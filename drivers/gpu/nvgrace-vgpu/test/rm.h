/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the driver's client of RM share: an object of each class, mistakes
 * that the device model counts, and those layouts of 570.144 that the driver itself has
 * no use for.
 *
 * They call the inside of the driver, without gpu->lock: a test keeps the driver from
 * leaving (nvgt_gpu_get()), and messages end with an error when the GPU is reset.
 */
#ifndef NVGRACE_VGPU_TEST_RM_H
#define NVGRACE_VGPU_TEST_RM_H

#include "../gpu.h"
#include "../fw_r570.h"
#include "test.h"

/* Window of the device model in BAR 0: what a driver did wrong, and what shall go wrong */
#define NVGT_TROUBLE		0xff0000
#define NVGT_TROUBLE_SIZE	0x1000
#define NVGT_TROUBLE_MAGIC	0x00
#define  NVGT_TROUBLE_MAGIC_VALUE 0x4e564d31
#define NVGT_TROUBLE_EXPECT	0x08		/* 1: errors are counted as expected ones */
#define NVGT_TROUBLE_EXPECTED	0x0c		/* how many; a write clears */
#define NVGT_TROUBLE_INJECT	0x10		/* kind 7:0, parameter 31:8 */
#define NVGT_TROUBLE_TEXT	0x40		/* of the last error, ends with 0 */
#define NVGT_TROUBLE_TEXT_SIZE	192

#define NVGT_INJECT_ECC			20	/* parameter: page of 64 KiB */
#define NVGT_INJECT_PREEMPT_STUCK	23

int nvgt_rm_init(struct kunit *test);
struct nvg_gpu *nvgt_rm_gpu(struct kunit *test);
void nvgt_inject(struct kunit *test, u32 kind, u32 param);
void nvgt_mistake_begin(struct kunit *test);
void nvgt_mistake_end(struct kunit *test, unsigned int count, const char *text);

/* As the firmware tells it, with what the driver does not read */
struct r570_static_info *nvgt_static_info(struct kunit *test);

/*
 * @call breaks a rule: it returns @err, and the device model counts one driver error, which
 * says @text. The test is skipped where nobody counts.
 */
#define NVGT_EXPECT_MISTAKE(test, call, err, text)			\
do {									\
	struct kunit *_test = (test);					\
	const char *_text = (text);					\
									\
	nvgt_mistake_begin(_test);					\
	KUNIT_EXPECT_EQ_MSG(_test, call, err, "%s", _text);		\
	nvgt_mistake_end(_test, 1, _text);				\
} while (0)

/**
 * struct nvgt_object - an object that ends with its test
 * @test: the test
 * @handle: of the object
 */
struct nvgt_object {
	struct kunit *test;
	u32 handle;
};

/* It, and what is below it, is freed when the test ends, or by nvgt_free(); that must succeed */
struct nvgt_object *nvgt_own(struct kunit *test, u32 handle);
void nvgt_free(struct nvgt_object *object);

/* A channel id of which the test is the only user */
u32 nvgt_chid(struct kunit *test);

/*
 * Classes, those below after those above
 */

#define R570_CLASS_EVENT	0x007e		/* a callback of the kernel */
#define NVG_CLASS_USERMODE	0xc661		/* of Blackwell: the page with the doorbell */

enum nvgt_class {
	NVGT_CLIENT,
	NVGT_DEVICE,
	NVGT_SUBDEVICE,
	NVGT_EVENT,
	NVGT_USERMODE,
	NVGT_VASPACE,
	NVGT_GROUP,
	NVGT_CHANNEL,
	NVGT_COPY,
	NVGT_CLASSES,
};

/**
 * struct nvgt_class_info - a class of objects
 * @class: its number
 * @parents: bits of enum nvgt_class: where an object of it may be
 * @size: of its parameters, in bytes
 */
struct nvgt_class_info {
	u32 class;
	u32 parents;
	u32 size;
};

extern const struct nvgt_class_info nvgt_classes[NVGT_CLASSES];

/**
 * struct nvgt_tree - an object of each class
 * @handle: of each; the client is the driver's, all else is below a device of the tree's own
 * @fw: what the channel is; it is bound, but never scheduled
 * @mem: that it has, and the page directory of the address space, which maps nothing
 */
struct nvgt_tree {
	u32 handle[NVGT_CLASSES];
	struct nvg_fw_channel fw;
	struct nvgt_buffer *mem;
};

struct nvgt_tree *nvgt_tree(struct kunit *test);
struct nvgt_buffer *nvgt_channel_mem(struct kunit *test);
struct nvg_fw_channel nvgt_channel(struct kunit *test, struct nvgt_buffer *mem, u32 vaspace);
void nvgt_channel_params(const struct nvg_fw_channel *fw, struct r570_channel *params);

/* Places in the memory of a channel, in bytes */
#define NVGT_PDB		0x0000
#define NVGT_INST		0x1000
#define NVGT_USERD		0x2000
#define  NVGT_USERD_SIZE	0x200
#define  NVGT_USERD_GP_PUT	0x8c
#define NVGT_NOTIFIER		0x2200
#define  NVGT_NOTIFIER_SIZE	16
#define NVGT_GPFIFO		0x3000
#define  NVGT_GP_ENTRIES	16
#define NVGT_PUSH		0x4000
#define NVGT_SEMAPHORE		0x5000
#define NVGT_METHODS		0x6000

/*
 * Controls and layouts that the driver has no use for
 */

#define R570_GPU_QUERY_ECC_STATUS	0x2080012f
#define R570_EVENT_SET_NOTIFICATION	0x20800301
#define R570_FB_GET_INFO_V2		0x20801303
#define R570_CE_GET_CAPS_V2		0x20802a03
#define R570_VGPU_BOOTLOAD		0x20804001
#define R570_VGPU_SHUTDOWN		0x20804002
#define R570_VGPU_ADD_TYPE		0x20804003
#define R570_VGPU_CLEANUP		0x20804008
#define R570_GPU_GET_SRIOV_CAPS		0x00800291
#define R570_DMA_UNSET_PAGE_DIRECTORY	0x00801814
#define R570_GROUP_SCHEDULE		0xa06c0101
#define R570_GROUP_BIND			0xa06c0102

struct r570_event {
	__le32 parent_client;
	__le32 source;
	__le32 class;
	__le32 index;
	__le64 data;
};

#define R570_NOTIFY_ECC_DBE		112
#define R570_EVENT_POST			0x1003	/* for an object of R570_CLASS_EVENT */
#define R570_POST_SIZE			32	/* of it, in bytes */
#define R570_OFFLINED_PAGES		512	/* that a GPU can have */

struct r570_notification {
	__le32 event;
	__le32 action;		/* 0 off, 1 once, 2 each time */
	u8 pad[12];
};

struct r570_ecc_status {
	u8 enabled[3];		/* enabled, scrubbed, supported; of the framebuffer's unit */
	u8 pad[5];
	__le64 dbe;		/* double-bit errors, since the reset */
	__le64 dbe_total;
	u8 rest[1440];
};

#define R570_FB_INFO_ENTRIES		57
#define R570_FB_INFO_BAR1_SIZE		0x05	/* all in KiB */
#define R570_FB_INFO_TOTAL_RAM_SIZE	0x08
#define R570_FB_INFO_HEAP_START		0x1e
#define R570_FB_INFO_USABLE_RAM_SIZE	0x20

struct r570_fb_info {
	__le32 count;
	struct {
		__le32 index;
		__le32 data;
	} entries[R570_FB_INFO_ENTRIES];
};

struct r570_ce_one_caps {
	__le32 engine_type;
	u8 caps[2];
	u8 pad[2];
};

struct r570_sriov_caps {
	__le32 total_vfs;
	__le32 first_vf_offset;
	u8 pad0[8];
	__le64 bar[3];		/* of the first VF */
	__le64 bar_size[3];	/* of one VF */
	u8 bar_64bit[3];
	u8 enabled;
	u8 pad1[12];
};

struct r570_unset_page_directory {
	__le32 vaspace;
	__le32 subdevice;
};

#define R570_BOOTLOAD_SEGMENTS		384

struct r570_bootload {
	__le32 dbdf;
	__le32 gfid;
	__le32 type;
	u8 ids[356];
	__le32 nr_segments;
	u8 pad[4];
	__le64 addr[R570_BOOTLOAD_SEGMENTS];
	__le64 length[R570_BOOTLOAD_SEGMENTS];
	u8 heap_and_logs[96];
};

#define R570_VGPU_TYPES			128	/* that a GPU can have */

struct r570_vgpu_type {
	__le32 id;
	u8 rest[5220];
};

struct r570_add_type {
	u8 discard;
	u8 pad[3];
	__le32 count;
	struct r570_vgpu_type types[];
};

static_assert(sizeof(struct r570_event) == 24);
static_assert(sizeof(struct r570_notification) == 20);
static_assert(sizeof(struct r570_ecc_status) == 1464);
static_assert(sizeof(struct r570_fb_info) == 460);
static_assert(sizeof(struct r570_ce_one_caps) == 8);
static_assert(sizeof(struct r570_sriov_caps) == 80);
static_assert(offsetof(struct r570_sriov_caps, bar_size) == 40);
static_assert(sizeof(struct r570_bootload) == 6616);
static_assert(offsetof(struct r570_bootload, nr_segments) == 368);
static_assert(offsetof(struct r570_bootload, length) == 3448);
static_assert(offsetof(struct r570_add_type, types) == 8);

/* It was freed, or never made */
void nvgt_expect_gone(struct kunit *test, u32 handle);

/* Zeroes; freed when the test ends */
void *nvgt_zalloc(struct kunit *test, size_t size);

#endif
