/* Captures of what only sockets have. For capture.c. */
#ifndef OP_SOCKETS_H
#define OP_SOCKETS_H

#include <sys/socket.h>

#include "op/capture.h"

/* What is before a message in a buffer, besides its control data. */
#define MESSAGE_NAME_SIZE sizeof(struct sockaddr_storage)

/* Each: 0, or what capture_request says. *ret_capture is written on success. */

/* address, length is a buffer, address3 a struct a10_address to be written. */
int capture_from(struct capture_cache *cache, struct a10_request *request,
		 struct capture **ret_capture);
/* length is how much control data there may be. */
int capture_pooled(struct capture_cache *cache, struct a10_request *request,
		   struct capture **ret_capture);
/* address3 is a value of index bytes. */
int capture_option(struct capture_cache *cache, struct a10_request *request,
		   struct capture **ret_capture);
/* address3 is room for index bytes, or 0: here is some. */
int capture_option_get(struct capture_cache *cache, struct a10_request *request,
		       struct capture **ret_capture);

#endif
