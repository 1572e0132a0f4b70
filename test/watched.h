/* What tests of watching have in common: a folder, and what was told of it. */
#ifndef WATCHED_H
#define WATCHED_H

#include "support.h"

#define KEPT 256

struct told {
	struct a10_watch_event event;
	struct {
		char path[256];
		uint32_t mask;
		uint32_t cookie;
		int number;
		int error;
	} at[KEPT];
	unsigned int count;
	unsigned int overflows;
	ssize_t end; /* the last result's value, 2 before */
};

static inline void on_event(void *data, const struct a10_result *r)
{
	struct told *told = data;

	if (!r->more) {
		told->end = r->value;
		return;
	}
	ck_assert_int_eq(r->value, 1);
	told->overflows += told->event.mask == IN_Q_OVERFLOW;
	if (told->count == KEPT)
		return;
	snprintf(told->at[told->count].path, 256, "%s", told->event.path);
	told->at[told->count].mask = told->event.mask;
	told->at[told->count].cookie = told->event.cookie;
	told->at[told->count].number = told->event.number;
	told->at[told->count].error = told->event.error;
	told->count++;
}

/* Whether an event of that path below the folder, with that bit, was told. */
static inline bool has(const struct told *told, struct folder *folder,
		       const char *name, uint32_t mask)
{
	const char *path = folder_file(folder, name);

	for (unsigned int i = 0; i < told->count; i++)
		if (told->at[i].mask & mask &&
		    strcmp(told->at[i].path, path) == 0)
			return true;
	return false;
}

struct scene {
	struct a10_ring *ring;
	struct a10_watch *watch;
	struct folder folder;
	struct told told;
	a10_id id;
};

static inline struct scene *scene_open(void)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	int err;

	ck_assert_ptr_nonnull(scene);
	scene->ring = ring_open(NULL);
	err = a10_watch_create(a10_ring_sq(scene->ring), &scene->watch);
	if (err == -EMFILE)
		SKIP("no more inotify instances");
	ck_assert_int_eq(err, 0);
	folder_open(&scene->folder);
	scene->told.end = 2;
	return scene;
}

static inline void scene_listen(struct scene *scene)
{
	scene->id = a10_submit(
		a10_ring_sq(scene->ring),
		a10_multishot(a10_watch_next(scene->watch, &scene->told.event)),
		on_event, &scene->told);
	ck_assert_int_gt(scene->id, 0);
}

static inline void scene_close(struct scene *scene)
{
	a10_watch_destroy(scene->watch);
	if (scene->id) {
		RUN_UNTIL(scene->ring, scene->told.end != 2);
		ck_assert_int_eq(scene->told.end, -ECANCELED);
	}
	folder_close(&scene->folder);
	ring_close(scene->ring);
	free(scene);
}

static inline void touch(struct folder *folder, const char *name)
{
	file_write(folder_file(folder, name), "x", 1);
}

static inline void make(struct folder *folder, const char *name)
{
	ck_assert_int_eq(mkdir(folder_file(folder, name), 0700), 0);
}

static inline void move(struct folder *folder, const char *from, const char *to)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", folder_file(folder, from));
	ck_assert_int_eq(rename(path, folder_file(folder, to)), 0);
}

#endif
