#include "op/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define ATTRIBUTE_NAME_SIZE 256u   /* XATTR_NAME_MAX and its NUL */
#define ATTRIBUTE_MAX       65536u /* XATTR_SIZE_MAX */

/* One of what goes into a block, and the word of the request that names it. */
struct piece {
	const void *data;
	size_t size;
	uint64_t *word;
};

static const void *pointer_of(uint64_t word)
{
	return (const void *)(uintptr_t)word;
}

/* A text with its end. too_long: what it is if it has none within limit. */
static int piece_text(uint64_t *word, size_t limit, int too_long,
		      struct piece *ret_piece)
{
	const char *text = pointer_of(*word);
	size_t length;

	if (!text)
		return -EFAULT;
	length = strnlen(text, limit);
	if (length == limit)
		return too_long;
	ret_piece->data = text;
	ret_piece->size = length + 1;
	ret_piece->word = word;
	return 0;
}

/* All pieces into one block, one behind the other. */
static int pieces_copy(struct capture_cache *cache, const struct piece *pieces,
		       size_t count, struct capture **ret_capture)
{
	struct capture *capture;
	size_t size = 0;
	char *place;

	for (size_t i = 0; i < count; i++)
		size += pieces[i].size;
	capture = capture_take(cache, size);
	if (!capture)
		return -ENOMEM;
	place = capture_data(capture);
	for (size_t i = 0; i < count; i++) {
		memcpy(place, pieces[i].data, pieces[i].size);
		*pieces[i].word = (uintptr_t)place;
		place += pieces[i].size;
	}
	*ret_capture = capture;
	return 0;
}

int capture_two_paths(struct capture_cache *cache, struct a10_request *request,
		      struct capture **ret_capture)
{
	struct piece pieces[2];
	int err = piece_text(&request->address, PATH_SIZE, -ENAMETOOLONG,
			     &pieces[0]);

	if (err == 0)
		err = piece_text(&request->offset, PATH_SIZE, -ENAMETOOLONG,
				 &pieces[1]);
	if (err < 0)
		return err;
	return pieces_copy(cache, pieces, 2, ret_capture);
}

int capture_attribute(struct capture_cache *cache, struct a10_request *request,
		      bool value, struct capture **ret_capture)
{
	struct piece pieces[3];
	size_t count = 1;
	int err = piece_text(&request->address, ATTRIBUTE_NAME_SIZE, -ERANGE,
			     &pieces[0]);

	if (err < 0)
		return err;
	if (request->address3) {
		err = piece_text(&request->address3, PATH_SIZE, -ENAMETOOLONG,
				 &pieces[count++]);
		if (err < 0)
			return err;
	}
	if (value && request->length > 0) {
		if (!request->offset)
			return -EFAULT;
		if (request->length > ATTRIBUTE_MAX)
			return -E2BIG;
		pieces[count].data = pointer_of(request->offset);
		pieces[count].size = request->length;
		pieces[count++].word = &request->offset;
	}
	return pieces_copy(cache, pieces, count, ret_capture);
}

int capture_link_file(struct capture_cache *cache, struct a10_request *request,
		      struct capture **ret_capture)
{
	struct piece pieces[2];
	char name[sizeof("/proc/self/fd/-2147483648")];
	const int length =
		snprintf(name, sizeof(name), "/proc/self/fd/%d", request->fd);
	int err = piece_text(&request->offset, PATH_SIZE, -ENAMETOOLONG,
			     &pieces[0]);

	if (err < 0)
		return err;
	pieces[1].data = name;
	pieces[1].size = (size_t)length + 1;
	pieces[1].word = &request->address;
	err = pieces_copy(cache, pieces, 2, ret_capture);
	if (err == 0)
		request->fd = AT_FDCWD;
	return err;
}
