#include "task/stack.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <a10/trace.h>

#ifdef A10_VALGRIND
#include <valgrind/valgrind.h>
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define STACK_FORGIVE(low, size) __asan_unpoison_memory_region((low), (size))
#else
#define STACK_FORGIVE(low, size) ((void)(low), (void)(size))
#endif

/* Their frames are several times as large. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define STACK_TIMES 4u
#else
#define STACK_TIMES 1u
#endif

#define STACK_SMALLEST ((size_t)16 << 10)
#define STACK_PAGES    4u /* at least: of 64 KiB, one is the guard */

#define SLAB_SIZE    ((size_t)2 << 20)
#define SLABS_BIGGER ((size_t)1 << 20) /* from here on one stack a slab */
#define DEPOT_WARM   1024u /* of a class; beyond, their pages go back */

#define COLOURS     32u
#define COLOUR_SIZE 64u /* a line of the cache */

/* Each makes two maps, of which a process has 65,530. */
#define PROTECTED_MOST 30000u

#define CANARY       UINT64_C(0xa10ca9a87c4a9a27)
#define CANARY_WORDS 8u

/* All slabs there ever were, for walks over all stacks. */
struct slab {
	struct slab *next;
	uint32_t count;
	struct stack stacks[];
};

static _Atomic(struct slab *) slabs;

/* tag << 48 | pointer: the tag against reuse between a look and an exchange. */
static _Atomic uint64_t depot[STACK_CLASSES];
static _Atomic uint32_t depot_count[STACK_CLASSES];

static _Atomic bool guards_unmarked; /* the kernel has no such thing */
static uint32_t protected_most = PROTECTED_MOST;
static _Atomic uint32_t guards_protected;
static _Atomic uint32_t guards_canary;
static _Atomic size_t deepest; /* of stacks whose pages went back */

static size_t page_size(void)
{
	static _Atomic size_t known;
	size_t size = atomic_load_explicit(&known, memory_order_relaxed);

	if (!size) {
		size = (size_t)sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&known, size, memory_order_relaxed);
	}
	return size;
}

static size_t class_size(uint32_t size_class)
{
	return STACK_SMALLEST * STACK_TIMES << size_class;
}

uint32_t stack_class(size_t size)
{
	const size_t least = STACK_PAGES * page_size();
	unsigned long long times;
	uint32_t size_class;

	size *= STACK_TIMES;
	if (size < least)
		size = least;
	/* Of the smallest, less a byte. */
	times = (size - 1) / (STACK_SMALLEST * STACK_TIMES);
	if (times == 0)
		return 0;
	size_class = 64 - (uint32_t)__builtin_clzll(times);
	return size_class < STACK_CLASSES ? size_class : STACK_CLASSES;
}

size_t stack_room(size_t size)
{
	const size_t pages = STACK_PAGES * page_size();

	if (size < STACK_SMALLEST)
		size = STACK_SMALLEST;
	if (size < pages)
		size = pages;
	return size - page_size() - (size_t)COLOURS * COLOUR_SIZE;
}

static size_t guard_size(const struct stack *stack)
{
	return stack->guard == GUARD_CANARY ? CANARY_WORDS * sizeof(uint64_t) :
					      page_size();
}

char *stack_floor(const struct stack *stack)
{
	return stack->low + guard_size(stack);
}

bool stack_is_guard(const struct stack *stack, const void *address)
{
	const uintptr_t at = (uintptr_t)address;

	return stack->guard != GUARD_CANARY && at >= (uintptr_t)stack->low &&
	       at < (uintptr_t)stack_floor(stack);
}

bool canary_is_whole(const struct stack *stack)
{
	const uint64_t *words = (const void *)stack->low;
	uint32_t i;

	for (i = 0; i < CANARY_WORDS; i++) {
		if (words[i] != CANARY)
			return false;
	}
	return true;
}

void stack_guards_limit(uint32_t most)
{
	atomic_store(&guards_unmarked, true);
	protected_most = most;
}

static bool guard_mark(struct stack *stack)
{
	if (atomic_load_explicit(&guards_unmarked, memory_order_relaxed))
		return false;
	if (madvise(stack->low, page_size(), MADV_GUARD_INSTALL) == 0)
		return true;
	if (errno == EINVAL)
		atomic_store_explicit(&guards_unmarked, true,
				      memory_order_relaxed);
	return false;
}

static bool guard_protect(struct stack *stack)
{
	if (atomic_fetch_add_explicit(&guards_protected, 1,
				      memory_order_relaxed) < protected_most &&
	    mprotect(stack->low, page_size(), PROT_NONE) == 0)
		return true;
	atomic_fetch_sub_explicit(&guards_protected, 1, memory_order_relaxed);
	return false;
}

static void guard_make(struct stack *stack)
{
	uint64_t *words = (void *)stack->low;
	uint32_t i;

	stack->guard = GUARD_MARKED;
	if (guard_mark(stack))
		return;
	stack->guard = GUARD_PROTECTED;
	if (guard_protect(stack))
		return;
	stack->guard = GUARD_CANARY;
	for (i = 0; i < CANARY_WORDS; i++)
		words[i] = CANARY;
	if (atomic_fetch_add_explicit(&guards_canary, 1,
				      memory_order_relaxed) == 0)
		log_line(A10_LOG_WARNING,
			 "a10: no more maps for guard pages: an overflow of a "
			 "stack is noticed late from now on");
}

/* ---- the depot ----------------------------------------------------------- */

static struct stack *depot_pointer(uint64_t head)
{
	return (struct stack *)(uintptr_t)(head & ((UINT64_C(1) << 48) - 1));
}

static uint64_t depot_head(uint64_t old, const struct stack *stack)
{
	return (((old >> 48) + 1) << 48) | (uint64_t)(uintptr_t)stack;
}

static void depot_push(struct stack *stack)
{
	_Atomic uint64_t *first = &depot[stack->size_class];
	uint64_t head = atomic_load_explicit(first, memory_order_relaxed);

	do {
		atomic_store_explicit(&stack->next, depot_pointer(head),
				      memory_order_relaxed);
		/* Release: pairs with the acquire in depot_pop. */
	} while (!atomic_compare_exchange_weak_explicit(
		first, &head, depot_head(head, stack), memory_order_release,
		memory_order_relaxed));
	atomic_fetch_add_explicit(&depot_count[stack->size_class], 1,
				  memory_order_relaxed);
}

static struct stack *depot_pop(uint32_t size_class)
{
	_Atomic uint64_t *first = &depot[size_class];
	uint64_t head = atomic_load_explicit(first, memory_order_acquire);
	struct stack *stack;

	/* Acquire: pairs with the release in depot_push. */
	while ((stack = depot_pointer(head))) {
		/* May be another's by now; then the tag has changed too. */
		struct stack *rest = atomic_load_explicit(&stack->next,
							  memory_order_relaxed);

		if (atomic_compare_exchange_weak_explicit(
			    first, &head, depot_head(head, rest),
			    memory_order_acquire, memory_order_acquire)) {
			atomic_fetch_sub_explicit(&depot_count[size_class], 1,
						  memory_order_relaxed);
			return stack;
		}
	}
	return NULL;
}

/* ---- how deep ------------------------------------------------------------- */

/* Bytes from the lowest page in use to the end. */
static size_t stack_used(const struct stack *stack)
{
	const size_t page = page_size();
	const char *from = stack->low + page;
	unsigned char present[64];
	size_t i, count;

	for (; from < stack->high; from += count * page) {
		count = (size_t)(stack->high - from) / page;
		if (count > sizeof(present))
			count = sizeof(present);
		if (mincore((void *)(uintptr_t)from, count * page, present) < 0)
			return 0;
		for (i = 0; i < count; i++) {
			if (present[i] & 1)
				return (size_t)(stack->high - from) - i * page;
		}
	}
	return 0;
}

static void deepest_note(size_t used)
{
	size_t known = atomic_load_explicit(&deepest, memory_order_relaxed);

	while (used > known &&
	       !atomic_compare_exchange_weak_explicit(&deepest, &known, used,
						      memory_order_relaxed,
						      memory_order_relaxed))
		;
}

void a10_task_stacks(struct a10_task_stacks *ret_stacks)
{
	const struct slab *slab =
		atomic_load_explicit(&slabs, memory_order_acquire);
	size_t count = 0, used;
	uint32_t i;

	for (; slab; slab = slab->next) {
		for (i = 0; i < slab->count; i++) {
			used = stack_used(&slab->stacks[i]);
			deepest_note(used);
		}
		count += slab->count;
	}
	memset(ret_stacks, 0, sizeof(*ret_stacks));
	ret_stacks->count = count;
	ret_stacks->deepest = atomic_load(&deepest);
	ret_stacks->guards_canary = atomic_load(&guards_canary);
	ret_stacks->guards_protected = atomic_load(&guards_protected);
	ret_stacks->guards_marked = count - ret_stacks->guards_canary -
				    ret_stacks->guards_protected;
}

/* ---- taking and giving ----------------------------------------------------- */

static void slab_add(struct slab *slab)
{
	struct slab *first = atomic_load_explicit(&slabs, memory_order_relaxed);

	do {
		slab->next = first;
		/* Release: pairs with the acquire in a10_task_stacks. */
	} while (!atomic_compare_exchange_weak_explicit(&slabs, &first, slab,
							memory_order_release,
							memory_order_relaxed));
}

/* The first of the new ones; the others go to the depot. */
static struct stack *slab_make(uint32_t size_class)
{
	const size_t size = class_size(size_class);
	const size_t count = size < SLABS_BIGGER ? SLAB_SIZE / size : 1;
	struct slab *slab;
	char *memory;
	uint32_t i;

	slab = calloc(1, sizeof(*slab) + count * sizeof(slab->stacks[0]));
	if (!slab)
		return NULL;
	memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK,
		      -1, 0);
	if (memory == MAP_FAILED) {
		free(slab);
		return NULL;
	}
	/* A huge page would be touched whole. */
	(void)madvise(memory, count * size, MADV_NOHUGEPAGE);
	slab->count = (uint32_t)count;
	for (i = 0; i < count; i++) {
		struct stack *stack = &slab->stacks[i];

		stack->low = memory + i * size;
		stack->high = stack->low + size;
		stack->size_class = (uint8_t)size_class;
		stack->colour = (uint16_t)(i % COLOURS * COLOUR_SIZE);
		guard_make(stack);
	}
	slab_add(slab);
	for (i = 1; i < count; i++)
		depot_push(&slab->stacks[i]);
	return &slab->stacks[0];
}

struct stack *stack_take(struct a10_ring *ring, size_t size)
{
	const uint32_t size_class = stack_class(size);
	struct stack *stack = NULL;

	if (size_class == STACK_CLASSES)
		return NULL;
	if (ring && (stack = stack_take_kept(ring, size_class)))
		return stack;
	stack = depot_pop(size_class);
	if (!stack)
		stack = slab_make(size_class);
#ifdef A10_VALGRIND
	if (stack && !stack->known) {
		stack->known = true;
		(void)VALGRIND_STACK_REGISTER(stack->low, stack->high - 1);
	}
#endif
	return stack;
}

/* Its pages go back; a canary and marked guards stay. */
static void stack_cool(struct stack *stack)
{
	const size_t page = page_size();

	deepest_note(stack_used(stack));
	(void)madvise(stack->low + page,
		      (size_t)(stack->high - stack->low) - page, MADV_DONTNEED);
}

static void depot_give(struct stack *stack)
{
	if (atomic_load_explicit(&depot_count[stack->size_class],
				 memory_order_relaxed) >= DEPOT_WARM)
		stack_cool(stack);
	depot_push(stack);
}

void stack_give(struct a10_ring *ring, struct stack *stack)
{
	STACK_FORGIVE(stack->low, (size_t)(stack->high - stack->low));
	if (ring && stack_fits(ring, stack))
		stack_keep(ring, stack);
	else
		depot_give(stack);
}

void stack_cache_empty(struct a10_ring *ring)
{
	uint32_t i;

	for (i = 0; i < STACK_CLASSES; i++) {
		struct stack *stack;

		while ((stack = stack_take_kept(ring, i)))
			depot_give(stack);
	}
}
