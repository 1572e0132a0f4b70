/*
 * run SECONDS COMMAND... - runs a command, and ends it when it takes too long.
 *
 * Its output comes through a pipe, and is passed on by one task while another waits
 * for the end: first with a time-out, then, when it was asked to go, with another.
 * Its exit status is the command's; 124: it took too long.
 */
#include <a10.h>
#include <stdio.h>
#include <stdlib.h>

struct run {
	double seconds;
	const char *const *command;
};

static int pass_on(void *data)
{
	const struct a10_process *process = data;
	char bytes[4096];
	ssize_t n;

	do {
		n = a10_await(a10_read(process->out, bytes, sizeof(bytes)));
		if (n > 0)
			n = a10_await(a10_all(
				a10_write(A10_STDOUT, bytes, (size_t)n)));
	} while (n > 0);
	return (int)n;
}

/* What it exits with, or -ETIME when it had to be ended. */
static ssize_t await_end(const struct a10_process *process, int64_t ns)
{
	struct a10_op wait = a10_process_wait(process);
	ssize_t status = a10_await(a10_timeout(wait, ns));

	if (status != -ETIME)
		return status;
	a10_process_kill(process, SIGTERM);
	if (a10_await(a10_timeout(wait, A10_SECOND)) == -ETIME) {
		a10_process_kill(process, SIGKILL);
		a10_await(a10_shielded(wait));
	}
	return -ETIME;
}

static int run(void *data)
{
	const struct run *run = data;
	struct a10_process_options options = { .argv = run->command,
					       .out = A10_STDIO_PIPE };
	struct a10_process process;
	struct a10_scope scope;
	ssize_t status;

	status = a10_await(a10_process_spawn(&options, &process));
	if (status < 0)
		return (int)status;
	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, pass_on, &process, sizeof(process));
	status = await_end(&process, (int64_t)(run->seconds * A10_SECOND));
	/* Who has inherited the pipe may keep it open: not for ever. */
	a10_await(a10_timeout(a10_scope_wait(&scope), A10_SECOND));
	a10_scope_close(&scope);
	a10_fd_release(process.out);
	a10_fd_release(process.pidfd);
	return (int)status;
}

int main(int argc, char **argv)
{
	struct run what = { 0, (const char *const *)argv + 2 };
	int status = -EINVAL;

	if (argc > 2)
		what.seconds = strtod(argv[1], NULL);
	if (what.seconds > 0)
		status = a10_run(NULL, run, &what);
	if (status < 0)
		fprintf(stderr, "run SECONDS COMMAND: %s\n", strerror(-status));
	if (status >= A10_PROCESS_SIGNALLED) /* as shells say it */
		return 128 + status - A10_PROCESS_SIGNALLED;
	return status == -ETIME ? 124 : status < 0 ? 125 : status;
}
