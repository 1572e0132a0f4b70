/*
 * list FOLDER - the names in a folder, one a line, with a task.
 *
 * A folder is read piece by piece into a buffer of the task's, so it may be of any
 * size. No kernel has a request for that: a helper thread makes the system call,
 * and the ring has time for others meanwhile.
 */
#include <a10.h>
#include <stdio.h>

static int list(void *data)
{
	const char *folder = data;
	struct a10_dirent entry;
	struct a10_fd fd;
	char entries[16384];
	ssize_t n;

	n = a10_await_fd(a10_open(folder, O_RDONLY | O_DIRECTORY, 0), &fd);
	if (n < 0)
		return (int)n;
	while ((n = a10_await(a10_getdents64(fd, entries, sizeof(entries)))) >
	       0) {
		size_t at = 0;

		while (a10_dirent_next(entries, (size_t)n, &at, &entry))
			puts(entry.name);
	}
	(void)a10_await(a10_close(fd));
	return (int)n;
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 2) {
		fprintf(stderr, "list FOLDER\n");
		return 2;
	}
	err = a10_run(NULL, list, argv[1]);
	if (err < 0)
		fprintf(stderr, "list: %s: %s\n", argv[1], strerror(-err));
	return err < 0;
}
