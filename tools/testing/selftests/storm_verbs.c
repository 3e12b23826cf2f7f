// SPDX-License-Identifier: GPL-2.0
/*
 * What mem_storm does with memory objects. Each worker has objects of its own: it stamps
 * every page of them, and nobody else writes there. Objects that are anybody's are in a
 * table; who takes one out may destroy it.
 */
#include "kselftest.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storm.h"

#define IDS		48	/* that are likely to be something */

static int alloc(struct storm_worker *w, int ctx, struct iommu_mem_alloc *cmd)
{
	const uint64_t page = memtest_page_size();
	uint64_t kind = storm_number(w) % 16;
	uint32_t bar;

	*cmd = (struct iommu_mem_alloc){
		.type = IOMMU_MEM_TYPE_REGION,
		.dev_id = storm_some_device(w, ctx, &bar),
	};
	if (kind == 0)
		cmd->length = STORM_WINDOW;
	else if (kind < 4)
		cmd->length = MIB(2);
	else
		cmd->length = page * (1 + storm_number(w) % (MIB(4) / page));
	if (kind && kind < 4)
		cmd->align = MIB(2);
	return storm_did(w, CALL_ALLOC,
			 iommufd_mem_alloc(storm_context[ctx].fd, cmd));
}

static void op_alloc(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);
	int ctx = storm_some_context(w);
	struct iommu_mem_alloc cmd;

	storm_free(w, slot);
	if (alloc(w, ctx, &cmd))
		return;
	*slot = (struct storm_slot){
		.ctx = ctx,
		.id = cmd.out_mem_id,
		.length = cmd.length,
		.offset = cmd.out_mmap_offset,
	};
	storm_take(w, slot);
}

static void op_free(struct storm_worker *w)
{
	storm_free(w, storm_some_slot(w));
}

static void op_mmap(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);

	if (storm_number(w) % 2)
		storm_munmap(w, slot);
	else
		storm_mmap(w, slot);
	storm_check_stamps(w, slot, slot->key);
}

static int map_id(struct storm_worker *w, const struct storm_slot *slot,
		  uint32_t ioas_id, uint64_t iova)
{
	return storm_did(w, CALL_MAP,
			 iommufd_ioas_map_mem(storm_context[slot->ctx].fd,
					      ioas_id, slot->id, 0, slot->length,
					      IOMMUFD_FIXED_READ_WRITE, &iova));
}

static int map_va(struct storm_worker *w, const struct storm_slot *slot,
		  int ctx, uint32_t ioas_id, uint64_t iova)
{
	if (!slot->va)
		return -EFAULT;
	return storm_did(w, CALL_MAP_VA,
			 iommufd_ioas_map(storm_context[ctx].fd, ioas_id,
					  slot->va, slot->length,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
}

static int map_file(struct storm_worker *w, const struct storm_slot *slot,
		    int ctx, uint32_t ioas_id, uint64_t iova)
{
	int ret, fd;

	ret = storm_did(w, CALL_EXPORT,
			iommufd_mem_export(storm_context[slot->ctx].fd,
					   slot->id, &fd));
	if (ret)
		return ret;
	ret = storm_did(w, CALL_MAP_FILE,
			iommufd_ioas_map_file(storm_context[ctx].fd, ioas_id,
					      fd, 0, slot->length,
					      IOMMUFD_FIXED_READ_WRITE,
					      &iova));
	close(fd);
	return ret;
}

/* By ID in its own context; by address, and through a file, in any; and copy that */
static void op_map(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);
	unsigned int kind = storm_number(w) % (STORM_WINDOWS - 1);
	uint64_t iova = storm_iova(w, slot, kind);
	uint64_t copy = storm_iova(w, slot, STORM_WINDOWS - 1);
	int ctx = kind ? storm_some_context(w) : slot->ctx;
	uint32_t ioas_id = storm_some_ioas(w, ctx);
	int ret;

	if (!slot->id)
		return;
	if (kind == 0)
		ret = map_id(w, slot, ioas_id, iova);
	else if (kind == 1)
		ret = map_va(w, slot, ctx, ioas_id, iova);
	else
		ret = map_file(w, slot, ctx, ioas_id, iova);
	if (!ret)
		storm_did(w, CALL_COPY,
			  iommufd_ioas_copy(storm_context[ctx].fd,
					    storm_some_ioas(w, ctx), ioas_id,
					    slot->length,
					    IOMMUFD_FIXED_READ_WRITE, &copy,
					    iova));
}

static void op_unmap(struct storm_worker *w)
{
	uint64_t iova = storm_iova(w, storm_some_slot(w), 0);
	int ctx = storm_some_context(w);

	storm_did(w, CALL_UNMAP,
		  iommufd_ioas_unmap(storm_context[ctx].fd,
				     storm_some_ioas(w, ctx), iova, STORM_PART,
				     NULL));
}

/* An IOAS goes with what is mapped in it */
static void op_ioas(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);
	uint32_t ioas_id;

	if (!slot->id ||
	    storm_did(w, CALL_IOAS_ALLOC,
		      iommufd_ioas_alloc(storm_context[slot->ctx].fd,
					 &ioas_id)))
		return;
	map_id(w, slot, ioas_id, GIB(4));
	storm_destroy(w, slot->ctx, ioas_id);
}

/* Find any object, map it for the CPU and for DMA; it may go at any time */
static void op_any(struct storm_worker *w)
{
	struct iommu_mem_info info = {
		.flags = IOMMU_MEM_INFO_NEXT,
		.mem_id = storm_number(w) % IDS,
	};
	int ctx = storm_some_context(w), fd = storm_context[ctx].fd;
	uint64_t iova = storm_iova(w, &w->slot[STORM_SLOTS], 0);
	uint32_t ioas_id = storm_some_ioas(w, ctx);
	const uint64_t page = memtest_page_size();
	void *va;

	if (storm_did(w, CALL_INFO, iommufd_mem_info(fd, &info)))
		return;
	if (!storm_did(w, CALL_MMAP_ANY,
		       iommufd_mem_mmap(fd, info.out_mmap_offset, page, 0,
					PROT_READ, &va))) {
		memtest_read_faults(va);
		munmap(va, page);
	}
	if (!storm_did(w, CALL_MAP_ANY,
		       iommufd_ioas_map_mem(fd, ioas_id, info.mem_id, 0, page,
					    IOMMUFD_FIXED_READ_WRITE, &iova)))
		storm_did(w, CALL_UNMAP,
			  iommufd_ioas_unmap(fd, ioas_id, iova, page, NULL));
}

static void op_retired(struct storm_worker *w)
{
	struct storm_slot *slot = storm_some_slot(w);
	uint32_t count = 0;

	if (slot->id)
		storm_did(w, CALL_RETIRED,
			  iommufd_mem_retired(storm_context[slot->ctx].fd,
					      slot->id, NULL, &count));
}

static int alloc_bar(struct storm_worker *w, int ctx,
		     struct iommu_mem_alloc *cmd)
{
	*cmd = (struct iommu_mem_alloc){
		.type = IOMMU_MEM_TYPE_DEVICE,
		.length = memtest_page_size(),
	};
	cmd->dev_id = storm_some_device(w, ctx, &cmd->region_index);
	if (!cmd->dev_id)
		return -ENODEV;
	return storm_did(w, CALL_ALLOC_BAR,
			 iommufd_mem_alloc(storm_context[ctx].fd, cmd));
}

/* Leave an object, of the region or of a BAR, to anybody; destroy what was there */
static void op_common(struct storm_worker *w)
{
	uint64_t number = storm_number(w);
	int ctx = number % STORM_OWN, ret;
	uint32_t *common = &storm->common[ctx][(number >> 8) % STORM_COMMON];
	struct iommu_mem_alloc cmd;
	uint32_t old;

	ret = (number >> 16) % 4 ? alloc_bar(w, ctx, &cmd) :
				   alloc(w, ctx, &cmd);
	old = __atomic_exchange_n(common, ret ? 0 : cmd.out_mem_id,
				  __ATOMIC_SEQ_CST);
	if (old)
		storm_destroy(w, ctx, old);
}

static void (*const operations[])(struct storm_worker *w) = {
	op_alloc, op_alloc, op_alloc, op_alloc, op_free, op_mmap, op_mmap,
	op_map, op_map, op_map, op_map, op_unmap, op_unmap, op_ioas, op_any,
	op_any, op_retired, op_common, op_common, op_common,
};

void storm_use_memory(struct storm_worker *w)
{
	operations[storm_number(w) % ARRAY_SIZE(operations)](w);
}
