/*
 * A pairing heap of times: intrusive, so that nothing on an operation's path
 * allocates or can fail. The least key is at the root.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	struct heap_node *child; /* the first of those that are later */
	struct heap_node *next;  /* the next child of the same parent */
	struct heap_node *back;  /* the child before, or the parent, or NULL */
};

struct heap {
	struct heap_node *root;
};

/* node must not be in a heap. */
void heap_insert(struct heap *heap, struct heap_node *node);

/* node must be in this heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the least key; NULL: empty. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->root;
}

/* In debug and test builds: every child is later, every link has its pair. */
bool heap_is_sound(const struct heap *heap);

#endif
