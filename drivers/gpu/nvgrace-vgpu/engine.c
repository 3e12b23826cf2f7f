// SPDX-License-Identifier: GPL-2.0
/*
 * The GPU's copy engines: which there are, and by what numbers others know them.
 *
 * Two tables of the firmware tell. The device info table has a row for each engine, with
 * its runlist, the places of that in BAR 0 and the ids in fault reports. The interrupt
 * table has vectors for each unit. Rows that are no copy engine, or that channels cannot
 * drive, are of no use here. A row that makes no sense is left out with a message: the
 * other engines are as good without it.
 *
 * What runs on an engine is not this file's business (channel.c, ce.c).
 */
#include <linux/slab.h>
#include <linux/sort.h>

#include "gpu.h"

#define ENGINE_ROWS		128	/* that a table can have at most */
#define ENGINE_RUNLISTS		0x7f	/* the field in a doorbell; all ones is none */
#define ENGINE_FAULT_IDS	512
#define ENGINE_RUNLIST_SIZE	0x1000	/* registers of a runlist, bytes */
#define ENGINE_CHRAM_SIZE	(2048 * 4) /* of its channels, bytes */
#define ENGINE_MC_FAULT		61	/* of the non-replayable fault buffer */

/* COPY0 to COPY19 to the number of the copy engine, else -1 */
static int engine_copy_instance(u32 rm_type)
{
	unsigned int i;

	for (i = 0; i < NVG_MAX_CES; i++)
		if (rm_type == nvg_engine_copy(i))
			return i;
	return -1;
}

static bool engine_in_bar0(struct nvg_gpu *gpu, u32 base, u32 size)
{
	resource_size_t len = pci_resource_len(gpu->pdev, NVG_PCI_BAR_REGS);

	return IS_ALIGNED(base, 4) && base < len && size <= len - base;
}

/* Why a row cannot be, or NULL */
static const char *engine_check(struct nvg_gpu *gpu, const struct nvg_engine_info *info)
{
	const struct nvg_engine *other;
	unsigned int i;

	if (info->runlist >= ENGINE_RUNLISTS)
		return "runlist";
	if (info->fault_id >= ENGINE_FAULT_IDS || info->pbdma_fault_id >= ENGINE_FAULT_IDS)
		return "fault id";
	if (!engine_in_bar0(gpu, info->runlist_base, ENGINE_RUNLIST_SIZE) ||
	    !engine_in_bar0(gpu, info->chram_base, ENGINE_CHRAM_SIZE))
		return "address in BAR 0";
	for (i = 0; i < gpu->engines.nr; i++) {
		other = &gpu->engines.e[i];
		if (other->info.rm_type == info->rm_type)
			return "type, which another has";
		if (other->info.runlist == info->runlist)
			return "runlist, which another has";
	}
	return NULL;
}

/* A vector has one handler: of GSP, of faults, or of an engine */
static bool engine_vector_taken(const struct nvg_engines *engines, u32 vector)
{
	unsigned int i;

	if (vector == NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_GSP_VECTOR ||
	    vector == engines->fault_vector)
		return true;
	for (i = 0; i < engines->nr; i++)
		if (engines->e[i].nonstall == vector)
			return true;
	return false;
}

/* The vector, or NVG_NO_VECTOR with a message if it cannot be */
static u32 engine_vector(struct nvg_gpu *gpu, u32 mc, u32 vector)
{
	if (vector == NVG_NO_VECTOR)
		return vector;
	if (vector < NVG_INTR_VECTORS && !engine_vector_taken(&gpu->engines, vector))
		return vector;
	dev_warn(gpu->dev, "interrupt table: unit %u has vector %u, which %s\n", mc, vector,
		 vector < NVG_INTR_VECTORS ? "another has" : "does not exist");
	return NVG_NO_VECTOR;
}

/* The first row of a unit counts */
static const struct nvg_intr_info *engine_intr(const struct nvg_intr_info *intrs, int nr, u32 mc)
{
	int row;

	for (row = 0; row < nr; row++)
		if (intrs[row].mc == mc)
			return &intrs[row];
	return NULL;
}

static void engine_set_vectors(struct nvg_gpu *gpu, const struct nvg_intr_info *intrs, int nr)
{
	struct nvg_engines *engines = &gpu->engines;
	const struct nvg_intr_info *intr;
	unsigned int i;

	engines->fault_vector = NVG_NO_VECTOR;
	for (i = 0; i < engines->nr; i++)
		engines->e[i].nonstall = NVG_NO_VECTOR;
	intr = engine_intr(intrs, nr, ENGINE_MC_FAULT);
	if (intr) {
		engines->fault_vector = engine_vector(gpu, intr->mc, intr->stall);
		if (engines->fault_vector == NVG_NO_VECTOR)
			engines->fault_vector = engine_vector(gpu, intr->mc, intr->nonstall);
	}
	for (i = 0; i < engines->nr; i++) {
		intr = engine_intr(intrs, nr, engines->e[i].info.mc);
		if (intr)
			engines->e[i].nonstall = engine_vector(gpu, intr->mc, intr->nonstall);
	}
}

static int engine_cmp(const void *a, const void *b)
{
	const struct nvg_engine *x = a, *y = b;

	return (int)x->instance - (int)y->instance;
}

static void engine_add(struct nvg_gpu *gpu, const struct nvg_engine_info *info)
{
	struct nvg_engine *e = &gpu->engines.e[gpu->engines.nr];
	int instance = engine_copy_instance(info->rm_type);
	const char *wrong;

	if (instance < 0 || !info->host_driven)
		return;
	wrong = engine_check(gpu, info);
	if (wrong) {
		dev_warn(gpu->dev, "ce%d: not used: device info table has an impossible %s\n",
			 instance, wrong);
		return;
	}
	e->info = *info;
	e->instance = instance;
	snprintf(e->name, sizeof(e->name), "ce%u", instance);
	gpu->engines.nr++;
}

/* Copies go to and from host memory, and memory is scrubbed: an engine can both */
static int engine_check_caps(struct nvg_gpu *gpu)
{
	const u16 needed = NVG_CE_SYSMEM | NVG_CE_SCRUB;
	struct nvg_engines *engines = &gpu->engines;
	struct nvg_ce_caps caps;
	unsigned int i = 0;
	u32 instance;
	int rc;

	rc = nvg_fw_ce_caps(gpu, &caps);
	if (rc)
		return rc;
	while (i < engines->nr) {
		instance = engines->e[i].instance;
		if (caps.present & BIT_ULL(instance) &&
		    (caps.caps[instance] & needed) == needed) {
			i++;
			continue;
		}
		dev_warn(gpu->dev, "%s left out: its capabilities are %#x\n",
			 engines->e[i].name, caps.caps[instance]);
		engines->e[i] = engines->e[--engines->nr];
	}
	return 0;
}

/**
 * nvg_engines_init() - Find the copy engines
 * @gpu: the PF, with RM's client
 *
 * Return: 0; -ENODEV if there is none; -ENOMEM; an errno of the firmware.
 */
int nvg_engines_init(struct nvg_gpu *gpu)
{
	struct nvg_engine_info *infos __free(kvfree) = NULL;
	struct nvg_intr_info *intrs __free(kvfree) = NULL;
	int nr, i, rc;

	memset(&gpu->engines, 0, sizeof(gpu->engines));
	infos = kvzalloc_objs(*infos, ENGINE_ROWS);
	intrs = kvzalloc_objs(*intrs, ENGINE_ROWS);
	if (!infos || !intrs)
		return -ENOMEM;

	nr = nvg_fw_device_info(gpu, infos, ENGINE_ROWS);
	if (nr < 0)
		return nr;
	for (i = 0; i < nr; i++)
		engine_add(gpu, &infos[i]);
	rc = engine_check_caps(gpu);
	if (rc)
		return rc;
	if (!gpu->engines.nr) {
		dev_err(gpu->dev, "no copy engine among %d engines\n", nr);
		return -ENODEV;
	}
	sort(gpu->engines.e, gpu->engines.nr, sizeof(gpu->engines.e[0]), engine_cmp, NULL);

	nr = nvg_fw_intr_table(gpu, intrs, ENGINE_ROWS);
	if (nr < 0)
		return nr;
	engine_set_vectors(gpu, intrs, nr);
	return 0;
}

/**
 * nvg_engine_by_fault_id() - Who an entry of the fault buffer is about
 * @gpu: the PF
 * @id: MMU fault id of an engine, or of what feeds it
 * @host: set: it is what feeds it (PBDMA), not the engine itself
 *
 * Return: the copy engine, or NULL if it is none.
 */
const struct nvg_engine *nvg_engine_by_fault_id(struct nvg_gpu *gpu, u32 id, bool *host)
{
	unsigned int i;

	for (i = 0; i < gpu->engines.nr; i++) {
		const struct nvg_engine *e = &gpu->engines.e[i];

		*host = e->info.pbdma_fault_id == id;
		if (*host || e->info.fault_id == id)
			return e;
	}
	return NULL;
}
