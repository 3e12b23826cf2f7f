// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of the test machine: mounts the file systems, loads the
 * modules of the initrd, enables the VFs and hands them to vfio-pci, runs one
 * command, reports its exit status and powers off.
 *
 * Its orders come on the kernel command line (vm.vfs=, vm.pf=, vm.vfio=, vm.shell) and in
 * /etc/vm/command (the arguments, each ended by NUL). The command runs on a
 * pseudo-terminal that is relayed to the virtio port "console"; the port "status"
 * takes one line: "exit N", or "error TEXT" when the command never ran.
 *
 * Not about: what the command does, how QEMU is started (lib/boot.sh).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PCI		"/sys/bus/pci/devices"
#define GPU_PF		"1af4:10f0"
#define GPU_VF		"1af4:10f1"
#define COMMAND_MAX	65536	/* bytes, of all arguments */
#define PORT_DEADLINE	20000	/* milliseconds */

static int status_fd = -1;

static void __attribute__((noreturn)) power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void report(const char *fmt, ...)
{
	static const char prefix[] = "vm: ";
	char line[PATH_MAX + 256];
	va_list args;
	char *text;
	int fd, n;

	text = stpcpy(line, prefix);
	va_start(args, fmt);
	vsnprintf(text, sizeof(line) - strlen(prefix), fmt, args);
	va_end(args);
	n = strlen(text);
	if (status_fd >= 0 && write(status_fd, text, n) == n)
		return;

	/* Without the port the kernel's log must do; it has no seek, as stdio wants. */
	fd = open("/dev/kmsg", O_WRONLY);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		perror("vm: /dev/kmsg");
}

#define die(fmt, ...)							\
	do {								\
		report("error " fmt "\n", ##__VA_ARGS__);		\
		power_off();						\
	} while (0)

/* Reads a small file, without its final newline; "" if there is none. */
static char *slurp(char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;
	ssize_t n;
	int fd;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, buf, size - 1);
	if (fd >= 0)
		close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

static int spit(const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;
	ssize_t n;
	int fd;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -errno : 0;
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir;
		bool optional;
	} mounts[] = {
		{ "proc", "/proc", false },
		{ "sysfs", "/sys", false },
		{ "devtmpfs", "/dev", false },
		{ "devpts", "/dev/pts", false },
		{ "tmpfs", "/dev/shm", false },
		{ "tmpfs", "/tmp", false },
		{ "tmpfs", "/run", false },
		{ "cgroup2", "/sys/fs/cgroup", true },
		{ "debugfs", "/sys/kernel/debug", true },
		{ "tracefs", "/sys/kernel/tracing", true },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, NULL) &&
		    !mounts[i].optional)
			die("cannot mount %s: %s", mounts[i].dir, strerror(errno));
	}
	chmod("/tmp", 01777);
	chmod("/dev/shm", 01777);
	symlink("/proc/self/fd", "/dev/fd");
}

static int find_port(const char *name, int flags)
{
	char buf[256], path[PATH_MAX];
	struct dirent *entry;
	int fd = -1;
	DIR *dir;

	dir = opendir("/sys/class/virtio-ports");
	while (dir && fd < 0 && (entry = readdir(dir))) {
		slurp(buf, sizeof(buf), "/sys/class/virtio-ports/%s/name", entry->d_name);
		if (strcmp(buf, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, flags | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/*
 * A virtio port by the name that QEMU gave it. The driver makes them one by one, when
 * the device tells of them, which can be after we were started.
 */
static int open_port(const char *name, int flags)
{
	int fd, ms;

	for (ms = 0; ms < PORT_DEADLINE; ms += 10) {
		fd = find_port(name, flags);
		if (fd >= 0)
			break;
		usleep(10000);
	}
	return fd;
}

/*
 * The value of "name=value" on the kernel command line, NULL if it is not there. Stays until
 * the next one is found.
 */
static char *option(const char *name)
{
	static char line[4096], value[4096];
	size_t len = strlen(name);
	char *word, *save;

	slurp(line, sizeof(line), "/proc/cmdline");
	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (!strncmp(word, name, len) && (word[len] == '=' || !word[len]))
			return strcpy(value, word + len + (word[len] == '='));
	}
	return NULL;
}

/* "a=1 b=2" of the command line's "MODULE.a=1 MODULE.b=2", as modprobe does it */
static void module_parameters(const char *path, char *parameters, size_t size)
{
	const char *name = strrchr(path, '/') + 1;
	size_t len = strcspn(name, ".") + 1;
	char line[4096], *word, *save;

	*parameters = '\0';
	slurp(line, sizeof(line), "/proc/cmdline");
	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (!strncmp(word, name, len))
			snprintf(parameters + strlen(parameters), size - strlen(parameters),
				 "%s ", word + len);
}

static void load_modules(void)
{
	char path[PATH_MAX], parameters[4096];
	FILE *order;
	int fd;

	order = fopen("/lib/modules/order", "re");
	while (order && fgets(path, sizeof(path), order)) {
		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		module_parameters(path, parameters, sizeof(parameters));
		if (fd < 0 || syscall(SYS_finit_module, fd, parameters, 0))
			die("cannot load %s: %s", path, strerror(errno));
		close(fd);
	}
	if (order)
		fclose(order);
}

static bool pci_is(const char *bdf, const char *id)
{
	char vendor[16], device[16], have[64];

	slurp(vendor, sizeof(vendor), PCI "/%s/vendor", bdf);
	slurp(device, sizeof(device), PCI "/%s/device", bdf);
	snprintf(have, sizeof(have), "%s:%s", vendor + 2, device + 2);
	return *vendor && !strcasecmp(have, id);
}

static bool pci_bound(const char *bdf, const char *driver)
{
	char link[PATH_MAX], path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), PCI "/%s/driver", bdf);
	n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	return strrchr(link, '/') && !strcmp(strrchr(link, '/') + 1, driver);
}

static void pci_bind(const char *bdf, const char *driver)
{
	if (pci_bound(bdf, driver))
		return;
	spit(driver, PCI "/%s/driver_override", bdf);
	spit(bdf, PCI "/%s/driver/unbind", bdf);
	spit(bdf, "/sys/bus/pci/drivers_probe");
	if (!pci_bound(bdf, driver))
		die("%s does not bind to %s", bdf, driver);
}

/* Calls bind() for each PCI function with this id; returns how many there are. */
static int pci_each(const char *id, void (*bind)(const char *bdf, const char *arg),
		    const char *arg)
{
	struct dirent **entries;
	int i, n, found = 0;

	n = scandir(PCI, &entries, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (pci_is(entries[i]->d_name, id)) {
			bind(entries[i]->d_name, arg);
			found++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return found;
}

static void enable_vfs(const char *bdf, const char *vfs)
{
	char total[16];
	int err;

	pci_bind(bdf, option("vm.pf") ?: "nvgrace-vgpu");
	err = spit(vfs, PCI "/%s/sriov_numvfs", bdf);
	if (err)
		die("%s: cannot enable %s VFs of %s: %s", bdf, vfs,
		    slurp(total, sizeof(total), PCI "/%s/sriov_totalvfs", bdf), strerror(-err));
}

static void set_up_devices(void)
{
	char vfs[16], *ids, *id, *save;

	snprintf(vfs, sizeof(vfs), "%s", option("vm.vfs") ?: "");
	if (atoi(vfs)) {
		if (!pci_each(GPU_PF, enable_vfs, vfs))
			die("there is no GPU (%s) to take %s VFs from", GPU_PF, vfs);
		pci_each(GPU_VF, pci_bind, "vfio-pci");
	}
	ids = option("vm.vfio");
	for (id = ids ? strtok_r(ids, ",", &save) : NULL; id; id = strtok_r(NULL, ",", &save)) {
		if (!pci_each(id, pci_bind, "vfio-pci"))
			die("there is no PCI function %s to give to vfio-pci", id);
	}
}

static char **read_command(void)
{
	static char text[COMMAND_MAX], *argv[1024];
	ssize_t size, at, n = 0;
	int fd;

	fd = open("/etc/vm/command", O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	for (at = 0; at < size && n < 1023; at += strlen(text + at) + 1)
		argv[n++] = text + at;
	if (size <= 0 || at < size)
		die("the command is missing or too long");
	close(fd);
	return argv;
}

static void __attribute__((noreturn)) run_command(bool shell)
{
	char **argv = read_command();
	int null;

	signal(SIGCHLD, SIG_DFL);
	if (!shell) {
		null = open("/dev/null", O_RDONLY);
		dup2(null, 0);
	}
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/", 1);
	chdir("/");
	execvp(argv[0], argv);
	fprintf(stderr, "vm: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static bool copy(int from, int to)
{
	char buf[16384];
	ssize_t n, done, w;

	n = read(from, buf, sizeof(buf));
	if (n <= 0)
		return n < 0 && errno == EINTR;
	for (done = 0; done < n; done += w) {
		w = write(to, buf + done, n - done);
		if (w < 0)
			return false;
	}
	return true;
}

static void on_child(int sig)
{
	(void)sig;
}

/* Copies both ways until the command has ended and all it wrote is out. */
static int relay(pid_t pid, int pty, int port, bool shell)
{
	struct pollfd fds[2] = {
		{ .fd = pty, .events = POLLIN },
		{ .fd = shell ? port : -1, .events = POLLIN },
	};
	int status = 0;
	pid_t got = 0;

	for (;;) {
		/* The time-out picks up a SIGCHLD that came just before poll(). */
		if (poll(fds, 2, got == pid ? 0 : 200) < 0)
			fds[0].revents = fds[1].revents = 0;
		if (fds[0].revents && !copy(pty, port))
			fds[0].fd = -1;
		if (fds[1].revents & POLLIN && !copy(port, pty))
			fds[1].fd = -1;
		if (got == pid && !(fds[0].fd >= 0 && fds[0].revents & POLLIN))
			return status;
		while (got != pid && (got = waitpid(-1, &status, WNOHANG)) > 0)
			;
	}
}

static int run(void)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char *shell_size = option("vm.shell");
	bool shell = shell_size;
	struct termios raw;
	int pty, port, status;
	pid_t pid;

	port = open_port("console", O_RDWR);
	if (port < 0)
		die("there is no virtio port \"console\"");
	memset(&raw, 0, sizeof(raw));
	raw.c_cflag = CS8 | CREAD;
	if (shell)
		sscanf(shell_size, "%hux%hu", &size.ws_row, &size.ws_col);
	signal(SIGCHLD, on_child);
	pid = forkpty(&pty, NULL, shell ? NULL : &raw, shell ? &size : NULL);
	if (pid < 0)
		die("cannot start the command: %s", strerror(errno));
	if (!pid)
		run_command(shell);
	status = relay(pid, pty, port, shell);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void install_busybox(void)
{
	pid_t pid;

	mkdir("/sbin", 0755);
	mkdir("/usr", 0755);
	mkdir("/usr/bin", 0755);
	mkdir("/usr/sbin", 0755);
	pid = vfork();
	if (!pid) {
		execl("/bin/busybox", "busybox", "--install", "-s", (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

int main(void)
{
	int status;

	mount_all();
	status_fd = open_port("status", O_WRONLY);
	install_busybox();
	load_modules();
	set_up_devices();
	status = run();
	report("exit %d\n", status);
	power_off();
}
