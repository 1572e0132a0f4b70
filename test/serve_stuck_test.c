/*
 * "a10 serve" and what does not move: clients that are stuck, or ask for more
 * than there is room for, and a log that nobody reads.
 */
#include "web.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- clients that have shut their side ---------------------------------- */

/* Seconds of the processor that the server has used. */
static double used_time(const struct server *server)
{
	char path[64];
	char line[512] = "";
	char *field;
	unsigned long ticks;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)server->command.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	length = read(fd, line, sizeof(line) - 1);
	close(fd);
	ck_assert_int_gt(length, 0);
	/* Behind the name, which may have spaces in it, the 12th and 13th. */
	field = strrchr(line, ')');
	ck_assert_ptr_nonnull(field);
	for (int i = 0; i < 12 && field != NULL; i++)
		field = strchr(field + 1, ' ');
	ck_assert_ptr_nonnull(field);
	ticks = strtoul(field, &field, 10);
	ticks += strtoul(field, NULL, 10);
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

TEST(a_client_that_shut_its_side_and_does_not_read_is_given_up)
{
	struct server server;
	size_t before;
	double used;
	int fd;

	server_start(&server, "--send-timeout", "0.6");
	before = count_descriptors(&server);
	put_huge();
	fd = client_dial(&server);
	client_say(fd, GET_HUGE);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	pause_ms(200);
	ck_assert_uint_gt(count_descriptors(&server), before);
	used = used_time(&server);
	assert_descriptors(&server, before);
	/* It has looked now and then, not all the time. */
	ck_assert(used_time(&server) - used < 0.2 * test_slowed(1));
	ck_assert_uint_lt(client_drain(fd), HUGE_SIZE);
	server_leave(&server, fd);
}

TEST(a_client_that_shut_its_side_gets_all_of_it)
{
	struct server server;
	int fd;

	server_start(&server, "--send-timeout", "0.6");
	put_huge();
	fd = client_dial(&server);
	client_say(fd, GET_HUGE);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	pause_ms(200);
	ck_assert_uint_gt(client_drain(fd), HUGE_SIZE);
	server_leave(&server, fd);
}

TEST(a_client_that_reads_slowly_but_steadily_gets_all_of_it)
{
	static char bytes[10000];
	struct server server;
	size_t slowly = 0;
	int fd;

	server_start(&server, "--send-timeout", "1");
	put_huge();
	fd = client_dial(&server);
	client_say(fd, "GET /huge.bin HTTP/1.0\r\n\r\n");
	/* 200 kB a second. */
	for (; slowly < 26 * sizeof(bytes); slowly += sizeof(bytes)) {
		client_hear_bytes(fd, bytes, sizeof(bytes));
		pause_ms(50);
	}
	ck_assert_uint_gt(slowly + client_drain(fd), HUGE_SIZE);
	server_leave(&server, fd);
}

/* ---- a server that takes over ------------------------------------------- */

static int dial_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

TEST(a_server_that_stops_leaves_the_socket_of_the_next)
{
	char address[128];
	const char *const arguments[] = { "serve", "--listen", address, NULL };
	struct command first;
	struct command second;
	struct server server;
	int fd;

	server_start(&server, NULL, NULL);
	snprintf(address, sizeof(address), "unix:%s/socket", server.folder);
	put_huge();
	command_start(&first, arguments);
	command_read(&first, true);
	fd = dial_path("socket");
	client_say(fd, GET_HUGE);
	pause_ms(100);
	ck_assert_int_eq(kill(first.pid, SIGTERM), 0);
	/* What runs keeps it, but not its address. */
	for (int i = 0; i < 500 && access("socket", F_OK) == 0; i++)
		pause_ms(10);
	ck_assert_int_eq(access("socket", F_OK), -1);
	command_start(&second, arguments);
	command_read(&second, true);
	ck_assert_uint_gt(client_drain(fd), HUGE_SIZE);
	close(fd);
	ck_assert_int_eq(command_wait(&first), 0);
	fd = dial_path("socket");
	client_say(fd, GET_HELLO);
	assert_hello(fd);
	close(fd);
	ck_assert_int_eq(kill(second.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&second), 0);
	ck_assert_int_eq(access("socket", F_OK), -1);
	server_end(&server);
}

/* ---- listings that are asked for and not read --------------------------- */

enum {
	LONG_NAMES = 1900, /* whose page takes more than 4 MiB, and so 8 */
	ASKERS = 12,       /* more than may have one at the same time    */
};

/* Of characters that are long in HTML, and in a URL. */
static void put_long_names(int count)
{
	char path[256 + 5] = "long/";

	ck_assert_int_eq(mkdir("long", 0755), 0);
	memset(path + 5, '"', 250);
	for (int i = 0; i < count; i++) {
		snprintf(path + 251, sizeof(path) - 251, "%d", i);
		ck_assert_int_eq(link("empty", path), 0);
	}
}

TEST(listings_that_nobody_reads_do_not_take_all_memory)
{
	static const char ask[] = "GET /long/ HTTP/1.1\r\n" HOST "\r\n";
	struct server server;
	struct answer answer;
	int fds[ASKERS];
	int refused = 0;
	size_t before;

	server_start(&server, NULL, NULL);
	put_long_names(LONG_NAMES);
	assert_status(&server, "GET /list/ HTTP/1.0\r\n\r\n", 200);
	before = count_descriptors(&server);
	for (int i = 0; i < ASKERS; i++) {
		fds[i] = client_dial(&server);
		client_say(fds[i], ask);
		client_hear_head(fds[i], &answer);
		refused += answer.status == 503;
		ck_assert_int_eq(answer.status, refused > 0 ? 503 : 200);
	}
	ck_assert_int_gt(refused, 0);
	ck_assert_int_lt(refused, ASKERS / 2);
	/* Small ones there are. */
	assert_status(&server, "GET /list/ HTTP/1.0\r\n\r\n", 200);
	for (int i = 0; i < ASKERS; i++)
		close(fds[i]);
	assert_descriptors(&server, before);
	assert_status(&server, "GET /long/ HTTP/1.0\r\n\r\n", 200);
	server_end(&server);
}

/* Threads of that name the command has. */
static unsigned int threads_called(const struct server *server,
				   const char *name)
{
	char path[300], text[32];
	const struct dirent *entry;
	unsigned int count = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", server->command.pid);
	tasks = opendir(path);
	ck_assert_ptr_nonnull(tasks);
	while ((entry = readdir(tasks)) != NULL) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/comm",
			 server->command.pid, entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(text, sizeof(text), file) != NULL)
			count += strncmp(text, name, strlen(name)) == 0;
		fclose(file);
	}
	closedir(tasks);
	return count;
}

/* It takes as long as the disk does. */
TEST(a_listing_is_made_by_a_helper)
{
	struct server server;

	server_start(&server, NULL, NULL);
	put_long_names(20);
	ck_assert_uint_eq(threads_called(&server, "a10-work"), 0);
	assert_body(&server, "/hello.txt", "hello\n");
	ck_assert_uint_eq(threads_called(&server, "a10-work"), 0);
	assert_status(&server, "GET /long/ HTTP/1.0\r\n\r\n", 200);
	ck_assert_uint_eq(threads_called(&server, "a10-work"), 1);
	server_end(&server);
}

/* One connection has its turn, and then others have theirs. */
TEST(many_listings_in_one_go_do_not_keep_others_waiting)
{
	enum {
		HEADS = 100,
		LENGTH = 31
	};
	static char text[HEADS * LENGTH + 1];
	static char heads[HEADS * 1024];
	struct server server;
	size_t length = 0;
	size_t count = 0;
	ssize_t got;
	int fd;

	for (int i = 0; i < HEADS; i++)
		length += (size_t)snprintf(
			text + length, sizeof(text) - length,
			"HEAD /long/ HTTP/1.1\r\nHost:\r\n\r\n");
	server_start(&server, NULL, NULL);
	put_long_names(LONG_NAMES / 6);
	fd = client_dial(&server);
	client_say_bytes(fd, text, length);
	pause_ms(30);
	assert_body(&server, "/hello.txt", "hello\n");
	got = recv(fd, heads, sizeof(heads) - 1, MSG_DONTWAIT);
	for (const char *at = heads; got > 0 && at != NULL; count++)
		at = strstr(at + 1, "HTTP/1.1 200 OK");
	printf("%zu of %d came first\n", count, HEADS);
	ck_assert_uint_lt(count, HEADS / 2);
	server_leave(&server, fd);
}

/* ---- more clients than there may be ------------------------------------- */

/* Returns at once; who is accepted is for the server to say. */
static int dial_soon(const struct server *server)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(server->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		ck_assert_int_eq(errno, EINPROGRESS);
	return fd;
}

static size_t connect_burst(const char *limit, int count)
{
	struct server server;
	size_t before;
	size_t most = 0;
	int fds[900];

	server_start(&server, "--connections", limit);
	before = count_descriptors(&server);
	ck_assert_int_eq(kill(server.command.pid, SIGSTOP), 0);
	for (int i = 0; i < count; i++)
		fds[i] = dial_soon(&server);
	pause_ms(50);
	ck_assert_int_eq(kill(server.command.pid, SIGCONT), 0);
	for (int i = 0; i < 30; i++) {
		const size_t now_open = count_descriptors(&server);

		most = now_open > most ? now_open : most;
		pause_ms(10);
	}
	for (int i = 0; i < count; i++)
		close(fds[i]);
	/* Those that waited come in, and find the client gone. */
	assert_body(&server, "/hello.txt", "hello\n");
	server_end(&server);
	return most - before;
}

TEST(a_burst_does_not_exceed_the_limit)
{
	ck_assert_uint_le(connect_burst("20", 200), 20 + 1);
	ck_assert_uint_le(connect_burst("600", 900), 600 + 1);
}

enum {
	DESCRIPTORS = 200, /* that the server may have             */
	DOWNLOADS = 100,   /* which need two each, beside a few    */
};

/* More than there are descriptors for, of whom nobody is to be refused. */
static void download_at_once(const char *option, const char *value)
{
	const struct rlimit limit = { DESCRIPTORS, DESCRIPTORS };
	const int small = 4096;
	struct server server;
	struct answer answer;
	int fds[DOWNLOADS];

	if (on_valgrind())
		SKIP("valgrind keeps the limit of descriptors to itself");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	server_start(&server, option, value);
	put_huge();
	for (int i = 0; i < DOWNLOADS; i++) {
		fds[i] = client_dial(&server);
		ck_assert_int_eq(setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF,
					    &small, sizeof(small)),
				 0);
		client_say(fds[i], GET_HUGE);
	}
	pause_ms(200);
	for (int i = 0; i < DOWNLOADS; i++) {
		client_hear_head(fds[i], &answer);
		ck_assert_int_eq(answer.status, 200);
		close(fds[i]);
	}
	server_end(&server);
}

TEST(there_are_descriptors_for_files_too)
{
	download_at_once(NULL, NULL);
}

TEST(who_finds_no_descriptor_waits_for_one)
{
	download_at_once("--connections", "100");
}

/* ---- a log that nobody reads -------------------------------------------- */

TEST(a_log_that_nobody_reads_does_not_keep_it_from_stopping)
{
	const char *const options[] = { "--log", "--stop-timeout", "0.3",
					NULL };
	char text[4096 + 64];
	char query[4096];
	struct server server;
	int fd;

	memset(query, 'q', sizeof(query) - 1);
	query[sizeof(query) - 1] = '\0';
	snprintf(text, sizeof(text),
		 "GET /hello.txt?%s HTTP/1.1\r\n" HOST "\r\n", query);
	server_start_with(&server, options);
	fd = client_dial(&server);
	/* A pipe takes 64 KiB. */
	for (int i = 0; i < 40; i++) {
		client_say(fd, text);
		assert_hello(fd);
	}
	close(fd);
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	ck_assert_int_eq(server_wait(&server), 0);
}
