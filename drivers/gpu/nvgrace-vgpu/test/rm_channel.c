// SPDX-License-Identifier: GPL-2.0
/*
 * Channels as RM knows them, through the wrappers that the driver's own channels use: what a
 * channel must have, and that it does work while it is scheduled and at no other time.
 *
 * The tests' channels are not the driver's, which would take an error of one of them for that
 * of a channel that it does not know. What copies do is in copy.c and context.c.
 */
#include <linux/delay.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "rm.h"

#define NVGT_HANDLE_NOBODY_HAS	0xbad00001U

/* Host methods, on any subchannel: address, payload (two words each), what to do */
#define NVGT_HOST_SEM_ADDR_LO	0x005c
#define  NVGT_HOST_SEM_WORDS	5
#define  NVGT_HOST_SEM_ACQUIRE	0

#define NVGT_JOB_SIZE		0x100		/* of the push buffer, in bytes */
#define NVGT_WAIT_MS		5000
#define NVGT_IDLE_MS		30		/* in which the GPU would have done a job */

/*
 * What it must have
 */

static void nvgt_free_channel(struct kunit *test, struct nvg_fw_channel *fw)
{
	KUNIT_EXPECT_EQ(test, nvg_rm_free(nvgt_rm_gpu(test), fw->tsg), 0);
	nvgt_expect_gone(test, fw->tsg);
	nvgt_expect_gone(test, fw->handle);
}

static void channel_comes_and_goes_with_its_group(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct nvgt_buffer *mem = nvgt_channel_mem(test);
	struct nvg_fw_channel fw = nvgt_channel(test, mem, tree->fw.vaspace);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		memset(mem->cpu, 0, mem->size);
		fw.notifier.size = i ? 0 : NVGT_NOTIFIER_SIZE;
		KUNIT_ASSERT_EQ(test, nvg_fw_channel_alloc(gpu, &fw), 0);
		KUNIT_EXPECT_NE(test, fw.handle, fw.tsg);
		KUNIT_EXPECT_EQ(test, nvg_fw_channel_object(gpu, &fw, NVG_CLASS_COPY), 0);
		nvgt_free_channel(test, &fw);
	}
}

/* There is no such channel. Its group, if that was made, is the caller's to free */
static void nvgt_free_refused(struct kunit *test, const struct nvg_fw_channel *fw)
{
	nvgt_expect_gone(test, fw->handle);
	if (fw->tsg)
		KUNIT_EXPECT_EQ(test, nvg_rm_free(nvgt_rm_gpu(test), fw->tsg), 0);
}

static void nvgt_expect_refused(struct kunit *test, struct nvg_fw_channel fw, int err,
				const char *text)
{
	NVGT_EXPECT_MISTAKE(test, nvg_fw_channel_alloc(nvgt_rm_gpu(test), &fw), err, text);
	nvgt_free_refused(test, &fw);
}

static void channel_without_an_id_of_its_own_is_refused(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_fw_channel fw = nvgt_channel(test, nvgt_channel_mem(test), tree->fw.vaspace);

	fw.chid = tree->fw.chid;
	nvgt_expect_refused(test, fw, -EBUSY, "is in use");
	fw.chid = nvgt_gpu(test)->info.nr_chids;
	nvgt_expect_refused(test, fw, -EINVAL, "of engine type");
	fw.chid = U32_MAX;
	nvgt_expect_refused(test, fw, -EINVAL, "of engine type");
}

static void channel_without_an_engine_is_refused(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_fw_channel fw = nvgt_channel(test, nvgt_channel_mem(test), tree->fw.vaspace);

	/* One behind the last; the first that is graphics; none */
	fw.engine_type = nvg_engine_copy(nvgt_gpu(test)->info.nr_ces);
	nvgt_expect_refused(test, fw, -EINVAL, "on engine type");
	fw.engine_type = 1;
	nvgt_expect_refused(test, fw, -EINVAL, "on engine type");
	fw.engine_type = 0;
	nvgt_expect_refused(test, fw, -EINVAL, "on engine type");
}

static void channel_without_an_address_space_is_refused(struct kunit *test)
{
	struct r570_vaspace params = { .flags = cpu_to_le32(R570_VASPACE_EXTERNALLY_OWNED) };
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_fw_channel fw = nvgt_channel(test, nvgt_channel_mem(test), tree->fw.vaspace);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	fw.vaspace = 0;
	nvgt_expect_refused(test, fw, -EINVAL, "with address space 0x0");
	fw.vaspace = NVGT_HANDLE_NOBODY_HAS;
	nvgt_expect_refused(test, fw, -EINVAL, "with address space 0xbad00001");
	fw.vaspace = tree->fw.tsg;
	nvgt_expect_refused(test, fw, -EINVAL, "with address space");

	fw.vaspace = nvg_rm_handle(gpu);
	KUNIT_ASSERT_EQ(test, nvg_rm_alloc(gpu, gpu->rm.device, fw.vaspace, R570_CLASS_VASPACE,
					   &params, sizeof(params)), 0);
	nvgt_own(test, fw.vaspace);
	nvgt_expect_refused(test, fw, -EINVAL, "has no page directory");
}

static void channel_with_a_bad_ring_is_refused(struct kunit *test)
{
	static const u32 entries[] = { 0, 3, 1000, SZ_2M, U32_MAX };
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_fw_channel fw = nvgt_channel(test, nvgt_channel_mem(test), tree->fw.vaspace);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		fw.entries = entries[i];
		nvgt_expect_refused(test, fw, -EINVAL, "GP entries");
	}
	fw.entries = NVGT_GP_ENTRIES;
	fw.gpfifo += 4;
	nvgt_expect_refused(test, fw, -EINVAL, "GP entries");
}

static void channel_with_bad_memory_is_refused(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	const struct nvg_fw_channel good = nvgt_channel(test, nvgt_channel_mem(test),
							tree->fw.vaspace);
	struct nvg_fw_channel fw;

	fw = good;
	fw.inst.addr += SZ_1K;
	nvgt_expect_refused(test, fw, -EINVAL, "its instance block");
	fw = good;
	fw.inst.size = SZ_2K;
	nvgt_expect_refused(test, fw, -EINVAL, "its instance block");
	fw = good;
	fw.userd.addr += 64;
	nvgt_expect_refused(test, fw, -EINVAL, "its USERD");
	fw = good;
	fw.userd.size = NVGT_USERD_SIZE - 1;
	nvgt_expect_refused(test, fw, -EINVAL, "its USERD");
	fw = good;
	fw.method_buffer.size--;
	nvgt_expect_refused(test, fw, -EINVAL, "its method buffer");
	fw = good;
	fw.method_buffer.addr += 64;
	nvgt_expect_refused(test, fw, -EINVAL, "its method buffer");
	fw = good;
	fw.notifier.size = NVGT_NOTIFIER_SIZE - 1;
	nvgt_expect_refused(test, fw, -EINVAL, "its error notifier");
	fw = good;
	fw.notifier.addr += 1;
	nvgt_expect_refused(test, fw, -EINVAL, "its error notifier");
}

/* The firmware would take it for one that is set up */
static void channel_with_an_old_instance_block_is_refused(struct kunit *test)
{
	static const u32 places[] = { NVGT_INST, NVGT_INST + SZ_4K - 1, NVGT_USERD,
				      NVGT_USERD + NVGT_USERD_GP_PUT };
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvgt_buffer *mem = nvgt_channel_mem(test);
	struct nvg_fw_channel fw = nvgt_channel(test, mem, tree->fw.vaspace);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		mem->cpu[places[i]] = 1;
		nvgt_mistake_begin(test);
		KUNIT_EXPECT_EQ(test, nvg_fw_channel_alloc(gpu, &fw), -EINVAL);
		nvgt_mistake_end(test, 2, "or not zero");
		nvgt_free_refused(test, &fw);
		mem->cpu[places[i]] = 0;
	}
	KUNIT_EXPECT_EQ(test, nvg_fw_channel_alloc(gpu, &fw), 0);
	nvgt_free_channel(test, &fw);
}

static void channel_is_bound_before_anything_else(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvg_fw_channel fw = nvgt_channel(test, nvgt_channel_mem(test), tree->fw.vaspace);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct r570_channel params;
	u32 token = 0x77;

	nvgt_channel_params(&fw, &params);
	fw.handle = nvg_rm_handle(gpu);
	KUNIT_ASSERT_EQ(test, nvg_rm_alloc(gpu, tree->fw.tsg, fw.handle, NVG_CLASS_GPFIFO, &params,
					   sizeof(params)), 0);
	NVGT_EXPECT_MISTAKE(test, nvg_fw_channel_schedule(gpu, &fw, true), -EINVAL, "before BIND");
	NVGT_EXPECT_MISTAKE(test, nvg_fw_channel_token(gpu, &fw, &token), -EINVAL, "before BIND");
	NVGT_EXPECT_MISTAKE(test, nvg_fw_channel_object(gpu, &fw, NVG_CLASS_COPY), -EINVAL,
			    "before BIND");
	KUNIT_EXPECT_EQ(test, token, 0x77);
}

static void token_is_runlist_and_channel(struct kunit *test)
{
	struct nvgt_tree *tree = nvgt_tree(test);
	struct nvgt_buffer *mem = nvgt_channel_mem(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	struct nvg_fw_channel fw;
	unsigned int i;
	u32 token;

	for (i = 0; i < gpu->engines.nr; i++) {
		const struct nvg_engine *engine = &gpu->engines.e[i];

		memset(mem->cpu, 0, mem->size);
		fw = nvgt_channel(test, mem, tree->fw.vaspace);
		fw.engine_type = engine->info.rm_type;
		KUNIT_ASSERT_EQ(test, nvg_fw_channel_alloc(gpu, &fw), 0);
		token = 0;
		KUNIT_EXPECT_EQ(test, nvg_fw_channel_token(gpu, &fw, &token), 0);
		KUNIT_EXPECT_EQ(test, token, engine->info.runlist << 16 | fw.chid);
		nvgt_free_channel(test, &fw);
	}
}

/*
 * Work
 */

/**
 * struct nvgt_job_channel - a channel that can do work
 * @test: the test
 * @gpu: the GPU
 * @fw: the channel
 * @mem: its memory
 * @va: of @mem
 * @chram: register with its state
 * @token: what rings its doorbell
 * @jobs: that it was given
 */
struct nvgt_job_channel {
	struct kunit *test;
	struct nvg_gpu *gpu;
	struct nvg_fw_channel fw;
	struct nvgt_buffer *mem;
	u64 va;
	u32 chram;
	u32 token;
	unsigned int jobs;
};

/* The firmware's address space of a context */
static u32 nvgt_vaspace(struct nvg_gpu *gpu, struct nvgrace_vgpu_ce *ce)
{
	struct nvg_channel *channel;

	guard(spinlock_irqsave)(&gpu->fifo.lock);
	list_for_each_entry(channel, &gpu->fifo.channels[nvgrace_vgpu_ce_engine(ce)], link)
		if (channel->chid == nvgrace_vgpu_ce_chid(ce))
			return channel->fw.vaspace;
	return 0;
}

static void nvgt_job_channel_action(void *data)
{
	struct nvgt_job_channel *channel = data;

	KUNIT_EXPECT_EQ(channel->test, nvg_rm_free(channel->gpu, channel->fw.tsg), 0);
}

/* Not scheduled yet. Its address space is that of a context, where others can map, too */
static struct nvgt_job_channel *nvgt_job_channel(struct kunit *test)
{
	struct nvgt_job_channel *channel = nvgt_zalloc(test, sizeof(*channel));
	struct nvgt_buffer *mem = nvgt_channel_mem(test);
	struct nvgrace_vgpu_ce *ce = nvgt_ce(test, 0, NVGRACE_VGPU_ANY);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	channel->test = test;
	channel->gpu = gpu;
	channel->mem = mem;
	KUNIT_ASSERT_EQ(test, nvgrace_vgpu_ce_map(ce, mem->space, mem->addr, mem->size,
						  NVGRACE_VGPU_MAP_WRITE, &channel->va), 0);
	channel->fw = nvgt_channel(test, mem, nvgt_vaspace(gpu, ce));
	channel->fw.gpfifo = channel->va + NVGT_GPFIFO;
	channel->chram = NV_CHRAM_CHANNEL(gpu->engines.e[0].info.chram_base, channel->fw.chid);
	KUNIT_ASSERT_EQ(test, nvg_fw_channel_alloc(gpu, &channel->fw), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nvgt_job_channel_action, channel),
			0);
	KUNIT_ASSERT_EQ(test, nvg_fw_channel_object(gpu, &channel->fw, NVG_CLASS_COPY), 0);
	KUNIT_ASSERT_EQ(test, nvg_fw_channel_token(gpu, &channel->fw, &channel->token), 0);
	return channel;
}

static void nvgt_job_channel_free(struct nvgt_job_channel *channel)
{
	kunit_release_action(channel->test, nvgt_job_channel_action, channel);
}

static __le32 *nvgt_semaphore(struct nvgt_job_channel *channel, unsigned int nr)
{
	return (__le32 *)(channel->mem->cpu + NVGT_SEMAPHORE + nr * 16);
}

/* The last job that was done */
static u32 nvgt_done(struct nvgt_job_channel *channel)
{
	return le32_to_cpu(READ_ONCE(*nvgt_semaphore(channel, 0)));
}

static bool nvgt_enabled(struct nvgt_job_channel *channel)
{
	return nvg_rd32(channel->gpu, channel->chram) & NV_CHRAM_CHANNEL_ENABLE;
}

/* The next job; if @acquire, it waits until the second semaphore has the job's number */
static void nvgt_submit(struct nvgt_job_channel *channel, bool acquire)
{
	unsigned int job = channel->jobs++;
	u64 at = NVGT_PUSH + job * NVGT_JOB_SIZE, sem = channel->va + NVGT_SEMAPHORE;
	struct nvg_push push = {
		.words = (__le32 *)(channel->mem->cpu + at),
		.max = NVGT_JOB_SIZE / sizeof(__le32),
	};
	__le64 *ring = (__le64 *)(channel->mem->cpu + NVGT_GPFIFO);
	__le32 *gp_put = (__le32 *)(channel->mem->cpu + NVGT_USERD + NVGT_USERD_GP_PUT);

	KUNIT_ASSERT_LT(channel->test, job, NVGT_GP_ENTRIES - 1);
	if (acquire) {
		nvg_push_word(&push, nvg_push_header(0, NVGT_HOST_SEM_ADDR_LO,
						     NVGT_HOST_SEM_WORDS));
		nvg_push_word(&push, lower_32_bits(sem + 16));
		nvg_push_word(&push, upper_32_bits(sem + 16));
		nvg_push_word(&push, job + 1);
		nvg_push_word(&push, 0);
		nvg_push_word(&push, NVGT_HOST_SEM_ACQUIRE);
	}
	nvg_push_object(&push, NVG_CLASS_COPY);
	nvg_push_release(&push, sem, job + 1);
	ring[job] = cpu_to_le64(nvg_gp_entry(channel->va + at, push.nr));
	/* The ring before the index, the index before the doorbell (writel) */
	dma_wmb();
	WRITE_ONCE(*gp_put, cpu_to_le32(job + 1));
	nvg_wr32(channel->gpu, NV_VIRTUAL_FUNCTION_DOORBELL, channel->token);
}

/* What a job waits for */
static void nvgt_release(struct nvgt_job_channel *channel, u32 job)
{
	WRITE_ONCE(*nvgt_semaphore(channel, 1), cpu_to_le32(job));
}

static void nvgt_expect_done(struct nvgt_job_channel *channel, u32 job)
{
	unsigned long end = jiffies + msecs_to_jiffies(NVGT_WAIT_MS);

	while (nvgt_done(channel) != job && time_before(jiffies, end))
		fsleep(100);
	KUNIT_EXPECT_EQ(channel->test, nvgt_done(channel), job);
}

static void nvgt_expect_idle(struct nvgt_job_channel *channel, u32 job)
{
	msleep(NVGT_IDLE_MS);
	KUNIT_EXPECT_EQ(channel->test, nvgt_done(channel), job);
}

static void nvgt_schedule(struct nvgt_job_channel *channel, bool enable)
{
	KUNIT_EXPECT_EQ(channel->test, nvg_fw_channel_schedule(channel->gpu, &channel->fw, enable),
			0);
	KUNIT_EXPECT_EQ(channel->test, nvgt_enabled(channel), enable);
}

static void channel_works_while_it_is_scheduled(struct kunit *test)
{
	struct nvgt_job_channel *channel = nvgt_job_channel(test);

	KUNIT_EXPECT_FALSE(test, nvgt_enabled(channel));
	nvgt_submit(channel, false);
	nvgt_expect_idle(channel, 0);
	nvgt_schedule(channel, true);
	nvgt_expect_done(channel, 1);
	nvgt_submit(channel, false);
	nvgt_expect_done(channel, 2);

	nvgt_schedule(channel, false);
	nvgt_submit(channel, false);
	nvgt_expect_idle(channel, 2);
	nvgt_schedule(channel, true);
	nvgt_expect_done(channel, 3);
	/* Twice is once */
	nvgt_schedule(channel, true);
	nvgt_submit(channel, false);
	nvgt_expect_done(channel, 4);
}

static void preempted_channel_goes_on_where_it_was(struct kunit *test)
{
	struct nvgt_job_channel *channel = nvgt_job_channel(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	/* One that has never run, and one with nothing to do */
	KUNIT_EXPECT_EQ(test, nvg_fw_channel_preempt(gpu, &channel->fw, 1000), 0);
	nvgt_schedule(channel, true);
	KUNIT_EXPECT_EQ(test, nvg_fw_channel_preempt(gpu, &channel->fw, 1000), 0);

	nvgt_submit(channel, true);
	nvgt_submit(channel, false);
	nvgt_expect_idle(channel, 0);
	nvgt_schedule(channel, false);
	KUNIT_EXPECT_EQ(test, nvg_fw_channel_preempt(gpu, &channel->fw, 1000), 0);
	nvgt_release(channel, 1);
	nvgt_expect_idle(channel, 0);
	nvgt_schedule(channel, true);
	nvgt_expect_done(channel, 2);

	/* Preemption alone is no end: it gets its next turn */
	nvgt_submit(channel, true);
	KUNIT_EXPECT_EQ(test, nvg_fw_channel_preempt(gpu, &channel->fw, 1000), 0);
	nvgt_release(channel, 3);
	nvgt_expect_done(channel, 3);
}

static void channel_that_is_freed_does_no_more(struct kunit *test)
{
	struct nvgt_job_channel *channel = nvgt_job_channel(test);

	nvgt_schedule(channel, true);
	nvgt_submit(channel, false);
	nvgt_expect_done(channel, 1);
	nvgt_submit(channel, true);
	nvgt_expect_idle(channel, 1);
	nvgt_job_channel_free(channel);
	KUNIT_EXPECT_EQ(test, nvg_rd32(channel->gpu, channel->chram), 0);
	nvgt_release(channel, 2);
	nvgt_expect_idle(channel, 1);
}

/* The model answers at once, or, this once, that it cannot */
static void preempt_has_a_time_limit(struct kunit *test)
{
	struct r570_preempt params = {
		.wait = 1,
		.manual_timeout = 1,
		.timeout_us = cpu_to_le32(R570_PREEMPT_MAX_US + 1),
	};
	struct nvgt_job_channel *channel = nvgt_job_channel(test);
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);

	NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, channel->fw.tsg, R570_GROUP_PREEMPT, &params,
						 sizeof(params)), -EINVAL, "time limit");
	/* The wrapper knows what the firmware takes */
	KUNIT_EXPECT_EQ(test, nvg_fw_channel_preempt(gpu, &channel->fw, UINT_MAX), 0);

	nvgt_schedule(channel, true);
	nvgt_inject(test, NVGT_INJECT_PREEMPT_STUCK, 0);
	KUNIT_EXPECT_EQ(test, nvg_fw_channel_preempt(gpu, &channel->fw, 1000), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, nvg_fw_channel_preempt(gpu, &channel->fw, 1000), 0);
	nvgt_submit(channel, false);
	nvgt_expect_done(channel, 1);
}

/* What the driver does to a channel can be done to the group that it is in */
static void group_does_it_for_its_channels(struct kunit *test)
{
	struct nvgt_job_channel *channel = nvgt_job_channel(test);
	struct r570_schedule schedule = { .enable = 1 };
	struct nvg_gpu *gpu = nvgt_rm_gpu(test);
	__le32 engine = cpu_to_le32(channel->fw.engine_type);
	u32 group = channel->fw.tsg;

	KUNIT_EXPECT_EQ(test, nvg_rm_control(gpu, group, R570_GROUP_BIND, &engine,
					     sizeof(engine)), 0);
	KUNIT_EXPECT_EQ(test, nvg_rm_control(gpu, group, R570_GROUP_SCHEDULE, &schedule,
					     sizeof(schedule)), 0);
	KUNIT_EXPECT_TRUE(test, nvgt_enabled(channel));
	nvgt_submit(channel, false);
	nvgt_expect_done(channel, 1);
	schedule.enable = 0;
	KUNIT_EXPECT_EQ(test, nvg_rm_control(gpu, group, R570_GROUP_SCHEDULE, &schedule,
					     sizeof(schedule)), 0);
	KUNIT_EXPECT_FALSE(test, nvgt_enabled(channel));
	nvgt_submit(channel, false);
	nvgt_expect_idle(channel, 1);

	engine = cpu_to_le32(1);
	NVGT_EXPECT_MISTAKE(test, nvg_rm_control(gpu, group, R570_GROUP_BIND, &engine,
						 sizeof(engine)), -EINVAL, "BIND of channel");
}

static struct kunit_case nvgt_rm_channel_cases[] = {
	KUNIT_CASE(channel_comes_and_goes_with_its_group),
	KUNIT_CASE(channel_without_an_id_of_its_own_is_refused),
	KUNIT_CASE(channel_without_an_engine_is_refused),
	KUNIT_CASE(channel_without_an_address_space_is_refused),
	KUNIT_CASE(channel_with_a_bad_ring_is_refused),
	KUNIT_CASE(channel_with_bad_memory_is_refused),
	KUNIT_CASE(channel_with_an_old_instance_block_is_refused),
	KUNIT_CASE(channel_is_bound_before_anything_else),
	KUNIT_CASE(token_is_runlist_and_channel),
	KUNIT_CASE(channel_works_while_it_is_scheduled),
	KUNIT_CASE(preempted_channel_goes_on_where_it_was),
	KUNIT_CASE(channel_that_is_freed_does_no_more),
	KUNIT_CASE(preempt_has_a_time_limit),
	KUNIT_CASE(group_does_it_for_its_channels),
	{ }
};

struct kunit_suite nvgt_rm_channel_suite = {
	.name = "nvgrace_vgpu_rm_channel",
	.init = nvgt_rm_init,
	.test_cases = nvgt_rm_channel_cases,
};
