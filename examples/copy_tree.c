/*
 * copy_tree FROM TO - copies folders and files, 64 at a time, with a bar.
 *
 * A walk lists what there is; 64 tasks then take one file after the other from the
 * list. They are on one thread, so it needs no lock. One more task draws.
 */
#include <a10.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct file {
	struct file *next;
	mode_t mode;
	uint64_t size;
	char path[]; /* below FROM, which we are in, and below TO */
};

static struct file *files, **last = &files; /* that nobody has taken */
static size_t count, done, failed;
static struct a10_fd to;

static int found(const char *path, const struct stat *status, int type,
		 struct FTW *where)
{
	const size_t size = strlen(path) + 1;
	struct file *file;

	(void)where;
	file = type == FTW_DNR ? NULL : malloc(sizeof(*file) + size);
	if (file == NULL)
		return -1;
	memcpy(file->path, path, size);
	file->mode = status->st_mode;
	file->size = (uint64_t)status->st_size;
	file->next = NULL;
	*last = file;
	last = &file->next;
	count++;
	return 0;
}

/* A read and a write in one go: the write starts if all was read. */
static ssize_t copy_bytes(struct a10_fd in, struct a10_fd out, uint64_t size)
{
	char bytes[32768]; /* the task's stack has twice as much */
	struct a10_op ops[2];
	ssize_t n = 0;

	for (uint64_t at = 0; at < size && n >= 0; at += sizeof(bytes)) {
		uint64_t left = size - at;
		size_t length = left < sizeof(bytes) ? left : sizeof(bytes);

		ops[0] = a10_all(a10_pread(in, bytes, length, at));
		ops[1] = a10_all(a10_pwrite(out, bytes, length, at));
		n = a10_await_linked(ops, 2, NULL);
	}
	return n;
}

static ssize_t copy_file(const struct file *file)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	struct a10_fd in, out;
	ssize_t n, closed;

	n = a10_await_fd(a10_open(file->path, O_RDONLY, 0), &in);
	if (n < 0)
		return n;
	n = a10_await_fd(a10_openat(to, file->path, flags, file->mode), &out);
	if (n == 0) {
		n = copy_bytes(in, out, file->size);
		closed = a10_await(a10_close(out)); /* NFS tells here */
		n = n < 0 ? n : closed;
	}
	a10_fd_release(in);
	return n;
}

static int copy_files(void *folders)
{
	for (struct file *file; (file = files) != NULL; free(file), done++) {
		ssize_t err = 0;

		files = file->next;
		if (S_ISREG(file->mode))
			err = copy_file(file);
		if (err < 0) {
			fprintf(stderr, "\r%s: %s\n", file->path,
				strerror((int)-err));
			failed++;
		}
	}
	return folders != NULL;
}

static int draw(void *data)
{
	static const char full[] = "########################################";

	do
		fprintf(stderr, "\r[%-40.*s] %zu of %zu",
			(int)(done * 40 / count), full, done, count);
	while (a10_sleep(A10_SECOND / 10) == 0);
	return data != NULL;
}

static int copy_tree(void *data)
{
	struct a10_scope scope, display;
	ssize_t err = 0;

	for (struct file *file = files; file && err >= 0; file = file->next) {
		if (S_ISDIR(file->mode))
			err = a10_await(a10_mkdirat(to, file->path,
						    file->mode | S_IRWXU));
		err = err == -EEXIST ? 0 : err;
	}
	if (err < 0)
		return (int)err;
	a10_scope_open(&display, NULL, 0);
	a10_scope_spawn(&display, draw, NULL, 0);
	a10_scope_open(&scope, NULL, 0);
	for (int i = 0; i < 64; i++)
		a10_scope_spawn(&scope, copy_files, NULL, 0);
	a10_await(a10_scope_wait(&scope));
	a10_scope_close(&display);
	fprintf(stderr, "\r%zu of %zu copied%38s\n", count - failed, count, "");
	return failed || data ? -EIO : 0;
}

int main(int argc, char **argv)
{
	int number = -1;

	if (argc == 3 && (mkdir(argv[2], 0777) == 0 || errno == EEXIST))
		number = open(argv[2], O_PATH | O_DIRECTORY);
	if (number < 0 || chdir(argv[1]) < 0 ||
	    nftw(".", found, 64, FTW_PHYS) != 0) {
		fprintf(stderr, "copy_tree FROM TO: %s\n", strerror(errno));
		return 2;
	}
	to = a10_fd_regular(number);
	return a10_run(NULL, copy_tree, NULL) < 0;
}
