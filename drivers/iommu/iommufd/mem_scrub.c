// SPDX-License-Identifier: GPL-2.0
/*
 * Zeroing memory that has no struct page.
 *
 * The memory is not in the kernel's linear map, so it is mapped for the time of
 * the zeroing, piece by piece: that bounds the page tables and vmalloc space that
 * it takes, and lets a signal end it.
 */
#include <linux/io.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "mem.h"

/* Mapped at a time */
#define SCRUB_WINDOW SZ_64M
/* Zeroed between two looks at signals and the scheduler */
#define SCRUB_STEP SZ_2M

/**
 * iommufd_mem_scrub() - Zero memory
 * @paddr: physical address, a multiple of PAGE_SIZE
 * @length: in bytes, a multiple of PAGE_SIZE
 * @stop: give up when this becomes true
 *
 * Context: may sleep, for long. No lock should be held.
 *
 * Return: 0; -EINTR if the task was killed; -ENODEV if it was told to stop; -ENOMEM
 * if the memory cannot be mapped.
 */
int iommufd_mem_scrub(u64 paddr, u64 length, const bool *stop)
{
	int rc = 0;

	while (length && !rc) {
		/* End a window at an aligned address, for large entries */
		size_t window = min_t(u64, length,
				      SCRUB_WINDOW - paddr % SCRUB_WINDOW);
		size_t done;
		void *va;

		va = memremap(paddr, window, MEMREMAP_WB);
		if (!va)
			return -ENOMEM;
		for (done = 0; !rc && done < window; done += SCRUB_STEP) {
			memset(va + done, 0, min_t(size_t, window - done,
						   SCRUB_STEP));
			if (fatal_signal_pending(current))
				rc = -EINTR;
			else if (READ_ONCE(*stop))
				rc = -ENODEV;
			cond_resched();
		}
		memunmap(va);
		paddr += window;
		length -= window;
	}
	return rc;
}
