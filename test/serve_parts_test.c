/*
 * The parts of "a10 serve" that need no socket: what is decoded, escaped,
 * formatted and parsed.
 */
#include "harness.h"

#include "date.h"
#include "listing.h"
#include "mime.h"
#include "path.h"
#include "request.h"
#include "response.h"
#include "text.h"

#include <a10.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- paths -------------------------------------------------------------- */

static int decode(const char *url, struct path *ret_path)
{
	return path_decode(url, strlen(url), ret_path);
}

static void assert_path(const char *url, const char *name, bool is_directory)
{
	struct path path;
	int err = decode(url, &path);

	ck_assert_msg(err == 0, "%s: %d", url, err);
	ck_assert_str_eq(path.name, name);
	ck_assert_uint_eq(path.length, strlen(name));
	ck_assert_msg(path.is_directory == is_directory, "%s", url);
}

static void assert_no_path(const char *url, int expected)
{
	struct path path;
	int err = decode(url, &path);

	ck_assert_msg(err == expected, "%s: %d", url, err);
}

TEST(a_path_is_decoded_and_made_relative)
{
	assert_path("/", "", true);
	assert_path("/a", "a", false);
	assert_path("/a/", "a", true);
	assert_path("/a/b.c", "a/b.c", false);
	assert_path("/a%20b", "a b", false);
	assert_path("/%61%2e%4A%4a", "a.JJ", false);
	assert_path("/%c3%A4", "\xc3\xa4", false);
	assert_path("/a%25b", "a%b", false);
	assert_path("/a..b/c..d.../", "a..b/c..d...", true);
}

TEST(empty_parts_and_single_dots_are_left_out)
{
	assert_path("//", "", true);
	assert_path("//a///b//", "a/b", true);
	assert_path("/.", "", true);
	assert_path("/./a/./b", "a/b", false);
	assert_path("/a/.", "a", true);
	assert_path("/a/%2e/", "a", true);
	assert_path("//etc/passwd", "etc/passwd", false);
}

TEST(what_is_no_path_is_refused)
{
	assert_no_path("", -EINVAL);
	assert_no_path("a", -EINVAL);
	assert_no_path("*", -EINVAL);
	assert_no_path("/%", -EINVAL);
	assert_no_path("/%4", -EINVAL);
	assert_no_path("/%zz", -EINVAL);
	assert_no_path("/%4/", -EINVAL);
	assert_no_path("/a%00", -EINVAL);
	assert_no_path("/a%00.html", -EINVAL);
}

TEST(a_path_never_goes_up)
{
	assert_no_path("/..", -EINVAL);
	assert_no_path("/../", -EINVAL);
	assert_no_path("/a/../b", -EINVAL);
	assert_no_path("/a/..", -EINVAL);
	assert_no_path("/%2e%2e/", -EINVAL);
	assert_no_path("/.%2E/", -EINVAL);
	assert_no_path("/a/%2e./b", -EINVAL);
	assert_no_path("/..%2f", -ENOENT);
	assert_no_path("/a%2fb", -ENOENT);
	assert_no_path("/%2e%2e%2fetc", -ENOENT);
}

TEST(hidden_names_are_not_there)
{
	assert_no_path("/.git", -ENOENT);
	assert_no_path("/.git/config", -ENOENT);
	assert_no_path("/a/.b", -ENOENT);
	assert_no_path("/%2egit", -ENOENT);
	assert_no_path("/...", -ENOENT);
}

TEST(a_path_of_any_length_stays_in_its_room)
{
	static struct path path;
	static char url[3 * PATH_ROOM];

	memset(url, 'a', sizeof(url));
	url[0] = '/';
	ck_assert_int_eq(path_decode(url, PATH_ROOM, &path), 0);
	ck_assert_uint_eq(path.length, PATH_ROOM - 1);
	ck_assert_int_eq(path_decode(url, PATH_ROOM + 1, &path), -ENAMETOOLONG);
	url[PATH_ROOM] = '/';
	ck_assert_int_eq(path_decode(url, PATH_ROOM + 1, &path), 0);
	ck_assert_uint_eq(path.length, PATH_ROOM - 1);
	ck_assert_int_eq(path_append(&path, "b"), -ENAMETOOLONG);
	ck_assert_int_eq(path_decode(url, PATH_ROOM + 2, &path), -ENAMETOOLONG);
	memset(url, '/', sizeof(url));
	ck_assert_int_eq(path_decode(url, sizeof(url), &path), 0);
	ck_assert_uint_eq(path.length, 0);
}

TEST(a_part_is_appended_and_removed)
{
	struct path path;

	ck_assert_int_eq(decode("/a/b/", &path), 0);
	ck_assert_int_eq(path_append(&path, "index.html"), 0);
	ck_assert_str_eq(path.name, "a/b/index.html");
	path_remove_last(&path);
	ck_assert_str_eq(path.name, "a/b");
	path_remove_last(&path);
	path_remove_last(&path);
	path_remove_last(&path);
	ck_assert_str_eq(path_to_open(&path), ".");
	ck_assert_int_eq(path_append(&path, "index.html"), 0);
	ck_assert_str_eq(path_to_open(&path), "index.html");
}

/* ---- text --------------------------------------------------------------- */

/* What was added, terminated, until the next call. */
static const char *taken(struct text *text)
{
	static char copy[8192];

	ck_assert(!text->failed);
	ck_assert_uint_lt(text->length, sizeof(copy));
	if (text->length > 0)
		memcpy(copy, text->data, text->length);
	copy[text->length] = '\0';
	text_finish(text);
	return copy;
}

static const char *html(const char *string)
{
	struct text text = { 0 };

	text_add_html(&text, string);
	return taken(&text);
}

static const char *url(const char *path)
{
	struct text text = { 0 };

	text_add_url(&text, path);
	return taken(&text);
}

static const char *size(uint64_t bytes)
{
	struct text text = { 0 };

	text_add_size(&text, bytes);
	return taken(&text);
}

TEST(html_is_escaped)
{
	ck_assert_str_eq(html("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;&#39;c");
	ck_assert_str_eq(html("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
			 "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(what_is_no_utf8_becomes_a_replacement)
{
#define FFFD "\xef\xbf\xbd"
	ck_assert_str_eq(html("a\xff"), "a" FFFD);
	ck_assert_str_eq(html("\xc3"), FFFD);
	ck_assert_str_eq(html("\xe2\x82"), FFFD FFFD);
	ck_assert_str_eq(html("\xc0\xafx"), FFFD FFFD "x");
	ck_assert_str_eq(html("\xe0\x80\x80"), FFFD FFFD FFFD);
	ck_assert_str_eq(html("\xed\xa0\x80"), FFFD FFFD FFFD);
	ck_assert_str_eq(html("\xf4\x90\x80\x80"), FFFD FFFD FFFD FFFD);
	ck_assert_str_eq(html("\x01\n\x7f\xc2\x9b"), FFFD FFFD FFFD FFFD);
}

TEST(a_path_is_encoded_for_a_url)
{
	ck_assert_str_eq(url("a/b-c.d_e~f"), "a/b-c.d_e~f");
	ck_assert_str_eq(url(" %?#:&\"<\xc3\xa4\n"),
			 "%20%25%3F%23%3A%26%22%3C%C3%A4%0A");
}

TEST(sizes_are_for_people)
{
	ck_assert_str_eq(size(0), "0 B");
	ck_assert_str_eq(size(999), "999 B");
	ck_assert_str_eq(size(1000), "1.0 KiB");
	ck_assert_str_eq(size(1536), "1.5 KiB");
	ck_assert_str_eq(size(10239), "10 KiB");
	ck_assert_str_eq(size(5 << 20), "5.0 MiB");
	ck_assert_str_eq(size(UINT64_C(999) << 30), "999 GiB");
	ck_assert_str_eq(size(UINT64_MAX), "16 EiB");
}

TEST(a_text_that_has_no_room_says_so)
{
	struct text text;
	char data[4];

	text_init_fixed(&text, data, sizeof(data));
	text_add(&text, "abc");
	ck_assert(!text.failed);
	text_add(&text, "de");
	ck_assert(text.failed);
	text_add(&text, "d");
	ck_assert_uint_eq(text.length, 3);
	text_finish(&text);
}

TEST(a_text_grows)
{
	struct text text = { 0 };

	for (unsigned int i = 0; i < 100000; i++)
		text_add_number(&text, i % 10);
	ck_assert(!text.failed);
	ck_assert_uint_eq(text.length, 100000);
	for (unsigned int i = 0; i < 100000; i++)
		ck_assert_int_eq(text.data[i], (int)('0' + i % 10));
	text_finish(&text);
}

/* ---- types and dates ---------------------------------------------------- */

TEST(the_type_is_told_by_the_extension)
{
	ck_assert_str_eq(mime_type("index.html"), "text/html; charset=utf-8");
	ck_assert_str_eq(mime_type("a/b.HTM"), "text/html; charset=utf-8");
	ck_assert_str_eq(mime_type("a.tar.gz"), "application/gzip");
	ck_assert_str_eq(mime_type("x.7z"), "application/x-7z-compressed");
	ck_assert_str_eq(mime_type("x.zst"), "application/zstd");
	ck_assert_str_eq(mime_type("x.png"), "image/png");
	ck_assert_str_eq(mime_type("x.woff2"), "font/woff2");
	ck_assert_str_eq(mime_type("Makefile"), "text/plain; charset=utf-8");
	ck_assert_str_eq(mime_type("a.png/b"), "application/octet-stream");
	ck_assert_str_eq(mime_type("png"), "application/octet-stream");
	ck_assert_str_eq(mime_type(""), "application/octet-stream");
	ck_assert_str_eq(mime_type("x."), "application/octet-stream");
}

TEST(every_type_in_the_table_is_found)
{
	/* Would not be, if the table were out of order. */
	static const char *const known[] = {
		"aac",  "avif", "c",    "cc",  "css",         "csv",  "gif",
		"gz",   "h",    "htm",  "ico", "jpeg",        "jpg",  "js",
		"json", "map",  "md",   "mjs", "mp3",         "mp4",  "ogg",
		"pdf",  "png",  "py",   "svg", "tar",         "txt",  "wasm",
		"webm", "webp", "woff", "xml", "webmanifest", "yaml", "zip",
	};
	char name[32];

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		snprintf(name, sizeof(name), "x.%s", known[i]);
		ck_assert_str_ne(mime_type(name), "application/octet-stream");
	}
}

TEST(dates_are_as_http_writes_them)
{
	char text[DATE_SIZE];

	date_format(784111777, text);
	ck_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	date_format(951825599, text);
	ck_assert_str_eq(text, "Tue, 29 Feb 2000 11:59:59 GMT");
	date_format(-5, text);
	ck_assert_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	date_format((time_t)INT64_MAX, text);
	ck_assert_str_eq(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

/* ---- requests ----------------------------------------------------------- */

static struct request request;

/* In pieces of that size; returns how much was taken. */
static size_t parse(const char *text, size_t piece)
{
	const size_t length = strlen(text);
	size_t used = 0;

	request_init(&request);
	while (used < length && request.progress != REQUEST_COMPLETE) {
		size_t left = length - used;

		used += request_parse(&request, text + used,
				      left < piece ? left : piece);
	}
	return used;
}

static void assert_status(const char *text, int status, bool keep_alive)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		parse(text, piece);
		ck_assert_int_eq(request.progress, REQUEST_COMPLETE);
		ck_assert_msg(request.status == status,
			      "%s: %d in pieces of "
			      "%zu",
			      text, request.status, piece);
		ck_assert_msg((request.keep_alive && !request.broken) ==
				      keep_alive,
			      "%s", text);
	}
}

TEST(a_good_request_is_understood_in_pieces_of_any_size)
{
	assert_status("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, true);
	assert_status("HEAD / HTTP/1.1\r\nhost:\r\n\r\n", 200, true);
	assert_status("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, true);
	assert_status("GET / HTTP/1.1\r\nX-Host: b\r\nHOST: a\r\nHos: c\r\n"
		      "Hostt: d\r\nConnection: close\r\n\r\n",
		      200, false);
	assert_status("GET / HTTP/1.0\r\n\r\n", 200, false);
	assert_status("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200,
		      true);
	assert_status("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", 200,
		      true);
	assert_status("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
		      "Connection: Upgrade\r\n\r\n",
		      200, true);
	assert_status("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
		      200, true);
}

TEST(a_request_with_a_body_is_the_last)
{
	assert_status("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
		      200, false);
	assert_status("GET / HTTP/1.1\r\nHost: a\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n",
		      200, false);
	assert_status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
		      405, false);
}

TEST(a_bad_request_says_what_is_bad)
{
	assert_status("GET / HTTP/1.1\r\n\r\n", 400, true);
	assert_status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400,
		      true);
	assert_status("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, false);
	assert_status("GET /\r\n\r\n", 505, false);
	assert_status("GET / HTTP/1.x", 505, false);
	assert_status("BREW / HTTP/1.1", 501, false);
	assert_status("GETS / HTTP/1.1", 501, false);
	assert_status("\x16\x03\x01", 400, false);
	assert_status("GET /a b HTTP/1.1", 400, false);
	assert_status("GET / HTTP/1.1\r\nHost: a\r\nA\x01: b", 400, false);
	assert_status("GET / HTTP/1.1\r\nHost: a\r\n"
		      "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
		      400, false);
	assert_status("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, true);
	assert_status("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405, true);
	assert_status("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405, false);
}

TEST(what_follows_a_request_is_left)
{
	const char *text = "GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\nGET /d";
	size_t used = parse(text, 4096);

	ck_assert_str_eq(text + used, "GET /d");
	ck_assert_uint_eq(request.path_length, 2);
	ck_assert_int_eq(memcmp(request.url + request.path_offset, "/a", 2), 0);
	ck_assert_uint_eq(request.query_length, 3);
	ck_assert_int_eq(memcmp(request.url + request.query_offset, "b=c", 3),
			 0);
	request_reset(&request);
	ck_assert_int_eq(request.progress, REQUEST_NONE);
	ck_assert_uint_eq(request_parse(&request, text + used, 6), 6);
	ck_assert_int_eq(request.progress, REQUEST_PARTIAL);
}

/* begin, then count letters, then end. */
static int status_of_long(const char *begin, size_t count, const char *end)
{
	char *letters = (char *)malloc(count + 1);
	char *text = NULL;

	ck_assert_ptr_nonnull(letters);
	memset(letters, 'a', count);
	letters[count] = '\0';
	ck_assert_int_gt(asprintf(&text, "%s%s%s", begin, letters, end), 0);
	parse(text, 1000);
	free(text);
	free(letters);
	return request.status;
}

TEST(what_is_too_long_is_refused)
{
	const char *end = " HTTP/1.1\r\nHost: a\r\n\r\n";

	ck_assert_int_eq(status_of_long("GET /", URL_MAX - 1, end), 200);
	ck_assert_int_eq(status_of_long("GET /", URL_MAX, end), 414);
	ck_assert_int_eq(status_of_long("GET /", 10 * HEADERS_MAX, end), 414);
	ck_assert_int_eq(status_of_long("GET / HTTP/1.1\r\nHost: a\r\nA: ",
					HEADERS_MAX, "\r\n\r\n"),
			 431);
	ck_assert_int_eq(status_of_long("GET / HTTP/1.1\r\nHost: a\r\n",
					HEADERS_MAX, ": b\r\n\r\n"),
			 431);
}

/* ---- responses ---------------------------------------------------------- */

TEST(a_head_has_what_it_must_have)
{
	struct text text = { 0 };
	char expected[512];
	struct response response = {
		.status = 200,
		.keep_alive = true,
		.has_modified = true,
		.modified = 784111777,
		.type = "text/plain",
		.length = 12345678901,
		.date = "now",
	};

	snprintf(expected, sizeof(expected),
		 "HTTP/1.1 200 OK\r\n"
		 "Server: a10/%s\r\n"
		 "Date: now\r\n"
		 "Content-Type: text/plain\r\n"
		 "Content-Length: 12345678901\r\n"
		 "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		 "\r\n",
		 a10_version());
	response_add_head(&text, &response);
	ck_assert_str_eq(taken(&text), expected);
}

TEST(a_head_says_whether_the_connection_stays)
{
	struct text text = { 0 };
	struct response response = { .status = 405, .type = "a", .date = "b" };

	response_add_head(&text, &response);
	ck_assert_ptr_nonnull(strstr(text.data, "\r\nConnection: close\r\n"));
	ck_assert_ptr_nonnull(strstr(text.data, "\r\nAllow: GET, HEAD\r\n"));
	text_finish(&text);
	response.old_client = true;
	response.keep_alive = true;
	response_add_head(&text, &response);
	ck_assert_ptr_nonnull(
		strstr(text.data, "\r\nConnection: keep-alive\r\n"));
	text_finish(&text);
}

TEST(a_redirect_stays_on_this_host)
{
	struct text text = { 0 };

	response_add_location(&text, "evil.example/a b", "c=d", 3);
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
