/* The kernel's backend in a test's hands: its queues used without a ring. */
#ifndef RIG_H
#define RIG_H

#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/kernel/kernel.h"
#include "base/log.h"

#define MS INT64_C(1000000)

/* A backend, what it was granted, and how far its queues are. */
struct rig {
	struct backend *backend;
	const struct backend_calls *calls;
	struct backend_grant grant;
};

static inline void rig_take(struct rig *rig, int err)
{
	if (err == -EPERM || err == -ENOSYS || err == -EACCES)
		SKIP("no io_uring: %s", reason_text());
	if (err == -EOPNOTSUPP)
		SKIP("%s", reason_text());
	ck_assert_msg(err == 0, "%s: %s", strerror(-err), reason_text());
	rig->calls = rig->backend->calls;
	ck_assert_ptr_eq(rig->calls, &backend_kernel);
}

/* Still disabled. */
static inline void rig_make(struct rig *rig, const struct a10_config *config)
{
	memset(rig, 0, sizeof(*rig));
	rig_take(rig,
		 backend_kernel.open(config, -1, &rig->backend, &rig->grant));
}

static inline int rig_control(struct rig *rig, unsigned int opcode, void *arg,
			      unsigned int count)
{
	return rig->calls->control(rig->backend, opcode, arg, count);
}

static inline int rig_enable(struct rig *rig)
{
	ck_assert_int_eq(rig_control(rig, URING_REGISTER_ENABLE_RINGS, NULL, 0),
			 0);
	return rig->calls->bind(rig->backend);
}

static inline void rig_open(struct rig *rig, const struct a10_config *config)
{
	rig_make(rig, config);
	rig_enable(rig);
}

static inline void rig_close(struct rig *rig)
{
	rig->calls->close(rig->backend, false);
}

static inline int rig_enter(struct rig *rig, uint32_t submit, uint32_t wait,
			    int64_t deadline)
{
	return rig->calls->enter(rig->backend, submit, wait, 0, deadline);
}

static inline int64_t rig_now(struct rig *rig)
{
	return rig->calls->now(rig->backend);
}

static inline struct uring_sqe *rig_push(struct rig *rig, uint8_t opcode,
					 uint64_t user_data)
{
	const struct backend_view *view = &rig->grant.view;
	const uint32_t tail = atomic_load(view->sq_tail);
	struct uring_sqe *sqe = &view->sqes[tail & (view->sq_entries - 1)];

	/* A kernel thread may tell late that it has read what it has done. */
	for (int i = 0;
	     i < 10000 && rig->grant.setup_flags & URING_SETUP_SQPOLL &&
	     tail - atomic_load(view->sq_head) == view->sq_entries;
	     i++)
		usleep(1000);
	ck_assert_uint_lt(tail - atomic_load(view->sq_head), view->sq_entries);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->fd = -1;
	sqe->user_data = user_data;
	atomic_store(view->sq_tail, tail + 1);
	return sqe;
}

static inline uint32_t rig_ready(struct rig *rig)
{
	return atomic_load(rig->grant.view.cq_tail) -
	       atomic_load(rig->grant.view.cq_head);
}

static inline struct uring_cqe rig_pop(struct rig *rig)
{
	const struct backend_view *view = &rig->grant.view;
	const uint32_t head = atomic_load(view->cq_head);
	const size_t place = head & (view->cq_entries - 1);
	struct uring_cqe cqe;

	ck_assert_uint_gt(rig_ready(rig), 0);
	memcpy(&cqe, view->cqes + (place << view->cqe_shift), sizeof(cqe));
	atomic_store(view->cq_head, head + 1);
	return cqe;
}

/* Twice around both queues, several at a time, in the order of their places. */
static inline void rig_go_around(struct rig *rig)
{
	const bool thread = rig->grant.setup_flags & URING_SETUP_SQPOLL;
	const uint32_t batch = rig->grant.view.sq_entries;
	uint64_t sent = 0;
	uint64_t seen = 0;

	while (seen < 2 * (uint64_t)rig->grant.view.cq_entries) {
		for (uint32_t i = 0; i < batch; i++)
			rig_push(rig, URING_OP_NOP, ++sent);
		ck_assert_int_eq(rig->calls->enter(rig->backend, batch, batch,
						   thread ? BACKEND_SQ_WAKEUP :
							    0,
						   BACKEND_NO_DEADLINE),
				 (int)batch);
		ck_assert_uint_eq(rig_ready(rig), batch);
		while (rig_ready(rig) > 0) {
			struct uring_cqe cqe = rig_pop(rig);

			ck_assert_uint_eq(cqe.user_data, ++seen);
			ck_assert_int_eq(cqe.res, 0);
		}
	}
	ck_assert_uint_eq(atomic_load(rig->grant.view.sq_head),
			  atomic_load(rig->grant.view.sq_tail));
	ck_assert_uint_eq(atomic_load(rig->grant.view.cq_overflow), 0);
}

static inline int rig_update_table(struct rig *rig, uint32_t slot, int32_t fd)
{
	struct uring_files_update update = { .offset = slot,
					     .fds = (uintptr_t)&fd };

	return rig_control(rig, URING_REGISTER_FILES_UPDATE, &update, 1);
}

/* How many maps of rings this process has. */
static inline unsigned int ring_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned int count = 0;
	char line[512];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, "io_uring") != NULL;
	fclose(file);
	return count;
}

#endif
