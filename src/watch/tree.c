/*
 * Directories below directories. One is watched before it is read: what comes
 * meanwhile is told by the kernel, what was there before is found.
 */
#include "watch/watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Directories still to be looked into. */
struct todo {
	char **paths;
	size_t count;
	size_t room;
};

/* Takes path. */
static int todo_push(struct todo *todo, char *path)
{
	if (todo->count == todo->room) {
		const size_t room = todo->room ? todo->room * 2 : 16;
		char **more = realloc(todo->paths, room * sizeof(*more));

		if (!more) {
			free(path);
			return -ENOMEM;
		}
		todo->paths = more;
		todo->room = room;
	}
	todo->paths[todo->count++] = path;
	return 0;
}

int found_push(struct a10_watch *watch, const struct found *found)
{
	struct found *more;

	if (!found->path)
		return -ENOMEM;
	if (watch->found_next == watch->found_count) {
		watch->found_next = 0;
		watch->found_count = 0;
	}
	if (watch->found_count == watch->found_room) {
		const size_t room =
			watch->found_room ? watch->found_room * 2 : 16;

		more = realloc(watch->found, room * sizeof(*more));
		if (!more) {
			free(found->path);
			return -ENOMEM;
		}
		watch->found = more;
		watch->found_room = room;
	}
	watch->found[watch->found_count++] = *found;
	return 0;
}

static int found_push_locked(struct a10_watch *watch, const struct found *found)
{
	int err;

	pthread_mutex_lock(&watch->lock);
	err = found_push(watch, found);
	pthread_mutex_unlock(&watch->lock);
	return err;
}

static bool is_folder(const char *path, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_dots(const char *name)
{
	return name[0] == '.' &&
	       (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* One entry of a directory. */
static int entry_add(struct a10_watch *watch, struct todo *todo,
		     const char *folder, const struct dirent *entry,
		     const struct watched *like, bool tell)
{
	char *path = path_join(folder, entry->d_name);
	bool is_one;
	int err = 0;

	if (!path)
		return -ENOMEM;
	is_one = is_folder(path, entry);
	if (tell && like->mask & IN_CREATE) {
		const struct found found = {
			.path = path_join(path, NULL),
			.number = like->number,
			.mask = IN_CREATE | (is_one ? IN_ISDIR : 0),
		};

		err = found_push_locked(watch, &found);
	}
	if (!is_one) {
		free(path);
		return err;
	}
	return todo_push(todo, path) < 0 ? -ENOMEM : err;
}

static bool is_gone(int err)
{
	return err == -ENOENT || err == -ENOTDIR;
}

/* Not the directory's fault: others will be no better. */
static bool is_shortage(int err)
{
	return err == -ENOMEM || err == -ENOSPC || err == -EMFILE ||
	       err == -ENFILE || err == -ECANCELED;
}

/* 0, if it is told of, or no error at all; else err. */
static int failed(struct a10_watch *watch, const char *path,
		  const struct watched *like, int err)
{
	struct found found = {
		.number = like->number,
		.mask = IN_ISDIR | IN_Q_OVERFLOW,
		.error = err,
	};

	if (err == 0 || is_gone(err))
		return 0;
	if (is_shortage(err))
		return err;
	found.path = path_join(path, NULL);
	return found_push_locked(watch, &found);
}

/* 0 or the first error. */
static int entries_add(struct a10_watch *watch, struct todo *todo,
		       const char *path, const struct watched *like, bool tell)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int first = 0, err;

	if (!folder)
		return -errno;
	for (;;) {
		errno = 0;
		entry = readdir(folder);
		if (!entry)
			break;
		if (is_dots(entry->d_name))
			continue;
		err = entry_add(watch, todo, path, entry, like, tell);
		if (err < 0 && first == 0)
			first = err;
	}
	if (errno && first == 0)
		first = -errno;
	closedir(folder);
	return first;
}

/* Whether the number is still watched, which is not looked for in vain. */
static bool is_wanted(struct a10_watch *watch, int number, uint32_t *removals)
{
	size_t i = 0;

	if (*removals == watch->removals)
		return true;
	*removals = watch->removals;
	while (i < watch->watched_count && watch->watched[i].number != number)
		i++;
	return i < watch->watched_count;
}

/* A walk over directories. */
struct walk {
	struct a10_watch *watch;
	const struct watched *like;
	const struct halt *halt;
	struct todo todo;
	uint32_t removals; /* of the watch's, when last looked at */
	bool tell;
};

/* 0 or -errno; *ret_known: it was watched before. */
static int folder_watch(struct walk *walk, const char *path, bool follow,
			bool *ret_known)
{
	struct a10_watch *watch = walk->watch;
	const uint32_t asked = walk->like->mask | TREE_MASK | IN_EXCL_UNLINK |
			       IN_MASK_ADD | (follow ? 0 : IN_DONT_FOLLOW);
	struct watched watched = *walk->like;
	const struct watched *there;

	if (!is_wanted(watch, watched.number, &walk->removals))
		return -ECANCELED;
	watched.root = false;
	watched.wd = inotify_add_watch(watch->fd, path, asked);
	if (watched.wd < 0)
		return -errno;
	there = watched_find(watch, watched.wd);
	*ret_known = there && there->tree;
	watched.path = path_join(path, NULL);
	return watched.path ? watched_put(watch, &watched) : -ENOMEM;
}

/*
 * One that is gone again is no error. What is in one that is watched already was
 * told of; it may have a new path, though.
 */
static int folder_add(struct walk *walk, const char *path, bool follow)
{
	bool known = false;
	int err;

	/* Whoever reads its events finds it: it is listed by then. */
	pthread_mutex_lock(&walk->watch->lock);
	err = folder_watch(walk, path, follow, &known);
	pthread_mutex_unlock(&walk->watch->lock);
	if (err == 0)
		err = entries_add(walk->watch, &walk->todo, path, walk->like,
				  walk->tell && !known);
	return failed(walk->watch, path, walk->like, err);
}

int tree_add(struct a10_watch *watch, const char *path,
	     const struct watched *like, bool tell, const struct halt *halt)
{
	struct walk walk = {
		.watch = watch,
		.like = like,
		.halt = halt,
		.tell = tell,
		.removals = UINT32_MAX,
	};
	struct todo *todo = &walk.todo;
	char *copy = path_join(path, NULL);
	bool follow = !tell; /* only what the caller has named */
	int first = 0, err;

	if (!copy || todo_push(todo, copy) < 0)
		return -ENOMEM;
	while (todo->count > 0) {
		copy = todo->paths[--todo->count];
		err = first == -ECANCELED ? first :
					    folder_add(&walk, copy, follow);
		if (halt && halt_is_asked(halt))
			err = -ECANCELED;
		free(copy);
		follow = false;
		if (err < 0 && first != -ECANCELED &&
		    (first == 0 || err == -ECANCELED))
			first = err;
	}
	free(todo->paths);
	return first;
}
