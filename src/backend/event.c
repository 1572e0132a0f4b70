#include "backend/event.h"

#include <errno.h>
#include <sys/eventfd.h>

int event_open(void)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}
