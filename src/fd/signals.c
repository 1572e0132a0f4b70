/* What of processes and signals is no operation: any thread's, at once. */
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <a10/process.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

int a10_process_kill(const struct a10_process *process, int signal)
{
	long err;

	/* Where there are no such descriptors, by its number. */
	if (!a10_fd_valid(process->pidfd))
		return kill(process->pid, signal) < 0 ? -errno : 0;
	err = syscall(SYS_pidfd_send_signal, a10_fd_number(process->pidfd),
		      signal, NULL, 0);

	return err < 0 ? -errno : 0;
}

int a10_signal_send(pid_t pid, int signal)
{
	return kill(pid, signal) < 0 ? -errno : 0;
}

int a10_signal_queue(pid_t pid, int signal, uint64_t value)
{
	const union sigval with = { .sival_ptr = (void *)(uintptr_t)value };

	return sigqueue(pid, signal, with) < 0 ? -errno : 0;
}

int a10_signals_open(const sigset_t *signals, struct a10_fd *ret_fd)
{
	/* Not to block: whether there is one is asked by a poll. */
	const int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	/* It returns the error and leaves errno alone. */
	err = pthread_sigmask(SIG_BLOCK, signals, NULL);
	if (err > 0) {
		close(fd);
		return -err;
	}
	*ret_fd = a10_fd_regular(fd);
	return 0;
}
