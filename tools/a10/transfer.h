/*
 * transfer.h - a response, from its head to the last byte of its body.
 *
 * Each of these is the last thing that is done about a request: it moves the
 * connection to SENDING, and connection_answered is called when all is out.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

struct connection;

/*
 * The regular file that is body.file, of which status tells; or that the client
 * has it, or the parts of it that it asks for. response.type and vary are set.
 */
void transfer_file(struct connection *connection);

/* What is in body.text, of that type: 200. */
void transfer_page(struct connection *connection, const char *type);

/* A small page that says what is wrong. */
void transfer_error(struct connection *connection, int status);

/* To the path, with the slash that it lacks. */
void transfer_redirect(struct connection *connection);

#endif
