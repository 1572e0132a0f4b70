/* view.h - a piece of somebody else's text, and the lists HTTP writes. */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view {
	const char *at;
	size_t length;
};

struct view view_of(const char *string);

/* ASCII letters of either case are the same. */
bool view_is(struct view view, const char *string);

/* Without the spaces and tabs at both ends. */
struct view view_trimmed(struct view view);

/*
 * Takes what is before the separator off the front of the rest, trimmed. false:
 * nothing is left, not even an empty piece.
 */
bool view_take(struct view *rest, char separator, struct view *ret_piece);

/* All of it decimal digits, no more than fit. 0 or -EINVAL. */
int view_number(struct view view, uint64_t *ret_number);

/*
 * Where a head ends, behind its empty line; lines end in LF, or CR LF. 0: it is
 * not there yet. *searched: so far there is no end, 0 at first.
 */
size_t view_head_end(struct view view, size_t *searched);

/* Takes a line off its front, without what ends it; there must be one. */
struct view view_take_line(struct view *rest);

/* What a method and the name of a field are made of. */
bool view_is_token(struct view view);

#endif
