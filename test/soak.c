/*
 * soak [--seconds N] [--operations N] [--seed S] [--rings N] [--threads N]
 *
 * Random operations for a long time: single, linked, many-shot, timed, in scopes,
 * with pools, by the owner and by other threads, cancelled and forgotten, on rings
 * of random set-up that are destroyed and made anew. A ledger is kept: every
 * operation is delivered once to its end or was forgotten and is not delivered any
 * more; what it owns is released once; no descriptor and no buffer is left; and an
 * owner that sleeps is woken. Ends with 1 at the first violation, and tells the seed
 * and the history of the operation.
 *
 * A record of the ledger is taken by the thread that submits and given back by
 * the owner. What done and release get is no pointer but the record's number and
 * serial: a second delivery finds another serial there and is told.
 */
#include "soak.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t operations_wanted = UINT64_MAX;
static int64_t end_at = INT64_MAX;
static unsigned int stage_count = 2;
static unsigned int thread_count = 2;
static atomic_bool stop;

static unsigned int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int count = 0;

	if (folder == NULL)
		violation(NULL, "no /proc", errno);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

/* ---- what the operations work on -------------------------------------------- */

static void stage_open(struct ring_stage *stage, unsigned int number)
{
	unsigned char byte;

	stage->number = number;
	stage->submitters = 1 + thread_count;
	pthread_mutex_init(&stage->lock, NULL);
	for (int i = 0; i < STREAMS; i++) {
		need(pipe2(stage->pipes[i], O_CLOEXEC) == 0, "pipe", errno);
		need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				stage->pairs[i]) == 0,
		     "socketpair", errno);
	}
	stage->file = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	need(stage->file >= 0, "O_TMPFILE", errno);
	for (uint64_t i = 0; i < FILE_SIZE; i++) {
		byte = pattern_byte(i);
		need(pwrite(stage->file, &byte, 1, (off_t)i) == 1, "pwrite",
		     errno);
	}
	for (unsigned int i = 0; i < stage->submitters; i++) {
		struct submitter *who = calloc(1, sizeof(*who));

		need(who != NULL, "no memory", 0);
		who->stage = stage;
		who->number = i;
		who->random = seed + number * 1000 + i;
		stage->who[i] = who;
	}
}

static void stage_close(struct ring_stage *stage)
{
	for (int i = 0; i < STREAMS; i++) {
		for (int end = 0; end < 2; end++) {
			close(stage->pipes[i][end]);
			close(stage->pairs[i][end]);
		}
	}
	close(stage->file);
	for (unsigned int i = 0; i < stage->submitters; i++)
		free(stage->who[i]);
	pthread_mutex_destroy(&stage->lock);
}

/* ---- one ring after the other ----------------------------------------------- */

static void ring_make(struct ring_stage *stage, uint64_t *random)
{
	static const uint32_t entries[] = { 1, 2, 4, 64, 128 };
	struct a10_config config = {
		.submission_entries = entries[random_below(random, 5)],
		.direct_descriptors = DIRECT,
	};
	struct a10_result listener;
	int err;

	if (random_below(random, 4) == 0)
		config.completion_entries = config.submission_entries;
	if (random_below(random, 2) == 0)
		config.reserved_operations = 1;
	if (random_below(random, 8) == 0)
		config.defer_task_run = A10_OFF;
	if (random_below(random, 8) == 0)
		config.single_issuer = A10_OFF;
	if (random_below(random, 8) == 0)
		config.kernel_thread = A10_ON;
	if (random_below(random, 8) == 0)
		config.large_completions = A10_ON;
	err = a10_ring_create(&config, &stage->ring);
	if (err < 0)
		fprintf(stderr, "soak: %s\n", a10_ring_reason());
	need(err == 0, "a10_ring_create", err);
	stage->sq = a10_ring_sq(stage->ring);
	stage->entries = config.submission_entries;
	stage->drains = random_below(random, 10) == 0;
	err = a10_pool_create(stage->ring, BUFFERS, BUFFER_SIZE,
			      random_below(random, 2) ? A10_POOL_INCREMENTAL :
							0,
			      &stage->pool);
	need(err == 0, "a10_pool_create", err);
	snprintf(stage->address, sizeof(stage->address),
		 "unix:@a10-soak-%d-%u-%llu", getpid(), stage->number,
		 (unsigned long long)stage->rings);
	err = (int)a10_await_on(stage->sq, a10_listen_on(stage->address, 0),
				&listener);
	need(err == 0, "a10_listen_on", err);
	stage->listener = listener.fd;
	for (int i = 0; i < SCOPES; i++) {
		a10_scope_open(&stage->places[i].scope, stage->sq, 0);
		stage->places[i].waiting = false;
	}
	atomic_store(&stage->over, false);
	atomic_store(&stage->call, 0);
}

static void *thread_work(void *data)
{
	struct submitter *who = data;
	struct ring_stage *stage = who->stage;

	if (who->number == 1)
		sleeper_call(who);

	while (!atomic_load(&stage->over) && work_step(who)) {
		if (random_below(&who->random, 32) == 0)
			sched_yield();
	}
	a10_sq_unref(stage->sq);
	return NULL;
}

static int poll_once(struct ring_stage *stage, int64_t ns)
{
	int delivered = a10_ring_poll(stage->ring, ns);

	need(delivered >= 0, "a10_ring_poll", delivered);
	return delivered;
}

/* A short queue takes several to start a burst; sometimes it gets only one. */
static void poll_some(struct ring_stage *stage, uint64_t *random)
{
	int times = random_below(random, 4) ? 64 : 1;
	int64_t ns = random_below(random, 4) ? 0 : random_below(random, 50000);

	/* Behind a drained operation others may wait for the owner alone. */
	if (stage->submitters > 1 && !stage->drains &&
	    random_below(random, 256) == 0)
		sleep_busy(stage);
	while (times-- > 0 && poll_once(stage, ns) > 0)
		ns = 0;
}

static void print_line(void *data, const char *text)
{
	(void)data;
	fprintf(stderr, "  %s\n", text);
}

/* All direct descriptors were closed: there is room for as many again. */
static void table_is_empty(struct ring_stage *stage)
{
	const int64_t until = a10_now() + 20 * A10_SECOND;
	struct a10_result r;
	ssize_t value;

	for (int i = 0; i < DIRECT; i++) {
		value = a10_await_on(
			stage->sq,
			a10_direct(a10_open("/dev/null", O_RDONLY, 0)), &r);
		/* What nobody wanted is perhaps being closed. */
		if (value == -ENFILE && a10_now() < until)
			i--;
		else
			need(value == 0, "the table is not empty", value);
	}
}

static void all_end(struct ring_stage *stage)
{
	const int64_t until = a10_now() + 20 * A10_SECOND;

	atomic_fetch_add(&stage->era, 1);
	need(a10_cancel_all(stage->sq) == 0, "a10_cancel_all", 0);
	while (a10_ring_pending(stage->ring) > 0) {
		poll_once(stage, 10 * A10_MILLISECOND);
		if (a10_now() < until)
			continue;
		a10_ring_dump(stage->ring, print_line, NULL);
		need(false, "pending for ever",
		     (long long)a10_ring_pending(stage->ring));
	}
	atomic_fetch_add(&stage->era, 1);
	while (bag_take(stage))
		continue;
	poll_once(stage, 0);
	need(a10_pool_available(stage->pool) == BUFFERS, "buffers are missing",
	     BUFFERS - a10_pool_available(stage->pool));
	table_is_empty(stage);
}

/* Before all is: what was asked to end by its id ends by that. */
static void asked_end(struct ring_stage *stage)
{
	const int64_t until = a10_now() + 20 * A10_SECOND;

	for (unsigned int i = 0; i < stage->submitters; i++) {
		struct record *records = stage->who[i]->records;

		for (int k = 0; k < RECORDS; k++) {
			while (atomic_load(&records[k].serial) != 0 &&
			       atomic_load(&records[k].asked)) {
				poll_once(stage, A10_MILLISECOND);
				if (a10_now() < until)
					continue;
				a10_ring_dump(stage->ring, print_line, NULL);
				violation(&records[k], "a cancel was lost", k);
			}
		}
	}
}

static void ledger_is_clean(const struct ring_stage *stage)
{
	for (unsigned int i = 0; i < stage->submitters; i++) {
		struct submitter *who = stage->who[i];

		for (int k = 0; k < RECORDS; k++)
			if (atomic_load(&who->records[k].serial) != 0)
				violation(&who->records[k], "not over", k);
		memset(who->ids, 0, sizeof(who->ids));
	}
}

/*
 * What a thread awaits may be behind a drained operation, and that behind what
 * only the next write would end: then all is cancelled, as often as it takes. On
 * other rings it must end without, or no cancel that was lost would show.
 */
static void threads_end(struct ring_stage *stage, pthread_t *threads)
{
	const int64_t patience =
		stage->drains ? 10 * A10_MILLISECOND : 20 * A10_SECOND;
	int64_t until = a10_now() + patience;

	atomic_store(&stage->over, true);
	for (unsigned int i = 1; i < stage->submitters; i++) {
		while (pthread_tryjoin_np(threads[i], NULL) != 0) {
			poll_once(stage, A10_MILLISECOND / 10);
			if (a10_now() < until)
				continue;
			need(stage->drains, "a thread waits for ever", i);
			atomic_fetch_add(&stage->era, 1);
			need(a10_cancel_all(stage->sq) == 0, "cancel_all", 0);
			atomic_fetch_add(&stage->era, 1);
			until = a10_now() + patience;
		}
	}
}

/* Orderly: all is ended, then the ring. Or the ring, with all in flight. */
static void ring_end(struct ring_stage *stage, pthread_t *threads, bool orderly)
{
	if (orderly) {
		threads_end(stage, threads);
		if (!stage->drains) /* behind one it takes its time */
			asked_end(stage);
		all_end(stage);
	}
	atomic_fetch_add(&stage->era, 1);
	need(a10_ring_destroy(stage->ring, 20 * A10_SECOND) == 0,
	     "a10_ring_destroy", 0);
	atomic_fetch_add(&stage->era, 1);
	a10_fd_release(stage->listener);
	if (!orderly) {
		atomic_store(&stage->over, true);
		for (unsigned int i = 1; i < stage->submitters; i++)
			pthread_join(threads[i], NULL);
		while (bag_take(stage))
			continue;
	}
	ledger_is_clean(stage);
	stage->rings++;
}

static void threads_begin(struct ring_stage *stage, pthread_t *threads)
{
	for (unsigned int i = 1; i < stage->submitters; i++) {
		a10_sq_ref(stage->sq);
		need(pthread_create(&threads[i], NULL, thread_work,
				    stage->who[i]) == 0,
		     "pthread_create", 0);
		if (i == 1)
			sleeps(stage, &stage->who[0]->random);
	}
}

static void *stage_run(void *data)
{
	struct ring_stage *stage = data;
	struct submitter *who = stage->who[0];
	pthread_t threads[SUBMITTERS_MAX] = { 0 };
	int64_t until;

	while (!atomic_load(&stop)) {
		/* A ring with a kernel thread is slow where cores are few. */
		until = a10_now() + A10_SECOND / 2;
		ring_make(stage, &who->random);
		threads_begin(stage, threads);
		for (int steps = 0; steps < EPOCH && !atomic_load(&stop) &&
				    a10_now() < until;) {
			int burst = 1 + (int)random_below(&who->random, 64);

			steps += burst;
			while (burst-- > 0)
				need(work_step(who), "refused", 0);
			poll_some(stage, &who->random);
		}
		ring_end(stage, threads, random_below(&who->random, 2));
	}
	return NULL;
}

/* ---- the run ----------------------------------------------------------------- */

static uint64_t total_done(void)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < stage_count; i++)
		total += atomic_load(&stages[i].done);
	return total;
}

/* What it was that went well: a run of nothing but cancels would show here. */
static void results_print(void)
{
	printf("%-14s %12s %12s %12s %12s\n", "operation", "done", "cancelled",
	       "timed out", "failed");
	for (int kind = 0; kind < KINDS; kind++) {
		unsigned long long sums[4] = { 0 };

		for (unsigned int i = 0; i < stage_count; i++)
			for (int k = 0; k < 4; k++)
				sums[k] += stages[i].results[kind][k];
		printf("%-14s %12llu %12llu %12llu %12llu\n", kinds[kind].name,
		       sums[0], sums[1], sums[2], sums[3]);
	}
}

static void progress_print(uint64_t done, int64_t taken)
{
	const double rate = (double)done * A10_SECOND / (double)taken;

	printf("soak: %llu operations, %.0f a second", (unsigned long long)done,
	       rate);
	if (operations_wanted != UINT64_MAX && rate > 0)
		printf(", %.1f %%, %.0f s left",
		       100 * (double)done / (double)operations_wanted,
		       (double)(operations_wanted - done) / rate);
	printf("\n");
	fflush(stdout);
}

static void watch(void)
{
	const int64_t begin = a10_now();
	int64_t told_at = begin;
	int64_t moved_at = begin;
	uint64_t last = 0;

	while (total_done() < operations_wanted && a10_now() < end_at) {
		struct timespec moment = { 0, 50 * A10_MILLISECOND };
		int64_t now;
		uint64_t done;

		nanosleep(&moment, NULL);
		now = a10_now();
		done = total_done();
		if (done != last)
			moved_at = now;
		last = done;
		need(now - moved_at < 60 * A10_SECOND, "stuck at",
		     (long long)done);
		if (now - told_at < 5 * A10_SECOND)
			continue;
		told_at = now;
		if (done < operations_wanted)
			progress_print(done, now - begin);
	}
}

static void arguments_read(int argc, char **argv)
{
	seed = (uint64_t)a10_now() * 2654435761u;
	operations_wanted = 1000000; /* unless told for how long */
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 0);

		if (strcmp(argv[i], "--seconds") == 0) {
			end_at = value ? a10_now() +
						 (int64_t)value * A10_SECOND :
					 INT64_MAX;
			operations_wanted = UINT64_MAX;
		} else if (strcmp(argv[i], "--operations") == 0) {
			operations_wanted = value;
		} else if (strcmp(argv[i], "--seed") == 0) {
			seed = value;
		} else if (strcmp(argv[i], "--rings") == 0 && value > 0 &&
			   value <= RINGS_MAX) {
			stage_count = (unsigned int)value;
		} else if (strcmp(argv[i], "--threads") == 0 &&
			   value < SUBMITTERS_MAX) {
			thread_count = (unsigned int)value;
		} else {
			argc = 0;
		}
	}
	if (argc % 2 != 1) {
		fprintf(stderr, "soak [--seconds N] [--operations N] [--seed S]"
				" [--rings N] [--threads N]\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	pthread_t owners[RINGS_MAX] = { 0 };
	unsigned int before = open_descriptors();
	unsigned int after;
	uint64_t rings = 0;

	arguments_read(argc, argv);
	printf("soak: --seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	for (unsigned int i = 0; i < stage_count; i++) {
		stage_open(&stages[i], i);
		need(pthread_create(&owners[i], NULL, stage_run, &stages[i]) ==
			     0,
		     "pthread_create", 0);
	}
	watch();
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < stage_count; i++) {
		pthread_join(owners[i], NULL);
		stage_close(&stages[i]);
		rings += stages[i].rings;
	}
	results_print();
	need(operations_wanted == UINT64_MAX ||
		     total_done() >= operations_wanted,
	     "the time was over before so many operations were",
	     (long long)total_done());
	after = open_descriptors();
	need(after == before, "descriptors are left",
	     (long long)after - before);
	printf("soak: %llu operations on %llu rings, all well\n",
	       (unsigned long long)total_done(), (unsigned long long)rings);
	return 0;
}
