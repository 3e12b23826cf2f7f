// SPDX-License-Identifier: GPL-2.0
/*
 * CPU mappings: time, faults and page tables until each 4 KiB was accessed. Memory is
 * populated before, where its kind can do that without a mapping; else (anonymous,
 * thp, hugetlb) the first access allocates and zeroes it, too.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory.h"

static const struct memory_kind *const kinds[] = {
	&memory_object, &memory_anonymous, &memory_thp, &memory_hugetlb_2m,
	&memory_hugetlb_1g, &memory_memfd, &memory_memfd_2m, &memory_memfd_1g,
	&memory_udmabuf, &memory_dax, &memory_devmem,
};

static uint64_t faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static uint64_t page_tables(void)
{
	return bench_field("/proc/self/status", "VmPTE");
}

struct cpu_samples {
	struct bench_samples time, faults, tables;
};

static int measure_once(struct memory *memory, bool write,
			struct cpu_samples *samples)
{
	uint64_t tables = page_tables(), nr = faults(), start = bench_now();
	int ret = memory_map(memory);

	if (!ret) {
		memory_touch(memory, write);
		bench_add(&samples->time, bench_now() - start);
		bench_add(&samples->faults, faults() - nr);
		bench_add(&samples->tables, page_tables() - tables);
	}
	memory_unmap(memory);
	return ret;
}

static void measure(struct bench *b, const struct memory_kind *kind,
		    uint64_t length, bool write)
{
	struct cpu_samples samples = {};
	struct memory memory;
	int ret;

	bench_progress("cpu: %s, %llu MiB", kind->name,
		       (unsigned long long)(length >> 20));
	ret = memory_open(&memory, kind, b, length);
	while (!ret && bench_more(b, &samples.time))
		ret = measure_once(&memory, write, &samples);
	memory_close(&memory);
	if (ret) {
		bench_report_error(write ? "cpu_write" : "cpu_read",
				   kind->name, length, ret);
		return;
	}
	bench_report(write ? "cpu_write" : "cpu_read", kind->name, length,
		     "ns", &samples.time);
	bench_report(write ? "cpu_write_faults" : "cpu_read_faults",
		     kind->name, length, "faults", &samples.faults);
	bench_report(write ? "cpu_write_tables" : "cpu_read_tables",
		     kind->name, length, "bytes", &samples.tables);
}

int bench_cpu(struct bench *b)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		measure(b, kinds[i], GIB(1), true);
		/* Nothing is written: an emulated machine need not have it all */
		measure(b, kinds[i], GIB(16), false);
	}
	return 0;
}
