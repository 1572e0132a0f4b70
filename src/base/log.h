/* What the library has to say, to the log hook; and why a call failed. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/* Off by default: costs one load then. level is an enum a10_log_level. */
void log_line(int level, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Kept per thread, for a10_ring_reason. */
void reason_set(const char *format, ...)
	__attribute__((format(printf, 1, 2), cold));
void reason_clear(void);
const char *reason_text(void);

#endif
