// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: nvgrace-vgpu/PCI-ADDRESS/ with what health.c says of a GPU, in files. They
 * are read-only, and are gone, with all readers, when nvg_debugfs_fini() returns.
 */
#include <linux/debugfs.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "gpu.h"

static struct dentry *root;

/* Let FN print into the file's own buffer, which grows until all fits */
static int show(struct seq_file *m, void (*fn)(struct nvg_gpu *gpu, struct seq_buf *s))
{
	struct seq_buf s;
	size_t size;
	char *buf;

	size = seq_get_buf(m, &buf);
	if (!size)
		return 0;
	seq_buf_init(&s, buf, size);
	fn(m->private, &s);
	seq_commit(m, seq_buf_has_overflowed(&s) ? -1 : (int)seq_buf_used(&s));
	return 0;
}

static int state_show(struct seq_file *m, void *unused)
{
	return show(m, nvg_health_show_state);
}

static int queues_show(struct seq_file *m, void *unused)
{
	return show(m, nvg_health_show_queues);
}

static int messages_show(struct seq_file *m, void *unused)
{
	return show(m, nvg_health_show_messages);
}

static int show_log(struct seq_file *m, enum nvg_gsp_log log)
{
	ssize_t len;

	void *buf __free(kvfree) = kvzalloc(NVG_GSP_LOG_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	len = nvg_gsp_read_log(m->private, log, buf, NVG_GSP_LOG_SIZE);
	if (len < 0)
		return len;
	seq_write(m, buf, len);
	return 0;
}

static int log_init_show(struct seq_file *m, void *unused)
{
	return show_log(m, NVG_GSP_LOG_INIT);
}

static int log_intr_show(struct seq_file *m, void *unused)
{
	return show_log(m, NVG_GSP_LOG_INTR);
}

static int log_rm_show(struct seq_file *m, void *unused)
{
	return show_log(m, NVG_GSP_LOG_RM);
}

DEFINE_SHOW_ATTRIBUTE(state);
DEFINE_SHOW_ATTRIBUTE(queues);
DEFINE_SHOW_ATTRIBUTE(messages);
DEFINE_SHOW_ATTRIBUTE(log_init);
DEFINE_SHOW_ATTRIBUTE(log_intr);
DEFINE_SHOW_ATTRIBUTE(log_rm);

/**
 * nvg_debugfs_init - show a GPU
 * @gpu: the GPU, after nvg_rpc_init() and nvg_health_init()
 */
void nvg_debugfs_init(struct nvg_gpu *gpu)
{
	struct dentry *dir = debugfs_create_dir(pci_name(gpu->pdev), root);

	gpu->health.debugfs = dir;
	debugfs_create_file("state", 0400, dir, gpu, &state_fops);
	debugfs_create_file("queues", 0400, dir, gpu, &queues_fops);
	debugfs_create_file("messages", 0400, dir, gpu, &messages_fops);
	debugfs_create_file("log_init", 0400, dir, gpu, &log_init_fops);
	debugfs_create_file("log_intr", 0400, dir, gpu, &log_intr_fops);
	debugfs_create_file("log_rm", 0400, dir, gpu, &log_rm_fops);
}

/**
 * nvg_debugfs_fini - no longer show a GPU
 * @gpu: the GPU, before anything that its files show is freed
 */
void nvg_debugfs_fini(struct nvg_gpu *gpu)
{
	debugfs_remove(gpu->health.debugfs);
	gpu->health.debugfs = NULL;
}

/**
 * nvg_debugfs_module_init - the directory of all GPUs
 */
void nvg_debugfs_module_init(void)
{
	root = debugfs_create_dir("nvgrace-vgpu", NULL);
}

/**
 * nvg_debugfs_module_fini - without the directory of all GPUs
 */
void nvg_debugfs_module_fini(void)
{
	debugfs_remove(root);
	root = NULL;
}
