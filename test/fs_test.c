/* Files are opened, looked at and synced. */
#include "support.h"

#include <linux/openat2.h>
#include <linux/stat.h>

static struct a10_op with_kind(struct a10_op op, bool direct)
{
	return direct ? a10_direct(op) : op;
}

static void assert_holds(struct a10_ring *ring, struct a10_fd fd,
			 const char *text)
{
	char bytes[64] = "";
	ssize_t length = (ssize_t)strlen(text);

	ck_assert_int_eq(value_of(ring, a10_pread(fd, bytes, sizeof(bytes), 0)),
			 length);
	ck_assert_mem_eq(bytes, text, (size_t)length);
}

static void test_opens(struct a10_ring *ring, bool direct)
{
	struct a10_fd folder_fd;
	struct folder folder;
	struct a10_fd fd;
	int number;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "content", 7);
	fd = fd_of(ring, with_kind(a10_open(folder.file, O_RDONLY, 0), direct));
	ck_assert(a10_fd_is_direct(fd) == direct);
	assert_holds(ring, fd, "content");
	number = a10_fd_number(fd);
	if (direct)
		ck_assert_int_eq(number, -1);
	else
		ck_assert_int_eq(fcntl(number, F_GETFD), FD_CLOEXEC);
	fd_close(ring, fd);

	folder_fd = fd_of(ring, a10_open(folder.path, O_DIRECTORY, 0));
	fd = fd_of(ring,
		   with_kind(a10_openat(folder_fd, "f", O_RDONLY, 0), direct));
	assert_holds(ring, fd, "content");
	fd_close(ring, fd);
	fd_close(ring, folder_fd);
	folder_close(&folder);
}

TEST(open_gives_a_descriptor_closed_on_exec)
{
	struct a10_ring *ring = ring_open_direct(4);

	test_opens(ring, false);
	test_opens(ring, true);
	ring_close(ring);
}

TEST(open_creates_with_the_mode_less_the_umask)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stat status;
	struct folder folder;
	struct a10_fd fd;

	folder_open(&folder);
	umask(022);
	fd = fd_of(ring, a10_open(folder_file(&folder, "new"),
				  O_WRONLY | O_CREAT | O_EXCL, 0666));
	ck_assert_int_eq(stat(folder.file, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0644);
	ck_assert_int_eq(value_of(ring, a10_write(fd, "abc", 3)), 3);
	fd_close(ring, fd);
	ck_assert_int_eq(value_of(ring,
				  a10_open(folder.file,
					   O_WRONLY | O_CREAT | O_EXCL, 0666)),
			 -EEXIST);
	fd = fd_of(ring, a10_open(folder.file, O_RDWR | O_TRUNC, 0));
	assert_holds(ring, fd, "");
	fd_close(ring, fd);
	folder_close(&folder);
	ring_close(ring);
}

TEST(open_says_what_is_wrong)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct folder folder;
	char *long_path = malloc(PATH_MAX + 100);

	ck_assert_ptr_nonnull(long_path);
	memset(long_path, 'x', PATH_MAX + 99);
	long_path[PATH_MAX + 99] = '\0';
	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "", 0);
	for (int direct = 0; direct < 2; direct++) {
		const struct {
			const char *path;
			int flags;
			ssize_t value;
		} rows[] = {
			{ "/no/such/file", O_RDONLY, -ENOENT },
			{ "", O_RDONLY, -ENOENT },
			{ "/", O_WRONLY, -EISDIR },
			{ folder.file, O_DIRECTORY, -ENOTDIR },
			{ long_path, O_RDONLY, -ENAMETOOLONG },
		};

		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct a10_op op =
				a10_open(rows[i].path, rows[i].flags, 0);

			ck_assert_int_eq(outcome_of(ring,
						    with_kind(op, direct)),
					 rows[i].value);
		}
	}
	ck_assert_int_eq(value_of(ring, a10_openat(a10_fd_regular(9999), "f",
						   O_RDONLY, 0)),
			 -EBADF);
	ck_assert_int_eq(value_of(ring,
				  a10_openat(A10_STDIN, "f", O_RDONLY, 0)),
			 -ENOTDIR);
	free(long_path);
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_direct_descriptor_needs_a_table_with_room)
{
	struct a10_ring *without = ring_open(NULL);
	struct a10_ring *with = ring_open_direct(1);
	struct a10_op op = a10_direct(a10_open("/dev/null", O_RDONLY, 0));
	struct a10_fd fd;

	ck_assert_int_eq(outcome_of(without, op), -ENXIO);
	fd = fd_of(with, op);
	ck_assert_int_eq(value_of(with, op), -ENFILE);
	fd_close(with, fd);
	fd_close(with, fd_of(with, op));
	ring_close(without);
	ring_close(with);
}

TEST(openat2_takes_its_how)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct folder folder;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "content", 7);
	ck_assert_int_eq(symlink("f", folder_file(&folder, "link")), 0);
	for (int direct = 0; direct < 2; direct++) {
		struct open_how how = { .flags = O_RDONLY };
		struct a10_op op =
			a10_openat2(A10_CWD, folder.file, &how, sizeof(how));
		struct a10_fd fd = fd_of(ring, with_kind(op, direct));

		ck_assert(a10_fd_is_direct(fd) == direct);
		assert_holds(ring, fd, "content");
		if (!direct)
			ck_assert_int_eq(fcntl(a10_fd_number(fd), F_GETFD),
					 FD_CLOEXEC);
		fd_close(ring, fd);
		how.resolve = RESOLVE_NO_SYMLINKS;
		op = a10_openat2(A10_CWD, folder.file, &how, sizeof(how));
		ck_assert_int_eq(value_of(ring, with_kind(op, direct)), -ELOOP);
		how.resolve = UINT64_C(1) << 60;
		op = a10_openat2(A10_CWD, folder.file, &how, sizeof(how));
		ck_assert_int_eq(value_of(ring, with_kind(op, direct)),
				 -EINVAL);
		op = a10_openat2(A10_CWD, folder.file, &how, 4);
		ck_assert_int_eq(outcome_of(ring, with_kind(op, direct)),
				 -EINVAL);
	}
	folder_close(&folder);
	ring_close(ring);
}

/* What the header says of a FIFO is not what open(2) does. */
TEST(opening_a_fifo_does_not_wait)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	struct a10_fd in;
	struct a10_fd out;

	folder_open(&folder);
	ck_assert_int_eq(mkfifo(folder_file(&folder, "fifo"), 0600), 0);
	ck_assert_int_eq(value_of(ring, a10_open(folder.file, O_WRONLY, 0)),
			 -ENXIO);
	in = fd_of(ring, a10_open(folder.file, O_RDONLY, 0));
	out = fd_of(ring, a10_open(folder.file, O_WRONLY, 0));
	fd_close(ring, in);
	fd_close(ring, out);
	folder_close(&folder);
	ring_close(ring);
}

TEST(statx_tells_of_a_path_and_of_a_descriptor)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct folder folder;
	struct statx status;
	struct a10_fd fd;
	struct a10_fd direct;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "content", 7);
	memset(&status, 0, sizeof(status));
	ck_assert_int_eq(value_of(ring,
				  a10_statx(A10_CWD, folder.file, 0,
					    STATX_SIZE | STATX_TYPE, &status)),
			 0);
	ck_assert_uint_eq(status.stx_size, 7);
	ck_assert(S_ISREG(status.stx_mode));
	fd = fd_of(ring, a10_open(folder.file, O_RDONLY, 0));
	memset(&status, 0, sizeof(status));
	ck_assert_int_eq(value_of(ring, a10_statx(fd, "", AT_EMPTY_PATH,
						  STATX_SIZE, &status)),
			 0);
	ck_assert_uint_eq(status.stx_size, 7);
	ck_assert_int_eq(value_of(ring, a10_statx(A10_CWD, "/no/such", 0,
						  STATX_SIZE, &status)),
			 -ENOENT);
	ck_assert_int_eq(value_of(ring, a10_statx(a10_fd_regular(9999), "f", 0,
						  STATX_SIZE, &status)),
			 -EBADF);
	direct = fd_of(ring, a10_direct(a10_open(folder.file, O_RDONLY, 0)));
	/* The kernel takes none: one is borrowed, where it can be. */
	ck_assert_int_eq(
		outcome_of(ring, a10_statx(direct, "", AT_EMPTY_PATH,
					   STATX_SIZE, &status)),
		ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL) ? 0 : -EOPNOTSUPP);
	fd_close(ring, fd);
	fd_close(ring, direct);
	folder_close(&folder);
	ring_close(ring);
}

TEST(fsync_and_fdatasync_are_done_or_say_why_not)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct folder folder;
	int ends[2];

	folder_open(&folder);
	folder_file(&folder, "f");
	pipe_open(ends);
	for (int direct = 0; direct < 2; direct++) {
		struct a10_op op =
			a10_open(folder.file, O_RDWR | O_CREAT, 0600);
		struct a10_fd fd = fd_of(ring, with_kind(op, direct));

		ck_assert_int_eq(value_of(ring, a10_write(fd, "abc", 3)), 3);
		ck_assert_int_eq(value_of(ring, a10_fsync(fd)), 0);
		ck_assert_int_eq(value_of(ring, a10_fdatasync(fd)), 0);
		fd_close(ring, fd);
		ck_assert_int_eq(value_of(ring, a10_fsync(fd)), -EBADF);
		ck_assert_int_eq(value_of(ring, a10_fdatasync(fd)), -EBADF);
	}
	ck_assert_int_eq(value_of(ring, a10_fsync(a10_fd_regular(ends[1]))),
			 -EINVAL);
	pipe_close(ends);
	folder_close(&folder);
	ring_close(ring);
}
