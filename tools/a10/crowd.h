/*
 * crowd.h - what the servers of all threads have in common.
 *
 * Each thread has a server of its own: ring, connections, memory, counts. Only
 * two things cross: how many connections there are in all, for the limit; and
 * sockets that cannot be had more than once, which the first listens on and
 * deals out in turn, by messages.
 */
#ifndef CROWD_H
#define CROWD_H

#include <a10.h>
#include <stdatomic.h>

struct server;

struct crowd {
	struct server *servers; /* one for each thread, in their order */
	uint32_t count;
	uint32_t next;                /* is dealt a connection; the first's   */
	struct a10_semaphore room;    /* for connections: a place of each     */
	_Atomic uint32_t connections; /* in all, and on their way to a server */
	_Atomic uint32_t ended;       /* servers with nothing left to do      */
};

/* Before the servers are there, for so many connections at once. */
void crowd_init(struct crowd *crowd, struct server *servers, uint32_t count,
		uint32_t connections_max);

/* The server of a shard, once its ring is there: takes what is dealt to it. */
int crowd_join(struct server *server, const struct a10_shard *shard);

/* Nothing is left to do in this one. The last ends all. */
void crowd_leave(struct server *server);

/* Of all servers. Any thread. */
uint32_t crowd_connections(const struct server *server);

/*
 * A place for one more connection; in a task, which waits for it. 0 or -errno.
 */
int crowd_take_place(struct server *server);
void crowd_give_place(struct server *server);

/*
 * A connection that was accepted and has its place, to the server whose turn it
 * is.
 */
void crowd_deal(struct server *server, int socket);

#endif
