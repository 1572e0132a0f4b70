#include "date.h"

#include <string.h>

#define DATE_LAST ((time_t)253402300799) /* the end of the year 9999 */

static void put_digits(char *text, int count, int number)
{
	while (count-- > 0) {
		text[count] = (char)('0' + number % 10);
		number /= 10;
	}
}

/* Not strftime: names of days and months must not depend on the locale. */
void date_format(time_t time, char ret_text[DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	if (time < 0)
		time = 0;
	if (time > DATE_LAST)
		time = DATE_LAST;
	gmtime_r(&time, &tm);
	memcpy(ret_text, "Day, 00 Mon 0000 00:00:00 GMT", DATE_SIZE);
	memcpy(ret_text, &days[3 * tm.tm_wday], 3);
	put_digits(ret_text + 5, 2, tm.tm_mday);
	memcpy(ret_text + 8, &months[3 * tm.tm_mon], 3);
	put_digits(ret_text + 12, 4, tm.tm_year + 1900);
	put_digits(ret_text + 17, 2, tm.tm_hour);
	put_digits(ret_text + 20, 2, tm.tm_min);
	put_digits(ret_text + 23, 2, tm.tm_sec);
}
