/*
 * What "a10 serve" answers: the heads of responses, listings.
 */
#include "harness.h"

#include "condition.h"
#include "listing.h"
#include "response.h"
#include "text.h"

#include <a10.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- heads ------------------------------------------------------------------ */

TEST(a_head_has_what_it_must_have)
{
	struct text text = { 0 };
	char expected[512];
	const struct validator validator = { .etag = "\"a\"",
					     .modified = 784111777 };
	struct response response = {
		.status = 200,
		.keep_alive = true,
		.is_file = true,
		.vary = true,
		.coding = "br",
		.type = "text/plain",
		.length = 12345678901,
		.date = "now",
		.validator = &validator,
	};

	snprintf(expected, sizeof(expected),
		 "HTTP/1.1 200 OK\r\n"
		 "Server: a10/%s\r\n"
		 "Date: now\r\n"
		 "Content-Type: text/plain\r\n"
		 "Content-Length: 12345678901\r\n"
		 "Content-Encoding: br\r\n"
		 "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		 "ETag: \"a\"\r\n"
		 "Accept-Ranges: bytes\r\n"
		 "Vary: Accept-Encoding\r\n"
		 "\r\n",
		 a10_version());
	response_add_head(&text, &response);
	text_add_bytes(&text, "", 1);
	ck_assert_str_eq(text.data, expected);
	text_finish(&text);
	response.status = 304;
	response_add_head(&text, &response);
	text_add_bytes(&text, "", 1);
	ck_assert_ptr_null(strstr(text.data, "Content"));
	ck_assert_ptr_nonnull(strstr(text.data, "ETag"));
	text_finish(&text);
}

TEST(a_head_says_whether_the_connection_stays)
{
	struct text text = { 0 };
	struct response response = { .status = 405, .type = "a", .date = "b" };

	response_add_head(&text, &response);
	text_add_bytes(&text, "", 1);
	ck_assert_ptr_nonnull(strstr(text.data, "\r\nConnection: close\r\n"));
	ck_assert_ptr_nonnull(strstr(text.data, "\r\nAllow: GET, HEAD\r\n"));
	text_finish(&text);
	response.old_client = true;
	response.keep_alive = true;
	response_add_head(&text, &response);
	text_add_bytes(&text, "", 1);
	ck_assert_ptr_nonnull(
		strstr(text.data, "\r\nConnection: keep-alive\r\n"));
	text_finish(&text);
}

TEST(a_redirect_stays_on_this_host)
{
	struct text text = { 0 };

	response_add_location(&text, "evil.example/a b", view_of("c=d"));
	ck_assert_str_eq(text.data, "/evil.example/a%20b/?c=d");
	text_finish(&text);
}

TEST(errors_of_files_have_their_status)
{
	ck_assert_int_eq(response_status_of_error(-ENOENT), 404);
	ck_assert_int_eq(response_status_of_error(-ENOTDIR), 404);
	ck_assert_int_eq(response_status_of_error(-EXDEV), 403);
	ck_assert_int_eq(response_status_of_error(-EACCES), 403);
	ck_assert_int_eq(response_status_of_error(-EMFILE), 503);
	ck_assert_int_eq(response_status_of_error(-EIO), 500);
}

/* ---- listings ----------------------------------------------------------- */

TEST(a_listing_is_sorted_with_folders_first)
{
	static const char *const sorted[] = { "a", "B", "A1", "a2", "b" };
	struct listing listing = { 0 };
	struct listing_entry folder = { .is_directory = true };
	struct listing_entry file = { 0 };

	ck_assert_int_eq(listing_add(&listing, "b", &file), 0);
	ck_assert_int_eq(listing_add(&listing, "B", &folder), 0);
	ck_assert_int_eq(listing_add(&listing, "a2", &file), 0);
	ck_assert_int_eq(listing_add(&listing, "A1", &file), 0);
	ck_assert_int_eq(listing_add(&listing, "a", &folder), 0);
	listing_sort(&listing);
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(listing.entries[i].name, sorted[i]);
	listing_finish(&listing);
}

static void assert_order(const char *query, const char *const sorted[4])
{
	static const struct {
		const char *name;
		struct listing_entry about;
	} entries[] = {
		{ "b", { .size = 1, .modified = 30 } },
		{ "a", { .size = 3, .modified = 10 } },
		{ "c", { .size = 3, .modified = 20 } },
		{ "d", { .is_directory = true, .size = 9, .modified = 40 } },
	};
	struct listing listing = { .order = listing_order(view_of(query)) };

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(listing_add(&listing, entries[i].name,
					     &entries[i].about),
				 0);
	listing_sort(&listing);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(listing.entries[i].name, sorted[i]);
	listing_finish(&listing);
}

#define ASSERT_ORDER(query, ...) \
	assert_order(query, (const char *const[]){ __VA_ARGS__ })

TEST(a_listing_is_sorted_as_the_query_says)
{
	ASSERT_ORDER("", "d", "a", "b", "c");
	ASSERT_ORDER("sort=name", "d", "a", "b", "c");
	ASSERT_ORDER("sort=-name", "d", "c", "b", "a");
	ASSERT_ORDER("x=y&sort=size", "d", "b", "a", "c");
	ASSERT_ORDER("sort=-size", "d", "a", "c", "b");
	ASSERT_ORDER("sort=modified", "d", "a", "c", "b");
	ASSERT_ORDER("sort=-modified&", "d", "b", "c", "a");
	ASSERT_ORDER("sort=", "d", "a", "b", "c");
	ASSERT_ORDER("sort=beauty", "d", "a", "b", "c");
	ASSERT_ORDER("sort=size&sort=-name", "d", "c", "b", "a");
}

TEST(a_listing_leads_to_its_other_orders)
{
	struct listing listing = { .order = listing_order(
					   view_of("sort=size")) };
	struct text text = { 0 };

	listing_add_page(&text, &listing, "");
	text_add_bytes(&text, "", 1);
	ck_assert_ptr_nonnull(strstr(text.data, "<th><a href=\"?sort=name\">"));
	ck_assert_ptr_nonnull(strstr(text.data,
				     "<th aria-sort=\"ascending\">"
				     "<a href=\"?sort=-size\">Size</a></th>"));
	text_finish(&text);
}

TEST(a_listing_escapes_names)
{
	struct listing listing = { 0 };
	struct listing_entry file = { .size = 1536 };
	struct text text = { 0 };

	ck_assert_int_eq(listing_add(&listing, "<a>&\"b #1", &file), 0);
	listing_add_page(&text, &listing, "x/<y>");
	text_add_bytes(&text, "", 1);
	ck_assert(!text.failed);
	ck_assert_ptr_nonnull(strstr(text.data,
				     "href=\"%3Ca%3E%26%22b%20%231\"><bdi>"
				     "&lt;a&gt;&amp;&quot;b #1</bdi></a></td>"
				     "<td>1.5 KiB</td>"));
	ck_assert_ptr_nonnull(strstr(text.data, "<title>/x/&lt;y&gt;/<"));
	ck_assert_ptr_nonnull(strstr(text.data, "<h1><a href=\"./../../\">/</a>"
						" <a href=\"./../\">x</a> /"
						" <a href=\"./\">&lt;y&gt;</a>"
						" /</h1>"));
	ck_assert_ptr_null(strstr(text.data, "<y>"));
	text_finish(&text);
	listing_finish(&listing);
}
