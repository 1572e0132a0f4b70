/* Listening where the machine lacks something. */
#include <errno.h>
#include <sys/socket.h>

#include "harness.h"
#include "scripted.h"

static sa_family_t bound_family;

static int without_ipv6(struct scripted *kernel,
			const struct uring_sqe *request)
{
	const struct sockaddr *address = (void *)(uintptr_t)request->addr;

	(void)kernel;
	if (request->opcode == URING_OP_SOCKET && request->fd == AF_INET6)
		return -EAFNOSUPPORT;
	if (request->opcode == URING_OP_URING_CMD)
		return 0;
	if (request->opcode == URING_OP_BIND)
		bound_family = address->sa_family;
	return SCRIPTED_DEFAULT;
}

TEST(every_address_is_an_ipv4_one_where_there_is_no_ipv6)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	kernel->sync = without_ipv6;
	kernel->real_close = true;
	scripted_submit(kernel, a10_listen_on(":8010", 0), &notes);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	ck_assert_int_eq(bound_family, AF_INET);
	a10_fd_release(notes_only(&notes)->fd);
	notes.count = 0;
	scripted_submit(kernel, a10_listen_on(":8010", A10_V6_ONLY), &notes);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, -EAFNOSUPPORT);
	scripted_destroy(kernel);
}
