/*
 * progress.h - how far the downloads are, on standard error: a line for each
 * that runs, drawn again and again, if that is a terminal; else a line for each
 * that is over.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "download.h"

struct progress {
	struct download *const *downloads;
	uint32_t count;
	bool quiet;     /* only what fails */
	bool terminal;  /* redrawn */
	uint32_t drawn; /* lines that are on it now */
};

/* A task: draws until it is cancelled. data: the progress. */
int progress_run(void *data);

/*
 * One of them is over: what became of it. In a task, which waits for a terminal
 * that was stopped.
 */
void progress_tell(struct progress *progress, const struct download *download);

/*
 * The line of one that runs, without its end; at most columns wide.
 */
void progress_line(const struct download *download, int64_t now, int columns,
		   char *ret_line, size_t size);

#endif
