/*
 * connection.h - a connection, from being accepted to being closed, and what
 * its parts need of each other.
 *
 * One operation is under way at a time; it is in the connection's scope, and
 * its result goes to the function that was given with it. connection.c reads
 * requests, lookup.c finds what is asked for, transfer.c sends it.
 *
 *           read_request       read_request       transfer_*
 *   IDLE ---------------> READING --------> LOOKING ------> SENDING
 *    ^                       |                                ^  |  |
 *    |                       +--------------------------------+  |  |
 *    |                          read_request, on_received:       |  |
 *    |                          no good                          |  |
 *    +-----------------------------------------------------------+  |
 *                  connection_answered                              |
 *                                     connection_answered           |
 *                          LINGERING <------------------------------+
 *
 * and connection_close leads from all of them to CLOSING.
 *
 *   IDLE       not a byte of the next request is there
 *   READING    some are; there is a time by which the rest must be
 *   LOOKING    opening what is asked for
 *   SENDING    the response is on its way
 *   LINGERING  all is sent and our side is shut; what still comes is dropped
 *   CLOSING    cancelled; freed when the scope is empty
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "path.h"
#include "request.h"
#include "text.h"

#include <a10.h>
#include <sys/stat.h>

enum {
	INPUT_SIZE = 4096,
	/* The head, and as much of a file as goes out at once. */
	OUTPUT_SIZE = 128 * 1024,
};

struct server;
struct connection;

enum connection_state {
	CONNECTION_IDLE,
	CONNECTION_READING,
	CONNECTION_LOOKING,
	CONNECTION_SENDING,
	CONNECTION_LINGERING,
	CONNECTION_CLOSING,
};

typedef void connection_done(struct connection *connection,
			     const struct a10_result *r);

/* What is still to be sent: the rest of a file or of a text. */
struct body {
	struct a10_fd file;
	struct text text;
	uint64_t offset; /* in the file or text */
	uint64_t left;
};

struct connection {
	struct a10_scope scope;
	connection_done *done; /* of the operation under way */
	struct server *server;
	struct connection *next; /* the server's list */
	struct connection *previous;
	struct a10_fd socket;
	enum connection_state state;
	bool keep_alive;    /* as the response said */
	int64_t deadline;   /* READING and LINGERING: until when */
	size_t input_start; /* in input: what was received ... */
	size_t input_end;   /* ... and is not parsed           */
	size_t output_length;
	struct body body;
	struct statx status; /* of the file */
	struct request request;
	struct path path;
	char input[INPUT_SIZE];
	char output[OUTPUT_SIZE];
};

/* Takes over the socket, and closes it if it cannot serve it. */
void connection_create(struct server *server, struct a10_fd socket);

/* Ends it now: cancels what it does, and frees it when that is over. */
void connection_close(struct connection *connection);

/* Ends it now if it is idle, otherwise when it has answered. */
void connection_stop(struct connection *connection);

/* ---- for lookup.c and transfer.c ---------------------------------------- */

/* Moves it along one of the arrows above. */
void connection_move(struct connection *connection,
		     enum connection_state state);

/*
 * Starts the next operation. If that fails the connection ends, for there is
 * nothing left in its scope.
 */
void connection_submit(struct connection *connection, struct a10_op op,
		       connection_done *done);

/* The response is out: on to the next request, or to the end. */
void connection_answered(struct connection *connection);

#endif
