/*
 * Which ring a direct descriptor belongs to: for those who have only the
 * descriptor.
 */
#ifndef FD_REGISTRY_H
#define FD_REGISTRY_H

#include <a10/sq.h>

/* Gives sq its number; until registry_remove it is found by it. */
void registry_add(struct a10_sq *sq);
void registry_remove(struct a10_sq *sq);

/* With a reference; NULL: that ring is gone. */
struct a10_sq *registry_find(uint32_t number);
/* A new descriptor of sq's ring; -ESHUTDOWN: it is gone; -EMFILE ... */
int registry_open(struct a10_sq *sq);

/*
 * Closes it by system call. A direct one of a ring that this thread does not
 * own is left to the ring, which is ending: its table goes with it. sq may be
 * NULL for a regular one.
 */
void fd_close_now(struct a10_sq *sq, struct a10_fd fd);

#endif
