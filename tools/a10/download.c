#include "download.h"

#include "body.h"
#include "date.h"
#include "part.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BUFFER_SIZE = 1 << 17, /* more than a head may have */
	REQUEST_SIZE = URL_TARGET_MAX + 2 * URL_HOST_MAX + PART_TAG_MAX + 512,
	ADDRESS_SIZE = URL_HOST_MAX + 16,
	INTERIM_MAX = 8, /* answers that only say: wait */
	REASON_SHOWN = 100,
	/* A date is of a second: in a younger one the file can still change. */
	DATE_SETTLED_S = 60,
};

/* What one download has in its hands; too large for a stack. */
struct work {
	struct download *download;
	struct part part;
	struct url url; /* where it is asked for now */
	struct a10_fd peer;
	uint64_t asked_from; /* bytes that were not asked for; 0: for all */
	struct reply reply;
	size_t length; /* of bytes, from the head or the body on */
	char bytes[BUFFER_SIZE];
	char request[REQUEST_SIZE];
};

/* What became of one request. */
enum outcome {
	OUTCOME_WHOLE,
	OUTCOME_ELSEWHERE, /* at another url */
	OUTCOME_AGAIN,     /* all of it is to be asked for, not the rest */
};

/* Says what is wrong. Returns err, or -EIO if that says nothing. */
static int fail(struct download *download, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct download *download, int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(download->fault, sizeof(download->fault), format, arguments);
	va_end(arguments);
	return err < 0 ? err : -EIO;
}

static int64_t stall_timeout(const struct work *work)
{
	return work->download->settings->stall_timeout_ns;
}

/* ---- the request --------------------------------------------------------- */

static int dial(struct work *work)
{
	struct download *download = work->download;
	char address[ADDRESS_SIZE];
	int err;

	url_address(&work->url, address);
	err = a10_await_fd(a10_timeout(a10_connect_to(address, 0),
				       download->settings->connect_timeout_ns),
			   &work->peer);
	if (err == -ENOENT)
		return fail(download, err, "%s: there is no such host",
			    work->url.host);
	if (err == -ETIME)
		return fail(download, err, "%s does not answer", address);
	if (err < 0)
		return fail(download, err, "%s: %s", address, strerror(-err));
	return 0;
}

static size_t write_request(struct work *work)
{
	char host[ADDRESS_SIZE];
	struct text text;

	url_host(&work->url, host);
	text_init_fixed(&text, work->request, sizeof(work->request));
	text_add(&text, "GET ");
	text_add(&text, work->url.target);
	text_add(&text, " HTTP/1.1\r\nHost: ");
	text_add(&text, host);
	text_add(&text, "\r\nUser-Agent: a10/");
	text_add(&text, a10_version());
	text_add(&text, "\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
			"Connection: close\r\n");
	if (work->asked_from > 0) {
		text_add(&text, "Range: bytes=");
		text_add_number(&text, work->asked_from);
		text_add(&text, "-\r\nIf-Range: ");
		text_add(&text, work->part.tag);
		text_add(&text, "\r\n");
	}
	text_add(&text, "\r\n");
	return text.length;
}

/* More of the answer, behind what there is. Bytes, 0 at the end, or -errno. */
static ssize_t receive(struct work *work)
{
	const ssize_t n = a10_await(
		a10_timeout(a10_recv(work->peer, work->bytes + work->length,
				     sizeof(work->bytes) - work->length, 0),
			    stall_timeout(work)));

	if (n > 0)
		work->length += (size_t)n;
	if (n == -ETIME)
		return fail(work->download, -ETIME, "%s sends nothing any more",
			    work->url.host);
	if (n < 0)
		return fail(work->download, (int)n, "%s: %s", work->url.host,
			    strerror((int)-n));
	return n;
}

/* One head that says something, in reply; what follows it is in bytes. */
static int hear_head(struct work *work)
{
	int interim = 0;
	int found = 0;

	work->length = 0;
	reply_init(&work->reply);
	while (found == 0) {
		const ssize_t n = receive(work);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return fail(work->download, -EIO,
				    "%s closes without an answer",
				    work->url.host);
		found = reply_parse(&work->reply, work->bytes, work->length);
		while (found > 0 && work->reply.status < 200 &&
		       work->reply.status != 101 && interim++ < INTERIM_MAX) {
			work->length -= work->reply.head_length;
			memmove(work->bytes,
				work->bytes + work->reply.head_length,
				work->length);
			reply_init(&work->reply);
			found = reply_parse(&work->reply, work->bytes,
					    work->length);
		}
	}
	if (found < 0)
		return fail(work->download, found,
			    "the answer makes no sense: %s", work->reply.fault);
	return 0;
}

static int ask(struct work *work)
{
	const size_t length = write_request(work);
	ssize_t n;

	n = a10_await(a10_timeout(
		a10_all(a10_send(work->peer, work->request, length, 0)),
		stall_timeout(work)));
	/* Who closes early may have said why. */
	if (n < 0 && n != -EPIPE && n != -ECONNRESET)
		return fail(work->download, (int)n, "%s: %s", work->url.host,
			    strerror((int)-n));
	return hear_head(work);
}

/* ---- the body ------------------------------------------------------------ */

static int complain_of_end(struct work *work)
{
	struct download *download = work->download;
	char room[64];
	struct text text;

	text_init_fixed(&text, room, sizeof(room) - 1);
	text_add_size(&text, download->count);
	if (download->total > 0) {
		text_add(&text, " of ");
		text_add_size(&text, download->total);
	}
	room[text.length] = '\0';
	return fail(download, -EIO, "the connection ended after %s", room);
}

/* The data among the first bytes there are, all of which are of the body. */
static int keep(struct work *work, struct body *body)
{
	struct download *download = work->download;
	const ssize_t n = body_take(body, work->bytes, work->length);
	int err;

	if (n < 0)
		return fail(download, -EBADMSG,
			    "what the answer consists of makes no sense");
	work->length = 0;
	err = part_write(&work->part, work->bytes, (size_t)n, download->count);
	if (err < 0)
		return fail(download, err, "cannot be written: %s",
			    strerror(-err));
	download->count += (uint64_t)n;
	return 0;
}

static int hear_body(struct work *work)
{
	struct body body;
	ssize_t n = 1;
	int err;

	body_init(&body, &work->reply);
	work->length -= work->reply.head_length;
	memmove(work->bytes, work->bytes + work->reply.head_length,
		work->length);
	err = keep(work, &body);
	while (err == 0 && n > 0 && !body_is_over(&body)) {
		n = receive(work);
		err = n < 0 ? (int)n : keep(work, &body);
	}
	if (err == 0 && !body_may_end(&body))
		return complain_of_end(work);
	return err < 0 ? err : OUTCOME_WHOLE;
}

/* ---- what the answer says ------------------------------------------------ */

/*
 * By what that version can be told from another: a strong entity tag, or a date
 * that had settled when it was said (RFC 9110, 8.8.2.2). Else none.
 */
static struct view tag_of(const struct reply *reply)
{
	const struct view none = { NULL, 0 };
	time_t modified;
	time_t said;

	if (reply->etag.length > 1 && reply->etag.at[0] == '"')
		return reply->etag;
	if (!reply->etag.at && reply->last_modified.at && reply->date.at &&
	    date_parse(reply->last_modified, &modified) == 0 &&
	    date_parse(reply->date, &said) == 0 &&
	    said - modified >= DATE_SETTLED_S)
		return reply->last_modified;
	return none;
}

static int hear_whole(struct work *work)
{
	struct download *download = work->download;
	const struct reply *reply = &work->reply;
	const int err = part_begin(&work->part, tag_of(reply));

	if (err < 0)
		return fail(download, err, "cannot be written: %s",
			    strerror(-err));
	download->count = 0;
	download->begun_at = 0;
	download->total = reply->body == REPLY_LENGTH ? reply->length : 0;
	return hear_body(work);
}

/* It must be the rest of what we have, and all of that. */
static int hear_rest(struct work *work)
{
	struct download *download = work->download;
	const struct reply *reply = &work->reply;
	const struct reply_range *range = &reply->range;
	const uint64_t length = range->last - range->first + 1;
	const struct view tag = tag_of(reply);
	int err;

	if (work->asked_from == 0 || !range->known || !range->some ||
	    range->first != work->asked_from ||
	    (range->has_total && range->last + 1 != range->total) ||
	    (reply->body == REPLY_LENGTH && reply->length != length))
		return fail(download, -EBADMSG,
			    "the server sends another part than it was asked "
			    "for");
	/* It may be any piece of what follows. */
	if (!range->has_total)
		return fail(download, -EBADMSG,
			    "the server does not say whether that is all of "
			    "the rest; try without --continue");
	if (tag.at && work->part.tag[0] == '"' &&
	    (tag.length != strlen(work->part.tag) ||
	     memcmp(tag.at, work->part.tag, tag.length) != 0))
		return fail(download, -EBADMSG,
			    "the server sends a part of another version");
	download->count = work->asked_from;
	download->begun_at = work->asked_from;
	download->total = range->last + 1;
	err = hear_body(work);
	if (err < 0)
		return err;
	if (download->count != range->last + 1)
		return complain_of_end(work);
	return OUTCOME_WHOLE;
}

/* There is nothing behind what we have: it is whole, or something else. */
static int hear_no_more(struct work *work)
{
	struct download *download = work->download;
	const struct reply_range *range = &work->reply.range;

	if (range->known && !range->some && range->has_total &&
	    range->total == work->asked_from) {
		download->count = work->asked_from;
		download->begun_at = work->asked_from;
		download->total = work->asked_from;
		return OUTCOME_WHOLE;
	}
	work->asked_from = 0;
	return OUTCOME_AGAIN;
}

static int follow(struct work *work)
{
	struct download *download = work->download;
	struct url next;
	const char *fault;

	if (!work->reply.location.at)
		return fail(download, -EBADMSG,
			    "the server says %d and not where to",
			    work->reply.status);
	fault = url_resolve(&work->url, work->reply.location, &next);
	if (fault)
		return fail(download, -EBADMSG,
			    "the server sends us elsewhere, and there: %s",
			    fault);
	work->url = next;
	return OUTCOME_ELSEWHERE;
}

/* What somebody else's bytes look like on a terminal. */
static void printable(struct view view, char *ret_text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < view.length && length < size - 1; i++) {
		const char c = view.at[i];

		ret_text[length++] = (char)(c >= ' ' && c < 0x7f ? c : '?');
	}
	ret_text[length] = '\0';
}

static int judge(struct work *work)
{
	const struct reply *reply = &work->reply;
	char reason[REASON_SHOWN];

	switch (reply->status) {
	case 200:
	case 203:
		return hear_whole(work);
	case 206:
		return hear_rest(work);
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return follow(work);
	case 416:
		if (work->asked_from > 0)
			return hear_no_more(work);
		break;
	default:
		break;
	}
	printable(reply->reason, reason, sizeof(reason));
	return fail(work->download, -EIO, "the server says %d%s%s",
		    reply->status, reason[0] != '\0' ? " " : "", reason);
}

/* ---- the whole ----------------------------------------------------------- */

static int request(struct work *work)
{
	int outcome = dial(work);

	if (outcome < 0)
		return outcome;
	outcome = ask(work);
	if (outcome == 0)
		outcome = judge(work);
	a10_await(a10_close(work->peer));
	return outcome;
}

/* From one place to the next, until it is there. 0 or -errno. */
static int request_all(struct work *work)
{
	struct download *download = work->download;
	uint32_t redirects = 0;
	int outcome;
	int err;

	while ((outcome = request(work)) > OUTCOME_WHOLE) {
		if (outcome == OUTCOME_ELSEWHERE &&
		    redirects++ == download->settings->redirects_max)
			return fail(download, -ELOOP,
				    "the server sends us from one place to "
				    "another, %u times",
				    (unsigned int)redirects);
	}
	if (outcome < 0)
		return outcome;
	err = part_finish(&work->part, download->settings->replace);
	if (err < 0)
		return fail(download, err, "cannot be written: %s",
			    strerror(-err));
	return 0;
}

static int run(struct download *download, struct work *work)
{
	int err;
	const char *fault =
		part_open(&work->part, download->path, download->part_number,
			  download->settings->replace, &err);

	if (fault)
		return fail(download, err, "%s%s%s", fault, err < 0 ? ": " : "",
			    err < 0 ? strerror(-err) : "");
	work->download = download;
	work->url = download->url;
	if (download->settings->resume)
		work->asked_from = work->part.kept;
	err = request_all(work);
	download->can_go_on = err < 0 && part_can_go_on(&work->part);
	part_close(&work->part);
	return err;
}

int download_run(struct download *download)
{
	struct work *work = calloc(1, sizeof(*work));
	int err;

	download->state = DOWNLOAD_RUNNING;
	download->begun = a10_now();
	if (work)
		err = run(download, work);
	else
		err = fail(download, -ENOMEM, "%s", strerror(ENOMEM));
	free(work);
	download->ended = a10_now();
	download->state = err < 0 ? DOWNLOAD_FAILED : DOWNLOAD_DONE;
	if (err < 0 && a10_task_cancelled())
		fail(download, err, "interrupted");
	return err;
}
