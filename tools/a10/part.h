/*
 * part.h - the file a download is written to: NAME.part until it is whole, and
 * beside it NAME.part.tag with what the server calls that version of it. That
 * is empty if the server calls it nothing; where there is none, what is in
 * NAME.part is somebody else's.
 */
#ifndef PART_H
#define PART_H

#include "view.h"

#include <a10.h>

enum {
	PART_PATH_MAX = 4096 + 32,
	PART_TAG_MAX = 512,
};

#define PART_TAG_ENDING ".tag"

struct part {
	const char *path; /* NAME; "-": standard output, and nothing is kept */
	struct a10_fd file;
	uint64_t kept;              /* bytes that an earlier try has left */
	char tag[PART_TAG_MAX + 1]; /* of these; "" if it is not known     */
	char part_path[PART_PATH_MAX];
	char tag_path[PART_PATH_MAX + sizeof(PART_TAG_ENDING)];
};

/*
 * What path is called until it is whole: "NAME.part", or if that is too long a
 * name the first of NAME and a number made of all of it. Other numbers than 0
 * give other names.
 */
void part_name(const char *path, uint32_t number, char ret_path[PART_PATH_MAX]);

/*
 * Opens and locks it, by the name of that number; what is in it is not touched.
 * In a task. NULL, or what is wrong, in words, and *ret_err says why if there is
 * more to say.
 */
const char *part_open(struct part *part, const char *path, uint32_t number,
		      bool replace, int *ret_err);

/* Makes it empty, for that version. 0 or -errno. */
int part_begin(struct part *part, struct view tag);

/* Writes all of it at offset; to standard output what comes next. 0 or -errno */
int part_write(struct part *part, const char *bytes, size_t length,
	       uint64_t offset);

/* It is whole: it gets its name. 0 or -errno, -EEXIST: there is one already. */
int part_finish(struct part *part, bool replace);

/* What is in it is of a version that can be asked for again. */
bool part_can_go_on(const struct part *part);

/* Closes it; nothing is left of it if nothing is in it. */
void part_close(struct part *part);

#endif
