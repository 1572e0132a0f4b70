/* watch.h - changes of files, by inotify(7). */
#ifndef A10_WATCH_H
#define A10_WATCH_H

#include <a10/sq.h>
#include <sys/inotify.h>

A10_BEGIN

struct a10_watch;

/*
 * A watch without anything to watch. 0 or -errno. Any thread; what takes a watch
 * is for that of sq's owner. [inotify_init1]
 */
A10_API int a10_watch_create(struct a10_sq *sq, struct a10_watch **ret_watch);

/*
 * Ends it; operations on it are -ECANCELED. NULL: nothing. Owner's thread, or
 * any before the ring is bound and when it is gone.
 */
A10_API void a10_watch_destroy(struct a10_watch *watch);

#define A10_WATCH_TREE (1u << 0) /* and all below, also what comes later */

/*
 * Watches a file, a directory, or a tree. mask: IN_* of inotify(7). Returns a
 * number for it, > 0, the same if it is watched already, also as a part of a
 * tree, which it stays; or -errno: -ENOSPC: fs.inotify.max_user_watches;
 * -EACCES: it cannot be read. It is not watched then, unless it was before. A
 * tree is walked here and now (a10_watch_tree does not hold up this thread); a
 * directory in it that cannot be watched or read is told of by an event.
 * Owner's thread, or any before the ring is bound. [inotify_add_watch]
 */
A10_API int a10_watch_add(struct a10_watch *watch, const char *path,
			  uint32_t mask, uint32_t flags);

/*
 * No longer: events of it that are to come are dropped. Of a tree: all of it,
 * with what was added under the same number. 0; -ENOENT: no such number.
 * Owner's thread, or any before the ring is bound. [inotify_rm_watch]
 */
A10_API int a10_watch_remove(struct a10_watch *watch, int number);

/* What happened. path is valid until the next event is asked for, or told. */
struct a10_watch_event {
	const char *path; /* as given to a10_watch_add, and what is below it */
	uint32_t mask;    /* IN_* */
	uint32_t cookie;  /* the same in IN_MOVED_FROM and IN_MOVED_TO */
	int32_t number;   /* of a10_watch_add, or 0 */
	int32_t error; /* -errno: why path is not watched, or not all of it */
};

/*
 * The next event: value 1, *ret_event, lent, is written. With a10_multishot
 * each. IN_Q_OVERFLOW (of no number: of all): some are lost, look yourself.
 * IN_IGNORED: nothing more comes of that number. What was put into a new
 * directory of a tree before it could be watched comes as IN_CREATE, perhaps
 * twice. IN_Q_OVERFLOW with a number and an error: that directory, or some of it,
 * is not watched (-EACCES ...), the others are. New directories are looked into
 * by a helper thread. One at a time: -EBUSY. Only to the ring of sq: -EXDEV.
 * [read]
 */
A10_OP a10_watch_next(struct a10_watch *watch,
		      struct a10_watch_event *ret_event)
{
	struct a10_op op = a10_op_make(A10_OPCODE_WATCH_NEXT, a10_fd_none(),
				       watch, 0, 0, 0);

	op.request.offset = (uint64_t)(uintptr_t)ret_event;
	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * a10_watch_add of a tree, which a helper thread walks: value is its number, or
 * -errno as there. path is copied. Cancelled: as if it had not been. Events of
 * it may come before its result. Only to the ring of sq: -EXDEV.
 * [inotify_add_watch]
 */
A10_OP a10_watch_tree(struct a10_watch *watch, const char *path, uint32_t mask)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_WATCH_TREE, a10_fd_none(), watch, 0,
			    (uint64_t)(uintptr_t)path, mask);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

A10_END
#endif
