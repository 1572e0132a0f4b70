#include "reply.h"

#include <errno.h>
#include <string.h>

enum {
	STATUS_AT = 9, /* "HTTP/1.1 200" */
	STATUS_END = 12,
};

/* What is collected while the lines are read. */
struct fields {
	uint32_t lines;
	bool has_length;
	bool has_encoding;
	bool chunked;
};

void reply_init(struct reply *reply)
{
	memset(reply, 0, sizeof(*reply));
}

static int refuse(struct reply *reply, const char *fault)
{
	reply->fault = fault;
	return -EBADMSG;
}

static bool has_controls(struct view view)
{
	for (size_t i = 0; i < view.length; i++) {
		const unsigned char byte = (unsigned char)view.at[i];

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return true;
	}
	return false;
}

/* ---- the first line ------------------------------------------------------ */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_status_line(struct reply *reply, struct view line)
{
	const char *at = line.at;

	if (line.length < STATUS_END || memcmp(at, "HTTP/1.", 7) != 0 ||
	    !is_digit(at[7]) || at[8] != ' ' || at[STATUS_AT] < '1' ||
	    at[STATUS_AT] > '5' || !is_digit(at[STATUS_AT + 1]) ||
	    !is_digit(at[STATUS_AT + 2]) ||
	    (line.length > STATUS_END && at[STATUS_END] != ' '))
		return refuse(reply, "that is no HTTP");
	if (has_controls(line))
		return refuse(reply, "a control character in the first line");
	reply->old = at[7] == '0';
	reply->status = (at[STATUS_AT] - '0') * 100 +
			(at[STATUS_AT + 1] - '0') * 10 +
			(at[STATUS_AT + 2] - '0');
	line.at += STATUS_END;
	line.length -= STATUS_END;
	reply->reason = view_trimmed(line);
	return 0;
}

/* ---- fields -------------------------------------------------------------- */

/* Several that say the same are one. */
static int take_length(struct reply *reply, struct fields *fields,
		       struct view value)
{
	struct view piece;
	uint64_t length;

	while (view_take(&value, ',', &piece)) {
		if (view_number(piece, &length) < 0 || length > INT64_MAX)
			return refuse(reply, "a length that is no number");
		if (fields->has_length && length != reply->length)
			return refuse(reply, "two lengths");
		reply->length = length;
		fields->has_length = true;
	}
	return 0;
}

static int take_encoding(struct reply *reply, struct fields *fields,
			 struct view value)
{
	if (fields->has_encoding || !view_is(value, "chunked"))
		return refuse(reply, "an encoding that nobody asked for");
	fields->has_encoding = true;
	fields->chunked = true;
	return 0;
}

/* "first-last" */
static bool parse_pair(struct view pair, struct reply_range *range)
{
	struct view first;

	return view_take(&pair, '-', &first) && pair.at &&
	       view_number(first, &range->first) == 0 &&
	       view_number(pair, &range->last) == 0 &&
	       range->first <= range->last && range->last < INT64_MAX;
}

static void take_range(struct reply *reply, struct view value)
{
	struct reply_range range = { .known = true };
	struct view pair;

	if (value.length < 6 ||
	    !view_is((struct view){ value.at, 6 }, "bytes "))
		return;
	value.at += 6;
	value.length -= 6;
	if (!view_take(&value, '/', &pair) || !value.at)
		return;
	range.some = !view_is(pair, "*");
	range.has_total = !view_is(value, "*");
	if (range.some && !parse_pair(pair, &range))
		return;
	if (range.has_total && (view_number(value, &range.total) < 0 ||
				(range.some && range.last >= range.total)))
		return;
	reply->range = range;
}

/* One of those of which there is one. */
static int take_only(struct reply *reply, struct view value,
		     struct view *ret_view)
{
	if (ret_view->at)
		return refuse(reply, "a field twice of which there is one");
	*ret_view = value;
	return 0;
}

static int parse_field(struct reply *reply, struct fields *fields,
		       struct view line)
{
	const char *colon = (const char *)memchr(line.at, ':', line.length);
	struct view name = line;
	struct view value;

	if (++fields->lines > REPLY_LINES_MAX)
		return refuse(reply, "too many fields");
	if (!colon)
		return refuse(reply, "a line that is no field");
	/* A space in front would be a folded line, which has been abolished. */
	name.length = (size_t)(colon - line.at);
	value.at = colon + 1;
	value.length = line.length - name.length - 1;
	if (!view_is_token(name) || has_controls(value))
		return refuse(reply, "a field with characters that have no "
				     "place there");
	value = view_trimmed(value);
	if (view_is(name, "Content-Length"))
		return take_length(reply, fields, value);
	if (view_is(name, "Transfer-Encoding"))
		return take_encoding(reply, fields, value);
	if (view_is(name, "Location"))
		return take_only(reply, value, &reply->location);
	if (view_is(name, "ETag"))
		return take_only(reply, value, &reply->etag);
	if (view_is(name, "Last-Modified"))
		return take_only(reply, value, &reply->last_modified);
	if (view_is(name, "Date"))
		reply->date = value;
	if (view_is(name, "Content-Range"))
		take_range(reply, value);
	return 0;
}

/* What follows the head. */
static int judge_body(struct reply *reply, const struct fields *fields)
{
	if (fields->has_length && fields->has_encoding)
		return refuse(reply, "a length and chunks");
	if (fields->has_encoding && reply->old)
		return refuse(reply, "chunks before HTTP/1.1");
	if (reply->status < 200 || reply->status == 204 || reply->status == 304)
		reply->body = REPLY_EMPTY;
	else if (fields->chunked)
		reply->body = REPLY_CHUNKED;
	else if (fields->has_length)
		reply->body = REPLY_LENGTH;
	else
		reply->body = REPLY_UNTIL_CLOSE;
	return 1;
}

/* ---- the whole ----------------------------------------------------------- */

static int parse_head(struct reply *reply, struct view rest)
{
	struct fields fields = { .lines = 0 };
	struct view line = view_take_line(&rest);
	int err = parse_status_line(reply, line);

	line = view_take_line(&rest);
	while (err == 0 && line.length > 0) {
		err = parse_field(reply, &fields, line);
		line = view_take_line(&rest);
	}
	return err < 0 ? err : judge_body(reply, &fields);
}

int reply_parse(struct reply *reply, const char *bytes, size_t length)
{
	static const char start[] = "HTTP/1.";
	const size_t seen = length < 7 ? length : 7;
	struct view head = { bytes, 0 };

	/* What is no HTTP may never have an end that we would know. */
	if (memcmp(bytes, start, seen) != 0)
		return refuse(reply, "that is no HTTP");
	head.length =
		view_head_end((struct view){ bytes, length }, &reply->searched);
	if (head.length > REPLY_HEAD_MAX ||
	    (head.length == 0 && length >= REPLY_HEAD_MAX))
		return refuse(reply, "its head is too long");
	if (head.length == 0)
		return 0;
	reply->head_length = head.length;
	return parse_head(reply, head);
}
