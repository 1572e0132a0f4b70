/*
 * The owner's calls of a10/watch.h, which know what watch/ does not: the ring,
 * its thread and its process. inotify is shared with children, who are refused.
 */
#include "ring/life.h"
#include "watch/watch.h"

#include <errno.h>

int a10_watch_create(struct a10_sq *sq, struct a10_watch **ret_watch)
{
	int err;

	if (sq_is_inherited(sq))
		return -ECHILD;
	err = watch_create(ret_watch);
	if (err == 0)
		(*ret_watch)->sq = a10_sq_ref(sq);
	return err;
}

void a10_watch_destroy(struct a10_watch *watch)
{
	if (!watch)
		return;
	check_owner(watch->sq);
	/* They keep it until they are over. */
	(void)a10_cancel_fd(watch->sq, a10_fd_regular(watch->fd));
	watch_unref(watch);
}

int a10_watch_add(struct a10_watch *watch, const char *path, uint32_t mask,
		  uint32_t flags)
{
	check_owner(watch->sq);
	if (sq_is_inherited(watch->sq))
		return -ECHILD;
	return watch_add(watch, path, mask, flags, NULL);
}

int a10_watch_remove(struct a10_watch *watch, int number)
{
	check_owner(watch->sq);
	if (sq_is_inherited(watch->sq))
		return -ECHILD;
	return watch_remove(watch, number);
}
