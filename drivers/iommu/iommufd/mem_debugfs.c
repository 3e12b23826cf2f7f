// SPDX-License-Identifier: GPL-2.0
/*
 * What those who debug and measure see of a region:
 * /sys/kernel/debug/iommufd_mem/<region>. See
 * Documentation/ABI/testing/debugfs-iommufd-mem.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "mem.h"

static struct dentry *mem_debug_root;

/**
 * struct mem_debug_piece - The line of extents that is shown next
 * @region: the region. Its directory is removed before it is freed, and that waits
 *          for readers
 * @offset: where in the region the piece starts, in bytes
 * @end: where it ends
 * @state: what it is
 */
struct mem_debug_piece {
	struct iommufd_mem_region *region;
	u64 offset;
	u64 end;
	enum iommufd_mem_state state;
};

/* A block that is being cleaned counts as free, as it does for an allocation */
static bool mem_debug_is_scrubbed(struct iommufd_mem_region *region, u64 paddr)
{
	struct gpu_buddy *buddy = &region->pool.buddy;
	struct gpu_buddy_block *block;

	list_for_each_entry(block, &region->scrubbing, link)
		if (paddr - gpu_buddy_block_offset(block) <
		    gpu_buddy_block_size(buddy, block))
			return true;
	return false;
}

/* The lock is held for one piece at a time, and never while anything is shown */
static void *mem_debug_find(struct mem_debug_piece *piece, u64 offset)
{
	struct iommufd_mem_region *region = piece->region;
	u64 paddr = region->desc.base + offset;
	u64 end;

	if (offset >= region->desc.size)
		return NULL;

	guard(mutex)(&region->lock);
	piece->state = iommufd_mem_pool_state(&region->pool, paddr, &end);
	if (piece->state == IOMMUFD_MEM_TAKEN &&
	    mem_debug_is_scrubbed(region, paddr))
		piece->state = IOMMUFD_MEM_DIRTY;
	piece->offset = offset;
	piece->end = end - region->desc.base;
	return piece;
}

/* The position is the offset in the region */
static void *mem_debug_start(struct seq_file *s, loff_t *pos)
{
	return mem_debug_find(s->private, *pos);
}

static void *mem_debug_next(struct seq_file *s, void *v, loff_t *pos)
{
	struct mem_debug_piece *piece = v;

	*pos = piece->end;
	return mem_debug_find(piece, piece->end);
}

static void mem_debug_stop(struct seq_file *s, void *v)
{
}

static int mem_debug_show(struct seq_file *s, void *v)
{
	static const char * const states[] = {
		[IOMMUFD_MEM_CLEAN] = "clean",
		[IOMMUFD_MEM_DIRTY] = "dirty",
		[IOMMUFD_MEM_TAKEN] = "used",
		[IOMMUFD_MEM_RETIRED] = "retired",
	};
	struct mem_debug_piece *piece = v;

	seq_printf(s, "%llu %llu %s\n", piece->offset,
		   piece->end - piece->offset, states[piece->state]);
	return 0;
}

static const struct seq_operations mem_debug_extents_ops = {
	.start = mem_debug_start,
	.next = mem_debug_next,
	.stop = mem_debug_stop,
	.show = mem_debug_show,
};

static int mem_debug_extents_open(struct inode *inode, struct file *file)
{
	struct mem_debug_piece *piece;

	piece = __seq_open_private(file, &mem_debug_extents_ops,
				   sizeof(*piece));
	if (!piece)
		return -ENOMEM;
	piece->region = inode->i_private;
	return 0;
}

static const struct file_operations mem_debug_extents_fops = {
	.owner = THIS_MODULE,
	.open = mem_debug_extents_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static int mem_debug_scrub_get(void *data, u64 *value)
{
	struct iommufd_mem_region *region = data;

	*value = !READ_ONCE(region->scrub_off);
	return 0;
}

static int mem_debug_scrub_set(void *data, u64 value)
{
	if (value > 1)
		return -EINVAL;
	return iommufd_mem_scrub_enable(data, value);
}

DEFINE_DEBUGFS_ATTRIBUTE(mem_debug_scrub_fops, mem_debug_scrub_get,
			 mem_debug_scrub_set, "%llu\n");

/**
 * iommufd_mem_debugfs_add() - Show a region in debugfs
 * @region: the region, which no other one has the name of. None of its locks is held
 *
 * As with all of debugfs, nobody is told if that fails.
 */
void iommufd_mem_debugfs_add(struct iommufd_mem_region *region)
{
	region->debugfs = debugfs_create_dir(region->desc.name, mem_debug_root);
	debugfs_create_file("extents", 0400, region->debugfs, region,
			    &mem_debug_extents_fops);
	debugfs_create_file_unsafe("scrub_background", 0600, region->debugfs,
				   region, &mem_debug_scrub_fops);
}

/**
 * iommufd_mem_debugfs_remove() - Undo iommufd_mem_debugfs_add()
 * @region: the region. None of its locks is held; waits for who is reading or writing
 */
void iommufd_mem_debugfs_remove(struct iommufd_mem_region *region)
{
	debugfs_remove(region->debugfs);
}

/**
 * iommufd_mem_debugfs_init() - Make the directory for all regions
 */
void iommufd_mem_debugfs_init(void)
{
	mem_debug_root = debugfs_create_dir("iommufd_mem", NULL);
}

/**
 * iommufd_mem_debugfs_exit() - Undo iommufd_mem_debugfs_init()
 */
void iommufd_mem_debugfs_exit(void)
{
	debugfs_remove(mem_debug_root);
}
