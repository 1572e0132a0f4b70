/*
 * proxy.c - a10 proxy: lets clients in, and the signals that end it.
 *
 * Whoever is let in is a task in the scope relays, whose limit is the limit of
 * connections: at it the listening tasks wait, and then the sockets' own queues
 * fill.
 */
#include "proxy.h"

#include "command.h"
#include "descriptors.h"
#include "proxy_options.h"
#include "relay.h"
#include "text.h"

#include <stdio.h>
#include <unistd.h>

enum {
	ADDRESS_SIZE = 128,
	COUNTS_SIZE = 512,
	SUBMISSIONS = 1024,
	SIGNALLED = 128, /* + the signal: what shells call an exit by one */
};

struct proxy_command {
	struct proxy proxy;
	struct a10_scope relays;
	uint32_t late; /* connections, before the limit */
	struct a10_fd signals;
	uint32_t listener_count;
	struct listener listeners[LISTENERS_MAX];
	int ended_by; /* the second signal, or 0 */
};

/* A task of one listener. */
struct doorway {
	struct proxy_command *command;
	struct listener *listener;
};

/* ---- what it tells ------------------------------------------------------- */

/* Nobody may be reading: that is no reason not to go on. */
static void print_counts(const struct proxy *proxy)
{
	const struct proxy_counts *counts = &proxy->counts;
	char line[COUNTS_SIZE];
	struct text text;

	text_init_fixed(&text, line, sizeof(line));
	text_add(&text, "a10: proxy: ");
	text_add_number(&text, counts->accepted);
	text_add(&text, " connections, ");
	text_add_number(&text, counts->now);
	text_add(&text, " of them now; ");
	text_add_number(&text, counts->failed);
	text_add(&text, " not taken by the target, ");
	text_add_number(&text, counts->broken);
	text_add(&text, " broken, ");
	text_add_number(&text, counts->idle);
	text_add(&text, " idle for too long; ");
	text_add_size(&text, counts->to_target);
	text_add(&text, " to the target, ");
	text_add_size(&text, counts->from_target);
	text_add(&text, " from it\n");
	if (!has_room(STDOUT_FILENO))
		return;
	fwrite(line, 1, text.length, stdout);
	fflush(stdout);
	clearerr(stdout);
}

static void announce(const struct proxy_command *command)
{
	char text[ADDRESS_SIZE];

	for (uint32_t i = 0; i < command->listener_count; i++) {
		a10_address_format(&command->listeners[i].address, text,
				   sizeof(text));
		printf("a10: passing on to %s what comes to %s\n",
		       command->proxy.settings.target, text);
	}
	fflush(stdout);
	clearerr(stdout);
}

/* ---- the tasks ----------------------------------------------------------- */

/* From then on nobody takes more than the next. */
static bool is_nearly_full(struct proxy_command *command)
{
	if (a10_scope_count(&command->relays) + command->late <=
	    command->proxy.settings.connections_max)
		return false;
	for (uint32_t i = 0; i < command->listener_count; i++)
		listener_slow(&command->listeners[i]);
	return true;
}

/* Lets clients in for as long as it is not cancelled. */
static int let_in(void *data)
{
	struct doorway *doorway = data;
	struct proxy_command *command = doorway->command;
	struct relay relay = { .proxy = &command->proxy };

	while (listener_await(doorway->listener, is_nearly_full(command),
			      &relay.client) == 0) {
		if (a10_scope_spawn(&command->relays, relay_run, &relay,
				    sizeof(relay)) < 0)
			a10_fd_release(relay.client);
	}
	return 0;
}

/* The next that is not only a question; below 0: cancelled. */
static int await_signal(struct proxy_command *command)
{
	ssize_t n;

	do {
		n = a10_await(a10_signal_read(command->signals, NULL));
		if (n == SIGUSR1)
			print_counts(&command->proxy);
	} while (n == SIGUSR1);
	return (int)n;
}

static int wait_for_signal(void *data)
{
	struct proxy_command *command = data;

	command->ended_by = await_signal(command);
	return 0;
}

static int wait_for_relays(void *data)
{
	struct proxy_command *command = data;
	const int64_t time = command->proxy.settings.stop_timeout_ns;

	a10_await(a10_timeout(a10_scope_wait(&command->relays), time));
	return 0;
}

/* Until all connections are over, the time is, or another signal comes. */
static void finish_relays(struct proxy_command *command)
{
	struct a10_scope either;

	a10_scope_open(&either, NULL, A10_SCOPE_FIRST_WINS);
	a10_scope_spawn(&either, wait_for_relays, command, 0);
	a10_scope_spawn(&either, wait_for_signal, command, 0);
	a10_await(a10_scope_wait(&either));
	a10_scope_close(&either);
}

static int proxy_main(void *data)
{
	struct proxy_command *command = data;
	struct a10_scope doors;

	a10_scope_open(&command->relays, NULL, 0);
	a10_scope_set_limit(&command->relays,
			    command->proxy.settings.connections_max);
	command->late = listener_late(a10_ring_current());
	a10_scope_open(&doors, NULL, 0);
	for (uint32_t i = 0; i < command->listener_count; i++) {
		const struct doorway doorway = { command,
						 &command->listeners[i] };

		a10_scope_spawn(&doors, let_in, &doorway, sizeof(doorway));
	}
	announce(command);
	await_signal(command);

	a10_scope_close(&doors); /* nobody else comes in */
	for (uint32_t i = 0; i < command->listener_count; i++)
		listener_finish(&command->listeners[i]);
	finish_relays(command);
	a10_scope_close(&command->relays); /* whoever is still there */
	return 0;
}

/* ---- what it needs ------------------------------------------------------- */

/* A connection takes two descriptors; what is left over may be pipes. */
static int limit_descriptors(struct proxy *proxy, uint32_t addresses)
{
	uint32_t most;
	const int err = descriptors_left(1, addresses ? addresses : 1, &most);

	if (err < 0 || most < 2)
		return -EMFILE;
	most /= 2;
	if (proxy->settings.connections_max > most) {
		descriptors_complain("proxy", most);
		proxy->settings.connections_max = most;
	}
	proxy->pipes.most = most - proxy->settings.connections_max;
	return 0;
}

static int open_signals(struct proxy_command *command)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	return a10_signals_open(&set, &command->signals);
}

/* What can never be connected to is told now, not to the first client. */
static int check_target(const char *target, struct a10_sq *sq)
{
	struct a10_address address;
	const ssize_t n =
		a10_await_on(sq, a10_resolve(target, &address, 1), NULL);

	if (n == -EINVAL) {
		complain("proxy: '%s' is no target: HOST:PORT, [ADDRESS]:PORT "
			 "or unix:PATH",
			 target);
		return EXIT_USAGE;
	}
	if (n == -ENOENT)
		return complain("proxy: %s: there is no such host", target);
	return EXIT_OK;
}

/* With a ring. Returns the exit status. */
static int run(struct proxy_command *command, struct a10_ring *ring,
	       const struct proxy_options *options)
{
	const struct listeners_wish wish = {
		.command = "proxy",
		.addresses = options->addresses,
		.address_count = options->address_count,
		.fallback = PROXY_LISTEN,
	};
	struct a10_sq *sq = a10_ring_sq(ring);
	int status = check_target(options->settings.target, sq);
	a10_id id;
	int err;

	/* Not before: looking for a name may take long, and can be ended. */
	if (status == EXIT_OK && open_signals(command) < 0)
		status = complain("proxy: no descriptor for signals");
	if (status == EXIT_OK)
		status = listeners_open(&wish, sq, command->listeners,
					&command->listener_count);
	if (status != EXIT_OK)
		return status;
	id = a10_task_spawn(sq, proxy_main, command, 0);
	err = id < 0 ? (int)id : a10_ring_run(ring);
	if (err < 0)
		return complain("proxy: %s", strerror(-err));
	print_counts(&command->proxy);
	return command->ended_by > 0 ? SIGNALLED + command->ended_by : EXIT_OK;
}

int proxy_run(int argc, char **argv)
{
	const struct a10_config config = { .submission_entries = SUBMISSIONS };
	struct proxy_command command = { .ended_by = 0 };
	struct proxy_options options = { .help = false };
	struct a10_ring *ring = NULL;
	int status = proxy_options_parse(&options, argc, argv);

	if (status != EXIT_OK)
		return status;
	if (options.help) {
		proxy_options_help();
		return EXIT_OK;
	}
	command.proxy.settings = options.settings;
	signal(SIGPIPE, SIG_IGN);
	if (limit_descriptors(&command.proxy, options.address_count) < 0)
		return descriptors_complain_of_none("proxy");
	if (a10_ring_create(&config, &ring) < 0)
		status = complain("proxy: no ring: %s", a10_ring_reason());
	else
		status = run(&command, ring, &options);
	a10_ring_destroy(ring, A10_SECOND);
	for (uint32_t i = 0; i < command.listener_count; i++)
		listener_finish(&command.listeners[i]);
	pipes_finish(&command.proxy.pipes);
	a10_fd_release(command.signals);
	return status;
}
