/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's RAM: where it comes from, and how the VMM itself reads and writes it.
 */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_BANKS_MAX	8

struct vm;

enum memory_type {
	MEMORY_HI,		/* memory objects of iommufd */
	MEMORY_MEMFD,		/* pages of the host */
	MEMORY_HUGETLB,		/* huge pages of the host */
};

/* A piece of RAM, a node of the guest's */
struct memory_bank {
	uint64_t gpa;
	uint64_t size;		/* bytes */
	uint8_t *va;
	uint32_t mem_id;	/* MEMORY_HI: the object */
	int memfd;		/* others: the file */
};

struct memory {
	enum memory_type type;
	struct memory_bank banks[MEMORY_BANKS_MAX];
	unsigned int count;
	int iommufd;
};

/* Where this type's memory comes from, for messages and options */
extern const char *const memory_type_names[];

/*
 * Functions return 0 or a negative errno, and have said why, where it does not say
 * otherwise.
 */

/*
 * Add @size bytes behind what is there. MEMORY_HI: of the region that the bound device
 * @dev_id is linked to; or, unless it is NULL, of @region, a name in sysfs.
 */
int memory_add(struct memory *memory, uint64_t size, uint32_t dev_id, const char *region);
/* MEMORY_HI: take the objects that the iommufd has, in the order of their IDs */
int memory_adopt(struct memory *memory);
/* For the devices: IOVA is guest-physical address */
int memory_map_ioas(struct memory *memory, uint32_t ioas_id);
/* For the CPUs */
int memory_map_vm(struct memory *memory, struct vm *vm);
void memory_free(struct memory *memory);

uint64_t memory_size(const struct memory *memory);

/* NULL unless all of it is in one bank */
void *memory_at(const struct memory *memory, uint64_t gpa, uint64_t length);

/*
 * What a device model reads and writes for the guest. -EFAULT: not RAM, or RAM that
 * failed. Nothing is said.
 */
int memory_read(const struct memory *memory, uint64_t gpa, void *to, size_t length);
int memory_write(const struct memory *memory, uint64_t gpa, const void *from, size_t length);

/*
 * SIGBUS for this process: accesses of memory_read() and memory_write() fail, failed RAM
 * is noted for memory_failed(), anything else ends the VMM.
 */
void memory_handle_sigbus(struct memory *memory);
/* Has this thread touched RAM that failed, since it was last asked? */
bool memory_failed(void);

#endif
