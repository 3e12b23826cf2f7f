// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of the GPU's MMU.
 *
 * The GPU writes an entry for each access that does not translate into a ring in system
 * memory, moves PUT, and raises a vector; the firmware sends an event as well, and takes
 * the channel off its engine. Whichever comes first, the ring is read once: here, in a
 * work item or in the event's own context, not in the interrupt's thread. So a lost
 * interrupt or a lost event costs nothing.
 *
 * An entry names the channel by its instance block. There is one line in the log for
 * each fault, and the fault is kept until the channel's owner asks for it.
 *
 * This is the buffer of non-replayable faults. Copy engines have no others, so the
 * second buffer stays off. What becomes of the channel is channel.c's business.
 */
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/ratelimit.h>

#include "gpu.h"

#define FAULT_BUFFER		0	/* of non-replayable faults */
#define FAULT_ENTRIES		1024	/* 32 KiB */
#define FAULT_ENTRY_SIZE	(NVG_FAULT_WORDS * sizeof(__le32))

/* PUT can be ahead of the entry's own words, by this much at most */
#define FAULT_VALID_POLL_US	20
#define FAULT_VALID_TRIES	50

#define FAULT_NO_INST		U64_MAX

/* MMU fault ids of the CPU's apertures: one for each function */
#define FAULT_ID_BAR1		256
#define FAULT_ID_BAR2		320
#define FAULT_ID_BAR_END	384

static DEFINE_RATELIMIT_STATE(fault_ratelimit, 5 * HZ, 100);

static void fault_keep(struct nvg_faults *faults, const struct nvg_fault *fault)
{
	guard(spinlock)(&faults->kept_lock);
	faults->kept[faults->count % NVG_FAULTS_KEPT] = *fault;
	faults->count++;
}

/* Who an MMU fault id is, if it is no copy engine */
static const char *fault_other_name(u32 id)
{
	if (id >= FAULT_ID_BAR1 && id < FAULT_ID_BAR2)
		return "framebuffer aperture";
	if (id >= FAULT_ID_BAR2 && id < FAULT_ID_BAR_END)
		return "instance aperture";
	return "other engine";
}

static void fault_say(struct nvg_gpu *gpu, const struct nvg_fault *fault)
{
	const char *type = nvg_fault_type_name(fault->type);
	const char *access = nvg_fault_access_name(fault->access);
	const struct nvg_engine *engine;
	struct nvg_channel *channel;
	bool host = false;

	engine = nvg_engine_by_fault_id(gpu, fault->engine, &host);
	channel = nvg_channel_by_inst(gpu, fault->inst);
	if (__ratelimit(&fault_ratelimit)) {
		if (channel)
			dev_err(gpu->dev, "%s: channel %u: MMU fault: %s, %s at 0x%llx%s\n",
				channel->engine->name, channel->chid, type, access, fault->addr,
				host ? " by host" : "");
		else
			dev_err(gpu->dev,
				"%s: no channel: MMU fault: %s, %s at 0x%llx, fault id %u, instance 0x%llx\n",
				engine ? engine->name : fault_other_name(fault->engine), type,
				access, fault->addr, fault->engine, fault->inst);
	}
	if (channel)
		nvg_channel_put(channel);
}

/* Wait for the words of an entry that PUT has announced. False: they do not come */
static bool fault_wait_valid(const __le32 *entry)
{
	unsigned int try;

	for (try = 0; try < FAULT_VALID_TRIES; try++) {
		if (le32_to_cpu(READ_ONCE(entry[NVG_FAULT_WORDS - 1])) & NVG_FAULT_VALID)
			return true;
		usleep_range(FAULT_VALID_POLL_US, 2 * FAULT_VALID_POLL_US);
	}
	return false;
}

/* Read one entry, and clear it for its next use. Called with faults->lock held */
static void fault_read_entry(struct nvg_gpu *gpu, u32 index)
{
	__le32 *entry = &gpu->faults.va[index * NVG_FAULT_WORDS];
	u32 words[NVG_FAULT_WORDS];
	struct nvg_fault fault;
	unsigned int i;

	if (!fault_wait_valid(entry)) {
		dev_err_ratelimited(gpu->dev,
				    "MMU fault buffer: entry %u was announced and did not come\n",
				    index);
		return;
	}
	dma_rmb();
	for (i = 0; i < NVG_FAULT_WORDS; i++)
		words[i] = le32_to_cpu(READ_ONCE(entry[i]));
	WRITE_ONCE(entry[NVG_FAULT_WORDS - 1], 0);
	if (!nvg_fault_decode(words, &fault))
		return;
	fault_keep(&gpu->faults, &fault);
	fault_say(gpu, &fault);
}

static u32 fault_get_put(struct nvg_gpu *gpu)
{
	return nvg_rd32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_PUT(FAULT_BUFFER)) &
	       NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_PUT_PTR;
}

static void fault_check_overflow(struct nvg_gpu *gpu, u32 get)
{
	if (get & NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET_OVERFLOW)
		dev_err_ratelimited(gpu->dev, "MMU fault buffer: full, faults were lost\n");
}

/*
 * Read what is in the ring, at most once around: who fills it as fast as this shall not
 * keep it busy for ever. Called with faults->lock held.
 */
static void fault_read_ring(struct nvg_gpu *gpu)
{
	struct nvg_faults *faults = &gpu->faults;
	u32 reg, get, put, count;

	reg = nvg_rd32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET(FAULT_BUFFER));
	/* Off the bus, or in reset */
	if (reg == U32_MAX)
		return;
	put = fault_get_put(gpu);
	get = reg & NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET_PTR;
	if (get >= FAULT_ENTRIES || put >= FAULT_ENTRIES) {
		dev_err(gpu->dev, "MMU fault buffer: GET %u, PUT %u of %u entries\n", get, put,
			FAULT_ENTRIES);
		nvg_gpu_lost(gpu, "MMU fault buffer is out of order");
		return;
	}
	fault_check_overflow(gpu, reg);
	for (count = 0; get != put && count < FAULT_ENTRIES; count++) {
		fault_read_entry(gpu, get);
		get = (get + 1) % FAULT_ENTRIES;
	}
	/* The clearing of entries comes before the GPU can use them again */
	dma_wmb();
	/* The two flags are cleared by writing what was read */
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET(FAULT_BUFFER),
		 get | (reg & ~NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET_PTR));
	if (fault_get_put(gpu) != get)
		schedule_work(&faults->work);
}

/**
 * nvg_fault_service() - Read the buffer now
 * @gpu: the PF
 *
 * All faults that the GPU had reported before this are known when it returns. May sleep,
 * for milliseconds. Not to be called with a lock held that nvg_channel_by_inst() or
 * nvg_channel_put() takes.
 */
void nvg_fault_service(struct nvg_gpu *gpu)
{
	guard(mutex)(&gpu->faults.lock);
	if (gpu->faults.va && !nvg_gpu_is_lost(gpu))
		fault_read_ring(gpu);
}

static void fault_work(struct work_struct *work)
{
	nvg_fault_service(container_of(work, struct nvg_faults, work)->gpu);
}

static void fault_intr(struct nvg_gpu *gpu, void *data)
{
	schedule_work(&gpu->faults.work);
}

/**
 * nvg_fault_of_inst() - What a channel did wrong
 * @gpu: the PF
 * @inst: address of the channel's instance block
 * @fault: gets its newest fault
 *
 * None of its faults is kept any longer: instance blocks are used again.
 *
 * Return: false if it has none, or too many others had since.
 */
bool nvg_fault_of_inst(struct nvg_gpu *gpu, u64 inst, struct nvg_fault *fault)
{
	struct nvg_faults *faults = &gpu->faults;
	bool found = false;
	u64 i, first;

	guard(spinlock)(&faults->kept_lock);
	first = faults->count > NVG_FAULTS_KEPT ? faults->count - NVG_FAULTS_KEPT : 0;
	for (i = faults->count; i-- > first;) {
		struct nvg_fault *kept = &faults->kept[i % NVG_FAULTS_KEPT];

		if (kept->inst != inst)
			continue;
		if (!found)
			*fault = *kept;
		found = true;
		kept->inst = FAULT_NO_INST;
	}
	return found;
}

/**
 * nvg_fault_setup() - What faults need before the first boot
 * @gpu: the PF; called once, by nvg_mmu_setup()
 */
void nvg_fault_setup(struct nvg_gpu *gpu)
{
	struct nvg_faults *faults = &gpu->faults;

	faults->gpu = gpu;
	faults->vector = NVG_NO_VECTOR;
	mutex_init(&faults->lock);
	spin_lock_init(&faults->kept_lock);
	INIT_WORK(&faults->work, fault_work);
	disable_work(&faults->work);
}

/* Called with faults->lock held */
static void fault_enable(struct nvg_gpu *gpu)
{
	struct nvg_faults *faults = &gpu->faults;
	u32 put = fault_get_put(gpu);

	/* After a reset PUT is 0. Where it is not, the ring starts there */
	if (put >= FAULT_ENTRIES)
		put = 0;
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_HI(FAULT_BUFFER),
		 upper_32_bits(faults->pa));
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO(FAULT_BUFFER),
		 lower_32_bits(faults->pa) |
		 FIELD_PREP(NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO_APERTURE,
			    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO_APERTURE_SYS_COH) |
		 NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO_ADDR_MODE_PHYSICAL);
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET(FAULT_BUFFER), put);
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE(FAULT_BUFFER),
		 FAULT_ENTRIES | NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE_OVERFLOW_INTR |
		 NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE_ENABLE);
}

static int fault_alloc(struct nvg_gpu *gpu)
{
	struct nvg_faults *faults = &gpu->faults;

	guard(mutex)(&faults->lock);
	faults->va = dma_alloc_coherent(gpu->dev, FAULT_ENTRIES * FAULT_ENTRY_SIZE, &faults->pa,
					GFP_KERNEL);
	if (!faults->va)
		return -ENOMEM;
	fault_enable(gpu);
	return 0;
}

/**
 * nvg_fault_init() - Have faults reported
 * @gpu: the PF, with its engines known
 *
 * A GPU that has no vector for faults reports them by the firmware's event.
 *
 * Return: 0; -ENOMEM; -EBUSY if the vector is another's.
 */
int nvg_fault_init(struct nvg_gpu *gpu)
{
	struct nvg_faults *faults = &gpu->faults;
	int rc;

	rc = fault_alloc(gpu);
	if (rc)
		return rc;
	enable_work(&faults->work);
	if (gpu->engines.fault_vector == NVG_NO_VECTOR) {
		dev_warn(gpu->dev, "MMU faults: no interrupt vector\n");
		return 0;
	}
	rc = nvg_intr_request(gpu, gpu->engines.fault_vector, fault_intr, NULL);
	if (rc) {
		dev_err(gpu->dev, "MMU faults: interrupt vector %u: %d\n",
			gpu->engines.fault_vector, rc);
		nvg_fault_fini(gpu);
		return rc;
	}
	faults->vector = gpu->engines.fault_vector;
	return 0;
}

/**
 * nvg_fault_fini() - Undo nvg_fault_init()
 * @gpu: the PF; the firmware can be lost. No lock of channels is held
 */
void nvg_fault_fini(struct nvg_gpu *gpu)
{
	struct nvg_faults *faults = &gpu->faults;

	if (faults->vector != NVG_NO_VECTOR)
		nvg_intr_free(gpu, faults->vector);
	faults->vector = NVG_NO_VECTOR;
	if (!faults->va)
		return;
	disable_work_sync(&faults->work);

	guard(mutex)(&faults->lock);
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE(FAULT_BUFFER), 0);
	/* What the GPU writes has arrived before this read does, and nothing follows */
	nvg_rd32(gpu, NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE(FAULT_BUFFER));
	/* Nobody knows whether a lost one still listens */
	if (nvg_gpu_is_lost(gpu))
		nvg_gsp_end_dma(gpu);
	dma_free_coherent(gpu->dev, FAULT_ENTRIES * FAULT_ENTRY_SIZE, faults->va, faults->pa);
	faults->va = NULL;
}
