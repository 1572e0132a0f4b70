/* json.h - JSON put together piece by piece. */
#ifndef JSON_H
#define JSON_H

#include "text.h"
#include "view.h"

/* A string with its quotes. What is not UTF-8 becomes U+FFFD. */
void json_add_string(struct text *text, struct view string);

/* "name": with a comma in front, unless an object or list has just begun. */
void json_add_name(struct text *text, const char *name);

void json_add_number(struct text *text, const char *name, uint64_t number);

#endif
