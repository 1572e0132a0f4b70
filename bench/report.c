/* report.c - the table that people read and the file that programs read. */
#include "bench.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

static FILE *json;
static bool json_begun;
static size_t rows_missed;

void report_open(const char *path)
{
	printf("%-11s%-12s%12s%14s%8s%8s%8s  %s\n", "work", "peer", "ours",
	       "theirs", "ratio", "budget", "limit", "unit");
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

/* What is asked of it, and whether that is so; only of rows that have such. */
static void json_asked(const struct row *row, bool met)
{
	if (row->budget > 0)
		fprintf(json, ", \"least_ratio\": %.4g", row->budget);
	if (row->budget_more > 0)
		fprintf(json, ", \"most_above\": %.6g", row->budget_more);
	if (row->limit > 0)
		fprintf(json, ", \"most\": %.6g", row->limit);
	if (row->budget > 0 || row->budget_more > 0 || row->limit > 0)
		fprintf(json, ", \"met\": %s", met ? "true" : "false");
}

static void json_row(const struct row *row, bool met)
{
	if (!json)
		return;
	fprintf(json,
		"%s\n\t{\"work\": \"%s\", \"peer\": \"%s\", \"ours\": %.6g, "
		"\"theirs\": %.6g, \"ratio\": %.4g, \"unit\": \"%s\"",
		json_begun ? "," : "", row->work, row->peer, row->ours,
		row->theirs, row->ratio, row->unit);
	json_asked(row, met);
	fprintf(json, "}");
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

static bool row_is_over(const struct row *row)
{
	return row->limit > 0 && row->ours > row->limit;
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
	const bool over = row_is_over(row);
	char ours[32];
	char theirs[32];
	char budget[32] = "-";
	char limit[32] = "-";

	if (row->budget > 0)
		snprintf(budget, sizeof(budget), "%.2f", row->budget);
	else if (row->budget_more > 0)
		snprintf(budget, sizeof(budget), "+%.0f", row->budget_more);
	if (row->limit > 0)
		snprintf(limit, sizeof(limit), "%.0f", row->limit);
	printf("%-11s%-12s%12s%14s%8.2f%8s%8s  %s%s%s\n", row->work, row->peer,
	       figure(row->ours, ours, sizeof(ours)),
	       figure(row->theirs, theirs, sizeof(theirs)), row->ratio, budget,
	       limit, row->unit, below ? "  << below budget" : "",
	       over ? "  << over limit" : "");
	fflush(stdout);
	json_row(row, !below && !over);
	rows_missed += below || over;
}

void report_skip(const char *work, const char *peer, const char *why)
{
	printf("skip: %s vs %s: %s\n", work, peer, why);
	fflush(stdout);
}

int report_close(void)
{
	int err = 0;

	if (rows_missed)
		printf("%zu below budget or over limit\n", rows_missed);
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
