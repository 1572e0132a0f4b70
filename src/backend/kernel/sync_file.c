/*
 * Files, by the system calls that io_uring has no requests for. All on a helper
 * thread: they wait for a disk. None waits for the other end of a pipe or a
 * socket, which may be for ever, and which the ring can wait for itself: where
 * there is no room they say so.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/kernel/sync.h"

/* Between two looks whether it is to end. */
#define PIECE_FILE (UINT64_C(16) << 20)
#define PIECE_SEND (UINT64_C(1) << 20)
#define PIECE_COPY (UINT64_C(64) << 10)

int sync_readlinkat(const struct uring_sqe *request)
{
	const char *const path = (const char *)(uintptr_t)request->addr;
	const ssize_t n =
		readlinkat(request->fd, path, (char *)(uintptr_t)request->off,
			   request->len);

	return n < 0 ? -errno : (int)n;
}

int sync_getdents64(const struct uring_sqe *request)
{
	const long n = syscall(SYS_getdents64, request->fd,
			       (void *)(uintptr_t)request->addr, request->len);

	return n < 0 ? -errno : (int)n;
}

/* ---- from one file into another ------------------------------------------ */

/* Where to read, or write: at an offset of its own, or at the file's. */
struct place {
	int fd;
	bool own;
	loff_t offset;
};

static struct place place_of(int fd, uint64_t offset)
{
	return (struct place){ .fd = fd,
			       .own = offset != SYNC_NO_OFFSET,
			       .offset = (loff_t)offset };
}

static loff_t *place_pointer(struct place *place)
{
	return place->own ? &place->offset : NULL;
}

/* How much of all that addr3 says the next piece is. */
static size_t piece_of(const struct uring_sqe *request, const struct halt *halt,
		       uint64_t most)
{
	const uint64_t left = request->addr3 - halt->done;

	return (size_t)(left < most ? left : most);
}

int sync_copy_file_range(const struct uring_sqe *request, struct halt *halt)
{
	struct place in = place_of(request->file_index, request->addr);
	struct place out = place_of(request->fd, request->off);
	ssize_t n;

	while (halt->done < request->addr3) {
		if (halt_is_asked(halt))
			return -ECANCELED;
		n = copy_file_range(in.fd, place_pointer(&in), out.fd,
				    place_pointer(&out),
				    piece_of(request, halt, PIECE_FILE), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		halt->done += (uint64_t)n;
	}
	return 0;
}

/* ---- sendfile -------------------------------------------------------------- */

/* Where a file is sent to. */
enum sink {
	SINK_FILE,   /* waits for a disk at most, or does not wait if told so */
	SINK_PIPE,   /* can be asked not to wait */
	SINK_SOCKET, /* would wait */
};

static enum sink sink_of(int fd)
{
	socklen_t size = sizeof(int);
	struct stat status;
	int type;

	if (fcntl(fd, F_GETFL) & O_NONBLOCK)
		return SINK_FILE;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0)
		return SINK_SOCKET;
	if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
		return SINK_PIPE;
	return SINK_FILE;
}

/*
 * Sending is asked not to wait, which sendfile cannot be: so the bytes come by
 * here. What was read and not sent is not skipped.
 */
static ssize_t copy_piece(int out, struct place *in, size_t size)
{
	char bytes[PIECE_COPY];
	ssize_t n, sent;

	if (size > sizeof(bytes))
		size = sizeof(bytes);
	n = in->own ? pread(in->fd, bytes, size, in->offset) :
		      read(in->fd, bytes, size);
	if (n <= 0)
		return n;
	sent = send(out, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (in->own) {
		in->offset += sent > 0 ? sent : 0;
	} else if (sent < n) {
		const int saved = errno;

		(void)lseek(in->fd, (sent > 0 ? sent : 0) - n, SEEK_CUR);
		errno = saved;
	}
	return sent;
}

static ssize_t send_piece(int out, enum sink sink, struct place *in,
			  size_t size)
{
	switch (sink) {
	case SINK_SOCKET:
		return copy_piece(out, in, size);
	case SINK_PIPE:
		return splice(in->fd, place_pointer(in), out, NULL, size,
			      SPLICE_F_NONBLOCK);
	case SINK_FILE:
		break;
	}
	return sendfile(out, in->fd, place_pointer(in), size);
}

int sync_sendfile(const struct uring_sqe *request, struct halt *halt)
{
	struct place in = place_of(request->file_index, request->addr);
	const enum sink sink = sink_of(request->fd);
	ssize_t n;

	while (halt->done < request->addr3) {
		if (halt_is_asked(halt))
			return -ECANCELED;
		n = send_piece(request->fd, sink, &in,
			       piece_of(request, halt, PIECE_SEND));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		halt->done += (uint64_t)n;
	}
	return 0;
}
