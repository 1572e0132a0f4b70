#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

/* The same as a heap, so simple that it must be right: keys, sorted. */
struct sorted {
	int64_t *keys;
	size_t count;
};

static size_t sorted_place(const struct sorted *sorted, int64_t key)
{
	size_t low = 0, high = sorted->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (sorted->keys[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void sorted_insert(struct sorted *sorted, int64_t key)
{
	const size_t at = sorted_place(sorted, key);

	memmove(&sorted->keys[at + 1], &sorted->keys[at],
		(sorted->count - at) * sizeof(*sorted->keys));
	sorted->keys[at] = key;
	sorted->count++;
}

static void sorted_remove(struct sorted *sorted, int64_t key)
{
	const size_t at = sorted_place(sorted, key);

	ck_assert_uint_lt(at, sorted->count);
	ck_assert_int_eq(sorted->keys[at], key);
	sorted->count--;
	memmove(&sorted->keys[at], &sorted->keys[at + 1],
		(sorted->count - at) * sizeof(*sorted->keys));
}

static void compare(const struct heap *heap, const struct sorted *sorted)
{
	const struct heap_node *first = heap_first(heap);

	if (sorted->count == 0) {
		ck_assert_ptr_null(first);
		return;
	}
	ck_assert_ptr_nonnull(first);
	ck_assert_int_eq(first->key, sorted->keys[0]);
}

/* Keys of a range: a small one makes many that are equal. */
static int64_t random_key(uint64_t *state, uint64_t range)
{
	const uint64_t number = test_random(state);

	switch (number % 64) {
	case 0:
		return INT64_MIN;
	case 1:
		return INT64_MAX;
	default:
		return (int64_t)((number >> 8) % range) - (int64_t)(range / 2);
	}
}

/*
 * Inserts, removes of any node and removes of the first at random, drifting
 * between nearly empty and nearly full.
 */
static void run_against_sorted(size_t most, unsigned int steps, uint64_t range)
{
	uint64_t state = test_seed() ^ range;
	struct heap_node *nodes = calloc(most, sizeof(*nodes));
	struct heap_node **in = calloc(most, sizeof(struct heap_node *));
	struct sorted sorted = { calloc(most, sizeof(int64_t)), 0 };
	struct heap heap = { NULL };
	uint64_t target = most / 2;

	for (size_t i = 0; i < most; i++)
		in[i] = &nodes[i]; /* the first sorted.count are in */
	for (unsigned int i = 0; i < steps; i++) {
		const bool grow = sorted.count < target;
		struct heap_node *node, **place;

		if (i % 1000 == 0)
			target = test_random(&state) % (most + 1);
		if (sorted.count < most &&
		    (sorted.count == 0 ||
		     test_random(&state) % 4 < (grow ? 3 : 1))) {
			node = in[sorted.count];
			node->key = random_key(&state, range);
			sorted_insert(&sorted, node->key);
			heap_insert(&heap, node);
		} else {
			place = &in[test_random(&state) % sorted.count];
			if (test_random(&state) % 2) {
				for (place = in; *place != heap_first(&heap);)
					place++;
			}
			node = *place;
			heap_remove(&heap, node);
			sorted_remove(&sorted, node->key);
			*place = in[sorted.count];
			in[sorted.count] = node;
		}
		compare(&heap, &sorted);
		if (i % 64 == 0 || sorted.count < 8)
			ck_assert(heap_is_sound(&heap));
	}
	ck_assert(heap_is_sound(&heap));
	while (heap_first(&heap)) {
		const int64_t key = heap_first(&heap)->key;

		heap_remove(&heap, heap_first(&heap));
		sorted_remove(&sorted, key);
		compare(&heap, &sorted);
	}
	ck_assert_uint_eq(sorted.count, 0);
	free(sorted.keys);
	free(in);
	free(nodes);
}

TEST(the_least_key_is_first_whatever_is_inserted_and_removed)
{
	run_against_sorted(1000, test_scaled(100000), UINT64_C(1) << 40);
}

TEST(equal_keys_are_no_trouble)
{
	run_against_sorted(500, test_scaled(50000), 4);
	run_against_sorted(500, test_scaled(10000), 1);
}

TEST(a_heap_of_a_few_is_sound_at_every_step)
{
	run_against_sorted(7, test_scaled(50000), 5);
}

TEST(an_empty_heap_has_no_first_and_is_sound)
{
	struct heap heap = { NULL };
	struct heap_node node = { .key = 5 };

	ck_assert_ptr_null(heap_first(&heap));
	ck_assert(heap_is_sound(&heap));
	heap_insert(&heap, &node);
	ck_assert_ptr_eq(heap_first(&heap), &node);
	heap_remove(&heap, &node);
	ck_assert_ptr_null(heap_first(&heap));
}

/* In ascending order each insert is a child of the root: one long list. */
TEST(a_million_in_order_do_not_need_a_deep_stack)
{
	const size_t count = 1000000;
	struct heap_node *nodes = calloc(count, sizeof(*nodes));
	struct heap heap = { NULL };

	ck_assert_ptr_nonnull(nodes);
	for (size_t i = 0; i < count; i++) {
		nodes[i].key = (int64_t)i;
		heap_insert(&heap, &nodes[i]);
	}
	ck_assert(heap_is_sound(&heap));
	for (size_t i = 0; i < count; i++) {
		/* An assertion writes to a file when it holds, too. */
		if (heap_first(&heap) != &nodes[i])
			ck_abort_msg("at %zu", i);
		heap_remove(&heap, &nodes[i]);
	}
	/* In descending order each is a new root: a chain as deep. */
	for (size_t i = 0; i < count; i++) {
		nodes[i].key = -(int64_t)i;
		heap_insert(&heap, &nodes[i]);
	}
	ck_assert(heap_is_sound(&heap));
	for (size_t i = count; i-- > 0;)
		heap_remove(&heap, &nodes[i]);
	ck_assert_ptr_null(heap_first(&heap));
	free(nodes);
}

TEST(soundness_sees_a_broken_order_and_broken_links)
{
	struct heap_node nodes[5] = { { .key = 0 } };
	struct heap heap = { NULL };
	struct heap_node *back;

	for (int i = 0; i < 5; i++) {
		nodes[i].key = i;
		heap_insert(&heap, &nodes[i]);
	}
	ck_assert(heap_is_sound(&heap));
	nodes[3].key = -1;
	ck_assert(!heap_is_sound(&heap));
	nodes[3].key = 3;
	ck_assert(heap_is_sound(&heap));
	back = nodes[2].back;
	nodes[2].back = &nodes[2];
	ck_assert(!heap_is_sound(&heap));
	nodes[2].back = back;
	ck_assert(heap_is_sound(&heap));
}
