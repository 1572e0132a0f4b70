/* Programs run by tests: started, spoken to, stopped. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "support.h"

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

/* A10_EXAMPLES says where they are; else beside where this was built. */
static inline const char *example_path(const char *name)
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

static inline void program_start_with(struct program *program,
				      const char *const *arguments)
{
	const char *path = example_path(arguments[0]);
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
		execv(path, (char *const *)arguments);
		_exit(127);
	}
	ck_assert_int_eq(close(in[0]), 0);
	ck_assert_int_eq(close(out[1]), 0);
	program->in = in[1];
	program->out = out[0];
}

static inline void program_start(struct program *program, const char *name,
				 const char *first, const char *second)
{
	const char *arguments[] = { name, first, second, NULL };

	program_start_with(program, arguments);
}

/* All that it prints until it ends; its status. */
static inline int program_end(struct program *program, char *text, size_t size)
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

/* Reads until what it printed ends like that; the test fails if it does not. */
static inline void program_says(struct program *program, char *text,
				size_t size, const char *end)
{
	size_t length = strlen(text);
	size_t count = strlen(end);
	ssize_t n;

	while (length < count || strcmp(text + length - count, end) != 0) {
		n = read(program->out, text + length, size - 1 - length);
		ck_assert_msg(n > 0, "no \"%s\" in: %s", end, text);
		length += (size_t)n;
		text[length] = '\0';
	}
}

static inline void program_stop(struct program *program)
{
	char text[1024];

	ck_assert_int_eq(kill(program->child, SIGTERM), 0);
	ck_assert_int_eq(program_end(program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
}

static inline int program_run(const char *name, const char *first,
			      const char *second, char *text, size_t size)
{
	struct program program;

	program_start(&program, name, first, second);
	return program_end(&program, text, size);
}

#endif
