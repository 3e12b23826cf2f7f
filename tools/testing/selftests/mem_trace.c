// SPDX-License-Identifier: GPL-2.0
/*
 * What those who debug and measure see: that each tracepoint tells what was done, with
 * the right numbers, and that debugfs knows of every byte of a region.
 *
 * The events are taken in a trace instance of our own.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <glob.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "memtest.h"

#define CLASS		"/sys/class/iommufd_mem"
#define DEBUG		"/sys/kernel/debug"
#define TRACING		"/sys/kernel/tracing"

#define PROVIDER	"/lib/modules/nvgrace-egm.ko"

#define LENGTH		MIB(16)
#define IOVA		GIB(64)
#define OTHER_IOVA	GIB(128)
#define MAX_EVENTS	64

FIXTURE(mem_trace)
{
	struct memtest t;
	char sysfs[128];
	char debugfs[128];
	char instance[128];
	int region;
	uint64_t base;
	uint64_t size;
	uint64_t page;
	uint32_t ioas;
};

/* All of a file, to be freed; NULL with errno */
static char *read_file(const char *path, size_t chunk)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0, room = 0;
	char *text = NULL;
	ssize_t nr;

	if (fd < 0)
		return NULL;
	do {
		if (room - length < chunk + 1) {
			room += MIB(1) + chunk;
			text = realloc(text, room);
		}
		nr = text ? read(fd, text + length, chunk) : -1;
		if (nr > 0)
			length += nr;
	} while (nr > 0);
	close(fd);
	if (nr < 0) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}

static int write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (*text && write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* UINT64_MAX if there is no such number */
static uint64_t number(const char *dir, const char *name)
{
	uint64_t value = UINT64_MAX;
	char path[256];
	char *text;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	text = read_file(path, 4096);
	if (text)
		value = strtoull(text, NULL, 10);
	free(text);
	return value;
}

#define NUMBER(name)	number(self->sysfs, name)

static bool mounted(const char *type, const char *dir, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return !access(path, F_OK) ||
	       (!mount(type, dir, type, 0, NULL) && !access(path, F_OK));
}

FIXTURE_SETUP(mem_trace)
{
	glob_t found;

	MEMTEST_SETUP(&self->t, 1);
	self->page = memtest_page_size();
	ASSERT_EQ(0, memtest_region(&self->base, &self->size));
	ASSERT_EQ(0, glob(CLASS "/egm*", 0, NULL, &found));
	snprintf(self->sysfs, sizeof(self->sysfs), "%.120s", found.gl_pathv[0]);
	snprintf(self->debugfs, sizeof(self->debugfs), DEBUG "/iommufd_mem/%.64s",
		 strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	self->region = NUMBER("id");
	if (!mounted("debugfs", DEBUG, "iommufd_mem"))
		SKIP(return, "no debugfs with iommufd_mem");
	if (!mounted("tracefs", TRACING, "events/iommufd_mem"))
		SKIP(return, "no tracefs with events of iommufd_mem");
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->ioas));
	/* A test that was killed may have left it off */
	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "1"));

	snprintf(self->instance, sizeof(self->instance),
		 TRACING "/instances/mem_trace.%d", getpid());
	ASSERT_EQ(0, mkdir(self->instance, 0700));
	ASSERT_EQ(0, write_file(self->instance, "events/iommufd_mem/enable",
				"1"));
}

FIXTURE_TEARDOWN(mem_trace)
{
	memtest_close(&self->t);
	write_file(self->debugfs, "scrub_background", "1");
	if (self->instance[0])
		EXPECT_EQ(0, rmdir(self->instance));
}

/* The arguments of events with a name, as they are printed */
struct events {
	unsigned int nr;
	char text[MAX_EVENTS][192];
};

/* In the order of time. Those beyond MAX_EVENTS are only counted */
static int find_events(const char *instance, const char *name,
		       struct events *events)
{
	char path[192], colon[64];
	char *all, *line, *rest, *at;

	events->nr = 0;
	snprintf(path, sizeof(path), "%s/trace", instance);
	snprintf(colon, sizeof(colon), " iommufd_mem_%s: ", name);
	all = read_file(path, 65536);
	if (!all)
		return -errno;
	for (line = strtok_r(all, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		at = strstr(line, colon);
		if (!at)
			continue;
		/* With the space before the first argument */
		if (events->nr < MAX_EVENTS)
			snprintf(events->text[events->nr],
				 sizeof(events->text[0]), "%s",
				 at + strlen(colon) - 1);
		events->nr++;
	}
	free(all);
	return 0;
}

/* INT64_MIN if there is no such argument */
static int64_t argument(const struct events *events, unsigned int i,
			const char *name)
{
	char equals[32];
	const char *at;

	snprintf(equals, sizeof(equals), " %s=", name);
	at = i < events->nr && i < MAX_EVENTS ? strstr(events->text[i], equals) :
						NULL;
	return at ? strtoll(at + strlen(equals), NULL, 0) : INT64_MIN;
}

#define FIND(name, events)						\
	ASSERT_EQ(0, find_events(self->instance, name, events))
#define FORGET_EVENTS()		ASSERT_EQ(0, write_file(self->instance, "trace", ""))
#define EXPECT_ARG(expected, events, i, name)				\
	EXPECT_EQ((int64_t)(expected), argument(events, i, name))
#define EXPECT_OBJECT(events, i, region, object)			\
	do {								\
		EXPECT_ARG(region, events, i, "region");		\
		EXPECT_ARG((object)->id, events, i, "mem_id");		\
		EXPECT_ARG((object)->length, events, i, "length");	\
	} while (0)

TEST_F(mem_trace, memory_of_a_region_is_told_when_it_is_taken_and_free_again)
{
	struct memtest_object object;
	struct iommu_mem_info info = {};
	struct events events;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, LENGTH));
	FIND("alloc", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_OBJECT(&events, 0, self->region, &object);
	info.mem_id = object.id;
	ASSERT_EQ(0, iommufd_mem_info(self->t.iommufd, &info));
	EXPECT_ARG(info.out_nr_extents, &events, 0, "nr_extents");
	EXPECT_ARG(info.out_max_block, &events, 0, "max_block");

	/* A DMA mapping keeps the memory without the object */
	ASSERT_EQ(0, memtest_object_map(&self->t, &object, self->ioas, IOVA));
	ASSERT_EQ(0, iommufd_destroy(self->t.iommufd, object.id));
	FIND("free", &events);
	EXPECT_EQ(0, events.nr);
	ASSERT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas, IOVA,
					LENGTH, NULL));
	FIND("free", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_OBJECT(&events, 0, self->region, &object);
}

TEST_F(mem_trace, an_allocation_that_fails_is_not_told)
{
	struct memtest_object object;
	struct events events;

	ASSERT_EQ(-ENOSPC, memtest_object_alloc(&self->t, &object,
						self->size + self->page));
	FIND("alloc", &events);
	EXPECT_EQ(0, events.nr);
	FIND("free", &events);
	EXPECT_EQ(0, events.nr);
}

/* All of the region but two pieces in the middle, so that it is in pieces itself */
static int alloc_pieces(struct memtest *t, struct memtest_object *object)
{
	struct memtest_object part[4];
	uint64_t bytes;
	int i, ret = 0;

	for (i = 0; !ret && i < 4; i++)
		ret = memtest_object_alloc(t, &part[i], MIB(2));
	ret = ret ?: memtest_object_free(t, &part[0]) ?:
	      memtest_object_free(t, &part[2]) ?:
	      memtest_free_memory(t, &bytes);
	return ret ?: memtest_object_alloc(t, object, bytes);
}

TEST_F(mem_trace, a_mapping_is_told_with_its_pieces)
{
	struct memtest_object object;
	struct iommu_mem_info info = {};
	uint64_t iova = OTHER_IOVA;
	struct events events;
	char address[32];
	unsigned int i;

	ASSERT_EQ(0, alloc_pieces(&self->t, &object));
	info.mem_id = object.id;
	ASSERT_EQ(0, iommufd_mem_info(self->t.iommufd, &info));
	ASSERT_LE(2, info.out_nr_extents);
	FORGET_EVENTS();

	ASSERT_EQ(0, memtest_object_map(&self->t, &object, self->ioas, IOVA));
	ASSERT_EQ(0, iommufd_ioas_map_mem(self->t.iommufd, self->ioas, object.id,
					  MIB(2), self->page,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	/* One that fails is not told: something is mapped there */
	ASSERT_EQ(-EEXIST, memtest_object_map(&self->t, &object, self->ioas,
					      IOVA));
	FIND("map", &events);
	ASSERT_EQ(2, events.nr);
	EXPECT_OBJECT(&events, 0, self->region, &object);
	EXPECT_ARG(0, &events, 0, "offset");
	EXPECT_ARG(IOVA, &events, 0, "iova");
	EXPECT_ARG(info.out_nr_extents, &events, 0, "nr_ranges");
	EXPECT_ARG(object.id, &events, 1, "mem_id");
	EXPECT_ARG(self->page, &events, 1, "length");
	EXPECT_ARG(MIB(2), &events, 1, "offset");
	EXPECT_ARG(OTHER_IOVA, &events, 1, "iova");
	EXPECT_ARG(1, &events, 1, "nr_ranges");

	snprintf(address, sizeof(address), "%llx", (unsigned long long)self->base);
	for (i = 0; i < events.nr; i++)
		EXPECT_EQ(NULL, strstr(events.text[i], address));
}

TEST_F(mem_trace, a_mapping_by_virtual_address_is_told)
{
	struct memtest_object object;
	uint64_t iova = IOVA;
	struct events events;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &object));
	ASSERT_EQ(0, iommufd_ioas_map(self->t.iommufd, self->ioas,
				      object.va + 3 * self->page, self->page,
				      IOMMUFD_FIXED_READ_WRITE, &iova));
	FIND("map", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_ARG(self->region, &events, 0, "region");
	EXPECT_ARG(object.id, &events, 0, "mem_id");
	EXPECT_ARG(3 * self->page, &events, 0, "offset");
	EXPECT_ARG(self->page, &events, 0, "length");
	EXPECT_ARG(IOVA, &events, 0, "iova");
}

TEST_F(mem_trace, the_end_of_a_mapping_in_every_ioas_is_told)
{
	uint64_t iova = IOVA, page = self->page;
	struct memtest_object object;
	struct events events;
	uint32_t other;

	ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, LENGTH));
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &other));
	ASSERT_EQ(0, iommufd_ioas_map_mem(self->t.iommufd, self->ioas, object.id,
					  page, 2 * page,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	ASSERT_EQ(0, iommufd_ioas_copy(self->t.iommufd, other, self->ioas,
				       2 * page, IOMMUFD_FIXED_READ_WRITE, &iova,
				       IOVA));
	ASSERT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, self->ioas, IOVA,
					2 * page, NULL));
	FIND("unmap", &events);
	EXPECT_EQ(0, events.nr);
	ASSERT_EQ(0, iommufd_ioas_unmap(self->t.iommufd, other, IOVA, 2 * page,
					NULL));
	FIND("unmap", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_ARG(self->region, &events, 0, "region");
	EXPECT_ARG(object.id, &events, 0, "mem_id");
	EXPECT_ARG(page, &events, 0, "offset");
	EXPECT_ARG(2 * page, &events, 0, "length");
}

/* What of [0, LENGTH) of the region is no hole */
static uint64_t good_bytes(struct memtest *t, struct memtest_object *object)
{
	struct iommu_mem_retired_range range[64];
	uint64_t bytes = object->length;
	int i, nr;

	nr = memtest_list_bad(t, object->id, range, ARRAY_SIZE(range));
	for (i = 0; i < nr; i++)
		bytes -= range[i].length;
	return nr < 0 ? 0 : bytes;
}

/* With the background switched off: the start of the region is dirty then */
static int make_dirty(struct memtest *t, uint64_t *bytes)
{
	struct memtest_object object;
	int ret;

	ret = memtest_object_alloc_linear(t, &object, LENGTH);
	if (ret)
		return ret;
	*bytes = good_bytes(t, &object);
	return memtest_object_free(t, &object);
}

TEST_F(mem_trace, zeroing_for_an_allocation_is_told)
{
	struct memtest_object object;
	struct events events;
	uint64_t bytes, before;

	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "0"));
	ASSERT_EQ(0, make_dirty(&self->t, &bytes));
	before = NUMBER("scrubbed_alloc");
	FORGET_EVENTS();
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object, LENGTH));
	FIND("scrub", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_ARG(self->region, &events, 0, "region");
	EXPECT_ARG(bytes, &events, 0, "bytes");
	EXPECT_ARG(0, &events, 0, "background");
	EXPECT_LE(1, argument(&events, 0, "nr_threads"));
	EXPECT_GE(sysconf(_SC_NPROCESSORS_CONF),
		  argument(&events, 0, "nr_threads"));
	EXPECT_EQ(before + bytes, NUMBER("scrubbed_alloc"));
}

/* What all events of the background say together; -1 if one is not as it should be */
static int64_t background_bytes(const char *instance, int region)
{
	struct events events;
	int64_t bytes = 0;
	unsigned int i;

	if (find_events(instance, "scrub", &events) || events.nr > MAX_EVENTS)
		return -1;
	for (i = 0; i < events.nr; i++) {
		if (!argument(&events, i, "background"))
			continue;
		if (argument(&events, i, "region") != region ||
		    argument(&events, i, "nr_threads") != 1)
			return -1;
		bytes += argument(&events, i, "bytes");
	}
	return bytes;
}

/* Until a condition holds; false if it never does */
#define WAIT_UNTIL(condition)						\
	({								\
		int __ms;						\
		for (__ms = 0; !(condition) &&				\
		     __ms < MEMTEST_DEADLINE * 1000; __ms += 10)	\
			usleep(10000);					\
		__ms < MEMTEST_DEADLINE * 1000;				\
	})

TEST_F(mem_trace, zeroing_in_the_background_is_told)
{
	uint64_t bytes, dirty, before;

	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "0"));
	ASSERT_EQ(0, make_dirty(&self->t, &bytes));
	dirty = NUMBER("dirty");
	ASSERT_LE(bytes, dirty);
	before = NUMBER("scrubbed_background");
	FORGET_EVENTS();
	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "1"));
	EXPECT_TRUE(WAIT_UNTIL(!NUMBER("dirty")));
	/* A worker tells when it has put back its last block */
	EXPECT_TRUE(WAIT_UNTIL(background_bytes(self->instance, self->region) ==
			       (int64_t)dirty));
	EXPECT_EQ(before + dirty, NUMBER("scrubbed_background"));
}

TEST_F(mem_trace, while_the_background_is_switched_off_dirty_memory_stays_dirty)
{
	uint64_t bytes, dirty, before;
	struct memtest_object object;
	unsigned int i;

	EXPECT_EQ(1, number(self->debugfs, "scrub_background"));
	ASSERT_TRUE(WAIT_UNTIL(!NUMBER("dirty")));
	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "0"));
	EXPECT_EQ(0, number(self->debugfs, "scrub_background"));
	ASSERT_EQ(0, make_dirty(&self->t, &bytes));
	dirty = NUMBER("dirty");
	EXPECT_EQ(bytes, dirty);
	before = NUMBER("scrubbed_background");

	/* Each would wake it up. The pages come from what is clean, and get dirty */
	for (i = 1; i <= 64; i++) {
		ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, self->page));
		ASSERT_EQ(0, memtest_object_free(&self->t, &object));
		EXPECT_LE(dirty, NUMBER("dirty"));
	}
	EXPECT_EQ(before, NUMBER("scrubbed_background"));

	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "1"));
	EXPECT_EQ(1, number(self->debugfs, "scrub_background"));
	EXPECT_TRUE(WAIT_UNTIL(!NUMBER("dirty")));
	EXPECT_EQ(NUMBER("free"), NUMBER("clean"));
	EXPECT_LE(before + dirty, NUMBER("scrubbed_background"));
}

TEST_F(mem_trace, the_switch_takes_nothing_but_0_and_1)
{
	EXPECT_EQ(-EINVAL, write_file(self->debugfs, "scrub_background", "2"));
	EXPECT_EQ(-EINVAL, write_file(self->debugfs, "scrub_background", "on"));
	EXPECT_EQ(1, number(self->debugfs, "scrub_background"));
}

/* What extents says, in bytes */
struct extents {
	uint64_t clean;
	uint64_t dirty;
	uint64_t used;
	uint64_t retired;
	uint64_t end;
};

static uint64_t *extents_of(struct extents *extents, const char *state)
{
	if (!strcmp(state, "clean"))
		return &extents->clean;
	if (!strcmp(state, "dirty"))
		return &extents->dirty;
	if (!strcmp(state, "used"))
		return &extents->used;
	if (!strcmp(state, "retired"))
		return &extents->retired;
	return NULL;
}

/* -EILSEQ if the pieces are not in order, without gaps and overlap */
static int parse_extents(const char *text, struct extents *extents)
{
	unsigned long long offset, length;
	uint64_t *sum;
	char state[16];
	int nr;

	memset(extents, 0, sizeof(*extents));
	for (; *text; text += nr) {
		if (sscanf(text, "%llu %llu %15s\n%n", &offset, &length, state,
			   &nr) != 3)
			return -EILSEQ;
		sum = extents_of(extents, state);
		if (!sum || offset != extents->end || !length)
			return -EILSEQ;
		*sum += length;
		extents->end += length;
	}
	return 0;
}

static int read_extents(const char *debugfs, size_t chunk,
			struct extents *extents)
{
	char path[192];
	char *text;
	int ret;

	snprintf(path, sizeof(path), "%s/extents", debugfs);
	text = read_file(path, chunk);
	if (!text)
		return -errno;
	ret = parse_extents(text, extents);
	free(text);
	return ret;
}

/* What is at an offset of the region; empty if extents does not tell */
static void state_at(const char *debugfs, uint64_t at, char state[16])
{
	unsigned long long offset, length;
	char path[192];
	char *text, *rest;
	int nr;

	state[0] = '\0';
	snprintf(path, sizeof(path), "%s/extents", debugfs);
	text = read_file(path, 65536);
	for (rest = text; rest && *rest; rest += nr) {
		if (sscanf(rest, "%llu %llu %15s\n%n", &offset, &length, state,
			   &nr) != 3)
			break;
		if (at >= offset && at - offset < length)
			break;
		state[0] = '\0';
	}
	free(text);
}

#define EXPECT_STATE(expected, offset)					\
	do {								\
		char __state[16];					\
		state_at(self->debugfs, offset, __state);		\
		EXPECT_STREQ(expected, __state);			\
	} while (0)

TEST_F(mem_trace, extents_add_up_to_what_sysfs_tells)
{
	struct memtest_object linear, pieces;
	struct extents whole, chunks;
	uint64_t bytes;

	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "0"));
	ASSERT_EQ(0, make_dirty(&self->t, &bytes));
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &linear, MIB(2)));
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &pieces,
					  LENGTH + 3 * self->page));
	bytes = good_bytes(&self->t, &linear) + pieces.length;

	ASSERT_EQ(0, read_extents(self->debugfs, 65536, &whole));
	EXPECT_EQ(self->size, whole.end);
	EXPECT_EQ(bytes, whole.used);
	EXPECT_EQ(NUMBER("size") - NUMBER("free") - NUMBER("retired"),
		  whole.used);
	EXPECT_EQ(NUMBER("clean"), whole.clean);
	EXPECT_EQ(NUMBER("dirty"), whole.dirty);
	EXPECT_LT(0, whole.dirty);
	EXPECT_EQ(NUMBER("retired"), whole.retired);

	/* A few lines at a time are the same */
	ASSERT_EQ(0, read_extents(self->debugfs, 100, &chunks));
	EXPECT_EQ(0, memcmp(&whole, &chunks, sizeof(whole)));
}

TEST_F(mem_trace, extents_tell_where_memory_is_used)
{
	struct memtest_object object;
	uint64_t bytes;

	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "0"));
	ASSERT_EQ(0, make_dirty(&self->t, &bytes));
	EXPECT_STATE("dirty", 0);
	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object, self->page));
	EXPECT_STATE("used", 0);
	EXPECT_STATE("dirty", self->page);
	ASSERT_EQ(0, memtest_object_free(&self->t, &object));
	EXPECT_STATE("dirty", 0);
	ASSERT_EQ(0, write_file(self->debugfs, "scrub_background", "1"));
	EXPECT_TRUE(WAIT_UNTIL(!NUMBER("dirty")));
	EXPECT_STATE("clean", 0);
}

/* Somebody has it: a worker, for a moment */
TEST_F(mem_trace, what_is_zeroed_in_the_background_is_not_called_used)
{
	struct memtest_object object;
	struct extents extents;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, memtest_object_alloc(&self->t, &object, MIB(64)));
		ASSERT_EQ(0, memtest_object_free(&self->t, &object));
		do {
			ASSERT_EQ(0, read_extents(self->debugfs, 65536,
						  &extents));
			ASSERT_EQ(0, extents.used);
		} while (extents.dirty);
	}
}

struct churn {
	struct memtest *t;
	uint64_t page;
	atomic_bool stop;
	int ret;
};

static void *come_and_go(void *arg)
{
	struct churn *churn = arg;
	struct memtest_object a, b;
	unsigned int i;

	for (i = 0; !churn->ret && !atomic_load(&churn->stop); i++) {
		churn->ret = memtest_object_alloc(churn->t, &a,
						  (1 + i % 33) * churn->page);
		if (churn->ret)
			break;
		churn->ret = memtest_object_alloc(churn->t, &b, MIB(1 + i % 3)) ?:
			     memtest_object_free(churn->t, &a) ?:
			     memtest_object_free(churn->t, &b);
	}
	return NULL;
}

TEST_F(mem_trace, extents_have_no_gap_while_memory_comes_and_goes)
{
	struct churn churn = { .t = &self->t, .page = self->page };
	struct extents extents;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &churn));
	for (i = 0; i < 200; i++) {
		EXPECT_EQ(0, read_extents(self->debugfs, i % 2 ? 100 : 65536,
					  &extents));
		EXPECT_EQ(self->size, extents.end);
	}
	atomic_store(&churn.stop, true);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, churn.ret);
}

static int try_as_nobody(char path[][192], int nr)
{
	int i, fd;

	if (setgid(65534) || setuid(65534))
		return 100;
	for (i = 0; i < nr; i++) {
		fd = open(path[i], O_RDONLY | O_CLOEXEC);
		if (fd >= 0 || errno != EACCES)
			return i + 1;
		fd = open(path[i], O_WRONLY | O_CLOEXEC);
		if (fd >= 0 || errno != EACCES)
			return i + 10;
	}
	return 0;
}

TEST_F(mem_trace, it_is_for_root_only)
{
	struct stat extents, scrub;
	char path[3][192];
	int status;
	pid_t pid;

	snprintf(path[0], sizeof(path[0]), "%s/extents", self->debugfs);
	snprintf(path[1], sizeof(path[1]), "%s/scrub_background", self->debugfs);
	snprintf(path[2], sizeof(path[2]), "%s/trace", self->instance);
	/* Whoever may enter debugfs */
	ASSERT_EQ(0, stat(path[0], &extents));
	ASSERT_EQ(0, stat(path[1], &scrub));
	EXPECT_EQ(0400, extents.st_mode & 07777);
	EXPECT_EQ(0600, scrub.st_mode & 07777);

	pid = fork();
	if (!pid)
		_exit(try_as_nobody(path, ARRAY_SIZE(path)));
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

static int load_provider(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

TEST_F(mem_trace, files_that_are_open_when_the_region_goes_fail)
{
	char path[2][192], byte;
	int extents, scrub;

	if (access(PROVIDER, R_OK))
		SKIP(return, "no module " PROVIDER);
	snprintf(path[0], sizeof(path[0]), "%s/extents", self->debugfs);
	snprintf(path[1], sizeof(path[1]), "%s/scrub_background", self->debugfs);
	extents = open(path[0], O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, extents);
	scrub = open(path[1], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, scrub);

	ASSERT_EQ(0, syscall(SYS_delete_module, "nvgrace_egm", O_NONBLOCK));
	EXPECT_NE(0, access(self->debugfs, F_OK));
	EXPECT_EQ(-1, read(extents, &byte, 1));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, write(scrub, "1", 1));
	EXPECT_EQ(EIO, errno);
	close(extents);
	close(scrub);

	ASSERT_EQ(0, load_provider(PROVIDER));
	EXPECT_EQ(0, access(path[0], F_OK));
	EXPECT_EQ(1, number(self->debugfs, "scrub_background"));
}

TEST_F(mem_trace, a_page_that_fails_is_told_with_who_has_it)
{
	struct iommu_mem_retired_range range[64];
	uint64_t bad = LENGTH / 2 + 7 * self->page;
	uint64_t other = LENGTH / 2 + 9 * self->page;
	struct memtest_object object;
	struct events events;
	uint64_t retired;
	int i, nr;

	ASSERT_EQ(0, memtest_object_alloc_linear(&self->t, &object, LENGTH));
	nr = memtest_list_bad(&self->t, object.id, range, ARRAY_SIZE(range));
	ASSERT_LE(0, nr);
	/* Elsewhere than what has failed before */
	for (i = 0; i < nr; i++)
		if (range[i].offset + range[i].length > bad) {
			bad = range[i].offset + range[i].length + self->page;
			other = bad + 2 * self->page;
		}
	ASSERT_GT(LENGTH, other);
	retired = NUMBER("retired");
	if (memtest_fail_memory(self->base + bad) == -ENOENT)
		SKIP(return, "this kernel cannot be told that memory failed");
	FIND("poison", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_ARG(self->region, &events, 0, "region");
	EXPECT_ARG(bad, &events, 0, "offset");
	EXPECT_ARG(object.id, &events, 0, "mem_id");
	EXPECT_ARG(bad, &events, 0, "mem_offset");
	EXPECT_EQ(retired + self->page, NUMBER("retired"));
	/* Though it is still given out */
	EXPECT_STATE("retired", bad);
	EXPECT_STATE("used", bad + self->page);
	ASSERT_EQ(0, memtest_object_free(&self->t, &object));
	EXPECT_STATE("retired", bad);

	FORGET_EVENTS();
	ASSERT_EQ(0, memtest_fail_memory(self->base + other));
	FIND("poison", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_ARG(self->region, &events, 0, "region");
	EXPECT_ARG(other, &events, 0, "offset");
	EXPECT_ARG(0, &events, 0, "mem_id");
	EXPECT_STATE("retired", other);
}

TEST_F(mem_trace, memory_of_a_device_is_told_when_it_is_revoked_and_restored)
{
	struct vfio_function function;
	struct memtest_object object = {};
	uint64_t iova = IOVA;
	struct events events;
	struct vfio_dev dev;
	uint32_t bar;

	if (memtest_find_plain(&function) || vfio_open(&dev, &function))
		SKIP(return, "no edu or pci-testdev with a vfio cdev");
	ASSERT_EQ(0, vfio_bind(&dev, self->t.iommufd));
	ASSERT_EQ(0, vfio_set_command(&dev, PCI_COMMAND_MEMORY, 0));
	ASSERT_EQ(0, memtest_first_memory_bar(&dev, &bar, &object.length));
	ASSERT_EQ(0, iommufd_mem_alloc_bar(self->t.iommufd, dev.dev_id, bar, 0,
					   object.length, &object.id,
					   &object.mmap_offset));
	FIND("alloc", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_OBJECT(&events, 0, -1, &object);
	EXPECT_ARG(1, &events, 0, "nr_extents");
	ASSERT_EQ(0, iommufd_ioas_map_mem(self->t.iommufd, self->ioas, object.id,
					  0, object.length,
					  IOMMUFD_FIXED_READ_WRITE, &iova));
	FIND("map", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_OBJECT(&events, 0, -1, &object);
	EXPECT_ARG(1, &events, 0, "nr_ranges");

	ASSERT_EQ(0, vfio_set_command(&dev, 0, PCI_COMMAND_MEMORY));
	FIND("restore", &events);
	EXPECT_EQ(0, events.nr);
	FIND("revoke", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_OBJECT(&events, 0, -1, &object);

	ASSERT_EQ(0, vfio_set_command(&dev, PCI_COMMAND_MEMORY, 0));
	FIND("revoke", &events);
	EXPECT_EQ(1, events.nr);
	FIND("restore", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_OBJECT(&events, 0, -1, &object);

	/* For good, and told once */
	vfio_close(&dev);
	FIND("revoke", &events);
	EXPECT_EQ(2, events.nr);
	FIND("free", &events);
	EXPECT_EQ(0, events.nr);
	ASSERT_EQ(0, iommufd_destroy(self->t.iommufd, object.id));
	FIND("free", &events);
	ASSERT_EQ(1, events.nr);
	EXPECT_OBJECT(&events, 0, -1, &object);
}

TEST_HARNESS_MAIN
