/*
 * mime.h - what kind of file a name stands for: the system's table, and a few
 * types of our own for where there is none.
 */
#ifndef MIME_H
#define MIME_H

#include <stdbool.h>

#define MIME_SYSTEM_TABLE "/etc/mime.types"

enum {
	TYPE_MAX = 255, /* bytes of a type: 127 on each side of the slash */
};

/*
 * Reads a table: lines of a type and extensions, # for comments; types that are
 * too long are passed over. Once, before anything is asked. 0 or -errno; what
 * was read so far counts.
 */
int mime_load(const char *path);

/* Frees what was loaded. */
void mime_unload(void);

/*
 * By the extension, without regard to case, or by some well-known names; else
 * application/octet-stream. Text is UTF-8, and what only programmers have a
 * type for (text/x-...) is plain: a browser would not show it otherwise.
 */
const char *mime_type(const char *name);

/* Whether files of that type may have siblings that are compressed. */
bool mime_is_compressible(const char *type);

#endif
