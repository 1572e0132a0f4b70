/*
 * request.h - the head of a request: found in what was received, understood,
 * judged.
 *
 * A head is parsed when all of it is there; until then its end is looked for,
 * from where the search stopped the last time. All views point into the bytes
 * that were parsed.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "view.h"

enum {
	TARGET_MAX = 8192,  /* bytes */
	HEAD_MAX = 32768,   /* the first line too */
	UPLOAD_MAX = 65536, /* of a body, which is dropped */
	FIELDS_MAX = 24,    /* of those below, in all */
	FIELD_LINES_MAX = 200,
};

/* The fields that are looked at. */
enum field {
	FIELD_ACCEPT_ENCODING,
	FIELD_CONNECTION,
	FIELD_CONTENT_LENGTH,
	FIELD_EXPECT,
	FIELD_HOST,
	FIELD_IF_MATCH,
	FIELD_IF_MODIFIED_SINCE,
	FIELD_IF_NONE_MATCH,
	FIELD_IF_RANGE,
	FIELD_IF_UNMODIFIED_SINCE,
	FIELD_RANGE,
	FIELD_TRANSFER_ENCODING,
	FIELD_COUNT, /* any other */
};

enum request_progress {
	REQUEST_NONE,     /* not a byte of one yet        */
	REQUEST_PARTIAL,  /* there is more to come        */
	REQUEST_COMPLETE, /* answer it: status tells what */
};

enum upload_form {
	UPLOAD_NONE,
	UPLOAD_LENGTH,
	UPLOAD_CHUNKED,
};

struct request {
	enum request_progress progress;
	int status;      /* 200: look for the path; else what to answer  */
	bool keep_alive; /* the client would like to ask again           */
	bool broken;     /* the next one cannot be found in what follows */
	bool head_only;  /* HEAD                                         */
	bool old;        /* HTTP/1.0                                     */
	enum upload_form upload; /* the body that follows                  */
	uint64_t upload_length;  /* ... if that was said                   */
	size_t head_length;      /* of the bytes, when it is complete      */
	size_t searched;         /* so far there is no end in them         */
	uint32_t blanks;         /* of empty lines that were dropped before */
	struct view line;        /* the first, as far as it is one         */
	struct view method;
	struct view target; /* as it was sent */
	struct view path;
	struct view query; /* behind the question mark */
	uint32_t field_count;
	struct {
		enum field field;
		struct view value;
	} fields[FIELDS_MAX];
};

/* Before the first byte of each. */
void request_init(struct request *request);

/*
 * Looks at all that was received since the one before. See progress; what is
 * behind head_length belongs to the body, or to the next.
 */
void request_parse(struct request *request, const char *bytes, size_t length);

/*
 * The next line of that field; *at is 0 for the first. false: there is none.
 */
bool request_field(const struct request *request, enum field field,
		   uint32_t *at, struct view *ret_value);

/* The only line of that field. false: there is none, or there are several. */
bool request_only(const struct request *request, enum field field,
		  struct view *ret_value);

#endif
