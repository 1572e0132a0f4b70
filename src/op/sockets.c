#include "op/sockets.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <a10/net.h>

#define OPTION_MAX 65536u

/* The header, and the one buffer it names. */
struct from {
	struct msghdr header;
	struct iovec iov;
};

int capture_from(struct capture_cache *cache, struct a10_request *request,
		 struct capture **ret_capture)
{
	struct a10_address *peer = (void *)(uintptr_t)request->address3;
	struct capture *capture;
	struct from *from;

	if (!peer)
		return -EFAULT;
	capture = capture_take(cache, sizeof(*from));
	if (!capture)
		return -ENOMEM;
	from = capture_data(capture);
	memset(from, 0, sizeof(*from));
	from->iov.iov_base = (void *)(uintptr_t)request->address;
	from->iov.iov_len = request->length;
	from->header.msg_iov = &from->iov;
	from->header.msg_iovlen = 1;
	from->header.msg_name = &peer->as;
	from->header.msg_namelen = sizeof(peer->as);
	request->address = (uintptr_t)&from->header;
	request->length = 1;
	request->address3 = 0;
	*ret_capture = capture;
	return 0;
}

int capture_pooled(struct capture_cache *cache, struct a10_request *request,
		   struct capture **ret_capture)
{
	struct capture *capture;
	struct msghdr *header;

	if (request->length > INT_MAX)
		return -EINVAL;
	capture = capture_take(cache, sizeof(*header));
	if (!capture)
		return -ENOMEM;
	header = capture_data(capture);
	memset(header, 0, sizeof(*header));
	header->msg_namelen = MESSAGE_NAME_SIZE;
	/* What comes after it is aligned as it is. */
	header->msg_controllen = (request->length + 7u) / 8 * 8;
	request->address = (uintptr_t)header;
	request->length = 1;
	*ret_capture = capture;
	return 0;
}

int capture_option(struct capture_cache *cache, struct a10_request *request,
		   struct capture **ret_capture)
{
	const uint32_t size = (uint32_t)request->index;
	struct capture *capture;

	if (!request->address3)
		return size ? -EFAULT : 0;
	if (size > OPTION_MAX)
		return -EINVAL;
	capture = capture_take(cache, size);
	if (!capture)
		return -ENOMEM;
	memcpy(capture_data(capture),
	       (const void *)(uintptr_t)request->address3, size);
	request->address3 = (uintptr_t)capture_data(capture);
	*ret_capture = capture;
	return 0;
}

int capture_option_get(struct capture_cache *cache, struct a10_request *request,
		       struct capture **ret_capture)
{
	struct capture *capture;

	if (request->address3)
		return 0;
	if ((uint32_t)request->index > sizeof(uint64_t))
		return -EFAULT;
	capture = capture_take(cache, sizeof(uint64_t));
	if (!capture)
		return -ENOMEM;
	memset(capture_data(capture), 0, sizeof(uint64_t));
	request->address3 = (uintptr_t)capture_data(capture);
	*ret_capture = capture;
	return 0;
}
