// SPDX-License-Identifier: GPL-2.0
/*
 * What fw.h offers, for firmware 570.144: each function fills one layout of fw_r570.h,
 * sends it, and checks what comes back before anybody uses it. How messages travel is
 * not here (rpc.c, rm.c).
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gpu.h"
#include "fw_r570.h"
#include "trace.h"

/* Text of the firmware is for people: printable, and with an end */
static void copy_text(char *to, const u8 *from, size_t size)
{
	size_t i;

	for (i = 0; i < size - 1 && from[i]; i++)
		to[i] = isascii(from[i]) && isprint(from[i]) ? from[i] : '?';
	to[i] = '\0';
}

static int nonsense(struct nvg_gpu *gpu, const char *what, u64 value)
{
	dev_err(gpu->dev, "GSP: %s %#llx makes no sense\n", what, value);
	return -EPROTO;
}

/*
 * Boot and end
 */

static void fill_vf_info(struct nvg_gpu *gpu, struct r570_vf_info *info)
{
	struct nvg_sriov *sriov = &gpu->sriov;
	unsigned int i;

	info->total_vfs = cpu_to_le32(gpu->total_vfs);
	info->first_vf_offset = cpu_to_le32(sriov->first_vf);
	for (i = 0; i < NVG_VF_BARS; i++) {
		info->bar[i] = cpu_to_le64(sriov->bar[i].addr);
		info->bar_64bit[i] = sriov->bar[i].is_64bit;
	}
}

/**
 * nvg_fw_set_system_info - tell the firmware of the machine; it does not reply
 * @gpu: the GPU
 *
 * Return: 0 or a negative errno, see nvg_rpc_send().
 */
int nvg_fw_set_system_info(struct nvg_gpu *gpu)
{
	struct pci_dev *pdev = gpu->pdev;

	struct r570_system_info *info __free(kfree) = kzalloc_obj(*info);
	if (!info)
		return -ENOMEM;
	info->bar0 = cpu_to_le64(pci_bus_address(pdev, 0));
	info->bar1 = cpu_to_le64(pci_bus_address(pdev, 2));
	info->bar2 = cpu_to_le64(pci_bus_address(pdev, 4));
	info->dbdf = cpu_to_le64((u64)pci_domain_nr(pdev->bus) << 32 | pci_dev_id(pdev));
	info->max_user_va = cpu_to_le64(TASK_SIZE_MAX);
	info->pci_device = cpu_to_le32((u32)pdev->device << 16 | pdev->vendor);
	info->pci_subdevice = cpu_to_le32((u32)pdev->subsystem_device << 16 |
					  pdev->subsystem_vendor);
	info->pci_revision = cpu_to_le32(pdev->revision);
	info->host_page_size = cpu_to_le64(PAGE_SIZE);
	if (gpu->vgpu)
		fill_vf_info(gpu, &info->vf);
	return nvg_rpc_send(gpu, R570_FN_SET_SYSTEM_INFO, info, sizeof(*info));
}

/**
 * nvg_fw_set_registry - tell the firmware its settings; it does not reply
 * @gpu: the GPU
 *
 * Return: 0 or a negative errno, see nvg_rpc_send().
 */
int nvg_fw_set_registry(struct nvg_gpu *gpu)
{
	static const char * const keys[] = {
		"RMSecBusResetEnable", "RMForcePcieConfigSave", "RMDevidCheckIgnore",
		"RMSetSriovMode",	/* last: only with vGPUs */
	};
	unsigned int count = ARRAY_SIZE(keys) - !gpu->vgpu, i;
	struct r570_registry *registry;
	size_t name, size;

	name = struct_size(registry, entries, count);
	for (size = name, i = 0; i < count; i++)
		size += strlen(keys[i]) + 1;
	void *buf __free(kfree) = kzalloc(size, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	registry = buf;
	registry->size = cpu_to_le32(size);
	registry->count = cpu_to_le32(count);
	for (i = 0; i < count; i++) {
		registry->entries[i] = (struct r570_registry_entry) {
			.name = cpu_to_le32(name),
			.type = R570_REGISTRY_DWORD,
			.data = cpu_to_le32(1),
			.len = cpu_to_le32(sizeof(u32)),
		};
		strscpy(buf + name, keys[i], size - name);
		name += strlen(keys[i]) + 1;
	}
	return nvg_rpc_send(gpu, R570_FN_SET_REGISTRY, buf, size);
}

static int read_regions(struct nvg_gpu *gpu, const struct r570_static_info *from,
			struct nvg_static_info *info)
{
	u32 count = le32_to_cpu(from->nr_regions), i;

	if (count > min(R570_MAX_REGIONS, NVG_MAX_REGIONS))
		return nonsense(gpu, "number of framebuffer regions", count);
	for (i = 0; i < count; i++) {
		const struct r570_fb_region *region = &from->region[i];
		u64 base = le64_to_cpu(region->base), limit = le64_to_cpu(region->limit);

		if (base > limit || limit >= info->fb_length)
			return nonsense(gpu, "limit of a framebuffer region", limit);
		info->region[i] = (struct nvg_fb_region) {
			.start = base,
			.end = limit + 1,
			.usable = !region->reserved && !region->is_protected,
		};
	}
	info->nr_regions = count;
	return 0;
}

/**
 * nvg_fw_get_static_info - ask for what stays while the firmware runs
 * @gpu: the GPU
 * @info: to be filled
 *
 * Return: 0 or a negative errno, see nvg_rpc_call(); -EPROTO if it makes no sense.
 */
int nvg_fw_get_static_info(struct nvg_gpu *gpu, struct nvg_static_info *info)
{
	int err;

	struct r570_static_info *reply __free(kfree) = kzalloc_obj(*reply);
	if (!reply)
		return -ENOMEM;
	err = nvg_rpc_call(gpu, R570_FN_GET_GSP_STATIC_INFO, reply, sizeof(*reply), reply,
			   sizeof(*reply));
	if (err)
		return err;
	*info = (struct nvg_static_info) {
		.fb_length = le64_to_cpu(reply->fb_length),
	};
	copy_text(info->name, reply->name, sizeof(info->name));
	return read_regions(gpu, reply, info);
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_get_static_info);

/**
 * nvg_fw_unload - ask the firmware to end
 * @gpu: the GPU
 * @suspend: the host is about to sleep
 *
 * Return: 0 or a negative errno, see nvg_rpc_call().
 */
int nvg_fw_unload(struct nvg_gpu *gpu, bool suspend)
{
	struct r570_unloading msg = {
		.in_pm_transition = suspend,
		.new_level = cpu_to_le32(suspend ? R570_POWER_LEVEL_SUSPEND : 0),
	};

	return nvg_rpc_call(gpu, R570_FN_UNLOADING_GUEST_DRIVER, &msg, sizeof(msg), NULL, 0);
}

/**
 * nvg_fw_root_alloc - make the client, its device and its subdevice
 * @gpu: the GPU, with the three handles set
 *
 * Return: 0 or a negative errno, see nvg_rm_alloc().
 */
int nvg_fw_root_alloc(struct nvg_gpu *gpu)
{
	struct nvg_rm *rm = &gpu->rm;
	struct r570_root root = {
		.client = cpu_to_le32(rm->client),
		.pid = cpu_to_le32(~0U),
		.name = "nvgrace-vgpu",
	};
	struct r570_device device = {
		.client_share = cpu_to_le32(rm->client),
	};
	struct r570_subdevice subdevice = {};
	int err;

	err = nvg_rm_alloc(gpu, rm->client, rm->client, R570_CLASS_ROOT, &root, sizeof(root));
	if (err)
		return err;
	err = nvg_rm_alloc(gpu, rm->client, rm->device, R570_CLASS_DEVICE, &device,
			   sizeof(device));
	if (!err)
		err = nvg_rm_alloc(gpu, rm->device, rm->subdevice, R570_CLASS_SUBDEVICE,
				   &subdevice, sizeof(subdevice));
	if (err)
		nvg_rm_free(gpu, rm->client);
	return err;
}

/*
 * What the GPU has
 */

static void read_engine(const struct r570_device_row *row, struct nvg_engine_info *engine)
{
	*engine = (struct nvg_engine_info) {
		.rm_type = le32_to_cpu(row->data[R570_DEVICE_RM_TYPE]),
		.runlist = le32_to_cpu(row->data[R570_DEVICE_RUNLIST]),
		.fault_id = le32_to_cpu(row->data[R570_DEVICE_FAULT_ID]),
		.pbdma_fault_id = le32_to_cpu(row->pbdma_fault[0]),
		.mc = le32_to_cpu(row->data[R570_DEVICE_MC]),
		.runlist_base = le32_to_cpu(row->data[R570_DEVICE_RUNLIST_BASE]),
		.chram_base = le32_to_cpu(row->data[R570_DEVICE_CHRAM_BASE]),
		.host_driven = row->data[R570_DEVICE_HOST_DRIVEN],
	};
	copy_text(engine->name, row->name, sizeof(engine->name));
}

/**
 * nvg_fw_device_info - read the device info table
 * @gpu: the GPU
 * @engines: to be filled, with entries that channels cannot use, too
 * @max: room in @engines
 *
 * Return: how many, or a negative errno, see nvg_rm_control(); -ENOSPC if there are more
 * than @max, -EPROTO if the table makes no sense.
 */
int nvg_fw_device_info(struct nvg_gpu *gpu, struct nvg_engine_info *engines, unsigned int max)
{
	unsigned int base = 0;
	u32 count, i;
	int err;

	struct r570_device_table *table __free(kfree) = kzalloc_obj(*table);
	if (!table)
		return -ENOMEM;
	do {
		memset(table, 0, sizeof(*table));
		table->base = cpu_to_le32(base);
		err = nvg_rm_control(gpu, gpu->rm.subdevice, R570_FIFO_DEVICE_INFO_TABLE, table,
				     sizeof(*table));
		if (err)
			return err;
		count = le32_to_cpu(table->count);
		if (count > R570_DEVICE_ROWS || (!count && table->more))
			return nonsense(gpu, "number of device info entries", count);
		if (base + count > max)
			return -ENOSPC;
		for (i = 0; i < count; i++)
			read_engine(&table->rows[i], &engines[base + i]);
		base += count;
	} while (table->more);
	return base;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_device_info);

/**
 * nvg_fw_intr_table - read the interrupt table
 * @gpu: the GPU
 * @intrs: to be filled
 * @max: room in @intrs
 *
 * Return: how many, or a negative errno, see nvg_rm_control(); -ENOSPC if there are more
 * than @max, -EPROTO if the table makes no sense.
 */
int nvg_fw_intr_table(struct nvg_gpu *gpu, struct nvg_intr_info *intrs, unsigned int max)
{
	u32 count, i;
	int err;

	struct r570_intr_table *table __free(kfree) = kzalloc_obj(*table);
	if (!table)
		return -ENOMEM;
	err = nvg_rm_control(gpu, gpu->rm.subdevice, R570_INTR_KERNEL_TABLE, table,
			     sizeof(*table));
	if (err)
		return err;
	count = le32_to_cpu(table->count);
	if (count > ARRAY_SIZE(table->entries))
		return nonsense(gpu, "number of interrupt table entries", count);
	if (count > max)
		return -ENOSPC;
	for (i = 0; i < count; i++) {
		intrs[i].mc = le16_to_cpu(table->entries[i].mc);
		intrs[i].stall = le32_to_cpu(table->entries[i].stall);
		intrs[i].nonstall = le32_to_cpu(table->entries[i].nonstall);
	}
	return count;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_intr_table);

/**
 * nvg_fw_vmmu_segment_size - granularity of what a VF's framebuffer is made of
 * @gpu: the GPU
 * @size: bytes, not checked
 *
 * Return: 0 or a negative errno, see nvg_rm_control().
 */
int nvg_fw_vmmu_segment_size(struct nvg_gpu *gpu, u64 *size)
{
	__le64 params = 0;
	int err;

	err = nvg_rm_control(gpu, gpu->rm.subdevice, R570_GPU_VMMU_SEGMENT_SIZE, &params,
			     sizeof(params));
	if (!err)
		*size = le64_to_cpu(params);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_vmmu_segment_size);

/**
 * nvg_fw_ce_caps - what the copy engines are able to do
 * @gpu: the GPU
 * @caps: to be filled
 *
 * Return: 0 or a negative errno, see nvg_rm_control().
 */
int nvg_fw_ce_caps(struct nvg_gpu *gpu, struct nvg_ce_caps *caps)
{
	struct r570_ce_caps params = {};
	unsigned int i;
	int err;

	err = nvg_rm_control(gpu, gpu->rm.subdevice, R570_CE_ALL_CAPS, &params, sizeof(params));
	if (err)
		return err;
	caps->present = le64_to_cpu(params.present);
	for (i = 0; i < NVG_MAX_CES; i++)
		caps->caps[i] = params.caps[i][0] | params.caps[i][1] << 8;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_ce_caps);

/**
 * nvg_fw_method_buffer_size - how much memory a channel's method buffer takes
 * @gpu: the GPU
 * @size: bytes, not checked
 *
 * Return: 0 or a negative errno, see nvg_rm_control().
 */
int nvg_fw_method_buffer_size(struct nvg_gpu *gpu, u32 *size)
{
	__le32 params = 0;
	int err;

	err = nvg_rm_control(gpu, gpu->rm.subdevice, R570_CE_METHOD_BUFFER_SIZE, &params,
			     sizeof(params));
	if (!err)
		*size = le32_to_cpu(params);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_method_buffer_size);

/**
 * nvg_fw_num_channels - how many channels a runlist can have
 * @gpu: the GPU
 * @runlist: its number
 * @count: of channels, not 0; not written after a failure
 *
 * Return: 0 or a negative errno, see nvg_rm_control(); -EPROTO if there are none.
 */
int nvg_fw_num_channels(struct nvg_gpu *gpu, u32 runlist, u32 *count)
{
	struct r570_num_channels params = { .runlist = cpu_to_le32(runlist) };
	int err;

	err = nvg_rm_control(gpu, gpu->rm.subdevice, R570_FIFO_NUM_CHANNELS, &params,
			     sizeof(params));
	if (err)
		return err;
	if (!params.count)
		return nonsense(gpu, "number of channels", 0);
	*count = le32_to_cpu(params.count);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_num_channels);

/**
 * nvg_fw_egm - does the GPU see the memory of its CPU as EGM?
 * @gpu: the GPU
 * @present: it does
 * @peer: number of the peer that page tables name then
 *
 * Return: 0 or a negative errno, see nvg_rm_control(); -EPROTO if there is no such peer.
 */
int nvg_fw_egm(struct nvg_gpu *gpu, bool *present, u32 *peer)
{
	u32 data;
	int err;

	struct r570_gpu_info *params __free(kfree) = kzalloc_obj(*params);
	if (!params)
		return -ENOMEM;
	params->count = cpu_to_le32(1);
	params->entries[0].index = cpu_to_le32(R570_GPU_INFO_EGM);
	err = nvg_rm_control(gpu, gpu->rm.subdevice, R570_GPU_GET_INFO_V2, params,
			     sizeof(*params));
	if (err)
		return err;
	data = le32_to_cpu(params->entries[0].data);
	*present = data & R570_GPU_INFO_EGM_PRESENT;
	*peer = FIELD_GET(R570_GPU_INFO_EGM_PEER, data);
	/* Three bits of a page table entry */
	return *present && *peer > 7 ? nonsense(gpu, "EGM peer", *peer) : 0;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_egm);

/**
 * nvg_fw_set_egm_peer - have the hub route a peer to EGM
 * @gpu: the GPU
 * @peer: its number
 *
 * Return: 0 or a negative errno, see nvg_rm_control().
 */
int nvg_fw_set_egm_peer(struct nvg_gpu *gpu, u32 peer)
{
	__le32 params = cpu_to_le32(peer);

	return nvg_rm_control(gpu, gpu->rm.subdevice, R570_HSHUB_EGM_CONFIG, &params,
			      sizeof(params));
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_set_egm_peer);

/**
 * nvg_fw_offlined_pages - which pages of the framebuffer must not be used
 * @gpu: the GPU
 * @addr: address in each; may have the same page twice
 * @max: room in @addr
 *
 * Return: how many, or a negative errno, see nvg_rm_control(); -ENOSPC if there are more
 * than @max, -EPROTO if the list makes no sense.
 */
int nvg_fw_offlined_pages(struct nvg_gpu *gpu, u64 *addr, unsigned int max)
{
	unsigned int base = 0;
	u32 count, i;
	u64 page;
	int err;

	struct r570_offlined_pages *pages __free(kfree) = kzalloc_obj(*pages);
	if (!pages)
		return -ENOMEM;
	do {
		memset(pages, 0, sizeof(*pages));
		pages->base = cpu_to_le32(base);
		err = nvg_rm_control(gpu, gpu->rm.subdevice, R570_FB_OFFLINED_PAGES, pages,
				     sizeof(*pages));
		if (err)
			return err;
		count = le32_to_cpu(pages->count);
		if (count > R570_OFFLINED_ROWS || (!count && pages->more))
			return nonsense(gpu, "number of offlined pages", count);
		if (base + count > max)
			return -ENOSPC;
		for (i = 0; i < count; i++) {
			page = le64_to_cpu(pages->rows[i].page);
			if (page >= gpu->info.fb_length >> R570_OFFLINED_PAGE_SHIFT)
				return nonsense(gpu, "offlined page", page);
			addr[base + i] = page << R570_OFFLINED_PAGE_SHIFT;
		}
		base += count;
	} while (pages->more);
	return base;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_offlined_pages);

/*
 * Memory and channels
 */

/**
 * nvg_fw_update_bar1 - have accesses to BAR 1 go through page tables
 * @gpu: the GPU
 * @pde: entry 0 of the root, or 0: BAR 1 is the begin of the framebuffer
 *
 * Return: 0 or a negative errno, see nvg_rpc_call().
 */
int nvg_fw_update_bar1(struct nvg_gpu *gpu, u64 pde)
{
	struct r570_update_bar_pde msg = {
		.bar = cpu_to_le32(R570_BAR1),
		.entry = cpu_to_le64(pde),
		.level_shift = cpu_to_le64(R570_BAR_ROOT_SHIFT),
	};

	return nvg_rpc_call(gpu, R570_FN_UPDATE_BAR_PDE, &msg, sizeof(msg), NULL, 0);
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_update_bar1);

/**
 * nvg_fw_vaspace_alloc - make an address space, with page tables of ours
 * @gpu: the GPU
 * @handle: of it; to be freed with nvg_rm_free(), after a failure, too, if it is not 0
 * @pdb: DMA address of the root table
 *
 * Return: 0 or a negative errno, see nvg_rm_alloc().
 */
int nvg_fw_vaspace_alloc(struct nvg_gpu *gpu, u32 *handle, u64 pdb)
{
	struct r570_vaspace params = {
		.flags = cpu_to_le32(R570_VASPACE_EXTERNALLY_OWNED),
	};
	struct r570_page_directory directory = {
		.addr = cpu_to_le64(pdb),
		.entries = cpu_to_le32(R570_PAGE_DIRECTORY_ENTRIES),
		.flags = cpu_to_le32(R570_PAGE_DIRECTORY_SYSMEM),
	};
	u32 vaspace = nvg_rm_handle(gpu);
	int err;

	*handle = 0;
	err = nvg_rm_alloc(gpu, gpu->rm.device, vaspace, R570_CLASS_VASPACE, &params,
			   sizeof(params));
	if (err)
		return err;
	*handle = vaspace;
	directory.vaspace = cpu_to_le32(vaspace);
	return nvg_rm_control(gpu, gpu->rm.device, R570_DMA_SET_PAGE_DIRECTORY, &directory,
			      sizeof(directory));
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_vaspace_alloc);

static struct r570_mem_desc mem_desc(u64 addr, u64 size, bool sysmem)
{
	return (struct r570_mem_desc) {
		.base = cpu_to_le64(addr),
		.size = cpu_to_le64(size),
		.space = cpu_to_le32(sysmem ? R570_SPACE_SYSMEM : R570_SPACE_FB),
		.cache = cpu_to_le32(!sysmem),
	};
}

static struct r570_mem_desc whole(const struct nvg_mem_desc *mem)
{
	return mem_desc(mem->addr, mem->size, mem->sysmem);
}

static void fill_channel(const struct nvg_fw_channel *chan, struct r570_channel *params)
{
	u32 flags = R570_CHANNEL_ECC_NOTIFIER_NONE | R570_CHANNEL_ADMIN;

	/* The copy engine's physical mode */
	params->flags = cpu_to_le32(R570_CHANNEL_PRIVILEGED);
	params->gpfifo = cpu_to_le64(chan->gpfifo);
	params->entries = cpu_to_le32(chan->entries);
	params->vaspace = cpu_to_le32(chan->vaspace);
	params->engine_type = cpu_to_le32(chan->engine_type);
	params->chid = cpu_to_le32(chan->chid);
	params->inst = whole(&chan->inst);
	params->userd = whole(&chan->userd);
	params->ramfc = mem_desc(chan->inst.addr, 512, chan->inst.sysmem);
	params->method_buffer = whole(&chan->method_buffer);
	if (chan->notifier.size) {
		params->notifier = whole(&chan->notifier);
		flags |= R570_CHANNEL_NOTIFIER_MEMORY;
	} else {
		flags |= R570_CHANNEL_NOTIFIER_NONE;
	}
	params->internal_flags = cpu_to_le32(flags);
}

static int alloc_channel(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan)
{
	__le32 engine_type = cpu_to_le32(chan->engine_type);
	int err;

	struct r570_channel *params __free(kfree) = kzalloc_obj(*params);
	if (!params)
		return -ENOMEM;
	fill_channel(chan, params);
	err = nvg_rm_alloc(gpu, chan->tsg, chan->handle, NVG_CLASS_GPFIFO, params,
			   sizeof(*params));
	if (err)
		return err;
	return nvg_rm_control(gpu, chan->handle, R570_CHANNEL_BIND, &engine_type,
			      sizeof(engine_type));
}

/**
 * nvg_fw_channel_alloc - make a group and a channel in it, bound to its engine
 * @gpu: the GPU
 * @chan: what it is; gets its handles. Its group is there, after a failure, too, if @tsg
 *	is not 0
 *
 * Return: 0 or a negative errno, see nvg_rm_alloc().
 */
int nvg_fw_channel_alloc(struct nvg_gpu *gpu, struct nvg_fw_channel *chan)
{
	struct r570_channel_group group = {
		.vaspace = cpu_to_le32(chan->vaspace),
		.engine_type = cpu_to_le32(chan->engine_type),
	};
	u32 tsg = nvg_rm_handle(gpu);
	int err;

	chan->tsg = 0;
	chan->handle = nvg_rm_handle(gpu);
	err = nvg_rm_alloc(gpu, gpu->rm.device, tsg, R570_CLASS_CHANNEL_GROUP, &group,
			   sizeof(group));
	if (err)
		return err;
	chan->tsg = tsg;
	return alloc_channel(gpu, chan);
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_channel_alloc);

/**
 * nvg_fw_channel_object - make the object that a channel's methods go to
 * @gpu: the GPU
 * @chan: the channel; the object is freed with it
 * @class: NVG_CLASS_COPY
 *
 * Return: 0 or a negative errno, see nvg_rm_alloc().
 */
int nvg_fw_channel_object(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan, u32 class)
{
	struct r570_copy params = {
		.version = cpu_to_le32(R570_COPY_VERSION),
		.engine_type = cpu_to_le32(chan->engine_type),
	};

	return nvg_rm_alloc(gpu, chan->handle, nvg_rm_handle(gpu), class, &params, sizeof(params));
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_channel_object);

/**
 * nvg_fw_channel_schedule - put a channel on its runlist, or take it off
 * @gpu: the GPU
 * @chan: the channel
 * @enable: put it on
 *
 * Return: 0 or a negative errno, see nvg_rm_control().
 */
int nvg_fw_channel_schedule(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan, bool enable)
{
	struct r570_schedule params = { .enable = enable };

	return nvg_rm_control(gpu, chan->handle, R570_CHANNEL_SCHEDULE, &params, sizeof(params));
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_channel_schedule);

/**
 * nvg_fw_channel_token - what rings a channel's doorbell
 * @gpu: the GPU
 * @chan: the channel
 * @token: value for the doorbell register
 *
 * Return: 0 or a negative errno, see nvg_rm_control().
 */
int nvg_fw_channel_token(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan, u32 *token)
{
	__le32 params = 0;
	int err;

	err = nvg_rm_control(gpu, chan->handle, R570_CHANNEL_TOKEN, &params, sizeof(params));
	if (!err)
		*token = le32_to_cpu(params);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_channel_token);

/**
 * nvg_fw_channel_preempt - take a channel off its engine now
 * @gpu: the GPU
 * @chan: the channel; it is not rescheduled before it has new work
 * @timeout_us: for how long the firmware tries, at most a second
 *
 * Return: 0 or a negative errno, see nvg_rm_control(); -ETIMEDOUT if the engine does not
 * let it go.
 */
int nvg_fw_channel_preempt(struct nvg_gpu *gpu, const struct nvg_fw_channel *chan,
			   unsigned int timeout_us)
{
	struct r570_preempt params = {
		.wait = 1,
		.manual_timeout = 1,
		.timeout_us = cpu_to_le32(min(timeout_us, R570_PREEMPT_MAX_US)),
	};

	return nvg_rm_control(gpu, chan->tsg, R570_GROUP_PREEMPT, &params, sizeof(params));
}
EXPORT_SYMBOL_IF_KUNIT(nvg_fw_channel_preempt);

/*
 * Events
 */

static void rc_triggered(struct nvg_gpu *gpu, const struct r570_rc_triggered *event)
{
	struct nvg_rc rc = {
		.chid = le32_to_cpu(event->chid),
		.gfid = le32_to_cpu(event->gfid),
		.engine_type = le32_to_cpu(event->engine_type),
		.type = le32_to_cpu(event->type),
		.has_addr = true,
		.fault_addr = (u64)le32_to_cpu(event->fault_addr_hi) << 32 |
			      le32_to_cpu(event->fault_addr_lo),
		.fault_type = le32_to_cpu(event->fault_type),
	};

	trace_nvgrace_vgpu_rc(gpu->dev, rc.gfid, rc.chid, rc.engine_type, rc.type, rc.fault_addr);
	nvg_channel_rc(gpu, &rc);
}

static void os_error_log(struct nvg_gpu *gpu, const struct r570_os_error_log *event)
{
	char text[sizeof(event->text)];

	copy_text(text, event->text, sizeof(text));
	trace_nvgrace_vgpu_xid(gpu->dev, le32_to_cpu(event->xid), le32_to_cpu(event->chid), text);
	nvg_health_xid(gpu, le32_to_cpu(event->xid), le32_to_cpu(event->chid), text);
}

/**
 * nvg_fw_event - the firmware has sent an event
 * @gpu: the GPU
 * @fn: number of the event
 * @payload: in the layout of 570.144, not checked
 * @len: bytes of it
 *
 * From the ordered workqueue of rpc.c, without locks.
 */
void nvg_fw_event(struct nvg_gpu *gpu, u32 fn, const void *payload, size_t len)
{
	size_t need = 0;

	if (fn == R570_EVENT_RC_TRIGGERED)
		need = sizeof(struct r570_rc_triggered);
	else if (fn == R570_EVENT_OS_ERROR_LOG)
		need = sizeof(struct r570_os_error_log);
	if (len < need) {
		dev_err_ratelimited(gpu->dev, "GSP: event %#x of %zu bytes is too short\n", fn,
				    len);
		return;
	}

	switch (fn) {
	case R570_EVENT_RC_TRIGGERED:
		rc_triggered(gpu, payload);
		break;
	case R570_EVENT_MMU_FAULT_QUEUED:
		/* The fault's own interrupt says the same, if it is not lost */
		nvg_fault_service(gpu);
		break;
	case R570_EVENT_OS_ERROR_LOG:
		os_error_log(gpu, payload);
		break;
	default:
		dev_dbg(gpu->dev, "GSP: event %#x of %zu bytes is of no interest\n", fn, len);
		break;
	}
}
