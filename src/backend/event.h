/* Descriptors that become readable: when somebody says so, and at a time. */
#ifndef BACKEND_EVENT_H
#define BACKEND_EVENT_H

#include <stdint.h>

/* Close-on-exec, never blocks. The descriptor or -errno. */
int event_open(void);
/* Any thread, and signal handlers: readable from now on ... */
void event_set(int fd);
/* ... and not any more. */
void event_clear(int fd);

/* The same, of CLOCK_MONOTONIC. */
int timer_open(void);
/* Readable at that time, instead of the one said before. */
void timer_set(int fd, int64_t at);

/* Of any. No cancelled thread ends in it, as one might in close(2). */
void event_close(int fd);

#endif
