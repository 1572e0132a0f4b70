/*
 * Addresses as text. Strict: what is accepted has one meaning, and format
 * writes it back. No resolver: names are somebody else's work.
 *
 * ":80" is the IPv6 wildcard, as "[::]:80" is: a socket bound to it takes IPv4
 * clients as well unless it is told not to (IPV6_V6ONLY), so one listener does
 * for both.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <net/if.h>

#include <a10/net.h>

#define UNIX_PREFIX "unix:"
#define NAME_OFFSET offsetof(struct sockaddr_un, sun_path)
#define NAME_SIZE   sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* Digits only and no leading zero, so that a number has one spelling. */
static bool parse_number(const char *text, uint64_t most, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > most)
			return false;
	}
	*ret_number = (uint32_t)number;
	return true;
}

static bool parse_port(const char *text, in_port_t *ret_port)
{
	uint32_t port;

	if (!parse_number(text, UINT16_MAX, &port))
		return false;
	*ret_port = htons((uint16_t)port);
	return true;
}

/* An interface, by number or by name. 0 is no interface. */
static bool parse_scope(const char *text, uint32_t *ret_scope)
{
	uint32_t scope;

	if (!parse_number(text, UINT32_MAX, &scope))
		scope = if_nametoindex(text);
	if (scope == 0)
		return false;
	*ret_scope = scope;
	return true;
}

/* text without its prefix: a path, or @ and an abstract name. */
static bool parse_unix(const char *text, struct a10_address *address)
{
	struct sockaddr_un *un = &address->as.un;
	const size_t length = strnlen(text, NAME_SIZE + 1);

	if (length > NAME_SIZE)
		return false;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, text, length);
	if (text[0] == '/' && length < NAME_SIZE) {
		address->length = (socklen_t)(NAME_OFFSET + length + 1);
		return true;
	}
	/* Of an abstract name each byte counts, so no NUL at the end. */
	if (text[0] == '@' && length > 1) {
		un->sun_path[0] = '\0';
		address->length = (socklen_t)(NAME_OFFSET + length);
		return true;
	}
	return false;
}

/* host and port are terminated pieces of a copy. */
static bool parse_v4(const char *host, const char *port,
		     struct a10_address *address)
{
	struct sockaddr_in *in = &address->as.in;

	in->sin_family = AF_INET;
	address->length = sizeof(*in);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 &&
	       parse_port(port, &in->sin_port);
}

static bool parse_v6(char *host, const char *port, struct a10_address *address)
{
	struct sockaddr_in6 *in6 = &address->as.in6;
	char *scope = strchr(host, '%');

	in6->sin6_family = AF_INET6;
	address->length = sizeof(*in6);
	if (scope) {
		*scope = '\0';
		if (!parse_scope(scope + 1, &in6->sin6_scope_id))
			return false;
	}
	return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1 &&
	       parse_port(port, &in6->sin6_port);
}

/* Longest: brackets, address, scope, port. */
#define TEXT_LENGTH (INET6_ADDRSTRLEN + IF_NAMESIZE + 16)

static bool parse_inet(const char *text, struct a10_address *address)
{
	const size_t length = strnlen(text, TEXT_LENGTH);
	char copy[TEXT_LENGTH];
	char *colon;

	if (length == TEXT_LENGTH)
		return false;
	memcpy(copy, text, length + 1);
	colon = strrchr(copy, ':');
	if (!colon)
		return false;
	*colon = '\0';
	if (colon == copy) /* all zero: every address */
		return parse_v6(strcpy(copy, "::"), text + 1, address);
	if (copy[0] != '[')
		return parse_v4(copy, colon + 1, address);
	if (colon[-1] != ']')
		return false;
	colon[-1] = '\0';
	return parse_v6(copy + 1, colon + 1, address);
}

int a10_address_parse(const char *text, struct a10_address *ret_address)
{
	const size_t prefix = strlen(UNIX_PREFIX);
	struct a10_address address;
	bool parsed;

	if (!text)
		return -EINVAL;
	memset(&address, 0, sizeof(address));
	if (strncmp(text, UNIX_PREFIX, prefix) == 0)
		parsed = parse_unix(text + prefix, &address);
	else
		parsed = parse_inet(text, &address);
	if (!parsed)
		return -EINVAL;
	*ret_address = address;
	return 0;
}

static int format_unix(const struct a10_address *address, char *text,
		       size_t size)
{
	const struct sockaddr_un *un = &address->as.un;
	size_t length = address->length;
	const char *name = un->sun_path;
	const char *mark = "";

	/* What the kernel gives back may be a byte longer than the struct. */
	if (length > sizeof(*un))
		length = sizeof(*un);
	length = length > NAME_OFFSET ? length - NAME_OFFSET : 0;
	if (length > 1 && name[0] == '\0') {
		mark = "@";
		name++;
		length--;
	}
	return snprintf(text, size, UNIX_PREFIX "%s%.*s", mark, (int)length,
			name);
}

/* The interface's name, unless it could be taken for a number. */
static void format_scope(uint32_t scope, char *text, size_t size)
{
	char name[IF_NAMESIZE];
	uint32_t number;

	text[0] = '\0';
	if (scope == 0)
		return;
	if (if_indextoname(scope, name) &&
	    !parse_number(name, UINT32_MAX, &number))
		snprintf(text, size, "%%%s", name);
	else
		snprintf(text, size, "%%%u", (unsigned int)scope);
}

static int format_v4(const struct sockaddr_in *in, char *text, size_t size)
{
	char host[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
	return snprintf(text, size, "%s:%u", host,
			(unsigned int)ntohs(in->sin_port));
}

static int format_v6(const struct sockaddr_in6 *in6, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "";
	char scope[IF_NAMESIZE + 16];

	inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
	format_scope(in6->sin6_scope_id, scope, sizeof(scope));
	return snprintf(text, size, "[%s%s]:%u", host, scope,
			(unsigned int)ntohs(in6->sin6_port));
}

int a10_address_format(const struct a10_address *address, char *text,
		       size_t size)
{
	const size_t length = address->length;

	if (length < sizeof(sa_family_t))
		return snprintf(text, size, "%s", "");
	switch (address->as.any.sa_family) {
	case AF_UNIX:
		return format_unix(address, text, size);
	case AF_INET:
		if (length >= sizeof(address->as.in))
			return format_v4(&address->as.in, text, size);
		break;
	case AF_INET6:
		if (length >= sizeof(address->as.in6))
			return format_v6(&address->as.in6, text, size);
		break;
	}
	return snprintf(text, size, "family %u",
			(unsigned int)address->as.any.sa_family);
}
