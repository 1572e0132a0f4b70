/* path.h - from the path of a URL to a name below the served folder. */
#ifndef PATH_H
#define PATH_H

#include <stdbool.h>
#include <stddef.h>

enum {
	PATH_ROOM = 8192 + 16, /* as a URL may be long, and a suffix */
};

/*
 * Relative to the served folder and clean: no empty part, no "." and no "..".
 * "" is the folder itself.
 */
struct path {
	char name[PATH_ROOM];
	size_t length;     /* of name, which is terminated */
	bool is_directory; /* the URL ended with a slash */
};

/*
 * Decodes what stands in a URL. hidden: names with a dot in front are allowed.
 * 0, or
 *   -EINVAL        no slash at the start, a broken % escape, a NUL, or "..";
 *   -ENOENT        a part that is hidden or that no file can be called;
 *   -ENAMETOOLONG  there is no room for it.
 */
int path_decode(const char *url, size_t length, bool hidden,
		struct path *ret_path);

/* Appends one more part, which needs no decoding. 0 or -ENAMETOOLONG. */
int path_append(struct path *path, const char *part);

/* Behind the last part: ".gz". 0 or -ENAMETOOLONG. And off again. */
int path_add_suffix(struct path *path, const char *suffix);
void path_remove_suffix(struct path *path, const char *suffix);

/* Takes off the last part; of "" there is none. */
void path_remove_last(struct path *path);

/* What to open: the name, or "." */
const char *path_to_open(const struct path *path);

#endif
