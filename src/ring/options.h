/* What a ring's options mean together, before a kernel is asked. */
#ifndef RING_OPTIONS_H
#define RING_OPTIONS_H

#include <a10/config.h>

/*
 * What is wrong with config, in words, or NULL. As a10_config_check, but that
 * first_index may be anything: it is the kernel that cannot choose it.
 */
const char *options_conflict(const struct a10_config *config);

/*
 * Settles what needs no kernel: an auto that is left is one that the kernel may
 * refuse. The queues' sizes of 0 are left too, so that the backend knows which
 * are its own to choose. config has no conflicts; both may be the same.
 */
void options_resolve(const struct a10_config *config,
		     struct a10_config *ret_resolved);

/* As the kernel makes a size of it: a power of two, cut if it is too much. */
uint32_t entries_granted(uint32_t asked, uint32_t most);

#endif
