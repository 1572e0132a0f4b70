/*
 * copy FROM TO - copies a file with several chunks in flight.
 *
 * Each chunk goes its own way: read at an offset, write there, take the next
 * offset. As many are under way as there are chunks, in a single thread without
 * a lock. a10_await_on polls until one operation is over.
 */
#include <a10.h>
#include <stdio.h>

#define CHUNKS     8
#define CHUNK_SIZE 131072

struct chunk {
	uint64_t offset;
	char bytes[CHUNK_SIZE];
};

static struct a10_fd from;
static struct a10_fd to;
static uint64_t next; /* the first offset that no chunk has taken */
static ssize_t error; /* the first that there was                 */

static void on_read(void *data, const struct a10_result *r);

static void chunk_go(struct chunk *chunk, struct a10_sq *sq)
{
	struct a10_op op;

	if (error < 0)
		return;
	chunk->offset = next;
	next += CHUNK_SIZE;
	op = a10_pread(from, chunk->bytes, CHUNK_SIZE, chunk->offset);
	a10_submit(sq, a10_all(op), on_read, chunk);
}

static void on_written(void *data, const struct a10_result *r)
{
	if (r->value < 0 && error == 0)
		error = r->value;
	chunk_go(data, r->sq);
}

static void on_read(void *data, const struct a10_result *r)
{
	struct chunk *chunk = data;
	struct a10_op op;

	if (r->value < 0 && error == 0)
		error = r->value;
	if (r->value <= 0) /* an error, or the file ends before it */
		return;
	op = a10_pwrite(to, chunk->bytes, (size_t)r->value, chunk->offset);
	a10_submit(r->sq, a10_all(op), on_written, chunk);
}

static ssize_t copy(struct a10_ring *ring, char **paths)
{
	static struct chunk chunks[CHUNKS];
	struct a10_sq *sq = a10_ring_sq(ring);
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	struct a10_result opened;
	ssize_t err;

	err = a10_await_on(sq, a10_open(paths[0], O_RDONLY, 0), &opened);
	if (err < 0)
		return err;
	from = opened.fd;
	err = a10_await_on(sq, a10_open(paths[1], flags, 0666), &opened);
	if (err < 0)
		return err;
	to = opened.fd;
	for (int i = 0; i < CHUNKS; i++)
		chunk_go(&chunks[i], sq);
	err = a10_ring_run(ring);
	return err < 0 ? err : error;
}

int main(int argc, char **argv)
{
	struct a10_ring *ring;
	ssize_t err;

	if (argc != 3 || a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "copy FROM TO: %s\n", a10_ring_reason());
		return 2;
	}
	err = copy(ring, argv + 1);
	if (err < 0)
		fprintf(stderr, "copy: %s\n", strerror((int)-err));
	a10_fd_release(from); /* those that are none are no harm */
	a10_fd_release(to);
	a10_ring_destroy(ring, A10_FOREVER);
	return err < 0;
}
