/*
 * tree.c - small files are copied: by the example copy_tree, and by cp -r.
 *
 * In memory, so that no disk and no journal is measured; the programs may have
 * all CPUs. The tree is made anew for each, before the clock runs.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS 100

struct place {
	char root[64];
	char from[80];
	char to[80];
};

static int file_make(const char *path, size_t size)
{
	static const char bytes[8192];
	const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n;

	if (file < 0)
		return -errno;
	n = write(file, bytes, size);
	close(file);
	return n == (ssize_t)size ? 0 : -EIO;
}

static int place_make(struct place *place, uint64_t files, size_t size)
{
	char path[128];
	int err = 0;

	snprintf(place->root, sizeof(place->root), "/dev/shm/a10-bench-XXXXXX");
	if (mkdtemp(place->root) == NULL)
		return -errno;
	snprintf(place->from, sizeof(place->from), "%s/from", place->root);
	snprintf(place->to, sizeof(place->to), "%s/to", place->root);
	if (mkdir(place->from, 0755) < 0)
		return -errno;
	for (uint64_t i = 0; err == 0 && i < files; i++) {
		int length = snprintf(path, sizeof(path), "%s/%d", place->from,
				      (int)(i % FOLDERS));

		if (i < FOLDERS && mkdir(path, 0755) < 0)
			return -errno;
		snprintf(path + length, sizeof(path) - (size_t)length, "/%d",
			 (int)i);
		err = file_make(path, size / 2 + i * 37 % (size * 3 / 2));
	}
	return err;
}

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static double children_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* option NULL: none. */
static int measure(const struct work_args *args, const char *program,
		   const char *option, struct sample *ret_sample)
{
	const double files = (double)args->operations;
	struct place place;
	char text[4096];
	uint64_t start;
	double cpu;
	int err = place_make(&place, args->operations, args->message_size);
	const char *argv[] = { program, option, place.from, place.to, NULL };

	process_unpin();
	if (option == NULL)
		memmove(argv + 1, argv + 2, 3 * sizeof(argv[0]));
	cpu = children_us();
	start = clock_ns();
	if (err == 0)
		err = program_run(argv, text, sizeof(text));
	ret_sample->value[0] = (double)(clock_ns() - start) / 1e3 / files;
	ret_sample->value[1] = (children_us() - cpu) / files;
	nftw(place.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return err <= 0 ? err : -EIO;
}

static int run_ours(const struct work_args *args, struct sample *ret_sample)
{
	char program[PATH_MAX + 32];
	ssize_t length = readlink("/proc/self/exe", program, PATH_MAX);

	if (length < 0)
		return -errno;
	program[length] = '\0';
	snprintf(strrchr(program, '/'), 32, "/../examples/copy_tree");
	if (access(program, X_OK) < 0)
		return -ENOPKG;
	return measure(args, program, NULL, ret_sample);
}

static int run_cp(const struct work_args *args, struct sample *ret_sample)
{
	return measure(args, "cp", "-r", ret_sample);
}

static const struct entrant ours = {
	.family = "tree",
	.name = "ours",
	.run = run_ours,
};

static const struct entrant cp = {
	.family = "tree",
	.name = "cp",
	.run = run_cp,
};

BENCH_ENTRANT(ours)
BENCH_ENTRANT(cp)
