#include "base/log.h"
#include "base/assert.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <a10/trace.h>

typedef void log_fn(void *data, enum a10_log_level level, const char *text);
typedef void panic_fn(const char *text);

/*
 * Two words that change together: the function is stored last and read first,
 * so whoever sees it sees its data. Replacing one hook by another while the
 * library logs may hand the new hook the old one's data; set it once, at the
 * start.
 */
static log_fn *_Atomic log_hook;
static void *_Atomic log_data;
static panic_fn *_Atomic panic_hook;

static _Thread_local char reason[512];

void a10_set_log(log_fn *log, void *data)
{
	atomic_store(&log_data, data);
	atomic_store(&log_hook, log);
}

void a10_set_panic(panic_fn *hook)
{
	atomic_store(&panic_hook, hook);
}

void log_line(int level, const char *format, ...)
{
	log_fn *log = atomic_load(&log_hook);
	char text[512];
	va_list args;

	if (!log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log(atomic_load(&log_data), (enum a10_log_level)level, text);
}

void panic(const char *format, ...)
{
	panic_fn *hook = atomic_load(&panic_hook);
	char text[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (hook) {
		hook(text);
	} else if (length > 0) {
		if ((size_t)length > sizeof(text) - 2)
			length = sizeof(text) - 2;
		text[length] = '\n';
		if (write(STDERR_FILENO, text, (size_t)length + 1) < 0)
			abort();
	}
	abort();
}

void reason_set(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
}

void reason_clear(void)
{
	reason[0] = '\0';
}

const char *reason_text(void)
{
	return reason;
}
