// SPDX-License-Identifier: GPL-2.0
/*
 * Offset to physical address, for objects of several physical pieces.
 *
 * An object has few extents, as its memory is taken in the largest blocks there
 * are; a binary search over an array beats any tree. What is between two of them
 * is a hole. What the extents are used
 * for, and who owns the memory, is not this file's business.
 */
#include "mem_extent.h"

void mem_extents_append(struct mem_extents *ext, u64 paddr, u64 length)
{
	struct mem_extent *last = ext->nr ? &ext->extents[ext->nr - 1] : NULL;

	if (last && last->paddr + last->length == paddr &&
	    last->offset + last->length == ext->length) {
		last->length += length;
	} else {
		if (WARN_ON(ext->nr == ext->max))
			return;
		ext->extents[ext->nr++] = (struct mem_extent){
			.paddr = paddr,
			.length = length,
			.offset = ext->length,
		};
	}
	ext->length += length;
}

void mem_extents_skip(struct mem_extents *ext, u64 length)
{
	ext->length += length;
	ext->holes += length;
}

/* The last extent that starts at or before offset; if none does, the first */
static const struct mem_extent *mem_extents_at(const struct mem_extents *ext,
					       u64 offset)
{
	unsigned int low = 0, high = ext->nr;

	while (high - low > 1) {
		unsigned int mid = low + (high - low) / 2;

		if (ext->extents[mid].offset <= offset)
			low = mid;
		else
			high = mid;
	}
	return &ext->extents[low];
}

u64 mem_extents_find(const struct mem_extents *ext, u64 offset, u64 *contig)
{
	const struct mem_extent *e, *end = ext->extents + ext->nr;

	if (WARN_ON(offset >= ext->length)) {
		*contig = 0;
		return MEM_EXTENTS_HOLE;
	}
	e = mem_extents_at(ext, offset);
	if (e < end && offset >= e->offset) {
		if (offset - e->offset < e->length) {
			offset -= e->offset;
			*contig = e->length - offset;
			return e->paddr + offset;
		}
		e++;
	}
	*contig = (e < end ? e->offset : ext->length) - offset;
	return MEM_EXTENTS_HOLE;
}

u64 mem_extents_offset(const struct mem_extents *ext, u64 paddr)
{
	unsigned int i;

	for (i = 0; i < ext->nr; i++) {
		const struct mem_extent *e = &ext->extents[i];

		if (paddr >= e->paddr && paddr - e->paddr < e->length)
			return e->offset + (paddr - e->paddr);
	}
	return MEM_EXTENTS_HOLE;
}

u64 mem_extent_max_block(const struct mem_extent *extent)
{
	/* Offset and address can share no more alignment than they agree on */
	u64 differ = extent->paddr ^ extent->offset;
	u64 block = differ ? differ & -differ : 1ULL << 63;

	for (; block > 1; block >>= 1) {
		u64 skip = -extent->offset & (block - 1);

		if (skip < extent->length && extent->length - skip >= block)
			break;
	}
	return block;
}

u64 mem_extents_max_block(const struct mem_extents *ext)
{
	u64 block = 1;
	unsigned int i;

	for (i = 0; i < ext->nr; i++)
		block = max(block, mem_extent_max_block(&ext->extents[i]));
	return block;
}
