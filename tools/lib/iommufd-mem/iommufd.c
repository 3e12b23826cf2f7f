// SPDX-License-Identifier: GPL-2.0
/*
 * Typed calls for the ioctls of iommufd that VMMs use: one function for each,
 * which fills in the structure's size and turns -1 into a negative errno. What
 * the ioctls mean is in the kernel's headers; no policy is here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iommufd-mem/iommufd.h>

/* Commands for one ioctl: the kernel has a limit, and holds a copy of them */
#define INVALIDATE_MAX	256

int iommufd_open(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int iommufd_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

int iommufd_destroy(int fd, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return iommufd_ioctl(fd, IOMMU_DESTROY, &cmd);
}

int iommufd_mem_alloc(int fd, struct iommu_mem_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_MEM_ALLOC, cmd);
}

static int mem_alloc(int fd, struct iommu_mem_alloc *cmd, uint32_t *mem_id, uint64_t *mmap_offset)
{
	int ret = iommufd_mem_alloc(fd, cmd);

	if (ret)
		return ret;
	*mem_id = cmd->out_mem_id;
	*mmap_offset = cmd->out_mmap_offset;
	return 0;
}

int iommufd_mem_alloc_region(int fd, uint32_t dev_id, uint64_t length, uint32_t *mem_id,
			     uint64_t *mmap_offset)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_REGION,
		.dev_id = dev_id,
		.length = length,
	};

	return mem_alloc(fd, &cmd, mem_id, mmap_offset);
}

int iommufd_mem_alloc_bar(int fd, uint32_t dev_id, uint32_t bar, uint64_t offset,
			  uint64_t length, uint32_t *mem_id, uint64_t *mmap_offset)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_DEVICE,
		.dev_id = dev_id,
		.region_index = bar,
		.offset = offset,
		.length = length,
	};

	return mem_alloc(fd, &cmd, mem_id, mmap_offset);
}

int iommufd_mem_info(int fd, struct iommu_mem_info *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_MEM_INFO, cmd);
}

int iommufd_mem_next(int fd, struct iommu_mem_info *info)
{
	struct iommu_mem_info cmd = {
		.flags = IOMMU_MEM_INFO_NEXT,
		.mem_id = info->mem_id + 1,	/* IDs start at 1 */
	};
	int ret = iommufd_mem_info(fd, &cmd);

	if (!ret)
		*info = cmd;
	return ret;
}

int iommufd_mem_retired(int fd, uint32_t mem_id, struct iommu_mem_retired_range *ranges,
			uint32_t *count)
{
	struct iommu_mem_retired cmd = {
		.size = sizeof(cmd),
		.mem_id = mem_id,
		.count = *count,
		.ranges = (uintptr_t)ranges,
	};
	int ret = iommufd_ioctl(fd, IOMMU_MEM_RETIRED, &cmd);

	if (!ret || ret == -ENOSPC)
		*count = cmd.count;
	return ret;
}

int iommufd_mem_export(int fd, uint32_t mem_id, int *file)
{
	struct iommu_mem_export cmd = { .size = sizeof(cmd), .mem_id = mem_id };
	int ret = iommufd_ioctl(fd, IOMMU_MEM_EXPORT, &cmd);

	if (!ret)
		*file = cmd.out_fd;
	return ret;
}

/*
 * An address that is free and aligned, for a hint. Not MAP_FIXED: another thread
 * may be faster, and the kernel then takes another address.
 */
static void *aligned_hint(uint64_t length, uint64_t align)
{
	void *hole = mmap(NULL, length + align, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (hole == MAP_FAILED)
		return NULL;
	munmap(hole, length + align);
	return (void *)(((uintptr_t)hole + align - 1) & ~(align - 1));
}

int iommufd_mem_mmap(int fd, uint64_t mmap_offset, uint64_t length,
		     uint64_t align, int prot, void **va)
{
	void *hint = align ? aligned_hint(length, align) : NULL;
	void *map = mmap(hint, length, prot, MAP_SHARED, fd, mmap_offset);

	if (map == MAP_FAILED)
		return -errno;
	*va = map;
	return 0;
}

int iommufd_ioas_alloc(int fd, uint32_t *ioas_id)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int ret = iommufd_ioctl(fd, IOMMU_IOAS_ALLOC, &cmd);

	if (!ret)
		*ioas_id = cmd.out_ioas_id;
	return ret;
}

int iommufd_ioas_map(int fd, uint32_t ioas_id, void *va, uint64_t length,
		     uint32_t flags, uint64_t *iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas_id,
		.user_va = (uintptr_t)va,
		.length = length,
		.iova = *iova,
	};
	int ret = iommufd_ioctl(fd, IOMMU_IOAS_MAP, &cmd);

	if (!ret)
		*iova = cmd.iova;
	return ret;
}

int iommufd_ioas_map_mem(int fd, uint32_t ioas_id, uint32_t mem_id,
			 uint64_t offset, uint64_t length, uint32_t flags,
			 uint64_t *iova)
{
	struct iommu_ioas_map_mem cmd = {
		.size = sizeof(cmd),
		.flags = flags | IOMMU_IOAS_MAP_MEM,
		.ioas_id = ioas_id,
		.mem_id = mem_id,
		.offset = offset,
		.length = length,
		.iova = *iova,
	};
	int ret = iommufd_ioctl(fd, IOMMU_IOAS_MAP, &cmd);

	if (!ret)
		*iova = cmd.iova;
	return ret;
}

int iommufd_ioas_map_file(int fd, uint32_t ioas_id, int file, uint64_t offset,
			  uint64_t length, uint32_t flags, uint64_t *iova)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas_id,
		.fd = file,
		.start = offset,
		.length = length,
		.iova = *iova,
	};
	int ret = iommufd_ioctl(fd, IOMMU_IOAS_MAP_FILE, &cmd);

	if (!ret)
		*iova = cmd.iova;
	return ret;
}

int iommufd_ioas_copy(int fd, uint32_t dst_ioas_id, uint32_t src_ioas_id,
		      uint64_t length, uint32_t flags, uint64_t *dst_iova,
		      uint64_t src_iova)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dst_ioas_id = dst_ioas_id,
		.src_ioas_id = src_ioas_id,
		.length = length,
		.dst_iova = *dst_iova,
		.src_iova = src_iova,
	};
	int ret = iommufd_ioctl(fd, IOMMU_IOAS_COPY, &cmd);

	if (!ret)
		*dst_iova = cmd.dst_iova;
	return ret;
}

int iommufd_ioas_unmap(int fd, uint32_t ioas_id, uint64_t iova, uint64_t length,
		       uint64_t *unmapped)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = length,
	};
	int ret = iommufd_ioctl(fd, IOMMU_IOAS_UNMAP, &cmd);

	if (!ret && unmapped)
		*unmapped = cmd.length;
	return ret;
}

static int hwpt_alloc(int fd, struct iommu_hwpt_alloc *cmd, uint32_t *hwpt_id)
{
	int ret;

	cmd->size = sizeof(*cmd);
	ret = iommufd_ioctl(fd, IOMMU_HWPT_ALLOC, cmd);
	if (!ret)
		*hwpt_id = cmd->out_hwpt_id;
	return ret;
}

int iommufd_hwpt_alloc(int fd, uint32_t dev_id, uint32_t ioas_id, uint32_t flags,
		       uint32_t *hwpt_id)
{
	struct iommu_hwpt_alloc cmd = {
		.flags = flags,
		.dev_id = dev_id,
		.pt_id = ioas_id,
		.data_type = IOMMU_HWPT_DATA_NONE,
	};

	return hwpt_alloc(fd, &cmd, hwpt_id);
}

int iommufd_hwpt_alloc_nested(int fd, uint32_t dev_id, uint32_t viommu_id,
			      const struct iommu_hwpt_arm_smmuv3 *ste,
			      uint32_t *hwpt_id)
{
	struct iommu_hwpt_alloc cmd = {
		.dev_id = dev_id,
		.pt_id = viommu_id,
		.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(*ste),
		.data_uptr = (uintptr_t)ste,
	};

	return hwpt_alloc(fd, &cmd, hwpt_id);
}

int iommufd_viommu_alloc(int fd, uint32_t dev_id, uint32_t hwpt_id,
			 uint32_t *viommu_id)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		.dev_id = dev_id,
		.hwpt_id = hwpt_id,
	};
	int ret = iommufd_ioctl(fd, IOMMU_VIOMMU_ALLOC, &cmd);

	if (!ret)
		*viommu_id = cmd.out_viommu_id;
	return ret;
}

int iommufd_vdevice_alloc(int fd, uint32_t viommu_id, uint32_t dev_id,
			  uint64_t virt_id, uint32_t *vdevice_id)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.dev_id = dev_id,
		.virt_id = virt_id,
	};
	int ret = iommufd_ioctl(fd, IOMMU_VDEVICE_ALLOC, &cmd);

	if (!ret)
		*vdevice_id = cmd.out_vdevice_id;
	return ret;
}

int iommufd_nest_destroy(int fd, struct iommufd_nest *nest)
{
	uint32_t *ids[] = { &nest->vdevice_id, &nest->viommu_id, &nest->parent_id };
	unsigned int i;
	int ret;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		ret = *ids[i] ? iommufd_destroy(fd, *ids[i]) : 0;
		if (ret)
			return ret;
		*ids[i] = 0;
	}
	return 0;
}

int iommufd_nest_alloc(int fd, uint32_t dev_id, uint32_t ioas_id, uint64_t virt_id,
		       struct iommufd_nest *nest)
{
	struct iommufd_nest made = {};
	int ret;

	ret = iommufd_hwpt_alloc(fd, dev_id, ioas_id, IOMMU_HWPT_ALLOC_NEST_PARENT,
				 &made.parent_id);
	if (!ret)
		ret = iommufd_viommu_alloc(fd, dev_id, made.parent_id, &made.viommu_id);
	if (!ret)
		ret = iommufd_vdevice_alloc(fd, made.viommu_id, dev_id, virt_id, &made.vdevice_id);
	if (ret)
		iommufd_nest_destroy(fd, &made);
	else
		*nest = made;
	return ret;
}

static int invalidate(int fd, uint32_t viommu_id,
		      const struct iommu_viommu_arm_smmuv3_invalidate *cmds, uint32_t *count)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = viommu_id,
		.data_uptr = (uintptr_t)cmds,
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.entry_len = sizeof(*cmds),
		.entry_num = *count,
	};
	int ret = iommufd_ioctl(fd, IOMMU_HWPT_INVALIDATE, &cmd);

	/* An early error leaves entry_num alone */
	*count = ret && cmd.entry_num == *count ? 0 : cmd.entry_num;
	return ret;
}

int iommufd_hwpt_invalidate_smmuv3(int fd, uint32_t viommu_id,
				   const struct iommu_viommu_arm_smmuv3_invalidate *cmds,
				   uint32_t *count)
{
	uint32_t done = 0, part, again;
	int ret = 0;

	while (!ret && done < *count) {
		part = *count - done < INVALIDATE_MAX ? *count - done : INVALIDATE_MAX;
		ret = invalidate(fd, viommu_id, cmds + done, &part);
		/*
		 * The driver counts what it has looked at before a bad command, but may
		 * not have issued it. To invalidate twice does no harm.
		 */
		again = part;
		if (ret && part)
			invalidate(fd, viommu_id, cmds + done, &again);
		done += part;
	}
	*count = done;
	return ret;
}

int iommufd_hw_info_smmuv3(int fd, uint32_t dev_id,
			   struct iommu_hw_info_arm_smmuv3 *info)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.data_len = sizeof(*info),
		.data_uptr = (uintptr_t)info,
	};
	int ret = iommufd_ioctl(fd, IOMMU_GET_HW_INFO, &cmd);

	if (ret)
		return ret;
	return cmd.out_data_type == IOMMU_HW_INFO_TYPE_ARM_SMMUV3 ?
		       0 : -EOPNOTSUPP;
}

int iommufd_veventq_alloc(int fd, uint32_t viommu_id, uint32_t depth,
			  uint32_t *veventq_id, int *event_fd)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.type = IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
		.veventq_depth = depth,
	};
	int ret = iommufd_ioctl(fd, IOMMU_VEVENTQ_ALLOC, &cmd);

	if (ret)
		return ret;
	*veventq_id = cmd.out_veventq_id;
	*event_fd = cmd.out_veventq_fd;
	return 0;
}

int iommufd_veventq_read(int event_fd, int seconds,
			 struct iommufd_vevent_header *header,
			 struct iommu_vevent_arm_smmuv3 *event)
{
	struct pollfd pfd = { .fd = event_fd, .events = POLLIN };
	struct {
		struct iommufd_vevent_header header;
		struct iommu_vevent_arm_smmuv3 event;
	} record = {};
	ssize_t got;
	int ret;

	ret = poll(&pfd, 1, seconds * 1000);
	if (ret < 0)
		return -errno;
	if (!ret)
		return -ETIMEDOUT;
	got = read(event_fd, &record, sizeof(record));
	if (got < 0)
		return -errno;
	/* A lone header tells of lost events */
	if ((size_t)got < sizeof(record) &&
	    !(record.header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS))
		return -EIO;
	*header = record.header;
	*event = record.event;
	return 0;
}
