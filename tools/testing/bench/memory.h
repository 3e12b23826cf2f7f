/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a VM's memory can be made of: memory objects and their peers, each set up
 * the way its users do it.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include "bench.h"

/* An instance of a kind; what is not there is -1, NULL or 0 */
struct memory {
	const struct memory_kind *kind;
	struct bench *b;
	uint64_t length;
	int fd;			/* of a file */
	uint8_t *va;
};

/*
 * @open reserves @length bytes and populates them where the kind can without mapping
 * them; @map makes the CPU mapping, with nothing touched yet.
 */
struct memory_kind {
	const char *name;	/* subject in the report */
	uint64_t page;		/* bytes, of one page of it */
	int (*open)(struct memory *memory);
	int (*map)(struct memory *memory);
	bool populate;		/* its users write to it before they map it for DMA */
	bool charged;		/* takes memory that the machine has not set aside */
};

extern const struct memory_kind memory_object;
extern const struct memory_kind memory_anonymous;
extern const struct memory_kind memory_thp;
extern const struct memory_kind memory_hugetlb_2m;
extern const struct memory_kind memory_hugetlb_1g;
extern const struct memory_kind memory_memfd;
extern const struct memory_kind memory_memfd_2m;
extern const struct memory_kind memory_memfd_1g;
extern const struct memory_kind memory_udmabuf;
extern const struct memory_kind memory_devmem;
extern const struct memory_kind memory_dax;

/* -ENOMEM if the machine is too small for it; memory_close() in any case */
int memory_open(struct memory *memory, const struct memory_kind *kind,
		struct bench *b, uint64_t length);
/* The CPU mapping */
int memory_map(struct memory *memory);
void memory_unmap(struct memory *memory);
/* One access to each 4 KiB */
void memory_touch(struct memory *memory, bool write);
void memory_close(struct memory *memory);

/* Set hugetlb pages of 2 MiB aside; -ENOMEM if there are fewer then */
int memory_reserve_2m(uint64_t length);

/* -ENODEV if firmware describes no NVDIMM */
int memory_open_dax(struct memory *memory);

#endif
