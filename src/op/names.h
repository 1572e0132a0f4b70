/* Captures of names: paths, two of them, attributes. For capture.c. */
#ifndef OP_NAMES_H
#define OP_NAMES_H

#include "op/capture.h"

#define PATH_SIZE 4096u /* with its NUL, as the kernel has it */

/* Each: 0, or what capture_request says. *ret_capture is written on success. */

/* address and offset are paths. */
int capture_two_paths(struct capture_cache *cache, struct a10_request *request,
		      struct capture **ret_capture);
/*
 * address is an attribute's name, address3 a path or 0, and with value offset
 * what it is to be, of length bytes.
 */
int capture_attribute(struct capture_cache *cache, struct a10_request *request,
		      bool value, struct capture **ret_capture);
/* offset is a path; address becomes the name that fd has in /proc. */
int capture_link_file(struct capture_cache *cache, struct a10_request *request,
		      struct capture **ret_capture);

#endif
