#include "command.h"

#include <stdarg.h>
#include <stdio.h>

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
