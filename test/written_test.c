/*
 * What the kernel wrote is known to have been written, and no byte more: for
 * MemorySanitizer and valgrind to see what was not.
 */
#include "support.h"

#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/memory.h"

#define ROOM 64u

#if __has_feature(memory_sanitizer)
#define WATCHED true
static bool is_known(const void *byte)
{
	return __msan_test_shadow(byte, 1) < 0;
}
#elif defined(A10_VALGRIND)
#define WATCHED on_valgrind()
static bool is_known(const void *byte)
{
	unsigned char bits = 0;

	/* Without memcheck all is known. */
	return VALGRIND_GET_VBITS(byte, &bits, 1) != 1 || bits == 0;
}
#else
#define WATCHED false
static bool is_known(const void *byte)
{
	return byte != NULL;
}
#endif

/* Of so many bytes the first count, and no more; if somebody looks on. */
static void assert_known(const void *bytes, size_t size, size_t count)
{
	const unsigned char *byte = bytes;
	size_t known = 0;

	if (!WATCHED)
		return;
	while (known < size && is_known(byte + known))
		known++;
	ck_assert_uint_eq(known, count);
}

/* Room that nobody has written to; for free. */
static void *room(size_t size)
{
	void *bytes = malloc(size);

	ck_assert_ptr_nonnull(bytes);
	assert_known(bytes, size, 0);
	return bytes;
}

TEST(as_many_bytes_are_known_as_were_read)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char *bytes = room(ROOM), *more = room(ROOM);
	struct iovec parts[2] = { { bytes, 3 }, { more, ROOM } };
	struct pair pair;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(send(pair.theirs, "abcdefgh", 8, 0), 8);
	ck_assert_int_eq(value_of(ring, a10_readv(pair.ours, parts, 2)), 8);
	assert_known(bytes, ROOM, 3);
	assert_known(more, ROOM, 5);
	free(bytes);
	bytes = room(ROOM);
	ck_assert_int_eq(send(pair.theirs, "abcdefgh", 8, 0), 8);
	ck_assert_int_eq(value_of(ring, a10_recv(pair.ours, bytes, ROOM, 0)),
			 8);
	assert_known(bytes, ROOM, 8);
	free(bytes);
	free(more);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* The kernel tells how long the name is, and writes what has room. */
TEST(of_a_name_that_was_cut_off_is_known_what_is_there)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char *bytes = room(ROOM), *name = room(ROOM);
	struct iovec part = { bytes, ROOM };
	struct msghdr header = { .msg_name = name,
				 .msg_namelen = 8,
				 .msg_iov = &part,
				 .msg_iovlen = 1 };
	struct sockaddr_un from = { .sun_family = AF_UNIX };
	int ends[2];

	snprintf(from.sun_path + 1, sizeof(from.sun_path) - 1, "written-%d",
		 (int)getpid());
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(bind(ends[1], (struct sockaddr *)&from, 40), 0);
	ck_assert_int_eq(send(ends[1], "abc", 3, 0), 3);
	ck_assert_int_eq(value_of(ring, a10_recvmsg(a10_fd_regular(ends[0]),
						    &header, 0)),
			 3);
	ck_assert_uint_eq(header.msg_namelen, 40);
	assert_known(name, ROOM, 8);
	assert_known(bytes, ROOM, 3);
	pipe_close(ends);
	free(bytes);
	free(name);
	ring_close(ring);
}

TEST(of_a_child_is_known_how_it_ended)
{
	struct a10_ring *ring = ring_open(NULL);
	siginfo_t *info = room(sizeof(*info));
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(3);
	ck_assert_ptr_nonnull(info);
	ck_assert_int_eq(
		value_of(ring, a10_waitid(P_PID, (id_t)child, info, WEXITED)),
		0);
	ck_assert_int_eq(info->si_status, 3);
	/* 28 of 128. */
	assert_known(info, sizeof(*info), 28);
	free(info);
	ring_close(ring);
}

TEST(a_status_and_events_are_known)
{
	struct a10_ring *ring = ring_open(NULL);
	struct statx *status = room(sizeof(*status));
	struct epoll_event *events = room(4 * sizeof(*events));
	struct epoll_event wanted = { .events = EPOLLOUT };
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct pair pair;

	pair_open(ring, false, &pair);
	ck_assert_int_ge(epoll, 0);
	ck_assert_int_eq(value_of(ring, a10_statx(A10_CWD, "/", 0,
						  STATX_BASIC_STATS, status)),
			 0);
	assert_known(status, sizeof(*status), sizeof(*status));
	ck_assert(S_ISDIR(status->stx_mode));
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.theirs, &wanted),
			 0);
	ck_assert_int_eq(value_of(ring, a10_epoll_wait(a10_fd_regular(epoll),
						       events, 4)),
			 1);
	assert_known(events, 4 * sizeof(*events), sizeof(*events));
	ck_assert_uint_eq(events->events, EPOLLOUT);
	ck_assert_int_eq(close(epoll), 0);
	pair_close(ring, &pair);
	free(events);
	free(status);
	ring_close(ring);
}
