/* process.h - children and signals. */
#ifndef A10_PROCESS_H
#define A10_PROCESS_H

#include <a10/op.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

A10_BEGIN

/* ---- children ------------------------------------------------------------ */

/* What a child's standard input, output or error is. */
enum a10_stdio {
	A10_STDIO_INHERIT = 0, /* ours */
	A10_STDIO_PIPE = 1,    /* a pipe, whose other end is in a10_process */
	A10_STDIO_NULL = 2,    /* /dev/null */
	A10_STDIO_FD = 3,      /* in_fd, out_fd, err_fd: a regular one */
	A10_STDIO_AS_OUT = 4   /* error only: where output goes */
};

#define A10_PROCESS_GROUP (1u << 0) /* it leads a process group of its own */

/* All zero but argv is fine. Copied, with all it names. */
struct a10_process_options {
	const char *const *argv;        /* NULL-ended; argv[0] sought in PATH */
	const char *const *environment; /* NULL: ours */
	const char *directory;          /* NULL: ours */
	uint8_t in, out, err;           /* enum a10_stdio */
	uint8_t reserved0;
	uint32_t flags; /* A10_PROCESS_* */
	struct a10_fd in_fd, out_fd, err_fd;
	uint64_t reserved[4];
};

/* A child. What is in here is the caller's: to close, and to wait for. */
struct a10_process {
	pid_t pid;
	uint32_t reserved;
	struct a10_fd pidfd;        /* readable when it is over */
	struct a10_fd in, out, err; /* our ends of its pipes, else none */
};

/*
 * Starts a child with no signals blocked and no descriptors but those three: 0
 * and *ret_process, lent, or what its exec failed with (-ENOENT ...). A helper
 * thread, always the same, waits for the exec: what is that thread's own and not
 * the process's (a namespace only the caller has entered, its CPUs, its
 * priority) the child does not inherit. If nobody wants the result its ends are
 * closed, it runs on, and is reaped when it ends, as by whoever waits for any
 * child. If there is no descriptor left for pidfd, that is
 * none; waiting works, and a10_process_kill goes by the number until then.
 * [posix_spawn, pidfd_open, pipe2]
 */
A10_OP a10_process_spawn(const struct a10_process_options *options,
			 struct a10_process *ret_process)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_PROCESS_SPAWN, a10_fd_none(), options, 0,
			    (uint64_t)(uintptr_t)ret_process, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * A signal to a child, never to whoever has its number later, unless it has no
 * pidfd and was waited for. 0 or -errno: -ESRCH: it is over, and was waited for.
 * Any thread.
 */
A10_API int a10_process_kill(const struct a10_process *process, int signal);

#define A10_PROCESS_SIGNALLED 256 /* + the signal that killed it */

/*
 * Reaps a child when it is over. value: its exit code, 0 to 255, or
 * A10_PROCESS_SIGNALLED + the signal. Its pidfd stays open. [WAITID]
 */
A10_OP a10_process_wait(const struct a10_process *process)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_PROCESS_WAIT,
			    a10_fd_regular(process->pid), NULL, P_PID, 0, 0);

	op.request.index = WEXITED;
	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	return op;
}

/*
 * waitid(2): ret_info, lent, or NULL. options: WEXITED ... Before Linux 6.7 a
 * thread looks, every 16 ms at least, for what is not the end of one child.
 * [WAITID]
 */
A10_OP a10_waitid(idtype_t type, id_t id, siginfo_t *ret_info, int options)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_WAITID, a10_fd_regular((int)id), NULL,
			    (uint32_t)type, (uint64_t)(uintptr_t)ret_info, 0);

	op.request.index = options;
	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	return op;
}

/* What waitid told: the exit code, 0 to 255; -1: it did not exit. */
A10_INLINE int a10_exit_code(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? info->si_status : -1;
}

/* The signal that killed, stopped or continued it; 0: it exited. */
A10_INLINE int a10_exit_signal(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? 0 : info->si_status;
}

/* ---- signals ------------------------------------------------------------- */

/*
 * A descriptor for these signals, *ret_fd, and blocks them in this thread. Any
 * other thread, in which one is not blocked, may still die of it: call this
 * before they are made, for they inherit it. 0 or -errno. Any thread; at once.
 * [signalfd, pthread_sigmask]
 */
A10_API int a10_signals_open(const sigset_t *signals, struct a10_fd *ret_fd);

/*
 * The next signal of such a descriptor: value is its number, all of it is in
 * *ret_info (NULL, or lent): sender, queued value (ssi_int, ssi_ptr), child's
 * status. With a10_multishot each; *ret_info is the callback's then. [read]
 */
A10_OP a10_signal_read(struct a10_fd fd, struct signalfd_siginfo *ret_info)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_SIGNAL_READ, fd, ret_info, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * kill(2): to the process pid; 0: to this one's group; -1: to all it may; less:
 * to the group -pid. signal 0 only asks whether it could. 0 or -errno. Any
 * thread; at once. To a child rather a10_process_kill. [kill]
 */
A10_API int a10_signal_send(pid_t pid, int signal);

/*
 * sigqueue(3): to the process pid with a value, which a10_signal_read finds in
 * ssi_ptr, its lower half in ssi_int. From SIGRTMIN on each is kept, in order,
 * below one of a kind. 0; -EAGAIN: too many are kept; else -errno. Any thread;
 * at once. [sigqueue]
 */
A10_API int a10_signal_queue(pid_t pid, int signal, uint64_t value);

A10_END
#endif
