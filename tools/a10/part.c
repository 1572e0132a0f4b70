#include "part.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_MOST = 255, /* bytes, on the file systems there are */
	ENDING_MAX = 32,
};

/* FNV-1a: nobody gains by two names with the same. */
static uint32_t hash(const char *text)
{
	uint32_t value = 2166136261;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 16777619;
	return value;
}

void part_name(const char *path, uint32_t number, char ret_path[PART_PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t length = strlen(name);
	char ending[ENDING_MAX] = ".part";

	if (number > 0)
		snprintf(ending, sizeof(ending), ".%" PRIu32 ".part", number);
	if (length + strlen(ending) + strlen(PART_TAG_ENDING) > NAME_MOST) {
		char shorter[ENDING_MAX + 16];

		snprintf(shorter, sizeof(shorter), "-%08" PRIx32 "%s",
			 hash(name), ending);
		length = NAME_MOST - strlen(shorter) - strlen(PART_TAG_ENDING);
		/* Not within a character. */
		while (length > 0 &&
		       ((unsigned char)name[length] & 0xc0) == 0x80)
			length--;
		snprintf(ret_path, PART_PATH_MAX, "%.*s%s",
			 (int)(name - path) + (int)length, path, shorter);
		return;
	}
	snprintf(ret_path, PART_PATH_MAX, "%s%s", path, ending);
}

static bool is_output(const struct part *part)
{
	return strcmp(part->path, "-") == 0;
}

static bool is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A device, say, which must not be replaced. */
static bool is_no_file(const char *path)
{
	struct stat there;

	return stat(path, &there) == 0 && !S_ISREG(there.st_mode);
}

/* What is locked is what bears the name, not what bore it a moment ago. */
static bool is_still_it(const struct part *part)
{
	struct stat ours;
	struct stat named;

	return fstat(a10_fd_number(part->file), &ours) == 0 &&
	       lstat(part->part_path, &named) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino &&
	       S_ISREG(ours.st_mode);
}

/* Whether it is empty, or what an earlier try has left. */
static bool is_ours(const struct part *part)
{
	struct stat status;

	return (fstat(a10_fd_number(part->file), &status) == 0 &&
		status.st_size == 0) ||
	       is_there(part->tag_path);
}

/* The tag of what is there; without one it is of no use. */
static void read_tag(struct part *part)
{
	struct a10_fd file;
	struct stat status;
	ssize_t n;

	if (a10_await_fd(a10_open(part->tag_path, O_RDONLY | O_NOFOLLOW, 0),
			 &file) < 0)
		return;
	n = a10_await(a10_all(a10_read(file, part->tag, PART_TAG_MAX)));
	a10_await(a10_close(file));
	part->tag[n > 0 ? n : 0] = '\0';
	if (part->tag[strcspn(part->tag, "\r\n")] != '\0')
		part->tag[0] = '\0';
	if (part->tag[0] != '\0' &&
	    fstat(a10_fd_number(part->file), &status) == 0)
		part->kept = (uint64_t)status.st_size;
}

const char *part_open(struct part *part, const char *path, uint32_t number,
		      bool replace, int *ret_err)
{
	*ret_err = 0;
	memset(part, 0, sizeof(*part));
	part->path = path;
	if (is_output(part)) {
		part->file = A10_STDOUT;
		return NULL;
	}
	part_name(path, number, part->part_path);
	snprintf(part->tag_path, sizeof(part->tag_path), "%s" PART_TAG_ENDING,
		 part->part_path);
	if (is_no_file(path))
		return "it is there and no plain file; --output - and the "
		       "shell write to it";
	if (!replace && is_there(path))
		return "it is there already; --force replaces it";
	*ret_err = a10_await_fd(
		a10_open(part->part_path,
			 O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0666),
		&part->file);
	if (*ret_err < 0)
		return "cannot be written";
	if (flock(a10_fd_number(part->file), LOCK_EX | LOCK_NB) < 0 ||
	    !is_still_it(part)) {
		a10_await(a10_close(part->file));
		part->file = A10_NO_FD;
		return "its .part is in use, by another a10 get perhaps";
	}
	if (!is_ours(part)) {
		a10_await(a10_close(part->file));
		part->file = A10_NO_FD;
		return "its .part is there and no unfinished download; call "
		       "it something else";
	}
	read_tag(part);
	return NULL;
}

/* 0 or -errno. */
static int write_tag(const struct part *part, struct view tag)
{
	struct a10_fd file;
	const int err = a10_await_fd(
		a10_open(part->tag_path,
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666),
		&file);

	if (err < 0)
		return err;
	/* One that could not be written is none: it would begin anew. */
	if (tag.at && tag.length <= PART_TAG_MAX)
		a10_await(a10_all(a10_write(file, tag.at, tag.length)));
	a10_await(a10_close(file));
	return 0;
}

int part_begin(struct part *part, struct view tag)
{
	int err;

	if (is_output(part))
		return 0;
	/* In this order: never a new tag for what is old, or none for what is ours. */
	err = (int)a10_await(a10_ftruncate(part->file, 0));
	if (err < 0)
		return err;
	unlink(part->tag_path);
	return write_tag(part, tag);
}

int part_write(struct part *part, const char *bytes, size_t length,
	       uint64_t offset)
{
	const ssize_t n = a10_await(
		a10_all(is_output(part) ?
				a10_write(part->file, bytes, length) :
				a10_pwrite(part->file, bytes, length, offset)));

	return n < 0 ? (int)n : 0;
}

/* Where a file system cannot look and rename in one. 0 or -errno. */
static int give_name(const struct part *part)
{
	ssize_t err = a10_await(
		a10_linkat(A10_CWD, part->part_path, A10_CWD, part->path, 0));

	if (err == 0)
		return unlink(part->part_path) < 0 ? -errno : 0;
	if (err == -EEXIST || is_there(part->path))
		return -EEXIST;
	return (int)a10_await(
		a10_renameat(A10_CWD, part->part_path, A10_CWD, part->path));
}

/*
 * Network file systems tell at a close that they could not keep what was
 * written. The file itself is to stay open, for its lock. 0 or -errno.
 */
static int settle(const struct part *part)
{
	const int copy = fcntl(a10_fd_number(part->file), F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno :
			  (int)a10_await(a10_close(a10_fd_regular(copy)));
}

int part_finish(struct part *part, bool replace)
{
	int err;

	if (is_output(part))
		return 0;
	err = settle(part);
	if (err < 0)
		return err;
	/* Somebody put something else in its place. */
	if (!is_still_it(part))
		return -ESTALE;
	err = (int)a10_await(a10_renameat2(A10_CWD, part->part_path, A10_CWD,
					   part->path,
					   replace ? 0 : RENAME_NOREPLACE));
	if (err == -EINVAL && !replace)
		err = give_name(part);
	if (err == 0)
		unlink(part->tag_path);
	return err;
}

bool part_can_go_on(const struct part *part)
{
	struct stat status;

	return !is_output(part) && stat(part->tag_path, &status) == 0 &&
	       status.st_size > 0 &&
	       fstat(a10_fd_number(part->file), &status) == 0 &&
	       status.st_size > 0;
}

void part_close(struct part *part)
{
	struct stat status;

	if (is_output(part) || !a10_fd_valid(part->file))
		return;
	if (fstat(a10_fd_number(part->file), &status) == 0 &&
	    status.st_size == 0 && is_still_it(part)) {
		unlink(part->tag_path);
		unlink(part->part_path);
	}
	a10_await(a10_close(part->file));
	part->file = A10_NO_FD;
}
