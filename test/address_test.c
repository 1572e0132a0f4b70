#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <a10.h>

static struct a10_address parsed(const char *text)
{
	struct a10_address address;

	memset(&address, 0xff, sizeof(address));
	ck_assert_msg(a10_address_parse(text, &address) == 0, "refused: %s",
		      text);
	ck_assert_uint_eq(address.reserved, 0);
	return address;
}

static void refused(const char *text)
{
	struct a10_address address, before;

	memset(&address, 0x55, sizeof(address));
	before = address;
	ck_assert_msg(a10_address_parse(text, &address) == -EINVAL,
		      "accepted: %s", text);
	ck_assert_mem_eq(&address, &before, sizeof(address));
}

static void formatted(const struct a10_address *address, const char *text)
{
	char buffer[200];

	ck_assert_int_eq(a10_address_format(address, buffer, sizeof(buffer)),
			 (int)strlen(text));
	ck_assert_str_eq(buffer, text);
}

static void round_trip(const char *text)
{
	const struct a10_address address = parsed(text);
	struct a10_address again;
	char buffer[200];

	formatted(&address, text);
	a10_address_format(&address, buffer, sizeof(buffer));
	again = parsed(buffer);
	ck_assert_mem_eq(&again, &address, sizeof(address));
}

TEST(numbers_and_paths_are_addresses_there_and_back)
{
	round_trip("127.0.0.1:80");
	round_trip("0.0.0.0:0");
	round_trip("255.255.255.255:65535");
	round_trip("[::1]:80");
	round_trip("[::]:65535");
	round_trip("[2001:db8::ff00:42:8329]:443");
	round_trip("[::ffff:192.0.2.1]:1");
	round_trip("unix:/path");
	round_trip("unix:/");
	round_trip("unix:/with space:and:colons");
	round_trip("unix:@abstract");
	round_trip("unix:@@");
	round_trip("unix:@/like/a/path");
}

TEST(each_part_is_where_it_belongs)
{
	struct a10_address address = parsed("1.2.3.4:258");

	ck_assert_uint_eq(address.length, sizeof(struct sockaddr_in));
	ck_assert_int_eq(address.as.in.sin_family, AF_INET);
	ck_assert_uint_eq(address.as.in.sin_port, htons(258));
	ck_assert_uint_eq(address.as.in.sin_addr.s_addr, htonl(0x01020304));

	address = parsed("[1:2::3]:258");
	ck_assert_uint_eq(address.length, sizeof(struct sockaddr_in6));
	ck_assert_int_eq(address.as.in6.sin6_family, AF_INET6);
	ck_assert_uint_eq(address.as.in6.sin6_port, htons(258));
	ck_assert_uint_eq(address.as.in6.sin6_addr.s6_addr[1], 1);
	ck_assert_uint_eq(address.as.in6.sin6_addr.s6_addr[15], 3);
	ck_assert_uint_eq(address.as.in6.sin6_scope_id, 0);

	address = parsed("unix:/ab");
	ck_assert_uint_eq(address.length,
			  offsetof(struct sockaddr_un, sun_path) + 4);
	ck_assert_int_eq(address.as.un.sun_family, AF_UNIX);
	ck_assert_str_eq(address.as.un.sun_path, "/ab");

	/* No byte behind the name: it would be part of it. */
	address = parsed("unix:@ab");
	ck_assert_uint_eq(address.length,
			  offsetof(struct sockaddr_un, sun_path) + 3);
	ck_assert_mem_eq(address.as.un.sun_path, "\0ab", 4);
}

TEST(a_port_alone_is_every_address)
{
	const struct a10_address address = parsed(":80");
	const struct a10_address same = parsed("[::]:80");

	ck_assert_mem_eq(&address, &same, sizeof(address));
	ck_assert_uint_eq(address.length, sizeof(struct sockaddr_in6));
	ck_assert(IN6_IS_ADDR_UNSPECIFIED(&address.as.in6.sin6_addr));
	formatted(&address, "[::]:80");
	ck_assert_uint_eq(parsed(":0").as.in6.sin6_port, 0);
}

TEST(a_scope_is_an_interface_by_name_or_number)
{
	const uint32_t loopback = if_nametoindex("lo");
	struct a10_address address = parsed("[fe80::1%7]:80");
	char text[100];

	ck_assert_uint_eq(address.as.in6.sin6_scope_id, 7);
	address = parsed("[fe80::1%4294967295]:80");
	ck_assert_uint_eq(address.as.in6.sin6_scope_id, UINT32_MAX);
	formatted(&address, "[fe80::1%4294967295]:80");
	refused("[fe80::1%]:80");
	refused("[fe80::1%0]:80");
	refused("[fe80::1%4294967296]:80");
	refused("[fe80::1%nosuchinterface0]:80");
	refused("[fe80::1%-1]:80");
	refused("[%lo]:80");
	refused("127.0.0.1%lo:80");
	if (loopback == 0)
		SKIP("no interface called lo");
	address = parsed("[fe80::1%lo]:80");
	ck_assert_uint_eq(address.as.in6.sin6_scope_id, loopback);
	round_trip("[fe80::1%lo]:80");
	snprintf(text, sizeof(text), "[fe80::1%%%u]:80", loopback);
	formatted(&address, "[fe80::1%lo]:80");
	ck_assert_uint_eq(parsed(text).as.in6.sin6_scope_id, loopback);
}

TEST(what_is_no_address_is_refused)
{
	static const char *const texts[] = {
		"",
		":",
		"::",
		"80",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1: 80",
		" 127.0.0.1:80",
		"127.0.0.1 :80",
		"127.0.0.1:80 ",
		"127.0.0.1:+80",
		"127.0.0.1:-1",
		"127.0.0.1:080",
		"127.0.0.1:00",
		"127.0.0.1:65536",
		"127.0.0.1:99999",
		"127.0.0.1:18446744073709551696",
		"127.0.0.1:0x50",
		"127.0.0.1:http",
		"127.0.0.1:80:80",
		"127.0.0.256:80",
		"127.0.1:80",
		"127.0.0.1.1:80",
		"0127.0.0.1:80",
		"2130706433:80",
		"localhost:80",
		"*:80",
		"[127.0.0.1]:80",
		"[::1]",
		"[::1]80",
		"[::1] :80",
		"[::1]]:80",
		"[[::1]:80",
		"[::1:80",
		"::1]:80",
		"::1:80",
		"[]:80",
		"[:]:80",
		"[:::]:80",
		"[1:2:3:4:5:6:7:8:9]:80",
		"[g::]:80",
		"[::1 ]:80",
		"]:80",
		"[:80",
		":80 ",
		": 80",
		":65536",
		"unix",
		"unix:",
		"unix:@",
		"unix:relative",
		"unix: /path",
		"UNIX:/path",
		"tcp:127.0.0.1:80",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		refused(texts[i]);
	refused(NULL);
}

TEST(a_name_as_long_as_a_socket_can_have_is_accepted)
{
	const size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	char text[300];
	struct a10_address address;

	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:/", 6);
	text[5 + room - 1] = '\0';
	address = parsed(text);
	ck_assert_uint_eq(address.length, sizeof(struct sockaddr_un));
	formatted(&address, text);
	text[5 + room - 1] = 'x';
	text[5 + room] = '\0';
	refused(text);

	/* An abstract one has no end to store. */
	text[5] = '@';
	address = parsed(text);
	ck_assert_uint_eq(address.length, sizeof(struct sockaddr_un));
	formatted(&address, text);
	text[5 + room] = 'x';
	text[5 + room + 1] = '\0';
	refused(text);
	text[sizeof(text) - 1] = '\0';
	memset(text, '1', sizeof(text) - 1);
	refused(text);
	text[0] = '[';
	refused(text);
}

TEST(the_kernel_agrees_about_names_of_sockets)
{
	const struct a10_address address = parsed("unix:@a10-address-test");
	struct a10_address bound;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	memset(&bound, 0, sizeof(bound));
	bound.length = sizeof(bound.as);
	ck_assert_int_eq(getsockname(fd, &bound.as.any, &bound.length), 0);
	formatted(&bound, "unix:");
	ck_assert_int_eq(bind(fd, &address.as.any, address.length), 0);
	bound.length = sizeof(bound.as);
	ck_assert_int_eq(getsockname(fd, &bound.as.any, &bound.length), 0);
	ck_assert_uint_eq(bound.length, address.length);
	formatted(&bound, "unix:@a10-address-test");
	ck_assert_int_eq(close(fd), 0);
}

TEST(text_that_is_too_long_is_cut_and_its_length_told)
{
	const struct a10_address address = parsed("127.0.0.1:80");
	char text[16];

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(a10_address_format(&address, text, 0), 12);
	ck_assert_int_eq(text[0], 'x');
	ck_assert_int_eq(a10_address_format(&address, text, 1), 12);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(a10_address_format(&address, text, 12), 12);
	ck_assert_str_eq(text, "127.0.0.1:8");
	ck_assert_int_eq(a10_address_format(&address, text, 13), 12);
	ck_assert_str_eq(text, "127.0.0.1:80");
	ck_assert_int_eq(text[13], 'x');
	ck_assert_int_eq(a10_address_format(&address, NULL, 0), 12);
}

TEST(what_has_no_text_of_its_own_is_said_so)
{
	struct a10_address address;

	memset(&address, 0, sizeof(address));
	formatted(&address, "");
	address.length = sizeof(sa_family_t);
	formatted(&address, "family 0");
	address.as.any.sa_family = AF_INET;
	formatted(&address, "family 2"); /* too short to be one */
	address.as.any.sa_family = AF_INET6;
	address.length = sizeof(struct sockaddr_in6) - 1;
	formatted(&address, "family 10");
	address.as.any.sa_family = AF_NETLINK;
	formatted(&address, "family 16");
	address.as.any.sa_family = AF_UNIX;
	address.length = sizeof(sa_family_t);
	formatted(&address, "unix:");
	address.length = sizeof(sa_family_t) + 1;
	formatted(&address, "unix:");
	address.length = sizeof(address.as.un) + 1;
	memset(address.as.un.sun_path, 'p', sizeof(address.as.un.sun_path));
	ck_assert_int_eq(a10_address_format(&address, NULL, 0), 5 + 108);
}
