/*
 * download.h - one URL into one file, from the connection to the last byte.
 *
 * What comes is written to NAME.part, which is locked, and becomes NAME when
 * all of it is there. If it breaks off NAME.part stays, and NAME.part.tag has
 * what the server calls that version of it (its entity tag, or its date): only
 * with that can it go on later.
 */
#ifndef DOWNLOAD_H
#define DOWNLOAD_H

#include "url.h"

#include <a10.h>

enum {
	DOWNLOAD_PATH_MAX = 4096,
	DOWNLOAD_FAULT_MAX = 512,
};

struct download_settings {
	bool resume;  /* go on with what NAME.part has */
	bool replace; /* NAME may be there */
	uint32_t redirects_max;
	int64_t connect_timeout_ns;
	int64_t stall_timeout_ns; /* without a byte */
};

enum download_state {
	DOWNLOAD_WAITING,
	DOWNLOAD_RUNNING,
	DOWNLOAD_DONE,
	DOWNLOAD_FAILED,
};

struct download {
	const struct download_settings *settings;
	struct url url;
	char path[DOWNLOAD_PATH_MAX]; /* NAME; "-": standard output */
	uint32_t part_number;         /* see part_name */
	enum download_state state;
	uint64_t begun_at; /* bytes that were there before */
	uint64_t count;    /* bytes that are there */
	uint64_t total;    /* 0: not known */
	int64_t begun;     /* a10_now() */
	int64_t ended;
	bool can_go_on;                 /* later, from where it broke off */
	char fault[DOWNLOAD_FAULT_MAX]; /* of DOWNLOAD_FAILED, in words */
};

/* A task's work. 0, or -errno and the fault is written. */
int download_run(struct download *download);

#endif
