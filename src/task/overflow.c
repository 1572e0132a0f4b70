/*
 * A task that goes beyond its stack touches the guard page, and a signal says
 * so. It is told by name, on a stack that is not full, if nobody else has asked
 * for that signal: a program's own handler, or a sanitizer's, stays.
 */
#include "task/core.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#define SIGNAL_STACK ((size_t)64 << 10)

static pthread_once_t watch_once = PTHREAD_ONCE_INIT;
static pthread_key_t signal_stack;

static void overflowed(int signal, siginfo_t *info, void *context)
{
	const struct task *task = task_here;

	(void)context;
	if (task && info->si_code > 0 &&
	    stack_is_guard(task->stack, info->si_addr))
		panic("a10: task %s (id %llx) has overflowed its stack of "
		      "%zu KiB",
		      task->name, (unsigned long long)task->id,
		      (size_t)(task->stack->high - task->stack->low) >> 10);
	/* Not ours: it happens again when this returns, as if unwatched. */
	(void)sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL },
			NULL);
	/* But for what somebody has sent. */
	if (info->si_code <= 0)
		(void)raise(signal);
}

static void signal_stack_free(void *memory)
{
	const stack_t none = { .ss_flags = SS_DISABLE };
	stack_t now;

	if (sigaltstack(NULL, &now) == 0 && now.ss_sp == memory)
		(void)sigaltstack(&none, NULL);
	munmap(memory, SIGNAL_STACK);
}

static void watch(void)
{
	struct sigaction action = {
		.sa_sigaction = overflowed,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	struct sigaction now;

	sigemptyset(&action.sa_mask);
	(void)pthread_key_create(&signal_stack, signal_stack_free);
	if (sigaction(SIGSEGV, NULL, &now) == 0 &&
	    !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
		(void)sigaction(SIGSEGV, &action, NULL);
}

void overflow_watch(void)
{
	stack_t now, own;
	void *memory;

	(void)pthread_once(&watch_once, watch);
	if (sigaltstack(NULL, &now) < 0 || !(now.ss_flags & SS_DISABLE))
		return;
	memory = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return;
	own = (stack_t){ .ss_sp = memory, .ss_size = SIGNAL_STACK };
	if (sigaltstack(&own, NULL) < 0 ||
	    pthread_setspecific(signal_stack, memory) != 0)
		munmap(memory, SIGNAL_STACK);
}
