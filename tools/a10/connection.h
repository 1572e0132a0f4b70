/*
 * connection.h - a connection, from being accepted to being closed, and what
 * its parts need of each other.
 *
 * At most one operation is under way at a time; its result goes to the function
 * that was given with it. connection.c reads requests, lookup.c finds what is
 * asked for, transfer.c sends it. All of them do what they can without waiting
 * and submit an operation for what they have to wait for.
 *
 *          read_request       read_request       transfer_*
 *   IDLE --------------> READING -------> LOOKING -------> SENDING
 *    ^                      |                               ^  | |
 *    |                      +-------------------------------+  | |
 *    |                       read_request, on_received: no good| |
 *    |                                                         | |
 *    +------ SKIPPING <----------------------------------------+ |
 *    |  skip_upload  |       connection_answered               | |
 *    |               |                                         | |
 *    +---------------|-----------------------------------------+ |
 *                    |       connection_answered                 |
 *                    | skip_upload: no good                      |
 *                    +-----> LINGERING <-------------------------+
 *                                        connection_answered
 *
 * and connection_close leads from all of them to CLOSING.
 *
 *   IDLE       not a byte of the next request is there, or none was looked at
 *   READING    some are; there is a time by which the rest must be
 *   LOOKING    opening what is asked for
 *   SENDING    the response is on its way
 *   SKIPPING   it is out; what is left of the request's body is dropped
 *   LINGERING  all is sent and our side is shut; what still comes is dropped
 *   CLOSING    freed when its operation is over
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "exchange.h"

#include <a10.h>

struct server;
struct connection;

enum connection_state {
	CONNECTION_IDLE,
	CONNECTION_READING,
	CONNECTION_LOOKING,
	CONNECTION_SENDING,
	CONNECTION_SKIPPING,
	CONNECTION_LINGERING,
	CONNECTION_CLOSING,
};

typedef void connection_done(struct connection *connection,
			     const struct a10_result *r);

struct connection {
	struct server *server;
	struct connection *next; /* the server's list */
	struct connection *previous;
	struct exchange *exchange; /* from the first byte of a request on */
	connection_done *done;     /* of the operation under way ... */
	a10_id under_way;          /* ... which is this, or 0        */
	int64_t deadline;          /* of all but IDLE: until when */
	int socket;
	uint32_t blanks; /* IDLE: bytes of empty lines that were dropped */
	enum connection_state state;
};

/* Takes over the socket, and closes it if it cannot serve it. */
void connection_create(struct server *server, int socket);

/*
 * Ends it now: cancels what it does, and frees it when that is over; in a
 * callback of its own, when that returns.
 */
void connection_close(struct connection *connection);

/* Ends it now if it is idle, otherwise when it has answered. */
void connection_stop(struct connection *connection);

/* ---- for lookup.c and transfer.c ---------------------------------------- */

/* Moves it along one of the arrows above. */
void connection_move(struct connection *connection,
		     enum connection_state state);

/* Starts the next operation. If that fails the connection ends. */
void connection_submit(struct connection *connection, struct a10_op op,
		       connection_done *done);

/* The response is out: on to the next request, or to the end. */
void connection_answered(struct connection *connection);

#endif
