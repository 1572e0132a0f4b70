/* text.h - text put together piece by piece, and what escapes a piece. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty text that grows. Not terminated. */
struct text {
	char *data;
	size_t length;
	size_t size; /* of data */
	bool fixed;  /* data is the caller's, and all there is */
	bool failed; /* no memory, or no room: something is missing */
};

/* A text in the caller's memory, which takes what there is room for. */
void text_init_fixed(struct text *text, char *data, size_t size);

/* Frees what it grew to and leaves it empty. A fixed one: nothing to free. */
void text_finish(struct text *text);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_number(struct text *text, uint64_t number);

/* "0 B", "999 B", "1.0 KiB", "17 MiB": at most four digits. */
void text_add_size(struct text *text, uint64_t bytes);

/* Of the character that string begins with, in bytes; 0: it is no UTF-8. */
size_t text_utf8_length(const char *string, size_t length);

/*
 * For the inside of an element or of a quoted attribute. What is not UTF-8, and
 * control characters, become U+FFFD.
 */
void text_add_html(struct text *text, const char *string);

/* A path as part of a URL: all but unreserved characters and '/' as %XX. */
void text_add_url(struct text *text, const char *path);

#endif
