#include "path.h"

#include <errno.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes one character. Returns how many it stands on, or -EINVAL. */
static int decode_character(const char *url, size_t length, char *ret_character)
{
	int high;
	int low;

	if (url[0] != '%') {
		*ret_character = url[0];
		return url[0] == '\0' ? -EINVAL : 1;
	}
	high = length < 3 ? -1 : hex_digit(url[1]);
	low = length < 3 ? -1 : hex_digit(url[2]);
	if (high < 0 || low < 0 || (high == 0 && low == 0))
		return -EINVAL;
	*ret_character = (char)(high << 4 | low);
	return 3;
}

/*
 * Decodes the part of the URL up to the next slash onto the end of the name,
 * without the terminator. A slash that was escaped is part of a name, and no
 * file has such a name.
 */
static int decode_part(const char *url, size_t length, struct path *path,
		       size_t *ret_used)
{
	size_t used = 0;

	while (used < length && url[used] != '/') {
		char character;
		int step =
			decode_character(url + used, length - used, &character);

		if (step < 0)
			return step;
		if (character == '/')
			return -ENOENT;
		if (path->length + 1 >= sizeof(path->name))
			return -ENAMETOOLONG;
		path->name[path->length++] = character;
		used += (size_t)step;
	}
	*ret_used = used;
	return 0;
}

/*
 * Looks at the part that begins at start: 0, and "." is dropped. Names with a
 * dot in front are hidden from listings too: not there, for all anybody knows.
 */
static int check_part(struct path *path, size_t start, bool hidden)
{
	const char *part = path->name + start;
	const size_t length = path->length - start;

	if (length == 2 && part[0] == '.' && part[1] == '.')
		return -EINVAL;
	if (length > 1 && part[0] == '.' && !hidden)
		return -ENOENT;
	if (length == 1 && part[0] == '.') {
		path->length = start;
		path->is_directory = true;
	}
	return 0;
}

int path_decode(const char *url, size_t length, bool hidden,
		struct path *ret_path)
{
	struct path *path = ret_path;
	size_t at = 0;

	path->length = 0;
	if (length == 0 || url[0] != '/')
		return -EINVAL;
	while (at < length) {
		size_t part = 0;
		size_t start;
		int err;

		at++; /* the slash */
		if (path->length > 0 && path->name[path->length - 1] != '/')
			path->name[path->length++] = '/';
		start = path->length;
		err = decode_part(url + at, length - at, path, &part);
		if (err == 0) {
			path->is_directory = part == 0;
			err = check_part(path, start, hidden);
		}
		if (err < 0)
			return err;
		at += part;
	}
	/* The slash behind the last part is what is_directory says. */
	if (path->length > 0 && path->name[path->length - 1] == '/')
		path->length--;
	path->name[path->length] = '\0';
	return 0;
}

int path_append(struct path *path, const char *part)
{
	const size_t length = strlen(part);

	if (path->length + 1 + length >= sizeof(path->name))
		return -ENAMETOOLONG;
	if (path->length > 0)
		path->name[path->length++] = '/';
	memcpy(path->name + path->length, part, length + 1);
	path->length += length;
	return 0;
}

int path_add_suffix(struct path *path, const char *suffix)
{
	const size_t length = strlen(suffix);

	if (path->length + length >= sizeof(path->name))
		return -ENAMETOOLONG;
	memcpy(path->name + path->length, suffix, length + 1);
	path->length += length;
	return 0;
}

void path_remove_suffix(struct path *path, const char *suffix)
{
	path->length -= strlen(suffix);
	path->name[path->length] = '\0';
}

void path_remove_last(struct path *path)
{
	while (path->length > 0 && path->name[path->length - 1] != '/')
		path->length--;
	if (path->length > 0)
		path->length--;
	path->name[path->length] = '\0';
}

const char *path_to_open(const struct path *path)
{
	return path->length > 0 ? path->name : ".";
}
