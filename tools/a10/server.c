#include "server.h"

#include "connection.h"

#include <assert.h>

static void server_resume(struct server *server);

/* The connections after this one wait in the queue until one has gone. */
static void server_pause(struct server *server)
{
	if (server->door != DOOR_OPEN)
		return;
	server->door = DOOR_SHUTTING;
	a10_cancel(server->sq, server->accepting);
}

static void on_retry(void *data, const struct a10_result *r)
{
	(void)r;
	server_resume((struct server *)data);
}

static void on_last_accepted(struct server *server)
{
	const bool failed = server->door == DOOR_OPEN;

	server->door = DOOR_SHUT;
	server->accepting = 0;
	/* For lack of something: more of it will be there in a while. */
	if (failed)
		a10_submit(server->sq, a10_after(RETRY_AFTER), on_retry,
			   server);
	else
		server_resume(server);
}

static void on_accepted(void *data, const struct a10_result *r)
{
	struct server *server = (struct server *)data;

	if (a10_fd_valid(r->fd) && server->stopping)
		a10_fd_release(r->fd);
	else if (a10_fd_valid(r->fd))
		connection_create(server, r->fd);
	if (!r->more)
		on_last_accepted(server);
	else if (server->connection_count >= server->settings.connections_max)
		server_pause(server);
}

static void server_resume(struct server *server)
{
	struct a10_op op;

	if (server->stopping || server->door != DOOR_SHUT ||
	    server->connection_count >= server->settings.connections_max)
		return;
	op = a10_direct(a10_accept(server->listener, NULL, 0));
	server->accepting =
		a10_submit(server->sq, a10_multishot(op), on_accepted, server);
	if (server->accepting > 0)
		server->door = DOOR_OPEN;
}

void server_start(struct server *server)
{
	server_resume(server);
}

static void on_stop_timeout(void *data, const struct a10_result *r)
{
	struct server *server = (struct server *)data;

	(void)r;
	for (struct connection *connection = server->connections; connection;
	     connection = connection->next)
		connection_close(connection);
}

void server_stop(struct server *server)
{
	assert(!server->stopping);
	server->stopping = true;
	server_pause(server);
	a10_fd_release(server->listener);
	server->listener = A10_NO_FD;
	for (struct connection *connection = server->connections; connection;
	     connection = connection->next)
		connection_stop(connection);
	if (server->connection_count == 0)
		a10_sq_stop(server->sq);
	else
		a10_submit(server->sq, a10_after(STOP_TIMEOUT), on_stop_timeout,
			   server);
}

void server_add(struct server *server, struct connection *connection)
{
	connection->previous = NULL;
	connection->next = server->connections;
	if (connection->next)
		connection->next->previous = connection;
	server->connections = connection;
	server->connection_count++;
}

void server_remove(struct server *server, struct connection *connection)
{
	assert(server->connection_count > 0);
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		server->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	server->connection_count--;
	if (server->stopping && server->connection_count == 0)
		a10_sq_stop(server->sq);
	else
		server_resume(server);
}

const char *server_date(struct server *server)
{
	const time_t now = time(NULL);

	if (now != server->date_time) {
		server->date_time = now;
		date_format(now, server->date);
	}
	return server->date;
}
