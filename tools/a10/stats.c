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
	counter_add(&histogram->buckets[bucket], 1);
	counter_add(&histogram->count, 1);
	counter_add(&histogram->sum, us);
	if (us > counter_read(&histogram->greatest))
		atomic_store_explicit(&histogram->greatest, us,
				      memory_order_relaxed);
}

uint64_t histogram_percentile(const struct histogram *histogram,
			      unsigned int permille)
{
	const uint64_t count = counter_read(&histogram->count);
	const uint64_t wanted = count - count * (1000 - permille) / 1000;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += counter_read(&histogram->buckets[i]);
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

	counter_add(&stats->requests, 1);
	counter_add(&stats->bytes_sent, exchange->sent);
	if (status >= STATUS_FIRST && status <= STATUS_LAST)
		counter_add(&stats->statuses[status - STATUS_FIRST], 1);
	note_time(&stats->first_byte, exchange->asked_at, exchange->began_at);
	note_time(&stats->last_byte, exchange->asked_at, now);
}

void stats_note_ring(struct stats *stats, const struct a10_ring *ring)
{
	struct a10_ring_info info;

	a10_ring_info(ring, &info);
	atomic_store_explicit(&stats->ring_pending, a10_ring_pending(ring),
			      memory_order_relaxed);
	atomic_store_explicit(&stats->ring_enters, info.enters,
			      memory_order_relaxed);
	atomic_store_explicit(&stats->ring_overflows, info.overflows,
			      memory_order_relaxed);
}

/* ---- adding up ---------------------------------------------------------- */

static void take(_Atomic uint64_t *sum, const _Atomic uint64_t *counter)
{
	counter_add(sum, counter_read(counter));
}

static void take_histogram(struct histogram *sum,
			   const struct histogram *histogram)
{
	const uint64_t greatest = counter_read(&histogram->greatest);

	take(&sum->count, &histogram->count);
	take(&sum->sum, &histogram->sum);
	if (greatest > counter_read(&sum->greatest))
		atomic_store_explicit(&sum->greatest, greatest,
				      memory_order_relaxed);
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		take(&sum->buckets[i], &histogram->buckets[i]);
}

static void take_stats(struct stats *sum, const struct stats *stats)
{
	take(&sum->accepted, &stats->accepted);
	take(&sum->requests, &stats->requests);
	take(&sum->bytes_sent, &stats->bytes_sent);
	take(&sum->idle_timeouts, &stats->idle_timeouts);
	take(&sum->request_timeouts, &stats->request_timeouts);
	take(&sum->send_timeouts, &stats->send_timeouts);
	take(&sum->ring_pending, &stats->ring_pending);
	take(&sum->ring_enters, &stats->ring_enters);
	take(&sum->ring_overflows, &stats->ring_overflows);
	for (int i = 0; i <= STATUS_LAST - STATUS_FIRST; i++)
		take(&sum->statuses[i], &stats->statuses[i]);
	take_histogram(&sum->first_byte, &stats->first_byte);
	take_histogram(&sum->last_byte, &stats->last_byte);
}

/* ---- the page ----------------------------------------------------------- */

static void add_histogram(struct text *text, const char *name,
			  const struct histogram *histogram)
{
	bool first = true;

	json_add_name(text, name);
	text_add(text, "{");
	json_add_number(text, "count", counter_read(&histogram->count));
	json_add_number(text, "sum", counter_read(&histogram->sum));
	json_add_number(text, "p50", histogram_percentile(histogram, 500));
	json_add_number(text, "p90", histogram_percentile(histogram, 900));
	json_add_number(text, "p99", histogram_percentile(histogram, 990));
	json_add_number(text, "p999", histogram_percentile(histogram, 999));
	json_add_number(text, "max", counter_read(&histogram->greatest));
	json_add_name(text, "buckets");
	text_add(text, "[");
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		const uint64_t count = counter_read(&histogram->buckets[i]);

		if (count == 0)
			continue;
		text_add(text, first ? "[" : ",[");
		text_add_number(text, histogram_limit(i));
		text_add(text, ",");
		text_add_number(text, count);
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
		const uint64_t count =
			counter_read(&stats->statuses[status - STATUS_FIRST]);

		if (count == 0)
			continue;
		name[0] = (char)('0' + status / 100);
		name[1] = (char)('0' + status / 10 % 10);
		name[2] = (char)('0' + status % 10);
		json_add_number(text, name, count);
	}
	text_add(text, "}");
}

static void add_ring(struct text *text, const struct stats *stats)
{
	json_add_name(text, "ring");
	text_add(text, "{");
	json_add_number(text, "pending", counter_read(&stats->ring_pending));
	json_add_number(text, "enters", counter_read(&stats->ring_enters));
	json_add_number(text, "overflows",
			counter_read(&stats->ring_overflows));
	text_add(text, "}");
}

static void add_connections(struct text *text, const struct server *server,
			    const struct stats *stats)
{
	json_add_name(text, "connections");
	text_add(text, "{");
	json_add_number(text, "open", crowd_connections(server));
	json_add_number(text, "most", server->settings.connections_max);
	json_add_number(text, "accepted", counter_read(&stats->accepted));
	text_add(text, "}");
}

static void add_timeouts(struct text *text, const struct stats *stats)
{
	json_add_name(text, "timeouts");
	text_add(text, "{");
	json_add_number(text, "idle", counter_read(&stats->idle_timeouts));
	json_add_number(text, "request",
			counter_read(&stats->request_timeouts));
	json_add_number(text, "send", counter_read(&stats->send_timeouts));
	text_add(text, "}");
}

/* Who does how much of it. */
static void add_threads(struct text *text, const struct server *server)
{
	json_add_name(text, "threads");
	text_add(text, "[");
	for (uint32_t i = 0; i < server->crowd->count; i++) {
		const struct server *one = &server->crowd->servers[i];

		text_add(text, i == 0 ? "{" : ",{");
		json_add_number(text, "open",
				atomic_load(&one->connection_count));
		json_add_number(text, "accepted",
				counter_read(&one->stats.accepted));
		json_add_number(text, "requests",
				counter_read(&one->stats.requests));
		text_add(text, "}");
	}
	text_add(text, "]");
}

void stats_add_json(struct text *text, struct server *server)
{
	const int64_t up = a10_now() - server->stats.started_at;
	struct stats sum;

	memset(&sum, 0, sizeof(sum));
	stats_note_ring(&server->stats, server->ring);
	for (uint32_t i = 0; i < server->crowd->count; i++)
		take_stats(&sum, &server->crowd->servers[i].stats);
	text_add(text, "{");
	json_add_name(text, "version");
	json_add_string(text, view_of(a10_version()));
	json_add_number(text, "uptime_ms", (uint64_t)(up / A10_MILLISECOND));
	add_connections(text, server, &sum);
	json_add_number(text, "requests", counter_read(&sum.requests));
	json_add_number(text, "bytes_sent", counter_read(&sum.bytes_sent));
	add_statuses(text, &sum);
	add_timeouts(text, &sum);
	json_add_name(text, "latency_us");
	text_add(text, "{");
	add_histogram(text, "first_byte", &sum.first_byte);
	add_histogram(text, "last_byte", &sum.last_byte);
	text_add(text, "}");
	add_ring(text, &sum);
	add_threads(text, server);
	text_add(text, "}\n");
}
