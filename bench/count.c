/*
 * count.c - instructions and system calls of one operation.
 *
 * Times vary with the machine, counts do not. The program runs itself under
 * valgrind or strace, twice, with few and with many operations: the difference
 * belongs to the operations alone, not to the program's start and end.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Multiples of the laps times the largest batch. */
#define OPERATIONS_FEW  (LAPS * UINT64_C(32))
#define OPERATIONS_MANY (LAPS * UINT64_C(32) * 5)
#define OUTPUT_SIZE     65536

/* How a tool is called, and where in its output the number is. */
struct counter {
	const char *argv[8]; /* before the program's own arguments */
	const char *unit;
	double (*parse)(const char *output);
};

/* "==1== Collected : 12345" */
static double parse_callgrind(const char *output)
{
	const char *at = strstr(output, "Collected : ");

	return at ? strtod(at + strlen("Collected : "), NULL) : -1;
}

/*
 * "100.00    0.000100           2        41         3 total": the fourth, for
 * the errors before the last word are only there if there were some.
 */
static double parse_strace(const char *output)
{
	const char *line = strstr(output, " total\n");
	double count = -1;
	char *at;

	if (!line)
		return -1;
	while (line > output && line[-1] != '\n')
		line--;
	strtod(line, &at);
	for (int i = 0; i < 3; i++)
		count = strtod(at, &at);
	return count;
}

static const struct counter instructions = {
	{ "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null" },
	"instructions/op",
	parse_callgrind,
};

static const struct counter calls = {
	{ "strace", "-c" },
	"syscalls/op",
	parse_strace,
};

static int count_once(const struct counter *counter, const char *child,
		      const char *path, uint64_t operations, double *ret_count)
{
	static char output[OUTPUT_SIZE];
	const char *argv[16];
	char program[512];
	char number[32];
	size_t n = 0;
	ssize_t length;
	int err;

	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length < 0)
		return -errno;
	program[length] = '\0';
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)operations);
	while (counter->argv[n]) {
		argv[n] = counter->argv[n];
		n++;
	}
	argv[n++] = program;
	argv[n++] = "--file";
	argv[n++] = path;
	argv[n++] = "--child";
	argv[n++] = child;
	argv[n++] = number;
	argv[n] = NULL;
	err = program_run(argv, output, sizeof(output));
	if (err != 0)
		return err < 0 ? err : -EPROTO;
	*ret_count = counter->parse(output);
	return *ret_count < 0 ? -EPROTO : 0;
}

static int count_per_operation(const struct counter *counter, const char *work,
			       const char *entrant, const char *path,
			       double *ret_count)
{
	double few = 0;
	double many = 0;
	char child[64];
	int err;

	snprintf(child, sizeof(child), "%s-%s", work, entrant);
	err = count_once(counter, child, path, OPERATIONS_FEW, &few);
	if (err == 0)
		err = count_once(counter, child, path, OPERATIONS_MANY, &many);
	if (err < 0)
		return err;
	*ret_count = (many - few) / (OPERATIONS_MANY - OPERATIONS_FEW);
	return 0;
}

static void count_with(const struct counter *counter, const struct work *work,
		       const struct peer *peer, const struct options *options,
		       struct row *row)
{
	char why[128];
	int err;

	err = count_per_operation(counter, work->name, options->ours,
				  options->path, &row->ours);
	if (err == 0)
		err = count_per_operation(counter, work->name, peer->name,
					  options->path, &row->theirs);
	if (err < 0) {
		snprintf(why, sizeof(why), "%s by %s: %s", counter->unit,
			 counter->argv[0], strerror(-err));
		report_skip(work->name, peer->name, why);
		return;
	}
	row->work = work->name;
	row->peer = peer->name;
	row->unit = counter->unit;
	row->ratio = ratio_of(row->ours, row->theirs, true);
	report_row(row);
}

void count_compare(const struct work *work, const struct peer *peer,
		   const struct options *options)
{
	/* One call in a hundred may come from how the messages fell. */
	struct row call_row = { .budget = 0.99 };
	struct row instruction_row = { .budget_more = peer->instructions_more };

	if (peer->counts & COUNT_INSTRUCTIONS)
		count_with(&instructions, work, peer, options,
			   &instruction_row);
	if (peer->counts & COUNT_CALLS)
		count_with(&calls, work, peer, options, &call_row);
}
