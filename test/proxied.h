/*
 * What the tests of "a10 proxy" have in common: the real command, and plain
 * sockets of the test on both sides of it.
 */
#ifndef PROXIED_H
#define PROXIED_H

#include "web.h"

enum {
	LARGE = 6 << 20, /* more than all buffers between here and there */
};

struct proxy {
	struct command command;
	int listener; /* the target's */
	uint16_t port;
};

/* Sockets here that do not wait for ever. */
uint16_t port_of(int fd);
void have_patience(int fd);
int listen_here(void);
int dial(uint16_t port);
int accept_one(int listener);
/* It ends by a reset. */
void reset(int fd);
void send_large(int fd, const char *bytes);

/* After it was started: what it says first, where it listens. */
void proxy_hear(struct proxy *proxy);

/* With one more option and its value, or NULL; and to a listener of its own. */
void proxy_start_to(struct proxy *proxy, const char *target, const char *option,
		    const char *value);
void proxy_start(struct proxy *proxy, const char *option, const char *value);

/* It ends content when it is asked to; its last words are in its text. */
void proxy_stop(struct proxy *proxy);
void proxy_end(struct proxy *proxy);

/* A client and what the target has of it. */
void meet(const struct proxy *proxy, int *ret_client, int *ret_peer);

/* It ends by a reset, with nothing more to read. */
void assert_reset(int fd);
void assert_passes(int from, int to, const char *text);

size_t descriptors_of(const struct proxy *proxy);
void assert_descriptors_of(const struct proxy *proxy, size_t count);

#endif
