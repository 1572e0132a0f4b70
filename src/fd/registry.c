#include "fd/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/fork.h"
#include "ring/core.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct a10_sq *first; /* by registry_next */
static uint32_t numbers;

__attribute__((constructor)) static void lock_keep(void)
{
	fork_keep(&lock);
}

static struct a10_sq *find(uint32_t number)
{
	struct a10_sq *sq = first;

	while (sq && sq->number != number)
		sq = sq->registry_next;
	return sq;
}

void registry_add(struct a10_sq *sq)
{
	pthread_mutex_lock(&lock);
	do {
		numbers++;
	} while (numbers == 0 || find(numbers));
	sq->number = numbers;
	sq->registry_next = first;
	first = sq;
	pthread_mutex_unlock(&lock);
}

void registry_remove(struct a10_sq *sq)
{
	struct a10_sq **link = &first;

	pthread_mutex_lock(&lock);
	while (*link && *link != sq)
		link = &(*link)->registry_next;
	if (*link)
		*link = sq->registry_next;
	pthread_mutex_unlock(&lock);
}

struct a10_sq *registry_find(uint32_t number)
{
	struct a10_sq *sq;

	pthread_mutex_lock(&lock);
	sq = find(number);
	if (sq)
		a10_sq_ref(sq);
	pthread_mutex_unlock(&lock);
	return sq;
}

int registry_open(struct a10_sq *sq)
{
	int fd = -ESHUTDOWN;

	/* A ring leaves the registry before its descriptor is closed. */
	pthread_mutex_lock(&lock);
	if (!sq_is_inherited(sq) &&
	    !atomic_load_explicit(&sq->closed, memory_order_acquire) &&
	    find(sq->number) == sq) {
		const int ring = ring_of(sq)->grant.descriptor;

		fd = ring < 0 ? -EOPNOTSUPP : fcntl(ring, F_DUPFD_CLOEXEC, 0);
		if (fd == -1)
			fd = -EMFILE;
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

void fd_close_now(struct a10_sq *sq, struct a10_fd fd)
{
	struct uring_sqe request = { .opcode = URING_OP_CLOSE };

	if (!a10_fd_valid(fd))
		return;
	if (!fd.ring) {
		close(a10_fd_number(fd));
	} else if (sq && sq->number == fd.ring && sq_is_mine(sq)) {
		request.file_index = fd.plus_one;
		sq->calls->sync(sq->backend, &request, NULL);
	}
}
