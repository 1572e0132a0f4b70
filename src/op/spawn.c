#include "op/spawn.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <a10/process.h>

#define TEXTS_MAX   (UINT64_C(1) << 21) /* as execve(2), or nearly */
#define STRINGS_MAX 65536u

/* So many pointers with the NULL, and so many bytes of what they name. */
struct measure {
	size_t count;
	size_t bytes;
};

static int texts_measure(const char *const *texts, struct measure *ret_measure)
{
	struct measure measure = { 1, 0 };

	for (; texts && texts[measure.count - 1]; measure.count++) {
		measure.bytes += strlen(texts[measure.count - 1]) + 1;
		if (measure.count > STRINGS_MAX || measure.bytes > TEXTS_MAX)
			return -E2BIG;
	}
	*ret_measure = measure;
	return 0;
}

static char *text_copy(char **place, const char *text)
{
	const size_t size = strlen(text) + 1;
	char *copy = memcpy(*place, text, size);

	*place += size;
	return copy;
}

static void texts_copy(char **copies, char **place, const char *const *texts)
{
	for (; *texts; texts++)
		*copies++ = text_copy(place, *texts);
	*copies = NULL;
}

static int options_check(const struct a10_process_options *o)
{
	const uint64_t reserved = o->reserved[0] | o->reserved[1] |
				  o->reserved[2] | o->reserved[3];

	if (!o->argv || !o->argv[0])
		return -EFAULT;
	if (o->in > A10_STDIO_FD || o->out > A10_STDIO_FD ||
	    o->err > A10_STDIO_AS_OUT || o->reserved0 || reserved ||
	    o->flags & ~A10_PROCESS_GROUP)
		return -EINVAL;
	/* A direct one is nothing to a child. */
	if ((o->in == A10_STDIO_FD && a10_fd_number(o->in_fd) < 0) ||
	    (o->out == A10_STDIO_FD && a10_fd_number(o->out_fd) < 0) ||
	    (o->err == A10_STDIO_FD && a10_fd_number(o->err_fd) < 0))
		return -EBADF;
	return 0;
}

static void spawn_fill(struct spawn *spawn, const struct a10_process_options *o)
{
	memset(spawn, 0, sizeof(*spawn));
	spawn->stdio[0] = o->in;
	spawn->stdio[1] = o->out;
	spawn->stdio[2] = o->err;
	spawn->flags = o->flags;
	spawn->fds[0] = a10_fd_number(o->in_fd);
	spawn->fds[1] = a10_fd_number(o->out_fd);
	spawn->fds[2] = a10_fd_number(o->err_fd);
	spawn->pidfd = -1;
	for (int i = 0; i < 3; i++)
		spawn->ends[i] = -1;
}

int capture_spawn(struct capture_cache *cache, struct a10_request *request,
		  struct capture **ret_capture)
{
	const struct a10_process_options *o =
		(const void *)(uintptr_t)request->address;
	struct measure argv = { 0, 0 }, environment = { 0, 0 };
	struct capture *capture;
	struct spawn *spawn;
	char **pointers, *place;
	size_t directory;
	int err;

	if (!o || !request->offset)
		return -EFAULT;
	err = options_check(o);
	if (err == 0)
		err = texts_measure(o->argv, &argv);
	if (err == 0)
		err = texts_measure(o->environment, &environment);
	if (err < 0)
		return err;
	directory = o->directory ? strlen(o->directory) + 1 : 0;
	capture = capture_take(cache, sizeof(*spawn) +
					      (argv.count + environment.count) *
						      sizeof(*pointers) +
					      argv.bytes + environment.bytes +
					      directory);
	if (!capture)
		return -ENOMEM;
	spawn = capture_data(capture);
	spawn_fill(spawn, o);
	pointers = (char **)(void *)(spawn + 1);
	place = (char *)(pointers + argv.count + environment.count);
	spawn->argv = pointers;
	texts_copy(spawn->argv, &place, o->argv);
	if (o->environment) {
		spawn->environment = pointers + argv.count;
		texts_copy(spawn->environment, &place, o->environment);
	}
	if (o->directory)
		spawn->directory = text_copy(&place, o->directory);
	request->address = (uintptr_t)spawn;
	*ret_capture = capture;
	return 0;
}
