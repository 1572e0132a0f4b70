/* date.h - the date as HTTP writes it. */
#ifndef DATE_H
#define DATE_H

#include <time.h>

enum {
	DATE_SIZE = 30, /* with the terminator */
};

/*
 * "Sun, 06 Nov 1994 08:49:37 GMT". A time before 1970 or after the year 9999,
 * which HTTP cannot write, becomes the nearest that it can.
 */
void date_format(time_t time, char ret_text[DATE_SIZE]);

#endif
