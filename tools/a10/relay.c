#include "relay.h"

#include "command.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * Copying is as fast as splicing for what is small, and needs no pipe; for what
 * is large splicing takes half the time (see ARCHITECTURE.md). So who fills the
 * buffer several times in a row is spliced until a piece is small again.
 */
enum {
	COPY_BYTES = 16384, /* on the stack of a direction */
	COPIES_FULL = 4,    /* in a row, then it is spliced */
};

#define SPLICE_PAUSE A10_SECOND /* then somebody else may have the pipe */

/* Before a reset, for what was passed on to arrive: without a byte of it. */
#define ARRIVAL_TIMEOUT A10_SECOND
#define ARRIVAL_PAUSE   (10 * A10_MILLISECOND)

struct direction {
	struct relay *relay;
	struct a10_fd from;
	struct a10_fd to;
	uint64_t *count;  /* of its bytes, in the proxy */
	bool copies_only; /* see splice_out */
};

/* Bytes came or went: it is not idle. */
static void note_progress(struct relay *relay)
{
	const int64_t idle = relay->proxy->settings.idle_timeout_ns;

	if (idle > 0)
		a10_scope_set_deadline(&relay->directions, a10_now() + idle);
}

/*
 * The side that is sent to takes nothing any more: -EPIPE for all that says so.
 * Had it ended before it was reset the kernel would say that itself.
 */
static int note_refusal(struct direction *direction, int err)
{
	if (err != -ECONNRESET)
		return err;
	direction->relay->cut = direction->to;
	return -EPIPE;
}

static bool was_cut(const struct direction *direction)
{
	return a10_fd_equal(direction->relay->cut, direction->from);
}

/* Step by step, for each of them is progress. 0 or -errno. */
static int send_all(struct direction *direction, const char *bytes,
		    size_t length)
{
	while (length > 0) {
		const ssize_t n =
			a10_await(a10_send(direction->to, bytes, length, 0));

		if (n < 0)
			return note_refusal(direction, (int)n);
		note_progress(direction->relay);
		*direction->count += (uint64_t)n;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

/* ---- splicing ------------------------------------------------------------ */

/*
 * The next of what comes, into the pipe. Bytes; 0 at the end; -EAGAIN: there is
 * nothing for now.
 */
static ssize_t splice_in(struct direction *direction, struct pipe *pipe)
{
	const int from = a10_fd_number(direction->from);
	ssize_t n = splice(from, NULL, pipe->in, NULL, PIPE_BYTES,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0 && errno == EAGAIN) {
		n = a10_await(a10_timeout(a10_poll(direction->from, POLLIN),
					  SPLICE_PAUSE));
		if (n < 0)
			return n == -ETIME ? -EAGAIN : n;
		n = splice(from, NULL, pipe->in, NULL, PIPE_BYTES,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	}
	if (n < 0)
		return -errno;
	/* A send of the ring may have heard of a reset, and not told yet. */
	if (n == 0)
		a10_yield();
	pipe->held += (size_t)n;
	return n;
}

/*
 * All that is in the pipe goes out. 0; -EAGAIN: there is something left and no
 * way to wait until it can go, for a poll says at once that the other side has
 * shut its own; or another -errno.
 */
static int splice_out(struct direction *direction, struct pipe *pipe)
{
	while (pipe->held > 0) {
		ssize_t n =
			splice(pipe->out, NULL, a10_fd_number(direction->to),
			       NULL, pipe->held,
			       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno != EAGAIN)
			return note_refusal(direction, -errno);
		if (n > 0) {
			pipe->held -= (size_t)n;
			*direction->count += (uint64_t)n;
			note_progress(direction->relay);
			continue;
		}
		n = a10_await(a10_poll(direction->to, POLLOUT));
		if (n < 0)
			return (int)n;
		if (!(n & (POLLOUT | POLLERR | POLLHUP)))
			return -EAGAIN;
	}
	return 0;
}

/* The rest of the pipe, by hand. 0 or -errno. */
static int empty_pipe(struct direction *direction, struct pipe *pipe,
		      char *bytes)
{
	while (pipe->held > 0) {
		const ssize_t n = read(pipe->out, bytes, COPY_BYTES);
		int err;

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		pipe->held -= (size_t)n;
		err = send_all(direction, bytes, (size_t)n);
		if (err < 0)
			return err;
	}
	return 0;
}

/*
 * For as long as much comes. Bytes of the last piece, 0 at the end, -EAGAIN:
 * nothing for a while; or another -errno.
 */
static ssize_t splice_much(struct direction *direction, struct pipe *pipe)
{
	ssize_t n;
	int err;

	do {
		n = splice_in(direction, pipe);
		if (n <= 0)
			return n;
		note_progress(direction->relay);
		err = splice_out(direction, pipe);
		/* If nothing has to be waited for, others have their turn. */
		if (err == 0)
			err = a10_yield();
		direction->copies_only = err == -EAGAIN;
	} while (err == 0 && n >= COPY_BYTES);
	return err < 0 ? err : n;
}

/*
 * 0 at the end of what comes, 1: go on by copying, or -errno. The pipe is given
 * back whatever happens.
 */
static int splice_for_a_while(struct direction *direction, char *bytes)
{
	struct pipes *pipes = &direction->relay->proxy->pipes;
	struct pipe pipe;
	ssize_t n;

	/* No pipe to be had: copying will do. */
	if (pipe_take(pipes, &pipe) < 0)
		return 1;
	n = splice_much(direction, &pipe);
	if (n == -EAGAIN) {
		n = empty_pipe(direction, &pipe, bytes);
		n = n < 0 ? n : 1;
	}
	pipe_give(pipes, &pipe);
	return n > 0 ? 1 : (int)n;
}

/* ---- one direction ------------------------------------------------------- */

/* Until the end of what comes: 0, or -errno. */
static int move_all(struct direction *direction)
{
	char bytes[COPY_BYTES];
	int full = 0;
	int more = 1;

	while (more > 0) {
		const ssize_t n = a10_await(
			a10_recv(direction->from, bytes, sizeof(bytes), 0));

		if (n <= 0)
			return (int)n;
		note_progress(direction->relay);
		more = send_all(direction, bytes, (size_t)n);
		if (more < 0)
			return more;
		more = 1;
		full = n == COPY_BYTES ? full + 1 : 0;
		if (full < COPIES_FULL || direction->copies_only)
			continue;
		more = splice_for_a_while(direction, bytes);
		full = 0;
	}
	return more;
}

/*
 * What has been heard to its end is not received from any more, so only this
 * tells that it was reset since. The ring's poll is over at once where the other
 * side has shut its own; one that goes on tells of what comes after that. 0, when
 * the other direction is over too, or -ECONNRESET.
 *
 * A Unix socket that was closed hangs up at once, and no reset may come of that
 * to a client that has not taken all of the answer yet: of a target only errors
 * count.
 */
static int watch(struct direction *direction)
{
	struct relay *relay = direction->relay;
	const bool target =
		a10_fd_number(direction->from) == a10_fd_number(relay->target);
	const ssize_t gone = target ? POLLERR : POLLERR | POLLHUP;
	struct a10_stream *events =
		a10_stream_open(a10_poll(direction->from, POLLERR), 1);
	ssize_t n;

	do
		n = a10_await(a10_stream_next(events));
	while (n > 0 && !(n & (POLLERR | POLLHUP)));
	a10_stream_close(events);
	return n > 0 && (n & gone) && !a10_task_cancelled() ? -ECONNRESET : 0;
}

static int direction_run(void *data)
{
	struct direction *direction = data;
	struct relay *relay = direction->relay;
	const int err = move_all(direction);

	if (err < 0 && err != -EPIPE)
		return err;
	if (err == 0 && was_cut(direction))
		return -ECONNRESET;
	/* The second one: nobody has to watch what the first came from. */
	if (relay->watcher > 0)
		a10_cancel(a10_ring_sq(a10_ring_current()), relay->watcher);
	relay->over++;
	/* Nobody takes that, but the other side may have an answer yet. */
	if (err == -EPIPE) {
		relay->broken = true;
		return 0;
	}
	/* If the other side is gone its own direction will say so. */
	a10_await(a10_shutdown(direction->to, SHUT_WR));
	if (relay->over == 2)
		return 0;
	relay->watcher = a10_task_current();
	return watch(direction);
}

/* ---- both ---------------------------------------------------------------- */

static int spawn_direction(struct relay *relay, struct a10_fd from,
			   struct a10_fd to, uint64_t *count)
{
	const struct direction direction = {
		.relay = relay,
		.from = from,
		.to = to,
		.count = count,
	};
	const a10_id id = a10_scope_spawn(&relay->directions, direction_run,
					  &direction, sizeof(direction));

	return id < 0 ? (int)id : 0;
}

/* Until both sides have said all, or one has failed. 0 or -errno. */
static int move_both_ways(struct relay *relay)
{
	struct proxy_counts *counts = &relay->proxy->counts;
	int err;

	a10_scope_open(&relay->directions, NULL, A10_SCOPE_FAIL_FAST);
	note_progress(relay);
	err = spawn_direction(relay, relay->client, relay->target,
			      &counts->to_target);
	if (err == 0)
		err = spawn_direction(relay, relay->target, relay->client,
				      &counts->from_target);
	if (err == 0)
		err = (int)a10_await(a10_scope_wait(&relay->directions));
	a10_scope_close(&relay->directions);
	return err;
}

/* A target that is down is told of once, not by every client. */
static void note_trouble(struct proxy *proxy, int err)
{
	if (err == -ECANCELED)
		return;
	proxy->counts.failed += err < 0;
	if (err < 0 && err != proxy->trouble) {
		/* If it cannot be told now, it is of the next client. */
		if (!has_room(STDERR_FILENO))
			return;
		complain("proxy: %s: %s", proxy->settings.target,
			 err == -ETIME ? "no answer" : strerror(-err));
	}
	proxy->trouble = err;
}

static int connect_target(struct relay *relay)
{
	const struct proxy_settings *settings = &relay->proxy->settings;
	const int on = 1;
	int err;

	err = a10_await_fd(a10_timeout(a10_connect_to(settings->target, 0),
				       settings->connect_timeout_ns),
			   &relay->target);
	note_trouble(relay->proxy, err);
	if (err < 0)
		return err;
	/* What comes goes on at once; a Unix socket does so anyhow. */
	setsockopt(a10_fd_number(relay->target), IPPROTO_TCP, TCP_NODELAY, &on,
		   sizeof(on));
	/* splice(2) asks the file, not the caller, whether it may wait. */
	fcntl(a10_fd_number(relay->target), F_SETFL, O_RDWR | O_NONBLOCK);
	return 0;
}

/* What was cut short must not look as if it were whole. */
static void reset_at_close(struct a10_fd fd)
{
	const struct linger none = { .l_onoff = 1 };

	/* Of a Unix socket nothing can be told but the end. */
	(void)setsockopt(a10_fd_number(fd), SOL_SOCKET, SO_LINGER, &none,
			 sizeof(none));
}

/* Bytes that are on their way; of the side that was reset there are none. */
static int count_queued(struct a10_fd fd)
{
	struct pollfd gone = { .fd = a10_fd_number(fd) };
	int queued;

	if (poll(&gone, 1, 0) != 0 || ioctl(gone.fd, SIOCOUTQ, &queued) < 0)
		return 0;
	return queued;
}

/* Of what has come there is no more, but all that is passed on arrives. */
static void await_arrival(struct a10_fd fd)
{
	int queued = count_queued(fd);
	int64_t until = a10_now() + ARRIVAL_TIMEOUT;

	while (queued > 0 && a10_now() < until &&
	       a10_sleep(ARRIVAL_PAUSE) == 0) {
		const int left = count_queued(fd);

		if (left < queued)
			until = a10_now() + ARRIVAL_TIMEOUT;
		queued = left;
	}
}

int relay_run(void *data)
{
	struct relay *relay = data;
	struct proxy_counts *counts = &relay->proxy->counts;
	int err;

	counts->accepted++;
	counts->now++;
	if (connect_target(relay) == 0) {
		err = move_both_ways(relay);
		counts->idle += err == -ETIME;
		counts->broken += err < 0 && err != -ETIME && err != -ECANCELED;
		counts->broken += err == 0 && relay->broken;
		if (err == -ECONNRESET || (err == 0 && relay->broken)) {
			await_arrival(relay->client);
			await_arrival(relay->target);
		}
		/* The client has all that the target sent, if only that. */
		if (err < 0 || relay->broken)
			reset_at_close(relay->target);
		if (err < 0)
			reset_at_close(relay->client);
		a10_await(a10_close(relay->target));
	}
	a10_await(a10_close(relay->client));
	counts->now--;
	return 0;
}
