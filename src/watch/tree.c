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

/* Takes path. */
static int found_push(struct a10_watch *watch, char *path,
		      const struct watched *like, bool folder)
{
	struct found *more;

	if (watch->found_next == watch->found_count) {
		watch->found_next = 0;
		watch->found_count = 0;
	}
	if (watch->found_count == watch->found_room) {
		const size_t room =
			watch->found_room ? watch->found_room * 2 : 16;

		more = realloc(watch->found, room * sizeof(*more));
		if (!more) {
			free(path);
			return -ENOMEM;
		}
		watch->found = more;
		watch->found_room = room;
	}
	watch->found[watch->found_count++] = (struct found){
		.path = path,
		.number = like->number,
		.mask = IN_CREATE | (folder ? IN_ISDIR : 0),
	};
	return 0;
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
		char *copy = path_join(path, NULL);

		err = copy ? found_push(watch, copy, like, is_one) : -ENOMEM;
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

/* 0 or the first error. One that is gone again is none. */
static int entries_add(struct a10_watch *watch, struct todo *todo,
		       const char *path, const struct watched *like, bool tell)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int first = 0, err;

	if (!folder)
		return is_gone(-errno) ? 0 : -errno;
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
	if (errno && first == 0 && !is_gone(-errno))
		first = -errno;
	closedir(folder);
	return first;
}

/*
 * Takes path. One that is gone again is no error. What is in one that is
 * watched already was told of; it may have a new path, though.
 */
static int folder_add(struct a10_watch *watch, struct todo *todo, char *path,
		      const struct watched *like, bool tell, bool follow)
{
	const uint32_t asked = like->mask | TREE_MASK | IN_EXCL_UNLINK |
			       IN_MASK_ADD | (follow ? 0 : IN_DONT_FOLLOW);

	struct watched watched = *like;
	const struct watched *there;
	int err, first;

	watched.path = path;
	watched.root = false;
	watched.wd = inotify_add_watch(watch->fd, path, asked);
	if (watched.wd < 0) {
		err = -errno;
		free(path);
		return is_gone(err) ? 0 : err;
	}
	there = watched_find(watch, watched.wd);
	first = entries_add(watch, todo, path, like,
			    tell && !(there && there->tree));
	err = watched_put(watch, &watched);
	return first < 0 ? first : err;
}

int tree_add(struct a10_watch *watch, const char *path,
	     const struct watched *like, bool tell)
{
	struct todo todo = { .paths = NULL };
	char *copy = path_join(path, NULL);
	bool follow = !tell; /* only what the caller has named */
	int first = 0, err;

	if (!copy || todo_push(&todo, copy) < 0)
		return -ENOMEM;
	while (todo.count > 0) {
		err = folder_add(watch, &todo, todo.paths[--todo.count], like,
				 tell, follow);
		follow = false;
		if (err < 0 && first == 0)
			first = err;
	}
	free(todo.paths);
	return first;
}
