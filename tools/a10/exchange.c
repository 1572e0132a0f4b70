#include "exchange.h"

#include <stdlib.h>
#include <string.h>

struct exchange *exchange_create(void)
{
	/* Not zeroed: its buffers are most of it, and most of them unused. */
	struct exchange *exchange =
		(struct exchange *)malloc(sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->next = NULL;
	exchange->input_start = 0;
	exchange->input_end = 0;
	exchange->body.file.fd = -1;
	memset(&exchange->body.text, 0, sizeof(exchange->body.text));
	exchange->page_bytes = 0;
	exchange->peer[0] = '\0';
	exchange_reset(exchange);
	return exchange;
}

void exchange_reset(struct exchange *exchange)
{
	struct body *body = &exchange->body;

	file_close(&body->file);
	text_finish(&body->text);
	body->left = 0;
	body->multipart = false;
	request_init(&exchange->request);
	memset(&exchange->upload, 0, sizeof(exchange->upload));
	memset(&exchange->response, 0, sizeof(exchange->response));
	exchange->output_start = 0;
	exchange->output_end = 0;
	exchange->coding = CODING_COUNT;
	exchange->no_sendfile = false;
	exchange->waits = false;
	exchange->head_sent = 0;
	exchange->sent = 0;
	exchange->asked_at = 0;
	exchange->began_at = 0;
}

void exchange_destroy(struct exchange *exchange)
{
	if (!exchange)
		return;
	file_close(&exchange->body.file);
	text_finish(&exchange->body.text);
	free(exchange);
}
