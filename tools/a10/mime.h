/* mime.h - what kind of file a name promises. */
#ifndef MIME_H
#define MIME_H

/*
 * The value of Content-Type by the extension of a name, whatever its case; text
 * is taken for UTF-8. What is unknown is "application/octet-stream".
 */
const char *mime_type(const char *name);

#endif
