/*
 * What the tests of the library have in common: a ring, waiting that ends,
 * results kept, descriptors of both kinds, a folder of one's own.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "harness.h"

#include <a10.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long what must happen may take, and what must not happen is awaited. */
#define PATIENCE ((int64_t)(test_slowed(8) * A10_SECOND))
#define A_MOMENT ((int64_t)(20 * A10_MILLISECOND))

/* ---- rings --------------------------------------------------------------- */

/* Skips the test where io_uring is not to be had at all. */
static inline struct a10_ring *ring_open(const struct a10_config *config)
{
	struct a10_ring *ring = NULL;
	int err = a10_ring_create(config, &ring);

	if (err == -EPERM || err == -ENOSYS || err == -EACCES)
		SKIP("no io_uring: %s", a10_ring_reason());
	ck_assert_msg(err == 0, "%s: %s", strerror(-err), a10_ring_reason());
	ck_assert_ptr_nonnull(ring);
	return ring;
}

static inline void ring_close(struct a10_ring *ring)
{
	ck_assert_int_eq(a10_ring_destroy(ring, PATIENCE), 0);
}

/*
 * Makes this thread the owner: before, it is a foreign one as all others are,
 * and what it submits is not counted until the owner has seen it.
 */
static inline void ring_bind(struct a10_ring *ring)
{
	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
}

/* One with room for direct descriptors. */
static inline struct a10_ring *ring_open_direct(uint32_t descriptors)
{
	struct a10_config config = { .direct_descriptors = descriptors };

	return ring_open(&config);
}

static inline bool ring_has(const struct a10_ring *ring, unsigned int opcode)
{
	struct a10_ring_info info;

	a10_ring_info(ring, &info);
	return info.opcodes[opcode / 64] >> opcode % 64 & 1;
}

static inline void ring_needs(const struct a10_ring *ring, unsigned int opcode)
{
	if (!ring_has(ring, opcode))
		SKIP("the kernel has no %s", a10_opcode_name(opcode));
}

/* ---- time ---------------------------------------------------------------- */

static inline void nap(int64_t ns)
{
	struct timespec left = { ns / A10_SECOND, ns % A10_SECOND };

	while (nanosleep(&left, &left) != 0)
		ck_assert_int_eq(errno, EINTR);
}

static inline void ring_step(struct a10_ring *ring, int64_t until,
			     const char *what, int line)
{
	int delivered = a10_ring_poll(ring, 10 * A10_MILLISECOND);

	ck_assert_msg(delivered >= 0, "line %d: poll: %s", line,
		      strerror(-delivered));
	ck_assert_msg(a10_now() < until, "line %d: in vain: %s", line, what);
}

/* Polls until the condition holds; the test fails if it does not in time. */
#define RUN_UNTIL(ring, condition)                                       \
	do {                                                             \
		const int64_t until_ = a10_now() + PATIENCE;             \
		while (!(condition))                                     \
			ring_step((ring), until_, #condition, __LINE__); \
	} while (0)

/* The same for what another thread does. */
#define WAIT_UNTIL(condition)                                            \
	do {                                                             \
		const int64_t until_ = a10_now() + PATIENCE;             \
		while (!(condition)) {                                   \
			nap(A10_MILLISECOND / 5);                        \
			ck_assert_msg(a10_now() < until_, "in vain: %s", \
				      #condition);                       \
		}                                                        \
	} while (0)

/* Polls for that long: what should not come had its chance. */
static inline void run_for(struct a10_ring *ring, int64_t ns)
{
	const int64_t until = a10_now() + ns;
	int64_t left = ns;

	/* Once at least: a busy machine may let so much go by at once. */
	do
		ck_assert_int_ge(a10_ring_poll(ring, left), 0);
	while ((left = until - a10_now()) > 0);
}

/* Of 127.0.0.1. */
static inline struct a10_address loopback(uint16_t port)
{
	struct a10_address address;

	memset(&address, 0, sizeof(address));
	address.as.in.sin_family = AF_INET;
	address.as.in.sin_port = htons(port);
	address.as.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.length = sizeof(address.as.in);
	return address;
}

/* ---- results ------------------------------------------------------------- */

#define SEEN_KEPT 64

/* The results of an operation, or of several that share one. */
struct seen {
	unsigned int count; /* results                    */
	unsigned int ended; /* those with more == false   */
	struct a10_result last;
	struct a10_result at[SEEN_KEPT]; /* the first ones */
};

/* An a10_done. */
static inline void on_seen(void *data, const struct a10_result *r)
{
	struct seen *seen = (struct seen *)data;

	if (seen->count < SEEN_KEPT)
		seen->at[seen->count] = *r;
	seen->last = *r;
	seen->count++;
	seen->ended += !r->more;
}

/* An a10_done that must not be called. */
static inline void on_never(void *data, const struct a10_result *r)
{
	ck_abort_msg("%s: delivered: %zd", data ? (const char *)data : "",
		     r->value);
}

/* Submits what must be accepted. */
static inline a10_id start(struct a10_ring *ring, struct a10_op op,
			   struct seen *seen)
{
	a10_id id;

	memset(seen, 0, sizeof(*seen));
	id = a10_submit(a10_ring_sq(ring), op, on_seen, seen);
	ck_assert_msg(id > 0, "not started: %s", strerror((int)-id));
	ck_assert_int_gt((int)id, 0);
	return id;
}

/* Its result, delivered to a callback; there must be exactly one. */
static inline struct a10_result result_of(struct a10_ring *ring,
					  struct a10_op op)
{
	struct seen seen;
	a10_id id = start(ring, op, &seen);

	RUN_UNTIL(ring, seen.ended > 0);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_int_eq(seen.last.id, id);
	ck_assert_ptr_eq(seen.last.sq, a10_ring_sq(ring));
	return seen.last;
}

static inline ssize_t value_of(struct a10_ring *ring, struct a10_op op)
{
	struct a10_result result = result_of(ring, op);

	ck_assert(!a10_fd_valid(result.fd));
	ck_assert_ptr_null(result.buf.data);
	return result.value;
}

/* The descriptor it must make. */
static inline struct a10_fd fd_of(struct a10_ring *ring, struct a10_op op)
{
	struct a10_result result = result_of(ring, op);

	ck_assert_msg(result.value == 0, "no descriptor: %s",
		      strerror((int)-result.value));
	ck_assert(a10_fd_valid(result.fd));
	return result.fd;
}

/* What the verb says, if it refuses, else the result: where either may be. */
static inline ssize_t outcome_of(struct a10_ring *ring, struct a10_op op)
{
	struct seen seen = { 0 };
	a10_id id = a10_submit(a10_ring_sq(ring), op, on_seen, &seen);

	if (id < 0)
		return (ssize_t)id;
	RUN_UNTIL(ring, seen.ended > 0);
	return seen.last.value;
}

/* What the verb says of an operation that it must refuse. */
static inline int refusal_of(struct a10_ring *ring, struct a10_op op)
{
	char who[] = "refused";
	a10_id id = a10_submit(a10_ring_sq(ring), op, on_never, who);

	ck_assert_msg(id < 0, "it was accepted");
	return (int)id;
}

/* ---- what is owned ------------------------------------------------------- */

/* An a10_owning release: counts. */
static inline void on_release(void *owned)
{
	++*(unsigned int *)owned;
}

/* ---- descriptors --------------------------------------------------------- */

static inline bool number_is_open(int number)
{
	return fcntl(number, F_GETFD) >= 0;
}

static inline unsigned int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int count = 0;

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static inline void pipe_open(int ends[2])
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

static inline void pipe_close(int ends[2])
{
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			ck_assert_int_eq(close(ends[i]), 0);
		ends[i] = -1;
	}
}

/* Close of what may have been closed in between; all of it waited for. */
static inline void fd_close(struct a10_ring *ring, struct a10_fd fd)
{
	ck_assert_int_eq(value_of(ring, a10_close(fd)), 0);
}

/* A stream: our end is a descriptor of the kind asked for, theirs is plain. */
struct pair {
	struct a10_fd ours;
	int theirs;
};

static inline struct a10_fd connect_direct(struct a10_ring *ring, int *theirs)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(name.sun_family);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64];
	struct a10_fd fd;

	/* Of no name bound to it the kernel makes an abstract one. */
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	length = sizeof(name);
	ck_assert_int_eq(
		getsockname(listener, (struct sockaddr *)&name, &length), 0);
	snprintf(text, sizeof(text), "unix:@%.*s",
		 (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
		 name.sun_path + 1);
	fd = fd_of(ring, a10_direct(a10_connect_to(text, 0)));
	*theirs = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*theirs, 0);
	ck_assert_int_eq(close(listener), 0);
	return fd;
}

static inline void pair_open(struct a10_ring *ring, bool direct,
			     struct pair *ret_pair)
{
	int ends[2];

	if (direct) {
		ret_pair->ours = connect_direct(ring, &ret_pair->theirs);
		ck_assert(a10_fd_is_direct(ret_pair->ours));
		return;
	}
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ret_pair->ours = a10_fd_regular(ends[0]);
	ret_pair->theirs = ends[1];
}

static inline void pair_close(struct a10_ring *ring, struct pair *pair)
{
	if (pair->theirs >= 0)
		ck_assert_int_eq(close(pair->theirs), 0);
	fd_close(ring, pair->ours);
}

/* ---- a folder of one's own ----------------------------------------------- */

struct folder {
	char path[128];
	char file[192]; /* what folder_file said last */
};

static inline void folder_open(struct folder *folder)
{
	const char *parent = getenv("TMPDIR");

	snprintf(folder->path, sizeof(folder->path), "%s/a10-test-XXXXXX",
		 parent != NULL && *parent != '\0' ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder->path));
}

/* The path of name in it; valid until the next call. */
static inline const char *folder_file(struct folder *folder, const char *name)
{
	snprintf(folder->file, sizeof(folder->file), "%s/%s", folder->path,
		 name);
	return folder->file;
}

static inline int folder_remove(const char *path, const struct stat *status,
				int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void folder_close(struct folder *folder)
{
	ck_assert_int_eq(
		nftw(folder->path, folder_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Makes a file of that content. */
static inline void file_write(const char *path, const void *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, length), (ssize_t)length);
	ck_assert_int_eq(close(fd), 0);
}

/* ---- bytes that tell where they belong ------------------------------------ */

static inline unsigned char pattern_byte(uint64_t at)
{
	return (unsigned char)(at * 131 + (at >> 8) * 7 + (at >> 16));
}

static inline void pattern_fill(unsigned char *data, size_t length,
				uint64_t from)
{
	for (size_t i = 0; i < length; i++)
		data[i] = pattern_byte(from + i);
}

static inline void pattern_check(const unsigned char *data, size_t length,
				 uint64_t from)
{
	/* Not ck_assert for each: it would be slow for megabytes. */
	for (size_t i = 0; i < length; i++) {
		if (data[i] != pattern_byte(from + i))
			ck_abort_msg("byte %zu is wrong", (size_t)from + i);
	}
}

/* ---- threads -------------------------------------------------------------- */

static inline pthread_t thread_start(void *(*body)(void *data), void *data)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, body, data), 0);
	return thread;
}

static inline void *thread_join(pthread_t thread)
{
	void *said = NULL;

	ck_assert_int_eq(pthread_join(thread, &said), 0);
	return said;
}

#endif
