/* What "a10 get" takes for a URL, and what it makes of others'. */
#include "harness.h"

#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *check_url(const char *text, char *ret_whole, size_t size)
{
	struct url url;
	const char *fault = url_parse(view_of(text), &url);

	if (fault == NULL)
		snprintf(ret_whole, size, "%s %u %s", url.host, url.port,
			 url.target);
	return fault;
}

TEST(a_url_is_a_host_a_port_and_what_is_asked_for)
{
	static const char *const urls[][2] = {
		{ "http://example.org", "example.org 80 /" },
		{ "HTTP://example.org/", "example.org 80 /" },
		{ "example.org:8010/a?b#c", "example.org 8010 /a?b" },
		{ "localhost:8010", "localhost 8010 /" },
		{ "http://[::1]/x", "[::1] 80 /x" },
		{ "http://[fe80::1]:81?x", "[fe80::1] 81 /?x" },
		{ "http://127.0.0.1:1/%2e%2E/x", "127.0.0.1 1 /%2e%2E/x" },
		{ "http://h:/x", "h 80 /x" },
		{ "http://h/a/./b/../c", "h 80 /a/c" },
		{ "http://h/..", "h 80 /" },
		{ "http://h/../../x/.", "h 80 /x/" },
		{ "http://h/a/b/..?c/../d", "h 80 /a/?c/../d" },
		{ "http://h//a/..x/...", "h 80 //a/..x/..." },
		{ "http://h#/x", "h 80 /" },
	};
	static const char *const wrong[] = {
		"",
		"http://",
		"https://example.org/",
		"ftp://example.org/",
		"http://user@h/",
		"http://user:secret@h/",
		"http://h:0/",
		"http://h:65536/",
		"http://h:80x/",
		"http://h:-1/",
		"http://a b/",
		"http://h/a b",
		"http://h/a\r\nX: y",
		"http://h/\x7f",
		"http://[::1/",
		"http://[]/",
		"http://[::1]x/",
		"http://[localhost]/",
		"http://h\\/",
		"file:///etc/passwd",
		"/etc/passwd",
	};
	char whole[URL_TEXT_MAX];

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		ck_assert_ptr_null(check_url(urls[i][0], whole, sizeof(whole)));
		ck_assert_str_eq(whole, urls[i][1]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(check_url(wrong[i], whole, sizeof(whole)) != NULL,
			      "%s", wrong[i]);
}

TEST(a_url_may_be_long_and_not_longer)
{
	static char text[3 * URL_TARGET_MAX];
	struct url url;

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "http://h/", 9);
	ck_assert_ptr_nonnull(url_parse(view_of(text), &url));
	text[8 + URL_TARGET_MAX] = '\0';
	ck_assert_ptr_null(url_parse(view_of(text), &url));
	ck_assert_uint_eq(strlen(url.target), URL_TARGET_MAX);
	ck_assert_ptr_nonnull(
		url_resolve(&url, view_of("?another one behind it"), &url));
	memset(text, 'h', sizeof(text) - 1);
	ck_assert_ptr_nonnull(url_parse(view_of(text), &url));
	text[URL_HOST_MAX] = '\0';
	ck_assert_ptr_null(url_parse(view_of(text), &url));
}

TEST(a_location_may_be_relative_in_any_way)
{
	/* Those of RFC 3986, 5.4, as far as they are of paths. */
	static const char *const locations[][2] = {
		{ "http://other:81/x", "other 81 /x" },
		{ "//other/x", "other 80 /x" },
		{ "g", "a 8010 /b/c/g" },
		{ "./g", "a 8010 /b/c/g" },
		{ "g/", "a 8010 /b/c/g/" },
		{ "/g", "a 8010 /g" },
		{ "?y", "a 8010 /b/c/d;p?y" },
		{ "g?y", "a 8010 /b/c/g?y" },
		{ "#s", "a 8010 /b/c/d;p?q" },
		{ "", "a 8010 /b/c/d;p?q" },
		{ ".", "a 8010 /b/c/" },
		{ "..", "a 8010 /b/" },
		{ "../g", "a 8010 /b/g" },
		{ "../../../g", "a 8010 /g" },
		{ "g;x=1/../y", "a 8010 /b/c/y" },
		{ "g?y/../x", "a 8010 /b/c/g?y/../x" },
	};
	struct url base, url;
	char whole[URL_TEXT_MAX];

	ck_assert_ptr_null(
		url_parse(view_of("http://a:8010/b/c/d;p?q"), &base));
	for (size_t i = 0; i < sizeof(locations) / sizeof(*locations); i++) {
		ck_assert_ptr_null(
			url_resolve(&base, view_of(locations[i][0]), &url));
		snprintf(whole, sizeof(whole), "%s %u %s", url.host, url.port,
			 url.target);
		ck_assert_str_eq(whole, locations[i][1]);
	}
	ck_assert_ptr_nonnull(
		url_resolve(&base, view_of("https://a/secret"), &url));
	ck_assert_ptr_nonnull(
		url_resolve(&base, view_of("file:///etc/passwd"), &url));
	ck_assert_ptr_nonnull(url_resolve(&base, view_of("a b"), &url));
	ck_assert_ptr_nonnull(
		url_resolve(&base, (struct view){ "a\0b", 3 }, &url));
}

static const char *name_of(const char *text)
{
	static char name[URL_NAME_MAX + 1];
	struct url url;

	ck_assert_ptr_null(url_parse(view_of(text), &url));
	return url_name(&url, name) == NULL ? name : "(none)";
}

TEST(a_name_is_the_last_part_of_a_path_and_never_more)
{
	static char long_one[400] = "h/";

	ck_assert_str_eq(name_of("h/a/b.tar?x/y"), "b.tar");
	ck_assert_str_eq(name_of("h/a/%2e%2e%2fb"), "%2e%2e%2fb");
	ck_assert_str_eq(name_of("h/a/.."), "(none)");
	ck_assert_str_eq(name_of("h/a/."), "(none)");
	ck_assert_str_eq(name_of("h"), "(none)");
	ck_assert_str_eq(name_of("h/?name"), "(none)");
	memset(long_one + 2, 'n', 300);
	ck_assert_str_eq(name_of(long_one), "(none)");
}
