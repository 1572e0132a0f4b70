/*
 * What is watched, and what happened there. Directories are looked into by helper
 * threads, so what they come by is under a lock, which is held for one look at
 * most. All that belongs to events is the reader's: of the operation that reads
 * them, or of the helper that walks for it meanwhile. References are any
 * thread's: an operation keeps the watch it is on.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <a10/watch.h>

#include "work/halt.h"

#define WATCH_BUFFER 8192u /* more than one event with the longest name */

/* One inotify watch: of a number's own path, or of a directory below it. */
struct watched {
	int wd;
	int number;
	uint32_t mask; /* what was asked for */
	bool tree;
	bool root; /* the number's own path */
	char *path;
};

/* To be told before what inotify tells next: what was found in a directory. */
struct found {
	char *path;
	int number;
	uint32_t mask;
	uint32_t cookie;
	int32_t error;
};

struct a10_watch {
	struct a10_sq *sq; /* referenced; its ring's affair */
	_Atomic uint32_t references;
	int fd;          /* inotify; does not block */
	uint64_t reader; /* the owner's: what reads it, or 0 */

	pthread_mutex_t lock;    /* guards these: */
	struct watched *watched; /* by wd, ascending */
	size_t watched_count;
	size_t watched_room;
	struct found *found; /* those from found_next on */
	size_t found_count;
	size_t found_room;
	size_t found_next;
	uint32_t removals; /* of numbers, so far */
	int numbers;

	/* The reader's. */
	char *path;       /* of the event told last */
	char *moved_path; /* a directory that was moved, who knows where */
	uint32_t moved_cookie;
	int moved_number;
	size_t at;  /* in buffer: read so far ... */
	size_t end; /* ... of so much */
	_Alignas(8) char buffer[WATCH_BUFFER];
};

/* ---- list.c: what is watched; with the lock ------------------------------ */

/* NULL: not watched. Valid until the next change. */
struct watched *watched_find(struct a10_watch *watch, int wd);
/* Takes path; 0 or -ENOMEM (path is freed). One that is there is changed. */
int watched_put(struct a10_watch *watch, const struct watched *watched);
void watched_drop(struct a10_watch *watch, struct watched *watched);
void watched_drop_all(struct a10_watch *watch);
/* path itself and what is below it: no longer watched, or under a new name. */
void watched_forget_below(struct a10_watch *watch, const char *path);
int watched_rename_below(struct a10_watch *watch, const char *from,
			 const char *to);
/* "folder/name"; name NULL or "": folder. NULL: no memory. */
char *path_join(const char *folder, const char *name);

/* ---- tree.c: directories ------------------------------------------------- */

/*
 * Watches path and the directories below it as like says. tell: what is found
 * there is told. Directories that cannot be watched are told of. 0, or the first
 * error that is not one of a directory but of this process: of memory, watches,
 * descriptors; -ECANCELED: halt (or NULL) says so, or like.number is removed.
 * Without the lock.
 */
int tree_add(struct a10_watch *watch, const char *path,
	     const struct watched *like, bool tell, const struct halt *halt);
/* With the lock. Takes found.path. 0 or -ENOMEM. */
int found_push(struct a10_watch *watch, const struct found *found);
/* What the library must know of a tree, besides what was asked for. */
#define TREE_MASK \
	(IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR)

/* ---- watch.c ------------------------------------------------------------- */

/* Without a ring, which whoever calls sets. 0 or -errno. */
int watch_create(struct a10_watch **ret_watch);
/* Any thread. */
void watch_ref(struct a10_watch *watch);
void watch_unref(struct a10_watch *watch);
/* a10_watch_add, on any thread; halt or NULL. */
int watch_add(struct a10_watch *watch, const char *path, uint32_t mask,
	      uint32_t flags, const struct halt *halt);
/* a10_watch_remove, on any thread. */
int watch_remove(struct a10_watch *watch, int number);
/* Whether something was found that is not told yet. */
bool watch_holds(struct a10_watch *watch);
/* The reader's: the same, or what inotify has told and does not tell again. */
bool watch_holds_more(struct a10_watch *watch);
/*
 * 1 and *ret_event; -EAGAIN: nothing yet; -EINPROGRESS: directories have to be
 * walked first; -errno.
 */
int watch_read(struct a10_watch *watch, struct a10_watch_event *ret_event);
/* After -EINPROGRESS, in place of the reader: what was found is told then. */
void watch_walk(struct a10_watch *watch);

#endif
