/* "host:port" with a name for a host. */
#ifndef OP_NAME_H
#define OP_NAME_H

#define NAME_SIZE_MOST 256 /* with its end */
#define PORT_SIZE_MOST 6

/*
 * Splits text. Strict: letters, digits, '-', '_' and dots, something before and
 * after each dot, a last label that is no number, and a port as in an address. 0
 * or -EINVAL.
 */
int name_split(const char *text, char *ret_host, char *ret_port);

#endif
