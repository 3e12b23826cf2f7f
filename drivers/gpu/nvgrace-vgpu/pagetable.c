// SPDX-License-Identifier: GPL-2.0
/*
 * Trees of page tables.
 *
 * For each table that the GPU reads there is a struct nvg_pt, which knows the tables
 * below it and how many of its words are in use. So nothing is ever taken from memory
 * that a device can write, but whether a word is 0.
 *
 * A table exists while it has an entry. One that becomes empty leaves the tree at once,
 * for a list: the GPU may still know it, and it must be made to forget it before the
 * list is freed. That, and locking, is up to the caller (vmm.c). What entries look like is
 * in pte.h.
 */
#include <linux/dmapool.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "pagetable.h"

/**
 * struct nvg_pt - a page table
 * @level: which kind
 * @used: words of it that are not 0
 * @words: the table, little-endian
 * @dma: its address
 * @child: of a directory: the tables that its words point to
 * @link: in a list of tables that are to be freed
 */
struct nvg_pt {
	enum nvg_pt_level level;
	unsigned int used;
	__le64 *words;
	dma_addr_t dma;
	struct nvg_pt **child;
	struct list_head link;
};

static unsigned int pt_nr_words(enum nvg_pt_level level)
{
	return nvg_pt_entries(level) * nvg_pt_words(level);
}

static bool pt_is_directory(enum nvg_pt_level level)
{
	return level <= NVG_PT_LEVEL_PD0;
}

static struct dma_pool *pt_pool(const struct nvg_pt_pools *pools, enum nvg_pt_level level)
{
	return level == NVG_PT_LEVEL_64K ? pools->small_tables : pools->tables;
}

static void pt_free(const struct nvg_pt_pools *pools, struct nvg_pt *pt)
{
	if (pt->words)
		dma_pool_free(pt_pool(pools, pt->level), pt->words, pt->dma);
	kfree(pt->child);
	kfree(pt);
}

static struct nvg_pt *pt_alloc(const struct nvg_pt_pools *pools, enum nvg_pt_level level)
{
	struct nvg_pt *pt;

	pt = kzalloc_obj(*pt);
	if (!pt)
		return NULL;
	pt->level = level;
	if (pt_is_directory(level)) {
		pt->child = kzalloc_objs(*pt->child, pt_nr_words(level));
		if (!pt->child)
			goto err;
	}
	pt->words = dma_pool_zalloc(pt_pool(pools, level), GFP_KERNEL, &pt->dma);
	if (!pt->words)
		goto err;
	return pt;

err:
	pt_free(pools, pt);
	return NULL;
}

static bool pt_is_set(const struct nvg_pt *pt, unsigned int word)
{
	return pt->words[word] != 0;
}

static void pt_set(struct nvg_pt *pt, unsigned int word, u64 val)
{
	WRITE_ONCE(pt->words[word], cpu_to_le64(val));
	pt->used++;
}

static void pt_clear(struct nvg_pt *pt, unsigned int word)
{
	WRITE_ONCE(pt->words[word], 0);
	pt->used--;
}

/* The level below a directory, on the way to a leaf in a table of @leaf */
static enum nvg_pt_level pt_below(enum nvg_pt_level level, enum nvg_pt_level leaf)
{
	return level == NVG_PT_LEVEL_PD0 ? leaf : level + 1;
}

/* The word of a directory that leads to @va in a table of level @below */
static unsigned int pt_child_word(const struct nvg_pt *pt, u64 va, enum nvg_pt_level below)
{
	unsigned int index = nvg_pt_index(pt->level, va);

	return pt->level == NVG_PT_LEVEL_PD0 ? index * 2 + nvg_pd0_word(below) : index;
}

/* Is there a leaf of 2 MiB in the last directory, and no table? */
static bool pt_has_leaf(const struct nvg_pt *pt, u64 va)
{
	unsigned int word = nvg_pt_index(pt->level, va) * 2;

	return pt->level == NVG_PT_LEVEL_PD0 && pt_is_set(pt, word) && !pt->child[word];
}

/*
 * The table of @level that has the entry of @va; made, with all on the way, if it is not
 * there. When that fails, nvg_pt_prune() finds what was made.
 */
static struct nvg_pt *pt_get_table(const struct nvg_pt_pools *pools, struct nvg_pt *pt, u64 va,
				   enum nvg_pt_level level)
{
	while (pt->level != level) {
		enum nvg_pt_level below = pt_below(pt->level, level);
		unsigned int word = pt_child_word(pt, va, below);

		if (pt_has_leaf(pt, va))
			return ERR_PTR(-EEXIST);
		if (!pt->child[word]) {
			pt->child[word] = pt_alloc(pools, below);
			if (!pt->child[word])
				return ERR_PTR(-ENOMEM);
			/* The table is empty before anyone can see it */
			dma_wmb();
			pt_set(pt, word, nvg_pde(below, pt->child[word]->dma));
		}
		pt = pt->child[word];
	}
	return pt;
}

/* The table of @level that has the entry of @va, or NULL */
static struct nvg_pt *pt_find_table(struct nvg_pt *pt, u64 va, enum nvg_pt_level level)
{
	while (pt && pt->level != level)
		pt = pt->child[pt_child_word(pt, va, pt_below(pt->level, level))];
	return pt;
}

/* Is a page of the range [va, va + size) mapped by a table of @level? Within one table */
static bool pt_any_leaf(struct nvg_pt *root, u64 va, u64 size, enum nvg_pt_level level)
{
	struct nvg_pt *pt = pt_find_table(root, va, level);
	unsigned int word, last;

	if (!pt)
		return false;
	last = nvg_pt_index(level, va + size - 1);
	for (word = nvg_pt_index(level, va); word <= last; word++)
		if (pt_is_set(pt, word))
			return true;
	return false;
}

/* Does anything map a part of the leaf at @va? That of 2 MiB is found on the way there */
static bool pt_is_taken(struct nvg_pt *root, u64 va, enum nvg_pt_level level)
{
	u64 size = nvg_pt_leaf(level);

	return pt_any_leaf(root, va, size, NVG_PT_LEVEL_64K) ||
	       pt_any_leaf(root, va, size, NVG_PT_LEVEL_4K);
}

/**
 * nvg_pt_map() - Write a leaf
 * @pools: where tables come from
 * @root: of the tree
 * @va: virtual address, aligned to the leaf's size
 * @level: of the table that has the leaf: NVG_PT_LEVEL_PD0, _64K or _4K
 * @pte: the leaf
 *
 * Return: 0; -EEXIST if a part of what it maps is mapped; -ENOMEM: the tree can have
 * empty tables now, which nvg_pt_prune() takes out.
 */
int nvg_pt_map(const struct nvg_pt_pools *pools, struct nvg_pt *root, u64 va,
	       enum nvg_pt_level level, u64 pte)
{
	unsigned int word = nvg_pt_index(level, va) * nvg_pt_words(level);
	struct nvg_pt *pt;

	if (pt_is_taken(root, va, level))
		return -EEXIST;
	pt = pt_get_table(pools, root, va, level);
	if (IS_ERR(pt))
		return PTR_ERR(pt);
	if (pt_is_set(pt, word))
		return -EEXIST;
	pt_set(pt, word, pte);
	return 0;
}

static void pt_clear_range(struct nvg_pt *pt, u64 first, u64 last, struct list_head *empty);

/* As pt_clear_range(), for what one word of a directory leads to */
static void pt_clear_child(struct nvg_pt *pt, unsigned int word, u64 first, u64 last,
			   struct list_head *empty)
{
	struct nvg_pt *child = pt->child[word];

	pt_clear_range(child, first, last, empty);
	if (child->used)
		return;
	pt_clear(pt, word);
	pt->child[word] = NULL;
	list_add_tail(&child->link, empty);
}

/*
 * Clear all leaves below @pt that map a part of [first, last], both of which @pt
 * covers. Tables that become empty are taken out of the tree, and put on a list.
 */
static void pt_clear_range(struct nvg_pt *pt, u64 first, u64 last, struct list_head *empty)
{
	unsigned int index, word, words = nvg_pt_words(pt->level);
	unsigned int end = nvg_pt_index(pt->level, last);
	u64 size = nvg_pt_leaf(pt->level);
	u64 start = round_down(first, size);

	for (index = nvg_pt_index(pt->level, first); index <= end; index++, start += size) {
		for (word = index * words; word < (index + 1) * words; word++) {
			if (pt->child && pt->child[word])
				pt_clear_child(pt, word, max(first, start),
					       min(last, start + size - 1), empty);
			else if (pt_is_set(pt, word))
				pt_clear(pt, word);
		}
	}
}

/**
 * nvg_pt_unmap() - Clear leaves
 * @root: of the tree
 * @va: first virtual address
 * @size: in bytes, not 0
 * @empty: gets the tables that are empty now
 *
 * All leaves go that map a part of the range.
 */
void nvg_pt_unmap(struct nvg_pt *root, u64 va, u64 size, struct list_head *empty)
{
	pt_clear_range(root, va, va + size - 1, empty);
}

/**
 * nvg_pt_prune() - Clean up after nvg_pt_map() has failed
 * @root: of the tree, or a directory in it
 * @va: as told to it
 * @level: as told to it
 * @empty: gets the empty tables on the way to the leaf
 */
void nvg_pt_prune(struct nvg_pt *root, u64 va, enum nvg_pt_level level, struct list_head *empty)
{
	enum nvg_pt_level below = pt_below(root->level, level);
	unsigned int word;
	struct nvg_pt *child;

	if (root->level == level)
		return;
	word = pt_child_word(root, va, below);
	child = root->child[word];

	if (!child)
		return;
	nvg_pt_prune(child, va, level, empty);
	if (child->used)
		return;
	pt_clear(root, word);
	root->child[word] = NULL;
	list_add_tail(&child->link, empty);
}

/**
 * nvg_pt_free_list() - Free tables that are in no tree any more
 * @pools: where they come from
 * @tables: the list, of nvg_pt_unmap() and nvg_pt_prune(). The GPU has forgotten them
 */
void nvg_pt_free_list(const struct nvg_pt_pools *pools, struct list_head *tables)
{
	struct nvg_pt *pt, *next;

	list_for_each_entry_safe(pt, next, tables, link)
		pt_free(pools, pt);
	INIT_LIST_HEAD(tables);
}

/**
 * nvg_pt_create() - Make a tree
 * @pools: where tables come from
 *
 * Return: the root table, which is empty, or NULL.
 */
struct nvg_pt *nvg_pt_create(const struct nvg_pt_pools *pools)
{
	return pt_alloc(pools, NVG_PT_LEVEL_ROOT);
}

/**
 * nvg_pt_destroy() - Free a tree with all that is in it
 * @pools: where its tables come from
 * @root: of the tree. No GPU knows it any more
 */
void nvg_pt_destroy(const struct nvg_pt_pools *pools, struct nvg_pt *root)
{
	unsigned int word;

	for (word = 0; root->child && word < pt_nr_words(root->level); word++)
		if (root->child[word])
			nvg_pt_destroy(pools, root->child[word]);
	pt_free(pools, root);
}

/**
 * nvg_pt_address() - The address of a tree
 * @root: of it
 *
 * Return: DMA address of the root table.
 */
u64 nvg_pt_address(const struct nvg_pt *root)
{
	return root->dma;
}

/**
 * nvg_pt_keep_first() - Have a table below the root that is never empty
 * @pools: where tables come from
 * @root: of the tree
 * @pde: gets the first entry of @root, which is constant from here on
 *
 * For one who has a root table of his own, and takes this entry for it.
 *
 * Return: 0 or -ENOMEM.
 */
int nvg_pt_keep_first(const struct nvg_pt_pools *pools, struct nvg_pt *root, u64 *pde)
{
	struct nvg_pt *pt = pt_get_table(pools, root, 0, NVG_PT_LEVEL_PD3);

	if (IS_ERR(pt))
		return PTR_ERR(pt);
	pt->used++;
	*pde = nvg_pde(NVG_PT_LEVEL_PD3, pt->dma);
	return 0;
}
