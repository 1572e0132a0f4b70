#include "command.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

bool has_room(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	return poll(&ready, 1, 0) != 0;
}

int complain(const char *format, ...)
{
	va_list arguments;

	fputs("a10: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return EXIT_FAILED;
}
