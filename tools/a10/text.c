#include "text.h"

#include <stdlib.h>
#include <string.h>

enum {
	SIZE_FIRST = 4096,
	DIGITS_MAX = 20, /* of a uint64_t */
};

void text_init_fixed(struct text *text, char *data, size_t size)
{
	memset(text, 0, sizeof(*text));
	text->data = data;
	text->size = size;
	text->fixed = true;
}

void text_finish(struct text *text)
{
	if (!text->fixed)
		free(text->data);
	memset(text, 0, sizeof(*text));
}

/* Doubles, so that adding is cheap on the whole. */
static bool text_reserve(struct text *text, size_t length)
{
	size_t size = text->size ? text->size : SIZE_FIRST;
	char *data;

	if (text->failed)
		return false;
	if (length <= text->size - text->length)
		return true;
	while (size - text->length < length)
		size *= 2;
	data = text->fixed ? NULL : realloc(text->data, size);
	if (!data) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->size = size;
	return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	if (length == 0 || !text_reserve(text, length))
		return;
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_number(struct text *text, uint64_t number)
{
	char digits[DIGITS_MAX];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	text_add_bytes(text, digits + first, sizeof(digits) - first);
}

void text_add_size(struct text *text, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	uint64_t tenths;
	size_t unit = 0;

	if (bytes < 1000) {
		text_add_number(text, bytes);
		text_add(text, " B");
		return;
	}
	/* From 1000 on the next unit, or "1023 KiB" would be a column wider. */
	while (bytes >= 1000 << 10) {
		bytes >>= 10;
		unit++;
	}
	unit++;
	tenths = (bytes * 10 + 512) / 1024;
	text_add_number(text, tenths < 100 ? tenths / 10 : (tenths + 5) / 10);
	if (tenths < 100) {
		text_add(text, ".");
		text_add_number(text, tenths % 10);
	}
	text_add(text, " ");
	text_add_bytes(text, &units[unit], 1);
	text_add(text, "iB");
}

/* How many bytes of continuation follow this one; -1: it begins no character */
static int utf8_following(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first <= 0xdf)
		return 1;
	if ((first & 0xf0) == 0xe0)
		return 2;
	return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
}

/* The second byte tells overlong forms, surrogates and what is too high. */
size_t text_utf8_length(const char *string, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)string;
	const int following = length > 0 ? utf8_following(bytes[0]) : -1;

	if (following < 0 || length <= (size_t)following)
		return 0;
	for (int i = 1; i <= following; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) ||
	    (bytes[0] == 0xed && bytes[1] > 0x9f) ||
	    (bytes[0] == 0xf0 && bytes[1] < 0x90) ||
	    (bytes[0] == 0xf4 && bytes[1] > 0x8f))
		return 0;
	return (size_t)following + 1;
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* The control characters of ASCII, and of Latin-1 as UTF-8 writes them. */
static bool is_control(const char *string, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)string;

	if (length == 1)
		return bytes[0] < ' ' || bytes[0] == 0x7f;
	return length == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0;
}

void text_add_html(struct text *text, const char *string)
{
	while (*string != '\0') {
		const char *entity = html_entity(*string);
		const size_t length =
			text_utf8_length(string, strnlen(string, 4));

		if (entity)
			text_add(text, entity);
		else if (length == 0 || is_control(string, length))
			text_add(text, "\xef\xbf\xbd");
		else
			text_add_bytes(text, string, length);
		string += length ? length : 1;
	}
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void text_add_url(struct text *text, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *path != '\0'; path++) {
		const unsigned char byte = (unsigned char)*path;
		const char escape[] = { '%', digits[byte >> 4],
					digits[byte & 15] };

		if (*path == '/' || is_unreserved(*path))
			text_add_bytes(text, path, 1);
		else
			text_add_bytes(text, escape, sizeof(escape));
	}
}
