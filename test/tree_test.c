/*
 * Random trees of scopes: tasks that open scopes, spawn and submit into them,
 * fail, are cancelled and run out of time at random points. Whatever happens,
 * every child begins and ends exactly once, none runs after its scope was left,
 * and nothing is left over. A tree is its seed, which replays it.
 */
#include "support.h"

#include <poll.h>
#include <sys/ioctl.h>

#include <a10/channel.h>
#include <a10/stream.h>
#include <a10/task.h>

#define DEPTH_MOST    4u
#define CHILDREN_MOST 40u /* of a tree, so that it stays small */
#define IDS_KEPT      16u
#define LOOSE_MOST    4u

/* What all of a tree know. */
struct tree {
	uint64_t random;
	uint32_t children; /* tasks begun so far */
	uint32_t spawned;
	uint32_t begun;
	uint32_t ended;
	uint32_t submitted;
	uint32_t delivered;
	a10_id ids[IDS_KEPT]; /* of some tasks, perhaps over long since */
	struct a10_channel *channel;
	struct a10_semaphore semaphore;
	int items; /* that are in the channel, or on their way */
	int pipe[2];
	int bytes;   /* that are in the pipe */
	int idle[2]; /* a pipe into which nothing comes */
	char nothing;
	a10_id loose[LOOSE_MOST]; /* tasks of the ring, in no scope */
	uint32_t loose_count;
	uint32_t loose_ended;
};

/* A scope, on its task's stack. */
struct place {
	struct a10_scope scope;
	struct tree *tree;
	bool open;
	uint32_t alive; /* tasks and operations in it */
};

struct node {
	struct place *place; /* the scope it is in */
	uint32_t depth;
};

static uint32_t pick(struct tree *tree, uint32_t count)
{
	return (uint32_t)(test_random(&tree->random) % count);
}

static int64_t a_while(struct tree *tree)
{
	return (int64_t)pick(tree, 60000);
}

static int grow(void *data);

static void on_delivered(void *data, const struct a10_result *r)
{
	struct place *place = data;

	ck_assert(place->open);
	if (r->more)
		return;
	place->alive--;
	place->tree->delivered++;
}

static struct a10_op pick_multishot(struct tree *tree)
{
	struct a10_op op = a10_poll(a10_fd_regular(tree->pipe[0]), POLLIN);

	if (pick(tree, 2))
		op = a10_after(1 + a_while(tree) / 4);
	return a10_deadline(a10_multishot(op), a10_now() + a_while(tree));
}

/* Of what is forgotten nothing is heard; its scope waits for it. */
static void forget(struct place *place, a10_id id)
{
	a10_detach(place->scope.sq, id);
	place->alive--;
	place->tree->delivered++;
}

static void submit_something(struct place *place)
{
	struct tree *tree = place->tree;
	struct a10_op op = a10_after(a_while(tree));
	a10_id id;

	if (pick(tree, 4) == 0)
		op = a10_nop();
	else if (pick(tree, 4) == 0)
		op = pick_multishot(tree);
	else if (pick(tree, 4) == 0)
		op = a10_timeout(a10_read(a10_fd_regular(tree->idle[0]),
					  &tree->nothing, 1),
				 a_while(tree));
	else if (pick(tree, 4) == 0)
		op = a10_timeout(op, a_while(tree));
	if (pick(tree, 8) == 0)
		op = a10_shielded(op);
	id = a10_scope_submit(&place->scope, op, on_delivered, place);
	if (id == -ESHUTDOWN)
		return;
	ck_assert_int_gt(id, 0);
	place->alive++;
	tree->submitted++;
	if (pick(tree, 10) == 0)
		a10_cancel(place->scope.sq, id);
	if (pick(tree, 6) == 0)
		forget(place, id);
}

static int be_loose(void *data)
{
	struct tree *tree = data;

	a10_sleep(a_while(tree));
	tree->loose_ended++;
	return 0;
}

/* On the ring: no scope ends it, only who cancels it by name. */
static void spawn_loose(struct tree *tree)
{
	a10_id id;

	if (tree->loose_count == LOOSE_MOST)
		return;
	id = a10_task_spawn(NULL, be_loose, tree, 0);
	if (id == -ESHUTDOWN)
		return;
	ck_assert_int_gt(id, 0);
	tree->loose[tree->loose_count++] = id;
	tree->ids[pick(tree, IDS_KEPT)] = id;
}

static void use_the_pipe(struct tree *tree)
{
	const bool write = pick(tree, 2);
	const struct a10_fd fd = a10_fd_regular(tree->pipe[write]);
	char byte = 0;
	ssize_t n;

	n = a10_await(a10_timeout(write ? a10_write(fd, "x", 1) :
					  a10_read(fd, &byte, 1),
				  a_while(tree)));
	if (n == 1)
		tree->bytes += write ? 1 : -1;
}

static void spawn_something(struct place *place, uint32_t depth)
{
	struct node node = { .place = place, .depth = depth + 1 };
	struct tree *tree = place->tree;
	a10_id id;

	if (depth >= DEPTH_MOST || tree->spawned >= CHILDREN_MOST)
		return;
	tree->spawned++;
	place->alive++;
	id = a10_scope_spawn(&place->scope, grow, &node, sizeof(node));
	if (id == -ESHUTDOWN) {
		tree->spawned--;
		place->alive--;
		return;
	}
	ck_assert_int_gt(id, 0);
	tree->ids[pick(tree, IDS_KEPT)] = id;
}

static void await_something(struct tree *tree)
{
	struct a10_op ops[3] = { a10_after(a_while(tree)),
				 a10_after(a_while(tree)), a10_nop() };
	int item;
	ssize_t n;

	switch (pick(tree, 11)) {
	case 0:
		a10_sleep(a_while(tree));
		break;
	case 1:
		a10_await_first(ops, 3, NULL);
		break;
	case 2:
		a10_await_every(ops, 1 + pick(tree, 3), NULL);
		break;
	case 3:
		n = a10_await(a10_timeout(a10_channel_send(tree->channel, &item,
							   sizeof(item)),
					  a_while(tree)));
		tree->items += n == 1;
		break;
	case 4:
		n = a10_await(a10_timeout(
			a10_channel_receive(tree->channel, &item, sizeof(item)),
			a_while(tree)));
		tree->items -= n == 1;
		break;
	case 5:
		if (a10_await(
			    a10_timeout(a10_semaphore_acquire(&tree->semaphore),
					a_while(tree))) == 0) {
			a10_sleep(a_while(tree) / 8);
			a10_semaphore_release(&tree->semaphore);
		}
		break;
	case 6:
		a10_await(a10_timeout(
			a10_task_join(tree->ids[pick(tree, IDS_KEPT)]),
			a_while(tree)));
		break;
	case 7:
		use_the_pipe(tree);
		break;
	case 8:
		spawn_loose(tree);
		break;
	case 9:
		a10_await_linked(&ops[2], 1, NULL);
		break;
	default:
		a10_yield();
		break;
	}
}

static void stream_something(struct tree *tree)
{
	struct a10_stream *stream = a10_stream_open(a10_after(5000), 2);

	for (uint32_t i = pick(tree, 3); i > 0; i--)
		a10_await(a10_stream_next(stream));
	a10_stream_close(stream);
}

/* Leaves a scope only when all in it is over. */
static int be_a_scope(struct tree *tree, uint32_t depth)
{
	static const uint32_t flags[] = { 0, 0, A10_SCOPE_FAIL_FAST,
					  A10_SCOPE_FIRST_WINS };
	struct place place = { .tree = tree, .open = true };
	int err = 0;

	a10_scope_open(&place.scope, NULL, flags[pick(tree, 4)]);
	if (pick(tree, 4) == 0)
		a10_scope_set_deadline(&place.scope, a10_now() + a_while(tree));
	if (pick(tree, 4) == 0)
		a10_scope_set_limit(&place.scope, 1 + pick(tree, 4));
	for (uint32_t i = 2 + pick(tree, 10); i > 0; i--) {
		switch (pick(tree, 8)) {
		case 0:
		case 1:
		case 7:
			spawn_something(&place, depth);
			break;
		case 2:
			submit_something(&place);
			break;
		case 3:
			if (pick(tree, 6) == 0)
				a10_scope_cancel(&place.scope);
			break;
		case 4:
			a10_cancel(place.scope.sq,
				   tree->ids[pick(tree, IDS_KEPT)]);
			break;
		default:
			await_something(tree);
			break;
		}
	}
	if (pick(tree, 2))
		err = (int)a10_await(a10_scope_wait(&place.scope));
	if (pick(tree, 3) || err == -ECANCELED || err == -ETIME)
		err = a10_scope_close(&place.scope);
	else
		err = (int)a10_await(
			a10_shielded(a10_scope_wait(&place.scope)));
	ck_assert_uint_eq(place.alive, 0);
	ck_assert_uint_eq(a10_scope_count(&place.scope), 0);
	place.open = false;
	return err;
}

static int grow(void *data)
{
	const struct node node = *(struct node *)data;
	struct tree *tree = node.place->tree;
	int err = 0;

	ck_assert(node.place->open);
	tree->begun++;
	if (pick(tree, 5) == 0)
		a10_task_shield(true);
	for (uint32_t i = 1 + pick(tree, 4); i > 0 && err >= 0; i--) {
		await_something(tree);
		ck_assert(node.place->open);
		if (pick(tree, 2))
			err = be_a_scope(tree, node.depth);
		if (pick(tree, 10) == 0)
			stream_something(tree);
	}
	ck_assert(node.place->open);
	ck_assert_uint_gt(node.place->alive, 0);
	if (pick(tree, 6) == 0)
		err = -EIO;
	node.place->alive--;
	tree->ended++;
	return err;
}

static int grow_tree(void *data)
{
	struct tree tree = { .random = *(uint64_t *)data };
	struct a10_ring *ring = a10_ring_current();
	int item;

	pipe_open(tree.pipe);
	pipe_open(tree.idle);
	tree.channel = a10_channel_create(sizeof(int), pick(&tree, 3), NULL);
	a10_semaphore_init(&tree.semaphore, 1 + pick(&tree, 2));
	be_a_scope(&tree, 0);
	ck_assert_uint_eq(tree.begun, tree.spawned);
	ck_assert_uint_eq(tree.ended, tree.spawned);
	ck_assert_uint_eq(tree.delivered, tree.submitted);
	while (a10_channel_try_receive(tree.channel, &item, sizeof(item)) == 1)
		tree.items--;
	ck_assert_int_eq(tree.items, 0);
	/* The end of the ring cuts short what is shielded, too. */
	for (uint32_t i = 0; i < tree.loose_count; i++)
		while (a10_await(a10_shielded(a10_task_join(tree.loose[i]))) ==
		       -ECANCELED)
			;
	ck_assert_uint_eq(tree.loose_ended, tree.loose_count);
	ck_assert_int_eq(ioctl(tree.pipe[0], FIONREAD, &item), 0);
	ck_assert_int_eq(item, tree.bytes);
	pipe_close(tree.pipe);
	pipe_close(tree.idle);
	a10_semaphore_finish(&tree.semaphore);
	a10_channel_unref(tree.channel);
	/* Itself, and who waits for it. */
	ck_assert_uint_le(a10_ring_pending(ring), 3);
	return 0;
}

struct forest {
	uint64_t seed;
	unsigned int count;
};

static int grow_forest(void *data)
{
	const struct forest *forest = data;

	for (unsigned int i = 0; i < forest->count; i++) {
		uint64_t seed = forest->seed + i;
		a10_id id =
			a10_task_spawn(NULL, grow_tree, &seed, sizeof(seed));

		/* Now and then somebody ends the whole tree. */
		if (i % 3 == 0) {
			a10_sleep((int64_t)(seed % 50000));
			a10_cancel(a10_ring_sq(a10_ring_current()), id);
		}
		ck_assert_int_le(a10_await(a10_task_join(id)), 0);
	}
	return 0;
}

TEST_TIMEOUT(every_child_ends_once_and_before_its_scope, 600)
{
	struct forest forest = { .seed = test_seed(),
				 .count = test_scaled(1000) };

	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, grow_forest, &forest), 0);
}

TEST(a_ring_destroyed_in_the_middle_of_a_tree_ends_it_in_order)
{
	uint64_t seed = test_seed();

	for (unsigned int i = 0; i < test_scaled(40); i++) {
		struct a10_ring *ring = ring_open(NULL);

		seed++;
		a10_task_spawn(a10_ring_sq(ring), grow_tree, &seed,
			       sizeof(seed));
		for (unsigned int j = 0; j < seed % 30; j++)
			a10_ring_poll(ring, 20000);
		ring_close(ring);
	}
}
