/*
 * What a verb copies, because the caller may free it at once and the kernel
 * reads it later. Blocks come in sizes of powers of two; the owner keeps those
 * it gets back, so that after warm-up nothing is allocated.
 */
#ifndef OP_CAPTURE_H
#define OP_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include <a10/op.h>

/* What a driver's command takes at most, and what of it a request holds. */
#define COMMAND_SIZE  80u
#define COMMAND_SMALL 16u

struct op_row;

/* size bytes follow; aligned for any type. */
struct capture {
	_Alignas(max_align_t) struct capture *next; /* in a cache */
	uint32_t size_class; /* its size is 64 << size_class */
	uint32_t unused;
};

#define CAPTURE_CLASSES 8  /* 64 bytes to 8 KiB; larger ones are not kept */
#define CAPTURE_KEPT    64 /* of each class */

struct capture_cache {
	struct capture *first[CAPTURE_CLASSES];
	uint32_t count[CAPTURE_CLASSES];
};

/* cache NULL: not the owner. NULL: no memory. */
struct capture *capture_take(struct capture_cache *cache, size_t size);
/* capture NULL: nothing. */
void capture_give(struct capture_cache *cache, struct capture *capture);
void capture_cache_empty(struct capture_cache *cache);

/*
 * Copies what row says that request points to, and lets request point to the
 * copy. *ret_capture is NULL if there was nothing to copy. 0, -ENOMEM, -EINVAL
 * (a length that cannot be), -E2BIG (an open_how that large), -EFAULT (NULL
 * where something must be), -ENAMETOOLONG.
 */
int capture_request(struct capture_cache *cache, const struct op_row *row,
		    struct a10_request *request, struct capture **ret_capture);

/*
 * The same of a read or a write with a10_protected: address3 points to what it
 * says, as the kernel reads it, and the vector if there is one lies behind.
 */
int capture_protected(struct capture_cache *cache, const struct op_row *row,
		      struct a10_request *request,
		      struct capture **ret_capture);

/* How many vectors there may be. [UIO_MAXIOV] */
#define VECTOR_MAX 1024u

/*
 * Leaves out what is empty of a vector that was captured: in a registered buffer
 * the kernel takes it for a mistake.
 */
void capture_compact(const struct op_row *row, struct a10_request *request);

/* After CAPTURE_HEADER_IN: what the kernel wrote goes to the lent header. */
void capture_write_back(const struct capture *capture, void *header);

/* Bytes that request asks for in all; length: what a plain buffer's op said. */
uint64_t capture_total(const struct op_row *row,
		       const struct a10_request *request, uint64_t length);

/*
 * Moves request on by bytes, for a10_all after a short transfer. left: what is
 * still to be done then.
 */
void capture_advance(const struct op_row *row, struct a10_request *request,
		     uint64_t bytes, uint64_t left);

static inline void *capture_data(struct capture *capture)
{
	return capture + 1;
}

#endif
