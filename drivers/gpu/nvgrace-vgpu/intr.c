// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of the PF.
 *
 * The hardware is a tree. A vector that is raised sets its bit in a leaf, where it
 * stays until it is cleared. Enabled leaf bits show in the top, and enabled top bits send
 * MSI-X entry 0: when one of them appears, and when one is enabled that is there
 * already. So the hard handler disables the top, and the thread enables it again after
 * it has served what it saw. A bit is cleared before its handler runs: what the
 * handler is too late for sets it again, and no edge is lost.
 *
 * A vector that comes too often, or that nobody asked for, is disabled. The first kind
 * is enabled again after a while. What came in between is still in the leaf, so that
 * such a pause costs time and nothing else. A register that reads as all ones could not
 * be read.
 *
 * What a vector means is told by the firmware (engine.c), but for that of GSP, which is
 * needed before the firmware can tell anything; its handler is here. It is not about
 * VFs: each has a tree of its own, which belongs to its driver.
 */
#include <linux/bitops.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "gpu.h"

#define INTR_WINDOW_MS		100	/* that events are counted in */
#define INTR_MAX_EVENTS		10000	/* of a vector, in a window */
#define INTR_MAX_SPURIOUS	100	/* of them without a cause */
#define INTR_HOLD_MS		200
#define INTR_QUIET_MS		10000	/* after which another storm is worth a message */

/**
 * struct nvg_intr_vector - a vector
 * @fn: its handler, NULL without
 * @data: for @fn
 * @window: start of the window, in jiffies
 * @events: in this window
 * @spurious: those of them that had no cause
 * @stormed: when it was held last, in jiffies; counts only with @told
 * @told: a message about it was written
 */
struct nvg_intr_vector {
	nvg_intr_fn *fn;
	void *data;
	unsigned long window;
	u32 events;
	u32 spurious;
	unsigned long stormed;
	bool told;
};

static void intr_disable_top(struct nvg_gpu *gpu)
{
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_CLEAR,
		 NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_ALL);
}

static void intr_enable_top(struct nvg_gpu *gpu)
{
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_SET,
		 NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_ALL);
}

static irqreturn_t intr_hard(int irq, void *data)
{
	intr_disable_top(data);
	return IRQ_WAKE_THREAD;
}

/* Disable a vector for a while. Says so once in a storm. Called with intr->lock held */
static void intr_hold(struct nvg_intr *intr, unsigned int vector, const char *why)
{
	struct nvg_intr_vector *v = &intr->vectors[vector];
	unsigned long quiet = msecs_to_jiffies(INTR_QUIET_MS);

	nvg_wr32(intr->gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR(vector / 32),
		 BIT(vector % 32));
	intr->held[vector / 32] |= BIT(vector % 32);
	if (!v->told || time_after(jiffies, v->stormed + quiet))
		dev_warn(intr->gpu->dev,
			 "interrupt vector %u: %u in %u ms, %s: disabled for %u ms\n",
			 vector, v->events, jiffies_to_msecs(jiffies - v->window), why,
			 INTR_HOLD_MS);
	v->told = true;
	v->stormed = jiffies;
	schedule_delayed_work(&intr->release, msecs_to_jiffies(INTR_HOLD_MS));
}

static void intr_release(struct work_struct *work)
{
	struct nvg_intr *intr = container_of(work, struct nvg_intr, release.work);
	unsigned int leaf, bit;

	guard(spinlock_irq)(&intr->lock);
	for (leaf = 0; leaf < NVG_INTR_LEAVES; leaf++) {
		unsigned long held = intr->held[leaf];

		for_each_set_bit(bit, &held, 32) {
			struct nvg_intr_vector *v = &intr->vectors[leaf * 32 + bit];

			v->window = jiffies;
			v->events = 0;
			v->spurious = 0;
		}
		intr->held[leaf] = 0;
		if (held & intr->wanted[leaf])
			nvg_wr32(intr->gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET(leaf),
				 held & intr->wanted[leaf]);
	}
}

/* Called with intr->lock held */
static void intr_count(struct nvg_intr *intr, unsigned int vector)
{
	struct nvg_intr_vector *v = &intr->vectors[vector];

	if (time_after(jiffies, v->window + msecs_to_jiffies(INTR_WINDOW_MS))) {
		v->window = jiffies;
		v->events = 0;
		v->spurious = 0;
	}
	if (++v->events == INTR_MAX_EVENTS)
		intr_hold(intr, vector, "too often");
}

/* Enabled, but not by us: nobody could serve them */
static void intr_disable_unwanted(struct nvg_intr *intr, unsigned int leaf, u32 pending)
{
	u32 unwanted;

	scoped_guard(spinlock_irq, &intr->lock) {
		unwanted = pending & ~intr->wanted[leaf];
		if (!unwanted)
			return;
		nvg_wr32(intr->gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR(leaf),
			 unwanted);
	}
	dev_warn_ratelimited(intr->gpu->dev, "interrupt leaf %u: %#x without handlers, disabled\n",
			     leaf, unwanted);
}

static void intr_serve_vector(struct nvg_intr *intr, unsigned int vector)
{
	nvg_intr_fn *fn;
	void *data;

	scoped_guard(spinlock_irq, &intr->lock) {
		fn = intr->vectors[vector].fn;
		data = intr->vectors[vector].data;
		if (fn)
			intr_count(intr, vector);
	}
	if (fn)
		fn(intr->gpu, data);
}

static void intr_serve_leaf(struct nvg_intr *intr, unsigned int leaf)
{
	struct nvg_gpu *gpu = intr->gpu;
	unsigned long pending;
	unsigned int bit;

	pending = nvg_rd32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF(leaf));
	pending &= nvg_rd32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET(leaf));
	if (!pending || pending == U32_MAX)
		return;
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF(leaf), pending);
	intr_disable_unwanted(intr, leaf, pending);
	for_each_set_bit(bit, &pending, 32)
		intr_serve_vector(intr, leaf * 32 + bit);
}

static irqreturn_t intr_thread(int irq, void *data)
{
	struct nvg_gpu *gpu = data;
	unsigned long top;
	unsigned int bit;

	top = nvg_rd32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP);
	/* Off the bus, in reset, or just a read that failed: the top is enabled in any case */
	if (top == U32_MAX)
		top = 0;
	top &= NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_ALL;
	for_each_set_bit(bit, &top, NVG_INTR_LEAVES / 2) {
		intr_serve_leaf(&gpu->intr, bit * 2);
		intr_serve_leaf(&gpu->intr, bit * 2 + 1);
	}
	scoped_guard(spinlock_irq, &gpu->intr.lock)
		if (!gpu->intr.quiet)
			intr_enable_top(gpu);
	return IRQ_HANDLED;
}

/*
 * A handler found nothing to do. A vector that does this often is disabled for a while, long
 * before one that comes often and has work each time
 */
static void intr_no_cause(struct nvg_intr *intr, unsigned int vector)
{
	guard(spinlock_irq)(&intr->lock);
	if (++intr->vectors[vector].spurious == INTR_MAX_SPURIOUS)
		intr_hold(intr, vector, "without a cause");
}

static void intr_gsp(struct nvg_gpu *gpu, void *data)
{
	u32 stat = nvg_rd32(gpu, NV_PGSP_FALCON_IRQSTAT);

	if (!(stat & NV_PGSP_FALCON_IRQ_SWGEN0)) {
		intr_no_cause(&gpu->intr, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_GSP_VECTOR);
		return;
	}
	/* As with leaves: a message that comes after this raises it again */
	nvg_wr32(gpu, NV_PGSP_FALCON_IRQSCLR, NV_PGSP_FALCON_IRQ_SWGEN0);
	nvg_rpc_service(gpu);
}

/**
 * nvg_intr_reset() - Program the tree, which a reset or sleep has emptied
 * @gpu: the PF, with registers that work
 *
 * Vectors that were requested are enabled, all others disabled. What was pending is
 * forgotten.
 */
void nvg_intr_reset(struct nvg_gpu *gpu)
{
	struct nvg_intr *intr = &gpu->intr;
	unsigned int leaf;

	guard(spinlock_irq)(&intr->lock);
	intr->quiet = false;
	intr_disable_top(gpu);
	for (leaf = 0; leaf < NVG_INTR_LEAVES; leaf++) {
		intr->held[leaf] = 0;
		nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR(leaf), U32_MAX);
		nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF(leaf), U32_MAX);
		if (intr->wanted[leaf])
			nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET(leaf),
				 intr->wanted[leaf]);
	}
	intr_enable_top(gpu);
}

/**
 * nvg_intr_request() - Handle a vector
 * @gpu: the PF
 * @vector: its number, as the firmware's tables tell it
 * @fn: is called in the interrupt's thread; see nvg_intr_fn
 * @data: for @fn
 *
 * What the vector had pending is forgotten.
 *
 * Return: 0; -EINVAL if there is no such vector; -EBUSY if it has a handler.
 */
int nvg_intr_request(struct nvg_gpu *gpu, unsigned int vector, nvg_intr_fn *fn, void *data)
{
	struct nvg_intr *intr = &gpu->intr;
	struct nvg_intr_vector *v;

	if (vector >= NVG_INTR_VECTORS)
		return -EINVAL;
	v = &intr->vectors[vector];

	guard(spinlock_irq)(&intr->lock);
	if (v->fn)
		return -EBUSY;
	*v = (struct nvg_intr_vector){ .fn = fn, .data = data, .window = jiffies };
	intr->wanted[vector / 32] |= BIT(vector % 32);
	intr->held[vector / 32] &= ~BIT(vector % 32);
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF(vector / 32), BIT(vector % 32));
	nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET(vector / 32),
		 BIT(vector % 32));
	return 0;
}

/**
 * nvg_intr_free() - End the handling of a vector
 * @gpu: the PF
 * @vector: its number
 *
 * The handler does not run any more when this returns. Not to be called by a handler,
 * nor with a lock held that one takes.
 */
void nvg_intr_free(struct nvg_gpu *gpu, unsigned int vector)
{
	struct nvg_intr *intr = &gpu->intr;

	if (vector >= NVG_INTR_VECTORS)
		return;
	scoped_guard(spinlock_irq, &intr->lock) {
		intr->vectors[vector].fn = NULL;
		intr->wanted[vector / 32] &= ~BIT(vector % 32);
		intr->held[vector / 32] &= ~BIT(vector % 32);
		nvg_wr32(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR(vector / 32),
			 BIT(vector % 32));
	}
	if (intr->irq)
		synchronize_irq(intr->irq);
}

/**
 * nvg_intr_init() - Start to take interrupts
 * @gpu: the PF, with registers mapped, after nvg_rpc_init(): the vector of GSP is
 *	handled from here on
 *
 * Once for a probe: after a reset or sleep nvg_intr_reset() does it.
 *
 * Return: 0 or a negative errno.
 */
int nvg_intr_init(struct nvg_gpu *gpu)
{
	struct nvg_intr *intr = &gpu->intr;
	int rc;

	intr->gpu = gpu;
	spin_lock_init(&intr->lock);
	INIT_DELAYED_WORK(&intr->release, intr_release);
	intr->vectors = kvzalloc_objs(*intr->vectors, NVG_INTR_VECTORS);
	if (!intr->vectors)
		return -ENOMEM;

	nvg_intr_reset(gpu);
	rc = pci_alloc_irq_vectors(gpu->pdev, 1, 1, PCI_IRQ_MSIX);
	if (rc < 0) {
		dev_err(gpu->dev, "no MSI-X interrupt: %d\n", rc);
		goto err_vectors;
	}
	intr->irq = pci_irq_vector(gpu->pdev, 0);
	rc = request_threaded_irq(intr->irq, intr_hard, intr_thread, 0, dev_name(gpu->dev), gpu);
	if (rc) {
		dev_err(gpu->dev, "interrupt %d: %d\n", intr->irq, rc);
		goto err_msix;
	}
	rc = nvg_intr_request(gpu, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_GSP_VECTOR, intr_gsp, NULL);
	if (rc)
		goto err_irq;
	return 0;

err_irq:
	free_irq(intr->irq, gpu);
err_msix:
	intr->irq = 0;
	pci_free_irq_vectors(gpu->pdev);
err_vectors:
	kvfree(intr->vectors);
	intr->vectors = NULL;
	return rc;
}

/**
 * nvg_intr_fini() - Undo nvg_intr_init()
 * @gpu: the PF; all vectors but that of GSP are free
 */
void nvg_intr_fini(struct nvg_gpu *gpu)
{
	struct nvg_intr *intr = &gpu->intr;

	if (!intr->vectors)
		return;
	intr_disable_top(gpu);
	free_irq(intr->irq, gpu);
	intr->irq = 0;
	pci_free_irq_vectors(gpu->pdev);
	cancel_delayed_work_sync(&intr->release);
	kvfree(intr->vectors);
	intr->vectors = NULL;
}

/**
 * nvg_intr_quiesce() - Leave the tree alone before a reset or sleep
 * @gpu: the PF, with registers that work
 *
 * No handler runs when this returns, and none will until nvg_intr_reset().
 */
void nvg_intr_quiesce(struct nvg_gpu *gpu)
{
	struct nvg_intr *intr = &gpu->intr;

	if (!intr->irq)
		return;
	scoped_guard(spinlock_irq, &intr->lock) {
		intr->quiet = true;
		intr_disable_top(gpu);
	}
	synchronize_irq(intr->irq);
	cancel_delayed_work_sync(&intr->release);
}
