/*
 * pipes.h - pipes for splicing through, kept for the next when they are empty.
 */
#ifndef PIPES_H
#define PIPES_H

#include <stddef.h>
#include <stdint.h>

enum {
	PIPE_BYTES = 1 << 18, /* if the system grants it; else what it does */
	PIPES_KEPT = 16,
};

struct pipe {
	int out; /* to read from */
	int in;
	size_t held; /* bytes that are in it */
};

struct pipes {
	struct pipe kept[PIPES_KEPT];
	uint32_t kept_count;
	uint32_t count; /* of all */
	uint32_t most;
};

/* 0; -EMFILE: there are as many as may be; or another -errno. */
int pipe_take(struct pipes *pipes, struct pipe *ret_pipe);

/* Keeps it if it is empty, closes it if it is not. */
void pipe_give(struct pipes *pipes, struct pipe *pipe);

/* Closes those that were kept. */
void pipes_finish(struct pipes *pipes);

#endif
