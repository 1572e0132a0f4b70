#include "listeners.h"

#include "command.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	INHERITED_FIRST = 3, /* the first socket of LISTEN_FDS */
};

static int complain_of_address(const char *command, const char *address,
			       int err)
{
	const char *advice = "";

	if (err == -EADDRINUSE)
		advice = "; end the program that has it, or choose another "
			 "with --listen ADDRESS:PORT (port 0: any)";
	else if (err == -EACCES)
		advice = "; ports below 1024 are root's, choose another with "
			 "--listen ADDRESS:PORT";
	else if (err == -EADDRNOTAVAIL)
		advice = "; it is no address of this machine";
	return complain("%s: cannot listen on %s: %s%s", command, address,
			strerror(-err), advice);
}

/* How many sockets whoever started this has opened for it, see sd_listen_fds */
static long count_inherited(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	return strtol(count, NULL, 10);
}

static int inherit(const char *command, struct listener *listeners,
		   uint32_t *ret_count)
{
	const long count = count_inherited();

	if (count < 0 || count > LISTENERS_MAX)
		return complain("%s: LISTEN_FDS: %ld sockets are too many",
				command, count);
	for (int i = 0; i < (int)count; i++) {
		const int err =
			listener_inherit(&listeners[i], INHERITED_FIRST + i);

		if (err < 0)
			return complain("%s: LISTEN_FDS: descriptor %d is "
					"no socket that listens (%s)",
					command, INHERITED_FIRST + i,
					strerror(-err));
		++*ret_count;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	return EXIT_OK;
}

static int open_one(const struct listeners_wish *wish, const char *address,
		    struct a10_sq *sq, struct listener *listeners,
		    uint32_t *ret_count)
{
	int err;

	if (*ret_count == LISTENERS_MAX)
		return complain("%s: not more than %d addresses", wish->command,
				LISTENERS_MAX);
	err = listener_open(&listeners[*ret_count], sq, address);
	if (err < 0)
		return complain_of_address(wish->command, address, err);
	++*ret_count;
	return EXIT_OK;
}

int listeners_open(const struct listeners_wish *wish, struct a10_sq *sq,
		   struct listener *ret_listeners, uint32_t *ret_count)
{
	int status;

	*ret_count = 0;
	status = inherit(wish->command, ret_listeners, ret_count);
	for (uint32_t i = 0; i < wish->address_count && status == EXIT_OK; i++)
		status = open_one(wish, wish->addresses[i], sq, ret_listeners,
				  ret_count);
	if (status == EXIT_OK && *ret_count == 0)
		status = open_one(wish, wish->fallback, sq, ret_listeners,
				  ret_count);
	return status;
}
