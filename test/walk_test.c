/* Trees are walked by helper threads, whatever cannot be read in them. */
#include "watched.h"

/* Nobody's rights, if we have too many to be refused anything. */
static bool rights_drop(struct folder *folder)
{
	if (geteuid() != 0)
		return false;
	ck_assert_int_eq(chown(folder->path, 65534, 65534), 0);
	ck_assert_int_eq(seteuid(65534), 0);
	return true;
}

static const char *error_of(const struct told *told, int error)
{
	for (unsigned int i = 0; i < told->count; i++)
		if (told->at[i].error == error)
			return told->at[i].path;
	return NULL;
}

static void test_unreadable(bool by_helper)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	const bool dropped = rights_drop(folder);
	const char *path;
	ssize_t number;

	make(folder, "a");
	make(folder, "a/closed");
	make(folder, "b");
	make(folder, "b/c");
	ck_assert_int_eq(chmod(folder_file(folder, "a/closed"), 0), 0);
	scene_listen(scene);
	run_for(scene->ring, A10_MILLISECOND);
	/* Who waits already is told at once. */
	number = by_helper ? value_of(scene->ring,
				      a10_watch_tree(scene->watch, folder->path,
						     IN_CREATE)) :
			     a10_watch_add(scene->watch, folder->path,
					   IN_CREATE, A10_WATCH_TREE);
	ck_assert_int_gt(number, 0);
	RUN_UNTIL(scene->ring, scene->told.count == 1);
	path = error_of(&scene->told, -EACCES);
	ck_assert_ptr_nonnull(path);
	ck_assert_str_eq(path, folder_file(folder, "a/closed"));
	ck_assert_int_eq(scene->told.at[0].number, (int)number);
	ck_assert_uint_eq(scene->told.at[0].mask, IN_ISDIR | IN_Q_OVERFLOW);
	/* All else is watched, and one that comes later is no different. */
	touch(folder, "a/1");
	touch(folder, "b/c/2");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "a/1", IN_CREATE) &&
			  has(&scene->told, folder, "b/c/2", IN_CREATE));
	scene->told.count = 0;
	ck_assert_int_eq(mkdir(folder_file(folder, "b/shut"), 0), 0);
	RUN_UNTIL(scene->ring,
		  error_of(&scene->told, -EACCES) &&
			  has(&scene->told, folder, "b/shut", IN_CREATE));
	touch(folder, "b/3");
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "b/3", IN_CREATE));
	if (dropped)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(folder_file(folder, "a/closed"), 0700), 0);
	ck_assert_int_eq(chmod(folder_file(folder, "b/shut"), 0700), 0);
	scene_close(scene);
}

TEST(a_directory_that_cannot_be_read_is_told_of_and_the_others_are_watched)
{
	test_unreadable(false);
	test_unreadable(true);
}

TEST(a_tree_is_walked_by_a_helper)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	const unsigned int many = test_scaled(300);
	struct a10_ring *other = ring_open(NULL);
	struct seen seen;
	char name[64];
	a10_id id;

	ck_assert_int_eq(
		value_of(scene->ring,
			 a10_watch_tree(scene->watch, "/no/such", IN_CREATE)),
		-ENOENT);
	ck_assert_int_eq(value_of(scene->ring, a10_watch_tree(scene->watch,
							      folder->path, 0)),
			 -EINVAL);
	ck_assert_int_eq(
		refusal_of(scene->ring,
			   a10_watch_tree(scene->watch, NULL, IN_CREATE)),
		-EINVAL);
	ck_assert_int_eq(refusal_of(other,
				    a10_watch_tree(scene->watch, folder->path,
						   IN_CREATE)),
			 -EXDEV);
	ring_close(other);
	for (unsigned int i = 0; i < many; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		make(folder, name);
	}
	/* Given up in the middle or not, it is watched whole or not at all. */
	scene_listen(scene);
	for (int turns = 0; turns < 8; turns++) {
		id = start(scene->ring,
			   a10_watch_tree(scene->watch, folder->path,
					  IN_CREATE),
			   &seen);
		for (int i = 0; i < turns; i++)
			ck_assert_int_ge(a10_ring_poll(scene->ring,
						       A10_MILLISECOND / 10),
					 0);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(scene->ring), id), 0);
		RUN_UNTIL(scene->ring, seen.ended);
		if (seen.last.value > 0)
			ck_assert_int_eq(a10_watch_remove(scene->watch,
							  (int)seen.last.value),
					 0);
		else
			ck_assert_int_eq(seen.last.value, -ECANCELED);
	}
	touch(folder, "d0/no");
	(void)start(scene->ring,
		    a10_watch_tree(scene->watch, folder->path, IN_CREATE),
		    &seen);
	RUN_UNTIL(scene->ring, seen.ended);
	ck_assert_int_gt(seen.last.value, 0);
	ck_assert_uint_eq(scene->told.count, 0);
	snprintf(name, sizeof(name), "d%u/yes", many - 1);
	touch(folder, name);
	RUN_UNTIL(scene->ring, has(&scene->told, folder, name, IN_CREATE));
	ck_assert_uint_eq(scene->told.count, 1);
	scene_close(scene);
}

TEST(a_large_tree_that_moves_in_is_walked_by_a_helper)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	const unsigned int many = test_scaled(100);
	char name[64];

	make(folder, "in");
	make(folder, "out");
	for (unsigned int i = 0; i < many; i++) {
		snprintf(name, sizeof(name), "out/d%u", i);
		make(folder, name);
	}
	ck_assert_int_gt(a10_watch_add(scene->watch, folder_file(folder, "in"),
				       IN_CREATE | IN_MOVED_TO, A10_WATCH_TREE),
			 0);
	scene_listen(scene);
	move(folder, "out", "in/it");
	RUN_UNTIL(scene->ring, scene->told.count == many + 1);
	/* It is told of itself before what is in it. */
	ck_assert_uint_eq(scene->told.at[0].mask, IN_MOVED_TO | IN_ISDIR);
	ck_assert_int_gt(a10_work_threads(), 0);
	touch(folder, "in/it/d0/f");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "in/it/d0/f", IN_CREATE));
	scene_close(scene);
}
