/*
 * Tells valgrind and sanitizers what the kernel wrote, as the opcode's row says
 * where.
 */
#include "base/memory.h"
#include "ring/life.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <a10/net.h>

/* With MSG_TRUNC the kernel tells of more than there is room for. */
static void mark_vector(const struct iovec *iov, size_t count, size_t left)
{
	for (; left > 0 && count > 0; iov++, count--) {
		const size_t part = iov->iov_len < left ? iov->iov_len : left;

		memory_written(iov->iov_base, part);
		left -= part;
	}
}

/* A name's length is told whole; it may have been longer than its room. */
static void mark_header(const struct msghdr *header, size_t left,
			const struct msghdr *lent)
{
	socklen_t length;

	memory_written(header, sizeof(*header));
	mark_vector(header->msg_iov, header->msg_iovlen, left);
	length = header->msg_namelen;
	if (lent && lent->msg_namelen < length)
		length = lent->msg_namelen;
	memory_written(header->msg_name, length);
	memory_written(header->msg_control, header->msg_controllen);
}

/* What the kernel writes of it; the rest is for other signals. */
static void mark_info(const siginfo_t *info)
{
	const char *end = (const char *)(&info->si_status + 1);

	memory_written(info, (size_t)(end - (const char *)info));
}

/* What the caller has of a header, with its rooms; NULL: nothing. */
static const struct msghdr *lent_header(const struct cold *cold,
					const struct op_row *row)
{
	if (row->output != OUTPUT_HEADER || cold->flags & COLD_STRANDED)
		return NULL;
	return cold->output;
}

static void mark_peer(const struct a10_address *peer)
{
	if (!peer)
		return;
	memory_written(&peer->length, sizeof(peer->length));
	memory_written(&peer->as, peer->length);
}

/* The part of it that belongs to the blocks that were read. */
static void mark_protection(const struct op_row *row,
			    const struct a10_request *request, uint64_t res)
{
	const struct uring_attr_pi *attribute =
		(const void *)(uintptr_t)request->address3;
	const uint64_t total = capture_total(row, request, request->length);

	if (row->written && total > 0)
		memory_written((const void *)(uintptr_t)attribute->addr,
			       (size_t)(attribute->len * res / total));
}

void mark_written(struct a10_ring *ring, const struct slot *slot,
		  const struct op_row *row, int32_t res)
{
	const struct a10_request *request;
	const void *address;

	if (!MEMORY_MARKED || res < 0)
		return;
	request = request_at(ring, slot_index(slot));
	address = (const void *)(uintptr_t)request->address;
	if (slot->flags & SLOT_COLD &&
	    cold_at(ring, slot_index(slot))->flags & A10_WITH_PROTECTED)
		mark_protection(row, request, (uint64_t)res);
	switch ((enum op_data)row->data) {
	case DATA_BUFFER:
		if (row->written && address)
			memory_written(address,
				       (uint32_t)res < request->length ?
					       (uint32_t)res :
					       request->length);
		break;
	case DATA_VECTOR:
		if (row->written)
			mark_vector(address, request->length, (size_t)res);
		break;
	case DATA_HEADER:
		if (row->written)
			mark_header(address, (size_t)res,
				    lent_header(cold_at(ring, slot_index(slot)),
						row));
		break;
	case DATA_PEER:
		mark_peer(address);
		break;
	case DATA_NAME:
		mark_peer(cold_at(ring, slot_index(slot))->output);
		break;
	case DATA_STATX:
		memory_written((const void *)(uintptr_t)request->offset,
			       sizeof(struct statx));
		break;
	case DATA_VALUE:
		if (request->length > 0)
			memory_written((const void *)(uintptr_t)request->offset,
				       (size_t)res);
		break;
	case DATA_OPTION:
		memory_written((const void *)(uintptr_t)request->address3,
			       (size_t)res);
		break;
	case DATA_INFO:
		if (request->offset)
			mark_info((const void *)(uintptr_t)request->offset);
		break;
	case DATA_MESSAGE: /* with the buffer */
		break;
	case DATA_EVENTS:
		memory_written(address,
			       (size_t)res * sizeof(struct epoll_event));
		break;
	case DATA_NONE:
		break;
	}
}
