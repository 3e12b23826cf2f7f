// SPDX-License-Identifier: GPL-2.0
/*
 * Firmware's table of retired pages, see retired.h. What happens to the pages is
 * the caller's business; that an entry may come twice, too.
 */
#include "retired.h"

int egm_retired_parse(const __le64 *table, u64 base, u64 size,
		      int (*retire)(void *data, u64 paddr, u64 length),
		      void *data, struct egm_retired_stats *stats)
{
	u64 count = le64_to_cpu(table[0]);
	u64 i;

	stats->claimed = count;
	stats->used = 0;
	stats->outside = 0;
	if (count > EGM_RETIRED_MAX)
		count = EGM_RETIRED_MAX;

	for (i = 1; i <= count; i++) {
		u64 start = le64_to_cpu(table[i]) & ~(EGM_RETIRED_PAGE - 1);
		u64 length = EGM_RETIRED_PAGE;
		int rc;

		/* Cut to the region, with sums that cannot overflow */
		if (start < base) {
			if (base - start >= length) {
				stats->outside++;
				continue;
			}
			length -= base - start;
			start = base;
		}
		if (start - base >= size) {
			stats->outside++;
			continue;
		}
		if (length > size - (start - base))
			length = size - (start - base);

		rc = retire(data, start, length);
		if (rc)
			return rc;
		stats->used++;
	}
	return 0;
}
