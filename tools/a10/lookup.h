/* lookup.h - from a request's path to the file, folder or error to send. */
#ifndef LOOKUP_H
#define LOOKUP_H

struct connection;

/* Starts it; it ends with one of transfer.h's. */
void lookup_start(struct connection *connection);

#endif
