/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is taken away: a memory object or a dma-buf, mapped for DMA in some IOAS and
 * for the CPU.
 */
#ifndef BENCH_REVOKE_H
#define BENCH_REVOKE_H

#include "bench.h"

#define REVOKE_MOST_IOAS	16
/* Where a device copies to what it reads, to see if it can: 4 KiB in the bench's IOAS */
#define REVOKE_COPY_IOVA	(BENCH_IOVA - GIB(1))

struct revoke_way {
	const char *name;
	unsigned int nr_ioas;	/* that it is mapped in, 0 if nothing is mapped */
	bool is_dma_buf;
};

struct mapped {
	struct bench *b;
	const struct revoke_way *way;
	uint64_t length;
	uint32_t mem_id;	/* of an object, the caller sets it */
	int fd;			/* of a dma-buf, so it does */
	uint8_t *va;
	/* The first is the bench's own, with a VF; the others have but page tables */
	uint32_t ioas_id[REVOKE_MOST_IOAS];
	uint32_t hwpt_id[REVOKE_MOST_IOAS];
};

/* The IOAS, with nothing mapped. mapped_close() in any case */
int mapped_open(struct mapped *mapped, struct bench *b,
		const struct revoke_way *way, uint64_t length);
void mapped_close(struct mapped *mapped);
/* An object, for the CPU */
int mapped_mmap(struct mapped *mapped, uint64_t mmap_offset);
/* In every IOAS, at BENCH_IOVA */
int mapped_map(struct mapped *mapped);
/* In the first one only */
int mapped_unmap(struct mapped *mapped);
/* 0 if the VF and the CPU reach it, or if neither of them does, as @reached says */
int mapped_check(struct mapped *mapped, bool reached);

/* The part of bench_revoke() that is about regions */
int bench_withdraw(struct bench *b);

#endif
