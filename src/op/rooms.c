#include "op/rooms.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "uapi/io_uring.h"

/* Room for what is written there, zero before. */
static int room_take(struct capture_cache *cache, uint64_t *pointer,
		     size_t size, struct capture **ret_capture)
{
	struct capture *capture = capture_take(cache, size);

	if (!capture)
		return -ENOMEM;
	memset(capture_data(capture), 0, size);
	*pointer = (uintptr_t)(capture_data(capture));
	*ret_capture = capture;
	return 0;
}

/* The same, with what is there now. */
static int room_fill(struct capture_cache *cache, uint64_t *pointer,
		     size_t size, struct capture **ret_capture)
{
	const void *from = (const void *)(uintptr_t)*pointer;
	struct capture *capture = capture_take(cache, size);

	if (!capture)
		return -ENOMEM;
	memcpy(capture_data(capture), from, size);
	*pointer = (uintptr_t)capture_data(capture);
	*ret_capture = capture;
	return 0;
}

int capture_event(struct capture_cache *cache, struct a10_request *request,
		  struct capture **ret_capture)
{
	if (!request->address)
		return 0;
	return room_fill(cache, &request->address, sizeof(struct epoll_event),
			 ret_capture);
}

int capture_info(struct capture_cache *cache, struct a10_request *request,
		 struct capture **ret_capture)
{
	return room_take(cache, &request->offset, sizeof(siginfo_t),
			 ret_capture);
}

int capture_signal(struct capture_cache *cache, struct a10_request *request,
		   struct capture **ret_capture)
{
	if (request->address)
		return 0;
	return room_take(cache, &request->address,
			 sizeof(struct signalfd_siginfo), ret_capture);
}

/*
 * The kernel writes two numbers of its own, not what the caller gets; behind
 * them is room for those of a pair that becomes direct.
 */
int capture_pair(struct capture_cache *cache, struct a10_request *request,
		 struct capture **ret_capture)
{
	struct capture *capture;

	if (!request->address)
		return -EFAULT;
	capture = capture_take(cache, 4 * sizeof(int32_t));
	if (!capture)
		return -ENOMEM;
	memset(capture_data(capture), 0xff, 4 * sizeof(int32_t));
	request->address = (uintptr_t)(capture_data(capture));
	*ret_capture = capture;
	return 0;
}

int capture_words(struct capture_cache *cache, struct a10_request *request,
		  struct capture **ret_capture)
{
	if (request->length == 0 || request->length > FUTEX_WAITV_MAX)
		return -EINVAL;
	if (!request->address)
		return -EFAULT;
	return room_fill(cache, &request->address,
			 request->length * sizeof(struct futex_waitv),
			 ret_capture);
}

/* The first 16 bytes are in the request, the rest behind it. */
int capture_command(struct capture_cache *cache, struct a10_request *request,
		    struct capture **ret_capture)
{
	const size_t size = request->length;
	struct capture *capture;
	unsigned char *bytes;

	if (size > COMMAND_SIZE)
		return -EINVAL;
	if (size > 0 && !request->address)
		return -EFAULT;
	capture = capture_take(cache, COMMAND_SIZE);
	if (!capture)
		return -ENOMEM;
	bytes = capture_data(capture);
	memset(bytes, 0, COMMAND_SIZE);
	if (size > 0)
		memcpy(bytes, (const void *)(uintptr_t)request->address, size);
	memcpy(&request->address3, bytes, sizeof(request->address3));
	memcpy(&request->reserved, bytes + sizeof(request->address3),
	       sizeof(request->reserved));
	request->address = 0;
	request->length = 0;
	*ret_capture = capture;
	return 0;
}

/* A direct one, or a place that is none, is refused. */
int capture_cell(struct capture_cache *cache, struct a10_request *request,
		 struct capture **ret_capture)
{
	struct capture *capture;

	if (request->flags & URING_SQE_FIXED_FILE ||
	    request->offset > UINT32_MAX)
		return -EINVAL;
	/* To the kernel -1 says "empty the place", and -2 "leave it". */
	if (request->fd < 0)
		return -EBADF;
	capture = capture_take(cache, sizeof(request->fd));
	if (!capture)
		return -ENOMEM;
	memcpy(capture_data(capture), &request->fd, sizeof(request->fd));
	request->address = (uintptr_t)(capture_data(capture));
	request->fd = -1;
	*ret_capture = capture;
	return 0;
}
