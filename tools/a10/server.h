/*
 * server.h - what the connections of a thread share: the folder, the settings,
 * spare memory, the log and the counts. Who may come in is listener.h's.
 */
#ifndef SERVER_H
#define SERVER_H

#include "crowd.h"
#include "date.h"
#include "listeners.h"
#include "log.h"
#include "stats.h"

#include <a10.h>
#include <sys/stat.h>

struct connection;
struct exchange;

/* ---- how long, how many ------------------------------------------------- */

#define IDLE_TIMEOUT    (60 * A10_SECOND) /* between two requests             */
#define REQUEST_TIMEOUT (10 * A10_SECOND) /* from its first byte to its last  */
#define SEND_TIMEOUT    (30 * A10_SECOND) /* without a byte of it taken       */
#define STOP_TIMEOUT    (60 * A10_SECOND) /* for what runs at the stop        */
#define LINGER_TIMEOUT  (2 * A10_SECOND)  /* for the client to see the end    */

enum {
	CONNECTIONS_MAX = 10000,     /* unless it is said otherwise         */
	CONNECTIONS_LIMIT = 1 << 20, /* whatever is said                    */
	THREADS_MAX = 256,
	EXCHANGES_SPARE = 256, /* kept for the next; each has touched ~16 KiB */
	COMPLETIONS = 1024,    /* that wait to be seen, if that is granted   */
	POOL_BUFFERS = 1024,   /* for first bytes, given back a turn later   */
	POOL_BUFFER_SIZE = 4096,
	PAGES_MAX = 64 << 20,  /* bytes of listings that are on their way ... */
	PAGE_SMALL = 16 << 10, /* ... of which those up to this do not count  */
};

struct server_settings {
	int64_t idle_timeout_ns;
	int64_t request_timeout_ns;
	int64_t send_timeout_ns;
	int64_t stop_timeout_ns;
	uint32_t connections_max; /* before the start 0: not said */
	bool hidden;              /* what begins with a dot is served too */
	bool stats_page;          /* see stats.h */
};

struct server {
	struct server_settings settings;
	struct a10_ring *ring;
	struct a10_sq *sq;
	struct crowd *crowd;
	struct a10_shard shard; /* if there are several */
	struct a10_pool *pool;
	int root;            /* the folder: what is served is below it     */
	dev_t memory_device; /* files there are in memory; 0: none are     */
	bool stopping;
	struct a10_semaphore stop; /* of one that is alone */
	uint32_t connections_late; /* near the limit: so many are left */
	_Atomic uint32_t connection_count; /* the statistics' to read */
	struct a10_scope doors;   /* the listeners' tasks             */
	struct a10_scope idle;    /* connections that wait for a request */
	struct a10_scope busy;    /* tasks, and the ends of answers      */
	struct connection *ready; /* the first that can go on ...        */
	struct connection **ready_link;
	bool has_task; /* ... and whether there is one for them       */
	uint32_t listener_count;
	struct listener listeners[LISTENERS_MAX];
	size_t page_bytes; /* see PAGES_MAX */
	uint32_t spare_count;
	struct exchange *spare;
	struct log log;
	struct stats stats;
	time_t date_time; /* what date says */
	char date[DATE_SIZE];
};

/*
 * Once the ring, the crowd, the folder and the listeners are there: makes what
 * else it needs, and a task that lets clients in. 0 or -errno.
 */
int server_start(struct server *server);

/*
 * Asks all of its crowd to end the listeners and the idle connections now, the
 * others when they have answered or the time for that has passed, and then the
 * rings.
 */
void server_stop(struct server *server);

/* After the ring was destroyed. */
void server_finish(struct server *server);

/* Called by connections when they are there and when they are gone. */
void server_add(struct server *server);
void server_remove(struct server *server);

/* An exchange for a connection (NULL: no memory), and back; NULL: nothing. */
struct exchange *server_take_exchange(struct server *server);
void server_give_exchange(struct server *server, struct exchange *exchange);

/*
 * Whether the page in body.text may stay in memory until its response is over,
 * beside those of all others. If not, that is for another time.
 */
bool server_keep_page(struct server *server, struct exchange *exchange);

/* The response is over, as a whole or not: counts and logs it, once. */
void server_note(struct server *server, struct exchange *exchange);

/* Who is at the other end, if a log wants to know. */
void server_name_peer(const struct server *server, int socket,
		      struct exchange *exchange);

/* The time, if anybody wants to know how long things take; else 0. */
int64_t server_clock(const struct server *server);

/* The date, formatted once a second. */
const char *server_date(struct server *server);

#endif
