/* date.h - the dates that HTTP writes. */
#ifndef DATE_H
#define DATE_H

#include "view.h"

#include <time.h>

enum {
	DATE_SIZE = 30,     /* terminated */
	LOG_DATE_SIZE = 27, /* likewise */
};

/* "Sun, 06 Nov 1994 08:49:37 GMT". Of years 1970 to 9999; others are cut. */
void date_format(time_t time, char ret_text[DATE_SIZE]);

/* "06/Nov/1994:08:49:37 +0000", in local time, as logs write it. */
void date_format_log(time_t time, char ret_text[LOG_DATE_SIZE]);

/* Any of the three forms that there have been. 0 or -EINVAL. */
int date_parse(struct view text, time_t *ret_time);

#endif
