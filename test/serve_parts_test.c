/*
 * The parts of "a10 serve" that need no socket: what is decoded, escaped,
 * formatted and parsed.
 */
#include "harness.h"

#include "coding.h"
#include "condition.h"
#include "date.h"
#include "json.h"
#include "listing.h"
#include "mime.h"
#include "path.h"
#include "range.h"
#include "request.h"
#include "response.h"
#include "stats.h"
#include "text.h"
#include "upload.h"

#include <a10.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- paths -------------------------------------------------------------- */

static int decode(const char *url, struct path *ret_path)
{
	return path_decode(url, strlen(url), false, ret_path);
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

TEST(hidden_names_are_there_if_asked_for)
{
	struct path path;

	ck_assert_int_eq(path_decode("/.git/a", 7, true, &path), 0);
	ck_assert_str_eq(path.name, ".git/a");
	ck_assert_int_eq(path_decode("/...", 4, true, &path), 0);
	ck_assert_int_eq(path_decode("/..", 3, true, &path), -EINVAL);
	ck_assert_int_eq(path_decode("/a/../b", 7, true, &path), -EINVAL);
	ck_assert_int_eq(path_decode("/a/.", 4, true, &path), 0);
	ck_assert_str_eq(path.name, "a");
}

TEST(a_path_of_any_length_stays_in_its_room)
{
	static struct path path;
	static char url[3 * PATH_ROOM];

	memset(url, 'a', sizeof(url));
	url[0] = '/';
	ck_assert_int_eq(path_decode(url, PATH_ROOM, false, &path), 0);
	ck_assert_uint_eq(path.length, PATH_ROOM - 1);
	ck_assert_int_eq(path_decode(url, PATH_ROOM + 1, false, &path),
			 -ENAMETOOLONG);
	url[PATH_ROOM] = '/';
	ck_assert_int_eq(path_decode(url, PATH_ROOM + 1, false, &path), 0);
	ck_assert_uint_eq(path.length, PATH_ROOM - 1);
	ck_assert_int_eq(path_append(&path, "b"), -ENAMETOOLONG);
	ck_assert_int_eq(path_decode(url, PATH_ROOM + 2, false, &path),
			 -ENAMETOOLONG);
	memset(url, '/', sizeof(url));
	ck_assert_int_eq(path_decode(url, sizeof(url), false, &path), 0);
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
	ck_assert_int_eq(path_add_suffix(&path, ".gz"), 0);
	ck_assert_str_eq(path_to_open(&path), "index.html.gz");
	path_remove_suffix(&path, ".gz");
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

TEST(types_come_from_a_table_too)
{
	char name[] = "/tmp/a10-mime-XXXXXX";
	const int fd = mkstemp(name);
	static const char table[] = "# text/no no\n"
				    "application/x-tea\tTea teapot # brew\n"
				    "text/x-brew brew\n"
				    "text/late tea\n"
				    "image/mine png\n"
				    "text/unicorn\n\n"
				    "broken x\n";

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, table, sizeof(table) - 1),
			 (ssize_t)sizeof(table) - 1);
	close(fd);
	ck_assert_int_eq(mime_load(name), 0);
	unlink(name);
	ck_assert_str_eq(mime_type("a.tEA"), "application/x-tea");
	ck_assert_str_eq(mime_type("a.teapot"), "application/x-tea");
	ck_assert_str_eq(mime_type("a.brew"), "text/plain; charset=utf-8");
	ck_assert_str_eq(mime_type("a.png"), "image/mine");
	ck_assert_str_eq(mime_type("a.no"), "application/octet-stream");
	ck_assert_str_eq(mime_type("a.x"), "application/octet-stream");
	ck_assert_str_eq(mime_type("a.html"), "text/html; charset=utf-8");
	mime_unload();
	ck_assert_str_eq(mime_type("a.png"), "image/png");
	ck_assert_int_eq(mime_load("/none/such"), -ENOENT);
}

TEST(a_type_that_is_too_long_is_none)
{
	char name[] = "/tmp/a10-mime-XXXXXX";
	const int fd = mkstemp(name);
	char type[TYPE_MAX + 2];

	memset(type, 'a', sizeof(type) - 1);
	type[sizeof(type) - 1] = '\0';
	type[5] = '/';
	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "%s odd\n%s long\napplication/good odd\n",
				 type, type + 1),
			 0);
	close(fd);
	ck_assert_int_eq(mime_load(name), 0);
	unlink(name);
	ck_assert_str_eq(mime_type("a.odd"), "application/good");
	ck_assert_str_eq(mime_type("a.long"), type + 1);
	mime_unload();
}

TEST(what_is_packed_already_is_not_packed_again)
{
	ck_assert(mime_is_compressible("text/html; charset=utf-8"));
	ck_assert(mime_is_compressible("application/octet-stream"));
	ck_assert(mime_is_compressible("image/svg+xml"));
	ck_assert(!mime_is_compressible("image/png"));
	ck_assert(!mime_is_compressible("application/gzip"));
	ck_assert(!mime_is_compressible("font/woff2"));
}

static time_t date(const char *text)
{
	time_t time = -1;

	if (date_parse(view_of(text), &time) < 0)
		return -1;
	return time;
}

TEST(three_forms_of_dates_are_read)
{
	ck_assert_int_eq(date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	ck_assert_int_eq(date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	ck_assert_int_eq(date("Sun Nov  6 08:49:37 1994"), 784111777);
	ck_assert_int_eq(date("Sun Nov 16 08:49:37 1994"), 784975777);
	ck_assert_int_eq(date("Tue, 29 Feb 2000 11:59:59 GMT"), 951825599);
	ck_assert_int_eq(date(""), -1);
	ck_assert_int_eq(date("0"), -1);
	ck_assert_int_eq(date("Sun, 06 Nov 1994 08:49:37"), -1);
	ck_assert_int_eq(date("Sun, 06 Nox 1994 08:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sun, 00 Nov 1994 08:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sun, 06 Nov 1994 24:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sun, 06 Nov 1994 0a:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sun, 06 Nov 1994 08:49:37 GMTs"), -1);
	ck_assert_int_eq(date(",,,,,, 06-Nov-94 08:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sat, 31 Feb 2099 00:00:00 GMT"), -1);
	ck_assert_int_eq(date("Tue, 29 Feb 1994 11:59:59 GMT"), -1);
	ck_assert_int_eq(date("Thu, 29 Feb 1900 11:59:59 GMT"), -1);
	ck_assert_int_eq(date("Sun, 31 Nov 1994 08:49:37 GMT"), -1);
	ck_assert_int_ne(date("Sat, 31 Dec 1994 23:59:60 GMT"), -1);
}

TEST(logs_write_dates_their_way)
{
	char text[LOG_DATE_SIZE];

	setenv("TZ", "UTC", 1);
	tzset();
	date_format_log(784111777, text);
	ck_assert_str_eq(text, "06/Nov/1994:08:49:37 +0000");
	setenv("TZ", "XXX03:30", 1);
	tzset();
	date_format_log(784111777, text);
	ck_assert_str_eq(text, "06/Nov/1994:05:19:37 -0330");
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

/* What was received so far is looked at after each piece of that size. */
static void parse_bytes(const char *text, size_t length, size_t piece)
{
	size_t used = 0;

	request_init(&request);
	while (used < length && request.progress != REQUEST_COMPLETE) {
		used += length - used < piece ? length - used : piece;
		request_parse(&request, text, used);
	}
}

static void parse(const char *text)
{
	parse_bytes(text, strlen(text), strlen(text));
}

static void assert_status(const char *text, int status, bool keep_alive)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		parse_bytes(text, strlen(text), piece);
		ck_assert_msg(request.progress == REQUEST_COMPLETE, "%s", text);
		ck_assert_msg(request.status == status,
			      "%s: %d in pieces of %zu", text, request.status,
			      piece);
		ck_assert_msg((request.keep_alive && !request.broken) ==
				      keep_alive,
			      "%s", text);
	}
}

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

TEST(a_good_request_is_understood_in_pieces_of_any_size)
{
	assert_status(GET "\r\n", 200, true);
	assert_status("HEAD / HTTP/1.1\r\nhost:\r\n\r\n", 200, true);
	assert_status("\r\n\r\n" GET "\r\n", 200, true);
	assert_status("GET / HTTP/1.1\nHost: a\n\n", 200, true);
	assert_status(
		"GET / HTTP/1.1\r\nX-Host: b\r\nHOST: \ta\t \r\nHos: c\r\n"
		"Hostt: d\r\nConnection: x , Close\r\n\r\n",
		200, false);
	assert_status("GET / HTTP/1.0\r\n\r\n", 200, false);
	assert_status("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200,
		      true);
	assert_status("GET / HTTP/1.7\r\nHost: [::1]:80\r\n\r\n", 200, true);
	assert_status("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", 200,
		      true);
	assert_status(GET "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200,
		      true);
	assert_status(GET "Content-Length: 0\r\n\r\n", 200, true);
	assert_status(GET "A: \x80\xff\tb\r\n\r\n", 200, true);
	assert_status(GET "Empty:\r\n\r\n", 200, true);
}

TEST(a_request_may_have_a_body)
{
	assert_status(GET "Content-Length: 3\r\n\r\n", 200, true);
	ck_assert_int_eq(request.upload, UPLOAD_LENGTH);
	ck_assert_uint_eq(request.upload_length, 3);
	assert_status(GET "Transfer-Encoding: Chunked\r\n\r\n", 200, true);
	ck_assert_int_eq(request.upload, UPLOAD_CHUNKED);
	assert_status(GET "Content-Length: 3, 3\r\nContent-Length: 3\r\n\r\n",
		      200, true);
	assert_status(POST "Content-Length: 3\r\n\r\n", 405, true);
	assert_status(POST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n",
		      405, false);
	assert_status(GET "Content-Length: 65537\r\n\r\n", 413, false);
	assert_status(POST "Content-Length: 65537\r\n\r\n", 405, false);
	assert_status(GET "Expect: 100-continue\r\n\r\n", 200, true);
	assert_status(GET "Expect: tea\r\n\r\n", 417, true);
}

TEST(a_body_whose_end_is_doubtful_is_refused)
{
	assert_status(GET "Content-Length: 3\r\nTransfer-Encoding: chunked"
			  "\r\n\r\n",
		      400, false);
	assert_status(GET "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400,
		      false);
	assert_status(GET "Content-Length: 3, 4\r\n\r\n", 400, false);
	assert_status(GET "Content-Length: +3\r\n\r\n", 400, false);
	assert_status(GET "Content-Length: -3\r\n\r\n", 400, false);
	assert_status(GET "Content-Length: 0x3\r\n\r\n", 400, false);
	assert_status(GET "Content-Length:\r\n\r\n", 400, false);
	assert_status(GET "Content-Length: 18446744073709551616\r\n\r\n", 400,
		      false);
	assert_status(GET "Transfer-Encoding: gzip, chunked\r\n\r\n", 501,
		      false);
	assert_status(GET "Transfer-Encoding: identity\r\n\r\n", 501, false);
	assert_status(GET "Transfer-Encoding: chunked\r\n"
			  "Transfer-Encoding: chunked\r\n\r\n",
		      501, false);
	assert_status(GET "Transfer-Encoding : chunked\r\n\r\n", 400, false);
	assert_status(GET "Transfer-Encoding: \x0b"
			  "chunked\r\n\r\n",
		      400, false);
	assert_status("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		      400, false);
}

TEST(a_bad_request_says_what_is_bad)
{
	assert_status("GET / HTTP/1.1\r\n\r\n", 400, true);
	assert_status(GET "Host: b\r\n\r\n", 400, true);
	assert_status("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, true);
	assert_status("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, true);
	assert_status("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, false);
	assert_status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, false);
	assert_status("GET /\r\n\r\n", 505, false);
	assert_status("GET / HTTP/1.x\r\n\r\n", 505, false);
	assert_status("GET / HTTP/1.10\r\n\r\n", 505, false);
	assert_status("GET / http/1.1\r\n\r\n", 400, false);
	assert_status("GET HTTP/1.1\r\n\r\n", 400, false);
	assert_status("GET HTTP/1.0\r\n\r\n", 400, false);
	assert_status("GET HTTP/2.0\r\n\r\n", 505, false);
	assert_status("GET / \r\n\r\n", 400, false);
	assert_status("GET  HTTP/1.1\r\n\r\n", 400, false);
	assert_status("GET  / HTTP/1.1\r\n\r\n", 400, false);
	assert_status("GET\r\n\r\n", 400, false);
	assert_status(" GET / HTTP/1.1\r\n\r\n", 400, false);
	assert_status("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, true);
	assert_status("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, true);
	assert_status("\x16\x03\x01", 400, false);
	assert_status("{\"a\":1}", 400, false);
	assert_status("\r\n\r\n\r\n", 400, false);
	assert_status("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, false);
	assert_status("GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400, false);
	assert_status("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400, false);
	assert_status(GET "A\x01: b\r\n\r\n", 400, false);
	assert_status(GET "A: b\x01\r\n\r\n", 400, false);
	assert_status(GET "A: b\rc: d\r\n\r\n", 400, false);
	assert_status(GET " folded\r\n\r\n", 400, false);
	assert_status(GET "no colon\r\n\r\n", 400, false);
	assert_status(GET ": no name\r\n\r\n", 400, false);
	assert_status(GET "Expect: 100-continue\r\nExpect: b\r\n\r\n", 417,
		      true);
	assert_status("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, true);
	assert_status("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405, true);
	assert_status("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405, false);
}

TEST(a_nul_in_a_head_is_refused)
{
	static const char path[] = "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char field[] = GET "A: b\0c\r\n\r\n";
	static const char name[] = GET "A\0: b\r\n\r\n";
	static const char host[] = "GET / HTTP/1.1\r\nHost: \0\r\n\r\n";

	parse_bytes(path, sizeof(path) - 1, 100);
	ck_assert_int_eq(request.status, 400);
	parse_bytes(field, sizeof(field) - 1, 100);
	ck_assert_int_eq(request.status, 400);
	parse_bytes(name, sizeof(name) - 1, 100);
	ck_assert_int_eq(request.status, 400);
	parse_bytes(host, sizeof(host) - 1, 100);
	ck_assert_int_eq(request.status, 400);
}

static void assert_view(struct view view, const char *expected)
{
	ck_assert_msg(view.length == strlen(expected) &&
			      memcmp(view.at, expected, view.length) == 0,
		      "%.*s, not %s", (int)view.length, view.at, expected);
}

static void assert_target(const char *target, const char *path,
			  const char *query)
{
	char text[256];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
		 target);
	parse(text);
	ck_assert_int_eq(request.status, 200);
	assert_view(request.target, target);
	assert_view(request.path, path);
	if (query[0] == '\0')
		ck_assert_uint_eq(request.query.length, 0);
	else
		assert_view(request.query, query);
}

TEST(a_target_has_a_path_and_a_query)
{
	assert_target("/", "/", "");
	assert_target("/a?b=c", "/a", "b=c");
	assert_target("/a?b?c", "/a", "b?c");
	assert_target("/a?", "/a", "");
	assert_target("/a#b?c", "/a", "");
	assert_target("?a", "/", "a");
	assert_target("*", "*", "");
	assert_target("http://host/a?b", "/a", "b");
	assert_target("HTTPS://host:80", "/", "");
	assert_target("http://host?a", "/", "a");
	assert_target("http://", "/", "");
	assert_target("ftp://host/a", "ftp://host/a", "");
}

TEST(what_follows_a_request_is_left)
{
	const char *text = "GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\nGET /d";

	parse(text);
	ck_assert_str_eq(text + request.head_length, "GET /d");
	assert_view(request.line, "GET /a?b=c HTTP/1.1");
	request_init(&request);
	ck_assert_int_eq(request.progress, REQUEST_NONE);
	request_parse(&request, "\r\n", 2);
	ck_assert_int_eq(request.progress, REQUEST_NONE);
	request_parse(&request, "GET /d", 6);
	ck_assert_int_eq(request.progress, REQUEST_PARTIAL);
	request_init(&request);
	request.blanks = 4;
	request_parse(&request, "\n", 1);
	ck_assert_int_eq(request.status, 400);
}

TEST(a_field_may_be_in_several_lines)
{
	struct view value;
	uint32_t at = 0;

	parse(GET "If-Match: \"a\"\r\nX: y\r\nif-match:\"b\" \r\n"
		  "Range: bytes=1-\r\n\r\n");
	ck_assert(request_field(&request, FIELD_IF_MATCH, &at, &value));
	assert_view(value, "\"a\"");
	ck_assert(request_field(&request, FIELD_IF_MATCH, &at, &value));
	assert_view(value, "\"b\"");
	ck_assert(!request_field(&request, FIELD_IF_MATCH, &at, &value));
	ck_assert(!request_only(&request, FIELD_IF_MATCH, &value));
	ck_assert(!request_only(&request, FIELD_IF_RANGE, &value));
	ck_assert(request_only(&request, FIELD_RANGE, &value));
	assert_view(value, "bytes=1-");
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
	parse_bytes(text, strlen(text), 1000);
	free(text);
	free(letters);
	ck_assert_int_eq(request.progress, REQUEST_COMPLETE);
	return request.status;
}

TEST(what_is_too_long_is_refused)
{
	const char *end = " HTTP/1.1\r\nHost: a\r\n\r\n";

	ck_assert_int_eq(status_of_long("GET /", TARGET_MAX - 1, end), 200);
	ck_assert_int_eq(status_of_long("GET /", TARGET_MAX, end), 414);
	ck_assert_int_eq(status_of_long("GET /", 10 * HEAD_MAX, end), 414);
	ck_assert_int_eq(status_of_long(GET "A: ", HEAD_MAX, "\r\n\r\n"), 431);
	ck_assert_int_eq(status_of_long(GET, HEAD_MAX, ": b\r\n\r\n"), 431);
	ck_assert_int_eq(status_of_long("", 5000, " / HTTP/1.1\r\n\r\n"), 400);
}

/* So many lines of that kind. */
static int status_of_many(const char *line, int count)
{
	static char text[HEAD_MAX];
	size_t length = (size_t)snprintf(text, sizeof(text), GET);

	while (count-- > 0)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "%s", line);
	snprintf(text + length, sizeof(text) - length, "\r\n");
	parse(text);
	return request.status;
}

TEST(what_is_too_much_is_refused)
{
	ck_assert_int_eq(status_of_many("A: b\r\n", FIELD_LINES_MAX - 1), 200);
	ck_assert_int_eq(status_of_many("A: b\r\n", FIELD_LINES_MAX), 431);
	ck_assert_int_eq(status_of_many("If-Match: *\r\n", FIELDS_MAX - 1),
			 200);
	ck_assert_int_eq(status_of_many("If-Match: *\r\n", FIELDS_MAX), 431);
}

/* ---- bodies of requests ------------------------------------------------- */

/*
 * How much of the text is the body, in pieces of any size; -1: it is not over
 * yet; else the error.
 */
static ssize_t body_length(const char *fields, const char *text)
{
	const size_t length = strlen(text);
	ssize_t result = -1;
	char head[256];

	snprintf(head, sizeof(head), GET "%s\r\n", fields);
	for (size_t piece = 1; piece <= length + 1; piece++) {
		struct upload upload;
		size_t used = 0;
		ssize_t step = 0;

		parse(head);
		upload_init(&upload, &request);
		while (used < length && step >= 0 &&
		       upload.state != UPLOAD_OVER) {
			size_t left = length - used;

			step = upload_skip(&upload, text + used,
					   left < piece ? left : piece);
			used += step > 0 ? (size_t)step : 0;
		}
		if (step >= 0)
			step = upload.state == UPLOAD_OVER ? (ssize_t)used : -1;
		ck_assert(piece == 1 || step == result);
		result = step;
	}
	return result;
}

#define LENGTH_5 "Content-Length: 5\r\n"
#define CHUNKED  "Transfer-Encoding: chunked\r\n"

TEST(a_body_is_skipped_to_its_end)
{
	ck_assert_int_eq(body_length("", "GET"), 0);
	ck_assert_int_eq(body_length(LENGTH_5, "helloGET"), 5);
	ck_assert_int_eq(body_length(LENGTH_5, "hell"), -1);
	ck_assert_int_eq(body_length(CHUNKED, "0\r\n\r\nGET"), 5);
	ck_assert_int_eq(body_length(CHUNKED, "5\r\nhello\r\n0\r\n\r\nGET"),
			 15);
	ck_assert_int_eq(body_length(CHUNKED, "3 \r\nabc\r\n000\r\n\r\nG"), 16);
	ck_assert_int_eq(body_length(CHUNKED, "1;a=b\r\nx\r\n0\r\n\r\nG"), 15);
	ck_assert_int_eq(body_length(CHUNKED, "0\r\nA: b\r\n\r\nGET"), 11);
	ck_assert_int_eq(body_length(CHUNKED, "A\r\n0123456789\r\n0\r\n"), -1);
}

TEST(a_body_that_makes_no_sense_is_not_skipped)
{
	ck_assert_int_eq(body_length(CHUNKED, "hello"), -EBADMSG);
	ck_assert_int_eq(body_length(CHUNKED, "\r\n"), -EBADMSG);
	ck_assert_int_eq(body_length(CHUNKED, "-1\r\n"), -EBADMSG);
	ck_assert_int_eq(body_length(CHUNKED, "1\r\nab\r\n"), -EBADMSG);
	ck_assert_int_eq(body_length(CHUNKED, "10001\r\n"), -E2BIG);
	ck_assert_int_eq(body_length(CHUNKED, "fffffffffffffffff\r\n"), -E2BIG);
}

/* Or a proxy would see other requests than we do. */
TEST(what_frames_a_chunk_is_taken_as_it_must_be)
{
	static const char *const wrong[] = {
		"2\nxx\r\n0\r\n\r\n",
		"2;\nxx\r\n0\r\n\r\n",
		"2;\rxx\r\nxx\r\n0\r\n\r\n",
		"2\rjunk\r\nxx\r\n0\r\n\r\n",
		"2 junk\r\nxx\r\n0\r\n\r\n",
		"2;\x01\r\nxx\r\n0\r\n\r\n",
		"2\r\nxx\n0\r\n\r\n",
		"2\r\nxx\r\r\n0\r\n\r\n",
		"2\r\nxx0\r\n\r\n",
		"2 2\r\nxx\r\n0\r\n\r\n",
		"0\r\n\n",
		"0\r\n\rA: b\r\n\r\n",
		"0\r\nA: b\n\r\n",
		"0\r\nA: \x7f\r\n\r\n",
		"0x2\r\nxx\r\n0\r\n\r\n",
		" 2\r\nxx\r\n0\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(body_length(CHUNKED, wrong[i]) == -EBADMSG, "%s",
			      wrong[i]);
}

/* ---- responses ---------------------------------------------------------- */

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
	ck_assert_str_eq(taken(&text), expected);
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

/* ---- conditions --------------------------------------------------------- */

#define DATE_ITS    "Sun, 06 Nov 1994 08:49:37 GMT"
#define DATE_BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define DATE_AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct validator its = { .etag = "\"x,y\"",
				      .modified = 784111777 };

/* Of a request with these fields. */
static int judge(const char *fields)
{
	static char text[1024]; /* the request points into it */

	snprintf(text, sizeof(text), GET "%s\r\n", fields);
	parse(text);
	ck_assert_int_eq(request.status, 200);
	return condition_judge(&request, &its);
}

TEST(a_client_that_has_it_is_told_so)
{
	ck_assert_int_eq(judge(""), 200);
	ck_assert_int_eq(judge("If-None-Match: \"x,y\"\r\n"), 304);
	ck_assert_int_eq(judge("If-None-Match: W/\"x,y\"\r\n"), 304);
	ck_assert_int_eq(judge("If-None-Match: \"a\", W/\"b\",\"x,y\"\r\n"),
			 304);
	ck_assert_int_eq(judge("If-None-Match: \"a\"\r\n"
			       "If-None-Match: \"x,y\"\r\n"),
			 304);
	ck_assert_int_eq(judge("If-None-Match: *\r\n"), 304);
	ck_assert_int_eq(judge("If-None-Match: \"a\"\r\n"), 200);
	ck_assert_int_eq(judge("If-None-Match: x,y\r\n"), 200);
	ck_assert_int_eq(judge("If-None-Match: \"x,y\r\n"), 200);
	ck_assert_int_eq(judge("If-None-Match: \"a\" \"x,y\"\r\n"), 200);
	ck_assert_int_eq(judge("If-None-Match:\r\n"), 200);
	ck_assert_int_eq(judge("If-Modified-Since: " DATE_ITS "\r\n"), 304);
	ck_assert_int_eq(judge("If-Modified-Since: " DATE_AFTER "\r\n"), 304);
	ck_assert_int_eq(judge("If-Modified-Since: " DATE_BEFORE "\r\n"), 200);
	ck_assert_int_eq(judge("If-Modified-Since: soon\r\n"), 200);
}

TEST(a_tag_tells_more_than_a_date)
{
	ck_assert_int_eq(judge("If-None-Match: \"a\"\r\n"
			       "If-Modified-Since: " DATE_AFTER "\r\n"),
			 200);
	ck_assert_int_eq(judge("If-Modified-Since: " DATE_BEFORE "\r\n"
			       "If-None-Match: \"x,y\"\r\n"),
			 304);
	ck_assert_int_eq(judge("If-Match: \"x,y\"\r\n"
			       "If-Unmodified-Since: " DATE_BEFORE "\r\n"),
			 200);
}

TEST(what_is_not_what_it_was_is_a_failed_precondition)
{
	ck_assert_int_eq(judge("If-Match: \"x,y\"\r\n"), 200);
	ck_assert_int_eq(judge("If-Match: *\r\n"), 200);
	ck_assert_int_eq(judge("If-Match: \"a\"\r\n"), 412);
	ck_assert_int_eq(judge("If-Match: W/\"x,y\"\r\n"), 412);
	ck_assert_int_eq(judge("If-Match: \"a\"\r\n"
			       "If-None-Match: \"x,y\"\r\n"),
			 412);
	ck_assert_int_eq(judge("If-Match: \"x,y\"\r\n"
			       "If-None-Match: \"x,y\"\r\n"),
			 304);
	ck_assert_int_eq(judge("If-Unmodified-Since: " DATE_ITS "\r\n"), 200);
	ck_assert_int_eq(judge("If-Unmodified-Since: " DATE_BEFORE "\r\n"),
			 412);
	ck_assert_int_eq(judge("If-Unmodified-Since: never\r\n"), 200);
}

static bool allows(const char *condition)
{
	char field[256];

	snprintf(field, sizeof(field), "If-Range: %s\r\n", condition);
	ck_assert_int_eq(judge(field), 200);
	return condition_allows_range(&request, &its);
}

TEST(a_range_may_be_of_what_it_was_only)
{
	ck_assert_int_eq(judge(""), 200);
	ck_assert(condition_allows_range(&request, &its));
	ck_assert(allows("\"x,y\""));
	ck_assert(!allows("W/\"x,y\""));
	ck_assert(!allows("\"a\""));
	ck_assert(!allows("\"x,y\", \"a\""));
	ck_assert(!allows("nonsense"));
	ck_assert(!allows(DATE_AFTER));
	ck_assert(!allows(DATE_BEFORE));
	/* It could have changed twice in that second. */
	ck_assert(!allows(DATE_ITS));
}

TEST(a_tag_changes_with_the_file)
{
	struct stat status = {
		.st_size = 255,
		.st_ino = 16,
		.st_mtim = { .tv_sec = 1, .tv_nsec = 1 },
		.st_ctim = { .tv_sec = 2, .tv_nsec = 2 },
	};
	struct validator validator;

	validator_of(&status, ".gz", 100, &validator);
	ck_assert_str_eq(validator.etag, "\"3b9aca01-ff-10-77359402.gz\"");
	ck_assert_int_eq(validator.modified, 1);
	status.st_size = 0;
	validator_of(&status, "", 100, &validator);
	ck_assert_str_eq(validator.etag, "\"3b9aca01-0-10-77359402\"");
	status.st_size = -1;
	status.st_ino = (ino_t)-1;
	status.st_mtim.tv_sec = 0;
	status.st_mtim.tv_nsec = -1;
	status.st_ctim = status.st_mtim;
	validator_of(&status, ".gz", 100, &validator);
	ck_assert_str_eq(validator.etag,
			 "\"ffffffffffffffff-ffffffffffffffff-"
			 "ffffffffffffffff-ffffffffffffffff.gz\"");
}

TEST(no_file_is_from_the_future)
{
	struct stat status = { .st_mtim = { .tv_sec = 100, .tv_nsec = 1 } };
	struct validator validator;

	validator_of(&status, "", 101, &validator);
	ck_assert_int_eq(validator.modified, 100);
	validator_of(&status, "", 99, &validator);
	ck_assert_int_eq(validator.modified, 99);
}

/* ---- ranges ------------------------------------------------------------- */

static struct ranges ranges;

static enum range_verdict ranges_of(const char *value, uint64_t size)
{
	return range_parse(view_of(value), size, &ranges);
}

static void assert_range(const char *value, uint64_t size, uint64_t offset,
			 uint64_t length)
{
	ck_assert_msg(ranges_of(value, size) == RANGE_SOME, "%s", value);
	ck_assert_uint_eq(ranges.count, 1);
	ck_assert_uint_eq(ranges.at[0].offset, offset);
	ck_assert_uint_eq(ranges.at[0].length, length);
}

TEST(a_range_is_read)
{
	assert_range("bytes=0-0", 10, 0, 1);
	assert_range("bytes=2-5", 10, 2, 4);
	assert_range("BYTES= 2-5 ", 10, 2, 4);
	assert_range("bytes=2-", 10, 2, 8);
	assert_range("bytes=9-9", 10, 9, 1);
	assert_range("bytes=2-99", 10, 2, 8);
	assert_range("bytes=-3", 10, 7, 3);
	assert_range("bytes=-99", 10, 0, 10);
	assert_range("bytes=,,2-5,,", 10, 2, 4);
	assert_range("bytes=2-5, 10-12", 10, 2, 4);
	assert_range("bytes=0-18446744073709551615", 10, 0, 10);
	assert_range("bytes=0-", UINT64_MAX, 0, UINT64_MAX);
}

TEST(several_ranges_keep_their_order)
{
	ck_assert_int_eq(ranges_of("bytes=8-, 0-1 ,-1", 10), RANGE_SOME);
	ck_assert_uint_eq(ranges.count, 3);
	ck_assert_uint_eq(ranges.at[0].offset, 8);
	ck_assert_uint_eq(ranges.at[1].offset, 0);
	ck_assert_uint_eq(ranges.at[2].offset, 9);
}

TEST(ranges_behind_the_end_are_none)
{
	ck_assert_int_eq(ranges_of("bytes=10-", 10), RANGE_NONE);
	ck_assert_int_eq(ranges_of("bytes=10-11,99-", 10), RANGE_NONE);
	ck_assert_int_eq(ranges_of("bytes=-0", 10), RANGE_NONE);
	ck_assert_int_eq(ranges_of("bytes=0-", 0), RANGE_WHOLE);
	ck_assert_int_eq(ranges_of("bytes=-5", 0), RANGE_WHOLE);
}

TEST(ranges_that_make_no_sense_are_passed_over)
{
	static const char *const senseless[] = {
		"",           "bytes",
		"bytes=",     "bytes=,",
		"bytes=a-b",  "bytes=5",
		"bytes=5-2",  "bytes=--2",
		"bytes=1-2-", "bytes=-",
		"bytes=+1-",  "bytes=1-2;3-4",
		"lines=1-2",  "bytes 1-2",
		"bytes=0x1-", "bytes=1 - 2 x",
		"bytes=0-1x", "bytes=99999999999999999999-",
	};

	for (size_t i = 0; i < sizeof(senseless) / sizeof(*senseless); i++)
		ck_assert_msg(ranges_of(senseless[i], 10) == RANGE_WHOLE, "%s",
			      senseless[i]);
}

TEST(ranges_do_not_multiply_what_a_request_costs)
{
	ck_assert_int_eq(ranges_of("bytes=0-,0-", 10), RANGE_WHOLE);
	ck_assert_int_eq(ranges_of("bytes=0-5,5-9", 10), RANGE_WHOLE);
	ck_assert_int_eq(ranges_of("bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,"
				   "0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0",
				   1000),
			 RANGE_WHOLE);
}

/* ---- compressed siblings ------------------------------------------------ */

/* "br gzip", in the order in which they are wanted. */
static const char *accepted(const char *value)
{
	static char text[256];
	static char names[32];
	struct codings codings;
	size_t length = 0;

	snprintf(text, sizeof(text), GET "%s%s\r\n\r\n",
		 value != NULL ? "Accept-Encoding: " : "A:",
		 value != NULL ? value : "b");
	parse(text);
	coding_accepted(&request, &codings);
	names[0] = '\0';
	for (uint32_t i = 0; i < codings.count; i++)
		length +=
			(size_t)snprintf(names + length, sizeof(names) - length,
					 "%s%s", i > 0 ? " " : "",
					 coding_names[codings.at[i]]);
	return names;
}

TEST(a_client_says_which_codings_it_takes)
{
	ck_assert_str_eq(accepted(NULL), "");
	ck_assert_str_eq(accepted(""), "");
	ck_assert_str_eq(accepted("gzip"), "gzip");
	ck_assert_str_eq(accepted("GZIP, deflate, br"), "br gzip");
	ck_assert_str_eq(accepted("x-gzip"), "gzip");
	ck_assert_str_eq(accepted("gzip;q=0, br;q=0.001"), "br");
	ck_assert_str_eq(accepted("gzip ; q=0.5 , identity;q=0.6"), "");
	ck_assert_str_eq(accepted("*"), "br gzip");
	ck_assert_str_eq(accepted("*;q=0"), "");
	ck_assert_str_eq(accepted("br;q=0, *"), "gzip");
	ck_assert_str_eq(accepted("gzip;q=nonsense"), "");
	ck_assert_str_eq(accepted("gzip;q=2"), "");
	ck_assert_str_eq(accepted("identity"), "");
}

TEST(the_coding_that_is_wanted_most_comes_first)
{
	ck_assert_str_eq(accepted("br;q=0.001, gzip;q=1"), "gzip br");
	ck_assert_str_eq(accepted("gzip, br;q=0.999"), "gzip br");
	ck_assert_str_eq(accepted("gzip;q=0.5, br;q=0.5"), "br gzip");
	ck_assert_str_eq(accepted("br;q=0.5, *"), "gzip br");
}

/* ---- JSON and histograms ------------------------------------------------ */

TEST(strings_of_json_are_escaped)
{
	struct text text = { 0 };

	text_add(&text, "{");
	json_add_name(&text, "a\"b");
	json_add_string(&text, view_of("\\ \n\x1f\x7f\xc3\xa4\xff"));
	json_add_number(&text, "c", 5);
	text_add(&text, "}");
	ck_assert_str_eq(taken(&text),
			 "{\"a\\\"b\":\"\\\\ \\u000a\\u001f\\u007f\xc3\xa4" FFFD
			 "\",\"c\":5}");
}

TEST(a_histogram_tells_how_long_things_take)
{
	static struct histogram histogram;
	unsigned int bucket;

	ck_assert_uint_eq(histogram_percentile(&histogram, 500), 0);
	for (uint64_t us = 0; us < 1000; us++)
		histogram_note(&histogram, us);
	ck_assert_uint_eq(histogram.count, 1000);
	ck_assert_uint_eq(histogram.greatest, 999);
	ck_assert_uint_eq(histogram_percentile(&histogram, 500), 512);
	ck_assert_uint_eq(histogram_percentile(&histogram, 999), 1024);
	histogram_note(&histogram, UINT64_MAX);
	for (bucket = 0; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
		struct histogram one = { 0 };

		ck_assert_uint_lt(histogram_limit(bucket),
				  histogram_limit(bucket + 1));
		histogram_note(&one, histogram_limit(bucket));
		ck_assert_uint_eq(one.buckets[bucket + 1], 1);
		histogram_note(&one, histogram_limit(bucket) - 1);
		ck_assert_uint_eq(one.buckets[bucket], 1);
	}
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
