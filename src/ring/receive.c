/*
 * Receives that bring more than bytes: bundles, which fill several buffers at
 * once, and messages, whose sender and control data lie before them in the
 * buffer.
 */
#include "base/memory.h"
#include "buf/pool.h"
#include "op/sockets.h"
#include "ring/life.h"

#include <errno.h>

#include <a10/net.h>

/*
 * What the kernel puts before a message, made into what a program can read by
 * itself: where the message begins in place of how long it is, which the buffer
 * says.
 */
struct message_head {
	uint32_t name_length;
	uint32_t control_length;
	uint32_t offset;
	uint32_t flags;
};

#define NAME_OFFSET    sizeof(struct message_head)
#define CONTROL_OFFSET (NAME_OFFSET + MESSAGE_NAME_SIZE)

_Static_assert(sizeof(struct message_head) == sizeof(struct uring_recvmsg_out),
	       "one takes the place of the other");

uint32_t message_offset(const struct a10_request *request)
{
	const struct msghdr *header =
		(const struct msghdr *)(uintptr_t)request->address;

	return (uint32_t)(CONTROL_OFFSET + header->msg_controllen);
}

bool message_fits(const struct a10_request *request, struct a10_pool *pool)
{
	const uint32_t size = a10_pool_buffer_size(pool);

	return !pool_is_incremental(pool) && size % 8 == 0 &&
	       size > message_offset(request);
}

void message_make(struct a10_ring *ring, const struct slot *slot,
		  struct a10_result *r)
{
	const uint32_t offset =
		message_offset(request_at(ring, slot_index(slot)));
	struct uring_recvmsg_out out;
	struct message_head head;
	struct a10_message message;

	if (!r->buf.data || r->buf.length < offset) {
		r->value = 0;
		return;
	}
	memcpy(&out, r->buf.data, sizeof(out));
	head.name_length = out.namelen < MESSAGE_NAME_SIZE ? out.namelen :
							     MESSAGE_NAME_SIZE;
	head.control_length = out.controllen;
	head.offset = offset;
	head.flags = out.flags;
	memcpy(r->buf.data, &head, sizeof(head));
	r->value = out.payloadlen;
	if ((slot->done && !(slot->marks & MARK_DETACH)) ||
	    a10_message_parse(r->buf, &message) < 0)
		return;
	rights_close(&message.header);
}

int32_t socket_type_of(struct a10_ring *ring, int32_t fd)
{
	int32_t type = SOCK_STREAM;
	const struct uring_sqe ask = {
		.opcode = URING_OP_URING_CMD,
		.fd = fd,
		.off = URING_SOCKET_OP_GETSOCKOPT,
		.addr = SOL_SOCKET | (uint64_t)SO_TYPE << 32,
		.file_index = sizeof(type),
		.addr3 = (uintptr_t)&type,
	};

	(void)ring->calls->sync(ring->backend, &ask, NULL);
	return type;
}

/* Of a direct one as it was learned before; of a plain receive it was not. */
bool is_of_datagrams(struct a10_ring *ring, const struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);
	const int32_t type =
		request->flags & URING_SQE_FIXED_FILE ?
			(int32_t)cold_at(ring, index)->argument[0] :
			socket_type_of(ring, request->fd);

	return type == SOCK_DGRAM || type == SOCK_RAW;
}

/*
 * A message without bytes ends the kernel's part too, but is no end: it has a
 * sender, or its socket is none of streams.
 */
bool message_is_end(struct a10_ring *ring, const struct slot *slot,
		    struct a10_result *r)
{
	struct a10_message message;

	if (a10_message_parse(r->buf, &message) == 0 &&
	    message.header.msg_namelen > 0)
		return false;
	if (is_of_datagrams(ring, slot))
		return false;
	a10_buf_release(r->buf);
	r->buf.data = NULL;
	return true;
}

int a10_message_parse(struct a10_buf buf, struct a10_message *ret_message)
{
	struct a10_message message;
	struct message_head head;

	if (!buf.data || buf.length < CONTROL_OFFSET)
		return -EINVAL;
	memcpy(&head, buf.data, sizeof(head));
	if (head.offset < CONTROL_OFFSET || head.offset > buf.length ||
	    head.name_length > MESSAGE_NAME_SIZE ||
	    head.control_length > head.offset - CONTROL_OFFSET)
		return -EINVAL;
	memset(&message, 0, sizeof(message));
	message.header.msg_namelen = head.name_length;
	if (head.name_length > 0)
		message.header.msg_name = buf.data + NAME_OFFSET;
	message.header.msg_controllen = head.control_length;
	if (head.control_length > 0)
		message.header.msg_control = buf.data + CONTROL_OFFSET;
	message.header.msg_flags = (int)head.flags;
	message.data = buf.data + head.offset;
	message.length = buf.length - head.offset;
	*ret_message = message;
	return 0;
}

/* All buffers but the last, each as a result; *completion is of that one. */
void bundle_deliver(struct a10_ring *ring, struct slot *slot,
		    struct completion *completion)
{
	const struct op_row *row = op_row(slot->opcode);
	struct a10_pool *pool = cold_at(ring, slot_index(slot))->pool;
	const int32_t size = (int32_t)a10_pool_buffer_size(pool);

	while (completion->res > size) {
		const uint16_t id =
			(uint16_t)(completion->flags >> URING_CQE_BUFFER_SHIFT);
		/* Before a callback can give any of them back. */
		const uint16_t next = pool_next(pool, id);
		const struct completion piece = {
			.res = size,
			.flags = completion->flags,
		};
		struct a10_result r = { .value = 0 };

		result_make(ring, slot, row, &piece, &r);
		slot_deliver_more(ring, slot, &r);
		completion->res -= size;
		completion->flags = (completion->flags & UINT16_MAX) |
				    (uint32_t)next << URING_CQE_BUFFER_SHIFT;
	}
}
