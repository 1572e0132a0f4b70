#include "stats.h"

#include "exchange.h"
#include "json.h"
#include "server.h"

void stats_init(struct stats *stats)
{
	stats->started_at = a10_now();
}

/* ---- histograms --------------------------------------------------------- */

/* 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 ... */
uint64_t histogram_limit(unsigned int bucket)
{
	const unsigned int power = bucket / HISTOGRAM_STEPS;
	const uint64_t step = bucket % HISTOGRAM_STEPS;

	if (power == 0)
		return step + 1;
	return ((HISTOGRAM_STEPS + step + 1) << power) / 2;
}

void histogram_note(struct histogram *histogram, uint64_t us)
{
	unsigned int bucket = 0;

	/* The first two bits below the highest say which of the four. */
	if (us >= HISTOGRAM_STEPS) {
		const unsigned int high =
			63u - (unsigned int)__builtin_clzll(us);

		bucket = (high - 1) * HISTOGRAM_STEPS +
			 (unsigned int)(us >> (high - 2) & 3);
	} else {
		bucket = (unsigned int)us;
	}
	if (bucket >= HISTOGRAM_BUCKETS)
		bucket = HISTOGRAM_BUCKETS - 1;
	histogram->buckets[bucket]++;
	histogram->count++;
	histogram->sum += us;
	if (us > histogram->greatest)
		histogram->greatest = us;
}

uint64_t histogram_percentile(const struct histogram *histogram,
			      unsigned int permille)
{
	const uint64_t wanted =
		histogram->count - histogram->count * (1000 - permille) / 1000;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > 0 && seen >= wanted)
			return histogram_limit(i);
	}
	return 0;
}

/* ---- counting ----------------------------------------------------------- */

static void note_time(struct histogram *histogram, int64_t from, int64_t to)
{
	if (from > 0 && to >= from)
		histogram_note(histogram, (uint64_t)(to - from) / 1000);
}

void stats_note(struct stats *stats, const struct exchange *exchange,
		int64_t now)
{
	const int status = exchange->response.status;

	stats->requests++;
	stats->bytes_sent += exchange->sent;
	if (status >= STATUS_FIRST && status <= STATUS_LAST)
		stats->statuses[status - STATUS_FIRST]++;
	note_time(&stats->first_byte, exchange->asked_at, exchange->began_at);
	note_time(&stats->last_byte, exchange->asked_at, now);
}

/* ---- the page ----------------------------------------------------------- */

static void add_histogram(struct text *text, const char *name,
			  const struct histogram *histogram)
{
	bool first = true;

	json_add_name(text, name);
	text_add(text, "{");
	json_add_number(text, "count", histogram->count);
	json_add_number(text, "sum", histogram->sum);
	json_add_number(text, "p50", histogram_percentile(histogram, 500));
	json_add_number(text, "p90", histogram_percentile(histogram, 900));
	json_add_number(text, "p99", histogram_percentile(histogram, 990));
	json_add_number(text, "p999", histogram_percentile(histogram, 999));
	json_add_number(text, "max", histogram->greatest);
	json_add_name(text, "buckets");
	text_add(text, "[");
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (histogram->buckets[i] == 0)
			continue;
		text_add(text, first ? "[" : ",[");
		text_add_number(text, histogram_limit(i));
		text_add(text, ",");
		text_add_number(text, histogram->buckets[i]);
		text_add(text, "]");
		first = false;
	}
	text_add(text, "]}");
}

static void add_statuses(struct text *text, const struct stats *stats)
{
	char name[] = "000";

	json_add_name(text, "status");
	text_add(text, "{");
	for (int status = STATUS_FIRST; status <= STATUS_LAST; status++) {
		const uint64_t count = stats->statuses[status - STATUS_FIRST];

		if (count == 0)
			continue;
		name[0] = (char)('0' + status / 100);
		name[1] = (char)('0' + status / 10 % 10);
		name[2] = (char)('0' + status % 10);
		json_add_number(text, name, count);
	}
	text_add(text, "}");
}

static void add_ring(struct text *text, const struct server *server)
{
	struct a10_ring_info info;

	a10_ring_info(server->ring, &info);
	json_add_name(text, "ring");
	text_add(text, "{");
	json_add_number(text, "pending", a10_ring_pending(server->ring));
	json_add_number(text, "enters", info.enters);
	json_add_number(text, "overflows", info.overflows);
	text_add(text, "}");
}

void stats_add_json(struct text *text, const struct server *server)
{
	const struct stats *stats = &server->stats;
	const int64_t up = a10_now() - stats->started_at;

	text_add(text, "{");
	json_add_name(text, "version");
	json_add_string(text, view_of(a10_version()));
	json_add_number(text, "uptime_ms", (uint64_t)(up / A10_MILLISECOND));
	json_add_name(text, "connections");
	text_add(text, "{");
	json_add_number(text, "open", server->connection_count);
	json_add_number(text, "most", server->settings.connections_max);
	json_add_number(text, "accepted", stats->accepted);
	text_add(text, "}");
	json_add_number(text, "requests", stats->requests);
	json_add_number(text, "bytes_sent", stats->bytes_sent);
	add_statuses(text, stats);
	json_add_name(text, "timeouts");
	text_add(text, "{");
	json_add_number(text, "idle", stats->idle_timeouts);
	json_add_number(text, "request", stats->request_timeouts);
	json_add_number(text, "send", stats->send_timeouts);
	text_add(text, "}");
	json_add_name(text, "latency_us");
	text_add(text, "{");
	add_histogram(text, "first_byte", &stats->first_byte);
	add_histogram(text, "last_byte", &stats->last_byte);
	text_add(text, "}");
	add_ring(text, server);
	text_add(text, "}\n");
}
