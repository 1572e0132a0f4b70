/*
 * bench.h - what a work is, who does it, and how it is measured.
 *
 * A work, a row of the table in work.c, is done by entrants: by us, and by
 * peers that do the same with other means. An entrant registers itself where
 * it is written, so a peer is one file, and one that could not be built is
 * simply not there. Every measurement has a pinned process of its own, so that
 * nothing of one reaches the next.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define COLUMNS_MAX 2  /* figures one measurement gives     */
#define PEERS_MAX   4  /* peers of one work                 */
#define PAIRS_MAX   64 /* pairs of measurements, warm-up too */

/* What one measurement gave: a value per column of its work. */
struct sample {
	double value[COLUMNS_MAX];
};

/* How much there is to do. What a work has no use for is zero. */
struct work_args {
	const char *path;      /* the file to read                      */
	uint64_t operations;   /* exactly so many                       */
	double seconds;        /* or for so long, echo only             */
	uint32_t batch;        /* operations in flight at a time        */
	uint32_t connections;  /* of the load generator                 */
	uint32_t threads;      /* that push, submit only                */
	uint32_t message_size; /* bytes that go to and fro              */
	bool incremental;      /* ours: buffers that serve many recvs   */
};

/* One of the two is set; both give 0 or -errno. */
struct entrant {
	const char *family; /* "nop", "read", "echo": whose works it can do */
	const char *name;   /* "ours", "raw", ... */

	/* Does the work and says how it went. */
	int (*run)(const struct work_args *args, struct sample *ret_sample);

	/* Echoes what comes on listen_fd's connections until stop_fd can be
	 * read; the load generator measures it. */
	int (*serve)(const struct work_args *args, int listen_fd, int stop_fd);
};

/* Makes an entrant known before main begins. */
#define BENCH_ENTRANT(entrant)                                       \
	__attribute__((constructor)) static void entrant##_add(void) \
	{                                                            \
		entrant_register(&(entrant));                        \
	}

void entrant_register(const struct entrant *entrant);
const struct entrant *entrant_find(const char *family, const char *name);

#define COUNT_INSTRUCTIONS (1u << 0)
#define COUNT_CALLS        (1u << 1)

struct column {
	const char *unit;
	bool lower_is_better;
};

/* Whom to compare with. A budget is the least ratio wanted; 0: none. */
struct peer {
	const char *name;
	double budget[COLUMNS_MAX];
	uint32_t counts;          /* COUNT_*: also compare these */
	double instructions_more; /* budget: so many more than the peer's */
};

/*
 * What we may take at most, whoever the peer is: so much, and so many pages of
 * memory besides. Nothing: no limit.
 */
struct limit {
	double most;
	uint32_t pages;
};

struct work {
	const char *name;
	const char *family;
	const char *what;
	struct work_args args;
	struct work_args quick; /* its operations and seconds for --quick */
	const struct column *columns; /* COLUMNS_MAX; unit NULL: none */
	struct limit limit;           /* of the first column */
	struct peer peers[PEERS_MAX];
};

extern const struct work works[];
extern const size_t works_count;

/* ---- measuring ------------------------------------------------------------ */

struct options {
	const char *ours; /* the entrant that stands for us */
	const char *path; /* the file to read */
	const char *json;
	const char **filters; /* names of works, or their beginnings with '*' */
	size_t filter_count;
	uint32_t pairs; /* counted ones: the warm-up is not in it */
	bool quick;
};

/* One line of the result. */
struct row {
	const char *work;
	const char *peer;
	const char *unit;
	double ours;
	double theirs;
	double ratio;       /* > 1: we are better, whatever the unit */
	double budget;      /* least ratio, or 0 */
	double budget_more; /* most that we may be above theirs, or 0 */
	double limit;       /* most that ours may be, or 0 */
};

struct work_args work_arguments(const struct work *work,
				const struct options *options);

/* Of a column of it; 0: none. */
double work_limit(const struct work *work, size_t column);

/* Measures work alternately by us and by the peer and reports the rows. */
void compare(const struct work *work, const struct peer *peer,
	     const struct options *options);

/* Instructions and system calls per operation, by valgrind and strace. */
void count_compare(const struct work *work, const struct peer *peer,
		   const struct options *options);

double median(double *values, size_t count);
double ratio_of(double ours, double theirs, bool lower_is_better);

void report_open(const char *path);
void report_row(const struct row *row);
void report_skip(const char *work, const char *peer, const char *why);
int report_close(void);

/* ---- processes ------------------------------------------------------------ */

enum side {
	SIDE_SERVER,
	SIDE_CLIENT
};

/* The server gets the first CPU we may use, the client the last one. */
void process_pin(enum side side);

/* As it was before: threads may have all CPUs. */
void process_unpin(void);

/* In a pinned child. -ETIMEDOUT, or -ECHILD if it died. */
int process_measure(const struct entrant *entrant, const struct work_args *args,
		    struct sample *ret_sample);

/* What process_measure's child does. */
int entrant_measure(const struct entrant *entrant, const struct work_args *args,
		    struct sample *ret_sample);

/* Waits for child at most so long, then kills it. Its exit status >= 0, or
 * -ETIMEDOUT, or -ECHILD: a signal ended it. */
int process_finish(pid_t child, double seconds);

/* Its exit status, or -ENOPKG: it is not installed. text: what it wrote to
 * stdout and stderr. */
int program_run(const char *const *argv, char *text, size_t size);

/* Bytes this process has in use. */
double memory_used(void);

/* ---- time ----------------------------------------------------------------- */

#define LAPS 256

/*
 * A measurement is cut into equal laps of about a millisecond, and its figure
 * is the lower quartile of them: a neighbour on the machine spoils some laps,
 * not the figure.
 */
struct laps {
	uint64_t last;
	uint64_t ns[LAPS];
	uint32_t count;
};

uint64_t clock_ns(void);
uint64_t clock_cpu_ns(void); /* this process's, user and system */
void laps_start(struct laps *laps);
void laps_mark(struct laps *laps);
double laps_figure(struct laps *laps, uint64_t operations_per_lap);

/* ---- the echo works ------------------------------------------------------- */

struct load {
	uint16_t port;
	pid_t server;
	uint32_t connections;
	uint32_t message_size;
	uint64_t messages; /* exactly so many, or ... */
	double seconds;    /* ... for so long after the warm-up */
};

struct load_result {
	uint64_t messages;
	double seconds;
	double server_cpu_seconds;
};

/* -EBADMSG: what came back is not what was sent. */
int load_run(const struct load *load, struct load_result *ret_result);

int echo_measure(const struct entrant *entrant, const struct work_args *args,
		 struct sample *ret_sample);

/* The server is this process, so that strace can count its calls alone. */
int echo_count(const struct entrant *entrant, const struct work_args *args);

/* ---- the read work -------------------------------------------------------- */

#define READ_FILE_SIZE (UINT64_C(256) << 20)
#define READ_SIZE      4096u
#define READ_SEED      UINT64_C(88172645463325252)

/* The file all read entrants read: cached, and deleted already. */
int read_file_open(const char **ret_path);

/* xorshift: the next block to read; all entrants pay the same for it. */
static inline uint64_t read_offset(uint64_t *seed)
{
	uint64_t x = *seed;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*seed = x;
	return x % (READ_FILE_SIZE / READ_SIZE) * READ_SIZE;
}

#endif
