/* compare.c - us and a peer in turn, and what the pairs say. */
#include "bench.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct pairs {
	struct sample ours[PAIRS_MAX];
	struct sample theirs[PAIRS_MAX];
	uint32_t count;
};

/*
 * A machine drifts: the neighbours come and go, the caches warm up. Only two
 * measurements right after each other can be compared, and who goes first must
 * take turns. The first pair warms up and is thrown away.
 */
static int pairs_measure(const struct entrant *ours,
			 const struct entrant *theirs,
			 const struct work_args *args, struct pairs *pairs)
{
	struct sample warm_up[2];
	int err;

	err = process_measure(theirs, args, &warm_up[0]);
	if (err == 0)
		err = process_measure(ours, args, &warm_up[1]);
	for (uint32_t i = 0; err == 0 && i < pairs->count; i++) {
		const bool we_begin = i % 2;

		if (we_begin)
			err = process_measure(ours, args, &pairs->ours[i]);
		if (err == 0)
			err = process_measure(theirs, args, &pairs->theirs[i]);
		if (err == 0 && !we_begin)
			err = process_measure(ours, args, &pairs->ours[i]);
	}
	return err;
}

static void pairs_report(const struct pairs *pairs, const struct work *work,
			 const struct peer *peer, size_t column)
{
	const bool lower = work->columns[column].lower_is_better;
	double ours[PAIRS_MAX];
	double theirs[PAIRS_MAX];
	double ratios[PAIRS_MAX];
	struct row row = { 0 };

	for (uint32_t i = 0; i < pairs->count; i++) {
		ours[i] = pairs->ours[i].value[column];
		theirs[i] = pairs->theirs[i].value[column];
		ratios[i] = ratio_of(ours[i], theirs[i], lower);
	}
	row.work = work->name;
	row.peer = peer->name;
	row.unit = work->columns[column].unit;
	row.ours = median(ours, pairs->count);
	row.theirs = median(theirs, pairs->count);
	row.ratio = median(ratios, pairs->count);
	row.budget = peer->budget[column];
	row.limit = work_limit(work, column);
	report_row(&row);
}

void compare(const struct work *work, const struct peer *peer,
	     const struct options *options)
{
	const struct entrant *ours;
	const struct entrant *theirs;
	struct work_args args = work_arguments(work, options);
	struct pairs pairs = { .count = options->pairs };
	int err;

	assert(pairs.count > 0);
	assert(pairs.count <= PAIRS_MAX);
	ours = entrant_find(work->family, options->ours);
	theirs = entrant_find(work->family, peer->name);
	if (!ours) {
		report_skip(work->name, peer->name, "we are not built in");
		return;
	}
	if (!theirs) {
		report_skip(work->name, peer->name, "not built in");
		return;
	}
	err = pairs_measure(ours, theirs, &args, &pairs);
	if (err < 0) {
		report_skip(work->name, peer->name, strerror(-err));
		return;
	}
	for (size_t i = 0; i < COLUMNS_MAX && work->columns[i].unit; i++)
		pairs_report(&pairs, work, peer, i);
	if (peer->counts)
		count_compare(work, peer, options);
}
