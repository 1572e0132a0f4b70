#include "server.h"

#include "connection.h"

#include <assert.h>
#include <linux/magic.h>
#include <sys/vfs.h>

/* ---- connections -------------------------------------------------------- */

void server_add(struct server *server)
{
	server->connection_count++;
	counter_add(&server->stats.accepted, 1);
}

void server_remove(struct server *server)
{
	assert(server->connection_count > 0);
	server->connection_count--;
	crowd_give_place(server);
}

/* ---- starting and stopping ---------------------------------------------- */

/* Where files are memory anyhow, reading them never waits. */
static void find_memory_device(struct server *server)
{
	struct statfs system;
	struct stat status;

	if (fstatfs(server->root, &system) == 0 &&
	    system.f_type == TMPFS_MAGIC && fstat(server->root, &status) == 0)
		server->memory_device = status.st_dev;
}

/* Of one listener. */
struct door {
	struct server *server;
	struct listener *listener;
};

static bool is_nearly_full(const struct server *server)
{
	return crowd_connections(server) + server->connections_late >
	       server->settings.connections_max;
}

/* A task: lets clients in until it is cancelled. */
static int let_in(void *data)
{
	const struct door *door = (const struct door *)data;
	struct server *server = door->server;
	struct a10_fd client;

	while (listener_await(door->listener, is_nearly_full(server),
			      &client) == 0) {
		if (crowd_take_place(server) < 0)
			a10_fd_release(client);
		else if (door->listener->dealt)
			crowd_deal(server, a10_fd_number(client));
		else
			connection_create(server, a10_fd_number(client));
	}
	return 0;
}

/* Lets clients in, until it is to stop. */
static void run_doors(struct server *server)
{
	a10_scope_open(&server->doors, NULL, 0);
	for (uint32_t i = 0; i < server->listener_count; i++) {
		const struct door door = { server, &server->listeners[i] };

		a10_scope_spawn(&server->doors, let_in, &door, sizeof(door));
	}
	a10_await(server->crowd->count == 1 ?
			  a10_semaphore_acquire(&server->stop) :
			  a10_shard_draining(&server->shard));
	server->stopping = true;
	for (uint32_t i = 0; i < server->listener_count; i++)
		listener_stop(&server->listeners[i]);
	a10_scope_close(&server->doors);
}

/* A task: from the first client to the last word of the log. */
static int run(void *data)
{
	struct server *server = (struct server *)data;
	int64_t patience;

	run_doors(server);
	patience = a10_now() + server->settings.stop_timeout_ns;
	a10_scope_close(&server->idle);
	a10_await(a10_deadline(a10_scope_wait(&server->busy), patience));
	a10_scope_close(&server->busy);
	/* Who was answered meanwhile waits for no other request. */
	a10_scope_close(&server->idle);
	log_end(&server->log, patience);
	crowd_leave(server);
	return 0;
}

int server_start(struct server *server)
{
	const int err = a10_pool_create(server->ring, POOL_BUFFERS,
					POOL_BUFFER_SIZE, 0, &server->pool);
	a10_id id;

	if (err < 0)
		return err;
	find_memory_device(server);
	server->connections_late =
		server->crowd->count * listener_late(server->ring);
	stats_init(&server->stats);
	a10_semaphore_init(&server->stop, 0);
	a10_scope_open(&server->idle, server->sq, 0);
	a10_scope_open(&server->busy, server->sq, 0);
	log_start(&server->log, server->sq,
		  server->crowd->count == 1 ? server->sq :
					      a10_shard_sq(&server->shard, 0));
	id = a10_task_spawn(server->sq, run, server, 0);
	return id < 0 ? (int)id : 0;
}

void server_stop(struct server *server)
{
	if (server->crowd->count == 1)
		a10_semaphore_release(&server->stop);
	else
		a10_shards_drain(server->shard.shards);
}

void server_finish(struct server *server)
{
	while (server->spare) {
		struct exchange *exchange = server->spare;

		server->spare = exchange->next;
		exchange_destroy(exchange);
	}
	for (uint32_t i = 0; i < server->listener_count; i++)
		listener_finish(&server->listeners[i]);
	log_finish(&server->log);
}

/* ---- what connections share --------------------------------------------- */

struct exchange *server_take_exchange(struct server *server)
{
	struct exchange *exchange = server->spare;

	if (!exchange)
		return exchange_create();
	server->spare = exchange->next;
	server->spare_count--;
	return exchange;
}

void server_give_exchange(struct server *server, struct exchange *exchange)
{
	if (!exchange)
		return;
	server_note(server, exchange);
	if (server->spare_count == EXCHANGES_SPARE) {
		exchange_destroy(exchange);
		return;
	}
	exchange_reset(exchange);
	exchange->input_start = 0;
	exchange->input_end = 0;
	exchange->next = server->spare;
	server->spare = exchange;
	server->spare_count++;
}

bool server_keep_page(struct server *server, struct exchange *exchange)
{
	const size_t size = exchange->body.text.size;

	assert(exchange->page_bytes == 0);
	if (size <= PAGE_SMALL)
		return true;
	if (size > PAGES_MAX - server->page_bytes)
		return false;
	exchange->page_bytes = size;
	server->page_bytes += size;
	return true;
}

static void drop_page(struct server *server, struct exchange *exchange)
{
	assert(server->page_bytes >= exchange->page_bytes);
	text_finish(&exchange->body.text);
	server->page_bytes -= exchange->page_bytes;
	exchange->page_bytes = 0;
}

void server_note(struct server *server, struct exchange *exchange)
{
	const int64_t now = server_clock(server);

	drop_page(server, exchange);
	if (exchange->response.status == 0)
		return;
	stats_note(&server->stats, exchange, now);
	log_note(&server->log, exchange, now);
	exchange->response.status = 0;
}

void server_name_peer(const struct server *server, int socket,
		      struct exchange *exchange)
{
	struct a10_address address;

	exchange->peer[0] = '\0';
	if (server->log.form == LOG_NONE)
		return;
	memset(&address, 0, sizeof(address));
	address.length = sizeof(address.as);
	if (getpeername(socket, &address.as.any, &address.length) == 0)
		a10_address_format(&address, exchange->peer,
				   sizeof(exchange->peer));
}

int64_t server_clock(const struct server *server)
{
	return server->settings.stats_page || server->log.form == LOG_JSON ?
		       a10_now() :
		       0;
}

const char *server_date(struct server *server)
{
	const time_t now = time(NULL);

	if (now != server->date_time) {
		server->date_time = now;
		stats_note_ring(&server->stats, server->ring);
		date_format(now, server->date);
	}
	return server->date;
}
