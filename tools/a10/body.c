#include "body.h"

#include <errno.h>
#include <string.h>

enum {
	BETWEEN_MAX = 32768, /* bytes of extensions, or of a trailer */
};

/* Four more bits of it always fit into the 64. */
#define CHUNK_MAX (UINT64_C(1) << 59)

void body_init(struct body *body, const struct reply *reply)
{
	memset(body, 0, sizeof(*body));
	body->until_close = reply->body == REPLY_UNTIL_CLOSE;
	body->form.most = CHUNK_MAX;
	body->form.chunked = reply->body == REPLY_CHUNKED;
	if (body->form.chunked)
		body->form.state = UPLOAD_SIZE;
	else if (reply->body == REPLY_LENGTH && reply->length > 0)
		body->form.state = UPLOAD_DATA;
	body->form.left = reply->length;
}

ssize_t body_take(struct body *body, char *bytes, size_t length)
{
	size_t taken = 0;
	size_t used = 0;

	if (body->until_close)
		return (ssize_t)length;
	while (used < length && !body_is_over(body)) {
		struct view data;
		const ssize_t step = upload_take(&body->form, bytes + used,
						 length - used, &data);

		if (step < 0)
			return -EBADMSG;
		used += (size_t)step;
		body->between += (size_t)step;
		if (data.length > 0)
			body->between = 0;
		if (body->between > BETWEEN_MAX)
			return -EBADMSG;
		memmove(bytes + taken, data.at, data.length);
		taken += data.length;
	}
	return used < length ? -EBADMSG : (ssize_t)taken;
}

bool body_is_over(const struct body *body)
{
	return !body->until_close && body->form.state == UPLOAD_OVER;
}

bool body_may_end(const struct body *body)
{
	return body->until_close || body_is_over(body);
}
