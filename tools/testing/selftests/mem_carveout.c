// SPDX-License-Identifier: GPL-2.0
/*
 * Carve-outs, as regions that many contexts share, and as regions that are withdrawn
 * and come back at any moment: neither CPU nor device reaches the memory any more,
 * and nobody finds what was in it.
 */
#include "kselftest_harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "edu.h"
#include "fault.h"
#include "memtest.h"

#define CLASS	"/sys/class/iommufd_mem/carveout0"
#define DRIVER	"/sys/bus/platform/drivers/iommufd-carveout"
#define MODULE	"iommufd_carveout"
#define DEBUGFS	"/sys/kernel/debug"
#define TRACING	"/sys/kernel/tracing"
#define KO	"/lib/modules/" MODULE ".ko"
#define MOST_ALLOCATIONS 2000
#define LENGTH	MIB(16)
#define IOVA	MIB(64)
#define OTHER	MIB(32)

static int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	close(fd);
	if (length < 0)
		return -EIO;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static uint64_t number(const char *attribute)
{
	return memtest_number(CLASS "/%s", attribute);
}

static bool is_there(void)
{
	return number("size") != UINT64_MAX;
}

/* Of the platform device: write its name to the driver's bind or unbind */
static int drive(const char *device, const char *verb)
{
	return memtest_write(device, DRIVER "/%s", verb);
}

/* The device behind carveout0, if there is no other */
static int find_device(char *name, size_t size)
{
	DIR *dir = opendir(DRIVER);
	struct dirent *entry;
	int found = 0;

	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_LNK && strcmp(entry->d_name, "module")) {
			snprintf(name, size, "%.*s", (int)size - 1,
				 entry->d_name);
			found++;
		}
	if (dir)
		closedir(dir);
	return found;
}

/* One context that holds memory of the carve-out */
struct owner {
	int iommufd;
	uint32_t mem_id;
	uint32_t ioas_id;
	uint8_t *va;
	struct edu edu;
};

static int owner_open(struct owner *owner)
{
	struct iommu_mem_info info = { 0 };
	uint32_t id = number("id");
	void *va;
	int ret;

	memset(owner, 0, sizeof(*owner));
	owner->edu.dev.fd = -1;
	owner->iommufd = iommufd_open();
	if (owner->iommufd < 0)
		return owner->iommufd;
	ret = memtest_alloc_id(owner->iommufd, id, LENGTH, &owner->mem_id);
	info.mem_id = owner->mem_id;
	if (!ret)
		ret = iommufd_mem_info(owner->iommufd, &info);
	if (!ret)
		ret = iommufd_mem_mmap(owner->iommufd, info.out_mmap_offset,
				       LENGTH, 0, PROT_READ | PROT_WRITE, &va);
	if (!ret)
		owner->va = va;
	return ret;
}

/* Memory of the process, so that a device can be seen to write there or not to */
static int owner_attach(struct owner *owner, void *other)
{
	uint64_t iova = IOVA, other_iova = OTHER;
	int ret;

	ret = iommufd_ioas_alloc(owner->iommufd, &owner->ioas_id);
	if (!ret)
		ret = vfio_attach(&owner->edu.dev, owner->ioas_id);
	if (!ret)
		ret = iommufd_ioas_map_mem(owner->iommufd, owner->ioas_id,
					   owner->mem_id, 0, LENGTH,
					   IOMMUFD_FIXED_READ_WRITE, &iova);
	if (!ret)
		ret = iommufd_ioas_map(owner->iommufd, owner->ioas_id, other,
				       EDU_MAX_LENGTH, IOMMUFD_FIXED_READ_WRITE,
				       &other_iova);
	return ret;
}

static void owner_close(struct owner *owner)
{
	edu_close(&owner->edu);
	if (owner->va)
		munmap(owner->va, LENGTH);
	owner->va = NULL;
	close(owner->iommufd);
}

/* All of the carve-out that can be had in pieces of LENGTH is zero */
static bool everything_is_zero(void)
{
	uint64_t left = number("size") / LENGTH;
	struct owner *owners = calloc(left, sizeof(*owners));
	unsigned int i, nr = 0;
	bool zero = owners;

	while (zero && nr < left && !owner_open(&owners[nr]))
		nr++;
	if (nr < left)
		close(owners[nr].iommufd);
	zero = zero && nr == left;
	for (i = 0; i < nr; i++) {
		zero = zero && pattern_check_word(owners[i].va, LENGTH, 0) ==
				       PATTERN_SAME;
		owner_close(&owners[i]);
	}
	free(owners);
	return zero;
}

FIXTURE(mem_carveout)
{
	char device[64];
	struct owner owner;
	void *other;
	bool edu;
};

FIXTURE_SETUP(mem_carveout)
{
	int ret;

	if (!find_device(self->device, sizeof(self->device)))
		SKIP(return, "there is no carve-out");
	if (number("size") < 4 * LENGTH)
		SKIP(return, "the carve-out is too small");
	ASSERT_EQ(0, owner_open(&self->owner));
	ret = edu_open(&self->owner.edu, self->owner.iommufd);
	ASSERT_TRUE(!ret || ret == -ENOENT);
	self->edu = !ret;
	self->other = mmap(NULL, MIB(2), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->other);
	if (self->edu)
		ASSERT_EQ(0, owner_attach(&self->owner, self->other));
}

FIXTURE_TEARDOWN(mem_carveout)
{
	owner_close(&self->owner);
	munmap(self->other, MIB(2));
	EXPECT_TRUE(is_there());
	EXPECT_EQ(0, number("owners"));
}

TEST_F(mem_carveout, it_is_offered_to_many_and_tells_no_device)
{
	char policy[32];

	ASSERT_EQ(0, read_file(CLASS "/policy", policy, sizeof(policy)));
	EXPECT_STREQ("shared", policy);
	EXPECT_EQ(1, number("owners"));
	EXPECT_EQ(number("size") - LENGTH, number("free"));
}

TEST_F(mem_carveout, a_device_does_not_entitle_to_it)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_REGION,
		.length = LENGTH,
	};

	if (!self->edu)
		SKIP(return, "no edu with a vfio cdev");
	cmd.dev_id = self->owner.edu.dev.dev_id;
	EXPECT_EQ(-ENODEV, iommufd_mem_alloc(self->owner.iommufd, &cmd));
}

TEST_F(mem_carveout, each_of_many_owners_has_memory_of_its_own)
{
	struct owner others[2];
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, owner_open(&others[i]));
		EXPECT_EQ(PATTERN_SAME,
			  pattern_check_word(others[i].va, LENGTH, 0));
		pattern_fill(others[i].va, LENGTH, i + 1);
	}
	pattern_fill(self->owner.va, LENGTH, 3);
	EXPECT_EQ(3, number("owners"));
	EXPECT_EQ(PATTERN_SAME, pattern_check(others[0].va, LENGTH, 1));
	owner_close(&others[0]);
	EXPECT_EQ(PATTERN_SAME, pattern_check(others[1].va, LENGTH, 2));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->owner.va, LENGTH, 3));
	owner_close(&others[1]);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->owner.va, LENGTH, 3));
}

TEST_F(mem_carveout, a_device_reaches_what_is_mapped)
{
	if (!self->edu)
		SKIP(return, "no edu with a vfio cdev");
	pattern_fill(self->owner.va, EDU_MAX_LENGTH, 1);
	ASSERT_EQ(0, edu_copy(&self->owner.edu, IOVA,
			      IOVA + LENGTH - EDU_MAX_LENGTH, EDU_MAX_LENGTH,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME,
		  pattern_check(self->owner.va + LENGTH - EDU_MAX_LENGTH,
				EDU_MAX_LENGTH, 1));
	ASSERT_EQ(0, edu_copy(&self->owner.edu, IOVA, OTHER, EDU_MAX_LENGTH,
			      MEMTEST_DEADLINE));
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->other, EDU_MAX_LENGTH, 1));
}

TEST_F(mem_carveout, withdrawn_it_is_out_of_reach_and_comes_back_as_zeros)
{
	struct iommu_mem_info info = { .mem_id = self->owner.mem_id };
	uint32_t id = number("id"), other;
	/* The device may still have what an earlier run of this test copied */
	uint64_t seed = getpid();

	pattern_fill(self->owner.va, LENGTH, seed);
	pattern_fill(self->other, EDU_MAX_LENGTH, 0);
	ASSERT_EQ(0, drive(self->device, "unbind"));
	EXPECT_FALSE(is_there());
	EXPECT_TRUE(memtest_read_faults(self->owner.va));
	EXPECT_TRUE(memtest_write_faults(self->owner.va + LENGTH / 2));
	if (self->edu) {
		edu_copy(&self->owner.edu, IOVA, OTHER, EDU_MAX_LENGTH,
			 MEMTEST_DEADLINE);
		EXPECT_NE(PATTERN_SAME,
			  pattern_check(self->other, EDU_MAX_LENGTH, seed));
	}
	EXPECT_EQ(0, iommufd_mem_info(self->owner.iommufd, &info));
	EXPECT_TRUE(info.out_attrs & IOMMU_MEM_ATTR_REVOKED);
	EXPECT_EQ(-ENODEV, memtest_alloc_id(self->owner.iommufd, id, LENGTH,
					    &other));

	ASSERT_EQ(0, drive(self->device, "bind"));
	ASSERT_TRUE(is_there());
	/* What was withdrawn stays so, even if the memory is there again */
	EXPECT_TRUE(memtest_read_faults(self->owner.va));
	if (self->edu)
		edu_copy(&self->owner.edu, OTHER, IOVA, EDU_MAX_LENGTH,
			 MEMTEST_DEADLINE);
	EXPECT_TRUE(everything_is_zero());
	EXPECT_EQ(0, munmap(self->owner.va, LENGTH));
	self->owner.va = NULL;
	if (self->edu)
		EXPECT_EQ(0, iommufd_ioas_unmap(self->owner.iommufd,
						self->owner.ioas_id, IOVA,
						LENGTH, NULL));
	EXPECT_EQ(0, iommufd_destroy(self->owner.iommufd, self->owner.mem_id));
}

static bool trace_has(const char *event)
{
	FILE *file = fopen(TRACING "/trace", "re");
	bool found = false;
	char line[512];

	while (!found && file && fgets(line, sizeof(line), file))
		found = strstr(line, event);
	if (file)
		fclose(file);
	return found;
}

TEST_F(mem_carveout, its_withdrawal_is_traced)
{
	char event[128];

	if (memtest_write("1", TRACING "/events/iommufd_mem/iommufd_mem_revoke/enable"))
		SKIP(return, "there are no tracepoints");
	snprintf(event, sizeof(event),
		 "iommufd_mem_revoke: region=%llu mem_id=%u length=%llu",
		 (unsigned long long)number("id"), self->owner.mem_id, (unsigned long long)LENGTH);
	EXPECT_EQ(0, drive(self->device, "unbind"));
	EXPECT_TRUE(trace_has(event));
	EXPECT_EQ(0, drive(self->device, "bind"));
	EXPECT_EQ(0, memtest_write("0", TRACING "/events/iommufd_mem/enable"));
}

static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

static int load(const char *regions)
{
	char parameters[256];
	int fd = open(KO, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	snprintf(parameters, sizeof(parameters), "%s%s",
		 *regions ? "regions=" : "", regions);
	if (syscall(SYS_finit_module, fd, parameters, 0))
		ret = -errno;
	close(fd);
	return ret;
}

/* As it was loaded; empty where a device tree tells of the carve-out */
static void regions_parameter(char *regions, size_t size)
{
	if (read_file("/sys/module/" MODULE "/parameters/regions", regions,
		      size) || !strcmp(regions, "(null)"))
		*regions = '\0';
}

TEST_F(mem_carveout, the_module_stays_while_its_memory_is_held)
{
	char regions[128];

	if (access(KO, R_OK))
		SKIP(return, "the module is not in " KO);
	regions_parameter(regions, sizeof(regions));
	EXPECT_EQ(-EAGAIN, unload());
	ASSERT_EQ(0, drive(self->device, "unbind"));
	EXPECT_EQ(-EAGAIN, unload());
	owner_close(&self->owner);
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, load(regions));
	ASSERT_EQ(0, owner_open(&self->owner));
}

TEST_F(mem_carveout, an_exclusive_one_has_one_owner)
{
	char regions[128], exclusive[160], policy[32];
	struct owner other;

	regions_parameter(regions, sizeof(regions));
	if (access(KO, R_OK) || !*regions)
		SKIP(return, "the module is not in " KO ", or has no parameter");
	owner_close(&self->owner);
	ASSERT_EQ(0, unload());
	snprintf(exclusive, sizeof(exclusive), "%s:exclusive", regions);
	ASSERT_EQ(0, load(exclusive));
	EXPECT_EQ(0, read_file(CLASS "/policy", policy, sizeof(policy)));
	EXPECT_STREQ("exclusive", policy);
	EXPECT_EQ(0, owner_open(&self->owner));
	EXPECT_EQ(-EBUSY, owner_open(&other));
	owner_close(&other);
	owner_close(&self->owner);
	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load(regions));
	ASSERT_EQ(0, owner_open(&self->owner));
}

TEST_F(mem_carveout, regions_that_make_no_sense_are_refused)
{
	static const char * const wrong[] = {
		"1G", "@0x100000000", "16M@", "16M@0x100000000:", "16M@x",
		"16M@0x100000000:dirty", "16M@0x100000000:node=-1",
		"16M@0x100000000:node=4096", "16M@0x100000000:node=1",
		"16M@0x100000000:node=",
		"16M@0x100000000x", ",", "16M@0x200000000,16M",
	};
	/* In order: no size, no whole page, System RAM, beyond all addresses */
	static const char * const refused[] = {
		"0@0x200000000", "4096@0x200000001", "1M@0x41000000",
		"16M@0xfffffffffffff000", "16M@0xff00000000000000",
	};
	char regions[128];
	unsigned int i;

	if (access(KO, R_OK))
		SKIP(return, "the module is not in " KO);
	regions_parameter(regions, sizeof(regions));
	owner_close(&self->owner);
	ASSERT_EQ(0, unload());
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_EQ(-EINVAL, load(wrong[i]));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(0, load(refused[i]));
		/* One that a device tree tells of is there again */
		EXPECT_EQ(!*regions, is_there());
		EXPECT_EQ(0, unload());
	}
	ASSERT_EQ(0, load(regions));
	ASSERT_EQ(0, owner_open(&self->owner));
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Other faults of the process: its own stack and code */
#define SLACK	8

TEST_F(mem_carveout, a_gibibyte_takes_one_fault)
{
	struct iommu_mem_info info = { 0 };
	uint64_t offset;
	long before;
	int iommufd;
	void *va;

#ifdef __aarch64__
	SKIP(return, "arm64 has no entries of a gibibyte for memory without a struct page");
#endif
	if (number("size") < GIB(1))
		SKIP(return, "the carve-out has no gibibyte");
	owner_close(&self->owner);
	iommufd = iommufd_open();
	ASSERT_LE(0, iommufd);
	ASSERT_EQ(0, memtest_alloc_id(iommufd, number("id"), GIB(1),
				      &info.mem_id));
	ASSERT_EQ(0, iommufd_mem_info(iommufd, &info));
	EXPECT_EQ(GIB(1), info.out_max_block);
	ASSERT_EQ(0, iommufd_mem_mmap(iommufd, info.out_mmap_offset, GIB(1),
				      GIB(1), PROT_READ | PROT_WRITE, &va));
	before = minor_faults();
	for (offset = 0; offset < GIB(1); offset += MIB(2))
		((volatile uint8_t *)va)[offset] = 1;
	EXPECT_GE(1 + SLACK, minor_faults() - before);
	munmap(va, GIB(1));
	close(iommufd);
	ASSERT_EQ(0, owner_open(&self->owner));
}

/* Where the carve-out is, for root */
static bool find_memory(unsigned long long *base)
{
	FILE *file = fopen("/proc/iomem", "re");
	unsigned long long last;
	bool found = false;
	char line[256];

	while (!found && file && fgets(line, sizeof(line), file))
		found = strstr(line, " : carveout0") &&
			sscanf(line, "%llx-%llx", base, &last) == 2;
	if (file)
		fclose(file);
	return found;
}

/* What a mapping gets on x86 is what is tracked for the memory */
TEST_F(mem_carveout, on_x86_the_memory_is_tracked_as_write_back)
{
	unsigned long long base, first, end;
	char line[256], type[32] = "";
	FILE *file;

	mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	file = fopen(DEBUGFS "/x86/pat_memtype_list", "re");
	if (!file)
		SKIP(return, "not x86, or no debugfs");
	ASSERT_TRUE(find_memory(&base));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "PAT: [mem %llx-%llx] %31s", &first, &end,
			   type) == 3 && first == base)
			break;
	fclose(file);
	EXPECT_STREQ("write-back", type);
	EXPECT_EQ(number("size"), end - first);
}

TEST_F(mem_carveout, when_an_allocation_fails_it_is_offered_or_nothing_is_left)
{
	int fd = fault_open(), nth, failures = 0, ret;
	bool failed;

	if (fd < 0)
		SKIP(return, "this kernel has no fault injection");
	owner_close(&self->owner);
	ASSERT_EQ(0, drive(self->device, "unbind"));
	for (nth = 1; nth < MOST_ALLOCATIONS; nth++) {
		ASSERT_EQ(0, fault_arm(fd, nth));
		ret = drive(self->device, "bind");
		failed = fault_disarm(fd);
		ASSERT_EQ(!ret, is_there());
		if (!failed)
			break;
		failures += !!ret;
		if (!ret)
			ASSERT_EQ(0, drive(self->device, "unbind"));
	}
	close(fd);
	EXPECT_EQ(0, ret);
	EXPECT_LT(10, failures);
	ASSERT_EQ(0, owner_open(&self->owner));
}

/* What may go wrong for those who use memory while it is withdrawn */
static bool may_be(int ret)
{
	return !ret || ret == -ENODEV || ret == -ENOSPC;
}

struct user {
	pthread_t thread;
	bool *stop;
	unsigned int owned;
	int wrong;
};

static void *use_until_stopped(void *data)
{
	struct user *user = data;
	struct owner owner;

	while (!__atomic_load_n(user->stop, __ATOMIC_RELAXED)) {
		int ret = owner_open(&owner);

		if (!may_be(ret))
			user->wrong = ret;
		if (!ret) {
			user->owned++;
			memtest_write_faults(owner.va);
			memtest_write_faults(owner.va + LENGTH / 2);
		}
		owner_close(&owner);
	}
	return NULL;
}

TEST_F(mem_carveout, it_is_withdrawn_while_it_is_used)
{
	struct user users[2] = { 0 };
	unsigned int i, round, last;
	bool stop = false;

	for (i = 0; i < 2; i++) {
		users[i].stop = &stop;
		ASSERT_EQ(0, pthread_create(&users[i].thread, NULL,
					    use_until_stopped, &users[i]));
	}
	for (round = 0; round < 20; round++) {
		/* In every round somebody has some */
		last = __atomic_load_n(&users[0].owned, __ATOMIC_RELAXED);
		while (last == __atomic_load_n(&users[0].owned, __ATOMIC_RELAXED))
			usleep(100);
		EXPECT_EQ(0, drive(self->device, "unbind"));
		EXPECT_EQ(0, drive(self->device, "bind"));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		pthread_join(users[i].thread, NULL);
		EXPECT_EQ(0, users[i].wrong);
	}
	EXPECT_TRUE(everything_is_zero());
}

/* The last test, as there is less of the carve-out from now on */
TEST_F(mem_carveout, a_page_that_failed_stays_out_of_use)
{
	uint64_t page = memtest_page_size();
	unsigned long long base;

	ASSERT_TRUE(find_memory(&base));
	if (memtest_fail_memory(base + number("size") / 2) == -ENOENT)
		SKIP(return, "the kernel cannot let memory fail");
	EXPECT_EQ(page, number("retired"));
	ASSERT_EQ(0, drive(self->device, "unbind"));
	ASSERT_EQ(0, drive(self->device, "bind"));
	EXPECT_EQ(page, number("retired"));
	EXPECT_EQ(number("size") - page, number("free"));
	/* And once more, as what is remembered must not be lost or counted twice */
	ASSERT_EQ(0, drive(self->device, "unbind"));
	ASSERT_EQ(0, drive(self->device, "bind"));
	EXPECT_EQ(page, number("retired"));
}

TEST_HARNESS_MAIN
