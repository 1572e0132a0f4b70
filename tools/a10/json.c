#include "json.h"

void json_add_string(struct text *text, struct view string)
{
	static const char digits[] = "0123456789abcdef";
	const char *end = string.at + string.length;

	text_add(text, "\"");
	while (string.at < end) {
		const unsigned char byte = (unsigned char)*string.at;
		const size_t length =
			text_utf8_length(string.at, (size_t)(end - string.at));
		const char control[] = { '\\',
					 'u',
					 '0',
					 '0',
					 digits[byte >> 4],
					 digits[byte & 15] };

		if (byte == '"' || byte == '\\')
			text_add(text, "\\");
		if (byte < ' ' || byte == 0x7f)
			text_add_bytes(text, control, sizeof(control));
		else if (length == 0)
			text_add(text, "\xef\xbf\xbd");
		else
			text_add_bytes(text, string.at, length);
		string.at += length ? length : 1;
	}
	text_add(text, "\"");
}

void json_add_name(struct text *text, const char *name)
{
	const char last = text->length > 0 ? text->data[text->length - 1] : '{';

	if (last != '{' && last != '[')
		text_add(text, ",");
	json_add_string(text, view_of(name));
	text_add(text, ":");
}

void json_add_number(struct text *text, const char *name, uint64_t number)
{
	json_add_name(text, name);
	text_add_number(text, number);
}
