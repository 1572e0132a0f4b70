/*
 * sockopt.h - what a socket is set to, get and set. Where the kernel's own
 * request cannot (getting what is not SOL_SOCKET's, before Linux 6.7 anything)
 * it is the system call; before 6.8 direct descriptors are -EOPNOTSUPP then. In
 * a chain, where nothing can stand in, getting what is not SOL_SOCKET's is
 * -EOPNOTSUPP.
 */
#ifndef A10_SOCKOPT_H
#define A10_SOCKOPT_H

#include <a10/net.h>
#include <netinet/tcp.h>

A10_BEGIN

/* The constructors' constructor. kind: what the value is made of. */
A10_OP a10_sockopt_op(enum a10_opcode opcode, struct a10_fd fd, int level,
		      int name, const void *value, socklen_t length,
		      uint64_t kind)
{
	struct a10_op op =
		a10_op_make(opcode, fd, NULL, 0,
			    opcode == A10_OPCODE_GETSOCKOPT ? 2u : 3u, 0);

	op.request.address = (uint32_t)level | (uint64_t)(uint32_t)name << 32;
	op.request.index = (int32_t)length;
	op.request.address3 = (uint64_t)(uintptr_t)value;
	op.extra.argument[1] = kind;
	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	return op;
}

#define A10_SOCKOPT_BYTES  UINT64_C(0) /* value: how many */
#define A10_SOCKOPT_NUMBER UINT64_C(1) /* value: that number */
#define A10_SOCKOPT_CPU    UINT64_C(2) /* the same, -ENODATA: none */

/*
 * getsockopt(2): value is how many bytes there are in ret_value, lent.
 * [SOCKET_URING_OP_GETSOCKOPT]
 */
A10_OP a10_getsockopt(struct a10_fd fd, int level, int name, void *ret_value,
		      socklen_t length)
{
	return a10_sockopt_op(A10_OPCODE_GETSOCKOPT, fd, level, name, ret_value,
			      length, A10_SOCKOPT_BYTES);
}

/* setsockopt(2): the value is copied. [SOCKET_URING_OP_SETSOCKOPT] */
A10_OP a10_setsockopt(struct a10_fd fd, int level, int name, const void *value,
		      socklen_t length)
{
	return a10_sockopt_op(A10_OPCODE_SETSOCKOPT, fd, level, name, value,
			      length, A10_SOCKOPT_BYTES);
}

/*
 * Of an option that is a number: value is it. One that may be negative looks
 * like an error then: a10_getsockopt tells them apart.
 */
A10_OP a10_sockopt_get(struct a10_fd fd, int level, int name)
{
	return a10_sockopt_op(A10_OPCODE_GETSOCKOPT, fd, level, name, NULL,
			      sizeof(int), A10_SOCKOPT_NUMBER);
}

/* Of an option that is a number. */
A10_OP a10_sockopt_set(struct a10_fd fd, int level, int name, int value)
{
	struct a10_op op =
		a10_sockopt_op(A10_OPCODE_SETSOCKOPT, fd, level, name, NULL,
			       sizeof(value), A10_SOCKOPT_NUMBER);

	op.extra.argument[0] = (uint32_t)value;
	return op;
}

/* ---- by name: value is the number, 0 or 1 of what is on or off ------------ */

/* What a connection failed with, as a positive errno, or 0; it is cleared. [SO_ERROR] */
A10_OP a10_sockopt_error(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_ERROR);
}

/* SOCK_STREAM .... [SO_TYPE] */
A10_OP a10_sockopt_type(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_TYPE);
}

/* AF_INET .... [SO_DOMAIN] */
A10_OP a10_sockopt_domain(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_DOMAIN);
}

/* IPPROTO_TCP .... [SO_PROTOCOL] */
A10_OP a10_sockopt_protocol(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_PROTOCOL);
}

/* Whether it listens. [SO_ACCEPTCONN] */
A10_OP a10_sockopt_accepts(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_ACCEPTCONN);
}

/* Bytes that must have room before it is ready. [SO_SNDLOWAT] */
A10_OP a10_sockopt_send_low_water(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_SNDLOWAT);
}

/* Whether a silent peer is asked. [SO_KEEPALIVE] */
A10_OP a10_sockopt_keep_alive(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_KEEPALIVE);
}

/* Sets that. [SO_KEEPALIVE] */
A10_OP a10_sockopt_set_keep_alive(struct a10_fd fd, bool on)
{
	return a10_sockopt_set(fd, SOL_SOCKET, SO_KEEPALIVE, on);
}

/* Whether an address just left may be bound. [SO_REUSEADDR] */
A10_OP a10_sockopt_reuse_address(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_REUSEADDR);
}

/* Sets that. [SO_REUSEADDR] */
A10_OP a10_sockopt_set_reuse_address(struct a10_fd fd, bool on)
{
	return a10_sockopt_set(fd, SOL_SOCKET, SO_REUSEADDR, on);
}

/* Whether several may bind one address. [SO_REUSEPORT] */
A10_OP a10_sockopt_reuse_port(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_REUSEPORT);
}

/* Sets that. [SO_REUSEPORT] */
A10_OP a10_sockopt_set_reuse_port(struct a10_fd fd, bool on)
{
	return a10_sockopt_set(fd, SOL_SOCKET, SO_REUSEPORT, on);
}

/* Bytes; Linux doubles what is set. [SO_RCVBUF] */
A10_OP a10_sockopt_receive_buffer(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_RCVBUF);
}

/* Sets that. [SO_RCVBUF] */
A10_OP a10_sockopt_set_receive_buffer(struct a10_fd fd, int bytes)
{
	return a10_sockopt_set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

/* Bytes; Linux doubles what is set. [SO_SNDBUF] */
A10_OP a10_sockopt_send_buffer(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_SNDBUF);
}

/* Sets that. [SO_SNDBUF] */
A10_OP a10_sockopt_set_send_buffer(struct a10_fd fd, int bytes)
{
	return a10_sockopt_set(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

/* Bytes that must be there before it is ready. [SO_RCVLOWAT] */
A10_OP a10_sockopt_receive_low_water(struct a10_fd fd)
{
	return a10_sockopt_get(fd, SOL_SOCKET, SO_RCVLOWAT);
}

/* Sets that. [SO_RCVLOWAT] */
A10_OP a10_sockopt_set_receive_low_water(struct a10_fd fd, int bytes)
{
	return a10_sockopt_set(fd, SOL_SOCKET, SO_RCVLOWAT, bytes);
}

/* Whether small segments go at once. [TCP_NODELAY] */
A10_OP a10_sockopt_no_delay(struct a10_fd fd)
{
	return a10_sockopt_get(fd, IPPROTO_TCP, TCP_NODELAY);
}

/* Sets that. [TCP_NODELAY] */
A10_OP a10_sockopt_set_no_delay(struct a10_fd fd, bool on)
{
	return a10_sockopt_set(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

/* Whether only full segments go. [TCP_CORK] */
A10_OP a10_sockopt_cork(struct a10_fd fd)
{
	return a10_sockopt_get(fd, IPPROTO_TCP, TCP_CORK);
}

/* Sets that. [TCP_CORK] */
A10_OP a10_sockopt_set_cork(struct a10_fd fd, bool on)
{
	return a10_sockopt_set(fd, IPPROTO_TCP, TCP_CORK, on);
}

/* Questions before it is over. [TCP_KEEPCNT] */
A10_OP a10_sockopt_keep_alive_count(struct a10_fd fd)
{
	return a10_sockopt_get(fd, IPPROTO_TCP, TCP_KEEPCNT);
}

/* Sets that. [TCP_KEEPCNT] */
A10_OP a10_sockopt_set_keep_alive_count(struct a10_fd fd, int count)
{
	return a10_sockopt_set(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
}

/* Seconds before the first question. [TCP_KEEPIDLE] */
A10_OP a10_sockopt_keep_alive_idle(struct a10_fd fd)
{
	return a10_sockopt_get(fd, IPPROTO_TCP, TCP_KEEPIDLE);
}

/* Sets that. [TCP_KEEPIDLE] */
A10_OP a10_sockopt_set_keep_alive_idle(struct a10_fd fd, int seconds)
{
	return a10_sockopt_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
}

/* Seconds between questions. [TCP_KEEPINTVL] */
A10_OP a10_sockopt_keep_alive_interval(struct a10_fd fd)
{
	return a10_sockopt_get(fd, IPPROTO_TCP, TCP_KEEPINTVL);
}

/* Sets that. [TCP_KEEPINTVL] */
A10_OP a10_sockopt_set_keep_alive_interval(struct a10_fd fd, int seconds)
{
	return a10_sockopt_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
}

/* The CPU its packets came in on; -ENODATA: none yet. [SO_INCOMING_CPU] */
A10_OP a10_sockopt_incoming_cpu(struct a10_fd fd)
{
	return a10_sockopt_op(A10_OPCODE_GETSOCKOPT, fd, SOL_SOCKET,
			      SO_INCOMING_CPU, NULL, sizeof(int),
			      A10_SOCKOPT_CPU);
}

/* Sets that, for a group of SO_REUSEPORT. [SO_INCOMING_CPU] */
A10_OP a10_sockopt_set_incoming_cpu(struct a10_fd fd, int cpu)
{
	return a10_sockopt_set(fd, SOL_SOCKET, SO_INCOMING_CPU, cpu);
}

/*
 * Into ret_linger, lent: whether a close waits for what is unsent, and how many
 * seconds. value: its size. [SO_LINGER]
 */
A10_OP a10_sockopt_linger(struct a10_fd fd, struct linger *ret_linger)
{
	return a10_getsockopt(fd, SOL_SOCKET, SO_LINGER, ret_linger,
			      sizeof(*ret_linger));
}

/* Sets that; on with 0 seconds: a close resets the connection. [SO_LINGER] */
A10_OP a10_sockopt_set_linger(struct a10_fd fd, bool on, int seconds)
{
	struct a10_op op =
		a10_sockopt_op(A10_OPCODE_SETSOCKOPT, fd, SOL_SOCKET, SO_LINGER,
			       NULL, sizeof(struct linger), A10_SOCKOPT_NUMBER);
	struct linger linger;

	linger.l_onoff = on;
	linger.l_linger = seconds;
	memcpy(&op.extra.argument[0], &linger, sizeof(linger));
	return op;
}

A10_END
#endif
