// SPDX-License-Identifier: GPL-2.0
/*
 * Two contexts and two devices of an exclusive region in every order: from every
 * state that they can be in, everything that either context can do, and each time
 * the policy's answer; then a long walk at random.
 *
 * A model of a few lines says what the answer must be. The walk takes the shortest
 * way to the next thing that was not tried yet.
 */
#include "kselftest_harness.h"

#include "memtest.h"

#define NR_DEVICES	2
#define NR_CONTEXTS	2
#define MAX_OBJECTS	2
#define LENGTH		MIB(2)
#define RANDOM_STEPS	150
#define NOBODY		NR_CONTEXTS

/* Who has what */
struct state {
	int device[NR_DEVICES];		/* a context, or NOBODY */
	int holder;			/* of memory, or NOBODY */
	int objects;			/* of the holder */
};

enum verb {
	BIND,		/* a device */
	UNBIND,
	ALLOC,
	FREE,
	CLOSE,		/* the iommufd, then the devices, and open another */
	CLOSE_DEVICES,	/* first */
	NR_VERBS,
};

struct step {
	enum verb verb;
	int context;
	int device;	/* of BIND and UNBIND, else 0 */
};

#define NR_STATES	(3 * 3 * 3 * (MAX_OBJECTS + 1))
#define NR_STEPS	(NR_VERBS * NR_CONTEXTS * NR_DEVICES)

static int state_number(const struct state *s)
{
	return ((s->device[0] * 3 + s->device[1]) * 3 + s->holder) *
		       (MAX_OBJECTS + 1) + s->objects;
}

static struct step step_of(int number)
{
	return (struct step){
		.verb = number / (NR_CONTEXTS * NR_DEVICES),
		.context = number / NR_DEVICES % NR_CONTEXTS,
		.device = number % NR_DEVICES,
	};
}

static bool has_device(const struct state *s, int context)
{
	return s->device[0] == context || s->device[1] == context;
}

/* Does it make sense to try? What is refused by the policy does */
static bool possible(const struct state *s, const struct step *step)
{
	switch (step->verb) {
	case BIND:
		return s->device[step->device] == NOBODY;
	case UNBIND:
		return s->device[step->device] == step->context;
	case ALLOC:
		return !step->device &&
		       !(s->holder == step->context && s->objects == MAX_OBJECTS);
	case FREE:
		return !step->device && s->holder == step->context;
	default:
		return !step->device;
	}
}

/* The policy: 0, or the errno; *s is what follows */
static int model(struct state *s, const struct step *step)
{
	int other = !step->context, i;

	switch (step->verb) {
	case BIND:
		if (s->holder == other)
			return -EPERM;
		s->device[step->device] = step->context;
		return 0;
	case UNBIND:
		s->device[step->device] = NOBODY;
		return 0;
	case ALLOC:
		if (s->holder == other || has_device(s, other))
			return -EBUSY;
		s->holder = step->context;
		s->objects++;
		return 0;
	case FREE:
		if (!--s->objects)
			s->holder = NOBODY;
		return 0;
	default:
		for (i = 0; i < NR_DEVICES; i++)
			if (s->device[i] == step->context)
				s->device[i] = NOBODY;
		if (s->holder == step->context) {
			s->holder = NOBODY;
			s->objects = 0;
		}
		return 0;
	}
}

FIXTURE(mem_orders)
{
	struct vfio_function found[MEMTEST_MAX_VFS];
	struct memtest t[NR_CONTEXTS];
	struct memtest_object objects[MAX_OBJECTS];	/* of the holder */
	struct state state;
	bool tried[NR_STATES][NR_STEPS];
	int steps;
};

static void open_context(struct memtest *t)
{
	int i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < MEMTEST_MAX_VFS; i++)
		t->vf[i].fd = -1;
	t->iommufd = iommufd_open();
}

FIXTURE_SETUP(mem_orders)
{
	int i;

	for (i = 0; i < NR_CONTEXTS; i++)
		open_context(&self->t[i]);
	self->state = (struct state){ { NOBODY, NOBODY }, NOBODY, 0 };
	if (memtest_find_vfs(self->found) < NR_DEVICES)
		SKIP(return, "fewer than 2 VFs of the GPU model with a vfio cdev");
	for (i = 0; i < NR_CONTEXTS; i++)
		ASSERT_LE(0, self->t[i].iommufd);
}

FIXTURE_TEARDOWN(mem_orders)
{
	int i;

	for (i = 0; i < NR_CONTEXTS; i++)
		memtest_close(&self->t[i]);
	EXPECT_EQ(0, memtest_region_is_idle());
}

static int bind_device(struct memtest *t, int device,
		       const struct vfio_function *function)
{
	int ret;

	ret = vfio_open(&t->vf[device], function);
	if (ret)
		return ret;
	ret = vfio_bind(&t->vf[device], t->iommufd);
	if (ret)
		vfio_close(&t->vf[device]);
	return ret;
}

/* With a device if the context has one, else with the capability */
static int allocate(struct memtest *t, struct memtest_object *object)
{
	struct memtest_object new = { .length = LENGTH };
	struct iommu_mem_alloc cmd = {
		.type = IOMMU_MEM_TYPE_REGION,
		.length = LENGTH,
	};
	int i, ret;

	for (i = 0; i < NR_DEVICES; i++)
		if (t->vf[i].fd >= 0)
			cmd.dev_id = t->vf[i].dev_id;
	ret = iommufd_mem_alloc(t->iommufd, &cmd);
	if (ret)
		return ret;
	new.id = cmd.out_mem_id;
	new.mmap_offset = cmd.out_mmap_offset;
	*object = new;
	return 0;
}

static int close_context(struct memtest *t, bool devices_first)
{
	int i;

	if (!devices_first)
		close(t->iommufd);
	for (i = 0; i < NR_DEVICES; i++)
		vfio_close(&t->vf[i]);
	if (devices_first)
		close(t->iommufd);
	open_context(t);
	return t->iommufd < 0 ? t->iommufd : 0;
}

/* What the kernel says to it */
static int take(FIXTURE_DATA(mem_orders) *self, const struct step *step)
{
	struct memtest *t = &self->t[step->context];
	int objects = self->state.objects;

	switch (step->verb) {
	case BIND:
		return bind_device(t, step->device, &self->found[step->device]);
	case UNBIND:
		vfio_close(&t->vf[step->device]);
		return 0;
	case ALLOC:
		/* Where another is the holder it must fail: nothing is stored */
		return allocate(t, &self->objects[objects % MAX_OBJECTS]);
	case FREE:
		return memtest_object_free(t, &self->objects[objects - 1]);
	default:
		return close_context(t, step->verb == CLOSE_DEVICES);
	}
}

/* The kernel's state, by enumeration: who has how many objects */
static bool state_is(FIXTURE_DATA(mem_orders) *self, const struct state *s)
{
	int i;

	for (i = 0; i < NR_CONTEXTS; i++)
		if (memtest_count_objects(&self->t[i]) !=
		    (s->holder == i ? s->objects : 0))
			return false;
	return true;
}

/* True if the kernel did what the model says */
static bool go(FIXTURE_DATA(mem_orders) *self, int number)
{
	static const char * const names[] = {
		"bind", "unbind", "alloc", "free", "close", "close devices",
	};
	struct step step = step_of(number);
	struct state next = self->state;
	int expected = model(&next, &step);
	int ret = take(self, &step);
	bool same = ret == expected && state_is(self, &next);

	if (!same)
		printf("# step %d: context %d: %s %d: %d, but %d expected; devices %d %d, holder %d of %d objects\n",
		       self->steps, step.context, names[step.verb], step.device,
		       ret, expected, self->state.device[0],
		       self->state.device[1], self->state.holder,
		       self->state.objects);
	self->tried[state_number(&self->state)][number] = true;
	self->state = next;
	self->steps++;
	return same;
}

/*
 * The first step on the shortest way, in the model, to one that was not tried yet;
 * -1 if there is none
 */
static int next_step(FIXTURE_DATA(mem_orders) *self)
{
	struct state queue[NR_STATES] = { self->state };
	int first[NR_STATES] = { -1 };
	bool seen[NR_STATES] = {};
	int head, tail = 1, number;

	seen[state_number(&self->state)] = true;
	for (head = 0; head < tail; head++) {
		for (number = 0; number < NR_STEPS; number++) {
			struct step step = step_of(number);
			struct state next = queue[head];
			int way = head ? first[head] : number;

			if (!possible(&next, &step))
				continue;
			if (!self->tried[state_number(&next)][number])
				return way;
			model(&next, &step);
			if (seen[state_number(&next)])
				continue;
			seen[state_number(&next)] = true;
			first[tail] = way;
			queue[tail++] = next;
		}
	}
	return -1;
}

TEST_F_TIMEOUT(mem_orders, every_step_from_every_state_is_answered_by_the_policy,
	       MEMTEST_TIMEOUT)
{
	int number, states = 0, i, j;

	/* With braces: ASSERT_TRUE() is two statements */
	while ((number = next_step(self)) >= 0) {
		ASSERT_TRUE(go(self, number));
	}
	for (i = 0; i < NR_STATES; i++) {
		for (j = 0; j < NR_STEPS && !self->tried[i][j]; j++)
			;
		states += j < NR_STEPS;
	}
	/* 9 where nobody holds memory, and 4 for each holder and number of objects */
	EXPECT_EQ(9 + 4 * NR_CONTEXTS * MAX_OBJECTS, states);
	printf("# %d steps, %d states\n", self->steps, states);
}

/* Of what was before, the state must tell all */
TEST_F_TIMEOUT(mem_orders, a_long_walk_never_leaves_the_policy, MEMTEST_TIMEOUT)
{
	unsigned int seed = 20261121;

	while (self->steps < RANDOM_STEPS) {
		int number = rand_r(&seed) % NR_STEPS;
		struct step step = step_of(number);

		/* Often closed is little done */
		if (step.verb >= CLOSE && rand_r(&seed) % 4)
			continue;
		if (possible(&self->state, &step)) {
			ASSERT_TRUE(go(self, number));
		}
	}
}

TEST_HARNESS_MAIN
