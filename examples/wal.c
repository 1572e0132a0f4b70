/*
 * wal FILE THREADS RECORDS - a log that several threads write ahead to.
 *
 * wal_append returns when its record is on the disk. One task writes: all records
 * that came while it synced the last ones go out in one write and one sync.
 */
#include <a10.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 128

struct record { /* on the stack of whoever appends it */
	struct iovec bytes;
	ssize_t err;
	struct a10_semaphore over;
};

struct wal {
	struct a10_channel *queue; /* of struct record * */
	struct a10_sq *sq;
	struct a10_fd file;
	int records, syncs;
};

/* Any thread. 0 or -errno. */
static ssize_t wal_append(struct wal *wal, void *bytes, size_t length)
{
	struct record record = { .bytes = { bytes, length } }, *p = &record;
	struct a10_op op = a10_channel_send(wal->queue, &p, sizeof(p));
	ssize_t err;

	a10_semaphore_init(&record.over, 0);
	err = a10_await_on(wal->sq, op, NULL);
	if (err > 0) {
		op = a10_semaphore_acquire(&record.over);
		a10_await_on(wal->sq, op, NULL);
		err = record.err;
	}
	a10_semaphore_finish(&record.over);
	return err;
}

static int wal_write(void *data)
{
	struct wal *wal = data;
	struct record *batch[BATCH];
	struct iovec bytes[BATCH];
	struct a10_op ops[2];
	ssize_t err, count;

	while ((count = a10_await(a10_channel_receive(wal->queue, batch,
						      sizeof(batch)))) > 0) {
		for (ssize_t i = 0; i < count; i++)
			bytes[i] = batch[i]->bytes;
		ops[0] = a10_all(a10_writev(wal->file, bytes, (size_t)count));
		ops[1] = a10_fdatasync(wal->file);
		err = a10_await_linked(ops, 2, NULL);
		for (ssize_t i = 0; i < count; i++) {
			batch[i]->err = err;
			a10_semaphore_release(&batch[i]->over);
		}
		wal->syncs++;
	}
	return (int)count;
}

static ssize_t append(void *data)
{
	struct wal *wal = data;
	char text[] = "a record\n";
	ssize_t err = 0;

	for (int i = 0; i < wal->records && err >= 0; i++)
		err = wal_append(wal, text, sizeof(text) - 1);
	return err;
}

static int run(void *data)
{
	char **arguments = data;
	struct wal wal = { .records = atoi(arguments[2]) };
	const int flags = O_WRONLY | O_CREAT | O_APPEND;
	struct a10_scope log, threads;
	ssize_t err;

	err = a10_await_fd(a10_open(arguments[0], flags, 0600), &wal.file);
	if (err < 0)
		return (int)err;
	wal.sq = a10_ring_sq(a10_ring_current());
	wal.queue = a10_channel_create(sizeof(struct record *), BATCH, NULL);
	a10_scope_open(&log, NULL, 0);
	a10_scope_spawn(&log, wal_write, &wal, 0);
	a10_scope_open(&threads, NULL, 0);
	for (int i = 0; i < atoi(arguments[1]); i++)
		a10_scope_submit(&threads, a10_work(append, &wal), NULL, NULL);
	err = a10_await(a10_scope_wait(&threads));
	a10_channel_close(wal.queue); /* what is in it is still written */
	a10_await(a10_scope_wait(&log));
	a10_scope_close(&log);
	a10_channel_unref(wal.queue);
	a10_await(a10_close(wal.file));
	printf("%d syncs\n", wal.syncs);
	return (int)err;
}

int main(int argc, char **argv)
{
	return argc != 4 || a10_run(NULL, run, argv + 1) < 0;
}
