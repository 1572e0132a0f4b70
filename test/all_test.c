/* a10_all: repeated until all is done; whole and in order on one descriptor. */
#include "support.h"

#include <signal.h>

#define LARGE ((size_t)16 << 20)

/* Reads, from a plain descriptor, a pattern in pieces of odd sizes. */
struct reader {
	int number;
	size_t size;
	uint64_t from;
	unsigned char *bytes;
};

static void *read_pattern(void *data)
{
	struct reader *reader = data;
	size_t total = 0;

	while (total < reader->size) {
		size_t piece = 1 + total % 70001;
		ssize_t n;

		if (piece > reader->size - total)
			piece = reader->size - total;
		n = read(reader->number, reader->bytes + total, piece);
		ck_assert_int_gt(n, 0);
		total += (size_t)n;
	}
	pattern_check(reader->bytes, reader->size, reader->from);
	return NULL;
}

/* Writes one, likewise. */
static void *write_pattern(void *data)
{
	struct reader *writer = data;
	size_t total = 0;

	pattern_fill(writer->bytes, writer->size, writer->from);
	while (total < writer->size) {
		size_t piece = 1 + total % 70001;
		ssize_t n;

		if (piece > writer->size - total)
			piece = writer->size - total;
		n = write(writer->number, writer->bytes + total, piece);
		ck_assert_int_gt(n, 0);
		total += (size_t)n;
	}
	return NULL;
}

static unsigned char *bytes_of(size_t size)
{
	unsigned char *bytes = malloc(size);

	ck_assert_ptr_nonnull(bytes);
	return bytes;
}

/* Not too small for TCP: below some segments it waits for each one's answer. */
static void buffer_small(int number, int size)
{
	ck_assert_int_eq(setsockopt(number, SOL_SOCKET, SO_SNDBUF, &size,
				    sizeof(size)),
			 0);
}

/* A TCP connection: its ends are plain. */
static void tcp_open(int ends[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length),
			 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(
		getsockname(listener, (struct sockaddr *)&address, &length), 0);
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(ends[0], (struct sockaddr *)&address, length),
			 0);
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(ends[1], 0);
	ck_assert_int_eq(close(listener), 0);
}

static void iov_cut(struct iovec *iov, size_t count, unsigned char *bytes,
		    size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		size_t piece = i + 1 < count ? size / count - i : size - at;

		iov[i].iov_base = bytes + at;
		iov[i].iov_len = piece;
		at += piece;
	}
}

enum way {
	WAY_SEND,
	WAY_WRITE,
	WAY_WRITEV,
	WAY_SENDMSG,
	WAY_ZERO_COPY,
	WAYS
};

static struct a10_op op_out(enum way way, struct a10_fd fd,
			    unsigned char *bytes, size_t size,
			    struct iovec iov[7], struct msghdr *header)
{
	memset(header, 0, sizeof(*header));
	iov_cut(iov, 7, bytes, size);
	header->msg_iov = iov;
	header->msg_iovlen = 7;
	switch (way) {
	case WAY_SEND:
		return a10_send(fd, bytes, size, 0);
	case WAY_WRITE:
		return a10_write(fd, bytes, size);
	case WAY_WRITEV:
		return a10_writev(fd, iov, 7);
	case WAY_SENDMSG:
		return a10_sendmsg(fd, header, 0);
	default:
		return a10_zero_copy(a10_send(fd, bytes, size, 0));
	}
}

static void test_out(struct a10_ring *ring, enum way way, bool tcp)
{
	unsigned char *bytes = bytes_of(LARGE);
	struct reader reader = { .size = LARGE, .bytes = bytes_of(LARGE) };
	struct a10_result result;
	struct msghdr header;
	struct iovec iov[7];
	pthread_t thread;
	int ends[2];

	if (tcp)
		tcp_open(ends);
	else
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, ends),
				 0);
	buffer_small(ends[0], tcp ? 65536 : 4096);
	pattern_fill(bytes, LARGE, 0);
	reader.number = ends[1];
	thread = thread_start(read_pattern, &reader);
	result = result_of(ring, a10_all(op_out(way, a10_fd_regular(ends[0]),
						bytes, LARGE, iov, &header)));
	ck_assert_int_eq(result.value, (ssize_t)LARGE);
	ck_assert_uint_eq(result.count, LARGE);
	thread_join(thread);
	pipe_close(ends);
	free(bytes);
	free(reader.bytes);
}

TEST(sixteen_megabytes_go_out_whole)
{
	struct a10_ring *ring = ring_open(NULL);

	for (int way = 0; way < WAY_ZERO_COPY; way++)
		test_out(ring, way, false);
	for (int way = 0; way < WAY_ZERO_COPY; way++)
		test_out(ring, way, true);
	if (ring_has(ring, A10_OPCODE_SEND_ZC))
		test_out(ring, WAY_ZERO_COPY, true);
	ring_close(ring);
}

/* All that is received, by each that can; the end of a queue of one. */
static struct a10_op op_in(int way, struct a10_fd fd, unsigned char *bytes,
			   size_t size, struct iovec iov[7],
			   struct msghdr *header)
{
	memset(header, 0, sizeof(*header));
	iov_cut(iov, 7, bytes, size);
	header->msg_iov = iov;
	header->msg_iovlen = 7;
	switch (way) {
	case 0:
		return a10_recv(fd, bytes, size, 0);
	case 1:
		return a10_read(fd, bytes, size);
	case 2:
		return a10_readv(fd, iov, 7);
	default:
		return a10_recvmsg(fd, header, 0);
	}
}

TEST(sixteen_megabytes_come_in_whole)
{
	struct a10_config config = { .submission_entries = 1 };
	struct a10_ring *ring = ring_open(&config);

	for (int way = 0; way < 4; way++) {
		struct reader writer = { .size = LARGE,
					 .bytes = bytes_of(LARGE),
					 .from = (uint64_t)way };
		unsigned char *bytes = bytes_of(LARGE);
		struct a10_result result;
		struct msghdr header;
		struct iovec iov[7];
		pthread_t thread;
		int ends[2];

		tcp_open(ends);
		writer.number = ends[1];
		thread = thread_start(write_pattern, &writer);
		result = result_of(ring,
				   a10_all(op_in(way, a10_fd_regular(ends[0]),
						 bytes, LARGE, iov, &header)));
		ck_assert_int_eq(result.value, (ssize_t)LARGE);
		ck_assert_uint_eq(result.count, LARGE);
		pattern_check(bytes, LARGE, (uint64_t)way);
		thread_join(thread);
		pipe_close(ends);
		free(bytes);
		free(writer.bytes);
	}
	ring_close(ring);
}

TEST(all_of_a_file_ends_where_the_file_ends)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char *bytes = bytes_of(100000);
	struct a10_result result;
	struct folder folder;
	struct a10_fd fd;

	pattern_fill(bytes, 100000, 0);
	folder_open(&folder);
	file_write(folder_file(&folder, "f"), bytes, 70000);
	fd = fd_of(ring, a10_open(folder.file, O_RDWR, 0));
	memset(bytes, 0, 100000);
	result = result_of(ring, a10_all(a10_read(fd, bytes, 100000)));
	ck_assert_int_eq(result.value, 70000);
	ck_assert_uint_eq(result.count, 70000);
	pattern_check(bytes, 70000, 0);
	result = result_of(ring, a10_all(a10_pread(fd, bytes, 100000, 60000)));
	ck_assert_int_eq(result.value, 10000);
	pattern_check(bytes, 10000, 60000);
	result = result_of(ring, a10_all(a10_pread(fd, bytes, 10, 70000)));
	ck_assert_int_eq(result.value, 0);
	ck_assert_uint_eq(result.count, 0);
	fd_close(ring, fd);
	folder_close(&folder);
	free(bytes);
	ring_close(ring);
}

TEST(all_of_a_stream_ends_where_the_stream_ends)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct seen seen;
		struct pair pair;
		char bytes[100] = "";

		pair_open(ring, direct, &pair);
		start(ring, a10_all(a10_recv(pair.ours, bytes, 100, 0)), &seen);
		for (int i = 0; i < 5; i++) {
			ck_assert_int_eq(write(pair.theirs, "abcde", 5), 5);
			run_for(ring, A10_MILLISECOND);
			ck_assert_uint_eq(seen.count, 0);
		}
		ck_assert_int_eq(close(pair.theirs), 0);
		pair.theirs = -1;
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 25);
		ck_assert_uint_eq(seen.last.count, 25);
		ck_assert_str_eq(bytes, "abcdeabcdeabcdeabcdeabcde");
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(all_of_what_stays_in_the_socket_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;
	char bytes[8];
	struct iovec iov = { bytes, 8 };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	pair_open(ring, false, &pair);
	ck_assert_int_eq(refusal_of(ring, a10_all(a10_recv(pair.ours, bytes, 8,
							   MSG_PEEK))),
			 -EINVAL);
	ck_assert_int_eq(
		refusal_of(ring,
			   a10_all(a10_recvmsg(pair.ours, &header, MSG_PEEK))),
		-EINVAL);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(all_of_nothing_is_done_at_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(value_of(ring, a10_all(a10_send(pair.ours, "", 0, 0))),
			 0);
	ck_assert_int_eq(value_of(ring, a10_all(a10_write(pair.ours, "", 0))),
			 0);
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	ck_assert_int_eq(
		value_of(ring, a10_all(a10_recv(pair.ours, &byte, 0, 0))), 0);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(on_an_error_count_tells_how_much_was_done)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char *bytes = bytes_of(LARGE);
	struct a10_sq *sq = a10_ring_sq(ring);

	signal(SIGPIPE, SIG_IGN);
	for (int way = 0; way < 4; way++) {
		struct seen seen;
		struct pair pair;
		a10_id id;
		struct a10_op op;

		pair_open(ring, false, &pair);
		op = a10_all(a10_send(pair.ours, bytes, LARGE, 0));
		if (way == 2)
			op = a10_timeout(op, A_MOMENT);
		id = start(ring, op, &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
		if (way == 0) {
			ck_assert_int_eq(a10_cancel(sq, id), 0);
		} else if (way == 1) {
			ck_assert_int_eq(shutdown(pair.theirs, SHUT_RD), 0);
		} else if (way == 3) {
			ck_assert_int_eq(close(pair.theirs), 0);
			pair.theirs = -1;
		}
		RUN_UNTIL(ring, seen.ended == 1);
		if (way == 3) /* closed with data unread: a reset */
			ck_assert(seen.last.value == -ECONNRESET ||
				  seen.last.value == -EPIPE);
		else
			ck_assert_int_eq(seen.last.value, way == 0 ?
								  -ECANCELED :
							  way == 1 ? -EPIPE :
								     -ETIME);
		ck_assert_uint_gt(seen.last.count, 0);
		ck_assert_uint_lt(seen.last.count, LARGE);
		/* What is said to be done is there; no more and no less. */
		if (pair.theirs >= 0 && way != 1) {
			size_t got = 0;
			ssize_t n;

			while ((n = recv(pair.theirs, bytes, LARGE,
					 MSG_DONTWAIT)) > 0)
				got += (size_t)n;
			ck_assert_uint_eq(got, seen.last.count);
		}
		pair_close(ring, &pair);
	}
	free(bytes);
	ring_close(ring);
}

/* ---- order ------------------------------------------------------------------ */

/* Each send is of one byte value, larger than the socket holds. */
TEST(two_sends_of_one_socket_do_not_mix)
{
	struct a10_ring *ring = ring_open_direct(4);
	const size_t size = 1 << 20;

	for (int direct = 0; direct < 2; direct++) {
		unsigned char *bytes[8];
		unsigned char *got = bytes_of(8 * size);
		struct msghdr header[8];
		struct iovec iov[8];
		struct seen seen[8];
		struct pair pair;
		size_t total = 0;

		pair_open(ring, direct, &pair);
		for (int i = 0; i < 8; i++) {
			bytes[i] = bytes_of(size);
			memset(bytes[i], 'a' + i, size);
			iov[i].iov_base = bytes[i];
			iov[i].iov_len = size;
			memset(&header[i], 0, sizeof(header[i]));
			header[i].msg_iov = &iov[i];
			header[i].msg_iovlen = 1;
			start(ring,
			      a10_all(i % 2 ? a10_send(pair.ours, bytes[i],
						       size, 0) :
					      a10_sendmsg(pair.ours, &header[i],
							  0)),
			      &seen[i]);
		}
		while (total < 8 * size) {
			ssize_t n;

			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
			n = recv(pair.theirs, got + total, 8 * size - total,
				 MSG_DONTWAIT);
			if (n > 0)
				total += (size_t)n;
			/* None is over before the one before it. */
			for (int i = 1; i < 8; i++)
				ck_assert_uint_le(seen[i].ended,
						  seen[i - 1].ended);
		}
		for (size_t i = 0; i < 8 * size; i++)
			if (got[i] != 'a' + i / size)
				ck_abort_msg("byte %zu is %c", i, got[i]);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		for (int i = 0; i < 8; i++) {
			ck_assert_int_eq(seen[i].last.value, (ssize_t)size);
			free(bytes[i]);
		}
		free(got);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(a_shutdown_behind_the_last_send_cuts_nothing_off)
{
	struct a10_ring *ring = ring_open_direct(4);
	const size_t size = 4 << 20;

	for (int direct = 0; direct < 2; direct++) {
		unsigned char *bytes = bytes_of(size);
		struct reader reader = { .size = size,
					 .bytes = bytes_of(size) };
		struct seen sent;
		struct seen over;
		struct pair pair;
		pthread_t thread;

		pattern_fill(bytes, size, 0);
		pair_open(ring, direct, &pair);
		start(ring, a10_all(a10_send(pair.ours, bytes, size, 0)),
		      &sent);
		start(ring, a10_ordered(a10_shutdown(pair.ours, SHUT_WR)),
		      &over);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(over.count, 0);
		reader.number = pair.theirs;
		thread = thread_start(read_pattern, &reader);
		RUN_UNTIL(ring, over.ended == 1);
		ck_assert_int_eq(over.last.value, 0);
		ck_assert_int_eq(sent.last.value, (ssize_t)size);
		thread_join(thread);
		ck_assert_int_eq(recv(pair.theirs, bytes, 1, 0), 0);
		free(bytes);
		free(reader.bytes);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(what_is_ordered_behind_nothing_starts_at_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;
	struct pair other;
	char byte;

	pair_open(ring, false, &pair);
	pair_open(ring, false, &other);
	ck_assert_int_eq(
		value_of(ring, a10_ordered(a10_send(pair.ours, "x", 1, 0))), 1);
	ck_assert_int_eq(
		value_of(ring, a10_ordered(a10_shutdown(pair.ours, SHUT_WR))),
		0);
	ck_assert_int_eq(recv(pair.theirs, &byte, 1, 0), 1);
	ck_assert_int_eq(recv(pair.theirs, &byte, 1, 0), 0);
	pair_close(ring, &pair);
	pair_close(ring, &other);
	ring_close(ring);
}

TEST(what_is_behind_a_failed_send_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char *bytes = bytes_of(LARGE);

	for (int queued = 0; queued < 2; queued++) {
		struct seen seen[4];
		struct pair pair;
		a10_id id;

		pair_open(ring, false, &pair);
		id = start(ring, a10_all(a10_send(pair.ours, bytes, LARGE, 0)),
			   &seen[0]);
		start(ring, a10_all(a10_send(pair.ours, "x", 1, 0)), &seen[1]);
		start(ring, a10_ordered(a10_write(pair.ours, "x", 1)),
		      &seen[2]);
		start(ring, a10_ordered(a10_shutdown(pair.ours, SHUT_WR)),
		      &seen[3]);
		if (!queued)
			run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, seen[3].ended == 1);
		for (int i = 0; i < 4; i++) {
			ck_assert_uint_eq(seen[i].ended, 1);
			ck_assert_int_eq(seen[i].last.value, -ECANCELED);
		}
		/* The queue is empty with that: the next is carried out. */
		while (recv(pair.theirs, bytes, LARGE, MSG_DONTWAIT) > 0)
			continue;
		ck_assert_int_eq(
			value_of(ring, a10_all(a10_send(pair.ours, "y", 1, 0))),
			1);
		ck_assert_int_eq(recv(pair.theirs, bytes, 2, 0), 1);
		ck_assert_int_eq(bytes[0], 'y');
		pair_close(ring, &pair);
	}
	free(bytes);
	ring_close(ring);
}

TEST(a_send_cancelled_in_the_middle_of_the_order_takes_those_behind_it)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char *bytes = bytes_of(LARGE);
	struct seen seen[3];
	struct pair pair;
	a10_id id;
	size_t got = 0;

	pair_open(ring, false, &pair);
	start(ring, a10_all(a10_send(pair.ours, bytes, LARGE, 0)), &seen[0]);
	id = start(ring, a10_all(a10_send(pair.ours, "x", 1, 0)), &seen[1]);
	start(ring, a10_all(a10_send(pair.ours, "x", 1, 0)), &seen[2]);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	while (seen[0].ended == 0 || seen[1].ended == 0 || seen[2].ended == 0) {
		ssize_t n = recv(pair.theirs, bytes, LARGE, MSG_DONTWAIT);

		got += n > 0 ? (size_t)n : 0;
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	ck_assert_int_eq(seen[0].last.value, (ssize_t)LARGE);
	ck_assert_int_eq(seen[1].last.value, -ECANCELED);
	ck_assert_int_eq(seen[2].last.value, -ECANCELED);
	while (got < LARGE) {
		ssize_t n = recv(pair.theirs, bytes, LARGE, 0);

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	ck_assert_uint_eq(got, LARGE);
	free(bytes);
	pair_close(ring, &pair);
	ring_close(ring);
}
