#include "mime.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct mime {
	const char *extension;
	const char *type;
};

#define TEXT        "text/plain; charset=utf-8"
#define TEXT_OF(of) "text/" of "; charset=utf-8"

/* In the order of strcasecmp: it is searched by halves. */
static const struct mime by_extension[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "apng", "image/apng" },
	{ "avi", "video/x-msvideo" },
	{ "avif", "image/avif" },
	{ "bmp", "image/bmp" },
	{ "bz2", "application/x-bzip2" },
	{ "c", TEXT },
	{ "cc", TEXT },
	{ "cfg", TEXT },
	{ "conf", TEXT },
	{ "cpp", TEXT },
	{ "css", TEXT_OF("css") },
	{ "csv", TEXT_OF("csv") },
	{ "diff", TEXT },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "go", TEXT },
	{ "gz", "application/gzip" },
	{ "h", TEXT },
	{ "htm", TEXT_OF("html") },
	{ "html", TEXT_OF("html") },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "ics", TEXT_OF("calendar") },
	{ "ini", TEXT },
	{ "java", TEXT },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", TEXT_OF("javascript") },
	{ "json", "application/json" },
	{ "jxl", "image/jxl" },
	{ "log", TEXT },
	{ "m4a", "audio/mp4" },
	{ "map", "application/json" },
	{ "md", TEXT_OF("markdown") },
	{ "mjs", TEXT_OF("javascript") },
	{ "mkv", "video/x-matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "ogv", "video/ogg" },
	{ "opus", "audio/ogg" },
	{ "otf", "font/otf" },
	{ "patch", TEXT },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "py", TEXT },
	{ "rs", TEXT },
	{ "rtf", "application/rtf" },
	{ "sh", TEXT },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tgz", "application/gzip" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "toml", TEXT },
	{ "tsv", TEXT_OF("tab-separated-values") },
	{ "ttf", "font/ttf" },
	{ "txt", TEXT },
	{ "vtt", TEXT_OF("vtt") },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/wav" },
	{ "webm", "video/webm" },
	{ "webmanifest", "application/manifest+json" },
	{ "webp", "image/webp" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xml", "application/xml" },
	{ "xz", "application/x-xz" },
	{ "yaml", TEXT },
	{ "yml", TEXT },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

/* Names that are known for being text, likewise in order. */
static const struct mime by_name[] = {
	{ "AUTHORS", TEXT }, { "CHANGELOG", TEXT }, { "COPYING", TEXT },
	{ "INSTALL", TEXT }, { "LICENSE", TEXT },   { "Makefile", TEXT },
	{ "NEWS", TEXT },    { "README", TEXT },
};

/* ---- the table that was loaded ------------------------------------------ */

enum {
	BUCKETS = 1024,
	LINE_MAX_LENGTH = 4096,
};

/* An extension, in lower case, and its type behind it. */
struct loaded {
	struct loaded *next;
	const char *type;
	char extension[];
};

static struct loaded *buckets[BUCKETS];

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct loaded **bucket_of(const char *extension)
{
	uint32_t hash = 5381;

	while (*extension != '\0')
		hash = hash * 33 + (unsigned char)lower(*extension++);
	return &buckets[hash % BUCKETS];
}

static const struct loaded *loaded_find(const char *extension)
{
	const struct loaded *loaded = *bucket_of(extension);

	while (loaded && strcasecmp(loaded->extension, extension) != 0)
		loaded = loaded->next;
	return loaded;
}

/* The first table that names an extension has it. */
static int loaded_add(const char *extension, const char *type)
{
	const bool text = strncmp(type, "text/", 5) == 0;
	const bool plain = strncmp(type, "text/x-", 7) == 0;
	const size_t length = strlen(extension) + 1;
	const char *base = plain ? "text/plain" : type;
	const char *charset = text ? "; charset=utf-8" : "";
	const size_t room = strlen(base) + strlen(charset) + 1;
	struct loaded **bucket = bucket_of(extension);
	struct loaded *loaded;

	if (room - 1 > TYPE_MAX || loaded_find(extension))
		return 0;
	loaded = (struct loaded *)malloc(sizeof(*loaded) + length + room);
	if (!loaded)
		return -ENOMEM;
	memcpy(loaded->extension, extension, length);
	loaded->type = loaded->extension + length;
	snprintf(loaded->extension + length, room, "%s%s", base, charset);
	loaded->next = *bucket;
	*bucket = loaded;
	return 0;
}

int mime_load(const char *path)
{
	static const char blanks[] = " \t\r\n";
	char line[LINE_MAX_LENGTH];
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file)
		return -errno;
	while (err == 0 && fgets(line, sizeof(line), file)) {
		char *rest = NULL;
		const char *type;
		const char *word;

		line[strcspn(line, "#")] = '\0';
		type = strtok_r(line, blanks, &rest);
		if (!type || !strchr(type, '/'))
			continue;
		while (err == 0 && (word = strtok_r(NULL, blanks, &rest)))
			err = loaded_add(word, type);
	}
	if (err == 0 && ferror(file))
		err = -EIO;
	fclose(file);
	return err;
}

void mime_unload(void)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (buckets[i]) {
			struct loaded *loaded = buckets[i];

			buckets[i] = loaded->next;
			free(loaded);
		}
	}
}

/* ---- looking up --------------------------------------------------------- */

static int compare(const void *key, const void *element)
{
	const struct mime *mime = (const struct mime *)element;

	return strcasecmp((const char *)key, mime->extension);
}

static const struct mime *find(const char *key, const struct mime *table,
			       size_t count)
{
	return (const struct mime *)bsearch(key, table, count, sizeof(*table),
					    compare);
}

const char *mime_type(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	const char *dot = strrchr(base, '.');
	const struct mime *mime;
	const struct loaded *loaded = dot ? loaded_find(dot + 1) : NULL;

	if (loaded)
		return loaded->type;
	if (dot)
		mime = find(dot + 1, by_extension,
			    sizeof(by_extension) / sizeof(*by_extension));
	else
		mime = find(base, by_name, sizeof(by_name) / sizeof(*by_name));
	return mime ? mime->type : "application/octet-stream";
}

bool mime_is_compressible(const char *type)
{
	static const char *const packed[] = {
		"application/gzip",
		"application/pdf",
		"application/x-7z-compressed",
		"application/x-bzip2",
		"application/x-xz",
		"application/zip",
		"application/zstd",
		"audio/",
		"font/woff",
		"image/",
		"video/",
	};

	if (strncmp(type, "image/svg", 9) == 0)
		return true;
	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
		if (strncmp(type, packed[i], strlen(packed[i])) == 0)
			return false;
	}
	return true;
}
