// SPDX-License-Identifier: GPL-2.0
/*
 * The auxiliary devices of a GPU, and those functions of include/linux/nvgrace_vgpu.h
 * that pass on to one part of this driver: framebuffer, aperture, channel ids. Copies
 * are in ce.c.
 *
 * A driver that binds one of the devices is notified before the GPU stops (its
 * notifier; its remove() when this driver leaves) and can use all functions until that
 * returns.
 */
#include <kunit/visibility.h>
#include <linux/auxiliary_bus.h>
#include <linux/idr.h>
#include <linux/slab.h>

#include "aux.h"
#include "gpu.h"

struct nvgrace_vgpu {
	struct auxiliary_device auxdev;
	struct nvg_gpu *gpu;
};

/* In the order of use: what configures a GPU comes after what runs it, and goes first */
static const char * const nvg_aux_names[NVG_AUX_DEVICES] = { "vgpu", "fwctl" };

static_assert(NVGRACE_VGPU_MAX_CES == NVG_MAX_CES);

static DEFINE_IDA(nvg_aux_ids);

/**
 * nvg_vgpu_gpu() - The GPU behind an auxiliary device
 * @vgpu: what the API calls it
 *
 * Return: the GPU.
 */
struct nvg_gpu *nvg_vgpu_gpu(struct nvgrace_vgpu *vgpu)
{
	return vgpu->gpu;
}
EXPORT_SYMBOL_IF_KUNIT(nvg_vgpu_gpu);

/**
 * nvgrace_vgpu_from_auxdev() - The GPU that an auxiliary device stands for
 * @auxdev: a device with the name %NVGRACE_VGPU_AUX_VGPU or %NVGRACE_VGPU_AUX_FWCTL
 *
 * Return: the GPU, which stays until the driver's remove() returns.
 */
struct nvgrace_vgpu *nvgrace_vgpu_from_auxdev(struct auxiliary_device *auxdev)
{
	return container_of(auxdev, struct nvgrace_vgpu, auxdev);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_from_auxdev, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_get_info() - What a GPU has
 * @vgpu: GPU
 * @info: is filled in
 *
 * Context: may sleep.
 * Return: 0, or -EIO: the GPU does not work, so that it cannot be asked.
 */
int nvgrace_vgpu_get_info(struct nvgrace_vgpu *vgpu, struct nvgrace_vgpu_info *info)
{
	struct nvg_gpu *gpu = vgpu->gpu;

	guard(rwsem_read)(&gpu->lock);
	if (gpu->state != NVG_RUNNING)
		return -EIO;
	*info = (struct nvgrace_vgpu_info) {
		.dma_dev = gpu->dev,
		.fb_size = gpu->info.fb_length,
		.segment_size = gpu->fb.segment,
		.nr_ces = gpu->engines.nr,
		.nr_chids = gpu->fifo.nr_chids,
		.total_vfs = gpu->total_vfs,
		.vgpu = gpu->vgpu,
		.egm = gpu->mmu.egm_peer != NVG_NO_EGM_PEER,
	};
	strscpy(info->name, gpu->info.name);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_get_info, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_register_notifier() - Be told what happens to a GPU
 * @vgpu: GPU
 * @nb: called with an &enum nvgrace_vgpu_event. It may sleep and use the GPU, but it
 *	must not unregister itself
 *
 * Return: 0.
 */
int nvgrace_vgpu_register_notifier(struct nvgrace_vgpu *vgpu, struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&vgpu->gpu->aux.notifiers, nb);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_register_notifier, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_unregister_notifier() - Be told no more
 * @vgpu: GPU
 * @nb: as registered; it is not called any more when the function returns
 */
void nvgrace_vgpu_unregister_notifier(struct nvgrace_vgpu *vgpu, struct notifier_block *nb)
{
	blocking_notifier_chain_unregister(&vgpu->gpu->aux.notifiers, nb);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_unregister_notifier, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_fb_alloc() - Take contiguous framebuffer
 * @vgpu: GPU
 * @size: in bytes, not 0; rounded up to a multiple of 4096
 * @align: of the address: a power of two. For a VF, size and alignment are multiples of
 *	&nvgrace_vgpu_info.segment_size
 *
 * It holds what its last owner left there.
 *
 * Context: may sleep.
 * Return: the memory or an ERR_PTR: -EINVAL @size is 0, or @align no power of two;
 * -ENOSPC there is no such piece, or no host memory to split a larger one; -EIO; -ENOMEM.
 */
struct nvgrace_vgpu_fb *nvgrace_vgpu_fb_alloc(struct nvgrace_vgpu *vgpu, u64 size, u64 align)
{
	struct nvgrace_vgpu_fb *fb __free(kfree) = kzalloc_obj(*fb);
	struct nvg_gpu *gpu = vgpu->gpu;
	struct nvg_fb_mem *mem;

	if (!fb)
		return ERR_PTR(-ENOMEM);
	guard(rwsem_read)(&gpu->lock);
	if (gpu->state != NVG_RUNNING)
		return ERR_PTR(-EIO);
	mem = nvg_fb_alloc(gpu, size, align);
	if (IS_ERR(mem))
		return ERR_CAST(mem);
	fb->addr = mem->addr;
	fb->size = mem->size;
	fb->mem = mem;
	return_ptr(fb);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_fb_alloc, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_fb_free() - Give framebuffer back
 * @vgpu: GPU
 * @fb: that no context uses any more
 *
 * Context: may sleep.
 */
void nvgrace_vgpu_fb_free(struct nvgrace_vgpu *vgpu, struct nvgrace_vgpu_fb *fb)
{
	struct nvg_gpu *gpu = vgpu->gpu;

	guard(rwsem_read)(&gpu->lock);
	nvg_fb_free(gpu, fb->mem);
	kfree(fb);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_fb_free, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_bar1_map() - Let the CPU access framebuffer
 * @vgpu: GPU
 * @addr: in the framebuffer, a multiple of 4096
 * @size: in bytes, a multiple of 4096, not 0
 *
 * Context: may sleep.
 * Not to be touched any more once %NVGRACE_VGPU_EVENT_STOP was told, but still to be given
 * back.
 *
 * Return: where it is, or an ERR_PTR: -EINVAL; -ENOSPC the aperture is full; -EIO; -ENOMEM.
 */
void __iomem *nvgrace_vgpu_bar1_map(struct nvgrace_vgpu *vgpu, u64 addr, u64 size)
{
	struct nvg_gpu *gpu = vgpu->gpu;

	if (!IS_ALIGNED(addr | size, NVG_PAGE_SIZE))
		return IOMEM_ERR_PTR(-EINVAL);
	guard(rwsem_read)(&gpu->lock);
	if (gpu->state != NVG_RUNNING)
		return IOMEM_ERR_PTR(-EIO);
	return nvg_bar1_map(gpu, addr, size);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_bar1_map, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_bar1_unmap() - Give back a piece of the aperture
 * @vgpu: GPU
 * @map: as from nvgrace_vgpu_bar1_map()
 * @size: as told to it
 *
 * Context: may sleep.
 */
void nvgrace_vgpu_bar1_unmap(struct nvgrace_vgpu *vgpu, void __iomem *map, u64 size)
{
	struct nvg_gpu *gpu = vgpu->gpu;

	guard(rwsem_read)(&gpu->lock);
	nvg_bar1_unmap(gpu, map, size);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_bar1_unmap, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_chids_reserve() - Take a slice of the channel ids, as a VF needs one
 * @vgpu: GPU
 * @count: a power of two
 * @first: set to the first id, a multiple of @count
 *
 * The slice stays over resets of the GPU.
 *
 * Return: 0; -EINVAL @count is no power of two, or too large; -ENOSPC no slice is free.
 */
int nvgrace_vgpu_chids_reserve(struct nvgrace_vgpu *vgpu, unsigned int count,
			       unsigned int *first)
{
	return nvg_chids_reserve(vgpu->gpu, count, first);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_chids_reserve, "NVGRACE_VGPU");

/**
 * nvgrace_vgpu_chids_release() - Give a slice back
 * @vgpu: GPU
 * @first: as from nvgrace_vgpu_chids_reserve()
 * @count: as told to it; no context has one of the ids any more
 */
void nvgrace_vgpu_chids_release(struct nvgrace_vgpu *vgpu, unsigned int first,
				unsigned int count)
{
	nvg_chids_release(vgpu->gpu, first, count);
}
EXPORT_SYMBOL_NS_GPL(nvgrace_vgpu_chids_release, "NVGRACE_VGPU");

/**
 * nvg_aux_notify() - Tell the drivers on top what happens
 * @gpu: GPU that it happens to
 * @event: what; %NVGRACE_VGPU_EVENT_LOST, if it came before, has been told when this returns
 *
 * Context: may sleep; gpu->lock is not held, since they use the GPU.
 */
void nvg_aux_notify(struct nvg_gpu *gpu, enum nvgrace_vgpu_event event)
{
	if (!READ_ONCE(gpu->aux.ready))
		return;
	flush_work(&gpu->aux.lost);
	blocking_notifier_call_chain(&gpu->aux.notifiers, event, NULL);
}

static void nvg_aux_lost_work(struct work_struct *work)
{
	struct nvg_aux *aux = container_of(work, struct nvg_aux, lost);

	blocking_notifier_call_chain(&aux->notifiers, NVGRACE_VGPU_EVENT_LOST, NULL);
}

/**
 * nvg_aux_lost() - Tell the drivers on top, soon, that the GPU is lost
 * @gpu: GPU that is
 *
 * Context: any.
 */
void nvg_aux_lost(struct nvg_gpu *gpu)
{
	if (READ_ONCE(gpu->aux.ready))
		queue_work(system_dfl_wq, &gpu->aux.lost);
}

static void nvg_aux_release(struct device *dev)
{
	kfree(container_of(dev, struct nvgrace_vgpu, auxdev.dev));
}

static struct nvgrace_vgpu *nvg_aux_add(struct nvg_gpu *gpu, const char *name)
{
	struct nvgrace_vgpu *vgpu;
	int ret;

	vgpu = kzalloc_obj(*vgpu);
	if (!vgpu)
		return ERR_PTR(-ENOMEM);
	vgpu->gpu = gpu;
	vgpu->auxdev.name = name;
	vgpu->auxdev.id = gpu->aux.id;
	vgpu->auxdev.dev.parent = gpu->dev;
	vgpu->auxdev.dev.release = nvg_aux_release;
	ret = auxiliary_device_init(&vgpu->auxdev);
	if (ret) {
		kfree(vgpu);
		return ERR_PTR(ret);
	}
	ret = auxiliary_device_add(&vgpu->auxdev);
	if (ret) {
		auxiliary_device_uninit(&vgpu->auxdev);
		return ERR_PTR(ret);
	}
	return vgpu;
}

/**
 * nvg_aux_init() - Add the auxiliary devices
 * @gpu: that works; drivers bind and use it before the function returns
 *
 * Context: may sleep; gpu->lock is not held.
 * Return: 0 or a negative errno.
 */
int nvg_aux_init(struct nvg_gpu *gpu)
{
	struct nvg_aux *aux = &gpu->aux;
	struct nvgrace_vgpu *vgpu;
	unsigned int i;

	BLOCKING_INIT_NOTIFIER_HEAD(&aux->notifiers);
	INIT_WORK(&aux->lost, nvg_aux_lost_work);
	aux->id = ida_alloc(&nvg_aux_ids, GFP_KERNEL);
	if (aux->id < 0)
		return aux->id;
	/* Who sees it set sees what is initialised above */
	smp_store_release(&aux->ready, true);
	for (i = 0; i < NVG_AUX_DEVICES; i++) {
		vgpu = nvg_aux_add(gpu, nvg_aux_names[i]);
		if (IS_ERR(vgpu)) {
			nvg_aux_fini(gpu);
			return PTR_ERR(vgpu);
		}
		aux->dev[i] = vgpu;
	}
	return 0;
}

/**
 * nvg_aux_fini() - Take the auxiliary devices away, the last one first
 * @gpu: that works still, if it did before
 *
 * Their drivers leave before the function returns.
 *
 * Context: may sleep; gpu->lock is not held.
 */
void nvg_aux_fini(struct nvg_gpu *gpu)
{
	struct nvg_aux *aux = &gpu->aux;
	unsigned int i;

	for (i = NVG_AUX_DEVICES; i--;) {
		if (!aux->dev[i])
			continue;
		auxiliary_device_delete(&aux->dev[i]->auxdev);
		auxiliary_device_uninit(&aux->dev[i]->auxdev);
		aux->dev[i] = NULL;
	}
	WRITE_ONCE(aux->ready, false);
	disable_work_sync(&aux->lost);
	ida_free(&nvg_aux_ids, aux->id);
}
