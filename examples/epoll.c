/*
 * epoll - a ring in a program that has its own epoll loop.
 *
 * Each line on standard input names a file; its size is found out by the ring and
 * printed. The loop waits for the ring's descriptor beside all others.
 */
#include <a10.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

struct query {
	struct statx status;
	char path[256];
};

static void on_status(void *data, const struct a10_result *r)
{
	struct query *query = data;

	if (r->value < 0)
		printf("%s: %s\n", query->path, strerror((int)-r->value));
	else
		printf("%s: %llu\n", query->path,
		       (unsigned long long)query->status.stx_size);
	fflush(stdout);
}

/* One line, as a terminal gives them; false: there are no more. */
static bool on_line(struct a10_sq *sq)
{
	struct query *query = calloc(1, sizeof(*query));
	ssize_t n;

	if (query == NULL)
		return false;
	n = read(STDIN_FILENO, query->path, sizeof(query->path) - 1);
	if (n <= 1) {
		free(query);
		return false;
	}
	query->path[strcspn(query->path, "\n")] = '\0';
	a10_submit(sq,
		   a10_owning(a10_statx(A10_CWD, query->path, 0, STATX_SIZE,
					&query->status),
			      query, free),
		   on_status, query);
	return true;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int loop(struct a10_ring *ring, int epoll)
{
	bool more = true;
	int err = 0;

	while (more && err >= 0) {
		struct epoll_event event;

		/* Starts what is new, delivers what there is, never waits. */
		err = a10_ring_poll(ring, 0);
		if (epoll_wait(epoll, &event, 1, -1) == 1 &&
		    event.data.fd == STDIN_FILENO)
			more = on_line(a10_ring_sq(ring));
	}
	/* What is still under way. */
	return err < 0 ? err : a10_ring_run(ring);
}

int main(void)
{
	struct a10_ring *ring;
	int epoll, err;

	if (a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "epoll: %s\n", a10_ring_reason());
		return 1;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	err = watch(epoll, STDIN_FILENO);
	if (err == 0)
		err = watch(epoll, a10_ring_fd(ring));
	if (err == 0)
		err = loop(ring, epoll);
	close(epoll);
	return a10_ring_destroy(ring, A10_FOREVER) != 0 || err < 0;
}
