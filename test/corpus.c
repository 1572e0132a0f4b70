#include "corpus.h"

#include <string.h>

#define HOST "Host: test\r\n"
#define GET  "GET /hello.txt HTTP/1.1\r\n" HOST

/* Of a string with NULs in it, too. */
#define SAY(text, ...)                                 \
	{                                              \
		text, sizeof(text) - 1, NULL, 0, NULL, \
		{                                      \
			__VA_ARGS__, 0                 \
		}                                      \
	}

/* The same with something many times at its end, and what comes then. */
#define REPEAT(text, repeated, times, after, ...)               \
	{                                                       \
		text, sizeof(text) - 1, repeated, times, after, \
		{                                               \
			__VA_ARGS__, 0                          \
		}                                               \
	}

const struct corpus_entry corpus[] = {
	/* What is right, so that the others are wrong for their own reason. */
	SAY(GET "\r\n", 200),
	SAY(GET "\r\n" GET "\r\n" GET "\r\n", 200, 200, 200),
	SAY("HEAD /hello.txt HTTP/1.1\r\n" HOST "\r\n", 200),
	SAY("GET /hello.txt HTTP/1.0\r\n\r\n", 200),
	SAY("GET http://test/hello.txt HTTP/1.1\r\n" HOST "\r\n", 200),
	SAY("\r\n" GET "\r\n", 200),
	SAY("GET /hello.txt HTTP/1.1\n"
	    "Host: test\n\n",
	    200),
	SAY(GET "Connection: close\r\n\r\n" GET "\r\n", 200),
	SAY("GET /list/ HTTP/1.1\r\n" HOST "\r\n", 200),
	SAY("GET /sub HTTP/1.1\r\n" HOST "\r\n", 301),

	/* First lines. */
	SAY("GET\r\n\r\n", 400),
	SAY("GET /\r\n\r\n", 505),
	SAY("GET / \r\n\r\n", 400),
	SAY("GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
	SAY("GET /a b HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY(" GET / HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("GET / HTTP/1.1\r" HOST "\r\n\r\n", 400),
	SAY("GET / HTTP/2.0\r\n" HOST "\r\n", 505),
	SAY("GET / HTTP/0.9\r\n\r\n", 505),
	SAY("GET / HTTP/11\r\n" HOST "\r\n", 505),
	SAY("GET / HTTP/1.1.1\r\n" HOST "\r\n", 505),
	SAY("GET / HTTPS/1.1\r\n" HOST "\r\n", 400),
	SAY("GET / ICAP/1.0\r\n" HOST "\r\n", 400),
	SAY("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
	SAY("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
	SAY("\x80\x2e\x01\x00\x02", 400),
	SAY("{\"method\": \"GET\"}", 400),
	SAY("<policy-file-request/>\0", 400),
	SAY("\0\0\0\0", 400),
	SAY("\r\n\r\n\r\n\r\n\r\n", 400),
	SAY("SSH-2.0-OpenSSH_9.2\r\n", 400),
	SAY("*1\r\n$4\r\nPING\r\n", 400),
	SAY("GET /a\0b HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("GET /a\x7f"
	    "b HTTP/1.1\r\n" HOST "\r\n",
	    400),
	SAY("GET /a\x01"
	    "b HTTP/1.1\r\n" HOST "\r\n",
	    400),
	SAY("G\0T / HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("BREW /pot HTTP/1.1\r\n" HOST "\r\n", 501),
	SAY("get / HTTP/1.1\r\n" HOST "\r\n", 501),
	SAY("GET\x80 / HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("POST / HTTP/1.1\r\n" HOST "\r\n" GET "\r\n", 405, 200),
	SAY("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 405),
	SAY("TRACE / HTTP/1.1\r\n" HOST "\r\n", 405),
	SAY("CONNECT test:80 HTTP/1.1\r\n" HOST "\r\n" GET "\r\n", 405),
	SAY("GET * HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("GET ftp://test/ HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("GET hello.txt HTTP/1.1\r\n" HOST "\r\n", 400),
	SAY("GET //// HTTP/1.1\r\n" HOST "\r\n", 200),
	REPEAT("GET /", "a", 10000, " HTTP/1.1\r\n" HOST "\r\n", 414),
	REPEAT("GET /", "abcd/", 1000, " HTTP/1.1\r\n" HOST "\r\n", 404),
	REPEAT("", "a", 100000, "", 400),

	/* Fields. */
	SAY("GET / HTTP/1.1\r\n\r\n", 400),
	SAY("GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400),
	SAY("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
	SAY("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400),
	SAY("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
	SAY("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
	SAY(GET " folded: b\r\n\r\n", 400),
	SAY(GET "A: b\r\n\tfolded\r\n\r\n", 400),
	SAY(GET "no colon\r\n\r\n", 400),
	SAY(GET ": b\r\n\r\n", 400),
	SAY(GET "A B: c\r\n\r\n", 400),
	SAY(GET "A: b\0c\r\n\r\n", 400),
	SAY(GET "A: b\rC: d\r\n\r\n", 400),
	SAY(GET "A\x80: b\r\n\r\n", 400),
	REPEAT(GET, "A: b\r\n", 10000, "\r\n", 431),
	REPEAT(GET, "A: b\r\n", 200, "\r\n", 431),
	REPEAT(GET, "If-Match: *\r\n", 24, "\r\n", 431),
	REPEAT(GET "A: ", "abcd", 10000, "\r\n\r\n", 431),

	/* Bodies, and what could be one. */
	SAY(GET "Content-Length: 5\r\n\r\nhello" GET "\r\n", 200, 200),
	SAY(GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
	SAY(GET "Content-Length: 5, 6\r\n\r\nhello", 400),
	SAY(GET "Content-Length: 5, 5\r\n\r\nhello" GET "\r\n", 200, 200),
	SAY(GET "Content-Length: -1\r\n\r\n", 400),
	SAY(GET "Content-Length: +5\r\n\r\nhello", 400),
	SAY(GET "Content-Length: 5 5\r\n\r\nhello", 400),
	SAY(GET "Content-Length: 99999999999999999999\r\n\r\n", 400),
	SAY(GET "Content-Length: 18446744073709551615\r\n\r\n", 413),
	SAY(GET "Content-Length: 65537\r\n\r\n", 413),
	SAY(GET "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
		"0\r\n\r\n" GET "\r\n",
	    400),
	SAY(GET "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET "\r\n", 200,
	    200),
	SAY(GET "Transfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\n"
		"A: b\r\n\r\n" GET "\r\n",
	    200, 200),
	SAY(GET "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
	SAY(GET "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
	SAY(GET "Transfer-Encoding:\x0b"
		"chunked\r\n\r\n0\r\n\r\n",
	    400),
	SAY(GET "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
	SAY(GET "Transfer-Encoding: chunked\r\n\r\n" GET "\r\n", 200),
	SAY(GET "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 200),
	SAY(GET "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 200),
	SAY(GET "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 200),
	SAY("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    400),
	SAY("POST /hello.txt HTTP/1.1\r\n" HOST
	    "Content-Length: 3\r\n\r\nabc" GET "\r\n",
	    405, 200),
	SAY("POST /hello.txt HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
	    "Content-Length: 3\r\n\r\n",
	    405),
	SAY(GET "Expect: everything\r\n\r\n", 417),

	/* Conditions and ranges. */
	SAY(GET "Range: bytes=0-0\r\n\r\n" GET "\r\n", 206, 200),
	SAY(GET "Range: bytes=0-0,2-2,4-4\r\n\r\n" GET "\r\n", 206, 200),
	SAY(GET "Range: bytes=99-\r\n\r\n" GET "\r\n", 416, 200),
	SAY(GET "Range: bytes=18446744073709551615-\r\n\r\n", 416),
	SAY(GET "Range: bytes=-18446744073709551615\r\n\r\n", 206),
	SAY(GET "Range: bytes=0-18446744073709551616\r\n\r\n", 200),
	SAY(GET "Range: bytes=5-2\r\n\r\n", 200),
	REPEAT(GET "Range: bytes=", "0-0,", 100, "\r\n\r\n", 200),
	REPEAT(GET "Range: bytes=", ",", 10000, "\r\n\r\n", 200),
	SAY(GET "Range: bytes=0-,0-,0-\r\n\r\n", 200),
	SAY(GET "Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n", 200),
	SAY(GET "If-None-Match: *\r\n\r\n" GET "\r\n", 304, 200),
	SAY(GET "If-None-Match: \"unfinished\r\n\r\n", 200),
	SAY(GET "If-None-Match: W/\r\n\r\n", 200),
	REPEAT(GET "If-None-Match: ", "\"a\",", 100, "\r\n\r\n", 200),
	SAY(GET "If-Match: \"a\"\r\n\r\n" GET "\r\n", 412, 200),
	SAY(GET "If-Modified-Since: Sun, 06 Nov 9999 08:49:37 GMT\r\n\r\n",
	    304),
	SAY(GET "If-Modified-Since: Sun, 99 Nov 9999 99:99:99 GMT\r\n\r\n",
	    200),
	REPEAT(GET "Accept-Encoding: ", "gzip;q=0.5,", 100, "\r\n\r\n", 200),
	SAY(GET "Accept-Encoding: ;;;,,,q=;q=1;q\r\n\r\n", 200),

	/* Unfinished: nothing is answered, for the client has left. */
	SAY("G", 0),
	SAY("GET /hello.txt HTTP/1.1\r\n", 0),
	SAY("GET /hello.txt HTTP/1.1\r\n" HOST "\r", 0),
	SAY(GET "\r\nGET /", 200),
	SAY("", 0),
	SAY("\r\n", 0),
	SAY(GET "Content-Length: 5\r\n\r\nhel", 200),
};

const size_t corpus_count = sizeof(corpus) / sizeof(*corpus);

static size_t append(char *bytes, size_t used, const char *text, size_t length)
{
	if (length > CORPUS_LENGTH_MAX - used)
		length = CORPUS_LENGTH_MAX - used;
	memcpy(bytes + used, text, length);
	return used + length;
}

size_t corpus_write(const struct corpus_entry *entry, char *ret_bytes)
{
	size_t used = append(ret_bytes, 0, entry->bytes, entry->length);

	if (!entry->repeated)
		return used;
	for (unsigned int i = 0; i < entry->times; i++)
		used = append(ret_bytes, used, entry->repeated,
			      strlen(entry->repeated));
	return append(ret_bytes, used, entry->after, strlen(entry->after));
}
