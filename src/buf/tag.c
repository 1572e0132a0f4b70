/*
 * Tags: an entry of the ring's tables, of registered buffers or of direct
 * descriptors, can have a number that the kernel says as a completion's, when the
 * entry was replaced or emptied and no request uses what it was. This is the one
 * thing that the kernel knows and the library does not: what a10_raw has under
 * way. Such a completion is no operation's; its number leads to who is to be told.
 */
#include "buf/pool.h"
#include "ring/life.h"

#include <errno.h>
#include <stdlib.h>

struct tag {
	struct tag *next;
	uint64_t user_data;
	void (*release)(void *owned);
	void *owned;
};

uint64_t tag_make(struct a10_ring *ring, void (*release)(void *owned),
		  void *owned)
{
	struct tag *tag = calloc(1, sizeof(*tag));

	if (!tag)
		return 0;
	ring->tags_made++;
	tag->user_data = ring->tags_made << TAG_BITS | TAG_ENTRY;
	tag->release = release;
	tag->owned = owned;
	tag->next = ring->tags;
	ring->tags = tag;
	return tag->user_data;
}

static struct tag *tag_take(struct a10_ring *ring, uint64_t user_data)
{
	struct tag **link = &ring->tags, *tag;

	while (*link && (*link)->user_data != user_data)
		link = &(*link)->next;
	tag = *link;
	if (tag)
		*link = tag->next;
	return tag;
}

void tag_forget(struct a10_ring *ring, uint64_t user_data)
{
	free(tag_take(ring, user_data));
}

static void tag_tell(struct tag *tag)
{
	void (*release)(void *owned) = tag->release;
	void *owned = tag->owned;

	free(tag); /* before what may not return */
	if (release)
		release(owned);
}

void tag_arrived(struct a10_ring *ring, uint64_t user_data)
{
	struct tag *tag = tag_take(ring, user_data);

	if (tag)
		tag_tell(tag);
}

void tags_finish(struct a10_ring *ring)
{
	while (ring->tags) {
		struct tag *tag = ring->tags;

		ring->tags = tag->next;
		tag_tell(tag);
	}
}

int a10_ring_tag_direct(struct a10_ring *ring, struct a10_fd direct,
			struct a10_fd fd, void (*release)(void *owned),
			void *owned)
{
	int32_t number = a10_fd_number(fd);
	struct uring_rsrc_update2 update = {
		.offset = (uint32_t)direct.plus_one - 1,
		.data = (uintptr_t)&number,
		.nr = 1,
	};
	int err = ring_registrable(ring);
	uint64_t tag;

	if (err < 0)
		return err;
	if (!a10_fd_is_direct(direct) || a10_fd_is_direct(fd) || number < 0)
		return -EINVAL;
	if (direct.ring != ring->sq.number)
		return -EXDEV;
	tag = tag_make(ring, release, owned);
	if (!tag)
		return -ENOMEM;
	update.tags = (uintptr_t)&tag;
	err = ring->calls->control(ring->backend, URING_REGISTER_FILES_UPDATE2,
				   &update, sizeof(update));
	if (err == 1)
		return 0;
	tag_forget(ring, tag);
	return err < 0 ? err : -EIO;
}
