/*
 * reply_fuzz.c - what a10 get reads of a server, in the hands of a fuzzer: a
 * head and a body that come in pieces, and where a Location leads.
 *
 * The first byte says how large the pieces are. What must hold besides not
 * crashing: pieces make no difference, and what a URL became can be read again
 * and is the same.
 *
 * To be built with clang and -Dfuzz=true; scripts/fuzz does it.
 */
#include "body.h"
#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEARD_MAX = 1 << 17,
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_hold(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "reply_fuzz: %s\n", what);
	abort();
}

/* What was made of an answer. */
struct heard {
	int found;
	int status;
	size_t head_length;
	bool over;
	bool refused;
	size_t length;
	char data[HEARD_MAX];
};

/* Each piece of the body in memory of its own, so that nothing is read behind. */
static void hear_body(struct heard *heard, const struct reply *reply,
		      const char *bytes, size_t length, size_t step)
{
	struct body body;

	body_init(&body, reply);
	for (size_t at = 0; at < length && !heard->refused; at += step) {
		const size_t size = length - at < step ? length - at : step;
		char *piece = malloc(size);
		ssize_t n;

		must_hold(piece != NULL, "memory");
		memcpy(piece, bytes + at, size);
		n = body_take(&body, piece, size);
		heard->refused = n < 0;
		must_hold(n <= (ssize_t)size, "more than came");
		if (n > 0) {
			memcpy(heard->data + heard->length, piece, (size_t)n);
			heard->length += (size_t)n;
		}
		free(piece);
	}
	heard->over = body_is_over(&body);
}

static void follow(struct view location)
{
	struct url base;
	struct url next;
	struct url again;
	char name[URL_NAME_MAX + 1];
	char text[URL_TEXT_MAX + URL_TARGET_MAX];

	must_hold(!url_parse(view_of("http://h:8010/a/b?c"), &base), "base");
	if (url_resolve(&base, location, &next))
		return;
	must_hold(next.target[0] == '/' &&
			  strlen(next.target) <= URL_TARGET_MAX + 1,
		  "what is asked for");
	must_hold(!strpbrk(next.target, " \r\n#"), "a line of its own");
	snprintf(text, sizeof(text), "http://%s:%u%s", next.host, next.port,
		 next.target);
	must_hold(strlen(next.target) > URL_TARGET_MAX ||
			  (!url_parse(view_of(text), &again) &&
			   strcmp(next.host, again.host) == 0 &&
			   next.port == again.port &&
			   strcmp(next.target, again.target) == 0),
		  "another URL");
	if (!url_name(&next, name))
		must_hold(name[0] != '\0' && !strchr(name, '/') &&
				  strcmp(name, ".") != 0 &&
				  strcmp(name, "..") != 0,
			  "a name that leads elsewhere");
}

static void hear(struct heard *heard, const char *bytes, size_t length,
		 size_t step)
{
	struct reply reply;

	memset(heard, 0, offsetof(struct heard, data));
	reply_init(&reply);
	for (size_t at = 0; at < length && heard->found == 0;) {
		at = length - at < step ? length : at + step;
		heard->found = reply_parse(&reply, bytes, at);
	}
	if (heard->found <= 0) {
		must_hold(heard->found == 0 || reply.fault, "no words");
		return;
	}
	heard->status = reply.status;
	heard->head_length = reply.head_length;
	must_hold(reply.head_length <= length, "a head that did not come");
	if (reply.location.at)
		follow(reply.location);
	hear_body(heard, &reply, bytes + reply.head_length,
		  length - reply.head_length, step);
}

/* Of chunks that are refused less may have been heard. */
static void compare(const struct heard *a, const struct heard *b)
{
	must_hold(a->found == b->found && a->status == b->status &&
			  a->head_length == b->head_length,
		  "pieces make another head");
	must_hold(a->refused == b->refused, "pieces make another end");
	must_hold(a->refused || (a->over == b->over && a->length == b->length &&
				 memcmp(a->data, b->data, a->length) == 0),
		  "pieces make another body");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct heard whole;
	static struct heard pieces;
	char *bytes;

	if (size < 2 || size > HEARD_MAX)
		return 0;
	/* A copy, so that what is behind it is nobody's. */
	bytes = malloc(size - 1);
	must_hold(bytes != NULL, "memory");
	memcpy(bytes, data + 1, size - 1);
	hear(&whole, bytes, size - 1, size);
	hear(&pieces, bytes, size - 1, data[0] % 64 + 1);
	compare(&whole, &pieces);
	follow((struct view){ bytes, size - 1 });
	free(bytes);
	return 0;
}

/* ---- what it starts from --------------------------------------------------- */

static const char *const seeds[] = {
	"!HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"!HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5;x=y\r\nhello\r\na\r\n0123456789\r\n0\r\nT: r\r\n\r\n",
	"!HTTP/1.1 302 Found\r\nLocation: ../a/./b?c#d\r\n\r\n",
	"!HTTP/1.0 301 M\nLocation: http://[::1]:80/x\n\n",
	"!HTTP/1.1 206 Part\r\nETag: \"v\"\r\nContent-Range: bytes 5-9/10\r\n"
	"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n56789",
	"!HTTP/1.1 416 No\r\nContent-Range: bytes */10\r\n\r\n",
	"!//host:81/../a//b/",
};

/* A10_FUZZ_SEEDS: a folder, into which they are written, and that is all. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("A10_FUZZ_SEEDS");
	char path[4096];

	(void)argc;
	(void)argv;
	if (!folder)
		return 0;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/reply-%zu", folder, i);
		file = fopen(path, "we");
		must_hold(file && fputs(seeds[i], file) >= 0 &&
				  fclose(file) == 0,
			  path);
	}
	exit(0);
}
