#include "view.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct view view_of(const char *string)
{
	const struct view view = { string, strlen(string) };

	return view;
}

bool view_is(struct view view, const char *string)
{
	return strlen(string) == view.length &&
	       strncasecmp(view.at, string, view.length) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct view view_trimmed(struct view view)
{
	while (view.length > 0 && is_blank(view.at[0])) {
		view.at++;
		view.length--;
	}
	while (view.length > 0 && is_blank(view.at[view.length - 1]))
		view.length--;
	return view;
}

bool view_take(struct view *rest, char separator, struct view *ret_piece)
{
	struct view piece = *rest;
	const char *end;

	if (!rest->at)
		return false;
	end = (const char *)memchr(rest->at, separator, rest->length);
	if (end) {
		piece.length = (size_t)(end - rest->at);
		rest->at = end + 1;
		rest->length -= piece.length + 1;
	} else {
		rest->at = NULL;
		rest->length = 0;
	}
	*ret_piece = view_trimmed(piece);
	return true;
}

int view_number(struct view view, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (view.length == 0)
		return -EINVAL;
	for (size_t i = 0; i < view.length; i++) {
		const uint64_t digit = (uint64_t)(view.at[i] - '0');

		if (view.at[i] < '0' || view.at[i] > '9' ||
		    number > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return 0;
}

static bool is_token_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

bool view_is_token(struct view view)
{
	for (size_t i = 0; i < view.length; i++) {
		if (!is_token_character(view.at[i]))
			return false;
	}
	return view.length > 0;
}

size_t view_head_end(struct view view, size_t *searched)
{
	const char *end = view.at + view.length;
	const char *at = view.at + *searched;

	while ((at = (const char *)memchr(at, '\n', (size_t)(end - at)))) {
		const size_t left = (size_t)(end - at);

		if (left > 1 && at[1] == '\n')
			return (size_t)(at - view.at) + 2;
		if (left > 2 && at[1] == '\r' && at[2] == '\n')
			return (size_t)(at - view.at) + 3;
		if (left == 1 || (left == 2 && at[1] == '\r')) {
			*searched = (size_t)(at - view.at);
			return 0;
		}
		at++;
	}
	*searched = view.length;
	return 0;
}

struct view view_take_line(struct view *rest)
{
	const char *end = (const char *)memchr(rest->at, '\n', rest->length);
	struct view line = { rest->at, (size_t)(end - rest->at) };

	rest->at = end + 1;
	rest->length -= line.length + 1;
	if (line.length > 0 && line.at[line.length - 1] == '\r')
		line.length--;
	return line;
}
