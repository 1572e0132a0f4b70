/*
 * crowd.h - what the servers of several threads have in common.
 *
 * Each thread has a server of its own: ring, connections, memory, counts. Only
 * three things cross: how many connections there are in all, for the limit; who
 * waits below it, so that a server is told when there is room again, or when
 * there is none any more; and sockets that cannot be had more than once, which
 * the first listens on and deals out in turn, by messages.
 */
#ifndef CROWD_H
#define CROWD_H

#include <a10.h>
#include <stdatomic.h>

struct server;

struct crowd {
	struct server *servers; /* one for each shard, in their order */
	uint32_t count;
	uint32_t next;                /* is dealt a connection; the first's   */
	_Atomic uint32_t connections; /* in all, and on their way to a server */
	_Atomic uint32_t ended;       /* servers with nothing left to do      */
};

/* The server of a shard, once its ring is there: takes what is dealt to it. */
int crowd_join(struct server *server, const struct a10_shard *shard);

/* Nothing is left to do in this one. The last ends all. */
void crowd_leave(struct server *server);

/* Of all servers; of one that is alone, its own. Any thread. */
uint32_t crowd_connections(const struct server *server);

/* A connection more, a connection less: told to those it matters to. */
void crowd_add(struct server *server);
void crowd_remove(struct server *server);

/*
 * Nobody may come in: whether that still holds now that who makes room will tell
 * this server.
 */
bool crowd_waits(struct server *server);

/* A connection that was accepted, to the server whose turn it is. */
void crowd_deal(struct server *server, int socket);

#endif
