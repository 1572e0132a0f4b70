/* The examples that have peers: real ones, on the loopback. */
#include "program.h"

#include <arpa/inet.h>

/* A connection, once it listens. */
static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int number = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(number, 0);
	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	WAIT_UNTIL(connect(number, (struct sockaddr *)&address,
			   sizeof(address)) == 0);
	return number;
}

TEST(echo_sends_back_what_it_gets)
{
	struct program program;
	struct folder folder;
	char address[256];
	char text[256];
	int peers[8];

	folder_open(&folder);
	snprintf(address, sizeof(address), "unix:%s",
		 folder_file(&folder, "socket"));
	program_start(&program, "echo", address, NULL);
	for (int i = 0; i < 8; i++)
		peers[i] = dial(folder.file);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 8; i++) {
			char byte = (char)(round * 8 + i);

			ck_assert_int_eq(write(peers[i], &byte, 1), 1);
		}
		for (int i = 0; i < 8; i++) {
			char byte = 0;

			ck_assert_int_eq(read(peers[i], &byte, 1), 1);
			ck_assert_int_eq(byte, (char)(round * 8 + i));
		}
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(close(peers[i]), 0);
	/* Stopped with the other half still there. */
	ck_assert_int_eq(kill(program.child, SIGTERM), 0);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
	for (int i = 4; i < 8; i++) {
		ck_assert_int_le(read(peers[i], text, 1), 0);
		ck_assert_int_eq(close(peers[i]), 0);
	}
	folder_close(&folder);
}

/* A port that was free a moment ago. */
static void port_find(char *address, size_t size, struct sockaddr_in *ret_in)
{
	socklen_t length = sizeof(*ret_in);
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(ret_in, 0, sizeof(*ret_in));
	ret_in->sin_family = AF_INET;
	ret_in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(number, (struct sockaddr *)ret_in, length), 0);
	ck_assert_int_eq(
		getsockname(number, (struct sockaddr *)ret_in, &length), 0);
	ck_assert_int_eq(close(number), 0);
	snprintf(address, size, "127.0.0.1:%d", ntohs(ret_in->sin_port));
}

static int dial_port(const struct sockaddr_in *address)
{
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(number, 0);
	if (connect(number, (const struct sockaddr *)address,
		    sizeof(*address)) == 0)
		return number;
	close(number);
	return -1;
}

static bool is_refused(const struct sockaddr_in *address)
{
	int number = dial_port(address);

	if (number >= 0)
		close(number);
	return number < 0;
}

TEST(shards_serve_on_until_their_clients_go)
{
	struct sockaddr_in in;
	struct program program;
	char address[64];
	char text[256];
	int peers[8];

	port_find(address, sizeof(address), &in);
	program_start(&program, "shards", address, NULL);
	WAIT_UNTIL((peers[0] = dial_port(&in)) >= 0);
	for (int i = 1; i < 8; i++)
		peers[i] = dial_port(&in);
	for (int i = 0; i < 16; i++) {
		char byte = (char)i;

		/* Accepted by now, and served when nobody else is. */
		if (i == 8) {
			ck_assert_int_eq(kill(program.child, SIGTERM), 0);
			WAIT_UNTIL(is_refused(&in));
		}
		ck_assert_int_eq(write(peers[i % 8], &byte, 1), 1);
		ck_assert_int_eq(read(peers[i % 8], &byte, 1), 1);
		ck_assert_int_eq(byte, (char)i);
	}
	for (int i = 1; i < 8; i++)
		ck_assert_int_eq(close(peers[i]), 0);
	/* The last does not go. */
	ck_assert_int_eq(kill(program.child, SIGTERM), 0);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_le(read(peers[0], text, 1), 0);
	ck_assert_int_eq(close(peers[0]), 0);
}

/* A port of ours, and its address; SOCK_STREAM: it listens. */
static int port_open(int type, char *address, size_t size)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t length = sizeof(in);
	int number = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_ge(number, 0);
	ck_assert_int_eq(bind(number, (struct sockaddr *)&in, length), 0);
	ck_assert_int_eq(getsockname(number, (struct sockaddr *)&in, &length),
			 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(number, 8), 0);
	snprintf(address, size, "127.0.0.1:%d", ntohs(in.sin_port));
	return number;
}

static void assert_reads(int number, const char *expected)
{
	char text[256] = "";
	size_t length = 0;
	ssize_t n;

	while (length < strlen(expected)) {
		n = read(number, text + length, sizeof(text) - 1 - length);
		ck_assert_int_gt(n, 0);
		length += (size_t)n;
	}
	ck_assert_str_eq(text, expected);
}

static void say(int number, const char *text)
{
	ck_assert_int_eq(write(number, text, strlen(text)),
			 (ssize_t)strlen(text));
}

TEST(get_prints_a_body)
{
	static const char *const parts[] = { "HTTP/1.0 200 OK\r\nX: ",
					     "y\r\n\r\n", "hello ", "world\n" };
	struct program program;
	char request[512];
	char address[64];
	char url[128];
	char text[256];
	int listener = port_open(SOCK_STREAM, address, sizeof(address));
	int peer;

	snprintf(url, sizeof(url), "http://%s/some/thing", address);
	program_start(&program, "get", url, NULL);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(peer, 0);
	snprintf(request, sizeof(request),
		 "GET /some/thing HTTP/1.0\r\nHost: %s\r\n\r\n", address);
	assert_reads(peer, request);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		say(peer, parts[i]); /* a head and a body may come in pieces */
		nap(A10_MILLISECOND);
	}
	ck_assert_int_eq(close(peer), 0);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "hello world\n");

	program_start(&program, "get", url, NULL);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(peer, 0);
	assert_reads(peer, request);
	say(peer, "HTTP/1.0 404 Not Found\r\n\r\nno\n");
	ck_assert_int_eq(close(peer), 0);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 1);
	ck_assert_str_eq(text, "no\nget: status 404\n");
	ck_assert_int_eq(close(listener), 0);
	ck_assert_int_eq(program_run("get", url, NULL, text, sizeof(text)), 1);
	ck_assert_str_eq(text, "get URL: Connection refused\n");
}

TEST(proxy_passes_on_both_ways_until_both_have_ended)
{
	struct program program;
	struct folder folder;
	char address[256];
	char target[64];
	char byte;
	int listener = port_open(SOCK_STREAM, target, sizeof(target));
	int client;
	int server;

	folder_open(&folder);
	snprintf(address, sizeof(address), "unix:%s",
		 folder_file(&folder, "socket"));
	program_start(&program, "proxy", address, target);
	for (int i = 0; i < 3; i++) {
		client = dial(folder.file);
		server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		ck_assert_int_ge(server, 0);
		say(client, "ping");
		assert_reads(server, "ping");
		say(server, "pong");
		assert_reads(client, "pong");
		/* One way is over, the other is not. */
		ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
		ck_assert_int_eq(read(server, &byte, 1), 0);
		say(server, "still here");
		assert_reads(client, "still here");
		ck_assert_int_eq(close(server), 0);
		ck_assert_int_eq(read(client, &byte, 1), 0);
		ck_assert_int_eq(close(client), 0);
	}
	client = dial(folder.file); /* stopped with one under way */
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(server, 0);
	program_stop(&program);
	ck_assert_int_eq(read(client, &byte, 1), 0);
	ck_assert_int_eq(close(client), 0);
	ck_assert_int_eq(close(server), 0);
	ck_assert_int_eq(close(listener), 0);
	folder_close(&folder);
}

TEST(udp_echo_sends_datagrams_back)
{
	struct program program;
	struct timeval patience = { .tv_sec = 1 };
	char address[64];
	char back[2000];
	int peers[2];
	int number = port_open(SOCK_DGRAM, address, sizeof(address));
	struct sockaddr_in in;
	socklen_t length = sizeof(in);

	ck_assert_int_eq(getsockname(number, (struct sockaddr *)&in, &length),
			 0);
	ck_assert_int_eq(close(number), 0);
	program_start(&program, "udp_echo", address, NULL);
	for (int i = 0; i < 2; i++) {
		peers[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		ck_assert_int_ge(peers[i], 0);
		ck_assert_int_eq(connect(peers[i], (struct sockaddr *)&in,
					 sizeof(in)),
				 0);
		ck_assert_int_eq(setsockopt(peers[i], SOL_SOCKET, SO_RCVTIMEO,
					    &patience, sizeof(patience)),
				 0);
	}
	/* Refused until it is there. */
	WAIT_UNTIL(write(peers[0], "a", 1) == 1 &&
		   read(peers[0], back, sizeof(back)) == 1);
	for (int i = 0; i < 600; i++) { /* more than the pool has buffers */
		char text[1000];
		size_t size = (size_t)i + 1;

		memset(text, i, sizeof(text));
		ck_assert_int_eq(write(peers[i % 2], text, size),
				 (ssize_t)size);
		ck_assert_int_eq(read(peers[i % 2], back, sizeof(back)),
				 (ssize_t)size);
		ck_assert_mem_eq(back, text, size);
	}
	program_stop(&program);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(close(peers[i]), 0);
}

TEST(chat_tells_the_others_what_one_says)
{
	struct program program;
	struct folder folder;
	char address[256];
	char text[64];
	int peers[3];

	folder_open(&folder);
	snprintf(address, sizeof(address), "unix:%s",
		 folder_file(&folder, "socket"));
	program_start(&program, "chat", address, NULL);
	for (int i = 0; i < 3; i++)
		peers[i] = dial(folder.file);
	/* The last that was let in first: all others are there by then. */
	for (int i = 2; i >= 0; i--) {
		snprintf(text, sizeof(text), "I am %d\n", i);
		say(peers[i], text);
		for (int k = 0; k < 3; k++) {
			if (k != i)
				assert_reads(peers[k], text);
		}
	}
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d\n", i);
		say(peers[0], text);
		assert_reads(peers[1], text);
		assert_reads(peers[2], text);
	}
	/* One leaves, the others do not mind. */
	ck_assert_int_eq(close(peers[2]), 0);
	say(peers[1], "bye\n");
	assert_reads(peers[0], "bye\n");
	program_stop(&program);
	ck_assert_int_eq(read(peers[0], text, 1), 0);
	ck_assert_int_eq(close(peers[0]), 0);
	ck_assert_int_eq(close(peers[1]), 0);
	folder_close(&folder);
}
