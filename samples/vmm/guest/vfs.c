// SPDX-License-Identifier: GPL-2.0
/*
 * The GPU's VFs in the guest: found in sysfs, bound to vfio-pci, opened as cdevs and
 * attached to one IOAS. With an IOMMU and without, the calls are the same: without,
 * iommufd keeps page tables that only it reads, and tells where memory is.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iommufd-mem/iommufd.h>

#include "guest.h"
#include "vfs.h"

#define PCI	"/sys/bus/pci/devices"

static bool is_vf(const char *bdf)
{
	char vendor[16], device[16];

	file_read(vendor, sizeof(vendor), PCI "/%s/vendor", bdf);
	file_read(device, sizeof(device), PCI "/%s/device", bdf);
	return strtoul(vendor, NULL, 16) == NVGRACE_GPU_VENDOR_ID &&
	       strtoul(device, NULL, 16) == NVGRACE_GPU_VF_DEVICE_ID;
}

int vfs_find(char bdf[MAX_VFS][16])
{
	struct dirent **names;
	int i, nr, found = 0;

	nr = scandir(PCI, &names, NULL, alphasort);
	for (i = 0; i < nr; i++) {
		const char *name = names[i]->d_name;

		if (found < MAX_VFS && strlen(name) < 16 && is_vf(name))
			strcpy(bdf[found++], name);
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
	return found;
}

const char *vf_group_type(const char *bdf)
{
	static char type[32];
	char name[32];

	/* vfio gives a function without an IOMMU a group of this name */
	file_read(name, sizeof(name), PCI "/%s/iommu_group/name", bdf);
	file_read(type, sizeof(type), PCI "/%s/iommu_group/type", bdf);
	return strcmp(name, "vfio-noiommu") ? type : "";
}

static int find_cdev(struct vfio_function *function)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), PCI "/%s/vfio-dev", function->bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	*function->cdev = '\0';
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, "vfio") &&
		    strlen(entry->d_name) < sizeof(function->cdev))
			strcpy(function->cdev, entry->d_name);
	closedir(dir);
	return *function->cdev ? 0 : -ENOENT;
}

static int open_vf(struct vfs *vfs, struct vf *vf, const char *bdf)
{
	struct vfio_function function = {
		.vendor = NVGRACE_GPU_VENDOR_ID,
		.device = NVGRACE_GPU_VF_DEVICE_ID,
	};
	int ret;

	strcpy(function.bdf, bdf);
	if (find_cdev(&function)) {
		file_write("vfio-pci", PCI "/%s/driver_override", bdf);
		file_write(bdf, PCI "/%s/driver/unbind", bdf);
		file_write(bdf, "/sys/bus/pci/drivers_probe");
	}
	ret = find_cdev(&function);
	if (ret)
		return step_failed(ret, "%s does not bind to vfio-pci", bdf);
	ret = vfio_open(&vf->dev, &function);
	if (ret)
		return step_failed(ret, "/dev/vfio/devices/%s", function.cdev);
	ret = vfio_bind(&vf->dev, vfs->iommufd);
	if (ret)
		return step_failed(ret, "%s: VFIO_DEVICE_BIND_IOMMUFD", bdf);
	ret = vfio_attach(&vf->dev, vfs->ioas_id);
	if (ret)
		return step_failed(ret, "%s: VFIO_DEVICE_ATTACH_IOMMUFD_PT", bdf);
	ret = gpu_open(&vf->gpu, &vf->dev);
	if (ret)
		return step_failed(ret, "%s: BAR0", bdf);
	return 0;
}

int vfs_open(struct vfs *vfs, int min)
{
	char bdf[MAX_VFS][16];
	int i, nr, ret;

	memset(vfs, 0, sizeof(*vfs));
	vfs->deadline = DEADLINE;
	for (i = 0; i < MAX_VFS; i++)
		vfs->vf[i].dev.fd = -1;
	nr = vfs_find(bdf);
	if (nr < min)
		return step_failed(-ENODEV, "%d VFs of the GPU, %d needed", nr, min);
	vfs->iommu = *vf_group_type(bdf[0]);
	if (!vfs->iommu)
		file_write("Y", "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");

	vfs->iommufd = iommufd_open();
	if (vfs->iommufd < 0)
		return step_failed(vfs->iommufd, "/dev/iommu");
	ret = iommufd_ioas_alloc(vfs->iommufd, &vfs->ioas_id);
	if (ret)
		return step_failed(ret, "IOMMU_IOAS_ALLOC");
	for (; vfs->nr < nr; vfs->nr++) {
		ret = open_vf(vfs, &vfs->vf[vfs->nr], bdf[vfs->nr]);
		if (ret)
			return ret;
	}
	step_ok("%d VFs open, IOMMU: %s", nr, vfs->iommu ? vf_group_type(bdf[0]) : "none");
	return 0;
}

/* No register is touched, for the VF may be gone; vfio resets it when it is closed */
void vf_close(struct vf *vf)
{
	if (vf->gpu.regs) {
		munmap((void *)vf->gpu.regs, vf->gpu.regs_size);
		if (vf->gpu.event_fd >= 0)
			close(vf->gpu.event_fd);
		vf->gpu.regs = NULL;
	}
	vfio_close(&vf->dev);
}

void vfs_close(struct vfs *vfs)
{
	int i;

	for (i = 0; i < MAX_VFS; i++)
		vf_close(&vfs->vf[i]);
	if (vfs->iommufd > 0)
		close(vfs->iommufd);
}

int vfs_map(struct vfs *vfs, uint64_t iova, uint64_t length, uint8_t **va)
{
	int ret;

	*va = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*va == MAP_FAILED)
		return -errno;
	ret = iommufd_ioas_map(vfs->iommufd, vfs->ioas_id, *va, length, IOMMUFD_FIXED_READ_WRITE,
			       &iova);
	if (ret)
		munmap(*va, length);
	return ret;
}

int vfs_dma(struct vfs *vfs, uint64_t iova, uint64_t *run, uint64_t *address)
{
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.ioas_id = vfs->ioas_id,
		.iova = iova,
		.length = *run,
	};
	int ret;

	*address = iova;
	if (vfs->iommu)
		return 0;
	ret = iommufd_ioctl(vfs->iommufd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd);
	if (ret)
		return ret;
	*run = cmd.length;
	*address = cmd.out_phys;
	return 0;
}

static int copy_piece(struct vfs *vfs, int i, struct gpu_copy *copy, enum copy_end end,
		      const struct semaphore *semaphore)
{
	struct gpu *gpu = &vfs->vf[i].gpu;
	uint64_t run = sizeof(uint32_t);
	int ret;

	if (end == END_SEMAPHORE) {
		ret = vfs_dma(vfs, semaphore->iova, &run, &copy->semaphore);
		if (ret)
			return ret;
		copy->payload = *semaphore->cpu + 1;
	}
	copy->interrupt = end == END_INTERRUPT;
	ret = gpu_launch_copy(gpu, copy);
	if (ret)
		return ret;
	if (end == END_SEMAPHORE)
		return gpu_wait_semaphore(gpu, semaphore->cpu, copy->payload, vfs->deadline);
	if (end == END_INTERRUPT)
		return gpu_wait_interrupt(gpu, vfs->deadline);
	return gpu_wait(gpu, vfs->deadline);
}

int vfs_copy(struct vfs *vfs, int i, uint64_t src, uint64_t dst, uint64_t length,
	     enum copy_end end, const struct semaphore *semaphore)
{
	while (length) {
		uint64_t run = length;
		struct gpu_copy copy = {};
		int ret;

		ret = vfs_dma(vfs, src, &run, &copy.src);
		if (!ret)
			ret = vfs_dma(vfs, dst, &run, &copy.dst);
		if (ret)
			return ret;
		copy.length = run;
		/* Only the last piece has the end that was asked for */
		ret = copy_piece(vfs, i, &copy, run == length ? end : END_POLL, semaphore);
		if (ret)
			return ret;
		src += run;
		dst += run;
		length -= run;
	}
	return 0;
}
