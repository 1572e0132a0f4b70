/*
 * get.c - a10 get: the downloads, so many at once, and the signals that end it.
 *
 * Each download is a task in a scope, whose limit is how many run at once.
 * Another task draws how far they are. A signal cancels them all, and what they
 * have is kept.
 */
#include "command.h"
#include "descriptors.h"
#include "get_options.h"
#include "part.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SIGNALLED = 128, /* + the signal: what shells call an exit by one */
	/* Descriptors of the process, and of each: socket, part, tag, a spare. */
	OF_PROCESS = 16,
	OF_DOWNLOAD = 4,
};

struct get {
	struct get_options options;
	struct download **downloads;
	struct progress progress;
	struct a10_scope telling;
	struct a10_fd signals;
	uint32_t failed;
	int ended_by; /* a signal, or 0 */
};

/* What a task of one of them is given. */
struct errand {
	struct get *get;
	struct download *download;
};

/* ---- the tasks ----------------------------------------------------------- */

static int tell(void *data)
{
	const struct errand *errand = data;

	progress_tell(&errand->get->progress, errand->download);
	return 0;
}

/* What became of it is told beside it, for that may take long. */
static int run_errand(void *data)
{
	struct errand *errand = data;

	if (download_run(errand->download) < 0)
		errand->get->failed++;
	if (a10_scope_spawn(&errand->get->telling, tell, errand,
			    sizeof(*errand)) < 0)
		tell(errand);
	return 0;
}

static int download_all(void *data)
{
	struct get *get = data;
	struct a10_scope downloads;
	struct a10_scope drawing;

	a10_scope_open(&drawing, NULL, 0);
	if (get->progress.terminal && !get->progress.quiet)
		a10_scope_spawn(&drawing, progress_run, &get->progress, 0);
	a10_scope_open(&get->telling, NULL, 0);
	a10_scope_open(&downloads, NULL, 0);
	a10_scope_set_limit(&downloads, get->options.parallel);
	for (int i = 0; i < get->options.url_count && !a10_task_cancelled();
	     i++) {
		const struct errand errand = { get, get->downloads[i] };

		if (a10_scope_spawn(&downloads, run_errand, &errand,
				    sizeof(errand)) < 0)
			get->failed++;
	}
	a10_await(a10_scope_wait(&downloads));
	a10_scope_close(&downloads);
	a10_await(a10_scope_wait(&get->telling));
	a10_scope_close(&get->telling);
	a10_scope_close(&drawing);
	return 0;
}

static int wait_for_signal(void *data)
{
	struct get *get = data;
	const ssize_t n = a10_await(a10_signal_read(get->signals, NULL));

	get->ended_by = n > 0 ? (int)n : 0;
	return 0;
}

static int get_main(void *data)
{
	struct a10_scope either;

	a10_scope_open(&either, NULL, A10_SCOPE_FIRST_WINS);
	a10_scope_spawn(&either, download_all, data, 0);
	a10_scope_spawn(&either, wait_for_signal, data, 0);
	a10_await(a10_scope_wait(&either));
	a10_scope_close(&either);
	return 0;
}

/* ---- what is to be done -------------------------------------------------- */

/* One URL and the name of its file. EXIT_OK or EXIT_USAGE. */
static int prepare(struct get *get, const char *text, struct download **ret)
{
	struct download *download = calloc(1, sizeof(*download));
	const char *fault;

	if (!download) {
		complain("get: %s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	*ret = download;
	download->settings = &get->options.settings;
	fault = url_parse(view_of(text), &download->url);
	if (!fault && !get->options.output)
		fault = url_name(&download->url, download->path);
	/* Only --output may mean standard output. */
	if (!fault && strcmp(download->path, "-") == 0)
		snprintf(download->path, sizeof(download->path), "./-");
	if (fault) {
		complain("get: %s: %s", text, fault);
		return EXIT_USAGE;
	}
	if (get->options.output)
		snprintf(download->path, sizeof(download->path), "%s",
			 get->options.output);
	return EXIT_OK;
}

/* Whether one of them, or of the tags beside them, is the other. */
static bool clash(const char *name, const char *other)
{
	const size_t length = strlen(name);

	return strncmp(name, other, length) == 0 &&
	       (other[length] == '\0' ||
		strcmp(other + length, PART_TAG_ENDING) == 0);
}

/* Whether that part bears the name of another file that is to be. */
static bool is_taken(const struct get *get, int which, const char *part)
{
	const char *path = get->downloads[which]->path;
	char other[PART_PATH_MAX];

	for (int i = 0; i < get->options.url_count; i++) {
		const struct download *download = get->downloads[i];

		if (strcmp(download->path, path) == 0)
			continue; /* which is told when it begins */
		if (clash(part, download->path))
			return true;
		part_name(download->path, download->part_number, other);
		if (i < which && (clash(part, other) || clash(other, part)))
			return true;
	}
	return false;
}

static void choose_part(struct get *get, int which)
{
	struct download *download = get->downloads[which];
	char part[PART_PATH_MAX];

	for (;; download->part_number++) {
		part_name(download->path, download->part_number, part);
		if (!is_taken(get, which, part))
			return;
	}
}

static int prepare_all(struct get *get)
{
	int status = EXIT_OK;

	get->downloads = calloc((size_t)get->options.url_count,
				sizeof(struct download *));
	if (!get->downloads)
		return complain("get: %s", strerror(ENOMEM));
	for (int i = 0; i < get->options.url_count && status == EXIT_OK; i++)
		status = prepare(get, get->options.urls[i], &get->downloads[i]);
	for (int i = 0; i < get->options.url_count && status == EXIT_OK; i++)
		choose_part(get, i);
	get->progress.downloads = get->downloads;
	get->progress.count = (uint32_t)get->options.url_count;
	get->progress.quiet = get->options.quiet;
	/* What goes to a terminal itself is not to be drawn over. */
	get->progress.terminal = isatty(STDERR_FILENO) &&
				 !(get->options.output &&
				   strcmp(get->options.output, "-") == 0 &&
				   isatty(STDOUT_FILENO));
	return status;
}

static void forget_all(struct get *get)
{
	for (int i = 0; get->downloads && i < get->options.url_count; i++)
		free(get->downloads[i]);
	free(get->downloads);
}

/* More at once than there are descriptors for would fail. */
static void limit_downloads(struct get *get)
{
	const uint32_t most = descriptors_raise();
	uint32_t parallel = 1;

	if (most > OF_PROCESS + OF_DOWNLOAD)
		parallel = (most - OF_PROCESS) / OF_DOWNLOAD;
	if (get->options.parallel <= parallel)
		return;
	get->options.parallel = parallel;
	if ((uint32_t)get->options.url_count > parallel)
		descriptors_complain("get", parallel);
}

static int open_signals(struct get *get)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return a10_signals_open(&set, &get->signals);
}

static int run(struct get *get)
{
	int err = open_signals(get);

	limit_downloads(get);
	if (err < 0)
		return complain("get: signals: %s", strerror(-err));
	err = a10_run(NULL, get_main, get);
	if (err < 0)
		return complain("get: no ring: %s", a10_ring_reason());
	if (get->ended_by > 0)
		return SIGNALLED + get->ended_by;
	return get->failed > 0 ? EXIT_FAILED : EXIT_OK;
}

int get_run(int argc, char **argv)
{
	struct get get = { .failed = 0 };
	int status = get_options_parse(&get.options, argc, argv);

	if (status != EXIT_OK)
		return status;
	if (get.options.help) {
		get_options_help();
		return EXIT_OK;
	}
	status = prepare_all(&get);
	if (status == EXIT_OK)
		status = run(&get);
	forget_all(&get);
	a10_fd_release(get.signals);
	return status;
}
