/*
 * Random trees of scopes: tasks that open scopes, spawn and submit into them,
 * fail, are cancelled and run out of time at random points. Whatever happens,
 * every child begins and ends exactly once, none runs after its scope was left,
 * and nothing is left over. Some wait for what never comes, where their scope
 * is sure to end them, and each scope's error is the one a model expects. A tree
 * is its seed, which replays it.
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
#define LOOSE_VALUE   7 /* what one returns, ... */
#define TREE_VALUE    5 /* ... and a whole tree */

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
	uint32_t permits;
	struct a10_channel *silent;   /* into which nothing is sent */
	struct a10_semaphore nobodys; /* which is not released */
	int items; /* that are in the channel, or on their way */
	int pipe[2];
	int bytes;   /* that are in the pipe */
	int idle[2]; /* a pipe into which nothing comes */
	char nothing;
	a10_id loose[LOOSE_MOST]; /* tasks of the ring, in no scope */
	uint32_t loose_count;
	uint32_t loose_ended;
};

/* What surely ends all in a scope that is not shielded. */
enum ending {
	ENDS_BY_ITSELF, /* nothing does */
	ENDS_BY_CLOSE,
	ENDS_BY_DEADLINE,
	ENDS_BY_POLICY, /* an operation that fails, or wins */
};

/* A scope, on its task's stack. */
struct place {
	struct a10_scope scope;
	struct tree *tree;
	bool open;
	uint32_t alive; /* tasks and operations in it */
	uint32_t limit;
	enum ending ending;
	a10_id owner;
	/* As the scope's own: */
	uint32_t flags;
	bool cancelled;
	bool won;
	ssize_t error;
};

struct node {
	struct place *place; /* the scope it is in */
	uint32_t depth;
	bool cancelled; /* it begins so */
};

static uint32_t pick(struct tree *tree, uint32_t count)
{
	return (uint32_t)(test_random(&tree->random) % count);
}

static int64_t a_while(struct tree *tree)
{
	return (int64_t)pick(tree, 60000);
}

/* Perhaps at any moment: that cuts short what is shielded, too. */
static bool ring_ends;

static int grow(void *data);

/* The task is to end, and nothing spares it. */
static bool is_cut(void)
{
	const bool shielded = a10_task_shield(false);

	a10_task_shield(shielded);
	return a10_task_cancelled() && !shielded;
}

/* What the scope is about to make of it. */
static void note(struct place *place, ssize_t value)
{
	if (value >= 0 && place->flags & A10_SCOPE_FIRST_WINS) {
		place->won = true;
		place->error = 0;
		place->cancelled = true;
	}
	if (value < 0 && !(place->cancelled && value == -ECANCELED) &&
	    !place->won && !place->error)
		place->error = value;
	if (value < 0 && place->flags & A10_SCOPE_FAIL_FAST)
		place->cancelled = true;
}

static void on_delivered(void *data, const struct a10_result *r)
{
	struct place *place = data;

	ck_assert(place->open);
	if (r->more)
		return;
	place->alive--;
	place->tree->delivered++;
	note(place, r->value);
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
	return LOOSE_VALUE;
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
	struct node node = {
		.place = place,
		.depth = depth + 1,
		.cancelled = place->cancelled || is_cut(),
	};
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
	if (place->limit && !is_cut())
		ck_assert_uint_le(a10_scope_count(&place->scope), place->limit);
}

/* The one that is not over at once is cancelled. */
static void await_the_first(struct tree *tree)
{
	const struct a10_op ops[3] = { a10_after(PATIENCE),
				       a10_after(a_while(tree)), a10_nop() };
	struct a10_result results[3];
	ssize_t first = a10_await_first(ops, 3, results);

	ck_assert_int_lt(results[0].value, 0);
	if (first < 0)
		ck_assert(is_cut());
	else if (!is_cut() && !ring_ends)
		ck_assert_int_eq(results[first].value, 0);
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
		await_the_first(tree);
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

static ssize_t await_never(struct place *place)
{
	struct tree *tree = place->tree;
	const struct a10_op ops[2] = {
		a10_channel_receive(tree->silent, &tree->nothing, 1),
		a10_semaphore_acquire(&tree->nobodys),
	};
	const struct a10_op read =
		a10_read(a10_fd_regular(tree->idle[0]), &tree->nothing, 1);
	struct a10_stream *stream;
	ssize_t n;

	switch (pick(tree, 8)) {
	case 0:
		return a10_await(ops[0]);
	case 1:
		return a10_await(ops[1]);
	case 2:
		return a10_await_first(ops, 2, NULL);
	case 3:
		return a10_await_every(ops, 2, NULL);
	case 4:
		/* Which waits for this one. */
		return a10_await(a10_task_join(place->owner));
	case 5:
		return a10_await_linked(&read, 1, NULL);
	case 6:
		stream = a10_stream_open(a10_after(PATIENCE), 1);
		n = a10_await(a10_stream_next(stream));
		a10_stream_close(stream);
		return n;
	default:
		return a10_sleep(PATIENCE);
	}
}

/* For what never comes: its scope, or somebody else, ends it. */
static void wait_for_the_end(struct place *place)
{
	const ssize_t n = await_never(place);

	ck_assert(a10_task_cancelled());
	ck_assert(n == -ECANCELED || n == -ETIME);
	/* For the same reason, and so does what follows. */
	ck_assert_int_eq(a10_sleep(PATIENCE), n);
	ck_assert_int_eq(a10_yield(), n);
}

static void place_open(struct place *place, struct tree *tree)
{
	static const uint32_t flags[] = { 0, 0, A10_SCOPE_FAIL_FAST,
					  A10_SCOPE_FIRST_WINS };

	memset(place, 0, sizeof(*place));
	place->tree = tree;
	place->open = true;
	place->owner = a10_task_current();
	place->flags = flags[pick(tree, 4)];
	place->ending = (enum ending)pick(tree, 4);
	if (place->ending == ENDS_BY_POLICY && !place->flags)
		place->ending = ENDS_BY_ITSELF;
	a10_scope_open(&place->scope, NULL, place->flags);
	/* Nobody must wait for room of those that do not end yet. */
	if (pick(tree, 4) == 0 && (place->ending == ENDS_BY_ITSELF ||
				   place->ending == ENDS_BY_DEADLINE))
		place->limit = 1 + pick(tree, 4);
	a10_scope_set_limit(&place->scope, place->limit);
	/* Or when it is left: then it is of those that are in it. */
	if ((place->ending == ENDS_BY_DEADLINE && place->limit) ||
	    pick(tree, 4) == 0)
		a10_scope_set_deadline(&place->scope,
				       a10_now() + a_while(tree));
}

/* What all in it are ended by. */
static void be_decided(struct place *place)
{
	const struct a10_op op =
		place->flags & A10_SCOPE_FIRST_WINS ?
			a10_nop() :
			a10_fsync(a10_fd_regular(place->tree->idle[0]));

	if (a10_scope_submit(&place->scope, op, on_delivered, place) < 0)
		return;
	place->alive++;
	place->tree->submitted++;
}

/* All in it is over afterwards. */
static int place_leave(struct place *place)
{
	struct tree *tree = place->tree;
	int err = 0;

	if (place->ending == ENDS_BY_POLICY)
		be_decided(place);
	if (place->ending == ENDS_BY_DEADLINE)
		a10_scope_set_deadline(&place->scope,
				       a10_now() + a_while(tree));
	if (place->ending != ENDS_BY_CLOSE && pick(tree, 2)) {
		err = (int)a10_await(a10_scope_wait(&place->scope));
		if (!is_cut())
			ck_assert_int_eq(err, place->error);
	}
	if (place->ending == ENDS_BY_CLOSE || pick(tree, 3) || err < 0) {
		place->cancelled = true;
		err = a10_scope_close(&place->scope);
	} else {
		err = (int)a10_await(
			a10_shielded(a10_scope_wait(&place->scope)));
	}
	ck_assert_int_eq(err, place->error);
	ck_assert_uint_eq(place->alive, 0);
	ck_assert_uint_eq(a10_scope_count(&place->scope), 0);
	place->open = false;
	return err;
}

/* Leaves a scope only when all in it is over. */
static int be_a_scope(struct tree *tree, uint32_t depth)
{
	struct place place;

	place_open(&place, tree);
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
			if (pick(tree, 6))
				break;
			place.cancelled = true;
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
	return place_leave(&place);
}

static int grow(void *data)
{
	const struct node node = *(struct node *)data;
	struct tree *tree = node.place->tree;
	int err = 0;

	ck_assert(node.place->open);
	tree->begun++;
	ck_assert(!node.cancelled || a10_task_cancelled());
	if (pick(tree, 5) == 0)
		a10_task_shield(true);
	else if (node.place->ending != ENDS_BY_ITSELF && pick(tree, 3) == 0)
		wait_for_the_end(node.place);
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
	note(node.place, err);
	return err;
}

static void loose_join(struct tree *tree)
{
	for (uint32_t i = 0; i < tree->loose_count; i++) {
		const struct a10_op join =
			a10_shielded(a10_task_join(tree->loose[i]));
		ssize_t n;

		/* The end of the ring cuts short what is shielded, too. */
		while ((n = a10_await(join)) == -ECANCELED)
			;
		if (n != -ESRCH)
			ck_assert_int_eq(n, LOOSE_VALUE);
	}
}

static int grow_tree(void *data)
{
	struct tree tree = { .random = *(uint64_t *)data };
	struct a10_ring *ring = a10_ring_current();
	int item;

	pipe_open(tree.pipe);
	pipe_open(tree.idle);
	tree.channel = a10_channel_create(sizeof(int), pick(&tree, 3), NULL);
	tree.silent = a10_channel_create(1, 0, NULL);
	tree.permits = 1 + pick(&tree, 2);
	a10_semaphore_init(&tree.semaphore, tree.permits);
	a10_semaphore_init(&tree.nobodys, 0);
	be_a_scope(&tree, 0);
	ck_assert_uint_eq(tree.begun, tree.spawned);
	ck_assert_uint_eq(tree.ended, tree.spawned);
	ck_assert_uint_eq(tree.delivered, tree.submitted);
	while (a10_channel_try_receive(tree.channel, &item, sizeof(item)) == 1)
		tree.items--;
	ck_assert_int_eq(tree.items, 0);
	loose_join(&tree);
	ck_assert_uint_eq(tree.loose_ended, tree.loose_count);
	ck_assert_int_eq(ioctl(tree.pipe[0], FIONREAD, &item), 0);
	ck_assert_int_eq(item, tree.bytes);
	pipe_close(tree.pipe);
	pipe_close(tree.idle);
	while (a10_semaphore_try_acquire(&tree.semaphore))
		tree.permits--;
	ck_assert_uint_eq(tree.permits, 0);
	a10_semaphore_finish(&tree.semaphore);
	a10_semaphore_finish(&tree.nobodys);
	a10_channel_unref(tree.channel);
	a10_channel_unref(tree.silent);
	/* Itself, and who waits for it. */
	ck_assert_uint_le(a10_ring_pending(ring), 3);
	return TREE_VALUE;
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
		ssize_t value;
		a10_id id =
			a10_task_spawn(NULL, grow_tree, &seed, sizeof(seed));

		/* Now and then somebody ends the whole tree. */
		if (i % 3 == 0) {
			a10_sleep((int64_t)(seed % 50000));
			a10_cancel(a10_ring_sq(a10_ring_current()), id);
		}
		value = a10_await(a10_task_join(id));
		if (i % 3 != 0 || value != -ESRCH)
			ck_assert_int_eq(value, TREE_VALUE);
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

	ring_ends = true;
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
