#include "date.h"

#include <errno.h>
#include <string.h>

#define DATE_LAST ((time_t)253402300799) /* the end of the year 9999 */

/* Not strftime: names of days and months must not depend on the locale. */
static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void put_digits(char *text, int count, int number)
{
	while (count-- > 0) {
		text[count] = (char)('0' + number % 10);
		number /= 10;
	}
}

static time_t limited(time_t time)
{
	if (time < 0)
		return 0;
	return time > DATE_LAST ? DATE_LAST : time;
}

static void put_time(char *text, const struct tm *tm)
{
	put_digits(text, 2, tm->tm_hour);
	put_digits(text + 3, 2, tm->tm_min);
	put_digits(text + 6, 2, tm->tm_sec);
}

void date_format(time_t time, char ret_text[DATE_SIZE])
{
	struct tm tm;

	time = limited(time);
	gmtime_r(&time, &tm);
	memcpy(ret_text, "Day, 00 Mon 0000 00:00:00 GMT", DATE_SIZE);
	memcpy(ret_text, &days[3 * tm.tm_wday], 3);
	put_digits(ret_text + 5, 2, tm.tm_mday);
	memcpy(ret_text + 8, &months[3 * tm.tm_mon], 3);
	put_digits(ret_text + 12, 4, tm.tm_year + 1900);
	put_time(ret_text + 17, &tm);
}

void date_format_log(time_t time, char ret_text[LOG_DATE_SIZE])
{
	struct tm tm;
	int minutes;

	time = limited(time);
	localtime_r(&time, &tm);
	minutes = (int)(tm.tm_gmtoff / 60);
	memcpy(ret_text, "00/Mon/0000:00:00:00 +0000", LOG_DATE_SIZE);
	put_digits(ret_text, 2, tm.tm_mday);
	memcpy(ret_text + 3, &months[3 * tm.tm_mon], 3);
	put_digits(ret_text + 7, 4, tm.tm_year + 1900);
	put_time(ret_text + 12, &tm);
	if (minutes < 0) {
		ret_text[21] = '-';
		minutes = -minutes;
	}
	put_digits(ret_text + 22, 2, minutes / 60);
	put_digits(ret_text + 24, 2, minutes % 60);
}

/* ---- reading ------------------------------------------------------------ */

/*
 * Reads text against a pattern: 'D' is a digit of the day, 'h' 'm' 's' 'Y' of
 * the others, 'd' a digit or a space, "MMM" a month, 'a' a letter, and all else
 * itself. Year: 4 digits, or 2.
 */
static bool take(struct view text, const char *pattern, struct tm *ret_tm,
		 int *ret_year_digits)
{
	struct tm *tm = ret_tm;

	memset(tm, 0, sizeof(*tm));
	*ret_year_digits = 0;
	if (text.length != strlen(pattern))
		return false;
	for (size_t i = 0; i < text.length; i++) {
		const char c = text.at[i];
		const int digit = c >= '0' && c <= '9' ? c - '0' : -1;
		int *number = NULL;

		switch (pattern[i]) {
		case 'D':
		case 'd':
			number = &tm->tm_mday;
			break;
		case 'h':
			number = &tm->tm_hour;
			break;
		case 'm':
			number = &tm->tm_min;
			break;
		case 's':
			number = &tm->tm_sec;
			break;
		case 'Y':
			number = &tm->tm_year;
			(*ret_year_digits)++;
			break;
		default:
			break;
		}
		if (number && pattern[i] == 'd' && c == ' ')
			continue;
		if (number && digit < 0)
			return false;
		if (number)
			*number = *number * 10 + digit;
		else if (pattern[i] != 'M' && pattern[i] != 'a' &&
			 pattern[i] != c)
			return false;
	}
	return true;
}

/* 0 to 11, or -1. */
static int find_month(struct view text, size_t at)
{
	for (int month = 0; month < 12; month++) {
		if (memcmp(text.at + at, &months[(size_t)(3 * month)], 3) == 0)
			return month;
	}
	return -1;
}

/* Two digits are in this century, unless that is more than 50 years ahead. */
static int full_year(int year)
{
	const time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	year += (tm.tm_year + 1900) / 100 * 100;
	return year > tm.tm_year + 1900 + 50 ? year - 100 : year;
}

/* Of Friday, say: the length of what is before the comma, whatever it is. */
static bool take_rfc850(struct view text, struct tm *ret_tm, int *ret_digits)
{
	const char *comma = (const char *)memchr(text.at, ',', text.length);

	if (!comma || comma - text.at < 6 || comma - text.at > 9)
		return false;
	text.length -= (size_t)(comma - text.at);
	text.at = comma;
	if (!take(text, ", DD-MMM-YY hh:mm:ss GMT", ret_tm, ret_digits))
		return false;
	ret_tm->tm_mon = find_month(text, 5);
	return true;
}

static int days_of(int month, int year)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30,
				       31, 31, 30, 31, 30, 31 };
	const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return lengths[month] + (month == 1 && leap);
}

int date_parse(struct view text, time_t *ret_time)
{
	struct tm tm;
	int digits;
	time_t time;

	if (take(text, "aaa, DD MMM YYYY hh:mm:ss GMT", &tm, &digits))
		tm.tm_mon = find_month(text, 8);
	else if (take(text, "aaa MMM dD hh:mm:ss YYYY", &tm, &digits))
		tm.tm_mon = find_month(text, 4);
	else if (!take_rfc850(text, &tm, &digits))
		return -EINVAL;
	if (digits == 2)
		tm.tm_year = full_year(tm.tm_year);
	if (tm.tm_mon < 0 || tm.tm_mday < 1 ||
	    tm.tm_mday > days_of(tm.tm_mon, tm.tm_year) || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	time = timegm(&tm);
	*ret_time = time;
	return 0;
}
