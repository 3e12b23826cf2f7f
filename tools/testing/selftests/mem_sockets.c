// SPDX-License-Identifier: GPL-2.0
/*
 * Two sockets with a region each: a device entitles to the memory of its own, and
 * who holds one region has nothing to do with the other. On machines of one socket
 * there is nothing to see.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "memtest.h"

struct socket {
	char dir[64];			/* of its region, in sysfs */
	struct vfio_function vf;	/* a VF that is linked to it */
};

static long long number(const struct socket *socket, const char *name)
{
	char path[128], text[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", socket->dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return LLONG_MIN;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length < 0)
		return LLONG_MIN;
	text[length] = '\0';
	return strtoll(text, NULL, 10);
}

/* The region's device; false if there is no such region, or no VF of it */
static bool find_socket(struct socket *socket, int region)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	int i, nr = memtest_find_vfs(found);
	char path[128];

	snprintf(socket->dir, sizeof(socket->dir), "/sys/class/iommufd_mem/egm%d",
		 region);
	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%.15s", socket->dir,
			 found[i].bdf);
		if (access(path, F_OK))
			continue;
		socket->vf = found[i];
		return true;
	}
	return false;
}

/* A context with a device of this socket */
static int open_on(struct memtest *t, const struct socket *socket)
{
	int ret;

	ret = memtest_open(t, 0);
	if (!ret)
		ret = vfio_open(&t->vf[0], &socket->vf);
	if (!ret)
		ret = vfio_bind(&t->vf[0], t->iommufd);
	if (ret)
		memtest_close(t);
	return ret;
}

FIXTURE(mem_sockets)
{
	struct socket socket[2];
	struct memtest t[2];		/* each with the VF of its socket */
	struct memtest_object object;
};

FIXTURE_SETUP(mem_sockets)
{
	int i;

	for (i = 0; i < 2; i++)
		if (!find_socket(&self->socket[i], i))
			SKIP(return, "there are no VFs of two sockets");
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, open_on(&self->t[i], &self->socket[i]));
}

FIXTURE_TEARDOWN(mem_sockets)
{
	memtest_close(&self->t[0]);
	memtest_close(&self->t[1]);
}

TEST_F(mem_sockets, memory_is_of_the_socket_of_the_device)
{
	struct iommu_mem_info info = {};
	long long before[2];
	int i;

	for (i = 0; i < 2; i++) {
		before[0] = number(&self->socket[0], "free");
		before[1] = number(&self->socket[1], "free");
		ASSERT_EQ(0, memtest_object_alloc(&self->t[i], &self->object,
						  MIB(2)));
		EXPECT_EQ(before[i] - (long long)MIB(2),
			  number(&self->socket[i], "free"));
		EXPECT_EQ(before[!i], number(&self->socket[!i], "free"));

		info.mem_id = self->object.id;
		ASSERT_EQ(0, iommufd_mem_info(self->t[i].iommufd, &info));
		EXPECT_EQ(number(&self->socket[i], "node"), info.out_node);
		EXPECT_EQ(0, memtest_object_free(&self->t[i], &self->object));
	}
}

TEST_F(mem_sockets, a_device_cannot_get_more_than_its_socket_has)
{
	uint64_t got;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, memtest_free_memory(&self->t[i], &got));
		EXPECT_EQ(number(&self->socket[i], "free"), (long long)got);
	}
}

TEST_F(mem_sockets, nor_name_the_region_of_another)
{
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_REGION,
		.dev_id = self->t[0].vf[0].dev_id,
		.region_index = number(&self->socket[1], "id"),
		.length = MIB(2),
	};

	ASSERT_EQ(1, cmd.region_index);
	EXPECT_EQ(-EINVAL, iommufd_mem_alloc(self->t[0].iommufd, &cmd));
	EXPECT_EQ(0, number(&self->socket[1], "owners"));
}

TEST_F(mem_sockets, each_has_an_owner_of_its_own)
{
	struct memtest_object object;

	ASSERT_EQ(0, memtest_object_alloc(&self->t[0], &self->object, MIB(2)));
	EXPECT_EQ(1, number(&self->socket[0], "owners"));
	EXPECT_EQ(0, number(&self->socket[1], "owners"));
	ASSERT_EQ(0, memtest_object_alloc(&self->t[1], &object, MIB(2)));

	/* The holder of a region keeps its devices (the errno is the IOMMU core's) */
	vfio_close(&self->t[0].vf[0]);
	vfio_close(&self->t[1].vf[0]);
	ASSERT_EQ(0, vfio_open(&self->t[1].vf[0], &self->socket[0].vf));
	EXPECT_EQ(-EPERM, vfio_bind(&self->t[1].vf[0], self->t[1].iommufd));
	EXPECT_EQ(0, memtest_object_free(&self->t[0], &self->object));
	EXPECT_EQ(0, vfio_bind(&self->t[1].vf[0], self->t[1].iommufd));
	EXPECT_EQ(0, memtest_object_free(&self->t[1], &object));
}

TEST_F(mem_sockets, one_context_can_have_memory_of_both)
{
	struct memtest *t = &self->t[0];
	struct memtest_object object;

	memtest_close(&self->t[1]);
	ASSERT_EQ(0, memtest_object_alloc(t, &self->object, MIB(2)));
	ASSERT_EQ(0, vfio_open(&t->vf[1], &self->socket[1].vf));
	ASSERT_EQ(0, vfio_bind(&t->vf[1], t->iommufd));
	ASSERT_EQ(0, iommufd_mem_alloc_region(t->iommufd, t->vf[1].dev_id,
					      MIB(2), &object.id,
					      &object.mmap_offset));
	EXPECT_EQ(1, number(&self->socket[0], "owners"));
	EXPECT_EQ(1, number(&self->socket[1], "owners"));
	EXPECT_EQ(0, memtest_object_free(t, &self->object));
	EXPECT_EQ(0, number(&self->socket[0], "owners"));
	EXPECT_EQ(1, number(&self->socket[1], "owners"));
}

TEST_HARNESS_MAIN
