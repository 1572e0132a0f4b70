/*
 * cat FILE - copies a file to standard output, with callbacks.
 *
 * One operation at a time, each started by the callback of the one before: open,
 * then read and write in turns until a read says 0. The state is a struct of the
 * program's own; the library has no idea of it.
 */
#include <a10.h>
#include <stdio.h>

struct cat {
	struct a10_fd file;
	int err;
	char bytes[65536];
};

static void on_read(void *data, const struct a10_result *r);

static void read_more(struct cat *cat, struct a10_sq *sq)
{
	struct a10_op op = a10_read(cat->file, cat->bytes, sizeof(cat->bytes));
	a10_id id = a10_submit(sq, op, on_read, cat);

	if (id < 0)
		cat->err = (int)id;
}

static void on_written(void *data, const struct a10_result *r)
{
	struct cat *cat = data;

	if (r->value < 0)
		cat->err = (int)r->value;
	else
		read_more(cat, r->sq);
}

static void on_read(void *data, const struct a10_result *r)
{
	struct cat *cat = data;
	struct a10_op op;
	a10_id id;

	if (r->value <= 0) { /* the end, or an error */
		cat->err = (int)r->value;
		return;
	}
	op = a10_all(a10_write(A10_STDOUT, cat->bytes, (size_t)r->value));
	id = a10_submit(r->sq, op, on_written, cat);
	if (id < 0)
		cat->err = (int)id;
}

static void on_open(void *data, const struct a10_result *r)
{
	struct cat *cat = data;

	cat->file = r->fd;
	if (r->value < 0)
		cat->err = (int)r->value;
	else
		read_more(cat, r->sq);
}

int main(int argc, char **argv)
{
	static struct cat cat;
	struct a10_ring *ring;

	if (argc != 2) {
		fprintf(stderr, "cat FILE\n");
		return 2;
	}
	cat.err = a10_ring_create(NULL, &ring);
	if (cat.err < 0) {
		fprintf(stderr, "cat: %s\n", a10_ring_reason());
		return 1;
	}
	if (a10_submit(a10_ring_sq(ring), a10_open(argv[1], O_RDONLY, 0),
		       on_open, &cat) > 0 &&
	    a10_ring_run(ring) < 0)
		cat.err = -EIO;
	a10_fd_release(cat.file); /* none, if it could not be opened */
	a10_ring_destroy(ring, A10_FOREVER);
	if (cat.err < 0)
		fprintf(stderr, "cat: %s: %s\n", argv[1], strerror(-cat.err));
	return cat.err < 0;
}
