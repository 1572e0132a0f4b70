/* "a10 get" as a whole, with a10 serve as the server. */
#include "web.h"

#include "progress.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* ---- how far it is ---------------------------------------------------------- */

static void assert_utf8(const char *text)
{
	while (*text != '\0') {
		const size_t step = text_utf8_length(text, strlen(text));

		ck_assert_uint_gt(step, 0);
		text += step;
	}
}

TEST(a_line_of_progress_fits)
{
	static struct download download = { .total = 1 << 30, .begun = 1 };
	char line[512];

	snprintf(download.path, sizeof(download.path),
		 "a-name-that-is-longer-than-there-is-room-for.tar.gz");
	for (int columns = 0; columns <= 300; columns++) {
		for (int i = 0; i <= 4; i++) {
			download.count = (uint64_t)i << 28;
			progress_line(&download, 10 * A10_SECOND, columns, line,
				      sizeof(line));
			ck_assert_uint_le(strlen(line), (size_t)columns);
		}
	}
	download.count = 1 << 29;
	progress_line(&download, 10 * A10_SECOND, 100, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "is-room-for.tar.gz ["));
	ck_assert_ptr_nonnull(strstr(line, "=> "));
	ck_assert_ptr_nonnull(strstr(line, " 50 %  512 MiB"));
	ck_assert_ptr_nonnull(strstr(line, "/s 0:10"));
	/* Of which nothing is known, and more than was said. */
	download.total = 0;
	progress_line(&download, 1, 100, line, sizeof(line));
	ck_assert_ptr_null(strstr(line, "%"));
	download.total = 1;
	progress_line(&download, 0, 100, line, sizeof(line));
	/* No character is cut in two, in front or behind. */
	snprintf(download.path, sizeof(download.path),
		 "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4.\xe2\x82\xac\xe2\x82\xac"
		 "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac.gz");
	for (int columns = 0; columns <= 30; columns++) {
		progress_line(&download, 0, columns, line, sizeof(line));
		assert_utf8(line);
	}
}

/* ---- files ------------------------------------------------------------------ */

static void assert_same(const char *path, const char *other)
{
	FILE *file = fopen(path, "re");
	FILE *second = fopen(other, "re");
	size_t at = 0;
	int byte;

	ck_assert_msg(file != NULL && second != NULL, "%s, %s", path, other);
	do {
		byte = fgetc(file);
		if (byte != fgetc(second))
			ck_abort_msg("%s: byte %zu", path, at);
		at++;
	} while (byte != EOF);
	fclose(file);
	fclose(second);
}

/* In a folder of its own beside the server's. */
static void begin_with_server(struct server *server)
{
	server_start(server, NULL, NULL);
	ck_assert_int_eq(mkdir("../down", 0755), 0);
	ck_assert_int_eq(chdir("../down"), 0);
}

static const char *at_server(const struct server *server, const char *path)
{
	static char url[4][384];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(url[turn], sizeof(*url), "http://127.0.0.1:%u/%s",
		 server->port, path);
	return url[turn];
}

TEST(files_come_whole_and_under_their_names)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	put_pattern("../folder/large", 500000);
	{
		const char *const arguments[] = {
			"get", at_server(&server, "hello.txt"),
			at_server(&server, "empty"),
			at_server(&server, "large"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 0);
	}
	assert_said(&command, "hello.txt: 6 B in ");
	assert_file("hello.txt", "hello\n");
	assert_file("empty", "");
	assert_same("large", "../folder/large");
	assert_none("large.part");
	assert_none("large.part.tag");
	assert_none("empty.part");
	server_end(&server);
}

TEST(what_is_there_is_left_alone_unless_it_is_to_be_replaced)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	put("hello.txt", "mine");
	{
		const char *const arguments[] = {
			"get", at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 1);
	}
	assert_said(&command, "--force");
	assert_file("hello.txt", "mine");
	{
		const char *const arguments[] = {
			"get", "-qf", at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 0);
	}
	ck_assert_str_eq(command.text, "");
	assert_file("hello.txt", "hello\n");
	/* What is no plain file has no content to replace. */
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	{
		const char *const arguments[] = {
			"get", "-fo", "fifo", at_server(&server, "hello.txt"),
			NULL
		};
		struct stat there;

		ck_assert_int_eq(command_run(&command, arguments), 1);
		assert_said(&command, "no plain file");
		ck_assert_int_eq(stat("fifo", &there), 0);
		ck_assert(S_ISFIFO(there.st_mode));
	}
	server_end(&server);
}

TEST(a_name_that_looks_like_standard_output_is_a_file)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	put("-", "before");
	{
		const char *const arguments[] = { "get", "-qf",
						  at_server(&server, "-"),
						  NULL };

		ck_assert_int_eq(command_run(&command, arguments), 1);
	}
	ck_assert_ptr_nonnull(strstr(command.text, "404"));
	assert_file("-", "before");
	server_end(&server);
}

TEST(a_name_may_be_chosen_and_be_standard_output)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	{
		const char *const arguments[] = {
			"get", "-o", "-", "-q", at_server(&server, "hello.txt"),
			NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 0);
	}
	ck_assert_str_eq(command.text, "hello\n");
	{
		const char *const arguments[] = {
			"get", "--output", "sub/x",
			at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 1);
		assert_said(&command, "sub/x: cannot be written: No such");
		ck_assert_int_eq(mkdir("sub", 0755), 0);
		ck_assert_int_eq(command_run(&command, arguments), 0);
	}
	assert_file("sub/x", "hello\n");
	server_end(&server);
}

TEST(what_fails_is_told_and_the_rest_is_done)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	{
		const char *const arguments[] = {
			"get", at_server(&server, "none"),
			at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 1);
	}
	assert_said(&command, "a10: get: none: the server says 404 Not Found");
	assert_file("hello.txt", "hello\n");
	assert_none("none");
	assert_none("none.part");
	server_end(&server);
}

/* What an interrupted one leaves: the first length bytes, and the tag. */
static void leave_part(const struct server *server, const char *name,
		       size_t length)
{
	struct answer answer;
	char path[64];
	char *part = (char *)malloc(length);
	int fd;

	snprintf(path, sizeof(path), "/%s", name);
	client_get(server, path, &answer);
	ck_assert_uint_ge(answer.length, length);
	memcpy(part, answer.body, length);
	free(answer.body);
	snprintf(path, sizeof(path), "%s.part.tag", name);
	put(path, answer_header(&answer, "ETag"));
	path[strlen(path) - 4] = '\0';
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_eq(write(fd, part, length), (ssize_t)length);
	close(fd);
	free(part);
}

TEST(what_was_interrupted_goes_on)
{
	const size_t lengths[] = { 1, 200000, 299999, 300000 };
	struct server server;
	struct command command;

	begin_with_server(&server);
	put_pattern("../folder/large", 300000);
	for (size_t i = 0; i < 4; i++) {
		const char *const arguments[] = { "get", "-C",
						  at_server(&server, "large"),
						  NULL };

		leave_part(&server, "large", lengths[i]);
		ck_assert_int_eq(command_run(&command, arguments), 0);
		assert_said(&command, "gone on with");
		assert_same("large", "../folder/large");
		assert_none("large.part.tag");
		ck_assert_int_eq(unlink("large"), 0);
	}
	server_end(&server);
}

TEST(what_has_changed_since_begins_anew)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	put_pattern("../folder/large", 300000);
	leave_part(&server, "large", 150000);
	put_pattern("../folder/large", 290001);
	{
		const char *const arguments[] = { "get", "-C",
						  at_server(&server, "large"),
						  NULL };

		ck_assert_int_eq(command_run(&command, arguments), 0);
		ck_assert_ptr_null(strstr(command.text, "gone on with"));
		assert_same("large", "../folder/large");
		ck_assert_int_eq(unlink("large"), 0);
		/* Nobody knows of what this is a part. */
		leave_part(&server, "large", 150000);
		ck_assert_int_eq(truncate("large.part.tag", 0), 0);
		ck_assert_int_eq(command_run(&command, arguments), 0);
		assert_same("large", "../folder/large");
		ck_assert_int_eq(unlink("large"), 0);
		/* Without its file it may be anything: a file of that name. */
		put("large.part", "mine");
		ck_assert_int_eq(command_run(&command, arguments), 1);
		assert_said(&command, "no unfinished download");
		assert_file("large.part", "mine");
		assert_none("large");
	}
	server_end(&server);
}

/* Each is, until it is whole, what the other is to be called. */
TEST(files_may_be_called_as_parts_of_each_other)
{
	static const char *const names[] = { "f", "f.part", "f.part.tag",
					     "f.1.part" };
	const char *arguments[7] = { "get", "-f" };
	char urls[4][128];
	struct server server;
	struct command command;

	begin_with_server(&server);
	for (size_t i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "../folder/%s", names[i]);
		put_pattern(path, 100000 + i);
		snprintf(urls[i], sizeof(urls[i]), "%s",
			 at_server(&server, names[i]));
		arguments[2 + i] = urls[i];
	}
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(command_run(&command, arguments), 0);
		for (size_t i = 0; i < 4; i++) {
			char path[64];

			snprintf(path, sizeof(path), "../folder/%s", names[i]);
			assert_same(names[i], path);
		}
	}
	assert_none("f.part.part");
	assert_none("f.2.part");
	server_end(&server);
}

TEST(a_name_may_be_as_long_as_names_are)
{
	struct server server;
	struct command command;
	char name[256];
	char path[300];

	begin_with_server(&server);
	for (size_t length = 246; length < sizeof(name); length += 3) {
		const char *arguments[] = { "get", "-q", NULL, NULL };

		memset(name, 'n', length);
		name[length] = '\0';
		snprintf(path, sizeof(path), "../folder/%s", name);
		put(path, "long");
		arguments[2] = at_server(&server, name);
		ck_assert_int_eq(command_run(&command, arguments), 0);
		assert_file(name, "long");
		ck_assert_int_eq(unlink(name), 0);
		ck_assert_int_eq(unlink(path), 0);
	}
	server_end(&server);
}

TEST(two_at_once_do_not_write_to_the_same_file)
{
	struct server server;
	struct command command;
	int fd;

	begin_with_server(&server);
	fd = open("hello.txt.part", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	{
		const char *const arguments[] = {
			"get", at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 1);
		assert_said(&command, "in use");
		close(fd);
		/* Nor to what is somebody else's. */
		ck_assert_int_eq(unlink("hello.txt.part"), 0);
		put("precious", "mine");
		ck_assert_int_eq(symlink("precious", "hello.txt.part"), 0);
		ck_assert_int_eq(command_run(&command, arguments), 1);
		assert_file("precious", "mine");
		ck_assert_int_eq(unlink("hello.txt.part"), 0);
		ck_assert_int_eq(mkfifo("hello.txt.part", 0644), 0);
		ck_assert_int_eq(command_run(&command, arguments), 1);
	}
	server_end(&server);
}

/* A terminal that was stopped, as by Ctrl-S, with the command on it. */
static pid_t start_on_stopped_terminal(const char *const *arguments,
				       int *ret_master, int *ret_slave)
{
	pid_t pid;

	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*ret_master < 0 || grantpt(*ret_master) < 0 ||
	    unlockpt(*ret_master) < 0)
		SKIP("no terminals here");
	*ret_slave = open(ptsname(*ret_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(*ret_slave, 0);
	ck_assert_int_eq(tcflow(*ret_slave, TCOOFF), 0);
	pid = fork();
	if (pid == 0) {
		dup2(*ret_slave, STDERR_FILENO);
		/* POSIX: the strings are not written to. */
		execv(command_path(), (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

TEST(a_terminal_that_was_stopped_stops_no_download)
{
	struct server server;
	int master, slave, status;
	double until;

	begin_with_server(&server);
	ck_assert_int_eq(chdir("../folder"), 0);
	put_huge();
	ck_assert_int_eq(chdir("../down"), 0);
	{
		const char *const arguments[] = {
			"a10",
			"get",
			"--parallel",
			"1",
			at_server(&server, "hello.txt"),
			at_server(&server, "huge.bin"),
			NULL
		};
		const pid_t pid =
			start_on_stopped_terminal(arguments, &master, &slave);

		until = now() + test_slowed(8);
		while (access("huge.bin", F_OK) < 0 && now() < until)
			pause_ms(5);
		assert_file("hello.txt", "hello\n");
		ck_assert_int_eq(access("huge.bin", F_OK), 0);
		ck_assert_int_eq(tcflow(slave, TCOON), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	close(slave);
	close(master);
	server_end(&server);
}

/* ---- another server ---------------------------------------------------------- */

static const char nginx_path[] = "/usr/sbin/nginx";

/* Nothing of it is outside of that folder, which a user can write to. */
static void put_nginx_conf(const char *folder, uint16_t port)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "daemon off; master_process off; worker_processes 1;\n"
		 "error_log stderr crit; pid %s/nginx.pid;\n"
		 "events { worker_connections 64; }\n"
		 "http { access_log off; client_body_temp_path %s/t;\n"
		 "proxy_temp_path %s/t; fastcgi_temp_path %s/t;\n"
		 "uwsgi_temp_path %s/t; scgi_temp_path %s/t;\n"
		 "server { listen 127.0.0.1:%u; root %s/folder; } }\n",
		 folder, folder, folder, folder, folder, folder, port, folder);
	put("nginx.conf", text);
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr =
					       htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length),
			 0);
	close(fd);
	return ntohs(address.sin_port);
}

static pid_t nginx_start(const struct server *server, uint16_t port)
{
	char conf[128];
	pid_t pid;

	put_nginx_conf(server->top, port);
	snprintf(conf, sizeof(conf), "%s/down/nginx.conf", server->top);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(nginx_path, "nginx", "-p", server->top, "-c", conf,
		      (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* Of another make than ours: what it calls a version, and how it sends parts. */
TEST(nginx_is_understood_too)
{
	struct server server;
	struct server nginx;
	struct command command;
	const double until = now() + test_slowed(10);
	pid_t pid;

	if (access(nginx_path, X_OK) != 0)
		SKIP("nginx is not installed");
	begin_with_server(&server);
	put_pattern("../folder/large", 300000);
	nginx.port = free_port();
	pid = nginx_start(&server, nginx.port);
	{
		const char *const arguments[] = { "get", "-C",
						  at_server(&nginx, "large"),
						  NULL };

		while (command_run(&command, arguments) != 0) {
			ck_assert_msg(now() < until, "%s", command.text);
			pause_ms(10);
		}
		assert_same("large", "../folder/large");
		ck_assert_int_eq(unlink("large"), 0);
		leave_part(&nginx, "large", 150000);
		ck_assert_int_eq(command_run(&command, arguments), 0);
		assert_said(&command, "gone on with");
		assert_same("large", "../folder/large");
	}
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	server_end(&server);
}
