/* "a10 get" on terminals that are small, and where descriptors are few. */
#include "proxied.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ROWS = 4,
	COLUMNS = 12,
	DOWNLOADS = 7,
	DRAWINGS = 3,
};

static char folder[32];

static void begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/a10-get-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

static void end(void)
{
	ck_assert_int_eq(rmdir(folder), 0);
}

/* ---- terminals --------------------------------------------------------------- */

/* A terminal of that size with the command on it. */
static pid_t start_on_terminal(const char *const *arguments, int *ret_master)
{
	const struct winsize size = { .ws_row = ROWS, .ws_col = COLUMNS };
	pid_t pid;
	int slave;

	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*ret_master < 0 || grantpt(*ret_master) < 0 ||
	    unlockpt(*ret_master) < 0)
		SKIP("no terminals here");
	slave = open(ptsname(*ret_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
	pid = fork();
	if (pid == 0) {
		dup2(slave, STDERR_FILENO);
		execv(command_path(), (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	ck_assert_int_gt(pid, 0);
	close(slave);
	return pid;
}

/* Until it was drawn on so often. false: it ended before. */
static bool hear_drawings(int master, char *text, size_t size)
{
	const char *at = text;
	int drawings = 0;
	size_t length = 0;
	ssize_t n;

	while (drawings < DRAWINGS && length < size - 1) {
		n = read(master, text + length, size - 1 - length);
		if (n <= 0)
			return false;
		length += (size_t)n;
		text[length] = '\0';
		/* Each begins by going up over the one before. */
		for (const char *up; (up = strstr(at, "\n\033[A")); at = up + 1)
			drawings++;
	}
	return true;
}

TEST(a_small_terminal_is_drawn_on_within_its_size)
{
	const int listener = listen_here();
	static char urls[DOWNLOADS][64];
	const char *arguments[DOWNLOADS + 5] = { "a10", "get", "--parallel",
						 "7" };
	char text[16384] = "";
	int line = 0, column = 0, master, status;
	pid_t pid;

	begin();
	for (int i = 0; i < DOWNLOADS; i++) {
		snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%u/%d",
			 port_of(listener), i);
		arguments[4 + i] = urls[i];
	}
	pid = start_on_terminal(arguments, &master);
	if (!hear_drawings(master, text, sizeof(text)))
		SKIP("%s", text);
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '\033') {
			line -= at[2] == 'A';
			at += strcspn(at, "AK");
			continue;
		}
		line += *at == '\n';
		column = *at == '\n' || *at == '\r' ? 0 : column + 1;
		ck_assert_int_le(line, ROWS - 1);
		ck_assert_msg(column <= COLUMNS - 1, "%s", text);
	}
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	while (read(master, text, sizeof(text)) > 0)
		continue;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGTERM);
	close(master);
	close(listener);
	end();
}

/* ---- descriptors ----------------------------------------------------------- */

/* Nothing that is opened later is there, and nothing is printed to it. */
static void assert_is_null(pid_t pid, int fd)
{
	char name[64], path[64] = "";

	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)pid, fd);
	ck_assert_int_gt(readlink(name, path, sizeof(path) - 1), 0);
	ck_assert_str_eq(path, "/dev/null");
}

TEST(what_was_closed_is_no_place_for_what_is_opened)
{
	const int listener = listen_here();
	char url[64];
	const char *const arguments[] = { "a10", "get", url, NULL };
	int status, peer;
	pid_t pid;

	begin();
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/f", port_of(listener));
	pid = fork();
	if (pid == 0) {
		for (int fd = 0; fd <= 2; fd++)
			close(fd);
		execv(command_path(), (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	ck_assert_int_gt(pid, 0);
	peer = accept_one(listener);
	for (int fd = 0; fd <= 2; fd++)
		assert_is_null(pid, fd);
	close(peer);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	close(listener);
	end();
}

TEST(no_more_come_at_once_than_there_are_descriptors_for)
{
	const struct rlimit limit = { 20 + 4 * 2, 20 + 4 * 2 };
	const int listener = listen_here();
	const char *arguments[DOWNLOADS + 4] = { "get", "--parallel", "7" };
	char urls[DOWNLOADS][64];
	struct command command;

	if (on_valgrind())
		SKIP("valgrind keeps the limit of descriptors to itself");
	begin();
	for (int i = 0; i < DOWNLOADS; i++) {
		snprintf(urls[i], sizeof(urls[i]), "127.0.0.1:%u/%d",
			 port_of(listener), i);
		arguments[3 + i] = urls[i];
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	command_start(&command, arguments);
	for (int i = 0; i < DOWNLOADS; i++) {
		const int fd = accept_one(listener);

		client_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
		pause_ms(20); /* for others to come meanwhile */
		client_say(fd, "x");
		close(fd);
	}
	command_read(&command, false);
	ck_assert_msg(command_wait(&command) == 0, "%s", command.text);
	assert_said(&command, "not more than 3 connections at once");
	for (int i = 0; i < DOWNLOADS; i++) {
		assert_file(strrchr(urls[i], '/') + 1, "x");
		unlink(strrchr(urls[i], '/') + 1);
	}
	close(listener);
	end();
}
