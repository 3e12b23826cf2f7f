// SPDX-License-Identifier: GPL-2.0
/*
 * What revoke.c and withdraw.c take away: see revoke.h.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "revoke.h"

#define COPY	KIB(4)

int mapped_open(struct mapped *mapped, struct bench *b,
		const struct revoke_way *way, uint64_t length)
{
	unsigned int i;
	int ret = 0;

	*mapped = (struct mapped) {
		.b = b, .way = way, .length = length, .fd = -1,
		.ioas_id = { b->ioas_id },
	};
	for (i = 1; i < way->nr_ioas && !ret; i++) {
		ret = iommufd_ioas_alloc(b->iommufd, &mapped->ioas_id[i]);
		if (!ret)
			ret = iommufd_hwpt_alloc(b->iommufd, b->vf.dev_id,
						 mapped->ioas_id[i], 0,
						 &mapped->hwpt_id[i]);
	}
	return ret;
}

static void destroy(int iommufd, uint32_t id)
{
	if (id)
		iommufd_destroy(iommufd, id);
}

void mapped_close(struct mapped *mapped)
{
	int iommufd = mapped->b->iommufd;
	unsigned int i;

	if (mapped->va)
		munmap(mapped->va, mapped->length);
	if (mapped->way->nr_ioas)
		mapped_unmap(mapped);
	for (i = 1; i < mapped->way->nr_ioas; i++) {
		destroy(iommufd, mapped->hwpt_id[i]);
		destroy(iommufd, mapped->ioas_id[i]);
	}
	destroy(iommufd, mapped->mem_id);
	if (mapped->fd >= 0)
		close(mapped->fd);
}

int mapped_mmap(struct mapped *mapped, uint64_t mmap_offset)
{
	void *va;
	int ret = iommufd_mem_mmap(mapped->b->iommufd, mmap_offset,
				   mapped->length, MIB(2),
				   PROT_READ | PROT_WRITE, &va);

	if (!ret)
		mapped->va = va;
	return ret;
}

static int map_dma_buf(struct mapped *mapped)
{
	uint64_t iova = BENCH_IOVA;

	return iommufd_ioas_map_file(mapped->b->iommufd, mapped->ioas_id[0],
				     mapped->fd, 0, mapped->length,
				     IOMMUFD_FIXED_READ_WRITE, &iova);
}

int mapped_map(struct mapped *mapped)
{
	uint64_t iova = BENCH_IOVA;
	unsigned int i;
	int ret = 0;

	if (mapped->way->is_dma_buf)
		return map_dma_buf(mapped);
	for (i = 0; i < mapped->way->nr_ioas && !ret; i++)
		ret = iommufd_ioas_map_mem(mapped->b->iommufd,
					   mapped->ioas_id[i], mapped->mem_id,
					   0, mapped->length,
					   IOMMUFD_FIXED_READ_WRITE, &iova);
	return ret;
}

int mapped_unmap(struct mapped *mapped)
{
	return iommufd_ioas_unmap(mapped->b->iommufd, mapped->ioas_id[0],
				  BENCH_IOVA, mapped->length, NULL);
}

int mapped_check(struct mapped *mapped, bool reached)
{
	struct gpu *gpu = &mapped->b->gpu;
	int ret;

	if (!mapped->way->nr_ioas)
		return 0;
	ret = gpu_copy(gpu, BENCH_IOVA, REVOKE_COPY_IOVA, COPY, BENCH_DEADLINE);
	gpu_fault_clear(gpu);
	if (ret != (reached ? 0 : -EFAULT) ||
	    memtest_read_faults(mapped->va) == reached)
		return -EIO;
	return 0;
}
