#include "log.h"

#include "command.h"
#include "date.h"
#include "exchange.h"
#include "json.h"

#include <string.h>
#include <unistd.h>

int log_open(struct log *log, enum log_form form, const char *path)
{
	log->form = form;
	log->fd = STDOUT_FILENO;
	if (path)
		log->fd = open(path,
			       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
				       O_NOCTTY,
			       0644);
	return log->fd < 0 ? -errno : 0;
}

void log_share(struct log *log, const struct log *other)
{
	log->form = other->form;
	log->fd = other->fd;
	log->shared = true;
}

void log_start(struct log *log, struct a10_sq *sq, struct a10_sq *writer)
{
	log->sq = sq;
	log->writer = writer;
	a10_semaphore_init(&log->ended, 0);
}

void log_finish(struct log *log)
{
	if (log->form != LOG_NONE && log->fd != STDOUT_FILENO && !log->shared)
		close(log->fd);
	text_finish(&log->waiting);
	text_finish(&log->writing);
	log->form = LOG_NONE;
}

/* ---- lines -------------------------------------------------------------- */

/* "127.0.0.1:80", "[::1]:80": without the port; of a Unix socket nothing. */
static void add_host(struct text *text, const char *peer)
{
	const char *colon = strrchr(peer, ':');
	size_t length = colon ? (size_t)(colon - peer) : 0;

	if (length == 0 || strncmp(peer, "unix:", 5) == 0) {
		text_add(text, "-");
		return;
	}
	if (peer[0] == '[') {
		peer++;
		length -= 2;
	}
	text_add_bytes(text, peer, length);
}

/* So that whatever is in it, it stays between its quotes and on its line. */
static void add_quoted(struct text *text, struct view line)
{
	static const char digits[] = "0123456789abcdef";

	text_add(text, "\"");
	for (size_t i = 0; i < line.length; i++) {
		const unsigned char byte = (unsigned char)line.at[i];
		const char escape[] = { '\\', 'x', digits[byte >> 4],
					digits[byte & 15] };

		if (byte < ' ' || byte >= 0x7f || byte == '"' || byte == '\\')
			text_add_bytes(text, escape, sizeof(escape));
		else
			text_add_bytes(text, line.at + i, 1);
	}
	text_add(text, "\"");
}

static uint64_t body_sent(const struct exchange *exchange)
{
	return exchange->sent > exchange->head_sent ?
		       exchange->sent - exchange->head_sent :
		       0;
}

static void add_common(struct text *text, const struct exchange *exchange)
{
	char date[LOG_DATE_SIZE];

	add_host(text, exchange->peer);
	date_format_log(time(NULL), date);
	text_add(text, " - - [");
	text_add(text, date);
	text_add(text, "] ");
	add_quoted(text, exchange->request.line);
	text_add(text, " ");
	text_add_number(text, (uint64_t)exchange->response.status);
	text_add(text, " ");
	text_add_number(text, body_sent(exchange));
	text_add(text, "\n");
}

/* "2026-11-22T11:52:18.123Z" */
static void add_moment(struct text *text)
{
	struct timespec now;
	char moment[32];
	struct tm tm;
	size_t length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	length = strftime(moment, sizeof(moment), "%Y-%m-%dT%H:%M:%S.", &tm);
	text_add_bytes(text, moment, length);
	for (long part = 100000000; part >= 1000000; part /= 10)
		text_add_number(text, (uint64_t)(now.tv_nsec / part % 10));
	text_add(text, "Z");
}

static void add_json(struct text *text, const struct exchange *exchange,
		     int64_t now)
{
	const struct request *request = &exchange->request;

	text_add(text, "{\"time\":\"");
	add_moment(text);
	text_add(text, "\"");
	json_add_name(text, "peer");
	json_add_string(text, view_of(exchange->peer));
	if (request->target.length > 0) {
		json_add_name(text, "method");
		json_add_string(text, request->method);
		json_add_name(text, "target");
		json_add_string(text, request->target);
	} else {
		json_add_name(text, "line");
		json_add_string(text, request->line);
	}
	json_add_number(text, "status", (uint64_t)exchange->response.status);
	json_add_number(text, "bytes", body_sent(exchange));
	if (exchange->asked_at > 0)
		json_add_number(text, "us",
				(uint64_t)(now - exchange->asked_at) / 1000);
	text_add(text, "}\n");
}

static void add_lost(struct log *log)
{
	struct text *text = &log->waiting;

	if (log->form == LOG_JSON) {
		text_add(text, "{");
		json_add_number(text, "lost", log->lost);
		text_add(text, "}\n");
	} else {
		text_add(text, "# ");
		text_add_number(text, log->lost);
		text_add(text, " lines were lost\n");
	}
	log->waiting_lines += log->lost;
	log->lost = 0;
}

/* ---- writing ------------------------------------------------------------ */

static void on_written(void *data, const struct a10_result *r);
static void on_written_elsewhere(void *data, const struct a10_result *r);

static void write_waiting(struct log *log)
{
	const struct text written = log->writing;
	struct a10_op op;

	if (log->busy > 0 || log->given_up || log->waiting.length == 0)
		return;
	log->writing = log->waiting;
	log->waiting = written;
	log->waiting.length = 0;
	log->writing_lines = log->waiting_lines;
	log->waiting_lines = 0;
	op = a10_all(a10_write(a10_fd_regular(log->fd), log->writing.data,
			       log->writing.length));
	log->busy = a10_submit(log->writer, op,
			       log->writer == log->sq ? on_written :
							on_written_elsewhere,
			       log);
}

static void note_failure(struct log *log, int err)
{
	log->lost += log->writing_lines;
	if (!log->has_complained && !log->given_up && has_room(STDERR_FILENO))
		complain("serve: the log cannot be written: %s",
			 strerror(-err));
	log->has_complained = true;
}

static void go_on(struct log *log, ssize_t written)
{
	if (written < 0)
		note_failure(log, (int)written);
	log->busy = 0;
	write_waiting(log);
	if (log->busy <= 0 && log->ending)
		a10_semaphore_release(&log->ended);
}

static void on_written(void *data, const struct a10_result *r)
{
	go_on((struct log *)data, r->value);
}

static void on_told(void *data, const struct a10_result *r)
{
	struct log *log = (struct log *)data;

	(void)r;
	go_on(log, log->written);
}

/* On the writer's thread: back to its own. */
static void on_written_elsewhere(void *data, const struct a10_result *r)
{
	struct log *log = (struct log *)data;

	log->written = r->value;
	a10_submit(log->sq, a10_nop(), on_told, log);
}

void log_note(struct log *log, const struct exchange *exchange, int64_t now)
{
	if (log->form == LOG_NONE)
		return;
	if (log->waiting.length >= LOG_ROOM) {
		log->lost++;
		return;
	}
	if (log->lost > 0)
		add_lost(log);
	if (log->form == LOG_JSON)
		add_json(&log->waiting, exchange, now);
	else
		add_common(&log->waiting, exchange);
	log->waiting_lines++;
	/* No memory: half a line is none. */
	if (log->waiting.failed) {
		text_finish(&log->waiting);
		log->lost += log->waiting_lines;
		log->waiting_lines = 0;
	}
	write_waiting(log);
}

void log_end(struct log *log, int64_t deadline)
{
	const struct a10_op ended = a10_semaphore_acquire(&log->ended);

	log->ending = true;
	if (log->busy <= 0 || a10_await(a10_deadline(ended, deadline)) == 0)
		return;
	/* What is not written by now will not be: nobody reads. */
	log->given_up = true;
	a10_cancel(log->writer, log->busy);
	a10_await(a10_shielded(ended));
}
