// SPDX-License-Identifier: GPL-2.0
/*
 * Trouble of a GPU whose firmware runs, for a copy that is made meanwhile and for a load of
 * them that is at work. Each kind leaves one of these:
 *
 *	a GPU that works	it cost time, or the work that it met
 *	a GPU that recovers	a PCI error reset it, without anybody's help
 *	a GPU that is dead	it says "lost" and left a core dump; who uses it gets an error
 *				in bounded time; its driver leaves, and a reset makes it work
 *
 * Trouble at boot: vgpu_boot.c. What users of the GPU must live through without any trouble
 * of its own: vgpu_load.c.
 */
#include "kselftest_harness.h"

#include <nvgrace-gpu-regs.h>

#include "memtest.h"
#include "vgpu.h"

#define ENGINES		10
#define LOAD		20	/* contexts: two for each copy engine */
#define BOUND		60000	/* milliseconds, after which nothing is waited for any more */
#define PAGE		0x10000ULL	/* of framebuffer, as ECC errors retire them */

enum after { WORKS, RECOVERS, DIES };

FIXTURE(vgpu_trouble)
{
	struct vgpu v;
	uint32_t errors;
};

FIXTURE_VARIANT(vgpu_trouble)
{
	uint32_t kind, param;
	uint32_t also;		/* another kind, 0: none */
	enum after after;
	int copy;		/* what the next copy comes to */
	int worker;		/* what one of the load comes to, if it works afterwards */
	bool alone;		/* each context has its engine for itself */
	const char *dump;	/* what the core dump says, NULL: there is none */
	const char *count;	/* that grows in the driver's file "queues", or NULL */
};

#define TROUBLE(name, what, ...)				\
	FIXTURE_VARIANT_ADD(vgpu_trouble, name)			\
	{							\
		.kind = NVGRACE_INJECT_##what, __VA_ARGS__	\
	}

/* What the firmware says is not what both have agreed on */
#define NONSENSE(name, what, ...)				\
	TROUBLE(name, what, .after = DIES, .copy = -EPROTO,	\
		.dump = "malformed message of GSP", .count = "malformed", ##__VA_ARGS__)

TROUBLE(replies_are_slow, GSP_SLOW, .param = 50);
TROUBLE(a_reply_comes_late, RPC_LATE, .param = 1000);
TROUBLE(a_reply_comes_too_late, RPC_LATE, .param = 6000, .after = DIES, .copy = -ETIMEDOUT,
	.dump = "no reply to function", .count = "timeouts");
TROUBLE(a_request_is_swallowed, RPC_SILENT, .param = 1, .after = DIES, .copy = -ETIMEDOUT,
	.dump = "no reply to function", .count = "timeouts");
TROUBLE(a_reply_is_to_nobody, RPC_UNKNOWN, .count = "unknown");
NONSENSE(checksum_is_bad, BAD_CHECKSUM);
NONSENSE(length_is_zero, BAD_LENGTH);
NONSENSE(length_is_enormous, BAD_LENGTH, .param = 0xffffff);
NONSENSE(message_has_no_element, BAD_ELEM_COUNT);
NONSENSE(message_has_too_many_elements, BAD_ELEM_COUNT, .param = 17);
NONSENSE(sequence_has_a_gap, BAD_SEQ);
NONSENSE(signature_is_bad, BAD_SIGNATURE);
NONSENSE(message_ends_early, TRUNCATED);
NONSENSE(write_pointer_is_outside, BAD_WRITE_PTR);
TROUBLE(firmware_crashes_in_a_message, CRASH_IN_MESSAGE, .after = DIES, .copy = -EIO,
	.dump = "GSP halted");
TROUBLE(firmware_crashes, CRASH, .after = DIES, .copy = -EIO, .dump = "GSP halted");
TROUBLE(xid, XID, .param = 13, .dump = "Xid 13", .count = "events");
TROUBLE(interrupts_are_lost, LOST_INTR, .param = 5);
TROUBLE(interrupts_have_no_cause, SPURIOUS_INTR, .param = 5000);
/* The firmware notices if another context waits for the engine; else the driver does */
TROUBLE(engine_hangs, CE_HANG, .copy = -ETIMEDOUT, .worker = -ETIMEDOUT);
TROUBLE(preemption_is_stuck, PREEMPT_STUCK);
TROUBLE(engine_hangs_and_preemption_is_stuck, CE_HANG, .also = NVGRACE_INJECT_PREEMPT_STUCK,
	.copy = -ETIMEDOUT, .worker = -ETIMEDOUT, .alone = true);
TROUBLE(pci_error_that_is_not_fatal, PCIE_NONFATAL);
TROUBLE(fatal_pci_error, PCIE_FATAL, .after = RECOVERS, .dump = "fatal PCIe error");

static int open_running(struct vgpu *v)
{
	int ret = vgpu_open_running(v);

	if (ret)
		return ret;
	ret = vgpu_load_test_module();
	vgpu_drop_dump(v);
	return ret ? ret : vgpu_copy();
}

/* After a failure the next test begins with a new boot */
static void close_running(struct __test_metadata *_metadata, struct vgpu *v, uint32_t errors)
{
	if (!v->window)
		return;
	EXPECT_EQ(errors, vgpu_driver_errors(v));
	vgpu_calm(v);
	vgpu_load(0);
	EXPECT_EQ(0, vgpu_rmmod(VGPU_TEST));
	if (_metadata->exit_code != KSFT_PASS)
		vgpu_unbind(v);
	vgpu_drop_dump(v);
	vgpu_close(v);
}

FIXTURE_SETUP(vgpu_trouble)
{
	int ret = open_running(&self->v);

	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	self->errors = vgpu_driver_errors(&self->v);
}

/* Whatever happened, the driver kept to the rules */
FIXTURE_TEARDOWN(vgpu_trouble)
{
	close_running(_metadata, &self->v, self->errors);
}

/* Interrupts that the PF's driver has got */
static uint64_t interrupts(struct vgpu *v)
{
	FILE *file = fopen("/proc/interrupts", "re");
	unsigned long long sum = 0, one;
	char line[1024], *at, *end;

	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, v->pf))
			continue;
		/* A number for each CPU */
		for (at = strchr(line, ':') + 1; one = strtoull(at, &end, 10), end > at; at = end)
			sum += one;
	}
	if (file)
		fclose(file);
	return sum;
}

#define UNSEEN		UINT64_MAX

/* What is counted of the trouble by others than the driver's queues; UNSEEN: nothing */
static uint64_t seen_elsewhere(struct vgpu *v, uint32_t kind)
{
	switch (kind) {
	case NVGRACE_INJECT_XID:
		return vgpu_count(v, "state", "xids");
	case NVGRACE_INJECT_SPURIOUS_INTR:
		return interrupts(v) / 100;
	case NVGRACE_INJECT_PCIE_NONFATAL:
		return vgpu_pci_errors(v, "nonfatal");
	case NVGRACE_INJECT_PCIE_FATAL:
		return vgpu_pci_errors(v, "fatal");
	case NVGRACE_INJECT_CRASH:
		return vgpu_count(v, "state", "losses");
	default:
		return UNSEEN;
	}
}

static bool grows(struct vgpu *v, uint32_t kind, uint64_t before)
{
	uint64_t end = vgpu_ms() + BOUND;

	while (seen_elsewhere(v, kind) <= before) {
		if (vgpu_ms() > end)
			return false;
		usleep(10000);
	}
	return true;
}

static void expect_dump(struct __test_metadata *_metadata, struct vgpu *v, const char *says)
{
	static char dump[1 << 20];

	ASSERT_LT(0, vgpu_take_dump(v, dump, sizeof(dump)));
	EXPECT_NE(NULL, strstr(dump, says)) {
		TH_LOG("the dump begins with %.120s", dump);
	}
	EXPECT_NE(NULL, strstr(dump, "\nMessages:\n"));
	EXPECT_NE(NULL, strstr(dump, "\nLOGRM:\n"));
}

/* Dead, and nobody waits for the firmware any more: it is not asked */
static void expect_dead(struct __test_metadata *_metadata, struct vgpu *v)
{
	uint64_t sent, end = vgpu_ms() + BOUND;

	ASSERT_TRUE(vgpu_becomes(v, "lost"));
	sent = vgpu_count(v, "queues", "sent");
	EXPECT_EQ(-EIO, vgpu_copy());
	EXPECT_EQ(-EIO, vgpu_fault());
	EXPECT_EQ(-EIO, vgpu_set_vfs(v, 1));
	EXPECT_EQ(sent, vgpu_count(v, "queues", "sent"));
	EXPECT_LT(0, vgpu_count(v, "state", "losses"));
	/* A work item tells it */
	while (!vgpu_events("lost") && vgpu_ms() < end)
		usleep(1000);
	EXPECT_EQ(1, vgpu_events("lost"));
	EXPECT_EQ(0, vgpu_events("ready"));
}

/* A new boot, with all that comes with it */
static void expect_works(struct __test_metadata *_metadata, struct vgpu *v)
{
	ASSERT_TRUE(vgpu_becomes(v, "running"));
	EXPECT_EQ(0, vgpu_copy());
}

static void inject(struct vgpu *v, const FIXTURE_VARIANT(vgpu_trouble) *trouble)
{
	vgpu_inject(v, trouble->kind, trouble->param);
	if (trouble->also)
		vgpu_inject(v, trouble->also, 0);
}

/*
 * The trouble, until it has happened, to a copy if it needs one. That it has can be seen: it
 * is not armed any more, or something counts it.
 */
static void meet(struct __test_metadata *_metadata, struct vgpu *v,
		 const FIXTURE_VARIANT(vgpu_trouble) *trouble)
{
	uint64_t counted = trouble->count ? vgpu_count(v, "queues", trouble->count) : 0;
	uint64_t seen = seen_elsewhere(v, trouble->kind);
	uint64_t epoch = vgpu_count(v, "state", "epoch");

	inject(v, trouble);
	if (trouble->after == RECOVERS) {
		/* When this comes, nobody knows */
		EXPECT_TRUE(vgpu_boots_again(v, epoch));
	} else {
		EXPECT_EQ(trouble->copy, vgpu_copy());
	}
	if (seen != UNSEEN)
		EXPECT_TRUE(grows(v, trouble->kind, seen));
	if (trouble->count)
		EXPECT_LT(counted, vgpu_count(v, "queues", trouble->count));
	if (trouble->kind == NVGRACE_INJECT_GSP_SLOW)
		vgpu_calm(v);
	EXPECT_EQ(0, vgpu_read(v, NVGRACE_TROUBLE_ARMED));
}

TEST_F_TIMEOUT(vgpu_trouble, met_by_a_copy_leaves_a_gpu_that_works_or_is_cleanly_dead, 300)
{
	meet(_metadata, &self->v, variant);
	if (variant->after == DIES)
		expect_dead(_metadata, &self->v);
	if (variant->dump)
		expect_dump(_metadata, &self->v, variant->dump);
	if (variant->after == DIES) {
		ASSERT_EQ(0, vgpu_reset(&self->v));
	}
	expect_works(_metadata, &self->v);
	EXPECT_EQ(variant->after != WORKS, vgpu_events("lost"));
	EXPECT_EQ(variant->after != WORKS, vgpu_events("ready"));
	/* The reset that brings service back tells of itself, too */
	EXPECT_EQ(variant->after != WORKS, vgpu_events("stop"));
}

/* One of them may have met it. The others go on, and end when they are told to */
static void expect_load_works(struct __test_metadata *_metadata,
			      unsigned int nr, int worker)
{
	uint64_t end = vgpu_ms() + BOUND;
	unsigned int met = worker ? 1 : 0;
	struct vgpu_load load;

	do {
		ASSERT_EQ(0, vgpu_load_read(&load));
	} while (load.ended < met && vgpu_ms() < end);
	EXPECT_EQ(met, load.ended);
	EXPECT_EQ(load.ended, load.by[-worker]);
	EXPECT_TRUE(vgpu_load_runs(nr - met));
	ASSERT_EQ(0, vgpu_load(0));
	ASSERT_EQ(0, vgpu_load_read(&load));
	EXPECT_EQ(nr - met, load.by[0]);
}

TEST_F_TIMEOUT(vgpu_trouble, met_by_a_load_leaves_a_gpu_that_works_or_is_cleanly_dead, 300)
{
	unsigned int nr = variant->alone ? ENGINES : LOAD;
	struct vgpu_load load;

	ASSERT_EQ(0, vgpu_load(nr));
	ASSERT_TRUE(vgpu_load_runs(nr));
	if (variant->worker) {
		/* It shall meet one of them, not a copy of our own */
		inject(&self->v, variant);
	} else {
		meet(_metadata, &self->v, variant);
	}
	if (variant->after == WORKS) {
		expect_load_works(_metadata, nr, variant->worker);
		EXPECT_EQ(0, vgpu_read(&self->v, NVGRACE_TROUBLE_ARMED));
	} else {
		ASSERT_TRUE(vgpu_load_ends(&load, BOUND / 1000));
		EXPECT_EQ(nr, load.by[EIO]);
	}
	if (variant->after == DIES) {
		expect_dead(_metadata, &self->v);
		ASSERT_EQ(0, vgpu_unbind(&self->v));
		ASSERT_FALSE(vgpu_is_bound(&self->v));
		ASSERT_EQ(0, vgpu_bind(&self->v));
	}
	expect_works(_metadata, &self->v);
}

/* Trouble with memory, which has consequences of its own */
FIXTURE(vgpu_memory_trouble)
{
	struct vgpu v;
	uint32_t errors;
};

FIXTURE_SETUP(vgpu_memory_trouble)
{
	int ret = open_running(&self->v);

	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	self->errors = vgpu_driver_errors(&self->v);
}

FIXTURE_TEARDOWN(vgpu_memory_trouble)
{
	close_running(_metadata, &self->v, self->errors);
}

/* A page that can be allocated, and both of its neighbours; 0: there is none */
static uint64_t find_good_page(void)
{
	uint64_t addr;

	for (addr = GIB(4); addr; addr -= MIB(96) + 3 * PAGE) {
		if (!vgpu_heap_has(addr) && !vgpu_heap_has(addr - 1) &&
		    !vgpu_heap_has(addr + PAGE))
			return addr;
		if (addr < MIB(200))
			break;
	}
	return 0;
}

static bool page_is_kept_out(uint64_t addr)
{
	uint64_t end = vgpu_ms() + BOUND;

	while (vgpu_heap_has(addr) != -ENOENT) {
		if (vgpu_ms() > end)
			return false;
		usleep(10000);
	}
	return vgpu_heap_has(addr + PAGE - 1) == -ENOENT;
}

TEST_F_TIMEOUT(vgpu_memory_trouble, a_page_with_an_ecc_error_is_never_given_out_again, 300)
{
	uint64_t page = find_good_page();

	ASSERT_NE(0, page);
	ASSERT_EQ(0, vgpu_load(LOAD));
	ASSERT_TRUE(vgpu_load_runs(LOAD));
	vgpu_inject(&self->v, NVGRACE_INJECT_ECC, page / PAGE);
	EXPECT_TRUE(page_is_kept_out(page));
	expect_dump(_metadata, &self->v, "Xid 63");
	/* That page, and nobody suffers */
	EXPECT_EQ(0, vgpu_heap_has(page - 1));
	EXPECT_EQ(0, vgpu_heap_has(page + PAGE));
	EXPECT_TRUE(vgpu_load_runs(LOAD));
	ASSERT_EQ(0, vgpu_load(0));

	ASSERT_EQ(0, vgpu_reset(&self->v));
	expect_works(_metadata, &self->v);
	EXPECT_EQ(-ENOENT, vgpu_heap_has(page));
	EXPECT_EQ(0, vgpu_heap_has(page - 1));
}

#define MOMENTS		6
#define BOOT_SLOW	50	/* ms for each reply, so that moments can be told apart */

/* In a child, of which the result is */
static pid_t start_reset(struct vgpu *v)
{
	pid_t child = fork();

	if (!child)
		_exit(-vgpu_reset(v));
	return child;
}

static bool is_booting(struct vgpu *v)
{
	char text[64];

	return !strcmp(vgpu_state(v, text, sizeof(text)), "booting");
}

/*
 * Wait until @nr messages were sent in the boot after @epoch, or it is over. What had been
 * sent when it began
 */
static uint64_t wait_in_boot(struct vgpu *v, uint64_t epoch, uint64_t nr)
{
	uint64_t end = vgpu_ms() + BOUND, before;

	while (vgpu_count(v, "state", "epoch") == epoch && vgpu_ms() < end)
		usleep(1000);
	before = vgpu_count(v, "queues", "sent");
	while (vgpu_count(v, "queues", "sent") < before + nr && is_booting(v) &&
	       vgpu_ms() < end)
		usleep(1000);
	return before;
}

static uint64_t messages_of_a_boot(struct __test_metadata *_metadata, struct vgpu *v)
{
	uint64_t epoch = vgpu_count(v, "state", "epoch");
	uint64_t before;
	pid_t child;
	int status;

	vgpu_inject(v, NVGRACE_INJECT_GSP_SLOW, BOOT_SLOW);
	child = start_reset(v);
	ASSERT_LT(0, child);
	before = wait_in_boot(v, epoch, 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
	vgpu_calm(v);
	return vgpu_count(v, "queues", "sent") - before;
}

/* A boot asks for failed pages once: of those that come after that it is told only */
TEST_F_TIMEOUT(vgpu_memory_trouble, a_page_that_fails_in_a_boot_is_never_given_out, 300)
{
	uint64_t total = messages_of_a_boot(_metadata, &self->v);
	unsigned int moment, met = 0;
	uint64_t page, epoch;
	pid_t child;
	int status;

	ASSERT_LT(2 * MOMENTS, total);
	for (moment = 0; moment < MOMENTS; moment++) {
		page = find_good_page();
		ASSERT_NE(0, page);
		epoch = vgpu_count(&self->v, "state", "epoch");
		vgpu_inject(&self->v, NVGRACE_INJECT_GSP_SLOW, BOOT_SLOW);
		child = start_reset(&self->v);
		ASSERT_LT(0, child);
		wait_in_boot(&self->v, epoch, moment * total / MOMENTS);
		vgpu_inject(&self->v, NVGRACE_INJECT_ECC, page / PAGE);
		met += is_booting(&self->v);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_EQ(0, status);
		vgpu_calm(&self->v);
		EXPECT_TRUE(page_is_kept_out(page)) {
			TH_LOG("after message %llu of %llu",
			       (unsigned long long)(moment * total / MOMENTS),
			       (unsigned long long)total);
		}
		expect_works(_metadata, &self->v);
	}
	/* A slow machine can be late for the last ones */
	EXPECT_LE(MOMENTS - 2, met);
}

TEST_F_TIMEOUT(vgpu_memory_trouble, a_fault_is_told_even_if_its_interrupt_is_lost, 300)
{
	vgpu_inject(&self->v, NVGRACE_INJECT_LOST_FAULT, 0);
	EXPECT_EQ(-EIO, vgpu_fault());
	EXPECT_EQ(0, vgpu_read(&self->v, NVGRACE_TROUBLE_ARMED));
	expect_works(_metadata, &self->v);
}

/* The error notifier and the fault buffer say the same */
TEST_F_TIMEOUT(vgpu_memory_trouble, a_fault_is_told_even_if_its_event_is_lost, 300)
{
	vgpu_inject(&self->v, NVGRACE_INJECT_LOST_RC, 0);
	EXPECT_EQ(-EIO, vgpu_fault());
	EXPECT_EQ(0, vgpu_read(&self->v, NVGRACE_TROUBLE_ARMED));
	expect_works(_metadata, &self->v);
}

/* The benchmark of the test module, whose parts use the GPU one after the other */
FIXTURE(vgpu_bench_trouble)
{
	struct vgpu v;
	uint32_t errors;
};

FIXTURE_VARIANT(vgpu_bench_trouble)
{
	unsigned int messages;		/* that were sent since it began */
	unsigned int interrupts;	/* likewise, which came */
};

#define BENCH(name, _messages, _interrupts)					\
	FIXTURE_VARIANT_ADD(vgpu_bench_trouble, name)				\
	{									\
		.messages = _messages, .interrupts = _interrupts,		\
	}

/* Three contexts are made, of eight messages each: its own, and those of two buffers */
BENCH(begins, 1, 0);
BENCH(makes_its_context, 5, 0);
BENCH(makes_a_second_context, 12, 0);
BENCH(makes_a_third_context, 20, 0);
BENCH(copies, 24, 120);

FIXTURE_SETUP(vgpu_bench_trouble)
{
	int ret = open_running(&self->v);

	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	self->errors = vgpu_driver_errors(&self->v);
}

FIXTURE_TEARDOWN(vgpu_bench_trouble)
{
	close_running(_metadata, &self->v, self->errors);
}

TEST_F_TIMEOUT(vgpu_bench_trouble, a_crash_ends_the_benchmark_and_a_reset_restores_service, 300)
{
	uint64_t sent = vgpu_count(&self->v, "queues", "sent");
	uint64_t seen = interrupts(&self->v);
	uint64_t end = vgpu_ms() + BOUND;
	pid_t child;
	int status;

	if (!variant->interrupts)
		vgpu_inject(&self->v, NVGRACE_INJECT_GSP_SLOW, BOOT_SLOW);
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(-vgpu_bench());
	while (vgpu_count(&self->v, "queues", "sent") < sent + variant->messages ||
	       interrupts(&self->v) < seen + variant->interrupts) {
		ASSERT_GT(end, vgpu_ms());
		usleep(1000);
	}
	vgpu_inject(&self->v, NVGRACE_INJECT_CRASH, 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(EIO, WEXITSTATUS(status));
	EXPECT_GT(end, vgpu_ms());
	vgpu_calm(&self->v);
	expect_dead(_metadata, &self->v);
	ASSERT_EQ(0, vgpu_reset(&self->v));
	expect_works(_metadata, &self->v);
}

/* What a GPU that is lost was writing to */
FIXTURE(vgpu_lost)
{
	struct vgpu v;
	uint32_t errors;
};

FIXTURE_VARIANT(vgpu_lost)
{
	uint32_t kind;
	const char *memory;
	bool recovers;
};

#define LOST(name, _kind, ...)						\
	FIXTURE_VARIANT_ADD(vgpu_lost, name)				\
	{								\
		.kind = NVGRACE_INJECT_##_kind, ##__VA_ARGS__,		\
	}

LOST(firmware_crashed_egm, CRASH, .memory = "egm");
LOST(firmware_crashed_sysmem, CRASH, .memory = "sysmem");
LOST(fatal_pci_error_egm, PCIE_FATAL, .memory = "egm", .recovers = true);
LOST(fatal_pci_error_sysmem, PCIE_FATAL, .memory = "sysmem", .recovers = true);

FIXTURE_SETUP(vgpu_lost)
{
	int ret = open_running(&self->v);

	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	self->errors = vgpu_driver_errors(&self->v);
}

FIXTURE_TEARDOWN(vgpu_lost)
{
	close_running(_metadata, &self->v, self->errors);
}

/* EGM is not behind PCI: the engine itself must stop, before anyone hears that it failed */
TEST_F_TIMEOUT(vgpu_lost, writes_to_memory_no_more, 300)
{
	uint64_t epoch = vgpu_count(&self->v, "state", "epoch");
	pid_t child = fork();
	int ret;

	ASSERT_LE(0, child);
	if (!child) {
		usleep(300000);
		vgpu_inject(&self->v, variant->kind, 0);
		_exit(0);
	}
	ret = vgpu_fill(variant->memory);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no EGM");
	EXPECT_EQ(-EIO, ret);
	if (variant->recovers) {
		EXPECT_TRUE(vgpu_boots_again(&self->v, epoch));
	} else {
		EXPECT_TRUE(vgpu_becomes(&self->v, "lost"));
		ASSERT_EQ(0, vgpu_reset(&self->v));
	}
	expect_works(_metadata, &self->v);
}

TEST_HARNESS_MAIN
