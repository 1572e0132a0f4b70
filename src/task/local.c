/* Values that a task carries along: a few in the task, then in memory. */
#include "task/core.h"

#include <errno.h>
#include <stdlib.h>

void locals_free(struct task *task)
{
	if (unlikely(task->more_locals))
		free(task->more_locals);
}

/* NULL: there is none of that key. */
static struct local *local_find(struct task *task, const void *key)
{
	uint32_t i;

	for (i = 0; i < task->local_count; i++) {
		if (task->locals[i].value && task->locals[i].key == key)
			return &task->locals[i];
	}
	for (i = 0; i < task->more_count; i++) {
		if (task->more_locals[i].value &&
		    task->more_locals[i].key == key)
			return &task->more_locals[i];
	}
	return NULL;
}

/* An empty one; NULL: no memory. */
static struct local *local_make(struct task *task)
{
	const uint32_t count = task->more_count;
	struct local *more;
	uint32_t i;

	for (i = 0; i < task->local_count; i++) {
		if (!task->locals[i].value)
			return &task->locals[i];
	}
	if (i < LOCALS_HELD) {
		task->local_count++;
		return &task->locals[i];
	}
	for (i = 0; i < count; i++) {
		if (!task->more_locals[i].value)
			return &task->more_locals[i];
	}
	more = realloc(task->more_locals,
		       (count + LOCALS_HELD) * sizeof(*more));
	if (!more)
		return NULL;
	memset(&more[count], 0, LOCALS_HELD * sizeof(*more));
	task->more_locals = more;
	task->more_count = count + LOCALS_HELD;
	return &more[count];
}

int a10_task_set_local(const void *key, void *value)
{
	struct task *task = task_here;
	struct local *local;

	if (!task)
		return -EDEADLK;
	local = local_find(task, key);
	if (!local && value) {
		local = local_make(task);
		if (!local)
			return -ENOMEM;
		local->key = key;
	}
	if (local)
		local->value = value;
	return 0;
}

void *a10_task_local(const void *key)
{
	const struct local *local =
		task_here ? local_find(task_here, key) : NULL;

	return local ? local->value : NULL;
}
