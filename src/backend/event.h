/* The eventfd that wakes an owner. */
#ifndef BACKEND_EVENT_H
#define BACKEND_EVENT_H

/* Close-on-exec, never blocks. The descriptor or -errno. */
int event_open(void);

#endif
