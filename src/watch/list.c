#include "watch/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where wd is, or would be. */
static size_t place_of(const struct a10_watch *watch, int wd)
{
	size_t low = 0, high = watch->watched_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (watch->watched[middle].wd < wd)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct watched *watched_find(struct a10_watch *watch, int wd)
{
	const size_t place = place_of(watch, wd);

	if (place == watch->watched_count || watch->watched[place].wd != wd)
		return NULL;
	return &watch->watched[place];
}

static int grow(struct a10_watch *watch)
{
	const size_t room = watch->watched_room ? watch->watched_room * 2 : 16;
	struct watched *more;

	if (watch->watched_count < watch->watched_room)
		return 0;
	more = realloc(watch->watched, room * sizeof(*more));
	if (!more)
		return -ENOMEM;
	watch->watched = more;
	watch->watched_room = room;
	return 0;
}

int watched_put(struct a10_watch *watch, const struct watched *watched)
{
	const size_t place = place_of(watch, watched->wd);
	struct watched *there = watched_find(watch, watched->wd);

	if (there) {
		free(there->path);
		there->path = watched->path;
		there->mask |= watched->mask;
		there->tree |= watched->tree;
		return 0;
	}
	if (grow(watch) < 0) {
		free(watched->path);
		return -ENOMEM;
	}
	memmove(&watch->watched[place + 1], &watch->watched[place],
		(watch->watched_count - place) * sizeof(*watched));
	watch->watched[place] = *watched;
	watch->watched_count++;
	return 0;
}

void watched_drop(struct a10_watch *watch, struct watched *watched)
{
	const size_t place = (size_t)(watched - watch->watched);

	free(watched->path);
	watch->watched_count--;
	memmove(watched, watched + 1,
		(watch->watched_count - place) * sizeof(*watched));
}

void watched_drop_all(struct a10_watch *watch)
{
	for (size_t i = 0; i < watch->watched_count; i++)
		free(watch->watched[i].path);
	free(watch->watched);
	watch->watched = NULL;
	watch->watched_count = 0;
	watch->watched_room = 0;
}

/* What path has behind folder: "" or "/..."; NULL: it is not below it. */
static const char *path_below(const char *path, const char *folder)
{
	const size_t length = strlen(folder);

	if (strncmp(path, folder, length) != 0)
		return NULL;
	path += length;
	return *path == '\0' || *path == '/' ? path : NULL;
}

void watched_forget_below(struct a10_watch *watch, const char *path)
{
	size_t i = 0;

	while (i < watch->watched_count) {
		struct watched *watched = &watch->watched[i];

		if (watched->root || !path_below(watched->path, path)) {
			i++;
			continue;
		}
		inotify_rm_watch(watch->fd, watched->wd);
		watched_drop(watch, watched);
	}
}

int watched_rename_below(struct a10_watch *watch, const char *from,
			 const char *to)
{
	int err = 0;

	for (size_t i = 0; i < watch->watched_count; i++) {
		struct watched *watched = &watch->watched[i];
		const char *rest = path_below(watched->path, from);
		size_t size;
		char *path;

		if (watched->root || !rest)
			continue;
		size = strlen(to) + strlen(rest) + 1;
		path = malloc(size);
		if (!path) {
			err = -ENOMEM;
			continue;
		}
		memcpy(path, to, strlen(to));
		memcpy(path + strlen(to), rest, strlen(rest) + 1);
		free(watched->path);
		watched->path = path;
	}
	return err;
}

char *path_join(const char *folder, const char *name)
{
	const size_t length = strlen(folder);
	const size_t more = name ? strlen(name) : 0;
	const bool slash = more > 0 && length > 0 && folder[length - 1] != '/';
	char *path = malloc(length + slash + more + 1);

	if (!path)
		return NULL;
	memcpy(path, folder, length);
	if (slash)
		path[length] = '/';
	if (more > 0)
		memcpy(path + length + slash, name, more);
	path[length + slash + more] = '\0';
	return path;
}
