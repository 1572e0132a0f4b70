#include "base/heap.h"
#include "base/assert.h"

#include <stddef.h>

/*
 * Makes the later of two roots the first child of the other, which is returned.
 */
static struct heap_node *heap_meld(struct heap_node *a, struct heap_node *b)
{
	if (!a)
		return b;
	if (!b)
		return a;
	if (b->key < a->key) {
		struct heap_node *swap = a;

		a = b;
		b = swap;
	}
	b->next = a->child;
	if (b->next)
		b->next->back = b;
	b->back = a;
	a->child = b;
	a->next = NULL;
	a->back = NULL;
	return a;
}

/*
 * Melds siblings in pairs from the left, then the pairs from the right: that is
 * what makes removal logarithmic on average. The pairs are kept in a list built
 * by prepending, so the second pass runs from the right by itself.
 */
static struct heap_node *heap_merge(struct heap_node *first)
{
	struct heap_node *pairs = NULL, *root = NULL;

	while (first) {
		struct heap_node *a = first, *b = a->next;

		first = b ? b->next : NULL;
		a->next = NULL;
		a->back = NULL;
		if (b) {
			b->next = NULL;
			b->back = NULL;
		}
		a = heap_meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct heap_node *rest = pairs->next;

		pairs->next = NULL;
		root = heap_meld(root, pairs);
		pairs = rest;
	}
	return root;
}

void heap_insert(struct heap *heap, struct heap_node *node)
{
	node->child = NULL;
	node->next = NULL;
	node->back = NULL;
	heap->root = heap_meld(heap->root, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	struct heap_node *below = heap_merge(node->child);

	if (heap->root == node) {
		heap->root = below;
	} else {
		check(node->back);
		if (node->back->child == node)
			node->back->child = node->next;
		else
			node->back->next = node->next;
		if (node->next)
			node->next->back = node->back;
		heap->root = heap_meld(heap->root, below);
	}
	node->child = NULL;
	node->next = NULL;
	node->back = NULL;
}

static bool heap_children_are_sound(const struct heap_node *parent)
{
	const struct heap_node *back = parent, *node = parent->child;

	for (; node; back = node, node = node->next) {
		if (node->back != back || node->key < parent->key)
			return false;
	}
	return true;
}

/* Walks by the links alone, for a heap can be as deep as it is large. */
bool heap_is_sound(const struct heap *heap)
{
	const struct heap_node *node = heap->root;

	if (!node)
		return true;
	if (node->back || node->next)
		return false;
	for (;;) {
		if (!heap_children_are_sound(node))
			return false;
		if (node->child) {
			node = node->child;
			continue;
		}
		while (!node->next) {
			while (node->back && node->back->child != node)
				node = node->back;
			node = node->back;
			if (!node)
				return true;
		}
		node = node->next;
	}
}
