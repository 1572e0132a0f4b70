/* work.c - the table of works, and the list of those who can do them. */
#include "bench.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#define ENTRANTS_MAX 48

static const struct entrant *entrants[ENTRANTS_MAX];
static size_t entrants_count;

void entrant_register(const struct entrant *entrant)
{
	assert(entrants_count < ENTRANTS_MAX);
	assert(!entrant->run != !entrant->serve);
	entrants[entrants_count++] = entrant;
}

const struct entrant *entrant_find(const char *family, const char *name)
{
	for (size_t i = 0; i < entrants_count; i++) {
		if (strcmp(entrants[i]->family, family) == 0 &&
		    strcmp(entrants[i]->name, name) == 0)
			return entrants[i];
	}
	return NULL;
}

static const struct column nop_columns[COLUMNS_MAX] = {
	{ "ns/op", true },
};

static const struct column read_columns[COLUMNS_MAX] = {
	{ "ns/op", true },
	{ "CPU-ns/op", true },
};

static const struct column echo_columns[COLUMNS_MAX] = {
	{ "messages/s", false },
	{ "messages/CPU-s", false },
};

static const struct column http_columns[COLUMNS_MAX] = {
	{ "requests/s", false },
	{ "requests/CPU-s", false },
};

static const struct column wake_columns[COLUMNS_MAX] = {
	{ "p50 ns", true },
	{ "p99 ns", true },
};

static const struct column tree_columns[COLUMNS_MAX] = {
	{ "us/file", true },
	{ "CPU-us/file", true },
};

static const struct column sleep_columns[COLUMNS_MAX] = {
	{ "bytes/task", true },
};

/*
 * Of a task that sleeps, besides the pages of its stack: the two operations that
 * it and what it waits for are, 496 bytes each, and 32 that the stack is known by.
 */
#define SLEEPER_FIXED 1024

/*
 * Budgets are those of the design: ratios that a release has to reach. Of the
 * echo works they are for messages per CPU-second: messages/s also tells how
 * fast the load generator is.
 */
const struct work works[] = {
	{
		.name = "nop1",
		.family = "nop",
		.what = "one NOP per submit and wait",
		.args = { .batch = 1, .operations = LAPS * 4096 },
		.quick = { .operations = LAPS * 1024 },
		.columns = nop_columns,
		.peers = {
			{ "raw", { 0 }, COUNT_CALLS, 0 },
			{ "liburing", { 0 }, 0, 0 },
		},
	},
	{
		.name = "nop32",
		.family = "nop",
		.what = "32 NOPs per submit and wait",
		.args = { .batch = 32, .operations = LAPS * 16384 },
		.quick = { .operations = LAPS * 4096 },
		.columns = nop_columns,
		.peers = {
			{ "raw", { 0.90 }, COUNT_INSTRUCTIONS | COUNT_CALLS,
			  70 },
			{ "liburing", { 0 }, COUNT_INSTRUCTIONS, 0 },
		},
	},
	{
		.name = "read4k",
		.family = "read",
		.what = "random 4 KiB reads of a cached file, 32 in flight",
		.args = { .batch = 32, .operations = LAPS * 4096,
			  .seconds = 2 },
		.quick = { .operations = LAPS * 1024, .seconds = 1 },
		.columns = read_columns,
		.peers = {
			{ "raw", { 0.98, 0.98 }, COUNT_CALLS, 0 },
			{ "fio", { 1.15, 1.15 }, 0, 0 },
			{ "fio-batch", { 0 }, 0, 0 },
		},
	},
	{
		.name = "echo1",
		.family = "echo",
		.what = "TCP echo, 64 bytes, 1 connection",
		.args = { .connections = 1, .message_size = 64, .seconds = 1 },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "raw", { 0, 0.97 }, COUNT_CALLS, 0 },
			{ "libuv", { 0, 1.0 }, 0, 0 },
			{ "epoll", { 0, 1.0 }, 0, 0 },
		},
	},
	{
		.name = "echo100",
		.family = "echo",
		.what = "TCP echo, 64 bytes, 100 connections",
		.args = { .connections = 100, .message_size = 64,
			  .seconds = 1 },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "raw", { 0, 0.97 }, 0, 0 },
			{ "libuv", { 0, 1.4 }, 0, 0 },
			{ "epoll", { 0, 1.0 }, 0, 0 },
		},
	},
	{
		.name = "echo1000",
		.family = "echo",
		.what = "TCP echo, 64 bytes, 1,000 connections",
		.args = { .connections = 1000, .message_size = 64,
			  .seconds = 1 },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "raw", { 0, 0.97 }, 0, 0 },
			{ "libuv", { 0, 1.4 }, 0, 0 },
			{ "epoll", { 0, 1.0 }, 0, 0 },
		},
	},
	{
		.name = "echo100inc",
		.family = "echo",
		.what = "as echo100; ours with incremental buffers",
		.args = { .connections = 100, .message_size = 64,
			  .seconds = 1, .incremental = true },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "raw", { 0, 1.0 }, 0, 0 },
		},
	},
	{
		.name = "echo64k",
		.family = "echo",
		.what = "TCP echo, 64 KiB, 20 connections; "
			"ours with incremental buffers",
		.args = { .connections = 20, .message_size = 65536,
			  .seconds = 1, .incremental = true },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "raw", { 0, 2.5 }, 0, 0 },
			{ "raw-more", { 0 }, 0, 0 },
			{ "epoll", { 0, 0.85 }, 0, 0 },
		},
	},
	{
		.name = "http-small",
		.family = "http",
		.what = "wrk asks a10 serve for a file of 1 KiB, "
			"64 connections",
		.args = { .connections = 64, .message_size = 1 << 10,
			  .seconds = 3 },
		.quick = { .seconds = 1 },
		.columns = http_columns,
		.peers = {
			{ "nginx", { 0, 1.0 }, 0, 0 },
		},
	},
	{
		.name = "http-100k",
		.family = "http",
		.what = "a file of 100 KiB",
		.args = { .connections = 64, .message_size = 100 << 10,
			  .seconds = 3 },
		.quick = { .seconds = 1 },
		.columns = http_columns,
		.peers = {
			{ "nginx", { 0, 0.75 }, 0, 0 },
		},
	},
	{
		.name = "http-1m",
		.family = "http",
		.what = "a file of 1 MiB",
		.args = { .connections = 64, .message_size = 1 << 20,
			  .seconds = 3 },
		.quick = { .seconds = 1 },
		.columns = http_columns,
		.peers = {
			{ "nginx", { 0, 0.9 }, 0, 0 },
		},
	},
	{
		.name = "submit1",
		.family = "submit",
		.what = "NOPs of one other thread, 256 under way",
		.args = { .threads = 1, .batch = 256, .operations = 400000 },
		.quick = { .operations = 100000 },
		.columns = read_columns,
		.peers = {
			{ "raw", { 0 }, 0, 0 },
			{ "libuv", { 0 }, 0, 0 },
		},
	},
	{
		.name = "submit2",
		.family = "submit",
		.what = "NOPs of two other threads, 256 under way of each",
		.args = { .threads = 2, .batch = 256, .operations = 400000 },
		.quick = { .operations = 100000 },
		.columns = read_columns,
		.peers = {
			{ "raw", { 0, 4 }, 0, 0 },
			{ "libuv", { 0 }, 0, 0 },
		},
	},
	{
		.name = "submit2w64",
		.family = "submit",
		.what = "NOPs of two other threads, 64 under way of each",
		.args = { .threads = 2, .batch = 64, .operations = 400000 },
		.quick = { .operations = 100000 },
		.columns = read_columns,
		.peers = {
			{ "raw", { 0, 2 }, 0, 0 },
			{ "libuv", { 0 }, 0, 0 },
		},
	},
	{
		.name = "submit4",
		.family = "submit",
		.what = "NOPs of four other threads, 256 under way of each",
		.args = { .threads = 4, .batch = 256, .operations = 400000 },
		.quick = { .operations = 100000 },
		.columns = read_columns,
		.peers = {
			{ "raw", { 0 }, 0, 0 },
			{ "libuv", { 0 }, 0, 0 },
		},
	},
	{
		.name = "wake",
		.family = "wake",
		.what = "a sleeping loop is woken by another thread",
		.args = { .operations = 4000 },
		.quick = { .operations = 1000 },
		.columns = wake_columns,
		.peers = {
			{ "epoll", { 1.0 }, 0, 0 },
			{ "libuv", { 0 }, 0, 0 },
		},
	},
	{
		.name = "shards",
		.family = "shards",
		.what = "TCP echo, 64 bytes, 100 connections, two threads",
		.args = { .connections = 100, .message_size = 64,
			  .seconds = 1 },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "epoll", { 0 }, 0, 0 },
		},
	},
	{
		.name = "tree",
		.family = "tree",
		.what = "10,000 files of 1 to 4 KiB are copied in memory, by "
			"the example copy_tree",
		.args = { .operations = 10000, .message_size = 2048 },
		.quick = { .operations = 2000 },
		.columns = tree_columns,
		.peers = {
			{ "cp", { 1.0 }, 0, 0 },
		},
	},
	{
		.name = "task1",
		.family = "echo-task",
		.what = "TCP echo, 64 bytes, in tasks; 1 connection",
		.args = { .connections = 1, .message_size = 64, .seconds = 1 },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "callback", { 0, 0.97 }, 0, 0 },
		},
	},
	{
		.name = "task100",
		.family = "echo-task",
		.what = "TCP echo, 64 bytes, in tasks; 100 connections",
		.args = { .connections = 100, .message_size = 64, .seconds = 1 },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "callback", { 0, 0.97 }, 0, 0 },
		},
	},
	{
		.name = "task1000",
		.family = "echo-task",
		.what = "TCP echo, 64 bytes, in tasks; 1,000 connections",
		.args = { .connections = 1000, .message_size = 64, .seconds = 1 },
		.quick = { .seconds = 0.3 },
		.columns = echo_columns,
		.peers = {
			{ "callback", { 0, 0.97 }, 0, 0 },
		},
	},
	{
		.name = "switch",
		.family = "switch",
		.what = "from one stack to another, each way",
		.args = { .operations = LAPS * 262144 },
		.quick = { .operations = LAPS * 16384 },
		.columns = nop_columns,
		.limit = { 6, 0 },
		.peers = {
			{ "swapcontext", { 10 }, 0, 0 },
		},
	},
	{
		.name = "spawn",
		.family = "spawn",
		.what = "a task is started and waited for",
		.args = { .operations = LAPS * 16384 },
		.quick = { .operations = LAPS * 2048 },
		.columns = nop_columns,
		.limit = { 50, 0 },
		.peers = {
			{ "thread", { 50 }, 0, 0 },
		},
	},
	{
		.name = "sleep",
		.family = "sleep",
		.what = "memory of a task that sleeps",
		.args = { .operations = 20000 },
		.quick = { .operations = 5000 },
		.columns = sleep_columns,
		.limit = { SLEEPER_FIXED, 2 },
		.peers = {
			{ "thread", { 0 }, 0, 0 },
		},
	},
};

const size_t works_count = sizeof(works) / sizeof(works[0]);

double work_limit(const struct work *work, size_t column)
{
	if (column > 0)
		return 0;
	return work->limit.most +
	       work->limit.pages * (double)sysconf(_SC_PAGESIZE);
}

struct work_args work_arguments(const struct work *work,
				const struct options *options)
{
	struct work_args args = work->args;

	args.path = options->path;
	if (options->quick) {
		args.operations = work->quick.operations;
		args.seconds = work->quick.seconds;
	}
	return args;
}
