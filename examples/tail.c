/*
 * tail FILE - prints the end of a file, and what is added until it is removed.
 *
 * inotify says when there is something; the file is read from where the last read
 * ended. One that has become shorter is read from its beginning.
 */
#include <a10.h>
#include <stdio.h>
#include <sys/stat.h>

struct tail {
	struct a10_fd file;
	uint64_t offset;
	char bytes[16384];
};

/* Where the last ten lines begin, if they are no longer than the buffer. */
static uint64_t find_lines(struct tail *tail, uint64_t size)
{
	uint64_t start = size;
	int lines = 0;
	ssize_t n;

	start -= size < sizeof(tail->bytes) ? size : sizeof(tail->bytes);
	n = a10_await(a10_all(a10_pread(tail->file, tail->bytes,
					sizeof(tail->bytes), start)));
	while (n > 1 && lines < 10)
		lines += tail->bytes[--n - 1] == '\n';
	return lines == 10 ? start + (uint64_t)n : start;
}

/* What there is from the offset on. */
static ssize_t print(struct tail *tail)
{
	char *const bytes = tail->bytes;
	ssize_t n;

	do {
		n = a10_await(a10_pread(tail->file, bytes, sizeof(tail->bytes),
					tail->offset));
		if (n <= 0)
			return n;
		tail->offset += (uint64_t)n;
		n = a10_await(a10_all(a10_write(A10_STDOUT, bytes, (size_t)n)));
	} while (n >= 0);
	return n;
}

static ssize_t follow(struct tail *tail, struct a10_watch *watch)
{
	struct a10_watch_event event;
	struct statx status;
	ssize_t err;

	do {
		err = a10_await(a10_statx(tail->file, "", AT_EMPTY_PATH,
					  STATX_SIZE | STATX_NLINK, &status));
		if (err >= 0 && status.stx_size < tail->offset)
			tail->offset = 0;
		if (err >= 0)
			err = print(tail);
		if (err < 0 || status.stx_nlink == 0)
			return err;
		err = a10_await(a10_watch_next(watch, &event));
	} while (err >= 0);
	return err;
}

static int run(void *path)
{
	struct tail tail = { .offset = 0 };
	struct a10_watch *watch = NULL;
	struct statx status;
	ssize_t err;

	err = a10_watch_create(a10_ring_sq(a10_ring_current()), &watch);
	if (err >= 0)
		err = a10_watch_add(watch, path, IN_MODIFY | IN_ATTRIB, 0);
	if (err >= 0)
		err = a10_await_fd(a10_open(path, O_RDONLY, 0), &tail.file);
	if (err >= 0)
		err = a10_await(a10_statx(tail.file, "", AT_EMPTY_PATH,
					  STATX_SIZE, &status));
	if (err >= 0) {
		tail.offset = find_lines(&tail, status.stx_size);
		err = follow(&tail, watch);
	}
	a10_fd_release(tail.file);
	a10_watch_destroy(watch);
	return (int)err;
}

int main(int argc, char **argv)
{
	int err = argc == 2 ? a10_run(NULL, run, argv[1]) : -EINVAL;

	if (err < 0)
		fprintf(stderr, "tail FILE: %s\n", strerror(-err));
	return err < 0;
}
