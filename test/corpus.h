/*
 * corpus.h - requests that are malformed, hostile, or only just right: what the
 * server is tried with from outside, and what the fuzzer starts from.
 */
#ifndef CORPUS_H
#define CORPUS_H

#include <stddef.h>

/* How long they may be; what comes back is never longer either. */
#define CORPUS_LENGTH_MAX 110000

struct corpus_entry {
	const char *bytes;
	size_t length;
	/* Behind that, so many times, and then once: texts, or NULL. */
	const char *repeated;
	unsigned int times;
	const char *after;
	/* What the answers' status codes are, in order; 0 ends them. */
	int statuses[8];
};

extern const struct corpus_entry corpus[];
extern const size_t corpus_count;

/* All of it into ret_bytes, of CORPUS_LENGTH_MAX. Returns how long it is. */
size_t corpus_write(const struct corpus_entry *entry, char *ret_bytes);

#endif
