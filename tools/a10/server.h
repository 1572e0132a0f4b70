/*
 * server.h - what the connections of a server share: the folder, the settings,
 * and the decision who may come in.
 */
#ifndef SERVER_H
#define SERVER_H

#include "date.h"

#include <a10.h>

struct connection;

/* ---- how long, how many ------------------------------------------------- */

#define IDLE_TIMEOUT    (60 * A10_SECOND) /* between two requests             */
#define REQUEST_TIMEOUT (10 * A10_SECOND) /* from its first byte to its last  */
#define SEND_TIMEOUT    (30 * A10_SECOND) /* without a byte of it taken       */
#define LINGER_TIMEOUT  (2 * A10_SECOND)  /* for the client to see the end    */
#define STOP_TIMEOUT    (5 * A10_SECOND)  /* for what runs at the stop        */
#define RETRY_AFTER     (100 * A10_MILLISECOND) /* when accepting failed      */

enum {
	CONNECTIONS_MAX = 10000,
	/*
	 * Connections that can come in after accepting was to pause: as many
	 * as fit into the completion queue.
	 */
	CONNECTIONS_LATE = 512,
};

struct server_settings {
	int64_t idle_timeout_ns;
	int64_t request_timeout_ns;
	int64_t send_timeout_ns;
	uint32_t connections_max;
};

/*
 *            server_start, server_resume        server_pause
 *  SHUT --------------------------------> OPEN --------------> SHUTTING
 *   ^ <------------------------------------+                       |
 *   |          on_accepted: it failed                              |
 *   +--------------------------------------------------------------+
 *                on_accepted: the last one
 */
enum door {
	DOOR_SHUT,     /* who comes waits in the listener's queue */
	DOOR_OPEN,     /* accepting                               */
	DOOR_SHUTTING, /* accepting, and cancelled                */
};

struct server {
	struct server_settings settings;
	struct a10_sq *sq;
	struct a10_fd root; /* the folder: what is served is below it */
	struct a10_fd listener;
	enum door door;
	a10_id accepting;
	bool stopping;
	uint32_t connection_count;
	struct connection *connections; /* the newest first */
	time_t date_time;               /* what date says   */
	char date[DATE_SIZE];
};

/* Begins to accept, on a listener and with a root that are there already. */
void server_start(struct server *server);

/*
 * Ends the listener and the idle connections now, the others when they have
 * answered or STOP_TIMEOUT has passed, and then stops the ring.
 */
void server_stop(struct server *server);

/* Called by connections when they are there and when they are gone. */
void server_add(struct server *server, struct connection *connection);
void server_remove(struct server *server, struct connection *connection);

/* The date, formatted once a second. */
const char *server_date(struct server *server);

#endif
