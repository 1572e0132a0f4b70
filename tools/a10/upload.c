#include "upload.h"

#include <errno.h>
#include <string.h>

void upload_init(struct upload *upload, const struct request *request)
{
	memset(upload, 0, sizeof(*upload));
	upload->chunked = request->upload == UPLOAD_CHUNKED;
	if (upload->chunked)
		upload->state = UPLOAD_SIZE;
	else if (request->upload == UPLOAD_LENGTH)
		upload->state = UPLOAD_DATA;
	upload->left = request->upload_length;
	upload->most = UPLOAD_MAX;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What may be in an extension or in a trailer. */
static bool is_text(char c)
{
	const unsigned char byte = (unsigned char)c;

	return c == '\t' || (byte >= ' ' && byte != 0x7f);
}

static int skip_size(struct upload *upload, char c)
{
	const int digit = hex_digit(c);

	if (digit >= 0 && upload->state == UPLOAD_SIZE) {
		upload->left = upload->left << 4 | (uint64_t)digit;
		upload->has_digit = true;
		return upload->left > upload->most ? -E2BIG : 0;
	}
	if (!upload->has_digit)
		return -EBADMSG;
	switch (c) {
	case ' ':
	case '\t':
		upload->state = UPLOAD_SIZE_BLANK;
		return 0;
	case ';':
		upload->state = UPLOAD_EXTENSION;
		return 0;
	case '\r':
		upload->state = UPLOAD_SIZE_LF;
		return 0;
	default:
		return -EBADMSG;
	}
}

/* Text up to a CR, which leads on. */
static int skip_text(struct upload *upload, char c, enum upload_state next)
{
	if (c == '\r')
		upload->state = next;
	else if (!is_text(c))
		return -EBADMSG;
	else
		upload->empty_line = false;
	return 0;
}

/* That character and no other. */
static int skip_only(struct upload *upload, char c, char only,
		     enum upload_state next)
{
	upload->state = next;
	return c == only ? 0 : -EBADMSG;
}

static int skip_character(struct upload *upload, char c)
{
	const bool was_empty = upload->empty_line;

	switch (upload->state) {
	case UPLOAD_SIZE:
	case UPLOAD_SIZE_BLANK:
		return skip_size(upload, c);
	case UPLOAD_EXTENSION:
		return skip_text(upload, c, UPLOAD_SIZE_LF);
	case UPLOAD_SIZE_LF:
		upload->empty_line = true;
		return skip_only(upload, c, '\n',
				 upload->left > 0 ? UPLOAD_DATA :
						    UPLOAD_TRAILER);
	case UPLOAD_DATA_CR:
		return skip_only(upload, c, '\r', UPLOAD_DATA_LF);
	case UPLOAD_DATA_LF:
		upload->has_digit = false;
		return skip_only(upload, c, '\n', UPLOAD_SIZE);
	case UPLOAD_TRAILER:
		return skip_text(upload, c, UPLOAD_TRAILER_LF);
	default:
		upload->empty_line = true;
		return skip_only(upload, c, '\n',
				 was_empty ? UPLOAD_OVER : UPLOAD_TRAILER);
	}
}

static size_t skip_data(struct upload *upload, size_t length)
{
	const size_t step =
		length < upload->left ? length : (size_t)upload->left;

	upload->left -= step;
	if (upload->left == 0)
		upload->state = upload->chunked ? UPLOAD_DATA_CR : UPLOAD_OVER;
	return step;
}

ssize_t upload_take(struct upload *upload, const char *bytes, size_t length,
		    struct view *ret_data)
{
	size_t used = 0;

	*ret_data = view_of("");
	while (used < length && upload->state != UPLOAD_OVER) {
		int err;

		if (upload->state == UPLOAD_DATA) {
			ret_data->at = bytes + used;
			ret_data->length = skip_data(upload, length - used);
			return (ssize_t)(used + ret_data->length);
		}
		err = skip_character(upload, bytes[used++]);
		if (err < 0)
			return err;
	}
	return (ssize_t)used;
}

ssize_t upload_skip(struct upload *upload, const char *bytes, size_t length)
{
	struct view data;
	size_t used = 0;

	while (used < length && upload->state != UPLOAD_OVER) {
		const ssize_t step =
			upload_take(upload, bytes + used, length - used, &data);

		if (step < 0)
			return step;
		used += (size_t)step;
	}
	upload->seen += used;
	return upload->seen > UPLOAD_MAX + HEAD_MAX ? -E2BIG : (ssize_t)used;
}
