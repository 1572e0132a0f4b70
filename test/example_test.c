/* The examples, run as programs: they do what their first comment says. */
#include "support.h"

#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>

/* A10_EXAMPLES says where they are; else beside where this was built. */
static const char *example_path(const char *name)
{
	static char path[PATH_MAX + 64];
	const char *folder = getenv("A10_EXAMPLES");
	char self[PATH_MAX] = "";

	if (folder != NULL && *folder != '\0') {
		snprintf(path, sizeof(path), "%s/%s", folder, name);
	} else {
		ck_assert_int_gt(
			readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
		snprintf(path, sizeof(path), "%s/../examples/%s", dirname(self),
			 name);
	}
	if (access(path, X_OK) != 0)
		SKIP("%s is not built", path);
	return path;
}

/* Its ends of pipes; it reads from in and writes to out. */
struct program {
	pid_t child;
	int in;
	int out;
};

static void program_start(struct program *program, const char *name,
			  const char *first, const char *second)
{
	const char *path = example_path(name);
	char *arguments[] = { (char *)name, (char *)first, (char *)second,
			      NULL };
	int in[2];
	int out[2];

	pipe_open(in);
	pipe_open(out);
	program->child = fork();
	ck_assert_int_ge(program->child, 0);
	if (program->child == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execv(path, arguments);
		_exit(127);
	}
	ck_assert_int_eq(close(in[0]), 0);
	ck_assert_int_eq(close(out[1]), 0);
	program->in = in[1];
	program->out = out[0];
}

/* All that it prints until it ends; its status. */
static int program_end(struct program *program, char *text, size_t size)
{
	size_t length = 0;
	int status = 0;
	ssize_t n;

	if (program->in >= 0)
		ck_assert_int_eq(close(program->in), 0);
	while ((n = read(program->out, text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	ck_assert_int_eq(close(program->out), 0);
	ck_assert_int_eq(waitpid(program->child, &status, 0), program->child);
	ck_assert_msg(WIFEXITED(status), "it died: %s", text);
	return WEXITSTATUS(status);
}

static int program_run(const char *name, const char *first, const char *second,
		       char *text, size_t size)
{
	struct program program;

	program_start(&program, name, first, second);
	return program_end(&program, text, size);
}

TEST(nop_says_hello)
{
	char text[256];

	ck_assert_int_eq(program_run("nop", NULL, NULL, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "hello from operation 1\n"
			       "hello from operation 2\n"
			       "hello from operation 3\n");
}

TEST(cat_prints_a_file)
{
	static char bytes[300000];
	static char text[sizeof(bytes) + 2];
	struct folder folder;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)('a' + i % 23);
	folder_open(&folder);
	file_write(folder_file(&folder, "f"), bytes, sizeof(bytes));
	ck_assert_int_eq(
		program_run("cat", folder.file, NULL, text, sizeof(text)), 0);
	ck_assert_uint_eq(strlen(text), sizeof(bytes));
	ck_assert_mem_eq(text, bytes, sizeof(bytes));
	ck_assert_int_eq(program_run("cat", "/no/such/file", NULL, text,
				     sizeof(text)),
			 1);
	ck_assert_str_eq(text, "cat: /no/such/file: No such file or"
			       " directory\n");
	ck_assert_int_eq(program_run("cat", NULL, NULL, text, sizeof(text)), 2);
	folder_close(&folder);
}

TEST(copy_copies_a_file)
{
	const size_t size = (5 << 20) + 12345;
	unsigned char *bytes = malloc(size);
	struct folder folder;
	char from[256];
	char text[256];
	int copied;

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, size, 0);
	folder_open(&folder);
	file_write(folder_file(&folder, "from"), bytes, size);
	snprintf(from, sizeof(from), "%s", folder.file);
	folder_file(&folder, "to");
	ck_assert_int_eq(
		program_run("copy", from, folder.file, text, sizeof(text)), 0);
	memset(bytes, 0, size);
	copied = open(folder.file, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(copied, 0);
	ck_assert_int_eq(read(copied, bytes, size), (ssize_t)size);
	ck_assert_int_eq(lseek(copied, 0, SEEK_END), (off_t)size);
	ck_assert_int_eq(close(copied), 0);
	pattern_check(bytes, size, 0);
	ck_assert_int_eq(program_run("copy", "/no/such/file", folder.file, text,
				     sizeof(text)),
			 1);
	ck_assert_str_eq(text, "copy: No such file or directory\n");
	free(bytes);
	folder_close(&folder);
}

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

TEST(timeout_gives_up_when_nothing_comes)
{
	struct program program;
	char text[256];
	int kept;

	program_start(&program, "timeout", "0.2", NULL);
	ck_assert_int_eq(write(program.in, "hello\n", 6), 6);
	ck_assert_int_eq(close(program.in), 0);
	program.in = -1;
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "hello\n");
	/* Its standard input stays open. */
	program_start(&program, "timeout", "0.2", NULL);
	ck_assert_int_eq(write(program.in, "hello\n", 6), 6);
	kept = program.in;
	program.in = -1;
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 124);
	ck_assert_str_eq(text, "hello\ntimeout: Timer expired after 0 s\n");
	ck_assert_int_eq(close(kept), 0);
}

/* Their own loops sleep; the ring's descriptor wakes them. */
static void assert_ticks(const char *name)
{
	char text[256];

	ck_assert_int_eq(program_run(name, NULL, NULL, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "tick 1\ntick 2\ntick 3\n");
}

TEST(glib_has_a_ring_in_its_main_loop)
{
	assert_ticks("glib");
}

TEST(uv_has_a_ring_in_its_loop)
{
	assert_ticks("uv");
}

TEST(sd_event_has_a_ring_in_its_loop)
{
	assert_ticks("sd_event");
}

TEST(epoll_has_a_ring_in_its_loop)
{
	struct program program;
	struct folder folder;
	char expected[512];
	char text[512];
	ssize_t n;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "12345", 5);
	program_start(&program, "epoll", NULL, NULL);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(dprintf(program.in, "%s\n", folder.file), 0);
		snprintf(expected, sizeof(expected), "%s: 5\n", folder.file);
		n = read(program.out, text, sizeof(text) - 1);
		ck_assert_int_gt(n, 0);
		text[n] = '\0';
		ck_assert_str_eq(text, expected);
	}
	ck_assert_int_gt(dprintf(program.in, "/no/such/file\n"), 0);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "/no/such/file: No such file or directory\n");
	folder_close(&folder);
}
