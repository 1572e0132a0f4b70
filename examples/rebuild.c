/*
 * rebuild FOLDER COMMAND... - runs a command, and again when something changes.
 *
 * What is below the folder is watched, also what comes later. Each run is a task
 * in a scope: a change closes the scope, and so ends a run that is of no use any
 * more. A SIGTERM ends all.
 */
#include <a10.h>
#include <signal.h>
#include <stdio.h>

#define CHANGES (IN_CLOSE_WRITE | IN_CREATE | IN_MOVE | IN_DELETE)
#define QUIET   (100 * A10_MILLISECOND)

static struct a10_sq *sq;

static void on_signal(int number)
{
	(void)number;
	(void)a10_sq_stop(sq);
}

static int build(void *command)
{
	const struct a10_process_options options = { .argv = command };
	struct a10_process process;
	const char *how = "given up";
	ssize_t status;

	status = a10_await(a10_process_spawn(&options, &process));
	if (status < 0) {
		printf("rebuild: %s\n", strerror((int)-status));
		return 0;
	}
	status = a10_await(a10_process_wait(&process));
	if (status < 0) { /* cancelled: there is something newer to run */
		a10_process_kill(&process, SIGTERM);
		a10_await(a10_shielded(a10_process_wait(&process)));
	} else {
		how = status == 0 ? "done" : "failed";
	}
	printf("rebuild: %s\n", how);
	a10_fd_release(process.pidfd);
	return 0;
}

/* Over when something has changed, and then nothing for a while. */
static ssize_t await_change(struct a10_watch *watch)
{
	struct a10_watch_event event;
	ssize_t err;

	err = a10_await(a10_watch_next(watch, &event));
	if (err >= 0)
		printf("rebuild: %s\n", event.path ? event.path : "much");
	while (err >= 0)
		err = a10_await(
			a10_timeout(a10_watch_next(watch, &event), QUIET));
	return err == -ETIME ? 0 : err;
}

static int rebuild(void *data)
{
	char **arguments = data;
	struct a10_watch *watch;
	struct a10_scope scope;
	ssize_t err;

	sq = a10_ring_sq(a10_ring_current());
	signal(SIGTERM, on_signal);
	err = a10_watch_create(sq, &watch);
	if (err < 0)
		return (int)err;
	err = a10_watch_add(watch, arguments[0], CHANGES, A10_WATCH_TREE);
	while (err >= 0) {
		a10_scope_open(&scope, NULL, 0);
		err = (int)a10_scope_spawn(&scope, build, arguments + 1, 0);
		if (err >= 0)
			err = await_change(watch);
		a10_scope_close(&scope);
	}
	a10_watch_destroy(watch);
	return err == -ECANCELED ? 0 : (int)err;
}

int main(int argc, char **argv)
{
	int err = -EINVAL;

	setlinebuf(stdout);
	if (argc > 2)
		err = a10_run(NULL, rebuild, argv + 1);
	if (err < 0)
		fprintf(stderr, "rebuild FOLDER COMMAND...: %s\n",
			strerror(-err));
	return err < 0;
}
