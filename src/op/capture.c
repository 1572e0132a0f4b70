#include "op/capture.h"
#include "base/assert.h"
#include "base/memory.h"
#include "op/names.h"
#include "op/rooms.h"
#include "op/sockets.h"
#include "op/spawn.h"
#include "op/table.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define BLOCK_LEAST 64u
#define TEXT_SIZE   512u
#define HOW_SIZE    4096u

/*
 * A captured message header. The kernel writes what it received into lengths
 * and flags; if a10_all goes on, what the first part gave must not be lost.
 */
struct captured_header {
	struct msghdr header; /* the request's address is this one's */
	bool advanced;
	int flags; /* these three: of what is done, if advanced */
	socklen_t name_length;
	size_t control_length;
};

_Static_assert(sizeof(struct capture) % _Alignof(max_align_t) == 0,
	       "data behind a capture is aligned for any type");
_Static_assert(sizeof(struct captured_header) % _Alignof(struct iovec) == 0,
	       "an iovec array behind a header is aligned");
_Static_assert(sizeof(struct iovec) % _Alignof(struct cmsghdr) == 0,
	       "control data behind an iovec array is aligned");

static void *request_pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

static uint64_t pointer_word(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* ---- blocks -------------------------------------------------------------- */

static uint32_t size_class(size_t size)
{
	uint32_t power = 0;

	while (power < CAPTURE_CLASSES && (size_t)BLOCK_LEAST << power < size)
		power++;
	return power;
}

struct capture *capture_take(struct capture_cache *cache, size_t size)
{
	const uint32_t power = size_class(size);
	struct capture *capture;

	if (power < CAPTURE_CLASSES) {
		if (cache && cache->first[power]) {
			capture = cache->first[power];
			cache->first[power] = capture->next;
			cache->count[power]--;
			return capture;
		}
		size = (size_t)BLOCK_LEAST << power;
	}
	if (size > SIZE_MAX - sizeof(*capture))
		return NULL;
	capture = malloc(sizeof(*capture) + size);
	if (!capture)
		return NULL;
	capture->next = NULL;
	capture->size_class = power;
	capture->unused = 0;
	return capture;
}

void capture_give(struct capture_cache *cache, struct capture *capture)
{
	uint32_t power;

	if (!capture)
		return;
	power = capture->size_class;
	if (!cache || power >= CAPTURE_CLASSES ||
	    cache->count[power] >= CAPTURE_KEPT) {
		free(capture);
		return;
	}
	capture->next = cache->first[power];
	cache->first[power] = capture;
	cache->count[power]++;
}

void capture_cache_empty(struct capture_cache *cache)
{
	for (uint32_t power = 0; power < CAPTURE_CLASSES; power++) {
		while (cache->first[power]) {
			struct capture *capture = cache->first[power];

			cache->first[power] = capture->next;
			free(capture);
		}
		cache->count[power] = 0;
	}
}

/* ---- copying ------------------------------------------------------------- */

/* *pointer, a word of a request, is changed to where the copy is. */
static int capture_bytes(struct capture_cache *cache, uint64_t *pointer,
			 size_t size, struct capture **ret_capture)
{
	struct capture *capture = capture_take(cache, size);

	if (!capture)
		return -ENOMEM;
	memcpy(capture_data(capture), request_pointer(*pointer), size);
	*pointer = pointer_word(capture_data(capture));
	*ret_capture = capture;
	return 0;
}

static int capture_text(struct capture_cache *cache,
			struct a10_request *request, size_t limit, int too_long,
			struct capture **ret_capture)
{
	const char *text = request_pointer(request->address);
	size_t length;

	if (!text)
		return -EFAULT;
	length = strnlen(text, limit);
	if (length == limit)
		return too_long;
	return capture_bytes(cache, &request->address, length + 1, ret_capture);
}

static int capture_path_how(struct capture_cache *cache,
			    struct a10_request *request,
			    struct capture **ret_capture)
{
	const char *path = request_pointer(request->address);
	const void *how = request_pointer(request->offset);
	const size_t how_size = request->length;
	struct capture *capture;
	size_t length;
	char *data;

	if (!path || !how)
		return -EFAULT;
	if (how_size < sizeof(struct open_how))
		return -EINVAL;
	if (how_size > HOW_SIZE)
		return -E2BIG;
	length = strnlen(path, PATH_SIZE);
	if (length == PATH_SIZE)
		return -ENAMETOOLONG;
	capture = capture_take(cache, how_size + length + 1);
	if (!capture)
		return -ENOMEM;
	data = capture_data(capture);
	memcpy(data, how, how_size);
	memcpy(data + how_size, path, length + 1);
	request->offset = pointer_word(data);
	request->address = pointer_word(data + how_size);
	*ret_capture = capture;
	return 0;
}

static int capture_vector(struct capture_cache *cache,
			  struct a10_request *request,
			  struct capture **ret_capture)
{
	if (request->length == 0)
		return 0;
	if (!request->address)
		return -EFAULT;
	if (request->length > VECTOR_MAX)
		return -EINVAL;
	return capture_bytes(cache, &request->address,
			     request->length * sizeof(struct iovec),
			     ret_capture);
}

static int capture_address(struct capture_cache *cache,
			   struct a10_request *request,
			   struct capture **ret_capture)
{
	if (!request->address)
		return -EFAULT;
	if (request->offset > sizeof(struct sockaddr_storage))
		return -EINVAL;
	return capture_bytes(cache, &request->address, (size_t)request->offset,
			     ret_capture);
}

/*
 * The kernel has the length as 16 bits at the beginning of the word that is
 * index here, and insists on the rest being zero.
 */
static int capture_send_to(struct capture_cache *cache,
			   struct a10_request *request,
			   struct capture **ret_capture)
{
	const uint32_t length = (uint32_t)request->index;
	const uint16_t word[2] = { (uint16_t)length, 0 };
	int err;

	if (!request->offset)
		return 0;
	if (length > sizeof(struct sockaddr_storage))
		return -EINVAL;
	err = capture_bytes(cache, &request->offset, length, ret_capture);
	if (err < 0)
		return err;
	memcpy(&request->index, word, sizeof(word));
	return 0;
}

/* What of a header is copied, beside itself and its iovec array. */
struct header_parts {
	size_t iov_size;
	size_t control_size;
	size_t name_size;
};

/* Limits are sendmsg(2)'s: a name without an address has no length. */
static int header_measure(const struct msghdr *header, bool incoming,
			  struct header_parts *ret_parts)
{
	struct header_parts parts = { 0, 0, 0 };

	if (!header)
		return -EFAULT;
	if (header->msg_iovlen > VECTOR_MAX)
		return -EINVAL;
	if (header->msg_iovlen > 0 && !header->msg_iov)
		return -EFAULT;
	parts.iov_size = header->msg_iovlen * sizeof(struct iovec);
	if (!incoming) {
		if (header->msg_controllen > INT_MAX ||
		    header->msg_namelen > INT_MAX)
			return -EINVAL;
		if (header->msg_controllen > 0 && !header->msg_control)
			return -EFAULT;
		parts.control_size = header->msg_controllen;
		parts.name_size = header->msg_name ? header->msg_namelen : 0;
		if (parts.name_size > sizeof(struct sockaddr_storage))
			parts.name_size = sizeof(struct sockaddr_storage);
	}
	*ret_parts = parts;
	return 0;
}

static void *part_copy(char **place, const void *from, size_t size)
{
	void *copy = *place;

	if (size == 0)
		return NULL;
	memcpy(copy, from, size);
	*place += size;
	return copy;
}

static int capture_header(struct capture_cache *cache,
			  struct a10_request *request, bool incoming,
			  struct capture **ret_capture)
{
	const struct msghdr *from = request_pointer(request->address);
	struct captured_header *captured;
	struct header_parts parts;
	struct capture *capture;
	struct msghdr *header;
	char *place;
	int err;

	err = header_measure(from, incoming, &parts);
	if (err < 0)
		return err;
	capture = capture_take(cache, sizeof(*captured) + parts.iov_size +
					      parts.control_size +
					      parts.name_size);
	if (!capture)
		return -ENOMEM;
	captured = capture_data(capture);
	memset(captured, 0, sizeof(*captured));
	place = (char *)(captured + 1);
	header = &captured->header;
	*header = *from;
	header->msg_iov = part_copy(&place, from->msg_iov, parts.iov_size);
	if (!incoming) {
		header->msg_control = part_copy(&place, from->msg_control,
						parts.control_size);
		header->msg_name =
			part_copy(&place, from->msg_name, parts.name_size);
		header->msg_namelen = (socklen_t)parts.name_size;
	}
	request->address = pointer_word(header);
	*ret_capture = capture;
	return 0;
}

static int capture_items(struct capture_cache *cache,
			 struct a10_request *request,
			 struct capture **ret_capture)
{
	const void *from = request_pointer(request->address);
	struct capture *capture;

	if (!from)
		return -EFAULT;
	capture = capture_take(cache, request->length);
	if (!capture)
		return -ENOMEM;
	memcpy(capture_data(capture), from, request->length);
	request->address = pointer_word(capture_data(capture));
	*ret_capture = capture;
	return 0;
}

static int capture_path(struct capture_cache *cache,
			struct a10_request *request,
			struct capture **ret_capture)
{
	return capture_text(cache, request, PATH_SIZE, -ENAMETOOLONG,
			    ret_capture);
}

static int capture_own_text(struct capture_cache *cache,
			    struct a10_request *request,
			    struct capture **ret_capture)
{
	return capture_text(cache, request, TEXT_SIZE, -EINVAL, ret_capture);
}

static int capture_header_out(struct capture_cache *cache,
			      struct a10_request *request,
			      struct capture **ret_capture)
{
	return capture_header(cache, request, false, ret_capture);
}

static int capture_header_in(struct capture_cache *cache,
			     struct a10_request *request,
			     struct capture **ret_capture)
{
	return capture_header(cache, request, true, ret_capture);
}

static int capture_attribute_name(struct capture_cache *cache,
				  struct a10_request *request,
				  struct capture **ret_capture)
{
	return capture_attribute(cache, request, false, ret_capture);
}

static int capture_attribute_set(struct capture_cache *cache,
				 struct a10_request *request,
				 struct capture **ret_capture)
{
	return capture_attribute(cache, request, true, ret_capture);
}

typedef int capture_call(struct capture_cache *cache,
			 struct a10_request *request,
			 struct capture **ret_capture);

/* By enum op_capture. */
static capture_call *const captures[] = {
	[CAPTURE_PATH] = capture_path,
	[CAPTURE_PATH_HOW] = capture_path_how,
	[CAPTURE_TWO_PATHS] = capture_two_paths,
	[CAPTURE_LINK_FILE] = capture_link_file,
	[CAPTURE_ATTRIBUTE] = capture_attribute_name,
	[CAPTURE_ATTRIBUTE_SET] = capture_attribute_set,
	[CAPTURE_EVENT] = capture_event,
	[CAPTURE_PAIR] = capture_pair,
	[CAPTURE_VECTOR] = capture_vector,
	[CAPTURE_ADDRESS] = capture_address,
	[CAPTURE_SEND_TO] = capture_send_to,
	[CAPTURE_HEADER] = capture_header_out,
	[CAPTURE_HEADER_IN] = capture_header_in,
	[CAPTURE_FROM] = capture_from,
	[CAPTURE_POOLED] = capture_pooled,
	[CAPTURE_OPTION] = capture_option,
	[CAPTURE_OPTION_GET] = capture_option_get,
	[CAPTURE_SPAWN] = capture_spawn,
	[CAPTURE_INFO] = capture_info,
	[CAPTURE_SIGNAL] = capture_signal,
	[CAPTURE_WORDS] = capture_words,
	[CAPTURE_COMMAND] = capture_command,
	[CAPTURE_CELL] = capture_cell,
	[CAPTURE_ITEMS] = capture_items,
	[CAPTURE_TEXT] = capture_own_text,
};

int capture_request(struct capture_cache *cache, const struct op_row *row,
		    struct a10_request *request, struct capture **ret_capture)
{
	struct capture *capture = NULL;
	int err;

	if (row->capture != CAPTURE_NONE) {
		err = captures[row->capture](cache, request, &capture);
		if (err < 0)
			return err;
	}
	*ret_capture = capture;
	return 0;
}

void capture_write_back(const struct capture *capture, void *header)
{
	const struct captured_header *captured =
		(const struct captured_header *)(const void *)(capture + 1);
	const struct msghdr *from = &captured->header;
	struct msghdr *to = header;

	memory_written(&from->msg_namelen, sizeof(from->msg_namelen));
	memory_written(&from->msg_controllen, sizeof(from->msg_controllen));
	memory_written(&from->msg_flags, sizeof(from->msg_flags));
	if (captured->advanced) {
		to->msg_namelen = captured->name_length;
		to->msg_controllen = captured->control_length;
		to->msg_flags = captured->flags | from->msg_flags;
	} else {
		to->msg_namelen = from->msg_namelen;
		to->msg_controllen = from->msg_controllen;
		to->msg_flags = from->msg_flags;
	}
}

/* ---- transfers that go on ------------------------------------------------ */

/* What is too much for a count of bytes, the kernel refuses. */
static uint64_t vector_total(const struct iovec *iov, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len > INT64_MAX - total)
			return INT64_MAX;
		total += iov[i].iov_len;
	}
	return total;
}

uint64_t capture_total(const struct op_row *row,
		       const struct a10_request *request, uint64_t length)
{
	const void *address = request_pointer(request->address);
	const struct msghdr *header;

	switch ((enum op_data)row->data) {
	case DATA_VECTOR:
		return address ? vector_total(address, request->length) : 0;
	case DATA_HEADER:
		header = address;
		if (!header || !header->msg_iov)
			return 0;
		return vector_total(header->msg_iov, header->msg_iovlen);
	case DATA_NONE:
	case DATA_BUFFER:
	case DATA_PEER:
	case DATA_NAME:
	case DATA_STATX:
	case DATA_VALUE:
	case DATA_EVENTS:
	case DATA_OPTION:
	case DATA_INFO:
	case DATA_MESSAGE:
		break;
	}
	return length;
}

static size_t vector_compact(struct iovec *iov, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len > 0)
			iov[kept++] = iov[i];
	}
	return kept;
}

void capture_compact(const struct op_row *row, struct a10_request *request)
{
	struct msghdr *header = request_pointer(request->address);

	if (row->data == DATA_VECTOR)
		request->length = (uint32_t)vector_compact(
			request_pointer(request->address), request->length);
	else if (row->data == DATA_HEADER)
		header->msg_iovlen =
			vector_compact(header->msg_iov, header->msg_iovlen);
}

/* Entries that are used up are dropped: the first one left has bytes to do. */
static struct iovec *vector_advance(struct iovec *iov, size_t *count,
				    uint64_t bytes)
{
	while (*count > 0 && iov->iov_len <= bytes) {
		bytes -= iov->iov_len;
		iov++;
		(*count)--;
	}
	if (*count > 0) {
		iov->iov_base = (char *)iov->iov_base + bytes;
		iov->iov_len -= (size_t)bytes;
	}
	return iov;
}

/* Control data belongs to the first bytes: it is sent, or received, once. */
static void header_advance(struct captured_header *captured, bool incoming,
			   uint64_t bytes)
{
	struct msghdr *header = &captured->header;
	size_t count = header->msg_iovlen;

	header->msg_iov = vector_advance(header->msg_iov, &count, bytes);
	header->msg_iovlen = count;
	if (incoming) {
		memory_written(header, sizeof(*header));
		if (!captured->advanced) {
			captured->name_length = header->msg_namelen;
			captured->control_length = header->msg_controllen;
		}
		captured->flags |= header->msg_flags;
		captured->advanced = true;
		header->msg_name = NULL;
		header->msg_namelen = 0;
	}
	header->msg_control = NULL;
	header->msg_controllen = 0;
}

static uint32_t length_cut(uint64_t length)
{
	return (uint32_t)(length < A10_LENGTH_MAX ? length : A10_LENGTH_MAX);
}

void capture_advance(const struct op_row *row, struct a10_request *request,
		     uint64_t bytes, uint64_t left)
{
	size_t count = request->length;

	switch ((enum op_data)row->data) {
	case DATA_BUFFER:
		request->address += bytes;
		request->length = length_cut(left);
		break;
	case DATA_VECTOR:
		request->address = pointer_word(vector_advance(
			request_pointer(request->address), &count, bytes));
		request->length = (uint32_t)count;
		break;
	case DATA_HEADER:
		header_advance(request_pointer(request->address), row->written,
			       bytes);
		break;
	case DATA_NONE:
	case DATA_PEER:
	case DATA_NAME:
	case DATA_STATX:
	case DATA_VALUE:
	case DATA_EVENTS:
	case DATA_OPTION:
	case DATA_INFO:
	case DATA_MESSAGE:
		check(bytes == 0);
		break;
	}
	/* Of a socket's operation it is an address, of -1 the file's own. */
	if (row->nowait != NOWAIT_MSG && request->offset != UINT64_MAX)
		request->offset += bytes;
}
