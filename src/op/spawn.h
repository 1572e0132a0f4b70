/*
 * What a child is started with, copied: a request of A10_OPCODE_PROCESS_SPAWN
 * has its address. The backend reads the first half and writes the second.
 */
#ifndef OP_SPAWN_H
#define OP_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "op/capture.h"

struct spawn {
	char **argv;
	char **environment; /* NULL: ours */
	char *directory;    /* NULL: ours */
	uint8_t stdio[3];   /* enum a10_stdio */
	uint32_t flags;
	int32_t fds[3]; /* of A10_STDIO_FD */

	int32_t pid; /* what became of it */
	int32_t pidfd;
	int32_t ends[3]; /* ours, or -1 */
};

/* address is a struct a10_process_options. 0 or what capture_request says. */
int capture_spawn(struct capture_cache *cache, struct a10_request *request,
		  struct capture **ret_capture);

#endif
