// SPDX-License-Identifier: GPL-2.0
/*
 * Dispatch of the accesses that KVM cannot serve itself. A list is enough: there are
 * half a dozen ranges, none comes or goes while the guest runs. (BARs come and go
 * inside of the range that is PCI's.)
 */
#include <assert.h>
#include <string.h>

#include "mmio.h"

void mmio_add(struct mmio *mmio, uint64_t start, uint64_t size, const struct mmio_ops *ops,
	      void *opaque)
{
	assert(mmio->count < MMIO_RANGES_MAX);
	mmio->ranges[mmio->count++] = (struct mmio_range){ start, size, ops, opaque };
}

static const struct mmio_range *find(const struct mmio *mmio, uint64_t gpa, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < mmio->count; i++) {
		const struct mmio_range *range = &mmio->ranges[i];

		if (gpa >= range->start && gpa - range->start < range->size)
			return range->size - (gpa - range->start) >= size ? range : NULL;
	}
	return NULL;
}

bool mmio_access(const struct mmio *mmio, uint64_t gpa, void *data, unsigned int size,
		 bool write)
{
	const struct mmio_range *range = find(mmio, gpa, size);
	uint64_t value = 0;

	if (!range || size > sizeof(value))
		return false;
	if (write) {
		memcpy(&value, data, size);
		range->ops->write(range->opaque, gpa - range->start, value, size);
	} else {
		value = range->ops->read(range->opaque, gpa - range->start, size);
		memcpy(data, &value, size);
	}
	return true;
}
