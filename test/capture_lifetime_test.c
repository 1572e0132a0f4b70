/*
 * What a verb copies may be gone when it returns: everything that a constructor's
 * prototype calls const, but for the bytes of a data buffer, is overwritten and
 * freed at once here, and the results must be right all the same. With a queue of
 * one and hundreds queued before it the kernel sees the operation much later;
 * with a kernel thread and from another thread it sees it at any time.
 */
#include "support.h"

#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/stat.h>

struct stage {
	struct a10_ring *ring;
	struct folder folder;
	unsigned int before; /* operations queued before the one that counts */
	bool foreign;        /* submitted by another thread                  */
};

/* On the heap, so that a use of it after wipe is seen by the sanitizers. */
static void *keep(const void *data, size_t size)
{
	void *copy = malloc(size);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, data, size);
	return copy;
}

static char *keep_text(const char *text)
{
	return keep(text, strlen(text) + 1);
}

static void wipe(void *data, size_t size)
{
	memset(data, 0xdd, size);
	free(data);
}

static void wipe_text(char *text)
{
	wipe(text, strlen(text) + 1);
}

struct errand {
	struct a10_sq *sq;
	const struct a10_op *op;
	struct seen *seen;
	a10_id id;
};

static void *submit_elsewhere(void *data)
{
	struct errand *errand = data;

	errand->id = a10_submit(errand->sq, *errand->op, on_seen, errand->seen);
	return NULL;
}

static void stage_submit(struct stage *stage, struct a10_op op,
			 struct seen *seen)
{
	struct a10_sq *sq = a10_ring_sq(stage->ring);
	struct errand errand = { sq, &op, seen, 0 };

	memset(seen, 0, sizeof(*seen));
	for (unsigned int i = 0; i < stage->before; i++)
		ck_assert_int_gt(a10_submit(sq, a10_nop(), NULL, NULL), 0);
	if (stage->foreign)
		thread_join(thread_start(submit_elsewhere, &errand));
	else
		submit_elsewhere(&errand);
	ck_assert_int_gt(errand.id, 0);
}

static struct a10_result stage_result(struct stage *stage, struct seen *seen)
{
	RUN_UNTIL(stage->ring, seen->ended == 1);
	ck_assert_uint_eq(seen->count, 1);
	return seen->last;
}

/* ---- paths ------------------------------------------------------------------ */

static void test_paths(struct stage *stage)
{
	struct open_how how = { .flags = O_RDWR };
	struct a10_result result;
	struct open_how *kept_how;
	struct statx status;
	struct seen seen;
	char *path;

	file_write(folder_file(&stage->folder, "file"), "12345", 5);
	path = keep_text(stage->folder.file);
	stage_submit(stage, a10_open(path, O_RDONLY, 0), &seen);
	wipe_text(path);
	result = stage_result(stage, &seen);
	ck_assert_int_eq(result.value, 0);
	a10_fd_release(result.fd);

	path = keep_text(stage->folder.file);
	kept_how = keep(&how, sizeof(how));
	stage_submit(stage, a10_openat2(A10_CWD, path, kept_how, sizeof(how)),
		     &seen);
	wipe_text(path);
	wipe(kept_how, sizeof(how));
	result = stage_result(stage, &seen);
	ck_assert_int_eq(result.value, 0);
	a10_fd_release(result.fd);

	path = keep_text(stage->folder.file);
	memset(&status, 0, sizeof(status));
	stage_submit(stage, a10_statx(A10_CWD, path, 0, STATX_SIZE, &status),
		     &seen);
	wipe_text(path);
	ck_assert_int_eq(stage_result(stage, &seen).value, 0);
	ck_assert_uint_eq(status.stx_size, 5);
}

/* One of the longest that there may be: it does not fit where a short one does. */
static void test_long_path(struct stage *stage)
{
	char *path = malloc(4000);
	struct a10_result result;
	struct seen seen;
	size_t length;

	ck_assert_ptr_nonnull(path);
	file_write(folder_file(&stage->folder, "file"), "12345", 5);
	length = (size_t)snprintf(path, 4000, "%s", stage->folder.path);
	for (; length < 3900; length += 2) {
		path[length] = '/';
		path[length + 1] = '.';
	}
	memcpy(path + length, "/file", sizeof("/file"));
	stage_submit(stage, a10_open(path, O_RDONLY, 0), &seen);
	wipe_text(path);
	result = stage_result(stage, &seen);
	ck_assert_int_eq(result.value, 0);
	a10_fd_release(result.fd);
}

/* ---- vectors ---------------------------------------------------------------- */

static void test_vectors(struct stage *stage, size_t count)
{
	struct iovec *iov = malloc(count * sizeof(*iov));
	unsigned char *bytes = malloc(count * 8);
	struct a10_fd fd =
		fd_of(stage->ring, a10_open(folder_file(&stage->folder, "v"),
					    O_RDWR | O_CREAT | O_TRUNC, 0600));
	struct seen seen;

	ck_assert(iov != NULL && bytes != NULL);
	pattern_fill(bytes, count * 8, 0);
	for (size_t i = 0; i < count; i++) {
		iov[i].iov_base = bytes + i * 8;
		iov[i].iov_len = 8;
	}
	stage_submit(stage, a10_all(a10_pwritev2(fd, iov, count, 0, 0)), &seen);
	wipe(iov, count * sizeof(*iov));
	ck_assert_int_eq(stage_result(stage, &seen).value, (ssize_t)count * 8);
	memset(bytes, 0, count * 8);
	iov = malloc(count * sizeof(*iov));
	ck_assert_ptr_nonnull(iov);
	for (size_t i = 0; i < count; i++) {
		iov[i].iov_base = bytes + i * 8;
		iov[i].iov_len = 8;
	}
	stage_submit(stage, a10_preadv2(fd, iov, count, 0, 0), &seen);
	wipe(iov, count * sizeof(*iov));
	ck_assert_int_eq(stage_result(stage, &seen).value, (ssize_t)count * 8);
	pattern_check(bytes, count * 8, 0);
	free(bytes);
	fd_close(stage->ring, fd);
}

/* ---- addresses -------------------------------------------------------------- */

static void test_addresses(struct stage *stage)
{
	struct a10_address *address = malloc(sizeof(*address));
	struct a10_address bound = { .length = sizeof(bound.as) };
	struct a10_fd listener;
	struct a10_fd client;
	struct seen seen;

	listener = fd_of(stage->ring, a10_socket(AF_INET, SOCK_STREAM, 0));
	client = fd_of(stage->ring, a10_socket(AF_INET, SOCK_STREAM, 0));
	ck_assert_ptr_nonnull(address);
	ck_assert_int_eq(a10_address_parse("127.0.0.1:0", address), 0);
	stage_submit(stage, a10_bind(listener, address), &seen);
	wipe(address, sizeof(*address));
	ck_assert_int_eq(stage_result(stage, &seen).value, 0);
	ck_assert_int_eq(value_of(stage->ring, a10_listen(listener, 4)), 0);
	ck_assert_int_eq(getsockname(a10_fd_number(listener), &bound.as.any,
				     &bound.length),
			 0);
	address = keep(&bound, sizeof(bound));
	stage_submit(stage, a10_connect(client, address), &seen);
	wipe(address, sizeof(*address));
	ck_assert_int_eq(stage_result(stage, &seen).value, 0);
	fd_close(stage->ring, client);
	fd_close(stage->ring, listener);
}

static void test_sendto(struct stage *stage)
{
	struct a10_fd fd =
		fd_of(stage->ring, a10_listen_on("127.0.0.1:0", A10_DATAGRAM));
	struct a10_address bound = { .length = sizeof(bound.as) };
	struct a10_address *address;
	struct seen seen;
	char bytes[8];

	ck_assert_int_eq(getsockname(a10_fd_number(fd), &bound.as.any,
				     &bound.length),
			 0);
	address = keep(&bound, sizeof(bound));
	stage_submit(stage, a10_sendto(fd, "to me", 5, 0, address), &seen);
	wipe(address, sizeof(*address));
	ck_assert_int_eq(stage_result(stage, &seen).value, 5);
	ck_assert_int_eq(recv(a10_fd_number(fd), bytes, 8, MSG_DONTWAIT), 5);
	fd_close(stage->ring, fd);
}

static void test_address_texts(struct stage *stage)
{
	struct a10_result listener;
	struct a10_result client;
	struct seen seen;
	char name[256];
	char *text;

	snprintf(name, sizeof(name), "unix:%s",
		 folder_file(&stage->folder, "socket"));
	unlink(stage->folder.file);
	text = keep_text(name);
	stage_submit(stage, a10_listen_on(text, 0), &seen);
	wipe_text(text);
	listener = stage_result(stage, &seen);
	ck_assert_int_eq(listener.value, 0);
	text = keep_text(name);
	stage_submit(stage, a10_connect_to(text, 0), &seen);
	wipe_text(text);
	client = stage_result(stage, &seen);
	ck_assert_int_eq(client.value, 0);
	fd_close(stage->ring, client.fd);
	fd_close(stage->ring, listener.fd);
}

/* ---- headers ---------------------------------------------------------------- */

/* A header on the heap, and all that it names. */
static struct msghdr *header_make(struct iovec *pieces, size_t count,
				  const struct a10_address *name, int passed)
{
	struct msghdr *header = calloc(1, sizeof(*header));
	struct cmsghdr *message;

	ck_assert_ptr_nonnull(header);
	header->msg_iov = keep(pieces, count * sizeof(*pieces));
	header->msg_iovlen = count;
	if (name != NULL) {
		header->msg_name = keep(&name->as, name->length);
		header->msg_namelen = name->length;
	}
	if (passed >= 0) {
		header->msg_controllen = CMSG_SPACE(sizeof(int));
		header->msg_control = calloc(1, header->msg_controllen);
		ck_assert_ptr_nonnull(header->msg_control);
		message = CMSG_FIRSTHDR(header);
		message->cmsg_level = SOL_SOCKET;
		message->cmsg_type = SCM_RIGHTS;
		message->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(message), &passed, sizeof(int));
	}
	return header;
}

static void header_wipe(struct msghdr *header)
{
	wipe(header->msg_iov, header->msg_iovlen * sizeof(struct iovec));
	if (header->msg_name != NULL)
		wipe(header->msg_name, header->msg_namelen);
	if (header->msg_control != NULL)
		wipe(header->msg_control, header->msg_controllen);
	wipe(header, sizeof(*header));
}

static void test_sendmsg(struct stage *stage)
{
	struct a10_fd fd =
		fd_of(stage->ring, a10_listen_on("127.0.0.1:0", A10_DATAGRAM));
	struct a10_address bound = { .length = sizeof(bound.as) };
	struct iovec pieces[2] = { { (void *)"one ", 4 },
				   { (void *)"two", 3 } };
	struct msghdr *header;
	struct seen seen;
	char bytes[8];

	ck_assert_int_eq(getsockname(a10_fd_number(fd), &bound.as.any,
				     &bound.length),
			 0);
	header = header_make(pieces, 2, &bound, -1);
	stage_submit(stage, a10_sendmsg(fd, header, 0), &seen);
	header_wipe(header);
	ck_assert_int_eq(stage_result(stage, &seen).value, 7);
	ck_assert_int_eq(recv(a10_fd_number(fd), bytes, 8, MSG_DONTWAIT), 7);
	ck_assert_mem_eq(bytes, "one two", 7);
	fd_close(stage->ring, fd);
}

/* The kernel reads control data late, when the send has to wait. */
static void test_control(struct stage *stage, bool full)
{
	static char block[65536];
	struct iovec piece = { (void *)"x", 1 };
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr got = { .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct iovec room = { block, sizeof(block) };
	struct msghdr *header;
	struct cmsghdr *message = NULL;
	struct seen seen;
	int passed = -1;
	int ends[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	while (full && send(ends[0], block, 4096, MSG_DONTWAIT) > 0)
		continue;
	header = header_make(&piece, 1, NULL, ends[0]);
	stage_submit(stage, a10_sendmsg(a10_fd_regular(ends[0]), header, 0),
		     &seen);
	header_wipe(header);
	run_for(stage->ring, A10_MILLISECOND);
	if (full)
		ck_assert_uint_eq(seen.count, 0);
	else
		RUN_UNTIL(stage->ring, seen.count == 1);
	got.msg_iov = &room;
	got.msg_iovlen = 1;
	while (message == NULL) {
		got.msg_controllen = sizeof(control);
		ck_assert_int_ge(a10_ring_poll(stage->ring, 0), 0);
		if (recvmsg(ends[1], &got, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) > 0)
			message = CMSG_FIRSTHDR(&got);
	}
	ck_assert_int_eq(stage_result(stage, &seen).value, 1);
	memcpy(&passed, CMSG_DATA(message), sizeof(int));
	ck_assert(number_is_open(passed));
	ck_assert_int_eq(close(passed), 0);
	pipe_close(ends);
}

/* The header is lent, for it is written; the array it names is copied. */
static void test_recvmsg(struct stage *stage)
{
	char a[3] = "";
	char b[8] = "";
	struct iovec pieces[2] = { { a, 3 }, { b, 8 } };
	struct msghdr header = { .msg_iovlen = 2 };
	struct iovec *iov = keep(pieces, sizeof(pieces));
	struct seen seen;
	struct pair pair;

	pair_open(stage->ring, false, &pair);
	header.msg_iov = iov;
	stage_submit(stage, a10_recvmsg(pair.ours, &header, 0), &seen);
	wipe(iov, sizeof(pieces));
	run_for(stage->ring, A10_MILLISECOND);
	ck_assert_int_eq(write(pair.theirs, "abcdef", 6), 6);
	ck_assert_int_eq(stage_result(stage, &seen).value, 6);
	ck_assert_mem_eq(a, "abc", 3);
	ck_assert_mem_eq(b, "def", 3);
	pair_close(stage->ring, &pair);
}

/* ---- operations themselves ---------------------------------------------------- */

static void test_chain(struct stage *stage)
{
	struct a10_op *ops = malloc(2 * sizeof(*ops));
	struct io_uring_sqe *sqe = calloc(1, sizeof(*sqe));
	struct seen seen = { 0 };
	char *path;

	ck_assert(ops != NULL && sqe != NULL);
	path = keep_text(folder_file(&stage->folder, "c"));
	sqe->opcode = IORING_OP_NOP;
	ops[0] = a10_open(path, O_RDWR | O_CREAT, 0600);
	ops[1] = a10_raw(sqe);
	wipe(sqe, sizeof(*sqe));
	for (unsigned int i = 0; i < stage->before; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(stage->ring), a10_nop(),
					    NULL, NULL),
				 0);
	ck_assert_int_gt(a10_submit_linked(a10_ring_sq(stage->ring), ops, 2,
					   on_seen, &seen),
			 0);
	wipe(ops, 2 * sizeof(*ops));
	wipe_text(path);
	RUN_UNTIL(stage->ring, seen.ended == 1);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_int_eq(seen.at[0].value, 0);
	ck_assert_int_eq(seen.at[1].value, 0);
	a10_fd_release(seen.at[0].fd);
}

static void test_stage(const struct a10_config *config, unsigned int before,
		       bool foreign)
{
	struct stage stage = { .ring = ring_open(config),
			       .before = before,
			       .foreign = foreign };

	ring_bind(stage.ring);
	folder_open(&stage.folder);
	for (int round = 0; round < 3; round++) {
		test_paths(&stage);
		test_long_path(&stage);
		test_vectors(&stage, 1);
		test_vectors(&stage, 1000);
		test_addresses(&stage);
		test_sendto(&stage);
		test_address_texts(&stage);
		test_sendmsg(&stage);
		test_control(&stage, false);
		test_control(&stage, true);
		test_recvmsg(&stage);
		if (config == NULL || config->submission_entries != 1)
			test_chain(&stage);
	}
	run_for(stage.ring, A10_MILLISECOND);
	ring_close(stage.ring);
	folder_close(&stage.folder);
}

TEST(what_a_verb_copies_may_be_freed_at_once)
{
	test_stage(NULL, 0, false);
}

TEST(what_a_verb_copies_may_be_freed_while_it_waits_for_room)
{
	struct a10_config config = { .submission_entries = 1 };

	test_stage(&config, 300, false);
	config.submission_entries = 2;
	test_stage(&config, 300, false);
}

TEST(what_a_verb_copies_may_be_freed_beside_a_kernel_thread)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .submission_entries = 4 };

	test_stage(&config, 100, false);
}

TEST(what_a_verb_copies_may_be_freed_by_another_thread)
{
	test_stage(NULL, 10, true);
}
