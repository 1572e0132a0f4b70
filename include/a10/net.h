/* net.h - sockets. */
#ifndef A10_NET_H
#define A10_NET_H

#include <a10/op.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

A10_BEGIN

/* An address of any family, and its length in bytes. All zero: none. */
struct a10_address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	} as;
	socklen_t length;
	uint32_t reserved;
};

/*
 * "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", ":80" (every address, IPv4
 * and IPv6), "unix:/path", "unix:@abstract". 0, or -EINVAL: none of these. No
 * names, no DNS. Any thread.
 */
A10_API int a10_address_parse(const char *text,
			      struct a10_address *ret_address);

/*
 * The same back: terminated if size > 0. Returns what snprintf would. An
 * unnamed Unix socket is "unix:". Any thread.
 */
A10_API int a10_address_format(const struct a10_address *address, char *text,
			       size_t size);

/* socket(2): result.fd, value 0 or -errno. Close-on-exec. [SOCKET] */
A10_OP a10_socket(int domain, int type, int protocol)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_SOCKET, a10_fd_regular(domain), NULL,
			    (uint32_t)protocol, (uint32_t)type, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * bind(2); before Linux 6.11 the system call: direct ones before 6.8
 * -EOPNOTSUPP. [BIND]
 */
A10_OP a10_bind(struct a10_fd fd, const struct a10_address *address)
{
	struct a10_op op = a10_op_make(A10_OPCODE_BIND, fd, &address->as, 0,
				       address->length, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* listen(2); before Linux 6.11 as a10_bind. [LISTEN] */
A10_OP a10_listen(struct a10_fd fd, int backlog)
{
	struct a10_op op = a10_op_make(A10_OPCODE_LISTEN, fd, NULL,
				       (uint32_t)backlog, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* connect(2). [CONNECT] */
A10_OP a10_connect(struct a10_fd fd, const struct a10_address *address)
{
	struct a10_op op = a10_op_make(A10_OPCODE_CONNECT, fd, &address->as, 0,
				       address->length, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * accept4(2): result.fd, value 0 or -errno. ret_peer: NULL, or lent until it is
 * over; with a10_multishot it is the last one's, so NULL there (-EINVAL).
 * a10_direct: while the table is full the kernel drops those it accepts, one at
 * each try, so accept no more than there are places for.
 * flags: SOCK_NONBLOCK; close-on-exec always. [ACCEPT]
 */
A10_OP a10_accept(struct a10_fd fd, struct a10_address *ret_peer, int flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_ACCEPT, fd, ret_peer, 0, 0,
				       (uint32_t)flags);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * The same, but -EAGAIN at once if nobody waits to be accepted. Before Linux
 * 6.10 in a chain, or as a multishot, -EOPNOTSUPP. [ACCEPT_DONTWAIT]
 */
A10_OP a10_accept_now(struct a10_fd fd, struct a10_address *ret_peer, int flags)
{
	struct a10_op op = a10_accept(fd, ret_peer, flags);

	op.request.priority = 1u << 1;
	return op;
}

/* recv(2). value: bytes, 0 when the peer has shut down. [RECV] */
A10_OP a10_recv(struct a10_fd fd, void *buf, size_t length, int flags)
{
	return a10_op_make(A10_OPCODE_RECV, fd, buf, length, 0,
			   (uint32_t)flags);
}

/*
 * recv(2) into a buffer of the pool, picked when there is data: result.buf; at
 * the end value 0 and none. With a10_multishot: until the end; an empty datagram
 * is such a result too, but an end of a direct descriptor only. MSG_TRUNC with an
 * incremental pool is -EINVAL. [RECV]
 */
A10_OP a10_recv_pooled(struct a10_fd fd, struct a10_pool *pool, int flags)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_RECV, fd, NULL, 0, 0, (uint32_t)flags);

	op.extra.flags |= A10_WITH_POOL;
	op.extra.pool = pool;
	return op;
}

/*
 * recvfrom(2): ret_from, lent, gets the sender's address; length 0: it has
 * none. [RECVMSG]
 */
A10_OP a10_recvfrom(struct a10_fd fd, void *buf, size_t length, int flags,
		    struct a10_address *ret_from)
{
	struct a10_op op = a10_op_make(A10_OPCODE_RECVFROM, fd, buf, length, 0,
				       (uint32_t)flags);

	op.request.address3 = (uint64_t)(uintptr_t)ret_from;
	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	return op;
}

/*
 * recvmsg(2) again and again, each message into a buffer of the pool with its
 * sender and at most control_size bytes of control data: result.buf, for
 * a10_message_parse; value: the message's bytes. a10_multishot only, and not
 * with an incremental pool (-EINVAL); the pool's buffers have multiples of 8
 * bytes, more than 144 + control_size (-EINVAL). Ends at the end of a stream;
 * before Linux 6.8, of a direct descriptor, also at a message without bytes and
 * sender. [RECVMSG]
 */
A10_OP a10_recvmsg_pooled(struct a10_fd fd, struct a10_pool *pool,
			  uint32_t control_size, int flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_RECVMSG_POOLED, fd, NULL,
				       control_size, 0, (uint32_t)flags);

	op.extra.flags |= A10_WITH_POOL | A10_WITH_LIBRARY;
	op.extra.pool = pool;
	return op;
}

/* A message as a10_recvmsg_pooled received it; it lies in the buffer. */
struct a10_message {
	struct msghdr header; /* name, control data (CMSG_FIRSTHDR), flags */
	unsigned char *data;
	size_t length; /* of data; header.msg_flags says if it was cut */
};

/*
 * 0, or -EINVAL: buf is not of a10_recvmsg_pooled. What ret_message points to
 * is the buffer's. Any thread.
 */
A10_API int a10_message_parse(struct a10_buf buf,
			      struct a10_message *ret_message);

/* send(2). Never raises SIGPIPE. value: bytes, may be fewer. [SEND] */
A10_OP a10_send(struct a10_fd fd, const void *buf, size_t length, int flags)
{
	return a10_op_make(A10_OPCODE_SEND, fd, buf, length, 0,
			   (uint32_t)flags | MSG_NOSIGNAL);
}

/* sendto(2): the address is copied. Never raises SIGPIPE. [SEND] */
A10_OP a10_sendto(struct a10_fd fd, const void *buf, size_t length, int flags,
		  const struct a10_address *to)
{
	struct a10_op op = a10_op_make(A10_OPCODE_SEND, fd, buf, length,
				       (uint64_t)(uintptr_t)&to->as,
				       (uint32_t)flags | MSG_NOSIGNAL);

	op.request.index = (int32_t)to->length;
	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	return op;
}

/*
 * recvmsg(2). The header is lent, for the kernel writes lengths and flags into
 * it; the iovec array it names is copied. [RECVMSG]
 */
A10_OP a10_recvmsg(struct a10_fd fd, struct msghdr *header, int flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_RECVMSG, fd, header, 1, 0,
				       (uint32_t)flags);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * sendmsg(2). The header and all it names but the data (address, iovec array,
 * control data) are copied. Never raises SIGPIPE. [SENDMSG]
 */
A10_OP a10_sendmsg(struct a10_fd fd, const struct msghdr *header, int flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_SENDMSG, fd, header, 1, 0,
				       (uint32_t)flags | MSG_NOSIGNAL);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* ---- names and queues ---------------------------------------------------- */

/* The constructors' constructor: a command of sockets. */
A10_OP a10_socket_op(enum a10_opcode opcode, struct a10_fd fd, uint32_t command,
		     const void *address)
{
	struct a10_op op = a10_op_make(opcode, fd, address, 0, command, 0);

	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	return op;
}

/*
 * getsockname(2): the socket's own address into ret_address, lent. Before Linux
 * 6.19 the system call, and in a chain -EOPNOTSUPP.
 * [SOCKET_URING_OP_GETSOCKNAME]
 */
A10_OP a10_getsockname(struct a10_fd fd, struct a10_address *ret_address)
{
	return a10_socket_op(A10_OPCODE_GETSOCKNAME, fd, 5u, ret_address);
}

/* getpeername(2): the other end's. Else as a10_getsockname. */
A10_OP a10_getpeername(struct a10_fd fd, struct a10_address *ret_address)
{
	struct a10_op op = a10_getsockname(fd, ret_address);

	op.request.index = 1;
	return op;
}

/* value: bytes that a receive would find now. [SOCKET_URING_OP_SIOCINQ] */
A10_OP a10_socket_unread(struct a10_fd fd)
{
	return a10_socket_op(A10_OPCODE_SOCKET_QUEUE, fd, 0, NULL);
}

/*
 * value: bytes sent that the other end has not confirmed.
 * [SOCKET_URING_OP_SIOCOUTQ]
 */
A10_OP a10_socket_unsent(struct a10_fd fd)
{
	return a10_socket_op(A10_OPCODE_SOCKET_QUEUE, fd, 1u, NULL);
}

/*
 * When what was sent went out: of a socket with SO_TIMESTAMPING (SOF_TIMESTAMPING_*
 * with TX_SOFTWARE or the like, and OPT_TSONLY). a10_multishot only, until
 * cancelled; each result: value is the number of the send (OPT_ID), extra the time
 * in seconds and nanoseconds, count SCM_TSTAMP_SND, _SCHED or _ACK, flags
 * A10_RESULT_HARDWARE or 0. What finds the completion queue full comes with the
 * next. -EINVAL: without config.large_completions; before Linux 6.17
 * -EOPNOTSUPP. [SOCKET_URING_OP_TX_TIMESTAMP]
 */
A10_OP a10_socket_timestamps(struct a10_fd fd)
{
	return a10_socket_op(A10_OPCODE_SOCKET_TIMESTAMPS, fd, 4u, NULL);
}

/* shutdown(2): how is SHUT_RD, SHUT_WR or SHUT_RDWR. [SHUTDOWN] */
A10_OP a10_shutdown(struct a10_fd fd, int how)
{
	return a10_op_make(A10_OPCODE_SHUTDOWN, fd, NULL, (uint32_t)how, 0, 0);
}

/*
 * Names: the addresses of "host:port", as getaddrinfo(3) sorts them, on a helper
 * thread (a10/work.h). Writes at most count of them to ret_addresses, which is
 * lent; value: how many there are. An address, as a10_address_parse takes it, is
 * itself. The text is copied. -ENOENT: no such name; -EAGAIN: no answer for now;
 * -EIO: the resolver failed; -EINVAL: neither a name nor an address, or no port.
 * Cancelled or timed out it is over at once. [getaddrinfo]
 */
A10_OP a10_resolve(const char *text, struct a10_address *ret_addresses,
		   uint32_t count)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_RESOLVE, a10_fd_none(), text, count,
			    (uint64_t)(uintptr_t)ret_addresses, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* ---- whole jobs, each one operation -------------------------------------- */

#define A10_REUSE_PORT (1u << 0) /* SO_REUSEPORT */
#define A10_DATAGRAM   (1u << 1) /* a datagram socket; no listen */
#define A10_V6_ONLY    (1u << 2) /* an IPv6 address takes no IPv4 clients */

/*
 * socket + SO_REUSEADDR + bind + listen: result.fd. The address as
 * a10_address_parse or a10_resolve takes it, copied; of a name the first that can
 * be bound. Other text is -EINVAL. [socket, bind ...]
 */
A10_OP a10_listen_on(const char *address, uint32_t flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_LISTEN_ON, a10_fd_none(),
				       address, 0, 0, flags);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * socket + connect: result.fd. The address as a10_address_parse or a10_resolve
 * takes it, copied. Of a name all addresses are tried, families in turn, the next
 * when one fails or after 250 ms; the first that answers is the one (RFC 8305).
 * Other text is -EINVAL. flags: A10_DATAGRAM. [socket, CONNECT]
 */
A10_OP a10_connect_to(const char *address, uint32_t flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_CONNECT_TO, a10_fd_none(),
				       address, 0, 0, flags);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

A10_END
#endif
