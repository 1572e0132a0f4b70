/* echo.c - a server in one process, the load generator in another. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG      4096
#define STOP_SECONDS 5

static int listen_on_loopback(uint16_t *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t length = sizeof(address);
	const int one = 1;
	int fd;
	int err;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/*
	 * Accepted sockets inherit NODELAY. Without it a server that answers
	 * in pieces would measure the kernel's delayed acknowledgements.
	 */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static _Noreturn void server_main(const struct entrant *entrant,
				  const struct work_args *args, int listen_fd,
				  int stop_fd)
{
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	process_pin(SIDE_SERVER);
	err = entrant->serve(args, listen_fd, stop_fd);
	_exit(-err); /* why, for the one who waits for it */
}

/* Whoever stops a server closes the other end of the pipe. */
int echo_measure(const struct entrant *entrant, const struct work_args *args,
		 struct sample *ret_sample)
{
	struct load load = {
		.connections = args->connections,
		.message_size = args->message_size,
		.seconds = args->seconds,
	};
	struct load_result result;
	int listen_fd;
	int stop[2];
	int err;
	int status;

	if (pipe(stop) < 0)
		return -errno;
	listen_fd = listen_on_loopback(&load.port);
	if (listen_fd < 0) {
		close(stop[0]);
		close(stop[1]);
		return listen_fd;
	}
	load.server = fork();
	if (load.server == 0) {
		close(stop[1]);
		server_main(entrant, args, listen_fd, stop[0]);
	}
	/* Nobody is left to listen if the server dies: no endless connect. */
	close(listen_fd);
	close(stop[0]);
	err = load.server < 0 ? -EAGAIN : load_run(&load, &result);
	close(stop[1]);
	if (load.server < 0)
		return err;
	status = process_finish(load.server, STOP_SECONDS);
	/* A dead server's reason is better than what the client saw of it. */
	if (status != 0)
		return status < 0 ? status : -status;
	if (err < 0)
		return err;
	ret_sample->value[0] = (double)result.messages / result.seconds;
	ret_sample->value[1] =
		(double)result.messages / result.server_cpu_seconds;
	return 0;
}

int echo_count(const struct entrant *entrant, const struct work_args *args)
{
	struct load load = {
		.connections = args->connections,
		.message_size = args->message_size,
		.messages = args->operations,
	};
	struct load_result result;
	int listen_fd;
	int stop[2];
	pid_t client;
	int err;
	int status;

	if (pipe(stop) < 0)
		return -errno;
	listen_fd = listen_on_loopback(&load.port);
	if (listen_fd < 0)
		return listen_fd;
	client = fork();
	if (client == 0) {
		close(listen_fd);
		process_pin(SIDE_CLIENT);
		_exit(-load_run(&load, &result));
	}
	close(stop[1]);
	if (client < 0)
		return -EAGAIN;
	process_pin(SIDE_SERVER);
	err = entrant->serve(args, listen_fd, stop[0]);
	status = process_finish(client, STOP_SECONDS);
	if (err == 0 && status != 0)
		err = status < 0 ? status : -status;
	return err;
}
