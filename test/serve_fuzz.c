/*
 * serve_fuzz.c - a connection of "a10 serve" in the hands of a fuzzer: what the
 * client sends, in which pieces, and what the kernel makes of it.
 *
 * The ring is the scripted one, so that each operation can end in any way, and
 * time passes as the input says; files and the socket are real ones, for what
 * the server does without the ring. The bytes of the client are the input from
 * its front on; a byte from its back says what becomes of each operation. An
 * input without a NUL at its end is only bytes of a client.
 *
 * What must hold besides not crashing: what is sent begins as HTTP does, nothing
 * outside of the folder is in it, and in the end nothing is left over.
 *
 * To be built with clang and -Dfuzz=true; scripts/fuzz does it.
 */
#include "corpus.h"
#include "harness.h"
#include "scripted.h"

#include "connection.h"
#include "mime.h"
#include "server.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	STEPS_MAX = 400,
	ENDING_MAX = 20000, /* more than there are requests in any input */
	HELPER_MS = 5000,
	LARGE = 300000,
	CLIENTS_MAX = 200,
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the client sends, and what is to become of it. */
struct input {
	const uint8_t *front;
	const uint8_t *back;
	bool has_control;
};

struct client {
	int socket;
	size_t heard;
	char start[9];
};

static int root = -1;
static struct scripted *kernel;
static struct server server;
static struct crowd crowd;
static int clients; /* of this server, so far */

static void must_hold(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "serve_fuzz: %s\n", what);
	abort();
}

/* ---- Check, which the scripted ring asserts with, outside of a test ------ */

static struct test_place nowhere;
struct test_place *test_place = &nowhere;

void test_failing(void)
{
}

#undef _ck_assert_failed /* the harness calls the other before it */
void _ck_assert_failed(const char *file, int line, const char *expression,
		       const char *message, ...)
{
	(void)message;
	fprintf(stderr, "%s:%d: %s\n", file, line, expression);
	abort();
}

/* ---- the folder --------------------------------------------------------- */

static void put_at(const char *path, const char *content)
{
	const int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must_hold(fd >= 0, path);
	must_hold(write(fd, content, strlen(content)) ==
			  (ssize_t)strlen(content),
		  path);
	close(fd);
}

/* Made anew at each start, in a place of its own, which stays the cwd. */
static void fill_folder(void)
{
	const char *temporary = getenv("TMPDIR");
	char top[512];

	snprintf(top, sizeof(top), "%s/a10-fuzz-XXXXXX",
		 temporary ? temporary : "/tmp");
	must_hold(mkdtemp(top) && chdir(top) == 0, "a folder");
	put_at("secret", "SECRET");
	must_hold(mkdir("folder", 0755) == 0 && chdir("folder") == 0, "folder");
	put_at("hello.txt", "hello\n");
	put_at("empty", "");
	put_at("page.txt", "a page that compresses");
	put_at("page.txt.gz", "gz");
	put_at("page.txt.br", "br");
	put_at("large", "");
	must_hold(truncate("large", LARGE) == 0, "large");
	must_hold(mkdir("sub", 0755) == 0, "sub");
	must_hold(mkdir("list", 0755) == 0, "list");
	put_at("sub/index.html", "index");
	put_at("list/.hidden", "hidden");
	must_hold(symlink("../secret", "out") == 0, "out");
	must_hold(symlink("..", "list/up") == 0, "up");
	root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	must_hold(root >= 0, "root");
}

/* A seed per entry of the corpus, for the fuzzer to start from. */
static void write_seeds(const char *folder)
{
	static char bytes[CORPUS_LENGTH_MAX];

	for (size_t i = 0; i < corpus_count; i++) {
		const size_t length = corpus_write(&corpus[i], bytes);
		char path[512];
		FILE *file;

		snprintf(path, sizeof(path), "%s/corpus-%03zu", folder, i);
		file = fopen(path, "we");
		must_hold(file != NULL, path);
		fwrite(bytes, 1, length, file);
		fclose(file);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *seeds = getenv("A10_FUZZ_SEEDS");

	(void)argc;
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	if (seeds) {
		write_seeds(seeds);
		exit(0);
	}
	fill_folder();
	mime_load(MIME_SYSTEM_TABLE);
	return 0;
}

/* ---- the client --------------------------------------------------------- */

static void client_drain(struct client *client)
{
	static char bytes[1 << 16];
	ssize_t got;

	while ((got = recv(client->socket, bytes, sizeof(bytes), 0)) > 0) {
		for (ssize_t i = 0; i < got && client->heard < 9; i++)
			client->start[client->heard++] = bytes[i];
		must_hold(!memmem(bytes, (size_t)got, "SECRET", 6),
			  "the secret is out");
	}
	must_hold(memcmp(client->start, "HTTP/1.1 ", client->heard) == 0,
		  "this is no HTTP");
}

static uint8_t take_control(struct input *input)
{
	if (!input->has_control || input->back == input->front)
		return 0;
	return *--input->back;
}

/* As many bytes as the control says, or all. */
static size_t take_bytes(struct input *input, uint8_t control, size_t most,
			 const uint8_t **ret_bytes)
{
	size_t length = (size_t)(input->back - input->front);

	if (control >> 3 != 0 && length > control >> 3)
		length = control >> 3;
	if (length > most)
		length = most;
	*ret_bytes = input->front;
	input->front += length;
	return length;
}

/* ---- the kernel --------------------------------------------------------- */

static void answer_recv(struct scripted_request *request, struct input *input,
			uint8_t control)
{
	const struct uring_sqe *sqe = &request->sqe;
	const bool pooled = sqe->flags & URING_SQE_BUFFER_SELECT;
	const uint8_t *bytes;
	const size_t length = take_bytes(
		input, control, pooled ? POOL_BUFFER_SIZE : sqe->len, &bytes);

	if (length > 0 && pooled) {
		must_hold(scripted_receive(kernel, request, bytes,
					   (uint32_t)length, 0),
			  "no buffer");
		return;
	}
	if (length > 0)
		memcpy((void *)(uintptr_t)sqe->addr, bytes, length);
	scripted_post(kernel, request, (int32_t)length, 0);
}

static int32_t do_open(const struct uring_sqe *sqe)
{
	const long fd = syscall(SYS_openat2, sqe->fd,
				(const char *)(uintptr_t)sqe->addr,
				(const void *)(uintptr_t)sqe->off, sqe->len);

	return fd < 0 ? -errno : (int32_t)fd;
}

static int32_t do_read(const struct uring_sqe *sqe, uint8_t control)
{
	uint32_t length = sqe->len;
	ssize_t got;

	if (control >> 3 != 0 && length > control >> 3)
		length = control >> 3;
	got = pread(sqe->fd, (void *)(uintptr_t)sqe->addr, length,
		    (off_t)sqe->off);
	return got < 0 ? -errno : (int32_t)got;
}

static int32_t do_send(const struct uring_sqe *sqe, uint8_t control)
{
	size_t length = sqe->len;
	ssize_t sent;

	if (control >> 3 != 0 && length > control >> 3)
		length = control >> 3;
	sent = send(sqe->fd, (const void *)(uintptr_t)sqe->addr, length,
		    (int)sqe->op_flags);
	return sent < 0 ? -errno : (int32_t)sent;
}

static void answer(struct scripted_request *request, struct input *input,
		   uint8_t control)
{
	switch (request->sqe.opcode) {
	case URING_OP_RECV:
		answer_recv(request, input, control);
		break;
	case URING_OP_POLL_ADD:
		scripted_post(kernel, request, POLLOUT, 0);
		break;
	case URING_OP_READ:
		scripted_post(kernel, request, do_read(&request->sqe, control),
			      0);
		break;
	case URING_OP_SEND:
		scripted_post(kernel, request, do_send(&request->sqe, control),
			      0);
		break;
	case URING_OP_WRITE:
		scripted_post(kernel, request, (int32_t)request->sqe.len, 0);
		break;
	case URING_OP_OPENAT2:
		scripted_post(kernel, request, do_open(&request->sqe), 0);
		break;
	default:
		must_hold(false, "what is this for?");
	}
}

/* What the server waits for; NULL: nothing but time. */
static struct scripted_request *find_live(void)
{
	struct scripted_request *request = kernel->live_first;

	while (request && (request->internal ||
			   request->sqe.opcode == URING_OP_ASYNC_CANCEL))
		request = request->live_next;
	return request;
}

static void step(struct scripted_request *request, struct input *input,
		 struct client *client)
{
	const uint8_t control = take_control(input);

	switch (control & 7) {
	case 4:
		scripted_post(kernel, request, 0, 0);
		break;
	case 5:
		scripted_post(kernel, request, -ECONNRESET, 0);
		break;
	case 6:
		scripted_pass(kernel, (control >> 3) * A10_SECOND);
		break;
	case 7:
		client_drain(client);
		if (control >> 3 == 31 && !server.stopping)
			server_stop(&server);
		break;
	default:
		answer(request, input, control);
		break;
	}
}

/* Whatever it waits for, it does not do so for ever. */
static void end_step(struct input *input, struct client *client)
{
	struct scripted_request *request = find_live();

	client_drain(client);
	if (request && request->sqe.opcode != URING_OP_RECV &&
	    request->sqe.opcode != URING_OP_POLL_ADD)
		answer(request, input, 0);
	else
		scripted_pass(kernel, 100 * A10_SECOND);
	scripted_settle(kernel);
}

static void serve_client(struct input *input, struct client *client)
{
	struct scripted_request *request;

	scripted_settle(kernel);
	for (int i = 0; i < STEPS_MAX && (request = find_live()); i++) {
		step(request, input, client);
		scripted_settle(kernel);
		if (input->front == input->back)
			client_drain(client);
	}
	input->has_control = false;
	for (int i = 0; i < ENDING_MAX && server.connection_count > 0; i++)
		end_step(input, client);
	/* But a helper that makes a listing takes its time. */
	for (int i = 0; i < HELPER_MS && server.connection_count > 0; i++) {
		usleep(1000);
		end_step(input, client);
	}
	must_hold(server.connection_count == 0, "the connection stays");
}

/* ---- the server, for many clients --------------------------------------- */

static void start_server(void)
{
	kernel = scripted_ring(NULL);
	kernel->real_close = true;
	memset(&server, 0, sizeof(server));
	server.settings.idle_timeout_ns = IDLE_TIMEOUT;
	server.settings.request_timeout_ns = REQUEST_TIMEOUT;
	server.settings.send_timeout_ns = SEND_TIMEOUT;
	server.settings.stop_timeout_ns = STOP_TIMEOUT;
	server.settings.connections_max = 10;
	server.settings.stats_page = true;
	crowd_init(&crowd, &server, 1, server.settings.connections_max);
	server.ring = kernel->ring;
	server.sq = kernel->sq;
	server.root = root;
	must_hold(log_open(&server.log, LOG_JSON, "/dev/null") == 0, "log");
	must_hold(server_start(&server) == 0, "server_start");
	clients = 0;
}

static void end_server(void)
{
	scripted_destroy(kernel);
	server_finish(&server);
	kernel = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { .front = data, .back = data + size };
	struct client client = { .socket = -1 };
	int pair[2];

	if (!kernel)
		start_server();
	input.has_control = size > 0 && data[size - 1] == '\0';
	server.settings.hidden = size % 2 == 0;
	server.log.form = size % 3 == 0 ? LOG_JSON : LOG_COMMON;
	must_hold(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			     pair) == 0,
		  "socketpair");
	client.socket = pair[1];
	connection_create(&server, pair[0]);
	serve_client(&input, &client);
	client_drain(&client);
	close(client.socket);
	/* A ring remembers its requests, and what was stopped stays so. */
	if (server.stopping || ++clients == CLIENTS_MAX)
		end_server();
	return 0;
}
