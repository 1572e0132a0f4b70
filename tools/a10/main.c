/* main.c - a10: finds the subcommand. */
#include "command.h"

#include <a10.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "get", "download files over HTTP", get_run },
	{ "probe", "say whether io_uring can be used here, or why not",
	  probe_run },
	{ "proxy", "pass TCP connections on to another address", proxy_run },
	{ "serve", "serve the files of a folder over HTTP", serve_run },
};

enum {
	COMMAND_COUNT = sizeof(commands) / sizeof(*commands),
};

static int show_help(void)
{
	printf("Usage: a10 COMMAND [ARGUMENT...]\n\n"
	       "Asynchronous I/O on Linux: tools on top of the A10 library.\n\n"
	       "Commands:\n");
	for (int i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\n"
	       "  --help     show this, or with a command what that can do\n"
	       "  --version  show the version of the library\n");
	return EXIT_OK;
}

static int show_version(void)
{
	printf("a10 %s\n", a10_version());
	return EXIT_OK;
}

static const struct command *command_find(const char *name)
{
	for (int i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* What was printed must have arrived, or the command has failed. */
static int finish(int status)
{
	if (fflush(stdout) != 0 && status == EXIT_OK)
		return complain("standard output: %s", strerror(errno));
	return status;
}

/*
 * Of the first three none may be closed, or the next thing that is opened would
 * take its place, and what is printed go to it: a client, perhaps. What is opened
 * here instead fails as what is closed does, the other way round.
 */
static void open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		const int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", mode);
	}
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *command = command_find(name);

	open_standard();
	if (command)
		return finish(command->run(argc - 1, argv + 1));
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return finish(show_help());
	if (strcmp(name, "--version") == 0)
		return finish(show_version());
	if (argc < 2)
		complain("a command is missing; a10 --help lists them");
	else if (name[0] == '-')
		complain("unknown option '%s'; see a10 --help", name);
	else
		complain("unknown command '%s'; a10 --help lists them", name);
	return EXIT_USAGE;
}
