/* Files and trees are watched; what happens comes as a stream. */
#include "watched.h"

#include "backend/kernel/valgrind.h"

#include <linux/fs.h>
#include <sys/resource.h>
#include <sys/wait.h>

TEST(changes_of_a_file_and_of_a_directory_are_told)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	int one, two;

	touch(folder, "f");
	one = a10_watch_add(scene->watch, folder_file(folder, "f"), IN_MODIFY,
			    0);
	two = a10_watch_add(scene->watch, folder->path, IN_CREATE | IN_DELETE,
			    0);
	ck_assert_int_gt(one, 0);
	ck_assert_int_gt(two, 0);
	ck_assert_int_ne(one, two);
	ck_assert_int_eq(
		a10_watch_add(scene->watch, folder->path, IN_CREATE, 0), two);
	scene_listen(scene);
	touch(folder, "f");
	touch(folder, "g");
	ck_assert_int_eq(unlink(folder_file(folder, "g")), 0);
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "g", IN_DELETE));
	ck_assert(has(&scene->told, folder, "g", IN_CREATE));
	ck_assert(has(&scene->told, folder, "f", IN_MODIFY));
	ck_assert_int_eq(scene->told.at[0].number, one);
	ck_assert(!has(&scene->told, folder, "f", IN_OPEN));
	/* No more of that one. */
	ck_assert_int_eq(a10_watch_remove(scene->watch, two), 0);
	ck_assert_int_eq(a10_watch_remove(scene->watch, two), -ENOENT);
	touch(folder, "h");
	touch(folder, "f");
	run_for(scene->ring, A_MOMENT);
	ck_assert(!has(&scene->told, folder, "h", IN_CREATE));
	ck_assert_int_eq(unlink(folder_file(folder, "f")), 0);
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "f", IN_IGNORED));
	scene_close(scene);
}

/* The kernel's part of it is one for both. */
TEST(a_child_takes_no_watch_from_its_parent)
{
	static struct scene *scene; /* for valgrind the child leaks it, else */
	struct folder *folder;
	int number, status;
	pid_t child;

	scene = scene_open();
	folder = &scene->folder;
	number = a10_watch_add(scene->watch, folder->path, IN_CREATE, 0);
	ck_assert_int_gt(number, 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		const int added = a10_watch_add(scene->watch, "/", IN_OPEN, 0);

		_exit(added != -ECHILD ||
		      a10_watch_remove(scene->watch, number) != -ECHILD);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	scene_listen(scene);
	touch(folder, "f");
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "f", IN_CREATE));
	scene_close(scene);
}

TEST(one_event_is_waited_for_timed_out_and_cancelled)
{
	struct scene *scene = scene_open();
	struct a10_watch_event event;
	struct seen seen;
	a10_id id;

	ck_assert_int_gt(a10_watch_add(scene->watch, scene->folder.path,
				       IN_CREATE, 0),
			 0);
	ck_assert_int_eq(
		value_of(scene->ring,
			 a10_timeout(a10_watch_next(scene->watch, &event),
				     A_MOMENT)),
		-ETIME);
	id = start(scene->ring, a10_watch_next(scene->watch, &event), &seen);
	run_for(scene->ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(scene->ring), id), 0);
	RUN_UNTIL(scene->ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	start(scene->ring, a10_watch_next(scene->watch, &event), &seen);
	run_for(scene->ring, A10_MILLISECOND);
	touch(&scene->folder, "f");
	RUN_UNTIL(scene->ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 1);
	ck_assert_str_eq(event.path, folder_file(&scene->folder, "f"));
	/* At the end of the watch it ends. */
	start(scene->ring, a10_watch_next(scene->watch, &event), &seen);
	run_for(scene->ring, A10_MILLISECOND);
	a10_watch_destroy(scene->watch);
	scene->watch = NULL;
	RUN_UNTIL(scene->ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	scene_close(scene);
}

TEST(a_tree_is_watched_with_what_is_created_later)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	int number;

	make(folder, "a");
	make(folder, "a/b");
	number = a10_watch_add(scene->watch, folder->path, IN_CREATE,
			       A10_WATCH_TREE);
	ck_assert_int_gt(number, 0);
	scene_listen(scene);
	touch(folder, "a/b/there");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "a/b/there", IN_CREATE));
	/* Deep, and filled before anybody could know of it. */
	make(folder, "a/c");
	make(folder, "a/c/d");
	touch(folder, "a/c/d/early");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "a/c/d/early", IN_CREATE));
	ck_assert(has(&scene->told, folder, "a/c", IN_CREATE));
	ck_assert(has(&scene->told, folder, "a/c/d", IN_CREATE));
	touch(folder, "a/c/d/late");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "a/c/d/late", IN_CREATE));
	for (unsigned int i = 0; i < scene->told.count; i++)
		ck_assert_int_eq(scene->told.at[i].number, number);
	scene_close(scene);
}

TEST(a_directory_that_is_moved_within_its_tree_has_its_new_name)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	uint32_t from = 0, to = 1;

	make(folder, "a");
	make(folder, "a/b");
	ck_assert_int_gt(a10_watch_add(scene->watch, folder->path,
				       IN_CREATE | IN_MOVE, A10_WATCH_TREE),
			 0);
	scene_listen(scene);
	move(folder, "a", "z");
	touch(folder, "z/b/f");
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "z/b/f", IN_CREATE));
	for (unsigned int i = 0; i < scene->told.count; i++) {
		if (scene->told.at[i].mask & IN_MOVED_FROM)
			from = scene->told.at[i].cookie;
		if (scene->told.at[i].mask & IN_MOVED_TO)
			to = scene->told.at[i].cookie;
	}
	ck_assert_uint_ne(from, 0);
	ck_assert_uint_eq(from, to);
	ck_assert(!has(&scene->told, folder, "z/b", IN_CREATE));
	scene_close(scene);
}

/* What its IN_CREATE names is not there any more when it is read. */
TEST(a_directory_that_is_new_and_moved_at_once_is_watched)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;

	make(folder, "a");
	ck_assert_int_gt(a10_watch_add(scene->watch, folder->path,
				       IN_CREATE | IN_MOVE, A10_WATCH_TREE),
			 0);
	scene_listen(scene);
	make(folder, "new");
	touch(folder, "new/in");
	move(folder, "new", "final");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "final/in", IN_CREATE));
	touch(folder, "final/late");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "final/late", IN_CREATE));
	/* And so is one in a directory that is moved. */
	make(folder, "a/c");
	touch(folder, "a/c/in");
	move(folder, "a", "b");
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "b/c/in", IN_CREATE));
	touch(folder, "b/c/late");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "b/c/late", IN_CREATE));
	/* What was told of is not told of again. */
	ck_assert(!has(&scene->told, folder, "b/c", IN_CREATE));
	scene_close(scene);
}

static void exchange(struct folder *folder, const char *a, const char *b)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", folder_file(folder, a));
	ck_assert_int_eq(renameat2(AT_FDCWD, path, AT_FDCWD,
				   folder_file(folder, b), RENAME_EXCHANGE),
			 0);
}

TEST(directories_that_change_places_have_their_new_names)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;

	make(folder, "a");
	make(folder, "a/aa");
	make(folder, "b");
	make(folder, "b/bb");
	ck_assert_int_gt(a10_watch_add(scene->watch, folder->path, IN_CREATE,
				       A10_WATCH_TREE),
			 0);
	scene_listen(scene);
	exchange(folder, "a", "b");
	run_for(scene->ring, A_MOMENT);
	touch(folder, "a/1");
	touch(folder, "b/2");
	touch(folder, "a/bb/3");
	touch(folder, "b/aa/4");
	RUN_UNTIL(scene->ring, scene->told.count == 4);
	ck_assert(has(&scene->told, folder, "a/1", IN_CREATE));
	ck_assert(has(&scene->told, folder, "b/2", IN_CREATE));
	ck_assert(has(&scene->told, folder, "a/bb/3", IN_CREATE));
	ck_assert(has(&scene->told, folder, "b/aa/4", IN_CREATE));
	scene_close(scene);
}

/* Its path would be another's before it is delivered. */
TEST(one_event_at_a_time_is_waited_for)
{
	struct scene *scene = scene_open();
	struct a10_ring *other = ring_open(NULL);
	struct a10_watch_event one, two;
	struct seen seen;

	ck_assert_int_gt(a10_watch_add(scene->watch, scene->folder.path,
				       IN_CREATE, 0),
			 0);
	touch(&scene->folder, "f");
	touch(&scene->folder, "g");
	start(scene->ring, a10_watch_next(scene->watch, &one), &seen);
	ck_assert_int_eq(value_of(scene->ring,
				  a10_watch_next(scene->watch, &two)),
			 -EBUSY);
	RUN_UNTIL(scene->ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 1);
	ck_assert_str_eq(one.path, folder_file(&scene->folder, "f"));
	ck_assert_int_eq(
		value_of(scene->ring, a10_watch_next(scene->watch, &two)), 1);
	ck_assert_str_eq(two.path, folder_file(&scene->folder, "g"));
	ck_assert_int_eq(refusal_of(other, a10_watch_next(scene->watch, &two)),
			 -EXDEV);
	ring_close(other);
	scene_close(scene);
}

TEST(what_was_found_of_a_tree_goes_with_it)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	struct a10_watch_event event;
	int number = a10_watch_add(scene->watch, folder->path, IN_CREATE,
				   A10_WATCH_TREE);

	ck_assert_int_gt(number, 0);
	make(folder, "a");
	touch(folder, "a/1");
	touch(folder, "a/2");
	ck_assert_int_eq(
		value_of(scene->ring, a10_watch_next(scene->watch, &event)), 1);
	ck_assert_int_eq(a10_watch_remove(scene->watch, number), 0);
	ck_assert_int_eq(
		value_of(scene->ring,
			 a10_timeout(a10_watch_next(scene->watch, &event),
				     A_MOMENT)),
		-ETIME);
	scene_close(scene);
}

TEST(a_tree_that_cannot_be_walked_is_not_watched_unless_it_was)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	const int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit before, none;
	int number;

	if (ON_VALGRIND)
		SKIP("valgrind keeps the limit to itself");
	make(folder, "a");
	make(folder, "b");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)lowest + 1;
	number = a10_watch_add(scene->watch, folder_file(folder, "b"),
			       IN_CREATE, 0);
	ck_assert_int_gt(number, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(a10_watch_add(scene->watch, folder_file(folder, "a"),
				       IN_CREATE, A10_WATCH_TREE),
			 -EMFILE);
	ck_assert_int_eq(a10_watch_add(scene->watch, folder_file(folder, "b"),
				       IN_CREATE, A10_WATCH_TREE),
			 -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(close(lowest), 0);
	scene_listen(scene);
	touch(folder, "a/f");
	touch(folder, "b/f");
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "b/f", IN_CREATE));
	ck_assert_uint_eq(scene->told.count, 1);
	ck_assert_int_eq(scene->told.at[0].number, number);
	scene_close(scene);
}

TEST(a_directory_that_is_moved_out_of_its_tree_is_not_watched_any_more)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;

	make(folder, "in");
	make(folder, "in/a");
	make(folder, "out");
	ck_assert_int_gt(a10_watch_add(scene->watch, folder_file(folder, "in"),
				       IN_CREATE, A10_WATCH_TREE),
			 0);
	scene_listen(scene);
	move(folder, "in/a", "out/a");
	run_for(scene->ring, A_MOMENT);
	touch(folder, "out/a/f");
	run_for(scene->ring, A_MOMENT);
	ck_assert_uint_eq(scene->told.count, 0);
	/* And back, with what is in it. */
	move(folder, "out/a", "in/b");
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "in/b/f", IN_CREATE));
	touch(folder, "in/b/g");
	RUN_UNTIL(scene->ring, has(&scene->told, folder, "in/b/g", IN_CREATE));
	scene_close(scene);
}

TEST(a_tree_that_begins_at_a_link_is_that_of_where_it_leads)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;

	make(folder, "real");
	make(folder, "real/a");
	ck_assert_int_eq(symlink("real", folder_file(folder, "link")), 0);
	ck_assert_int_gt(a10_watch_add(scene->watch,
				       folder_file(folder, "link"), IN_CREATE,
				       A10_WATCH_TREE),
			 0);
	scene_listen(scene);
	touch(folder, "real/a/f");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "link/a/f", IN_CREATE));
	scene_close(scene);
}

/* The kernel keeps so many events; made fewer, or the test takes long. */
TEST(an_overflow_is_told_and_the_tree_is_whole_again)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	unsigned int most = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%u", &most), 1); // NOLINT(cert-err34-c)
	fclose(file);
	if (most > 40000)
		SKIP("it takes %u events", most);
	touch(folder, "f");
	touch(folder, "g");
	ck_assert_int_gt(a10_watch_add(scene->watch, folder->path,
				       IN_CREATE | IN_ATTRIB, A10_WATCH_TREE),
			 0);
	/* Each differs from the one before, with which it would be merged. */
	for (unsigned int i = 0; i < most + 10; i++)
		ck_assert_int_eq(
			chmod(folder_file(folder, i & 1 ? "f" : "g"), 0600), 0);
	make(folder, "lost");
	scene_listen(scene);
	RUN_UNTIL(scene->ring, scene->told.overflows == 1);
	scene->told.count = 0;
	touch(folder, "lost/found");
	RUN_UNTIL(scene->ring,
		  has(&scene->told, folder, "lost/found", IN_CREATE));
	scene_close(scene);
}

static void touch_many(struct folder *folder, unsigned int from,
		       unsigned int count)
{
	char name[16];

	for (unsigned int i = from; i < from + count; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		touch(folder, name);
	}
}

/* They are read together; inotify does not tell of them again. */
TEST(more_events_than_a_turn_takes_are_all_told)
{
	struct scene *scene = scene_open();
	struct a10_watch_event event;

	ck_assert_int_gt(a10_watch_add(scene->watch, scene->folder.path,
				       IN_CREATE, 0),
			 0);
	/* One takes what there is of the others into the library. */
	touch_many(&scene->folder, 0, 3);
	ck_assert_int_eq(
		value_of(scene->ring, a10_watch_next(scene->watch, &event)), 1);
	scene_listen(scene);
	RUN_UNTIL(scene->ring, scene->told.count == 2);
	touch_many(&scene->folder, 3, 100);
	RUN_UNTIL(scene->ring, scene->told.count == 102);
	/* And ends where there is more. */
	touch_many(&scene->folder, 103, 100);
	RUN_UNTIL(scene->ring, scene->told.count > 102);
	scene_close(scene);
}

TEST(watching_says_what_is_wrong)
{
	struct scene *scene = scene_open();
	struct folder *folder = &scene->folder;

	touch(folder, "f");
	ck_assert_int_eq(a10_watch_add(scene->watch, "/no/such", IN_CREATE, 0),
			 -ENOENT);
	ck_assert_int_eq(a10_watch_add(scene->watch, NULL, IN_CREATE, 0),
			 -EFAULT);
	ck_assert_int_eq(a10_watch_add(scene->watch, folder->path, 0, 0),
			 -EINVAL);
	ck_assert_int_eq(a10_watch_add(scene->watch, folder->path, IN_CREATE,
				       8),
			 -EINVAL);
	ck_assert_int_eq(a10_watch_add(scene->watch, folder_file(folder, "f"),
				       IN_CREATE, A10_WATCH_TREE),
			 -ENOTDIR);
	ck_assert_int_eq(refusal_of(scene->ring,
				    a10_watch_next(scene->watch, NULL)),
			 -EINVAL);
	a10_watch_destroy(NULL);
	scene_close(scene);
}
