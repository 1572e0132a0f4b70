/*
 * get URL - prints what http://HOST[:PORT]/PATH has.
 *
 * Names are resolved and all their addresses tried within ten seconds; every
 * receive has ten more.
 */
#include <a10.h>
#include <stdio.h>

#define PATIENCE (10 * A10_SECOND)

static ssize_t ask(struct a10_fd fd, const char *host, const char *path)
{
	char request[1536];
	int n = snprintf(request, sizeof(request),
			 "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
	struct a10_op op = a10_send(fd, request, (size_t)n, 0);

	return a10_await(a10_timeout(a10_all(op), PATIENCE));
}

/* How much came, 0 at the end, or -errno. */
static ssize_t receive(struct a10_fd fd, char *bytes, size_t size)
{
	return a10_await(a10_timeout(a10_recv(fd, bytes, size, 0), PATIENCE));
}

/* The head, and what came with it; how much that is, or -errno. */
static ssize_t receive_head(struct a10_fd fd, char *head, size_t size,
			    char **ret_body)
{
	size_t used = 0;
	ssize_t n;

	do {
		if (used == size - 1)
			return -EMSGSIZE;
		n = receive(fd, head + used, size - 1 - used);
		if (n <= 0)
			return n < 0 ? n : -ECONNRESET;
		used += (size_t)n;
		head[used] = '\0';
		*ret_body = strstr(head, "\r\n\r\n");
	} while (*ret_body == NULL);
	*ret_body += 4;
	return head + used - *ret_body;
}

static int get(void *url)
{
	char host[256], authority[264], path[1024] = "/", bytes[16384], *body;
	struct a10_fd fd;
	ssize_t n;
	int status = 0;

	if (sscanf(url, "http://%255[^/]%1023s", host, path) < 1)
		return -EINVAL;
	snprintf(authority, sizeof(authority), "%s%s", host,
		 strchr(host, ':') == NULL ? ":80" : "");
	n = a10_await_fd(a10_timeout(a10_connect_to(authority, 0), PATIENCE),
			 &fd);
	if (n < 0)
		return (int)n;
	n = ask(fd, host, path);
	if (n >= 0)
		n = receive_head(fd, bytes, sizeof(bytes), &body);
	if (n >= 0 && sscanf(bytes, "HTTP/%*s %d", &status) != 1)
		n = -EPROTO;
	if (n > 0) /* what came with the head */
		n = a10_await(a10_all(a10_write(A10_STDOUT, body, (size_t)n)));
	while (n >= 0 && (n = receive(fd, bytes, sizeof(bytes))) > 0)
		n = a10_await(a10_all(a10_write(A10_STDOUT, bytes, (size_t)n)));
	a10_await(a10_close(fd));
	return n < 0 ? (int)n : status;
}

int main(int argc, char **argv)
{
	int status = argc == 2 ? a10_run(NULL, get, argv[1]) : -EINVAL;

	if (status < 0)
		fprintf(stderr, "get URL: %s\n", strerror(-status));
	else if (status != 200)
		fprintf(stderr, "get: status %d\n", status);
	return status != 200;
}
