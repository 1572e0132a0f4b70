/*
 * The paths that requests name, as "a10 serve" opens them.
 */
#include "harness.h"

#include "path.h"

#include <errno.h>
#include <string.h>

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
