/* fio_read.c - the same random reads by fio's io_uring engine. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_SIZE 65536

/* The number after "key" : in text, or -1. */
static double number_after(const char *text, const char *key)
{
	const char *at = text ? strstr(text, key) : NULL;

	at = at ? strchr(at, ':') : NULL;
	return at ? strtod(at + 1, NULL) : -1;
}

/*
 * Spared what costs it time without being the engine: timestamps, statistics,
 * the map of blocks already read, dropping the page cache first. By itself it
 * submits every read with a system call; batch is how many it may collect.
 */
static int fio_run(const struct work_args *args, uint32_t batch_size,
		   struct sample *ret_sample)
{
	static char output[OUTPUT_SIZE];
	char file[128];
	char runtime[32];
	char depth[32];
	char batch[48];
	char batch_complete[48];
	const char *argv[] = {
		"fio",
		"--name=read4k",
		"--ioengine=io_uring",
		"--rw=randread",
		"--bs=4k",
		"--size=256m",
		"--direct=0",
		"--time_based",
		"--norandommap",
		"--gtod_reduce=1",
		"--invalidate=0",
		"--output-format=json",
		depth,
		batch,
		batch_complete,
		file,
		runtime,
		NULL,
	};
	const char *reads;
	double iops;
	double user;
	double system;
	int err;

	snprintf(file, sizeof(file), "--filename=%s", args->path);
	snprintf(runtime, sizeof(runtime), "--runtime=%g", args->seconds);
	snprintf(depth, sizeof(depth), "--iodepth=%u", args->batch);
	snprintf(batch, sizeof(batch), "--iodepth_batch_submit=%u", batch_size);
	snprintf(batch_complete, sizeof(batch_complete),
		 "--iodepth_batch_complete_max=%u", batch_size);
	err = program_run(argv, output, sizeof(output));
	if (err != 0)
		return err < 0 ? err : -EPROTO;
	reads = strstr(output, "\"read\"");
	iops = number_after(reads, "\"iops\"");
	user = number_after(output, "\"usr_cpu\"");
	system = number_after(output, "\"sys_cpu\"");
	if (iops <= 0 || user < 0 || system < 0)
		return -EPROTO;
	ret_sample->value[0] = 1e9 / iops;
	ret_sample->value[1] = 1e9 / iops * (user + system) / 100;
	return 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	return fio_run(args, 1, ret_sample);
}

static int run_batch(const struct work_args *args, struct sample *ret_sample)
{
	return fio_run(args, args->batch, ret_sample);
}

static const struct entrant entrant = {
	.family = "read",
	.name = "fio",
	.run = run,
};

static const struct entrant entrant_batch = {
	.family = "read",
	.name = "fio-batch",
	.run = run_batch,
};

BENCH_ENTRANT(entrant)
BENCH_ENTRANT(entrant_batch)
