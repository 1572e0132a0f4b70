/*
 * listener.h - a socket on which clients come in, and whether they may.
 *
 * At the limit of connections nobody is refused: who comes then waits in the
 * listener's queue until one has gone. Far from the limit all that come are
 * accepted by one operation; near it one at a time, or those that come between
 * the last and the pause would be too many: as many as there is room for in the
 * completion queue, twice if it is emptied in between. One at a time each
 * listener may bring one more than the limit if all are called at once.
 *
 *           listener_resume                listener_pause
 *   SHUT -------------------> OPEN ------------------------> SHUTTING
 *    ^ |                       |                                |
 *    | |                       | on_accepted: it failed         |
 *    | |    listener_resume    v                                |
 *    | +-----------------> AJAR, OPEN                           |
 *    |                       |                                  |
 *    +-----------------------+----------------------------------+
 *               on_accepted: the last one
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <a10.h>
#include <sys/types.h>

struct server;

enum door {
	DOOR_SHUT,     /* who comes waits                */
	DOOR_AJAR,     /* accepting one                  */
	DOOR_OPEN,     /* accepting all                  */
	DOOR_SHUTTING, /* either of them, and cancelled  */
};

struct listener {
	struct server *server;
	struct a10_fd socket;
	struct a10_address address; /* what it really listens on */
	bool inherited;             /* a socket of somebody else's */
	bool dealt;                 /* there is one for all threads */
	bool has_file;              /* made by us, and this one: */
	dev_t file_device;
	ino_t file_number;
	enum door door;
	a10_id accepting;
};

/*
 * Listens on that address. The file of a Unix socket that nobody listens on any
 * more is removed first. 0 or -errno, -EINVAL: no address.
 */
int listener_open(struct listener *listener, struct a10_sq *sq,
		  const char *address);

/*
 * Another one on the address of first, for another thread: the kernel deals
 * clients out. 0 or -errno; -EOPNOTSUPP: it is no address for more than one.
 */
int listener_join(struct listener *listener, struct a10_sq *sq,
		  struct listener *first);

/* Takes over a socket that listens already. 0; -ENOTSOCK, -EINVAL: it's none. */
int listener_inherit(struct listener *listener, int socket);

/* Lets clients in, as far as there may be more. */
void listener_start(struct listener *listener, struct server *server);
void listener_resume(struct listener *listener);

/* There have come to be many connections, or few. */
void listener_review(struct listener *listener);

/*
 * Lets nobody in any more. The file of a Unix socket is removed first, if it is
 * still ours: from then on another server may listen there.
 */
void listener_stop(struct listener *listener);

/* Closes it, and removes its file if that is still there. */
void listener_finish(struct listener *listener);

#endif
