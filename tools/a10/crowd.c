#include "crowd.h"

#include "connection.h"
#include "server.h"

#include <unistd.h>

static struct a10_sq *sq_of(const struct server *server, uint32_t index)
{
	return a10_shard_sq(&server->shard, index);
}

/* ---- the limit ---------------------------------------------------------- */

uint32_t crowd_connections(const struct server *server)
{
	return atomic_load(&server->crowd->connections);
}

/* On its own thread: there are many by now. */
static void on_told(void *data, const struct a10_result *r)
{
	struct server *server = (struct server *)data;

	(void)r;
	for (uint32_t i = 0; i < server->listener_count; i++)
		listener_slow(&server->listeners[i]);
}

static void tell_all(struct server *server)
{
	struct crowd *crowd = server->crowd;

	on_told(server, NULL);
	for (uint32_t i = 0; i < crowd->count; i++)
		if (&crowd->servers[i] != server)
			a10_submit(sq_of(server, i), a10_nop(), on_told,
				   &crowd->servers[i]);
}

int crowd_take_place(struct server *server)
{
	struct crowd *crowd = server->crowd;
	uint32_t count;
	int err = 0;

	if (!a10_semaphore_try_acquire(&crowd->room))
		err = (int)a10_await(a10_semaphore_acquire(&crowd->room));
	if (err < 0)
		return err;
	count = atomic_fetch_add(&crowd->connections, 1) + 1;
	if (count + server->connections_late ==
	    server->settings.connections_max + 1)
		tell_all(server);
	return 0;
}

void crowd_give_place(struct server *server)
{
	atomic_fetch_sub(&server->crowd->connections, 1);
	a10_semaphore_release(&server->crowd->room);
}

/* ---- dealing out -------------------------------------------------------- */

static void on_dealt(void *data, const struct a10_result *r)
{
	struct server *server = (struct server *)data;
	const int socket = (int)r->extra[0];

	if (r->value < 0)
		return;
	if (!server->stopping) {
		connection_create(server, socket);
		return;
	}
	close(socket);
	crowd_give_place(server);
}

void crowd_deal(struct server *server, int socket)
{
	struct crowd *crowd = server->crowd;
	const uint32_t index = crowd->next++ % crowd->count;

	if (&crowd->servers[index] == server) {
		connection_create(server, socket);
	} else if (a10_message_post(sq_of(server, index), (uint64_t)socket) <
		   0) {
		close(socket);
		crowd_give_place(server);
	}
}

/* ---- beginning and end -------------------------------------------------- */

void crowd_init(struct crowd *crowd, struct server *servers, uint32_t count,
		uint32_t connections_max)
{
	crowd->servers = servers;
	crowd->count = count;
	a10_semaphore_init(&crowd->room, connections_max);
	for (uint32_t i = 0; i < count; i++)
		servers[i].crowd = crowd;
}

int crowd_join(struct server *server, const struct a10_shard *shard)
{
	a10_id id;

	server->shard = *shard;
	server->ring = shard->ring;
	server->sq = a10_ring_sq(shard->ring);
	id = a10_submit(server->sq, a10_multishot(a10_message_receive()),
			on_dealt, server);
	return id < 0 ? (int)id : 0;
}

void crowd_leave(struct server *server)
{
	struct crowd *crowd = server->crowd;

	if (crowd->count == 1)
		a10_sq_stop(server->sq);
	else if (atomic_fetch_add(&crowd->ended, 1) + 1 == crowd->count)
		a10_shards_stop(server->shard.shards);
}
