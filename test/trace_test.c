/* What a ring tells of itself: trace events, names, the log, the dump. */
#include "blocked.h"

#define EVENTS 4096

struct trace {
	struct a10_trace_event events[EVENTS];
	unsigned int count;
};

static void on_event(void *data, const struct a10_trace_event *event)
{
	struct trace *trace = data;

	ck_assert_uint_lt(trace->count, EVENTS);
	if (trace->count > 0)
		ck_assert_int_ge(event->at_ns,
				 trace->events[trace->count - 1].at_ns);
	trace->events[trace->count++] = *event;
}

static unsigned int trace_count(const struct trace *trace, uint32_t kind,
				a10_id id)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < trace->count; i++)
		count += trace->events[i].kind == kind &&
			 (id == 0 || trace->events[i].id == id);
	return count;
}

static const struct a10_trace_event *trace_find(const struct trace *trace,
						uint32_t kind, a10_id id)
{
	for (unsigned int i = 0; i < trace->count; i++)
		if (trace->events[i].kind == kind && trace->events[i].id == id)
			return &trace->events[i];
	ck_abort_msg("no event %u", kind);
}

TEST(an_operation_is_traced_from_submit_to_result)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct trace trace;
	const struct a10_trace_event *submit;
	const struct a10_trace_event *begin;
	const struct a10_trace_event *result;
	struct seen seen;
	char byte;
	int ends[2];
	a10_id id;

	ring_bind(ring);
	pipe_open(ends);
	a10_ring_set_trace(ring, on_event, &trace);
	id = start(ring, a10_read(a10_fd_regular(ends[0]), &byte, 1), &seen);
	ck_assert_uint_eq(trace_count(&trace, A10_TRACE_SUBMIT, id), 1);
	ck_assert_uint_eq(trace_count(&trace, A10_TRACE_START, id), 0);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(trace_count(&trace, A10_TRACE_START, id), 1);
	ck_assert_uint_eq(trace_count(&trace, A10_TRACE_RESULT, id), 0);
	ck_assert_uint_gt(trace_count(&trace, A10_TRACE_ENTER, 0), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	RUN_UNTIL(ring, seen.ended == 1);
	submit = trace_find(&trace, A10_TRACE_SUBMIT, id);
	begin = trace_find(&trace, A10_TRACE_START, id);
	result = trace_find(&trace, A10_TRACE_RESULT, id);
	ck_assert(submit < begin && begin < result);
	ck_assert_uint_eq(submit->opcode, A10_OPCODE_READ);
	ck_assert_uint_eq(result->opcode, A10_OPCODE_READ);
	ck_assert_int_eq(result->value, 1);
	ck_assert(a10_fd_equal(submit->fd, a10_fd_regular(ends[0])));
	ck_assert_uint_eq(trace_count(&trace, A10_TRACE_CANCEL, id), 0);
	ck_assert_uint_eq(trace_count(&trace, A10_TRACE_RESULT, id), 1);
	/* And the library's own part in it is not told. */
	for (unsigned int i = 0; i < trace.count; i++)
		if (trace.events[i].kind != A10_TRACE_ENTER)
			ck_assert_int_eq(trace.events[i].id, id);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_cancel_is_traced)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct trace trace;
	struct seen seen;
	a10_id id;

	ring_bind(ring);
	a10_ring_set_trace(ring, on_event, &trace);
	id = start(ring, a10_after(A10_SECOND * 3600), &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_uint_ge(trace_count(&trace, A10_TRACE_CANCEL, id), 1);
	ck_assert_int_eq(trace_find(&trace, A10_TRACE_RESULT, id)->value,
			 -ECANCELED);
	ck_assert_uint_eq(trace_find(&trace, A10_TRACE_RESULT, id)->opcode,
			  A10_OPCODE_TIMEOUT);
	ring_close(ring);
}

TEST(every_operation_has_its_submit_and_its_result)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct trace trace;
	static struct seen seen[200];
	a10_id ids[200];

	ring_bind(ring);
	a10_ring_set_trace(ring, on_event, &trace);
	for (int i = 0; i < 200; i++)
		ids[i] = start(ring, a10_nop(), &seen[i]);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 200; i++) {
		ck_assert_uint_eq(trace_count(&trace, A10_TRACE_SUBMIT, ids[i]),
				  1);
		ck_assert_uint_eq(trace_count(&trace, A10_TRACE_START, ids[i]),
				  1);
		ck_assert_uint_eq(trace_count(&trace, A10_TRACE_RESULT, ids[i]),
				  1);
	}
	ring_close(ring);
}

TEST(a_hook_that_is_taken_away_is_not_called)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct trace trace;
	unsigned int before;

	a10_ring_set_trace(ring, on_event, &trace);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	before = trace.count;
	ck_assert_uint_gt(before, 0);
	a10_ring_set_trace(ring, NULL, NULL);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ring_close(ring);
	ck_assert_uint_eq(trace.count, before);
}

static void *submit_one(void *data)
{
	ck_assert_int_gt(a10_submit(data, a10_nop(), NULL, NULL), 0);
	return NULL;
}

TEST(what_another_thread_submits_is_traced_by_the_owner)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct trace trace;

	ring_bind(ring);
	a10_ring_set_trace(ring, on_event, &trace);
	thread_join(thread_start(submit_one, a10_ring_sq(ring)));
	ck_assert_uint_eq(trace_count(&trace, A10_TRACE_SUBMIT, 0), 0);
	RUN_UNTIL(ring, trace_count(&trace, A10_TRACE_RESULT, 0) == 1);
	ck_assert_uint_eq(trace_count(&trace, A10_TRACE_SUBMIT, 0), 1);
	ring_close(ring);
}

/* ---- names -------------------------------------------------------------------- */

TEST(opcodes_have_names)
{
	static const struct {
		uint32_t opcode;
		const char *name;
	} rows[] = {
		{ A10_OPCODE_NOP, "nop" },       { A10_OPCODE_READ, "read" },
		{ A10_OPCODE_ACCEPT, "accept" }, { A10_OPCODE_RECV, "recv" },
		{ A10_OPCODE_SEND, "send" },     { A10_OPCODE_CLOSE, "close" },
		{ A10_OPCODE_OPENAT, "openat" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(a10_opcode_name(rows[i].opcode), rows[i].name);
	for (uint32_t i = 0; i <= A10_OPCODE_PIPE; i++) {
		ck_assert_str_ne(a10_opcode_name(i), "?");
		for (uint32_t k = 0; k < i; k++)
			ck_assert_str_ne(a10_opcode_name(i),
					 a10_opcode_name(k));
	}
	ck_assert_str_ne(a10_opcode_name(A10_OPCODE_LISTEN_ON), "?");
	ck_assert_str_ne(a10_opcode_name(A10_OPCODE_CONNECT_TO), "?");
	ck_assert_str_ne(a10_opcode_name(A10_OPCODE_SCOPE_WAIT), "?");
	ck_assert_str_eq(a10_opcode_name(A10_OPCODE_PIPE + 3), "?");
	ck_assert_str_eq(a10_opcode_name(127), "?");
	ck_assert_str_eq(a10_opcode_name(255), "?");
	ck_assert_str_eq(a10_opcode_name(UINT32_MAX), "?");
}

/* ---- the log -------------------------------------------------------------------- */

struct heard {
	unsigned int lines;
	char last[256];
};

static void on_log(void *data, enum a10_log_level level, const char *text)
{
	struct heard *heard = data;

	ck_assert_int_le(level, A10_LOG_DEBUG);
	ck_assert_str_ne(text, "");
	ck_assert_ptr_null(strchr(text, '\n'));
	heard->lines++;
	snprintf(heard->last, sizeof(heard->last), "%s", text);
}

TEST(a_buffer_given_back_twice_is_a_line_in_the_log)
{
	struct a10_ring *ring = ring_open(NULL);
	struct heard heard = { 0 };
	struct a10_result got;
	struct a10_pool *pool;
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(a10_pool_create(ring, 2, 64, 0, &pool), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	got = result_of(ring, a10_read_pooled(a10_fd_regular(ends[0]), pool));
	ck_assert_int_eq(got.value, 1);
	a10_buf_release(got.buf);
	a10_set_log(on_log, &heard);
	a10_buf_release(got.buf);
	ck_assert_uint_eq(heard.lines, 1);
	a10_set_log(NULL, NULL);
	a10_buf_release(got.buf);
	ck_assert_uint_eq(heard.lines, 1);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	pipe_close(ends);
	ring_close(ring);
}

/* ---- the dump ------------------------------------------------------------------- */

struct dump {
	unsigned int lines;
	char text[64][256];
};

static void on_line(void *data, const char *text)
{
	struct dump *dump = data;

	ck_assert_uint_lt(dump->lines, 64);
	ck_assert_str_ne(text, "");
	ck_assert_ptr_null(strchr(text, '\n'));
	snprintf(dump->text[dump->lines++], sizeof(dump->text[0]), "%s", text);
}

TEST(the_dump_has_a_line_for_each_operation_that_is_not_over)
{
	struct a10_ring *ring = ring_open_direct(8);
	static struct seen seen[BLOCKED_KINDS];
	static struct dump dump;
	unsigned int started = 0;
	struct blocked world;

	blocked_open(ring, &world);
	a10_ring_dump(ring, on_line, &dump);
	ck_assert_uint_eq(dump.lines, 0);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		if (!blocked_works(ring, kind))
			continue;
		start(ring, blocked_op(&world, kind), &seen[kind]);
		started++;
		if (kind == BLOCKED_KINDS / 2)
			run_for(ring, A10_MILLISECOND);
	}
	a10_ring_dump(ring, on_line, &dump);
	ck_assert_uint_eq(dump.lines, started);
	ck_assert_uint_eq(started, a10_ring_pending(ring));
	/* In the order that they were made or not: each by its name. */
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		const char *name = a10_opcode_name(
			blocked_op(&world, kind).request.opcode);
		bool found = !blocked_works(ring, kind);

		for (unsigned int i = 0; i < dump.lines; i++)
			found |= strstr(dump.text[i], name) != NULL;
		ck_assert_msg(found, "no line has %s", name);
	}
	ck_assert_int_eq(a10_cancel_all(a10_ring_sq(ring)), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	dump.lines = 0;
	a10_ring_dump(ring, on_line, &dump);
	ck_assert_uint_eq(dump.lines, 0);
	fd_close(ring, world.direct);
	ring_close(ring);
	blocked_close(&world);
}
