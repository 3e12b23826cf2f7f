/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a channel is fed with: methods (writes to an engine's method addresses) in a
 * push buffer, and entries of the GPFIFO ring that point there. Numbers and bits only:
 * no state, no hardware, no locks.
 *
 * A method header says where the data words behind it go: to one subchannel, to the
 * method named first and, here, to those that follow it.
 */
#ifndef NVGRACE_VGPU_PUSH_H
#define NVGRACE_VGPU_PUSH_H

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/types.h>
#include <linux/wordpart.h>

/* Method header */
#define NV_DMA_OP_INC			1U		/* 31:29: ascending methods */
#define NV_DMA_METHOD_MAX_COUNT		0x1fffU		/* 28:16 */

/* Host methods, on any subchannel */
#define NV_SET_OBJECT			0x0000

/* Copy engine (class 0xC9B5); the subchannel is a custom */
#define NV_CE_SUBCHANNEL		4
#define NV_CE_SET_SEMAPHORE_A		0x0240		/* bits 56:32, then B, PAYLOAD */
#define NV_CE_SET_SRC_PHYS_MODE		0x0260		/* then DST */
#define  NV_CE_PHYS_MODE_LOCAL_FB	0
#define  NV_CE_PHYS_MODE_COHERENT_SYSMEM 1
#define  NV_CE_PHYS_MODE_PEER		3
#define  NV_CE_PHYS_MODE_PEER_ID(id)	((id) << 6)
#define NV_CE_LAUNCH_DMA		0x0300
#define  NV_CE_LAUNCH_NON_PIPELINED	0x00000002
#define  NV_CE_LAUNCH_FLUSH		0x00000004
#define  NV_CE_LAUNCH_SEMAPHORE_ONE_WORD 0x00000008
#define  NV_CE_LAUNCH_INTR_NON_BLOCKING	0x00000040
#define  NV_CE_LAUNCH_PITCH		0x00000180	/* source and destination */
#define  NV_CE_LAUNCH_REMAP		0x00000400
#define  NV_CE_LAUNCH_SRC_PHYSICAL	0x00001000
#define  NV_CE_LAUNCH_DST_PHYSICAL	0x00002000
#define NV_CE_OFFSET_IN_UPPER		0x0400		/* bits 56:32, then LOWER, OUT */
#define NV_CE_OFFSET_OUT_UPPER		0x0408
#define NV_CE_LINE_LENGTH_IN		0x0418		/* then LINE_COUNT */
#define NV_CE_SET_REMAP_CONST_A		0x0700
#define NV_CE_SET_REMAP_COMPONENTS	0x0708
#define  NV_CE_REMAP_CONST_A_1_BYTE	0x00000004	/* DST_X = CONST_A, one component */
#define  NV_CE_REMAP_CONST_A_4_BYTES	0x00030004

#define NVG_CE_ADDR_BITS		57

/* Longest of what is below, in words */
#define NVG_PUSH_OBJECT_WORDS		2
#define NVG_PUSH_LAUNCH_WORDS		15
#define NVG_PUSH_RELEASE_WORDS		6

/**
 * struct nvg_push - words on their way into a push buffer
 * @words: where they go
 * @nr: how many there are
 * @max: how many fit; what is more is counted in @nr and not written
 */
struct nvg_push {
	__le32 *words;
	unsigned int nr;
	unsigned int max;
};

/**
 * struct nvg_ce_end - source or destination of the copy engine
 * @addr: virtual, or an offset in what @target says
 * @physical: @target counts
 * @target: NV_CE_PHYS_MODE_*, with the peer's id
 */
struct nvg_ce_end {
	u64 addr;
	bool physical;
	u32 target;
};

static inline void nvg_push_word(struct nvg_push *push, u32 word)
{
	if (push->nr < push->max)
		push->words[push->nr] = cpu_to_le32(word);
	push->nr++;
}

static inline u32 nvg_push_header(unsigned int subchannel, u32 method, unsigned int count)
{
	return NV_DMA_OP_INC << 29 | (count & NV_DMA_METHOD_MAX_COUNT) << 16 |
	       subchannel << 13 | method >> 2;
}

static inline void nvg_push_ce1(struct nvg_push *push, u32 method, u32 a)
{
	nvg_push_word(push, nvg_push_header(NV_CE_SUBCHANNEL, method, 1));
	nvg_push_word(push, a);
}

static inline void nvg_push_ce2(struct nvg_push *push, u32 method, u32 a, u32 b)
{
	nvg_push_word(push, nvg_push_header(NV_CE_SUBCHANNEL, method, 2));
	nvg_push_word(push, a);
	nvg_push_word(push, b);
}

/* Which engine class the subchannel means; once for each channel */
static inline void nvg_push_object(struct nvg_push *push, u32 class)
{
	nvg_push_ce1(push, NV_SET_OBJECT, class);
}

static inline u32 nvg_ce_physical_bits(const struct nvg_ce_end *src,
				       const struct nvg_ce_end *dst)
{
	return (src && src->physical ? NV_CE_LAUNCH_SRC_PHYSICAL : 0) |
	       (dst->physical ? NV_CE_LAUNCH_DST_PHYSICAL : 0);
}

/*
 * @size bytes from @src to @dst, one line. A copy waits for those before it (it is not
 * pipelined), so that copies of one channel see each other's results.
 */
static inline void nvg_push_copy(struct nvg_push *push, const struct nvg_ce_end *dst,
				 const struct nvg_ce_end *src, u32 size)
{
	nvg_push_ce2(push, NV_CE_SET_SRC_PHYS_MODE, src->target, dst->target);
	nvg_push_word(push, nvg_push_header(NV_CE_SUBCHANNEL, NV_CE_OFFSET_IN_UPPER, 4));
	nvg_push_word(push, upper_32_bits(src->addr));
	nvg_push_word(push, lower_32_bits(src->addr));
	nvg_push_word(push, upper_32_bits(dst->addr));
	nvg_push_word(push, lower_32_bits(dst->addr));
	nvg_push_ce2(push, NV_CE_LINE_LENGTH_IN, size, 1);
	nvg_push_ce1(push, NV_CE_LAUNCH_DMA, NV_CE_LAUNCH_NON_PIPELINED | NV_CE_LAUNCH_PITCH |
					     nvg_ce_physical_bits(src, dst));
}

/*
 * @size bytes at @dst become @byte. The engine writes elements: words, where @dst and
 * @size allow it, else bytes.
 */
static inline void nvg_push_fill(struct nvg_push *push, const struct nvg_ce_end *dst, u8 byte,
				 u32 size)
{
	bool words = IS_ALIGNED(dst->addr | size, 4);

	nvg_push_ce1(push, NV_CE_SET_REMAP_CONST_A, byte * 0x01010101U);
	nvg_push_ce1(push, NV_CE_SET_REMAP_COMPONENTS,
		     words ? NV_CE_REMAP_CONST_A_4_BYTES : NV_CE_REMAP_CONST_A_1_BYTE);
	nvg_push_ce2(push, NV_CE_SET_SRC_PHYS_MODE, 0, dst->target);
	nvg_push_ce2(push, NV_CE_OFFSET_OUT_UPPER, upper_32_bits(dst->addr),
		     lower_32_bits(dst->addr));
	nvg_push_ce2(push, NV_CE_LINE_LENGTH_IN, words ? size / 4 : size, 1);
	nvg_push_ce1(push, NV_CE_LAUNCH_DMA, NV_CE_LAUNCH_NON_PIPELINED | NV_CE_LAUNCH_PITCH |
					     NV_CE_LAUNCH_REMAP | nvg_ce_physical_bits(NULL, dst));
}

/*
 * After all before it: write back, store @payload at the virtual address @va and raise
 * the engine's non-stall interrupt.
 */
static inline void nvg_push_release(struct nvg_push *push, u64 va, u32 payload)
{
	nvg_push_word(push, nvg_push_header(NV_CE_SUBCHANNEL, NV_CE_SET_SEMAPHORE_A, 3));
	nvg_push_word(push, upper_32_bits(va));
	nvg_push_word(push, lower_32_bits(va));
	nvg_push_word(push, payload);
	nvg_push_ce1(push, NV_CE_LAUNCH_DMA, NV_CE_LAUNCH_FLUSH |
					     NV_CE_LAUNCH_SEMAPHORE_ONE_WORD |
					     NV_CE_LAUNCH_INTR_NON_BLOCKING | NV_CE_LAUNCH_PITCH);
}

#define NVG_GP_ADDR_BITS	40
#define NVG_GP_MAX_WORDS	0x1fffffU

/* Entry of the GPFIFO ring: @words words of methods at the virtual address @va */
static inline u64 nvg_gp_entry(u64 va, unsigned int words)
{
	return (va & (BIT_ULL(NVG_GP_ADDR_BITS) - 1) & ~3ULL) | (u64)words << (32 + 10);
}

#endif
