/* page.h - the frame of the pages that the server writes itself. */
#ifndef PAGE_H
#define PAGE_H

#include "text.h"

/* All up to the content of <main>. title is escaped here. */
void page_begin(struct text *text, const char *title);

/* The rest. */
void page_end(struct text *text);

#endif
