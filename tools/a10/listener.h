/*
 * listener.h - a socket on which clients come in, one after the other, as long as
 * they may.
 *
 * At the limit of connections nobody is refused: one has been accepted and waits
 * in the listener's task, the others in the socket's queue, until a connection
 * is over. Far from the limit all that come are accepted by one operation, a
 * stream; near it one at a time, or those that come between the last and the end
 * of the stream would be too many: as many as there is room for in the
 * completion queue, twice if it is emptied in between.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <a10.h>
#include <sys/types.h>

struct listener {
	struct a10_fd socket;
	struct a10_address address; /* what it really listens on */
	bool inherited;             /* a socket of somebody else's */
	bool dealt;                 /* there is one for all threads */
	bool has_file;              /* made by us, and this one: */
	dev_t file_device;
	ino_t file_number;
	struct a10_stream *accepted; /* NULL: one at a time */
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

/* So many at the limit's end are accepted one at a time, for each such ring. */
uint32_t listener_late(const struct a10_ring *ring);

/*
 * The next client, as a socket that does not block; few: there may not be many
 * more. In a task, until that is cancelled: 0 or -ECANCELED.
 */
int listener_await(struct listener *listener, bool few,
		   struct a10_fd *ret_client);

/* There may not be many more from now on, whoever waits for the next. */
void listener_slow(struct listener *listener);

/*
 * Who comes now is told so. The file of a Unix socket is removed first, if it is
 * still ours: from then on another server may listen there.
 */
void listener_stop(struct listener *listener);

/* Closes it, and removes its file if that is still there. */
void listener_finish(struct listener *listener);

#endif
