/*
 * Events as inotify gives them, with what it does not know: the path, and trees.
 * A new directory of a tree is watched when it is told of, so what was put into
 * it before is looked for. A directory that was moved is known again by the
 * cookie; if it is not told where to at once it is out of the tree.
 */
#include "watch/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void watch_ref(struct a10_watch *watch)
{
	atomic_fetch_add_explicit(&watch->references, 1, memory_order_relaxed);
}

void watch_unref(struct a10_watch *watch)
{
	/* Whoever frees it sees what all others did. */
	if (atomic_fetch_sub_explicit(&watch->references, 1,
				      memory_order_acq_rel) != 1)
		return;
	watched_drop_all(watch);
	for (; watch->found_next < watch->found_count; watch->found_next++)
		free(watch->found[watch->found_next].path);
	free(watch->found);
	free(watch->path);
	free(watch->moved_path);
	close(watch->fd);
	a10_sq_unref(watch->sq);
	free(watch);
}

int a10_watch_create(struct a10_sq *sq, struct a10_watch **ret_watch)
{
	struct a10_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0) {
		err = -errno;
		free(watch);
		return err;
	}
	atomic_init(&watch->references, 1);
	watch->sq = a10_sq_ref(sq);
	*ret_watch = watch;
	return 0;
}

void a10_watch_destroy(struct a10_watch *watch)
{
	if (!watch)
		return;
	/* They keep it until they are over. */
	(void)a10_cancel_fd(watch->sq, a10_fd_regular(watch->fd));
	watch_unref(watch);
}

int a10_watch_add(struct a10_watch *watch, const char *path, uint32_t mask,
		  uint32_t flags)
{
	struct watched watched = { .mask = mask & IN_ALL_EVENTS, .root = true };
	uint32_t asked = mask | IN_EXCL_UNLINK | IN_MASK_ADD;
	const struct watched *there;
	bool again;
	int err;

	if (!path)
		return -EFAULT;
	if (flags & ~A10_WATCH_TREE || !watched.mask ||
	    mask & (IN_ONESHOT | IN_MASK_CREATE))
		return -EINVAL;
	watched.tree = flags & A10_WATCH_TREE;
	watched.path = path_join(path, NULL);
	if (!watched.path)
		return -ENOMEM;
	if (watched.tree)
		asked |= TREE_MASK;
	watched.wd = inotify_add_watch(watch->fd, path, asked);
	if (watched.wd < 0) {
		err = -errno;
		free(watched.path);
		return err;
	}
	there = watched_find(watch, watched.wd);
	watched.number = there ? there->number : ++watch->numbers;
	again = there != NULL;
	err = watched_put(watch, &watched);
	if (err < 0 && !again)
		inotify_rm_watch(watch->fd, watched.wd);
	if (err == 0 && watched.tree) {
		err = tree_add(watch, path, &watched, false);
		/* What was watched before still is. */
		if (err < 0 && !again)
			(void)a10_watch_remove(watch, watched.number);
	}
	return err < 0 ? err : watched.number;
}

/* What was found of a number, and not told. */
static void found_forget(struct a10_watch *watch, int number)
{
	size_t kept = watch->found_next;

	for (size_t i = watch->found_next; i < watch->found_count; i++) {
		if (watch->found[i].number == number)
			free(watch->found[i].path);
		else
			watch->found[kept++] = watch->found[i];
	}
	watch->found_count = kept;
}

int a10_watch_remove(struct a10_watch *watch, int number)
{
	bool any = false;
	size_t i = 0;

	while (i < watch->watched_count) {
		struct watched *watched = &watch->watched[i];

		if (watched->number != number) {
			i++;
			continue;
		}
		inotify_rm_watch(watch->fd, watched->wd);
		watched_drop(watch, watched);
		any = true;
	}
	found_forget(watch, number);
	return any ? 0 : -ENOENT;
}

/* ---- events -------------------------------------------------------------- */

/* Takes path, which lives until the next one. */
static int tell(struct a10_watch *watch, char *path, uint32_t mask,
		uint32_t cookie, int number, struct a10_watch_event *ret_event)
{
	if (!path)
		return -ENOMEM;
	free(watch->path);
	watch->path = path;
	ret_event->path = path;
	ret_event->mask = mask;
	ret_event->cookie = cookie;
	ret_event->number = number;
	ret_event->reserved = 0;
	return 1;
}

/* It was not told where to: out of all that is watched. */
static void moved_out(struct a10_watch *watch)
{
	if (!watch->moved_path)
		return;
	watched_forget_below(watch, watch->moved_path);
	free(watch->moved_path);
	watch->moved_path = NULL;
}

/*
 * A directory came into a tree: 0, or some of it is not watched. By the time it
 * is told of, more may have happened: so what has a new name is looked at under
 * it, and what is where it was - another one, if the two have changed places.
 */
static int folder_came(struct a10_watch *watch, const struct inotify_event *e,
		       const struct watched *like, const char *path)
{
	const struct watched copy = *like; /* the list may move */
	char *from = NULL;
	int first = 0, err;

	if (e->mask & IN_MOVED_TO && watch->moved_path &&
	    e->cookie == watch->moved_cookie &&
	    like->number == watch->moved_number) {
		from = watch->moved_path;
		watch->moved_path = NULL;
		first = watched_rename_below(watch, from, path);
	}
	moved_out(watch);
	err = tree_add(watch, path, &copy, true);
	if (err < 0 && first == 0)
		first = err;
	if (from)
		err = tree_add(watch, from, &copy, true);
	if (err < 0 && first == 0)
		first = err;
	free(from);
	return first;
}

/* Events are lost, and with them perhaps directories. */
static int overflowed(struct a10_watch *watch,
		      struct a10_watch_event *ret_event)
{
	for (size_t i = 0; i < watch->watched_count; i++) {
		const struct watched root = watch->watched[i];
		char *path;

		if (!root.root || !root.tree)
			continue;
		path = path_join(root.path, NULL);
		if (path)
			(void)tree_add(watch, path, &root, false);
		free(path);
	}
	return tell(watch, path_join("", NULL), IN_Q_OVERFLOW, 0, 0, ret_event);
}

/* Nothing more comes of that one. */
static int ignored(struct a10_watch *watch, struct watched *watched,
		   struct a10_watch_event *ret_event)
{
	const int number = watched->number;
	const bool root = watched->root;
	char *path = root ? path_join(watched->path, NULL) : NULL;

	watched_drop(watch, watched);
	if (!root)
		return 0;
	return tell(watch, path, IN_IGNORED, 0, number, ret_event);
}

/* 1: told; 0: nothing to tell. */
static int event_take(struct a10_watch *watch, const struct inotify_event *e,
		      struct a10_watch_event *ret_event)
{
	struct watched *watched;
	uint32_t mask = e->mask;
	int number, err = 0;
	bool asked;
	char *path;

	if (!(mask & IN_MOVED_TO && e->cookie == watch->moved_cookie))
		moved_out(watch);
	if (mask & IN_Q_OVERFLOW)
		return overflowed(watch, ret_event);
	watched = watched_find(watch, e->wd);
	if (!watched)
		return 0;
	if (mask & IN_IGNORED)
		return ignored(watch, watched, ret_event);
	path = path_join(watched->path, e->len > 0 ? e->name : NULL);
	if (!path)
		return -ENOMEM;
	number = watched->number;
	asked = mask & (watched->mask | IN_UNMOUNT);
	if (watched->tree && mask & IN_ISDIR && e->len > 0) {
		if (mask & (IN_CREATE | IN_MOVED_TO))
			err = folder_came(watch, e, watched, path);
		if (mask & IN_MOVED_FROM) {
			watch->moved_path = path_join(path, NULL);
			watch->moved_cookie = e->cookie;
			watch->moved_number = number;
		}
	}
	/* Not all of it can be watched: said as what it means. */
	if (err < 0)
		mask |= IN_Q_OVERFLOW;
	if (asked || err < 0)
		return tell(watch, path, mask, e->cookie, number, ret_event);
	free(path);
	return 0;
}

static int found_take(struct a10_watch *watch,
		      struct a10_watch_event *ret_event)
{
	struct found *found = &watch->found[watch->found_next++];

	return tell(watch, found->path, found->mask, 0, found->number,
		    ret_event);
}

/* 0: there is more in the buffer. */
static int buffer_fill(struct a10_watch *watch)
{
	const ssize_t n = read(watch->fd, watch->buffer, sizeof(watch->buffer));

	if (n < 0 && errno == EAGAIN)
		moved_out(watch);
	if (n < 0)
		return -errno;
	watch->at = 0;
	watch->end = (size_t)n;
	return 0;
}

bool watch_holds(const struct a10_watch *watch)
{
	return watch->found_next < watch->found_count || watch->at < watch->end;
}

int watch_read(struct a10_watch *watch, struct a10_watch_event *ret_event)
{
	const struct inotify_event *e;
	int ret = 0;

	while (ret == 0) {
		if (watch->found_next < watch->found_count)
			return found_take(watch, ret_event);
		if (watch->at == watch->end) {
			ret = buffer_fill(watch);
			continue;
		}
		e = (const void *)&watch->buffer[watch->at];
		watch->at += sizeof(*e) + e->len;
		ret = event_take(watch, e, ret_event);
	}
	return ret;
}
