/* The addresses of a name, tried as RFC 8305 has it, on a kernel of the test's. */
#include "support.h"

#include "resolver.h"
#include "scripted.h"

#define QUARTER (250 * A10_MILLISECOND)

/* Of the connect: its address without the port, and its socket. */
static const char *host_of(const struct scripted_request *request)
{
	struct a10_address address = { .length = 0 };
	static char text[80];

	address.length = (socklen_t)request->sqe.off;
	memcpy(&address.as, (void *)(uintptr_t)request->sqe.addr,
	       address.length);
	a10_address_format(&address, text, sizeof(text));
	*strrchr(text, ':') = '\0';
	return text;
}

static struct scripted *dial(struct notes *notes, a10_id *ret_id)
{
	struct scripted *kernel = scripted_ring(NULL);
	const int64_t until = a10_now() + PATIENCE;

	kernel->real_close = true;
	*ret_id = scripted_submit(kernel, a10_connect_to("name:80", 0), notes);
	while (scripted_requests(kernel, URING_OP_CONNECT) == 0) {
		scripted_settle(kernel);
		nap(A10_MILLISECOND / 10);
		ck_assert_int_lt(a10_now(), until);
	}
	return kernel;
}

static struct scripted_request *next_to(struct scripted *kernel,
					const char *host)
{
	struct scripted_request *request =
		scripted_next(kernel, URING_OP_CONNECT);

	ck_assert_str_eq(host_of(request), host);
	ck_assert(number_is_open(request->sqe.fd));
	return request;
}

static void three_and_two(void)
{
	hosts[0] = "192.0.2.1";
	hosts[1] = "192.0.2.2";
	hosts[2] = "192.0.2.3";
	hosts[3] = "2001:db8::1";
	hosts[4] = "2001:db8::2";
}

TEST(addresses_are_tried_a_quarter_of_a_second_apart_and_families_in_turn)
{
	static const char *const order[] = { "192.0.2.1", "[2001:db8::1]",
					     "192.0.2.2", "[2001:db8::2]",
					     "192.0.2.3" };
	struct scripted_request *tried[5];
	struct notes notes = { 0 };
	struct scripted *kernel;
	int64_t first;
	a10_id id;
	int fd;

	three_and_two();
	kernel = dial(&notes, &id);
	first = kernel->clock;
	for (int i = 0; i < 5; i++) {
		tried[i] = next_to(kernel, order[i]);
		ck_assert_int_eq(tried[i]->at, first + i * QUARTER);
		scripted_pass(kernel, QUARTER - 1);
		scripted_no_more(kernel);
		scripted_pass(kernel, 1);
	}
	scripted_no_more(kernel);
	/* One wins, the others are given up. */
	fd = tried[2]->sqe.fd;
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, tried[2], 0, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	ck_assert_int_eq(a10_fd_number(notes_only(&notes)->fd), fd);
	for (int i = 0; i < 5; i++)
		ck_assert(number_is_open(tried[i]->sqe.fd) == (i == 2));
	ck_assert_uint_eq(kernel->cancels, 4);
	a10_fd_release(notes_only(&notes)->fd);
	scripted_destroy(kernel);
}

TEST(after_a_failure_the_next_is_tried_at_once_and_the_pause_begins_anew)
{
	struct notes notes = { 0 };
	struct scripted_request *request, *last;
	struct scripted *kernel;
	int64_t first;
	a10_id id;

	three_and_two();
	kernel = dial(&notes, &id);
	first = kernel->clock;
	request = next_to(kernel, "192.0.2.1");
	scripted_pass(kernel, QUARTER / 2);
	scripted_answer(kernel, request, -ECONNREFUSED, 0);
	request = next_to(kernel, "[2001:db8::1]");
	ck_assert_int_eq(request->at, first + QUARTER / 2);
	scripted_pass(kernel, QUARTER - 1);
	scripted_no_more(kernel);
	scripted_pass(kernel, 1);
	last = next_to(kernel, "192.0.2.2");
	/* The second that is under way fails; the third is the next again. */
	scripted_answer(kernel, last, -EHOSTUNREACH, 0);
	last = next_to(kernel, "[2001:db8::2]");
	scripted_answer(kernel, last, -ENETUNREACH, 0);
	last = next_to(kernel, "192.0.2.3");
	scripted_answer(kernel, last, -ECONNREFUSED, 0);
	/* There are no more, but one may yet succeed. */
	scripted_pass(kernel, 10 * QUARTER);
	scripted_no_more(kernel);
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, request, -ETIMEDOUT, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ETIMEDOUT);
	scripted_destroy(kernel);
}

TEST(of_very_many_addresses_the_first_sixteen_are_tried)
{
	struct notes notes = { 0 };
	struct scripted *kernel;
	a10_id id;

	for (int i = 0; i < 24; i++)
		hosts[i] = i < 18 ? "192.0.2.1" : "2001:db8::1";
	kernel = dial(&notes, &id);
	for (int i = 0; i < 16; i++)
		scripted_answer(kernel, next_to(kernel, "192.0.2.1"),
				-ECONNREFUSED, 0);
	scripted_no_more(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, -ECONNREFUSED);
	scripted_destroy(kernel);
}

/* A pause that was cut short is over, and no other with it. */
TEST(of_two_failures_within_a_pause_only_the_last_begins_one)
{
	struct notes notes = { 0 };
	struct scripted_request *request;
	struct scripted *kernel;
	a10_id id;

	three_and_two();
	kernel = dial(&notes, &id);
	request = next_to(kernel, "192.0.2.1");
	scripted_pass(kernel, QUARTER / 5);
	scripted_answer(kernel, request, -ECONNREFUSED, 0);
	request = next_to(kernel, "[2001:db8::1]");
	scripted_pass(kernel, QUARTER / 5);
	scripted_answer(kernel, request, -ECONNREFUSED, 0);
	request = next_to(kernel, "192.0.2.2");
	scripted_pass(kernel, QUARTER - 1);
	scripted_no_more(kernel);
	scripted_pass(kernel, 1);
	next_to(kernel, "[2001:db8::2]");
	scripted_answer(kernel, request, 0, 0);
	a10_fd_release(notes_only(&notes)->fd);
	scripted_destroy(kernel);
}

/* Two succeed before the one that is second has heard that it lost. */
TEST(who_connects_too_late_is_closed_once)
{
	struct notes notes = { 0 };
	struct scripted_request *one, *two;
	struct scripted *kernel;
	int fd, other;
	a10_id id;

	hosts[0] = "192.0.2.1";
	hosts[1] = "192.0.2.2";
	kernel = dial(&notes, &id);
	one = next_to(kernel, "192.0.2.1");
	scripted_pass(kernel, QUARTER);
	two = next_to(kernel, "192.0.2.2");
	fd = two->sqe.fd;
	scripted_post(kernel, one, 0, 0);
	scripted_post(kernel, two, 0, 0);
	scripted_settle(kernel);
	ck_assert_int_eq(a10_fd_number(notes_only(&notes)->fd), one->sqe.fd);
	ck_assert(!number_is_open(fd));
	/* Its number is another's from now on. */
	other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(other, fd);
	scripted_pass(kernel, 2 * QUARTER);
	ck_assert(number_is_open(other));
	ck_assert(number_is_open(one->sqe.fd));
	a10_fd_release(notes_only(&notes)->fd);
	scripted_destroy(kernel);
	ck_assert_int_eq(close(other), 0);
}

TEST(whoever_is_under_way_ends_with_the_whole)
{
	for (int detached = 0; detached < 2; detached++) {
		struct notes notes = { 0 };
		struct scripted_request *tried[3];
		struct scripted *kernel;
		a10_id id;

		three_and_two();
		kernel = dial(&notes, &id);
		for (int i = 0; i < 3; i++) {
			tried[i] = scripted_next(kernel, URING_OP_CONNECT);
			if (i < 2)
				scripted_pass(kernel, QUARTER);
		}
		kernel->hold_cancels = true;
		if (detached)
			ck_assert_int_eq(a10_detach(kernel->sq, id), 0);
		else
			ck_assert_int_eq(a10_cancel(kernel->sq, id), 0);
		scripted_settle(kernel);
		for (int i = 0; i < 3; i++)
			scripted_post(kernel,
				      scripted_next(kernel,
						    URING_OP_ASYNC_CANCEL),
				      0, 0);
		/* None of them is tried anew, none is taken any more. */
		scripted_post(kernel, tried[0], -ECONNREFUSED, 0);
		scripted_post(kernel, tried[1], 0, 0);
		scripted_post(kernel, tried[2], -ECANCELED, 0);
		scripted_settle(kernel);
		scripted_pass(kernel, 4 * QUARTER);
		ck_assert_uint_eq(scripted_requests(kernel, URING_OP_CONNECT),
				  3);
		if (detached)
			ck_assert_uint_eq(notes.count, 0);
		else
			ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
		for (int i = 0; i < 3; i++)
			ck_assert(!number_is_open(tried[i]->sqe.fd));
		scripted_destroy(kernel);
	}
}

static int no_sockets_of_ipv6(struct scripted *kernel,
			      const struct uring_sqe *request)
{
	(void)kernel;
	return request->opcode == URING_OP_SOCKET && request->fd == AF_INET6 ?
		       -EAFNOSUPPORT :
		       SCRIPTED_DEFAULT;
}

/* A machine without IPv6 goes on with the next without waiting. */
TEST(an_address_of_a_family_that_is_not_there_is_passed_over)
{
	struct notes notes = { 0 };
	struct scripted_request *request;
	struct scripted *kernel;
	a10_id id;

	hosts[0] = "2001:db8::1";
	hosts[1] = "2001:db8::2";
	hosts[2] = "192.0.2.1";
	kernel = scripted_ring(NULL);
	kernel->real_close = true;
	kernel->sync = no_sockets_of_ipv6;
	id = scripted_submit(kernel, a10_connect_to("name:80", 0), &notes);
	ck_assert_int_gt(id, 0);
	WAIT_UNTIL(scripted_settle(kernel) >= 0 &&
		   scripted_requests(kernel, URING_OP_CONNECT) > 0);
	request = next_to(kernel, "192.0.2.1");
	scripted_pass(kernel, QUARTER);
	scripted_answer(kernel, request, 0, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	a10_fd_release(notes_only(&notes)->fd);
	/* And where there are only such addresses it says why. */
	hosts[2] = NULL;
	notes.count = 0;
	scripted_submit(kernel, a10_connect_to("name:80", 0), &notes);
	WAIT_UNTIL(scripted_settle(kernel) >= 0 && notes.count > 0);
	ck_assert_int_eq(notes_only(&notes)->value, -EAFNOSUPPORT);
	scripted_destroy(kernel);
}
