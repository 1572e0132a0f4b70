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
	return server->crowd ? atomic_load(&server->crowd->connections) :
			       server->connection_count;
}

static bool is_full(const struct server *server)
{
	return crowd_connections(server) >= server->settings.connections_max;
}

/* On its own thread: there are many by now, or there is room again. */
static void on_told(void *data, const struct a10_result *r)
{
	struct server *server = (struct server *)data;

	(void)r;
	atomic_store(&server->told, false);
	for (uint32_t i = 0; i < server->listener_count; i++)
		listener_review(&server->listeners[i]);
}

static void tell(struct server *server, uint32_t index)
{
	struct server *other = &server->crowd->servers[index];

	if (!atomic_exchange(&other->told, true) &&
	    a10_submit(sq_of(server, index), a10_nop(), on_told, other) < 0)
		atomic_store(&other->told, false);
}

static void tell_others(struct server *server, bool waiting)
{
	struct crowd *crowd = server->crowd;

	for (uint32_t i = 0; i < crowd->count; i++) {
		struct server *other = &crowd->servers[i];

		if (other == server)
			continue;
		if (!waiting || atomic_exchange(&other->waits, false))
			tell(server, i);
	}
}

void crowd_add(struct server *server)
{
	const uint32_t most = server->settings.connections_max;
	uint32_t count;

	if (!server->crowd)
		return;
	count = atomic_fetch_add(&server->crowd->connections, 1) + 1;
	if (count == most || count + server->connections_late == most + 1)
		tell_others(server, false);
}

void crowd_remove(struct server *server)
{
	const uint32_t most = server->settings.connections_max;

	if (server->crowd &&
	    atomic_fetch_sub(&server->crowd->connections, 1) >= most)
		tell_others(server, true);
}

/* Says so, then looks; who makes room does it, then looks who waits. */
bool crowd_waits(struct server *server)
{
	if (!is_full(server))
		return false;
	if (!server->crowd)
		return true;
	atomic_store(&server->waits, true);
	return is_full(server);
}

/* ---- dealing out -------------------------------------------------------- */

/* It counts from when it was accepted; now the connection itself does. */
static void on_dealt(void *data, const struct a10_result *r)
{
	struct server *server = (struct server *)data;
	const int socket = (int)r->extra[0];

	if (r->value < 0)
		return;
	if (server->stopping)
		close(socket);
	else
		connection_create(server, socket);
	crowd_remove(server);
}

void crowd_deal(struct server *server, int socket)
{
	struct crowd *crowd = server->crowd;
	const uint32_t index = crowd->next++ % crowd->count;

	if (&crowd->servers[index] == server) {
		connection_create(server, socket);
		return;
	}
	crowd_add(server);
	if (a10_message_post(sq_of(server, index), (uint64_t)socket) < 0) {
		close(socket);
		crowd_remove(server);
	}
}

/* ---- beginning and end -------------------------------------------------- */

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

	if (atomic_fetch_add(&crowd->ended, 1) + 1 == crowd->count)
		a10_shards_stop(server->shard.shards);
}
