/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of memory objects have in common: a context (an iommufd with VFs
 * bound to it), how much memory the region has, accesses that may raise SIGBUS.
 *
 * Include after kselftest_harness.h. Functions return 0 or a negative errno,
 * where they do not say otherwise; lengths are in bytes.
 */
#ifndef MEMTEST_H
#define MEMTEST_H

#include <stdbool.h>
#include <stdint.h>

#include <iommufd-mem/iommufd.h>
#include <iommufd-mem/vfio.h>

#include "gpu.h"
#include "pattern.h"

#define KIB(n)			((uint64_t)(n) << 10)
#define MIB(n)			((uint64_t)(n) << 20)
#define GIB(n)			((uint64_t)(n) << 30)

#define MEMTEST_MAX_VFS		8
/* Seconds; nothing is measured, it only ends what hangs */
#define MEMTEST_DEADLINE	120
#define MEMTEST_TIMEOUT		600

struct memtest {
	int iommufd;
	struct vfio_dev vf[MEMTEST_MAX_VFS];
};

/* The VFs with a vfio cdev, up to MEMTEST_MAX_VFS; returns how many there are */
int memtest_find_vfs(struct vfio_function *found);
/* -ENOENT if there are fewer VFs with a vfio cdev than @nr_vfs */
int memtest_open(struct memtest *t, int nr_vfs);
/*
 * With one VF, the first that can be bound; -EBUSY if there is none, as another
 * iommufd has them or holds memory of their region
 */
int memtest_open_other(struct memtest *t);
void memtest_close(struct memtest *t);

/* In FIXTURE_SETUP: skip aloud without the hardware, fail for any other reason */
#define MEMTEST_SETUP(t, nr)						\
	do {								\
		int __ret = memtest_open(t, nr);			\
		if (__ret == -ENOENT)					\
			SKIP(return, "fewer than %d VFs of the GPU model with a vfio cdev", \
			     nr);					\
		ASSERT_EQ(0, __ret);					\
	} while (0)

/*
 * A function that is linked to no region and whose memory decode can be turned
 * off (a VF's cannot): QEMU's edu or pci-testdev. -ENOENT if there is none.
 * @bar: its first memory BAR of a page or more.
 */
int memtest_find_plain(struct vfio_function *function);
int memtest_first_memory_bar(struct vfio_dev *dev, uint32_t *bar,
			     uint64_t *length);

/* The VFIO group of a function, which vfio-pci drives: a file descriptor */
int memtest_open_group(const char *bdf);

uint64_t memtest_page_size(void);
/* Write @text to the file at a path as of printf(), in sysfs and the like */
int memtest_write(const char *text, const char *path, ...)
	__attribute__((format(printf, 2, 3)));
/* The decimal number in such a file, UINT64_MAX if there is none */
uint64_t memtest_number(const char *path, ...)
	__attribute__((format(printf, 1, 2)));
/* The largest power of two that an object may be long: 2^31 pages */
uint64_t memtest_max_length(void);
/* Bytes of region memory that can be allocated now, all of it, in any pieces */
int memtest_free_memory(struct memtest *t, uint64_t *bytes);
/* Memory of a region by its number, for CAP_SYS_RAWIO */
int memtest_alloc_id(int iommufd, uint32_t region, uint64_t length,
		     uint32_t *mem_id);
/*
 * Does anybody hold memory of region 0, or have a device of it? A new iommufd asks for
 * a page, without a device: 0, or -EBUSY if so
 */
int memtest_region_is_idle(void);
/* Where the first region of nvgrace-egm is, for root. -ENOENT if there is none */
int memtest_region(uint64_t *base, uint64_t *size);
/* Let a page of memory fail, for CAP_SYS_ADMIN. -ENOENT if the kernel cannot */
int memtest_fail_memory(uint64_t paddr);
/* IOMMU_MEM_RETIRED with room for @count: how many there are, or a negative errno */
int memtest_list_bad(struct memtest *t, uint32_t mem_id,
		     struct iommu_mem_retired_range *ranges, uint32_t count);
/* How many memory objects there are, by enumeration */
int memtest_count_objects(struct memtest *t);

/*
 * An object, mmapped and mapped at an IOVA of an IOAS where @ioas_id is not
 * 0. memtest_object_free() undoes whatever is there.
 */
struct memtest_object {
	uint32_t id;
	uint64_t length;
	uint64_t mmap_offset;
	uint8_t *va;
	uint32_t ioas_id;
	uint64_t iova;
};

int memtest_object_alloc(struct memtest *t, struct memtest_object *object,
			 uint64_t length);
int memtest_object_alloc_linear(struct memtest *t, struct memtest_object *object,
				uint64_t length);
/* The start of VF 0's framebuffer */
int memtest_object_alloc_bar(struct memtest *t, struct memtest_object *object,
			     uint64_t length);
int memtest_object_mmap(struct memtest *t, struct memtest_object *object);
int memtest_object_map(struct memtest *t, struct memtest_object *object,
		       uint32_t ioas_id, uint64_t iova);
int memtest_object_free(struct memtest *t, struct memtest_object *object);

/*
 * One of everything: a VF, attached to an IOAS, and two objects that are mmapped
 * and mapped there, memory of the region at MEMTEST_IOVA and the start of the VF's
 * framebuffer at MEMTEST_BAR_IOVA. What an error leaves, memtest_close() undoes.
 */
#define MEMTEST_IOVA		GIB(4)
#define MEMTEST_BAR_IOVA	GIB(8)

struct memtest_world {
	struct memtest t;
	struct memtest_object object;
	struct memtest_object bar;
	uint32_t ioas_id;
};

int memtest_world_open(struct memtest_world *w, uint64_t length);

/* An access of 8 bytes; true if it raised SIGBUS. Any thread may */
bool memtest_read_faults(const void *va);
bool memtest_write_faults(void *va);

#endif
