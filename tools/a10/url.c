#include "url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	PORT_USUAL = 80,
	ADDRESS_SIZE = URL_HOST_MAX + 16,
};

static const char tls[] = "TLS is not spoken here: ask for it over http://, or "
			  "with curl";

/* ---- what stands before the path ----------------------------------------- */

static bool begins(struct view text, const char *word)
{
	const size_t length = strlen(word);

	return text.length >= length && strncasecmp(text.at, word, length) == 0;
}

static struct view without(struct view text, size_t length)
{
	text.at += length;
	text.length -= length;
	return text;
}

/* Where one of the characters is, or the end. */
static size_t find_any(struct view text, const char *characters)
{
	size_t at = 0;

	while (at < text.length &&
	       (text.at[at] == '\0' || !strchr(characters, text.at[at])))
		at++;
	return at;
}

/* "name://", before anything of a path. */
static bool has_scheme(struct view text)
{
	const size_t colon = find_any(text, ":/?#");
	const struct view rest = without(text, colon);

	return begins(rest, "://");
}

static bool is_host_character(char c, bool bracketed)
{
	if ((c >= '0' && c <= '9') || c == '.')
		return true;
	if (bracketed)
		return c == ':' || (c >= 'a' && c <= 'f') ||
		       (c >= 'A' && c <= 'F');
	return c == '-' || c == '_' || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool is_host(struct view host)
{
	const bool bracketed = host.length > 2 && host.at[0] == '[' &&
			       host.at[host.length - 1] == ']';

	if (bracketed) {
		host = without(host, 1);
		host.length--;
	}
	for (size_t i = 0; i < host.length; i++) {
		if (!is_host_character(host.at[i], bracketed))
			return false;
	}
	return host.length > 0 && host.length <= URL_HOST_MAX;
}

/* "host", "host:", "host:port", all of it. */
static const char *parse_authority(struct view authority, struct url *url)
{
	const char *end = memchr(authority.at, ']', authority.length);
	const size_t searched =
		end ? (size_t)(end - authority.at) : 0; /* colons in brackets */
	const size_t colon =
		searched + find_any(without(authority, searched), ":");
	struct view host = { authority.at, colon };
	struct view port = without(authority, colon);
	uint64_t number = PORT_USUAL;

	if (memchr(authority.at, '@', authority.length))
		return "user names and passwords are not sent";
	if (!is_host(host))
		return "that is no name of a host";
	if (port.length > 1 && (view_number(without(port, 1), &number) < 0 ||
				number == 0 || number > UINT16_MAX))
		return "that is no port";
	snprintf(url->host, sizeof(url->host), "%.*s", (int)host.length,
		 host.at);
	url->port = (uint16_t)number;
	return NULL;
}

/* ---- the path ------------------------------------------------------------ */

/* The length of "." or ".." that the path goes on with, a whole part; or 0. */
static size_t dots_of(const char *part, const char *end)
{
	size_t length = 0;

	while (part + length < end && part[length] == '.')
		length++;
	if (length > 2 || (part + length < end && part[length] != '/'))
		return 0;
	return length;
}

/*
 * Takes "." and ".." out of the path, in place; what follows the path moves up.
 * No part leads above the top (RFC 3986, 5.2.4).
 */
static void remove_dots(char *target)
{
	char *end = target + strcspn(target, "?");
	char *from = target;
	char *to = target;

	while (from < end) {
		/* from is at a slash. */
		const size_t dots = dots_of(from + 1, end);

		if (dots == 2) {
			while (to > target && *--to != '/')
				;
		}
		if (dots > 0) {
			from += 1 + dots;
			if (from == end)
				*to++ = '/';
			continue;
		}
		do {
			*to++ = *from++;
		} while (from < end && *from != '/');
	}
	memmove(to, end, strlen(end) + 1);
}

static const char *parse_target(struct view text, struct url *url)
{
	const bool slash = text.length > 0 && text.at[0] == '/';

	text.length = find_any(text, "#");
	if (text.length > URL_TARGET_MAX)
		return "that is too long";
	for (size_t i = 0; i < text.length; i++) {
		const unsigned char byte = (unsigned char)text.at[i];

		if (byte <= ' ' || byte == 0x7f)
			return "there is a space or a control character in "
			       "it: a space is written %20";
	}
	snprintf(url->target, sizeof(url->target), "%s%.*s", slash ? "" : "/",
		 (int)text.length, text.length > 0 ? text.at : "");
	remove_dots(url->target);
	return NULL;
}

/* ---- the whole ----------------------------------------------------------- */

const char *url_parse(struct view text, struct url *ret_url)
{
	struct view authority;
	const char *fault;

	if (begins(text, "https://"))
		return tls;
	if (begins(text, "http://"))
		text = without(text, 7);
	else if (has_scheme(text))
		return "only http:// is spoken here";
	authority.at = text.at;
	authority.length = find_any(text, "/?#");
	fault = parse_authority(authority, ret_url);
	if (!fault)
		fault = parse_target(without(text, authority.length), ret_url);
	return fault;
}

/* The directory that a relative path is in: up to the last slash. */
static int directory_length(const char *target)
{
	int length = (int)strcspn(target, "?");

	while (length > 0 && target[length - 1] != '/')
		length--;
	return length;
}

const char *url_resolve(const struct url *base, struct view location,
			struct url *ret_url)
{
	char text[URL_TEXT_MAX + URL_TARGET_MAX];
	char address[ADDRESS_SIZE];
	const char *path = base->target;
	int kept = 0;
	int length;

	if (has_scheme(location))
		return url_parse(location, ret_url);
	location.length = find_any(location, "#");
	if (begins(location, "//"))
		return url_parse(without(location, 2), ret_url);
	if (location.length == 0)
		kept = (int)strlen(path);
	else if (location.at[0] == '?')
		kept = (int)strcspn(path, "?");
	else if (location.at[0] != '/')
		kept = directory_length(path);
	url_address(base, address);
	if (location.length > URL_TARGET_MAX)
		return "that is too long";
	length = snprintf(text, sizeof(text), "http://%s%.*s", address, kept,
			  path);
	memcpy(text + length, location.at, location.length);
	return url_parse((struct view){ text,
					(size_t)length + location.length },
			 ret_url);
}

const char *url_name(const struct url *url, char ret_name[URL_NAME_MAX + 1])
{
	const size_t path = strcspn(url->target, "?");
	const int directory = directory_length(url->target);
	const size_t length = path - (size_t)directory;

	if (length == 0)
		return "it names no file: choose a name with --output";
	if (length > URL_NAME_MAX)
		return "its name is too long for a file: choose another with "
		       "--output";
	memcpy(ret_name, url->target + directory, length);
	ret_name[length] = '\0';
	return NULL;
}

void url_address(const struct url *url, char *ret_text)
{
	snprintf(ret_text, ADDRESS_SIZE, "%s:%u", url->host,
		 (unsigned int)url->port);
}

void url_host(const struct url *url, char *ret_text)
{
	if (url->port == PORT_USUAL)
		snprintf(ret_text, ADDRESS_SIZE, "%s", url->host);
	else
		url_address(url, ret_text);
}
