#include "mime.h"

#include <stddef.h>
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

	if (dot)
		mime = find(dot + 1, by_extension,
			    sizeof(by_extension) / sizeof(*by_extension));
	else
		mime = find(base, by_name, sizeof(by_name) / sizeof(*by_name));
	return mime ? mime->type : "application/octet-stream";
}
