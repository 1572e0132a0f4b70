/*
 * What the tests of "a10 serve" have in common: the real command with a folder
 * to serve on a free port, and HTTP written out over a socket, so that also
 * what no client would send can be sent.
 *
 * The command is ../tools/a10/a10 as seen from this program, or A10_COMMAND.
 */
#ifndef WEB_H
#define WEB_H

#include "harness.h"

#include <stddef.h>
#include <sys/types.h>

#define HOST "Host: test\r\n"

#define GET_HELLO "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n"
#define GET_HUGE  "GET /huge.bin HTTP/1.1\r\n" HOST "\r\n"

enum {
	HUGE_SIZE = 64 << 20, /* more than the sockets' buffers hold */
};

/* ---- the command -------------------------------------------------------- */

struct command {
	pid_t pid;
	int output; /* what it prints, errors too */
	char text[4096];
};

/* Where it is, for those who start it themselves. */
const char *command_path(void);

/* arguments end with NULL. Skips the test if the command was not built. */
void command_start(struct command *command, const char *const *arguments);

/* The same with that socket as descriptor 3, as systemd would. */
void command_start_with(struct command *command, const char *const *arguments,
			int socket);

/* Into text: the next line, or all to the end. */
void command_read(struct command *command, bool line);

/* The next line, of any length: as much as there is room for. false: none. */
bool command_read_line(struct command *command);

/* How it ended: the exit status, or minus the signal. */
int command_wait(struct command *command);

/* All of it. */
int command_run(struct command *command, const char *const *arguments);

/* What it printed has these words in it. Skips where there is no io_uring. */
void assert_said(const struct command *command, const char *words);

/* ---- a server and its folder -------------------------------------------- */

struct server {
	struct command command;
	uint16_t port;
	char top[64];    /* of all of it, with a secret beside the folder */
	char folder[80]; /* what is served, and where the test runs       */
};

/*
 * option, value: one more of the command line's, or NULL. Of the folder's
 * content see fill_folder; tests may add to it, by relative paths.
 */
void server_start(struct server *server, const char *option, const char *value);

/* The same with so many as there are before a NULL, which may be --listen. */
void server_start_with(struct server *server, const char *const *options);

/* Its exit status, after it has ended for whatever reason. */
int server_wait(struct server *server);

/* What server_wait does besides, for tests that wait for the command. */
void server_remove_folder(struct server *server);

/* Asks it to end, and sees that it does and is content. */
void server_end(struct server *server);

/* Writes a file, of a string or of bytes that differ and can be told again. */
void put(const char *path, const char *content);
void put_pattern(const char *path, size_t length);
void assert_pattern(const char *bytes, size_t length);

/* A file of that short content; none of that name. */
void assert_file(const char *path, const char *content);
void assert_none(const char *path);

/* ---- a client ----------------------------------------------------------- */

struct answer {
	int status;
	size_t length; /* Content-Length; of a 304 there is none */
	char head[16384];
	char *body; /* terminated, to be freed; NULL: there was none */
	int fd;     /* the test's own */
};

int client_dial(const struct server *server);
void client_say(int fd, const char *text);
void client_say_bytes(int fd, const char *bytes, size_t length);
void client_hear(int fd, struct answer *answer);
void client_hear_head(int fd, struct answer *answer);
void client_hear_bytes(int fd, char *bytes, size_t length);

/* Nothing more comes, and the server has closed or shut its side. */
void client_hear_end(int fd);

/* The value of a header until the next call, or NULL. */
const char *answer_header(const struct answer *answer, const char *name);

/* One request on a connection of its own. */
void client_ask(const struct server *server, const char *text,
		struct answer *answer);
void client_get(const struct server *server, const char *path,
		struct answer *answer);

/* That GET of the path gives 200 and this body. */
void assert_body(const struct server *server, const char *path,
		 const char *body);

/* That the request, as it stands, gives a page with that status. */
void assert_status(const struct server *server, const char *text, int status);

/* A server, and a client of it that is there; the end of both. */
int server_meet(struct server *server, const char *option, const char *value);
void server_leave(struct server *server, int fd);

/* ---- what takes time ---------------------------------------------------- */

void pause_ms(long ms);
double now(void); /* seconds */

/* huge.bin, of HUGE_SIZE and without content. */
void put_huge(void);

/* The answer to GET_HELLO. */
void assert_hello(int fd);

/* How many bytes come up to the end, however it comes. */
size_t client_drain(int fd);

/* The memory that it takes. */
long resident_kib(const struct server *server);

/* The server's. The assertion waits for it, for closing takes its time. */
size_t count_descriptors(const struct server *server);
void assert_descriptors(const struct server *server, size_t count);

#endif
