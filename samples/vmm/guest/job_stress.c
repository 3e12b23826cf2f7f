// SPDX-License-Identifier: GPL-2.0
/*
 * Copies on all VFs for a time, or until told off, each ended by MSI-X and compared. What
 * happens to the VMM or the VFs meanwhile is the test's business; a VF that goes away is
 * given back, and the others go on.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "guest.h"
#include "pattern.h"
#include "vfs.h"

#define COPY_LENGTH	MIB(1)
#define COPY_DEADLINE	20	/* seconds; each second a VF that says nothing is looked at */

#define GONE_DEADLINE	10000	/* milliseconds */

struct stress {
	struct vfs vfs;
	uint8_t *va;		/* for each VF: source, target */
	int request[MAX_VFS];	/* eventfd: the driver wants the VF back, to remove it */
	bool gone[MAX_VFS];
	uint64_t copies;
};

static uint64_t source(int i)
{
	return 2 * i * COPY_LENGTH;
}

static void give_back(struct stress *stress, int i)
{
	stress->gone[i] = true;
	vf_close(&stress->vfs.vf[i]);
	say("VF removed: %s", stress->vfs.vf[i].dev.function.bdf);
}

/*
 * The guest's kernel removes one function at a time, and waits until it is given back: the
 * request for this one comes after that
 */
static void give_back_others(struct stress *stress, int i)
{
	struct pollfd pfd = { .events = POLLIN };
	int j;

	for (j = 0; j < stress->vfs.nr; j++) {
		pfd.fd = stress->request[j];
		if (j != i && !stress->gone[j] && poll(&pfd, 1, 0) > 0)
			give_back(stress, j);
	}
}

static bool has_gone(struct stress *stress, int i, int ms)
{
	struct pollfd pfd = { .fd = stress->request[i], .events = POLLIN };
	uint32_t vendor;

	for (;; ms -= 100) {
		if (poll(&pfd, 1, ms < 100 ? ms : 100) > 0)
			return true;
		if (vfio_config_read(&stress->vfs.vf[i].dev, PCI_VENDOR_ID, 2, &vendor) ||
		    vendor == 0xffff)
			return true;
		if (ms <= 100)
			return false;
		give_back_others(stress, i);
	}
}

static int copy(struct stress *stress, int i)
{
	uint8_t *va = stress->va + source(i);
	int ret, seconds;
	uint64_t at;

	pattern_fill(va, COPY_LENGTH, ++stress->copies);
	ret = vfs_copy(&stress->vfs, i, BUFFER_IOVA + source(i),
		       BUFFER_IOVA + source(i) + COPY_LENGTH, COPY_LENGTH, END_INTERRUPT, NULL);
	for (seconds = 1; ret == -ETIMEDOUT && seconds < COPY_DEADLINE; seconds++) {
		if (has_gone(stress, i, 0))
			break;
		ret = gpu_wait_interrupt(&stress->vfs.vf[i].gpu, 1);
	}
	/* One that fails may be about to go: its registers do before the driver says so */
	if (has_gone(stress, i, ret ? GONE_DEADLINE : 0)) {
		give_back(stress, i);
		return 0;
	}
	if (ret)
		return step_failed(ret, "copy %" PRIu64 ", by VF %d", stress->copies, i);
	at = pattern_check(va + COPY_LENGTH, COPY_LENGTH, stress->copies);
	if (at != PATTERN_SAME)
		return step_failed(0, "copy %" PRIu64 ", by VF %d, differs at byte %#" PRIx64,
				   stress->copies, i, at);
	return 0;
}

static int set_up(struct stress *stress)
{
	int i, ret;

	ret = vfs_open(&stress->vfs, 1);
	if (ret)
		return ret;
	stress->vfs.deadline = 1;
	ret = vfs_map(&stress->vfs, BUFFER_IOVA, source(MAX_VFS), &stress->va);
	if (ret)
		return step_failed(ret, "IOMMU_IOAS_MAP");
	for (i = 0; i < stress->vfs.nr; i++) {
		ret = gpu_enable_interrupt(&stress->vfs.vf[i].gpu);
		if (ret)
			return step_failed(ret, "VF %d: MSI-X", i);
		stress->request[i] = eventfd(0, EFD_CLOEXEC);
		ret = vfio_set_irqs(&stress->vfs.vf[i].dev, VFIO_PCI_REQ_IRQ_INDEX, 0, 1,
				    &stress->request[i]);
		if (ret)
			return step_failed(ret, "VF %d: request interrupt", i);
	}
	return 0;
}

static int run(struct stress *stress, unsigned int seconds)
{
	uint64_t start = now_ms(), next = start + 1000;
	volatile int at = 0;
	const char *text;
	int i, left, ret;

	/* A BAR that is no longer there; which one, is known */
	if (sigsetjmp(sigbus_jump, 1))
		give_back(stress, at);
	catch_sigbus();
	while (now_ms() < start + seconds * 1000ULL) {
		for (i = 0, left = 0; i < stress->vfs.nr; i++) {
			if (stress->gone[i])
				continue;
			at = i;
			left++;
			ret = copy(stress, i);
			if (ret)
				return ret;
		}
		if (!left)
			return step_failed(-ENODEV, "no VF is left");
		text = console_line(0);
		if (text && !strcmp(text, "off"))
			return 0;
		if (now_ms() < next)
			continue;
		say("%" PRIu64 " s, %" PRIu64 " copies", (now_ms() - start) / 1000,
		    stress->copies);
		next = now_ms() + 1000;
	}
	return 0;
}

int job_stress(const struct guest_options *options)
{
	struct stress stress = {};
	int ret;

	ret = set_up(&stress) ?: run(&stress, options->seconds);
	vfs_close(&stress.vfs);
	return ret;
}
