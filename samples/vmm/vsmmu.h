/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SMMUv3 that the guest sees: registers, stream table, command queue and event
 * queue, stage 1 only. It translates nothing. The guest's stage 1 tables are walked by
 * the physical SMMU, below a nested HWPT; what the guest says about them arrives here
 * and leaves through struct vsmmu_ops.
 *
 * All calls are made under one lock of the caller's; an op may call vsmmu_stream() and
 * vsmmu_event(), no other function. 64-bit words that come from or go to the kernel or
 * guest memory are little-endian.
 */
#ifndef VMM_VSMMU_H
#define VMM_VSMMU_H

#include <stddef.h>
#include <stdint.h>

struct iommu_hw_info_arm_smmuv3;
struct vsmmu;

#define VSMMU_REGS_SIZE	0x20000		/* two 64 KiB pages of registers */
#define VSMMU_SID_BITS	16		/* a stream ID is a PCI requester ID */
#define VSMMU_SID_LAST	((1U << VSMMU_SID_BITS) - 1)
#define VSMMU_BATCH	64		/* commands that one invalidate op takes */

/* Edge-triggered, each a pulse. There is none for CMD_SYNC: see vsmmu_queue.c */
enum vsmmu_irq { VSMMU_IRQ_EVENTQ, VSMMU_IRQ_GERROR };

enum vsmmu_config { VSMMU_ABORT, VSMMU_BYPASS, VSMMU_STAGE1 };

struct vsmmu_stream {
	enum vsmmu_config config;
	/* As IOMMU_HWPT_DATA_ARM_SMMUV3 takes it, in every configuration */
	uint64_t ste[2];
};

struct vsmmu_ops {
	/* Guest memory: 0 or a negative errno */
	int (*read)(void *opaque, uint64_t gpa, void *to, size_t length);
	int (*write)(void *opaque, uint64_t gpa, const void *from, size_t length);
	/* What vsmmu_stream() says of stream IDs [@first, @last] may have changed */
	void (*streams_changed)(void *opaque, uint32_t first, uint32_t last);
	/*
	 * A batch for IOMMU_HWPT_INVALIDATE, at most VSMMU_BATCH commands; the same may come
	 * twice. @done is how many the kernel took. It refuses CFGI_CD of a stream without a
	 * vDevice, which is no mistake of the guest's (think of a hot-unplug): count it as done.
	 */
	int (*invalidate)(void *opaque, const uint64_t (*cmds)[2], uint32_t count,
			  uint32_t *done);
	void (*raise)(void *opaque, enum vsmmu_irq irq);
};

/*
 * As at power-on: bypass. @hw is what IOMMU_GET_HW_INFO tells of the physical SMMU. NULL with
 * errno ENOTSUP if no vSMMU can be made of it: see has_what_it_takes().
 */
struct vsmmu *vsmmu_new(const struct iommu_hw_info_arm_smmuv3 *hw,
			const struct vsmmu_ops *ops, void *opaque);
void vsmmu_free(struct vsmmu *v);

/* 4 or 8 bytes, aligned; anything else reads as zero and is not written */
uint64_t vsmmu_mmio_read(struct vsmmu *v, uint64_t offset, unsigned int size);
void vsmmu_mmio_write(struct vsmmu *v, uint64_t offset, uint64_t value, unsigned int size);

/*
 * The configuration of stream @sid as registers and guest memory have it now. VSMMU_ABORT,
 * with a record in the guest's event queue, for an entry with a stage 2 (C_BAD_STE), beyond
 * the table (C_BAD_STREAMID) or unreadable (F_STE_FETCH); without one where no valid entry is:
 * an SMMU makes that when a transaction comes, and every driver has such streams.
 */
void vsmmu_stream(struct vsmmu *v, uint32_t sid, struct vsmmu_stream *stream);

/* A record of the vEVENTQ, its stream ID virtual already, for the guest's event queue */
void vsmmu_event(struct vsmmu *v, const uint64_t event[4]);
/* The vEVENTQ lost that many: the guest is told that its queue did */
void vsmmu_events_lost(struct vsmmu *v, uint32_t count);

#endif
