// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_MEM_EXPORT, and IOMMU_IOAS_MAP_FILE of what it gave, in this context and in
 * another.
 */
#include "kselftest_harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "edu.h"
#include "memtest.h"

#define LENGTH		MIB(4)
#define HALF		(LENGTH / 2)
#define IOVA		GIB(4)
#define BAR_IOVA	GIB(64)
#define LOW_IOVA	MIB(16)		/* edu reaches it */

FIXTURE(mem_export)
{
	struct memtest t;
	struct gpu gpu;				/* VF 1 */
	uint64_t page;
	struct memtest_object object;
	uint32_t ioas_id;
	struct iommu_mem_export cmd;		/* a call that works */
};

FIXTURE_SETUP(mem_export)
{
	MEMTEST_SETUP(&self->t, 2);
	self->page = memtest_page_size();
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	ASSERT_EQ(0, iommufd_ioas_alloc(self->t.iommufd, &self->ioas_id));
	ASSERT_EQ(0, vfio_attach(&self->t.vf[1], self->ioas_id));
	ASSERT_EQ(0, gpu_open(&self->gpu, &self->t.vf[1]));
	self->cmd = (struct iommu_mem_export){
		.size = sizeof(self->cmd),
		.mem_id = self->object.id,
		.out_fd = -1,
	};
}

FIXTURE_TEARDOWN(mem_export)
{
	gpu_close(&self->gpu);
	if (self->object.va)
		munmap(self->object.va, LENGTH);
	memtest_close(&self->t);
	if (self->cmd.out_fd >= 0)
		close(self->cmd.out_fd);
	EXPECT_EQ(0, memtest_region_is_idle());
}

#define EXPECT_EXPORT(expected)						\
	EXPECT_EQ(expected, iommufd_ioctl(self->t.iommufd,		\
					  IOMMU_MEM_EXPORT, &self->cmd))

static int map_file(int iommufd, uint32_t ioas_id, int fd, uint64_t start,
		    uint64_t length, uint64_t iova)
{
	return iommufd_ioas_map_file(iommufd, ioas_id, fd, start, length,
				     IOMMUFD_FIXED_READ_WRITE, &iova);
}

#define EXPECT_MAP_FILE(expected, start, length, iova)			\
	EXPECT_EQ(expected, map_file(self->t.iommufd, self->ioas_id,	\
				     self->cmd.out_fd, start, length, iova))

#define EXPECT_COPY(expected, src, dst, length)				\
	EXPECT_EQ(expected, gpu_copy(&self->gpu, src, dst, length,	\
				     MEMTEST_DEADLINE))

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

TEST_F(mem_export, the_file_is_mapped_in_the_same_context)
{
	EXPECT_EXPORT(0);
	EXPECT_MAP_FILE(0, 0, LENGTH, IOVA);
	pattern_fill(self->object.va, HALF, 1);
	EXPECT_COPY(0, IOVA, IOVA + HALF, HALF);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + HALF, HALF, 1));
}

TEST_F(mem_export, start_is_where_the_mapping_starts)
{
	const uint64_t start = MIB(1) + 3 * self->page;

	EXPECT_EXPORT(0);
	EXPECT_MAP_FILE(0, start, 2 * self->page, IOVA);
	pattern_fill(self->object.va, LENGTH, 1);
	EXPECT_COPY(0, IOVA, IOVA + self->page, self->page);
	EXPECT_EQ(PATTERN_SAME,
		  pattern_compare(self->object.va + start,
				  self->object.va + start + self->page,
				  self->page));
	EXPECT_COPY(-EFAULT, IOVA + 2 * self->page, IOVA, self->page);
}

TEST_F(mem_export, ranges_that_leave_the_object_are_invalid)
{
	EXPECT_EXPORT(0);
	EXPECT_MAP_FILE(-EINVAL, LENGTH, self->page, IOVA);
	EXPECT_MAP_FILE(-EINVAL, self->page, LENGTH, IOVA);
	EXPECT_MAP_FILE(-EOVERFLOW, UINT64_MAX - 1, self->page, IOVA);
	EXPECT_COPY(-EFAULT, IOVA, IOVA + self->page, self->page);
}

TEST_F(mem_export, what_is_no_descriptor_cannot_be_mapped)
{
	uint64_t iova = IOVA;

	EXPECT_EQ(-EBADF, map_file(self->t.iommufd, self->ioas_id, -1, 0,
				   LENGTH, IOVA));
	/* The flag of memory objects belongs to IOMMU_IOAS_MAP alone */
	EXPECT_EXPORT(0);
	EXPECT_EQ(-EOPNOTSUPP,
		  iommufd_ioas_map_file(self->t.iommufd, self->ioas_id,
					self->cmd.out_fd, 0, LENGTH,
					IOMMUFD_FIXED_READ_WRITE |
					IOMMU_IOAS_MAP_MEM, &iova));
}

TEST_F(mem_export, the_descriptor_is_closed_on_exec)
{
	EXPECT_EXPORT(0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->cmd.out_fd, F_GETFD));
}

TEST_F(mem_export, unknown_flags_are_not_supported)
{
	const int fds = count_fds();

	self->cmd.flags = 1;
	EXPECT_EXPORT(-EOPNOTSUPP);
	EXPECT_EQ(fds, count_fds());
}

TEST_F(mem_export, only_an_id_of_an_object_is_found)
{
	self->cmd.mem_id = self->ioas_id;
	EXPECT_EXPORT(-ENOENT);
	self->cmd.mem_id = UINT32_MAX;
	EXPECT_EXPORT(-ENOENT);
}

TEST_F(mem_export, too_many_open_files_are_told)
{
	struct rlimit old, few;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	few = old;
	few.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	EXPECT_EXPORT(-EMFILE);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EXPORT(0);
}

TEST_F(mem_export, an_argument_that_cannot_be_written_leaves_no_descriptor)
{
	struct iommu_mem_export *cmd;
	const int fds = count_fds();

	cmd = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, cmd);
	*cmd = self->cmd;
	ASSERT_EQ(0, mprotect(cmd, self->page, PROT_READ));
	EXPECT_EQ(-1, ioctl(self->t.iommufd, IOMMU_MEM_EXPORT, cmd));
	EXPECT_EQ(EFAULT, errno);
	munmap(cmd, self->page);
	EXPECT_EQ(fds, count_fds());
	/* The object is not held either */
	EXPECT_EQ(0, memtest_object_free(&self->t, &self->object));
}

TEST_F(mem_export, the_cpu_gets_nothing_through_the_descriptor)
{
	uint64_t word;

	EXPECT_EXPORT(0);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->cmd.out_fd, 0));
	EXPECT_EQ(-1, read(self->cmd.out_fd, &word, sizeof(word)));
	EXPECT_EQ(-1, write(self->cmd.out_fd, &word, sizeof(word)));
}

TEST_F(mem_export, the_descriptor_keeps_the_memory)
{
	EXPECT_EXPORT(0);
	pattern_fill(self->object.va, LENGTH, 1);
	EXPECT_EQ(0, memtest_object_free(&self->t, &self->object));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->t.iommufd, self->cmd.mem_id));

	/* What was in it is still there, for another object to see */
	EXPECT_MAP_FILE(0, 0, LENGTH, IOVA);
	ASSERT_EQ(0, memtest_object_alloc(&self->t, &self->object, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &self->object));
	ASSERT_EQ(0, memtest_object_map(&self->t, &self->object, self->ioas_id,
					2 * IOVA));
	EXPECT_COPY(0, IOVA, 2 * IOVA, LENGTH);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));
}

TEST_F(mem_export, the_descriptor_keeps_the_region_from_others)
{
	EXPECT_EXPORT(0);
	gpu_close(&self->gpu);
	munmap(self->object.va, LENGTH);
	self->object.va = NULL;
	memtest_close(&self->t);
	EXPECT_NE(0, memtest_region_is_idle());
	close(self->cmd.out_fd);
	self->cmd.out_fd = -1;
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_F(mem_export, the_mapping_outlives_the_descriptor)
{
	EXPECT_EXPORT(0);
	EXPECT_MAP_FILE(0, 0, LENGTH, IOVA);
	close(self->cmd.out_fd);
	self->cmd.out_fd = -1;
	pattern_fill(self->object.va, HALF, 1);
	EXPECT_COPY(0, IOVA, IOVA + HALF, HALF);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + HALF, HALF, 1));
}

TEST_F(mem_export, memory_of_a_device_is_exported_revoked_and_restored)
{
	struct memtest_object bar;

	ASSERT_EQ(0, memtest_object_alloc_bar(&self->t, &bar, LENGTH));
	ASSERT_EQ(0, memtest_object_mmap(&self->t, &bar));
	ASSERT_EQ(0, memtest_object_map(&self->t, &self->object, self->ioas_id,
					IOVA));
	self->cmd.mem_id = bar.id;
	EXPECT_EXPORT(0);
	EXPECT_MAP_FILE(0, 0, LENGTH, BAR_IOVA);
	pattern_fill(bar.va, LENGTH, 1);
	EXPECT_COPY(0, BAR_IOVA, IOVA, LENGTH);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 1));

	ASSERT_EQ(0, vfio_reset(&self->t.vf[0]));
	pattern_fill(bar.va, LENGTH, 2);
	EXPECT_COPY(0, BAR_IOVA, IOVA, LENGTH);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va, LENGTH, 2));

	vfio_close(&self->t.vf[0]);
	EXPECT_COPY(-EFAULT, BAR_IOVA, IOVA, LENGTH);
	EXPECT_MAP_FILE(-ENODEV, 0, LENGTH, 2 * BAR_IOVA);
	EXPECT_EQ(0, memtest_object_free(&self->t, &bar));
}

static int send_fd(int socket, int fd)
{
	union {
		struct cmsghdr align;
		char raw[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.raw,
		.msg_controllen = sizeof(control.raw),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	union {
		struct cmsghdr align;
		char raw[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.raw,
		.msg_controllen = sizeof(control.raw),
	};
	int fd;

	if (recvmsg(socket, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -EIO;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* Another process, with a context and a device of its own. Returns its exit status */
static int map_what_comes(int socket)
{
	uint32_t ioas_id;
	struct edu edu;
	int fd, iommufd, ret;

	fd = receive_fd(socket);
	iommufd = iommufd_open();
	if (fd < 0 || iommufd < 0)
		return 1;
	ret = edu_open(&edu, iommufd);
	if (ret)
		return ret == -ENOENT ? KSFT_SKIP : 2;
	if (iommufd_ioas_alloc(iommufd, &ioas_id) ||
	    vfio_attach(&edu.dev, ioas_id) ||
	    map_file(iommufd, ioas_id, fd, 0, LENGTH, LOW_IOVA))
		return 3;
	close(fd);
	if (edu_copy(&edu, LOW_IOVA, LOW_IOVA + HALF, EDU_MAX_LENGTH,
		     MEMTEST_DEADLINE))
		return 4;
	edu_close(&edu);
	return 0;
}

TEST_F(mem_export, another_process_maps_it_in_another_context)
{
	int sockets[2], status;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0,
				sockets));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(map_what_comes(sockets[1]));
	pattern_fill(self->object.va, EDU_MAX_LENGTH, 1);
	EXPECT_EXPORT(0);
	EXPECT_EQ(0, send_fd(sockets[0], self->cmd.out_fd));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	close(sockets[0]);
	close(sockets[1]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP)
		SKIP(return, "no edu with a vfio cdev");
	EXPECT_EQ(0, status);
	EXPECT_EQ(PATTERN_SAME, pattern_check(self->object.va + HALF,
					      EDU_MAX_LENGTH, 1));
}

TEST_HARNESS_MAIN
