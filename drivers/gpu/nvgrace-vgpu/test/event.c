// SPDX-License-Identifier: GPL-2.0
/*
 * What a driver on top is told of its GPU: a read of debugfs' nvgrace-vgpu-test/events says
 * how often each event came since the driver was bound.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/notifier.h>
#include <linux/seq_file.h>

#include "test.h"

static const char * const nvgt_event_names[] = {
	[NVGRACE_VGPU_EVENT_STOP] = "stop",
	[NVGRACE_VGPU_EVENT_LOST] = "lost",
	[NVGRACE_VGPU_EVENT_READY] = "ready",
};

static atomic_t nvgt_events[ARRAY_SIZE(nvgt_event_names)];

static int nvgt_event(struct notifier_block *nb, unsigned long event, void *unused)
{
	if (event < ARRAY_SIZE(nvgt_events))
		atomic_inc(&nvgt_events[event]);
	return NOTIFY_OK;
}

static struct notifier_block nvgt_notifier = {
	.notifier_call = nvgt_event,
};

void nvgt_events_begin(struct nvgrace_vgpu *vgpu)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nvgt_events); i++)
		atomic_set(&nvgt_events[i], 0);
	nvgrace_vgpu_register_notifier(vgpu, &nvgt_notifier);
}

void nvgt_events_end(struct nvgrace_vgpu *vgpu)
{
	nvgrace_vgpu_unregister_notifier(vgpu, &nvgt_notifier);
}

static int events_show(struct seq_file *file, void *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nvgt_events); i++)
		seq_printf(file, "%s: %d\n", nvgt_event_names[i], atomic_read(&nvgt_events[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(events);

void nvgt_event_files(struct dentry *dir)
{
	debugfs_create_file("events", 0400, dir, NULL, &events_fops);
}
