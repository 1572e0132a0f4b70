/* Children are started, talked to, waited for; signals come as a stream. */
#include "rig.h"
#include "support.h"

#include <sys/wait.h>

#include "ring/core.h"

static void ring_forget(struct a10_ring *ring, uint32_t opcode)
{
	ring->grant.opcodes[opcode / 64] &= ~(UINT64_C(1) << opcode % 64);
}

static struct a10_process start_shell(struct a10_ring *ring, const char *script,
				      struct a10_process_options *options)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct a10_process process;

	options->argv = argv;
	ck_assert_int_eq(value_of(ring, a10_process_spawn(options, &process)),
			 0);
	ck_assert_int_gt(process.pid, 0);
	if (!a10_fd_valid(process.pidfd))
		SKIP("no descriptors for processes here");
	return process;
}

static struct a10_process start_script(struct a10_ring *ring,
				       const char *script)
{
	struct a10_process_options options = { .argv = NULL };

	return start_shell(ring, script, &options);
}

/* ---- waiting ------------------------------------------------------------- */

static void test_exits(struct a10_ring *ring)
{
	struct a10_process process = start_script(ring, "exit 3");
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	ck_assert_int_eq(value_of(ring, a10_waitid(P_PID, (id_t)process.pid,
						   &info, WEXITED | WNOWAIT)),
			 0);
	ck_assert_int_eq(info.si_pid, process.pid);
	ck_assert_int_eq(a10_exit_code(&info), 3);
	ck_assert_int_eq(a10_exit_signal(&info), 0);
	/* By its descriptor too; and then it is gone. */
	ck_assert_int_eq(value_of(ring,
				  a10_waitid(P_PIDFD,
					     (id_t)a10_fd_number(process.pidfd),
					     NULL, WEXITED)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_waitid(P_PID, (id_t)process.pid,
						   &info, WEXITED)),
			 -ECHILD);
	fd_close(ring, process.pidfd);
	process = start_script(ring, "exit 200");
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)), 200);
	fd_close(ring, process.pidfd);
	process = start_script(ring, "kill -KILL $$");
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)),
			 A10_PROCESS_SIGNALLED + SIGKILL);
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)), -ECHILD);
	fd_close(ring, process.pidfd);
}

static void test_waits(struct a10_ring *ring)
{
	struct a10_process process = start_script(ring, "exec sleep 100");
	const unsigned int before = open_descriptors();
	struct seen seen;
	siginfo_t info;
	a10_id id;

	id = start(ring, a10_process_wait(&process), &seen);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_int_eq(value_of(ring, a10_timeout(a10_process_wait(&process),
						    A_MOMENT)),
			 -ETIME);
	start(ring, a10_waitid(P_PID, (id_t)process.pid, &info, WEXITED),
	      &seen);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(a10_process_kill(&process, SIGTERM), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 0);
	ck_assert_int_eq(a10_exit_code(&info), -1);
	ck_assert_int_eq(a10_exit_signal(&info), SIGTERM);
	ck_assert_int_eq(a10_process_kill(&process, SIGTERM), -ESRCH);
	ck_assert_uint_eq(open_descriptors(), before);
	fd_close(ring, process.pidfd);
}

TEST(a_child_that_exits_with_three_is_told_to_have_exited_with_three)
{
	struct a10_ring *ring = ring_open(NULL);

	test_exits(ring);
	ring_forget(ring, A10_OPCODE_WAITID);
	test_exits(ring);
	ring_close(ring);
}

TEST(a_child_inherits_three_descriptors_whatever_else_is_open)
{
	struct a10_ring *ring = ring_open(NULL);
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int open_on_exec = fcntl(null, F_DUPFD, 60);
	struct a10_process process;
	char script[64];

	ck_assert_int_ge(open_on_exec, 60);
	snprintf(script, sizeof(script), "test -e /proc/$$/fd/%d",
		 open_on_exec);
	process = start_script(ring, script);
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)), 1);
	fd_close(ring, process.pidfd);
	process = start_script(ring, "test -e /proc/$$/fd/2");
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)), 0);
	fd_close(ring, process.pidfd);
	ck_assert_int_eq(close(open_on_exec), 0);
	ck_assert_int_eq(close(null), 0);
	ring_close(ring);
}

/* What is opened for the child gets the number that it has to get there. */
TEST(a_child_of_a_process_without_standard_input_gets_what_it_should)
{
	struct a10_ring *ring = ring_open(NULL);
	const int input = fcntl(0, F_DUPFD_CLOEXEC, 3);
	struct a10_process_options options = {
		.in = A10_STDIO_FD,
		.out = A10_STDIO_NULL,
	};
	struct a10_process process;
	struct folder folder;
	struct stat status;
	int file;

	folder_open(&folder);
	file = open(folder_file(&folder, "f"), O_RDWR | O_CREAT | O_CLOEXEC,
		    0600);
	ck_assert_int_gt(file, 0);
	options.in_fd = a10_fd_regular(file);
	if (input >= 0)
		ck_assert_int_eq(close(0), 0);
	process = start_shell(ring, "echo out", &options);
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)), 0);
	ck_assert_int_eq(fstat(file, &status), 0);
	ck_assert_int_eq(status.st_size, 0);
	fd_close(ring, process.pidfd);
	ck_assert_int_eq(close(file), 0);
	if (input >= 0) {
		ck_assert_int_eq(dup2(input, 0), 0);
		ck_assert_int_eq(close(input), 0);
	}
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_child_that_runs_is_waited_for)
{
	struct a10_ring *ring = ring_open(NULL);

	ring_bind(ring);
	test_waits(ring);
	ring_forget(ring, A10_OPCODE_WAITID);
	test_waits(ring);
	ring_close(ring);
}

TEST(waiting_says_what_is_wrong)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(value_of(ring, a10_waitid(P_PID, 1, NULL, WEXITED)),
			 -ECHILD);
	/* Without options it waits for nothing. */
	ck_assert_int_eq(value_of(ring, a10_waitid(P_PID, 1, NULL, 0)),
			 -EINVAL);
	if (ring_has(ring, A10_OPCODE_WAITID)) {
		struct a10_process process = start_script(ring, "exit 7");
		siginfo_t info;

		ck_assert_int_eq(value_of(ring,
					  a10_waitid(P_ALL, 0, &info, WEXITED)),
				 0);
		ck_assert_int_eq(info.si_pid, process.pid);
		ck_assert_int_eq(a10_exit_code(&info), 7);
		fd_close(ring, process.pidfd);
		ring_forget(ring, A10_OPCODE_WAITID);
	}
	ck_assert_int_eq(value_of(ring, a10_waitid(P_ALL, 0, NULL, WEXITED)),
			 -ECHILD);
	ck_assert_int_eq(value_of(ring, a10_waitid(P_PID, 1, NULL, 0)),
			 -EINVAL);
	ring_close(ring);
}

static void test_any(struct a10_ring *ring)
{
	struct a10_process process = start_script(ring, "exec sleep 100");
	struct seen any, group;
	siginfo_t info;
	a10_id id;

	memset(&info, 0, sizeof(info));
	id = start(ring, a10_waitid(P_ALL, 0, NULL, WEXITED), &any);
	start(ring, a10_waitid(P_PGID, (id_t)getpgrp(), &info, WSTOPPED),
	      &group);
	ck_assert_int_eq(value_of(ring, a10_timeout(a10_waitid(P_ALL, 0, NULL,
							       WCONTINUED),
						    A_MOMENT)),
			 -ETIME);
	ck_assert_uint_eq(any.count + group.count, 0);
	ck_assert_int_eq(a10_process_kill(&process, SIGSTOP), 0);
	RUN_UNTIL(ring, group.ended);
	ck_assert_int_eq(group.last.value, 0);
	ck_assert_int_eq(info.si_pid, process.pid);
	ck_assert_int_eq(a10_exit_signal(&info), SIGSTOP);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, any.ended);
	ck_assert_int_eq(any.last.value, -ECANCELED);
	/* Given up, it has taken nothing. */
	ck_assert_int_eq(a10_process_kill(&process, SIGKILL), 0);
	start(ring, a10_waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), &any);
	RUN_UNTIL(ring, any.ended);
	ck_assert_int_eq(any.last.value, 0);
	ck_assert_int_eq(info.si_pid, process.pid);
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)),
			 A10_PROCESS_SIGNALLED + SIGKILL);
	ck_assert_int_eq(value_of(ring, a10_waitid(P_ALL, 0, NULL, WEXITED)),
			 -ECHILD);
	fd_close(ring, process.pidfd);
	ring_close(ring);
}

TEST(any_child_is_waited_for_and_one_that_stops)
{
	struct a10_ring *ring = ring_open(NULL);

	test_any(ring);
	ring = ring_open(NULL);
	ring_forget(ring, A10_OPCODE_WAITID);
	test_any(ring);
}

/* ---- starting -------------------------------------------------------------- */

static void read_all(struct a10_ring *ring, struct a10_fd fd, char *text,
		     size_t size)
{
	ssize_t n = value_of(ring, a10_all(a10_read(fd, text, size - 1)));

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
}

TEST(a_child_is_talked_to_over_pipes)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_process_options options = { .in = A10_STDIO_PIPE,
					       .out = A10_STDIO_PIPE,
					       .err = A10_STDIO_PIPE };
	struct a10_process process;
	char text[64];

	ring_bind(ring);
	process = start_shell(ring, "cat; echo oops >&2; exit 4", &options);
	ck_assert_int_eq(value_of(ring, a10_write(process.in, "hello", 5)), 5);
	fd_close(ring, process.in);
	read_all(ring, process.out, text, sizeof(text));
	ck_assert_str_eq(text, "hello");
	read_all(ring, process.err, text, sizeof(text));
	ck_assert_str_eq(text, "oops\n");
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)), 4);
	fd_close(ring, process.out);
	fd_close(ring, process.err);
	fd_close(ring, process.pidfd);
	ring_close(ring);
}

TEST(a_child_has_the_folder_environment_and_files_it_was_given)
{
	struct a10_ring *ring = ring_open(NULL);
	const char *environment[] = { "WORD=given", NULL };
	struct folder folder;
	struct a10_process_options options = { .in = A10_STDIO_NULL,
					       .out = A10_STDIO_FD,
					       .err = A10_STDIO_AS_OUT,
					       .environment = environment,
					       .flags = A10_PROCESS_GROUP };
	struct a10_process process;
	char text[256] = "", want[256];
	int number;

	folder_open(&folder);
	number = open(folder_file(&folder, "out"), O_RDWR | O_CREAT | O_CLOEXEC,
		      0600);
	options.out_fd = a10_fd_regular(number);
	options.directory = folder.path;
	process = start_shell(
		ring, "/bin/pwd; echo $WORD >&2; /bin/cat; exit 0", &options);
	ck_assert_int_eq(getpgid(process.pid), process.pid);
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)), 0);
	ck_assert_int_gt(pread(number, text, sizeof(text) - 1, 0), 0);
	snprintf(want, sizeof(want), "%s\ngiven\n", folder.path);
	ck_assert_str_eq(text, want);
	ck_assert_int_eq(close(number), 0);
	fd_close(ring, process.pidfd);
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_child_is_started_with_what_was_said_when_the_verb_was_called)
{
	struct a10_ring *ring = ring_open(NULL);
	char script[] = "exit 9";
	const char *argv[] = { "sh", "-c", script, NULL };
	struct a10_process_options options = { .argv = argv };
	struct a10_process process;
	struct seen seen;

	start(ring, a10_process_spawn(&options, &process), &seen);
	memset(script, 'x', sizeof(script) - 1);
	memset(argv, 0, sizeof(argv));
	memset(&options, 0xff, sizeof(options));
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 0);
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)), 9);
	a10_fd_release(process.pidfd);
	ring_close(ring);
}

TEST(a_child_that_cannot_be_started_leaves_nothing)
{
	struct a10_ring *ring = ring_open_direct(2);
	const char *argv[] = { "/no/such/program", NULL };
	struct a10_process_options options = { .argv = argv,
					       .in = A10_STDIO_PIPE,
					       .out = A10_STDIO_PIPE };
	struct a10_process process;
	unsigned int before;

	if (on_valgrind())
		SKIP("valgrind does not tell of an exec that fails");
	ring_bind(ring);
	before = open_descriptors();
	ck_assert_int_eq(value_of(ring, a10_process_spawn(&options, &process)),
			 -ENOENT);
	options.err = A10_STDIO_FD;
	options.err_fd = a10_fd_regular(9999);
	ck_assert_int_eq(value_of(ring, a10_process_spawn(&options, &process)),
			 -EBADF);
	ck_assert_uint_eq(open_descriptors(), before);
	options.err_fd = a10_ring_direct(ring, 1);
	ck_assert_int_eq(refusal_of(ring,
				    a10_process_spawn(&options, &process)),
			 -EBADF);
	options.err = 77;
	ck_assert_int_eq(refusal_of(ring,
				    a10_process_spawn(&options, &process)),
			 -EINVAL);
	options.argv = NULL;
	ck_assert_int_eq(refusal_of(ring,
				    a10_process_spawn(&options, &process)),
			 -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_process_spawn(NULL, &process)),
			 -EFAULT);
	ring_close(ring);
}

TEST(a_child_nobody_wants_is_reaped_and_its_ends_are_closed)
{
	struct a10_ring *ring = ring_open(NULL);
	const char *argv[] = { "cat", NULL };
	struct a10_process_options options = { .argv = argv,
					       .in = A10_STDIO_PIPE,
					       .out = A10_STDIO_PIPE };
	struct a10_process process;
	unsigned int before;
	siginfo_t info;

	ring_bind(ring);
	before = open_descriptors();
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_process_spawn(&options, &process), NULL,
				    NULL),
			 0);
	RUN_UNTIL(ring, a10_ring_pending(ring) == 0);
	/* Its input comes to an end, and so does it. */
	RUN_UNTIL(ring,
		  waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0);
	ck_assert_int_eq(errno, ECHILD);
	WAIT_UNTIL(open_descriptors() == before);
	ring_close(ring);
}

/* ---- signals --------------------------------------------------------------- */

static struct a10_fd signals_open(int first, int second)
{
	struct a10_fd fd;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, first);
	sigaddset(&set, second);
	ck_assert_int_eq(a10_signals_open(&set, &fd), 0);
	ck_assert_int_eq(fcntl(a10_fd_number(fd), F_GETFD), FD_CLOEXEC);
	return fd;
}

TEST(a_signal_is_read_with_its_sender_and_its_value)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_fd regular = signals_open(SIGUSR1, SIGRTMIN + 3);

	for (int direct = 0; direct < 2; direct++) {
		union sigval value = { .sival_int = 42 };
		struct signalfd_siginfo info;
		struct a10_fd fd = regular;
		struct seen seen;

		if (direct && !ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL))
			break;
		if (direct)
			fd = fd_of(ring, a10_fd_register(regular));
		start(ring, a10_signal_read(fd, &info), &seen);
		run_for(ring, A_MOMENT);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(sigqueue(getpid(), SIGRTMIN + 3, value), 0);
		RUN_UNTIL(ring, seen.ended);
		ck_assert_int_eq(seen.last.value, SIGRTMIN + 3);
		ck_assert_int_eq((int)info.ssi_signo, SIGRTMIN + 3);
		ck_assert_int_eq(info.ssi_int, 42);
		ck_assert_int_eq((int)info.ssi_pid, getpid());
		ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
		ck_assert_int_eq(value_of(ring, a10_signal_read(fd, NULL)),
				 SIGUSR1);
		if (direct)
			fd_close(ring, fd);
	}
	fd_close(ring, regular);
	ring_close(ring);
}

struct stream {
	struct signalfd_siginfo info;
	int values[64];
	unsigned int count;
	ssize_t end;
	struct a10_sq *sq;
};

static void on_signal(void *data, const struct a10_result *r)
{
	struct stream *stream = data;

	if (!r->more) {
		stream->end = r->value;
		return;
	}
	ck_assert_int_eq(r->value, (ssize_t)stream->info.ssi_signo);
	stream->values[stream->count++] = stream->info.ssi_int;
	if (stream->count == 50)
		ck_assert_int_eq(a10_cancel(stream->sq, r->id), 0);
}

TEST(queued_signals_come_as_a_stream_in_their_order)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stream stream = { .end = 1, .sq = a10_ring_sq(ring) };
	struct a10_fd fd = signals_open(SIGRTMIN + 1, SIGRTMIN + 2);

	ck_assert_int_gt(
		a10_submit(stream.sq,
			   a10_multishot(a10_signal_read(fd, &stream.info)),
			   on_signal, &stream),
		0);
	for (int i = 0; i < 60; i++) {
		union sigval value = { .sival_int = i };

		ck_assert_int_eq(sigqueue(getpid(), SIGRTMIN + 1, value), 0);
		if (i == 10)
			RUN_UNTIL(ring, stream.count == 11);
	}
	RUN_UNTIL(ring, stream.end != 1);
	ck_assert_int_eq(stream.end, -ECANCELED);
	ck_assert_uint_eq(stream.count, 50);
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(stream.values[i], i);
	/* What was not taken is there still. */
	ck_assert_int_eq(value_of(ring, a10_signal_read(fd, &stream.info)),
			 SIGRTMIN + 1);
	ck_assert_int_eq(stream.info.ssi_int, 50);
	fd_close(ring, fd);
	ring_close(ring);
}

/* Two of a group of their own, of which the first is the group's name. */
TEST(a_signal_is_sent_to_one_and_to_a_group_and_queued_with_a_value)
{
	static const char *const argv[] = { "sh", "-c", "sleep 99 & wait",
					    NULL };
	struct a10_process_options options = { .argv = argv,
					       .out = A10_STDIO_PIPE,
					       .flags = A10_PROCESS_GROUP };
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd fd = signals_open(SIGUSR1, SIGRTMIN + 4);
	char byte;
	const uint64_t value = UINT64_C(0x1234567800000009);
	struct signalfd_siginfo info;
	struct a10_process process;

	ck_assert_int_eq(value_of(ring, a10_process_spawn(&options, &process)),
			 0);
	ck_assert_int_eq(a10_signal_send(-process.pid, 0), 0);
	ck_assert_int_eq(a10_signal_send(-process.pid, SIGTERM), 0);
	ck_assert_int_eq(value_of(ring, a10_process_wait(&process)),
			 A10_PROCESS_SIGNALLED + SIGTERM);
	/* Neither has it any more. */
	ck_assert_int_eq(value_of(ring, a10_read(process.out, &byte, 1)), 0);
	fd_close(ring, process.out);
	ck_assert_int_eq(a10_signal_send(process.pid, SIGTERM), -ESRCH);
	ck_assert_int_eq(a10_signal_send(getpid(), 9999), -EINVAL);
	ck_assert_int_eq(a10_signal_send(getpid(), SIGUSR1), 0);
	ck_assert_int_eq(a10_signal_queue(getpid(), SIGRTMIN + 4, value), 0);
	ck_assert_int_eq(value_of(ring, a10_signal_read(fd, &info)), SIGUSR1);
	ck_assert_int_eq(value_of(ring, a10_signal_read(fd, &info)),
			 SIGRTMIN + 4);
	ck_assert_uint_eq(info.ssi_ptr, value);
	ck_assert_int_eq(info.ssi_int, 9);
	ck_assert_int_eq(a10_signal_queue(process.pid, SIGUSR1, 0), -ESRCH);
	a10_fd_release(process.pidfd);
	fd_close(ring, fd);
	ring_close(ring);
}

TEST(a_stream_of_signals_ends_with_its_descriptor)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stream stream = { .end = 1, .sq = a10_ring_sq(ring) };
	struct a10_fd fd = signals_open(SIGUSR1, SIGUSR2);

	ck_assert_int_gt(
		a10_submit(stream.sq,
			   a10_multishot(a10_signal_read(fd, &stream.info)),
			   on_signal, &stream),
		0);
	run_for(ring, A_MOMENT);
	fd_close(ring, fd);
	ck_assert_int_eq(stream.end, -ECANCELED);
	ring_close(ring);
}

TEST(reading_a_signal_of_what_is_none_says_so)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd fd;
	int ends[2];

	pipe_open(ends);
	fd = a10_fd_regular(ends[0]);
	ck_assert_int_eq(value_of(ring,
				  a10_signal_read(a10_fd_regular(9999), NULL)),
			 -EBADF);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(value_of(ring, a10_signal_read(fd, NULL)), -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_multishot(a10_signal_read(
						a10_fd_regular(9999), NULL))),
			 -EBADF);
	pipe_close(ends);
	ring_close(ring);
}
