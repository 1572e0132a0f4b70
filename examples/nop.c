/*
 * nop - the smallest program: a ring, an operation, its result.
 *
 * A constructor (a10_nop) describes an operation and does nothing else; a verb
 * (a10_submit) starts it; a10_ring_run calls back with what came of it, and
 * returns when nothing is under way.
 */
#include <a10.h>
#include <stdio.h>

static void on_done(void *data, const struct a10_result *r)
{
	int *done = data;

	if (r->value == 0)
		printf("hello from operation %d\n", ++*done);
	else
		fprintf(stderr, "nop: %s\n", strerror((int)-r->value));
}

int main(void)
{
	struct a10_ring *ring;
	int done = 0;
	int err;

	err = a10_ring_create(NULL, &ring);
	if (err < 0) {
		fprintf(stderr, "nop: %s\n", a10_ring_reason());
		return 1;
	}
	for (int i = 0; i < 3 && err >= 0; i++)
		err = (int)a10_submit(a10_ring_sq(ring), a10_nop(), on_done,
				      &done);
	if (err >= 0)
		err = a10_ring_run(ring);
	if (err < 0)
		fprintf(stderr, "nop: %s\n", strerror(-err));
	a10_ring_destroy(ring, A10_FOREVER);
	return err < 0 || done != 3;
}
