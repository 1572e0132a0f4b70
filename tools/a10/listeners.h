/* listeners.h - all the sockets on which a command lets clients in. */
#ifndef LISTENERS_H
#define LISTENERS_H

#include "listener.h"

enum {
	LISTENERS_MAX = 16,
};

struct listeners_wish {
	const char *command; /* for what is said */
	const char *const *addresses;
	uint32_t address_count;
	const char *fallback; /* where to, if there is nothing else */
};

/*
 * Those that whoever started us has opened already (LISTEN_FDS), and those of
 * the addresses. ret_listeners: LISTENERS_MAX; *ret_count of them are to be
 * finished, however this ends. EXIT_OK, or EXIT_FAILED: it was said why.
 */
int listeners_open(const struct listeners_wish *wish, struct a10_sq *sq,
		   struct listener *ret_listeners, uint32_t *ret_count);

#endif
