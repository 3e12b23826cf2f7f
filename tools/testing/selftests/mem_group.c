// SPDX-License-Identifier: GPL-2.0
/*
 * An exclusive region, one of whose devices another process has, or wants, the old
 * way: through its VFIO group, and VFIO's container or an iommufd in its place.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "memtest.h"

/* What the other process is asked for; each answer is 0 or a negative errno */
enum request {
	OPEN_GROUP,
	SET_CONTAINER,
	GET_DEVICE,
};

struct group {
	int group;
	int container;
	int device;
};

static int open_group(struct group *g, const char *bdf)
{
	g->group = memtest_open_group(bdf);
	return g->group < 0 ? g->group : 0;
}

/* Of VFIO itself, or what iommufd offers instead */
static int set_container(struct group *g)
{
	if (ioctl(g->group, VFIO_GROUP_SET_CONTAINER, &g->container))
		return -errno;
	if (ioctl(g->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	return 0;
}

static int get_device(struct group *g, const char *bdf)
{
	g->device = ioctl(g->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	return g->device < 0 ? -errno : 0;
}

static void close_all(struct group *g)
{
	if (g->device >= 0)
		close(g->device);
	if (g->group >= 0)
		close(g->group);
	if (g->container >= 0)
		close(g->container);
}

static const struct group no_group = {
	.group = -1, .container = -1, .device = -1,
};

/* The other process: has what it was asked for until the socket is closed */
static void serve(int socket, const char *path, const char *bdf)
{
	struct group g = no_group;
	enum request request;
	int answer;

	g.container = open(path, O_RDWR | O_CLOEXEC);
	while (read(socket, &request, sizeof(request)) == sizeof(request)) {
		if (request == OPEN_GROUP)
			answer = open_group(&g, bdf);
		else if (request == SET_CONTAINER)
			answer = set_container(&g);
		else
			answer = get_device(&g, bdf);
		if (write(socket, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

FIXTURE(mem_group)
{
	struct memtest t;		/* with VF 0 */
	struct memtest_object object;
	char bdf[16];			/* of VF 1 */
	pid_t other;
	int socket;			/* to it */
};

FIXTURE_VARIANT(mem_group)
{
	const char *container;
};

FIXTURE_VARIANT_ADD(mem_group, iommufd)
{
	.container = "/dev/iommu",
};

FIXTURE_VARIANT_ADD(mem_group, container)
{
	.container = "/dev/vfio/vfio",
};

FIXTURE_SETUP(mem_group)
{
	int sockets[2];

	self->t.iommufd = -1;
	self->socket = -1;
	if (access("/dev/vfio/vfio", F_OK) &&
	    !strcmp(variant->container, "/dev/vfio/vfio"))
		SKIP(return, "the kernel has no container of VFIO");
	MEMTEST_SETUP(&self->t, 2);
	strcpy(self->bdf, self->t.vf[1].function.bdf);
	vfio_close(&self->t.vf[1]);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				sockets));
	self->other = fork();
	ASSERT_LE(0, self->other);
	if (!self->other) {
		/* It shares nothing that keeps the context alive */
		memtest_close(&self->t);
		close(sockets[0]);
		serve(sockets[1], variant->container, self->bdf);
	}
	close(sockets[1]);
	self->socket = sockets[0];
}

FIXTURE_TEARDOWN(mem_group)
{
	if (self->socket >= 0) {
		close(self->socket);
		waitpid(self->other, NULL, 0);
	}
	if (self->t.iommufd >= 0)
		memtest_close(&self->t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

static int ask(int socket, enum request request)
{
	int answer;

	if (write(socket, &request, sizeof(request)) != sizeof(request) ||
	    read(socket, &answer, sizeof(answer)) != sizeof(answer))
		return -EIO;
	return answer;
}

#define EXPECT_OTHER(expected, request)					\
	EXPECT_EQ(expected, ask(self->socket, request))

#define EXPECT_ALLOC(expected)						\
	EXPECT_EQ(expected, memtest_object_alloc(&self->t,		\
						 &self->object, MIB(2)))

/* All that it opened is closed when it has ended */
#define END_OTHER()							\
	do {								\
		close(self->socket);					\
		self->socket = -1;					\
		ASSERT_EQ(self->other, waitpid(self->other, NULL, 0));	\
	} while (0)

TEST_F(mem_group, a_device_of_another_process_keeps_memory_away)
{
	EXPECT_OTHER(0, OPEN_GROUP);
	EXPECT_OTHER(0, SET_CONTAINER);
	EXPECT_OTHER(0, GET_DEVICE);
	EXPECT_ALLOC(-EBUSY);
	EXPECT_EQ(-EBUSY, memtest_region_is_idle());
	EXPECT_EQ(0, memtest_count_objects(&self->t));
	END_OTHER();
	EXPECT_ALLOC(0);
}

TEST_F(mem_group, memory_keeps_the_device_from_another_process)
{
	int ret;

	EXPECT_ALLOC(0);
	EXPECT_OTHER(0, OPEN_GROUP);
	/* VFIO claims a group at once, iommufd a device when it is opened */
	ret = ask(self->socket, SET_CONTAINER);
	if (!ret)
		ret = ask(self->socket, GET_DEVICE);
	EXPECT_EQ(-EPERM, ret);
	EXPECT_EQ(0, memtest_object_free(&self->t, &self->object));

	ask(self->socket, SET_CONTAINER);
	EXPECT_OTHER(0, GET_DEVICE);
	EXPECT_ALLOC(-EBUSY);
}

TEST_F(mem_group, a_group_that_is_only_open_keeps_nothing_away)
{
	EXPECT_OTHER(0, OPEN_GROUP);
	EXPECT_ALLOC(0);
	EXPECT_EQ(0, memtest_object_free(&self->t, &self->object));
}

TEST_F(mem_group, halfway_to_the_device_one_of_the_two_gets_all)
{
	int alloc;

	EXPECT_OTHER(0, OPEN_GROUP);
	EXPECT_OTHER(0, SET_CONTAINER);
	alloc = memtest_object_alloc(&self->t, &self->object, MIB(2));
	if (alloc)
		EXPECT_EQ(-EBUSY, alloc);
	EXPECT_OTHER(alloc ? 0 : -EPERM, GET_DEVICE);
}

TEST_F(mem_group, memory_comes_back_when_the_other_process_is_killed)
{
	EXPECT_OTHER(0, OPEN_GROUP);
	EXPECT_OTHER(0, SET_CONTAINER);
	EXPECT_OTHER(0, GET_DEVICE);
	EXPECT_ALLOC(-EBUSY);
	ASSERT_EQ(0, kill(self->other, SIGKILL));
	END_OTHER();
	EXPECT_ALLOC(0);
}

/* A VMM that opens its devices through their groups, in its one iommufd */
TEST(the_holder_gets_its_devices_through_their_groups)
{
	struct memtest_object object;
	struct group g = no_group;
	struct memtest t;
	char bdf[16];

	MEMTEST_SETUP(&t, 2);
	strcpy(bdf, t.vf[1].function.bdf);
	vfio_close(&t.vf[1]);
	ASSERT_EQ(0, memtest_object_alloc(&t, &object, MIB(2)));

	g.container = dup(t.iommufd);
	EXPECT_EQ(0, open_group(&g, bdf));
	EXPECT_EQ(0, set_container(&g));
	EXPECT_EQ(0, get_device(&g, bdf));
	EXPECT_EQ(0, memtest_object_free(&t, &object));
	/* And nobody's else is in the way of more */
	EXPECT_EQ(0, memtest_object_alloc(&t, &object, MIB(2)));
	close_all(&g);
	EXPECT_EQ(0, memtest_object_free(&t, &object));
	memtest_close(&t);
	EXPECT_EQ(0, memtest_region_is_idle());
}

TEST_HARNESS_MAIN
