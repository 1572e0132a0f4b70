/* Captures of a fixed size: things to be read, and room for what is written. */
#ifndef OP_ROOMS_H
#define OP_ROOMS_H

#include "op/capture.h"

/* Each: 0, or what capture_request says. *ret_capture is written on success. */

/* address is a struct epoll_event, or 0. */
int capture_event(struct capture_cache *cache, struct a10_request *request,
		  struct capture **ret_capture);
/* offset becomes room for a siginfo_t. */
int capture_info(struct capture_cache *cache, struct a10_request *request,
		 struct capture **ret_capture);
/* address, unless it is lent, becomes room for a struct signalfd_siginfo. */
int capture_signal(struct capture_cache *cache, struct a10_request *request,
		   struct capture **ret_capture);
/* address is two struct a10_fd; it becomes room for four numbers. */
int capture_pair(struct capture_cache *cache, struct a10_request *request,
		 struct capture **ret_capture);
/* address is an array of length struct futex_waitv. */
int capture_words(struct capture_cache *cache, struct a10_request *request,
		  struct capture **ret_capture);
/* address is length bytes, which are a driver's. */
int capture_command(struct capture_cache *cache, struct a10_request *request,
		    struct capture **ret_capture);
/* address becomes where fd is. */
int capture_cell(struct capture_cache *cache, struct a10_request *request,
		 struct capture **ret_capture);

#endif
