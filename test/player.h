/*
 * Kernels that are played, by a function that stands in for io_uring_setup(2),
 * and what open leaves behind when one of them refuses.
 */
#ifndef PLAYER_H
#define PLAYER_H

#include "rig.h"

#include <fcntl.h>
#include <unistd.h>

#include "backend/kernel/syscall.h"

#define MOST_CALLS 64

/* The one that is played, and what it was asked. */
static struct player {
	uint32_t unknown;     /* flags that it does not have         */
	uint32_t featureless; /* features that it does not have     */
	unsigned int errors;  /* so many times it says ...           */
	int error;            /* ... this                            */
	void (*spoil)(struct uring_params *params); /* or NULL      */
	unsigned int calls;
	uint32_t flags[MOST_CALLS];
	uint32_t sq_entries[MOST_CALLS];
	uint32_t cq_entries[MOST_CALLS];
} player;

static inline int play(uint32_t entries, struct uring_params *params)
{
	const unsigned int call = player.calls++;
	int fd;

	ck_assert_uint_lt(call, MOST_CALLS);
	player.flags[call] = params->flags;
	player.sq_entries[call] = entries;
	player.cq_entries[call] = params->cq_entries;
	if (params->flags & player.unknown)
		return -EINVAL;
	if (player.errors > 0) {
		player.errors--;
		return player.error;
	}
	fd = syscall_setup(entries, params);
	if (fd < 0)
		return fd;
	params->features &= ~player.featureless;
	if (player.spoil)
		player.spoil(params);
	return fd;
}

static inline int open_played(const struct a10_config *config,
			      struct rig *ret_rig)
{
	memset(ret_rig, 0, sizeof(*ret_rig));
	reason_clear();
	player.calls = 0;
	return kernel_open_by(play, config, -1, &ret_rig->backend,
			      &ret_rig->grant);
}

static inline void assert_reason(const char *word)
{
	ck_assert_msg(strstr(reason_text(), word) != NULL, "\"%s\" lacks %s",
		      reason_text(), word);
}

/* As many as the harness would find at the end, but now. */
static inline unsigned int open_descriptors(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* That open fails as told, and that nothing is left of it. */
static inline void refused_played(struct a10_config config, int err,
				  const char *word)
{
	static struct backend untouched;
	const unsigned int descriptors = open_descriptors();
	struct backend_grant grant = { .setup_flags = 42 };
	struct backend *backend = &untouched;

	reason_clear();
	player.calls = 0;
	ck_assert_int_eq(kernel_open_by(play, &config, -1, &backend, &grant),
			 err);
	assert_reason(word);
	ck_assert_ptr_eq(backend, &untouched);
	ck_assert_uint_eq(grant.setup_flags, 42);
	ck_assert_uint_eq(ring_maps(), 0);
	ck_assert_uint_eq(open_descriptors(), descriptors);
}

#define REFUSED(err, word, ...) \
	refused_played((struct a10_config){ __VA_ARGS__ }, err, word)

#endif
