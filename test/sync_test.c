/* Requests that the kernel's backend does at once, by a system call. */
#include "rig.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static int at_once(struct rig *rig, struct uring_sqe request)
{
	return rig->calls->sync(rig->backend, &request, NULL);
}

#define AT_ONCE(rig, ...) at_once((rig), (struct uring_sqe){ __VA_ARGS__ })

static void rig_open_table(struct rig *rig)
{
	struct a10_config config = { .direct_descriptors = 4 };

	rig_open(rig, &config);
}

TEST(a_listening_socket_is_made_without_the_kernels_opcodes)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	struct rig rig;
	int fd, on = 1, got = 0;
	socklen_t size = sizeof(got);

	rig_open_table(&rig);
	fd = AT_ONCE(&rig, .opcode = URING_OP_SOCKET, .fd = AF_INET,
		     .off = SOCK_STREAM | SOCK_CLOEXEC, .len = IPPROTO_TCP);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
		AT_ONCE(&rig, .opcode = URING_OP_URING_CMD, .fd = fd,
			.off = URING_SOCKET_OP_SETSOCKOPT,
			.addr = SOL_SOCKET | (uint64_t)SO_REUSEADDR << 32,
			.addr3 = (uintptr_t)&on, .file_index = sizeof(on)),
		0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &got, &size),
			 0);
	ck_assert_int_eq(got, 1);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_BIND, .fd = fd,
				 .addr = (uintptr_t)&name, .off = sizeof(name)),
			 0);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_LISTEN, .fd = fd,
				 .len = 8),
			 0);
	size = sizeof(got);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &got, &size),
			 0);
	ck_assert_int_eq(got, 1);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_CLOSE, .fd = fd), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	rig_close(&rig);
}

TEST(what_a_system_call_refuses_sync_refuses)
{
	struct rig rig;

	rig_open_table(&rig);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_SOCKET, .fd = 9999,
				 .off = SOCK_STREAM),
			 -EAFNOSUPPORT);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_BIND, .fd = -1),
			 -EBADF);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_LISTEN, .fd = -1),
			 -EBADF);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_CLOSE, .fd = -1),
			 -EBADF);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_URING_CMD, .fd = -1,
				 .off = URING_SOCKET_OP_SETSOCKOPT),
			 -EBADF);
	rig_close(&rig);
}

TEST(sync_says_what_it_cannot_do)
{
	struct rig rig;

	rig_open_table(&rig);
	for (unsigned int op = 0; op < URING_OP_COUNT; op++) {
		/* A slot is no descriptor: 0 would be standard input. */
		ck_assert_int_eq(AT_ONCE(&rig, .opcode = (uint8_t)op,
					 .flags = URING_SQE_FIXED_FILE),
				 -EOPNOTSUPP);
	}
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_READ), -EOPNOTSUPP);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_SOCKET, .fd = AF_INET,
				 .off = SOCK_STREAM, .file_index = 1),
			 -EOPNOTSUPP);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_URING_CMD,
				 .off = URING_SOCKET_OP_TX_TIMESTAMP),
			 -EOPNOTSUPP);
	rig_close(&rig);
}

TEST(a_direct_descriptor_is_closed_by_sync)
{
	struct rig rig;
	int ends[2];
	char byte;

	rig_open_table(&rig);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(rig_update_table(&rig, 2, ends[1]), 1);
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert_int_eq(
		AT_ONCE(&rig, .opcode = URING_OP_CLOSE, .file_index = 3), 0);
	/* The last writer is gone, though perhaps not yet. */
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_CLOSE,
				 .file_index = 5),
			 -EINVAL);
	ck_assert_int_eq(AT_ONCE(&rig, .opcode = URING_OP_CLOSE, .fd = ends[0],
				 .file_index = 1),
			 -EINVAL);
	close(ends[0]);
	rig_close(&rig);
}

static void *close_elsewhere(void *data)
{
	struct rig *rig = (struct rig *)data;

	ck_assert_int_eq(AT_ONCE(rig, .opcode = URING_OP_CLOSE,
				 .file_index = 3),
			 rig->grant.setup_flags & URING_SETUP_SINGLE_ISSUER ?
				 -EOPNOTSUPP :
				 0);
	return NULL;
}

TEST(only_the_issuer_closes_direct_descriptors_by_sync)
{
	static const uint8_t values[] = { A10_AUTO, A10_OFF };

	for (size_t i = 0; i < 2; i++) {
		struct a10_config config = { .direct_descriptors = 4,
					     .single_issuer = values[i] };
		pthread_t thread;
		struct rig rig;

		rig_open(&rig, &config);
		ck_assert_int_eq(rig_update_table(&rig, 2, STDERR_FILENO), 1);
		ck_assert_int_eq(pthread_create(&thread, NULL, close_elsewhere,
						&rig),
				 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		rig_close(&rig);
	}
}
