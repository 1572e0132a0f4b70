/* buf.h - a piece of a pool's memory with received data in it, on loan. */
#ifndef A10_BUF_H
#define A10_BUF_H

#include <a10/base.h>

A10_BEGIN

/*
 * A value. data == NULL: none. Whoever gets one in a result owns it and gives
 * it back once, by a10_buf_release or a10_owning_buf. Of a copy that is given
 * back again the lease is stale: nothing happens but a line in the log.
 */
struct a10_buf {
	unsigned char *data;
	struct a10_pool *pool;
	uint32_t length;
	uint32_t loan;  /* the library's: which loan of the pool, and ... */
	uint32_t lease; /* ... which use of that loan */
	uint32_t reserved;
};

/*
 * Gives the buffer back to its pool. Any thread, also after the pool was
 * destroyed. None (data == NULL): nothing happens.
 */
A10_API void a10_buf_release(struct a10_buf buf);

A10_END
#endif
