/*
 * What stands between a program and the verbs: the functions the inlines are made
 * of, and the hooks of the process.
 */
#include "support.h"

#include <sys/wait.h>

TEST(words_are_a_request)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct seen seen;
	char bytes[4] = "";
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	/* Before there is an owner, and on the owner's own path. */
	for (int i = 0; i < 3; i++) {
		memset(&seen, 0, sizeof(seen));
		ck_assert_int_gt(
			a10_sq_submit_words(
				sq, A10_OPCODE_READ | (uint64_t)ends[0] << 32,
				UINT64_MAX, (uintptr_t)&bytes[i], 1, on_seen,
				&seen),
			0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 1);
	}
	ck_assert_str_eq(bytes, "abc");
	/* Flags, and what is no opcode, are not for everybody. */
	ck_assert_int_eq(a10_sq_submit_words(sq, 1u << 8, 0, 0, 0, NULL, NULL),
			 -EINVAL);
	ck_assert_int_eq(a10_sq_submit_words(sq, 120, 0, 0, 0, NULL, NULL),
			 -EINVAL);
	ck_assert_int_eq(a10_sq_submit_words(sq, 250, 0, 0, 0, NULL, NULL),
			 -EINVAL);
	pipe_close(ends);
	ring_close(ring);
}

static a10_id read_direct(struct a10_sq *sq, struct a10_fd fd, uint32_t ring,
			  uint32_t flags, void *byte, struct seen *seen)
{
	const uint32_t number = (uint32_t)fd.plus_one - 1;

	memset(seen, 0, sizeof(*seen));
	return a10_sq_submit_direct_words(
		sq, ring, A10_OPCODE_READ | flags << 8 | (uint64_t)number << 32,
		UINT64_MAX, (uintptr_t)byte, 1, on_seen, seen);
}

TEST(words_are_a_request_of_a_direct_descriptor)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_ring *other = ring_open_direct(2);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct a10_fd fd, beyond;
	struct seen seen;
	char bytes[4] = "";
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	fd = fd_of(ring, a10_fd_register(a10_fd_regular(ends[0])));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(
			read_direct(sq, fd, fd.ring, 1, &bytes[i], &seen), 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 1);
	}
	ck_assert_str_eq(bytes, "abc");
	/* What waits is found by its descriptor. */
	ck_assert_int_gt(read_direct(sq, fd, fd.ring, 1, bytes, &seen), 0);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	ck_assert_int_eq(a10_cancel_fd(sq, fd), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	/* There is no such place. */
	beyond = fd;
	beyond.plus_one = 500000;
	ck_assert_int_gt(read_direct(sq, beyond, fd.ring, 1, bytes, &seen), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, -EBADF);
	/* Another ring's of this thread, no ring's, and one that is not said to be direct. */
	/* Where all is warm, nothing is looked at twice. */
	for (int i = 0; i < 2; i++) {
		memset(&seen, 0, sizeof(seen));
		a10_submit(a10_ring_sq(other), a10_nop(), on_seen, &seen);
		RUN_UNTIL(other, seen.ended == 1);
	}
	ck_assert_int_eq(read_direct(a10_ring_sq(other), fd, fd.ring, 1, bytes,
				     &seen),
			 -EXDEV);
	ck_assert_int_eq(read_direct(sq, fd, 0, 1, bytes, &seen), -EINVAL);
	ck_assert_int_eq(read_direct(sq, fd, fd.ring, 0, bytes, &seen),
			 -EINVAL);
	fd_close(ring, fd);
	pipe_close(ends);
	ring_close(other);
	ring_close(ring);
}

TEST(any_call_with_a_path_can_be_made)
{
	struct a10_ring *ring = ring_open(NULL);
	struct statx st;
	struct a10_op op = a10_fs_op(A10_OPCODE_STATX, A10_CWD, "/dev/null",
				     STATX_TYPE, (uintptr_t)&st, 0);

	memset(&st, 0, sizeof(st));
	ck_assert_int_eq(a10_await_on(a10_ring_sq(ring), op, NULL), 0);
	ck_assert(S_ISCHR(st.stx_mode));
	ring_close(ring);
}

/* For what has no constructor of its own. */
TEST(what_constructors_are_made_of_can_be_used_too)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd fd = fd_of(ring, a10_socket(AF_INET, SOCK_STREAM, 0));
	uint32_t word = 0;
	int value = 0;

	ck_assert_int_eq(value_of(ring,
				  a10_fs_op_two(A10_OPCODE_LINKAT, A10_CWD,
						"/no/such", A10_CWD, "/no", 0)),
			 -ENOENT);
	ck_assert_int_eq(value_of(ring, a10_xattr_op(A10_OPCODE_GETXATTR,
						     a10_fd_none(), "/no/such",
						     "user.x", NULL, 0, 0)),
			 -ENOENT);
	ck_assert_int_eq(value_of(ring, a10_futex_op(A10_OPCODE_FUTEX_WAKE,
						     &word, 1, 0)),
			 0);
	ck_assert_int_ge(value_of(ring, a10_socket_op(A10_OPCODE_SOCKET_QUEUE,
						      fd, 1, NULL)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_sockopt_op(A10_OPCODE_GETSOCKOPT,
						       fd, SOL_SOCKET, SO_TYPE,
						       &value, sizeof(value),
						       A10_SOCKOPT_BYTES)),
			 sizeof(value));
	ck_assert_int_eq(value, SOCK_STREAM);
	fd_close(ring, fd);
	ring_close(ring);
}

static int told; /* a pipe */

static void on_panic(const char *text)
{
	ck_assert_int_gt(write(told, text, strlen(text)), 0);
}

/* A bug of the caller's: a ring's pool is destroyed by another thread. */
static void *destroy_elsewhere(void *pool)
{
	a10_pool_destroy(pool);
	return NULL;
}

TEST(a_bug_is_told_to_the_panic_hook_and_ends_the_process)
{
	char text[512] = "";
	int ends[2], status;
	pid_t child;

	pipe_open(ends);
	child = fork();
	if (child == 0) {
		struct a10_ring *ring = ring_open(NULL);
		struct a10_pool *pool = NULL;
		pthread_t thread;

		told = ends[1];
		a10_set_panic(on_panic);
		ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
		ck_assert_int_eq(a10_pool_create(ring, 2, 64, 0, &pool), 0);
		pthread_create(&thread, NULL, destroy_elsewhere, pool);
		pthread_join(thread, NULL);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
	ck_assert_ptr_nonnull(strstr(text, "a10_pool_destroy: the ring is"));
	pipe_close(ends);
}

static void *count_elsewhere(void *ring)
{
	(void)a10_ring_pending(ring);
	return NULL;
}

/* It has no error to return; a debug build says so all the same. */
TEST(a_call_that_is_the_owners_is_refused_elsewhere_by_a_debug_build)
{
#ifndef A10_DEBUG
	SKIP("this is no debug build");
#else
	char text[512] = "";
	int ends[2], status;
	pid_t child;

	pipe_open(ends);
	child = fork();
	if (child == 0) {
		struct a10_ring *ring = ring_open(NULL);
		pthread_t thread;

		told = ends[1];
		a10_set_panic(on_panic);
		ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
		pthread_create(&thread, NULL, count_elsewhere, ring);
		pthread_join(thread, NULL);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
	ck_assert_ptr_nonnull(strstr(text, "a10_ring_pending: the ring is"));
	pipe_close(ends);
#endif
}

TEST(the_version_is_the_headers)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", A10_VERSION_MAJOR,
		 A10_VERSION_MINOR, A10_VERSION_PATCH);
	ck_assert_str_eq(a10_version(), text);
}
