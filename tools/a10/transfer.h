/*
 * transfer.h - a response, from its head to the last byte of its body.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>
#include <sys/types.h>

struct a10_op;
struct connection;

/*
 * 200: the file that is body.file, of which status tells, or that the client has
 * it, or the parts of it that it asks for; without one the page in body.text;
 * response.type is set. 301: to the path, with the slash that it lacks. All
 * else: a small page that says what is wrong. false: there is no memory for it.
 */
bool transfer_prepare(struct connection *connection, int status);

/*
 * In a task: all but what is in the output then, which transfer_end sends. false:
 * not all of it went out, and nothing more will.
 */
bool transfer_send(struct connection *connection);
struct a10_op transfer_end(const struct connection *connection);

/* In a task: sent is what the latter said. false: the same. */
bool transfer_finish(struct connection *connection, ssize_t sent);

#endif
