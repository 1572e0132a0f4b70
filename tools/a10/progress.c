#include "progress.h"

#include "command.h"
#include "text.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	COLUMNS_USUAL = 80,
	COLUMNS_MAX = 300,
	NAME_WIDTH = 24,
	BAR_MIN = 5,
	BAR_MAX = 40,
	NUMBERS_WIDTH = 34, /* of what is behind the bar */
	LINES_MAX = 20,     /* drawn at once */
};

#define PERIOD (200 * A10_MILLISECOND)

/* "12 MiB", terminated. */
static void write_size(uint64_t bytes, char *ret_text, size_t size)
{
	struct text text;

	text_init_fixed(&text, ret_text, size - 1);
	text_add_size(&text, bytes);
	ret_text[text.length] = '\0';
}

static double seconds(int64_t ns)
{
	return ns > 0 ? (double)ns / (double)A10_SECOND : 1e-9;
}

static double rate_of(const struct download *download, int64_t now)
{
	return (double)(download->count - download->begun_at) /
	       seconds(now - download->begun);
}

/* What is known of the time that is left: "1:05", or nothing. */
static void write_left(const struct download *download, int64_t now,
		       char *ret_text, size_t size)
{
	const double rate = rate_of(download, now);
	double left;

	ret_text[0] = '\0';
	if (download->total < download->count || download->total == 0 ||
	    rate < 1)
		return;
	left = (double)(download->total - download->count) / rate + 0.5;
	if (left < 100 * 3600)
		snprintf(ret_text, size, "%d:%02d", (int)left / 60,
			 (int)left % 60);
}

static void write_bar(const struct download *download, int width,
		      char *ret_text)
{
	const int done =
		download->total == 0 || download->count > download->total ?
			0 :
			(int)((double)download->count /
			      (double)download->total * width);

	memset(ret_text, ' ', (size_t)width);
	memset(ret_text, '=', (size_t)done);
	if (done < width && download->total > 0)
		ret_text[done] = '>';
	ret_text[width] = '\0';
}

/* A byte within a character of UTF-8, before which nothing is to be cut. */
static bool is_within(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Cut in front, for the end of a name tells more. */
static const char *tail_of(const char *name, size_t width)
{
	const size_t length = strlen(name);

	if (length <= width)
		return name;
	name += length - width;
	while (is_within(*name))
		name++;
	return name;
}

void progress_line(const struct download *download, int64_t now, int columns,
		   char *ret_line, size_t size)
{
	const int room = columns - NAME_WIDTH - NUMBERS_WIDTH;
	const int width = room > BAR_MAX ? BAR_MAX : room;
	const bool known = download->total > 0;
	char bar[BAR_MAX + 1] = "";
	char count[16], rate[16], left[16], percent[16] = "";
	int length;

	write_size(download->count, count, sizeof(count));
	write_size((uint64_t)rate_of(download, now), rate, sizeof(rate));
	write_left(download, now, left, sizeof(left));
	if (width >= BAR_MIN && known)
		write_bar(download, width, bar);
	if (known)
		snprintf(percent, sizeof(percent), "%3d %%",
			 (int)((double)download->count /
			       (double)download->total * 100));
	length = snprintf(ret_line, size, "%-*s %s%s%s%5s %8s %8s/s %s",
			  NAME_WIDTH, tail_of(download->path, NAME_WIDTH),
			  bar[0] ? "[" : "", bar, bar[0] ? "]" : "", percent,
			  count, rate, left);
	if (length > columns && (size_t)columns < size) {
		while (columns > 0 && is_within(ret_line[columns]))
			columns--;
		ret_line[columns] = '\0';
	}
}

/* ---- the terminal -------------------------------------------------------- */

/* How many lines have room there, and of how many columns. */
static void measure_terminal(uint32_t *ret_lines, int *ret_columns)
{
	struct winsize window = { 0 };

	*ret_lines = LINES_MAX;
	*ret_columns = COLUMNS_USUAL;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) < 0)
		return;
	/* In the last one is the cursor; what has gone up is not erased. */
	if (window.ws_row > 0 && window.ws_row <= LINES_MAX)
		*ret_lines = window.ws_row - 1U;
	/* The last column is left free: some terminals wrap at it. */
	if (window.ws_col > COLUMNS_MAX)
		*ret_columns = COLUMNS_MAX;
	else if (window.ws_col > 0)
		*ret_columns = window.ws_col - 1;
}

/* Back to where the lines began; they are gone then. */
static void erase(struct progress *progress)
{
	for (; progress->drawn > 0; progress->drawn--)
		fputs("\033[A\033[2K", stderr);
}

static void draw(struct progress *progress)
{
	const int64_t now = a10_now();
	char line[COLUMNS_MAX + 64];
	uint32_t lines;
	int columns;

	measure_terminal(&lines, &columns);
	erase(progress);
	for (uint32_t i = 0; i < progress->count && progress->drawn < lines;
	     i++) {
		if (progress->downloads[i]->state != DOWNLOAD_RUNNING)
			continue;
		progress_line(progress->downloads[i], now, columns, line,
			      sizeof(line));
		fprintf(stderr, "%s\n", line);
		progress->drawn++;
	}
	fflush(stderr);
}

int progress_run(void *data)
{
	struct progress *progress = data;

	/* One that was stopped (Ctrl-S) does not stop the downloads. */
	while (a10_sleep(PERIOD) == 0)
		if (has_room(STDERR_FILENO))
			draw(progress);
	if (has_room(STDERR_FILENO))
		erase(progress);
	return 0;
}

void progress_tell(struct progress *progress, const struct download *download)
{
	char size[16], rate[16];

	while (!has_room(STDERR_FILENO))
		if (a10_await(a10_poll(A10_STDERR, POLLOUT)) < 0)
			return;
	erase(progress);
	if (download->state == DOWNLOAD_FAILED) {
		complain("get: %s: %s%s", download->path, download->fault,
			 download->can_go_on ? "; --continue goes on there" :
					       "");
		return;
	}
	if (progress->quiet)
		return;
	write_size(download->count, size, sizeof(size));
	write_size((uint64_t)rate_of(download, download->ended), rate,
		   sizeof(rate));
	fprintf(stderr, "%s: %s in %.1f s, %s/s%s\n", download->path, size,
		seconds(download->ended - download->begun), rate,
		download->begun_at > 0 ? ", gone on with" : "");
}
