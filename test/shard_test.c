/* One ring and one thread per core, as one thing. */
#include "support.h"

#include <sched.h>
#include <stdatomic.h>

#define SHARDS 3

/* Skips where rings are not to be had. */
static void needs_rings(void)
{
	ring_close(ring_open(NULL));
}

/* ---- each on its own ------------------------------------------------------------- */

struct roll {
	atomic_uint here[SHARDS];
	atomic_uint cpus; /* pinned to one */
	atomic_uint done;
};

static void on_roll(void *data, const struct a10_result *r)
{
	struct roll *roll = data;

	ck_assert_int_eq(r->value, 0);
	atomic_fetch_add(&roll->done, 1);
}

static int call_roll(const struct a10_shard *shard)
{
	struct roll *roll = shard->data;
	cpu_set_t cpus;

	ck_assert_uint_eq(shard->count, SHARDS);
	ck_assert_uint_lt(shard->index, SHARDS);
	ck_assert_ptr_eq(a10_ring_sq(shard->ring),
			 a10_shard_sq(shard, shard->index));
	ck_assert_ptr_null(a10_shard_sq(shard, SHARDS));
	atomic_fetch_add(&roll->here[shard->index], 1);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	atomic_fetch_add(&roll->cpus, CPU_COUNT(&cpus) == 1);
	for (int i = 0; i < 10; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
					    i % 2 ? a10_nop() :
						    a10_after(A10_MILLISECOND),
					    on_roll, roll),
				 0);
	return 0;
}

TEST(each_shard_has_a_ring_and_a_pinned_thread)
{
	struct a10_config config = { .submission_entries = 4 };
	struct roll roll = { .done = 0 };

	needs_rings();
	ck_assert_int_eq(a10_shards_run(SHARDS, &config, call_roll, &roll), 0);
	for (int i = 0; i < SHARDS; i++)
		ck_assert_uint_eq(atomic_load(&roll.here[i]), 1);
	ck_assert_uint_eq(atomic_load(&roll.cpus), SHARDS);
	ck_assert_uint_eq(atomic_load(&roll.done), SHARDS * 10);
}

static int count_cores(const struct a10_shard *shard)
{
	atomic_fetch_add((atomic_uint *)shard->data, 1);
	return 0;
}

TEST(there_are_as_many_shards_as_cores)
{
	atomic_uint count = 0;
	cpu_set_t cpus;

	needs_rings();
	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	ck_assert_int_eq(a10_shards_run(0, NULL, count_cores, &count), 0);
	ck_assert_uint_eq(atomic_load(&count), (unsigned int)CPU_COUNT(&cpus));
}

/* ---- to one another ---------------------------------------------------------------- */

struct lap {
	const struct a10_shard *shard;
	atomic_uint *hops;
};

#define HOPS 300

static void hop(void *data, const struct a10_result *r);

/* Once around after the other, until it has hopped often enough. */
static void hop_on(struct lap *laps, uint32_t from)
{
	const struct a10_shard *shard = laps[from].shard;
	struct lap *next = &laps[(from + 1) % shard->count];

	if (atomic_fetch_add(laps[from].hops, 1) < HOPS)
		ck_assert_int_gt(
			a10_submit(a10_shard_sq(shard,
						(from + 1) % shard->count),
				   a10_nop(), hop, next),
			0);
}

static struct lap laps[SHARDS];
static struct a10_shard shards_kept[SHARDS];

static void hop(void *data, const struct a10_result *r)
{
	struct lap *lap = data;

	ck_assert_int_eq(r->value, 0);
	hop_on(laps, (uint32_t)(lap - laps));
}

static int begin_hops(const struct a10_shard *shard)
{
	shards_kept[shard->index] = *shard;
	laps[shard->index].shard = &shards_kept[shard->index];
	laps[shard->index].hops = shard->data;
	hop_on(laps, shard->index);
	return 0;
}

/* Each has nothing under way most of the time, and none ends before all do. */
TEST(shards_submit_to_each_other_to_the_last)
{
	needs_rings();
	for (unsigned int i = 0; i < test_scaled(8); i++) {
		atomic_uint hops = 0;

		for (uint32_t k = 0; k < SHARDS; k++) {
			shards_kept[k] = (struct a10_shard){ .count = SHARDS };
			laps[k].shard = &shards_kept[k];
			laps[k].hops = &hops;
		}
		ck_assert_int_eq(
			a10_shards_run(SHARDS, NULL, begin_hops, &hops), 0);
		ck_assert_uint_eq(atomic_load(&hops), HOPS + SHARDS);
	}
}

struct post {
	atomic_uint sum;
	atomic_uint count;
};

static void on_post(void *data, const struct a10_result *r)
{
	const struct a10_shard *shard = data;
	struct post *post = shard->data;

	if (r->value < 0)
		return;
	atomic_fetch_add(&post->sum, (unsigned int)r->extra[0]);
	if (atomic_fetch_add(&post->count, 1) + 1 == SHARDS * SHARDS)
		a10_shards_stop(shard->shards);
}

static int post_to_all(const struct a10_shard *shard)
{
	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_multishot(a10_message_receive()),
				    on_post, (void *)(uintptr_t)shard),
			 0);
	for (uint32_t i = 0; i < shard->count; i++)
		ck_assert_int_eq(a10_message_post(a10_shard_sq(shard, i),
						  shard->index + 1),
				 0);
	return 0;
}

TEST(shards_send_messages_and_stop_as_one)
{
	struct post post = { .sum = 0 };

	needs_rings();
	ck_assert_int_eq(a10_shards_run(SHARDS, NULL, post_to_all, &post), 0);
	ck_assert_uint_eq(atomic_load(&post.count), SHARDS * SHARDS);
	ck_assert_uint_eq(atomic_load(&post.sum), (1 + 2 + 3) * SHARDS);
}

/* ---- errors ------------------------------------------------------------------------ */

static int fail_in_one(const struct a10_shard *shard)
{
	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_after(A10_SECOND * 3600), NULL, NULL),
			 0);
	return shard->index == 1 ? -EDOM : 0;
}

TEST(one_that_fails_stops_all)
{
	struct a10_config bad = { .iopoll = A10_OFF, .hybrid_iopoll = A10_ON };
	struct a10_config disabled = { .disabled = A10_ON };

	needs_rings();
	ck_assert_int_eq(a10_shards_run(SHARDS, NULL, fail_in_one, NULL),
			 -EDOM);
	ck_assert_int_eq(a10_shards_run(SHARDS, &bad, fail_in_one, NULL),
			 -EINVAL);
	ck_assert_int_eq(a10_shards_run(SHARDS, &disabled, fail_in_one, NULL),
			 -EINVAL);
	ck_assert_int_eq(a10_shards_run(5000, NULL, fail_in_one, NULL),
			 -EINVAL);
}

/* ---- a server ------------------------------------------------------------------------ */

struct server {
	char address[64];
	atomic_uint served[SHARDS];
	atomic_uint open;
	_Atomic(struct a10_shards *) shards;
	atomic_uint listening;
};

struct serving {
	const struct a10_shard *shard;
	struct a10_fd listener;
	a10_id accept;
};

struct client {
	struct serving *serving;
	struct a10_fd fd;
	char byte;
};

static void on_byte(void *data, const struct a10_result *r)
{
	struct client *client = data;
	struct server *server = client->serving->shard->data;

	if (r->value > 0) {
		struct a10_op echo =
			a10_all(a10_send(client->fd, &client->byte, 1, 0));
		struct a10_op more = a10_recv(client->fd, &client->byte, 1, 0);

		atomic_fetch_add(&server->served[client->serving->shard->index],
				 1);
		a10_submit(r->sq, echo, NULL, NULL);
		a10_submit(r->sq, a10_ordered(more), on_byte, client);
		return;
	}
	a10_fd_release(client->fd);
	atomic_fetch_sub(&server->open, 1);
	free(client);
}

static void on_accept(void *data, const struct a10_result *r)
{
	struct serving *serving = data;
	struct server *server = serving->shard->data;
	struct client *client;

	if (r->value == 0) {
		client = calloc(1, sizeof(*client));
		ck_assert_ptr_nonnull(client);
		client->serving = serving;
		client->fd = r->fd;
		atomic_fetch_add(&server->open, 1);
		a10_submit(r->sq, a10_recv(client->fd, &client->byte, 1, 0),
			   on_byte, client);
	}
	if (r->more)
		return;
	a10_fd_release(serving->listener);
}

static void on_draining(void *data, const struct a10_result *r)
{
	struct serving *serving = data;

	ck_assert(r->value == POLLIN || r->value == -ECANCELED);
	ck_assert_int_eq(a10_cancel(r->sq, serving->accept), 0);
}

static void on_listening(void *data, const struct a10_result *r)
{
	struct serving *serving = data;
	const struct a10_shard *shard = serving->shard;
	struct server *server = shard->data;

	ck_assert_int_eq(r->value, 0);
	serving->listener = r->fd;
	serving->accept =
		a10_submit(r->sq, a10_multishot(a10_accept(r->fd, NULL, 0)),
			   on_accept, serving);
	a10_submit(r->sq, a10_shard_draining(shard), on_draining, serving);
	atomic_store(&server->shards, shard->shards);
	atomic_fetch_add(&server->listening, 1);
}

static int serve(const struct a10_shard *shard)
{
	static struct serving all[SHARDS];
	struct serving *serving = &all[shard->index];
	struct server *server = shard->data;

	serving->shard = shard;
	a10_submit(a10_ring_sq(shard->ring),
		   a10_listen_on(server->address, A10_REUSE_PORT), on_listening,
		   serving);
	return 0;
}

static void *serve_all(void *data)
{
	ck_assert_int_eq(a10_shards_run(SHARDS, NULL, serve, data), 0);
	return NULL;
}

static int dial(const char *text)
{
	struct a10_address address;
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(a10_address_parse(text, &address), 0);
	ck_assert_int_ge(number, 0);
	if (connect(number, &address.as.any, address.length) < 0) {
		close(number);
		return -1;
	}
	return number;
}

static void server_start(struct server *server, pthread_t *thread)
{
	struct a10_address address;
	socklen_t length = sizeof(address.as);
	int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	/* A port that is free, and stays ours by SO_REUSEPORT. */
	ck_assert_int_eq(a10_address_parse("127.0.0.1:0", &address), 0);
	setsockopt(probe, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	ck_assert_int_eq(bind(probe, &address.as.any, address.length), 0);
	ck_assert_int_eq(getsockname(probe, &address.as.any, &length), 0);
	a10_address_format(&address, server->address, sizeof(server->address));
	*thread = thread_start(serve_all, server);
	WAIT_UNTIL(atomic_load(&server->listening) == SHARDS);
	ck_assert_int_eq(close(probe), 0);
}

static bool is_refused(const char *address)
{
	int number = dial(address);

	if (number >= 0)
		close(number);
	return number < 0;
}

#define CLIENTS 48

TEST(each_shard_accepts_for_itself_and_they_drain_as_one)
{
	struct server server = { .open = 0 };
	int clients[CLIENTS];
	unsigned int used = 0;
	pthread_t thread;
	char byte;

	needs_rings();
	server_start(&server, &thread);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = dial(server.address);
		ck_assert_int_ge(clients[i], 0);
	}
	for (int i = 0; i < CLIENTS; i++) {
		byte = (char)i;
		ck_assert_int_eq(write(clients[i], &byte, 1), 1);
		ck_assert_int_eq(read(clients[i], &byte, 1), 1);
		ck_assert_int_eq(byte, (char)i);
	}
	for (int i = 0; i < SHARDS; i++)
		used += atomic_load(&server.served[i]) > 0;
	ck_assert_uint_ge(used, 2); /* the kernel deals them out */
	a10_shards_drain(atomic_load(&server.shards));
	a10_shards_drain(atomic_load(&server.shards));
	/* Nobody accepts any more; who is there is served on. */
	WAIT_UNTIL(is_refused(server.address));
	for (int i = 0; i < CLIENTS; i++) {
		ck_assert_int_eq(write(clients[i], "x", 1), 1);
		ck_assert_int_eq(read(clients[i], &byte, 1), 1);
		ck_assert_int_eq(close(clients[i]), 0);
	}
	thread_join(thread);
	ck_assert_uint_eq(atomic_load(&server.open), 0);
}

TEST(shards_stop_with_clients_still_there)
{
	struct server server = { .open = 0 };
	int clients[4];
	pthread_t thread;
	char byte;

	needs_rings();
	server_start(&server, &thread);
	for (int i = 0; i < 4; i++) {
		clients[i] = dial(server.address);
		ck_assert_int_ge(clients[i], 0);
		ck_assert_int_eq(write(clients[i], "x", 1), 1);
		ck_assert_int_eq(read(clients[i], &byte, 1), 1);
	}
	a10_shards_stop(atomic_load(&server.shards));
	thread_join(thread);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_le(read(clients[i], &byte, 1), 0);
		ck_assert_int_eq(close(clients[i]), 0);
	}
	ck_assert_uint_eq(atomic_load(&server.open), 0);
}
