/* pushers.c - the threads of the submit works. */
#include "pushers.h"

#include <errno.h>
#include <sched.h>

static void *push_all(void *data)
{
	struct pusher *pusher = data;
	struct pushers *all = pusher->all;
	const uint64_t count = all->args->operations;
	int err = 0;

	while (err == 0 && pusher->pushed < count) {
		while (pusher->pushed -
			       atomic_load_explicit(&pusher->done,
						    memory_order_acquire) >=
		       all->args->batch)
			sched_yield();
		pusher->pushed++;
		err = all->push(all, pusher);
	}
	if (err < 0)
		atomic_store(&all->err, err);
	return NULL;
}

int pushers_run(struct pushers *all, struct sample *ret_sample)
{
	const uint32_t threads = all->args->threads;
	uint64_t start, cpu;
	int err;

	all->total = all->args->operations * threads;
	cpu = clock_cpu_ns();
	start = clock_ns();
	for (uint32_t i = 0; i < threads; i++) {
		all->pusher[i].all = all;
		if (pthread_create(&all->pusher[i].thread, NULL, push_all,
				   &all->pusher[i]) != 0)
			return -EAGAIN; /* the process ends with it */
	}
	err = all->loop(all);
	ret_sample->value[0] =
		(double)(clock_ns() - start) / (double)all->total;
	if (err < 0)
		return err;
	for (uint32_t i = 0; i < threads; i++)
		pthread_join(all->pusher[i].thread, NULL);
	ret_sample->value[1] =
		(double)(clock_cpu_ns() - cpu) / (double)all->total;
	return atomic_load(&all->err);
}
