// SPDX-License-Identifier: GPL-2.0
/*
 * See vgpu.h. Nothing of the driver's uAPI: it has none of its own.
 */
#include "vgpu.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <nvgrace-gpu-regs.h>

#include "memtest.h"

#define WINDOW_SIZE	0x10000
#define DEBUGFS		"/sys/kernel/debug"
#define DEADLINE_MS	60000
#define POLL_US		10000

static int read_text(char *text, size_t size, const char *path)
{
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static bool is_pf(const char *device)
{
	char path[128], vendor[16], id[16];

	snprintf(path, sizeof(path), "%s/vendor", device);
	if (read_text(vendor, sizeof(vendor), path))
		return false;
	snprintf(path, sizeof(path), "%s/device", device);
	return !read_text(id, sizeof(id), path) &&
	       strtoul(vendor, NULL, 16) == NVGRACE_GPU_VENDOR_ID &&
	       strtoul(id, NULL, 16) == NVGRACE_GPU_PF_DEVICE_ID;
}

static int find_pf(struct vgpu *v)
{
	glob_t devices;
	size_t i;
	int ret = -ENODEV;

	if (glob(VGPU_PCI "/devices/*", 0, NULL, &devices))
		return -ENODEV;
	for (i = 0; ret && i < devices.gl_pathc; i++) {
		if (!is_pf(devices.gl_pathv[i]))
			continue;
		snprintf(v->pf, sizeof(v->pf), "%s", basename(devices.gl_pathv[i]));
		ret = 0;
	}
	globfree(&devices);
	return ret;
}

int vgpu_open(struct vgpu *v)
{
	char path[128];
	void *va;
	int fd;

	memset(v, 0, sizeof(*v));
	v->log = -1;
	if (find_pf(v))
		return -ENODEV;
	snprintf(path, sizeof(path), VGPU_PCI "/devices/%s/resource%d", v->pf,
		 NVGRACE_GPU_BAR_REGS);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	va = mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  NVGRACE_TROUBLE_BASE);
	close(fd);
	if (va == MAP_FAILED)
		return -errno;
	v->window = va;
	return 0;
}

void vgpu_close(struct vgpu *v)
{
	if (v->window)
		munmap((void *)v->window, WINDOW_SIZE);
	v->window = NULL;
	if (v->log >= 0)
		close(v->log);
	v->log = -1;
}

bool vgpu_is_bound(struct vgpu *v)
{
	char path[128];

	snprintf(path, sizeof(path), VGPU_PCI "/drivers/" VGPU_DRIVER "/%s", v->pf);
	return !access(path, F_OK);
}

int vgpu_bind(struct vgpu *v)
{
	return memtest_write(v->pf, VGPU_PCI "/drivers/" VGPU_DRIVER "/bind");
}

int vgpu_unbind(struct vgpu *v)
{
	return memtest_write(v->pf, VGPU_PCI "/drivers/" VGPU_DRIVER "/unbind");
}

int vgpu_reset(struct vgpu *v)
{
	return memtest_write("1", VGPU_PCI "/devices/%s/reset", v->pf);
}

int vgpu_reset_method(struct vgpu *v, const char *method)
{
	return memtest_write(method, VGPU_PCI "/devices/%s/reset_method", v->pf);
}

int vgpu_set_vfs(struct vgpu *v, unsigned int nr)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nr);
	return memtest_write(text, VGPU_PCI "/devices/%s/sriov_numvfs", v->pf);
}

uint32_t vgpu_read(struct vgpu *v, uint32_t reg)
{
	return v->window[(reg - NVGRACE_TROUBLE_BASE) / 4];
}

void vgpu_write(struct vgpu *v, uint32_t reg, uint32_t val)
{
	v->window[(reg - NVGRACE_TROUBLE_BASE) / 4] = val;
}

void vgpu_inject(struct vgpu *v, uint32_t kind, uint32_t param)
{
	vgpu_write(v, NVGRACE_TROUBLE_INJECT, kind | param << 8);
}

void vgpu_calm(struct vgpu *v)
{
	vgpu_inject(v, NVGRACE_INJECT_GSP_SLOW, 0);
	vgpu_inject(v, 0, 0);
}

uint32_t vgpu_driver_errors(struct vgpu *v)
{
	return vgpu_read(v, NVGRACE_TROUBLE_ERRORS);
}

int vgpu_open_running(struct vgpu *v)
{
	int ret = vgpu_open(v);

	if (ret)
		return ret;
	vgpu_calm(v);
	if (!vgpu_is_bound(v))
		ret = vgpu_bind(v);
	return ret ? ret : vgpu_becomes(v, "running") ? 0 : -ETIMEDOUT;
}

/* "VALUE" of a line "@name: VALUE"; "" without such a line or file */
static const char *file_value(const char *path, const char *name, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len = strlen(name);
	char line[256];

	text[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, name, len) && !strncmp(line + len, ": ", 2)) {
			snprintf(text, size, "%s", line + len + 2);
			break;
		}
	}
	if (file)
		fclose(file);
	return text;
}

const char *vgpu_value(struct vgpu *v, const char *file, const char *name, char *text,
		       size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "/" VGPU_DRIVER "/%s/%s", v->pf, file);
	return file_value(path, name, text, size);
}

uint64_t vgpu_count(struct vgpu *v, const char *file, const char *name)
{
	char text[64];

	return strtoull(vgpu_value(v, file, name, text, sizeof(text)), NULL, 0);
}

const char *vgpu_state(struct vgpu *v, char *text, size_t size)
{
	return vgpu_value(v, "state", "state", text, size);
}

bool vgpu_becomes(struct vgpu *v, const char *state)
{
	uint64_t end = vgpu_ms() + DEADLINE_MS;
	char text[64];

	do {
		if (!strcmp(vgpu_state(v, text, sizeof(text)), state))
			return true;
		usleep(POLL_US);
	} while (vgpu_ms() < end);
	printf("# %s: state \"%s\", not \"%s\"\n", v->pf, text, state);
	return false;
}

bool vgpu_boots_again(struct vgpu *v, uint64_t epoch)
{
	uint64_t end = vgpu_ms() + DEADLINE_MS;

	while (vgpu_count(v, "state", "epoch") == epoch) {
		if (vgpu_ms() > end) {
			printf("# %s: epoch %llu still\n", v->pf, (unsigned long long)epoch);
			return false;
		}
		usleep(POLL_US);
	}
	return vgpu_becomes(v, "running");
}

uint64_t vgpu_pci_errors(struct vgpu *v, const char *kind)
{
	unsigned long long sum = 0;
	char path[128], line[128];
	FILE *file;

	snprintf(path, sizeof(path), VGPU_PCI "/devices/%s/aer_dev_%s", v->pf, kind);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "TOTAL_ERR_%*s %llu", &sum);
	if (file)
		fclose(file);
	return sum;
}

/* The file of a dump of the PF: a file descriptor, or a negative errno */
static int open_dump(struct vgpu *v)
{
	int ret = -ENOENT;
	char link[256];
	glob_t dumps;
	size_t i;

	if (glob("/sys/class/devcoredump/devcd*", 0, NULL, &dumps))
		return -ENOENT;
	for (i = 0; ret == -ENOENT && i < dumps.gl_pathc; i++) {
		char path[256];
		ssize_t n;

		snprintf(path, sizeof(path), "%s/failing_device", dumps.gl_pathv[i]);
		n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		if (strcmp(basename(link), v->pf))
			continue;
		snprintf(path, sizeof(path), "%s/data", dumps.gl_pathv[i]);
		ret = open(path, O_RDWR | O_CLOEXEC);
		ret = ret < 0 ? -errno : ret;
	}
	globfree(&dumps);
	return ret;
}

ssize_t vgpu_take_dump(struct vgpu *v, char *text, size_t size)
{
	uint64_t end = vgpu_ms() + DEADLINE_MS;
	size_t have = 0;
	ssize_t n;
	int fd;

	do {
		fd = open_dump(v);
		if (fd >= 0)
			break;
		usleep(POLL_US);
	} while (vgpu_ms() < end);
	if (fd < 0)
		return fd;
	while (have < size - 1 && (n = read(fd, text + have, size - 1 - have)) > 0)
		have += n;
	text[have] = '\0';
	/* Any write deletes it */
	n = write(fd, "", 1);
	close(fd);
	return n == 1 ? (ssize_t)have : -EIO;
}

void vgpu_drop_dump(struct vgpu *v)
{
	int fd = open_dump(v);

	if (fd < 0)
		return;
	if (write(fd, "", 1) != 1)
		printf("# %s: its core dump cannot be deleted\n", v->pf);
	close(fd);
}

int vgpu_insmod(const char *name, const char *parameters)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), "/lib/modules/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret == -EEXIST ? 0 : ret;
}

int vgpu_rmmod(const char *name)
{
	char module[64];
	size_t i;

	snprintf(module, sizeof(module), "%s", name);
	for (i = 0; module[i]; i++)
		if (module[i] == '-')
			module[i] = '_';
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

int vgpu_load_test_module(void)
{
	int ret;

	/* Its suites show in debugfs only if they are enabled */
	ret = vgpu_insmod("kunit", "enable=1");
	return ret ? ret : vgpu_insmod(VGPU_TEST, "");
}

int vgpu_copy(void)
{
	return memtest_write("1", DEBUGFS "/" VGPU_TEST "/copy");
}

int vgpu_fault(void)
{
	return memtest_write("1", DEBUGFS "/" VGPU_TEST "/fault");
}

int vgpu_fill(const char *memory)
{
	return memtest_write("1", DEBUGFS "/" VGPU_TEST "/%s", memory);
}

int vgpu_bench(void)
{
	char text[4096];
	int fd, ret;

	fd = open(DEBUGFS "/" VGPU_TEST "/bench", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = read(fd, text, sizeof(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int vgpu_heap_has(uint64_t addr)
{
	char text[32];

	snprintf(text, sizeof(text), "%#llx", (unsigned long long)addr);
	return memtest_write(text, DEBUGFS "/" VGPU_TEST "/heap");
}

int vgpu_sleep(struct vgpu *v)
{
	int ret;

	(void)v;
	if (access("/sys/power/state", F_OK) || memtest_write("0", "/sys/power/pm_async"))
		return -EOPNOTSUPP;
	ret = memtest_write("freeze", "/sys/power/state");
	/* By the device that does not let it */
	return ret == -EBUSY ? 0 : ret ? ret : -EPROTO;
}

uint64_t vgpu_events(const char *name)
{
	char text[64];

	return strtoull(file_value(DEBUGFS "/" VGPU_TEST "/events", name, text, sizeof(text)),
			NULL, 0);
}

int vgpu_load(unsigned int nr)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nr);
	return memtest_write(text, DEBUGFS "/" VGPU_TEST "/load");
}

static void load_line(struct vgpu_load *load, const char *line)
{
	unsigned long long value;
	int error;

	if (sscanf(line, "starting: %llu", &value) == 1)
		load->starting = value;
	else if (sscanf(line, "running: %llu", &value) == 1)
		load->running = value;
	else if (sscanf(line, "copies: %llu", &value) == 1)
		load->copies = value;
	else if (sscanf(line, "ended %d: %llu", &error, &value) == 2 && -error >= 0 &&
		 -error < VGPU_ERRNOS)
		load->by[-error] = value;
	else
		printf("# load: not understood: %s", line);
}

int vgpu_load_read(struct vgpu_load *load)
{
	char line[64];
	FILE *file;
	int i;

	memset(load, 0, sizeof(*load));
	file = fopen(DEBUGFS "/" VGPU_TEST "/load", "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		load_line(load, line);
	fclose(file);
	for (i = 0; i < VGPU_ERRNOS; i++)
		load->ended += load->by[i];
	return 0;
}

static void load_print(const struct vgpu_load *load)
{
	int i;

	printf("# load: %u starting, %u running, %llu copies", load->starting, load->running,
	       (unsigned long long)load->copies);
	for (i = 0; i < VGPU_ERRNOS; i++)
		if (load->by[i])
			printf(", %u ended with %d", load->by[i], -i);
	printf("\n");
}

bool vgpu_load_runs(unsigned int nr)
{
	uint64_t copies = UINT64_MAX, end = vgpu_ms() + DEADLINE_MS;
	struct vgpu_load load = {};

	do {
		if (vgpu_load_read(&load) || load.starting + load.running < nr)
			break;
		if (load.running == nr && copies == UINT64_MAX)
			copies = load.copies;
		/* Each once and more, most likely */
		if (load.running == nr && load.copies > copies + nr)
			return true;
		usleep(POLL_US);
	} while (vgpu_ms() < end);
	load_print(&load);
	return false;
}

bool vgpu_load_ends(struct vgpu_load *load, unsigned int seconds)
{
	uint64_t end = vgpu_ms() + seconds * 1000ULL;

	do {
		if (vgpu_load_read(load))
			return false;
		if (!load->starting && !load->running)
			return true;
		usleep(POLL_US);
	} while (vgpu_ms() < end);
	load_print(load);
	return false;
}

int vgpu_log_mark(struct vgpu *v)
{
	if (v->log < 0)
		v->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return v->log < 0 || lseek(v->log, 0, SEEK_END) < 0 ? -errno : 0;
}

bool vgpu_log_says(struct vgpu *v, const char *text)
{
	uint64_t end = vgpu_ms() + DEADLINE_MS;
	char record[8192];
	ssize_t n;

	do {
		/* A record each; EPIPE: some were overwritten */
		while ((n = read(v->log, record, sizeof(record) - 1)) > 0 ||
		       (n < 0 && errno == EPIPE)) {
			record[n < 0 ? 0 : n] = '\0';
			if (strstr(record, text))
				return true;
		}
		usleep(POLL_US);
	} while (vgpu_ms() < end);
	printf("# the kernel's log has no \"%s\"\n", text);
	return false;
}

uint64_t vgpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}
