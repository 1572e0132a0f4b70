/*
 * timeout SECONDS - copies standard input to standard output until nothing comes
 * for SECONDS, or for ten times that at all.
 *
 * Two kinds of time: a10_timeout gives an operation up when it makes no progress
 * for so long, a10_deadline when a clock reads so much. Both end it with -ETIME,
 * which no system call says, so it cannot be mistaken for anything else. A timer
 * of the program's own (a10_after) tells the seconds meanwhile.
 */
#include <a10.h>
#include <stdio.h>
#include <stdlib.h>

struct watch {
	unsigned int seconds;
};

static void on_second(void *data, const struct a10_result *r)
{
	struct watch *watch = data;

	if (r->value == 0)
		watch->seconds += (unsigned int)r->count;
}

/* One piece after the other; 0 at the end, -ETIME when it took too long. */
static ssize_t copy(struct a10_sq *sq, int64_t patience, int64_t deadline)
{
	static char bytes[4096];
	struct a10_op op;
	ssize_t n;

	for (;;) {
		op = a10_read(A10_STDIN, bytes, sizeof(bytes));
		op = a10_timeout(a10_deadline(op, deadline), patience);
		n = a10_await_on(sq, op, NULL);
		if (n <= 0)
			return n;
		op = a10_write(A10_STDOUT, bytes, (size_t)n);
		op = a10_timeout(a10_deadline(a10_all(op), deadline), patience);
		n = a10_await_on(sq, op, NULL);
		if (n < 0)
			return n;
	}
}

int main(int argc, char **argv)
{
	double seconds = argc == 2 ? strtod(argv[1], NULL) : 0;
	int64_t patience = (int64_t)(seconds * A10_SECOND);
	struct watch watch = { 0 };
	struct a10_ring *ring;
	struct a10_sq *sq;
	ssize_t err;

	if (patience <= 0) {
		fprintf(stderr, "timeout SECONDS\n");
		return 2;
	}
	if (a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "timeout: %s\n", a10_ring_reason());
		return 1;
	}
	sq = a10_ring_sq(ring);
	err = a10_submit(sq, a10_multishot(a10_after(A10_SECOND)), on_second,
			 &watch);
	if (err > 0)
		err = copy(sq, patience, a10_now() + 10 * patience);
	a10_ring_destroy(ring, A10_FOREVER);
	if (err < 0)
		fprintf(stderr, "timeout: %s after %u s\n", strerror((int)-err),
			watch.seconds);
	return err == 0 ? 0 : err == -ETIME ? 124 : 1;
}
