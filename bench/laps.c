/* laps.c - clocks, and figures that survive a busy neighbour. */
#include "bench.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

static uint64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

uint64_t clock_cpu_ns(void)
{
	return clock_read(CLOCK_PROCESS_CPUTIME_ID);
}

void laps_start(struct laps *laps)
{
	laps->count = 0;
	laps->last = clock_ns();
}

void laps_mark(struct laps *laps)
{
	const uint64_t now = clock_ns();

	assert(laps->count < LAPS);
	laps->ns[laps->count++] = now - laps->last;
	laps->last = now;
}

static int compare_ns(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left;
	const uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

double laps_figure(struct laps *laps, uint64_t operations_per_lap)
{
	const uint32_t quartile = laps->count / 4;

	assert(laps->count > 0);
	qsort(laps->ns, laps->count, sizeof(laps->ns[0]), compare_ns);
	return (double)laps->ns[quartile] / (double)operations_per_lap;
}

static int compare_values(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;

	return (a > b) - (a < b);
}

double median(double *values, size_t count)
{
	assert(count > 0);
	qsort(values, count, sizeof(values[0]), compare_values);
	if (count % 2)
		return values[count / 2];
	return (values[count / 2 - 1] + values[count / 2]) / 2;
}

double ratio_of(double ours, double theirs, bool lower_is_better)
{
	/* Nothing at all on both sides is a draw. */
	if (ours == theirs)
		return 1;
	return lower_is_better ? theirs / ours : ours / theirs;
}
