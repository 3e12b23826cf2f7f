// SPDX-License-Identifier: GPL-2.0
/*
 * One file descriptor, many processes: a launcher that is root binds VFs and
 * allocates objects, and passes the iommufd over a socket to a receiver, which may
 * do nothing: no capability, nobody's user ID, no locked memory. What the receiver
 * finds, what it can do with it, what it cannot, and that it goes on without the
 * launcher.
 *
 * The receiver is started first, so that it inherits nothing, and is as a VMM that
 * was started by execve(). It says on stderr what went wrong, and exits with 0 or 1.
 */
#include "kselftest_harness.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "memtest.h"

#define NOBODY		65534
#define LENGTH		MIB(4)
#define MAX_OBJECTS	8
#define MAX_FDS		3
/* Where the receiver maps object @i, by its ID and by its virtual address */
#define IOVA(i)		(GIB(16) * ((i) + 1))
#define IOVA_BY_VA(i)	(IOVA(i) + GIB(8))
/* What the launcher and the receiver write to it */
#define FROM_LAUNCHER(i)	(1 + (i))
#define FROM_RECEIVER(i)	(101 + (i))

/* Passed in either direction; what is not known is 0 */
struct message {
	uint64_t base, size;		/* of the region, in bytes */
	uint32_t dev_id[2];
	uint32_t ioas_id;
	uint32_t nr_objects;
	struct iommu_mem_info objects[MAX_OBJECTS];
};

static int send_message(int socket, const struct message *message,
			const int *fds, int nr_fds)
{
	union {
		struct cmsghdr align;
		char raw[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = {};
	struct iovec iov = {
		.iov_base = (void *)message,
		.iov_len = sizeof(*message),
	};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (nr_fds) {
		msg.msg_control = control.raw;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nr_fds * sizeof(int));
	}
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == sizeof(*message) ? 0 : -1;
}

/* Not 0 if the other side is gone, or silent until the deadline */
static int receive_message(int socket, struct message *message, int *fds)
{
	union {
		struct cmsghdr align;
		char raw[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = {};
	struct iovec iov = {
		.iov_base = message,
		.iov_len = sizeof(*message),
	};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.raw,
		.msg_controllen = sizeof(control.raw),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != sizeof(*message))
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && fds)
		memcpy(fds, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
	return 0;
}

static int say(int socket)
{
	struct message message = {};

	return send_message(socket, &message, NULL, 0);
}

static int hear(int socket)
{
	struct message message;

	return receive_message(socket, &message, NULL);
}

/*
 * The receiver
 */
#define CHECK(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "# receiver: %d: not so: %s (%m)\n", \
				__LINE__, #condition);			\
			exit(1);					\
		}							\
	} while (0)

struct receiver {
	int socket;
	int iommufd;
	struct vfio_dev vf[2];		/* if their cdevs came along */
	struct message heard;		/* what came with the descriptors */
	uint32_t ioas_id;
	int nr;
	struct iommu_mem_info info[MAX_OBJECTS];
	uint8_t *va[MAX_OBJECTS];
};

static void drop_all_rights(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {};
	struct rlimit none = {};
	int cap = 0;

	while (!prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
		cap++;
	CHECK(cap > CAP_SYS_RAWIO && errno == EINVAL);
	CHECK(!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!setrlimit(RLIMIT_MEMLOCK, &none));
	CHECK(!setgroups(0, NULL));
	CHECK(!setresgid(NOBODY, NOBODY, NOBODY));
	CHECK(!setresuid(NOBODY, NOBODY, NOBODY));
	CHECK(!syscall(SYS_capset, &header, data));
	/* As after execve(): it can read its own files in /proc */
	CHECK(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* A line of /proc/self/status, without its name */
static const char *own_status(const char *name)
{
	static char line[256];
	FILE *file = fopen("/proc/self/status", "re");
	size_t length = strlen(name);

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, length) || line[length] != ':')
			continue;
		fclose(file);
		return line + length + 1;
	}
	fclose(file);
	return NULL;
}

static void check_rights(void)
{
	static const char * const sets[] = {
		"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
	};
	struct rlimit limit;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sets); i++)
		CHECK(own_status(sets[i]) &&
		      !strtoull(own_status(sets[i]), NULL, 16));
	CHECK(strtol(own_status("NoNewPrivs"), NULL, 10) == 1);
	CHECK(geteuid() == NOBODY && getegid() == NOBODY);
	CHECK(!getrlimit(RLIMIT_MEMLOCK, &limit) && !limit.rlim_max);
}

static void receive(struct receiver *r)
{
	int fds[MAX_FDS] = { -1, -1, -1 };
	int i;

	CHECK(!receive_message(r->socket, &r->heard, fds));
	r->iommufd = fds[0];
	CHECK(r->iommufd >= 0);
	for (i = 0; i < 2; i++) {
		vfio_adopt(&r->vf[i], fds[1 + i], r->heard.dev_id[i]);
	}
}

static void find_all(struct receiver *r)
{
	struct iommu_mem_info info = {};

	for (r->nr = 0; !iommufd_mem_next(r->iommufd, &info); r->nr++) {
		CHECK(r->nr < MAX_OBJECTS);
		r->info[r->nr] = info;
	}
}

static void mmap_all(struct receiver *r)
{
	void *va;
	int i;

	for (i = 0; i < r->nr; i++) {
		CHECK(!iommufd_mem_mmap(r->iommufd, r->info[i].out_mmap_offset,
					r->info[i].out_length, MIB(2),
					PROT_READ | PROT_WRITE, &va));
		r->va[i] = va;
	}
}

static void map_by_id(struct receiver *r)
{
	uint64_t iova;
	int i;

	for (i = 0; i < r->nr; i++) {
		iova = IOVA(i);
		CHECK(!iommufd_ioas_map_mem(r->iommufd, r->ioas_id,
					    r->info[i].mem_id, 0,
					    r->info[i].out_length,
					    IOMMUFD_FIXED_READ_WRITE, &iova));
	}
}

static void map_by_va(struct receiver *r)
{
	uint64_t iova;
	int i;

	for (i = 0; i < r->nr; i++) {
		iova = IOVA_BY_VA(i);
		CHECK(!iommufd_ioas_map(r->iommufd, r->ioas_id, r->va[i],
					r->info[i].out_length,
					IOMMUFD_FIXED_READ_WRITE, &iova));
	}
}

/* Find, mmap and map whatever there is */
static void take_all(struct receiver *r)
{
	receive(r);
	find_all(r);
	mmap_all(r);
	CHECK(!iommufd_ioas_alloc(r->iommufd, &r->ioas_id));
	map_by_id(r);
	map_by_va(r);
}

static void check_pattern(uint8_t *va, uint64_t length, uint64_t seed)
{
	CHECK(pattern_check(va, length, seed) == PATTERN_SAME);
}

/* A second half is what the device has made of the first one */
static void check_halves(uint8_t *va, uint64_t length, uint64_t seed)
{
	check_pattern(va, length / 2, seed);
	check_pattern(va + length / 2, length / 2, seed);
}

static void use_everything(struct receiver *r)
{
	struct message message = {};
	int i;

	take_all(r);
	message.ioas_id = r->ioas_id;
	message.nr_objects = r->nr;
	memcpy(message.objects, r->info, sizeof(r->info));
	for (i = 0; i < r->nr; i++) {
		check_pattern(r->va[i], r->info[i].out_length, FROM_LAUNCHER(i));
		pattern_fill(r->va[i], r->info[i].out_length, FROM_RECEIVER(i));
	}
	CHECK(!strtoul(own_status("VmLck"), NULL, 10));
	CHECK(!strtoul(own_status("VmPin"), NULL, 10));
	CHECK(!send_message(r->socket, &message, NULL, 0));
	CHECK(!hear(r->socket));
	for (i = 0; i < r->nr; i++)
		check_halves(r->va[i], r->info[i].out_length, FROM_RECEIVER(i));
}

/* Both ways to map work, for the device that the receiver drives itself */
static void drive_the_device(struct receiver *r)
{
	struct gpu gpu;
	uint64_t half;
	int i;

	CHECK(!vfio_attach(&r->vf[1], r->ioas_id));
	CHECK(!gpu_open(&gpu, &r->vf[1]));
	for (i = 0; i < r->nr; i++) {
		half = r->info[i].out_length / 2;
		pattern_fill(r->va[i], half, FROM_RECEIVER(i));
		CHECK(!gpu_copy(&gpu, IOVA(i), IOVA_BY_VA(i) + half, half,
				MEMTEST_DEADLINE));
		check_halves(r->va[i], 2 * half, FROM_RECEIVER(i));
	}
	gpu_close(&gpu);
}

static void allocate_with(struct receiver *r, uint32_t dev_id)
{
	uint64_t offset;
	uint32_t id;
	void *va;

	CHECK(!iommufd_mem_alloc_region(r->iommufd, dev_id, LENGTH, &id,
					&offset));
	CHECK(!iommufd_mem_mmap(r->iommufd, offset, LENGTH, 0,
				PROT_READ | PROT_WRITE, &va));
	CHECK(pattern_check_word(va, LENGTH, 0) == PATTERN_SAME);
	pattern_fill(va, LENGTH, 7);
	check_pattern(va, LENGTH, 7);
	CHECK(!munmap(va, LENGTH));
	CHECK(!iommufd_destroy(r->iommufd, id));
}

static void destroy_all(struct receiver *r)
{
	uint64_t unmapped;
	int i;

	for (i = 0; i < r->nr; i++) {
		CHECK(!iommufd_ioas_unmap(r->iommufd, r->ioas_id, IOVA(i),
					  r->info[i].out_length, &unmapped));
		CHECK(unmapped == r->info[i].out_length);
		CHECK(!munmap(r->va[i], r->info[i].out_length));
		CHECK(!iommufd_destroy(r->iommufd, r->info[i].mem_id));
	}
	find_all(r);
	CHECK(!r->nr);
}

static void go_on_with_the_device(struct receiver *r)
{
	int i;

	take_all(r);
	CHECK(!say(r->socket));
	CHECK(!hear(r->socket));	/* that the launcher is gone */
	for (i = 0; i < r->nr; i++)
		check_pattern(r->va[i], r->info[i].out_length, FROM_LAUNCHER(i));
	drive_the_device(r);
	allocate_with(r, r->vf[0].dev_id);
	/* What is unmapped can be mapped again */
	CHECK(!iommufd_ioas_unmap(r->iommufd, r->ioas_id, 0, UINT64_MAX, NULL));
	map_by_id(r);
	map_by_va(r);
	drive_the_device(r);
	CHECK(!say(r->socket));
	CHECK(!hear(r->socket));	/* that nobody else got in */
	destroy_all(r);
}

static void go_on_with_memory_alone(struct receiver *r)
{
	struct iommu_mem_alloc alloc = {
		.type = IOMMU_MEM_TYPE_REGION,
		.length = LENGTH,
	};
	uint64_t iova = GIB(512);
	int i, nr_bars = 0;

	take_all(r);
	CHECK(!say(r->socket));
	CHECK(!hear(r->socket));	/* that the launcher is gone */
	find_all(r);
	for (i = 0; i < r->nr; i++) {
		struct iommu_mem_info *info = &r->info[i];
		int ret = iommufd_ioas_map_mem(r->iommufd, r->ioas_id,
					       info->mem_id, 0, info->out_length,
					       IOMMUFD_READ_WRITE, &iova);

		if (info->out_type == IOMMU_MEM_TYPE_DEVICE) {
			CHECK(info->out_attrs == IOMMU_MEM_ATTR_REVOKED);
			CHECK(memtest_read_faults(r->va[i]));
			CHECK(ret == -ENODEV);
			nr_bars++;
			continue;
		}
		CHECK(info->out_attrs == IOMMU_MEM_ATTR_CACHEABLE);
		CHECK(!ret);
		check_pattern(r->va[i], info->out_length, FROM_LAUNCHER(i));
		pattern_fill(r->va[i], info->out_length, FROM_RECEIVER(i));
		check_pattern(r->va[i], info->out_length, FROM_RECEIVER(i));
	}
	CHECK(nr_bars == 1);
	/* No device is bound any more: nothing entitles to more */
	alloc.dev_id = r->heard.dev_id[0];
	CHECK(iommufd_mem_alloc(r->iommufd, &alloc) == -ENOENT);
	alloc.dev_id = 0;
	CHECK(iommufd_mem_alloc(r->iommufd, &alloc) == -EPERM);
	CHECK(!say(r->socket));
	CHECK(!hear(r->socket));	/* that nobody else got in */
	destroy_all(r);
}

static void allocate_what_the_device_entitles_to(struct receiver *r)
{
	struct iommu_mem_alloc alloc = {
		.type = IOMMU_MEM_TYPE_REGION,
		.length = LENGTH,
	};
	uint64_t offset;
	uint32_t id;

	receive(r);
	allocate_with(r, r->heard.dev_id[0]);
	CHECK(!iommufd_mem_alloc_bar(r->iommufd, r->heard.dev_id[0],
				     NVGRACE_GPU_BAR_FB, 0, MIB(2), &id,
				     &offset));
	CHECK(!iommufd_destroy(r->iommufd, id));
	/* The capability of who opened and bound does not count */
	CHECK(iommufd_mem_alloc(r->iommufd, &alloc) == -EPERM);
	alloc.region_index = 4096;
	CHECK(iommufd_mem_alloc(r->iommufd, &alloc) == -EPERM);
	alloc.flags = IOMMU_MEM_ALLOC_LINEAR;
	CHECK(iommufd_mem_alloc(r->iommufd, &alloc) == -EPERM);
}

static bool cannot_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && (errno == EACCES || errno == ENOENT);
}

/* What is in @dir; an entry that starts with a digit only, where @digits */
static void check_cannot_open(const char *dir_name, bool digits)
{
	DIR *dir = opendir(dir_name);
	struct dirent *entry;
	char path[512];

	if (!dir) {
		CHECK(errno == EACCES || errno == ENOENT);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    (digits && !isdigit(entry->d_name[0])))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir_name, entry->d_name);
		CHECK(cannot_open(path, O_RDWR));
	}
	closedir(dir);
}

static void open_devices(struct receiver *r)
{
	receive(r);
	CHECK(cannot_open("/dev/iommu", O_RDWR));
	CHECK(cannot_open("/dev/iommu", O_RDONLY));
	CHECK(cannot_open("/dev/mem", O_RDONLY));
	check_cannot_open("/dev/vfio/devices", false);
	check_cannot_open("/dev/vfio", true);
	CHECK(cannot_open("/sys/devices/system/memory/hard_offline_page",
			  O_WRONLY));
	CHECK(cannot_open("/sys/bus/pci/drivers/vfio-pci/unbind", O_WRONLY));
}

/* Is any number in @text an address of the region? */
static bool tells_address(const struct receiver *r, const char *text)
{
	while (*text) {
		size_t length = strspn(text, "0123456789abcdefABCDEF");
		uint64_t hex = strtoull(text, NULL, 16);
		uint64_t decimal = strtoull(text, NULL, 10);

		if (!length) {
			text++;
			continue;
		}
		/* "0x" would hide what is after it */
		if (length == 1 && text[0] == '0' && text[1] == 'x') {
			text += 2;
			continue;
		}
		if (hex - r->heard.base < r->heard.size ||
		    decimal - r->heard.base < r->heard.size)
			return true;
		text += length;
	}
	return false;
}

/* How many lines there are, none of which tells an address */
static int check_file(const struct receiver *r, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	int lines = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (tells_address(r, line)) {
			fprintf(stderr, "# receiver: %s: %s", path, line);
			exit(1);
		}
		lines++;
	}
	fclose(file);
	return lines;
}

static int check_dir(const struct receiver *r, const char *dir_name)
{
	DIR *dir = opendir(dir_name);
	struct dirent *entry;
	struct stat status;
	char path[1024];
	int lines = 0;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", dir_name, entry->d_name);
		if (!lstat(path, &status) && S_ISREG(status.st_mode))
			lines += check_file(r, path);
	}
	closedir(dir);
	return lines;
}

/* The directories in @parent, or what its links lead to */
static int check_dirs(const struct receiver *r, const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *entry;
	struct stat status;
	char path[512];
	int lines = 0;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", parent, entry->d_name);
		if (entry->d_name[0] != '.' && !stat(path, &status) &&
		    S_ISDIR(status.st_mode))
			lines += check_dir(r, path);
	}
	closedir(dir);
	return lines;
}

/* Where a page is, as /proc/self/pagemap has it: 0 for who must not know */
static uint64_t own_pfn(const void *va)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	CHECK(fd >= 0);
	CHECK(pread(fd, &entry, sizeof(entry),
		    (uintptr_t)va / memtest_page_size() * sizeof(entry)) ==
	      sizeof(entry));
	close(fd);
	return entry & ((1ULL << 55) - 1);
}

static void look_for_addresses(struct receiver *r)
{
	char text[64];
	int i;

	take_all(r);
	/* The search does find one where there is one */
	snprintf(text, sizeof(text), "0x%llx-",
		 (unsigned long long)(r->heard.base + r->heard.size - 1));
	CHECK(r->heard.size && tells_address(r, text));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)r->heard.base);
	CHECK(tells_address(r, text));

	for (i = 0; i < r->nr; i++) {
		CHECK(!memtest_read_faults(r->va[i]));
		CHECK(!own_pfn(r->va[i]));
		CHECK(r->info[i].out_mmap_offset - r->heard.base >=
		      r->heard.size);
	}
	CHECK(check_file(r, "/proc/iomem"));
	CHECK(check_file(r, "/proc/self/maps"));
	CHECK(check_file(r, "/proc/self/smaps"));
	check_file(r, "/proc/self/numa_maps");
	snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", r->iommufd);
	CHECK(check_file(r, text));
	CHECK(check_dirs(r, "/sys/class/iommufd_mem"));
	CHECK(check_dirs(r, "/sys/bus/pci/devices"));
	CHECK(cannot_open("/sys/kernel/debug", O_RDONLY));
	CHECK(cannot_open("/sys/kernel/tracing", O_RDONLY));
}

/*
 * The launcher
 */
struct launcher {
	struct memtest t;
	struct gpu gpu;			/* of VF 1 */
	int nr;
	struct memtest_object objects[MAX_OBJECTS];
};

static struct memtest_object *next_object(struct launcher *l)
{
	return &l->objects[l->nr++];
}

/* The start of the region, unless some of it has failed or is given out */
static int allocate_linear(struct launcher *l)
{
	struct memtest_object object;
	int ret;

	ret = memtest_object_alloc_linear(&l->t, &object, MIB(2));
	if (ret)
		return ret;
	if (memtest_list_bad(&l->t, object.id, NULL, 0))
		return memtest_object_free(&l->t, &object);
	*next_object(l) = object;
	return 0;
}

/*
 * Two VFs, and objects of all kinds with a pattern in each, in the order of their
 * IDs
 */
static int launch(struct launcher *l)
{
	int i, ret;

	memset(l, 0, sizeof(*l));
	ret = memtest_open(&l->t, 2);
	if (!ret)
		ret = gpu_open(&l->gpu, &l->t.vf[1]);
	if (!ret)
		ret = allocate_linear(l);
	if (!ret)
		ret = memtest_object_alloc(&l->t, next_object(l), LENGTH);
	if (!ret)
		ret = memtest_object_alloc(&l->t, next_object(l),
					   memtest_page_size());
	if (!ret)
		ret = memtest_object_alloc_bar(&l->t, next_object(l), MIB(2));
	for (i = 0; !ret && i < l->nr; i++) {
		struct memtest_object *object = &l->objects[i];

		ret = memtest_object_mmap(&l->t, object);
		if (!ret)
			pattern_fill(object->va, object->length,
				     FROM_LAUNCHER(i));
	}
	return ret;
}

static int hand_over(struct launcher *l, int socket, bool cdevs)
{
	int fds[MAX_FDS] = { l->t.iommufd, l->t.vf[0].fd, l->t.vf[1].fd };
	struct message message = {
		.dev_id = { l->t.vf[0].dev_id, l->t.vf[1].dev_id },
	};
	int ret;

	ret = memtest_region(&message.base, &message.size);
	return ret ?: send_message(socket, &message, fds, cdevs ? MAX_FDS : 1);
}

FIXTURE(mem_passfd)
{
	struct launcher launcher;	/* if this process is it */
	pid_t receiver;
	int socket;			/* to the receiver */
};

FIXTURE_SETUP(mem_passfd)
{
	struct vfio_function found[MEMTEST_MAX_VFS];

	self->launcher.t.iommufd = -1;
	self->socket = -1;
	if (memtest_find_vfs(found) < 2)
		SKIP(return, "fewer than 2 VFs of the GPU model with a vfio cdev");
}

FIXTURE_TEARDOWN(mem_passfd)
{
	struct launcher *l = &self->launcher;
	int i;

	if (self->receiver) {
		kill(self->receiver, SIGKILL);
		waitpid(self->receiver, NULL, 0);
	}
	if (self->socket >= 0)
		close(self->socket);
	for (i = 0; i < l->nr; i++)
		if (l->objects[i].va)
			munmap(l->objects[i].va, l->objects[i].length);
	if (l->t.iommufd >= 0) {
		gpu_close(&l->gpu);
		memtest_close(&l->t);
	}
	EXPECT_EQ(0, memtest_region_is_idle());
}

static int socket_pair(int sockets[2])
{
	struct timeval deadline = { .tv_sec = MEMTEST_DEADLINE };
	int i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	for (i = 0; i < 2; i++)
		if (setsockopt(sockets[i], SOL_SOCKET, SO_RCVTIMEO, &deadline,
			       sizeof(deadline)))
			return -errno;
	return 0;
}

/* A process that does @work with nothing but a socket. Its ID, and our end */
static pid_t start_receiver(void (*work)(struct receiver *), int *socket)
{
	struct receiver r = {};
	int sockets[2];
	pid_t pid;

	if (socket_pair(sockets))
		return -1;
	pid = fork();
	if (pid) {
		close(sockets[1]);
		*socket = sockets[0];
		return pid;
	}
	CHECK(dup2(sockets[1], 3) == 3);
	CHECK(!close_range(4, ~0U, 0));
	r.socket = 3;
	drop_all_rights();
	check_rights();
	work(&r);
	check_rights();
	exit(0);
}

#define START_RECEIVER(work)						\
	do {								\
		self->receiver = start_receiver(work, &self->socket);	\
		ASSERT_LT(0, self->receiver);				\
	} while (0)

/* The receiver has done all that it should */
#define EXPECT_RECEIVER_ENDS()						\
	do {								\
		int __status = -1;					\
		EXPECT_EQ(self->receiver,				\
			  waitpid(self->receiver, &__status, 0));	\
		EXPECT_EQ(0, __status);					\
		self->receiver = 0;					\
	} while (0)

TEST_F(mem_passfd, everything_is_found_and_used_from_the_descriptor_alone)
{
	struct launcher *l = &self->launcher;
	struct message message;
	int i;

	START_RECEIVER(use_everything);
	ASSERT_EQ(0, launch(l));
	ASSERT_EQ(0, hand_over(l, self->socket, false));
	ASSERT_EQ(0, receive_message(self->socket, &message, NULL));
	ASSERT_EQ(l->nr, message.nr_objects);
	ASSERT_EQ(0, vfio_attach(&l->t.vf[1], message.ioas_id));
	for (i = 0; i < l->nr; i++) {
		struct memtest_object *object = &l->objects[i];
		uint64_t half = object->length / 2;

		EXPECT_EQ(object->id, message.objects[i].mem_id);
		EXPECT_EQ(object->length, message.objects[i].out_length);
		EXPECT_EQ(i == l->nr - 1 ? IOMMU_MEM_TYPE_DEVICE :
					   IOMMU_MEM_TYPE_REGION,
			  message.objects[i].out_type);
		EXPECT_EQ(PATTERN_SAME, pattern_check(object->va, object->length,
						      FROM_RECEIVER(i)));
		EXPECT_EQ(0, gpu_copy(&l->gpu, IOVA(i), IOVA_BY_VA(i) + half,
				      half, MEMTEST_DEADLINE));
		EXPECT_EQ(PATTERN_SAME, pattern_check(object->va + half, half,
						      FROM_RECEIVER(i)));
	}
	EXPECT_EQ(0, say(self->socket));
	EXPECT_RECEIVER_ENDS();
}

/* A launcher that dies as soon as the receiver has taken all; 0 if it could */
static int launch_and_die(int socket, bool cdevs)
{
	struct launcher l;

	return launch(&l) || hand_over(&l, socket, cdevs) || hear(socket);
}

/* With the launcher gone, the receiver goes on, and nobody else gets in */
#define EXPECT_RECEIVER_GOES_ON(cdevs)					\
	do {								\
		struct memtest __other;					\
		int __status = -1;					\
		pid_t __pid = fork();					\
		if (!__pid)						\
			_exit(launch_and_die(self->socket, cdevs));	\
		ASSERT_EQ(__pid, waitpid(__pid, &__status, 0));		\
		ASSERT_EQ(0, __status);					\
		ASSERT_EQ(0, say(self->socket));			\
		ASSERT_EQ(0, hear(self->socket));			\
		EXPECT_EQ(-EBUSY, memtest_open_other(&__other));	\
		EXPECT_EQ(-EBUSY, memtest_region_is_idle());		\
		ASSERT_EQ(0, say(self->socket));			\
		EXPECT_RECEIVER_ENDS();					\
	} while (0)

TEST_F(mem_passfd, a_receiver_of_the_cdevs_goes_on_without_the_launcher)
{
	START_RECEIVER(go_on_with_the_device);
	EXPECT_RECEIVER_GOES_ON(true);
}

TEST_F(mem_passfd, without_the_cdevs_it_keeps_the_memory_but_not_the_bar)
{
	START_RECEIVER(go_on_with_memory_alone);
	EXPECT_RECEIVER_GOES_ON(false);
}

TEST_F(mem_passfd, a_device_that_is_bound_entitles_the_receiver_but_nothing_else)
{
	struct launcher *l = &self->launcher;

	START_RECEIVER(allocate_what_the_device_entitles_to);
	ASSERT_EQ(0, launch(l));
	ASSERT_EQ(0, hand_over(l, self->socket, false));
	EXPECT_RECEIVER_ENDS();
	EXPECT_EQ(l->nr, memtest_count_objects(&l->t));
}

TEST_F(mem_passfd, the_receiver_opens_no_device_by_itself)
{
	START_RECEIVER(open_devices);
	ASSERT_EQ(0, launch(&self->launcher));
	ASSERT_EQ(0, hand_over(&self->launcher, self->socket, false));
	EXPECT_RECEIVER_ENDS();
}

TEST_F(mem_passfd, the_receiver_learns_no_physical_address)
{
	START_RECEIVER(look_for_addresses);
	ASSERT_EQ(0, launch(&self->launcher));
	ASSERT_EQ(0, hand_over(&self->launcher, self->socket, false));
	EXPECT_RECEIVER_ENDS();
}

TEST_HARNESS_MAIN
