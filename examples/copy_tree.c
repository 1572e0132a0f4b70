/*
 * copy_tree FROM TO - copies folders and files, 64 at a time, with a bar.
 *
 * 64 tasks take one file after the other from one walk through the tree. They are
 * on one thread, so it needs no lock. The one that waits for them draws.
 */
#include <a10.h>
#include <error.h>
#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct a10_fd to;
static struct stat into; /* what TO is */
static size_t count, done, failed;

static ssize_t copy_file(const char *path, mode_t mode, size_t size)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	char bytes[32768]; /* the task's stack has twice as much */
	struct a10_fd in, out;
	ssize_t n, closed;

	n = a10_await_fd(a10_open(path, O_RDONLY, 0), &in);
	if (n < 0)
		return n;
	n = a10_await_fd(a10_openat(to, path, flags, mode), &out);
	while (n >= 0 && /* in /proc they have an end, but no size */
	       (n = a10_await(a10_read(in, bytes, sizeof(bytes)))) > 0 &&
	       (n = a10_await(a10_all(a10_write(out, bytes, (size_t)n)))) > 0 &&
	       (size_t)n != size)
		size -= (size_t)n;
	closed = a10_await(a10_close(out)); /* NFS tells here */
	a10_fd_release(in);
	return n < 0 ? n : closed;
}

static int copy_files(void *walk)
{
	char path[4096]; /* PATH_MAX */

	for (FTSENT *entry; (entry = fts_read(walk)) != NULL;) {
		const struct stat *is = entry->fts_statp;
		ssize_t err = -entry->fts_errno; /* could not be looked at */

		if (entry->fts_info == FTS_DP) /* a folder, again at its end */
			continue;
		snprintf(path, sizeof(path), "%s", entry->fts_path);
		if (entry->fts_info == FTS_F)
			err = copy_file(path, is->st_mode, (size_t)is->st_size);
		else if (is->st_ino == into.st_ino && is->st_dev == into.st_dev)
			fts_set(walk, entry, FTS_SKIP);
		else if (entry->fts_info == FTS_D && /* at once: files follow */
			 mkdirat(a10_fd_number(to), path, is->st_mode | 0700) &&
			 errno != EEXIST)
			err = -errno;
		if (err < 0)
			fprintf(stderr, "\r%s: %s\n", path,
				strerror((int)-err));
		failed += err < 0;
		done++;
	}
	return 0;
}

static int copy_tree(void *walk)
{
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	for (int i = 0; i < 64; i++)
		a10_scope_spawn(&scope, copy_files, walk, 0);
	while (a10_await(a10_timeout(a10_scope_wait(&scope),
				     A10_SECOND / 10)) == -ETIME)
		fprintf(stderr, "\r[%-32.*s] %zu of %zu",
			(int)(done * 32 / count),
			"################################", done, count);
	fprintf(stderr, "\r%zu of %zu copied%30s\n", done - failed, done, "");
	fts_close(walk);
	return failed > 0 || done == 0 ? -EIO : 0;
}

int main(int argc, char **argv)
{
	char here[] = ".", *const root[] = { here, NULL };
	const int flags = FTS_PHYSICAL | FTS_NOCHDIR;
	FTS *walk = NULL;

	if (argc == 3 && (mkdir(argv[2], 0777) == 0 || errno == EEXIST))
		to = a10_fd_regular(open(argv[2], O_PATH | O_DIRECTORY));
	if (fstat(a10_fd_number(to), &into) < 0 || chdir(argv[1]) < 0 ||
	    (walk = fts_open(root, flags | FTS_NOSTAT, NULL)) == NULL)
		error(2, errno, "FROM TO");
	for (FTSENT *entry; (entry = fts_read(walk)) != NULL;)
		count += entry->fts_info != FTS_DP;
	fts_close(walk);
	walk = fts_open(root, flags, NULL);
	return walk == NULL || a10_run(NULL, copy_tree, walk) < 0;
}
