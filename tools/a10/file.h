/*
 * file.h - what can be done about files without waiting: by plain system calls
 * that give up where they would have to wait for a disk or a network.
 *
 * What is in memory already, which is nearly always, costs less this way than
 * as a request of the ring; only what is not goes through the ring. See
 * ARCHITECTURE.md for the numbers.
 */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct open_how;

/*
 * How a path below the served folder is opened: by links or ".." it never leads
 * out of it, whatever is moved meanwhile. Not blocking, so that a FIFO without
 * a writer opens at once and can be told by its type (a writer that waited for
 * a reader has one for that moment), and without making a terminal ours.
 * flags: O_DIRECTORY or 0.
 */
struct open_how file_how(uint64_t flags);

/* The descriptor, or -errno; -EAGAIN: it would have to wait. */
int file_open(int root, const char *path, uint64_t flags);

struct file {
	int fd;         /* -1: none                                         */
	bool in_memory; /* all of it, always: its file system has no disk   */
	bool may_wait;  /* O_NONBLOCK was taken off                         */
};

/* Closes it, if there is one. */
void file_close(struct file *file);

/*
 * Reads what is in memory. Bytes, 0 at the end, or -errno; -EAGAIN: it would
 * have to wait, or nobody knows.
 */
ssize_t file_read(const struct file *file, char *buf, size_t length,
		  uint64_t offset);

/*
 * Sends that much of a file, or what the socket takes at once. Bytes, 0 at the
 * end of the file, or -errno. -EAGAIN: the socket takes nothing now.
 */
ssize_t file_send(int socket, const struct file *file, size_t length,
		  uint64_t offset);

/* Whether that part is in memory, as far as its first and last byte tell. */
bool file_is_cached(const struct file *file, uint64_t offset, size_t length);

/*
 * Before the ring reads it: from here on it may wait, as files do. Otherwise a
 * read of what is not in memory fails with -EAGAIN on older kernels; newer ones
 * try it in the ring's thread, also where the file system is known to keep that
 * waiting. 0 or -errno.
 */
int file_let_wait(struct file *file);

#endif
