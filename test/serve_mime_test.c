/*
 * The types of files, as "a10 serve" tells them.
 */
#include "harness.h"

#include "mime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
