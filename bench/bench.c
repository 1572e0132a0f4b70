/* bench.c - compares the library with its peers, work by work. */
#include "bench.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TMPFS_MAGIC 0x01021994
#define PAIRS       5
#define PAIRS_QUICK 3

static const char usage[] =
	"usage: a10-bench [options] [work ...]\n"
	"  --list       the works and their peers\n"
	"  --json FILE  also write the rows to FILE\n"
	"  --runs N     pairs of measurements per row (5)\n"
	"  --quick      three pairs, shorter\n"
	"  --ours NAME  compare this entrant instead of us; a peer with itself\n"
	"               shows how far a ratio of 1 scatters\n"
	"A work is its name or a beginning with a star: nop32, 'echo*'.\n";

/*
 * A file system in memory would do every read in a worker. The file has no
 * name from the start, so nothing is left behind however the run ends; others
 * open it by the descriptor.
 */
int read_file_open(const char **ret_path)
{
	static char path[64];
	static char block[1 << 20];
	const char *dirs[] = { getenv("TMPDIR"), "/tmp", "/var/tmp", "." };
	struct statfs fs;
	int fd = -1;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && fd < 0; i++) {
		if (!dirs[i] || statfs(dirs[i], &fs) < 0 ||
		    fs.f_type == TMPFS_MAGIC)
			continue;
		fd = open(dirs[i], O_TMPFILE | O_RDWR, 0600);
	}
	if (fd < 0)
		return -errno;
	memset(block, 0xa1, sizeof(block));
	for (uint64_t at = 0; at < READ_FILE_SIZE; at += sizeof(block)) {
		if (write(fd, block, sizeof(block)) != sizeof(block)) {
			close(fd);
			return -ENOSPC;
		}
	}
	/* Write it out now, not in the middle of a measurement. */
	fsync(fd);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	*ret_path = path;
	return fd;
}

static bool name_matches(const char *name, const struct options *options)
{
	if (options->filter_count == 0)
		return true;
	for (size_t i = 0; i < options->filter_count; i++) {
		const char *filter = options->filters[i];
		const size_t length = strcspn(filter, "*");

		if (strncmp(name, filter, length) == 0 &&
		    (filter[length] == '*' || strlen(name) == length))
			return true;
	}
	return false;
}

static const struct work *work_find(const char *name, size_t length)
{
	for (size_t i = 0; i < works_count; i++) {
		if (strlen(works[i].name) == length &&
		    strncmp(works[i].name, name, length) == 0)
			return &works[i];
	}
	return NULL;
}

static void list(void)
{
	for (size_t i = 0; i < works_count; i++) {
		const struct work *work = &works[i];

		printf("%-11s%s; vs", work->name, work->what);
		for (size_t k = 0; k < PEERS_MAX && work->peers[k].name; k++) {
			const char *name = work->peers[k].name;

			printf(" %s%s", name,
			       entrant_find(work->family, name) ?
				       "" :
				       " (not built in)");
		}
		printf("\n");
	}
}

/* "nop32-raw" 1000: the child that valgrind or strace looks at. */
static int child_main(const char *which, uint64_t operations,
		      const struct options *options)
{
	const char *dash = strrchr(which, '-');
	const struct work *work;
	const struct entrant *entrant;
	struct work_args args;
	struct sample sample;
	int err;

	work = dash ? work_find(which, (size_t)(dash - which)) : NULL;
	entrant = work ? entrant_find(work->family, dash + 1) : NULL;
	if (!entrant) {
		fprintf(stderr, "a10-bench: %s: no such child\n", which);
		return 2;
	}
	args = work_arguments(work, options);
	args.operations = operations;
	if (entrant->serve)
		err = echo_count(entrant, &args);
	else
		err = entrant->run(&args, &sample);
	if (err < 0)
		fprintf(stderr, "a10-bench: %s: %s\n", which, strerror(-err));
	return err < 0;
}

static int bench(struct options *options)
{
	bool reads = false;
	int fd = -1;
	int err;

	for (size_t i = 0; i < works_count; i++)
		reads |= strcmp(works[i].family, "read") == 0 &&
			 name_matches(works[i].name, options);
	if (reads) {
		fd = read_file_open(&options->path);
		if (fd < 0)
			fprintf(stderr, "a10-bench: no file to read: %s\n",
				strerror(-fd));
	}
	report_open(options->json);
	for (size_t i = 0; i < works_count; i++) {
		const struct work *work = &works[i];

		if (!name_matches(work->name, options))
			continue;
		for (size_t k = 0; k < PEERS_MAX && work->peers[k].name; k++)
			compare(work, &work->peers[k], options);
	}
	err = report_close();
	if (fd >= 0)
		close(fd);
	return err;
}

/* The argument of an option; none is a mistake of the caller's. */
static const char *value_of(char **argv, int *i)
{
	if (!argv[*i + 1]) {
		fprintf(stderr, "a10-bench: %s what?\n%s", argv[*i], usage);
		exit(2);
	}
	return argv[++*i];
}

static void more_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct options options = { .ours = "ours", .path = "" };
	const char *child = NULL;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--list") == 0) {
			list();
			return 0;
		} else if (strcmp(argv[i], "--quick") == 0) {
			options.quick = true;
		} else if (strcmp(argv[i], "--json") == 0) {
			options.json = value_of(argv, &i);
		} else if (strcmp(argv[i], "--ours") == 0) {
			options.ours = value_of(argv, &i);
		} else if (strcmp(argv[i], "--file") == 0) {
			options.path = value_of(argv, &i);
		} else if (strcmp(argv[i], "--child") == 0) {
			child = value_of(argv, &i);
		} else if (strcmp(argv[i], "--runs") == 0) {
			options.pairs =
				(uint32_t)strtoul(value_of(argv, &i), NULL, 10);
		} else {
			fputs(usage, stderr);
			return 2;
		}
	}
	more_descriptors();
	if (child && i < argc)
		return child_main(child, strtoull(argv[i], NULL, 10), &options);
	if (options.pairs == 0)
		options.pairs = options.quick ? PAIRS_QUICK : PAIRS;
	if (options.pairs > PAIRS_MAX)
		options.pairs = PAIRS_MAX;
	options.filters = (const char **)(uintptr_t)&argv[i];
	options.filter_count = (size_t)(argc - i);
	for (int k = i; k < argc; k++) {
		if (!strchr(argv[k], '*') &&
		    !work_find(argv[k], strlen(argv[k]))) {
			fprintf(stderr, "a10-bench: %s: no such work\n",
				argv[k]);
			return 2;
		}
	}
	return bench(&options) < 0;
}
