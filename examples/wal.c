/*
 * wal FILE THREADS RECORDS - a log that several threads write ahead to.
 *
 * wal_append returns when its record is on the disk. One task writes: all records
 * that came while it synced the last ones go out in one write and one sync.
 */
#include <a10.h>
#include <stdio.h>
#include <stdlib.h>

struct record { /* on the stack of whoever appends it */
	struct iovec bytes;
	ssize_t err;
	struct a10_semaphore over;
};

static struct a10_channel *queue; /* of struct record * */
static struct a10_sq *sq;
static int records, syncs;

/* Any thread. 0 or -errno. */
static ssize_t wal_append(void *bytes, size_t length)
{
	struct record record = { { bytes, length }, .err = -EPIPE };
	struct record *p = &record;

	a10_semaphore_init(&record.over, 0);
	if (a10_await_on(sq, a10_channel_send(queue, &p, sizeof(p)), NULL) > 0)
		a10_await_on(sq, a10_semaphore_acquire(&record.over), NULL);
	a10_semaphore_finish(&record.over);
	return record.err;
}

static int wal_write(void *data)
{
	const struct a10_fd *file = data;
	struct record *batch[128];
	struct iovec bytes[128];
	struct a10_op op, ops[2];
	ssize_t err, count;

	op = a10_channel_receive(queue, batch, sizeof(batch));
	for (; (count = a10_await(op)) > 0; syncs++) {
		for (ssize_t i = 0; i < count; i++)
			bytes[i] = batch[i]->bytes;
		ops[0] = a10_all(a10_writev(*file, bytes, (size_t)count));
		ops[1] = a10_fdatasync(*file);
		err = a10_await_linked(ops, 2, NULL);
		for (ssize_t i = 0; i < count; i++) {
			batch[i]->err = err;
			a10_semaphore_release(&batch[i]->over);
		}
	}
	return (int)count;
}

static ssize_t append(void *text)
{
	ssize_t err = 0;

	for (int i = 0; i < records && err >= 0; i++)
		err = wal_append(text, strlen(text));
	return err;
}

static int run(void *data)
{
	char **arguments = data, text[] = "a record\n";
	const int flags = O_WRONLY | O_CREAT | O_APPEND;
	struct a10_scope threads;
	struct a10_fd file;
	ssize_t err, writer;

	err = a10_await_fd(a10_open(arguments[0], flags, 0600), &file);
	if (err < 0)
		return (int)err;
	sq = a10_ring_sq(a10_ring_current());
	queue = a10_channel_create(sizeof(struct record *), 128, NULL);
	writer = a10_task_spawn(sq, wal_write, &file, sizeof(file));
	records = atoi(arguments[2]);
	a10_scope_open(&threads, NULL, 0);
	for (int i = 0; writer > 0 && i < atoi(arguments[1]); i++)
		a10_scope_submit(&threads, a10_work(append, text), NULL, NULL);
	err = a10_await(a10_scope_wait(&threads));
	a10_channel_close(queue); /* what is in it is still written */
	a10_await(a10_task_join(writer));
	a10_channel_unref(queue);
	a10_await(a10_close(file));
	printf("%d syncs\n", syncs);
	return (int)(writer < 0 ? writer : err);
}

int main(int argc, char **argv)
{
	int err = argc == 4 ? a10_run(NULL, run, argv + 1) : -EINVAL;

	if (err < 0)
		fprintf(stderr, "wal: %s\n", strerror(-err));
	return err < 0;
}
