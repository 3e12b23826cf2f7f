// SPDX-License-Identifier: GPL-2.0
/*
 * CPU mappings in depth: how large the page table entries are, what mremap(), munmap()
 * of a part, fork() and debuggers do, and that no core dump has guest memory. The rules
 * of mmap() itself are in mem_mmap.c.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "memtest.h"

#define LENGTH	MIB(64)
#define MAGIC	0x1122334455667788ULL

FIXTURE(mem_cpu)
{
	struct memtest t;
	struct memtest_object object;
	uint64_t page;
	uint64_t large;		/* what a page of page table entries maps */
};

FIXTURE_SETUP(mem_cpu)
{
	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	self->large = self->page * (self->page / 8);
}

FIXTURE_TEARDOWN(mem_cpu)
{
	memtest_close(&self->t);
}

/* At an address aligned to @align plus @shift */
static int map_at(struct memtest *t, struct memtest_object *object,
		  uint64_t align, uint64_t shift)
{
	uint64_t room = object->length + align + shift;
	uint8_t *va = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (va == MAP_FAILED)
		return -errno;
	va = (uint8_t *)(((uintptr_t)va + align - 1) & ~(align - 1)) + shift;
	va = mmap(va, object->length, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED, t->iommufd, object->mmap_offset);
	if (va == MAP_FAILED)
		return -errno;
	object->va = va;
	return 0;
}

/*
 * Page faults that reading every page takes. The first write to an entry can take
 * another, where the CPU does not set dirty bits by itself.
 */
static long faults_of(struct memtest_object *object, uint64_t page)
{
	struct rusage before, after;
	uint64_t offset;

	getrusage(RUSAGE_SELF, &before);
	for (offset = 0; offset < object->length; offset += page)
		(void)*(volatile uint8_t *)(object->va + offset);
	getrusage(RUSAGE_SELF, &after);
	return after.ru_minflt - before.ru_minflt;
}

/* Other faults of the process: its own stack and code */
#define SLACK	8

TEST_F(mem_cpu, an_aligned_mapping_takes_a_fault_for_each_large_entry)
{
	uint64_t length = self->large > LENGTH ? self->large : LENGTH;
	uint64_t base, size;
	long faults;

	ASSERT_EQ(0, memtest_region(&base, &size));
	if (size < length || base % self->large)
		SKIP(return, "a large entry is larger than the region");
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
						 length));
	ASSERT_EQ(0, map_at(&self->t, &self->object, self->large, 0));
	faults = faults_of(&self->object, self->page);
	EXPECT_LE(length / self->large, faults);
	EXPECT_GE(length / self->large + SLACK, faults);
}

TEST_F(mem_cpu, a_mapping_that_is_not_aligned_takes_a_fault_for_each_page)
{
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object,
						 MIB(4)));
	ASSERT_EQ(0, map_at(&self->t, &self->object, self->large, self->page));
	EXPECT_LE(MIB(4) / self->page, faults_of(&self->object, self->page));
}

TEST_F(mem_cpu, a_gibibyte_takes_one_fault)
{
	uint64_t base, size, gib = self->large * (self->page / 8);
	long faults;

#ifdef __aarch64__
	SKIP(return, "arm64 has no entries of a gibibyte for memory without a struct page");
#endif
	ASSERT_EQ(0, memtest_region(&base, &size));
	if (self->page != 4096 || size < gib || base % gib)
		SKIP(return, "the region has no gibibyte of 4 KiB pages");
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &self->object, gib));
	ASSERT_EQ(0, map_at(&self->t, &self->object, gib, 0));
	faults = faults_of(&self->object, MIB(2));
	EXPECT_LE(1, faults);
	EXPECT_GE(1 + SLACK, faults);
}

#define MAP_OBJECT()							\
	do {								\
		ASSERT_EQ(0, memtest_object_alloc_linear(&self->t,	\
							 &self->object,	\
							 LENGTH));	\
		ASSERT_EQ(0, map_at(&self->t, &self->object, MIB(2), 0));	\
		pattern_fill(self->object.va, LENGTH, 1);		\
	} while (0)

TEST_F(mem_cpu, a_part_can_be_unmapped_and_the_rest_works)
{
	uint64_t offset = MIB(4) + self->page;
	uint8_t *va;
	uint8_t in_core;

	MAP_OBJECT();
	va = self->object.va;
	ASSERT_EQ(0, munmap(va + offset, self->page));
	EXPECT_EQ(-1, mincore(va + offset, self->page, &in_core));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(PATTERN_SAME, pattern_check(va, offset, 1));
	va[offset + self->page] ^= 1;
	va[offset - 1] ^= 1;
	/* Still the same memory: seen through a second mapping */
	va = mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, self->t.iommufd,
		  self->object.mmap_offset);
	ASSERT_NE(MAP_FAILED, va);
	EXPECT_EQ(self->object.va[offset + self->page], va[offset + self->page]);
	EXPECT_EQ(self->object.va[offset - 1], va[offset - 1]);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->t.iommufd, self->object.id));
}

TEST_F(mem_cpu, mremap_moves_it_but_does_not_let_it_grow)
{
	uint8_t *va;

	MAP_OBJECT();
	EXPECT_EQ(MAP_FAILED, mremap(self->object.va, LENGTH,
				     LENGTH + self->page, MREMAP_MAYMOVE));
	va = mmap(NULL, LENGTH, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, va);
	va = mremap(self->object.va, LENGTH, LENGTH,
		    MREMAP_MAYMOVE | MREMAP_FIXED, va);
	ASSERT_NE(MAP_FAILED, va);
	self->object.va = va;
	EXPECT_EQ(PATTERN_SAME, pattern_check(va, LENGTH, 1));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->t.iommufd, self->object.id));
	EXPECT_EQ(0, munmap(va, LENGTH));
	EXPECT_EQ(0, iommufd_destroy(self->t.iommufd, self->object.id));
}

/* A child that waits for its parent; its memory is the parent's */
static pid_t stopped_child(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST_F(mem_cpu, a_debugger_reads_and_writes_it)
{
	uint64_t *word, value;
	char path[64];
	pid_t pid;
	int fd;

	MAP_OBJECT();
	word = (uint64_t *)(self->object.va + MIB(3) + 8);
	*word = MAGIC;
	pid = stopped_child();
	ASSERT_LT(0, pid);
	errno = 0;
	EXPECT_EQ(MAGIC, (uint64_t)ptrace(PTRACE_PEEKDATA, pid, word, NULL));
	EXPECT_EQ(0, errno);
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, pid, word, (void *)~MAGIC));
	EXPECT_EQ(~MAGIC, *word);

	/* Across a page */
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	word = (uint64_t *)(self->object.va + MIB(3) + self->page - 4);
	value = MAGIC;
	EXPECT_EQ(8, pwrite(fd, &value, 8, (uintptr_t)word));
	EXPECT_EQ(0, memcmp(word, &value, 8));
	value = 0;
	EXPECT_EQ(8, pread(fd, &value, 8, (uintptr_t)word));
	EXPECT_EQ(MAGIC, value);
	close(fd);
	end(pid);
}

TEST_F(mem_cpu, a_debugger_does_not_write_what_is_read_only)
{
	uint64_t *word;
	pid_t pid;

	MAP_OBJECT();
	word = (uint64_t *)self->object.va;
	*word = MAGIC;
	ASSERT_EQ(0, mprotect(self->object.va, LENGTH, PROT_READ));
	pid = stopped_child();
	ASSERT_LT(0, pid);
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, word, (void *)~MAGIC));
	EXPECT_EQ(MAGIC, *word);
	end(pid);
}

TEST_F(mem_cpu, a_debugger_does_not_reach_a_bar)
{
	struct memtest_object bar;
	pid_t pid;

	ASSERT_EQ(0, memtest_object_alloc_bar(&self->t, &bar, MIB(2)));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &bar));
	*(volatile uint32_t *)bar.va = 1;
	pid = stopped_child();
	ASSERT_LT(0, pid);
	errno = 0;
	EXPECT_EQ(-1, ptrace(PTRACE_PEEKDATA, pid, bar.va, NULL));
	EXPECT_EQ(EIO, errno);
	end(pid);
	EXPECT_EQ(0, memtest_object_free(&self->t, &bar));
}

/* The flags of the mapping at @va */
static bool has_flag(void *va, const char *flag)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long long start, last;
	bool here = false, found = false;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx-%llx ", &start, &last) == 2)
			here = start == (uintptr_t)va;
		if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, flag);
	}
	if (file)
		fclose(file);
	return found;
}

TEST_F(mem_cpu, a_core_dump_does_not_have_it)
{
	MAP_OBJECT();
	EXPECT_TRUE(has_flag(self->object.va, " dd"));
	/* Nor can it be made to */
	EXPECT_EQ(-1, madvise(self->object.va, LENGTH, MADV_DODUMP));
	EXPECT_TRUE(has_flag(self->object.va, " dd"));
}

TEST_HARNESS_MAIN
