/* Names of files: made, moved, linked, removed; and their attributes. */
#include "support.h"

#include <linux/fs.h>
#include <sys/xattr.h>

static bool is_there(struct folder *folder, const char *name)
{
	struct stat status;

	return lstat(folder_file(folder, name), &status) == 0;
}

static struct a10_fd folder_fd(struct a10_ring *ring, struct folder *folder)
{
	return fd_of(ring, a10_open(folder->path, O_DIRECTORY, 0));
}

TEST(a_directory_is_made_with_its_mode_and_removed)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	struct stat status;
	struct a10_fd dir;

	folder_open(&folder);
	dir = folder_fd(ring, &folder);
	umask(022);
	ck_assert_int_eq(value_of(ring, a10_mkdirat(dir, "d", 0770)), 0);
	ck_assert_int_eq(stat(folder_file(&folder, "d"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0750);
	ck_assert_int_eq(value_of(ring, a10_mkdirat(dir, "d", 0770)), -EEXIST);
	ck_assert_int_eq(value_of(ring, a10_unlinkat(dir, "d", 0)), -EISDIR);
	ck_assert_int_eq(value_of(ring, a10_unlinkat(dir, "d", AT_REMOVEDIR)),
			 0);
	ck_assert(!is_there(&folder, "d"));
	ck_assert_int_eq(value_of(ring, a10_unlinkat(dir, "d", AT_REMOVEDIR)),
			 -ENOENT);
	ck_assert_int_eq(value_of(ring, a10_unlinkat(dir, "d", 0x7000)),
			 -EINVAL);
	fd_close(ring, dir);
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_rename_replaces_exchanges_or_refuses_as_it_is_told)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	struct stat a, b, now;
	struct a10_fd dir;

	folder_open(&folder);
	dir = folder_fd(ring, &folder);
	file_write(folder_file(&folder, "a"), "a", 1);
	ck_assert_int_eq(stat(folder.file, &a), 0);
	file_write(folder_file(&folder, "b"), "bb", 2);
	ck_assert_int_eq(stat(folder.file, &b), 0);
	ck_assert_int_eq(value_of(ring, a10_renameat2(dir, "a", dir, "b",
						      RENAME_NOREPLACE)),
			 -EEXIST);
	ck_assert_int_eq(value_of(ring, a10_renameat2(dir, "a", dir, "b",
						      RENAME_EXCHANGE)),
			 0);
	ck_assert_int_eq(stat(folder_file(&folder, "a"), &now), 0);
	ck_assert_uint_eq(now.st_ino, b.st_ino);
	ck_assert_int_eq(value_of(ring, a10_renameat(dir, "a", dir, "b")), 0);
	ck_assert(!is_there(&folder, "a"));
	ck_assert_int_eq(stat(folder_file(&folder, "b"), &now), 0);
	ck_assert_uint_eq(now.st_ino, b.st_ino);
	ck_assert_int_eq(value_of(ring, a10_renameat(dir, "a", dir, "b")),
			 -ENOENT);
	ck_assert_int_eq(value_of(ring, a10_renameat2(dir, "b", dir, "c", 7)),
			 -EINVAL);
	fd_close(ring, dir);
	folder_close(&folder);
	ring_close(ring);
}

TEST(links_hard_and_symbolic_are_made)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	struct stat status;
	struct a10_fd dir;
	char text[16] = "";

	folder_open(&folder);
	dir = folder_fd(ring, &folder);
	file_write(folder_file(&folder, "f"), "content", 7);
	ck_assert_int_eq(value_of(ring, a10_linkat(dir, "f", dir, "g", 0)), 0);
	ck_assert_int_eq(stat(folder.file, &status), 0);
	ck_assert_uint_eq(status.st_nlink, 2);
	ck_assert_int_eq(value_of(ring, a10_linkat(dir, "f", dir, "g", 0)),
			 -EEXIST);
	ck_assert_int_eq(value_of(ring, a10_symlinkat("to/it", dir, "s")), 0);
	ck_assert_int_eq(readlink(folder_file(&folder, "s"), text, 15), 5);
	ck_assert_str_eq(text, "to/it");
	ck_assert_int_eq(value_of(ring, a10_symlinkat("x", dir, "s")), -EEXIST);
	ck_assert_int_eq(value_of(ring, a10_symlinkat("", dir, "t")), -ENOENT);
	fd_close(ring, dir);
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_file_without_a_name_gets_one_when_it_is_whole)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct folder folder;
	struct a10_fd dir, fd;
	char bytes[8] = "";
	int number;

	folder_open(&folder);
	dir = folder_fd(ring, &folder);
	fd = fd_of(ring, a10_open(folder.path, O_TMPFILE | O_RDWR, 0600));
	ck_assert_int_eq(value_of(ring, a10_write(fd, "whole", 5)), 5);
	ck_assert(!is_there(&folder, "f"));
	ck_assert_int_eq(value_of(ring, a10_link_file(fd, dir, "f")), 0);
	number = open(folder_file(&folder, "f"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read(number, bytes, sizeof(bytes)), 5);
	ck_assert_str_eq(bytes, "whole");
	ck_assert_int_eq(close(number), 0);
	ck_assert_int_eq(value_of(ring, a10_link_file(fd, dir, "f")), -EEXIST);
	fd_close(ring, fd);
	ck_assert_int_eq(value_of(ring, a10_link_file(fd, dir, "g")), -ENOENT);
	/* Of a direct one there is no name, not even somebody else's. */
	fd = fd_of(ring,
		   a10_direct(a10_open(folder.path, O_TMPFILE | O_RDWR, 0600)));
	ck_assert_int_lt(outcome_of(ring, a10_link_file(fd, dir, "g")), 0);
	ck_assert(!is_there(&folder, "g"));
	fd_close(ring, fd);
	fd_close(ring, dir);
	folder_close(&folder);
	ring_close(ring);
}

/* It is on the descriptor, though its request names a path. */
TEST(a_file_that_gets_its_name_is_not_closed_meanwhile)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen link, end;
	struct folder folder;
	struct a10_fd fd;

	folder_open(&folder);
	for (int round = 0; round < 2; round++) {
		fd = fd_of(ring,
			   a10_open(folder.path, O_TMPFILE | O_RDWR, 0600));
		start(ring,
		      a10_link_file(fd, A10_CWD, folder_file(&folder, "f")),
		      &link);
		if (round == 1)
			ck_assert_int_ge(a10_ring_flush(ring), 0);
		start(ring, a10_close(fd), &end);
		RUN_UNTIL(ring, link.ended && end.ended);
		ck_assert_int_eq(end.last.value, 0);
		ck_assert(link.last.value == 0 ||
			  link.last.value == -ECANCELED);
		ck_assert(is_there(&folder, "f") == (link.last.value == 0));
		if (link.last.value == 0)
			ck_assert_int_eq(unlink(folder.file), 0);
	}
	folder_close(&folder);
	ring_close(ring);
}

/* A10_CWD is a negative number, which goes where others have a length. */
TEST(new_names_may_be_relative_to_the_working_directory)
{
	struct a10_ring *ring = ring_open(NULL);
	const int before = open(".", O_DIRECTORY | O_CLOEXEC);
	struct folder folder;
	struct a10_fd file;

	ck_assert_int_ge(before, 0);
	folder_open(&folder);
	ck_assert_int_eq(chdir(folder.path), 0);
	file_write("a", "a", 1);
	ck_assert_int_eq(
		value_of(ring, a10_renameat(A10_CWD, "a", A10_CWD, "b")), 0);
	ck_assert_int_eq(
		value_of(ring, a10_linkat(A10_CWD, "b", A10_CWD, "c", 0)), 0);
	file = fd_of(ring, a10_open(".", O_TMPFILE | O_RDWR, 0600));
	ck_assert_int_eq(value_of(ring, a10_link_file(file, A10_CWD, "d")), 0);
	fd_close(ring, file);
	ck_assert_int_eq(fchdir(before), 0);
	ck_assert_int_eq(close(before), 0);
	ck_assert(!is_there(&folder, "a"));
	ck_assert(is_there(&folder, "b"));
	ck_assert(is_there(&folder, "c"));
	ck_assert(is_there(&folder, "d"));
	folder_close(&folder);
	ring_close(ring);
}

TEST(names_may_be_freed_when_the_verb_returns)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	struct seen seen[3];
	struct a10_fd dir;
	char from[16] = "made", to[16] = "moved";

	folder_open(&folder);
	dir = folder_fd(ring, &folder);
	start(ring, a10_mkdirat(dir, from, 0700), &seen[0]);
	start(ring, a10_drained(a10_renameat(dir, from, dir, to)), &seen[1]);
	start(ring, a10_drained(a10_symlinkat(from, dir, "link")), &seen[2]);
	memset(from, 'x', sizeof(from) - 1);
	memset(to, 'y', sizeof(to) - 1);
	RUN_UNTIL(ring, seen[2].ended);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(seen[i].last.value, 0);
	ck_assert(is_there(&folder, "moved"));
	memset(from, 0, sizeof(from));
	ck_assert_int_eq(readlink(folder_file(&folder, "link"), from, 15), 4);
	ck_assert_str_eq(from, "made");
	fd_close(ring, dir);
	folder_close(&folder);
	ring_close(ring);
}

TEST(names_that_cannot_be_are_refused_by_the_verb)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_fd none = a10_fd_regular(9999), direct;
	char *longest = malloc(5000);

	ck_assert_ptr_nonnull(longest);
	memset(longest, 'x', 4999);
	longest[4999] = '\0';
	ck_assert_int_eq(refusal_of(ring, a10_mkdirat(A10_CWD, NULL, 0)),
			 -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_mkdirat(A10_CWD, longest, 0)),
			 -ENAMETOOLONG);
	ck_assert_int_eq(refusal_of(ring, a10_unlinkat(A10_CWD, NULL, 0)),
			 -EFAULT);
	ck_assert_int_eq(refusal_of(ring,
				    a10_renameat(A10_CWD, "a", A10_CWD, NULL)),
			 -EFAULT);
	ck_assert_int_eq(
		refusal_of(ring, a10_linkat(A10_CWD, "a", A10_CWD, longest, 0)),
		-ENAMETOOLONG);
	ck_assert_int_eq(refusal_of(ring, a10_symlinkat(NULL, A10_CWD, "a")),
			 -EFAULT);
	ck_assert_int_eq(value_of(ring, a10_mkdirat(none, "d", 0)), -EBADF);
	ck_assert_int_eq(value_of(ring, a10_renameat(A10_CWD, "/proc/version",
						     none, "d")),
			 -EBADF);
	/* A slot of the table is not the process's descriptor of that number. */
	direct = fd_of(ring, a10_direct(a10_open("/tmp", O_DIRECTORY, 0)));
	ck_assert_int_eq(value_of(ring, a10_linkat(A10_CWD, "/proc/version",
						   direct, "d", 0)),
			 -EBADF);
	fd_close(ring, direct);
	free(longest);
	ring_close(ring);
}

/* ---- extended attributes ------------------------------------------------- */

static void test_attributes(struct a10_ring *ring, bool direct)
{
	struct a10_op op;
	struct folder folder;
	struct a10_fd fd;
	char value[8] = "";
	ssize_t set;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "", 0);
	if (setxattr(folder.file, "user.probe", "", 0, 0) < 0) {
		folder_close(&folder);
		SKIP("no extended attributes here: %s", strerror(errno));
	}
	op = a10_open(folder.file, O_RDWR, 0);
	fd = fd_of(ring, direct ? a10_direct(op) : op);
	set = value_of(ring,
		       a10_fsetxattr(fd, "user.a", "one", 3, XATTR_CREATE));
	if (direct && !ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL) &&
	    set == -EOPNOTSUPP) {
		fd_close(ring, fd);
		folder_close(&folder);
		return;
	}
	ck_assert_int_eq(set, 0);
	ck_assert_int_eq(value_of(ring, a10_fsetxattr(fd, "user.a", "one", 3,
						      XATTR_CREATE)),
			 -EEXIST);
	ck_assert_int_eq(value_of(ring, a10_getxattr(folder.file, "user.a",
						     value, sizeof(value))),
			 3);
	ck_assert_str_eq(value, "one");
	ck_assert_int_eq(value_of(ring,
				  a10_setxattr(folder.file, "user.a", "three",
					       5, XATTR_REPLACE)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_fgetxattr(fd, "user.a", NULL, 0)),
			 5);
	ck_assert_int_eq(value_of(ring, a10_fgetxattr(fd, "user.a", value,
						      sizeof(value))),
			 5);
	ck_assert_str_eq(value, "three");
	ck_assert_int_eq(value_of(ring, a10_fgetxattr(fd, "user.a", value, 2)),
			 -ERANGE);
	ck_assert_int_eq(value_of(ring, a10_fgetxattr(fd, "user.b", value, 2)),
			 -ENODATA);
	ck_assert_int_eq(value_of(ring,
				  a10_getxattr("/no/such", "user.a", value, 2)),
			 -ENOENT);
	fd_close(ring, fd);
	ck_assert_int_lt(value_of(ring, a10_fgetxattr(fd, "user.a", value, 8)),
			 0);
	folder_close(&folder);
}

TEST(attributes_are_set_and_got_by_path_and_by_descriptor)
{
	struct a10_ring *ring = ring_open_direct(2);

	test_attributes(ring, false);
	test_attributes(ring, true);
	ring_close(ring);
}

TEST(an_attribute_that_cannot_be_is_refused_by_the_verb)
{
	struct a10_ring *ring = ring_open(NULL);
	char name[300];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(refusal_of(ring, a10_getxattr("f", NULL, NULL, 0)),
			 -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_getxattr("f", name, NULL, 0)),
			 -ERANGE);
	ck_assert_int_eq(refusal_of(ring,
				    a10_setxattr("f", "user.a", NULL, 1, 0)),
			 -EFAULT);
	ck_assert_int_eq(
		refusal_of(ring, a10_setxattr("f", "user.a", name, 65537, 0)),
		-E2BIG);
	ring_close(ring);
}
