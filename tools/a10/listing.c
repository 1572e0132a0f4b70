/*
 * A directory is read here with the plain system calls, several for each entry:
 * 50 ms for a cached directory of LISTING_MAX, during which the ring would stand
 * still. So a helper thread does it, and makes the page too.
 */
#include "listing.h"

#include "page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ROOM_FIRST = 64, /* entries */
};

static int listing_reserve(struct listing *listing)
{
	const size_t room = listing->room ? listing->room * 2 : ROOM_FIRST;
	struct listing_entry *entries;

	if (listing->count < listing->room)
		return 0;
	entries = (struct listing_entry *)reallocarray(
		listing->entries, room, sizeof(*listing->entries));
	if (!entries)
		return -ENOMEM;
	listing->entries = entries;
	listing->room = room;
	return 0;
}

int listing_add(struct listing *listing, const char *name,
		const struct listing_entry *about)
{
	struct listing_entry *entry;
	char *copy;

	if (listing_reserve(listing) < 0)
		return -ENOMEM;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	entry = &listing->entries[listing->count++];
	*entry = *about;
	entry->name = copy;
	return 0;
}

void listing_finish(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->entries[i].name);
	free(listing->entries);
	memset(listing, 0, sizeof(*listing));
}

/* ---- order -------------------------------------------------------------- */

/* As they stand in a query. */
static const char *const key_names[LISTING_KEYS] = { "name", "size",
						     "modified" };

struct listing_order listing_order(struct view query)
{
	struct listing_order order = { LISTING_BY_NAME, false };
	struct view piece;

	while (view_take(&query, '&', &piece)) {
		if (piece.length < 6 || memcmp(piece.at, "sort=", 5) != 0)
			continue;
		piece.at += 5;
		piece.length -= 5;
		order.backwards = piece.at[0] == '-';
		piece.at += order.backwards;
		piece.length -= order.backwards;
		order.key = LISTING_BY_NAME;
		for (int key = 0; key < LISTING_KEYS; key++) {
			if (view_is(piece, key_names[key]))
				order.key = (enum listing_key)key;
		}
	}
	return order;
}

static int compare_names(const struct listing_entry *a,
			 const struct listing_entry *b)
{
	int order = strcasecmp(a->name, b->name);

	return order != 0 ? order : strcmp(a->name, b->name);
}

static int compare(const void *left, const void *right, void *data)
{
	const struct listing_entry *a = (const struct listing_entry *)left;
	const struct listing_entry *b = (const struct listing_entry *)right;
	const struct listing_order *by = (const struct listing_order *)data;
	int order = 0;

	if (a->is_directory != b->is_directory)
		return a->is_directory ? -1 : 1;
	if (by->key == LISTING_BY_SIZE && !a->is_directory)
		order = (a->size > b->size) - (a->size < b->size);
	else if (by->key == LISTING_BY_TIME)
		order = (a->modified > b->modified) -
			(a->modified < b->modified);
	else if (by->key == LISTING_BY_NAME)
		order = compare_names(a, b);
	if (order == 0)
		return compare_names(a, b);
	return by->backwards ? -order : order;
}

void listing_sort(struct listing *listing)
{
	if (listing->count > 0)
		qsort_r(listing->entries, listing->count,
			sizeof(*listing->entries), compare, &listing->order);
}

/* ---- reading ------------------------------------------------------------ */

/*
 * What a link leads to, as it would be opened: from the root, and not out of
 * it. Otherwise sizes and times of files elsewhere would be told.
 */
static int stat_link(int root, const char *name, const char *entry,
		     struct stat *ret_status)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	struct text path = { 0 };
	int fd = -1;
	int err = -ENOMEM;

	text_add(&path, name);
	text_add(&path, *name != '\0' ? "/" : "");
	text_add(&path, entry);
	text_add_bytes(&path, "", 1);
	if (!path.failed) {
		fd = (int)syscall(SYS_openat2, root, path.data, &how,
				  sizeof(how));
		err = fd < 0 ? -errno : 0;
	}
	text_finish(&path);
	if (fd >= 0) {
		err = fstat(fd, ret_status) < 0 ? -errno : 0;
		close(fd);
	}
	return err;
}

/* Adds the entry if it would be served. 0 or -ENOMEM. */
static int listing_consider(struct listing *listing, int root, const char *name,
			    int directory, const char *entry)
{
	struct listing_entry about = { 0 };
	struct stat status;

	if (entry[0] == '.' &&
	    (!listing->hidden || entry[1] == '\0' || strcmp(entry, "..") == 0))
		return 0;
	if (fstatat(directory, entry, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone since */
	if (S_ISLNK(status.st_mode) &&
	    stat_link(root, name, entry, &status) < 0)
		return 0;
	about.is_directory = S_ISDIR(status.st_mode);
	if (!about.is_directory && !S_ISREG(status.st_mode))
		return 0;
	about.size = (uint64_t)status.st_size;
	about.modified = status.st_mtime;
	return listing_add(listing, entry, &about);
}

int listing_read(struct listing *listing, int root, const char *name,
		 int directory)
{
	const struct dirent *entry;
	size_t seen = 0;
	int err = 0;
	DIR *stream;
	int fd;

	/* closedir closes what it reads, and the caller's is to stay. */
	fd = fcntl(directory, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (!stream) {
		err = -errno;
		close(fd);
		return err;
	}
	while (err == 0 && (entry = readdir(stream)) != NULL) {
		listing->cut = seen++ == LISTING_MAX;
		if (listing->cut)
			break;
		err = listing_consider(listing, root, name, directory,
				       entry->d_name);
	}
	closedir(stream);
	listing_sort(listing);
	return err;
}

/* ---- the page ----------------------------------------------------------- */

static size_t count_parts(const char *name)
{
	size_t count = *name != '\0';

	while ((name = strchr(name, '/')) != NULL) {
		name++;
		count++;
	}
	return count;
}

static void add_way_up(struct text *text, size_t levels)
{
	text_add(text, "<a href=\"./");
	while (levels-- > 0)
		text_add(text, "../");
	text_add(text, "\">");
}

/* "/ a / b /": each part leads to its folder. */
static void add_heading(struct text *text, const char *name)
{
	size_t levels = count_parts(name);

	text_add(text, "<h1>");
	add_way_up(text, levels);
	text_add(text, "/</a>");
	while (levels-- > 0) {
		const char *end = strchrnul(name, '/');
		char *part = strndup(name, (size_t)(end - name));

		text_add(text, " ");
		add_way_up(text, levels);
		text_add_html(text, part ? part : "");
		text_add(text, "</a> /");
		free(part);
		name = end + 1;
	}
	text_add(text, "</h1>\n");
}

/* In local time, which is that of whoever looks at their own files. */
static void add_time(struct text *text, time_t time)
{
	char shown[32];
	struct tm tm;
	size_t length = 0;

	if (localtime_r(&time, &tm))
		length = strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M", &tm);
	text_add_bytes(text, shown, length);
}

static void add_entry(struct text *text, const struct listing_entry *entry)
{
	const char *slash = entry->is_directory ? "/" : "";

	text_add(text, "<tr><td><a class=\"");
	text_add(text, entry->is_directory ? "folder" : "file");
	text_add(text, "\" href=\"");
	text_add_url(text, entry->name);
	text_add(text, slash);
	/* A name in another direction must not turn its surroundings. */
	text_add(text, "\"><bdi>");
	text_add_html(text, entry->name);
	text_add(text, "</bdi>");
	text_add(text, slash);
	text_add(text, "</a></td><td>");
	if (!entry->is_directory)
		text_add_size(text, entry->size);
	text_add(text, "</td><td>");
	add_time(text, entry->modified);
	text_add(text, "</td></tr>\n");
}

static void add_count(struct text *text, size_t count, const char *one,
		      const char *many)
{
	text_add_number(text, count);
	text_add(text, count == 1 ? one : many);
}

static void add_footer(struct text *text, const struct listing *listing)
{
	size_t folders = 0;

	for (size_t i = 0; i < listing->count; i++)
		folders += listing->entries[i].is_directory;
	text_add(text, "<footer>");
	add_count(text, folders, " folder, ", " folders, ");
	add_count(text, listing->count - folders, " file", " files");
	if (listing->cut)
		text_add(text, " &ndash; and more: this folder is too large "
			       "to be shown as a whole");
	text_add(text, "</footer>\n");
}

/* Its column's: to sort by it, or if that is so already the other way round. */
static void add_column(struct text *text, const struct listing *listing,
		       enum listing_key key, const char *title)
{
	const bool chosen = listing->order.key == key;
	const bool backwards = chosen && listing->order.backwards;

	text_add(text, "<th");
	if (chosen)
		text_add(text, backwards ? " aria-sort=\"descending\"" :
					   " aria-sort=\"ascending\"");
	text_add(text, "><a href=\"?sort=");
	text_add(text, chosen && !backwards ? "-" : "");
	text_add(text, key_names[key]);
	text_add(text, "\">");
	text_add(text, title);
	text_add(text, "</a></th>");
}

void listing_add_page(struct text *text, const struct listing *listing,
		      const char *name)
{
	char *title = NULL;

	if (asprintf(&title, "/%s%s", name, *name != '\0' ? "/" : "") < 0) {
		text->failed = true;
		return;
	}
	page_begin(text, title);
	free(title);
	add_heading(text, name);
	text_add(text, "<table>\n<thead><tr>");
	add_column(text, listing, LISTING_BY_NAME, "Name");
	add_column(text, listing, LISTING_BY_SIZE, "Size");
	add_column(text, listing, LISTING_BY_TIME, "Modified");
	text_add(text, "</tr></thead>\n<tbody>\n");
	if (*name != '\0')
		text_add(text, "<tr><td><a class=\"parent\" href=\"../\">"
			       "Parent folder</a></td><td></td><td></td>"
			       "</tr>\n");
	for (size_t i = 0; i < listing->count; i++)
		add_entry(text, &listing->entries[i]);
	text_add(text, "</tbody>\n</table>\n");
	add_footer(text, listing);
	page_end(text);
}

ssize_t listing_make(void *data)
{
	struct listing_job *job = (struct listing_job *)data;
	const int err = listing_read(&job->listing, job->root, job->name,
				     job->directory);

	if (err == 0)
		listing_add_page(job->text, &job->listing, job->name);
	listing_finish(&job->listing);
	return err;
}
