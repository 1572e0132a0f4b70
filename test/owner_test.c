/*
 * What is the owner's alone, and cannot say that somebody else has called it, ends
 * the program in a debug build.
 */
#include "support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct things {
	struct a10_ring *ring;
	struct a10_pool *pool;
	struct a10_region *region;
	struct a10_scope scope;
};

static void ignore_line(void *data, const char *text)
{
	(void)data;
	(void)text;
}

static void call_pending(struct things *things)
{
	(void)a10_ring_pending(things->ring);
}

static void call_dump(struct things *things)
{
	a10_ring_dump(things->ring, ignore_line, NULL);
}

static void call_info(struct things *things)
{
	struct a10_ring_info info;

	a10_ring_info(things->ring, &info);
}

static void call_trace(struct things *things)
{
	a10_ring_set_trace(things->ring, NULL, NULL);
}

static void call_available(struct things *things)
{
	(void)a10_pool_available(things->pool);
}

static void call_scope_cancel(struct things *things)
{
	a10_scope_cancel(&things->scope);
}

static void call_scope_deadline(struct things *things)
{
	a10_scope_set_deadline(&things->scope, A10_FOREVER);
}

static void call_scope_limit(struct things *things)
{
	a10_scope_set_limit(&things->scope, 1);
}

static void call_pool_destroy(struct things *things)
{
	a10_pool_destroy(things->pool);
}

static void call_region_destroy(struct things *things)
{
	a10_region_destroy(things->region);
}

/* The last two cannot be done at all: they end the program in any build. */
static void (*const calls[])(struct things *) = {
	call_pending,        call_dump,        call_info,
	call_trace,          call_available,   call_scope_cancel,
	call_scope_deadline, call_scope_limit, call_pool_destroy,
	call_region_destroy,
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

struct wrong {
	struct things things;
	size_t which;
};

static void *call_it(void *data)
{
	struct wrong *wrong = data;

	calls[wrong->which](&wrong->things);
	return NULL;
}

static void things_open(struct things *things)
{
	struct a10_config config = { .registered_buffers = 1 };

	things->ring = ring_open(&config);
	ck_assert_int_eq(
		a10_pool_create(things->ring, 2, 4096, 0, &things->pool), 0);
	ck_assert_int_eq(a10_region_create(things->ring, NULL, 4096,
					   &things->region),
			 0);
	ring_bind(things->ring);
	a10_scope_open(&things->scope, a10_ring_sq(things->ring), 0);
}

/* In a process of its own, made before there is a ring. */
static int status_of(size_t which)
{
	const struct rlimit no_core = { 0, 0 };
	pid_t child = fork();
	int status = 0;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct wrong wrong = { .which = which };

		(void)setrlimit(RLIMIT_CORE, &no_core);
		things_open(&wrong.things);
		thread_join(thread_start(call_it, &wrong));
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

TEST(what_is_the_owners_alone_ends_the_program_on_another_thread)
{
	/* Only to see that there are rings. */
	ring_close(ring_open(NULL));
	for (size_t i = 0; i < CALLS; i++) {
		const int status = status_of(i);
#ifdef A10_DEBUG
		const bool ends = true;
#else
		const bool ends = i >= CALLS - 2;
#endif

		ck_assert_msg(WIFSIGNALED(status) == ends, "call %zu: %#x", i,
			      (unsigned int)status);
		if (ends)
			ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	}
}
