/* listing.h - the page of a directory that has no page of its own. */
#ifndef LISTING_H
#define LISTING_H

#include "text.h"
#include "view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum {
	LISTING_MAX = 20000, /* entries that are looked at */
};

struct listing_entry {
	char *name;
	uint64_t size;
	time_t modified;
	bool is_directory;
};

/* Each also backwards. */
enum listing_key {
	LISTING_BY_NAME,
	LISTING_BY_SIZE,
	LISTING_BY_TIME,
	LISTING_KEYS,
};

struct listing_order {
	enum listing_key key;
	bool backwards;
};

/* All zero is an empty one, by name, without what is hidden. */
struct listing {
	struct listing_entry *entries;
	size_t count;
	size_t room;
	bool cut;    /* there are more than LISTING_MAX */
	bool hidden; /* what begins with a dot is listed too */
	struct listing_order order;
};

/* Of "sort=size" or "sort=-modified" in a query; else by name. */
struct listing_order listing_order(struct view query);

/* Adds a copy of name. 0 or -ENOMEM. */
int listing_add(struct listing *listing, const char *name,
		const struct listing_entry *about);

/*
 * Directories first, then by its order; what is the same there by name, the
 * case of letters aside.
 */
void listing_sort(struct listing *listing);

/*
 * Reads the directory, which is called name below root: what would be served of
 * it. The directory stays open. 0 or -errno; to be finished in any case.
 */
int listing_read(struct listing *listing, int root, const char *name,
		 int directory);

/* The whole page. name: below the root, "" is the root itself. */
void listing_add_page(struct text *text, const struct listing *listing,
		      const char *name);

void listing_finish(struct listing *listing);

/*
 * All of it, for a10_work: a large directory takes longer than others shall
 * wait. What it names is the helper's until that is over.
 */
struct listing_job {
	struct listing listing; /* hidden, order */
	int root;
	int directory; /* called name below root */
	const char *name;
	struct text *text; /* gets the page */
};

/* Of a struct listing_job, which is finished. 0 or -errno. */
ssize_t listing_make(void *data);

#endif
