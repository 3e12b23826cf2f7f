// SPDX-License-Identifier: GPL-2.0
/*
 * RM's controls, through the driver's client and its typed wrappers: what the firmware says
 * of the GPU, compared with what registers, the PCI core and the driver's API say; what it
 * is told; and what it refuses.
 *
 * Controls of channels are in rm_channel.c.
 */
#include <linux/bitfield.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/devcoredump.h>
#include <linux/jiffies.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "rm.h"

/* Of a runlist's registers */
#define NVGT_RUNLIST_CHANNEL_CONFIG	0x004
#define  NVGT_RUNLIST_CHANNEL_NUM	GENMASK(3, 0)	/* log2 */
#define  NVGT_RUNLIST_CHANNEL_CHRAM	GENMASK(31, 4)
#define NVGT_RUNLIST_DOORBELL_CONFIG	0x008
#define  NVGT_RUNLIST_DOORBELL_ID	GENMASK(31, 16)
#define NVGT_RUNLIST_VECTORID		0x160

#define NVGT_ROWS		64
#define NVGT_XID_ECC		63
#define NVGT_MC_GSP		50
#define NVGT_EVENT_MS		2000

static int nvgt_subdevice(struct nvg_gpu *gpu, u32 cmd, void *params, u32 size)
{
	return nvg_rm_control(gpu, gpu->rm.subdevice, cmd, params, size);
}

/*
 * Engines
 */

static void device_info_tells_the_copy_engines(struct kunit *test)
{
	struct nvg_engine_info *rows = nvgt_zalloc(test, NVGT_ROWS * sizeof(*rows));
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct nvg_ce_caps caps = {};
	unsigned int ces = 0;
	u32 config, id, chram, order, channels;
	int i, nr;

	nr = nvg_fw_device_info(gpu, rows, NVGT_ROWS);
	KUNIT_ASSERT_GT(test, nr, 0);
	for (i = 0; i < nr; i++) {
		const struct nvg_engine_info *row = &rows[i];

		KUNIT_EXPECT_NE_MSG(test, row->name[0], '\0', "row %d", i);
		if (!row->host_driven)
			continue;
		KUNIT_ASSERT_LT_MSG(test, ces, gpu->engines.nr, "%s", row->name);
		KUNIT_EXPECT_EQ(test, row->rm_type, nvg_engine_copy(ces));
		KUNIT_EXPECT_EQ(test, gpu->engines.e[ces].instance, ces);
		KUNIT_EXPECT_MEMEQ(test, &gpu->engines.e[ces].info, row, sizeof(*row));
		ces++;

		/* The runlist says the same of itself */
		config = nvg_rd32(gpu, row->runlist_base + NVGT_RUNLIST_DOORBELL_CONFIG);
		id = FIELD_GET(NVGT_RUNLIST_DOORBELL_ID, config);
		KUNIT_EXPECT_EQ(test, id, row->runlist);
		config = nvg_rd32(gpu, row->runlist_base + NVGT_RUNLIST_CHANNEL_CONFIG);
		chram = config & NVGT_RUNLIST_CHANNEL_CHRAM;
		KUNIT_EXPECT_EQ(test, chram, row->chram_base);
		order = FIELD_GET(NVGT_RUNLIST_CHANNEL_NUM, config);
		channels = 0;
		KUNIT_EXPECT_EQ(test, nvg_fw_num_channels(gpu, row->runlist, &channels), 0);
		KUNIT_EXPECT_EQ(test, channels, 1U << order);
		KUNIT_EXPECT_EQ(test, channels, nvgt_gpu(test)->info.nr_chids);
	}
	KUNIT_EXPECT_EQ(test, ces, nvgt_gpu(test)->info.nr_ces);
	KUNIT_EXPECT_EQ(test, nvg_fw_ce_caps(gpu, &caps), 0);
	KUNIT_EXPECT_EQ(test, ces, hweight64(caps.present));
	/* Not all that has a row takes channels */
	KUNIT_EXPECT_GT(test, nr, ces);

	/* The table comes in several answers: it is not cut at the end of the room */
	KUNIT_EXPECT_EQ(test, nvg_fw_device_info(gpu, rows, nr), nr);
	KUNIT_EXPECT_EQ(test, nvg_fw_device_info(gpu, rows, nr - 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, nvg_fw_device_info(gpu, rows, 0), -ENOSPC);
}

static void device_info_behind_the_last_row_is_refused(struct kunit *test)
{
	struct r570_device_table *table = nvgt_zalloc(test, sizeof(*table));

	table->base = cpu_to_le32(1000);
	NVGT_EXPECT_MISTAKE(test, nvgt_subdevice(nvgt_rm_gpu(test), R570_FIFO_DEVICE_INFO_TABLE,
						 table, sizeof(*table)),
			    -EINVAL, "row 1000");
}

static void channels_of_a_runlist_that_is_not_there_are_refused(struct kunit *test)
{
	u32 count = 77;

	NVGT_EXPECT_MISTAKE(test, nvg_fw_num_channels(nvgt_rm_gpu(test), 0x7f, &count), -EINVAL,
			    "runlist 127");
	KUNIT_EXPECT_EQ(test, count, 77);
}

static const struct nvg_intr_info *nvgt_intr(const struct nvg_intr_info *rows, int nr, u32 mc)
{
	int i;

	for (i = 0; i < nr; i++)
		if (rows[i].mc == mc)
			return &rows[i];
	return NULL;
}

static void interrupt_table_tells_the_vectors(struct kunit *test)
{
	struct nvg_intr_info *rows = nvgt_zalloc(test, NVGT_ROWS * sizeof(*rows));
	const struct nvg_intr_info *row;
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	DECLARE_BITMAP(seen, NVG_INTR_VECTORS) = {};
	bool fault = false;
	unsigned int i, k;
	int nr;

	nr = nvg_fw_intr_table(gpu, rows, NVGT_ROWS);
	KUNIT_ASSERT_GT(test, nr, 0);
	for (i = 0; i < gpu->engines.nr; i++) {
		const struct nvg_engine *engine = &gpu->engines.e[i];

		row = nvgt_intr(rows, nr, engine->info.mc);
		KUNIT_ASSERT_NOT_NULL_MSG(test, row, "%s", engine->name);
		KUNIT_EXPECT_EQ(test, row->nonstall, engine->nonstall);
		KUNIT_EXPECT_EQ(test, row->stall,
				nvg_rd32(gpu, engine->info.runlist_base + NVGT_RUNLIST_VECTORID));
	}
	row = nvgt_intr(rows, nr, NVGT_MC_GSP);
	KUNIT_ASSERT_NOT_NULL(test, row);
	KUNIT_EXPECT_EQ(test, row->stall, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_GSP_VECTOR);

	/* A vector is one unit's */
	for (i = 0; i < nr; i++) {
		u32 vectors[] = { rows[i].stall, rows[i].nonstall };

		for (k = 0; k < ARRAY_SIZE(vectors); k++) {
			if (vectors[k] == NVG_NO_VECTOR)
				continue;
			KUNIT_ASSERT_LT(test, vectors[k], NVG_INTR_VECTORS);
			KUNIT_EXPECT_FALSE_MSG(test, __test_and_set_bit(vectors[k], seen),
					       "vector %u", vectors[k]);
			fault |= vectors[k] == gpu->engines.fault_vector;
		}
	}
	KUNIT_EXPECT_TRUE(test, fault);
	KUNIT_EXPECT_EQ(test, nvg_fw_intr_table(gpu, rows, nr), nr);
	KUNIT_EXPECT_EQ(test, nvg_fw_intr_table(gpu, rows, nr - 1), -ENOSPC);
}

static void copy_engines_tell_what_they_can_do(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct r570_ce_one_caps one;
	struct nvg_ce_caps caps;
	u64 present = 0;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, nvg_fw_ce_caps(gpu, &caps), 0);
	for (i = 0; i < gpu->engines.nr; i++) {
		const struct nvg_engine *engine = &gpu->engines.e[i];

		present |= BIT_ULL(engine->instance);
		/* This driver copies to and from system memory, and scrubs */
		KUNIT_EXPECT_TRUE(test, caps.caps[engine->instance] & NVG_CE_SYSMEM);
		KUNIT_EXPECT_TRUE(test, caps.caps[engine->instance] & NVG_CE_SCRUB);
		/* Another control tells them one by one */
		one = (struct r570_ce_one_caps) {
			.engine_type = cpu_to_le32(engine->info.rm_type),
		};
		KUNIT_EXPECT_EQ(test, nvgt_subdevice(gpu, R570_CE_GET_CAPS_V2, &one,
						     sizeof(one)), 0);
		KUNIT_EXPECT_EQ(test, get_unaligned_le16(one.caps), caps.caps[engine->instance]);
	}
	KUNIT_EXPECT_EQ(test, caps.present, present);

	one.engine_type = cpu_to_le32(1);
	NVGT_EXPECT_MISTAKE(test, nvgt_subdevice(gpu, R570_CE_GET_CAPS_V2, &one, sizeof(one)),
			    -EINVAL, "engine type 0x1");
}

static void method_buffer_has_a_size(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u32 size = 0;

	KUNIT_EXPECT_EQ(test, nvg_fw_method_buffer_size(gpu, &size), 0);
	KUNIT_EXPECT_EQ(test, size, gpu->fifo.method_buffer);
	KUNIT_EXPECT_GT(test, size, 0);
}

/*
 * Framebuffer
 */

static void segment_size_is_that_of_the_api(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	__le64 params = 0;
	u64 size = 0;

	KUNIT_EXPECT_EQ(test, nvgt_subdevice(gpu, R570_GPU_VMMU_SEGMENT_SIZE, &params,
					     sizeof(params)), 0);
	KUNIT_EXPECT_EQ(test, nvg_fw_vmmu_segment_size(gpu, &size), 0);
	KUNIT_EXPECT_EQ(test, size, le64_to_cpu(params));
	KUNIT_EXPECT_EQ(test, size, nvgt_gpu(test)->info.segment_size);
}

static void framebuffer_info_adds_up(struct kunit *test)
{
	static const u32 indexes[] = {
		R570_FB_INFO_TOTAL_RAM_SIZE, R570_FB_INFO_USABLE_RAM_SIZE,
		R570_FB_INFO_HEAP_START, R570_FB_INFO_BAR1_SIZE, 0x7f,
	};
	struct r570_fb_info *info = nvgt_zalloc(test, sizeof(*info));
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u64 bytes[ARRAY_SIZE(indexes)], start = U64_MAX;
	unsigned int i;

	info->count = cpu_to_le32(ARRAY_SIZE(indexes));
	for (i = 0; i < ARRAY_SIZE(indexes); i++)
		info->entries[i].index = cpu_to_le32(indexes[i]);
	KUNIT_ASSERT_EQ(test, nvgt_subdevice(gpu, R570_FB_GET_INFO_V2, info, sizeof(*info)), 0);
	for (i = 0; i < ARRAY_SIZE(indexes); i++) {
		KUNIT_EXPECT_EQ(test, le32_to_cpu(info->entries[i].index), indexes[i]);
		bytes[i] = (u64)le32_to_cpu(info->entries[i].data) * SZ_1K;
	}
	for (i = 0; i < gpu->info.nr_regions; i++)
		if (gpu->info.region[i].usable)
			start = min(start, gpu->info.region[i].start);

	KUNIT_EXPECT_EQ(test, bytes[0], nvgt_gpu(test)->info.fb_size);
	KUNIT_EXPECT_EQ(test, bytes[1], gpu->fb.total);
	KUNIT_EXPECT_EQ(test, bytes[2], start);
	KUNIT_EXPECT_EQ(test, bytes[3], pci_resource_len(gpu->pdev, NVG_PCI_BAR_FB));
	/* What is not known is 0 */
	KUNIT_EXPECT_EQ(test, bytes[4], 0);

	info->count = cpu_to_le32(R570_FB_INFO_ENTRIES + 1);
	NVGT_EXPECT_MISTAKE(test, nvgt_subdevice(gpu, R570_FB_GET_INFO_V2, info, sizeof(*info)),
			    -EINVAL, "list of 58");
}

static void nvgt_ecc(struct kunit *test, u64 *dbe, u64 *total)
{
	struct r570_ecc_status *ecc = nvgt_zalloc(test, sizeof(*ecc));

	memset(ecc, 0xee, sizeof(*ecc));
	KUNIT_EXPECT_EQ(test, nvgt_subdevice(nvgt_rm_gpu(test), R570_GPU_QUERY_ECC_STATUS, ecc,
					     sizeof(*ecc)), 0);
	KUNIT_EXPECT_EQ(test, ecc->enabled[0], 1);
	KUNIT_EXPECT_EQ(test, ecc->enabled[1], 1);
	KUNIT_EXPECT_EQ(test, ecc->enabled[2], 1);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(ecc->rest, 0, sizeof(ecc->rest)), NULL);
	*dbe = le64_to_cpu(ecc->dbe);
	*total = le64_to_cpu(ecc->dbe_total);
	KUNIT_EXPECT_LE(test, *dbe, *total);
}

static bool nvgt_is_offlined(struct kunit *test, u64 addr)
{
	u64 *pages = nvgt_zalloc(test, R570_OFFLINED_PAGES * sizeof(*pages));
	int i, nr = nvg_fw_offlined_pages(nvgt_rm_gpu(test), pages, R570_OFFLINED_PAGES);

	KUNIT_EXPECT_GE(test, nr, 0);
	for (i = 0; i < nr; i++)
		if (ALIGN_DOWN(pages[i], NVG_FB_RETIRE_SIZE) == addr)
			return true;
	return false;
}

static int nvgt_notify(struct nvg_gpu *gpu, u32 object, u32 event, u32 action)
{
	struct r570_notification params = {
		.event = cpu_to_le32(event),
		.action = cpu_to_le32(action),
	};

	return nvg_rm_control(gpu, object, R570_EVENT_SET_NOTIFICATION, &params, sizeof(params));
}

/* Events of function @fn with @len bytes that came after @since */
static unsigned int nvgt_events(struct kunit *test, u32 fn, u32 len, ktime_t since)
{
	struct nvg_rpc_note *notes = nvgt_zalloc(test, NVG_RPC_HISTORY * sizeof(*notes));
	unsigned int i, nr, count = 0;

	nr = nvg_rpc_get_history(nvgt_rm_gpu(test), notes);
	for (i = 0; i < nr; i++)
		if (notes[i].what == NVG_RPC_EVENT && notes[i].fn == fn && notes[i].len == len &&
		    ktime_after(notes[i].at, since))
			count++;
	return count;
}

/* Until the driver has dealt with the Xid of an ECC error that was injected after @since */
static void nvgt_wait_for_ecc(struct kunit *test, ktime_t since)
{
	unsigned long end = jiffies + msecs_to_jiffies(NVGT_EVENT_MS);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	while (!nvgt_events(test, R570_EVENT_OS_ERROR_LOG, sizeof(struct r570_os_error_log),
			    since) && time_before(jiffies, end))
		fsleep(1000);
	/* Messages are in order: what came with the Xid is there when a reply is */
	KUNIT_EXPECT_FALSE(test, nvgt_is_offlined(test, 1));
	flush_work(&gpu->rpc.event_work);
	flush_work(&gpu->health.retire);
	flush_work(&gpu->health.dump);
	/* Else nobody gets to see the next one */
	dev_coredump_put(gpu->dev);
}

static void nvgt_ecc_error(struct kunit *test, u64 addr, ktime_t *since)
{
	*since = ktime_get();
	nvgt_inject(test, NVGT_INJECT_ECC, addr / SZ_64K);
	nvgt_wait_for_ecc(test, *since);
}

/*
 * A page that is the firmware's anyway, so that nobody loses it. The error is counted, the
 * page is in the list, and it is told by an Xid and to an object that asks for such events.
 */
static void ecc_error_is_counted_listed_and_told(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u64 addr = gpu->info.fb_length - SZ_64K, dbe[3], total[3];
	u32 subdevice = tree->handle[NVGT_SUBDEVICE];
	u64 xids = gpu->health.xids;
	ktime_t since;

	NVGT_EXPECT_MISTAKE(test, nvgt_notify(gpu, gpu->rm.subdevice, R570_NOTIFY_ECC_DBE, 1),
			    -EINVAL, "without an event");
	NVGT_EXPECT_MISTAKE(test, nvgt_notify(gpu, subdevice, R570_NOTIFY_ECC_DBE, 3), -EINVAL,
			    "action 3");

	nvgt_ecc(test, &dbe[0], &total[0]);
	nvgt_ecc_error(test, addr, &since);
	nvgt_ecc(test, &dbe[1], &total[1]);
	KUNIT_EXPECT_EQ(test, dbe[1] - dbe[0], 1);
	KUNIT_EXPECT_EQ(test, total[1] - total[0], 1);
	KUNIT_EXPECT_TRUE(test, nvgt_is_offlined(test, addr));
	KUNIT_EXPECT_FALSE(test, nvgt_is_offlined(test, addr - SZ_64K));
	KUNIT_EXPECT_EQ(test, gpu->health.xids - xids, 1);
	KUNIT_EXPECT_EQ(test, gpu->health.last_xid, NVGT_XID_ECC);
	/* Nobody had asked */
	KUNIT_EXPECT_EQ(test, nvgt_events(test, R570_EVENT_POST, R570_POST_SIZE, since), 0);

	KUNIT_EXPECT_EQ(test, nvgt_notify(gpu, subdevice, R570_NOTIFY_ECC_DBE, 1), 0);
	nvgt_ecc_error(test, addr, &since);
	KUNIT_EXPECT_EQ(test, nvgt_events(test, R570_EVENT_POST, R570_POST_SIZE, since), 1);
	/* Once was asked for */
	nvgt_ecc_error(test, addr, &since);
	KUNIT_EXPECT_EQ(test, nvgt_events(test, R570_EVENT_POST, R570_POST_SIZE, since), 0);
	nvgt_ecc(test, &dbe[2], &total[2]);
	KUNIT_EXPECT_EQ(test, dbe[2] - dbe[0], 3);
	KUNIT_EXPECT_EQ(test, gpu->health.xids - xids, 3);
}

static void offlined_pages_are_those_that_the_driver_retired(struct kunit *test)
{
	u64 *pages = nvgt_zalloc(test, R570_OFFLINED_PAGES * sizeof(*pages));
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	unsigned int retired = 0;
	int i, nr;

	nr = nvg_fw_offlined_pages(gpu, pages, R570_OFFLINED_PAGES);
	KUNIT_ASSERT_GE(test, nr, 0);
	mutex_lock(&gpu->fb.lock);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_LT(test, pages[i], gpu->info.fb_length);
		retired += !!xa_load(&gpu->fb.retired, pages[i] / NVG_FB_RETIRE_SIZE);
	}
	mutex_unlock(&gpu->fb.lock);
	KUNIT_EXPECT_EQ(test, retired, nr);
	if (nr)
		KUNIT_EXPECT_EQ(test, nvg_fw_offlined_pages(gpu, pages, nr - 1), -ENOSPC);
}

static void page_directory_is_set_and_taken_back(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct r570_unset_page_directory unset = {};
	struct r570_page_directory directory = {
		.addr = cpu_to_le64(gpu->info.fb_length),
		.entries = cpu_to_le32(R570_PAGE_DIRECTORY_ENTRIES),
	};
	struct nvgt_object *object;
	u32 vaspace = 0;

	KUNIT_ASSERT_EQ(test, nvg_fw_vaspace_alloc(gpu, &vaspace, tree->mem->addr), 0);
	object = nvgt_own(test, vaspace);
	unset.vaspace = cpu_to_le32(vaspace);
	KUNIT_EXPECT_EQ(test, nvg_rm_control(gpu, gpu->rm.device, R570_DMA_UNSET_PAGE_DIRECTORY,
					     &unset, sizeof(unset)), 0);
	NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, gpu->rm.device,
						 R570_DMA_UNSET_PAGE_DIRECTORY, &unset,
						 sizeof(unset)), -EINVAL, "none is set");
	nvgt_free(object);
	NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, gpu->rm.device,
						 R570_DMA_UNSET_PAGE_DIRECTORY, &unset,
						 sizeof(unset)), -EINVAL, "no address space");

	/* A channel uses this one */
	unset.vaspace = cpu_to_le32(tree->fw.vaspace);
	NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, gpu->rm.device,
						 R570_DMA_UNSET_PAGE_DIRECTORY, &unset,
						 sizeof(unset)), -EINVAL, "below 1 channels");

	/* Addresses that are none: the wrapper tells which address space is without one now */
	vaspace = 0;
	NVGT_EXPECT_MISTAKE(test, nvg_fw_vaspace_alloc(gpu, &vaspace, tree->mem->addr + 8),
			    -EINVAL, "page directory at");
	object = nvgt_own(test, vaspace);
	directory.vaspace = cpu_to_le32(vaspace);
	NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, gpu->rm.device, R570_DMA_SET_PAGE_DIRECTORY,
						 &directory, sizeof(directory)),
			    -EINVAL, "of aperture 0");
	nvgt_free(object);
	nvgt_expect_gone(test, vaspace);
}

/*
 * EGM
 */

static void egm_is_behind_the_peer_of_the_page_tables(struct kunit *test)
{
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	bool present = false;
	u32 peer = 0;

	KUNIT_ASSERT_EQ(test, nvg_fw_egm(gpu, &present, &peer), 0);
	KUNIT_EXPECT_EQ(test, present, nvgt_gpu(test)->info.egm);
	if (!present) {
		KUNIT_EXPECT_EQ(test, nvg_fw_set_egm_peer(gpu, 7), -EOPNOTSUPP);
		kunit_skip(test, "no EGM");
	}
	KUNIT_EXPECT_EQ(test, peer, gpu->mmu.egm_peer);
	KUNIT_EXPECT_EQ(test, nvg_fw_set_egm_peer(gpu, peer), 0);
	NVGT_EXPECT_MISTAKE(test, nvg_fw_set_egm_peer(gpu, peer - 1), -EINVAL,
			    "HSHUB_EGM_CONFIG with peer");
}

static void gpu_info_tells_the_host_that_it_belongs_to(struct kunit *test)
{
	struct r570_gpu_info *info = nvgt_zalloc(test, sizeof(*info));
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	info->count = cpu_to_le32(2);
	info->entries[0].index = cpu_to_le32(0x3b);	/* self-hosted */
	info->entries[1].index = cpu_to_le32(0xff);
	info->entries[1].data = cpu_to_le32(0xee);
	KUNIT_EXPECT_EQ(test, nvgt_subdevice(gpu, R570_GPU_GET_INFO_V2, info, sizeof(*info)), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(info->entries[0].data),
			nvgt_static_info(test)->self_hosted);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(info->entries[1].data), 0);
	info->count = cpu_to_le32(R570_GPU_INFO_ENTRIES + 1);
	NVGT_EXPECT_MISTAKE(test, nvgt_subdevice(gpu, R570_GPU_GET_INFO_V2, info, sizeof(*info)),
			    -EINVAL, "list of 66");
}

/*
 * VFs and vGPUs
 */

static void sriov_caps_are_those_of_the_pci_core(struct kunit *test)
{
	struct r570_sriov_caps *caps = nvgt_zalloc(test, sizeof(*caps));
	static const unsigned int index[] = { 0, 2, 4 };
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	int total = pci_sriov_get_totalvfs(gpu->pdev);
	struct resource *res;
	resource_size_t size;
	unsigned int i;
	u16 offset = 0;
	int cap;

	KUNIT_ASSERT_EQ(test, nvg_rm_control(gpu, gpu->rm.device, R570_GPU_GET_SRIOV_CAPS, caps,
					     sizeof(*caps)), 0);
	if (total <= 0)
		kunit_skip(test, "no VFs");
	KUNIT_EXPECT_EQ(test, le32_to_cpu(caps->total_vfs), total);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(caps->total_vfs), nvgt_gpu(test)->info.total_vfs);
	cap = pci_find_ext_capability(gpu->pdev, PCI_EXT_CAP_ID_SRIOV);
	KUNIT_EXPECT_EQ(test, pci_read_config_word(gpu->pdev, cap + PCI_SRIOV_VF_OFFSET, &offset),
			0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(caps->first_vf_offset), offset);
	KUNIT_EXPECT_EQ(test, caps->enabled, nvgt_gpu(test)->info.vgpu);
	for (i = 0; i < ARRAY_SIZE(index); i++) {
		res = pci_resource_n(gpu->pdev, PCI_IOV_RESOURCES + index[i]);
		size = pci_resource_len(gpu->pdev, PCI_IOV_RESOURCES + index[i]);
		if (!size)
			continue;
		KUNIT_EXPECT_EQ(test, le64_to_cpu(caps->bar[i]),
				pci_bus_address(gpu->pdev, PCI_IOV_RESOURCES + index[i]));
		KUNIT_EXPECT_EQ(test, le64_to_cpu(caps->bar_size[i]), size / total);
		KUNIT_EXPECT_EQ(test, caps->bar_64bit[i], !!(res->flags & IORESOURCE_MEM_64));
	}
}

/* A vGPU for the last VF, whose framebuffer the test has */
struct nvgt_vgpu {
	struct nvgrace_vgpu *vgpu;
	struct nvgrace_vgpu_fb *fb;
	u32 gfid;
	struct r570_bootload *boot;
};

static void nvgt_vgpu_action(void *data)
{
	struct nvgt_vgpu *vgpu = data;

	nvgrace_vgpu_fb_free(vgpu->vgpu, vgpu->fb);
}

static struct nvgt_vgpu *nvgt_vgpu(struct kunit *test)
{
	struct nvgt_vgpu *vgpu = nvgt_zalloc(test, sizeof(*vgpu));
	struct nvgrace_vgpu_info *info = &nvgt_gpu(test)->info;

	vgpu->vgpu = nvgt_gpu(test)->vgpu;
	vgpu->gfid = info->total_vfs;
	vgpu->boot = nvgt_zalloc(test, sizeof(*vgpu->boot));
	vgpu->fb = nvgrace_vgpu_fb_alloc(vgpu->vgpu, 2 * info->segment_size, info->segment_size);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vgpu->fb);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_vgpu_action, vgpu), 0);
	vgpu->boot->gfid = cpu_to_le32(vgpu->gfid);
	vgpu->boot->nr_segments = cpu_to_le32(1);
	vgpu->boot->addr[0] = cpu_to_le64(vgpu->fb->addr);
	vgpu->boot->length[0] = cpu_to_le64(vgpu->fb->size);
	return vgpu;
}

static int nvgt_bootload(struct kunit *test, struct nvgt_vgpu *vgpu)
{
	return nvgt_subdevice(nvgt_rm_gpu(test), R570_VGPU_BOOTLOAD, vgpu->boot,
			      sizeof(*vgpu->boot));
}

static int nvgt_gfid(struct kunit *test, u32 cmd, u32 gfid)
{
	__le32 params = cpu_to_le32(gfid);

	return nvgt_subdevice(nvgt_rm_gpu(test), cmd, &params, sizeof(params));
}

static void vgpu_boots_shuts_down_and_is_cleaned_up(struct kunit *test)
{
	struct nvgt_vgpu *vgpu = nvgt_vgpu(test);
	u32 gfid = vgpu->gfid;

	if (!nvgt_gpu(test)->info.vgpu) {
		KUNIT_EXPECT_EQ(test, nvgt_bootload(test, vgpu), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, nvgt_gfid(test, R570_VGPU_SHUTDOWN, 1), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, nvgt_gfid(test, R570_VGPU_CLEANUP, 1), -EOPNOTSUPP);
		kunit_skip(test, "the firmware runs without vGPUs");
	}
	NVGT_EXPECT_MISTAKE(test, nvgt_gfid(test, R570_VGPU_SHUTDOWN, gfid), -EINVAL, "in state");
	NVGT_EXPECT_MISTAKE(test, nvgt_gfid(test, R570_VGPU_CLEANUP, gfid), -EINVAL, "in state");
	KUNIT_EXPECT_EQ(test, nvgt_bootload(test, vgpu), 0);
	NVGT_EXPECT_MISTAKE(test, nvgt_bootload(test, vgpu), -EINVAL, "in state");
	/* What it has nobody else gets */
	vgpu->boot->gfid = cpu_to_le32(gfid - 1);
	NVGT_EXPECT_MISTAKE(test, nvgt_bootload(test, vgpu), -EINVAL, "belongs to another");
	vgpu->boot->gfid = cpu_to_le32(gfid);

	KUNIT_EXPECT_EQ(test, nvgt_gfid(test, R570_VGPU_SHUTDOWN, gfid), 0);
	NVGT_EXPECT_MISTAKE(test, nvgt_gfid(test, R570_VGPU_SHUTDOWN, gfid), -EINVAL, "in state");
	NVGT_EXPECT_MISTAKE(test, nvgt_bootload(test, vgpu), -EINVAL, "in state");
	KUNIT_EXPECT_EQ(test, nvgt_gfid(test, R570_VGPU_CLEANUP, gfid), 0);

	/* As one that crashed, which was never shut down */
	KUNIT_EXPECT_EQ(test, nvgt_bootload(test, vgpu), 0);
	KUNIT_EXPECT_EQ(test, nvgt_gfid(test, R570_VGPU_CLEANUP, gfid), 0);
	NVGT_EXPECT_MISTAKE(test, nvgt_gfid(test, R570_VGPU_CLEANUP, gfid), -EINVAL, "in state");
}

static void vgpu_of_no_vf_is_refused(struct kunit *test)
{
	static const u32 cmds[] = { R570_VGPU_SHUTDOWN, R570_VGPU_CLEANUP };
	u32 gfids[] = { 0, nvgt_gpu(test)->info.total_vfs + 1, 64, U32_MAX };
	struct nvgt_vgpu *vgpu = nvgt_vgpu(test);
	unsigned int i, k;

	if (!nvgt_gpu(test)->info.vgpu)
		kunit_skip(test, "the firmware runs without vGPUs");
	for (i = 0; i < ARRAY_SIZE(gfids); i++) {
		vgpu->boot->gfid = cpu_to_le32(gfids[i]);
		NVGT_EXPECT_MISTAKE(test, nvgt_bootload(test, vgpu), -EINVAL, "gfid");
		for (k = 0; k < ARRAY_SIZE(cmds); k++)
			NVGT_EXPECT_MISTAKE(test, nvgt_gfid(test, cmds[k], gfids[i]), -EINVAL,
					    "gfid");
	}
}

static void vgpu_with_framebuffer_that_is_not_its_own_is_refused(struct kunit *test)
{
	struct nvgrace_vgpu_info *info = &nvgt_gpu(test)->info;
	struct nvgt_vgpu *vgpu = nvgt_vgpu(test);
	struct r570_bootload *boot = vgpu->boot;
	u64 addr = vgpu->fb->addr, segment = info->segment_size;
	const struct {
		u64 addr, length;
		const char *text;
	} wrong[] = {
		{ addr, 0, "not of VMMU segments" },
		{ addr + SZ_64K, segment, "not of VMMU segments" },
		{ addr, segment + SZ_64K, "not of VMMU segments" },
		{ info->fb_size, segment, "not in the free framebuffer" },
		{ addr, info->fb_size, "not in the free framebuffer" },
		{ addr, -segment, "not in the free framebuffer" },
		{ info->fb_size - segment, segment, "not in the free framebuffer" },
	};
	unsigned int i;

	if (!info->vgpu)
		kunit_skip(test, "the firmware runs without vGPUs");
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		boot->addr[0] = cpu_to_le64(wrong[i].addr);
		boot->length[0] = cpu_to_le64(wrong[i].length);
		NVGT_EXPECT_MISTAKE(test, nvgt_bootload(test, vgpu), -EINVAL, wrong[i].text);
	}
	boot->addr[0] = cpu_to_le64(addr);
	boot->addr[1] = cpu_to_le64(addr);
	boot->length[0] = cpu_to_le64(segment);
	boot->length[1] = cpu_to_le64(segment);
	boot->nr_segments = cpu_to_le32(2);
	NVGT_EXPECT_MISTAKE(test, nvgt_bootload(test, vgpu), -EINVAL, "is there twice");
	boot->nr_segments = 0;
	NVGT_EXPECT_MISTAKE(test, nvgt_bootload(test, vgpu), -EINVAL, "with 0 segments");
	boot->nr_segments = cpu_to_le32(R570_BOOTLOAD_SEGMENTS + 1);
	NVGT_EXPECT_MISTAKE(test, nvgt_bootload(test, vgpu), -EINVAL, "with 385 segments");

	/* None of them has left a vGPU behind */
	boot->addr[1] = cpu_to_le64(addr + segment);
	boot->nr_segments = cpu_to_le32(2);
	KUNIT_EXPECT_EQ(test, nvgt_bootload(test, vgpu), 0);
	KUNIT_EXPECT_EQ(test, nvgt_gfid(test, R570_VGPU_CLEANUP, vgpu->gfid), 0);
}

static int nvgt_add_types(struct kunit *test, struct r570_add_type *types, u32 first, u32 nr,
			  bool discard)
{
	unsigned int i;

	types->discard = discard;
	types->count = cpu_to_le32(nr);
	for (i = 0; i < nr; i++)
		types->types[i].id = cpu_to_le32(first + i);
	return nvgt_subdevice(nvgt_rm_gpu(test), R570_VGPU_ADD_TYPE, types,
			      struct_size(types, types, nr));
}

static void vgpu_types_are_taken_until_there_are_too_many(struct kunit *test)
{
	struct r570_add_type *types = nvgt_zalloc(test, struct_size(types, types,
								    R570_VGPU_TYPES + 1));
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	KUNIT_EXPECT_EQ(test, nvgt_add_types(test, types, 1, R570_VGPU_TYPES, true), 0);
	/* One that is there is replaced */
	KUNIT_EXPECT_EQ(test, nvgt_add_types(test, types, R570_VGPU_TYPES, 1, false), 0);
	NVGT_EXPECT_MISTAKE(test, nvgt_add_types(test, types, R570_VGPU_TYPES + 1, 1, false),
			    -ENOMEM, "more than 128");
	KUNIT_EXPECT_EQ(test, nvgt_add_types(test, types, R570_VGPU_TYPES + 1, 1, true), 0);
	NVGT_EXPECT_MISTAKE(test, nvgt_add_types(test, types, 1, R570_VGPU_TYPES + 1, true),
			    -EINVAL, "129 vGPU types");
	/* More than the message has */
	types->count = cpu_to_le32(2);
	NVGT_EXPECT_MISTAKE(test, nvgt_subdevice(gpu, R570_VGPU_ADD_TYPE, types,
						 struct_size(types, types, 1)),
			    -EINVAL, "2 vGPU types");
	types->count = cpu_to_le32(U32_MAX);
	NVGT_EXPECT_MISTAKE(test, nvgt_subdevice(gpu, R570_VGPU_ADD_TYPE, types,
						 struct_size(types, types, 1)),
			    -EINVAL, "vGPU types");
	KUNIT_EXPECT_EQ(test, nvgt_add_types(test, types, 0, 0, true), 0);
}

/*
 * All controls
 */

static const struct nvgt_control {
	u32 cmd;
	enum nvgt_class class;
	u32 size;		/* 0: any */
} nvgt_controls[] = {
	{ R570_GPU_GET_SRIOV_CAPS, NVGT_DEVICE, sizeof(struct r570_sriov_caps) },
	{ R570_DMA_SET_PAGE_DIRECTORY, NVGT_DEVICE, sizeof(struct r570_page_directory) },
	{ R570_DMA_UNSET_PAGE_DIRECTORY, NVGT_DEVICE, sizeof(struct r570_unset_page_directory) },
	{ R570_GPU_GET_INFO_V2, NVGT_SUBDEVICE, sizeof(struct r570_gpu_info) },
	{ R570_GPU_QUERY_ECC_STATUS, NVGT_SUBDEVICE, sizeof(struct r570_ecc_status) },
	{ R570_GPU_VMMU_SEGMENT_SIZE, NVGT_SUBDEVICE, 8 },
	{ R570_EVENT_SET_NOTIFICATION, NVGT_SUBDEVICE, sizeof(struct r570_notification) },
	{ R570_INTR_KERNEL_TABLE, NVGT_SUBDEVICE, sizeof(struct r570_intr_table) },
	{ R570_FIFO_NUM_CHANNELS, NVGT_SUBDEVICE, sizeof(struct r570_num_channels) },
	{ R570_HSHUB_EGM_CONFIG, NVGT_SUBDEVICE, 4 },
	{ R570_FIFO_DEVICE_INFO_TABLE, NVGT_SUBDEVICE, sizeof(struct r570_device_table) },
	{ R570_FB_GET_INFO_V2, NVGT_SUBDEVICE, sizeof(struct r570_fb_info) },
	{ R570_FB_OFFLINED_PAGES, NVGT_SUBDEVICE, sizeof(struct r570_offlined_pages) },
	{ R570_CE_GET_CAPS_V2, NVGT_SUBDEVICE, sizeof(struct r570_ce_one_caps) },
	{ R570_CE_METHOD_BUFFER_SIZE, NVGT_SUBDEVICE, 4 },
	{ R570_CE_ALL_CAPS, NVGT_SUBDEVICE, sizeof(struct r570_ce_caps) },
	{ R570_VGPU_BOOTLOAD, NVGT_SUBDEVICE, sizeof(struct r570_bootload) },
	{ R570_VGPU_SHUTDOWN, NVGT_SUBDEVICE, 4 },
	{ R570_VGPU_ADD_TYPE, NVGT_SUBDEVICE, 0 },
	{ R570_VGPU_CLEANUP, NVGT_SUBDEVICE, 4 },
	{ R570_GROUP_SCHEDULE, NVGT_GROUP, sizeof(struct r570_schedule) },
	{ R570_GROUP_BIND, NVGT_GROUP, 4 },
	{ R570_GROUP_PREEMPT, NVGT_GROUP, sizeof(struct r570_preempt) },
	{ R570_CHANNEL_SCHEDULE, NVGT_CHANNEL, sizeof(struct r570_schedule) },
	{ R570_CHANNEL_BIND, NVGT_CHANNEL, 4 },
	{ R570_CHANNEL_TOKEN, NVGT_CHANNEL, 4 },
};

static void control_of_another_class_is_refused(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	void *params = nvgt_zalloc(test, SZ_16K);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(nvgt_controls); i++)
		for (k = 0; k < NVGT_CLASSES; k++)
			if (k != nvgt_controls[i].class)
				NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, tree->handle[k],
									 nvgt_controls[i].cmd,
									 params,
									 nvgt_controls[i].size),
						    -EINVAL, "of an object of class");
}

static void control_with_a_wrong_size_is_refused(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	void *params = nvgt_zalloc(test, SZ_16K);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(nvgt_controls); i++) {
		const struct nvgt_control *control = &nvgt_controls[i];
		u32 sizes[] = { 0, control->size - 1, control->size + 1, SZ_16K };
		u32 object = tree->handle[control->class];

		for (k = 0; control->size && k < ARRAY_SIZE(sizes); k++)
			NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, object, control->cmd,
								 params, sizes[k]),
					    -EINVAL, "bytes, not");
	}
}

static void unknown_control_is_not_supported(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	u8 params[16] = {};
	unsigned int i;

	for (i = 0; i < NVGT_CLASSES; i++)
		KUNIT_EXPECT_EQ_MSG(test, nvg_rm_control(gpu, tree->handle[i],
							 nvgt_classes[i].class << 16 | 0xff01,
							 params, sizeof(params)),
				    -EOPNOTSUPP, "class %#x", nvgt_classes[i].class);
	KUNIT_EXPECT_EQ(test, nvg_rm_control(gpu, gpu->rm.subdevice, 0x2080ff01, NULL, 0),
			-EOPNOTSUPP);
}

static struct kunit_case nvgt_rm_control_cases[] = {
	KUNIT_CASE(device_info_tells_the_copy_engines),
	KUNIT_CASE(device_info_behind_the_last_row_is_refused),
	KUNIT_CASE(channels_of_a_runlist_that_is_not_there_are_refused),
	KUNIT_CASE(interrupt_table_tells_the_vectors),
	KUNIT_CASE(copy_engines_tell_what_they_can_do),
	KUNIT_CASE(method_buffer_has_a_size),
	KUNIT_CASE(segment_size_is_that_of_the_api),
	KUNIT_CASE(framebuffer_info_adds_up),
	KUNIT_CASE(ecc_error_is_counted_listed_and_told),
	KUNIT_CASE(offlined_pages_are_those_that_the_driver_retired),
	KUNIT_CASE(page_directory_is_set_and_taken_back),
	KUNIT_CASE(egm_is_behind_the_peer_of_the_page_tables),
	KUNIT_CASE(gpu_info_tells_the_host_that_it_belongs_to),
	KUNIT_CASE(sriov_caps_are_those_of_the_pci_core),
	KUNIT_CASE(vgpu_boots_shuts_down_and_is_cleaned_up),
	KUNIT_CASE(vgpu_of_no_vf_is_refused),
	KUNIT_CASE(vgpu_with_framebuffer_that_is_not_its_own_is_refused),
	KUNIT_CASE(vgpu_types_are_taken_until_there_are_too_many),
	KUNIT_CASE(control_of_another_class_is_refused),
	KUNIT_CASE(control_with_a_wrong_size_is_refused),
	KUNIT_CASE(unknown_control_is_not_supported),
	{ }
};

struct kunit_suite nvgt_rm_control_suite = {
	.name = "nvgrace_vgpu_rm_control",
	.init = nvgt_rm_init,
	.test_cases = nvgt_rm_control_cases,
};
