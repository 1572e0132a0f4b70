#include "web.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ARGUMENTS_MAX = 20,
};

/* ---- the command -------------------------------------------------------- */

const char *command_path(void)
{
	static char path[PATH_MAX + 32];
	char program[PATH_MAX];
	const char *chosen = getenv("A10_COMMAND");
	ssize_t length;

	if (chosen != NULL)
		return chosen;
	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	ck_assert_int_gt(length, 0);
	program[length] = '\0';
	*strrchr(program, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../tools/a10/a10", program);
	return path;
}

/* In the child: what sd_listen_fds(3) looks for. */
static void hand_over(int socket)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	if (socket == 3)
		fcntl(socket, F_SETFD, 0);
	else
		dup2(socket, 3);
}

void command_start(struct command *command, const char *const *arguments)
{
	command_start_with(command, arguments, -1);
}

void command_start_with(struct command *command, const char *const *arguments,
			int socket)
{
	char *words[ARGUMENTS_MAX + 2] = { NULL };
	int ends[2];

	words[0] = (char *)command_path();
	for (int i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++)
		words[i + 1] = (char *)arguments[i];
	if (access(words[0], X_OK) != 0)
		SKIP("%s: %s", words[0], strerror(errno));
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	command->pid = fork();
	ck_assert_int_ge(command->pid, 0);
	if (command->pid == 0) {
		/* A test that fails does not wait for it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		if (socket >= 0)
			hand_over(socket);
		execv(words[0], words);
		_exit(127);
	}
	close(ends[1]);
	command->output = ends[0];
}

void command_read(struct command *command, bool line)
{
	size_t length = 0;

	while (length < sizeof(command->text) - 1 &&
	       read(command->output, command->text + length, 1) == 1) {
		if (command->text[length++] == '\n' && line)
			break;
	}
	command->text[length] = '\0';
}

bool command_read_line(struct command *command)
{
	size_t length = 0;
	char byte = '\0';

	while (byte != '\n' && read(command->output, &byte, 1) == 1) {
		if (length < sizeof(command->text) - 1)
			command->text[length++] = byte;
	}
	command->text[length] = '\0';
	return byte == '\n';
}

int command_wait(struct command *command)
{
	int status;

	ck_assert_int_eq(waitpid(command->pid, &status, 0), command->pid);
	close(command->output);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int command_run(struct command *command, const char *const *arguments)
{
	command_start(command, arguments);
	command_read(command, false);
	return command_wait(command);
}

/* ---- a server and its folder -------------------------------------------- */

void put(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t length = strlen(content);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(write(fd, content, length), (ssize_t)length);
	close(fd);
}

/* What every test finds; the rest it makes itself. In it: it is the cwd. */
static void fill_folder(const struct server *server)
{
	ck_assert_int_eq(mkdir(server->folder, 0755), 0);
	ck_assert_int_eq(chdir(server->folder), 0);
	put("../secret", "SECRET");
	put("hello.txt", "hello\n");
	put("empty", "");
	put("100%.txt", "percent");
	put("a b.html", "<p>space");
	put("\xc3\xa4.txt", "umlaut");
	put(".hidden", "HIDDEN");
	ck_assert_int_eq(mkdir("sub", 0755), 0);
	put("sub/index.html", "<h1>index</h1>");
	put("sub/page.html", "<h1>page</h1>");
	ck_assert_int_eq(mkdir("list", 0755), 0);
	ck_assert_int_eq(mkdir("list/inner", 0755), 0);
	put("list/<b>&.txt", "odd");
	put("list/.dot", "HIDDEN");
	ck_assert_int_eq(symlink("../hello.txt", "list/inside"), 0);
	ck_assert_int_eq(symlink("../../secret", "list/outside"), 0);
	ck_assert_int_eq(symlink("/etc/passwd", "list/absolute"), 0);
	ck_assert_int_eq(symlink("..", "up"), 0);
	ck_assert_int_eq(symlink("../..", "list/upper"), 0);
	ck_assert_int_eq(mkfifo("fifo", 0644), 0);
}

/* The port of the first address that it says it listens on. */
static void server_hear(struct server *server)
{
	const char *colon;

	command_read(&server->command, true);
	if (strstr(server->command.text, "no ring") != NULL)
		SKIP("%s", server->command.text);
	ck_assert_msg(strstr(server->command.text, "a10: serving ") != NULL,
		      "%s", server->command.text);
	colon = strrchr(server->command.text, ':');
	server->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

void server_start_with(struct server *server, const char *const *options)
{
	const char *arguments[ARGUMENTS_MAX + 1] = { "serve", server->folder };
	const char *temporary = getenv("TMPDIR");
	bool listens = false;
	int count = 2;

	snprintf(server->top, sizeof(server->top), "%s/a10-serve-XXXXXX",
		 temporary != NULL && strlen(temporary) < 40 ? temporary :
							       "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(server->top));
	snprintf(server->folder, sizeof(server->folder), "%s/folder",
		 server->top);
	fill_folder(server);
	for (int i = 0; options[i] != NULL; i++) {
		ck_assert_int_lt(count, ARGUMENTS_MAX - 2);
		arguments[count++] = options[i];
		listens = listens || strcmp(options[i], "--listen") == 0;
	}
	if (!listens) {
		arguments[count++] = "--listen";
		arguments[count++] = "127.0.0.1:0";
	}
	command_start(&server->command, arguments);
	server_hear(server);
}

void server_start(struct server *server, const char *option, const char *value)
{
	const char *const options[] = { option, value, NULL };

	server_start_with(server, options);
	ck_assert_uint_ne(server->port, 0);
}

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void server_remove_folder(struct server *server)
{
	ck_assert_int_eq(chdir("/"), 0);
	nftw(server->top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int server_wait(struct server *server)
{
	int status = command_wait(&server->command);

	server_remove_folder(server);
	return status;
}

void server_end(struct server *server)
{
	ck_assert_int_eq(kill(server->command.pid, SIGTERM), 0);
	ck_assert_int_eq(server_wait(server), 0);
}

void put_pattern(const char *path, size_t length)
{
	uint64_t state = length;
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < length; i++)
		fputc((int)(test_random(&state) & 0xff), file);
	ck_assert_int_eq(fclose(file), 0);
}

void assert_pattern(const char *bytes, size_t length)
{
	uint64_t state = length;

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)bytes[i] != (test_random(&state) & 0xff))
			ck_abort_msg("byte %zu of %zu is wrong", i, length);
	}
}

/* ---- a client ----------------------------------------------------------- */

int client_dial(const struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(server->port),
				       .sin_addr.s_addr =
					       htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = (time_t)test_slowed(10) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				    sizeof(patience)),
			 0);
	ck_assert_int_eq(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void client_say_bytes(int fd, const char *bytes, size_t length)
{
	ck_assert_int_eq(send(fd, bytes, length, MSG_NOSIGNAL),
			 (ssize_t)length);
}

void client_say(int fd, const char *text)
{
	client_say_bytes(fd, text, strlen(text));
}

void client_hear_bytes(int fd, char *bytes, size_t length)
{
	size_t used = 0;

	while (used < length) {
		ssize_t got = recv(fd, bytes + used, length - used, 0);

		ck_assert_msg(got > 0, "after %zu of %zu: %s", used, length,
			      got < 0 ? strerror(errno) : "the end");
		used += (size_t)got;
	}
}

const char *answer_header(const struct answer *answer, const char *name)
{
	static char value[sizeof(((struct answer *)NULL)->head)];
	char wanted[64];
	const char *found;

	snprintf(wanted, sizeof(wanted), "\r\n%s: ", name);
	found = strstr(answer->head, wanted);
	if (found == NULL)
		return NULL;
	found += strlen(wanted);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(found, "\r"),
		 found);
	return value;
}

void client_hear_head(int fd, struct answer *answer)
{
	size_t length = 0;

	do {
		ck_assert_uint_lt(length, sizeof(answer->head) - 1);
		client_hear_bytes(fd, answer->head + length++, 1);
		answer->head[length] = '\0';
	} while (length < 4 ||
		 strcmp(answer->head + length - 4, "\r\n\r\n") != 0);
	ck_assert_int_eq(strncmp(answer->head, "HTTP/1.1 ", 9), 0);
	answer->status = (int)strtol(answer->head + 9, NULL, 10);
	ck_assert_msg((answer_header(answer, "Content-Length") == NULL) ==
			      (answer->status == 304),
		      "%s", answer->head);
	ck_assert_ptr_nonnull(answer_header(answer, "Date"));
	ck_assert_ptr_nonnull(answer_header(answer, "Server"));
	answer->length = 0;
	if (answer->status != 304)
		answer->length = strtoul(
			answer_header(answer, "Content-Length"), NULL, 10);
	answer->body = NULL;
}

void client_hear(int fd, struct answer *answer)
{
	client_hear_head(fd, answer);
	answer->body = (char *)malloc(answer->length + 1);
	ck_assert_ptr_nonnull(answer->body);
	client_hear_bytes(fd, answer->body, answer->length);
	answer->body[answer->length] = '\0';
}

void client_hear_end(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, 0);

	ck_assert_msg(got == 0, "%s", got > 0 ? "a byte" : strerror(errno));
}

void client_ask(const struct server *server, const char *text,
		struct answer *answer)
{
	int fd = client_dial(server);

	client_say(fd, text);
	client_hear(fd, answer);
	close(fd);
}

void client_get(const struct server *server, const char *path,
		struct answer *answer)
{
	char text[16384];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n", path);
	client_ask(server, text, answer);
}

void assert_body(const struct server *server, const char *path,
		 const char *body)
{
	struct answer answer;

	client_get(server, path, &answer);
	ck_assert_msg(answer.status == 200, "%s: %d", path, answer.status);
	ck_assert_str_eq(answer.body, body);
	free(answer.body);
}

void assert_status(const struct server *server, const char *text, int status)
{
	struct answer answer;

	client_ask(server, text, &answer);
	ck_assert_msg(answer.status == status, "%s: %d", text, answer.status);
	ck_assert_ptr_nonnull(strstr(answer.body, "<h1>"));
	free(answer.body);
}

int server_meet(struct server *server, const char *option, const char *value)
{
	server_start(server, option, value);
	return client_dial(server);
}

void server_leave(struct server *server, int fd)
{
	close(fd);
	server_end(server);
}

/* ---- what takes time ----------------------------------------------------- */

void assert_hello(int fd)
{
	struct answer answer;

	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(answer.body, "hello\n");
	free(answer.body);
}

void put_huge(void)
{
	int fd = open("huge.bin", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, HUGE_SIZE), 0);
	close(fd);
}

void pause_ms(long ms)
{
	struct timespec time = { .tv_sec = ms / 1000,
				 .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

size_t client_drain(int fd)
{
	static char bytes[1 << 18];
	size_t total = 0;
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		total += (size_t)got;
	return total;
}

size_t count_descriptors(const struct server *server)
{
	char path[64];
	size_t count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)server->command.pid);
	folder = opendir(path);
	ck_assert_ptr_nonnull(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

void assert_descriptors(const struct server *server, size_t count)
{
	const double until = now() + test_slowed(5);

	while (count_descriptors(server) > count && now() < until)
		pause_ms(10);
	ck_assert_uint_le(count_descriptors(server), count);
}

long resident_kib(const struct server *server)
{
	char line[256];
	char path[64];
	long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status",
		 (int)server->command.pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	}
	fclose(file);
	return kib;
}

void assert_file(const char *path, const char *content)
{
	char text[4096] = "";
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_ge(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	ck_assert_str_eq(text, content);
}

void assert_none(const char *path)
{
	ck_assert_msg(access(path, F_OK) < 0, "%s", path);
}

void assert_said(const struct command *command, const char *words)
{
	if (strstr(command->text, "no ring") != NULL)
		SKIP("%s", command->text);
	ck_assert_msg(strstr(command->text, words) != NULL, "%s",
		      command->text);
}
