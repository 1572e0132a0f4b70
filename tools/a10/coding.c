#include "coding.h"

#include <string.h>
#include <strings.h>

const char *const coding_names[CODING_COUNT] = { "br", "gzip" };
const char *const coding_suffixes[CODING_COUNT] = { ".br", ".gz" };

enum {
	QUALITY_ONE = 1000,
	QUALITY_UNSAID = -1,
};

/* "0.5" in thousandths; what is written wrong is 0. */
static int parse_quality(struct view text)
{
	int quality = 0;
	int digit = QUALITY_ONE;

	for (size_t i = 0; i < text.length; i++) {
		const char c = text.at[i];

		if (i == 1 && c == '.')
			continue;
		if (c < '0' || c > '9' || (i == 0 && c > '1') || i > 4)
			return 0;
		quality += (c - '0') * digit;
		digit /= 10;
	}
	return quality > QUALITY_ONE ? 0 : quality;
}

/* Of "gzip;q=0.5": *piece becomes its name. */
static int take_quality(struct view *piece)
{
	struct view rest = *piece;
	struct view parameter;
	int quality = QUALITY_ONE;

	view_take(&rest, ';', piece);
	while (view_take(&rest, ';', &parameter)) {
		if (parameter.length >= 2 &&
		    strncasecmp(parameter.at, "q=", 2) == 0) {
			parameter.at += 2;
			parameter.length -= 2;
			quality = parse_quality(parameter);
		}
	}
	return quality;
}

static void note_piece(struct view piece, int ret_qualities[CODING_COUNT],
		       int *ret_identity, int *ret_others)
{
	const int quality = take_quality(&piece);

	if (view_is(piece, "*"))
		*ret_others = quality;
	else if (view_is(piece, "identity"))
		*ret_identity = quality;
	for (int i = 0; i < CODING_COUNT; i++) {
		if (view_is(piece, coding_names[i]) ||
		    (i == CODING_GZIP && view_is(piece, "x-gzip")))
			ret_qualities[i] = quality;
	}
}

/* Behind those that are wanted as much, which are better. */
static void insert(struct codings *codings, enum coding coding,
		   const int qualities[CODING_COUNT])
{
	uint32_t i = codings->count++;

	while (i > 0 && qualities[codings->at[i - 1]] < qualities[coding]) {
		codings->at[i] = codings->at[i - 1];
		i--;
	}
	codings->at[i] = coding;
}

void coding_accepted(const struct request *request, struct codings *ret_codings)
{
	int qualities[CODING_COUNT] = { QUALITY_UNSAID, QUALITY_UNSAID };
	int others = QUALITY_UNSAID;
	int identity = QUALITY_UNSAID;
	struct view value;
	struct view piece;
	uint32_t at = 0;

	while (request_field(request, FIELD_ACCEPT_ENCODING, &at, &value)) {
		while (view_take(&value, ',', &piece))
			note_piece(piece, qualities, &identity, &others);
	}
	ret_codings->count = 0;
	/* Unsaid, the file as it is will do, but nobody asked for it. */
	for (int i = 0; i < CODING_COUNT; i++) {
		if (qualities[i] == QUALITY_UNSAID)
			qualities[i] = others;
		if (qualities[i] > 0 && qualities[i] >= identity)
			insert(ret_codings, (enum coding)i, qualities);
	}
}
