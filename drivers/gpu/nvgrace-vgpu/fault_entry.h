/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An entry of the MMU's fault buffer: 32 bytes, little-endian. Pure, so that it also
 * compiles for unit tests in userspace.
 */
#ifndef NVGRACE_VGPU_FAULT_ENTRY_H
#define NVGRACE_VGPU_FAULT_ENTRY_H

#include <linux/types.h>

#define NVG_FAULT_WORDS		8		/* of 4 bytes */
#define NVG_FAULT_VALID		0x80000000U	/* in the last word */

/* Access types: 0 read, 1 write, 2 atomic, 3 prefetch, 4 weak atomic; + 8: physical */
#define NVG_FAULT_ACCESS_PHYSICAL	0x8U

/**
 * struct nvg_fault - what a channel did that the MMU refused
 * @inst: address of its instance block
 * @inst_sysmem: the instance block is in system memory, else in the framebuffer
 * @addr: that was touched: virtual, or physical with NVG_FAULT_ACCESS_PHYSICAL
 * @time: in nanoseconds of the GPU's clock
 * @engine: MMU fault id of the engine
 * @type: 0 PDE, 2 PTE and so on, see nvg_fault_type_name()
 * @access: see above
 * @client: of the hub or GPC
 */
struct nvg_fault {
	u64 inst;
	u64 addr;
	u64 time;
	u16 engine;
	u8 type;
	u8 access;
	u8 client;
	bool inst_sysmem;
};

/**
 * nvg_fault_decode() - Take an entry apart
 * @w: its words, in the CPU's byte order
 * @fault: is filled in
 *
 * Return: false if the entry is not valid (yet).
 */
static inline bool nvg_fault_decode(const u32 w[NVG_FAULT_WORDS], struct nvg_fault *fault)
{
	if (!(w[7] & NVG_FAULT_VALID))
		return false;
	fault->inst = (u64)w[1] << 32 | (w[0] & 0xfffff000);
	fault->inst_sysmem = (w[0] >> 8 & 3) != 0;
	fault->addr = (u64)w[3] << 32 | (w[2] & 0xfffff000);
	fault->time = (u64)w[5] << 32 | w[4];
	fault->engine = w[6] & 0x1ff;
	fault->type = w[7] & 0x1f;
	fault->client = w[7] >> 8 & 0x7f;
	fault->access = w[7] >> 16 & 0xf;
	return true;
}

/**
 * nvg_fault_type_name() - For messages
 * @type: of a fault
 *
 * Return: a word or two, also for a type that nobody knows.
 */
static inline const char *nvg_fault_type_name(unsigned int type)
{
	static const char * const name[16] = {
		"PDE", "PDE size", "PTE", "VA limit", "unbound instance block", "privilege",
		"read only", "write only", "pitch mask", "work creation", "aperture",
		"confidential computing", "kind", "region", "poison", "atomic",
	};

	return type < 16 ? name[type] : "unknown type";
}

/**
 * nvg_fault_access_name() - For messages
 * @access: of a fault
 *
 * Return: "virtual write" and the like.
 */
static inline const char *nvg_fault_access_name(unsigned int access)
{
	static const char * const name[16] = {
		"virtual read", "virtual write", "virtual atomic", "virtual prefetch",
		"virtual weak atomic", "virtual access", "virtual access", "virtual access",
		"physical read", "physical write", "physical atomic", "physical prefetch",
		"physical access", "physical access", "physical access", "physical access",
	};

	return name[access & 15];
}

#endif
