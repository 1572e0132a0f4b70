/*
 * Events as inotify gives them, with what it does not know: the path, and trees.
 * A new directory of a tree is watched when it is told of, so what was put into
 * it before is looked for. A directory that was moved is known again by the
 * cookie; if it is not told where to at once it is out of the tree.
 */
#include "watch/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
	pthread_mutex_destroy(&watch->lock);
	a10_sq_unref(watch->sq);
	free(watch);
}

int watch_create(struct a10_watch **ret_watch)
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
	pthread_mutex_init(&watch->lock, NULL);
	*ret_watch = watch;
	return 0;
}

/*
 * A reader that waits waits for inotify: which tells of a file that is watched
 * no more, whatever it is. Where that cannot be, it is told with the next event.
 */
static void stir(struct a10_watch *watch)
{
	char path[sizeof("/proc/self/fd/") + 16];
	int fd, wd;

	fd = memfd_create("a10-watch", MFD_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(watch->fd, path, IN_DELETE_SELF);
	if (wd >= 0)
		inotify_rm_watch(watch->fd, wd);
	close(fd);
}

/* The path itself: 0 and watched with its number; -errno. */
static int root_add(struct a10_watch *watch, const char *path, uint32_t asked,
		    struct watched *watched, bool *ret_again)
{
	const struct watched *there;
	int err;

	watched->wd = inotify_add_watch(watch->fd, path, asked);
	if (watched->wd < 0)
		return -errno;
	there = watched_find(watch, watched->wd);
	watched->number = there ? there->number : ++watch->numbers;
	*ret_again = there != NULL;
	watched->path = path_join(path, NULL);
	err = watched->path ? watched_put(watch, watched) : -ENOMEM;
	if (err < 0 && !*ret_again)
		inotify_rm_watch(watch->fd, watched->wd);
	return err;
}

int watch_add(struct a10_watch *watch, const char *path, uint32_t mask,
	      uint32_t flags, const struct halt *halt)
{
	struct watched watched = { .mask = mask & IN_ALL_EVENTS, .root = true };
	uint32_t asked = mask | IN_EXCL_UNLINK | IN_MASK_ADD;
	bool again = false;
	int err;

	if (!path)
		return -EFAULT;
	if (flags & ~A10_WATCH_TREE || !watched.mask ||
	    mask & (IN_ONESHOT | IN_MASK_CREATE))
		return -EINVAL;
	watched.tree = flags & A10_WATCH_TREE;
	if (watched.tree)
		asked |= TREE_MASK;
	pthread_mutex_lock(&watch->lock);
	err = root_add(watch, path, asked, &watched, &again);
	pthread_mutex_unlock(&watch->lock);
	if (err == 0 && watched.tree) {
		err = tree_add(watch, path, &watched, false, halt);
		/* What was watched before still is. */
		if (err < 0 && !again)
			(void)watch_remove(watch, watched.number);
		if (watch_holds(watch))
			stir(watch);
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

int watch_remove(struct a10_watch *watch, int number)
{
	bool any = false;
	size_t i = 0;

	pthread_mutex_lock(&watch->lock);
	watch->removals++;
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
	pthread_mutex_unlock(&watch->lock);
	return any ? 0 : -ENOENT;
}

/* ---- telling --------------------------------------------------------------- */

/* Takes its path, which lives until the next one. */
static int tell(struct a10_watch *watch, const struct found *found,
		struct a10_watch_event *ret_event)
{
	if (!found->path)
		return -ENOMEM;
	free(watch->path);
	watch->path = found->path;
	ret_event->path = found->path;
	ret_event->mask = found->mask;
	ret_event->cookie = found->cookie;
	ret_event->number = found->number;
	ret_event->error = found->error;
	return 1;
}

/* It was not told where to: out of all that is watched. With the lock. */
static void moved_out(struct a10_watch *watch)
{
	if (!watch->moved_path)
		return;
	watched_forget_below(watch, watch->moved_path);
	free(watch->moved_path);
	watch->moved_path = NULL;
}

/* ---- events for which directories are walked ----------------------------- */

/* With the lock. */
static bool is_root_of_tree(const struct watched *watched)
{
	return watched->root && watched->tree;
}

/* What could not even be listed, for want of something. */
static void walk_ended(struct a10_watch *watch, const char *path, int number,
		       int err)
{
	const struct found found = {
		.path = err < 0 && err != -ECANCELED ? path_join(path, NULL) :
						       NULL,
		.number = number,
		.mask = IN_ISDIR | IN_Q_OVERFLOW,
		.error = err,
	};

	if (!found.path)
		return;
	pthread_mutex_lock(&watch->lock);
	(void)found_push(watch, &found);
	pthread_mutex_unlock(&watch->lock);
}

/*
 * A directory came into a tree. By the time it is told of, more may have
 * happened: so what has a new name is looked at under it, and what is where it
 * was - another one, if the two have changed places.
 */
static void folder_came(struct a10_watch *watch, const struct inotify_event *e,
			const struct watched *like, const char *path)
{
	char *from = NULL;
	int err = 0;

	pthread_mutex_lock(&watch->lock);
	if (e->mask & IN_MOVED_TO && watch->moved_path &&
	    e->cookie == watch->moved_cookie &&
	    like->number == watch->moved_number) {
		from = watch->moved_path;
		watch->moved_path = NULL;
		err = watched_rename_below(watch, from, path);
	}
	moved_out(watch);
	pthread_mutex_unlock(&watch->lock);
	walk_ended(watch, path, like->number, err);
	walk_ended(watch, path, like->number,
		   tree_add(watch, path, like, true, NULL));
	if (from)
		walk_ended(watch, from, like->number,
			   tree_add(watch, from, like, true, NULL));
	free(from);
}

/* Events are lost, and with them perhaps directories. */
static void overflowed(struct a10_watch *watch)
{
	const struct found found = { .path = path_join("", NULL),
				     .mask = IN_Q_OVERFLOW };
	struct watched root;
	int number = 0;
	char *path;

	pthread_mutex_lock(&watch->lock);
	moved_out(watch);
	(void)found_push(watch, &found);
	pthread_mutex_unlock(&watch->lock);
	/* Each by its number, for the list changes meanwhile. */
	do {
		path = NULL;
		pthread_mutex_lock(&watch->lock);
		for (size_t i = 0; i < watch->watched_count; i++) {
			const struct watched *one = &watch->watched[i];

			if (!is_root_of_tree(one) || one->number <= number ||
			    (path && one->number >= root.number))
				continue;
			root = *one;
			free(path);
			path = path_join(one->path, NULL);
		}
		pthread_mutex_unlock(&watch->lock);
		if (path) {
			number = root.number;
			walk_ended(watch, path, number,
				   tree_add(watch, path, &root, false, NULL));
		}
		free(path);
	} while (path);
}

/* With the lock. */
static bool needs_walk(struct a10_watch *watch, const struct inotify_event *e)
{
	const struct watched *watched;

	if (e->mask & IN_Q_OVERFLOW)
		return true;
	watched = watched_find(watch, e->wd);
	return watched && watched->tree && e->len > 0 && e->mask & IN_ISDIR &&
	       e->mask & (IN_CREATE | IN_MOVED_TO);
}

/* What is in the buffer next. */
static const struct inotify_event *event_take(struct a10_watch *watch)
{
	const struct inotify_event *e = (const void *)&watch->buffer[watch->at];

	watch->at += sizeof(*e) + e->len;
	return e;
}

void watch_walk(struct a10_watch *watch)
{
	const struct inotify_event *e = event_take(watch);
	const struct watched *watched;
	struct found found = { .mask = e->mask, .cookie = e->cookie };
	struct watched like;
	char *path = NULL;

	if (e->mask & IN_Q_OVERFLOW) {
		overflowed(watch);
		return;
	}
	pthread_mutex_lock(&watch->lock);
	watched = watched_find(watch, e->wd);
	if (watched) { /* it may have been removed since */
		like = *watched;
		path = path_join(watched->path, e->name);
		found.path = path ? path_join(path, NULL) : NULL;
		found.number = watched->number;
		if (e->mask & watched->mask)
			(void)found_push(watch, &found);
		else
			free(found.path);
	}
	pthread_mutex_unlock(&watch->lock);
	if (path)
		folder_came(watch, e, &like, path);
	free(path);
}

/* ---- events -------------------------------------------------------------- */

/* Nothing more comes of that one. */
static int ignored(struct a10_watch *watch, struct watched *watched,
		   struct a10_watch_event *ret_event)
{
	const struct found found = {
		.path = watched->root ? path_join(watched->path, NULL) : NULL,
		.mask = IN_IGNORED,
		.number = watched->number,
	};
	const bool root = watched->root;

	watched_drop(watch, watched);
	return root ? tell(watch, &found, ret_event) : 0;
}

/* One that needs no walk. 1: told; 0: nothing to tell. With the lock. */
static int event_tell(struct a10_watch *watch, const struct inotify_event *e,
		      struct a10_watch_event *ret_event)
{
	struct found found = { .mask = e->mask, .cookie = e->cookie };
	struct watched *watched;

	if (!(e->mask & IN_MOVED_TO && e->cookie == watch->moved_cookie))
		moved_out(watch);
	watched = watched_find(watch, e->wd);
	if (!watched)
		return 0;
	if (e->mask & IN_IGNORED)
		return ignored(watch, watched, ret_event);
	found.path = path_join(watched->path, e->len > 0 ? e->name : NULL);
	found.number = watched->number;
	if (!found.path)
		return -ENOMEM;
	if (watched->tree && e->mask & IN_ISDIR && e->len > 0 &&
	    e->mask & IN_MOVED_FROM) {
		watch->moved_path = path_join(found.path, NULL);
		watch->moved_cookie = e->cookie;
		watch->moved_number = found.number;
	}
	if (e->mask & (watched->mask | IN_UNMOUNT))
		return tell(watch, &found, ret_event);
	free(found.path);
	return 0;
}

/* 0: there is more in the buffer. With the lock. */
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

bool watch_holds(struct a10_watch *watch)
{
	bool holds;

	pthread_mutex_lock(&watch->lock);
	holds = watch->found_next < watch->found_count;
	pthread_mutex_unlock(&watch->lock);
	return holds;
}

bool watch_holds_more(struct a10_watch *watch)
{
	return watch_holds(watch) || watch->at < watch->end;
}

int watch_read(struct a10_watch *watch, struct a10_watch_event *ret_event)
{
	int ret = 0;

	pthread_mutex_lock(&watch->lock);
	while (ret == 0) {
		if (watch->found_next < watch->found_count)
			ret = tell(watch, &watch->found[watch->found_next++],
				   ret_event);
		else if (watch->at == watch->end)
			ret = buffer_fill(watch);
		else if (needs_walk(watch,
				    (const void *)&watch->buffer[watch->at]))
			ret = -EINPROGRESS;
		else
			ret = event_tell(watch, event_take(watch), ret_event);
	}
	pthread_mutex_unlock(&watch->lock);
	return ret;
}
