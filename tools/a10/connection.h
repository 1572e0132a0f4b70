/*
 * connection.h - a connection, from being accepted to being closed.
 *
 * Between two requests it is an operation and nothing more, a receive in the
 * server's scope idle. With the first bytes it is ready, and a task answers it;
 * all but the end of the answer, which is an operation again, in the scope busy.
 *
 *   connection_create --> await_request --> on_first --> go_on: in server.ready
 *                              ^                           ^         |
 *                              |                        on_sent      | a task:
 *                              |                           ^         | serve
 *                              +--- end_answer <-----------|---------+
 *                                     |                    |         |
 *                        the next, if |                    |         v
 *                        it is there  +---------------> begin_answer: submitted
 *
 * and connection_free from all of them. One task goes through all that is ready:
 * they are answered on a stack that is in the caches. In it all is straight on,
 * here, in lookup.c and in transfer.c. They do what they can without waiting;
 * where one has to wait it keeps the task, and another goes on with the rest.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "exchange.h"

#include <a10.h>

struct server;

struct connection {
	struct server *server;
	struct connection *next;   /* in server.ready                     */
	struct a10_buf first;      /* of a request, until a task is there */
	struct exchange *exchange; /* from the first byte of a request on */
	int64_t deadline;          /* of what goes on; 0: not known yet   */
	ssize_t sent;              /* of the end of the answer ...        */
	bool sending;              /* ... which is on its way, or was     */
	int socket;
	uint32_t blanks; /* bytes of empty lines that were dropped */
};

/* Takes over the socket and its place; both end with the connection. */
void connection_create(struct server *server, int socket);

/* ---- for lookup.c and transfer.c: in a task ----------------------------- */

static inline struct a10_fd connection_fd(const struct connection *connection)
{
	return a10_fd_regular(connection->socket);
}

/* When the request must be there: its time runs from the first wait for it. */
int64_t connection_deadline(struct connection *connection);

/* Before a task waits: other connections are another's from then on. */
void connection_will_wait(struct connection *connection);

/* As a10_await. */
ssize_t connection_await(struct connection *connection, struct a10_op op);

#endif
