/* url.h - where something is to be had: http://HOST[:PORT][/PATH][?QUERY]. */
#ifndef URL_H
#define URL_H

#include "view.h"

enum {
	URL_HOST_MAX = 255,
	URL_TARGET_MAX = 8192,
	URL_TEXT_MAX = URL_HOST_MAX + URL_TARGET_MAX + 16,
	URL_NAME_MAX = 255, /* of a file */
};

struct url {
	char host[URL_HOST_MAX + 3]; /* an IPv6 address in its brackets */
	uint16_t port;
	char target[URL_TARGET_MAX + 2]; /* what is asked for: path, query */
};

/*
 * Without a scheme it is http. "." and ".." are taken out of the path, what is
 * behind a # is dropped. NULL, or what is wrong with it, in words.
 */
const char *url_parse(struct view text, struct url *ret_url);

/*
 * What a Location field means that came from base: whole, or relative in any
 * way. NULL, or what is wrong with it.
 */
const char *url_resolve(const struct url *base, struct view location,
			struct url *ret_url);

/*
 * The last part of the path, as it stands there: a name without a slash, never
 * "." or "..". NULL, or why there is none.
 */
const char *url_name(const struct url *url, char ret_name[URL_NAME_MAX + 1]);

/* "host:port" for a10_connect_to; ret_text has URL_HOST_MAX + 16 bytes. */
void url_address(const struct url *url, char *ret_text);

/* For a Host field: without the port that is everybody's. As url_address. */
void url_host(const struct url *url, char *ret_text);

#endif
