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
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int skip_size(struct upload *upload, char c)
{
	const int digit = hex_digit(c);

	if (digit >= 0) {
		upload->left = upload->left << 4 | (uint64_t)digit;
		upload->has_digit = true;
		return upload->left > UPLOAD_MAX ? -E2BIG : 0;
	}
	if (!upload->has_digit || !strchr("; \t\r\n", c) || c == '\0')
		return -EBADMSG;
	upload->state = UPLOAD_EXTENSION;
	return 0;
}

static int skip_character(struct upload *upload, char c)
{
	int err = 0;

	switch (upload->state) {
	case UPLOAD_SIZE:
		err = skip_size(upload, c);
		if (upload->state == UPLOAD_SIZE || c != '\n')
			break;
		/* fall through */
	case UPLOAD_EXTENSION:
		if (c != '\n')
			break;
		upload->empty_line = true;
		upload->state = upload->left > 0 ? UPLOAD_DATA : UPLOAD_TRAILER;
		break;
	case UPLOAD_DATA_END:
		if (c != '\r' && c != '\n')
			return -EBADMSG;
		if (c == '\n') {
			upload->state = UPLOAD_SIZE;
			upload->has_digit = false;
		}
		break;
	case UPLOAD_TRAILER:
		if (c == '\n' && upload->empty_line)
			upload->state = UPLOAD_OVER;
		else if (c != '\r')
			upload->empty_line = c == '\n';
		break;
	default:
		break;
	}
	return err;
}

static size_t skip_data(struct upload *upload, size_t length)
{
	const size_t step =
		length < upload->left ? length : (size_t)upload->left;

	upload->left -= step;
	if (upload->left == 0)
		upload->state = upload->chunked ? UPLOAD_DATA_END : UPLOAD_OVER;
	return step;
}

ssize_t upload_skip(struct upload *upload, const char *bytes, size_t length)
{
	size_t used = 0;

	while (used < length && upload->state != UPLOAD_OVER) {
		int err = 0;

		if (upload->state == UPLOAD_DATA)
			used += skip_data(upload, length - used);
		else
			err = skip_character(upload, bytes[used++]);
		if (err < 0)
			return err;
	}
	upload->seen += used;
	return upload->seen > UPLOAD_MAX + HEAD_MAX ? -E2BIG : (ssize_t)used;
}
