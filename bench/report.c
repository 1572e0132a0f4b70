/* report.c - the table that people read and the file that programs read. */
#include "bench.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

static FILE *json;
static bool json_begun;
static size_t rows_below;

void report_open(const char *path)
{
	printf("%-11s%-10s%14s%14s%8s%8s  %s\n", "work", "peer", "ours",
	       "theirs", "ratio", "budget", "unit");
	fflush(stdout);
	if (!path)
		return;
	json = fopen(path, "w");
	if (!json) {
		perror(path);
		return;
	}
	fprintf(json, "[");
}

static void json_row(const struct row *row)
{
	if (!json)
		return;
	fprintf(json,
		"%s\n\t{\"work\": \"%s\", \"peer\": \"%s\", \"ours\": %.6g, "
		"\"theirs\": %.6g, \"ratio\": %.4g, \"unit\": \"%s\"}",
		json_begun ? "," : "", row->work, row->peer, row->ours,
		row->theirs, row->ratio, row->unit);
	fflush(json);
	json_begun = true;
}

static bool row_is_below(const struct row *row)
{
	if (row->budget > 0 && row->ratio < row->budget)
		return true;
	return row->budget_more > 0 &&
	       row->ours - row->theirs > row->budget_more;
}

/* Four digits that count, whatever the size. */
static const char *figure(double value, char *text, size_t size)
{
	int digits = value < 10 ? 3 : value < 1000 ? 1 : 0;

	snprintf(text, size, "%.*f", digits, value);
	return text;
}

void report_row(const struct row *row)
{
	const bool below = row_is_below(row);
	char ours[32];
	char theirs[32];
	char budget[32] = "-";

	if (row->budget > 0)
		snprintf(budget, sizeof(budget), "%.2f", row->budget);
	else if (row->budget_more > 0)
		snprintf(budget, sizeof(budget), "+%.0f", row->budget_more);
	printf("%-11s%-10s%14s%14s%8.2f%8s  %s%s\n", row->work, row->peer,
	       figure(row->ours, ours, sizeof(ours)),
	       figure(row->theirs, theirs, sizeof(theirs)), row->ratio, budget,
	       row->unit, below ? "  << below budget" : "");
	fflush(stdout);
	json_row(row);
	rows_below += below;
}

void report_skip(const char *work, const char *peer, const char *why)
{
	printf("skip: %s vs %s: %s\n", work, peer, why);
	fflush(stdout);
}

int report_close(void)
{
	int err = 0;

	if (rows_below)
		printf("%zu below budget\n", rows_below);
	if (!json)
		return 0;
	fprintf(json, "\n]\n");
	if (ferror(json))
		err = -EIO;
	if (fclose(json) != 0)
		err = -EIO;
	json = NULL;
	return err;
}
