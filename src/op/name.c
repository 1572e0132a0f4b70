#include "op/name.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_part(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       is_digit(c) || c == '-' || c == '_';
}

static bool is_host(const char *host, size_t length)
{
	bool digits = true;
	char before = '.';

	if (length == 0 || length >= NAME_SIZE_MOST)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (host[i] == '.') {
			if (before == '.')
				return false;
			/* The root's own dot may end it. */
			if (i + 1 < length)
				digits = true;
		} else if (!is_part(host[i])) {
			return false;
		} else if (!is_digit(host[i])) {
			digits = false;
		}
		before = host[i];
	}
	return !digits;
}

static bool is_port(const char *port)
{
	const size_t length = strnlen(port, PORT_SIZE_MOST);
	unsigned int number = 0;

	if (length == 0 || length == PORT_SIZE_MOST ||
	    (port[0] == '0' && length > 1))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_digit(port[i]))
			return false;
		number = number * 10 + (unsigned int)(port[i] - '0');
	}
	return number <= 65535;
}

int name_split(const char *text, char *ret_host, char *ret_port)
{
	const char *colon = strrchr(text, ':');

	if (!colon || !is_host(text, (size_t)(colon - text)) ||
	    !is_port(colon + 1))
		return -EINVAL;
	memcpy(ret_host, text, (size_t)(colon - text));
	ret_host[colon - text] = '\0';
	memcpy(ret_port, colon + 1, strlen(colon + 1) + 1);
	return 0;
}
