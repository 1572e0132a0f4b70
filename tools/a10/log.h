/*
 * log.h - a line for each answer, written by a ring so that nobody waits. Several
 * logs to one file are written by one ring, one after the other: so lines are
 * whole.
 *
 * Lines gather while those before them are being written. If who reads them
 * does not, they gather up to LOG_ROOM, and then are dropped and counted: the
 * next line that is written says how many. Those that could not be written
 * count, too, and the first time standard error says why.
 */
#ifndef LOG_H
#define LOG_H

#include "text.h"

#include <a10.h>

struct exchange;

enum {
	LOG_ROOM = 1 << 20, /* bytes that may wait to be written */
};

enum log_form {
	LOG_NONE,
	LOG_COMMON, /* the common log format of web servers */
	LOG_JSON,   /* an object per line                   */
};

struct log {
	enum log_form form;
	int fd;
	bool shared;            /* fd is another log's to close */
	struct a10_sq *sq;      /* of the thread it belongs to  */
	struct a10_sq *writer;  /* that writes: the same, or another's */
	ssize_t written;        /* what that one said                  */
	struct text waiting;    /* lines that came while ... */
	struct text writing;    /* ... these are on their way */
	uint64_t waiting_lines; /* that it tells of, those lost before too */
	uint64_t writing_lines;
	a10_id busy; /* the write, or 0 */
	bool given_up;
	bool has_complained;
	uint64_t lost; /* lines, since the last one that was written */
	bool ending;   /* and when all is written ... */
	struct a10_semaphore ended; /* ... this can be acquired    */
};

/* To a file, which is appended to, or standard output (NULL). 0 or -errno. */
int log_open(struct log *log, enum log_form form, const char *path);

/* To the same as the other. */
void log_share(struct log *log, const struct log *other);

/* Whose it is, and the ring that writes; before the first line. */
void log_start(struct log *log, struct a10_sq *sq, struct a10_sq *writer);

/* now: of server_clock. */
void log_note(struct log *log, const struct exchange *exchange, int64_t now);

/* In a task: waits for all lines to be written, but no longer than that. */
void log_end(struct log *log, int64_t deadline);

/* After the ring was destroyed. */
void log_finish(struct log *log);

#endif
