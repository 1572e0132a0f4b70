#include "backend/event.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

/* By the same way as event_close: ThreadSanitizer must see both or neither. */
int event_open(void)
{
	const long fd = syscall(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : (int)fd;
}

/*
 * It cannot fill up, and nothing else can go wrong with either. Not write(2),
 * which is where a cancelled thread may end: a bell that says that it was rung,
 * and was not, would wake nobody any more.
 */
void event_set(int fd)
{
	const uint64_t one = 1;

	(void)syscall(SYS_write, fd, &one, sizeof(one));
}

void event_clear(int fd)
{
	uint64_t count;
	const ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
}

void event_close(int fd)
{
	(void)syscall(SYS_close, fd);
}

int timer_open(void)
{
	const int fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void timer_set(int fd, int64_t at)
{
	struct itimerspec time = { 0 };

	/* Zero would be never. */
	if (at < 1)
		at = 1;
	time.it_value.tv_sec = at / NS_PER_S;
	time.it_value.tv_nsec = at % NS_PER_S;
	(void)timerfd_settime(fd, TFD_TIMER_ABSTIME, &time, NULL);
}
