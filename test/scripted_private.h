/* What the files of the scripted backend share; tests include scripted.h. */
#ifndef SCRIPTED_PRIVATE_H
#define SCRIPTED_PRIVATE_H

#include "harness.h"
#include "ring/core.h"
#include "scripted.h"

/* What the view points to, in kernel->words. */
enum scripted_word {
	SQ_HEAD,
	SQ_TAIL,
	SQ_FLAGS,
	CQ_HEAD,
	CQ_TAIL,
	CQ_OVERFLOW
};

#define SCRIPTED_LINKS (URING_SQE_IO_LINK | URING_SQE_IO_HARDLINK)

/* As ck_assert_msg, which writes to a pipe each time: too slow here. */
#define must(condition, ...) ((condition) ? (void)0 : ck_abort_msg(__VA_ARGS__))

/* Called by open, if not NULL, to change what is granted. */
extern void (*scripted_grant_change)(struct backend_grant *grant);

static inline uint32_t word_get(struct scripted *kernel,
				enum scripted_word word)
{
	/* Acquire: pairs with the library's release of a tail or a head. */
	return atomic_load_explicit(&kernel->words[word], memory_order_acquire);
}

static inline void word_set(struct scripted *kernel, enum scripted_word word,
			    uint32_t value)
{
	/* Release: pairs with the library's acquire. */
	atomic_store_explicit(&kernel->words[word], value,
			      memory_order_release);
}

static inline void flag_set(struct scripted *kernel, uint32_t flag, bool on)
{
	if (on)
		atomic_fetch_or(&kernel->words[SQ_FLAGS], flag);
	else
		atomic_fetch_and(&kernel->words[SQ_FLAGS], ~flag);
}

/* Completions that wait go into the queue; most 0: all of them. */
void events_hand_over(struct scripted *kernel, uint32_t most);

/* Consumed completions may be written again, so they are. */
void cq_overwrite(struct scripted *kernel);

/* Starts what neither a drain nor an unfinished chain holds back. */
void behind_start(struct scripted *kernel);

/* What a cancel of user_data gives, by request or by register. */
int request_cancel(struct scripted *kernel, uint64_t user_data, uint32_t flags);

#endif
