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

struct copy {
	struct a10_fd from;
	struct a10_fd to;
	uint64_t next; /* the first offset that no chunk has taken */
	int err;       /* the first that there was                 */
};

struct chunk {
	struct copy *copy;
	uint64_t offset;
	char bytes[CHUNK_SIZE];
};

static void on_read(void *data, const struct a10_result *r);

static void chunk_go(struct chunk *chunk, struct a10_sq *sq)
{
	struct copy *copy = chunk->copy;
	struct a10_op op;

	if (copy->err < 0)
		return;
	chunk->offset = copy->next;
	copy->next += CHUNK_SIZE;
	op = a10_pread(copy->from, chunk->bytes, CHUNK_SIZE, chunk->offset);
	if (a10_submit(sq, a10_all(op), on_read, chunk) < 0)
		copy->err = -ENOMEM;
}

static void on_written(void *data, const struct a10_result *r)
{
	struct chunk *chunk = data;

	if (r->value < 0)
		chunk->copy->err = (int)r->value;
	chunk_go(chunk, r->sq);
}

static void on_read(void *data, const struct a10_result *r)
{
	struct chunk *chunk = data;
	struct copy *copy = chunk->copy;
	struct a10_op op;

	if (r->value <= 0) { /* an error, or the file ends before it */
		copy->err = r->value < 0 ? (int)r->value : copy->err;
		return;
	}
	op = a10_pwrite(copy->to, chunk->bytes, (size_t)r->value,
			chunk->offset);
	if (a10_submit(r->sq, a10_all(op), on_written, chunk) < 0)
		copy->err = -ENOMEM;
}

static ssize_t copy_file(struct a10_ring *ring, char **paths)
{
	static struct chunk chunks[CHUNKS];
	struct a10_sq *sq = a10_ring_sq(ring);
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	struct copy copy = { .err = 0 };
	struct a10_result from;
	struct a10_result to;
	ssize_t err;

	err = a10_await_on(sq, a10_open(paths[0], O_RDONLY, 0), &from);
	if (err == 0)
		err = a10_await_on(sq, a10_open(paths[1], flags, 0666), &to);
	if (err < 0)
		return err; /* the process ends, and with it what is open */
	copy.from = from.fd;
	copy.to = to.fd;
	for (int i = 0; i < CHUNKS; i++) {
		chunks[i].copy = &copy;
		chunk_go(&chunks[i], sq);
	}
	err = a10_ring_run(ring);
	a10_fd_release(copy.from);
	a10_fd_release(copy.to);
	return err < 0 ? err : copy.err;
}

int main(int argc, char **argv)
{
	struct a10_ring *ring;
	ssize_t err;

	if (argc != 3 || a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "copy FROM TO: %s\n", a10_ring_reason());
		return 2;
	}
	err = copy_file(ring, argv + 1);
	if (err < 0)
		fprintf(stderr, "copy: %s\n", strerror((int)-err));
	a10_ring_destroy(ring, A10_FOREVER);
	return err < 0;
}
