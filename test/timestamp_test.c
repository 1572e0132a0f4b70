/* When what was sent went out, of loopback's software clock. */
#include "support.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

static struct a10_ring *ring_open_large(void)
{
	struct a10_config config = { .large_completions = A10_ON,
				     .direct_descriptors = 4 };

	return ring_open(&config);
}

/* A datagram socket that is connected to itself and keeps time. */
static int socket_open(void)
{
	const int flags = SOF_TIMESTAMPING_TX_SOFTWARE |
			  SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
			  SOF_TIMESTAMPING_OPT_TSONLY;
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t length = sizeof(in);
	int number = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_ge(number, 0);
	ck_assert_int_eq(bind(number, (struct sockaddr *)&in, length), 0);
	ck_assert_int_eq(getsockname(number, (struct sockaddr *)&in, &length),
			 0);
	ck_assert_int_eq(connect(number, (struct sockaddr *)&in, length), 0);
	ck_assert_int_eq(setsockopt(number, SOL_SOCKET, SO_TIMESTAMPING, &flags,
				    sizeof(flags)),
			 0);
	return number;
}

static int64_t real_time(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
	return now.tv_sec * A10_SECOND + now.tv_nsec;
}

static void assert_stamp(const struct a10_result *r, int number, int64_t after)
{
	const int64_t at =
		(int64_t)r->extra[0] * A10_SECOND + (int64_t)r->extra[1];

	ck_assert_int_eq(r->value, number);
	ck_assert_uint_eq(r->count, SCM_TSTAMP_SND);
	ck_assert_uint_eq(r->flags & A10_RESULT_HARDWARE, 0);
	ck_assert(r->more);
	ck_assert_int_ge(at, after);
	ck_assert_int_le(at, real_time());
}

static void test_stamps(bool direct)
{
	struct a10_ring *ring = ring_open_large();
	int number = socket_open();
	struct a10_fd fd = a10_fd_regular(number);
	int64_t before = real_time();
	struct seen seen;
	a10_id id;

	if (direct)
		fd = fd_of(ring, a10_fd_register(fd));
	/* What there is already, and what comes while it waits. */
	ck_assert_int_eq(send(number, "a", 1, 0), 1);
	id = start(ring, a10_multishot(a10_socket_timestamps(fd)), &seen);
	for (unsigned int i = 0; i < 20; i++) {
		RUN_UNTIL(ring, seen.count > i || seen.ended);
		if (seen.last.value == -EOPNOTSUPP)
			SKIP("the kernel has no SOCKET_URING_OP_TX_TIMESTAMP");
		assert_stamp(&seen.last, (int)i, before);
		before = real_time();
		ck_assert_int_eq(send(number, "b", 1, 0), 1);
	}
	RUN_UNTIL(ring, seen.count > 20);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_uint_eq(seen.count, 22);
	if (direct)
		fd_close(ring, fd);
	ck_assert_int_eq(close(number), 0);
	ring_close(ring);
}

TEST(a_send_is_told_when_it_went_out)
{
	test_stamps(false);
	test_stamps(true);
}

TEST(time_stamps_that_find_no_room_come_with_the_next)
{
	struct a10_config config = { .large_completions = A10_ON,
				     .submission_entries = 4,
				     .completion_entries = 8 };
	struct a10_ring *ring = ring_open(&config);
	int number = socket_open();
	struct seen seen;
	int sends = 50;

	start(ring,
	      a10_multishot(a10_socket_timestamps(a10_fd_regular(number))),
	      &seen);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	if (seen.ended)
		SKIP("the kernel has no SOCKET_URING_OP_TX_TIMESTAMP");
	for (int i = 0; i < sends; i++)
		ck_assert_int_eq(send(number, "a", 1, 0), 1);
	/* The kernel does not look again by itself when there is room. */
	while (seen.count < (unsigned int)sends) {
		run_for(ring, A10_MILLISECOND);
		ck_assert_int_lt(sends, SEEN_KEPT);
		ck_assert_int_eq(send(number, "a", 1, 0), 1);
		sends++;
		run_for(ring, A10_MILLISECOND);
	}
	for (int i = 0; i < sends; i++)
		ck_assert_int_eq(seen.at[i].value, i);
	ck_assert_int_eq(close(number), 0);
	ring_close(ring);
}

TEST(time_stamps_need_large_completions_and_are_many)
{
	struct a10_ring *large = ring_open_large();
	struct a10_ring *ring = ring_open(NULL);
	int number = socket_open();
	struct a10_op op = a10_socket_timestamps(a10_fd_regular(number));
	ssize_t value;

	ck_assert_int_eq(refusal_of(large, op), -EINVAL);
	value = outcome_of(ring, a10_multishot(op));
	ck_assert(value == -EINVAL || value == -EOPNOTSUPP);
	ck_assert_int_eq(outcome_of(large, a10_multishot(a10_socket_timestamps(
						   a10_fd_regular(9999)))),
			 -EBADF);
	ck_assert_int_eq(close(number), 0);
	ring_close(ring);
	ring_close(large);
}
