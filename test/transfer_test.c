/*
 * Bytes of a file to somewhere else, links and directories: the system calls
 * that helper threads make.
 */
#include "support.h"

#include <stdatomic.h>

enum {
	SIZE = 300000,
};

/* Both kinds, of a file that is there. */
static struct a10_fd file_of(struct a10_ring *ring, const char *path, int flags,
			     bool direct)
{
	struct a10_op op = a10_open(path, flags, 0600);

	return fd_of(ring, direct ? a10_direct(op) : op);
}

static void pattern_file(struct folder *folder, const char *name)
{
	unsigned char *bytes = malloc(SIZE);

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, SIZE, 0);
	file_write(folder_file(folder, name), bytes, SIZE);
	free(bytes);
}

/* What is in a file is the pattern from there on. */
static void file_check(const char *path, size_t length, uint64_t from)
{
	unsigned char *bytes = malloc(SIZE);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(read(fd, bytes, SIZE), (ssize_t)length);
	pattern_check(bytes, length, from);
	ck_assert_int_eq(close(fd), 0);
	free(bytes);
}

typedef struct a10_op transfer(struct a10_fd in, int64_t in_offset,
			       struct a10_fd out, uint64_t length);

static struct a10_op by_sendfile(struct a10_fd in, int64_t in_offset,
				 struct a10_fd out, uint64_t length)
{
	return a10_sendfile(out, in, in_offset, length);
}

static struct a10_op by_range(struct a10_fd in, int64_t in_offset,
			      struct a10_fd out, uint64_t length)
{
	return a10_file_op(A10_OPCODE_COPY_FILE_RANGE, in, in_offset, out,
			   A10_NO_OFFSET, length);
}

static void test_copy(transfer *make, bool direct_in, bool direct_out)
{
	struct a10_ring *ring = ring_open_direct(4);
	const unsigned int before = open_descriptors();
	struct folder folder;
	struct a10_fd in, out;
	struct a10_result r;

	if (direct_in || direct_out)
		ring_needs(ring, A10_OPCODE_FIXED_FD_INSTALL);
	folder_open(&folder);
	pattern_file(&folder, "in");
	in = file_of(ring, folder.file, O_RDONLY, direct_in);
	out = file_of(ring, folder_file(&folder, "out"), O_RDWR | O_CREAT,
		      direct_out);
	/* With an offset its position stays, without it goes on. */
	r = result_of(ring, make(in, 1000, out, 100));
	ck_assert_int_eq(r.value, 100);
	ck_assert_uint_eq(r.count, 100);
	file_check(folder.file, 100, 1000);
	ck_assert_int_eq(value_of(ring, make(in, A10_NO_OFFSET, out, 50)), 50);
	ck_assert_int_eq(value_of(ring, a10_ftruncate(out, 0)), 0);
	fd_close(ring, out);
	out = file_of(ring, folder.file, O_RDWR, direct_out);
	/* All of it, to the end of the file and no further. */
	ck_assert_int_eq(value_of(ring, make(in, A10_NO_OFFSET, out, SIZE * 9)),
			 SIZE - 50);
	file_check(folder.file, SIZE - 50, 50);
	ck_assert_int_eq(value_of(ring, make(in, A10_NO_OFFSET, out, 1)), 0);
	ck_assert_int_eq(value_of(ring, make(in, 0, out, 0)), 0);
	fd_close(ring, in);
	fd_close(ring, out);
	folder_close(&folder);
	ck_assert_uint_eq(open_descriptors(), before);
	ring_close(ring);
}

TEST(a_file_is_sent_into_another)
{
	test_copy(by_sendfile, false, false);
}

TEST(a_range_of_a_file_is_copied)
{
	test_copy(by_range, false, false);
}

TEST(either_file_of_a_transfer_may_be_direct)
{
	for (int i = 1; i < 4; i++) {
		test_copy(by_sendfile, i & 1, i & 2);
		test_copy(by_range, i & 1, i & 2);
	}
}

TEST(a_range_is_copied_to_where_it_shall_be)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	struct a10_fd in, out;

	folder_open(&folder);
	pattern_file(&folder, "in");
	in = file_of(ring, folder.file, O_RDONLY, false);
	out = file_of(ring, folder_file(&folder, "out"), O_RDWR | O_CREAT,
		      false);
	ck_assert_int_eq(
		value_of(ring, a10_copy_file_range(in, 7, out, 5, 100)), 100);
	ck_assert_int_eq(value_of(ring, a10_copy_file_range(in, 2, out, 0, 5)),
			 5);
	file_check(folder.file, 105, 2);
	fd_close(ring, in);
	fd_close(ring, out);
	folder_close(&folder);
	ring_close(ring);
}

/* ---- where there is no room ----------------------------------------------- */

struct reader {
	int fd;
	unsigned char *bytes;
	size_t count;
};

/* Slowly at first, so that the other side has to wait. */
static void *read_all(void *data)
{
	struct reader *reader = data;
	ssize_t n = 1;

	nap(A_MOMENT);
	while (n > 0) {
		n = read(reader->fd, reader->bytes + reader->count,
			 SIZE - reader->count);
		ck_assert_int_ge(n, 0);
		reader->count += (size_t)n;
	}
	return NULL;
}

static void test_sink(struct a10_ring *ring, int ours, int theirs)
{
	struct reader reader = { .fd = theirs, .bytes = malloc(SIZE) };
	struct a10_fd out = a10_fd_regular(ours);
	struct folder folder;
	struct a10_fd in;
	pthread_t thread;

	ck_assert_ptr_nonnull(reader.bytes);
	folder_open(&folder);
	pattern_file(&folder, "in");
	in = file_of(ring, folder.file, O_RDONLY, false);
	thread = thread_start(read_all, &reader);
	ck_assert_int_eq(value_of(ring, a10_sendfile(out, in, 0, 200000)),
			 200000);
	ck_assert_int_eq(lseek(a10_fd_number(in), 200000, SEEK_SET), 200000);
	ck_assert_int_eq(value_of(ring, a10_all(a10_sendfile(
						out, in, A10_NO_OFFSET, SIZE))),
			 SIZE - 200000);
	fd_close(ring, out);
	thread_join(thread);
	ck_assert_uint_eq(reader.count, SIZE);
	pattern_check(reader.bytes, SIZE, 0);
	ck_assert_int_eq(close(theirs), 0);
	fd_close(ring, in);
	folder_close(&folder);
	free(reader.bytes);
}

static void nonblock(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK),
			 0);
}

TEST(a_file_is_sent_to_a_slow_reader_whole)
{
	struct a10_ring *ring = ring_open(NULL);
	int ends[2];

	for (int i = 0; i < 4; i++) {
		if (i & 1) {
			int pair[2];

			pipe_open(pair);
			ends[0] = pair[1];
			ends[1] = pair[0];
		} else {
			ck_assert_int_eq(socketpair(AF_UNIX,
						    SOCK_STREAM | SOCK_CLOEXEC,
						    0, ends),
					 0);
		}
		if (i & 2)
			nonblock(ends[0]);
		test_sink(ring, ends[0], ends[1]);
	}
	ring_close(ring);
}

/* Nobody reads: it is under way for ever, and holds no helper meanwhile. */
static void test_stuck(struct a10_ring *ring, bool blocks)
{
	struct folder folder;
	struct seen seen[8];
	struct a10_fd in, out;
	struct a10_op op;
	int ends[2];
	a10_id id;

	folder_open(&folder);
	pattern_file(&folder, "in");
	in = file_of(ring, folder.file, O_RDONLY, false);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	if (!blocks)
		nonblock(ends[0]);
	out = a10_fd_regular(ends[0]);
	op = a10_sendfile(out, in, 0, SIZE);
	a10_work_limit(1);
	id = start(ring, op, &seen[0]);
	run_for(ring, A_MOMENT);
	start(ring, op, &seen[1]);
	start(ring, a10_timeout(op, A_MOMENT), &seen[2]);
	ck_assert_int_eq(
		value_of(ring, a10_readlink("/proc/self/exe", folder.file, 1)),
		1);
	RUN_UNTIL(ring, seen[2].ended);
	ck_assert_int_eq(seen[2].last.value, -ETIME);
	ck_assert_uint_eq(seen[0].count + seen[1].count, 0);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen[0].ended);
	ck_assert_int_eq(seen[0].last.value, -ECANCELED);
	ck_assert_uint_gt(seen[0].last.count, 0);
	ck_assert_uint_lt(seen[0].last.count, SIZE);
	/* By the descriptor it goes to. */
	fd_close(ring, out);
	ck_assert_uint_eq(seen[1].ended, 1);
	ck_assert_int_eq(seen[1].last.value, -ECANCELED);
	a10_work_limit(0);
	ck_assert_int_eq(close(ends[1]), 0);
	fd_close(ring, in);
	folder_close(&folder);
}

TEST(a_file_that_nobody_takes_is_given_up)
{
	struct a10_ring *ring = ring_open(NULL);

	test_stuck(ring, true);
	test_stuck(ring, false);
	ring_close(ring);
}

TEST(a_transfer_tells_what_is_wrong)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_fd none = { .plus_one = 2, .ring = 1u << 30 };
	struct folder folder;
	struct a10_fd in, out;
	int ends[2];

	folder_open(&folder);
	pattern_file(&folder, "in");
	in = file_of(ring, folder.file, O_RDONLY, false);
	out = file_of(ring, folder_file(&folder, "out"), O_WRONLY | O_CREAT,
		      false);
	ck_assert_int_eq(value_of(ring, a10_sendfile(in, in, 0, 10)), -EBADF);
	ck_assert_int_eq(value_of(ring, a10_sendfile(out, out, 0, 10)), -EBADF);
	ck_assert_int_eq(value_of(ring,
				  a10_copy_file_range(in, 0, in, 100, 10)),
			 -EBADF);
	ck_assert_int_eq(refusal_of(ring, a10_sendfile(out, none, 0, 10)),
			 -EXDEV);
	ck_assert_int_eq(
		refusal_of(ring, a10_multishot(a10_sendfile(out, in, 0, 10))),
		-EINVAL);
	pipe_open(ends);
	ck_assert_int_eq(value_of(ring, a10_copy_file_range(
						in, 0, a10_fd_regular(ends[1]),
						A10_NO_OFFSET, 10)),
			 -EINVAL);
	/* The other side has gone, and nobody dies of it. */
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(value_of(ring, a10_sendfile(a10_fd_regular(ends[1]),
						     in, 0, 10)),
			 -EPIPE);
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(value_of(ring, a10_sendfile(a10_fd_regular(ends[1]),
						     in, 0, 10)),
			 -EPIPE);
	ck_assert_int_eq(close(ends[1]), 0);
	fd_close(ring, in);
	fd_close(ring, out);
	folder_close(&folder);
	ring_close(ring);
}

/* ---- links ------------------------------------------------------------------ */

TEST(a_link_is_read)
{
	struct a10_ring *ring = ring_open_direct(2);
	char path[200], text[64];
	struct folder folder;
	struct seen seen;
	struct a10_fd fd;

	folder_open(&folder);
	ck_assert_int_eq(symlink("what/it/says", folder_file(&folder, "link")),
			 0);
	memset(text, '#', sizeof(text));
	ck_assert_int_eq(
		value_of(ring, a10_readlink(folder.file, text, sizeof(text))),
		12);
	ck_assert_int_eq(memcmp(text, "what/it/says#", 13), 0);
	ck_assert_int_eq(value_of(ring, a10_readlink(folder.file, text, 4)), 4);
	fd = fd_of(ring, a10_open(folder.path, O_PATH | O_DIRECTORY, 0));
	/* What it is called is copied. */
	snprintf(path, sizeof(path), "link");
	start(ring, a10_readlinkat(fd, path, text, sizeof(text)), &seen);
	memset(path, 'x', sizeof(path));
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 12);
	ck_assert_int_eq(value_of(ring, a10_readlinkat(fd, "no", text, 9)),
			 -ENOENT);
	ck_assert_int_eq(value_of(ring, a10_readlinkat(fd, ".", text, 9)),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_readlinkat(fd, NULL, text, 9)),
			 -EFAULT);
	fd_close(ring, fd);
	fd = fd_of(ring, a10_open(folder.file, O_PATH | O_NOFOLLOW, 0));
	ck_assert_int_eq(value_of(ring, a10_readlinkat(fd, "", text, 64)), 12);
	fd_close(ring, fd);
	folder_close(&folder);
	ring_close(ring);
}

/* ---- directories -------------------------------------------------------------- */

/* As a program would: in a task, with a little room. */
static int count_entries(void *data)
{
	const char *path = data;
	char entries[1024];
	struct a10_dirent entry;
	struct a10_fd fd;
	int count = 0;
	ssize_t n;

	ck_assert_int_eq(a10_await_fd(a10_open(path, O_RDONLY | O_DIRECTORY, 0),
				      &fd),
			 0);
	while ((n = a10_await(a10_getdents64(fd, entries, sizeof(entries)))) >
	       0) {
		size_t at = 0;

		while (a10_dirent_next(entries, (size_t)n, &at, &entry)) {
			ck_assert_uint_eq(entry.length, 6);
			ck_assert_int_eq(entry.name[0], 'f');
			ck_assert_uint_ne(entry.inode, 0);
			ck_assert(entry.type == DT_REG ||
				  entry.type == DT_UNKNOWN);
			count++;
		}
	}
	ck_assert_int_eq(a10_await(a10_close(fd)), 0);
	return n < 0 ? (int)n : count;
}

TEST(a_large_directory_is_read_piece_by_piece)
{
	const unsigned int many = test_scaled(1000);
	struct folder folder;
	char name[32];

	folder_open(&folder);
	ck_assert_int_eq(a10_run(NULL, count_entries, folder.path), 0);
	for (unsigned int i = 0; i < many; i++) {
		snprintf(name, sizeof(name), "f%05u", i);
		file_write(folder_file(&folder, name), "", 0);
	}
	ck_assert_int_eq(a10_run(NULL, count_entries, folder.path), (int)many);
	folder_close(&folder);
}

TEST(a_directory_is_read_by_either_kind_of_descriptor)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_dirent entry;
	struct folder folder;
	char entries[512];
	struct a10_fd fd;
	size_t at = 0;
	ssize_t n;

	folder_open(&folder);
	file_write(folder_file(&folder, "one"), "", 0);
	fd = file_of(ring, folder.file, O_RDONLY, false);
	ck_assert_int_eq(value_of(ring, a10_getdents64(fd, entries, 512)),
			 -ENOTDIR);
	fd_close(ring, fd);
	fd = file_of(ring, folder.path, O_RDONLY | O_DIRECTORY, true);
	n = value_of(ring, a10_getdents64(fd, entries, 1));
	if (n == -EOPNOTSUPP && !ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL))
		goto close;
	ck_assert_int_eq(n, -EINVAL);
	n = value_of(ring, a10_getdents64(fd, entries, sizeof(entries)));
	ck_assert_int_gt(n, 0);
	ck_assert(a10_dirent_next(entries, (size_t)n, &at, &entry));
	ck_assert_str_eq(entry.name, "one");
	ck_assert(!a10_dirent_next(entries, (size_t)n, &at, &entry));
	ck_assert_int_eq(value_of(ring, a10_getdents64(fd, entries, 512)), 0);
close:
	fd_close(ring, fd);
	folder_close(&folder);
	ring_close(ring);
}

/* ---- what is under way when -------------------------------------------------- */

static ssize_t wait_open(void *data)
{
	atomic_uint *open = data;

	while (!atomic_load(open))
		nap(A10_MILLISECOND);
	return 0;
}

/* Behind a job, so that it is sure not to have begun. */
TEST(what_no_helper_has_begun_is_cancelled_timed_out_and_detached)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen job, cancelled, timed;
	char forgotten = 'f';
	atomic_uint open = 0;
	char text[8];
	a10_id id;

	a10_work_limit(1);
	start(ring, a10_work(wait_open, &open), &job);
	id = start(ring, a10_readlink("/proc/self/exe", text, 8), &cancelled);
	start(ring,
	      a10_timeout(a10_readlink("/proc/self/exe", text, 8), A_MOMENT),
	      &timed);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, cancelled.ended && timed.ended);
	ck_assert_int_eq(cancelled.last.value, -ECANCELED);
	ck_assert_int_eq(timed.last.value, -ETIME);
	id = a10_submit(a10_ring_sq(ring), a10_readlink("/", text, 8), on_never,
			&forgotten);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
	atomic_store(&open, 1);
	RUN_UNTIL(ring, job.ended && a10_ring_pending(ring) == 0);
	a10_work_limit(0);
	ring_close(ring);
}

/* What a drained one waits for, a helper's system call is too. */
TEST(what_is_drained_waits_for_what_helpers_do)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen job, link, drained;
	atomic_uint open = 0;
	char text[8];

	a10_work_limit(1);
	start(ring, a10_work(wait_open, &open), &job);
	start(ring, a10_readlink("/proc/self/exe", text, 8), &link);
	start(ring, a10_drained(a10_nop()), &drained);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(drained.count, 0);
	atomic_store(&open, 1);
	RUN_UNTIL(ring, drained.ended);
	ck_assert_uint_eq(link.ended, 1);
	ck_assert_int_eq(link.last.value, 8);
	RUN_UNTIL(ring, job.ended);
	a10_work_limit(0);
	ring_close(ring);
}

TEST(a_ring_ends_with_system_calls_of_helpers_under_way)
{
	static struct seen seen[40];
	struct folder folder;
	char text[40][8];

	folder_open(&folder);
	pattern_file(&folder, "in");
	for (int round = 0; round < 8; round++) {
		struct a10_ring *ring = ring_open(NULL);
		struct a10_fd in, out;
		int ends[2];

		in = file_of(ring, folder.file, O_RDONLY, false);
		pipe_open(ends);
		out = a10_fd_regular(ends[1]);
		for (int i = 0; i < 40; i++)
			start(ring,
			      i % 2 ? a10_readlink("/proc/self/exe", text[i],
						   8) :
				      a10_sendfile(out, in, 0, SIZE),
			      &seen[i]);
		if (round % 2)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		ring_close(ring);
		for (int i = 0; i < 40; i++)
			ck_assert_uint_eq(seen[i].ended, 1);
		pipe_close(ends);
		ck_assert_int_eq(close(a10_fd_number(in)), 0);
	}
	folder_close(&folder);
}

static void *await_links(void *data)
{
	char text[8];

	for (int i = 0; i < 100; i++) {
		memset(text, 0, sizeof(text));
		ck_assert_int_eq(a10_await_on((struct a10_sq *)data,
					      a10_readlink("/proc/self/exe",
							   text, sizeof(text)),
					      NULL),
				 8);
		ck_assert_int_eq(text[0], '/');
	}
	return NULL;
}

TEST(other_threads_await_what_helpers_do)
{
	const struct a10_config threaded = { .kernel_thread = A10_ON };

	for (int i = 0; i < 2; i++) {
		struct a10_ring *ring = ring_open(i ? &threaded : NULL);
		pthread_t threads[3];

		ring_bind(ring);
		for (int t = 0; t < 3; t++)
			threads[t] =
				thread_start(await_links, a10_ring_sq(ring));
		for (int t = 0; t < 3; t++) {
			while (pthread_tryjoin_np(threads[t], NULL) != 0)
				run_for(ring, A10_MILLISECOND);
		}
		ring_close(ring);
	}
}

TEST(what_helpers_do_is_no_member_of_a_chain)
{
	struct a10_ring *ring = ring_open(NULL);
	char text[8];
	const struct a10_op ops[2] = { a10_readlink("/", text, 8), a10_nop() };

	ck_assert_int_eq(a10_submit_linked(a10_ring_sq(ring), ops, 2, NULL,
					   NULL),
			 -EINVAL);
	ring_close(ring);
}
