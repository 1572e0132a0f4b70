/*
 * What is the owner's alone says on another thread that it is; where a call cannot
 * say so, it ends the program in a debug build. scripts/check-map sees to it that
 * every such call is here.
 */
#include "support.h"

#include <signal.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct things {
	struct a10_ring *ring;
	struct a10_pool *pool;
	struct a10_region *region;
	struct a10_stream *stream;
	struct a10_watch *watch;
	int watched;
	struct a10_scope scope;
};

/* ---- what says so -------------------------------------------------------------- */

static ssize_t refused_poll(struct things *things)
{
	return a10_ring_poll(things->ring, 0);
}

static ssize_t refused_run(struct things *things)
{
	return a10_ring_run(things->ring);
}

static ssize_t refused_flush(struct things *things)
{
	return a10_ring_flush(things->ring);
}

static ssize_t refused_destroy(struct things *things)
{
	return a10_ring_destroy(things->ring, 0);
}

static ssize_t refused_fd(struct things *things)
{
	return a10_ring_fd(things->ring);
}

/* Its result would be -EBADF. */
static ssize_t refused_pollable(struct things *things)
{
	return a10_ring_pollable(things->ring).request.fd == -1 ? -EPERM : 0;
}

static ssize_t refused_tag(struct things *things)
{
	return a10_region_set_tag(things->region, NULL, NULL);
}

static ssize_t refused_tag_direct(struct things *things)
{
	return a10_ring_tag_direct(things->ring,
				   a10_ring_direct(things->ring, 0), A10_STDIN,
				   NULL, NULL);
}

static ssize_t refused_range(struct things *things)
{
	return a10_ring_set_direct_range(things->ring, 0, 1);
}

static ssize_t refused_scope_close(struct things *things)
{
	return a10_scope_close(&things->scope);
}

static ssize_t refused_pool_create(struct things *things)
{
	struct a10_pool *pool;

	return a10_pool_create(things->ring, 2, 4096, 0, &pool);
}

static ssize_t refused_pool_create_zero_copy(struct things *things)
{
	struct a10_pool *pool;

	return a10_pool_create_zero_copy(things->ring, 0, 0, 4, &pool);
}

static ssize_t refused_left(struct things *things)
{
	return a10_pool_left(things->pool);
}

static ssize_t refused_region_create(struct things *things)
{
	struct a10_region *region;

	return a10_region_create(things->ring, NULL, 4096, &region);
}

static ssize_t refused_region_update(struct things *things)
{
	static char memory[4096];

	return a10_region_update(things->region, memory, sizeof(memory));
}

static ssize_t refused_region_clone(struct things *things)
{
	struct a10_region *region;

	return a10_region_clone(things->region, things->ring, &region);
}

static ssize_t refused_region_release(struct things *things)
{
	return a10_region_set_release(things->region, NULL, NULL);
}

static ssize_t refused_personality(struct things *things)
{
	return a10_ring_add_personality(things->ring);
}

static ssize_t refused_no_personality(struct things *things)
{
	return a10_ring_remove_personality(things->ring, 1);
}

/* These two are over for everybody once it is bound. */
static ssize_t refused_restrict(struct things *things)
{
	const enum a10_opcode opcode = A10_OPCODE_NOP;
	const int err = a10_ring_restrict(things->ring, &opcode, 1);

	return err == -EBADFD ? -EPERM : 0;
}

static ssize_t refused_workers(struct things *things)
{
	return a10_ring_set_workers(things->ring, 0, 0, NULL);
}

static ssize_t refused_cpus(struct things *things)
{
	return a10_ring_set_worker_cpus(things->ring, NULL, 0);
}

static ssize_t refused_busy_poll(struct things *things)
{
	return a10_ring_set_busy_poll(things->ring, 0, false);
}

static ssize_t refused_clock(struct things *things)
{
	const int err = a10_ring_set_clock(things->ring, CLOCK_MONOTONIC);

	return err == -EBADFD ? -EPERM : 0;
}

static ssize_t refused_resize(struct things *things)
{
	return a10_ring_resize(things->ring, 0, 0);
}

static ssize_t refused_task_watch(struct things *things)
{
	return a10_task_watch(things->ring, A10_SECOND);
}

static ssize_t refused_scope_submit(struct things *things)
{
	return a10_scope_submit(&things->scope, a10_nop(), NULL, NULL);
}

static ssize_t (*const refusals[])(struct things *) = {
	refused_poll,
	refused_run,
	refused_flush,
	refused_destroy,
	refused_fd,
	refused_pollable,
	refused_tag,
	refused_tag_direct,
	refused_range,
	refused_scope_close,
	refused_pool_create,
	refused_pool_create_zero_copy,
	refused_left,
	refused_region_create,
	refused_region_update,
	refused_region_clone,
	refused_region_release,
	refused_personality,
	refused_no_personality,
	refused_restrict,
	refused_workers,
	refused_cpus,
	refused_busy_poll,
	refused_clock,
	refused_resize,
	refused_task_watch,
	refused_scope_submit,
};

/* ---- what cannot ---------------------------------------------------------------- */

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

static void call_scope_open(struct things *things)
{
	struct a10_scope scope;

	a10_scope_open(&scope, a10_ring_sq(things->ring), 0);
}

static void call_scope_count(struct things *things)
{
	(void)a10_scope_count(&things->scope);
}

static void call_stream_cancel(struct things *things)
{
	a10_stream_cancel(things->stream);
}

static void call_stream_close(struct things *things)
{
	a10_stream_close(things->stream);
}

static void call_watch_add(struct things *things)
{
	(void)a10_watch_add(things->watch, "/", IN_CREATE, 0);
}

static void call_watch_remove(struct things *things)
{
	(void)a10_watch_remove(things->watch, things->watched);
}

static void call_watch_destroy(struct things *things)
{
	a10_watch_destroy(things->watch);
}

/* There is no ring that this thread polls. */
static void call_stream_open(struct things *things)
{
	(void)things;
	(void)a10_stream_open(a10_multishot(a10_after(A10_SECOND)), 1);
}

static void call_pool_destroy(struct things *things)
{
	a10_pool_destroy(things->pool);
}

static void call_region_destroy(struct things *things)
{
	a10_region_destroy(things->region);
}

/* The last three cannot be done at all: they end the program in any build. */
static void (*const calls[])(struct things *) = {
	call_pending,        call_dump,          call_info,
	call_trace,          call_available,     call_scope_cancel,
	call_scope_deadline, call_scope_limit,   call_scope_open,
	call_scope_count,    call_stream_cancel, call_stream_close,
	call_watch_add,      call_watch_remove,  call_watch_destroy,
	call_stream_open,    call_pool_destroy,  call_region_destroy,
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

/* A stream is opened in a callback. */
static void on_open_stream(void *data, const struct a10_result *r)
{
	struct things *things = data;

	(void)r;
	things->stream =
		a10_stream_open(a10_multishot(a10_after(A10_SECOND)), 1);
}

static void things_open(struct things *things)
{
	struct a10_config config = { .registered_buffers = 2,
				     .direct_descriptors = 1 };
	struct a10_sq *sq;

	things->ring = ring_open(&config);
	sq = a10_ring_sq(things->ring);
	ck_assert_int_eq(
		a10_pool_create(things->ring, 2, 4096, 0, &things->pool), 0);
	ck_assert_int_eq(a10_region_create(things->ring, NULL, 4096,
					   &things->region),
			 0);
	ck_assert_int_eq(a10_watch_create(sq, &things->watch), 0);
	things->watched = a10_watch_add(things->watch, "/", IN_CREATE, 0);
	ck_assert_int_gt(things->watched, 0);
	ring_bind(things->ring);
	a10_scope_open(&things->scope, sq, 0);
	ck_assert_int_gt(a10_submit(sq, a10_nop(), on_open_stream, things), 0);
	RUN_UNTIL(things->ring, things->stream);
}

static void *call_all_refused(void *data)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		ck_assert_msg(refusals[i](data) == -EPERM, "call %zu", i);
	return NULL;
}

TEST(what_is_the_owners_alone_is_refused_on_another_thread)
{
	struct things things = { 0 };

	things_open(&things);
	thread_join(thread_start(call_all_refused, &things));
	a10_stream_close(things.stream);
	a10_watch_destroy(things.watch);
	ring_close(things.ring);
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
		const bool ends = i >= CALLS - 3;
#endif

		ck_assert_msg(WIFSIGNALED(status) == ends, "call %zu: %#x", i,
			      (unsigned int)status);
		if (ends)
			ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	}
}
